/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * owned.c - looking at all blocks: who took them, how many, are they sound; shoal_mem.h
 *
 * Spans are read under H: then none goes away. What living owners do to theirs meanwhile is seen or not. Lists and sums are
 * made in slices (walk.c); an audit wants counts and lists to agree, so it has H, and others wait, from beginning to end.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "base/export.h"
#include "base/log.h"
#include "chan/piece.h"
#include "mem/heap.h"
#include "proc/proc.h"
#include "shoal_mem.h"

#define U(w) sh_load_rlx(&(w)) /* relaxed: under the lock, or of a moment */
#define SPAN_WORK 64	       /* for walk.c: a span's table is read; any other run is 1 */

/* ---- blocks of one member ---- */

struct item {
	void *p;
	size_t size;
};

struct list {
	sh_id_t id;
	uint32_t tag; /* what its small blocks have in their table */
	bool count;   /* no more is wanted */
	struct item *items;
	size_t n, cap;
};

static void list_add(struct list *l, void *p, size_t size)
{
	if (!l->count)
		l->items[l->n] = (struct item){p, size};
	l->n++;
}

static void list_block(struct list *l, unsigned char *at, uint32_t size, uint32_t over)
{
	list_add(l, at + over % size, size - over % size); /* where it is not known, the whole */
}

/* what it costs, for walk.c; 0: there may be no room for it */
static int list_run(struct sh_mem *m, uint32_t unit, uint64_t use, void *arg)
{
	struct sh_span *s = sh_span_of(unit);
	const struct sh_class *k = sh_span_class(s);
	unsigned char *start = sh_unit_addr(unit);
	struct list *l = arg;

	(void)m;
	if (!l->count && l->cap - l->n < SH_SPAN_N_MAX)
		return 0;
	if (sh_use_kind(use) == SH_PG_BLOCK && sh_lock_id(U(s->owner)) == l->id)
		list_add(l, start, (size_t)sh_use_units(use) << SH_UNIT_SHIFT);
	if (sh_use_kind(use) != SH_PG_SPAN)
		return 1;
	for (uint32_t i = 0; i < k->n && i < U(s->fresh); i++)
		if ((U(sh_span_tab(k, start)[i]) & ~(SH_TAB_OVER | SH_TAB_SENT)) == l->tag && sh_span_out(s, i))
			list_block(l, start + k->front + (size_t)i * k->size, k->size, sh_span_over(s, i));
	return SPAN_WORK;
}

/* 0, -ENOMEM, or as sh_mem_lock(). items is the caller's to free, in any case */
static int list_all(struct list *l)
{
	struct sh_walk w = {0};
	int r;

	do {
		if (!l->count && l->cap - l->n < SH_SPAN_N_MAX) {
			size_t cap = 2 * l->cap + 2 * SH_SPAN_N_MAX;
			struct item *more = realloc(l->items, cap * sizeof(*more));

			if (more == NULL)
				return -ENOMEM;
			l->items = more;
			l->cap = cap;
		}
		r = sh_walk_slice(&w, list_run, l);
	} while (r > 0);
	return r;
}

static int public_error(int r)
{
	rte_errno = r == -ENODEV ? ENOTSUP : -r;
	return -1;
}

SH_EXPORT long shoal_mem_owned_by(uint64_t member, shoal_mem_fn fn, void *arg)
{
	struct list l = {.id = member, .tag = SH_TAB_ALLOC | (sh_id_gen(member) & SH_TAB_LOW), .count = fn == NULL};
	int r = list_all(&l);

	for (size_t i = 0; r == 0 && fn != NULL && i < l.n; i++)
		fn(l.items[i].p, l.items[i].size, arg);
	free(l.items);
	return r == 0 ? (long)l.n : public_error(r);
}

