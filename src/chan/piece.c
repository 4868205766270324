/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piece.c - whose a piece of the heap is while it travels: claim, lend, take, return, and what survivors do. See piece.h.
 *
 * No lock: each step is one CAS on the slot's word, and who loses it has nothing. Any thread of any member.
 */
#include "chan/piece.h"

#include <errno.h>

#include "base/fault.h"
#include "base/log.h"
#include "chan/chan_int.h"

/* ---- the heap's part ---- */

static const struct sh_piece_ops *ops_of(struct sh_chan *c)
{
	return c != NULL ? sh_load_acq(&c->piece_ops) : NULL; /* A:PIECE_OPS */
}

static void free_mine(struct sh_chan *c);

void sh_piece_ops_set(const struct sh_piece_ops *ops)
{
	struct sh_chan *c = sh_chan();

	if (c == NULL || sh_self() == 0)
		return;
	if (ops == NULL)
		free_mine(c);
	sh_store_rel(&c->piece_ops, ops); /* R:PIECE_OPS */
	if (ops == NULL)
		SH_STEP("piece_heap_gone");
}

static void hold(struct sh_chan *c, void *p, sh_id_t who)
{
	const struct sh_piece_ops *ops = ops_of(c);

	if (ops != NULL)
		ops->hold(p, who);
}

/* ---- slots ---- */

static unsigned high_of(unsigned slot)
{
	unsigned n = sh_load_acq(&sh_pieces()->high[slot]); /* A:PIECE_HIGH */

	if (n != 0 && !sh_slot_there(slot)) /* nobody was ever there: the word lies */
		return 0;
	return n < SH_PIECES ? n : SH_PIECES;
}

/* the slot that this number names; NULL: it names none */
static struct sh_piece *find(uint64_t id)
{
	unsigned slot = (unsigned)(id >> 16) & 0xffff, k = (unsigned)(id & 0xffff);

	return slot < SH_MEMBERS && k < high_of(slot) ? sh_piece_at(slot, k) : NULL;
}

static bool same(uint64_t word, uint64_t id)
{
	return sh_piece_serial(word) == (uint32_t)(id >> 32);
}

static void *address(struct sh_piece *s)
{
	/* relaxed: behind word */
	return (unsigned char *)sh_region() + sh_load_rlx(&s->off);
}

static bool move(struct sh_piece *s, uint64_t *w, enum sh_piece_state to)
{
	return sh_cas(&s->word, w, sh_piece_word(sh_piece_serial(*w), to)); /* R:PIECE, A:PIECE */
}

static struct sh_piece *claim(struct sh_chan *c, unsigned *k, uint32_t *serial)
{
	unsigned me = sh_id_slot(c->self);

	for (unsigned i = 0; i < SH_PIECES; i++) {
		struct sh_piece *s = sh_piece_at(me, i);
		uint64_t w = sh_load_acq(&s->word); /* A:PIECE */
		uint32_t high;

		if (sh_piece_state(w) != SH_P_FREE)
			continue;
		/* before it is used: who sweeps after my death must find it */
		high = sh_load_rlx(&sh_pieces()->high[me]);
		while (high < i + 1 && !sh_cas(&sh_pieces()->high[me], &high, i + 1)) /* R:PIECE_HIGH */
			;
		*serial = sh_piece_serial(w) + 1;
		/* relaxed: behind word. Before the claim: who finds it CLAIMED must find who did; a FREE one is mine to claim */
		sh_store_rlx(&s->from, c->self);
		if (!sh_cas(&s->word, &w, sh_piece_word(*serial, SH_P_CLAIMED))) /* R:PIECE */
			continue;
		*k = i;
		SH_STEP("piece_claimed");
		return s;
	}
	return NULL;
}

/* ---- the sender ---- */

