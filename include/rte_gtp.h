/* SPDX-License-Identifier: BSD-3-Clause */
/** @file rte_gtp.h - the headers of GTPv1 and of its PDU session container */
#ifndef RTE_GTP_H
#define RTE_GTP_H

#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_udp.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTE_GTPC_UDP_PORT 2123
#define RTE_GTPU_UDP_PORT 2152

__extension__ struct rte_gtp_hdr {
	union {
		uint8_t gtp_hdr_info;
		struct {
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
			uint8_t pn : 1; /**< an N-PDU number; any of the three: struct rte_gtp_hdr_ext_word follows */
			uint8_t s : 1;	/**< a sequence number */
			uint8_t e : 1;	/**< an extension header */
			uint8_t res1 : 1;
			uint8_t pt : 1;
			uint8_t ver : 3;
#else
			uint8_t ver : 3;
			uint8_t pt : 1;
			uint8_t res1 : 1;
			uint8_t e : 1;
			uint8_t s : 1;
			uint8_t pn : 1;
#endif
		};
	};
	uint8_t msg_type;
	rte_be16_t plen;
	rte_be32_t teid;
} __rte_packed;

struct rte_gtp_hdr_ext_word {
	rte_be16_t sqn;
	uint8_t npdu;
	uint8_t next_ext;
} __rte_packed;

/** with the UDP header before it */
#define RTE_ETHER_GTP_HLEN (sizeof(struct rte_udp_hdr) + sizeof(struct rte_gtp_hdr))
/* the upper four bits of the first byte of what a data packet carries */
#define RTE_GTP_TYPE_IPV4 0x40
#define RTE_GTP_TYPE_IPV6 0x60

#ifdef __cplusplus
}
#endif

#endif
