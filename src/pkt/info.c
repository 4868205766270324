/* SPDX-License-Identifier: BSD-3-Clause */
/* info.c - which ports there are, whose they are, what they can do */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_kvargs.h>
#include <shoal_port.h>

#include "base/export.h"
#include "base/fault.h"
#include "base/log.h"
#include "pkt/port.h"
#include "pkt/vdev.h"
#include "proc/proc.h"

SH_EXPORT int rte_eth_dev_logtype = RTE_LOGTYPE_EAL;

static int bad(const char *fn, unsigned port, const char *why, int err)
{
	sh_err("%s: port %u: %s", fn, port, why);
	return err;
}

static int no_port(const char *fn, unsigned port)
{
	return bad(fn, port, "there is no such port", -ENODEV);
}

/* ---- which ---- */

SH_EXPORT int rte_eth_dev_is_valid_port(uint16_t port_id)
{
	return sh_port(port_id) != NULL;
}

SH_EXPORT int rte_eth_dev_is_removed(uint16_t port_id)
{
	struct sh_port *p = sh_port(port_id);

	return p != NULL && sh_load_acq(&p->gone) != 0; /* A:PORTLINK */
}

SH_EXPORT uint16_t rte_eth_find_next(uint16_t port_id)
{
	while (port_id < RTE_MAX_ETHPORTS && sh_port(port_id) == NULL)
		port_id++;
	return port_id < RTE_MAX_ETHPORTS ? port_id : RTE_MAX_ETHPORTS;
}

SH_EXPORT uint64_t rte_eth_find_next_owned_by(uint16_t port_id, const uint64_t owner_id)
{
	struct sh_port *p;

	for (port_id = rte_eth_find_next(port_id); port_id < RTE_MAX_ETHPORTS;
	     port_id = rte_eth_find_next((uint16_t)(port_id + 1))) {
		p = sh_port(port_id);
		if (p != NULL && sh_load_acq(&p->own_id) == owner_id) /* A:PORTOWN */
			break;
	}
	return port_id;
}

SH_EXPORT uint16_t rte_eth_find_next_of(uint16_t port_id_start, const struct rte_device *parent)
{
	uint16_t id = rte_eth_find_next(port_id_start);

	while (parent != NULL && id < RTE_MAX_ETHPORTS && id != parent->port)
		id = rte_eth_find_next((uint16_t)(id + 1));
	return id;
}

/* a device has one port */
SH_EXPORT uint16_t rte_eth_find_next_sibling(uint16_t port_id_start, uint16_t ref_port_id)
{
	return ref_port_id >= port_id_start && sh_port(ref_port_id) != NULL ? ref_port_id : RTE_MAX_ETHPORTS;
}

SH_EXPORT uint16_t rte_eth_dev_count_avail(void)
{
	uint16_t n = 0, p;

	RTE_ETH_FOREACH_DEV(p)
	n++;
	return n;
}

SH_EXPORT uint16_t rte_eth_dev_count_total(void)
{
	uint16_t n = 0;

	for (unsigned i = 0; i < SH_PORTS; i++)
		n = (uint16_t)(n + (sh_port(i) != NULL));
	return n;
}

SH_EXPORT int rte_eth_dev_get_port_by_name(const char *name, uint16_t *port_id)
{
	struct sh_port *p;
	unsigned ends;

	if (name == NULL || port_id == NULL) {
		sh_err("rte_eth_dev_get_port_by_name: a pointer is NULL");
		return -EINVAL;
	}
	p = sh_port_named(name);
	ends = p == NULL ? sh_port_ends_named(name) : SH_PORTS;
	if (p == NULL && ends == SH_PORTS)
		return -ENODEV;
	*port_id = p != NULL ? p->id : (uint16_t)ends;
	return 0;
}

SH_EXPORT int rte_eth_dev_get_name_by_port(uint16_t port_id, char *name)
{
	struct sh_port *p = sh_port(port_id);

	if (name != NULL &&
	    sh_port_ends(port_id, name)) /* its callback is told its end: not of who has its number now */
		return 0;
	if (p == NULL)
		return no_port("rte_eth_dev_get_name_by_port", port_id);
	if (name == NULL)
		return bad("rte_eth_dev_get_name_by_port", port_id, "name is NULL", -EINVAL);
	sh_lock_calm(&sh_ports()->lock);
	memcpy(name, p->name, RTE_ETH_NAME_MAX_LEN);
	sh_unlock_calm(&sh_ports()->lock);
	return 0;
}

