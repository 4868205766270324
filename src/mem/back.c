/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * back.c - which units have pages
 *
 * A bit for each unit says so (struct sh_step). Bits and pages are brought together a step of 2 MiB at a time, and only for
 * units of a BUSY run: they are nobody else's. What is worked on is written down first (struct sh_work); then a page is
 * backed before its bit is set, and a bit is cleared before its page is punched out. Words change under G; the kernel gives and
 * takes pages with no lock held, so a member that is stopped there holds up nobody. After a death whatever in its stretch has
 * no bit is punched, and pg.backed is counted anew from the bits and from what others are working on: by who has G after the
 * dead, who hears of the death, who needs pages in that stretch, or who finds too few.
 *
 * pg.backed is raised before a page is backed, and lowered after it is punched: --memory-max is exact. The files grow by
 * sh_file_back() alone, after a look at RLIMIT_FSIZE: no SIGBUS, no SIGXFSZ.
 *
 * Process-private state: why huge pages by joining were given up, until it is said.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "mem/heap.h"
#include "mem/limit.h"
#include "mem/priv.h"
#include "proc/proc.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define ROW ((uint64_t)SH_WINDOWS * sizeof(struct sh_step))
#define PATIENCE_NS SH_NS_PER_S		       /* for a place among those at work */
#define ASK_MAX ((32u << 20) >> SH_UNIT_SHIFT) /* so much is looked for at a time, so that little is backed in vain */
#define PTES 512			       /* bytes that a member's page tables have a byte for */
#define LOOK (-ENODATA)			       /* of begin_fn: the machine has to be asked, with no lock held */
#define LESS (-E2BIG)			       /* there is room, but not for so much at once */
#define U(w) sh_load_rlx(&(w))		       /* relaxed: under the lock, or of a run that the caller has */

int sh_back_tables(struct sh_mem *m, unsigned w, uint32_t was, uint32_t end)
{
	uint64_t from, to;
	int r;

	from = sh_page_down((uint64_t)was * sizeof(struct sh_desc));
	to = sh_page_up((uint64_t)end * sizeof(struct sh_desc));
	r = sh_file_back(m->w[w].fd_desc, from, to - from);
	if (r < 0)
		return r;
	SH_STEP("mem_desc_backed");
	/* rows of all windows: below those of this one's old end all are backed, so the file has no holes */
	from = sh_page_down(was / SH_STEP_UNITS * ROW);
	to = sh_page_up((end + SH_STEP_UNITS - 1) / SH_STEP_UNITS * ROW);
	r = sh_file_back(sh_group_fd(SH_FD_STEPS), from, to - from);
	SH_STEP("mem_steps_backed");
	return r;
}

/* ---- bits ---- */

uint32_t sh_run_missing(const struct sh_mem *m, uint32_t u, uint32_t n)
{
	uint32_t missing = 0;

	for (uint32_t end = u + n; u < end;) {
		uint32_t k = 64 - u % 64 < end - u ? 64 - u % 64 : end - u;
		uint64_t mask = (k == 64 ? ~0ull : (1ull << k) - 1) << u % 64;

		missing += k - (uint32_t)__builtin_popcountll(U(sh_step_of(m, u)->bit[u / 64 % 2]) & mask);
		u += k;
	}
	return missing;
}

static void bits_set(struct sh_mem *m, uint32_t u, uint32_t n, bool on)
{
	for (uint32_t end = u + n; u < end;) {
		uint32_t k = 64 - u % 64 < end - u ? 64 - u % 64 : end - u;
		uint64_t mask = (k == 64 ? ~0ull : (1ull << k) - 1) << u % 64;
		_Atomic uint64_t *word = &sh_step_of(m, u)->bit[u / 64 % 2];

		if (on)
			sh_or(word, mask);
		else
			sh_and(word, ~mask);
		u += k;
	}
}

/* the first stretch of [u, end) whose units are backed, or not: its start and length, 0 if there is none */
static uint32_t stretch(const struct sh_mem *m, uint32_t *u, uint32_t end, bool backed)
{
	uint32_t n = 0;

	while (*u < end && sh_unit_backed(m, *u) != backed)
		++*u;
	while (*u + n < end && sh_unit_backed(m, *u + n) == backed)
		n++;
	return n;
}

/* ---- pages: no lock is needed, the run is the caller's ---- */

static uint64_t at(uint32_t u)
{
	return (uint64_t)sh_unit_idx(u) << SH_UNIT_SHIFT;
}

