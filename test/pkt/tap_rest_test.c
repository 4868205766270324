/* SPDX-License-Identifier: BSD-3-Clause */
/* tap_rest_test.c - net_tap on an interface that was there, that others change, or that cannot be had */
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <sys/resource.h>

#include <rte_ip.h>

#include "tap_help.h"

/* as 'ip tuntap add dev NAME mode tap multi_queue vnet_hdr' */
static void rename_link(const char *from, const char *to)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq req;

	set_up(from, false);
	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", from);
	snprintf(req.ifr_newname, sizeof(req.ifr_newname), "%s", to);
	CHECK_EQ(ioctl(s, SIOCSIFNAME, &req), 0);
	(void)close(s);
	set_up(to, true);
}

static uint16_t take(const char *args)
{
	CHECK_EQ(rte_vdev_init("net_tap0", args), 0);
	return port_named("net_tap0");
}

TEST(what_an_interface_had_dropped_before_is_not_counted)
{
	uint16_t id;
	int s;

	need_tap();
	make_tap("t0");
	set_up("t0", true);
	s = raw_socket("t0");
	send_frames(s, 50, 100, 1); /* there is nobody */
	INIT("primary", NULL);
	id = take("iface=t0");
	CHECK(stats_of(id).imissed < 50); /* the host may greet the others in between */
	start_port(id, 1, make_pool("mp", 1023));
	CHECK(stats_of(id).imissed < 50);
}

TEST(an_MTU_that_was_set_outside_stays)
{
	struct rte_eth_conf conf = {.rxmode = {.mtu = 0}};
	uint16_t id, mtu;

	need_tap();
	make_tap("t0");
	(void)mtu_outside("t0", 4000);
	INIT("primary", NULL);
	id = take("iface=t0");
	CHECK_EQ(rte_eth_dev_get_mtu(id, &mtu), 0);
	CHECK_EQ(mtu, 4000);
	start_port(id, 1, make_pool("mp", 1023));
	CHECK_EQ(mtu_outside("t0", 0), 4000);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	conf.rxmode.mtu = 3000; /* but the program may ask for another one */
	CHECK_EQ(rte_eth_dev_configure(id, 1, 1, &conf), 0);
	CHECK_EQ(mtu_outside("t0", 0), 3000);
	CHECK_EQ(rte_eth_dev_get_mtu(id, &mtu), 0);
	CHECK_EQ(mtu, 3000);
}

static bool removed(void *arg)
{
	return rte_eth_dev_is_removed(*(uint16_t *)arg) != 0;
}

TEST(a_vanished_interface_cannot_be_started_and_is_stopped_in_silence)
{
	uint16_t id = begin("", 1);

	delete_link("t0");
	t_until(removed, &id);
	listen_to_log();
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(lines_said(), 0);
	CHECK_EQ(rte_eth_dev_start(id), -EIO);
	CHECK_EQ(said("cannot be started: its interface or device is not there any more"), 1);
	CHECK_EQ(lines_said(), 1);
	CHECK_EQ(rte_eth_dev_close(id), 0);
	CHECK_EQ(lines_said(), 1);
	log_as_before();
}

TEST(names_that_no_interface_may_have_are_said_to_be_such)
{
	static const char *const names[] = {"a:b", "%s", "%", "a%d%d", ".", "..", "a b", "a/b"};
	char args[32];

	need_tap();
	INIT("primary", NULL);
	listen_to_log();
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(args, sizeof(args), "iface=%s", names[i]);
		CHECK_EQ(rte_vdev_init("net_tap0", args), -EINVAL);
		CHECK_EQ(said("the name of an interface has 1 to 15 characters"), i + 1);
		CHECK_EQ(lines_said(), i + 1);
	}
	log_as_before();
	(void)take("iface=n%d");
	CHECK(if_nametoindex("n0") != 0);
}

TEST(a_renamed_interface_is_the_same_one)
{
	uint16_t id = begin("", 1);
	int s;

	rename_link("t0", "u0");
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	start_port(id, 4, rte_mempool_lookup("mp"));
	s = raw_socket("u0");
	send_frames(s, 40, 100, 5);
	await_frames(id, 4, 40, 5);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_close(id), 0);
	CHECK_EQ(if_nametoindex("u0"), 0);
}

