/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * internal.c - see internal.h. Posts, bells, and the thread that answers.
 *
 * A post, in the block of the member that asks:
 *
 *   field      written by                            read by     ordering
 *   word       the asker: seq << 1 | open            receivers   R:POST <-> A:POST: who sees it open sees the rest
 *   answered   receivers add 1                       asker       its futex
 *   ans[slot]  the asker: ASKED, WITHDRAWN;          both        CAS R:POST_ANS <-> A:POST_ANS; the word holds seq and the
 *              the receiver: ASKED -> TAKEN -> DONE              receiver's generation, so a late CAS fails
 *   others     the asker while nobody is ASKED       receivers   behind ans: copied before ASKED -> TAKEN, valid if that
 *                                                                succeeds
 *
 * A block is not cleared between two holders of a slot: the numbers go on, and `from` names a member that is gone.
 * A number comes again after 4194304 requests of one post: a receiver would have to be stopped for all of them.
 */
#include "chan/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/calm.h"
#include "base/fault.h"
#include "base/futex.h"
#include "base/thread.h"
#include "chan/chan_int.h"
#include "chan/disp.h"

#define POSTS 4
#define SLICE_NS (10 * SH_NS_PER_MS) /* so often somebody who waits looks whether the other still lives */

struct post {
	_Atomic uint64_t word;
	sh_id_t from;
	uint64_t stamp; /* of all posts of this member: their order */
	uint32_t service, len;
	_Atomic uint32_t answered;
	unsigned char data[SH_INT_DATA] __attribute__((aligned(8)));
	_Atomic uint64_t ans[SH_MEMBERS] __attribute__((aligned(SH_LINE)));
};
_Static_assert(sizeof(struct post) * POSTS <= SH_INTERNAL_SIZE, "posts fit a member's block");

enum { NOT = 0, ASKED, TAKEN, DONE, WITHDRAWN };
#define SEQ_MASK 0x3fffffull
#define ans_word(state, code, seq, gen)                                                                                \
	((uint64_t)(state) << 61 | (uint64_t)(code) << 53 | ((seq)&SEQ_MASK) << 31 | ((uint64_t)(gen)&0x7fffffffu))
#define ans_state(w) ((unsigned)((w) >> 61))
#define ans_code(w) ((int)((w) >> 53 & 0xff))

struct sh_internal {
	pthread_t thread;
	bool started;
	_Atomic uint32_t poked;	 /* services that shall look; R:BELL before the bell */
	_Atomic bool stopping;	 /* read by the thread after it heard the bell */
	struct sh_mtx lk;	 /* a handler that asks (a port's stop) may interrupt who asks: calm.h */
	_Atomic uint32_t change; /* futex: a post is free again, a call has ended. Raised under lk */
	bool busy[POSTS];	 /* under lk */
	uint64_t stamp;		 /* under lk */
	struct {
		sh_service_fn fn;
		void *arg;
	} svc[SH_SERVICES];    /* under lk */
	int running;	       /* the service whose fn runs, -1 none; under lk */
	struct sh_int_due due; /* the internal thread's own: what it is answering */
};

static struct post *post_of(unsigned slot, unsigned k)
{
	return (struct post *)(void *)sh_region()->slots[slot].internal + k;
}

static void changed(struct sh_internal *in)
{
	sh_add(&in->change, 1);
	sh_futex_wake(&in->change, INT_MAX, SH_FUTEX_ANY, false);
}

/* under lk, which it leaves and takes again */
static void wait_change(struct sh_internal *in, uint64_t dl)
{
	uint32_t seen = sh_load_rlx(&in->change); /* relaxed: under lk */

	sh_unlock_calm(&in->lk);
	sh_futex_wait(&in->change, seen, dl, SH_FUTEX_ANY, false);
	sh_lock_calm(&in->lk);
}

static void ring(struct sh_inbox *b)
{
	if ((sh_add(&b->bell, 2) & 1) != 0) /* R:BELL */
		sh_futex_wake(&b->bell, INT_MAX, SH_FUTEX_ANY, true);
}

/* ---- asking ---- */

static int post_get(struct sh_internal *in, uint64_t dl, uint64_t *stamp)
{
	int k = -1;

	sh_lock_calm(&in->lk);
	for (;;) {
		for (int i = 0; i < POSTS && k < 0; i++)
			if (!in->busy[i])
				k = i;
		if (k >= 0 || sh_now_ns() >= dl)
			break;
		wait_change(in, dl);
	}
	if (k >= 0) {
		in->busy[k] = true;
		*stamp = ++in->stamp;
	}
	sh_unlock_calm(&in->lk);
	return k >= 0 ? k : -EAGAIN;
}

