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
	INIT("primary", "-b", "net_null0", "--vdev=net_null0", "--vdev=net_null1");
	CHECK_EQ(rte_eth_dev_count_avail(), 1);
	CHECK_EQ(rte_eal_cleanup(), 0);
	INIT("primary", "-a", "net_null5,size=70");
	CHECK_EQ(port_named("net_null5"), 0);
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

TEST(ring_gives_back_what_it_took)
{
	struct rte_mbuf *m[128], *got[128];
	struct rte_mempool *mp;

	INIT("primary", "--vdev=net_ring0");
	mp = make_pool("mp", 2047);
	start_port(0, 2, mp);
	CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, 128), 0);
	for (unsigned i = 0; i < 128; i++)
		CHECK(rte_pktmbuf_append(m[i], 60) != NULL);
	CHECK_EQ(rte_eth_tx_burst(0, 1, m, 128), 128);
	CHECK_EQ(rte_eth_rx_burst(0, 0, got, 128), 0);
	CHECK_EQ(rte_eth_rx_queue_count(0, 1), 128);
	CHECK_EQ(rte_eth_tx_queue_count(0, 1), 128);
	CHECK_EQ(rte_eth_rx_queue_count(0, 9), -EINVAL);
	CHECK_EQ(rte_eth_rx_queue_count(9, 0), -ENODEV);
	CHECK_EQ(rte_eth_rx_descriptor_status(0, 1, 0), RTE_ETH_RX_DESC_DONE);
	CHECK_EQ(rte_eth_rx_descriptor_status(0, 1, 64), -EINVAL);
	CHECK_EQ(rte_eth_rx_descriptor_status(0, 0, 0), RTE_ETH_RX_DESC_AVAIL);
	CHECK_EQ(rte_eth_tx_descriptor_status(0, 0, 0), RTE_ETH_TX_DESC_DONE);
	CHECK_EQ(rte_eth_rx_burst(0, 1, got, 128), 128);
	for (unsigned i = 0; i < 128; i++)
		CHECK(got[i] == m[i]);
	CHECK(stats_of(0).ipackets == 128 && stats_of(0).opackets == 128); /* bytes are not counted */
	rte_pktmbuf_free_bulk(got, 128);
	/* full: what does not fit stays the caller's */
	for (unsigned sent = 0; sent < 1023;) {
		struct rte_mbuf *one = rte_pktmbuf_alloc(mp);

		CHECK(one != NULL);
		CHECK_EQ(rte_eth_tx_burst(0, 0, &one, 1), 1);
		sent++;
	}
	m[0] = rte_pktmbuf_alloc(mp);
	CHECK_EQ(rte_eth_tx_burst(0, 0, m, 1), 0);
	rte_pktmbuf_free(m[0]);
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	CHECK_EQ(rte_eth_dev_close(0), 0); /* what was in its rings goes back */
	CHECK_EQ(rte_mempool_avail_count(mp), 2047);
}

/* every number of packets, also where they are cut in two by the ring's end, where it is full and where it is empty */
static void through(struct rte_mempool *mp, uint16_t port)
{
	struct rte_mbuf *m[63], *got[63];
	struct rte_eth_stats before = stats_of(port), after;
	uint64_t packets = 0;

	CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, 63), 0);
	for (uint16_t n = 1; n < 64; n++) {
		uint16_t half = n / 2;

		CHECK_EQ(rte_eth_rx_burst(port, 0, got, n), 0);
		CHECK_EQ(rte_eth_tx_burst(port, 0, m, n), n);
		CHECK_EQ(rte_eth_tx_burst(port, 0, m + n, (uint16_t)(63 - n)), 63 - n);
		if (n > 1)
			CHECK_EQ(rte_eth_tx_burst(port, 0, m, n), 0); /* full */
		CHECK_EQ(rte_eth_rx_burst(port, 0, got, half), half);
		CHECK_EQ(rte_eth_rx_burst(port, 0, got + half, 63), 63 - half);
		CHECK_EQ(memcmp(m, got, sizeof(m)), 0);
		packets += 63;
	}
	after = stats_of(port);
	CHECK_EQ(after.ipackets - before.ipackets, packets);
	CHECK_EQ(after.opackets - before.opackets, packets);
	CHECK_EQ(after.ibytes + after.obytes, 0);
	rte_pktmbuf_free_bulk(m, 63);
}

