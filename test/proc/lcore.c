/* SPDX-License-Identifier: BSD-3-Clause */
/* lcore.c - lcores: launch, wait, states, callbacks, registered threads, start and stop, forked children. */
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "lcore_help.h"

TEST(nothing_is_enabled_before_start)
{
	int add = 1;

	CHECK_EQ(rte_lcore_id(), LCORE_ID_ANY);
	CHECK_EQ(rte_lcore_count(), 0);
	CHECK_EQ(rte_get_next_lcore(-1, 0, 0), RTE_MAX_LCORE);
	CHECK_EQ(rte_get_next_lcore(-1, 0, 1), RTE_MAX_LCORE);
	CHECK_EQ(rte_eal_lcore_role(0), ROLE_OFF);
	CHECK_EQ(rte_lcore_index(-1), -1);
	CHECK_EQ((int)rte_socket_id(), -1);
	CHECK_EQ(rte_eal_remote_launch(id_plus, &add, 1), -EPIPE);
	CHECK_EQ(rte_eal_mp_remote_launch(id_plus, &add, CALL_MAIN), -EPIPE);
	CHECK_EQ(rte_eal_wait_lcore(1), 0);
	CHECK_EQ(rte_thread_register(), -1);
	CHECK_EQ(rte_errno, EINVAL);
}

TEST(functions_run_where_they_are_sent)
{
	int add = 100;
	unsigned i, n = 0;

	CHECK_EQ(sh_lcore_start(some(4)), 0);
	CHECK_EQ(rte_lcore_id(), 0);
	CHECK_EQ(rte_get_main_lcore(), 0);
	CHECK_EQ(rte_lcore_count(), 4);
	RTE_LCORE_FOREACH_WORKER(i)
	{
		n++;
		CHECK_EQ(rte_eal_get_lcore_state(i), WAIT);
		CHECK_EQ(rte_eal_remote_launch(id_plus, &add, i), 0);
		CHECK_EQ(rte_eal_wait_lcore(i), 100 + (int)i);
		CHECK_EQ(rte_eal_wait_lcore(i), 100 + (int)i);
	}
	CHECK_EQ(n, 3);
	CHECK_EQ(i, RTE_MAX_LCORE);
	CHECK_EQ(rte_eal_mp_remote_launch(id_plus, &add, CALL_MAIN), 0);
	rte_eal_mp_wait_lcore();
	RTE_LCORE_FOREACH(i)
	CHECK_EQ(rte_eal_wait_lcore(i), 100 + (int)i);
	sh_lcore_stop();
}

TEST(launch_refuses_what_cannot_run)
{
	struct gate g;
	int add = 0;

	gate_make(&g);
	CHECK_EQ(sh_lcore_start(some(3)), 0);
	CHECK_EQ(rte_eal_remote_launch(id_plus, &add, 0), -EPIPE); /* the main lcore */
	CHECK_EQ(rte_eal_remote_launch(id_plus, &add, 2), -EPIPE); /* not enabled */
	CHECK_EQ(rte_eal_remote_launch(id_plus, &add, 128), -EINVAL);
	CHECK_EQ(rte_eal_remote_launch(NULL, &add, 1), -EINVAL);
	CHECK_EQ(rte_eal_mp_remote_launch(NULL, &add, SKIP_MAIN), -EINVAL);
	CHECK_EQ(rte_eal_remote_launch(pass, &g, 3), 0);
	t_until(is_in, &g);
	CHECK_EQ(rte_eal_get_lcore_state(3), RUNNING);
	CHECK_EQ(rte_eal_remote_launch(id_plus, &add, 3), -EBUSY);
	CHECK_EQ(rte_eal_mp_remote_launch(id_plus, &add, SKIP_MAIN), -EBUSY);
	CHECK_EQ(rte_eal_wait_lcore(1), 0); /* it was started nowhere */
	gate_open(&g);
	CHECK_EQ(rte_eal_wait_lcore(3), 7);
	CHECK_EQ(rte_eal_wait_lcore(128), -EINVAL);
	sh_lcore_stop();
}

static int wait_for_me(void *arg)
{
	return rte_eal_wait_lcore(*(unsigned *)arg);
}

TEST(a_worker_that_waits_for_itself_is_told)
{
	unsigned one = 1;

	CHECK_EQ(sh_lcore_start(some(2)), 0);
	CHECK_EQ(rte_eal_remote_launch(wait_for_me, &one, 1), 0);
	CHECK_EQ(rte_eal_wait_lcore(1), -EDEADLK);
	sh_lcore_stop();
}

