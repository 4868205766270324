/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * futex.h - sleep on a word until it changes
 *
 * Times are absolute CLOCK_MONOTONIC. A return means "look again": value changed, woken, interrupted or time passed; the
 * caller decides by looking at its own predicate. The bits pick sleepers: a wake reaches only sleepers sharing a bit.
 * shared: the word lies in memory shared between processes.
 */
#ifndef SH_BASE_FUTEX_H
#define SH_BASE_FUTEX_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

#define SH_FUTEX_ANY 0xffffffffu

/* 0, or -EAGAIN (value differs), -EINTR, -ETIMEDOUT. deadline SH_FOREVER: no time limit. */
static inline int sh_futex_wait(_Atomic uint32_t *w, uint32_t val, uint64_t dl, uint32_t bits, bool shared)
{
	struct timespec ts = {.tv_sec = (time_t)(dl / SH_NS_PER_S), .tv_nsec = (long)(dl % SH_NS_PER_S)};
	int op = FUTEX_WAIT_BITSET | (shared ? 0 : FUTEX_PRIVATE_FLAG);
	long r = syscall(SYS_futex, w, op, val, dl == SH_FOREVER ? NULL : &ts, NULL, bits);

	return r < 0 ? -errno : 0;
}

/* number of sleepers woken */
static inline int sh_futex_wake(_Atomic uint32_t *w, int n, uint32_t bits, bool shared)
{
	int op = FUTEX_WAKE_BITSET | (shared ? 0 : FUTEX_PRIVATE_FLAG);

	return (int)syscall(SYS_futex, w, op, n, NULL, NULL, bits);
}

#endif
