/* SPDX-License-Identifier: BSD-3-Clause */
/* port_test.c - ports in one process: every call, what it returns, what its errors change (nothing) */
#include <pthread.h>

#include <shoal_ring.h>

#include "port_help.h"

TEST(ports_of_the_command_line)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	uint16_t p, n = 0;

	INIT("primary", "--vdev=net_null0,size=100", "--vdev=net_ring0", "-a", "0000:01:00.0", "--no-pci",
	     "--vdev=net_null1", "--vdev=net_null0");
	CHECK_EQ(rte_eth_dev_count_avail(), 3);
	CHECK_EQ(rte_eth_dev_count_total(), 3);
	RTE_ETH_FOREACH_DEV(p)
	CHECK_EQ(p, n++);
	CHECK_EQ(n, 3);
	CHECK_EQ(rte_eth_dev_get_name_by_port(1, name), 0);
	CHECK_STR(name, "net_ring0");
	CHECK_EQ(port_named("net_null1"), 2);
	CHECK_EQ(rte_eth_dev_get_port_by_name("net_null7", &p), -ENODEV);
	CHECK_EQ(rte_eth_dev_is_valid_port(3), 0);
	CHECK_EQ(rte_eth_dev_socket_id(9), SOCKET_ID_ANY);
	CHECK_EQ(rte_errno, EINVAL);
	CHECK_EQ(rte_eal_cleanup(), 0);
	CHECK_EQ(rte_eth_dev_count_avail(), 0);
}

TEST(allowed_and_blocked_devices)
{
	INIT("primary", "-b", "net_null0", "-b", "0000:01:00.0", "--vdev=net_null0", "--vdev=net_null1");
	CHECK_EQ(rte_eth_dev_count_avail(), 2); /* what is asked for is made */
	CHECK_EQ(rte_eal_cleanup(), 0);
	INIT("primary", "-a", "net_null5,size=70");
	CHECK_EQ(port_named("net_null5"), 0);
	CHECK_EQ(rte_dev_probe("vdev,net_null6"), 0);
	CHECK_EQ(port_named("net_null6"), 1);
}

/* names that these drivers once had */
TEST(drivers_by_their_other_names)
{
	struct rte_eth_dev_info info;

	INIT("primary", "--vdev=eth_null0,size=70", "-a", "eth_ring0");
	CHECK_EQ(rte_eth_dev_info_get(port_named("eth_null0"), &info), 0);
	CHECK_STR(info.driver_name, "net_null");
	CHECK_EQ(rte_eth_dev_info_get(port_named("eth_ring0"), &info), 0);
	CHECK_STR(info.driver_name, "net_ring");
	CHECK_EQ(rte_vdev_init("xyz_null0", ""), -ENODEV);
}

TEST(bad_devices_on_the_command_line_end_init)
{
	CHECK_EQ(init_with("primary", (const char *const[]){"--vdev=net_nope0", NULL}), -1);
	CHECK_EQ(rte_errno, ENODEV);
	CHECK_EQ(init_with("primary", (const char *const[]){"--vdev=net_null0,bogus=1", NULL}), -1);
	CHECK_EQ(rte_errno, EINVAL);
	CHECK_EQ(init_with("primary", (const char *const[]){"--vdev=net_null0,size=x", NULL}), -1);
	CHECK_EQ(init_with("primary", (const char *const[]){"--vdev=net_null0,size=0", NULL}), -1);
	CHECK_EQ(init_with("primary", (const char *const[]){"--vdev=net_ring0,nodeaction=a:0:ATTACH", NULL}), -1);
	CHECK_EQ(rte_errno, ENOENT);
	CHECK_EQ(init_with("primary", (const char *const[]){"--vdev=net_ring0,nodeaction=a", NULL}), -1);
	CHECK_EQ(init_with("primary", (const char *const[]){"-a", "zz", NULL}), -1);
	CHECK_EQ(rte_errno, ENODEV);
	CHECK_EQ(init_with("primary", (const char *const[]){"-b", "zz", NULL}), -1);
	CHECK_EQ(rte_errno, ENODEV);
	INIT("primary", "--vdev=net_null0");
	CHECK_EQ(rte_eth_dev_count_avail(), 1);
}

