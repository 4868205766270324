/* SPDX-License-Identifier: BSD-3-Clause */
/* debug.c - stacks, panic, and the end of the process. */
#include <rte_common.h>
#include <rte_debug.h>
#include <rte_eal.h>

#include <execinfo.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/export.h"
#include "base/log.h"

/* A program that ends before it has init in it (a static one) has nothing to clean up either. */
#pragma weak rte_eal_cleanup

#define FRAMES 64

SH_EXPORT void rte_dump_stack(void)
{
	void *at[FRAMES];
	int n = backtrace(at, FRAMES);
	char **name = n > 0 ? backtrace_symbols(at, n) : NULL;

	for (int i = 0; i < n; i++) {
		if (name != NULL)
			rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "%d: %s\n", i, name[i]);
		else
			rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "%d: %p\n", i, at[i]);
	}
	free(name);
}

SH_EXPORT void __rte_panic(const char *funcname, const char *format, ...)
{
	va_list ap;

	rte_log(RTE_LOG_CRIT, RTE_LOGTYPE_EAL, "EAL: PANIC in %s():\n", funcname);
	va_start(ap, format);
	rte_vlog(RTE_LOG_CRIT, RTE_LOGTYPE_EAL, format, ap);
	va_end(ap);
	rte_dump_stack();
	abort();
}

SH_EXPORT void rte_exit(int exit_code, const char *format, ...)
{
	va_list ap;

	if (exit_code != 0)
		rte_log(RTE_LOG_CRIT, RTE_LOGTYPE_EAL, "EAL: Error - exiting with code: %d\n  Cause: ", exit_code);
	va_start(ap, format);
	rte_vlog(RTE_LOG_CRIT, RTE_LOGTYPE_EAL, format, ap);
	va_end(ap);
	if (rte_eal_cleanup != NULL)
		(void)rte_eal_cleanup();
	exit(exit_code);
}
