/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * heap.h - small blocks: spans, the thread that owns each, and the way in and out of one
 *
 * A span is a run of units with blocks of one class (class.h). Its owner is a thread of a member; the owner alone takes
 * blocks from it and puts them back, with plain stores and no lock. Anybody else who frees one of its blocks sets the
 * block's bit, one atomic instruction, and the owner collects it later. A span whose thread has ended or died is an orphan:
 * owner 0, in the list of its class in the header, until a thread adopts it or the last block is freed.
 *
 * What is so at every moment, also when the owner dies (README.md: small blocks, step by step):
 *   - block i is free exactly when i >= fresh, or tab[i] has not SH_TAB_ALLOC, or its bit is set. head and used only repeat
 *     that for the owner; who adopts the span works them out anew
 *   - a run of kind SPAN has own[] as it must be from the moment it is seen; before fresh is more than 0 its bits are 0
 *   - owner, and link of an orphan, change under H and through the journal
 *   - used is raised before anything of a take and lowered after everything of a free: who finds as many entries with
 *     SH_TAB_ALLOC as used says, and the bit of each set, has found a span that its owner is not at (take.c)
 *
 * A word whose halves have names is written whole under H, and its halves by the owner.
 *
 * Process-private: struct sh_heap, one for each thread. It holds nothing that cannot be found again in the descriptors.
 */
#ifndef SH_MEM_HEAP_H
#define SH_MEM_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/atom.h"
#include "base/fault.h"
#include "mem/class.h"
#include "mem/page.h"
#include "mem/priv.h"

typedef _Atomic uint32_t sh_w32;
typedef _Atomic uint16_t sh_w16;

/*
 * The descriptor of a span's first unit: struct sh_desc as this kind has it.
 *
 *   field        written by                          read by
 *   use          run.c                               all
 *   link         orphan: under H, journalled: the    under H
 *                list's previous << 32 | next,
 *                each a unit + 1, 0: none
 *   owner        under H, journalled; a take         all: R:SPANOWN in sh_set() <-> A:SPANOWN. Who frees looks at it again
 *                                                    after its bit is set
 *   back, cls    with the run; of inner units back   all, of a block that they have: relaxed
 *                alone, before the first block goes
 *                out: units to the first
 *   place        the owner, at its gate; who takes   the same: gate << 3 | enum sh_place. 0: in no circle, or of a thread
 *                it, at that gate, under H,          without a gate. R:GATE
 *                journalled
 *   head         the owner: first of the free list.  the owner
 *                Who takes cuts the list off: NONE
 *   fresh        the owner: blocks from here on were the owner; under H of an orphan
 *                never given out
 *   used         the owner: blocks that are out, or  the owner; who takes: R:SPANUSED <-> A:SPANUSED
 *                whose bit it has not seen
 *   next, prev   the owner: its spans of the class   the same
 *                are a circle of units. At its gate,
 *                as place
 *   seen         under H: used + 1 when decay found  under H
 *                it wholly free, 0: it did not
 *   live         orphan: blocks that are out, or     who frees, under H when it is 0. Nobody else uses this word of a
 *                fewer. Under H; who frees one       descriptor: whoever is late may count it down, whatever the run is by then
 *                counts it down
 */
struct sh_span {
	sh_w64 use;
	sh_w64 link;
	sh_w64 owner; /* thread << 48 | member id; thread 0: whoever that is gives it back right now; 0: orphan */
	sh_w32 back;
	sh_w16 cls, place;
	sh_w32 head, used; /* one word: take.c looks at both at once */
	sh_w32 fresh, pad;
	sh_w32 next, prev;
	sh_w32 seen;
	_Atomic int32_t live; /* upper half of own[4]: small zones keep a class in the lower one */
} __attribute__((may_alias));
_Static_assert(sizeof(struct sh_span) == sizeof(struct sh_desc), "a descriptor");
_Static_assert(offsetof(struct sh_span, back) == offsetof(struct sh_desc, own), "what is the kind's own");
_Static_assert(offsetof(struct sh_span, head) == offsetof(struct sh_desc, own[1]), "head | used << 32");
_Static_assert(offsetof(struct sh_span, next) == offsetof(struct sh_desc, own[3]), "next | prev << 32");

