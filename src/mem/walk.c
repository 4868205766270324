/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * walk.c - every run of the windows, for who looks at all of them: under H, or in slices between which H is free
 *
 * A run in use does not move. So in slices, too, each that is there from the beginning of the walk to its end is seen once,
 * and no address twice; what comes or goes meanwhile is seen or not.
 */
#include "base/fault.h"
#include "mem/heap.h"

#define U(w) sh_load_rlx(&(w)) /* relaxed: under the lock */
#define SLICE 8192	       /* work at a time: under 1 ms */

bool sh_runs_from(struct sh_mem *m, uint32_t from, sh_run_fn *fn, void *arg, uint32_t *at)
{
	for (unsigned w = sh_unit_w(from); w < SH_WINDOWS; w++) {
		uint32_t base = (uint32_t)(w << SH_UNIT_W_SHIFT), end = (uint32_t)U(m->h->pg.w[w].end), n;

		for (uint32_t i = w == sh_unit_w(from) ? sh_unit_idx(from) : 0; i < end; i += n) {
			uint64_t use = U(m->w[w].desc[i].use);

			n = sh_use_units(use);
			*at = base + i;
			if (n == 0 || n > end - i)
				return false;
			if (!fn(m, base + i, use, arg))
				return true;
		}
	}
	return true;
}

bool sh_runs(struct sh_mem *m, sh_run_fn *fn, void *arg, uint32_t *at)
{
	return sh_runs_from(m, 0, fn, arg, at);
}

/* ---- in slices ---- */

struct slice {
	struct sh_walk *w;
	sh_slice_fn *fn;
	void *arg;
	int left;
	bool more;
};

/* a slice ends behind a run in use: there the next one begins, if that is one still */
static bool one(struct sh_mem *m, uint32_t unit, uint64_t use, void *arg)
{
	struct slice *s = arg;
	int cost;

	if (unit < s->w->done)
		return true;
	cost = s->fn(m, unit, use, s->arg);
	s->left -= cost;
	if (cost != 0 && sh_use_kind(use) <= SH_PG_BUSY)
		return true;
	if (cost != 0) {
		s->w->last = unit + 1;
		s->w->done = unit + sh_use_units(use);
	}
	s->more = s->left <= 0 || cost == 0;
	return !s->more;
}

int sh_walk_slice(struct sh_walk *w, sh_slice_fn *fn, void *arg)
{
	struct slice s = {.w = w, .fn = fn, .arg = arg, .left = SLICE};
	struct sh_mem *m;
	uint32_t at;
	bool wanted;
	int r = sh_mem_lock(&m);

	if (r < 0)
		return r;
	(void)sh_runs_from(m, w->last != 0 && sh_run_is(m, w->last - 1) ? w->last - 1 : 0, one, &s, &at);
	wanted = sh_load_rlx(&m->h->lock.want) != 0; /* relaxed: who is not seen waits a slice longer */
	sh_mem_unlock(m);
	SH_STEP("walk_slice");
	if (s.more && wanted) /* else I would have it again before they are awake */
		sh_breathe();
	return s.more;
}
