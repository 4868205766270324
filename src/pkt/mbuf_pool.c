/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf_pool.c - pools of mbufs: made and filled, with which back end
 *
 * A pool is found by others when its mbufs are complete. Everything in it means the same in each process: of a pinned buffer's
 * shared info, which lies behind the mbuf's private bytes, no process calls free_cb (mbuf.c knows what to do).
 */
#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_mbuf_pool_ops.h>
#include <shoal_mbuf.h>

#include "base/export.h"
#include "base/log.h"
#include "mem/mem.h"
#include "obj/obj.h"
#include "pkt/mbuf.h"
#include "pkt/priv.h"
#include "proc/opts.h"

static int refuse(int err, const char *name, const char *why)
{
	sh_err("pool of mbufs \"%.40s\": %s", name != NULL ? name : "(null)", why);
	return err;
}

/* ---- what an mbuf is in its pool ---- */

void sh_mbuf_fresh(struct rte_mempool *mp, struct rte_mbuf *m)
{
	bool pinned = (rte_pktmbuf_priv_flags(mp) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) != 0;

	/* no flag first: whoever finds this half done has nothing to let go of */
	sh_store_rlx((_Atomic uint64_t *)&m->ol_flags, pinned ? RTE_MBUF_F_EXTERNAL : 0);
	sh_fence(); /* its reader has the proof of my death */
	m->priv_size = rte_pktmbuf_priv_size(mp);
	if (pinned) {
		m->shinfo->refcnt = 1;
	} else {
		m->buf_addr = rte_mbuf_buf_addr(m, mp);
		rte_mbuf_iova_set(m, (rte_iova_t)(uintptr_t)m->buf_addr);
		m->buf_len = rte_pktmbuf_data_room_size(mp);
	}
	rte_pktmbuf_reset_headroom(m);
	m->next = NULL;
	m->nb_segs = 1;
	rte_mbuf_refcnt_set(m, 1);
}

SH_EXPORT void rte_pktmbuf_init(struct rte_mempool *mp, void *opaque_arg, void *obj, unsigned int i)
{
	struct rte_mbuf *m = obj;

	(void)opaque_arg;
	(void)i;
	memset(m, 0, sizeof(*m) + rte_pktmbuf_priv_size(mp));
	m->pool = mp;
	m->port = RTE_MBUF_PORT_INVALID;
	sh_mbuf_fresh(mp, m);
}

/* ---- the pool ---- */

static bool has_room(const struct rte_mempool *mp, const struct rte_pktmbuf_pool_private *p)
{
	size_t need = sizeof(struct rte_mbuf) + p->mbuf_priv_size;

	need += (p->flags & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) != 0 ? sizeof(struct rte_mbuf_ext_shared_info)
								    : p->mbuf_data_room_size;
	return mp->elt_size >= need;
}

SH_EXPORT void rte_pktmbuf_pool_init(struct rte_mempool *mp, void *opaque_arg)
{
	struct rte_pktmbuf_pool_private p = {0};
	size_t rest;

	if (mp->private_data_size < sizeof(p) || mp->elt_size < sizeof(struct rte_mbuf)) {
		(void)refuse(EINVAL, mp->name,
			     "objects have sizeof(struct rte_mbuf) bytes at least, and private data "
			     "sizeof(struct rte_pktmbuf_pool_private): it is no pool of mbufs");
		return;
	}
	rest = mp->elt_size - sizeof(struct rte_mbuf);
	if (opaque_arg != NULL)
		p = *(struct rte_pktmbuf_pool_private *)opaque_arg;
	else
		p.mbuf_data_room_size = (uint16_t)RTE_MIN(rest, (size_t)UINT16_MAX);
	if (!has_room(mp, &p)) {
		(void)refuse(EINVAL, mp->name, "objects are too small for private bytes and buffer: those are cut");
		p.mbuf_priv_size = (uint16_t)RTE_MIN(rest, (size_t)p.mbuf_priv_size) & ~(RTE_MBUF_PRIV_ALIGN - 1);
		p.mbuf_data_room_size = (uint16_t)RTE_MIN(rest - p.mbuf_priv_size, (size_t)UINT16_MAX);
		p.flags = 0;
	}
	memcpy(rte_mempool_get_priv(mp), &p, sizeof(p));
	mp->flags |= __RTE_MEMPOOL_F_MBUF;
	/* objects that are there already have been on their ways without names */
	if (mp->populated_size == 0 && sh_obj_tracks())
		mp->flags |= SHOAL_MEMPOOL_F_TRACK;
}

static bool ops_known(const char *name)
{
	for (uint32_t i = 0; i < rte_mempool_ops_table.num_ops; i++)
		if (strcmp(rte_mempool_ops_table.ops[i].name, name) == 0)
			return true;
	return false;
}

