/* SPDX-License-Identifier: BSD-3-Clause */
/* run.c - run one item: find the action, call it, see to it that a request gets its answer. With the baton, no lock. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "chan/chan_int.h"

#define EARLY_MAX 1024 /* held for names not registered yet; more are taken for unknown */
#define EARLY_FDS 256  /* the same of their fds */

void sh_refuse(struct sh_chan *c, const struct sh_msg *m, uint32_t code)
{
	struct sh_send s = {.type = SH_R_REFUSE, .name = m->name, .req = m->req, .code = code};

	SH_STEP("refusing");
	sh_count(SH_C_REFUSED);
	if (m->piece != 0) /* before the refusal: who hears of it finds it */
		sh_piece_return(c, m->piece);
	if (m->from != 0)
		(void)sh_send_to(c, m->from, &s, 0, NULL);
	/* a foreign requester has no word for refused: it waits out its time limit, as with DPDK */
}

static uint64_t early_end(struct sh_chan *c)
{
	uint64_t ready = sh_load_acq(&sh_region()->members[sh_id_slot(c->self)].ready_ns); /* A:MEMBER */

	return ready != 0 ? ready + SH_EARLY_NS : SH_FOREVER;
}

uint64_t sh_early_dl(struct sh_chan *c)
{
	return c->early != NULL ? early_end(c) : SH_FOREVER;
}

/* to the head of the queue: they came before whatever is there under that name */
void sh_early_release(struct sh_chan *c, const char *name)
{
	struct sh_msg *keep = NULL, **keep_tail = &keep, *out = NULL, **out_tail = &out;

	for (struct sh_msg *m = c->early; m != NULL; m = m->next)
		if (strcmp(m->name, name) == 0) {
			*out_tail = m;
			out_tail = &m->next;
			m->held = 1;
			c->held_queued++;
			sh_add_rlx(&c->q_len, 1);
			sh_add_rlx(&c->q_fds, m->nfds);
		} else {
			*keep_tail = m;
			keep_tail = &m->next;
		}
	*keep_tail = NULL;
	c->early = keep;
	if (out == NULL)
		return;
	*out_tail = c->q_head;
	if (c->q_head == NULL)
		c->q_tail = out_tail;
	c->q_head = out;
}

static void unknown(struct sh_chan *c, struct sh_msg *m)
{
	sh_count(SH_C_UNKNOWN);
	sh_log_rate(SH_WARN, "nobody registered the name %s: dropped; register it with rte_mp_action_register()",
		    m->name);
	if (m->type == SH_R_REQ)
		sh_refuse(c, m, ENOENT);
	sh_msg_free(m);
}

void sh_early_expire(struct sh_chan *c)
{
	struct sh_msg *m = NULL;

	if (sh_load_rlx(&c->early) == NULL) /* relaxed: a peek, its writers kick */
		return;
	sh_lock(&c->lk);
	if (c->early != NULL && sh_now_ns() >= early_end(c)) {
		m = c->early;
		c->early = NULL;
	}
	sh_unlock(&c->lk);
	while (m != NULL) {
		struct sh_msg *next = m->next;

		unknown(c, m);
		m = next;
	}
}

/* no such action (yet): wait for it during the first second after init, for programs register after init. Under lk */
static bool keep_early(struct sh_chan *c, struct sh_msg *m)
{
	struct sh_msg *last = NULL;
	unsigned n = 0, fds = m->nfds;

	if (sh_now_ns() >= early_end(c))
		return false;
	for (struct sh_msg *e = c->early; e != NULL; e = e->next) {
		last = e;
		fds += e->nfds;
		n++;
	}
	if (n >= EARLY_MAX || (m->nfds != 0 && fds > EARLY_FDS))
		return false;
	m->next = NULL;
	if (last != NULL)
		last->next = m;
	else
		c->early = m;
	return true;
}

static int call_rte(struct sh_action *a, struct sh_msg *m, const char *peer)
{
	struct rte_mp_msg r;
	int ret;

	memset(&r, 0, offsetof(struct rte_mp_msg, fds));
	memcpy(r.name, m->name, sizeof(r.name));
	r.len_param = (int)m->len;
	if (m->len != 0)
		memcpy(r.param, m->data, m->len);
	r.num_fds = (int)m->nfds;
	memcpy(r.fds, m->fds, m->nfds * sizeof(int));
	m->nfds = 0; /* they are the action's now */
	ret = a->rte != NULL ? a->rte(&r, peer) : -EINVAL;
	if (a->rte == NULL)
		for (int i = 0; i < r.num_fds; i++)
			sh_close(&r.fds[i]);
	return ret;
}