static void *launcher(void *arg)
{
	_Atomic int *won = arg;
	int add = 0;

	for (int k = 0; k < 2000; k++)
		if (rte_eal_remote_launch(id_plus, &add, 1) == 0) {
			CHECK_EQ(rte_eal_wait_lcore(1) > 0, 1);
			atomic_fetch_add(won, 1);
		}
	return NULL;
}

TEST(many_threads_launch_on_one_worker)
{
	_Atomic int won = 0;
	pthread_t t[3];

	CHECK_EQ(sh_lcore_start(some(2)), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, launcher, &won), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	CHECK(atomic_load(&won) > 0);
	rte_eal_mp_wait_lcore();
	CHECK_EQ(rte_eal_get_lcore_state(1), WAIT);
	sh_lcore_stop();
}

static int where_am_i(void *arg)
{
	cpu_set_t *set = arg;
	char name[16];

	CHECK_EQ(pthread_getname_np(pthread_self(), name, sizeof(name)), 0);
	CHECK_STR(name, "rte-worker-1");
	rte_thread_get_affinity(set);
	return (int)rte_socket_id();
}

TEST(workers_are_bound_and_the_main_thread_gets_its_cpus_back)
{
	cpu_set_t before, now, at;
	struct sh_opts *o = some(2);

	CHECK_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
	CHECK_EQ(sh_lcore_start(o), 0);
	CHECK_EQ(sched_getaffinity(0, sizeof(now), &now), 0);
	CHECK(CPU_EQUAL(&now, &o->lcore_cpus[0]));
	CHECK_EQ(rte_eal_remote_launch(where_am_i, &at, 1), 0);
	CHECK_EQ(rte_eal_wait_lcore(1), (int)rte_lcore_to_socket_id(1));
	CHECK(CPU_EQUAL(&at, &o->lcore_cpus[1]));
	at = rte_lcore_cpuset(1);
	CHECK(CPU_EQUAL(&at, &o->lcore_cpus[1]));
	at = rte_lcore_cpuset(2);
	CHECK_EQ(CPU_COUNT(&at), 0);
	CHECK(rte_lcore_to_cpu_id(1) >= 0);
	CHECK_EQ(rte_lcore_to_cpu_id(2), -1);
	CHECK(rte_socket_count() >= 1);
	CHECK_EQ(rte_socket_id_by_idx(0), (int)rte_lcore_to_socket_id(0));
	CHECK_EQ(rte_socket_id_by_idx(rte_socket_count()), -1);
	CHECK_EQ(rte_errno, EINVAL);
	sh_lcore_stop();
	CHECK_EQ(sched_getaffinity(0, sizeof(now), &now), 0);
	CHECK(CPU_EQUAL(&now, &before));
}

TEST(cpus_that_are_not_there_are_refused_and_nothing_is_left)
{
	cpu_set_t before, now;
	struct sh_opts *o = some(3);
	unsigned add = 1;

	CPU_ZERO(&o->lcore_cpus[3]);
	CPU_SET(1000, &o->lcore_cpus[3]);
	CHECK_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
	CHECK_EQ(sh_lcore_start(o), -EINVAL);
	CHECK_EQ(sched_getaffinity(0, sizeof(now), &now), 0);
	CHECK(CPU_EQUAL(&now, &before));
	CHECK_EQ(rte_eal_remote_launch(id_plus, &add, 1), -EPIPE);
	CHECK_EQ(sh_lcore_start(some(3)), 0);
	sh_lcore_stop();
}

TEST(stop_leaves_a_running_function_alone)
{
	struct gate g;
	int add = 0;

	gate_make(&g);
	CHECK_EQ(sh_lcore_start(some(3)), 0);
	CHECK_EQ(rte_eal_remote_launch(pass, &g, 1), 0);
	t_until(is_in, &g);
	sh_lcore_stop();
	CHECK_EQ(rte_eal_get_lcore_state(1), RUNNING);
	CHECK_EQ(rte_eal_remote_launch(id_plus, &add, 3), -EPIPE);
	CHECK_EQ(sh_lcore_start(some(3)), -EBUSY);
	gate_open(&g);
	CHECK_EQ(rte_eal_wait_lcore(1), 7);
	CHECK_EQ(sh_lcore_start(some(3)), 0);
	CHECK_EQ(rte_eal_remote_launch(id_plus, &add, 1), 0);
	CHECK_EQ(rte_eal_wait_lcore(1), 1);
	sh_lcore_stop();
}

static int stop_from_here(void *arg)
{
	sh_lcore_stop();
	return *(int *)arg;
}

TEST(a_worker_may_stop_all)
{
	int v = 5;

	CHECK_EQ(sh_lcore_start(some(4)), 0);
	CHECK_EQ(rte_eal_remote_launch(stop_from_here, &v, 3), 0);
	CHECK_EQ(rte_eal_wait_lcore(3), 5);
	CHECK_EQ(sh_lcore_start(some(4)), 0);
	sh_lcore_stop();
}

