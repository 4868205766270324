/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_kill_test.c - processes that use pools are killed: their caches come back, and what they held of tracked pools
 *
 * $POOL_CYCLES: how many kill-and-restart cycles; the long suite does 1000.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_ring.h>
#include <rte_ring_peek.h>

#include "check.h"
#include "obj/pool.h"
#include "pool_help.h"
#include "proc/proc.h"

#define OBJECTS 512

static const char *const back_ends[] = {"ring_mp_mc", "stack", "kept"};

static unsigned cycles(unsigned usual)
{
	const char *v = getenv("POOL_CYCLES");

	return v != NULL ? (unsigned)atoi(v) : usual;
}

static struct rte_mempool *make(const char *name, const char *ops, unsigned cache, unsigned flags)
{
	struct rte_mempool *mp = rte_mempool_create_empty(name, OBJECTS, 64, cache, 0, SOCKET_ID_ANY, flags);

	CHECK(mp != NULL);
	CHECK_EQ(rte_mempool_set_ops_byname(mp, ops, NULL), 0);
	CHECK_EQ(rte_mempool_populate_default(mp), OBJECTS);
	return mp;
}

struct want {
	struct rte_mempool *mp;
	unsigned n;
};
static void count_theirs(struct rte_mempool *mp, struct sh_pool_cache *c, void *n)
{
	uint64_t who = sh_load_acq(&c->owner);

	(void)mp;
	*(unsigned *)n += who != 0 && who != sh_self();
}
/* caches that somebody else has; those that programs make are in no public count */
static unsigned theirs(struct rte_mempool *mp)
{
	unsigned n = 0;

	sh_pool_each_cache(mp, count_theirs, &n);
	return n;
}
static bool has(void *arg)
{
	const struct want *w = arg;

	come_by(w->mp);
	return rte_mempool_avail_count(w->mp) == w->n && rte_mempool_ops_get_count(w->mp) == w->n;
}
/* so many are in the back end, and none in a cache */
static void wait_for(struct rte_mempool *mp, unsigned n)
{
	struct want w = {mp, n};

	t_until(has, &w);
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;

	return x < y ? -1 : x > y;
}

/* each object is there, once */
static void check_whole(struct rte_mempool *mp, unsigned n)
{
	void *o[OBJECTS], *one;

	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(rte_mempool_generic_get(mp, &o[i], 1, NULL), 0);
	CHECK_EQ(rte_mempool_generic_get(mp, &one, 1, NULL), -ENOBUFS);
	qsort(o, n, sizeof(*o), by_address);
	for (unsigned i = 1; i < n; i++)
		CHECK(o[i] != o[i - 1]);
	rte_mempool_generic_put(mp, o, n, NULL);
}

/* ---- what was cached, what was held ---- */

TEST(a_dead_ones_cache_comes_back)
{
	init_kept("primary");
	for (unsigned b = 0; b < RTE_DIM(back_ends); b++) {
		struct rte_mempool *mp = make("pool", back_ends[b], 32, 0);
		struct t_proc *p = t_spawn("holder", "40", "5", NULL);

		t_expect(p, "has");
		CHECK(rte_mempool_ops_get_count(mp) < OBJECTS - 40);
		CHECK_EQ(rte_mempool_avail_count(mp), OBJECTS - 35);
		t_kill(p, SIGKILL);
		(void)t_wait(p);
		wait_for(mp, OBJECTS - 35);
		check_whole(mp, OBJECTS - 35);
		rte_mempool_free(mp);
	}
}

TEST(one_that_leaves_gives_its_cache_back)
{
	struct rte_mempool *mp;
	struct t_proc *p;

	init_kept("primary");
	mp = make("pool", "ring_mp_mc", 32, 0);
	p = t_spawn("holder", "40", "40", NULL);
	t_expect(p, "has");
	t_say(p, "end");
	CHECK_EQ(t_wait(p), 0);
	wait_for(mp, OBJECTS);
	p = t_spawn("cacher", "pool", "pool", NULL);
	t_expect(p, "has");
	CHECK_EQ(rte_mempool_ops_get_count(mp), OBJECTS - 8);
	t_say(p, "end");
	CHECK_EQ(t_wait(p), 0);
	wait_for(mp, OBJECTS);
	check_whole(mp, OBJECTS);
}

