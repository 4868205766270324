/* SPDX-License-Identifier: BSD-3-Clause */
/* thread.c - start the library's own threads. See thread.h. */
#include "base/thread.h"

#include <signal.h>
#include <stdbool.h>

static struct {
	bool set;
	cpu_set_t cpus;
} quiet; /* written once by init before the first thread starts */

static _Thread_local bool own;

void sh_thread_own(void)
{
	own = true;
}

bool sh_thread_is_own(void)
{
	return own;
}

void sh_thread_cpus(const cpu_set_t *set)
{
	quiet.set = set != NULL;
	if (set != NULL)
		quiet.cpus = *set;
}

bool sh_thread_cpus_get(cpu_set_t *set)
{
	if (quiet.set)
		*set = quiet.cpus;
	return quiet.set;
}

int sh_thread_start(pthread_t *t, const char *name, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int err;

	err = pthread_attr_init(&attr);
	if (err != 0)
		return -err;
	if (quiet.set)
		(void)pthread_attr_setaffinity_np(&attr, sizeof(quiet.cpus), &quiet.cpus);
	/* the mask is inherited: block all around the creation, so that not one signal reaches the new thread */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(t, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (err == 0)
		(void)pthread_setname_np(*t, name);
	return -err;
}
