/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_ethdev.h - ports: where packets come in and go out
 *
 * A port belongs to the group. Made in any process (--vdev, rte_vdev_init(), rte_eal_hotplug_add()) it is there in all, under
 * one number, with one configuration; every call works in every process, and for every driver of the library. Functions of
 * drivers are found by name in each process: the processes need not run the same program.
 *
 * A queue has one owner, the process that bursts there first. A second one gets 0 packets, with rte_errno EBUSY and a line in
 * the log, until the owner ends, is killed, gives the queue away (shoal_port.h), or somebody stops the queue or the port. In
 * one process, one thread at a time uses a queue, as in DPDK.
 *
 * Errors, unless a call says otherwise: -ENODEV no such port, -EINVAL an argument, -ENOTSUP this port cannot, -EPERM a child of
 * fork() that has not called rte_eal_init(), -EBUSY the port is started where it must not be, or another process that is
 * stopped is configuring it, -EIO the device is gone. Each with a line in the log.
 *
 * Threads: any, but for bursts. Calls that change a port exclude each other in the whole group. None of them may be called
 * from an event callback of the port that waits for its own end.
 */
#ifndef RTE_ETHDEV_H
#define RTE_ETHDEV_H

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <rte_bitops.h>
#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_compat.h>
#include <rte_config.h>
#include <rte_dev.h>
#include <rte_dev_info.h>
#include <rte_devargs.h>
#include <rte_errno.h>
#include <rte_eth_ctrl.h>
#include <rte_ether.h>
#include <rte_ethdev_core.h>
#include <rte_interrupts.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#ifdef __cplusplus
extern "C" {
#endif

extern int rte_eth_dev_logtype;
#define RTE_ETHDEV_LOG(level, ...) rte_log(RTE_LOG_##level, (unsigned int)rte_eth_dev_logtype, "" __VA_ARGS__)

#define RTE_ETH_NAME_MAX_LEN RTE_DEV_NAME_MAX_LEN

/* ---- links ---- */

/* what a port can do (rte_eth_dev_info.speed_capa) or may (rte_eth_conf.link_speeds) */
#define RTE_ETH_LINK_SPEED_AUTONEG 0
#define RTE_ETH_LINK_SPEED_FIXED RTE_BIT32(0)
#define RTE_ETH_LINK_SPEED_10M_HD RTE_BIT32(1)
#define RTE_ETH_LINK_SPEED_10M RTE_BIT32(2)
#define RTE_ETH_LINK_SPEED_100M_HD RTE_BIT32(3)
#define RTE_ETH_LINK_SPEED_100M RTE_BIT32(4)
#define RTE_ETH_LINK_SPEED_1G RTE_BIT32(5)
#define RTE_ETH_LINK_SPEED_2_5G RTE_BIT32(6)
#define RTE_ETH_LINK_SPEED_5G RTE_BIT32(7)
#define RTE_ETH_LINK_SPEED_10G RTE_BIT32(8)
#define RTE_ETH_LINK_SPEED_20G RTE_BIT32(9)
#define RTE_ETH_LINK_SPEED_25G RTE_BIT32(10)
#define RTE_ETH_LINK_SPEED_40G RTE_BIT32(11)
#define RTE_ETH_LINK_SPEED_50G RTE_BIT32(12)
#define RTE_ETH_LINK_SPEED_56G RTE_BIT32(13)
#define RTE_ETH_LINK_SPEED_100G RTE_BIT32(14)
#define RTE_ETH_LINK_SPEED_200G RTE_BIT32(15)
#define RTE_ETH_LINK_SPEED_400G RTE_BIT32(16)

/* rte_eth_link.link_speed, Mbit/s */
#define RTE_ETH_SPEED_NUM_NONE 0
#define RTE_ETH_SPEED_NUM_10M 10
#define RTE_ETH_SPEED_NUM_100M 100
#define RTE_ETH_SPEED_NUM_1G 1000
#define RTE_ETH_SPEED_NUM_2_5G 2500
#define RTE_ETH_SPEED_NUM_5G 5000
#define RTE_ETH_SPEED_NUM_10G 10000
#define RTE_ETH_SPEED_NUM_20G 20000
#define RTE_ETH_SPEED_NUM_25G 25000
#define RTE_ETH_SPEED_NUM_40G 40000
#define RTE_ETH_SPEED_NUM_50G 50000
#define RTE_ETH_SPEED_NUM_56G 56000
#define RTE_ETH_SPEED_NUM_100G 100000
#define RTE_ETH_SPEED_NUM_200G 200000
#define RTE_ETH_SPEED_NUM_400G 400000
#define RTE_ETH_SPEED_NUM_UNKNOWN UINT32_MAX

#define RTE_ETH_LINK_HALF_DUPLEX 0
#define RTE_ETH_LINK_FULL_DUPLEX 1
#define RTE_ETH_LINK_DOWN 0
#define RTE_ETH_LINK_UP 1
#define RTE_ETH_LINK_FIXED 0
#define RTE_ETH_LINK_AUTONEG 1
#define RTE_ETH_LINK_MAX_STR_LEN 40 /* bytes that hold what rte_eth_link_to_str() writes */

__extension__ struct rte_eth_link {
	uint32_t link_speed;
	uint16_t link_duplex : 1;
	uint16_t link_autoneg : 1;
	uint16_t link_status : 1;
} __rte_aligned(8);

/* ---- counters ---- */

struct rte_eth_stats {
	uint64_t ipackets, opackets, ibytes, obytes;
	uint64_t imissed;   /* dropped before a queue, which was full */
	uint64_t ierrors;   /* malformed, or too long */
	uint64_t oerrors;   /* could not be sent */
	uint64_t rx_nombuf; /* the pool was empty */
	/* of the first 16 queues, or as rte_eth_dev_set_rx_queue_stats_mapping() says */
	uint64_t q_ipackets[RTE_ETHDEV_QUEUE_STAT_CNTRS], q_opackets[RTE_ETHDEV_QUEUE_STAT_CNTRS];
	uint64_t q_ibytes[RTE_ETHDEV_QUEUE_STAT_CNTRS], q_obytes[RTE_ETHDEV_QUEUE_STAT_CNTRS];
	uint64_t q_errors[RTE_ETHDEV_QUEUE_STAT_CNTRS];
};

#define RTE_ETH_XSTATS_NAME_SIZE 64
struct rte_eth_xstat {
	uint64_t id, value;
};
struct rte_eth_xstat_name {
	char name[RTE_ETH_XSTATS_NAME_SIZE];
};

/* ---- hash to queue ---- */

#define RTE_ETH_RSS_IPV4 RTE_BIT64(2)
#define RTE_ETH_RSS_FRAG_IPV4 RTE_BIT64(3)
#define RTE_ETH_RSS_NONFRAG_IPV4_TCP RTE_BIT64(4)
#define RTE_ETH_RSS_NONFRAG_IPV4_UDP RTE_BIT64(5)
#define RTE_ETH_RSS_NONFRAG_IPV4_SCTP RTE_BIT64(6)
#define RTE_ETH_RSS_NONFRAG_IPV4_OTHER RTE_BIT64(7)
#define RTE_ETH_RSS_IPV6 RTE_BIT64(8)
#define RTE_ETH_RSS_FRAG_IPV6 RTE_BIT64(9)
#define RTE_ETH_RSS_NONFRAG_IPV6_TCP RTE_BIT64(10)
#define RTE_ETH_RSS_NONFRAG_IPV6_UDP RTE_BIT64(11)
#define RTE_ETH_RSS_NONFRAG_IPV6_SCTP RTE_BIT64(12)
#define RTE_ETH_RSS_NONFRAG_IPV6_OTHER RTE_BIT64(13)
#define RTE_ETH_RSS_L2_PAYLOAD RTE_BIT64(14)
#define RTE_ETH_RSS_IPV6_EX RTE_BIT64(15)
#define RTE_ETH_RSS_IPV6_TCP_EX RTE_BIT64(16)
#define RTE_ETH_RSS_IPV6_UDP_EX RTE_BIT64(17)
#define RTE_ETH_RSS_PORT RTE_BIT64(18)
#define RTE_ETH_RSS_VXLAN RTE_BIT64(19)
#define RTE_ETH_RSS_GENEVE RTE_BIT64(20)
#define RTE_ETH_RSS_NVGRE RTE_BIT64(21)
#define RTE_ETH_RSS_GTPU RTE_BIT64(23)
#define RTE_ETH_RSS_ETH RTE_BIT64(24)
#define RTE_ETH_RSS_S_VLAN RTE_BIT64(25)
#define RTE_ETH_RSS_C_VLAN RTE_BIT64(26)
#define RTE_ETH_RSS_ESP RTE_BIT64(27)
#define RTE_ETH_RSS_AH RTE_BIT64(28)
#define RTE_ETH_RSS_L2TPV3 RTE_BIT64(29)
#define RTE_ETH_RSS_PFCP RTE_BIT64(30)
#define RTE_ETH_RSS_PPPOE RTE_BIT64(31)
#define RTE_ETH_RSS_ECPRI RTE_BIT64(32)
#define RTE_ETH_RSS_MPLS RTE_BIT64(33)
#define RTE_ETH_RSS_IPV4_CHKSUM RTE_BIT64(34)
#define RTE_ETH_RSS_L4_CHKSUM RTE_BIT64(35)
#define RTE_ETH_RSS_L2TPV2 RTE_BIT64(36)
#define RTE_ETH_RSS_L3_PRE96 RTE_BIT64(52)
#define RTE_ETH_RSS_L3_PRE64 RTE_BIT64(53)
#define RTE_ETH_RSS_L3_PRE56 RTE_BIT64(54)
#define RTE_ETH_RSS_L3_PRE48 RTE_BIT64(55)
#define RTE_ETH_RSS_L3_PRE40 RTE_BIT64(56)
#define RTE_ETH_RSS_L3_PRE32 RTE_BIT64(57)
#define RTE_ETH_RSS_L2_DST_ONLY RTE_BIT64(58)
#define RTE_ETH_RSS_L2_SRC_ONLY RTE_BIT64(59)
#define RTE_ETH_RSS_L4_DST_ONLY RTE_BIT64(60)
#define RTE_ETH_RSS_L4_SRC_ONLY RTE_BIT64(61)
#define RTE_ETH_RSS_L3_DST_ONLY RTE_BIT64(62)
#define RTE_ETH_RSS_L3_SRC_ONLY RTE_BIT64(63)
#define RTE_ETH_RSS_LEVEL_PMD_DEFAULT (UINT64_C(0) << 50)
#define RTE_ETH_RSS_LEVEL_OUTERMOST (UINT64_C(1) << 50)
#define RTE_ETH_RSS_LEVEL_INNERMOST (UINT64_C(2) << 50)
#define RTE_ETH_RSS_LEVEL_MASK (UINT64_C(3) << 50)
#define RTE_ETH_RSS_LEVEL(rss_hf) (((rss_hf)&RTE_ETH_RSS_LEVEL_MASK) >> 50)

#define RTE_ETH_RSS_IP                                                                                                 \
	(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER | RTE_ETH_RSS_IPV6 |                \
	 RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER | RTE_ETH_RSS_IPV6_EX)
#define RTE_ETH_RSS_UDP (RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_IPV6_UDP_EX)
#define RTE_ETH_RSS_TCP (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_IPV6_TCP_EX)
#define RTE_ETH_RSS_SCTP (RTE_ETH_RSS_NONFRAG_IPV4_SCTP | RTE_ETH_RSS_NONFRAG_IPV6_SCTP)
#define RTE_ETH_RSS_TUNNEL (RTE_ETH_RSS_VXLAN | RTE_ETH_RSS_GENEVE | RTE_ETH_RSS_NVGRE)
#define RTE_ETH_RSS_VLAN (RTE_ETH_RSS_S_VLAN | RTE_ETH_RSS_C_VLAN)
#define RTE_ETH_RSS_PROTO_MASK                                                                                         \
	(RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_SCTP | RTE_ETH_RSS_TUNNEL |                  \
	 RTE_ETH_RSS_L2_PAYLOAD | RTE_ETH_RSS_PORT | RTE_ETH_RSS_MPLS)
#define RTE_ETH_RSS_IPV6_PRE32 (RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_L3_PRE32)
#define RTE_ETH_RSS_IPV6_PRE32_UDP (RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_L3_PRE32)
#define RTE_ETH_RSS_IPV6_PRE32_TCP (RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_L3_PRE32)
#define RTE_ETH_RSS_IPV6_PRE32_SCTP (RTE_ETH_RSS_NONFRAG_IPV6_SCTP | RTE_ETH_RSS_L3_PRE32)
#define RTE_ETH_RSS_IPV6_PRE40 (RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_L3_PRE40)
#define RTE_ETH_RSS_IPV6_PRE40_UDP (RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_L3_PRE40)
#define RTE_ETH_RSS_IPV6_PRE40_TCP (RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_L3_PRE40)
#define RTE_ETH_RSS_IPV6_PRE40_SCTP (RTE_ETH_RSS_NONFRAG_IPV6_SCTP | RTE_ETH_RSS_L3_PRE40)
#define RTE_ETH_RSS_IPV6_PRE48 (RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_L3_PRE48)
#define RTE_ETH_RSS_IPV6_PRE48_UDP (RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_L3_PRE48)
#define RTE_ETH_RSS_IPV6_PRE48_TCP (RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_L3_PRE48)
#define RTE_ETH_RSS_IPV6_PRE48_SCTP (RTE_ETH_RSS_NONFRAG_IPV6_SCTP | RTE_ETH_RSS_L3_PRE48)
#define RTE_ETH_RSS_IPV6_PRE56 (RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_L3_PRE56)
#define RTE_ETH_RSS_IPV6_PRE56_UDP (RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_L3_PRE56)
#define RTE_ETH_RSS_IPV6_PRE56_TCP (RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_L3_PRE56)
#define RTE_ETH_RSS_IPV6_PRE56_SCTP (RTE_ETH_RSS_NONFRAG_IPV6_SCTP | RTE_ETH_RSS_L3_PRE56)
#define RTE_ETH_RSS_IPV6_PRE64 (RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_L3_PRE64)
#define RTE_ETH_RSS_IPV6_PRE64_UDP (RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_L3_PRE64)
#define RTE_ETH_RSS_IPV6_PRE64_TCP (RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_L3_PRE64)
#define RTE_ETH_RSS_IPV6_PRE64_SCTP (RTE_ETH_RSS_NONFRAG_IPV6_SCTP | RTE_ETH_RSS_L3_PRE64)
#define RTE_ETH_RSS_IPV6_PRE96 (RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_L3_PRE96)
#define RTE_ETH_RSS_IPV6_PRE96_UDP (RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_L3_PRE96)
#define RTE_ETH_RSS_IPV6_PRE96_TCP (RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_L3_PRE96)
#define RTE_ETH_RSS_IPV6_PRE96_SCTP (RTE_ETH_RSS_NONFRAG_IPV6_SCTP | RTE_ETH_RSS_L3_PRE96)

#define RTE_ETH_RSS_RETA_SIZE_64 64
#define RTE_ETH_RSS_RETA_SIZE_128 128
#define RTE_ETH_RSS_RETA_SIZE_256 256
#define RTE_ETH_RSS_RETA_SIZE_512 512
#define RTE_ETH_RETA_GROUP_SIZE 64

struct rte_eth_rss_conf {
	uint8_t *rss_key; /* NULL: the port's own */
	uint8_t rss_key_len;
	uint64_t rss_hf; /* RTE_ETH_RSS_...; 0: one queue gets all */
	enum rte_eth_hash_function algorithm;
};

/* 64 entries of the table; those whose bit is set in mask */
struct rte_eth_rss_reta_entry64 {
	uint64_t mask;
	uint16_t reta[RTE_ETH_RETA_GROUP_SIZE];
};

/** Source and destination alone, both asked for: neither is what is meant. */
static inline uint64_t rte_eth_rss_hf_refine(uint64_t rss_hf)
{
	const uint64_t l3 = RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L3_DST_ONLY;
	const uint64_t l4 = RTE_ETH_RSS_L4_SRC_ONLY | RTE_ETH_RSS_L4_DST_ONLY;

	if ((rss_hf & l3) == l3)
		rss_hf &= ~l3;
	return (rss_hf & l4) == l4 ? rss_hf & ~l4 : rss_hf;
}

/* ---- configuration ---- */

#define RTE_ETH_MQ_RX_RSS_FLAG RTE_BIT32(0)
#define RTE_ETH_MQ_RX_DCB_FLAG RTE_BIT32(1)
#define RTE_ETH_MQ_RX_VMDQ_FLAG RTE_BIT32(2)
enum rte_eth_rx_mq_mode {
	RTE_ETH_MQ_RX_NONE = 0,
	RTE_ETH_MQ_RX_RSS = 1,
	RTE_ETH_MQ_RX_DCB = 2,
	RTE_ETH_MQ_RX_DCB_RSS = 3,
	RTE_ETH_MQ_RX_VMDQ_ONLY = 4,
	RTE_ETH_MQ_RX_VMDQ_RSS = 5,
	RTE_ETH_MQ_RX_VMDQ_DCB = 6,
	RTE_ETH_MQ_RX_VMDQ_DCB_RSS = 7,
};
enum rte_eth_tx_mq_mode {
	RTE_ETH_MQ_TX_NONE = 0,
	RTE_ETH_MQ_TX_DCB = 1,
	RTE_ETH_MQ_TX_VMDQ_DCB = 2,
	RTE_ETH_MQ_TX_VMDQ_ONLY = 3,
};

#define RTE_ETH_RX_OFFLOAD_VLAN_STRIP RTE_BIT64(0)
#define RTE_ETH_RX_OFFLOAD_IPV4_CKSUM RTE_BIT64(1)
#define RTE_ETH_RX_OFFLOAD_UDP_CKSUM RTE_BIT64(2)
#define RTE_ETH_RX_OFFLOAD_TCP_CKSUM RTE_BIT64(3)
#define RTE_ETH_RX_OFFLOAD_TCP_LRO RTE_BIT64(4)
#define RTE_ETH_RX_OFFLOAD_QINQ_STRIP RTE_BIT64(5)
#define RTE_ETH_RX_OFFLOAD_OUTER_IPV4_CKSUM RTE_BIT64(6)
#define RTE_ETH_RX_OFFLOAD_MACSEC_STRIP RTE_BIT64(7)
#define RTE_ETH_RX_OFFLOAD_VLAN_FILTER RTE_BIT64(9)
#define RTE_ETH_RX_OFFLOAD_VLAN_EXTEND RTE_BIT64(10)
#define RTE_ETH_RX_OFFLOAD_SCATTER RTE_BIT64(13)
#define RTE_ETH_RX_OFFLOAD_TIMESTAMP RTE_BIT64(14)
#define RTE_ETH_RX_OFFLOAD_SECURITY RTE_BIT64(15)
#define RTE_ETH_RX_OFFLOAD_KEEP_CRC RTE_BIT64(16)
#define RTE_ETH_RX_OFFLOAD_SCTP_CKSUM RTE_BIT64(17)
#define RTE_ETH_RX_OFFLOAD_OUTER_UDP_CKSUM RTE_BIT64(18)
#define RTE_ETH_RX_OFFLOAD_RSS_HASH RTE_BIT64(19)
#define RTE_ETH_RX_OFFLOAD_BUFFER_SPLIT RTE_BIT64(20)
#define RTE_ETH_RX_OFFLOAD_CHECKSUM                                                                                    \
	(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
#define RTE_ETH_RX_OFFLOAD_VLAN                                                                                        \
	(RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_VLAN_FILTER | RTE_ETH_RX_OFFLOAD_VLAN_EXTEND |             \
	 RTE_ETH_RX_OFFLOAD_QINQ_STRIP)

#define RTE_ETH_TX_OFFLOAD_VLAN_INSERT RTE_BIT64(0)
#define RTE_ETH_TX_OFFLOAD_IPV4_CKSUM RTE_BIT64(1)
#define RTE_ETH_TX_OFFLOAD_UDP_CKSUM RTE_BIT64(2)
#define RTE_ETH_TX_OFFLOAD_TCP_CKSUM RTE_BIT64(3)
#define RTE_ETH_TX_OFFLOAD_SCTP_CKSUM RTE_BIT64(4)
#define RTE_ETH_TX_OFFLOAD_TCP_TSO RTE_BIT64(5)
#define RTE_ETH_TX_OFFLOAD_UDP_TSO RTE_BIT64(6)
#define RTE_ETH_TX_OFFLOAD_OUTER_IPV4_CKSUM RTE_BIT64(7)
#define RTE_ETH_TX_OFFLOAD_QINQ_INSERT RTE_BIT64(8)
#define RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO RTE_BIT64(9)
#define RTE_ETH_TX_OFFLOAD_GRE_TNL_TSO RTE_BIT64(10)
#define RTE_ETH_TX_OFFLOAD_IPIP_TNL_TSO RTE_BIT64(11)
#define RTE_ETH_TX_OFFLOAD_GENEVE_TNL_TSO RTE_BIT64(12)
#define RTE_ETH_TX_OFFLOAD_MACSEC_INSERT RTE_BIT64(13)
#define RTE_ETH_TX_OFFLOAD_MT_LOCKFREE RTE_BIT64(14)
#define RTE_ETH_TX_OFFLOAD_MULTI_SEGS RTE_BIT64(15)
#define RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE RTE_BIT64(16)
#define RTE_ETH_TX_OFFLOAD_SECURITY RTE_BIT64(17)
#define RTE_ETH_TX_OFFLOAD_UDP_TNL_TSO RTE_BIT64(18)
#define RTE_ETH_TX_OFFLOAD_IP_TNL_TSO RTE_BIT64(19)
#define RTE_ETH_TX_OFFLOAD_OUTER_UDP_CKSUM RTE_BIT64(20)
#define RTE_ETH_TX_OFFLOAD_SEND_ON_TIMESTAMP RTE_BIT64(21)

#define RTE_ETH_DEV_CAPA_RUNTIME_RX_QUEUE_SETUP RTE_BIT64(0)
#define RTE_ETH_DEV_CAPA_RUNTIME_TX_QUEUE_SETUP RTE_BIT64(1)
#define RTE_ETH_DEV_CAPA_RXQ_SHARE RTE_BIT64(2)
#define RTE_ETH_DEV_CAPA_FLOW_RULE_KEEP RTE_BIT64(3)
#define RTE_ETH_DEV_CAPA_FLOW_SHARED_OBJECT_KEEP RTE_BIT64(4)

struct rte_eth_thresh {
	uint8_t pthresh, hthresh, wthresh;
};

struct rte_eth_rxmode {
	enum rte_eth_rx_mq_mode mq_mode;
	uint32_t mtu; /* 0: RTE_ETHER_MTU */
	uint32_t max_lro_pkt_size;
	uint64_t offloads; /* RTE_ETH_RX_OFFLOAD_... */
	uint64_t reserved_64s[2];
	void *reserved_ptrs[2];
};

struct rte_eth_txmode {
	enum rte_eth_tx_mq_mode mq_mode;
	uint64_t offloads; /* RTE_ETH_TX_OFFLOAD_... */
	uint16_t pvid;
	__extension__ uint8_t hw_vlan_reject_tagged : 1, hw_vlan_reject_untagged : 1, hw_vlan_insert_pvid : 1;
	uint64_t reserved_64s[2];
	void *reserved_ptrs[2];
};

union rte_eth_rxseg {
	struct rte_eth_rxseg_split {
		struct rte_mempool *mp;
		uint16_t length, offset;
		uint32_t proto_hdr;
	} split;
};

struct rte_eth_rxconf {
	struct rte_eth_thresh rx_thresh;
	uint16_t rx_free_thresh;
	uint8_t rx_drop_en;	   /* full: drop, and count it as missed, rather than hold up the other queues */
	uint8_t rx_deferred_start; /* not started with the port */
	uint16_t rx_nseg;
	uint16_t share_group, share_qid;
	uint64_t offloads; /* more than the port's, for this queue */
	union rte_eth_rxseg *rx_seg;
	struct rte_mempool **rx_mempools;
	uint16_t rx_nmempool;
	uint64_t reserved_64s[2];
	void *reserved_ptrs[2];
};

struct rte_eth_txconf {
	struct rte_eth_thresh tx_thresh;
	uint16_t tx_rs_thresh, tx_free_thresh;
	uint8_t tx_deferred_start;
	uint64_t offloads;
	uint64_t reserved_64s[2];
	void *reserved_ptrs[2];
};

#define RTE_ETH_DCB_NUM_USER_PRIORITIES 8
#define RTE_ETH_DCB_NUM_TCS 8
#define RTE_ETH_VMDQ_MAX_VLAN_FILTERS 64
#define RTE_ETH_MAX_VMDQ_POOL 64
#define RTE_ETH_VLAN_ID_MAX 0x0FFF

enum rte_eth_nb_tcs { RTE_ETH_4_TCS = 4, RTE_ETH_8_TCS = 8 };
enum rte_eth_nb_pools { RTE_ETH_8_POOLS = 8, RTE_ETH_16_POOLS = 16, RTE_ETH_32_POOLS = 32, RTE_ETH_64_POOLS = 64 };

/* queues by class of traffic or by virtual machine: no driver here has that, a configuration that asks for it is refused */
struct rte_eth_dcb_rx_conf {
	enum rte_eth_nb_tcs nb_tcs;
	uint8_t dcb_tc[RTE_ETH_DCB_NUM_USER_PRIORITIES];
};
struct rte_eth_dcb_tx_conf {
	enum rte_eth_nb_tcs nb_tcs;
	uint8_t dcb_tc[RTE_ETH_DCB_NUM_USER_PRIORITIES];
};
struct rte_eth_vmdq_dcb_tx_conf {
	enum rte_eth_nb_pools nb_queue_pools;
	uint8_t dcb_tc[RTE_ETH_DCB_NUM_USER_PRIORITIES];
};
struct rte_eth_vmdq_tx_conf {
	enum rte_eth_nb_pools nb_queue_pools;
};
struct rte_eth_vmdq_dcb_conf {
	enum rte_eth_nb_pools nb_queue_pools;
	uint8_t enable_default_pool, default_pool, nb_pool_maps;
	struct {
		uint16_t vlan_id;
		uint64_t pools;
	} pool_map[RTE_ETH_VMDQ_MAX_VLAN_FILTERS];
	uint8_t dcb_tc[RTE_ETH_DCB_NUM_USER_PRIORITIES];
};
struct rte_eth_vmdq_rx_conf {
	enum rte_eth_nb_pools nb_queue_pools;
	uint8_t enable_default_pool, default_pool, enable_loop_back, nb_pool_maps;
	uint32_t rx_mode;
	struct {
		uint16_t vlan_id;
		uint64_t pools;
	} pool_map[RTE_ETH_VMDQ_MAX_VLAN_FILTERS];
};

/* events that the program wants to hear of */
struct rte_eth_intr_conf {
	uint32_t lsc : 1; /* link changes */
	uint32_t rxq : 1; /* packets */
	uint32_t rmv : 1; /* the device's end */
};

struct rte_eth_conf {
	uint32_t link_speeds;
	struct rte_eth_rxmode rxmode;
	struct rte_eth_txmode txmode;
	uint32_t lpbk_mode;
	struct {
		struct rte_eth_rss_conf rss_conf;
		struct rte_eth_vmdq_dcb_conf vmdq_dcb_conf;
		struct rte_eth_dcb_rx_conf dcb_rx_conf;
		struct rte_eth_vmdq_rx_conf vmdq_rx_conf;
	} rx_adv_conf;
	union {
		struct rte_eth_vmdq_dcb_tx_conf vmdq_dcb_tx_conf;
		struct rte_eth_dcb_tx_conf dcb_tx_conf;
		struct rte_eth_vmdq_tx_conf vmdq_tx_conf;
	} tx_adv_conf;
	uint32_t dcb_capability_en;
	struct rte_eth_intr_conf intr_conf;
};

/* ---- what a port is ---- */

struct rte_eth_desc_lim {
	uint16_t nb_max, nb_min, nb_align, nb_seg_max, nb_mtu_seg_max;
};

#define RTE_ETH_DEV_FALLBACK_RX_RINGSIZE 512
#define RTE_ETH_DEV_FALLBACK_TX_RINGSIZE 512
#define RTE_ETH_DEV_FALLBACK_RX_NBQUEUES 1
#define RTE_ETH_DEV_FALLBACK_TX_NBQUEUES 1
struct rte_eth_dev_portconf {
	uint16_t burst_size, ring_size, nb_queues;
};

#define RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID UINT16_MAX
struct rte_eth_switch_info {
	const char *name;
	uint16_t domain_id, port_id, rx_domain;
};

struct rte_eth_rxseg_capa {
	__extension__ uint32_t multi_pools : 1, offset_allowed : 1, offset_align_log2 : 4;
	uint16_t max_nseg, reserved;
};

enum rte_eth_err_handle_mode {
	RTE_ETH_ERROR_HANDLE_MODE_NONE = 0,
	RTE_ETH_ERROR_HANDLE_MODE_PASSIVE = 1,
	RTE_ETH_ERROR_HANDLE_MODE_PROACTIVE = 2,
};

#define RTE_ETH_DEV_INTR_LSC RTE_BIT32(1)
#define RTE_ETH_DEV_INTR_RMV RTE_BIT32(3)
#define RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS RTE_BIT32(6)

struct rte_eth_dev_info {
	struct rte_device *device;
	const char *driver_name;
	unsigned int if_index;
	uint16_t min_mtu, max_mtu;
	const uint32_t *dev_flags; /* RTE_ETH_DEV_INTR_LSC ... */
	uint32_t min_rx_bufsize, max_rx_pktlen, max_lro_pkt_size;
	uint16_t max_rx_queues, max_tx_queues;
	uint32_t max_mac_addrs, max_hash_mac_addrs;
	uint16_t max_vfs, max_vmdq_pools;
	struct rte_eth_rxseg_capa rx_seg_capa;
	uint64_t rx_offload_capa, tx_offload_capa;
	uint64_t rx_queue_offload_capa, tx_queue_offload_capa;
	uint16_t reta_size; /* 0: no table */
	uint8_t hash_key_size;
	uint32_t rss_algo_capa;
	uint64_t flow_type_rss_offloads; /* 0: no RSS */
	struct rte_eth_rxconf default_rxconf;
	struct rte_eth_txconf default_txconf;
	uint16_t vmdq_queue_base, vmdq_queue_num, vmdq_pool_base;
	struct rte_eth_desc_lim rx_desc_lim, tx_desc_lim;
	uint32_t speed_capa;
	uint16_t nb_rx_queues, nb_tx_queues; /* configured */
	uint16_t max_rx_mempools;
	struct rte_eth_dev_portconf default_rxportconf, default_txportconf;
	uint64_t dev_capa; /* RTE_ETH_DEV_CAPA_... */
	struct rte_eth_switch_info switch_info;
	enum rte_eth_err_handle_mode err_handle_mode;
	uint64_t reserved_64s[2];
	void *reserved_ptrs[2];
};

#define RTE_ETH_QUEUE_STATE_STOPPED 0
#define RTE_ETH_QUEUE_STATE_STARTED 1
#define RTE_ETH_QUEUE_STATE_HAIRPIN 2
struct rte_eth_rxq_info {
	struct rte_mempool *mp;
	struct rte_eth_rxconf conf;
	uint8_t scattered_rx, queue_state;
	uint16_t nb_desc, rx_buf_size;
	uint8_t avail_thresh;
} __rte_cache_aligned;
struct rte_eth_txq_info {
	struct rte_eth_txconf conf;
	uint16_t nb_desc;
	uint8_t queue_state;
} __rte_cache_aligned;

#define RTE_ETH_BURST_FLAG_PER_QUEUE RTE_BIT64(0)
#define RTE_ETH_BURST_MODE_INFO_SIZE 1024
struct rte_eth_burst_mode {
	uint64_t flags;
	char info[RTE_ETH_BURST_MODE_INFO_SIZE];
};

enum rte_eth_dev_state { RTE_ETH_DEV_UNUSED = 0, RTE_ETH_DEV_ATTACHED = 1, RTE_ETH_DEV_REMOVED = 2 };

/* ---- which ports there are ---- */

#define RTE_ETH_DEV_NO_OWNER 0
#define RTE_ETH_MAX_OWNER_NAME_LEN 64
struct rte_eth_dev_owner {
	uint64_t id;
	char name[RTE_ETH_MAX_OWNER_NAME_LEN];
};

#define RTE_ETH_ALL RTE_MAX_ETHPORTS

/** The first port from port_id on: that has this owner; any; of this device, all of them when parent is NULL; of the same
 * device as another. RTE_MAX_ETHPORTS: there is none. A port that somebody else owns is not seen by RTE_ETH_FOREACH_DEV. */
uint64_t rte_eth_find_next_owned_by(uint16_t port_id, const uint64_t owner_id);
uint16_t rte_eth_find_next(uint16_t port_id);
uint16_t rte_eth_find_next_of(uint16_t port_id_start, const struct rte_device *parent);
uint16_t rte_eth_find_next_sibling(uint16_t port_id_start, uint16_t ref_port_id);

#define RTE_ETH_FOREACH_DEV_OWNED_BY(p, o)                                                                             \
	for ((p) = (uint16_t)rte_eth_find_next_owned_by(0, o); (unsigned int)(p) < (unsigned int)RTE_MAX_ETHPORTS;     \
	     (p) = (uint16_t)rte_eth_find_next_owned_by((uint16_t)((p) + 1), o))
#define RTE_ETH_FOREACH_DEV(p) RTE_ETH_FOREACH_DEV_OWNED_BY(p, RTE_ETH_DEV_NO_OWNER)
#define RTE_ETH_FOREACH_DEV_OF(p, parent)                                                                              \
	for ((p) = rte_eth_find_next_of(0, parent); (p) < RTE_MAX_ETHPORTS;                                            \
	     (p) = rte_eth_find_next_of((uint16_t)((p) + 1), parent))
#define RTE_ETH_FOREACH_DEV_SIBLING(p, ref)                                                                            \
	for ((p) = rte_eth_find_next_sibling(0, ref); (p) < RTE_MAX_ETHPORTS;                                          \
	     (p) = rte_eth_find_next_sibling((uint16_t)((p) + 1), ref))

/** Ports that match devargs, such as "net_ring0", "bus=vdev", "class=eth,mac=02:00:00:00:00:01". init: 0 or a negative errno;
 * next: the port, RTE_MAX_ETHPORTS after the last, which cleans up; a loop that is left before calls cleanup. */
int rte_eth_iterator_init(struct rte_dev_iterator *iter, const char *devargs);
uint16_t rte_eth_iterator_next(struct rte_dev_iterator *iter);
void rte_eth_iterator_cleanup(struct rte_dev_iterator *iter);
#define RTE_ETH_FOREACH_MATCHING_DEV(id, devargs, iter)                                                                \
	for (rte_eth_iterator_init(iter, devargs), (id) = rte_eth_iterator_next(iter); (id) != RTE_MAX_ETHPORTS;       \
	     (id) = rte_eth_iterator_next(iter))

/**
 * Who has a port to itself; known to the whole group. new: *owner_id is one that nobody has had. set: the port must have
 * none; unset: it must have this one; delete: of all ports. Returns 0; -EINVAL an owner that new did not give, -EPERM the port
 * has another, -ENODEV.
 */
int rte_eth_dev_owner_new(uint64_t *owner_id);
int rte_eth_dev_owner_set(const uint16_t port_id, const struct rte_eth_dev_owner *owner);
int rte_eth_dev_owner_unset(const uint16_t port_id, const uint64_t owner_id);
int rte_eth_dev_owner_delete(const uint64_t owner_id);
int rte_eth_dev_owner_get(const uint16_t port_id, struct rte_eth_dev_owner *owner);

/** How many there are; avail: without those that somebody owns. */
uint16_t rte_eth_dev_count_avail(void);
uint16_t rte_eth_dev_count_total(void);
int rte_eth_dev_is_valid_port(uint16_t port_id); /* 1 or 0 */
/** 1: the device has vanished, and the port waits to be closed. 0: it is there, or there is no such port. */
int rte_eth_dev_is_removed(uint16_t port_id);
/** name: of RTE_ETH_NAME_MAX_LEN bytes. In a callback that is told RTE_ETH_EVENT_DESTROY: of the port that ends. */
int rte_eth_dev_get_port_by_name(const char *name, uint16_t *port_id);
int rte_eth_dev_get_name_by_port(uint16_t port_id, char *name);
/** The NUMA socket; SOCKET_ID_ANY when the device has none or there is no such port: then rte_errno is EINVAL. */
int rte_eth_dev_socket_id(uint16_t port_id);
int rte_eth_dev_info_get(uint16_t port_id, struct rte_eth_dev_info *dev_info);
int rte_eth_dev_conf_get(uint16_t port_id, struct rte_eth_conf *dev_conf);
int rte_eth_dev_fw_version_get(uint16_t port_id, char *fw_version, size_t fw_size);

/** The bit of a speed, 0: none has it. Names: "UNKNOWN" for what has none. */
uint32_t rte_eth_speed_bitflag(uint32_t speed, int duplex);
const char *rte_eth_dev_rx_offload_name(uint64_t offload);
const char *rte_eth_dev_tx_offload_name(uint64_t offload);
const char *rte_eth_dev_capability_name(uint64_t capability);

/* ---- from the first call to the last ---- */

/**
 * So many queues, with these modes. The port must be stopped. Queues that were set up are not any more.
 *
 * Both numbers 0: what the driver prefers. RSS with rss_hf 0 and a table from the beginning: spread over all queues.
 * Returns:  0; -EINVAL eth_conf NULL, too many queues, an offload or a kind of RSS that the port has not got, an MTU out of its
 *           range, an event it does not tell; -ENOTSUP RSS, and the port has none (devarg rss=0), or a mode for virtual
 *           machines or classes of traffic; -EBUSY it is started.
 */
int rte_eth_dev_configure(uint16_t port_id, uint16_t nb_rx_queue, uint16_t nb_tx_queue,
			  const struct rte_eth_conf *eth_conf);
/** Raise or lower to what the port takes. Either may be NULL. */
int rte_eth_dev_adjust_nb_rx_tx_desc(uint16_t port_id, uint16_t *nb_rx_desc, uint16_t *nb_tx_desc);
/**
 * Set up a queue; 0 descriptors: the driver's number; conf NULL: the driver's. mb_pool is one that the process which will own
 * the queue finds: any of the group's.
 * Returns:  0; -EINVAL no such queue, a number of descriptors, an offload, or a pool whose buffers are too small; -EBUSY the
 *           port is started.
 */
int rte_eth_rx_queue_setup(uint16_t port_id, uint16_t rx_queue_id, uint16_t nb_rx_desc, unsigned int socket_id,
			   const struct rte_eth_rxconf *rx_conf, struct rte_mempool *mb_pool);
int rte_eth_tx_queue_setup(uint16_t port_id, uint16_t tx_queue_id, uint16_t nb_tx_desc, unsigned int socket_id,
			   const struct rte_eth_txconf *tx_conf);
/** start: again: 0. -EINVAL: not configured. -EBUSY: stop said so, and that process is still inside its burst. */
int rte_eth_dev_start(uint16_t port_id);
/**
 * Every queue is taken from its owner, in whatever process, and nobody is inside a burst when this returns; -EBUSY: but for a
 * process that is stopped (SIGSTOP) in the middle of one. Again: 0.
 */
int rte_eth_dev_stop(uint16_t port_id);
/** close: of a stopped port (-EINVAL); it is gone then, for all. reset: stops, and forgets the configuration. */
int rte_eth_dev_close(uint16_t port_id);
int rte_eth_dev_reset(uint16_t port_id);
int rte_eth_dev_rx_queue_start(uint16_t port_id, uint16_t rx_queue_id);
int rte_eth_dev_rx_queue_stop(uint16_t port_id, uint16_t rx_queue_id);
int rte_eth_dev_tx_queue_start(uint16_t port_id, uint16_t tx_queue_id);
int rte_eth_dev_tx_queue_stop(uint16_t port_id, uint16_t tx_queue_id);

/* ---- settings that may change while it runs ---- */

int rte_eth_dev_set_link_up(uint16_t port_id);
int rte_eth_dev_set_link_down(uint16_t port_id);
/** get waits until a link that is coming up is up, 9 s at most; nowait does not. */
int rte_eth_link_get(uint16_t port_id, struct rte_eth_link *link);
int rte_eth_link_get_nowait(uint16_t port_id, struct rte_eth_link *link);
const char *rte_eth_link_speed_to_str(uint32_t link_speed);
/** "Link up at 10 Gbps FDX Fixed", "Link down". Returns its length, as snprintf(). */
int rte_eth_link_to_str(char *str, size_t len, const struct rte_eth_link *eth_link);

/** get: 1 or 0. */
int rte_eth_promiscuous_enable(uint16_t port_id);
int rte_eth_promiscuous_disable(uint16_t port_id);
int rte_eth_promiscuous_get(uint16_t port_id);
int rte_eth_allmulticast_enable(uint16_t port_id);
int rte_eth_allmulticast_disable(uint16_t port_id);
int rte_eth_allmulticast_get(uint16_t port_id);

int rte_eth_macaddr_get(uint16_t port_id, struct rte_ether_addr *mac_addr);
/** Up to num of the port's addresses. Returns how many. */
int rte_eth_macaddrs_get(uint16_t port_id, struct rte_ether_addr *ma, unsigned int num);
/** add: again: 0; -ENOSPC. remove: not there: 0; -EADDRINUSE the port's own. */
int rte_eth_dev_mac_addr_add(uint16_t port_id, struct rte_ether_addr *mac_addr, uint32_t pool);
int rte_eth_dev_mac_addr_remove(uint16_t port_id, struct rte_ether_addr *mac_addr);
int rte_eth_dev_default_mac_addr_set(uint16_t port_id, struct rte_ether_addr *mac_addr);
int rte_eth_dev_set_mc_addr_list(uint16_t port_id, struct rte_ether_addr *mc_addr_set, uint32_t nb_mc_addr);

int rte_eth_dev_get_mtu(uint16_t port_id, uint16_t *mtu);
int rte_eth_dev_set_mtu(uint16_t port_id, uint16_t mtu);

/** conf_get: rss_key may be NULL; else it has room for rss_key_len bytes, or the port's key size if that is less. */
int rte_eth_dev_rss_hash_update(uint16_t port_id, struct rte_eth_rss_conf *rss_conf);
int rte_eth_dev_rss_hash_conf_get(uint16_t port_id, struct rte_eth_rss_conf *rss_conf);
/** reta_size must be the port's. */
int rte_eth_dev_rss_reta_update(uint16_t port_id, struct rte_eth_rss_reta_entry64 *reta_conf, uint16_t reta_size);
int rte_eth_dev_rss_reta_query(uint16_t port_id, struct rte_eth_rss_reta_entry64 *reta_conf, uint16_t reta_size);

/** Kinds of packets that the port recognises. Returns how many, also more than num. */
int rte_eth_dev_get_supported_ptypes(uint16_t port_id, uint32_t ptype_mask, uint32_t *ptypes, int num);
int rte_eth_dev_set_ptypes(uint16_t port_id, uint32_t ptype_mask, uint32_t *set_ptypes, unsigned int num);

/* ---- counters ---- */

int rte_eth_stats_get(uint16_t port_id, struct rte_eth_stats *stats);
int rte_eth_stats_reset(uint16_t port_id);
/** Which of the 16 counters of rte_eth_stats a queue adds to. */
int rte_eth_dev_set_rx_queue_stats_mapping(uint16_t port_id, uint16_t rx_queue_id, uint8_t stat_idx);
int rte_eth_dev_set_tx_queue_stats_mapping(uint16_t port_id, uint16_t tx_queue_id, uint8_t stat_idx);
/** How many there are; the table is filled only if that many fit. */
int rte_eth_xstats_get_names(uint16_t port_id, struct rte_eth_xstat_name *xstats_names, unsigned int size);
int rte_eth_xstats_get(uint16_t port_id, struct rte_eth_xstat *xstats, unsigned int n);
/** ids NULL: all, as above; else these. Returns how many; -1: an id that is none. */
int rte_eth_xstats_get_names_by_id(uint16_t port_id, struct rte_eth_xstat_name *xstats_names, unsigned int size,
				   uint64_t *ids);
int rte_eth_xstats_get_by_id(uint16_t port_id, const uint64_t *ids, uint64_t *values, unsigned int size);
/** -EINVAL: no counter has this name. */
int rte_eth_xstats_get_id_by_name(uint16_t port_id, const char *xstat_name, uint64_t *id);
int rte_eth_xstats_reset(uint16_t port_id);

int rte_eth_rx_queue_info_get(uint16_t port_id, uint16_t queue_id, struct rte_eth_rxq_info *qinfo);
int rte_eth_tx_queue_info_get(uint16_t port_id, uint16_t queue_id, struct rte_eth_txq_info *qinfo);
int rte_eth_rx_burst_mode_get(uint16_t port_id, uint16_t queue_id, struct rte_eth_burst_mode *mode);
int rte_eth_tx_burst_mode_get(uint16_t port_id, uint16_t queue_id, struct rte_eth_burst_mode *mode);

/* ---- events ---- */

enum rte_eth_event_type {
	RTE_ETH_EVENT_UNKNOWN = 0,
	RTE_ETH_EVENT_INTR_LSC = 1, /* the link went up or down */
	RTE_ETH_EVENT_QUEUE_STATE = 2,
	RTE_ETH_EVENT_INTR_RESET = 3,
	RTE_ETH_EVENT_VF_MBOX = 4,
	RTE_ETH_EVENT_MACSEC = 5,
	RTE_ETH_EVENT_INTR_RMV = 6, /* the device has vanished */
	RTE_ETH_EVENT_NEW = 7,
	RTE_ETH_EVENT_DESTROY = 8,
	RTE_ETH_EVENT_IPSEC = 9,
	RTE_ETH_EVENT_FLOW_AGED = 10,
	RTE_ETH_EVENT_RX_AVAIL_THRESH = 11,
	RTE_ETH_EVENT_ERR_RECOVERING = 12,
	RTE_ETH_EVENT_RECOVERY_SUCCESS = 13,
	RTE_ETH_EVENT_RECOVERY_FAILED = 14,
	RTE_ETH_EVENT_MAX = 15,
};
typedef int (*rte_eth_dev_cb_fn)(uint16_t port_id, enum rte_eth_event_type event, void *cb_arg, void *ret_param);
/**
 * Call cb_fn in this process when that happens to the port, RTE_ETH_ALL: to any, whatever process it was done or seen in. It is
 * called without a lock, on the thread that makes or closes a port, else on one of the library's; one callback at a time, and what
 * happens to one port in its order. What a callback does to ports is told when it has returned. A thread that finds another one in
 * a callback waits for it, a second at most: then that one calls in its place. Registered twice: called
 * once. unregister: cb_arg (void *)-1: with any argument; -EAGAIN: it is being called just now. No such port: -EINVAL.
 */
int rte_eth_dev_callback_register(uint16_t port_id, enum rte_eth_event_type event, rte_eth_dev_cb_fn cb_fn,
				  void *cb_arg);
int rte_eth_dev_callback_unregister(uint16_t port_id, enum rte_eth_event_type event, rte_eth_dev_cb_fn cb_fn,
				    void *cb_arg);

/** Sleeping for packets: -ENOTSUP, but for drivers that can. */
int rte_eth_dev_rx_intr_enable(uint16_t port_id, uint16_t queue_id);
int rte_eth_dev_rx_intr_disable(uint16_t port_id, uint16_t queue_id);
int rte_eth_dev_rx_intr_ctl(uint16_t port_id, int epfd, int op, void *data);
int rte_eth_dev_rx_intr_ctl_q(uint16_t port_id, uint16_t queue_id, int epfd, int op, void *data);
int rte_eth_dev_rx_intr_ctl_q_get_fd(uint16_t port_id, uint16_t queue_id);

/* ---- callbacks on packets ---- */

struct rte_eth_rxtx_callback;
typedef uint16_t (*rte_rx_callback_fn)(uint16_t port_id, uint16_t queue, struct rte_mbuf *pkts[], uint16_t nb_pkts,
				       uint16_t max_pkts, void *user_param);
typedef uint16_t (*rte_tx_callback_fn)(uint16_t port_id, uint16_t queue, struct rte_mbuf *pkts[], uint16_t nb_pkts,
				       void *user_param);
/**
 * Call fn for each burst of this process on this queue: after it has received, before it sends. fn may change the packets and
 * how many they are. In the order added, or first. They belong to this process and end with it.
 * Returns:  what remove takes; NULL with rte_errno EINVAL, ENOMEM.
 */
const struct rte_eth_rxtx_callback *rte_eth_add_rx_callback(uint16_t port_id, uint16_t queue_id, rte_rx_callback_fn fn,
							    void *user_param);
const struct rte_eth_rxtx_callback *rte_eth_add_first_rx_callback(uint16_t port_id, uint16_t queue_id,
								  rte_rx_callback_fn fn, void *user_param);
const struct rte_eth_rxtx_callback *rte_eth_add_tx_callback(uint16_t port_id, uint16_t queue_id, rte_tx_callback_fn fn,
							    void *user_param);
/**
 * Not called by bursts that start later. One that runs may be in it, and in user_cb, still: the program that knows that none
 * does may free() it. Returns 0; -EINVAL: it is none of this queue.
 */
int rte_eth_remove_rx_callback(uint16_t port_id, uint16_t queue_id, const struct rte_eth_rxtx_callback *user_cb);
int rte_eth_remove_tx_callback(uint16_t port_id, uint16_t queue_id, const struct rte_eth_rxtx_callback *user_cb);

/* ---- packets ---- */

/**
 * Receive at most nb_pkts packets. One thread at a time for a queue; see the head of this file for processes.
 * Returns:  how many; the mbufs are the caller's. 0 also when the port is stopped, or the queue another process' (rte_errno
 *           EBUSY), or there is none of this number (EINVAL).
 */
static inline uint16_t rte_eth_rx_burst(uint16_t port_id, uint16_t queue_id, struct rte_mbuf **rx_pkts,
					const uint16_t nb_pkts)
{
	struct __rte_eth_queue *q = &rte_eth_fp_ops[port_id].rxq[queue_id];
	eth_rx_burst_t burst = __atomic_load_n(&q->burst, __ATOMIC_ACQUIRE);
	uint16_t n;
	void *cb;

	if (likely(burst != NULL))
		n = burst(q->data, rx_pkts, nb_pkts);
	else
		n = __rte_eth_rx_first(port_id, queue_id, rx_pkts, nb_pkts);
	cb = __atomic_load_n(&q->cb, __ATOMIC_ACQUIRE);
	if (unlikely(cb != NULL))
		n = rte_eth_call_rx_callbacks(port_id, queue_id, rx_pkts, n, nb_pkts, cb);
	return n;
}

/**
 * Send. Returns how many were taken, from the first on: their mbufs are the port's now; the others are still the caller's.
 */
static inline uint16_t rte_eth_tx_burst(uint16_t port_id, uint16_t queue_id, struct rte_mbuf **tx_pkts,
					uint16_t nb_pkts)
{
	struct __rte_eth_queue *q = &rte_eth_fp_ops[port_id].txq[queue_id];
	void *cb = __atomic_load_n(&q->cb, __ATOMIC_ACQUIRE);
	eth_tx_burst_t burst;

	if (unlikely(cb != NULL))
		nb_pkts = rte_eth_call_tx_callbacks(port_id, queue_id, tx_pkts, nb_pkts, cb);
	burst = __atomic_load_n(&q->burst, __ATOMIC_ACQUIRE);
	if (likely(burst != NULL))
		return burst(q->data, tx_pkts, nb_pkts);
	return __rte_eth_tx_first(port_id, queue_id, tx_pkts, nb_pkts);
}

/** Bring packets into the form that the port needs for their offloads. Returns how many are ready; less: rte_errno. */
uint16_t rte_eth_tx_prepare(uint16_t port_id, uint16_t queue_id, struct rte_mbuf **tx_pkts, uint16_t nb_pkts);
/** Packets that wait; -EINVAL no such queue, -ENOTSUP, -ENODEV. */
int rte_eth_rx_queue_count(uint16_t port_id, uint16_t queue_id);
int rte_eth_tx_queue_count(uint16_t port_id, uint16_t queue_id);
/** Is there a packet, or a free place, at this offset from the next one? A value below, or as above. */
#define RTE_ETH_RX_DESC_AVAIL 0
#define RTE_ETH_RX_DESC_DONE 1
#define RTE_ETH_RX_DESC_UNAVAIL 2
#define RTE_ETH_TX_DESC_FULL 0
#define RTE_ETH_TX_DESC_DONE 1
#define RTE_ETH_TX_DESC_UNAVAIL 2
int rte_eth_rx_descriptor_status(uint16_t port_id, uint16_t queue_id, uint16_t offset);
int rte_eth_tx_descriptor_status(uint16_t port_id, uint16_t queue_id, uint16_t offset);
/** Free mbufs of packets that have been sent. Returns how many. */
int rte_eth_tx_done_cleanup(uint16_t port_id, uint16_t queue_id, uint32_t free_cnt);

/* ---- packets one by one ---- */

typedef void (*buffer_tx_error_fn)(struct rte_mbuf **unsent, uint16_t count, void *userdata);
#if defined(__cplusplus) && defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc99-extensions"
#endif
struct rte_eth_dev_tx_buffer {
	buffer_tx_error_fn error_callback;
	void *error_userdata;
	uint16_t size, length;
	__extension__ struct rte_mbuf *pkts[];
};
#if defined(__cplusplus) && defined(__clang__)
#pragma clang diagnostic pop
#endif
#define RTE_ETH_TX_BUFFER_SIZE(sz) (sizeof(struct rte_eth_dev_tx_buffer) + (sz) * sizeof(struct rte_mbuf *))

/** Unsent packets are freed (drop_callback), or what the program says. Returns 0; -EINVAL. */
int rte_eth_tx_buffer_init(struct rte_eth_dev_tx_buffer *buffer, uint16_t size);
int rte_eth_tx_buffer_set_err_callback(struct rte_eth_dev_tx_buffer *buffer, buffer_tx_error_fn callback,
				       void *userdata);
void rte_eth_tx_buffer_drop_callback(struct rte_mbuf **pkts, uint16_t unsent, void *userdata);
/** The same, and adds their number to the uint64_t at userdata. */
void rte_eth_tx_buffer_count_callback(struct rte_mbuf **pkts, uint16_t unsent, void *userdata);

/** Send what is in the buffer. Returns how many were sent; the error callback got the others. */
static inline uint16_t rte_eth_tx_buffer_flush(uint16_t port_id, uint16_t queue_id,
					       struct rte_eth_dev_tx_buffer *buffer)
{
	uint16_t n = buffer->length, sent;

	if (n == 0)
		return 0;
	buffer->length = 0;
	sent = rte_eth_tx_burst(port_id, queue_id, buffer->pkts, n);
	if (unlikely(sent < n))
		buffer->error_callback(buffer->pkts + sent, (uint16_t)(n - sent), buffer->error_userdata);
	return sent;
}

/** Put a packet into the buffer, which is sent when it is full. Returns how many were sent. */
static __rte_always_inline uint16_t rte_eth_tx_buffer(uint16_t port_id, uint16_t queue_id,
						      struct rte_eth_dev_tx_buffer *buffer, struct rte_mbuf *tx_pkt)
{
	uint16_t at = buffer->length;

	buffer->pkts[at] = tx_pkt;
	buffer->length = (uint16_t)(at + 1);
	return buffer->length < buffer->size ? 0 : rte_eth_tx_buffer_flush(port_id, queue_id, buffer);
}

/* ---- what no driver here has: -ENOTSUP, for a port that there is ---- */

enum rte_vlan_type {
	RTE_ETH_VLAN_TYPE_UNKNOWN = 0,
	RTE_ETH_VLAN_TYPE_INNER = 1,
	RTE_ETH_VLAN_TYPE_OUTER = 2,
	RTE_ETH_VLAN_TYPE_MAX = 3,
};
#define RTE_ETH_VLAN_STRIP_OFFLOAD 0x0001
#define RTE_ETH_VLAN_FILTER_OFFLOAD 0x0002
#define RTE_ETH_VLAN_EXTEND_OFFLOAD 0x0004
#define RTE_ETH_QINQ_STRIP_OFFLOAD 0x0008
#define RTE_ETH_VLAN_STRIP_MASK 0x0001
#define RTE_ETH_VLAN_FILTER_MASK 0x0002
#define RTE_ETH_VLAN_EXTEND_MASK 0x0004
#define RTE_ETH_QINQ_STRIP_MASK 0x0008
int rte_eth_dev_vlan_filter(uint16_t port_id, uint16_t vlan_id, int on);
int rte_eth_dev_set_vlan_strip_on_queue(uint16_t port_id, uint16_t rx_queue_id, int on);
int rte_eth_dev_set_vlan_ether_type(uint16_t port_id, enum rte_vlan_type vlan_type, uint16_t tag_type);
int rte_eth_dev_set_vlan_offload(uint16_t port_id, int offload_mask);
int rte_eth_dev_get_vlan_offload(uint16_t port_id); /* the bits that are on: 0 */
int rte_eth_dev_set_vlan_pvid(uint16_t port_id, uint16_t pvid, int on);

enum rte_eth_fc_mode { RTE_ETH_FC_NONE = 0, RTE_ETH_FC_RX_PAUSE = 1, RTE_ETH_FC_TX_PAUSE = 2, RTE_ETH_FC_FULL = 3 };
struct rte_eth_fc_conf {
	uint32_t high_water, low_water;
	uint16_t pause_time, send_xon;
	enum rte_eth_fc_mode mode;
	uint8_t mac_ctrl_frame_fwd, autoneg;
};
int rte_eth_dev_flow_ctrl_get(uint16_t port_id, struct rte_eth_fc_conf *fc_conf);
int rte_eth_dev_flow_ctrl_set(uint16_t port_id, struct rte_eth_fc_conf *fc_conf);
int rte_eth_led_on(uint16_t port_id);
int rte_eth_led_off(uint16_t port_id);
int rte_eth_dev_uc_hash_table_set(uint16_t port_id, struct rte_ether_addr *addr, uint8_t on);
int rte_eth_dev_uc_all_hash_table_set(uint16_t port_id, uint8_t on);
int rte_eth_set_queue_rate_limit(uint16_t port_id, uint16_t queue_idx, uint32_t tx_rate);
struct rte_eth_udp_tunnel {
	uint16_t udp_port;
	uint8_t prot_type;
};
int rte_eth_dev_udp_tunnel_port_add(uint16_t port_id, struct rte_eth_udp_tunnel *tunnel_udp);
int rte_eth_dev_udp_tunnel_port_delete(uint16_t port_id, struct rte_eth_udp_tunnel *tunnel_udp);
int rte_eth_dev_get_reg_info(uint16_t port_id, struct rte_dev_reg_info *info);
int rte_eth_dev_get_eeprom_length(uint16_t port_id);
int rte_eth_dev_get_eeprom(uint16_t port_id, struct rte_dev_eeprom_info *info);
int rte_eth_dev_set_eeprom(uint16_t port_id, struct rte_dev_eeprom_info *info);
int rte_eth_dev_get_module_info(uint16_t port_id, struct rte_eth_dev_module_info *modinfo);
int rte_eth_dev_get_module_eeprom(uint16_t port_id, struct rte_dev_eeprom_info *info);
int rte_eth_timesync_enable(uint16_t port_id);
int rte_eth_timesync_disable(uint16_t port_id);
int rte_eth_timesync_read_rx_timestamp(uint16_t port_id, struct timespec *timestamp, uint32_t flags);
int rte_eth_timesync_read_tx_timestamp(uint16_t port_id, struct timespec *timestamp);
int rte_eth_timesync_adjust_time(uint16_t port_id, int64_t delta);
int rte_eth_timesync_read_time(uint16_t port_id, struct timespec *time);
int rte_eth_timesync_write_time(uint16_t port_id, const struct timespec *time);
int rte_eth_read_clock(uint16_t port_id, uint64_t *clock);
/** 1: this back end of pools will do, as any does. */
int rte_eth_dev_pool_ops_supported(uint16_t port_id, const char *pool);
void *rte_eth_dev_get_sec_ctx(uint16_t port_id); /* NULL */

#define RTE_ETH_VALID_PORTID_OR_ERR_RET(port_id, retval)                                                               \
	do {                                                                                                           \
		if (!rte_eth_dev_is_valid_port(port_id)) {                                                             \
			RTE_ETHDEV_LOG(ERR, "port %u: there is no such port\n", port_id);                              \
			return retval;                                                                                 \
		}                                                                                                      \
	} while (0)
#define RTE_ETH_VALID_PORTID_OR_RET(port_id)                                                                           \
	do {                                                                                                           \
		if (!rte_eth_dev_is_valid_port(port_id)) {                                                             \
			RTE_ETHDEV_LOG(ERR, "port %u: there is no such port\n", port_id);                              \
			return;                                                                                        \
		}                                                                                                      \
	} while (0)

#ifdef __cplusplus
}
#endif

#endif