/* ---- caches that programs make ---- */

/* takes 8 of the first pool by a cache of its own, gives them back, and so with the second: the cache has 8 of that one */
ROLE(cacher)
{
	struct rte_mempool_cache *c;
	struct rte_mempool *mp;
	void *o[8];
	char line[32];

	init_kept("secondary");
	c = rte_mempool_cache_create(8, SOCKET_ID_ANY);
	CHECK(c != NULL);
	for (int i = 1; i <= 2; i++) {
		mp = rte_mempool_lookup(argv[i]);
		CHECK(mp != NULL);
		rte_mempool_cache_flush(c, rte_mempool_lookup(argv[1]));
		if (i == 2) /* the first use is a put */
			CHECK_EQ(rte_mempool_generic_get(mp, o, 4, NULL), 0);
		else
			CHECK_EQ(rte_mempool_generic_get(mp, o, 4, c), 0);
		rte_mempool_generic_put(mp, o, 4, c);
		CHECK_EQ(rte_mempool_generic_get(mp, o, 8, c), 0);
		rte_mempool_generic_put(mp, o, 8, c);
	}
	t_tell("has");
	(void)t_hear(line, sizeof(line));
	return rte_eal_cleanup();
}

TEST(a_dead_ones_own_cache_comes_back)
{
	struct rte_mempool *mp, *first;
	struct t_proc *p;

	init_kept("primary");
	first = make("first", "ring_mp_mc", 0, 0);
	for (unsigned b = 0; b < RTE_DIM(back_ends); b++) {
		mp = make("pool", back_ends[b], b * 16, 0);
		p = t_spawn("cacher", "first", "pool", NULL);
		t_expect(p, "has");
		CHECK_EQ(rte_mempool_ops_get_count(first), OBJECTS);
		CHECK_EQ(rte_mempool_ops_get_count(mp), OBJECTS - 8);
		CHECK_EQ(rte_mempool_avail_count(mp), OBJECTS - 8); /* as in DPDK: its own is not counted */
		t_kill(p, SIGKILL);
		(void)t_wait(p);
		wait_for(mp, OBJECTS);
		wait_for(first, OBJECTS);
		check_whole(mp, OBJECTS);
		rte_mempool_free(mp);
	}
}

/* a cache that is used with another pool when the first one has been freed, and a place that is let go is used again */
TEST(a_cache_changes_pools)
{
	struct rte_mempool_cache *c;
	struct rte_mempool *mp;
	void *o[4];

	init_kept("primary");
	c = rte_mempool_cache_create(4, SOCKET_ID_ANY);
	for (unsigned i = 0; i < 6; i++) {
		mp = make("pool", back_ends[i % 3], 0, 0);
		for (unsigned k = 0; k < 4; k++) {
			CHECK_EQ(rte_mempool_generic_get(mp, o, 4, c), 0);
			rte_mempool_generic_put(mp, o, 4, c);
			rte_mempool_cache_flush(c, mp);
		}
		check_whole(mp, OBJECTS);
		CHECK_EQ(mp->__chunk[1], 0); /* one place was enough */
		if (i == 3) {
			rte_mempool_cache_free(c);
			c = rte_mempool_cache_create(4, SOCKET_ID_ANY);
		}
		rte_mempool_free(mp);
	}
	rte_mempool_cache_free(c);
}

/* ---- back ends that programs register ---- */

/* one at a time may put: then it is who puts, and not who gets, that gives back what the dead had */
TEST(a_getter_gives_nothing_to_a_back_end_with_one_producer)
{
	struct rte_mempool *mp;
	struct t_proc *p;
	void *o, *all[OBJECTS];
	unsigned n = 0;

	init_kept("primary");
	mp = make("pool", "kept", 32, RTE_MEMPOOL_F_SP_PUT);
	p = t_spawn("holder", "40", "40", NULL);
	t_expect(p, "has");
	t_kill(p, SIGKILL);
	(void)t_wait(p);
	CHECK_EQ(rte_mempool_generic_get(mp, &o, 1, NULL), 0);
	while (rte_mempool_generic_get(mp, &all[n], 1, NULL) == 0)
		n++;
	CHECK(n < OBJECTS - 1);
	rte_mempool_generic_put(mp, &o, 1, NULL);
	rte_mempool_generic_put(mp, all, n, NULL);
	wait_for(mp, OBJECTS);
	check_whole(mp, OBJECTS);
}