static void post_put(struct sh_internal *in, int k)
{
	sh_lock_calm(&in->lk);
	in->busy[k] = false;
	changed(in);
	sh_unlock_calm(&in->lk);
}

/* write it and call everybody; those who are not ACTIVE are not asked */
static uint64_t post_open(struct sh_chan *c, struct post *p, struct sh_int_answer *a, unsigned n, const void *data)
{
	uint64_t seq = (sh_load_rlx(&p->word) >> 1) + 1; /* relaxed: mine */
	unsigned me = sh_id_slot(c->self);

	p->from = c->self;
	memcpy(p->data, data, p->len);
	SH_STEP("post_written");
	sh_shm_release(sh_region());
	for (unsigned i = 0; i < n; i++) {
		a[i].outcome = SH_INT_TIMED_OUT;
		a[i].code = 0;
		sh_store_rel(&p->ans[sh_id_slot(a[i].to)],
			     ans_word(ASKED, 0, seq, sh_id_gen(a[i].to))); /* R:POST_ANS */
	}
	sh_store_rel(&p->word, seq << 1 | 1); /* R:POST */
	SH_STEP("post_open");
	for (unsigned i = 0; i < n; i++) {
		struct sh_inbox *b = sh_inbox_of(sh_id_slot(a[i].to));

		if (!sh_member_active(a[i].to))
			continue;
		sh_shm_acquire(sh_region());
		sh_or(&b->rung[me / 64], 1ull << (me % 64)); /* R:BELL */
		ring(b);
	}
	SH_STEP("post_rung");
	return seq;
}

/* it looks by itself, whatever else was asked before it came to see this one */
static void unheard(sh_id_t to, uint32_t service)
{
	struct sh_inbox *b = sh_inbox_of(sh_id_slot(to));

	sh_shm_acquire(sh_region());	   /* zeroed by whoever served its join, perhaps a thread of mine */
	sh_or(&b->unheard, 1u << service); /* R:BELL */
	ring(b);
}

/* what became of one question; true: nothing more will */
static bool settled(struct post *p, struct sh_int_answer *a, uint64_t seq, bool late, bool probe)
{
	_Atomic uint64_t *w = &p->ans[sh_id_slot(a->to)];
	uint64_t v = sh_load_acq(w), asked = ans_word(ASKED, 0, seq, sh_id_gen(a->to)); /* A:POST_ANS */

	if (ans_state(v) == DONE) {
		a->outcome = SH_INT_ANSWERED;
		a->code = ans_code(v);
		return true;
	}
	/* one that leaves finishes what it has begun and begins nothing */
	if (!(v == asked ? sh_member_active(a->to) : sh_member_alive(a->to)) || (probe && sh_member_probe(a->to) == 1))
		a->outcome = SH_INT_GONE;
	else if (!late)
		return false;
	else
		unheard(a->to, p->service);
	if (sh_cas(w, &asked, ans_word(WITHDRAWN, 0, seq, sh_id_gen(a->to))) || ans_state(asked) != DONE)
		return true;
	a->outcome = SH_INT_ANSWERED; /* in the last moment */
	a->code = ans_code(asked);
	return true;
}

static void wait_answers(struct post *p, struct sh_int_answer *a, unsigned n, uint64_t seq, const struct sh_int_ask *q)
{
	uint64_t look_dl = sh_deadline(SLICE_NS);

	for (;;) {
		uint32_t seen = sh_load_acq(&p->answered); /* A:POST_ANS */
		uint64_t now = sh_now_ns();
		bool probe = now >= look_dl, late = now >= q->dl || (probe && q->moot != NULL && q->moot(q->arg));
		bool all = true;

		for (unsigned i = 0; i < n; i++)
			all &= settled(p, &a[i], seq, late, probe);
		if (all || late)
			return;
		if (probe)
			look_dl = sh_deadline(SLICE_NS);
		sh_futex_wait(&p->answered, seen, look_dl < q->dl ? look_dl : q->dl, SH_FUTEX_ANY, true);
	}
}

int sh_internal_ask(struct sh_int_answer *a, unsigned n, const struct sh_int_ask *q)
{
	struct sh_chan *c = sh_chan();
	struct post *p;
	uint64_t seq, stamp = 0;
	int k, cancel;

	if (sh_self() == 0)
		return -EPERM;
	if (c == NULL)
		return -ENOTSUP;
	if (q->len > SH_INT_DATA)
		return -EMSGSIZE;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	k = post_get(c->internal, q->dl, &stamp);
	if (k >= 0) {
		p = post_of(sh_id_slot(c->self), (unsigned)k);
		p->service = (uint32_t)q->svc;
		p->len = (uint32_t)q->len;
		p->stamp = stamp;
		seq = post_open(c, p, a, n, q->data);
		wait_answers(p, a, n, seq, q);
		sh_shm_acquire(sh_region());
		sh_store_rel(&p->word, seq << 1); /* R:POST */
		post_put(c->internal, k);
	}
	pthread_setcancelstate(cancel, NULL);
	return k < 0 ? k : 0;
}

