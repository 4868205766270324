/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * drv_ring.c - net_ring: what is sent goes into a ring, what is received comes out of one
 *
 * Devargs: none: 16 rings are made, ETH_RXTX0_<device> ..., each for one rx and one tx queue: what is sent on queue i comes back
 * on queue i, in whatever process receives there. nodeaction=NAME:NODE:CREATE the same with the rings ETH_RXTX0_NAME ...;
 * ATTACH: they are there already. rx=[A;B;...], tx=[...]: rings by their addresses (rte_eth_from_rings()). rss=0: RSS is refused.
 *
 * A burst touches no packet: bytes are not counted, and m->port stays what it was, as in DPDK.
 *
 * A ring that is full takes no packet, and the sender keeps it, as in DPDK. With rx_drop_en at the rx queue that the ring fills, a
 * receiver that does not receive - dead, stopped, or gone - holds up no sender: once nothing was taken out for STUCK_NS while
 * the ring was full, what does not fit is dropped by the sender, counted in imissed of that rx queue, until something is taken
 * out again. Who sends touches nothing of the ring for that: it frees packets that are still its own, and adds to a counter that
 * anybody may add to; so there is nothing to exclude, and a sender that dies in between leaves at most packets that are not counted.
 *
 * Shared: struct rings, constant after probe; rx queues' drv[0], the ring that they receive from: by who sets them up. What is in flight lies in the rings: no death loses it, but what the dead one had
 * received or had not sent yet.
 *
 * Rings that this driver made go with the last port that has them, and the packets in them to their pools: a port that goes leaves
 * each ring that another port has to that one (left_rx, left_tx). Ports come and go under the seat of their table, so nobody begins to
 * use a ring meanwhile. A remover that dies has its ports looked at once more, from the first ring on: what was left to
 * somebody is left to the same one again, and what is freed is not found.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eth_ring.h>
#include <rte_kvargs.h>
#include <rte_random.h>
#include <rte_ring.h>

#include "base/clock.h"
#include "base/export.h"
#include "base/fault.h"
#include "base/log.h"
#include "obj/obj.h"
#include "obj/ring_quick.h"
#include "pkt/port.h"

#define RINGS RTE_PMD_RING_MAX_RX_RINGS
#define RING_SIZE 1024
#define STUCK_NS (10 * SH_NS_PER_MS)

enum how { OWN, CREATE, ATTACH, LIST };
struct rings {
	enum how how; /* devargs */
	unsigned n_rx, n_tx;
	bool made; /* before the first of them is */
	char of[SH_PORT_NAME];
	uint32_t left_rx,
		left_tx; /* bit i: rx[i], tx[i] was made by a port that is gone; by who has the table's seat */
	struct rte_ring *rx[RINGS], *tx[RINGS];
};

struct io {
	struct sh_queue *q;
	struct rte_ring *r;
	/* tx: the ring was full, and so much had been taken out of it, since then */
	uint32_t taken;
	uint64_t full_ns;
};

/* ---- bursts ---- */

/* any ring, and the end of what the quick ways below began: the queue is entered */
static uint16_t receive(struct io *io, struct rte_mbuf **pkts, uint16_t n)
{
	n = (uint16_t)rte_ring_dequeue_burst(io->r, (void **)pkts, n, NULL);
	sh_count(&io->q->packets, n);
	sh_queue_leave(io->q);
	return n;
}

/* the rx queue that r fills, if it drops rather than holds up and its port is started. Records of queues are never freed */
static struct sh_queue *dropper(const struct rte_ring *r)
{
	for (unsigned i = 0; i < SH_PORTS; i++) {
		const struct sh_port *p = sh_port(i);
		struct sh_queue *q;

		if (p == NULL || strcmp(p->driver, "net_ring") != 0 || sh_load_acq(&p->run) == 0) /* A:PORTRUN */
			continue;
		for (unsigned k = 0; k < RINGS && (q = sh_queue_of(p, false, k)) != NULL; k++)
			if (q->drv[0] == (uint64_t)(uintptr_t)r && q->drop_en &&
			    sh_load_acq(&q->state) != SH_Q_NONE) /* A:QSTATE */
				return q;
	}
	return NULL;
}

