/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rows_test.c - each row of the results table in rte_eal_mp.h, sync and async; arguments; what a receiver sees of a message
 *
 * "at once" is shown by a time limit (19 s) that is longer than what the test may take as a whole.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <shoal.h>
#include <shoal_member.h>

#include "member_role.h"

#define LONG "18000"

static struct t_proc *up(const char *type)
{
	struct t_proc *p = m_up(type, NULL);

	(void)m_id(p);
	return p;
}

static void ret(struct t_proc *p, const char *cmd, int e, int sent, int received, const char *msgs)
{
	char want[64];

	snprintf(want, sizeof(want), "ret %d %d %d %d %s 0", e == 0 ? 0 : -1, e, sent, received, msgs);
	CHECK_STR(m_do(p, "ret", "%s", cmd), want);
}

/* "ok" and the callback come in either order */
static void cb(struct t_proc *p, const char *cmd, const char *want)
{
	t_say(p, cmd);
	CHECK_STR(t_expect(p, "cb"), want);
}

TEST(rows_all_answered)
{
	struct t_proc *a = up("primary"), *s[3];

	for (int i = 0; i < 3; i++) {
		s[i] = up("secondary");
		m_do(s[i], "ok", "reg q echo");
	}
	ret(a, "req q 100 " LONG, 0, 3, 3, "good");
	cb(a, "areq q 100 " LONG, "cb 3 3 msgs");
	m_do(a, "ok", "reg q echo");
	ret(s[0], "req q 256 " LONG, 0, 1, 1, "good");
	ret(s[0], "req q 0 -1", 0, 1, 1, "good"); /* NULL: 5 s */
}

TEST(rows_some_answered_the_others_silent_refused_or_dead)
{
	struct t_proc *a = up("primary"), *s[4];
	static const char *const how[] = {"echo", "hold", "fail", "hold"};

	for (int i = 0; i < 4; i++) {
		s[i] = up("secondary");
		m_do(s[i], "ok", "reg q %s", how[i]);
	}
	t_say(a, "req q 8 1500");
	t_expect(s[3], "got");
	t_kill(s[3], SIGKILL);
	CHECK_STR(t_expect(a, "ret"), "ret 0 0 4 1 good 0");
	cb(a, "areq q 8 300", "cb 3 1 msgs");
}

TEST(rows_nobody_to_ask)
{
	struct t_proc *a = up("primary");

	ret(a, "req q 8 " LONG, 0, 0, 0, "null");
	cb(a, "areq q 8 " LONG, "cb 0 0 null");
	M_IS(a, "ok", "send q 8");
}

TEST(rows_only_silence)
{
	struct t_proc *a = up("primary"), *b = up("secondary");

	m_do(a, "ok", "reg q hold");
	m_do(b, "ok", "reg q hold");
	ret(b, "req q 8 50", ETIMEDOUT, 1, 0, "null");
	cb(b, "areq q 8 50", "cb 1 0 null");
	ret(a, "req q 8 50", ETIMEDOUT, 1, 0, "null");
	cb(a, "areq q 8 50", "cb 1 0 null");
	ret(b, "req q 8 0", ETIMEDOUT, 1, 0, "null");
	cb(b, "areq q 8 0", "cb 1 0 null");
}

TEST(rows_all_refused)
{
	struct t_proc *a = up("primary"), *b = up("secondary"), *c = up("secondary");

	m_do(a, "ok", "reg q fail");
	m_do(b, "ok", "reg q fail");
	ret(b, "req q 8 " LONG, ETIMEDOUT, 1, 0, "null");
	ret(b, "req nobody 8 " LONG, ETIMEDOUT, 1, 0, "null");
	ret(a, "req q 8 " LONG, ETIMEDOUT, 2, 0, "null"); /* b's action fails, c has none */
	cb(a, "areq q 8 " LONG, "cb 2 0 null");
	cb(b, "areq q 8 " LONG, "cb 1 0 null");
	CHECK_STR(m_do(c, "sreq", "sreq P q 8 " LONG), m_fmt("sreq -1 %d 1 0 4/0/good", ETIMEDOUT));
}

