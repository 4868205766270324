/* SPDX-License-Identifier: BSD-3-Clause */
/* exchange_kill_test.c - members die or are stopped in each role at each step of the exchange: the others go on */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "exchange_cast.h"

static const char *const coordinating[] = {"xchg_opened", "mem_fill_backed", "xchg_mapped", "xchg_told",
					   "post_open",	  "post_rung",	     "xchg_heard",  "xchg_closed",
					   "xchg_result", "post_served"};
static const char *const rolling[] = {"xchg_rolling", "xchg_heard:2", "xchg_announced", "mem_punch_marked",
				      "xchg_rolled",  "xchg_heard:3", "xchg_closed"};
static const char *const freeing[] = {"xchg_opened:2", "xchg_heard:2", "xchg_announced", "mem_punch_done",
				      "xchg_unmapped", "xchg_told:2",  "xchg_heard:3",	 "xchg_closed:2"};
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
/* who lives agrees; and memory grows for each, by as much as is asked; what the dead asked for may come late, a step */
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
		CHECK(is >= was && is <= was + 4096 + STEP_KIB);
	}
}

static bool answers(const char *is, const char *cmd, bool veto)
{
	if (getenv("SHOAL_TEST_HUGE") != NULL && strstr(is, " 105") != NULL)
		return true; /* programs beside this one have all huge pages: that is an answer, too */
	if (veto)
		return strcmp(is, "err 12") == 0;
	return cmd[0] == 't' ? strncmp(is, "took", 4) == 0 : strncmp(is, "shrunk", 6) == 0;
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
		CHECK_STR(answers(t_expect(m[REQUESTER].p, ""), cmd, veto) ? "answered" : label, "answered");
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
	CHECK_EQ(setenv("SHOAL_FAIL_AT", "xchg_unmap", 1), 0); /* once in each of them: who takes over tries again */
	a_death(PRIMARY, "xchg_stays", "shrink", false);
	CHECK_EQ(unsetenv("SHOAL_FAIL_AT"), 0);
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
	a_death(BYSTANDER, "xchg_heard_of", "shrink", false);
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
	for (int i = 0; i < 3; i++) /* on a busy machine such short limits may pass for any of them */
		IS(m[i], "late", "ok");
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

/* "shrinks": time limits are short, and the growth before it may be refused on a busy machine */
#define STOP_EACH(who, labels, cmd, veto)                                                                              \
	do {                                                                                                           \
		for (unsigned i_ = 0; i_ < sizeof(labels) / sizeof((labels)[0]); i_++)                                 \
			a_stop(who, (labels)[i_], cmd, veto);                                                          \
	} while (0)

TEST_T(the_primary_is_stopped_at_each_step, 60)
{
	static const char *const at[] = {"post_taken", "xchg_opened", "xchg_mapped", "xchg_told",
					 "xchg_heard", "xchg_closed", "xchg_result"};
	static const char *const back[] = {"xchg_rolling", "xchg_announced", "xchg_rolled"};
	static const char *const gives[] = {"xchg_announced", "xchg_unmapped", "xchg_told:2"};

	NEEDS_FAULT();
	STOP_EACH(PRIMARY, at, "take 2048", false);
	STOP_EACH(PRIMARY, back, "take 2048", true);
	STOP_EACH(PRIMARY, gives, "shrinks", false);
	CHECK_EQ(setenv("SHOAL_FAIL_AT", "xchg_unmap", 1), 0);
	a_stop(PRIMARY, "xchg_stays", "shrinks", false);
	CHECK_EQ(unsetenv("SHOAL_FAIL_AT"), 0);
}

TEST_T(a_bystander_is_stopped_at_each_step, 60)
{
	static const char *const at[] = {"post_taken", "xchg_asked", "xchg_view_changed", "xchg_synced"};
	static const char *const gives[] = {"xchg_heard_of", "post_taken:2", "xchg_synced:2"};

	NEEDS_FAULT();
	STOP_EACH(BYSTANDER, at, "take 2048", false);
	STOP_EACH(BYSTANDER, gives, "shrinks", false);
}

TEST_T(the_requester_is_stopped_at_each_step, 60)
{
	static const char *const at[] = {"xchg_wanted", "post_open", "post_rung", "xchg_answered", "xchg_synced"};

	NEEDS_FAULT();
	STOP_EACH(REQUESTER, at, "take 2048", false);
	a_stop(REQUESTER, "xchg_wanted:2", "shrinks", false);
}
