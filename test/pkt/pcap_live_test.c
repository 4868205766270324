/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap_live_test.c - net_pcap on an interface: who has a queue after another receives from then on */
#include <dlfcn.h>
#include <signal.h>

#include "netns_help.h"
#include "port_help.h"

static int wire;

/* packets that are sent on lo come in there */
static uint16_t make_of(const char *args)
{
	if (dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_NODELETE) == NULL)
		SKIP("needs libpcap0.8");
	own_network();
	set_up("lo", true);
	wire = raw_socket("lo");
	INIT("primary", NULL);
	CHECK_EQ(rte_vdev_init("net_pcap0", args), 0);
	start_port(port_named("net_pcap0"), 1, make_pool("mp", 511));
	return port_named("net_pcap0");
}

static uint16_t make(void)
{
	return make_of("rx_iface_in=lo");
}

struct got {
	uint16_t port;
	unsigned n, want;
};

static bool all_there(void *arg)
{
	struct got *g = arg;
	struct rte_mbuf *m[32];
	uint16_t n = rte_eth_rx_burst(g->port, 0, m, 32);

	rte_pktmbuf_free_bulk(m, n);
	g->n += n;
	return g->n >= g->want;
}

/* n packets that are sent once the queue is open here all come */
static void hears(uint16_t port, unsigned n)
{
	struct got g = {.port = port, .want = n};
	struct rte_mbuf *m;

	CHECK_EQ(rte_eth_rx_burst(port, 0, &m, 1), 0);
	send_frames(wire, n, 100, 7);
	t_until(all_there, &g);
	CHECK_EQ(g.n, n);
}

TEST(who_stopped_its_queue_hears_again)
{
	uint16_t port = make();

	hears(port, 200);
	CHECK_EQ(rte_eth_dev_rx_queue_stop(port, 0), 0);
	CHECK_EQ(rte_eth_dev_rx_queue_start(port, 0), 0);
	hears(port, 100);
	CHECK_EQ(shoal_eth_queue_leave(port, 0, SHOAL_ETH_RX), 0);
	hears(port, 100);
	CHECK_EQ(stats_of(port).ipackets, 400);
	CHECK_EQ(stats_of(port).imissed, 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

ROLE(owner)
{
	(void)argc, (void)argv;
	wire = raw_socket("lo");
	INIT("secondary", NULL);
	hears(port_named("net_pcap0"), 200);
	t_tell("heard");
	t_hear((char[8]){0}, 8); /* until it is killed */
	return 0;
}

TEST(the_successor_of_a_dead_one_hears)
{
	uint16_t port = make();
	struct t_proc *p = t_spawn("owner", NULL);

	t_expect(p, "heard");
	t_kill(p, SIGKILL);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
	hears(port, 100);
	CHECK_EQ(stats_of(port).imissed, 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* what leaves the interface takes no room of what comes in, and its drops are none of the port's */
TEST(what_is_sent_is_left_out_by_the_kernel)
{
	uint16_t port = make();
	unsigned sockets = 0;

	hears(port, 10);
	for (int fd = 3; fd < 1024; fd++) {
		int domain = 0, on = -1;
		socklen_t n = sizeof(int);

		if (fd == wire || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0 || domain != AF_PACKET)
			continue;
		n = sizeof(on);
		if (getsockopt(fd, SOL_PACKET, 23, &on, &n) < 0) /* PACKET_IGNORE_OUTGOING */
			SKIP("the kernel is older than 4.20");
		CHECK_EQ(on, 1);
		sockets++;
	}
	CHECK(sockets > 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

struct flood {
	uint16_t port;
	unsigned got;
};

#define FLOOD 60000 /* more than the kernel keeps */

static bool all_told(void *arg)
{
	struct flood *f = arg;
	struct rte_mbuf *m[32];
	uint16_t n = rte_eth_rx_burst(f->port, 0, m, 32);

	rte_pktmbuf_free_bulk(m, n);
	f->got += n;
	return n == 0 && f->got + stats_of(f->port).imissed >= FLOOD;
}

/* nor does what leaves take room of what comes, or count as missed */
TEST(of_both_ways_on_lo_each_packet_is_missed_once)
{
	struct flood f = {.port = make_of("rx_iface=lo")};
	struct rte_mbuf *m;
	socklen_t n = sizeof(int);

	if (getsockopt(wire, SOL_PACKET, 23, &(int){0}, &n) < 0) /* PACKET_IGNORE_OUTGOING */
		SKIP("the kernel is older than 4.20");
	CHECK_EQ(rte_eth_rx_burst(f.port, 0, &m, 1), 0);
	send_frames(wire, FLOOD, 100, 7);
	t_until(all_told, &f);
	CHECK(stats_of(f.port).imissed > 0);
	CHECK_EQ(f.got + stats_of(f.port).imissed, FLOOD);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* what is sent there comes in there: once is enough */
TEST(of_both_ways_on_lo_each_packet_comes_once)
{
	uint16_t port = make_of("rx_iface=lo");

	for (unsigned i = 0; i < 20; i++)
		hears(port, 10);
	CHECK_EQ(stats_of(port).ipackets, 200);
	CHECK_EQ(stats_of(port).imissed, 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}
