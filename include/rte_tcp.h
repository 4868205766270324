/* SPDX-License-Identifier: BSD-3-Clause */
/** @file rte_tcp.h - the TCP header */
#ifndef RTE_TCP_H
#define RTE_TCP_H

#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#ifdef __cplusplus
extern "C" {
#endif

__extension__ struct rte_tcp_hdr {
	rte_be16_t src_port;
	rte_be16_t dst_port;
	rte_be32_t sent_seq;
	rte_be32_t recv_ack;
	union {
		uint8_t data_off; /**< words of header in the upper 4 bits */
		struct {
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
			uint8_t rsrv : 4;
			uint8_t dt_off : 4;
#else
			uint8_t dt_off : 4;
			uint8_t rsrv : 4;
#endif
		};
	};
	union {
		uint8_t tcp_flags;
		struct {
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
			uint8_t fin : 1;
			uint8_t syn : 1;
			uint8_t rst : 1;
			uint8_t psh : 1;
			uint8_t ack : 1;
			uint8_t urg : 1;
			uint8_t ecne : 1;
			uint8_t cwr : 1;
#else
			uint8_t cwr : 1;
			uint8_t ecne : 1;
			uint8_t urg : 1;
			uint8_t ack : 1;
			uint8_t psh : 1;
			uint8_t rst : 1;
			uint8_t syn : 1;
			uint8_t fin : 1;
#endif
		};
	};
	rte_be16_t rx_win;
	rte_be16_t cksum;
	rte_be16_t tcp_urp;
} __rte_packed __rte_aligned(2);

#define RTE_TCP_CWR_FLAG 0x80
#define RTE_TCP_ECE_FLAG 0x40
#define RTE_TCP_URG_FLAG 0x20
#define RTE_TCP_ACK_FLAG 0x10
#define RTE_TCP_PSH_FLAG 0x08
#define RTE_TCP_RST_FLAG 0x04
#define RTE_TCP_SYN_FLAG 0x02
#define RTE_TCP_FIN_FLAG 0x01
/** the shortest header: no options */
#define RTE_TCP_MIN_HDR_LEN 20

/** Bytes of the header with its options, as it says itself: 0 to 60. */
static inline uint8_t rte_tcp_hdr_len(const struct rte_tcp_hdr *tcp_hdr)
{
	return (uint8_t)((tcp_hdr->data_off & 0xf0) >> 2);
}

#ifdef __cplusplus
}
#endif

#endif
