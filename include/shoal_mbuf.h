/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shoal_mbuf.h - pools of mbufs with flags: above all those that get back what the dead had
 *
 * rte_pktmbuf_pool_create() has no room for flags. With SHOAL_MEMPOOL_F_TRACK a packet bears the name of the process that has it:
 * see shoal_mempool.h for what changes it, and rte_mbuf.h for what comes back of chains, clones and external buffers.
 */
#ifndef SHOAL_MBUF_H
#define SHOAL_MBUF_H

#include <rte_mbuf.h>
#include <shoal_mempool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_pktmbuf_pool {
	const char *name;
	unsigned int n;
	unsigned int cache_size;
	uint16_t priv_size;
	uint16_t data_room_size;
	int socket_id;
	unsigned int flags;			  /* of rte_mempool_create(), and SHOAL_MEMPOOL_F_TRACK */
	const char *ops_name;			  /* NULL: rte_mbuf_best_mempool_ops() */
	const struct rte_pktmbuf_extmem *ext_mem; /* buffers are pinned there; NULL: in the pool */
	unsigned int ext_num;
};

/**
 * Make a pool of mbufs. Threads, errors: as rte_pktmbuf_pool_create_by_ops() and, with ext_mem, rte_pktmbuf_pool_create_extbuf();
 * EINVAL as well: ask is NULL.
 */
struct rte_mempool *shoal_pktmbuf_pool_create(const struct shoal_pktmbuf_pool *ask);

#ifdef __cplusplus
}
#endif

#endif
