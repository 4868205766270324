/* SPDX-License-Identifier: BSD-3-Clause */
/* lcore_join.c - callbacks about lcores, threads that become one, dump, and the calls of rte_thread.h. */
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lcore_help.h"

/* ---- callbacks and registered threads ---- */

struct seen {
	int init, uninit;
	int refuse; /* this lcore, unless -1 */
};

static int on_init(unsigned id, void *arg)
{
	struct seen *s = arg;

	if ((int)id == s->refuse)
		return -1;
	s->init++;
	return 0;
}

static void on_uninit(unsigned id, void *arg)
{
	(void)id;
	((struct seen *)arg)->uninit++;
}

static void *registered(void *arg)
{
	int *result = arg;
	unsigned id;

	*result = rte_thread_register();
	if (*result != 0)
		return NULL;
	id = rte_lcore_id();
	CHECK_EQ(id, 2); /* the lowest free one beside 0, 1, 3 */
	CHECK_EQ(rte_thread_register(), 0);
	CHECK_EQ(rte_lcore_id(), id);
	CHECK_EQ(rte_eal_lcore_role(id), ROLE_NON_EAL);
	CHECK_EQ(rte_lcore_is_enabled(id), 0);
	CHECK_EQ(rte_lcore_count(), 4);
	CHECK_EQ(rte_lcore_index(-1), -1);
	CHECK_EQ(rte_eal_remote_launch(id_plus, &id, id), -EPIPE);
	rte_thread_unregister();
	CHECK_EQ(rte_lcore_id(), LCORE_ID_ANY);
	rte_thread_unregister();
	return NULL;
}

static void *registered_and_gone(void *arg)
{
	*(int *)arg = rte_thread_register();
	return NULL;
}

