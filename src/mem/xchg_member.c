/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * xchg_member.c - the exchange as everybody else sees it: asked to synchronise, or looking for what was missed. See xchg.h
 *
 * The internal thread answers; what waits for others' answers, coordinating and repairing, has a thread of its own
 * (SH_LATER_COORD). So who coordinates is still there for the exchange of another that is in its way, and for all else.
 *
 * Process-private state: that the room is about to stop, so that what is queued there is not begun.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/later.h"
#include "chan/internal.h"
#include "mem/observe.h"
#include "mem/xchg.h"

/* the phase in which this is asked; another: whoever asked has been replaced, or does not wait any more */
static enum sh_xphase phase_of(const struct sh_xmsg *q)
{
	switch (q->what) {
	case SH_XW_GOES:
		return q->kind == SH_X_GROW ? SH_X_BACK : SH_X_START;
	case SH_XW_SYNC:
		return SH_X_SYNC;
	case SH_XW_AGAIN:
		return SH_X_AGAIN;
	default:
		return SH_X_STAY;
	}
}

static bool outdated(const struct sh_mem *m, const struct sh_xmsg *q)
{
	const struct sh_xchg *x = &m->h->xchg;

	/* A:XCHG; relaxed: a look, the coordinator's fence decides */
	return sh_load_acq(&x->phase) != phase_of(q) || sh_load_rlx(&x->number) != q->number;
}

/* step 4 of both, 8 of a growth; an announcement has no step */
static int synchronise(struct sh_mem *m, const struct sh_xmsg *q)
{
	uint64_t dl = sh_deadline(sh_xlimit_ns());
	int step = q->what == SH_XW_SYNC ? 4 : 8, r = outdated(m, q) ? -ESTALE : 0;
	char who[64];

	SH_STEP("xchg_asked");
	if (r == 0 && SH_FAIL(q->what == SH_XW_SYNC ? "xchg_sync" : "xchg_sync_again"))
		r = -EIO;
	if (r == 0 && q->what == SH_XW_SYNC && q->kind == SH_X_GROW)
		r = sh_validate(sh_load_acq(&m->h->pg.backed) << SH_UNIT_SHIFT, who, sizeof(who), dl);
	if (r == -EACCES)
		SH_XSTEP(q, step, "member %u refuses: validator \"%s\" says no", sh_id_slot(sh_self()), who);
	else if (r == 0)
		r = sh_view_sync(m, q->epoch, q->u, q->n, dl);
	if (r == 0)
		SH_XSTEP(q, step, "member %u has synchronised", sh_id_slot(sh_self()));
	else if (r != -EACCES)
		SH_XSTEP(q, step, "member %u cannot synchronise: %s", sh_id_slot(sh_self()), strerror(-r));
	SH_STEP("xchg_synced");
	SH_XSTEP(q, step + 1, "member %u answers %s", sh_id_slot(sh_self()), r == 0 ? "yes" : "no");
	return r;
}

static int hear(struct sh_mem *m, const struct sh_xmsg *q)
{
	int r = outdated(m, q) ? -ESTALE : 0;

	SH_STEP("xchg_heard_of");
	if (r == 0)
		r = sh_view_sync(m, q->epoch, q->u, q->n, sh_deadline(sh_xlimit_ns()));
	if (r == 0)
		SH_XLINE(q, ": member %u has told its callbacks", sh_id_slot(sh_self()));
	return r;
}

/* ---- on the coordinator's thread ---- */

static _Atomic bool closing;

struct job {
	struct sh_mem *m;
	struct sh_int_due due;
	struct sh_xmsg q;
};

static int as_code(int r)
{
	return r < 0 && r >= -255 ? -r : 0;
}

static void coordinate(void *arg, uint64_t n)
{
	struct job *j = arg;
	/* ESTALE: not done, let the requester see who does it now; A:XCLOSE */
	int r = sh_load_acq(&closing) ? -ESTALE : sh_xcoord(j->m, &j->q);

	(void)n;
	sh_xcame_on(j->m);
	sh_internal_done(&j->due, as_code(r));
	free(j);
}

/* for a coordinator that is dead; a second look in the queue finds the exchange closed */
static void repair(void *arg, uint64_t n)
{
	struct sh_mem *m = arg;
	struct sh_xchg *x = &m->h->xchg;
	uint64_t stint = sh_load_acq(&x->stint);
	struct sh_stint s = {.mine = 0};

	(void)n;
	/* A:XCHG; relaxed: a look; sh_xrec_take_over() decides under the lock */
	if (!sh_load_acq(&closing) && sh_load_acq(&x->phase) != SH_X_IDLE && sh_xgone(sh_load_rlx(&x->coord)) &&
	    sh_xrec_take_over(m, stint, &s))
		sh_xcoord_repair(m, &s);
}

/* no thread, no memory: -ENOMEM, and the requester gets no memory either */
static int have_coordinated(struct sh_mem *m, const struct sh_xmsg *q)
{
	struct job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return -ENOMEM;
	j->m = m;
	j->q = *q;
	sh_internal_due(&j->due);
	if (sh_later(SH_LATER_COORD, coordinate, j, 0) == 0)
		return SH_INT_LATER;
	free(j);
	return -ENOMEM;
}

void sh_xmember_open(void)
{
	sh_store_rel(&closing, false); /* R:XCLOSE */
}

void sh_xmember_close(void)
{
	sh_store_rel(&closing, true); /* R:XCLOSE */
	sh_later_flush(SH_LATER_COORD);
}

/* ---- on the internal thread ---- */

/* asked by nobody: what did I miss, and is there an exchange that somebody left open? */
static void look(struct sh_mem *m)
{
	/* A:XCHG; relaxed: a look, which is repeated there. Without a thread the next who needs the exchange closes it */
	if (sh_load_acq(&m->h->xchg.phase) != SH_X_IDLE && sh_xgone(sh_load_rlx(&m->h->xchg.coord)))
		(void)sh_later(SH_LATER_COORD, repair, m, 0);
	if (sh_view_sync_all(m, sh_deadline(sh_xlimit_ns())) < 0) /* a callback does not return: when it has, then */
		sh_internal_poke(SH_SVC_MEM);
	sh_decay_join(m);
}

int sh_xmember_serve(void *arg, sh_id_t from, const void *data, size_t len)
{
	struct sh_mem *m = arg;
	struct sh_xmsg q;
	int r;

	if (data == NULL) {
		look(m);
		sh_xcame_on(m);
		return 0;
	}
	if (len != sizeof(q))
		return EBADMSG;
	memcpy(&q, data, sizeof(q));
	if (q.what == SH_XW_REQUEST) {
		r = q.requester == from ? have_coordinated(m, &q) : -EBADMSG;
		return r == SH_INT_LATER ? r : as_code(r);
	}
	if (q.what == SH_XW_GOES || q.what == SH_XW_STAYS)
		r = hear(m, &q);
	else
		r = synchronise(m, &q);
	sh_xcame_on(m);
	if (r < 0 && r != -EACCES) /* what it could not do now it does then */
		sh_internal_poke(SH_SVC_MEM);
	return as_code(r);
}
