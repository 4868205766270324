/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_ring_move.h - how elements move: the one template behind every enqueue and dequeue. Programs include rte_ring.h.
 *
 * A ring has two sides, producers and consumers. Each publishes one number, its tail: elements put in, elements taken out,
 * ever. Elements lie in the slots between the two; a tail is moved by one store, after the slots were written or read.
 * That store is the whole operation: whoever is killed before it has done nothing, after it everything.
 *
 *   mode ST      the caller sees to it that a side is used by one thread at a time
 *   other modes  one thread at a time is inside a side, under a word that names its process. Whoever waits for a dead one
 *                takes the word away from it: there is nothing else to mend
 *
 * The other side's tail is read only when the copy of it (seen) no longer suffices: a side that has enough to do does not
 * touch the lines that the other one writes.
 *
 *   label     released                                          acquired
 *   RINGPUB   tail of the producers, slots are written          consumers: seen
 *   RINGTAKE  tail of the consumers, slots are read             producers: seen
 *   RINGOWN   owner = 0                                         the next one's CAS
 */
#ifndef RTE_RING_MOVE_H
#define RTE_RING_MOVE_H

#include <rte_ring_core.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef __RTE_RING_STEP
#define __RTE_RING_STEP(label) ((void)0) /* tests: a place to be killed at */
#endif

typedef uint64_t __rte_ring_two __attribute__((__vector_size__(16)));

/* slots are at least 4-aligned */
static __rte_always_inline void __rte_ring_copy(void *to, const void *from, size_t bytes)
{
	unsigned char *d = (unsigned char *)to;
	const unsigned char *s = (const unsigned char *)from;
	__rte_ring_two a, b;
	size_t i;

	/* how many there are is checked at run time: keep the compiler from guessing at the bounds of what is copied */
	__asm__("" : "+r"(d), "+r"(s));
	for (i = 0; i + 32 <= bytes; i += 32) {
		__builtin_memcpy(&a, s + i, 16);
		__builtin_memcpy(&b, s + i + 16, 16);
		__builtin_memcpy(d + i, &a, 16);
		__builtin_memcpy(d + i + 16, &b, 16);
	}
	if (bytes & 16) {
		__builtin_memcpy(d + i, s + i, 16);
		i += 16;
	}
	if (bytes & 8) {
		__builtin_memcpy(d + i, s + i, 8);
		i += 8;
	}
	if (bytes & 4)
		__builtin_memcpy(d + i, s + i, 4);
}

static __rte_always_inline char *__rte_ring_slot(struct rte_ring *r, uint32_t index, unsigned int esize)
{
	return (char *)&r[1] + (size_t)index * esize;
}

/* asked: what n was before the grant; one element, known when compiled, is a move of its own */
static __rte_always_inline void __rte_ring_put(struct rte_ring *r, uint32_t pos, const void *objs, unsigned int esize,
					       uint32_t n, uint32_t asked)
{
	uint32_t i = pos & r->mask, first = r->size - i;

	if (__builtin_constant_p(asked) && asked == 1 && __builtin_constant_p(esize) && esize <= 16) {
		__builtin_memcpy(__rte_ring_slot(r, i, esize), objs, esize);
		return;
	}
	if (likely(n <= first)) {
		__rte_ring_copy(__rte_ring_slot(r, i, esize), objs, (size_t)n * esize);
		return;
	}
	__rte_ring_copy(__rte_ring_slot(r, i, esize), objs, (size_t)first * esize);
	__rte_ring_copy(__rte_ring_slot(r, 0, esize), (const char *)objs + (size_t)first * esize,
			(size_t)(n - first) * esize);
}

