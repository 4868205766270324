/* SPDX-License-Identifier: BSD-3-Clause */
/* set.c - settings that may change while a port runs: link, filters, addresses, MTU, RSS. With the seat; reading one word without. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/export.h"
#include "base/futex.h"
#include "base/log.h"
#include "pkt/port.h"

static int bad(const char *fn, unsigned port, const char *why, int err)
{
	sh_err("%s: port %u: %s", fn, port, why);
	return err;
}

/* a call that asks the driver's operation with one flag; NULL: -ENOTSUP */
static int little(uint16_t port_id, const char *fn, int (*op)(struct sh_here *h, bool on), bool on)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, fn, SH_OP_LITTLE, &r);

	if (h == NULL)
		return r;
	r = op(h, on);
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

/* its number may be another interface's by now */
static int if_there(const struct sh_here *h, const char *what)
{
	if (sh_load_acq(&h->p->gone) == 0) /* A:PORTLINK */
		return 0;
	sh_err("port %u (%s): %s cannot be set: its interface or device is not there any more; close the port and make "
	       "it anew",
	       h->p->id, h->p->name, what);
	return -EIO;
}

/* ---- link ---- */

static int link_op(struct sh_here *h, bool up)
{
	int r = h->drv->set_link != NULL ? if_there(h, "the link") : -ENOTSUP;

	return r == 0 ? h->drv->set_link(h, up) : r;
}

static int set_link(uint16_t port_id, const char *fn, bool up)
{
	struct sh_port *p = sh_port(port_id);
	uint64_t before = p != NULL ? sh_load_acq(&p->link_n) : 0; /* A:PORTLINK */
	int r = little(port_id, fn, link_op, up);

	if (r == 0 && p != NULL && sh_load_acq(&p->want_lsc) != 0 &&
	    sh_load_acq(&p->link_n) != before) /* A:PORTSET A:PORTLINK */
		sh_ports_tell();
	return r;
}

SH_EXPORT int rte_eth_dev_set_link_up(uint16_t port_id)
{
	return set_link(port_id, "rte_eth_dev_set_link_up", true);
}

SH_EXPORT int rte_eth_dev_set_link_down(uint16_t port_id)
{
	return set_link(port_id, "rte_eth_dev_set_link_down", false);
}

/* 1: it may come up yet; 0; -errno. A visit of its own: who waits for the link does not hold up who removes the port */
static int link_look(uint16_t port_id, struct rte_eth_link *link, const char *fn)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, fn, SH_OP_NONE, &r);
	bool news = false;
	uint64_t word;

	if (h == NULL)
		return r;
	if (link == NULL) {
		r = bad(fn, port_id, "link is NULL", -EINVAL);
	} else {
		news = h->drv->link != NULL && h->drv->link(h);
		word = sh_load_acq(&h->p->link); /* A:PORTLINK */
		memcpy(link, &word, sizeof(*link));
		/* a driver that says nothing of changes has the link that it has */
		r = !link->link_status && h->p->caps.lsc && sh_load_acq(&h->p->run) != 0; /* A:PORTRUN */
	}
	sh_port_end(h, SH_OP_NONE);
	if (news)
		sh_ports_tell();
	return r;
}

static int link_get(uint16_t port_id, struct rte_eth_link *link, const char *fn, bool wait)
{
	uint64_t dl = sh_deadline(9 * SH_NS_PER_S);
	_Atomic uint32_t none = 0;
	int r;

	while ((r = link_look(port_id, link, fn)) > 0 && wait && sh_left_ns(dl) > 0)
		(void)sh_futex_wait(&none, 0, sh_deadline(10 * SH_NS_PER_MS), SH_FUTEX_ANY, false);
	return r > 0 ? 0 : r;
}

SH_EXPORT int rte_eth_link_get(uint16_t port_id, struct rte_eth_link *link)
{
	return link_get(port_id, link, "rte_eth_link_get", true);
}

SH_EXPORT int rte_eth_link_get_nowait(uint16_t port_id, struct rte_eth_link *link)
{
	return link_get(port_id, link, "rte_eth_link_get_nowait", false);
}

/* ---- filters ---- */

