/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tap_io.c - net_tap's bursts: one system call for each frame of the kernel, which may be many packets
 *
 * Rx: readv() puts the vnet header aside, as many bytes as an mbuf has room for into an mbuf, and the rest into big[], which
 * only frames have that are cut (gso.h) or are longer than an mbuf. What is left of such a frame when the burst is full is
 * given out by the next bursts: bytes of this process, no mbufs, so that a death costs none.
 *
 * Tx: TCP packets that follow each other are merged and written at once; all others by themselves. Everything is written when
 * the burst returns. What the kernel does not take for now stays with the caller; what it refuses counts as an error.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "base/fault.h"
#include "base/log.h"
#include "pkt/port.h"
#include "pkt/tap.h"

#define ROOM_MAX 16384 /* bytes of an mbuf that are read into at most */
#define TX_SEGS 62     /* segments of one packet */
#define HDR_COPY 256   /* bytes of headers that are changed before they are sent */
#define HINTS (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_SEG)

struct tap_rx {
	struct sh_queue *q;
	struct sh_port *p;
	struct rte_mempool *mp;
	int fd;
	uint16_t port;
	uint32_t room; /* bytes of an mbuf */
	bool scatter, csum;
	struct sh_cut cut; /* of what lies in big[] */
	struct virtio_net_hdr v;
	uint8_t big[ROOM_MAX + SH_GSO_FRAME]; /* frames end up in one piece, from ROOM_MAX - room on */
};

struct tap_tx {
	struct sh_queue *q;
	struct sh_port *p;
	int fd;
	uint8_t hdr[HDR_COPY];
	struct virtio_net_hdr v;
	struct sh_merge merge;
	unsigned first; /* of the burst: the one that the merge began with */
};

static void gone(struct sh_port *p)
{
	if (sh_load_acq(&p->gone) != 0) /* A:PORTLINK */
		return;
	sh_warn("port %u (%s): its interface was deleted; the port stays until it is closed", p->id, p->name);
	sh_port_vanished(p);
}

/* ---- rx ---- */

/* flags of a packet whose checksums the kernel has looked at, or that were made here */
static inline uint64_t good(const struct tap_rx *io)
{
	return io->csum ? RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD : 0;
}

/* len bytes into as many mbufs as they need; NULL: there are not so many */
static struct rte_mbuf *chain(struct tap_rx *io, const uint8_t *from, uint32_t len)
{
	struct rte_mbuf *head = NULL, **to = &head;
	uint32_t at = 0;

	while (at < len) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(io->mp);
		uint32_t n = RTE_MIN(len - at, io->room);

		if (m == NULL) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		memcpy(rte_pktmbuf_mtod(m, void *), from + at, n);
		m->data_len = (uint16_t)n;
		*to = m;
		to = &m->next;
		if (head != m)
			head->nb_segs++;
		at += n;
	}
	head->pkt_len = len;
	head->port = io->port;
	return head;
}

/* packets of a segment size beyond an mbuf: rare, by way of a copy */
static struct rte_mbuf *cut_long(struct tap_rx *io, uint32_t len)
{
	uint8_t *copy = malloc(len);
	struct rte_mbuf *m;

	if (copy == NULL)
		return NULL;
	sh_cut_one(&io->cut, copy);
	m = chain(io, copy, len);
	free(copy);
	return m;
}

/* the next packets of the frame that is being cut */
static uint16_t cut(struct tap_rx *io, struct rte_mbuf **pkts, uint16_t n, uint64_t *bytes)
{
	uint16_t got = 0;

	for (; got < n && sh_cut_more(&io->cut); got++) {
		uint32_t len = sh_cut_next(&io->cut);
		struct rte_mbuf *m = len <= io->room ? rte_pktmbuf_alloc(io->mp) : cut_long(io, len);

		if (m == NULL) {
			sh_count(&io->q->nombuf, 1);
			break;
		}
		if (len <= io->room) {
			sh_cut_one(&io->cut, rte_pktmbuf_mtod(m, uint8_t *));
			m->data_len = (uint16_t)len;
			m->pkt_len = len;
			m->port = io->port;
		}
		m->ol_flags |= good(io);
		pkts[got] = m;
		*bytes += len;
	}
	return got;
}

