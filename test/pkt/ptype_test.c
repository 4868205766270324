/* SPDX-License-Identifier: BSD-3-Clause */
/* ptype_test.c - packet types of frames built here, whole, cut off anywhere, and in segments of any length */
#include <rte_ether.h>
#include <rte_net.h>

#include "check.h"
#include "net_help.h"

#define L2_TO_4 (RTE_PTYPE_L2_MASK | RTE_PTYPE_L3_MASK | RTE_PTYPE_L4_MASK)

struct frame {
	uint8_t b[512];
	uint32_t n;
};

static void put(struct frame *f, const void *p, uint32_t n)
{
	memcpy(f->b + f->n, p, n);
	f->n += n;
}

static void put16(struct frame *f, unsigned v)
{
	uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	put(f, b, 2);
}

static void zeros(struct frame *f, uint32_t n)
{
	memset(f->b + f->n, 0, n);
	f->n += n;
}

static void ether(struct frame *f, unsigned type)
{
	put(f, "\x02\0\0\0\0\1\x02\0\0\0\0\2", 12);
	put16(f, type);
}

static void tag(struct frame *f, unsigned type)
{
	put16(f, 0x2005);
	put16(f, type);
}

static void label(struct frame *f, bool last)
{
	put(f, last ? "\0\1\x11\x40" : "\0\1\x10\x40", 4);
}

static void ip4(struct frame *f, unsigned proto, unsigned words, unsigned frag)
{
	uint8_t h[20] = {(uint8_t)(0x40 | words),
			 0,
			 0,
			 0,
			 0,
			 0,
			 (uint8_t)(frag >> 8),
			 (uint8_t)frag,
			 64,
			 (uint8_t)proto,
			 0,
			 0,
			 10,
			 0,
			 0,
			 1,
			 10,
			 0,
			 0,
			 2};

	put(f, h, 20);
	for (unsigned i = 5; i < words; i++)
		put(f, "\1\1\1\1", 4);
}

static void ip6(struct frame *f, unsigned next)
{
	uint8_t h[40] = {0x60, 0, 0, 0, 0, 0, (uint8_t)next, 64, 0x20, 1, [23] = 1, [24] = 0x20, 1, [39] = 2};

	put(f, h, 40);
}

static void ext(struct frame *f, unsigned next, unsigned more)
{
	uint8_t h[8] = {(uint8_t)next, (uint8_t)more, 1, 4};

	put(f, h, 8);
	zeros(f, 8 * more);
}

static void udp(struct frame *f, unsigned src, unsigned dst)
{
	put16(f, src);
	put16(f, dst);
	zeros(f, 4);
}

static void tcp(struct frame *f, unsigned words)
{
	uint8_t h[20] = {0, 80, 1, 2, [12] = (uint8_t)(words << 4)};

	put(f, h, 20);
	zeros(f, words > 5 ? 4 * (words - 5) : 0);
}

static void sctp(struct frame *f)
{
	zeros(f, 12);
}

/* any cut of it into segments says the same; a shorter frame says less, but nothing else */
static void check(const struct frame *f, uint32_t layers, uint32_t want)
{
	struct rte_net_hdr_lens whole, cut;
	struct chain c;

	for (uint32_t len = 0; len <= f->n; len++) {
		uint32_t type = rte_net_get_ptype(chain_cut(&c, f->b, len, len + 1), &whole, layers);

		chain_free(&c);
		for (uint32_t piece = 1; piece <= 50; piece += piece < 9 ? 1 : 7) {
			memset(&cut, 0xee, sizeof(cut));
			CHECK_EQ(rte_net_get_ptype(chain_cut(&c, f->b, len, piece), &cut, layers), type);
			CHECK_EQ(memcmp(&cut, &whole, sizeof(cut)), 0);
			c.seg[0].pkt_len += 1000; /* is not believed */
			CHECK_EQ(rte_net_get_ptype(&c.seg[0], NULL, layers), type);
			chain_free(&c);
		}
		for (unsigned shift = 0; shift < 32; shift += 4) {
			uint32_t part = type & (0xfu << shift);

			/* an MPLS stack without a bottom is plain Ethernet; inner tags take the place of the frame's kind */
			if (part != 0 && part != (want & (0xfu << shift)))
				CHECK(shift == 0 && part == RTE_PTYPE_L2_ETHER);
		}
		if (len == f->n)
			CHECK_EQ(type, want);
	}
}

static struct rte_net_hdr_lens lens(const struct frame *f)
{
	struct rte_net_hdr_lens l;
	struct chain c;

