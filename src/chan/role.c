/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * role.c - who reads the inbox, and who sleeps where until something is in it
 *
 *   pop    the consumer lock, for the moment of moving records (inbox.c)
 *   role   "I consume the inbox": a requester has it while it waits; nobody then wakes the dispatcher for what arrives
 *
 * The inbox word says who is to be woken: sequence, WAKING, kind. kind = REQ while the role's holder sleeps, AWAKE while it runs,
 * else DISP while the dispatcher sleeps, else AWAKE. Both sleep on this one word with futex bits of their own, so the
 * dispatcher may go on sleeping while a requester takes the role and gives it back. Every change raises the sequence, so a
 * sleeper whose word changed between its last look and the futex call does not sleep. It changes under lk only, but for
 * senders: they take the kind away when they wake.
 *
 * No wake-up is lost: who goes to sleep stores the word, fences, looks at the inbox (SB:WAKE); who queues or completes does it
 * under lk and then wakes whom lk says to be asleep; who gives the role back sets the word first and looks again.
 */
#include <sched.h>

#include "base/fault.h"
#include "base/futex.h"
#include "chan/disp.h"

#define SPIN_LONG_NS (100 * SH_NS_PER_US) /* the peer was asleep: its waking alone takes longer than SPIN_NS */
#define NAP_NS (2 * SH_NS_PER_S)
#define NAPS 3	  /* of that length; then longer ones */
#define BATCH 256 /* records moved in one turn: a flood must not keep a requester from its time limit */

/* ---- the word ---- */

/* under lk; returns the word */
uint32_t sh_wake_set(struct sh_chan *c)
{
	uint32_t kind = c->role_taken	 ? (c->role_asleep ? SH_ASLEEP_REQ : SH_AWAKE)
			: c->disp_asleep ? SH_ASLEEP_DISP
					 : SH_AWAKE;
	uint32_t w = ((sh_load_rlx(&c->inbox->wake) & ~(SH_WAKE_SEQ - 1u)) + SH_WAKE_SEQ) | kind;

	sh_store_rlx(&c->inbox->wake, w); /* ordered by the caller's fence, SB:WAKE */
	return w;
}

/* under lk: sleepers of that kind look again */
void sh_wake_sleeper(struct sh_chan *c, uint32_t kind)
{
	(void)sh_wake_set(c);
	sh_futex_wake(&c->inbox->wake, 1, kind, true);
}

/* ---- consuming ---- */

void sh_route(struct sh_chan *c, struct sh_msg *m)
{
	if (sh_is_answer(m))
		sh_pend_reply(c, m);
	else
		sh_queue(c, m);
}

/* relaxed: a mark, not a limit to the item */
bool sh_queue_long(struct sh_chan *c)
{
	return sh_load_rlx(&c->q_len) >= QUEUE_LONG || sh_load_rlx(&c->q_fds) >= QUEUE_FDS;
}

void sh_consume(struct sh_chan *c)
{
	struct sh_msg *m;

	if (sh_inbox_empty(c) || !sh_trylock(&c->pop))
		return;
	for (unsigned i = 0; i < BATCH; i++) {
		/* what nobody runs yet belongs in the lanes, where its senders feel it */
		c->answers_only = sh_queue_long(c);
		m = sh_inbox_next(c);
		if (m == NULL)
			break;
		sh_route(c, m);
	}
	c->answers_only = false;
	sh_inbox_leave(c);
	sh_unlock(&c->pop);
}

/* ---- the role ---- */

bool sh_role_enter_locked(struct sh_chan *c, struct sh_pend *p)
{
	if (c->role_taken)
		return false;
	c->role_taken = true;
	c->role_asleep = false;
	c->role_pend = p;
	(void)sh_wake_set(c);
	return true;
}

bool sh_role_enter(struct sh_chan *c, struct sh_pend *p)
{
	bool got;

	sh_lock(&c->lk);
	got = sh_role_enter_locked(c, p);
	sh_unlock(&c->lk);
	return got;
}