/* what symmetric_mp falls back by: -EINVAL for the checksum, then -ENOTSUP for RSS */
TEST(a_configuration_is_refused_step_by_step)
{
	struct rte_eth_conf c = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_RSS, .offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM}};
	struct rte_eth_dev_info info;

	INIT("primary", "--vdev=net_null0,rss=0", "--vdev=net_null1", "--vdev=net_ring0,rss=0");
	for (uint16_t p = 0; p < 3; p += 2) {
		c.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		c.rxmode.offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM;
		CHECK_EQ(rte_eth_dev_info_get(p, &info), 0);
		CHECK_EQ(info.flow_type_rss_offloads, 0);
		CHECK_EQ(rte_eth_dev_configure(p, 2, 2, &c), -EINVAL);
		c.rxmode.offloads = 0;
		CHECK_EQ(rte_eth_dev_configure(p, 2, 2, &c), -ENOTSUP);
		c.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
		CHECK_EQ(rte_eth_dev_configure(p, 2, 2, &c), 0);
	}
	CHECK_EQ(rte_eth_dev_info_get(1, &info), 0);
	CHECK_EQ(info.flow_type_rss_offloads & RTE_ETH_RSS_IP, RTE_ETH_RSS_IP);
	c.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	c.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IP;
	CHECK_EQ(rte_eth_dev_configure(1, 2, 2, &c), 0);
	c.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_ESP;
	CHECK_EQ(rte_eth_dev_configure(1, 2, 2, &c), -EINVAL);
}

TEST(what_configure_refuses_leaves_what_was)
{
	struct rte_eth_conf c = {.rxmode = {.mtu = 0}}, got;
	struct rte_eth_dev_info info;

	INIT("primary", "--vdev=net_null0");
	CHECK_EQ(rte_eth_dev_configure(0, 3, 2, &c), 0);
	CHECK_EQ(rte_eth_dev_configure(9, 1, 1, &c), -ENODEV);
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, NULL), -EINVAL);
	CHECK_EQ(rte_eth_dev_configure(0, 1025, 1, &c), -EINVAL);
	c.rxmode.mtu = 10;
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &c), -EINVAL);
	c.rxmode.mtu = 0;
	c.txmode.offloads = RTE_ETH_TX_OFFLOAD_TCP_TSO;
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &c), -EINVAL);
	c.txmode.offloads = 0;
	c.intr_conf.lsc = 1;
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &c), -EINVAL);
	c.intr_conf.lsc = 0;
	c.rxmode.offloads = RTE_ETH_RX_OFFLOAD_RSS_HASH;
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &c), -EINVAL);
	c.rxmode.offloads = 0;
	c.rxmode.mq_mode = RTE_ETH_MQ_RX_DCB;
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &c), -ENOTSUP);
	CHECK_EQ(rte_eth_dev_info_get(0, &info), 0);
	CHECK_EQ(info.nb_rx_queues, 3);
	CHECK_EQ(info.nb_tx_queues, 2);
	CHECK_EQ(rte_eth_dev_conf_get(0, &got), 0);
	CHECK_EQ(got.rxmode.mtu, RTE_ETHER_MTU);
	c.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
	CHECK_EQ(rte_eth_dev_configure(0, 0, 0, &c), 0); /* the port's own numbers */
	CHECK_EQ(rte_eth_dev_info_get(0, &info), 0);
	CHECK_EQ(info.nb_rx_queues, 1);
}

