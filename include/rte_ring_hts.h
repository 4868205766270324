/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_ring_hts.h - mode HTS by name: one thread at a time on a side. See rte_ring_elem.h; programs include rte_ring.h. */
#ifndef RTE_RING_HTS_H
#define RTE_RING_HTS_H

#include <rte_ring_elem.h>

#ifdef __cplusplus
extern "C" {
#endif

__RTE_RING_ENQUEUE_MODE(mp_hts_, RTE_RING_SYNC_MT_HTS)
__RTE_RING_DEQUEUE_MODE(mc_hts_, RTE_RING_SYNC_MT_HTS)
__RTE_RING_POINTERS(mp_hts_, mc_hts_)

#ifdef __cplusplus
}
#endif

#endif
