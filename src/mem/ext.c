/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ext.c - who has which bytes of the chunk
 *
 * Extents are described outside the memory they describe (free memory has no pages), in one list in order of address
 * that covers the data without a gap. Best fit, lowest address among equals; free neighbours are joined at once. Linear
 * in the number of extents: zones are few. What needs to be fast comes from a heap above this.
 *
 * All changes are part of the caller's journalled change.
 */
#include <errno.h>

#include "base/fault.h"
#include "mem/priv.h"

#define U(w) sh_load_rlx(&(w)) /* relaxed: under the lock */

/* lowest place at or after off that is aligned and whose len bytes do not cross a multiple of bound */
static uint64_t place(const struct sh_mem *m, uint64_t off, uint64_t len, uint64_t align, uint64_t bound)
{
	uint64_t base = (uint64_t)(uintptr_t)m->h, a = (base + off + align - 1) & ~(align - 1);

	if (bound != 0 && (a & ~(bound - 1)) != ((a + len - 1) & ~(bound - 1)))
		a = (a + bound - 1) &
		    ~(bound - 1); /* aligned still: a crossing means that bound > align or a is on it */
	return a - base;
}

/* how much fits in [off, end), 0: not enough */
static bool fits(const struct sh_mem *m, const struct sh_ext *e, uint64_t len, uint64_t align, uint64_t bound,
		 struct sh_fit *f)
{
	uint64_t end = U(e->off) + U(e->len);

	f->off = place(m, U(e->off), len != 0 ? len : 1, align, bound);
	if (f->off >= end)
		return false;
	f->len = len != 0 ? len : (end - f->off) & ~63ull;
	return f->len != 0 && f->len <= end - f->off;
}

bool sh_ext_find(struct sh_mem *m, uint64_t len, uint64_t align, uint64_t bound, struct sh_fit *fit)
{
	const struct sh_mem_hdr *h = m->h;
	uint64_t best = 0;
	bool found = false;

	for (uint32_t i = (uint32_t)U(h->ext_first); i != 0; i = sh_ext_next(U(h->ext[i].link))) {
		const struct sh_ext *e = &h->ext[i];
		struct sh_fit f = {.ext = i};

		if (U(e->use) != SH_EXT_FREE || !fits(m, e, len, align, bound, &f))
			continue;
		if (!found || (len != 0 ? U(e->len) < best : f.len > best)) {
			found = true;
			best = len != 0 ? U(e->len) : f.len;
			*fit = f;
		}
	}
	return found;
}

/* a descriptor: from the unused ones, or one more of the table */
static int ext_new(struct sh_mem *m, uint32_t *ret)
{
	struct sh_mem_hdr *h = m->h;
	uint64_t i = U(h->ext_unused);
	int r;

	if (i != 0) {
		sh_set(h, &h->ext_unused, U(h->ext[i].link));
		*ret = (uint32_t)i;
		return 0;
	}
	i = U(h->ext_high);
	if (i >= SH_EXT_SLOTS)
		return -ENOSPC;
	r = sh_mem_back_entry(m, &h->ext[i]);
	if (r < 0)
		return r;
	sh_set(h, &h->ext_high, i + 1);
	*ret = (uint32_t)i;
	return 0;
}

static void ext_drop(struct sh_mem_hdr *h, uint32_t i)
{
	sh_set(h, &h->ext[i].use, SH_EXT_NONE);
	sh_set(h, &h->ext[i].link, U(h->ext_unused));
	sh_set(h, &h->ext_unused, i);
}

static void set_next(struct sh_mem_hdr *h, uint32_t i, uint32_t next)
{
	sh_set(h, &h->ext[i].link, sh_ext_link(sh_ext_prev(U(h->ext[i].link)), next));
}

static void set_prev(struct sh_mem_hdr *h, uint32_t i, uint32_t prev)
{
	sh_set(h, &h->ext[i].link, sh_ext_link(prev, sh_ext_next(U(h->ext[i].link))));
}

/* cut extent i after len bytes: the rest becomes an extent of its own, free, behind it */
static int split(struct sh_mem *m, uint32_t i, uint64_t len, uint32_t *rest)
{
	struct sh_mem_hdr *h = m->h;
	uint32_t n, next = sh_ext_next(U(h->ext[i].link));
	int r = ext_new(m, &n);

	if (r < 0)
		return r;
	sh_set(h, &h->ext[n].off, U(h->ext[i].off) + len);
	sh_set(h, &h->ext[n].len, U(h->ext[i].len) - len);
	sh_set(h, &h->ext[n].link, sh_ext_link(i, next));
	sh_set(h, &h->ext[n].use, SH_EXT_FREE);
	sh_set(h, &h->ext[i].len, len);
	SH_STEP("mem_ext_half_split");
	set_next(h, i, n);
	if (next != 0)
		set_prev(h, next, n);
	*rest = n;
	return 0;
}

int sh_ext_take(struct sh_mem *m, const struct sh_fit *fit, uint64_t use, uint32_t *ret)
{
	struct sh_mem_hdr *h = m->h;
	uint32_t i = fit->ext, rest;
	uint64_t front = fit->off - U(h->ext[i].off);
	int r;

	if (front > 0) {
		r = split(m, i, front, &i);
		if (r < 0)
			return r;
	}
	if (U(h->ext[i].len) > fit->len) {
		r = split(m, i, fit->len, &rest);
		if (r < 0)
			return r;
	}
	sh_set(h, &h->ext[i].use, use);
	sh_set(h, &h->used, U(h->used) + fit->len);
	*ret = i;
	return 0;
}

/* join b, the free one behind the free one a, to a */
static void join(struct sh_mem_hdr *h, uint32_t a, uint32_t b)
{
	uint32_t next = sh_ext_next(U(h->ext[b].link));

	sh_set(h, &h->ext[a].len, U(h->ext[a].len) + U(h->ext[b].len));
	SH_STEP("mem_ext_half_joined");
	set_next(h, a, next);
	if (next != 0)
		set_prev(h, next, a);
	ext_drop(h, b);
}

uint32_t sh_ext_give(struct sh_mem *m, uint32_t i)
{
	struct sh_mem_hdr *h = m->h;
	uint32_t prev = sh_ext_prev(U(h->ext[i].link)), next = sh_ext_next(U(h->ext[i].link));

	sh_set(h, &h->used, U(h->used) - U(h->ext[i].len));
	sh_set(h, &h->ext[i].use, SH_EXT_FREE);
	if (next != 0 && U(h->ext[next].use) == SH_EXT_FREE)
		join(h, i, next);
	if (prev == 0 || U(h->ext[prev].use) != SH_EXT_FREE)
		return i;
	join(h, prev, i);
	return prev;
}

void sh_ext_pages(struct sh_mem *m, uint32_t i, uint64_t off, uint64_t len, uint64_t *poff, uint64_t *plen)
{
	const struct sh_ext *e = &m->h->ext[i];
	uint64_t from = sh_page_up(U(e->off)), to = sh_page_down(U(e->off) + U(e->len));

	if (from < sh_page_down(off))
		from = sh_page_down(off);
	if (to > sh_page_up(off + len))
		to = sh_page_up(off + len);
	*poff = from;
	*plen = to > from ? to - from : 0;
}
