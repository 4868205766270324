/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file rte_ip6.h - IPv6: addresses, headers, and the checksums of UDP and TCP above it
 *
 * The addresses in struct rte_ipv6_hdr are arrays of 16 bytes in 22.11 and a struct rte_ipv6_addr in 26.11; a source is written
 * for one of the two, and both have the same bytes. A source gets the struct when it includes this file, which 22.11 has not,
 * before any other that has IPv6 in it, or defines SHOAL_IPV6_ADDR_STRUCT to 1; else the array.
 */
#ifndef RTE_IP6_H
#define RTE_IP6_H

#ifndef SHOAL_IPV6_ADDR_STRUCT
#ifdef SHOAL_IPV6_BY_RTE_IP
#define SHOAL_IPV6_ADDR_STRUCT 0
#else
#define SHOAL_IPV6_ADDR_STRUCT 1
#endif
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <rte_byteorder.h>
#include <rte_cksum.h>
#include <rte_common.h>
#include <rte_ether.h>
#include <rte_ip4.h>
#include <rte_mbuf.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTE_IPV6_ADDR_SIZE 16 /**< bytes */
#define RTE_IPV6_MAX_DEPTH (RTE_IPV6_ADDR_SIZE * CHAR_BIT)

struct rte_ipv6_addr {
	uint8_t a[RTE_IPV6_ADDR_SIZE];
};

/* an initializer from eight numbers of 16 bits */
#define RTE_IPV6_U16_SPLIT(x) (uint8_t)((uint16_t)(x) >> 8), (uint8_t)((uint16_t)(x)&0xff)
#define RTE_IPV6(a, b, c, d, e, f, g, h)                                                                               \
	{                                                                                                              \
		{                                                                                                      \
			RTE_IPV6_U16_SPLIT(a), RTE_IPV6_U16_SPLIT(b), RTE_IPV6_U16_SPLIT(c), RTE_IPV6_U16_SPLIT(d),    \
				RTE_IPV6_U16_SPLIT(e), RTE_IPV6_U16_SPLIT(f), RTE_IPV6_U16_SPLIT(g),                   \
				RTE_IPV6_U16_SPLIT(h)                                                                  \
		}                                                                                                      \
	}

/* for printf() */
#define RTE_IPV6_ADDR_FMT "%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x"
#define RTE_IPV6_ADDR_SPLIT(ip)                                                                                        \
	((uint8_t)(ip)->a[0]), ((uint8_t)(ip)->a[1]), ((uint8_t)(ip)->a[2]), ((uint8_t)(ip)->a[3]),                    \
		((uint8_t)(ip)->a[4]), ((uint8_t)(ip)->a[5]), ((uint8_t)(ip)->a[6]), ((uint8_t)(ip)->a[7]),            \
		((uint8_t)(ip)->a[8]), ((uint8_t)(ip)->a[9]), ((uint8_t)(ip)->a[10]), ((uint8_t)(ip)->a[11]),          \
		((uint8_t)(ip)->a[12]), ((uint8_t)(ip)->a[13]), ((uint8_t)(ip)->a[14]), ((uint8_t)(ip)->a[15])

#define RTE_IPV6_MASK_FULL RTE_IPV6(0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff)
#define RTE_IPV6_ADDR_UNSPEC RTE_IPV6(0, 0, 0, 0, 0, 0, 0, 0)
#define RTE_IPV6_ADDR_LOOPBACK RTE_IPV6(0, 0, 0, 0, 0, 0, 0, 1)
#define RTE_IPV6_ADDR_PREFIX_V4MAPPED RTE_IPV6(0, 0, 0, 0, 0, 0xffff, 0, 0)
/* multicast: all nodes, all routers, of a scope (RFC 4291, 2.7.1) */
#define RTE_IPV6_ADDR_ALLNODES_IFACE_LOCAL RTE_IPV6(0xff01, 0, 0, 0, 0, 0, 0, 1)
#define RTE_IPV6_ADDR_ALLNODES_LINK_LOCAL RTE_IPV6(0xff02, 0, 0, 0, 0, 0, 0, 1)
#define RTE_IPV6_ADDR_ALLROUTERS_IFACE_LOCAL RTE_IPV6(0xff01, 0, 0, 0, 0, 0, 0, 2)
#define RTE_IPV6_ADDR_ALLROUTERS_LINK_LOCAL RTE_IPV6(0xff02, 0, 0, 0, 0, 0, 0, 2)
#define RTE_IPV6_ADDR_ALLROUTERS_SITE_LOCAL RTE_IPV6(0xff05, 0, 0, 0, 0, 0, 0, 2)

