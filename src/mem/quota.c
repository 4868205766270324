/* SPDX-License-Identifier: BSD-3-Clause */
/* quota.c - how much memory a group may have at most, and what it has from the start. Its creator asks, once, before others see it */
#include <errno.h>
#include <sys/resource.h>

#include "base/log.h"
#include "mem/limit.h"
#include "mem/priv.h"
#include "proc/opts.h"

#define DEFAULT_MIN (64ull << 20)
#define DEFAULT_MOST (128ull << 30) /* two such windows lie between the default base and where programs are loaded */
#define LEAST (64ull << 10)
#define HOLDS 16 /* pieces of what is there from the start */

/* what a group that is created now may have: what it is told, or what the machine has and the limits of this process allow */
uint64_t sh_pages_default_max(void)
{
	const struct sh_opts *o = sh_ctx.opts;
	uint64_t max = o != NULL ? o->memory_max : 0, most = (uint64_t)SH_UNIT_W1 << SH_UNIT_SHIFT;
	uint64_t node = o != NULL ? (uint64_t)o->numa_limit_mb << 20 : 0;
	struct rlimit as;

	if (max == 0) {
		max = sh_limit_total();
		if (getrlimit(RLIMIT_AS, &as) == 0 && as.rlim_cur != RLIM_INFINITY && as.rlim_cur / 4 < max)
			max = as.rlim_cur / 4;
		max = max < DEFAULT_MIN ? DEFAULT_MIN : max < DEFAULT_MOST ? max : DEFAULT_MOST;
	}
	if (node != 0 && node < max)
		max = node;
	max = max < most ? max : most;
	return max > LEAST ? max : LEAST;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- -m, --socket-mem: pages that are there from the start and stay ---- */

/*
 * Of so many units as many as there are huge pages free for: *got, in *n pieces. That number is an estimate: others may take
 * some, and those that may come besides need not come. 0, or why there are no more.
 */
static int hold_huge(uint32_t units, struct sh_hold *hold, unsigned *n, uint32_t *got)
{
	uint64_t want, free, most = UINT32_MAX;
	int r = 0;

	while (*got < units && *n < HOLDS - 1) {
		struct sh_pages_ask ask = {.page = SH_PAGE_2M};

		free = sh_huge_free();
		want = (units - *got + SH_STEP_UNITS - 1) / SH_STEP_UNITS;
		want = least(want, least(free, most));
		if (want == 0)
			return r != 0 ? r : -ENOBUFS;
		ask.units = (uint32_t)want * SH_STEP_UNITS;
		r = sh_pages_hold(&ask, &hold[*n]);
		if (r == 0) {
			*got += ask.units;
			++*n;
		} else {
			most = want / 2;
		}
	}
	return *got < units ? -ENOBUFS : 0;
}

/* huge pages as far as there are, then others: all of it is held until it is all there */
static int hold_all(struct sh_mem *m, uint32_t units, uint32_t *huge)
{
	struct sh_hold hold[HOLDS];
	unsigned n = 0;
	int r = 0;

	if (units > m->h->pg.max)
		return -ENOMEM;
	if (m->w[1].heap != NULL)
		r = hold_huge(units, hold, &n, huge);
	if (*huge < units && m->w[0].heap != NULL) {
		struct sh_pages_ask ask = {.units = units - *huge, .page = SH_PAGE_4K};

		r = sh_pages_hold(&ask, &hold[n]);
		n += r == 0;
	}
	if (r == 0)
		m->h->pg.keep = units; /* nobody else has the group yet */
	while (n > 0)
		sh_pages_unhold(m, &hold[--n]);
	return r;
}

int sh_pages_first(struct sh_mem *m)
{
	unsigned mb = sh_ctx.opts != NULL ? sh_ctx.opts->mem_mb : 0;
	uint32_t units = mb << (20 - SH_UNIT_SHIFT), huge = 0;
	int r;

	if (sh_ctx.opts != NULL && sh_ctx.opts->numa_other) {
		sh_err("option --socket-mem: this machine has one node for us, the first value is for it; leave out "
		       "the "
		       "others, or make them 0");
		return -ENOMEM;
	}
	if (mb == 0)
		return 0;
	r = hold_all(m, units, &huge);
	if (r < 0)
		sh_err("cannot have the %u MiB that -m or --socket-mem asks for at the start: %s", mb,
		       r == -EFBIG	      ? "the limit on file size counts for memory: raise ulimit -f"
		       : r != -ENOBUFS	      ? "the group may not take so much: raise --memory-max, --socket-limit"
		       : m->w[0].heap == NULL ? "there are not so many huge pages of 2 MiB free, and --huge=only "
						"takes no others"
					      : "the machine, or the cgroup, has not got them");
	else if (m->w[1].heap != NULL && huge < units)
		sh_info("-m or --socket-mem: %u of %u MiB have huge pages of 2 MiB, for no more are free; the rest has "
			"pages of 4 KiB",
			huge >> (20 - SH_UNIT_SHIFT), mb);
	return r < 0 ? -ENOMEM : 0;
}
