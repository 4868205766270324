/* SPDX-License-Identifier: BSD-3-Clause */
/* port_again_test.c - ports configured once more, settings that no port has, ports stopped from inside a burst */
#include <errno.h>
#include <signal.h>

#include "port_help.h"

static const struct rte_eth_conf plain;

/* how many packets come out of the ring port's queue after n were put in; -1: none goes in */
static int through(uint16_t port, uint16_t q, struct rte_mempool *mp, unsigned n)
{
	struct rte_mbuf *m[16];
	unsigned got;

	CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, n), 0);
	got = rte_eth_tx_burst(port, q, m, (uint16_t)n);
	rte_pktmbuf_free_bulk(m + got, n - got);
	if (got == 0)
		return -1;
	got = rte_eth_rx_burst(port, q, m, 16);
	rte_pktmbuf_free_bulk(m, got);
	return (int)got;
}

TEST(queues_that_were_set_up_stay_so)
{
	struct rte_eth_rxconf rxc = {.rx_drop_en = 1, .rx_free_thresh = 7};
	struct rte_eth_conf c = plain;
	struct rte_eth_rxq_info rxi;
	struct rte_mempool *mp;

	INIT("primary", "--vdev=net_ring0");
	mp = make_pool("mp", 127);
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), 0);
	for (uint16_t q = 0; q < 2; q++) {
		CHECK_EQ(rte_eth_rx_queue_setup(0, q, 128, 0, &rxc, mp), 0);
		CHECK_EQ(rte_eth_tx_queue_setup(0, q, 64, 0, NULL), 0);
	}
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(through(0, 1, mp, 8), 8);
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	/* as many: as they were */
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), 0);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 1, &rxi), 0);
	CHECK(rxi.mp == mp && rxi.nb_desc == 128 && rxi.conf.rx_drop_en == 1 && rxi.conf.rx_free_thresh == 7);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(through(0, 0, mp, 5), 5);
	CHECK_EQ(through(0, 1, mp, 6), 6);
	CHECK_EQ(stats_of(0).ipackets, 19);
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	/* fewer, then as many as there were: the second is none that was set up any more */
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &c), 0);
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), 0);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 0, &rxi), 0);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 1, &rxi), -EINVAL);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(through(0, 0, mp, 3), 3);
	CHECK_EQ(through(0, 1, mp, 3), -1);
	CHECK_EQ(rte_errno, ENETDOWN);
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	/* none one way */
	CHECK_EQ(rte_eth_dev_configure(0, 0, 1, &c), 0);
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &c), 0);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 0, &rxi), -EINVAL);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, NULL, mp), 0);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(through(0, 0, mp, 3), 3);
	CHECK_EQ(rte_mempool_avail_count(mp), 127);
}

/* the records of more queues lie elsewhere */
TEST(queues_stay_set_up_when_there_are_many_more)
{
	struct rte_eth_rxconf rxc = {.rx_drop_en = 1};
	struct rte_eth_rxq_info rxi;
	struct rte_eth_txq_info txi;
	struct rte_mempool *mp;
	struct rte_mbuf *m[8];

	INIT("primary", "--vdev=net_null0", "--vdev=net_null1");
	mp = make_pool("mp", 127);
	for (uint16_t port = 0; port < 2; port++) {
		start_port(port, 2, mp);
		CHECK_EQ(rte_eth_rx_burst(port, 1, m, 8), 8);
		CHECK_EQ(rte_eth_tx_burst(port, 1, m, 8), 8);
		CHECK_EQ(rte_eth_dev_stop(port), 0);
	}
	CHECK_EQ(rte_eth_rx_queue_setup(0, 1, 256, 0, &rxc, mp), 0);
	CHECK_EQ(rte_eth_dev_configure(0, 70, 70, &plain), 0);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 1, &rxi), 0);
	CHECK(rxi.mp == mp && rxi.nb_desc == 256 && rxi.conf.rx_drop_en == 1);
	CHECK_EQ(rte_eth_tx_queue_info_get(0, 1, &txi), 0);
	CHECK_EQ(txi.nb_desc, 64);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 2, &rxi), -EINVAL);
	CHECK_EQ(stats_of(0).opackets, 8);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 69, 64, 0, NULL, mp), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(0, 69, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	for (uint16_t q = 0; q < 70; q++) {
		uint16_t n = rte_eth_rx_burst(0, q, m, 8);

		CHECK_EQ(n, q < 2 || q == 69 ? 8 : 0);
		CHECK_EQ(rte_eth_tx_burst(0, q, m, n), n);
	}
	CHECK_EQ(stats_of(0).opackets, 32);
	CHECK_EQ(rte_mempool_avail_count(mp), 127);
}