enum rte_ipv6_mc_scope {
	RTE_IPV6_MC_SCOPE_NONE = 0x00,
	RTE_IPV6_MC_SCOPE_IFACELOCAL = 0x01,
	RTE_IPV6_MC_SCOPE_LINKLOCAL = 0x02,
	RTE_IPV6_MC_SCOPE_SITELOCAL = 0x05,
	RTE_IPV6_MC_SCOPE_ORGLOCAL = 0x08,
	RTE_IPV6_MC_SCOPE_GLOBAL = 0x0e,
};

static inline bool rte_ipv6_addr_eq(const struct rte_ipv6_addr *a, const struct rte_ipv6_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/** @internal the bits of byte i that belong to a prefix of depth bits */
static inline uint8_t __rte_ipv6_byte_mask(unsigned int i, unsigned int depth)
{
	unsigned int before = i * CHAR_BIT;

	if (depth >= before + CHAR_BIT)
		return 0xff;
	return depth <= before ? 0 : (uint8_t)(0xff00u >> (depth - before));
}

/** Keep the first depth bits, clear the others. */
static inline void rte_ipv6_addr_mask(struct rte_ipv6_addr *ip, uint8_t depth)
{
	unsigned int i;

	for (i = 0; i < RTE_IPV6_ADDR_SIZE; i++)
		ip->a[i] &= __rte_ipv6_byte_mask(i, depth);
}

/** Are the first depth bits the same? */
static inline bool rte_ipv6_addr_eq_prefix(const struct rte_ipv6_addr *a, const struct rte_ipv6_addr *b, uint8_t depth)
{
	unsigned int i;

	for (i = 0; i < RTE_IPV6_ADDR_SIZE; i++)
		if (((a->a[i] ^ b->a[i]) & __rte_ipv6_byte_mask(i, depth)) != 0)
			return false;
	return true;
}

/** How many bits are 1 before the first 0. */
static inline uint8_t rte_ipv6_mask_depth(const struct rte_ipv6_addr *mask)
{
	unsigned int n = 0;

	while (n < RTE_IPV6_MAX_DEPTH && (mask->a[n / CHAR_BIT] & (0x80u >> n % CHAR_BIT)) != 0)
		n++;
	return (uint8_t)n;
}

static inline bool rte_ipv6_addr_is_unspec(const struct rte_ipv6_addr *ip)
{
	static const struct rte_ipv6_addr none = RTE_IPV6_ADDR_UNSPEC;

	return rte_ipv6_addr_eq(ip, &none);
}

static inline bool rte_ipv6_addr_is_loopback(const struct rte_ipv6_addr *ip)
{
	static const struct rte_ipv6_addr lo = RTE_IPV6_ADDR_LOOPBACK;

	return rte_ipv6_addr_eq(ip, &lo);
}

static inline bool rte_ipv6_addr_is_linklocal(const struct rte_ipv6_addr *ip)
{
	return ip->a[0] == 0xfe && (ip->a[1] & 0xc0) == 0x80;
}

static inline bool rte_ipv6_addr_is_sitelocal(const struct rte_ipv6_addr *ip)
{
	return ip->a[0] == 0xfe && (ip->a[1] & 0xc0) == 0xc0;
}

/** Within ::/96, but not ::1. */
static inline bool rte_ipv6_addr_is_v4compat(const struct rte_ipv6_addr *ip)
{
	static const struct rte_ipv6_addr none = RTE_IPV6_ADDR_UNSPEC;

	return rte_ipv6_addr_eq_prefix(ip, &none, 96) && !rte_ipv6_addr_is_loopback(ip);
}

static inline bool rte_ipv6_addr_is_v4mapped(const struct rte_ipv6_addr *ip)
{
	static const struct rte_ipv6_addr prefix = RTE_IPV6_ADDR_PREFIX_V4MAPPED;

	return rte_ipv6_addr_eq_prefix(ip, &prefix, 96);
}

static inline bool rte_ipv6_addr_is_mcast(const struct rte_ipv6_addr *ip)
{
	return ip->a[0] == 0xff;
}

/** RTE_IPV6_MC_SCOPE_NONE where it is no multicast address */
static inline enum rte_ipv6_mc_scope rte_ipv6_mc_scope(const struct rte_ipv6_addr *ip)
{
	return rte_ipv6_addr_is_mcast(ip) ? (enum rte_ipv6_mc_scope)(ip->a[1] & 0x0f) : RTE_IPV6_MC_SCOPE_NONE;
}

/** fe80::/64 with the EUI-64 of mac: the universal bit turned, ff:fe in the middle */
static inline void rte_ipv6_llocal_from_ethernet(struct rte_ipv6_addr *ip, const struct rte_ether_addr *mac)
{
	static const struct rte_ipv6_addr base = RTE_IPV6(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 0);

	*ip = base;
	memcpy(&ip->a[8], &mac->addr_bytes[0], 3);
	memcpy(&ip->a[13], &mac->addr_bytes[3], 3);
	ip->a[8] ^= RTE_ETHER_LOCAL_ADMIN_ADDR;
}

/** ff02::1:ff00:0/104 with the last three bytes of ip */
static inline void rte_ipv6_solnode_from_addr(struct rte_ipv6_addr *sol, const struct rte_ipv6_addr *ip)
{
	struct rte_ipv6_addr to = RTE_IPV6(0xff02, 0, 0, 0, 0, 1, 0xff00, 0);

	memcpy(&to.a[13], &ip->a[13], 3);
	*sol = to;
}

/** 33:33 and the last four bytes of ip */
static inline void rte_ether_mcast_from_ipv6(struct rte_ether_addr *mac, const struct rte_ipv6_addr *ip)
{
	memset(mac->addr_bytes, 0x33, 2);
	memcpy(&mac->addr_bytes[2], &ip->a[12], 4);
}

#if SHOAL_IPV6_ADDR_STRUCT
#define __RTE_IPV6_ADDR(name) struct rte_ipv6_addr name
#else
#define __RTE_IPV6_ADDR(name) uint8_t name[RTE_IPV6_ADDR_SIZE]
#endif

__extension__ struct rte_ipv6_hdr {
	union {
		rte_be32_t vtc_flow;
		struct { /**< of vtc_flow in host order */
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
			uint32_t flow_label : 20;
			uint32_t ecn : 2;
			uint32_t ds : 6;
			uint32_t version : 4;
#else
			uint32_t version : 4;
			uint32_t ds : 6;
			uint32_t ecn : 2;
			uint32_t flow_label : 20;
#endif
		};
	};
	rte_be16_t payload_len; /**< with extension headers */
	uint8_t proto;
	uint8_t hop_limits;
	__RTE_IPV6_ADDR(src_addr);
	__RTE_IPV6_ADDR(dst_addr);
} __rte_packed __rte_aligned(2);

/** 0; -EINVAL: the first four bits are not 6 */
static inline int rte_ipv6_check_version(const struct rte_ipv6_hdr *ip)
{
	return (*(const uint8_t *)ip & 0xf0) == 0x60 ? 0 : -EINVAL;
}

/* of vtc_flow in host order */
#define RTE_IPV6_HDR_FL_SHIFT 0
#define RTE_IPV6_HDR_TC_SHIFT 20
#define RTE_IPV6_HDR_FL_MASK ((1u << RTE_IPV6_HDR_TC_SHIFT) - 1)
#define RTE_IPV6_HDR_TC_MASK (0xff << RTE_IPV6_HDR_TC_SHIFT)
#define RTE_IPV6_HDR_DSCP_MASK (0xfc << RTE_IPV6_HDR_TC_SHIFT)
#define RTE_IPV6_HDR_ECN_MASK (0x03 << RTE_IPV6_HDR_TC_SHIFT)
#define RTE_IPV6_HDR_ECN_CE RTE_IPV6_HDR_ECN_MASK

#define RTE_IPV6_MIN_MTU 1280

/* extension headers: routing */
#define RTE_IPV6_SRCRT_TYPE_4 4
__extension__ struct rte_ipv6_routing_ext {
	uint8_t next_hdr;
	uint8_t hdr_len;
	uint8_t type;
	uint8_t segments_left;
	union {
		rte_be32_t flags;
		struct { /**< of a segment routing header */
			uint8_t last_entry;
			uint8_t flag;
			rte_be16_t tag;
		};
	};
} __rte_packed __rte_aligned(2);

/* fragment; masks of frag_data in host order */
struct rte_ipv6_fragment_ext {
	uint8_t next_header;
	uint8_t reserved;
	rte_be16_t frag_data;
	rte_be32_t id;
} __rte_packed __rte_aligned(2);
#define RTE_IPV6_FRAG_HDR_SIZE sizeof(struct rte_ipv6_fragment_ext)
#define RTE_IPV6_EHDR_MF_SHIFT 0
#define RTE_IPV6_EHDR_MF_MASK 1
#define RTE_IPV6_EHDR_FO_SHIFT 3
#define RTE_IPV6_EHDR_FO_MASK (~((1 << RTE_IPV6_EHDR_FO_SHIFT) - 1))
#define RTE_IPV6_EHDR_FO_ALIGN (1 << RTE_IPV6_EHDR_FO_SHIFT)
#define RTE_IPV6_FRAG_USED_MASK (RTE_IPV6_EHDR_MF_MASK | RTE_IPV6_EHDR_FO_MASK)
#define RTE_IPV6_GET_MF(x) ((x)&RTE_IPV6_EHDR_MF_MASK)
#define RTE_IPV6_GET_FO(x) ((x) >> RTE_IPV6_EHDR_FO_SHIFT)
#define RTE_IPV6_SET_FRAG_DATA(fo, mf) (((fo)&RTE_IPV6_EHDR_FO_MASK) | ((mf)&RTE_IPV6_EHDR_MF_MASK))

/**
 * One step along the extension headers: p is one of kind proto, of which two bytes are read.
 * @return what comes after it, and *ext_len, its bytes; -EINVAL: proto is none of hop-by-hop, routing, fragment, destination
 * options, authentication
 */
static inline int rte_ipv6_get_next_ext(const uint8_t *p, int proto, size_t *ext_len)
{
	switch (proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		*ext_len = ((size_t)p[1] + 1) * 8;
		break;
	case IPPROTO_AH:
		*ext_len = ((size_t)p[1] + 2) * 4;
		break;
	case IPPROTO_FRAGMENT:
		*ext_len = RTE_IPV6_FRAG_HDR_SIZE;
		break;
	default:
		return -EINVAL;
	}
	return p[0];
}

/** As rte_ipv4_phdr_cksum(). The protocol is the header's, so extension headers are the caller's business. */
static inline uint16_t rte_ipv6_phdr_cksum(const struct rte_ipv6_hdr *ipv6_hdr, uint64_t ol_flags)
{
	rte_be16_t rest[2] = {0, rte_cpu_to_be_16(ipv6_hdr->proto)};

	if ((ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)) == 0)
		rest[0] = ipv6_hdr->payload_len;
	return __rte_raw_cksum_reduce(__rte_raw_cksum(
		rest, sizeof(rest),
		__rte_raw_cksum((const char *)ipv6_hdr + offsetof(struct rte_ipv6_hdr, src_addr), 32, 0)));
}

