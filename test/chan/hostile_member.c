/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile_member.c - a member that writes what it likes where it may write
 *
 * The liar is in evil_role.c. All others, the primary among them, go on: nothing of theirs is lost, nobody hangs, no fd stays
 * open, what was wrong is counted.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "hostile_role.h"
#include "peer_role.h"

/* ---- the others ---- */

struct group {
	struct board *b;
	const char *path;
	struct chat p, s[2];
	struct t_proc *evil;
	unsigned slot, gen; /* of the liar */
	unsigned fds;	    /* open in the primary while it is alone */
};

static struct group group_up(void)
{
	struct group g;

	g.b = board_make(&g.path);
	g.p = chat_up("primary", g.path);
	g.fds = t_open_fds(g.p.p->pid);
	g.s[0] = chat_up("secondary", g.path);
	g.s[1] = chat_up("secondary", g.path);
	g.evil = t_spawn("evil", g.path, NULL);
	CHECK_EQ(sscanf(t_expect(g.evil, "up"), "up %u %u", &g.slot, &g.gen), 2);
	atomic_store(&g.b->mute, g.gen);
	return g;
}

/* all three make so many rounds, each with answers */
static void all_go_on(struct group *g, unsigned n)
{
	unsigned long was[3];
	struct chat *m[3] = {&g->p, &g->s[0], &g->s[1]};

	for (unsigned i = 0; i < 3; i++)
		was[i] = atomic_load(&g->b->answered[m[i]->gen]);
	for (unsigned i = 0; i < 3; i++)
		chat_goes_on(g->b, m[i], n);
	for (unsigned i = 0; i < 3; i++)
		CHECK(atomic_load(&g->b->answered[m[i]->gen]) > was[i]);
}

static unsigned ask_number(struct t_proc *p, const char *what)
{
	char fmt[32];
	unsigned n;

	snprintf(fmt, sizeof(fmt), "%s %%u", what);
	t_say(p, what);
	CHECK_EQ(sscanf(t_expect(p, what), fmt, &n), 1);
	return n;
}

struct count {
	struct t_proc *p;
	const char *what;
	unsigned want;
};

static bool fds_are_back(void *arg)
{
	struct group *g = arg;

	return t_open_fds(g->p.p->pid) == g->fds;
}

static bool is_number(void *arg)
{
	struct count *w = arg;

	return ask_number(w->p, w->what) == w->want;
}

/* the liar is killed: the chat ends well, nothing stays behind at the primary */
static void end_well(struct group *g)
{
	struct chat late;
	struct count lanes = {g->p.p, "lanes", 0};

	t_kill(g->evil, SIGKILL);
	t_wait(g->evil);
	all_go_on(g, 50);
	late = chat_up("secondary", g->path);
	chat_goes_on(g->b, &late, 50);
	atomic_store(&g->b->stop, 1);
	t_expect(g->p.p, "done");
	t_expect(g->s[0].p, "done");
	t_expect(g->s[1].p, "done");
	t_expect(late.p, "done");
	board_good(g->b);
	/* the liar's are free again */
	t_until(is_number, &lanes);
	for (unsigned i = 0; i < 2; i++) {
		t_say(g->s[i].p, "bye");
		t_expect(g->s[i].p, "left");
	}
	t_say(late.p, "bye");
	t_expect(late.p, "left");
	t_until(fds_are_back, g);
	t_say(g->p.p, "bye");
	t_expect(g->p.p, "left");
	board_good(g->b);
}

static void storm_over(struct group *g, unsigned from, unsigned rounds)
{
	char line[64];

	snprintf(line, sizeof(line), "storm %u %u", from, rounds);
	t_say(g->evil, line);
	t_expect(g->evil, "ok");
	all_go_on(g, 10);
}

