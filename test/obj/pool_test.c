/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_test.c - what each call of rte_mempool.h returns; processes that share a pool; caches that belong to one of them
 *
 * Of the inline functions' own names: __rte_mempool_here, __rte_mempool_get_slow, __rte_mempool_put_slow,
 * __rte_mempool_cache_slow, __rte_mempool_flush, per_lcore___rte_mempool_last; of rings that hold a pool's objects, __rte_ring_in_tracked and
 * __rte_ring_out_tracked.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "check.h"
#include "pool_help.h"

static const char *const back_ends[] = {"ring_mp_mc", "ring_sp_sc", "ring_mp_sc", "ring_sp_mc", "stack"};

static struct rte_mempool *make(unsigned n, unsigned elt, unsigned cache, unsigned flags)
{
	struct rte_mempool *mp =
		rte_mempool_create("pool", n, elt, cache, 0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, flags);

	CHECK(mp != NULL);
	return mp;
}

static void refused(int err, const char *name, unsigned n, unsigned cache, unsigned flags)
{
	rte_errno = 0;
	CHECK(rte_mempool_create(name, n, 64, cache, 0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, flags) == NULL);
	CHECK_EQ(rte_errno, err);
}

TEST(what_create_refuses)
{
	struct rte_mempool *mp;

	init_as("primary");
	mp = make(15, 64, 0, 0);
	refused(EEXIST, "pool", 15, 0, 0);
	refused(ENAMETOOLONG, "abcdefghijklmnopqrstuvwxyz", 15, 0, 0);
	refused(EINVAL, "a", 0, 0, 0);
	refused(EINVAL, "a", 2000, 513, 0);
	refused(EINVAL, "a", 100, 101, 0);
	refused(EINVAL, "a", 100, 0, 0x8000);
	refused(EINVAL, NULL, 100, 0, 0);
	CHECK(rte_mempool_lookup("a") == NULL);
	CHECK_EQ(rte_errno, ENOENT);
	CHECK(rte_mempool_lookup(NULL) == NULL);
	CHECK_EQ(rte_errno, EINVAL);
	CHECK(rte_mempool_lookup("pool") == mp);
	rte_mempool_free(mp);
	CHECK(rte_mempool_lookup("pool") == NULL);
	rte_mempool_free(NULL);
	mp = rte_mempool_create("abcdefghijklmnopqrstuvwxy", 100, 0, 100, 0, NULL, NULL, NULL, NULL, 0, 0);
	CHECK(mp != NULL);
	CHECK(rte_mempool_default_cache(mp, 0) != NULL);
	rte_mempool_free(mp);
}

TEST(sizes_are_as_measured)
{
	struct rte_mempool_objsz sz;
	struct rte_mempool *mp;

	init_as("primary");
	mp = make(15, 64, 0, 0);
	CHECK_EQ(mp->header_size, 64);
	CHECK_EQ(mp->trailer_size, 64);
	CHECK_EQ(rte_mempool_calc_obj_size(2304, 0, &sz), 2368);
	CHECK_EQ(sz.elt_size, 2304);
	CHECK_EQ(rte_mempool_calc_obj_size(64, RTE_MEMPOOL_F_NO_SPREAD, NULL), 128);
	CHECK_EQ(rte_mempool_calc_obj_size(20, RTE_MEMPOOL_F_NO_CACHE_ALIGN, NULL),
		 sizeof(struct rte_mempool_objhdr) + 24);
	CHECK_EQ(rte_mempool_avail_count(mp), 15);
	CHECK(rte_mempool_full(mp) && !rte_mempool_empty(mp));
}

/* every object once, with and without a cache, by every back end */
static void all_once(struct rte_mempool *mp, unsigned n)
{
	void **o = calloc(n + 1, sizeof(*o));

	CHECK_EQ(rte_mempool_avail_count(mp), n);
	for (unsigned i = 0; i < n; i++) {
		CHECK_EQ(rte_mempool_get(mp, &o[i]), 0);
		CHECK(rte_mempool_from_obj(o[i]) == mp);
		CHECK_EQ(rte_mempool_virt2iova(o[i]), (uintptr_t)o[i]);
		CHECK_EQ(rte_mempool_in_use_count(mp), i + 1);
		memset(o[i], (int)i, mp->elt_size);
	}
	rte_errno = 0;
	CHECK_EQ(rte_mempool_get(mp, &o[n]), -ENOBUFS);
	CHECK_EQ(rte_errno, 0);
	CHECK(rte_mempool_empty(mp));
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < mp->elt_size; k++)
			CHECK_EQ(((unsigned char *)o[i])[k], (unsigned char)i);
	for (unsigned i = 0; i < n; i++)
		rte_mempool_put(mp, o[i]);
	CHECK(rte_mempool_full(mp));
	for (unsigned bulk = 1; bulk <= n; bulk = bulk * 2 + 1) {
		CHECK_EQ(rte_mempool_get_bulk(mp, o, bulk), 0);
		CHECK_EQ(rte_mempool_avail_count(mp), n - bulk);
		CHECK_EQ(rte_mempool_get_bulk(mp, o + bulk, n - bulk + 1), -ENOBUFS);
		CHECK_EQ(rte_mempool_avail_count(mp), n - bulk);
		rte_mempool_put_bulk(mp, o, bulk);
		CHECK_EQ(rte_mempool_avail_count(mp), n);
	}
	rte_mempool_cache_flush(NULL, mp);
	CHECK_EQ(rte_mempool_ops_get_count(mp), n);
	rte_mempool_audit(mp);
	free(o);
}

