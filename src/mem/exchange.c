/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exchange.c - the two-phase exchange. See exchange.h for what it is for, README.md for its steps and deaths.
 *
 * Every change of the record, of bits and of pages happens under G after a look at `stint`: a coordinator that was stopped
 * for so long that somebody took its place finds another number there and does nothing more. Nothing is waited for under a
 * lock: between two steps the coordinator holds none.
 *
 * Steps are printed by number: at level debug, with --mem-sync=always at level info.
 */
#include "mem/exchange.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/futex.h"
#include "base/log.h"
#include "chan/internal.h"
#include "mem/observe.h"
#include "proc/opts.h"
#include "proc/proc.h"

#define SLICE_NS (10 * SH_NS_PER_MS)
#define U(w) sh_load_rlx(&(w)) /* relaxed: under the lock, or of an exchange that is mine */

/* so long may a member take to say yes; three times as long a requester waits for its coordinator */
static uint64_t limit_ns(void)
{
	return SH_FAULT_NUM("SHOAL_XCHG_MS", 5000) * SH_NS_PER_MS;
}

enum what { REQUEST, SYNC, SYNC_AGAIN };

struct msg {
	uint32_t what, kind;
	uint64_t number, epoch;
	sh_id_t requester;
	uint32_t busy, u, n, pad;
};

/* an exchange that I coordinate */
struct stint {
	struct msg q;
	uint64_t mine;
	uint64_t set[SH_MEMBERS / 64]; /* slots of those to be asked */
	char why[128];		       /* who said no, how */
};

#define STEP(q, no, fmt, ...)                                                                                          \
	sh_log_line(sh_ctx.opts != NULL && sh_ctx.opts->mem_sync_always ? SH_INFO : SH_DEBUG,                          \
		    "mem: %s #%llu step %d: " fmt, (q)->kind == SH_X_GROW ? "grow" : "free",                           \
		    (unsigned long long)(q)->number, (no), __VA_ARGS__)

static unsigned kib(const struct msg *q)
{
	return q->n * (unsigned)(SH_UNIT / 1024);
}

static bool gone(sh_id_t id)
{
	return id != sh_self() && (!sh_member_alive(id) || sh_member_probe(id) == 1);
}

/* ---- the record; under G ---- */

static bool fence(const struct sh_mem *m, const struct stint *s)
{
	return U(m->h->xchg.phase) != SH_X_IDLE && U(m->h->xchg.stint) == s->mine;
}

static void set_of(const struct sh_mem *m, struct stint *s)
{
	const struct sh_xchg *x = &m->h->xchg;
	bool all = false;

	for (unsigned i = 0; i < SH_MEMBERS / 64; i++) {
		s->set[i] = U(x->observe[SH_OBS_EVENTS][i]);
		if (s->q.kind == SH_X_GROW)
			s->set[i] |= U(x->observe[SH_OBS_VALIDATES][i]);
	}
	for (unsigned slot = 0; slot < SH_MEMBERS; slot++)
		all |= (U(x->observe[SH_OBS_ALWAYS][slot / 64]) >> slot % 64 & 1) != 0 && sh_member_at(slot, NULL) != 0;
	if (all)
		memset(s->set, 0xff, sizeof(s->set));
}

bool sh_exchange_wanted(const struct sh_mem *m, enum sh_xkind kind)
{
	struct stint s = {.q.kind = kind};

	set_of(m, &s);
	for (unsigned slot = 0; slot < SH_MEMBERS; slot++)
		if ((s.set[slot / 64] >> slot % 64 & 1) != 0 && sh_member_at(slot, NULL) != 0)
			return true;
	return false;
}

static void take(struct sh_mem *m, struct stint *s)
{
	struct sh_xchg *x = &m->h->xchg;

	s->mine = U(x->stint) + 1;
	sh_store_rel(&x->stint, s->mine);
	sh_store_rel(&x->coord, sh_self());
}

