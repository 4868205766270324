/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exchange_test.c - memory grows and shrinks while members observe it: the steps in their order, vetoes, time limits, deaths
 *
 * Its members are of the role "x", see exchange_role.c.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "check.h"

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif
#define STEP_KIB 2048

/* ---- cases ---- */

struct x {
	struct t_proc *p;
	uint64_t id;
};

static char steps_path[300];

static struct x up_env(const char *type, const char *opt, const char *env, const char *value)
{
	struct x x;

	snprintf(steps_path, sizeof(steps_path), "%s/steps", t_tmpdir());
	if (env != NULL)
		CHECK_EQ(setenv(env, value, 1), 0);
	x.p = t_spawn("x", type, steps_path, opt, NULL);
	if (env != NULL)
		CHECK_EQ(unsetenv(env), 0);
	x.id = strtoull(t_expect(x.p, "up ") + 3, NULL, 10);
	return x;
}

static struct x up(const char *type)
{
	return up_env(type, NULL, NULL, NULL);
}

static const char *do_(struct x *x, const char *cmd, const char *want)
{
	t_say(x->p, cmd);
	return t_expect(x->p, want);
}

#define IS(x, cmd, line) CHECK_STR(do_(&(x), cmd, ""), line)

static void bye(struct x *x)
{
	t_say(x->p, "bye");
	CHECK_EQ(t_wait(x->p), 0);
}

static void killed(struct x *x)
{
	siginfo_t si;

	CHECK_EQ(waitid(P_PID, (id_t)x->p->pid, &si, WEXITED | WNOWAIT), 0); /* t_wait() would end it in good order */
	CHECK_EQ(t_wait(x->p), 128 + SIGKILL);
}

static const char *kib(const char *fmt, unsigned steps)
{
	static char line[64];

	snprintf(line, sizeof(line), fmt, steps * STEP_KIB);
	return line;
}

/* where time limits are short, a busy machine may cost a try */
static void takes(struct x *x, const char *cmd)
{
	while (strncmp(do_(x, cmd, ""), "took", 4) != 0)
		;
}

/* all of them know the same, and that is what there is */
static void agree(struct x *x, unsigned n, unsigned steps)
{
	for (unsigned i = 0; i < n; i++)
		IS(x[i], "check", kib("check ok %u", steps));
}

struct all {
	struct x *x;
	unsigned n;
	const char *want; /* NULL: the same of all */
};

static bool all_know(void *arg)
{
	const struct all *a = arg;
	char first[128] = "";

	for (unsigned i = 0; i < a->n; i++) {
		const char *is = do_(&a->x[i], "check", "check");

		if (i == 0)
			snprintf(first, sizeof(first), "%s", a->want != NULL ? a->want : is);
		if (strncmp(is, "check ok", 8) != 0 || strcmp(is, first) != 0)
			return false;
	}
	return true;
}

/* the same, in the end */
static void settled(struct x *x, unsigned n, unsigned steps)
{
	struct all a = {x, n, kib("check ok %u", steps)};

	t_until(all_know, &a);
}

TEST(who_observes_is_told_wherever_memory_grows)
{
	struct x m[3] = {up("primary"), up("secondary"), up("secondary")};

	do_(&m[0], "take 16", "took"); /* nobody observes: the step is simply there */
	for (int i = 0; i < 3; i++)
		IS(m[i], "events", "ok");
	agree(m, 3, 1);
	do_(&m[1], "take 2048", "took");
	agree(m, 3, 2);
	do_(&m[0], "take 4096", "took");
	agree(m, 3, 4);
	IS(m[2], "shrink", "shrunk 0"); /* takes a step, gives its pages back */
	agree(m, 3, 4);
	IS(m[1], "noevents", "ok");
	IS(m[0], "noevents", "ok");
	do_(&m[1], "take 2048", "took"); /* one alone observes, and is not the one that asks */
	agree(&m[2], 1, 5);
	for (int i = 3; i-- > 0;)
		bye(&m[i]);
}