	rte_net_get_ptype(chain_cut(&c, f->b, f->n, f->n), &l, RTE_PTYPE_ALL_MASK);
	chain_free(&c);
	return l;
}

TEST(plain_frames)
{
	struct frame f = {.n = 0};

	ether(&f, RTE_ETHER_TYPE_IPV4);
	ip4(&f, IPPROTO_TCP, 5, 0x4000);
	tcp(&f, 8);
	check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP);
	check(&f, RTE_PTYPE_L2_MASK, RTE_PTYPE_L2_ETHER);
	check(&f, RTE_PTYPE_L2_MASK | RTE_PTYPE_L3_MASK, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4);
	check(&f, RTE_PTYPE_L3_MASK | RTE_PTYPE_L4_MASK, 0);
	check(&f, 0, 0);
	CHECK_EQ(lens(&f).l2_len, 14);
	CHECK_EQ(lens(&f).l3_len, 20);
	CHECK_EQ(lens(&f).l4_len, 32);
	f.n = 0;
	ether(&f, RTE_ETHER_TYPE_IPV4);
	ip4(&f, IPPROTO_UDP, 15, 0);
	udp(&f, 1, 2);
	check(&f, L2_TO_4, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4_EXT | RTE_PTYPE_L4_UDP);
	CHECK_EQ(lens(&f).l3_len, 60);
	CHECK_EQ(lens(&f).l4_len, 8);
	f.n = 0;
	ether(&f, RTE_ETHER_TYPE_IPV6);
	ip6(&f, IPPROTO_SCTP);
	sctp(&f);
	check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV6 | RTE_PTYPE_L4_SCTP);
	f.n = 0;
	ether(&f, RTE_ETHER_TYPE_ARP);
	zeros(&f, 46);
	check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER);
}

TEST(frames_that_lie)
{
	static const uint8_t vhl[] = {0x00, 0x40, 0x44, 0x55, 0x65, 0xf5};
	struct frame f;

	for (unsigned i = 0; i < sizeof(vhl); i++) {
		f.n = 0;
		ether(&f, RTE_ETHER_TYPE_IPV4);
		ip4(&f, IPPROTO_TCP, 5, 0);
		f.b[14] = vhl[i];
		tcp(&f, 5);
		check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER);
	}
	f.n = 0; /* longer options than there are bytes */
	ether(&f, RTE_ETHER_TYPE_IPV4);
	ip4(&f, IPPROTO_TCP, 5, 0);
	f.b[14] = 0x4f;
	f.b[20] = 0x20; /* and it says that it is a fragment */
	tcp(&f, 5);
	check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER);
	for (unsigned words = 0; words < 5; words++) { /* a TCP header shorter than one is */
		f.n = 0;
		ether(&f, RTE_ETHER_TYPE_IPV4);
		ip4(&f, IPPROTO_TCP, 5, 0);
		tcp(&f, words);
		check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4);
	}
	f.n = 0;
	ether(&f, RTE_ETHER_TYPE_IPV6);
	ip6(&f, IPPROTO_TCP);
	f.b[14] = 0x45;
	tcp(&f, 5);
	check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER);
}

TEST(tags_and_labels)
{
	static const unsigned outer[] = {RTE_ETHER_TYPE_VLAN, RTE_ETHER_TYPE_QINQ, RTE_ETHER_TYPE_QINQ1};
	struct frame f;

	for (unsigned i = 0; i < RTE_DIM(outer); i++)
		for (unsigned n = 1; n <= 8; n++) {
			f.n = 0;
			ether(&f, outer[i]);
			for (unsigned k = 1; k < n; k++)
				tag(&f, k % 2 ? RTE_ETHER_TYPE_VLAN : RTE_ETHER_TYPE_QINQ);
			tag(&f, RTE_ETHER_TYPE_IPV4);
			ip4(&f, IPPROTO_UDP, 5, 0);
			udp(&f, 1, 2);
			check(&f, L2_TO_4,
			      (i == 0 ? RTE_PTYPE_L2_ETHER_VLAN : RTE_PTYPE_L2_ETHER_QINQ) | RTE_PTYPE_L3_IPV4 |
				      RTE_PTYPE_L4_UDP);
			CHECK_EQ(lens(&f).l2_len, 14 + 4 * n);
		}
	for (unsigned n = 1; n <= 16; n++) {
		f.n = 0;
		ether(&f, n % 2 ? RTE_ETHER_TYPE_MPLS : RTE_ETHER_TYPE_MPLSM);
		for (unsigned k = 1; k < n; k++)
			label(&f, false);
		label(&f, true);
		check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER_MPLS);
		CHECK_EQ(lens(&f).l2_len, 14 + 4 * n);
	}
	f.n = 0; /* no end of it */
	ether(&f, RTE_ETHER_TYPE_MPLS);
	for (unsigned k = 0; k < 40; k++)
		label(&f, k == 39);
	check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER);
	f.n = 0;
	ether(&f, RTE_ETHER_TYPE_VLAN);
	for (unsigned k = 0; k < 40; k++)
		tag(&f, k == 39 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_VLAN);
	ip4(&f, IPPROTO_UDP, 5, 0);
	check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER_VLAN);
}