static int promisc(struct sh_here *h, bool on)
{
	int r = h->drv->promisc != NULL ? if_there(h, "promiscuous mode") : -ENOTSUP;

	r = r == 0 ? h->drv->promisc(h, on) : r;
	if (r != -EIO && sh_load_acq(&h->p->promisc) == on) /* A:PORTSET */
		return 0;
	if (r == 0)
		sh_store_rel(&h->p->promisc, on); /* R:PORTSET */
	return r;
}

static int allmulti(struct sh_here *h, bool on)
{
	int r = h->drv->allmulti != NULL ? if_there(h, "all multicast") : -ENOTSUP;

	r = r == 0 ? h->drv->allmulti(h, on) : r;
	if (r != -EIO && sh_load_acq(&h->p->allmulti) == on) /* A:PORTSET */
		return 0;
	if (r == 0)
		sh_store_rel(&h->p->allmulti, on); /* R:PORTSET */
	return r;
}

SH_EXPORT int rte_eth_promiscuous_enable(uint16_t port_id)
{
	return little(port_id, "rte_eth_promiscuous_enable", promisc, true);
}

SH_EXPORT int rte_eth_promiscuous_disable(uint16_t port_id)
{
	return little(port_id, "rte_eth_promiscuous_disable", promisc, false);
}

SH_EXPORT int rte_eth_allmulticast_enable(uint16_t port_id)
{
	return little(port_id, "rte_eth_allmulticast_enable", allmulti, true);
}

SH_EXPORT int rte_eth_allmulticast_disable(uint16_t port_id)
{
	return little(port_id, "rte_eth_allmulticast_disable", allmulti, false);
}

static int no_port(const char *fn, unsigned port)
{
	return bad(fn, port, "there is no such port", -ENODEV);
}

SH_EXPORT int rte_eth_promiscuous_get(uint16_t port_id)
{
	struct sh_port *p = sh_port(port_id);

	return p != NULL ? (int)sh_load_acq(&p->promisc) : no_port("rte_eth_promiscuous_get", port_id); /* A:PORTSET */
}

SH_EXPORT int rte_eth_allmulticast_get(uint16_t port_id)
{
	struct sh_port *p = sh_port(port_id);

	return p != NULL ? (int)sh_load_acq(&p->allmulti)
			 : no_port("rte_eth_allmulticast_get", port_id); /* A:PORTSET */
}

/* ---- addresses ---- */

static uint64_t mac_word(const struct rte_ether_addr *a)
{
	uint64_t w = 0;

	memcpy(&w, a->addr_bytes, RTE_ETHER_ADDR_LEN);
	return w;
}

SH_EXPORT int rte_eth_macaddr_get(uint16_t port_id, struct rte_ether_addr *mac_addr)
{
	struct sh_port *p = sh_port(port_id);
	uint64_t w;

	if (p == NULL)
		return no_port("rte_eth_macaddr_get", port_id);
	if (mac_addr == NULL)
		return bad("rte_eth_macaddr_get", port_id, "mac_addr is NULL", -EINVAL);
	w = sh_load_acq(&p->mac[0]); /* A:PORTSET */
	memcpy(mac_addr->addr_bytes, &w, RTE_ETHER_ADDR_LEN);
	return 0;
}

SH_EXPORT int rte_eth_macaddrs_get(uint16_t port_id, struct rte_ether_addr *ma, unsigned int num)
{
	struct sh_port *p = sh_port(port_id);
	unsigned n = 0;

	if (p == NULL)
		return no_port("rte_eth_macaddrs_get", port_id);
	if (ma == NULL && num != 0)
		return bad("rte_eth_macaddrs_get", port_id, "ma is NULL", -EINVAL);
	for (unsigned i = 0; i < p->caps.max_macs && n < num; i++) {
		uint64_t w = sh_load_acq(&p->mac[i]); /* A:PORTSET */

		if (w != 0)
			memcpy(ma[n++].addr_bytes, &w, RTE_ETHER_ADDR_LEN);
	}
	return (int)n;
}

/* where it is; -1: nowhere */
static int mac_at(const struct sh_port *p, uint64_t w)
{
	for (int i = 0; i < p->caps.max_macs; i++)
		if (sh_load_acq(&p->mac[i]) == w) /* A:PORTSET */
			return i;
	return -1;
}