TEST(queues_are_set_up_or_refused)
{
	struct rte_eth_conf c = {.rxmode = {.mtu = 0}};
	struct rte_eth_rxconf rxc = {.offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	struct rte_eth_rxq_info rxi;
	struct rte_eth_txq_info txi;
	struct rte_mempool *mp, *plain;
	uint16_t a = 0, b = 7;

	INIT("primary", "--vdev=net_null0,size=3000");
	mp = make_pool("mp", 63);
	plain = rte_mempool_create("plain", 15, 2048, 0, 0, NULL, NULL, NULL, NULL, 0, 0);
	CHECK_EQ(rte_eth_dev_start(0), -EINVAL);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, NULL, mp), -EINVAL);
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &c), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 1, 64, 0, NULL, mp), -EINVAL);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, NULL, NULL), -EINVAL);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, NULL, plain), -ENOSPC);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, NULL, mp), -EINVAL); /* 3000 bytes into 2048 */
	CHECK_EQ(rte_eth_dev_close(0), 0);
	CHECK_EQ(rte_vdev_init("net_null1", ""), 0);
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &c), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, &rxc, mp), -EINVAL);
	rxc = (struct rte_eth_rxconf){.rx_drop_en = 1, .rx_free_thresh = 5};
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 0, 0, &rxc, mp), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(0, 1, 64, 0, NULL), -EINVAL);
	CHECK_EQ(rte_eth_tx_queue_setup(0, 0, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 0, &rxi), 0);
	CHECK_EQ(rxi.nb_desc, 512);
	CHECK_EQ(rxi.conf.rx_drop_en, 1);
	CHECK_EQ(rxi.conf.rx_free_thresh, 5);
	CHECK(rxi.mp == mp);
	CHECK_EQ(rxi.queue_state, RTE_ETH_QUEUE_STATE_STOPPED);
	CHECK_EQ(rte_eth_tx_queue_info_get(0, 0, &txi), 0);
	CHECK_EQ(txi.nb_desc, 64);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 4, &rxi), -EINVAL);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 0, NULL), -EINVAL);
	CHECK_EQ(rte_eth_dev_adjust_nb_rx_tx_desc(0, &a, &b), 0);
	CHECK(a == 0 && b == 7);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &c), -EBUSY);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, NULL, mp), -EBUSY);
	CHECK_EQ(rte_eth_dev_close(0), -EINVAL);
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	CHECK_EQ(rte_eth_dev_reset(0), 0);
	CHECK_EQ(rte_eth_dev_start(0), -EINVAL);
	CHECK_EQ(rte_eth_dev_close(0), 0);
	CHECK_EQ(rte_eth_dev_close(0), -ENODEV);
}

TEST(null_gives_and_takes_and_counts)
{
	struct rte_mempool *mp;
	struct rte_mbuf *m[32];
	struct rte_eth_stats s;
	uint64_t id, v;

	INIT("primary", "--vdev=net_null0,size=100,copy=1", "--vdev=net_null1,no-rx=1");
	mp = make_pool("mp", 63);
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 32), 0); /* not configured, not started */
	start_port(0, 2, mp);
	start_port(1, 1, mp);
	CHECK_EQ(rte_eth_rx_burst(0, 1, m, 32), 32);
	for (unsigned i = 0; i < 32; i++)
		CHECK(m[i]->pkt_len == 100 && m[i]->data_len == 100 && m[i]->port == 0 && m[i]->nb_segs == 1);
	CHECK_EQ(rte_eth_tx_burst(0, 0, m, 32), 32);
	CHECK_EQ(rte_mempool_avail_count(mp), 63);
	CHECK_EQ(rte_eth_rx_burst(1, 0, m, 32), 0);
	s = stats_of(0);
	CHECK(s.ipackets == 32 && s.ibytes == 3200 && s.opackets == 32 && s.obytes == 3200);
	CHECK(s.q_ipackets[1] == 32 && s.q_ipackets[0] == 0 && s.q_opackets[0] == 32 && s.q_obytes[0] == 3200);
	CHECK_EQ(rte_eth_dev_set_rx_queue_stats_mapping(0, 1, 5), 0);
	CHECK_EQ(rte_eth_dev_set_rx_queue_stats_mapping(0, 1, 16), -EINVAL);
	CHECK_EQ(rte_eth_dev_set_tx_queue_stats_mapping(0, 2, 1), -EINVAL);
	s = stats_of(0);
	CHECK(s.q_ipackets[5] == 32 && s.q_ipackets[1] == 0);
	CHECK_EQ(rte_eth_xstats_get_id_by_name(0, "rx_q1_bytes", &id), 0);
	CHECK_EQ(rte_eth_xstats_get_by_id(0, &id, &v, 1), 1);
	CHECK_EQ(v, 3200);
	CHECK_EQ(rte_eth_stats_reset(0), 0);
	s = stats_of(0);
	CHECK(s.ipackets == 0 && s.obytes == 0 && s.q_ipackets[5] == 0);
	CHECK_EQ(rte_eth_xstats_get_by_id(0, &id, &v, 1), 1);
	CHECK_EQ(v, 0);
	/* the pool is exhausted: counted, nothing given */
	CHECK_EQ(rte_eth_rx_burst(0, 1, m, 32), 32);
	{
		struct rte_mbuf *rest[32];

		CHECK_EQ(rte_eth_rx_burst(0, 1, rest, 32), 0);
		CHECK_EQ(stats_of(0).rx_nombuf, 32);
		CHECK_EQ(rte_eth_rx_burst(0, 1, rest, 31), 31);
		CHECK_EQ(rte_eth_tx_burst(0, 1, rest, 31), 31);
	}
	CHECK_EQ(rte_eth_tx_burst(0, 1, m, 32), 32);
	CHECK_EQ(rte_mempool_avail_count(mp), 63);
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	CHECK_EQ(rte_eth_rx_burst(0, 1, m, 32), 0);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(rte_eth_rx_burst(0, 1, m, 4), 4);
	rte_pktmbuf_free_bulk(m, 4);
}

