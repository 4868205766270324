/* SPDX-License-Identifier: BSD-3-Clause */
/* tap_udp_test.c - net_tap: datagrams that follow each other are one big packet for the kernel, both ways */
#include "pkt/kif.h"
#include "tap_help.h"
#include "udp_help.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

TEST(datagrams_of_a_flow_leave_as_one)
{
	check_joins(begin("", 1), "t0");
}

TEST(a_socket_gets_each_datagram)
{
	check_sockets(begin("", 1), "t0");
}

struct arriving {
	uint16_t id;
	unsigned got;
};

static bool all_there(void *arg)
{
	struct arriving *a = arg;
	struct rte_mbuf *m;

	while (rte_eth_rx_burst(a->id, 0, &m, 1) == 1) {
		const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, 14);
		const unsigned char *data = rte_pktmbuf_mtod_offset(m, const unsigned char *, 42);

		if (m->pkt_len > 42 && ip->next_proto_id == IPPROTO_UDP && ip->dst_addr == rte_cpu_to_be_32(OTHER)) {
			CHECK_EQ(m->pkt_len, 42 + (a->got == N - 1 ? 5 : SIZE));
			CHECK_EQ(rte_ipv4_cksum(ip), 0);
			CHECK_EQ(rte_ipv4_udptcp_cksum_verify(ip, (const char *)ip + 20), 0);
			CHECK_EQ(data[0], (unsigned char)(a->got * SIZE));
			a->got++;
		}
		rte_pktmbuf_free(m);
	}
	return a->got >= N;
}

/* the host's neighbour, who answers no question */
static void add_neighbour(void)
{
	struct {
		struct nlmsghdr n;
		struct ndmsg d;
		char more[64];
	} q = {.d = {.ndm_family = AF_INET, .ndm_ifindex = (int)if_nametoindex("t0"), .ndm_state = NUD_PERMANENT}};
	uint32_t to = htonl(OTHER);
	void *at = nl_put(q.more, NDA_DST, &to, 4);

	CHECK_EQ(nl_ask(&q.n, RTM_NEWNEIGH, NLM_F_CREATE, nl_put(at, NDA_LLADDR, "\x02\0\0\0\0\x01", 6)), 0);
}

/* does this kernel know it? Linux 6.2 and later do */
static void need_uso(void)
{
	int fd = open_tap("t9");

	if (ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | 0x60) < 0)
		SKIP("this kernel's taps cut no UDP");
	(void)close(fd);
}

/* a program that leaves the cutting to the interface: each packet is as on a wire */
TEST(a_message_that_is_to_be_cut_is_received_as_packets)
{
	struct arriving a = {.id = begin("", 1)};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7), .sin_addr.s_addr = htonl(OTHER)};
	unsigned char b[(N - 1) * SIZE + 5];
	int s = host_socket("t0"), size = SIZE;

	need_uso();
	CHECK(sh_kif_uso(s, if_nametoindex("t0")));
	add_neighbour();
	for (unsigned i = 0; i < sizeof(b); i++)
		b[i] = (unsigned char)i;
	CHECK_EQ(setsockopt(s, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
	CHECK_EQ(sendto(s, b, sizeof(b), 0, (struct sockaddr *)&to, sizeof(to)), (long)sizeof(b));
	t_until(all_there, &a);
	CHECK_EQ(stats_of(a.id).ierrors, 0);
}
