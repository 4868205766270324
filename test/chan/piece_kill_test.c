/* SPDX-License-Identifier: BSD-3-Clause */
/* piece_kill_test.c - members die, or leave, with pieces on their way: each is somebody's in the end */
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <shoal.h>
#include <shoal_mem.h>

#include "chan/piece.h"
#include "piece_cast.h"
#include "proc/proc.h"

TEST(a_receiver_dies_at_each_step)
{
	static const struct {
		const char *label, *what;
		bool mine; /* it comes back to its sender */
	} at[] = {{"rec_taken", "keep", true},	    {"piece_queued", "keep", true}, {"piece_lent", "keep", true},
		  {"action", "keep", true},	    {"piece_held", "keep", true},   {"piece_taken", "keep", false},
		  {"piece_returned", "look", true}, {"piece_back", "look", true}};

	NEEDS_FAULT();
	begin();
	for (unsigned i = 0; i < 2 * sizeof(at) / sizeof(at[0]); i++) {
		unsigned k = i / 2;
		struct t_proc *o;
		struct piece *p;
		uint64_t id;
		int mine;

		if (i % 2 == 1 && strcmp(at[k].label, "piece_back") == 0)
			break; /* who waits for an answer is not told by that word */
		o = doomed(&id, at[k].label);
		p = block(700);
		if (i % 2 == 0) {
			CHECK_EQ(send_one(id, at[k].what, p, 700), 0);
			if (at[k].mine)
				back(p);
		} else {
			CHECK_EQ(ask(id, strcmp(at[k].what, "look") == 0 ? "lend" : at[k].what, p, 700, 5000, &mine),
				 SHOAL_DIED);
			CHECK_EQ(mine, at[k].mine);
		}
		CHECK_EQ(t_wait(o), 128 + SIGKILL);
		t_until(none_on_their_way, NULL);
		CHECK(!is_back(p));
		CHECK_EQ(blocks(), 1);
		CHECK_EQ(of(id), !at[k].mine); /* it is listed with who has it */
		CHECK_EQ(of(shoal_member_self()), at[k].mine);
		if (at[k].mine)
			unblock(p);
		else /* it may still say that it is on its way: nobody's to free but as what the dead one left */
			CHECK_EQ(shoal_mem_free_owned(id), 1);
	}
}

static _Atomic unsigned taken;

static int take_it(const struct shoal_in *in, void *arg)
{
	struct piece *p = shoal_piece_take(&in->piece);

	(void)arg;
	CHECK(p != NULL && p->sum == sum_of(p, in->piece.len));
	take_up(p);
	atomic_fetch_add(&taken, 1);
	return 0;
}

/* published: it is delivered. Before: it is the dead one's. Neither time is anything left on its way. */
TEST(a_sender_dies_at_each_step)
{
	static const struct {
		const char *label;
		bool sent;
	} at[] = {{"piece_claimed", false}, {"piece_sent", false},   {"piece_offered", false},
		  {"rec_written", false},   {"rec_published", true}, {"rec_dirty", true}};

	unsigned kept = 0;

	NEEDS_FAULT();
	begin();
	CHECK_EQ(shoal_action_register("take", take_it, NULL), 0);
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct t_proc *o;
		uint64_t id;

		atomic_store(&taken, 0);
		o = doomed(&id, at[i].label);
		t_say(o, "send");
		CHECK_EQ(t_wait(o), 128 + SIGKILL);
		t_until(none_on_their_way, NULL);
		CHECK_EQ(atomic_load(&taken), at[i].sent);
		CHECK_EQ(blocks(), ++kept);
		CHECK_EQ(of(id), !at[i].sent);
		if (!at[i].sent) { /* also when it was on its way, as far as its block says */
			CHECK_EQ(shoal_mem_free_owned(id), 1);
			unblock(block(3000));
			kept--;
		}
	}
}

static int refuse_it(const struct shoal_in *in, void *arg)
{
	(void)in;
	(void)arg;
	t_until(arg, NULL);
	return -EIO;
}

static struct t_proc *_Atomic dying; /* set by the case, looked at by an action */

static bool it_died(void *arg)
{
	(void)arg;
	return dying != NULL && kill(dying->pid, 0) == 0 && t_open_fds(dying->pid) == 0;
}

/* what came with a message has no other owner: freed by who refuses it. What a request lent stays the dead one's. */
TEST(a_sender_dies_before_its_piece_comes_back)
{
	begin();
	CHECK_EQ(shoal_action_register("take", refuse_it, it_died), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct t_proc *o;
		uint64_t id;

		o = other(&id);
		t_say(o, i == 0 ? "send" : "ask");
		if (i == 0)
			t_expect(o, "sent 0");
		else
			while (on_their_way() == 0)
				sched_yield();
		dying = o;
		t_kill(o, SIGKILL);
		t_until(none_on_their_way, NULL);
		while (blocks() != i)
			sched_yield();
		dying = NULL;
		t_wait(o);
	}
}

static atomic_bool heapless;

static bool it_has_no_heap(void *arg)
{
	(void)arg;
	return atomic_load(&heapless);
}

static bool came_too_late(void *arg)
{
	return sh_piece_state(atomic_load(&sh_piece_at(sh_id_slot(*(uint64_t *)arg), 0)->word)) == SH_P_RETURNED;
}

static bool none_of(void *id)
{
	return of(*(uint64_t *)id) == 0;
}

/* it comes back between the two: its sender can free nothing any more, and must leave it to who can */
TEST(a_sender_s_heap_ends_before_its_channel)
{
	struct t_proc *o;
	siginfo_t si;
	uint64_t id;

	NEEDS_FAULT();
	begin();
	CHECK_EQ(shoal_action_register("take", refuse_it, it_has_no_heap), 0);
	CHECK_EQ(setenv("SHOAL_STOP_AT", "piece_heap_gone", 1), 0);
	o = other(&id);
	CHECK_EQ(unsetenv("SHOAL_STOP_AT"), 0);
	t_say(o, "send");
	t_expect(o, "sent 0");
	t_say(o, "bye");
	CHECK_EQ(waitid(P_PID, (id_t)o->pid, &si, WSTOPPED | WEXITED | WNOWAIT), 0);
	CHECK_EQ(si.si_code, CLD_STOPPED);
	atomic_store(&heapless, true);
	t_until(came_too_late, &id);
	CHECK_EQ(kill(o->pid, SIGCONT), 0);
	CHECK_EQ(t_wait(o), 0);
	t_until(none_on_their_way, NULL);
	t_until(none_of, &id);
	CHECK_EQ(blocks(), 0);
}

static void on_any(void *piece, size_t len, uint64_t member, void *arg)
{
	(void)len;
	(void)member;
	(void)arg;
	take_up(piece);
}

TEST(one_leaves_with_pieces_on_their_way)
{
	struct t_proc *o;
	struct piece *p, *q;
	uint64_t id;

	begin();
	CHECK_EQ(shoal_piece_on_return(on_any, NULL), 0);
	o = other(&id);
	p = block(64);
	CHECK_EQ(send_one(id, "wait", p, 64), 0);
	t_expect(o, "waiting");
	q = block(64);
	CHECK_EQ(send_one(id, "keep", q, 64), 0);
	t_say(o, "bye");
	CHECK_EQ(t_wait(o), 0);
	t_until(none_on_their_way, NULL);
	/* p has come back; q has been kept, or come back too: never both, never neither */
	while (atomic_load(&p->who) != shoal_member_self())
		sched_yield();
	CHECK(atomic_load(&q->who) != 0);
}
