/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_eth_ctrl.h - kinds of flows and tunnels, as ports and packets name them */
#ifndef RTE_ETH_CTRL_H
#define RTE_ETH_CTRL_H

#include <stdint.h>

#include <rte_common.h>
#include <rte_config.h>
#include <rte_ether.h>

#ifdef __cplusplus
extern "C" {
#endif

/* kinds of flows; RTE_ETH_RSS_... has a bit for each at the same number */
#define RTE_ETH_FLOW_UNKNOWN 0
#define RTE_ETH_FLOW_RAW 1
#define RTE_ETH_FLOW_IPV4 2
#define RTE_ETH_FLOW_FRAG_IPV4 3
#define RTE_ETH_FLOW_NONFRAG_IPV4_TCP 4
#define RTE_ETH_FLOW_NONFRAG_IPV4_UDP 5
#define RTE_ETH_FLOW_NONFRAG_IPV4_SCTP 6
#define RTE_ETH_FLOW_NONFRAG_IPV4_OTHER 7
#define RTE_ETH_FLOW_IPV6 8
#define RTE_ETH_FLOW_FRAG_IPV6 9
#define RTE_ETH_FLOW_NONFRAG_IPV6_TCP 10
#define RTE_ETH_FLOW_NONFRAG_IPV6_UDP 11
#define RTE_ETH_FLOW_NONFRAG_IPV6_SCTP 12
#define RTE_ETH_FLOW_NONFRAG_IPV6_OTHER 13
#define RTE_ETH_FLOW_L2_PAYLOAD 14
#define RTE_ETH_FLOW_IPV6_EX 15
#define RTE_ETH_FLOW_IPV6_TCP_EX 16
#define RTE_ETH_FLOW_IPV6_UDP_EX 17
#define RTE_ETH_FLOW_PORT 18
#define RTE_ETH_FLOW_VXLAN 19
#define RTE_ETH_FLOW_GENEVE 20
#define RTE_ETH_FLOW_NVGRE 21
#define RTE_ETH_FLOW_VXLAN_GPE 22
#define RTE_ETH_FLOW_GTPU 23
#define RTE_ETH_FLOW_MAX 24

enum rte_eth_tunnel_type {
	RTE_ETH_TUNNEL_TYPE_NONE = 0,
	RTE_ETH_TUNNEL_TYPE_VXLAN = 1,
	RTE_ETH_TUNNEL_TYPE_GENEVE = 2,
	RTE_ETH_TUNNEL_TYPE_TEREDO = 3,
	RTE_ETH_TUNNEL_TYPE_NVGRE = 4,
	RTE_ETH_TUNNEL_TYPE_IP_IN_GRE = 5,
	RTE_ETH_L2_TUNNEL_TYPE_E_TAG = 6,
	RTE_ETH_TUNNEL_TYPE_VXLAN_GPE = 7,
	RTE_ETH_TUNNEL_TYPE_ECPRI = 8,
	RTE_ETH_TUNNEL_TYPE_MAX = 9,
};

/* how a hash is computed (26.11) */
enum rte_eth_hash_function {
	RTE_ETH_HASH_FUNCTION_DEFAULT = 0,
	RTE_ETH_HASH_FUNCTION_TOEPLITZ = 1,
	RTE_ETH_HASH_FUNCTION_SIMPLE_XOR = 2,
	RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ = 3,
	RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ_SORT = 4,
	RTE_ETH_HASH_FUNCTION_MAX = 5,
};

#ifdef __cplusplus
}
#endif

#endif
