/* SPDX-License-Identifier: BSD-3-Clause */
/* fault.c - die or stop at a labelled step; see fault.h. */
#include "base/fault.h"

#ifdef SH_FAULT
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/atom.h"

/* is this the passing of that label that the environment names? */
static bool hit(const char *env, const char *label, atomic_int *seen)
{
	const char *want = getenv(env);
	size_t n = strlen(label);

	if (want == NULL || strncmp(want, label, n) != 0 || (want[n] != '\0' && want[n] != ':'))
		return false;
	if (strcmp(want + n, ":*") == 0)
		return true;
	return sh_add_rlx(seen, 1) + 1 == (want[n] == ':' ? atoi(want + n + 1) : 1);
}

void sh_fault_step(const char *label)
{
	static atomic_int dies, stops;

	if (hit("SHOAL_DIE_AT", label, &dies))
		(void)raise(SIGKILL);
	if (hit("SHOAL_STOP_AT", label, &stops))
		(void)raise(SIGSTOP);
}

bool sh_fault_fails(const char *label)
{
	static atomic_int fails;

	return hit("SHOAL_FAIL_AT", label, &fails);
}

uint64_t sh_fault_num(const char *env, uint64_t dflt)
{
	const char *v = getenv(env);

	return v != NULL ? strtoull(v, NULL, 10) : dflt;
}
#else
extern int sh_fault_is_off; /* ISO C wants a declaration in every file */
#endif
