/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * take.c - spans that are wholly free are taken from owners who do not come by
 *
 * What others free stays in the owner's span until the owner looks. One that sleeps, or is stopped, does not; so before there is
 * no memory, and by decay, anybody looks for it. README.md (taken from who does not come by) has the play and its deaths.
 *
 *   - One that is in the circle of its owner, at its gate: out of the circle, and free. Its owner cannot be at it: it takes
 *     blocks from another one, and has none of this one to free.
 *   - The one that its owner takes blocks from: the list is cut off, then everybody passes a fence (membarrier(2)); if
 *     nothing of it is out then and the owner is in no take, all but the first unit is free. That one, with the table, stays
 *     until the owner looks: it may still look a pointer up there, and finds it free. Without membarrier(2) it stays whole.
 *
 * All of it is under H, in slices.
 */
#include <errno.h>
#include <time.h>

#include "base/barrier.h"
#include "base/clock.h"
#include "mem/heap.h"
#include "proc/proc.h"

#define U(w) sh_load_rlx(&(w)) /* relaxed: under the lock, or at the gate */
#define GIVE_MAX 64
#define SHUT_MAX 64
#define SLICE 8192 /* work at a time: a run is 1, a span 8, one whose table is read 64 */
#define LOOK 8
#define READ 64
#define BREATH_NS 200000
#define TRIES 25 /* breaths that an owner who is inside its gate is waited for */
#define LOOK_MS 100

struct take {
	bool patient;  /* by decay: only what was so at the last look */
	bool waits;    /* there is something that was not so then */
	bool busy;     /* an owner is inside its gate */
	bool more;     /* the slice ended before the windows did */
	uint32_t done; /* as in adopt.c: the last run in use that was looked at, and all before it: its unit + 1 */
	int left;
	uint64_t mine;	/* this thread's spans are not looked at: it does that itself */
	uint64_t avoid; /* the last owner that was busy */
	uint32_t units; /* free now */
	uint32_t give[GIVE_MAX], shut[SHUT_MAX];
	unsigned n_give, n_shut;
};

/* ---- is anything out? ---- */

/* a look that decides nothing: are there as many bits as blocks that are out? */
static bool may_be_free(const struct sh_span *s)
{
	const struct sh_class *k = sh_span_class(s);
	_Atomic uint64_t *bits = sh_span_bits(sh_span_start(s));
	uint32_t used = U(s->used), n = 0;

	for (uint32_t w = 0; w < k->tab / sizeof(*bits); w++)
		n += (uint32_t)__builtin_popcountll(U(bits[w]));
	return n >= used;
}

/*
 * Nothing is out, and its owner is neither in a take nor in a free of it: a take raises used before the entry says so, a
 * free lowers it after the entry does not. The table first, then used and head in one load: the model has what goes wrong
 * in any other order. shut: nor can it take one, for its list is empty.
 */
static bool is_free(const struct sh_span *s, uint32_t unit, bool shut)
{
	const struct sh_class *k = sh_span_class(s);
	unsigned char *start = sh_unit_addr(unit);
	sh_w32 *tab = sh_span_tab(k, start);
	uint32_t n = U(s->fresh), out = 0;
	uint64_t word;

	for (uint32_t i = 0; i < n && i < k->n; i += 64) {
		uint64_t bits = sh_load_acq(&sh_span_bits(start)[i / 64]); /* A:SPANBIT */

		for (uint32_t j = i; j < n && j < k->n && j < i + 64; j++)
			if ((U(tab[j]) & SH_TAB_ALLOC) != 0) {
				if ((bits >> (j - i) & 1) == 0)
					return false;
				out++;
			}
	}
	sh_fence();				    /* the table was read before */
	word = sh_load_acq(&sh_desc(unit)->own[1]); /* A:SPANUSED */
	return (uint32_t)(word >> 32) == out && (!shut || (uint32_t)word == SH_NONE);
}

/* ---- at the gate, under H, journalled ---- */

static void set_place(struct sh_mem *m, uint32_t unit, uint16_t place)
{
	const struct sh_span *s = sh_span_of(unit);

	sh_set(m->h, &sh_desc(unit)->own[0], (uint64_t)place << 48 | (uint64_t)U(s->cls) << 32 | U(s->back));
}

