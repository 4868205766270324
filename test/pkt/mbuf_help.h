/* SPDX-License-Identifier: BSD-3-Clause */
/* mbuf_help.h - what the tests of mbufs have in common */
#ifndef MBUF_HELP_H
#define MBUF_HELP_H

#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <shoal_mempool.h>

#include "check.h"

/* every process is lcore 0 */
static inline void init_as(const char *type)
{
	char prog[] = "mbuf", p[64], lcores[] = "--lcores=0@0", level[] = "--log-level=info";
	char *argv[] = {prog, p, lcores, level, NULL};

	snprintf(p, sizeof(p), "--proc-type=%s", type);
	CHECK(rte_eal_init(4, argv) >= 0);
}

static inline struct rte_mempool *make_pool(const char *name, unsigned n, uint16_t room)
{
	struct rte_mempool *mp = rte_pktmbuf_pool_create(name, n, 0, 16, room, SOCKET_ID_ANY);

	CHECK(mp != NULL);
	return mp;
}

/* one that knows who has its mbufs */
static inline struct rte_mempool *make_tracked(const char *name, unsigned n, uint16_t room)
{
	struct rte_pktmbuf_pool_private priv = {room, 16, 0};
	struct rte_mempool *mp = rte_mempool_create(name, n, (unsigned)sizeof(struct rte_mbuf) + 16 + room, 8,
						    sizeof(priv), rte_pktmbuf_pool_init, &priv, rte_pktmbuf_init, NULL,
						    SOCKET_ID_ANY, SHOAL_MEMPOOL_F_TRACK);

	CHECK(mp != NULL);
	return mp;
}

/* an mbuf with len bytes c, c + 1 ... */
static inline struct rte_mbuf *make_mbuf(struct rte_mempool *mp, uint16_t len, unsigned c)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mp);
	char *at;

	CHECK(m != NULL);
	at = rte_pktmbuf_append(m, len);
	CHECK(at != NULL);
	for (unsigned i = 0; i < len; i++)
		at[i] = (char)(c + i);
	return m;
}

static inline void as_in_pool(struct rte_mempool *mp, void *arg, void *obj, unsigned i)
{
	struct rte_mbuf *m = obj;

	(void)arg;
	(void)i;
	CHECK(m->pool == mp);
	CHECK_EQ(m->refcnt, 1);
	CHECK_EQ(m->nb_segs, 1);
	CHECK(m->next == NULL);
	if (rte_pktmbuf_priv_flags(mp) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) {
		CHECK_EQ(m->ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL), RTE_MBUF_F_EXTERNAL);
		CHECK_EQ(m->shinfo->refcnt, 1);
		return;
	}
	CHECK_EQ(m->ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL), 0);
	CHECK(m->buf_addr == rte_mbuf_buf_addr(m, mp));
	CHECK_EQ(m->buf_len, rte_pktmbuf_data_room_size(mp));
	CHECK_EQ(m->priv_size, rte_pktmbuf_priv_size(mp));
}

/* all mbufs are back, each as it shall be there */
static inline void pool_whole(struct rte_mempool *mp)
{
	CHECK_EQ(rte_mempool_avail_count(mp), mp->size);
	CHECK_EQ(rte_mempool_obj_iter(mp, as_in_pool, NULL), mp->size);
}

#endif
