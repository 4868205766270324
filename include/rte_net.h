/* SPDX-License-Identifier: BSD-3-Clause */
/** @file rte_net.h - what is in a packet: its headers found in software, pseudo headers made ready for a port's checksums */
#ifndef RTE_NET_H
#define RTE_NET_H

#include <errno.h>
#include <stdint.h>

#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_sctp.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#ifdef __cplusplus
extern "C" {
#endif

/** bytes of each header; one holds where the packet type says that there is this header, the others are 0 */
struct rte_net_hdr_lens {
	uint8_t l2_len;
	uint8_t inner_l2_len; /**< in a UDP tunnel with the UDP header and the tunnel's before it */
	uint16_t l3_len;      /**< with options and extension headers */
	uint16_t inner_l3_len;
	uint16_t tunnel_len; /**< of GRE */
	uint8_t l4_len;
	uint8_t inner_l4_len;
};

/**
 * Step over the extension headers of IPv6. *off is the offset behind the fixed header before, behind the last one after.
 * @param frag 1 after a fragment header, which is the last one looked at; else 0
 * @return the protocol behind; 0: there is none (no next header); -1: more than five, or the packet ends before
 */
int rte_net_skip_ip6_ext(uint16_t proto, const struct rte_mbuf *m, uint32_t *off, int *frag);

/**
 * The type of an Ethernet packet, RTE_PTYPE_* of each layer found: VLAN, QinQ, MPLS; IPv4, IPv6; TCP, UDP, SCTP, fragments;
 * IP in IP, GRE, NVGRE, VXLAN, VXLAN-GPE, GTP, GENEVE, and the same layers inside. A header counts when all of it is in the
 * packet, in whatever segments. Any bytes may be given.
 * @param hdr_lens filled in unless NULL
 * @param layers RTE_PTYPE_*_MASK of those wanted; it ends at the first that is not
 */
uint32_t rte_net_get_ptype(const struct rte_mbuf *m, struct rte_net_hdr_lens *hdr_lens, uint32_t layers);

/**
 * What a port needs that computes checksums as Intel's do: IPv4 checksums set to 0 and pseudo header sums stored where ol_flags
 * ask for a checksum of this kind. The lengths in the mbuf say where the headers are.
 * @return 0; -ENOTSUP: the headers are not all in the first segment, nothing was changed
 */
int rte_net_intel_cksum_flags_prepare(struct rte_mbuf *m, uint64_t ol_flags);

/** The same by the flags that the packet has. */
static inline int rte_net_intel_cksum_prepare(struct rte_mbuf *m)
{
	return rte_net_intel_cksum_flags_prepare(m, m->ol_flags);
}

#ifdef __cplusplus
}
#endif

#endif
