/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conf.c - a port and its queues configured: what is wrong with the wish is told by conf_check.c
 *
 * All with the port's seat. A queue that was set up stays so when its port is configured again with enough queues, but is
 * another one to its owner, who claims it anew. Who dies in the middle leaves a port without configuration.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_memzone.h>

#include "base/export.h"
#include "base/fault.h"
#include "base/log.h"
#include "mem/mem.h"
#include "pkt/port.h"
#include "proc/proc.h"

#define FIRST_ROOM 16

/* ---- records of queues ---- */

/* room for n queues each way; the records there were stay where they are, in their zone */
static int queues_get(struct sh_port *p, unsigned n)
{
	unsigned room = FIRST_ROOM;
	char name[RTE_MEMZONE_NAMESIZE];
	const struct rte_memzone *mz;
	size_t len;

	while (room < n)
		room *= 2;
	if (sh_records(p).room >= room)
		return 0;
	len = 2ul * room * sizeof(struct sh_queue);
	(void)snprintf(name, sizeof(name), "EQ_%u_%u", p->id, room);
	mz = sh_zone_lookup(name); /* of a former port in this row */
	if (mz == NULL) {
		mz = rte_memzone_reserve_aligned(name, len, SOCKET_ID_ANY, 0, SH_LINE);
		if (mz == NULL)
			return -rte_errno;
		memset(mz->addr, 0, len);
	}
	sh_store_rel(&p->records, (uint64_t)(uintptr_t)mz->addr | (unsigned)__builtin_ctz(room)); /* R:PORTRECS */
	return 0;
}

/* all settings: from drop_en on, up to owner. Not what stands before them: which queue it is, a burst that lost it looks at any time */
#define SETTINGS (offsetof(struct sh_queue, owner) - offsetof(struct sh_queue, drop_en))
static void *settings(const struct sh_queue *q)
{
	return (char *)(uintptr_t)q + offsetof(struct sh_queue, drop_en);
}

/* settings and counters; owner and busy are what they are */
static void queue_begin(struct sh_queue *q, uint16_t port, unsigned id, bool tx)
{
	sh_store_rel(&q->state, SH_Q_NONE); /* R:QSTATE */
	memset(settings(q), 0, SETTINGS);
	q->port = port;
	q->id = (uint16_t)id;
	q->tx = tx;
	q->stat_map = id < RTE_ETHDEV_QUEUE_STAT_CNTRS ? (uint8_t)id : UINT8_MAX;
	sh_store_rlx(&q->packets, 0); /* relaxed, as the others: it has no owner */
	sh_store_rlx(&q->bytes, 0);
	sh_store_rlx(&q->errors, 0);
	sh_store_rlx(&q->nombuf, 0);
	sh_store_rlx(&q->said, 0);
	sh_store_rlx(&q->missed, 0);
	memset(q->base, 0, sizeof(q->base));
	memset(q->drv, 0, sizeof(q->drv));
}

static void queue_release(struct sh_here *h, struct sh_queue *q)
{
	if (sh_load_acq(&q->state) != SH_Q_NONE && h->drv->queue_release != NULL) /* A:QSTATE */
		h->drv->queue_release(h, q);
	sh_store_rel(&q->state, SH_Q_NONE); /* R:QSTATE */
}

void sh_port_unset(struct sh_here *h)
{
	struct sh_port *p = h->p;
	struct sh_records rec = sh_records(p);

	for (unsigned i = 0; i < 2 * rec.room; i++)
		queue_release(h, &rec.q[i]);
	p->configured = 0;
	sh_queues_are(p, 0, 0);
}

/* a queue as it was, but for its owner: in a record that is nobody's yet. Its state stays SH_Q_NONE */
static void queue_copy(struct sh_queue *q, const struct sh_queue *was)
{
	queue_begin(q, was->port, was->id, was->tx != 0);
	memcpy(settings(q), settings(was), SETTINGS);
	sh_store_rlx(&q->packets, sh_load_rlx(&was->packets)); /* relaxed, as the others: neither has an owner */
	sh_store_rlx(&q->bytes, sh_load_rlx(&was->bytes));
	sh_store_rlx(&q->errors, sh_load_rlx(&was->errors));
	sh_store_rlx(&q->nombuf, sh_load_rlx(&was->nombuf));
	sh_store_rlx(&q->missed, sh_load_rlx(&was->missed));
	memcpy(q->base, was->base, sizeof(q->base));
}

