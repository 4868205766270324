/* SPDX-License-Identifier: BSD-3-Clause */
/** @file rte_ether.h - Ethernet: addresses, headers, VLAN tags in software */
#ifndef RTE_ETHER_H
#define RTE_ETHER_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_mbuf.h>
#include <rte_random.h>

#ifdef __cplusplus
extern "C" {
#endif

/* bytes */
#define RTE_ETHER_ADDR_LEN 6
#define RTE_ETHER_TYPE_LEN 2
#define RTE_ETHER_CRC_LEN 4
#define RTE_ETHER_HDR_LEN (RTE_ETHER_ADDR_LEN * 2 + RTE_ETHER_TYPE_LEN)
#define RTE_VLAN_HLEN 4
/* frames with their CRC */
#define RTE_ETHER_MIN_LEN 64
#define RTE_ETHER_MAX_LEN 1518
#define RTE_ETHER_MAX_VLAN_FRAME_LEN (RTE_ETHER_MAX_LEN + RTE_VLAN_HLEN)
#define RTE_ETHER_MAX_JUMBO_FRAME_LEN 0x3f00
#define RTE_ETHER_MTU (RTE_ETHER_MAX_LEN - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN)
#define RTE_ETHER_MIN_MTU 68
#define RTE_ETHER_MAX_VLAN_ID 4095

/* a VLAN tag: priority, drop eligible, identifier */
#define RTE_VLAN_DEI_SHIFT 12
#define RTE_VLAN_PRI_SHIFT 13
#define RTE_VLAN_PRI_MASK 0xe000
#define RTE_VLAN_DEI_MASK 0x1000
#define RTE_VLAN_ID_MASK 0x0fff
#define RTE_VLAN_TCI_ID(tci) ((tci)&RTE_VLAN_ID_MASK)
#define RTE_VLAN_TCI_PRI(tci) (((tci)&RTE_VLAN_PRI_MASK) >> RTE_VLAN_PRI_SHIFT)
#define RTE_VLAN_TCI_DEI(tci) (((tci)&RTE_VLAN_DEI_MASK) >> RTE_VLAN_DEI_SHIFT)
#define RTE_VLAN_TCI_MAKE(id, pri, dei) ((id) | ((pri) << RTE_VLAN_PRI_SHIFT) | ((dei) << RTE_VLAN_DEI_SHIFT))

/* bits of the first byte of an address */
#define RTE_ETHER_LOCAL_ADMIN_ADDR 0x02
#define RTE_ETHER_GROUP_ADDR 0x01

/* for printf() */
#define RTE_ETHER_ADDR_PRT_FMT "%02X:%02X:%02X:%02X:%02X:%02X"
#define RTE_ETHER_ADDR_BYTES(a)                                                                                        \
	((a)->addr_bytes[0]), ((a)->addr_bytes[1]), ((a)->addr_bytes[2]), ((a)->addr_bytes[3]), ((a)->addr_bytes[4]),  \
		((a)->addr_bytes[5])
/** room for an address as text and its NUL */
#define RTE_ETHER_ADDR_FMT_SIZE 18

/* what comes after the header */
#define RTE_ETHER_TYPE_IPV4 0x0800
#define RTE_ETHER_TYPE_ARP 0x0806
#define RTE_ETHER_TYPE_TEB 0x6558 /**< an Ethernet frame in a tunnel */
#define RTE_ETHER_TYPE_RARP 0x8035
#define RTE_ETHER_TYPE_VLAN 0x8100
#define RTE_ETHER_TYPE_IPV6 0x86DD
#define RTE_ETHER_TYPE_SLOW 0x8809
#define RTE_ETHER_TYPE_MPLS 0x8847
#define RTE_ETHER_TYPE_MPLSM 0x8848
#define RTE_ETHER_TYPE_PPPOE_DISCOVERY 0x8863
#define RTE_ETHER_TYPE_PPPOE_SESSION 0x8864
#define RTE_ETHER_TYPE_QINQ 0x88A8
#define RTE_ETHER_TYPE_LLDP 0x88CC
#define RTE_ETHER_TYPE_1588 0x88F7
#define RTE_ETHER_TYPE_ETAG 0x893F
#define RTE_ETHER_TYPE_QINQ1 0x9100
#define RTE_ETHER_TYPE_QINQ2 0x9200
#define RTE_ETHER_TYPE_QINQ3 0x9300
#define RTE_ETHER_TYPE_ECPRI 0xAEFE

struct rte_ether_addr {
	uint8_t addr_bytes[RTE_ETHER_ADDR_LEN];
} __rte_aligned(2);

struct rte_ether_hdr {
	struct rte_ether_addr dst_addr;
	struct rte_ether_addr src_addr;
	rte_be16_t ether_type;
} __rte_aligned(2);

/** follows a header whose ether_type says VLAN or QinQ */
struct rte_vlan_hdr {
	rte_be16_t vlan_tci;
	rte_be16_t eth_proto;
} __rte_packed;

/** 1 or 0 */
static inline int rte_is_same_ether_addr(const struct rte_ether_addr *ea1, const struct rte_ether_addr *ea2)
{
	return memcmp(ea1, ea2, sizeof(*ea1)) == 0;
}

static inline int rte_is_zero_ether_addr(const struct rte_ether_addr *ea)
{
	static const struct rte_ether_addr zero = {{0, 0, 0, 0, 0, 0}};

	return rte_is_same_ether_addr(ea, &zero);
}

static inline int rte_is_unicast_ether_addr(const struct rte_ether_addr *ea)
{
	return (ea->addr_bytes[0] & RTE_ETHER_GROUP_ADDR) == 0;
}

/** broadcast is multicast, too; not 0, but not always 1 */
static inline int rte_is_multicast_ether_addr(const struct rte_ether_addr *ea)
{
	return ea->addr_bytes[0] & RTE_ETHER_GROUP_ADDR;
}

static inline int rte_is_broadcast_ether_addr(const struct rte_ether_addr *ea)
{
	static const struct rte_ether_addr all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

	return rte_is_same_ether_addr(ea, &all);
}

static inline int rte_is_universal_ether_addr(const struct rte_ether_addr *ea)
{
	return (ea->addr_bytes[0] & RTE_ETHER_LOCAL_ADMIN_ADDR) == 0;
}

static inline int rte_is_local_admin_ether_addr(const struct rte_ether_addr *ea)
{
	return (ea->addr_bytes[0] & RTE_ETHER_LOCAL_ADMIN_ADDR) != 0;
}

/** one that a port may have: unicast and not zero */
static inline int rte_is_valid_assigned_ether_addr(const struct rte_ether_addr *ea)
{
	return rte_is_unicast_ether_addr(ea) && !rte_is_zero_ether_addr(ea);
}

static inline void rte_ether_addr_copy(const struct rte_ether_addr *ea_from, struct rte_ether_addr *ea_to)
{
	*ea_to = *ea_from;
}

/** Six random bytes that are a unicast, locally administered address. */
void rte_eth_random_addr(uint8_t *addr);

/** As RTE_ETHER_ADDR_PRT_FMT into buf, cut to size as snprintf() does. */
void rte_ether_format_addr(char *buf, uint16_t size, const struct rte_ether_addr *eth_addr);

/**
 * Text to address: six groups of one or two hex digits, or three of four, all parted by colons, or hyphens, or dots. Nothing
 * may come before or behind.
 * @return 0; -1 with rte_errno EINVAL: it is none, *eth_addr is as it was
 */
int rte_ether_unformat_addr(const char *str, struct rte_ether_addr *eth_addr);

/**
 * Take the VLAN tag out of a frame that has one: its TCI goes to m->vlan_tci, RTE_MBUF_F_RX_VLAN and _STRIPPED are set.
 * @return 0; -1: no tag; -EINVAL: the first segment has not the bytes of a tagged header
 */
static inline int rte_vlan_strip(struct rte_mbuf *m)
{
	struct rte_ether_hdr *eh = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	rte_be16_t tci;

	if (m->data_len < sizeof(*eh))
		return -1;
	if (eh->ether_type != RTE_BE16(RTE_ETHER_TYPE_VLAN))
		return -1;
	if (m->data_len < sizeof(*eh) + RTE_VLAN_HLEN)
		return -EINVAL;
	memcpy(&tci, eh + 1, sizeof(tci));
	m->vlan_tci = rte_be_to_cpu_16(tci);
	m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	memmove(rte_pktmbuf_adj(m, RTE_VLAN_HLEN), eh, 2 * RTE_ETHER_ADDR_LEN);
	return 0;
}

/**
 * Put a tag with m->vlan_tci into a frame; l2_len grows (outer_l2_len where a tunnel is asked for), the flags that say a tag
 * is stripped or to be inserted go. The frame may not be shared and needs 4 bytes of headroom.
 * @return 0; -EINVAL: shared, or shorter than a header; -ENOSPC: no headroom
 */
static inline int rte_vlan_insert(struct rte_mbuf **m)
{
	struct rte_mbuf *p = *m;
	char *to;
	rte_be16_t tag[2];

	if (!RTE_MBUF_DIRECT(p) || rte_mbuf_refcnt_read(p) > 1 || p->data_len < RTE_ETHER_HDR_LEN)
		return -EINVAL;
	to = rte_pktmbuf_prepend(p, RTE_VLAN_HLEN);
	if (to == NULL)
		return -ENOSPC;
	memmove(to, to + RTE_VLAN_HLEN, 2 * RTE_ETHER_ADDR_LEN);
	tag[0] = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	tag[1] = rte_cpu_to_be_16(p->vlan_tci);
	memcpy(to + 2 * RTE_ETHER_ADDR_LEN, tag, sizeof(tag)); /* the old type is the tag's now */
	p->ol_flags &= ~(RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_TX_VLAN);
	if ((p->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK) != 0)
		p->outer_l2_len += RTE_VLAN_HLEN;
	else
		p->l2_len += RTE_VLAN_HLEN;
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