/* n packets do not fit; how many of them are dropped: none, or all. See the head of this file */
static __attribute__((noinline)) uint16_t full(struct io *io, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t taken = sh_load_rlx(SH_RING_A32(&io->r->cons.tail)); /* relaxed: any recent value */
	uint64_t now = sh_now_ns();
	struct sh_queue *to;

	sh_queue_once(io->q, SH_SAID_FULL);
	if (io->full_ns == 0 || taken != io->taken) {
		io->taken = taken;
		io->full_ns = now;
		return 0;
	}
	if (now - io->full_ns < STUCK_NS)
		return 0;
	to = dropper(io->r);
	if (to == NULL)
		return 0;
	rte_pktmbuf_free_bulk(pkts, n);
	SH_STEP("ring_dropped");
	(void)sh_add_rlx(&to->missed, n);
	if ((sh_load_rlx(&io->q->said) & SH_SAID_MISSED) == 0) { /* relaxed: one writer */
		sh_store_rlx(&io->q->said, sh_load_rlx(&io->q->said) | SH_SAID_MISSED);
		sh_warn("port %u, rx queue %u: nobody receives, and its ring is full: packets are dropped, counted in "
			"imissed; look whether the process that had the queue is dead or stopped",
			to->port, to->id);
	}
	return n;
}

static uint16_t send(struct io *io, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t k = (uint16_t)rte_ring_enqueue_burst(io->r, (void **)pkts, n, NULL);

	if (unlikely(k < n))
		k = (uint16_t)(k + full(io, pkts + k, (uint16_t)(n - k)));
	sh_count(&io->q->packets, k);
	sh_queue_leave(io->q);
	return k;
}

/* the end of a quick move that somebody sleeps for */
static __attribute__((noinline)) uint16_t woken(struct io *io, uint16_t n)
{
	__rte_ring_wake(io->r, io->q->tx ? 0 : 1);
	sh_queue_leave(io->q);
	return n;
}

static uint16_t rx(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct io *io = data;

	if (!sh_queue_enter(io->q))
		return sh_queue_lost(io->q, pkts, n);
	SH_STEP("queue_inside");
	return receive(io, pkts, n);
}

static uint16_t tx(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct io *io = data;

	if (!sh_queue_enter(io->q))
		return sh_queue_lost(io->q, pkts, n);
	SH_STEP("queue_inside");
	return send(io, pkts, n);
}

/* mode ST, which is what rings of this driver's own have: nothing is called but at the end (obj/ring_quick.h) */
static uint16_t rx_plain(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct io *io = data;
	struct sh_queue *q = io->q;
	struct rte_ring *r = io->r;

	if (!sh_queue_enter(q))
		return sh_queue_lost(q, pkts, n);
	SH_STEP("queue_inside");
	if (!sh_ring_quick_get(r, (void **)pkts, n))
		return receive(io, pkts, n);
	sh_count(&q->packets, n);
	if (unlikely(sh_ring_watched(r)))
		return woken(io, n);
	sh_queue_leave(q);
	return n;
}

static uint16_t tx_plain(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct io *io = data;
	struct sh_queue *q = io->q;
	struct rte_ring *r = io->r;

	if (!sh_queue_enter(q))
		return sh_queue_lost(q, pkts, n);
	SH_STEP("queue_inside");
	if (!sh_ring_quick_put(r, (void *const *)pkts, n))
		return send(io, pkts, n);
	sh_count(&q->packets, n);
	if (unlikely(sh_ring_watched(r)))
		return woken(io, n);
	sh_queue_leave(q);
	return n;
}

/* ---- devargs ---- */

static int ring_name(char *buf, size_t cap, unsigned i, const char *of)
{
	int n = snprintf(buf, cap, "ETH_RXTX%u_%s", i, of);

	return n < 0 || (size_t)n >= cap ? -ENAMETOOLONG : 0;
}

