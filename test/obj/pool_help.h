/* SPDX-License-Identifier: BSD-3-Clause */
/* pool_help.h - what the tests of pools have in common */
#ifndef POOL_HELP_H
#define POOL_HELP_H

#include <stdio.h>

#include <errno.h>

#include <rte_eal.h>
#include <rte_ring.h>
#include <shoal_mempool.h>

#include "check.h"

/* every process is lcore 0 */
static inline void init_as(const char *type)
{
	char prog[] = "pool", p[64], lcores[] = "--lcores=0@0", level[] = "--log-level=info";
	char *argv[] = {prog, p, lcores, level, NULL};

	snprintf(p, sizeof(p), "--proc-type=%s", type);
	CHECK(rte_eal_init(4, argv) >= 0);
}

/* ---- "kept": a back end as a program registers one, a ring of its own ---- */

static int kept_alloc(struct rte_mempool *mp)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "K_%.16s", mp->name);
	mp->pool_data = rte_ring_create(name, rte_align32pow2(mp->size + 1), SOCKET_ID_ANY, 0);
	return mp->pool_data != NULL ? 0 : -ENOMEM;
}
static void kept_free(struct rte_mempool *mp)
{
	rte_ring_free(mp->pool_data);
}
static int kept_put(struct rte_mempool *mp, void *const *objs, unsigned n)
{
	return rte_ring_enqueue_bulk(mp->pool_data, objs, n, NULL) != 0 ? 0 : -ENOBUFS;
}
static int kept_get(struct rte_mempool *mp, void **objs, unsigned n)
{
	return rte_ring_dequeue_bulk(mp->pool_data, objs, n, NULL) != 0 ? 0 : -ENOBUFS;
}
static unsigned kept_count(const struct rte_mempool *mp)
{
	return rte_ring_count(mp->pool_data);
}
static const struct rte_mempool_ops kept __rte_unused = {.name = "kept",
							 .alloc = kept_alloc,
							 .free = kept_free,
							 .enqueue = kept_put,
							 .dequeue = kept_get,
							 .get_count = kept_count};

/* init_as() of one that knows it */
static inline void init_kept(const char *type)
{
	CHECK(rte_mempool_register_ops(&kept) > 0);
	init_as(type);
}
/* what the dead have left of such a pool comes back with the next one that takes or gives */
static inline void come_by(struct rte_mempool *mp)
{
	void *o;

	if (rte_mempool_generic_get(mp, &o, 1, NULL) == 0)
		rte_mempool_generic_put(mp, &o, 1, NULL);
}

#endif
