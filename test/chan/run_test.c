/* SPDX-License-Identifier: BSD-3-Clause */
/* run_test.c - who runs actions and when: one at a time, after the request that was waited for, in circles, drained, polled */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <shoal.h>

#include "member_role.h"

#define LONG "18000"

static struct t_proc *up(const char *type)
{
	struct t_proc *p = m_up(type, NULL);

	(void)m_id(p);
	return p;
}

/* a role of this file, in the group */
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

/* ask name with data; true when exactly that came back */
static bool ask_same(const char *name, const void *data, size_t len)
{
	struct timespec ts = {.tv_sec = 18};
	struct rte_mp_reply rep;
	struct rte_mp_msg m;
	bool same;

	msg(&m, name, data, len);
	if (rte_mp_request_sync(&m, &rep, &ts) != 0)
		return false;
	same = rep.nb_received == 1 && rep.msgs[0].len_param == (int)len && memcmp(rep.msgs[0].param, data, len) == 0;
	free(rep.msgs);
	return same;
}

/* ---- one at a time ---- */

static atomic_int inside, overlaps, ran, callbacks;

static void one(void)
{
	if (atomic_fetch_add(&inside, 1) != 0)
		atomic_fetch_add(&overlaps, 1);
	sched_yield();
	atomic_fetch_sub(&inside, 1);
	atomic_fetch_add(&ran, 1);
}

static int act_one(const struct rte_mp_msg *m, const void *peer)
{
	one();
	return strcmp(m->name, "ask") == 0 ? verbatim(m, peer) : 0;
}

static int cb_one(const struct rte_mp_msg *m, const struct rte_mp_reply *r)
{
	(void)m;
	one();
	for (int i = 0; i < r->nb_received; i++)
		atomic_fetch_add(&callbacks, 1);
	return 0;
}

static void *send_many(void *arg)
{
	struct timespec ts = {.tv_sec = 18};
	struct rte_mp_msg m;

	for (int i = 0; i < 300; i++) {
		int name = i % 3;

		msg(&m, name == 0 ? "x" : name == 1 ? "y" : "ask", &i, sizeof(i));
		if ((name == 2 ? rte_mp_request_async(&m, &ts, cb_one) : rte_mp_sendmsg(&m)) != 0)
			t_tell("error %d", rte_errno);
	}
	(void)arg;
	return NULL;
}

/* serves and sends with two threads at the same time; "run", then "report" */
ROLE(busy)
{
	pthread_t th[2];
	char line[64];

	if (!m_init(argv[1], NULL))
		return 1;
	rte_mp_action_register("x", act_one);
	rte_mp_action_register("y", act_one);
	rte_mp_action_register("ask", act_one);
	rte_mp_action_register("same", verbatim);
	while (t_hear(line, sizeof(line))) {
		if (strcmp(line, "run") == 0) {
			for (int i = 0; i < 2; i++)
				pthread_create(&th[i], NULL, send_many, NULL);
			for (int i = 0; i < 2; i++)
				pthread_join(th[i], NULL);
			t_tell(ask_same("same", "end", 3) ? "sent" : "lost");
		} else {
			t_tell("ran %d callbacks %d overlaps %d", ran, callbacks, overlaps);
		}
	}
	return 0;
}

static bool all_ran(void *arg)
{
	t_say(arg, "report");
	return strcmp(t_expect(arg, "ran"), "ran 800 callbacks 200 overlaps 0") == 0;
}

TEST(run_actions_and_callbacks_one_at_a_time)
{
	struct t_proc *a = as("busy", "primary"), *b = as("busy", "secondary");

	t_say(a, "run");
	t_say(b, "run");
	t_expect(a, "sent");
	t_expect(b, "sent");
	/* 600 of the other's and 200 callbacks of its own requests */
	t_until(all_ran, a);
	t_until(all_ran, b);
}

/* ---- a mutex held over a request ---- */

static pthread_mutex_t mine = PTHREAD_MUTEX_INITIALIZER;
static int returned, entered;

