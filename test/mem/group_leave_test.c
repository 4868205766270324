/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_leave_test.c - members of a real group leave while their workers and threads are just ending
 *
 * In which order is left to chance, or, in a build with steps, chosen by SHOAL_HOLD_AT for those who have threads and no
 * workers, which leaving joins before (thread_end_test.c has each order). The primary takes, frees and audits all the while.
 */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <shoal_mem.h>

#include "base/atom.h"
#include "base/futex.h"
#include "check.h"

#define THREADS 4u
#define WORKERS 3u
#define BLOCKS 40u
#define LEAVERS (T_SANITIZED ? 6u : 25u)

static struct {
	_Atomic uint32_t done, go;
	struct rte_mempool *pool;
} both;

/* some blocks of many sizes, an object, and one block that stays: the last thing it has to do with the group */
static void uses(void)
{
	void *p[BLOCKS], *o;

	for (unsigned i = 0; i < BLOCKS; i++) {
		p[i] = rte_malloc(NULL, 64u << i % 8, 0);
		CHECK(p[i] != NULL);
	}
	for (unsigned i = 1; i < BLOCKS; i++)
		rte_free(p[i]);
	CHECK_EQ(rte_mempool_get(both.pool, &o), 0);
	rte_mempool_put(both.pool, o);
	sh_add(&both.done, 1);
	sh_futex_wake(&both.done, INT_MAX, SH_FUTEX_ANY, false);
	while (sh_load_acq(&both.go) == 0)
		(void)sh_futex_wait(&both.go, 0, SH_FOREVER, SH_FUTEX_ANY, false);
}

static int worker(void *arg)
{
	(void)arg;
	uses();
	return 0;
}

static void *thread(void *arg)
{
	uses();
	usleep((unsigned)(uintptr_t)arg); /* sleep: any moment of its process' leaving */
	return NULL;
}

/* one that does not wait for its workers, nor for its threads, which are detached. argv: its lcores, for how long threads end */
ROLE(leaver)
{
	char prog[] = "leaver", type[] = "--proc-type=secondary", *lcores = argv[1];
	char *av[] = {prog, type, lcores, NULL};
	uint32_t n;
	unsigned l;

	CHECK(rte_eal_init(3, av) >= 0);
	both.pool = rte_mempool_lookup("pool");
	RTE_LCORE_FOREACH_WORKER(l)
	{
		CHECK_EQ(rte_eal_remote_launch(worker, NULL, l), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_t t;

		CHECK_EQ(pthread_create(&t, NULL, thread, (void *)(uintptr_t)(i * (unsigned)atoi(argv[2]))), 0);
		CHECK_EQ(pthread_detach(t), 0);
	}
	while ((n = sh_load_acq(&both.done)) < rte_lcore_count() - 1 + THREADS)
		(void)sh_futex_wait(&both.done, n, SH_FOREVER, SH_FUTEX_ANY, false);
	sh_store_rel(&both.go, 1);
	sh_futex_wake(&both.go, INT_MAX, SH_FUTEX_ANY, false);
	CHECK_EQ(rte_eal_cleanup(), 0);
	return 0;
}

static bool ended(const struct t_proc *p)
{
	siginfo_t si = {.si_pid = 0};

	CHECK_EQ(waitid(P_PID, (id_t)p->pid, &si, WEXITED | WNOHANG | WNOWAIT), 0);
	return si.si_pid != 0;
}

static void bystand(void)
{
	void *p[100];

	for (unsigned i = 0; i < 100; i++) {
		p[i] = rte_malloc(NULL, 64u << i % 11, 0);
		CHECK(p[i] != NULL);
		memset(p[i], (int)i, 64u << i % 11);
	}
	for (unsigned i = 0; i < 100; i++) {
		CHECK_EQ(((unsigned char *)p[i])[63], i);
		rte_free(p[i]);
	}
}

TEST_T(members_leave_while_their_threads_end, 60)
{
	char prog[] = "primary", lcores[] = "--lcores=0@0", max[] = "--memory-max=128M", why[256];
	char *av[] = {prog, lcores, max, NULL};
	struct rte_malloc_socket_stats was, is;
	unsigned stay = 0;

	CHECK(rte_eal_init(3, av) >= 0);
	CHECK_EQ(rte_malloc_get_socket_stats(0, &was), 0);
	both.pool = rte_mempool_create("pool", 500, 64, 16, 0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, 0);
	CHECK(both.pool != NULL);
	for (unsigned i = 0; i < LEAVERS; i++) {
		static const char *const holds[] = {"span_shutting<span_left span_left<door_waits|span_stopped",
						    "span_ends<span_stopped span_stopped<span_ended"};
		bool works = i % 3 == 2;
		struct t_proc *p;
		char us[8];

		if (!works)
			setenv("SHOAL_HOLD_AT", holds[i % 3], 1);
		snprintf(us, sizeof(us), "%u", i * 20);
		p = t_spawn("leaver", works ? "--lcores=0@0,1@0,2@0,3@0" : "--lcores=0@0", us, NULL);
		unsetenv("SHOAL_HOLD_AT");
		stay += THREADS + (works ? WORKERS : 0);
		do
			bystand();
		while (!ended(p));
		CHECK_EQ(t_wait(p), 0);
		if (shoal_heap_audit(why, sizeof(why)) != 0)
			t_fail(__FILE__, __LINE__, "audit: %s", why);
	}
	CHECK_EQ(rte_mempool_avail_count(both.pool), 500);
	rte_mempool_free(both.pool);
	CHECK_EQ(rte_malloc_get_socket_stats(0, &is), 0);
	CHECK_EQ(is.alloc_count - was.alloc_count, stay);
	CHECK_EQ(rte_eal_cleanup(), 0);
}
