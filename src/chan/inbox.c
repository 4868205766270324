/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inbox.c - the consumer's side: find the next record, believe it only after a check, copy it out
 *
 * All of it runs under the consumer lock `pop`. Order: per lane first in first out; across lanes by ticket. A record with
 * ticket t is taken only when a look at the dirty words *after* t was seen shows nothing smaller: whoever caused t to be
 * sent has set its own bit before. A ticket whose sender died is never waited for.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/futex.h"
#include "base/log.h"
#include "chan/chan_int.h"

#define LOOKS 1024

bool sh_inbox_empty(struct sh_chan *c)
{
	uint64_t any = 0;

	/* relaxed: the caller has a fence before (SB:WAKE), or only peeks */
	for (unsigned i = 0; i < SH_MEMBERS / 64; i++)
		any |= sh_load_rlx(&c->inbox->dirty[i]) | sh_load_rlx(&c->look[i]);
	return (any | sh_load_rlx(&c->inbox->back)) == 0;
}

/* the records that dirty bits tell of: on their way while the bits are taken, which waits for a line of its own */
static void fetch(const struct sh_chan *c, unsigned i)
{
	/* relaxed: a hint */
	for (uint64_t w = sh_load_rlx(&c->inbox->dirty[i]), n = 0; w != 0 && n < 4; w &= w - 1, n++) {
		const struct sh_in *in = &c->in[i * 64 + (unsigned)__builtin_ctzll(w)];
		const unsigned char *p = in->data + in->head % SH_LANE_SIZE;

		if (in->from == 0)
			continue;
		__builtin_prefetch(&in->lane->tail);
		for (unsigned l = 0; l < 4; l++)
			__builtin_prefetch(p + l * (size_t)SH_LINE);
	}
}

/* move dirty bits into active; true when there were any */
static bool take_dirty(struct sh_chan *c)
{
	uint64_t any = 0;

	if (sh_load_rlx(&c->inbox->back) != 0 && sh_xchg(&c->inbox->back, 0) != 0) /* A:PIECE is in collect */
		sh_piece_collect(c);
	for (unsigned i = 0; i < SH_MEMBERS / 64; i++) {
		uint64_t d = 0;

		if (sh_load_rlx(&c->inbox->dirty[i]) != 0) {
			fetch(c, i);
			d = sh_xchg(&c->inbox->dirty[i], 0); /* A:DIRTY */
		}
		if (sh_load_rlx(&c->look[i]) != 0)
			d |= sh_xchg(&c->look[i], 0);
		c->active[i] |= d;
		any |= d;
	}
	return any != 0;
}

static void say_unmapped(unsigned s)
{
	sh_log_rate(SH_ERR, "cannot map the inbox lane of member %u: %s; raise ulimit -v or vm.max_map_count", s,
		    strerror(errno));
}

/* the lane of the sender in slot s is mapped as far as tail says, and the next record's head in any case */
static bool shown(struct sh_in *in, unsigned s, uint64_t tail)
{
	uint64_t end = in->head + sizeof(struct sh_rec), upto;

	end = tail > end ? tail : end; /* tail may be a lie */
	if (end <= in->shown || in->shown == SH_LANE_SIZE)
		return true;
	upto = sh_lane_steps(end);
	if (sh_lane_show(in->data, in->k, in->shown, upto) < 0) {
		say_unmapped(s);
		return false;
	}
	in->shown = upto;
	return true;
}

/* map the lane of the sender in slot s if it has published one for me: true when there is one */
static bool lane_ready(struct sh_chan *c, unsigned s)
{
	struct sh_in *in = &c->in[s];
	uint32_t v;
	uint64_t o;
	sh_id_t from;

	if (in->from != 0)
		return true;
	v = sh_load_acq(&c->inbox->lane_of[s]); /* A:LANE_OF */
	if (v == 0)
		return false;
	if (!sh_lane_there(v - 1))
		goto stale;
	o = sh_load_acq(&sh_lane_at(v - 1)->owner); /* A:LANE_OWN */
	from = SH_ID(s, (o >> 39) & SH_LANE_GEN);
	if (o != sh_lane_word(SH_LANE_OWNED, from, c->self))
		goto stale;
	in->data = sh_lane_map();
	if (in->data == NULL) {
		say_unmapped(s);
		return false;
	}
	in->k = v - 1;
	in->shown = 0;
	in->lane = sh_lane_at(in->k);
	in->head = sh_load_rlx(&in->lane->head); /* relaxed: mine */
	in->from = from;
	return true;
stale:
	/* published for an earlier holder of my slot, or by one who is gone and whose lane was freed */
	(void)sh_cas(&c->inbox->lane_of[s], &v, 0);
	sh_count(SH_C_STALE);
	return false;
}

