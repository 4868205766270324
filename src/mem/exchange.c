/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exchange.c - the two-phase exchange: who requests it. See exchange.h for what it is for, xchg.h for its other files,
 * README.md for its steps and deaths.
 */
#include "mem/exchange.h"

#include <errno.h>
#include <pthread.h>

#include "chan/internal.h"
#include "mem/observe.h"
#include "mem/xchg.h"
#include "proc/opts.h"

#define U(w) sh_load_rlx(&(w)) /* relaxed: under the lock, or of an exchange that is mine */

/*
 * The coordinator is dead or does not answer. Whatever is open on my run is closed, and from then on nobody opens anything
 * on it: 0: it was done; -EAGAIN: it was not.
 */
static int settle(struct sh_mem *m, const struct sh_xmsg *q, bool late)
{
	uint32_t want = q->kind == SH_X_GROW ? 0 : q->n;
	int r;

	for (;;) {
		r = sh_xcoord_close(m, q->number, late);
		if (r == 0)
			r = sh_mem_lock_grow(&m);
		if (r < 0)
			return r;
		if (U(m->h->xchg.phase) == SH_X_IDLE || U(m->h->xchg.number) != q->number)
			break;
		sh_mem_unlock_grow(m);
	}
	r = sh_xrec_waits_for(m, q->busy, 0);
	sh_mem_unlock_grow(m);
	if (r < 0)
		return r;
	return sh_run_missing(m, q->u, q->n) == want ? 0 : -EAGAIN;
}

/* a primary that is stopped is waited for once; to one that was the request goes, for when it goes on, and that is all */
static int ask_primary(struct sh_mem *m, const struct sh_xmsg *q, sh_id_t primary, bool *late)
{
	bool stopped = sh_xis_silent(m, sh_id_slot(primary)) && sh_member_stopped(primary);
	struct sh_int_answer a = {.to = primary};
	struct sh_int_ask ask = {.svc = SH_SVC_MEM,
				 .data = q,
				 .len = sizeof(*q),
				 .dl = stopped ? sh_now_ns() : sh_deadline(3 * sh_xlimit_ns())};
	uint32_t heard = sh_xheard(m, primary);
	int r;

	SH_XSTEP(q, 1, "member %u asks member %u for %u KiB%s", sh_id_slot(sh_self()), sh_id_slot(primary), sh_xkib(q),
		 stopped ? ", without waiting: it is stopped" : "");
	r = sh_internal_ask(&a, 1, &ask);
	SH_STEP("xchg_answered");
	if (r == 0 && a.outcome == SH_INT_ANSWERED)
		return -a.code;
	*late = r < 0 || a.outcome == SH_INT_TIMED_OUT;
	if (r == 0 && *late && sh_member_stopped(primary)) /* else it is busy with others' */
		sh_xsilent(m, primary, heard);
	return -ESTALE;
}

static int attempt(struct sh_mem *m, struct sh_xmsg *q)
{
	sh_id_t primary = sh_primary_id();
	bool late = false;
	int r;

	q->number = sh_add(&m->h->xchg.numbers, 1) + 1;
	q->loud = sh_xrec_always(m);
	r = sh_xrec_waits_for(m, q->busy, q->number);
	if (r < 0)
		return r;
	SH_STEP("xchg_wanted");
	if (primary != 0 && primary != sh_self()) {
		r = ask_primary(m, q, primary, &late);
	} else {
		SH_XSTEP(q, 1, "member %u asks itself for %u KiB", sh_id_slot(sh_self()), sh_xkib(q));
		r = sh_xcoord(m, q);
	}
	if (r != -ESTALE)
		return r;
	r = settle(m, q, late);
	return r == -EAGAIN && late ? -ETIMEDOUT : r;
}

static int until_decided(struct sh_mem *m, struct sh_xmsg *q)
{
	int r;

	do {
		r = attempt(m, q);
	} while (r == -EAGAIN);
	return r;
}