TEST(rings_of_every_kind)
{
	static const unsigned kinds[] = {RING_F_SP_ENQ | RING_F_SC_DEQ, RING_F_SP_ENQ, RING_F_SC_DEQ, 0,
					 RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ};
	struct rte_mempool *mp;
	struct rte_mbuf *none;

	INIT("primary", NULL);
	mp = make_pool("mp", 127);
	for (unsigned i = 0; i < RTE_DIM(kinds); i++) {
		char name[8] = {(char)('a' + i)};
		struct rte_ring *r = rte_ring_create(name, 64, SOCKET_ID_ANY, kinds[i]);

		CHECK_EQ(rte_eth_from_ring(r), (int)i);
		start_port((uint16_t)i, 1, mp);
		CHECK_EQ(rte_eth_rx_burst((uint16_t)i, 0, &none, 0), 0);
		CHECK_EQ(rte_eth_tx_burst((uint16_t)i, 0, &none, 0), 0);
		through(mp, (uint16_t)i);
	}
	CHECK_EQ(rte_mempool_avail_count(mp), 127);
}

static void *sleeps(void *arg)
{
	struct rte_ring **r = arg;

	CHECK_EQ(shoal_ring_wait(r[0], SHOAL_RING_ELEMENTS, NULL), 0);
	CHECK_EQ(shoal_ring_wait(r[1], SHOAL_RING_ROOM, NULL), 0);
	return NULL;
}

static bool watched(void *r)
{
	return ((struct rte_ring *)r)->watch != 0;
}

/* bursts that leave no packet behind: one that nobody is woken by would be the last */
TEST(who_sleeps_for_the_ring_of_a_port_is_woken)
{
	struct rte_mbuf *m, *full[64];
	struct rte_ring *r[2];
	struct rte_mempool *mp;
	pthread_t t;

	INIT("primary", NULL);
	mp = make_pool("mp", 127);
	for (int i = 0; i < 2; i++) {
		r[i] = rte_ring_create(i == 0 ? "a" : "b", 64, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		CHECK_EQ(rte_eth_from_ring(r[i]), i);
		start_port((uint16_t)i, 1, mp);
	}
	CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, full, 64), 0);
	CHECK_EQ(rte_eth_tx_burst(1, 0, full, 64), 63);
	CHECK_EQ(pthread_create(&t, NULL, sleeps, r), 0);
	t_until(watched, r[0]);
	CHECK_EQ(rte_eth_tx_burst(0, 0, full + 63, 1), 1);
	t_until(watched, r[1]);
	CHECK_EQ(rte_eth_rx_burst(1, 0, &m, 1), 1);
	CHECK_EQ(pthread_join(t, NULL), 0);
}

