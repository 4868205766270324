/* SPDX-License-Identifier: BSD-3-Clause */
/* hugepages.h - huge pages of 2 MiB for a case that wants them */
#ifndef SH_TEST_HUGEPAGES_H
#define SH_TEST_HUGEPAGES_H

#include "check.h"

/*
 * From now on, to the end of the case, so many huge pages of 2 MiB stand by, and none come besides. Cases that ask for them
 * have them one after the other; another program may take some. Afterwards the machine has as many as before. Skips, with a
 * reason, where that cannot be done.
 */
void t_huge_pages(unsigned pages);
/* in a case that has some: another program has taken of them, so many are to stand by again. Skips where the kernel has no more. */
void t_huge_again(unsigned pages);
/* "free_hugepages" and so on, as the kernel says; 0 where there are none */
unsigned t_huge_number(const char *name);

#endif