int sh_piece_offer(struct sh_chan *c, sh_id_t to, void *p, size_t len, bool loose, uint64_t *id)
{
	const struct sh_piece_ops *ops = ops_of(c);
	struct sh_piece *s;
	uint32_t serial;
	unsigned k;

	*id = 0;
	if (ops == NULL)
		return -ENOTSUP;
	if (ops->check(p, len) != 0) {
		sh_err("piece %p of %zu bytes refused: no block of rte_malloc() begins there that lives and has so "
		       "many "
		       "bytes",
		       p, len);
		return -EINVAL;
	}
	s = claim(c, &k, &serial);
	if (s == NULL)
		return -EAGAIN;
	if (ops->send(p) != 0) {
		sh_store_rel(&s->word, sh_piece_word(serial, SH_P_FREE)); /* R:PIECE */
		sh_err("piece %p refused: it is on its way already, or on loan from another member: call "
		       "shoal_piece_take() before you pass it on",
		       p);
		return -EINVAL;
	}
	SH_STEP("piece_sent");
	/* relaxed: behind word */
	sh_store_rlx(&s->to, to);
	sh_store_rlx(&s->off, (uint64_t)((unsigned char *)p - (unsigned char *)sh_region()));
	sh_store_rlx(&s->len, len);
	sh_store_rlx(&s->loose, loose);
	sh_store_rel(&s->word, sh_piece_word(serial, SH_P_OFFERED)); /* R:PIECE */
	SH_STEP("piece_offered");
	*id = sh_piece_id(serial, sh_id_slot(c->self), k);
	return 0;
}

/* one of mine that its receiver had when it died: that may have put its name on it, and must not be thought to have it */
static void take_name(struct sh_chan *c, struct sh_piece *s, uint64_t w)
{
	const struct sh_piece_ops *ops = ops_of(c);

	if (ops != NULL && (sh_piece_state(w) == SH_P_LENT || sh_piece_state(w) == SH_P_RETURNED))
		(void)ops->pass(address(s), sh_load_rlx(&s->to), c->self);
}

bool sh_piece_settle(struct sh_chan *c, uint64_t id)
{
	struct sh_piece *s = find(id);

	for (;;) {
		uint64_t w = s != NULL ? sh_load_acq(&s->word) : 0; /* A:PIECE */
		void *p;

		if (s == NULL || !same(w, id) || sh_piece_state(w) == SH_P_FREE)
			return false;
		if (sh_piece_state(w) == SH_P_LENT && sh_member_alive(sh_load_rlx(&s->to))) {
			sh_store_rlx(&s->loose, 1);
			sh_fence();			/* SB:PIECE, the sender's side */
			if (sh_load_acq(&s->word) == w) /* A:PIECE */
				return false;
			continue;
		}
		p = address(s);
		take_name(c, s, w);
		if (!move(s, &w, SH_P_FREE))
			continue;
		SH_STEP("piece_settled");
		hold(c, p, c->self);
		return true;
	}
}

/* one that came back and that nobody waits for: a note of it to the dispatcher */
static void note(struct sh_chan *c, struct sh_piece *s, uint64_t w)
{
	struct sh_msg *m = sh_msg_new("", 0, 0, 0);

	if (m == NULL)
		return; /* it stays RETURNED: the next look finds it */
	m->kind = SH_M_BACK;
	m->back.addr = address(s);
	m->back.len = sh_load_rlx(&s->len);
	m->from = sh_load_rlx(&s->to);
	take_name(c, s, w);
	if (!move(s, &w, SH_P_FREE)) {
		sh_msg_free(m);
		return;
	}
	hold(c, m->back.addr, c->self);
	sh_queue(c, m);
}

static void each_returned(struct sh_chan *c, void (*fn)(struct sh_chan *c, struct sh_piece *s, uint64_t w))
{
	unsigned me = sh_id_slot(c->self), n = high_of(me);

	for (unsigned k = 0; k < n; k++) {
		struct sh_piece *s = sh_piece_at(me, k);
		uint64_t w = sh_load_acq(&s->word); /* A:PIECE */

		if (sh_piece_state(w) == SH_P_RETURNED && sh_load_rlx(&s->from) == c->self &&
		    sh_load_rlx(&s->loose) != 0)
			fn(c, s, w);
	}
}

void sh_piece_collect(struct sh_chan *c)
{
	/* at the stop, when the heap has gone, nobody runs what is queued: they stay RETURNED, and survivors free them */
	if (ops_of(c) != NULL)
		each_returned(c, note);
}

/* the dispatchers have ended: nobody can be told of it any more */
static void free_one(struct sh_chan *c, struct sh_piece *s, uint64_t w)
{
	void *p = address(s);

	take_name(c, s, w);
	if (move(s, &w, SH_P_FREE))
		ops_of(c)->drop(p);
}

static void free_mine(struct sh_chan *c)
{
	if (ops_of(c) != NULL)
		each_returned(c, free_one);
}

