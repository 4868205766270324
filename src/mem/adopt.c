/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * adopt.c - spans without a thread
 *
 * A thread that ends, a member that leaves and one that dies leave their spans behind, with what is out of them: that
 * belongs to the group. Each span becomes an orphan, in the list of its class in the header; a thread that needs one of the
 * class adopts it. An orphan whose last block is freed is given back by whoever freed that.
 *
 * An empty span on its way back has an owner word without a thread: the member's id alone. If that member dies, the span is
 * one of a dead member like any other.
 */
#include <errno.h>

#include "mem/heap.h"
#include "proc/proc.h"

#define U(w) sh_load_rlx(&(w)) /* relaxed: under the lock */
#define GIVE_MAX 64	       /* empty spans found by one slice */
#define SLICE 8192	       /* work of a walk under H at a time: a run is 1, blocks of a span to be counted 32 */
#define COUNT 32
#define TRIES 50 /* breaths that the watcher waits for H between slices */

/* spans that are to be given back when H is left */
struct give {
	uint32_t unit[GIVE_MAX];
	unsigned n;
};

static void give_all(const struct give *g)
{
	for (unsigned i = 0; i < g->n; i++) {
		SH_STEP("span_to_give");
		(void)sh_pages_give(g->unit[i]); /* if not, it is mine until I leave or die, and empty */
	}
}

/* ---- onto the list and off it ---- */

/* off its list, and mine to give back; or another thread's. Under H */
static void off_list(struct sh_mem *m, struct sh_span *s, uint64_t owner)
{
	sh_run_unlink(m, &m->h->sp.orphan[U(s->cls)], sh_span_unit(s));
	SH_STEP("span_unlisted");
	sh_set(m->h, &s->owner, owner);
	SH_STEP("span_adopt_ready");
	sh_commit(m->h);
}

/*
 * How many blocks are out. Never more than are: one that is freed during the count is seen, or counts itself down
 * afterwards; one that is seen may count itself down as well, and then 0 comes too early and somebody counts again. true:
 * none, and it is mine to give back. Under H.
 */
static bool count(struct sh_mem *m, struct sh_span *s)
{
	int32_t seen, live;

	do {
		seen = sh_load_acq(
			&s->live); /* A:SPANLIVE partner: the countdown in sh_span_free_remote(), R:SPANLIVE here */
		live = (int32_t)sh_span_live(s);
		if (live == 0) {
			off_list(m, s, sh_self());
			return true;
		}
	} while (!sh_cas(&s->live, &seen, live));
	return false;
}

void sh_orphan_add(struct sh_mem *m, struct sh_span *s, bool *empty)
{
	uint32_t unit = sh_span_unit(s);

	if (sh_place_of(U(s->place)) == SH_PL_HUSK) { /* there are no blocks to adopt */
		sh_set(m->h, &s->owner, sh_self());
		sh_commit(m->h);
		*empty = true;
		return;
	}
	sh_run_link(m, &m->h->sp.orphan[U(s->cls)], unit);
	sh_set(m->h, &sh_desc(unit)->own[0], (uint64_t)U(s->cls) << 32 | U(s->back)); /* place is 0 */
	sh_store_rlx(&s->live, 0); /* until it is counted everybody who frees looks for himself */
	SH_STEP("span_orphan_half");
	sh_set(m->h, &s->owner, 0); /* R:SPANOWN */
	SH_STEP("span_orphan_ready");
	sh_commit(m->h);
	sh_fence(); /* who freed and saw an owner set its bit before this, and is counted; partner: sh_span_free_remote() */
	SH_STEP("span_orphaned");
	*empty = count(m, s);
}

/* H cannot be had: whoever has it next, and looks, makes it an orphan */
void sh_orphan_forsake(struct sh_span *s)
{
	sh_store_rel(&s->owner, SH_NOBODY);
	SH_STEP("late_forsaken");
	sh_decay_late();
}

