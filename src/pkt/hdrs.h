/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hdrs.h - the headers of a packet, found once and read by who needs them: packet types, RSS
 *
 * Pure. Any bytes may be given, in any chain of segments: what is reported was there, each look is within the segments' own
 * lengths (pkt_len is not believed), and the work is bounded.
 */
#ifndef SH_PKT_HDRS_H
#define SH_PKT_HDRS_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

enum sh_l2 { SH_L2_NONE, SH_L2_ETHER, SH_L2_VLAN, SH_L2_QINQ, SH_L2_MPLS };
enum sh_l3 { SH_L3_NONE, SH_L3_IPV4, SH_L3_IPV4_EXT, SH_L3_IPV6, SH_L3_IPV6_EXT };

/*
 * What one stack of headers is. Offsets are from the start of the packet; a length or an offset holds if the layer is there.
 * proto: of what lies at l4_off, once l3 is there; 0: nothing that could be named.
 */
struct sh_hdrs {
	uint8_t l2, l3; /* enum sh_l2, sh_l3 */
	uint8_t proto;
	bool frag;	  /* a fragment: the first one, too */
	bool l4;	  /* TCP, UDP or SCTP, and its whole header is there */
	uint8_t l4_len;	  /* if l4 */
	uint16_t type;	  /* Ethernet type behind the last tag, host order */
	uint32_t l2_len;  /* tags and labels with it */
	uint32_t l3_off;  /* = where l2 began + l2_len */
	uint32_t l3_len;  /* options and extension headers with it */
	uint32_t l4_off;  /* = l3_off + l3_len */
	uint32_t routing; /* offset of an IPv6 routing header; 0: none */
	uint32_t dstopts; /* offset of an IPv6 destination options header; 0: none */
};

/* n bytes from off, in place or in buf; NULL: the packet has not that many. n is at most 64. */
const uint8_t *sh_hdr_read(const struct rte_mbuf *m, uint32_t off, uint32_t n, uint8_t *buf);

static inline const uint8_t *sh_hdr_at(const struct rte_mbuf *m, uint32_t off, uint32_t n, uint8_t *buf)
{
	if (__builtin_expect(off <= m->data_len && m->data_len - off >= n, 1))
		return (const uint8_t *)m->buf_addr + m->data_off + off;
	return sh_hdr_read(m, off, n, buf);
}

static inline uint16_t sh_hdr_16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* an Ethernet frame at off, as far as want says: 2, 3 or 4 layers */
void sh_hdrs_ether(const struct rte_mbuf *m, uint32_t off, unsigned want, struct sh_hdrs *h);
/* what Ethernet type h->type names, at h->l3_off: layers 3 and, if want is 4, 4; h is zeros but for these two */
void sh_hdrs_net(const struct rte_mbuf *m, unsigned want, struct sh_hdrs *h);

#endif
