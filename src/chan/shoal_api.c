/* SPDX-License-Identifier: BSD-3-Clause */
/* shoal_api.c - the channel's part of shoal.h: check arguments, map errors, nothing else. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/export.h"
#include "base/fd.h"
#include "base/futex.h"
#include "base/log.h"
#include "chan/chan_int.h"
#include "rte_errno.h"

static int fail(int e)
{
	rte_errno = -e;
	return -1;
}

static int check(const struct shoal_msg *m, bool named)
{
	if (m == NULL)
		return sh_is_null("the message");
	if ((m->len != 0 && m->data == NULL) || (m->num_fds != 0 && m->fds == NULL))
		return sh_is_null("data or fds of a message whose len or num_fds is not 0");
	if (named && (m->name == NULL || m->name[0] == '\0')) {
		sh_err("message refused: its name is empty");
		return -EINVAL;
	}
	if (named && strnlen(m->name, RTE_MP_MAX_NAME_LEN) == RTE_MP_MAX_NAME_LEN) {
		sh_err("message refused: its name is not terminated within 64 bytes");
		return -E2BIG;
	}
	if (m->len > SHOAL_PAYLOAD_MAX || m->num_fds >= SH_FDS_MAX) {
		sh_err("message refused: %zu bytes and %u fds, at most %u and %u fit", m->len, m->num_fds,
		       SHOAL_PAYLOAD_MAX, SH_FDS_MAX - 1);
		return -E2BIG;
	}
	if ((m->piece != NULL) != (m->piece_len != 0)) {
		sh_err("message refused: a piece at %p of %zu bytes; give both or none", m->piece, m->piece_len);
		return -EINVAL;
	}
	if (sh_check_fds(m->fds, m->num_fds) < 0) {
		sh_err("message %s refused: one of its %u fds is not open", named ? m->name : "that replies",
		       m->num_fds);
		return -EBADF;
	}
	return 0;
}

static struct sh_send as_send(const struct shoal_msg *m, enum sh_rtype type)
{
	return (struct sh_send){.type = (uint8_t)type,
				.flags = SH_RF_SHOAL,
				.name = m->name,
				.data = m->data,
				.len = m->len,
				.fds = m->fds,
				.nfds = m->num_fds,
				.piece_addr = m->piece,
				.piece_len = m->piece_len};
}

/* a piece has one receiver */
static int check_one(const struct shoal_msg *m, const uint64_t *to, unsigned n_to)
{
	if (m->piece == NULL || (n_to == 1 && (to[0] < SHOAL_TO_OTHERS || to[0] == SHOAL_TO_PRIMARY)))
		return 0;
	sh_err("message refused: a piece goes to one member; send it to one, the others may be told its address");
	return -EINVAL;
}

/* the piece of s, if it has one, is offered to that member; waits until dl while too many are on their way */
static int offer(struct sh_send *s, sh_id_t to, bool loose, uint64_t dl)
{
	struct timespec ts = {.tv_nsec = 1000000};
	int e;

	if (s->piece_addr == NULL)
		return 0;
	while ((e = sh_piece_offer(sh_chan(), to, s->piece_addr, s->piece_len, loose, &s->piece)) == -EAGAIN) {
		if (sh_in_action() || sh_now_ns() >= dl)
			return e;
		if (sh_gate_closing())
			return -ECANCELED;
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	}
	if (e == 0)
		s->flags |= SH_RF_PIECE;
	return e;
}

SH_EXPORT int shoal_action_register(const char *name, shoal_action_t action, void *arg)
{
	int e = sh_check_action_name(name), old = 0;

	if (e == 0 && action == NULL)
		e = sh_is_null("the function of an action");
	if (e == 0)
		e = sh_call_begin("shoal_action_register", &old);
	if (e < 0)
		return fail(e);
	e = sh_act_add(sh_chan(), name, NULL, action, arg);
	sh_call_end(old);
	return e < 0 ? fail(e) : 0;
}

SH_EXPORT int shoal_mp_action_drain(const char *name, const struct timespec *timeout)
{
	uint64_t dl = SH_FOREVER;
	int e = name == NULL ? sh_is_null("the name") : 0, old = 0;

	if (e == 0 && timeout != NULL)
		e = sh_limit(timeout, &dl);
	if (e == 0)
		e = sh_call_begin("shoal_mp_action_drain", &old);
	if (e < 0)
		return fail(e);
	e = sh_in_action() ? -EDEADLK : sh_act_drain(sh_chan(), name, dl);
	sh_call_end(old);
	return e < 0 ? fail(e) : 0;
}