static int mac_set(struct sh_here *h, uint64_t w)
{
	struct sh_port *p = h->p;
	uint64_t old = sh_load_acq(&p->mac[0]); /* A:PORTSET */
	int r, at = mac_at(p, w);

	if (at == 0)
		return 0;
	if (at > 0)
		return bad("rte_eth_dev_default_mac_addr_set", p->id,
			   "it is one of the port's other addresses; remove it first", -EEXIST);
	if (h->drv->mac_set == NULL)
		return -ENOTSUP;
	r = if_there(h, "its address");
	if (r < 0)
		return r;
	sh_store_rel(&p->mac[0], w); /* R:PORTSET */
	r = h->drv->mac_set(h, w);
	sh_store_rel(&p->mac[0], r < 0 ? old : w); /* R:PORTSET; again: who looked before has stored the former one */
	return r;
}

static int mac_add(struct sh_here *h, uint64_t w)
{
	struct sh_port *p = h->p;
	int r, at;

	if (h->drv->mac_change == NULL)
		return -ENOTSUP;
	if (mac_at(p, w) >= 0)
		return 0;
	at = mac_at(p, 0);
	if (at < 0)
		return bad("rte_eth_dev_mac_addr_add", p->id, "it has as many addresses as it can have", -ENOSPC);
	r = h->drv->mac_change(h, w, true);
	if (r == 0)
		sh_store_rel(&p->mac[at], w); /* R:PORTSET */
	return r;
}

static int mac_remove(struct sh_here *h, uint64_t w)
{
	struct sh_port *p = h->p;
	int r, at = mac_at(p, w);

	if (h->drv->mac_change == NULL)
		return -ENOTSUP;
	if (at == 0)
		return bad("rte_eth_dev_mac_addr_remove", p->id, "it is the port's own address", -EADDRINUSE);
	if (at < 0)
		return 0;
	r = h->drv->mac_change(h, w, false);
	if (r == 0)
		sh_store_rel(&p->mac[at], 0); /* R:PORTSET */
	return r;
}

static int mac_call(uint16_t port_id, const struct rte_ether_addr *a, const char *fn,
		    int (*op)(struct sh_here *h, uint64_t w), bool group_ok)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, fn, SH_OP_LITTLE, &r);

	if (h == NULL)
		return r;
	if (a == NULL)
		r = bad(fn, port_id, "mac_addr is NULL", -EINVAL);
	else if (mac_word(a) == 0 || (!group_ok && (a->addr_bytes[0] & 1) != 0))
		r = bad(fn, port_id, "that is no address of a single station", -EINVAL);
	else
		r = op(h, mac_word(a));
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

SH_EXPORT int rte_eth_dev_default_mac_addr_set(uint16_t port_id, struct rte_ether_addr *mac_addr)
{
	return mac_call(port_id, mac_addr, "rte_eth_dev_default_mac_addr_set", mac_set, false);
}

SH_EXPORT int rte_eth_dev_mac_addr_add(uint16_t port_id, struct rte_ether_addr *mac_addr, uint32_t pool)
{
	struct sh_port *p = sh_port(port_id);
	const struct sh_driver *drv = p != NULL ? sh_driver_named(p->driver) : NULL;

	if (pool >= RTE_ETH_MAX_VMDQ_POOL && drv != NULL && drv->mac_change != NULL)
		return bad("rte_eth_dev_mac_addr_add", port_id, "there are 64 pools at most", -EINVAL);
	return mac_call(port_id, mac_addr, "rte_eth_dev_mac_addr_add", mac_add, true);
}

SH_EXPORT int rte_eth_dev_mac_addr_remove(uint16_t port_id, struct rte_ether_addr *mac_addr)
{
	return mac_call(port_id, mac_addr, "rte_eth_dev_mac_addr_remove", mac_remove, true);
}

/* ---- MTU ---- */

SH_EXPORT int rte_eth_dev_get_mtu(uint16_t port_id, uint16_t *mtu)
{
	struct sh_port *p = sh_port(port_id);

	if (p == NULL)
		return no_port("rte_eth_dev_get_mtu", port_id);
	if (mtu == NULL)
		return bad("rte_eth_dev_get_mtu", port_id, "mtu is NULL", -EINVAL);
	*mtu = sh_port_mtu(p);
	return 0;
}

