/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lcore.c - the threads of the lcores: start, stop, launch and wait
 *
 * A worker sleeps on its state word. Who launches claims it by CAS, so that of two launchers one is told EBUSY, fills in
 * the function and publishes it with RUN; the worker publishes the result with WAIT. Wakes are told apart by bits: a
 * launch wakes only the worker, a finish only those who wait for it.
 *
 * A function that never returns cannot be stopped: stop leaves its thread as an orphan in its slot. The slots are static,
 * so nothing an orphan or a late waiter looks at ever goes away.
 */
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/export.h"
#include "base/futex.h"
#include "base/log.h"
#include "base/thread.h"
#include "proc/lcore.h"
#include "proc/lcore_int.h"
#include "proc/proc.h"

#define BIT_WORKER 1u
#define BIT_WAITER 2u

struct sh_lcores sh_lc = {
	.l = {[0 ... SH_LCORES - 1] = {.role = ROLE_OFF, .index = -1, .node = -1}},
	.facts = PTHREAD_MUTEX_INITIALIZER,
	.cb = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
};

static struct {
	pid_t tid;	/* the main thread's */
	cpu_set_t had;	/* its CPUs before start */
	cpu_set_t gave; /* those it was given */
} home;

bool sh_lcore_here(void)
{
	return sh_load_acq(&sh_lc.epoch) % 2 == 1 && sh_lc.pid == getpid(); /* A:LCUP */
}

/* ---- a worker ---- */

static void sleep_while(struct sh_lcore *l, uint32_t state, uint32_t bit)
{
	(void)sh_futex_wait(&l->state, state, SH_FOREVER, bit, false);
}

/* the new state, for those whom it concerns; R:LCORE */
static void publish(struct sh_lcore *l, uint32_t state, uint32_t bit)
{
	sh_store_rel(&l->state, state);
	(void)sh_futex_wake(&l->state, INT_MAX, bit, false);
}

static void *worker(void *arg)
{
	struct sh_lcore *l = arg;
	unsigned id = (unsigned)(l - sh_lc.l);
	char name[16];

	(void)snprintf(name, sizeof(name), "rte-worker-%u", id);
	(void)pthread_setname_np(pthread_self(), name);
	sh_lcore_self(id, &l->cpus);
	publish(l, SH_L_WAIT, BIT_WAITER);
	for (;;) {
		uint32_t st = sh_load_acq(&l->state); /* A:LCORE with publish(RUN): f and arg are there */

		if (st == SH_L_RUN) {
			sh_store_rlx(&l->ret, l->f(l->arg)); /* relaxed: the CAS below publishes it */
			/* R:LCORE: the result is there. Fails when stop made an orphan of us. */
			if (sh_cas(&l->state, &st, SH_L_WAIT))
				(void)sh_futex_wake(&l->state, INT_MAX, BIT_WAITER, false);
			else
				break;
		} else if (st == SH_L_STOP) {
			break;
		} else {
			sleep_while(l, st, BIT_WORKER);
		}
	}
	publish(l, SH_L_NONE, BIT_WAITER);
	return NULL;
}

static int worker_start(struct sh_lcore *l)
{
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);

	if (err != 0)
		return -err;
	err = pthread_attr_setaffinity_np(&attr, sizeof(l->cpus), &l->cpus);
	if (err == 0)
		err = pthread_create(&l->thread, &attr, worker, l);
	pthread_attr_destroy(&attr);
	if (err != 0)
		return -err;
	while (sh_load_acq(&l->state) == SH_L_NONE) /* A:LCORE */
		sleep_while(l, SH_L_NONE, BIT_WAITER);
	return 0;
}

static void worker_stop(struct sh_lcore *l)
{
	uint32_t st = SH_L_WAIT;

	while (!sh_cas(&l->state, &st, SH_L_STOP)) {
		if (st == SH_L_NONE || st == SH_L_STOP || st == SH_L_ORPHAN)
			return;
		if (st == SH_L_RUN && sh_cas(&l->state, &st, SH_L_ORPHAN)) {
			pthread_detach(l->thread);
			return;
		}
		sched_yield(); /* CLAIMED: between two stores of a launcher */
		st = SH_L_WAIT;
	}
	(void)sh_futex_wake(&l->state, 1, BIT_WORKER, false);
	pthread_join(l->thread, NULL);
}

/* ---- start and stop ---- */

void sh_lcore_quiet(const struct sh_opts *o)
{
	cpu_set_t all, busy;

	CPU_ZERO(&busy);
	for (unsigned i = 0; i < SH_LCORES; i++)
		if (o->lcore_on[i])
			CPU_OR(&busy, &busy, &o->lcore_cpus[i]);
	if (sched_getaffinity(0, sizeof(all), &all) != 0)
		return;
	CPU_AND(&busy, &busy, &all);
	CPU_XOR(&all, &all, &busy);
	/* all taken: wherever the process may run, better than all of them on one lcore */
	if (CPU_COUNT(&all) == 0)
		CPU_OR(&all, &all, &busy);
	sh_thread_cpus(&all);
}

