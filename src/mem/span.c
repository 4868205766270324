/* SPDX-License-Identifier: BSD-3-Clause */
/* span.c - one span: made, filled up, worked out anew, and freed into by others. See heap.h for who may write what. */
#include <errno.h>

#include "mem/heap.h"

#define FRESH_BATCH 32	       /* blocks that become a free list at a time */
#define R(w) sh_load_rlx(&(w)) /* relaxed: the owner's own, or said otherwise */

struct sh_span *sh_span_of(uint32_t unit)
{
	return (struct sh_span *)(void *)sh_desc(unit);
}

uint32_t sh_span_unit(const struct sh_span *s)
{
	const struct sh_mem *m = sh_ctx.mem;
	const struct sh_desc *d = (const struct sh_desc *)(const void *)s;

	for (unsigned w = 0; w < SH_WINDOWS; w++)
		if (m->w[w].desc != NULL && d >= m->w[w].desc && d < m->w[w].desc + (m->w[w].bytes >> SH_UNIT_SHIFT))
			return (uint32_t)(w << SH_UNIT_W_SHIFT) + (uint32_t)(d - m->w[w].desc);
	return SH_UNIT_NONE;
}

unsigned char *sh_span_start(const struct sh_span *s)
{
	return sh_unit_addr(sh_span_unit(s));
}

/* ---- new ---- */

uint32_t sh_span_holds(const struct sh_class *k, uint32_t units)
{
	uint32_t bytes = units << SH_UNIT_SHIFT;

	return units >= k->units ? k->n : bytes > k->front ? (bytes - k->front) / k->size : 0;
}

uint32_t sh_span_n(const struct sh_span *s)
{
	return sh_span_holds(sh_span_class(s), sh_use_units(R(s->use))); /* relaxed: constant as long as it is a span */
}

int sh_span_new(const struct sh_heap *t, unsigned cls, uint32_t units, struct sh_span **ret)
{
	const struct sh_class *k = &sh_classes[cls];
	/* back and class, head and fresh, used, next and prev, live: there before anybody sees a span */
	const struct sh_pages_ask ask = {
		.units = units, .kind = SH_PG_SPAN, .owner = t->owner, .own = {(uint64_t)cls << 32, SH_NONE, 0, 0, 0}};
	uint32_t unit;
	struct sh_span *s;
	_Atomic uint64_t *bits;
	sh_w32 *tab;
	int r = sh_pages_take(&ask, &unit);

	if (r < 0)
		return r;
	SH_STEP("span_taken");
	s = sh_span_of(unit);
	bits = sh_span_bits(sh_span_start(s));
	tab = sh_span_tab(k, sh_span_start(s));
	for (uint32_t i = sh_span_holds(k, units); i < k->n; i++)
		sh_store_rlx(&tab[i], SH_NONE); /* there is no such block, and nothing to free */
	for (uint32_t i = 1; i < units; i++)
		sh_store_rlx(&s[i].back,
			     i); /* relaxed, and below: others come here with a block, which is handed over */
	for (uint32_t i = 0; i < k->tab / sizeof(*bits); i++)
		sh_store_rlx(&bits[i], 0);
	sh_store_rlx(&s->next, unit);
	sh_store_rlx(&s->prev, unit);
	SH_STEP("span_made");
	*ret = s;
	return 0;
}

/* ---- the owner fills its list ---- */

/* one word of bits: what others have freed goes onto my list, then the bits go */
static void collect_word(struct sh_span *s, sh_w32 *tab, _Atomic uint64_t *bits, uint32_t base)
{
	uint64_t got = sh_load_acq(bits); /* A:SPANBIT what they did to the block is behind me */

	for (uint64_t left = got; left != 0; left &= left - 1) {
		uint32_t i = base + (uint32_t)__builtin_ctzll(left);

		if ((R(tab[i]) & SH_TAB_ALLOC) == 0)
			continue; /* freed twice at the same moment, by me and another: once is enough */
		sh_store_rlx(&tab[i], R(s->head));
		SH_STEP("span_collected");
		sh_store_rel(&s->head, i);
		sh_store_rel(&s->used, R(s->used) - 1); /* R:SPANUSED */
	}
	SH_STEP("span_bits_stand");
	if (got != 0)
		(void)sh_and(bits, ~got); /* not before the table says that they are free */
}

void sh_span_collect(struct sh_span *s)
{
	const struct sh_class *k = sh_span_class(s);
	unsigned char *start = sh_span_start(s);
	_Atomic uint64_t *bits = sh_span_bits(start);

	for (uint32_t w = 0; w < k->tab / sizeof(*bits); w++)
		if (R(bits[w]) != 0) /* relaxed: looked at again */
			collect_word(s, sh_span_tab(k, start), &bits[w], w * 64);
}

/* a stretch that was never given out becomes a list; free whether fresh is stored or not */
static void open_fresh(struct sh_span *s)
{
	const struct sh_class *k = sh_span_class(s);
	sh_w32 *tab = sh_span_tab(k, sh_span_start(s));
	uint32_t from = R(s->fresh), to = from + FRESH_BATCH, n = sh_span_n(s);

	if (to > n)
		to = n;
	for (uint32_t i = from; i < to; i++)
		sh_store_rlx(&tab[i], i + 1 < to ? i + 1 : SH_NONE);
	SH_STEP("span_opened");
	sh_store_rel(&s->fresh, to); /* not before the table: what it held was somebody else's */
	SH_STEP("span_fresh");
	sh_store_rel(&s->head, from);
}