TEST(what_a_dead_one_held_comes_back_if_tracked)
{
	init_kept("primary");
	for (unsigned b = 0; b < RTE_DIM(back_ends); b++) {
		struct rte_mempool *mp = make("pool", back_ends[b], b * 16, SHOAL_MEMPOOL_F_TRACK);
		struct t_proc *p = t_spawn("holder", "100", "20", NULL);
		void *mine;

		t_expect(p, "has");
		CHECK_EQ(rte_mempool_get(mp, &mine), 0);
		t_kill(p, SIGKILL);
		(void)t_wait(p);
		rte_mempool_cache_flush(NULL, mp);
		wait_for(mp, OBJECTS - 1);
		CHECK(shoal_owner(mine) == *__rte_ring_self);
		rte_mempool_put(mp, mine);
		rte_mempool_cache_flush(NULL, mp);
		wait_for(mp, OBJECTS);
		check_whole(mp, OBJECTS);
		rte_mempool_free(mp);
	}
}

/* ---- somebody else is inside a side meanwhile ---- */

/* inside the producers' side of a tracked ring until it hears a line */
ROLE(insider)
{
	struct rte_ring *r;
	char line[16];

	init_as("secondary");
	r = rte_ring_lookup("between");
	CHECK(r != NULL);
	CHECK_EQ(rte_ring_enqueue_bulk_start(r, 1, NULL), 1);
	t_tell("inside");
	(void)t_hear(line, sizeof(line));
	rte_ring_enqueue_finish(r, NULL, 0);
	t_tell("left");
	(void)t_hear(line, sizeof(line));
	return 0;
}

/* has all of two tracked pools */
ROLE(grasper)
{
	static void *o[2][OBJECTS];
	char line[16];

	init_as("secondary");
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(rte_mempool_get_bulk(rte_mempool_lookup(i == 0 ? "p0" : "p1"), o[i], OBJECTS), 0);
	t_tell("has all");
	(void)t_hear(line, sizeof(line));
	return 0;
}

static void make_between(void)
{
	(void)make("p0", "ring_mp_mc", 0, SHOAL_MEMPOOL_F_TRACK);
	(void)make("p1", "stack", 0, SHOAL_MEMPOOL_F_TRACK);
	CHECK(rte_ring_create("between", 64, SOCKET_ID_ANY,
			      RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ | SHOAL_RING_F_TRACK) != NULL);
}

ROLE(maker_between)
{
	char line[16];

	init_as("primary");
	make_between();
	t_tell("made");
	(void)t_hear(line, sizeof(line));
	return 0;
}

/* one has all and dies, while another is inside */
static struct t_proc *dead_while_inside(void)
{
	struct t_proc *in = t_spawn("insider", NULL), *all = t_spawn("grasper", NULL);

	t_expect(in, "inside");
	t_expect(all, "has all");
	t_kill(all, SIGKILL);
	CHECK_EQ(t_wait(all), 128 + SIGKILL);
	return in;
}

static bool will_look_again(void *arg)
{
	(void)arg;
	return sh_load_acq(&sh_ctx.obj->again) >= 0;
}

static bool all_there(void *arg)
{
	(void)arg;
	return rte_mempool_avail_count(rte_mempool_lookup("p0")) == OBJECTS &&
	       rte_mempool_avail_count(rte_mempool_lookup("p1")) == OBJECTS;
}

/* nobody asks for objects */
TEST(what_one_inside_was_in_the_way_of_comes_back_later)
{
	struct t_proc *in;

	init_as("primary");
	make_between();
	in = dead_while_inside();
	t_until(will_look_again, NULL);
	CHECK_EQ(rte_mempool_avail_count(rte_mempool_lookup("p0")), 0);
	t_say(in, "leave");
	t_until(all_there, NULL);
	t_say(in, "end");
	CHECK_EQ(t_wait(in), 0);
}

/* a thread that asks has looked, and somebody was in the way */
static bool starved_in_vain(void *pool)
{
	struct rte_mempool *mp = pool;
	void *o;

	CHECK_EQ(rte_mempool_get(mp, &o), -ENOBUFS);
	return __rte_mempool_here[mp->__slot].due != 0 && __rte_mempool_here[mp->__slot].deaths == UINT64_MAX;
}