TEST(a_queue_that_is_not_there)
{
	struct rte_mempool *mp;
	struct rte_mbuf *m[4];

	INIT("primary", "--vdev=net_null0");
	mp = make_pool("mp", 63);
	listen_to_log();
	rte_errno = 0;
	CHECK_EQ(rte_eth_rx_burst(0, 7, m, 4), 0); /* nobody knows yet whether it will be */
	CHECK_EQ(rte_errno, EINVAL);
	start_port(0, 2, mp);
	CHECK_EQ(said("has no"), 0);
	rte_errno = 0;
	for (unsigned i = 0; i < 100; i++)
		CHECK_EQ(rte_eth_rx_burst(0, 7, m, 4), 0);
	CHECK_EQ(rte_errno, EINVAL);
	CHECK(said("has no") > 0 && said("has no") < 100);
	CHECK_HAS(said_text, "port 0 has no rx queue 7: 0 packets; it was configured with 2");
	CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, 4), 0);
	CHECK_EQ(rte_eth_tx_burst(0, 2, m, 4), 0);
	rte_pktmbuf_free_bulk(m, 4);
	log_as_before();
}

TEST(counters_by_name)
{
	struct rte_eth_xstat_name n[20];
	struct rte_eth_xstat x[20];
	uint64_t ids[3] = {1, 3, 99}, v[3];

	INIT("primary", "--vdev=net_null0");
	start_port(0, 1, make_pool("mp", 63));
	CHECK_EQ(rte_eth_xstats_get_names(0, NULL, 0), 13);
	CHECK_EQ(rte_eth_xstats_get_names(0, n, 20), 13);
	CHECK_STR(n[0].name, "rx_good_packets");
	CHECK_STR(n[7].name, "rx_mbuf_allocation_errors");
	CHECK_STR(n[10].name, "rx_q0_errors");
	CHECK_STR(n[12].name, "tx_q0_bytes");
	CHECK_EQ(rte_eth_xstats_get(0, x, 3), 13);
	CHECK_EQ(rte_eth_xstats_get(0, x, 20), 13);
	CHECK_EQ(x[12].id, 12);
	CHECK_EQ(rte_eth_xstats_get(0, NULL, 3), -EINVAL);
	CHECK_EQ(rte_eth_xstats_get_by_id(0, ids, v, 2), 2);
	CHECK_EQ(rte_eth_xstats_get_by_id(0, ids, v, 3), -1);
	CHECK_EQ(rte_eth_xstats_get_by_id(0, ids, NULL, 2), -EINVAL);
	CHECK_EQ(rte_eth_xstats_get_names_by_id(0, n, 2, ids), 2);
	CHECK_STR(n[1].name, "tx_good_bytes");
	CHECK_EQ(rte_eth_xstats_get_names_by_id(0, n, 3, ids), -1);
	CHECK_EQ(rte_eth_xstats_get_id_by_name(0, "nonsense", ids), -EINVAL);
	CHECK_EQ(rte_eth_xstats_get_id_by_name(0, NULL, ids), -ENOMEM);
	CHECK_EQ(rte_eth_xstats_reset(0), 0);
	CHECK_EQ(rte_eth_stats_get(0, NULL), -EINVAL);
	CHECK_EQ(rte_eth_stats_reset(7), -ENODEV);
}

