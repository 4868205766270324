/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * common.h - seed 000 names this file without showing it: what its two listings need
 */
#ifndef SEED_000_COMMON_H
#define SEED_000_COMMON_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void get_process_name(char *buf, size_t len)
{
  snprintf(buf, len, "%s", program_invocation_short_name);
}

#endif
