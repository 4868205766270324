/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gso_tunnel_test.c - big frames in tunnels, cut: each piece is read by a slow parser of its own, all lengths, numbers and
 * checksums; what cannot be cut right is refused
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gso_help.h"

enum { UDP = 17, TCP = 6, GRE = 47, IP4 = 4, IP6 = 41 };

static unsigned fold(unsigned sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

struct shape {
	bool out6, in6;		   /* IPv6 outside, inside */
	unsigned tags, out_more;   /* .. and bytes of options outside, IPv4's or IPv6's */
	uint8_t proto;		   /* UDP, GRE; IP4, IP6: follows in6 */
	bool sum, key, ethernet;   /* there is one; GRE's key; Ethernet between GRE and IP */
	unsigned gap;		   /* bytes between UDP and IP */
	unsigned in_more, l4_more; /* bytes of IPv4's options inside, of TCP's */
	bool udp;		   /* inside */
	unsigned mss, payload;
};

struct frame {
	uint8_t b[70000];
	unsigned len, out3, out4, in3, in4, hdr;
	struct virtio_net_hdr v;
};

static unsigned pseudo(const uint8_t *l3, bool v6, unsigned proto, unsigned len)
{
	return fold((v6 ? slow_sum(l3 + 8, 32, 0) : slow_sum(l3 + 12, 8, 0)) + proto + len);
}

static void make_ip(struct frame *f, unsigned at, bool v6, unsigned more, unsigned proto)
{
	uint8_t *p = f->b + at;

	if (v6) {
		put(p, 0x60000000, 4);
		put(p + 4, f->len - at - 40, 2);
		p[6] = (uint8_t)(more > 0 ? 60 : proto);
		if (more > 0) {
			p[40] = (uint8_t)proto;
			p[41] = (uint8_t)(more / 8 - 1);
		}
		return;
	}
	p[0] = (uint8_t)(0x40 | (20 + more) / 4);
	put(p + 2, f->len - at, 2);
	put(p + 6, rnd(2) ? 0x4000 : 0, 2);
	p[9] = (uint8_t)proto;
	put(p + 10, 0, 2);
	put(p + 10, ~slow_sum(p, 20 + more, 0) & 0xffff, 2);
}

/* where each header begins */
static void place(struct frame *f, const struct shape *s)
{
	f->out3 = 14 + 4 * s->tags;
	f->out4 = f->out3 + (s->out6 ? 40 : 20) + s->out_more;
	f->in3 = f->out4;
	if (s->proto == UDP)
		f->in3 += 8 + s->gap;
	else if (s->proto == GRE)
		f->in3 += 4 + (s->sum ? 4 : 0) + (s->key ? 4 : 0) + (s->ethernet ? 14 : 0);
	f->in4 = f->in3 + (s->in6 ? 40 : 20) + s->in_more;
	f->hdr = f->in4 + (s->udp ? 8 : 20) + s->l4_more;
	f->len = f->hdr + s->payload;
}

static void make_tunnel(struct frame *f, const struct shape *s)
{
	uint8_t *l4 = f->b + f->out4;

	if (s->proto == UDP) {
		put(l4 + 4, f->len - f->out4, 2);
		put(l4 + 6, s->sum ? pseudo(f->b + f->out3, s->out6, UDP, f->len - f->out4) : 0, 2);
		if (s->gap > 0)
			memset(l4 + 8, 0, s->gap < 8 ? s->gap : 8);
	} else if (s->proto == GRE) {
		put(l4, (s->sum ? 0x8000 : 0) | (s->key ? 0x2000 : 0), 2);
		put(l4 + 2, s->ethernet ? 0x6558 : s->in6 ? 0x86dd : 0x0800, 2);
		if (s->sum)
			put(l4 + 4, 0, 4);
		if (s->ethernet)
			put(f->b + f->in3 - 2, s->in6 ? 0x86dd : 0x0800, 2);
	}
}

/* as the kernel hands it over: lengths of the whole, and checksums that are a pseudo header's */
static void make(struct frame *f, const struct shape *s)
{
	uint8_t *l4;

	place(f, s);
	for (unsigned i = 0; i < f->len; i++)
		f->b[i] = (uint8_t)rnd(256);
	for (unsigned i = 0; i < s->tags; i++)
		put(f->b + 12 + 4 * i, i == 0 && s->tags == 2 ? 0x88a8 : 0x8100, 2);
	put(f->b + f->out3 - 2, s->out6 ? 0x86dd : 0x0800, 2);
	make_ip(f, f->out3, s->out6, s->out_more, s->proto);
	make_tunnel(f, s);
	make_ip(f, f->in3, s->in6, s->in_more, s->udp ? UDP : TCP);
	l4 = f->b + f->in4;
	if (s->udp)
		put(l4 + 4, f->len - f->in4, 2);
	else
		put(l4 + 12, (20 + s->l4_more) / 4 << 12 | 0x18, 2);
	put(l4 + (s->udp ? 6 : 16), pseudo(f->b + f->in3, s->in6, s->udp ? UDP : TCP, f->len - f->in4), 2);
	f->v = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				       .gso_type = s->udp   ? SH_GSO_UDP
						   : s->in6 ? VIRTIO_NET_HDR_GSO_TCPV6
							    : VIRTIO_NET_HDR_GSO_TCPV4,
				       .hdr_len = (uint16_t)f->hdr,
				       .gso_size = (uint16_t)s->mss,
				       .csum_start = (uint16_t)f->in4,
				       .csum_offset = s->udp ? 6 : 16};
}

