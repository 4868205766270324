/* SPDX-License-Identifier: BSD-3-Clause */
/** @file rte_mpls.h - an entry of an MPLS label stack */
#ifndef RTE_MPLS_H
#define RTE_MPLS_H

#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#ifdef __cplusplus
extern "C" {
#endif

__extension__ struct rte_mpls_hdr {
	rte_be16_t tag_msb; /**< the upper 16 bits of the label */
#if RTE_BYTE_ORDER == RTE_BIG_ENDIAN
	uint8_t tag_lsb : 4;
	uint8_t tc : 3;
	uint8_t bs : 1;
#else
	uint8_t bs : 1; /**< the last one */
	uint8_t tc : 3;
	uint8_t tag_lsb : 4; /**< the lower 4 bits of the label */
#endif
	uint8_t ttl;
} __rte_packed;

#ifdef __cplusplus
}
#endif

#endif
