/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tap_io.c - net_tap's bursts: one system call for each frame of the kernel, which may be many packets
 *
 * Rx: each frame is read into a buffer of this process, and copied from there: the copy of a packet costs less than what
 * readv() does for several buffers, an empty poll needs no mbuf, and frames that are cut (gso.h) must be elsewhere anyway. What is
 * left of such a frame when the burst is full, or a frame for which there was no mbuf, is given out by the next bursts: bytes, no
 * mbufs, so that a death costs none. Without mbufs nothing more is read: what the kernel's queue does not hold is missed.
 *
 * Tx: TCP packets that follow each other, and UDP's of one flow and length, are merged and written at once, when the burst has been
 * put in order of its flows (flows.h); all others by themselves. Everything is written when the burst returns. What the kernel does not take for now stays with the caller; what it refuses counts as an error.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "base/fault.h"
#include "base/log.h"
#include "pkt/flows.h"
#include "pkt/kif.h"
#include "pkt/port.h"
#include "pkt/tap.h"

#define HDR_COPY 256 /* bytes of headers that are changed before they are sent */
#define HINTS (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_SEG)

struct tap_rx {
	struct sh_queue *q;
	struct sh_port *p;
	struct rte_mempool *mp;
	int fd;
	uint16_t port;
	uint32_t room;		     /* bytes of an mbuf */
	bool scatter, csum, ip_csum; /* of layer 4, of IPv4 */
	struct sh_cut cut;	     /* of what lies in frame[] */
	uint32_t len;		     /* of what lies there and is no packet yet: there was no mbuf; 0: nothing */
	uint64_t flags;		     /* that it will have */
	uint8_t pad[16 - sizeof(struct virtio_net_hdr)];
	struct virtio_net_hdr v; /* and what it is about right behind it */
	uint8_t frame[SH_GSO_FRAME];
};
_Static_assert(offsetof(struct tap_rx, frame) - offsetof(struct tap_rx, v) == sizeof(struct virtio_net_hdr),
	       "one read");

struct tap_tx {
	struct sh_queue *q;
	struct sh_port *p;
	int fd;
	uint8_t hdr[HDR_COPY];
	struct virtio_net_hdr v;
	struct sh_merge merge;
	const struct rte_mbuf *head; /* that the merge began with */
	bool join_udp;
};

static void gone(struct sh_port *p)
{
	if (sh_load_acq(&p->gone) != 0) /* A:PORTLINK */
		return;
	sh_warn("port %u (%s): its interface was deleted; the port stays until it is closed", p->id, p->name);
	sh_port_vanished(p);
}

/* ---- rx ---- */

/* flags of a packet whose checksum of layer 4 the kernel has looked at, or that was made here */
static inline uint64_t good(const struct tap_rx *io)
{
	return io->csum ? RTE_MBUF_F_RX_L4_CKSUM_GOOD : 0;
}

/* and of IPv4, whose sum nobody has looked at: a header of 20 to 60 bytes, behind tags */
static uint64_t ip_flags(const struct tap_rx *io, const uint8_t *f, uint32_t len)
{
	uint32_t at = RTE_ETHER_HDR_LEN, n;

	if (!io->ip_csum)
		return 0;
	while (len >= at + RTE_VLAN_HLEN &&
	       ((f[at - 2] == 0x81 && f[at - 1] == 0) || (f[at - 2] == 0x88 && f[at - 1] == 0xa8)))
		at += RTE_VLAN_HLEN;
	if (len < at + 20 || f[at - 2] != 8 || f[at - 1] != 0 || f[at] >> 4 != 4)
		return 0;
	n = 4u * (f[at] & 0xf);
	if (n < 20 || len < at + n || rte_raw_cksum(f + at, n) != 0xffff)
		return RTE_MBUF_F_RX_IP_CKSUM_BAD;
	return RTE_MBUF_F_RX_IP_CKSUM_GOOD;
}

/* len bytes into as many mbufs as they need; NULL: there are not so many */
static struct rte_mbuf *chain(struct tap_rx *io, const uint8_t *from, uint32_t len)
{
	struct rte_mbuf *head = NULL, **to = &head;
	uint32_t at = 0;

	do {
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
	} while (at < len);
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
			sh_queue_nombuf(io->q, 1);
			break;
		}
		if (len <= io->room) {
			sh_cut_one(&io->cut, rte_pktmbuf_mtod(m, uint8_t *));
			m->data_len = (uint16_t)len;
			m->pkt_len = len;
			m->port = io->port;
		}
		m->ol_flags |= good(io) |
			       (io->ip_csum && sh_cut_v4(&io->cut) ? RTE_MBUF_F_RX_IP_CKSUM_GOOD : 0); /* made here */
		pkts[got] = m;
		*bytes += len;
	}
	return got;
}