static int call_shoal(struct sh_action *a, struct sh_msg *m, const char *peer, const struct shoal_piece *piece)
{
	struct shoal_in in = {.name = m->name,
			      .data = m->data,
			      .len = m->len,
			      .fds = m->fds,
			      .num_fds = m->nfds,
			      .from = m->from,
			      .peer = peer,
			      .is_request = m->type == SH_R_REQ,
			      .piece = *piece};

	return a->shoal(&in, a->arg);
}

/* it failed without a reply: refused at once */
static void failed(struct sh_chan *c, struct sh_msg *m, uint32_t code)
{
	if (m->type == SH_R_REQ && sh_open_take(c, m->from, m->foreign != NULL ? m->foreign->sa.sun_path : NULL, m->req,
						NULL, 0, NULL, NULL) == 0)
		sh_refuse(c, m, code);
}

static void call(struct sh_chan *c, struct sh_action *a, struct sh_msg *m)
{
	struct shoal_piece piece = {.id = m->piece};
	char peer[SH_PEER_MAX];
	int ret = m->piece != 0 ? sh_piece_lend(c, m->piece, &piece.addr, &piece.len) : 0;

	if (ret == -ESTALE) { /* its sender does not wait any more, and has it */
		sh_count(SH_C_STALE);
		return;
	}
	if (ret < 0) {
		failed(c, m, (uint32_t)-ret);
		return;
	}
	sh_peer_make(c, m, peer);
	SH_STEP("action");
	ret = a->shoal != NULL ? call_shoal(a, m, peer, &piece) : call_rte(a, m, peer);
	if (sh_strayed(c))
		return;
	if (ret < 0) {
		if (a->shoal == NULL && a->rte == NULL)
			sh_log_rate(SH_ERR,
				    "action %s was registered with NULL for its function: what comes is refused",
				    m->name);
		else
			sh_log_rate(SH_ERR, "action %s failed: it returned %d", m->name, ret);
		failed(c, m, EIO);
	}
	if (m->piece != 0)
		sh_piece_return(c, m->piece);
}

/* the call is over */
static void run_done(struct sh_chan *c, struct sh_action *a, struct sh_msg *m)
{
	sh_act_drop(c, a);
	sh_msg_free(m);
}

static void run_record(struct sh_running *r)
{
	struct sh_chan *c = r->c;
	struct sh_msg *m = r->m;
	struct sh_action *a;
	bool small, kept, full = false;

	sh_lock(&c->lk);
	if (m->held) {
		c->held_queued--;
	} else if (c->held_queued != 0) {
		/* taken out of the inbox while those that had waited for their name were put before it */
		sh_queue_locked(c, m);
		sh_unlock(&c->lk);
		return;
	}
	a = sh_act_hold(c, m->name);
	small = a != NULL && a->shoal == NULL && (m->len > RTE_MP_MAX_PARAM_LEN || m->piece != 0);
	if (a != NULL && !small && m->type == SH_R_REQ)
		full = sh_open_add(c, m) < 0;
	kept = a == NULL && keep_early(c, m);
	sh_unlock(&c->lk);
	if (a == NULL) {
		if (!kept)
			unknown(c, m);
		return;
	}
	if (small) {
		sh_count(SH_C_MALFORMED);
		sh_log_rate(
			SH_WARN,
			"%zu bytes for action %s dropped: it was registered with rte_mp_action_register() and takes "
			"256; register it with shoal_action_register()",
			m->len, m->name);
		if (m->type == SH_R_REQ)
			sh_refuse(c, m, EMSGSIZE);
	} else if (full) {
		sh_refuse(c, m, ENOMEM);
	} else {
		r->a = a;
		call(c, a, m);
		if (sh_strayed(c))
			return;
	}
	run_done(c, a, m);
}