/* does the run still wait for this? Under H: what a message says is not believed */
static bool still_wanted(const struct sh_mem *m, const struct msg *q)
{
	const struct sh_desc *d;

	if (sh_unit_w(q->busy) >= SH_WINDOWS || m->w[sh_unit_w(q->busy)].heap == NULL ||
	    sh_unit_idx(q->busy) >= U(m->h->pg.w[sh_unit_w(q->busy)].end))
		return false;
	d = sh_desc(q->busy);
	return sh_use_kind(U(d->use)) == SH_PG_BUSY && U(d->owner) == q->requester && U(d->own[0]) == q->number &&
	       q->u >= q->busy && q->n != 0 && (uint64_t)q->u + q->n <= (uint64_t)q->busy + sh_use_units(U(d->use));
}

/* under G: open it, if its requester still waits. The reaper of dead members' runs looks under H, so H is taken */
static int open_locked(struct sh_mem *m, struct stint *s)
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
		s->q.epoch = U(x->epoch) + 1;
		sh_store_rel(&x->epoch, s->q.epoch);
		sh_store_rel(&x->phase, SH_X_START); /* R:XCHG */
	} else {
		r = -ESTALE;
	}
	sh_mem_unlock(m);
	return r;
}

/* take the place of who had this stint: false, it is over or somebody else was faster */
static bool take_over(struct sh_mem *m, uint64_t seen, struct stint *s)
{
	const struct sh_xchg *x = &m->h->xchg;
	bool r = false;

	if (sh_mem_lock_grow(&m) < 0)
		return false;
	if (U(x->phase) != SH_X_IDLE && U(x->stint) == seen) {
		s->q = (struct msg){.kind = (uint32_t)U(x->kind),
				    .number = U(x->number),
				    .epoch = U(x->epoch),
				    .requester = U(x->requester),
				    .busy = (uint32_t)U(x->busy),
				    .u = (uint32_t)U(x->unit),
				    .n = (uint32_t)U(x->units)};
		take(m, s);
		r = true;
	}
	sh_mem_unlock_grow(m);
	return r;
}

/* 0, or -ESTALE: it is no longer mine */
static int set_phase(struct sh_mem *m, struct stint *s, enum sh_xphase phase)
{
	struct sh_xchg *x = &m->h->xchg;
	int r = sh_mem_lock_grow(&m);

	if (r < 0)
		return r;
	r = fence(m, s) ? 0 : -ESTALE;
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
		if (gone(s->q.requester) && sh_mem_lock(&m) == 0) {
			(void)sh_pages_reap(m);
			sh_mem_unlock(m);
			sh_pages_held(m);
		}
	}
	return r;
}

/* ---- pages ---- */

static int still_mine(const struct sh_mem *m, void *arg)
{
	return fence(m, arg) ? 0 : -ESTALE;
}

static int map(struct sh_mem *m, struct stint *s)
{
	return SH_FAIL("xchg_map") ? -ENOMEM : sh_back_fill(m, s->q.u, s->q.n, still_mine, s);
}

static int unmap(struct sh_mem *m, struct stint *s)
{
	return sh_back_punch(m, s->q.u, s->q.n, still_mine, s);
}

/* ---- asking the others ---- */

static bool moot(void *arg)
{
	const struct stint *s = arg;
	const struct sh_mem *m = sh_ctx.mem;

	/* a look without the lock: too early costs nothing, the fence decides */
	return m == NULL || sh_load_acq(&m->h->xchg.stint) != s->mine;
}

static unsigned members(const struct stint *s, struct sh_int_answer *a)
{
	unsigned n = 0;

	for (unsigned slot = 0; slot < SH_MEMBERS; slot++) {
		enum sh_state st;
		sh_id_t id = sh_member_at(slot, &st);

		if ((s->set[slot / 64] >> slot % 64 & 1) != 0 && id != 0 && st == SH_ACTIVE && id != sh_self())
			a[n++] = (struct sh_int_answer){.to = id};
	}
	return n;
}

