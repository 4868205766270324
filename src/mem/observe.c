/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * observe.c - callbacks and validators of this process, and its view of the memory. See observe.h.
 *
 * Private state. lk: the list; a few lines. turn: who is calling callbacks; it also guards the view. Nobody waits for turn
 * with lk, and whoever waits for turn has a time limit, for a callback may take as long as it likes.
 * The bits in sh_xchg.observe are set and cleared under G, so they are ordered against all growth.
 */
#include "mem/observe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_memory.h>

#include "base/fault.h"
#include "base/futex.h"
#include "base/mtx.h"
#include "mem/exchange.h"
#include "proc/proc.h"

static struct {
	struct sh_mtx lk;
	struct sh_callback *list;
	uint64_t numbers;
	_Atomic uint32_t turn; /* 0 free, 1 taken, 2 taken and somebody may wait */
	uint64_t *view[SH_WINDOWS];
	uint64_t epoch; /* of the last exchange that this view has seen; under turn */
	bool viewing;	/* under turn */
} obs;

static _Thread_local unsigned inside;

bool sh_observe_inside(void)
{
	return inside != 0;
}

static bool turn_take(uint64_t dl)
{
	uint32_t free_ = 0;

	if (sh_cas(&obs.turn, &free_, 1)) /* A:MEMTURN */
		return true;
	while (sh_xchg(&obs.turn, 2) != 0) { /* A:MEMTURN */
		if (sh_now_ns() >= dl)
			return false;
		(void)sh_futex_wait(&obs.turn, 2, dl, SH_FUTEX_ANY, false);
	}
	return true;
}

static void turn_leave(void)
{
	if (sh_xchg(&obs.turn, 0) == 2) /* R:MEMTURN */
		sh_futex_wake(&obs.turn, 1, SH_FUTEX_ANY, false);
}

/* ---- the list ---- */

static bool same(const struct sh_callback *a, const struct sh_callback *b)
{
	return a->validator == b->validator && strcmp(a->name, b->name) == 0 &&
	       (a->validator ? a->socket == b->socket : a->arg == b->arg);
}

/* the next in order of registration after number; a copy. Entries may come and go between two calls */
static bool next_of(bool validator, uint64_t after, struct sh_callback *ret)
{
	const struct sh_callback *best = NULL;

	sh_lock(&obs.lk);
	for (const struct sh_callback *c = obs.list; c != NULL; c = c->next)
		if (c->validator == validator && c->number > after && (best == NULL || c->number < best->number))
			best = c;
	if (best != NULL)
		*ret = *best;
	sh_unlock(&obs.lk);
	return best != NULL;
}

static bool have(bool validator)
{
	struct sh_callback c;

	return next_of(validator, 0, &c);
}

/* under G: what others see of it */
static void show(struct sh_mem *m, enum sh_observes what, bool on)
{
	unsigned s = sh_id_slot(sh_self());
	_Atomic uint64_t *w = &m->h->xchg.observe[what][s / 64];

	if (on)
		sh_or(w, 1ull << (s % 64));
	else
		sh_and(w, ~(1ull << (s % 64)));
}

/* ---- the view; under turn ---- */

static uint64_t *view_word(uint32_t u)
{
	return &obs.view[sh_unit_w(u)][sh_unit_idx(u) / 64];
}

static bool viewed(uint32_t u)
{
	return *view_word(u) >> u % 64 & 1;
}

static void view_set(uint32_t u, bool on)
{
	if (on)
		*view_word(u) |= 1ull << u % 64;
	else
		*view_word(u) &= ~(1ull << u % 64);
}

static bool truth(const struct sh_mem *m, uint32_t u)
{
	return sh_unit_backed(m, u) && !sh_xchg_hides(m, u);
}