static void unmap_lane(struct sh_in *in)
{
	sh_lane_unmap(in->data);
	in->data = NULL;
	in->shown = 0;
	in->lane = NULL;
	in->from = 0;
	in->stash_seq = 0;
	if (in->stash != NULL)
		sh_fds_close(in->stash);
	free(in->stash);
	in->stash = NULL;
}

void sh_inbox_forget(struct sh_chan *c, sh_id_t gone)
{
	unsigned s = sh_id_slot(gone);
	struct sh_in *in = &c->in[s];
	uint32_t v = in->k + 1;

	sh_lock(&c->link_lock);
	if (in->link_from == gone)
		sh_link_drop(in);
	sh_unlock(&c->link_lock);
	if (in->from != gone)
		return;
	unmap_lane(in);
	/* the word first: while the lane is mine a newcomer in that slot must find it free of the old index */
	(void)sh_cas(&c->inbox->lane_of[s], &v, 0); /* R:LANE_OF */
	SH_STEP("lane_forgotten");
	sh_lane_free(in->k, gone, c->self);
}

static bool answer_at_head(const struct sh_in *in)
{
	uint8_t type = in->data[in->head % SH_LANE_SIZE + offsetof(struct sh_rec, type)];

	return type == SH_R_REP || type == SH_R_IGN || type == SH_R_REFUSE;
}

/* lowest ticket among the active lanes: slot, or -1 when all are empty */
static int lowest(struct sh_chan *c, uint64_t *ticket)
{
	int best = -1;

	for (unsigned i = 0; i < SH_MEMBERS / 64; i++)
		for (uint64_t w = c->active[i]; w != 0; w &= w - 1) {
			unsigned s = i * 64 + (unsigned)__builtin_ctzll(w);
			struct sh_in *in = &c->in[s];
			uint64_t tail, t;

			if (!lane_ready(c, s)) {
				c->active[i] &= ~(1ull << (s % 64));
				continue;
			}
			tail = sh_load_acq(&in->lane->tail); /* A:LANE_PUB */
			sh_shm_acquire(sh_region());
			if (tail == in->head) {
				c->active[i] &= ~(1ull << (s % 64));
				/* gone, and tail has not moved since that was known: nothing more can come */
				if (!sh_member_alive(in->from) &&
				    sh_load_acq(&in->lane->tail) == in->head) /* A:LANE_PUB */
					sh_inbox_forget(c, in->from);
				else if (sh_load_acq(&in->lane->tail) != in->head) /* A:LANE_PUB */
					sh_or(&c->look[i], 1ull << (s % 64));
				continue;
			}
			if (!shown(in, s, tail)) {
				c->active[i] &= ~(1ull << (s % 64));
				continue;
			}
			if (c->answers_only && !answer_at_head(in))
				continue;
			memcpy(&t, in->data + in->head % SH_LANE_SIZE + offsetof(struct sh_rec, ticket), sizeof(t));
			if (best < 0 || t < *ticket) {
				best = (int)s;
				*ticket = t;
			}
		}
	return best;
}

/* SB:ROOM, the receiver's side: new head stored, fence, look whether the sender sleeps for room */
static void advance(struct sh_in *in, uint64_t to, bool maybe_waited)
{
	in->head = to;
	sh_shm_release(sh_region());
	sh_store_rel(&in->lane->head, to); /* R:LANE_FREE */
	if (!maybe_waited)
		return;
	sh_fence();
	if (sh_load_rlx(&in->lane->room) != 0 && sh_xchg(&in->lane->room, 0) != 0)
		sh_futex_wake(&in->lane->room, INT_MAX, SH_FUTEX_ANY, true);
}

