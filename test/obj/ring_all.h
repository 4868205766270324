/* SPDX-License-Identifier: BSD-3-Clause */
/* ring_all.h - every way to move elements, as a table: each test of rings goes over all of them */
#ifndef SH_TEST_OBJ_RING_ALL_H
#define SH_TEST_OBJ_RING_ALL_H

#include <rte_ring.h>

struct way {
	const char *name;
	unsigned flags; /* to create the ring with */
	bool many;	/* any number of threads on each side */
	bool peek;	/* start and finish work */
	unsigned (*enq_bulk)(struct rte_ring *r, const void *o, unsigned esize, unsigned n, unsigned *left);
	unsigned (*enq_burst)(struct rte_ring *r, const void *o, unsigned esize, unsigned n, unsigned *left);
	unsigned (*deq_bulk)(struct rte_ring *r, void *o, unsigned esize, unsigned n, unsigned *left);
	unsigned (*deq_burst)(struct rte_ring *r, void *o, unsigned esize, unsigned n, unsigned *left);
};

#define WAY(nm, fl, many, peek, p, c)                                                                                  \
	{                                                                                                              \
		nm, fl, many, peek, rte_ring_##p##enqueue_bulk_elem, rte_ring_##p##enqueue_burst_elem,                 \
			rte_ring_##c##dequeue_bulk_elem, rte_ring_##c##dequeue_burst_elem                              \
	}

static const struct way ways[] = {
	WAY("sp sc by flags", RING_F_SP_ENQ | RING_F_SC_DEQ, false, true, , ),
	WAY("mp mc by flags", RING_F_MP_ENQ | RING_F_MC_DEQ, true, false, , ),
	WAY("hts by flags", RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ, true, true, , ),
	WAY("rts by flags", RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ, true, false, , ),
	WAY("sp sc by name", 0, false, false, sp_, sc_),
	WAY("mp mc by name", RING_F_SP_ENQ | RING_F_SC_DEQ, true, true, mp_, mc_),
	WAY("hts by name", RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ, true, true, mp_hts_, mc_hts_),
	WAY("rts by name", RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ, true, false, mp_rts_, mc_rts_),
	WAY("mp sc", RING_F_SC_DEQ, false, false, , ),
	WAY("sp mc", RING_F_SP_ENQ, false, false, , ),
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

#endif
