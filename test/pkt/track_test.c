/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * track_test.c - --track-pools: what killed processes of programs that know nothing of it had goes back to the pool
 *
 * The pool here is made by rte_pktmbuf_pool_create(), rings by rte_ring_create() without a flag: as in any program.
 */
#include <signal.h>
#include <stdlib.h>

#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_memzone.h>
#include <rte_ring.h>
#include <shoal_member.h>

#include "mbuf_help.h"

#define MBUFS 2047
#define BURST 32
#define DEATHS 100

struct board {
	_Atomic unsigned bursts;
};

static struct rte_mempool *begin(const char *option)
{
	char prog[] = "track", lcores[] = "--lcores=0@0", null0[] = "--vdev=net_null0", null1[] = "--vdev=net_null1",
	     ring[] = "--vdev=net_ring0", o[32];
	char *argv[] = {prog, lcores, null0, null1, ring, o, NULL};
	struct rte_mempool *mp;

	snprintf(o, sizeof(o), "%s", option);
	CHECK(rte_eal_init(6, argv) >= 0);
	mp = rte_pktmbuf_pool_create("pool", MBUFS, 32, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	CHECK(mp != NULL);
	return mp;
}

static void start_port(uint16_t port, struct rte_mempool *mp)
{
	struct rte_eth_conf conf = {0};

	CHECK_EQ(rte_eth_dev_configure(port, 2, 2, &conf), 0);
	for (uint16_t q = 0; q < 2; q++) {
		CHECK_EQ(rte_eth_rx_queue_setup(port, q, 128, 0, NULL, mp), 0);
		CHECK_EQ(rte_eth_tx_queue_setup(port, q, 128, 0, NULL), 0);
	}
	CHECK_EQ(rte_eth_dev_start(port), 0);
}

static bool whole(void *mp)
{
	return rte_mempool_avail_count(mp) == MBUFS;
}

/* of a tracked pool it is whole whatever was done; of another it is not while somebody has mbufs */
static void is_whole(struct rte_mempool *mp)
{
	t_until(whole, mp);
	pool_whole(mp);
}

/* ---- a worker between two ports, killed again and again ---- */

ROLE(forwarder)
{
	struct rte_mbuf *m[BURST];
	struct board *b;

	init_as("secondary");
	b = rte_memzone_lookup("board")->addr;
	t_tell("ready");
	for (;;) {
		uint16_t n = rte_eth_rx_burst(0, 1, m, BURST), sent;

		b->bursts++;
		sent = rte_eth_tx_burst(1, 1, m, n);
		rte_pktmbuf_free_bulk(m + sent, n - sent);
	}
	return 0;
}

static bool has_burst(void *b)
{
	return ((struct board *)b)->bursts > 0;
}

TEST_T(a_killed_workers_mbufs_come_back_a_hundred_times, 120)
{
	struct rte_mempool *mp = begin("--track-pools");
	const struct rte_memzone *mz = rte_memzone_reserve("board", sizeof(struct board), SOCKET_ID_ANY, 0);
	struct board *b;

	CHECK(mz != NULL);
	b = mz->addr;
	start_port(0, mp);
	start_port(1, mp);
	for (unsigned i = 0; i < DEATHS; i++) {
		struct t_proc *p;

		b->bursts = 0;
		p = t_spawn("forwarder", NULL);
		t_expect(p, "ready");
		t_until(has_burst, b);
		t_kill(p, SIGKILL);
		CHECK_EQ(t_wait(p), 128 + SIGKILL);
		is_whole(mp);
	}
}

/* ---- two that hand over by a ring ---- */

/* for each line: "put" mbufs of its own, "get" what is there, "free" what it has */
ROLE(holder)
{
	static struct rte_mbuf *m[BURST];
	struct rte_ring *r;
	struct rte_mempool *mp;
	unsigned have = 0;
	char line[32];

	init_as("secondary");
	mp = rte_mempool_lookup("pool");
	r = rte_ring_lookup(argc > 1 ? argv[1] : "ring");
	CHECK(mp != NULL && r != NULL);
	t_tell("ready");
	while (t_hear(line, sizeof(line))) {
		if (strcmp(line, "take") == 0 && rte_pktmbuf_alloc_bulk(mp, m, BURST) == 0)
			have = BURST;
		else if (strcmp(line, "put") == 0)
			have -= rte_ring_enqueue_burst(r, (void **)m, have, NULL);
		else if (strcmp(line, "get") == 0)
			have += rte_ring_dequeue_burst(r, (void **)m, BURST, NULL);
		else if (strcmp(line, "free") == 0)
			for (; have > 0; have--)
				rte_pktmbuf_free(m[have - 1]);
		t_tell("have %u", have);
	}
	return 0;
}

static void does(struct t_proc *p, const char *what, const char *have)
{
	t_say(p, what);
	CHECK_STR(t_expect(p, "have "), have);
}

static void dies(struct t_proc *p)
{
	t_kill(p, SIGKILL);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
}

struct left {
	struct rte_mempool *mp;
	unsigned n;
};

static bool all_but(void *arg)
{
	const struct left *l = arg;

	return rte_mempool_avail_count(l->mp) == MBUFS - l->n;
}

TEST(what_was_handed_over_is_the_receivers)
{
	struct left l = {begin("--track-pools"), BURST};
	struct t_proc *a, *b;

	CHECK(rte_ring_create("ring", 64, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ) != NULL);
	a = t_spawn("holder", NULL);
	b = t_spawn("holder", NULL);
	t_expect(a, "ready");
	t_expect(b, "ready");
	does(a, "take", "have 32");
	does(a, "put", "have 0");
	does(b, "get", "have 32");
	does(a, "take", "have 32");
	dies(a); /* it had 32; what it had given away b has */
	t_until(all_but, &l);
	does(b, "put", "have 0");
	dies(b); /* what is in the ring is nobody's */
	t_until(all_but, &l);
	a = t_spawn("holder", NULL);
	t_expect(a, "ready");
	does(a, "get", "have 32");
	dies(a);
	is_whole(l.mp);
}

TEST(packets_in_a_net_ring_are_nobodys)
{
	struct left l = {begin("--track-pools"), BURST};
	struct t_proc *a;

	a = t_spawn("holder", "ETH_RXTX0_net_ring0", NULL);
	t_expect(a, "ready");
	does(a, "take", "have 32");
	does(a, "put", "have 0");
	dies(a);
	t_until(all_but, &l);
}

/* ---- a ring holds pointers to anything ---- */

TEST(what_is_no_mbuf_stays_as_it_is)
{
	struct rte_mempool *mp = begin("--track-pools");
	struct rte_ring *r = rte_ring_create("ring", 64, SOCKET_ID_ANY, 0);
	struct rte_mbuf *m = rte_pktmbuf_alloc(mp);
	struct rte_mempool_objhdr *like = rte_malloc(NULL, 4096, 64), before;
	void *anything[] = {(void *)1, like, like + 1, (char *)(like + 1) + 4, m, (char *)m + 64, &before};
	void *out[RTE_DIM(anything)];

	CHECK(r != NULL && m != NULL && like != NULL);
	memset(like, 0x77, 4096);
	like->mp = mp; /* all but the address says that an object follows */
	before = *like;
	CHECK_EQ(rte_ring_enqueue_bulk(r, anything, RTE_DIM(anything), NULL), RTE_DIM(anything));
	CHECK_EQ(shoal_owner(m), 0);
	CHECK_EQ(memcmp(like, &before, sizeof(before)), 0);
	CHECK_EQ(rte_ring_dequeue_bulk(r, out, RTE_DIM(out), NULL), RTE_DIM(out));
	CHECK_EQ(memcmp(out, anything, sizeof(out)), 0);
	CHECK_EQ(shoal_owner(m), shoal_member_self());
	CHECK_EQ(memcmp(like, &before, sizeof(before)), 0);
	rte_pktmbuf_free(m);
	is_whole(mp);
}

/* ---- who says it ---- */

TEST(it_is_said_by_the_primary)
{
	struct rte_mempool *mp = begin("--log-level=error");
	struct rte_mbuf *m = rte_pktmbuf_alloc(mp);

	CHECK(m != NULL);
	CHECK_EQ(mp->flags & SHOAL_MEMPOOL_F_TRACK, 0);
	CHECK_EQ(shoal_owner(m), 0);
}
