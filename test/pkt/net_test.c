/* SPDX-License-Identifier: BSD-3-Clause */
/* net_test.c - addresses, checksums, packets made ready: no process but this one, no pool */
#include <rte_arp.h>
#include <rte_errno.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_net.h>

#include "check.h"
#include "net_help.h"

/* ---- addresses ---- */

static bool reads(const char *s, uint64_t want)
{
	struct rte_ether_addr a = {{0xee, 0xee, 0xee, 0xee, 0xee, 0xee}};
	uint64_t v = 0;

	rte_errno = 0;
	if (rte_ether_unformat_addr(s, &a) != 0) {
		CHECK_EQ(rte_errno, EINVAL);
		CHECK_EQ(a.addr_bytes[0], 0xee);
		CHECK_EQ(a.addr_bytes[5], 0xee);
		return false;
	}
	for (int i = 0; i < 6; i++)
		v = v << 8 | a.addr_bytes[i];
	CHECK_EQ(v, want);
	return true;
}

TEST(addresses_are_read)
{
	static const char *const bad[] = {"",
					  ":",
					  "00:11:22:33:44",
					  "00:11:22:33:44:55 ",
					  " 00:11:22:33:44:55",
					  "00:11:22:33:44:55:66",
					  "00:11:22:33:44:5g",
					  "001:1:1:1:1:1",
					  "00:11-22:33:44:55",
					  "1:2:3",
					  "0011:2233:445",
					  "0011:2233:44556",
					  "001122334455",
					  "0x0:1:2:3:4:5",
					  "-1:2:3:4:5:6",
					  ":1:2:3:4:5",
					  "1:2:3:4:5:"};

	CHECK(reads("00:11:22:33:44:55", 0x001122334455));
	CHECK(reads("aA:Bb:cC:Dd:eE:fF", 0xaabbccddeeff));
	CHECK(reads("0011:2233:4455", 0x001122334455));
	/* what 26.11 takes more */
	CHECK(reads("0:1:2:3:4:5", 0x000102030405));
	CHECK(reads("00-11-22-33-44-55", 0x001122334455));
	CHECK(reads("0011.2233.4455", 0x001122334455));
	for (unsigned i = 0; i < RTE_DIM(bad); i++)
		CHECK(!reads(bad[i], 0));
	CHECK(!reads(NULL, 0));
}

TEST(addresses_are_printed)
{
	struct rte_ether_addr a = {{0x02, 0xab, 0, 0x7f, 0x80, 0xff}};
	char buf[RTE_ETHER_ADDR_FMT_SIZE];

	rte_ether_format_addr(buf, sizeof(buf), &a);
	CHECK_STR(buf, "02:AB:00:7F:80:FF");
	rte_ether_format_addr(buf, 6, &a);
	CHECK_STR(buf, "02:AB");
}

TEST(addresses_have_kinds)
{
	struct rte_ether_addr zero = {{0}}, all = {{255, 255, 255, 255, 255, 255}}, uni = {{0, 1, 2, 3, 4, 5}},
			      multi = {{1, 0, 0x5e, 0, 0, 1}}, local = {{2, 0, 0, 0, 0, 1}}, r, copy;

	CHECK(rte_is_zero_ether_addr(&zero) && !rte_is_zero_ether_addr(&uni));
	CHECK(rte_is_broadcast_ether_addr(&all) && !rte_is_broadcast_ether_addr(&multi));
	CHECK(rte_is_multicast_ether_addr(&all) && rte_is_multicast_ether_addr(&multi));
	CHECK(rte_is_unicast_ether_addr(&uni) && !rte_is_unicast_ether_addr(&multi));
	CHECK(rte_is_universal_ether_addr(&uni) && !rte_is_universal_ether_addr(&local));
	CHECK(rte_is_local_admin_ether_addr(&local) && !rte_is_local_admin_ether_addr(&uni));
	CHECK(rte_is_valid_assigned_ether_addr(&local) && !rte_is_valid_assigned_ether_addr(&zero));
	CHECK(!rte_is_valid_assigned_ether_addr(&multi));
	for (int i = 0; i < 100; i++) {
		rte_eth_random_addr(r.addr_bytes);
		CHECK(rte_is_valid_assigned_ether_addr(&r) && rte_is_local_admin_ether_addr(&r));
	}
	rte_ether_addr_copy(&r, &copy);
	CHECK(rte_is_same_ether_addr(&r, &copy) && !rte_is_same_ether_addr(&r, &all));
	CHECK_EQ(RTE_VLAN_TCI_MAKE(5, 7, 1), 0xf005);
	CHECK_EQ(RTE_VLAN_TCI_PRI(0xf005), 7);
}

