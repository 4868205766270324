/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_memcpy.h - copying
 *
 * The C library's memcpy() picks the best way for this processor when the program starts; these are other names for it.
 */
#ifndef RTE_MEMCPY_H
#define RTE_MEMCPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_common.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Copy n bytes between places that do not overlap. Returns dst. */
static __rte_always_inline void *rte_memcpy(void *dst, const void *src, size_t n)
{
	return memcpy(dst, src, n);
}

/* copy a fixed number of bytes */
static __rte_always_inline void rte_mov16(uint8_t *dst, const uint8_t *src)
{
	memcpy(dst, src, 16);
}
static __rte_always_inline void rte_mov32(uint8_t *dst, const uint8_t *src)
{
	memcpy(dst, src, 32);
}
static __rte_always_inline void rte_mov48(uint8_t *dst, const uint8_t *src)
{
	memcpy(dst, src, 48);
}
static __rte_always_inline void rte_mov64(uint8_t *dst, const uint8_t *src)
{
	memcpy(dst, src, 64);
}
static __rte_always_inline void rte_mov128(uint8_t *dst, const uint8_t *src)
{
	memcpy(dst, src, 128);
}
static __rte_always_inline void rte_mov256(uint8_t *dst, const uint8_t *src)
{
	memcpy(dst, src, 256);
}
/* at most 15 bytes */
static __rte_always_inline void *rte_mov15_or_less(void *dst, const void *src, size_t n)
{
	return memcpy(dst, src, n & 15);
}

#ifdef __cplusplus
}
#endif

#endif
