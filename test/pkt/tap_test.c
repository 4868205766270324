/* SPDX-License-Identifier: BSD-3-Clause */
/* tap_test.c - net_tap in several processes: packets both ways, queues taken over, checksums, a link that changes, an end */
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <net/if_arp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <rte_ip.h>
#include <rte_udp.h>

#include "pkt/gso.h"
#include "tap_help.h"

#define ADDR "10.9.0.1"	 /* of the interface */
#define OTHER "10.9.0.2" /* of whom the port plays */

static int sock_dgram(void)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	CHECK(s >= 0);
	return s;
}

TEST(packets_both_ways_on_all_queues)
{
	uint16_t id = begin("", 4);
	int s = raw_socket("t0");

	for (unsigned char mark = 1; mark < 5; mark++) {
		send_from(id, mark % 4, 32, mark, mark);
		host_gets(s, 32, mark);
		send_frames(s, 100, 60 + 300u * mark, mark);
		await_frames(id, 4, 100, mark);
	}
	CHECK_EQ(stats_of(id).opackets, 128);
	CHECK_EQ(stats_of(id).oerrors, 0);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_close(id), 0);
	CHECK_EQ(if_nametoindex("t0"), 0);
}

TEST(a_secondary_that_dies_is_followed_by_the_next_one)
{
	uint16_t id = begin("", 1);
	int s = raw_socket("t0");

	for (unsigned round = 0; round < 3; round++) {
		struct t_proc *p = t_spawn("member", NULL);

		t_expect(p, "ready");
		t_say(p, "send 0 7 3");
		t_expect(p, "sent");
		host_gets(s, 7, 3);
		send_frames(s, 9, 200, 5);
		t_say(p, "await 9 5");
		t_expect(p, "got");
		send_frames(s, 11, 200, (unsigned char)(round + 10));
		t_kill(p, SIGKILL);
		(void)t_wait(p);
		await_frames(id, 1, 11, (unsigned char)(round + 10)); /* what the dead one had not read */
		send_from(id, 0, 5, 4, 1);
		host_gets(s, 5, 4);
		CHECK_EQ(shoal_eth_queue_leave(id, 0, SHOAL_ETH_RX), 0);
		CHECK_EQ(shoal_eth_queue_leave(id, 0, SHOAL_ETH_TX), 0);
	}
}

TEST(more_tx_than_rx_queues)
{
	struct rte_eth_conf conf;
	uint16_t id;
	int s;

	need_tap();
	INIT("primary", "--vdev=net_tap0,iface=t0");
	id = port_named("net_tap0");
	memset(&conf, 0, sizeof(conf));
	CHECK_EQ(rte_eth_dev_configure(id, 1, 3, &conf), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(id, 0, 64, 0, NULL, make_pool("mp", 2047)), 0);
	for (uint16_t q = 0; q < 3; q++)
		CHECK_EQ(rte_eth_tx_queue_setup(id, q, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(id), 0);
	s = raw_socket("t0");
	for (uint16_t q = 0; q < 3; q++) {
		send_from(id, q, 4, 9, 1);
		host_gets(s, 4, 9);
	}
	send_frames(s, 30, 100, 8);
	await_frames(id, 1, 30, 8);
}

TEST(fewer_queues_get_all_packets)
{
	uint16_t id = begin("", 4);
	int s;

	CHECK_EQ(rte_eth_dev_stop(id), 0);
	start_port(id, 2, rte_mempool_lookup("mp"));
	s = raw_socket("t0");
	send_frames(s, 50, 100, 6);
	await_frames(id, 2, 50, 6);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	start_port(id, 3, rte_mempool_lookup("mp"));
	(void)close(s); /* it has been told that the interface was down */
	s = raw_socket("t0");
	send_frames(s, 50, 100, 7);
	await_frames(id, 3, 50, 7);
}

TEST(what_waited_before_a_stop_is_not_received_after_it)
{
	uint16_t id = begin("", 1);
	struct await old = {.port = id, .queues = 1, .mark = 9, .want = UINT32_MAX};
	int s = raw_socket("t0");

	send_frames(s, 20, 100, 9);
	(void)close(s);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_start(id), 0);
	CHECK(stats_of(id).imissed >= 20);
	(void)more(&old);
	CHECK_EQ(old.got, 0);
	s = raw_socket("t0");
	send_frames(s, 20, 100, 6);
	await_frames(id, 1, 20, 6);
}

