/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * leave_test.c - ends in awkward places: cleanup while other threads call, a thread that ends inside an action, a child of an
 * action that returns from it, cleanup from where it cannot be done
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <shoal.h>
#include <shoal_member.h>

#include "member_role.h"

static struct rte_mp_msg named(const char *name)
{
	struct rte_mp_msg m = {.len_param = 9};

	snprintf(m.name, sizeof(m.name), "%s", name);
	return m;
}

static bool init_again(void)
{
	char *av[] = {(char *)"m", (char *)"--proc-type", (char *)"secondary", (char *)"-l", (char *)"0", NULL};

	return rte_eal_init(5, av) >= 0;
}

/* answers what is asked, and says nothing */
static int act_quiet(const struct shoal_in *in, void *arg)
{
	struct shoal_msg r = {.data = in->data, .len = in->len};

	(void)arg;
	if (in->is_request)
		(void)shoal_reply(in->peer, &r);
	return 0;
}

ROLE(quiet)
{
	char line[64];

	if (!m_init(argv[1], NULL))
		return 1;
	shoal_action_register("q", act_quiet, NULL);
	(void)t_hear(line, sizeof(line));
	return rte_eal_cleanup();
}

/* ---- cleanup while others call ---- */

static atomic_bool done;
static atomic_int wrong, rounds, asked, called;

static void judge(int r)
{
	atomic_fetch_add(&rounds, 1);
	/* it was cancelled, it came too late, or everybody who was asked had left */
	if (r == 0 || rte_errno == ECANCELED || rte_errno == EPERM || rte_errno == ECONNREFUSED)
		return;
	if (atomic_fetch_add(&wrong, 1) == 0)
		t_tell("errno %d", rte_errno);
}

static int count_call(const struct rte_mp_msg *m, const struct rte_mp_reply *r)
{
	(void)m;
	(void)r;
	atomic_fetch_add(&called, 1);
	return 0;
}

static void *ask_on(void *arg)
{
	struct rte_mp_msg m = named("q");

	(void)arg;
	while (!atomic_load(&done)) {
		struct rte_mp_reply r;

		judge(rte_mp_request_sync(&m, &r, NULL));
		free(r.msgs);
	}
	return NULL;
}

static void *send_on(void *arg)
{
	struct rte_mp_msg m = named("q");

	(void)arg;
	while (!atomic_load(&done)) {
		struct shoal_mp_counters n;

		judge(rte_mp_sendmsg(&m));
		judge(shoal_mp_counters(0, &n));
	}
	return NULL;
}

static void *ask_async_on(void *arg)
{
	struct rte_mp_msg m = named("q");

	(void)arg;
	while (!atomic_load(&done)) {
		int r = rte_mp_request_async(&m, NULL, count_call);

		judge(r);
		atomic_fetch_add(&asked, r == 0);
		/* as many as are answered: the queue of callbacks shall not be what is measured */
		while (atomic_load(&asked) - atomic_load(&called) > 8 && !atomic_load(&done))
			sched_yield();
	}
	return NULL;
}

/* the next so many calls, however long they take */
static void await_rounds(int n)
{
	int until = atomic_load(&rounds) + n;

	while (atomic_load(&rounds) < until)
		sched_yield();
}

/* argv[1]: lives */
ROLE(leaver)
{
	void *(*const what[])(void *) = {ask_on, send_on, ask_async_on};
	int lives = atoi(argv[1]);
	pthread_t th[3];

	if (!m_init("secondary", NULL))
		return 1;
	for (int i = 0; i < 3; i++)
		pthread_create(&th[i], NULL, what[i], NULL);
	for (int i = 0; i < lives; i++) {
		await_rounds(20 + 60 * (i % 3));
		if (rte_eal_cleanup() != 0 || !init_again())
			return 2;
	}
	await_rounds(20);
	if (rte_eal_cleanup() != 0)
		return 3;
	atomic_store(&done, true);
	for (int i = 0; i < 3; i++)
		pthread_join(th[i], NULL);
	t_tell("wrong %d missing %d", wrong, asked - called);
	return 0;
}

