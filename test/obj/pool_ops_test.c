/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_ops_test.c - back ends that programs register, and what they may call
 *
 * The back end here is a pile in memory of the group, used by one process at a time. It gives blocks of BLOCK objects, too:
 * the pile lies in the order of the addresses as long as nobody has put.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "check.h"
#include "pool_help.h"

#define N 24
#define BLOCK 4

struct pile {
	unsigned n;
	void *objs[N];
};

static unsigned allocs, frees, sizes, fills; /* calls in this process */

static int pile_alloc(struct rte_mempool *mp)
{
	allocs++;
	mp->pool_data = rte_zmalloc(NULL, sizeof(struct pile), 0);
	return mp->pool_data != NULL ? 0 : -ENOMEM;
}
static void pile_free(struct rte_mempool *mp)
{
	frees++;
	rte_free(mp->pool_data);
}
static int pile_put(struct rte_mempool *mp, void *const *objs, unsigned n)
{
	struct pile *p = mp->pool_data;

	if (n > N - p->n)
		return -ENOBUFS;
	memcpy(&p->objs[p->n], objs, n * sizeof(*objs));
	p->n += n;
	return 0;
}
static int pile_get(struct rte_mempool *mp, void **objs, unsigned n)
{
	struct pile *p = mp->pool_data;

	if (n > p->n)
		return -ENOBUFS;
	for (unsigned i = 0; i < n; i++)
		objs[i] = p->objs[--p->n];
	return 0;
}
static unsigned pile_count(const struct rte_mempool *mp)
{
	return ((const struct pile *)mp->pool_data)->n;
}
static ssize_t pile_size(const struct rte_mempool *mp, uint32_t n, uint32_t shift, size_t *min, size_t *align)
{
	sizes++;
	/* room to move the first object to a multiple of its size */
	return rte_mempool_op_calc_mem_size_helper(mp, n, shift, 1024, min, align);
}
static int pile_fill(struct rte_mempool *mp, unsigned max, void *at, rte_iova_t iova, size_t len,
		     rte_mempool_populate_obj_cb_t *cb, void *arg)
{
	fills++;
	return rte_mempool_op_populate_helper(mp, RTE_MEMPOOL_POPULATE_F_ALIGN_OBJ, max, at, iova, len, cb, arg);
}
static int pile_info(const struct rte_mempool *mp, struct rte_mempool_info *info)
{
	CHECK(mp != NULL);
	info->contig_block_size = BLOCK;
	return 0;
}
static int pile_blocks(struct rte_mempool *mp, void **first, unsigned n)
{
	struct pile *p = mp->pool_data;

	if (n * BLOCK > p->n)
		return -ENOBUFS;
	for (unsigned i = 0; i < n; i++)
		first[i] = p->objs[p->n -= BLOCK];
	return 0;
}

static const struct rte_mempool_ops pile = {.name = "pile",
					    .alloc = pile_alloc,
					    .free = pile_free,
					    .enqueue = pile_put,
					    .dequeue = pile_get,
					    .get_count = pile_count,
					    .calc_mem_size = pile_size,
					    .populate = pile_fill,
					    .get_info = pile_info,
					    .dequeue_contig_blocks = pile_blocks};
RTE_MEMPOOL_REGISTER_OPS(pile);
/* the same with nothing that may be left out */
static const struct rte_mempool_ops bare = {
	.name = "bare", .alloc = pile_alloc, .enqueue = pile_put, .dequeue = pile_get, .get_count = pile_count};

static struct rte_mempool *make(const char *name, const char *ops, unsigned cache)
{
	struct rte_mempool *mp = rte_mempool_create_empty(name, N, 56, cache, 0, SOCKET_ID_ANY, 0);

	CHECK(mp != NULL);
	CHECK_EQ(rte_mempool_set_ops_byname(mp, ops, NULL), 0);
	return mp;
}

