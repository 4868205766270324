/* SPDX-License-Identifier: BSD-3-Clause */
/* xchg_record.c - the record of the exchange that is open: who opens it, takes it over, moves it on. See xchg.h */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/futex.h"
#include "mem/observe.h"
#include "mem/xchg.h"

#define U(w) sh_load_rlx(&(w)) /* relaxed: under the lock, or of an exchange that is mine */

bool sh_xrec_fence(const struct sh_mem *m, const struct sh_stint *s)
{
	return U(m->h->xchg.phase) != SH_X_IDLE && U(m->h->xchg.stint) == s->mine;
}

bool sh_xrec_always(const struct sh_mem *m)
{
	const struct sh_xchg *x = &m->h->xchg;
	bool any = false;

	for (unsigned slot = 0; slot < SH_MEMBERS; slot++)
		any |= (U(x->observe[SH_OBS_ALWAYS][slot / 64]) >> slot % 64 & 1) != 0 && sh_member_at(slot, NULL) != 0;
	return any;
}

static void set_of(const struct sh_mem *m, struct sh_stint *s)
{
	const struct sh_xchg *x = &m->h->xchg;

	for (unsigned i = 0; i < SH_MEMBERS / 64; i++) {
		s->tell[i] = s->set[i] = U(x->observe[SH_OBS_EVENTS][i]);
		if (s->q.kind == SH_X_GROW)
			s->set[i] |= U(x->observe[SH_OBS_VALIDATES][i]);
	}
	if (sh_xrec_always(m))
		memset(s->set, 0xff, sizeof(s->set));
}

bool sh_exchange_wanted(const struct sh_mem *m, enum sh_xkind kind)
{
	struct sh_stint s = {.q.kind = kind};

	set_of(m, &s);
	for (unsigned slot = 0; slot < SH_MEMBERS; slot++)
		if ((s.set[slot / 64] >> slot % 64 & 1) != 0 && sh_member_at(slot, NULL) != 0)
			return true;
	return false;
}

static void take(struct sh_mem *m, struct sh_stint *s)
{
	struct sh_xchg *x = &m->h->xchg;

	s->mine = U(x->stint) + 1;
	sh_store_rel(&x->stint, s->mine);
	sh_store_rel(&x->coord, sh_self());
}

/* does the run still wait for this? Under H: what a message says is not believed */
static bool still_wanted(const struct sh_mem *m, const struct sh_xmsg *q)
{
	const struct sh_desc *d;

	if (sh_unit_w(q->busy) >= SH_WINDOWS || m->w[sh_unit_w(q->busy)].heap == NULL ||
	    sh_unit_idx(q->busy) >= U(m->h->pg.w[sh_unit_w(q->busy)].end))
		return false;
	d = sh_desc(q->busy);
	return sh_use_kind(U(d->use)) == SH_PG_BUSY && U(d->owner) == q->requester && U(d->own[0]) == q->number &&
	       q->u >= q->busy && q->n != 0 && (uint64_t)q->u + q->n <= (uint64_t)q->busy + sh_use_units(U(d->use));
}

/* open it, if its requester still waits. The reaper of dead members' runs looks under H, so H is taken */
static int open_locked(struct sh_mem *m, struct sh_stint *s)
{
	struct sh_xchg *x = &m->h->xchg;
	int r = sh_mem_lock(&m);

	if (r < 0)
		return r;
	if (still_wanted(m, &s->q)) {
		take(m, s);
		sh_store_rel(&x->kind, s->q.kind);
		sh_store_rel(&x->number, s->q.number);
		sh_store_rel(&x->requester, s->q.requester);
		sh_store_rel(&x->busy, s->q.busy);
		sh_store_rel(&x->unit, s->q.u);
		sh_store_rel(&x->units, s->q.n);
		set_of(m, s);
		s->q.epoch = U(x->epoch) + 1;
		sh_store_rel(&x->epoch, s->q.epoch);
		sh_store_rel(&x->phase, SH_X_START); /* R:XCHG */
	} else {
		r = -ESTALE;
	}
	sh_mem_unlock(m);
	return r;
}

int sh_xrec_open(struct sh_mem *m, struct sh_stint *s)
{
	int r = sh_mem_lock_grow(&m);

	if (r < 0)
		return r;
	r = U(m->h->xchg.phase) == SH_X_IDLE ? open_locked(m, s) : -EAGAIN;
	sh_mem_unlock_grow(m);
	return r;
}

bool sh_xrec_take_over(struct sh_mem *m, uint64_t seen, struct sh_stint *s)
{
	const struct sh_xchg *x = &m->h->xchg;
	bool r = false;

	if (sh_mem_lock_grow(&m) < 0)
		return false;
	if (U(x->phase) != SH_X_IDLE && U(x->stint) == seen) {
		s->q = (struct sh_xmsg){.kind = (uint32_t)U(x->kind),
					.number = U(x->number),
					.epoch = U(x->epoch),
					.requester = U(x->requester),
					.busy = (uint32_t)U(x->busy),
					.u = (uint32_t)U(x->unit),
					.n = (uint32_t)U(x->units),
					.loud = sh_xrec_always(m)};
		take(m, s);
		set_of(m, s);
		r = true;
	}
	sh_mem_unlock_grow(m);
	return r;
}

int sh_xrec_phase(struct sh_mem *m, struct sh_stint *s, enum sh_xphase phase)
{
	struct sh_xchg *x = &m->h->xchg;
	int r = sh_mem_lock_grow(&m);

	if (r < 0)
		return r;
	r = sh_xrec_fence(m, s) ? 0 : -ESTALE;
	if (r == 0) {
		set_of(m, s);
		sh_store_rel(&x->phase, phase); /* R:XCHG */
		if (phase == SH_X_IDLE)
			sh_add(&x->seq, 1);
	}
	sh_mem_unlock_grow(m);
	if (r == 0 && phase == SH_X_IDLE) {
		SH_STEP("xchg_closed");
		sh_futex_wake(&x->seq, INT_MAX, SH_FUTEX_ANY, true);
		if ((sh_xgone(s->q.requester) || U(sh_desc(s->q.busy)->owner) == SH_NOBODY) && sh_mem_lock(&m) == 0) {
			(void)sh_pages_reap(m);
			sh_mem_unlock(m);
			sh_pages_held(m);
		}
	}
	return r;
}

int sh_xrec_waits_for(struct sh_mem *m, uint32_t busy, uint64_t number)
{
	int r = sh_mem_lock(&m);

	if (r < 0)
		return r;
	sh_set(m->h, &sh_desc(busy)->own[0], number);
	sh_commit(m->h);
	sh_mem_unlock(m);
	return 0;
}