/* a frame of which the first part is in m and the rest in big[]: a packet, to be cut (NULL), or an error (NULL, counted) */
static struct rte_mbuf *long_frame(struct tap_rx *io, struct rte_mbuf *m, uint32_t len)
{
	uint8_t *frame = io->big + ROOM_MAX - io->room;

	memcpy(frame, rte_pktmbuf_mtod(m, void *), RTE_MIN(len, io->room));
	rte_pktmbuf_free(m);
	if (io->v.gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		if (sh_cut_begin(&io->cut, &io->v, frame, len) &&
		    (io->scatter || io->cut.hdr_len + io->cut.mss <= io->room))
			return NULL;
		io->cut.at = io->cut.len = 0;
	} else if (io->scatter &&
		   ((io->v.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0 || sh_vnet_fill(&io->v, frame, len))) {
		m = chain(io, frame, len);
		if (m == NULL)
			sh_count(&io->q->nombuf, 1);
		return m;
	}
	sh_count(&io->q->errors, 1);
	return NULL;
}

/* one read; 1: *m is a packet, or NULL for a frame that is to be cut or was dropped. 0: there is none for now */
static int receive(struct tap_rx *io, struct rte_mbuf **ret)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(io->mp);
	struct iovec iov[3];
	ssize_t got;
	uint32_t len;

