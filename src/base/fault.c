/* SPDX-License-Identifier: BSD-3-Clause */
/* fault.c - die or stop at a labelled step; see fault.h. */
#include "base/fault.h"

#ifdef SH_FAULT
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/atom.h"
#include "base/futex.h"

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

#define HOLDS 8

static bool is_one_of(const char *label, const char *list, const char *end)
{
	size_t n = strlen(label);

	for (; list < end; list += strcspn(list, "|< ") + 1)
		if (strcspn(list, "|< ") == n && strncmp(list, label, n) == 0)
			return true;
	return false;
}

/* "a<b|c d<e": see fault.h */
static void hold(const char *label)
{
	static _Atomic uint32_t come[HOLDS]; /* has anybody come to one of the labels behind < ? */
	const char *p = getenv("SHOAL_HOLD_AT");

	for (unsigned i = 0; p != NULL && *p != '\0' && i < HOLDS; i++) {
		const char *after = strchr(p, '<'), *end = p + strcspn(p, " ");

		if (after == NULL)
			return;
		if (is_one_of(label, after + 1, end)) {
			sh_store_rel(&come[i], 1); /* R:HELD */
			(void)sh_futex_wake(&come[i], INT_MAX, SH_FUTEX_ANY, false);
		}
		while (is_one_of(label, p, after) && sh_load_acq(&come[i]) == 0) /* A:HELD */
			(void)sh_futex_wait(&come[i], 0, SH_FOREVER, SH_FUTEX_ANY, false);
		p = end + strspn(end, " ");
	}
}

void sh_fault_step(const char *label)
{
	static atomic_int dies, stops;

	if (hit("SHOAL_DIE_AT", label, &dies))
		(void)raise(SIGKILL);
	if (hit("SHOAL_STOP_AT", label, &stops))
		(void)raise(SIGSTOP);
	hold(label);
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
