/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_ring_rts.h - mode RTS by name. See rte_ring_elem.h; programs include rte_ring.h.
 *
 * Here it is the mode MT under another name. In DPDK it lets others finish while one thread has not published, up to a
 * distance (htd_max); what they enqueue stays invisible all the same. Here nobody is inside together with somebody else, so
 * the distance is only remembered.
 */
#ifndef RTE_RING_RTS_H
#define RTE_RING_RTS_H

#include <rte_ring_elem.h>

#ifdef __cplusplus
extern "C" {
#endif

__RTE_RING_ENQUEUE_MODE(mp_rts_, RTE_RING_SYNC_MT_RTS)
__RTE_RING_DEQUEUE_MODE(mc_rts_, RTE_RING_SYNC_MT_RTS)
__RTE_RING_POINTERS(mp_rts_, mc_rts_)

/** What rte_ring_set_prod_htd_max() has set, else capacity / 8; UINT32_MAX for another mode. */
static inline uint32_t rte_ring_get_prod_htd_max(const struct rte_ring *r)
{
	return r->prod.sync_type == RTE_RING_SYNC_MT_RTS ? r->rts_prod.htd_max : UINT32_MAX;
}
/** The same of the consumers. */
static inline uint32_t rte_ring_get_cons_htd_max(const struct rte_ring *r)
{
	return r->cons.sync_type == RTE_RING_SYNC_MT_RTS ? r->rts_cons.htd_max : UINT32_MAX;
}

/** Remember a distance; it has no effect. Returns 0, or -ENOTSUP in another mode. */
static inline int rte_ring_set_prod_htd_max(struct rte_ring *r, uint32_t v)
{
	if (r->prod.sync_type != RTE_RING_SYNC_MT_RTS)
		return -ENOTSUP;
	r->rts_prod.htd_max = v;
	return 0;
}
/** The same of the consumers. */
static inline int rte_ring_set_cons_htd_max(struct rte_ring *r, uint32_t v)
{
	if (r->cons.sync_type != RTE_RING_SYNC_MT_RTS)
		return -ENOTSUP;
	r->rts_cons.htd_max = v;
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