static bool one_long(void *arg)
{
	struct rte_mbuf **m = arg;
	uint16_t id = port_named("net_tap0");

	while (rte_eth_rx_burst(id, 0, m, 1) == 1) {
		if ((*m)->pkt_len == 9000)
			return true;
		rte_pktmbuf_free(*m);
	}
	return false;
}

TEST(a_long_frame_is_a_chain_where_that_is_allowed)
{
	struct rte_eth_conf conf;
	struct rte_mbuf *m;
	unsigned char all[9000];
	uint16_t id;

	need_tap();
	INIT("primary", "--vdev=net_tap0,iface=t0");
	id = port_named("net_tap0");
	memset(&conf, 0, sizeof(conf));
	conf.rxmode.mtu = 9000;
	conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	CHECK_EQ(rte_eth_dev_configure(id, 1, 1, &conf), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(id, 0, 64, 0, NULL, make_pool("mp", 1023)), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(id, 0, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(id), 0);
	send_frames(raw_socket("t0"), 1, 9000, 6);
	t_until(one_long, &m);
	CHECK_EQ(m->nb_segs, 5);
	CHECK(rte_pktmbuf_read(m, 0, 9000, all) == all);
	for (unsigned i = 14; i < 9000; i++)
		CHECK_EQ(all[i], 6);
	rte_mbuf_sanity_check(m, 1);
	rte_pktmbuf_free(m);
	CHECK_EQ(stats_of(id).ierrors, 0);
}

/* ---- checksums ---- */

static void address(const char *name)
{
	struct sockaddr_in *sin;
	struct ifreq req;
	struct arpreq arp;
	int s = sock_dgram();

	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	sin = (struct sockaddr_in *)(void *)&req.ifr_addr;
	sin->sin_family = AF_INET;
	CHECK_EQ(inet_pton(AF_INET, ADDR, &sin->sin_addr), 1);
	CHECK_EQ(ioctl(s, SIOCSIFADDR, &req), 0);
	memset(&arp, 0, sizeof(arp));
	sin = (struct sockaddr_in *)(void *)&arp.arp_pa;
	sin->sin_family = AF_INET;
	CHECK_EQ(inet_pton(AF_INET, OTHER, &sin->sin_addr), 1);
	arp.arp_ha.sa_family = ARPHRD_ETHER;
	memcpy(arp.arp_ha.sa_data, "\x02\x00\x00\x00\x00\x09", 6);
	arp.arp_flags = ATF_COM | ATF_PERM;
	snprintf(arp.arp_dev, sizeof(arp.arp_dev), "%s", name);
	CHECK_EQ(ioctl(s, SIOCSARP, &arp), 0);
	(void)close(s);
}

/* a socket of the host, with a port number; peer is the one of OTHER */
static int udp(uint16_t port, struct sockaddr_in *peer)
{
	struct sockaddr_in a;
	int s = sock_dgram();

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons(port);
	CHECK_EQ(inet_pton(AF_INET, ADDR, &a.sin_addr), 1);
	CHECK_EQ(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	*peer = a;
	CHECK_EQ(inet_pton(AF_INET, OTHER, &peer->sin_addr), 1);
	return s;
}

static struct rte_mbuf *found;
static bool find_udp(void *arg)
{
	uint16_t id = *(uint16_t *)arg;
	struct rte_mbuf *m;

	while (rte_eth_rx_burst(id, 0, &m, 1) == 1) {
		const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, 14);

		if (m->pkt_len == 14 + 20 + 8 + 500 && ip->next_proto_id == IPPROTO_UDP) {
			found = m;
			return true;
		}
		rte_pktmbuf_free(m);
	}
	return false;
}

static uint16_t begin_checksums(uint64_t rx, uint64_t tx)
{
	struct rte_eth_conf conf;
	uint16_t id;

	need_tap();
	INIT("primary", "--vdev=net_tap0,iface=t0");
	id = port_named("net_tap0");
	memset(&conf, 0, sizeof(conf));
	conf.rxmode.offloads = rx;
	conf.txmode.offloads = tx;
	CHECK_EQ(rte_eth_dev_configure(id, 1, 1, &conf), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(id, 0, 64, 0, NULL, make_pool("mp", 2047)), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(id, 0, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(id), 0);
	address("t0");
	return id;
}

static void received_has_a_checksum(uint64_t offloads, uint64_t flags)
{
	uint16_t id = begin_checksums(offloads, 0);
	const struct rte_ipv4_hdr *ip;
	const struct rte_udp_hdr *u;
	struct sockaddr_in to;
	char text[500];
	int s = udp(1111, &to);

	memset(text, 'x', sizeof(text));
	CHECK_EQ(sendto(s, text, sizeof(text), 0, (struct sockaddr *)&to, sizeof(to)), (long)sizeof(text));
	t_until(find_udp, &id);
	ip = rte_pktmbuf_mtod_offset(found, const struct rte_ipv4_hdr *, 14);
	u = rte_pktmbuf_mtod_offset(found, const struct rte_udp_hdr *, 34);
	CHECK(u->dgram_cksum != 0);
	CHECK_EQ(rte_ipv4_udptcp_cksum_verify(ip, u), 0);
	CHECK_EQ(found->ol_flags & (RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_IP_CKSUM_MASK), flags);
}

TEST(a_received_packet_has_its_checksum)
{
	received_has_a_checksum(0, 0);
}

TEST(a_received_packet_is_said_to_be_good)
{
	received_has_a_checksum(RTE_ETH_RX_OFFLOAD_CHECKSUM, RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD);
}

TEST(checksums_are_left_to_the_port)
{
	uint16_t id = begin_checksums(0, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
	struct rte_mbuf *m = rte_pktmbuf_alloc(rte_mempool_lookup("mp")), *shared;
	struct rte_ether_addr mac;
	struct rte_ipv4_hdr *ip;
	struct rte_udp_hdr *u;
	struct sockaddr_in peer;
	char text[8] = "";
	int s = udp(2222, &peer);

	CHECK(m != NULL);
	CHECK_EQ(rte_eth_macaddr_get(id, &mac), 0);
	m->data_len = 14 + 20 + 8 + 4;
	m->pkt_len = m->data_len;
	memset(rte_pktmbuf_mtod(m, void *), 0, m->data_len);
	memcpy(rte_pktmbuf_mtod(m, void *), &mac, 6);
	memcpy(rte_pktmbuf_mtod_offset(m, void *, 12), "\x08\x00", 2);
	ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16(32);
	ip->time_to_live = 9;
	ip->next_proto_id = IPPROTO_UDP;
	CHECK_EQ(inet_pton(AF_INET, OTHER, &ip->src_addr), 1);
	CHECK_EQ(inet_pton(AF_INET, ADDR, &ip->dst_addr), 1);
	u = rte_pktmbuf_mtod_offset(m, struct rte_udp_hdr *, 34);
	u->src_port = u->dst_port = rte_cpu_to_be_16(2222);
	u->dgram_len = rte_cpu_to_be_16(12);
	memcpy(u + 1, "abcd", 4);
	m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM;
	m->l2_len = 14;
	m->l3_len = 20;
	u->dgram_cksum = rte_ipv4_phdr_cksum(ip, m->ol_flags);
	shared = m; /* also the caller's: its bytes stay as they are */
	rte_mbuf_refcnt_update(m, 1);
	CHECK_EQ(rte_eth_tx_burst(id, 0, &m, 1), 1);
	CHECK_EQ(recv(s, text, sizeof(text), 0), 4);
	CHECK_STR(text, "abcd");
	CHECK_EQ(rte_mbuf_refcnt_read(shared), 1);
	CHECK_EQ(ip->hdr_checksum, 0);
	rte_pktmbuf_free(shared);
}

TEST(a_big_packet_of_IPv6_is_cut_by_the_kernel)
{
	uint16_t id = begin_checksums(0, RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_TCP_CKSUM);
	struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6)};
	int s = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IPV6)), one = 1;
	static unsigned char b[10000];
	struct rte_mbuf *m = rte_pktmbuf_alloc(rte_mempool_lookup("mp"));
	struct virtio_net_hdr v;
	unsigned n, have = 0;

	a.sll_ifindex = (int)if_nametoindex("t0");
	CHECK_EQ(setsockopt(s, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), 0);
	CHECK_EQ(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	n = fill_tcp6(b, 1800);
	CHECK(m != NULL);
	memcpy(rte_pktmbuf_append(m, (uint16_t)n), b, n);
	m->ol_flags = RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM;
	m->l2_len = 14;
	m->l3_len = 40;
	m->l4_len = 20;
	m->tso_segsz = 500;
	CHECK_EQ(rte_eth_tx_burst(id, 0, &m, 1), 1);
	while (have < 1800) { /* whole, or in pieces; the sums are right in any case */
		unsigned char *f = b + sizeof(v);

		n = (unsigned)recv(s, b, sizeof(b), 0) - (unsigned)sizeof(v);
		memcpy(&v, b, sizeof(v));
		if (n > 10000 || memcmp(f + 6, "\x02\0\0\0\0\x01", 6) != 0)
			continue; /* the kernel's own */
		CHECK(v.gso_type == VIRTIO_NET_HDR_GSO_TCPV6 ? v.gso_size == 500 : n <= 574);
		CHECK_EQ(f[18] << 8 | f[19], n - 54);
		if ((v.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0)
			CHECK(sh_vnet_fill(&v, f, n));
		CHECK_EQ(rte_ipv6_udptcp_cksum_verify((const void *)(f + 14), f + 54), 0);
		have += n - 74;
	}
	CHECK_EQ(have, 1800);
	CHECK_EQ(stats_of(id).oerrors, 0);
}

/* ---- it changes ---- */

static bool link_is(void *arg)
{
	struct rte_eth_link l;
	int want = *(int *)arg;

	CHECK_EQ(rte_eth_link_get_nowait(port_named("net_tap0"), &l), 0);
	return l.link_status == want;
}

TEST(the_link_is_told_to_everybody)
{
	struct rte_eth_conf conf;
	struct t_proc *p;
	int up = 1, down = 0, lsc = RTE_ETH_EVENT_INTR_LSC;
	uint16_t id;
	char line[32];

	need_tap();
	INIT("primary", "--vdev=net_tap0,iface=t0");
	id = port_named("net_tap0");
	memset(&conf, 0, sizeof(conf));
	conf.intr_conf.lsc = 1;
	CHECK_EQ(rte_eth_dev_configure(id, 1, 1, &conf), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(id, 0, 64, 0, NULL, make_pool("mp", 1023)), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(id, 0, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(id), 0);
	t_until(link_is, &up);
	p = t_spawn("listener", NULL);
	t_expect(p, "ready");
	hear_all();
	set_up("t0", false);
	snprintf(line, sizeof(line), "await %d", lsc);
	t_say(p, line);
	t_expect(p, "heard");
	t_until(has_heard, &lsc);
	t_until(link_is, &down);
	set_up("t0", true);
	t_until(link_is, &up);
	CHECK_EQ(rte_eth_dev_set_link_down(id), 0);
	CHECK(link_is(&down));
	CHECK_EQ(rte_eth_dev_set_link_up(id), 0);
	t_until(link_is, &up);
}

TEST(an_interface_that_vanishes_is_an_event)
{
	struct rte_mbuf *m[4];
	int rmv = RTE_ETH_EVENT_INTR_RMV, down = 0;
	uint16_t id = begin("", 2);
	struct t_proc *p = t_spawn("listener", NULL);
	struct rte_eth_stats st;
	char line[32];

	t_expect(p, "ready");
	hear_all();
	await_frames(id, 2, 0, 0); /* both queues are mine */
	delete_link("t0");
	snprintf(line, sizeof(line), "await %d", rmv);
	t_say(p, line);
	t_expect(p, "heard");
	t_until(has_heard, &rmv);
	CHECK(link_is(&down));
	CHECK_EQ(rte_eth_rx_burst(id, 0, m, 4), 0);
	CHECK_EQ(rte_pktmbuf_alloc_bulk(rte_mempool_lookup("mp"), m, 4), 0);
	for (unsigned i = 0; i < 4; i++)
		m[i]->data_len = 60, m[i]->pkt_len = 60;
	CHECK_EQ(rte_eth_tx_burst(id, 0, m, 4), 4);
	CHECK_EQ(rte_eth_stats_get(id, &st), 0);
	CHECK_EQ(st.oerrors, 4);
	CHECK_EQ(st.opackets, 0);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_close(id), 0);
}

TEST(what_a_full_queue_cannot_take_is_counted)
{
	uint16_t id = begin("", 1);
	int s = raw_socket("t0");
	struct await a = {.port = id, .queues = 1, .mark = 3, .want = 1};
	unsigned none = 0;
	struct rte_eth_stats st;

	send_frames(s, 3000, 100, 3);
	while (none < 3) { /* all that there was is there: nobody sends any more */
		unsigned before = a.got;

		(void)more(&a);
		none = a.got == before ? none + 1 : 0;
	}
	CHECK_EQ(rte_eth_stats_get(id, &st), 0);
	CHECK(a.got > 0 && a.got < 3000);
	CHECK(st.imissed >= 3000 - a.got);
	CHECK_EQ(rte_eth_stats_reset(id), 0);
	CHECK_EQ(rte_eth_stats_get(id, &st), 0);
	CHECK_EQ(st.imissed, 0);
}

TEST(address_mtu_and_what_stays)
{
	struct rte_ether_addr a, b = {{2, 1, 2, 3, 4, 5}};
	uint16_t id = begin(",mac=02:11:22:33:44:55,persist", 1);
	struct ifreq req;
	int s = sock_dgram(), fd;

	CHECK_EQ(rte_eth_macaddr_get(id, &a), 0);
	CHECK(memcmp(&a, "\x02\x11\x22\x33\x44\x55", 6) == 0);
	CHECK_EQ(rte_eth_dev_default_mac_addr_set(id, &b), 0);
	CHECK_EQ(rte_eth_dev_set_mtu(id, 1400), 0);
	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "t0");
	CHECK_EQ(ioctl(s, SIOCGIFMTU, &req), 0);
	CHECK_EQ(req.ifr_mtu, 1400);
	CHECK_EQ(ioctl(s, SIOCGIFHWADDR, &req), 0);
	CHECK(memcmp(req.ifr_hwaddr.sa_data, &b, 6) == 0);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_close(id), 0);
	CHECK(if_nametoindex("t0") != 0);
	CHECK_EQ(rte_vdev_init("net_tap0", "iface=t0,mac=fixed"), 0); /* it is taken up again */
	id = port_named("net_tap0");
	CHECK_EQ(rte_eth_macaddr_get(id, &a), 0);
	CHECK(memcmp(&a, "\0dtap", 5) == 0);
	CHECK_EQ(rte_vdev_uninit("net_tap0"), 0);
	delete_link("t0");
	fd = open("/proc/sys/net/ipv4/conf/t0", O_RDONLY);
	CHECK_EQ(fd, -1);
}