static int in_thread(void *(*fn)(void *))
{
	pthread_t t;
	int result = -2;

	CHECK_EQ(pthread_create(&t, NULL, fn, &result), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
	return result;
}

TEST(callbacks_hear_of_lcores_and_threads)
{
	struct seen a = {.refuse = -1}, b = {.refuse = -1}, c = {.refuse = 3};
	void *ha, *hb;

	CHECK_EQ(sh_lcore_start(some(3)), 0);
	ha = rte_lcore_callback_register("a", on_init, on_uninit, &a);
	CHECK(ha != NULL);
	CHECK_EQ(a.init, 3);
	CHECK(rte_lcore_callback_register("c", on_init, on_uninit, &c) == NULL);
	CHECK_EQ(c.init, 2);
	CHECK_EQ(c.uninit, 2);
	CHECK(rte_lcore_callback_register(NULL, on_init, on_uninit, &c) == NULL);
	CHECK_EQ(rte_errno, EINVAL);
	hb = rte_lcore_callback_register("b", on_init, on_uninit, &b);
	CHECK_EQ(in_thread(registered), 0);
	CHECK_EQ(a.init, 4);
	CHECK_EQ(a.uninit, 1);
	b.refuse = 2;
	CHECK_EQ(in_thread(registered), -1);
	CHECK_EQ(a.init, 5);
	CHECK_EQ(a.uninit, 2);
	CHECK_EQ(rte_lcore_count(), 3);
	rte_lcore_callback_unregister(hb);
	CHECK_EQ(b.uninit, 1 + 3);
	rte_lcore_callback_unregister(hb);
	rte_lcore_callback_unregister(NULL);
	sh_lcore_stop();
	CHECK_EQ(a.uninit, 2 + 3);
	rte_lcore_callback_unregister(ha);
	CHECK_EQ(a.uninit, 2 + 3);
}

TEST(a_callback_registered_before_start_may_refuse_it)
{
	struct seen a = {.refuse = -1}, b = {.refuse = 1};
	void *ha = rte_lcore_callback_register("a", on_init, on_uninit, &a);
	void *hb = rte_lcore_callback_register("b", on_init, on_uninit, &b);

	CHECK_EQ(a.init, 0);
	CHECK_EQ(sh_lcore_start(some(2)), -ECANCELED);
	CHECK_EQ(a.init, 2);
	CHECK_EQ(a.uninit, 2);
	CHECK_EQ(b.init, b.uninit);
	rte_lcore_callback_unregister(hb);
	CHECK_EQ(sh_lcore_start(some(2)), 0);
	CHECK_EQ(a.init, 4);
	rte_lcore_callback_unregister(ha);
	CHECK_EQ(a.uninit, 4);
	sh_lcore_stop();
}

TEST(a_thread_that_ends_gives_its_number_back)
{
	CHECK_EQ(sh_lcore_start(some(3)), 0);
	for (int i = 0; i < 300; i++)
		CHECK_EQ(in_thread(registered_and_gone), 0);
	CHECK_EQ(rte_lcore_count(), 3);
	sh_lcore_stop();
}

static void *registered_until(void *arg)
{
	pthread_barrier_t *b = arg;

	CHECK_EQ(rte_thread_register(), 0);
	pthread_barrier_wait(b); /* it is one */
	pthread_barrier_wait(b); /* it may end */
	return NULL;
}

/* in the middle of a stop, where a build with steps holds both; once, by whoever is first */
TEST(a_thread_that_ends_while_the_lcores_stop_is_told_of_once)
{
	struct seen a = {.refuse = -1};
	pthread_barrier_t b;
	pthread_t t;

	setenv("SHOAL_HOLD_AT", "lcore_ends<lcore_told lcore_told<lcore_ended", 1);
	CHECK_EQ(sh_lcore_start(some(3)), 0);
	CHECK(rte_lcore_callback_register("a", on_init, on_uninit, &a) != NULL);
	pthread_barrier_init(&b, NULL, 2);
	CHECK_EQ(pthread_create(&t, NULL, registered_until, &b), 0);
	pthread_barrier_wait(&b);
	CHECK_EQ(a.init, 4);
	pthread_barrier_wait(&b);
	sh_lcore_stop();
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK_EQ(a.uninit, 4);
	CHECK_EQ(sh_lcore_start(some(3)), 0);
	CHECK_EQ(rte_lcore_count(), 3);
	sh_lcore_stop();
}

static void *hold_number(void *arg)
{
	struct gate *g = arg;

	CHECK_EQ(rte_thread_register(), 0);
	(void)pass(g);
	return NULL;
}

static bool all_in(void *g)
{
	return atomic_load(&((struct gate *)g)->in) == RTE_MAX_LCORE - 2;
}

TEST(numbers_run_out_with_enomem)
{
	struct gate g;
	pthread_t t[RTE_MAX_LCORE];

	gate_make(&g);
	CHECK_EQ(sh_lcore_start(some(2)), 0);
	for (int i = 0; i < RTE_MAX_LCORE - 2; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, hold_number, &g), 0);
	t_until(all_in, &g);
	CHECK_EQ(rte_lcore_count(), RTE_MAX_LCORE);
	CHECK_EQ(in_thread(registered_and_gone), -1);
	sh_lcore_stop(); /* takes the numbers away */
	CHECK_EQ(rte_lcore_count(), 2);
	gate_open(&g);
	for (int i = 0; i < RTE_MAX_LCORE - 2; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(sh_lcore_start(some(2)), 0);
	CHECK_EQ(rte_lcore_count(), 2);
	sh_lcore_stop();
}

static int count_to(unsigned id, void *arg)
{
	int *left = arg;

	(void)id;
	return --*left == 0 ? 42 : 0;
}

static int busy(unsigned id, struct rte_lcore_usage *u)
{
	u->total_cycles = 100;
	u->busy_cycles = id;
	return id == 1 ? 0 : -1;
}

TEST(iterate_and_dump)
{
	char *text = NULL, want[64];
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int left = 10;

	CHECK_EQ(sh_lcore_start(some(3)), 0);
	CHECK_EQ(rte_lcore_iterate(count_to, &left), 0);
	CHECK_EQ(left, 7);
	left = 2;
	CHECK_EQ(rte_lcore_iterate(count_to, &left), 42);
	rte_lcore_register_usage_cb(busy);
	rte_lcore_dump(f);
	rte_lcore_register_usage_cb(NULL);
	fclose(f);
	(void)snprintf(want, sizeof(want), "lcore 1, socket %d, role RTE, cpuset ", (int)rte_lcore_to_socket_id(1));
	CHECK_HAS(text, want);
	CHECK_HAS(text, "busy cycles 1/100\n");
	CHECK(strstr(text, "busy cycles 0") == NULL);
	free(text);
	sh_lcore_stop();
}

TEST(the_next_lcore)
{
	CHECK_EQ(sh_lcore_start(some(3)), 0); /* 0, 1, 3 */
	CHECK_EQ(rte_get_next_lcore(-1, 0, 0), 0);
	CHECK_EQ(rte_get_next_lcore(-1, 1, 0), 1);
	CHECK_EQ(rte_get_next_lcore(1, 0, 0), 3);
	CHECK_EQ(rte_get_next_lcore(3, 0, 0), RTE_MAX_LCORE);
	CHECK_EQ(rte_get_next_lcore(3, 0, 1), 0);
	CHECK_EQ(rte_get_next_lcore(3, 1, 1), 1);
	CHECK_EQ(rte_lcore_index(0), 0);
	CHECK_EQ(rte_lcore_index(3), 2);
	CHECK_EQ(rte_lcore_index(2), -1);
	CHECK_EQ(rte_lcore_index(-1), 0);
	CHECK_EQ(rte_lcore_index(4000), -1);
	CHECK_EQ(rte_lcore_has_role(500, ROLE_OFF), -EINVAL);
	CHECK_EQ(rte_lcore_has_role(3, ROLE_RTE), 1);
	sh_lcore_stop();
}

/* ---- threads ---- */

static void *their_cpus(void *arg)
{
	rte_thread_get_affinity(arg);
	CHECK_EQ(rte_lcore_id(), LCORE_ID_ANY);
	return NULL;
}

TEST(control_threads_stay_off_the_lcores)
{
	struct sh_opts *o = some(1);
	cpu_set_t mine, got, both;
	pthread_t t;

	CHECK_EQ(sched_getaffinity(0, sizeof(mine), &mine), 0);
	if (CPU_COUNT(&mine) < 2)
		SKIP("one CPU");
	sh_lcore_quiet(o);
	CHECK_EQ(sh_lcore_start(o), 0);
	CHECK_EQ(rte_ctrl_thread_create(&t, "a_name_that_is_too_long", NULL, their_cpus, &got), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
	CPU_AND(&both, &got, &o->lcore_cpus[0]);
	CHECK_EQ(CPU_COUNT(&both), 0);
	CHECK_EQ(CPU_COUNT(&got), CPU_COUNT(&mine) - 1);
	CHECK_EQ(rte_ctrl_thread_create(NULL, "x", NULL, their_cpus, &got), -EINVAL);
	sh_lcore_stop();
}

static uint32_t twice(void *arg)
{
	return 2 * *(uint32_t *)arg;
}

TEST(rte_thread_calls)
{
	uint32_t v = 21, r = 0;
	char name[16] = "", small[4];
	rte_thread_attr_t attr;
	rte_thread_key key;
	rte_thread_t t;

	CHECK_EQ(rte_thread_attr_init(&attr), 0);
	CHECK_EQ(rte_thread_attr_init(NULL), EINVAL);
	CHECK_EQ(rte_thread_attr_set_priority(&attr, RTE_THREAD_PRIORITY_REALTIME_CRITICAL), EINVAL);
	CHECK_EQ(rte_thread_create(&t, &attr, twice, &v), 0);
	CHECK_EQ(rte_thread_join(t, &r), 0);
	CHECK_EQ(r, 42);
	CPU_SET(1000, &attr.cpuset);
	CHECK_EQ(rte_thread_create(&t, &attr, twice, &v), EINVAL);
	CHECK(rte_thread_equal(rte_thread_self(), rte_thread_self()));
	CHECK_EQ(rte_thread_setname(pthread_self(), "sixteen_bytes_and_more"), 0);
	CHECK_EQ(rte_thread_getname(pthread_self(), name, sizeof(name)), 0);
	CHECK_STR(name, "sixteen_bytes_a");
	CHECK_EQ(rte_thread_getname(pthread_self(), small, sizeof(small)), -ERANGE);
	CHECK_EQ(rte_thread_key_create(&key, NULL), 0);
	CHECK(rte_thread_value_get(key) == NULL);
	CHECK_EQ(rte_thread_value_set(key, &v), 0);
	CHECK(rte_thread_value_get(key) == &v);
	CHECK_EQ(rte_thread_key_delete(key), 0);
	CHECK_EQ(rte_thread_key_delete(NULL), -1);
	CHECK_EQ(rte_errno, EINVAL);
	CHECK_EQ(rte_gettid(), gettid());
}

static uint32_t name_and_cpus(void *arg)
{
	char name[RTE_THREAD_NAME_SIZE];
	cpu_set_t *set = arg;
	rte_cpuset_t by_id;

	/* the creator names it */
	do {
		CHECK_EQ(rte_thread_getname(pthread_self(), name, sizeof(name)), 0);
		sched_yield();
	} while (strcmp(name, "keeper") != 0);
	rte_thread_get_affinity(set);
	CHECK_EQ(rte_thread_get_affinity_by_id(rte_thread_self(), &by_id), 0);
	CHECK(CPU_EQUAL(set, &by_id));
	return 5;
}

TEST(rte_control_threads_are_named_and_off_the_lcores)
{
	struct sh_opts *o = some(1);
	cpu_set_t mine, got, both;
	uint32_t r = 0;
	rte_thread_t t;

	CHECK_EQ(sched_getaffinity(0, sizeof(mine), &mine), 0);
	sh_lcore_quiet(o);
	CHECK_EQ(sh_lcore_start(o), 0);
	CHECK_EQ(rte_thread_create_control(&t, "keeper", name_and_cpus, &got), 0);
	CHECK_EQ(rte_thread_join(t, &r), 0);
	CHECK_EQ(r, 5);
	CPU_AND(&both, &got, &o->lcore_cpus[0]);
	CHECK_EQ(CPU_COUNT(&both), CPU_COUNT(&mine) < 2 ? 1 : 0);
	CHECK_EQ(rte_thread_create_control(&t, "keeper", NULL, NULL), EINVAL);
	sh_lcore_stop();
}

static uint32_t open_gate(void *arg)
{
	gate_open(arg);
	return 0;
}

TEST(a_thread_moves_and_its_lcore_with_it)
{
	struct sh_opts *o = some(2);
	enum rte_thread_priority prio = RTE_THREAD_PRIORITY_REALTIME_CRITICAL;
	rte_cpuset_t none, now, both;
	rte_thread_attr_t attr;
	struct gate g;
	rte_thread_t t;
	char c;

	CHECK_EQ(sh_lcore_start(o), 0);
	CPU_OR(&both, &o->lcore_cpus[0], &o->lcore_cpus[1]);
	CHECK_EQ(rte_thread_set_affinity(&both), 0);
	now = rte_lcore_cpuset(0);
	CHECK(CPU_EQUAL(&now, &both));
	CPU_ZERO(&none);
	CHECK_EQ(rte_thread_set_affinity(&none), -1);
	CHECK_EQ(errno, EINVAL);
	now = rte_lcore_cpuset(0);
	CHECK(CPU_EQUAL(&now, &both));
	CHECK_EQ(rte_thread_set_affinity_by_id(rte_thread_self(), &o->lcore_cpus[0]), 0);
	CHECK_EQ(rte_thread_get_priority(rte_thread_self(), &prio), 0);
	CHECK_EQ(prio, RTE_THREAD_PRIORITY_NORMAL);
	CHECK_EQ(rte_thread_set_priority(rte_thread_self(), RTE_THREAD_PRIORITY_NORMAL), 0);
	CHECK_EQ(rte_thread_set_priority(rte_thread_self(), (enum rte_thread_priority)7), ENOTSUP);
	CHECK_EQ(rte_thread_attr_init(&attr), 0);
	CHECK_EQ(rte_thread_attr_set_affinity(&attr, &o->lcore_cpus[1]), 0);
	CHECK_EQ(rte_thread_attr_get_affinity(&attr, &now), 0);
	CHECK(CPU_EQUAL(&now, &o->lcore_cpus[1]));
	gate_make(&g);
	CHECK_EQ(rte_thread_create(&t, &attr, open_gate, &g), 0);
	CHECK_EQ(rte_thread_detach(t), 0);
	CHECK_EQ(read(g.pipe[0], &c, 1), 0);
	rte_thread_set_name(rte_thread_self(), "renamed");
	sh_lcore_stop();
}
