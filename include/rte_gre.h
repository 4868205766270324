/* SPDX-License-Identifier: BSD-3-Clause */
/** @file rte_gre.h - the GRE header and the words that may follow it, in this order: checksum, key, sequence */
#ifndef RTE_GRE_H
#define RTE_GRE_H

#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#ifdef __cplusplus
extern "C" {
#endif

__extension__ struct rte_gre_hdr {
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
	uint16_t res2 : 4;
	uint16_t s : 1; /**< a sequence number follows */
	uint16_t k : 1; /**< a key follows */
	uint16_t res1 : 1;
	uint16_t c : 1; /**< a checksum follows */
	uint16_t ver : 3;
	uint16_t res3 : 5;
#else
	uint16_t c : 1;
	uint16_t res1 : 1;
	uint16_t k : 1;
	uint16_t s : 1;
	uint16_t res2 : 4;
	uint16_t res3 : 5;
	uint16_t ver : 3;
#endif
	rte_be16_t proto; /**< an Ethernet type */
} __rte_packed;

struct rte_gre_hdr_opt_checksum_rsvd {
	rte_be16_t checksum;
	rte_be16_t reserved1;
} __rte_packed;

struct rte_gre_hdr_opt_key {
	rte_be32_t key;
} __rte_packed;

struct rte_gre_hdr_opt_sequence {
	rte_be32_t sequence;
} __rte_packed;

#ifdef __cplusplus
}
#endif

#endif
