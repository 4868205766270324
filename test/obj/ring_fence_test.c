/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_fence_test.c - rings of a group with a member to which a seccomp filter refuses membarrier(2), before it joins or after
 *
 * Two threads, or two processes, take turns at one ring; numbers go in and must come out in their order. When the bias of a
 * side was given is told by its word since, so "nobody was given it from here on" is: since has not changed. And who sleeps for
 * a ring is woken by such a member, also where that one has found the ring by a pointer.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/membarrier.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memzone.h>
#include <shoal_ring.h>

#include "check.h"

#define ASKED (1u << 31) /* in a ring's watch: who publishes makes the fence */
#define LONG 1000	 /* elements in a turn: more than it takes to be given the bias */
#define TURNS 20	 /* of each */
#define ROUNDS 200

/* in a memzone */
struct board {
	struct rte_ring *r, *back; /* found here, not by name */
	_Atomic unsigned turn;
	uintptr_t in, out; /* numbers so far; written by whose turn it is */
};

static void init_as(const char *type)
{
	char prog[] = "ring", p[64], lcores[] = "--lcores=0@0", members[] = "--max-members=2";
	char *argv[] = {prog, p, lcores, members, NULL};

	snprintf(p, sizeof(p), "--proc-type=%s", type);
	CHECK(rte_eal_init(strcmp(type, "primary") == 0 ? 4 : 3, argv) >= 0);
}

/* from now on, in all threads of this process; 0, or an errno */
static int refuse(int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return errno;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog) == 0 ? 0 : errno;
}

static void try_refuse(void *arg)
{
	(void)arg;
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) != 0)
		_exit(2);
	_exit(refuse(EPERM) == 0 && syscall(SYS_membarrier, 0, 0, 0) < 0 && errno == EPERM ? 0 : 1);
}

static void need_filters(void)
{
	int r = t_fork(try_refuse, NULL, NULL, 0);

	if (r != 0)
		SKIP("%s", r == 2 ? "membarrier(2) is refused here" : "no seccomp filters here");
}

static uint64_t bias(const struct __rte_ring_side *s)
{
	return __atomic_load_n(&s->bias, __ATOMIC_ACQUIRE);
}

/* numbers in, and as many out */
static void pass(struct rte_ring *r, struct board *b, unsigned n)
{
	void *v;

	for (unsigned i = 0; i < n; i++) {
		CHECK_EQ(rte_ring_enqueue(r, (void *)b->in++), 0);
		CHECK_EQ(rte_ring_dequeue(r, &v), 0);
		CHECK_EQ((uintptr_t)v, b->out++);
	}
}

/* each turn leaves one more inside */
static void take_turns(struct rte_ring *r, struct board *b, unsigned me)
{
	for (unsigned i = 0; i < TURNS; i++) {
		while (b->turn != me)
			sched_yield();
		CHECK_EQ(rte_ring_enqueue(r, (void *)b->in++), 0);
		pass(r, b, LONG);
		b->turn = !me;
	}
}

static struct board *make(void)
{
	const struct rte_memzone *mz = rte_memzone_reserve("board", sizeof(struct board), SOCKET_ID_ANY, 0);
	struct board *b = mz->addr;

	memset(b, 0, sizeof(*b));
	b->r = rte_ring_create("ring", 64, SOCKET_ID_ANY, 0);
	CHECK(b->r != NULL);
	return b;
}

/* so many turns have been, and the numbers are those that must be there */
static void check_counts(const struct board *b, unsigned turns)
{
	void *v;

	CHECK_EQ(b->in, (uintptr_t)turns + b->out);
	CHECK_EQ(rte_ring_count(b->r), turns);
	for (uintptr_t i = 0; i < turns; i++) {
		CHECK_EQ(rte_ring_dequeue(b->r, &v), 0);
		CHECK_EQ((uintptr_t)v, b->out + i);
	}
}

/* ---- the bias ---- */

static void *second(void *arg)
{
	struct board *b = arg;

	take_turns(b->r, b, 1);
	return NULL;
}

static void two_threads(struct board *b)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, second, b), 0);
	take_turns(b->r, b, 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
}

static void never_biased(int err)
{
	struct board *b;

	need_filters();
	CHECK_EQ(refuse(err), 0);
	init_as("primary");
	b = make();
	two_threads(b);
	CHECK_EQ(b->r->prod_side.since, 0);
	CHECK_EQ(b->r->cons_side.since, 0);
	check_counts(b, 2 * TURNS);
}

TEST(threads_of_a_refused_process_get_no_bias)
{
	never_biased(EPERM);
}

TEST(threads_get_no_bias_where_the_kernel_has_no_membarrier)
{
	never_biased(ENOSYS);
}