static bool got(void *pool)
{
	void *o;

	return rte_mempool_get(pool, &o) == 0;
}

/* those who ask have no other to look for them: the one who would is stopped */
TEST(each_pool_is_mended_by_who_finds_it_empty)
{
	struct t_proc *maker = t_spawn("maker_between", NULL), *in;
	struct rte_mempool *mp[2];

	t_expect(maker, "made");
	init_as("secondary");
	mp[0] = rte_mempool_lookup("p0");
	mp[1] = rte_mempool_lookup("p1");
	CHECK(mp[0] != NULL && mp[1] != NULL);
	t_kill(maker, SIGSTOP);
	in = dead_while_inside();
	for (unsigned i = 0; i < 2; i++)
		t_until(starved_in_vain, mp[i]);
	t_say(in, "leave");
	t_expect(in, "left");
	for (unsigned k = 0; k < 2 * OBJECTS; k++)
		t_until(got, mp[k / OBJECTS]);
	t_kill(maker, SIGCONT);
	t_say(in, "end");
	CHECK_EQ(t_wait(in), 0);
	t_say(maker, "end");
	CHECK_EQ(t_wait(maker), 0);
}

/* 8 objects in memory of its own between 24 of the group's; has all of them, or dies where $SHOAL_DIE_AT says */
ROLE(private_filler)
{
	size_t size = rte_mempool_calc_obj_size(64, 0, NULL);
	struct rte_mempool *mp;
	static void *o[32];
	char line[8];

	init_as("secondary");
	mp = rte_mempool_create_empty("mine", 32, 64, 0, 0, SOCKET_ID_ANY, SHOAL_MEMPOOL_F_TRACK);
	CHECK(mp != NULL);
	CHECK_EQ(rte_mempool_populate_virt(mp, rte_malloc(NULL, 4 * size, 64), 4 * size, 0, NULL, NULL), 4);
	CHECK_EQ(rte_mempool_populate_virt(mp, aligned_alloc(64, 8 * size), 8 * size, 0, NULL, NULL), 8);
	CHECK_EQ(rte_mempool_populate_virt(mp, rte_malloc(NULL, 20 * size, 64), 20 * size, 0, NULL, NULL), 20);
	CHECK_EQ(rte_mempool_get_bulk(mp, o, 32), 0);
	t_tell("has all");
	(void)t_hear(line, sizeof(line));
	return 0;
}

#ifdef SH_FAULT
static bool settled(void *ring)
{
	return sh_load_acq(SH_A64(&((struct rte_ring *)ring)->cons_side.owner)) == 0;
}
#endif

TEST(memory_that_was_the_dead_ones_alone_harms_nobody)
{
	struct rte_mempool *mp;
	struct t_proc *p;

	init_as("primary");
	p = t_spawn("private_filler", NULL);
	t_expect(p, "has all");
	CHECK_HAS(t_stderr(p), "is not the group's");
	t_kill(p, SIGKILL);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
	mp = rte_mempool_lookup("mine");
	CHECK(mp != NULL);
	wait_for(mp, 24);
	for (unsigned i = 0; i < 24; i++) {
		void *o;

		CHECK_EQ(rte_mempool_get(mp, &o), 0);
		memset(o, 1, 64); /* it is there */
	}
	rte_mempool_free(mp);
#ifdef SH_FAULT
	setenv("SHOAL_DIE_AT", "move_out_noted:1", 1);
	p = t_spawn("private_filler", NULL);
	unsetenv("SHOAL_DIE_AT");
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
	mp = rte_mempool_lookup("mine");
	CHECK(mp != NULL);
	t_until(settled, mp->pool_data);
	CHECK_EQ(rte_mempool_ops_get_count(mp), 32);
#endif
}

ROLE(holder)
{
	unsigned n = (unsigned)atoi(argv[1]), back = (unsigned)atoi(argv[2]);
	struct rte_mempool *mp;
	void *o[OBJECTS] = {NULL};
	char line[32];

	init_kept("secondary");
	mp = rte_mempool_lookup("pool");
	CHECK(mp != NULL);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(rte_mempool_get(mp, &o[i]), 0);
	for (unsigned i = 0; i < back; i++)
		rte_mempool_put(mp, o[i]);
	t_tell("has");
	(void)t_hear(line, sizeof(line));
	return rte_eal_cleanup();
}