TEST(a_validator_anywhere_refuses)
{
	struct x m[3] = {up("primary"), up("secondary"), up("secondary")};

	for (int i = 0; i < 3; i++)
		IS(m[i], "events", "ok");
	do_(&m[1], "take 2048", "took");
	for (int i = 0; i < 3; i++) {
		IS(m[i], "veto 2048", "ok");
		for (int k = 0; k < 3; k++)
			IS(m[k], "take 2048", "err 12");
		agree(m, 3, 1);
		IS(m[i], "noveto", "ok");
	}
	IS(m[1], "veto 4096", "ok"); /* not above its limit */
	do_(&m[1], "take 2048", "took");
	agree(m, 3, 2);
	for (int i = 3; i-- > 0;)
		bye(&m[i]);
}

/* ---- the steps, in their order ---- */

struct token {
	unsigned step;
	char text[16];
};

/* "mem: grow #7 step 3: member 0 ..." -> g3P: whose step it is, - when it went wrong. P is the first member, then A, B, C */
static bool parse(const char *line, struct token *t)
{
	static const char *const bad[] = {"cannot", "refuses", "answers no", "rolls", "failed"};
	const char *at = strstr(line, "mem: ");
	unsigned member;
	char kind[8];
	bool minus = false;

	if (at == NULL || sscanf(at, "mem: %7s #%*u step %u: member %u", kind, &t->step, &member) != 3)
		return false;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		minus |= strstr(at, bad[i]) != NULL;
	snprintf(t->text, sizeof(t->text), " %c%u%c%s", kind[0], t->step, "PABCD"[member % 5], minus ? "-" : "");
	return true;
}

/* what members do side by side comes in the order of their letters */
static bool before(const struct token *a, const struct token *b)
{
	bool side = (a->step == 4 || a->step == 5 || a->step == 8 || a->step == 9) &&
		    (b->step == 4 || b->step == 5 || b->step == 8 || b->step == 9) && (a->step > 5) == (b->step > 5);

	return side && strcmp(a->text + 3, b->text + 3) < 0 && a->text[3] != b->text[3];
}

static const char *steps(void)
{
	static char all[2048];
	static struct token t[100];
	char line[512];
	FILE *f = fopen(steps_path, "r");
	unsigned n = 0;

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL && n < 99)
		n += parse(line, &t[n]);
	fclose(f);
	for (unsigned i = 1; i < n; i++)
		for (unsigned k = i; k > 0 && before(&t[k], &t[k - 1]); k--) {
			struct token swap = t[k];

			t[k] = t[k - 1];
			t[k - 1] = swap;
		}
	all[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		strcat(all, t[i].text);
	CHECK_EQ(truncate(steps_path, 0), 0);
	return all;
}

#define ALWAYS "--mem-sync=always"

TEST(growth_has_its_steps)
{
	struct x p = up_env("primary", ALWAYS, NULL, NULL), a = up_env("secondary", ALWAYS, NULL, NULL), b;

	do_(&a, "take 2048", "took");
	CHECK_STR(steps(), " g1A g2P g3P g4A g5A g6P g10P");
	b = up("secondary"); /* it prints at debug only, and is asked like everybody */
	do_(&a, "take 2048", "took");
	CHECK_STR(steps(), " g1A g2P g3P g4A g5A g6P g10P");
	do_(&p, "take 2048", "took");
	CHECK_STR(steps(), " g1P g2P g3P g4A g5A g6P g10P");
	IS(a, "shrink", "shrunk 0");
	CHECK_STR(steps(), " g1A g2P g3P g4A g5A g6P g10P f1A f2P f3P f4A f5A f6P");
	t_kill(p.p, SIGKILL);
	killed(&p);
	do_(&a, "take 2048", "took"); /* the step that was given back: no primary, so A coordinates */
	CHECK_STR(steps(), " g1A g2A g3A g6A g10A");
	bye(&b);
	bye(&a);
}