/* ---- configure ---- */

static const uint8_t default_key[] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
				      0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
				      0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
				      0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

static void set_rss(struct sh_port *p, const struct rte_eth_rss_conf *c, unsigned nb_rx, bool on)
{
	struct sh_port_rss *s = &p->rss;

	sh_rss_change(s);
	s->func = c->algorithm;
	s->hf = on ? rte_eth_rss_hf_refine(c->rss_hf) : 0;
	s->size = p->caps.reta_size;
	if (on && c->rss_key != NULL && c->rss_key_len != 0 && c->rss_key_len == p->caps.key_size) {
		memcpy(s->key, c->rss_key, c->rss_key_len);
		s->key_len = c->rss_key_len;
	} else {
		memcpy(s->key, default_key, sizeof(default_key));
		s->key_len = sizeof(default_key);
	}
	for (unsigned i = 0; i < s->size; i++)
		s->reta[i] = nb_rx != 0 ? (uint16_t)(i % nb_rx) : 0;
	sh_rss_changed(s);
}

/* ---- queues ---- */

static int bad_queue(const struct sh_port *p, const char *way, unsigned id, const char *why, int err)
{
	sh_err("port %u (%s): %s queue %u: %s", p->id, p->name, way, id, why);
	return err;
}

static int check_desc(const struct sh_port *p, const char *way, unsigned id, uint16_t *desc)
{
	if (*desc == 0)
		*desc = p->caps.pref_desc != 0 ? p->caps.pref_desc : RTE_ETH_DEV_FALLBACK_RX_RINGSIZE;
	if ((p->caps.desc_max != 0 && *desc > p->caps.desc_max) || *desc < p->caps.desc_min ||
	    (p->caps.desc_align > 1 && *desc % p->caps.desc_align != 0))
		return bad_queue(p, way, id,
				 "a number of descriptors it cannot have; rte_eth_dev_adjust_nb_rx_tx_desc()", -EINVAL);
	return 0;
}

static int check_rxconf(const struct sh_port *p, unsigned id, const struct rte_eth_rxconf *c)
{
	if (c != NULL && (c->rx_nseg > 0 || c->rx_nmempool > 0))
		return bad_queue(p, "rx", id, "it takes its packets from one pool (rx_nseg, rx_nmempool)", -EINVAL);
	if (c != NULL && c->share_group > 0)
		return bad_queue(p, "rx", id, "no port shares its rx queues with others (share_group)", -EINVAL);
	return 0;
}

static int check_pool(const struct sh_port *p, unsigned id, const struct rte_mempool *mp)
{
	if (mp == NULL)
		return bad_queue(p, "rx", id, "no pool is given", -EINVAL);
	if (mp->private_data_size < sizeof(struct rte_pktmbuf_pool_private))
		return bad_queue(p, "rx", id, "the pool is none of mbufs; rte_pktmbuf_pool_create() makes one",
				 -ENOSPC);
	if (rte_pktmbuf_data_room_size((struct rte_mempool *)(uintptr_t)mp) <
	    p->caps.min_rx_bufsize + (uint32_t)RTE_PKTMBUF_HEADROOM)
		return bad_queue(p, "rx", id, "the pool's buffers are too small", -EINVAL);
	if (!sh_mem_contains((uint64_t)(uintptr_t)mp))
		return bad_queue(p, "rx", id,
				 "the pool is private to this process; make it with rte_pktmbuf_pool_create()",
				 -EINVAL);
	return 0;
}

/* may this queue be set up now? */
static int check_state(const struct sh_port *p, const char *way, struct sh_queue *q, uint64_t capa)
{
	if (sh_load_acq(&p->run) == 0) /* A:PORTRUN */
		return 0;
	if ((p->caps.dev_capa & capa) == 0)
		return bad_queue(p, way, q->id, "the port is started; rte_eth_dev_stop() comes first", -EBUSY);
	if (sh_load_acq(&q->state) == SH_Q_RUN) /* A:QSTATE */
		return bad_queue(p, way, q->id, "it is started; stop it first", -EBUSY);
	return 0;
}

