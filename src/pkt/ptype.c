/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ptype.c - packet types in software
 *
 * Two stacks of headers, the second one in a tunnel: outer() and inner() give the names, hdrs.c finds. tunnel() stands in
 * between: where the inner stack begins, and what with.
 */
#include <string.h>

#include <rte_ether.h>
#include <rte_geneve.h>
#include <rte_gtp.h>
#include <rte_net.h>
#include <rte_vxlan.h>

#include "base/export.h"
#include "pkt/hdrs.h"

/* what a tunnel's header says of its inside */
struct inside {
	uint32_t type;	/* RTE_PTYPE_TUNNEL_*; 0: no tunnel */
	uint32_t off;	/* where it begins */
	uint32_t udp;	/* bytes of UDP and tunnel header; 0: not in UDP */
	uint16_t proto; /* Ethernet type there; RTE_ETHER_TYPE_TEB: an Ethernet frame */
};

static void gre(const struct rte_mbuf *m, const struct sh_hdrs *h, struct inside *in)
{
	uint8_t buf[4];
	const uint8_t *p = sh_hdr_at(m, h->l4_off, 4, buf);
	uint32_t len;

	if (p == NULL || (p[0] & 0x40) != 0) /* a routing field has no length that one could know */
		return;
	/* a word each: checksum, key, sequence */
	len = 4 + 4u * ((uint32_t)(p[0] >> 7 & 1) + (p[0] >> 5 & 1) + (p[0] >> 4 & 1));
	in->proto = sh_hdr_16(p + 2);
	in->off = h->l4_off + len;
	in->type = in->proto == RTE_ETHER_TYPE_TEB ? RTE_PTYPE_TUNNEL_NVGRE : RTE_PTYPE_TUNNEL_GRE;
}

static void vxlan_gpe(const struct rte_mbuf *m, const struct sh_hdrs *h, struct inside *in)
{
	static const uint16_t types[] = {[RTE_VXLAN_GPE_TYPE_IPV4] = RTE_ETHER_TYPE_IPV4,
					 [RTE_VXLAN_GPE_TYPE_IPV6] = RTE_ETHER_TYPE_IPV6,
					 [RTE_VXLAN_GPE_TYPE_ETH] = RTE_ETHER_TYPE_TEB};
	uint8_t buf[8];
	const uint8_t *p = sh_hdr_at(m, h->l4_off + 8, 8, buf);

	if (p == NULL)
		return;
	in->type = RTE_PTYPE_TUNNEL_VXLAN_GPE;
	in->udp = 16;
	in->proto = p[3] < RTE_DIM(types) ? types[p[3]] : 0;
}

static void gtp(const struct rte_mbuf *m, const struct sh_hdrs *h, bool control, struct inside *in)
{
	uint8_t buf[8], first;
	const uint8_t *p = sh_hdr_at(m, h->l4_off + 8, 8, buf);
	uint32_t len;
	bool data;

	if (p == NULL)
		return;
	len = (p[0] & 7) != 0 ? 12 : 8;
	data = p[1] == 0xff;
	p = sh_hdr_at(m, h->l4_off + 8 + len, 1, &first);
	if (data && p != NULL && *p >> 4 == 4)
		in->proto = RTE_ETHER_TYPE_IPV4;
	else if (data && p != NULL && *p >> 4 == 6)
		in->proto = RTE_ETHER_TYPE_IPV6;
	in->type = control ? RTE_PTYPE_TUNNEL_GTPC : RTE_PTYPE_TUNNEL_GTPU;
	in->udp = 8 + len;
}

static void geneve(const struct rte_mbuf *m, const struct sh_hdrs *h, struct inside *in)
{
	uint8_t buf[8];
	const uint8_t *p = sh_hdr_at(m, h->l4_off + 8, 8, buf);

	if (p == NULL)
		return;
	in->type = RTE_PTYPE_TUNNEL_GENEVE;
	in->udp = 16 + 4u * (p[0] & 0x3f);
	in->proto = sh_hdr_16(p + 2);
	if (in->proto == 0)
		in->proto = RTE_ETHER_TYPE_IPV4;
}

static void in_udp(const struct rte_mbuf *m, const struct sh_hdrs *h, struct inside *in)
{
	uint8_t buf[8];
	const uint8_t *p = sh_hdr_at(m, h->l4_off, 4, buf);
	uint16_t src = sh_hdr_16(p), dst = sh_hdr_16(p + 2); /* h->l4 says that they are there */

	if (src == RTE_GTPC_UDP_PORT || dst == RTE_GTPC_UDP_PORT) {
		gtp(m, h, true, in);
	} else if (dst == RTE_GTPU_UDP_PORT) {
		gtp(m, h, false, in);
	} else if (dst == RTE_VXLAN_DEFAULT_PORT && sh_hdr_at(m, h->l4_off + 8, 8, buf) != NULL) {
		in->type = RTE_PTYPE_TUNNEL_VXLAN;
		in->udp = 16;
		in->proto = RTE_ETHER_TYPE_TEB;
	} else if (dst == RTE_VXLAN_GPE_DEFAULT_PORT) {
		vxlan_gpe(m, h, in);
	} else if (dst == RTE_GENEVE_DEFAULT_PORT) {
		geneve(m, h, in);
	}
	in->off = h->l4_off + in->udp;
}

static struct inside tunnel(const struct rte_mbuf *m, const struct sh_hdrs *h)
{
	struct inside in = {.off = h->l4_off};

