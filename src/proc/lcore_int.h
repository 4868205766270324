/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lcore_int.h - what the files of lcores share: lcore.c (start, stop, launch), lcore_api.c (facts, callbacks, register)
 * and thread_api.c
 *
 * One slot for each number. Private memory of the process.
 *
 *   field      written by                                    read by          ordering
 *   role       start, stop; register/unregister (callbacks)  all              R:ROLE release <-> A:ROLE acquire
 *   index      start                                         all              behind role
 *   cpus node  start; the lcore's own thread                 all              facts mutex
 *   state      see enum                                      all              R:LCORE release <-> A:LCORE acquire
 *   f arg      who claimed                                   the worker       behind state CLAIMED -> RUN
 *   ret        the worker (for the main one: its thread)     who waits        relaxed: RUN -> WAIT orders it; atomic
 *                                                                             since a next launch may overwrite it
 *   thread     start                                         stop             one thread
 */
#ifndef SH_PROC_LCORE_INT_H
#define SH_PROC_LCORE_INT_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "base/atom.h"
#include "proc/opts.h"

/*
 *   NONE -> WAIT        the worker, when it is set up
 *   WAIT -> CLAIMED     who launches, by CAS; CLAIMED -> RUN the same
 *   RUN -> WAIT         the worker, after the function, by CAS
 *   WAIT -> STOP        stop, by CAS; STOP -> NONE the worker, at its end
 *   RUN -> ORPHAN       stop, by CAS; ORPHAN -> NONE the worker, at its end
 */
enum sh_lstate { SH_L_NONE, SH_L_WAIT, SH_L_CLAIMED, SH_L_RUN, SH_L_STOP, SH_L_ORPHAN };

struct sh_lcore {
	_Atomic uint32_t role; /* enum rte_lcore_role_t */
	int index;	       /* among the enabled ones, -1 */
	int node;	       /* NUMA node of all its CPUs, -1 when there are several */
	cpu_set_t cpus;
	_Atomic uint32_t state;
	lcore_function_t *f;
	void *arg;
	_Atomic int ret;
	pthread_t thread;
} __attribute__((aligned(SH_LINE)));

struct sh_lcores {
	struct sh_lcore l[SH_LCORES];
	_Atomic uint32_t count;
	_Atomic uint32_t main;	/* number of the main lcore */
	_Atomic uint32_t epoch; /* odd: started. One more at each start and stop */
	pid_t pid;		/* who started: a forked child has no workers */
	pthread_mutex_t facts;	/* cpus, node. A leaf: nothing is called while it is held */
	pthread_mutex_t cb;	/* callbacks, and changes of roles; recursive, held while callbacks run; before facts */
	unsigned n_nodes;
	int node_id[RTE_MAX_NUMA_NODES];
	cpu_set_t node_cpus[RTE_MAX_NUMA_NODES];
};

extern struct sh_lcores sh_lc;

/* after start, in the process that started */
bool sh_lcore_here(void);
/* role ROLE_OFF turned round: enabled or registered */
static inline enum rte_lcore_role_t sh_lcore_role(unsigned id)
{
	return (enum rte_lcore_role_t)sh_load_acq(&sh_lc.l[id].role); /* A:ROLE */
}
/* the node that all CPUs of the set are on, -1 when there are several */
int sh_lcore_node(const cpu_set_t *set);
/* the calling thread is lcore id (LCORE_ID_ANY: none) and runs on these CPUs */
void sh_lcore_self(unsigned id, const cpu_set_t *cpus);
/* callbacks and registered threads, at start and stop; the first: 0 or -ECANCELED, and then it took all back */
int sh_lcore_tell_start(void);
void sh_lcore_tell_stop(void);

#endif
