/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * circle.c - the spans that a thread has of one size, at its gate
 *
 * Blocks come from cur. Behind cur come those that have a block in their list, then those that are full as far as the thread
 * knows: so if any has one, the next one has. What is found full goes to the end, what gets a block again comes to the front.
 *
 * All of that is done inside the thread's gate (gate.c), for others may take spans from the circle. What waits, or takes a
 * lock, is done outside, with spans that are in no circle then.
 */
#include "mem/heap.h"

#define PROBES 8	       /* spans of the circle that are looked at before there is a new one */
#define SWEEPS 4	       /* classes that are looked at for empty spans before there is a new one */
#define R(w) sh_load_rlx(&(w)) /* relaxed: the owner's own, or at its gate */

static void set_place(const struct sh_heap *t, struct sh_span *s, enum sh_place at)
{
	uint16_t gate = (uint16_t)(t->gate != NULL ? sh_gate_number(t->gate) << 3 : 0);

	/* of a thread without a gate it is 0: nobody else asks */
	if (s != &sh_no_span)
		sh_store_rel(&s->place, t->gate != NULL && at != SH_PL_OUT ? (uint16_t)(gate | at) : 0);
}

static void set_cur(const struct sh_heap *t, struct sh_bin *b, struct sh_span *s)
{
	const struct sh_class *k = sh_span_class(s);
	unsigned char *start;

	if (sh_place_of(R(b->cur->place)) == SH_PL_CUR)
		set_place(t, b->cur, SH_PL_IN);
	set_place(t, s, SH_PL_CUR);
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
	b->bytes = sh_span_n(s) * k->size;
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
static void add(const struct sh_heap *t, struct sh_bin *b, struct sh_span *s)
{
	uint32_t u = sh_span_unit(s);

	if (b->cur == &sh_no_span) {
		sh_store_rlx(&s->next, u);
		sh_store_rlx(&s->prev, u);
	} else {
		insert(b->cur, s);
	}
	set_cur(t, b, s);
}

static void drop(const struct sh_heap *t, struct sh_bin *b, struct sh_span *s)
{
	struct sh_span *next = next_of(s);

	unlink_span(s);
	if (sh_place_of(R(s->place)) != SH_PL_HUSK) /* that it is for ever */
		set_place(t, s, SH_PL_OUT);
	if (b->kept == sh_span_unit(s) + 1)
		b->kept = 0;
	if (b->swept == sh_span_unit(s) + 1)
		b->swept = next != s ? sh_span_unit(next) + 1 : 0;
	if (b->cur == s)
		set_cur(t, b, next != s ? next : &sh_no_span);
}

/* Those that were dropped inside go back to the group outside: a list by next, a unit + 1 */
struct out {
	uint32_t first;
};

static void drop_to(const struct sh_heap *t, struct sh_bin *b, struct sh_span *s, struct out *o)
{
	drop(t, b, s);
	sh_store_rlx(&s->next, o->first);
	o->first = sh_span_unit(s) + 1;
}

/* what others did to cur while I was not here */
static bool go_in(struct sh_heap *t, struct sh_bin *b, struct out *o)
{
	o->first = 0;
	if (!sh_gate_enter(t->gate))
		return false;
	if (sh_place_of(R(b->cur->place)) == SH_PL_HUSK)
		drop_to(t, b, b->cur, o);
	if (sh_place_of(R(b->cur->place)) == SH_PL_CLOSED) {
		sh_span_rebuild(b->cur);
		SH_STEP("span_reopened");
		set_place(t, b->cur, SH_PL_CUR);
	}
	return true;
}

/* If giving back is refused it stays an empty span of mine, in no circle, which my end gives back; or it is nobody's. */
static void go_out(struct sh_heap *t, const struct out *o)
{
	sh_gate_leave(t->gate);
	for (uint32_t u = o->first, next; u != 0; u = next) {
		next = R(sh_span_of(u - 1)->next);
		SH_STEP("span_dropped");
		(void)sh_pages_give(u - 1);
	}
}

/* is this still one of the circle? Others may have taken it, and I a new one at its place */
static bool is_in(const struct sh_heap *t, const struct sh_bin *b, uint32_t unit)
{
	const struct sh_span *s = sh_span_of(unit);

	return sh_use_kind(R(s->use)) == SH_PG_SPAN && R(s->owner) == t->owner && R(s->cls) == (uint32_t)(b - t->bin) &&
	       (t->gate == NULL || (R(s->place) != 0 && sh_place_of(R(s->place)) != SH_PL_HUSK));
}

/* it is empty, and not cur */
static void emptied(const struct sh_heap *t, struct sh_bin *b, struct sh_span *s, struct out *o)
{
	uint32_t u = sh_span_unit(s);

	if (b->kept != 0 && !is_in(t, b, b->kept - 1))
		b->kept = 0;
	if (R(b->cur->used) != 0 && (b->kept == 0 || b->kept == u + 1 || R(sh_span_of(b->kept - 1)->used) != 0))
		b->kept = u + 1;
	else
		drop_to(t, b, s, o);
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

/* ---- blocks ---- */

/* The old cur is the end of the circle then, where full ones belong. */
static bool probe_in(struct sh_heap *t, struct sh_bin *b)
{
	struct sh_span *s;

	if (b->cur == &sh_no_span)
		return false;
	if (sh_span_ready(b->cur))
		return true;
	for (unsigned i = 0; i < PROBES && (s = next_of(b->cur)) != b->cur; i++) {
		if (sh_span_ready(s)) {
			set_cur(t, b, s);
			return true;
		}
		to_end(b, s);
	}
	return false;
}

bool sh_circle_probe(struct sh_heap *t, struct sh_bin *b)
{
	struct out o;
	bool found;

	if (!go_in(t, b, &o))
		return false;
	found = probe_in(t, b);
	go_out(t, &o);
	return found;
}

bool sh_circle_add(struct sh_heap *t, struct sh_bin *b, struct sh_span *s)
{
	struct out o;
	bool ready;

	if (!go_in(t, b, &o)) {
		sh_orphan_forsake(s);
		return false;
	}
	add(t, b, s);
	ready = sh_span_ready(s);
	go_out(t, &o);
	return ready;
}

/* the next span of the class that is not cur, in turn; NULL: there is none */
static struct sh_span *next_swept(const struct sh_heap *t, struct sh_bin *b)
{
	struct sh_span *s = b->swept != 0 && is_in(t, b, b->swept - 1) ? sh_span_of(b->swept - 1) : next_of(b->cur);

	if (s == b->cur)
		s = next_of(s);
	b->swept = sh_span_unit(next_of(s)) + 1;
	return s != b->cur ? s : NULL;
}

/* others may have freed all of a span that I never look at, for I need none of its class */
void sh_circle_sweep(struct sh_heap *t)
{
	for (unsigned i = 0; i < SWEEPS; i++) {
		struct sh_bin *b = &t->bin[t->turn++ % SH_CLASSES];
		struct sh_span *s;
		struct out o;

		if (b->cur == &sh_no_span)
			continue;
		if (!go_in(t, b, &o))
			return;
		s = b->cur != &sh_no_span ? next_swept(t, b) : NULL;
		if (s != NULL) {
			collect(b, s);
			if (R(s->used) == 0)
				emptied(t, b, s, &o);
		}
		go_out(t, &o);
	}
}

static void trim_in(struct sh_heap *t, struct sh_bin *b, struct out *o)
{
	struct sh_span *s = b->cur, *next;
	uint32_t n = 1;

	if (s == &sh_no_span)
		return;
	for (next = next_of(s); next != s; next = next_of(next))
		n++;
	for (; n > 0; n--, s = next) {
		next = next_of(s);
		if (s == b->cur)
			sh_span_collect(s);
		else
			collect(b, s);
		if (R(s->used) == 0)
			drop_to(t, b, s, o);
	}
}

void sh_circle_trim(struct sh_heap *t)
{
	for (unsigned c = 0; c < SH_CLASSES; c++) {
		struct out o;

		if (t->bin[c].cur == &sh_no_span)
			continue;
		if (!go_in(t, &t->bin[c], &o))
			return;
		trim_in(t, &t->bin[c], &o);
		go_out(t, &o);
	}
}

/* By the owner, where it is not the usual. The span has a block that is out, so nobody takes it meanwhile. */
bool sh_circle_put(struct sh_heap *t, const struct sh_block *b)
{
	struct sh_span *s = b->s;
	const struct sh_class *k = sh_span_class(s);
	struct sh_bin *bin = &t->bin[k - sh_classes];
	struct out o;
	uint32_t head;

	if (!go_in(t, bin, &o))
		return sh_span_free_remote(b); /* as anybody else: I collect it later */
	head = R(s->head);
	sh_store_rlx(&sh_span_tab(k, b->start)[b->i], head);
	SH_STEP("span_own_unmarked");
	sh_store_rel(&s->head, b->i);		/* not before tab */
	sh_store_rel(&s->used, R(s->used) - 1); /* R:SPANUSED */
	if (s != bin->cur) {
		if (head == SH_NONE)
			to_front(bin, s);
		if (R(s->used) == 0)
			emptied(t, bin, s, &o);
	}
	go_out(t, &o);
	return true;
}

bool sh_circle_pop(struct sh_heap *t, struct sh_bin *b, struct sh_span **ret)
{
	struct out o;

	if (!go_in(t, b, &o))
		return false;
	*ret = b->cur != &sh_no_span ? b->cur : NULL;
	if (*ret != NULL)
		drop(t, b, *ret);
	go_out(t, &o);
	return true;
}