SH_EXPORT int rte_eth_dev_set_mtu(uint16_t port_id, uint16_t mtu)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_dev_set_mtu", SH_OP_LITTLE, &r);
	struct sh_port *p;

	if (h == NULL)
		return r;
	p = h->p;
	if (h->drv->mtu_set == NULL)
		r = -ENOTSUP;
	else if (mtu < p->caps.min_mtu || (p->caps.max_mtu != 0 && mtu > p->caps.max_mtu))
		r = bad("rte_eth_dev_set_mtu", port_id, "that is out of its range; rte_eth_dev_info_get() tells it",
			-EINVAL);
	else if (!p->configured)
		r = bad("rte_eth_dev_set_mtu", port_id, "it is not configured", -EINVAL);
	else
		r = if_there(h, "the MTU");
	if (r == 0)
		r = h->drv->mtu_set(h, mtu);
	if (r == 0) {
		p->conf.mtu = mtu;
		p->conf.mtu_asked = true;
		if (sh_load_acq(&p->link_mtu) != 0)	 /* A:PORTLINK */
			sh_store_rel(&p->link_mtu, mtu); /* R:PORTLINK */
	}
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

/* ---- RSS ---- */

static int rss_there(struct sh_here *h, const char *fn, const void *conf)
{
	if (conf == NULL)
		return bad(fn, h->p->id, "the configuration is NULL", -EINVAL);
	return h->p->caps.rss_hf == 0 ? -ENOTSUP : 0;
}

static int rss_new(struct sh_here *h)
{
	return h->drv->rss_set != NULL ? h->drv->rss_set(h) : 0;
}

static int rss_update(struct sh_here *h, const struct rte_eth_rss_conf *c)
{
	struct sh_port *p = h->p;
	uint64_t hf = rte_eth_rss_hf_refine(c->rss_hf);

	if ((hf & ~p->caps.rss_hf) != 0)
		return bad("rte_eth_dev_rss_hash_update", p->id, "a kind of RSS it has not got", -EINVAL);
	if ((unsigned)c->algorithm >= RTE_ETH_HASH_FUNCTION_MAX)
		return bad("rte_eth_dev_rss_hash_update", p->id, "a hash function that there is not", -EINVAL);
	if ((p->conf.rx_mq & RTE_ETH_MQ_RX_RSS_FLAG) == 0)
		return bad("rte_eth_dev_rss_hash_update", p->id, "it was configured without RSS", -ENOTSUP);
	if (p->caps.rss_hf == 0)
		return -ENOTSUP;
	if (c->rss_key != NULL && c->rss_key_len != 0 && c->rss_key_len != p->caps.key_size)
		return bad("rte_eth_dev_rss_hash_update", p->id,
			   "a key of another length; rte_eth_dev_info_get() tells it", -EINVAL);
	sh_rss_change(&p->rss);
	if (c->rss_key != NULL && c->rss_key_len != 0)
		memcpy(p->rss.key, c->rss_key, p->caps.key_size);
	p->rss.func = c->algorithm;
	p->rss.hf = hf;
	p->conf.rss_hf = hf;
	sh_rss_changed(&p->rss);
	return rss_new(h);
}

SH_EXPORT int rte_eth_dev_rss_hash_update(uint16_t port_id, struct rte_eth_rss_conf *rss_conf)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_dev_rss_hash_update", SH_OP_LITTLE, &r);

	if (h == NULL)
		return r;
	r = rss_conf != NULL ? rss_update(h, rss_conf)
			     : bad("rte_eth_dev_rss_hash_update", port_id, "the configuration is NULL", -EINVAL);
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

SH_EXPORT int rte_eth_dev_rss_hash_conf_get(uint16_t port_id, struct rte_eth_rss_conf *rss_conf)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_dev_rss_hash_conf_get", SH_OP_LITTLE, &r);

	if (h == NULL)
		return r;
	r = rss_there(h, "rte_eth_dev_rss_hash_conf_get", rss_conf);
	if (r == 0) {
		struct sh_port *p = h->p;

		rss_conf->rss_hf = p->rss.hf;
		rss_conf->algorithm = (enum rte_eth_hash_function)p->rss.func;
		if (rss_conf->rss_key != NULL && rss_conf->rss_key_len >= p->caps.key_size) {
			memcpy(rss_conf->rss_key, p->rss.key, p->caps.key_size);
			rss_conf->rss_key_len = p->caps.key_size;
		}
	}
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