TEST(rows_all_died_or_no_primary)
{
	struct t_proc *a = up("primary"), *b = up("secondary"), *c = up("secondary");

	m_do(c, "ok", "reg q hold");
	t_say(a, "t req q 8 " LONG);
	t_expect(c, "got");
	t_kill(c, SIGKILL);
	t_wait(c);
	/* b refuses: a mixture of refusal and death counts as refused */
	CHECK_STR(t_expect(a, "ret"), m_fmt("ret -1 %d 2 0 null 0", ETIMEDOUT));
	m_do(b, "ok", "reg q hold");
	t_say(a, "t req q 8 " LONG);
	t_expect(b, "got");
	t_say(a, "areq q 8 " LONG);
	t_expect(b, "got");
	t_kill(b, SIGKILL);
	CHECK_STR(t_expect(a, "ret"), m_fmt("ret -1 %d 1 0 null 0", ECONNREFUSED));
}

TEST(rows_primary_dies_then_there_is_none)
{
	struct t_proc *a = up("primary"), *b = up("secondary");

	m_do(a, "ok", "reg q hold");
	m_do(b, "ok", "areq q 8 " LONG);
	t_expect(a, "got");
	t_say(b, "t req q 8 " LONG);
	t_expect(a, "got");
	t_say(b, "t req q 8 " LONG); /* several under one name to one peer */
	t_expect(a, "got");
	t_kill(a, SIGKILL);
	t_wait(a);
	for (int i = 0; i < 2; i++)
		CHECK_STR(t_expect(b, "ret"), m_fmt("ret -1 %d 1 0 null 0", ECONNREFUSED));
	ret(b, "req q 8 " LONG, ECONNREFUSED, 0, 0, "null");
	CHECK_STR(m_do(b, "err", "areq q 8 " LONG), m_fmt("err %d", ECONNREFUSED));
	CHECK_STR(m_do(b, "err", "send q 8"), m_fmt("err %d", ECONNREFUSED));
	CHECK_HAS(t_stderr(b), "there is no primary");
}

TEST(rows_async_callback_comes_when_the_peer_dies_and_only_once)
{
	struct t_proc *a = up("primary"), *b = up("secondary");

	m_do(a, "ok", "reg q hold");
	m_do(b, "ok", "areq q 8 " LONG);
	t_expect(a, "got");
	t_kill(a, SIGKILL);
	CHECK_STR(t_expect(b, "cb"), "cb 1 0 null");
	/* whatever came now would be a second one: the next line is the answer to the next command */
	M_IS(b, m_fmt("err %d", ECONNREFUSED), "send q 8");
}

TEST(rows_no_room_until_the_limit)
{
	struct t_proc *a = up("primary"), *b = m_up("secondary", NULL);
	uint64_t id = m_id(b);
	const char *l;

	m_do(b, "ok", "reg q echo");
	t_kill(b, SIGSTOP);
	do { /* fill its lane */
		l = m_do(a, "ssend", "ssend %llu q 256 0", (unsigned long long)id);
	} while (strcmp(l, "ssend 0 0 0") == 0);
	CHECK_STR(l, m_fmt("ssend -1 %d 5", EAGAIN));
	ret(a, "req q 256 30", EAGAIN, 0, 0, "null");
	cb(a, "areq q 256 30", "cb 0 0 null");
	t_kill(b, SIGCONT);
	CHECK_STR(m_do(a, "ret", "req q 8 " LONG), "ret 0 0 1 1 good 0");
}

TEST(rows_arguments)
{
	struct t_proc *a = up("primary"), *b = up("secondary");
	char name[80];

	memset(name, 'n', 64);
	name[64] = '\0';
	m_do(a, "ok", "reg q echo");
	CHECK_STR(m_do(a, "err", "reg q echo"), m_fmt("err %d", EEXIST));
	CHECK_STR(m_do(a, "err", "sreg q echo"), m_fmt("err %d", EEXIST));
	CHECK_STR(m_do(a, "err", "reg %s echo", name), m_fmt("err %d", E2BIG));
	ret(b, "req q 257 " LONG, E2BIG, 0, 0, "null");
	ret(b, "req q -1 " LONG, EINVAL, 0, 0, "null");
	CHECK_STR(m_do(b, "err", "send q 257"), m_fmt("err %d", E2BIG));
	CHECK_STR(m_do(b, "err", "areq q -5 10"), m_fmt("err %d", EINVAL));
	CHECK_STR(m_do(b, "err", "areq q 257 10"), m_fmt("err %d", E2BIG));
	name[63] = '\0'; /* 63 characters are the longest */
	m_do(a, "ok", "reg %s echo", name);
	CHECK_STR(m_do(b, "ret", "req %s 8 " LONG, name), "ret 0 0 1 1 good 0");
}

