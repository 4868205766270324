/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * enter.c - waiting for one's turn in a ring, and taking it from the dead
 *
 * A side of a ring is a few dozen nanoseconds long (rte_ring_move.h), so who finds it taken spins, ever more slowly, then
 * lets others run, then sleeps. After 2 ms it asks who is inside: if that one is gone, its place is taken. There is nothing
 * else to mend: the tail tells whether what the dead one did has happened.
 */
#include <errno.h>
#include <sched.h>

#include <rte_errno.h>

#include "base/clock.h"
#include "base/export.h"
#include "base/fault.h"
#include "base/futex.h"
#include "base/log.h"
#include "obj/priv.h"
#include "proc/proc.h"

#define LOOKS 24
#define LOOK_NS (2 * SH_NS_PER_MS)
#define NAP_NS (SH_NS_PER_MS / 10)
#define FIRST_LINE_NS SH_NS_PER_S

static const char *const side_name[SH_SIDES] = {"producers", "consumers"};

static int refuse(const struct rte_ring *r)
{
	rte_errno = EPERM;
	sh_log_rate(SH_ERR,
		    "ring \"%s\": this process is no member of the group (a child of fork(), before rte_eal_init() or "
		    "after "
		    "rte_eal_cleanup()): call rte_eal_init() in it",
		    r->name);
	return 0;
}

static bool gone(sh_id_t id)
{
	return !sh_member_alive(id) || sh_member_probe(id) == 1;
}

static void complain(const struct rte_ring *r, unsigned side, sh_id_t id, uint64_t since_ns)
{
	const struct sh_region *g = sh_region();

	sh_warn("ring \"%s\": waiting for %llu s for member %u (generation %u, pid %u), which is inside the side of "
		"the "
		"%s and is alive: if it is stopped, let it go on (kill -CONT) or end it",
		r->name, (unsigned long long)((sh_now_ns() - since_ns) / SH_NS_PER_S), sh_id_slot(id), sh_id_gen(id),
		g != NULL && sh_id_slot(id) < SH_MEMBERS ? g->members[sh_id_slot(id)].pid : 0, side_name[side]);
}

/* Take the place of a dead owner: of several who try one gets it. What its peek had started has not happened. */
static bool take_over(struct rte_ring *r, unsigned side, uint64_t dead, uint64_t me)
{
	struct __rte_ring_side *s = sh_side(r, side);

	if (!sh_cas(SH_A64(&s->owner), &dead, me)) /* A:RINGOWN */
		return false;
	SH_STEP("ring_taken_over");
	if (r->tracked != 0 || r->pool != 0)
		sh_move_mend(r, side);
	s->held = 0;
	sh_add_rlx(SH_A32(&r->mended[side]), 1); /* relaxed: a counter */
	return true;
}

/* a wait of no certain length: nothing wakes it */
static void nap(void)
{
	_Atomic uint32_t none = 0;

	(void)sh_futex_wait(&none, 0, sh_deadline(NAP_NS), SH_FUTEX_ANY, false);
}

/* true: entered. Spins: 1, 2, 4, 8, 8 ... pauses between two looks, each of which takes the line away from who is inside */
static bool spin(struct __rte_ring_side *s, uint64_t me)
{
	uint64_t seen;

	for (unsigned look = 0; look < LOOKS; look++) {
		for (unsigned i = 0; i < (look < 3 ? 1u << look : 8); i++)
			sh_pause();
		if (sh_load_rlx(SH_A64(&s->owner)) != 0) /* relaxed: the CAS decides */
			continue;
		seen = 0;
		if (sh_cas(SH_A64(&s->owner), &seen, me)) /* A:RINGOWN */
			return true;
	}
	return false;
}

static void wait_long(struct rte_ring *r, unsigned side, uint64_t me)
{
	struct __rte_ring_side *s = sh_side(r, side);
	uint64_t since = sh_now_ns(), look = since + LOOK_NS, line_ns = FIRST_LINE_NS, seen;

	for (;;) {
		if (spin(s, me))
			return;
		if (sh_now_ns() - since < LOOK_NS)
			sched_yield();
		else
			nap();
		if (sh_left_ns(look) > 0)
			continue;
		look = sh_deadline(LOOK_NS);
		seen = sh_load_acq(SH_A64(&s->owner)); /* A:RINGOWN */
		if (seen == 0 || r->lone != 0)
			continue;
		if (gone(seen) && take_over(r, side, seen, me))
			return;
		if (sh_now_ns() - since >= line_ns) {
			complain(r, side, seen, since);
			line_ns *= 4;
		}
	}
}

SH_EXPORT int __rte_ring_enter_slow(struct rte_ring *r, struct __rte_ring_side *s)
{
	uint64_t me = sh_load_rlx(SH_A64(&__rte_ring_self[0])); /* relaxed: see rte_ring_move.h */
	uint64_t seen = 0;

	if (me == 0 && r->lone == 0)
		return refuse(r);
	if (s == NULL)
		return 1;
	if (me == 0) {
		me = 1;					  /* no member has this name */
		if (sh_cas(SH_A64(&s->owner), &seen, me)) /* A:RINGOWN */
			return 1;
	}
	if (!spin(s, me))
		wait_long(r, s == &r->cons_side, me);
	sh_shm_acquire(s);
	return 1;
}

unsigned sh_ring_mend(struct rte_ring *r, sh_id_t dead)
{
	uint64_t me = sh_self();
	unsigned n = 0;

	for (unsigned side = 0; side < SH_SIDES; side++) {
		struct __rte_ring_side *s = sh_side(r, side);

		/* relaxed: who died inside wrote it before the proof of its death */
		if (me == 0 || sh_load_rlx(SH_A64(&s->owner)) != dead || !take_over(r, side, dead, me))
			continue;
		sh_store_rel(SH_A64(&s->owner), 0); /* R:RINGOWN */
		sh_info("ring \"%s\": member %u (generation %u) died inside the side of the %s; others go on, what it "
			"was "
			"about to move is where it was",
			r->name, sh_id_slot(dead), sh_id_gen(dead), side_name[side]);
		n++;
	}
	return n;
}
