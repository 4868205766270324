/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * back.c - which units have pages
 *
 * A bit for each unit says so (struct sh_step). Bits and pages are brought together under G, a step of 2 MiB at a time, and
 * only for units of a BUSY run: they are nobody else's. What is worked on is written down first (pg.work_*); then a page is
 * backed before its bit is set, and a bit is cleared before its page is punched out. So after a death whatever in that
 * stretch has no bit is punched, and pg.backed is counted anew from the bits.
 *
 * pg.backed is raised before a page is backed: --memory-max is exact. The files grow by sh_file_back() alone, after a look at
 * RLIMIT_FSIZE: no SIGBUS, no SIGXFSZ.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "mem/limit.h"
#include "mem/priv.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define ASK_MAX ((32u << 20) >> SH_UNIT_SHIFT) /* half of the margin that is left of the machine's memory */
#define U(w) sh_load_rlx(&(w))		       /* relaxed: under the lock, or of a run that the caller has */

int sh_back_tables(struct sh_mem *m, unsigned w, uint32_t end)
{
	uint64_t was = U(m->h->pg.w[w].end), from, to;
	int r;

	from = sh_page_down(was * sizeof(struct sh_desc));
	to = sh_page_up((uint64_t)end * sizeof(struct sh_desc));
	r = sh_file_back(m->w[w].fd_desc, from, to - from);
	if (r < 0)
		return r;
	SH_STEP("mem_desc_backed");
	from = (uint64_t)w * SH_STEPS_MAX + was / SH_STEP_UNITS;
	to = (uint64_t)w * SH_STEPS_MAX + (end + SH_STEP_UNITS - 1) / SH_STEP_UNITS;
	from = sh_page_down(SH_STEPS_OFF + from * sizeof(struct sh_step));
	to = sh_page_up(SH_STEPS_OFF + to * sizeof(struct sh_step));
	r = sh_file_back(m->fd, from, to - from);
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

/* ---- under G ---- */

static void work_on(struct sh_mem *m, uint32_t u, uint32_t n)
{
	sh_store_rel(&m->h->pg.work_unit, u);
	sh_store_rel(&m->h->pg.work_n, n);
}

static void work_done(struct sh_mem *m)
{
	sh_store_rel(&m->h->pg.work_n, 0);
}

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

/* a whole step in one go by touching it: so the kernel may take a huge page. false: it would not */
static bool populate(struct sh_mem *m, uint32_t u)
{
	uint64_t end = at(u) + SH_MEM_STEP;
	int fd = m->w[0].fd_heap;
	struct stat st;

	if (!sh_fsize_ok(end) || fstat(fd, &st) < 0 || ((uint64_t)st.st_size < end && ftruncate(fd, (off_t)end) < 0))
		return false;
	if (madvise(sh_unit_addr(u), SH_MEM_STEP, MADV_POPULATE_WRITE) == 0)
		return true;
	m->thp = m->thp && errno != EINVAL; /* an older kernel */
	return false;
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

static int fill(struct sh_mem *m, uint32_t u, uint32_t n)
{
	struct sh_pages_hdr *pg = &m->h->pg;
	uint32_t missing = sh_run_missing(m, u, n), from = u, end = u + n, k;
	int r = 0;

	if (missing == 0)
		return 0;
	if (U(pg->backed) + missing > pg->max)
		return -ENOMEM;
	work_on(m, u, n);
	sh_store_rel(&pg->backed, U(pg->backed) + missing);
	SH_STEP("mem_fill_reserved");
	while (r == 0 && (k = stretch(m, &from, end, false)) > 0) {
		r = get_pages(m, from, k);
		from += k;
	}
	SH_STEP("mem_fill_backed");
	if (r == 0) {
		bits_set(m, u, n, true);
	} else {
		punch_rest(m, u, n);
		sh_store_rel(&pg->backed, U(pg->backed) - missing);
	}
	SH_STEP("mem_fill_marked");
	work_done(m);
	return r;
}

static void unfill(struct sh_mem *m, uint32_t u, uint32_t n)
{
	struct sh_pages_hdr *pg = &m->h->pg;
	uint32_t held = n - sh_run_missing(m, u, n);

	if (held == 0)
		return;
	work_on(m, u, n);
	bits_set(m, u, n, false);
	SH_STEP("mem_punch_marked");
	punch_rest(m, u, n);
	SH_STEP("mem_punch_done");
	sh_store_rel(&pg->backed, U(pg->backed) - held);
	work_done(m);
}

void sh_back_mend(struct sh_mem *m)
{
	struct sh_pages_hdr *pg = &m->h->pg;
	uint64_t held = 0;

	if (U(pg->work_n) != 0) {
		uint32_t u = (uint32_t)U(pg->work_unit), n = (uint32_t)U(pg->work_n);

		if (m->w[sh_unit_w(u)].page > SH_UNIT && sh_run_missing(m, u, n) != 0)
			bits_set(m, u, n, false); /* a page of which some units have no bit cannot go in part */
		punch_rest(m, u, n);
		SH_STEP("mem_back_mended");
		work_done(m);
	}
	for (unsigned w = 0; w < SH_WINDOWS; w++) {
		uint32_t end = (uint32_t)U(pg->w[w].end), u = (uint32_t)(w << SH_UNIT_W_SHIFT);

		held += end - sh_run_missing(m, u, end);
	}
	sh_store_rel(&pg->backed, held);
}

/* ---- of a run that the caller has ---- */

/* the part of [u, end) that lies in one step */
static uint32_t piece(uint32_t u, uint32_t end)
{
	uint32_t n = SH_STEP_UNITS - u % SH_STEP_UNITS;

	return n < end - u ? n : end - u;
}

/* a stretch of at most ASK_MAX units: so much is asked of the machine at a time */
static int fill_some(struct sh_mem *m, uint32_t u, uint32_t end, sh_back_gate gate, void *arg)
{
	uint32_t missing = sh_run_missing(m, u, end - u);
	int r = 0;

	/* huge pages were set aside before */
	if (missing != 0 && sh_unit_w(u) == 0 && !sh_limit_ask((uint64_t)missing << SH_UNIT_SHIFT))
		return -ENOBUFS;
	for (uint32_t k; r == 0 && u < end; u += k) {
		k = piece(u, end);
		if (sh_run_missing(m, u, k) == 0)
			continue;
		r = sh_mem_lock_grow(&m);
		if (r < 0)
			return r;
		r = gate(m, arg);
		if (r == 0)
			r = fill(m, u, k);
		sh_mem_unlock_grow(m);
	}
	return r;
}

int sh_back_fill(struct sh_mem *m, uint32_t u, uint32_t n, sh_back_gate gate, void *arg)
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
	if (missing > ASK_MAX && sh_unit_w(u) == 0 && sh_limit_room() < (uint64_t)missing << SH_UNIT_SHIFT)
		return -ENOBUFS;
	if (page > 1 && missing > page && sh_huge_free() < missing / page)
		return -ENOSPC;
	for (uint32_t k; r == 0 && u < end; u += k) {
		k = end - u < ASK_MAX ? end - u : ASK_MAX;
		r = fill_some(m, u, u + k, gate, arg);
	}
	return r;
}

int sh_back_punch(struct sh_mem *m, uint32_t u, uint32_t n, sh_back_gate gate, void *arg)
{
	int r = 0;

	for (uint32_t end = u + n, k; r == 0 && u < end; u += k) {
		k = piece(u, end);
		if (sh_run_missing(m, u, k) == k)
			continue;
		r = sh_mem_lock_grow(&m);
		if (r < 0)
			return r;
		r = gate(m, arg);
		if (r == 0)
			unfill(m, u, k);
		sh_mem_unlock_grow(m);
	}
	return r;
}
