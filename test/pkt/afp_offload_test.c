/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * afp_offload_test.c - net_af_packet: what the kernel does for it, and what it says of that: tags, checksums, big packets of IPv6
 * and UDP; promiscuous mode, queueing disciplines
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "afp_help.h"
#include "pkt/gso.h"

#define TCI 0x6123 /* priority 3, VLAN 0x123 */

static uint16_t begin_with(const char *args, uint64_t rx, uint64_t tx)
{
	struct rte_eth_conf conf = {.rxmode.offloads = rx, .txmode.offloads = tx};
	char vdev[128];
	uint16_t id;

	network();
	snprintf(vdev, sizeof(vdev), "--vdev=net_af_packet0,iface=" NEAR "%s", args);
	INIT("primary", vdev);
	id = port_named("net_af_packet0");
	CHECK_EQ(rte_eth_dev_configure(id, 1, 1, &conf), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(id, 0, 64, 0, NULL, make_pool("mp", 1023)), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(id, 0, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(id), 0);
	return id;
}

/* ---- what the host sees: frames, with what the kernel knows of them ---- */

struct sight {
	struct virtio_net_hdr v;
	bool tagged;
	uint16_t tci;
	unsigned len;
	unsigned char f[70000];
};
static struct sight seen;

static int eye(void)
{
	int s = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), one = 1;
	struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

	a.sll_ifindex = (int)if_nametoindex(FAR);
	CHECK_EQ(setsockopt(s, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), 0);
	CHECK_EQ(setsockopt(s, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)), 0);
	CHECK_EQ(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	return s;
}

/* the next frame that came in from a test's address */
static void see(int s)
{
	static unsigned char b[sizeof(seen.v) + sizeof(seen.f)];
	_Alignas(struct cmsghdr) char room[256];
	struct sockaddr_ll from;
	struct tpacket_auxdata aux;

	do {
		struct iovec iov = {b, sizeof(b)};
		struct msghdr m = {.msg_name = &from,
				   .msg_namelen = sizeof(from),
				   .msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = room,
				   .msg_controllen = sizeof(room)};
		ssize_t n = recvmsg(s, &m, 0);

		CHECK(n > (ssize_t)sizeof(seen.v) + 14);
		CHECK(CMSG_FIRSTHDR(&m) != NULL);
		memcpy(&aux, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(aux));
		seen.len = (unsigned)n - (unsigned)sizeof(seen.v);
	} while (from.sll_pkttype == PACKET_OUTGOING || memcmp(b + sizeof(seen.v) + 6, "\x02\0\0\0\0\x01", 6) != 0);
	memcpy(&seen.v, b, sizeof(seen.v));
	memcpy(seen.f, b + sizeof(seen.v), seen.len);
	seen.tagged = (aux.tp_status & TP_STATUS_VLAN_VALID) != 0;
	seen.tci = aux.tp_vlan_tci;
}

/* the next packet of a test that the port receives */
struct next {
	uint16_t port;
	struct rte_mbuf *m;
};

static bool has_come(void *arg)
{
	struct next *x = arg;

	while (rte_eth_rx_burst(x->port, 0, &x->m, 1) == 1) {
		if (memcmp(rte_pktmbuf_mtod_offset(x->m, const char *, 6), "\x02\0\0\0\0\x01", 6) == 0)
			return true;
		rte_pktmbuf_free(x->m);
	}
	return false;
}

static struct rte_mbuf *next(uint16_t port)
{
	struct next x = {.port = port};

	t_until(has_come, &x);
	return x.m;
}

/* ---- tags ---- */

static void send_tagged(uint16_t tpid)
{
	unsigned char f[100];
	int s = raw_socket(FAR);

	fill_frame(f, sizeof(f), 7);
	f[12] = (unsigned char)(tpid >> 8);
	f[13] = (unsigned char)tpid;
	memcpy(f + 14, (const unsigned char[]){TCI >> 8, TCI & 0xff, 0x88, 0xb5}, 4);
	CHECK_EQ(send(s, f, sizeof(f), 0), (long)sizeof(f));
	(void)close(s);
}