/* of's rings, made here or there already */
static int named_rings(struct sh_port *p, const char *of, bool create)
{
	struct rings *s = p->shared;
	char name[RTE_RING_NAMESIZE];

	for (unsigned i = 0; i < RINGS; i++) {
		if (ring_name(name, sizeof(name), i, of) < 0) {
			sh_err("%s: '%s' is too long for the names of rings", p->name, of);
			return -ENAMETOOLONG;
		}
		if (create && i == 0 && rte_ring_lookup(name) == NULL)
			s->made = true;
		s->rx[i] = create ? rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ)
				  : rte_ring_lookup(name);
		if (s->rx[i] == NULL && !create && i > 0)
			break; /* as many as there are */
		if (s->rx[i] == NULL) {
			sh_err("%s: the ring %s cannot be %s", p->name, name,
			       create ? "made" : "found: its maker starts first, with CREATE");
			return create ? -rte_errno : -ENOENT;
		}
		SH_STEP("drv_ring_one");
		s->tx[i] = s->rx[i];
		s->n_rx = s->n_tx = i + 1;
	}
	return 0;
}

static int nodeaction(const struct sh_port *p, struct rings *s, const char *value)
{
	char *text = s->of, *node, *action;

	if (value == NULL || snprintf(text, sizeof(s->of), "%s", value) >= (int)sizeof(s->of))
		text[0] = '\0';
	node = strchr(text, ':');
	action = node != NULL ? strchr(node + 1, ':') : NULL;
	if (action == NULL || node == text) {
		sh_err("%s: nodeaction=%s: NAME:NODE:CREATE or NAME:NODE:ATTACH is wanted", p->name,
		       value != NULL ? value : "");
		return -EINVAL;
	}
	*node = '\0';
	action++;
	if (strcmp(action, "CREATE") != 0 && strcmp(action, "ATTACH") != 0) {
		sh_err("%s: nodeaction=%s: '%s' is neither CREATE nor ATTACH", p->name, value, action);
		return -EINVAL;
	}
	s->how = action[0] == 'C' ? CREATE : ATTACH;
	return 0;
}

struct search {
	uint64_t addr;
	struct rte_ring *found;
};

static void compare(struct rte_ring *r, void *arg)
{
	struct search *s = arg;

	if ((uint64_t)(uintptr_t)r == s->addr)
		s->found = r;
}

/* "[addr;addr]": what they say, not looked at yet; 0 or -errno */
static int list(const struct sh_port *p, const char *key, const char *text, struct rte_ring **to, unsigned *n)
{
	const char *at = text != NULL && *text == '[' ? text + 1 : NULL;
	char *end = NULL;

	for (*n = 0; at != NULL && *n < RINGS; at = end + 1) {
		to[(*n)++] = (struct rte_ring *)(uintptr_t)strtoull(at, &end, 16);
		if (end == at || (*end != ';' && *end != ']'))
			break;
		if (*end == ']' && end[1] == '\0')
			return 0;
	}
	sh_err("%s: %s=%s: addresses of 1 to %d rings are wanted, as [A;B]: rte_eth_from_rings() writes them", p->name,
	       key, text != NULL ? text : "", RINGS);
	return -EINVAL;
}

static int rings_of_the_group(const struct sh_port *p, struct rte_ring **to, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct search s = {.addr = (uint64_t)(uintptr_t)to[i]};

		sh_ring_walk(compare, &s);
		if (s.found == NULL) {
			sh_err("%s: at 0x%llx is no ring of the group; rte_ring_create() makes one", p->name,
			       (unsigned long long)s.addr);
			return -EINVAL;
		}
	}
	return 0;
}

static int args(struct sh_port *p)
{
	static const char *const keys[] = {"nodeaction", "rx", "tx", "rss", NULL};
	struct rte_kvargs *kv = sh_port_args(p, keys);
	struct rings *s = p->shared;
	bool rss = true;
	int r = -EINVAL;

	if (kv == NULL)
		return -EINVAL;
	if (rte_kvargs_process(kv, "rss", sh_port_flag, &rss) < 0) {
		rte_kvargs_free(kv);
		return -EINVAL;
	}
	p->caps.no_rss = !rss;
	if (rte_kvargs_count(kv, "rx") + rte_kvargs_count(kv, "tx") > 0) {
		s->how = LIST;
		if (list(p, "rx", rte_kvargs_get(kv, "rx"), s->rx, &s->n_rx) == 0 &&
		    list(p, "tx", rte_kvargs_get(kv, "tx"), s->tx, &s->n_tx) == 0)
			r = 0;
	} else if (rte_kvargs_count(kv, "nodeaction") > 1) {
		sh_err("%s: one nodeaction for one port; give another --vdev for the other", p->name);
	} else if (rte_kvargs_count(kv, "nodeaction") == 1) {
		r = nodeaction(p, s, rte_kvargs_get(kv, "nodeaction"));
	} else {
		s->how = OWN;
		(void)snprintf(s->of, sizeof(s->of), "%s", p->name);
		r = 0;
	}
	rte_kvargs_free(kv);
	return r;
}