/* with any number of descriptors that are left: all of it, or nothing */
TEST(without_descriptors_there_is_no_port_and_no_interface)
{
	struct rlimit was, few;
	int free_fd, r = -1;
	unsigned n = 0;

	need_tap();
	INIT("primary", NULL);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = was;
	free_fd = dup(0);
	CHECK(free_fd >= 0);
	(void)close(free_fd);
	for (; r < 0 && n < 64; n++) {
		few.rlim_cur = (rlim_t)free_fd + n;
		CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
		r = rte_vdev_init("net_tap0", "iface=t0");
		CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
		CHECK_EQ(rte_eth_dev_count_avail(), r == 0);
		CHECK_EQ(if_nametoindex("t0") != 0, r == 0);
	}
	CHECK_EQ(r, 0);
	CHECK(n > 1);
	CHECK_EQ(rte_vdev_uninit("net_tap0"), 0);
}

TEST(as_many_segments_as_it_says)
{
	uint16_t id = begin("", 1);
	struct rte_mempool *mp = rte_mempool_lookup("mp");
	struct rte_eth_dev_info info;
	struct rte_mbuf *head = rte_pktmbuf_alloc(mp), *m = head;

	CHECK_EQ(rte_eth_dev_info_get(id, &info), 0);
	CHECK(info.tx_desc_lim.nb_seg_max < 1000 && head != NULL);
	fill_frame((void *)rte_pktmbuf_append(m, 60), 60, 1);
	for (; head->nb_segs < info.tx_desc_lim.nb_seg_max; head->nb_segs++, head->pkt_len++) {
		m->next = rte_pktmbuf_alloc(mp);
		CHECK(m->next != NULL);
		m = m->next;
		*rte_pktmbuf_mtod(m, char *) = 1;
		m->data_len = 1;
	}
	CHECK_EQ(rte_eth_tx_prepare(id, 0, &head, 1), 1);
	CHECK_EQ(rte_eth_tx_burst(id, 0, &head, 1), 1);
	CHECK_EQ(stats_of(id).opackets, 1);
	CHECK_EQ(stats_of(id).oerrors, 0);
}

/* ---- what is said of checksums ---- */

/* UDP in IPv4 that the host sends, its checksum left to whoever receives it; the header's is right, or not. v6: in IPv6 */
static void host_sends(int s, bool v6, bool right)
{
	static const struct virtio_net_hdr v4 = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6};
	unsigned char b[sizeof(v4) + 200] = {0}, *f = b + sizeof(v4);
	struct virtio_net_hdr v = v4;
	unsigned l3 = v6 ? 40 : 20, n = 14 + l3 + 8 + 50;
	struct rte_ipv4_hdr *ip = (void *)(f + 14);

	fill_frame(f, n, 0);
	memcpy(f + 12, v6 ? "\x86\xdd\x60" : "\x08\x00\x45", 3);
	f[v6 ? 20 : 23] = IPPROTO_UDP;
	f[v6 ? 21 : 22] = 9; /* hops */
	f[v6 ? 19 : 17] = (unsigned char)(8 + 50 + (v6 ? 0 : 20));
	f[14 + l3 + 1] = f[14 + l3 + 3] = 7;
	f[14 + l3 + 5] = 58;
	if (!v6)
		ip->hdr_checksum = (uint16_t)(rte_ipv4_cksum(ip) ^ (right ? 0 : 0x0100));
	v.csum_start = (uint16_t)(14 + l3);
	memcpy(b, &v, sizeof(v));
	CHECK_EQ(send(s, b, n + sizeof(v), 0), (long)(n + sizeof(v)));
}

struct next {
	uint16_t port;
	uint64_t flags;
};

