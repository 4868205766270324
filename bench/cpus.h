/* SPDX-License-Identifier: BSD-3-Clause */
/* cpus.h - the two CPUs that a bench of several threads and processes uses */
#ifndef BENCH_CPUS_H
#define BENCH_CPUS_H

#include <sched.h>

#include "common.h"

static int cpu[2]; /* the first two that this process may use */

/* c < 0: both */
static void bind_to(int c)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (c >= 0)
		CPU_SET(c, &set);
	else
		for (int i = 0; i < 2; i++)
			CPU_SET(cpu[i], &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		b_die("cannot bind to a CPU");
}

static void two_cpus(void)
{
	cpu_set_t set;
	int n = 0;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		b_die("no CPUs");
	for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &set))
			cpu[n++] = i;
	if (n < 2)
		b_die("two CPUs are needed");
}

#endif
