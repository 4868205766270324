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
 * An external buffer is freed by a function that its own process knows. Others ask that one's internal thread, which has the
 * thread for callbacks call it (base/later.h). Nothing of the program's runs on a thread that mends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/export.h"
#include "base/fault.h"
#include "base/later.h"
#include "base/log.h"
#include "chan/internal.h"
#include "mem/mem.h"
#include "obj/obj.h"
#include "pkt/mbuf.h"
#include "pkt/priv.h"
#include "proc/proc.h"

#define ASK_NS (100 * SH_NS_PER_MS)

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
	if (rte_mbuf_refcnt_read(m) == 1 && sh_pool_inherit(m))
		give_back(m->pool, m);
}

/* ---- external buffers ---- */

static sh_id_t home_of(const struct rte_mbuf_ext_shared_info *s)
{
	if (s->__home_gen == 0 || s->__home_check != __rte_mbuf_home_check(s))
		return 0;
	return SH_ID(s->__home_slot, s->__home_gen);
}

struct order {
	struct rte_mbuf_ext_shared_info *s;
	void *addr;
};

static void lost(const struct order *o, const char *why)
{
	sh_id_t home = home_of(o->s);

	sh_log_rate(SH_WARN, "external buffer %p of member %u (generation %u) stays allocated: %s", o->addr,
		    sh_id_slot(home), sh_id_gen(home), why);
}

static void ask_home(sh_id_t home, const struct order *o)
{
	struct sh_int_answer a = {.to = home};
	struct sh_int_ask q = {.svc = SH_SVC_MBUF, .data = o, .len = sizeof(*o), .dl = sh_deadline(ASK_NS)};

	if (!sh_member_alive(home) || !sh_mem_contains((uint64_t)(uintptr_t)o->s))
		lost(o, "that process is gone, and knew how to free it");
	else if (sh_internal_ask(&a, 1, &q) != 0 || a.outcome != SH_INT_ANSWERED || a.code != 0)
		lost(o, "that process knows how to free it and does not answer; is it stopped?");
}

static void free_ext(const struct order *o)
{
	sh_id_t home = home_of(o->s);

	if (home != 0 && home != sh_self())
		ask_home(home, o);
	else if (o->s->free_cb != NULL)
		o->s->free_cb(o->addr, o->s->fcb_opaque);
}

static void run(void *arg, uint64_t n)
{
	(void)n;
	free_ext(arg);
	free(arg);
}

/* not on this thread, which others wait for */
static int free_ext_later(const struct order *o)
{
	struct order *copy = malloc(sizeof(*copy));
	int r = copy != NULL ? 0 : -ENOMEM;

	if (r == 0) {
		*copy = *o;
		r = sh_later(SH_LATER_CALL, run, copy, 0);
	}
	if (r < 0) {
		free(copy);
		lost(o, r == -ENODEV ? "this process is inside rte_eal_cleanup()" : "no memory for a call to free it");
	}
	return r;
}

/* on the internal thread */
static int serve(void *arg, sh_id_t from, const void *data, size_t len)
{
	struct order o;

	(void)arg;
	(void)from;
	if (data == NULL || len != sizeof(o))
		return EINVAL;
	memcpy(&o, data, sizeof(o));
	if (!sh_mem_contains((uint64_t)(uintptr_t)o.s))
		return EINVAL;
	if (rte_mbuf_ext_refcnt_read(o.s) != 0 || home_of(o.s) != sh_self()) /* the count first: it was written last */
		return EINVAL;
	return -free_ext_later(&o);
}

/* a pinned buffer has a user less, which was attached to it */
static void unpinned(struct rte_mbuf *m, uint16_t left)
{
	if (left == 0 || (left == 1 && sh_pool_inherit(m)))
		give_back(m->pool, m);
}

SH_EXPORT void __rte_mbuf_ext_return(struct rte_mbuf_ext_shared_info *s, void *buf_addr, uint16_t left)
{
	struct rte_mbuf *pinned = sh_mbuf_of_pinned(s);
	struct order o = {s, buf_addr};

	if (pinned != NULL)
		unpinned(pinned, left);
	else if (left == 0)
		free_ext(&o);
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
	struct order o = {s, addr};
	uint16_t left = rte_mbuf_ext_refcnt_update(s, -1);

	if (pinned != NULL)
		unpinned(pinned, left);
	else if (left == 0)
		(void)free_ext_later(&o);
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
	sh_internal_serve(SH_SVC_MBUF, serve, NULL);
	sh_pool_on_reclaim(&ways);
	return 0;
}

void sh_mbuf_stop(void)
{
	sh_pool_on_reclaim(NULL);
	if (sh_self() != 0)
		sh_internal_serve(SH_SVC_MBUF, NULL, NULL);
}