static __rte_always_inline void __rte_ring_get(struct rte_ring *r, uint32_t pos, void *objs, unsigned int esize,
					       uint32_t n, uint32_t asked)
{
	uint32_t i = pos & r->mask, first = r->size - i;

	if (__builtin_constant_p(asked) && asked == 1 && __builtin_constant_p(esize) && esize <= 16) {
		__builtin_memcpy(objs, __rte_ring_slot(r, i, esize), esize);
		return;
	}
	if (likely(n <= first)) {
		__rte_ring_copy(objs, __rte_ring_slot(r, i, esize), (size_t)n * esize);
		return;
	}
	__rte_ring_copy(objs, __rte_ring_slot(r, i, esize), (size_t)first * esize);
	__rte_ring_copy((char *)objs + (size_t)first * esize, __rte_ring_slot(r, 0, esize),
			(size_t)(n - first) * esize);
}

/*
 * 1: the side is mine until __rte_ring_leave(); 0: this process may not touch it. Who has no name in the group (before init,
 * in a forked child) may use rings outside its memory, the slow way.
 */
static __rte_always_inline int __rte_ring_enter(struct rte_ring *r, struct __rte_ring_side *s,
						enum rte_ring_sync_type mode)
{
	/* relaxed: constant but for init, cleanup and fork */
	const uint64_t me = __atomic_load_n(&__rte_ring_self[0], __ATOMIC_RELAXED);
	uint64_t nobody = 0;

	if (mode == RTE_RING_SYNC_ST)
		return likely(me != 0) ? 1 : __rte_ring_enter_slow(r, NULL);
	if (unlikely(me == 0) ||
	    !__atomic_compare_exchange_n(&s->owner, &nobody, me, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) /* A:RINGOWN */
		return __rte_ring_enter_slow(r, s);
	__RTE_RING_STEP("entered");
	return 1;
}

static __rte_always_inline void __rte_ring_leave(struct __rte_ring_side *s, enum rte_ring_sync_type mode)
{
	if (mode != RTE_RING_SYNC_ST)
		__atomic_store_n(&s->owner, (uint64_t)0, __ATOMIC_RELEASE); /* R:RINGOWN */
	__RTE_RING_STEP("left");
}

/*
 * How many of n elements may move from pos on; base is what there is when both tails are the same. *left, when the caller
 * wants it, is what remains after that, by a fresh look.
 */
static __rte_always_inline uint32_t __rte_ring_grant(struct __rte_ring_side *s, uint32_t pos,
						     const volatile uint32_t *other, uint32_t base, uint32_t n,
						     enum rte_ring_queue_behavior behavior, unsigned int *left)
{
	/* relaxed: written inside this side only; what it stands for was acquired by who wrote it */
	uint32_t seen = __atomic_load_n(&s->seen, __ATOMIC_RELAXED), room = base + seen - pos;

	if (room < n || left != NULL) {
		seen = __atomic_load_n(other, __ATOMIC_ACQUIRE); /* A:RINGPUB, A:RINGTAKE */
		__atomic_store_n(&s->seen, seen, __ATOMIC_RELAXED);
		room = base + seen - pos;
	}
	if (n > room)
		n = behavior == RTE_RING_QUEUE_FIXED ? 0 : room;
	if (left != NULL)
		*left = room - n;
	return n;
}

/*
 * Is it in vain to enter? Who polls an empty ring, or a full one, only reads. pos is read before the other tail, so what is
 * there is never underrated; whoever goes on looks again inside.
 */
static __rte_always_inline int __rte_ring_in_vain(struct __rte_ring_side *s, const struct rte_ring_headtail *own,
						  const volatile uint32_t *other, uint32_t base, uint32_t n,
						  enum rte_ring_queue_behavior behavior)
{
	/* relaxed: a hint, as it is read outside; nothing is done by it but to look at the other tail */
	uint32_t pos = __atomic_load_n(&own->tail, __ATOMIC_ACQUIRE); /* A:RINGPUB, A:RINGTAKE */
	uint32_t room = base + __atomic_load_n(&s->seen, __ATOMIC_RELAXED) - pos;

