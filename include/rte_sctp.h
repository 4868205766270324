/* SPDX-License-Identifier: BSD-3-Clause */
/** @file rte_sctp.h - the SCTP common header */
#ifndef RTE_SCTP_H
#define RTE_SCTP_H

#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_sctp_hdr {
	rte_be16_t src_port;
	rte_be16_t dst_port;
	rte_be32_t tag; /**< of verification */
	rte_be32_t cksum;
} __rte_packed;

#ifdef __cplusplus
}
#endif

#endif