void sh_internal_look(struct sh_chan *c)
{
	for (unsigned k = 0; c->internal != NULL && k < POSTS; k++) {
		struct post *p = post_of(sh_id_slot(c->self), k);
		bool open;

		sh_lock(&c->internal->lk);
		open = c->internal->busy[k];
		sh_unlock(&c->internal->lk);
		if (!open) /* never touched: not to be backed for this */
			continue;
		sh_add(&p->answered, 1);
		sh_futex_wake(&p->answered, INT_MAX, SH_FUTEX_ANY, true);
	}
}

/* ---- answering ---- */

static int call(struct sh_internal *in, uint32_t svc, sh_id_t from, const void *data, size_t len)
{
	sh_service_fn fn = NULL;
	void *arg = NULL;
	int r = ENOSYS;

	sh_lock(&in->lk);
	if (svc < SH_SERVICES) {
		fn = in->svc[svc].fn;
		arg = in->svc[svc].arg;
		in->running = fn != NULL ? (int)svc : -1;
	}
	sh_unlock(&in->lk);
	if (fn == NULL)
		return r;
	r = fn(arg, from, data, len);
	sh_lock(&in->lk);
	in->running = -1;
	changed(in);
	sh_unlock(&in->lk);
	return r == SH_INT_LATER && data != NULL ? r : r < 0 || r > 255 ? EPROTO : r;
}

void sh_internal_due(struct sh_int_due *due)
{
	*due = sh_chan()->internal->due;
}

void sh_internal_done(const struct sh_int_due *due, int code)
{
	struct post *p = due->post;
	sh_id_t self = sh_self();
	uint32_t gen = sh_id_gen(self);
	uint64_t v = ans_word(TAKEN, 0, due->seq, gen);

	if (self == 0)
		return;
	SH_STEP("post_served");
	sh_shm_release(sh_region());
	if (!sh_cas(&p->ans[sh_id_slot(self)], &v,
		    ans_word(DONE, code < 0 || code > 255 ? EPROTO : code, due->seq, gen))) /* R:POST_ANS */
		return;
	sh_add(&p->answered, 1);
	sh_futex_wake(&p->answered, INT_MAX, SH_FUTEX_ANY, true);
}

/* the oldest post of that member that asks me; its number in *seq */
static struct post *next_post(struct sh_chan *c, unsigned slot, uint64_t *seq)
{
	unsigned me = sh_id_slot(c->self);
	struct post *best = NULL;

	for (unsigned k = 0; k < POSTS; k++) {
		struct post *p = post_of(slot, k);
		uint64_t w = sh_load_acq(&p->word), s = w >> 1; /* A:POST */

		if ((w & 1) == 0 ||
		    sh_load_acq(&p->ans[me]) != ans_word(ASKED, 0, s, sh_id_gen(c->self))) /* A:POST_ANS */
			continue;
		if (best == NULL || p->stamp - best->stamp > UINT64_MAX / 2) {
			best = p;
			*seq = s;
		}
	}
	return best;
}

static bool answer(struct sh_chan *c, unsigned slot)
{
	unsigned char data[SH_INT_DATA] __attribute__((aligned(8)));
	unsigned me = sh_id_slot(c->self);
	uint32_t svc, len, gen = sh_id_gen(c->self);
	uint64_t seq = 0, v;
	struct post *p = next_post(c, slot, &seq);
	sh_id_t from;
	int code = EBADMSG;

	if (p == NULL)
		return false;
	svc = p->service;
	len = p->len;
	from = p->from;
	memcpy(data, p->data, sizeof(data));
	v = ans_word(ASKED, 0, seq, gen);
	if (!sh_cas(&p->ans[me], &v,
		    ans_word(TAKEN, 0, seq, gen))) /* A:POST_ANS; withdrawn: what I copied may be torn */
		return true;
	SH_STEP("post_taken");
	sh_shm_acquire(sh_region());
	c->internal->due = (struct sh_int_due){.post = p, .seq = seq};
	if (len <= SH_INT_DATA && sh_id_slot(from) == slot && sh_member_alive(from))
		code = call(c->internal, svc, from, data, len);
	if (code != SH_INT_LATER)
		sh_internal_done(&c->internal->due, code);
	return true;
}