void sh_piece_abandon(struct sh_chan *c, uint64_t id)
{
	struct sh_piece *s = find(id);
	uint64_t w;

	if (c == NULL || s == NULL)
		return;
	sh_store_rlx(&s->loose, 1);
	sh_fence();		   /* SB:PIECE, the sender's side */
	w = sh_load_acq(&s->word); /* A:PIECE */
	if (same(w, id) && (sh_piece_state(w) == SH_P_OFFERED || sh_piece_state(w) == SH_P_QUEUED))
		(void)move(s, &w, SH_P_RETURNED);
	sh_piece_collect(c);
}

/* ---- the receiver ---- */

bool sh_piece_arrive(struct sh_chan *c, uint64_t id, sh_id_t from)
{
	struct sh_piece *s = find(id);
	uint64_t w = s != NULL ? sh_load_acq(&s->word) : 0; /* A:PIECE */

	if (s == NULL || !same(w, id) || sh_piece_state(w) != SH_P_OFFERED || sh_load_rlx(&s->from) != from ||
	    sh_load_rlx(&s->to) != c->self || !move(s, &w, SH_P_QUEUED))
		return false;
	SH_STEP("piece_queued");
	return true;
}

int sh_piece_lend(struct sh_chan *c, uint64_t id, void **p, size_t *len)
{
	struct sh_piece *s = find(id);
	const struct sh_piece_ops *ops = ops_of(c);
	uint64_t w = s != NULL ? sh_load_acq(&s->word) : 0; /* A:PIECE */

	if (s == NULL || !same(w, id) || sh_piece_state(w) != SH_P_QUEUED || !move(s, &w, SH_P_LENT))
		return -ESTALE;
	SH_STEP("piece_lent");
	*p = address(s);
	*len = sh_load_rlx(&s->len);
	if (ops != NULL && ops->travels(*p, *len, sh_load_rlx(&s->from)))
		return 0;
	if (ops == NULL) { /* this process stops */
		sh_piece_return(c, id);
		return -ENOTSUP;
	}
	/* there is nothing to return: its sender freed it, or never had it */
	sh_count(SH_C_MALFORMED);
	sh_log_rate(
		SH_WARN,
		"a piece of %zu bytes from member %u is no live block of its own: dropped; its sender must not free "
		"what it has sent",
		*len, sh_id_slot(sh_load_rlx(&s->from)));
	w = sh_piece_word((uint32_t)(id >> 32), SH_P_LENT);
	(void)move(s, &w, SH_P_FREE);
	return -EBADMSG;
}

/* its sender is gone: nobody is there to get it back */
static void keep_nothing(struct sh_chan *c, struct sh_piece *s, uint64_t w)
{
	const struct sh_piece_ops *ops = ops_of(c);
	void *p = address(s);
	sh_id_t from = sh_load_rlx(&s->from);
	bool loose = sh_load_rlx(&s->loose) != 0;

	/* what was lent by a request may still be in use by others: it stays the dead one's, and can be listed */
	if ((ops == NULL && loose) || !move(s, &w, SH_P_FREE))
		return;
	SH_STEP("piece_nobodys");
	if (loose && ops->pass(p, from, c->self))
		ops->drop(p);
}

void sh_piece_return(struct sh_chan *c, uint64_t id)
{
	struct sh_piece *s = find(id);
	uint64_t w = s != NULL ? sh_load_acq(&s->word) : 0; /* A:PIECE */
	struct sh_inbox *b;
	sh_id_t from;

	do {
		if (s == NULL || !same(w, id) || (sh_piece_state(w) != SH_P_QUEUED && sh_piece_state(w) != SH_P_LENT) ||
		    sh_load_rlx(&s->to) != sh_self())
			return;
		from = sh_load_rlx(&s->from);
	} while (!move(s, &w, SH_P_RETURNED));
	SH_STEP("piece_returned");
	w = sh_piece_word((uint32_t)(id >> 32), SH_P_RETURNED);
	if (!sh_member_alive(from)) {
		keep_nothing(c, s, w);
		return;
	}
	sh_fence(); /* SB:PIECE, the receiver's side */
	if (sh_load_rlx(&s->loose) == 0)
		return; /* its sender waits for the answer, and looks then */
	b = sh_inbox_of(sh_id_slot(from));
	sh_store_rlx(&b->back, 1); /* R:PIECE was before; SB:WAKE, the sender's side */
	sh_fence();
	SH_STEP("piece_back");
	(void)sh_inbox_wake(b);
}

