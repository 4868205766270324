/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * page.c - take and give runs of pages: find, grow, back, hand out
 *
 * Somebody who takes a run that is not backed makes it BUSY first: it is in the list pg.busy with its owner's name, belongs to
 * nobody else, and no lock is held while its pages come. When they are there the run gets its kind in one commit. Of a dead
 * owner everybody may make BUSY runs free again: what is backed of them, the bits say.
 *
 * sh_grow_commit() is the one place where pages come, sh_shrink_commit() the one where they go: no lock is held there.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/futex.h"
#include "base/log.h"
#include "mem/exchange.h"
#include "mem/priv.h"
#include "proc/proc.h"

#define SLICE_NS (10 * SH_NS_PER_MS)
#define PATIENCE_NS SH_NS_PER_S
#define ASK_NS (SH_NS_PER_S / 10) /* so long before it is asked whether they are stopped */
#define BUSY_ASKED 16
#define LARGE ((32u << 20) >> SH_UNIT_SHIFT) /* units; above it the machine is asked before anything is done */
#define U(w) sh_load_rlx(&(w))		     /* relaxed: under the lock */

/* ---- pages come and go: no lock is held ---- */

/* under G: may a process alone do it? */
static int unobserved(const struct sh_mem *m, void *kind)
{
	return sh_exchange_wanted(m, *(enum sh_xkind *)kind) ? -EAGAIN : 0;
}

/*
 * Units of my BUSY run, which begins at busy, get their pages, and with them their place in what everybody may use. 0, or
 * -errno; -ECANCELED: those who observe memory refused it.
 */
int sh_grow_commit(struct sh_mem *m, uint32_t busy, uint32_t u, uint32_t n)
{
	enum sh_xkind kind = SH_X_GROW;
	int r = sh_back_fill(m, u, n, &(struct sh_back_gate){unobserved, &kind, false});

	return r == -EAGAIN ? sh_exchange(kind, busy, u, n) : r;
}

/* The pages of my BUSY run, all of it, go. 0, or -errno: then some are still there */
int sh_shrink_commit(struct sh_mem *m, uint32_t u, uint32_t n)
{
	enum sh_xkind kind = SH_X_SHRINK;
	int r = sh_back_punch(m, u, n, &(struct sh_back_gate){unobserved, &kind, false});

	return r == -EAGAIN ? sh_exchange(kind, u, u, n) : r;
}

/* ---- BUSY runs ---- */

/* the words of a run's first descriptor, before the commit that gives it its kind */
static void put_words(struct sh_mem *m, uint32_t u, uint64_t owner, const uint64_t *own)
{
	struct sh_desc *d = sh_desc(u);

	sh_set(m->h, &d->owner, owner);
	for (unsigned i = 0; own != NULL && i < SH_DESC_OWN; i++)
		sh_set(m->h, &d->own[i], own[i]);
}

void sh_run_busy(struct sh_mem *m, const struct sh_run *part)
{
	sh_run_cut(m, part, SH_PG_BUSY);
	put_words(m, part->unit, sh_self(), NULL);
}

/* to whole steps, as far as the free run goes: growth is by steps */
static void widen(const struct sh_mem *m, const struct sh_run *fit, struct sh_run *ret)
{
	uint32_t from = fit->free, to = from + sh_use_units(U(sh_desc(from)->use));
	uint32_t lo = fit->unit & ~(SH_STEP_UNITS - 1);
	uint32_t hi = (fit->unit + fit->units + SH_STEP_UNITS - 1) & ~(SH_STEP_UNITS - 1);

	(void)m;
	from = from > lo ? from : lo;
	to = to < hi ? to : hi;
	*ret = (struct sh_run){fit->free, from, to - from};
}

/* under H: the run that fits is mine, as its kind if it is backed, else BUSY */
static void cut(struct sh_mem *m, const struct sh_pages_ask *ask, const struct sh_run *fit, struct sh_hold *hold)
{
	struct sh_run wide;

	hold->want = *fit;
	hold->units = 0;
	if (ask->kind != SH_PG_BUSY && sh_run_missing(m, fit->unit, fit->units) == 0) {
		sh_run_cut(m, fit, ask->kind);
		put_words(m, fit->unit, ask->owner, ask->own);
	} else {
		widen(m, fit, &wide);
		sh_run_busy(m, &wide);
		hold->want.free = wide.unit;
		hold->units = wide.units;
	}
	SH_STEP("mem_run_ready");
	sh_commit(m->h);
	SH_STEP("mem_run_committed");
}

