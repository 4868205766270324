/* SPDX-License-Identifier: BSD-3-Clause */
/* afp_rx.c - net_af_packet: packets out of a ring (afp.h): read, their checksums filled in, cut, given back */
#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

#include "base/fault.h"
#include "base/log.h"
#include "pkt/afp.h"
#include "pkt/gso.h"
#include "pkt/kif.h"

#define BIG_ROOM (SH_AFP_VNET + RTE_VLAN_HLEN + SH_GSO_FRAME + 64)
#define ERRORS 16 /* told of a socket, one after the other, at most: each takes an event that comes between two calls */
#define MARK 1	  /* in a slot's padding: read, and to be given back */

struct rx {
	struct sh_queue *q;
	_Atomic uint32_t *shared_idx;
	uint8_t *map;
	size_t size;
	uint32_t n, per_block, framesz, blocksz;
	uint32_t idx, taken; /* the next slot; those before it that are marked and not given back */
	int fd;
	uint16_t port;
	bool strip, scatter, lro, csum;
	/* a big packet that is being cut, or put into a chain: this one is the owner's alone */
	bool cutting;
	struct sh_cut cut;
	uint64_t cut_flags;
	uint16_t cut_tci;
	uint8_t *big;
};

static struct tpacket2_hdr *slot(const struct rx *x, uint32_t i)
{
	return (void *)(x->map + (size_t)(i / x->per_block) * x->blocksz + (size_t)(i % x->per_block) * x->framesz);
}

static _Atomic uint32_t *status(struct tpacket2_hdr *h)
{
	return (_Atomic uint32_t *)&h->tp_status;
}

static bool ours(struct tpacket2_hdr *h)
{
	return (sh_load_acq(status(h)) & TP_STATUS_USER) != 0; /* A:AFPSLOT partner: the kernel */
}

static void give_back(struct tpacket2_hdr *h)
{
	sh_store_rel(status(h), TP_STATUS_KERNEL); /* R:AFPSLOT partner: the kernel */
}

static uint32_t step(const struct rx *x, uint32_t i)
{
	return i + 1 == x->n ? 0 : i + 1;
}

static void taken(struct rx *x, struct tpacket2_hdr *h)
{
	h->tp_padding[0] = MARK;
	x->idx = step(x, x->idx);
	x->taken++;
}

/* afp.h, steps 2 and 3 */
static void commit(struct rx *x)
{
	uint32_t i = x->idx >= x->taken ? x->idx - x->taken : x->idx + x->n - x->taken;

	if (x->taken == 0)
		return;
	SH_STEP("afp_marked");
	sh_store_rel(x->shared_idx, x->idx); /* R:AFPIDX */
	SH_STEP("afp_noted");
	for (; x->taken > 0; x->taken--, i = step(x, i))
		give_back(slot(x, i));
}

/* what the last owner had read: given back */
static void recover(struct rx *x)
{
	x->idx = sh_load_acq(x->shared_idx) % x->n; /* A:AFPIDX */
	for (uint32_t k = 1; k <= x->n; k++) {
		struct tpacket2_hdr *h = slot(x, (x->idx + x->n - k) % x->n);

		if (!ours(h) || h->tp_padding[0] != MARK)
			break;
		give_back(h);
	}
	for (uint32_t k = 0; k < x->n; k++) {
		struct tpacket2_hdr *h = slot(x, x->idx);

		if (!ours(h) || h->tp_padding[0] != MARK)
			break;
		x->idx = step(x, x->idx);
		sh_store_rel(x->shared_idx, x->idx); /* R:AFPIDX */
		give_back(h);
	}
}

/* ---- packets ---- */

/* n bytes from data into as many mbufs as it takes; NULL: no mbufs, or it may not be several (*small) */
static struct rte_mbuf *copy(struct rx *x, const uint8_t *data, uint32_t n, bool chain, bool *small)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(x->q->mp), *m = head;
	uint32_t done = 0, part;

	*small = false;
	if (head == NULL)
		return NULL;
	for (;;) {
		uint16_t room = rte_pktmbuf_tailroom(m);

		part = RTE_MIN(n - done, (uint32_t)room);
		memcpy(rte_pktmbuf_mtod(m, void *), data + done, part);
		m->data_len = (uint16_t)part;
		done += part;
		if (done == n)
			break;
		*small = !chain || room == 0;
		m->next = *small ? NULL : rte_pktmbuf_alloc(x->q->mp);
		if (m->next == NULL) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		m = m->next;
		head->nb_segs++;
	}
	head->pkt_len = n;
	head->port = x->port;
	return head;
}