	if (m == NULL) {
		sh_count(&io->q->nombuf, 1);
		return 0;
	}
	iov[0] = (struct iovec){&io->v, sizeof(io->v)};
	iov[1] = (struct iovec){rte_pktmbuf_mtod(m, void *), io->room};
	iov[2] = (struct iovec){io->big + ROOM_MAX, SH_GSO_FRAME};
	got = readv(io->fd, iov, 3);
	if (got <= (ssize_t)sizeof(io->v)) {
		if (got < 0 && errno == EBADFD)
			gone(io->p);
		rte_pktmbuf_free(m);
		return 0;
	}
	len = (uint32_t)((size_t)got - sizeof(io->v));
	if (len > io->room || io->v.gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		*ret = long_frame(io, m, len);
		return 1;
	}
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	m->port = io->port;
	if ((io->v.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
		if (!sh_vnet_fill(&io->v, rte_pktmbuf_mtod(m, uint8_t *), len)) {
			sh_count(&io->q->errors, 1);
			rte_pktmbuf_free(m);
			m = NULL;
		} else {
			m->ol_flags |= good(io);
		}
	} else if ((io->v.flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0) {
		m->ol_flags |= io->csum ? RTE_MBUF_F_RX_L4_CKSUM_GOOD : 0;
	}
	*ret = m;
	return 1;
}

static uint16_t rx(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct tap_rx *io = data;
	struct rte_mbuf *m;
	uint64_t bytes = 0;
	uint16_t got = 0;

	if (!sh_queue_enter(io->q))
		return sh_queue_lost(io->q, pkts, n);
	SH_STEP("queue_inside");
	while (got < n) {
		if (sh_cut_more(&io->cut)) {
			uint16_t more = cut(io, pkts + got, (uint16_t)(n - got), &bytes);

			if (more == 0)
				break; /* no mbufs */
			got = (uint16_t)(got + more);
			continue;
		}
		if (receive(io, &m) == 0)
			break;
		if (m == NULL)
			continue;
		bytes += m->pkt_len;
		pkts[got++] = m;
	}
	SH_STEP("tap_received");
	if (got > 0)
		sh_queue_count(io->q, got, bytes);
	sh_queue_leave(io->q);
	return got;
}

/* ---- tx ---- */

/* 0: it is gone, or was refused and is counted; -1: later */
static int put(struct tap_tx *io, const struct iovec *iov, int n, unsigned packets)
{
	if (writev(io->fd, iov, n) >= 0)
		return 0;
	if (errno == EAGAIN || errno == EINTR)
		return -1;
	if (errno == EBADFD)
		gone(io->p);
	sh_count(&io->q->errors, packets);
	return 0;
}

/* the checksum of the layer above IP is left to the kernel: its pseudo header's sum is stored */
static bool hint_l4(struct tap_tx *io, const struct rte_mbuf *m, uint32_t l4, bool tso)
{
	bool udp = (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM && !tso;
	uint32_t off = udp ? offsetof(struct rte_udp_hdr, dgram_cksum) : offsetof(struct rte_tcp_hdr, cksum);
	uint8_t *l3 = io->hdr + m->l2_len;
	uint16_t sum = (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0 ? rte_ipv6_phdr_cksum((void *)l3, 0)
							       : rte_ipv4_phdr_cksum((void *)l3, 0);

	if (off + sizeof(sum) > HDR_COPY - l4)
		return false;
	memcpy(io->hdr + l4 + off, &sum, sizeof(sum));
	io->v.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	io->v.csum_start = (uint16_t)l4;
	io->v.csum_offset = (uint16_t)off;
	if (!tso)
		return true;
	io->v.gso_type = (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	io->v.gso_size = m->tso_segsz;
	io->v.hdr_len = (uint16_t)(l4 + m->l4_len);
	return m->tso_segsz != 0;
}

/* headers that must be changed are copied: the packet may be read by others. Bytes copied, 0: the hints make no sense */
static uint32_t hint(struct tap_tx *io, const struct rte_mbuf *m)
{
	bool tso = (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0;
	uint32_t l4 = (uint32_t)m->l2_len + m->l3_len, n = RTE_MIN(m->data_len, HDR_COPY);
	uint64_t kind = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;
	uint32_t l3 =
		(m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	uint32_t rest = tso || kind == RTE_MBUF_F_TX_TCP_CKSUM ? sizeof(struct rte_tcp_hdr)
			: kind == RTE_MBUF_F_TX_UDP_CKSUM      ? sizeof(struct rte_udp_hdr)
							       : 0;

	if (m->l3_len < l3 || l4 + rest > n)
		return 0;
	memcpy(io->hdr, rte_pktmbuf_mtod(m, void *), n);
	if ((m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) != 0 || (tso && (m->ol_flags & RTE_MBUF_F_TX_IPV6) == 0)) {
		struct rte_ipv4_hdr *ip = (void *)(io->hdr + m->l2_len);
		uint16_t sum = 0;

		if (4u * (io->hdr[m->l2_len] & 0xf) > m->l3_len)
			return 0;
		memcpy(&ip->hdr_checksum, &sum, sizeof(sum));
		sum = rte_ipv4_cksum(ip);
		memcpy(&ip->hdr_checksum, &sum, sizeof(sum));
	}
	if (tso || kind == RTE_MBUF_F_TX_TCP_CKSUM || kind == RTE_MBUF_F_TX_UDP_CKSUM)
		return hint_l4(io, m, l4, tso) ? n : 0;
	return kind == 0 ? n : 0; /* SCTP's is not there */
}

/* one packet by itself */
static int send_one(struct tap_tx *io, const struct rte_mbuf *m)
{
	struct iovec iov[2 + TX_SEGS];
	uint32_t skip = 0;
	int n = 1;

	memset(&io->v, 0, sizeof(io->v));
	iov[0] = (struct iovec){&io->v, sizeof(io->v)};
	if ((m->ol_flags & HINTS) != 0) {
		skip = hint(io, m);
		iov[n++] = (struct iovec){io->hdr, skip};
	}
	if (m->nb_segs > TX_SEGS || (skip == 0 && n == 2)) {
		sh_count(&io->q->errors, 1);
		return 0;
	}
	for (; m != NULL && n < (int)RTE_DIM(iov); m = m->next, skip = 0)
		if (m->data_len > skip)
			iov[n++] = (struct iovec){rte_pktmbuf_mtod_offset(m, void *, skip), m->data_len - skip};
	return put(io, iov, n, 1);
}

/* what was merged goes out; 0, -1 */
static int flush(struct tap_tx *io)
{
	unsigned n = io->merge.n;
	int r = 0;

	if (n > 0)
		r = put(io, io->merge.iov, sh_merge_end(&io->merge), n);
	io->merge.n = 0;
	return r;
}

/* packets that the kernel has, from the first on */
static uint16_t send_all(struct tap_tx *io, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t i, done = 0;

	io->merge.n = 0;
	for (i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);
		bool plain = m->nb_segs == 1 && (m->ol_flags & HINTS) == 0;

		if (plain && sh_merge_add(&io->merge, bytes, m->data_len))
			continue;
		if (flush(io) < 0)
			return done;
		done = i;
		if (plain && sh_merge_begin(&io->merge, bytes, m->data_len))
			continue;
		if (send_one(io, m) < 0)
			return done;
		done = (uint16_t)(i + 1);
	}
	return flush(io) < 0 ? done : n;
}

static uint16_t tx(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct tap_tx *io = data;
	uint64_t bytes = 0, errors;
	uint16_t sent;

	if (!sh_queue_enter(io->q))
		return sh_queue_lost(io->q, pkts, n);
	SH_STEP("queue_inside");
	errors = sh_load_rlx(&io->q->errors); /* relaxed: mine */
	sent = send_all(io, pkts, n);
	errors = sh_load_rlx(&io->q->errors) - errors; /* relaxed: mine */
	SH_STEP("tap_sent");
	for (uint16_t i = 0; i < sent; i++)
		bytes += pkts[i]->pkt_len;
	if (sent > 0) {
		rte_pktmbuf_free_bulk(pkts, sent);
		sh_queue_count(io->q, sent - errors, errors == 0 ? bytes : bytes * (sent - errors) / sent);
	}
	sh_queue_leave(io->q);
	return sent;
}

/* ---- opened and shut ---- */

int sh_tap_open(struct sh_here *h, struct sh_queue *q, struct sh_io *ret)
{
	unsigned rings = h->p->nb_rxq > 0 ? h->p->nb_rxq : 1;
	/* more tx than rx queues: some share a queue of the kernel, which takes writes from anybody at any time */
	int fd = sh_tap_fd(h, q->id % rings);

	if (fd < 0)
		return fd;
	if (q->tx) {
		struct tap_tx *io = calloc(1, sizeof(*io));

		if (io == NULL)
			return -ENOMEM;
		io->q = q;
		io->p = h->p;
		io->fd = fd;
		ret->data = io;
		ret->burst = tx;
	} else {
		struct tap_rx *io = calloc(1, sizeof(*io));

		if (io == NULL)
			return -ENOMEM;
		io->q = q;
		io->p = h->p;
		io->fd = fd;
		io->mp = q->mp;
		io->port = h->p->id;
		io->room =
			RTE_MIN((uint32_t)rte_pktmbuf_data_room_size(q->mp) - RTE_PKTMBUF_HEADROOM, (uint32_t)ROOM_MAX);
		io->scatter = ((q->offloads | h->p->conf.rx_offloads) & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
		io->csum = ((q->offloads | h->p->conf.rx_offloads) & RTE_ETH_RX_OFFLOAD_CHECKSUM) != 0;
		ret->data = io;
		ret->burst = rx;
	}
	return 0;
}

void sh_tap_shut(struct sh_here *h, struct sh_queue *q, struct sh_io *io)
{
	(void)h, (void)q;
	free(io->data);
}
