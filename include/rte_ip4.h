/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file rte_ip4.h - the IPv4 header, its checksum, and those of UDP and TCP above it
 *
 * Checksums are in network order, as they are stored. A header says itself how long the packet is; those functions that take
 * an mbuf look whether it is there, the others read as much as total_length says.
 */
#ifndef RTE_IP4_H
#define RTE_IP4_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <rte_byteorder.h>
#include <rte_cksum.h>
#include <rte_common.h>
#include <rte_mbuf.h>

#ifdef __cplusplus
extern "C" {
#endif

__extension__ struct rte_ipv4_hdr {
	union {
		uint8_t version_ihl;
		struct {
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
			uint8_t ihl : 4; /**< words of header */
			uint8_t version : 4;
#else
			uint8_t version : 4;
			uint8_t ihl : 4;
#endif
		};
	};
	uint8_t type_of_service;
	rte_be16_t total_length;
	rte_be16_t packet_id;
	rte_be16_t fragment_offset; /**< with its flags */
	uint8_t time_to_live;
	uint8_t next_proto_id;
	rte_be16_t hdr_checksum;
	rte_be32_t src_addr;
	rte_be32_t dst_addr;
} __rte_packed __rte_aligned(2);

/** an address in host order */
#define RTE_IPV4(a, b, c, d)                                                                                           \
	((uint32_t)(((uint32_t)(a)&0xff) << 24 | ((uint32_t)(b)&0xff) << 16 | ((uint32_t)(c)&0xff) << 8 |              \
		    ((uint32_t)(d)&0xff)))

#define RTE_IPV4_MAX_PKT_LEN 65535

#define RTE_IPV4_HDR_IHL_MASK 0x0f
#define RTE_IPV4_IHL_MULTIPLIER 4
#define RTE_IPV4_MIN_IHL 0x5
#define RTE_IPV4_VHL_DEF ((IPVERSION << 4) | RTE_IPV4_MIN_IHL)
/* of type_of_service */
#define RTE_IPV4_HDR_DSCP_MASK 0xfc
#define RTE_IPV4_HDR_ECN_MASK 0x03
#define RTE_IPV4_HDR_ECN_CE RTE_IPV4_HDR_ECN_MASK
/* of fragment_offset in host order */
#define RTE_IPV4_HDR_DF_SHIFT 14
#define RTE_IPV4_HDR_MF_SHIFT 13
#define RTE_IPV4_HDR_FO_SHIFT 3
#define RTE_IPV4_HDR_DF_FLAG (1 << RTE_IPV4_HDR_DF_SHIFT)
#define RTE_IPV4_HDR_MF_FLAG (1 << RTE_IPV4_HDR_MF_SHIFT)
#define RTE_IPV4_HDR_OFFSET_MASK ((1 << RTE_IPV4_HDR_MF_SHIFT) - 1)
#define RTE_IPV4_HDR_OFFSET_UNITS 8
/* options */
#define RTE_IPV4_HDR_OPT_EOL 0
#define RTE_IPV4_HDR_OPT_NOP 1
#define RTE_IPV4_HDR_OPT_COPIED(v) ((v)&0x80)
#define RTE_IPV4_HDR_OPT_MAX_LEN 40

/* addresses in host order; the name of 224.0.0.0 is DPDK's */
#define RTE_IPV4_ANY RTE_IPV4(0, 0, 0, 0)
#define RTE_IPV4_LOOPBACK RTE_IPV4(127, 0, 0, 1)
#define RTE_IPV4_BROADCAST RTE_IPV4(224, 0, 0, 0)
#define RTE_IPV4_ALLHOSTS_GROUP RTE_IPV4(224, 0, 0, 1)
#define RTE_IPV4_ALLRTRS_GROUP RTE_IPV4(224, 0, 0, 2)
#define RTE_IPV4_MAX_LOCAL_GROUP RTE_IPV4(224, 0, 0, 255)
#define RTE_IPV4_MIN_MCAST RTE_IPV4(224, 0, 0, 0)
#define RTE_IPV4_MAX_MCAST RTE_IPV4(239, 255, 255, 255)
#define RTE_IS_IPV4_MCAST(x) ((x) >= RTE_IPV4_MIN_MCAST && (x) <= RTE_IPV4_MAX_MCAST)

/** Bytes of the header with its options, as it says itself: 0 to 60. */
static inline uint8_t rte_ipv4_hdr_len(const struct rte_ipv4_hdr *ipv4_hdr)
{
	return (uint8_t)((ipv4_hdr->version_ihl & RTE_IPV4_HDR_IHL_MASK) * RTE_IPV4_IHL_MULTIPLIER);
}

/** Checksum of a header with its options; what hdr_checksum holds counts, so it is 0 before and the sum is 0 if it is right. */
static inline uint16_t rte_ipv4_cksum(const struct rte_ipv4_hdr *ipv4_hdr)
{
	return (uint16_t)~rte_raw_cksum(ipv4_hdr, rte_ipv4_hdr_len(ipv4_hdr));
}

/** The same of a header without options: 20 bytes, whatever it says. */
static inline uint16_t rte_ipv4_cksum_simple(const struct rte_ipv4_hdr *ipv4_hdr)
{
	return (uint16_t)~rte_raw_cksum(ipv4_hdr, sizeof(*ipv4_hdr));
}

/**
 * Sum of the pseudo header, not complemented: what a port that computes L4 checksums wants to find in their field. Its length
 * is 0 where ol_flags ask for segmentation.
 */
static inline uint16_t rte_ipv4_phdr_cksum(const struct rte_ipv4_hdr *ipv4_hdr, uint64_t ol_flags)
{
	rte_be16_t rest[2] = {0, rte_cpu_to_be_16(ipv4_hdr->next_proto_id)};

	if ((ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)) == 0)
		rest[0] = rte_cpu_to_be_16(
			(uint16_t)(rte_be_to_cpu_16(ipv4_hdr->total_length) - rte_ipv4_hdr_len(ipv4_hdr)));
	return __rte_raw_cksum_reduce(__rte_raw_cksum(
		rest, sizeof(rest),
		__rte_raw_cksum((const char *)ipv4_hdr + offsetof(struct rte_ipv4_hdr, src_addr), 8, 0)));
}