static bool look(const struct sh_mem *m, unsigned w, const struct sh_pages_ask *ask, bool deep, struct sh_run *fit)
{
	uint32_t align = ask->align > 1 ? ask->align : 1;

	fit->units = 0;
	if (ask->units == 0) {
		sh_run_largest(m, w, align, fit);
		if (fit->units > m->h->pg.max - U(m->h->pg.used))
			fit->units = (uint32_t)(m->h->pg.max - U(m->h->pg.used));
	} else if (!sh_run_find(m, w, ask->units, align, deep, fit))
		fit->units = 0;
	return fit->units != 0;
}

/* Under H: a run that fits is mine. -ENOMEM: there is none, and so many units are free at the window's end */
static int try_cut(struct sh_mem *m, unsigned w, const struct sh_pages_ask *ask, bool deep, struct sh_hold *hold,
		   uint32_t *tail)
{
	struct sh_run fit;
	int r = sh_mem_lock(&m);

	if (r < 0)
		return r;
	if (look(m, w, ask, deep, &fit)) {
		cut(m, ask, &fit, hold);
	} else {
		*tail = sh_run_tail(m, w);
		r = -ENOMEM;
	}
	sh_mem_unlock(m);
	return r;
}

/* can there be so much at all? What is not in use may go for it; so that no tables are made for what cannot be */
static int can_be(const struct sh_mem *m, unsigned w, uint32_t units, uint32_t tail)
{
	const struct sh_pages_hdr *pg = &m->h->pg;

	if (units > pg->w[w].units - U(pg->w[w].end) + tail || U(pg->used) + units > pg->max)
		return -ENOMEM;
	if (units > LARGE && w == 0 && sh_back_room(m, units) < (uint64_t)units << SH_UNIT_SHIFT)
		return -ENOBUFS;
	return 0;
}

/*
 * The window's end moves until such a run fits, and it is mine. What is free at the end is not reckoned with, for others may
 * take it meanwhile. 0, -ENOMEM, -EAGAIN (somebody else was faster: again) or as sh_back_tables()
 */
static int longer(struct sh_mem *m, unsigned w, const struct sh_pages_ask *ask, struct sh_hold *hold)
{
	struct sh_win_hdr *wh = &m->h->pg.w[w];
	uint64_t end = sh_load_acq(&wh->end), to = end + (ask->units != 0 ? ask->units : 1); /* A:PGEND */
	struct sh_run fit;
	int r;

	to += ask->align > 1 ? ask->align : 0;
	to = (to + SH_STEP_UNITS - 1) & ~(uint64_t)(SH_STEP_UNITS - 1);
	to = to < wh->units ? to : wh->units;
	r = to > end ? sh_back_tables(m, w, (uint32_t)end, (uint32_t)to) : 0;
	if (r == 0)
		r = sh_mem_lock(&m);
	if (r < 0)
		return r;
	if (!look(m, w, ask, true, &fit) && to > end && U(wh->end) == end) {
		sh_run_extend(m, w, (uint32_t)(to - end));
		SH_STEP("mem_end_ready");
		sh_commit(m->h);
		(void)look(m, w, ask, true, &fit);
	}
	if (fit.units != 0)
		cut(m, ask, &fit, hold);
	else
		r = U(wh->end) != end && U(wh->end) < wh->units ? -EAGAIN : -ENOMEM;
	sh_mem_unlock(m);
	return r;
}

/* 0: mine; -ENOMEM: there is no such run and cannot be; -ENOBUFS: the machine has not got so much */
static int find_or_extend(struct sh_mem *m, unsigned w, const struct sh_pages_ask *ask, struct sh_hold *hold)
{
	uint32_t units = ask->units != 0 ? ask->units : 1, tail = 0;
	int r = try_cut(m, w, ask, false, hold, &tail), e;

	if (r != -ENOMEM)
		return r;
	e = can_be(m, w, units, tail);
	if (e < 0) {
		r = try_cut(m, w, ask, true, hold, &tail);
		return r == -ENOMEM ? e : r;
	}
	do {
		r = longer(m, w, ask, hold);
	} while (r == -EAGAIN);
	return r;
}

/* the BUSY run becomes what it is for, and free around that; units 0: free altogether. Under H, the caller commits */
void sh_run_recut(struct sh_mem *m, uint32_t busy, uint32_t unit, uint32_t units, enum sh_pg kind)
{
	struct sh_run run = {sh_run_join(m, busy), unit, units};

	SH_STEP("mem_run_half_handed");
	if (units != 0)
		sh_run_cut(m, &run, kind);
}

