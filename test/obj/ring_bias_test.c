/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_bias_test.c - a side of a ring that is biased to a thread: given, taken back, kept, and left by the dead
 *
 * A holder puts elements in and takes them out until both sides are biased to it, and says so. Then it puts in one more and
 * dies or stops on the way, or is stopped before, while others do the same.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void step(const char *label);
#define __RTE_RING_STEP(label) step(label)
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ring.h>
#include <shoal_member.h>

#include "check.h"

#define TURNS 1000 /* more than it takes to be given the bias, also after it was taken back a few times */

static const char *at_label; /* in this thread: what is done when it passes there the next time */
static void (*then_do)(void);

static void step(const char *label)
{
	if (at_label == NULL || strcmp(label, at_label) != 0)
		return;
	at_label = NULL;
	then_do();
}

static void die(void)
{
	raise(SIGKILL);
}

static void stop(void)
{
	raise(SIGSTOP);
}

static void init_as(const char *type)
{
	char prog[] = "ring", p[64], lcores[] = "--lcores=0@0";
	char *argv[] = {prog, p, lcores, NULL};

	snprintf(p, sizeof(p), "--proc-type=%s", type);
	CHECK(rte_eal_init(3, argv) >= 0);
}

static uint64_t member_of(uint64_t name)
{
	return name << 16 >> 16;
}

/* others, a mender among them, may write them at any time */
static uint64_t bias(const struct __rte_ring_side *s)
{
	return __atomic_load_n(&s->bias, __ATOMIC_ACQUIRE);
}

static uint64_t owner(const struct __rte_ring_side *s)
{
	return __atomic_load_n(&s->owner, __ATOMIC_ACQUIRE);
}

static unsigned freed(const struct rte_ring *r, unsigned side)
{
	return __atomic_load_n(&r->mended[side], __ATOMIC_ACQUIRE);
}

static bool biased(const struct __rte_ring_side *s, uint64_t member)
{
	return (bias(s) >> 63) == 0 && member_of(bias(s)) == member;
}

/* one in, one out: the ring is as before */
static void turn(struct rte_ring *r)
{
	void *v = NULL;

	CHECK_EQ(rte_ring_enqueue(r, r), 0);
	CHECK_EQ(rte_ring_dequeue(r, &v), 0);
	CHECK(v == (void *)r);
}

static void turns(struct rte_ring *r)
{
	for (unsigned i = 0; i < TURNS; i++)
		turn(r);
}

/* argv: the label to pass, what to do there: "die", "stop" or anything else */
ROLE(holder)
{
	struct rte_ring *r;
	char line[8];

	init_as("secondary");
	r = rte_ring_lookup("ring");
	turns(r);
	CHECK(biased(&r->prod_side, __rte_ring_self[0]) && biased(&r->cons_side, __rte_ring_self[0]));
	t_tell("biased");
	(void)t_hear(line, sizeof(line));
	then_do = strcmp(argv[2], "die") == 0 ? die : stop;
	at_label = strcmp(argv[2], "nothing") == 0 ? NULL : argv[1];
	CHECK_EQ(rte_ring_enqueue(r, r), 0);
	t_tell("through");
	(void)t_hear(line, sizeof(line));
	turns(r);
	t_tell("ended");
	return 0;
}

/* argv: where to die in the library, or "" */
ROLE(other)
{
	struct rte_ring *r;

	if (argv[1][0] != '\0')
		setenv("SHOAL_DIE_AT", argv[1], 1);
	init_as("secondary");
	r = rte_ring_lookup("ring");
	CHECK_EQ(rte_ring_enqueue(r, r), 0);
	t_tell("through");
	return 0;
}

static struct t_proc *start_holder(const char *label, const char *what)
{
	struct t_proc *p = t_spawn("holder", label, what, NULL);

	(void)t_expect(p, "biased");
	return p;
}

static void end_holder(struct t_proc *p)
{
	t_say(p, "end");
	(void)t_expect(p, "ended");
	CHECK_EQ(t_wait(p), 0);
}

static struct rte_ring *make(unsigned flags)
{
	struct rte_ring *r = rte_ring_create("ring", 64, SOCKET_ID_ANY, flags);

	CHECK(r != NULL);
	return r;
}

static void wait_stopped(struct t_proc *p)
{
	siginfo_t si;

	CHECK_EQ(waitid(P_PID, (id_t)p->pid, &si, WSTOPPED | WNOWAIT), 0);
}

/* ---- living ---- */

TEST(a_stopped_holder_outside_holds_up_nobody)
{
	struct rte_ring *r;
	struct t_proc *p;

	init_as("primary");
	r = make(0);
	p = start_holder("", "nothing");
	t_kill(p, SIGSTOP);
	wait_stopped(p);
	turn(r);
	CHECK_EQ(bias(&r->prod_side), 0);
	CHECK_EQ(bias(&r->cons_side), 0);
	CHECK_EQ(freed(r, 0) + freed(r, 1), 0);
	t_kill(p, SIGCONT);
	t_say(p, "go");
	(void)t_expect(p, "through");
	CHECK_EQ(rte_ring_count(r), 1);
	end_holder(p);
}