/* ---- client and server: the server gets, the client holds ---- */

/* what the client has got by a tracked ring it keeps when the server dies; what the server had comes back */
TEST(the_name_moves_with_the_object)
{
	struct rte_mempool *mp;
	struct t_proc *server;
	struct rte_ring *r;
	void *o[10], *last;

	init_kept("primary");
	mp = make("pool", "ring_mp_mc", 0, SHOAL_MEMPOOL_F_TRACK);
	r = rte_ring_create("RX", 64, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ | SHOAL_RING_F_TRACK);
	CHECK(r != NULL);
	server = t_spawn("server", "30", "20", NULL);
	t_expect(server, "sent");
	CHECK_EQ(rte_ring_dequeue_bulk(r, o, 10, NULL), 10);
	CHECK(shoal_owner(o[0]) == *__rte_ring_self);
	t_kill(server, SIGKILL);
	(void)t_wait(server);
	/* 10 are mine, 10 are in the ring, 10 the server had */
	wait_for(mp, OBJECTS - 20);
	CHECK_EQ(rte_ring_count(r), 10);
	for (unsigned i = 0; i < 10; i++) {
		CHECK_EQ(rte_ring_dequeue(r, &last), 0);
		rte_mempool_put(mp, last);
	}
	rte_mempool_put_bulk(mp, o, 10);
	wait_for(mp, OBJECTS);
	check_whole(mp, OBJECTS);
}

/* by another way it bears the wrong name, until shoal_own() */
TEST(what_came_by_another_way_is_owned_by_saying_so)
{
	struct rte_mempool *mp;
	struct t_proc *server;
	struct rte_ring *r;
	void *o[20];

	init_kept("primary");
	mp = make("pool", "ring_mp_mc", 0, SHOAL_MEMPOOL_F_TRACK);
	r = rte_ring_create("RX", 64, SOCKET_ID_ANY, 0);
	server = t_spawn("server", "30", "20", NULL);
	t_expect(server, "sent");
	CHECK_EQ(rte_ring_dequeue_bulk(r, o, 20, NULL), 20);
	for (unsigned i = 0; i < 20; i++)
		CHECK(shoal_own(o[i]) != 0 && shoal_own(o[i]) == *__rte_ring_self);
	t_kill(server, SIGKILL);
	(void)t_wait(server);
	wait_for(mp, OBJECTS - 20);
	rte_mempool_put_bulk(mp, o, 20);
	CHECK_EQ(mp->__strayed, 0);
	check_whole(mp, OBJECTS);
}

ROLE(server)
{
	unsigned n = (unsigned)atoi(argv[1]), sent = (unsigned)atoi(argv[2]);
	struct rte_mempool *mp;
	struct rte_ring *r;
	void *o[OBJECTS];
	char line[32];

	init_kept("secondary");
	mp = rte_mempool_lookup("pool");
	r = rte_ring_lookup("RX");
	CHECK(mp != NULL && r != NULL);
	CHECK_EQ(rte_mempool_get_bulk(mp, o, n), 0);
	CHECK_EQ(rte_ring_enqueue_bulk(r, o, sent, NULL), sent);
	t_tell("sent");
	(void)t_hear(line, sizeof(line));
	return 0;
}

/* ---- killed anywhere ---- */

static void nap_us(unsigned us)
{
	struct timespec t = {0, (long)us * 1000};

	(void)nanosleep(&t, NULL); /* sleep: deaths fall at any moment */
}

/*
 * A client takes from a ring and gives back; a server (this process) gets and puts into it. The client is killed wherever it
 * is, and another comes. Then all is put away, and each object is there.
 */
