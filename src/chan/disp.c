/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disp.c - who runs actions: the queue, the baton, the pool of dispatchers, shoal_mp_poll()
 *
 *   baton  "I run actions": one thread of the pool, or who is in shoal_mp_poll(). It reads the inbox, too, when no requester
 *          has the role (role.c)
 *
 * An action that waits in a request gives the baton up; the next that has something to run takes it or makes a thread, 64 at
 * most. When the request is over the action waits until it has the baton again: actions never run at the same time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/futex.h"
#include "base/log.h"
#include "base/thread.h"
#include "chan/disp.h"

#define SAY_S 5 /* who stops and waits so long for a function of the program says so */

/* how deep this thread is in actions; its own, never another's */
static _Thread_local unsigned in_action;

bool sh_in_action(void)
{
	return in_action != 0;
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
		sh_wake_sleeper(c, SH_ASLEEP_DISP);
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

/* the dispatcher's way: what is queued comes first, else one record; answers are completed on the way */
static struct sh_msg *next_item(struct sh_chan *c)
{
	struct sh_msg *m = unqueue(c);

	if (m != NULL || sh_inbox_empty(c))
		return m;
	if (!sh_trylock(&c->pop))
		return unqueue(c);
	while ((m = sh_inbox_next(c)) != NULL && sh_is_answer(m))
		sh_pend_reply(c, m);
	if (m != NULL && sh_load_rlx(&c->q_len) != 0) { /* relaxed: whoever queued before held pop, as we do */
		sh_queue(c, m);
		m = NULL;
	}
	sh_inbox_leave(c);
	sh_unlock(&c->pop);
	return m != NULL ? m : unqueue(c);
}

/* the dispatcher, under the baton, after it ran something from last: true when there is more */
static bool spin_disp(struct sh_chan *c, sh_id_t last)
{
	uint64_t until = 0;
	bool hit = false;

	if (c->ncpu < 2 || last == 0 || sh_same_cpu(c, last))
		return false;
	if (!sh_spin_worth(c->spin_fails)) {
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

void sh_baton_drop(struct sh_chan *c)
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
void sh_baton_take(struct sh_chan *c)
{
	sh_lock(&c->lk);
	c->baton_want++;
	while (c->baton_held) {
		uint32_t seq = sh_load_rlx(&c->pool_seq); /* relaxed: under lk */

		if (c->disp_asleep)
			sh_wake_sleeper(c, SH_ASLEEP_DISP);
		sh_unlock(&c->lk);
		sh_futex_wait(&c->pool_seq, seq, SH_FOREVER, SH_FUTEX_ANY, false);
		sh_lock(&c->lk);
	}
	c->baton_want--;
	c->baton_held = true;
	sh_unlock(&c->lk);
}

/* ---- the pool ---- */

static void idle_sleep(struct sh_chan *c)
{
	uint64_t dl;
	uint32_t w;
	int r = 0;

	sh_lock(&c->lk);
	if ((c->q_head != NULL && !c->poll_mode) || c->baton_want != 0 || c->stopping) {
		sh_unlock(&c->lk);
		return;
	}
	dl = sh_nap(next_dl(c), c->naps_vain);
	c->disp_asleep = true;
	w = sh_wake_set(c);
	sh_unlock(&c->lk);
	sh_fence(); /* SB:WAKE, the sleeper's side */
	if (sh_inbox_empty(c))
		r = sh_futex_wait(&c->inbox->wake, w, dl, SH_ASLEEP_DISP, true);
	sh_lock(&c->lk);
	c->naps_vain = sh_nap_over(c->naps_vain, r, sh_inbox_empty(c));
	c->disp_asleep = false;
	(void)sh_wake_set(c);
	sh_unlock(&c->lk);
}

/* under lk, in the stop: this thread ends, and is joined */
static void ended(struct sh_chan *c)
{
	sh_add(&c->ended, 1); /* R:POOLEND */
	sh_futex_wake(&c->ended, 1, SH_FUTEX_ANY, false);
}

/* under lk, before the stop: this thread ends, and nobody is to join it */
static void leave_pool(struct sh_chan *c)
{
	for (unsigned i = 0; i < c->n_threads; i++)
		if (pthread_equal(c->threads[i], pthread_self())) {
			(void)pthread_detach(c->threads[i]);
			c->threads[i] = c->threads[--c->n_threads];
			return;
		}
}

/* what the program registered has called pthread_exit(): the baton goes on, and somebody must read the inbox */
static void torn_off(void *arg)
{
	struct sh_running *r = arg;
	struct sh_chan *c = r->c;

	if (sh_strayed(c)) /* the only thread of a child */
		return;
	sh_run_torn(r);
	in_action--;
	if (r->by == SH_BY_STOP)
		return;
	sh_lock(&c->lk);
	if (r->by == SH_BY_POOL && c->stopping)
		ended(c);
	else if (r->by == SH_BY_POOL)
		leave_pool(c);
	c->baton_held = false;
	if (c->baton_want != 0 || c->waiting != 0 || c->stopping) {
		sh_add(&c->pool_seq, 1);
		sh_futex_wake(&c->pool_seq, INT_MAX, SH_FUTEX_ANY, false);
	} else if (r->by == SH_BY_POOL) {
		more_hands(c);
	} else {
		sh_disp_kick_locked(c);
	}
	sh_unlock(&c->lk);
	if (r->by == SH_BY_POLL)
		sh_call_leave();
}

/* false: this is a child that was forked inside it, and returned */
static bool run(struct sh_chan *c, struct sh_msg *m, int by)
{
	struct sh_running r = {.c = c, .m = m, .by = by};

	in_action++;
	pthread_cleanup_push(torn_off, &r);
	sh_run(&r);
	pthread_cleanup_pop(0);
	in_action--;
	if (!sh_strayed(c))
		return true;
	sh_err("a forked child returned from the action or callback in which it was forked, which only its parent can: "
	       "let it end with _exit(), or exec()");
	if (by != SH_BY_POLL) /* its parent's dispatcher, with no parent: nothing to go back to */
		_exit(1);
	return false;
}

/* with the baton, until somebody else wants it or the channel stops */
static void serve(struct sh_chan *c)
{
	sh_id_t last = 0;

	sh_note_cpu(c);
	for (;;) {
		struct sh_msg *m;

		/* relaxed: who sets one of them under lk kicks; whoever sleeps looks under lk */
		if (sh_load_rlx(&c->baton_want) != 0 || sh_load_rlx(&c->poll_mode) ||
		    (sh_load_rlx(&c->stopping) && sh_load_rlx(&c->q_len) == 0))
			return;
		m = next_item(c);
		if (m != NULL) {
			last = (m->flags & SH_RF_MANY) != 0 ? 0 : m->from;
			(void)run(c, m, SH_BY_POOL);
			continue;
		}
		sh_pend_expire(c);
		sh_early_expire(c);
		if (!spin_disp(c, last)) {
			last = 0;
			idle_sleep(c);
			sh_note_cpu(c);
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
	int old;

	/* an action that cancels its own thread would lose locks with it; pthread_exit() is seen by torn_off() */
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
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
	ended(c);
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

/* what does not end: an action, by its name, or a callback */
static void say_waits(struct sh_chan *c)
{
	char name[SH_NAME_MAX + 1] = "";

	sh_lock(&c->lk);
	for (const struct sh_action *a = c->actions; a != NULL && name[0] == '\0'; a = a->next)
		if (a->running != 0)
			memcpy(name, a->name, sizeof(name));
	sh_unlock(&c->lk);
	sh_warn("rte_eal_cleanup: waits for %s%s, which has not ended for %u s: let it return",
		name[0] != '\0' ? "action " : "a callback", name, SAY_S);
}

/* they end when what they run has ended: nothing that the program's functions may use goes before */
static void await_pool(struct sh_chan *c)
{
	uint64_t say = sh_deadline(SAY_S * SH_NS_PER_S);
	uint32_t n;

	while ((n = sh_load_acq(&c->ended)) <
	       c->n_threads) { /* A:POOLEND; how many threads there are is constant by now */
		sh_futex_wait(&c->ended, n, say, SH_FUTEX_ANY, false);
		if (sh_now_ns() < say)
			continue;
		say = SH_FOREVER;
		say_waits(c);
	}
}

void sh_disp_stop(struct sh_chan *c)
{
	struct sh_msg *m;

	if (sh_load_rlx(&c->stopping)) /* relaxed: this thread's own */
		return;
	sh_lock(&c->lk);
	c->stopping = true;
	c->poll_mode = false; /* nobody polls any more: what is queued is run by the pool */
	sh_add(&c->pool_seq, 1);
	sh_futex_wake(&c->pool_seq, INT_MAX, SH_FUTEX_ANY, false);
	if (c->disp_asleep)
		sh_wake_sleeper(c, SH_ASLEEP_DISP);
	sh_unlock(&c->lk);
	await_pool(c);
	for (unsigned i = 0; i < c->n_threads; i++)
		pthread_join(c->threads[i], NULL);
	while ((m = unqueue(c)) != NULL) /* the last thread ended itself */
		(void)run(c, m, SH_BY_STOP);
}

int sh_disp_poll(struct sh_chan *c, unsigned max)
{
	struct sh_msg *m;
	eventfd_t junk;
	unsigned n = 0;

	if (in_action != 0)
		return -EBUSY;
	sh_baton_take(c);
	sh_consume(c);
	sh_pend_expire(c);
	while ((max == 0 || n < max) && (m = unqueue(c)) != NULL) {
		if (!run(c, m, SH_BY_POLL))
			return -EPERM;
		n++;
	}
	sh_lock(&c->lk);
	if (c->poll_mode && c->q_head == NULL)
		(void)eventfd_read(c->poll_fd, &junk);
	sh_unlock(&c->lk);
	sh_baton_drop(c);
	return (int)n;
}
