/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piece_third_test.c - a third one frees what the dead left, while pieces of theirs are on their way
 *
 * The test is the third: it takes no part, frees what a dead sender or receiver left, and takes memory of the same size. What a
 * living member has, or may still get, is not among that.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_malloc.h>
#include <shoal.h>
#include <shoal_mem.h>

#include "chan/piece.h"
#include "piece_cast.h"
#include "proc/proc.h"

#define MINE 40 /* blocks of the third */

static bool one_is(unsigned st)
{
	for (unsigned s = 0; s < SH_MEMBERS; s++)
		for (unsigned k = 0; k < atomic_load(&sh_pieces()->high[s]); k++)
			if (sh_piece_state(atomic_load(&sh_piece_at(s, k)->word)) == st)
				return true;
	return false;
}
static bool one_is_queued(void *arg)
{
	(void)arg;
	return one_is(SH_P_QUEUED);
}
static bool is_gone(void *id)
{
	return !sh_member_alive(*(uint64_t *)id);
}

static void say_to(struct t_proc *p, const char *how, uint64_t to, size_t len, const char *what)
{
	char line[96];

	snprintf(line, sizeof(line), "%s %llu %zu %s", how, (unsigned long long)to, len, what);
	t_say(p, line);
}

/* a sender ends: killed, or by rte_eal_cleanup(), which may wait for nothing of the receiver's */
static void end(struct t_proc *s, uint64_t id, bool killed)
{
	if (killed)
		t_kill(s, SIGKILL);
	else
		t_say(s, "bye");
	CHECK_EQ(t_wait(s), killed ? 128 + SIGKILL : 0);
	t_until(is_gone, &id);
}

/* what the dead one left is freed, and memory of that size taken and written to */
static void third(uint64_t dead, size_t len, long freed)
{
	struct piece *mine[MINE];

	CHECK_EQ(shoal_mem_free_owned(dead), freed);
	for (unsigned i = 0; i < MINE; i++)
		mine[i] = block(len);
	for (unsigned i = 0; i < MINE; i++)
		rte_free(mine[i]);
	CHECK_EQ(shoal_heap_audit(NULL, 0), 0);
}

static const size_t sizes[] = {700, 100000}; /* in a span, and a run of its own */

/* not looked at by a receiver that is stopped; queued behind a busy action; on loan to an action */
enum where { OFFERED, QUEUED, LENT };

static void received(enum where where, size_t len, bool killed)
{
	struct t_proc *s, *r;
	uint64_t sid, rid;
	char line[32];

	r = other(&rid);
	s = other(&sid);
	if (where == OFFERED)
		t_kill(r, SIGSTOP);
	if (where == QUEUED) {
		say_to(s, "send", rid, 64, "wait and keep");
		t_expect(r, "waiting");
		t_expect(s, "sent 0");
	}
	say_to(s, "send", rid, len, where == LENT ? "wait and keep" : "keep");
	t_expect(s, "sent 0");
	if (where == LENT)
		t_expect(r, "waiting");
	end(s, sid, killed);
	if (where == QUEUED) /* the watcher has emptied the lane */
		t_until(one_is_queued, NULL);
	third(sid, len, 0);
	if (where == OFFERED)
		t_kill(r, SIGCONT);
	else
		t_say(r, "go on");
	if (where == QUEUED)
		t_expect(r, "kept 64");
	snprintf(line, sizeof(line), "kept %zu", len);
	t_expect(r, line);
	CHECK_EQ(of(rid), where == QUEUED ? 2 : 1);
	third(sid, len, 0);
	t_say(r, "bye");
	CHECK_EQ(t_wait(r), 0);
	third(sid, len, 0);
	third(rid, len, where == QUEUED ? 2 : 1);
	CHECK_EQ(blocks(), 0);
}

TEST_T(what_a_dead_sender_has_sent_is_its_receivers, 60)
{
	begin();
	for (unsigned i = 0; i < 12; i++)
		received((enum where)(i / 4), sizes[i % 2], i / 2 % 2 == 0);
}

/* lent by a request: while its receiver looks at it, it stays; when that is over it is what the dead one left */
TEST(what_a_dead_one_lent_is_there_until_it_is_given_back)
{
	begin();
	for (unsigned i = 0; i < 2; i++) {
		struct t_proc *s, *r;
		uint64_t sid, rid;

		r = other(&rid);
		s = other(&sid);
		say_to(s, "ask", rid, sizes[i], "wait");
		t_expect(r, "waiting");
		end(s, sid, true);
		third(sid, sizes[i], 0);
		t_say(r, "go on");
		t_until(none_on_their_way, NULL);
		CHECK_EQ(of(sid), 1);
		third(sid, sizes[i], 1);
		t_say(r, "bye");
		CHECK_EQ(t_wait(r), 0);
		CHECK_EQ(blocks(), 0);
	}
}

