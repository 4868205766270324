/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * afp_tx.c - net_af_packet: packets sent, a burst with one call; those of one flow that follow each other, when the burst has been put
 * in order of its flows (flows.h), as one (gso.h), a burst of short ones that are hardly any of them such by way of slots (afp_slots.c)
 *
 * Nothing is kept from burst to burst, and nothing lies in shared memory: what the kernel has taken is on its way whoever dies.
 * What it has no room for now stays the caller's. What it refuses for good (too long, the link is down) is dropped, and
 * counted in oerrors.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

#include "base/fault.h"
#include "base/log.h"
#include "pkt/afp.h"
#include "pkt/flows.h"
#include "pkt/gso.h"

#define CALL 64			/* messages in one call */
#define WORTH 5			/* one packet in so many that is joined to another is worth as much as slots for all */
#define PARTS (SH_AFP_SEGS + 2) /* pieces of memory in one call: a packet's, its header, and one for good measure */

/* what precedes the packet's own bytes in a message: a virtio-net header, and headers that are not as in the mbuf */
struct front {
	struct virtio_net_hdr v; /* SH_AFP_VNET bytes */
	uint8_t hdr[SH_GSO_HDR + RTE_VLAN_HLEN + 34];
};
_Static_assert(sizeof(struct virtio_net_hdr) == SH_AFP_VNET, "the headers follow at once");

struct tx {
	struct sh_queue *q;
	const struct sh_port *p;
	int fd;
	int ctl; /* what uncut() asks, and about what */
	uint32_t index;
	bool join, join_udp, bypass;
	uint32_t longest; /* packet that the interface takes, in this burst */
	struct sh_afp_slots slots;
	unsigned n, parts; /* messages, pieces of memory */
	uint16_t pkts[CALL];
	struct mmsghdr msg[CALL];
	struct iovec iov[PARTS];
	union {
		struct front front;
		struct sh_merge merge;
	} with[CALL];
};

static const struct virtio_net_hdr plain; /* nothing to say */

static bool part(struct tx *x, const void *at, size_t n)
{
	if (x->parts == PARTS)
		return false;
	x->iov[x->parts++] = (struct iovec){.iov_base = (void *)(uintptr_t)at, .iov_len = n};
	return true;
}

/* all of m but the first skip bytes */
static bool rest(struct tx *x, const struct rte_mbuf *m, uint32_t skip)
{
	for (; m != NULL; m = m->next) {
		if (m->data_len > skip && !part(x, rte_pktmbuf_mtod_offset(m, const char *, skip), m->data_len - skip))
			return false;
		skip = m->data_len > skip ? 0 : skip - m->data_len;
	}
	return true;
}

/* ---- one packet, without anything to do: its virtio-net header in the headroom, if it is mine alone ---- */

static bool simple(struct tx *x, struct rte_mbuf *m)
{
	if (m->nb_segs == 1 && RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1 &&
	    rte_pktmbuf_headroom(m) >= SH_AFP_VNET) {
		uint8_t *at = rte_pktmbuf_mtod(m, uint8_t *) - SH_AFP_VNET;

		memset(at, 0, SH_AFP_VNET);
		return part(x, at, m->data_len + SH_AFP_VNET);
	}
	return part(x, &plain, SH_AFP_VNET) && rest(x, m, 0);
}

/* ---- one packet that something is to be done with ---- */

static uint16_t fold(uint32_t s)
{
	s = (s & 0xffff) + (s >> 16);
	return (uint16_t)((s & 0xffff) + (s >> 16));
}

static uint32_t pseudo(const uint8_t *l3, bool v6, unsigned proto, uint32_t len)
{
	uint32_t s = v6 ? sh_sum(l3 + 8, 32, 0) : sh_sum(l3 + 12, 8, 0);

	s = fold(s) + (uint32_t)rte_cpu_to_be_16((uint16_t)proto);
	return s + rte_cpu_to_be_16((uint16_t)len);
}

static void insert_tag(uint8_t *hdr, uint32_t n, uint16_t tci)
{
	uint16_t w = rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN);

	memmove(hdr + 16, hdr + 12, n - 12);
	memcpy(hdr + 12, &w, 2);
	w = rte_cpu_to_be_16(tci);
	memcpy(hdr + 14, &w, 2);
}

/* which checksum of layer 4 is wanted: its place, its protocol; 0: none */
static unsigned l4_field(const struct rte_mbuf *m, bool seg, unsigned *proto)
{
	uint64_t l4 = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;

	*proto = 6;
	if (seg || l4 == RTE_MBUF_F_TX_TCP_CKSUM)
		return 16;
	*proto = 17;
	return l4 == RTE_MBUF_F_TX_UDP_CKSUM ? 6 : 0;
}

