/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * heap.c - a thread's heap: more blocks, the ways back, the end of a thread. The hottest ways are in heap.h
 *
 * When cur has no block (circle.c) the thread takes in what others freed of it, looks at the next few of the circle, adopts an
 * orphan, and makes a new span, in this order. An empty one is given back, unless it is the only empty one of its class.
 *
 * Process-private state: the numbers that tell threads apart in owner words; sh_my_heap. A thread that ends leaves its spans
 * as orphans; a heap of an earlier life of this process (cleanup, fork) is forgotten, for the spans are not its own any more.
 * Who ends while the room stops has left them before, or leaves them to the room (base/door.h): to each span it is one of both.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/door.h"
#include "base/log.h"
#include "base/mtx.h"
#include "mem/heap.h"

#define ADOPTS 4	       /* orphans that may turn out to be full */
#define R(w) sh_load_rlx(&(w)) /* relaxed: the owner's own */

static struct sh_heap no_heap = {.id = UINT64_MAX, .last = &no_heap.bin[0]};
struct sh_span sh_no_span = {.head = SH_NONE, .fresh = UINT32_MAX};
__thread struct sh_heap *sh_my_heap __attribute__((tls_model("initial-exec"))) = &no_heap;

static struct {
	struct sh_mtx mtx;
	uint64_t taken[65536 / 64]; /* thread numbers of this life; 0 is none */
	struct sh_heap *all;
	bool key_made, forks_watched;
	pthread_key_t key;   /* its destructor sees threads end */
	struct sh_door door; /* open while the room is there: who ends is inside while it leaves its spans */
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
	t->gate = sh_gate_new(t->owner);
	refresh(t);
	t->id = sh_self();
	return t;
}

/* ---- more blocks ---- */

static bool adopt(struct sh_heap *t, unsigned cls)
{
	struct sh_span *s;

	for (unsigned i = 0; i < ADOPTS && (s = sh_orphan_adopt(t, cls)) != NULL; i++) {
		sh_span_rebuild(s);
		if (sh_circle_add(t, &t->bin[cls], s))
			return true;
	}
	return false;
}

void sh_heap_trim(void)
{
	if (why_not() == 0 && sh_my_heap->id == sh_self())
		sh_circle_trim(sh_my_heap);
}

/* a run with one block in it, which needs no front, serves it better than a span */
#define WHOLE 1
/* no span takes more than this part of what there still may be: else a few sizes would have it all */
#define SHARE 16

/* of at most so many units, how many waste least of them? 0: none does so little as a run of its own */
static uint32_t fitting(const struct sh_class *k, uint32_t most)
{
	uint32_t best = 0, n = 1, units = (k->size + (uint32_t)SH_UNIT - 1) >> SH_UNIT_SHIFT;

	for (uint32_t u = 1; u <= most; u++)
		if (sh_span_holds(k, u) * units > n * u) {
			best = units = u;
			n = sh_span_holds(k, u);
		}
	return best;
}

/* a new span, as large as is fitting; least: as small as it can be. 0, WHOLE, or -errno */
static int new_span(const struct sh_heap *t, unsigned cls, bool least, struct sh_span **s)
{
	const struct sh_pages_hdr *pg = &sh_ctx.mem->h->pg;
	const struct sh_class *k = &sh_classes[cls];
	uint64_t used = R(pg->used), share = used < pg->max ? (pg->max - used) / SHARE : 0; /* a hint */
	uint32_t units = k->units;

	if (least || share < units)
		units = fitting(k, least || share == 0 ? 1 : (uint32_t)share);
	return units != 0 ? sh_span_new(t, cls, units, s) : WHOLE;
}

/* 0: look again, there may be a block now; WHOLE: there is none, take a run; or -errno */
static int more(struct sh_heap *t, unsigned cls)
{
	struct sh_span *s;
	int r;

	refresh(t);
	if (sh_circle_probe(t, &t->bin[cls]) || adopt(t, cls))
		return 0;
	sh_circle_sweep(t);
	sh_orphan_late();
	if (adopt(t, cls))
		return 0;
	r = new_span(t, cls, false, &s);
	if (r == -ENOMEM || r == -ENOBUFS) { /* what is held for nothing may do */
		sh_heap_reclaim();
		if (sh_circle_probe(t, &t->bin[cls]) || adopt(t, cls))
			return 0;
		r = new_span(t, cls, false, &s);
	}
	if (r == -ENOMEM || r == -ENOBUFS)
		r = new_span(t, cls, true, &s);
	if (r == 0) {
		refresh(t);
		r = sh_circle_add(t, &t->bin[cls], s) ? 0 : -ETIMEDOUT;
	}
	return r;
}

