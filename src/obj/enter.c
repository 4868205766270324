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

#include <rte_cycles.h>
#include <rte_errno.h>

#include "base/clock.h"
#include "base/export.h"
#include "base/fault.h"
#include "base/futex.h"
#include "base/log.h"
#include "obj/priv.h"
#include "proc/proc.h"

#define LOOKS 6
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

bool sh_ring_gone(sh_id_t id)
{
	return id != sh_self() && (!sh_member_alive(id) || sh_member_probe(id) == 1);
}

void sh_ring_complain(const struct rte_ring *r, unsigned side, sh_id_t id, uint64_t since_ns)
{
	const struct sh_region *g = sh_region();

	sh_warn("ring \"%s\": waiting for %llu s for member %u (generation %u, pid %u), which is inside the side of "
		"the "
		"%s and is alive: if it is stopped, let it go on (kill -CONT) or end it",
		r->name, (unsigned long long)((sh_now_ns() - since_ns) / SH_NS_PER_S), sh_id_slot(id), sh_id_gen(id),
		g != NULL && sh_id_slot(id) < SH_MEMBERS ? g->members[sh_id_slot(id)].pid : 0, side_name[side]);
}

void sh_ring_settle(struct rte_ring *r, unsigned side)
{
	if (r->tracked != 0 || r->pool != 0)
		sh_move_mend(r, side);
	sh_side(r, side)->held = 0;		 /* what its peek had started has not happened */
	sh_add_rlx(SH_A32(&r->mended[side]), 1); /* relaxed: a counter */
	/* the next one inside may be of another process, and what it publishes be read by a thread of mine that has the bias */
	sh_shm_release(side == 0 ? SH_A32(&r->prod.tail) : SH_A32(&r->cons.tail));
}

/*
 * Take the place of a dead owner: of several who try one gets it. While the side is biased the dead one had begun nothing: it
 * was about to take the bias back, or had just got it.
 */
static bool take_over(struct rte_ring *r, unsigned side, uint64_t dead, uint64_t me)
{
	struct __rte_ring_side *s = sh_side(r, side);

	if (!sh_cas(SH_A64(&s->owner), &dead, me)) /* A:RINGOWN */
		return false;
	sh_shm_acquire(s); /* the dead one had it from a thread of mine, perhaps */
	SH_STEP("ring_taken_over");
	if (s->bias == 0)
		sh_ring_settle(r, side);
	return true;
}

void sh_ring_nap(uint64_t ns)
{
	_Atomic uint32_t none = 0;

	(void)sh_futex_wait(&none, 0, sh_deadline(ns), SH_FUTEX_ANY, false);
}

/*
 * true: entered. Spins: 32, 64, 128 ... pauses between two looks, each of which takes the line away from who is inside: the
 * longer one waits, the more the other gets done. Where several threads come back at once, as in a pool without caches, whoever
 * is inside then comes in many times before the lines move; beginning with 1 pause they moved with each operation.
 */
static bool spin(struct __rte_ring_side *s, uint64_t me)
{
	uint64_t seen;

	for (unsigned look = 0; look < LOOKS; look++) {
		for (unsigned i = 0; i < (look < 2 ? 32u << look : 128); i++)
			sh_pause();
		if (sh_load_rlx(SH_A64(&s->owner)) != 0) /* relaxed: the CAS decides */
			continue;
		seen = 0;
		if (sh_cas(SH_A64(&s->owner), &seen, me)) /* A:RINGOWN */
			return true;
	}
	return false;
}

/* false: there is another way, and no end to be seen (pool_round.c) */
static bool wait_long(struct rte_ring *r, unsigned side, uint64_t me)
{
	struct __rte_ring_side *s = sh_side(r, side);
	uint64_t since = sh_now_ns(), look = since + SH_RING_LOOK_NS, line_ns = FIRST_LINE_NS, seen, was = 0,
		 was_since = since;

	for (;;) {
		if (spin(s, me))
			return true;
		if (sh_pool_held(r, side, sh_load_acq(SH_A64(&s->owner)))) /* A:RINGOWN */
			return false;
		if (sh_now_ns() - since < SH_RING_LOOK_NS)
			sched_yield();
		else
			sh_ring_nap(SH_RING_NAP_NS);
		if (sh_left_ns(look) > 0)
			continue;
		look = sh_deadline(SH_RING_LOOK_NS);
		seen = sh_load_acq(SH_A64(&s->owner)); /* A:RINGOWN */
		if (seen == 0 || r->lone != 0)
			continue;
		if (sh_ring_gone(seen) && take_over(r, side, seen, me))
			return true;
		if (seen != was)
			was_since = sh_now_ns();
		was = seen;
		if (sh_pool_hold(r, side, seen, sh_now_ns() - was_since))
			return false;
		if (sh_now_ns() - since >= line_ns) {
			sh_ring_complain(r, side, seen, since);
			line_ns *= 4;
		}
	}
}

