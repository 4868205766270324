/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exchange_steps_test.c - the steps of the exchange in their order, as they are printed
 *
 * g3P: step 3 of a growth, by P; f: of giving back. P is the first member, then A, B, C; a minus behind it: it went wrong.
 */
#include <signal.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>

#include "exchange_cast.h"

#define GROWS " g1A g2P g3P g4A g5A g4B g5B g6P g10P"
#define FREES " f1A f2P f3P f4A f5A f4B f5B f6P"

TEST(growth_and_giving_back_have_their_steps)
{
	struct x p = up_env("primary", ALWAYS, NULL, NULL), a = up_env("secondary", ALWAYS, NULL, NULL), b;

	do_(&a, "take 2048", "took");
	CHECK_STR(steps(), " g1A g2P g3P g4A g5A g6P g10P");
	b = up("secondary"); /* it knows of the option from the group */
	do_(&a, "take 2048", "took");
	CHECK_STR(steps(), GROWS);
	do_(&p, "take 2048", "took");
	CHECK_STR(steps(), " g1P g2P g3P g4A g5A g4B g5B g6P g10P");
	IS(a, "shrink", "shrunk 0");
	CHECK_STR(steps(), GROWS FREES);
	t_kill(p.p, SIGKILL);
	killed(&p);
	do_(&a, "take 2048", "took"); /* the step that was given back: no primary, so A coordinates */
	CHECK_STR(steps(), " g1A g2A g3A g4B g5B g6A g10A");
	bye(&b);
	bye(&a);
}

/* P, A, B, of which one alone was started with the option */
TEST(one_member_with_the_option_is_enough_while_it_lives)
{
	for (int who = 0; who < 3; who++) {
		struct x m[3];

		for (int i = 0; i < 3; i++)
			m[i] = up_env(i == 0 ? "primary" : "secondary", i == who ? ALWAYS : NULL, NULL, NULL);
		IS(m[1], "shrink", "shrunk 0");
		CHECK_STR(steps(), GROWS FREES);
		bye(&m[who]);
		IS(m[who == 1 ? 0 : 1], "shrink", "shrunk 0");
		CHECK_STR(steps(), "");
		for (int i = 3; i-- > 0;)
			if (i != who)
				bye(&m[i]);
	}
}

TEST(pages_have_gone_before_the_members_are_asked)
{
	struct x m[3];
	siginfo_t si;

	NEEDS_FAULT();
	m[0] = up_env("primary", ALWAYS, NULL, NULL);
	m[1] = up_env("secondary", ALWAYS, NULL, NULL);
	m[2] = up_env("secondary", ALWAYS, "SHOAL_STOP_AT", "xchg_asked:2"); /* the first is the growth's */
	for (int i = 0; i < 3; i++) /* their callbacks see the pages go while they are there, see on_event() */
		IS(m[i], "events", "ok");
	t_say(m[1].p, "shrink");
	CHECK_EQ(waitid(P_PID, (id_t)m[2].p->pid, &si, WSTOPPED | WEXITED | WNOWAIT), 0);
	CHECK_EQ(si.si_code, CLD_STOPPED);
	IS(m[0], "held", "held 0");
	CHECK_HAS(steps(), GROWS " f1A f2P f3P");
	t_kill(m[2].p, SIGCONT);
	CHECK_STR(t_expect(m[1].p, ""), "shrunk 0");
	agree(m, 3, 0);
	leave(m, 3);
}

TEST(pages_that_are_taken_back_have_gone_before_the_members_are_asked_again)
{
	struct x m[3];
	siginfo_t si;

	NEEDS_FAULT();
	m[0] = up_env("primary", ALWAYS, NULL, NULL);
	m[1] = up_env("secondary", ALWAYS, "SHOAL_STOP_AT", "xchg_asked:2");
	m[2] = up_env("secondary", ALWAYS, NULL, NULL);
	for (int i = 0; i < 3; i++)
		IS(m[i], "events", "ok");
	IS(m[2], "veto 0", "ok");
	t_say(m[1].p, "take 2048");
	CHECK_EQ(waitid(P_PID, (id_t)m[1].p->pid, &si, WSTOPPED | WEXITED | WNOWAIT), 0);
	CHECK_EQ(si.si_code, CLD_STOPPED);
	IS(m[0], "held", "held 0");
	CHECK_HAS(steps(), " g1A g2P g3P g4A g5A g4B- g5B- g6P- g7P");
	t_kill(m[1].p, SIGCONT);
	CHECK_STR(t_expect(m[1].p, ""), "err 12");
	agree(m, 3, 0);
	leave(m, 3);
}

/* ---- each branch ---- */

/*
 * P, A, B; A asks: one step fails once, in the member of the letter who. Then everything is as if nobody had asked, with so
 * many steps left, and the next one goes well.
 */
struct branch {
	char who;
	const char *label;
	const char *cmd, *answer;
	const char *want;
	unsigned left;
};

static void cast(struct x m[3], const struct branch *b, const char *opt)
{
	for (int i = 0; i < 3; i++) {
		m[i] = up_env(i == 0 ? "primary" : "secondary", opt, b->who == "PAB"[i] ? "SHOAL_FAIL_AT" : NULL,
			      b->label);
		IS(m[i], "events", "ok");
	}
}