static void until_refused(int err)
{
	uint64_t since[2];
	struct board *b;

	need_filters();
	init_as("primary");
	b = make();
	pass(b->r, b, LONG);
	since[0] = b->r->prod_side.since;
	since[1] = b->r->cons_side.since;
	CHECK(bias(&b->r->prod_side) != 0 && bias(&b->r->cons_side) != 0);
	CHECK_EQ(refuse(err), 0);
	b->turn = 1; /* the other thread is refused when it takes the bias back */
	two_threads(b);
	CHECK_EQ(bias(&b->r->prod_side) + bias(&b->r->cons_side), 0);
	CHECK_EQ(b->r->prod_side.since, since[0]);
	CHECK_EQ(b->r->cons_side.since, since[1]);
	check_counts(b, 2 * TURNS);
}

TEST(threads_keep_no_bias_once_refused)
{
	until_refused(EPERM);
}

TEST(threads_keep_no_bias_once_told_that_there_is_no_membarrier)
{
	until_refused(ENOSYS);
}

/* argv: refused "before" or "after" it joins, or "never"; what it is told */
ROLE(other)
{
	struct board *b;
	char line[8];

	if (strcmp(argv[1], "before") == 0)
		CHECK_EQ(refuse(atoi(argv[2])), 0);
	init_as("secondary");
	if (strcmp(argv[1], "after") == 0)
		CHECK_EQ(refuse(atoi(argv[2])), 0);
	b = rte_memzone_lookup("board")->addr;
	t_tell("ready");
	(void)t_hear(line, sizeof(line));
	if (strcmp(line, "leave") == 0)
		return rte_eal_cleanup();
	take_turns(b->r, b, 1);
	t_tell("done");
	(void)t_hear(line, sizeof(line));
	return 0;
}

static struct t_proc *start_other(const char *when, int err)
{
	char e[8];
	struct t_proc *p;

	snprintf(e, sizeof(e), "%d", err);
	p = t_spawn("other", when, e, NULL);
	(void)t_expect(p, "ready");
	return p;
}

static bool biased_again(void *arg)
{
	struct board *b = arg;

	pass(b->r, b, LONG);
	return bias(&b->r->prod_side) != 0 && bias(&b->r->cons_side) != 0;
}

/* both sides are biased to this process; then comes one that is refused, and goes */
static void two_processes(const char *when, int err)
{
	uint64_t since[2];
	struct board *b;
	struct t_proc *p;

	need_filters();
	init_as("primary");
	b = make();
	pass(b->r, b, LONG);
	p = start_other(when, err);
	CHECK(bias(&b->r->prod_side) != 0 && bias(&b->r->cons_side) != 0);
	since[0] = b->r->prod_side.since;
	since[1] = b->r->cons_side.since;
	b->turn = 1;
	t_say(p, "go");
	take_turns(b->r, b, 0);
	(void)t_expect(p, "done");
	CHECK_EQ(bias(&b->r->prod_side) + bias(&b->r->cons_side), 0);
	CHECK_EQ(b->r->prod_side.since, since[0]);
	CHECK_EQ(b->r->cons_side.since, since[1]);
	CHECK_EQ(b->r->mended[0] + b->r->mended[1], 0);
	check_counts(b, 2 * TURNS);
	b->out = b->in;
	t_kill(p, SIGKILL);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
	t_until(biased_again, b);
}

TEST_T(a_member_refused_before_it_joins_ends_the_bias_of_all, 60)
{
	two_processes("before", EPERM);
}

TEST_T(a_member_without_membarrier_ends_the_bias_of_all, 60)
{
	two_processes("before", ENOSYS);
}

TEST_T(a_member_refused_after_it_joined_ends_the_bias_of_all, 60)
{
	two_processes("after", EPERM);
}

TEST_T(a_member_that_loses_membarrier_ends_the_bias_of_all, 60)
{
	two_processes("after", ENOSYS);
}

/* there are two slots: that of one that was refused says nothing of the next one in it */
TEST_T(its_slot_is_as_any_other_after_it, 60)
{
	struct board *b;
	struct t_proc *p;

	need_filters();
	init_as("primary");
	b = make();
	p = start_other("before", EPERM);
	t_say(p, "leave");
	CHECK_EQ(t_wait(p), 0);
	p = start_other("never", 0);
	t_until(biased_again, b);
	t_say(p, "leave");
	CHECK_EQ(t_wait(p), 0);
}

/* ---- sleeping ---- */

/* argv: when it is refused, and by what. Puts into "back" what it takes from "there"; it has looked up neither */
ROLE(echo)
{
	struct board *b;
	uintptr_t v = 0;

	if (strcmp(argv[1], "before") == 0)
		CHECK_EQ(refuse(EPERM), 0);
	init_as("secondary");
	if (strcmp(argv[1], "after") == 0)
		CHECK_EQ(refuse(EPERM), 0);
	b = rte_memzone_lookup("board")->addr;
	t_tell("ready");
	(void)t_hear((char[8]){0}, 8);
	while (v != ROUNDS) {
		CHECK_EQ(shoal_ring_wait(b->r, SHOAL_RING_ELEMENTS, NULL), 0);
		CHECK_EQ(rte_ring_dequeue(b->r, (void **)&v), 0);
		CHECK_EQ(rte_ring_enqueue(b->back, (void *)v), 0);
	}
	return rte_eal_cleanup();
}