static void tag_stays(uint16_t id, const char *tpid)
{
	struct rte_mbuf *m = next(id);

	CHECK_EQ(m->pkt_len, 100);
	CHECK_EQ(m->ol_flags & (RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED), 0);
	CHECK(memcmp(rte_pktmbuf_mtod_offset(m, char *, 12), tpid, 2) == 0);
	CHECK(memcmp(rte_pktmbuf_mtod_offset(m, char *, 14), "\x61\x23\x88\xb5\7\7", 6) == 0);
	rte_pktmbuf_free(m);
}

TEST(a_tag_stays_in_the_packet)
{
	uint16_t id = begin_with("", 0, 0);

	send_tagged(RTE_ETHER_TYPE_VLAN);
	tag_stays(id, "\x81\x00");
	send_tagged(RTE_ETHER_TYPE_QINQ);
	tag_stays(id, "\x88\xa8");
}

TEST(a_tag_is_stripped_but_for_one_of_another_kind)
{
	uint16_t id = begin_with("", RTE_ETH_RX_OFFLOAD_VLAN_STRIP, 0);
	struct rte_mbuf *m;

	send_tagged(RTE_ETHER_TYPE_VLAN);
	m = next(id);
	CHECK_EQ(m->pkt_len, 96);
	CHECK_EQ(m->vlan_tci, TCI);
	CHECK_EQ(m->ol_flags & (RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED),
		 RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
	CHECK(memcmp(rte_pktmbuf_mtod_offset(m, char *, 12), "\x88\xb5\7", 3) == 0);
	rte_pktmbuf_free(m);
	send_tagged(RTE_ETHER_TYPE_QINQ); /* an mbuf has no place for the kind: sent on it would be another packet */
	tag_stays(id, "\x88\xa8");
}

TEST(a_tag_is_inserted)
{
	uint16_t id = begin_with("", 0, RTE_ETH_TX_OFFLOAD_VLAN_INSERT);
	unsigned char f[100];
	struct rte_mbuf *m;
	int s = eye();

	fill_frame(f, sizeof(f), 5);
	m = mbuf_of(f, sizeof(f));
	m->ol_flags = RTE_MBUF_F_TX_VLAN;
	m->vlan_tci = TCI;
	rte_mbuf_refcnt_update(m, 1); /* also the caller's: its bytes stay as they are */
	CHECK_EQ(rte_eth_tx_burst(id, 0, &m, 1), 1);
	see(s);
	CHECK(seen.tagged);
	CHECK_EQ(seen.tci, TCI);
	CHECK_EQ(seen.len, sizeof(f)); /* the kernel has taken it out again */
	CHECK(memcmp(seen.f, f, sizeof(f)) == 0);
	CHECK(memcmp(rte_pktmbuf_mtod(m, void *), f, sizeof(f)) == 0);
	CHECK_EQ(rte_mbuf_refcnt_read(m), 1);
	rte_pktmbuf_free(m);
}

/* ---- checksums ---- */

/* UDP of n bytes in IPv4; the field has the pseudo header's sum. Returns its length */
static unsigned udp4(unsigned char *f, unsigned n)
{
	struct rte_ipv4_hdr *ip = (void *)(f + 14);
	struct rte_udp_hdr *u = (void *)(f + 34);

	fill_frame(f, 42 + n, 0x5a);
	memcpy(f + 12, "\x08\x00", 2);
	memset(ip, 0, 28);
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(28 + n));
	ip->time_to_live = 9;
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = rte_cpu_to_be_32(0x0a090002);
	ip->dst_addr = rte_cpu_to_be_32(0x0a090001);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	u->src_port = u->dst_port = rte_cpu_to_be_16(7);
	u->dgram_len = rte_cpu_to_be_16((uint16_t)(8 + n));
	u->dgram_cksum = rte_ipv4_phdr_cksum(ip, 0);
	return 42 + n;
}

/* sent by the host, its checksum left to whoever receives it; or with one, right or not */
static void send_udp(int s, bool left, bool right)
{
	unsigned char b[600];
	unsigned n = udp4(b + sizeof(struct virtio_net_hdr), 200);
	struct virtio_net_hdr v = {.csum_start = 34, .csum_offset = 6};
	struct rte_udp_hdr *u = (void *)(b + sizeof(v) + 34);

	if (left) {
		v.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	} else {
		v = (struct virtio_net_hdr){0};
		u->dgram_cksum = 0;
		u->dgram_cksum = rte_ipv4_udptcp_cksum((void *)(b + sizeof(v) + 14), u);
		u->dgram_cksum ^= right ? 0 : 0x0101;
	}
	memcpy(b, &v, sizeof(v));
	CHECK_EQ(send(s, b, n + sizeof(v), 0), (long)(n + sizeof(v)));
}