bool sh_span_ready(struct sh_span *s)
{
	if (R(s->head) != SH_NONE)
		return true;
	sh_span_collect(s);
	if (R(s->head) == SH_NONE && R(s->fresh) < sh_span_n(s))
		open_fresh(s);
	return R(s->head) != SH_NONE;
}

/* Each step leaves every block as free or as taken as it was: whoever dies in it leaves it to the next to do. */
void sh_span_rebuild(struct sh_span *s)
{
	const struct sh_class *k = sh_span_class(s);
	unsigned char *start = sh_span_start(s);
	_Atomic uint64_t *bits = sh_span_bits(start);
	sh_w32 *tab = sh_span_tab(k, start);
	uint32_t n = R(s->fresh), used = 0, head = SH_NONE;

	n = n < k->n ? n : k->n;
	sh_store_rlx(&s->head, SH_NONE);
	for (uint32_t i = n; i-- > 0;) {
		if (R(tab[i]) & SH_TAB_ALLOC) {
			used++;
			continue;
		}
		sh_store_rlx(&tab[i], head);
		head = i;
	}
	SH_STEP("span_half_rebuilt");
	sh_store_rel(&s->used, used); /* R:SPANUSED */
	sh_store_rlx(&s->head, head);
	SH_STEP("span_rebuilt");
	for (uint32_t w = 0; w < k->tab / sizeof(*bits); w++) {
		/* a bit of a block that is free already: its collector died before it took the bit away */
		uint64_t got = sh_load_acq(&bits[w]), stale = 0; /* A:SPANBIT */

		for (uint64_t left = got; left != 0; left &= left - 1)
			if ((R(tab[w * 64 + (uint32_t)__builtin_ctzll(left)]) & SH_TAB_ALLOC) == 0)
				stale |= left & -left;
		if (stale != 0)
			(void)sh_and(&bits[w], ~stale);
	}
}

/* ---- questions ---- */

bool sh_span_out(const struct sh_span *s, uint32_t i)
{
	const struct sh_class *k = sh_span_class(s);
	unsigned char *start = sh_span_start(s);

	/* relaxed: said of a moment, unless the caller has the block */
	return i < R(s->fresh) && (R(sh_span_tab(k, start)[i]) & SH_TAB_ALLOC) != 0 &&
	       (R(sh_span_bits(start)[i / 64]) >> (i % 64) & 1) == 0;
}

uint32_t sh_span_over(const struct sh_span *s, uint32_t i)
{
	const struct sh_class *k = sh_span_class(s);
	unsigned char *start = sh_span_start(s);
	uint64_t off;

	if ((sh_load_acq(&sh_span_tab(k, start)[i]) & SH_TAB_OVER) == 0) /* A:OVER */
		return 0;
	off = R(*sh_span_over_word(start + k->front + (size_t)i * k->size));
	return off < k->size && off % SH_BLOCK_ALIGN == 0 ? (uint32_t)off : k->size;
}

uint32_t sh_span_live(const struct sh_span *s)
{
	const struct sh_class *k = sh_span_class(s);
	unsigned char *start = sh_span_start(s);
	sh_w32 *tab = sh_span_tab(k, start);
	uint32_t n = R(s->fresh), live = 0; /* relaxed: an orphan's is constant, what its last owner did is behind H */

	n = n < k->n ? n : k->n;
	for (uint32_t i = 0; i < n; i += 64) {
		uint64_t bits = sh_load_acq(&sh_span_bits(start)[i / 64]); /* A:SPANBIT */

		for (uint32_t j = i; j < n && j < i + 64; j++)
			live += (R(tab[j]) & SH_TAB_ALLOC) != 0 && (bits >> (j - i) & 1) == 0;
	}
	return live;
}

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
	if (inside == sh_span_over(b->s, b->i))
		return (R(tab[b->i]) & SH_TAB_SENT) == 0 ? SH_BLOCK_OK : SH_BLOCK_SENT;
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
		if (p != b->start)
			return SH_BLOCK_INSIDE;
		if (sh_lock_id(R(b->s->owner)) == SH_NOBODY) /* given while H could not be had */
			return SH_BLOCK_FREE;
		return (R(b->s->owner) & SH_OWNER_SENT) == 0 ? SH_BLOCK_OK : SH_BLOCK_SENT;
	case SH_PG_ZONE:
	case SH_PG_ZSPAN:
		return SH_BLOCK_ZONE;
	default:
		*b = (struct sh_block){.large = false};
		return in_span(u, p, b);
	}
}

/* ---- somebody else frees ---- */

/*
 * The block is free with its bit. From there on the span may be gone at any moment, but not its descriptor. If it is an
 * orphan nobody collects, so whoever frees the last block has to see that; "live" is never more than what is out: an
 * orphan's is counted under H after owner is 0, and who frees counts down after its bit, when it sees owner 0.
 */
bool sh_span_free_remote(const struct sh_block *b)
{
	uint64_t bit = 1ull << (b->i % 64), was;
	_Atomic uint64_t *word = &sh_span_bits(b->start)[b->i / 64];

	SH_STEP("span_remote");
	was = sh_or_sc(word, bit); /* R:SPANBIT; partner of the order: the fence in sh_orphan_add() */
	if ((was & bit) != 0)
		return false;
	SH_STEP("span_remote_done");
	if (sh_load_sc(&b->s->owner) != 0) { /* A:SPANOWN */
		/* a guess: as many bits as are out, or 64 in a row. The run may be another by now: then it costs a look */
		if (sh_unlikely((was | bit) == ~0ull || (uint32_t)__builtin_popcountll(was | bit) >= R(b->s->used)))
			sh_decay_idle();
		return true;
	}
	if (sh_add(&b->s->live, -1) - 1 <= 0)
		sh_orphan_check(b->unit);
	return true;
}