/* ---- callbacks on packets, buffers ---- */

static uint16_t add_two(uint16_t port, uint16_t q, struct rte_mbuf *pkts[], uint16_t n, uint16_t max, void *arg)
{
	(void)port, (void)q, (void)pkts, (void)max;
	*(int *)arg = *(int *)arg + 2;
	return n;
}

static uint16_t times_ten(uint16_t port, uint16_t q, struct rte_mbuf *pkts[], uint16_t n, uint16_t max, void *arg)
{
	(void)port, (void)q, (void)pkts, (void)max;
	*(int *)arg = *(int *)arg * 10;
	return n;
}

static uint16_t drop_half(uint16_t port, uint16_t q, struct rte_mbuf *pkts[], uint16_t n, void *arg)
{
	(void)port, (void)q, (void)arg;
	rte_pktmbuf_free_bulk(pkts + n / 2, n - n / 2);
	return n / 2;
}

TEST(callbacks_see_each_burst_in_order)
{
	const struct rte_eth_rxtx_callback *one, *two, *half;
	struct rte_mbuf *m[8];
	struct rte_mempool *mp;
	int v = 1;

	INIT("primary", "--vdev=net_null0");
	mp = make_pool("mp", 63);
	CHECK(rte_eth_add_rx_callback(0, 0, add_two, &v) == NULL); /* not configured */
	CHECK_EQ(rte_errno, EINVAL);
	start_port(0, 1, mp);
	one = rte_eth_add_rx_callback(0, 0, add_two, &v);
	two = rte_eth_add_rx_callback(0, 0, times_ten, &v);
	CHECK(one != NULL && two != NULL);
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 8), 8);
	CHECK_EQ(v, 30);
	CHECK_EQ(rte_eth_remove_rx_callback(0, 0, two), 0);
	CHECK_EQ(rte_eth_remove_rx_callback(0, 0, two), -EINVAL);
	v = 1;
	CHECK(rte_eth_add_first_rx_callback(0, 0, times_ten, &v) != NULL);
	rte_pktmbuf_free_bulk(m, 8);
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 8), 8);
	CHECK_EQ(v, 12);
	CHECK_EQ(rte_eth_remove_rx_callback(0, 0, one), 0);
	half = rte_eth_add_tx_callback(0, 0, drop_half, NULL);
	CHECK(half != NULL);
	CHECK_EQ(rte_eth_tx_burst(0, 0, m, 8), 4);
	CHECK_EQ(stats_of(0).opackets, 4);
	CHECK_EQ(rte_mempool_avail_count(mp), 63);
	CHECK_EQ(rte_eth_remove_tx_callback(0, 0, NULL), -EINVAL);
	CHECK_EQ(rte_eth_remove_tx_callback(9, 0, half), -ENODEV);
	CHECK(rte_eth_add_rx_callback(0, 0, NULL, NULL) == NULL);
	CHECK(rte_eth_add_tx_callback(0, 3, drop_half, NULL) == NULL);
	free((void *)(uintptr_t)one);
	free((void *)(uintptr_t)two);
}

