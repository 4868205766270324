/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * zone.c - memzones: a name, an extent, and the descriptor that users hold
 *
 * The play of a reserve and a free, with what each survivor sees after a death at any step, is in README.md.
 */
#include <errno.h>
#include <string.h>

#include "base/fault.h"
#include "mem/priv.h"

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

/* nobody sees it yet: plain stores, published with the name */
static void describe(struct sh_mem *m, struct rte_memzone *mz, const struct sh_zone_ask *ask, const struct sh_fit *fit)
{
	memset(mz, 0, sizeof(*mz));
	memcpy(mz->name, ask->name, strnlen(ask->name, sizeof(mz->name) - 1));
	mz->addr = (unsigned char *)m->h + fit->off;
	mz->iova = (rte_iova_t)(uintptr_t)mz->addr; /* addresses are the IO addresses: there is one range for all */
	mz->len = fit->len;
	mz->hugepage_sz = SH_MEM_PAGE;
	mz->socket_id = ask->socket > 0 ? ask->socket : 0;
}

/* every word that changes, under the journal: nothing here is final before the commit */
static int enter(struct sh_mem *m, const struct sh_zone_ask *ask, const struct sh_fit *fit, uint32_t *ret)
{
	struct sh_mem_hdr *h = m->h;
	uint32_t slot, ext;
	int r, dir;

	r = free_slot(m, &slot);
	if (r < 0)
		return r;
	r = sh_ext_take(m, fit, (uint64_t)slot << 8 | SH_EXT_ZONE, &ext);
	if (r < 0)
		return r;
	SH_STEP("mem_extent_taken");
	describe(m, &h->zones[slot].mz, ask, fit);
	dir = sh_dir_add(m, SH_KIND_ZONE, ask->name, slot);
	if (dir < 0)
		return dir;
	sh_set(h, &h->zones[slot].ext, ext);
	sh_set(h, &h->zones[slot].use, (uint64_t)dir + 1);
	sh_set(h, &h->zone_n, U(h->zone_n) + 1);
	sh_set(h, &h->punch_len, 0); /* the pages have an owner from the commit on */
	*ret = slot;
	return 0;
}

/* back the pages of what fits; until the commit they are on the list of what is to be given back */
static int back(struct sh_mem *m, const struct sh_fit *fit)
{
	struct sh_mem_hdr *h = m->h;
	uint64_t off, len, from = sh_page_down(fit->off);

	sh_ext_pages(m, fit->ext, fit->off, fit->len, &off, &len);
	sh_store_rel(&h->punch_off, off);
	sh_store_rel(&h->punch_len, len);
	SH_STEP("mem_pages_claimed");
	return sh_mem_back(m, from, sh_page_up(fit->off + fit->len) - from);
}

static int reserve(struct sh_mem *m, const struct sh_zone_ask *ask, const struct rte_memzone **ret)
{
	struct sh_mem_hdr *h = m->h;
	struct sh_fit fit;
	uint32_t slot = 0;
	int r;

	if (U(h->zone_n) >= h->zone_max)
		return -ENOSPC;
	if (sh_dir_find(h, SH_KIND_ZONE, ask->name) >= 0)
		return -EEXIST;
	if (!sh_ext_find(m, ask->len, ask->align, ask->bound, &fit))
		return -ENOMEM;
	r = back(m, &fit);
	SH_STEP("mem_pages_backed");
	if (r == 0)
		r = enter(m, ask, &fit, &slot);
	if (r < 0) {
		sh_undo_all(h);
	} else {
		SH_STEP("mem_reserve_ready");
		sh_commit(h);
		SH_STEP("mem_reserve_committed");
		*ret = &h->zones[slot].mz;
	}
	sh_mem_settle(m);
	return r;
}

int sh_zone_reserve(const struct sh_zone_ask *ask, const struct rte_memzone **ret)
{
	struct sh_mem *m;
	int r = sh_mem_lock(&m);

	if (r < 0)
		return r;
	r = reserve(m, ask, ret);
	sh_mem_unlock(m);
	return r;
}

/* the slot of a descriptor, or -1: not a pointer that reserve or lookup returned, or the zone is gone */
static int slot_of(const struct sh_mem *m, const struct rte_memzone *mz)
{
	const struct sh_mem_hdr *h = m->h;
	uintptr_t at = (uintptr_t)mz - (uintptr_t)h->zones;

	if ((uintptr_t)mz < (uintptr_t)h->zones || at % sizeof(struct sh_zone) != 0 ||
	    at / sizeof(struct sh_zone) >= U(h->zone_high))
		return -1;
	at /= sizeof(struct sh_zone);
	return U(h->zones[at].use) != 0 ? (int)at : -1;
}

static void release(struct sh_mem *m, uint32_t slot)
{
	struct sh_mem_hdr *h = m->h;
	struct sh_zone *z = &h->zones[slot];
	uint32_t ext = (uint32_t)U(z->ext);
	uint64_t off = U(h->ext[ext].off), len = U(h->ext[ext].len), poff, plen;

	sh_dir_del(m, (uint32_t)(U(z->use) - 1));
	sh_set(h, &z->use, 0);
	sh_set(h, &h->zone_n, U(h->zone_n) - 1);
	SH_STEP("mem_zone_out");
	ext = sh_ext_give(m, ext);
	sh_ext_pages(m, ext, off, len, &poff, &plen);
	sh_set(h, &h->punch_off, poff);
	sh_set(h, &h->punch_len, plen);
	SH_STEP("mem_free_ready");
	sh_commit(h);
	SH_STEP("mem_free_committed");
	sh_mem_settle(m);
}

int sh_zone_free(const struct rte_memzone *mz)
{
	struct sh_mem *m;
	int slot, r = sh_mem_lock(&m);

	if (r < 0)
		return r;
	slot = slot_of(m, mz);
	if (slot >= 0)
		release(m, (uint32_t)slot);
	sh_mem_unlock(m);
	return slot >= 0 ? 0 : -EINVAL;
}

const struct rte_memzone *sh_zone_lookup(const char *name)
{
	const struct sh_mem *m = sh_ctx.mem;
	int i = m != NULL ? sh_dir_find(m->h, SH_KIND_ZONE, name) : -1;

	/* relaxed: behind the word that was seen; an entry that is freed right now gives the zone that it was */
	return i >= 0 ? &m->h->zones[sh_load_rlx(&m->h->dir[i].obj)].mz : NULL;
}

void sh_zone_walk(void (*fn)(const struct rte_memzone *mz, void *arg), void *arg)
{
	const struct sh_mem *m = sh_ctx.mem;
	uint64_t high = m != NULL ? sh_load_acq(&m->h->dir_high) : 0; /* A:DIRHIGH */

	for (uint32_t i = 0; i < high; i++)
		if (sh_dir_word(m->h, i, SH_KIND_ZONE) != 0)
			fn(&m->h->zones[sh_load_rlx(&m->h->dir[i].obj)].mz, arg);
}
