/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * barrier.h - a full fence in every thread of every process that takes part, made by the one who seldom needs it
 *
 * Taking part costs nothing while a process has one thread; later the kernel waits for all CPUs, 10 ms and more. So init.c
 * asks before it makes its first thread; asking again costs a system call.
 */
#ifndef SH_BASE_BARRIER_H
#define SH_BASE_BARRIER_H

#include <linux/membarrier.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* this process takes part from now on; false: the kernel, or a filter, refuses */
static inline bool sh_barrier_join(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
}

/* also for a process that takes no part; false: the kernel, or a filter, refuses, and there was none */
static inline bool sh_barrier_all(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0;
}

#endif