TEST(ports_of_rings_of_the_program)
{
	struct rte_ring *a, *b;
	struct rte_mbuf *m, *got;
	struct rte_mempool *mp;
	int pa, pb;

	INIT("primary", NULL);
	mp = make_pool("mp", 63);
	a = rte_ring_create("a", 64, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	b = rte_ring_create("b", 64, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	pa = rte_eth_from_rings("one", &a, 1, &b, 1, 0);
	pb = rte_eth_from_rings("two", &b, 1, &a, 1, 0);
	CHECK_EQ(pa, 0);
	CHECK_EQ(pb, 1);
	CHECK_EQ(port_named("net_ring_two"), 1);
	start_port(0, 1, mp);
	start_port(1, 1, mp);
	m = rte_pktmbuf_alloc(mp);
	CHECK_EQ(rte_eth_tx_burst(0, 0, &m, 1), 1);
	CHECK_EQ(rte_eth_rx_burst(0, 0, &got, 1), 0);
	CHECK_EQ(rte_eth_rx_burst(1, 0, &got, 1), 1);
	CHECK(got == m);
	rte_pktmbuf_free(got);
	CHECK_EQ(rte_eth_from_rings("one", &a, 1, &b, 1, 0), -1);
	CHECK_EQ(rte_errno, EEXIST);
	CHECK_EQ(rte_eth_from_rings("x", &a, 0, &b, 1, 0), -1);
	CHECK_EQ(rte_errno, EINVAL);
	CHECK_EQ(rte_eth_from_rings("x", NULL, 1, &b, 1, 0), -1);
	CHECK_EQ(rte_eth_from_ring(NULL), -1);
	{
		struct rte_ring *no = (struct rte_ring *)((char *)a + 64); /* no ring begins there */

		CHECK_EQ(rte_eth_from_rings("x", &no, 1, &b, 1, 0), -1);
		CHECK_EQ(rte_errno, EINVAL);
	}
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	CHECK_EQ(rte_eth_dev_close(0), 0);
	CHECK(rte_ring_lookup("a") == a); /* the program's */
	CHECK_EQ(rte_eth_from_ring(a), 0);
	CHECK_EQ(port_named("net_ring_a"), 0);
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

/* ---- events, devices, texts ---- */

struct heard {
	int news, destroyed, links;
	uint16_t port;
};

static int hear(uint16_t port, enum rte_eth_event_type ev, void *arg, void *ret)
{
	struct heard *h = arg;

	(void)ret;
	h->news += ev == RTE_ETH_EVENT_NEW;
	h->destroyed += ev == RTE_ETH_EVENT_DESTROY;
	h->links += ev == RTE_ETH_EVENT_INTR_LSC;
	h->port = port;
	return 0;
}

TEST(events_in_the_process_that_makes_them)
{
	struct rte_eth_conf c = {.intr_conf = {.lsc = 1}};
	struct heard h = {0, 0, 0, 99};

	INIT("primary", "--vdev=net_ring0");
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, hear, &h), 0);
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, hear, &h), 0);
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_DESTROY, hear, &h), 0);
	CHECK_EQ(rte_eth_dev_callback_register(0, RTE_ETH_EVENT_INTR_LSC, hear, &h), 0);
	CHECK_EQ(rte_eth_dev_callback_register(9, RTE_ETH_EVENT_NEW, hear, &h), -EINVAL);
	CHECK_EQ(rte_eth_dev_callback_register(0, RTE_ETH_EVENT_NEW, NULL, &h), -EINVAL);
	CHECK_EQ(rte_vdev_init("net_null3", NULL), 0);
	CHECK(h.news == 1 && h.port == 1);
	CHECK_EQ(rte_vdev_uninit("net_null3"), 0);
	CHECK_EQ(rte_vdev_uninit("net_null3"), -ENOENT);
	CHECK_EQ(h.destroyed, 1);
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &c), 0);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK(h.links == 1 && h.port == 0);
	CHECK_EQ(rte_eth_dev_set_link_down(0), 0);
	CHECK_EQ(rte_eth_dev_set_link_down(0), 0);
	CHECK_EQ(h.links, 2);
	CHECK_EQ(rte_eth_dev_callback_unregister(0, RTE_ETH_EVENT_INTR_LSC, hear, &h), 0);
	CHECK_EQ(rte_eth_dev_set_link_up(0), 0);
	CHECK_EQ(h.links, 2);
	CHECK_EQ(rte_eth_dev_callback_unregister(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, hear, (void *)-1), 0);
	CHECK_EQ(rte_vdev_init("net_null3", NULL), 0);
	CHECK_EQ(h.news, 1);
}

TEST(devices_behind_ports)
{
	struct rte_dev_iterator it;
	struct rte_eth_dev_info info;
	uint16_t p, n = 0;

	INIT("primary", "--vdev=net_null0,size=80", "--vdev=net_ring0");
	CHECK_EQ(rte_vdev_init("net_null0", NULL), -EEXIST);
	CHECK_EQ(rte_vdev_init("net_nope", NULL), -ENODEV);
	CHECK_EQ(rte_vdev_init(NULL, NULL), -EINVAL);
	CHECK_EQ(rte_eth_dev_info_get(0, &info), 0);
	CHECK_STR(rte_dev_name(info.device), "net_null0");
	CHECK_STR(rte_dev_devargs(info.device)->args, "size=80");
	CHECK_STR(rte_bus_name(rte_dev_bus(info.device)), "vdev");
	CHECK_STR(rte_driver_name(rte_dev_driver(info.device)), "net_null");
	CHECK_EQ(rte_dev_is_probed(info.device), 1);
	CHECK(rte_bus_find_by_name("vdev") != NULL && rte_bus_find_by_name("pci") == NULL);
	RTE_ETH_FOREACH_MATCHING_DEV(p, "net_ring0", &it)
	{
		CHECK_EQ(p, 1);
		n++;
	}
	RTE_ETH_FOREACH_MATCHING_DEV(p, "class=eth", &it)
	n++;
	RTE_ETH_FOREACH_MATCHING_DEV(p, "class=eth,mac=00:00:00:00:00:09", &it)
	n++;
	RTE_ETH_FOREACH_MATCHING_DEV(p, "nonsense", &it)
	n++;
	CHECK_EQ(n, 3);
	CHECK_EQ(rte_devargs_type_count(RTE_DEVTYPE_VIRTUAL), 2);
	CHECK_EQ(rte_dev_iterator_init(&it, "bus=vdev,name=net_ring0"), 0);
	CHECK_STR(rte_dev_name(rte_dev_iterator_next(&it)), "net_ring0");
	CHECK(rte_dev_iterator_next(&it) == NULL);
	CHECK_EQ(rte_dev_iterator_init(&it, "bus=none"), -EINVAL);
	CHECK(rte_dev_iterator_next(&it) == NULL);
}