static int check_offloads(const struct sh_port *p, const char *way, unsigned id, uint64_t want, uint64_t port,
			  uint64_t queue)
{
	if ((want & ~port & ~queue) == 0)
		return 0;
	return bad_queue(p, way, id, "an offload that is neither the port's nor can be a queue's", -EINVAL);
}

/* what the caller has filled into *q becomes the queue's, or it is not set up */
static int setup(struct sh_here *h, struct sh_queue *q)
{
	struct sh_port *p = h->p;
	int r;

	SH_STEP("port_queue_half");
	r = h->drv->queue_setup != NULL ? h->drv->queue_setup(h, q) : 0;
	if (r < 0)
		return r;
	sh_store_rel(&q->state,
		     q->deferred || sh_load_acq(&p->run) != 0 ? SH_Q_STOPPED : SH_Q_RUN); /* R:QSTATE A:PORTRUN */
	return 0;
}

/* ---- the port ---- */

/* the queues that there were: their records, perhaps the same ones as now, and which were set up */
struct kept {
	struct sh_records rec;
	uint64_t rx_offloads, tx_offloads; /* the port's own */
	bool rx[SH_QUEUES], tx[SH_QUEUES];
};

static bool is_set_up(struct sh_queue *q)
{
	return sh_load_acq(&q->state) != SH_Q_NONE; /* A:QSTATE */
}

static void kept_get(struct kept *k, const struct sh_port *p)
{
	memset(k, 0, sizeof(*k));
	k->rec = sh_records(p);
	k->rx_offloads = p->conf.rx_offloads;
	k->tx_offloads = p->conf.tx_offloads;
	for (unsigned i = 0; i < p->nb_rxq; i++)
		k->rx[i] = is_set_up(sh_rxq(p, i));
	for (unsigned i = 0; i < p->nb_txq; i++)
		k->tx[i] = is_set_up(sh_txq(p, i));
}

/* as it was, under the port's new settings. The driver refuses: its line, and the queue is one to be set up */
static void queue_again(struct sh_here *h, const struct kept *k, struct sh_queue *q)
{
	struct sh_port *p = h->p;
	uint64_t own = q->offloads & ~(q->tx ? k->tx_offloads : k->rx_offloads);

	memset(q->drv, 0, sizeof(q->drv));
	q->offloads = own | (q->tx ? p->conf.tx_offloads : p->conf.rx_offloads);
	(void)setup(h, q);
}

/* the record of each queue: set up if it was and is still one, else as new */
static void queues_again(struct sh_here *h, const struct kept *k)
{
	struct sh_port *p = h->p;
	struct sh_records rec = sh_records(p);

	for (unsigned i = 0; i < 2 * rec.room; i++) {
		bool tx = i >= rec.room;
		unsigned id = tx ? i - rec.room : i;
		bool kept = id < (tx ? p->nb_txq : p->nb_rxq) && (tx ? k->tx[id] : k->rx[id]);

		if (!kept)
			queue_begin(&rec.q[i], p->id, id, tx);
		else if (k->rec.q != rec.q)
			queue_copy(&rec.q[i], &k->rec.q[(tx ? k->rec.room : 0) + id]);
		if (kept)
			queue_again(h, k, &rec.q[i]);
	}
}

static void conf_set(struct sh_port *p, const struct sh_conf_ask *a)
{
	const struct rte_eth_conf *c = a->c;

	p->conf = (struct sh_port_conf){
		.rx_offloads = c->rxmode.offloads,
		.tx_offloads = c->txmode.offloads,
		.rss_hf = rte_eth_rss_hf_refine(c->rx_adv_conf.rss_conf.rss_hf),
		.link_speeds = c->link_speeds,
		.rx_mq = c->rxmode.mq_mode,
		.tx_mq = c->txmode.mq_mode,
		.mtu = a->mtu,
		.mtu_asked = c->rxmode.mtu != 0,
		.max_lro = c->rxmode.max_lro_pkt_size,
		.lsc = c->intr_conf.lsc,
		.rxq_intr = c->intr_conf.rxq,
		.rmv = c->intr_conf.rmv,
		.lpbk = c->lpbk_mode != 0,
	};
	sh_store_rel(&p->want_lsc, p->conf.lsc); /* R:PORTSET */
	sh_queues_are(p, a->nb_rx, a->nb_tx);
	set_rss(p, &c->rx_adv_conf.rss_conf, a->nb_rx, (c->rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG) != 0);
}

