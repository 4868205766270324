/* SPDX-License-Identifier: BSD-3-Clause */
/* rss.c - receive side scaling in software (rss.h) */
#include <netinet/in.h>
#include <string.h>

#include <rte_ethdev.h>

#include "base/atom.h"
#include "pkt/hdrs.h"
#include "pkt/rss.h"

#define IPV4_L3 (RTE_ETH_RSS_IPV4)
#define IPV6_L3 (RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_IPV6_EX)

const uint64_t sh_rss_kinds =
	RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
	RTE_ETH_RSS_NONFRAG_IPV4_SCTP | RTE_ETH_RSS_NONFRAG_IPV4_OTHER | RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 |
	RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_NONFRAG_IPV6_SCTP |
	RTE_ETH_RSS_NONFRAG_IPV6_OTHER | RTE_ETH_RSS_IPV6_EX | RTE_ETH_RSS_IPV6_TCP_EX | RTE_ETH_RSS_IPV6_UDP_EX |
	RTE_ETH_RSS_ETH | RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_SRC_ONLY |
	RTE_ETH_RSS_L4_DST_ONLY | RTE_ETH_RSS_L2_SRC_ONLY | RTE_ETH_RSS_L2_DST_ONLY;

const uint8_t sh_rss_standard_key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
					 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
					 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
					 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

/* two fields that change places on the way back: addresses or ports */
struct pair {
	const uint8_t *src, *dst;
	uint8_t len; /* of each; 0: not part of the hash */
};

/* 32 bits of the key from bit at; a short key goes round */
static uint32_t window(const uint8_t *key, unsigned len, unsigned at)
{
	uint64_t w = 0;

	for (unsigned i = 0; i < 5; i++)
		w = w << 8 | key[(at / 8 + i) % len];
	return (uint32_t)(w >> (8 - at % 8));
}

static void make_table(struct sh_rss *r, const uint8_t *key, unsigned len)
{
	for (unsigned half = 0; half < 2 * SH_RSS_INPUT; half++) {
		uint32_t bit[4];

		for (unsigned b = 0; b < 4; b++)
			bit[b] = window(key, len, 4 * half + b);
		for (unsigned v = 0; v < 16; v++)
			r->table[half][v] = ((v & 8) != 0 ? bit[0] : 0) ^ ((v & 4) != 0 ? bit[1] : 0) ^
					    ((v & 2) != 0 ? bit[2] : 0) ^ ((v & 1) != 0 ? bit[3] : 0);
	}
}

/* settings are read while they may be written: what was read counts if gen is the same before and after */
static bool read_settings(struct sh_port_rss *to, const struct sh_port_rss *set)
{
	uint32_t gen = sh_load_acq(&set->gen); /* A:PORTRSS */

	if ((gen & 1) != 0)
		return false;
	to->key_len = set->key_len;
	to->hf = set->hf;
	to->func = set->func;
	to->size = set->size;
	memcpy(to->key, set->key, sizeof(to->key));
	memcpy(to->reta, set->reta, sizeof(to->reta));
	sh_fence();
	sh_store_rlx(&to->gen, gen);	      /* relaxed: to is this thread's */
	return sh_load_rlx(&set->gen) == gen; /* relaxed: the fence is before it */
}

bool sh_rss_refresh(struct sh_rss *r, const struct sh_port_rss *set)
{
	struct sh_port_rss now;

	if (r->gen == sh_load_rlx(&set->gen) + 2) /* relaxed: a change that is seen late is seen next time */
		return true;
	if (!read_settings(&now, set))
		return false;
	if (now.key_len == 0 || now.key_len > SH_RSS_KEY) {
		now.key_len = sizeof(sh_rss_standard_key);
		memcpy(now.key, sh_rss_standard_key, sizeof(sh_rss_standard_key));
	}
	make_table(r, now.key, now.key_len);
	r->hf = now.hf;
	r->func = now.func;
	r->size = now.size <= SH_RETA && (now.size & (now.size - 1)) == 0 ? now.size : 0;
	memcpy(r->reta, now.reta, sizeof(r->reta));
	r->gen = sh_load_rlx(&now.gen) + 2; /* relaxed: this thread's */
	return true;
}

