/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_common.h - attributes, alignment, bits, and other small things that every program uses
 *
 * Where a macro takes an argument more than once this is said; all others evaluate each argument once.
 */
#ifndef RTE_COMMON_H
#define RTE_COMMON_H

/* more than this file needs: programs count on getting these along */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef __cplusplus
#include <stdalign.h>
#endif

#include <rte_config.h>
#include <rte_bitops.h>
#include <rte_compat.h>
#include <rte_os.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- language ---- */

#ifndef typeof
#define typeof __typeof__
#endif
#if !defined(__cplusplus) && !defined(asm)
#define asm __asm__
#endif

/* in front of what C11 has and older standards do not */
#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define RTE_STD_C11
#else
#define RTE_STD_C11 __extension__
#endif

#if defined(__clang__)
#define RTE_CC_CLANG
#define RTE_CC_IS_GNU 0
#else
#define RTE_CC_GCC
#define RTE_CC_IS_GNU 1
#define GCC_VERSION (__GNUC__ * 10000 + __GNUC_MINOR__ * 100 + __GNUC_PATCHLEVEL__)
#endif

#if defined(__cplusplus) || !defined(__STDC_VERSION__) || __STDC_VERSION__ < 199901L
#define __rte_restrict __restrict
#else
#define __rte_restrict restrict
#endif

/* ---- attributes ---- */

/*
 * Alignment of a type or an object, in bytes. Both places work:
 * struct s { ... } __rte_aligned(64);  and  struct __rte_aligned(64) s { ... };
 */
#define __rte_aligned(a) __attribute__((__aligned__(a)))
#define __rte_cache_aligned __rte_aligned(RTE_CACHE_LINE_SIZE)
#define __rte_cache_min_aligned __rte_aligned(RTE_CACHE_LINE_MIN_SIZE)
/* no padding between the members; either around the struct (begin, end) or behind it */
#define __rte_packed __attribute__((__packed__))
#define __rte_packed_begin
#define __rte_packed_end __attribute__((__packed__))
#define __rte_may_alias __attribute__((__may_alias__))
#define __rte_deprecated __attribute__((__deprecated__))
#define __rte_deprecated_msg(msg) __attribute__((__deprecated__(msg)))
#define __rte_weak __attribute__((__weak__))
#define __rte_used __attribute__((__used__))
#define __rte_unused __attribute__((__unused__))
#define __rte_noreturn __attribute__((__noreturn__))
#define __rte_warn_unused_result __attribute__((__warn_unused_result__))
#define __rte_always_inline inline __attribute__((__always_inline__))
#define __rte_noinline __attribute__((__noinline__))
#define __rte_hot __attribute__((__hot__))
#define __rte_cold __attribute__((__cold__))
#define __rte_pure __attribute__((__pure__))
#define __rte_const __attribute__((__const__))
#define __rte_no_asan __attribute__((no_sanitize("address")))
/* the compiler checks the arguments against the format; first_arg 0 for a va_list */
#if RTE_CC_IS_GNU
#define __rte_format_printf(format_index, first_arg)                                                                   \
	__attribute__((__format__(__gnu_printf__, format_index, first_arg)))
#else
#define __rte_format_printf(format_index, first_arg) __attribute__((__format__(__printf__, format_index, first_arg)))
#endif
/* which arguments make up the size of what the function allocates */
#define __rte_alloc_size(...) __attribute__((__alloc_size__(__VA_ARGS__)))
#define __rte_alloc_align(argno) __attribute__((__alloc_align__(argno)))
#define __rte_malloc __attribute__((__malloc__))
/* the compiler may rely on the condition; it is undefined when it does not hold */
#define __rte_assume(condition)                                                                                        \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			__builtin_unreachable();                                                                       \
	} while (0)
#define __rte_unreachable() __builtin_unreachable()
/* is the value known to the compiler? */
#define __rte_constant(e) __builtin_constant_p(e)

#define RTE_PRAGMA(x) _Pragma(#x)
#define RTE_PRAGMA_WARNING(w) RTE_PRAGMA(GCC warning #w)
#define RTE_DEPRECATED(x) RTE_PRAGMA_WARNING(#x is deprecated)

/* evaluates x and ignores it: no warning about something unused */
#define RTE_SET_USED(x) ((void)(x))

/* ---- before main() and after ---- */

#define RTE_PRIORITY_LOG 101
#define RTE_PRIORITY_BUS 110
#define RTE_PRIORITY_CLASS 120
#define RTE_PRIORITY_LAST 65535
#define RTE_PRIO(prio) RTE_PRIORITY_##prio