/* what has no bit in this stretch shall have no page */
static void punch_rest(struct sh_mem *m, uint32_t u, uint32_t n)
{
	uint32_t end = u + n, k;

	while ((k = stretch(m, &u, end, false)) > 0) {
		sh_file_punch(m->w[sh_unit_w(u)].fd_heap, at(u), (uint64_t)k << SH_UNIT_SHIFT);
		u += k;
	}
}

void sh_back_clear(struct sh_mem *m, uint32_t u, uint32_t n)
{
	punch_rest(m, u, n);
}

/* the file is at least that long; others may make it longer at the same time, and none shorter: it is sealed */
static bool reach(int fd, uint64_t end)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	while ((uint64_t)st.st_size < end && ftruncate(fd, (off_t)end) < 0)
		if (errno != EPERM || fstat(fd, &st) < 0 || (uint64_t)st.st_size < end)
			return false;
	return true;
}

/* an errno, until it is said */
static _Atomic int joined_not;

/* a whole step in one go by touching it: so the kernel may take a huge page. false: it would not */
static bool populate(struct sh_mem *m, uint32_t u)
{
	uint64_t end = at(u) + SH_MEM_STEP;

	errno = EFBIG;
	if (!SH_FAIL("mem_populate") && sh_fsize_ok(end) && reach(m->w[0].fd_heap, end) &&
	    madvise(sh_unit_addr(u), SH_MEM_STEP, MADV_POPULATE_WRITE) == 0)
		return true;
	m->thp = m->thp && errno != EINVAL; /* an older kernel */
	sh_store_rlx(&joined_not, errno);   /* relaxed: said once, by whoever sees it */
	return false;
}

/* no lock is held here */
static void say_not_joined(void)
{
	static _Atomic bool said;
	int e = sh_load_rlx(&joined_not);

	if (e == 0 || sh_xchg(&said, true))
		return;
	if (e == EINVAL)
		sh_info("this kernel cannot populate shared memory (MADV_POPULATE_WRITE): pages of 4 KiB are not "
			"joined");
	else
		sh_info("2 MiB of shared memory could not be populated as one piece (%s): they have pages of 4 KiB, "
			"and others "
			"may too",
			strerror(e));
}

/* pages for units that have none */
static int get_pages(struct sh_mem *m, uint32_t u, uint32_t n)
{
	unsigned w = sh_unit_w(u);
	int r;

	if (w == 0 && m->thp && n == SH_STEP_UNITS && populate(m, u))
		return 0;
	r = sh_file_back(m->w[w].fd_heap, at(u), (uint64_t)n << SH_UNIT_SHIFT);
	return w == 1 && r == -ENOBUFS ? -ENOSPC : r; /* no huge page: there may be others */
}

static int get_all_pages(struct sh_mem *m, uint32_t u, uint32_t n)
{
	uint32_t from = u, end = u + n, k;
	int r = 0;

	while (r == 0 && (k = stretch(m, &from, end, false)) > 0) {
		r = get_pages(m, from, k);
		from += k;
	}
	SH_STEP("mem_fill_backed");
	if (r < 0)
		punch_rest(m, u, n);
	return r;
}

/* ---- what is being worked on: under G ---- */

static bool is_gone(sh_id_t id)
{
	return id != sh_self() && (!sh_member_alive(id) || sh_member_probe(id) == 1);
}

static uint32_t unit_of(const struct sh_work *w)
{
	return (uint32_t)U(w->run);
}
static uint32_t units_of(const struct sh_work *w)
{
	return (uint32_t)(U(w->run) >> 32);
}

uint64_t sh_back_pending(const struct sh_mem *m)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < SH_WORKS; i++)
		n += U(m->h->works[i].owner) != 0 ? U(m->h->works[i].held) : 0;
	return n;
}

uint64_t sh_back_at_work(const struct sh_mem *m)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < SH_WORKS; i++)
		n += sh_load_acq(&m->h->works[i].owner) != 0 ? units_of(&m->h->works[i]) : 0; /* A:WORK */
	return n;
}

bool sh_back_left(const struct sh_mem *m, sh_id_t id)
{
	for (unsigned i = 0; i < SH_WORKS; i++)
		if (U(m->h->works[i].owner) == id)
			return true;
	return false;
}

