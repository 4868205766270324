/* SPDX-License-Identifier: BSD-3-Clause */
/* exchange_test.c - memory grows and shrinks while members observe it: vetoes, time limits, requesters in the midst of things */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "exchange_cast.h"

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

/* who coordinates gets the pages: its limit counts, and who asked is told whose it is */
TEST(the_limit_of_the_primary_is_named_where_memory_was_asked_for)
{
	struct rlimit was, low;
	struct x m[2];

	CHECK_EQ(getrlimit(RLIMIT_FSIZE, &was), 0);
	low = (struct rlimit){32 << 20, was.rlim_max};
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &low), 0);
	m[0] = up("primary");
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &was), 0);
	m[1] = up("secondary");
	IS(m[1], "events", "ok");
	do_(&m[1], "take 2048", "took");
	IS(m[1], "take 65536", "err 27");
	CHECK_EQ(said("the limit on file size of that process is in the way: raise ulimit -f there"), 1);
	IS(m[0], "take 65536", "err 27"); /* of its own it is said as everywhere, by who calls this */
	CHECK_EQ(said("the limit on file size of that process"), 1);
	agree(&m[1], 1, 1);
	bye(&m[1]);
	bye(&m[0]);
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

/* on a thread of the library in the one, on the thread that allocates in the other */
TEST(who_leaves_inside_a_callback_is_told_so)
{
	struct x m[2] = {up("primary"), up("secondary")};
	char want[32];

	for (int i = 0; i < 2; i++)
		IS(m[i], "leaveinside", "ok");
	do_(&m[0], "take 1024", "took");
	for (int i = 0; i < 2; i++) {
		snprintf(want, sizeof(want), "inside null %d", EDEADLK);
		CHECK_STR(do_(&m[i], "what", "inside"), want);
	}
	bye(&m[1]);
	bye(&m[0]);
}

/* what cannot go now, as the exchange would wait for the one that it is part of, goes a little later */
TEST(what_is_freed_inside_a_callback_goes_when_that_has_returned)
{
	struct x m[2] = {up_env("primary", "--mem-decay=0", NULL, NULL),
			 up_env("secondary", "--mem-decay=0", NULL, NULL)};

	IS(m[1], "malloc 2097152", "ptr");
	for (int i = 0; i < 2; i++)
		IS(m[i], "events", "ok");
	IS(m[1], "freeinside", "ok");
	do_(&m[0], "take 4096", "took");
	settled(m, 2, 2);
	leave(m, 2);
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

/*
 * Many wait for one another's exchanges, each of which waits for the one that is stopped: those who have waited long enough to
 * take an exchange over do not take it from one another for ever.
 */
TEST_T(many_requesters_while_one_is_stopped, 60)
{
	struct x m[4];

	NEEDS_FAULT();
	m[0] = up_env("primary", ALWAYS, "SHOAL_XCHG_MS", "100");
	for (int i = 1; i < 4; i++)
		m[i] = up_env("secondary", ALWAYS, "SHOAL_XCHG_MS", "100");
	t_kill(m[3].p, SIGSTOP);
	for (int k = 0; k < 8; k++)
		for (int i = 0; i < 3; i++)
			t_say(m[i].p, "take 2048");
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 8; k++)
			CHECK_STR(t_expect(m[i].p, ""), "err 12");
	t_kill(m[3].p, SIGCONT);
	takes(&m[1], "take 2048");
	leave(m, 4);
}

#define SKIPPED "step 3: member 0 asks 2 to synchronise, not waiting"

/* Whoever stops is waited for by one exchange, not by each; when it has gone on, and stops again, the same */
TEST_T(a_bystander_that_is_stopped_is_waited_for_once, 60)
{
	struct x m[3];

	NEEDS_FAULT();
	m[0] = up_env("primary", ALWAYS, "SHOAL_XCHG_MS", "1000");
	for (int i = 1; i < 3; i++)
		m[i] = up_env("secondary", ALWAYS, "SHOAL_XCHG_MS", "1000");
	for (int i = 0; i < 3; i++)
		IS(m[i], "events", "ok");
	for (unsigned round = 0; round < 2; round++) {
		t_kill(m[2].p, SIGSTOP);
		IS(m[1], "take 2048", "err 12");
		CHECK_EQ(said(SKIPPED), 0);
		for (int k = 0; k < 3; k++)
			IS(m[k % 2], "take 2048", "err 12");
		CHECK_EQ(said(SKIPPED), 3);
		t_kill(m[2].p, SIGCONT);
		settled(m, 3, round);
		takes(&m[1], "take 2048");
		settled(m, 3, round + 1);
		(void)steps();
	}
	leave(m, 3);
}

TEST_T(a_primary_that_is_stopped_is_waited_for_once, 60)
{
	struct x m[2];

	NEEDS_FAULT();
	m[0] = up_env("primary", ALWAYS, SOON);
	m[1] = up_env("secondary", ALWAYS, SOON);
	t_kill(m[0].p, SIGSTOP);
	IS(m[1], "take 2048", "err 12");
	CHECK_EQ(said("without waiting"), 0);
	for (unsigned k = 1; k <= 3; k++) {
		IS(m[1], "take 2048", "err 12");
		CHECK_EQ(said("without waiting"), k);
	}
	t_kill(m[0].p, SIGCONT);
	takes(&m[1], "take 2048");
	leave(m, 2);
}

/* ---- who coordinates is still there for others. Time limits are longer than a case may take: nothing here is to let one pass ---- */

#define NEVER "SHOAL_XCHG_MS", "100000"

/* A coordinates, without a primary, and waits for its own callback; C's request waits at the new primary for A, which asks that one */
TEST_T(a_new_primary_answers_while_an_exchange_is_in_its_way, 50)
{
	struct x p, a, c, n;
	siginfo_t si;

	NEEDS_FAULT();
	p = up_env("primary", ALWAYS, NEVER);
	a = up_env("secondary", ALWAYS, NEVER);
	c = up_env("secondary", ALWAYS, NEVER);
	IS(a, "events", "ok");
	IS(a, "block", "ok");
	t_kill(p.p, SIGKILL);
	killed(&p);
	t_say(a.p, "take 2048");
	t_expect(a.p, "inside");
	CHECK_EQ(setenv("SHOAL_STOP_AT", "post_taken", 1), 0);
	n = up_env("primary", ALWAYS, NEVER);
	CHECK_EQ(unsetenv("SHOAL_STOP_AT"), 0);
	t_say(c.p, "take 2048");
	CHECK_EQ(waitid(P_PID, (id_t)n.p->pid, &si, WSTOPPED | WEXITED | WNOWAIT), 0); /* it has C's before A's */
	CHECK_EQ(si.si_code, CLD_STOPPED);
	t_kill(n.p, SIGCONT);
	t_say(a.p, "go");
	t_expect(a.p, "took");
	t_expect(c.p, "took");
	bye(&n);
	bye(&c);
	bye(&a);
}

/* the primary waits for B's callback; what D asks the primary's runtime has nothing to do with that */
TEST_T(the_primary_serves_others_while_it_coordinates, 50)
{
	struct x m[4];

	NEEDS_FAULT();
	for (int i = 0; i < 4; i++)
		m[i] = up_env(i == 0 ? "primary" : "secondary", NULL, NEVER);
	IS(m[1], "events", "ok");
	IS(m[1], "block", "ok");
	t_say(m[2].p, "take 2048");
	t_expect(m[1].p, "inside");
	IS(m[3], "fd stdin", "fd 0");
	t_say(m[1].p, "go");
	t_expect(m[2].p, "took");
	leave(m, 4);
}
