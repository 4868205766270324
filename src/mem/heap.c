/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * heap.c - a thread's spans, and every way into them but the hottest (heap.h)
 *
 * Of each class a thread has a circle of spans; blocks come from cur. Behind cur come those that have a block in their list,
 * then those that are full as far as the thread knows: so if any has one, the next one has. What is found full goes to the
 * end, what gets a block again comes to the front. When cur has none the thread takes in what others freed of it, looks at
 * the next few of the circle, adopts an orphan, and makes a new span, in this order. An empty one is given back, unless it
 * is the only empty one of its class.
 *
 * Process-private state: the numbers that tell threads apart in owner words; sh_my_heap. A thread that ends leaves its spans
 * as orphans; a heap of an earlier life of this process (cleanup, fork) is forgotten, for the spans are not its own any more.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mtx.h"
#include "mem/heap.h"

#define PROBES 8	       /* spans of the circle that are looked at before there is a new one */
#define ADOPTS 4	       /* orphans that may turn out to be full */
#define SWEEPS 4	       /* classes that are looked at for empty spans before there is a new one */
#define R(w) sh_load_rlx(&(w)) /* relaxed: the owner's own */

static struct sh_heap no_heap = {.id = UINT64_MAX, .last = &no_heap.bin[0]};
struct sh_span sh_no_span = {.head = SH_NONE, .fresh = UINT32_MAX};
__thread struct sh_heap *sh_my_heap __attribute__((tls_model("initial-exec"))) = &no_heap;

static struct {
	struct sh_mtx mtx;
	uint64_t taken[65536 / 64]; /* thread numbers of this life; 0 is none */
	struct sh_heap *all;
	bool key_made;
	pthread_key_t key; /* its destructor sees threads end */
} threads;

/* ---- threads ---- */

/* 0: there are 65535 already */
static uint32_t take_number(void)
{
	uint32_t n = 0;

	sh_lock(&threads.mtx);
	threads.taken[0] |= 1;
	for (uint32_t i = 0; i < sizeof(threads.taken) / 8 && n == 0; i++)
		if (~threads.taken[i] != 0) {
			n = i * 64 + (uint32_t)__builtin_ctzll(~threads.taken[i]);
			threads.taken[i] |= 1ull << n % 64;
		}
	sh_unlock(&threads.mtx);
	return n;
}

static void drop_number(uint64_t owner)
{
	uint32_t n = (uint32_t)(owner >> 48);

	sh_lock(&threads.mtx);
	threads.taken[n / 64] &= ~(1ull << n % 64);
	sh_unlock(&threads.mtx);
}

static void refresh(struct sh_heap *t)
{
	const struct sh_mem *m = sh_ctx.mem;

	for (unsigned w = 0; w < SH_WINDOWS; w++) {
		t->w[w].heap = m->w[w].heap;
		t->w[w].desc = (struct sh_span *)(void *)m->w[w].desc;
		t->w[w].seen = sh_load_acq(&m->h->pg.w[w].end) << SH_UNIT_SHIFT; /* A:PGEND */
	}
}

/* who cannot have a heap: no member, or no memory */
static int why_not(void)
{
	return sh_ctx.mem == NULL ? -ENODEV : sh_self() == 0 ? -EPERM : 0;
}

/* this thread's heap, made or made anew if it has none in this life of the process; NULL and *err */
static struct sh_heap *my_heap(int *err)
{
	struct sh_heap *t = sh_my_heap;
	uint32_t n;