/* ---- refused ---- */

TEST(bad_devargs_are_refused)
{
	need_tap();
	INIT("primary", NULL);
	CHECK_EQ(rte_vdev_init("net_tap0", "remote=eth0"), -ENOTSUP);
	CHECK_EQ(rte_vdev_init("net_tap0", "iface=a_name_that_is_too_long"), -EINVAL);
	CHECK_EQ(rte_vdev_init("net_tap0", "iface=a/b"), -EINVAL);
	CHECK_EQ(rte_vdev_init("net_tap0", "mac=1:2"), -EINVAL);
	CHECK_EQ(rte_vdev_init("net_tap0", "mac=ff:ff:ff:ff:ff:ff"), -EINVAL);
	CHECK_EQ(rte_vdev_init("net_tap0", "bogus=1"), -EINVAL);
	CHECK_EQ(rte_vdev_init("net_tap0", "iface=lo"), -EINVAL); /* no tap */
	CHECK_EQ(rte_eth_dev_count_avail(), 0);
	CHECK_EQ(rte_vdev_init("net_tap0", NULL), 0);
	CHECK(if_nametoindex("dtap0") != 0);
	CHECK_EQ(rte_vdev_uninit("net_tap0"), 0);
	CHECK_EQ(if_nametoindex("dtap0"), 0);
}