/* garbage behind len_param and num_fds at the sender is never seen, and an fd behind num_fds is never looked at */
TEST(rows_bytes_behind_the_length_are_zero_and_fds_behind_the_count_are_not_read)
{
	struct t_proc *a = up("primary"), *b = up("secondary");
	static const int len[] = {0, 1, 5, 8, 63, 255, 256};
	char want[64];

	m_do(a, "ok", "reg q echo");
	for (unsigned i = 0; i < sizeof(len) / sizeof(len[0]); i++)
		for (int fds = 0; fds < 4; fds += 3) {
			snprintf(want, sizeof(want), "ret 0 0 1 1 good %d", fds);
			CHECK_STR(m_do(b, "ret", "req q %d " LONG " %d", len[i], fds), want);
			snprintf(want, sizeof(want), "got q %d %d good clean", len[i], fds);
			CHECK_STR(t_expect(a, "got"), want);
		}
}

TEST(rows_253_fds_go_along)
{
	struct t_proc *a = up("primary"), *b = up("secondary");

	m_do(a, "ok", "reg q echo");
	CHECK_STR(m_do(b, "ret", "req q 1 " LONG " 253"), "ret 0 0 1 1 good 253");
	CHECK_STR(t_expect(a, "got"), "got q 1 253 good clean");
}

TEST(rows_a_name_is_waited_for_during_the_first_second)
{
	struct t_proc *a = up("primary"), *b = up("secondary");

	/* b came up less than a second ago or the request is refused; either way a registration answers the next */
	t_say(a, "req q 8 " LONG);
	t_say(b, "reg q echo");
	CHECK_HAS(t_expect(a, "ret"), "ret ");
	CHECK_STR(m_do(a, "ret", "req q 8 " LONG), "ret 0 0 1 1 good 0");
}

/* what came before its name was registered comes before what came after: order of one sender is kept */
TEST(rows_early_messages_keep_their_order)
{
	struct t_proc *b, *a = up("primary");

	b = up("secondary");
	m_do(a, "ok", "send q 1");
	m_do(a, "ok", "send q 2");
	m_do(b, "ok", "reg q none");
	m_do(a, "ok", "send q 3");
	CHECK_STR(t_expect(b, "got"), "got q 1 0 good clean");
	CHECK_STR(t_expect(b, "got"), "got q 2 0 good clean");
	CHECK_STR(t_expect(b, "got"), "got q 3 0 good clean");
}

TEST(rows_without_a_channel)
{
	static const char *const opt[] = {"--in-memory", "--no-shconf"};

	for (int i = 0; i < 2; i++) {
		struct t_proc *a = m_up("primary", opt[i]);

		t_expect(a, "up");
		CHECK_STR(m_do(a, "", "reg q echo"), m_fmt("err %d", ENOTSUP));
		CHECK_STR(m_do(a, "", "send q 8"), m_fmt("err %d", ENOTSUP));
		ret(a, "req q 8 10", ENOTSUP, 0, 0, "null");
		CHECK_STR(m_do(a, "", "areq q 8 10"), m_fmt("err %d", ENOTSUP));
		CHECK_STR(m_do(a, "", "sreg q echo"), m_fmt("err %d", ENOTSUP));
		CHECK_STR(m_do(a, "", "ssend O q 8 10"), m_fmt("ssend -1 %d 0", ENOTSUP));
		CHECK_STR(m_do(a, "", "sareq O q 8 10"), m_fmt("err %d", ENOTSUP));
		CHECK_STR(m_do(a, "", "drain q 10"), m_fmt("err %d", ENOTSUP));
		CHECK_STR(m_do(a, "", "count 0"), m_fmt("err %d", ENOTSUP));
		M_IS(a, "true", "disable");
		m_do(a, "ok", "cleanup");
	}
}

TEST(rows_disable_before_and_after_a_secondary)
{
	struct t_proc *a = up("primary"), *b = m_up("secondary", NULL);
	struct t_proc *c;

	(void)m_id(b);
	M_IS(a, "false", "disable");
	M_IS(b, "false", "disable");
	m_do(b, "ok", "cleanup");
	M_IS(a, "false", "disable"); /* one has been here */
	c = up("secondary");	     /* and nothing changed */
	m_do(c, "ok", "cleanup");
	m_do(a, "ok", "cleanup");
	t_say(c, "exit");
	a = up("primary");
	M_IS(a, "true", "disable");
	M_IS(a, "true", "disable");
	c = m_up("secondary", NULL);
	t_expect(c, "failed");
}

