/* SPDX-License-Identifier: BSD-3-Clause */
/* gso.c - big TCP and UDP frames of the kernel made of packets; sums. See gso.h; cut are they in gso_cut.c */
#include "pkt/gso_int.h"

#define SHORT 96 /* bytes that are summed word by word */

/* ---- sums ---- */

/* two lanes of 64 bits: each takes 32-bit words without overflow for longer than any frame */
typedef uint64_t lanes __attribute__((vector_size(16)));

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
	s->v6 = type == TYPE_IP6;
	if (type == TYPE_IP4) {
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