TEST_T(a_stopped_holder_inside_keeps_its_place, 60)
{
	struct t_proc *p, *q;
	struct rte_ring *r;

	init_as("primary");
	r = make(0);
	p = start_holder("moved", "stop");
	t_say(p, "go");
	wait_stopped(p);
	q = t_spawn("other", "", NULL);
	while (strstr(t_stderr(q), "ring \"ring\": waiting for 1 s for member") == NULL)
		sched_yield();
	CHECK_EQ(rte_ring_count(r), 0);
	t_kill(p, SIGCONT);
	(void)t_expect(p, "through");
	(void)t_expect(q, "through");
	CHECK_EQ(rte_ring_count(r), 2);
	CHECK_EQ(freed(r, 0), 0);
	CHECK_EQ(t_wait(q), 0);
	turn(r);
	end_holder(p);
}

/* start and finish of a peek may have other rings between them, and so may not be entered by bias */
TEST(a_peek_takes_the_bias_back)
{
	struct rte_ring *r, *next;
	void *v;

	init_as("primary");
	r = make(RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ);
	next = rte_ring_create("next", 64, SOCKET_ID_ANY, 0);
	turns(r);
	turns(next);
	CHECK(biased(&r->cons_side, __rte_ring_self[0]) && biased(&next->prod_side, __rte_ring_self[0]));
	for (unsigned i = 0; i < TURNS; i++) {
		CHECK_EQ(rte_ring_enqueue(r, r), 0);
		CHECK_EQ(rte_ring_dequeue_bulk_start(r, &v, 1, NULL), 1);
		CHECK_EQ(bias(&r->cons_side), 0);
		CHECK_EQ(owner(&r->cons_side), __rte_ring_self[0]);
		turn(next);
		CHECK_EQ(owner(&r->cons_side), __rte_ring_self[0]);
		rte_ring_dequeue_finish(r, 1);
		CHECK_EQ(owner(&r->cons_side), 0);
	}
	CHECK(rte_ring_empty(r));
}

static struct rte_ring *handlers;

static void in_handler(void)
{
	const uint64_t at = *__rte_ring_thread.at;

	CHECK(at != 0);
	turn(handlers);
	CHECK_EQ(*__rte_ring_thread.at, at);
}

/* a signal's handler that uses another ring, biased to the same thread, while that is inside one */
TEST(a_handler_does_not_say_that_its_thread_has_left)
{
	struct rte_ring *r;

	init_as("primary");
	r = make(0);
	handlers = rte_ring_create("handlers", 64, SOCKET_ID_ANY, 0);
	turns(r);
	turns(handlers);
	then_do = in_handler;
	at_label = "moved";
	turn(r);
	CHECK(at_label == NULL);
	CHECK(biased(&r->prod_side, __rte_ring_self[0]));
	turns(handlers);
	CHECK(biased(&handlers->prod_side, __rte_ring_self[0]));
}

static void *use(void *r)
{
	turns(r);
	return (void *)(uintptr_t)(__rte_ring_thread.name >> 48);
}

TEST(a_thread_that_ends_leaves_its_record_to_the_next)
{
	struct rte_ring *r;
	pthread_t t;
	void *number;

	init_as("primary");
	r = make(0);
	for (unsigned i = 0; i < 150; i++) {
		CHECK_EQ(pthread_create(&t, NULL, use, r), 0);
		CHECK_EQ(pthread_join(t, &number), 0);
		CHECK((uintptr_t)number >= 1 && (uintptr_t)number <= 8);
	}
}

static pthread_barrier_t all_there, all_done;

static void *use_and_stay(void *r)
{
	void *number;

	number = use(r);
	pthread_barrier_wait(&all_there);
	pthread_barrier_wait(&all_done);
	return number;
}

/* more threads than there are records: the others enter by owner */
TEST_T(threads_beyond_the_records_go_without, 60)
{
	enum { THREADS = 70 };
	struct rte_ring *r[THREADS];
	pthread_t t[THREADS];
	unsigned with = 0, without = 0;
	char name[16];
	void *number;

	init_as("primary");
	pthread_barrier_init(&all_there, NULL, THREADS + 1);
	pthread_barrier_init(&all_done, NULL, THREADS + 1);
	for (unsigned i = 0; i < THREADS; i++) {
		snprintf(name, sizeof(name), "r%u", i);
		r[i] = rte_ring_create(name, 8, SOCKET_ID_ANY, 0);
		CHECK_EQ(pthread_create(&t[i], NULL, use_and_stay, r[i]), 0);
	}
	pthread_barrier_wait(&all_there);
	pthread_barrier_wait(&all_done);
	for (unsigned i = 0; i < THREADS; i++) {
		CHECK_EQ(pthread_join(t[i], &number), 0);
		with += number != NULL;
		without += number == NULL && bias(&r[i]->prod_side) == 0 && owner(&r[i]->prod_side) == 0;
	}
	CHECK_EQ(with, 64);
	CHECK_EQ(without, THREADS - 64);
}

