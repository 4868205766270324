/* SPDX-License-Identifier: BSD-3-Clause */
/* limit.h - how much memory may this process still take from the machine? See limit.c. Any thread, no lock. */
#ifndef SH_MEM_LIMIT_H
#define SH_MEM_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atom.h"

/* the least of the machine's memory and all limits of the cgroups that I am in; UINT64_MAX: nothing is known */
uint64_t sh_limit_total(void);
/* what is left of all, less the margin and so many bytes more; UINT64_MAX: nothing is known */
uint64_t sh_limit_room(uint64_t keep);
/* May the group's memory be so many bytes in all, those counted that went? What went stays in all sums: it grants nothing. By what was seen last, a moment ago; false: it has to be looked */
bool sh_limit_allows(uint64_t total);
/*
 * Look. there: bytes of the group's memory that had their pages before this call, for certain; what comes besides, by whomever,
 * counts against what is seen; others may take the same room meanwhile. Up to how many bytes in all it may grow, until when;
 * part: how many of them at once, before the next look.
 */
struct sh_limit_seen {
	uint64_t bound, until_ns, part;
};
struct sh_limit_seen sh_limit_look(uint64_t there, uint64_t keep);
/* part of the last look */
uint64_t sh_limit_part(void);
/* for tests: read the files below this directory; "" for those of the machine */
void sh_limit_root(const char *root);

#endif
