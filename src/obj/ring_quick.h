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

/* may n move from pos on? base: what there is when both tails are the same */
static inline bool sh_ring_quick_room(struct __rte_ring_side *s, const struct rte_ring_headtail *other, uint32_t pos,
				      uint32_t base, uint32_t n)
{
	uint32_t seen = __atomic_load_n(&s->seen, __ATOMIC_RELAXED); /* relaxed: mine */

	if (base + seen - pos >= n)
		return true;
	if (s->chase != 0)
		return false;
	seen = __atomic_load_n(&other->tail, __ATOMIC_ACQUIRE); /* A:RINGPUB, A:RINGTAKE */
	__atomic_store_n(&s->seen, seen, __ATOMIC_RELAXED);	/* relaxed: mine */
	return base + seen - pos >= n;
}

static inline bool sh_ring_quick_put(struct rte_ring *r, void *const *objs, uint32_t n)
{
	uint32_t pos = __atomic_load_n(&r->prod.tail, __ATOMIC_RELAXED); /* relaxed: mine */

	if (!sh_ring_quick_room(&r->prod_side, &r->cons, pos, r->capacity, n) || (pos & r->mask) + n > r->size)
		return false;
	__rte_ring_copy(__rte_ring_slot(r, pos & r->mask, sizeof(void *)), objs, n * sizeof(void *));
	__atomic_store_n(&r->prod.tail, pos + n, __ATOMIC_RELEASE); /* R:RINGPUB */
	return true;
}

static inline bool sh_ring_quick_get(struct rte_ring *r, void **objs, uint32_t n)
{
	uint32_t pos = __atomic_load_n(&r->cons.tail, __ATOMIC_RELAXED); /* relaxed: mine */

	if (!sh_ring_quick_room(&r->cons_side, &r->prod, pos, 0, n) || (pos & r->mask) + n > r->size)
		return false;
	__rte_ring_copy(objs, __rte_ring_slot(r, pos & r->mask, sizeof(void *)), n * sizeof(void *));
	__atomic_store_n(&r->cons.tail, pos + n, __ATOMIC_RELEASE); /* R:RINGTAKE */
	return true;
}

/* the compiler keeps it behind the move; the processor's order is the sleeper's business, see shoal_ring.h */
static inline bool sh_ring_watched(const struct rte_ring *r)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&r->watch, __ATOMIC_RELAXED) != 0;
}

#endif
