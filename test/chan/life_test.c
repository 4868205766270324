/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * life_test.c - members that come, go, die, adopt, and run out of file descriptors while others talk to them
 *
 * The lane table is walked from inside: this program is linked with the static library.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <shoal.h>
#include <shoal_member.h>

#include "chan/lane.h"
#include "member_act.h"
#include "member_role.h"
#include "proc/proc.h"

#define LONG "18000"
typedef unsigned long long ull;

/* ---- last words ---- */

static char heard[1024];
static atomic_int n_heard, twice; /* read by the main thread */

/* text: a number; if it has an fd, the same number can be read from it */
static int act_last(const struct rte_mp_msg *m, const void *peer)
{
	int no = atoi((const char *)m->param);
	char text[16] = "";

	(void)peer;
	if (m->num_fds == 1) {
		if (read(m->fds[0], text, sizeof(text) - 1) <= 0 || atoi(text) != no)
			t_tell("wrong fd in %d: %s", no, text);
		close(m->fds[0]);
	}
	if (m->num_fds != (no % 2 != 0))
		t_tell("wrong number of fds in %d: %d", no, m->num_fds);
	twice += heard[no] != 0;
	heard[no] = 1;
	n_heard++;
	return 0;
}

/* "report": how many were heard */
ROLE(listener)
{
	char line[64];

	if (!m_init("primary", NULL))
		return 1;
	rte_mp_action_register("last", act_last);
	while (t_hear(line, sizeof(line)))
		t_tell("heard %d twice %d", n_heard, twice);
	return 0;
}

/* says its last word and ends without cleanup: by _exit or by SIGKILL */
ROLE(lastword)
{
	int no = atoi(argv[1]);
	struct rte_mp_msg m = {.name = "last"};
	int p[2];

	if (!m_init("secondary", NULL))
		return 1;
	m.len_param = snprintf((char *)m.param, sizeof(m.param), "%d", no);
	if (no % 2 != 0 && pipe(p) == 0) {
		if (write(p[1], m.param, (size_t)m.len_param) < 0)
			return 1;
		close(p[1]);
		m.fds[0] = p[0];
		m.num_fds = 1;
	}
	if (rte_mp_sendmsg(&m) != 0)
		t_tell("error %d", rte_errno);
	else if (no % 4 < 2)
		raise(SIGKILL);
	_exit(3);
}

struct expect {
	struct t_proc *p;
	int n;
};
static bool heard_all(void *arg)
{
	struct expect *e = arg;

	t_say(e->p, "report");
	return strcmp(t_expect(e->p, ""), m_fmt("heard %d twice 0", e->n)) == 0;
}

static void last_words(int n)
{
	struct expect e = {t_spawn("listener", NULL), n};
	struct t_proc *p[4];

	t_expect(e.p, "up");
	for (int i = 0; i < n; i += 4) {
		for (int k = 0; k < 4; k++) {
			char no[16];

			snprintf(no, sizeof(no), "%d", i + k);
			p[k] = t_spawn("lastword", no, NULL);
		}
		for (int k = 0; k < 4; k++) {
			CHECK_EQ(t_wait(p[k]), (i + k) % 4 < 2 ? 128 + SIGKILL : 3);
			close(p[k]->out);
		}
	}
	t_until(heard_all, &e);
}

TEST(life_what_was_sent_arrives_though_the_sender_ends_right_after)
{
	last_words(80);
}

TEST_T(slow_life_a_thousand_last_words, 300)
{
	last_words(1000);
}

/* ---- churn, and the lanes afterwards ---- */

/* lanes whose sender or receiver is gone */
static unsigned orphans(void)
{
	unsigned n = 0;

	for (unsigned k = 0; sh_lane_there(k); k++) {
		uint64_t o = sh_load_acq(&sh_lane_at(k)->owner); /* A:LANE_OWN */
		bool from = false, to = false;

		if (o == 0 || o >> 62 == SH_LANE_FREED)
			continue;
		for (unsigned s = 0; s < SH_MEMBERS; s++) {
			sh_id_t id = sh_member_at(s, NULL);

			from |= id != 0 && ((o >> 8) & 0xff) == s && ((o >> 39) & SH_LANE_GEN) == sh_id_gen(id);
			to |= id != 0 && (o & 0xff) == s && ((o >> 16) & SH_LANE_GEN) == sh_id_gen(id);
		}
		n += !from || !to;
	}
	return n;
}