/* under G: lower, and so many are gone: what was granted is for what comes, and giving back grants nothing */
static void count_down(struct sh_pages_hdr *pg, uint64_t to)
{
	uint64_t was = U(pg->backed);

	if (was > to)
		sh_store_rel(&pg->gone, U(pg->gone) + was - to);
	sh_store_rel(&pg->backed, to); /* R:BACKED */
}

static void count_anew(struct sh_mem *m)
{
	struct sh_pages_hdr *pg = &m->h->pg;
	uint64_t held = sh_back_pending(m);

	for (unsigned w = 0; w < SH_WINDOWS; w++) {
		uint32_t end = (uint32_t)U(pg->w[w].end), u = (uint32_t)(w << SH_UNIT_W_SHIFT);

		held += end - sh_run_missing(m, u, end);
	}
	count_down(pg, held);
}

/* Of a dead owner. A page that has bits in part, for they are two words, is there, and has them all then. */
static void settle(struct sh_mem *m, struct sh_work *w)
{
	uint32_t u = unit_of(w), n = units_of(w), missing = sh_run_missing(m, u, n);

	if (m->w[sh_unit_w(u)].page > SH_UNIT && missing != 0 && missing != n)
		bits_set(m, u, n, true);
	punch_rest(m, u, n);
	SH_STEP("mem_back_mended");
	sh_store_rel(&w->owner, 0);
}

/* of the dead, in this stretch, or (n 0) anywhere */
static void settle_dead(struct sh_mem *m, uint32_t u, uint32_t n)
{
	bool any = false;

	for (unsigned i = 0; i < SH_WORKS; i++) {
		struct sh_work *w = &m->h->works[i];

		if (U(w->owner) == 0 || (n != 0 && (unit_of(w) >= u + n || u >= unit_of(w) + units_of(w))) ||
		    !is_gone(U(w->owner)))
			continue;
		settle(m, w);
		any = true;
	}
	if (any)
		count_anew(m);
}

void sh_back_mend(struct sh_mem *m)
{
	settle_dead(m, 0, 0);
	count_anew(m);
}

/* NULL: so many are at work */
static struct sh_work *work_on(struct sh_mem *m, uint32_t u, uint32_t n, uint32_t held)
{
	for (unsigned i = 0; i < SH_WORKS; i++) {
		struct sh_work *w = &m->h->works[i];

		if (U(w->owner) != 0)
			continue;
		sh_store_rel(&w->run, (uint64_t)n << 32 | u);
		sh_store_rel(&w->held, held);
		sh_store_rel(&w->owner, sh_self()); /* R:WORK */
		return w;
	}
	return NULL;
}

/* ---- what the machine has ---- */

/*
 * there, total: bytes that have pages for certain, and that there would be, both with all that ever went; mapped: without.
 * Under G. seen: by me, if I looked.
 */
struct room {
	uint64_t there, total, mapped;
	struct sh_limit_seen seen;
};

/* What is not to be taken, for page tables: every member may touch all that there is, in pages of 4 KiB */
static uint64_t tables_of(const struct sh_mem *m, uint64_t bytes)
{
	uint64_t members = 0, end = sh_load_acq(&m->h->pg.w[0].end) << SH_UNIT_SHIFT; /* A:PGEND */

	for (unsigned slot = 0; slot < SH_MEMBERS; slot++)
		members += sh_member_at(slot, NULL) != 0;
	return members * ((bytes < end ? bytes : end) / PTES);
}

uint64_t sh_back_room(const struct sh_mem *m, uint32_t units)
{
	return sh_limit_room(tables_of(m, (U(m->h->pg.backed) + units) << SH_UNIT_SHIFT));
}

/* Under G: 0, LOOK, LESS, -ENOBUFS. What is in hand may have its pages or not: it counts as taken, and as not seen */
static int room_for(const struct sh_mem *m, uint32_t u, uint32_t missing, struct room *r)
{
	uint64_t backed = U(m->h->pg.backed), ever = backed + U(m->h->pg.gone);

	if (sh_unit_w(u) != 0) /* huge pages were set aside before */
		return 0;
	r->there = (ever - sh_back_pending(m)) << SH_UNIT_SHIFT;
	r->total = (ever + missing) << SH_UNIT_SHIFT;
	r->mapped = (backed + missing) << SH_UNIT_SHIFT;
	if (sh_limit_allows(r->total))
		return 0;
	if (sh_now_ns() >= r->seen.until_ns)
		return LOOK;
	if (r->total > r->seen.bound)
		return -ENOBUFS;
	return (uint64_t)missing << SH_UNIT_SHIFT <= r->seen.part ? 0 : LESS;
}