/* P, A, B; A asks. opt for all; fail at fails in the member of that letter */
static void branch(char who, const char *label, const char *cmd, const char *answer, const char *want, unsigned left)
{
	const char *env = "SHOAL_FAIL_AT";
	struct x m[3];
	char copy[200];

	m[0] = up_env("primary", ALWAYS, who == 'P' ? env : NULL, label);
	m[1] = up_env("secondary", ALWAYS, who == 'A' ? env : NULL, label);
	m[2] = up_env("secondary", ALWAYS, who == 'B' ? env : NULL, label);
	for (int i = 0; i < 3; i++)
		IS(m[i], "events", "ok");
	if (who == 'B')
		IS(m[2], "late", "ok");
	CHECK_STR(do_(&m[1], cmd, ""), answer);
	snprintf(copy, sizeof(copy), "%s", steps());
	CHECK_STR(copy, want);
	/* it failed once: everything is as if nobody had asked, and the next one goes well */
	settled(m, 3, left);
	do_(&m[1], "take 4096", "took");
	CHECK_HAS(steps(), " g1A g2P g3P g4A g5A g4B g5B g6P g10P");
	settled(m, 3, 2);
	for (int i = 3; i-- > 0;)
		bye(&m[i]);
}

#define GROWS "g1A g2P g3P g4A g5A g4B g5B g6P g10P"

TEST(the_primary_cannot_map)
{
	NEEDS_FAULT();
	/* a step is what is asked for: no second try with less */
	branch('P', "xchg_map", "take 2048", "err 12", " g1A g2P- g10P-", 0);
}

TEST(a_member_cannot_synchronise)
{
	NEEDS_FAULT();
	branch('B', "xchg_sync", "take 2048", "err 12", " g1A g2P g3P g4A g5A g4B- g5B- g6P- g7P g8A g9A g8B g9B g10P-",
	       0);
}

TEST(the_requester_cannot_synchronise)
{
	NEEDS_FAULT();
	branch('A', "xchg_sync", "take 2048", "err 12", " g1A g2P g3P g4A- g5A- g4B g5B g6P- g7P g8A g9A g8B g9B g10P-",
	       0);
}

TEST(the_primary_cannot_unmap)
{
	NEEDS_FAULT();
	branch('P', "xchg_unmap", "shrink", "shrunk 125", " " GROWS " f1A f2P- f6P-", 1);
}

TEST(a_member_cannot_synchronise_when_pages_go)
{
	NEEDS_FAULT();
	/* the second time: the first is for the growth before it. They go whatever it says */
	branch('B', "xchg_sync:2", "shrink", "shrunk 0", " " GROWS " f1A f2P f3P f4A f5A f4B- f5B- f6P", 0);
}

TEST(the_second_synchronising_fails)
{
	struct x p, a;

	NEEDS_FAULT();
	p = up_env("primary", ALWAYS, NULL, NULL);
	a = up_env("secondary", ALWAYS, "SHOAL_FAIL_AT", "xchg_sync_again");
	IS(a, "veto 0", "ok");
	IS(a, "take 2048", "err 12");
	CHECK_STR(steps(), " g1A g2P g3P g4A- g5A- g6P- g7P g8A- g9A- g10P-");
	IS(p, "check", "check ok 0");
	bye(&a);
	bye(&p);
}

/* ---- requesters in the midst of things ---- */

TEST(two_requesters_at_once)
{
	struct x m[3] = {up("primary"), up("secondary"), up("secondary")};

	for (int i = 0; i < 3; i++)
		IS(m[i], "events", "ok");
	for (int k = 0; k < 4; k++)
		for (int i = 0; i < 3; i++)
			t_say(m[i].p, "take 2048");
	for (int k = 0; k < 4; k++)
		for (int i = 0; i < 3; i++)
			t_expect(m[i].p, "took");
	agree(m, 3, 12);
	for (int i = 3; i-- > 0;)
		bye(&m[i]);
}

