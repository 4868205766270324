/* SPDX-License-Identifier: BSD-3-Clause */
/* gso_test.c - big TCP and UDP frames cut into packets and made of packets; sums against a slow one; nonsense is refused */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gso_help.h"

/* as numbers, not as they lie in memory */
static unsigned folded(uint32_t sum)
{
	uint16_t v;
	uint8_t b[2];

	sum = (sum & 0xffff) + (sum >> 16);
	v = (uint16_t)((sum & 0xffff) + (sum >> 16));
	memcpy(b, &v, 2);
	return (unsigned)b[0] << 8 | b[1];
}

TEST(sums_are_those_of_the_slow_way)
{
	uint8_t from[320], to[320];

	for (unsigned i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)rnd(256);
	for (unsigned at = 0; at < 17; at++)
		for (unsigned n = 0; n < 300; n++) {
			memset(to, 0xee, sizeof(to));
			CHECK_EQ(folded(sh_sum(from + at, n, 0)), slow_sum(from + at, n, 0));
			CHECK_EQ(folded(sh_sum_copy(to, from + at, n, 0)), slow_sum(from + at, n, 0));
			CHECK(memcmp(to, from + at, n) == 0 && to[n] == 0xee);
		}
}

struct shape {
	bool v6;
	unsigned tags, tcp_options, mss, payload;
	uint8_t flags;
	bool udp; /* no options, no flags */
};

struct frame {
	uint8_t b[70000];
	unsigned len, l3, l4, hdr, proto, field; /* offset of the checksum in layer 4 */
	struct virtio_net_hdr v;
};

/* as the kernel hands it over: the checksum of layer 4 is the pseudo header's */
static void make(struct frame *f, const struct shape *s)
{
	uint8_t *l3, *l4;
	unsigned sum;

	f->proto = s->udp ? 17 : 6;
	f->field = s->udp ? 6 : 16;
	for (unsigned i = 0; i < 200 + s->payload; i++)
		f->b[i] = (uint8_t)rnd(256);
	f->l3 = 14 + 4 * s->tags;
	f->l4 = f->l3 + (s->v6 ? 40 : 20);
	f->hdr = f->l4 + (s->udp ? 8 : 20 + s->tcp_options);
	f->len = f->hdr + s->payload;
	for (unsigned i = 0; i < s->tags; i++)
		put(f->b + 12 + 4 * i, i == 0 && s->tags == 2 ? 0x88a8 : 0x8100, 2);
	put(f->b + f->l3 - 2, s->v6 ? 0x86dd : 0x0800, 2);
	l3 = f->b + f->l3;
	l4 = f->b + f->l4;
	if (s->v6) {
		l3[0] = 0x60;
		put(l3 + 4, f->len - f->l4, 2);
		l3[6] = (uint8_t)f->proto;
		sum = slow_sum(l3 + 8, 32, 0);
	} else {
		l3[0] = 0x45;
		put(l3 + 2, f->len - f->l3, 2);
		put(l3 + 6, 0x4000, 2);
		l3[9] = (uint8_t)f->proto;
		put(l3 + 10, 0, 2);
		put(l3 + 10, ~slow_sum(l3, 20, 0) & 0xffff, 2);
		sum = slow_sum(l3 + 12, 8, 0);
	}
	if (s->udp) {
		put(l4 + 4, f->len - f->l4, 2);
	} else {
		l4[12] = (uint8_t)((20 + s->tcp_options) / 4 << 4);
		l4[13] = s->flags;
	}
	sum += f->proto + f->len - f->l4;
	put(l4 + f->field, (sum & 0xffff) + (sum >> 16), 2);
	f->v = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				       .gso_type = s->udp  ? SH_GSO_UDP
						   : s->v6 ? VIRTIO_NET_HDR_GSO_TCPV6
							   : VIRTIO_NET_HDR_GSO_TCPV4,
				       .hdr_len = (uint16_t)f->hdr,
				       .gso_size = (uint16_t)s->mss,
				       .csum_start = (uint16_t)f->l4,
				       .csum_offset = (uint16_t)f->field};
}