	if (h->l4) {
		if (h->proto == IPPROTO_UDP)
			in_udp(m, h, &in);
		return in;
	}
	switch (h->proto) {
	case IPPROTO_GRE:
		gre(m, h, &in);
		break;
	case IPPROTO_IPIP:
		in.proto = RTE_ETHER_TYPE_IPV4;
		in.type = RTE_PTYPE_TUNNEL_IP;
		break;
	case IPPROTO_IPV6:
		in.proto = RTE_ETHER_TYPE_IPV6;
		in.type = RTE_PTYPE_TUNNEL_IP;
		break;
	default:
		break;
	}
	return in;
}

/* TCP, UDP, SCTP and fragments have the same numbers in both stacks */
static uint32_t l4_name(const struct sh_hdrs *h)
{
	if (h->frag)
		return RTE_PTYPE_L4_FRAG;
	if (!h->l4)
		return 0;
	return h->proto == IPPROTO_TCP	 ? RTE_PTYPE_L4_TCP
	       : h->proto == IPPROTO_UDP ? RTE_PTYPE_L4_UDP
					 : RTE_PTYPE_L4_SCTP;
}

static uint32_t outer(const struct sh_hdrs *h, unsigned want)
{
	static const uint32_t l2[] = {0, RTE_PTYPE_L2_ETHER, RTE_PTYPE_L2_ETHER_VLAN, RTE_PTYPE_L2_ETHER_QINQ,
				      RTE_PTYPE_L2_ETHER_MPLS};
	static const uint32_t l3[] = {0, RTE_PTYPE_L3_IPV4, RTE_PTYPE_L3_IPV4_EXT, RTE_PTYPE_L3_IPV6,
				      RTE_PTYPE_L3_IPV6_EXT};

	return l2[h->l2] | l3[h->l3] | (want > 3 ? l4_name(h) : 0);
}

static uint32_t inner(const struct sh_hdrs *h, unsigned want)
{
	static const uint32_t l2[] = {0, RTE_PTYPE_INNER_L2_ETHER, RTE_PTYPE_INNER_L2_ETHER_VLAN,
				      RTE_PTYPE_INNER_L2_ETHER_QINQ, RTE_PTYPE_INNER_L2_ETHER};
	static const uint32_t l3[] = {0, RTE_PTYPE_INNER_L3_IPV4, RTE_PTYPE_INNER_L3_IPV4_EXT, RTE_PTYPE_INNER_L3_IPV6,
				      RTE_PTYPE_INNER_L3_IPV6_EXT};

	_Static_assert(RTE_PTYPE_L4_TCP << 16 == RTE_PTYPE_INNER_L4_TCP, "inner names are 16 bits up");
	_Static_assert(RTE_PTYPE_L4_UDP << 16 == RTE_PTYPE_INNER_L4_UDP, "inner names are 16 bits up");
	_Static_assert(RTE_PTYPE_L4_SCTP << 16 == RTE_PTYPE_INNER_L4_SCTP, "inner names are 16 bits up");
	_Static_assert(RTE_PTYPE_L4_FRAG << 16 == RTE_PTYPE_INNER_L4_FRAG, "inner names are 16 bits up");
	return l2[h->l2] | l3[h->l3] | (want > 3 ? l4_name(h) << 16 : 0);
}

/* layers wanted without a gap: 2, 3 or 4; 0: not even the first */
static unsigned depth(uint32_t layers, uint32_t l2, uint32_t l3, uint32_t l4)
{
	if ((layers & l2) == 0)
		return 0;
	if ((layers & l3) == 0)
		return 2;
	return (layers & l4) == 0 ? 3 : 4;
}

static uint32_t inside_type(const struct rte_mbuf *m, const struct inside *in, uint32_t layers,
			    struct rte_net_hdr_lens *lens)
{
	unsigned want = depth(layers, RTE_PTYPE_INNER_L2_MASK, RTE_PTYPE_INNER_L3_MASK, RTE_PTYPE_INNER_L4_MASK);
	struct sh_hdrs h = {.type = in->proto, .l3_off = in->off};

	if (want == 0)
		return 0;
	if (in->proto == RTE_ETHER_TYPE_TEB)
		sh_hdrs_ether(m, in->off, want, &h);
	else if (want > 2)
		sh_hdrs_net(m, want, &h);
	lens->inner_l2_len = (uint8_t)RTE_MIN(in->udp + h.l2_len, 255u);
	lens->inner_l3_len = (uint16_t)h.l3_len;
	lens->inner_l4_len = h.l4_len;
	return inner(&h, want);
}

SH_EXPORT uint32_t rte_net_get_ptype(const struct rte_mbuf *m, struct rte_net_hdr_lens *hdr_lens, uint32_t layers)
{
	unsigned want = depth(layers, RTE_PTYPE_L2_MASK, RTE_PTYPE_L3_MASK, RTE_PTYPE_L4_MASK);
	struct rte_net_hdr_lens lens = {0};
	struct inside in = {0};
	uint32_t type = 0;
	struct sh_hdrs h;

	if (want > 0) {
		sh_hdrs_ether(m, 0, want, &h);
		type = outer(&h, want);
		lens.l2_len = (uint8_t)h.l2_len;
		lens.l3_len = (uint16_t)h.l3_len;
		lens.l4_len = h.l4_len;
	}
	if (want == 4 && (layers & RTE_PTYPE_TUNNEL_MASK) != 0 && h.l3 != SH_L3_NONE && !h.frag)
		in = tunnel(m, &h);
	if (in.type != 0) {
		lens.tunnel_len = in.udp != 0 ? 0 : (uint16_t)(in.off - h.l4_off);
		type |= in.type | inside_type(m, &in, layers, &lens);
	}
	if (hdr_lens != NULL)
		*hdr_lens = lens;
	return type;
}
