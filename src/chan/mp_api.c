/* SPDX-License-Identifier: BSD-3-Clause */
/* mp_api.c - rte_mp_*: check arguments, map errors, nothing else. The contract is in rte_eal_mp.h. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/export.h"
#include "base/fault.h"
#include "base/log.h"
#include "chan/chan_int.h"
#include "rte_errno.h"

#define REPLY_NS (200 * SH_NS_PER_MS) /* an action may wait so long for room for its reply */

static int fail(int e)
{
	rte_errno = e < 0 ? -e : e;
	return -1;
}

static int check_name(const char *name)
{
	size_t n;

	if (name == NULL || name[0] == '\0')
		return -EINVAL;
	n = strnlen(name, RTE_MP_MAX_NAME_LEN);
	return n == RTE_MP_MAX_NAME_LEN ? -E2BIG : 0;
}

void sh_say_null(const char *what)
{
	sh_err("refused: %s is NULL", what);
}

/* of an action: 0, -EINVAL, -E2BIG, with a line */
int sh_check_action_name(const char *name)
{
	int e = check_name(name);

	if (e < 0)
		sh_err("action refused: its name %s", name == NULL  ? "is NULL"
						      : e == -E2BIG ? "has 64 characters or more"
								    : "is empty");
	return e;
}

static int check_msg(const struct rte_mp_msg *m)
{
	int e;

	if (m == NULL)
		return sh_is_null("the message");
	e = check_name(m->name);
	if (e < 0) {
		sh_err("message refused: its name is %s", e == -E2BIG ? "not terminated within 64 bytes" : "empty");
		return -EINVAL;
	}
	if (m->len_param < 0 || m->num_fds < 0) {
		sh_err("message %s refused: len_param %d or num_fds %d is negative", m->name, m->len_param, m->num_fds);
		return -EINVAL;
	}
	if (m->len_param > RTE_MP_MAX_PARAM_LEN || m->num_fds > RTE_MP_MAX_FD_NUM) {
		sh_err("message %s refused: %d bytes and %d fds, at most %d and %d fit; shoal_send() takes more bytes",
		       m->name, m->len_param, m->num_fds, RTE_MP_MAX_PARAM_LEN, RTE_MP_MAX_FD_NUM);
		return -E2BIG;
	}
	e = sh_check_fds(m->fds, (unsigned)m->num_fds);
	if (e < 0)
		sh_err("message %s refused: one of its %d fds is not open", m->name, m->num_fds);
	return e;
}

static struct sh_send as_send(const struct rte_mp_msg *m, enum sh_rtype type)
{
	return (struct sh_send){.type = (uint8_t)type,
				.name = m->name,
				.data = m->param,
				.len = (size_t)m->len_param,
				.fds = m->fds,
				.nfds = (unsigned)m->num_fds};
}

/* relative time limit to deadline: 0 or -EINVAL */
int sh_limit(const struct timespec *ts, uint64_t *dl)
{
	if (ts == NULL) {
		*dl = sh_limit_deadline(SH_SEND_NS);
		return 0;
	}
	if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= 1000000000) {
		sh_err("time limit refused: %lld s and %ld ns; it is relative, neither is negative, and the second is "
		       "less than 1000000000",
		       (long long)ts->tv_sec, ts->tv_nsec);
		return -EINVAL;
	}
	*dl = (uint64_t)ts->tv_sec > SH_FOREVER / SH_NS_PER_S - 1
		      ? SH_FOREVER
		      : sh_limit_deadline((uint64_t)ts->tv_sec * SH_NS_PER_S + (uint64_t)ts->tv_nsec);
	return 0;
}

SH_EXPORT int rte_mp_action_register(const char *name, rte_mp_t action)
{
	int e = sh_check_action_name(name), old = 0;

	if (e == 0)
		e = sh_call_begin("rte_mp_action_register", &old);
	if (e < 0)
		return fail(e);
	e = sh_act_add(sh_chan(), name, action, NULL, NULL);
	sh_call_end(old);
	return e < 0 ? fail(e) : 0;
}

