/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * look.c - zones as those see them who have no lock: by name, one after the other, and held
 *
 * A zone may be freed, and its entry, descriptor and bytes become another's, between any two instructions here. The word of its
 * directory entry tells: it has a serial, so what was read while it stayed the same is of that zone. Its bytes may be read
 * at any time, they are mapped, but mean something only then.
 *
 * The guard is a word beside the descriptor: who frees the zone has it, and who is not to see it freed. At most one member
 * at a time, without the lock, and before it. Of a dead member it is nobody's.
 */
#include <errno.h>
#include <string.h>

#include "base/fault.h"
#include "base/futex.h"
#include "base/log.h"
#include "mem/priv.h"
#include "proc/proc.h"

#define VISIT_NS (SH_NS_PER_S / 2) /* whoever mends or frees a zone needs less, unless it is stopped */

struct sh_zone *sh_zone_of(const struct sh_mem *m, const struct rte_memzone *mz)
{
	return &m->h->zones[((uintptr_t)mz - (uintptr_t)m->h->zones) / sizeof(struct sh_zone)];
}

int sh_zone_slot(const struct sh_mem *m, const struct rte_memzone *mz)
{
	const struct sh_mem_hdr *h = m->h;
	uintptr_t at = (uintptr_t)mz - (uintptr_t)h->zones;

	/* relaxed: a moment's view; who frees looks again under the lock */
	if ((uintptr_t)mz < (uintptr_t)h->zones || at % sizeof(struct sh_zone) != 0 ||
	    at / sizeof(struct sh_zone) >= sh_load_rlx(&h->zone_high))
		return -1;
	at /= sizeof(struct sh_zone);
	return sh_load_rlx(&h->zones[at].use) != 0 ? (int)at : -1; /* relaxed: as above */
}

/* ---- the guard ---- */

static bool guard_try(struct sh_zone *z)
{
	uint64_t seen = sh_load_acq(&z->guard); /* A:ZONEGUARD */

	if (seen != 0 && sh_member_alive(seen) && sh_member_probe(seen) != 1)
		return false;
	return sh_cas(&z->guard, &seen, sh_self()); /* A:ZONEGUARD */
}

void sh_guard_leave(struct sh_zone *z)
{
	sh_store_rel(&z->guard, 0); /* R:ZONEGUARD */
}

static bool guard_within(struct sh_zone *z, uint64_t ns)
{
	uint64_t dl = sh_deadline(ns);
	_Atomic uint32_t none = 0;

	while (!guard_try(z)) {
		if (sh_left_ns(dl) == 0)
			return false;
		(void)sh_futex_wait(&none, 0, sh_deadline(SH_NS_PER_MS), SH_FUTEX_ANY, false);
	}
	return true;
}

int sh_guard_take(struct sh_zone *z)
{
	for (uint64_t ns = SH_NS_PER_S; !guard_within(z, ns); ns *= 4) {
		sh_id_t id = sh_load_rlx(&z->guard); /* relaxed: for the line */

		sh_warn("memzone: waiting to free one that member %u is mending: if it is stopped, let it go on "
			"(kill -CONT) or end it",
			sh_id_slot(id));
		if (sh_member_stopped(id))
			return -ETIMEDOUT;
	}
	SH_STEP("mem_zone_guarded");
	return 0;
}

void sh_zone_quiet(const struct rte_memzone *mz)
{
	struct sh_mem *m = sh_ctx.mem;
	int slot = sh_zone_slot(m, mz);

	if (slot < 0)
		return;
	while (sh_guard_take(&m->h->zones[slot]) < 0)
		;
	sh_guard_leave(&m->h->zones[slot]);
}

/* ---- one ---- */

/* The zone of this entry at one moment; false: none, or not any more */
static bool look(const struct sh_mem_hdr *h, uint32_t i, struct sh_zone_seen *z)
{
	union sh_zone_words copy;

	z->entry = i;
	z->word = sh_dir_word(h, i, SH_KIND_ZONE);
	if (z->word == 0)
		return false;
	/* relaxed: if these change under us the word changes, and that is looked at again */
	z->mz = &h->zones[sh_load_rlx(&h->dir[i].obj)].mz;
	for (unsigned n = 0; n < SH_ZONE_WORDS; n++)
		copy.w[n] = sh_load_rlx((const sh_w64 *)(const void *)z->mz + n);
	z->was = copy.mz;
	return sh_zone_still(z);
}

bool sh_zone_still(const struct sh_zone_seen *z)
{
	sh_fence();							   /* what was read before the second look */
	return sh_load_rlx(&sh_ctx.mem->h->dir[z->entry].word) == z->word; /* relaxed: behind the fence */
}

bool sh_zone_see(const char *name, struct sh_zone_seen *z)
{
	const struct sh_mem *m = sh_ctx.mem;
	int i;

	while (m != NULL && (i = sh_dir_find(m->h, SH_KIND_ZONE, name)) >= 0) {
		SH_STEP("mem_zone_found");
		/* the entry may be another's by now: then the name is looked for anew */
		if (look(m->h, (uint32_t)i, z) && strncmp(z->was.name, name, sizeof(z->was.name)) == 0)
			return true;
	}
	return false;
}

const struct rte_memzone *sh_zone_lookup(const char *name)
{
	struct sh_zone_seen z;

	return sh_zone_see(name, &z) ? z.mz : NULL;
}

int sh_zone_hold(const struct sh_zone_seen *z)
{
	struct sh_zone *own = sh_zone_of(sh_ctx.mem, z->mz);

	if (!guard_within(own, VISIT_NS))
		return -EBUSY;
	if (sh_zone_still(z))
		return 0;
	sh_guard_leave(own); /* it may have gone, and another come, before the guard was mine */
	return -ENOENT;
}

void sh_zone_unhold(const struct rte_memzone *mz)
{
	sh_guard_leave(sh_zone_of(sh_ctx.mem, mz));
}

/* ---- all ---- */

void sh_zone_each(const char *prefix, sh_zone_fn *fn, void *arg)
{
	const struct sh_mem *m = sh_ctx.mem;
	uint64_t high = m != NULL ? sh_load_acq(&m->h->dir_high) : 0; /* A:DIRHIGH */
	struct sh_zone_seen z;

	for (uint32_t i = 0; i < high; i++)
		if (look(m->h, i, &z) && strncmp(z.was.name, prefix, strlen(prefix)) == 0)
			fn(&z, arg);
}

struct visit {
	sh_zone_fn *fn;
	void *arg;
};

static void visit_one(const struct sh_zone_seen *z, void *arg)
{
	const struct visit *v = arg;

	if (sh_zone_hold(z) != 0)
		return;
	v->fn(z, v->arg);
	sh_zone_unhold(z->mz);
}

void sh_zone_visit(const char *prefix, sh_zone_fn *fn, void *arg)
{
	struct visit v = {fn, arg};

	sh_zone_each(prefix, visit_one, &v);
}

void sh_zone_walk(void (*fn)(const struct rte_memzone *mz, void *arg), void *arg)
{
	const struct sh_mem *m = sh_ctx.mem;
	uint64_t high = m != NULL ? sh_load_acq(&m->h->dir_high) : 0; /* A:DIRHIGH */

	for (uint32_t i = 0; i < high; i++)
		if (sh_dir_word(m->h, i, SH_KIND_ZONE) != 0)
			fn(&m->h->zones[sh_load_rlx(&m->h->dir[i].obj)].mz, arg); /* relaxed: behind the word */
}
