/* SPDX-License-Identifier: BSD-3-Clause */
/* limit.h - how much memory may this process still take from the machine? See limit.c. Any thread, no lock. */
#ifndef SH_MEM_LIMIT_H
#define SH_MEM_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atom.h"

/* the least of the machine's memory and all limits of the cgroups that I am in; UINT64_MAX: nothing is known */
uint64_t sh_limit_total(void);
/* what is left of all, less the margin */
uint64_t sh_limit_room(void);
/* may I take so many bytes now? Then they are counted as taken. */
bool sh_limit_ask(uint64_t bytes);
/* for tests: read the files below this directory; "" for those of the machine */
void sh_limit_root(const char *root);

#endif
