/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * internal_test.c - runtimes ask one another: whatever their dispatchers, inboxes and requesters are at
 *
 * The role "x" serves SH_SVC_TEST and asks. It hears
 *   ask IDS OP ARG MS    sh_internal_ask: "asked R OUTCOME/CODE,..."; OP: code (answers ARG), hold (says "holding", waits for
 *                        "go"), pass (asks member ARG for its code 7 and answers that), moot (hold, and no longer wanted
 *                        at the first look), later (says "holding", another thread answers ARG after "go")
 *   send ID N            N large messages "block" to ID, whose action says "blocked" and waits for "go": "sent K", those
 *                        that found room
 *   do ID IDS            has ID ask all IDS, for code 5, inside an action: ID says "asked ..."
 *   many IDS THREADS N   N times "code" in each thread: "many BAD"
 *   poke                 sh_internal_poke; the service says "look"
 *   off, calls, go, bye  no service any more; "calls N", how often the service was called; let go; cleanup
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <shoal.h>

#include "base/clock.h"
#include "chan/internal.h"
#include "check.h"
#include "member_role.h"

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif

typedef unsigned long long ull;

enum op { CODE, HOLD, PASS, MOOT, LATER };
struct word {
	uint32_t op;
	uint32_t pad;
	uint64_t arg;
};

static sem_t go;
static atomic_int calls;

static bool moot(void *arg)
{
	(void)arg;
	return true;
}

static int ask(const char *ids, enum op op, uint64_t arg, long ms, struct sh_int_answer *a, unsigned *n)
{
	struct word w = {.op = op, .arg = arg};
	char copy[512], *save = NULL;

	*n = 0;
	snprintf(copy, sizeof(copy), "%s", ids);
	for (char *p = strtok_r(copy, ",", &save); p != NULL; p = strtok_r(NULL, ",", &save))
		a[(*n)++].to = strtoull(p, NULL, 10);
	return sh_internal_ask(a, *n,
			       &(struct sh_int_ask){.svc = SH_SVC_TEST,
						    .data = &w,
						    .len = sizeof(w),
						    .dl = sh_deadline((uint64_t)ms * SH_NS_PER_MS),
						    .moot = op == MOOT ? moot : NULL});
}

static void ask_and_tell(const char *ids, enum op op, uint64_t arg, long ms)
{
	static const char *const outcome[] = {"answered", "late", "gone"};
	struct sh_int_answer a[16];
	char line[512];
	unsigned n;
	int at, r = ask(ids, op, arg, ms, a, &n);

	at = snprintf(line, sizeof(line), "asked %d", r);
	for (unsigned i = 0; i < n && r == 0; i++)
		at += snprintf(line + at, sizeof(line) - (size_t)at, " %s/%d", outcome[a[i].outcome], a[i].code);
	t_tell("%s", line);
}

struct due {
	struct sh_int_due due;
	int code;
};

static void *answer_late(void *arg)
{
	struct due *d = arg;

	while (sem_wait(&go) != 0)
		;
	sh_internal_done(&d->due, d->code);
	free(d);
	return NULL;
}

static int later(int code)
{
	struct due *d = malloc(sizeof(*d));
	pthread_t t;

	CHECK(d != NULL);
	d->code = code;
	sh_internal_due(&d->due);
	CHECK_EQ(pthread_create(&t, NULL, answer_late, d), 0);
	CHECK_EQ(pthread_detach(t), 0);
	t_tell("holding");
	return SH_INT_LATER;
}

static int serve(void *arg, sh_id_t from, const void *data, size_t len)
{
	const struct word *w = data;
	struct sh_int_answer a[16];
	char id[32];
	unsigned n;

	if (data == NULL) {
		CHECK(from == 0 && len == 0);
		t_tell("look");
		return 0;
	}
	CHECK(arg == &calls && len == sizeof(*w) && from != 0);
	calls++;
	if (w->op == HOLD || w->op == MOOT) {
		t_tell("holding");
		while (sem_wait(&go) != 0)
			;
	}
	if (w->op == LATER)
		return later((int)w->arg);
	if (w->op != PASS)
		return (int)w->arg;
	snprintf(id, sizeof(id), "%llu", (ull)w->arg);
	CHECK_EQ(ask(id, CODE, 7, 5000, a, &n), 0);
	return a[0].outcome == SH_INT_ANSWERED ? a[0].code : 99;
}

