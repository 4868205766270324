/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disp.c - who consumes the inbox, who sleeps where, who runs actions
 *
 * Three things a thread can have:
 *   pop    the consumer lock, for the moment of moving records (inbox.c)
 *   role   "I consume the inbox": a requester has it while it waits; nobody then wakes the dispatcher for what arrives
 *   baton  "I run actions": one thread of the pool, or who is in shoal_mp_poll()
 *
 * The inbox word says who is to be woken: sequence, WAKING, kind. kind = REQ while the role's holder sleeps, AWAKE while it runs,
 * else DISP while the dispatcher sleeps, else AWAKE. Both sleep on this one word with futex bits of their own, so the
 * dispatcher may go on sleeping while a requester takes the role and gives it back. Every change raises the sequence, so a
 * sleeper whose word changed between its last look and the futex call does not sleep. It changes under lk only, but for
 * senders: they take the kind away when they wake.
 *
 * No wake-up is lost: who goes to sleep stores the word, fences, looks at the inbox (SB:WAKE); who queues or completes does it
 * under lk and then wakes whom lk says to be asleep; who gives the role back sets the word first and looks again.
 *
 * An action that waits in a request gives the baton up; the next that has something to run takes it or makes a thread, 64 at
 * most. When the request is over the action waits until it has the baton again: actions never run at the same time.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/futex.h"
#include "base/log.h"
#include "base/thread.h"
#include "chan/chan_int.h"

#define SPIN_NS (20 * SH_NS_PER_US)
#define SPIN_LONG_NS (100 * SH_NS_PER_US) /* the peer was asleep: its waking alone takes longer than SPIN_NS */
#define NAP_NS (2 * SH_NS_PER_S)
#define BATCH 256	     /* records moved in one turn: a flood must not keep a requester from its time limit */
#define QUEUE_LONG 1024	     /* items queued and not run: from here on messages stay in their lanes */
#define QUEUE_FDS 256	     /* the same of fds: a slow action must not cost the program all it may have open */
#define SLOW_NS SH_NS_PER_MS /* how long to wait for a long queue to get shorter */
#define SPIN_GIVE_UP 32	     /* so many spins in a row for nothing: from then on one in 16 */

/* how deep this thread is in actions; its own, never another's */
static _Thread_local unsigned in_action;

bool sh_in_action(void)
{
	return in_action != 0;
}

/* ---- the word ---- */

/* under lk; returns the word */
static uint32_t set_word(struct sh_chan *c)
{
	uint32_t kind = c->role_taken	 ? (c->role_asleep ? SH_ASLEEP_REQ : SH_AWAKE)
			: c->disp_asleep ? SH_ASLEEP_DISP
					 : SH_AWAKE;
	uint32_t w = ((sh_load_rlx(&c->inbox->wake) & ~(SH_WAKE_SEQ - 1u)) + SH_WAKE_SEQ) | kind;

	sh_store_rlx(&c->inbox->wake, w); /* ordered by the caller's fence, SB:WAKE */
	return w;
}

/* under lk: sleepers of that kind look again */
static void wake_word(struct sh_chan *c, uint32_t kind)
{
	(void)set_word(c);
	sh_futex_wake(&c->inbox->wake, 1, kind, true);
}

static void *pool_main(void *arg);

/* under lk: there is something to run and nobody at it */
static void more_hands(struct sh_chan *c)
{
	if (c->waiting > 0) {
		sh_add(&c->pool_seq, 1);
		sh_futex_wake(&c->pool_seq, INT_MAX, SH_FUTEX_ANY, false);
	} else if (c->coming == 0 && c->n_threads < SH_DISPATCHERS && !c->stopping) {
		if (sh_thread_start(&c->threads[c->n_threads], "shoal-disp", pool_main, c) == 0) {
			c->n_threads++;
			c->coming++;
		}
	}
}

void sh_disp_kick_locked(struct sh_chan *c)
{
	if (c->poll_mode && c->q_head != NULL)
		(void)eventfd_write(c->poll_fd, 1);
	if (c->disp_asleep)
		wake_word(c, SH_ASLEEP_DISP);
	else if (!c->baton_held && c->baton_want == 0 && !c->poll_mode)
		more_hands(c);
}

void sh_disp_kick(struct sh_chan *c)
{
	sh_lock(&c->lk);
	sh_disp_kick_locked(c);
	sh_unlock(&c->lk);
}

