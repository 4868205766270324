/* SPDX-License-Identifier: BSD-3-Clause */
/* ring_track_test.c - tracked rings in the hands of a program: what it had moved before, it does not meet again */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_ring.h>
#include <shoal_mempool.h>

#include "check.h"

#define N 7

static void init_as(const char *type)
{
	char prog[] = "track", p[64], lcores[] = "--lcores=0@0";
	char *argv[] = {prog, p, lcores, NULL};

	snprintf(p, sizeof(p), "--proc-type=%s", type);
	CHECK(rte_eal_init(3, argv) >= 0);
}

static struct rte_mempool *make_pool(void)
{
	struct rte_mempool *mp =
		rte_mempool_create("pool", N, 64, 0, 0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, SHOAL_MEMPOOL_F_TRACK);

	CHECK(mp != NULL);
	return mp;
}

/* argv: "enq" or "deq". Dies inside that side, before anything has moved */
ROLE(inside)
{
	struct rte_ring *r;
	void *o;

	init_as("secondary");
	r = rte_ring_lookup("ring");
	if (strcmp(argv[1], "enq") == 0)
		CHECK_EQ(rte_ring_enqueue_bulk_start(r, 1, NULL), 1);
	else
		CHECK_EQ(rte_ring_dequeue_bulk_start(r, &o, 1, NULL), 1);
	raise(SIGKILL);
	return 0;
}

TEST(what_was_moved_before_a_reset_does_not_come_back)
{
	struct rte_mempool *mp;
	struct rte_ring *r;
	void *objs[3], *o, *again[N];

	init_as("primary");
	mp = make_pool();
	r = rte_ring_create("ring", 8, SOCKET_ID_ANY, RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ | SHOAL_RING_F_TRACK);
	CHECK_EQ(rte_mempool_get_bulk(mp, objs, 3), 0);
	CHECK_EQ(rte_ring_enqueue_bulk(r, objs, 3, NULL), 3);
	CHECK_EQ(rte_ring_dequeue_bulk(r, objs, 3, NULL), 3);
	rte_mempool_put_bulk(mp, objs, 3);
	rte_ring_reset(r);

	/* whoever comes next frees the side of the dead producer */
	CHECK_EQ(t_wait(t_spawn("inside", "enq", NULL)), 128 + SIGKILL);
	CHECK_EQ(rte_mempool_get(mp, &o), 0);
	CHECK_EQ(rte_ring_enqueue(r, o), 0);
	CHECK_EQ(r->mended[0], 1);
	CHECK_EQ(rte_ring_count(r), 1);

	/* and of the dead consumer; what lies in the slots behind is in the pool, and its tags say so */
	CHECK_EQ(t_wait(t_spawn("inside", "deq", NULL)), 128 + SIGKILL);
	CHECK_EQ(rte_ring_dequeue(r, &again[0]), 0);
	CHECK_EQ(r->mended[1], 1);
	CHECK(again[0] == o && rte_ring_empty(r));
	rte_mempool_put(mp, o);
	CHECK_EQ(rte_mempool_avail_count(mp), N);
	CHECK_EQ(rte_mempool_get_bulk(mp, again, N), 0);
	for (unsigned i = 0; i < N; i++)
		for (unsigned j = 0; j < i; j++)
			CHECK(again[i] != again[j]);
	rte_mempool_put_bulk(mp, again, N);
	rte_ring_free(r);
	rte_mempool_free(mp);
}

TEST(a_ring_without_a_name_cannot_be_tracked)
{
	struct rte_ring *r;

	init_as("primary");
	r = rte_malloc("ring", (size_t)rte_ring_get_memsize(8), 128);
	CHECK(r != NULL);
	CHECK_EQ(rte_ring_init(r, "mine", 8, SHOAL_RING_F_TRACK), -ENOTSUP);
	CHECK_EQ(rte_ring_init(r, "mine", 8, RING_F_MP_HTS_ENQ), 0);
	rte_free(r);
}
