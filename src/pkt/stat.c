/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stat.c - counters of ports
 *
 * Each queue's counters have one writer, its owner, and are never set back: a reset notes what they were (base), under the
 * port's seat. So any process may read, or reset, while others burst.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/export.h"
#include "base/log.h"
#include "pkt/port.h"

static int bad(const char *fn, unsigned port, const char *why, int err)
{
	sh_err("%s: port %u: %s", fn, port, why);
	return err;
}

struct counts {
	uint64_t packets, bytes, errors, nombuf, missed;
};

/* relaxed: counters; but who sees that packets were missed sees as well where their queue is (pcap_rx.c) */
static struct counts raw(struct sh_queue *q)
{
	return (struct counts){sh_load_rlx(&q->packets), sh_load_rlx(&q->bytes), sh_load_rlx(&q->errors),
			       sh_load_rlx(&q->nombuf), sh_load_acq(&q->missed)}; /* A:QMISSED */
}

static struct counts since_reset(struct sh_queue *q)
{
	struct counts c = raw(q);

	c.packets -= q->base[0];
	c.bytes -= q->base[1];
	c.errors -= q->base[2];
	c.nombuf -= q->base[3];
	c.missed -= q->base[4];
	return c;
}

static void add_rx(struct rte_eth_stats *s, struct sh_queue *q)
{
	struct counts c = since_reset(q);

	s->ipackets += c.packets;
	s->ibytes += c.bytes;
	s->ierrors += c.errors;
	s->rx_nombuf += c.nombuf;
	s->imissed += c.missed;
	if (q->stat_map < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
		s->q_ipackets[q->stat_map] += c.packets;
		s->q_ibytes[q->stat_map] += c.bytes;
		s->q_errors[q->stat_map] += c.errors;
	}
}

static void add_tx(struct rte_eth_stats *s, struct sh_queue *q)
{
	struct counts c = since_reset(q);

	s->opackets += c.packets;
	s->obytes += c.bytes;
	s->oerrors += c.errors;
	if (q->stat_map < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
		s->q_opackets[q->stat_map] += c.packets;
		s->q_obytes[q->stat_map] += c.bytes;
	}
}

static void sum(struct sh_here *h, struct rte_eth_stats *s)
{
	struct sh_port *p = h->p;
	struct sh_queue *q;

	memset(s, 0, sizeof(*s));
	for (unsigned i = 0; (q = sh_queue_of(p, false, i)) != NULL; i++)
		add_rx(s, q);
	for (unsigned i = 0; (q = sh_queue_of(p, true, i)) != NULL; i++)
		add_tx(s, q);
	if (h->drv->stats != NULL)
		h->drv->stats(h, &s->imissed, &s->ierrors, &s->oerrors);
}

SH_EXPORT int rte_eth_stats_get(uint16_t port_id, struct rte_eth_stats *stats)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_stats_get", SH_OP_NONE, &r);

	if (h == NULL)
		return r;
	if (stats == NULL)
		r = bad("rte_eth_stats_get", port_id, "stats is NULL", -EINVAL);
	else
		sum(h, stats);
	sh_port_end(h, SH_OP_NONE);
	return r;
}

SH_EXPORT int rte_eth_stats_reset(uint16_t port_id)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_stats_reset", SH_OP_LITTLE, &r);
	struct sh_records rec;
	struct sh_port *p;

	if (h == NULL)
		return r;
	p = h->p;
	rec = sh_records(p);
	for (unsigned i = 0; i < 2 * rec.room; i++) {
		struct counts c = raw(&rec.q[i]);

		memcpy(rec.q[i].base, &c, sizeof(c));
	}
	r = h->drv->stats_reset != NULL ? h->drv->stats_reset(h) : 0;
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

static int map_queue(uint16_t port_id, uint16_t id, bool tx, uint8_t idx, const char *fn)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, fn, SH_OP_LITTLE, &r);
	struct sh_port *p;

	if (h == NULL)
		return r;
	p = h->p;
	if (id >= (tx ? p->nb_txq : p->nb_rxq) || idx >= RTE_ETHDEV_QUEUE_STAT_CNTRS)
		r = bad(fn, port_id, "there is no such queue, or no such counter (0 to 15)", -EINVAL);
	else
		(tx ? sh_txq(p, id) : sh_rxq(p, id))->stat_map = idx;
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

SH_EXPORT int rte_eth_dev_set_rx_queue_stats_mapping(uint16_t port_id, uint16_t rx_queue_id, uint8_t stat_idx)
{
	return map_queue(port_id, rx_queue_id, false, stat_idx, "rte_eth_dev_set_rx_queue_stats_mapping");
}

