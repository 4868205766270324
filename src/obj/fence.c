/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fence.c - may every member of the group have all others fence?
 *
 * Two protocols of this room leave a fence out where it would cost each operation, and have the kernel put one into every
 * thread that runs (membarrier(2)) where it costs one now and then: bias.c and wait.c. A seccomp filter may refuse that call to a
 * process, before it joins or at any time after; what such a process stores is then perhaps not fenced by others, and it can
 * have nobody fence. So it says so, in a bit for its slot in the control region, and the others do without:
 *
 *   bias.c   while such a member lives nobody is given a bias. One that was given before is taken back as ever, and whoever may
 *            not have others fence waits for as long as no store stays unseen: once for each such side
 *   wait.c   whoever sleeps asks those who publish in this ring to make the fence themselves
 *
 *   bit of a slot   its member: raised when it is refused, at its start or when a call fails; lowered at the start of the slot's
 *                   next one. It counts while the member lives. R:NOFENCE <-> A:NOFENCE
 *
 * A member raises the bit before it is ACTIVE, so whoever has had its JOIN, and whoever has anything from it, sees it. Nobody's
 * safety hangs on a bit that is raised later: who was refused waits, whatever the bits say.
 */
#include "base/barrier.h"
#include "base/log.h"
#include "obj/priv.h"
#include "proc/proc.h"
#include "proc/region.h"

static _Atomic uint64_t *word_of(struct sh_region *g, unsigned slot)
{
	return &g->refused[slot / 64];
}

static uint64_t bit_of(unsigned slot)
{
	return 1ull << (slot % 64);
}

static void say_refused(void)
{
	struct sh_region *g = sh_region();
	unsigned slot = sh_id_slot(sh_self());

	if (g == NULL || slot >= SH_MEMBERS ||
	    (sh_or(word_of(g, slot), bit_of(slot)) & bit_of(slot)) != 0) /* R:NOFENCE */
		return;
	sh_info("membarrier(2) is refused to this process: while it lives many-user rings of the group cost a locked "
		"instruction more for each call, and sleeping for one more; allow membarrier in the seccomp profile");
}

void sh_fence_start(struct sh_obj *m)
{
	struct sh_region *g = sh_region();
	unsigned slot = sh_id_slot(sh_self());

	if (g != NULL && slot < SH_MEMBERS)
		(void)sh_and(word_of(g, slot), ~bit_of(slot)); /* one that had the slot before */
	m->barrier = sh_barrier_join();
	if (!m->barrier || !sh_barrier_all())
		say_refused();
}

bool sh_fence_all(void)
{
	sh_fence();
	if (sh_barrier_all())
		return true;
	say_refused();
	return false;
}

bool sh_fence_refused(void)
{
	struct sh_region *g = sh_region();
	uint64_t bits;

	for (unsigned i = 0; g != NULL && i < SH_MEMBERS / 64; i++)
		for (bits = sh_load_acq(&g->refused[i]); bits != 0; bits &= bits - 1) /* A:NOFENCE */
			if (sh_member_at(i * 64 + (unsigned)__builtin_ctzll(bits), NULL) != 0)
				return true;
	return false;
}