/* NULL: *err is -errno, or WHOLE */
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
		if (*err != 0)
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

		sh_store_rlx(sh_span_over_word(p), off);
		sh_store_rel(&tab[b.i], R(tab[b.i]) | SH_TAB_OVER); /* R:OVER */
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
		sh_heap_reclaim();
		*err = sh_pages_take(&ask, &unit);
	}
	SH_STEP("block_taken");
	return *err == 0 ? sh_unit_addr(unit) : NULL;
}

void *sh_heap_get(size_t size, size_t align, int *err)
{
	void *p = NULL;

	*err = WHOLE;
	if (align <= SH_BLOCK_ALIGN && size <= SH_SMALL_MAX)
		p = small(size, err);
	else if (align < SH_SMALL_MAX && size <= SH_SMALL_MAX && size + align - SH_BLOCK_ALIGN <= SH_SMALL_MAX)
		p = over_aligned(size, align, err);
	return p == NULL && *err == WHOLE ? large(size, align, false, err) : p;
}

void *sh_heap_get_zero(size_t size, size_t align, int *err)
{
	return large(size, align, true, err);
}

/* ---- back ---- */

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
		return sh_circle_put(t, &b) ? SH_BLOCK_OK : SH_BLOCK_FREE;
	return sh_span_free_remote(&b) ? SH_BLOCK_OK : SH_BLOCK_FREE;
}

/* ---- the end of a thread, and of the room ---- */

static void leave(struct sh_heap *t)
{
	bool all = true, in = true;

	for (unsigned c = 0; c < SH_CLASSES; c++)
		while (in && t->bin[c].cur != &sh_no_span) {
			struct sh_span *s;

			in = sh_circle_pop(t, &t->bin[c], &s);
			if (!in)
				break;
			SH_STEP("span_left");
			all = (s == NULL || sh_orphan_leave(s, t->owner)) && all;
		}
	if (in && sh_gate_drop(t->gate) &&
	    all) /* else the number's spans are not those of a thread that would get it */
		drop_number(t->owner);
}

/*
 * A destructor that runs after this one may allocate: then there is a new heap, and this is called again. Nothing of the room
 * is looked at outside the door, who I am included.
 */
static void thread_ends(void *arg)
{
	struct sh_heap *t = arg, **at;

	SH_STEP("span_ends");
	if (sh_door_in(&threads.door)) {
		SH_STEP("span_end_in");
		if (t->id == sh_self() && sh_ctx.mem != NULL)
			leave(t);
		SH_STEP("span_end_out");
		sh_door_out(&threads.door);
	}
	sh_my_heap = &no_heap;
	sh_lock(&threads.mtx);
	for (at = &threads.all; *at != t; at = &(*at)->next)
		;
	*at = t->next;
	sh_unlock(&threads.mtx);
	free(t);
	SH_STEP("span_ended");
}

/* another thread of the parent may have held it, or have been inside */
static void in_child(void)
{
	sh_store_rlx(&threads.mtx.v, 0); /* relaxed: one thread */
	sh_door_forked(&threads.door);
}

/* Ids start anew with every group, so it is not by them that a heap of an earlier one is known. */
int sh_heap_start(void)
{
	int r = 0;

	sh_lock(&threads.mtx);
	memset(threads.taken, 0, sizeof(threads.taken));
	for (struct sh_heap *t = threads.all; t != NULL; t = t->next)
		t->id = UINT64_MAX;
	sh_unlock(&threads.mtx);
	if (!threads.forks_watched)
		r = pthread_atfork(NULL, NULL, in_child);
	threads.forks_watched = r == 0;
	if (r != 0 || threads.key_made)
		return -r;
	r = pthread_key_create(&threads.key, thread_ends);
	threads.key_made = r == 0;
	return -r;
}

void sh_heap_open(void)
{
	sh_door_open(&threads.door);
}

void sh_heap_shut(void)
{
	SH_STEP("span_shutting");
	if (sh_self() == 0) /* a child that was not made by fork() itself */
		in_child();
	sh_door_shut(&threads.door);
}

/* spans that threads still have, or had when they ended and found the door shut */
void sh_heap_stop(void)
{
	if (why_not() == 0)
		(void)sh_orphan_reap(sh_self());
	SH_STEP("span_stopped");
}