TEST(each_back_end_gives_each_object_once)
{
	init_as("primary");
	for (unsigned b = 0; b < RTE_DIM(back_ends); b++)
		for (unsigned cache = 0; cache <= 64; cache += 16)
			for (unsigned track = 0; track < 2; track++) {
				struct rte_mempool *mp = rte_mempool_create_empty("e", 100, 40, cache, 0, SOCKET_ID_ANY,
										  track ? SHOAL_MEMPOOL_F_TRACK : 0);

				CHECK(mp != NULL && rte_mempool_lookup("e") == mp);
				CHECK_EQ(rte_mempool_set_ops_byname(mp, back_ends[b], NULL), 0);
				CHECK_EQ(rte_mempool_populate_default(mp), 100);
				all_once(mp, 100);
				CHECK_EQ(rte_mempool_set_ops_byname(mp, "stack", NULL), -EEXIST);
				rte_mempool_free(mp);
			}
}

TEST(a_secondary_uses_what_a_primary_made)
{
	struct rte_mempool *mp;
	struct t_proc *p;
	void *o;

	init_as("primary");
	mp = make(1023, 128, 32, 0);
	CHECK_EQ(rte_mempool_get(mp, &o), 0);
	p = t_spawn("sharer", "10", NULL);
	t_expect(p, "has 10");
	CHECK_EQ(rte_mempool_in_use_count(mp), 11);
	t_say(p, "put");
	t_expect(p, "put");
	CHECK_EQ(rte_mempool_in_use_count(mp), 1);
	rte_mempool_put(mp, o);
	CHECK(rte_mempool_full(mp));
	t_say(p, "end");
	CHECK_EQ(t_wait(p), 0);
}

/* both are lcore 0: each has a cache of its own, and what one gets the other never has */
TEST(two_processes_with_one_lcore_id)
{
	struct rte_mempool *mp;
	struct t_proc *p[2];

	init_as("primary");
	mp = make(512, 64, 32, 0);
	for (unsigned i = 0; i < 2; i++)
		p[i] = t_spawn("churner", "20000", NULL);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(t_wait(p[i]), 0);
	CHECK_EQ(rte_mempool_avail_count(mp), 512);
	rte_mempool_audit(mp);
}

static unsigned seen[2];
static void on_pool(enum rte_mempool_event ev, struct rte_mempool *mp, void *arg)
{
	CHECK(arg == seen && mp != NULL);
	seen[ev]++;
}
static void count_obj(struct rte_mempool *mp, void *arg, void *obj, unsigned i)
{
	CHECK(rte_mempool_from_obj(obj) == mp && i == *(unsigned *)arg);
	++*(unsigned *)arg;
}
static void count_mem(struct rte_mempool *mp, void *arg, struct rte_mempool_memhdr *hdr, unsigned i)
{
	CHECK(hdr->mp == mp && hdr->addr != NULL && i == 0);
	++*(unsigned *)arg;
}
static void count_pool(struct rte_mempool *mp, void *arg)
{
	CHECK_STR(mp->name, "pool");
	++*(unsigned *)arg;
}
static void freed(struct rte_mempool_memhdr *hdr, void *arg)
{
	CHECK(hdr->addr == arg);
	rte_free(arg);
	seen[0] = 77;
}