static int act_block(const struct shoal_in *in, void *arg)
{
	(void)in;
	(void)arg;
	t_tell("blocked");
	while (sem_wait(&go) != 0)
		;
	return 0;
}

static int act_ask(const struct shoal_in *in, void *arg)
{
	(void)arg;
	CHECK(in->len > 1);
	ask_and_tell(in->data, CODE, 5, 5000);
	return 0;
}

static void send_block(const char *id, int n)
{
	static char big[30000];
	struct shoal_msg m = {.name = "block", .data = big, .len = sizeof(big)};
	struct timespec now = {0};
	uint64_t to = strtoull(id, NULL, 10);
	int sent = 0;

	while (n-- > 0)
		sent += shoal_send(&to, 1, &m, &now, NULL) == 0;
	t_tell("sent %d", sent);
}

static struct {
	const char *ids;
	int n;
	atomic_int bad;
} many;

static void *ask_many(void *arg)
{
	struct sh_int_answer a[16];
	unsigned n;

	for (int i = 0; i < many.n; i++) {
		uint64_t want = ((uintptr_t)arg * 31 + (unsigned)i) % 256;

		many.bad += ask(many.ids, CODE, want, 15000, a, &n) != 0;
		for (unsigned k = 0; k < n; k++)
			many.bad += a[k].outcome != SH_INT_ANSWERED || a[k].code != (int)want;
	}
	return NULL;
}

static void run_many(const char *ids, int threads, int n)
{
	pthread_t t[16];

	many.ids = ids;
	many.n = n;
	for (int i = 0; i < threads; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, ask_many, (void *)(uintptr_t)(i + 1)), 0);
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	t_tell("many %d", many.bad);
}

static enum op op_of(const char *s)
{
	return s[0] == 'c' ? CODE : s[0] == 'l' ? LATER : s[0] == 'h' ? HOLD : s[0] == 'm' ? MOOT : PASS;
}

static void *do_ask(void *line)
{
	char *a[8] = {0}, *save = NULL;

	for (int i = 0; i < 8 && (a[i] = strtok_r(i == 0 ? line : NULL, " ", &save)) != NULL; i++)
		;
	ask_and_tell(a[1], op_of(a[2]), strtoull(a[3], NULL, 10), atol(a[4]));
	free(line);
	return NULL;
}

static pthread_t asking[64]; /* the main thread's: those that ask, joined at the end */
static unsigned n_asking;

static void obey(char *line)
{
	struct shoal_msg m = {.name = "do"};
	uint64_t to;
	char *a[8] = {0}, *save = NULL, *copy = strdup(line);

	for (int i = 0; i < 8 && (a[i] = strtok_r(i == 0 ? copy : NULL, " ", &save)) != NULL; i++)
		;
	if (strcmp(a[0], "ask") == 0) {
		CHECK(n_asking < 64);
		CHECK_EQ(pthread_create(&asking[n_asking++], NULL, do_ask, strdup(line)), 0);
	} else if (strcmp(a[0], "many") == 0) {
		run_many(a[1], atoi(a[2]), atoi(a[3]));
	} else if (strcmp(a[0], "send") == 0) {
		send_block(a[1], atoi(a[2]));
	} else if (strcmp(a[0], "do") == 0) {
		m.data = a[2];
		m.len = strlen(a[2]) + 1;
		to = strtoull(a[1], NULL, 10);
		CHECK_EQ(shoal_send(&to, 1, &m, NULL, NULL), 0);
	} else if (strcmp(a[0], "calls") == 0) {
		t_tell("calls %d", calls);
	} else if (strcmp(a[0], "go") == 0) {
		sem_post(&go);
	} else if (strcmp(a[0], "poke") == 0) {
		sh_internal_poke(SH_SVC_TEST);
	} else if (strcmp(a[0], "off") == 0) {
		sh_internal_serve(SH_SVC_TEST, NULL, NULL);
		t_tell("off");
	}
	free(copy);
}

ROLE(x)
{
	char line[256];

	if (!m_init(argv[1], NULL))
		return 1;
	sem_init(&go, 0, 0);
	sh_internal_serve(SH_SVC_TEST, serve, &calls);
	shoal_action_register("block", act_block, NULL);
	shoal_action_register("do", act_ask, NULL);
	t_tell("ready");
	while (t_hear(line, sizeof(line)) && strcmp(line, "bye") != 0)
		obey(line);
	while (n_asking > 0)
		pthread_join(asking[--n_asking], NULL);
	return rte_eal_cleanup();
}

