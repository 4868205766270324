/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * xchg_coord.c - the exchange as its coordinator drives it: map, have all agree, commit or roll back; unmap, tell all. See xchg.h
 *
 * Pages that go are announced first: who has callbacks tells them while everything is still there. Then they go, and then
 * all are asked to synchronise, which for who heard the announcement is nothing more to do.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/futex.h"
#include "chan/internal.h"
#include "mem/observe.h"
#include "mem/xchg.h"

#define SLICE_NS (10 * SH_NS_PER_MS)
#define U(w) sh_load_rlx(&(w)) /* relaxed: under the lock */

/* ---- pages ---- */

static int still_mine(const struct sh_mem *m, void *arg)
{
	return sh_xrec_fence(m, arg) ? 0 : -ESTALE;
}

static int map(struct sh_mem *m, struct sh_stint *s)
{
	return SH_FAIL("xchg_map") ? -ENOMEM
				   : sh_back_fill(m, s->q.u, s->q.n, &(struct sh_back_gate){still_mine, s, true});
}

static int unmap(struct sh_mem *m, struct sh_stint *s)
{
	return sh_back_punch(m, s->q.u, s->q.n, &(struct sh_back_gate){still_mine, s, true});
}

/* ---- asking the others ---- */

static bool moot(void *arg)
{
	const struct sh_stint *s = arg;
	const struct sh_mem *m = sh_ctx.mem;

	/* a look without the lock: too early costs nothing, the fence decides */
	return m == NULL || sh_load_acq(&m->h->xchg.stint) != s->mine;
}

static bool in(const uint64_t *set, unsigned slot)
{
	return set[slot / 64] >> slot % 64 & 1;
}

/* of a set, those that have let a time limit pass, or those that have not */
static unsigned members(const struct sh_stint *s, const uint64_t *set, bool quiet, struct sh_int_answer *a)
{
	unsigned n = 0;

	for (unsigned slot = 0; slot < SH_MEMBERS; slot++) {
		enum sh_state st;
		sh_id_t id = sh_member_at(slot, &st);

		if (in(set, slot) && in(s->quiet, slot) == quiet && id != 0 && st == SH_ACTIVE && id != sh_self())
			a[n++] = (struct sh_int_answer){.to = id};
	}
	return n;
}

static unsigned count_of(const struct sh_stint *s, const uint64_t *set)
{
	struct sh_int_answer a[SH_MEMBERS];

	return members(s, set, false, a) + members(s, set, true, a);
}

/* one that let a time limit pass in an exchange before, and has not come on since, is as one that did so in this */
static void recall(const struct sh_mem *m, struct sh_stint *s)
{
	for (unsigned slot = 0; slot < SH_MEMBERS; slot++)
		if (in(s->set, slot) && sh_xis_silent(m, slot))
			s->quiet[slot / 64] |= 1ull << slot % 64;
}

/* how many did not say yes; why names the last. heard: of each, from before it was asked; NULL: none had all of the time */
static unsigned count_no(struct sh_mem *m, struct sh_stint *s, const struct sh_int_answer *a, unsigned n,
			 const uint32_t *heard)
{
	unsigned no = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned slot = sh_id_slot(a[i].to);

		if (a[i].outcome == SH_INT_ANSWERED)
			s->quiet[slot / 64] &= ~(1ull << slot % 64);
		if (a[i].outcome == SH_INT_GONE || (a[i].outcome == SH_INT_ANSWERED && a[i].code == 0))
			continue;
		no++;
		if (a[i].outcome == SH_INT_TIMED_OUT) {
			s->quiet[slot / 64] |= 1ull << slot % 64;
			if (heard != NULL)
				sh_xsilent(m, a[i].to, heard[i]);
			snprintf(s->why, sizeof(s->why), "member %u (pid %u) did not answer", slot,
				 sh_region()->members[slot].pid);
		} else {
			snprintf(s->why, sizeof(s->why), "member %u (pid %u) %s", slot, sh_region()->members[slot].pid,
				 a[i].code == EACCES ? "has a validator that says no" : "could not synchronise");
		}
	}
	return no;
}

