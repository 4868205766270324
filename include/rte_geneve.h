/* SPDX-License-Identifier: BSD-3-Clause */
/** @file rte_geneve.h - the GENEVE header */
#ifndef RTE_GENEVE_H
#define RTE_GENEVE_H

#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTE_GENEVE_DEFAULT_PORT 6081
#define RTE_GENEVE_TYPE_ETH 0x6558

__extension__ struct rte_geneve_hdr {
#if RTE_BYTE_ORDER == RTE_BIG_ENDIAN
	uint8_t ver : 2;
	uint8_t opt_len : 6;
	uint8_t oam : 1;
	uint8_t critical : 1;
	uint8_t reserved1 : 6;
#else
	uint8_t opt_len : 6; /**< words of options behind this header */
	uint8_t ver : 2;
	uint8_t reserved1 : 6;
	uint8_t critical : 1;
	uint8_t oam : 1;
#endif
	rte_be16_t proto;
	uint8_t vni[3];
	uint8_t reserved2;
	uint32_t opts[];
} __rte_packed;

#ifdef __cplusplus
}
#endif

#endif