/* how many did not say yes; why names the last */
static unsigned count_no(struct stint *s, const struct sh_int_answer *a, unsigned n)
{
	unsigned no = 0;

	for (unsigned i = 0; i < n; i++) {
		if (a[i].outcome == SH_INT_GONE || (a[i].outcome == SH_INT_ANSWERED && a[i].code == 0))
			continue;
		no++;
		if (a[i].outcome == SH_INT_TIMED_OUT)
			snprintf(s->why, sizeof(s->why), "member %u (pid %u) did not answer", sh_id_slot(a[i].to),
				 sh_region()->members[sh_id_slot(a[i].to)].pid);
		else
			snprintf(s->why, sizeof(s->why), "member %u (pid %u) %s", sh_id_slot(a[i].to),
				 sh_region()->members[sh_id_slot(a[i].to)].pid,
				 a[i].code == EACCES ? "has a validator that says no" : "could not synchronise");
	}
	return no;
}

/* steps 3 to 5, or 7 to 9 of a growth: how many did not say yes */
static unsigned ask(struct stint *s, enum what what, int step)
{
	struct sh_int_answer a[SH_MEMBERS];
	struct sh_int_ask q = {.svc = SH_SVC_MEM, .data = &s->q, .len = sizeof(s->q), .moot = moot, .arg = s};
	unsigned n = members(s, a), no;
	int r = 0;

	STEP(&s->q, step, "member %u asks %u to synchronise", sh_id_slot(sh_self()), n);
	s->q.what = what;
	q.dl = sh_deadline(limit_ns());
	if (n != 0)
		r = sh_internal_ask(a, n, &q);
	if (r < 0)
		snprintf(s->why, sizeof(s->why), "the channel of this process is stopping or busy");
	no = r < 0 ? n : count_no(s, a, n);
	SH_STEP("xchg_heard");
	return no;
}

static int own_view(struct sh_mem *m, struct stint *s)
{
	return sh_view_sync(m, s->q.epoch, s->q.u, s->q.n, sh_deadline(limit_ns()));
}

/* ---- the coordinator's part ---- */

/* steps 6 to 9 of a growth that somebody refused, or whose coordinator is gone: told, then taken away */
static int roll_back(struct sh_mem *m, struct stint *s)
{
	int r = set_phase(m, s, SH_X_BACK);

	SH_STEP("xchg_rolling");
	if (r < 0)
		return r;
	(void)own_view(m, s);
	if (ask(s, SYNC_AGAIN, 7) != 0)
		sh_log_rate(SH_WARN, "memory: %s after growth was taken back; its callbacks hear of it later", s->why);
	r = unmap(m, s);
	SH_STEP("xchg_rolled");
	return r < 0 ? r : set_phase(m, s, SH_X_IDLE);
}

/* steps 2 to 5 of giving back, then the pages go whatever the members said */
static int let_go(struct sh_mem *m, struct stint *s)
{
	int r;

	(void)own_view(m, s);
	STEP(&s->q, 2, "member %u has unmapped %u KiB", sh_id_slot(sh_self()), kib(&s->q));
	r = set_phase(m, s, SH_X_SYNC);
	if (r < 0)
		return r;
	SH_STEP("xchg_told");
	if (ask(s, SYNC, 3) != 0)
		sh_log_rate(SH_WARN, "memory: %s; pages go back without it", s->why);
	r = unmap(m, s);
	SH_STEP("xchg_unmapped");
	return r < 0 ? r : set_phase(m, s, SH_X_IDLE);
}

/* a dead or stopped coordinator's exchange that is mine now */
static void repair(struct sh_mem *m, struct stint *s)
{
	SH_STEP("xchg_taken_over");
	if (s->q.kind == SH_X_SHRINK) {
		(void)let_go(m, s);
		STEP(&s->q, 6, "member %u has the result: done, for a coordinator that is gone", sh_id_slot(sh_self()));
	} else {
		STEP(&s->q, 6, "member %u rolls back: the coordinator is gone", sh_id_slot(sh_self()));
		(void)roll_back(m, s);
	}
}

