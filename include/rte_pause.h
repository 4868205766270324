/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_pause.h - loops that wait for another core */
#ifndef RTE_PAUSE_H
#define RTE_PAUSE_H

#include <assert.h>
#include <stdint.h>

#include <rte_atomic.h>
#include <rte_common.h>

#ifdef __cplusplus
extern "C" {
#endif

/** In the body of such a loop: leaves the core to its other thread for a moment. The kernel is not asked. */
static inline void rte_pause(void)
{
#if defined(RTE_ARCH_X86)
	__builtin_ia32_pause();
#elif defined(RTE_ARCH_ARM64)
	__asm__ volatile("yield" : : : "memory");
#else
	rte_compiler_barrier();
#endif
}

/* Spin until *addr is expected. memorder: rte_memory_order_relaxed or rte_memory_order_acquire. */
static __rte_always_inline void rte_wait_until_equal_16(volatile uint16_t *addr, uint16_t expected,
							rte_memory_order memorder)
{
	while (__atomic_load_n(addr, memorder) != expected)
		rte_pause();
}
static __rte_always_inline void rte_wait_until_equal_32(volatile uint32_t *addr, uint32_t expected,
							rte_memory_order memorder)
{
	while (__atomic_load_n(addr, memorder) != expected)
		rte_pause();
}
static __rte_always_inline void rte_wait_until_equal_64(volatile uint64_t *addr, uint64_t expected,
							rte_memory_order memorder)
{
	while (__atomic_load_n(addr, memorder) != expected)
		rte_pause();
}

/* Spin until (*addr & mask) cond expected, where cond is an operator: RTE_WAIT_UNTIL_MASKED(p, 1, ==, 0, order) */
#define RTE_WAIT_UNTIL_MASKED(addr, mask, cond, expected, memorder)                                                    \
	do {                                                                                                           \
		RTE_BUILD_BUG_ON((memorder) != __ATOMIC_ACQUIRE && (memorder) != __ATOMIC_RELAXED);                    \
		typeof(*(addr)) rte_wait_for_ = (expected);                                                            \
		while (!((__atomic_load_n((addr), (memorder)) & (mask)) cond rte_wait_for_))                           \
			rte_pause();                                                                                   \
	} while (0)

#ifdef __cplusplus
}
#endif

#endif