static int reta_check(struct sh_here *h, const char *fn, const struct rte_eth_rss_reta_entry64 *t, uint16_t size)
{
	struct sh_port *p = h->p;
	unsigned any = 0;

	if (p->caps.reta_size == 0)
		return -ENOTSUP;
	if (t == NULL || size != p->caps.reta_size)
		return bad(fn, p->id, "no table, or one of another size; rte_eth_dev_info_get() tells it", -EINVAL);
	for (unsigned i = 0; i < size / RTE_ETH_RETA_GROUP_SIZE; i++)
		any |= t[i].mask != 0;
	return any != 0 ? 0 : bad(fn, p->id, "no bit is set in any mask", -EINVAL);
}

static bool reta_has(const struct rte_eth_rss_reta_entry64 *t, unsigned i)
{
	return (t[i / RTE_ETH_RETA_GROUP_SIZE].mask >> (i % RTE_ETH_RETA_GROUP_SIZE) & 1) != 0;
}

static int reta_update(struct sh_here *h, const struct rte_eth_rss_reta_entry64 *t, uint16_t size)
{
	struct sh_port *p = h->p;

	for (unsigned i = 0; i < size; i++)
		if (reta_has(t, i) && t[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] >= p->nb_rxq)
			return bad("rte_eth_dev_rss_reta_update", p->id, "a queue that is not configured", -EINVAL);
	if ((p->conf.rx_mq & RTE_ETH_MQ_RX_RSS_FLAG) == 0)
		return bad("rte_eth_dev_rss_reta_update", p->id, "it was configured without RSS", -ENOTSUP);
	sh_rss_change(&p->rss);
	for (unsigned i = 0; i < size; i++)
		if (reta_has(t, i))
			p->rss.reta[i] = t[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
	sh_rss_changed(&p->rss);
	return rss_new(h);
}

SH_EXPORT int rte_eth_dev_rss_reta_update(uint16_t port_id, struct rte_eth_rss_reta_entry64 *reta_conf,
					  uint16_t reta_size)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_dev_rss_reta_update", SH_OP_LITTLE, &r);

	if (h == NULL)
		return r;
	r = reta_check(h, "rte_eth_dev_rss_reta_update", reta_conf, reta_size);
	if (r == 0)
		r = reta_update(h, reta_conf, reta_size);
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

SH_EXPORT int rte_eth_dev_rss_reta_query(uint16_t port_id, struct rte_eth_rss_reta_entry64 *reta_conf,
					 uint16_t reta_size)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_dev_rss_reta_query", SH_OP_LITTLE, &r);

	if (h == NULL)
		return r;
	r = reta_check(h, "rte_eth_dev_rss_reta_query", reta_conf, reta_size);
	for (unsigned i = 0; r == 0 && i < reta_size; i++)
		if (reta_has(reta_conf, i))
			reta_conf[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] = h->p->rss.reta[i];
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

/* ---- kinds of packets ---- */

SH_EXPORT int rte_eth_dev_get_supported_ptypes(uint16_t port_id, uint32_t ptype_mask, uint32_t *ptypes, int num)
{
	int r, n = 0;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_dev_get_supported_ptypes", SH_OP_NONE, &r);

	if (h == NULL)
		return r;
	if (ptypes == NULL && num > 0) {
		sh_port_end(h, SH_OP_NONE);
		return bad("rte_eth_dev_get_supported_ptypes", port_id, "ptypes is NULL", -EINVAL);
	}
	for (const uint32_t *t = h->drv->ptypes; t != NULL && *t != RTE_PTYPE_UNKNOWN; t++) {
		if ((*t & ptype_mask) == 0)
			continue;
		if (n < num)
			ptypes[n] = *t;
		n++;
	}
	sh_port_end(h, SH_OP_NONE);
	return n;
}

/* what is recognised costs nothing: it stays as it is */
SH_EXPORT int rte_eth_dev_set_ptypes(uint16_t port_id, uint32_t ptype_mask, uint32_t *set_ptypes, unsigned int num)
{
	int n;

	if (num > 0 && set_ptypes == NULL)
		return bad("rte_eth_dev_set_ptypes", port_id, "set_ptypes is NULL", -EINVAL);
	if (num > 0)
		set_ptypes[0] = RTE_PTYPE_UNKNOWN;
	n = rte_eth_dev_get_supported_ptypes(port_id, ptype_mask, set_ptypes, num > 0 ? (int)num - 1 : 0);
	if (n >= 0 && num > 0)
		set_ptypes[(unsigned)n < num ? (unsigned)n : num - 1] = RTE_PTYPE_UNKNOWN;
	return n < 0 ? n : 0;
}