/* Until it is closed, or taken over: by proof of its coordinator's death, or at late_dl. 0, or as the lock */
static int close_other(struct sh_mem *m, uint64_t number, uint64_t late_dl)
{
	struct sh_xchg *x = &m->h->xchg;

	for (;;) {
		uint64_t stint, open;
		uint32_t seq = sh_load_acq(&x->seq); /* relaxed would do: an old one makes the wait return at once */
		struct stint s;
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
		if (gone(coord) || sh_now_ns() >= late_dl) {
			if (take_over(m, stint, &s))
				repair(m, &s);
			continue;
		}
		(void)sh_futex_wait(&x->seq, seq, sh_deadline(SLICE_NS), SH_FUTEX_ANY, true);
	}
}

static int open_record(struct sh_mem *m, struct stint *s)
{
	int r;

	do {
		r = close_other(m, 0, sh_deadline(4 * limit_ns()));
		if (r == 0)
			r = sh_mem_lock_grow(&m);
		if (r < 0)
			return r;
		r = U(m->h->xchg.phase) == SH_X_IDLE ? open_locked(m, s) : -EAGAIN;
		sh_mem_unlock_grow(m);
	} while (r == -EAGAIN);
	return r;
}

/* step 2 of a growth. What is refused here nobody else has heard of */
static int step_map(struct sh_mem *m, struct stint *s)
{
	uint64_t total = ((uint64_t)sh_load_acq(&m->h->pg.backed) + sh_run_missing(m, s->q.u, s->q.n)) << SH_UNIT_SHIFT;
	char who[64];
	int r = sh_validate(total, who, sizeof(who), sh_deadline(limit_ns()));

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
		STEP(&s->q, 2, "member %u cannot map: %s", sh_id_slot(sh_self()), s->why);
		(void)unmap(m, s);
		if (set_phase(m, s, SH_X_IDLE) < 0)
			r = -ESTALE;
		return r;
	}
	STEP(&s->q, 2, "member %u has mapped %u KiB", sh_id_slot(sh_self()), kib(&s->q));
	SH_STEP("xchg_mapped");
	return 0;
}

/* steps 3 to 9 */
static int step_sync(struct sh_mem *m, struct stint *s)
{
	unsigned no = own_view(m, s) < 0;
	int r;

	snprintf(s->why, sizeof(s->why), "a callback of this process does not return");
	no += ask(s, SYNC, 3);
	if (no == 0) {
		STEP(&s->q, 6, "member %u commits: all said yes", sh_id_slot(sh_self()));
		return set_phase(m, s, SH_X_IDLE);
	}
	STEP(&s->q, 6, "member %u rolls back: %s", sh_id_slot(sh_self()), s->why);
	r = roll_back(m, s);
	return r == 0 ? -EACCES : r;
}

static int grow(struct sh_mem *m, struct stint *s)
{
	int r = step_map(m, s);

	if (r == 0)
		r = set_phase(m, s, SH_X_SYNC);
	SH_STEP("xchg_told");
	if (r == 0)
		r = step_sync(m, s);
	if (r == -ESTALE)
		(void)own_view(m, s);
	return r;
}

static int shrink(struct sh_mem *m, struct stint *s)
{
	int r;

	if (SH_FAIL("xchg_unmap")) {
		STEP(&s->q, 2, "member %u cannot unmap", sh_id_slot(sh_self()));
		r = set_phase(m, s, SH_X_IDLE);
		(void)own_view(m, s);
		return r < 0 ? r : -EBUSY;
	}
	r = let_go(m, s);
	if (r == -ESTALE)
		(void)own_view(m, s);
	return r;
}

/* -ESTALE: the requester does not wait any more, or somebody took my place */
static int coordinate(struct sh_mem *m, const struct msg *q)
{
	struct stint s = {.q = *q};
	int r = open_record(m, &s);

	if (r < 0)
		return r;
	SH_STEP("xchg_opened");
	r = q->kind == SH_X_GROW ? grow(m, &s) : shrink(m, &s);
	if (r != -ESTALE)
		STEP(&s.q, q->kind == SH_X_GROW ? 10 : 6, "member %u has a result for member %u: %s%s%s",
		     sh_id_slot(sh_self()), sh_id_slot(q->requester), r == 0 ? "done" : "failed",
		     r == -EACCES ? ": " : "", r == -EACCES ? s.why : "");
	if (r == -EACCES)
		sh_log_rate(SH_WARN, "memory does not grow by %u KiB for member %u: %s", kib(q),
			    sh_id_slot(q->requester), s.why);
	SH_STEP("xchg_result");
	return r;
}