static void check_sums(const uint8_t *p, unsigned len, const struct frame *f, bool v6)
{
	const uint8_t *l3 = p + f->l3;
	unsigned sum = v6 ? slow_sum(l3 + 8, 32, 0) : slow_sum(l3 + 12, 8, 0);

	if (!v6)
		CHECK_EQ(slow_sum(l3, 20, 0), 0xffff);
	CHECK_EQ(get(l3 + (v6 ? 4 : 2), 2), len - (v6 ? f->l4 : f->l3));
	sum = slow_sum(p + f->l4, len - f->l4, sum + f->proto + (len - f->l4));
	CHECK_EQ(sum, 0xffff);
}

/* cut into pkts[], each in a block of its own so that asan sees one byte too many */
static unsigned cut_all(const struct frame *f, const struct shape *s, uint8_t **pkts, unsigned *lens)
{
	struct sh_cut c;
	unsigned n = 0;

	CHECK(sh_cut_begin(&c, &f->v, f->b, f->len));
	for (; sh_cut_more(&c); n++) {
		unsigned at = n * s->mss, want = s->payload - at < s->mss ? s->payload - at : s->mss;
		uint8_t *p;

		lens[n] = sh_cut_next(&c);
		CHECK_EQ(lens[n], f->hdr + want);
		pkts[n] = p = malloc(lens[n]);
		CHECK(p != NULL);
		sh_cut_one(&c, p);
		check_sums(p, lens[n], f, s->v6);
		CHECK(memcmp(p + f->hdr, f->b + f->hdr + at, want) == 0);
		if (!s->v6)
			CHECK_EQ(get(p + f->l3 + 4, 2), (get(f->b + f->l3 + 4, 2) + n) & 0xffff);
		if (s->udp) {
			CHECK_EQ(get(p + f->l4 + 4, 2), 8 + want);
			continue;
		}
		CHECK_EQ(get(p + f->l4 + 4, 4), (get(f->b + f->l4 + 4, 4) + at) & 0xffffffff);
		CHECK_EQ(p[f->l4 + 13] & 0x09, at + want == s->payload ? s->flags & 0x09 : 0);
		CHECK_EQ(p[f->l4 + 13] & 0x80, n == 0 ? s->flags & 0x80 : 0);
	}
	CHECK_EQ(n, (s->payload + s->mss - 1) / s->mss);
	return n;
}

static unsigned gather(struct sh_merge *g, uint8_t *to)
{
	unsigned at = 0;
	int n = sh_merge_end(g);

	for (int i = 1; i < n; i++) {
		memcpy(to + at, g->iov[i].iov_base, g->iov[i].iov_len);
		at += (unsigned)g->iov[i].iov_len;
	}
	return at;
}

/* merged again they are the frame that they were cut from */
static void merge_all(const struct frame *f, uint8_t **pkts, const unsigned *lens, unsigned n)
{
	static uint8_t again[70000];
	static struct sh_merge g;

	CHECK(sh_merge_begin(&g, pkts[0], lens[0], true));
	for (unsigned i = 1; i < n; i++) {
		CHECK(sh_merge_fits(&g, pkts[i], lens[i]));
		CHECK(sh_merge_add(&g, pkts[i], lens[i]));
	}
	CHECK_EQ(gather(&g, again), f->len);
	CHECK_EQ(g.v.gso_type, f->v.gso_type);
	CHECK_EQ(g.v.gso_size, f->v.gso_size);
	CHECK_EQ(g.v.hdr_len, f->v.hdr_len);
	CHECK_EQ(g.v.csum_start, f->v.csum_start);
	CHECK_EQ(g.v.csum_offset, f->v.csum_offset);
	CHECK_EQ(g.v.flags, f->v.flags);
	CHECK(memcmp(again, f->b, f->len) == 0);
}

TEST(cut_and_merged_again)
{
	static struct frame f;
	static uint8_t *pkts[4096];
	static unsigned lens[4096];

	for (unsigned round = 0; round < 400; round++) {
		struct shape s = {.v6 = rnd(2), .tags = rnd(5) == 0 ? rnd(3) : 0, .tcp_options = 4 * rnd(11)};
		unsigned n;

		s.udp = rnd(2);
		s.mss = s.udp && rnd(2) ? 1 + rnd(60) : 100 + rnd(1400);
		s.payload = s.mss + 1 + rnd(s.mss * 40 < 60000 ? s.mss * 40 : 60000);
		s.flags = (uint8_t)(0x10 | (rnd(2) ? 0x08 : 0) | (round % 7 == 0 && !s.udp ? 0x81 : 0));
		make(&f, &s);
		n = cut_all(&f, &s, pkts, lens);
		if (s.tags == 0 && (s.flags & 0x81) == 0 && n <= SH_GSO_PKTS)
			merge_all(&f, pkts, lens, n);
		for (unsigned i = 0; i < n; i++)
			free(pkts[i]);
	}
}