/* a BUSY run of mine is BUSY no longer */
static void tell_waiters(struct sh_mem *m)
{
	struct sh_pages_hdr *pg = &m->h->pg;

	sh_fence(); /* partner: the fence in wait_for_busy() */
	if (sh_load_rlx(&pg->want) != 0) {
		sh_store_rlx(&pg->want, 0);
		sh_add(&pg->seq, 1);
		sh_futex_wake(&pg->seq, INT_MAX, SH_FUTEX_ANY, true);
	}
}

/*
 * There is nothing free, but runs that others are backing or giving back: what is left of them may do. What the dead had in
 * hand is free at once; else at most 10 ms. false: there are none.
 */
static bool wait_for_busy(struct sh_mem *m)
{
	struct sh_pages_hdr *pg = &m->h->pg;
	uint32_t seq = sh_load_acq(&pg->seq);
	bool freed;

	sh_store_rlx(&pg->want, 1); /* the fence orders it before my look at the list; partner: tell_waiters() */
	sh_fence();
	if (sh_load_rlx(&pg->busy) == 0)
		return false;
	if (sh_mem_lock(&m) < 0)
		return false;
	freed = sh_pages_reap(m);
	sh_mem_unlock(m);
	if (freed)
		tell_waiters(m);
	else
		(void)sh_futex_wait(&pg->seq, seq, sh_deadline(SLICE_NS), SH_FUTEX_ANY, true);
	return true;
}

/* what is backed already was somebody's; what comes now is zero */
static void wipe(struct sh_mem *m, uint32_t u, uint32_t n)
{
	for (uint32_t end = u + n; u < end; u++)
		if (sh_unit_backed(m, u))
			memset(sh_unit_addr(u), 0, SH_UNIT);
}

/* what is wanted goes where most of it has pages already: what is free and backed in my BUSY run nobody else can give back */
static void slide(const struct sh_mem *m, const struct sh_pages_ask *ask, struct sh_hold *hold)
{
	struct sh_run *want = &hold->want;
	uint32_t step = ask->align > 1 ? ask->align : 1, last = want->free + hold->units - want->units;
	uint32_t least = sh_run_missing(m, want->unit, want->units), missing;

	for (uint32_t u = (want->free + step - 1) & ~(step - 1); u <= last && least != 0; u += step) {
		missing = sh_run_missing(m, u, want->units);
		if (missing < least) {
			least = missing;
			want->unit = u;
		}
	}
}

/* and what lies around it makes room. Of ordinary pages; where somebody observes, not */
static void drop_rest(struct sh_mem *m, const struct sh_hold *hold)
{
	enum sh_xkind kind = SH_X_SHRINK;
	const struct sh_back_gate gate = {unobserved, &kind, false};
	uint32_t from = hold->want.unit, end = from + hold->want.units;

	if (sh_unit_w(from) == 0 && sh_back_punch(m, hold->want.free, from - hold->want.free, &gate) == 0)
		(void)sh_back_punch(m, end, hold->want.free + hold->units - end, &gate);
}

static int fill(struct sh_mem *m, const struct sh_pages_ask *ask, struct sh_hold *hold)
{
	int r;

	if (ask->zero)
		wipe(m, hold->want.unit, hold->want.units);
	r = sh_grow_commit(m, hold->want.free, hold->want.free, hold->units);
	if (r < 0 && r != -ECANCELED && hold->units > hold->want.units) { /* a step is too much: what is needed, then */
		slide(m, ask, hold);
		if (ask->zero)
			wipe(m, hold->want.unit, hold->want.units);
		r = sh_grow_commit(m, hold->want.free, hold->want.unit, hold->want.units);
		if (r == -ENOMEM || r == -ENOBUFS) {
			drop_rest(m, hold);
			r = sh_grow_commit(m, hold->want.free, hold->want.unit, hold->want.units);
		}
	}
	/* what is free and has pages elsewhere counts too: it makes room */
	if ((r == -ENOMEM || r == -ENOBUFS) && sh_mem_trim(hold->want.units) > 0)
		r = sh_grow_commit(m, hold->want.free, hold->want.unit, hold->want.units);
	SH_STEP("mem_run_filled");
	return r;
}

