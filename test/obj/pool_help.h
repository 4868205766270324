/* SPDX-License-Identifier: BSD-3-Clause */
/* pool_help.h - what the tests of pools have in common */
#ifndef POOL_HELP_H
#define POOL_HELP_H

#include <stdio.h>

#include <rte_eal.h>
#include <shoal_mempool.h>

#include "check.h"

/* every process is lcore 0 */
static inline void init_as(const char *type)
{
	char prog[] = "pool", p[64], lcores[] = "--lcores=0@0", level[] = "--log-level=info";
	char *argv[] = {prog, p, lcores, level, NULL};

	snprintf(p, sizeof(p), "--proc-type=%s", type);
	CHECK(rte_eal_init(4, argv) >= 0);
}

#endif