static void comes_as(uint16_t id, bool right, uint64_t flags)
{
	struct rte_mbuf *m = next(id);
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, 14);

	CHECK_EQ(m->pkt_len, 242);
	CHECK_EQ(rte_ipv4_udptcp_cksum_verify(ip, rte_pktmbuf_mtod_offset(m, void *, 34)), right ? 0 : -1);
	CHECK_EQ(m->ol_flags & (RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_IP_CKSUM_MASK), flags);
	rte_pktmbuf_free(m);
}

TEST(a_received_packet_has_its_checksum)
{
	uint16_t id = begin_with("", 0, 0);
	int s = vnet_socket();

	send_udp(s, true, true);
	comes_as(id, true, 0);
}

TEST(a_received_packet_is_said_to_be_good_if_that_is_known)
{
	uint16_t id = begin_with("", RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM, 0);
	int s = vnet_socket();

	send_udp(s, true, true);
	comes_as(id, true, RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	send_udp(s, false, true); /* nobody has looked at these */
	comes_as(id, true, 0);
	send_udp(s, false, false);
	comes_as(id, false, 0);
}

TEST(checksums_are_left_to_the_port)
{
	uint16_t id = begin_with("", 0, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
	unsigned char f[600];
	struct rte_ipv4_hdr *ip = (void *)(f + 14), *got = (void *)(seen.f + 14);
	struct rte_mbuf *m;
	unsigned n = udp4(f, 100);
	int s = eye();
	uint16_t sum;

	ip->hdr_checksum = 0;
	m = mbuf_of(f, n);
	m->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM;
	m->l2_len = 14;
	m->l3_len = 20;
	CHECK_EQ(rte_eth_tx_burst(id, 0, &m, 1), 1);
	see(s);
	CHECK_EQ(seen.len, n);
	CHECK_EQ(seen.v.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	CHECK_EQ(seen.v.csum_start, 34);
	CHECK_EQ(seen.v.csum_offset, 6);
	CHECK_EQ(rte_ipv4_cksum(got), 0);
	CHECK(sh_vnet_fill(&seen.v, seen.f, seen.len)); /* as a device would */
	memcpy(&sum, seen.f + 40, 2);
	CHECK(sum != 0);
	CHECK_EQ(rte_ipv4_udptcp_cksum_verify(got, seen.f + 34), 0);
	/* headers that are shorter than the program says: dropped, and counted */
	m = mbuf_of(f, 30);
	m->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
	m->l2_len = 14;
	m->l3_len = 20;
	CHECK_EQ(rte_eth_tx_burst(id, 0, &m, 1), 1);
	CHECK_EQ(stats_of(id).oerrors, 1);
}

/* ---- big packets ---- */

TEST(a_big_packet_of_IPv6_is_cut_by_the_kernel)
{
	uint16_t id = begin_with("", 0, RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_VLAN_INSERT);
	static unsigned char f[9000];
	unsigned n = fill_tcp6(f, 5 * MSS), have = 0;
	struct rte_mbuf *m = NULL, *last = NULL;
	int s = eye();

	for (unsigned at = 0; at < n;) { /* five mbufs, one packet */
		unsigned part = RTE_MIN(n - at, 1100u);
		struct rte_mbuf *x = mbuf_of(f + at, part);

		if (m == NULL) {
			m = x;
		} else {
			last->next = x;
			m->nb_segs++;
			m->pkt_len += part;
		}
		last = x;
		at += part;
	}
	m->ol_flags = RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_VLAN;
	m->vlan_tci = TCI;
	m->l2_len = 14;
	m->l3_len = 40;
	m->l4_len = 20;
	m->tso_segsz = MSS;
	CHECK_EQ(rte_eth_tx_burst(id, 0, &m, 1), 1);
	while (have < 5 * MSS) { /* whole, or in pieces: as the interface likes it; the sums are right in any case */
		see(s);
		CHECK(seen.tagged && seen.tci == TCI);
		CHECK(seen.v.gso_type == VIRTIO_NET_HDR_GSO_NONE || seen.v.gso_type == VIRTIO_NET_HDR_GSO_TCPV6);
		CHECK(seen.v.gso_type == VIRTIO_NET_HDR_GSO_NONE ? seen.len <= 74 + MSS : seen.v.gso_size == MSS);
		CHECK_EQ(seen.f[14] >> 4, 6);
		CHECK_EQ(seen.f[18] << 8 | seen.f[19], seen.len - 54);
		if ((seen.v.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0)
			CHECK(sh_vnet_fill(&seen.v, seen.f, seen.len));
		CHECK_EQ(rte_ipv6_udptcp_cksum_verify((const void *)(seen.f + 14), seen.f + 54), 0);
		for (unsigned i = 74; i < seen.len; i++)
			CHECK_EQ(seen.f[i], 0x33);
		have += seen.len - 74;
	}
	CHECK_EQ(have, 5 * MSS);
	CHECK_EQ(stats_of(id).oerrors, 0);
	CHECK_EQ(stats_of(id).opackets, 1);
}

/* of 900 bytes, to be cut at 1000: no checksum in it, none of IPv4's header either */
static struct rte_mbuf *short_to_be_cut(bool v6)
{
	unsigned char *f = big + sizeof(struct virtio_net_hdr);
	unsigned n =
		v6 ? fill_tcp6(f, 900) : tcp_frame(big, 5, 900, false, false) - (unsigned)sizeof(struct virtio_net_hdr);
	struct rte_mbuf *m;

	memset(f + (v6 ? 70 : 50), 0, 2);
	if (!v6)
		memset(f + 24, 0, 2);
	m = mbuf_of(f, n);
	m->ol_flags = RTE_MBUF_F_TX_TCP_SEG | (v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM);
	m->l2_len = 14;
	m->l3_len = v6 ? 40 : 20;
	m->l4_len = 20;
	m->tso_segsz = MSS;
	return m;
}

TEST(what_is_to_be_cut_and_is_short_has_its_checksums)
{
	uint16_t id = begin_with("", 0, RTE_ETH_TX_OFFLOAD_TCP_TSO);
	int s = eye();

	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct rte_mbuf *m = short_to_be_cut(v6 != 0);

		CHECK_EQ(rte_eth_tx_prepare(id, 0, &m, 1), 1);
		CHECK_EQ(rte_eth_tx_burst(id, 0, &m, 1), 1);
		see(s);
		CHECK_EQ(seen.len, (v6 ? 74u : 54u) + 900);
		CHECK_EQ(seen.v.gso_type, VIRTIO_NET_HDR_GSO_NONE);
		if ((seen.v.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0)
			CHECK(sh_vnet_fill(&seen.v, seen.f, seen.len));
		if (v6 != 0) {
			CHECK_EQ(rte_ipv6_udptcp_cksum_verify((const void *)(seen.f + 14), seen.f + 54), 0);
		} else {
			CHECK_EQ(rte_ipv4_cksum((const void *)(seen.f + 14)), 0);
			CHECK_EQ(rte_ipv4_udptcp_cksum_verify((const void *)(seen.f + 14), seen.f + 34), 0);
		}
	}
	CHECK_EQ(stats_of(id).opackets, 2);
}

TEST(what_is_to_be_cut_at_nothing_is_dropped_and_counted)
{
	uint16_t id = begin_with("", 0, RTE_ETH_TX_OFFLOAD_TCP_TSO);
	struct rte_mbuf *m = short_to_be_cut(false);

	m->tso_segsz = 0;
	CHECK_EQ(rte_eth_tx_burst(id, 0, &m, 1), 1);
	CHECK_EQ(stats_of(id).oerrors, 1);
}

TEST(a_big_packet_of_UDP_arrives_as_those_of_the_wire)
{
	uint16_t id = begin_with("", 0, 0);
	unsigned n = udp4(big + sizeof(struct virtio_net_hdr), 2500);
	struct virtio_net_hdr v = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				   .gso_type = SH_GSO_UDP,
				   .hdr_len = 42,
				   .gso_size = MSS,
				   .csum_start = 34,
				   .csum_offset = 6};
	int s = vnet_socket();

	memcpy(big, &v, sizeof(v));
	if (send(s, big, n + sizeof(v), 0) < 0 && errno == EINVAL)
		SKIP("this kernel takes no big UDP packets from a packet socket");
	for (unsigned left = 2500; left > 0;) {
		struct rte_mbuf *m = next(id);
		const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, 14);

		CHECK_EQ(m->pkt_len, 42 + RTE_MIN(left, MSS));
		CHECK_EQ(rte_be_to_cpu_16(ip->total_length), m->pkt_len - 14);
		CHECK_EQ(rte_ipv4_cksum(ip), 0);
		CHECK_EQ(rte_ipv4_udptcp_cksum_verify(ip, rte_pktmbuf_mtod_offset(m, void *, 34)), 0);
		left -= m->pkt_len - 42;
		rte_pktmbuf_free(m);
	}
	CHECK_EQ(stats_of(id).ipackets, 3);
	CHECK_EQ(stats_of(id).ierrors + stats_of(id).imissed, 0);
}

/* ---- promiscuous mode ---- */

/* how often the kernel has been asked for it */
static unsigned promiscuity(const char *name)
{
	struct {
		struct nlmsghdr n;
		struct ifinfomsg i;
	} q = {.n = {.nlmsg_len = sizeof(q), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST}};
	static _Alignas(8) char a[32768];
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	struct nlmsghdr *n = (void *)a;
	unsigned v = UINT32_MAX;
	int len;

	q.i.ifi_index = (int)if_nametoindex(name);
	CHECK_EQ(send(s, &q, sizeof(q), 0), (long)sizeof(q));
	CHECK(recv(s, a, sizeof(a), 0) > 0);
	CHECK_EQ(n->nlmsg_type, RTM_NEWLINK);
	len = (int)n->nlmsg_len - (int)NLMSG_SPACE(sizeof(struct ifinfomsg));
	for (struct rtattr *x = (void *)(a + NLMSG_SPACE(sizeof(struct ifinfomsg))); RTA_OK(x, len);
	     x = RTA_NEXT(x, len))
		if (x->rta_type == IFLA_PROMISCUITY)
			memcpy(&v, RTA_DATA(x), sizeof(v));
	(void)close(s);
	CHECK(v != UINT32_MAX);
	return v;
}

static bool is_not_promiscuous(void *arg)
{
	(void)arg;
	return promiscuity(NEAR) == 0;
}

ROLE(asker)
{
	char line[32];
	uint16_t id;

	INIT(argc > 1 ? argv[1] : "secondary", argc > 1 ? "--vdev=net_af_packet0,iface=" NEAR : NULL);
	id = port_named("net_af_packet0");
	CHECK_EQ(rte_eth_promiscuous_enable(id), 0);
	t_tell("asked");
	(void)t_hear(line, sizeof(line));
	return rte_eal_cleanup();
}

TEST(promiscuous_mode_is_the_groups_and_ends_with_the_port)
{
	uint16_t id = begin("", 1);
	struct t_proc *p;

	CHECK_EQ(promiscuity(NEAR), 0);
	CHECK_EQ(rte_eth_promiscuous_enable(id), 0);
	CHECK_EQ(rte_eth_promiscuous_enable(id), 0);
	CHECK_EQ(promiscuity(NEAR), 1);
	CHECK_EQ(rte_eth_promiscuous_disable(id), 0);
	CHECK_EQ(promiscuity(NEAR), 0);
	p = t_spawn("asker", NULL);
	t_expect(p, "asked");
	CHECK_EQ(promiscuity(NEAR), 1);
	CHECK_EQ(rte_eth_promiscuous_get(id), 1);
	t_kill(p, SIGKILL); /* it was the port's, not its own */
	(void)t_wait(p);
	CHECK_EQ(promiscuity(NEAR), 1);
	CHECK_EQ(rte_eth_promiscuous_get(id), 1);
	p = t_spawn("asker", NULL); /* another one has the port when it is closed */
	t_expect(p, "asked");
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_close(id), 0);
	t_until(is_not_promiscuous, NULL);
}

TEST(promiscuous_mode_ends_with_the_last_process)
{
	struct t_proc *p;

	network();
	p = t_spawn("asker", "primary", NULL);
	t_expect(p, "asked");
	CHECK_EQ(promiscuity(NEAR), 1);
	t_kill(p, SIGKILL);
	(void)t_wait(p);
	t_until(is_not_promiscuous, NULL);
}

/* ---- queueing disciplines ---- */

/* as 'tc qdisc add dev va root pfifo limit 0': one that takes nothing */
static void take_nothing(void)
{
	struct tc_fifo_qopt none = {0};
	_Alignas(4) char options[64];

	add_qdisc("pfifo", options, nl_put(options, TCA_OPTIONS, &none, sizeof(none)));
}

TEST(packets_that_the_queueing_discipline_does_not_take_stay_the_callers)
{
	uint16_t id = begin("", 1);
	unsigned char f[100];
	struct rte_mbuf *m;

	take_nothing();
	fill_frame(f, sizeof(f), 1);
	m = mbuf_of(f, sizeof(f));
	CHECK_EQ(rte_eth_tx_burst(id, 0, &m, 1), 0);
	CHECK_EQ(stats_of(id).opackets + stats_of(id).oerrors, 0);
	rte_pktmbuf_free(m);
}

TEST(qdisc_bypass_goes_around_it)
{
	uint16_t id = begin(",qdisc_bypass=1", 1);
	int s = raw_socket(FAR);

	take_nothing();
	send_from(id, 0, 3, 9);
	host_gets(s, 3, 9);
	CHECK_EQ(stats_of(id).opackets, 3);
}

/* as 'ethtool -K va tso off' */
static void tso_off(void)
{
	struct ethtool_value v = {.cmd = ETHTOOL_STSO};
	struct ifreq req;
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), NEAR);
	req.ifr_data = (void *)&v;
	CHECK_EQ(ioctl(s, SIOCETHTOOL, &req), 0);
	(void)close(s);
}