/*
 * How long those are waited for that were silent before: it may be that one of them is just going on, or is slow. Once in an exchange,
 * and not at all when all of them are stopped.
 */
static uint64_t patience(struct sh_stint *s, const struct sh_int_answer *a, unsigned n)
{
	bool moves = false;

	for (unsigned i = 0; i < n && !s->waited; i++)
		moves |= !sh_member_stopped(a[i].to);
	s->waited |= moves;
	return moves ? sh_deadline(sh_xlimit_ns() / 20) : sh_now_ns();
}

/* One round: how many did not say yes. Who was quiet before gets the message, to see when it goes on, and is hardly waited for */
static unsigned ask(struct sh_mem *m, struct sh_stint *s, enum sh_xwhat what, const uint64_t *set)
{
	struct sh_int_answer a[SH_MEMBERS];
	uint32_t heard[SH_MEMBERS];
	struct sh_int_ask q = {.svc = SH_SVC_MEM, .data = &s->q, .len = sizeof(s->q), .moot = moot, .arg = s};
	unsigned n = members(s, set, false, a), quiet, no;
	int r = 0;

	s->q.what = what;
	q.dl = sh_deadline(sh_xlimit_ns());
	quiet = members(s, set, true, a + n);
	for (unsigned i = 0; i < n; i++)
		heard[i] = sh_xheard(m, a[i].to);
	if (n != 0)
		r = sh_internal_ask(a, n, &q);
	if (r < 0)
		snprintf(s->why, sizeof(s->why), "the channel of this process is stopping or busy");
	no = r < 0 ? n + quiet : count_no(m, s, a, n, sh_now_ns() >= q.dl ? heard : NULL);
	if (quiet != 0 && r == 0) {
		q.dl = patience(s, a + n, quiet);
		r = sh_internal_ask(a + n, quiet, &q);
		no += r < 0 ? quiet : count_no(m, s, a + n, quiet, NULL);
	}
	SH_STEP("xchg_heard");
	return no;
}

/* steps 3 to 5, or 7 to 9 of a growth */
static unsigned ask_all(struct sh_mem *m, struct sh_stint *s, enum sh_xwhat what, int step)
{
	struct sh_int_answer a[SH_MEMBERS];
	unsigned n, quiet;

	recall(m, s);
	n = members(s, s->set, false, a);
	quiet = members(s, s->set, true, a);
	SH_XSTEP(&s->q, step, "member %u asks %u to synchronise%s", sh_id_slot(sh_self()), n + quiet,
		 quiet != 0 ? ", not waiting for all: some were silent before" : "");
	return ask(m, s, what, s->set);
}

static int own_view(struct sh_mem *m, struct sh_stint *s)
{
	return sh_view_sync(m, s->q.epoch, s->q.u, s->q.n, sh_deadline(sh_xlimit_ns()));
}

/* pages are about to go, or could not: callbacks hear of it, mine and the others' */
static void announce(struct sh_mem *m, struct sh_stint *s, enum sh_xwhat what)
{
	unsigned n = count_of(s, s->tell);

	(void)own_view(m, s);
	if (n == 0)
		return;
	recall(m, s);
	SH_XLINE(&s->q, ": member %u announces to %u that %u KiB %s", sh_id_slot(sh_self()), n, sh_xkib(&s->q),
		 what == SH_XW_GOES ? "go" : "stay");
	if (ask(m, s, what, s->tell) != 0)
		sh_log_rate(SH_WARN, "memory: %s; pages %s without it", s->why,
			    what == SH_XW_GOES ? "go back" : "stay");
	SH_STEP("xchg_announced");
}

/* ---- the coordinator's part ---- */

