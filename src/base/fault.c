/* SPDX-License-Identifier: BSD-3-Clause */
/* fault.c - die or stop at a labelled step; see fault.h. */
#include "base/fault.h"

#ifdef SH_FAULT
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/atom.h"

static void hit(const char *env, const char *label, int sig, atomic_int *seen)
{
	const char *want = getenv(env);
	size_t n = strlen(label);

	if (want == NULL || strncmp(want, label, n) != 0 || (want[n] != '\0' && want[n] != ':'))
		return;
	if (sh_add_rlx(seen, 1) + 1 == (want[n] == ':' ? atoi(want + n + 1) : 1))
		(void)raise(sig);
}

void sh_fault_step(const char *label)
{
	static atomic_int dies, stops;

	hit("SHOAL_DIE_AT", label, SIGKILL, &dies);
	hit("SHOAL_STOP_AT", label, SIGSTOP, &stops);
}
#else
extern int sh_fault_is_off; /* ISO C wants a declaration in every file */
#endif
