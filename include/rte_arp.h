/* SPDX-License-Identifier: BSD-3-Clause */
/** @file rte_arp.h - ARP over Ethernet for IPv4 */
#ifndef RTE_ARP_H
#define RTE_ARP_H

#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_ether.h>

#ifdef __cplusplus
extern "C" {
#endif

/** who asks (s), who is meant (t): hardware and IPv4 addresses */
struct rte_arp_ipv4 {
	struct rte_ether_addr arp_sha;
	rte_be32_t arp_sip;
	struct rte_ether_addr arp_tha;
	rte_be32_t arp_tip;
} __rte_packed __rte_aligned(2);

struct rte_arp_hdr {
	rte_be16_t arp_hardware;
	rte_be16_t arp_protocol;
	uint8_t arp_hlen;
	uint8_t arp_plen;
	rte_be16_t arp_opcode;
	struct rte_arp_ipv4 arp_data;
} __rte_packed __rte_aligned(2);

#define RTE_ARP_HRD_ETHER 1 /**< arp_hardware */
/* arp_opcode */
#define RTE_ARP_OP_REQUEST 1
#define RTE_ARP_OP_REPLY 2
#define RTE_ARP_OP_REVREQUEST 3
#define RTE_ARP_OP_REVREPLY 4
#define RTE_ARP_OP_INVREQUEST 8
#define RTE_ARP_OP_INVREPLY 9

struct rte_mbuf;
struct rte_mempool;

/**
 * A broadcast RARP request that announces mac, as one sends it after a machine has moved: 64 bytes in one mbuf of the pool.
 * @return the packet; NULL and rte_errno: ENOMEM the pool is empty, ENOSPC its buffers are too small, EINVAL no pool
 */
struct rte_mbuf *rte_net_make_rarp_packet(struct rte_mempool *mpool, const struct rte_ether_addr *mac);

#ifdef __cplusplus
}
#endif

#endif