static int act_locked(const struct rte_mp_msg *m, const void *peer)
{
	(void)m;
	(void)peer;
	pthread_mutex_lock(&mine);
	entered++;
	if (entered != returned)
		t_tell("wrong: action %d, request %d", entered, returned);
	pthread_mutex_unlock(&mine);
	return 0;
}

/* sends "locked" to whoever asks, and replies after that */
static int act_poke(const struct shoal_in *in, void *arg)
{
	struct shoal_msg m = {.name = "locked"}, r = {.data = "r", .len = 1};
	uint64_t to = in->from;

	(void)arg;
	if (shoal_send(&to, 1, &m, NULL, NULL) != 0)
		t_tell("error %d", rte_errno);
	return shoal_reply(in->peer, &r);
}

ROLE(locker)
{
	char line[64];
	int n;

	if (!m_init(argv[1], NULL))
		return 1;
	rte_mp_action_register("locked", act_locked);
	shoal_action_register("poke", act_poke, NULL);
	while (t_hear(line, sizeof(line))) {
		for (n = 0; n < 500; n++) {
			struct timespec ts = {.tv_sec = 18};
			struct rte_mp_reply rep;
			struct rte_mp_msg m;
			int e;

			pthread_mutex_lock(&mine);
			msg(&m, "poke", "", 0);
			e = rte_mp_request_sync(&m, &rep, &ts);
			returned++;
			pthread_mutex_unlock(&mine);
			if (e != 0 || rep.nb_received != 1)
				t_tell("wrong: %d %d", e, rte_errno);
			free(rep.msgs);
			while (shoal_mp_action_drain("locked", NULL) == 0) { /* until it has run */
				pthread_mutex_lock(&mine);
				e = entered == returned;
				pthread_mutex_unlock(&mine);
				if (e)
					break;
				sched_yield();
			}
		}
		t_tell("fine %d", entered);
	}
	return 0;
}

TEST_T(run_a_request_returns_while_its_caller_holds_a_lock_that_an_action_wants, 60)
{
	struct t_proc *a = as("locker", "primary"), *b = as("locker", "secondary");

	t_say(a, "go");
	CHECK_STR(t_expect(a, ""), "fine 500");
	t_say(b, "go");
	CHECK_STR(t_expect(b, ""), "fine 500");
	t_say(a, "go"); /* both at once */
	t_say(b, "go");
	CHECK_STR(t_expect(a, ""), "fine 1000");
	CHECK_STR(t_expect(b, ""), "fine 1000");
}

/* ---- circles ---- */

static _Atomic uint64_t next_id; /* the main thread may still write it when the other side asks */

static int circle(int depth)
{
	struct timespec ts = {.tv_sec = 18};
	struct shoal_msg m = {.name = "circle", .data = &depth, .len = sizeof(depth)};
	struct shoal_answers *ans;
	uint64_t to = next_id;
	int r = -1;

	if (shoal_request(&to, 1, &m, &ts, &ans) == 0)
		memcpy(&r, ans->a[0].data, sizeof(r));
	else
		t_tell("error %d at %d", rte_errno, depth);
	shoal_answers_free(ans);
	return r;
}

static int act_circle(const struct shoal_in *in, void *arg)
{
	int depth, r;
	struct shoal_msg m = {.data = &r, .len = sizeof(r)};

	(void)arg;
	memcpy(&depth, in->data, sizeof(depth));
	r = depth > 1 ? circle(depth - 1) : 0;
	r = r < 0 ? r : r + 1;
	return shoal_reply(in->peer, &m);
}

/* "next ID", "depth N", "depths N" (4 threads at once) */
ROLE(circle)
{
	char line[64];

	if (!m_init(argv[1], NULL))
		return 1;
	shoal_action_register("circle", act_circle, NULL);
	while (t_hear(line, sizeof(line))) {
		if (strncmp(line, "next ", 5) == 0) {
			next_id = strtoull(line + 5, NULL, 10);
			t_tell("ok");
		} else {
			t_tell("reached %d", circle(atoi(line + 6)));
		}
	}
	return 0;
}

