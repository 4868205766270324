/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * labels.h - the labelled steps of the room (base/fault.h), read from its source so that none can be forgotten, and members
 * that die at them
 */
#ifndef SH_TEST_MEM_LABELS_H
#define SH_TEST_MEM_LABELS_H

#include "fake.h"

#define LABELS_MAX 128

struct labels {
	char name[LABELS_MAX][48];
	unsigned n;
};

/* all that begin with one of these prefixes, which end with NULL; there are more than a few */
void labels_of(struct labels *l, const char *const *prefixes);
/* a member that runs fn and is to die at its nth passing of label: 0, or 128 + SIGKILL, and who it was (id may be NULL) */
int run_killed(int (*fn)(void *), void *arg, const char *label, unsigned nth, sh_id_t *id);

#endif