static void set_links(struct sh_mem *m, uint32_t unit, uint32_t next, uint32_t prev)
{
	sh_set(m->h, &sh_desc(unit)->own[3], (uint64_t)prev << 32 | next);
}

/* out of the circle, which has another one: that which blocks come from. Mine, to be given back when the walk is over */
static void take_out(struct sh_mem *m, struct take *t, uint32_t unit)
{
	struct sh_span *s = sh_span_of(unit);
	uint32_t next = U(s->next), prev = U(s->prev);

	set_links(m, prev, next, U(sh_span_of(prev)->prev));
	SH_STEP("span_half_taken_out");
	set_links(m, next, U(sh_span_of(next)->next), prev);
	set_place(m, unit, 0);
	sh_set(m->h, &s->owner, sh_self());
	SH_STEP("span_take_ready");
	sh_commit(m->h);
	SH_STEP("span_taken_out");
	t->give[t->n_give++] = unit;
}

/* no block comes from it any more; its owner works the list out anew when it looks */
static void shut(struct sh_mem *m, struct take *t, uint32_t unit)
{
	struct sh_span *s = sh_span_of(unit);

	set_place(m, unit, (uint16_t)((U(s->place) & ~7u) | SH_PL_CLOSED));
	sh_commit(m->h);
	SH_STEP("span_closed");
	sh_store_rel(&s->head, SH_NONE); /* not before place; the fence behind all of them: sh_barrier_all() */
	SH_STEP("span_shut");
	t->shut[t->n_shut++] = unit;
}

/* nobody is at it and nobody can come: the table says for ever that nothing is out, and the rest is free */
static void make_husk(struct sh_mem *m, struct take *t, uint32_t unit)
{
	const struct sh_class *k = sh_span_class(sh_span_of(unit));
	sh_w32 *tab = sh_span_tab(k, sh_unit_addr(unit));
	uint32_t units = sh_use_units(U(sh_desc(unit)->use));

	for (uint32_t i = 0; i < k->n; i++)
		sh_store_rlx(&tab[i], SH_NONE); /* relaxed: the commit is behind it */
	SH_STEP("span_table_wiped");
	set_place(m, unit, (uint16_t)((U(sh_span_of(unit)->place) & ~7u) | SH_PL_HUSK));
	sh_run_trim(m, unit, 1);
	SH_STEP("span_husk_ready");
	sh_commit(m->h);
	SH_STEP("span_husk");
	t->units += units - 1;
}

/* ---- the walk ---- */

static void try_span(struct sh_mem *m, struct take *t, uint32_t unit)
{
	struct sh_span *s = sh_span_of(unit);
	struct sh_gate *g = sh_gate_of(m, s, &t->busy);
	enum sh_place at;

	if (g == NULL) {
		t->avoid = t->busy ? U(s->owner) : t->avoid;
		return;
	}
	at = sh_place_of(U(s->place));
	t->left -= READ;
	if (at == SH_PL_IN && is_free(s, unit, false))
		take_out(m, t, unit);
	else if ((at == SH_PL_CUR || at == SH_PL_CLOSED) && t->n_shut < SHUT_MAX && U(g->fences) != 0 &&
		 is_free(s, unit, false))
		shut(m, t, unit);
	sh_gate_leave(g);
}

/* one of a thread's, perhaps wholly free. By decay: it was so before */
static bool is_due(struct take *t, struct sh_span *s)
{
	uint64_t owner = U(s->owner);
	uint32_t used = U(s->used);

	if (owner >> 48 == 0 || owner == t->mine || owner == t->avoid || sh_place_of(U(s->place)) == SH_PL_HUSK)
		return false;
	if (!may_be_free(s)) {
		sh_store_rlx(&s->seen, 0); /* relaxed, both: under H */
		return false;
	}
	if (!t->patient || U(s->seen) == used + 1)
		return true;
	sh_store_rlx(&s->seen, used + 1);
	t->waits = true;
	return false;
}

