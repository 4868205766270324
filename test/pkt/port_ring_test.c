/* SPDX-License-Identifier: BSD-3-Clause */
/* port_ring_test.c - net_ring in one process: what goes in comes out, rings of every kind, rings of the program's */
#include <pthread.h>

#include <shoal_ring.h>

#include "port_help.h"

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
	return __atomic_load_n(&((struct rte_ring *)r)->watch, __ATOMIC_RELAXED) != 0;
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

/* one burst of n on queue 0; what is not taken is freed */
static unsigned send(struct rte_mempool *mp, uint16_t n)
{
	struct rte_mbuf *m[64];
	uint16_t k;

	CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, n), 0);
	k = rte_eth_tx_burst(0, 0, m, n);
	rte_pktmbuf_free_bulk(m + k, n - k);
	return k;
}

static bool drops(void *mp)
{
	(void)send(mp, 32);
	return stats_of(0).imissed > 0;
}

static unsigned receive_all(void)
{
	struct rte_mbuf *m[64];
	unsigned n = 0;
	uint16_t k;

	while ((k = rte_eth_rx_burst(0, 0, m, 64)) > 0) {
		rte_pktmbuf_free_bulk(m, k);
		n += k;
	}
	return n;
}

/* nobody receives: with rx_drop_en the sender goes on, and what does not fit is missed where it was to come; as soon as
 * somebody receives nothing is dropped any more. One line of each kind. */
TEST(a_full_ring_that_nobody_empties_drops_with_drop_en)
{
	struct rte_eth_rxconf rx = {.rx_drop_en = 1};
	struct rte_eth_conf conf;
	struct rte_eth_stats s;
	struct rte_mempool *mp;
	unsigned n;

	INIT("primary", "--vdev=net_ring0");
	mp = make_pool("mp", 2047);
	memset(&conf, 0, sizeof(conf));
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &conf), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, &rx, mp), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(0, 0, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	listen_to_log();
	while (send(mp, 32) == 32)
		;
	t_until(drops, mp);
	for (unsigned i = 0; i < 10; i++) {
		n = (unsigned)stats_of(0).imissed;
		CHECK_EQ(send(mp, 32), 32);
		CHECK_EQ(stats_of(0).imissed, n + 32);
	}
	s = stats_of(0);
	CHECK_EQ(s.opackets, 1023 + s.imissed);
	CHECK_EQ(said("its ring is full: packets stay"), 1);
	CHECK_EQ(said("nobody receives, and its ring is full"), 1);
	CHECK_EQ(lines_said(), 2);
	log_as_before();
	CHECK_EQ(rte_mempool_avail_count(mp), 2047 - 1023);
	CHECK_EQ(receive_all(), 1023);
	CHECK_EQ(send(mp, 32), 32);
	CHECK_EQ(receive_all(), 32);
	CHECK_EQ(stats_of(0).imissed, s.imissed);
	CHECK_EQ(rte_eth_stats_reset(0), 0);
	CHECK_EQ(stats_of(0).imissed, 0);
	CHECK_EQ(rte_mempool_avail_count(mp), 2047);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* without it, or while the port that receives is stopped, what does not fit stays the sender's for as long as it takes */
TEST(a_full_ring_refuses_without_drop_en)
{
	struct timespec until, now;
	struct rte_mempool *mp;

	INIT("primary", "--vdev=net_ring0");
	mp = make_pool("mp", 2047);
	start_port(0, 1, mp);
	listen_to_log();
	while (send(mp, 32) == 32)
		;
	clock_gettime(CLOCK_MONOTONIC, &until);
	do { /* three times as long as it takes with rx_drop_en */
		CHECK_EQ(send(mp, 32), 0);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - until.tv_sec) * 1000 + (now.tv_nsec - until.tv_nsec) / 1000000 < 30);
	CHECK_EQ(said("its ring is full: packets stay the sender's"), 1);
	CHECK_EQ(lines_said(), 1);
	log_as_before();
	CHECK_EQ(stats_of(0).imissed + stats_of(0).oerrors, 0);
	CHECK_EQ(receive_all(), 1023);
	CHECK_EQ(rte_mempool_avail_count(mp), 2047);
	CHECK_EQ(rte_eal_cleanup(), 0);
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

/* packets go through the port, but for none */
static void passes(uint16_t port, struct rte_mempool *mp)
{
	struct rte_mbuf *m[8];

	CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, 8), 0);
	CHECK_EQ(rte_eth_tx_burst(port, 0, m, 8), 8);
	CHECK_EQ(rte_eth_rx_burst(port, 0, m, 8), 8);
	rte_pktmbuf_free_bulk(m, 8);
}

TEST(rings_go_with_the_last_port_that_has_them)
{
	struct rte_mempool *mp;
	struct rte_ring *r[2];
	struct rte_mbuf *m;
	uint16_t port[3];

	INIT("primary", NULL);
	mp = make_pool("mp", 127);
	CHECK_EQ(rte_vdev_init("net_ring0", "nodeaction=R:0:CREATE"), 0);
	CHECK_EQ(rte_vdev_init("net_ring1", "nodeaction=R:0:ATTACH"), 0);
	port[0] = port_named("net_ring0");
	port[1] = port_named("net_ring1");
	r[0] = rte_ring_lookup("ETH_RXTX0_R");
	r[1] = rte_ring_lookup("ETH_RXTX1_R");
	port[2] = (uint16_t)rte_eth_from_rings("both", r, 1, r + 1, 1, 0);
	start_port(port[0], 1, mp);
	start_port(port[1], 1, mp);
	passes(port[1], mp);
	CHECK_EQ(rte_vdev_uninit("net_ring0"), 0);
	passes(port[1], mp);
	CHECK_EQ(rte_vdev_uninit("net_ring1"), 0);
	CHECK(rte_ring_lookup("ETH_RXTX0_R") == r[0] && rte_ring_lookup("ETH_RXTX1_R") == r[1]);
	CHECK(rte_ring_lookup("ETH_RXTX2_R") == NULL); /* nobody has that one any more */
	start_port(port[2], 1, mp);
	m = rte_pktmbuf_alloc(mp);
	CHECK_EQ(rte_eth_tx_burst(port[2], 0, &m, 1), 1);
	CHECK_EQ(rte_vdev_uninit("net_ring_both"), 0);
	CHECK(rte_ring_lookup("ETH_RXTX0_R") == NULL && rte_ring_lookup("ETH_RXTX1_R") == NULL);
	CHECK_EQ(rte_mempool_avail_count(mp), 127);
	CHECK_EQ(rte_vdev_init("net_ring0", "nodeaction=R:0:CREATE"), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}