TEST(devargs_of_any_length)
{
	struct rte_devargs da, *own = calloc(1, sizeof(*own));
	char *text = malloc(100000);
	size_t n = (size_t)snprintf(text, 100, "net_null0,size=64");

	INIT("primary", NULL);
	while (n < 99000)
		n += (size_t)sprintf(text + n, ",copy=1");
	CHECK_EQ(rte_devargs_parsef(&da, "vdev:%s", text), 0);
	CHECK_STR(da.name, "net_null0");
	CHECK_EQ(strlen(da.args), n - strlen("net_null0,"));
	CHECK_STR(rte_bus_name(da.bus), "vdev");
	rte_devargs_reset(&da);
	rte_devargs_reset(NULL);
	CHECK_EQ(rte_devargs_parse(&da, "bus=vdev,name=net_ring1/class=eth,a=b/driver=net_ring,x=y"), 0);
	CHECK_STR(da.name, "net_ring1");
	CHECK_STR(da.args, "x=y");
	rte_devargs_reset(&da);
	CHECK_EQ(rte_devargs_parse(&da, "bogus0"), -EFAULT);
	CHECK_EQ(rte_devargs_parse(&da, "0000:01:00.0"), -EFAULT);
	CHECK_EQ(rte_devargs_parse(&da, "bus=pci,name=x"), -EFAULT);
	CHECK_EQ(rte_devargs_parse(&da, ""), -EINVAL);
	CHECK_EQ(rte_devargs_parse(NULL, "x"), -EINVAL);
	memset(text, 'a', 70);
	text[70] = '\0';
	CHECK_EQ(rte_devargs_parse(&da, text), -EINVAL);
	CHECK_EQ(rte_devargs_parse(own, "net_null4,size=9"), 0);
	CHECK_EQ(rte_devargs_insert(&own), 0);
	CHECK_EQ(rte_devargs_add(RTE_DEVTYPE_VIRTUAL, "net_null4,size=10"), 0);
	CHECK_STR(rte_devargs_next("vdev", NULL)->args, "size=10");
	CHECK(rte_devargs_next("vdev", rte_devargs_next("vdev", NULL)) == NULL);
	CHECK_EQ(rte_devargs_remove(own), 0);
	CHECK(rte_devargs_next(NULL, NULL) == NULL);
	free(text);
}

static int stop_at_b(const char *key, const char *value, void *arg)
{
	++*(int *)arg;
	return key[0] == 'b' && value == NULL ? -1 : 0;
}

TEST(keys_and_values)
{
	static const char *const keys[] = {"a", "b", NULL};
	struct rte_kvargs *kv = rte_kvargs_parse("a=1,b=[x,y=2],a=", keys);
	int n = 0;

	CHECK(kv != NULL);
	CHECK_EQ(kv->count, 3);
	CHECK_STR(rte_kvargs_get(kv, "a"), "1");
	CHECK_STR(rte_kvargs_get(kv, "b"), "[x,y=2]");
	CHECK(rte_kvargs_get(kv, "c") == NULL);
	CHECK_STR(rte_kvargs_get_with_value(kv, "a", ""), "");
	CHECK_EQ(rte_kvargs_count(kv, "a"), 2);
	CHECK_EQ(rte_kvargs_count(kv, NULL), 3);
	CHECK_EQ(rte_kvargs_process(kv, "a", stop_at_b, &n), 0);
	CHECK_EQ(n, 2);
	rte_kvargs_free(kv);
	kv = rte_kvargs_parse_delim("b/a=1", keys, "/");
	CHECK(kv != NULL && kv->count == 1 && kv->pairs[0].value == NULL);
	CHECK_EQ(rte_kvargs_process(kv, NULL, stop_at_b, &n), -1);
	rte_kvargs_free(kv);
	CHECK(rte_kvargs_parse("c=1", keys) == NULL);
	CHECK(rte_kvargs_parse("a=[1", keys) == NULL);
	CHECK(rte_kvargs_parse("=1", keys) == NULL);
	CHECK(rte_kvargs_parse(NULL, keys) == NULL);
	CHECK_EQ(rte_kvargs_process(NULL, NULL, stop_at_b, &n), 0);
	CHECK_EQ(rte_kvargs_process_opt(NULL, NULL, stop_at_b, &n), 0);
	rte_kvargs_free(NULL);
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