static atomic_bool enough;
static unsigned long asked, answered, bad;

static void *ask_all(void *arg)
{
	struct timespec ts = {.tv_sec = 15};
	struct rte_mp_msg m = {.name = "q"};
	struct rte_mp_reply r;

	(void)arg;
	while (!atomic_load(&enough)) {
		int e = rte_mp_request_sync(&m, &r, &ts);

		/* all died or left while asked; an answer less than asked; never a time-out of somebody who is gone */
		bad += e != 0 && rte_errno != ECONNREFUSED;
		bad += r.nb_received > r.nb_sent || (e == 0 && r.nb_received == 0 && r.nb_sent != 0);
		if (e != 0 && rte_errno != ECONNREFUSED)
			t_tell("error %d sent %d", rte_errno, r.nb_sent);
		asked++;
		answered += (unsigned long)r.nb_received;
		free(r.msgs);
	}
	return NULL;
}

static int act_q(const struct rte_mp_msg *m, const void *peer)
{
	struct rte_mp_msg r = *m;

	(void)rte_mp_reply(&r, peer);
	return 0;
}

/* asks everybody all the time; "stop": "asked ..."; "orphans": how many lanes are left over */
ROLE(broadcaster)
{
	char line[64];
	pthread_t th;

	if (!m_init("primary", NULL))
		return 1;
	rte_mp_action_register("q", act_q);
	pthread_create(&th, NULL, ask_all, NULL);
	while (t_hear(line, sizeof(line))) {
		if (strcmp(line, "stop") == 0) {
			atomic_store(&enough, true);
			pthread_join(th, NULL);
			t_tell("bad %lu %s", bad, asked > 0 && answered > 0 ? "asked" : "idle");
		} else {
			t_tell("orphans %u", orphans());
		}
	}
	return 0;
}

/* joins, answers at least one, asks the primary and the others once, leaves in the way argv[1] says */
ROLE(guest)
{
	struct timespec ts = {.tv_sec = 15};
	struct shoal_msg s = {.name = "q"};
	uint64_t to = SHOAL_TO_OTHERS;
	struct rte_mp_msg m = {.name = "q"};
	struct shoal_answers *ans;
	struct rte_mp_reply r;

	if (!m_init("secondary", NULL))
		return 1;
	rte_mp_action_register("q", act_q);
	if (rte_mp_request_sync(&m, &r, &ts) != 0 || r.nb_received != 1)
		t_tell("error %d", rte_errno);
	free(r.msgs);
	if (shoal_request(&to, 1, &s, &ts, &ans) != 0)
		t_tell("error %d", rte_errno);
	shoal_answers_free(ans);
	if (strcmp(argv[1], "kill") == 0)
		raise(SIGKILL);
	if (strcmp(argv[1], "exit") == 0)
		_exit(0);
	return rte_eal_cleanup();
}

static bool no_orphans(void *arg)
{
	t_say(arg, "orphans");
	return strcmp(t_expect(arg, "orphans"), "orphans 0") == 0;
}

static void churn(unsigned n)
{
	static const char *const how[] = {"kill", "cleanup", "exit", "cleanup", "kill"};
	struct t_proc *a = t_spawn("broadcaster", NULL), *p[5];

	t_expect(a, "up");
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < 5; k++)
			p[k] = t_spawn("guest", how[k], NULL);
		for (unsigned k = 0; k < 5; k++) {
			int st = t_wait(p[k]);

			CHECK(p[k]->have == p[k]->used || strstr(p[k]->buf, "error") == NULL);
			CHECK_EQ(st, strcmp(how[k], "kill") == 0 ? 128 + SIGKILL : 0);
			close(p[k]->out);
		}
	}
	t_say(a, "stop");
	CHECK_STR(t_expect(a, "bad"), "bad 0 asked");
	t_until(no_orphans, a);
}

TEST_T(life_churn_while_a_broadcaster_asks, 60)
{
	churn(8);
}

TEST_T(slow_life_churn, 300)
{
	churn(150);
}

/* ---- leaving ---- */