static const struct shape small = {.tcp_options = 12, .mss = 1000, .payload = 3000, .flags = 0x10};
static const struct shape small_udp = {.mss = 1000, .payload = 3000, .udp = true};

/* any one byte of either packet changed: not merged, whichever it is */
static void check_each_byte(uint8_t **pkts, const unsigned *lens)
{
	struct sh_merge g;

	for (unsigned k = 0; k < 2; k++)
		for (unsigned i = 0; i < lens[k]; i += i < 100 ? 1 : 37) {
			pkts[k][i] ^= 0x40;
			if (sh_merge_begin(&g, pkts[0], lens[0], true) && sh_merge_add(&g, pkts[1], lens[1]))
				t_fail(__FILE__, __LINE__, "byte %u of packet %u", i, k);
			pkts[k][i] ^= 0x40;
		}
}

TEST(only_right_packets_that_follow_each_other_are_merged)
{
	static struct frame f;
	static struct sh_merge g;
	uint8_t *pkts[3];
	unsigned lens[3];

	make(&f, &small);
	CHECK_EQ(cut_all(&f, &small, pkts, lens), 3);
	check_each_byte(pkts, lens);
	CHECK(sh_merge_begin(&g, pkts[0], lens[0], true));
	CHECK(!sh_merge_add(&g, pkts[2], lens[2])); /* one is missing */
	CHECK(!sh_merge_add(&g, pkts[0], lens[0])); /* the same again */
	CHECK(sh_merge_add(&g, pkts[1], lens[1]));
	CHECK(sh_merge_add(&g, pkts[2], lens[2]));
	for (unsigned k = 0; k < 3; k++)
		free(pkts[k]);
}

/* data that make the checksum 0: there it would have to be 0xffff, for 0 says that there is none */
static void sum_0(uint8_t *pkt, unsigned at, const struct frame *f)
{
	unsigned v = get(pkt + at, 2) + get(pkt + f->l4 + 6, 2);

	put(pkt + at, (v & 0xffff) + (v >> 16), 2);
	put(pkt + f->l4 + 6, 0, 2);
}

/* without a checksum, or of a length that none of the first's can follow, or where UDP is not to be joined: alone */
TEST(datagrams_that_are_merged)
{
	static struct frame f;
	static struct sh_merge g;
	struct shape s = small_udp;
	uint8_t *pkts[3], keep[2];
	unsigned lens[3];

	s.payload = 2500;
	make(&f, &s);
	CHECK_EQ(cut_all(&f, &s, pkts, lens), 3);
	check_each_byte(pkts, lens);
	CHECK(!sh_merge_begin(&g, pkts[0], lens[0], false));
	CHECK(!sh_merge_fits(&g, pkts[1], lens[1]));
	CHECK(sh_merge_begin(&g, pkts[2], lens[2], true)); /* the short one */
	CHECK(!sh_merge_add(&g, pkts[0], lens[0]));	   /* is last */
	for (unsigned k = 0; k < 2; k++) {
		memcpy(keep, pkts[k] + f.l4 + 6, 2);
		memset(pkts[k] + f.l4 + 6, 0, 2);
		CHECK(!(sh_merge_begin(&g, pkts[0], lens[0], true) && sh_merge_add(&g, pkts[1], lens[1])));
		memcpy(pkts[k] + f.l4 + 6, keep, 2);
	}
	CHECK(sh_merge_begin(&g, pkts[0], lens[0], true));
	CHECK(sh_merge_add(&g, pkts[1], lens[1]));
	CHECK(sh_merge_add(&g, pkts[2], lens[2]));
	CHECK(g.last && !sh_merge_fits(&g, pkts[0], lens[0]));
	sum_0(pkts[0], f.hdr, &f);
	CHECK(!sh_merge_begin(&g, pkts[0], lens[0], true));
	memset(pkts[0] + f.l4 + 6, 0xff, 2);
	CHECK(sh_merge_begin(&g, pkts[0], lens[0], true));
	CHECK(sh_merge_add(&g, pkts[1], lens[1]));
	for (unsigned k = 0; k < 3; k++)
		free(pkts[k]);
}

