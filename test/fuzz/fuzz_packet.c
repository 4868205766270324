/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_packet.c - any bytes as a packet, in segments of any lengths
 *
 * The first byte says how it is cut, the next four what lengths and flags the mbuf claims, the rest is the packet. Held against
 * the contracts of rte_net.h and rss.h: the cut makes no difference, no header ends behind the packet, nothing outside of the
 * segments is touched (each is an allocation of its own).
 */
#include <string.h>

#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_net.h>

#include "../pkt/net_help.h"
#include "help_must.h"
#include "pkt/rss.h"

static struct sh_rss rss;

static void lengths(const struct rte_net_hdr_lens *l, uint32_t type, size_t size)
{
	uint32_t n = 0;

	n += (type & RTE_PTYPE_L2_MASK) != 0 ? l->l2_len : 0;
	n += (type & RTE_PTYPE_L3_MASK) != 0 ? l->l3_len : 0;
	n += (type & RTE_PTYPE_L4_MASK) != 0 ? l->l4_len : 0;
	MUST(n <= size);
	MUST((type & RTE_PTYPE_L3_MASK) == 0 || l->l3_len >= 20);
	MUST((type & RTE_PTYPE_L4_MASK) == 0 || (type & RTE_PTYPE_L3_MASK) != 0);
	MUST((type & RTE_PTYPE_INNER_L4_MASK) == 0 || (type & RTE_PTYPE_INNER_L3_MASK) != 0);
	MUST((type & RTE_PTYPE_INNER_L3_MASK) == 0 || (type & RTE_PTYPE_TUNNEL_MASK) != 0);
	MUST((type & RTE_PTYPE_TUNNEL_MASK) == 0 || (type & RTE_PTYPE_L3_MASK) != 0);
}

static void types(const uint8_t *data, size_t size, uint32_t piece)
{
	static const uint32_t layers[] = {RTE_PTYPE_ALL_MASK, RTE_PTYPE_L2_MASK | RTE_PTYPE_L3_MASK, 0x0000ffff,
					  0x000fffff, 0};
	struct rte_net_hdr_lens a, b;
	struct chain one, many;
	struct rte_mbuf *m = chain_cut(&one, data, (uint32_t)size, (uint32_t)size + 1);
	struct rte_mbuf *n = chain_cut(&many, data, (uint32_t)size, piece);
	uint32_t t, h;

	for (unsigned i = 0; i < RTE_DIM(layers); i++) {
		t = rte_net_get_ptype(m, &a, layers[i]);
		MUST(rte_net_get_ptype(n, &b, layers[i]) == t);
		MUST(memcmp(&a, &b, sizeof(a)) == 0);
		MUST((t & ~layers[i]) == 0);
		lengths(&a, t, size);
	}
	h = sh_rss_hash(&rss, m);
	MUST(sh_rss_hash(&rss, n) == h);
	MUST((m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) == (n->ol_flags & RTE_MBUF_F_RX_RSS_HASH));
	chain_free(&one);
	chain_free(&many);
}

/* lengths and flags that the mbuf claims */
static void claims(const uint8_t *claim, const uint8_t *data, size_t size, uint32_t piece)
{
	static const uint64_t l4[] = {RTE_MBUF_F_TX_TCP_CKSUM, RTE_MBUF_F_TX_UDP_CKSUM, RTE_MBUF_F_TX_TCP_SEG,
				      RTE_MBUF_F_TX_UDP_SEG};
	struct chain c;
	struct rte_mbuf *m = chain_cut(&c, data, (uint32_t)size, piece);
	uint32_t off = claim[0];
	uint16_t sum;
	int frag;

	rte_net_skip_ip6_ext(claim[1], m, &off, &frag);
	rte_raw_cksum_mbuf(m, claim[2], claim[3], &sum);
	m->l2_len = claim[0] & 0x7f;
	m->l3_len = claim[1];
	m->l4_len = claim[2];
	m->outer_l2_len = claim[3] & 0x1f;
	m->outer_l3_len = claim[3] >> 4;
	m->ol_flags = l4[claim[0] & 3] | ((claim[1] & 1) != 0 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6) |
		      ((claim[1] & 2) != 0 ? RTE_MBUF_F_TX_IP_CKSUM : 0) |
		      ((claim[3] & 1) != 0 ? RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IP_CKSUM : 0);
	rte_net_intel_cksum_prepare(m);
	if (rte_vlan_strip(m) == 0) {
		MUST(m->data_len >= 14);
		MUST(rte_vlan_insert(&m) == 0);
	}
	chain_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sh_port_rss set = {.hf = UINT64_C(0x3ffff) | RTE_ETH_RSS_ETH};
	uint32_t piece;

	if (size < 5 || size > 2000)
		return 0;
	MUST(sh_rss_refresh(&rss, &set));
	piece = data[0] % 64 + 1;
	types(data + 5, size - 5, piece);
	claims(data + 1, data + 5, size - 5, data[0] + 1u);
	return 0;
}
