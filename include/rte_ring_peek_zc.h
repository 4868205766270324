/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_ring_peek_zc.h - enqueue and dequeue in two steps without a copy
 *
 * As rte_ring_peek.h, but start says where the slots are: the caller writes elements into them, or reads them there, before
 * finish. What is said there of modes, threads and deaths holds here.
 */
#ifndef RTE_RING_PEEK_ZC_H
#define RTE_RING_PEEK_ZC_H

#include <rte_ring_elem.h>

#ifdef __cplusplus
extern "C" {
#endif

/* where n slots are */
struct rte_ring_zc_data {
	void *ptr1; /* the first n1 of them */
	void *ptr2; /* the others, at the start of the ring; NULL when n1 is n */
	unsigned int n1;
} __rte_cache_aligned;

static __rte_always_inline unsigned int __rte_ring_zc_start(struct rte_ring *r, unsigned int is_cons,
							    unsigned int esize, unsigned int n,
							    enum rte_ring_queue_behavior behavior,
							    struct rte_ring_zc_data *zcd, unsigned int *left)
{
	uint32_t pos = 0, i, first;

	n = __rte_ring_start(r, is_cons, n, behavior, &pos, left);
	if (n == 0)
		return 0;
	i = pos & r->mask;
	first = r->size - i;
	zcd->ptr1 = __rte_ring_slot(r, i, esize);
	zcd->n1 = n < first ? n : first;
	zcd->ptr2 = n > first ? __rte_ring_slot(r, 0, esize) : NULL;
	return n;
}

#define __RTE_RING_ZC(op, is_cons)                                                                                     \
	static __rte_always_inline unsigned int rte_ring_##op##_zc_bulk_elem_start(                                    \
		struct rte_ring *r, unsigned int esize, unsigned int n, struct rte_ring_zc_data *zcd,                  \
		unsigned int *left)                                                                                    \
	{                                                                                                              \
		return __rte_ring_zc_start(r, is_cons, esize, n, RTE_RING_QUEUE_FIXED, zcd, left);                     \
	}                                                                                                              \
	static __rte_always_inline unsigned int rte_ring_##op##_zc_burst_elem_start(                                   \
		struct rte_ring *r, unsigned int esize, unsigned int n, struct rte_ring_zc_data *zcd,                  \
		unsigned int *left)                                                                                    \
	{                                                                                                              \
		return __rte_ring_zc_start(r, is_cons, esize, n, RTE_RING_QUEUE_VARIABLE, zcd, left);                  \
	}                                                                                                              \
	static __rte_always_inline unsigned int rte_ring_##op##_zc_bulk_start(                                         \
		struct rte_ring *r, unsigned int n, struct rte_ring_zc_data *zcd, unsigned int *left)                  \
	{                                                                                                              \
		return rte_ring_##op##_zc_bulk_elem_start(r, sizeof(void *), n, zcd, left);                            \
	}                                                                                                              \
	static __rte_always_inline unsigned int rte_ring_##op##_zc_burst_start(                                        \
		struct rte_ring *r, unsigned int n, struct rte_ring_zc_data *zcd, unsigned int *left)                  \
	{                                                                                                              \
		return rte_ring_##op##_zc_burst_elem_start(r, sizeof(void *), n, zcd, left);                           \
	}                                                                                                              \
	/* publish the first n of what start gave */                                                                   \
	static __rte_always_inline void rte_ring_##op##_zc_elem_finish(struct rte_ring *r, unsigned int n)             \
	{                                                                                                              \
		uint32_t pos;                                                                                          \
                                                                                                                       \
		n = __rte_ring_granted(r, is_cons, n, &pos);                                                           \
		__rte_ring_finish(r, is_cons, pos, n);                                                                 \
	}                                                                                                              \
	static __rte_always_inline void rte_ring_##op##_zc_finish(struct rte_ring *r, unsigned int n)                  \
	{                                                                                                              \
		rte_ring_##op##_zc_elem_finish(r, n);                                                                  \
	}

__RTE_RING_ZC(enqueue, 0)
__RTE_RING_ZC(dequeue, 1)

#ifdef __cplusplus
}
#endif

#endif