TEST(nothing_behind_a_short_one_or_a_push)
{
	struct shape s = small;
	static struct frame f;
	static struct sh_merge g;
	uint8_t *pkts[4], copy[2000];
	unsigned lens[4];

	s.payload = 2500;
	make(&f, &s);
	CHECK_EQ(cut_all(&f, &s, pkts, lens), 3);
	CHECK(sh_merge_begin(&g, pkts[0], lens[0], true));
	CHECK(sh_merge_add(&g, pkts[1], lens[1]));
	CHECK(sh_merge_add(&g, pkts[2], lens[2]));
	CHECK(g.last);
	/* a packet alone goes as it is, whatever its checksum */
	memcpy(copy, pkts[2], lens[2]);
	copy[lens[2] - 1] ^= 1;
	CHECK(sh_merge_begin(&g, copy, lens[2], true));
	CHECK_EQ(sh_merge_end(&g), 2);
	CHECK(g.iov[1].iov_base == copy && g.iov[1].iov_len == lens[2] && g.v.flags == 0);
	/* SYN, FIN, RST, URG, without data, an option in the IP header, a fragment: by themselves */
	for (unsigned bit = 1; bit <= 0x20; bit <<= 1)
		if (bit != 0x10 && bit != 0x08) {
			memcpy(copy, pkts[0], lens[0]);
			copy[f.l4 + 13] |= (uint8_t)bit;
			CHECK(!sh_merge_begin(&g, copy, lens[0], true));
		}
	CHECK(!sh_merge_begin(&g, pkts[0], f.hdr, true));
	memcpy(copy, pkts[0], lens[0]);
	copy[f.l3] = 0x46;
	CHECK(!sh_merge_begin(&g, copy, lens[0], true));
	memcpy(copy, pkts[0], lens[0]);
	copy[f.l3 + 6] = 0x20;
	CHECK(!sh_merge_begin(&g, copy, lens[0], true));
	for (unsigned k = 0; k < 3; k++)
		free(pkts[k]);
}

TEST(checksums_are_filled_in)
{
	uint8_t f[100];
	struct virtio_net_hdr v = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6};

	for (unsigned n = 0; n < 50; n++) {
		unsigned pseudo;

		for (unsigned i = 0; i < sizeof(f); i++)
			f[i] = (uint8_t)rnd(256);
		pseudo = slow_sum(f + 26, 8, 0);
		put(f + 40, pseudo, 2);
		CHECK(sh_vnet_fill(&v, f, 100 - n));
		CHECK_EQ(slow_sum(f + 34, 66 - n, pseudo), 0xffff);
	}
	v.csum_start = 99;
	CHECK(!sh_vnet_fill(&v, f, 100));
	v = (struct virtio_net_hdr){.csum_start = 0xffff, .csum_offset = 0xffff};
	CHECK(!sh_vnet_fill(&v, f, 100));
}

/* what the kernel says is not believed: either it is refused, or each packet stays within what was announced */
TEST(nonsense_is_refused)
{
	static struct frame f;
	unsigned taken = 0;

	for (unsigned round = 0; round < 20000; round++) {
		make(&f, &(struct shape){.v6 = rnd(2),
					 .tcp_options = 4 * rnd(3),
					 .mss = 200,
					 .payload = 500,
					 .flags = 0x18,
					 .udp = rnd(3) == 0});
		if (rnd(2))
			((uint8_t *)&f.v)[rnd(sizeof(f.v))] = (uint8_t)rnd(256);
		if (rnd(2))
			f.b[rnd(f.hdr)] = (uint8_t)rnd(256);
		if (rnd(3) == 0)
			f.len = rnd(f.len + 1);
		taken += cut_any(&f.v, f.b, f.len);
	}
	CHECK(taken > 0);
}
