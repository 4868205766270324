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

/* ---- 16 bits ---- */

typedef struct {
	volatile int16_t cnt;
} rte_atomic16_t;

#define RTE_ATOMIC16_INIT(val)                                                                                         \
	{                                                                                                              \
		(val)                                                                                                  \
	}

/* if *dst is exp, it becomes src. Returns 1 if it did, else 0. */
static inline int rte_atomic16_cmpset(volatile uint16_t *dst, uint16_t exp, uint16_t src)
{
	return __atomic_compare_exchange_n(dst, &exp, src, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
/* *dst becomes val. Returns what it was. */
static inline uint16_t rte_atomic16_exchange(volatile uint16_t *dst, uint16_t val)
{
	return __atomic_exchange_n(dst, val, __ATOMIC_SEQ_CST);
}
static inline void rte_atomic16_init(rte_atomic16_t *v)
{
	__atomic_store_n(&v->cnt, 0, __ATOMIC_RELAXED);
}
static inline int16_t rte_atomic16_read(const rte_atomic16_t *v)
{
	return __atomic_load_n(&v->cnt, __ATOMIC_RELAXED);
}
static inline void rte_atomic16_set(rte_atomic16_t *v, int16_t new_value)
{
	__atomic_store_n(&v->cnt, new_value, __ATOMIC_RELAXED);
}
static inline void rte_atomic16_clear(rte_atomic16_t *v)
{
	__atomic_store_n(&v->cnt, 0, __ATOMIC_RELAXED);
}
static inline void rte_atomic16_add(rte_atomic16_t *v, int16_t inc)
{
	(void)__atomic_fetch_add(&v->cnt, inc, __ATOMIC_SEQ_CST);
}
static inline void rte_atomic16_sub(rte_atomic16_t *v, int16_t dec)
{
	(void)__atomic_fetch_sub(&v->cnt, dec, __ATOMIC_SEQ_CST);
}
static inline void rte_atomic16_inc(rte_atomic16_t *v)
{
	rte_atomic16_add(v, 1);
}
static inline void rte_atomic16_dec(rte_atomic16_t *v)
{
	rte_atomic16_sub(v, 1);
}
/* the new value */
static inline int16_t rte_atomic16_add_return(rte_atomic16_t *v, int16_t inc)
{
	return __atomic_add_fetch(&v->cnt, inc, __ATOMIC_SEQ_CST);
}
static inline int16_t rte_atomic16_sub_return(rte_atomic16_t *v, int16_t dec)
{
	return __atomic_sub_fetch(&v->cnt, dec, __ATOMIC_SEQ_CST);
}
/* 1 when the new value is 0 */
static inline int rte_atomic16_inc_and_test(rte_atomic16_t *v)
{
	return rte_atomic16_add_return(v, 1) == 0;
}
static inline int rte_atomic16_dec_and_test(rte_atomic16_t *v)
{
	return rte_atomic16_sub_return(v, 1) == 0;
}
/* 0 becomes 1. Returns 1 if it was 0, else 0. */
static inline int rte_atomic16_test_and_set(rte_atomic16_t *v)
{
	return rte_atomic16_cmpset((volatile uint16_t *)&v->cnt, 0, 1);
}

/* ---- 32 bits ---- */

typedef struct {
	volatile int32_t cnt;
} rte_atomic32_t;

#define RTE_ATOMIC32_INIT(val)                                                                                         \
	{                                                                                                              \
		(val)                                                                                                  \
	}

/* if *dst is exp, it becomes src. Returns 1 if it did, else 0. */
static inline int rte_atomic32_cmpset(volatile uint32_t *dst, uint32_t exp, uint32_t src)
{
	return __atomic_compare_exchange_n(dst, &exp, src, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
/* *dst becomes val. Returns what it was. */
static inline uint32_t rte_atomic32_exchange(volatile uint32_t *dst, uint32_t val)
{
	return __atomic_exchange_n(dst, val, __ATOMIC_SEQ_CST);
}
static inline void rte_atomic32_init(rte_atomic32_t *v)
{
	__atomic_store_n(&v->cnt, 0, __ATOMIC_RELAXED);
}
static inline int32_t rte_atomic32_read(const rte_atomic32_t *v)
{
	return __atomic_load_n(&v->cnt, __ATOMIC_RELAXED);
}
static inline void rte_atomic32_set(rte_atomic32_t *v, int32_t new_value)
{
	__atomic_store_n(&v->cnt, new_value, __ATOMIC_RELAXED);
}
static inline void rte_atomic32_clear(rte_atomic32_t *v)
{
	__atomic_store_n(&v->cnt, 0, __ATOMIC_RELAXED);
}
static inline void rte_atomic32_add(rte_atomic32_t *v, int32_t inc)
{
	(void)__atomic_fetch_add(&v->cnt, inc, __ATOMIC_SEQ_CST);
}
static inline void rte_atomic32_sub(rte_atomic32_t *v, int32_t dec)
{
	(void)__atomic_fetch_sub(&v->cnt, dec, __ATOMIC_SEQ_CST);
}
static inline void rte_atomic32_inc(rte_atomic32_t *v)
{
	rte_atomic32_add(v, 1);
}
static inline void rte_atomic32_dec(rte_atomic32_t *v)
{
	rte_atomic32_sub(v, 1);
}
/* the new value */
static inline int32_t rte_atomic32_add_return(rte_atomic32_t *v, int32_t inc)
{
	return __atomic_add_fetch(&v->cnt, inc, __ATOMIC_SEQ_CST);
}
static inline int32_t rte_atomic32_sub_return(rte_atomic32_t *v, int32_t dec)
{
	return __atomic_sub_fetch(&v->cnt, dec, __ATOMIC_SEQ_CST);
}
/* 1 when the new value is 0 */
static inline int rte_atomic32_inc_and_test(rte_atomic32_t *v)
{
	return rte_atomic32_add_return(v, 1) == 0;
}
static inline int rte_atomic32_dec_and_test(rte_atomic32_t *v)
{
	return rte_atomic32_sub_return(v, 1) == 0;
}
/* 0 becomes 1. Returns 1 if it was 0, else 0. */
static inline int rte_atomic32_test_and_set(rte_atomic32_t *v)
{
	return rte_atomic32_cmpset((volatile uint32_t *)&v->cnt, 0, 1);
}

/* ---- 64 bits ---- */

typedef struct {
	volatile int64_t cnt;
} rte_atomic64_t;

#define RTE_ATOMIC64_INIT(val)                                                                                         \
	{                                                                                                              \
		(val)                                                                                                  \
	}

/* if *dst is exp, it becomes src. Returns 1 if it did, else 0. */
static inline int rte_atomic64_cmpset(volatile uint64_t *dst, uint64_t exp, uint64_t src)
{
	return __atomic_compare_exchange_n(dst, &exp, src, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
/* *dst becomes val. Returns what it was. */
static inline uint64_t rte_atomic64_exchange(volatile uint64_t *dst, uint64_t val)
{
	return __atomic_exchange_n(dst, val, __ATOMIC_SEQ_CST);
}
static inline void rte_atomic64_init(rte_atomic64_t *v)
{
	__atomic_store_n(&v->cnt, 0, __ATOMIC_RELAXED);
}
static inline int64_t rte_atomic64_read(rte_atomic64_t *v)
{
	return __atomic_load_n(&v->cnt, __ATOMIC_RELAXED);
}
static inline void rte_atomic64_set(rte_atomic64_t *v, int64_t new_value)
{
	__atomic_store_n(&v->cnt, new_value, __ATOMIC_RELAXED);
}
static inline void rte_atomic64_clear(rte_atomic64_t *v)
{
	__atomic_store_n(&v->cnt, 0, __ATOMIC_RELAXED);
}
static inline void rte_atomic64_add(rte_atomic64_t *v, int64_t inc)
{
	(void)__atomic_fetch_add(&v->cnt, inc, __ATOMIC_SEQ_CST);
}
static inline void rte_atomic64_sub(rte_atomic64_t *v, int64_t dec)
{
	(void)__atomic_fetch_sub(&v->cnt, dec, __ATOMIC_SEQ_CST);
}
static inline void rte_atomic64_inc(rte_atomic64_t *v)
{
	rte_atomic64_add(v, 1);
}
static inline void rte_atomic64_dec(rte_atomic64_t *v)
{
	rte_atomic64_sub(v, 1);
}
/* the new value */
static inline int64_t rte_atomic64_add_return(rte_atomic64_t *v, int64_t inc)
{
	return __atomic_add_fetch(&v->cnt, inc, __ATOMIC_SEQ_CST);
}
static inline int64_t rte_atomic64_sub_return(rte_atomic64_t *v, int64_t dec)
{
	return __atomic_sub_fetch(&v->cnt, dec, __ATOMIC_SEQ_CST);
}
/* 1 when the new value is 0 */
static inline int rte_atomic64_inc_and_test(rte_atomic64_t *v)
{
	return rte_atomic64_add_return(v, 1) == 0;
}
static inline int rte_atomic64_dec_and_test(rte_atomic64_t *v)
{
	return rte_atomic64_sub_return(v, 1) == 0;
}
/* 0 becomes 1. Returns 1 if it was 0, else 0. */
static inline int rte_atomic64_test_and_set(rte_atomic64_t *v)
{
	return rte_atomic64_cmpset((volatile uint64_t *)&v->cnt, 0, 1);
}

#ifdef __cplusplus
}
#endif

#endif