TEST(iterating_dumping_and_events)
{
	unsigned n = 0, chunks = 0, pools = 0;
	struct rte_mempool *mp;
	size_t page = 1;

	init_as("primary");
	CHECK_EQ(rte_mempool_event_callback_register(NULL, NULL), -1);
	CHECK_EQ(rte_mempool_event_callback_register(on_pool, seen), 0);
	CHECK_EQ(rte_mempool_event_callback_register(on_pool, seen), -1);
	CHECK_EQ(rte_errno, EEXIST);
	mp = make(50, 64, 8, 0);
	CHECK_EQ(seen[RTE_MEMPOOL_EVENT_READY], 1);
	CHECK_EQ(rte_mempool_obj_iter(mp, count_obj, &n), 50);
	CHECK_EQ(rte_mempool_mem_iter(mp, count_mem, &chunks), 1);
	rte_mempool_walk(count_pool, &pools);
	CHECK(n == 50 && chunks == 1 && pools == 1);
	CHECK_EQ(rte_mempool_get_page_size(mp, &page), 0);
	CHECK_EQ(page, 0);
	rte_mempool_dump(stderr, mp);
	rte_mempool_list_dump(stderr);
	rte_mempool_free(mp);
	CHECK_EQ(seen[RTE_MEMPOOL_EVENT_DESTROY], 1);
	CHECK_EQ(rte_mempool_event_callback_unregister(on_pool, seen), 0);
	CHECK_EQ(rte_mempool_event_callback_unregister(on_pool, seen), -1);
	CHECK_EQ(rte_errno, ENOENT);
}

TEST(memory_of_the_programs_and_caches_of_its_own)
{
	struct rte_mempool_cache *c;
	struct rte_mempool *mp;
	void *mem, *o[8];

	init_as("primary");
	mp = rte_mempool_create_empty("own", 10, 64, 0, 16, SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_SPREAD);
	CHECK(mp != NULL);
	*(uint64_t *)rte_mempool_get_priv(mp) = 5;
	mem = rte_malloc(NULL, 6 * 128, 64);
	CHECK_EQ(rte_mempool_populate_virt(mp, mem, 6 * 128, 0, freed, mem), 6);
	mem = rte_malloc(NULL, 8 * 128, 64);
	CHECK_EQ(rte_mempool_populate_iova(mp, mem, (uintptr_t)mem, 8 * 128, NULL, NULL), 4);
	CHECK_EQ(rte_mempool_populate_iova(mp, mem, (uintptr_t)mem, 8 * 128, NULL, NULL), -ENOSPC);
	CHECK_EQ(rte_mempool_populate_anon(mp), 0);
	CHECK_EQ(rte_errno, EEXIST);
	CHECK(rte_mempool_cache_create(513, 0) == NULL);
	c = rte_mempool_cache_create(2, SOCKET_ID_ANY);
	CHECK(c != NULL);
	CHECK_EQ(rte_mempool_generic_get(mp, o, 1, c), 0);
	CHECK_EQ(c->len, 2);
	rte_mempool_generic_put(mp, o, 1, c);
	CHECK_EQ(c->len, 3);
	rte_mempool_cache_flush(c, mp);
	CHECK_EQ(rte_mempool_ops_get_count(mp), 10);
	rte_mempool_cache_free(c);
	CHECK_EQ(rte_mempool_get_contig_blocks(mp, o, 1), -ENOTSUP);
	rte_mempool_free(mp);
	CHECK_EQ(seen[0], 77);
}

/* a thread that consumes: takes one, then gives back what came to it by another way */
static void give_back_by(struct rte_mempool *mp, bool get_first)
{
	struct rte_mempool_cache *c = rte_mempool_cache_create(512, SOCKET_ID_ANY);
	static void *o[2001];
	unsigned most = 0;

	CHECK(c != NULL);
	CHECK_EQ(rte_mempool_generic_get(mp, o, 2000, NULL), 0);
	CHECK_EQ(rte_mempool_generic_get(mp, &o[2000], 1, get_first ? c : NULL), 0);
	for (unsigned i = 0; i < 2001; i++) {
		rte_mempool_generic_put(mp, &o[i], 1, c);
		most = c->len > most ? c->len : most;
	}
	CHECK_EQ(most, 768);
	CHECK_EQ(c->flushthresh, 768);
	rte_mempool_cache_flush(c, mp);
	rte_mempool_cache_free(c);
	CHECK_EQ(rte_mempool_avail_count(mp), 4095);
}

TEST(a_cache_of_its_own_that_begins_with_a_get_is_emptied_in_time)
{
	struct rte_mempool *mp;

	init_as("primary");
	mp = rte_mempool_create("p", 4095, 64, 0, 0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, 0);
	CHECK(mp != NULL);
	give_back_by(mp, false);
	give_back_by(mp, true);
}

/* ---- what a program has of a name that a part of a pool would have is the program's ---- */

static const struct rte_memzone *taken(const char *name)
{
	const struct rte_memzone *mz = rte_memzone_reserve(name, 1 << 16, SOCKET_ID_ANY, 0);

	CHECK(mz != NULL);
	memset(mz->addr, 0x5a, mz->len);
	return mz;
}

