/* SPDX-License-Identifier: BSD-3-Clause */
/* hdrs.c - headers found: Ethernet with tags or labels, IPv4 and IPv6, TCP, UDP, SCTP (hdrs.h) */
#include <string.h>

#include <rte_ether.h>
#include <rte_net.h>

#include "base/export.h"
#include "pkt/hdrs.h"

#define TAGS 8	  /* more are no frame that anybody sends */
#define LABELS 16 /* the same of MPLS */
#define EXTS 5	  /* extension headers; DPDK's limit */

const uint8_t *sh_hdr_read(const struct rte_mbuf *m, uint32_t off, uint32_t n, uint8_t *buf)
{
	uint32_t have = 0;

	while (m != NULL && off >= m->data_len) {
		off -= m->data_len;
		m = m->next;
	}
	if (m != NULL && m->data_len - off >= n)
		return (const uint8_t *)m->buf_addr + m->data_off + off;
	for (; m != NULL && have < n; m = m->next, off = 0) {
		uint32_t part = m->data_len - off < n - have ? m->data_len - off : n - have;

		memcpy(buf + have, (const uint8_t *)m->buf_addr + m->data_off + off, part);
		have += part;
	}
	return have == n ? buf : NULL;
}

static bool is_tag(uint16_t type)
{
	return type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ || type == RTE_ETHER_TYPE_QINQ1 ||
	       type == RTE_ETHER_TYPE_QINQ2 || type == RTE_ETHER_TYPE_QINQ3;
}

/* steps over tags: an inner one may be of either kind, the outer one says what the frame is */
static void tags(const struct rte_mbuf *m, struct sh_hdrs *h)
{
	uint8_t buf[4];
	const uint8_t *p;

	h->l2 = h->type == RTE_ETHER_TYPE_VLAN ? SH_L2_VLAN : SH_L2_QINQ;
	for (unsigned i = 0; i < TAGS && is_tag(h->type); i++) {
		p = sh_hdr_at(m, h->l3_off, 4, buf);
		if (p == NULL)
			return; /* type stays a tag's: nothing behind it is looked at */
		h->type = sh_hdr_16(p + 2);
		h->l2_len += 4;
		h->l3_off += 4;
	}
}

/* to the bottom of the stack; what lies behind it is not written anywhere */
static void labels(const struct rte_mbuf *m, struct sh_hdrs *h)
{
	uint8_t buf[4];
	const uint8_t *p;

	for (unsigned i = 0; i < LABELS; i++) {
		p = sh_hdr_at(m, h->l3_off + 4 * i, 4, buf);
		if (p == NULL)
			return;
		if ((p[2] & 1) == 0)
			continue;
		h->l2 = SH_L2_MPLS;
		h->l2_len += 4 * (i + 1);
		h->l3_off += 4 * (i + 1);
		return;
	}
}

/* what is at l4_off: is its header whole? */
static void transport(const struct rte_mbuf *m, struct sh_hdrs *h)
{
	uint8_t buf[64];
	const uint8_t *p;
	uint32_t len;

	switch (h->proto) {
	case IPPROTO_TCP:
		p = sh_hdr_at(m, h->l4_off, 20, buf);
		len = p != NULL ? (uint32_t)(p[12] >> 4) * 4 : 0;
		if (len < 20 || (len > 20 && sh_hdr_at(m, h->l4_off, len, buf) == NULL))
			return;
		break;
	case IPPROTO_UDP:
		len = 8;
		if (sh_hdr_at(m, h->l4_off, len, buf) == NULL)
			return;
		break;
	case IPPROTO_SCTP:
		len = 12;
		if (sh_hdr_at(m, h->l4_off, len, buf) == NULL)
			return;
		break;
	default:
		return;
	}
	h->l4 = true;
	h->l4_len = (uint8_t)len;
}

static void ipv4(const struct rte_mbuf *m, unsigned want, struct sh_hdrs *h)
{
	uint8_t buf[64];
	const uint8_t *p = sh_hdr_at(m, h->l3_off, 20, buf);
	uint32_t len;

	if (p == NULL || p[0] >> 4 != 4 || (p[0] & 0xf) < 5)
		return;
	len = (uint32_t)(p[0] & 0xf) * 4;
	if (len > 20 && (p = sh_hdr_at(m, h->l3_off, len, buf)) == NULL)
		return;
	h->frag = (sh_hdr_16(p + 6) & 0x3fff) != 0;
	h->proto = p[9];
	h->l3 = len > 20 ? SH_L3_IPV4_EXT : SH_L3_IPV4;
	h->l3_len = len;
	h->l4_off = h->l3_off + len;
	if (want > 3 && !h->frag)
		transport(m, h);
}