/* ---- cases ---- */

struct x {
	struct t_proc *p;
	char id[32];
};

static struct x up(const char *type)
{
	struct x x = {.p = t_spawn("x", type, NULL)};

	snprintf(x.id, sizeof(x.id), "%llu", (ull)m_id(x.p));
	t_expect(x.p, "ready");
	return x;
}

static void bye(struct x *x)
{
	t_say(x->p, "bye");
	CHECK_EQ(t_wait(x->p), 0);
}

static void is(struct x *x, const char *want)
{
	CHECK_STR(t_expect(x->p, "asked"), want);
}

#define SAY(x, ...) t_say((x).p, m_fmt(__VA_ARGS__))

TEST(every_runtime_answers_every_other)
{
	struct x a = up("primary"), b = up("secondary"), c = up("secondary");

	SAY(b, "ask %s,%s code 0 5000", a.id, c.id);
	is(&b, "asked 0 answered/0 answered/0");
	SAY(a, "ask %s code 255 5000", c.id);
	is(&a, "asked 0 answered/255");
	SAY(a, "ask %s pass %s 5000", b.id, a.id); /* back to who asks and waits */
	is(&a, "asked 0 answered/7");
	SAY(c, "off");
	t_expect(c.p, "off");
	SAY(a, "ask %s code 1 5000", c.id);
	is(&a, m_fmt("asked 0 answered/%d", ENOSYS));
	bye(&c);
	SAY(a, "ask %s,%s code 1 5000", c.id, b.id);
	is(&a, "asked 0 gone/0 answered/1");
	bye(&b);
	bye(&a);
}

TEST(a_blocked_dispatcher_and_a_full_inbox_delay_no_answer)
{
	struct x a = up("primary"), b = up("secondary");
	int sent;

	SAY(a, "send %s 1", b.id);
	t_expect(b.p, "blocked");
	SAY(a, "send %s 100", b.id);
	t_expect(a.p, "sent 1");
	sent = atoi(t_expect(a.p, "sent") + 5);
	CHECK(sent > 0 && sent < 100); /* full */
	SAY(a, "ask %s code 3 15000", b.id);
	is(&a, "asked 0 answered/3");
	SAY(b, "ask %s code 4 15000", a.id);
	is(&b, "asked 0 answered/4");
	while (sent-- >= 0)
		SAY(b, "go");
	bye(&b);
	bye(&a);
}

TEST(an_action_may_ask)
{
	struct x a = up("primary"), b = up("secondary"), c = up("secondary");

	SAY(a, "do %s %s,%s", b.id, a.id, c.id);
	is(&b, "asked 0 answered/5 answered/5");
	/* and be asked while another runtime waits inside an action of its own */
	SAY(a, "ask %s hold 9 15000", c.id);
	t_expect(c.p, "holding");
	SAY(a, "do %s %s", b.id, c.id);
	SAY(a, "ask %s code 8 15000", b.id);
	is(&a, "asked 0 answered/8");
	SAY(c, "go");
	is(&b, "asked 0 answered/5");
	is(&a, "asked 0 answered/9");
	bye(&c);
	bye(&b);
	bye(&a);
}

TEST(what_a_stopped_one_had_not_begun_it_never_begins)
{
	struct x a = up("primary"), b = up("secondary"), c = up("secondary");

	t_kill(b.p, SIGSTOP);
	SAY(a, "ask %s,%s code 6 300", b.id, c.id);
	is(&a, "asked 0 late/0 answered/6");
	t_kill(b.p, SIGCONT);
	t_expect(b.p, "look"); /* but it looks what there is to do */
	SAY(a, "ask %s code 6 15000", b.id);
	is(&a, "asked 0 answered/6");
	SAY(b, "calls");
	CHECK_STR(t_expect(b.p, "calls"), "calls 1");
	bye(&c);
	bye(&b);
	bye(&a);
}