TEST(a_start_says_which_queues_are_none)
{
	struct rte_mempool *mp;

	INIT("primary", "--vdev=net_null0");
	mp = make_pool("mp", 63);
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &plain), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, NULL, mp), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(0, 0, 64, 0, NULL), 0);
	listen_to_log();
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(said("1 of 2 rx queues (rx queue 1 first) and 1 of 2 tx queues (tx queue 1 first) were not set up"),
		 1);
	CHECK_EQ(lines_said(), 1);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(lines_said(), 1);
	log_as_before();
}

/* what a port takes is what it does: the rest is refused, or said to do nothing */
TEST(what_no_queue_has_is_refused)
{
	union rte_eth_rxseg seg[2];
	struct rte_eth_rxconf rxc = {.rx_nseg = 2};
	struct rte_mempool *mp, *pools[2];

	INIT("primary", "--vdev=net_null0");
	mp = pools[0] = pools[1] = make_pool("mp", 63);
	memset(seg, 0, sizeof(seg));
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &plain), 0);
	listen_to_log();
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, &rxc, mp), -EINVAL);
	rxc.rx_seg = seg;
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, &rxc, NULL), -EINVAL);
	rxc = (struct rte_eth_rxconf){.rx_nmempool = 2, .rx_mempools = pools};
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, &rxc, NULL), -EINVAL);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, &rxc, mp), -EINVAL);
	CHECK_EQ(said("it takes its packets from one pool"), 4);
	rxc = (struct rte_eth_rxconf){.share_group = 3, .share_qid = 77};
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, &rxc, mp), -EINVAL);
	CHECK_EQ(said("no port shares its rx queues with others (share_group)"), 1);
	CHECK_EQ(lines_said(), 5);
	rxc.share_group = 0; /* then share_qid says nothing, nor do pointers without their numbers */
	rxc.rx_seg = seg;
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, &rxc, mp), 0);
	CHECK_EQ(lines_said(), 5);
	log_as_before();
}

TEST(settings_without_effect_are_said)
{
	struct rte_eth_conf c = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_RSS}};
	struct rte_eth_rss_conf rss = {.rss_hf = RTE_ETH_RSS_IP | RTE_ETH_RSS_LEVEL_OUTERMOST};

	INIT("primary", "--vdev=net_null0");
	c.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IP | RTE_ETH_RSS_LEVEL_INNERMOST;
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), -EINVAL);
	c.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IP;
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), 0);
	CHECK_EQ(rte_eth_dev_rss_hash_update(0, &rss), -EINVAL);
	/* from and to: neither is said */
	rss.rss_hf = RTE_ETH_RSS_IP | RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L3_DST_ONLY;
	CHECK_EQ(rte_eth_dev_rss_hash_update(0, &rss), 0);
	CHECK_EQ(rte_eth_dev_rss_hash_conf_get(0, &rss), 0);
	CHECK(rss.rss_hf == RTE_ETH_RSS_IP);
	listen_to_log();
	c.link_speeds = RTE_ETH_LINK_SPEED_FIXED | RTE_ETH_LINK_SPEED_10G;
	c.txmode.hw_vlan_insert_pvid = 1;
	c.lpbk_mode = 1;
	c.dcb_capability_en = 1;
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), 0);
	CHECK_EQ(said("settings without effect here: link_speeds (fixed), txmode.hw_vlan_*, lpbk_mode, "
		      "dcb_capability_en"),
		 1);
	CHECK_EQ(lines_said(), 1);
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &plain), 0);
	CHECK_EQ(lines_said(), 1);
	log_as_before();
}
