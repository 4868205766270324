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

/* -m, --socket-mem: pages that are there from the start and stay */
int sh_pages_first(struct sh_mem *m)
{
	unsigned mb = sh_ctx.opts != NULL ? sh_ctx.opts->mem_mb : 0;
	struct sh_pages_ask ask = {.units = mb << (20 - SH_UNIT_SHIFT)};
	struct sh_hold hold;
	int r = 0;

	if (sh_ctx.opts != NULL && sh_ctx.opts->numa_other) {
		sh_err("option --socket-mem: this machine has one node for us, the first value is for it; leave out "
		       "the "
		       "others, or make them 0");
		return -ENOMEM;
	}
	if (mb == 0)
		return 0;
	r = sh_pages_hold(&ask, &hold);
	if (r == 0) {
		m->h->pg.keep = ask.units; /* nobody else has the group yet */
		sh_pages_unhold(m, &hold);
	} else {
		sh_err("cannot have the %u MiB that -m or --socket-mem asks for at the start: %s", mb,
		       r == -EFBIG     ? "the limit on file size counts for memory: raise ulimit -f"
		       : r == -ENOBUFS ? "the machine, or the cgroup, has not got them"
				       : "the group may not take so much: raise --memory-max, --socket-limit");
	}
	return r < 0 ? -ENOMEM : 0;
}
