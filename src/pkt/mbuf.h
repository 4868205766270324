/* SPDX-License-Identifier: BSD-3-Clause */
/* mbuf.h - what the mbuf*.c files share among themselves, and the other parts of this room may use */
#ifndef SH_PKT_MBUF_H
#define SH_PKT_MBUF_H

#include <rte_mbuf.h>

/* the mbuf whose pinned buffer this counts the users of; NULL: it is another's */
static inline struct rte_mbuf *sh_mbuf_of_pinned(const struct rte_mbuf_ext_shared_info *s)
{
	if (s->__home_gen != 0 || s->__home_slot != UINT8_MAX || s->__home_check != __rte_mbuf_home_check(s))
		return NULL;
	return (struct rte_mbuf *)s->fcb_opaque;
}

/* the pool's own buffer, or pinned one: as rte_pktmbuf_init() left it */
void sh_mbuf_fresh(struct rte_mempool *mp, struct rte_mbuf *m);

/* mbuf_api.c: somebody frees what no pool has: a line */
void sh_mbuf_poolless(const struct rte_mbuf *m);

/*
 * mbuf_ext.c: an external buffer without users is freed: here, or by its home, for which nobody waits. later: not on this thread,
 * and not before it returns
 */
void sh_ext_free(struct rte_mbuf_ext_shared_info *s, void *addr);
void sh_ext_free_later(struct rte_mbuf_ext_shared_info *s, void *addr);
void sh_ext_start(void);
void sh_ext_stop(void);

#endif