bool sh_orphan_leave(struct sh_span *s, uint64_t owner)
{
	struct give g = {.n = 0};
	struct sh_mem *m;
	bool mine, empty = false;
	int r;

	r = sh_mem_lock(&m);
	if (r == -ETIMEDOUT)
		sh_orphan_forsake(s);
	if (r < 0)
		return false; /* it stays with a thread that is no more: my end gives it back, or my death */
	mine = sh_use_kind(U(s->use)) == SH_PG_SPAN && U(s->owner) == owner;
	if (mine)
		sh_orphan_add(m, s, &empty);
	if (empty)
		g.unit[g.n++] = sh_span_unit(s);
	sh_mem_unlock(m);
	give_all(&g);
	return mine;
}

void sh_orphan_check(uint32_t unit)
{
	struct give g = {.n = 0};
	struct sh_span *s = sh_span_of(unit);
	struct sh_mem *m;

	if (sh_mem_lock(&m) < 0)
		return;
	if (sh_use_kind(U(s->use)) == SH_PG_SPAN && U(s->owner) == 0 && count(m, s))
		g.unit[g.n++] = unit;
	sh_mem_unlock(m);
	give_all(&g);
}

struct sh_span *sh_orphan_adopt(const struct sh_heap *t, unsigned cls)
{
	struct sh_mem *m = sh_ctx.mem;
	struct sh_span *s = NULL;
	uint64_t first;

	if (U(m->h->sp.orphan[cls]) == 0 || sh_mem_lock(&m) < 0) /* relaxed: a look; under H again */
		return NULL;
	first = U(m->h->sp.orphan[cls]);
	if (first != 0) {
		s = sh_span_of((uint32_t)first - 1);
		off_list(m, s, t->owner);
	}
	sh_mem_unlock(m);
	SH_STEP("span_adopted");
	return s;
}

/* ---- the spans of the dead ---- */

struct reap {
	sh_id_t dead;	      /* 0: whoever is */
	sh_id_t asked, alive; /* asked about last, and the same if it lives: many spans have one owner */
	uint32_t n;
	uint32_t done; /* the last run in use that was looked at, and all before it: its unit + 1; 0: none */
	int left;      /* of the slice's work */
	bool more;     /* the slice ended before the windows did */
	struct give give;
};

/* I myself am not dead, but may be leaving */
static bool is_of_dead(struct reap *r, uint64_t owner)
{
	sh_id_t id = sh_lock_id(owner);

	if (id == 0 || r->dead != 0)
		return id != 0 && id == r->dead;
	if (id != r->asked) {
		r->asked = id;
		r->alive = id == sh_self() || (sh_member_alive(id) && sh_member_probe(id) != 1) ? id : 0;
	}
	return r->alive == 0;
}

/* may the slice go on? Not at a run that is free, or about to be: at one where the next slice may begin */
static bool goes_on(struct reap *r, uint32_t unit, uint64_t use)
{
	r->left--;
	if (sh_use_kind(use) <= SH_PG_BUSY)
		return true;
	r->done = unit + 1;
	r->more = r->left <= 0;
	return !r->more;
}

/* Orphans are counted anew: the dead may have freed the last block of one and not come to say so. */
static bool reap_run(struct sh_mem *m, uint32_t unit, uint64_t use, void *arg)
{
	struct sh_span *s = sh_span_of(unit);
	struct reap *r = arg;
	bool empty = false;

	if (unit < r->done)
		return true;
	if (sh_use_kind(use) == SH_PG_BLOCK && sh_lock_id(U(s->owner)) == SH_NOBODY) {
		empty = true; /* freed while H could not be had */
	} else if (sh_use_kind(use) != SH_PG_SPAN) {
		return goes_on(r, unit, use);
	} else if (U(s->owner) == 0) {
		empty = count(m, s);
		r->left -= COUNT;
	} else if (is_of_dead(r, U(s->owner))) {
		sh_orphan_add(m, s, &empty);
		r->left -= COUNT;
		r->n++;
	}
	if (!empty)
		return goes_on(r, unit, use);
	r->give.unit[r->give.n++] = unit;
	r->more = r->give.n == GIVE_MAX;
	return !r->more;
}

