/* SPDX-License-Identifier: BSD-3-Clause */
/* mbuf_name.c - names of packet types and of offload flags. Tables, and lists written into the caller's buffer. */
#include <string.h>

#include "base/export.h"
#include "pkt/mbuf.h"
#include "pkt/priv.h"

/* words, each followed by a blank, as many as fit */
struct list {
	char *buf;
	size_t len, at;
	bool cut;
};

static void word(struct list *l, const char *w, const char *after)
{
	size_t room = l->len - l->at, n = strlen(w) + strlen(after);

	if (l->cut || l->len == 0) {
		l->cut = true;
		return;
	}
	(void)snprintf(l->buf + l->at, room, "%s%s", w, after);
	l->cut = n >= room;
	l->at += RTE_MIN(n, room - 1);
}

static struct list list_in(char *buf, size_t len)
{
	if (len != 0)
		buf[0] = '\0';
	return (struct list){.buf = buf, .len = len};
}

/* ---- packet types ---- */

#define FIELDS 7
#define FIELD_BITS 4
#define VALUES (1u << FIELD_BITS)

static const struct field {
	const char *unknown;
	const char *name[VALUES];
} fields[FIELDS] = {
	{"L2_UNKNOWN",
	 {NULL, "L2_ETHER", "L2_ETHER_TIMESYNC", "L2_ETHER_ARP", "L2_ETHER_LLDP", "L2_ETHER_NSH", "L2_ETHER_VLAN",
	  "L2_ETHER_QINQ", "L2_ETHER_PPPOE", "L2_ETHER_FCOE", "L2_ETHER_MPLS"}},
	{"L3_UNKNOWN",
	 {[1] = "L3_IPV4",
	  [3] = "L3_IPV4_EXT",
	  [4] = "L3_IPV6",
	  [9] = "L3_IPV4_EXT_UNKNOWN",
	  [12] = "L3_IPV6_EXT",
	  [14] = "L3_IPV6_EXT_UNKNOWN"}},
	{"L4_UNKNOWN", {NULL, "L4_TCP", "L4_UDP", "L4_FRAG", "L4_SCTP", "L4_ICMP", "L4_NONFRAG", "L4_IGMP"}},
	{"TUNNEL_UNKNOWN",
	 {NULL, "TUNNEL_IP", "TUNNEL_GRE", "TUNNEL_VXLAN", "TUNNEL_NVGRE", "TUNNEL_GENEVE", "TUNNEL_GRENAT",
	  "TUNNEL_GTPC", "TUNNEL_GTPU", "TUNNEL_ESP", "TUNNEL_L2TP", "TUNNEL_VXLAN_GPE", "TUNNEL_MPLS_IN_GRE",
	  "TUNNEL_MPLS_IN_UDP"}},
	{"INNER_L2_UNKNOWN", {NULL, "INNER_L2_ETHER", "INNER_L2_ETHER_VLAN", "INNER_L2_ETHER_QINQ"}},
	{"INNER_L3_UNKNOWN",
	 {NULL, "INNER_L3_IPV4", "INNER_L3_IPV4_EXT", "INNER_L3_IPV6", "INNER_L3_IPV4_EXT_UNKNOWN", "INNER_L3_IPV6_EXT",
	  "INNER_L3_IPV6_EXT_UNKNOWN"}},
	{"INNER_L4_UNKNOWN",
	 {NULL, "INNER_L4_TCP", "INNER_L4_UDP", "INNER_L4_FRAG", "INNER_L4_SCTP", "INNER_L4_ICMP", "INNER_L4_NONFRAG"}},
};

static const char *field_name(uint32_t ptype, unsigned field)
{
	const char *n = fields[field].name[ptype >> (field * FIELD_BITS) & (VALUES - 1)];

	return n != NULL ? n : fields[field].unknown;
}

SH_EXPORT const char *rte_get_ptype_l2_name(uint32_t ptype)
{
	return field_name(ptype, 0);
}
SH_EXPORT const char *rte_get_ptype_l3_name(uint32_t ptype)
{
	return field_name(ptype, 1);
}
SH_EXPORT const char *rte_get_ptype_l4_name(uint32_t ptype)
{
	return field_name(ptype, 2);
}
SH_EXPORT const char *rte_get_ptype_tunnel_name(uint32_t ptype)
{
	return field_name(ptype, 3);
}
SH_EXPORT const char *rte_get_ptype_inner_l2_name(uint32_t ptype)
{
	return field_name(ptype, 4);
}
SH_EXPORT const char *rte_get_ptype_inner_l3_name(uint32_t ptype)
{
	return field_name(ptype, 5);
}
SH_EXPORT const char *rte_get_ptype_inner_l4_name(uint32_t ptype)
{
	return field_name(ptype, 6);
}

SH_EXPORT int rte_get_ptype_name(uint32_t ptype, char *buf, size_t buflen)
{
	struct list l = list_in(buf, buflen);

	if ((ptype & RTE_PTYPE_ALL_MASK) == 0)
		word(&l, "UNKNOWN", "");
	for (unsigned i = 0; i < FIELDS; i++)
		if ((ptype >> (i * FIELD_BITS) & (VALUES - 1)) != 0)
			word(&l, field_name(ptype, i), " ");
	return l.cut ? -1 : 0;
}

/* ---- offload flags ---- */

/* value in the bits of mask has this name; always: also 0 is told */
struct flag {
	uint64_t value, mask;
	const char *name;
};
#define BIT(f)                                                                                                         \
	{                                                                                                              \
		RTE_MBUF_F_##f, RTE_MBUF_F_##f, "RTE_MBUF_F_" #f                                                       \
	}