/* another request came behind the one that was withdrawn, and both are found at once */
TEST(what_was_withdrawn_before_the_next_came_is_looked_for_too)
{
	struct x a = up("primary"), b = up("secondary"), c = up("secondary");

	t_kill(b.p, SIGSTOP);
	SAY(a, "ask %s code 6 300", b.id);
	is(&a, "asked 0 late/0");
	SAY(a, "ask %s,%s hold 7 60000", b.id, c.id);
	t_expect(c.p, "holding"); /* both were asked */
	t_kill(b.p, SIGCONT);
	t_expect(b.p, "holding");
	SAY(b, "go");
	t_expect(b.p, "look");
	SAY(c, "go");
	is(&a, "asked 0 answered/7 answered/7");
	bye(&c);
	bye(&b);
	bye(&a);
}

TEST(another_thread_may_answer_and_the_runtime_goes_on)
{
	struct x a = up("primary"), b = up("secondary");

	SAY(a, "ask %s later 13 60000", b.id);
	t_expect(b.p, "holding");
	SAY(a, "ask %s code 14 15000", b.id); /* is not held up */
	is(&a, "asked 0 answered/14");
	SAY(b, "go");
	is(&a, "asked 0 answered/13");
	SAY(a, "ask %s later 15 300", b.id);
	t_expect(b.p, "holding");
	is(&a, "asked 0 late/0");
	SAY(b, "go"); /* too late: the next one has its own answer */
	SAY(a, "ask %s code 16 15000", b.id);
	is(&a, "asked 0 answered/16");
	SAY(a, "ask %s later 17 60000", b.id);
	t_expect(b.p, "holding");
	t_kill(b.p, SIGKILL);
	CHECK_EQ(t_wait(b.p), 128 + SIGKILL);
	is(&a, "asked 0 gone/0");
	bye(&a);
}

TEST(a_late_answer_answers_nothing)
{
	struct x a = up("primary"), b = up("secondary");

	SAY(a, "ask %s hold 11 300", b.id);
	t_expect(b.p, "holding");
	is(&a, "asked 0 late/0");
	SAY(a, "ask %s code 12 15000", b.id); /* waits behind it, in the same post */
	SAY(b, "go");
	is(&a, "asked 0 answered/12");
	bye(&b);
	bye(&a);
}

TEST(what_is_no_longer_wanted_is_not_waited_for)
{
	struct x a = up("primary"), b = up("secondary");

	SAY(a, "ask %s moot 11 100000", b.id);
	t_expect(b.p, "holding");
	is(&a, "asked 0 late/0");
	SAY(b, "go");
	SAY(b, "poke");
	t_expect(b.p, "look");
	bye(&b);
	bye(&a);
}

TEST(a_death_ends_the_waiting_for_the_dead_alone)
{
	struct x a = up("primary"), b = up("secondary"), c = up("secondary");

	SAY(a, "ask %s,%s hold 1 60000", b.id, c.id);
	t_expect(b.p, "holding");
	t_expect(c.p, "holding");
	t_kill(b.p, SIGKILL);
	CHECK_EQ(t_wait(b.p), 128 + SIGKILL);
	SAY(c, "go");
	is(&a, "asked 0 gone/0 answered/1");
	t_kill(a.p, SIGKILL); /* the primary, and it asks nothing */
	CHECK_EQ(t_wait(a.p), 128 + SIGKILL);
	b = up("secondary");
	SAY(b, "ask %s code 2 15000", c.id);
	is(&b, "asked 0 answered/2");
	bye(&b);
	bye(&c);
}

TEST(one_that_leaves_while_it_is_asked_finishes_what_it_began)
{
	struct x a = up("primary"), b = up("secondary");

	SAY(a, "ask %s hold 1 60000", b.id);
	t_expect(b.p, "holding");
	SAY(b, "bye");
	SAY(a, "ask %s code 5 60000", b.id); /* not begun: ends when the other leaves, by answer or as gone */
	is(&a, "asked 0 gone/0");
	t_kill(b.p, SIGKILL); /* nobody lets it go */
	is(&a, "asked 0 gone/0");
	bye(&a);
}

TEST_T(threads_of_all_members_at_once, 60)
{
	struct x m[4];

	for (int i = 0; i < 4; i++)
		m[i] = up(i == 0 ? "primary" : "secondary");
	for (int i = 0; i < 4; i++)
		SAY(m[i], "many %s,%s,%s 6 150", m[(i + 1) % 4].id, m[(i + 2) % 4].id, m[(i + 3) % 4].id);
	for (int i = 0; i < 4; i++)
		CHECK_STR(t_expect(m[i].p, "many"), "many 0");
	for (int i = 4; i-- > 0;)
		bye(&m[i]);
}

