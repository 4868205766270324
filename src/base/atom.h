/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * atom.h - the only file that names memory orders
 *
 * Every use carries a label pair in a comment, "R:XXX" at the release side and "A:XXX" at the acquire side, unique in
 * the tree, so that one grep finds both ends. A relaxed access says why it may be relaxed.
 *
 * TSan sees one process. Where two threads of one process synchronise through another process it would report a false
 * race: sh_shm_release()/sh_shm_acquire() tell it about the hand-over. They compile to nothing elsewhere.
 */
#ifndef SH_BASE_ATOM_H
#define SH_BASE_ATOM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define sh_load_rlx(p) atomic_load_explicit((p), memory_order_relaxed)
#define sh_load_acq(p) atomic_load_explicit((p), memory_order_acquire)
#define sh_store_rlx(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)
#define sh_store_rel(p, v) atomic_store_explicit((p), (v), memory_order_release)
#define sh_add(p, v) atomic_fetch_add_explicit((p), (v), memory_order_acq_rel)
#define sh_add_rlx(p, v) atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define sh_or(p, v) atomic_fetch_or_explicit((p), (v), memory_order_acq_rel)
#define sh_and(p, v) atomic_fetch_and_explicit((p), (v), memory_order_acq_rel)
#define sh_xchg(p, v) atomic_exchange_explicit((p), (v), memory_order_acq_rel)
/* sequentially consistent: such a store (or this "or") and the next such load of another word, or a sh_fence(), keep their order */
#define sh_add_sc(p, v) atomic_fetch_add_explicit((p), (v), memory_order_seq_cst)
#define sh_or_sc(p, v) atomic_fetch_or_explicit((p), (v), memory_order_seq_cst)
#define sh_load_sc(p) atomic_load_explicit((p), memory_order_seq_cst)
/* true when *p was *expected and is now v; otherwise *expected holds what was found */
#define sh_cas(p, expected, v)                                                                                         \
	atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_acq_rel, memory_order_acquire)
/* keeps the compiler from moving my accesses over it; for the machine another's membarrier(2) does that (barrier.h) */
#define sh_signal_fence() atomic_signal_fence(memory_order_seq_cst)
/* full fence: orders my store before my load of another word (sleep and wake) */
#define sh_fence() atomic_thread_fence(memory_order_seq_cst)

static inline void sh_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#endif
}

/* have this line come for writing, if the processor knows how; a plain hint would bring it for reading, which costs twice */
static inline void sh_prefetch_write(const void *p)
{
#if defined(__x86_64__) || defined(__i386__)
	__asm__ volatile("prefetchw %0" ::"m"(*(const char *)p));
#else
	__builtin_prefetch(p, 1);
#endif
}

#if defined(__SANITIZE_THREAD__)
#define SH_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SH_TSAN 1
#endif
#endif

#ifdef SH_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
static inline void sh_shm_acquire(void *addr)
{
	__tsan_acquire(addr);
}
static inline void sh_shm_release(void *addr)
{
	__tsan_release(addr);
}
#else
static inline void sh_shm_acquire(void *addr)
{
	(void)addr;
}
static inline void sh_shm_release(void *addr)
{
	(void)addr;
}
#endif

#define SH_LINE 64 /* bytes of a cache line: who writes together lies together */

#endif