	*err = why_not();
	if (*err < 0)
		return NULL;
	if (t->id == sh_self())
		return t;
	if (t == &no_heap) {
		t = aligned_alloc(SH_LINE, sizeof(*t));
		if (t == NULL || pthread_setspecific(threads.key, t) != 0) {
			free(t);
			*err = -ENOMEM;
			return NULL;
		}
		*t = (struct sh_heap){.id = UINT64_MAX};
		sh_lock(&threads.mtx);
		t->next = threads.all;
		threads.all = t;
		sh_unlock(&threads.mtx);
		sh_my_heap = t;
	}
	n = take_number();
	if (n == 0) {
		*err = -ENOMEM;
		return NULL;
	}
	memset(t, 0, offsetof(struct sh_heap, next));
	for (unsigned c = 0; c < SH_CLASSES; c++)
		t->bin[c].cur = &sh_no_span;
	t->last = &t->bin[0];
	t->owner = (uint64_t)n << 48 | sh_self();
	t->tag = SH_TAB_ALLOC | (sh_id_gen(sh_self()) & SH_TAB_LOW);
	refresh(t);
	t->id = sh_self();
	return t;
}

/* ---- the circle of a class ---- */

static void set_cur(struct sh_bin *b, struct sh_span *s)
{
	const struct sh_class *k = sh_span_class(s);
	unsigned char *start;

	b->cur = s;
	b->bytes = 0;
	if (s == &sh_no_span)
		return;
	start = sh_span_start(s);
	b->tab = sh_span_tab(k, start);
	b->bits = sh_span_bits(start);
	b->blocks = start + k->front;
	b->size = k->size;
	b->recip = k->recip;
	b->bytes = k->n * k->size;
}

static struct sh_span *next_of(const struct sh_span *s)
{
	return sh_span_of(R(s->next));
}

/* between at and the one behind it */
static void insert(struct sh_span *at, struct sh_span *s)
{
	uint32_t u = sh_span_unit(s), after = R(at->next);

	sh_store_rlx(&s->prev, sh_span_unit(at));
	sh_store_rlx(&s->next, after);
	sh_store_rlx(&sh_span_of(after)->prev, u);
	sh_store_rlx(&at->next, u);
}

static void unlink_span(struct sh_span *s)
{
	sh_store_rlx(&sh_span_of(R(s->prev))->next, R(s->next));
	sh_store_rlx(&next_of(s)->prev, R(s->prev));
}

/* a new one, which cur becomes */
static void add(struct sh_bin *b, struct sh_span *s)
{
	uint32_t u = sh_span_unit(s);

	if (b->cur == &sh_no_span) {
		sh_store_rlx(&s->next, u);
		sh_store_rlx(&s->prev, u);
	} else {
		insert(b->cur, s);
	}
	set_cur(b, s);
}

static void drop(struct sh_bin *b, struct sh_span *s)
{
	struct sh_span *next = next_of(s);

	unlink_span(s);
	if (b->kept == sh_span_unit(s) + 1)
		b->kept = 0;
	if (b->swept == sh_span_unit(s) + 1)
		b->swept = next != s ? sh_span_unit(next) + 1 : 0;
	if (b->cur == s)
		set_cur(b, next != s ? next : &sh_no_span);
}

/* off the circle and back to the group. If that is refused it stays an empty span of mine, which my end gives back. */
static void give(struct sh_bin *b, struct sh_span *s)
{
	drop(b, s);
	SH_STEP("span_dropped");
	(void)sh_pages_give(sh_span_unit(s));
}

/* it is empty, and not cur */
static void emptied(struct sh_bin *b, struct sh_span *s)
{
	uint32_t u = sh_span_unit(s);

	if (R(b->cur->used) != 0 && (b->kept == 0 || b->kept == u + 1 || R(sh_span_of(b->kept - 1)->used) != 0))
		b->kept = u + 1;
	else
		give(b, s);
}

/* not cur: it has a block again, and is the next one */
static void to_front(struct sh_bin *b, struct sh_span *s)
{
	unlink_span(s);
	insert(b->cur, s);
}

/* not cur: it is full */
static void to_end(struct sh_bin *b, struct sh_span *s)
{
	unlink_span(s);
	insert(sh_span_of(R(b->cur->prev)), s);
}

/* not cur: take in what others freed of it */
static void collect(struct sh_bin *b, struct sh_span *s)
{
	bool full = R(s->head) == SH_NONE;

	sh_span_collect(s);
	if (full && R(s->head) != SH_NONE)
		to_front(b, s);
}