/* p is what list_run() found; it may have been freed since, be an over-aligned one that somebody wrote in front of, or have been on its way when its sender died */
static bool free_one(const struct list *l, void *p)
{
	struct sh_block b = {.large = false};
	enum sh_what what = sh_block_at(p, &b);
	int err;

	if (what != SH_BLOCK_OK && what != SH_BLOCK_SENT && what != SH_BLOCK_INSIDE)
		return false;
	if (b.large) {
		if (what == SH_BLOCK_INSIDE || sh_lock_id(U(b.s->owner)) != l->id)
			return false;
	} else if ((U(sh_span_tab(sh_span_class(b.s), b.start)[b.i]) & ~(SH_TAB_OVER | SH_TAB_SENT)) != l->tag) {
		return false;
	}
	if (sh_block_sent(&b)) {
		/* in this order: who took it has put its name on it before its slot was free */
		if (sh_piece_travels(p, b.usable) || !sh_block_pass(&b, l->id, sh_self()))
			return false;
		sh_block_hold(&b, sh_self());
		what = what == SH_BLOCK_SENT ? SH_BLOCK_OK : what;
	}
	if (what == SH_BLOCK_OK || b.large)
		return sh_heap_put(p, &err) == SH_BLOCK_OK && err == 0;
	return sh_span_free_remote(&b); /* its own pointer is nowhere; if the span is mine by now I collect it later */
}

SH_EXPORT long shoal_mem_free_owned(uint64_t member)
{
	struct list l = {.id = member, .tag = SH_TAB_ALLOC | (sh_id_gen(member) & SH_TAB_LOW)};
	long n = 0;
	int r;

	if (sh_ctx.mem == NULL || sh_self() == 0)
		return public_error(sh_ctx.mem == NULL ? -ENODEV : -EPERM);
	if (member == 0 || sh_id_slot(member) >= SH_MEMBERS || member >> 48 != 0)
		return public_error(-EINVAL);
	if (sh_member_alive(member) && sh_member_probe(member) != 1)
		return public_error(-EBUSY);
	(void)sh_orphan_reap(member);
	r = list_all(&l);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		n += free_one(&l, l.items[i].p);
	free(l.items);
	return r == 0 ? n : public_error(r);
}

/* ---- sizes ---- */

/* a run that is not free, for who prints it when no lock is held */
struct dumped {
	unsigned char *start;
	size_t bytes;
	uint64_t owner;
	enum sh_pg kind;
	uint32_t cls, live, room;
};

struct sizes {
	struct rte_malloc_socket_stats *st;
	struct dumped *runs; /* NULL: none are wanted */
	size_t n, cap;
	struct {
		uint32_t spans, orphans, blocks, room;
	} class[SH_CLASSES];
};

static int size_run(struct sh_mem *m, uint32_t unit, uint64_t use, void *arg)
{
	struct sh_span *s = sh_span_of(unit);
	size_t bytes = (size_t)sh_use_units(use) << SH_UNIT_SHIFT;
	struct sizes *z = arg;
	uint32_t live, c;

	if (z->runs != NULL && sh_use_kind(use) > SH_PG_BUSY) {
		if (z->n == z->cap)
			return 0;
		z->runs[z->n++] = (struct dumped){
			.start = sh_unit_addr(unit), .bytes = bytes, .owner = U(s->owner), .kind = sh_use_kind(use)};
	}
	switch (sh_use_kind(use)) {
	case SH_PG_FREE:
		bytes -= (size_t)sh_run_missing(m, unit, sh_use_units(use)) << SH_UNIT_SHIFT;
		z->st->free_count += bytes != 0;
		if (bytes > z->st->greatest_free_size)
			z->st->greatest_free_size = bytes;
		break;
	case SH_PG_SPAN:
		c = (uint32_t)(sh_span_class(s) - sh_classes);
		if (sh_place_of(U(s->place)) == SH_PL_HUSK) { /* a front, and no block */
			z->st->heap_allocsz_bytes += bytes;
			break;
		}
		live = sh_span_live(s);
		if (z->runs != NULL) {
			z->runs[z->n - 1].cls = c;
			z->runs[z->n - 1].live = live;
			z->runs[z->n - 1].room = sh_span_n(s);
		}
		z->class[c].spans++;
		z->class[c].orphans += U(s->owner) == 0;
		z->class[c].blocks += live;
		z->st->alloc_count += live;
		z->class[c].room += sh_span_n(s);
		z->st->free_count += sh_span_n(s) - live;
		z->st->heap_allocsz_bytes += (size_t)live * sh_classes[c].size + sh_classes[c].front;
		break;
	case SH_PG_ZSPAN:
		for (unsigned i = 0; i < SH_ZPLACES / 64; i++)
			z->st->alloc_count += (unsigned)__builtin_popcountll(U(sh_desc(unit)->own[i]));
		z->st->heap_allocsz_bytes += bytes;
		break;
	case SH_PG_BUSY: /* nobody's: its pages come or go */
		break;
	default:
		z->st->alloc_count++;
		z->st->heap_allocsz_bytes += bytes;
	}
	return sh_use_kind(use) == SH_PG_SPAN ? SPAN_WORK : 1;
}