TEST(tx_buffers_hand_on_what_is_unsent)
{
	struct rte_eth_dev_tx_buffer *b = calloc(1, RTE_ETH_TX_BUFFER_SIZE(4));
	uint64_t unsent = 0;
	struct rte_mempool *mp;

	INIT("primary", "--vdev=net_null0");
	mp = make_pool("mp", 63);
	start_port(0, 1, mp);
	CHECK_EQ(rte_eth_tx_buffer_init(NULL, 4), -EINVAL);
	CHECK_EQ(rte_eth_tx_buffer_init(b, 4), 0);
	CHECK(b->error_callback == rte_eth_tx_buffer_drop_callback);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(rte_eth_tx_buffer(0, 0, b, rte_pktmbuf_alloc(mp)), i == 3 ? 4 : 0);
	CHECK_EQ(rte_eth_tx_buffer_flush(0, 0, b), 0);
	CHECK_EQ(rte_eth_tx_buffer(0, 0, b, rte_pktmbuf_alloc(mp)), 0);
	CHECK_EQ(rte_eth_tx_buffer_flush(0, 0, b), 1);
	CHECK_EQ(rte_eth_tx_buffer_set_err_callback(NULL, rte_eth_tx_buffer_count_callback, &unsent), -EINVAL);
	CHECK_EQ(rte_eth_tx_buffer_set_err_callback(b, rte_eth_tx_buffer_count_callback, &unsent), 0);
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(rte_eth_tx_buffer(0, 0, b, rte_pktmbuf_alloc(mp)), 0);
	CHECK_EQ(unsent, 4);
	CHECK_EQ(rte_mempool_avail_count(mp), 63);
	free(b);
}

/* ---- settings ---- */

TEST(link_filters_addresses_mtu)
{
	struct rte_ether_addr a, mine = {{2, 1, 2, 3, 4, 5}}, other = {{2, 1, 2, 3, 4, 6}},
				 group = {{1, 0, 0x5e, 0, 0, 1}}, none = {{0}}, all[4];
	struct rte_eth_link l;
	char text[RTE_ETH_LINK_MAX_STR_LEN];
	uint16_t mtu;

	INIT("primary", "--vdev=net_ring0", "--vdev=net_null0");
	CHECK_EQ(rte_eth_link_get_nowait(0, &l), 0);
	CHECK_EQ(l.link_status, RTE_ETH_LINK_DOWN);
	CHECK_EQ(rte_eth_dev_set_mtu(0, 2000), -EINVAL); /* not configured */
	start_port(0, 1, make_pool("mp", 63));
	CHECK_EQ(rte_eth_link_get(0, &l), 0);
	CHECK_EQ(rte_eth_link_to_str(text, sizeof(text), &l), 28);
	CHECK_STR(text, "Link up at 10 Gbps FDX Fixed");
	CHECK_EQ(rte_eth_dev_set_link_down(0), 0);
	CHECK_EQ(rte_eth_link_get_nowait(0, &l), 0);
	CHECK_EQ(rte_eth_link_to_str(text, sizeof(text), &l), 9);
	CHECK_STR(text, "Link down");
	CHECK_EQ(rte_eth_dev_set_link_up(0), 0);
	CHECK_EQ(rte_eth_dev_set_link_up(1), -ENOTSUP);
	CHECK_EQ(rte_eth_link_get(0, NULL), -EINVAL);
	CHECK_EQ(rte_eth_promiscuous_get(0), 1);
	CHECK_EQ(rte_eth_promiscuous_disable(0), 0);
	CHECK_EQ(rte_eth_promiscuous_get(0), 0);
	CHECK_EQ(rte_eth_allmulticast_disable(0), 0);
	CHECK_EQ(rte_eth_allmulticast_get(0), 0);
	CHECK_EQ(rte_eth_allmulticast_get(8), -ENODEV);
	CHECK_EQ(rte_eth_macaddr_get(0, &a), 0);
	CHECK((a.addr_bytes[0] & 3) == 2);
	CHECK_EQ(rte_eth_dev_default_mac_addr_set(0, &mine), 0);
	CHECK_EQ(rte_eth_dev_default_mac_addr_set(0, &group), -EINVAL);
	CHECK_EQ(rte_eth_dev_default_mac_addr_set(0, &none), -EINVAL);
	CHECK_EQ(rte_eth_dev_mac_addr_add(0, &other, 0), 0);
	CHECK_EQ(rte_eth_dev_mac_addr_add(0, &other, 0), 0);
	CHECK_EQ(rte_eth_dev_mac_addr_add(0, &other, 64), -EINVAL);
	CHECK_EQ(rte_eth_dev_default_mac_addr_set(0, &other), -EEXIST);
	CHECK_EQ(rte_eth_macaddrs_get(0, all, 4), 2);
	CHECK(memcmp(&all[0], &mine, 6) == 0 && memcmp(&all[1], &other, 6) == 0);
	CHECK_EQ(rte_eth_dev_mac_addr_remove(0, &mine), -EADDRINUSE);
	CHECK_EQ(rte_eth_dev_mac_addr_remove(0, &other), 0);
	CHECK_EQ(rte_eth_dev_mac_addr_remove(0, &other), 0);
	for (unsigned char i = 10; i < 25; i++) {
		other.addr_bytes[5] = i;
		CHECK_EQ(rte_eth_dev_mac_addr_add(0, &other, 0), 0);
	}
	other.addr_bytes[5] = 99;
	CHECK_EQ(rte_eth_dev_mac_addr_add(0, &other, 0), -ENOSPC);
	CHECK_EQ(rte_eth_dev_mac_addr_add(1, &other, 0), -ENOTSUP);
	CHECK_EQ(rte_eth_dev_get_mtu(0, &mtu), 0);
	CHECK_EQ(mtu, RTE_ETHER_MTU);
	CHECK_EQ(rte_eth_dev_set_mtu(0, 9000), 0);
	CHECK_EQ(rte_eth_dev_get_mtu(0, &mtu), 0);
	CHECK_EQ(mtu, 9000);
	CHECK_EQ(rte_eth_dev_set_mtu(0, 20), -EINVAL);
}