ROLE(without_rights)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2];

	memset(none, 0, sizeof(none));
	CHECK_EQ(syscall(SYS_capset, &h, none), 0);
	INIT("primary", NULL);
	t_tell("did %d", rte_vdev_init("net_tap0", "iface=t0"));
	return 0;
}

TEST(without_rights_a_line_says_what_to_do)
{
	struct t_proc *p;

	need_tap();
	p = t_spawn("without_rights", NULL);
	t_expect(p, "did -1");
	CHECK_EQ(t_wait(p), 0);
	CHECK_HAS(t_stderr(p), "ip tuntap add dev");
}

/* ---- deaths ---- */

#define DEVICE "net_tap9"

static void live(void)
{
	struct rte_mempool *mp = rte_mempool_lookup("mp");
	uint16_t id;
	int s;

	CHECK(mp != NULL);
	if (rte_eth_dev_get_port_by_name(DEVICE, &id) != 0)
		CHECK_EQ(rte_vdev_init(DEVICE, "iface=t9"), 0);
	id = port_named(DEVICE);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	start_port(id, 2, mp);
	s = raw_socket("t9");
	send_from(id, 1, 8, 2, 1);
	host_gets(s, 8, 2);
	send_frames(s, 8, 300, 7);
	await_frames(id, 2, 8, 7);
	(void)close(s);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_vdev_uninit(DEVICE), 0);
	CHECK_EQ(if_nametoindex("t9"), 0);
}