static int view_make(const struct sh_mem *m)
{
	for (unsigned w = 0; w < SH_WINDOWS; w++) {
		if (m->w[w].bytes == 0 || obs.view[w] != NULL)
			continue;
		obs.view[w] = calloc((m->w[w].bytes >> SH_UNIT_SHIFT) / 64 + 1, sizeof(uint64_t));
		if (obs.view[w] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static uint32_t window_end(const struct sh_mem *m, unsigned w)
{
	return (uint32_t)sh_load_acq(&m->h->pg.w[w].end); /* A:PGEND */
}

/* under G and turn: what there is now its callbacks are not told of, as it was there before them */
static void view_fill(const struct sh_mem *m)
{
	for (uint32_t w = 0; w < SH_WINDOWS; w++)
		for (uint32_t u = w << SH_UNIT_W_SHIFT, end = u + window_end(m, w); u < end; u++)
			view_set(u, truth(m, u));
	obs.epoch = sh_load_rlx(&m->h->xchg.epoch); /* relaxed: under G */
	obs.viewing = true;
}

static void tell(enum rte_mem_event ev, uint32_t u, uint32_t n)
{
	struct sh_callback c = {0};

	while (next_of(false, c.number, &c))
		((rte_mem_event_callback_t)(uintptr_t)c.fn)(ev, sh_unit_addr(u), (size_t)n << SH_UNIT_SHIFT, c.arg);
}

/* the first stretch of [u, end) that comes, or goes: its start and length, 0: none */
static uint32_t differs(const struct sh_mem *m, uint32_t *u, uint32_t end, bool *comes)
{
	uint32_t n = 0;

	while (*u < end && truth(m, *u) == viewed(*u))
		++*u;
	*comes = *u < end && !viewed(*u);
	while (*u + n < end && viewed(*u + n) != *comes && truth(m, *u + n) == *comes)
		n++;
	return n;
}

static void sync_range(const struct sh_mem *m, uint32_t from, uint32_t end)
{
	uint32_t u = from, n;
	bool comes;

	/* again from the start: while a callback ran the truth may have changed behind it */
	while ((n = differs(m, &u, end, &comes)) > 0) {
		for (uint32_t i = 0; i < n; i++)
			view_set(u + i, comes);
		SH_STEP("xchg_view_changed");
		tell(comes ? RTE_MEM_EVENT_ALLOC : RTE_MEM_EVENT_FREE, u, n);
		u = from;
	}
}

static void sync_all(const struct sh_mem *m)
{
	for (uint32_t w = 0; w < SH_WINDOWS; w++)
		sync_range(m, w << SH_UNIT_W_SHIFT, (w << SH_UNIT_W_SHIFT) + window_end(m, w));
}

int sh_view_sync(struct sh_mem *m, uint64_t epoch, uint32_t u, uint32_t n, uint64_t dl)
{
	if (!turn_take(dl))
		return -ETIMEDOUT;
	inside++;
	if (obs.viewing && obs.epoch + 1 < epoch)
		sync_all(m);
	else if (obs.viewing)
		sync_range(m, u, u + n);
	if (obs.epoch < epoch)
		obs.epoch = epoch;
	inside--;
	turn_leave();
	return 0;
}

int sh_view_sync_all(struct sh_mem *m, uint64_t dl)
{
	uint64_t epoch = sh_load_acq(&m->h->xchg.epoch); /* A:XCHG before the look: what comes later is told later */

	if (!turn_take(dl))
		return -ETIMEDOUT;
	inside++;
	if (obs.viewing)
		sync_all(m);
	if (obs.epoch < epoch)
		obs.epoch = epoch;
	inside--;
	turn_leave();
	return 0;
}

int sh_validate(uint64_t total, char *who, size_t cap, uint64_t dl)
{
	struct sh_callback c = {0};
	int r = 0;

	if (!have(true))
		return 0;
	if (!turn_take(dl))
		return -ETIMEDOUT;
	inside++;
	while (r == 0 && next_of(true, c.number, &c))
		if (c.socket == 0 && total > c.limit &&
		    ((rte_mem_alloc_validator_t)(uintptr_t)c.fn)(0, (size_t)c.limit, (size_t)total) != 0) {
			r = -EACCES;
			strncpy(who, c.name, cap - 1);
			who[cap - 1] = '\0';
		}
	inside--;
	turn_leave();
	return r;
}

/* ---- registration ---- */

static int list_add(const struct sh_callback *c)
{
	struct sh_callback *n = malloc(sizeof(*n)), **tail = &obs.list;
	int r = n == NULL ? -ENOMEM : 0;

	sh_lock(&obs.lk);
	for (; r == 0 && *tail != NULL; tail = &(*tail)->next)
		if (same(*tail, c))
			r = -EEXIST;
	if (r == 0) {
		*n = *c;
		n->next = NULL;
		n->number = ++obs.numbers;
		*tail = n;
		n = NULL;
	}
	sh_unlock(&obs.lk);
	free(n);
	return r;
}

static int list_del(const struct sh_callback *c)
{
	struct sh_callback *gone = NULL;

	sh_lock(&obs.lk);
	for (struct sh_callback **p = &obs.list; *p != NULL; p = &(*p)->next)
		if (same(*p, c)) {
			gone = *p;
			*p = gone->next;
			break;
		}
	sh_unlock(&obs.lk);
	free(gone);
	return gone != NULL ? 0 : -ENOENT;
}

int sh_callback_add(const struct sh_callback *c)
{
	enum sh_observes what = c->validator ? SH_OBS_VALIDATES : SH_OBS_EVENTS;
	struct sh_mem *m;
	bool mine = inside == 0 && turn_take(SH_FOREVER); /* inside, this thread has the turn */
	int r = c->validator ? 0 : view_make(sh_ctx.mem);

	if (r == 0)
		r = sh_mem_lock_grow(&m);
	if (r == 0) {
		r = list_add(c);
		if (r == 0 && !c->validator && !obs.viewing)
			view_fill(m);
		if (r == 0)
			show(m, what, true);
		sh_mem_unlock_grow(m);
	}
	if (mine)
		turn_leave();
	return r;
}

int sh_callback_del(const struct sh_callback *c)
{
	enum sh_observes what = c->validator ? SH_OBS_VALIDATES : SH_OBS_EVENTS;
	bool mine = inside == 0 && turn_take(SH_FOREVER);
	struct sh_mem *m;
	int r = list_del(c);

	if (r == 0 && !have(c->validator) && sh_mem_lock_grow(&m) == 0) {
		show(m, what, false);
		if (!c->validator)
			obs.viewing = false;
		sh_mem_unlock_grow(m);
	}
	if (mine)
		turn_leave();
	return r;
}

int sh_observe_start(struct sh_mem *m, bool always)
{
	int r = sh_mem_lock_grow(&m);

	if (r < 0)
		return r;
	/* the bits of the member that had this slot before */
	show(m, SH_OBS_EVENTS, false);
	show(m, SH_OBS_VALIDATES, false);
	show(m, SH_OBS_ALWAYS, always);
	sh_add_rlx(&m->h->peers[sh_id_slot(sh_self())].heard, 1);
	sh_mem_unlock_grow(m);
	return 0;
}

void sh_observe_stop(struct sh_mem *m)
{
	if (sh_mem_lock_grow(&m) == 0) {
		for (unsigned i = 0; i < SH_OBS_KINDS; i++)
			show(m, (enum sh_observes)i, false);
		sh_mem_unlock_grow(m);
	}
	sh_observe_forget();
}

void sh_observe_forget(void)
{
	while (obs.list != NULL) {
		struct sh_callback *c = obs.list;

		obs.list = c->next;
		free(c);
	}
	for (unsigned w = 0; w < SH_WINDOWS; w++) {
		free(obs.view[w]);
		obs.view[w] = NULL;
	}
	memset(&obs.lk, 0, sizeof(obs.lk));
	sh_store_rlx(&obs.turn, 0); /* relaxed: nobody else is in this room */
	obs.viewing = false;
	inside = 0;
}