/* the seat is mine, nothing is wrong with the wish */
static int configure(struct sh_here *h, const struct sh_conf_ask *a)
{
	struct sh_port *p = h->p;
	struct kept k;
	int r = sh_not_inside(p, sh_queues_take(h, NULL)); /* nobody should be there */

	if (r < 0)
		return r;
	SH_STEP("port_configuring");
	kept_get(&k, p);
	sh_port_unset(h);
	r = queues_get(p, a->nb_rx > a->nb_tx ? a->nb_rx : a->nb_tx);
	if (r < 0)
		return r;
	conf_set(p, a);
	r = h->drv->configure != NULL ? h->drv->configure(h) : 0;
	if (r < 0) {
		sh_port_unset(h);
		return r;
	}
	queues_again(h, &k);
	p->configured = 1;
	return 0;
}

SH_EXPORT int rte_eth_dev_configure(uint16_t port_id, uint16_t nb_rx_queue, uint16_t nb_tx_queue,
				    const struct rte_eth_conf *eth_conf)
{
	struct sh_conf_ask a = {.nb_rx = nb_rx_queue, .nb_tx = nb_tx_queue, .c = eth_conf};
	int r;
	struct sh_here *h = sh_port_begin_driver(port_id, "rte_eth_dev_configure", SH_OP_LITTLE, &r);

	if (h == NULL)
		return r;
	if (eth_conf == NULL)
		r = sh_conf_refuse(h->p, -EINVAL, "eth_conf is NULL");
	else if (sh_load_acq(&h->p->run) != 0) /* A:PORTRUN */
		r = sh_conf_refuse(h->p, -EBUSY, "it is started; rte_eth_dev_stop() comes first");
	else
		r = sh_conf_check(h->p, &a);
	if (r == 0) {
		sh_store_rlx(&h->p->op, SH_OP_CONFIGURE); /* relaxed: as in sh_port_enter() */
		r = configure(h, &a);
	}
	sh_port_end(h, SH_OP_CONFIGURE);
	return r;
}

/* ---- a queue ---- */

static void setup_op(struct sh_port *p, const struct sh_queue *q)
{
	p->op_queue = q->id | (uint32_t)q->tx << 16;
	sh_store_rel(&p->op, SH_OP_QUEUE); /* R:PORTSEAT */
}

static int rx_setup(struct sh_here *h, uint16_t id, uint16_t desc, int socket, const struct rte_eth_rxconf *c,
		    struct rte_mempool *mp)
{
	struct sh_port *p = h->p;
	struct sh_queue *q;
	uint64_t off = c != NULL ? c->offloads & ~p->conf.rx_offloads : 0;
	int r;

	if (id >= p->nb_rxq)
		return bad_queue(p, "rx", id, "it is not configured", -EINVAL);
	q = sh_rxq(p, id);
	r = check_rxconf(p, id, c);
	if (r == 0)
		r = check_pool(p, id, mp);
	if (r == 0)
		r = check_desc(p, "rx", id, &desc);
	if (r == 0)
		r = check_state(p, "rx", q, RTE_ETH_DEV_CAPA_RUNTIME_RX_QUEUE_SETUP);
	if (r == 0)
		r = check_offloads(p, "rx", id, off, p->conf.rx_offloads, p->caps.rxq_offloads);
	if (r < 0)
		return r;
	setup_op(p, q);
	r = sh_not_inside(p, sh_queues_take(h, q));
	if (r < 0)
		return r;
	queue_release(h, q);
	queue_begin(q, p->id, id, false);
	q->desc = desc;
	q->socket = socket;
	q->mp = mp;
	q->offloads = off | p->conf.rx_offloads;
	if (c != NULL) {
		q->drop_en = c->rx_drop_en != 0;
		q->deferred = c->rx_deferred_start != 0;
		q->free_thresh = c->rx_free_thresh;
		q->pthresh = c->rx_thresh.pthresh;
		q->hthresh = c->rx_thresh.hthresh;
		q->wthresh = c->rx_thresh.wthresh;
	}
	return setup(h, q);
}