ROLE(liver)
{
	INIT("secondary", NULL);
	live();
	return 0;
}

TEST(any_process_makes_and_removes_one)
{
	need_tap();
	INIT("primary", NULL);
	(void)make_pool("mp", 8191);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(t_wait(t_spawn("liver", NULL)), 0);
		live();
	}
}

#ifdef SH_FAULT
/* whoever comes next makes it, or goes on with what is there, and takes it away whole */
TEST_T(death_at_each_step, 120)
{
	static const char *const labels[] = {"tap_made",      "port_probed",  "port_fd_made",  "port_fd_offered",
					     "port_ready",    "port_seated",  "port_starting", "tap_queue_attached",
					     "queue_claimed", "queue_inside", "tap_received",  "tap_sent",
					     "port_stopping", "port_going",   "port_removed"};

	need_tap();
	INIT("primary", NULL);
	(void)make_pool("mp", 8191);
	for (unsigned i = 0; i < RTE_DIM(labels); i++)
		for (unsigned nth = 1; nth <= 3; nth += 2) {
			struct t_proc *p;
			char at[64];
			int status;

			snprintf(at, sizeof(at), "%s:%u", labels[i], nth);
			CHECK_EQ(setenv("SHOAL_DIE_AT", at, 1), 0);
			p = t_spawn("liver", NULL);
			CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
			status = t_wait(p);
			if (status != 128 + SIGKILL && (nth == 1 || status != 0))
				t_fail(__FILE__, __LINE__, "nobody dies at %s: %d", at, status);
			live();
		}
}
#endif