	n = behavior == RTE_RING_QUEUE_FIXED ? n : 1;
	if (likely(room >= n))
		return 0;
	room = base + __atomic_load_n(other, __ATOMIC_ACQUIRE) - pos; /* A:RINGPUB, A:RINGTAKE */
	return room < n;
}

/* the one store; then the side is free, and who sleeps for this is woken */
static __rte_always_inline void __rte_ring_publish(struct rte_ring *r, struct __rte_ring_side *s,
						   struct rte_ring_headtail *own, uint32_t tail,
						   enum rte_ring_sync_type mode, unsigned int side)
{
	__RTE_RING_STEP("moved");
	__atomic_store_n(&own->tail, tail, __ATOMIC_RELEASE); /* R:RINGPUB, R:RINGTAKE */
	__RTE_RING_STEP("published");
	__rte_ring_leave(s, mode);
	/* not reordered by the compiler; the processor's order is the sleeper's business, see shoal_ring.h */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&r->watch, __ATOMIC_RELAXED) != 0))
		__rte_ring_wake(r, side);
}

static __rte_always_inline unsigned int __rte_ring_do_enqueue(struct rte_ring *r, const void *objs, unsigned int esize,
							      unsigned int n, enum rte_ring_queue_behavior behavior,
							      enum rte_ring_sync_type mode, unsigned int *left)
{
	const uint32_t asked = n;
	uint32_t pos;

	if (unlikely(r->tracked != 0))
		return __rte_ring_in_tracked(r, (void *const *)objs, n, behavior, left);
	if (mode != RTE_RING_SYNC_ST && left == NULL &&
	    unlikely(__rte_ring_in_vain(&r->prod_side, &r->prod, &r->cons.tail, r->capacity, n, behavior)))
		return 0;
	if (unlikely(!__rte_ring_enter(r, &r->prod_side, mode))) {
		if (left != NULL)
			*left = 0;
		return 0;
	}
	pos = __atomic_load_n(&r->prod.tail, __ATOMIC_RELAXED); /* relaxed: moved inside this side only */
	n = __rte_ring_grant(&r->prod_side, pos, &r->cons.tail, r->capacity, n, behavior, left);
	if (unlikely(n == 0)) {
		__rte_ring_leave(&r->prod_side, mode);
		return 0;
	}
	__rte_ring_put(r, pos, objs, esize, n, asked);
	__rte_ring_publish(r, &r->prod_side, &r->prod, pos + n, mode, 0);
	return n;
}

static __rte_always_inline unsigned int __rte_ring_do_dequeue(struct rte_ring *r, void *objs, unsigned int esize,
							      unsigned int n, enum rte_ring_queue_behavior behavior,
							      enum rte_ring_sync_type mode, unsigned int *left)
{
	const uint32_t asked = n;
	uint32_t pos;

	if (unlikely(r->tracked != 0))
		return __rte_ring_out_tracked(r, (void **)objs, n, behavior, left);
	if (mode != RTE_RING_SYNC_ST && left == NULL &&
	    unlikely(__rte_ring_in_vain(&r->cons_side, &r->cons, &r->prod.tail, 0, n, behavior)))
		return 0;
	if (unlikely(!__rte_ring_enter(r, &r->cons_side, mode))) {
		if (left != NULL)
			*left = 0;
		return 0;
	}
	pos = __atomic_load_n(&r->cons.tail, __ATOMIC_RELAXED); /* relaxed: moved inside this side only */
	n = __rte_ring_grant(&r->cons_side, pos, &r->prod.tail, 0, n, behavior, left);
	if (unlikely(n == 0)) {
		__rte_ring_leave(&r->cons_side, mode);
		return 0;
	}
	__rte_ring_get(r, pos, objs, esize, n, asked);
	__rte_ring_publish(r, &r->cons_side, &r->cons, pos + n, mode, 1);
	return n;
}

