/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_atomic.h - fences, and counters of 16, 32 and 64 bits
 *
 * Every operation on a counter is atomic and orders all memory accesses around it (sequentially consistent), but for read,
 * set, init and clear, which are single accesses and order nothing.
 */
#ifndef RTE_ATOMIC_H
#define RTE_ATOMIC_H

#include <stdint.h>

#include <rte_common.h>
#include <rte_stdatomic.h>

#ifdef __cplusplus
extern "C" {
#endif

/* the compiler moves no access across it; the processor may */
#define rte_compiler_barrier() __asm__ volatile("" : : : "memory")

/* fences: for all accesses, stores, loads; the smp ones against other cores, the io ones against devices */
static inline void rte_mb(void)
{
#if defined(RTE_ARCH_X86_64)
	/* a locked access below the red zone: cheaper than mfence, and known to thread sanitizers */
	__asm__ volatile("lock orl $0, -128(%%rsp)" : : : "memory", "cc");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}
static inline void rte_wmb(void)
{
#if defined(RTE_ARCH_X86)
	__asm__ volatile("sfence" : : : "memory");
#elif defined(RTE_ARCH_ARM64)
	__asm__ volatile("dmb oshst" : : : "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}
static inline void rte_rmb(void)
{
#if defined(RTE_ARCH_X86)
	__asm__ volatile("lfence" : : : "memory");
#elif defined(RTE_ARCH_ARM64)
	__asm__ volatile("dmb oshld" : : : "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}
static inline void rte_smp_mb(void)
{
	rte_mb();
}
static inline void rte_smp_wmb(void)
{
#if defined(RTE_ARCH_X86)
	rte_compiler_barrier();
#elif defined(RTE_ARCH_ARM64)
	__asm__ volatile("dmb ishst" : : : "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}
static inline void rte_smp_rmb(void)
{
#if defined(RTE_ARCH_X86)
	rte_compiler_barrier();
#elif defined(RTE_ARCH_ARM64)
	__asm__ volatile("dmb ishld" : : : "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}
static inline void rte_io_mb(void)
{
	rte_mb();
}
static inline void rte_io_wmb(void)
{
#if defined(RTE_ARCH_X86)
	rte_compiler_barrier();
#elif defined(RTE_ARCH_ARM64)
	__asm__ volatile("dmb oshst" : : : "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}
static inline void rte_io_rmb(void)
{
#if defined(RTE_ARCH_X86)
	rte_compiler_barrier();
#elif defined(RTE_ARCH_ARM64)
	__asm__ volatile("dmb oshld" : : : "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}
/* a fence of a given strength, one of rte_memory_order_* */
static __rte_always_inline void rte_atomic_thread_fence(rte_memory_order memorder)
{
#if defined(RTE_ARCH_X86_64)
	if (memorder == __ATOMIC_SEQ_CST)
		rte_mb();
	else
		rte_compiler_barrier();
#else
	__atomic_thread_fence(memorder);
#endif
}

/* ---- counters of 16, 32 and 64 bits ---- */

#define RTE_ATOMIC16_INIT(val)                                                                                         \
	{                                                                                                              \
		(val)                                                                                                  \
	}
#define RTE_ATOMIC32_INIT(val)                                                                                         \
	{                                                                                                              \
		(val)                                                                                                  \
	}
#define RTE_ATOMIC64_INIT(val)                                                                                         \
	{                                                                                                              \
		(val)                                                                                                  \
	}

/*
 * For each width N:
 *   cmpset         if *dst is exp, it becomes src. Returns 1 if it did, else 0
 *   exchange       *dst becomes val. Returns what it was
 *   init clear     0; read set: without order
 *   add sub inc dec
 *   add_return sub_return               the new value
 *   inc_and_test dec_and_test           1 when the new value is 0
 *   test_and_set   0 becomes 1. Returns 1 if it was 0, else 0
 */
#define __RTE_ATOMIC_FAMILY(N)                                                                                         \
	typedef struct {                                                                                               \
		volatile int##N##_t cnt;                                                                               \
	} rte_atomic##N##_t;                                                                                           \
	static inline int rte_atomic##N##_cmpset(volatile uint##N##_t *dst, uint##N##_t exp, uint##N##_t src)          \
	{                                                                                                              \
		return __atomic_compare_exchange_n(dst, &exp, src, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);             \
	}                                                                                                              \
	static inline uint##N##_t rte_atomic##N##_exchange(volatile uint##N##_t *dst, uint##N##_t val)                 \
	{                                                                                                              \
		return __atomic_exchange_n(dst, val, __ATOMIC_SEQ_CST);                                                \
	}                                                                                                              \
	static inline void rte_atomic##N##_set(rte_atomic##N##_t *v, int##N##_t val)                                   \
	{                                                                                                              \
		__atomic_store_n(&v->cnt, val, __ATOMIC_RELAXED);                                                      \
	}                                                                                                              \
	static inline void rte_atomic##N##_init(rte_atomic##N##_t *v)                                                  \
	{                                                                                                              \
		rte_atomic##N##_set(v, 0);                                                                             \
	}                                                                                                              \
	static inline void rte_atomic##N##_clear(rte_atomic##N##_t *v)                                                 \
	{                                                                                                              \
		rte_atomic##N##_set(v, 0);                                                                             \
	}                                                                                                              \
	static inline int##N##_t rte_atomic##N##_read(const rte_atomic##N##_t *v)                                      \
	{                                                                                                              \
		return __atomic_load_n(&v->cnt, __ATOMIC_RELAXED);                                                     \
	}                                                                                                              \
	static inline int##N##_t rte_atomic##N##_add_return(rte_atomic##N##_t *v, int##N##_t inc)                      \
	{                                                                                                              \
		return __atomic_add_fetch(&v->cnt, inc, __ATOMIC_SEQ_CST);                                             \
	}                                                                                                              \
	static inline int##N##_t rte_atomic##N##_sub_return(rte_atomic##N##_t *v, int##N##_t dec)                      \
	{                                                                                                              \
		return __atomic_sub_fetch(&v->cnt, dec, __ATOMIC_SEQ_CST);                                             \
	}                                                                                                              \
	static inline void rte_atomic##N##_add(rte_atomic##N##_t *v, int##N##_t inc)                                   \
	{                                                                                                              \
		(void)rte_atomic##N##_add_return(v, inc);                                                              \
	}                                                                                                              \
	static inline void rte_atomic##N##_sub(rte_atomic##N##_t *v, int##N##_t dec)                                   \
	{                                                                                                              \
		(void)rte_atomic##N##_sub_return(v, dec);                                                              \
	}                                                                                                              \
	static inline void rte_atomic##N##_inc(rte_atomic##N##_t *v)                                                   \
	{                                                                                                              \
		rte_atomic##N##_add(v, 1);                                                                             \
	}                                                                                                              \
	static inline void rte_atomic##N##_dec(rte_atomic##N##_t *v)                                                   \
	{                                                                                                              \
		rte_atomic##N##_sub(v, 1);                                                                             \
	}                                                                                                              \
	static inline int rte_atomic##N##_inc_and_test(rte_atomic##N##_t *v)                                           \
	{                                                                                                              \
		return rte_atomic##N##_add_return(v, 1) == 0;                                                          \
	}                                                                                                              \
	static inline int rte_atomic##N##_dec_and_test(rte_atomic##N##_t *v)                                           \
	{                                                                                                              \
		return rte_atomic##N##_sub_return(v, 1) == 0;                                                          \
	}                                                                                                              \
	static inline int rte_atomic##N##_test_and_set(rte_atomic##N##_t *v)                                           \
	{                                                                                                              \
		return rte_atomic##N##_cmpset((volatile uint##N##_t *)&v->cnt, 0, 1);                                  \
	}

__RTE_ATOMIC_FAMILY(16)
__RTE_ATOMIC_FAMILY(32)
__RTE_ATOMIC_FAMILY(64)
#undef __RTE_ATOMIC_FAMILY

/* ---- 128 bits ---- */

#if defined(RTE_ARCH_64)
__extension__ typedef struct __attribute__((__aligned__(16))) {
	union {
		uint64_t val[2];
		__int128 int128;
	};
} rte_int128_t;

#if defined(RTE_ARCH_X86)
#define MPLOCKED "lock ; "
#endif

/*
 * *dst becomes *src if it is *exp: then 1; else 0, and *exp is what it was. Sequentially consistent and never spurious, whatever
 * weak, success and failure say.
 */
static inline int rte_atomic128_cmp_exchange(rte_int128_t *dst, rte_int128_t *exp, const rte_int128_t *src,
					     unsigned int weak, int success, int failure)
{
	(void)weak;
	(void)success;
	(void)failure;
#if defined(RTE_ARCH_X86_64)
	{
		uint8_t done;

		__asm__ volatile(MPLOCKED "cmpxchg16b %[dst]\n\tsete %[done]"
				 : [dst] "+m"(*dst), "+a"(exp->val[0]), "+d"(exp->val[1]), [done] "=q"(done)
				 : "b"(src->val[0]), "c"(src->val[1])
				 : "memory", "cc");
		return done;
	}
#else
	return __atomic_compare_exchange(&dst->int128, &exp->int128, (__extension__ __int128 *)(uintptr_t)&src->int128,
					 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
#endif
}
#endif

#ifdef __cplusplus
}
#endif

#endif