/* A first look for all of a stretch, so that nothing of it is backed in vain; fill_begins() has the last word on each piece */
static int ask_begins(struct sh_mem *m, uint32_t u, uint32_t n, struct sh_work **w, struct room *room)
{
	int r = room_for(m, u, sh_run_missing(m, u, n), room);

	(void)w;
	return r == LESS ? 0 : r;
}

/* 0; *w NULL: nothing is missing. -ENOMEM, -ENOBUFS; LOOK; LESS; -EBUSY: again, a little later */
static int fill_begins(struct sh_mem *m, uint32_t u, uint32_t n, struct sh_work **w, struct room *room)
{
	struct sh_pages_hdr *pg = &m->h->pg;
	uint32_t missing;
	int r;

	settle_dead(m, u, n);
	missing = sh_run_missing(m, u, n);
	*w = NULL;
	if (missing == 0)
		return 0;
	if (U(pg->backed) + missing > pg->max)
		settle_dead(m, 0, 0);
	if (U(pg->backed) + missing > pg->max)
		return -ENOMEM;
	r = room_for(m, u, missing, room);
	if (r < 0)
		return r;
	*w = work_on(m, u, n, missing);
	if (*w == NULL) {
		settle_dead(m, 0, 0);
		return -EBUSY;
	}
	sh_store_rel(&pg->backed, U(pg->backed) + missing);
	SH_STEP("mem_fill_reserved");
	return 0;
}

static void fill_ends(struct sh_mem *m, struct sh_work *w, bool there)
{
	if (there)
		bits_set(m, unit_of(w), units_of(w), true);
	else
		count_down(&m->h->pg, U(m->h->pg.backed) - U(w->held));
	SH_STEP("mem_fill_marked");
	sh_store_rel(&w->owner, 0);
}

static int punch_begins(struct sh_mem *m, uint32_t u, uint32_t n, struct sh_work **w, struct room *room)
{
	uint32_t held;

	(void)room;
	settle_dead(m, u, n);
	held = n - sh_run_missing(m, u, n);
	*w = NULL;
	if (held == 0)
		return 0;
	*w = work_on(m, u, n, 0);
	if (*w == NULL) {
		settle_dead(m, 0, 0);
		return -EBUSY;
	}
	bits_set(m, u, n, false);
	sh_store_rel(&(*w)->held, held);
	SH_STEP("mem_punch_marked");
	return 0;
}

static void punch_ends(struct sh_mem *m, struct sh_work *w)
{
	count_down(&m->h->pg, U(m->h->pg.backed) - U(w->held));
	sh_store_rel(&w->owner, 0);
}

/* G cannot be had: whoever has it next, and needs the place or the stretch, ends it as for the dead */
static int forsake(struct sh_work *w, int err)
{
	if (err == -ETIMEDOUT) {
		sh_store_rel(&w->owner, SH_NOBODY);
		SH_STEP("late_work");
		sh_decay_late();
	}
	return err;
}

/* ---- a piece of a run that the caller has: begun under G, worked on without, and ended under G ---- */

typedef int begin_fn(struct sh_mem *m, uint32_t u, uint32_t n, struct sh_work **w, struct room *room);

/* 0: begun, or (*w NULL) nothing to do. G is held then if the gate wants that, or it was not begun and G is free */
static int begin(struct sh_mem *m, uint32_t u, uint32_t n, const struct sh_back_gate *gate, begin_fn *fn,
		 struct sh_work **w)
{
	uint64_t dl = sh_deadline(PATIENCE_NS);
	struct room room = {.total = 0};
	int r;

	for (;;) {
		r = sh_mem_lock_grow(&m);
		if (r < 0)
			return r;
		r = gate->fn(m, gate->arg);
		if (r == 0)
			r = fn(m, u, n, w, &room);
		if (r == 0 && *w != NULL && gate->whole)
			return 0;
		sh_mem_unlock_grow(m);
		if (r != -EBUSY && r != LOOK)
			return r;
		if (sh_left_ns(dl) == 0)
			return r == LOOK ? -ENOBUFS : -ENOMEM;
		if (r == LOOK)
			room.seen = sh_limit_look(room.there, tables_of(m, room.mapped));
		else
			sh_breathe();
	}
}