static void child(void *r)
{
	void *v;

	CHECK(rte_ring_enqueue(r, r) != 0);
	CHECK_EQ(rte_errno, EPERM);
	CHECK(rte_ring_dequeue(r, &v) != 0);
	CHECK_EQ(rte_errno, EPERM);
	_exit(0);
}

TEST(a_forked_child_has_not_its_parents_bias)
{
	struct rte_ring *r;
	char err[4096];

	init_as("primary");
	r = make(0);
	turns(r);
	CHECK_EQ(rte_ring_enqueue(r, r), 0);
	CHECK_EQ(t_fork(child, r, err, sizeof(err)), 0);
	CHECK_EQ(rte_ring_count(r), 1);
	CHECK_EQ(*__rte_ring_thread.at, 0);
	CHECK(biased(&r->prod_side, __rte_ring_self[0]));
	turn(r);
}

/* ---- dying ---- */

static bool mended(void *r)
{
	return freed(r, 0) != 0;
}

TEST_T(a_holder_dies_at_each_labelled_step, 60)
{
	static const struct {
		const char *label;
		unsigned in, mended; /* its element is in; its place was freed */
	} steps[] = {{"entered", 0, 1}, {"moved", 0, 1}, {"published", 1, 1}, {"left", 1, 0}};
	struct rte_ring *r;
	struct t_proc *p;

	init_as("primary");
	for (unsigned i = 0; i < 4; i++) {
		r = make(0);
		p = start_holder(steps[i].label, "die");
		t_say(p, "go");
		CHECK_EQ(t_wait(p), 128 + SIGKILL);
		if (steps[i].mended != 0)
			t_until(mended, r); /* by this process, which is the caretaker, unasked */
		CHECK_EQ(rte_ring_enqueue(r, r), 0);
		CHECK_EQ(rte_ring_count(r), steps[i].in + 1);
		CHECK_EQ(freed(r, 0), steps[i].mended);
		CHECK_EQ(freed(r, 1), 0);
		turn(r);
		CHECK_EQ(bias(&r->prod_side), 0);
		rte_ring_free(r);
	}
}

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif

TEST_T(who_gets_the_bias_may_die, 60)
{
	struct rte_ring *r;
	struct t_proc *p;

	NEEDS_FAULT();
	init_as("primary");
	r = make(0);
	setenv("SHOAL_DIE_AT", "bias_given", 1);
	p = t_spawn("holder", "", "nothing", NULL);
	unsetenv("SHOAL_DIE_AT");
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
	turn(r);
	CHECK_EQ(bias(&r->prod_side), 0);
	CHECK_EQ(owner(&r->prod_side), 0);
	CHECK(rte_ring_empty(r));
}

/* while the holder is outside, and while it is stopped inside */
TEST_T(who_takes_the_bias_back_may_die, 60)
{
	static const char *const labels[] = {"bias_revoked", "bias_free"};
	struct t_proc *p, *q;
	struct rte_ring *r;

	NEEDS_FAULT();
	init_as("primary");
	for (unsigned i = 0; i < 2; i++)
		for (unsigned inside = 0; inside < 2 - i; inside++) {
			r = make(0);
			p = start_holder("moved", inside ? "stop" : "nothing");
			if (inside) {
				t_say(p, "go");
				wait_stopped(p);
			}
			q = t_spawn("other", labels[i], NULL);
			CHECK_EQ(t_wait(q), 128 + SIGKILL);
			CHECK_EQ(r->prod.tail, TURNS);
			if (inside)
				t_kill(p, SIGCONT);
			else
				t_say(p, "go");
			(void)t_expect(p, "through");
			turn(r);
			CHECK_EQ(rte_ring_count(r), 1);
			end_holder(p);
			rte_ring_free(r);
		}
}

/* the holder dies inside, and so does the one who was about to see to it */
TEST_T(who_mends_after_a_holder_may_die, 60)
{
	struct t_proc *p, *q;
	struct rte_ring *r;

	NEEDS_FAULT();
	init_as("primary");
	r = make(0);
	p = start_holder("moved", "stop");
	t_say(p, "go");
	wait_stopped(p);
	q = t_spawn("other", "bias_revoked", NULL);
	CHECK_EQ(t_wait(q), 128 + SIGKILL);
	t_kill(p, SIGKILL);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
	turn(r);
	CHECK_EQ(r->prod.tail, TURNS + 1);
	CHECK(freed(r, 0) >= 1);
	CHECK(rte_ring_empty(r));
}
