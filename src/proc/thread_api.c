/* SPDX-License-Identifier: BSD-3-Clause */
/* thread_api.c - rte_thread.h and the thread functions of rte_lcore.h, over POSIX threads. */
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_thread.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/export.h"
#include "base/log.h"
#include "base/thread.h"
#include "proc/lcore_int.h"

SH_EXPORT RTE_DEFINE_PER_LCORE(int, _thread_id) = -1;

SH_EXPORT int rte_sys_gettid(void)
{
	return gettid();
}

static pthread_t posix(rte_thread_t t)
{
	return (pthread_t)t.opaque_id;
}

/* ---- start and end ---- */

struct start {
	rte_thread_func fn;
	void *arg;
};

static void *run(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	return (void *)(uintptr_t)s.fn(s.arg);
}

/* consumes nothing on failure; a positive errno */
static int start(pthread_t *t, const pthread_attr_t *attr, rte_thread_func fn, void *arg)
{
	struct start *s = malloc(sizeof(*s));
	int err;

	if (s == NULL)
		return EAGAIN;
	*s = (struct start){fn, arg};
	err = pthread_create(t, attr, run, s);
	if (err != 0)
		free(s);
	return err;
}

SH_EXPORT int rte_thread_create(rte_thread_t *thread_id, const rte_thread_attr_t *thread_attr,
				rte_thread_func thread_func, void *arg)
{
	pthread_attr_t attr;
	int err;

	if (thread_id == NULL || thread_func == NULL)
		return EINVAL;
	if (thread_attr != NULL && thread_attr->priority != RTE_THREAD_PRIORITY_NORMAL)
		return ENOTSUP;
	err = pthread_attr_init(&attr);
	if (err != 0)
		return err;
	if (thread_attr != NULL && CPU_COUNT(&thread_attr->cpuset) > 0)
		err = pthread_attr_setaffinity_np(&attr, sizeof(thread_attr->cpuset), &thread_attr->cpuset);
	if (err == 0)
		err = start((pthread_t *)&thread_id->opaque_id, &attr, thread_func, arg);
	pthread_attr_destroy(&attr);
	return err;
}

/* attr (a copy of the program's, or the defaults) with the CPUs that are nobody's lcore */
static int control_attr(pthread_attr_t *attr)
{
	cpu_set_t cpus;
	int err = pthread_attr_init(attr);

	if (err == 0 && sh_thread_cpus_get(&cpus))
		err = pthread_attr_setaffinity_np(attr, sizeof(cpus), &cpus);
	return err;
}

SH_EXPORT int rte_thread_create_control(rte_thread_t *thread_id, const char *name, rte_thread_func thread_func,
					void *arg)
{
	pthread_attr_t attr;
	int err;

	if (thread_id == NULL || thread_func == NULL)
		return EINVAL;
	err = control_attr(&attr);
	if (err == 0)
		err = start((pthread_t *)&thread_id->opaque_id, &attr, thread_func, arg);
	pthread_attr_destroy(&attr);
	if (err == 0 && name != NULL)
		rte_thread_set_name(*thread_id, name);
	return err;
}

SH_EXPORT int rte_ctrl_thread_create(pthread_t *thread, const char *name, const pthread_attr_t *attr,
				     void *(*start_routine)(void *), void *arg)
{
	pthread_attr_t own;
	cpu_set_t cpus;
	int err;

	if (thread == NULL || start_routine == NULL)
		return -EINVAL;
	err = control_attr(&own);
	/* the program's attributes count; its thread is moved right after the start */
	if (err == 0)
		err = pthread_create(thread, attr != NULL ? attr : &own, start_routine, arg);
	pthread_attr_destroy(&own);
	if (err != 0)
		return -err;
	if (attr != NULL && sh_thread_cpus_get(&cpus))
		(void)pthread_setaffinity_np(*thread, sizeof(cpus), &cpus);
	if (name != NULL)
		(void)rte_thread_setname(*thread, name);
	return 0;
}

SH_EXPORT int rte_thread_join(rte_thread_t thread_id, uint32_t *value_ptr)
{
	void *value;
	int err = pthread_join(posix(thread_id), &value);

	if (err == 0 && value_ptr != NULL)
		*value_ptr = (uint32_t)(uintptr_t)value;
	return err;
}

SH_EXPORT int rte_thread_detach(rte_thread_t thread_id)
{
	return pthread_detach(posix(thread_id));
}
SH_EXPORT rte_thread_t rte_thread_self(void)
{
	return (rte_thread_t){.opaque_id = (uintptr_t)pthread_self()};
}
SH_EXPORT int rte_thread_equal(rte_thread_t t1, rte_thread_t t2)
{
	return pthread_equal(posix(t1), posix(t2));
}

/* ---- names ---- */

SH_EXPORT int rte_thread_setname(pthread_t id, const char *name)
{
	char cut[RTE_THREAD_NAME_SIZE];

	if (name == NULL)
		return -EINVAL;
	(void)snprintf(cut, sizeof(cut), "%s", name);
	return -pthread_setname_np(id, cut);
}

SH_EXPORT int rte_thread_getname(pthread_t id, char *name, size_t len)
{
	return -pthread_getname_np(id, name, len);
}