static int probe(struct sh_port *p)
{
	struct rings *s = p->shared;
	uint64_t mac = (rte_rand() & 0xffffffffff00ull) | 0x02;
	int r;

	if (s->how != LIST)
		r = named_rings(p, s->of, s->how != ATTACH);
	else if ((r = rings_of_the_group(p, s->rx, s->n_rx)) == 0)
		r = rings_of_the_group(p, s->tx, s->n_tx);
	if (r < 0)
		return r;
	p->caps = (struct sh_port_caps){
		.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER, /* packets of several segments pass */
		.tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
		.no_rss = p->caps.no_rss,
		.speed_capa = RTE_ETH_LINK_SPEED_10G,
		.max_rxq = (uint16_t)s->n_rx,
		.max_txq = (uint16_t)s->n_tx,
		.max_macs = SH_MACS,
		.min_mtu = RTE_ETHER_MIN_LEN - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN,
		.max_mtu = UINT16_MAX,
		.max_rx_pktlen = UINT32_MAX,
		.lsc = true,
	};
	sh_store_rlx(&p->mac[0], mac); /* relaxed, as what follows: before the port is there */
	sh_store_rlx(&p->promisc, 1);  /* nothing is filtered */
	sh_store_rlx(&p->allmulti, 1);
	sh_port_link_put(p, false, RTE_ETH_SPEED_NUM_10G, true, false);
	return 0;
}

/* is there another port that has this ring? It frees it, in the end */
static bool left(const struct sh_port *p, const struct rte_ring *r)
{
	for (unsigned i = 0; i < SH_PORTS; i++) {
		struct sh_port *o = &sh_table(false)->row[i];
		struct rings *s = o->shared;

		if (o == p || sh_serial(o) == 0 || strcmp(o->driver, "net_ring") != 0)
			continue;
		for (unsigned k = 0; k < RINGS; k++) {
			if (k < s->n_rx && s->rx[k] == r)
				return s->left_rx |= 1u << k, true;
			if (k < s->n_tx && s->tx[k] == r)
				return s->left_tx |= 1u << k, true;
		}
	}
	return false;
}