/* ---- where it cannot work ---- */

static void in_child(void *arg)
{
	struct rte_mbuf *m[4];

	(void)arg;
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 4), 0);
	CHECK_EQ(rte_errno, EPERM);
	CHECK_EQ(rte_eth_dev_count_avail(), 1); /* reading does no harm */
	CHECK_EQ(rte_eth_dev_stop(0), -EPERM);
	CHECK_EQ(rte_vdev_init("net_null9", NULL), -EPERM);
	exit(0);
}

TEST(a_forked_child_is_refused)
{
	struct rte_mempool *mp;
	struct rte_mbuf *m[4];

	INIT("primary", "--vdev=net_null0");
	mp = make_pool("mp", 63);
	start_port(0, 1, mp);
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 4), 4);
	CHECK_EQ(t_fork(in_child, NULL, NULL, 0), 0);
	rte_pktmbuf_free_bulk(m, 4);
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 4), 4);
	rte_pktmbuf_free_bulk(m, 4);
}

TEST(before_init_and_after_cleanup_nothing_is_there)
{
	struct rte_eth_dev_info info;
	struct rte_mbuf *m[4];

	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 4), 0);
	CHECK_EQ(rte_eth_tx_burst(31, 1023, m, 4), 0);
	CHECK_EQ(rte_eth_dev_count_avail(), 0);
	CHECK_EQ(rte_eth_dev_info_get(0, &info), -ENODEV);
	INIT("primary", "--vdev=net_null0");
	start_port(0, 1, make_pool("mp", 63));
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 4), 4);
	rte_pktmbuf_free_bulk(m, 4);
	CHECK_EQ(rte_eal_cleanup(), 0);
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 4), 0);
}

TEST(there_is_an_end_to_ports)
{
	char name[32];

	INIT("primary", NULL);
	for (unsigned i = 0; i < RTE_MAX_ETHPORTS; i++) {
		snprintf(name, sizeof(name), "net_null%u", i);
		CHECK_EQ(rte_vdev_init(name, NULL), 0);
	}
	CHECK_EQ(rte_vdev_init("net_null99", NULL), -ENOSPC);
	CHECK_EQ(rte_vdev_uninit("net_null7"), 0);
	CHECK_EQ(rte_vdev_init("net_null99", NULL), 0);
	CHECK_EQ(port_named("net_null99"), 7);
}