/* ---- more blocks ---- */

/* The old cur is the end of the circle then, where full ones belong. */
static bool probe(struct sh_bin *b)
{
	struct sh_span *s;

	if (b->cur == &sh_no_span)
		return false;
	if (sh_span_ready(b->cur))
		return true;
	for (unsigned i = 0; i < PROBES && (s = next_of(b->cur)) != b->cur; i++) {
		if (sh_span_ready(s)) {
			set_cur(b, s);
			return true;
		}
		to_end(b, s);
	}
	return false;
}

static bool adopt(struct sh_heap *t, unsigned cls)
{
	struct sh_span *s;

	for (unsigned i = 0; i < ADOPTS && (s = sh_orphan_adopt(t, cls)) != NULL; i++) {
		sh_span_rebuild(s);
		add(&t->bin[cls], s);
		if (sh_span_ready(s))
			return true;
	}
	return false;
}

/* the next span of the class that is not cur, in turn; NULL: there is none */
static struct sh_span *next_swept(struct sh_bin *b)
{
	struct sh_span *s = b->swept != 0 ? sh_span_of(b->swept - 1) : next_of(b->cur);

	if (s == b->cur)
		s = next_of(s);
	b->swept = sh_span_unit(next_of(s)) + 1;
	return s != b->cur ? s : NULL;
}

/* others may have freed all of a span that I never look at, for I need none of its class */
static void sweep(struct sh_heap *t)
{
	for (unsigned i = 0; i < SWEEPS; i++) {
		struct sh_bin *b = &t->bin[t->turn++ % SH_CLASSES];
		struct sh_span *s = b->cur != &sh_no_span ? next_swept(b) : NULL;

		if (s == NULL)
			continue;
		collect(b, s);
		if (R(s->used) == 0)
			emptied(b, s);
	}
}

static void trim(struct sh_heap *t)
{
	for (unsigned c = 0; c < SH_CLASSES; c++) {
		struct sh_bin *b = &t->bin[c];
		struct sh_span *s = b->cur, *next;
		uint32_t n = 1;

		if (s == &sh_no_span)
			continue;
		for (next = next_of(s); next != s; next = next_of(next))
			n++;
		for (; n > 0; n--, s = next) {
			next = next_of(s);
			if (s == b->cur)
				sh_span_collect(s);
			else
				collect(b, s);
			if (R(s->used) == 0)
				give(b, s);
		}
	}
}

void sh_heap_trim(void)
{
	if (why_not() == 0 && sh_my_heap->id == sh_self())
		trim(sh_my_heap);
}

static int more(struct sh_heap *t, unsigned cls)
{
	struct sh_span *s;
	int r;

	refresh(t);
	if (probe(&t->bin[cls]) || adopt(t, cls))
		return 0;
	sweep(t);
	sh_orphan_late();
	if (adopt(t, cls))
		return 0;
	r = sh_span_new(t, cls, &s);
	if (r == -ENOMEM || r == -ENOBUFS) { /* what I and the dead hold for nothing may do */
		trim(t);
		(void)sh_orphan_reap(0);
		if (probe(&t->bin[cls]) || adopt(t, cls))
			return 0;
		r = sh_span_new(t, cls, &s);
	}
	if (r == 0) {
		add(&t->bin[cls], s);
		refresh(t);
		(void)sh_span_ready(s);
	}
	return r;
}

static void *small(size_t size, int *err)
{
	void *p = sh_heap_pop(size);

	while (p == NULL) {
		struct sh_heap *t = my_heap(err);

		if (t == NULL)
			return NULL;
		p = sh_heap_pop(size);
		if (p != NULL)
			break;
		*err = more(t, sh_class_of(size));
		if (*err < 0)
			return NULL;
		p = sh_heap_pop(size);
	}
	return p;
}

