/* SPDX-License-Identifier: BSD-3-Clause */
/** @file rte_udp.h - the UDP header */
#ifndef RTE_UDP_H
#define RTE_UDP_H

#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_udp_hdr {
	rte_be16_t src_port;
	rte_be16_t dst_port;
	rte_be16_t dgram_len;
	rte_be16_t dgram_cksum;
} __rte_packed __rte_aligned(2);

#ifdef __cplusplus
}
#endif

#endif