/* to be cut, by the kernel or by the interface: which implies the checksums of both layers, also where nothing is left to cut */
static bool to_cut(const struct rte_mbuf *m)
{
	return (m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_RX_LRO)) != 0 && m->tso_segsz != 0;
}

/* layer 3 and 4 of the copy in f->hdr, which begins with a tag more where add says so */
static bool l3_l4(struct front *f, const struct rte_mbuf *m, uint32_t have, uint32_t add)
{
	bool seg = to_cut(m);
	uint32_t l3 = (uint32_t)m->l2_len + add, l4 = l3 + m->l3_len, len = m->pkt_len + add - l4, proto, field;
	bool v6 = have > l3 && f->hdr[l3] >> 4 == 6;
	uint16_t sum;

	field = l4_field(m, seg, &proto);
	if (m->l3_len < (v6 ? 40 : 20) || have < l4 + (field != 0 ? field + 2 : 0) || m->pkt_len + add < l4)
		return false;
	if (!v6 && ((m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) != 0 || seg)) {
		memset(f->hdr + l3 + 10, 0, 2);
		sum = (uint16_t)~fold(sh_sum(f->hdr + l3, m->l3_len, 0));
		memcpy(f->hdr + l3 + 10, &sum, 2);
	}
	if (field == 0)
		return true;
	sum = fold(pseudo(f->hdr + l3, v6, proto, len));
	memcpy(f->hdr + l4 + field, &sum, 2);
	f->v.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	f->v.csum_start = (uint16_t)l4;
	f->v.csum_offset = (uint16_t)field;
	if (seg && len > m->l4_len + (uint32_t)m->tso_segsz) {
		f->v.gso_type = v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		f->v.gso_size = m->tso_segsz;
		f->v.hdr_len = (uint16_t)(l4 + m->l4_len);
	}
	return true;
}

static bool worked(struct tx *x, const struct rte_mbuf *m)
{
	struct front *f = &x->with[x->n].front;
	bool tagged = (m->ol_flags & RTE_MBUF_F_TX_VLAN) != 0;
	uint32_t n = (uint32_t)m->l2_len + m->l3_len + (to_cut(m) ? m->l4_len : 20u), have;
	const void *at;

	if ((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0 && m->tso_segsz == 0)
		return false;
	have = RTE_MIN(RTE_MAX(n, (uint32_t)RTE_ETHER_HDR_LEN), m->pkt_len);
	if (have > sizeof(f->hdr) - RTE_VLAN_HLEN || have < RTE_ETHER_HDR_LEN)
		return false;
	memset(&f->v, 0, sizeof(f->v));
	at = rte_pktmbuf_read(m, 0, have, f->hdr);
	if (at != f->hdr)
		memcpy(f->hdr, at, have);
	if (tagged)
		insert_tag(f->hdr, have, m->vlan_tci);
	if (((m->ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK)) != 0 || to_cut(m)) &&
	    !l3_l4(f, m, have + (tagged ? RTE_VLAN_HLEN : 0), tagged ? RTE_VLAN_HLEN : 0))
		return false;
	return part(x, f, SH_AFP_VNET + have + (tagged ? RTE_VLAN_HLEN : 0)) && rest(x, m, have);
}

/* ---- messages ---- */

static bool may_join(const struct tx *x, const struct rte_mbuf *m)
{
	return x->join && m->nb_segs == 1 && m->data_len <= x->longest &&
	       (m->ol_flags & (RTE_MBUF_F_TX_OFFLOAD_MASK | RTE_MBUF_F_RX_LRO)) == 0;
}

/* how many of pkts are one packet for the kernel; if several, *msg is it. At least 1 */
static uint16_t joined(struct tx *x, struct rte_mbuf **pkts, uint16_t n, struct msghdr *msg)
{
	struct sh_merge *g = &x->with[x->n].merge;

	if (n < 2 || !may_join(x, pkts[0]) ||
	    !sh_merge_begin(g, rte_pktmbuf_mtod(pkts[0], const uint8_t *), pkts[0]->data_len, x->join_udp))
		return 1;
	while (g->n < n && may_join(x, pkts[g->n]) &&
	       sh_merge_add(g, rte_pktmbuf_mtod(pkts[g->n], const uint8_t *), pkts[g->n]->data_len))
		;
	if (g->n == 1)
		return 1;
	msg->msg_iovlen = (size_t)sh_merge_end(g);
	msg->msg_iov = g->iov;
	return (uint16_t)g->n;
}