static void circle_of(unsigned n)
{
	struct t_proc *p[3];
	unsigned long long id[3];

	for (unsigned i = 0; i < n; i++) {
		p[i] = t_spawn("circle", i == 0 ? "primary" : "secondary", NULL);
		id[i] = m_id(p[i]);
	}
	for (unsigned i = 0; i < n; i++)
		m_do(p[i], "ok", "next %llu", id[(i + 1) % n]);
	for (unsigned i = 0; i < n; i++)
		CHECK_STR(m_do(p[i], "reached", "depth 32"), "reached 32");
	for (unsigned i = 0; i < n; i++) /* all of them at once */
		t_say(p[i], "depth 20");
	for (unsigned i = 0; i < n; i++)
		CHECK_STR(t_expect(p[i], "reached"), "reached 20");
}

TEST(run_circles_of_two_to_depth_32)
{
	circle_of(2);
}

TEST(run_circles_of_three_to_depth_32)
{
	circle_of(3);
}

/* ---- unregister, drain ---- */

TEST(run_unregister_waits_for_a_running_call)
{
	struct t_proc *a = up("primary"), *b = up("secondary");

	m_do(a, "ok", "reg bl block");
	m_do(b, "ok", "send bl 1");
	t_expect(a, "got bl");
	t_say(a, "t wunreg bl");
	while (strcmp(m_do(a, "", "reg bl none"), "ok") != 0) /* EEXIST until the thread has removed the name */
		;
	CHECK_STR(m_do(a, "", "drain bl 20"), m_fmt("err %d", ETIMEDOUT));
	t_say(a, "go");
	CHECK_STR(t_expect(a, ""), "done bl");
	CHECK_STR(t_expect(a, ""), "unregistered bl");
	M_IS(a, "ok", "drain bl -1");
}

TEST(run_unregister_inside_an_action_does_not_wait)
{
	struct t_proc *a = up("primary"), *b = up("secondary");

	m_do(a, "ok", "reg u unreg");
	m_do(b, "ok", "send u 1");
	CHECK_STR(t_expect(a, ""), m_fmt("unregistered drain -1 %d", EDEADLK));
	M_IS(a, "got u 1 0 good clean", "drain u -1");
	m_do(a, "ok", "reg u echo");
	CHECK_STR(m_do(b, "ret", "req u 1 " LONG), "ret 0 0 1 1 good 0");
}

TEST(run_drain_waits_and_knows_its_limit)
{
	struct t_proc *a = up("primary"), *b = up("secondary");

	M_IS(a, "ok", "drain nobody -1");
	m_do(a, "ok", "reg bl block");
	m_do(b, "ok", "send bl 1");
	t_expect(a, "got bl");
	CHECK_STR(m_do(a, "", "drain bl 0"), m_fmt("err %d", ETIMEDOUT));
	t_say(a, "t drain bl -1");
	t_say(a, "go");
	CHECK_STR(t_expect(a, ""), "done bl");
	CHECK_STR(t_expect(a, ""), "ok");
}

/* ---- the time limit of a callback while an action waits in a request of its own ---- */

TEST(run_a_callback_comes_in_time_though_an_action_waits)
{
	struct t_proc *a = up("primary"), *b = up("secondary");

	m_do(a, "ok", "reg h hold");
	m_do(b, "ok", "reg n ask");
	m_do(b, "ok", "areq h 1 1500");
	t_expect(a, "got h");
	m_do(a, "ok", "send n 1");
	t_expect(a, "got h"); /* now b's action waits for us */
	CHECK_STR(t_expect(b, ""), "cb 1 0 null");
	m_do(a, "ok", "reply 1");
	m_do(a, "ok", "reply 1");
	CHECK_STR(t_expect(b, ""), "asked 0 0");
}

/* ---- a peer string may be used later; a reply that found no room may be tried again ---- */