/* where a span of a thread's is. See README.md: taken from who does not come by */
enum sh_place {
	SH_PL_OUT = 0, /* in nobody's circle: on its way in or out */
	SH_PL_IN,      /* in its owner's circle */
	SH_PL_CUR,     /* blocks come from here */
	SH_PL_CLOSED,  /* the same, but somebody cut its list off: to be worked out anew */
	SH_PL_HUSK     /* only its first unit is left, with a table that says that nothing is out: to be given back */
};
#define sh_place_of(w) ((enum sh_place)((w)&7))
#define sh_place_gate(w) ((unsigned)(w) >> 3)

#define SH_TAB_ALLOC 0x80000000u
#define SH_TAB_OVER 0x40000000u	   /* the pointer that went out lies inside the block: sh_span_over() says where */
#define SH_TAB_SENT 0x20000000u	   /* it is a piece on its way through the channel (piece.c): nobody's to free */
#define SH_TAB_LOW 0x1fffffffu	   /* ALLOC: generation of the member that took it, else the next free one */
#define SH_NONE SH_TAB_LOW	   /* end of a free list */
#define SH_OWNER_SENT (1ull << 63) /* the same of a large block, in its descriptor's owner */

struct sh_bin {
	struct sh_span *cur; /* blocks come from here; sh_no_span: the thread has none of this class */
	sh_w32 *tab;	     /* of cur, as the next five */
	_Atomic uint64_t *bits;
	unsigned char *blocks;
	uint32_t size, recip;
	uint32_t bytes; /* of all blocks */
	uint32_t kept;	/* unit + 1 of a span that was empty when it was last looked at, 0: none */
	uint32_t swept; /* unit + 1 of the span that a sweep looks at next, 0: the one behind cur */
} __attribute__((aligned(SH_LINE)));

struct sh_heap {
	sh_id_t id;	      /* whose; not sh_self() in a forked child, after a cleanup, after a new start */
	uint64_t owner;	      /* what this thread writes into spans */
	uint32_t tag;	      /* ALLOC | generation */
	uint32_t turn;	      /* class to sweep next */
	struct sh_bin *last;  /* where the last block came from */
	struct sh_gate *gate; /* mine; NULL: there was none left, and nobody takes spans from me */
	struct {
		unsigned char *heap;
		uint64_t seen; /* bytes known to exist */
		struct sh_span *desc;
	} w[SH_WINDOWS];
	struct sh_bin bin[SH_CLASSES];
	struct sh_heap *next; /* all of this process: heap.c */
};

/* initial-exec: one load from the thread pointer. It is 8 bytes, so that a dlopen() finds room for them. */
extern __thread struct sh_heap *sh_my_heap __attribute__((tls_model("initial-exec")));
/* no block free, none fresh; its "used" is any number */
extern struct sh_span sh_no_span;

#define sh_likely(x) __builtin_expect(!!(x), 1)
#define sh_unlikely(x) __builtin_expect(!!(x), 0)

/* ---- the hot path ---- */

/* 1 .. SH_SMALL_MAX bytes; NULL: take the other way, sh_heap_get() */
static inline void *sh_heap_pop(size_t size)
{
	struct sh_heap *t = sh_my_heap;
	struct sh_bin *b = &t->bin[sh_class_of(size)];
	struct sh_span *s;
	uint32_t used, i;

	if (sh_unlikely(t->id != sh_self()))
		return NULL;
	s = b->cur;
	used = sh_load_rlx(&s->used); /* relaxed, all: the owner's own */
	sh_store_rlx(&s->used, used + 1);
	sh_signal_fence(); /* the other half of this fence: sh_barrier_all() in take.c */
	i = sh_load_rlx(&s->head);
	if (sh_unlikely(i == SH_NONE)) {
		sh_store_rlx(&s->used, used);
		return NULL;
	}
	SH_STEP("span_counted");
	sh_store_rel(&s->head, sh_load_rlx(&b->tab[i])); /* not before used */
	SH_STEP("span_popped");
	sh_store_rel(&b->tab[i], t->tag); /* not before head: who dies here leaves a free block */
	SH_STEP("span_marked");
	t->last = b;
	return b->blocks + (size_t)i * b->size;
}

static inline _Atomic uint64_t *sh_span_bits(unsigned char *start)
{
	return (_Atomic uint64_t *)(void *)start;
}
static inline sh_w32 *sh_span_tab(const struct sh_class *k, unsigned char *start)
{
	return (sh_w32 *)(void *)(start + k->tab);
}

