/* SPDX-License-Identifier: BSD-3-Clause */
/* reorder_test.c - packets in the order of their numbers: rte_reorder.h, against a model, and in several processes */
#include <stdlib.h>

#include <rte_malloc.h>
#include <rte_reorder.h>

#include "mbuf_help.h"

#define MBUFS 255

static struct rte_mempool *mp;

static struct rte_reorder_buffer *begin(unsigned size)
{
	struct rte_reorder_buffer *b;

	init_as("primary");
	mp = make_pool("pool", MBUFS, 64);
	b = rte_reorder_create("b", 0, size);
	CHECK(b != NULL);
	return b;
}

/* 0, or the errno that it is refused with */
static int put(struct rte_reorder_buffer *b, uint32_t number)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mp);

	CHECK(m != NULL);
	CHECK_EQ(*RTE_MBUF_DYNFIELD(m, rte_reorder_seqn_dynfield_offset, rte_reorder_seqn_t *), *rte_reorder_seqn(m));
	*rte_reorder_seqn(m) = number;
	rte_errno = 0;
	if (rte_reorder_insert(b, m) == 0)
		return 0;
	rte_pktmbuf_free(m);
	return rte_errno;
}

/* the next ones are these, up to 0 */
static void drains(struct rte_reorder_buffer *b, const uint32_t *want)
{
	struct rte_mbuf *m[64];
	unsigned n = rte_reorder_drain(b, m, 64), i;

	for (i = 0; i < n; i++) {
		CHECK_EQ(*rte_reorder_seqn(m[i]), want[i]);
		rte_pktmbuf_free(m[i]);
	}
	CHECK_EQ(want[n], 0);
}
TEST(in_order_whatever_they_came_in)
{
	struct rte_reorder_buffer *b = begin(8);

	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(put(b, (const uint32_t[]){5, 8, 7, 6}[i]), 0);
	drains(b, (const uint32_t[]){5, 6, 7, 8, 0});
	drains(b, (const uint32_t[]){0});
	CHECK_EQ(put(b, 10), 0);
	drains(b, (const uint32_t[]){0}); /* 9 may come still */
	CHECK_EQ(put(b, 9), 0);
	drains(b, (const uint32_t[]){9, 10, 0});
	rte_reorder_free(b);
	pool_whole(mp);
}

TEST(one_ahead_gives_up_what_has_not_come)
{
	struct rte_reorder_buffer *b = begin(4);

	CHECK_EQ(put(b, 1), 0);
	CHECK_EQ(put(b, 3), 0);
	CHECK_EQ(put(b, 6), 0); /* the window is 3 .. 6: 1 is ready, 2 will not come */
	drains(b, (const uint32_t[]){1, 3, 0});
	CHECK_EQ(put(b, 2), ERANGE);
	CHECK_EQ(put(b, 6), EEXIST);
	CHECK_EQ(put(b, 4 + 8), ERANGE);
	CHECK_EQ(put(b, 3 + 8), 0); /* 8 .. 11 */
	drains(b, (const uint32_t[]){6, 0});
	CHECK_EQ(put(b, 7), ERANGE);
	rte_reorder_reset(b);
	CHECK_EQ(put(b, 1000), 0); /* the first again */
	drains(b, (const uint32_t[]){1000, 0});
	rte_reorder_free(b);
	pool_whole(mp);
}

TEST(no_room_for_what_is_pushed_out)
{
	struct rte_reorder_buffer *b = begin(4);

	for (uint32_t i = 1; i <= 8; i++)
		CHECK_EQ(put(b, i), 0); /* four are ready, four in the window */
	CHECK_EQ(put(b, 9), ENOSPC);
	drains(b, (const uint32_t[]){1, 2, 3, 4, 5, 6, 7, 8, 0});
	CHECK_EQ(put(b, 9), 0);
	rte_reorder_free(b); /* with what is in it */
	pool_whole(mp);
}

TEST(numbers_wrap_around)
{
	struct rte_reorder_buffer *b = begin(8);

	CHECK_EQ(put(b, UINT32_MAX - 1), 0);
	CHECK_EQ(put(b, 1), 0);
	CHECK_EQ(put(b, UINT32_MAX), 0);
	drains(b, (const uint32_t[]){UINT32_MAX - 1, UINT32_MAX, 0});
	CHECK_EQ(put(b, UINT32_MAX), ERANGE);
	rte_reorder_free(b);
	pool_whole(mp);
}

