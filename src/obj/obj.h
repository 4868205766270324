/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * obj.h - things that many processes use at once: what init.c and the rooms to the right may call
 *
 * Rings are used by the inline functions of rte_ring.h; here is what they do not do themselves.
 */
#ifndef SH_OBJ_OBJ_H
#define SH_OBJ_OBJ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rte_mempool;
struct rte_ring;
struct sh_opts;

/* After sh_mem_start(), before sh_proc_announce(). 0 or -errno, with a line. */
int sh_obj_start(const struct sh_opts *o);
/* No other thread of this process may be in a call of this room; also in a forked child, for what its parent's start left. */
void sh_obj_stop(void);

/* does the group track its pools of mbufs, and rings of pointers? --track-pools of the primary that began it */
bool sh_obj_tracks(void);

/* ---- fences in others, by membarrier(2); see fence.c ---- */

/* a fence here, and in every thread that runs of a process that takes part; false: refused, and the group knows */
bool sh_fence_all(void);
/* is there a living member that is refused it, or takes no part? */
bool sh_fence_refused(void);

/* ---- rings ---- */

struct sh_ring_ask {
	const char *name;
	uint32_t size, capacity; /* slots, a power of two; elements */
	unsigned esize;
	int socket;
	unsigned flags;		  /* of rte_ring_create(), checked */
	struct rte_mempool *pool; /* it is this one's, and has a detour; NULL: a program's */
	bool guess;		  /* tracked unasked: it may hold pointers to anything */
};
/* bytes of a ring with so many slots */
size_t sh_ring_bytes(uint32_t size, unsigned esize);
/* fill a ring; magic stays as it is */
void sh_ring_fill(struct rte_ring *r, const struct sh_ring_ask *ask);
/* 0 and *ret, or an errno as rte_memzone_reserve() has (its line is written), EEXIST (no line) */
int sh_ring_make(const struct sh_ring_ask *ask, struct rte_ring **ret);
/* 0, -EINVAL: made by rte_ring_init(), or no ring any more; -EPERM */
int sh_ring_unmake(struct rte_ring *r);
/* NULL: no complete ring has this name. Never blocks. */
struct rte_ring *sh_ring_find(const char *name);
/* fn for each complete ring of the group */
void sh_ring_walk(void (*fn)(struct rte_ring *r, void *arg), void *arg);
/* the same for who mends: none is freed meanwhile */
void sh_ring_visit(void (*fn)(struct rte_ring *r, void *arg), void *arg);
/* rings that the dead were making or taking apart go */
void sh_rings_clear(void);

/* ---- pools ---- */

/* What the room to the right knows of the objects of pools with __RTE_MEMPOOL_F_MBUF. */
struct sh_pool_ways {
	/* a dead one had it: may it go back to its tracked pool? It may be another's in this moment: only look */
	bool (*may)(struct rte_mempool *mp, void *obj);
	/* the same, and it bears my name now: as it shall be in its pool. May be done again after my death */
	void (*back)(struct rte_mempool *mp, void *obj);
	/* what goes with it from hand to hand; NULL: nothing more */
	void *(*next)(void *obj);
};
/* NULL: nobody knows, such objects stay with the dead */
void sh_pool_on_reclaim(const struct sh_pool_ways *w);
/* this process' name on it goes, if it is there: others have it, my death says nothing of it any more */
void sh_pool_let_go(void *obj);
/* it bears a dead one's name, and is not in a ring: it bears mine now, and others let go of it. false: it does not */
bool sh_pool_inherit(void *obj);

#endif