uint32_t sh_rss_toeplitz(const struct sh_rss *r, const uint8_t *in, unsigned n)
{
	uint32_t h = 0;

	for (unsigned i = 0; i < n; i++)
		h ^= r->table[2 * i][in[i] >> 4] ^ r->table[2 * i + 1][in[i] & 0xf];
	return h;
}

/* append one pair to the input; in the symmetric forms both ways round give the same */
static unsigned add(const struct sh_rss *r, uint8_t *in, unsigned n, struct pair p, bool no_src, bool no_dst)
{
	if (p.len == 0 || (no_src && no_dst))
		return n;
	if (no_src || no_dst) {
		memcpy(in + n, no_src ? p.dst : p.src, p.len);
		return n + p.len;
	}
	if (r->func == RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ) {
		for (unsigned i = 0; i < p.len; i++)
			in[n + i] = in[n + p.len + i] = p.src[i] ^ p.dst[i];
		return n + 2u * p.len;
	}
	memcpy(in + n, p.src, p.len);
	memcpy(in + n + p.len, p.dst, p.len);
	return n + 2u * p.len;
}

/* both ends of the flow, the smaller first */
static void sort(struct pair *a, struct pair *b)
{
	int c = memcmp(a->src, a->dst, a->len);
	const uint8_t *t;

	if (c == 0 && b->len > 0)
		c = memcmp(b->src, b->dst, b->len);
	if (c <= 0)
		return;
	t = a->src, a->src = a->dst, a->dst = t;
	t = b->src, b->src = b->dst, b->dst = t;
}

static uint32_t hash_of(const struct sh_rss *r, struct pair l3, struct pair l4, bool ether)
{
	uint64_t only = r->hf, src3 = ether ? RTE_ETH_RSS_L2_SRC_ONLY : RTE_ETH_RSS_L3_SRC_ONLY;
	uint64_t dst3 = ether ? RTE_ETH_RSS_L2_DST_ONLY : RTE_ETH_RSS_L3_DST_ONLY;
	uint32_t word, x = 0;
	uint8_t in[SH_RSS_INPUT + 3] = {0};
	unsigned n;

	if (r->func == RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ_SORT)
		sort(&l3, &l4);
	/* both "only" is neither, as in DPDK */
	n = add(r, in, 0, l3, (only & (src3 | dst3)) == dst3, (only & (src3 | dst3)) == src3);
	src3 = RTE_ETH_RSS_L4_SRC_ONLY;
	dst3 = RTE_ETH_RSS_L4_DST_ONLY;
	n = add(r, in, n, l4, (only & (src3 | dst3)) == dst3, (only & (src3 | dst3)) == src3);
	if (r->func != RTE_ETH_HASH_FUNCTION_SIMPLE_XOR)
		return sh_rss_toeplitz(r, in, n);
	for (unsigned i = 0; i < n; i += 4) {
		memcpy(&word, in + i, 4);
		x ^= word;
	}
	return rte_be_to_cpu_32(x);
}

/* is this kind asked for with ports, without, or not at all? 2, 1, 0 */
static int wanted(uint64_t hf, const struct sh_hdrs *h, bool v4)
{
	uint64_t tcp = v4 ? RTE_ETH_RSS_NONFRAG_IPV4_TCP : RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_IPV6_TCP_EX;
	uint64_t udp = v4 ? RTE_ETH_RSS_NONFRAG_IPV4_UDP : RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_IPV6_UDP_EX;
	uint64_t sctp = v4 ? RTE_ETH_RSS_NONFRAG_IPV4_SCTP : RTE_ETH_RSS_NONFRAG_IPV6_SCTP;
	uint64_t other = v4 ? RTE_ETH_RSS_NONFRAG_IPV4_OTHER : RTE_ETH_RSS_NONFRAG_IPV6_OTHER;
	uint64_t frag = v4 ? RTE_ETH_RSS_FRAG_IPV4 : RTE_ETH_RSS_FRAG_IPV6, l3 = v4 ? IPV4_L3 : IPV6_L3;

	if (h->frag)
		return (hf & (frag | l3)) != 0;
	if (h->l4 && (hf & (h->proto == IPPROTO_TCP ? tcp : h->proto == IPPROTO_UDP ? udp : sctp)) != 0)
		return 2;
	return (hf & (h->l4 ? l3 : other | l3)) != 0;
}

