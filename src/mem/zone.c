/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * zone.c - memzones: a name, the bytes, and the descriptor that users hold
 *
 * A zone of more than 32 KiB has a run of its own; smaller ones have a place in a run of places of one size (layout.h,
 * ZSPAN). Run or place, slot and name are one commit. Pages come before that, when no lock is held: until then the run is
 * BUSY, and whoever made it so gives it back when the name has been taken meanwhile. Names are looked up in look.c.
 *
 * The play of a reserve and a free, with what each survivor sees after a death at any step, is in README.md.
 */
#include <errno.h>
#include <string.h>

#include "base/fault.h"
#include "mem/heap.h"
#include "mem/priv.h"
#include "proc/proc.h"

#define U(w) sh_load_rlx(&(w)) /* relaxed: under the lock */

static _Atomic uint32_t wanted = 2560; /* RTE_MAX_MEMZONE; what a group created by this process gets */

uint32_t sh_zone_wanted(void)
{
	return sh_load_rlx(&wanted);
} /* relaxed: set before init */

int sh_zone_max_set(size_t max)
{
	if (sh_ctx.mem != NULL)
		return -EBUSY;
	if (max == 0 || max > SH_ZONE_SLOTS)
		return -EINVAL;
	sh_store_rlx(&wanted, (uint32_t)max);
	return 0;
}

size_t sh_zone_max(void)
{
	const struct sh_mem *m = sh_ctx.mem;

	return m != NULL ? m->h->zone_max : sh_load_rlx(&wanted);
}

static int free_slot(struct sh_mem *m, uint32_t *ret)
{
	struct sh_mem_hdr *h = m->h;
	uint64_t high = U(h->zone_high);
	int r;

	for (uint32_t i = 0; i < high; i++)
		if (U(h->zones[i].use) == 0) {
			*ret = i;
			return 0;
		}
	if (high >= SH_ZONE_SLOTS)
		return -ENOSPC;
	r = sh_mem_back_entry(m, &h->zones[high]);
	if (r < 0)
		return r;
	sh_set(h, &h->zone_high, high + 1);
	*ret = (uint32_t)high;
	return 0;
}

/* ---- classes of small zones ---- */

/* 64, 128, 192, 256, then four to each power of 2 up to 32 KiB */
uint32_t sh_zclass_size(unsigned c)
{
	if (c < 4)
		return 64 * (c + 1);
	return (uint32_t)(5 + (c - 4) % 4) << (6 + (c - 4) / 4);
}

uint32_t sh_zclass_units(unsigned c)
{
	return (sh_zclass_size(c) * 8 + (uint32_t)SH_UNIT - 1) >> SH_UNIT_SHIFT;
}

uint32_t sh_zclass_places(unsigned c)
{
	uint32_t n = (uint32_t)((sh_zclass_units(c) * SH_UNIT) / sh_zclass_size(c));

	return n < SH_ZPLACES ? n : SH_ZPLACES;
}

/* the smallest whose places are as long and aligned as that; SH_ZCLASSES: none */
static unsigned class_of(uint64_t len, uint64_t align)
{
	unsigned c = 0;

	while (c < SH_ZCLASSES && (sh_zclass_size(c) < len || sh_zclass_size(c) % align != 0))
		c++;
	return c;
}

/* ---- reserve ---- */

/* an ask as this file handles it */
struct want {
	const struct sh_zone_ask *ask;
	uint64_t len;
	unsigned class; /* SH_ZCLASSES: a run of its own */
	struct sh_pages_ask pages;
};

static int plan(const struct sh_zone_ask *ask, struct want *w)
{
	uint64_t align = ask->align, p = 64;

	*w = (struct want){.ask = ask, .len = ask->len, .class = SH_ZCLASSES};
	if (ask->bound != 0) { /* aligned to a power of 2 that is no smaller than itself it crosses no larger one */
		while (p < ask->len)
			p *= 2;
		align = align > p ? align : p;
	}
	w->pages.page = ask->huge ? SH_PAGE_2M : SH_PAGE_ANY;
	if (ask->len != 0 && ask->len <= SH_ZONE_SMALL && align <= 4096 && !ask->huge)
		w->class = class_of(ask->len, align);
	w->pages.zero = w->class == SH_ZCLASSES; /* a place is wiped when it is taken */
	w->pages.kind = w->class < SH_ZCLASSES ? SH_PG_ZSPAN : SH_PG_ZONE;
	if (ask->len > ((uint64_t)UINT32_MAX << SH_UNIT_SHIFT))
		return -ENOMEM;
	w->pages.units = w->class < SH_ZCLASSES ? sh_zclass_units(w->class)
						: (uint32_t)((ask->len + SH_UNIT - 1) >> SH_UNIT_SHIFT);
	if (w->class == SH_ZCLASSES && align > SH_UNIT)
		w->pages.align = (uint32_t)(align >> SH_UNIT_SHIFT);
	return 0;
}