static int bind_main(const cpu_set_t *cpus)
{
	home.tid = gettid();
	home.gave = *cpus;
	if (sched_getaffinity(0, sizeof(home.had), &home.had) != 0)
		return -errno;
	return sched_setaffinity(0, sizeof(*cpus), cpus) != 0 ? -errno : 0;
}

static void unbind_main(void)
{
	cpu_set_t now;

	if (sched_getaffinity(home.tid, sizeof(now), &now) == 0 && CPU_EQUAL(&now, &home.gave))
		(void)sched_setaffinity(home.tid, sizeof(home.had), &home.had);
}

/* A number list of the kernel, "0-3,8", as a set. Anything malformed ends it. */
static void list_parse(const char *s, cpu_set_t *set)
{
	unsigned a, b;
	int n;

	CPU_ZERO(set);
	while (sscanf(s, "%u%n", &a, &n) == 1) {
		s += n;
		b = a;
		if (*s == '-' && sscanf(s + 1, "%u%n", &b, &n) == 1)
			s += 1 + n;
		for (; a <= b && a < CPU_SETSIZE; a++)
			CPU_SET(a, set);
		if (*s++ != ',')
			break;
	}
}

static bool list_read(const char *path, cpu_set_t *set)
{
	char line[4096];
	FILE *f = fopen(path, "re");
	bool ok = f != NULL && fgets(line, sizeof(line), f) != NULL;

	if (f != NULL)
		fclose(f);
	if (ok)
		list_parse(line, set);
	return ok;
}

/* which NUMA nodes have CPUs, and which; without that knowledge all are on node 0 */
static void nodes_read(void)
{
	cpu_set_t nodes;
	char path[64];

	sh_lc.n_nodes = 0;
	if (!list_read("/sys/devices/system/node/has_cpu", &nodes))
		CPU_ZERO(&nodes);
	for (int id = 0; id < CPU_SETSIZE && sh_lc.n_nodes < RTE_MAX_NUMA_NODES; id++) {
		if (!CPU_ISSET(id, &nodes))
			continue;
		(void)snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist", id);
		if (!list_read(path, &sh_lc.node_cpus[sh_lc.n_nodes]))
			continue;
		sh_lc.node_id[sh_lc.n_nodes++] = id;
	}
	if (sh_lc.n_nodes == 0) {
		memset(&sh_lc.node_cpus[0], 0xff, sizeof(sh_lc.node_cpus[0]));
		sh_lc.node_id[0] = 0;
		sh_lc.n_nodes = 1;
	}
}

int sh_lcore_node(const cpu_set_t *set)
{
	for (unsigned i = 0; i < sh_lc.n_nodes; i++) {
		cpu_set_t both;

		CPU_AND(&both, set, &sh_lc.node_cpus[i]);
		if (CPU_COUNT(&both) > 0)
			return CPU_EQUAL(&both, set) ? sh_lc.node_id[i] : -1;
	}
	return -1;
}

/* what each slot is, before any thread can look */
static void slots_fill(const struct sh_opts *o)
{
	unsigned n = 0;

	pthread_mutex_lock(&sh_lc.facts);
	nodes_read();
	for (unsigned i = 0; i < SH_LCORES; i++) {
		struct sh_lcore *l = &sh_lc.l[i];

		l->cpus = o->lcore_cpus[i];
		if (!o->lcore_on[i])
			CPU_ZERO(&l->cpus);
		l->node = o->lcore_on[i] ? sh_lcore_node(&l->cpus) : -1;
		l->index = o->lcore_on[i] ? (int)n++ : -1;
		sh_store_rlx(&l->ret, 0);				      /* relaxed: nobody waits yet */
		sh_store_rel(&l->role, o->lcore_on[i] ? ROLE_RTE : ROLE_OFF); /* R:ROLE */
	}
	sh_store_rlx(&sh_lc.count, n);
	sh_store_rlx(&sh_lc.main, o->main_lcore);
	pthread_mutex_unlock(&sh_lc.facts);
}

static bool orphan_left(const struct sh_opts *o)
{
	for (unsigned i = 0; i < SH_LCORES; i++) {
		if (!o->lcore_on[i] || sh_load_acq(&sh_lc.l[i].state) == SH_L_NONE) /* A:LCORE */
			continue;
		sh_err("lcore %u: a function launched before rte_eal_cleanup() still runs; let it return first", i);
		return true;
	}
	return false;
}

static void threads_stop(void)
{
	sh_add(&sh_lc.epoch, 1); /* R:LCUP: from now on nothing is launched */
	for (unsigned i = 0; i < SH_LCORES; i++)
		worker_stop(&sh_lc.l[i]);
	unbind_main();
}