/* ---- the others' part ---- */

static int synchronise(struct sh_mem *m, const struct msg *q)
{
	const struct sh_xchg *x = &m->h->xchg;
	uint64_t dl = sh_deadline(limit_ns());
	int step = q->what == SYNC ? 4 : 8, r = 0;
	char who[64];

	/* A:XCHG an exchange that is over or in another phase: whoever asked has been replaced, or does not wait any more */
	if (sh_load_acq(&x->phase) != (q->what == SYNC ? SH_X_SYNC : SH_X_BACK) || U(x->number) != q->number)
		r = -ESTALE;
	SH_STEP("xchg_asked");
	if (r == 0 && SH_FAIL(q->what == SYNC ? "xchg_sync" : "xchg_sync_again"))
		r = -EIO;
	if (r == 0 && q->what == SYNC && q->kind == SH_X_GROW)
		r = sh_validate(sh_load_acq(&m->h->pg.backed) << SH_UNIT_SHIFT, who, sizeof(who), dl);
	if (r == -EACCES)
		STEP(q, step, "member %u refuses: validator \"%s\" says no", sh_id_slot(sh_self()), who);
	else if (r == 0)
		r = sh_view_sync(m, q->epoch, q->u, q->n, dl);
	if (r == 0)
		STEP(q, step, "member %u has synchronised", sh_id_slot(sh_self()));
	else if (r != -EACCES)
		STEP(q, step, "member %u cannot synchronise: %s", sh_id_slot(sh_self()), strerror(-r));
	SH_STEP("xchg_synced");
	if (r < 0 && r != -EACCES) /* then later */
		sh_internal_poke(SH_SVC_MEM);
	STEP(q, step + 1, "member %u answers %s", sh_id_slot(sh_self()), r == 0 ? "yes" : "no");
	return r;
}

/* asked by nobody: what did I miss, and is there an exchange that somebody left open? */
static void look(struct sh_mem *m)
{
	struct sh_xchg *x = &m->h->xchg;
	uint64_t stint = sh_load_acq(&x->stint);
	struct stint s;

	/* A:XCHG a look; take_over() decides under the lock */
	if (sh_load_acq(&x->phase) != SH_X_IDLE && gone(U(x->coord)) && take_over(m, stint, &s))
		repair(m, &s);
	if (sh_view_sync_all(m, sh_deadline(limit_ns())) < 0) /* a callback does not return: when it has, then */
		sh_internal_poke(SH_SVC_MEM);
}

static int serve(void *arg, sh_id_t from, const void *data, size_t len)
{
	struct sh_mem *m = arg;
	struct msg q;
	int r;

	if (data == NULL) {
		look(m);
		return 0;
	}
	if (len != sizeof(q))
		return EBADMSG;
	memcpy(&q, data, sizeof(q));
	if (q.what != REQUEST)
		r = synchronise(m, &q);
	else
		r = q.requester == from ? coordinate(m, &q) : -EBADMSG;
	return r < 0 && r >= -255 ? -r : 0;
}

/* ---- the requester's part ---- */

/* which request my BUSY run waits for, 0: none; said in its descriptor, for a coordinator that comes late */
static int waits_for(struct sh_mem *m, uint32_t busy, uint64_t number)
{
	int r = sh_mem_lock(&m);

	if (r < 0)
		return r;
	sh_set(m->h, &sh_desc(busy)->own[0], number);
	sh_commit(m->h);
	sh_mem_unlock(m);
	return 0;
}

/*
 * The coordinator is dead or does not answer. Whatever is open on my run is closed, and from then on nobody opens anything
 * on it: 0: it was done; -EAGAIN: it was not.
 */