/* RTE_INIT(name) { ... }: a body that runs before main(), smaller priorities first */
#ifndef RTE_INIT_PRIO
#define RTE_INIT_PRIO(func, prio) static void __attribute__((__constructor__(RTE_PRIO(prio)), __used__)) func(void)
#endif
#define RTE_INIT(func) RTE_INIT_PRIO(func, LAST)
/* RTE_FINI(name) { ... }: a body that runs at exit(), larger priorities first */
#ifndef RTE_FINI_PRIO
#define RTE_FINI_PRIO(func, prio) static void __attribute__((__destructor__(RTE_PRIO(prio)), __used__)) func(void)
#endif
#define RTE_FINI(func) RTE_FINI_PRIO(func, LAST)

/* ---- pointers ---- */

/* integers at any address, where the machine permits that */
#ifdef RTE_ARCH_STRICT_ALIGN
typedef uint64_t unaligned_uint64_t __rte_aligned(1);
typedef uint32_t unaligned_uint32_t __rte_aligned(1);
typedef uint16_t unaligned_uint16_t __rte_aligned(1);
#else
typedef uint64_t unaligned_uint64_t;
typedef uint32_t unaligned_uint32_t;
typedef uint16_t unaligned_uint16_t;
#endif

/* ptr plus or minus x bytes, as void *; the distance of two in bytes, as uintptr_t */
#define RTE_PTR_ADD(ptr, x) ((void *)((uintptr_t)(ptr) + (x)))
#define RTE_PTR_SUB(ptr, x) ((void *)((uintptr_t)(ptr) - (x)))
#define RTE_PTR_DIFF(ptr1, ptr2) ((uintptr_t)(ptr1) - (uintptr_t)(ptr2))
#define RTE_PTR_UNQUAL(x) ((void *)(uintptr_t)(x))
/* the member of *var called field, read as another type */
#define RTE_CAST_FIELD(var, field, type) (*(type *)((uintptr_t)(var) + offsetof(typeof(*(var)), field)))
#define RTE_CAST_PTR(type, ptr) ((type)(uintptr_t)(ptr))

#ifndef container_of
/* the struct of that type whose member is at ptr */
#define container_of(ptr, type, member)                                                                                \
	__extension__({                                                                                                \
		const typeof(((type *)0)->member) *rte_co_p_ = (ptr);                                                  \
		(type *)((uintptr_t)rte_co_p_ - offsetof(type, member));                                               \
	})
#endif
#define RTE_SIZEOF_FIELD(type, field) (sizeof(((type *)0)->field))
#define RTE_DIM(a) (sizeof(a) / sizeof((a)[0]))

/* fields of no size that mark a place in a struct */
__extension__ typedef void *RTE_MARKER[0];
__extension__ typedef uint8_t RTE_MARKER8[0];
__extension__ typedef uint16_t RTE_MARKER16[0];
__extension__ typedef uint32_t RTE_MARKER32[0];
__extension__ typedef uint64_t RTE_MARKER64[0];

/* addresses as a device sees them; here the same as the process' */
typedef uint64_t phys_addr_t;
#define RTE_BAD_PHYS_ADDR ((phys_addr_t)-1)
typedef uint64_t rte_iova_t;
#define RTE_BAD_IOVA ((rte_iova_t)-1)

/* ---- alignment ---- */

/* To a multiple of align, which is a power of two: down, up, up. Of the type of the first argument. */
#define RTE_ALIGN_FLOOR(val, align) ((typeof(val))((val) & (~((typeof(val))((align)-1)))))
#define RTE_ALIGN_CEIL(val, align) RTE_ALIGN_FLOOR(((val) + ((typeof(val))(align)-1)), align)
#define RTE_ALIGN(val, align) RTE_ALIGN_CEIL(val, align)
#define RTE_PTR_ALIGN_FLOOR(ptr, align) ((typeof(ptr))RTE_ALIGN_FLOOR((uintptr_t)(ptr), align))
#define RTE_PTR_ALIGN_CEIL(ptr, align) RTE_PTR_ALIGN_FLOOR((typeof(ptr))RTE_PTR_ADD(ptr, (align)-1), align)
#define RTE_PTR_ALIGN(ptr, align) RTE_PTR_ALIGN_CEIL(ptr, align)
/* The same for any multiple; these name mul more than once. NEAR: to the nearer one, up when in the middle. */
#define RTE_ALIGN_MUL_CEIL(v, mul) ((((v) + (typeof(v))(mul)-1) / ((typeof(v))(mul))) * (typeof(v))(mul))
#define RTE_ALIGN_MUL_FLOOR(v, mul) (((v) / ((typeof(v))(mul))) * (typeof(v))(mul))
#define RTE_ALIGN_MUL_NEAR(v, mul)                                                                                     \
	__extension__({                                                                                                \
		typeof(v) rte_mn_v_ = (v);                                                                             \
		typeof(v) rte_mn_up_ = RTE_ALIGN_MUL_CEIL(rte_mn_v_, mul);                                             \
		typeof(v) rte_mn_down_ = RTE_ALIGN_MUL_FLOOR(rte_mn_v_, mul);                                          \
		(rte_mn_up_ - rte_mn_v_) > (rte_mn_v_ - rte_mn_down_) ? rte_mn_down_ : rte_mn_up_;                     \
	})