static int tx_setup(struct sh_here *h, uint16_t id, uint16_t desc, int socket, const struct rte_eth_txconf *c)
{
	struct sh_port *p = h->p;
	struct sh_queue *q;
	uint64_t off = c != NULL ? c->offloads & ~p->conf.tx_offloads : 0;
	int r;

	if (id >= p->nb_txq)
		return bad_queue(p, "tx", id, "it is not configured", -EINVAL);
	q = sh_txq(p, id);
	r = check_desc(p, "tx", id, &desc);
	if (r == 0)
		r = check_state(p, "tx", q, RTE_ETH_DEV_CAPA_RUNTIME_TX_QUEUE_SETUP);
	if (r == 0)
		r = check_offloads(p, "tx", id, off, p->conf.tx_offloads, p->caps.txq_offloads);
	if (r < 0)
		return r;
	setup_op(p, q);
	r = sh_not_inside(p, sh_queues_take(h, q));
	if (r < 0)
		return r;
	queue_release(h, q);
	queue_begin(q, p->id, id, true);
	q->desc = desc;
	q->socket = socket;
	q->offloads = off | p->conf.tx_offloads;
	if (c != NULL) {
		q->deferred = c->tx_deferred_start != 0;
		q->free_thresh = c->tx_free_thresh;
		q->rs_thresh = c->tx_rs_thresh;
		q->pthresh = c->tx_thresh.pthresh;
		q->hthresh = c->tx_thresh.hthresh;
		q->wthresh = c->tx_thresh.wthresh;
	}
	return setup(h, q);
}

SH_EXPORT int rte_eth_rx_queue_setup(uint16_t port_id, uint16_t rx_queue_id, uint16_t nb_rx_desc,
				     unsigned int socket_id, const struct rte_eth_rxconf *rx_conf,
				     struct rte_mempool *mb_pool)
{
	int r;
	struct sh_here *h = sh_port_begin_driver(port_id, "rte_eth_rx_queue_setup", SH_OP_LITTLE, &r);

	if (h == NULL)
		return r;
	r = rx_setup(h, rx_queue_id, nb_rx_desc, (int)socket_id, rx_conf, mb_pool);
	sh_port_end(h, SH_OP_QUEUE);
	return r;
}

SH_EXPORT int rte_eth_tx_queue_setup(uint16_t port_id, uint16_t tx_queue_id, uint16_t nb_tx_desc,
				     unsigned int socket_id, const struct rte_eth_txconf *tx_conf)
{
	int r;
	struct sh_here *h = sh_port_begin_driver(port_id, "rte_eth_tx_queue_setup", SH_OP_LITTLE, &r);

	if (h == NULL)
		return r;
	r = tx_setup(h, tx_queue_id, nb_tx_desc, (int)socket_id, tx_conf);
	sh_port_end(h, SH_OP_QUEUE);
	return r;
}

static void adjust(const struct sh_port *p, uint16_t *desc)
{
	unsigned n = *desc, al = p->caps.desc_align;

	if (al > 1)
		n = (n + al - 1) / al * al;
	if (p->caps.desc_max != 0 && n > p->caps.desc_max)
		n = p->caps.desc_max;
	*desc = (uint16_t)(n < p->caps.desc_min ? p->caps.desc_min : n);
}

SH_EXPORT int rte_eth_dev_adjust_nb_rx_tx_desc(uint16_t port_id, uint16_t *nb_rx_desc, uint16_t *nb_tx_desc)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_dev_adjust_nb_rx_tx_desc", SH_OP_NONE, &r);

	if (h == NULL)
		return r;
	if (nb_rx_desc != NULL)
		adjust(h->p, nb_rx_desc);
	if (nb_tx_desc != NULL)
		adjust(h->p, nb_tx_desc);
	sh_port_end(h, SH_OP_NONE);
	return 0;
}
