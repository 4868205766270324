/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kif_idle.c - a thread that polls interfaces of the kernel in vain, and others that want its core
 *
 * Packets come from the kernel and from programs, which need a core for that, perhaps this one. A thread whose bursts were in
 * vain, over all its queues, offers its core now and then; where nobody wants it that costs less than a microsecond. If somebody
 * took it, offering is not enough: the scheduler shares the core evenly between who works and who polls in vain. So the
 * thread sleeps for some tens of microseconds each time instead, then offers again. A process that has its core alone never sleeps.
 *
 * All of it is the thread's own.
 */
#include <sched.h>
#include <stdbool.h>
#include <time.h>

#include "base/clock.h"
#include "pkt/kif.h"

#define IN_VAIN 16		    /* bursts in a row */
#define TAKEN_NS (4 * SH_NS_PER_US) /* an offer that takes longer was accepted */
#define NAP_NS (50 * SH_NS_PER_US)
#define NAPS 64

static _Thread_local unsigned in_vain, naps;

static void offer(void)
{
	uint64_t began = sh_now_ns();

	(void)sched_yield();
	naps = sh_now_ns() - began > TAKEN_NS ? NAPS : 0;
}

void sh_kif_polled(bool got)
{
	static const struct timespec nap = {.tv_nsec = NAP_NS};

	if (got) {
		in_vain = 0;
	} else if (++in_vain % IN_VAIN == 0) {
		if (naps == 0)
			offer();
		else if (naps-- > 0)
			(void)nanosleep(&nap, NULL);
	}
}