/* this process' threads whose name says that they are workers */
static unsigned workers(void)
{
	DIR *d = opendir("/proc/self/task");
	char path[300], name[32];
	unsigned n = 0;

	CHECK(d != NULL);
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		(void)snprintf(path, sizeof(path), "/proc/self/task/%s/comm", e->d_name);
		FILE *f = fopen(path, "re");

		if (f == NULL)
			continue;
		n += fgets(name, sizeof(name), f) != NULL && strncmp(name, "rte-worker-", 11) == 0;
		fclose(f);
	}
	closedir(d);
	return n;
}

/* a thread that was joined may show in /proc for a moment longer */
static bool workers_are(void *n)
{
	return workers() == *(unsigned *)n;
}

TEST(start_and_stop_a_hundred_times_leaves_no_thread)
{
	unsigned none = 0;

	for (unsigned i = 0; i < 100; i++) {
		CHECK_EQ(sh_lcore_start(some(1 + i % 5)), 0);
		CHECK_EQ(workers(), i % 5);
		sh_lcore_stop();
		t_until(workers_are, &none);
	}
}

static void child(void *arg)
{
	int add = 0;

	(void)arg;
	CHECK_EQ(rte_eal_remote_launch(id_plus, &add, 3), -EPIPE);
	CHECK_EQ(rte_eal_mp_remote_launch(id_plus, &add, CALL_MAIN), -EPIPE);
	CHECK_EQ(rte_eal_wait_lcore(1), -EPIPE); /* it ran in the parent */
	CHECK_EQ(rte_eal_get_lcore_state(1), WAIT);
	rte_eal_mp_wait_lcore();
	CHECK_EQ(rte_thread_register(), -1);
	CHECK_EQ(rte_errno, EPERM);
	sh_lcore_stop();
	CHECK_EQ(rte_lcore_count(), 3);
}

TEST(a_forked_child_never_hangs)
{
	struct gate g;
	char err[4096];

	gate_make(&g);
	CHECK_EQ(sh_lcore_start(some(3)), 0);
	CHECK_EQ(rte_eal_remote_launch(pass, &g, 1), 0);
	t_until(is_in, &g);
	CHECK_EQ(t_fork(child, NULL, err, sizeof(err)), 0);
	CHECK_HAS(err, "not in a child of fork()");
	gate_open(&g);
	CHECK_EQ(rte_eal_wait_lcore(1), 7);
	sh_lcore_stop();
}

/* Is every worker asleep in futex() without a time limit? Then nothing but a launch ever makes it run. */
static bool all_asleep(void *n)
{
	DIR *d = opendir("/proc/self/task");
	unsigned asleep = 0;
	char path[300], line[200];

	CHECK(d != NULL);
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		unsigned long nr, addr, op, val, timeout;

		(void)snprintf(path, sizeof(path), "/proc/self/task/%s/syscall", e->d_name);
		FILE *f = fopen(path, "re");

		if (f == NULL)
			continue;
		if (fgets(line, sizeof(line), f) != NULL &&
		    sscanf(line, "%lu %lx %lx %lx %lx", &nr, &addr, &op, &val, &timeout) == 5)
			asleep += nr == SYS_futex && timeout == 0;
		fclose(f);
	}
	closedir(d);
	return asleep >= *(unsigned *)n;
}

TEST(waiting_workers_sleep_until_they_are_launched)
{
	unsigned seven = 7;
	int add = 0;

	if (access("/proc/self/syscall", R_OK) != 0)
		SKIP("no /proc/PID/syscall");
	CHECK_EQ(sh_lcore_start(some(8)), 0);
	CHECK_EQ(rte_eal_mp_remote_launch(id_plus, &add, SKIP_MAIN), 0);
	rte_eal_mp_wait_lcore();
	t_until(all_asleep, &seven);
	sh_lcore_stop();
}

static int mask_of(void *arg)
{
	CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, arg), 0);
	return 0;
}

TEST(workers_inherit_the_signal_mask)
{
	sigset_t set, got;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	CHECK_EQ(pthread_sigmask(SIG_SETMASK, &set, NULL), 0);
	CHECK_EQ(sh_lcore_start(some(2)), 0);
	CHECK_EQ(rte_eal_remote_launch(mask_of, &got, 1), 0);
	CHECK_EQ(rte_eal_wait_lcore(1), 0);
	CHECK_EQ(sigismember(&got, SIGUSR2), 1);
	CHECK_EQ(sigismember(&got, SIGINT), 0);
	sh_lcore_stop();
}