/* both are dead: then it is the sender's, and can be freed */
TEST(what_two_dead_ones_left_is_freed)
{
	begin();
	for (unsigned i = 0; i < 2; i++) {
		struct t_proc *s, *r;
		uint64_t sid, rid;

		r = other(&rid);
		s = other(&sid);
		t_kill(r, SIGSTOP);
		say_to(s, "send", rid, sizes[i], "keep");
		t_expect(s, "sent 0");
		end(s, sid, true);
		third(sid, sizes[i], 0);
		end(r, rid, true);
		CHECK_EQ(of(sid), 1);
		third(sid, sizes[i], 1);
		CHECK_EQ(blocks(), 0);
		t_until(none_on_their_way, NULL);
	}
}

/* its sender is stopped and has not heard of it: what had the dead one's name on it for a moment is not the dead one's */
TEST(a_receiver_dies_at_each_step_and_what_it_left_is_freed)
{
	static const struct {
		const char *label;
		long left;
	} at[] = {{"rec_taken", 0}, {"piece_queued", 0}, {"piece_lent", 0}, {"piece_held", 0}, {"piece_taken", 1}};

	NEEDS_FAULT();
	begin();
	for (unsigned i = 0; i < 2 * sizeof(at) / sizeof(at[0]); i++) {
		size_t len = sizes[i % 2];
		struct t_proc *s, *r;
		uint64_t sid, rid;

		r = doomed(&rid, at[i / 2].label);
		t_kill(r, SIGSTOP);
		s = other(&sid);
		say_to(s, "send", rid, len, "keep");
		t_expect(s, "sent 0");
		t_kill(s, SIGSTOP);
		t_kill(r, SIGCONT);
		t_until(is_gone, &rid);
		CHECK_EQ(t_wait(r), 128 + SIGKILL);
		third(rid, len, at[i / 2].left);
		CHECK_EQ(blocks(), at[i / 2].left == 0);
		t_kill(s, SIGCONT); /* it comes back to nobody there: freed */
		t_until(none_on_their_way, NULL);
		t_say(s, "bye");
		CHECK_EQ(t_wait(s), 0);
		CHECK_EQ(blocks(), 0);
	}
}

/* from when it is shown: the receiver's, who is stopped meanwhile. Before that: what the dead one left, when that is known */
TEST(a_sender_dies_at_each_step_and_what_it_left_is_freed)
{
	static const struct {
		const char *label;
		bool sent;
	} at[] = {{"piece_claimed", false}, {"piece_sent", false},   {"piece_offered", false},
		  {"rec_written", false},   {"rec_published", true}, {"rec_dirty", true}};

	NEEDS_FAULT();
	begin();
	for (unsigned i = 0; i < 2 * sizeof(at) / sizeof(at[0]); i++) {
		size_t len = sizes[i % 2];
		bool sent = at[i / 2].sent;
		struct t_proc *s, *r;
		uint64_t sid, rid;
		long early;

		r = other(&rid);
		s = doomed(&sid, at[i / 2].label);
		t_kill(r, SIGSTOP);
		say_to(s, "send", rid, len, "keep");
		t_until(is_gone, &sid);
		CHECK_EQ(t_wait(s), 128 + SIGKILL);
		early = shoal_mem_free_owned(sid);
		CHECK(early == 0 || !sent);
		third(sid, len, 0);
		t_kill(r, SIGCONT);
		if (sent)
			t_expect(r, "kept");
		t_until(none_on_their_way, NULL);
		CHECK_EQ(of(rid), sent);
		CHECK_EQ(of(sid), !sent && early == 0);
		third(sid, len, !sent && early == 0);
		t_say(r, "bye");
		CHECK_EQ(t_wait(r), 0);
		(void)shoal_mem_free_owned(rid);
		CHECK_EQ(blocks(), 0);
	}
}

/* who frees for a sender that is gone dies in between: then it is what the sender left */
TEST(who_frees_for_a_dead_sender_dies)
{
	struct t_proc *s, *r;
	uint64_t sid, rid;

	NEEDS_FAULT();
	begin();
	for (unsigned i = 0; i < 2; i++) {
		r = doomed(&rid, "piece_nobodys");
		t_kill(r, SIGSTOP);
		s = other(&sid);
		say_to(s, "send", rid, sizes[i], "fail");
		t_expect(s, "sent 0");
		end(s, sid, true);
		t_kill(r, SIGCONT);
		t_until(is_gone, &rid);
		CHECK_EQ(t_wait(r), 128 + SIGKILL);
		CHECK_EQ(of(sid), 1);
		third(sid, sizes[i], 1);
		CHECK_EQ(blocks(), 0);
	}
}