SH_EXPORT int rte_eth_dev_socket_id(uint16_t port_id)
{
	struct sh_port *p = sh_port(port_id);

	if (p == NULL) {
		rte_errno = EINVAL;
		return SOCKET_ID_ANY;
	}
	rte_errno = 0;
	return p->socket;
}

/* ---- owners ---- */

static bool owner_known(uint64_t id)
{
	struct sh_table *t = sh_table(false);

	return t != NULL && id != RTE_ETH_DEV_NO_OWNER && id <= sh_load_acq(&t->owners); /* A:PORTOWN */
}

SH_EXPORT int rte_eth_dev_owner_new(uint64_t *owner_id)
{
	struct sh_table *t;

	if (owner_id == NULL)
		return -EINVAL;
	if (sh_self() == 0)
		return -EPERM;
	t = sh_table(true);
	if (t == NULL)
		return -ENOMEM;
	*owner_id = sh_add(&t->owners, 1) + 1; /* R:PORTOWN */
	return 0;
}

SH_EXPORT int rte_eth_dev_owner_set(const uint16_t port_id, const struct rte_eth_dev_owner *owner)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_dev_owner_set", SH_OP_LITTLE, &r);
	struct sh_port *p;

	if (h == NULL)
		return r;
	p = h->p;
	if (owner == NULL || !owner_known(owner->id)) {
		r = bad("rte_eth_dev_owner_set", port_id, "an owner that rte_eth_dev_owner_new() did not give",
			-EINVAL);
	} else if (sh_load_acq(&p->own_id) != RTE_ETH_DEV_NO_OWNER) { /* A:PORTOWN */
		r = bad("rte_eth_dev_owner_set", port_id,
			"somebody has it to himself; rte_eth_dev_owner_get() tells who", -EPERM);
	} else {
		(void)snprintf(p->own_name, sizeof(p->own_name), "%s", owner->name);
		sh_store_rel(&p->own_id, owner->id); /* R:PORTOWN */
	}
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

SH_EXPORT int rte_eth_dev_owner_unset(const uint16_t port_id, const uint64_t owner_id)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_dev_owner_unset", SH_OP_LITTLE, &r);

	if (h == NULL)
		return r;
	if (!owner_known(owner_id))
		r = bad("rte_eth_dev_owner_unset", port_id, "an owner that rte_eth_dev_owner_new() did not give",
			-EINVAL);
	else if (sh_load_acq(&h->p->own_id) != owner_id) /* A:PORTOWN */
		r = bad("rte_eth_dev_owner_unset", port_id, "it has another owner, or none", -EPERM);
	else
		sh_store_rel(&h->p->own_id, RTE_ETH_DEV_NO_OWNER); /* R:PORTOWN */
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

SH_EXPORT int rte_eth_dev_owner_delete(const uint64_t owner_id)
{
	if (!owner_known(owner_id)) {
		sh_err("rte_eth_dev_owner_delete: an owner that rte_eth_dev_owner_new() did not give");
		return -EINVAL;
	}
	for (unsigned i = 0; i < SH_PORTS; i++) {
		struct sh_port *p = sh_port(i);

		if (p != NULL && sh_load_acq(&p->own_id) == owner_id) /* A:PORTOWN */
			(void)rte_eth_dev_owner_unset((uint16_t)i, owner_id);
	}
	return 0;
}

SH_EXPORT int rte_eth_dev_owner_get(const uint16_t port_id, struct rte_eth_dev_owner *owner)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_dev_owner_get", SH_OP_LITTLE, &r);

	if (h == NULL)
		return r;
	if (owner == NULL) {
		r = bad("rte_eth_dev_owner_get", port_id, "owner is NULL", -EINVAL);
	} else {
		memset(owner, 0, sizeof(*owner));
		owner->id = sh_load_acq(&h->p->own_id); /* A:PORTOWN */
		if (owner->id != RTE_ETH_DEV_NO_OWNER)
			memcpy(owner->name, h->p->own_name, sizeof(owner->name));
	}
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

/* ---- what it can do ---- */

static const uint32_t *flags_of(const struct sh_port_caps *c)
{
	static const uint32_t flags[4] = {
		RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS, RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS | RTE_ETH_DEV_INTR_LSC,
		RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS | RTE_ETH_DEV_INTR_RMV,
		RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS | RTE_ETH_DEV_INTR_LSC | RTE_ETH_DEV_INTR_RMV};

	return &flags[(c->lsc ? 1 : 0) + (c->rmv ? 2 : 0)];
}

