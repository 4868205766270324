/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * move.c - pointers into rings and out of them when more than the ring changes: tags of objects, a cache of a pool
 *
 * All of it happens inside a side of the ring (rte_ring_move.h), whatever the ring's mode: one thread at a time, under a word
 * that names its process. What else changes is settled by one question, has the tail been stored?, which whoever takes the
 * side from a dead one can still answer, for nobody has been inside since:
 *
 *   tags     move = position and n is stored before the first tag. Tail still at that position: what was to go in is in its
 *            slots and is put in now (the tags of it may be written already); what was to come out is in, and has the tag
 *            of what is in
 *   intents  of caches whose owner is dead (pool.h), about this ring. Position still that one: it has not happened, the intent goes. All
 *            others have happened, and len is what they say
 *
 * A stack is a ring of which only the producers' side is used: tail is how many are on it, head counts pushes and pops; both
 * are stored at once. Of move the top bit of n says: a pop.
 */
#include <string.h>

#include <rte_errno.h>

#include "base/export.h"
#include "base/fault.h"
#include "mem/mem.h"
#include "obj/pool.h"
#include "proc/proc.h"

#define POP (1u << 31)
#define MOST_PARTS UINT16_MAX /* a packet has no more; what was overwritten does not lead in a circle for ever */

/*
 * It is one of a pool, as far as can be seen. Of a ring that is tracked by --track-pools nobody has said that it holds objects:
 * what lies before it must also say its address, as only the header of an object does.
 */
static bool is_object(const struct rte_ring *r, void *obj)
{
	const struct rte_mempool_objhdr *hdr;

	if (obj == NULL || !sh_mem_contains((uint64_t)(uintptr_t)obj))
		return false;
	hdr = rte_mempool_get_header(obj);
	if (!sh_mem_contains((uint64_t)(uintptr_t)hdr))
		return false;
	if (r->tracked == SH_TRACK_GUESS && (((uintptr_t)obj & 7) != 0 || hdr->iova != (rte_iova_t)(uintptr_t)obj))
		return false;
	return sh_mem_contains((uint64_t)(uintptr_t)hdr->mp) && ((uintptr_t)hdr->mp & (RTE_CACHE_LINE_SIZE - 1)) == 0;
}

/* the object has a tag: it is one of a pool that tracks */
static bool has_tag(const struct rte_ring *r, void *obj)
{
	return r->tracked == SH_TRACK_POOL || (is_object(r, obj) && sh_pool_tracks(rte_mempool_get_header(obj)->mp));
}

/* what goes with it: the segments of a packet. Those of one that nobody has do not change */
static void *next_of(const struct rte_ring *r, void *obj)
{
	const struct rte_mempool_objhdr *hdr;
	const struct sh_pool_ways *w;

	if (r->tracked == SH_TRACK_POOL || !is_object(r, obj))
		return NULL;
	hdr = rte_mempool_get_header(obj);
	w = sh_pool_ways(hdr->mp);
	return w != NULL ? w->next(obj) : NULL;
}

static void tag(const struct rte_ring *r, void *const *objs, unsigned n, uint64_t who)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned more = MOST_PARTS;

		for (void *o = objs[i]; o != NULL && more > 0; o = next_of(r, o), more--)
			if (has_tag(r, o))
				sh_store_rlx(SH_TAG(o),
					     who); /* relaxed: the tail's store or the proof of death follow */
	}
}

static uint64_t tag_inside(const struct rte_ring *r)
{
	return r->tracked == SH_TRACK_POOL ? SH_TAG_POOL : SH_TAG_RING;
}

/* in a dead one's place, who may have had objects in memory that was its alone */
static void tag_slots(struct rte_ring *r, uint32_t pos, uint32_t n, uint64_t who)
{
	for (uint32_t i = 0; i < n; i++) {
		void *const *slot = (void *const *)(void *)__rte_ring_slot(r, (pos + i) & r->mask, sizeof(void *));

		if (sh_mem_contains((uint64_t)(uintptr_t)*slot))
			tag(r, slot, 1, who);
	}
}