struct making {
	const struct shoal_pktmbuf_pool *ask;
	struct rte_pktmbuf_pool_private priv;
	const char *ops;
	unsigned at; /* the next pinned buffer begins off bytes into ext_mem[at] */
	size_t off;
};

static void init_pool(struct rte_mempool *mp, void *arg)
{
	struct making *k = arg;

	(void)rte_mempool_set_ops_byname(mp, k->ops, NULL);
	rte_pktmbuf_pool_init(mp, &k->priv);
}

/* ---- buffers elsewhere ---- */

/* in the making process it is what a program that looks at it may expect; nobody calls it */
static void free_pinned(void *addr, void *m)
{
	(void)addr;
	rte_mbuf_raw_free(m);
}

static void init_pinned(struct rte_mempool *mp, void *arg, void *obj, unsigned i)
{
	struct making *k = arg;
	struct rte_mbuf *m = obj;
	const struct rte_pktmbuf_extmem *mem = &k->ask->ext_mem[k->at];
	struct rte_mbuf_ext_shared_info *s;

	for (; k->off + mem->elt_size > mem->buf_len; k->off = 0) /* there are enough: check_mem() */
		mem = &k->ask->ext_mem[++k->at];
	memset(m, 0, sizeof(*m) + rte_pktmbuf_priv_size(mp));
	(void)i;
	s = (struct rte_mbuf_ext_shared_info *)RTE_PTR_ADD(m, sizeof(*m) + rte_pktmbuf_priv_size(mp));
	s->free_cb = free_pinned;
	s->fcb_opaque = m;
	s->__home_gen = 0;
	s->__home_slot = UINT8_MAX;
	s->__home_check = __rte_mbuf_home_check(s);
	m->shinfo = s;
	m->pool = mp;
	m->port = RTE_MBUF_PORT_INVALID;
	m->buf_addr = RTE_PTR_ADD(mem->buf_ptr, k->off);
	rte_mbuf_iova_set(m, mem->buf_iova == RTE_BAD_IOVA ? RTE_BAD_IOVA : mem->buf_iova + k->off);
	m->buf_len = rte_pktmbuf_data_room_size(mp); /* a larger element is not used up to its end, as in DPDK */
	k->off += mem->elt_size;
	sh_mbuf_fresh(mp, m);
}

static int check_mem(const struct shoal_pktmbuf_pool *ask)
{
	uint64_t fit = 0;

	for (unsigned i = 0; ask->ext_mem != NULL && i < ask->ext_num; i++) {
		const struct rte_pktmbuf_extmem *m = &ask->ext_mem[i];

		if (m->buf_ptr == NULL || m->elt_size == 0 || m->elt_size < ask->data_room_size)
			return refuse(EINVAL, ask->name,
				      "external memory is at NULL, or its buffers are smaller than data_room_size");
		fit += m->buf_len / m->elt_size;
	}
	return fit >= ask->n ? 0 : refuse(ENOMEM, ask->name, "external memory has not room for so many buffers");
}

/* ---- making one ---- */

static int check(const struct making *k)
{
	if (k->ask->priv_size % RTE_MBUF_PRIV_ALIGN != 0)
		return refuse(EINVAL, k->ask->name, "private bytes come in multiples of 8 (RTE_MBUF_PRIV_ALIGN)");
	if (ops_known(k->ops))
		return 0;
	sh_err("pool of mbufs \"%.40s\": this process has no back end \"%.31s\": link or load what registers it, or "
	       "choose another (--mbuf-pool-ops-name)",
	       k->ask->name != NULL ? k->ask->name : "(null)", k->ops);
	return EINVAL;
}

static struct rte_mempool *make(const struct shoal_pktmbuf_pool *ask, bool pinned)
{
	struct making k = {.ask = ask, .priv = {ask->data_room_size, ask->priv_size, 0}, .ops = ask->ops_name};
	size_t size = sizeof(struct rte_mbuf) + ask->priv_size;
	int e = pinned ? check_mem(ask) : 0;

	if (k.ops == NULL)
		k.ops = rte_mbuf_best_mempool_ops();
	if (e == 0)
		e = check(&k);
	if (e != 0) {
		rte_errno = e;
		return NULL;
	}
	k.priv.flags = pinned ? RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF : 0;
	size += pinned ? sizeof(struct rte_mbuf_ext_shared_info) : ask->data_room_size;
	return rte_mempool_create(ask->name, ask->n, (unsigned)size, ask->cache_size, sizeof(k.priv), init_pool, &k,
				  pinned ? init_pinned : rte_pktmbuf_init, &k, ask->socket_id, ask->flags);
}