/* all, each once, by the functions for back ends; they are put back in the order they lay in */
static void all_by_ops(struct rte_mempool *mp)
{
	void *o[N + 1];

	CHECK_EQ(rte_mempool_ops_get_count(mp), N);
	CHECK_EQ(rte_mempool_ops_dequeue_bulk(mp, o, N + 1), -ENOBUFS);
	CHECK_EQ(rte_mempool_ops_dequeue_bulk(mp, o, N), 0);
	CHECK_EQ(rte_mempool_ops_get_count(mp), 0);
	for (unsigned i = 0; i < N; i++) {
		CHECK(rte_mempool_from_obj(o[i]) == mp);
		for (unsigned k = 0; k < i; k++)
			CHECK(o[k] != o[i]);
	}
	for (unsigned i = 0; i < N; i++)
		CHECK_EQ(rte_mempool_ops_enqueue_bulk(mp, &o[N - 1 - i], 1), 0);
	CHECK_EQ(rte_mempool_ops_get_count(mp), N);
}

TEST(what_registering_refuses_and_the_table)
{
	struct rte_mempool_ops o = bare;
	unsigned n = rte_mempool_ops_table.num_ops, at;

	init_as("primary");
	CHECK_EQ(rte_mempool_register_ops(NULL), -EINVAL);
	o.dequeue = NULL;
	CHECK_EQ(rte_mempool_register_ops(&o), -EINVAL);
	o = bare;
	memset(o.name, 'x', sizeof(o.name));
	CHECK_EQ(rte_mempool_register_ops(&o), -EEXIST);
	CHECK_EQ(rte_mempool_register_ops(&pile), -EEXIST);
	CHECK_EQ(rte_mempool_ops_table.num_ops, n);
	CHECK_STR(rte_mempool_get_ops((int)n - 1)->name, "pile");
	CHECK(rte_mempool_get_ops((int)n - 1)->enqueue == pile_put);
	for (at = n; at < RTE_MEMPOOL_MAX_OPS_IDX; at++) {
		o = bare;
		o.name[0] = (char)('A' + at);
		CHECK_EQ(rte_mempool_register_ops(&o), at);
		CHECK_STR(rte_mempool_ops_table.ops[at].name, o.name);
	}
	CHECK_EQ(rte_mempool_register_ops(&bare), -ENOSPC);
}

TEST(a_registered_back_end_is_called_for_everything)
{
	struct rte_mempool_info info = {0};
	struct rte_mempool *mp;
	void *o[N];
	size_t total;

	init_as("primary");
	mp = make("pool", "pile", 8);
	CHECK_EQ(rte_mempool_ops_get_count(mp), 0);
	CHECK_EQ(rte_mempool_populate_default(mp), N);
	CHECK_EQ(allocs + sizes + fills, 3);
	all_by_ops(mp);
	total = mp->header_size + mp->elt_size + mp->trailer_size;
	CHECK_EQ(rte_mempool_ops_get_info(mp, &info), 0);
	CHECK_EQ(info.contig_block_size, BLOCK);
	CHECK_EQ(rte_mempool_get_contig_blocks(mp, o, N / BLOCK + 1), -ENOBUFS);
	CHECK_EQ(rte_mempool_get_contig_blocks(mp, o, 2), 0);
	CHECK_EQ((char *)o[0] - (char *)o[1], BLOCK * total);
	CHECK_EQ(rte_mempool_ops_dequeue_contig_blocks(mp, o + 2, N / BLOCK - 2), 0);
	CHECK_EQ(rte_mempool_ops_get_count(mp), 0);
	rte_mempool_contig_blocks_check_cookies(mp, o, N / BLOCK, 0);
	for (unsigned i = 0; i < N / BLOCK; i++)
		for (unsigned k = 0; k < BLOCK; k++) {
			void *obj = (char *)o[i] + k * total;

			CHECK_EQ((uintptr_t)obj % total, mp->header_size);
			CHECK(rte_mempool_from_obj(obj) == mp);
			rte_mempool_check_cookies(mp, &obj, 1, 0);
			rte_mempool_put(mp, obj);
		}
	CHECK_EQ(rte_mempool_avail_count(mp), N);
	rte_mempool_free(mp);
	CHECK_EQ(frees, 1);
}