/* ---- checksums ---- */

/* by RFC 1071's words: pairs of bytes, the last one alone; carries come round */
static uint16_t plain_sum(const uint8_t *p, size_t n)
{
	uint64_t s = 0;

	for (size_t i = 0; i < n; i++)
		s += (uint64_t)p[i] << (i % 2 == 0 ? 8 : 0);
	while (s > 0xffff)
		s = (s & 0xffff) + (s >> 16);
	return rte_cpu_to_be_16((uint16_t)s);
}

static uint32_t rnd_state = 12345;

static uint32_t rnd(uint32_t below)
{
	rnd_state = rnd_state * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(rnd_state >> 8) * below >> 24);
}

TEST(sums_of_memory)
{
	static uint8_t big[200001];
	uint8_t buf[64 + 8];

	for (unsigned i = 0; i < 3000; i++) {
		uint32_t off = rnd(8), len = rnd(65);

		for (unsigned j = 0; j < sizeof(buf); j++)
			buf[j] = i % 3 == 0 ? 0xff : (uint8_t)rnd(256);
		CHECK_EQ(rte_raw_cksum(buf + off, len), plain_sum(buf + off, len));
	}
	CHECK_EQ(rte_raw_cksum(buf, 0), 0);
	memset(buf, 0, sizeof(buf));
	CHECK_EQ(rte_raw_cksum(buf, sizeof(buf)), 0);
	/* longer than any packet: no carry is lost */
	memset(big, 0xff, sizeof(big));
	CHECK_EQ(rte_raw_cksum(big, sizeof(big)), plain_sum(big, sizeof(big)));
}

TEST(sums_of_chains)
{
	uint8_t buf[300];
	struct chain c;
	uint16_t sum;

	for (unsigned i = 0; i < 4000; i++) {
		uint32_t len = rnd(sizeof(buf) + 1), at, n;

		for (unsigned j = 0; j < sizeof(buf); j++)
			buf[j] = (uint8_t)rnd(256);
		c.n = 0;
		chain_add(&c, buf, 0);
		for (at = 0; at < len; at += n) {
			n = c.n == CHAIN_MAX - 1 ? len - at : RTE_MIN(rnd(40), len - at);
			chain_add(&c, buf + at, n);
		}
		at = rnd(len + 1);
		n = rnd(len - at + 1);
		CHECK_EQ(rte_raw_cksum_mbuf(&c.seg[0], at, n, &sum), 0);
		CHECK_EQ(sum, plain_sum(buf + at, n));
		CHECK_EQ(rte_raw_cksum_mbuf(&c.seg[0], len + 1, 0, &sum), -1);
		CHECK_EQ(rte_raw_cksum_mbuf(&c.seg[0], at, len - at + 1, &sum), -1);
		CHECK_EQ(rte_raw_cksum_mbuf(&c.seg[0], 1, UINT32_MAX, &sum), -1);
		c.seg[0].pkt_len += 10; /* a chain that is shorter than it says */
		CHECK_EQ(rte_raw_cksum_mbuf(&c.seg[0], at, len - at + 1, &sum), -1);
		chain_free(&c);
	}
}

/* a UDP datagram, its checksum left out */
static const uint8_t udp4[] = {0x45, 0x00, 0x00, 0x21, 0x12, 0x34, 0x40, 0x00, 0x40, 0x11, 0x0c,
			       0xd2, 0x0a, 0x00, 0x00, 0x01, 0x0a, 0x00, 0x00, 0x02, 0x04, 0xd2,
			       0x16, 0x2e, 0x00, 0x0d, 0x00, 0x00, 'h',	 'e',  'l',  'l',  'o'};