SH_EXPORT int rte_eth_dev_set_tx_queue_stats_mapping(uint16_t port_id, uint16_t tx_queue_id, uint8_t stat_idx)
{
	return map_queue(port_id, tx_queue_id, true, stat_idx, "rte_eth_dev_set_tx_queue_stats_mapping");
}

/* ---- by name: the port's, then three of each rx queue, two of each tx queue, then the driver's ---- */

static const struct {
	const char *name;
	size_t at;
} whole[] = {
	{"rx_good_packets", offsetof(struct rte_eth_stats, ipackets)},
	{"tx_good_packets", offsetof(struct rte_eth_stats, opackets)},
	{"rx_good_bytes", offsetof(struct rte_eth_stats, ibytes)},
	{"tx_good_bytes", offsetof(struct rte_eth_stats, obytes)},
	{"rx_missed_errors", offsetof(struct rte_eth_stats, imissed)},
	{"rx_errors", offsetof(struct rte_eth_stats, ierrors)},
	{"tx_errors", offsetof(struct rte_eth_stats, oerrors)},
	{"rx_mbuf_allocation_errors", offsetof(struct rte_eth_stats, rx_nombuf)},
};
#define WHOLE (sizeof(whole) / sizeof(whole[0]))
static const char *const of_rx[] = {"packets", "bytes", "errors"};
static const char *const of_tx[] = {"packets", "bytes"};

static unsigned driver_counters(const struct sh_driver *drv)
{
	unsigned n = 0;

	while (drv->counters != NULL && drv->counters[n] != NULL)
		n++;
	return n;
}

static unsigned how_many(const struct sh_here *h)
{
	return (unsigned)WHOLE + 3u * h->p->nb_rxq + 2u * h->p->nb_txq + driver_counters(h->drv);
}

static void name_of(const struct sh_here *h, unsigned i, char *buf)
{
	unsigned rx = 3u * h->p->nb_rxq, tx = 2u * h->p->nb_txq;
	size_t cap = RTE_ETH_XSTATS_NAME_SIZE;

	if (i < WHOLE) {
		(void)snprintf(buf, cap, "%s", whole[i].name);
		return;
	}
	i -= (unsigned)WHOLE;
	if (i < rx)
		(void)snprintf(buf, cap, "rx_q%u_%s", i / 3, of_rx[i % 3]);
	else if (i - rx < tx)
		(void)snprintf(buf, cap, "tx_q%u_%s", (i - rx) / 2, of_tx[(i - rx) % 2]);
	else
		(void)snprintf(buf, cap, "%s", h->drv->counters[i - rx - tx]);
}

static uint64_t value_of(struct sh_here *h, const struct rte_eth_stats *s, const uint64_t *own, unsigned i)
{
	unsigned rx = 3u * h->p->nb_rxq, tx = 2u * h->p->nb_txq;
	struct counts c;

	if (i < WHOLE)
		return *(const uint64_t *)((const char *)s + whole[i].at);
	i -= (unsigned)WHOLE;
	if (i < rx) {
		c = since_reset(sh_rxq(h->p, i / 3));
		return i % 3 == 0 ? c.packets : i % 3 == 1 ? c.bytes : c.errors;
	}
	i -= rx;
	if (i < tx) {
		c = since_reset(sh_txq(h->p, i / 2));
		return i % 2 == 0 ? c.packets : c.bytes;
	}
	return own[i - tx];
}

#define OWN_MAX 64
struct values {
	struct rte_eth_stats s;
	uint64_t own[OWN_MAX];
};

static void collect(struct sh_here *h, struct values *v)
{
	sum(h, &v->s);
	memset(v->own, 0, sizeof(v->own));
	if (h->drv->counts != NULL && driver_counters(h->drv) <= OWN_MAX)
		h->drv->counts(h, v->own);
}

SH_EXPORT int rte_eth_xstats_get_names(uint16_t port_id, struct rte_eth_xstat_name *xstats_names, unsigned int size)
{
	return rte_eth_xstats_get_names_by_id(port_id, xstats_names, size, NULL);
}

SH_EXPORT int rte_eth_xstats_get_names_by_id(uint16_t port_id, struct rte_eth_xstat_name *xstats_names,
					     unsigned int size, uint64_t *ids)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_xstats_get_names_by_id", SH_OP_LITTLE, &r);
	unsigned n;

	if (h == NULL)
		return r;
	n = how_many(h);
	r = (int)(ids != NULL ? size : n);
	if (ids != NULL && xstats_names == NULL)
		r = bad("rte_eth_xstats_get_names_by_id", port_id, "there is no table for the names", -EINVAL);
	for (unsigned i = 0; r >= 0 && xstats_names != NULL && i < (unsigned)r; i++) {
		if (ids == NULL && size < n)
			break;
		if (ids != NULL && ids[i] >= n)
			r = bad("rte_eth_xstats_get_names_by_id", port_id, "there is no counter with this id", -1);
		else
			name_of(h, ids != NULL ? (unsigned)ids[i] : i, xstats_names[i].name);
	}
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

