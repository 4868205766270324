/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_thread_end_test.c - threads that rings know by a name, and that end while their member leaves, after it, and in its
 * next life
 */
#include <pthread.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_ring.h>

#include "base/atom.h"
#include "base/futex.h"
#include "check.h"

#define TURNS 1000 /* more than it takes to be given a name */
#define NOBODY 1u

struct other {
	pthread_t th;
	struct rte_ring *r;
	uint64_t name;
	_Atomic uint32_t turn; /* odd: the thread's, even: the test's */
};

static void init(void)
{
	char prog[] = "ring", lcores[] = "--lcores=0@0";
	char *argv[] = {prog, lcores, NULL};

	CHECK(rte_eal_init(2, argv) >= 0);
}

static uint64_t turns(struct rte_ring *r)
{
	void *v = NULL;

	for (unsigned i = 0; i < TURNS; i++) {
		CHECK_EQ(rte_ring_enqueue(r, r), 0);
		CHECK_EQ(rte_ring_dequeue(r, &v), 0);
		CHECK(v == (void *)r);
	}
	return __rte_ring_thread.name;
}

static struct rte_ring *make(void)
{
	struct rte_ring *r = rte_ring_create("ring", 64, SOCKET_ID_ANY, 0);

	CHECK(r != NULL);
	return r;
}

static void pass(struct other *o)
{
	(void)sh_add(&o->turn, 1);
	sh_futex_wake(&o->turn, INT_MAX, SH_FUTEX_ANY, false);
}

static void await(struct other *o, uint32_t odd)
{
	uint32_t now;

	while ((now = sh_load_acq(&o->turn)) % 2 != odd)
		(void)sh_futex_wait(&o->turn, now, SH_FOREVER, SH_FUTEX_ANY, false);
}

/* a turn: uses the ring, if there is one, and says its name; one without a ring after the first is the last */
static void *plays(void *arg)
{
	struct other *o = arg;

	for (;;) {
		await(o, 1);
		if (o->r == NULL)
			break;
		o->name = turns(o->r);
		pass(o);
	}
	o->name = __rte_ring_thread.name;
	return NULL;
}

static void play(struct other *o, struct rte_ring *r)
{
	o->r = r;
	pass(o);
	if (r != NULL)
		await(o, 0);
}

static void begin(struct other *o, struct rte_ring *r)
{
	CHECK_EQ(pthread_create(&o->th, NULL, plays, o), 0);
	play(o, r);
	if (o->name == NOBODY)
		SKIP("no thread has a name here: membarrier(2) is refused");
}

static void end(struct other *o)
{
	play(o, NULL);
	CHECK_EQ(pthread_join(o->th, NULL), 0);
}

/* a ring of this life; o had its turns in the one before */
static struct rte_ring *next_life(struct other *o)
{
	init();
	begin(o, make());
	CHECK_EQ(rte_eal_cleanup(), 0);
	init();
	return make();
}

/* by number and member another thread may be what this one was: it must not be both */
TEST(who_had_a_name_in_an_earlier_life_has_it_no_more)
{
	struct other before = {.turn = 0}, later = {.turn = 0};
	struct rte_ring *r = next_life(&before);
	uint64_t mine = turns(r);

	CHECK(mine != NOBODY);
	play(&before, r);
	CHECK(before.name != mine && before.name != NOBODY);
	begin(&later, r);
	CHECK(later.name != mine && later.name != before.name);
	CHECK_EQ(turns(r), mine);
	end(&later);
	end(&before);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(who_ends_in_the_next_life_gives_nothing_back_there)
{
	struct other before = {.turn = 0}, later = {.turn = 0};
	struct rte_ring *r = next_life(&before);
	uint64_t mine = turns(r);

	end(&before);
	CHECK_EQ(before.name, NOBODY);
	begin(&later, r);
	CHECK(later.name != mine);
	end(&later);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(who_ends_after_its_member_has_left_touches_nothing)
{
	struct other o = {.turn = 0};

	init();
	begin(&o, make());
	CHECK_EQ(rte_eal_cleanup(), 0);
	end(&o);
	init();
	CHECK_EQ(turns(make()) != NOBODY, 1);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* while it leaves; else it goes on when the words it writes to are not there any more */
TEST(who_ends_while_its_member_leaves_is_waited_for)
{
	struct other o = {.turn = 0};

	init();
	begin(&o, make());
	setenv("SHOAL_HOLD_AT", "bias_shutting<bias_end_in bias_end_in<door_waits|stop_dropped", 1);
	play(&o, NULL);
	CHECK_EQ(rte_eal_cleanup(), 0);
	CHECK_EQ(pthread_join(o.th, NULL), 0);
}

/* it finds the door shut, when the room is there yet, or not any more */
TEST(who_ends_when_its_member_is_leaving_touches_nothing)
{
	struct other o = {.turn = 0};

	init();
	begin(&o, make());
	setenv("SHOAL_HOLD_AT", "bias_ends<stop_dropped", 1);
	play(&o, NULL);
	CHECK_EQ(rte_eal_cleanup(), 0);
	CHECK_EQ(pthread_join(o.th, NULL), 0);
}