TEST(sums_of_headers)
{
	/* the header of RFC 1071's users: 4500 0073 0000 4000 4011 .... c0a8 0001 c0a8 00c7, checksum b861 */
	uint8_t h[20] = {0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7};
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(void *)h;

	CHECK_EQ(rte_ipv4_cksum(ip), RTE_BE16(0xb861));
	CHECK_EQ(rte_ipv4_cksum_simple(ip), RTE_BE16(0xb861));
	ip->hdr_checksum = RTE_BE16(0xb861);
	CHECK_EQ(rte_ipv4_cksum(ip), 0);
	CHECK_EQ(rte_ipv4_hdr_len(ip), 20);
	/* c0a8 0001 c0a8 00c7 0011 005f = 1 8288 -> 8289; without the length 822a */
	CHECK_EQ(rte_ipv4_phdr_cksum(ip, 0), RTE_BE16(0x8289));
	CHECK_EQ(rte_ipv4_phdr_cksum(ip, RTE_MBUF_F_TX_TCP_SEG), RTE_BE16(0x822a));
	CHECK_EQ(rte_ipv4_phdr_cksum(ip, RTE_MBUF_F_TX_UDP_SEG), RTE_BE16(0x822a));
	/* 8 more bytes of options count in the header's checksum and not in L4's length */
	ip->version_ihl = 0x47;
	CHECK_EQ(rte_ipv4_phdr_cksum(ip, 0), RTE_BE16(0x8281));
}

static void check_l4_v4(uint8_t *pkt, uint32_t len, uint32_t piece)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(void *)pkt;
	uint8_t *field = pkt + 20 + (ip->next_proto_id == IPPROTO_UDP ? 6 : 16);
	uint16_t sum, sum2;
	struct chain c;

	memset(field, 0, 2);
	sum = rte_ipv4_udptcp_cksum(ip, pkt + 20);
	sum2 = rte_ipv4_udptcp_cksum_mbuf(chain_cut(&c, pkt, len + 5, piece), ip, 20); /* 5 bytes of padding */
	chain_free(&c);
	CHECK_EQ(sum, sum2);
	memcpy(field, &sum, 2);
	CHECK_EQ(rte_ipv4_udptcp_cksum_verify(ip, pkt + 20), 0);
	CHECK_EQ(rte_ipv4_udptcp_cksum_mbuf_verify(chain_cut(&c, pkt, len, piece), ip, 20), 0);
	chain_free(&c);
	pkt[len - 1] ^= 0x10;
	CHECK_EQ(rte_ipv4_udptcp_cksum_verify(ip, pkt + 20), -1);
	CHECK_EQ(rte_ipv4_udptcp_cksum_mbuf_verify(chain_cut(&c, pkt, len, piece), ip, 20), -1);
	CHECK_EQ(rte_ipv4_udptcp_cksum_mbuf(&c.seg[0], ip, 21), 0xffff); /* not that many bytes from there */
	CHECK_EQ(rte_ipv4_udptcp_cksum_mbuf_verify(&c.seg[0], ip, (uint16_t)(len + 1)), -1);
	CHECK_EQ(rte_ipv4_udptcp_cksum_mbuf_verify(&c.seg[0], ip, 21), -1);
	chain_free(&c);
}