TEST(life_a_peer_that_leaves_ends_what_it_was_asked)
{
	struct t_proc *a = m_up("primary", NULL), *b;
	ull ia = m_id(a), ib;

	for (int i = 0; i < 5; i++) {
		b = m_up("secondary", NULL);
		ib = m_id(b);
		m_do(b, "ok", "sreg h hold");
		t_say(a, m_fmt("t sreq %llu h 1 " LONG, ib));
		t_say(a, m_fmt("t areq h 1 " LONG));
		t_expect(b, "got");
		t_expect(b, "got");
		m_do(b, "ok", "cleanup");
		CHECK_STR(t_expect(a, "sreq"), m_fmt("sreq -1 %d 1 0 3/0/good", ECONNREFUSED));
		t_say(b, "exit");
		t_wait(b);
		CHECK_STR(m_do(a, "ssend", "ssend %llu h 1 " LONG, ib), m_fmt("ssend -1 %d 3", ECONNREFUSED));
	}
	CHECK(ia != 0);
}

/* ---- the primary is killed, a new one adopts the group ---- */

TEST_T(life_secondaries_talk_on_and_with_the_new_primary, 60)
{
	struct t_proc *a = m_up("primary", NULL), *b, *c, *d;
	ull ia = m_id(a), ib, ic, id;

	b = m_up("secondary", NULL);
	ib = m_id(b);
	c = m_up("secondary", NULL);
	ic = m_id(c);
	for (int i = 0; i < 3; i++) {
		m_do(b, "ok", "unreg q");
		m_do(b, "ok", "sreg q echo");
		m_do(c, "ok", "unreg q");
		m_do(c, "ok", "sreg q echo");
		m_do(a, "ok", "sreg q echo");
		m_do(a, "ok", "sreg h hold");
		M_IS(b, "ret 0 0 1 1 good 0", "req q 5 " LONG);
		t_say(b, "t req h 5 " LONG);
		t_expect(a, "got h");
		t_kill(a, SIGKILL);
		t_wait(a);
		CHECK_STR(t_expect(b, "ret"), m_fmt("ret -1 %d 1 0 null 0", ECONNREFUSED));
		/* without a primary: among themselves, large payloads and fds too */
		CHECK_STR(m_do(b, "sreq", "sreq %llu q 40000 " LONG " 2", ic), "sreq 0 0 1 1 1/40000/good");
		CHECK_STR(m_do(c, "sreq", "sreq %llu q 7 " LONG, ib), "sreq 0 0 1 1 1/7/good");
		d = m_up(i == 1 ? "auto" : "primary", NULL);
		id = m_id(d);
		CHECK(id != ia);
		m_do(d, "ok", "sreg q echo");
		while (strcmp(m_do(b, "primary", "primary"), m_fmt("primary %llu", id)) != 0)
			;
		CHECK_STR(m_do(b, "ret", "req q 9 " LONG " 3"), "ret 0 0 1 1 good 3");
		CHECK_STR(m_do(c, "ret", "req q 9 " LONG), "ret 0 0 1 1 good 0");
		CHECK_STR(m_do(d, "ret", "req q 9 " LONG " 1"), "ret 0 0 2 2 good 2");
		CHECK_STR(m_do(d, "sreq", "sreq O q 50000 " LONG), "sreq 0 0 2 2 1/50000/good,1/50000/good");
		a = d;
		m_do(a, "ok", "unreg q");
	}
}

/* ---- no file descriptor left at the receiver ---- */

TEST(life_a_receiver_without_file_descriptors)
{
	struct t_proc *a = m_up("primary", NULL), *b;
	ull ia = m_id(a), ib;
	unsigned before;
	int malformed = -1;

	b = m_up("secondary", NULL);
	ib = m_id(b);
	m_do(a, "ok", "reg q echo");
	m_do(b, "ok", "reg q echo");
	for (int linked = 0; linked < 2; linked++) { /* its connection is not accepted, or its fds do not fit */
		before = (unsigned)atoi(m_do(a, "fds", "fds") + 4);
		m_do(a, "ok", "nofile 3");			/* no number below is free */
		m_do(b, "ok", "send q 1 5");			/* a message: dropped and counted */
		CHECK_STR(m_do(b, "ret", "req q 1 " LONG " 5"), /* a request: refused at once */
			  m_fmt("ret -1 %d 1 0 null 0", ETIMEDOUT));
		CHECK_STR(m_do(b, "ret", "req q 1 " LONG), "ret 0 0 1 1 good 0"); /* without fds all is well */
		CHECK_STR(t_expect(a, "got"), "got q 1 0 good clean");
		sscanf(m_do(b, "count", "count %llu", ia), "count %*d %*d %d", &malformed);
		CHECK_EQ(malformed, 2 * (linked + 1));
		CHECK_HAS(t_stderr(a), "ulimit -n");
		m_do(a, "ok", "nofile 1024");
		/* none is left over; the watcher's spare one, which answered, comes back at its next need */
		CHECK((unsigned)atoi(m_do(a, "fds", "fds") + 4) <= before + (linked == 0));
		CHECK_STR(m_do(b, "ret", "req q 1 " LONG " 5"), "ret 0 0 1 1 good 5");
		CHECK_STR(t_expect(a, "got"), "got q 1 5 good clean");
	}
	/* the requester has none left for the answer's fds: it ends at once as refused */
	m_do(a, "ok", "reg f fdsback");
	m_do(b, "ok", "nofile 3");
	CHECK_STR(m_do(b, "ret", "req f 1 " LONG), m_fmt("ret -1 %d 1 0 null 0", ETIMEDOUT));
	m_do(b, "ok", "nofile 1024");
	CHECK_STR(m_do(b, "ret", "req f 1 " LONG), "ret 0 0 1 1 good 3");
	CHECK(ib != 0);
}

