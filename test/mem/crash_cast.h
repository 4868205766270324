/* SPDX-License-Identifier: BSD-3-Clause */
/* crash_cast.h - a fixed play of fourteen calls, for members that die or are stopped in it */
#ifndef SH_TEST_MEM_CRASH_CAST_H
#define SH_TEST_MEM_CRASH_CAST_H

#include "labels.h"

#define ACTS 14

struct play {
	_Atomic uint32_t done; /* calls that returned */
	uint32_t run[2];
};

/* what is there after so many calls: a bit for each name */
extern const unsigned there[ACTS + 1];

/* with $SHOAL_TEST_HUGE of huge pages and nothing else */
void pages_of_the_play(void);
/* a member plays it */
int plays(void *arg);
/* the same, killed there: the outcome. Where another program took the huge pages meanwhile, it is played again in a new group */
int play_killed(struct play *p, const char *label, unsigned nth, sh_id_t *id);
/* one that mends and does nothing else */
int looks(void *arg);
/* which of the names are there */
unsigned present(void);
/* it is known to be dead, and this process is told */
void hears_of_it(sh_id_t id);
/* see crash_cast.c */
void check_and_clear(const struct play *p, sh_id_t dead, const char *label, unsigned nth);

#endif
