/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decay.c - pages that nobody uses go back to the kernel
 *
 * Pages of free runs are kept for a while, for who asks next: at most as long as pg.decay says, and at most 64 MiB or an
 * eighth of what is backed; 0 ms: they go before the call returns that gave them. The list pg.oldest holds such runs by age. Whoever gives something back starts a thread
 * of its own process that sleeps until the oldest is due, gives it back, and goes on until nothing is left; then it sleeps
 * without a time limit. When a member leaves or dies each of the others looks too; and who takes a run, or gives one, while the
 * oldest is overdue, for whoever was to see to that is stopped. While there is anything that is to go, or a hole in the files,
 * that thread is there in each member, and looks after the whole group when it has the turn (strays.c).
 *
 * What others freed in the spans of a thread that does not come by becomes free in the same way (take.c): whoever frees so
 * much that a span may be wholly free has the thread look, and again after the same time; what is wholly free both times goes.
 *
 * A run that is given back is BUSY meanwhile: cut out under H, punched with no lock held (sh_shrink_commit()), and free
 * again, in one list only. If whoever does that dies, the run is free with the pages that are left (page.c).
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "base/calm.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/thread.h"
#include "mem/heap.h"
#include "mem/priv.h"

#define U(w) sh_load_rlx(&(w)) /* relaxed: under the lock */
#define AT_ONCE 2048u	       /* units: no more than 32 MiB of a run are BUSY at a time */
#define KEEP_MIN ((64ull << 20) >> SH_UNIT_SHIFT)
#define KEEP_PART 8
#define RETRY_MS 100
#define OVERDUE_MS 1000 /* who was to look at the spans of others is so late, then another does */
#define NEVER UINT64_MAX

