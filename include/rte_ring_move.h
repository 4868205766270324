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
 * A thread that has been the only one on a side for a while is given the bias: it then enters by a store to a word of its own
 * and a look at bias, without a locked instruction. Nothing orders these two but whoever takes the bias back: it changes bias
 * and has the kernel put a fence into every thread that runs, after which it sees the word (src/obj/bias.c).
 *
 * The other side's tail is read only when the copy of it (seen) no longer suffices: a side that has enough to do does not
 * touch the lines that the other one writes.
 *
 *   label     released                                          acquired
 *   RINGPUB   tail of the producers, slots are written          consumers: seen
 *   RINGTAKE  tail of the consumers, slots are read             producers: seen
 *   RINGOWN   owner = 0                                         the next one's CAS
 *   RINGBIAS  the thread's word = 0                             who takes the bias back
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

/*
 * The thread sanitizer sees one process: that a thread here left by bias, and another comes in after a thread of another
 * process has taken the bias back, it has to be told. It takes the word owner for what orders the two.
 */
#if defined(__SANITIZE_THREAD__)
#define __RTE_RING_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __RTE_RING_TSAN 1
#endif
#endif
#ifdef __RTE_RING_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define __RTE_RING_LEAVES(s) __tsan_release(s)
/* a thread of another process has seen this tail of a thread of mine, and left what it saw */
#define __RTE_RING_SEEN(tail) __tsan_acquire((void *)(uintptr_t)(tail))
#else
#define __RTE_RING_LEAVES(s) ((void)0)
#define __RTE_RING_SEEN(tail) ((void)0)
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

/* is the side biased to this thread, and is it inside now? 0: the slow way */
static __rte_always_inline int __rte_ring_enter_biased(struct __rte_ring_side *s)
{
	/* relaxed: constant but for init, cleanup and fork */
	const uint64_t me = __atomic_load_n(&__rte_ring_self[0], __ATOMIC_RELAXED), name = __rte_ring_thread.name;
	uint64_t *at = __rte_ring_thread.at;

	/* relaxed: looked at again below. The name is of this process and this life of it, not of a fork's parent */
	if (__atomic_load_n(&s->bias, __ATOMIC_RELAXED) != name || unlikely((name ^ me) << 16 != 0))
		return 0;
	if (unlikely(__atomic_load_n(at, __ATOMIC_RELAXED) !=
		     0)) /* my own. This is a signal's handler, and the thread is inside a ring */
		return 0;
	__atomic_store_n(at, (uint64_t)(uintptr_t)s, __ATOMIC_RELEASE); /* R:RINGBIAS what I did in the one before */
	/* not reordered by the compiler; the processor's order is the business of who takes the bias back */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (likely(__atomic_load_n(&s->bias, __ATOMIC_ACQUIRE) == name))
		return 1;
	__atomic_store_n(at, (uint64_t)0, __ATOMIC_RELEASE); /* R:RINGBIAS */
	return 0;
}