SH_EXPORT void rte_thread_set_name(rte_thread_t thread_id, const char *name)
{
	int err = rte_thread_setname(posix(thread_id), name);

	if (err != 0)
		sh_dbg("thread cannot be named \"%s\": %s", name != NULL ? name : "", strerror(-err));
}

/* ---- CPUs and priority ---- */

SH_EXPORT int rte_thread_attr_init(rte_thread_attr_t *attr)
{
	if (attr == NULL)
		return EINVAL;
	attr->priority = RTE_THREAD_PRIORITY_NORMAL;
	CPU_ZERO(&attr->cpuset);
	return 0;
}

SH_EXPORT int rte_thread_attr_set_priority(rte_thread_attr_t *thread_attr, enum rte_thread_priority priority)
{
	if (thread_attr == NULL || priority != RTE_THREAD_PRIORITY_NORMAL)
		return EINVAL;
	thread_attr->priority = priority;
	return 0;
}

SH_EXPORT int rte_thread_attr_set_affinity(rte_thread_attr_t *thread_attr, rte_cpuset_t *cpuset)
{
	if (thread_attr == NULL || cpuset == NULL)
		return EINVAL;
	thread_attr->cpuset = *cpuset;
	return 0;
}

SH_EXPORT int rte_thread_attr_get_affinity(rte_thread_attr_t *thread_attr, rte_cpuset_t *cpuset)
{
	if (thread_attr == NULL || cpuset == NULL)
		return EINVAL;
	*cpuset = thread_attr->cpuset;
	return 0;
}

SH_EXPORT int rte_thread_set_affinity_by_id(rte_thread_t thread_id, const rte_cpuset_t *cpuset)
{
	return cpuset == NULL ? EINVAL : pthread_setaffinity_np(posix(thread_id), sizeof(*cpuset), cpuset);
}

SH_EXPORT int rte_thread_get_affinity_by_id(rte_thread_t thread_id, rte_cpuset_t *cpuset)
{
	return cpuset == NULL ? EINVAL : pthread_getaffinity_np(posix(thread_id), sizeof(*cpuset), cpuset);
}

SH_EXPORT int rte_thread_set_affinity(rte_cpuset_t *cpusetp)
{
	int err = rte_thread_set_affinity_by_id(rte_thread_self(), cpusetp);

	if (err != 0) {
		errno = err;
		return -1;
	}
	sh_lcore_self(rte_lcore_id(), cpusetp);
	return 0;
}

SH_EXPORT void rte_thread_get_affinity(rte_cpuset_t *cpusetp)
{
	CPU_ZERO(cpusetp);
	(void)rte_thread_get_affinity_by_id(rte_thread_self(), cpusetp);
}

SH_EXPORT int rte_thread_get_priority(rte_thread_t thread_id, enum rte_thread_priority *priority)
{
	struct sched_param param;
	int policy, err;

	if (priority == NULL)
		return EINVAL;
	err = pthread_getschedparam(posix(thread_id), &policy, &param);
	if (err != 0)
		return err;
	if (policy != SCHED_OTHER && policy != SCHED_RR)
		return EINVAL;
	*priority = policy == SCHED_RR ? RTE_THREAD_PRIORITY_REALTIME_CRITICAL : RTE_THREAD_PRIORITY_NORMAL;
	return 0;
}

SH_EXPORT int rte_thread_set_priority(rte_thread_t thread_id, enum rte_thread_priority priority)
{
	struct sched_param param = {0};

	switch (priority) {
	case RTE_THREAD_PRIORITY_NORMAL:
		return pthread_setschedparam(posix(thread_id), SCHED_OTHER, &param);
	case RTE_THREAD_PRIORITY_REALTIME_CRITICAL:
		/* in the middle: above and below there is room for what the administrator sets */
		param.sched_priority = (sched_get_priority_min(SCHED_RR) + sched_get_priority_max(SCHED_RR)) / 2;
		return pthread_setschedparam(posix(thread_id), SCHED_RR, &param);
	}
	return ENOTSUP;
}

/* ---- values of a thread's own ---- */

struct eal_tls_key {
	pthread_key_t key;
};

static int fail(int err)
{
	rte_errno = err;
	return -1;
}

SH_EXPORT int rte_thread_key_create(rte_thread_key *key, void (*destructor)(void *))
{
	struct eal_tls_key *k;
	int err;

	if (key == NULL)
		return fail(EINVAL);
	k = malloc(sizeof(*k));
	if (k == NULL)
		return fail(ENOMEM);
	err = pthread_key_create(&k->key, destructor);
	if (err != 0) {
		free(k);
		return fail(ENOEXEC);
	}
	*key = k;
	return 0;
}

SH_EXPORT int rte_thread_key_delete(rte_thread_key key)
{
	int err;

	if (key == NULL)
		return fail(EINVAL);
	err = pthread_key_delete(key->key);
	if (err != 0)
		return fail(ENOEXEC);
	free(key);
	return 0;
}

SH_EXPORT int rte_thread_value_set(rte_thread_key key, const void *value)
{
	int err;

	if (key == NULL)
		return fail(EINVAL);
	err = pthread_setspecific(key->key, value);
	return err != 0 ? fail(ENOEXEC) : 0;
}

SH_EXPORT void *rte_thread_value_get(rte_thread_key key)
{
	if (key != NULL)
		return pthread_getspecific(key->key);
	rte_errno = EINVAL;
	return NULL;
}