static void branch(struct branch b)
{
	struct x m[3];

	NEEDS_FAULT();
	cast(m, &b, ALWAYS);
	CHECK_STR(do_(&m[1], b.cmd, ""), b.answer);
	CHECK_STR(steps(), b.want);
	settled(m, 3, b.left);
	do_(&m[1], "take 4096", "took");
	CHECK_HAS(steps(), GROWS);
	settled(m, 3, 2);
	leave(m, 3);
}

/* The same as a program has it: with --mem-decay=0 what is freed goes at once. What went wrong is tried once more */
static void user_branch(struct branch b)
{
	struct x m[3];

	NEEDS_FAULT();
	cast(m, &b, ALWAYS " --mem-decay=0");
	IS(m[1], "malloc 2097152", b.answer);
	if (strcmp(b.answer, "ptr") == 0)
		IS(m[1], "free", "freed");
	settled(m, 3, b.left);
	while (strlen(steps_so_far()) < strlen(b.want)) /* the second try is made by another thread, and says so last */
		sched_yield();
	CHECK_STR(steps(), b.want);
	if (b.left != 0) {
		leave(m, 3);
		return;
	}
	IS(m[1], "malloc 4194304", "ptr");
	CHECK_HAS(steps(), GROWS);
	settled(m, 3, 2);
	IS(m[1], "free", "freed");
	CHECK_HAS(steps(), FREES);
	settled(m, 3, 0);
	leave(m, 3);
}

/* a step is what is asked for: no second try with less */
#define CANNOT_MAP " g1A g2P- g10P-"
#define B_SAYS_NO " g1A g2P g3P g4A g5A g4B- g5B- g6P- g7P g8A g9A g8B g9B g10P-"
#define A_SAYS_NO " g1A g2P g3P g4A- g5A- g4B g5B g6P- g7P g8A g9A g8B g9B g10P-"
#define CANNOT_UNMAP GROWS " f1A f2P- f6P-"
#define B_MISSES_IT GROWS " f1A f2P f3P f4A f5A f4B- f5B- f6P"

TEST(the_primary_cannot_map)
{
	branch((struct branch){'P', "xchg_map", "take 2048", "err 12", CANNOT_MAP, 0});
}
TEST(the_primary_cannot_map_what_malloc_wants)
{
	user_branch((struct branch){'P', "xchg_map", NULL, "ptr", CANNOT_MAP GROWS FREES, 0});
}
TEST(the_primary_cannot_map_what_malloc_wants_whenever_it_asks)
{
	struct branch b = {.who = 'P', .label = "xchg_map:*"};
	struct x m[3];

	NEEDS_FAULT();
	cast(m, &b, ALWAYS);
	IS(m[1], "malloc 2097152", "null 12");
	CHECK_STR(steps(), CANNOT_MAP CANNOT_MAP);
	agree(m, 3, 0);
	leave(m, 3);
}
TEST(a_member_cannot_synchronise)
{
	branch((struct branch){'B', "xchg_sync", "take 2048", "err 12", B_SAYS_NO, 0});
}
TEST(a_member_cannot_synchronise_what_malloc_wants)
{
	user_branch((struct branch){'B', "xchg_sync", NULL, "null 12", B_SAYS_NO, 0});
}
TEST(the_requester_cannot_synchronise)
{
	branch((struct branch){'A', "xchg_sync", "take 2048", "err 12", A_SAYS_NO, 0});
}
TEST(the_requester_cannot_synchronise_what_its_malloc_wants)
{
	user_branch((struct branch){'A', "xchg_sync", NULL, "null 12", A_SAYS_NO, 0});
}
TEST(the_primary_cannot_unmap)
{
	branch((struct branch){'P', "xchg_unmap", "shrink", "shrunk 125", CANNOT_UNMAP, 1});
}
TEST(the_primary_cannot_unmap_what_was_freed)
{
	user_branch((struct branch){'P', "xchg_unmap", NULL, "ptr", CANNOT_UNMAP FREES, 0});
}
TEST(the_primary_cannot_unmap_what_was_freed_whenever_it_is_asked)
{
	struct branch b = {.who = 'P', .label = "xchg_unmap:*"};
	struct x m[3];

	NEEDS_FAULT();
	cast(m, &b, ALWAYS " --mem-decay=0");
	IS(m[1], "malloc 2097152", "ptr");
	IS(m[1], "free", "freed"); /* it returns: the pages stay, and serve who asks next */
	IS(m[1], "malloc 2097152", "ptr");
	CHECK_HAS(steps(), CANNOT_UNMAP);
	IS(m[1], "free", "freed");
	leave(m, 3);
}
/* the second time: the first is for the growth before it. They go whatever it says */
TEST(a_member_cannot_synchronise_when_pages_go)
{
	branch((struct branch){'B', "xchg_sync:2", "shrink", "shrunk 0", B_MISSES_IT, 0});
}
TEST(a_member_cannot_synchronise_what_was_freed)
{
	user_branch((struct branch){'B', "xchg_sync:2", NULL, "ptr", B_MISSES_IT, 0});
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