TEST(fragments)
{
	static const unsigned frag[] = {0x2000, 0x0001, 0x1fff, 0x3fff, 0x6000};
	struct frame f;

	for (unsigned i = 0; i < RTE_DIM(frag); i++) {
		f.n = 0;
		ether(&f, RTE_ETHER_TYPE_IPV4);
		ip4(&f, IPPROTO_UDP, 5, frag[i]);
		udp(&f, 1, 4789);
		check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_FRAG);
		CHECK_EQ(lens(&f).l4_len, 0);
	}
	f.n = 0;
	ether(&f, RTE_ETHER_TYPE_IPV6);
	ip6(&f, IPPROTO_FRAGMENT);
	ext(&f, IPPROTO_UDP, 0);
	udp(&f, 1, 2);
	check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV6_EXT | RTE_PTYPE_L4_FRAG);
	CHECK_EQ(lens(&f).l3_len, 48);
}

TEST(extension_headers)
{
	static const unsigned kind[] = {IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_HOPOPTS, IPPROTO_DSTOPTS};
	struct frame f;

	for (unsigned n = 1; n <= 5; n++) {
		f.n = 0;
		ether(&f, RTE_ETHER_TYPE_IPV6);
		ip6(&f, IPPROTO_HOPOPTS);
		for (unsigned k = 0; k < n; k++)
			ext(&f, k == n - 1 ? IPPROTO_TCP : kind[k % RTE_DIM(kind)], k % 3);
		tcp(&f, 5);
		check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV6_EXT | RTE_PTYPE_L4_TCP);
		CHECK_EQ(lens(&f).l3_len + lens(&f).l4_len + 14, f.n);
	}
	f.n = 0; /* more than anybody sends */
	ether(&f, RTE_ETHER_TYPE_IPV6);
	ip6(&f, IPPROTO_HOPOPTS);
	for (unsigned k = 0; k < 6; k++)
		ext(&f, k == 5 ? IPPROTO_TCP : IPPROTO_DSTOPTS, 0);
	tcp(&f, 5);
	check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV6_EXT);
	CHECK_EQ(lens(&f).l3_len, 40);
	f.n = 0;
	ether(&f, RTE_ETHER_TYPE_IPV6);
	ip6(&f, IPPROTO_NONE);
	check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV6);
	f.n = 0;
	ether(&f, RTE_ETHER_TYPE_IPV6);
	ip6(&f, IPPROTO_ESP);
	zeros(&f, 20);
	check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV6_EXT);
}

#define IN_L3_L4 (RTE_PTYPE_INNER_L3_IPV4 | RTE_PTYPE_INNER_L4_TCP)

static void inner_ip4(struct frame *f)
{
	ip4(f, IPPROTO_TCP, 5, 0);
	tcp(f, 5);
}