/* the same back end, found by its name in another process, which has its caches */
TEST(two_processes_with_a_registered_back_end)
{
	struct rte_mempool *mp;
	struct t_proc *p;

	init_as("primary");
	mp = make("pool", "pile", 4);
	CHECK_EQ(rte_mempool_populate_default(mp), N);
	p = t_spawn("piler", NULL);
	t_expect(p, "has");
	CHECK_EQ(rte_mempool_avail_count(mp), N - 3);
	CHECK(rte_mempool_ops_get_count(mp) < N - 3);
	t_say(p, "end");
	CHECK_EQ(t_wait(p), 0);
	all_by_ops(mp);
}

ROLE(piler)
{
	struct rte_mempool *mp;
	char line[16];
	void *o[3];

	init_as("secondary");
	mp = rte_mempool_lookup("pool");
	CHECK(mp != NULL);
	CHECK_EQ(rte_mempool_get_bulk(mp, o, 3), 0);
	t_tell("has");
	CHECK(t_hear(line, sizeof(line)));
	rte_mempool_put_bulk(mp, o, 3);
	return rte_eal_cleanup();
}

TEST(what_a_back_end_leaves_out)
{
	size_t min = 0, align = 0, total;
	struct rte_mempool_info info;
	struct rte_mempool *mp;
	void *o[1];

	init_as("primary");
	CHECK(rte_mempool_register_ops(&bare) > 0);
	mp = make("pool", "bare", 0);
	total = mp->header_size + mp->elt_size + mp->trailer_size;
	CHECK_EQ(rte_mempool_ops_calc_mem_size(mp, N, 0, &min, &align), (ssize_t)(N * total));
	CHECK_EQ(min, total);
	CHECK_EQ(align, RTE_MEMPOOL_ALIGN);
	CHECK_EQ(rte_mempool_populate_default(mp), N);
	all_by_ops(mp);
	CHECK_EQ(rte_mempool_ops_get_info(mp, &info), -ENOTSUP);
	CHECK_EQ(rte_mempool_get_contig_blocks(mp, o, 1), -ENOTSUP);
	rte_mempool_free(mp);
	CHECK_EQ(frees, 0);
}

static unsigned told;
static void tell(struct rte_mempool *mp, void *arg, void *obj, rte_iova_t iova)
{
	char **next = arg;

	CHECK((char *)obj == *next && iova == (uintptr_t)obj);
	*next += mp->header_size + mp->elt_size + mp->trailer_size;
	told++;
}