/* Is all that others have in hand in the hands of members that are stopped? Said, then, and not waited for */
static bool all_stopped(struct sh_mem *m)
{
	sh_id_t id[BUSY_ASKED];
	uint32_t u;
	unsigned n = 0;

	if (sh_mem_lock(&m) < 0)
		return true;
	for (u = (uint32_t)U(m->h->pg.busy); u != 0 && n < BUSY_ASKED; u = (uint32_t)U(sh_desc(u - 1)->link))
		id[n++] = sh_lock_id(U(sh_desc(u - 1)->owner));
	sh_mem_unlock(m);
	if (u != 0 || n == 0)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (!sh_member_stopped(id[i]))
			return false;
	sh_log_rate(SH_WARN,
		    "no memory is free but what member %u (pid %u) has in hand, which is stopped: let it go on (kill "
		    "-CONT) or end it",
		    sh_id_slot(id[0]), sh_region()->members[sh_id_slot(id[0]) % SH_MEMBERS].pid);
	return true;
}

/* a run is found, or there will not be one; one who is stopped with a BUSY run in its hands is not waited for for ever */
static int find(struct sh_mem *m, unsigned w, const struct sh_pages_ask *ask, struct sh_hold *hold)
{
	uint64_t dl = sh_deadline(PATIENCE_NS), ask_dl = sh_deadline(ASK_NS);
	int r;

	hold->units = 0;
	if (ask->units > m->h->pg.w[w].units)
		return -ENOMEM;
	do {
		r = find_or_extend(m, w, ask, hold);
	} while (r == -ENOMEM && sh_left_ns(dl) > 0 && wait_for_busy(m) && (sh_left_ns(ask_dl) > 0 || !all_stopped(m)));
	if (r == -ENOBUFS && sh_mem_trim(ask->units) > 0)
		r = find_or_extend(m, w, ask, hold);
	return r;
}

/* a BUSY run of mine is nobody's: who has H finds it, as it would that of a dead member, once no exchange is open on it */
static void abandon(const struct sh_hold *hold)
{
	sh_store_rel(&sh_desc(hold->want.free)->owner, SH_NOBODY);
	SH_STEP("late_abandoned");
	sh_decay_late();
}

/* a BUSY run that is backed gets its kind, or is free */
static int hand_out(struct sh_mem *m, const struct sh_pages_ask *ask, const struct sh_hold *hold)
{
	int r = sh_mem_lock(&m);

	if (r == -ETIMEDOUT)
		abandon(hold);
	if (r < 0)
		return r;
	sh_run_recut(m, hold->want.free, hold->want.unit, ask != NULL ? hold->want.units : 0,
		     ask != NULL ? ask->kind : SH_PG_FREE);
	if (ask != NULL)
		put_words(m, hold->want.unit, ask->owner, ask->own);
	SH_STEP("mem_run_handed");
	sh_commit(m->h);
	sh_mem_unlock(m);
	tell_waiters(m);
	if (ask == NULL)
		sh_decay_note(m);
	return 0;
}

/* it was not to be: free, unless somebody is stopped with a lock: then there may be an exchange open on it still */
static void put_down(struct sh_mem *m, const struct sh_hold *hold, int err)
{
	if (err == -ETIMEDOUT)
		abandon(hold);
	else
		(void)hand_out(m, NULL, hold);
}

static int take_in(struct sh_mem *m, unsigned w, const struct sh_pages_ask *ask, uint32_t *unit)
{
	struct sh_hold hold;
	int r = find(m, w, ask, &hold);

	if (r == 0 && hold.units != 0) {
		r = fill(m, ask, &hold);
		if (r == 0)
			r = hand_out(m, ask, &hold);
		else
			put_down(m, &hold, r);
	} else if (r == 0 && ask->zero) {
		wipe(m, hold.want.unit, hold.want.units);
	}
	if (r == 0)
		*unit = hold.want.unit;
	return r;
}

static int hold_in(struct sh_mem *m, unsigned w, const struct sh_pages_ask *ask, struct sh_hold *ret)
{
	int r = find(m, w, ask, ret);

	if (r == 0)
		r = fill(m, ask, ret);
	if (r < 0 && ret->units != 0)
		put_down(m, ret, r);
	return r;
}

/* ---- which window ---- */

static int may_ask(const struct sh_mem *m, const struct sh_pages_ask *ask)
{
	if (m == NULL)
		return -ENODEV;
	if (sh_self() == 0)
		return -EPERM;
	return (ask->align & (ask->align - 1)) != 0 ? -EINVAL : 0;
}

/* huge pages first; is this one of those that may serve it? */
static bool serves(const struct sh_mem *m, unsigned w, const struct sh_pages_ask *ask)
{
	return m->w[w].heap != NULL && (ask->page == SH_PAGE_ANY || (ask->page == SH_PAGE_2M) == (w == 1));
}

