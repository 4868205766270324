/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_ring_elem.h - rings of elements of any size that is a multiple of 4 bytes
 *
 * All calls to one ring give the same esize, that of its creation. rte_ring.h says what rings are; its calls are these with
 * esize sizeof(void *).
 */
#ifndef RTE_RING_ELEM_H
#define RTE_RING_ELEM_H

#include <rte_ring_core.h>
#include <rte_ring_move.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Bytes that a ring of count elements needs, for rte_ring_init().
 *
 * Threads:  any.
 * Returns:  a multiple of the cache line; -EINVAL: count is no power of two or above RTE_RING_SZ_MASK, or esize is 0 or no
 *           multiple of 4.
 */
ssize_t rte_ring_get_memsize_elem(unsigned int esize, unsigned int count);

/** As rte_ring_create(), for elements of esize bytes; EINVAL also when that is 0 or no multiple of 4. */
struct rte_ring *rte_ring_create_elem(const char *name, unsigned int esize, unsigned int count, int socket_id,
				      unsigned int flags);

/*
 * Enqueue n elements from objs, dequeue n to objs.
 *
 *   rte_ring_enqueue_bulk_elem   rte_ring_dequeue_bulk_elem    all n or none
 *   rte_ring_enqueue_burst_elem  rte_ring_dequeue_burst_elem   as many as there is room for, or are there, at most n
 *
 * The names above use the mode the ring was created with. _mp_ and _mc_, _sp_ and _sc_, _mp_hts_, _mc_hts_, _mp_rts_,
 * _mc_rts_ choose it: on one side of one ring at one time all must be of the single or all of the other kind.
 *
 * Threads:  as the mode says; never from a signal handler that may interrupt a call on the same side.
 * Blocks:   single: never. Others: while somebody else is inside the same side, which lasts as long as it copies; if that
 *           one is killed, 2 ms more; if it is stopped (SIGSTOP), until it goes on, and the log names it.
 * @param left  NULL, or where to put the room (enqueue) or the number of elements (dequeue) that remain afterwards.
 * Returns:  elements moved. 0 also in a child of fork() that is no member of the group, for a ring in the group's memory:
 *           rte_errno is EPERM, and the log says so.
 */
#define __RTE_RING_ENQUEUE_MODE(m, mode)                                                                               \
	static __rte_always_inline unsigned int rte_ring_##m##enqueue_bulk_elem(                                       \
		struct rte_ring *r, const void *objs, unsigned int esize, unsigned int n, unsigned int *left)          \
	{                                                                                                              \
		return __rte_ring_do_enqueue(r, objs, esize, n, RTE_RING_QUEUE_FIXED, mode, left);                     \
	}                                                                                                              \
	static __rte_always_inline unsigned int rte_ring_##m##enqueue_burst_elem(                                      \
		struct rte_ring *r, const void *objs, unsigned int esize, unsigned int n, unsigned int *left)          \
	{                                                                                                              \
		return __rte_ring_do_enqueue(r, objs, esize, n, RTE_RING_QUEUE_VARIABLE, mode, left);                  \
	}
#define __RTE_RING_DEQUEUE_MODE(m, mode)                                                                               \
	static __rte_always_inline unsigned int rte_ring_##m##dequeue_bulk_elem(                                       \
		struct rte_ring *r, void *objs, unsigned int esize, unsigned int n, unsigned int *left)                \
	{                                                                                                              \
		return __rte_ring_do_dequeue(r, objs, esize, n, RTE_RING_QUEUE_FIXED, mode, left);                     \
	}                                                                                                              \
	static __rte_always_inline unsigned int rte_ring_##m##dequeue_burst_elem(                                      \
		struct rte_ring *r, void *objs, unsigned int esize, unsigned int n, unsigned int *left)                \
	{                                                                                                              \
		return __rte_ring_do_dequeue(r, objs, esize, n, RTE_RING_QUEUE_VARIABLE, mode, left);                  \
	}

__RTE_RING_ENQUEUE_MODE(mp_, RTE_RING_SYNC_MT)
__RTE_RING_ENQUEUE_MODE(sp_, RTE_RING_SYNC_ST)
__RTE_RING_DEQUEUE_MODE(mc_, RTE_RING_SYNC_MT)
__RTE_RING_DEQUEUE_MODE(sc_, RTE_RING_SYNC_ST)

