/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * name.c - things that have a name: made by one, found by all, taken apart by one, cleared away after the dead
 *
 * A thing "x" lies in a memzone of that name behind a prefix. A word of it, the mark, tells what is there:
 *
 *   MAKING | id     from the zone's first moment: this member makes it. Or it takes it apart. Or it did so when it died: then
 *                   it is left
 *   ready(zone)     all of it
 *   anything else   a zone of the program's own: nobody here touches it
 *
 * MAKING | me becomes ready by a store of mine; ready becomes MAKING | me by a CAS; a dead one's mark becomes mine by a CAS
 * while I hold the zone (mem.h). So what is left is cleared away by one, whoever wants the name
 * or makes or frees anything after the death, and if that one dies it is left again.
 */
#include <errno.h>
#include <string.h>

#include <rte_errno.h>

#include "base/fault.h"
#include "mem/mem.h"
#include "obj/pool.h"
#include "proc/proc.h"

#define MAKING (1ull << 63)

static uint64_t ready(const struct sh_named *k, const struct rte_memzone *mz)
{
	return (k->ready ^ (uint64_t)(uintptr_t)mz) & ~MAKING;
}

static _Atomic uint64_t *mark_at(const struct sh_named *k, void *addr)
{
	return SH_A64((char *)addr + k->mark);
}

static bool zone_name(const struct sh_named *k, const char *name, char *out)
{
	return snprintf(out, RTE_MEMZONE_NAMESIZE, "%s%s", k->prefix, name) < RTE_MEMZONE_NAMESIZE;
}

/* ---- finding ---- */

/* what is in this zone, if it is complete and the zone is there after that was seen */
static void *in_zone(const struct sh_named *k, const struct sh_zone_seen *z)
{
	if (z->was.len < k->min || sh_load_acq(mark_at(k, z->was.addr)) != ready(k, z->mz)) /* A:MADE */
		return NULL;
	return sh_zone_still(z) ? z->was.addr : NULL;
}

void *sh_named_find(const struct sh_named *k, const char *name)
{
	char zone[RTE_MEMZONE_NAMESIZE];
	struct sh_zone_seen z;
	void *at = NULL;

	if (name == NULL || sh_ctx.mem == NULL || !zone_name(k, name, zone))
		return NULL;
	while (at == NULL && sh_zone_see(zone, &z)) {
		SH_STEP("named_seen");
		at = in_zone(k, &z);
		if (at == NULL && sh_zone_still(&z))
			break; /* it is there, and not complete */
	}
	return at;
}

void *sh_named_found(const char *name, void *at)
{
	if (at == NULL)
		rte_errno = name == NULL ? EINVAL : sh_ctx.mem == NULL ? E_RTE_NO_CONFIG : ENOENT;
	return at;
}

struct walk {
	const struct sh_named *k;
	sh_named_fn *fn;
	void *arg;
};

static void walk_one(const struct sh_zone_seen *z, void *arg)
{
	const struct walk *w = arg;
	void *at = in_zone(w->k, z);

	if (at != NULL)
		w->fn(at, w->arg);
}

void sh_named_walk(const struct sh_named *k, sh_named_fn *fn, void *arg)
{
	struct walk w = {k, fn, arg};

	sh_zone_each(k->prefix, walk_one, &w);
}

void sh_named_visit(const struct sh_named *k, sh_named_fn *fn, void *arg)
{
	struct walk w = {k, fn, arg};

	sh_zone_visit(k->prefix, walk_one, &w);
}

/* ---- what the dead have left ---- */

/* a complete one, one that a living member makes or takes apart, and a zone of the program's own are not */
static bool is_left(const struct sh_named *k, const struct sh_zone_seen *z, uint64_t mark)
{
	uint64_t id = mark & ~MAKING;

	if (mark == ready(k, z->mz) || (mark & MAKING) == 0 || sh_id_slot(id) >= SH_MEMBERS)
		return false;
	return !sh_member_alive(id) || sh_member_probe(id) == 1;
}

/* 0: nothing of what was seen here is there any more. EEXIST: it is somebody's */
static int clear(const struct sh_named *k, const struct sh_zone_seen *z)
{
	uint64_t mark = z->was.len >= k->min ? sh_load_acq(mark_at(k, z->was.addr)) : 0; /* A:MADE */
	bool mine;
	int r;

	if (!sh_zone_still(z))
		return 0;
	if (!is_left(k, z, mark))
		return EEXIST;
	r = sh_zone_hold(z);
	if (r < 0)
		return r == -ENOENT ? 0 : EEXIST;
	mine = sh_cas(mark_at(k, z->was.addr), &mark, MAKING | sh_self());
	sh_zone_unhold(z->mz);
	if (!mine)
		return EEXIST;
	SH_STEP("named_left_claimed");
	if (k->clear_parts != NULL)
		k->clear_parts(z->was.addr, z->was.name + strlen(k->prefix));
	(void)sh_zone_free_seen(z);
	return 0;
}

static void clear_one(const struct sh_zone_seen *z, void *k)
{
	(void)clear(k, z);
}

void sh_named_clear(const struct sh_named *k)
{
	sh_zone_each(k->prefix, clear_one, (void *)(uintptr_t)k);
}

void sh_left_clear(void)
{
	struct sh_obj *m = sh_ctx.obj;

	if (m == NULL || sh_self() == 0 || !sh_xchg(&m->left, false))
		return;
	sh_pools_clear(); /* first: their rings are theirs */
	sh_rings_clear();
}

/* ---- making, taking apart ---- */

int sh_named_make(const struct sh_named *k, const char *name, size_t len, int socket, unsigned align,
		  const struct rte_memzone **ret)
{
	const struct rte_memzone *mz = NULL;
	char zone[RTE_MEMZONE_NAMESIZE];
	struct sh_zone_seen z;

	if (!zone_name(k, name, zone))
		return ENAMETOOLONG;
	sh_left_clear();
	while (mz == NULL) {
		if (sh_self() != 0 && sh_zone_see(zone, &z)) {
			int e = clear(k, &z);

			if (e != 0)
				return e;
			continue;
		}
		mz = sh_zone_reserve_marked(zone, len, socket, align, k->mark, MAKING | sh_self());
		if (mz == NULL && rte_errno != EEXIST) /* else somebody was faster: who? */
			return rte_errno != 0 ? rte_errno : ENOMEM;
	}
	*ret = mz;
	return 0;
}

void sh_named_publish(const struct sh_named *k, const struct rte_memzone *mz)
{
	sh_store_rel(mark_at(k, mz->addr), ready(k, mz)); /* R:MADE */
}

bool sh_named_unmake(const struct sh_named *k, const struct rte_memzone *mz, void *thing)
{
	_Atomic uint64_t *at = mark_at(k, thing);
	uint64_t want = ready(k, mz), mine = MAKING | sh_self();

	if (sh_self() == 0 || !sh_cas(at, &want, mine)) /* A:MADE */
		return false;
	sh_left_clear();
	return true;
}
