/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_debug.h - when something that cannot be has happened */
#ifndef RTE_DEBUG_H
#define RTE_DEBUG_H

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_log.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Log the calling thread's stack, one line a frame. Threads: any. Allocates memory at the first call. */
void rte_dump_stack(void);

/*
 * rte_panic("no memory for %s\n", name): log the function's name, the message and the stack, then abort(). Nothing is
 * cleaned up; the group sees a death.
 */
#define rte_panic(...) rte_panic_(__func__, __VA_ARGS__, "dummy")
#define rte_panic_(func, format, ...) __rte_panic(func, format "%.0s", __VA_ARGS__)

/* panic unless exp holds; exp is always evaluated */
#define RTE_VERIFY(exp)                                                                                                \
	do {                                                                                                           \
		if (unlikely(!(exp)))                                                                                  \
			rte_panic("line %d\tassert \"%s\" failed\n", __LINE__, #exp);                                  \
	} while (0)

/* the same when compiled with -DRTE_ENABLE_ASSERT; otherwise exp is not even evaluated */
#ifdef RTE_ENABLE_ASSERT
#define RTE_ASSERT(exp) RTE_VERIFY(exp)
#else
#define RTE_ASSERT(exp)                                                                                                \
	do {                                                                                                           \
	} while (0)
#endif

/** What rte_panic() calls. */
void __rte_panic(const char *funcname, const char *format, ...) __rte_cold __rte_noreturn __rte_format_printf(2, 3);

#ifdef __cplusplus
}
#endif

#endif