static void note(struct rte_ring *r, struct __rte_ring_side *s, uint32_t pos, uint32_t n)
{
	/* release: what is in the slots first. Its reader has the proof of my death */
	if (r->tracked != 0)
		sh_store_rel(SH_A64(&s->move), (uint64_t)pos << 32 | n);
}

static void store_stack(struct rte_ring *r, uint32_t count, uint32_t seq)
{
	union {
		uint32_t half[2];
		uint64_t both;
	} w = {{seq, count}}; /* head, tail */

	sh_store_rel(SH_A64(&r->prod.head),
		     w.both); /* release: the slots first; read inside the side, or after the proof of death */
}

/* the tail and what is counted with it, and the side is free */
static void publish_stack(struct rte_ring *r, uint32_t count, uint32_t seq, int by)
{
	SH_STEP("move_stack");
	store_stack(r, count, seq);
	SH_STEP("move_stack_published");
	__rte_ring_leave(&r->prod_side, RTE_RING_SYNC_MT, by);
}
_Static_assert(offsetof(struct rte_ring_headtail, tail) == 4, "stored as one");

struct inside {
	int by;
	uint32_t pos;
};

/* how many of n may move from in->pos on, inside this side; 0: none, and not inside */
static unsigned go_in(struct rte_ring *r, unsigned side, unsigned n, enum rte_ring_queue_behavior how, unsigned *left,
		      struct inside *in)
{
	struct __rte_ring_side *s = sh_side(r, side);
	const struct rte_ring_headtail *own = side == 0 ? &r->prod : &r->cons, *other = side == 0 ? &r->cons : &r->prod;

	in->by = __rte_ring_enter(r, s);
	if (in->by == 0) {
		if (left != NULL)
			*left = 0;
		return 0;
	}
	in->pos = own->tail;
	n = __rte_ring_grant(s, in->pos, other, side == 0 ? r->capacity : 0, n, how, in->by == __RTE_RING_BY_BIAS,
			     left);
	if (n == 0)
		__rte_ring_leave(s, RTE_RING_SYNC_MT, in->by);
	return n;
}

unsigned sh_move_in(struct rte_ring *r, void *const *objs, unsigned n, enum rte_ring_queue_behavior how, unsigned *left,
		    struct sh_pool_cache *c, uint32_t len)
{
	struct inside in;

	n = go_in(r, 0, n, how, left, &in);
	if (n == 0)
		return 0;
	SH_STEP("move_in_entered");
	__rte_ring_put(r, in.pos, objs, sizeof(void *), n, n);
	if (c != NULL)
		sh_store_rel(&c->intent, sh_intent_word(r, SH_INTENT_FLUSH, len, in.pos));
	SH_STEP("move_in_slots");
	if (r->tracked != 0) {
		note(r, &r->prod_side, in.pos, n);
		SH_STEP("move_in_noted");
		tag(r, objs, n, tag_inside(r));
	}
	SH_STEP("move_in_ready");
	__rte_ring_publish(r, &r->prod_side, &r->prod, in.pos + n, RTE_RING_SYNC_MT, in.by, 0);
	SH_STEP("move_in_done");
	return n;
}

unsigned sh_move_out(struct rte_ring *r, void **objs, unsigned n, enum rte_ring_queue_behavior how, unsigned *left,
		     struct sh_pool_cache *c, uint32_t len)
{
	struct inside in;