/* steps 6 to 9 of a growth that somebody refused, or whose coordinator is gone: told, then taken away */
static int roll_back(struct sh_mem *m, struct sh_stint *s)
{
	char why[sizeof(s->why)];
	int r = sh_xrec_phase(m, s, SH_X_BACK);

	memcpy(why, s->why, sizeof(why));
	SH_STEP("xchg_rolling");
	if (r < 0)
		return r;
	announce(m, s, SH_XW_GOES);
	r = unmap(m, s);
	SH_STEP("xchg_rolled");
	if (r == 0)
		r = sh_xrec_phase(m, s, SH_X_AGAIN);
	if (r < 0)
		return r;
	SH_XSTEP(&s->q, 6, "member %u has rolled back: %s", sh_id_slot(sh_self()), why);
	if (ask_all(m, s, SH_XW_AGAIN, 7) != 0)
		sh_log_rate(SH_WARN, "memory: %s after growth was taken back; its callbacks hear of it later", s->why);
	memcpy(s->why, why, sizeof(why));
	return sh_xrec_phase(m, s, SH_X_IDLE);
}

/* step 2 of giving back that did not work: nobody is asked, but callbacks that heard otherwise are told */
static int cannot_unmap(struct sh_mem *m, struct sh_stint *s, int err)
{
	int r;

	SH_XSTEP(&s->q, 2, "member %u cannot unmap: %s", sh_id_slot(sh_self()), strerror(-err));
	r = sh_xrec_phase(m, s, SH_X_STAY);
	SH_STEP("xchg_stays");
	if (r < 0)
		return r;
	announce(m, s, SH_XW_STAYS);
	r = sh_xrec_phase(m, s, SH_X_IDLE);
	return r < 0 ? r : err;
}

/* steps 2 to 5 of giving back: the pages go whatever the members say */
static int let_go(struct sh_mem *m, struct sh_stint *s)
{
	int r;

	announce(m, s, SH_XW_GOES);
	r = SH_FAIL("xchg_unmap") ? -EBUSY : unmap(m, s);
	SH_STEP("xchg_unmapped");
	if (r == -ESTALE)
		return r;
	if (r < 0)
		return cannot_unmap(m, s, r);
	r = sh_xrec_phase(m, s, SH_X_SYNC);
	if (r < 0)
		return r;
	SH_XSTEP(&s->q, 2, "member %u has unmapped %u KiB", sh_id_slot(sh_self()), sh_xkib(&s->q));
	SH_STEP("xchg_told");
	if (ask_all(m, s, SH_XW_SYNC, 3) != 0)
		sh_log_rate(SH_WARN, "memory: %s; pages go back without it", s->why);
	return sh_xrec_phase(m, s, SH_X_IDLE);
}

void sh_xcoord_repair(struct sh_mem *m, struct sh_stint *s)
{
	SH_STEP("xchg_taken_over");
	snprintf(s->why, sizeof(s->why), "the coordinator is gone");
	if (s->q.kind == SH_X_SHRINK) {
		int r = sh_xrec_phase(m, s, SH_X_START); /* hidden again, if it was to stay */

		if (r == 0)
			r = let_go(m, s);

		SH_XSTEP(&s->q, 6, "member %u has the result: %s, for a coordinator that is gone",
			 sh_id_slot(sh_self()), r == 0 ? "done" : "failed");
	} else {
		(void)roll_back(m, s);
	}
}

/*
 * Each stint has the whole of the time, whoever's it is: who takes an exchange over needs less than that to end it
 * (three rounds of one limit each), so of several who wait one ends it, and they do not take it from one another for ever.
 */
int sh_xcoord_close(struct sh_mem *m, uint64_t number, bool late)
{
	struct sh_xchg *x = &m->h->xchg;
	uint64_t seen = 0, dl = 0; /* the stint that I wait for, until when */

	for (;;) {
		uint64_t stint, open;
		uint32_t seq = sh_load_acq(&x->seq); /* relaxed would do: an old one makes the wait return at once */
		struct sh_stint s = {.mine = 0};
		sh_id_t coord;
		int r = sh_mem_lock_grow(&m);

		if (r < 0)
			return r;
		open = U(x->phase) != SH_X_IDLE ? U(x->number) : 0;
		stint = U(x->stint);
		coord = U(x->coord);
		sh_mem_unlock_grow(m);
		if (open == 0 || (number != 0 && open != number))
			return 0;
		if (stint != seen) {
			dl = late && seen == 0 ? 0 : sh_deadline(4 * sh_xlimit_ns());
			seen = stint;
		}
		if (sh_xgone(coord) || sh_now_ns() >= dl) {
			if (sh_xrec_take_over(m, stint, &s))
				sh_xcoord_repair(m, &s);
			continue;
		}
		(void)sh_futex_wait(&x->seq, seq, sh_deadline(SLICE_NS), SH_FUTEX_ANY, true);
	}
}