static struct rte_eth_desc_lim desc_lim(const struct sh_port_caps *c)
{
	uint16_t segs = c->max_segs != 0 ? c->max_segs : UINT16_MAX;

	return (struct rte_eth_desc_lim){
		.nb_max = c->desc_max != 0 ? c->desc_max : UINT16_MAX,
		.nb_min = c->desc_min,
		.nb_align = c->desc_align != 0 ? c->desc_align : 1,
		.nb_seg_max = segs,
		.nb_mtu_seg_max = segs,
	};
}

static void fill(struct rte_eth_dev_info *i, struct sh_here *h)
{
	const struct sh_port *p = h->p;
	const struct sh_port_caps *c = &p->caps;

	*i = (struct rte_eth_dev_info){
		.device = sh_device(h->p),
		.driver_name = h->drv->name,
		.if_index = c->if_index,
		.min_mtu = c->min_mtu,
		.max_mtu = c->max_mtu,
		.dev_flags = flags_of(c),
		.min_rx_bufsize = c->min_rx_bufsize,
		.max_rx_pktlen = c->max_rx_pktlen,
		.max_rx_queues = c->max_rxq,
		.max_tx_queues = c->max_txq,
		.max_mac_addrs = c->max_macs,
		.rx_offload_capa = c->rx_offloads,
		.tx_offload_capa = c->tx_offloads,
		.rx_queue_offload_capa = c->rxq_offloads,
		.tx_queue_offload_capa = c->txq_offloads,
		.reta_size = c->reta_size,
		.hash_key_size = c->key_size,
		.rss_algo_capa =
			c->rss_hf != 0 ? (1u << RTE_ETH_HASH_FUNCTION_MAX) - 1 : 0, /* all that there are: rss.c */
		.flow_type_rss_offloads = c->rss_hf,
		.rx_desc_lim = desc_lim(c),
		.tx_desc_lim = desc_lim(c),
		.speed_capa = c->speed_capa,
		.nb_rx_queues = p->nb_rxq,
		.nb_tx_queues = p->nb_txq,
		.default_rxportconf = {.ring_size = c->pref_desc, .nb_queues = c->pref_rxq},
		.default_txportconf = {.ring_size = c->pref_desc, .nb_queues = c->pref_txq},
		.dev_capa = c->dev_capa,
		.switch_info = {.domain_id = RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID},
	};
}

SH_EXPORT int rte_eth_dev_info_get(uint16_t port_id, struct rte_eth_dev_info *dev_info)
{
	int r;
	struct sh_here *h;

	if (dev_info != NULL) /* also when there is no such port, as programs expect */
		memset(dev_info, 0, sizeof(*dev_info));
	h = sh_port_begin(port_id, "rte_eth_dev_info_get", SH_OP_NONE, &r);
	if (h == NULL)
		return r;
	if (dev_info == NULL)
		r = bad("rte_eth_dev_info_get", port_id, "dev_info is NULL", -EINVAL);
	else
		fill(dev_info, h);
	sh_port_end(h, SH_OP_NONE);
	return r;
}

SH_EXPORT int rte_eth_dev_conf_get(uint16_t port_id, struct rte_eth_conf *dev_conf)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_dev_conf_get", SH_OP_LITTLE, &r);
	const struct sh_port_conf *c;

	if (h == NULL)
		return r;
	c = &h->p->conf;
	if (dev_conf == NULL) {
		r = bad("rte_eth_dev_conf_get", port_id, "dev_conf is NULL", -EINVAL);
	} else {
		memset(dev_conf, 0, sizeof(*dev_conf));
		dev_conf->link_speeds = c->link_speeds;
		dev_conf->rxmode.mq_mode = (enum rte_eth_rx_mq_mode)c->rx_mq;
		dev_conf->rxmode.mtu = c->mtu;
		dev_conf->rxmode.max_lro_pkt_size = c->max_lro;
		dev_conf->rxmode.offloads = c->rx_offloads;
		dev_conf->txmode.mq_mode = (enum rte_eth_tx_mq_mode)c->tx_mq;
		dev_conf->txmode.offloads = c->tx_offloads;
		dev_conf->lpbk_mode = c->lpbk;
		dev_conf->rx_adv_conf.rss_conf.rss_hf = c->rss_hf;
		dev_conf->intr_conf.lsc = c->lsc & 1;
		dev_conf->intr_conf.rxq = c->rxq_intr & 1;
		dev_conf->intr_conf.rmv = c->rmv & 1;
	}
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