void sh_reply_fill(struct sh_pend *p, struct rte_mp_reply *r)
{
	unsigned k = 0;

	memset(r, 0, sizeof(*r));
	for (unsigned i = 0; i < p->n; i++)
		if (!p->ask[i].ignored && p->ask[i].outcome != SHOAL_FULL)
			r->nb_sent++;
	if (p->n_answered == 0)
		return;
	r->msgs = malloc(p->n_answered * sizeof(*r->msgs));
	if (r->msgs == NULL)
		return;
	for (unsigned i = 0; i < p->n; i++) {
		struct sh_msg *m = p->ask[i].reply;
		struct rte_mp_msg *o = &r->msgs[k];

		if (p->ask[i].outcome != SHOAL_ANSWERED || m == NULL)
			continue;
		memset(o, 0, offsetof(struct rte_mp_msg, fds));
		memcpy(o->name, m->name, sizeof(o->name));
		o->len_param = (int)(m->len < RTE_MP_MAX_PARAM_LEN ? m->len : RTE_MP_MAX_PARAM_LEN);
		memcpy(o->param, m->data != NULL ? m->data : (const unsigned char *)"", (size_t)o->len_param);
		o->num_fds = (int)m->nfds;
		memcpy(o->fds, m->fds, m->nfds * sizeof(int));
		m->nfds = 0; /* the caller's now */
		k++;
	}
	r->nb_received = (int)k;
}

/* a piece that came with an answer: on loan from now on, until the answers are freed */
static void lend_answer(struct sh_chan *c, struct sh_msg *m, struct shoal_answer *a)
{
	a->piece.id = m->piece;
	if (sh_piece_lend(c, m->piece, &a->piece.addr, &a->piece.len) < 0)
		a->piece = (struct shoal_piece){0};
}

void sh_answers_fill(struct sh_chan *c, struct sh_pend *p, struct shoal_answers *out, struct shoal_answer *a)
{
	*out = (struct shoal_answers){.n = p->n, .answered = p->n_answered, .a = a};
	for (unsigned i = 0; i < p->n; i++) {
		struct sh_msg *m = p->ask[i].reply;

		a[i] = (struct shoal_answer){.member = p->ask[i].to, .outcome = p->ask[i].outcome};
		a[i].piece_back = p->ask[i].lends && (p->ask[i].piece == 0 || sh_piece_settle(c, p->ask[i].piece));
		p->ask[i].piece = 0;
		if (m == NULL)
			continue;
		a[i].data = m->data;
		a[i].len = m->len;
		a[i].fds = m->fds;
		a[i].num_fds = m->nfds;
		if (m->piece != 0)
			lend_answer(c, m, &a[i]);
	}
}

static void run_async(struct sh_running *r)
{
	struct sh_pend *p = r->m->pend;

	if (p->clb != NULL) {
		struct rte_mp_reply reply;

		sh_reply_fill(p, &reply);
		r->block = reply.msgs;
		(void)p->clb(p->req_copy, &reply);
	} else {
		struct shoal_answer *a = calloc(p->n + 1, sizeof(*a));
		struct shoal_answers all = {0};

		r->block = a;
		if (a != NULL)
			sh_answers_fill(r->c, p, &all, a);
		p->sclb(&all, p->sarg);
	}
	if (sh_strayed(r->c))
		return;
	free(r->block);
	sh_pend_free(p);
}

/* a piece of mine came back and nobody waits for it */
static void run_back(struct sh_chan *c, const struct sh_msg *m)
{
	const struct sh_piece_ops *ops;
	shoal_piece_fn fn;
	void *arg;

	sh_lock(&c->lk);
	fn = c->back_fn;
	arg = c->back_arg;
	sh_unlock(&c->lk);
	ops = sh_load_acq(&c->piece_ops); /* A:PIECE_OPS */
	if (fn != NULL)
		fn(m->back.addr, m->back.len, m->from, arg);
	else if (ops != NULL)
		ops->drop(m->back.addr);
}

void sh_run(struct sh_running *r)
{
	if (r->m->kind == SH_M_RECORD) {
		run_record(r);
		return;
	}
	if (r->m->kind == SH_M_ASYNC)
		run_async(r);
	else
		run_back(r->c, r->m);
	if (!sh_strayed(r->c))
		sh_msg_free(r->m);
}

void sh_run_torn(struct sh_running *r)
{
	struct sh_msg *m = r->m;

	sh_err("%s %s ended its thread with pthread_exit(): %s; let it return, or end the thread that it wants to end",
	       m->kind == SH_M_RECORD ? "action" : "callback", m->kind == SH_M_RECORD ? m->name : "of a request",
	       m->type == SH_R_REQ ? "a request is refused, another thread goes on" : "another thread goes on");
	if (m->kind == SH_M_RECORD) {
		failed(r->c, m, EIO);
		if (m->piece != 0)
			sh_piece_return(r->c, m->piece);
		run_done(r->c, r->a, m);
		return;
	}
	free(r->block);
	if (m->kind == SH_M_ASYNC)
		sh_pend_free(m->pend);
	sh_msg_free(m);
}