/* numbers in random order within a distance, some never: all come out that were taken, in order, each once */
TEST(random_orders)
{
	struct rte_reorder_buffer *b = begin(32);
	unsigned seed = 1, in = 0, out = 0;
	uint32_t base = 100, last = 0;
	bool given[4096] = {false};
	struct rte_mbuf *m[64];

	CHECK_EQ(put(b, base), 0);
	in++;
	for (unsigned i = 0; i < 20000 && base < 4000; i++) {
		uint32_t number = base + (unsigned)rand_r(&seed) % 40;
		unsigned n;

		if (!given[number] && put(b, number) == 0) {
			given[number] = true;
			in++;
		}
		base += (unsigned)rand_r(&seed) % 4 == 0;
		n = rte_reorder_drain(b, m, (unsigned)rand_r(&seed) % 8);
		for (unsigned k = 0; k < n; k++) {
			CHECK(*rte_reorder_seqn(m[k]) > last);
			last = *rte_reorder_seqn(m[k]);
			out++;
		}
		rte_pktmbuf_free_bulk(m, n);
	}
	CHECK(in > 2000);
	CHECK(out <= in && in - out <= 64);
	CHECK_EQ(rte_mempool_in_use_count(mp), in - out);
	rte_reorder_free(b);
	pool_whole(mp);
}

ROLE(drainer)
{
	struct rte_reorder_buffer *b;
	struct rte_mbuf *m[8];
	unsigned n;

	init_as("secondary");
	b = rte_reorder_find_existing("b");
	CHECK(b != NULL);
	n = rte_reorder_drain(b, m, 8);
	t_tell("%u from %u", n, n > 0 ? *rte_reorder_seqn(m[0]) : 0);
	rte_pktmbuf_free_bulk(m, n);
	return rte_eal_cleanup();
}

TEST(another_process_drains)
{
	struct rte_reorder_buffer *b = begin(8);
	struct t_proc *p;

	CHECK_EQ(put(b, 7), 0);
	CHECK_EQ(put(b, 8), 0);
	p = t_spawn("drainer", NULL);
	CHECK_STR(t_expect(p, "2"), "2 from 7");
	CHECK_EQ(t_wait(p), 0);
	rte_reorder_free(b);
	pool_whole(mp);
}

TEST(what_is_wrong_is_said)
{
	struct rte_reorder_buffer *b = begin(8);
	unsigned n = rte_reorder_memory_footprint_get(16);
	void *mem = rte_malloc(NULL, n, 64);

	CHECK(rte_reorder_create("b", 0, 8) == NULL);
	CHECK_EQ(rte_errno, EEXIST);
	CHECK(rte_reorder_create("c", 0, 9) == NULL);
	CHECK_EQ(rte_errno, EINVAL);
	CHECK(rte_reorder_create(NULL, 0, 8) == NULL);
	CHECK_EQ(rte_errno, EINVAL);
	CHECK(rte_reorder_create("a name that is much too long!", 0, 8) == NULL);
	CHECK_EQ(rte_errno, EINVAL);
	CHECK(rte_reorder_find_existing("c") == NULL);
	CHECK_EQ(rte_errno, ENOENT);
	CHECK(rte_reorder_find_existing("b") == b);
	CHECK_EQ(rte_reorder_memory_footprint_get(0), 0);
	CHECK(rte_reorder_init(mem, n - 1, "d", 16) == NULL);
	CHECK_EQ(rte_errno, EINVAL);
	CHECK(rte_reorder_init(mem, n, "d", 16) == mem);
	CHECK_EQ(put(mem, 3), 0);
	drains(mem, (const uint32_t[]){3, 0});
	rte_reorder_free(mem); /* its memory stays the caller's */
	rte_free(mem);
	CHECK_EQ(rte_reorder_insert(NULL, NULL), -1);
	CHECK_EQ(rte_errno, EINVAL);
	CHECK_EQ(rte_reorder_drain(NULL, NULL, 1), 0);
	rte_reorder_free(b);
	rte_reorder_free(NULL);
	CHECK(rte_reorder_find_existing("b") == NULL);
}
