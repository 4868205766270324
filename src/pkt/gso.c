/* SPDX-License-Identifier: BSD-3-Clause */
/* gso.c - big TCP and UDP frames of the kernel: cut into packets, and made of packets. See gso.h. */
#include <string.h>

#include "pkt/gso.h"

/* offsets in headers */
enum {
	ETH_LEN = 14,
	IP4_LEN = 20,
	IP4_TOTAL = 2,
	IP4_ID = 4,
	IP4_FRAG = 6,
	IP4_PROTO = 9,
	IP4_SUM = 10,
	IP4_SRC = 12,
	IP6_LEN = 40,
	IP6_PAYLOAD = 4,
	IP6_NEXT = 6,
	IP6_SRC = 8,
	TCP_LEN = 20,
	TCP_SEQ = 4,
	TCP_DOFF = 12,
	TCP_FLAGS = 13,
	TCP_SUM = 16,
	UDP_LEN = 8,
	UDP_LENGTH = 4,
	UDP_SUM = 6,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
};
enum { FIN = 0x01, PSH = 0x08, ACK = 0x10, CWR = 0x80 };
#define DONT_FRAGMENT 0x4000
#define SHORT 96 /* bytes that are summed word by word */

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

/* ---- sums ---- */

/* two lanes of 64 bits: each takes 32-bit words without overflow for longer than any frame */
typedef uint64_t lanes __attribute__((vector_size(16)));

static inline uint32_t fold32(uint64_t s)
{
	s = (s & UINT32_MAX) + (s >> 32);
	return (uint32_t)((s & UINT32_MAX) + (s >> 32));
}

/* n bytes as words of 32 bits, the last one as if zeros followed. to == NULL: only summed */
static inline __attribute__((always_inline)) uint64_t words(uint8_t *to, const uint8_t *from, size_t n, uint64_t s)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t w;

		memcpy(&w, from + i, 8);
		if (to != NULL)
			memcpy(to + i, &w, 8);
		s += (w & UINT32_MAX) + (w >> 32);
	}
	for (; i < n; i += 4) {
		uint32_t w = 0;
		size_t k = n - i < 4 ? n - i : 4;

		memcpy(&w, from + i, k);
		if (to != NULL)
			memcpy(to + i, &w, k);
		s += w;
	}
	return s;
}

static inline __attribute__((always_inline)) uint32_t sum_to(uint8_t *to, const uint8_t *from, size_t n, uint32_t sum)
{
	lanes a = {0, 0}, b = {0, 0}, c = {0, 0}, d = {0, 0}, x, y;
	const lanes low = {UINT32_MAX, UINT32_MAX};
	uint64_t s = sum;
	size_t i = 0;

	if (n < SHORT)
		return fold32(words(to, from, n, sum));
	for (; i + 32 <= n; i += 32) {
		memcpy(&x, from + i, 16);
		memcpy(&y, from + i + 16, 16);
		if (to != NULL) {
			memcpy(to + i, &x, 16);
			memcpy(to + i + 16, &y, 16);
		}
		a += x & low;
		b += x >> 32;
		c += y & low;
		d += y >> 32;
	}
	a += b;
	c += d;
	a += c;
	s += fold32(a[0]);
	s += fold32(a[1]);
	return fold32(words(to != NULL ? to + i : NULL, from + i, n - i, s));
}

uint32_t sh_sum(const void *from, size_t n, uint32_t sum)
{
	return sum_to(NULL, from, n, sum);
}

uint32_t sh_sum_copy(void *to, const void *from, size_t n, uint32_t sum)
{
	return to == from ? sum_to(NULL, from, n, sum) : sum_to(to, from, n, sum);
}

/* to 16 bits, as they lie in memory */
static uint16_t fold16(uint32_t s)
{
	s = (s & 0xffff) + (s >> 16);
	return (uint16_t)((s & 0xffff) + (s >> 16));
}

static void store_sum(uint8_t *at, uint32_t sum)
{
	uint16_t v = (uint16_t)~fold16(sum);

	memcpy(at, &v, sizeof(v));
}

/* of a pseudo header but for its length: addresses and the protocol */
static uint32_t pseudo(const uint8_t *l3, bool v6, uint8_t proto)
{
	uint8_t word[4] = {0, proto, 0, 0};
	uint64_t s = words(NULL, word, 4, 0);

	return fold32(v6 ? words(NULL, l3 + IP6_SRC, 32, s) : words(NULL, l3 + IP4_SRC, 8, s));
}

static uint32_t add_len(uint32_t sum, uint32_t len)
{
	uint8_t word[4];

	put32(word, len);
	return fold32(words(NULL, word, 4, sum));
}

