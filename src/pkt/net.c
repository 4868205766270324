/* SPDX-License-Identifier: BSD-3-Clause */
/* net.c - Ethernet addresses as text, packets that are made or made ready here */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_errno.h>
#include <rte_ether.h>
#include <rte_net.h>
#include <rte_random.h>

#include "base/export.h"

SH_EXPORT void rte_eth_random_addr(uint8_t *addr)
{
	uint64_t r = rte_rand();

	memcpy(addr, &r, RTE_ETHER_ADDR_LEN);
	addr[0] = (uint8_t)((addr[0] & ~RTE_ETHER_GROUP_ADDR) | RTE_ETHER_LOCAL_ADMIN_ADDR);
}

SH_EXPORT void rte_ether_format_addr(char *buf, uint16_t size, const struct rte_ether_addr *eth_addr)
{
	snprintf(buf, size, RTE_ETHER_ADDR_PRT_FMT, RTE_ETHER_ADDR_BYTES(eth_addr));
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* groups of least to most digits, sep between them; bytes each, big end first */
static bool groups(const char *s, unsigned n, unsigned least, unsigned most, char sep, uint8_t *to)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned v = 0, digits = 0;

		if (i > 0 && *s++ != sep)
			return false;
		for (; digits < most && hex(*s) >= 0; digits++)
			v = v << 4 | (unsigned)hex(*s++);
		if (digits < least)
			return false;
		if (most > 2)
			*to++ = (uint8_t)(v >> 8);
		*to++ = (uint8_t)v;
	}
	return *s == '\0';
}

SH_EXPORT int rte_ether_unformat_addr(const char *str, struct rte_ether_addr *eth_addr)
{
	struct rte_ether_addr a = {{0}};
	const char *sep = str == NULL ? NULL : strpbrk(str, ":-.");

	if (sep != NULL && (groups(str, 6, 1, 2, *sep, a.addr_bytes) || groups(str, 3, 4, 4, *sep, a.addr_bytes))) {
		*eth_addr = a;
		return 0;
	}
	rte_errno = EINVAL;
	return -1;
}

SH_EXPORT struct rte_mbuf *rte_net_make_rarp_packet(struct rte_mempool *mpool, const struct rte_ether_addr *mac)
{
	struct rte_mbuf *m = mpool != NULL ? rte_pktmbuf_alloc(mpool) : NULL;
	struct rte_ether_hdr *eh;
	struct rte_arp_hdr *arp;

	if (m == NULL) {
		rte_errno = mpool != NULL ? ENOMEM : EINVAL;
		return NULL;
	}
	eh = (struct rte_ether_hdr *)(void *)rte_pktmbuf_append(m, RTE_ETHER_MIN_LEN);
	if (eh == NULL) {
		rte_pktmbuf_free(m);
		rte_errno = ENOSPC;
		return NULL;
	}
	memset(eh, 0, RTE_ETHER_MIN_LEN);
	memset(&eh->dst_addr, 0xff, sizeof(eh->dst_addr));
	eh->src_addr = *mac;
	eh->ether_type = RTE_BE16(RTE_ETHER_TYPE_RARP);
	arp = (struct rte_arp_hdr *)(eh + 1);
	arp->arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = RTE_ETHER_ADDR_LEN;
	arp->arp_plen = 4;
	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REVREQUEST);
	arp->arp_data.arp_sha = *mac;
	arp->arp_data.arp_tha = *mac;
	return m;
}

/* bytes that have to be in one piece: lengths in the mbuf that say less than a header has must not lead out of it */
static uint64_t headers_end(uint64_t l3, const struct rte_mbuf *m, bool v4, bool pseudo, uint32_t l4_least)
{
	uint32_t l4 = m->l4_len > l4_least ? m->l4_len : l4_least;
	uint32_t net = v4 ? 20 : pseudo ? 40 : 0;

	return l3 + (m->l3_len + l4 > net ? m->l3_len + l4 : net);
}

/* pseudo header sum of what begins at l3; wherever that lies */
static uint16_t pseudo_sum(const char *l3, bool v4, uint64_t ol_flags)
{
	struct rte_ipv4_hdr ip4;
	struct rte_ipv6_hdr ip6;

	if (v4) {
		memcpy(&ip4, l3, sizeof(ip4));
		return rte_ipv4_phdr_cksum(&ip4, ol_flags);
	}
	memcpy(&ip6, l3, sizeof(ip6));
	return rte_ipv6_phdr_cksum(&ip6, ol_flags);
}

SH_EXPORT int rte_net_intel_cksum_flags_prepare(struct rte_mbuf *m, uint64_t ol_flags)
{
	const uint64_t any = RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG |
			     RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_OUTER_IP_CKSUM;
	bool tunnel = (ol_flags & (RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IPV6)) != 0;
	bool v4 = (ol_flags & RTE_MBUF_F_TX_IPV4) != 0;
	uint64_t l3 = (uint64_t)m->l2_len + (tunnel ? (uint64_t)m->outer_l2_len + m->outer_l3_len : 0);
	uint64_t l4_kind = ol_flags & RTE_MBUF_F_TX_L4_MASK;
	bool udp = l4_kind == RTE_MBUF_F_TX_UDP_CKSUM || (ol_flags & RTE_MBUF_F_TX_UDP_SEG) != 0;
	bool tcp = !udp && (l4_kind == RTE_MBUF_F_TX_TCP_CKSUM || (ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0);
	const size_t ip4_sum = offsetof(struct rte_ipv4_hdr, hdr_checksum);
	rte_be16_t sum;
	char *net, *l4;

	if ((ol_flags & any) == 0)
		return 0;
	if (m->data_len < headers_end(l3, m, v4, udp || tcp, udp ? 8 : tcp ? 20 : 0))
		return -ENOTSUP;
	if (tunnel && (ol_flags & RTE_MBUF_F_TX_OUTER_IP_CKSUM) != 0) {
		if (m->data_len < m->outer_l2_len + 20u)
			return -ENOTSUP;
		memset(rte_pktmbuf_mtod_offset(m, char *, m->outer_l2_len + ip4_sum), 0, sizeof(sum));
	}
	net = rte_pktmbuf_mtod_offset(m, char *, l3);
	if (v4 && (ol_flags & RTE_MBUF_F_TX_IP_CKSUM) != 0)
		memset(net + ip4_sum, 0, sizeof(sum));
	if (!udp && !tcp)
		return 0;
	sum = pseudo_sum(net, v4, ol_flags);
	l4 = net + m->l3_len;
	memcpy(l4 + (udp ? offsetof(struct rte_udp_hdr, dgram_cksum) : offsetof(struct rte_tcp_hdr, cksum)), &sum,
	       sizeof(sum));
	return 0;
}