TEST(tunnels_over_ip)
{
	struct frame f = {.n = 0};

	ether(&f, RTE_ETHER_TYPE_IPV4);
	ip4(&f, IPPROTO_IPIP, 5, 0);
	inner_ip4(&f);
	check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_TUNNEL_IP | IN_L3_L4);
	check(&f, L2_TO_4, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4);
	check(&f, L2_TO_4 | RTE_PTYPE_TUNNEL_MASK, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_TUNNEL_IP);
	CHECK_EQ(lens(&f).tunnel_len, 0);
	CHECK_EQ(lens(&f).inner_l3_len, 20);
	f.n = 0;
	ether(&f, RTE_ETHER_TYPE_IPV4);
	ip4(&f, IPPROTO_IPV6, 5, 0);
	ip6(&f, IPPROTO_UDP);
	udp(&f, 1, 2);
	check(&f, RTE_PTYPE_ALL_MASK,
	      RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_TUNNEL_IP | RTE_PTYPE_INNER_L3_IPV6 |
		      RTE_PTYPE_INNER_L4_UDP);
	for (unsigned flags = 0; flags < 16; flags++) {
		f.n = 0;
		ether(&f, RTE_ETHER_TYPE_IPV4);
		ip4(&f, IPPROTO_GRE, 5, 0);
		put16(&f, flags << 12);
		put16(&f, RTE_ETHER_TYPE_IPV4);
		zeros(&f, 4u * ((flags >> 3 & 1) + (flags >> 1 & 1) + (flags & 1)));
		inner_ip4(&f);
		if ((flags & 4) != 0) {
			check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4);
			continue;
		}
		check(&f, RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_TUNNEL_GRE | IN_L3_L4);
		CHECK_EQ(lens(&f).tunnel_len, f.n - 14 - 20 - 40);
	}
	f.n = 0;
	ether(&f, RTE_ETHER_TYPE_IPV6);
	ip6(&f, IPPROTO_GRE);
	put16(&f, 0x2000);
	put16(&f, RTE_ETHER_TYPE_TEB);
	zeros(&f, 4);
	ether(&f, RTE_ETHER_TYPE_VLAN);
	tag(&f, RTE_ETHER_TYPE_IPV4);
	inner_ip4(&f);
	check(&f, RTE_PTYPE_ALL_MASK & ~RTE_PTYPE_INNER_L2_MASK,
	      RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV6 | RTE_PTYPE_TUNNEL_NVGRE);
	CHECK_EQ(lens(&f).inner_l2_len, 18);
	CHECK_EQ(lens(&f).tunnel_len, 8);
	CHECK_EQ(lens(&f).inner_l4_len, 20);
}

/* what UDP to this port carries, and the bytes of the tunnel's header */
static void in_udp(unsigned src, unsigned dst, const char *hdr, uint32_t hdr_len, bool frame, uint32_t want)
{
	struct frame f = {.n = 0};

	ether(&f, RTE_ETHER_TYPE_IPV4);
	ip4(&f, IPPROTO_UDP, 5, 0);
	udp(&f, src, dst);
	put(&f, hdr, hdr_len);
	if (frame)
		ether(&f, RTE_ETHER_TYPE_IPV4);
	inner_ip4(&f);
	check(&f, RTE_PTYPE_ALL_MASK,
	      want | RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_UDP |
		      (frame ? RTE_PTYPE_INNER_L2_ETHER : 0));
	check(&f, L2_TO_4, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_UDP);
	if ((want & RTE_PTYPE_TUNNEL_MASK) != 0)
		CHECK_EQ(lens(&f).inner_l2_len, 8 + hdr_len + (frame ? 14 : 0));
}

TEST(tunnels_over_udp)
{
	in_udp(1, 4789, "\x08\0\0\0\0\0\1\0", 8, true, RTE_PTYPE_TUNNEL_VXLAN | IN_L3_L4);
	in_udp(1, 4790, "\x0c\0\0\3\0\0\1\0", 8, true, RTE_PTYPE_TUNNEL_VXLAN_GPE | IN_L3_L4);
	in_udp(1, 4790, "\x0c\0\0\1\0\0\1\0", 8, false, RTE_PTYPE_TUNNEL_VXLAN_GPE | IN_L3_L4);
	in_udp(1, 4790, "\x0c\0\0\4\0\0\1\0", 8, false, RTE_PTYPE_TUNNEL_VXLAN_GPE);
	in_udp(1, 4790, "\x0c\0\0\xff\0\0\1\0", 8, false, RTE_PTYPE_TUNNEL_VXLAN_GPE);
	in_udp(1, 6081, "\0\0\x65\x58\0\0\1\0", 8, true, RTE_PTYPE_TUNNEL_GENEVE | IN_L3_L4);
	in_udp(1, 6081, "\2\0\x65\x58\0\0\1\0abcdefgh", 16, true, RTE_PTYPE_TUNNEL_GENEVE | IN_L3_L4);
	in_udp(1, 6081, "\0\0\x08\0\0\0\1\0", 8, false, RTE_PTYPE_TUNNEL_GENEVE | IN_L3_L4);
	in_udp(1, 2152, "\x30\xff\0\0\0\0\0\1", 8, false, RTE_PTYPE_TUNNEL_GTPU | IN_L3_L4);
	in_udp(1, 2152, "\x32\xff\0\0\0\0\0\1\0\1\0\0", 12, false, RTE_PTYPE_TUNNEL_GTPU | IN_L3_L4);
	in_udp(1, 2152, "\x30\1\0\0\0\0\0\1", 8, false, RTE_PTYPE_TUNNEL_GTPU);
	in_udp(2123, 9, "\x30\1\0\0\0\0\0\1", 8, false, RTE_PTYPE_TUNNEL_GTPC);
	in_udp(4789, 9, "\x08\0\0\0\0\0\1\0", 8, false, 0);
}