/* the other way, by owner; the same thread for the second time in a row: it may get the bias */
static __rte_always_inline int __rte_ring_enter_owned(struct rte_ring *r, struct __rte_ring_side *s)
{
	/* relaxed: as above */
	const uint64_t me = __atomic_load_n(&__rte_ring_self[0], __ATOMIC_RELAXED), name = __rte_ring_thread.name;
	uint64_t nobody = 0;

	if (unlikely(me == 0) ||
	    !__atomic_compare_exchange_n(&s->owner, &nobody, me, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) /* A:RINGOWN */
		return __rte_ring_enter_slow(r, s, 1);
	if (unlikely(s->bias != 0) || s->last == name)
		return __rte_ring_entered(r, s, 1);
	s->last = name;
	return __RTE_RING_BY_OWNER;
}

/* in a mode with an owner */
static __rte_always_inline int __rte_ring_enter(struct rte_ring *r, struct __rte_ring_side *s)
{
	const int by = __rte_ring_enter_biased(s) ? __RTE_RING_BY_BIAS : __rte_ring_enter_owned(r, s);

	__RTE_RING_STEP("entered");
	return by;
}

static __rte_always_inline void __rte_ring_leave(struct __rte_ring_side *s, enum rte_ring_sync_type mode, int by)
{
	if (mode != RTE_RING_SYNC_ST) {
		if (likely(by == __RTE_RING_BY_BIAS)) {
			__RTE_RING_LEAVES(s);
			__atomic_store_n(__rte_ring_thread.at, (uint64_t)0, __ATOMIC_RELEASE); /* R:RINGBIAS */
		} else
			__atomic_store_n(&s->owner, (uint64_t)0, __ATOMIC_RELEASE); /* R:RINGOWN */
	}
	__RTE_RING_STEP("left");
}

/*
 * How many of n elements may move from pos on; base is what there is when both tails are the same. *left, when the caller
 * wants it, is what remains after that, by a fresh look. lone: nobody waits for me to leave, so I may take my time.
 */
static __rte_always_inline uint32_t __rte_ring_grant(struct __rte_ring_side *s, uint32_t pos,
						     const struct rte_ring_headtail *other, uint32_t base, uint32_t n,
						     enum rte_ring_queue_behavior behavior, int lone,
						     unsigned int *left)
{
	/* written inside this side only; what it stands for was acquired by who wrote it. Plain, so that it is no instruction */
	uint32_t seen = s->seen, room = base + seen - pos;

	__RTE_RING_SEEN(&other->tail);
	if (room < n || left != NULL) {
		if (likely(s->chase == 0) || room >= n || !lone)
			seen = __atomic_load_n(&other->tail, __ATOMIC_ACQUIRE); /* A:RINGPUB, A:RINGTAKE */
		else
			seen = __rte_ring_look(s, other, n, room);
		__atomic_store_n(&s->seen, seen, __ATOMIC_RELAXED);
		room = base + seen - pos;
		if (unlikely(room < n))
			s->chase = 1;
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

/*
 * The side is mine until __rte_ring_leave(), which wants what this returns; 0: it is in vain, or this process may not touch
 * it. Who has no name in the group (before init, in a forked child) may use rings outside its memory, the slow way.
 */
static __rte_always_inline int __rte_ring_begin(struct rte_ring *r, unsigned int side, uint32_t n,
						enum rte_ring_queue_behavior behavior, enum rte_ring_sync_type mode,
						unsigned int *left)
{
	struct __rte_ring_side *s = side == 0 ? &r->prod_side : &r->cons_side;
	int by;

	if (mode == RTE_RING_SYNC_ST)
		by = likely(__rte_ring_self[0] != 0) /* plain: written when no other thread is in a ring */
			     ? __RTE_RING_BY_OWNER
			     : __rte_ring_enter_slow(r, NULL, 0);
	else if (likely(__rte_ring_enter_biased(s)))
		by = __RTE_RING_BY_BIAS;
	else if (left == NULL &&
		 __rte_ring_in_vain(s, side == 0 ? &r->prod : &r->cons, side == 0 ? &r->cons.tail : &r->prod.tail,
				    side == 0 ? r->capacity : 0, n, behavior))
		return 0;
	else
		by = __rte_ring_enter_owned(r, s);
	if (unlikely(by == 0) && left != NULL)
		*left = 0;
	__RTE_RING_STEP("entered");
	return by;
}

/* the one store; then the side is free, and who sleeps for this is woken */
static __rte_always_inline void __rte_ring_publish(struct rte_ring *r, struct __rte_ring_side *s,
						   struct rte_ring_headtail *own, uint32_t tail,
						   enum rte_ring_sync_type mode, int by, unsigned int side)
{
	__RTE_RING_STEP("moved");
	__atomic_store_n(&own->tail, tail, __ATOMIC_RELEASE); /* R:RINGPUB, R:RINGTAKE */
	__RTE_RING_STEP("published");
	__rte_ring_leave(s, mode, by);
	/* not reordered by the compiler; the processor's order is the sleeper's business, see shoal_ring.h */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&r->watch, __ATOMIC_RELAXED) != 0))
		__rte_ring_wake(r, side);
}

static __rte_always_inline unsigned int __rte_ring_plain_enqueue(struct rte_ring *r, const void *objs,
								 unsigned int esize, unsigned int n,
								 enum rte_ring_queue_behavior behavior,
								 enum rte_ring_sync_type mode, unsigned int *left)
{
	const uint32_t asked = n;
	uint64_t one[2];
	uint32_t pos;
	int by;

	/* one element, known when compiled, is in registers by now: nothing that may look at objs comes in between */
	if (__builtin_constant_p(asked) && asked == 1 && __builtin_constant_p(esize) && esize <= sizeof(one))
		objs = __builtin_memcpy(one, objs, esize);
	by = __rte_ring_begin(r, 0, n, behavior, mode, left);
	if (unlikely(by == 0))
		return 0;
	pos = __atomic_load_n(&r->prod.tail, __ATOMIC_RELAXED); /* relaxed: moved inside this side only */
	n = __rte_ring_grant(&r->prod_side, pos, &r->cons, r->capacity, n, behavior,
			     mode == RTE_RING_SYNC_ST || by == __RTE_RING_BY_BIAS, left);
	if (unlikely(n == 0)) {
		__rte_ring_leave(&r->prod_side, mode, by);
		return 0;
	}
	__rte_ring_put(r, pos, objs, esize, n, asked);
	__rte_ring_publish(r, &r->prod_side, &r->prod, pos + n, mode, by, 0);
	return n;
}

