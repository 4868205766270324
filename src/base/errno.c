/* SPDX-License-Identifier: BSD-3-Clause */
/* errno.c - each thread's error number, and texts for all of them. */
#include <rte_errno.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/export.h"

SH_EXPORT RTE_DEFINE_PER_LCORE(int, _rte_errno);

SH_EXPORT const char *rte_strerror(int errnum)
{
	static __thread char text[128];
	int kept = errno;

	switch (errnum) {
	case E_RTE_SECONDARY:
		return "Not permitted in a secondary process";
	case E_RTE_NO_CONFIG:
		return "rte_eal_init() has not been called";
	}
	/* strerrordesc_np() knows each number without a lock and without this thread's locale; NULL: not a number */
	const char *known = errnum < 0 ? NULL : strerrordesc_np(errnum);

	if (known != NULL)
		return known;
	(void)snprintf(text, sizeof(text), "Unknown error %d", errnum);
	errno = kept;
	return text;
}
