/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ask.c - to whom, and sending to many: everybody who has room at once, then those who had none
 *
 * No peer waits for another: the first round goes to all without waiting; only then those whose inbox was full are tried
 * again, in turn, until the time limit. Inside an action there is no second round.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "chan/chan_int.h"

static int resolve_set(struct sh_chan *c, uint64_t which, sh_id_t *ids)
{
	sh_id_t primary = sh_primary_id();
	int n = 0;

	if (which == SHOAL_TO_PRIMARY) {
		if (primary == 0)
			return -ECONNREFUSED;
		if (primary == c->self) {
			sh_err("message refused: this process is the primary, and nobody sends to itself");
			return -EINVAL;
		}
		ids[0] = primary;
		return 1;
	}
	for (unsigned s = 0; s < SH_MEMBERS; s++) {
		enum sh_state st;
		sh_id_t id = sh_member_at(s, &st);

		if (id == 0 || st != SH_ACTIVE || id == c->self)
			continue;
		if (which == SHOAL_TO_SECONDARIES && id == primary)
			continue;
		ids[n++] = id;
	}
	return n;
}

int sh_targets(struct sh_chan *c, const uint64_t *to, unsigned n_to, sh_id_t ids[SH_MEMBERS], unsigned *n)
{
	bool set = n_to == 1 && to[0] >= SHOAL_TO_OTHERS;
	int r;

	if (n_to == 0 || n_to > SH_MEMBERS) {
		sh_err("message refused: it goes to %u members; give 1 to %u", n_to, SH_MEMBERS);
		return -EINVAL;
	}
	if (set) {
		r = resolve_set(c, to[0], ids);
		*n = r < 0 ? 0 : (unsigned)r;
		return r < 0 ? r : 0;
	}
	for (unsigned i = 0; i < n_to; i++) {
		if (to[i] == c->self || to[i] == 0 || sh_id_slot(to[i]) >= SH_MEMBERS || to[i] >> 48 != 0) {
			sh_err("message refused: %llu, number %u of the list, is %s", (unsigned long long)to[i], i,
			       to[i] == c->self
				       ? "this process itself; SHOAL_TO_OTHERS leaves it out"
				       : "no member's id; shoal_member_list() gives them, and a set stands alone");
			return -EINVAL;
		}
		ids[i] = to[i];
	}
	*n = n_to;
	return 0;
}

