/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * make.c - rings as objects with a name: made, found, given back
 *
 * A ring lies in the memzone "RG_<name>"; the zone's name is the ring's. A zone is there before the ring in it is: the word
 * magic tells. It holds MAKING | member while one makes the ring, ready(zone) when it is complete, anything before (memory
 * has been somebody else's). Each change is a CAS, so that of a slow maker and one who takes its place one goes on.
 */
#include <errno.h>
#include <string.h>

#include <rte_errno.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/futex.h"
#include "mem/mem.h"
#include "obj/priv.h"
#include "proc/proc.h"

#define MAKING (1ull << 63)
#define READY 0x676e69722d687331ull
#define PATIENCE_NS (20 * SH_NS_PER_MS) /* between a zone's name and its maker's mark lie two instructions */

static uint64_t ready(const struct rte_memzone *mz)
{
	return (READY ^ (uint64_t)(uintptr_t)mz) & ~MAKING;
}

static struct rte_ring *in_zone(const struct rte_memzone *mz, void *addr)
{
	struct rte_ring *r = addr;

	return sh_load_acq(SH_A64(&r->magic)) == ready(mz) ? r : NULL; /* A:RINGMADE */
}

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

void sh_ring_fill(struct rte_ring *r, const struct sh_ring_ask *ask)
{
	uint64_t magic = r->magic;

	memset(r, 0, sizeof(*r));
	sh_store_rlx(SH_A64(&r->magic), magic); /* relaxed: nobody looks further before it is complete */
	(void)strncpy(r->name, ask->name, sizeof(r->name) - 1);
	r->tracked = (ask->flags & __RTE_RING_F_TRACK) != 0;
	r->lone = !sh_mem_contains((uint64_t)(uintptr_t)r);
	r->size = ask->size;
	r->mask = ask->size - 1;
	r->capacity = ask->capacity;
	r->flags = (int)ask->flags;
	r->prod.sync_type = mode_of(ask->flags, RING_F_SP_ENQ, RING_F_MP_RTS_ENQ, RING_F_MP_HTS_ENQ);
	r->cons.sync_type = mode_of(ask->flags, RING_F_SC_DEQ, RING_F_MC_RTS_DEQ, RING_F_MC_HTS_DEQ);
	r->prod_mode = (uint8_t)r->prod.sync_type;
	r->cons_mode = (uint8_t)r->cons.sync_type;
	if (r->prod_mode == RTE_RING_SYNC_MT_RTS)
		r->rts_prod.htd_max = r->capacity / 8;
	if (r->cons_mode == RTE_RING_SYNC_MT_RTS)
		r->rts_cons.htd_max = r->capacity / 8;
	sh_ring_meet(r);
}

static int zone_name(char *out, const char *name)
{
	return snprintf(out, RTE_MEMZONE_NAMESIZE, RTE_RING_MZ_PREFIX "%s", name) < RTE_MEMZONE_NAMESIZE
		       ? 0
		       : -ENAMETOOLONG;
}

/*
 * A zone of the name is there. EEXIST: it holds a ring, or one that somebody living is making; 0: its maker is dead or has
 * not been seen for a while, and I am the maker now.
 */
static int succeed_maker(const struct rte_memzone *mz)
{
	struct rte_ring *r = mz->addr;
	uint64_t dl = sh_deadline(PATIENCE_NS), seen;
	_Atomic uint32_t none = 0;

	for (;;) {
		seen = sh_load_acq(SH_A64(&r->magic)); /* A:RINGMADE */
		if (seen == ready(mz))
			return EEXIST;
		if ((seen & MAKING) != 0 && sh_id_slot(seen) < SH_MEMBERS && sh_member_alive(seen & ~MAKING) &&
		    sh_member_probe(seen & ~MAKING) != 1)
			return EEXIST;
		if (sh_left_ns(dl) == 0)
			break;
		(void)sh_futex_wait(&none, 0, sh_deadline(SH_NS_PER_MS), SH_FUTEX_ANY, false);
	}
	return sh_cas(SH_A64(&r->magic), &seen, MAKING | sh_self()) ? 0 : EEXIST;
}

/* the zone is mine to make a ring in; 0 or EEXIST */
static int take_zone(const struct rte_memzone *mz)
{
	struct rte_ring *r = mz->addr;
	uint64_t seen = sh_load_rlx(SH_A64(&r->magic)); /* relaxed: whatever it was */

	SH_STEP("ring_zone_there");
	return sh_cas(SH_A64(&r->magic), &seen, MAKING | sh_self()) ? 0 : EEXIST;
}

int sh_ring_make(const struct sh_ring_ask *ask, struct rte_ring **ret)
{
	size_t len = sh_ring_bytes(ask->size, ask->esize);
	const struct rte_memzone *mz;
	char name[RTE_MEMZONE_NAMESIZE];
	struct rte_ring *r;
	int e;

	if (zone_name(name, ask->name) < 0)
		return ENAMETOOLONG;
	mz = sh_self() != 0 ? sh_zone_lookup(name) : NULL;
	if (mz != NULL && mz->len < sizeof(struct rte_ring))
		return EEXIST; /* a program's own zone */
	if (mz != NULL) {
		e = succeed_maker(mz);
		if (e == 0 && mz->len < len) { /* the dead one wanted a smaller ring */
			(void)rte_memzone_free(mz);
			mz = NULL;
		}
		if (e != 0)
			return e;
	}
	if (mz == NULL) {
		mz = rte_memzone_reserve_aligned(name, len, ask->socket, 0, 128);
		if (mz == NULL)
			return rte_errno;
		e = take_zone(mz);
		if (e != 0)
			return e;
	}
	SH_STEP("ring_making");
	r = mz->addr;
	sh_ring_fill(r, ask);
	r->memzone = mz;
	SH_STEP("ring_filled");
	sh_store_rel(SH_A64(&r->magic), ready(mz)); /* R:RINGMADE */
	*ret = r;
	return 0;
}

int sh_ring_unmake(struct rte_ring *r)
{
	const struct rte_memzone *mz = r->memzone;
	uint64_t want;

	if (sh_self() == 0)
		return -EPERM;
	if (mz == NULL)
		return -EINVAL;
	want = ready(mz);
	if (!sh_cas(SH_A64(&r->magic), &want, MAKING | sh_self()))
		return -EINVAL;
	SH_STEP("ring_unmade");
	return rte_memzone_free(mz);
}

struct rte_ring *sh_ring_find(const char *name)
{
	const struct rte_memzone *mz;
	char zone[RTE_MEMZONE_NAMESIZE];
	struct rte_ring *r;

	if (zone_name(zone, name) < 0)
		return NULL;
	mz = sh_zone_lookup(zone);
	r = mz != NULL && mz->len >= sizeof(*r) ? in_zone(mz, mz->addr) : NULL;
	if (r != NULL)
		sh_ring_meet(r);
	return r;
}

struct walk {
	void (*fn)(struct rte_ring *r, void *arg);
	void *arg;
};

static void walk_one(const struct rte_memzone *mz, const struct rte_memzone *was, void *arg)
{
	const struct walk *w = arg;
	struct rte_ring *r = was->len >= sizeof(*r) ? in_zone(mz, was->addr) : NULL;

	if (r != NULL)
		w->fn(r, w->arg);
}

void sh_ring_walk(void (*fn)(struct rte_ring *r, void *arg), void *arg)
{
	struct walk w = {fn, arg};

	sh_zone_each(RTE_RING_MZ_PREFIX, walk_one, &w);
}

void sh_ring_visit(void (*fn)(struct rte_ring *r, void *arg), void *arg)
{
	struct walk w = {fn, arg};

	sh_zone_visit(RTE_RING_MZ_PREFIX, walk_one, &w);
}