/* under lk: hand the role to a requester that sleeps without it, by waking it */
static void wake_private(struct sh_chan *c)
{
	for (unsigned h = 0; h < SH_HASH && c->private_sleepers != 0; h++)
		for (struct sh_pend *p = c->pend[h]; p != NULL; p = p->next) {
			uint32_t asleep = 1;

			if (!p->async && sh_cas(&p->over, &asleep, 0)) {
				sh_futex_wake(&p->over, 1, SH_FUTEX_ANY, false);
				return;
			}
		}
}

static void role_leave_locked(struct sh_chan *c)
{
	c->role_taken = c->role_asleep = false;
	c->role_pend = NULL;
	(void)sh_wake_set(c);
	sh_fence(); /* SB:WAKE: the word is the dispatcher's again; what came meanwhile is looked for */
	if (c->private_sleepers != 0)
		wake_private(c);
	if (!sh_inbox_empty(c) || c->q_head != NULL)
		sh_disp_kick_locked(c);
}

void sh_role_leave(struct sh_chan *c)
{
	sh_lock(&c->lk);
	role_leave_locked(c);
	sh_unlock(&c->lk);
}

void sh_pend_wake(struct sh_chan *c, struct sh_pend *p)
{
	uint32_t was = sh_xchg(&p->over, 2); /* R:PEND_OVER */

	if (was == 1)
		sh_futex_wake(&p->over, 1, SH_FUTEX_ANY, false);
	if (c->role_pend == p && c->role_asleep) {
		c->role_asleep = false; /* it is on its way: what it finds is a changed word */
		sh_wake_sleeper(c, SH_ASLEEP_REQ);
	}
}

static bool is_over(struct sh_pend *p)
{
	return sh_load_acq(&p->over) == 2; /* A:PEND_OVER */
}

/*
 * The word lies where others can write: should one have overwritten it nobody wakes us. So look soon after something has
 * happened, and hardly ever where nothing does: an idle group is to rest.
 */
uint64_t sh_nap(uint64_t dl, unsigned vain)
{
	uint64_t soon = sh_coarse_deadline(vain < NAPS ? NAP_NS : vain == NAPS ? 16 * NAP_NS : 128 * NAP_NS);

	return dl < soon ? dl : soon;
}

unsigned sh_nap_over(unsigned vain, int wait, bool vain_again)
{
	if (wait != -ETIMEDOUT || !vain_again)
		return 0;
	return vain > NAPS ? vain : vain + 1;
}

static void sleep_with_role(struct sh_chan *c, struct sh_pend *p, uint64_t dl)
{
	uint32_t w;

	sh_lock(&c->lk);
	if (is_over(p)) {
		sh_unlock(&c->lk);
		return;
	}
	c->role_asleep = true;
	w = sh_wake_set(c);
	sh_unlock(&c->lk);
	sh_fence(); /* SB:WAKE, the sleeper's side */
	if (sh_inbox_empty(c))
		sh_futex_wait(&c->inbox->wake, w, sh_nap(dl, 0), SH_ASLEEP_REQ, true);
	sh_lock(&c->lk);
	c->role_asleep = false;
	(void)sh_wake_set(c);
	sh_unlock(&c->lk);
}

/* without the role: on the pending's own word. false: the role is free, try to take it. */
static bool sleep_private(struct sh_chan *c, struct sh_pend *p, uint64_t dl)
{
	uint32_t open = 0;

	sh_lock(&c->lk);
	if (!c->role_taken || !sh_cas(&p->over, &open, 1)) {
		sh_unlock(&c->lk);
		return false;
	}
	c->private_sleepers++;
	sh_unlock(&c->lk);
	sh_futex_wait(&p->over, 1, dl, SH_FUTEX_ANY, false);
	sh_lock(&c->lk);
	c->private_sleepers--;
	open = 1;
	(void)sh_cas(&p->over, &open, 0);
	sh_unlock(&c->lk);
	return true;
}

