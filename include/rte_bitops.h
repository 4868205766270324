/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_bitops.h - single bits, and powers of two. Bits are counted from 0 unless a comment says otherwise. */
#ifndef RTE_BITOPS_H
#define RTE_BITOPS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* a word with bit nr set; with bits low to high set; of a value, the bits of mask moved down */
#define RTE_BIT64(nr) (UINT64_C(1) << (nr))
#define RTE_BIT32(nr) (UINT32_C(1) << (nr))
#define RTE_GENMASK64(high, low) ((~UINT64_C(0) << (low)) & (~UINT64_C(0) >> (63 - (high))))
#define RTE_GENMASK32(high, low) ((~UINT32_C(0) << (low)) & (~UINT32_C(0) >> (31 - (high))))
#define RTE_SHIFT_VAL64(val, shift) ((UINT64_C(val)) << (shift))
#define RTE_SHIFT_VAL32(val, shift) ((UINT32_C(val)) << (shift))
#define RTE_FIELD_GET64(mask, reg) ((uint64_t)(((reg) & (mask)) >> __builtin_ctzll(mask)))
#define RTE_FIELD_GET32(mask, reg) ((uint32_t)(((reg) & (mask)) >> __builtin_ctz(mask)))
/* n is named three times */
#define RTE_IS_POWER_OF_2(n) ((n) && !(((n)-1) & (n)))

/*
 * One bit of a word that only this thread writes, or that orders nothing: a load and a store, no more. get and test_and_...
 * give the bit itself, in its place (not 1).
 */
static inline uint32_t rte_bit_relaxed_get32(unsigned int nr, volatile uint32_t *addr)
{
	return *addr & RTE_BIT32(nr);
}
static inline void rte_bit_relaxed_set32(unsigned int nr, volatile uint32_t *addr)
{
	*addr = *addr | RTE_BIT32(nr);
}
static inline void rte_bit_relaxed_clear32(unsigned int nr, volatile uint32_t *addr)
{
	*addr = *addr & ~RTE_BIT32(nr);
}
static inline uint32_t rte_bit_relaxed_test_and_set32(unsigned int nr, volatile uint32_t *addr)
{
	uint32_t was = *addr;

	*addr = was | RTE_BIT32(nr);
	return was & RTE_BIT32(nr);
}
static inline uint32_t rte_bit_relaxed_test_and_clear32(unsigned int nr, volatile uint32_t *addr)
{
	uint32_t was = *addr;

	*addr = was & ~RTE_BIT32(nr);
	return was & RTE_BIT32(nr);
}
static inline uint64_t rte_bit_relaxed_get64(unsigned int nr, volatile uint64_t *addr)
{
	return *addr & RTE_BIT64(nr);
}
static inline void rte_bit_relaxed_set64(unsigned int nr, volatile uint64_t *addr)
{
	*addr = *addr | RTE_BIT64(nr);
}
static inline void rte_bit_relaxed_clear64(unsigned int nr, volatile uint64_t *addr)
{
	*addr = *addr & ~RTE_BIT64(nr);
}
static inline uint64_t rte_bit_relaxed_test_and_set64(unsigned int nr, volatile uint64_t *addr)
{
	uint64_t was = *addr;

	*addr = was | RTE_BIT64(nr);
	return was & RTE_BIT64(nr);
}
static inline uint64_t rte_bit_relaxed_test_and_clear64(unsigned int nr, volatile uint64_t *addr)
{
	uint64_t was = *addr;

	*addr = was & ~RTE_BIT64(nr);
	return was & RTE_BIT64(nr);
}

/* zeros above the highest and below the lowest bit set (v must not be 0); bits set */
static inline unsigned int rte_clz32(uint32_t v)
{
	return (unsigned int)__builtin_clz(v);
}
static inline unsigned int rte_clz64(uint64_t v)
{
	return (unsigned int)__builtin_clzll(v);
}
static inline unsigned int rte_ctz32(uint32_t v)
{
	return (unsigned int)__builtin_ctz(v);
}
static inline unsigned int rte_ctz64(uint64_t v)
{
	return (unsigned int)__builtin_ctzll(v);
}
static inline unsigned int rte_popcount32(uint32_t v)
{
	return (unsigned int)__builtin_popcount(v);
}
static inline unsigned int rte_popcount64(uint64_t v)
{
	return (unsigned int)__builtin_popcountll(v);
}
/* the number of the lowest bit set, counted from 1; 0 for 0 */
static inline unsigned int rte_ffs32(uint32_t v)
{
	return (unsigned int)__builtin_ffs((int)v);
}
static inline unsigned int rte_ffs64(uint64_t v)
{
	return (unsigned int)__builtin_ffsll((long long)v);
}

/* x with every bit below its highest one set */
static inline uint32_t rte_combine32ms1b(uint32_t x)
{
	return x == 0 ? 0 : UINT32_MAX >> __builtin_clz(x);
}
static inline uint64_t rte_combine64ms1b(uint64_t v)
{
	return v == 0 ? 0 : UINT64_MAX >> __builtin_clzll(v);
}
static inline int rte_is_power_of_2(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}
/* the power of two that is not smaller (0 for 0, and when it does not fit); that is not larger (0 for 0) */
static inline uint32_t rte_align32pow2(uint32_t x)
{
	return rte_combine32ms1b(x - 1) + 1;
}
static inline uint32_t rte_align32prevpow2(uint32_t x)
{
	return x == 0 ? 0 : UINT32_C(1) << (31 - __builtin_clz(x));
}
static inline uint64_t rte_align64pow2(uint64_t v)
{
	return rte_combine64ms1b(v - 1) + 1;
}
static inline uint64_t rte_align64prevpow2(uint64_t v)
{
	return v == 0 ? 0 : UINT64_C(1) << (63 - __builtin_clzll(v));
}
/* the number of the lowest bit set; v must not be 0 */
static inline uint32_t rte_bsf32(uint32_t v)
{
	return (uint32_t)__builtin_ctz(v);
}
static inline uint32_t rte_bsf64(uint64_t v)
{
	return (uint32_t)__builtin_ctzll(v);
}
/* 1 and the number in *pos; or 0, for v 0, with *pos untouched */
static inline int rte_bsf32_safe(uint32_t v, uint32_t *pos)
{
	if (v == 0)
		return 0;
	*pos = rte_bsf32(v);
	return 1;
}
static inline int rte_bsf64_safe(uint64_t v, uint32_t *pos)
{
	if (v == 0)
		return 0;
	*pos = rte_bsf64(v);
	return 1;
}
/* the number of the highest bit set, counted from 1; 0 for 0 */
static inline uint32_t rte_fls_u32(uint32_t x)
{
	return x == 0 ? 0 : 32 - (uint32_t)__builtin_clz(x);
}
static inline uint32_t rte_fls_u64(uint64_t x)
{
	return x == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(x);
}
/* the logarithm to base 2, rounded up; 0 for 0 */
static inline uint32_t rte_log2_u32(uint32_t v)
{
	return v <= 1 ? 0 : rte_fls_u32(v - 1);
}
static inline uint32_t rte_log2_u64(uint64_t v)
{
	return v <= 1 ? 0 : rte_fls_u64(v - 1);
}

#ifdef __cplusplus
}
#endif

#endif