#define VALUE(f, m)                                                                                                    \
	{                                                                                                              \
		RTE_MBUF_F_##f, RTE_MBUF_F_##m, "RTE_MBUF_F_" #f                                                       \
	}

static const struct flag rx_flags[] = {
	BIT(RX_VLAN),
	BIT(RX_RSS_HASH),
	BIT(RX_FDIR),
	VALUE(RX_L4_CKSUM_UNKNOWN, RX_L4_CKSUM_MASK),
	VALUE(RX_L4_CKSUM_BAD, RX_L4_CKSUM_MASK),
	VALUE(RX_L4_CKSUM_GOOD, RX_L4_CKSUM_MASK),
	VALUE(RX_L4_CKSUM_NONE, RX_L4_CKSUM_MASK),
	VALUE(RX_IP_CKSUM_UNKNOWN, RX_IP_CKSUM_MASK),
	VALUE(RX_IP_CKSUM_BAD, RX_IP_CKSUM_MASK),
	VALUE(RX_IP_CKSUM_GOOD, RX_IP_CKSUM_MASK),
	VALUE(RX_IP_CKSUM_NONE, RX_IP_CKSUM_MASK),
	BIT(RX_OUTER_IP_CKSUM_BAD),
	BIT(RX_VLAN_STRIPPED),
	BIT(RX_IEEE1588_PTP),
	BIT(RX_IEEE1588_TMST),
	BIT(RX_FDIR_ID),
	BIT(RX_FDIR_FLX),
	BIT(RX_QINQ_STRIPPED),
	BIT(RX_LRO),
	BIT(RX_SEC_OFFLOAD),
	BIT(RX_SEC_OFFLOAD_FAILED),
	BIT(RX_QINQ),
	VALUE(RX_OUTER_L4_CKSUM_UNKNOWN, RX_OUTER_L4_CKSUM_MASK),
	VALUE(RX_OUTER_L4_CKSUM_BAD, RX_OUTER_L4_CKSUM_MASK),
	VALUE(RX_OUTER_L4_CKSUM_GOOD, RX_OUTER_L4_CKSUM_MASK),
	VALUE(RX_OUTER_L4_CKSUM_INVALID, RX_OUTER_L4_CKSUM_MASK),
	{0, 0, NULL},
};

static const struct flag tx_flags[] = {
	BIT(TX_VLAN),
	BIT(TX_IP_CKSUM),
	VALUE(TX_L4_NO_CKSUM, TX_L4_MASK),
	VALUE(TX_TCP_CKSUM, TX_L4_MASK),
	VALUE(TX_SCTP_CKSUM, TX_L4_MASK),
	VALUE(TX_UDP_CKSUM, TX_L4_MASK),
	BIT(TX_IEEE1588_TMST),
	BIT(TX_TCP_SEG),
	BIT(TX_IPV4),
	BIT(TX_IPV6),
	BIT(TX_OUTER_IP_CKSUM),
	BIT(TX_OUTER_IPV4),
	BIT(TX_OUTER_IPV6),
	VALUE(TX_TUNNEL_VXLAN, TX_TUNNEL_MASK),
	VALUE(TX_TUNNEL_GRE, TX_TUNNEL_MASK),
	VALUE(TX_TUNNEL_IPIP, TX_TUNNEL_MASK),
	VALUE(TX_TUNNEL_GENEVE, TX_TUNNEL_MASK),
	VALUE(TX_TUNNEL_MPLSINUDP, TX_TUNNEL_MASK),
	VALUE(TX_TUNNEL_VXLAN_GPE, TX_TUNNEL_MASK),
	VALUE(TX_TUNNEL_GTP, TX_TUNNEL_MASK),
	VALUE(TX_TUNNEL_ESP, TX_TUNNEL_MASK),
	VALUE(TX_TUNNEL_IP, TX_TUNNEL_MASK),
	VALUE(TX_TUNNEL_UDP, TX_TUNNEL_MASK),
	BIT(TX_QINQ),
	BIT(TX_MACSEC),
	BIT(TX_SEC_OFFLOAD),
	BIT(TX_UDP_SEG),
	BIT(TX_OUTER_UDP_CKSUM),
	{0, 0, NULL},
};

static const char *flag_name(const struct flag *f, uint64_t value)
{
	for (; f->name != NULL; f++)
		if (f->value == value && value != 0)
			return f->name;
	return NULL;
}

static int flag_list(const struct flag *f, uint64_t mask, char *buf, size_t buflen)
{
	struct list l = list_in(buf, buflen);

	for (; f->name != NULL; f++)
		if ((mask & f->mask) == f->value)
			word(&l, f->name, " ");
	return l.cut ? -1 : 0;
}

SH_EXPORT const char *rte_get_rx_ol_flag_name(uint64_t mask)
{
	return flag_name(rx_flags, mask);
}

SH_EXPORT const char *rte_get_tx_ol_flag_name(uint64_t mask)
{
	return flag_name(tx_flags, mask);
}

SH_EXPORT int rte_get_rx_ol_flag_list(uint64_t mask, char *buf, size_t buflen)
{
	return flag_list(rx_flags, mask, buf, buflen);
}

SH_EXPORT int rte_get_tx_ol_flag_list(uint64_t mask, char *buf, size_t buflen)
{
	return flag_list(tx_flags, mask, buf, buflen);
}
