/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap_rate_test.c - net_pcap: a file that comes at a rate, whether anybody receives it or not */
#include "pcap_help.h"
#include "port_help.h"

#define PACKETS 2000u
#define DESC 64u

/* so many queues that have room for DESC packets each, by RSS; started */
static uint16_t make(const char *args, uint16_t queues)
{
	struct rte_eth_rxconf rx = {.rx_drop_en = 1};
	struct rte_mempool *mp;
	struct rte_eth_conf conf;
	char all[600];
	uint16_t port;

	INIT("primary", NULL);
	mp = make_pool("mp", 511);
	snprintf(all, sizeof(all), "rx_pcap=%s,%s", make_capture("in.pcap", PACKETS, 60), args);
	CHECK_EQ(rte_vdev_init("net_pcap0", all), 0);
	port = port_named("net_pcap0");
	memset(&conf, 0, sizeof(conf));
	conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IP;
	CHECK_EQ(rte_eth_dev_configure(port, queues, 0, &conf), 0);
	for (uint16_t q = 0; q < queues; q++)
		CHECK_EQ(rte_eth_rx_queue_setup(port, q, DESC, 0, &rx, mp), 0);
	CHECK_EQ(rte_eth_dev_start(port), 0);
	return port;
}

struct until {
	uint16_t port;
	uint64_t missed;
};

static bool missed(void *arg)
{
	const struct until *u = arg;

	return stats_of(u->port).imissed >= u->missed;
}

/* what nobody has room for is missed as it comes, not when somebody looks; and is not missed a second time by who does */
static void nobody_receives(uint16_t queues)
{
	uint16_t port = make("rate=50000", queues), n;
	struct rte_mbuf *m[32];
	unsigned got = 0;

	t_until(missed, &(struct until){port, PACKETS - queues * DESC});
	CHECK_EQ(stats_of(port).imissed, PACKETS - queues * DESC);
	for (uint16_t q = 0; q < queues; q++)
		for (unsigned i = 0; i < 2 * DESC; i++) {
			n = rte_eth_rx_burst(port, q, m, 32);
			rte_pktmbuf_free_bulk(m, n);
			got += n;
		}
	CHECK_EQ(got, queues * DESC);
	CHECK_EQ(stats_of(port).imissed, PACKETS - queues * DESC);
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	CHECK_EQ(stats_of(port).imissed, PACKETS - queues * DESC);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(one_queue_that_nobody_receives)
{
	nobody_receives(1);
}

TEST(two_queues_that_nobody_receives)
{
	nobody_receives(2);
}

/* no packet comes to a port that is stopped, and none has come to one that was not started */
TEST(nothing_is_missed_while_it_is_stopped)
{
	uint16_t port = make("rate=200000,infinite_rx=1", 1);
	struct rte_eth_rxconf rx = {.rx_drop_en = 1};
	struct rte_eth_conf conf;
	uint64_t n;

	t_until(missed, &(struct until){port, 10 * PACKETS});
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	n = stats_of(port).imissed;
	for (unsigned i = 0; i < 20; i++)
		CHECK_EQ(stats_of(port).imissed, n); /* each looks through the file */
	memset(&conf, 0, sizeof(conf));
	CHECK_EQ(rte_eth_dev_configure(port, 1, 0, &conf), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(port, 0, DESC, 0, &rx, rte_mempool_lookup("mp")), 0);
	CHECK_EQ(rte_eth_stats_reset(port), 0);
	CHECK_EQ(stats_of(port).imissed, 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}