/* under lk: every thread of the pool is in an action that waits for a request of its own */
static bool all_hands_wait(struct sh_chan *c)
{
	return c->n_threads == SH_DISPATCHERS && c->waiting == 0 && c->coming == 0 && !c->baton_held &&
	       c->baton_want == 0 && !c->poll_mode;
}

void sh_queue_locked(struct sh_chan *c, struct sh_msg *m)
{
	m->next = NULL;
	*c->q_tail = m;
	c->q_tail = &m->next;
	sh_add_rlx(&c->q_len, 1);
	sh_add_rlx(&c->q_fds, m->nfds);
}

void sh_queue(struct sh_chan *c, struct sh_msg *m)
{
	sh_lock(&c->lk);
	if (m->kind == SH_M_RECORD && m->type == SH_R_REQ && all_hands_wait(c)) {
		sh_unlock(&c->lk);
		sh_log_rate(SH_WARN, "request %s refused: %u actions wait in requests of their own, no more fit",
			    m->name, SH_DISPATCHERS);
		sh_refuse(c, m, EBUSY);
		sh_msg_free(m);
		return;
	}
	sh_queue_locked(c, m);
	sh_disp_kick_locked(c);
	sh_unlock(&c->lk);
}

static struct sh_msg *unqueue(struct sh_chan *c)
{
	struct sh_msg *m;

	if (sh_load_rlx(&c->q_len) == 0) /* relaxed: a peek; sleepers look under lk */
		return NULL;
	sh_lock(&c->lk);
	m = c->q_head;
	if (m != NULL) {
		c->q_head = m->next;
		if (c->q_head == NULL)
			c->q_tail = &c->q_head;
		m->next = NULL;
		sh_add_rlx(&c->q_len, -1u);
		sh_add_rlx(&c->q_fds, -m->nfds);
		if (sh_load_rlx(&c->f_paused) && sh_load_rlx(&c->q_len) <= QUEUE_LONG / 2 &&
		    sh_load_rlx(&c->q_fds) <= QUEUE_FDS / 2)
			sh_foreign_resume(c);
	}
	sh_unlock(&c->lk);
	return m;
}

/* ---- consuming ---- */

static bool is_answer(const struct sh_msg *m)
{
	return m->type == SH_R_REP || m->type == SH_R_IGN || m->type == SH_R_REFUSE;
}

void sh_route(struct sh_chan *c, struct sh_msg *m)
{
	if (is_answer(m))
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

/* the dispatcher's way: what is queued comes first, else one record; answers are completed on the way */
static struct sh_msg *next_item(struct sh_chan *c)
{
	struct sh_msg *m = unqueue(c);

	if (m != NULL || sh_inbox_empty(c))
		return m;
	if (!sh_trylock(&c->pop))
		return unqueue(c);
	while ((m = sh_inbox_next(c)) != NULL && is_answer(m))
		sh_pend_reply(c, m);
	if (m != NULL && sh_load_rlx(&c->q_len) != 0) { /* relaxed: whoever queued before held pop, as we do */
		sh_queue(c, m);
		m = NULL;
	}
	sh_inbox_leave(c);
	sh_unlock(&c->pop);
	return m != NULL ? m : unqueue(c);
}

/* ---- the role ---- */

bool sh_role_enter_locked(struct sh_chan *c, struct sh_pend *p)
{
	if (c->role_taken)
		return false;
	c->role_taken = true;
	c->role_asleep = false;
	c->role_pend = p;
	(void)set_word(c);
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
	(void)set_word(c);
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
		wake_word(c, SH_ASLEEP_REQ);
	}
}

static bool is_over(struct sh_pend *p)
{
	return sh_load_acq(&p->over) == 2; /* A:PEND_OVER */
}

