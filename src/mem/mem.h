/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem.h - bytes that every process sees: what the rooms to the right, init.c and the tests may call
 *
 * Errors are -errno. Any thread of any member. See README.md for the rules of the room.
 */
#ifndef SH_MEM_MEM_H
#define SH_MEM_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_memzone.h>

/*
 * Map the memory window; the creator of the group fills it first. After sh_proc_start(), before sh_proc_announce(): who
 * joins finds it complete. One log line on each error.
 */
int sh_mem_start(void);
/*
 * No other thread of this process may be in a call of this room. What was reserved stays with the group. In a forked child
 * it drops what the parent's start left.
 */
void sh_mem_stop(void);

/* The channel may carry pieces of the heap, from the end of start on; off, before stop: none is on loan here when it returns. */
void sh_mem_pieces(bool on);

/* what programs were shown of segments is void; a part of the stop */
void sh_seg_stop(void);

/* ---- memzones ---- */

struct sh_zone_ask {
	const char *name;
	size_t len;	/* multiple of 64; 0: the biggest that there is */
	uint64_t align; /* power of 2, at least 64 */
	uint64_t bound; /* power of 2, or 0 */
	int socket;
	bool huge;	/* of huge pages or not at all */
	size_t mark_at; /* a word of it that says this, and not 0, from the first moment that others see it */
	uint64_t mark;
};
/*
 * 0 and *ret, or -EPERM (forked child), -EEXIST, -ENOSPC (too many zones or names), -ENOMEM (no room),
 * -EFBIG (RLIMIT_FSIZE of this process), -ENOBUFS (the kernel gave no memory).
 */
int sh_zone_reserve(const struct sh_zone_ask *ask, const struct rte_memzone **ret);
/* 0, -EINVAL (not a zone, or freed already), -EPERM */
int sh_zone_free(const struct rte_memzone *mz);
/*
 * A zone as it was at one moment: others may free it at any time, and its descriptor and bytes become another's. What is read
 * of them means something if sh_zone_still() says true afterwards.
 */
struct sh_zone_seen {
	const struct rte_memzone *mz;
	struct rte_memzone was;
	uint64_t word; /* of its entry in the directory: no other zone has both */
	uint32_t entry;
};
/* Without the lock: works in a forked child too, and never waits. NULL, false: no such name. */
const struct rte_memzone *sh_zone_lookup(const char *name);
bool sh_zone_see(const char *name, struct sh_zone_seen *z);
/* it has been there ever since */
bool sh_zone_still(const struct sh_zone_seen *z);
/*
 * Nobody frees it, nor holds it, until sh_zone_unhold(): 0. -ENOENT: it is gone; -EBUSY: a living member has held it for half
 * a second. Whoever would free it waits, so it is held shortly; its holder must let go of it before it frees it.
 */
int sh_zone_hold(const struct sh_zone_seen *z);
void sh_zone_unhold(const struct rte_memzone *mz);
/* as sh_zone_free(), if it is still this one; -EINVAL: it is not */
int sh_zone_free_seen(const struct sh_zone_seen *z);
/*
 * mem_api.c: as rte_memzone_reserve_aligned() with its lines, but for EEXIST, which has none; others see it with this word in
 * it or not at all
 */
const struct rte_memzone *sh_zone_reserve_marked(const char *name, size_t len, int socket, unsigned align,
						 size_t mark_at, uint64_t mark);
/* Without the lock: fn may reserve and free. Zones that come or go meanwhile are seen or not. */
void sh_zone_walk(void (*fn)(const struct rte_memzone *mz, void *arg), void *arg);
/* The same for zones whose names begin so ("": all). */
typedef void sh_zone_fn(const struct sh_zone_seen *z, void *arg);
void sh_zone_each(const char *prefix, sh_zone_fn *fn, void *arg);
/* The same, and each is held while fn has it, which frees no zone. One that a stopped member holds is passed over. */
void sh_zone_visit(const char *prefix, sh_zone_fn *fn, void *arg);
/* Who visits it has left when this returns. Those who come later see what was written before. */
void sh_zone_quiet(const struct rte_memzone *mz);
/* Before sh_mem_start() of the group's creator: how many zones there may be, 1 .. 4096. -EINVAL, -EBUSY (too late). */
int sh_zone_max_set(size_t max);
size_t sh_zone_max(void);

/* ---- facts ---- */

bool sh_mem_in_callback(void); /* is this thread inside a memory callback or validator? Also one of the program's */
bool sh_mem_has_huge(void);    /* a window of huge pages */
/* does this address lie in what is backed or can be? false before start */
bool sh_mem_contains(uint64_t addr);
uint64_t sh_mem_total(void); /* bytes that there may be; 0 before start */

/* mem_api.c: does the machine have this NUMA socket? SOCKET_ID_ANY: yes */
bool sh_have_socket(int s);

struct sh_mem_stat {
	uint64_t total;	       /* bytes that there may be */
	uint64_t used, zones;  /* bytes in memzones, and how many they are */
	uint64_t largest_free; /* the largest piece that there is or could be */
	uint64_t file, held;   /* bytes of the files, and what they hold: tables as well */
	uint64_t backed;       /* bytes of data that have pages */
	uint64_t mended;       /* how often a dead owner's lock was taken over */
};
/* 0, -EPERM, -ENODEV (the room is not started) */
int sh_mem_stat(struct sh_mem_stat *ret);
/* Walk everything under the lock. 0: sound; -EUCLEAN: why says what is wrong; -EPERM, -ENODEV. */
int sh_mem_audit(char *why, size_t cap);

#endif