/* the queue as it was set up; NULL and *err */
static struct sh_queue *queue_of(struct sh_here *h, unsigned id, bool tx, const char *fn, const void *to, int *err)
{
	struct sh_port *p = h->p;
	struct sh_queue *q = sh_queue_of(p, tx, id);

	*err = 0;
	if (to != NULL && q != NULL && sh_load_acq(&q->state) != SH_Q_NONE) /* A:QSTATE */
		return q;
	*err = bad(fn, p->id, to == NULL ? "a pointer is NULL" : "there is no such queue, or it is not set up",
		   -EINVAL);
	return NULL;
}

static uint8_t queue_state(const struct sh_here *h, struct sh_queue *q)
{
	return sh_load_acq(&h->p->run) != 0 && sh_load_acq(&q->state) == SH_Q_RUN /* A:PORTRUN A:QSTATE */
		       ? RTE_ETH_QUEUE_STATE_STARTED
		       : RTE_ETH_QUEUE_STATE_STOPPED;
}

SH_EXPORT int rte_eth_rx_queue_info_get(uint16_t port_id, uint16_t queue_id, struct rte_eth_rxq_info *qinfo)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_rx_queue_info_get", SH_OP_LITTLE, &r);
	struct sh_queue *q;

	if (h == NULL)
		return r;
	q = queue_of(h, queue_id, false, "rte_eth_rx_queue_info_get", qinfo, &r);
	if (q != NULL) {
		memset(qinfo, 0, sizeof(*qinfo));
		qinfo->mp = q->mp;
		qinfo->nb_desc = q->desc;
		qinfo->rx_buf_size = (uint16_t)(rte_pktmbuf_data_room_size(q->mp) - RTE_PKTMBUF_HEADROOM);
		qinfo->queue_state = queue_state(h, q);
		qinfo->conf.rx_drop_en = q->drop_en;
		qinfo->conf.rx_deferred_start = q->deferred;
		qinfo->conf.rx_free_thresh = q->free_thresh;
		qinfo->conf.rx_thresh = (struct rte_eth_thresh){q->pthresh, q->hthresh, q->wthresh};
		qinfo->conf.offloads = q->offloads;
	}
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

SH_EXPORT int rte_eth_tx_queue_info_get(uint16_t port_id, uint16_t queue_id, struct rte_eth_txq_info *qinfo)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_tx_queue_info_get", SH_OP_LITTLE, &r);
	struct sh_queue *q;

	if (h == NULL)
		return r;
	q = queue_of(h, queue_id, true, "rte_eth_tx_queue_info_get", qinfo, &r);
	if (q != NULL) {
		memset(qinfo, 0, sizeof(*qinfo));
		qinfo->nb_desc = q->desc;
		qinfo->queue_state = queue_state(h, q);
		qinfo->conf.tx_deferred_start = q->deferred;
		qinfo->conf.tx_rs_thresh = q->rs_thresh;
		qinfo->conf.tx_free_thresh = q->free_thresh;
		qinfo->conf.tx_thresh = (struct rte_eth_thresh){q->pthresh, q->hthresh, q->wthresh};
		qinfo->conf.offloads = q->offloads;
	}
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

/* ---- ports that match a text ---- */

static bool mac_matches(const struct sh_port *p, const char *text)
{
	uint64_t w = sh_load_acq(&p->mac[0]); /* A:PORTSET */
	struct rte_ether_addr a, b;

	memcpy(a.addr_bytes, &w, sizeof(a.addr_bytes));
	return text == NULL || (rte_ether_unformat_addr(text, &b) == 0 && memcmp(&a, &b, sizeof(a)) == 0);
}

