/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * make.c - rings as objects with a name: made, found, given back
 *
 * A ring lies in the memzone "RG_<name>"; the zone's name is the ring's, its word magic the mark (name.c).
 */
#include <errno.h>
#include <string.h>

#include "base/fault.h"
#include "mem/mem.h"
#include "obj/pool.h"
#include "proc/proc.h"

static const struct sh_named rings = {.prefix = RTE_RING_MZ_PREFIX,
				      .ready = 0x676e69722d687331ull,
				      .mark = offsetof(struct rte_ring, magic),
				      .min = sizeof(struct rte_ring)};

size_t sh_ring_bytes(uint32_t size, unsigned esize)
{
	return RTE_ALIGN_CEIL(sizeof(struct rte_ring) + (size_t)size * esize, (size_t)RTE_CACHE_LINE_SIZE);
}

static enum rte_ring_sync_type mode_of(unsigned flags, unsigned st, unsigned rts, unsigned hts)
{
	if ((flags & st) != 0)
		return RTE_RING_SYNC_ST;
	if ((flags & rts) != 0)
		return RTE_RING_SYNC_MT_RTS;
	return (flags & hts) != 0 ? RTE_RING_SYNC_MT_HTS : RTE_RING_SYNC_MT;
}

/* a pool's: the ring, and behind it, with no name of its own to be found by, its detour */
static size_t bytes_of(const struct sh_ring_ask *ask)
{
	size_t one = sh_ring_bytes(ask->size, ask->esize);

	return ask->pool != NULL ? RTE_ALIGN_CEIL(one, (size_t)128) + one : one;
}

struct rte_ring *sh_ring_detour(struct rte_ring *r)
{
	size_t one = RTE_ALIGN_CEIL(sh_ring_bytes(r->size, sizeof(void *)), (size_t)128);

	return r->detour == SH_WITH_DETOUR ? (struct rte_ring *)(void *)((char *)r + one) : NULL;
}

static void fill_detour(struct rte_ring *r, const struct sh_ring_ask *ask)
{
	char name[RTE_RING_NAMESIZE];
	struct sh_ring_ask other = *ask;

	r->detour = SH_WITH_DETOUR;
	r = sh_ring_detour(r);
	(void)snprintf(name, sizeof(name), "MD_%s", ask->pool->name);
	other.name = name;
	sh_ring_fill(r, &other);
	r->detour = SH_IS_DETOUR;
}

void sh_ring_fill(struct rte_ring *r, const struct sh_ring_ask *ask)
{
	size_t to = offsetof(struct rte_ring, magic), from = to + sizeof(r->magic);

	memset(r, 0, to);
	memset((char *)r + from, 0, sizeof(*r) - from); /* at no moment does the mark say anything else */
	(void)strncpy(r->name, ask->name, sizeof(r->name) - 1);
	r->tracked = (ask->flags & __RTE_RING_F_TRACK) != 0 ? SH_TRACK_RING
		     : ask->guess			    ? SH_TRACK_GUESS
							    : SH_TRACK_NONE;
	if (ask->pool != NULL) {
		r->tracked = sh_pool_tracks(ask->pool) ? SH_TRACK_POOL : SH_TRACK_NONE;
		r->pool = (uint64_t)(uintptr_t)ask->pool;
	}
	r->lone = !sh_mem_contains((uint64_t)(uintptr_t)r);
	r->size = ask->size;
	r->mask = ask->size - 1;
	r->capacity = ask->capacity;
	r->flags = (int)ask->flags;
	r->prod.sync_type = mode_of(ask->flags, RING_F_SP_ENQ, RING_F_MP_RTS_ENQ, RING_F_MP_HTS_ENQ);
	r->cons.sync_type = mode_of(ask->flags, RING_F_SC_DEQ, RING_F_MC_RTS_DEQ, RING_F_MC_HTS_DEQ);
	r->prod_mode = (uint8_t)r->prod.sync_type;
	r->cons_mode = (uint8_t)r->cons.sync_type;
	r->prod_plain = r->prod_mode == RTE_RING_SYNC_ST && r->tracked == 0;
	r->cons_plain = r->cons_mode == RTE_RING_SYNC_ST && r->tracked == 0;
	if (r->prod_mode == RTE_RING_SYNC_MT_RTS)
		r->rts_prod.htd_max = r->capacity / 8;
	if (r->cons_mode == RTE_RING_SYNC_MT_RTS)
		r->rts_cons.htd_max = r->capacity / 8;
}

int sh_ring_make(const struct sh_ring_ask *ask, struct rte_ring **ret)
{
	const struct rte_memzone *mz = NULL;
	struct rte_ring *r;
	int e = sh_named_make(&rings, ask->name, bytes_of(ask), ask->socket, 128, &mz);

	if (e != 0)
		return e;
	SH_STEP("ring_making");
	r = mz->addr;
	sh_ring_fill(r, ask);
	r->memzone = mz;
	if (ask->pool != NULL)
		fill_detour(r, ask);
	SH_STEP("ring_filled");
	sh_named_publish(&rings, mz);
	*ret = r;
	return 0;
}

int sh_ring_unmake(struct rte_ring *r)
{
	const struct rte_memzone *mz = r->memzone;

	if (sh_self() == 0)
		return -EPERM;
	if (mz == NULL || !sh_named_unmake(&rings, mz, r))
		return -EINVAL;
	SH_STEP("ring_unmade");
	return rte_memzone_free(mz);
}

struct rte_ring *sh_ring_find(const char *name)
{
	return sh_named_find(&rings, name);
}

struct walk {
	void (*fn)(struct rte_ring *r, void *arg);
	void *arg;
};

static void walk_one(void *r, void *arg)
{
	const struct walk *w = arg;

	w->fn(r, w->arg);
}

void sh_ring_walk(void (*fn)(struct rte_ring *r, void *arg), void *arg)
{
	struct walk w = {fn, arg};

	sh_named_walk(&rings, walk_one, &w);
}

void sh_ring_visit(void (*fn)(struct rte_ring *r, void *arg), void *arg)
{
	struct walk w = {fn, arg};

	sh_named_visit(&rings, walk_one, &w);
}

void sh_rings_clear(void)
{
	sh_named_clear(&rings);
}