static bool too_big(sh_id_t to, const struct shoal_msg *m)
{
	if ((m->len <= RTE_MP_MAX_PARAM_LEN && m->piece == NULL) || !sh_act_small(to, m->name))
		return false;
	if (m->piece != NULL)
		sh_err("a piece for action %s of member %llu refused: it was registered with rte_mp_action_register() "
		       "and takes "
		       "256 bytes; register it with shoal_action_register()",
		       m->name, (unsigned long long)to);
	else
		sh_err("%zu bytes for action %s of member %llu refused: it was registered with "
		       "rte_mp_action_register() "
		       "and "
		       "takes 256; "
		       "register it with shoal_action_register()",
		       m->len, m->name, (unsigned long long)to);
	return true;
}

static enum shoal_outcome outcome_of(int e)
{
	switch (-e) {
	case 0:
		return SHOAL_SENT;
	case ECONNREFUSED:
		return SHOAL_DIED;
	case EMSGSIZE:
		return SHOAL_TOO_BIG;
	case ECANCELED:
		return SHOAL_CANCELLED;
	default:
		return SHOAL_FULL;
	}
}

static int send_now(const uint64_t *to, unsigned n_to, const struct shoal_msg *msg, uint64_t dl,
		    enum shoal_outcome *outcome)
{
	struct sh_send s = as_send(msg, SH_R_MSG);
	bool set = n_to == 1 && to[0] >= SHOAL_TO_OTHERS;
	int res[SH_MEMBERS] = {0}, e;
	unsigned n;
	sh_id_t ids[SH_MEMBERS];

	e = sh_targets(sh_chan(), to, n_to, ids, &n);
	if (e < 0)
		return e;
	for (unsigned i = 0; i < n; i++)
		if (too_big(ids[i], msg)) {
			res[i] = -EMSGSIZE;
			e = -EMSGSIZE;
		}
	if (e == 0 && n == 1)
		e = res[0] = offer(&s, ids[0], true, dl);
	if (e == 0)
		e = sh_cast(sh_chan(), ids, n, &s, sh_in_action() ? 0 : dl, res);
	else /* nobody is sent to, the others neither */
		for (unsigned i = 0; i < n; i++)
			res[i] = res[i] == 0 ? -ECANCELED : res[i];
	if (e < 0 && s.piece != 0)
		(void)sh_piece_settle(sh_chan(), s.piece);
	if (outcome != NULL && set)
		outcome[0] = outcome_of(e);
	for (unsigned i = 0; outcome != NULL && !set && i < n; i++)
		outcome[i] = outcome_of(res[i]);
	return e;
}

SH_EXPORT int shoal_send(const uint64_t *to, unsigned n_to, const struct shoal_msg *msg, const struct timespec *timeout,
			 enum shoal_outcome *outcome)
{
	uint64_t dl = 0;
	int e = to == NULL ? sh_is_null("the list of receivers") : check(msg, true), old = 0;

	if (e == 0)
		e = check_one(msg, to, n_to);

	e = sh_wait_begin("shoal_send", e, timeout, &dl, &old);
	if (e != 0)
		return fail(e);
	e = send_now(to, n_to, msg, dl, outcome);
	sh_call_end(old);
	return e < 0 ? fail(e) : 0;
}

static struct sh_pend *prepare(const uint64_t *to, unsigned n_to, const struct shoal_msg *msg, uint64_t dl, int *err)
{
	struct sh_pend *p;
	unsigned n;
	sh_id_t ids[SH_MEMBERS];

	*err = sh_targets(sh_chan(), to, n_to, ids, &n);
	if (*err < 0)
		return NULL;
	p = sh_pend_new(n, msg->name, dl);
	for (unsigned i = 0; p != NULL && i < n; i++) {
		p->ask[i].to = ids[i];
		if (too_big(ids[i], msg)) {
			p->ask[i].outcome = SHOAL_TOO_BIG;
			p->ask[i].skip = true;
			p->n_open--;
		}
	}
	if (p == NULL)
		*err = -ENOMEM;
	return p;
}

/* offers the piece, asks; after an error nobody was asked and the piece is the caller's */
static int ask(struct sh_pend *p, struct sh_send *s)
{
	int e = 0;

	if (s->piece_addr != NULL) {
		p->ask[0].lends = true;
		if (!p->ask[0].skip)
			e = offer(s, p->ask[0].to, false, p->dl);
		p->ask[0].piece = s->piece;
	}
	if (e == 0)
		e = sh_ask(sh_chan(), p, s); /* an asynchronous one may be gone from here on */
	if (e < 0 && s->piece != 0) {
		(void)sh_piece_settle(sh_chan(), s->piece);
		p->ask[0].piece = 0;
	}
	return e;
}