static bool has_tso(const char *name)
{
	struct rte_eth_dev_info info;

	CHECK_EQ(rte_eth_dev_info_get(port_named(name), &info), 0);
	return (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_TCP_TSO) != 0;
}

TEST(what_only_the_interface_could_cut_is_offered_if_it_can)
{
	network();
	INIT("primary", "--vdev=net_af_packet0,qdisc_bypass=1,iface=" NEAR);
	CHECK(has_tso("net_af_packet0"));
	tso_off();
	CHECK_EQ(rte_vdev_init("net_af_packet1", "qdisc_bypass=1,iface=" NEAR), 0);
	CHECK(!has_tso("net_af_packet1"));
	CHECK_EQ(rte_vdev_init("net_af_packet2", "iface=" NEAR), 0);
	CHECK(has_tso("net_af_packet2"));
}

/* four packets that are one for the kernel, where that is of use; the host has them as they were */
static void flow(uint16_t id, int s, uint32_t seq)
{
	struct rte_mbuf *m[4];
	unsigned have = 0;

	for (unsigned i = 0; i < 4; i++)
		m[i] = mbuf_of(big + sizeof(struct virtio_net_hdr), tcp_frame(big, seq + i * MSS, MSS, false, true) -
									    (unsigned)sizeof(struct virtio_net_hdr));
	CHECK_EQ(rte_eth_tx_burst(id, 0, m, 4), 4);
	while (have < 4 * MSS) {
		const struct rte_tcp_hdr *t = (const void *)(seen.f + 34);

		see(s);
		CHECK_EQ(rte_be_to_cpu_32(t->sent_seq), seq + have);
		have += seen.len - 54;
	}
	CHECK_EQ(have, 4 * MSS);
}

TEST(where_nobody_cuts_any_more_packets_go_one_by_one)
{
	uint16_t id = begin(",qdisc_bypass=1", 1);
	int s = eye();
	struct rte_mbuf *m;

	flow(id, s, 1);
	tso_off();
	flow(id, s, 100001); /* the queue is as before */
	flow(id, s, 200001);
	CHECK_EQ(stats_of(id).opackets, 12);
	m = short_to_be_cut(false);
	m->tso_segsz = 100;
	CHECK_EQ(rte_eth_tx_burst(id, 0, &m, 1), 1); /* not for ever "later" */
	CHECK_EQ(stats_of(id).oerrors, 1);
	CHECK_EQ(stats_of(id).opackets, 12);
}