/* ---- the parser ---- */

static bool read_ip(const uint8_t *p, unsigned len, bool v6, unsigned *hdr, unsigned *proto)
{
	if (v6) {
		*hdr = 40;
		*proto = p[6];
		if (*proto == 60) {
			*hdr += 8 * (p[41] + 1u);
			*proto = p[40];
		}
		return p[0] == 0x60 && get(p + 4, 2) == len - 40;
	}
	*hdr = 4 * (p[0] & 0xfu);
	*proto = p[9];
	return p[0] >> 4 == 4 && get(p + 2, 2) == len && slow_sum(p, *hdr, 0) == 0xffff;
}

static bool read_l4(const uint8_t *l3, bool v6, const uint8_t *p, unsigned len, unsigned proto)
{
	if (proto == UDP && (get(p + 4, 2) != len || get(p + 6, 2) == 0))
		return false;
	return slow_sum(p, len, pseudo(l3, v6, proto, len)) == 0xffff;
}

/* the packet of this shape, read from its beginning; NULL, or what is wrong */
static const char *wrong(const struct shape *s, const uint8_t *p, unsigned len)
{
	unsigned at = 14 + 4 * s->tags, hdr, proto;
	const uint8_t *l3 = p + at;

	if (!read_ip(l3, len - at, s->out6, &hdr, &proto) || proto != s->proto)
		return "the outer IP header";
	at += hdr;
	if (proto == UDP) {
		if (get(p + at + 4, 2) != len - at)
			return "the outer UDP length";
		if (s->sum ? !read_l4(l3, s->out6, p + at, len - at, UDP) : get(p + at + 6, 2) != 0)
			return "the outer UDP checksum";
		at += 8 + s->gap;
	} else if (proto == GRE) {
		if (s->sum && slow_sum(p + at, len - at, 0) != 0xffff)
			return "GRE's checksum";
		at += 4 + (s->sum ? 4 : 0) + (s->key ? 4 : 0) + (s->ethernet ? 14 : 0);
	}
	l3 = p + at;
	if (!read_ip(l3, len - at, s->in6, &hdr, &proto) || proto != (s->udp ? UDP : TCP))
		return "the inner IP header";
	at += hdr;
	return read_l4(l3, s->in6, p + at, len - at, proto) ? NULL : "the inner length or checksum";
}

/* ---- tests ---- */

/* all that a cut may change in headers: zeroed */
static void blank(const struct frame *f, const struct shape *s, uint8_t *p)
{
	memset(p + f->out3 + (s->out6 ? 4 : 2), 0, s->out6 ? 2 : 4);
	memset(p + f->in3 + (s->in6 ? 4 : 2), 0, s->in6 ? 2 : 4);
	if (!s->out6)
		memset(p + f->out3 + 10, 0, 2);
	if (!s->in6)
		memset(p + f->in3 + 10, 0, 2);
	if (s->proto == UDP)
		memset(p + f->out4 + 4, 0, 4);
	if (s->proto == GRE && s->sum)
		memset(p + f->out4 + 4, 0, 2);
	memset(p + f->in4 + 4, 0, 4);
	if (!s->udp) {
		p[f->in4 + 13] &= 0xf7;
		memset(p + f->in4 + 16, 0, 2);
	}
}

static void check_piece(struct frame *f, const struct shape *s, const uint8_t *p, unsigned len, unsigned i)
{
	const char *why = wrong(s, p, len);
	static uint8_t a[1000], b[1000];

	if (why != NULL)
		t_fail(__FILE__, __LINE__, "%s of piece %u", why, i);
	if (!s->out6)
		CHECK_EQ(get(p + f->out3 + 4, 2), (get(f->b + f->out3 + 4, 2) + i) & 0xffff);
	if (!s->in6)
		CHECK_EQ(get(p + f->in3 + 4, 2), (get(f->b + f->in3 + 4, 2) + i) & 0xffff);
	if (!s->udp) {
		CHECK_EQ(get(p + f->in4 + 4, 4), get(f->b + f->in4 + 4, 4) + i * s->mss);
		CHECK_EQ(p[f->in4 + 13] & 0x08, (i + 1) * s->mss >= s->payload ? 0x08 : 0);
	}
	memcpy(a, p, f->hdr);
	memcpy(b, f->b, f->hdr);
	blank(f, s, a);
	blank(f, s, b);
	CHECK(memcmp(a, b, f->hdr) == 0);
	CHECK(memcmp(p + f->hdr, f->b + f->hdr + i * s->mss, len - f->hdr) == 0);
}

