/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pend.c - requests under way: found by number, completed exactly once
 *
 * A reply finds its request by (number, sender); one that finds none is late: dropped, its fds closed. An entry ends by a
 * reply, a refusal, the death of its peer, the time limit or cancellation, whichever comes first; what comes second finds it
 * closed. Numbers start at a random point, so that a new process does not take an old one's replies for its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/futex.h"
#include "base/log.h"
#include "chan/chan_int.h"

struct sh_pend *sh_pend_new(unsigned n, const char *name, uint64_t dl)
{
	size_t size = sizeof(struct sh_pend) + n * sizeof(struct sh_ask);
	struct sh_pend *p = malloc(size); /* on every request's way: calloc() has no cache of the thread's */

	if (p == NULL)
		return NULL;
	*p = (struct sh_pend){.n = n, .n_open = n, .dl = dl};
	memcpy(p->name, name, strlen(name) + 1);
	for (unsigned i = 0; i < n; i++)
		p->ask[i] = (struct sh_ask){.outcome = SHOAL_PENDING};
	return p;
}

int sh_pend_add(struct sh_chan *c, struct sh_pend *p, bool *role)
{
	sh_lock(&c->lk);
	if (c->closing) { /* all others were ended already: nobody would end this one */
		sh_unlock(&c->lk);
		return -ECANCELED;
	}
	p->id = c->next_req++;
	if (p->handle != NULL)
		*p->handle = p->id;
	p->next = c->pend[p->id % SH_HASH];
	c->pend[p->id % SH_HASH] = p;
	sh_foreign_resume(c); /* an answer may lie behind what waits in the socket */
	if (p->async && p->dl < c->async_dl) {
		c->async_dl = p->dl;
		sh_disp_kick_locked(c); /* whoever sleeps must not sleep longer than that */
	}
	*role = !p->async && sh_role_enter_locked(c, p);
	sh_unlock(&c->lk);
	return 0;
}

static void unlink_pend(struct sh_chan *c, struct sh_pend *p)
{
	for (struct sh_pend **pp = &c->pend[p->id % SH_HASH]; *pp != NULL; pp = &(*pp)->next)
		if (*pp == p) {
			*pp = p->next;
			return;
		}
}

void sh_pend_remove(struct sh_chan *c, struct sh_pend *p)
{
	unlink_pend(c, p);
}

void sh_pend_free(struct sh_pend *p)
{
	if (p == NULL)
		return;
	for (unsigned i = 0; i < p->n; i++) {
		sh_msg_free(p->ask[i].reply);
		if (p->ask[i].piece != 0) /* nobody was told: as one that nobody waits for */
			sh_piece_abandon(sh_chan(), p->ask[i].piece);
		free(p->ask[i].foreign);
	}
	free(p->req_copy);
	sh_msg_free(p->note);
	free(p);
}

void sh_pend_forget_pieces(struct sh_pend *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		p->ask[i].piece = 0;
		if (p->ask[i].reply != NULL)
			p->ask[i].reply->piece = 0;
	}
}

/* under lk: the last entry has closed */
static void over(struct sh_chan *c, struct sh_pend *p)
{
	struct sh_msg *m;

	if (!p->async) {
		sh_pend_wake(c, p);
		return;
	}
	unlink_pend(c, p);
	m = p->note;
	p->note = NULL;
	m->kind = SH_M_ASYNC;
	m->pend = p;
	*c->q_tail = m;
	c->q_tail = &m->next;
	sh_add_rlx(&c->q_len, 1);
	sh_disp_kick_locked(c);
}

static void close_entry(struct sh_chan *c, struct sh_pend *p, struct sh_ask *a, enum shoal_outcome o)
{
	if (a->outcome != SHOAL_PENDING)
		return;
	a->outcome = o;
	if (o == SHOAL_ANSWERED)
		p->n_answered++;
	if (--p->n_open == 0)
		over(c, p);
}

void sh_pend_set(struct sh_chan *c, struct sh_pend *p, unsigned i, enum shoal_outcome o)
{
	sh_lock(&c->lk);
	close_entry(c, p, &p->ask[i], o);
	sh_unlock(&c->lk);
}

void sh_pend_finish(struct sh_chan *c, struct sh_pend *p, enum shoal_outcome o)
{
	unsigned n = p->n;

	/* one that is still tried again and again was never asked */
	for (unsigned i = 0; i < n; i++)
		close_entry(c, p, &p->ask[i], o == SHOAL_TIMED_OUT && p->ask[i].unsent ? SHOAL_FULL : o);
}

void sh_pend_asked(struct sh_chan *c, struct sh_pend *p)
{
	sh_lock(&c->lk);
	if (--p->n_open == 0)
		over(c, p);
	sh_unlock(&c->lk);
}

static bool same_peer(const struct sh_ask *a, const struct sh_msg *m)
{
	if (a->to != m->from)
		return false;
	return a->to != 0 || (a->foreign != NULL && m->foreign != NULL &&
			      strcmp(a->foreign->sa.sun_path, m->foreign->sa.sun_path) == 0);
}

/* under lk: the open entry this reply belongs to. A foreign one has no number: the oldest with that path and name. */
static struct sh_ask *find(struct sh_chan *c, const struct sh_msg *m, struct sh_pend **ret)
{
	struct sh_ask *best = NULL;