/* a ring in a zone of the program's own: no lookup finds it */
static struct rte_ring *nameless(const char *zone)
{
	const struct rte_memzone *mz = rte_memzone_reserve_aligned(zone, (size_t)rte_ring_get_memsize(4), SOCKET_ID_ANY,
								   0, RTE_CACHE_LINE_SIZE * 2);

	CHECK(mz != NULL);
	CHECK_EQ(rte_ring_init(mz->addr, zone, 4, 0), 0);
	return mz->addr;
}

static struct board *make_nameless(void)
{
	struct board *b = rte_memzone_reserve("board", sizeof(*b), SOCKET_ID_ANY, 0)->addr;

	memset(b, 0, sizeof(*b));
	b->r = nameless("there");
	b->back = nameless("back");
	return b;
}

static uint32_t watch(const struct rte_ring *r)
{
	return __atomic_load_n(&r->watch, __ATOMIC_ACQUIRE);
}

static void ping_pong(struct board *b, struct t_proc *p)
{
	uintptr_t v;

	t_say(p, "go");
	for (uintptr_t i = 1; i <= ROUNDS; i++) {
		CHECK_EQ(rte_ring_enqueue(b->r, (void *)i), 0);
		CHECK_EQ(shoal_ring_wait(b->back, SHOAL_RING_ELEMENTS, NULL), 0);
		CHECK_EQ(rte_ring_dequeue(b->back, (void **)&v), 0);
		CHECK_EQ(v, i);
	}
	CHECK_EQ(t_wait(p), 0);
}

static void *asleep(void *back)
{
	return (void *)(intptr_t)shoal_ring_wait(back, SHOAL_RING_ELEMENTS, NULL);
}

static bool sleeps(void *r)
{
	return (watch(r) & 1) != 0;
}

static bool is_asked(void *r)
{
	return (watch(r) & ASKED) != 0;
}

/* one sleeps already, for a ring whose other user then joins, is refused and has only a pointer to it */
TEST_T(a_sleeper_asks_for_the_fence_when_a_refused_one_joins, 60)
{
	struct board *b;
	struct t_proc *p;
	pthread_t t;
	void *v;

	need_filters();
	init_as("primary");
	b = make_nameless();
	CHECK_EQ(pthread_create(&t, NULL, asleep, b->back), 0);
	t_until(sleeps, b->back);
	CHECK(!is_asked(b->back));
	p = t_spawn("echo", "before", NULL);
	(void)t_expect(p, "ready");
	t_until(is_asked, b->back);
	CHECK(!is_asked(b->r)); /* nobody sleeps for that one */
	CHECK_EQ(rte_ring_enqueue(b->back, b), 0);
	CHECK_EQ(pthread_join(t, &v), 0);
	CHECK(v == NULL);
	CHECK_EQ(rte_ring_dequeue(b->back, &v), 0);
	ping_pong(b, p);
}

TEST_T(a_refused_member_and_another_wake_one_another, 60)
{
	struct board *b;
	struct t_proc *p;

	need_filters();
	init_as("primary");
	b = make_nameless();
	p = t_spawn("echo", "before", NULL);
	(void)t_expect(p, "ready");
	CHECK(shoal_ring_wait(b->back, SHOAL_RING_ELEMENTS, &(struct timespec){.tv_nsec = 1}) == -1);
	ping_pong(b, p);
	CHECK(is_asked(b->back));
}

TEST_T(a_member_refused_later_and_another_wake_one_another, 60)
{
	struct board *b;
	struct t_proc *p;

	need_filters();
	init_as("primary");
	b = make_nameless();
	p = t_spawn("echo", "after", NULL);
	(void)t_expect(p, "ready");
	t_say(p, "");
	t_until(is_asked, b->r); /* it has gone to sleep, and was refused */
	ping_pong(b, p);
}

/* nobody is refused, nobody is asked for a fence */
TEST_T(nobody_is_asked_where_all_may, 60)
{
	struct board *b;
	struct t_proc *p;

	need_filters();
	init_as("primary");
	b = make_nameless();
	p = t_spawn("echo", "never", NULL);
	(void)t_expect(p, "ready");
	t_say(p, "");
	t_until(sleeps, b->r);
	ping_pong(b, p);
	CHECK(!is_asked(b->r) && !is_asked(b->back));
}

/* it looks again once, not for ever: in this time it would have been a hundred times */
TEST(a_refused_sleeper_sleeps)
{
	struct rusage before, after;
	struct rte_ring *r;

	need_filters();
	CHECK_EQ(refuse(EPERM), 0);
	init_as("primary");
	r = rte_ring_create("r", 4, SOCKET_ID_ANY, 0);
	CHECK_EQ(getrusage(RUSAGE_THREAD, &before), 0);
	CHECK_EQ(shoal_ring_wait(r, SHOAL_RING_ELEMENTS, &(struct timespec){.tv_sec = 1}), -1);
	CHECK_EQ(rte_errno, ETIMEDOUT);
	CHECK_EQ(getrusage(RUSAGE_THREAD, &after), 0);
	CHECK(after.ru_nvcsw - before.ru_nvcsw < 30);
}