SH_EXPORT void rte_mp_action_unregister(const char *name)
{
	int old = 0;

	if (check_name(name) != 0 || sh_call_begin("rte_mp_action_unregister", &old) != 0)
		return;
	sh_act_del(sh_chan(), name);
	sh_call_end(old);
}

/* whom DPDK's calls address: the primary, or for the primary all secondaries and the foreign peers that have spoken */
static int rte_targets(struct sh_chan *c, sh_id_t ids[SH_MEMBERS], unsigned *n, struct sh_foreign_addr **f,
		       unsigned *nf)
{
	bool primary = sh_is_primary();
	uint64_t to = primary ? SHOAL_TO_SECONDARIES : SHOAL_TO_PRIMARY;
	int e = sh_targets(c, &to, 1, ids, n);

	*nf = e == 0 && primary ? sh_foreign_list(c, f, SH_FOREIGN) : 0;
	return e;
}

static int sendmsg_now(struct sh_chan *c, struct rte_mp_msg *msg)
{
	struct sh_foreign_addr *f[SH_FOREIGN];
	struct sh_send s = as_send(msg, SH_R_MSG);
	uint64_t dl = sh_limit_deadline(SH_SEND_NS);
	int res[SH_MEMBERS];
	bool full[SH_FOREIGN];
	unsigned n, nf;
	sh_id_t ids[SH_MEMBERS];
	int e = rte_targets(c, ids, &n, f, &nf);

	if (e < 0) {
		sh_err("cannot send %s: there is no primary in this group", msg->name);
		return e;
	}
	for (unsigned i = 0; i < nf; i++) /* nobody waits for another's room */
		full[i] = sh_foreign_send(c, f[i], &s) == -EAGAIN;
	e = sh_cast(c, ids, n, &s, sh_in_action() ? 0 : dl, res);
	if (e == -ECONNREFUSED && sh_is_primary())
		e = 0; /* a secondary that left meanwhile was not to be told */
	for (unsigned i = 0; i < nf; i++) {
		if (full[i] && sh_foreign_send_wait(c, f[i], &s, dl) == -EAGAIN && e == 0)
			e = -EAGAIN;
		free(f[i]);
	}
	return e;
}

SH_EXPORT int rte_mp_sendmsg(struct rte_mp_msg *msg)
{
	int e = check_msg(msg), old = 0;

	if (e == 0)
		e = sh_call_begin("rte_mp_sendmsg", &old);
	if (e < 0)
		return fail(e);
	e = sendmsg_now(sh_chan(), msg);
	sh_call_end(old);
	return e < 0 ? fail(e) : 0;
}

static struct sh_pend *prepare(struct sh_chan *c, const struct rte_mp_msg *req, uint64_t dl, int *err)
{
	struct sh_foreign_addr *f[SH_FOREIGN];
	struct sh_pend *p;
	unsigned n, nf;
	sh_id_t ids[SH_MEMBERS];

	*err = rte_targets(c, ids, &n, f, &nf);
	if (*err < 0)
		return NULL;
	p = sh_pend_new(n + nf, req->name, dl);
	for (unsigned i = 0; p != NULL && i < n; i++)
		p->ask[i].to = ids[i];
	for (unsigned i = 0; i < nf; i++) {
		if (p != NULL)
			p->ask[n + i].foreign = f[i];
		else
			free(f[i]);
	}
	if (p == NULL)
		*err = -ENOMEM;
	return p;
}

