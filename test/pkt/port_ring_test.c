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