TEST_T(run_a_reply_that_found_no_room_may_be_sent_again, 40)
{
	struct t_proc *a = up("primary"), *b = m_up("secondary", NULL), *c = up("secondary");
	unsigned long long ib = m_id(b);
	static const int len[] = {256, 0};

	m_do(a, "ok", "reg h hold");
	m_do(a, "ok", "reg r answer");
	t_say(b, "t req h 1 " LONG);
	t_expect(a, "got h");
	t_kill(b, SIGSTOP);
	for (int i = 0; i < 2; i++)
		while (strcmp(m_do(a, "ssend", "ssend %llu f %d 0", ib, len[i]), "ssend 0 0 0") == 0)
			;
	m_do(c, "ok", "send r 1");
	CHECK_STR(t_expect(a, "answered"), m_fmt("answered -1 %d", EAGAIN));
	t_kill(b, SIGCONT);
	M_IS(a, "got r 1 0 good clean", "drain r -1");
	m_do(a, "ok", "rereply 1");
	CHECK_STR(t_expect(b, "ret"), "ret 0 0 1 1 good 0");
	CHECK_STR(m_do(a, "err", "rereply 1"), m_fmt("err %d", ESTALE));
}

TEST(run_early_messages_come_before_later_ones)
{
	struct t_proc *a = up("primary"), *b = m_up("secondary", NULL);
	unsigned long long ib = m_id(b);
	int unknown = 0;

	m_do(b, "ok", "reg bl block");
	m_do(a, "ok", "send x 1");
	m_do(a, "ok", "send bl 1");
	t_expect(b, "got bl"); /* b's dispatcher is busy; x 1 is held */
	m_do(a, "ok", "send x 2");
	m_do(a, "ok", "reg e echo");
	m_do(b, "ret", "req e 1 " LONG); /* moved x 2 to the queue */
	m_do(b, "ok", "reg x none");
	t_say(b, "go");
	sscanf(m_do(a, "count", "count %llu", ib), "count %*d %*d %*d %d", &unknown);
	if (unknown != 0)
		SKIP("this machine is slow: a second went by since init");
	CHECK_STR(t_expect(b, "got x"), "got x 1 0 good clean");
	CHECK_STR(t_expect(b, "got x"), "got x 2 0 good clean");
}

/* ---- poll mode ---- */

static long tid(void)
{
	return syscall(SYS_gettid);
}

static int act_polled(const struct rte_mp_msg *m, const void *peer)
{
	int e = shoal_mp_poll(0);

	if (tid() != getpid() || e != -1 || rte_errno != EBUSY)
		t_tell("wrong: thread %ld, poll %d %d", tid(), e, rte_errno);
	t_tell("ran %s", m->name);
	if (strcmp(m->name, "nest") == 0)
		t_tell(ask_same("same", "n", 1) ? "nested" : "not nested");
	if (strcmp(m->name, "e") == 0)
		return verbatim(m, peer);
	return 0;
}

static int cb_polled(const struct rte_mp_msg *m, const struct rte_mp_reply *r)
{
	(void)m;
	t_tell("called %d %d", r->nb_sent, r->nb_received);
	return 0;
}

/* "wait": until the fd is readable; "look": is it? "poll N"; "ask": a request outside of poll; "async"; "cleanup" */
ROLE(poller)
{
	static const char *const names[] = {"p", "nest", "e"};
	struct timespec ts = {.tv_sec = 18};
	struct pollfd pf = {.events = POLLIN};
	struct rte_mp_msg m;
	char line[64];

	if (!m_init(argv[1], NULL))
		return 1;
	pf.fd = shoal_mp_fd();
	if (pf.fd < 0 || shoal_mp_fd() != pf.fd)
		t_tell("wrong fd");
	for (int i = 0; i < 3; i++)
		rte_mp_action_register(names[i], act_polled);
	while (t_hear(line, sizeof(line))) {
		if (strcmp(line, "wait") == 0) {
			t_tell("readable %d", poll(&pf, 1, -1));
		} else if (strcmp(line, "look") == 0) {
			t_tell("look %d", poll(&pf, 1, 0));
		} else if (strncmp(line, "poll ", 5) == 0) {
			t_tell("polled %d", shoal_mp_poll((unsigned)atoi(line + 5)));
		} else if (strcmp(line, "ask") == 0) {
			t_tell(ask_same("same", "n", 1) ? "asked" : "not asked");
		} else if (strncmp(line, "async ", 6) == 0) {
			msg(&m, line + 6, "", 0);
			t_tell("async %d", rte_mp_request_async(&m, &ts, cb_polled));
		} else if (strcmp(line, "cleanup") == 0) {
			t_tell("cleaned %d", rte_eal_cleanup());
		}
	}
	return 0;
}