static void check_cut(struct frame *f, const struct shape *s)
{
	struct sh_cut c;
	unsigned n = 0;

	if (!sh_cut_begin(&c, &f->v, f->b, f->len))
		t_fail(__FILE__, __LINE__, "refused: %u in %u over %u, gap %u", s->udp, s->in6, s->proto, s->gap);
	CHECK_EQ(sh_cut_v4(&c), !s->out6);
	for (; sh_cut_more(&c); n++) {
		unsigned len = sh_cut_next(&c), left = s->payload - n * s->mss;
		uint8_t *p = malloc(len);

		CHECK(p != NULL);
		CHECK_EQ(len, f->hdr + (left < s->mss ? left : s->mss));
		sh_cut_one(&c, p);
		check_piece(f, s, p, len, n);
		free(p);
	}
	CHECK_EQ(n, (s->payload + s->mss - 1) / s->mss);
}

static const unsigned gaps[] = {22, 0, 4, 8, 30, 86}; /* VXLAN's; IP in UDP; GUE; GUE; Geneve with options: 8, 64 */

static struct shape any_shape(void)
{
	static const uint8_t protos[] = {UDP, UDP, GRE, IP4};
	struct shape s = {.out6 = rnd(2), .in6 = rnd(2), .udp = rnd(3) == 0, .sum = rnd(2), .key = rnd(2)};

	s.proto = protos[rnd(4)];
	if (s.proto == IP4 && s.in6)
		s.proto = IP6;
	s.tags = rnd(4) == 0 ? 1 + rnd(2) : 0;
	s.out_more = rnd(4) == 0 ? 8 * (1 + rnd(3)) : 0;
	s.ethernet = rnd(2);
	s.gap = gaps[rnd(6)];
	s.in_more = !s.in6 && rnd(4) == 0 ? 4 * (1 + rnd(10)) : 0;
	s.l4_more = s.udp ? 0 : 4 * rnd(11);
	s.mss = 100 + rnd(1400);
	s.payload = s.mss + 1 + rnd(s.mss * (rnd(8) == 0 ? 40 : 4));
	return s;
}

TEST(pieces_of_tunnels_are_right)
{
	static struct frame f;

	for (unsigned round = 0; round < 1500; round++) {
		struct shape s = any_shape();

		make(&f, &s);
		check_cut(&f, &s);
	}
}

/* a datagram of 64 KB makes a frame beyond what the outer headers can say */
TEST(longer_than_the_outer_header_can_say)
{
	static struct frame f;
	struct shape s = {.proto = UDP, .sum = true, .gap = 22, .udp = true, .mss = 1400, .payload = 65507};

	for (unsigned i = 0; i < 4; i++) {
		s.in6 = i % 2;
		s.out6 = i / 2;
		s.payload = s.in6 ? 65487 : 65507;
		make(&f, &s);
		CHECK(f.len > 65535 && f.len < SH_GSO_FRAME);
		check_cut(&f, &s);
	}
}

/* one packet: its outer checksum is right once the inner one is filled in, for so the kernel makes it */
TEST(an_inner_checksum_is_filled_in)
{
	static struct frame f;

	for (unsigned round = 0; round < 300; round++) {
		struct shape s = any_shape();
		const char *why;
		unsigned sum;

		s.payload = 1 + rnd(1400);
		make(&f, &s);
		/* all behind the inner pseudo header sums up to nothing with it */
		sum = ~pseudo(f.b + f.in3, s.in6, s.udp ? UDP : TCP, f.len - f.in4) & 0xffff;
		if (s.sum && s.proto == GRE) {
			put(f.b + f.out4 + 4, ~slow_sum(f.b + f.out4, f.in4 - f.out4, sum) & 0xffff, 2);
		} else if (s.sum && s.proto == UDP) {
			sum = slow_sum(f.b + f.out4, f.in4 - f.out4, sum);
			put(f.b + f.out4 + 6, ~sum & 0xffff, 2);
		}
		CHECK(sh_vnet_fill(&f.v, f.b, f.len));
		why = wrong(&s, f.b, f.len);
		if (why != NULL)
			t_fail(__FILE__, __LINE__, "%s in round %u", why, round);
	}
}

