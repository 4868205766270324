/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_ring.h - first-in first-out queues that any number of processes use at once
 *
 * A ring holds pointers (or other small things: rte_ring_elem.h), as many as it was made for. It belongs to the group: it has
 * a name, the same address in every process, and stays when its maker ends, is killed, or was the primary. What a pointer
 * points to must be shared memory too, if another process is to follow it.
 *
 * Order: what one producer puts in comes out in that order; enqueues that one process has seen end come out before those
 * that it starts afterwards.
 *
 * Death: a process killed at any instruction of an enqueue or dequeue has done the whole of it or nothing. Others go on; those
 * that wait for it do so within 2 ms after the kernel's proof of its death. Between rte_ring_enqueue_bulk_start() and its
 * finish (rte_ring_peek.h) the same holds: nothing was enqueued, nothing was taken out.
 *
 * In a child of fork() that has not called rte_eal_init() itself, rings of the group can be looked up, counted and dumped;
 * what would change one is refused.
 */
#ifndef RTE_RING_H
#define RTE_RING_H

#include <rte_ring_core.h>
#include <rte_ring_elem.h>

#ifdef __cplusplus
extern "C" {
#endif

/** As rte_ring_get_memsize_elem() for pointers. */
ssize_t rte_ring_get_memsize(unsigned int count);

/**
 * Make a ring in memory of the caller's, which has no name in the group: nobody finds it with rte_ring_lookup().
 *
 * @param r      rte_ring_get_memsize(count) bytes at a multiple of 128 (a cache line will do, at some cost in speed); in memory
 *               of the group's, or of this process alone.
 * Returns:  0; -EINVAL count or flags, as rte_ring_create(), or r or name is NULL; -ENAMETOOLONG; -ENOTSUP
 *           SHOAL_RING_F_TRACK: after a death such a ring must be found, and this one has no name. The log says why.
 */
int rte_ring_init(struct rte_ring *r, const char *name, unsigned int count, unsigned int flags);

/**
 * Make a ring in the group's memory, and give it a name.
 *
 * Flags for the producers: none, or RING_F_MP_RTS_ENQ or RING_F_MP_HTS_ENQ: any threads of any processes at any time;
 * RING_F_SP_ENQ: one thread at a time, and the caller sees to that: the fastest. For the consumers: none, RING_F_MC_RTS_DEQ,
 * RING_F_MC_HTS_DEQ, RING_F_SC_DEQ. RING_F_EXACT_SZ: see count.
 *
 * Threads:  any, in any process.
 * Blocks:   as rte_memzone_reserve().
 * @param name   1 to RTE_RING_NAMESIZE - 1 characters that no ring of the group has.
 * @param count  the size, a power of two; one less fits in. With RING_F_EXACT_SZ: any number, and as many fit in. 0: nothing
 *               does.
 * Returns:  the ring; or NULL with rte_errno and one line in the log:
 *             EINVAL         name is NULL, count is no power of two or above RTE_RING_SZ_MASK, or two modes for one side
 *             ENAMETOOLONG   the name has more characters
 *             EEXIST         the name is taken
 *             ENOMEM, ENOSPC, EPERM, E_RTE_NO_CONFIG   as rte_memzone_reserve()
 *           Unknown flags are ignored, and the log says so. After success rte_errno means nothing.
 */
struct rte_ring *rte_ring_create(const char *name, unsigned int count, int socket_id, unsigned int flags);

/**
 * Give a ring's memory and its name back. Nobody may use it any more, in any process; elements in it are forgotten. NULL is
 * allowed. A ring made by rte_ring_init(), or freed already: nothing happens but a line in the log.
 */
void rte_ring_free(struct rte_ring *r);

/**
 * Find a ring by its name. Threads: any; never blocks.
 * Returns:  the ring; NULL with rte_errno: ENOENT no ring has this name, EINVAL name is NULL, E_RTE_NO_CONFIG.
 */
struct rte_ring *rte_ring_lookup(const char *name);

/** Forget all elements. Nobody else may use the ring meanwhile. */
void rte_ring_reset(struct rte_ring *r);

/** A few lines about one ring, or about each ring of the group, to f. Threads: any; never blocks on other processes. */
void rte_ring_dump(FILE *f, const struct rte_ring *r);
void rte_ring_list_dump(FILE *f);

/* ---- pointers: the calls of rte_ring_elem.h without _elem in their names and without esize ---- */

__RTE_RING_POINTERS(mp_, mc_)
__RTE_RING_POINTERS(sp_, sc_)
__RTE_RING_POINTERS(, )
__RTE_RING_ONE_POINTER(mp_, mc_)
__RTE_RING_ONE_POINTER(sp_, sc_)
__RTE_RING_ONE_POINTER(, )

/* ---- questions: a moment's truth when others use the ring ---- */

/** Elements in the ring. */
static inline unsigned int rte_ring_count(const struct rte_ring *r)
{
	/* the consumers' first: they cannot be ahead of what the producers had published by then */
	uint32_t taken = __atomic_load_n(&r->cons.tail, __ATOMIC_ACQUIRE), n; /* A:RINGTAKE */

	n = __atomic_load_n(&r->prod.tail, __ATOMIC_ACQUIRE) - taken; /* A:RINGPUB */
	return n < r->capacity ? n : r->capacity;
}
/** Elements that there is room for. */
static inline unsigned int rte_ring_free_count(const struct rte_ring *r)
{
	return r->capacity - rte_ring_count(r);
}
/** Nonzero: there is no room. */
static inline int rte_ring_full(const struct rte_ring *r)
{
	return rte_ring_free_count(r) == 0;
}
/** Nonzero: there is no element. */
static inline int rte_ring_empty(const struct rte_ring *r)
{
	return rte_ring_count(r) == 0;
}
/** Slots, a power of two. */
static inline unsigned int rte_ring_get_size(const struct rte_ring *r)
{
	return r->size;
}
/** Elements that fit in. */
static inline unsigned int rte_ring_get_capacity(const struct rte_ring *r)
{
	return r->capacity;
}
static inline enum rte_ring_sync_type rte_ring_get_prod_sync_type(const struct rte_ring *r)
{
	return r->prod.sync_type;
}
static inline enum rte_ring_sync_type rte_ring_get_cons_sync_type(const struct rte_ring *r)
{
	return r->cons.sync_type;
}
/** Nonzero: created with RING_F_SP_ENQ. */
static inline int rte_ring_is_prod_single(const struct rte_ring *r)
{
	return rte_ring_get_prod_sync_type(r) == RTE_RING_SYNC_ST;
}
/** Nonzero: created with RING_F_SC_DEQ. */
static inline int rte_ring_is_cons_single(const struct rte_ring *r)
{
	return rte_ring_get_cons_sync_type(r) == RTE_RING_SYNC_ST;
}

#ifdef __cplusplus
}
#endif

#include <rte_ring_hts.h>
#include <rte_ring_rts.h>
#include <rte_ring_peek.h>
#include <rte_ring_peek_zc.h>

#endif