/* the huge pages are all in use: said once, and only if there is something else */
static void say_small(const struct sh_mem *m, const struct sh_pages_ask *ask)
{
	static _Atomic bool said;

	if (serves(m, 0, ask) && !sh_xchg(&said, true))
		sh_info("no huge page of 2 MiB is free: memory grows in pages of 4 KiB where they are all in use");
}

/* no room in this window, or no page for it: another may do */
static bool next_window(const struct sh_mem *m, unsigned w, const struct sh_pages_ask *ask, int r)
{
	if (w == 1 && r == -ENOSPC)
		say_small(m, ask);
	return r == -ENOMEM || r == -ENOBUFS || r == -ENOSPC || r == -ETIMEDOUT;
}

int sh_pages_take(const struct sh_pages_ask *ask, uint32_t *unit)
{
	struct sh_mem *m = sh_ctx.mem;
	int r = may_ask(m, ask);

	if (r < 0)
		return r;
	r = -ENOMEM;
	for (unsigned w = SH_WINDOWS; w-- > 0 && next_window(m, w + 1, ask, r);)
		if (serves(m, w, ask))
			r = take_in(m, w, ask, unit);
	sh_decay_see(m);
	return r == -ENOSPC ? -ENOBUFS : r;
}

int sh_pages_hold(const struct sh_pages_ask *ask, struct sh_hold *ret)
{
	struct sh_mem *m = sh_ctx.mem;
	struct sh_pages_ask busy = *ask;
	int r = may_ask(m, ask);

	if (r < 0)
		return r;
	busy.kind = SH_PG_BUSY;
	r = -ENOMEM;
	for (unsigned w = SH_WINDOWS; w-- > 0 && next_window(m, w + 1, ask, r);)
		if (serves(m, w, ask))
			r = hold_in(m, w, &busy, ret);
	return r == -ENOSPC ? -ENOBUFS : r;
}

void sh_pages_unhold(struct sh_mem *m, const struct sh_hold *hold)
{
	(void)hand_out(m, NULL, hold);
}

void sh_pages_drop(struct sh_mem *m, const struct sh_hold *hold, int err)
{
	put_down(m, hold, err);
}

void sh_pages_held(struct sh_mem *m)
{
	tell_waiters(m);
}

/* H cannot be had: it is nobody's, and free when somebody has it (sh_orphan_late()). Of two who give it one does */
static int give_late(uint32_t unit)
{
	sh_w64 *owner = &sh_desc(unit)->owner;
	uint64_t was = sh_load_acq(owner);

	if (sh_lock_id(was) == SH_NOBODY || !sh_cas(owner, &was, SH_NOBODY))
		return -EINVAL;
	SH_STEP("late_given");
	sh_decay_late();
	return 0;
}

int sh_pages_give(uint32_t unit)
{
	struct sh_mem *m;
	int r = sh_mem_lock(&m);

	if (r == -ETIMEDOUT)
		return give_late(unit);
	if (r < 0)
		return r;
	if (sh_run_is(m, unit)) {
		(void)sh_run_join(m, unit);
		SH_STEP("mem_give_ready");
		sh_commit(m->h);
	} else {
		r = -EINVAL;
	}
	sh_mem_unlock(m);
	sh_decay_note(m);
	return r;
}

bool sh_pages_reap(struct sh_mem *m)
{
	uint32_t u = (uint32_t)U(m->h->pg.busy), next;
	bool any = false;

	for (; u != 0; u = next) {
		struct sh_desc *d = sh_desc(u - 1);

		next = (uint32_t)U(d->link);
		/* alive in the table is no proof: perhaps nobody has heard of it yet */
		if ((sh_member_alive(U(d->owner)) && sh_member_probe(U(d->owner)) != 1) || sh_xchg_open_on(m, u - 1))
			continue;
		(void)sh_run_join(m, u - 1);
		SH_STEP("mem_reap_ready");
		sh_commit(m->h);
		any = true;
	}
	return any;
}

int sh_pages_stat(struct sh_pages_stat *ret)
{
	struct sh_mem *m;
	int r = sh_mem_lock(&m);

	if (r < 0)
		return r;
	*ret = (struct sh_pages_stat){.used = U(m->h->pg.used) << SH_UNIT_SHIFT,
				      .backed = U(m->h->pg.backed) << SH_UNIT_SHIFT,
				      .max = m->h->pg.max << SH_UNIT_SHIFT,
				      .end = (U(m->h->pg.w[0].end) + U(m->h->pg.w[1].end)) << SH_UNIT_SHIFT};
	sh_mem_unlock(m);
	return 0;
}
