/* SPDX-License-Identifier: BSD-3-Clause */
/* calm.c - see calm.h. A handler that comes between two steps here leaves all as it found it. */
#include "base/calm.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

/* this thread's: how deep it is; the mask that it had outside */
static _Thread_local struct {
	unsigned depth;
	sigset_t outside;
} calm;

void sh_calm_begin(void)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT};
	sigset_t most, outside;

	if (calm.depth == 0) {
		(void)sigfillset(&most);
		for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
			(void)sigdelset(&most, faults[i]);
		(void)pthread_sigmask(SIG_BLOCK, &most, &outside);
		calm.outside = outside; /* no handler comes any more that would write it */
	}
	calm.depth++;
}

void sh_calm_end(void)
{
	sigset_t outside = calm.outside;
	int err = errno;

	if (--calm.depth == 0)
		(void)pthread_sigmask(SIG_SETMASK, &outside, NULL);
	errno = err; /* as the handlers may leave it */
}