static void check_l4_v6(uint8_t *pkt, uint32_t len, uint32_t piece)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(void *)pkt;
	uint8_t *field = pkt + 40 + (ip->proto == IPPROTO_UDP ? 6 : 16);
	uint16_t sum, sum2;
	struct chain c;

	memset(field, 0, 2);
	sum = rte_ipv6_udptcp_cksum(ip, pkt + 40);
	sum2 = rte_ipv6_udptcp_cksum_mbuf(chain_cut(&c, pkt, len, piece), ip, 40);
	chain_free(&c);
	CHECK_EQ(sum, sum2);
	memcpy(field, &sum, 2);
	CHECK_EQ(rte_ipv6_udptcp_cksum_verify(ip, pkt + 40), 0);
	CHECK_EQ(rte_ipv6_udptcp_cksum_mbuf_verify(chain_cut(&c, pkt, len, piece), ip, 40), 0);
	chain_free(&c);
	pkt[10] ^= 1;
	CHECK_EQ(rte_ipv6_udptcp_cksum_verify(ip, pkt + 40), -1);
	CHECK_EQ(rte_ipv6_udptcp_cksum_mbuf_verify(chain_cut(&c, pkt, len, piece), ip, 40), -1);
	chain_free(&c);
}

TEST(sums_of_udp_and_tcp)
{
	uint8_t pkt[210] = {0};
	uint16_t sum;

	/* pseudo header, header and text, as one would write them down */
	memcpy(pkt, udp4, sizeof(udp4));
	sum = rte_ipv4_udptcp_cksum((struct rte_ipv4_hdr *)(void *)pkt, pkt + 20);
	CHECK_EQ(sum,
		 (uint16_t)~plain_sum((const uint8_t *)"\x0a\0\0\1\x0a\0\0\2\0\x11\0\x0d\x04\xd2\x16\x2e\0\x0dhello",
				      sizeof("\x0a\0\0\1\x0a\0\0\2\0\x11\0\x0d\x04\xd2\x16\x2e\0\x0dhello") - 1));
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t len = 60 + rnd(141), piece = 1 + rnd(70);
		bool v6 = i % 2, udp = i % 4 < 2;

		for (unsigned j = 0; j < len; j++)
			pkt[j] = (uint8_t)rnd(256);
		if (v6) {
			pkt[4] = (uint8_t)((len - 40) >> 8), pkt[5] = (uint8_t)(len - 40);
			pkt[6] = udp ? IPPROTO_UDP : IPPROTO_TCP;
			check_l4_v6(pkt, len, piece);
		} else {
			pkt[0] = 0x45, pkt[2] = (uint8_t)(len >> 8), pkt[3] = (uint8_t)len;
			pkt[9] = udp ? IPPROTO_UDP : IPPROTO_TCP;
			check_l4_v4(pkt, len, piece);
		}
	}
}