/* block i of a span of mine is out, and nobody has freed it: it is the head of the list now */
static inline bool sh_span_push(struct sh_span *s, sh_w32 *tab, _Atomic uint64_t *bits, uint32_t i)
{
	/* relaxed, all: the owner's own; of a bit that another sets right now: it frees what I free, and I collect it later */
	if (sh_unlikely((sh_load_rlx(&tab[i]) & (SH_TAB_ALLOC | SH_TAB_OVER | SH_TAB_SENT)) != SH_TAB_ALLOC ||
			(sh_load_rlx(&bits[i / 64]) >> (i % 64) & 1) != 0))
		return false;
	sh_store_rlx(&tab[i], sh_load_rlx(&s->head));
	SH_STEP("span_unmarked");
	sh_store_rel(&s->head, i); /* not before tab */
	SH_STEP("span_pushed");
	sh_store_rel(&s->used, sh_load_rlx(&s->used) - 1); /* R:SPANUSED */
	return true;
}

/* any span of mine, by its descriptor. true: p was a block of it, and is free. false: take the other way, sh_heap_put() */
static inline bool sh_heap_push_any(struct sh_heap *t, void *p)
{
	uint64_t off = (uint64_t)((unsigned char *)p - t->w[0].heap), at;
	const struct sh_class *k;
	uint32_t u, back, i;
	unsigned char *start;
	struct sh_span *s;
	unsigned w = 0;

	if (sh_unlikely(off >= t->w[0].seen)) {
		w = 1;
		off = (uint64_t)((unsigned char *)p - t->w[1].heap);
		if (off >= t->w[1].seen)
			return false;
	}
	u = (uint32_t)(off >> SH_UNIT_SHIFT);
	back = sh_load_rlx(&t->w[w].desc[u].back); /* relaxed, all: of a block that I have, else they decide nothing */
	if (sh_unlikely(back >= SH_SPAN_UNITS_MAX || back > u))
		return false;
	s = &t->w[w].desc[u - back];
	if (sh_unlikely(sh_load_rlx(&s->owner) != t->owner || sh_use_kind(sh_load_rlx(&s->use)) != SH_PG_SPAN))
		return false;
	k = &sh_classes[sh_load_rlx(&s->cls) % SH_CLASSES];
	start = t->w[w].heap + ((size_t)(u - back) << SH_UNIT_SHIFT);
	at = (uint64_t)((unsigned char *)p - start) - k->front; /* a pointer into the front: huge, as i * size is not */
	i = sh_class_index(k->recip, at);
	if (sh_unlikely(i >= k->n || (uint64_t)i * k->size != at))
		return false;
	if (sh_unlikely(sh_load_rlx(&s->head) == SH_NONE || sh_load_rlx(&s->used) == 1) &&
	    s != t->bin[k - sh_classes].cur)
		return false;
	return sh_span_push(s, sh_span_tab(k, start), sh_span_bits(start), i);
}

/* Is it where the last block came from? No descriptor is looked at then, and nothing waits for one. */
static inline bool sh_heap_is_last(const struct sh_heap *t, const void *p)
{
	return sh_likely((uint64_t)((const unsigned char *)p - t->last->blocks) < t->last->bytes);
}

/* as sh_heap_push_any(), of that span */
static inline bool sh_heap_push_last(const struct sh_heap *t, void *p)
{
	const struct sh_bin *b = t->last;
	uint64_t at = (uint64_t)((unsigned char *)p - b->blocks);
	uint32_t i = sh_class_index(b->recip, at);

	if (sh_unlikely((uint64_t)i * b->size != at))
		return false;
	return sh_span_push(b->cur, b->tab, b->bits, i);
}

/* ---- heap.c ---- */

/*
 * The room starts and stops; in a forked child stop touches nothing shared. From open to shut threads that end see to their
 * spans themselves; when shut has returned none of them does, and what they have is stop's
 */
int sh_heap_start(void);
void sh_heap_open(void);
void sh_heap_shut(void);
void sh_heap_stop(void);
/* as sh_heap_get(), of more than SH_SMALL_MAX bytes, all 0: what comes from the machine is so already */
void *sh_heap_get_zero(size_t size, size_t align, int *err);
/* size at least 1, align a power of two. NULL: *err is -ENOMEM, -ENOBUFS, -EFBIG, -EPERM, -ENODEV, -EDEADLK */
void *sh_heap_get(size_t size, size_t align, int *err);

