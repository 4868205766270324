/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rings_ck.c - rings.c with Concurrency Kit's rings, under the names that it calls
 *
 * Theirs move one pointer in a call; n of them are n calls, entered when there is room, or elements, for n. One ring for four
 * pairs of modes: the calls differ. Their size, too, is one more than fits in.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <ck_ring.h>

#define BENCH_CK 1

enum {
	RING_F_SP_ENQ = 1,
	RING_F_SC_DEQ = 2,
	RING_F_MP_HTS_ENQ = 4,
	RING_F_MC_HTS_DEQ = 4,
	RING_F_MP_RTS_ENQ = 8,
	RING_F_MC_RTS_DEQ = 8
};

struct rte_ring {
	unsigned flags;
	ck_ring_t ck __attribute__((aligned(128)));
	ck_ring_buffer_t slot[] __attribute__((aligned(128)));
};

static bool stopped(void); /* the measurement is over: who waits need not any more */

static inline void rte_pause(void)
{
	ck_pr_stall();
}

static inline ssize_t rte_ring_get_memsize(unsigned count)
{
	return (ssize_t)(sizeof(struct rte_ring) + count * sizeof(ck_ring_buffer_t));
}

static inline int rte_ring_init(struct rte_ring *r, const char *name, unsigned count, unsigned flags)
{
	(void)name;
	r->flags = flags;
	ck_ring_init(&r->ck, count);
	return 0;
}

static inline int rte_ring_enqueue(struct rte_ring *r, void *v)
{
	bool ok;

	switch (r->flags) {
	case RING_F_SP_ENQ | RING_F_SC_DEQ:
		ok = ck_ring_enqueue_spsc(&r->ck, r->slot, v);
		break;
	case RING_F_SC_DEQ:
		ok = ck_ring_enqueue_mpsc(&r->ck, r->slot, v);
		break;
	case RING_F_SP_ENQ:
		ok = ck_ring_enqueue_spmc(&r->ck, r->slot, v);
		break;
	default:
		ok = ck_ring_enqueue_mpmc(&r->ck, r->slot, v);
	}
	return ok ? 0 : -ENOBUFS;
}

static inline int rte_ring_dequeue(struct rte_ring *r, void **v)
{
	bool ok;

	switch (r->flags) {
	case RING_F_SP_ENQ | RING_F_SC_DEQ:
		ok = ck_ring_dequeue_spsc(&r->ck, r->slot, v);
		break;
	case RING_F_SC_DEQ:
		ok = ck_ring_dequeue_mpsc(&r->ck, r->slot, v);
		break;
	case RING_F_SP_ENQ:
		ok = ck_ring_dequeue_spmc(&r->ck, r->slot, v);
		break;
	default:
		ok = ck_ring_dequeue_mpmc(&r->ck, r->slot, v);
	}
	return ok ? 0 : -ENOENT;
}

static inline unsigned rte_ring_enqueue_bulk(struct rte_ring *r, void **v, unsigned n, unsigned *room)
{
	(void)room;
	if (ck_ring_capacity(&r->ck) - 1 - ck_ring_size(&r->ck) < n)
		return 0;
	for (unsigned i = 0; i < n; i++)
		while (rte_ring_enqueue(r, v[i]) != 0 && !stopped())
			rte_pause();
	return n;
}

static inline unsigned rte_ring_dequeue_bulk(struct rte_ring *r, void **v, unsigned n, unsigned *left)
{
	(void)left;
	if (ck_ring_size(&r->ck) < n)
		return 0;
	for (unsigned i = 0; i < n; i++)
		while (rte_ring_dequeue(r, &v[i]) != 0 && !stopped())
			rte_pause();
	return n;
}

#include "rings.c"

static bool stopped(void)
{
	return sh->stop;
}
