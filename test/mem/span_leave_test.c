/* SPDX-License-Identifier: BSD-3-Clause */
/* span_leave_test.c - members and threads that die or leave: what they had serves the others */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <shoal_mem.h>

#include "base/futex.h"
#include "proc/opts.h"
#include "span_cast.h"

static int takes_and_dies(void *arg)
{
	take(arg, 0, MANY);
	CHECK(rte_malloc(NULL, 1 << 20, 0) != NULL);
	CHECK(rte_malloc(NULL, 100, 4096) != NULL);
	return 0; /* without a word */
}

static void note(void *ptr, size_t size, void *arg)
{
	size_t *sum = arg;

	CHECK(ptr != NULL);
	*sum += size;
}

TEST(what_the_dead_left_is_listed_and_freed)
{
	struct table *t = table(1000);
	size_t sum = 0;
	sh_id_t id;

	f_group();
	CHECK_EQ(f_wait(f_member(takes_and_dies, t, &id)), 0);
	CHECK_EQ(sh_member_probe(id), 1);
	CHECK_EQ(count().orphans, 0);
	CHECK_EQ(shoal_mem_owned_by(id, note, &sum), MANY + 2);
	/* of the aligned one: from its address to the end of its place */
	sum -= MANY * 1024ull + (1 << 20);
	CHECK(sum >= 100 && sum <= sh_classes[sh_class_of(100 + 4032)].size);
	CHECK_EQ(shoal_mem_owned_by(id + 65536, NULL, NULL), 0);
	f_event(SH_EV_DEATH, id);
	CHECK_EQ(count().orphans, count().spans);
	f_sound("reaped");
	give(t, 0, 100);
	CHECK_EQ(shoal_mem_owned_by(id, NULL, NULL), MANY - 98);
	CHECK_EQ(shoal_mem_free_owned(id), MANY - 98);
	CHECK_EQ(shoal_mem_free_owned(id), 0);
	CHECK_EQ(used(), 0);
	f_sound("all freed");
	CHECK_EQ(shoal_mem_free_owned(sh_self()), -1);
	CHECK_EQ(rte_errno, EBUSY);
	CHECK_EQ(shoal_mem_free_owned(0), -1);
	CHECK_EQ(rte_errno, EINVAL);
}

/* more spans than a slice of the walk has: they are all found, full ones and empty ones, and some of each */
TEST(a_walk_of_many_slices_misses_no_span)
{
	struct table *t = table(4000);
	sh_id_t id;

	f_group();
	CHECK_EQ(f_wait(f_member(takes_and_dies, t, &id)), 0);
	CHECK(count().spans > 300);
	CHECK_EQ(sh_member_probe(id), 1);
	f_event(SH_EV_DEATH, id);
	CHECK_EQ(count().orphans, count().spans);
	f_sound("full ones");
	CHECK(shoal_mem_free_owned(id) == MANY + 2 && used() == 0);

	CHECK_EQ(f_wait(f_member(takes_and_dies, t, &id)), 0);
	give(t, 0, MANY / 2);
	for (unsigned i = MANY / 2; i < MANY; i++)
		if (i % 30 < 15)
			give(t, i, i + 1);
	CHECK_EQ(sh_member_probe(id), 1);
	f_event(SH_EV_DEATH, id);
	CHECK_EQ(count().orphans, count().spans);
	CHECK(count().spans < 160); /* the empty ones are free */
	f_sound("empty ones");
	CHECK(shoal_mem_free_owned(id) > 0 && used() == 0);
	f_sound("all freed");
}

static int takes_and_leaves(void *arg)
{
	take(arg, 0, MANY);
	for (unsigned i = 0; i < MANY; i++)
		if (i % 3 == 0)
			give(arg, i, i + 1);
	sh_mem_stop();
	return 0;
}

TEST(who_leaves_leaves_orphans)
{
	struct table *t = table(128);
	sh_id_t id;

	f_group();
	CHECK_EQ(f_wait(f_member(takes_and_leaves, t, &id)), 0);
	CHECK_EQ(count().orphans, count().spans);
	CHECK_EQ(count().blocks, MANY - (MANY + 2) / 3);
	f_sound("left");
	f_event(SH_EV_LEAVE, id);
	for (unsigned i = 0; i < MANY; i++)
		if (i % 3 != 0)
			give(t, i, i + 1);
	CHECK_EQ(used(), 0);
}

static int takes_one(void *arg)
{
	take(arg, 0, 1);
	sh_mem_stop();
	return 0;
}

TEST(a_death_is_heard_while_a_stopped_member_has_the_lock)
{
	struct table *t = table(128), *one = table(5000), *mine = table(700);
	pid_t stopped;
	sh_id_t id;
	int st;

	f_group();
	CHECK_EQ(f_wait(f_member(takes_and_dies, t, &id)), 0);
	CHECK_EQ(sh_member_probe(id), 1);
	setenv("SHOAL_STOP_AT", "mem_run_ready", 1);
	stopped = f_member(takes_one, one, NULL);
	unsetenv("SHOAL_STOP_AT");
	CHECK_EQ(waitpid(stopped, &st, WUNTRACED), stopped);
	CHECK(WIFSTOPPED(st));
	f_event(SH_EV_DEATH, id); /* the watcher's thread: it must not wait for who is stopped */
	kill(stopped, SIGCONT);
	CHECK_EQ(f_wait(stopped), 0);
	CHECK(count().orphans < count().spans);
	take(mine, 0, 1); /* who needs a span catches up */
	CHECK_EQ(count().orphans + 1, count().spans);
	f_sound("caught up");
}

/* four at a time, each a quarter: whoever is last gives the span back */
struct quarter {
	struct table *t;
	unsigned from;
};

static int gives_quarter(void *arg)
{
	const struct quarter *q = arg;

	wait_turn(q->t, 1);
	for (unsigned i = q->from; i < 120; i += 4)
		rte_free(sh_load_acq(&q->t->p[i]));
	return 0;
}

static void *thread_takes_120(void *arg)
{
	take(arg, 0, 120);
	return NULL;
}

TEST_T(the_last_of_several_gives_an_orphan_back, 60)
{
	f_group();
	for (unsigned round = 0; round < 60; round++) {
		struct table *t = table(500);
		struct quarter q[4];
		pid_t pid[4];

		thread(thread_takes_120, t);
		for (unsigned i = 0; i < 4; i++) {
			q[i] = (struct quarter){t, i};
			pid[i] = f_member(gives_quarter, &q[i], NULL);
		}
		set_turn(t, 1);
		for (unsigned i = 0; i < 4; i++)
			CHECK_EQ(f_wait(pid[i]), 0);
		CHECK_EQ(used(), 0);
		f_sound("round");
	}
}

/* they free while the thread that owns the span ends */
struct ending {
	struct table *t;
	pthread_barrier_t both;
};

static void *ends_now(void *arg)
{
	struct ending *e = arg;

	take(e->t, 0, 60);
	pthread_barrier_wait(&e->both);
	return NULL;
}

TEST_T(a_span_whose_owner_ends_while_others_free_is_given_back, 60)
{
	f_group();
	for (unsigned round = 0; round < 400; round++) {
		struct ending e = {.t = table(1000)};
		pthread_t th;

		pthread_barrier_init(&e.both, NULL, 2);
		CHECK_EQ(pthread_create(&th, NULL, ends_now, &e), 0);
		pthread_barrier_wait(&e.both);
		give(e.t, 0, 60);
		CHECK_EQ(pthread_join(th, NULL), 0);
		CHECK_EQ(used(), 0);
	}
}