/* ---- deaths and newcomers come together ---- */

static sem_t event_may_end, action_may_end;

static void on_member(void *arg, enum shoal_member_event ev, uint64_t id)
{
	static bool first = true;

	(void)arg;
	t_tell("%s %llu", shoal_member_event_name(ev), (ull)id);
	if (ev != SHOAL_MEMBER_DEATH || !first)
		return;
	first = false;
	while (sem_wait(&event_may_end) < 0)
		;
}

static int act_wait(const struct rte_mp_msg *m, const void *peer)
{
	(void)m;
	(void)peer;
	t_tell("waiting");
	while (sem_wait(&action_may_end) < 0)
		;
	return 0;
}

/* holds its watcher up at the first death and its dispatcher in action "wait", until told "event" and "action" */
ROLE(slow_one)
{
	char line[64];

	sem_init(&event_may_end, 0, 0);
	sem_init(&action_may_end, 0, 0);
	if (!m_init("secondary", NULL) || shoal_member_event_register(on_member, NULL) != 0 ||
	    rte_mp_action_register("wait", act_wait) != 0 || rte_mp_action_register("n", m_action("none")) != 0)
		return 1;
	while (t_hear(line, sizeof(line)))
		sem_post(strcmp(line, "event") == 0 ? &event_may_end : &action_may_end);
	return 0;
}

static void sees(struct t_proc *p, const char *event, ull id)
{
	char want[64];

	snprintf(want, sizeof(want), "%s %llu", event, id);
	while (strcmp(t_expect(p, ""), want) != 0)
		;
}

static void kill_it(struct t_proc *p)
{
	t_kill(p, SIGKILL);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
}

/*
 * While one looks at the last words of a dead member it accepts connections, for the fds of those words; among them may be the
 * card of a newcomer in the place of another one, whose death it has not looked at yet.
 */
TEST(life_a_newcomer_calls_while_the_last_words_of_the_dead_are_taken)
{
	struct t_proc *a = m_up("primary", "--max-members=5"), *r, *v[3];
	ull ir, iv[3], in[3] = {0};

	CHECK(m_id(a) != 0);
	r = t_spawn("slow_one", NULL);
	ir = m_id(r);
	for (unsigned i = 0; i < 3; i++) {
		v[i] = m_up("secondary", NULL);
		iv[i] = m_id(v[i]);
		sees(r, "JOIN", iv[i]);
	}
	m_do(a, "ssend 0", "ssend %llu wait 1 " LONG, ir);
	t_expect(r, "waiting");
	kill_it(v[0]);
	sees(r, "DEATH", iv[0]);
	/* nobody accepts its connection and nobody takes this now */
	m_do(v[1], "ssend 0", "ssend %llu n 1 " LONG " 1", ir);
	kill_it(v[1]);
	kill_it(v[2]);
	for (unsigned i = 0; i < 3; i++) { /* they get the places of the dead */
		ull id = m_id(m_up("secondary", NULL));

		for (unsigned k = 0; k < 3; k++)
			if ((id & 0xffff) == (iv[k] & 0xffff))
				in[k] = id;
	}
	t_say(r, "event");
	for (unsigned i = 0; i < 3; i++) { /* by their places */
		if (i != 0)
			sees(r, "DEATH", iv[i]);
		sees(r, "JOIN", in[i]);
	}
	t_say(r, "action");
	CHECK_STR(t_expect(r, "got"), "got n 1 1 good clean");
}