/* the table in rte_eal_mp.h */
int sh_pend_result(const struct sh_pend *p)
{
	unsigned n[SHOAL_PENDING + 1] = {0};

	if (p->n == 0 || p->n_answered != 0)
		return 0;
	for (unsigned i = 0; i < p->n; i++)
		n[p->ask[i].outcome]++;
	if (n[SHOAL_CANCELLED] != 0)
		return -ECANCELED;
	if (n[SHOAL_TIMED_OUT] + n[SHOAL_REFUSED] != 0)
		return -ETIMEDOUT;
	if (n[SHOAL_TOO_BIG] != 0)
		return -EMSGSIZE;
	for (unsigned i = 0; i < p->n; i++)
		if (p->ask[i].outcome == SHOAL_FULL && p->ask[i].err != 0)
			return -p->ask[i].err;
	if (n[SHOAL_FULL] != 0)
		return -EAGAIN;
	return -ECONNREFUSED;
}

static bool all_ignored(const struct sh_pend *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (!p->ask[i].ignored)
			return false;
	return true;
}

static int request_now(struct sh_chan *c, struct rte_mp_msg *req, struct rte_mp_reply *reply, uint64_t dl)
{
	struct sh_send s = as_send(req, SH_R_REQ);
	struct sh_pend *p;
	int e;

	p = prepare(c, req, dl, &e);
	if (p == NULL) {
		if (e == -ECONNREFUSED)
			sh_err("cannot ask %s: there is no primary in this group", req->name);
		return e;
	}
	e = sh_ask(c, p, &s);
	if (e == 0) {
		sh_reply_fill(p, reply);
		e = all_ignored(p) ? 0 : sh_pend_result(p);
		if (e == 0 && p->n_answered != 0 && reply->msgs == NULL)
			e = -ENOMEM;
	}
	sh_pend_free(p);
	return e;
}

SH_EXPORT int rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply, const struct timespec *ts)
{
	uint64_t dl = 0;
	int e, old = 0;

	if (reply == NULL)
		return fail(sh_is_null("the place for the reply"));
	memset(reply, 0, sizeof(*reply));
	e = check_msg(req);
	e = sh_wait_begin("rte_mp_request_sync", e, ts, &dl, &old);
	if (e != 0)
		return fail(e);
	e = request_now(sh_chan(), req, reply, dl);
	sh_call_end(old);
	return e < 0 ? fail(e) : 0;
}

static int async_now(struct sh_chan *c, struct rte_mp_msg *req, uint64_t dl, rte_mp_async_reply_t clb)
{
	struct sh_send s = as_send(req, SH_R_REQ);
	struct sh_pend *p;
	int e;

	p = prepare(c, req, dl, &e);
	if (p == NULL)
		return e;
	p->async = true;
	p->clb = clb;
	p->req_copy = malloc(sizeof(*req));
	if (p->req_copy == NULL) {
		sh_pend_free(p);
		return -ENOMEM;
	}
	*p->req_copy = *req;
	e = sh_ask(c, p, &s);
	if (e < 0)
		sh_pend_free(p);
	return e;
}

SH_EXPORT int rte_mp_request_async(struct rte_mp_msg *req, const struct timespec *ts, rte_mp_async_reply_t clb)
{
	uint64_t dl = 0;
	int e, old = 0;

	e = clb == NULL ? sh_is_null("the callback") : check_msg(req);
	e = sh_wait_begin("rte_mp_request_async", e, ts, &dl, &old);
	if (e != 0)
		return fail(e);
	e = async_now(sh_chan(), req, dl, clb);
	sh_call_end(old);
	return e < 0 ? fail(e) : 0;
}

static int send_answer(struct sh_chan *c, const struct sh_peer *p, const struct sh_send *s)
{
	struct sh_foreign_addr fa = {.layout = p->layout};
	int e, res;

	if (p->from != 0) {
		/* a reply that finds no room costs its requester the whole time limit: wait a little, also in an action */
		e = sh_cast(c, &p->from, 1, s, sh_coarse_deadline(sh_in_action() ? REPLY_NS : SH_SEND_NS), &res);
		return e == -ECONNREFUSED ? -ESTALE : e;
	}
	fa.sa.sun_family = AF_UNIX;
	memcpy(fa.sa.sun_path, p->path, sizeof(fa.sa.sun_path));
	e = sh_foreign_send_wait(c, &fa, s, sh_deadline(SH_SEND_NS));
	return e == -ECONNREFUSED ? -ENOENT : e;
}

