/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * door.h - threads that end, and a room that stops, keep out of each other's way
 *
 * A thread may end at any moment, in the middle of rte_eal_cleanup() too, and what the room does for it then (a destructor of
 * pthread_key_create()) must not meet the room on its way out. So the destructor goes in by a door: it is inside before the
 * room stops, and then that waits for it; or it finds the door shut, and touches nothing that is shared: the room does that
 * for it. Shut before the first start, and after each stop. In static memory: a destructor may come long after the room has gone.
 *
 * Process-private. v: 1 open, and 2 for each that is inside.
 */
#ifndef SH_BASE_DOOR_H
#define SH_BASE_DOOR_H

#include <stdbool.h>

#include "base/atom.h"
#include "base/fault.h"
#include "base/futex.h"

#define SH_DOOR_OPEN 1u
#define SH_DOOR_ONE 2u

struct sh_door {
	_Atomic uint32_t v;
};

/* false: shut. Nothing that ends only when the room has stopped is waited for inside */
static inline bool sh_door_in(struct sh_door *d)
{
	uint32_t v = sh_load_rlx(&d->v); /* relaxed: the CAS decides */

	while ((v & SH_DOOR_OPEN) != 0)
		if (sh_cas(&d->v, &v, v + SH_DOOR_ONE)) /* A:DOOR what the room's start made */
			return true;
	return false;
}

static inline void sh_door_out(struct sh_door *d)
{
	if (sh_add(&d->v, -SH_DOOR_ONE) == SH_DOOR_ONE) /* R:DOOR; the last one, and it is shut */
		(void)sh_futex_wake(&d->v, 1, SH_FUTEX_ANY, false);
}

/* the room has started */
static inline void sh_door_open(struct sh_door *d)
{
	sh_store_rel(&d->v, SH_DOOR_OPEN); /* R:DOOR */
}

/* nobody is inside from now on, nor comes in; by the one thread that stops the room */
static inline void sh_door_shut(struct sh_door *d)
{
	uint32_t v;

	(void)sh_and(&d->v, ~SH_DOOR_OPEN);
	while ((v = sh_load_acq(&d->v)) != 0) { /* A:DOOR what was done inside */
		SH_STEP("door_waits");
		(void)sh_futex_wait(&d->v, v, SH_FOREVER, SH_FUTEX_ANY, false);
	}
}

/* in a forked child: who was inside is not in this process */
static inline void sh_door_forked(struct sh_door *d)
{
	(void)sh_and(&d->v, SH_DOOR_OPEN);
}

#endif