	n = go_in(r, 1, n, how, left, &in);
	if (n == 0)
		return 0;
	SH_STEP("move_out_entered");
	__rte_ring_get(r, in.pos, objs, sizeof(void *), n, n);
	if (c != NULL)
		sh_store_rel(&c->intent, sh_intent_word(r, SH_INTENT_FILL, len, in.pos));
	SH_STEP("move_out_copied");
	if (r->tracked != 0) {
		note(r, &r->cons_side, in.pos, n);
		SH_STEP("move_out_noted");
		tag(r, objs, n, sh_self());
	}
	SH_STEP("move_out_ready");
	__rte_ring_publish(r, &r->cons_side, &r->cons, in.pos + n, RTE_RING_SYNC_MT, in.by, 1);
	SH_STEP("move_out_done");
	return n;
}

unsigned sh_push(struct rte_ring *r, void *const *objs, unsigned n, struct sh_pool_cache *c, uint32_t len)
{
	struct __rte_ring_side *s = &r->prod_side;
	uint32_t count, seq;
	int by;

	by = __rte_ring_enter(r, s);
	if (by == 0)
		return 0;
	count = r->prod.tail;
	seq = r->prod.head;
	if (n > r->capacity - count) {
		__rte_ring_leave(s, RTE_RING_SYNC_MT, by);
		return 0;
	}
	__rte_ring_put(r, count, objs, sizeof(void *), n, n);
	if (c != NULL)
		sh_store_rel(&c->intent, sh_intent_word(r, SH_INTENT_FLUSH, len, seq));
	SH_STEP("push_slots");
	if (r->tracked != 0) {
		note(r, s, seq, n);
		SH_STEP("push_noted");
		tag(r, objs, n, tag_inside(r));
	}
	publish_stack(r, count + n, seq + 1, by);
	return n;
}

/* what was put last comes first. A stack does not go round: all of it lies below count */
static void top_of(struct rte_ring *r, uint32_t count, void **objs, unsigned n)
{
	const char *top = __rte_ring_slot(r, count, sizeof(void *));
	__rte_ring_two a, b;
	unsigned i;

	for (i = 0; i + 4 <= n; i += 4) {
		top -= 4 * sizeof(void *);
		memcpy(&b, top, sizeof(b));
		memcpy(&a, top + sizeof(b), sizeof(a));
		a = (__rte_ring_two){a[1], a[0]};
		b = (__rte_ring_two){b[1], b[0]};
		memcpy(&objs[i], &a, sizeof(a));
		memcpy(&objs[i + 2], &b, sizeof(b));
	}
	for (; i < n; i++) {
		top -= sizeof(void *);
		memcpy(&objs[i], top, sizeof(objs[i]));
	}
}

unsigned sh_pop(struct rte_ring *r, void **objs, unsigned n, struct sh_pool_cache *c, uint32_t len)
{
	struct __rte_ring_side *s = &r->prod_side;
	uint32_t count, seq;
	int by;

	by = __rte_ring_enter(r, s);
	if (by == 0)
		return 0;
	count = r->prod.tail;
	seq = r->prod.head;
	if (n > count) {
		__rte_ring_leave(s, RTE_RING_SYNC_MT, by);
		return 0;
	}
	top_of(r, count, objs, n);
	if (c != NULL)
		sh_store_rel(&c->intent, sh_intent_word(r, SH_INTENT_FILL, len, seq));
	SH_STEP("pop_copied");
	if (r->tracked != 0) {
		note(r, s, seq, n | POP);
		SH_STEP("pop_noted");
		tag(r, objs, n, sh_self());
	}
	publish_stack(r, count - n, seq + 1, by);
	return n;
}

/* ---- after a death ---- */

struct undo {
	enum sh_intent kind; /* NONE: both, of a stack */
	bool detour;
	uint32_t pos;
};

static void drop_intent(struct rte_mempool *mp, struct sh_pool_cache *c, void *arg)
{
	const struct undo *u = arg;
	uint64_t w = sh_load_acq(&c->intent), who = sh_load_acq(&c->owner);

	(void)mp;
	if (w == 0 || sh_intent_detour(w) != u->detour || sh_intent_pos(w) != u->pos ||
	    (u->kind != SH_INTENT_NONE && sh_intent_kind(w) != u->kind))
		return;
	/* what a living one says has happened: it was inside before me, and has left */
	if (!sh_ring_gone(who))
		return;
	(void)sh_cas(&c->intent, &w, 0);
}