TEST_T(leave_cleanup_and_init_while_other_threads_call, 60)
{
	struct t_proc *a = t_spawn("quiet", "primary", NULL), *b;

	t_expect(a, "up");
	b = t_spawn("leaver", "25", NULL);
	t_expect(b, "up");
	CHECK_STR(t_expect(b, ""), "wrong 0 missing 0");
	CHECK_EQ(t_wait(b), 0);
	CHECK_HAS(t_stderr(b), "not a member of a group");
}

/* ---- cleanup while one waits for room ---- */

static _Atomic pid_t sender_tid;
static int sender_error;

static void *send_one(void *arg)
{
	struct rte_mp_msg m = named("q");

	(void)arg;
	atomic_store(&sender_tid, (pid_t)syscall(SYS_gettid));
	sender_error = rte_mp_sendmsg(&m) == 0 ? 0 : rte_errno;
	return NULL;
}

static bool sleeps(void *arg)
{
	(void)arg;
	return atomic_load(&sender_tid) != 0 && t_sleeps(atomic_load(&sender_tid));
}

/* its primary is stopped */
ROLE(filler)
{
	struct shoal_msg m = {.name = "q", .data = "x", .len = 1};
	uint64_t to = SHOAL_TO_PRIMARY;
	struct timespec now = {0};
	char line[64];
	pthread_t th;

	if (!m_init("secondary", NULL) || !t_hear(line, sizeof(line)))
		return 1;
	while (shoal_send(&to, 1, &m, &now, NULL) == 0)
		;
	t_tell("full %d", rte_errno);
	pthread_create(&th, NULL, send_one, NULL);
	t_until(sleeps, NULL);
	if (rte_eal_cleanup() != 0)
		return 2;
	pthread_join(th, NULL);
	t_tell("sender %d", sender_error);
	return 0;
}

TEST(leave_cleanup_ends_a_send_that_waits_for_room)
{
	struct t_proc *a = m_up("primary", NULL), *b;

	t_expect(a, "up");
	b = t_spawn("filler", NULL);
	t_expect(b, "up");
	t_kill(a, SIGSTOP);
	t_say(b, "go");
	CHECK_STR(t_expect(b, "full"), m_fmt("full %d", EAGAIN));
	CHECK_STR(t_expect(b, ""), m_fmt("sender %d", ECANCELED));
	CHECK_EQ(t_wait(b), 0);
}

/* ---- actions that end their thread, children that return from actions, cleanup from a callback ---- */

static int act_exit(const struct rte_mp_msg *m, const void *peer)
{
	(void)m;
	(void)peer;
	pthread_exit(NULL);
}

static int act_cancel(const struct rte_mp_msg *m, const void *peer)
{
	struct rte_mp_msg r = *m;

	pthread_cancel(pthread_self());
	pthread_testcancel();
	return rte_mp_reply(&r, peer);
}

static int cb_exit(const struct rte_mp_msg *m, const struct rte_mp_reply *r)
{
	(void)m;
	t_tell("cb %d", r->nb_received);
	pthread_exit(NULL);
}

/* the child returns, too; the parent says how that ended */
static int act_fork(const struct rte_mp_msg *m, const void *peer)
{
	struct rte_mp_msg r = *m;
	pid_t pid = fork();
	int st = 0;

	if (pid == 0)
		return 0;
	waitpid(pid, &st, 0);
	t_tell("child %d %d", WIFEXITED(st), WEXITSTATUS(st));
	return rte_mp_reply(&r, peer);
}

static void on_member(void *arg, enum shoal_member_event ev, uint64_t id)
{
	(void)arg;
	(void)id;
	if (ev == SHOAL_MEMBER_JOIN) {
		int r = rte_eal_cleanup();

		t_tell("cleanup %d %d", r, rte_errno);
	}
}

static atomic_bool polling;

static void *poll_on(void *arg)
{
	(void)arg;
	while (atomic_load(&polling) && shoal_mp_poll(0) >= 0)
		sched_yield();
	if (getppid() != *(pid_t *)arg) /* a child that returned from an action */
		_exit(rte_errno == EPERM ? 7 : 8);
	return NULL;
}