static __rte_always_inline unsigned int __rte_ring_plain_dequeue(struct rte_ring *r, void *objs, unsigned int esize,
								 unsigned int n, enum rte_ring_queue_behavior behavior,
								 enum rte_ring_sync_type mode, unsigned int *left)
{
	const uint32_t asked = n;
	uint32_t pos;
	int by;

	by = __rte_ring_begin(r, 1, n, behavior, mode, left);
	if (unlikely(by == 0))
		return 0;
	pos = __atomic_load_n(&r->cons.tail, __ATOMIC_RELAXED); /* relaxed: moved inside this side only */
	n = __rte_ring_grant(&r->cons_side, pos, &r->prod, 0, n, behavior,
			     mode == RTE_RING_SYNC_ST || by == __RTE_RING_BY_BIAS, left);
	if (unlikely(n == 0)) {
		__rte_ring_leave(&r->cons_side, mode, by);
		return 0;
	}
	__rte_ring_get(r, pos, objs, esize, n, asked);
	__rte_ring_publish(r, &r->cons_side, &r->cons, pos + n, mode, by, 1);
	return n;
}

static __rte_always_inline unsigned int __rte_ring_do_enqueue(struct rte_ring *r, const void *objs, unsigned int esize,
							      unsigned int n, enum rte_ring_queue_behavior behavior,
							      enum rte_ring_sync_type mode, unsigned int *left)
{
	if (unlikely(r->tracked != 0)) {
		void *one; /* the same: its address goes no further than here */

		if (__builtin_constant_p(n) && n == 1)
			objs = __builtin_memcpy(&one, objs, sizeof(one));
		return __rte_ring_in_tracked(r, (void *const *)objs, n, behavior, left);
	}
	return __rte_ring_plain_enqueue(r, objs, esize, n, behavior, mode, left);
}

static __rte_always_inline unsigned int __rte_ring_do_dequeue(struct rte_ring *r, void *objs, unsigned int esize,
							      unsigned int n, enum rte_ring_queue_behavior behavior,
							      enum rte_ring_sync_type mode, unsigned int *left)
{
	if (unlikely(r->tracked != 0))
		return __rte_ring_out_tracked(r, (void **)objs, n, behavior, left);
	return __rte_ring_plain_dequeue(r, objs, esize, n, behavior, mode, left);
}

/* the mode that the ring was made with: two ways, told apart once; who is tracked enters by an owner anyway */
static __rte_always_inline unsigned int __rte_ring_enqueue_any(struct rte_ring *r, const void *objs, unsigned int esize,
							       unsigned int n, enum rte_ring_queue_behavior behavior,
							       unsigned int *left)
{
	/* likely: of the two the one that a few jumps more would slow down most */
	if (likely(r->prod_plain != 0))
		return __rte_ring_plain_enqueue(r, objs, esize, n, behavior, RTE_RING_SYNC_ST, left);
	return __rte_ring_do_enqueue(r, objs, esize, n, behavior, RTE_RING_SYNC_MT, left);
}

static __rte_always_inline unsigned int __rte_ring_dequeue_any(struct rte_ring *r, void *objs, unsigned int esize,
							       unsigned int n, enum rte_ring_queue_behavior behavior,
							       unsigned int *left)
{
	/* likely: of the two the one that a few jumps more would slow down most */
	if (likely(r->cons_plain != 0))
		return __rte_ring_plain_dequeue(r, objs, esize, n, behavior, RTE_RING_SYNC_ST, left);
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
	if (unlikely(mode < 0))
		return 0;
	/* by owner: between start and finish the thread may enter other rings. relaxed: as above */
	if (mode == RTE_RING_SYNC_ST ? unlikely(__atomic_load_n(&__rte_ring_self[0], __ATOMIC_RELAXED) == 0) &&
					       !__rte_ring_enter_slow(r, NULL, 0)
				     : unlikely(!__rte_ring_enter_slow(r, s, 0)))
		return 0;
	__RTE_RING_STEP("entered");
	*pos = __atomic_load_n(&own->tail, __ATOMIC_RELAXED); /* relaxed: moved inside this side only */
	n = __rte_ring_grant(s, *pos, other, is_cons ? 0 : r->capacity, n, behavior, mode == RTE_RING_SYNC_ST, left);
	s->held = n;
	if (n == 0)
		__rte_ring_leave(s, (enum rte_ring_sync_type)mode, __RTE_RING_BY_OWNER);
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
		__rte_ring_leave(s, (enum rte_ring_sync_type)mode, __RTE_RING_BY_OWNER);
	else
		__rte_ring_publish(r, s, is_cons ? &r->cons : &r->prod, pos + n, (enum rte_ring_sync_type)mode,
				   __RTE_RING_BY_OWNER, is_cons);
}

#ifdef __cplusplus
}
#endif

#endif
