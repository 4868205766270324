/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_quick.h - moves of a plain ring (mode ST, not tracked) that need no call, for who calls them from a function of its own
 *
 * The same steps as in rte_ring_move.h, without those that may have to wait or to wake somebody: a function that ends with
 * such a call, and has none in the middle, saves no registers. The caller knows that this process is a member of the group
 * and that the side is its thread's. All n move, or none: then the ordinary way is taken, which does what is left to do. After a
 * move sh_ring_watched() says whether somebody has to be woken (__rte_ring_wake()).
 */
#ifndef SH_OBJ_RING_QUICK_H
#define SH_OBJ_RING_QUICK_H

#include <rte_ring.h>

#include "base/atom.h"

/* its fields are plain ones, for programs in C++ */
#define SH_RING_A32(p) ((_Atomic uint32_t *)(uintptr_t)(p))

/* may n move from pos on? base: what there is when both tails are the same */
static inline bool sh_ring_quick_room(struct __rte_ring_side *s, const struct rte_ring_headtail *other, uint32_t pos,
				      uint32_t base, uint32_t n)
{
	uint32_t seen = sh_load_rlx(SH_RING_A32(&s->seen)); /* relaxed: mine */

	if (base + seen - pos >= n)
		return true;
	if (s->chase != 0)
		return false;
	seen = sh_load_acq(SH_RING_A32(&other->tail)); /* A:RINGPUB, A:RINGTAKE */
	sh_store_rlx(SH_RING_A32(&s->seen), seen);     /* relaxed: mine */
	return base + seen - pos >= n;
}

static inline bool sh_ring_quick_put(struct rte_ring *r, void *const *objs, uint32_t n)
{
	uint32_t pos = sh_load_rlx(SH_RING_A32(&r->prod.tail)); /* relaxed: mine */

	if (!sh_ring_quick_room(&r->prod_side, &r->cons, pos, r->capacity, n) || (pos & r->mask) + n > r->size)
		return false;
	__rte_ring_copy(__rte_ring_slot(r, pos & r->mask, sizeof(void *)), objs, n * sizeof(void *));
	sh_store_rel(SH_RING_A32(&r->prod.tail), pos + n); /* R:RINGPUB */
	return true;
}

static inline bool sh_ring_quick_get(struct rte_ring *r, void **objs, uint32_t n)
{
	uint32_t pos = sh_load_rlx(SH_RING_A32(&r->cons.tail)); /* relaxed: mine */

	if (!sh_ring_quick_room(&r->cons_side, &r->prod, pos, 0, n) || (pos & r->mask) + n > r->size)
		return false;
	__rte_ring_copy(objs, __rte_ring_slot(r, pos & r->mask, sizeof(void *)), n * sizeof(void *));
	sh_store_rel(SH_RING_A32(&r->cons.tail), pos + n); /* R:RINGTAKE */
	return true;
}

/* the compiler keeps it behind the move; the processor's order is the sleeper's business, see shoal_ring.h */
static inline bool sh_ring_watched(const struct rte_ring *r)
{
	__asm__ volatile("" ::: "memory");
	return sh_load_rlx(SH_RING_A32(&r->watch)) != 0; /* relaxed: see above */
}

#endif