/* the fds of a record, and its payload if that came as one of them: 0 or -errno */
static int take_fds(struct sh_chan *c, unsigned s, const struct sh_rec *r, struct sh_msg *m, struct sh_fds *f)
{
	struct sh_in *in = &c->in[s];
	unsigned first = 0;
	int e;

	sh_lock(&c->link_lock);
	e = sh_link_take(in, in->from, r->fd_seq, r->nfds, f);
	sh_unlock(&c->link_lock);
	if (e == -ENOLINK) { /* not accepted yet: it waits at my listener, for its connect() came before this record */
		sh_link_poll();
		sh_lock(&c->link_lock);
		e = sh_link_take(in, in->from, r->fd_seq, r->nfds, f);
		sh_unlock(&c->link_lock);
	}
	sh_add_rlx(&in->lane->fds_taken, r->nfds); /* relaxed: the sender's credit, also for what is lost */
	if (e < 0)
		return e;
	if ((r->flags & SH_RF_BIG) != 0) {
		m->data = sh_big_map(f->fd[0], r->data_len);
		if (m->data == NULL)
			return -EBADMSG;
		m->map_len = m->len = r->data_len;
		sh_close(&f->fd[0]);
		first = 1;
	}
	for (unsigned i = first; i < f->n; i++)
		m->fds[m->nfds++] = sh_fds_take(f, i);
	f->n = 0;
	return 0;
}

static void bad_lane(struct sh_chan *c, struct sh_in *in, uint64_t tail, const char *why)
{
	sh_count(SH_C_MALFORMED);
	sh_log_rate(SH_WARN, "dropped what member %u sent: %s; is it running another version, or overwriting memory?",
		    sh_id_slot(in->from), why);
	(void)c;
	advance(in, tail, true);
}

/* the fds of m are lost: a request is refused, an answer becomes a refusal, a message is dropped */
static struct sh_msg *without_fds(struct sh_chan *c, struct sh_msg *m, unsigned s, int e)
{
	if (e == -EMFILE || e == -ENOLINK)
		sh_log_rate(SH_ERR,
			    "dropped %s from member %u: no file descriptor left for those that came with it; raise "
			    "ulimit -n",
			    m->name, s);
	else
		sh_log_rate(SH_WARN, "dropped %s from member %u: the fds it announced did not come (%s)", m->name, s,
			    strerror(-e));
	if (m->type == SH_R_REP) {
		m->type = SH_R_REFUSE;
		m->code = EMFILE;
		return m;
	}
	if (m->type == SH_R_REQ)
		sh_refuse(c, m, EMFILE);
	sh_msg_free(m);
	return NULL;
}

/* what the record says of itself, that was looked at */
static void describe(struct sh_msg *m, const struct sh_rec *r)
{
	m->type = r->type;
	m->flags = r->flags;
	m->code = r->code;
	m->from = r->from;
	m->req = r->req;
	if (r->type == SH_R_REQ)
		m->expire_dl = sh_coarse_deadline((uint64_t)r->left_ms * SH_NS_PER_MS + SH_NS_PER_S);
}

/* copy the record at the head of lane s out; NULL: it was dropped, or there is no memory (then *stop) */
static struct sh_msg *take(struct sh_chan *c, unsigned s, bool *stop)
{
	struct sh_in *in = &c->in[s];
	uint64_t tail = sh_load_acq(&in->lane->tail); /* A:LANE_PUB */
	const unsigned char *p = in->data + in->head % SH_LANE_SIZE;
	uint64_t avail = tail - in->head;
	struct sh_fds f;
	struct sh_rec r;
	struct sh_msg *m;
	const char *why;
	bool withdrawn = false;
	uint64_t piece = 0;
	size_t at;
	int e = 0;