/* who began to observe meanwhile has not heard of these pages: they go, and come the other way */
static int fill_piece(struct sh_mem *m, uint32_t u, uint32_t n, const struct sh_back_gate *gate)
{
	struct sh_work *w = NULL;
	int r = begin(m, u, n, gate, fill_begins, &w), e;

	if (r < 0 || w == NULL)
		return r;
	r = get_all_pages(m, u, n);
	if (!gate->whole) {
		e = sh_mem_lock_grow(&m);
		if (e < 0)
			return forsake(w, e);
		e = r == 0 ? gate->fn(m, gate->arg) : 0;
		if (e != 0) {
			punch_rest(m, u, n);
			r = e;
		}
	}
	fill_ends(m, w, r == 0);
	sh_mem_unlock_grow(m);
	return r;
}

static int punch_piece(struct sh_mem *m, uint32_t u, uint32_t n, const struct sh_back_gate *gate)
{
	struct sh_work *w = NULL;
	int r = begin(m, u, n, gate, punch_begins, &w);

	if (r < 0 || w == NULL)
		return r;
	punch_rest(m, u, n);
	SH_STEP("mem_punch_done");
	if (!gate->whole)
		r = sh_mem_lock_grow(&m);
	if (r < 0)
		return forsake(w, r);
	punch_ends(m, w);
	sh_mem_unlock_grow(m);
	return 0;
}

/* ---- of a run that the caller has ---- */

/* the part of [u, end) that lies in one step */
static uint32_t piece(uint32_t u, uint32_t end)
{
	uint32_t n = SH_STEP_UNITS - u % SH_STEP_UNITS;

	return n < end - u ? n : end - u;
}

/* units, by what was seen a moment ago */
static uint32_t at_once(void)
{
	uint64_t units = sh_limit_part() >> SH_UNIT_SHIFT;

	return units < 1 ? 1 : units < SH_STEP_UNITS ? (uint32_t)units : SH_STEP_UNITS;
}

/* a stretch of at most ASK_MAX units: so much is asked of the machine at a time */
static int fill_some(struct sh_mem *m, uint32_t u, uint32_t end, const struct sh_back_gate *gate)
{
	struct sh_work *none = NULL;
	uint32_t most;
	int r;

	if (sh_run_missing(m, u, end - u) == 0)
		return 0;
	r = begin(m, u, end - u, gate, ask_begins, &none);
	most = sh_unit_w(u) == 0 ? at_once() : SH_STEP_UNITS;
	for (uint32_t k; r == 0 && u < end; u += k) {
		k = piece(u, end);
		k = k < most ? k : most;
		if (sh_run_missing(m, u, k) != 0)
			r = fill_piece(m, u, k, gate);
		if (r != LESS)
			continue;
		most = k / 2; /* of one unit it is never said */
		k = 0;
		r = 0;
	}
	return r;
}

int sh_back_fill(struct sh_mem *m, uint32_t u, uint32_t n, const struct sh_back_gate *gate)
{
	uint32_t page = (uint32_t)(m->w[sh_unit_w(u)].page >> SH_UNIT_SHIFT), missing, end = u + n;
	struct sh_pages_hdr *pg = &m->h->pg;
	int r = 0;

	if (page > 1) { /* whole pages: the BUSY run has them, for what has no page is free in whole pages */
		u &= ~(page - 1);
		end = (end + page - 1) & ~(page - 1);
	}
	missing = sh_run_missing(m, u, end - u);
	/* a first look, so that nothing is backed for who cannot get all of it; relaxed: fill() looks again */
	if (U(pg->backed) + missing > pg->max)
		return -ENOMEM;
	if (missing > ASK_MAX && sh_unit_w(u) == 0 && sh_back_room(m, missing) < (uint64_t)missing << SH_UNIT_SHIFT)
		return -ENOBUFS;
	if (page > 1 && missing > page && sh_huge_free() < missing / page)
		return -ENOSPC;
	for (uint32_t k; r == 0 && u < end; u += k) {
		k = end - u < ASK_MAX ? end - u : ASK_MAX;
		r = fill_some(m, u, u + k, gate);
	}
	say_not_joined();
	sh_watch_holes(m);
	return r;
}

int sh_back_punch(struct sh_mem *m, uint32_t u, uint32_t n, const struct sh_back_gate *gate)
{
	int r = 0;

	for (uint32_t end = u + n, k; r == 0 && u < end; u += k) {
		k = piece(u, end);
		if (sh_run_missing(m, u, k) != k)
			r = punch_piece(m, u, k, gate);
	}
	sh_watch_holes(m);
	return r;
}
