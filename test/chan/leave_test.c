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
	char path[64], line[256] = "";
	FILE *f;

	(void)arg;
	if (atomic_load(&sender_tid) == 0)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)atomic_load(&sender_tid));
	f = fopen(path, "r");
	if (f == NULL || fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	if (f != NULL)
		fclose(f);
	return strstr(line, ") S ") != NULL;
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