/* 0, or -1: more extension headers than anybody sends, or the packet ends in them. *off is behind the last whole one. */
static int extensions(const struct rte_mbuf *m, uint32_t *off, uint8_t *proto, struct sh_hdrs *h)
{
	uint8_t buf[8], last;
	const uint8_t *p;

	for (unsigned i = 0; i < EXTS; i++) {
		bool frag = *proto == IPPROTO_FRAGMENT;
		uint32_t len;

		if (*proto != IPPROTO_HOPOPTS && *proto != IPPROTO_ROUTING && *proto != IPPROTO_DSTOPTS && !frag)
			return 0;
		p = sh_hdr_at(m, *off, 8, buf); /* none is shorter */
		if (p == NULL)
			return -1;
		len = frag ? 8 : ((uint32_t)p[1] + 1) * 8;
		if (len > 8 && sh_hdr_at(m, *off + len - 1, 1, &last) == NULL)
			return -1;
		if (*proto == IPPROTO_ROUTING && h->routing == 0)
			h->routing = *off;
		if (*proto == IPPROTO_DSTOPTS && h->dstopts == 0)
			h->dstopts = *off;
		*proto = p[0];
		*off += len;
		h->frag = h->frag || frag;
		if (frag) /* what a first fragment has more is its payload */
			return 0;
	}
	return *proto == IPPROTO_HOPOPTS || *proto == IPPROTO_ROUTING || *proto == IPPROTO_DSTOPTS ||
			       *proto == IPPROTO_FRAGMENT
		       ? -1
		       : 0;
}

static bool is_ext(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
	       proto == IPPROTO_ESP || proto == IPPROTO_AH || proto == IPPROTO_DSTOPTS;
}

static void ipv6(const struct rte_mbuf *m, unsigned want, struct sh_hdrs *h)
{
	uint8_t buf[40];
	const uint8_t *p = sh_hdr_at(m, h->l3_off, 40, buf);

	if (p == NULL || p[0] >> 4 != 6)
		return;
	h->proto = p[6];
	h->l3 = SH_L3_IPV6;
	h->l3_len = 40;
	h->l4_off = h->l3_off + 40;
	if (is_ext(h->proto)) {
		h->l3 = SH_L3_IPV6_EXT;
		if (extensions(m, &h->l4_off, &h->proto, h) < 0) {
			h->proto = 0;
			h->frag = false;
			h->l4_off = h->l3_off + 40;
			return;
		}
		h->l3_len = h->l4_off - h->l3_off;
	}
	if (h->proto == IPPROTO_NONE)
		h->proto = 0;
	else if (want > 3 && !h->frag)
		transport(m, h);
}

void sh_hdrs_net(const struct rte_mbuf *m, unsigned want, struct sh_hdrs *h)
{
	if (h->type == RTE_ETHER_TYPE_IPV4)
		ipv4(m, want, h);
	else if (h->type == RTE_ETHER_TYPE_IPV6)
		ipv6(m, want, h);
}

void sh_hdrs_ether(const struct rte_mbuf *m, uint32_t off, unsigned want, struct sh_hdrs *h)
{
	uint8_t buf[14];
	const uint8_t *p = sh_hdr_at(m, off, 14, buf);

	memset(h, 0, sizeof(*h));
	if (p == NULL)
		return;
	h->l2 = SH_L2_ETHER;
	h->l2_len = 14;
	h->l3_off = off + 14;
	h->type = sh_hdr_16(p + 12);
	if (is_tag(h->type))
		tags(m, h);
	else if (h->type == RTE_ETHER_TYPE_MPLS || h->type == RTE_ETHER_TYPE_MPLSM)
		labels(m, h);
	if (want > 2)
		sh_hdrs_net(m, want, h);
}

SH_EXPORT int rte_net_skip_ip6_ext(uint16_t proto, const struct rte_mbuf *m, uint32_t *off, int *frag)
{
	struct sh_hdrs h = {.l3 = SH_L3_IPV6};
	uint8_t next = (uint8_t)proto;

	*frag = 0;
	if (proto > UINT8_MAX)
		return proto;
	if (extensions(m, off, &next, &h) < 0)
		return -1;
	*frag = h.frag;
	return next == IPPROTO_NONE && !h.frag ? 0 : next;
}