TEST(a_udp_checksum_is_never_0)
{
	uint8_t pkt[30] = {0x45, 0, 0, 30, 0, 0, 0, 0, 0, IPPROTO_UDP, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(void *)pkt;
	uint16_t sum = (uint16_t)~rte_ipv4_udptcp_cksum(ip, pkt + 20);
	uint16_t fill = (uint16_t)~sum;

	memcpy(pkt + 28, &fill, 2); /* now all adds up to ffff, whose complement is 0 */
	CHECK_EQ(rte_ipv4_udptcp_cksum(ip, pkt + 20), 0xffff);
	pkt[9] = IPPROTO_TCP;
	pkt[29] += IPPROTO_UDP - IPPROTO_TCP;
	CHECK_EQ(rte_ipv4_udptcp_cksum(ip, pkt + 20), 0);
	pkt[3] = 10; /* shorter than its header */
	CHECK_EQ(rte_ipv4_udptcp_cksum(ip, pkt + 20), 0xffff);
	CHECK_EQ(rte_ipv4_udptcp_cksum_verify(ip, pkt + 20), -1);
}

/* ---- IPv6 addresses and extension headers ---- */

TEST(ipv6_addresses)
{
	struct rte_ipv6_addr a = RTE_IPV6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), b = a, m = RTE_IPV6_MASK_FULL,
			     lo = RTE_IPV6_ADDR_LOOPBACK, v4 = RTE_IPV6(0, 0, 0, 0, 0, 0xffff, 0x102, 0x304),
			     nodes = RTE_IPV6_ADDR_ALLNODES_LINK_LOCAL, ll;
	struct rte_ether_addr mac = {{0x02, 0x11, 0x22, 0x33, 0x44, 0x55}};
	char text[48];

	CHECK_EQ(a.a[0] << 8 | a.a[1], 0x2001);
	snprintf(text, sizeof(text), RTE_IPV6_ADDR_FMT, RTE_IPV6_ADDR_SPLIT(&a));
	CHECK_STR(text, "2001:0db8:0000:0000:0000:0000:0000:0001");
	for (unsigned d = 0; d <= 128; d++) {
		m = (struct rte_ipv6_addr)RTE_IPV6_MASK_FULL;
		rte_ipv6_addr_mask(&m, (uint8_t)d);
		CHECK_EQ(rte_ipv6_mask_depth(&m), d);
		b = a;
		if (d > 0)
			b.a[(d - 1) / 8] ^= (uint8_t)(0x80 >> (d - 1) % 8);
		CHECK_EQ(rte_ipv6_addr_eq_prefix(&a, &b, (uint8_t)d), d == 0);
		CHECK(rte_ipv6_addr_eq_prefix(&a, &b, d > 0 ? (uint8_t)(d - 1) : 0));
	}
	CHECK(rte_ipv6_addr_is_loopback(&lo) && !rte_ipv6_addr_is_v4compat(&lo) && !rte_ipv6_addr_is_unspec(&lo));
	CHECK(rte_ipv6_addr_is_v4mapped(&v4) && !rte_ipv6_addr_is_v4mapped(&a));
	CHECK(rte_ipv6_addr_is_mcast(&nodes) && rte_ipv6_mc_scope(&nodes) == RTE_IPV6_MC_SCOPE_LINKLOCAL);
	CHECK_EQ(rte_ipv6_mc_scope(&a), RTE_IPV6_MC_SCOPE_NONE);
	rte_ipv6_llocal_from_ethernet(&ll, &mac);
	snprintf(text, sizeof(text), RTE_IPV6_ADDR_FMT, RTE_IPV6_ADDR_SPLIT(&ll));
	CHECK_STR(text, "fe80:0000:0000:0000:0011:22ff:fe33:4455");
	CHECK(rte_ipv6_addr_is_linklocal(&ll) && !rte_ipv6_addr_is_sitelocal(&ll));
	rte_ipv6_solnode_from_addr(&b, &ll);
	snprintf(text, sizeof(text), RTE_IPV6_ADDR_FMT, RTE_IPV6_ADDR_SPLIT(&b));
	CHECK_STR(text, "ff02:0000:0000:0000:0000:0001:ff33:4455");
	rte_ether_mcast_from_ipv6(&mac, &b);
	rte_ether_format_addr(text, sizeof(text), &mac);
	CHECK_STR(text, "33:33:FF:33:44:55");
}

TEST(ipv6_extension_headers_are_stepped_over)
{
	uint8_t p[8] = {IPPROTO_TCP, 2};
	uint8_t chain[] = {
		IPPROTO_DSTOPTS, 0, 1, 4, 0, 0, 0, 0, IPPROTO_FRAGMENT, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		IPPROTO_UDP,	 0, 0, 1, 0, 0, 0, 1};
	uint32_t off = 0;
	struct chain c;
	size_t len = 0;
	int frag = -1;

	CHECK_EQ(rte_ipv6_get_next_ext(p, IPPROTO_HOPOPTS, &len), IPPROTO_TCP);
	CHECK_EQ(len, 24);
	CHECK_EQ(rte_ipv6_get_next_ext(p, IPPROTO_AH, &len), IPPROTO_TCP);
	CHECK_EQ(len, 16);
	CHECK_EQ(rte_ipv6_get_next_ext(p, IPPROTO_FRAGMENT, &len), IPPROTO_TCP);
	CHECK_EQ(len, 8);
	CHECK_EQ(rte_ipv6_get_next_ext(p, IPPROTO_TCP, &len), -EINVAL);
	for (uint32_t piece = 1; piece <= sizeof(chain); piece++) {
		off = 0;
		CHECK_EQ(rte_net_skip_ip6_ext(IPPROTO_HOPOPTS, chain_cut(&c, chain, sizeof(chain), piece), &off, &frag),
			 IPPROTO_UDP);
		CHECK_EQ(off, sizeof(chain));
		CHECK_EQ(frag, 1);
		off = 8;
		CHECK_EQ(rte_net_skip_ip6_ext(IPPROTO_TCP, &c.seg[0], &off, &frag), IPPROTO_TCP);
		CHECK_EQ(off, 8);
		CHECK_EQ(frag, 0);
		CHECK_EQ(rte_net_skip_ip6_ext(IPPROTO_NONE, &c.seg[0], &off, &frag), 0);
		off = 30;
		CHECK_EQ(rte_net_skip_ip6_ext(IPPROTO_HOPOPTS, &c.seg[0], &off, &frag), -1);
		chain_free(&c);
	}
}