/* a block that is too large by up to align - 64; what goes out starts inside it */
static void *over_aligned(size_t size, size_t align, int *err)
{
	unsigned char *p = small(size + align - SH_BLOCK_ALIGN, err);
	uintptr_t off = p != NULL ? -(uintptr_t)p & (align - 1) : 0;
	struct sh_block b;

	if (off == 0)
		return p;
	if (sh_block_at(p, &b) == SH_BLOCK_OK) {
		sh_w32 *tab = sh_span_tab(sh_span_class(b.s), b.start);

		sh_store_rlx(&tab[b.i], R(tab[b.i]) | SH_TAB_OVER);
	}
	return p + off;
}

static void *large(size_t size, size_t align, bool zero, int *err)
{
	struct sh_pages_ask ask = {.kind = SH_PG_BLOCK, .owner = sh_self(), .zero = zero};
	uint32_t unit;

	*err = why_not();
	if (*err < 0)
		return NULL;
	*err = -ENOMEM;
	if (size > (uint64_t)SH_UNIT_W1 << SH_UNIT_SHIFT || align > (uint64_t)SH_UNIT_W1 << SH_UNIT_SHIFT)
		return NULL;
	ask.units = (uint32_t)((size + SH_UNIT - 1) >> SH_UNIT_SHIFT);
	ask.align = (uint32_t)(align >> SH_UNIT_SHIFT);
	*err = sh_pages_take(&ask, &unit);
	if (*err == -ENOMEM || *err == -ENOBUFS) {
		sh_heap_trim();
		(void)sh_orphan_reap(0);
		*err = sh_pages_take(&ask, &unit);
	}
	SH_STEP("block_taken");
	return *err == 0 ? sh_unit_addr(unit) : NULL;
}

void *sh_heap_get(size_t size, size_t align, int *err)
{
	if (align <= SH_BLOCK_ALIGN && size <= SH_SMALL_MAX)
		return small(size, err);
	if (align < SH_SMALL_MAX && size <= SH_SMALL_MAX && size + align - SH_BLOCK_ALIGN <= SH_SMALL_MAX)
		return over_aligned(size, align, err);
	return large(size, align, false, err);
}

void *sh_heap_get_zero(size_t size, size_t align, int *err)
{
	return large(size, align, true, err);
}

/* ---- back ---- */

/* p lies in unit u: is it where a block of a span starts? */
static enum sh_what in_span(uint32_t u, const void *p, struct sh_block *b)
{
	uint32_t back = R(sh_span_of(u)->back);
	const struct sh_class *k;
	uint64_t use, off, inside;
	sh_w32 *tab;

	if (back >= SH_SPAN_UNITS_MAX || back > sh_unit_idx(u))
		return SH_BLOCK_FREE;
	b->unit = u - back;
	b->s = sh_span_of(b->unit);
	use = R(b->s->use);
	if (sh_use_kind(use) != SH_PG_SPAN || sh_use_units(use) <= back)
		return SH_BLOCK_FREE;
	k = sh_span_class(b->s);
	b->start = sh_unit_addr(b->unit);
	off = (uint64_t)((const unsigned char *)p - b->start);
	if (off < k->front)
		return SH_BLOCK_INSIDE;
	off -= k->front;
	b->i = sh_class_index(k->recip, off);
	if (b->i >= k->n)
		return SH_BLOCK_INSIDE;
	inside = off - (uint64_t)b->i * k->size;
	b->usable = k->size - inside;
	if (!sh_span_out(b->s, b->i))
		return SH_BLOCK_FREE;
	tab = sh_span_tab(k, b->start);
	if ((inside != 0) == ((R(tab[b->i]) & SH_TAB_OVER) != 0) && (inside == 0 || (uintptr_t)p % 128 == 0))
		return SH_BLOCK_OK;
	return SH_BLOCK_INSIDE;
}

enum sh_what sh_block_at(const void *p, struct sh_block *b)
{
	uint32_t u = sh_addr_unit(p);
	uint64_t use;

