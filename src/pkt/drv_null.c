/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * drv_null.c - net_null: gives as many packets as are asked for, and takes all
 *
 * Devargs: size=N bytes of each packet (64), copy=1 the bytes are copied in and out, no-rx=1 nothing is received, rss=0 no RSS.
 * Each queue makes its own packets: RSS can be configured, and no packet needs it. Bytes are those that the mbuf has; with
 * copy=1 zeros.
 *
 * Shared: struct null, constant after probe. A death leaves nothing but mbufs, which are the pool's matter.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <rte_kvargs.h>
#include <rte_random.h>

#include "base/fault.h"
#include "base/log.h"
#include "pkt/port.h"

struct null {
	uint32_t size;
	bool copy, no_rx, rss;
};

struct io {
	struct sh_queue *q;
	struct rte_mempool *mp;
	uint16_t port;
	uint32_t size;
	char *dummy; /* where bytes are copied from and to */
};

static uint16_t rx(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct io *io = data;
	uint32_t size = io->size;

	if (!sh_queue_enter(io->q))
		return sh_queue_lost(io->q, pkts, n);
	SH_STEP("queue_inside");
	if (unlikely(rte_pktmbuf_alloc_bulk(io->mp, pkts, n) != 0)) {
		sh_queue_nombuf(io->q, n);
		n = 0;
	}
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		m->data_len = (uint16_t)size;
		m->pkt_len = size;
		m->port = io->port;
	}
	for (uint16_t i = 0; io->dummy != NULL && i < n; i++)
		memcpy(rte_pktmbuf_mtod(pkts[i], void *), io->dummy, size);
	sh_queue_count(io->q, n, (uint64_t)n * size);
	sh_queue_leave(io->q);
	return n;
}

static uint16_t rx_nothing(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct io *io = data;

	if (!sh_queue_enter(io->q))
		return sh_queue_lost(io->q, pkts, n);
	sh_queue_leave(io->q);
	return 0;
}

static uint16_t tx(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct io *io = data;
	uint64_t bytes = 0;

	if (!sh_queue_enter(io->q))
		return sh_queue_lost(io->q, pkts, n);
	SH_STEP("queue_inside");
	for (uint16_t i = 0; i < n; i++) {
		bytes += pkts[i]->pkt_len;
		if (io->dummy != NULL)
			memcpy(io->dummy, rte_pktmbuf_mtod(pkts[i], void *), RTE_MIN(io->size, pkts[i]->data_len));
	}
	if (n > 2)
		rte_pktmbuf_free_bulk(pkts, n);
	else
		for (uint16_t i = 0; i < n; i++)
			rte_pktmbuf_free(pkts[i]);
	sh_queue_count(io->q, n, bytes);
	sh_queue_leave(io->q);
	return n;
}

/* ---- devargs ---- */

static int number(const char *key, const char *value, void *arg)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = value != NULL && *value != '\0' ? strtoul(value, &end, 0) : ULONG_MAX;
	if (errno != 0 || n > UINT_MAX || *end != '\0') {
		sh_err("net_null: %s=%s is no number", key, value != NULL ? value : "");
		return -1;
	}
	*(uint32_t *)arg = (uint32_t)n;
	return 0;
}

static int args(struct sh_port *p)
{
	static const char *const keys[] = {"size", "copy", "no-rx", "rss", NULL};
	struct rte_kvargs *kv = sh_port_args(p, keys);
	struct null *s = p->shared;
	uint32_t copy = 0, no_rx = 0;
	int r = 0;

	s->size = 64;
	s->rss = true;
	if (kv == NULL)
		return -EINVAL;
	if (rte_kvargs_process(kv, "size", number, &s->size) < 0 || rte_kvargs_process(kv, "copy", number, &copy) < 0 ||
	    rte_kvargs_process(kv, "no-rx", number, &no_rx) < 0 ||
	    rte_kvargs_process(kv, "rss", sh_port_flag, &s->rss) < 0)
		r = -EINVAL;
	rte_kvargs_free(kv);
	s->copy = copy != 0;
	s->no_rx = no_rx != 0;
	if (r == 0 && (s->size == 0 || s->size > UINT16_MAX)) {
		sh_err("%s: size=%u: packets have 1 to 65535 bytes", p->name, s->size);
		return -EINVAL;
	}
	return r;
}

