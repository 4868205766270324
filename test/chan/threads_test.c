/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * threads_test.c - many threads in one process: requests under one name, a blocked dispatcher, cancelled threads, order across
 * three processes, forked children, requests begun while the channel stops
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <shoal.h>

#include "member_role.h"

static struct t_proc *as(const char *role, const char *type)
{
	struct t_proc *p = t_spawn(role, type, NULL);

	t_expect(p, "up");
	return p;
}

static void msg(struct rte_mp_msg *m, const char *name, const void *data, size_t len)
{
	memset(m, 0, sizeof(*m));
	snprintf(m->name, sizeof(m->name), "%s", name);
	memcpy(m->param, data, len);
	m->len_param = (int)len;
}

static int verbatim(const struct rte_mp_msg *m, const void *peer)
{
	struct rte_mp_msg r = *m;

	return rte_mp_reply(&r, peer);
}

/* ask "same" with data; true when exactly that came back */
static bool ask_same(const void *data, size_t len)
{
	struct timespec ts = {.tv_sec = 30};
	struct rte_mp_reply rep;
	struct rte_mp_msg m;
	bool same;

	msg(&m, "same", data, len);
	if (rte_mp_request_sync(&m, &rep, &ts) != 0)
		return false;
	same = rep.nb_received == 1 && rep.msgs[0].len_param == (int)len && memcmp(rep.msgs[0].param, data, len) == 0;
	free(rep.msgs);
	return same;
}

/* ---- requests from 8 threads ---- */

struct crowd {
	unsigned no, rounds, wrong;
};