static uint64_t checked(const struct rx *x, const struct virtio_net_hdr *v)
{
	if (x->csum && (v->flags & (VIRTIO_NET_HDR_F_DATA_VALID | VIRTIO_NET_HDR_F_NEEDS_CSUM)) != 0)
		return RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return 0;
}

static uint16_t tpid_of(const struct tpacket2_hdr *h)
{
	return (h->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? h->tp_vlan_tpid : RTE_ETHER_TYPE_VLAN;
}

/*
 * Is there a tag that goes back into the packet? The kernel takes out those of 802.1ad, too: an mbuf has no place for the kind,
 * and whoever sent it on would send another packet.
 */
static bool put_back(const struct rx *x, const struct tpacket2_hdr *h)
{
	return (h->tp_status & TP_STATUS_VLAN_VALID) != 0 && (!x->strip || tpid_of(h) != RTE_ETHER_TYPE_VLAN);
}

/* the tag that the kernel took out: into the mbuf, or into the packet, where there are 4 bytes in front of it */
static uint8_t *tag(const struct rx *x, const struct tpacket2_hdr *h, uint8_t *pkt, uint32_t *len,
		    struct virtio_net_hdr *v, uint64_t *flags)
{
	uint16_t tpid = tpid_of(h);

	if ((h->tp_status & TP_STATUS_VLAN_VALID) == 0 || *len < 2 * RTE_ETHER_ADDR_LEN)
		return pkt;
	if (!put_back(x, h)) {
		*flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		return pkt;
	}
	pkt -= RTE_VLAN_HLEN;
	memmove(pkt, pkt + RTE_VLAN_HLEN, 2 * RTE_ETHER_ADDR_LEN);
	tpid = rte_cpu_to_be_16(tpid);
	memcpy(pkt + 12, &tpid, 2);
	tpid = rte_cpu_to_be_16(h->tp_vlan_tci);
	memcpy(pkt + 14, &tpid, 2);
	*len += RTE_VLAN_HLEN;
	v->csum_start = (uint16_t)(v->csum_start + RTE_VLAN_HLEN);
	return pkt;
}

/*
 * *m is a packet, 1; there is none for this slot, counted, 0; no mbuf now, -1. A checksum that is missing is written into the
 * mbuf, for the slot may be read again; into x->big where it takes several.
 */
static int whole(struct rx *x, uint8_t *pkt, uint32_t len, const struct virtio_net_hdr *v, bool chain,
		 struct rte_mbuf **m)
{
	bool sum = (v->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0, small, fine = true;

	if (sum && len > (uint32_t)rte_pktmbuf_data_room_size(x->q->mp) - RTE_PKTMBUF_HEADROOM) {
		if (pkt < x->big || pkt >= x->big + BIG_ROOM)
			pkt = memcpy(x->big, pkt, len);
		fine = sh_vnet_fill(v, pkt, len);
		sum = false;
	}
	*m = fine ? copy(x, pkt, len, chain, &small) : NULL;
	if (*m != NULL && sum) {
		fine = sh_vnet_fill(v, rte_pktmbuf_mtod(*m, uint8_t *), len);
		if (!fine)
			rte_pktmbuf_free(*m);
	}
	if (fine && *m != NULL)
		return 1;
	if (fine && !small)
		return -1;
	sh_queue_bad(x->q);
	return 0;
}

/* the next piece of the packet that is being cut; as whole(), and 0 when there is none any more */
static int piece(struct rx *x, struct rte_mbuf **ret)
{
	uint32_t size = sh_cut_more(&x->cut) ? sh_cut_next(&x->cut) : 0;
	struct rte_mbuf *m;
	bool small = false;

	if (size == 0) {
		x->cutting = false;
		return 0;
	}
	m = rte_pktmbuf_alloc(x->q->mp);
	if (m == NULL)
		return -1;
	if (rte_pktmbuf_tailroom(m) >= size) {
		sh_cut_one(&x->cut, rte_pktmbuf_mtod(m, uint8_t *));
		m->data_len = (uint16_t)size;
		m->pkt_len = size;
		m->port = x->port;
	} else { /* by way of a buffer, into several */
		uint8_t *buf = malloc(size);
		struct sh_cut before = x->cut;

		rte_pktmbuf_free(m);
		if (buf == NULL)
			return -1;
		sh_cut_one(&x->cut, buf);
		m = copy(x, buf, size, x->scatter, &small);
		free(buf);
		if (m == NULL && small)
			sh_queue_bad(x->q);
		else if (m == NULL)
			x->cut = before;
		if (m == NULL)
			return small ? 0 : -1;
	}
	m->ol_flags = x->cut_flags;
	m->vlan_tci = x->cut_tci;
	*ret = m;
	return 1;
}

/* a whole big packet as one: for a program that asked for LRO */
static int as_one(struct rx *x, uint8_t *pkt, uint32_t len, const struct virtio_net_hdr *v, uint64_t flags,
		  uint16_t tci, struct rte_mbuf **m)
{
	int r = whole(x, pkt, len, v, true, m);

	if (r <= 0) { /* it was taken out of the socket's queue: gone */
		if (r < 0)
			sh_queue_nombuf(x->q, 1);
		return 0;
	}
	(*m)->ol_flags = flags | RTE_MBUF_F_RX_LRO;
	(*m)->vlan_tci = tci;
	(*m)->tso_segsz = v->gso_size;
	(*m)->l2_len = x->cut.l3;
	(*m)->l3_len = x->cut.l4 - x->cut.l3;
	(*m)->l4_len = x->cut.hdr_len - x->cut.l4;
	return 1;
}

/* len bytes at pkt, in x->big: cut from now on, or given as they are */
static int big(struct rx *x, const struct tpacket2_hdr *h, uint8_t *pkt, uint32_t len, struct virtio_net_hdr *v,
	       struct rte_mbuf **m)
{
	uint64_t flags = checked(x, v);
	uint16_t tci = h->tp_vlan_tci;
	int r;

	pkt = tag(x, h, pkt, &len, v, &flags);
	if (v->gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		r = whole(x, pkt, len, v, x->scatter, m);
		if (r < 0) {
			sh_queue_nombuf(x->q, 1);
			return 0;
		}
		if (r == 0)
			return 0;
		(*m)->ol_flags |= flags;
		(*m)->vlan_tci = tci;
		return 1;
	}
	if (!sh_cut_begin(&x->cut, v, pkt, len)) {
		sh_queue_uncut(x->q);
		return 0;
	}
	if (x->lro && !x->cut.udp && x->cut.tunnel == 0) /* an mbuf's lengths, and who sends it on, know of no tunnel */
		return as_one(x, pkt, len, v, flags, tci, m);
	x->cutting = true;
	x->cut_flags = flags;
	x->cut_tci = tci;
	return 0;
}

/*
 * The next packet of the socket's queue. An error that stands before it, such as of a link that went down meanwhile, is told once
 * and takes no packet: who left it at that would have the packet in the place of the next slot's, and so on for ever.
 */
static ssize_t next_queued(int fd, void *to, size_t room)
{
	ssize_t n = -1;

	for (unsigned i = 0; i < ERRORS; i++) {
		n = recv(fd, to, room, MSG_DONTWAIT | MSG_TRUNC);
		if (n >= 0 || errno == EAGAIN)
			break;
	}
	return n;
}

/* a packet that no slot holds: from the socket's queue */
static int queued(struct rx *x, const struct tpacket2_hdr *h, struct rte_mbuf **m)
{
	uint8_t *to = x->big + RTE_VLAN_HLEN;
	struct virtio_net_hdr v;
	ssize_t n = next_queued(x->fd, to, BIG_ROOM - RTE_VLAN_HLEN);

	if (n < (ssize_t)(SH_AFP_VNET + RTE_ETHER_HDR_LEN) || (size_t)n > BIG_ROOM - RTE_VLAN_HLEN) {
		(void)sh_add_rlx(&x->q->missed, 1);
		return 0;
	}
	SH_STEP("afp_big_read");
	memcpy(&v, to, SH_AFP_VNET);
	return big(x, h, to + SH_AFP_VNET, (uint32_t)n - SH_AFP_VNET, &v, m);
}

/* what the slot has; as whole() */
static int from_slot(struct rx *x, struct tpacket2_hdr *h, struct rte_mbuf **m)
{
	uint32_t st = h->tp_status, len = h->tp_snaplen;
	struct virtio_net_hdr v;
	uint64_t flags = 0;
	uint8_t *pkt = (uint8_t *)h + h->tp_mac;
	int r;

	if (len < h->tp_len && (st & TP_STATUS_COPY) != 0)
		return queued(x, h, m);
	if (len < h->tp_len) { /* and there was no room for the rest of it */
		(void)sh_add_rlx(&x->q->missed, 1);
		return 0;
	}
	memcpy(&v, pkt - SH_AFP_VNET, SH_AFP_VNET);
	if (v.gso_type != VIRTIO_NET_HDR_GSO_NONE || put_back(x, h)) {
		memcpy(x->big + 2 * RTE_VLAN_HLEN, pkt, len); /* the slot stays as it is: it may be read again */
		return big(x, h, x->big + 2 * RTE_VLAN_HLEN, len, &v, m);
	}
	(void)tag(x, h, pkt, &len, &v, &flags);
	r = whole(x, pkt, len, &v, x->scatter, m);
	if (r == 1) {
		(*m)->ol_flags |= flags | checked(x, &v);
		(*m)->vlan_tci = h->tp_vlan_tci;
	}
	return r;
}

static uint16_t rx(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct rx *x = data;
	uint64_t bytes = 0;
	uint16_t got = 0;

	if (!sh_queue_enter(x->q))
		return sh_queue_lost(x->q, pkts, n);
	SH_STEP("queue_inside");
	while (got < n) {
		struct tpacket2_hdr *h;
		int r;

		if (x->cutting) {
			r = piece(x, &pkts[got]);
		} else {
			h = slot(x, x->idx);
			/* a slot that bears the mark was read in this burst: the ring is that small */
			if (x->taken == x->n || !ours(h))
				break;
			r = from_slot(x, h, &pkts[got]);
			if (r >= 0)
				taken(x, h);
		}
		if (r < 0) {
			sh_queue_nombuf(x->q, 1);
			break;
		}
		if (r > 0)
			bytes += pkts[got++]->pkt_len;
	}
	commit(x);
	if (got > 0)
		sh_queue_count(x->q, got, bytes);
	sh_queue_leave(x->q);
	sh_kif_polled(got > 0);
	return got;
}

/* ---- opened and shut ---- */

static int map(struct rx *x, const struct sh_afp *s, unsigned queue)
{
	uint32_t blocks;

	x->framesz = s->framesz;
	x->blocksz = s->blocksz;
	x->per_block = s->blocksz / s->framesz;
	blocks = (s->frames[queue] + x->per_block - 1) / x->per_block;
	x->n = blocks * x->per_block;
	x->size = (size_t)blocks * x->blocksz;
	x->map = mmap(NULL, x->size, PROT_READ | PROT_WRITE, MAP_SHARED, x->fd, 0);
	return x->map == MAP_FAILED ? -errno : 0;
}

int sh_afp_rx_open(struct sh_here *h, struct sh_queue *q, struct sh_io *io)
{
	struct sh_afp *s = h->p->shared;
	struct rx *x = calloc(1, sizeof(*x));
	uint64_t offloads = q->offloads | h->p->conf.rx_offloads;
	int r;

	if (x == NULL)
		return -ENOMEM;
	x->q = q;
	x->port = h->p->id;
	x->shared_idx = &s->idx[q->id];
	x->strip = (offloads & RTE_ETH_RX_OFFLOAD_VLAN_STRIP) != 0;
	x->scatter = (offloads & (RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TCP_LRO)) != 0;
	x->lro = (offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO) != 0;
	x->csum = (offloads & (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)) != 0;
	x->big = malloc(BIG_ROOM);
	x->fd = sh_afp_fd(h, SH_AFP_RX, q->id);
	r = x->big == NULL ? -ENOMEM : x->fd < 0 ? x->fd : map(x, s, q->id);
	if (r < 0) {
		if (r != -ETIMEDOUT) /* sought; the room says so */
			sh_err("port %u (%s): rx queue %u cannot be used here: %s", h->p->id, h->p->name, q->id,
			       strerror(-r));
		free(x->big);
		free(x);
		return r;
	}
	recover(x);
	io->data = x;
	io->burst = rx;
	return 0;
}

void sh_afp_rx_shut(struct sh_io *io)
{
	struct rx *x = io->data;

	(void)munmap(x->map, x->size);
	free(x->big);
	free(x);
	io->data = NULL;
}

int sh_afp_rx_flush(struct sh_here *h, unsigned queue, int fd)
{
	struct sh_afp *s = h->p->shared;
	struct rx x = {.fd = fd, .shared_idx = &s->idx[queue]};
	unsigned last = h->p->nb_rxq - 1u; /* the queue may be no more */
	char byte;
	int r = map(&x, s, queue);

	if (r < 0)
		return r;
	recover(&x);
	for (uint32_t k = 0; k < x.n && ours(slot(&x, x.idx)); k++) {
		taken(&x, slot(&x, x.idx));
		if (h->p->nb_rxq > 0)
			sh_add(&sh_rxq(h->p, RTE_MIN(queue, last))->missed, 1); /* R:QMISSED */
	}
	commit(&x);
	while (next_queued(fd, &byte, 1) >= 0)
		;
	(void)munmap(x.map, x.size);
	return 0;
}