/** @internal */
static inline uint16_t __rte_ipv6_udptcp_cksum(const struct rte_ipv6_hdr *ipv6_hdr, const void *l4_hdr)
{
	return __rte_raw_cksum_reduce(
		__rte_raw_cksum(l4_hdr, rte_be_to_cpu_16(ipv6_hdr->payload_len), rte_ipv6_phdr_cksum(ipv6_hdr, 0)));
}

/** As rte_ipv4_udptcp_cksum(). */
static inline uint16_t rte_ipv6_udptcp_cksum(const struct rte_ipv6_hdr *ipv6_hdr, const void *l4_hdr)
{
	return __rte_l4_cksum_sent(__rte_ipv6_udptcp_cksum(ipv6_hdr, l4_hdr), ipv6_hdr->proto);
}

/** @internal 0: the mbuf has not the bytes */
static inline uint16_t __rte_ipv6_udptcp_cksum_mbuf(const struct rte_mbuf *m, const struct rte_ipv6_hdr *ipv6_hdr,
						    uint16_t l4_off)
{
	uint16_t sum;

	if (rte_raw_cksum_mbuf(m, l4_off, rte_be_to_cpu_16(ipv6_hdr->payload_len), &sum) != 0)
		return 0;
	return __rte_raw_cksum_reduce((uint32_t)sum + rte_ipv6_phdr_cksum(ipv6_hdr, 0));
}

/** As rte_ipv4_udptcp_cksum_mbuf(). */
static inline uint16_t rte_ipv6_udptcp_cksum_mbuf(const struct rte_mbuf *m, const struct rte_ipv6_hdr *ipv6_hdr,
						  uint16_t l4_off)
{
	return __rte_l4_cksum_sent(__rte_ipv6_udptcp_cksum_mbuf(m, ipv6_hdr, l4_off), ipv6_hdr->proto);
}

/** 0: the checksum in the packet is right; -1: not. */
static inline int rte_ipv6_udptcp_cksum_verify(const struct rte_ipv6_hdr *ipv6_hdr, const void *l4_hdr)
{
	return __rte_ipv6_udptcp_cksum(ipv6_hdr, l4_hdr) == 0xffff ? 0 : -1;
}

static inline int rte_ipv6_udptcp_cksum_mbuf_verify(const struct rte_mbuf *m, const struct rte_ipv6_hdr *ipv6_hdr,
						    uint16_t l4_off)
{
	return __rte_ipv6_udptcp_cksum_mbuf(m, ipv6_hdr, l4_off) == 0xffff ? 0 : -1;
}

#ifdef __cplusplus
}
#endif

#endif
