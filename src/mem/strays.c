/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * strays.c - pages that nobody asked for go again, and who looks for them
 *
 * Behind a clear bit there is no page, but the kernel puts one there for whoever reads it: mlockall(), a debugger, a core
 * dump of another program's making. Nobody has such a page, nothing counts it, and nothing tells of it. So as long as the
 * files have holes somebody looks, about once a second, whether they hold more than is counted (two system calls); if they
 * do, the free units that have a page and no bit are made BUSY, as by a taker, punched again, and free as before. Neither
 * bits nor counts change, so G is not needed, and nobody who observes memory has anything to hear.
 *
 * Who looks, looks for the whole group, and also whether others left undone what they were to do: decay.c. There is no
 * owner that could be stopped with that: who finds that nobody has looked for its time takes the turn, by one CAS. The time
 * is a second for who had the last turn; the others wait longer, by their rank, and so most of the time only look at a word.
 * A member that is told of nothing sleeps: whoever raises pg.watch pokes all others, and who joins looks at it. In a group
 * without holes, and with nothing that is to go, nobody has a timer.
 *
 * Process-private state: what could not be punched the last time, so that it is not tried again at each look.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "chan/internal.h"
#include "mem/heap.h"
#include "mem/priv.h"
#include "proc/proc.h"

#define U(w) sh_load_rlx(&(w)) /* relaxed: hints, or under the lock */
#define LOOK_MS 1000
#define RANK_MS 500
#define RANKS 16
#define NEVER UINT64_MAX
#define AT_ONCE 2048u /* units: no more than 32 MiB of a run are BUSY at a time */

/* ---- who looks ---- */

static uint64_t now_ms(void)
{
	return sh_now_ns() / SH_NS_PER_MS + 1;
}

/* 0, in tests: nobody looks */
static uint64_t look_ms(void)
{
	return SH_FAULT_NUM("SHOAL_LOOK_MS", LOOK_MS);
}

/* R:WATCH what there is to see was written before; the fence orders it before my look at watch. Partner: that in sh_watch_on() */
void sh_watch(struct sh_mem *m, enum sh_watch what)
{
	uint64_t want = what | SH_WATCH, was;

	sh_fence();
	if ((U(m->h->pg.watch) & want) == want || sh_self() == 0 || look_ms() == 0)
		return;
	if ((U(m->h->pg.watch) & SH_WATCH) == 0) { /* relaxed: hints. The first look is mine, a second from now */
		sh_store_rlx(&m->h->pg.looked, now_ms());
		sh_store_rlx(&m->h->pg.looker, sh_self());
	}
	was = sh_or(&m->h->pg.watch, want);
	if ((was & SH_WATCH) != 0)
		return;
	sh_internal_poke_others(SH_SVC_MEM);
	sh_decay_join(m);
}

/* how long after the last look this member has one */
static uint64_t patience_ms(const struct sh_mem *m)
{
	sh_id_t self = sh_self(), looker = U(m->h->pg.looker), id;
	unsigned rank = 0;

	if (looker == self)
		return look_ms();
	for (unsigned slot = 0; slot < sh_id_slot(self) && rank < RANKS; slot++) {
		id = sh_member_at(slot, NULL);
		rank += id != 0 && id != looker;
	}
	return 2 * look_ms() + rank * (uint64_t)RANK_MS;
}

uint64_t sh_watch_turn(struct sh_mem *m)
{
	uint64_t now = now_ms(), last = sh_load_acq(&m->h->pg.looked), ms;

	if (sh_load_acq(&m->h->pg.watch) == 0 || sh_self() == 0) /* A:WATCH */
		return NEVER;
	ms = patience_ms(m);
	if (last <= now && now - last < ms) /* later than now: by the clock of another time namespace */
		return last + ms - now;
	if (!sh_cas(&m->h->pg.looked, &last, now))
		return ms;
	sh_store_rlx(&m->h->pg.looker, sh_self()); /* relaxed: a hint */
	return 0;
}

/* ---- what the files hold ---- */

struct files {
	uint64_t size, held; /* bytes, up to the windows' ends */
};

static struct files files_of(const struct sh_mem *m, unsigned w)
{
	uint64_t end = sh_load_acq(&m->h->pg.w[w].end) << SH_UNIT_SHIFT; /* A:PGEND */
	struct files f = {0, 0};
	struct stat st;

	if (m->w[w].heap != NULL && fstat(m->w[w].fd_heap, &st) == 0) {
		f.held = (uint64_t)st.st_blocks * 512;
		/* a file of huge pages is as long as its mapping */
		f.size = (uint64_t)st.st_size < end ? (uint64_t)st.st_size : end;
	}
	return f;
}

static struct files all_files(const struct sh_mem *m)
{
	struct files all = {0, 0};

	for (unsigned w = 0; w < SH_WINDOWS; w++) {
		struct files f = files_of(m, w);

		all.size += f.size;
		all.held += f.held;
	}
	return all;
}

/* Bytes that the files hold and nobody counts. pg.backed is raised before pages come, and lowered after they went */
static uint64_t excess(const struct sh_mem *m)
{
	uint64_t before = sh_load_acq(&m->h->pg.backed), held = all_files(m).held; /* A:BACKED */
	uint64_t after = sh_load_acq(&m->h->pg.backed);				   /* A:BACKED */
	uint64_t most = (before > after ? before : after) << SH_UNIT_SHIFT;

	return held > most ? held - most : 0;
}