	for (unsigned h = m->from != 0 ? m->req % SH_HASH : 0; h < SH_HASH; h++) {
		for (struct sh_pend *p = c->pend[h]; p != NULL; p = p->next) {
			if (m->from != 0 ? p->id != m->req : strcmp(p->name, m->name) != 0)
				continue;
			/* numbers grow, and wrap at most once in a process' life */
			if (best != NULL && (int64_t)(p->id - (*ret)->id) > 0)
				continue;
			for (unsigned i = 0; i < p->n; i++)
				if (p->ask[i].outcome == SHOAL_PENDING && same_peer(&p->ask[i], m)) {
					*ret = p;
					best = &p->ask[i];
					break;
				}
		}
		if (m->from != 0)
			break;
	}
	return best;
}

void sh_pend_reply(struct sh_chan *c, struct sh_msg *m)
{
	struct sh_pend *p = NULL;
	struct sh_ask *a;

	sh_lock(&c->lk);
	a = find(c, m, &p);
	if (a == NULL) {
		sh_unlock(&c->lk);
		sh_count(SH_C_LATE);
		sh_msg_free(m);
		return;
	}
	if (m->type == SH_R_REP) {
		a->reply = m;
		m = NULL;
		close_entry(c, p, a, SHOAL_ANSWERED);
	} else if (m->type == SH_R_IGN) {
		a->ignored = true;
		close_entry(c, p, a, SHOAL_REFUSED);
	} else {
		a->code = m->code;
		close_entry(c, p, a, m->code == EMSGSIZE ? SHOAL_TOO_BIG : SHOAL_REFUSED);
	}
	sh_unlock(&c->lk);
	sh_msg_free(m);
}

/* for every request under way; fn may close entries. The chain may change under it only by unlinking p. */
static void each(struct sh_chan *c, void (*fn)(struct sh_chan *, struct sh_pend *, uint64_t), uint64_t arg)
{
	sh_lock(&c->lk);
	for (unsigned h = 0; h < SH_HASH; h++)
		for (struct sh_pend *p = c->pend[h], *next; p != NULL; p = next) {
			next = p->next;
			fn(c, p, arg);
		}
	sh_unlock(&c->lk);
}

static void gone(struct sh_chan *c, struct sh_pend *p, uint64_t id)
{
	unsigned n = p->n;

	/* a member may have been named twice. Over or not, nobody frees p while we have lk */
	for (unsigned i = 0; i < n; i++)
		if (p->ask[i].to == id)
			close_entry(c, p, &p->ask[i], SHOAL_DIED);
}

void sh_pend_gone(struct sh_chan *c, sh_id_t id)
{
	each(c, gone, id);
}

sh_id_t sh_pend_orphan(struct sh_chan *c)
{
	sh_id_t id = 0;

	sh_lock(&c->lk);
	for (unsigned h = 0; h < SH_HASH; h++)
		for (struct sh_pend *p = c->pend[h]; p != NULL && id == 0; p = p->next)
			for (unsigned i = 0; i < p->n && id == 0; i++)
				if (p->ask[i].to != 0 && p->ask[i].outcome == SHOAL_PENDING &&
				    !sh_member_active(p->ask[i].to))
					id = p->ask[i].to;
	sh_unlock(&c->lk);
	return id;
}

static void expire(struct sh_chan *c, struct sh_pend *p, uint64_t now)
{
	if (!p->async)
		return;
	if (p->dl <= now)
		sh_pend_finish(c, p, SHOAL_TIMED_OUT);
	else if (p->dl < c->async_dl)
		c->async_dl = p->dl;
}

bool sh_pend_foreign(struct sh_chan *c)
{
	for (unsigned h = 0; h < SH_HASH; h++)
		for (struct sh_pend *p = c->pend[h]; p != NULL; p = p->next)
			for (unsigned i = 0; i < p->n; i++)
				if (p->ask[i].foreign != NULL && p->ask[i].outcome == SHOAL_PENDING)
					return true;
	return false;
}

void sh_pend_expire(struct sh_chan *c)
{
	uint64_t now;
	bool due;

	if (sh_load_rlx(&c->async_dl) == SH_FOREVER) /* relaxed: a peek; who makes it earlier kicks */
		return;
	now = sh_now_ns();
	sh_lock(&c->lk);
	due = c->async_dl <= now;
	if (due)
		c->async_dl = SH_FOREVER;
	sh_unlock(&c->lk);
	if (due)
		each(c, expire, now);
}

static void end(struct sh_chan *c, struct sh_pend *p, uint64_t o)
{
	sh_pend_finish(c, p, (enum shoal_outcome)o);
}

void sh_pend_end_all(struct sh_chan *c, enum shoal_outcome o)
{
	sh_lock(&c->lk);
	c->closing = true;
	sh_unlock(&c->lk);
	each(c, end, o);
}

int sh_pend_cancel(struct sh_chan *c, uint64_t id)
{
	int r = -ESTALE;

	sh_lock(&c->lk);
	for (struct sh_pend *p = c->pend[id % SH_HASH]; p != NULL; p = p->next)
		if (p->id == id && p->async) {
			sh_pend_finish(c, p, SHOAL_CANCELLED);
			r = 0;
			break;
		}
	sh_unlock(&c->lk);
	return r;
}