static void untouched(const char *name, const struct rte_memzone *mz)
{
	CHECK(rte_memzone_lookup(name) == mz);
	for (size_t i = 0; i < mz->len; i++)
		CHECK_EQ(((const char *)mz->addr)[i], 0x5a);
}

static struct rte_mempool *cached_pool(const char *name)
{
	return rte_mempool_create(name, 63, 64, 16, 0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, 0);
}

static void beside_zones(void)
{
	const struct rte_memzone *mo = taken("MO_bar"), *mc = taken("MC_baza"), *mh = taken("MH_booa");
	struct rte_mempool *mp;
	void *o;

	rte_errno = 0;
	CHECK(cached_pool("bar") == NULL);
	CHECK_EQ(rte_errno, EEXIST);
	mp = cached_pool("baz");
	CHECK(mp != NULL);
	CHECK_EQ(rte_mempool_get(mp, &o), 0);
	rte_mempool_put(mp, o);
	rte_mempool_free(mp);
	mp = rte_mempool_create_empty("boo", 63, 64, 0, 0, SOCKET_ID_ANY, 0);
	CHECK(mp != NULL);
	CHECK(rte_mempool_populate_virt(mp, rte_malloc(NULL, 1024, 64), 1024, 0, NULL, NULL) < 0);
	rte_mempool_free(mp);
	untouched("MO_bar", mo);
	untouched("MC_baza", mc);
	untouched("MH_booa", mh);
}

static void dies(struct rte_mempool *mp, void *arg)
{
	(void)mp;
	(void)arg;
	(void)kill(getpid(), SIGKILL);
}

ROLE(dies_making)
{
	init_as("secondary");
	(void)rte_mempool_create(argv[1], 63, 64, 0, 0, dies, NULL, NULL, NULL, SOCKET_ID_ANY, 0);
	return 1;
}

TEST(things_of_the_programs_are_not_taken_for_parts_of_a_pool)
{
	struct rte_ring *r;
	void *o = NULL;

	init_as("primary");
	r = rte_ring_create("MP_foo", 64, SOCKET_ID_ANY, 0);
	CHECK_EQ(rte_ring_enqueue(r, &o), 0);
	for (unsigned dead = 0; dead < 2; dead++) {
		if (dead != 0) { /* it is cleared away */
			CHECK_EQ(t_wait(t_spawn("dies_making", "foo", NULL)), 128 + SIGKILL);
			CHECK_EQ(t_wait(t_spawn("dies_making", "bar", NULL)), 128 + SIGKILL);
		}
		rte_errno = 0;
		CHECK(cached_pool("foo") == NULL);
		CHECK_EQ(rte_errno, EEXIST);
		CHECK(rte_ring_lookup("MP_foo") == r);
		if (dead == 0)
			beside_zones();
		else
			CHECK(cached_pool("bar") == NULL && rte_memzone_lookup("MO_bar") != NULL);
	}
	CHECK_EQ(rte_ring_dequeue(r, &o), 0);
	CHECK(o == &o);
	rte_ring_free(r);
	CHECK(cached_pool("foo") != NULL);
}

ROLE(sharer)
{
	unsigned n = (unsigned)atoi(argv[1]);
	struct rte_mempool *mp;
	char line[32];
	void *o[64];

	init_as("secondary");
	mp = rte_mempool_lookup("pool");
	CHECK(mp != NULL);
	CHECK_EQ(rte_mempool_get_bulk(mp, o, n), 0);
	t_tell("has %u", n);
	while (t_hear(line, sizeof(line)) && strcmp(line, "end") != 0) {
		rte_mempool_put_bulk(mp, o, n);
		t_tell("put");
	}
	return 0;
}

/* takes, writes its name into what it took, looks whether it is still there, gives back */
ROLE(churner)
{
	unsigned rounds = (unsigned)atoi(argv[1]), seed = (unsigned)getpid();
	struct rte_mempool *mp;
	void *o[100];

	init_as("secondary");
	mp = rte_mempool_lookup("pool");
	CHECK(mp != NULL);
	while (rounds-- > 0) {
		unsigned n = 1 + (unsigned)rand_r(&seed) % 100;

		if (rte_mempool_get_bulk(mp, o, n) < 0)
			continue;
		for (unsigned i = 0; i < n; i++)
			*(volatile pid_t *)o[i] = getpid();
		for (unsigned i = 0; i < n; i++)
			CHECK_EQ(*(volatile pid_t *)o[i], getpid());
		rte_mempool_put_bulk(mp, o, n);
	}
	return 0;
}