SH_EXPORT int __rte_ring_enter_slow(struct rte_ring *r, struct __rte_ring_side *s, int may_bias)
{
	uint64_t me = sh_load_rlx(SH_A64(&__rte_ring_self[0])); /* relaxed: see rte_ring_move.h */
	uint64_t seen = 0;

	if (me == 0 && r->lone == 0)
		return refuse(r);
	if (s == NULL)
		return __RTE_RING_BY_OWNER;
	if (me == 0)
		me = 1;						     /* no member has this name */
	if (!sh_cas(SH_A64(&s->owner), &seen, me) && !spin(s, me) && /* A:RINGOWN */
	    !wait_long(r, s == &r->cons_side, me))
		return 0;
	sh_shm_acquire(s);
	return __rte_ring_entered(r, s, may_bias);
}

SH_EXPORT int __rte_ring_entered(struct rte_ring *r, struct __rte_ring_side *s, int may_bias)
{
	if (s->bias != 0 && sh_bias_revoke(r, s == &r->cons_side) == SH_BIAS_HELD) {
		SH_STEP("bias_held");
		sh_store_rel(SH_A64(&s->owner), 0); /* R:RINGOWN */
		return 0;
	}
	return sh_bias_earn(r, s, may_bias != 0) ? __RTE_RING_BY_BIAS : __RTE_RING_BY_OWNER;
}

/* nobody dead is inside this side from now on; true: there was one */
static bool mend_side(struct rte_ring *r, unsigned side, sh_id_t dead, uint64_t me)
{
	struct __rte_ring_side *s = sh_side(r, side);
	uint64_t nobody = 0;
	bool was;

	/* relaxed: who died inside wrote it before the proof of its death */
	if (sh_load_rlx(SH_A64(&s->owner)) == dead) {
		if (!take_over(r, side, dead, me))
			return false;
		was = s->bias == 0;
	} else if (sh_bias_member(s) != dead || !sh_cas(SH_A64(&s->owner), &nobody, me)) { /* A:RINGOWN */
		return false; /* not here; or who is inside sees to it */
	} else {
		was = false;
	}
	if (sh_bias_member(s) == dead)
		was = sh_bias_revoke(r, side) == SH_BIAS_SETTLED;
	sh_store_rel(SH_A64(&s->owner), 0); /* R:RINGOWN */
	return was;
}

/*
 * Who empties a ring faster than another fills it, or the other way round, is at the other's tail after each element, and takes
 * the line away from it each time: both then go as fast as the line does. So whoever has found too few, and then enough, looks
 * no more than once in REST_TICKS until CHASE looks have found enough: what comes in between, comes at once. chase: 1 too few
 * at the last look; more: enough, and how often still to rest. looked: when, in the processor's ticks.
 */
#define CHASE 16u
#define REST_TICKS 512u /* 200 ns: as long as a line takes to go and come back a few times */

static void rest(struct __rte_ring_side *s)
{
#if defined(__x86_64__) || defined(__i386__)
	uint32_t now;

	while ((now = (uint32_t)rte_rdtsc()) - s->looked < REST_TICKS)
		sh_pause();
	s->looked = now;
#else
	(void)s; /* ticks are of any length elsewhere */
	for (unsigned i = 0; i < CHASE; i++)
		sh_pause();
#endif
}

SH_EXPORT uint32_t __rte_ring_look(struct __rte_ring_side *s, const struct rte_ring_headtail *other, uint32_t n,
				   uint32_t room)
{
	uint32_t seen;

	if (s->chase > 1) {
		s->chase = s->chase == 2 ? 0 : s->chase - 1;
		rest(s);
		return sh_load_acq(SH_A32(&other->tail)); /* A:RINGPUB, A:RINGTAKE */
	}
	seen = sh_load_acq(SH_A32(&other->tail)); /* A:RINGPUB, A:RINGTAKE */
	if (room + (seen - s->seen) >= n)
		s->chase = 1 + CHASE;
	return seen;
}

unsigned sh_ring_mend(struct rte_ring *r, sh_id_t dead)
{
	uint64_t me = sh_self();
	unsigned n = 0;

	for (unsigned side = 0; side < SH_SIDES; side++) {
		if (me == 0 || !mend_side(r, side, dead, me))
			continue;
		sh_info("ring \"%s\": member %u (generation %u) died inside the side of the %s; others go on, what it "
			"was "
			"about to move is where it was",
			r->name, sh_id_slot(dead), sh_id_gen(dead), side_name[side]);
		n++;
	}
	return n;
}