/* the word lies where others can write: should one have overwritten it nobody wakes us, so look now and then */
static uint64_t nap(uint64_t dl)
{
	uint64_t soon = sh_coarse_deadline(NAP_NS);

	return dl < soon ? dl : soon;
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
	w = set_word(c);
	sh_unlock(&c->lk);
	sh_fence(); /* SB:WAKE, the sleeper's side */
	if (sh_inbox_empty(c))
		sh_futex_wait(&c->inbox->wake, w, nap(dl), SH_ASLEEP_REQ, true);
	sh_lock(&c->lk);
	c->role_asleep = false;
	(void)set_word(c);
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

static bool same_cpu(struct sh_chan *c, sh_id_t peer)
{
	/* relaxed: hints */
	uint32_t mine = sh_load_rlx(&sh_region()->members[sh_id_slot(c->self)].cpu);

	return peer != 0 && mine == sh_load_rlx(&sh_region()->members[sh_id_slot(peer)].cpu);
}

static void note_cpu(struct sh_chan *c)
{
	_Atomic uint32_t *cpu = &sh_region()->members[sh_id_slot(c->self)].cpu;
	uint32_t now = (uint32_t)sched_getcpu();

	if (sh_load_rlx(cpu) != now)
		sh_store_rlx(cpu, now);
}

static bool worth(uint32_t fails)
{
	return fails < SPIN_GIVE_UP || fails % 16 == 0;
}

/* a requester: true when its request is over or something arrived */
static bool spin_req(struct sh_chan *c, struct sh_pend *p)
{
	uint32_t fails = sh_load_rlx(&c->req_spin_fails); /* relaxed: statistics */
	uint64_t until = 0;

	if (c->ncpu < 2 || !worth(fails) || (p->n == 1 && same_cpu(c, p->ask[0].to))) {
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

/* the dispatcher, under the baton, after it ran something from last: true when there is more */
static bool spin_disp(struct sh_chan *c, sh_id_t last)
{
	uint64_t until = 0;
	bool hit = false;

	if (c->ncpu < 2 || last == 0 || same_cpu(c, last))
		return false;
	if (!worth(c->spin_fails)) {
		c->spin_fails++;
		return false;
	}
	for (unsigned i = 0; !hit; i++) {
		hit = !sh_inbox_empty(c) || sh_load_rlx(&c->q_len) != 0;
		sh_pause();
		if (hit || i % 32 != 31)
			continue;
		if (until == 0)
			until = sh_deadline(SPIN_NS);
		else if (sh_now_ns() >= until)
			break;
	}
	c->spin_fails = hit ? 0 : c->spin_fails + 1;
	return hit;
}

/* ---- the baton ---- */

/* when must somebody look even if nothing arrives? Under lk */
static uint64_t next_dl(struct sh_chan *c)
{
	uint64_t early = sh_early_dl(c);

	return early < c->async_dl ? early : c->async_dl;
}

static void baton_drop(struct sh_chan *c)
{
	sh_lock(&c->lk);
	c->baton_held = false;
	if (c->baton_want != 0) {
		sh_add(&c->pool_seq, 1);
		sh_futex_wake(&c->pool_seq, INT_MAX, SH_FUTEX_ANY, false);
	} else if (c->q_head != NULL || !sh_inbox_empty(c) || next_dl(c) != SH_FOREVER) {
		sh_disp_kick_locked(c); /* a time limit too wants somebody who looks */
	}
	sh_unlock(&c->lk);
}

/* from an action whose request is over, or from shoal_mp_poll() */
static void baton_take(struct sh_chan *c)
{
	sh_lock(&c->lk);
	c->baton_want++;
	while (c->baton_held) {
		uint32_t seq = sh_load_rlx(&c->pool_seq); /* relaxed: under lk */

		if (c->disp_asleep)
			wake_word(c, SH_ASLEEP_DISP);
		sh_unlock(&c->lk);
		sh_futex_wait(&c->pool_seq, seq, SH_FOREVER, SH_FUTEX_ANY, false);
		sh_lock(&c->lk);
	}
	c->baton_want--;
	c->baton_held = true;
	sh_unlock(&c->lk);
}

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
	bool nested = in_action != 0;

	if (nested)
		baton_drop(c);
	note_cpu(c);
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
		baton_take(c);
}

/* ---- the pool ---- */

static void idle_sleep(struct sh_chan *c)
{
	uint64_t dl;
	uint32_t w;

	sh_lock(&c->lk);
	if ((c->q_head != NULL && !c->poll_mode) || c->baton_want != 0 || c->stopping) {
		sh_unlock(&c->lk);
		return;
	}
	dl = next_dl(c);
	c->disp_asleep = true;
	w = set_word(c);
	sh_unlock(&c->lk);
	sh_fence(); /* SB:WAKE, the sleeper's side */
	if (sh_inbox_empty(c))
		sh_futex_wait(&c->inbox->wake, w, nap(dl), SH_ASLEEP_DISP, true);
	sh_lock(&c->lk);
	c->disp_asleep = false;
	(void)set_word(c);
	sh_unlock(&c->lk);
}

static void run(struct sh_chan *c, struct sh_msg *m)
{
	in_action++;
	sh_run(c, m);
	in_action--;
}

/* with the baton, until somebody else wants it or the channel stops */
static void serve(struct sh_chan *c)
{
	sh_id_t last = 0;

	note_cpu(c);
	for (;;) {
		struct sh_msg *m;

		/* relaxed: who sets one of them under lk kicks; whoever sleeps looks under lk */
		if (sh_load_rlx(&c->baton_want) != 0 || sh_load_rlx(&c->poll_mode) ||
		    (sh_load_rlx(&c->stopping) && sh_load_rlx(&c->q_len) == 0))
			return;
		m = next_item(c);
		if (m != NULL) {
			last = (m->flags & SH_RF_MANY) != 0 ? 0 : m->from;
			run(c, m);
			continue;
		}
		sh_pend_expire(c);
		sh_early_expire(c);
		if (!spin_disp(c, last)) {
			last = 0;
			idle_sleep(c);
			note_cpu(c);
		}
	}
}

/* in poll mode the thread only moves: what is to be run waits in the queue for shoal_mp_poll() */
static void serve_polled(struct sh_chan *c)
{
	for (;;) {
		sh_lock(&c->lk);
		bool leave = c->stopping;
		sh_unlock(&c->lk);
		if (leave)
			return;
		sh_consume(c);
		sh_pend_expire(c);
		sh_early_expire(c);
		if (sh_queue_long(c)) {
			uint32_t seq = sh_load_rlx(&c->pool_seq); /* relaxed: the wait is short anyway */

			sh_futex_wait(&c->pool_seq, seq, sh_deadline(5 * SLOW_NS), SH_FUTEX_ANY, false);
		} else {
			idle_sleep(c);
		}
	}
}

static void *pool_main(void *arg)
{
	struct sh_chan *c = arg;

	sh_lock(&c->lk);
	c->coming--;
	for (;;) {
		if (c->stopping && (c->q_head == NULL || c->baton_held))
			break;
		/*
		 * At the stop too: an action that wants the baton back runs what is queued after it. In poll mode one
		 * thread moves records, whoever has the baton.
		 */
		if (c->poll_mode ? c->mover : c->baton_held || c->baton_want != 0) {
			uint32_t seq = sh_load_rlx(&c->pool_seq); /* relaxed: under lk */

			c->waiting++;
			sh_unlock(&c->lk);
			sh_futex_wait(&c->pool_seq, seq, SH_FOREVER, SH_FUTEX_ANY, false);
			sh_lock(&c->lk);
			c->waiting--;
			continue;
		}
		if (c->poll_mode && !c->stopping) {
			c->mover = true;
			sh_unlock(&c->lk);
			serve_polled(c);
			sh_lock(&c->lk);
			c->mover = false;
			continue;
		}
		c->baton_held = true;
		sh_unlock(&c->lk);
		serve(c);
		sh_lock(&c->lk);
		c->baton_held = false;
		sh_add(&c->pool_seq, 1);
		sh_futex_wake(&c->pool_seq, INT_MAX, SH_FUTEX_ANY, false);
	}
	sh_unlock(&c->lk);
	return NULL;
}

int sh_disp_start(struct sh_chan *c)
{
	int e;

	sh_lock(&c->lk);
	e = sh_thread_start(&c->threads[0], "shoal-disp", pool_main, c);
	if (e == 0)
		c->n_threads = c->coming = 1;
	sh_unlock(&c->lk);
	return e;
}

void sh_disp_stop(struct sh_chan *c)
{
	sh_lock(&c->lk);
	c->stopping = true;
	c->poll_mode = false; /* nobody polls any more: what is queued is run by the pool */
	sh_add(&c->pool_seq, 1);
	sh_futex_wake(&c->pool_seq, INT_MAX, SH_FUTEX_ANY, false);
	if (c->disp_asleep)
		wake_word(c, SH_ASLEEP_DISP);
	sh_unlock(&c->lk);
	for (unsigned i = 0; i < c->n_threads; i++)
		if (!pthread_equal(c->threads[i], pthread_self()))
			pthread_join(c->threads[i], NULL);
}

int sh_disp_poll(struct sh_chan *c, unsigned max)
{
	struct sh_msg *m;
	eventfd_t junk;
	unsigned n = 0;

	if (in_action != 0)
		return -EBUSY;
	baton_take(c);
	sh_consume(c);
	sh_pend_expire(c);
	while ((max == 0 || n < max) && (m = unqueue(c)) != NULL) {
		run(c, m);
		n++;
	}
	sh_lock(&c->lk);
	if (c->poll_mode && c->q_head == NULL)
		(void)eventfd_read(c->poll_fd, &junk);
	sh_unlock(&c->lk);
	baton_drop(c);
	return (int)n;
}
