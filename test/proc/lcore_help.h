/* SPDX-License-Identifier: BSD-3-Clause */
/* lcore_help.h - what the tests of lcores share */
#ifndef SH_TEST_LCORE_HELP_H
#define SH_TEST_LCORE_HELP_H

#include <rte_lcore.h>

#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "proc/lcore.h"

/* lcores 0 and the odd ones below 2n, dealt over the CPUs of this process; 0 is the main one */
static inline struct sh_opts *some(unsigned n)
{
	static struct sh_opts o;
	cpu_set_t mine;
	unsigned cpu = 0;

	memset(&o, 0, sizeof(o));
	CHECK(sched_getaffinity(0, sizeof(mine), &mine) == 0);
	for (unsigned k = 0; k < n; k++) {
		unsigned id = k == 0 ? 0 : 2 * k - 1;

		while (!CPU_ISSET(cpu % CPU_SETSIZE, &mine))
			cpu++;
		o.lcore_on[id] = true;
		CPU_ZERO(&o.lcore_cpus[id]);
		CPU_SET(cpu % CPU_SETSIZE, &o.lcore_cpus[id]);
		cpu++;
	}
	return &o;
}

/* a function that stays until the gate is opened */
struct gate {
	_Atomic int in;
	int pipe[2];
};

static inline int id_plus(void *arg)
{
	return (int)rte_lcore_id() + *(int *)arg;
}

/* says that it is in, and stays until the gate opens */
static inline int pass(void *arg)
{
	struct gate *g = arg;
	char c;

	atomic_fetch_add(&g->in, 1);
	CHECK_EQ(read(g->pipe[0], &c, 1), 0);
	return 7;
}

static inline void gate_make(struct gate *g)
{
	atomic_store(&g->in, 0);
	CHECK_EQ(pipe(g->pipe), 0);
}

static inline void gate_open(struct gate *g)
{
	CHECK_EQ(close(g->pipe[1]), 0);
}

static inline bool is_in(void *g)
{
	return atomic_load(&((struct gate *)g)->in) > 0;
}

#endif