/* one exchange for each stretch that is missing: taken back, it takes nothing away that was there before */
static int fill_holes(struct sh_mem *m, struct sh_xmsg *q, uint32_t u, uint32_t n)
{
	uint32_t page = (uint32_t)(m->w[sh_unit_w(u)].page >> SH_UNIT_SHIFT), end = u + n;
	int r = 0;

	if (page > 1) { /* whole pages: the BUSY run has them (back.c) */
		u &= ~(page - 1);
		end = (end + page - 1) & ~(page - 1);
	}
	while (r == 0) {
		while (u < end && sh_unit_backed(m, u))
			u++;
		if (u == end)
			break;
		q->u = u;
		for (q->n = 0; u < end && !sh_unit_backed(m, u); u++)
			q->n++;
		r = until_decided(m, q);
	}
	return r;
}

static int refused(const struct sh_xmsg *q, int r)
{
	if (r == -ETIMEDOUT)
		sh_log_rate(SH_ERR,
			    "memory does not %s by %u KiB: the primary did not answer; if it is stopped, let it go on "
			    "(kill -CONT) or end it",
			    q->kind == SH_X_GROW ? "grow" : "shrink", sh_xkib(q));
	else if (r == -EACCES && sh_primary_id() != 0 && sh_primary_id() != sh_self())
		sh_log_rate(
			SH_WARN,
			"memory does not grow by %u KiB: a member has a validator that says no, or does not answer; "
			"the primary's log names it",
			sh_xkib(q));
	else if (r == -EFBIG && sh_primary_id() != 0 && sh_primary_id() != sh_self())
		sh_log_rate(SH_WARN,
			    "memory does not grow by %u KiB: the primary (pid %u) gets it for all, and the limit on "
			    "file size of that process is in the way: raise ulimit -f there",
			    sh_xkib(q), sh_region()->members[sh_id_slot(sh_primary_id()) % SH_MEMBERS].pid);
	switch (r) {
	case -ENOMEM:
	case -ENOBUFS:
	case -ENOSPC:
	case -EFBIG:
	case -EPERM:
	case -ENODEV:
		return r;
	default:
		return -ECANCELED;
	}
}

int sh_exchange(enum sh_xkind kind, uint32_t busy, uint32_t u, uint32_t n)
{
	struct sh_mem *m = sh_ctx.mem;
	struct sh_xmsg q = {.what = SH_XW_REQUEST, .kind = kind, .requester = sh_self(), .busy = busy, .u = u, .n = n};
	int cancel, r;

	if (sh_observe_inside()) {
		if (kind == SH_X_GROW)
			sh_log_rate(SH_ERR,
				    "memory cannot grow by %u KiB inside a memory callback or validator: allocate it "
				    "before, or in another thread",
				    sh_xkib(&q));
		return -ECANCELED;
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (kind == SH_X_GROW)
		r = fill_holes(m, &q, u, n);
	else
		r = until_decided(m, &q);
	pthread_setcancelstate(cancel, NULL);
	return r == 0 ? 0 : refused(&q, r);
}

int sh_exchange_start(struct sh_mem *m)
{
	int r = sh_observe_start(m, sh_ctx.opts != NULL && sh_ctx.opts->mem_sync_always);

	sh_xmember_open();
	if (r == 0)
		sh_internal_serve(SH_SVC_MEM, sh_xmember_serve, m);
	return r;
}

void sh_exchange_stop(struct sh_mem *m)
{
	sh_internal_serve(SH_SVC_MEM, NULL, NULL);
	sh_xmember_close();
	sh_observe_stop(m);
}

void sh_exchange_gone(struct sh_mem *m, sh_id_t id)
{
	if (sh_load_acq(&m->h->xchg.phase) != SH_X_IDLE && U(m->h->xchg.coord) == id) /* A:XCHG */
		sh_internal_poke(SH_SVC_MEM);
}