TEST(a_requester_inside_an_action)
{
	struct x m[2] = {up("primary"), up("secondary")};
	char cmd[64];

	for (int i = 0; i < 2; i++)
		IS(m[i], "events", "ok");
	for (int i = 0; i < 2; i++) {
		snprintf(cmd, sizeof(cmd), "act %llu 2048", (unsigned long long)m[i].id);
		t_say(m[1 - i].p, cmd);
		t_expect(m[i].p, "took");
	}
	agree(m, 2, 2);
	/* inside an action of both at once: neither dispatcher is there for the other */
	for (int i = 0; i < 2; i++) {
		snprintf(cmd, sizeof(cmd), "act %llu 2048", (unsigned long long)m[i].id);
		t_say(m[1 - i].p, cmd);
	}
	for (int i = 0; i < 2; i++)
		t_expect(m[i].p, "took");
	agree(m, 2, 4);
	bye(&m[1]);
	bye(&m[0]);
}

TEST(an_allocation_inside_a_callback_grows_nothing)
{
	struct x m[2] = {up("primary"), up("secondary")};
	char cmd[64];

	for (int i = 0; i < 2; i++)
		IS(m[i], "events", "ok");
	IS(m[1], "inside", "ok");
	snprintf(cmd, sizeof(cmd), "give %s", do_(&m[0], "take 1024", "took ") + 5);
	CHECK_STR(do_(&m[1], "what", "inside"), "inside null 12"); /* what would have needed more memory */
	do_(&m[0], "take 1024", "took");
	IS(m[0], cmd, "gave 0"); /* half a step is free */
	do_(&m[0], "take 2048", "took");
	CHECK_STR(do_(&m[1], "what", "inside"), "inside ptr 12"); /* what there was room for */
	bye(&m[1]);
	bye(&m[0]);
}

TEST(a_process_alone_observes_itself)
{
	struct x x = up_env("primary", "--no-shconf", NULL, NULL);

	IS(x, "events", "ok");
	do_(&x, "take 2048", "took");
	IS(x, "shrink", "shrunk 0");
	IS(x, "check", "check ok 2048");
	IS(x, "veto 2048", "ok");
	IS(x, "take 2048", "err 12");
	IS(x, "check", "check ok 2048");
	bye(&x);
}

/* ---- one is stopped, or slow ---- */

#define SOON "SHOAL_XCHG_MS", "400"

TEST(a_bystander_is_stopped)
{
	struct x m[3];

	NEEDS_FAULT();
	m[0] = up_env("primary", NULL, SOON);
	m[1] = up_env("secondary", NULL, SOON);
	m[2] = up_env("secondary", NULL, SOON);
	for (int i = 0; i < 3; i++)
		IS(m[i], "events", "ok");
	takes(&m[1], "take 2048");
	t_kill(m[2].p, SIGSTOP);
	IS(m[1], "take 2048", "err 12");
	agree(m, 2, 1);
	IS(m[1], "shrink", "shrunk 12"); /* no step for it: there is none free, and none comes */
	t_kill(m[2].p, SIGCONT);
	settled(m, 3, 1);
	takes(&m[1], "take 2048");
	settled(m, 3, 2);
	for (int i = 3; i-- > 0;)
		bye(&m[i]);
}

TEST(a_callback_does_not_return)
{
	struct x m[3];

	NEEDS_FAULT();
	m[0] = up_env("primary", NULL, SOON);
	m[1] = up_env("secondary", NULL, SOON);
	m[2] = up_env("secondary", NULL, SOON);
	for (int i = 0; i < 3; i++)
		IS(m[i], "events", "ok");
	for (int i = 2; i >= 0; i--) { /* a bystander's, the requester's, the primary's */
		IS(m[i], "block", "ok");
		t_say(m[1].p, "take 2048");
		t_expect(m[i].p, "inside");
		CHECK_STR(t_expect(m[1].p, ""), "err 12");
		t_say(m[i].p, "go");
		settled(m, 3, 0);
	}
	takes(&m[1], "take 2048");
	settled(m, 3, 1);
	for (int i = 3; i-- > 0;)
		bye(&m[i]);
}

/* ---- death and stop, in each role at each step ---- */

static const char *const coordinating[] = {"xchg_opened", "mem_fill_backed", "xchg_mapped", "xchg_told",
					   "post_open",	  "post_rung",	     "xchg_heard",  "xchg_closed",
					   "xchg_result", "post_served"};
