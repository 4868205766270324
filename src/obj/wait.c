/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wait.c - sleeping until a ring has elements, or room
 *
 * A sleeper says so in the ring's word watch and looks again; who publishes looks at watch afterwards. Both have a store
 * before a load of what the other writes, so each needs a fence between the two or both may miss the other. The one who
 * publishes has none: the sleeper has the kernel put one into every thread that runs (membarrier(2)), which costs it a few
 * microseconds, and the others nothing. Where a member of the group is refused that call (fence.c) the sleeper asks for
 * the other fence: SH_WATCH_FENCE in watch, and whoever publishes in this ring comes here each time and makes one. Until that is
 * seen by all, SH_SEEN_NS, it looks again by itself. Those who sleep when such a member joins are woken by their own processes
 * and do the same (obj.c).
 *
 *   watch   bit 0, 1: somebody sleeps for elements, for room; bit 31: see above; between them a count that each sleeper
 *           raises, so that a waker that was slow does not take away the bit of a later sleeper
 *   bell    one for each side: the futex, counted up before a wake
 *
 * Sleeper: read bell; set the bit (count + 1); barrier; look; sleep while bell is as read.
 * Waker:   publish; read watch; bit set: bell + 1, wake all, take the bit out if watch is as read. A waker that dies before
 *          it took the bit out leaves it to the next one; if there is none, the death wakes the sleepers (obj.c).
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/export.h"
#include "base/fault.h"
#include "base/futex.h"
#include "obj/priv.h"

#define COUNT 4u /* one in the count between the bits */

static void ring_bell(struct rte_ring *r, unsigned side)
{
	sh_add(SH_A32(&r->bell[side]), 1); /* R:RINGBELL <-> A:RINGBELL */
	SH_STEP("ring_bell_up");
	(void)sh_futex_wake(SH_A32(&r->bell[side]), INT_MAX, SH_FUTEX_ANY, true);
}

SH_EXPORT void __rte_ring_wake(struct rte_ring *r, unsigned int side)
{
	uint32_t w = sh_load_rlx(SH_A32(&r->watch)); /* relaxed: the fence or the sleeper's barrier orders it */

	if ((w & SH_WATCH_FENCE) != 0) {
		sh_fence(); /* my tail before my look at watch; partner: the fence in go_to_sleep() */
		w = sh_load_rlx(SH_A32(&r->watch));
	}
	if ((w & (1u << side)) == 0)
		return;
	ring_bell(r, side);
	SH_STEP("ring_woken");
	(void)sh_cas(SH_A32(&r->watch), &w, w & ~(1u << side)); /* lost to a later sleeper: its bit stays */
}

static bool there_is(const struct rte_ring *r, unsigned side)
{
	return side == 0 ? !rte_ring_empty(r) : !rte_ring_full(r);
}

void sh_sleepers_wake(void)
{
	struct sh_obj *m = sh_ctx.obj;

	if (m == NULL)
		return;
	sh_lock_calm(&m->lock);
	for (struct sh_sleeper *s = m->sleepers; s != NULL; s = s->next)
		ring_bell(s->r, s->side);
	sh_unlock_calm(&m->lock);
}

static void enlist(struct sh_obj *m, struct sh_sleeper *s)
{
	sh_lock_calm(&m->lock);
	s->next = m->sleepers;
	m->sleepers = s;
	sh_unlock_calm(&m->lock);
}

static void strike(struct sh_obj *m, struct sh_sleeper *s)
{
	struct sh_sleeper **at;

	sh_lock_calm(&m->lock);
	for (at = &m->sleepers; *at != s; at = &(*at)->next)
		;
	*at = s->next;
	sh_unlock_calm(&m->lock);
}

/* how far one that sleeps for a ring has come */
struct sleep {
	struct sh_sleeper *me;
	uint64_t dl;
	bool asked;	  /* those who publish make the fence, as a member of the group is refused the other one */
	uint64_t seen_at; /* from then on they know */
};

static void say(struct rte_ring *r, uint32_t bits)
{
	uint32_t w = sh_load_rlx(SH_A32(&r->watch)); /* relaxed: the CAS decides */

	while (!sh_cas(SH_A32(&r->watch), &w,
		       (w & (SH_WATCH_FENCE | 3)) | bits | ((w + COUNT) & ~(SH_WATCH_FENCE | 3))))
		;
}

/* one sleep, or none; 0 look again, or -ETIMEDOUT, -EINTR, -ECANCELED */
static int go_to_sleep(struct sleep *s)
{
	const struct sh_sleeper *me = s->me;
	struct rte_ring *r = me->r;
	uint32_t bell = sh_load_acq(SH_A32(&r->bell[me->side])); /* A:RINGBELL. Before who joins later is looked for */
	uint64_t until = s->dl;
	int e;

	if (!s->asked && sh_fence_refused())
		s->asked = true;
	say(r, 1u << me->side | (s->asked ? SH_WATCH_FENCE : 0));
	if (s->asked && s->seen_at == 0)
		s->seen_at = sh_deadline(SH_SEEN_NS);
	SH_STEP("ring_sleeper_said");
	/* my bit before my look at the tails; partner: the fence in __rte_ring_wake() */
	if (!sh_fence_all() && !s->asked) {
		s->asked = true;
		return 0;
	}
	if (there_is(r, me->side))
		return 0;
	if (me->stop != NULL && sh_load_acq(me->stop) == me->stop_at) /* A:RINGFD after bell was read */
		return -ECANCELED;
	if (s->asked && sh_left_ns(s->seen_at) > 0 && s->seen_at < s->dl)
		until = s->seen_at;
	e = sh_futex_wait(SH_A32(&r->bell[me->side]), bell, until, SH_FUTEX_ANY, true);
	if (e == -EINTR)
		return e;
	return e == -ETIMEDOUT && until == s->dl ? e : 0;
}

int sh_ring_sleep(struct rte_ring *r, unsigned side, uint64_t dl, _Atomic uint32_t *stop, uint32_t stop_at)
{
	struct sh_obj *m = sh_ctx.obj;
	struct sh_sleeper me = {.r = r, .side = side, .stop = stop, .stop_at = stop_at};
	struct sleep s = {.me = &me, .dl = dl};
	int e = 0;

	if (there_is(r, side))
		return 0;
	enlist(m, &me);
	while (!there_is(r, side)) {
		e = go_to_sleep(&s);
		if (e < 0 && !there_is(r, side))
			break;
		e = 0;
	}
	strike(m, &me);
	return e;
}