TEST(rows_a_late_reply_does_not_answer_the_wrong_request)
{
	struct t_proc *a = up("primary"), *b = m_up("secondary", NULL);
	uint64_t id = m_id(b);

	m_do(a, "ok", "reg q hold");
	ret(b, "req q 1 30", ETIMEDOUT, 1, 0, "null");
	t_say(b, "t req q 2 " LONG);
	t_expect(a, "got q 2");
	m_do(a, "ok", "reply 11 2"); /* to the first, with fds */
	m_do(a, "ok", "reply 22");
	CHECK_STR(t_expect(b, "ret"), "ret 0 0 1 1 good 0");
	CHECK_HAS(m_do(b, "count", "count %llu", (unsigned long long)id), " 0 0 1 0 0 0"); /* one dropped_late */
}

TEST(rows_cleanup_ends_what_is_under_way)
{
	int n[3] = {0};
	struct t_proc *a = up("primary"), *b = up("secondary");

	m_do(a, "ok", "reg q hold");
	m_do(b, "ok", "areq q 8 " LONG);
	t_expect(a, "got");
	t_say(b, "t req q 8 " LONG);
	t_expect(a, "got");
	t_say(b, "t req q 8 " LONG);
	t_expect(a, "got");
	t_say(b, "cleanup");
	for (int i = 0; i < 4; i++) {
		const char *l = t_expect(b, "");

		n[l[0] == 'r' ? 0 : l[0] == 'c' ? 1 : 2]++;
		CHECK_STR(l, l[0] == 'r'   ? m_fmt("ret -1 %d 1 0 null 0", ECANCELED)
			     : l[0] == 'c' ? "cb 1 0 null"
					   : "ok");
	}
	CHECK(n[0] == 2 && n[1] == 1 && n[2] == 1);
	/* a second life in the same process */
	m_do(b, "up", "again secondary");
	m_do(a, "ok", "unreg q");
	m_do(a, "ok", "reg q echo");
	CHECK_STR(m_do(b, "ret", "req q 8 " LONG), "ret 0 0 1 1 good 0");
}

/* ---- who does not count ---- */

struct wire { /* DPDK 22.11's datagram */
	int type;
	char name[64];
	int len_param, num_fds;
	unsigned char param[256];
};
enum { WIRE_MSG, WIRE_IGN = 3 };