static int sizes(struct sizes *z)
{
	struct rte_malloc_socket_stats *st = z->st;
	struct sh_pages_stat pages = {0};
	struct sh_walk w = {0};
	int r = sh_pages_stat(&pages);

	*st = (struct rte_malloc_socket_stats){0};
	if (r < 0)
		return r;
	do {
		if (z->runs != NULL && z->n == z->cap) {
			struct dumped *more = realloc(z->runs, 2 * z->cap * sizeof(*more));

			if (more == NULL)
				return -ENOMEM;
			z->runs = more;
			z->cap *= 2;
		}
		r = sh_walk_slice(&w, size_run, z);
	} while (r > 0);
	if (r < 0)
		return r;
	st->heap_totalsz_bytes = pages.backed;
	if (st->heap_totalsz_bytes < st->heap_allocsz_bytes) /* something was taken meanwhile */
		st->heap_totalsz_bytes = st->heap_allocsz_bytes;
	st->heap_freesz_bytes = st->heap_totalsz_bytes - st->heap_allocsz_bytes;
	if (st->greatest_free_size > st->heap_freesz_bytes)
		st->greatest_free_size = st->heap_freesz_bytes;
	return 0;
}

int sh_heap_stats(struct rte_malloc_socket_stats *st)
{
	struct sizes z = {.st = st};

	return sizes(&z);
}

static void dump_run(FILE *f, const struct dumped *d)
{
	sh_id_t id = sh_lock_id(d->owner);

	fprintf(f, "  %p: %zu KiB, ", (void *)d->start, d->bytes >> 10);
	if (d->kind == SH_PG_ZONE || d->kind == SH_PG_ZSPAN) {
		fprintf(f, "%s\n", d->kind == SH_PG_ZONE ? "a memzone" : "small memzones");
		return;
	}
	if (d->kind == SH_PG_BLOCK)
		fprintf(f, "one block");
	else if (d->room != 0)
		fprintf(f, "blocks of %u bytes, %u out of %u", sh_classes[d->cls].size, d->live, d->room);
	else
		fprintf(f, "blocks of which none is out");
	if (id == 0)
		fprintf(f, ", without a thread\n");
	else
		fprintf(f, ", of member %u (generation %u)\n", sh_id_slot(id), sh_id_gen(id));
}

static void dump(FILE *f, struct sizes *z)
{
	const struct rte_malloc_socket_stats *st = z->st;

	fprintf(f, "heap socket_0: %zu bytes from the machine, %zu in blocks, %zu free\n", st->heap_totalsz_bytes,
		st->heap_allocsz_bytes, st->heap_freesz_bytes);
	for (unsigned c = 0; c < SH_CLASSES; c++)
		if (z->class[c].spans != 0)
			fprintf(f, "  blocks of %u bytes: %u out of %u in %u spans, %u of them without a thread\n",
				sh_classes[c].size, z->class[c].blocks, z->class[c].room, z->class[c].spans,
				z->class[c].orphans);
	for (size_t i = 0; i < z->n; i++)
		dump_run(f, &z->runs[i]);
}

void sh_heap_dump(FILE *f)
{
	struct rte_malloc_socket_stats st = {0};
	struct sizes z = {.st = &st, .cap = 256};

	z.runs = malloc(z.cap * sizeof(*z.runs));
	if (f != NULL && z.runs != NULL && sizes(&z) == 0)
		dump(f, &z);
	free(z.runs);
}

/* ---- sound? ---- */

struct audit {
	char *why;
	size_t cap;
	uint32_t orphans[SH_CLASSES];
	bool bad;
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct audit *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (a->cap > 0)
		vsnprintf(a->why, a->cap, fmt, ap);
	va_end(ap);
	a->bad = true;
	return false; /* ends the walk */
}