/* one message of the first of pkts. Returns how many they are; 0: no room in this call; *bad: it can never be sent */
static uint16_t message(struct tx *x, struct rte_mbuf **pkts, uint16_t n, bool *bad)
{
	struct msghdr msg = {.msg_iov = NULL};
	unsigned before = x->parts;
	struct rte_mbuf *m = pkts[0];
	uint16_t k = 1;

	*bad = false;
	if (x->n == CALL)
		return 0;
	if ((m->ol_flags & (RTE_MBUF_F_TX_OFFLOAD_MASK | RTE_MBUF_F_RX_LRO)) != 0) {
		if (!worked(x, m))
			k = 0;
	} else {
		k = joined(x, pkts, n, &msg);
		if (k == 1 && !simple(x, m))
			k = 0;
	}
	if (k == 0) {
		*bad = x->n == 0; /* all of the call's room was not enough, or it contradicts itself */
		x->parts = before;
		return 0;
	}
	if (msg.msg_iov == NULL) {
		msg.msg_iov = &x->iov[before];
		msg.msg_iovlen = x->parts - before;
	}
	x->pkts[x->n] = k;
	x->msg[x->n++].msg_hdr = msg;
	return k;
}

/*
 * Around the queueing discipline nobody cuts but the interface: where that no longer does, a packet to be cut is refused as if there
 * were no room. A kernel before 6.2 knows none of UDP. What was joined goes one by one from here on.
 */
static bool uncut(struct tx *x, const struct msghdr *msg, int err)
{
	struct virtio_net_hdr v;

	if (err != EINVAL && (err != ENOBUFS || !x->bypass))
		return false;
	memcpy(&v, msg->msg_iov[0].iov_base, SH_AFP_VNET); /* each message begins so */
	if (v.gso_type == SH_GSO_UDP) {
		x->join_udp = x->join_udp && err != EINVAL && sh_kif_uso(x->ctl, x->index);
		return !x->join_udp;
	}
	if (v.gso_type == VIRTIO_NET_HDR_GSO_NONE || err == EINVAL || sh_kif_tso(x->ctl, x->index))
		return false;
	x->join = false;
	return true;
}

static bool for_good(int err)
{
	return err != EAGAIN && err != ENOBUFS && err != EINTR && err != ENOMEM;
}

/* the packets of one message are done with */
static uint16_t done(struct rte_mbuf **pkts, uint16_t k, uint64_t *bytes)
{
	for (uint16_t i = 0; i < k; i++)
		*bytes += pkts[i]->pkt_len;
	rte_pktmbuf_free_bulk(pkts, k);
	return k;
}

/* what has been built is sent; returns how many packets are done with, counted; *full: the kernel takes no more now */
static uint16_t flush(struct tx *x, struct rte_mbuf **pkts, bool *full)
{
	uint64_t bytes = 0, lost_bytes = 0;
	uint16_t sent = 0, lost = 0;
	unsigned at = 0;

	while (at < x->n && !*full) {
		int r = sendmmsg(x->fd, &x->msg[at], x->n - at, MSG_DONTWAIT), err = errno;
		bool refused = r <= 0 && uncut(x, &x->msg[at].msg_hdr, err);

		if (refused && x->pkts[at] > 1)
			break; /* it is built anew, not joined */
		if (r > 0) {
			SH_STEP("afp_sent");
			for (; r > 0; r--)
				sent = (uint16_t)(sent + done(pkts + sent + lost, x->pkts[at++], &bytes));
		} else if (refused || for_good(err)) {
			lost = (uint16_t)(lost + done(pkts + sent + lost, x->pkts[at++], &lost_bytes));
		} else {
			*full = true;
		}
	}
	sh_queue_count(x->q, sent, bytes);
	sh_queue_lose(x->q, lost);
	x->n = x->parts = 0;
	return (uint16_t)(sent + lost);
}

/* ---- short ones ---- */

static bool is_short(const struct tx *x, const struct rte_mbuf *m)
{
	return m->nb_segs == 1 && m->data_len >= RTE_ETHER_HDR_LEN &&
	       m->data_len <= RTE_MIN(x->longest, SH_AFP_SHORT) &&
	       (m->ol_flags & (RTE_MBUF_F_TX_OFFLOAD_MASK | RTE_MBUF_F_RX_LRO)) == 0;
}