/* ---- spinning, where it pays ---- */

bool sh_same_cpu(struct sh_chan *c, sh_id_t peer)
{
	/* relaxed: hints */
	uint32_t mine = sh_load_rlx(&sh_region()->members[sh_id_slot(c->self)].cpu);

	return peer != 0 && mine == sh_load_rlx(&sh_region()->members[sh_id_slot(peer)].cpu);
}

void sh_note_cpu(struct sh_chan *c)
{
	_Atomic uint32_t *cpu = &sh_region()->members[sh_id_slot(c->self)].cpu;
	uint32_t now = (uint32_t)sched_getcpu();

	if (sh_load_rlx(cpu) != now)
		sh_store_rlx(cpu, now);
}

bool sh_spin_worth(uint32_t fails)
{
	return fails < SPIN_GIVE_UP || fails % 16 == 0;
}

/* a requester: true when its request is over or something arrived */
static bool spin_req(struct sh_chan *c, struct sh_pend *p)
{
	uint32_t fails = sh_load_rlx(&c->req_spin_fails); /* relaxed: statistics */
	uint64_t until = 0;

	if (c->ncpu < 2 || !sh_spin_worth(fails) || (p->n == 1 && sh_same_cpu(c, p->ask[0].to))) {
		sh_store_rlx(&c->req_spin_fails, fails + 1);
		return false;
	}
	for (unsigned i = 0;; i++) {
		if (is_over(p) || !sh_inbox_empty(c)) {
			if (fails != 0)
				sh_store_rlx(&c->req_spin_fails, 0);
			return true;
		}
		sh_pause();
		if (i % 32 != 31)
			continue;
		/* the clock costs as much as the round trip's half: read it late */
		if (until == 0)
			until = sh_deadline(p->woke_peer ? SPIN_LONG_NS : SPIN_NS);
		else if (sh_now_ns() >= until || sh_now_ns() >= p->dl)
			break;
	}
	sh_store_rlx(&c->req_spin_fails, fails + 1);
	return false;
}

/* ---- waiting ---- */

/* messages wait in their lanes for a queue that others shorten: the inbox is not empty and yet there is nothing to take */
static void wait_slowly(struct sh_chan *c, struct sh_pend *p)
{
	uint64_t dl = sh_deadline(SLOW_NS);
	uint32_t open = 0;

	sh_lock(&c->lk);
	if (!sh_cas(&p->over, &open, 1)) {
		sh_unlock(&c->lk);
		return;
	}
	sh_unlock(&c->lk);
	sh_futex_wait(&p->over, 1, dl < p->dl ? dl : p->dl, SH_FUTEX_ANY, false);
	open = 1;
	(void)sh_cas(&p->over, &open, 0);
}

void sh_wait_pend(struct sh_chan *c, struct sh_pend *p, bool role)
{
	bool nested = sh_in_action();

	if (nested)
		sh_baton_drop(c);
	sh_note_cpu(c);
	for (unsigned turn = 0;; turn++) {
		sh_consume(c);
		if (is_over(p) || (turn != 0 && sh_now_ns() >= p->dl))
			break;
		SH_STEP("waiting");
		if (!sh_queue_long(c) && spin_req(c, p))
			continue;
		if (sh_now_ns() >= p->dl)
			break;
		if (sh_queue_long(c))
			wait_slowly(c, p);
		else if (role)
			sleep_with_role(c, p, p->dl);
		else if (!sleep_private(c, p, p->dl))
			role = !is_over(p) && sh_role_enter(c, p);
	}
	sh_lock(&c->lk);
	sh_pend_finish(c, p, SHOAL_TIMED_OUT);
	sh_pend_remove(c, p);
	if (role)
		role_leave_locked(c);
	else if (!c->role_taken && c->private_sleepers != 0)
		wake_private(c); /* woken to take the role and in no need of it: the next one */
	sh_unlock(&c->lk);
	if (nested)
		sh_baton_take(c);
}