SH_EXPORT int rte_eth_iterator_init(struct rte_dev_iterator *iter, const char *devargs)
{
	struct rte_devargs da;
	int r;

	if (iter == NULL || devargs == NULL) {
		sh_err("rte_eth_iterator_init: a pointer is NULL");
		return -EINVAL;
	}
	memset(iter, 0, sizeof(*iter));
	r = rte_devargs_parse(&da, devargs);
	if (r < 0) { /* nothing matches */
		iter->class_device = (void *)(uintptr_t)RTE_MAX_ETHPORTS;
		return r;
	}
	iter->bus = da.bus;
	iter->bus_str = da.name[0] != '\0' ? strdup(da.name) : NULL;
	iter->cls_str = da.cls_str != NULL ? strdup(da.cls_str) : NULL;
	rte_devargs_reset(&da);
	return 0;
}

SH_EXPORT uint16_t rte_eth_iterator_next(struct rte_dev_iterator *iter)
{
	static const char *const keys[] = {"class", "mac", "representor", NULL};
	struct rte_kvargs *kv;
	uint16_t id;
	bool known; /* another key matches no port */

	if (iter == NULL)
		return RTE_MAX_ETHPORTS;
	kv = iter->cls_str != NULL ? rte_kvargs_parse(iter->cls_str, keys) : NULL;
	known = kv != NULL || iter->cls_str == NULL;
	for (id = rte_eth_find_next((uint16_t)(uintptr_t)iter->class_device); id < RTE_MAX_ETHPORTS;
	     id = rte_eth_find_next((uint16_t)(id + 1))) {
		struct sh_port *p = sh_port(id);

		if (p != NULL && known && (iter->bus_str == NULL || strcmp(iter->bus_str, p->name) == 0) &&
		    mac_matches(p, rte_kvargs_get(kv, "mac")))
			break;
	}
	rte_kvargs_free(kv);
	iter->class_device = (void *)(uintptr_t)(id + 1u);
	if (id == RTE_MAX_ETHPORTS)
		rte_eth_iterator_cleanup(iter);
	return id;
}

SH_EXPORT void rte_eth_iterator_cleanup(struct rte_dev_iterator *iter)
{
	if (iter == NULL)
		return;
	free((void *)(uintptr_t)iter->bus_str);
	free((void *)(uintptr_t)iter->cls_str);
	memset(iter, 0, sizeof(*iter));
	iter->class_device = (void *)(uintptr_t)RTE_MAX_ETHPORTS;
}

SH_EXPORT int rte_dev_iterator_init(struct rte_dev_iterator *it, const char *str)
{
	int r = rte_eth_iterator_init(it, str);

	if (r == 0)
		it->dev_str = str;
	return r == -EFAULT ? -EINVAL : r;
}

/* a device has one port */
SH_EXPORT struct rte_device *rte_dev_iterator_next(struct rte_dev_iterator *it)
{
	struct sh_here *h = sh_here_visit(rte_eth_iterator_next(it), NULL);
	struct rte_device *d = h != NULL ? sh_device(h->p) : NULL;

	if (h != NULL)
		sh_here_leave(h);
	return d;
}

/* ---- who uses which queue (shoal_port.h) ---- */

SH_EXPORT int shoal_eth_queue_owner(uint16_t port_id, uint16_t queue_id, enum shoal_eth_dir dir, uint64_t *owner,
				    int *pid)
{
	struct sh_port *p = sh_port(port_id);
	const struct sh_region *r = sh_region();
	struct sh_queue *q;
	uint64_t id;

	if (p == NULL)
		return no_port("shoal_eth_queue_owner", port_id);
	q = sh_queue_of(p, dir == SHOAL_ETH_TX, queue_id);
	if (q == NULL)
		return bad("shoal_eth_queue_owner", port_id, "there is no such queue", -EINVAL);
	id = sh_load_acq(&q->owner); /* A:QOWNER */
	if (id == 0 || sh_gone(id))
		return -ENOENT;
	if (owner != NULL)
		*owner = id;
	if (pid != NULL)
		*pid = r != NULL ? (int)r->members[sh_id_slot(id)].pid : 0;
	return 0;
}

SH_EXPORT int shoal_eth_queue_leave(uint16_t port_id, uint16_t queue_id, enum shoal_eth_dir dir)
{
	struct sh_port *p = sh_port(port_id);

	if (p == NULL)
		return no_port("shoal_eth_queue_leave", port_id);
	if (sh_self() == 0)
		return -EPERM;
	if (queue_id >= (dir == SHOAL_ETH_TX ? p->nb_txq : p->nb_rxq))
		return bad("shoal_eth_queue_leave", port_id, "there is no such queue", -EINVAL);
	return sh_queue_give(port_id, dir == SHOAL_ETH_TX, queue_id);
}