static void ring_goes(const struct sh_port *p, struct rte_ring *r)
{
	void *m;

	if (r == NULL || left(p, r))
		return;
	while (rte_ring_dequeue(r, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

static void left_ring_goes(const struct sh_port *p, const struct rte_ring *r)
{
	struct search s = {.addr = (uint64_t)(uintptr_t)r};

	sh_ring_walk(compare, &s);
	if (s.found != NULL && strncmp(s.found->name, "ETH_RXTX", 8) == 0)
		ring_goes(p, s.found);
}

/* also of a dead maker's half: rings that it had made are found by their names */
static void remove_port(struct sh_port *p)
{
	const struct rings *s = p->shared;
	char name[RTE_RING_NAMESIZE];

	for (unsigned i = 0; i < RINGS; i++) {
		if (s->made && ring_name(name, sizeof(name), i, s->of) == 0)
			ring_goes(p, rte_ring_lookup(name));
		if ((s->left_rx >> i & 1) != 0)
			left_ring_goes(p, s->rx[i]);
		if ((s->left_tx >> i & 1) != 0)
			left_ring_goes(p, s->tx[i]);
		SH_STEP("drv_ring_gone");
	}
}

/* ---- operations ---- */

static int set_link(struct sh_here *h, bool up)
{
	sh_port_link_put(h->p, up, RTE_ETH_SPEED_NUM_10G, true, false);
	return 0;
}

static int start(struct sh_here *h)
{
	return set_link(h, true);
}

static int stop(struct sh_here *h)
{
	return set_link(h, false);
}

static int accept_filter(struct sh_here *h, bool on)
{
	(void)h, (void)on;
	return 0;
}

static int accept_mac(struct sh_here *h, uint64_t mac)
{
	(void)h, (void)mac;
	return 0;
}

static int accept_mac_change(struct sh_here *h, uint64_t mac, bool there)
{
	(void)h, (void)mac, (void)there;
	return 0;
}

static int accept_mtu(struct sh_here *h, uint16_t mtu)
{
	(void)h, (void)mtu;
	return 0;
}

static int queue_setup(struct sh_here *h, struct sh_queue *q)
{
	const struct rings *s = h->p->shared;

	if (!q->tx)
		q->drv[0] = (uint64_t)(uintptr_t)s->rx[q->id];
	return 0;
}

static int open_queue(struct sh_here *h, struct sh_queue *q, struct sh_io *ret)
{
	const struct rings *s = h->p->shared;
	struct io *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return -ENOMEM;
	*io = (struct io){.q = q, .r = q->tx ? s->tx[q->id] : s->rx[q->id]};
	ret->data = io;
	if (q->tx)
		ret->burst = io->r->prod_plain != 0 ? tx_plain : tx;
	else
		ret->burst = io->r->cons_plain != 0 ? rx_plain : rx;
	return 0;
}

static void shut(struct sh_here *h, struct sh_queue *q, struct sh_io *io)
{
	(void)h, (void)q;
	free(io->data);
}

static int used(struct sh_here *h, struct sh_queue *q)
{
	const struct rings *s = h->p->shared;

	return (int)rte_ring_count(q->tx ? s->tx[q->id] : s->rx[q->id]);
}

extern const struct sh_driver sh_drv_ring;
const struct sh_driver sh_drv_ring = {
	.name = "net_ring",
	.shared = sizeof(struct rings),
	.args = args,
	.probe = probe,
	.remove = remove_port,
	.queue_setup = queue_setup,
	.start = start,
	.stop = stop,
	.set_link = set_link,
	.promisc = accept_filter,
	.allmulti = accept_filter,
	.mac_set = accept_mac,
	.mac_change = accept_mac_change,
	.mtu_set = accept_mtu,
	.open = open_queue,
	.shut = shut,
	.used = used,
};

/* ---- made by a program ---- */

static int bad(const char *why, int err)
{
	sh_err("rte_eth_from_rings: %s", why);
	rte_errno = err;
	return -1;
}

static size_t write_list(char *buf, size_t cap, const char *key, struct rte_ring *const rings[], unsigned n)
{
	size_t at = (size_t)snprintf(buf, cap, "%s=[", key);

	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(buf + at, cap - at, "%s0x%llx", i > 0 ? ";" : "",
				       (unsigned long long)(uintptr_t)rings[i]);
	return at + (size_t)snprintf(buf + at, cap - at, "]");
}

SH_EXPORT int rte_eth_from_rings(const char *name, struct rte_ring *const rx_queues[], const unsigned int nb_rx_queues,
				 struct rte_ring *const tx_queues[], const unsigned int nb_tx_queues,
				 const unsigned int numa_node)
{
	char device[SH_PORT_NAME], args[2 * RINGS * 24 + 32];
	unsigned id = 0;
	size_t at;
	int r;

	(void)numa_node;
	if (name == NULL || rx_queues == NULL || tx_queues == NULL || nb_rx_queues == 0 || nb_tx_queues == 0)
		return bad("a name, and at least one ring each way", EINVAL);
	if (nb_rx_queues > RINGS || nb_tx_queues > RINGS)
		return bad("at most 16 rings each way", EINVAL);
	if (snprintf(device, sizeof(device), "net_ring_%s", name) >= (int)sizeof(device))
		return bad("the name is too long", ENAMETOOLONG);
	at = write_list(args, sizeof(args), "rx", rx_queues, nb_rx_queues);
	args[at++] = ',';
	(void)write_list(args + at, sizeof(args) - at, "tx", tx_queues, nb_tx_queues);
	r = sh_port_make(device, args, &id);
	if (r < 0)
		return bad(r == -EEXIST ? "there is a port of this name" : "the port cannot be made", -r);
	sh_ports_tell();
	return (int)id;
}

SH_EXPORT int rte_eth_from_ring(struct rte_ring *r)
{
	if (r == NULL)
		return bad("the ring is NULL", EINVAL);
	return rte_eth_from_rings(r->name, &r, 1, &r, 1, 0);
}
