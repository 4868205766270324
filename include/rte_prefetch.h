/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_prefetch.h - tell the processor which memory will be used soon. Any address will do; nothing ever faults. */
#ifndef RTE_PREFETCH_H
#define RTE_PREFETCH_H

#include <rte_common.h>
#include <rte_compat.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTE_PREFETCH_(p, write, near) __builtin_prefetch((const void *)(uintptr_t)(p), write, near)

/* to be read: into all caches; all but the nearest; the farthest; and, the last, without displacing much */
static inline void rte_prefetch0(const volatile void *p)
{
	RTE_PREFETCH_(p, 0, 3);
}
static inline void rte_prefetch1(const volatile void *p)
{
	RTE_PREFETCH_(p, 0, 2);
}
static inline void rte_prefetch2(const volatile void *p)
{
	RTE_PREFETCH_(p, 0, 1);
}
static inline void rte_prefetch_non_temporal(const volatile void *p)
{
	RTE_PREFETCH_(p, 0, 0);
}
/* to be written */
static inline void rte_prefetch0_write(const void *p)
{
	RTE_PREFETCH_(p, 1, 3);
}
static inline void rte_prefetch1_write(const void *p)
{
	RTE_PREFETCH_(p, 1, 2);
}
static inline void rte_prefetch2_write(const void *p)
{
	RTE_PREFETCH_(p, 1, 1);
}
/* no longer needed here, soon elsewhere: move it away from the near caches, where the processor can */
static inline void rte_cldemote(const volatile void *p)
{
#if defined(RTE_ARCH_X86)
	/* processors that do not know it do nothing */
	__asm__ volatile(".byte 0x0f, 0x1c, 0x06" : : "S"(p));
#else
	RTE_SET_USED(p);
#endif
}

#ifdef __cplusplus
}
#endif

#endif
