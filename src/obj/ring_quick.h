/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_quick.h - moves of a ring (not tracked) that need no call, for who calls them from a function of its own
 *
 * The same steps in the same order as in rte_ring_move.h, without those that may have to wait or to wake somebody: a function
 * that ends with such a call, and has none in the middle, saves no registers. All n move, or none: then the ordinary way is
 * taken, which does what is left to do. After a move sh_ring_watched() says whether somebody has to be woken
 * (__rte_ring_wake()).
 *
 *   sh_ring_quick_...   mode ST: the caller knows that this process is a member of the group and the side its thread's
 *   sh_ring_biased_...  any other mode: does nothing but for the thread that the side is biased to
 *
 * Who dies at a label leaves what README.md says of P and C: before the tail nothing has happened, after it everything. The
 * labels of the biased ones are died at by test/obj/pool_step_test.c.
 */
#ifndef SH_OBJ_RING_QUICK_H
#define SH_OBJ_RING_QUICK_H

#include <rte_ring.h>

#include "base/atom.h"
#include "base/fault.h"

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

/* one is moved by itself: to find out how many there are takes longer */
static inline void sh_ring_quick_copy(void *to, const void *from, uint32_t n)
{
	if (n == 1)
		__builtin_memcpy(to, from, sizeof(void *));
	else
		__rte_ring_copy(to, from, n * sizeof(void *));
}

static inline bool sh_ring_quick_put(struct rte_ring *r, void *const *objs, uint32_t n)
{
	uint32_t pos = sh_load_rlx(SH_RING_A32(&r->prod.tail)); /* relaxed: mine */

	if (!sh_ring_quick_room(&r->prod_side, &r->cons, pos, r->capacity, n) || (pos & r->mask) + n > r->size)
		return false;
	sh_ring_quick_copy(__rte_ring_slot(r, pos & r->mask, sizeof(void *)), objs, n);
	SH_STEP("quick_put_slots");
	sh_store_rel(SH_RING_A32(&r->prod.tail), pos + n); /* R:RINGPUB */
	SH_STEP("quick_put_published");
	return true;
}

static inline bool sh_ring_quick_get(struct rte_ring *r, void **objs, uint32_t n)
{
	uint32_t pos = sh_load_rlx(SH_RING_A32(&r->cons.tail)); /* relaxed: mine */

	if (!sh_ring_quick_room(&r->cons_side, &r->prod, pos, 0, n) || (pos & r->mask) + n > r->size)
		return false;
	sh_ring_quick_copy(objs, __rte_ring_slot(r, pos & r->mask, sizeof(void *)), n);
	SH_STEP("quick_get_copied");
	sh_store_rel(SH_RING_A32(&r->cons.tail), pos + n); /* R:RINGTAKE */
	SH_STEP("quick_get_published");
	return true;
}

static inline bool sh_ring_biased_put(struct rte_ring *r, void *const *objs, uint32_t n)
{
	bool all;

	if (!__rte_ring_enter_biased(&r->prod_side))
		return false;
	SH_STEP("quick_put_entered");
	all = sh_ring_quick_put(r, objs, n);
	__rte_ring_leave(&r->prod_side, RTE_RING_SYNC_MT, __RTE_RING_BY_BIAS);
	SH_STEP("quick_put_left");
	return all;
}

static inline bool sh_ring_biased_get(struct rte_ring *r, void **objs, uint32_t n)
{
	bool all;

	if (!__rte_ring_enter_biased(&r->cons_side))
		return false;
	SH_STEP("quick_get_entered");
	all = sh_ring_quick_get(r, objs, n);
	__rte_ring_leave(&r->cons_side, RTE_RING_SYNC_MT, __RTE_RING_BY_BIAS);
	SH_STEP("quick_get_left");
	return all;
}

/* the compiler keeps it behind the move; the processor's order is the sleeper's business, see shoal_ring.h */
static inline bool sh_ring_watched(const struct rte_ring *r)
{
	__asm__ volatile("" ::: "memory");
	return sh_load_rlx(SH_RING_A32(&r->watch)) != 0; /* relaxed: see above */
}

#endif