/* a span that nobody touches: mine. The list has every free block that was ever given out, once */
static bool audit_list(struct audit *a, struct sh_span *s, uint32_t unit)
{
	const struct sh_class *k = sh_span_class(s);
	sh_w32 *tab = sh_span_tab(k, sh_span_start(s));
	uint32_t n = 0, taken = 0;

	for (uint32_t i = U(s->head); i != SH_NONE; i = U(tab[i]), n++)
		if (i >= U(s->fresh) || n >= k->n || (U(tab[i]) & SH_TAB_ALLOC) != 0)
			return wrong(a, "span %u: block %u in the free list, %u are fresh", unit, i, U(s->fresh));
	for (uint32_t i = 0; i < U(s->fresh); i++)
		taken += (U(tab[i]) & SH_TAB_ALLOC) != 0;
	if (taken != U(s->used) || n + taken != U(s->fresh))
		return wrong(a, "span %u: %u of %u blocks are free and %u taken, it says %u", unit, n, U(s->fresh),
			     taken, U(s->used));
	return true;
}

static bool audit_run(struct sh_mem *m, uint32_t unit, uint64_t use, void *arg)
{
	struct sh_span *s = sh_span_of(unit);
	struct audit *a = arg;
	uint32_t c = U(s->cls);
	bool husk = sh_place_of(U(s->place)) == SH_PL_HUSK;
	uint64_t owner = U(s->owner);

	(void)m;
	if (sh_use_kind(use) != SH_PG_SPAN)
		return true;
	if (c >= SH_CLASSES || sh_use_units(use) > (husk ? 1 : sh_classes[c].units) || U(s->back) != 0)
		return wrong(a, "span %u: class %u, %u units", unit, c, sh_use_units(use));
	if (husk) /* nothing of it is out; its owner, who may be dead, has not looked */
		return owner != 0 && sh_span_live(s) == 0 ? true : wrong(a, "span %u: a husk with blocks", unit);
	if (U(s->fresh) > sh_span_n(s))
		return wrong(a, "span %u: %u blocks of %u", unit, U(s->fresh), sh_span_n(s));
	for (uint32_t i = 1; U(s->fresh) > 0 && i < sh_use_units(use); i++)
		if (U(s[i].back) != i)
			return wrong(a, "span %u: unit %u says %u", unit, i, U(s[i].back));
	if (owner == 0)
		a->orphans[c]++;
	if (sh_my_heap->id == sh_self() && owner == sh_my_heap->owner && sh_place_of(U(s->place)) != SH_PL_CLOSED)
		return audit_list(a, s, unit);
	return true;
}

/* each orphan is in the list of its class, once. An empty one is about to be given back by who freed its last block */
static bool audit_orphans(struct sh_mem *m, struct audit *a)
{
	for (unsigned c = 0; c < SH_CLASSES; c++) {
		uint32_t n = 0, prev = 0, next;

		for (uint32_t u = (uint32_t)U(m->h->sp.orphan[c]); u != 0; prev = u, u = next, n++) {
			struct sh_span *s = sh_span_of(u - 1);

			next = (uint32_t)U(s->link);
			if (n > a->orphans[c] || sh_use_kind(U(s->use)) != SH_PG_SPAN || U(s->owner) != 0 ||
			    U(s->cls) != c || (uint32_t)(U(s->link) >> 32) != prev)
				return wrong(a, "orphans of class %u: %u does not belong there", c, u - 1);
		}
		if (n != a->orphans[c])
			return wrong(a, "orphans of class %u: %u in the list, %u spans", c, n, a->orphans[c]);
	}
	return true;
}

bool sh_span_audit(struct sh_mem *m, char *why, size_t cap)
{
	struct audit a = {.why = why, .cap = cap};
	uint32_t at = 0;

	if (!sh_runs(m, audit_run, &a, &at))
		return wrong(&a, "run %u has no length", at);
	return !a.bad && audit_orphans(m, &a);
}

SH_EXPORT int shoal_heap_audit(char *why, size_t cap)
{
	char text[256] = "";
	int r = sh_mem_audit(text, sizeof(text));

	if (why != NULL && cap > 0)
		snprintf(why, cap, "%s", text);
	return r == 0 ? 0 : public_error(r);
}