static void pause_ms(void)
{
	struct timespec ts = {.tv_nsec = 1000000};

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

/* the second round: those with -EAGAIN, until dl */
static void retry(struct sh_chan *c, const sh_id_t *ids, unsigned n, const struct sh_send *s, uint64_t dl, int *res)
{
	unsigned left = 0, last = 0;

	for (unsigned i = 0; i < n; i++)
		if (res[i] == -EAGAIN) {
			left++;
			last = i;
		}
	if (left == 1 && dl != 0) { /* one alone may sleep on its lane */
		res[last] = sh_send_to(c, ids[last], s, dl, NULL);
		return;
	}
	while (left > 0 && sh_now_ns() < dl && !sh_gate_closing()) {
		pause_ms();
		for (unsigned i = 0; i < n; i++) {
			if (res[i] != -EAGAIN)
				continue;
			res[i] = sh_send_to(c, ids[i], s, 0, NULL);
			if (res[i] != -EAGAIN)
				left--;
		}
	}
	for (unsigned i = 0; i < n; i++)
		if (res[i] == -EAGAIN && sh_gate_closing())
			res[i] = -ECANCELED;
		else if (res[i] == -EAGAIN)
			sh_say_full(ids[i]);
}

/* a payload too large for a lane goes along as fd 0, in fds; *big is the caller's to close. 0 or -errno */
static int wrap_big(struct sh_send *s, int *fds, int *big)
{
	int fd;

	if (s->len <= SH_INLINE_MAX)
		return 0;
	if (s->nfds >= SH_FDS_MAX)
		return -E2BIG;
	fd = sh_big_make(s->data, s->len);
	if (fd < 0)
		return fd;
	*big = fds[0] = fd;
	if (s->nfds != 0)
		memcpy(fds + 1, s->fds, s->nfds * sizeof(int));
	s->fds = fds;
	s->nfds++;
	s->flags |= SH_RF_BIG;
	return 0;
}

int sh_cast(struct sh_chan *c, const sh_id_t *ids, unsigned n, const struct sh_send *s0, uint64_t dl, int *res)
{
	int fds[SH_FDS_MAX], big = -1, worst = 0, e;
	struct sh_send s = *s0;
	bool again = false;

	e = wrap_big(&s, fds, &big);
	if (e < 0) {
		for (unsigned i = 0; i < n; i++)
			res[i] = e;
		return e;
	}
	for (unsigned i = 0; i < n; i++) {
		res[i] = sh_send_to(c, ids[i], &s, 0, NULL);
		again |= res[i] == -EAGAIN;
	}
	if (again)
		retry(c, ids, n, &s, dl, res);
	sh_close(&big);
	for (unsigned i = 0; i < n; i++)
		if (res[i] != 0 && (worst == 0 || res[i] == -EAGAIN))
			worst = res[i];
	return worst;
}

static enum shoal_outcome outcome_of(int e)
{
	return e == -ECONNREFUSED ? SHOAL_DIED : SHOAL_FULL;
}

/* whoever ends this entry at its time limit must know that nobody was asked */
static void mark(struct sh_chan *c, struct sh_ask *a, bool unsent)
{
	sh_lock(&c->lk);
	a->unsent = unsent;
	sh_unlock(&c->lk);
}

/* first round of a request; counts those without room */
static unsigned ask_all(struct sh_chan *c, struct sh_pend *p, const struct sh_send *s)
{
	unsigned full = 0;

	for (unsigned i = 0; i < p->n; i++) {
		struct sh_ask *a = &p->ask[i];
		bool slept = false;
		int e;

		if (a->skip)
			continue;
		e = a->to != 0 ? sh_send_to(c, a->to, s, 0, &slept) : sh_foreign_send(c, a->foreign, s);
		p->woke_peer |= slept;
		if (e == -EAGAIN)
			full++;
		else if (e < 0) {
			a->err = e == -ECONNREFUSED ? 0 : -e;
			sh_pend_set(c, p, i, outcome_of(e));
		}
		if (e == -EAGAIN)
			mark(c, a, true);
	}
	return full;
}

static void ask_again(struct sh_chan *c, struct sh_pend *p, const struct sh_send *s)
{
	bool left = true;

	while (left && !sh_in_action() && !sh_gate_closing() && sh_now_ns() < p->dl) {
		left = false;
		pause_ms();
		for (unsigned i = 0; i < p->n; i++) {
			struct sh_ask *a = &p->ask[i];
			int e;

			if (!a->unsent)
				continue;
			e = a->to != 0 ? sh_send_to(c, a->to, s, 0, NULL) : sh_foreign_send(c, a->foreign, s);
			left |= e == -EAGAIN;
			if (e != -EAGAIN)
				mark(c, a, false);
			if (e < 0 && e != -EAGAIN)
				sh_pend_set(c, p, i, outcome_of(e));
		}
	}
	for (unsigned i = 0; i < p->n; i++)
		if (p->ask[i].unsent && sh_gate_closing()) {
			sh_pend_set(c, p, i, SHOAL_CANCELLED);
		} else if (p->ask[i].unsent) {
			sh_say_full(p->ask[i].to);
			sh_pend_set(c, p, i, SHOAL_FULL);
		}
}

int sh_ask(struct sh_chan *c, struct sh_pend *p, const struct sh_send *s0)
{
	uint64_t now = sh_coarse_deadline(0), left = p->dl > now ? (p->dl - now) / SH_NS_PER_MS : 0;
	struct sh_send s = *s0;
	int fds[SH_FDS_MAX], big = -1, e;
	bool async = p->async, role;

	e = wrap_big(&s, fds, &big);
	if (e < 0)
		return e;
	s.left_ms = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
	if (async) {
		p->note = sh_msg_new("", 0, 0, 0);
		if (p->note == NULL) {
			sh_close(&big);
			return -ENOMEM;
		}
	}
	if (p->n >= c->ncpu && p->n > 1)
		s.flags |= SH_RF_MANY;
	if (async)
		p->n_open++; /* held open by ourselves until all were asked: no callback before */
	else if (p->n_open == 0)
		sh_store_rlx(&p->over, 2); /* nobody to ask; nobody else sees p yet */
	e = sh_pend_add(c, p, &role);
	if (e < 0) {
		sh_close(&big);
		return e;
	}
	s.req = p->id;
	SH_STEP("pend_added");
	if (ask_all(c, p, &s) != 0) {
		if (role) /* others' messages must not wait while we wait for room */
			sh_role_leave(c);
		role = false;
		ask_again(c, p, &s);
	}
	SH_STEP("asked_all");
	sh_close(&big);
	if (async) {
		sh_pend_asked(c, p); /* it may be gone from here on */
		return 0;
	}
	sh_wait_pend(c, p, role);
	return 0;
}