static void look(struct sh_internal *in, uint32_t which)
{
	for (uint32_t s = 0; s < SH_SERVICES; s++)
		if ((which >> s & 1) != 0)
			(void)call(in, s, 0, NULL, 0);
}

/* everybody who rang and is not done with: one request of each in turn. true: there was something */
static bool go_round(struct sh_chan *c, uint64_t left[SH_MEMBERS / 64])
{
	uint32_t poked = sh_xchg(&c->internal->poked, 0) | sh_xchg(&c->inbox->unheard, 0); /* A:BELL */
	bool any = poked != 0;

	for (unsigned s = 0; s < SH_MEMBERS && !sh_load_rlx(&c->internal->stopping);
	     s++) { /* relaxed: looked at again */
		uint64_t bit = 1ull << (s % 64);

		if (s % 64 == 0)
			left[s / 64] |= sh_xchg(&c->inbox->rung[s / 64], 0); /* A:BELL */
		if ((left[s / 64] & bit) == 0)
			continue;
		if (!sh_slot_there(s)) { /* nobody was ever in that slot: the bit means nothing */
			left[s / 64] &= ~bit;
			continue;
		}
		any = true;
		if (!answer(c, s))
			left[s / 64] &= ~bit;
	}
	look(c->internal, poked);
	return any;
}

static void *internal_main(void *arg)
{
	struct sh_chan *c = arg;
	uint64_t left[SH_MEMBERS / 64] = {0};
	unsigned vain = 0;

	sh_thread_own();
	for (;;) {
		uint32_t b = sh_load_acq(&c->inbox->bell); /* A:BELL */

		if (sh_load_acq(&c->internal->stopping)) /* A:INT_STOP */
			return NULL;
		if (go_round(c, left)) {
			vain = 0;
			continue;
		}
		if (!sh_cas(&c->inbox->bell, &b, b | 1)) /* A:BELL: it rang since */
			continue;
		/* the bell too lies where others can write */
		vain = sh_nap_over(vain,
				   sh_futex_wait(&c->inbox->bell, b | 1, sh_nap(SH_FOREVER, vain), SH_FUTEX_ANY, true),
				   true);
		sh_and(&c->inbox->bell, ~1u);
	}
}

void sh_internal_serve(enum sh_service svc, sh_service_fn fn, void *arg)
{
	struct sh_internal *in = sh_chan() != NULL ? sh_chan()->internal : NULL;

	if (in == NULL)
		return;
	sh_lock(&in->lk);
	in->svc[svc].fn = fn;
	in->svc[svc].arg = arg;
	while (in->running == (int)svc && !pthread_equal(in->thread, pthread_self()))
		wait_change(in, SH_FOREVER);
	sh_unlock(&in->lk);
}

void sh_internal_poke(enum sh_service svc)
{
	struct sh_chan *c = sh_chan();

	if (c == NULL || c->internal == NULL || sh_self() == 0)
		return;
	sh_or(&c->internal->poked, 1u << svc); /* R:BELL */
	ring(c->inbox);
}

void sh_internal_nudge(sh_id_t to, enum sh_service svc)
{
	if (sh_chan() != NULL && sh_self() != 0 && sh_id_slot(to) < SH_MEMBERS && sh_slot_there(sh_id_slot(to)))
		unheard(to, svc);
}

void sh_internal_poke_others(enum sh_service svc)
{
	struct sh_chan *c = sh_chan();

	for (unsigned s = 0; c != NULL && sh_self() != 0 && s < SH_MEMBERS; s++) {
		sh_id_t id = s != sh_id_slot(c->self) && sh_slot_there(s) ? sh_member_at(s, NULL) : 0;

		if (id != 0)
			unheard(id, svc);
	}
}

int sh_internal_start(struct sh_chan *c)
{
	struct sh_internal *in = calloc(1, sizeof(*in));
	int e;

	if (in == NULL)
		return -ENOMEM;
	in->running = -1;
	c->internal = in;
	e = sh_thread_start(&in->thread, "shoal-int", internal_main, c);
	in->started = e == 0;
	return e;
}

void sh_internal_stop(struct sh_chan *c)
{
	struct sh_internal *in = c->internal;

	if (in == NULL || !in->started)
		return;
	sh_store_rel(&in->stopping, true); /* R:INT_STOP */
	ring(c->inbox);
	pthread_join(in->thread, NULL);
	in->started = false;
}

void sh_internal_forget(struct sh_chan *c)
{
	free(c->internal);
	c->internal = NULL;
}