static void mend_stack(struct rte_ring *r, uint32_t n)
{
	uint32_t count = r->prod.tail, seq = r->prod.head;

	if ((n & POP) != 0) {
		tag_slots(r, count - (n & ~POP), n & ~POP, tag_inside(r));
		return;
	}
	tag_slots(r, count, n, tag_inside(r));
	store_stack(r, count + n, seq + 1);
}

void sh_move_mend(struct rte_ring *r, unsigned side)
{
	struct rte_ring_headtail *own = side == 0 ? &r->prod : &r->cons;
	bool stack = sh_pool_is_stack(r);
	uint32_t at = stack ? own->head : own->tail;
	uint64_t move = sh_load_acq(SH_A64(&sh_side(r, side)->move));
	uint32_t n = (uint32_t)move;
	struct undo u = {stack	     ? SH_INTENT_NONE
			 : side == 0 ? SH_INTENT_FLUSH
				     : SH_INTENT_FILL,
			 r->detour == SH_IS_DETOUR, at};

	(void)sh_load_acq(SH_A32(&r->prod.tail)); /* A:RINGPUB the dead one may have seen slots that I have not */
	if (r->tracked != 0 && n != 0 && (uint32_t)(move >> 32) == at) {
		if (stack)
			mend_stack(r, n);
		else
			tag_slots(r, at, n, tag_inside(r));
		SH_STEP("move_mend_tagged");
		if (!stack && side == 0)
			sh_store_rel(SH_A32(&own->tail), at + n); /* R:RINGPUB */
	}
	if (r->pool != 0)
		sh_pool_each_cache((struct rte_mempool *)(uintptr_t)r->pool, drop_intent, &u);
	SH_STEP("move_mended");
}

/* ---- rings of the program's ---- */

SH_EXPORT unsigned int __rte_ring_in_tracked(struct rte_ring *r, void *const *objs, unsigned int n,
					     enum rte_ring_queue_behavior how, unsigned int *left)
{
	return sh_move_in(r, objs, n, how, left, NULL, 0);
}

SH_EXPORT unsigned int __rte_ring_out_tracked(struct rte_ring *r, void **objs, unsigned int n,
					      enum rte_ring_queue_behavior how, unsigned int *left)
{
	return sh_move_out(r, objs, n, how, left, NULL, 0);
}

static uint64_t own(void *obj)
{
	uint64_t me = sh_self(), was;

	if (me == 0 || !sh_pool_tracks(rte_mempool_from_obj(obj)))
		return 0;
	was = sh_load_acq(SH_TAG(obj));
	do {
		/* back in the pool: it was given back there, or taken from the dead */
		if (was == SH_TAG_POOL)
			return UINT64_MAX;
	} while (!sh_cas(SH_TAG(obj), &was, me));
	return was == SH_TAG_RING ? 0 : was;
}

SH_EXPORT uint64_t shoal_own(void *obj)
{
	const struct sh_pool_ways *w = sh_self() != 0 ? sh_pool_ways(rte_mempool_from_obj(obj)) : NULL;
	uint64_t was = own(obj);
	unsigned more = MOST_PARTS;

	if (was == UINT64_MAX || w == NULL)
		return was;
	for (obj = w->next(obj); obj != NULL && more > 0; obj = w->next(obj), more--)
		(void)own(obj);
	return was;
}

SH_EXPORT uint64_t shoal_owner(const void *obj)
{
	const struct rte_mempool_objhdr *hdr = (const struct rte_mempool_objhdr *)obj - 1;
	uint64_t who = sh_pool_tracks(hdr->mp) ? sh_load_acq(SH_A64(&hdr->__owner)) : 0;

	return who == SH_TAG_RING ? 0 : who;
}