int sh_piece_take(struct sh_chan *c, uint64_t id, void **p)
{
	const struct sh_piece_ops *ops = ops_of(c);
	struct sh_piece *s = find(id);
	uint64_t w = s != NULL ? sh_load_acq(&s->word) : 0; /* A:PIECE */

	if (s == NULL || !same(w, id) || sh_piece_state(w) != SH_P_LENT || sh_load_rlx(&s->to) != c->self ||
	    ops == NULL)
		return -ESTALE;
	*p = address(s);
	/* first: killed before the CAS, its sender gets it back and puts its own name on it; after it, it is listed as mine */
	if (!ops->pass(*p, sh_load_rlx(&s->from), c->self))
		return -ESTALE;
	SH_STEP("piece_held");
	if (!move(s, &w, SH_P_FREE)) { /* the loan ended, in another thread */
		(void)ops->pass(*p, c->self, sh_load_rlx(&s->from));
		return -ESTALE;
	}
	SH_STEP("piece_taken");
	ops->hold(*p, c->self);
	return 0;
}

/* ---- survivors ---- */

void sh_piece_gone(struct sh_chan *c, sh_id_t id)
{
	unsigned me = sh_id_slot(c->self), n = high_of(me);

	for (unsigned k = 0; k < n; k++) {
		struct sh_piece *s = sh_piece_at(me, k);
		uint64_t w = sh_load_acq(&s->word); /* A:PIECE */
		sh_id_t to = sh_load_rlx(&s->to);
		bool lent = sh_piece_state(w) == SH_P_LENT;

		if (sh_load_rlx(&s->from) != c->self || sh_load_rlx(&s->loose) == 0)
			continue; /* who waits for the answer will look */
		if (sh_piece_state(w) != SH_P_OFFERED && sh_piece_state(w) != SH_P_QUEUED && !lent)
			continue;
		/* one that leaves in good order may still be looking at what it has on loan */
		if (sh_member_alive(to) && (to != id || lent))
			continue;
		(void)move(s, &w, SH_P_RETURNED);
	}
	sh_piece_collect(c);
}

/* true: it speaks of that block, and a living one has it or may get it */
static bool travels(struct sh_piece *s, uint64_t off, size_t size)
{
	uint64_t w = sh_load_acq(&s->word), seen, at; /* A:PIECE */
	bool lives;

	do {
		seen = w;
		if (sh_piece_state(w) == SH_P_FREE || sh_piece_state(w) == SH_P_CLAIMED)
			return false;
		at = sh_load_rlx(&s->off) - off;
		lives = sh_member_alive(sh_load_rlx(&s->from)) ||
			(sh_piece_state(w) != SH_P_RETURNED && sh_member_alive(sh_load_rlx(&s->to)));
		sh_fence();		   /* were those of that serial? */
		w = sh_load_acq(&s->word); /* A:PIECE */
	} while (w != seen);
	return at < size && lives;
}

bool sh_piece_travels(const void *p, size_t size)
{
	uint64_t off = (uint64_t)((const unsigned char *)p - (const unsigned char *)sh_region());

	for (unsigned slot = 0; slot < SH_MEMBERS; slot++)
		for (unsigned k = 0, n = high_of(slot); k < n; k++)
			if (travels(sh_piece_at(slot, k), off, size))
				return true;
	return false;
}

static void sweep_one(struct sh_chan *c, struct sh_piece *s, bool (*drained)(struct sh_chan *c, sh_id_t from))
{
	uint64_t w = sh_load_acq(&s->word); /* A:PIECE */
	sh_id_t from = sh_load_rlx(&s->from), to = sh_load_rlx(&s->to);
	enum sh_piece_state st = sh_piece_state(w);

	if (st == SH_P_FREE || sh_member_alive(from))
		return;
	if (st == SH_P_RETURNED)
		keep_nothing(c, s, w);
	else if (st == SH_P_CLAIMED || !sh_member_alive(to) ||
		 (st == SH_P_OFFERED && to == c->self && drained(c, from)))
		(void)move(s, &w, SH_P_FREE); /* never published, or both are gone: it is the dead one's */
}

void sh_piece_sweep(struct sh_chan *c, bool (*drained)(struct sh_chan *c, sh_id_t from))
{
	for (unsigned slot = 0; slot < SH_MEMBERS; slot++)
		for (unsigned k = 0, n = high_of(slot); k < n; k++)
			sweep_one(c, sh_piece_at(slot, k), drained);
}