static bool has_come(void *arg)
{
	struct next *x = arg;
	struct rte_mbuf *m;

	while (rte_eth_rx_burst(x->port, 0, &m, 1) == 1) {
		bool mine = memcmp(rte_pktmbuf_mtod_offset(m, const char *, 6), "\x02\0\0\0\0\x01", 6) == 0;

		x->flags = m->ol_flags & (RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
		rte_pktmbuf_free(m);
		if (mine)
			return true;
	}
	return false;
}

static uint64_t flags_of(uint16_t id, int s, bool v6, bool right)
{
	struct next x = {.port = id};

	host_sends(s, v6, right);
	t_until(has_come, &x);
	return x.flags;
}

TEST(a_header_is_said_to_be_good_if_it_is)
{
	struct rte_eth_conf conf = {.rxmode.offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM};
	int s, one = 1;
	uint16_t id;

	need_tap();
	INIT("primary", NULL);
	id = take("iface=t0");
	CHECK_EQ(rte_eth_dev_configure(id, 1, 1, &conf), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(id, 0, 64, 0, NULL, make_pool("mp", 1023)), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(id, 0, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(id), 0);
	s = raw_socket("t0");
	CHECK_EQ(setsockopt(s, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), 0);
	CHECK_EQ(flags_of(id, s, false, true), RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	CHECK_EQ(flags_of(id, s, false, false), RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	CHECK_EQ(flags_of(id, s, true, true), RTE_MBUF_F_RX_L4_CKSUM_GOOD); /* IPv6 has none */
}

/* ---- the interface's address is the port's ---- */

TEST(an_address_that_others_set_is_followed)
{
	struct port_mac x = {begin("", 1), {{2, 0, 0, 0, 0, 0x77}}};

	mac_outside("t0", x.mac.addr_bytes);
	t_until(mac_is, &x);
	x.mac.addr_bytes[5] = 0x78;
	CHECK_EQ(rte_eth_dev_default_mac_addr_set(x.port, &x.mac), 0);
	t_until(mac_is, &x);
}

/* ---- another interface of its number ---- */

TEST(another_interface_of_its_number_stays_as_it_is)
{
	uint16_t id = begin("", 1);
	int index = (int)if_nametoindex("t0"), ev = RTE_ETH_EVENT_INTR_RMV;
	struct rte_eth_link l;

	CHECK_EQ(rte_eth_dev_callback_register(id, RTE_ETH_EVENT_INTR_RMV, hear, NULL), 0);
	delete_link("t0");
	t_until(has_heard, &ev);
	make_veth("vc", index);
	set_up("vc", true);
	CHECK_EQ(rte_eth_link_get_nowait(id, &l), 0);
	CHECK_EQ(l.link_status, 0);
	CHECK_EQ(rte_eth_dev_set_mtu(id, 1333), -EIO);
	CHECK_EQ(rte_eth_dev_set_link_down(id), -EIO);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_close(id), 0);
	CHECK_EQ(if_nametoindex("vc"), index);
	CHECK_EQ(mtu_outside("vc", 0), 1500);
}

/* ---- headers in several segments ---- */

/* the frame in segments of so many bytes */
static struct rte_mbuf *in_pieces(const unsigned char *f, unsigned n, unsigned of)
{
	struct rte_mempool *mp = rte_mempool_lookup("mp");
	struct rte_mbuf *head = NULL, **to = &head;

	for (unsigned at = 0; at < n; at += of) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(mp);
		unsigned len = RTE_MIN(of, n - at);

		CHECK(m != NULL);
		memcpy(rte_pktmbuf_append(m, (uint16_t)len), f + at, len);
		*to = m;
		to = &m->next;
		if (m != head) {
			head->nb_segs++;
			head->pkt_len += len;
		}
	}
	return head;
}

TEST(checksums_of_headers_in_pieces_are_left_to_the_port)
{
	unsigned char f[142], got[400];
	uint16_t id = begin("", 1);
	struct rte_mbuf *m;
	int s = socket(AF_PACKET, SOCK_RAW, htons(0x0800));
	struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(0x0800)};

	a.sll_ifindex = (int)if_nametoindex("t0");
	CHECK_EQ(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	fill_frame(f, sizeof(f), 0x44);
	memcpy(f + 12, "\x08\x00\x45\0\0\x80\0\0\0\0\x09\x11\0\0\x0a\1\1\1\x0a\1\1\2\0\7\0\7\0\x6c\0\0", 30);
	m = in_pieces(f, sizeof(f), 13);
	m->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM;
	m->l2_len = 14;
	m->l3_len = 20;
	CHECK_EQ(rte_eth_tx_prepare(id, 0, &m, 1), 1);
	CHECK_EQ(rte_eth_tx_burst(id, 0, &m, 1), 1);
	CHECK_EQ(stats_of(id).oerrors, 0);
	do {
		CHECK(recv(s, got, sizeof(got), 0) > 0);
	} while (memcmp(got, f, 14) != 0);
	CHECK_EQ(rte_ipv4_cksum((const void *)(got + 14)), 0);
	CHECK(memcmp(got + 42, f + 42, sizeof(f) - 42) == 0);
}