/* what the caller holds: the answers, and behind them the request that owns their bytes */
struct holder {
	struct shoal_answers pub;
	struct sh_pend *p;
	struct shoal_answer a[];
};

SH_EXPORT void shoal_answers_free(struct shoal_answers *answers)
{
	struct holder *h = (struct holder *)(void *)answers;

	int old = 0;

	if (h == NULL)
		return;
	/* once the channel is closed nobody can be given a piece back: the group's other members do that when this one is gone */
	if (sh_call_quiet(&old) == 0) {
		sh_pend_free(h->p);
		sh_call_end(old);
	} else {
		sh_pend_forget_pieces(h->p);
		sh_pend_free(h->p);
	}
	free(h);
}

static int request_now(const uint64_t *to, unsigned n_to, const struct shoal_msg *msg, uint64_t dl,
		       struct shoal_answers **out)
{
	struct sh_send s = as_send(msg, SH_R_REQ);
	struct holder *h;
	struct sh_pend *p;
	int e;

	p = prepare(to, n_to, msg, dl, &e);
	if (p == NULL)
		return e;
	h = calloc(1, sizeof(*h) + p->n * sizeof(h->a[0]));
	e = h == NULL ? -ENOMEM : ask(p, &s);
	if (e < 0) {
		free(h);
		sh_pend_free(p);
		return e;
	}
	h->p = p;
	sh_answers_fill(sh_chan(), p, &h->pub, h->a);
	*out = &h->pub;
	return sh_pend_result(p);
}

SH_EXPORT int shoal_request(const uint64_t *to, unsigned n_to, const struct shoal_msg *msg,
			    const struct timespec *timeout, struct shoal_answers **out)
{
	uint64_t dl = 0;
	int e = to == NULL || out == NULL ? sh_is_null("the list of receivers, or the place for the answers,")
					  : check(msg, true),
	    old = 0;

	if (e == 0)
		e = check_one(msg, to, n_to);

	if (out != NULL)
		*out = NULL;
	e = sh_wait_begin("shoal_request", e, timeout, &dl, &old);
	if (e != 0)
		return fail(e);
	e = request_now(to, n_to, msg, dl, out);
	sh_call_end(old);
	return e < 0 ? fail(e) : 0;
}

static int async_now(const uint64_t *to, unsigned n_to, const struct shoal_msg *msg, uint64_t dl, shoal_answers_fn fn,
		     void *arg, uint64_t *handle)
{
	struct sh_send s = as_send(msg, SH_R_REQ);
	struct sh_pend *p;
	int e;

	p = prepare(to, n_to, msg, dl, &e);
	if (p == NULL)
		return e;
	p->async = true;
	p->sclb = fn;
	p->sarg = arg;
	p->handle = handle;
	e = ask(p, &s);
	if (e < 0)
		sh_pend_free(p);
	return e;
}

SH_EXPORT int shoal_request_async(const uint64_t *to, unsigned n_to, const struct shoal_msg *msg,
				  const struct timespec *timeout, shoal_answers_fn fn, void *arg, uint64_t *handle)
{
	uint64_t dl = 0;
	int e = to == NULL || fn == NULL ? sh_is_null("the list of receivers, or the callback,") : check(msg, true),
	    old = 0;

	if (e == 0)
		e = check_one(msg, to, n_to);

	e = sh_wait_begin("shoal_request_async", e, timeout, &dl, &old);
	if (e != 0)
		return fail(e);
	e = async_now(to, n_to, msg, dl, fn, arg, handle);
	sh_call_end(old);
	return e < 0 ? fail(e) : 0;
}

SH_EXPORT int shoal_request_cancel(uint64_t handle)
{
	int old = 0, e = sh_call_begin("shoal_request_cancel", &old);

	if (e < 0)
		return fail(e);
	e = sh_pend_cancel(sh_chan(), handle);
	sh_call_end(old);
	return e < 0 ? fail(e) : 0;
}

SH_EXPORT int shoal_reply(const char *peer, const struct shoal_msg *msg)
{
	struct sh_send s;
	int e = peer == NULL ? sh_is_null("the peer string") : check(msg, false), old = 0;

	if (e == 0)
		e = sh_call_begin("shoal_reply", &old);
	if (e < 0)
		return fail(e);
	s = as_send(msg, SH_R_REP);
	s.name = NULL;
	e = sh_answer(sh_chan(), peer, &s);
	sh_call_end(old);
	return e < 0 ? fail(e) : 0;
}