static bool look(struct sh_mem *m, uint32_t unit, uint64_t use, void *arg)
{
	struct take *t = arg;

	if (unit < t->done)
		return true;
	t->left--;
	if (sh_use_kind(use) == SH_PG_SPAN) {
		t->left -= LOOK;
		if (is_due(t, sh_span_of(unit)))
			try_span(m, t, unit);
	}
	if (sh_use_kind(use) <= SH_PG_BUSY)
		return true;
	t->done = unit + 1;
	t->more = t->left <= 0 || t->n_give == GIVE_MAX || t->n_shut == SHUT_MAX;
	return !t->more;
}

/* those whose list was cut off in this slice, which was under one H: whoever opened one since is its owner, at its gate */
static void finish_shut(struct sh_mem *m, struct take *t)
{
	if (t->n_shut == 0 || SH_FAIL("span_fence") || !sh_barrier_all())
		return;
	SH_STEP("span_fenced");
	for (unsigned i = 0; i < t->n_shut; i++) {
		struct sh_span *s = sh_span_of(t->shut[i]);
		struct sh_gate *g;

		/* its owner may have given it up, but nothing has become of it: that is under H */
		g = sh_gate_of(m, s, &t->busy);
		if (g == NULL)
			continue;
		if (sh_place_of(U(s->place)) == SH_PL_CLOSED && is_free(s, t->shut[i], true))
			make_husk(m, t, t->shut[i]);
		sh_gate_leave(g);
	}
}

/* under H, which is left: a slice. true: there is more to do */
static bool slice(struct sh_mem *m, struct take *t)
{
	uint32_t at, from = t->done != 0 && sh_run_is(m, t->done - 1) ? t->done - 1 : 0;
	bool wanted;

	t->n_give = t->n_shut = 0;
	t->left = SLICE;
	t->more = false;
	(void)sh_runs_from(m, from, look, t, &at);
	finish_shut(m, t);
	for (unsigned i = 0; i < t->n_give; i++) {
		t->units += sh_use_units(U(sh_desc(t->give[i])->use));
		(void)sh_run_join(m, t->give[i]);
		SH_STEP("span_take_joined");
		sh_commit(m->h);
	}
	wanted = sh_load_rlx(&m->h->lock.want) != 0; /* relaxed: who is not seen waits a slice longer */
	sh_mem_unlock(m);
	if (t->more && wanted)
		sh_breathe();
	return t->more;
}

static void walk(struct take *t)
{
	struct sh_mem *m;

	do {
		if (sh_mem_lock(&m) < 0)
			return;
	} while (slice(m, t));
	if (t->units != 0)
		sh_decay_note(m);
}

void sh_breathe(void)
{
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = BREATH_NS}, NULL);
}

/* ---- who walks ---- */

uint32_t sh_idle_take(bool *busy)
{
	struct take t = {.mine = sh_my_heap->id == sh_self() ? sh_my_heap->owner : 0};

	walk(&t);
	*busy = t.busy;
	return t.units;
}

void sh_heap_reclaim(void)
{
	bool busy = true;

	sh_heap_trim();
	(void)sh_orphan_reap(0);
	for (unsigned i = 0; i < TRIES && busy && sh_idle_take(&busy) == 0; i++)
		if (busy)
			sh_breathe();
}

/* one of the group in each such time, whoever's turn it is */
uint64_t sh_idle_decay(uint64_t keep_ms)
{
	struct take t = {.patient = true};
	uint64_t now = sh_now_ns() / SH_NS_PER_MS, last;
	struct sh_mem *m;
	int r;

	keep_ms = keep_ms > LOOK_MS ? keep_ms : LOOK_MS;
	r = sh_mem_lock(&m);
	if (r < 0)
		return r == -ETIMEDOUT ? keep_ms : 0;
	last = U(m->h->sp.looked);
	if (last == 0 || now - last >= keep_ms)
		sh_store_rel(&m->h->sp.looked, now);
	sh_mem_unlock(m);
	if (last != 0 && now - last < keep_ms)
		return keep_ms - (now - last);
	walk(&t);
	return t.waits || t.busy ? keep_ms : 0;
}
