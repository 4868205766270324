/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * thread_end_test.c - threads that end while their member leaves, after it, and in its next life
 *
 * The leaver has a thread with blocks of several sizes, some of them freed. Which of the two comes by first is chosen by
 * SHOAL_HOLD_AT (base/fault.h). The test is a bystander: it takes and frees all the while, and in the end each block that the
 * leaver left is there with its bytes, can be freed once, and nothing else is in use.
 */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_malloc.h>
#include <shoal_mem.h>

#include "base/futex.h"
#include "span_cast.h"

#define SIZES 4
#define EACH 200u
#define LEFT 120u /* of each size: the rest is freed */

void sh_fault_step(const char *label); /* a step of the test's own */

struct cast {
	struct table *t[SIZES];
	const char *hold;
	unsigned threads;
	_Atomic uint32_t ready, go;
};

static struct cast *cast(void)
{
	static const unsigned size[SIZES] = {64, 500, 3000, 60000};
	struct cast *c = f_shared(sizeof(*c));

	c->threads = 1;
	for (unsigned i = 0; i < SIZES; i++)
		c->t[i] = table(size[i]);
	return c;
}

static unsigned each(unsigned size)
{
	return size == 60000 ? 10 : EACH;
}

static unsigned left(unsigned size)
{
	return size == 60000 ? 6 : LEFT;
}

static void say(_Atomic uint32_t *w)
{
	(void)sh_add(w, 1);
	sh_futex_wake(w, INT_MAX, SH_FUTEX_ANY, true);
}

static void until(_Atomic uint32_t *w, uint32_t n)
{
	uint32_t now;

	while ((now = sh_load_acq(w)) < n)
		(void)sh_futex_wait(w, now, SH_FOREVER, SH_FUTEX_ANY, true);
}

static void *takes_and_ends(void *arg)
{
	struct cast *c = arg;

	for (unsigned i = 0; i < SIZES; i++) {
		take(c->t[i], 0, each(c->t[i]->size));
		give(c->t[i], left(c->t[i]->size), each(c->t[i]->size));
	}
	say(&c->ready);
	until(&c->go, 1);
	return NULL;
}

/* leaves while its thread ends */
static int leaves(void *arg)
{
	struct cast *c = arg;
	pthread_t th;

	CHECK_EQ(pthread_create(&th, NULL, takes_and_ends, c), 0);
	until(&c->ready, 1);
	setenv("SHOAL_HOLD_AT", c->hold, 1);
	say(&c->go);
	sh_mem_stop();
	CHECK_EQ(pthread_join(th, NULL), 0);
	return 0;
}