	if (!shown(in, s, tail)) {
		*stop = true;
		return NULL;
	}
	f.n = 0; /* and not its fds: a kilobyte */
	memcpy(&r, p, sizeof(r));
	why = avail > SH_LANE_SIZE ? "more bytes than a lane has" : sh_rec_check(&r, avail, in->from);
	if (why == NULL && memchr(p + sizeof(r), '\0', r.name_len) != NULL)
		why = "NUL inside a name";
	if (why != NULL) {
		bad_lane(c, in, tail, why);
		return NULL;
	}
	m = sh_msg_new((const char *)p + sizeof(r), r.name_len, (r.flags & SH_RF_BIG) != 0 ? 0 : (size_t)r.data_len,
		       r.nfds);
	if (m == NULL) {
		*stop = true;
		return NULL;
	}
	describe(m, &r);
	at = sizeof(r) + r.name_len;
	if ((r.flags & SH_RF_PIECE) != 0) {
		memcpy(&piece, p + at, sizeof(piece));
		at += sizeof(piece);
		withdrawn = !sh_piece_arrive(c, piece, r.from);
		m->piece = withdrawn ? 0 : piece;
	}
	if (m->data != NULL)
		memcpy(m->data, p + at, m->len);
	if (r.nfds != 0) {
		e = take_fds(c, s, &r, m, &f);
		SH_STEP("fds_taken");
	}
	advance(in, in->head + r.len, avail > SH_LANE_SIZE / 2 || r.nfds != 0);
	SH_STEP("rec_taken");
	/* under pop: one writer */
	sh_store_rlx(&c->count[SH_C_RECEIVED], sh_load_rlx(&c->count[SH_C_RECEIVED]) + 1);
	if (e == 0 && r.to == c->self && !withdrawn)
		return m;
	sh_count(e != 0 ? SH_C_MALFORMED : SH_C_STALE);
	sh_fds_close(&f);
	if (e != 0 && r.to == c->self)
		return without_fds(c, m, s, e);
	sh_msg_free(m);
	return NULL;
}

struct sh_msg *sh_inbox_next(struct sh_chan *c)
{
	unsigned looks = 0; /* one that rewrites its words all the time must not hold us here */
	bool stop = false;

	(void)take_dirty(c);
	while (!stop && looks++ < LOOKS) {
		uint64_t t = 0, again = 0;
		int s = lowest(c, &t);
		struct sh_msg *m;

		if (s < 0) {
			if (!take_dirty(c))
				return NULL;
			continue;
		}
		/* whoever caused this record had published before: look once more, take it if the choice stands */
		if (take_dirty(c) && (lowest(c, &again) != s || again != t) && looks < LOOKS / 2)
			continue;
		m = take(c, (unsigned)s, &stop);
		if (m != NULL)
			return m;
	}
	return NULL;
}

void sh_inbox_leave(struct sh_chan *c)
{
	bool left = false;

	for (unsigned i = 0; i < SH_MEMBERS / 64; i++) {
		uint64_t back = 0;

		for (uint64_t w = c->active[i]; w != 0; w &= w - 1) {
			struct sh_in *in = &c->in[i * 64 + (unsigned)__builtin_ctzll(w)];

			if (in->from == 0 || sh_load_acq(&in->lane->tail) != in->head) /* A:LANE_PUB */
				back |= w & -w;
		}
		c->active[i] = 0;
		if (back != 0)
			sh_or(&c->look[i], back);
		left |= back != 0;
	}
	if (!left)
		return;
	sh_fence(); /* SB:WAKE: a requester that found pop taken and nothing dirty may have gone to sleep */
	(void)sh_inbox_wake(c->inbox);
}

/*
 * WAKING is set before the futex call and taken away with the kind after it: a sender that is stopped in between leaves a
 * word on which every other sender wakes as well.
 */
bool sh_inbox_wake(struct sh_inbox *b)
{
	uint32_t w = sh_load_sc(&b->wake); /* SB:WAKE: a fence, or an "or" of the same kind, came before */

	while ((w & SH_WAKE_KIND) != SH_AWAKE) {
		if ((w & SH_WAKING) == 0) {
			if (!sh_cas(&b->wake, &w, w | SH_WAKING))
				continue;
			w |= SH_WAKING;
		}
		SH_STEP("wake_marked");
		sh_futex_wake(&b->wake, 1, w & SH_WAKE_KIND, true);
		(void)sh_cas(&b->wake, &w, w & ~(SH_WAKE_KIND | SH_WAKING));
		return true;
	}
	return false;
}