static int settle(struct sh_mem *m, const struct msg *q, bool late)
{
	uint32_t want = q->kind == SH_X_GROW ? 0 : q->n;
	int r;

	for (;;) {
		r = close_other(m, q->number, late ? 0 : sh_deadline(4 * limit_ns()));
		if (r == 0)
			r = sh_mem_lock_grow(&m);
		if (r < 0)
			return r;
		if (U(m->h->xchg.phase) == SH_X_IDLE || U(m->h->xchg.number) != q->number)
			break;
		sh_mem_unlock_grow(m);
	}
	r = waits_for(m, q->busy, 0);
	sh_mem_unlock_grow(m);
	if (r < 0)
		return r;
	return sh_run_missing(m, q->u, q->n) == want ? 0 : -EAGAIN;
}

static int ask_primary(const struct msg *q, sh_id_t primary, bool *late)
{
	struct sh_int_answer a = {.to = primary};
	struct sh_int_ask ask = {.svc = SH_SVC_MEM, .data = q, .len = sizeof(*q), .dl = sh_deadline(3 * limit_ns())};
	int r;

	STEP(q, 1, "member %u asks member %u for %u KiB", sh_id_slot(sh_self()), sh_id_slot(primary), kib(q));
	r = sh_internal_ask(&a, 1, &ask);
	SH_STEP("xchg_answered");
	if (r == 0 && a.outcome == SH_INT_ANSWERED)
		return -a.code;
	*late = r < 0 || a.outcome == SH_INT_TIMED_OUT;
	return -ESTALE;
}

static int attempt(struct sh_mem *m, struct msg *q)
{
	sh_id_t primary = sh_primary_id();
	bool late = false;
	int r;

	q->number = sh_add(&m->h->xchg.numbers, 1) + 1;
	r = waits_for(m, q->busy, q->number);
	if (r < 0)
		return r;
	SH_STEP("xchg_wanted");
	if (primary != 0 && primary != sh_self()) {
		r = ask_primary(q, primary, &late);
	} else {
		STEP(q, 1, "member %u asks itself for %u KiB", sh_id_slot(sh_self()), kib(q));
		r = coordinate(m, q);
	}
	if (r != -ESTALE)
		return r;
	r = settle(m, q, late);
	return r == -EAGAIN && late ? -ETIMEDOUT : r;
}

static int until_decided(struct sh_mem *m, struct msg *q)
{
	int r;

	do {
		r = attempt(m, q);
	} while (r == -EAGAIN);
	return r;
}

/* one exchange for each stretch that is missing: taken back, it takes nothing away that was there before */
static int fill_holes(struct sh_mem *m, struct msg *q, uint32_t u, uint32_t n)
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

static int refused(const struct msg *q, int r)
{
	if (r == -ETIMEDOUT)
		sh_log_rate(SH_ERR,
			    "memory does not %s by %u KiB: the primary did not answer; if it is stopped, let it go on "
			    "(kill -CONT) or end it",
			    q->kind == SH_X_GROW ? "grow" : "shrink", kib(q));
	else if (r == -EACCES && sh_primary_id() != 0 && sh_primary_id() != sh_self())
		sh_log_rate(
			SH_WARN,
			"memory does not grow by %u KiB: a member has a validator that says no, or does not answer; "
			"the primary's log names it",
			kib(q));
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
	struct msg q = {.what = REQUEST, .kind = kind, .requester = sh_self(), .busy = busy, .u = u, .n = n};
	int cancel, r;

	if (sh_observe_inside()) {
		if (kind == SH_X_GROW)
			sh_log_rate(SH_ERR,
				    "memory cannot grow by %u KiB inside a memory callback or validator: allocate it "
				    "before, or in another thread",
				    kib(&q));
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

	if (r == 0)
		sh_internal_serve(SH_SVC_MEM, serve, m);
	return r;
}

void sh_exchange_stop(struct sh_mem *m)
{
	sh_internal_serve(SH_SVC_MEM, NULL, NULL);
	sh_observe_stop(m);
}

void sh_exchange_gone(struct sh_mem *m, sh_id_t id)
{
	if (sh_load_acq(&m->h->xchg.phase) != SH_X_IDLE && U(m->h->xchg.coord) == id) /* A:XCHG */
		sh_internal_poke(SH_SVC_MEM);
}