/*
 * Shall all of the burst go by way of slots? That saves a fifth of what a packet costs the kernel, and joining it to the one before
 * saves all of it.
 */
static bool all_short(struct tx *x, struct rte_mbuf **pkts, uint16_t n)
{
	struct sh_merge *g = &x->with[0].merge;
	unsigned joinable = 0;

	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *bytes = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

		if (!is_short(x, pkts[i]))
			return false;
		if (n == 1 || !x->join)
			continue;
		joinable += i > 0 && sh_merge_fits(g, bytes, pkts[i]->data_len);
		(void)sh_merge_begin(g, bytes, pkts[i]->data_len, x->join_udp);
	}
	return joinable * WORTH < n;
}

/* how many are sent, counted */
static uint16_t by_slots(struct tx *x, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t bytes = 0;

	if (x->slots.fd < 0 || n == 0 || !all_short(x, pkts, n))
		return 0;
	n = done(pkts, sh_afp_slots_send(&x->slots, pkts, n), &bytes);
	sh_queue_count(x->q, n, bytes);
	return n;
}

/* how many are done with */
static uint16_t send_all(struct tx *x, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t sent = by_slots(x, pkts, n), built = 0;
	bool full = false, bad = false;

	while (sent < n && !full) {
		uint16_t k = sent + built < n ? message(x, pkts + sent + built, (uint16_t)(n - sent - built), &bad) : 0;

		built = (uint16_t)(built + k);
		if (k != 0)
			continue;
		if (built == 0 && bad) { /* its own program contradicts itself */
			rte_pktmbuf_free(pkts[sent++]);
			sh_queue_lose(x->q, 1);
			continue;
		}
		sent = (uint16_t)(sent + flush(x, pkts + sent, &full));
		built = 0;
	}
	return sent;
}

/*
 * The kernel takes what is sent where nobody is at the other end, says that it has sent it, and drops it; around the queueing
 * discipline it says for ever that there is no room. What the port's link says may be of a moment ago: then the kernel is asked.
 */
static bool cut_off(const struct tx *x)
{
	const struct rte_eth_link up = {.link_status = RTE_ETH_LINK_UP};
	uint64_t link = sh_load_acq(&x->p->link), mask; /* A:PORTLINK */

	memcpy(&mask, &up, sizeof(mask));
	return unlikely((link & mask) == 0) && sh_kif_cut_off(x->ctl, x->index);
}

static uint16_t tx(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *by_flow[SH_FLOWS_BURST];
	struct tx *x = data;
	uint16_t sent;

	if (!sh_queue_enter(x->q))
		return sh_queue_lost(x->q, pkts, n);
	SH_STEP("queue_inside");
	/* what the interface would not cut is sent as it is, and refused; its MTU may be another one by now */
	x->longest = sh_load_acq(&x->p->link_mtu) + RTE_ETHER_HDR_LEN; /* A:PORTLINK */
	if (cut_off(x)) {
		rte_pktmbuf_free_bulk(pkts, n);
		sh_queue_lose(x->q, n);
		sent = n;
	} else if (x->join && n > 2 && n <= SH_FLOWS_BURST && sh_flows_gather(by_flow, pkts, n)) {
		sent = send_all(x, by_flow, n);
		for (uint16_t i = sent; i < n; i++) /* these stay the caller's */
			pkts[i] = by_flow[i];
	} else {
		sent = send_all(x, pkts, n);
	}
	sh_queue_leave(x->q);
	return sent;
}

/* ---- opened and shut ---- */

int sh_afp_tx_open(struct sh_here *h, struct sh_queue *q, struct sh_io *io)
{
	const struct sh_afp_here *l = h->local;
	const struct sh_afp *s = h->p->shared;
	struct tx *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return -ENOMEM;
	x->q = q;
	x->p = h->p;
	x->fd = sh_afp_fd(h, SH_AFP_TX, q->id);
	if (x->fd < 0) {
		int r = x->fd;

		free(x);
		return r;
	}
	sh_afp_slots_open(&x->slots, sh_afp_fd(h, SH_AFP_SLOTS, q->id));
	x->ctl = l->ctl.fd;
	x->index = s->index;
	x->bypass = s->bypass;
	x->join = s->join && sh_kif_tso(x->ctl, x->index);
	x->join_udp = x->join && sh_kif_uso(x->ctl, x->index);
	io->data = x;
	io->burst = tx;
	return 0;
}

void sh_afp_tx_shut(struct sh_io *io)
{
	struct tx *x = io->data;

	sh_afp_slots_shut(&x->slots);
	free(x);
	io->data = NULL;
}