/* until enough of it was seen: on a busy machine much of it is overwritten before anybody looks */
TEST_T(a_member_that_writes_garbage_harms_nobody, 60)
{
	struct group g = group_up();

	for (unsigned i = 0; i < 10 || atomic_load(&g.b->malformed[g.p.gen]) <= 100; i++)
		storm_over(&g, 1 + i * 7919, 300);
	end_well(&g);
}

static void hammered(const char *what)
{
	struct group g = group_up();
	char line[64];

	snprintf(line, sizeof(line), "hammer %s", what);
	t_say(g.evil, line);
	all_go_on(&g, 50); /* meanwhile */
	atomic_store(&g.b->calm, 1);
	t_expect(g.evil, "ok");
	end_well(&g);
}

TEST_T(a_tail_that_never_rests, 25)
{
	hammered("tail");
}

TEST_T(a_ticket_that_never_rests, 25)
{
	hammered("ticket");
}

TEST_T(a_flood_that_claims_to_be_first, 25)
{
	hammered("first");
}

TEST_T(a_wake_word_that_never_rests, 25)
{
	hammered("wake");
}

TEST_T(dirty_words_that_never_rest, 25)
{
	hammered("dirty");
}

/* fds that no record names: closed when a later one is looked for, or with the connection; end_well() counts them */
TEST_T(fds_without_records_harm_nobody, 25)
{
	struct group g = group_up();

	t_say(g.evil, "echo");
	CHECK_STR(t_expect(g.evil, "echo"), "echo 0 1");
	t_say(g.evil, "fds 50");
	all_go_on(&g, 10);
	t_say(g.evil, "echo"); /* its own are found behind them */
	CHECK_STR(t_expect(g.evil, "echo"), "echo 0 1");
	/* as many as the connection takes; of an ordinary user the kernel counts them all, and others' would have to wait */
	if (geteuid() == 0) {
		t_say(g.evil, "fds 100000");
		all_go_on(&g, 10);
	}
	end_well(&g);
}

TEST_T(a_member_that_lies_about_itself_harms_nobody, 25)
{
	struct group g = group_up();

	for (unsigned i = 0; i < 10; i++) {
		char line[32];

		snprintf(line, sizeof(line), "row %u 200", 1 + i * 7919);
		t_say(g.evil, line);
		t_expect(g.evil, "ok");
		all_go_on(&g, 10);
	}
	/* nobody was told of a death that was none */
	CHECK_EQ(atomic_load(&g.b->died[g.p.gen]) + atomic_load(&g.b->died[g.s[0].gen]) +
			 atomic_load(&g.b->died[g.s[1].gen]),
		 0);
	end_well(&g);
}

TEST_T(an_overwritten_wake_word_loses_nothing, 60)
{
	struct group g;
	struct t_proc *a = peer_up("primary"), *b = peer_up("secondary");

	g.b = board_make(&g.path);
	g.evil = t_spawn("evil", g.path, NULL);
	t_expect(g.evil, "up");
	peer_do(a, "ok", "reg q echo");
	CHECK_STR(peer_do(b, "ret", "req q x 9000"), "ret 0 0 1 1 re:x 0");
	for (unsigned i = 0; i < 2; i++) {
		t_say(g.evil, "sleepless"); /* the primary sleeps, the word says it is awake */
		t_expect(g.evil, "ok");
		CHECK_STR(peer_do(b, "ret", "req q x 40000"),
			  "ret 0 0 1 1 re:x 0"); /* two seconds, if idle for no longer */
	}
}

TEST(members_of_every_generation_are_answered)
{
	struct t_proc *a = peer_up("primary");

	/* their numbers are part of the peer string: one that starts with a hexadecimal letter is a number, too */
	peer_do(a, "ok", "reg q echo");
	for (unsigned i = 2; i < 20; i++) {
		struct t_proc *b = peer_up("secondary");

		CHECK_STR(peer_do(b, "ret", "req q x 2000"), "ret 0 0 1 1 re:x 0");
		t_say(b, "exit");
		CHECK_EQ(t_wait(b), 0);
	}
}
