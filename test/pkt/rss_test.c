/* SPDX-License-Identifier: BSD-3-Clause */
/* rss_test.c - Toeplitz against Microsoft's published vectors; what packets hash to and where they go; chosen hashes */
#include <arpa/inet.h>
#include <stdlib.h>

#include <rte_byteorder.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_thash.h>

#include "check.h"
#include "net_help.h"
#include "pkt/rss.h"

/* "Verifying the RSS Hash Calculation", NDIS documentation: addresses and ports, hash without and with ports */
static const struct vector {
	const char *dst, *src;
	uint16_t dport, sport;
	uint32_t ip, tcp;
} vec[] = {
	{"161.142.100.80", "66.9.149.187", 1766, 2794, 0x323e8fc2, 0x51ccc178},
	{"65.69.140.83", "199.92.111.2", 4739, 14230, 0xd718262a, 0xc626b0ea},
	{"12.22.207.184", "24.19.198.95", 38024, 12898, 0xd2d0a5de, 0x5c2b394a},
	{"209.142.163.6", "38.27.205.30", 2217, 48228, 0x82989176, 0xafc7327f},
	{"202.188.127.2", "153.39.163.191", 1303, 44251, 0x5d1809c5, 0x10e828a2},
	{"3ffe:2501:200:3::1", "3ffe:2501:200:1fff::7", 1766, 2794, 0x2cc18cd5, 0x40207d3d},
	{"ff02::1", "3ffe:501:8::260:97ff:fe40:efab", 4739, 14230, 0x0f0c461c, 0xdde51bbf},
	{"fe80::200:f8ff:fe21:67cf", "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 38024, 44251, 0x4b61e985, 0x02d1feef},
};

static bool is_v6(const struct vector *v)
{
	return strchr(v->dst, ':') != NULL;
}

/* an Ethernet frame; ext: an extension header before L4. Returns its length. */
static uint32_t frame(const struct vector *v, uint8_t proto, bool frag, bool ext, uint8_t b[128])
{
	uint8_t *p = b + 14;
	uint16_t port;

	memset(b, 0, 128);
	b[12] = is_v6(v) ? 0x86 : 0x08;
	b[13] = is_v6(v) ? 0xdd : 0;
	if (is_v6(v)) {
		p[0] = 0x60;
		p[6] = frag ? IPPROTO_FRAGMENT : ext ? IPPROTO_HOPOPTS : proto;
		CHECK_EQ(inet_pton(AF_INET6, v->src, p + 8), 1);
		CHECK_EQ(inet_pton(AF_INET6, v->dst, p + 24), 1);
		p += 40;
		if (frag || ext) {
			p[0] = proto;
			p += 8;
		}
	} else {
		p[0] = 0x45;
		p[6] = frag ? 0x20 : 0;
		p[9] = proto;
		CHECK_EQ(inet_pton(AF_INET, v->src, p + 12), 1);
		CHECK_EQ(inet_pton(AF_INET, v->dst, p + 16), 1);
		p += 20;
	}
	port = htons(v->sport), memcpy(p, &port, 2);
	port = htons(v->dport), memcpy(p + 2, &port, 2);
	if (proto == IPPROTO_TCP)
		p[12] = 0x50;
	return (uint32_t)(p + 20 - b);
}

static struct sh_rss *rss_of(struct sh_port_rss *set, uint64_t hf)
{
	static struct sh_rss r;

	memset(&r, 0, sizeof(r));
	set->hf = hf;
	CHECK(sh_rss_refresh(&r, set));
	return &r;
}

#define TCP_AND_IP                                                                                                     \
	(RTE_ETH_RSS_IP | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP)

/* the hash of a frame, in pieces of some length; 0 and no flag: none */
static uint32_t hash(const struct sh_rss *r, const uint8_t *b, uint32_t len, uint32_t piece, bool *has)
{
	struct chain c;
	struct rte_mbuf *m = chain_cut(&c, b, len, piece);
	uint32_t h = sh_rss_hash(r, m);

	*has = (m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0;
	CHECK_EQ(m->hash.rss, h);
	chain_free(&c);
	return h;
}

TEST(published_vectors)
{
	struct sh_port_rss *set = calloc(1, sizeof(*set));
	uint8_t b[128];
	bool has;

	for (unsigned i = 0; i < RTE_DIM(vec); i++)
		for (uint32_t piece = 1; piece <= 128; piece += piece < 10 ? 1 : 13) {
			const struct vector *v = &vec[i];

			CHECK_EQ(hash(rss_of(set, RTE_ETH_RSS_IP), b, frame(v, IPPROTO_TCP, false, false, b), piece,
				      &has),
				 v->ip);
			CHECK(has);
			CHECK_EQ(hash(rss_of(set, TCP_AND_IP), b, frame(v, IPPROTO_TCP, false, false, b), piece, &has),
				 v->tcp);
			CHECK_EQ(hash(rss_of(set, TCP_AND_IP), b, frame(v, IPPROTO_TCP, true, false, b), piece, &has),
				 v->ip);
			CHECK_EQ(hash(rss_of(set, TCP_AND_IP), b, frame(v, IPPROTO_ICMP, false, false, b), piece, &has),
				 v->ip);
			if (is_v6(v)) { /* UDP over IPv6 is not asked for with ports */
				CHECK_EQ(hash(rss_of(set, TCP_AND_IP), b, frame(v, IPPROTO_UDP, false, true, b), piece,
					      &has),
					 v->ip);
				CHECK_EQ(hash(rss_of(set, TCP_AND_IP), b, frame(v, IPPROTO_TCP, false, true, b), piece,
					      &has),
					 v->tcp);
			} else {
				CHECK_EQ(hash(rss_of(set, TCP_AND_IP), b, frame(v, IPPROTO_UDP, false, false, b), piece,
					      &has),
					 v->tcp);
			}
		}
	free(set);
}

TEST(softrss_says_the_same)
{
	uint32_t key[10];

	rte_convert_rss_key((const uint32_t *)(const void *)sh_rss_standard_key, key, sizeof(key));
	for (unsigned i = 0; i < RTE_DIM(vec); i++) {
		const struct vector *v = &vec[i];
		union rte_thash_tuple t;
		uint32_t l3 = is_v6(v) ? RTE_THASH_V6_L3_LEN : RTE_THASH_V4_L3_LEN;
		uint8_t b[128];

		frame(v, IPPROTO_TCP, false, false, b);
		memset(&t, 0, sizeof(t));
		if (is_v6(v)) {
			rte_thash_load_v6_addrs((const struct rte_ipv6_hdr *)(const void *)(b + 14), &t);
			t.v6.sport = v->sport;
			t.v6.dport = v->dport;
		} else {
			t.v4.src_addr = ntohl(inet_addr(v->src));
			t.v4.dst_addr = ntohl(inet_addr(v->dst));
			t.v4.sport = v->sport;
			t.v4.dport = v->dport;
		}
		CHECK_EQ(rte_softrss((uint32_t *)(void *)&t, l3, sh_rss_standard_key), v->ip);
		CHECK_EQ(rte_softrss((uint32_t *)(void *)&t, l3 + 1, sh_rss_standard_key), v->tcp);
		CHECK_EQ(rte_softrss_be((uint32_t *)(void *)&t, l3, (const uint8_t *)key), v->ip);
		CHECK_EQ(rte_softrss_be((uint32_t *)(void *)&t, l3 + 1, (const uint8_t *)key), v->tcp);
	}
	CHECK_EQ(rte_thash_gfni_supported(), 0);
}

TEST(what_is_not_asked_for_has_no_hash)
{
	struct sh_port_rss *set = calloc(1, sizeof(*set));
	uint8_t b[128], arp[60] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 8, 6};
	const struct vector *v = &vec[0];
	uint32_t len = frame(v, IPPROTO_TCP, false, false, b), h;
	bool has;

	CHECK_EQ(hash(rss_of(set, 0), b, len, 128, &has), 0);
	CHECK(!has);
	CHECK_EQ(hash(rss_of(set, RTE_ETH_RSS_NONFRAG_IPV4_UDP), b, len, 128, &has), 0);
	CHECK(!has);
	CHECK_EQ(hash(rss_of(set, RTE_ETH_RSS_IPV6), b, len, 128, &has), 0);
	CHECK(!has);
	CHECK_EQ(hash(rss_of(set, RTE_ETH_RSS_IP), arp, sizeof(arp), 60, &has), 0);
	CHECK(!has);
	for (uint32_t cut = 0; cut < len; cut++) { /* what is cut off has what is still there */
		h = hash(rss_of(set, TCP_AND_IP), b, cut, 7, &has);
		CHECK_EQ(has, cut >= 34);
		CHECK_EQ(h, cut < 34 ? 0 : v->ip);
	}
	h = hash(rss_of(set, RTE_ETH_RSS_IP | RTE_ETH_RSS_ETH), arp, sizeof(arp), 60, &has);
	CHECK(has);
	arp[3] ^= 1;
	CHECK(hash(rss_of(set, RTE_ETH_RSS_IP | RTE_ETH_RSS_ETH), arp, sizeof(arp), 60, &has) != h);
	CHECK(has);
	free(set);
}

TEST(both_ways_alike)
{
	static const uint32_t sym[] = {RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ,
				       RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ_SORT};
	struct sh_port_rss *set = calloc(1, sizeof(*set));

	for (unsigned i = 0; i < RTE_DIM(vec); i++) {
		const struct vector *v = &vec[i], back = {v->src, v->dst, v->sport, v->dport, 0, 0};
		uint8_t b[128], d[128];
		uint32_t n = frame(v, IPPROTO_TCP, false, false, b);
		bool has;

		frame(&back, IPPROTO_TCP, false, false, d);
		for (unsigned k = 0; k < RTE_DIM(sym); k++) {
			set->func = sym[k];
			CHECK_EQ(hash(rss_of(set, TCP_AND_IP), b, n, 128, &has),
				 hash(rss_of(set, TCP_AND_IP), d, n, 128, &has));
			CHECK(has);
		}
		set->func = RTE_ETH_HASH_FUNCTION_SIMPLE_XOR;
		if (!is_v6(v))
			CHECK_EQ(hash(rss_of(set, RTE_ETH_RSS_IP), b, n, 128, &has),
				 ntohl(inet_addr(v->src) ^ inet_addr(v->dst)));
		set->func = RTE_ETH_HASH_FUNCTION_DEFAULT;
		CHECK(hash(rss_of(set, TCP_AND_IP), b, n, 128, &has) != hash(rss_of(set, TCP_AND_IP), d, n, 128, &has));
	}
	free(set);
}

TEST(only_one_end)
{
	struct sh_port_rss *set = calloc(1, sizeof(*set));
	struct vector a = vec[0], b = vec[0];
	uint8_t fa[128], fb[128];
	uint32_t n;
	bool has;

	b.src = "1.2.3.4";
	b.sport = 99;
	n = frame(&a, IPPROTO_TCP, false, false, fa);
	frame(&b, IPPROTO_TCP, false, false, fb);
	/* only the destination counts: another source makes no difference */
	rss_of(set, TCP_AND_IP | RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_DST_ONLY);
	CHECK_EQ(hash(rss_of(set, set->hf), fa, n, 128, &has), hash(rss_of(set, set->hf), fb, n, 128, &has));
	CHECK(hash(rss_of(set, TCP_AND_IP), fa, n, 128, &has) != hash(rss_of(set, TCP_AND_IP), fb, n, 128, &has));
	set->hf = TCP_AND_IP | RTE_ETH_RSS_L3_SRC_ONLY;
	CHECK(hash(rss_of(set, set->hf), fa, n, 128, &has) != hash(rss_of(set, set->hf), fb, n, 128, &has));
	free(set);
}

TEST(the_home_address_counts)
{
	struct sh_port_rss *set = calloc(1, sizeof(*set));
	const struct vector *home = &vec[5], *away = &vec[6];
	uint8_t b[160], plain[128];
	uint32_t n = frame(away, IPPROTO_TCP, false, false, plain);
	bool has;

	/* the packet of one who is elsewhere: options with the home address, a routing header to the peer's */
	memset(b, 0, sizeof(b));
	memcpy(b, plain, 54);
	b[20] = IPPROTO_DSTOPTS;
	memcpy(b + 54, "\x2b\x02\x01\x02\0\0\xc9\x10", 8); /* 2b: a routing header is next */
	CHECK_EQ(inet_pton(AF_INET6, home->src, b + 62), 1);
	memcpy(b + 78, "\x06\x02\x02\x01\0\0\0\0", 8);
	CHECK_EQ(inet_pton(AF_INET6, home->dst, b + 86), 1);
	b[102] = (uint8_t)(home->sport >> 8), b[103] = (uint8_t)home->sport;
	b[104] = (uint8_t)(home->dport >> 8), b[105] = (uint8_t)home->dport;
	b[114] = 0x50;
	CHECK_EQ(hash(rss_of(set, RTE_ETH_RSS_IPV6_TCP_EX), b, 122, 160, &has), home->tcp);
	CHECK_EQ(hash(rss_of(set, RTE_ETH_RSS_IPV6_EX), b, 122, 5, &has), home->ip);
	CHECK_EQ(hash(rss_of(set, RTE_ETH_RSS_IPV6), b, 122, 160, &has), away->ip);
	CHECK_EQ(hash(rss_of(set, RTE_ETH_RSS_IPV6_TCP_EX), plain, n, 160, &has), away->tcp);
	free(set);
}

TEST(the_table_says_which_queue)
{
	struct sh_port_rss *set = calloc(1, sizeof(*set));
	struct sh_rss *r = calloc(1, sizeof(*r));
	struct chain c;
	uint8_t b[128], key[SH_RSS_KEY];
	uint32_t n;

	set->size = 128;
	set->hf = TCP_AND_IP;
	for (unsigned i = 0; i < 128; i++)
		set->reta[i] = (uint16_t)(i % 5);
	CHECK_EQ(r->gen, 0);
	CHECK(sh_rss_refresh(r, set));
	CHECK(r->gen != 0);
	for (unsigned i = 0; i < RTE_DIM(vec); i++) {
		n = frame(&vec[i], IPPROTO_TCP, false, false, b);
		CHECK_EQ(sh_rss_queue(r, chain_cut(&c, b, n, 50)), (vec[i].tcp & 127) % 5);
		chain_free(&c);
	}
	b[12] = 0x12; /* no IP */
	CHECK_EQ(sh_rss_queue(r, chain_cut(&c, b, n, 50)), 0);
	chain_free(&c);
	/* settings that are being changed are not taken; changed ones are */
	sh_store_rel(&set->gen, 1); /* R:PORTRSS */
	memset(key, 0x5a, sizeof(key));
	memcpy(set->key, key, sizeof(key));
	set->key_len = 40;
	CHECK(!sh_rss_refresh(r, set));
	n = frame(&vec[0], IPPROTO_TCP, false, false, b);
	CHECK_EQ(sh_rss_queue(r, chain_cut(&c, b, n, 50)), (vec[0].tcp & 127) % 5);
	chain_free(&c);
	sh_store_rel(&set->gen, 2); /* R:PORTRSS */
	CHECK(sh_rss_refresh(r, set));
	chain_cut(&c, b, n, 50);
	CHECK(sh_rss_hash(r, &c.seg[0]) != vec[0].tcp);
	chain_free(&c);
	free(r);
	free(set);
}
