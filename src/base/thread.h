/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * thread.h - the library's own threads
 *
 * They block every signal (a program's handlers run on the program's threads), carry a name, and stay off the CPUs of the
 * lcores as long as there are others.
 */
#ifndef SH_BASE_THREAD_H
#define SH_BASE_THREAD_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

/* CPUs on which library threads started from now on may run; NULL: those of the process. Called once, from init. */
void sh_thread_cpus(const cpu_set_t *set);
/* the same CPUs; false when none were set */
bool sh_thread_cpus_get(cpu_set_t *set);
/* said by a thread of the library that calls what the program registered: it cannot wait for its own end */
void sh_thread_own(void);
bool sh_thread_is_own(void);
/* 0 or -errno. name: at most 15 characters. */
int sh_thread_start(pthread_t *t, const char *name, void *(*fn)(void *), void *arg);

#endif