static const char *const rolling[] = {"xchg_rolling", "xchg_heard:2", "mem_punch_marked", "xchg_rolled", "xchg_closed"};
static const char *const freeing[] = {"xchg_told:2", "xchg_heard:2", "mem_punch_done", "xchg_unmapped",
				      "xchg_closed:2"};
static const char *const requesting[] = {"xchg_wanted", "post_written", "post_open", "post_rung", "xchg_answered"};
static const char *const asked[] = {"post_taken", "xchg_asked", "xchg_view_changed", "xchg_synced", "post_served"};

enum { PRIMARY, REQUESTER, BYSTANDER };

/* P, A, B with one of them doomed; A asks */
static void cast(struct x m[3], int who, const char *env, const char *label)
{
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(setenv("SHOAL_XCHG_MS", env[6] == 'S' ? "300" : "15000", 1), 0);
		m[i] = up_env(i == 0 ? "primary" : "secondary", NULL, who == i ? env : NULL, label);
		IS(m[i], "events", "ok");
	}
}

static void leave(struct x *m, unsigned n)
{
	for (unsigned i = n; i-- > 0;)
		bye(&m[i]);
}

/* who lives agrees; and memory grows for each, by as much as is asked */
static void go_on(struct x *m, unsigned n)
{
	struct all a = {m, n, NULL};
	unsigned was, is;

	t_until(all_know, &a);
	for (unsigned i = 0; i < n; i++) {
		CHECK_EQ(sscanf(do_(&m[i], "check", "check"), "check ok %u", &was), 1);
		takes(&m[i], "take 4096");
		t_until(all_know, &a);
		CHECK_EQ(sscanf(do_(&m[i], "check", "check"), "check ok %u", &is), 1);
		CHECK(is >= was && is <= was + 4096);
	}
}

static void a_death(int who, const char *label, const char *cmd, bool veto)
{
	struct x m[3], left[2];
	unsigned n = 0;

	cast(m, who, "SHOAL_DIE_AT", label);
	if (veto)
		IS(m[BYSTANDER], "veto 0", "ok");
	t_say(m[REQUESTER].p, cmd);
	killed(&m[who]);
	if (who != REQUESTER) /* it has its answer: what was asked for, or no */
		CHECK_STR(strncmp(t_expect(m[REQUESTER].p, ""),
				  veto		  ? "err 12"
				  : cmd[0] == 't' ? "took"
						  : "shrunk 0",
				  veto ? 6 : 4) == 0
				  ? "answered"
				  : label,
			  "answered");
	if (veto)
		IS(m[BYSTANDER], "noveto", "ok");
	for (int i = 0; i < 3; i++)
		if (i != who)
			left[n++] = m[i];
	go_on(left, 2);
	leave(left, 2);
}

#define EACH(who, labels, cmd, veto)                                                                                   \
	do {                                                                                                           \
		for (unsigned i_ = 0; i_ < sizeof(labels) / sizeof((labels)[0]); i_++)                                 \
			a_death(who, (labels)[i_], cmd, veto);                                                         \
	} while (0)

TEST_T(the_primary_dies_at_each_step, 60)
{
	NEEDS_FAULT();
	EACH(PRIMARY, coordinating, "take 2048", false);
	EACH(PRIMARY, rolling, "take 2048", true);
	EACH(PRIMARY, freeing, "shrink", false);
}

TEST_T(the_requester_dies_at_each_step, 60)
{
	NEEDS_FAULT();
	EACH(REQUESTER, requesting, "take 2048", false);
	EACH(REQUESTER, asked, "take 2048", false);
	a_death(REQUESTER, "xchg_wanted:2", "shrink", false);
	a_death(REQUESTER, "post_rung:2", "shrink", false);
}

TEST_T(a_bystander_dies_at_each_step, 60)
{
	NEEDS_FAULT();
	EACH(BYSTANDER, asked, "take 2048", false);
	a_death(BYSTANDER, "xchg_synced:2", "shrink", false);
}