/* 1 when ptr is a multiple of align (a power of two) */
static inline int rte_is_aligned(const void *const __rte_restrict ptr, const unsigned int align)
{
	return ((uintptr_t)ptr & (align - 1)) == 0;
}

#define RTE_CACHE_LINE_MASK (RTE_CACHE_LINE_SIZE - 1)
#define RTE_CACHE_LINE_ROUNDUP(size) RTE_ALIGN_CEIL(size, RTE_CACHE_LINE_SIZE)
#define RTE_CACHE_LINE_SIZE_LOG2 6
#define RTE_CACHE_LINE_MIN_SIZE 64
/* lines left empty after data that another core writes, against prefetching neighbours */
#define RTE_CACHE_GUARD_LINES 1
#define RTE_CACHE_GUARD_NAME_(n) rte_cache_guard_##n
#define RTE_CACHE_GUARD_NAME(n) RTE_CACHE_GUARD_NAME_(n)
#define RTE_CACHE_GUARD                                                                                                \
	char RTE_CACHE_GUARD_NAME(__COUNTER__)[RTE_CACHE_LINE_SIZE * RTE_CACHE_GUARD_LINES] __rte_cache_aligned

/* does not compile when the condition (a constant) holds */
#define RTE_BUILD_BUG_ON(condition) ((void)sizeof(char[1 - 2 * !!(condition)]))

/* ---- numbers ---- */

#define RTE_MIN(a, b)                                                                                                  \
	__extension__({                                                                                                \
		typeof(a) rte_min_a_ = (a);                                                                            \
		typeof(b) rte_min_b_ = (b);                                                                            \
		rte_min_a_ < rte_min_b_ ? rte_min_a_ : rte_min_b_;                                                     \
	})
#define RTE_MAX(a, b)                                                                                                  \
	__extension__({                                                                                                \
		typeof(a) rte_max_a_ = (a);                                                                            \
		typeof(b) rte_max_b_ = (b);                                                                            \
		rte_max_a_ > rte_max_b_ ? rte_max_a_ : rte_max_b_;                                                     \
	})
/* usable where a constant is needed; both arguments are named twice, and taken as type t */
#define RTE_MIN_T(a, b, t) ((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define RTE_MAX_T(a, b, t) ((t)(a) > (t)(b) ? (t)(a) : (t)(b))
/* both are named twice */
#define RTE_SWAP(a, b)                                                                                                 \
	__extension__({                                                                                                \
		typeof(a) rte_swap_ = (a);                                                                             \
		(a) = (b);                                                                                             \
		(b) = rte_swap_;                                                                                       \
	})
/* the lowest ln bits set (1 up to 64), as type tp */
#define RTE_LEN2MASK(ln, tp) ((tp)((uint64_t)-1 >> (sizeof(uint64_t) * CHAR_BIT - (ln))))

/* ---- text ---- */

/* the argument, macros expanded, as a string; two tokens as one */
#define _RTE_STR(x) #x
#define RTE_STR(x) _RTE_STR(x)
#define _RTE_CONCAT2(a, b) a##b
#define RTE_CONCAT(a, b) _RTE_CONCAT2(a, b)

/*
 * printf(RTE_FMT("text " RTE_FMT_HEAD(__VA_ARGS__, ) " more", RTE_FMT_TAIL(__VA_ARGS__, ))): text around the format that a
 * macro was given, also when that format has no arguments
 */
#define RTE_FMT(fmt, ...) fmt "%.0s", __VA_ARGS__ ""
#define RTE_FMT_HEAD(fmt, ...) fmt
#define RTE_FMT_TAIL(fmt, ...) __VA_ARGS__

/**
 * A size as a person writes it: a number in any base that strtoull() knows, then K, M or G (either case) for 2^10, 2^20,
 * 2^30. What follows the letter is ignored.
 *
 * Threads:  any; never blocks.
 * Returns:  bytes. 0 for text that does not start with a number, for a negative number and for one that does not fit;
 *           errno tells these from a real 0 (EINVAL, ERANGE; 0 when all was well).
 */
uint64_t rte_str_to_size(const char *str);

/**
 * Log a message, give back what the library holds (rte_eal_cleanup()) and end the process with exit(exit_code).
 *
 * With a code other than 0 the message is headed by "EAL: Error - exiting with code: N" and "  Cause: ".
 *
 * Threads:  any; the process ends.
 * Blocks:   as rte_eal_cleanup() and the program's atexit() functions do.
 */
__rte_noreturn void rte_exit(int exit_code, const char *format, ...) __rte_format_printf(2, 3);

#ifdef __cplusplus
}
#endif

#endif
