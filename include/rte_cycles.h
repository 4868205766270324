/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_cycles.h - time in cycles, and waiting by the clock
 *
 * A cycle is one of the counter that the processor offers for this (x86: TSC, arm64: the virtual counter; elsewhere a
 * nanosecond). It is the same for all cores and processes of a machine.
 */
#ifndef RTE_CYCLES_H
#define RTE_CYCLES_H

#include <stdint.h>
#include <time.h>

#include <rte_atomic.h>
#include <rte_common.h>
#include <rte_debug.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MS_PER_S 1000
#define US_PER_S 1000000
#define NS_PER_S 1000000000

/* there is no other one than the first */
enum timer_source { EAL_TIMER_TSC = 0, EAL_TIMER_HPET };

/**
 * Cycles in a second; within 0.01 %.
 *
 * Threads:  any; needs no init. Blocks: the first call in a process may measure for some 10 ms.
 */
uint64_t rte_get_tsc_hz(void);

/** Cycles now. */
static inline uint64_t rte_rdtsc(void)
{
#if defined(RTE_ARCH_X86)
	return __builtin_ia32_rdtsc();
#elif defined(RTE_ARCH_ARM64)
	uint64_t v;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
	return v;
#else
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
#endif
}
/** The same, after all memory accesses before it. */
static inline uint64_t rte_rdtsc_precise(void)
{
	rte_mb();
#if defined(RTE_ARCH_ARM64)
	__asm__ volatile("isb" : : : "memory");
#endif
	return rte_rdtsc();
}
static inline uint64_t rte_get_tsc_cycles(void)
{
	return rte_rdtsc();
}
/* the clock for timers: the same */
static inline uint64_t rte_get_timer_cycles(void)
{
	return rte_get_tsc_cycles();
}
static inline uint64_t rte_get_timer_hz(void)
{
	return rte_get_tsc_hz();
}

/* Wait for this many microseconds: rte_delay_us_block(), or what rte_delay_us_callback_register() was given. */
typedef void (*rte_delay_us_fn)(unsigned int us);
extern rte_delay_us_fn rte_delay_us;

/** Wait without giving up the CPU. */
void rte_delay_us_block(unsigned int us);
/** Sleep; signals do not shorten it. */
void rte_delay_us_sleep(unsigned int us);
/** From now on rte_delay_us is userfunc. Call it before other threads wait. */
void rte_delay_us_callback_register(void (*userfunc)(unsigned int));

/** Wait for milliseconds, as rte_delay_us does. */
static inline void rte_delay_ms(unsigned int ms)
{
	/* in parts: more than 4294967 of them do not fit in the argument as microseconds */
	for (; ms > 1000000; ms -= 1000000)
		rte_delay_us(1000000u * 1000u);
	rte_delay_us(ms * 1000u);
}

#ifdef __cplusplus
}
#endif

#endif
