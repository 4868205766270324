/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_byteorder.h - numbers as they go over a wire */
#ifndef RTE_BYTEORDER_H
#define RTE_BYTEORDER_H

#include <endian.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_config.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTE_BIG_ENDIAN 1
#define RTE_LITTLE_ENDIAN 2
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define RTE_BYTE_ORDER RTE_BIG_ENDIAN
#else
#define RTE_BYTE_ORDER RTE_LITTLE_ENDIAN
#endif

/* types that say which order their bytes have */
typedef uint16_t rte_be16_t;
typedef uint32_t rte_be32_t;
typedef uint64_t rte_be64_t;
typedef uint16_t rte_le16_t;
typedef uint32_t rte_le32_t;
typedef uint64_t rte_le64_t;

/* bytes in reverse; usable where a constant is needed, and name v more than once */
#define RTE_STATIC_BSWAP16(v)                                                                                          \
	((uint16_t)((((uint16_t)(v)&UINT16_C(0x00ff)) << 8) | (((uint16_t)(v)&UINT16_C(0xff00)) >> 8)))
#define RTE_STATIC_BSWAP32(v)                                                                                          \
	((((uint32_t)RTE_STATIC_BSWAP16((uint32_t)(v)&0xffffu)) << 16) | RTE_STATIC_BSWAP16((uint32_t)(v) >> 16))
#define RTE_STATIC_BSWAP64(v)                                                                                          \
	((((uint64_t)RTE_STATIC_BSWAP32((uint64_t)(v)&0xffffffffu)) << 32) | RTE_STATIC_BSWAP32((uint64_t)(v) >> 32))

/* constants in big and little endian order */
#if RTE_BYTE_ORDER == RTE_BIG_ENDIAN
#define RTE_BE16(v) ((rte_be16_t)(v))
#define RTE_LE16(v) ((rte_le16_t)(RTE_STATIC_BSWAP16(v)))
#define RTE_BE32(v) ((rte_be32_t)(v))
#define RTE_LE32(v) ((rte_le32_t)(RTE_STATIC_BSWAP32(v)))
#define RTE_BE64(v) ((rte_be64_t)(v))
#define RTE_LE64(v) ((rte_le64_t)(RTE_STATIC_BSWAP64(v)))
#else
#define RTE_BE16(v) ((rte_be16_t)(RTE_STATIC_BSWAP16(v)))
#define RTE_LE16(v) ((rte_le16_t)(v))
#define RTE_BE32(v) ((rte_be32_t)(RTE_STATIC_BSWAP32(v)))
#define RTE_LE32(v) ((rte_le32_t)(v))
#define RTE_BE64(v) ((rte_be64_t)(RTE_STATIC_BSWAP64(v)))
#define RTE_LE64(v) ((rte_le64_t)(v))
#endif

static inline uint16_t rte_constant_bswap16(uint16_t x)
{
	return (uint16_t)RTE_STATIC_BSWAP16(x);
}
static inline uint32_t rte_constant_bswap32(uint32_t x)
{
	return (uint32_t)RTE_STATIC_BSWAP32(x);
}
static inline uint64_t rte_constant_bswap64(uint64_t x)
{
	return (uint64_t)RTE_STATIC_BSWAP64(x);
}

/* the same for values */
#define rte_bswap16(x) ((uint16_t)__builtin_bswap16(x))
#define rte_bswap32(x) ((uint32_t)__builtin_bswap32(x))
#define rte_bswap64(x) ((uint64_t)__builtin_bswap64(x))

/* from this machine's order to another and back */
#if RTE_BYTE_ORDER == RTE_BIG_ENDIAN
#define rte_cpu_to_le_16(x) rte_bswap16(x)
#define rte_cpu_to_le_32(x) rte_bswap32(x)
#define rte_cpu_to_le_64(x) rte_bswap64(x)
#define rte_cpu_to_be_16(x) ((uint16_t)(x))
#define rte_cpu_to_be_32(x) ((uint32_t)(x))
#define rte_cpu_to_be_64(x) ((uint64_t)(x))
#define rte_le_to_cpu_16(x) rte_bswap16(x)
#define rte_le_to_cpu_32(x) rte_bswap32(x)
#define rte_le_to_cpu_64(x) rte_bswap64(x)
#define rte_be_to_cpu_16(x) ((uint16_t)(x))
#define rte_be_to_cpu_32(x) ((uint32_t)(x))
#define rte_be_to_cpu_64(x) ((uint64_t)(x))
#else
#define rte_cpu_to_le_16(x) ((uint16_t)(x))
#define rte_cpu_to_le_32(x) ((uint32_t)(x))
#define rte_cpu_to_le_64(x) ((uint64_t)(x))
#define rte_cpu_to_be_16(x) rte_bswap16(x)
#define rte_cpu_to_be_32(x) rte_bswap32(x)
#define rte_cpu_to_be_64(x) rte_bswap64(x)
#define rte_le_to_cpu_16(x) ((uint16_t)(x))
#define rte_le_to_cpu_32(x) ((uint32_t)(x))
#define rte_le_to_cpu_64(x) ((uint64_t)(x))
#define rte_be_to_cpu_16(x) rte_bswap16(x)
#define rte_be_to_cpu_32(x) rte_bswap32(x)
#define rte_be_to_cpu_64(x) rte_bswap64(x)
#endif

#ifdef __cplusplus
}
#endif

#endif