int sh_lcore_start(const struct sh_opts *o)
{
	int err;

	if (orphan_left(o))
		return -EBUSY;
	slots_fill(o);
	sh_lc.pid = getpid();
	err = bind_main(&sh_lc.l[o->main_lcore].cpus);
	if (err != 0)
		sh_err("main lcore %u cannot be bound to its CPUs: %s; give CPUs this process may use with -l or "
		       "--lcores",
		       o->main_lcore, strerror(-err));
	else
		sh_lcore_self(o->main_lcore, &sh_lc.l[o->main_lcore].cpus);
	for (unsigned i = 0; i < SH_LCORES && err == 0; i++) {
		if (!o->lcore_on[i] || i == o->main_lcore)
			continue;
		err = worker_start(&sh_lc.l[i]);
		if (err != 0)
			sh_err("no thread for lcore %u: %s; give fewer lcores, or CPUs this process may use, with -l "
			       "or --lcores, or raise ulimit -u, or ulimit -v to %llu KiB",
			       i, strerror(-err), (unsigned long long)sh_as_need_kib(0));
	}
	sh_add(&sh_lc.epoch, 1); /* R:LCUP: started */
	if (err == 0)
		err = sh_lcore_tell_start();
	if (err != 0)
		threads_stop();
	return err;
}

void sh_lcore_stop(void)
{
	if (!sh_lcore_here())
		return;
	sh_lcore_tell_stop();
	threads_stop();
}

void sh_lcore_forget(void)
{
	if (sh_lc.pid == 0 || sh_lc.pid == getpid())
		return;
	for (unsigned i = 0; i < SH_LCORES; i++)
		sh_store_rlx(&sh_lc.l[i].state, SH_L_NONE); /* relaxed: a child begins with one thread */
	if (sh_load_rlx(&sh_lc.epoch) % 2 == 1)		    /* relaxed: likewise */
		sh_add(&sh_lc.epoch, 1);		    /* R:LCUP */
	(void)sched_setaffinity(0, sizeof(home.had), &home.had);
	/* whoever held them is not in this process */
	sh_lc.facts = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	sh_lc.cb = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	sh_lc.pid = 0;
}

/* ---- launch and wait ---- */

static bool is_worker(unsigned id)
{
	return sh_lcore_role(id) == ROLE_RTE && id != rte_get_main_lcore();
}

SH_EXPORT int rte_eal_remote_launch(lcore_function_t *f, void *arg, unsigned int worker_id)
{
	uint32_t st = SH_L_WAIT;
	struct sh_lcore *l;

	if (f == NULL || worker_id >= SH_LCORES)
		return -EINVAL;
	if (!sh_lcore_here() || !is_worker(worker_id))
		return -EPIPE;
	l = &sh_lc.l[worker_id];
	if (!sh_cas(&l->state, &st, SH_L_CLAIMED))
		return st == SH_L_CLAIMED || st == SH_L_RUN ? -EBUSY : -EPIPE;
	l->f = f;
	l->arg = arg;
	publish(l, SH_L_RUN, BIT_WORKER); /* R:LCORE */
	return 0;
}

SH_EXPORT int rte_eal_mp_remote_launch(lcore_function_t *f, void *arg, enum rte_rmt_call_main_t call_main)
{
	unsigned main_id = rte_get_main_lcore(), i;

	if (f == NULL)
		return -EINVAL;
	if (!sh_lcore_here())
		return -EPIPE;
	RTE_LCORE_FOREACH_WORKER(i)
	if (rte_eal_get_lcore_state(i) != WAIT)
		return -EBUSY;
	RTE_LCORE_FOREACH_WORKER(i)
	(void)rte_eal_remote_launch(f, arg, i);
	if (call_main == CALL_MAIN)
		sh_store_rlx(&sh_lc.l[main_id].ret, f(arg)); /* relaxed: the caller is who asks */
	return 0;
}

SH_EXPORT enum rte_lcore_state_t rte_eal_get_lcore_state(unsigned int worker_id)
{
	uint32_t st;

	if (worker_id >= SH_LCORES || sh_lc.pid != getpid())
		return WAIT;
	st = sh_load_acq(&sh_lc.l[worker_id].state); /* A:LCORE */
	return st == SH_L_CLAIMED || st == SH_L_RUN || st == SH_L_ORPHAN ? RUNNING : WAIT;
}

SH_EXPORT int rte_eal_wait_lcore(unsigned int worker_id)
{
	struct sh_lcore *l;
	uint32_t st;

	if (worker_id >= SH_LCORES)
		return -EINVAL;
	l = &sh_lc.l[worker_id];
	/* A:LCORE with the worker's CAS: ret is there */
	while ((st = sh_load_acq(&l->state)) == SH_L_CLAIMED || st == SH_L_RUN || st == SH_L_ORPHAN) {
		if (sh_lc.pid != getpid())
			return -EPIPE;
		if (worker_id == rte_lcore_id())
			return -EDEADLK;
		sleep_while(l, st, BIT_WAITER);
	}
	return sh_load_rlx(&l->ret); /* relaxed: behind A:LCORE */
}

SH_EXPORT void rte_eal_mp_wait_lcore(void)
{
	unsigned i;

	RTE_LCORE_FOREACH_WORKER(i)
	(void)rte_eal_wait_lcore(i);
}