bool sh_vnet_fill(const struct virtio_net_hdr *v, uint8_t *frame, uint32_t len)
{
	uint32_t at = (uint32_t)v->csum_start + v->csum_offset;
	uint16_t sum;

	if (v->csum_start >= len || at + 2 > len)
		return false;
	/* the field holds the pseudo header's sum */
	sum = (uint16_t)~fold16(sh_sum(frame + v->csum_start, len - v->csum_start, 0));
	if (sum == 0)
		sum = 0xffff; /* for UDP 0 is: no checksum; the same number for the others */
	memcpy(frame + at, &sum, sizeof(sum));
	return true;
}

/* ---- cut ---- */

/* where the IP header is, behind tags; 0: it is none */
static uint32_t find_ip(const uint8_t *frame, uint32_t len, bool *v6)
{
	uint32_t at = ETH_LEN;

	for (int tags = 0; at <= len; tags++, at += 4) {
		uint16_t type = get16(frame + at - 2);

		*v6 = type == 0x86dd;
		if (type == 0x0800 || type == 0x86dd)
			return at;
		if ((type != 0x8100 && type != 0x88a8) || tags == 2)
			return 0;
	}
	return 0;
}

bool sh_cut_begin(struct sh_cut *c, const struct virtio_net_hdr *v, const uint8_t *frame, uint32_t len)
{
	uint8_t kind = v->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	uint32_t need, l4_len;

	*c = (struct sh_cut){.frame = frame, .len = len, .mss = v->gso_size, .l4 = v->csum_start};
	c->udp = kind == SH_GSO_UDP;
	l4_len = c->udp ? UDP_LEN : TCP_LEN;
	if ((v->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0 || v->csum_offset != (c->udp ? UDP_SUM : TCP_SUM) ||
	    c->mss == 0 || len < ETH_LEN ||
	    (kind != VIRTIO_NET_HDR_GSO_TCPV4 && kind != VIRTIO_NET_HDR_GSO_TCPV6 && !c->udp))
		return false;
	c->l3 = find_ip(frame, len, &c->v6);
	need = c->l3 + (c->v6 ? IP6_LEN : IP4_LEN);
	if (c->l3 == 0 || (!c->udp && c->v6 != (kind == VIRTIO_NET_HDR_GSO_TCPV6)) || need > c->l4 ||
	    c->l4 + l4_len > len)
		return false;
	if (!c->v6 && c->l3 + 4u * (frame[c->l3] & 0xf) != c->l4)
		return false;
	c->hdr_len = c->l4 + (c->udp ? UDP_LEN : 4u * (frame[c->l4 + TCP_DOFF] >> 4));
	if (c->hdr_len < c->l4 + l4_len || c->hdr_len >= len || c->hdr_len > SH_GSO_HDR)
		return false;
	c->at = c->hdr_len;
	c->seq = c->udp ? 0 : get32(frame + c->l4 + TCP_SEQ);
	c->id = c->v6 ? 0 : get16(frame + c->l3 + IP4_ID);
	c->pseudo = pseudo(frame + c->l3, c->v6, c->udp ? PROTO_UDP : PROTO_TCP);
	return true;
}

/* the network layer's header of a packet with so many bytes behind it */
static void write_ip(uint8_t *l3, bool v6, uint32_t hdr_len, uint32_t payload, uint16_t id)
{
	if (v6) {
		put16(l3 + IP6_PAYLOAD, (uint16_t)(hdr_len - IP6_LEN + payload));
		return;
	}
	put16(l3 + IP4_TOTAL, (uint16_t)(hdr_len + payload));
	put16(l3 + IP4_ID, id);
	put16(l3 + IP4_SUM, 0);
	store_sum(l3 + IP4_SUM, sh_sum(l3, hdr_len, 0));
}

static void write_tcp(const struct sh_cut *c, uint8_t *tcp, uint32_t payload)
{
	bool first = c->at == c->hdr_len, last = c->at + payload == c->len;

	put32(tcp + TCP_SEQ, c->seq);
	if (!last)
		tcp[TCP_FLAGS] &= (uint8_t) ~(FIN | PSH);
	if (!first)
		tcp[TCP_FLAGS] &= (uint8_t)~CWR;
}

void sh_cut_one(struct sh_cut *c, uint8_t *to)
{
	uint32_t payload = sh_cut_next(c) - c->hdr_len, sum, field = c->udp ? UDP_SUM : TCP_SUM;
	uint8_t *l4 = to + c->l4;

	memcpy(to, c->frame, c->hdr_len);
	/* with extension headers IPv6's length counts them */
	if (c->v6)
		put16(to + c->l3 + IP6_PAYLOAD, (uint16_t)(c->hdr_len - c->l3 - IP6_LEN + payload));
	else
		write_ip(to + c->l3, false, c->l4 - c->l3, c->hdr_len - c->l4 + payload, c->id++);
	if (c->udp)
		put16(l4 + UDP_LENGTH, (uint16_t)(UDP_LEN + payload));
	else
		write_tcp(c, l4, payload);
	put16(l4 + field, 0);
	sum = add_len(c->pseudo, c->hdr_len - c->l4 + payload);
	sum = sh_sum(l4, c->hdr_len - c->l4, sum);
	sum = sh_sum_copy(to + c->hdr_len, c->frame + c->at, payload, sum);
	store_sum(l4 + field, sum);
	if (c->udp && get16(l4 + field) == 0) /* there it says: none */
		put16(l4 + field, 0xffff);
	c->seq += payload;
	c->at += payload;
}

/* ---- merge ---- */

struct seg {
	uint32_t l4, hdr_len;
	bool v6, udp;
};

/* the header behind IP: TCP's with nothing but data to tell, UDP's with a checksum; both with data */
static bool look_l4(const uint8_t *p, uint32_t len, uint8_t proto, struct seg *s)
{
	const uint8_t *l4 = p + s->l4;

	s->udp = proto == PROTO_UDP;
	if (len < s->l4 + (s->udp ? UDP_LEN : TCP_LEN) + 1)
		return false;
	s->hdr_len = s->l4 + (s->udp ? UDP_LEN : 4u * (l4[TCP_DOFF] >> 4));
	if (s->udp)
		return get16(l4 + UDP_LENGTH) == len - s->l4 && get16(l4 + UDP_SUM) != 0;
	return proto == PROTO_TCP && s->hdr_len >= s->l4 + TCP_LEN && s->hdr_len < len && (l4[TCP_FLAGS] & ~PSH) == ACK;
}

/* an Ethernet frame of IP and TCP or UDP without anything unusual, with data, nothing behind it */
static bool look(const uint8_t *p, uint32_t len, struct seg *s)
{
	uint16_t type;

	if (len < ETH_LEN + IP4_LEN + UDP_LEN + 1)
		return false;
	type = get16(p + ETH_LEN - 2);
	s->v6 = type == 0x86dd;
	if (type == 0x0800) {
		s->l4 = ETH_LEN + IP4_LEN;
		return p[ETH_LEN] == 0x45 && (get16(p + ETH_LEN + IP4_FRAG) & ~DONT_FRAGMENT) == 0 &&
		       get16(p + ETH_LEN + IP4_TOTAL) == len - ETH_LEN && look_l4(p, len, p[ETH_LEN + IP4_PROTO], s);
	}
	s->l4 = ETH_LEN + IP6_LEN;
	return s->v6 && len > s->l4 && p[ETH_LEN] >> 4 == 6 && get16(p + ETH_LEN + IP6_PAYLOAD) == len - s->l4 &&
	       look_l4(p, len, p[ETH_LEN + IP6_NEXT], s);
}

static bool sums_right(const uint8_t *p, uint32_t len, const struct seg *s)
{
	uint32_t sum;

	if (!s->v6 && fold16(fold32(words(NULL, p + ETH_LEN, IP4_LEN, 0))) != 0xffff)
		return false;
	sum = add_len(pseudo(p + ETH_LEN, s->v6, s->udp ? PROTO_UDP : PROTO_TCP), len - s->l4);
	return fold16(sh_sum(p + s->l4, len - s->l4, sum)) == 0xffff;
}

bool sh_merge_begin(struct sh_merge *g, const uint8_t *pkt, uint32_t len, bool udp)
{
	struct seg s;

	g->n = 0;
	if (!look(pkt, len, &s) || (s.udp && !udp))
		return false;
	g->n = 1;
	g->hdr_len = s.hdr_len;
	g->l4 = s.l4;
	g->l3 = ETH_LEN;
	g->v6 = s.v6;
	g->udp = s.udp;
	g->bytes = len;
	g->mss = len - s.hdr_len;
	g->seq = s.udp ? 0 : get32(pkt + s.l4 + TCP_SEQ) + g->mss;
	g->id = s.v6 ? 0 : get16(pkt + ETH_LEN + IP4_ID);
	g->first = pkt;
	g->push = !s.udp && (pkt[s.l4 + TCP_FLAGS] & PSH) != 0;
	g->last = g->push;
	g->checked = false;
	g->iov[2] = (struct iovec){.iov_base = (void *)(uintptr_t)(pkt + s.hdr_len), .iov_len = g->mss};
	return true;
}

/* IP's header is the first one's, but for what cutting would make differ */
static bool same_ip(const struct sh_merge *g, const uint8_t *ip)
{
	const uint8_t *fip = g->first + ETH_LEN;
	uint16_t id;

	if (g->v6)
		return memcmp(ip, fip, IP6_PAYLOAD) == 0 &&
		       memcmp(ip + IP6_NEXT, fip + IP6_NEXT, IP6_LEN - IP6_NEXT) == 0;
	if (ip[1] != fip[1] || memcmp(ip + IP4_FRAG, fip + IP4_FRAG, 4) != 0 ||
	    memcmp(ip + IP4_SRC, fip + IP4_SRC, 8) != 0)
		return false;
	id = get16(ip + IP4_ID);
	return id == (uint16_t)(g->id + 1) || ((get16(ip + IP4_FRAG) & DONT_FRAGMENT) != 0 && id == g->id);
}

/* and so is TCP's, whose data follow */
static bool same_tcp(const struct sh_merge *g, const uint8_t *tcp, uint32_t hdr_len)
{
	const uint8_t *ftcp = g->first + g->l4;

	return get32(tcp + TCP_SEQ) == g->seq && memcmp(tcp, ftcp, TCP_SEQ) == 0 && memcmp(tcp + 8, ftcp + 8, 5) == 0 &&
	       memcmp(tcp + 14, ftcp + 14, 2) == 0 && memcmp(tcp + 18, ftcp + 18, hdr_len - 18) == 0;
}

/* the same flow, and it fits behind what is there, whatever its checksums */
static bool fits(const struct sh_merge *g, const uint8_t *p, uint32_t len, struct seg *s)
{
	if (g->n == 0 || g->last || g->n == SH_GSO_PKTS || !look(p, len, s) || s->v6 != g->v6 || s->udp != g->udp ||
	    s->hdr_len != g->hdr_len || len - s->hdr_len > g->mss || g->bytes + (len - s->hdr_len) > UINT16_MAX ||
	    memcmp(p, g->first, ETH_LEN) != 0 || !same_ip(g, p + ETH_LEN))
		return false;
	if (g->udp) /* ports */
		return memcmp(p + s->l4, g->first + s->l4, UDP_LENGTH) == 0;
	return same_tcp(g, p + s->l4, s->hdr_len - s->l4);
}

bool sh_merge_fits(const struct sh_merge *g, const uint8_t *pkt, uint32_t len)
{
	struct seg s;

	return fits(g, pkt, len, &s);
}

bool sh_merge_add(struct sh_merge *g, const uint8_t *pkt, uint32_t len)
{
	uint32_t payload;
	struct seg s;

	if (!fits(g, pkt, len, &s) || !sums_right(pkt, len, &s))
		return false;
	if (!g->checked && !sums_right(g->first, g->hdr_len + g->mss, &s))
		return false;
	g->checked = true;
	payload = len - s.hdr_len;
	g->iov[2 + g->n++] = (struct iovec){.iov_base = (void *)(uintptr_t)(pkt + s.hdr_len), .iov_len = payload};
	g->bytes += payload;
	g->seq += payload;
	if (!s.v6)
		g->id = get16(pkt + ETH_LEN + IP4_ID);
	g->push = !s.udp && (pkt[s.l4 + TCP_FLAGS] & PSH) != 0;
	g->last = payload < g->mss || g->push;
	return true;
}

int sh_merge_end(struct sh_merge *g)
{
	uint32_t payload = g->bytes - g->hdr_len, sum, field = g->udp ? UDP_SUM : TCP_SUM;
	uint8_t *l4 = g->hdr + g->l4;
	uint16_t partial;

	memset(&g->v, 0, sizeof(g->v));
	g->iov[0] = (struct iovec){.iov_base = &g->v, .iov_len = sizeof(g->v)};
	if (g->n == 1) {
		g->iov[1] = (struct iovec){.iov_base = (void *)(uintptr_t)g->first, .iov_len = g->bytes};
		return 2;
	}
	memcpy(g->hdr, g->first, g->hdr_len);
	write_ip(g->hdr + g->l3, g->v6, g->l4 - g->l3, g->hdr_len - g->l4 + payload,
		 g->v6 ? 0 : get16(g->hdr + g->l3 + IP4_ID));
	if (g->udp)
		put16(l4 + UDP_LENGTH, (uint16_t)(UDP_LEN + payload));
	else if (g->push)
		l4[TCP_FLAGS] |= PSH;
	sum = add_len(pseudo(g->hdr + g->l3, g->v6, g->udp ? PROTO_UDP : PROTO_TCP), g->bytes - g->l4);
	partial = fold16(sum);
	memcpy(l4 + field, &partial, sizeof(partial));
	g->v.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	g->v.gso_type = g->udp ? SH_GSO_UDP : g->v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	g->v.gso_size = (uint16_t)g->mss;
	g->v.hdr_len = (uint16_t)g->hdr_len;
	g->v.csum_start = (uint16_t)g->l4;
	g->v.csum_offset = (uint16_t)field;
	g->iov[1] = (struct iovec){.iov_base = g->hdr, .iov_len = g->hdr_len};
	return (int)(2 + g->n);
}