/* a free place of this run; it leaves the list with the last. Its address */
static void *take_place(struct sh_mem *m, uint32_t u, unsigned c)
{
	struct sh_mem_hdr *h = m->h;
	struct sh_desc *d = sh_desc(u);
	uint32_t n = sh_zclass_places(c), i = 0, taken = 0;
	void *at = NULL;

	for (; i < n; i++) {
		uint64_t word = U(d->own[i / 64]);

		if ((word >> i % 64 & 1) != 0) {
			taken++;
		} else if (at == NULL) {
			at = (unsigned char *)sh_unit_addr(u) + (size_t)i * sh_zclass_size(c);
			sh_set(h, &d->own[i / 64], word | 1ull << i % 64);
			taken++;
		}
	}
	SH_STEP("mem_place_taken");
	if (taken == n)
		sh_run_unlink(m, &h->zspan[c], u);
	return at;
}

/* nobody sees it yet: plain stores, published with the name */
static void describe(struct sh_mem *m, struct rte_memzone *mz, const struct want *w, void *addr, uint64_t len)
{
	union sh_zone_words z = {{{0}}};

	memcpy(z.mz.name, w->ask->name, strnlen(w->ask->name, sizeof(z.mz.name) - 1));
	z.mz.addr = addr;
	z.mz.iova = (rte_iova_t)(uintptr_t)addr; /* addresses are the IO addresses: there is one range for all */
	z.mz.len = len;
	z.mz.hugepage_sz = m->w[sh_unit_w(sh_addr_unit(addr))].page;
	z.mz.socket_id = w->ask->socket > 0 ? w->ask->socket : 0;
	sh_fence(); /* as in sh_dir_add(): a walk may look at the zone that this one was */
	for (unsigned i = 0; i < SH_ZONE_WORDS; i++)
		sh_store_rlx((sh_w64 *)(void *)mz + i, z.w[i]);
}

static int may_enter(const struct sh_mem *m, const struct sh_zone_ask *ask)
{
	if (sh_dir_find(m->h, SH_KIND_ZONE, ask->name) >= 0)
		return -EEXIST;
	return U(m->h->zone_n) >= m->h->zone_max ? -ENOSPC : 0;
}

/* the run or the place: its first unit, and its address. hold: a BUSY run to make it of */
static uint32_t place(struct sh_mem *m, const struct want *w, uint32_t slot, const struct sh_hold *hold, void **addr)
{
	struct sh_mem_hdr *h = m->h;
	uint32_t u;

	if (hold != NULL) {
		u = hold->want.unit;
		sh_run_recut(m, hold->want.free, u, hold->want.units, w->pages.kind);
		sh_set(h, &sh_desc(u)->owner, w->class < SH_ZCLASSES ? 0 : slot);
		for (unsigned i = 0; i < SH_DESC_OWN; i++)
			sh_set(h, &sh_desc(u)->own[i], i == 4 ? w->class : 0);
		if (w->class < SH_ZCLASSES)
			sh_run_link(m, &h->zspan[w->class], u);
	} else {
		u = (uint32_t)U(h->zspan[w->class]) - 1;
	}
	*addr = sh_unit_addr(u);
	if (w->class < SH_ZCLASSES) {
		*addr = take_place(m, u, w->class);
		memset(*addr, 0, w->len);
	}
	return u;
}

/* every word that changes, under the journal: nothing here is final before the commit */
static int enter(struct sh_mem *m, const struct want *w, const struct sh_hold *hold, uint32_t *ret)
{
	struct sh_mem_hdr *h = m->h;
	uint64_t len = w->len;
	uint32_t slot, u;
	void *addr;
	int r, dir;

	if (len == 0 && hold != NULL) /* as much as there was */
		len = (uint64_t)hold->want.units << SH_UNIT_SHIFT;
	r = free_slot(m, &slot);
	if (r < 0)
		return r;
	u = place(m, w, slot, hold, &addr);
	SH_STEP("mem_place_ready");
	describe(m, &h->zones[slot].mz, w, addr, len);
	dir = sh_dir_add(m, SH_KIND_ZONE, w->ask->name, slot);
	if (dir < 0)
		return dir;
	if (w->ask->mark != 0)
		sh_store_rlx((sh_w64 *)(void *)((char *)addr + w->ask->mark_at),
			     w->ask->mark); /* relaxed: as describe() */
	sh_set(h, &h->zones[slot].run, u);
	sh_set(h, &h->zones[slot].use, (uint64_t)dir + 1);
	sh_set(h, &h->zone_n, U(h->zone_n) + 1);
	sh_set(h, &h->zone_used, U(h->zone_used) + len);
	*ret = slot;
	return 0;
}

