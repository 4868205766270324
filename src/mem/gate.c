/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gate.c - one at a time at the circles of a thread's spans: the thread, or who takes spans from it (take.c)
 *
 * A thread goes through its own gate on every way but the hottest, and waits for nothing inside: it never holds a lock there,
 * nor takes one. Whoever else goes in has H and tries, so there is no order to get wrong. A gate is held for some hundred
 * instructions; who finds it held by one that takes waits for H, which proves it dead if it is. One that is stopped there
 * keeps the thread out: it frees as others do, and what it needs more is refused.
 */
#include <errno.h>

#include "base/barrier.h"
#include "base/fault.h"
#include "mem/heap.h"
#include "proc/proc.h"

#define SPINS 200

/* does this process take part in membarrier(2)? Asked once a life */
static bool fences(void)
{
	static _Atomic uint64_t asked;	    /* id << 1 | answer */
	uint64_t was = sh_load_rlx(&asked); /* relaxed: whoever asks again is told the same */

	if (was >> 1 != sh_self()) {
		was = sh_self() << 1 | (sh_barrier_join() ? 1u : 0u);
		sh_store_rlx(&asked, was);
	}
	return (was & 1) != 0;
}

/* under H, so that nobody is inside who takes: of a member that is gone, to me */
static bool inherit(struct sh_gate *g, uint64_t was, uint64_t owner)
{
	struct sh_mem *m;
	bool r;

	if (sh_mem_lock(&m) < 0)
		return false;
	r = sh_cas(&g->owner, &was, owner);
	if (r)
		sh_store_rel(&g->holder, 0);
	sh_mem_unlock(m);
	return r;
}

static bool claim(struct sh_gate *g, uint64_t owner)
{
	uint64_t was = sh_load_acq(&g->owner);

	if (was == 0)
		return sh_cas(&g->owner, &was, owner);
	return !sh_member_alive(sh_lock_id(was)) && inherit(g, was, owner);
}

struct sh_gate *sh_gate_new(uint64_t owner)
{
	struct sh_mem *m = sh_ctx.mem;
	struct sh_spans_hdr *sp = &m->h->sp;
	uint64_t i, high = sh_load_acq(&sp->gates);
	struct sh_gate *g = NULL;

	for (i = 0; i < SH_GATES && g == NULL; i++) {
		/* who comes by the first of a page has it backed: no later one is without */
		if (i >= high && sh_mem_back_entry(m, &m->h->gates[i]) < 0)
			return NULL;
		if (claim(&m->h->gates[i], owner))
			g = &m->h->gates[i];
	}
	while (g != NULL && high < i && !sh_cas(&sp->gates, &high, i))
		;
	if (g != NULL)
		sh_store_rel(&g->fences, fences());
	return g;
}

unsigned sh_gate_number(const struct sh_gate *g)
{
	return (unsigned)(g - sh_ctx.mem->h->gates);
}

bool sh_gate_drop(struct sh_gate *g)
{
	if (g == NULL)
		return true;
	if (!sh_gate_enter(g)) /* who takes right now is not to find it another's */
		return false;
	sh_store_rel(&g->owner, 0);
	sh_store_rel(&g->holder, 0);
	return true;
}

/*
 * Somebody takes from me, and has H; or it died, and then whoever gets H next has what it did mended. false: it is stopped. If
 * it is another one that is stopped with H, who takes from me is not, and comes out.
 */
static bool wait_in(struct sh_gate *g, uint64_t me)
{
	struct sh_mem *m;
	uint64_t seen;
	int r;

	for (;;) {
		r = sh_mem_lock(&m);
		if (r == 0) {
			sh_store_rel(&g->holder, me);
			sh_mem_unlock(m);
			return true;
		}
		seen = 0;
		if (sh_cas(&g->holder, &seen, me)) /* A:GATE */
			return true;
		if (r == -ETIMEDOUT)
			return false;
		sh_pause();
	}
}

bool sh_gate_enter(struct sh_gate *g)
{
	uint64_t me, seen = 0;
	unsigned i;

	if (g == NULL)
		return true;
	me = sh_load_rlx(&g->owner);					/* relaxed: mine */
	for (i = 0; i < SPINS && !sh_cas(&g->holder, &seen, me); i++) { /* A:GATE */
		seen = 0;
		sh_pause();
	}
	if (i == SPINS && !wait_in(g, me))
		return false;
	sh_shm_acquire(g);
	SH_STEP("span_gate_in");
	return true;
}

void sh_gate_leave(struct sh_gate *g)
{
	if (g == NULL)
		return;
	SH_STEP("span_gate_out");
	sh_shm_release(g);
	sh_store_rel(&g->holder, 0); /* R:GATE */
}

struct sh_gate *sh_gate_of(struct sh_mem *m, const struct sh_span *s, bool *busy)
{
	uint16_t place = sh_load_acq(&s->place);
	struct sh_gate *g = &m->h->gates[sh_place_gate(place) % SH_GATES];
	uint64_t owner = sh_load_rlx(&s->owner), seen; /* relaxed: under H */

	if (place == 0 || sh_load_acq(&g->owner) != owner)
		return NULL;
	for (unsigned i = 0; i < SPINS; i++) {
		seen = 0;
		/* whoever else has it died before I got H: only its owner goes in without */
		if (sh_cas(&g->holder, &seen, sh_self()) || (seen != owner && sh_cas(&g->holder, &seen, sh_self()))) {
			sh_shm_acquire(g); /* A:GATE */
			return g;
		}
		sh_pause();
	}
	*busy = true;
	return NULL;
}