/* who takes over dies over it: the bystander, which is the only one left, ends it */
TEST(who_takes_over_dies)
{
	struct x m[3], d;
	struct all a;

	NEEDS_FAULT();
	m[0] = up_env("primary", NULL, "SHOAL_DIE_AT", "xchg_told");
	d = up_env("secondary", NULL, "SHOAL_DIE_AT", "xchg_taken_over");
	m[1] = d;
	m[2] = up("secondary");
	IS(m[1], "events", "ok");
	IS(m[2], "events", "ok"); /* before: what it has told itself while pages are rolled back would be a guess */
	t_kill(m[2].p, SIGSTOP);  /* that it is not the one who takes over first */
	t_say(m[1].p, "take 2048");
	killed(&m[0]);
	killed(&m[1]);
	t_kill(m[2].p, SIGCONT);
	a = (struct all){&m[2], 1, NULL};
	t_until(all_know, &a);
	go_on(&m[2], 1);
	bye(&m[2]);
}

/* stopped in the middle, then let go on: the others did not wait for ever, and it knows its place afterwards */
static void a_stop(int who, const char *label, const char *cmd, bool veto)
{
	siginfo_t si;
	struct x m[3];
	struct all a = {m, 3, NULL};

	cast(m, who, "SHOAL_STOP_AT", label);
	IS(m[who], "late", "ok");
	if (veto)
		IS(m[BYSTANDER], "veto 0", "ok");
	t_say(m[REQUESTER].p, cmd);
	CHECK_EQ(waitid(P_PID, (id_t)m[who].p->pid, &si, WSTOPPED | WEXITED | WNOWAIT), 0);
	if (si.si_code != CLD_STOPPED)
		t_fail(__FILE__, __LINE__, "%s: code %d status %d", label, si.si_code, si.si_status);
	if (who != REQUESTER)
		(void)t_expect(m[REQUESTER].p, ""); /* done or not: an answer */
	else
		do_(&m[BYSTANDER], "take 2048", ""); /* nobody waits for it */
	t_kill(m[who].p, SIGCONT);
	if (who == REQUESTER)
		(void)t_expect(m[REQUESTER].p, "");
	if (veto)
		IS(m[BYSTANDER], "noveto", "ok");
	t_until(all_know, &a);
	go_on(m, 3);
	leave(m, 3);
}

#define STOP_EACH(who, labels, cmd, veto)                                                                              \
	do {                                                                                                           \
		for (unsigned i_ = 0; i_ < sizeof(labels) / sizeof((labels)[0]); i_++)                                 \
			a_stop(who, (labels)[i_], cmd, veto);                                                          \
	} while (0)

TEST_T(the_primary_is_stopped_at_each_step, 60)
{
	static const char *const at[] = {"post_taken", "xchg_opened", "xchg_mapped", "xchg_told",
					 "xchg_heard", "xchg_closed", "xchg_result"};
	static const char *const back[] = {"xchg_rolling", "xchg_rolled"};
	static const char *const gives[] = {"xchg_told:2", "xchg_unmapped"};

	NEEDS_FAULT();
	STOP_EACH(PRIMARY, at, "take 2048", false);
	STOP_EACH(PRIMARY, back, "take 2048", true);
	STOP_EACH(PRIMARY, gives, "shrink", false);
}

TEST_T(a_bystander_is_stopped_at_each_step, 60)
{
	static const char *const at[] = {"post_taken", "xchg_asked", "xchg_view_changed", "xchg_synced"};
	static const char *const gives[] = {"post_taken:2", "xchg_synced:2"};

	NEEDS_FAULT();
	STOP_EACH(BYSTANDER, at, "take 2048", false);
	STOP_EACH(BYSTANDER, gives, "shrink", false);
}

TEST_T(the_requester_is_stopped_at_each_step, 60)
{
	static const char *const at[] = {"xchg_wanted", "post_open", "post_rung", "xchg_answered", "xchg_synced"};

	NEEDS_FAULT();
	STOP_EACH(REQUESTER, at, "take 2048", false);
	a_stop(REQUESTER, "xchg_wanted:2", "shrink", false);
}