/* takes and frees as long as that one is there */
static int bystands(pid_t pid)
{
	void *p[64];
	int st;

	do {
		for (unsigned i = 0; i < 64; i++) {
			p[i] = rte_malloc(NULL, i % 4 == 0 ? 60000 : 64u << i % 4, 0);
			CHECK(p[i] != NULL);
			*(unsigned *)p[i] = i;
		}
		for (unsigned i = 0; i < 64; i++) {
			CHECK_EQ(*(unsigned *)p[i], i);
			rte_free(p[i]);
		}
	} while (waitpid(pid, &st, WNOHANG) == 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

static unsigned out(void)
{
	struct rte_malloc_socket_stats s;

	CHECK_EQ(rte_malloc_get_socket_stats(0, &s), 0);
	return s.alloc_count;
}

static void clear(struct cast *c, const char *when)
{
	unsigned n = 0;

	f_sound(when);
	for (unsigned i = 0; i < SIZES; i++)
		n += left(c->t[i]->size);
	if (out() != n)
		t_fail(__FILE__, __LINE__, "%s: %u blocks are out, %u were left", when, out(), n);
	for (unsigned i = 0; i < SIZES; i++)
		give(c->t[i], 0, left(c->t[i]->size));
	sh_heap_trim();
	CHECK_EQ(used(), 0);
	f_sound(when);
}

/* each step of a thread's end, the outermost first; with the lock and without it */
static const char *const inside[] = {"span_end_in",   "span_gate_in",	  "span_gate_out",
				     "span_left",     "span_orphan_half", "span_orphan_ready",
				     "span_orphaned", "span_to_give",	  "span_end_out"};
#define INSIDE (sizeof(inside) / sizeof(inside[0]))

TEST_T(who_ends_while_its_member_leaves_is_waited_for, 60)
{
	f_group();
	for (unsigned i = 0; i < INSIDE; i++) {
		struct cast *c = cast();
		char hold[128];
		sh_id_t id;

		/* else it would go on when its spans have been seen to already, or when the room has gone */
		snprintf(hold, sizeof(hold), "span_shutting<%s %s<door_waits|span_stopped", inside[i], inside[i]);
		c->hold = hold;
		CHECK_EQ(bystands(f_member(leaves, c, &id)), 0);
		CHECK_EQ(shoal_mem_owned_by(id, NULL, NULL), (long)(3 * LEFT + left(60000)));
		clear(c, inside[i]);
	}
}

TEST_T(who_dies_while_it_waits_for_a_thread_that_ends_loses_nothing, 60)
{
	f_group();
	for (unsigned i = 0; i < INSIDE; i++) {
		struct cast *c = cast();
		char hold[128];
		sh_id_t id;
		pid_t pid;

		snprintf(hold, sizeof(hold), "span_shutting<%s %s<never", inside[i], inside[i]);
		c->hold = hold;
		setenv("SHOAL_DIE_AT", "door_waits", 1);
		pid = f_member(leaves, c, &id);
		unsetenv("SHOAL_DIE_AT");
		CHECK_EQ(f_wait(pid), 128 + SIGKILL);
		CHECK_EQ(sh_member_probe(id), 1);
		f_event(SH_EV_DEATH, id);
		clear(c, inside[i]);
	}
}

/* before the room looks, when it has seen to all spans and is still there, when it is not there any more */
TEST_T(who_ends_when_its_member_has_left_touches_nothing, 60)
{
	static const char *const hold[] = {"span_ends<door_waits|span_stopped span_stopped<span_ended",
					   "span_ends<span_room_gone"};

	f_group();
	for (unsigned i = 0; i < 2; i++) {
		struct cast *c = cast();

		c->hold = hold[i];
		CHECK_EQ(bystands(f_member(leaves, c, NULL)), 0);
		clear(c, hold[i]);
	}
}

/* its thread of before ends when it is a member again, and has as many spans by the same number */
static int comes_again(void *arg)
{
	struct table *t = table(500);
	struct cast *c = arg;
	unsigned orphans;
	pthread_t th;

	CHECK_EQ(pthread_create(&th, NULL, takes_and_ends, c), 0);
	until(&c->ready, 1);
	sh_mem_stop();
	CHECK_EQ(sh_mem_start(), 0);
	take(t, 0, 1000);
	orphans = count().orphans;
	say(&c->go);
	CHECK_EQ(pthread_join(th, NULL), 0);
	CHECK_EQ(count().orphans, orphans);
	f_sound("its thread of before has ended");
	give(t, 0, 500);
	take(t, 0, 500);
	give(t, 0, 1000);
	sh_mem_stop();
	return 0;
}

TEST(who_ends_in_the_next_life_of_its_process_has_nothing_there)
{
	struct cast *c = cast();

	f_group();
	CHECK_EQ(f_wait(f_member(comes_again, c, NULL)), 0);
	clear(c, "again");
}

static void *child_ends(void *arg)
{
	(void)arg;
	pthread_exit(NULL);
}

/* a child of fork() that forgets its parent's group, is told to end a thread, and makes a group of its own */
static void forked(void)
{
	static const sh_id_t nobody = 0;
	pthread_t th;

	sh_ctx.self = &nobody;
	if (!T_SANITIZED) { /* TSan ends a child that makes one */
		CHECK_EQ(pthread_create(&th, NULL, child_ends, NULL), 0);
		CHECK_EQ(pthread_join(th, NULL), 0);
	}
	sh_mem_stop();
	f_group();
	rte_free(rte_malloc(NULL, 100, 0));
	sh_heap_trim();
	CHECK_EQ(used(), 0);
	sh_mem_stop();
	_exit(0);
}

static int forks(void *arg)
{
	struct cast *c = arg;
	pthread_t th;
	pid_t pid;

	rte_free(rte_malloc(NULL, 100, 0));
	CHECK_EQ(pthread_create(&th, NULL, takes_and_ends, c), 0);
	until(&c->ready, 1);
	setenv("SHOAL_HOLD_AT", "test_forks<span_left span_left<test_forked", 1);
	say(&c->go);
	sh_fault_step("test_forks");
	pid = fork();
	if (pid == 0) {
		unsetenv("SHOAL_HOLD_AT");
		forked();
	}
	CHECK_EQ(f_wait(pid), 0);
	sh_fault_step("test_forked");
	CHECK_EQ(pthread_join(th, NULL), 0);
	sh_mem_stop();
	return 0;
}

TEST(a_child_that_was_forked_while_a_thread_ended_waits_for_nobody)
{
	struct cast *c = cast();

	f_group();
	CHECK_EQ(bystands(f_member(forks, c, NULL)), 0);
	clear(c, "forked");
}

/* no order: as it comes */
#define AT_ONCE 6

static void *takes_some(void *arg)
{
	struct cast *c = arg;
	unsigned me = sh_add(&c->ready, 1);

	for (unsigned i = 0; i < SIZES - 1; i++)
		take(c->t[i], me * 20, me * 20 + 20);
	say(&c->go);
	return NULL;
}

static int leaves_at_once(void *arg)
{
	struct cast *c = arg;
	pthread_t th[AT_ONCE];

	for (unsigned i = 0; i < AT_ONCE; i++)
		CHECK_EQ(pthread_create(&th[i], NULL, takes_some, c), 0);
	until(&c->go, AT_ONCE);
	sh_mem_stop();
	for (unsigned i = 0; i < AT_ONCE; i++)
		CHECK_EQ(pthread_join(th[i], NULL), 0);
	return 0;
}

TEST_T(many_threads_end_while_their_members_leave, 60)
{
	f_group();
	for (unsigned round = 0; round < (T_SANITIZED ? 20 : 60); round++) {
		struct cast *c = cast();

		CHECK_EQ(bystands(f_member(leaves_at_once, c, NULL)), 0);
		CHECK_EQ(out(), AT_ONCE * 20 * (SIZES - 1));
		for (unsigned i = 0; i < SIZES - 1; i++)
			give(c->t[i], 0, AT_ONCE * 20);
	}
	sh_heap_trim();
	CHECK_EQ(used(), 0);
	f_sound("all left");
}