/* what back ends may call: sizes where objects lie in pages, and objects told one by one */
TEST(helpers_of_back_ends)
{
	size_t min = 0, align = 0, t;
	struct rte_mempool *mp;
	char *mem, *next;

	init_as("primary");
	mp = make("pool", "pile", 0);
	t = mp->header_size + mp->elt_size + mp->trailer_size;
	CHECK_EQ(rte_mempool_op_calc_mem_size_default(mp, 10, 0, &min, &align), (ssize_t)(10 * t));
	CHECK_EQ(rte_mempool_op_calc_mem_size_helper(mp, 10, 0, 100, &min, &align), (ssize_t)(10 * t + 100));
	/* 4096 / t in a page */
	CHECK_EQ(rte_mempool_op_calc_mem_size_helper(mp, 4096 / t + 1, 12, 0, &min, &align),
		 (ssize_t)(4096 + t + t - 1));
	CHECK_EQ(rte_mempool_op_calc_mem_size_helper(mp, 3, 6, 0, &min, &align), (ssize_t)(3 * RTE_ALIGN_CEIL(t, 64)));
	CHECK_EQ(rte_mempool_op_calc_mem_size_helper(mp, 3, 12, 4096, &min, &align), -EINVAL);
	CHECK_EQ(min, t);
	CHECK_EQ(align, RTE_MEMPOOL_ALIGN);

	CHECK_EQ(rte_mempool_ops_alloc(mp), 0);
	mp->flags |= RTE_MEMPOOL_F_POOL_CREATED; /* so that it is counted */
	mem = rte_malloc(NULL, 5 * t, 64);
	next = mem + mp->header_size;
	CHECK_EQ(rte_mempool_op_populate_default(mp, 2, mem, (uintptr_t)mem, 5 * t, tell, &next), 2);
	CHECK_EQ(rte_mempool_op_populate_helper(mp, 0, 9, mem + 2 * t, (uintptr_t)mem + 2 * t, 3 * t - 1, tell, &next),
		 2);
	CHECK_EQ(told, 4);
	CHECK_EQ(rte_mempool_ops_get_count(mp), 4);
	next = mem + (t - (uintptr_t)mem % t) % t + mp->header_size;
	CHECK_EQ(rte_mempool_ops_populate(mp, 1, mem, (uintptr_t)mem, 5 * t, tell, &next), 1);
	CHECK_EQ(fills, 1);
	rte_mempool_ops_free(mp);
	CHECK_EQ(frees, 1);
	mp->flags &= ~(unsigned)RTE_MEMPOOL_F_POOL_CREATED;
	rte_free(mem);
	rte_mempool_free(mp);
}

/* what the inline functions call when a cache is not there, empty or full, and for tracked rings */
TEST(what_the_inline_functions_call)
{
	struct rte_mempool_cache *c;
	struct rte_mempool *mp;
	struct rte_ring *r;
	unsigned left = 0;
	void *o[N];

	init_as("primary");
	mp = make("pool", "ring_mp_mc", 4);
	CHECK_EQ(rte_mempool_populate_default(mp), N);
	c = __rte_mempool_cache_slow(mp, 0);
	CHECK(c != NULL && __rte_mempool_here[mp->__slot].cache[0] == c);
	CHECK(__rte_mempool_here[mp->__slot].serial == mp->__serial);
	CHECK(rte_mempool_default_cache(mp, 0) == c);
	CHECK_EQ(__rte_mempool_get_slow(mp, o, 1, c), 0);
	CHECK_EQ(c->len, 4);
	CHECK_EQ(__rte_mempool_get_slow(mp, o + 1, N - 4, NULL), -ENOBUFS);
	__rte_mempool_put_slow(mp, o, 1, c);
	CHECK_EQ(c->len, 5);
	__rte_mempool_flush(c, mp);
	CHECK_EQ(c->len, 0);
	CHECK_EQ(rte_mempool_ops_get_count(mp), N);
	rte_mempool_free(mp);

	mp = rte_mempool_create("pool", N, 64, 0, 0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, SHOAL_MEMPOOL_F_TRACK);
	r = rte_ring_create("ring", 4, SOCKET_ID_ANY, SHOAL_RING_F_TRACK);
	CHECK(mp != NULL && r != NULL);
	CHECK_EQ(rte_mempool_get_bulk(mp, o, 5), 0);
	CHECK_EQ(__rte_ring_in_tracked(r, o, 5, RTE_RING_QUEUE_VARIABLE, &left), 3);
	CHECK_EQ(left, 0);
	CHECK_EQ(__rte_ring_out_tracked(r, o, 5, RTE_RING_QUEUE_FIXED, &left), 0);
	CHECK_EQ(__rte_ring_out_tracked(r, o, 2, RTE_RING_QUEUE_FIXED, &left), 2);
	CHECK_EQ(left, 1);
	CHECK(shoal_owner(o[0]) == *__rte_ring_self && shoal_owner(o[1]) == *__rte_ring_self);
}
