/* SPDX-License-Identifier: BSD-3-Clause */
/* obj.c - start and stop of the room, and what a death means here. See README.md. */
#include "obj/obj.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/export.h"
#include "base/log.h"
#include "obj/priv.h"
#include "proc/proc.h"

static const uint64_t nobody;
/* written by start and stop alone, when no other thread is in this room */
SH_EXPORT const uint64_t *__rte_ring_self = &nobody;

/* the primary; without one the lowest slot that is active */
static bool caretaker(void)
{
	sh_id_t self = sh_self(), first = sh_primary_id();
	enum sh_state st;

	for (unsigned i = 0; first == 0 && i < SH_MEMBERS; i++) {
		first = sh_member_at(i, &st);
		if (first != 0 && st != SH_ACTIVE)
			first = 0;
	}
	return self != 0 && self == first;
}

static void mend_one(struct rte_ring *r, void *dead)
{
	(void)sh_ring_mend(r, *(sh_id_t *)dead);
}

/* Who is blocked by a death mends by itself, if need be; the caretaker is the one who starts unasked. */
static void on_event(void *arg, enum sh_event ev, sh_id_t id)
{
	(void)arg;
	if (ev != SH_EV_DEATH && ev != SH_EV_LEAVE)
		return;
	if (ev == SH_EV_DEATH && caretaker())
		sh_ring_walk(mend_one, &id);
	sh_sleepers_wake();
}

int sh_obj_start(const struct sh_opts *o)
{
	struct sh_obj *m;
	int r;

	(void)o;
	m = calloc(1, sizeof(*m));
	if (m == NULL) {
		sh_err("no memory to start the room of rings");
		return -ENOMEM;
	}
	m->barrier = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
	if (!m->barrier)
		sh_dbg("membarrier(2) is refused here: sleeping for rings costs more");
	r = sh_on_event(on_event, NULL);
	if (r < 0) {
		sh_err("too many listeners for deaths: rings cannot be mended");
		free(m);
		return r;
	}
	sh_ctx.obj = m;
	__rte_ring_self = sh_ctx.self;
	return 0;
}

void sh_obj_stop(void)
{
	__rte_ring_self = &nobody;
	sh_off_event(on_event);
	free(sh_ctx.obj);
	sh_ctx.obj = NULL;
}