/* a home address (RFC 6275) stands for the source, the address in a routing header of type 2 for the destination */
static void mobile(const struct rte_mbuf *m, const struct sh_hdrs *h, struct pair *l3, uint8_t src[16], uint8_t dst[16])
{
	uint8_t buf[24];
	const uint8_t *p = h->dstopts != 0 ? sh_hdr_at(m, h->dstopts, 24, buf) : NULL;

	/* aligned to 8n+6, so behind two header bytes and four of padding */
	if (p != NULL && p[1] >= 2 && p[2] == 1 && p[3] == 2 && p[6] == 0xc9 && p[7] == 16) {
		memcpy(src, p + 8, 16);
		l3->src = src;
	}
	p = h->routing != 0 ? sh_hdr_at(m, h->routing, 24, buf) : NULL;
	if (p != NULL && p[1] == 2 && p[2] == 2 && p[3] == 1) {
		memcpy(dst, p + 8, 16);
		l3->dst = dst;
	}
}

static bool frame_hash(const struct sh_rss *r, const struct rte_mbuf *m, uint32_t *hash)
{
	uint8_t buf[12];
	const uint8_t *p = (r->hf & RTE_ETH_RSS_ETH) != 0 ? sh_hdr_at(m, 0, 12, buf) : NULL;

	if (p == NULL)
		return false;
	*hash = hash_of(r, (struct pair){p + 6, p, 6}, (struct pair){p, p, 0}, true);
	return true;
}

static bool packet_hash(const struct sh_rss *r, const struct rte_mbuf *m, uint32_t *hash)
{
	uint8_t net[40], ports[4], src[16], dst[16];
	struct pair l3, l4 = {0};
	struct sh_hdrs h;
	const uint8_t *p;
	bool v4;
	int want;

	sh_hdrs_ether(m, 0, 4, &h);
	if (h.l3 == SH_L3_NONE)
		return frame_hash(r, m, hash);
	v4 = h.l3 == SH_L3_IPV4 || h.l3 == SH_L3_IPV4_EXT;
	want = wanted(r->hf, &h, v4);
	p = want > 0 ? sh_hdr_at(m, h.l3_off, v4 ? 20 : 40, net) : NULL;
	if (p == NULL)
		return frame_hash(r, m, hash);
	l3 = v4 ? (struct pair){p + 12, p + 16, 4} : (struct pair){p + 8, p + 24, 16};
	if ((r->hf & (RTE_ETH_RSS_IPV6_EX | RTE_ETH_RSS_IPV6_TCP_EX | RTE_ETH_RSS_IPV6_UDP_EX)) != 0)
		mobile(m, &h, &l3, src, dst);
	p = want > 1 ? sh_hdr_at(m, h.l4_off, 4, ports) : NULL;
	if (p != NULL)
		l4 = (struct pair){p, p + 2, 2};
	*hash = hash_of(r, l3, l4, false);
	return true;
}

uint32_t sh_rss_hash(const struct sh_rss *r, struct rte_mbuf *m)
{
	uint32_t hash = 0;

	if (!packet_hash(r, m, &hash))
		return 0;
	m->hash.rss = hash;
	m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
	return hash;
}

unsigned sh_rss_queue(const struct sh_rss *r, struct rte_mbuf *m)
{
	uint32_t hash = sh_rss_hash(r, m);

	return sh_rss_pick(r, hash, (m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0);
}
