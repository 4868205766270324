/* SPDX-License-Identifier: BSD-3-Clause */
/* name.c - offloads, speeds and links as text. Pure. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/export.h"
#include "base/log.h"
#include "pkt/port.h"

static const char *const rx_names[64] = {
	[0] = "VLAN_STRIP",  [1] = "IPV4_CKSUM",    [2] = "UDP_CKSUM",	      [3] = "TCP_CKSUM",
	[4] = "TCP_LRO",     [5] = "QINQ_STRIP",    [6] = "OUTER_IPV4_CKSUM", [7] = "MACSEC_STRIP",
	[9] = "VLAN_FILTER", [10] = "VLAN_EXTEND",  [13] = "SCATTER",	      [14] = "TIMESTAMP",
	[15] = "SECURITY",   [16] = "KEEP_CRC",	    [17] = "SCTP_CKSUM",      [18] = "OUTER_UDP_CKSUM",
	[19] = "RSS_HASH",   [20] = "BUFFER_SPLIT",
};
static const char *const tx_names[64] = {
	[0] = "VLAN_INSERT",	  [1] = "IPV4_CKSUM",
	[2] = "UDP_CKSUM",	  [3] = "TCP_CKSUM",
	[4] = "SCTP_CKSUM",	  [5] = "TCP_TSO",
	[6] = "UDP_TSO",	  [7] = "OUTER_IPV4_CKSUM",
	[8] = "QINQ_INSERT",	  [9] = "VXLAN_TNL_TSO",
	[10] = "GRE_TNL_TSO",	  [11] = "IPIP_TNL_TSO",
	[12] = "GENEVE_TNL_TSO",  [13] = "MACSEC_INSERT",
	[14] = "MT_LOCKFREE",	  [15] = "MULTI_SEGS",
	[16] = "MBUF_FAST_FREE",  [17] = "SECURITY",
	[18] = "UDP_TNL_TSO",	  [19] = "IP_TNL_TSO",
	[20] = "OUTER_UDP_CKSUM", [21] = "SEND_ON_TIMESTAMP",
};
static const char *const capa_names[64] = {
	[0] = "RUNTIME_RX_QUEUE_SETUP", [1] = "RUNTIME_TX_QUEUE_SETUP",	 [2] = "RXQ_SHARE",
	[3] = "FLOW_RULE_KEEP",		[4] = "FLOW_SHARED_OBJECT_KEEP",
};

static const char *name_of(const char *const *names, uint64_t bit)
{
	const char *s = bit != 0 && (bit & (bit - 1)) == 0 ? names[__builtin_ctzll(bit)] : NULL;

	return s != NULL ? s : "UNKNOWN";
}

SH_EXPORT const char *rte_eth_dev_rx_offload_name(uint64_t offload)
{
	return name_of(rx_names, offload);
}

SH_EXPORT const char *rte_eth_dev_tx_offload_name(uint64_t offload)
{
	return name_of(tx_names, offload);
}

SH_EXPORT const char *rte_eth_dev_capability_name(uint64_t capability)
{
	return name_of(capa_names, capability);
}

static const struct {
	uint32_t speed, full, half;
	const char *text;
} speeds[] = {
	{RTE_ETH_SPEED_NUM_NONE, 0, 0, "None"},
	{RTE_ETH_SPEED_NUM_10M, RTE_ETH_LINK_SPEED_10M, RTE_ETH_LINK_SPEED_10M_HD, "10 Mbps"},
	{RTE_ETH_SPEED_NUM_100M, RTE_ETH_LINK_SPEED_100M, RTE_ETH_LINK_SPEED_100M_HD, "100 Mbps"},
	{RTE_ETH_SPEED_NUM_1G, RTE_ETH_LINK_SPEED_1G, RTE_ETH_LINK_SPEED_1G, "1 Gbps"},
	{RTE_ETH_SPEED_NUM_2_5G, RTE_ETH_LINK_SPEED_2_5G, RTE_ETH_LINK_SPEED_2_5G, "2.5 Gbps"},
	{RTE_ETH_SPEED_NUM_5G, RTE_ETH_LINK_SPEED_5G, RTE_ETH_LINK_SPEED_5G, "5 Gbps"},
	{RTE_ETH_SPEED_NUM_10G, RTE_ETH_LINK_SPEED_10G, RTE_ETH_LINK_SPEED_10G, "10 Gbps"},
	{RTE_ETH_SPEED_NUM_20G, RTE_ETH_LINK_SPEED_20G, RTE_ETH_LINK_SPEED_20G, "20 Gbps"},
	{RTE_ETH_SPEED_NUM_25G, RTE_ETH_LINK_SPEED_25G, RTE_ETH_LINK_SPEED_25G, "25 Gbps"},
	{RTE_ETH_SPEED_NUM_40G, RTE_ETH_LINK_SPEED_40G, RTE_ETH_LINK_SPEED_40G, "40 Gbps"},
	{RTE_ETH_SPEED_NUM_50G, RTE_ETH_LINK_SPEED_50G, RTE_ETH_LINK_SPEED_50G, "50 Gbps"},
	{RTE_ETH_SPEED_NUM_56G, RTE_ETH_LINK_SPEED_56G, RTE_ETH_LINK_SPEED_56G, "56 Gbps"},
	{RTE_ETH_SPEED_NUM_100G, RTE_ETH_LINK_SPEED_100G, RTE_ETH_LINK_SPEED_100G, "100 Gbps"},
	{RTE_ETH_SPEED_NUM_200G, RTE_ETH_LINK_SPEED_200G, RTE_ETH_LINK_SPEED_200G, "200 Gbps"},
	{RTE_ETH_SPEED_NUM_400G, RTE_ETH_LINK_SPEED_400G, RTE_ETH_LINK_SPEED_400G, "400 Gbps"},
	{RTE_ETH_SPEED_NUM_UNKNOWN, 0, 0, "Unknown"},
};
#define SPEEDS (sizeof(speeds) / sizeof(speeds[0]))

SH_EXPORT uint32_t rte_eth_speed_bitflag(uint32_t speed, int duplex)
{
	for (size_t i = 0; i < SPEEDS; i++)
		if (speeds[i].speed == speed)
			return duplex != 0 ? speeds[i].full : speeds[i].half;
	return 0;
}

SH_EXPORT const char *rte_eth_link_speed_to_str(uint32_t link_speed)
{
	for (size_t i = 0; i < SPEEDS; i++)
		if (speeds[i].speed == link_speed)
			return speeds[i].text;
	return "Invalid";
}

SH_EXPORT int rte_eth_link_to_str(char *str, size_t len, const struct rte_eth_link *eth_link)
{
	if (str == NULL || len == 0 || eth_link == NULL) {
		sh_err("rte_eth_link_to_str: a string of %d bytes and a link are wanted", RTE_ETH_LINK_MAX_STR_LEN);
		return -EINVAL;
	}
	if (eth_link->link_status == RTE_ETH_LINK_DOWN)
		return snprintf(str, len, "Link down");
	return snprintf(str, len, "Link up at %s %s %s", rte_eth_link_speed_to_str(eth_link->link_speed),
			eth_link->link_duplex == RTE_ETH_LINK_FULL_DUPLEX ? "FDX" : "HDX",
			eth_link->link_autoneg == RTE_ETH_LINK_AUTONEG ? "Autoneg" : "Fixed");
}