static void client_cycles(const char *ops, unsigned cache, unsigned n)
{
	struct rte_mempool *mp = make("pool", ops, cache, SHOAL_MEMPOOL_F_TRACK);
	struct rte_ring *r =
		rte_ring_create("RX", 128, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ | SHOAL_RING_F_TRACK);
	unsigned seed = 7;
	void *o[32];

	for (unsigned i = 0; i < n; i++) {
		struct t_proc *p = t_spawn("client", NULL);
		unsigned rounds = 200 + (unsigned)rand_r(&seed) % 400;

		t_expect(p, "ready");
		for (unsigned k = 0; k < rounds; k++) {
			unsigned want = 1 + (unsigned)rand_r(&seed) % 32, in;

			if (rte_mempool_get_bulk(mp, o, want) < 0) {
				nap_us(10);
				continue;
			}
			in = rte_ring_enqueue_burst(r, o, want, NULL);
			rte_mempool_put_bulk(mp, o + in, want - in);
		}
		nap_us((unsigned)rand_r(&seed) % 300);
		t_kill(p, SIGKILL);
		(void)t_wait(p);
	}
	while (rte_ring_dequeue(r, o) == 0)
		rte_mempool_put(mp, o[0]);
	rte_mempool_cache_flush(NULL, mp);
	wait_for(mp, OBJECTS);
	check_whole(mp, OBJECTS);
	CHECK_EQ(mp->__strayed, 0);
	rte_ring_free(r);
	rte_mempool_free(mp);
}

TEST_T(kill_and_restart_of_a_client, 3000)
{
	init_kept("primary");
	client_cycles("ring_mp_mc", 32, cycles(16));
	client_cycles("stack", 0, cycles(8));
}

ROLE(client)
{
	struct rte_mempool *mp;
	struct rte_ring *r;
	void *o[64];

	init_kept("secondary");
	mp = rte_mempool_lookup("pool");
	r = rte_ring_lookup("RX");
	CHECK(mp != NULL && r != NULL);
	t_tell("ready");
	for (;;) {
		unsigned n = rte_ring_dequeue_burst(r, o, 64, NULL);

		rte_mempool_put_bulk(mp, o, n);
		if (rte_mempool_get_bulk(mp, o, 7) == 0)
			rte_mempool_put_bulk(mp, o, 7);
	}
	return 0;
}

/*
 * Untracked: one that has nothing in its hands but for a moment. What is missing after its death is at most what it held
 * then, and nothing is there twice.
 */
static void churn(const char *ops, const char *whose, unsigned most)
{
	struct rte_mempool *mp = make("pool", ops, 16, 0);
	unsigned there = OBJECTS, n = cycles(8);

	for (unsigned i = 0; i < n; i++) {
		struct t_proc *p = t_spawn("churner", whose, NULL);
		unsigned now;

		t_expect(p, "ready");
		nap_us(200 + i * 37 % 500);
		t_kill(p, SIGKILL);
		(void)t_wait(p);
		for (;;) {
			come_by(mp);
			if (theirs(mp) != 0) {
				nap_us(100);
				continue;
			}
			now = rte_mempool_ops_get_count(mp);
			if (now <= there && now + most >= there && now == rte_mempool_avail_count(mp))
				break;
			nap_us(100);
		}
		check_whole(mp, now);
		there = now;
		if (there < OBJECTS / 2) { /* a new pool: the count of what the dead had in hand is not the point */
			rte_mempool_free(mp);
			mp = make("pool", ops, 16, 0);
			there = OBJECTS;
		}
	}
	rte_mempool_free(mp);
}

TEST_T(kills_without_tracking_lose_only_what_was_in_hand, 3000)
{
	init_kept("primary");
	churn("ring_mp_mc", "lcore", 12);
	churn("ring_mp_mc", "own", 12);
	churn("ring_mp_mc", "none", 12);
	/* and what was between cache and back end: a refill has 16 more, a flush up to 24 */
	churn("kept", "lcore", 12 + 24);
	churn("kept", "own", 12 + 24);
}

ROLE(churner)
{
	struct rte_mempool_cache *c;
	struct rte_mempool *mp;
	void *o[12];
	unsigned seed = (unsigned)getpid();

	init_kept("secondary");
	mp = rte_mempool_lookup("pool");
	CHECK(mp != NULL);
	c = argv[1][0] == 'o'	? rte_mempool_cache_create(16, SOCKET_ID_ANY)
	    : argv[1][0] == 'l' ? rte_mempool_default_cache(mp, 0)
				: NULL;
	CHECK((c == NULL) == (argv[1][0] == 'n'));
	t_tell("ready");
	for (;;) {
		unsigned n = 1 + (unsigned)rand_r(&seed) % 12;

		if (rte_mempool_generic_get(mp, o, n, c) == 0)
			rte_mempool_generic_put(mp, o, n, c);
	}
	return 0;
}