/* argv[2]: "poll": a thread of the program runs the actions. "poll": one more; "areq": a request whose callback ends its thread */
ROLE(odd)
{
	struct rte_mp_msg m = named("q");
	pid_t parent = getppid();
	char line[64];
	pthread_t th;

	if (!m_init(argv[1], NULL))
		return 1;
	rte_mp_action_register("exit", act_exit);
	rte_mp_action_register("cancel", act_cancel);
	rte_mp_action_register("fork", act_fork);
	shoal_action_register("q", act_quiet, NULL);
	shoal_member_event_register(on_member, NULL);
	atomic_store(&polling, true);
	if (argc > 2 && shoal_mp_fd() < 0)
		return 2;
	t_tell("ready");
	while (t_hear(line, sizeof(line))) {
		if (strcmp(line, "poll") == 0 && pthread_create(&th, NULL, poll_on, &parent) == 0)
			pthread_detach(th);
		else if (strcmp(line, "areq") == 0 && rte_mp_request_async(&m, NULL, cb_exit) != 0)
			return 3;
	}
	atomic_store(&polling, false);
	return rte_eal_cleanup();
}

static struct t_proc *odd(const char *how)
{
	struct t_proc *a = t_spawn("odd", "primary", how, NULL);

	t_expect(a, "ready");
	return a;
}

static struct t_proc *asker(void)
{
	struct t_proc *b = m_up("secondary", NULL);

	t_expect(b, "up");
	m_do(b, "ok", "reg q echo");
	return b;
}

TEST(leave_an_action_that_ends_its_thread_ends_nothing_else)
{
	struct t_proc *a = odd(NULL), *b = asker();

	for (int i = 0; i < 70; i++) /* more than threads fit the pool */
		CHECK_STR(m_do(b, "ret", "req exit 8 18000"), m_fmt("ret -1 %d 1 0 null 0", ETIMEDOUT));
	CHECK_STR(m_do(b, "ret", "req q 8 18000"), "ret 0 0 1 1 good 0");
	CHECK_STR(m_do(b, "ret", "req cancel 8 18000"), "ret 0 0 1 1 good 0");
	t_say(a, "areq");
	CHECK_STR(t_expect(a, "cb"), "cb 1");
	CHECK_STR(m_do(b, "ret", "req q 8 18000"), "ret 0 0 1 1 good 0");
	CHECK_HAS(t_stderr(a), "action exit ended its thread");
	CHECK_HAS(t_stderr(a), "callback of a request ended its thread");
	t_say(a, "areq"); /* its callback, and what it ends, come while the primary leaves */
	close(a->in);
	CHECK_EQ(t_wait(a), 0);
}

TEST(leave_a_polled_action_that_ends_its_thread_lets_another_poll)
{
	struct t_proc *a = odd("poll"), *b = asker();

	t_say(a, "poll");
	CHECK_STR(m_do(b, "ret", "req exit 8 18000"), m_fmt("ret -1 %d 1 0 null 0", ETIMEDOUT));
	t_say(a, "poll");
	CHECK_STR(m_do(b, "ret", "req q 8 18000"), "ret 0 0 1 1 good 0");
	close(a->in);
	CHECK_EQ(t_wait(a), 0);
}

TEST(leave_a_child_that_returns_from_an_action_ends)
{
	struct t_proc *a = odd(NULL), *b = asker();

	CHECK_STR(m_do(b, "ret", "req fork 8 18000"), "ret 0 0 1 1 good 0");
	CHECK_STR(t_expect(a, "child"), "child 1 1");
	CHECK_HAS(t_stderr(a), "a forked child returned from the action");
	CHECK_STR(m_do(b, "ret", "req q 8 18000"), "ret 0 0 1 1 good 0");
}

TEST(leave_a_child_that_returns_from_a_polled_action_is_told)
{
	struct t_proc *a = odd("poll"), *b = asker();

	t_say(a, "poll");
	CHECK_STR(m_do(b, "ret", "req fork 8 18000"), "ret 0 0 1 1 good 0");
	CHECK_STR(t_expect(a, "child"), "child 1 7");
	CHECK_STR(m_do(b, "ret", "req q 8 18000"), "ret 0 0 1 1 good 0");
}

TEST(leave_cleanup_in_a_member_event_is_refused)
{
	struct t_proc *a = odd(NULL), *b = asker();

	CHECK_STR(t_expect(a, "cleanup"), m_fmt("cleanup -1 %d", EDEADLK));
	CHECK_HAS(t_stderr(a), "called from inside a callback");
	CHECK_STR(m_do(b, "ret", "req q 8 18000"), "ret 0 0 1 1 good 0");
}