static bool holes(const struct sh_mem *m)
{
	return all_files(m).size > sh_load_acq(&m->h->pg.backed) << SH_UNIT_SHIFT; /* A:BACKED */
}

void sh_watch_holes(struct sh_mem *m)
{
	if (U(m->h->pg.watch) == 0 && holes(m))
		sh_watch(m, SH_WATCH);
}

bool sh_watch_on(struct sh_mem *m, bool more)
{
	uint64_t was = SH_WATCH;

	if (more || holes(m) || !sh_cas(&m->h->pg.watch, &was, 0))
		return true;
	sh_fence(); /* partner: that in sh_watch(). Who saw it on did not tell anybody */
	sh_watch_holes(m);
	if (m->h->pg.decay != 0 && U(m->h->pg.oldest) != 0)
		sh_decay_note(m);
	return U(m->h->pg.watch) != 0;
}

/* ---- pages in holes ---- */

static uint32_t first_of(unsigned w)
{
	return (uint32_t)(w << SH_UNIT_W_SHIFT);
}

static uint32_t end_of(const struct sh_mem *m, unsigned w)
{
	return first_of(w) + (uint32_t)(files_of(m, w).size >> SH_UNIT_SHIFT);
}

/* the first unit from here on that has no bit */
static uint32_t next_hole(const struct sh_mem *m, uint32_t u, uint32_t end)
{
	while (u < end && sh_unit_backed(m, u))
		u += u % 64 == 0 && end - u >= 64 && sh_run_missing(m, u, 64) == 0 ? 64 : 1;
	return u;
}

/*
 * The first unit from here on in this window that has a page and no bit, as far as can be seen without a lock; end: none.
 * Of huge pages the kernel does not tell: each that has no bit may.
 */
static uint32_t next_stray(const struct sh_mem *m, unsigned w, uint32_t u, uint32_t end)
{
	off_t at;

	for (;;) {
		u = next_hole(m, u, end);
		if (u >= end || w != 0)
			return u;
		at = lseek(m->w[w].fd_heap, (off_t)((uint64_t)sh_unit_idx(u) << SH_UNIT_SHIFT), SEEK_DATA);
		if (at < 0)
			return errno == ENXIO ? end : u;
		if ((uint64_t)at >> SH_UNIT_SHIFT == sh_unit_idx(u))
			return u;
		u = first_of(w) + (uint32_t)((uint64_t)at >> SH_UNIT_SHIFT);
		if (u >= end || !sh_unit_backed(m, u))
			return u < end ? u : end;
	}
}

/* a walk to the run that has this unit */
struct search {
	uint32_t unit;
	bool met;
	struct sh_run cut; /* units 0: it is not to be had */
};

static int visit(struct sh_mem *m, uint32_t unit, uint64_t use, void *arg)
{
	struct search *s = arg;
	uint32_t end = unit + sh_use_units(use), page, n;

	if (end <= s->unit)
		return 1;
	s->met = true;
	page = (uint32_t)(m->w[sh_unit_w(unit)].page >> SH_UNIT_SHIFT);
	page = page > 1 ? page : 1;
	n = (end - s->unit) & ~(page - 1);
	n = n < AT_ONCE ? n : AT_ONCE;
	if (unit > s->unit || sh_use_kind(use) != SH_PG_FREE || (s->unit & (page - 1)) != 0)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		if (sh_unit_backed(m, s->unit + i))
			n = i & ~(page - 1);
	if (n == 0)
		return 0;
	s->cut = (struct sh_run){unit, s->unit, n};
	sh_run_busy(m, &s->cut);
	SH_STEP("mem_stray_ready");
	sh_commit(m->h);
	return 0;
}

/* of a window. 0, or -errno */
static int take_in(struct sh_mem *m, unsigned w, const _Atomic bool *quit)
{
	struct sh_walk walk = {.last = 0};
	struct search s = {.unit = first_of(w)};
	uint32_t end = end_of(m, w);
	int r = 1;

	while (r > 0 && (s.unit = next_stray(m, w, s.unit, end)) < end && (quit == NULL || !U(*quit))) {
		s.met = false;
		s.cut.units = 0;
		do {
			r = sh_walk_slice(&walk, visit, &s);
		} while (r > 0 && !s.met);
		if (s.cut.units == 0) {
			s.unit++;
			continue;
		}
		SH_STEP("mem_stray_cut");
		sh_back_clear(m, s.cut.unit, s.cut.units);
		SH_STEP("mem_stray_punched");
		sh_pages_unhold(m,
				&(struct sh_hold){.want = {s.cut.unit, s.cut.unit, s.cut.units}, .units = s.cut.units});
		s.unit += s.cut.units;
	}
	return r < 0 ? r : 0;
}

int64_t sh_strays_take(struct sh_mem *m, const _Atomic bool *quit)
{
	static _Atomic uint64_t stayed; /* relaxed: of two who look at once one may look in vain */
	uint64_t was = excess(m), is;
	int r = 0;

	if (was == 0 || (quit != NULL && was == U(stayed)))
		return 0;
	for (unsigned w = 0; r == 0 && w < SH_WINDOWS; w++)
		if (m->w[w].heap != NULL)
			r = take_in(m, w, quit);
	is = excess(m);
	sh_store_rlx(&stayed, r == 0 ? is : 0);
	if (is < was)
		return (int64_t)((was - is + SH_UNIT - 1) >> SH_UNIT_SHIFT);
	return r;
}
