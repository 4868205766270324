/* SPDX-License-Identifier: BSD-3-Clause */
/** @file rte_vxlan.h - VXLAN and its generic extension (GPE) */
#ifndef RTE_VXLAN_H
#define RTE_VXLAN_H

#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_udp.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTE_VXLAN_DEFAULT_PORT 4789
#define RTE_VXLAN_GPE_DEFAULT_PORT 4790

/** the same eight bytes as two words, by flags and VNI, and as the group policy (GBP) and generic (GPE) forms name them */
__extension__ struct rte_vxlan_hdr {
	union {
		rte_be32_t vx_flags;
		struct {
			union {
				uint8_t flags;
				struct {
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
					uint8_t flag_o : 1;
					uint8_t flag_b : 1;
					uint8_t flag_p : 1;
					uint8_t flag_i : 1; /**< vni holds */
					uint8_t flag_ver : 2;
					uint8_t flag_rsvd : 1;
					uint8_t flag_g : 1;
#else
					uint8_t flag_g : 1;
					uint8_t flag_rsvd : 1;
					uint8_t flag_ver : 2;
					uint8_t flag_i : 1;
					uint8_t flag_p : 1;
					uint8_t flag_b : 1;
					uint8_t flag_o : 1;
#endif
				} __rte_packed;
			};
			union {
				uint8_t rsvd0[3];
				struct {
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
					uint8_t rsvd0_gbp3 : 3;
					uint8_t flag_a : 1;
					uint8_t rsvd0_gbp2 : 2;
					uint8_t flag_d : 1;
					uint8_t rsvd0_gbp1 : 1;
#else
					uint8_t rsvd0_gbp1 : 1;
					uint8_t flag_d : 1;
					uint8_t rsvd0_gbp2 : 2;
					uint8_t flag_a : 1;
					uint8_t rsvd0_gbp3 : 3;
#endif
					union {
						uint16_t policy_id;
						struct {
							uint8_t rsvd0_gpe;
							uint8_t proto; /**< RTE_VXLAN_GPE_TYPE_* */
						} __rte_packed;
					};
				} __rte_packed;
			};
		} __rte_packed;
	};
	union {
		rte_be32_t vx_vni; /**< VNI in the upper 24 bits */
		struct {
			uint8_t vni[3];
			union {
				uint8_t rsvd1;
				uint8_t last_rsvd;
			};
		} __rte_packed;
	};
} __rte_packed;

__extension__ struct rte_vxlan_gpe_hdr {
	union {
		struct {
			uint8_t vx_flags;
			uint8_t reserved[2];
			uint8_t protocol;
			rte_be32_t vx_vni;
		} __rte_packed;
		struct {
			uint8_t flags;
			uint8_t rsvd0[2];
			uint8_t proto;
			uint8_t vni[3];
			uint8_t rsvd1;
		} __rte_packed;
	};
} __rte_packed;

/* with the UDP header before it */
#define RTE_ETHER_VXLAN_HLEN (sizeof(struct rte_udp_hdr) + sizeof(struct rte_vxlan_hdr))
#define RTE_ETHER_VXLAN_GPE_HLEN (sizeof(struct rte_udp_hdr) + sizeof(struct rte_vxlan_gpe_hdr))

/* what a GPE header says comes next */
#define RTE_VXLAN_GPE_TYPE_IPV4 1
#define RTE_VXLAN_GPE_TYPE_IPV6 2
#define RTE_VXLAN_GPE_TYPE_ETH 3
#define RTE_VXLAN_GPE_TYPE_NSH 4
#define RTE_VXLAN_GPE_TYPE_MPLS 5
#define RTE_VXLAN_GPE_TYPE_GBP 6
#define RTE_VXLAN_GPE_TYPE_VBNG 7

#ifdef __cplusplus
}
#endif

#endif
