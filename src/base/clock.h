/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * clock.h - monotonic now and deadlines
 *
 * All times are CLOCK_MONOTONIC nanoseconds in uint64_t, suffix _ns; an absolute one is called a deadline, suffix _dl.
 * The wall clock is never used for waiting.
 */
#ifndef SH_BASE_CLOCK_H
#define SH_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define SH_NS_PER_S 1000000000ull
#define SH_NS_PER_MS 1000000ull
#define SH_NS_PER_US 1000ull
#define SH_FOREVER UINT64_MAX

static inline uint64_t sh_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SH_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* now + rel, saturating at SH_FOREVER */
static inline uint64_t sh_deadline(uint64_t rel_ns)
{
	uint64_t now = sh_now_ns();

	return rel_ns > SH_FOREVER - now ? SH_FOREVER : now + rel_ns;
}

/* as sh_deadline(), some milliseconds early at worst, for a fifth of its price */
static inline uint64_t sh_coarse_deadline(uint64_t rel_ns)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * SH_NS_PER_S + (uint64_t)ts.tv_nsec + rel_ns;
}

#define SH_LONG_NS SH_NS_PER_S /* from here on a few milliseconds more do not matter */
#define SH_TICK_NS (10 * SH_NS_PER_MS)

/* as sh_deadline(), never early; where rel_ns is long late by up to two ticks, and cheap */
static inline uint64_t sh_limit_deadline(uint64_t rel_ns)
{
	if (rel_ns < SH_LONG_NS || rel_ns > SH_FOREVER / 2)
		return sh_deadline(rel_ns);
	return sh_coarse_deadline(rel_ns + SH_TICK_NS);
}

/* what is left until dl, 0 when it has passed */
static inline uint64_t sh_left_ns(uint64_t dl)
{
	uint64_t now = sh_now_ns();

	return dl > now ? dl - now : 0;
}

#endif