/* ---- each step, on both sides ---- */

static struct x doomed(const char *label)
{
	struct x x;

	CHECK_EQ(setenv("SHOAL_DIE_AT", label, 1), 0);
	x = up("secondary");
	CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
	return x;
}

TEST_T(a_death_at_each_step, 60)
{
	static const char *const asker[] = {"post_written", "post_open", "post_rung"};
	static const char *const asked[] = {"post_taken", "post_served", "post_taken:2"};
	struct x a, b, d;

	NEEDS_FAULT();
	a = up("primary");
	b = up("secondary");
	for (unsigned i = 0; i < 3; i++) {
		d = doomed(asker[i]);
		SAY(d, "ask %s,%s code 1 5000", a.id, b.id);
		CHECK_EQ(t_wait(d.p), 128 + SIGKILL);
		SAY(a, "ask %s code 2 15000", b.id);
		is(&a, "asked 0 answered/2");
		SAY(b, "ask %s code 3 15000", a.id);
		is(&b, "asked 0 answered/3");
	}
	for (unsigned i = 0; i < 3; i++) {
		d = doomed(asked[i]);
		if (i == 2) {
			SAY(a, "ask %s code 1 15000", d.id);
			is(&a, "asked 0 answered/1");
		}
		SAY(a, "ask %s,%s code 1 15000", d.id, b.id);
		is(&a, "asked 0 gone/0 answered/1");
		CHECK_EQ(t_wait(d.p), 128 + SIGKILL);
	}
	bye(&b);
	bye(&a);
}

/* ---- who cannot ask ---- */

static void in_child(void *arg)
{
	struct sh_int_answer a = {.to = 1};

	(void)arg;
	_exit(sh_internal_ask(&a, 1, &(struct sh_int_ask){.svc = SH_SVC_TEST, .dl = SH_FOREVER}) == -EPERM ? 0 : 1);
}

TEST(who_cannot_ask_is_told)
{
	char *alone[] = {(char *)"t", (char *)"--no-shconf", (char *)"-l", (char *)"0", (char *)"--no-huge", NULL};
	char data[SH_INT_DATA + 1] = {0};
	struct sh_int_answer a = {.to = 1};
	struct sh_int_ask q = {.svc = SH_SVC_TEST, .data = data, .len = 1, .dl = SH_FOREVER}, long_ = q;
	struct x x = up("primary");

	long_.len = sizeof(data);

	CHECK_EQ(sh_internal_ask(&a, 1, &q), -EPERM);
	CHECK(m_init("secondary", NULL));
	CHECK_EQ(sh_internal_ask(&a, 1, &long_), -EMSGSIZE);
	CHECK_EQ(sh_internal_ask(NULL, 0, &q), 0);
	CHECK_EQ(t_fork(in_child, NULL, NULL, 0), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
	bye(&x);
	CHECK_EQ(rte_eal_init(5, alone) < 0, 0);
	CHECK_EQ(sh_internal_ask(&a, 1, &q), -ENOTSUP);
}

/* ---- a member that is still inside init ---- */

/* here for the build in which a process can be held at a step */
TEST(a_member_inside_init_is_not_asked_and_not_counted)
{
	struct t_proc *a, *b, *late;
	siginfo_t si;

	NEEDS_FAULT();
	a = m_up("primary", NULL);
	t_expect(a, "up");
	CHECK_EQ(setenv("SHOAL_STOP_AT", "announce", 1), 0);
	late = m_up("secondary", NULL);
	CHECK_EQ(unsetenv("SHOAL_STOP_AT"), 0);
	CHECK_EQ(waitid(P_PID, (id_t)late->pid, &si, WSTOPPED | WEXITED | WNOWAIT), 0);
	CHECK_EQ(si.si_code, CLD_STOPPED);
	CHECK_STR(m_do(a, "ret", "req q 8 18000"), "ret 0 0 0 0 null 0");
	b = m_up("secondary", NULL);
	t_expect(b, "up");
	m_do(b, "ok", "reg q echo");
	CHECK_STR(m_do(a, "ret", "req q 8 18000"), "ret 0 0 1 1 good 0");
	t_kill(late, SIGCONT);
	t_expect(late, "up");
	m_do(late, "ok", "reg q echo");
	CHECK_STR(m_do(a, "ret", "req q 8 18000"), "ret 0 0 2 2 good 0");
}