/* what is at an address */
struct sh_block {
	struct sh_span *s; /* of the run's first unit; large: use and owner alone mean something */
	uint32_t unit;	   /* the run's first */
	uint32_t i;	   /* block of a span */
	bool large;
	unsigned char *start; /* of the run */
	size_t usable;	      /* bytes from the address on */
};
enum sh_what {
	SH_BLOCK_OK = 0,
	SH_BLOCK_FOREIGN, /* no address of the group's heap */
	SH_BLOCK_FREE,	  /* was freed already, or never given out */
	SH_BLOCK_INSIDE,  /* in a block, not where it starts */
	SH_BLOCK_ZONE,	  /* of a memzone, or no block starts there */
	SH_BLOCK_SENT,	  /* a block that is on its way through the channel; struct sh_block is filled in */
};
/* 0, or why it was refused: nothing has changed then. *err is -EPERM, -ENODEV ... when that is the reason */
enum sh_what sh_heap_put(void *p, int *err);
/* by anybody, without a lock: what it says holds as long as the caller has the block */
enum sh_what sh_block_at(const void *p, struct sh_block *b);
/* give back the spans of this thread that are empty */
void sh_heap_trim(void);

/* ---- span.c: one span, by its owner ---- */

struct sh_span *sh_span_of(uint32_t unit);
uint32_t sh_span_unit(const struct sh_span *s);
unsigned char *sh_span_start(const struct sh_span *s);
static inline const struct sh_class *sh_span_class(const struct sh_span *s)
{
	return &sh_classes[sh_load_rlx(&s->cls) % SH_CLASSES]; /* relaxed: constant as long as the run is a span */
}
/* blocks that so many units hold, and how many this span has */
uint32_t sh_span_holds(const struct sh_class *k, uint32_t units);
uint32_t sh_span_n(const struct sh_span *s);
/* a new one of this class, of at most as many units as a whole one has: 0, or as sh_pages_take() */
int sh_span_new(const struct sh_heap *t, unsigned cls, uint32_t units, struct sh_span **ret);
/* take in what others have freed */
void sh_span_collect(struct sh_span *s);
/* is there a block to take? Collects, and makes a stretch of fresh blocks a list. */
bool sh_span_ready(struct sh_span *s);
/* after adoption: everything that only repeats the table */
void sh_span_rebuild(struct sh_span *s);
/* blocks that are out. By the owner, or under H of an orphan; others may be freeing */
uint32_t sh_span_live(const struct sh_span *s);
/*
 * Where in block i lies the pointer that went out? Mostly 0; else, SH_TAB_OVER, the block's first word says so, which is not
 * the program's. The block's size: a program has written in front of its pointer, and no address is the right one.
 */
uint32_t sh_span_over(const struct sh_span *s, uint32_t i);
static inline sh_w64 *sh_span_over_word(unsigned char *block)
{
	return (sh_w64 *)(void *)block;
}
/* is block i out? */
bool sh_span_out(const struct sh_span *s, uint32_t i);
/* Somebody else's block: false: it was freed already */
bool sh_span_free_remote(const struct sh_block *b);

/*
 * ---- circle.c: the spans that this thread has of a class; by that thread, outside its gate. When who takes from me is
 * stopped (gate.c) nothing changes there, and there is nothing to be had ----
 */

/* is there a block to take? cur has it then */
bool sh_circle_probe(struct sh_heap *t, struct sh_bin *b);
/* a new one, which cur becomes: the same */
bool sh_circle_add(struct sh_heap *t, struct sh_bin *b, struct sh_span *s);
/* a block of one of mine, which is out, is free: not the usual way. false: it was freed already */
bool sh_circle_put(struct sh_heap *t, const struct sh_block *b);
/* give back what is empty: of some classes one each, in turn; of all that there are */
void sh_circle_sweep(struct sh_heap *t);
void sh_circle_trim(struct sh_heap *t);
/*
 * The next one leaves it, and is mine still; NULL: there was nothing but a husk, which is given back. false: my gate is shut, for
 * who takes from me is stopped
 */
bool sh_circle_pop(struct sh_heap *t, struct sh_bin *b, struct sh_span **ret);

/* ---- gate.c: what the owner does to the circle of its spans, and who takes from it, one at a time ---- */

