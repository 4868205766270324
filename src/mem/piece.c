/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piece.c - what the channel must know of the heap to carry pieces of it (chan/piece.h): what is a block, whose, free it
 *
 * The channel may not include this room: it is given these three functions at start, and loses them at stop.
 */
#include <errno.h>

#include "chan/piece.h"
#include "mem/priv.h"

/* until blocks without a name come, a piece is a zone */
struct want {
	const void *addr;
	const struct rte_memzone *mz;
};

static void look(const struct rte_memzone *mz, void *arg)
{
	struct want *w = arg;

	if (mz->addr == w->addr)
		w->mz = mz;
}

static const struct rte_memzone *zone_at(const void *p)
{
	struct want w = {.addr = p};

	sh_zone_walk(look, &w);
	return w.mz;
}

static int check(const void *p, size_t len)
{
	const struct rte_memzone *mz = zone_at(p);

	return mz != NULL && len != 0 && len <= mz->len ? 0 : -EINVAL;
}

static void drop(void *p)
{
	const struct rte_memzone *mz = zone_at(p);

	if (mz != NULL)
		(void)sh_zone_free(mz);
}

static const struct sh_piece_ops ops = {.check = check, .drop = drop};

void sh_mem_pieces(bool on)
{
	sh_piece_ops_set(on ? &ops : NULL);
}
