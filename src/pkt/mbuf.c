/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf.c - who has a buffer: what the inline functions of rte_mbuf.h leave to the library, and what a death means for mbufs
 *
 * Counts of references lie in shared memory and are right whoever dies: a count goes up before there is anything that says where
 * the reference is, and down after that is gone. What a dead one left is one too many at most.
 *
 * A tag (obj/README.md) says whose death brings an mbuf back. It is that of a process that has a reference of its own: one
 * that lets go of such while others have some takes its name off (sh_pool_let_go()), so a name, a count of 1 and a proof of death
 * together say that nobody else has it. Who lets go of the last reference but the dead one's finds that, too: __rte_mbuf_dropped().
 *
 * External buffers that have no user left: mbuf_ext.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/export.h"
#include "base/fault.h"
#include "mem/mem.h"
#include "obj/obj.h"
#include "pkt/mbuf.h"
#include "pkt/priv.h"
#include "proc/proc.h"

/* programs written for DPDK rely on these */
#define AT(field, off) _Static_assert(offsetof(struct rte_mbuf, field) == (off), #field)
_Static_assert(sizeof(struct rte_mbuf) == 128, "two lines");
_Static_assert(sizeof(struct rte_mbuf_ext_shared_info) == 24, "as DPDK's");
AT(buf_addr, 0);
AT(buf_iova, 8);
AT(rearm_data, 16);
AT(data_off, 16);
AT(refcnt, 18);
AT(nb_segs, 20);
AT(port, 22);
AT(ol_flags, 24);
AT(packet_type, 32);
AT(pkt_len, 36);
AT(data_len, 40);
AT(vlan_tci, 42);
AT(hash, 44);
AT(vlan_tci_outer, 52);
AT(buf_len, 54);
AT(pool, 56);
AT(next, 64);
AT(tx_offload, 72);
AT(shinfo, 80);
AT(priv_size, 88);
AT(timesync, 90);
AT(dynfield1, 92);

/* ---- references ---- */

SH_EXPORT void __rte_mbuf_let_go(struct rte_mbuf *m)
{
	if (m->pool != NULL)
		sh_pool_let_go(m);
}

static void give_back(struct rte_mempool *mp, struct rte_mbuf *m)
{
	void *obj = m;

	sh_mbuf_fresh(mp, m);
	__rte_mempool_put_slow(mp, &obj, 1, NULL); /* past the caches: I may be inside one */
}

/* a user less, others left: if those are one who is dead, nobody else gives it back */
SH_EXPORT void __rte_mbuf_dropped(struct rte_mbuf *m)
{
	if (m->pool == NULL)
		sh_mbuf_poolless(m);
	else if (rte_mbuf_refcnt_read(m) == 1 && sh_pool_inherit(m))
		give_back(m->pool, m);
}

/* ---- external buffers ---- */

/* a pinned buffer has a user less, which was attached to it */
static void unpinned(struct rte_mbuf *m, uint16_t left)
{
	if (left == 0 || (left == 1 && sh_pool_inherit(m)))
		give_back(m->pool, m);
}

SH_EXPORT void __rte_mbuf_ext_return(struct rte_mbuf_ext_shared_info *s, void *buf_addr, uint16_t left)
{
	struct rte_mbuf *pinned = sh_mbuf_of_pinned(s);

	if (pinned != NULL)
		unpinned(pinned, left);
	else if (left == 0)
		sh_ext_free(s, buf_addr);
}

/* ---- what the dead had ---- */

static bool is_mbuf(const struct rte_mempool *mp, const struct rte_mbuf *m)
{
	return m->pool == mp;
}

static bool pinned_in_use(struct rte_mempool *mp, struct rte_mbuf *m)
{
	return (rte_pktmbuf_priv_flags(mp) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) != 0 &&
	       rte_mbuf_ext_refcnt_read(m->shinfo) > 1;
}

/* somebody else has it, or is attached to its buffer */
static bool may_go_back(struct rte_mempool *mp, void *obj)
{
	struct rte_mbuf *m = obj;

	return !is_mbuf(mp, m) || (rte_mbuf_refcnt_read(m) <= 1 && !pinned_in_use(mp, m));
}

static void drop_ext(struct rte_mbuf_ext_shared_info *s, void *addr)
{
	struct rte_mbuf *pinned = sh_mbuf_of_pinned(s);
	uint16_t left = rte_mbuf_ext_refcnt_update(s, -1);

	if (pinned != NULL)
		unpinned(pinned, left);
	else if (left == 0)
		sh_ext_free_later(s, addr); /* this thread mends: others wait for it */
}

static void drop_direct(struct rte_mbuf *md)
{
	if (__rte_mbuf_count(&md->refcnt, -1) == 0)
		give_back(md->pool, md);
	else
		__rte_mbuf_dropped(md);
}

/* what the dead one's mbuf is attached to has a user less */
static void detach_dead(struct rte_mbuf *m, uint64_t flags)
{
	struct rte_mbuf_ext_shared_info *s = m->shinfo;
	struct rte_mbuf *md = rte_mbuf_from_indirect(m);
	void *addr = m->buf_addr;

	sh_mbuf_fresh(m->pool, m); /* first: who mends after me shall not let go of it again */
	SH_STEP("mbuf_detached");
	/* what lies elsewhere is not mapped here, or not by this address */
	if ((flags & RTE_MBUF_F_EXTERNAL) != 0) {
		if (sh_mem_contains((uint64_t)(uintptr_t)s))
			drop_ext(s, addr);
	} else if (sh_mem_contains((uint64_t)(uintptr_t)md)) {
		drop_direct(md);
	}
}

static void go_back(struct rte_mempool *mp, void *obj)
{
	struct rte_mbuf *m = obj;

	if (!is_mbuf(mp, m))
		return;
	if (!RTE_MBUF_DIRECT(m) && (rte_pktmbuf_priv_flags(mp) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) == 0)
		detach_dead(m, m->ol_flags);
	else
		sh_mbuf_fresh(mp, m);
}

static void *next_segment(void *obj)
{
	return ((struct rte_mbuf *)obj)->next;
}

static const struct sh_pool_ways ways = {.may = may_go_back, .back = go_back, .next = next_segment};

/* ---- start, stop ---- */

int sh_mbuf_start(const struct sh_opts *o)
{
	(void)o;
	sh_ext_start();
	sh_pool_on_reclaim(&ways);
	return 0;
}

void sh_mbuf_stop(void)
{
	sh_pool_on_reclaim(NULL);
	sh_ext_stop();
}