static bool begins(const struct frame *f, unsigned len)
{
	uint8_t *copy = malloc(len + 1);
	struct sh_cut c;
	bool r;

	CHECK(copy != NULL);
	memcpy(copy, f->b, len);
	r = sh_cut_begin(&c, &f->v, copy, len);
	free(copy);
	return r;
}

/* one value at one place where it must not be */
static void refused(const struct shape *s, unsigned place_of, unsigned add, unsigned v, unsigned n)
{
	static struct frame f;
	const unsigned *at = &f.out3 + place_of;

	make(&f, s);
	CHECK(begins(&f, f.len));
	put(f.b + *at + add, v, n);
	if (begins(&f, f.len))
		t_fail(__FILE__, __LINE__, "%#x at %u of header %u was taken", v, add, place_of);
}

TEST(what_cannot_be_cut_right_is_refused)
{
	enum { OUT3, OUT4, IN3 };
	static struct frame f;
	const struct shape vxlan = {.proto = UDP, .sum = true, .gap = 22, .mss = 1000, .payload = 3000};
	const struct shape six = {.out6 = true, .in6 = true, .proto = UDP, .gap = 22, .mss = 1000, .payload = 3000};
	const struct shape gre = {.proto = GRE, .sum = true, .mss = 1000, .payload = 3000};
	const struct shape ipip = {.proto = IP4, .mss = 1000, .payload = 3000};

	refused(&vxlan, OUT3, 6, 0x2000, 2); /* a fragment */
	refused(&vxlan, OUT3, 6, 0x0010, 2);
	refused(&vxlan, OUT3, 2, 3000, 2); /* another length */
	refused(&vxlan, OUT3, 9, 50, 1);   /* ESP */
	refused(&vxlan, OUT4, 4, 3000, 2);
	refused(&vxlan, IN3, 0, 0x55, 1);
	refused(&vxlan, IN3, 2, 3000, 2);
	refused(&vxlan, IN3, 6, 0x2000, 2);
	refused(&vxlan, IN3, 9, UDP, 1);
	refused(&six, OUT3, 4, 3000, 2);
	refused(&six, OUT3, 6, 44, 1); /* a fragment */
	refused(&six, IN3, 4, 3000, 2);
	refused(&six, IN3, 6, UDP, 1);
	refused(&gre, OUT4, 0, 0x9000, 2); /* with numbers */
	refused(&gre, OUT4, 0, 0x8001, 2); /* of another version */
	refused(&gre, OUT4, 2, 0x86dd, 2); /* with something else in it */
	refused(&ipip, OUT3, 9, IP6, 1);
	make(&f, &vxlan);
	for (unsigned n = 0; n <= f.hdr; n++)
		CHECK(!begins(&f, n));
}

/* a tunnel in a tunnel: the middle header would have to be cut, too */
TEST(nested_tunnels_are_refused)
{
	static struct frame f;
	struct shape s = {.proto = UDP, .mss = 1000, .payload = 3000};

	for (unsigned i = 0; i < 4; i++) {
		unsigned at;

		s.gap = 22 + (i % 2 ? 40 : 20) + 8 + 22;
		s.out6 = i / 2;
		make(&f, &s);
		at = f.out4 + 8 + 22;
		CHECK(begins(&f, f.len));
		make_ip(&f, at, i % 2, 0, UDP);
		CHECK(!begins(&f, f.len));
	}
	s = (struct shape){.proto = IP4, .mss = 1000, .payload = 3000};
	make(&f, &s);
	/* IP in IP in IP: the middle one is what the outer one has behind it */
	memmove(f.b + f.in3 + 20, f.b + f.in3, f.len - f.in3);
	f.len += 20;
	make_ip(&f, f.out3, false, 0, IP4);
	make_ip(&f, f.in3, false, 0, IP4);
	f.v.csum_start += 20;
	CHECK(!begins(&f, f.len));
}

/* any bytes: refused, or each piece stays within what was announced */
TEST(nonsense_is_refused)
{
	static struct frame f;
	unsigned taken = 0;

	for (unsigned round = 0; round < 20000; round++) {
		struct shape s = any_shape();

		s.mss = 200;
		s.payload = 500;
		make(&f, &s);
		if (rnd(3) == 0)
			((uint8_t *)&f.v)[rnd(sizeof(f.v))] = (uint8_t)rnd(256);
		for (unsigned n = rnd(3); n > 0; n--)
			f.b[rnd(f.hdr)] = (uint8_t)(rnd(2) ? rnd(256) : 0x40 + rnd(48));
		if (rnd(3) == 0)
			f.len = rnd(f.len + 1);
		taken += cut_any(&f.v, f.b, f.len);
	}
	CHECK(taken > 0);
}