static void *ask_often(void *arg)
{
	struct crowd *c = arg;

	for (unsigned i = 0; i < c->rounds; i++) {
		unsigned data[2] = {c->no, i};

		c->wrong += !ask_same(data, sizeof(data));
	}
	return NULL;
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

/* keeps the dispatcher until "open" */
static int act_stay(const struct rte_mp_msg *m, const void *peer)
{
	(void)m;
	(void)peer;
	t_tell("staying");
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return 0;
}

/* "crowd ROUNDS"; "shut", "open": the gate of act_stay; "stay": send that to the other side */
ROLE(crowd)
{
	char line[64];

	if (!m_init(argv[1], NULL))
		return 1;
	rte_mp_action_register("same", verbatim);
	rte_mp_action_register("stay", act_stay);
	while (t_hear(line, sizeof(line))) {
		struct crowd c[8];
		pthread_t th[8];
		unsigned wrong = 0;
		struct rte_mp_msg m;

		if (strcmp(line, "shut") == 0)
			pthread_mutex_lock(&gate);
		if (strcmp(line, "open") == 0)
			pthread_mutex_unlock(&gate);
		if (strcmp(line, "stay") == 0) {
			msg(&m, "stay", "", 0);
			(void)rte_mp_sendmsg(&m);
		}
		if (strncmp(line, "crowd ", 6) != 0)
			continue;
		for (unsigned i = 0; i < 8; i++) {
			c[i] = (struct crowd){.no = i, .rounds = (unsigned)atoi(line + 6)};
			pthread_create(&th[i], NULL, ask_often, &c[i]);
		}
		for (unsigned i = 0; i < 8; i++) {
			pthread_join(th[i], NULL);
			wrong += c[i].wrong;
		}
		t_tell("wrong %u", wrong);
	}
	return 0;
}

TEST_T(threads_eight_ask_one_peer_under_one_name, 60)
{
	struct t_proc *a = as("crowd", "primary"), *b = as("crowd", "secondary");

	t_say(b, "crowd 400");
	CHECK_STR(t_expect(b, "wrong"), "wrong 0");
	t_say(a, "crowd 400"); /* both directions at once */
	t_say(b, "crowd 400");
	CHECK_STR(t_expect(a, "wrong"), "wrong 0");
	CHECK_STR(t_expect(b, "wrong"), "wrong 0");
}

TEST_T(threads_nobody_starves_while_an_action_keeps_the_dispatcher, 60)
{
	struct t_proc *a = as("crowd", "primary"), *b = as("crowd", "secondary");

	t_say(b, "shut");
	t_say(a, "stay");
	t_expect(b, "staying");
	t_say(b, "crowd 300");
	CHECK_STR(t_expect(b, "wrong"), "wrong 0");
	t_say(b, "open");
}

/* ---- threads that are cancelled somewhere in a call ---- */

/* a function of its own: what is unwound when the thread ends has no variables that a sanitizer would watch */
__attribute__((noinline)) static void one_round(atomic_int *rounds)
{
	int n = atomic_fetch_add(rounds, 1);
	struct rte_mp_msg m;

	(void)ask_same(&n, sizeof(n));
	msg(&m, "drop", &n, sizeof(n));
	(void)rte_mp_sendmsg(&m);
}

static void *until_cancelled(void *arg)
{
	for (;;) {
		one_round(arg);
		pthread_testcancel();
	}
	return NULL;
}

static int act_drop(const struct rte_mp_msg *m, const void *peer)
{
	(void)m;
	(void)peer;
	return 0;
}

ROLE(cancelled)
{
	atomic_int rounds[3] = {0};
	int wrong = 0;

	if (!m_init(argv[1], NULL))
		return 1;
	for (int i = 0; i < 60; i++) {
		pthread_t th[3];
		int n = i;

		for (int k = 0; k < 3; k++) {
			atomic_store(&rounds[k], 0);
			pthread_create(&th[k], NULL, until_cancelled, &rounds[k]);
		}
		while (atomic_load(&rounds[i % 3]) < i % 7) /* at another place each time */
			sched_yield();
		for (int k = 0; k < 3; k++)
			pthread_cancel(th[k]);
		wrong += !ask_same(&n, sizeof(n));
		for (int k = 0; k < 3; k++)
			pthread_join(th[k], NULL);
		wrong += !ask_same(&n, sizeof(n));
	}
	t_tell("wrong %d", wrong);
	return rte_eal_cleanup();
}

ROLE(server)
{
	char line[64];

	if (!m_init(argv[1], NULL))
		return 1;
	rte_mp_action_register("same", verbatim);
	rte_mp_action_register("drop", act_drop);
	(void)t_hear(line, sizeof(line));
	return rte_eal_cleanup();
}

TEST_T(threads_cancelled_in_a_request_leave_the_channel_usable, 60)
{
	struct t_proc *a = as("server", "primary"), *b = as("cancelled", "secondary");

	(void)a;
	CHECK_STR(t_expect(b, ""), "wrong 0");
	CHECK_EQ(t_wait(b), 0);
}

/* ---- causal order: A sends to C and then tells B, B sends to C ---- */

static uint64_t to_b, to_c;
static int seen_a, seen_b, disorder;

static void send_to(uint64_t to, const char *name, int i)
{
	struct shoal_msg m = {.name = name, .data = &i, .len = sizeof(i)};

	if (shoal_send(&to, 1, &m, NULL, NULL) != 0)
		t_tell("error %d", rte_errno);
}

/* at C */
static int act_first(const struct rte_mp_msg *m, const void *peer)
{
	int i;

	(void)peer;
	memcpy(&i, m->param, sizeof(i));
	disorder += i != seen_a;
	seen_a++;
	return 0;
}

static int act_second(const struct rte_mp_msg *m, const void *peer)
{
	int i;

	(void)peer;
	memcpy(&i, m->param, sizeof(i));
	disorder += i != seen_b || seen_a <= i;
	if (++seen_b == 8000)
		t_tell("all disorder %d", disorder);
	return 0;
}

/* at B: on a thread that must not wait for room, so it tells its own thread by a pipe */
static int relay[2];
static int act_tell(const struct rte_mp_msg *m, const void *peer)
{
	(void)peer;
	return write(relay[1], m->param, sizeof(int)) == (ssize_t)sizeof(int) ? 0 : -1;
}

ROLE(causal_b)
{
	int i;

	if (pipe(relay) < 0 || !m_init("secondary", NULL))
		return 1;
	rte_mp_action_register("tell", act_tell);
	to_c = shoal_member_primary();
	while (read(relay[0], &i, sizeof(i)) == (ssize_t)sizeof(i))
		send_to(to_c, "second", i);
	return 0;
}

ROLE(causal_c)
{
	char line[64];

	if (!m_init("primary", NULL))
		return 1;
	rte_mp_action_register("first", act_first);
	rte_mp_action_register("second", act_second);
	(void)t_hear(line, sizeof(line));
	return 0;
}

ROLE(causal_a)
{
	char line[64];

	if (!m_init("secondary", NULL) || !t_hear(line, sizeof(line)))
		return 1;
	to_b = strtoull(line, NULL, 10);
	to_c = shoal_member_primary();
	for (int i = 0; i < 8000; i++) {
		send_to(to_c, "first", i);
		send_to(to_b, "tell", i);
	}
	return 0;
}

TEST_T(threads_causal_order_across_senders, 60)
{
	struct t_proc *c = as("causal_c", NULL), *b = t_spawn("causal_b", NULL), *a;
	unsigned long long ib = m_id(b);

	a = as("causal_a", NULL);
	t_say(a, m_fmt("%llu", ib));
	CHECK_STR(t_expect(c, ""), "all disorder 0");
	CHECK_EQ(t_wait(a), 0);
}

/* ---- a forked child ---- */

static int cb_none(const struct rte_mp_msg *m, const struct rte_mp_reply *r)
{
	(void)m;
	(void)r;
	t_tell("called in %s", "child");
	return 0;
}

/* every call that needs a member; the number of those that did not say EPERM */
static int all_calls(const char *peer)
{
	struct shoal_msg s = {.name = "same"};
	struct shoal_mp_counters n;
	struct shoal_answers *ans = NULL;
	struct rte_mp_reply rep;
	uint64_t to = SHOAL_TO_OTHERS;
	struct rte_mp_msg m;
	int wrong = 0;

#define EPERM_OF(call) (rte_errno = 0, wrong += !((call) == -1 && rte_errno == EPERM))
	msg(&m, "same", "x", 1);
	EPERM_OF(rte_mp_sendmsg(&m));
	EPERM_OF(rte_mp_request_sync(&m, &rep, NULL));
	EPERM_OF(rte_mp_request_async(&m, NULL, cb_none));
	EPERM_OF(rte_mp_reply(&m, peer));
	EPERM_OF(rte_mp_action_register("y", verbatim));
	EPERM_OF(shoal_send(&to, 1, &s, NULL, NULL));
	EPERM_OF(shoal_request(&to, 1, &s, NULL, &ans));
	EPERM_OF(shoal_request_cancel(1));
	EPERM_OF(shoal_reply(peer, &s));
	EPERM_OF(shoal_mp_fd());
	EPERM_OF(shoal_mp_poll(0));
	EPERM_OF(shoal_mp_action_drain("same", NULL));
	EPERM_OF(shoal_mp_counters(0, &n));
#undef EPERM_OF
	rte_mp_action_unregister("same"); /* does nothing, does not hang */
	rte_errno = 0;
	wrong += rte_mp_disable() || rte_errno != EPERM;
	return wrong;
}

ROLE(forker)
{
	int wrong = 0;

	if (!m_init(argv[1], NULL))
		return 1;
	rte_mp_action_register("same", verbatim);
	for (int i = 0; i < 20; i++) {
		struct crowd c = {.rounds = 50};
		pthread_t th;
		pid_t pid;
		int st = 0;

		pthread_create(&th, NULL, ask_often, &c); /* forked in the middle of its calls */
		pid = fork();
		if (pid == 0)
			_exit(all_calls("/x#10000.1"));
		waitpid(pid, &st, 0);
		wrong += !WIFEXITED(st) || WEXITSTATUS(st) != 0;
		pthread_join(th, NULL);
		wrong += (int)c.wrong;
	}
	t_tell("wrong %d", wrong);
	return rte_eal_cleanup();
}

TEST(threads_a_forked_child_is_told_so_and_the_parent_goes_on)
{
	struct t_proc *a = as("server", "primary"), *b = as("forker", "secondary");

	(void)a;
	CHECK_STR(t_expect(b, ""), "wrong 0");
	CHECK_HAS(t_stderr(b), "rte_mp_action_unregister: a forked child");
	CHECK_HAS(t_stderr(b), "rte_mp_disable: a forked child");
	CHECK_EQ(t_wait(b), 0);
}

/* ---- a callback that asks again, for ever, until cleanup ---- */

static atomic_int asked, called, refused;

static int cb_again(const struct rte_mp_msg *m, const struct rte_mp_reply *r)
{
	struct timespec ts = {.tv_sec = 60};
	struct rte_mp_msg q = *m;
	struct rte_mp_reply rep;

	for (int i = 0; i < r->nb_received; i++)
		(void)r->msgs[i];
	atomic_fetch_add(&called, 1);
	if (rte_mp_request_async(&q, &ts, cb_again) == 0)
		atomic_fetch_add(&asked, 1);
	else if (rte_errno == ECANCELED)
		atomic_fetch_add(&refused, 1);
	if (atomic_load(&called) % 16 == 0 && rte_mp_request_sync(&q, &rep, &ts) == 0)
		free(rep.msgs);
	return 0;
}

ROLE(again)
{
	struct timespec ts = {.tv_sec = 60};
	struct rte_mp_msg m;
	int e;

	if (!m_init(argv[1], NULL))
		return 1;
	for (int i = 0; i < 4; i++) {
		msg(&m, i == 0 ? "silent" : "same", "", 0);
		if (rte_mp_request_async(&m, &ts, cb_again) == 0)
			atomic_fetch_add(&asked, 1);
	}
	while (atomic_load(&called) < 50)
		sched_yield();
	e = rte_eal_cleanup();
	t_tell("cleanup %d missing %d refused %d", e, asked - called, refused);
	return 0;
}

static int act_silent(const struct rte_mp_msg *m, const void *peer)
{
	(void)m;
	(void)peer;
	return 0;
}

ROLE(silent)
{
	char line[64];

	if (!m_init(argv[1], NULL))
		return 1;
	rte_mp_action_register("same", verbatim);
	rte_mp_action_register("silent", act_silent);
	(void)t_hear(line, sizeof(line));
	return 0;
}

TEST(threads_every_callback_comes_though_cleanup_is_under_way)
{
	struct t_proc *a = as("silent", "primary"), *b = as("again", "secondary");

	(void)a;
	CHECK_STR(t_expect(b, ""), "cleanup 0 missing 0 refused 4");
}