/*
 * Under H, which is left: a slice of the walk, and what it found empty is free. true: there is more to do. The next slice
 * begins where this one ended if that is still a run in use, else it passes over what was looked at; what came there
 * meanwhile is of no dead member.
 */
static bool reap_once(struct sh_mem *m, struct reap *r)
{
	uint32_t at, from = r->done != 0 && sh_run_is(m, r->done - 1) ? r->done - 1 : 0;
	bool wanted;

	r->give.n = 0;
	r->left = SLICE;
	r->more = false;
	(void)sh_runs_from(m, from, reap_run, r, &at);
	SH_STEP("span_reaped");
	for (unsigned i = 0; i < r->give.n; i++) {
		(void)sh_run_join(m, r->give.unit[i]);
		SH_STEP("span_joined");
		sh_commit(m->h);
	}
	if (r->dead != 0 && !r->more) /* relaxed: a hint for the others, who may walk for nothing */
		sh_store_rlx(&m->h->sp.reaped[sh_id_slot(r->dead)], sh_id_gen(r->dead));
	wanted = sh_load_rlx(&m->h->lock.want) != 0; /* relaxed: who is not seen waits a slice longer */
	sh_mem_unlock(m);
	if (r->more && wanted) /* else I would have it again before they are awake */
		sh_breathe();
	return r->more;
}

static int reap_all(struct reap *r)
{
	struct sh_mem *m = NULL;
	int e;

	do {
		e = sh_mem_lock(&m);
		if (e < 0)
			return e;
	} while (reap_once(m, r));
	sh_decay_note(m);
	return 0;
}

uint32_t sh_orphan_reap(sh_id_t dead)
{
	struct reap r = {.dead = dead};

	(void)reap_all(&r);
	return r.n;
}

int sh_orphan_nobody(struct sh_mem *m)
{
	struct reap any = {.dead = 0};
	bool freed;
	int r;

	if (sh_back_left(m, SH_NOBODY)) {
		r = sh_mem_lock_grow(&m);
		if (r < 0)
			return r;
		sh_back_mend(m);
		sh_mem_unlock_grow(m);
	}
	r = sh_mem_lock(&m);
	if (r < 0)
		return r;
	freed = sh_pages_reap(m);
	sh_mem_unlock(m);
	if (freed)
		sh_pages_held(m);
	return reap_all(&any);
}

/* process-private: a death was told, and somebody had the lock just then */
static _Atomic bool unheard;

void sh_orphan_event(sh_id_t id)
{
	struct sh_mem *m = sh_ctx.mem;
	struct reap r = {.dead = id};
	bool begun = false;

	if (m == NULL || sh_id_slot(id) >= SH_MEMBERS || id == sh_self() ||
	    sh_load_rlx(&m->h->sp.reaped[sh_id_slot(id)]) == sh_id_gen(id)) /* relaxed: a hint */
		return;
	do {
		/* a slice later it is most likely somebody who takes a run: wait a little, not for one that is stopped */
		for (unsigned i = 0; sh_mem_trylock(&m) < 0; i++) {
			if (!begun || i == TRIES) {
				sh_store_rel(&unheard, true); /* R:UNHEARD */
				return;
			}
			sh_breathe();
		}
		begun = true;
	} while (reap_once(m, &r)); /* when the pages go is the caller's business: that may take long */
}

void sh_orphan_late(void)
{
	if (sh_load_acq(&unheard)) { /* A:UNHEARD */
		sh_store_rel(&unheard, false);
		(void)sh_orphan_reap(0);
	}
}