SH_EXPORT struct rte_mempool *shoal_pktmbuf_pool_create(const struct shoal_pktmbuf_pool *ask)
{
	if (ask != NULL)
		return make(ask, ask->ext_mem != NULL);
	rte_errno = refuse(EINVAL, NULL, "ask is NULL");
	return NULL;
}

SH_EXPORT struct rte_mempool *rte_pktmbuf_pool_create_by_ops(const char *name, unsigned int n, unsigned int cache_size,
							     uint16_t priv_size, uint16_t data_room_size, int socket_id,
							     const char *ops_name)
{
	struct shoal_pktmbuf_pool ask = {.name = name,
					 .n = n,
					 .cache_size = cache_size,
					 .priv_size = priv_size,
					 .data_room_size = data_room_size,
					 .socket_id = socket_id,
					 .ops_name = ops_name};

	return make(&ask, false);
}

SH_EXPORT struct rte_mempool *rte_pktmbuf_pool_create(const char *name, unsigned int n, unsigned int cache_size,
						      uint16_t priv_size, uint16_t data_room_size, int socket_id)
{
	return rte_pktmbuf_pool_create_by_ops(name, n, cache_size, priv_size, data_room_size, socket_id, NULL);
}

SH_EXPORT struct rte_mempool *rte_pktmbuf_pool_create_extbuf(const char *name, unsigned int n, unsigned int cache_size,
							     uint16_t priv_size, uint16_t data_room_size, int socket_id,
							     const struct rte_pktmbuf_extmem *ext_mem,
							     unsigned int ext_num)
{
	struct shoal_pktmbuf_pool ask = {.name = name,
					 .n = n,
					 .cache_size = cache_size,
					 .priv_size = priv_size,
					 .data_room_size = data_room_size,
					 .socket_id = socket_id,
					 .ext_mem = ext_mem,
					 .ext_num = ext_num};

	return make(&ask, true);
}

/* ---- which back end ---- */

#define USER "mbuf_user_pool_ops"
#define PLATFORM "mbuf_platform_pool_ops"

/* NULL: no choice; one that a dead process had made the place for and not written is none */
static const char *chosen(const char *zone)
{
	const struct rte_memzone *mz = sh_ctx.mem != NULL ? sh_zone_lookup(zone) : NULL;

	return mz != NULL && *(const char *)mz->addr != '\0' ? mz->addr : NULL;
}

static int choose(const char *zone, const char *name)
{
	const struct rte_memzone *mz;

	if (name == NULL)
		return -refuse(EINVAL, name, "the name of a back end is needed");
	if (strnlen(name, RTE_MEMPOOL_OPS_NAMESIZE) == RTE_MEMPOOL_OPS_NAMESIZE)
		return -refuse(ENAMETOOLONG, name, "the name of a back end has at most 31 characters");
	mz = sh_ctx.mem != NULL ? sh_zone_lookup(zone) : NULL;
	if (mz == NULL)
		mz = rte_memzone_reserve(zone, RTE_MEMPOOL_OPS_NAMESIZE, SOCKET_ID_ANY, 0);
	if (mz == NULL)
		mz = rte_errno == EEXIST ? sh_zone_lookup(zone) : NULL;
	if (mz == NULL)
		return -rte_errno;
	(void)strncpy(mz->addr, name, RTE_MEMPOOL_OPS_NAMESIZE - 1);
	return 0;
}

SH_EXPORT int rte_mbuf_set_platform_mempool_ops(const char *ops_name)
{
	const char *was = chosen(PLATFORM);

	if (was != NULL && ops_name != NULL && strcmp(was, ops_name) != 0 &&
	    strnlen(ops_name, RTE_MEMPOOL_OPS_NAMESIZE) < RTE_MEMPOOL_OPS_NAMESIZE)
		return -refuse(EEXIST, ops_name, "the platform has another back end already");
	return choose(PLATFORM, ops_name);
}

SH_EXPORT int rte_mbuf_set_user_mempool_ops(const char *ops_name)
{
	return choose(USER, ops_name);
}

SH_EXPORT const char *rte_mbuf_platform_mempool_ops(void)
{
	return chosen(PLATFORM);
}

SH_EXPORT const char *rte_mbuf_user_mempool_ops(void)
{
	const char *was = chosen(USER);

	return was != NULL || sh_ctx.opts == NULL ? was : sh_opts_value(sh_ctx.opts, SH_OPT_MBUF_OPS, 0);
}

SH_EXPORT const char *rte_mbuf_best_mempool_ops(void)
{
	const char *name = rte_mbuf_user_mempool_ops();

	if (name == NULL)
		name = rte_mbuf_platform_mempool_ops();
	return name != NULL ? name : RTE_MBUF_DEFAULT_MEMPOOL_OPS;
}