/* the mode that the ring was made with: two ways, told apart once */
static __rte_always_inline unsigned int __rte_ring_enqueue_any(struct rte_ring *r, const void *objs, unsigned int esize,
							       unsigned int n, enum rte_ring_queue_behavior behavior,
							       unsigned int *left)
{
	if (r->prod_mode == RTE_RING_SYNC_ST)
		return __rte_ring_do_enqueue(r, objs, esize, n, behavior, RTE_RING_SYNC_ST, left);
	return __rte_ring_do_enqueue(r, objs, esize, n, behavior, RTE_RING_SYNC_MT, left);
}

static __rte_always_inline unsigned int __rte_ring_dequeue_any(struct rte_ring *r, void *objs, unsigned int esize,
							       unsigned int n, enum rte_ring_queue_behavior behavior,
							       unsigned int *left)
{
	if (r->cons_mode == RTE_RING_SYNC_ST)
		return __rte_ring_do_dequeue(r, objs, esize, n, behavior, RTE_RING_SYNC_ST, left);
	return __rte_ring_do_dequeue(r, objs, esize, n, behavior, RTE_RING_SYNC_MT, left);
}

/* ---- in two steps: start holds the side (but for ST, where it is the caller's anyway), finish publishes ---- */

/* ST and HTS only, as in DPDK; -1: nothing can be started in this mode */
static __rte_always_inline int __rte_ring_peek_mode(unsigned int mode)
{
	return mode == RTE_RING_SYNC_ST || mode == RTE_RING_SYNC_MT_HTS ? (int)mode : -1;
}

static __rte_always_inline unsigned int __rte_ring_start(struct rte_ring *r, unsigned int is_cons, unsigned int n,
							 enum rte_ring_queue_behavior behavior, uint32_t *pos,
							 unsigned int *left)
{
	struct __rte_ring_side *s = is_cons ? &r->cons_side : &r->prod_side;
	struct rte_ring_headtail *own = is_cons ? &r->cons : &r->prod, *other = is_cons ? &r->prod : &r->cons;
	int mode = __rte_ring_peek_mode(is_cons ? r->cons_mode : r->prod_mode);

	if (left != NULL)
		*left = 0;
	if (unlikely(mode < 0) || unlikely(!__rte_ring_enter(r, s, (enum rte_ring_sync_type)mode)))
		return 0;
	*pos = __atomic_load_n(&own->tail, __ATOMIC_RELAXED); /* relaxed: moved inside this side only */
	n = __rte_ring_grant(s, *pos, &other->tail, is_cons ? 0 : r->capacity, n, behavior, left);
	s->held = n;
	if (n == 0)
		__rte_ring_leave(s, (enum rte_ring_sync_type)mode);
	return n;
}

/* how many of n the start has granted, and where; 0 with *pos kept: there was none */
static __rte_always_inline unsigned int __rte_ring_granted(struct rte_ring *r, unsigned int is_cons, unsigned int n,
							   uint32_t *pos)
{
	const struct __rte_ring_side *s = is_cons ? &r->cons_side : &r->prod_side;

	*pos = is_cons ? r->cons.tail : r->prod.tail;
	return n < s->held ? n : s->held;
}

static __rte_always_inline void __rte_ring_finish(struct rte_ring *r, unsigned int is_cons, uint32_t pos,
						  unsigned int n)
{
	struct __rte_ring_side *s = is_cons ? &r->cons_side : &r->prod_side;
	int mode = __rte_ring_peek_mode(is_cons ? r->cons_mode : r->prod_mode);

	if (mode < 0 || s->held == 0)
		return;
	s->held = 0;
	if (n == 0)
		__rte_ring_leave(s, (enum rte_ring_sync_type)mode);
	else
		__rte_ring_publish(r, s, is_cons ? &r->cons : &r->prod, pos + n, (enum rte_ring_sync_type)mode,
				   is_cons);
}

#ifdef __cplusplus
}
#endif

#endif