/* Under H. hold NULL: of what is there; -EAGAIN: that is nothing, pages are needed first */
static int reserve(struct sh_mem *m, const struct want *w, const struct sh_hold *hold, const struct rte_memzone **ret)
{
	struct sh_mem_hdr *h = m->h;
	uint32_t slot = 0;
	int r = may_enter(m, w->ask);

	if (r < 0)
		return r;
	if (hold == NULL && (w->class == SH_ZCLASSES || U(h->zspan[w->class]) == 0))
		return -EAGAIN;
	r = enter(m, w, hold, &slot);
	if (r < 0) {
		sh_undo_all(h);
		return r;
	}
	SH_STEP("mem_reserve_ready");
	sh_commit(h);
	SH_STEP("mem_reserve_committed");
	*ret = &h->zones[slot].mz;
	sh_mem_settle(m);
	return 0;
}

static int reserve_locked(const struct want *w, const struct sh_hold *hold, const struct rte_memzone **ret)
{
	struct sh_mem *m;
	int r = sh_mem_lock(&m);

	if (r < 0)
		return r;
	r = reserve(m, w, hold, ret);
	sh_mem_unlock(m);
	return r;
}

int sh_zone_reserve(const struct sh_zone_ask *ask, const struct rte_memzone **ret)
{
	struct sh_mem *m = sh_ctx.mem;
	struct sh_hold hold;
	struct want w;
	int r = plan(ask, &w);

	if (m == NULL)
		return -ENODEV;
	if (r == 0)
		r = reserve_locked(&w, NULL, ret);
	if (r != -EAGAIN)
		return r;
	r = sh_pages_hold(&w.pages, &hold);
	if (r == -ENOMEM || r == -ENOBUFS) {
		sh_heap_reclaim();
		r = sh_pages_hold(&w.pages, &hold);
	}
	if (r < 0)
		return r;
	r = reserve_locked(&w, &hold, ret);
	if (r < 0)
		sh_pages_unhold(m, &hold);
	else
		sh_pages_held(m);
	return r;
}

/* ---- free ---- */

/* a place is free; with the last one the run is */
static void give_place(struct sh_mem *m, uint32_t u, const void *addr)
{
	struct sh_mem_hdr *h = m->h;
	struct sh_desc *d = sh_desc(u);
	unsigned c = (uint32_t)U(d->own[4]);
	uint32_t n = sh_zclass_places(c), taken = 0;
	uint32_t i = (uint32_t)((size_t)((const unsigned char *)addr - (unsigned char *)sh_unit_addr(u)) /
				sh_zclass_size(c));

	for (unsigned k = 0; k < 4; k++)
		taken += (uint32_t)__builtin_popcountll(U(d->own[k]));
	if (taken == n)
		sh_run_link(m, &h->zspan[c], u);
	sh_set(h, &d->own[i / 64], U(d->own[i / 64]) & ~(1ull << i % 64));
	SH_STEP("mem_place_given");
	if (taken > 1)
		return;
	sh_run_unlink(m, &h->zspan[c], u);
	(void)sh_run_join(m, u);
}

static void release(struct sh_mem *m, uint32_t slot)
{
	struct sh_mem_hdr *h = m->h;
	struct sh_zone *z = &h->zones[slot];
	uint32_t u = (uint32_t)U(z->run);

	sh_dir_del(m, (uint32_t)(U(z->use) - 1));
	sh_set(h, &z->use, 0);
	sh_set(h, &h->zone_n, U(h->zone_n) - 1);
	sh_set(h, &h->zone_used, U(h->zone_used) - z->mz.len);
	SH_STEP("mem_zone_out");
	if (sh_use_kind(U(sh_desc(u)->use)) == SH_PG_ZSPAN)
		give_place(m, u, z->mz.addr);
	else
		(void)sh_run_join(m, u);
	SH_STEP("mem_free_ready");
	sh_commit(h);
	SH_STEP("mem_free_committed");
	sh_mem_settle(m);
}

/* seen: this very zone or nothing; NULL: whatever the descriptor is */
static int free_guarded(const struct rte_memzone *mz, const struct sh_zone_seen *seen)
{
	struct sh_mem *m;
	int slot, r = sh_mem_lock(&m);

	if (r < 0)
		return r;
	slot = seen == NULL || sh_zone_still(seen) ? sh_zone_slot(m, mz) : -1;
	if (slot >= 0)
		release(m, (uint32_t)slot);
	sh_mem_unlock(m);
	sh_decay_note(m);
	return slot >= 0 ? 0 : -EINVAL;
}

static int free_zone(const struct rte_memzone *mz, const struct sh_zone_seen *seen)
{
	struct sh_mem *m = sh_ctx.mem;
	int slot = m != NULL && sh_self() != 0 ? sh_zone_slot(m, mz) : -1, r;

	if (slot >= 0 && sh_guard_take(&m->h->zones[slot]) < 0)
		return -ETIMEDOUT;
	r = free_guarded(mz, seen);
	if (slot >= 0)
		sh_guard_leave(&m->h->zones[slot]);
	return r;
}

int sh_zone_free(const struct rte_memzone *mz)
{
	return free_zone(mz, NULL);
}

int sh_zone_free_seen(const struct sh_zone_seen *z)
{
	return free_zone(z->mz, z);
}