TEST(rows_a_foreign_peer_that_ignores_is_not_counted)
{
	struct t_proc *a = up("primary"), *b = up("secondary");
	struct sockaddr_un me = {.sun_family = AF_UNIX}, to = me;
	struct wire w = {.type = WIRE_MSG, .name = "hi"};
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);

	m_do(a, "ok", "reg hi none");
	snprintf(me.sun_path, sizeof(me.sun_path), "%s/dpdk/rte/mp_socket_foreign", getenv("RUNTIME_DIRECTORY"));
	snprintf(to.sun_path, sizeof(to.sun_path), "%s/dpdk/rte/mp_socket", getenv("RUNTIME_DIRECTORY"));
	CHECK_EQ(bind(s, (struct sockaddr *)&me, sizeof(me)), 0);
	CHECK_EQ(sendto(s, &w, sizeof(w), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(w));
	t_expect(a, "got hi"); /* from now on it is one of those that the primary asks */
	for (int i = 0; i < 2; i++) {
		t_say(a, "req q 8 " LONG);
		CHECK_EQ(recv(s, &w, sizeof(w), 0), sizeof(w));
		CHECK_STR(w.name, "q");
		w.type = WIRE_IGN;
		CHECK_EQ(sendto(s, &w, sizeof(w), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(w));
		if (i == 1)
			CHECK_STR(t_expect(a, "ret"), "ret 0 0 1 1 good 0"); /* the other one's answer is whole */
		else
			CHECK_STR(t_expect(a, "ret"),
				  m_fmt("ret -1 %d 1 0 null 0", ETIMEDOUT)); /* it refuses q so far */
		if (i == 0)
			m_do(b, "ok", "reg q echo");
	}
	m_do(b, "ok", "cleanup");
	t_say(a, "req q 8 " LONG);
	CHECK_EQ(recv(s, &w, sizeof(w), 0), sizeof(w));
	w.type = WIRE_IGN;
	CHECK_EQ(sendto(s, &w, sizeof(w), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(w));
	CHECK_STR(t_expect(a, "ret"), "ret 0 0 0 0 null 0"); /* nobody is left that counts */
}

/* ---- limits are the request's own ---- */

static atomic_int hits; /* lock-free: a handler may */

static void on_alarm(int sig)
{
	(void)sig;
	atomic_fetch_add(&hits, 1);
}

/* the library's threads block signals: they come to who waits */
static void *tell_hits(void *arg)
{
	(void)arg;
	while (hits < 100)
		sched_yield();
	t_tell("hit");
	return NULL;
}

ROLE(interrupted)
{
	struct itimerval often = {.it_interval.tv_usec = 500, .it_value.tv_usec = 500}, off = {.it_value.tv_sec = 0};
	struct sigaction sa = {.sa_handler = on_alarm}; /* without SA_RESTART */
	struct timespec ts = {.tv_sec = 18};
	struct rte_mp_msg m = {.name = "q"};
	struct rte_mp_reply r;
	sigset_t set;
	pthread_t th;
	int e;

	if (!m_init("secondary", NULL))
		return 1;
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&th, NULL, tell_hits, NULL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	e = rte_mp_request_sync(&m, &r, &ts);
	setitimer(ITIMER_REAL, &off, NULL);
	pthread_join(th, NULL);
	t_tell("ret %d %d", e, e == 0 ? r.nb_received : rte_errno);
	free(r.msgs);
	return rte_eal_cleanup();
}

TEST(rows_signals_do_not_end_a_request)
{
	struct t_proc *a = up("primary"), *b;

	m_do(a, "ok", "reg q hold");
	b = t_spawn("interrupted", NULL);
	t_expect(a, "got");
	t_expect(b, "hit");
	m_do(a, "ok", "reply 8");
	CHECK_STR(t_expect(b, "ret"), "ret 0 1");
	CHECK_EQ(t_wait(b), 0);
}

/* ---- nonsense, each with a line ---- */

ROLE(nulls)
{
	struct timespec bad = {.tv_nsec = 1000000000};
	struct shoal_msg s = {.name = "q"}, hollow = {.name = "q", .len = 5};
	uint64_t to[2] = {SHOAL_TO_PRIMARY, 0};
	struct rte_mp_msg m = {.name = "q"};
	struct shoal_answers *out;
	struct rte_mp_reply r;
	int wrong = 0;

	if (!m_init("secondary", NULL))
		return 1;
#define EINVAL_OF(call) (rte_errno = 0, wrong += !((call) == -1 && rte_errno == EINVAL))
	EINVAL_OF(rte_mp_sendmsg(NULL));
	EINVAL_OF(rte_mp_request_sync(&m, NULL, NULL));
	EINVAL_OF(rte_mp_request_sync(&m, &r, &bad));
	EINVAL_OF(rte_mp_request_async(&m, NULL, NULL));
	EINVAL_OF(rte_mp_reply(&m, NULL));
	EINVAL_OF(rte_mp_action_register(NULL, NULL));
	EINVAL_OF(shoal_action_register("q", NULL, NULL));
	EINVAL_OF(shoal_send(to, 1, &hollow, NULL, NULL));
	EINVAL_OF(shoal_send(to, 0, &s, NULL, NULL));
	EINVAL_OF(shoal_send(to + 1, 1, &s, NULL, NULL));
	EINVAL_OF(shoal_request(to, 1, &s, NULL, NULL));
	to[1] = shoal_member_self();
	EINVAL_OF(shoal_request(to + 1, 1, &s, NULL, &out));
	EINVAL_OF(shoal_member_list(NULL, 5));
#undef EINVAL_OF
	t_tell("wrong %d", wrong);
	rte_mp_action_register("nothing", NULL);
	t_tell("ready");
	(void)t_hear((char[8]){0}, 8);
	return rte_eal_cleanup();
}

TEST(rows_nonsense_is_named)
{
	static const char *const lines[] = {"the message is NULL",
					    "the place for the reply is NULL",
					    "time limit refused: 0 s and 1000000000 ns",
					    "the callback is NULL",
					    "the peer string is NULL",
					    "its name is NULL",
					    "the function of an action is NULL",
					    "data or fds of a message whose len or num_fds is not 0 is NULL",
					    "it goes to 0 members",
					    "message refused: 0, number 0 of the list, is no member's id",
					    "the place for the answers, is NULL",
					    "is this process itself",
					    "shoal_member_list: the list is NULL"};
	struct t_proc *a = up("primary"), *b = t_spawn("nulls", NULL);

	CHECK_STR(t_expect(b, "wrong"), "wrong 0");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		CHECK_HAS(t_stderr(b), lines[i]);
	t_expect(b, "ready");
	ret(a, "req nothing 8 " LONG, ETIMEDOUT, 1, 0, "null");
	CHECK_HAS(t_stderr(b), "action nothing was registered with NULL");
}