/* ---- made ready for a port; tags ---- */

TEST(pseudo_headers_are_prepared)
{
	uint8_t frame[14 + sizeof(udp4)] = {0};
	struct chain c;
	struct rte_mbuf *m;
	uint16_t field;

	memcpy(frame + 14, udp4, sizeof(udp4));
	for (uint32_t piece = 41; piece <= sizeof(frame); piece++) {
		m = chain_cut(&c, frame, sizeof(frame), piece);
		m->l2_len = 14, m->l3_len = 20, m->l4_len = 8;
		CHECK_EQ(rte_net_intel_cksum_prepare(m), 0); /* nothing is asked for */
		CHECK_EQ(memcmp(m->buf_addr, frame, piece), 0);
		m->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM;
		CHECK_EQ(rte_net_intel_cksum_prepare(m), piece < 42 ? -ENOTSUP : 0);
		if (piece >= 42) {
			memcpy(&field, (char *)m->buf_addr + 24, 2);
			CHECK_EQ(field, 0);
			memcpy(&field, (char *)m->buf_addr + 40, 2);
			CHECK_EQ(field, rte_ipv4_phdr_cksum((const struct rte_ipv4_hdr *)(const void *)udp4, 0));
		}
		m->l3_len = 0; /* lengths that lie do not lead out of the segment */
		m->l4_len = 0;
		m->ol_flags = RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM;
		CHECK_EQ(rte_net_intel_cksum_prepare(m), -ENOTSUP);
		m->l2_len = 127;
		CHECK_EQ(rte_net_intel_cksum_flags_prepare(m, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG), -ENOTSUP);
		chain_free(&c);
	}
}

TEST(tags_go_out_and_in)
{
	uint8_t frame[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x81, 0, 0x20, 0x05, 0x08, 0x00, 0x45};
	struct chain c;
	struct rte_mbuf *m = chain_cut(&c, frame, sizeof(frame), sizeof(frame));

	CHECK_EQ(rte_vlan_strip(m), 0);
	CHECK_EQ(m->vlan_tci, 0x2005);
	CHECK_EQ(m->pkt_len, 60);
	CHECK((m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0);
	CHECK_EQ(memcmp(rte_pktmbuf_mtod(m, char *), frame, 12), 0);
	CHECK_EQ(memcmp(rte_pktmbuf_mtod(m, char *) + 12, frame + 16, 48), 0);
	CHECK_EQ(rte_vlan_strip(m), -1);
	CHECK_EQ(rte_vlan_insert(&m), 0);
	CHECK_EQ(m->pkt_len, 64);
	CHECK_EQ(memcmp(rte_pktmbuf_mtod(m, char *), frame, sizeof(frame)), 0);
	CHECK((m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) == 0);
	CHECK_EQ(rte_vlan_insert(&m), -ENOSPC);
	rte_mbuf_refcnt_set(m, 2);
	CHECK_EQ(rte_vlan_insert(&m), -EINVAL);
	chain_free(&c);
	m = chain_cut(&c, frame, 16, 16); /* ends in its tag */
	CHECK_EQ(rte_vlan_strip(m), -EINVAL);
	chain_free(&c);
	m = chain_cut(&c, frame, 13, 13);
	CHECK_EQ(rte_vlan_strip(m), -1);
	chain_free(&c);
}