/* step 2 of a growth. What is refused here nobody else has heard of */
static int step_map(struct sh_mem *m, struct sh_stint *s)
{
	uint64_t total = ((uint64_t)sh_load_acq(&m->h->pg.backed) + sh_run_missing(m, s->q.u, s->q.n)) << SH_UNIT_SHIFT;
	char who[64];
	int r = sh_validate(total, who, sizeof(who), sh_deadline(sh_xlimit_ns()));

	if (r == -EACCES)
		snprintf(s->why, sizeof(s->why), "validator \"%s\" says no", who);
	else if (r < 0)
		snprintf(s->why, sizeof(s->why), "a callback of this process does not return");
	if (r == 0) {
		r = map(m, s);
		snprintf(s->why, sizeof(s->why), "%s", strerror(-r));
	}
	if (r == -ESTALE)
		return r;
	if (r < 0) {
		SH_XSTEP(&s->q, 2, "member %u cannot map: %s", sh_id_slot(sh_self()), s->why);
		(void)unmap(m, s);
		if (sh_xrec_phase(m, s, SH_X_IDLE) < 0)
			r = -ESTALE;
		return r;
	}
	SH_XSTEP(&s->q, 2, "member %u has mapped %u KiB", sh_id_slot(sh_self()), sh_xkib(&s->q));
	SH_STEP("xchg_mapped");
	return 0;
}

/* steps 3 to 9 */
static int step_sync(struct sh_mem *m, struct sh_stint *s)
{
	unsigned no = own_view(m, s) < 0;
	int r;

	snprintf(s->why, sizeof(s->why), "a callback of this process does not return");
	no += ask_all(m, s, SH_XW_SYNC, 3);
	if (no == 0) {
		SH_XSTEP(&s->q, 6, "member %u commits: all said yes", sh_id_slot(sh_self()));
		return sh_xrec_phase(m, s, SH_X_IDLE);
	}
	r = roll_back(m, s);
	return r == 0 ? -EACCES : r;
}

static int grow(struct sh_mem *m, struct sh_stint *s)
{
	int r = step_map(m, s);

	if (r == 0)
		r = sh_xrec_phase(m, s, SH_X_SYNC);
	SH_STEP("xchg_told");
	if (r == 0)
		r = step_sync(m, s);
	return r;
}

int sh_xcoord(struct sh_mem *m, const struct sh_xmsg *q)
{
	struct sh_stint s = {.q = *q};
	int r;

	do {
		r = sh_xcoord_close(m, 0, false);
		if (r == 0)
			r = sh_xrec_open(m, &s);
	} while (r == -EAGAIN);
	if (r < 0)
		return r;
	SH_STEP("xchg_opened");
	r = q->kind == SH_X_GROW ? grow(m, &s) : let_go(m, &s);
	if (r == -ESTALE)
		(void)own_view(m, &s);
	else
		SH_XSTEP(&s.q, q->kind == SH_X_GROW ? 10 : 6, "member %u has a result for member %u: %s%s%s",
			 sh_id_slot(sh_self()), sh_id_slot(q->requester), r == 0 ? "done" : "failed",
			 r == -EACCES ? ": " : "", r == -EACCES ? s.why : "");
	if (r == -EACCES)
		sh_log_rate(SH_WARN, "memory does not grow by %u KiB for member %u: %s", sh_xkib(q),
			    sh_id_slot(q->requester), s.why);
	SH_STEP("xchg_result");
	return r;
}