static __rte_always_inline unsigned int
rte_ring_enqueue_bulk_elem(struct rte_ring *r, const void *objs, unsigned int esize, unsigned int n, unsigned int *left)
{
	return __rte_ring_enqueue_any(r, objs, esize, n, RTE_RING_QUEUE_FIXED, left);
}
static __rte_always_inline unsigned int rte_ring_enqueue_burst_elem(struct rte_ring *r, const void *objs,
								    unsigned int esize, unsigned int n,
								    unsigned int *left)
{
	return __rte_ring_enqueue_any(r, objs, esize, n, RTE_RING_QUEUE_VARIABLE, left);
}
static __rte_always_inline unsigned int rte_ring_dequeue_bulk_elem(struct rte_ring *r, void *objs, unsigned int esize,
								   unsigned int n, unsigned int *left)
{
	return __rte_ring_dequeue_any(r, objs, esize, n, RTE_RING_QUEUE_FIXED, left);
}
static __rte_always_inline unsigned int rte_ring_dequeue_burst_elem(struct rte_ring *r, void *objs, unsigned int esize,
								    unsigned int n, unsigned int *left)
{
	return __rte_ring_dequeue_any(r, objs, esize, n, RTE_RING_QUEUE_VARIABLE, left);
}

/*
 * One element. Threads, Blocks: as above.
 * Returns: 0; -ENOBUFS the ring is full; -ENOENT it is empty. rte_errno is kept.
 */
#define __RTE_RING_ONE(m_enq, m_deq)                                                                                   \
	static __rte_always_inline int rte_ring_##m_enq##enqueue_elem(struct rte_ring *r, const void *obj,             \
								      unsigned int esize)                              \
	{                                                                                                              \
		return likely(rte_ring_##m_enq##enqueue_bulk_elem(r, obj, esize, 1, NULL) != 0) ? 0 : -ENOBUFS;        \
	}                                                                                                              \
	static __rte_always_inline int rte_ring_##m_deq##dequeue_elem(struct rte_ring *r, void *obj,                   \
								      unsigned int esize)                              \
	{                                                                                                              \
		return likely(rte_ring_##m_deq##dequeue_bulk_elem(r, obj, esize, 1, NULL) != 0) ? 0 : -ENOENT;         \
	}

__RTE_RING_ONE(mp_, mc_)
__RTE_RING_ONE(sp_, sc_)
__RTE_RING_ONE(, )

/*
 * Pointers: the calls of rte_ring_elem.h without _elem in their names and without esize. Threads, Blocks, Returns: as there.
 */
#define __RTE_RING_POINTERS(m_enq, m_deq)                                                                              \
	static __rte_always_inline unsigned int rte_ring_##m_enq##enqueue_bulk(struct rte_ring *r, void *const *objs,  \
									       unsigned int n, unsigned int *left)     \
	{                                                                                                              \
		return rte_ring_##m_enq##enqueue_bulk_elem(r, objs, sizeof(void *), n, left);                          \
	}                                                                                                              \
	static __rte_always_inline unsigned int rte_ring_##m_enq##enqueue_burst(struct rte_ring *r, void *const *objs, \
										unsigned int n, unsigned int *left)    \
	{                                                                                                              \
		return rte_ring_##m_enq##enqueue_burst_elem(r, objs, sizeof(void *), n, left);                         \
	}                                                                                                              \
	static __rte_always_inline unsigned int rte_ring_##m_deq##dequeue_bulk(struct rte_ring *r, void **objs,        \
									       unsigned int n, unsigned int *left)     \
	{                                                                                                              \
		return rte_ring_##m_deq##dequeue_bulk_elem(r, objs, sizeof(void *), n, left);                          \
	}                                                                                                              \
	static __rte_always_inline unsigned int rte_ring_##m_deq##dequeue_burst(struct rte_ring *r, void **objs,       \
										unsigned int n, unsigned int *left)    \
	{                                                                                                              \
		return rte_ring_##m_deq##dequeue_burst_elem(r, objs, sizeof(void *), n, left);                         \
	}
#define __RTE_RING_ONE_POINTER(m_enq, m_deq)                                                                           \
	static __rte_always_inline int rte_ring_##m_enq##enqueue(struct rte_ring *r, void *obj)                        \
	{                                                                                                              \
		return rte_ring_##m_enq##enqueue_elem(r, &obj, sizeof(void *));                                        \
	}                                                                                                              \
	static __rte_always_inline int rte_ring_##m_deq##dequeue(struct rte_ring *r, void **obj)                       \
	{                                                                                                              \
		return rte_ring_##m_deq##dequeue_elem(r, obj, sizeof(void *));                                         \
	}

#ifdef __cplusplus
}
#endif

#include <rte_ring.h>
#include <rte_ring_hts.h>
#include <rte_ring_peek.h>
#include <rte_ring_peek_zc.h>
#include <rte_ring_rts.h>

#endif