/* a frame that is no packet of one mbuf: a chain, or to be cut (NULL), or an error (NULL, counted) */
static int long_frame(struct tap_rx *io, struct rte_mbuf **ret)
{
	uint32_t len = io->len;

	if (io->v.gso_type == VIRTIO_NET_HDR_GSO_NONE && io->scatter) {
		*ret = chain(io, io->frame, len);
		return *ret != NULL ? 1 : -1;
	}
	if (io->v.gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		bool known = sh_cut_begin(&io->cut, &io->v, io->frame, len);

		if (known && (io->scatter || io->cut.hdr_len + io->cut.mss <= io->room))
			return 1;
		io->cut.at = io->cut.len = 0;
		if (!known) {
			sh_queue_uncut(io->q);
			return 1;
		}
	}
	sh_queue_bad(io->q);
	return 1;
}

/* a read as it is: libc's would look for a cancellation, at twice the cost of an empty one */
static inline long read_raw(int fd, void *to, size_t n)
{
	return syscall(SYS_read, fd, to, n);
}

/* the next frame, looked at: io->len bytes in frame[], or 0 of one that was bad. False: there is none for now */
static bool receive(struct tap_rx *io)
{
	long got = read_raw(io->fd, &io->v, sizeof(io->v) + sizeof(io->frame));
	uint32_t len;

	if (unlikely(got <= (long)sizeof(io->v))) {
		if (got < 0 && errno == EBADFD)
			gone(io->p);
		return false;
	}
	len = (uint32_t)(got - (long)sizeof(io->v));
	io->flags = 0;
	if (io->v.gso_type == VIRTIO_NET_HDR_GSO_NONE && (io->v.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
		if (!sh_vnet_fill(&io->v, io->frame, len)) {
			sh_queue_bad(io->q);
			return true;
		}
		io->flags = good(io);
	} else if ((io->v.flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0 && io->csum) {
		io->flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	}
	io->flags |= ip_flags(io, io->frame, len);
	io->len = len;
	return true;
}

/* that frame: 1: *ret is a packet, or NULL for one that is to be cut or was bad. -1: there is no mbuf, and it waits */
static int deliver(struct tap_rx *io, struct rte_mbuf **ret)
{
	struct rte_mbuf *m = NULL;
	int r = 1;

	if (unlikely(io->len > io->room || io->v.gso_type != VIRTIO_NET_HDR_GSO_NONE)) {
		r = long_frame(io, &m);
	} else {
		m = rte_pktmbuf_alloc(io->mp);
		if (m != NULL) {
			memcpy(rte_pktmbuf_mtod(m, void *), io->frame, io->len);
			m->data_len = (uint16_t)io->len;
			m->pkt_len = io->len;
			m->port = io->port;
		} else {
			r = -1;
		}
	}
	if (r < 0)
		sh_queue_nombuf(io->q, 1);
	else
		io->len = 0;
	if (m != NULL)
		m->ol_flags |= io->flags;
	*ret = m;
	return r;
}

static uint16_t rx(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct tap_rx *io = data;
	struct rte_mbuf *m;
	uint64_t bytes = 0;
	unsigned none = 0; /* a flood of frames that are no packets is no reason to stay */
	uint16_t got = 0;

	if (!sh_queue_enter(io->q))
		return sh_queue_lost(io->q, pkts, n);
	SH_STEP("queue_inside");
	while (got < n && none <= n) {
		if (sh_cut_more(&io->cut)) {
			uint16_t more = cut(io, pkts + got, (uint16_t)(n - got), &bytes);

			if (more == 0)
				break; /* no mbufs */
			got = (uint16_t)(got + more);
			continue;
		}
		if (io->len == 0 && !receive(io))
			break;
		m = NULL;
		if (io->len != 0 && deliver(io, &m) < 0)
			break;
		if (m == NULL) {
			none++;
			continue;
		}
		bytes += m->pkt_len;
		pkts[got++] = m;
	}
	SH_STEP("tap_received");
	if (got > 0)
		sh_queue_count(io->q, got, bytes);
	sh_queue_leave(io->q);
	sh_kif_polled(got > 0);
	return got;
}

/* ---- tx ---- */

/* what the kernel said: 0: it is gone, or was refused and is counted; -1: later */
static int judge(struct tap_tx *io, long r, unsigned packets)
{
	if (likely(r >= 0))
		return 0;
	if (errno == EAGAIN || errno == EINTR)
		return -1;
	if (errno == EBADFD)
		gone(io->p);
	sh_queue_lose(io->q, packets);
	return 0;
}

/* system calls as they are: see read_raw() */
static int put(struct tap_tx *io, const struct iovec *iov, int n, unsigned packets)
{
	return judge(io, syscall(SYS_writev, io->fd, iov, n), packets);
}

static int put_one(struct tap_tx *io, const void *p, size_t n)
{
	return judge(io, syscall(SYS_write, io->fd, p, n), 1);
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
	uint32_t l4 = (uint32_t)m->l2_len + m->l3_len, n = RTE_MIN(m->pkt_len, (uint32_t)HDR_COPY);
	uint64_t kind = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;
	uint32_t l3 =
		(m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	uint32_t rest = tso || kind == RTE_MBUF_F_TX_TCP_CKSUM ? sizeof(struct rte_tcp_hdr)
			: kind == RTE_MBUF_F_TX_UDP_CKSUM      ? sizeof(struct rte_udp_hdr)
							       : 0;

	const void *at;

	if (m->l3_len < l3 || l4 + rest > n)
		return 0;
	at = rte_pktmbuf_read(m, 0, n, io->hdr); /* headers may lie in several segments */
	if (at == NULL)
		return 0;
	if (at != io->hdr)
		memcpy(io->hdr, at, n);
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

/* the whole packet lies in one piece with room before it, and nobody else reads it: one buffer for the kernel */
static inline bool simple(const struct rte_mbuf *m)
{
	return m->nb_segs == 1 && (m->ol_flags & HINTS) == 0 && RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1 &&
	       m->data_off >= sizeof(struct virtio_net_hdr);
}

/* one packet by itself */
static int send_one(struct tap_tx *io, const struct rte_mbuf *m)
{
	struct iovec iov[2 + TAP_SEGS];
	uint32_t skip = 0;
	int n = 1;

	if (simple(m)) {
		char *v = rte_pktmbuf_mtod(m, char *) - sizeof(struct virtio_net_hdr);

		memset(v, 0, sizeof(struct virtio_net_hdr));
		return put_one(io, v, m->data_len + sizeof(struct virtio_net_hdr));
	}
	memset(&io->v, 0, sizeof(io->v));
	iov[0] = (struct iovec){&io->v, sizeof(io->v)};
	if ((m->ol_flags & HINTS) != 0) {
		skip = hint(io, m);
		iov[n++] = (struct iovec){io->hdr, skip};
	}
	if (m->nb_segs > TAP_SEGS || (skip == 0 && n == 2)) {
		sh_queue_lose(io->q, 1);
		return 0;
	}
	for (; m != NULL && n < (int)RTE_DIM(iov); m = m->next) {
		uint32_t done = RTE_MIN(skip, (uint32_t)m->data_len);

		skip -= done;
		if (m->data_len > done)
			iov[n++] = (struct iovec){rte_pktmbuf_mtod_offset(m, void *, done), m->data_len - done};
	}
	return put(io, iov, n, 1);
}

/* -1 also where the kernel does not know such of UDP (before Linux 6.2): they go one by one then */
static int put_merged(struct tap_tx *io, unsigned n)
{
	long r = syscall(SYS_writev, io->fd, io->merge.iov, sh_merge_end(&io->merge));

	if (unlikely(r < 0 && errno == EINVAL && io->merge.udp && io->join_udp)) {
		io->join_udp = false;
		return -1;
	}
	return judge(io, r, n);
}

/* what was merged goes out; 0, -1 */
static int flush(struct tap_tx *io)
{
	unsigned n = io->merge.n;
	int r = 0;

	if (n == 1)
		r = send_one(io, io->head);
	else if (n > 1)
		r = put_merged(io, n);
	io->merge.n = 0;
	return r;
}

/* packets that the kernel has, from the first on */
static uint16_t send_in_order(struct tap_tx *io, struct rte_mbuf **pkts, uint16_t n)
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
		if (plain && sh_merge_begin(&io->merge, bytes, m->data_len, io->join_udp)) {
			io->head = m;
			continue;
		}
		if (send_one(io, m) < 0)
			return done;
		done = (uint16_t)(i + 1);
	}
	return flush(io) < 0 ? done : n;
}

/* -1 of flush() may say that UDP is not joined any more: those that it was about go one by one */
static uint16_t send_again(struct tap_tx *io, struct rte_mbuf **pkts, uint16_t n)
{
	bool joins = io->join_udp;
	uint16_t sent = send_in_order(io, pkts, n);

	if (unlikely(joins != io->join_udp))
		sent = (uint16_t)(sent + send_in_order(io, pkts + sent, (uint16_t)(n - sent)));
	return sent;
}

static uint16_t send_all(struct tap_tx *io, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *by_flow[SH_FLOWS_BURST];
	uint16_t sent;

	if (n < 3 || n > SH_FLOWS_BURST || !sh_flows_gather(by_flow, pkts, n))
		return send_again(io, pkts, n);
	sent = send_again(io, by_flow, n);
	for (uint16_t i = 0; i < n; i++) /* the first ones are freed, the others are the caller's */
		pkts[i] = by_flow[i];
	return sent;
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
	int fd = sh_tap_fd(h, q->id % rings, SH_FD_BURST);

	if (fd < 0)
		return fd;
	if (q->tx) {
		struct tap_tx *io = calloc(1, sizeof(*io));

		if (io == NULL)
			return -ENOMEM;
		io->q = q;
		io->p = h->p;
		io->fd = fd;
		io->join_udp = true;
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
		io->room = (uint32_t)rte_pktmbuf_data_room_size(q->mp) - RTE_PKTMBUF_HEADROOM;
		io->scatter = ((q->offloads | h->p->conf.rx_offloads) & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
		io->csum = ((q->offloads | h->p->conf.rx_offloads) &
			    (RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM)) != 0;
		io->ip_csum = ((q->offloads | h->p->conf.rx_offloads) & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0;
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
