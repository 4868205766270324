/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shoal_mempool.h - pools that know who has their objects, and get them back from the dead
 *
 * What a dead process had in its caches comes back to every pool. With SHOAL_MEMPOOL_F_TRACK also what it had in its hands: an
 * object bears the name of the process that has it. A get writes it; so does a dequeue from a ring made with
 * SHOAL_RING_F_TRACK, and an enqueue on one says that nobody has it: it is in the ring, and what the one who put it there
 * becomes is of no matter. A packet (rte_mbuf.h) changes hands with all its segments. An object that reaches another process
 * by any other way bears the wrong name until shoal_own(). With a registered back end (rte_mempool.h, "back ends") what is on
 * its way there or from there when its process is killed is lost, also when it is tracked.
 */
#ifndef SHOAL_MEMPOOL_H
#define SHOAL_MEMPOOL_H

#include <rte_mempool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* a flag of rte_mempool_create() and rte_mempool_create_empty() */
#define SHOAL_MEMPOOL_F_TRACK __RTE_MEMPOOL_F_TRACK
/*
 * A flag of rte_ring_create(), not of rte_ring_init(): for pointers to objects of pools; those of tracked pools change hands here. Both sides take one
 * thread at a time, whatever the mode. Peek and zero-copy calls do not write names.
 */
#define SHOAL_RING_F_TRACK __RTE_RING_F_TRACK

/**
 * From now on the caller's process has this object, which came to it by another way than a get or a tracked ring.
 *
 * Threads:  any; never blocks.
 * Returns:  the member who had it until now, 0: nobody, it was in a ring. After that one's death and before this call the
 *           object may have gone back to the pool: then it is not the caller's, and the return is UINT64_MAX.
 *           0 for an object of a pool without SHOAL_MEMPOOL_F_TRACK, and in a process that is no member.
 */
uint64_t shoal_own(void *obj);
/** Who has it: a member's id; 0: nobody, it is in its pool or in a tracked ring, or the pool does not track. */
uint64_t shoal_owner(const void *obj);

#ifdef __cplusplus
}
#endif

#endif