static int probe(struct sh_port *p)
{
	const struct null *s = p->shared;
	uint64_t mac = (rte_rand() & 0xffffffffff00ull) | 0x02; /* locally administered, of one station */

	p->caps = (struct sh_port_caps){
		.tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
		.rss_hf = s->rss ? RTE_ETH_RSS_PROTO_MASK : 0,
		.no_rss = !s->rss,
		.speed_capa = RTE_ETH_LINK_SPEED_10G,
		.max_rxq = SH_QUEUES,
		.max_txq = SH_QUEUES,
		.reta_size = s->rss ? 128 : 0,
		.key_size = s->rss ? 40 : 0,
		.max_macs = 1,
		.min_mtu = RTE_ETHER_MIN_LEN - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN,
		.max_mtu = UINT16_MAX,
		.min_rx_bufsize = 0,
		.max_rx_pktlen = UINT32_MAX,
	};
	sh_store_rlx(&p->mac[0], mac); /* relaxed, as what follows: before the port is there */
	sh_store_rlx(&p->promisc, 1);  /* nothing is filtered */
	sh_store_rlx(&p->allmulti, 1);
	sh_port_link_put(p, false, RTE_ETH_SPEED_NUM_10G, true, false);
	return 0;
}

/* ---- operations ---- */

static int rxq_fits(struct sh_here *h, struct sh_queue *q)
{
	const struct null *s = h->p->shared;

	if (q->tx || s->no_rx || rte_pktmbuf_data_room_size(q->mp) >= s->size + RTE_PKTMBUF_HEADROOM)
		return 0;
	sh_err("port %u (%s): packets of %u bytes do not fit into the buffers of the pool", h->p->id, h->p->name,
	       s->size);
	return -EINVAL;
}

static int start(struct sh_here *h)
{
	sh_port_link_put(h->p, true, RTE_ETH_SPEED_NUM_10G, true, false);
	return 0;
}

static int stop(struct sh_here *h)
{
	sh_port_link_put(h->p, false, RTE_ETH_SPEED_NUM_10G, true, false);
	return 0;
}

static int accept_mac(struct sh_here *h, uint64_t mac)
{
	(void)h, (void)mac;
	return 0;
}

static int accept_mtu(struct sh_here *h, uint16_t mtu)
{
	(void)h, (void)mtu;
	return 0;
}

static int accept_filter(struct sh_here *h, bool on)
{
	(void)h, (void)on;
	return 0;
}

static int open_queue(struct sh_here *h, struct sh_queue *q, struct sh_io *ret)
{
	const struct null *s = h->p->shared;
	struct io *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return -ENOMEM;
	*io = (struct io){.q = q, .mp = q->mp, .port = h->p->id, .size = s->size};
	if (s->copy) {
		io->dummy = calloc(1, s->size);
		if (io->dummy == NULL) {
			free(io);
			return -ENOMEM;
		}
	}
	ret->data = io;
	ret->burst = q->tx ? tx : s->no_rx ? rx_nothing : rx;
	return 0;
}

static void shut(struct sh_here *h, struct sh_queue *q, struct sh_io *ret)
{
	struct io *io = ret->data;

	(void)h, (void)q;
	free(io->dummy);
	free(io);
}

extern const struct sh_driver sh_drv_null;
const struct sh_driver sh_drv_null = {
	.name = "net_null",
	.shared = sizeof(struct null),
	.args = args,
	.probe = probe,
	.queue_setup = rxq_fits,
	.start = start,
	.stop = stop,
	.promisc = accept_filter,
	.allmulti = accept_filter,
	.mac_set = accept_mac,
	.mtu_set = accept_mtu,
	.open = open_queue,
	.shut = shut,
};