/** @internal what is sent: a UDP checksum that comes out as 0 is sent as its other zero, for 0 means none */
static inline uint16_t __rte_l4_cksum_sent(uint16_t sum, uint8_t proto)
{
	uint16_t cksum = (uint16_t)~sum;

	return cksum == 0 && proto == IPPROTO_UDP ? 0xffff : cksum;
}

/** @internal sum over pseudo header and L4, not complemented; 0: total_length is shorter than the header */
static inline uint16_t __rte_ipv4_udptcp_cksum(const struct rte_ipv4_hdr *ipv4_hdr, const void *l4_hdr)
{
	uint32_t total = rte_be_to_cpu_16(ipv4_hdr->total_length), hdr = rte_ipv4_hdr_len(ipv4_hdr);

	if (total < hdr)
		return 0;
	return __rte_raw_cksum_reduce(__rte_raw_cksum(l4_hdr, total - hdr, rte_ipv4_phdr_cksum(ipv4_hdr, 0)));
}

/**
 * Checksum of a UDP or TCP packet in one piece, to be stored in its field, which is 0 before. For UDP never 0.
 * 0xffff: total_length is shorter than the header.
 */
static inline uint16_t rte_ipv4_udptcp_cksum(const struct rte_ipv4_hdr *ipv4_hdr, const void *l4_hdr)
{
	return __rte_l4_cksum_sent(__rte_ipv4_udptcp_cksum(ipv4_hdr, l4_hdr), ipv4_hdr->next_proto_id);
}

/** @internal the same over an mbuf; 0: it has not the bytes */
static inline uint16_t __rte_ipv4_udptcp_cksum_mbuf(const struct rte_mbuf *m, const struct rte_ipv4_hdr *ipv4_hdr,
						    uint16_t l4_off)
{
	uint32_t total = rte_be_to_cpu_16(ipv4_hdr->total_length), hdr = rte_ipv4_hdr_len(ipv4_hdr);
	uint16_t sum;

	if (total < hdr || rte_raw_cksum_mbuf(m, l4_off, total - hdr, &sum) != 0)
		return 0;
	return __rte_raw_cksum_reduce((uint32_t)sum + rte_ipv4_phdr_cksum(ipv4_hdr, 0));
}

/**
 * The same of a packet of any number of segments whose L4 header is l4_off bytes into it; padding behind does not count.
 * 0xffff: the packet has not the bytes that its header says.
 */
static inline uint16_t rte_ipv4_udptcp_cksum_mbuf(const struct rte_mbuf *m, const struct rte_ipv4_hdr *ipv4_hdr,
						  uint16_t l4_off)
{
	return __rte_l4_cksum_sent(__rte_ipv4_udptcp_cksum_mbuf(m, ipv4_hdr, l4_off), ipv4_hdr->next_proto_id);
}

/** 0: the checksum in the packet is right; -1: not. UDP without one (0 in its field) is for the caller to see first. */
static inline int rte_ipv4_udptcp_cksum_verify(const struct rte_ipv4_hdr *ipv4_hdr, const void *l4_hdr)
{
	return __rte_ipv4_udptcp_cksum(ipv4_hdr, l4_hdr) == 0xffff ? 0 : -1;
}

static inline int rte_ipv4_udptcp_cksum_mbuf_verify(const struct rte_mbuf *m, const struct rte_ipv4_hdr *ipv4_hdr,
						    uint16_t l4_off)
{
	return __rte_ipv4_udptcp_cksum_mbuf(m, ipv4_hdr, l4_off) == 0xffff ? 0 : -1;
}

#ifdef __cplusplus
}
#endif

#endif