	if (u == SH_UNIT_NONE)
		return SH_BLOCK_FOREIGN;
	use = R(sh_desc(u)->use); /* relaxed: of a block that the caller has */
	switch (sh_use_kind(use)) {
	case SH_PG_BLOCK:
		*b = (struct sh_block){.s = sh_span_of(u), .unit = u, .large = true, .start = sh_unit_addr(u)};
		b->usable = (size_t)sh_use_units(use) << SH_UNIT_SHIFT;
		return p == b->start ? SH_BLOCK_OK : SH_BLOCK_INSIDE;
	case SH_PG_ZONE:
	case SH_PG_ZSPAN:
		return SH_BLOCK_ZONE;
	default:
		*b = (struct sh_block){.large = false};
		return in_span(u, p, b);
	}
}

/* by the owner, where it is not the usual */
static void put_own(struct sh_heap *t, const struct sh_block *b)
{
	struct sh_span *s = b->s;
	const struct sh_class *k = sh_span_class(s);
	struct sh_bin *bin = &t->bin[k - sh_classes];
	uint32_t head = R(s->head);

	sh_store_rlx(&sh_span_tab(k, b->start)[b->i], head);
	SH_STEP("span_own_unmarked");
	sh_store_rel(&s->head, b->i); /* not before tab */
	sh_store_rlx(&s->used, R(s->used) - 1);
	if (s == bin->cur)
		return;
	if (head == SH_NONE)
		to_front(bin, s);
	if (R(s->used) == 0)
		emptied(bin, s);
}

enum sh_what sh_heap_put(void *p, int *err)
{
	struct sh_heap *t = sh_my_heap;
	struct sh_block b;
	enum sh_what what;

	*err = why_not();
	if (*err < 0)
		return SH_BLOCK_OK;
	if (t->id == sh_self())
		refresh(t);
	what = sh_block_at(p, &b);
	if (what != SH_BLOCK_OK)
		return what;
	if (b.large) {
		SH_STEP("block_giving");
		*err = sh_pages_give(b.unit);
		if (*err != -EINVAL)
			return SH_BLOCK_OK;
		*err = 0;
		return SH_BLOCK_FREE;
	}
	if (t->id == sh_self() && R(b.s->owner) == t->owner)
		put_own(t, &b);
	else if (!sh_span_free_remote(&b))
		return SH_BLOCK_FREE;
	return SH_BLOCK_OK;
}

/* ---- the end of a thread, and of the room ---- */

static void leave(struct sh_heap *t)
{
	bool all = true;

	for (unsigned c = 0; c < SH_CLASSES; c++)
		while (t->bin[c].cur != &sh_no_span) {
			struct sh_span *s = t->bin[c].cur;

			drop(&t->bin[c], s);
			SH_STEP("span_left");
			all = sh_orphan_leave(s) && all;
		}
	if (all) /* else the number's spans are not those of a thread that would get it */
		drop_number(t->owner);
}

/* a destructor that runs after this one may allocate: then there is a new heap, and this is called again */
static void thread_ends(void *arg)
{
	struct sh_heap *t = arg, **at;

	if (t->id == sh_self() && sh_ctx.mem != NULL)
		leave(t);
	sh_my_heap = &no_heap;
	sh_lock(&threads.mtx);
	for (at = &threads.all; *at != t; at = &(*at)->next)
		;
	*at = t->next;
	sh_unlock(&threads.mtx);
	free(t);
}

/* Ids start anew with every group, so it is not by them that a heap of an earlier one is known. */
int sh_heap_start(void)
{
	int r;

	sh_store_rlx(&threads.mtx.v, 0); /* relaxed: one thread; a parent's may have held it when it forked */
	memset(threads.taken, 0, sizeof(threads.taken));
	for (struct sh_heap *t = threads.all; t != NULL; t = t->next)
		t->id = UINT64_MAX;
	if (threads.key_made)
		return 0;
	r = pthread_key_create(&threads.key, thread_ends);
	threads.key_made = r == 0;
	return -r;
}

void sh_heap_stop(void)
{
	if (why_not() == 0)
		(void)sh_orphan_reap(sh_self());
}