/* process-private: the thread. mtx guards all but work */
static struct {
	pthread_mutex_t mtx;
	pthread_cond_t cond;
	pthread_t thread;
	pid_t pid; /* whose thread it is */
	bool on;
	_Atomic bool quit; /* also read without mtx: a stop is not to wait for all that is due */
	_Atomic bool work; /* there may be something: xchg on both sides, so that no wake is lost */
	_Atomic bool idle; /* the same of spans that others own */
	_Atomic bool late; /* the same of what is nobody's */
} d = {.mtx = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local bool trimming; /* what it has in hand comes back free: that is no reason to trim */

static uint64_t now_ms(void)
{
	return sh_now_ns() / SH_NS_PER_MS + 1;
}

/* units that have pages and are free. Without a lock: about */
static uint64_t idle(const struct sh_mem *m)
{
	uint64_t backed = U(m->h->pg.backed), used = U(m->h->pg.used);

	used = used > m->h->pg.keep ? used : m->h->pg.keep;
	return backed > used ? backed - used : 0;
}

static bool too_many(const struct sh_mem *m)
{
	uint64_t keep = U(m->h->pg.backed) / KEEP_PART;

	return idle(m) > (keep > KEEP_MIN ? keep : KEEP_MIN);
}

/* units of a page of the window that this unit is in; at least 1 */
static uint32_t page_of(const struct sh_mem *m, uint32_t u)
{
	uint32_t page = (uint32_t)(m->w[sh_unit_w(u)].page >> SH_UNIT_SHIFT);

	return page > 1 ? page : 1;
}

/*
 * The first part of a free run that has pages, at most AT_ONCE. Whole pages only, for no other can be punched; of these
 * the first one is there, so that whatever is cut out makes the rest less.
 */
static struct sh_run part_of(const struct sh_mem *m, uint32_t u, uint32_t n)
{
	uint32_t page = page_of(m, u), from = (u + page - 1) & ~(page - 1), to = (u + n) & ~(page - 1);

	while (from < to && !sh_unit_backed(m, from))
		from += page == 1 && from % 64 == 0 && to - from >= 64 && sh_run_missing(m, from, 64) == 64 ? 64 : page;
	if (to <= from)
		return (struct sh_run){.free = u};
	return (struct sh_run){u, from, to - from < AT_ONCE ? to - from : AT_ONCE};
}

/* Under H: units that somebody has in hand, who may be about to give their pages back. Rather too many */
static uint64_t in_hand(const struct sh_mem *m)
{
	uint64_t n = 0;

	for (uint32_t u = (uint32_t)U(m->h->pg.busy); u != 0; u = (uint32_t)U(sh_desc(u - 1)->link)) {
		uint32_t units = sh_use_units(U(sh_desc(u - 1)->use));

		n += units - sh_run_missing(m, u - 1, units);
	}
	return n + sh_back_at_work(m); /* after the bits: what has lost them is written down there before */
}

/*
 * Units that are backed and need not be kept. Under H, so no two take the same; about, for pages come and go under G: a count
 * before and one after, of which the lower has neither what came nor what went meanwhile.
 */
static uint64_t spare(const struct sh_mem *m)
{
	uint64_t backed = sh_load_acq(&m->h->pg.backed), keep = m->h->pg.keep, after; /* A:BACKED */

	if (keep == 0)
		return backed;
	keep += in_hand(m);
	after = U(m->h->pg.backed);
	backed = backed < after ? backed : after;
	return backed > keep ? backed - keep : 0;
}

/*
 * Take the oldest out if it became free at or before this time. Under H. false: none. units 0: it has no whole page and is
 * in the list no more.
 */
static bool cut_oldest(struct sh_mem *m, uint64_t before_ms, struct sh_run *run)
{
	uint32_t u = (uint32_t)U(m->h->pg.oldest);
	struct sh_desc *desc;

	if (u == 0)
		return false;
	desc = sh_desc(u - 1);
	if (U(desc->own[0]) > before_ms)
		return false;
	*run = part_of(m, u - 1, sh_use_units(U(desc->use)));
	if (run->units > spare(m)) {
		if (spare(m) < page_of(m, u - 1))
			return false;
		run->units = (uint32_t)spare(m) & ~(page_of(m, u - 1) - 1);
	}
	if (run->units == 0)
		sh_run_forget_age(m, u - 1);
	else
		sh_run_busy(m, run);
	SH_STEP("mem_shrink_ready");
	sh_commit(m->h);
	return true;
}

/* Give the oldest back. Units, 0 if none is that old, or -errno */
static int64_t shrink_oldest(uint64_t before_ms)
{
	struct sh_run run;
	struct sh_mem *m;
	int64_t n;
	bool any;
	int r;

	do {
		r = sh_mem_lock(&m);
		if (r < 0)
			return r;
		any = cut_oldest(m, before_ms, &run);
		sh_mem_unlock(m);
	} while (any && run.units == 0);
	if (!any)
		return 0;
	SH_STEP("mem_shrink_cut");
	n = run.units - sh_run_missing(m, run.unit, run.units);
	r = sh_shrink_commit(m, run.unit, run.units);
	SH_STEP("mem_shrink_done");
	sh_pages_drop(m, &(struct sh_hold){.want = {run.unit, run.unit, run.units}, .units = run.units}, r);
	return r < 0 ? r : n;
}

/* So many units, if there are; *err: why not more */
static uint64_t trim(uint64_t units, int64_t *err)
{
	uint64_t start = now_ms(), done = 0;
	int64_t n = 1;

	trimming = true;
	while (done < units && (n = shrink_oldest(start)) > 0)
		done += (uint64_t)n;
	trimming = false;
	*err = n < 0 ? n : 0;
	return done;
}

int64_t sh_mem_trim(uint64_t units)
{
	int64_t err, strays = 0;
	uint64_t done = trim(units, &err);

	if (done < units && err == 0)
		strays = sh_strays_take(sh_ctx.mem, NULL);
	if (strays > 0)
		done += (uint64_t)strays;
	else if (strays < 0)
		err = strays;
	return done == 0 ? err : (int64_t)done;
}

/* when to look at the spans of others next */
static uint64_t due_idle(uint64_t keep_ms)
{
	struct sh_mem *m = sh_ctx.mem;
	uint64_t ms;

	if (!sh_xchg(&d.idle, false))
		return NEVER;
	sh_and(&m->h->pg.watch, ~(uint64_t)SH_WATCH_IDLE); /* before the look, as d.idle */
	ms = sh_idle_decay(keep_ms);
	if (ms == 0)
		return NEVER;
	(void)sh_xchg(&d.idle, true);
	sh_watch(m, SH_WATCH_IDLE);
	return ms;
}

/* what is due; then when the next is: ms from now, NEVER: there is nothing */
static uint64_t due_pages(struct sh_mem *m)
{
	uint64_t keep_ms = m->h->pg.decay - 1, now = now_ms(), when = NEVER;
	uint32_t u;
	int r;

	while ((too_many(m) && shrink_oldest(now) > 0) || (now >= keep_ms && shrink_oldest(now - keep_ms) > 0)) {
		if (sh_load_rlx(&d.quit)) /* relaxed: a hint */
			return NEVER;
	}
	r = sh_mem_lock(&m);
	if (r < 0)
		return r == -ETIMEDOUT ? RETRY_MS : NEVER;
	u = (uint32_t)U(m->h->pg.oldest);
	/* what others have in hand may stay */
	if (u != 0 && U(m->h->pg.backed) >= m->h->pg.keep + page_of(m, u - 1)) {
		when = U(sh_desc(u - 1)->own[0]) + keep_ms;
		when = when > now ? when - now : RETRY_MS; /* it was due, and could not go */
	}
	sh_mem_unlock(m);
	return when;
}

/* what was given while somebody was stopped with a lock */
static uint64_t due_late(struct sh_mem *m)
{
	if (!sh_xchg(&d.late, false))
		return NEVER;
	sh_and(&m->h->pg.watch, ~(uint64_t)SH_WATCH_LATE); /* before the look, as d.late */
	if (sh_orphan_nobody(m) != -ETIMEDOUT)
		return NEVER;
	(void)sh_xchg(&d.late, true);
	sh_watch(m, SH_WATCH_LATE);
	return RETRY_MS;
}

static uint64_t due(struct sh_mem *m)
{
	uint64_t late_ms = due_late(m), idle_ms, ms;

	if (m->h->pg.decay == 0) /* what is free stays */
		return late_ms;
	idle_ms = due_idle(m->h->pg.decay - 1);
	idle_ms = idle_ms < late_ms ? idle_ms : late_ms;
	ms = due_pages(m);
	return ms < idle_ms ? ms : idle_ms;
}

/* ---- what others leave undone ---- */

/* Without a lock: what is read may be another run's by now. Is the oldest to go, and since when? ms, 0: it is not */
static uint64_t overdue_ms(const struct sh_mem *m)
{
	uint64_t keep_ms = m->h->pg.decay - 1, now = now_ms(), ms;
	uint32_t u = (uint32_t)U(m->h->pg.oldest);

	if (m->h->pg.decay == 0 || u == 0 || U(m->h->pg.backed) < m->h->pg.keep + page_of(m, u - 1))
		return 0;
	ms = U(sh_desc(u - 1)->own[0]);
	return now > ms + keep_ms ? now - ms - keep_ms : 0;
}

/* has nobody looked at the spans of others for long, though somebody was to? */
static bool idle_overdue(const struct sh_mem *m)
{
	uint64_t keep_ms = m->h->pg.decay - 1;

	return m->h->pg.decay != 0 && U(m->h->sp.looked) + keep_ms + OVERDUE_MS < now_ms();
}

/* it is for this process to see that all is done: what the others should have done is made its own */
static void look_after(struct sh_mem *m)
{
	uint64_t what = sh_load_acq(&m->h->pg.watch);
	bool mine = false;

	if ((what & SH_WATCH_LATE) != 0) {
		(void)sh_xchg(&d.late, true);
		mine = true;
	}
	if ((what & SH_WATCH_IDLE) != 0 && idle_overdue(m)) {
		(void)sh_xchg(&d.idle, true);
		mine = true;
	}
	if (mine || overdue_ms(m) >= RETRY_MS || (m->h->pg.decay != 0 && too_many(m)))
		(void)sh_xchg(&d.work, true);
	(void)sh_strays_take(m, &d.quit);
}

/* ms until this thread is to look again, NEVER */
static uint64_t due_watch(struct sh_mem *m)
{
	uint64_t ms = sh_watch_turn(m);

	if (ms != 0)
		return ms;
	look_after(m);
	if (!sh_watch_on(m, m->h->pg.decay != 0 && U(m->h->pg.oldest) != 0 && idle(m) != 0))
		return NEVER;
	return sh_load_acq(&d.work) ? 0 : sh_watch_turn(m);
}

/* Under mtx. Until told, or so many ms */
static void doze(uint64_t ms)
{
	struct timespec ts;
	uint64_t at = sh_now_ns() + ms * SH_NS_PER_MS;

	if (ms == NEVER) {
		pthread_cond_wait(&d.cond, &d.mtx);
		return;
	}
	ts.tv_sec = (time_t)(at / SH_NS_PER_S);
	ts.tv_nsec = (long)(at % SH_NS_PER_S);
	(void)pthread_cond_timedwait(&d.cond, &d.mtx, &ts);
}

static void *run(void *arg)
{
	struct sh_mem *m = arg;
	uint64_t ms = NEVER, watch_ms;

	pthread_mutex_lock(&d.mtx);
	while (!sh_load_rlx(&d.quit)) { /* relaxed, all: under mtx */
		pthread_mutex_unlock(&d.mtx);
		/* before the look: who gives something back from now on sets it again */
		ms = sh_xchg(&d.work, false) ? due(m) : NEVER;
		watch_ms = due_watch(m);
		if (ms != NEVER)
			(void)sh_xchg(&d.work, true); /* I am awake by then: nobody needs to wake me */
		pthread_mutex_lock(&d.mtx);
		if (!sh_load_rlx(&d.quit) && (ms != NEVER || !sh_load_acq(&d.work)))
			doze(ms < watch_ms ? ms : watch_ms);
	}
	pthread_mutex_unlock(&d.mtx);
	return NULL;
}

/* nobody else of this process can be here: a child has one thread */
static void after_fork(void)
{
	pthread_condattr_t attr;

	if (d.pid == getpid())
		return;
	pthread_mutex_init(&d.mtx, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d.cond, &attr);
	pthread_condattr_destroy(&attr);
	d.on = false;
	sh_store_rlx(&d.quit, false); /* relaxed: there is one thread */
	sh_store_rlx(&d.work, false);
	sh_store_rlx(&d.idle, false);
	sh_store_rlx(&d.late, false);
	d.pid = getpid();
}

static void wake(struct sh_mem *m)
{
	after_fork();
	sh_calm_begin(); /* a handler may give something back, too */
	pthread_mutex_lock(&d.mtx);
	if (d.on)
		pthread_cond_signal(&d.cond);
	else if (!sh_load_rlx(&d.quit) && sh_thread_start(&d.thread, "shoal-decay", run, m) == 0)
		d.on = true; /* else: the next who gives something back tries again */
	else
		sh_store_rel(&d.work, false);
	pthread_mutex_unlock(&d.mtx);
	sh_calm_end();
}

void sh_decay_note(struct sh_mem *m)
{
	uint64_t decay = m->h->pg.decay;
	int64_t err = 0;

	if (decay == 0 || idle(m) == 0 || trimming)
		return;
	sh_watch(m, SH_WATCH);
	if (decay == 1)
		(void)trim(UINT64_MAX, &err);
	/* what should have gone at once and could not the thread tries again */
	if ((decay > 1 || err < 0) && (!sh_xchg(&d.work, true) || too_many(m)))
		wake(m);
}

void sh_decay_see(struct sh_mem *m)
{
	if (!trimming && overdue_ms(m) > RETRY_MS && !sh_xchg(&d.work, true))
		wake(m);
}

void sh_decay_join(struct sh_mem *m)
{
	if (sh_load_acq(&m->h->pg.watch) != 0) /* A:WATCH */
		wake(m);
}

void sh_decay_idle(void)
{
	struct sh_mem *m = sh_ctx.mem;

	/* relaxed: a hint; whoever is the first of those that set it wakes */
	if (m->h->pg.decay == 0 || sh_load_rlx(&d.idle) || sh_xchg(&d.idle, true))
		return;
	(void)sh_xchg(&d.work, true);
	sh_watch(m, SH_WATCH_IDLE);
	wake(m);
}

void sh_decay_late(void)
{
	(void)sh_xchg(&d.late, true);
	sh_watch(sh_ctx.mem, SH_WATCH_LATE);
	(void)sh_xchg(&d.work, true);
	wake(sh_ctx.mem);
}

void sh_decay_start(void)
{
	after_fork();
	sh_store_rlx(&d.quit, false); /* relaxed: no thread runs */
}

void sh_decay_stop(void)
{
	bool on;

	if (d.pid != getpid())
		return;
	pthread_mutex_lock(&d.mtx);
	on = d.on;
	sh_store_rlx(&d.quit, true);
	pthread_cond_signal(&d.cond);
	pthread_mutex_unlock(&d.mtx);
	if (on)
		pthread_join(d.thread, NULL);
	pthread_mutex_lock(&d.mtx); /* other threads of the library still wake it, in vain */
	d.on = false;
	pthread_mutex_unlock(&d.mtx);
}
