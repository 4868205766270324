/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_ring_peek.h - enqueue and dequeue in two steps
 *
 * start says how many elements may be put in, or copies elements out that stay in the ring; finish puts in or removes as many
 * as the caller wants by then, at most what start returned. For modes ST and HTS; in another mode start returns 0.
 *
 * After a start that returned more than 0 a finish must follow, by the same thread. In mode HTS everybody else waits on that
 * side until then. A process that dies in between has put in nothing and removed nothing.
 *
 * Threads, Blocks: as rte_ring_elem.h says.
 */
#ifndef RTE_RING_PEEK_H
#define RTE_RING_PEEK_H

#include <rte_ring_elem.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How many of n elements may be enqueued: bulk all or 0, burst at most n. *left: room that remains besides. */
static __rte_always_inline unsigned int rte_ring_enqueue_bulk_elem_start(struct rte_ring *r, unsigned int n,
									 unsigned int *left)
{
	uint32_t pos;

	return __rte_ring_start(r, 0, n, RTE_RING_QUEUE_FIXED, &pos, left);
}
static __rte_always_inline unsigned int rte_ring_enqueue_burst_elem_start(struct rte_ring *r, unsigned int n,
									  unsigned int *left)
{
	uint32_t pos;

	return __rte_ring_start(r, 0, n, RTE_RING_QUEUE_VARIABLE, &pos, left);
}
static __rte_always_inline unsigned int rte_ring_enqueue_bulk_start(struct rte_ring *r, unsigned int n,
								    unsigned int *left)
{
	return rte_ring_enqueue_bulk_elem_start(r, n, left);
}
static __rte_always_inline unsigned int rte_ring_enqueue_burst_start(struct rte_ring *r, unsigned int n,
								     unsigned int *left)
{
	return rte_ring_enqueue_burst_elem_start(r, n, left);
}

/** Put in the first n of objs; 0: none. */
static __rte_always_inline void rte_ring_enqueue_elem_finish(struct rte_ring *r, const void *objs, unsigned int esize,
							     unsigned int n)
{
	uint32_t pos;

	n = __rte_ring_granted(r, 0, n, &pos);
	if (n != 0)
		__rte_ring_put(r, pos, objs, esize, n, 0);
	__rte_ring_finish(r, 0, pos, n);
}
static __rte_always_inline void rte_ring_enqueue_finish(struct rte_ring *r, void *const *objs, unsigned int n)
{
	rte_ring_enqueue_elem_finish(r, objs, sizeof(void *), n);
}

static __rte_always_inline unsigned int __rte_ring_peek(struct rte_ring *r, void *objs, unsigned int esize,
							unsigned int n, enum rte_ring_queue_behavior behavior,
							unsigned int *left)
{
	uint32_t pos = 0;

	n = __rte_ring_start(r, 1, n, behavior, &pos, left);
	if (n != 0)
		__rte_ring_get(r, pos, objs, esize, n, 0);
	return n;
}

/** Copy elements to objs and leave them in: bulk all n or none, burst at most n. *left: elements besides. */
static __rte_always_inline unsigned int
rte_ring_dequeue_bulk_elem_start(struct rte_ring *r, void *objs, unsigned int esize, unsigned int n, unsigned int *left)
{
	return __rte_ring_peek(r, objs, esize, n, RTE_RING_QUEUE_FIXED, left);
}
static __rte_always_inline unsigned int rte_ring_dequeue_burst_elem_start(struct rte_ring *r, void *objs,
									  unsigned int esize, unsigned int n,
									  unsigned int *left)
{
	return __rte_ring_peek(r, objs, esize, n, RTE_RING_QUEUE_VARIABLE, left);
}
static __rte_always_inline unsigned int rte_ring_dequeue_bulk_start(struct rte_ring *r, void **objs, unsigned int n,
								    unsigned int *left)
{
	return __rte_ring_peek(r, objs, sizeof(void *), n, RTE_RING_QUEUE_FIXED, left);
}
static __rte_always_inline unsigned int rte_ring_dequeue_burst_start(struct rte_ring *r, void **objs, unsigned int n,
								     unsigned int *left)
{
	return __rte_ring_peek(r, objs, sizeof(void *), n, RTE_RING_QUEUE_VARIABLE, left);
}

/** Remove the first n; 0: all stay. */
static __rte_always_inline void rte_ring_dequeue_elem_finish(struct rte_ring *r, unsigned int n)
{
	uint32_t pos;

	n = __rte_ring_granted(r, 1, n, &pos);
	__rte_ring_finish(r, 1, pos, n);
}
static __rte_always_inline void rte_ring_dequeue_finish(struct rte_ring *r, unsigned int n)
{
	rte_ring_dequeue_elem_finish(r, n);
}

#ifdef __cplusplus
}
#endif

#endif