SH_EXPORT void *shoal_piece_take(const struct shoal_piece *piece)
{
	void *p = NULL;
	int e = piece == NULL || piece->addr == NULL ? -EINVAL : 0, old = 0;

	if (e == 0)
		e = sh_call_begin("shoal_piece_take", &old);
	if (e == 0) {
		e = sh_piece_take(sh_chan(), piece->id, &p);
		sh_call_end(old);
	}
	if (e == 0)
		return p;
	rte_errno = -e;
	return NULL;
}

SH_EXPORT int shoal_piece_on_return(shoal_piece_fn fn, void *arg)
{
	int old = 0, e = sh_call_begin("shoal_piece_on_return", &old);

	if (e < 0)
		return fail(e);
	sh_lock(&sh_chan()->lk);
	sh_chan()->back_fn = fn;
	sh_chan()->back_arg = arg;
	sh_unlock(&sh_chan()->lk);
	sh_call_end(old);
	return 0;
}

SH_EXPORT uint64_t shoal_peer_member(const char *peer)
{
	struct sh_peer p;

	return peer != NULL && sh_peer_parse(peer, &p) == 0 ? p.from : 0;
}

SH_EXPORT int shoal_peer_cmp(const char *a, const char *b)
{
	struct sh_peer x, y;

	if (a == NULL || b == NULL || sh_peer_parse(a, &x) < 0 || sh_peer_parse(b, &y) < 0)
		return 1;
	return x.from != y.from || strcmp(x.path, y.path) != 0;
}

SH_EXPORT int shoal_mp_fd(void)
{
	struct sh_chan *c;
	int old = 0, fd, e = sh_call_begin("shoal_mp_fd", &old);

	if (e < 0)
		return fail(e);
	c = sh_chan();
	sh_lock(&c->lk);
	if (c->poll_fd < 0) {
		c->poll_fd = sh_fd_up(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
		e = c->poll_fd < 0 ? -errno : 0;
		c->poll_mode = e == 0;
		sh_disp_kick_locked(c); /* the dispatcher gives the baton back and only moves from now on */
	}
	fd = c->poll_fd;
	sh_unlock(&c->lk);
	sh_call_end(old);
	return e < 0 ? fail(e) : fd;
}

SH_EXPORT int shoal_mp_poll(unsigned max)
{
	int old = 0, e = sh_call_begin("shoal_mp_poll", &old);

	if (e < 0)
		return fail(e);
	e = sh_disp_poll(sh_chan(), max);
	if (e == -EPERM) /* a child: it never entered */
		(void)pthread_setcancelstate(old, NULL);
	else
		sh_call_end(old);
	return e < 0 ? fail(e) : e;
}

SH_EXPORT int shoal_mp_counters(uint64_t member, struct shoal_mp_counters *out)
{
	_Atomic uint64_t *n;
	int e = out == NULL ? sh_is_null("the place for the counters") : 0, old = 0;

	if (e == 0)
		e = sh_call_begin("shoal_mp_counters", &old);
	if (e < 0)
		return fail(e);
	if (member == 0)
		member = sh_self();
	if (sh_id_slot(member) >= SH_MEMBERS || !sh_member_alive(member)) {
		sh_call_end(old);
		return fail(-ESRCH);
	}
	n = sh_region()->members[sh_id_slot(member)].count;
	/* relaxed: counters, each by itself */
	*out = (struct shoal_mp_counters){.sent = sh_load_rlx(&n[SH_C_SENT]),
					  .received = sh_load_rlx(&n[SH_C_RECEIVED]),
					  .foreign_received = sh_load_rlx(&n[SH_C_FOREIGN]),
					  .dropped_malformed = sh_load_rlx(&n[SH_C_MALFORMED]),
					  .dropped_unknown = sh_load_rlx(&n[SH_C_UNKNOWN]),
					  .dropped_late = sh_load_rlx(&n[SH_C_LATE]),
					  .dropped_denied = sh_load_rlx(&n[SH_C_DENIED]),
					  .dropped_stale = sh_load_rlx(&n[SH_C_STALE]),
					  .refused = sh_load_rlx(&n[SH_C_REFUSED]),
					  .full = sh_load_rlx(&n[SH_C_FULL])};
	sh_call_end(old);
	return 0;
}