SH_EXPORT int rte_eth_xstats_get(uint16_t port_id, struct rte_eth_xstat *xstats, unsigned int n)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_xstats_get", SH_OP_LITTLE, &r);
	struct values v;

	if (h == NULL)
		return r;
	r = (int)how_many(h);
	if (xstats == NULL && n != 0) {
		r = bad("rte_eth_xstats_get", port_id, "xstats is NULL", -EINVAL);
	} else if (xstats != NULL && n >= (unsigned)r) {
		collect(h, &v);
		for (unsigned i = 0; i < (unsigned)r; i++)
			xstats[i] = (struct rte_eth_xstat){i, value_of(h, &v.s, v.own, i)};
	}
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

SH_EXPORT int rte_eth_xstats_get_by_id(uint16_t port_id, const uint64_t *ids, uint64_t *values, unsigned int size)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_xstats_get_by_id", SH_OP_LITTLE, &r);
	struct values v;
	unsigned n;

	if (h == NULL)
		return r;
	n = how_many(h);
	r = (int)(ids != NULL ? size : n);
	if (ids != NULL && values == NULL)
		r = bad("rte_eth_xstats_get_by_id", port_id, "there is no table for the values", -EINVAL);
	if (r >= 0 && values != NULL && (ids != NULL || size >= n))
		collect(h, &v);
	for (unsigned i = 0; r >= 0 && values != NULL && (ids != NULL || size >= n) && i < (unsigned)r; i++) {
		if (ids != NULL && ids[i] >= n)
			r = bad("rte_eth_xstats_get_by_id", port_id, "there is no counter with this id", -1);
		else
			values[i] = value_of(h, &v.s, v.own, ids != NULL ? (unsigned)ids[i] : i);
	}
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

SH_EXPORT int rte_eth_xstats_get_id_by_name(uint16_t port_id, const char *xstat_name, uint64_t *id)
{
	char name[RTE_ETH_XSTATS_NAME_SIZE];
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_xstats_get_id_by_name", SH_OP_LITTLE, &r);

	if (h == NULL)
		return r;
	if (id == NULL || xstat_name == NULL) {
		sh_port_end(h, SH_OP_LITTLE);
		return bad("rte_eth_xstats_get_id_by_name", port_id, "a pointer is NULL", -ENOMEM);
	}
	r = -EINVAL;
	for (unsigned i = 0; r < 0 && i < how_many(h); i++) {
		name_of(h, i, name);
		if (strcmp(name, xstat_name) == 0) {
			*id = i;
			r = 0;
		}
	}
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

SH_EXPORT int rte_eth_xstats_reset(uint16_t port_id)
{
	return rte_eth_stats_reset(port_id);
}

/* ---- packets that wait ---- */

static int used(uint16_t port_id, uint16_t id, bool tx, uint16_t *desc)
{
	int r;
	struct sh_here *h = sh_here_visit(port_id, &r);
	struct sh_queue *q;

	if (h == NULL)
		return r;
	q = sh_queue_of(h->p, tx, id);
	if (q == NULL || sh_load_acq(&q->state) == SH_Q_NONE) /* A:QSTATE */
		r = -EINVAL;
	else
		r = h->drv->used != NULL ? h->drv->used(h, q) : -ENOTSUP;
	*desc = q != NULL ? q->desc : 0;
	sh_here_leave(h);
	return r;
}

SH_EXPORT int rte_eth_rx_queue_count(uint16_t port_id, uint16_t queue_id)
{
	uint16_t desc;

	return used(port_id, queue_id, false, &desc);
}

SH_EXPORT int rte_eth_tx_queue_count(uint16_t port_id, uint16_t queue_id)
{
	uint16_t desc;

	return used(port_id, queue_id, true, &desc);
}

SH_EXPORT int rte_eth_rx_descriptor_status(uint16_t port_id, uint16_t queue_id, uint16_t offset)
{
	uint16_t desc = 0;
	int n = used(port_id, queue_id, false, &desc);

	if (n < 0)
		return n;
	if (offset >= desc)
		return -EINVAL;
	return offset < n ? RTE_ETH_RX_DESC_DONE : RTE_ETH_RX_DESC_AVAIL;
}

SH_EXPORT int rte_eth_tx_descriptor_status(uint16_t port_id, uint16_t queue_id, uint16_t offset)
{
	uint16_t desc = 0;
	int n = used(port_id, queue_id, true, &desc);

	if (n < 0)
		return n;
	if (offset >= desc)
		return -EINVAL;
	return offset >= desc - (n < desc ? n : desc) ? RTE_ETH_TX_DESC_FULL : RTE_ETH_TX_DESC_DONE;
}
