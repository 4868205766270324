/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * page.h - runs of pages for everything that lies above: zones, spans, large blocks
 *
 * A window is a stretch of addresses cut into units of 16 KiB. Each unit has a descriptor of 64 bytes; who has which units
 * is said by the descriptor of a run's first unit (README.md: runs). The units of all windows have one space of numbers.
 *
 *   sh_pages_take(), sh_pages_give()   no lock held by the caller; they may grow, and wait
 *   sh_run_*                           under H, journalled, for those who commit more with the run than the run itself
 *   sh_unit_addr() ...                 inline, no lock: what they read never changes back
 */
#ifndef SH_MEM_PAGE_H
#define SH_MEM_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atom.h"
#include "ctx.h"
#include "mem/layout.h"

/* this process' view of the group's memory: sh_ctx.mem. Written by start and stop alone */
struct sh_win {
	unsigned char *heap; /* NULL: the group has no such window */
	struct sh_desc *desc;
	uint64_t bytes; /* of heap: units << SH_UNIT_SHIFT */
	uint64_t page;	/* bytes of a page of it */
	int fd_heap, fd_desc;
};
struct sh_mem {
	struct sh_mem_hdr *h; /* the header window, and base of all offsets */
	int fd;		      /* its file; proc's, as are those of the windows */
	struct sh_win w[SH_WINDOWS];
	bool thp;		      /* the kernel joins ordinary pages of window 0, if they come in the right way */
	struct sh_segs *_Atomic segs; /* seg.c's, made when first asked for */
};

/*
 * As an owner: of what a member had in hand and could not put down, for somebody is stopped with the lock that it takes. No
 * slot has this number, so whoever mends takes it for one of a dead member.
 */
#define SH_NOBODY 0xffffffffffffull

/* ---- numbers, addresses, descriptors ---- */

static inline unsigned sh_unit_w(uint32_t u)
{
	return u >> SH_UNIT_W_SHIFT;
}
static inline uint32_t sh_unit_idx(uint32_t u)
{
	return u & (SH_UNIT_W1 - 1);
}
static inline void *sh_unit_addr(uint32_t u)
{
	return sh_ctx.mem->w[sh_unit_w(u)].heap + ((size_t)sh_unit_idx(u) << SH_UNIT_SHIFT);
}
/* of a unit below the window's end: only those have a descriptor that is backed */
static inline struct sh_desc *sh_desc(uint32_t u)
{
	return &sh_ctx.mem->w[sh_unit_w(u)].desc[sh_unit_idx(u)];
}
/* SH_UNIT_NONE: no address that this room gave to anybody, or not started. Then there is no descriptor to look at */
static inline uint32_t sh_addr_unit(const void *p)
{
	const struct sh_mem *m = sh_ctx.mem;

	for (unsigned w = 0; m != NULL && w < SH_WINDOWS; w++) {
		uint64_t off = (uint64_t)((uintptr_t)p - (uintptr_t)m->w[w].heap);

		if (off < m->w[w].bytes) {
			uint32_t i = (uint32_t)(off >> SH_UNIT_SHIFT);

			/* A:PGEND whoever sees the end sees the descriptors below it backed */
			return i < sh_load_acq(&m->h->pg.w[w].end) ? (uint32_t)(w << SH_UNIT_W_SHIFT) + i
								   : SH_UNIT_NONE;
		}
	}
	return SH_UNIT_NONE;
}

#define sh_use_kind(use) ((enum sh_pg)((use) >> 32))
#define sh_use_units(use) ((uint32_t)(use))
#define sh_use(kind, units) ((uint64_t)(kind) << 32 | (uint64_t)(units))

/* ---- runs, no lock held by the caller ---- */

enum sh_page_wish { SH_PAGE_ANY = 0, SH_PAGE_4K, SH_PAGE_2M };

struct sh_pages_ask {
	uint32_t units;		   /* at least 1 */
	uint32_t align;		   /* in units, a power of 2; 0 and 1: any */
	enum sh_pg kind;	   /* SH_PG_ZONE .. SH_PG_BLOCK */
	uint64_t owner;		   /* for sh_desc.owner, e.g. thread << 48 | member id */
	uint64_t own[SH_DESC_OWN]; /* for sh_desc.own: a run is never seen with its kind and without these */
	enum sh_page_wish page;
	bool zero; /* every byte is 0; else what was in them before is still there */
};
/*
 * A run whose units are all backed. It is the group's and outlives the caller, as
 * sh_desc.owner says. 0 and the first unit; -ENOMEM, -ENOBUFS (the kernel gives no more), -ECANCELED (who observes memory
 * refuses: the same again is refused again), -EFBIG (RLIMIT_FSIZE of this process), -EPERM (no member), -ENODEV (not
 * started), -EDEADLK (the caller holds a lock), -EINVAL, -ETIMEDOUT (somebody is stopped with a lock).
 */
int sh_pages_take(const struct sh_pages_ask *ask, uint32_t *unit);
/*
 * The whole run, by its first unit; any process. 0, -EINVAL (no run in use begins there), -EPERM, -ENODEV, -EDEADLK. Where a
 * member is stopped with H it is nobody's, and free later.
 */
int sh_pages_give(uint32_t unit);
/* bytes of the windows: used by somebody, backed, and what there may be at most */
struct sh_pages_stat {
	uint64_t used, backed, max, end;
};
int sh_pages_stat(struct sh_pages_stat *ret);

/* ---- runs, under H (sh_mem_lock()), part of the caller's journalled change ---- */

struct sh_run {
	uint32_t free;	/* first unit of the free run to cut from */
	uint32_t unit;	/* where the new one begins */
	uint32_t units; /* of the new one */
};
/*
 * Where would so many units go? Changes nothing. deep: look at every free run before saying no. Whatever is backed or not:
 * see sh_run_missing().
 */
bool sh_run_find(const struct sh_mem *m, unsigned w, uint32_t units, uint32_t align, bool deep, struct sh_run *ret);
/* units of [u, u + n) that are not backed */
uint32_t sh_run_missing(const struct sh_mem *m, uint32_t u, uint32_t n);
/* cut it out: its first descriptor has this kind then. owner and own are the caller's to set before the commit */
void sh_run_cut(struct sh_mem *m, const struct sh_run *fit, enum sh_pg kind);
/* it is free, and joined with its free neighbours: the first unit of the free run that it is part of */
uint32_t sh_run_join(struct sh_mem *m, uint32_t unit);
/* a run in use is cut in two: the first keeps n units, the rest is free */
void sh_run_trim(struct sh_mem *m, uint32_t unit, uint32_t n);
/* a BUSY run (of this process) becomes what it is for, and free around that; units 0: free altogether */
void sh_run_recut(struct sh_mem *m, uint32_t busy, uint32_t unit, uint32_t units, enum sh_pg kind);
/* is this the first unit of a run in use (of any kind but BUSY)? Under H. */
bool sh_run_is(const struct sh_mem *m, uint32_t unit);

#endif