/* take the request out and answer it; s->name NULL: whatever its name is */
int sh_answer(struct sh_chan *c, const char *peer, struct sh_send *s)
{
	char real[SH_NAME_MAX + 1];
	struct sh_open *taken = NULL;
	struct sh_peer p;
	size_t len;
	int e = sh_peer_parse(peer, &p);

	if (e < 0) {
		sh_log_rate(SH_ERR, "reply refused: \"%.100s\" is not the peer string of a request", peer);
		return e;
	}
	/* a piece counts as more than 256 bytes: who asked with DPDK's call takes none */
	len = s->piece_addr != NULL && s->len <= RTE_MP_MAX_PARAM_LEN ? RTE_MP_MAX_PARAM_LEN + 1 : s->len;
	e = sh_open_take(c, p.from, p.path, p.req, s->name, len, real, &taken);
	if (e == -EINVAL)
		sh_err("reply refused: it is named %s, the request %s; a reply carries its request's name", s->name,
		       real);
	if (e == -EMSGSIZE)
		sh_err("reply to %s refused: %zu bytes or a piece, its requester takes 256; ask with shoal_request()",
		       real, s->len);
	if (e < 0)
		return e;
	s->name = real;
	s->req = p.req;
	SH_STEP("reply_taken");
	if (taken->piece != 0) /* what came with the request goes back before the answer, unless it was taken */
		sh_piece_return(c, taken->piece);
	e = s->piece_addr != NULL ? sh_piece_offer(c, p.from, s->piece_addr, s->piece_len, true, &s->piece) : 0;
	s->flags |= s->piece != 0 ? SH_RF_PIECE : 0;
	if (e == 0)
		e = send_answer(c, &p, s);
	if (e < 0 && s->piece != 0)
		(void)sh_piece_settle(c, s->piece);
	s->name = NULL; /* real ends here */
	if (e == -EAGAIN || e == -ENOMEM || e == -EMFILE || e == -ENFILE || e == -EINVAL || e == -ENOTSUP)
		sh_open_put(c, taken); /* nothing was sent: it may be tried again */
	else
		sh_open_free(taken);
	return e;
}

SH_EXPORT int rte_mp_reply(struct rte_mp_msg *msg, const char *peer)
{
	struct sh_send s;
	int e, old = 0;

	if (peer == NULL)
		return fail(sh_is_null("the peer string"));
	e = check_msg(msg);
	if (e < 0)
		return fail(e);
	e = sh_call_begin("rte_mp_reply", &old);
	if (e == -ENOTSUP)
		return 0;
	if (e < 0)
		return fail(e);
	s = as_send(msg, SH_R_REP);
	e = sh_answer(sh_chan(), peer, &s);
	sh_call_end(old);
	return e < 0 ? fail(e) : 0;
}

static bool disable_now(struct sh_region *r)
{
	if (!sh_is_primary())
		return false;
	if (sh_load_rlx(&r->closed) != 0)
		return true;
	sh_store_rlx(&r->closed, 1); /* SB:CLOSE: a join takes its number, fences and looks at this */
	sh_fence();
	/* members get their generations in order: more than one ever given means that somebody has joined */
	if (sh_load_rlx(&r->next_gen) > 1 + 1) {
		sh_store_rlx(&r->closed, 0);
		return false;
	}
	return true;
}

SH_EXPORT bool rte_mp_disable(void)
{
	int old = 0, e;
	bool r;

	if (sh_gate_out_of_group()) /* there is no group that could be joined */
		return true;
	e = sh_call_begin("rte_mp_disable", &old);
	if (e == -ENOTSUP)
		return true;
	if (e < 0) {
		rte_errno = -e;
		return false;
	}
	r = disable_now(sh_region());
	sh_call_end(old);
	return r;
}