TEST(run_poll_mode)
{
	struct t_proc *a = up("primary"), *b = as("poller", "secondary");

	m_do(a, "ok", "reg same echo");
	M_IS(b, "look 0", "look");
	M_IS(b, "polled 0", "poll 0");
	for (int i = 0; i < 3; i++)
		m_do(a, "ok", "send p 0");
	M_IS(b, "readable 1", "wait");
	M_IS(b, "not asked",
	     "ask"); /* echo paints: the byte differs. What matters: nothing ran meanwhile, all three wait */
	M_IS(b, "ran p", "poll 2");
	CHECK_STR(t_expect(b, ""), "ran p");
	CHECK_STR(t_expect(b, ""), "polled 2");
	M_IS(b, "look 1", "look");
	M_IS(b, "ran p", "poll 0");
	CHECK_STR(t_expect(b, ""), "polled 1");
	M_IS(b, "look 0", "look");
	/* a request inside a polled action */
	m_do(a, "ok", "send nest 0");
	M_IS(b, "readable 1", "wait");
	M_IS(b, "ran nest", "poll 1");
	CHECK_HAS(t_expect(b, ""), "nested");
	CHECK_STR(t_expect(b, ""), "polled 1");
	/* an answer from inside poll, a callback inside poll */
	t_say(a, "t req e 0 " LONG);
	M_IS(b, "readable 1", "wait");
	M_IS(b, "ran e", "poll 1");
	CHECK_STR(t_expect(a, "ret"), "ret 0 0 1 1 good 0");
	t_expect(b, "polled 1");
	M_IS(b, "async 0", "async same");
	M_IS(b, "readable 1", "wait");
	M_IS(b, "called 1 1", "poll 0");
	t_expect(b, "polled 1");
	M_IS(b, "look 0", "look");
	/* cleanup ends it all, the callback that is due comes */
	m_do(a, "ok", "reg h hold");
	M_IS(b, "async 0", "async h");
	t_expect(a, "got h");
	M_IS(b, "called 1 0", "cleanup");
	CHECK_STR(t_expect(b, ""), "cleaned 0");
}

/* ---- memory inside an action ---- */

static int act_grow(const struct rte_mp_msg *m, const void *peer)
{
	struct rte_mp_msg r = *m;
	size_t len = (size_t)48 << 20; /* more than the heap begins with: the other members are asked to map it */
	unsigned char *p = rte_malloc(NULL, len, 0);

	if (p == NULL)
		return -1;
	p[0] = p[len - 1] = 1;
	rte_free(p);
	return rte_mp_reply(&r, peer);
}

ROLE(grower)
{
	char line[64];

	if (!m_init(argv[1], NULL))
		return 1;
	rte_mp_action_register("grow", act_grow);
	(void)t_hear(line, sizeof(line));
	return rte_eal_cleanup();
}

/* its requester waits meanwhile, and is one of those that must map what is new */
TEST(run_an_action_allocates_more_than_there_is)
{
	struct t_proc *a = t_spawn("grower", "primary", NULL), *b, *c;

	t_expect(a, "up");
	b = t_spawn("grower", "secondary", NULL);
	t_expect(b, "up");
	c = m_up("secondary", NULL);
	t_expect(c, "up");
	CHECK_STR(m_do(c, "ret", "req grow 8 18000"), "ret 0 0 1 1 good 0");
}
