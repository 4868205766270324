/* SPDX-License-Identifier: BSD-3-Clause */
/* tap_count_test.c - net_tap: each packet that the host sends is received, or counted where it was lost */
#include "tap_help.h"

/* no packets but ours: IPv6 greets */
static uint16_t begin_quiet(uint16_t queues)
{
	struct rte_mempool *mp;
	uint16_t id;

	need_tap();
	if (!write_text("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"))
		SKIP("IPv6's greetings cannot be kept away here");
	INIT("primary", "--vdev=net_tap0,iface=t0");
	id = port_named("net_tap0");
	mp = make_pool("mp", 255);
	start_port(id, queues, mp);
	return id;
}

/* n frames of TCP, each of a flow of its own: the kernel deals them to all queues */
static void send_flows(int s, unsigned n)
{
	unsigned char f[256];
	unsigned len = fill_tcp6(f, 100);

	for (unsigned i = 0; i < n; i++) {
		f[54] = (unsigned char)(i >> 8);
		f[55] = (unsigned char)i;
		CHECK_EQ(send(s, f, len, 0), len);
	}
}

static uint64_t counted(uint16_t id)
{
	struct rte_eth_stats s = stats_of(id);

	return s.ipackets + s.imissed + s.ierrors;
}

struct drained {
	uint16_t id, queues;
	uint64_t want;
};

static bool all_counted(void *arg)
{
	const struct drained *d = arg;
	struct rte_mbuf *m[32];

	for (uint16_t q = 0; q < d->queues; q++)
		rte_pktmbuf_free_bulk(m, rte_eth_rx_burst(d->id, q, m, 32));
	return counted(d->id) >= d->want;
}

static void all_are_counted(uint16_t id, uint16_t queues, uint64_t want)
{
	struct drained d = {id, queues, want};

	t_until(all_counted, &d);
	CHECK_EQ(counted(id), want);
}

TEST(what_finds_no_mbuf_waits)
{
	uint16_t id = begin_quiet(1);
	struct rte_mempool *mp = rte_mempool_lookup("mp");
	int s = raw_socket("t0");
	struct rte_mbuf *m, *all = NULL;

	while ((m = rte_pktmbuf_alloc(mp)) != NULL) {
		m->next = all;
		all = m;
	}
	send_frames(s, 5, 100, 6);
	CHECK_EQ(rte_eth_rx_burst(id, 0, &m, 1), 0);
	CHECK_EQ(rte_eth_rx_burst(id, 0, &m, 1), 0);
	CHECK_EQ(stats_of(id).rx_nombuf, 2);
	while (all != NULL) {
		m = all->next;
		all->next = NULL;
		rte_pktmbuf_free(all);
		all = m;
	}
	await_frames(id, 1, 5, 6);
	CHECK_EQ(counted(id), 5);
	CHECK_EQ(stats_of(id).imissed, 0);
}

TEST(under_a_flood_each_packet_is_received_or_missed)
{
	uint16_t id = begin_quiet(2);
	int s = raw_socket("t0");

	send_flows(s, 6000);
	CHECK(stats_of(id).imissed > 0);
	all_are_counted(id, 2, 6000);
}

TEST(what_waits_when_the_port_is_stopped_is_missed)
{
	uint16_t id = begin_quiet(4);

	send_flows(raw_socket("t0"), 200);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_start(id), 0);
	CHECK_EQ(stats_of(id).imissed, 200);
}

TEST(what_waits_in_a_queue_that_is_given_up_is_missed)
{
	const struct rte_eth_conf conf = {.rxmode = {.mtu = 0}};
	uint16_t id = begin_quiet(4);

	send_flows(raw_socket("t0"), 200);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_configure(id, 1, 1, &conf), 0);
	CHECK_EQ(rte_eth_dev_start(id), 0);
	CHECK_EQ(stats_of(id).imissed, 200);
}