/* a gate for this thread, which owner names; NULL: none is left */
struct sh_gate *sh_gate_new(uint64_t owner);
/* false: as sh_gate_enter(), and it stays mine */
bool sh_gate_drop(struct sh_gate *g);
unsigned sh_gate_number(const struct sh_gate *g);
/*
 * The owner: goes in, out. Nothing that waits happens inside. Whoever is inside besides has H. false: that one is stopped,
 * and I am not inside.
 */
bool sh_gate_enter(struct sh_gate *g);
void sh_gate_leave(struct sh_gate *g);
/* Under H: into the gate of the owner of s; NULL: it has none, or is inside itself (*busy) */
struct sh_gate *sh_gate_of(struct sh_mem *m, const struct sh_span *s, bool *busy);

/* ---- take.c: no lock held by the caller ---- */

/* Spans that others own and that are wholly free become free pages. How many units; *busy: some could not be looked at */
uint32_t sh_idle_take(bool *busy);
/* All that this thread, idle ones, or the dead hold for nothing is given back: what is tried before there is no memory */
void sh_heap_reclaim(void);
/* The same by decay: those that were wholly free at the last look as well. When to look next: ms from now, 0: not again */
uint64_t sh_idle_decay(uint64_t keep_ms);
/* between slices of a walk, when somebody wants H */
void sh_breathe(void);

/* ---- adopt.c: spans without a thread. Under H unless said otherwise ---- */

/* mine, from now on nobody's; *empty: no block of it is out, and it is to be given back after H: it is mine as "to give" */
void sh_orphan_add(struct sh_mem *m, struct sh_span *s, bool *empty);
/*
 * no lock: the same, by owner, of a span in no list of its; an empty one is given back. false: it is still mine, or is not mine
 * any more, which no way leads to: then it is left alone
 */
bool sh_orphan_leave(struct sh_span *s, uint64_t owner);
/* the same without H, for one that is in no circle: whoever mends does it */
void sh_orphan_forsake(struct sh_span *s);
/* What is SH_NOBODY's is free, or an orphan: 0, or as sh_mem_lock() */
int sh_orphan_nobody(struct sh_mem *m);
/* no lock: an orphan has lost a block: if that was the last one, give it back */
void sh_orphan_check(uint32_t unit);
/* no lock: one of this class, for the thread that owns t: NULL: none. To be rebuilt. */
struct sh_span *sh_orphan_adopt(const struct sh_heap *t, unsigned cls);
/* no lock: the spans of this member (0: of all that are dead or have left) become orphans. How many. */
uint32_t sh_orphan_reap(sh_id_t dead);
/* No lock: it died or left; only the first who hears of it walks. Does not wait for the lock: it is the watcher who hears */
void sh_orphan_event(sh_id_t id);
/* no lock: the same for those that were told of while another had the lock */
void sh_orphan_late(void);

/* ---- piece.c: a block on its way through the channel, by its tag; b is what sh_block_at() filled in ---- */

bool sh_block_sent(const struct sh_block *b);
/* as struct sh_piece_ops' pass, and hold */
bool sh_block_pass(const struct sh_block *b, sh_id_t from, sh_id_t to);
void sh_block_hold(const struct sh_block *b, sh_id_t who);

/* ---- owned.c ---- */

struct rte_malloc_socket_stats;
/* 0, or as sh_mem_lock() */
int sh_heap_stats(struct rte_malloc_socket_stats *st);
void sh_heap_dump(FILE *f);
/* under H: spans and the lists of orphans are as they should be; else why */
bool sh_span_audit(struct sh_mem *m, char *why, size_t cap);

/* ---- walk.c ---- */

/* every run of the windows, in order; false ends it. Under H. false: a run has no length, *at says where */
typedef bool sh_run_fn(struct sh_mem *m, uint32_t unit, uint64_t use, void *arg);
bool sh_runs(struct sh_mem *m, sh_run_fn *fn, void *arg, uint32_t *at);
/* the same from a run's first unit on */
bool sh_runs_from(struct sh_mem *m, uint32_t from, sh_run_fn *fn, void *arg, uint32_t *at);
/* No lock: some of them, from where the last slice ended. What fn returns is the work it had, 0: it wants that run again. */
struct sh_walk {
	uint32_t last, done; /* 0 at the beginning */
};
typedef int sh_slice_fn(struct sh_mem *m, uint32_t unit, uint64_t use, void *arg);
/* 1: there are more; 0: that was the end; or as sh_mem_lock() */
int sh_walk_slice(struct sh_walk *w, sh_slice_fn *fn, void *arg);

#endif
