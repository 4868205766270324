/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_ops.c - back ends by name
 *
 * The table is this process' own, written by constructors and under a lock; a pool in shared memory says a name, and each
 * process finds its functions (pool_make.c, sh_pool_here()). The library's own ones are moved by move.c.
 */
#include <errno.h>
#include <string.h>

#include <rte_errno.h>

#include "base/export.h"
#include "base/log.h"
#include "obj/pool.h"

#define STACK_MARK 0x20000 /* in the flags of a ring that is a stack */

bool sh_pool_is_stack(const struct rte_ring *r)
{
	return (r->flags & STACK_MARK) != 0;
}

static int ring_alloc(struct rte_mempool *mp, unsigned flags)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;
	struct sh_ring_ask ask = {.name = name,
				  .size = rte_align32pow2(mp->size + 1),
				  .esize = sizeof(void *),
				  .socket = mp->socket_id,
				  .flags = flags,
				  .pool = mp};
	int e;

	ask.capacity = ask.size - 1;
	(void)snprintf(name, sizeof(name), RTE_MEMPOOL_MZ_FORMAT, mp->name);
	e = sh_ring_make(&ask, &r);
	if (e == EEXIST) { /* by one who then died: nothing is in it yet */
		r = sh_ring_find(name);
		e = r != NULL && r->pool == (uint64_t)(uintptr_t)mp ? 0 : EEXIST;
		if (e != 0)
			sh_err("pool \"%s\": there is a ring \"%s\", which is not the pool's: one of the two needs "
			       "another name",
			       mp->name, name);
	}
	if (e != 0)
		return -e;
	mp->pool_data = r;
	return 0;
}

static int mp_mc_alloc(struct rte_mempool *mp)
{
	return ring_alloc(mp, 0);
}
static int sp_sc_alloc(struct rte_mempool *mp)
{
	return ring_alloc(mp, RING_F_SP_ENQ | RING_F_SC_DEQ);
}
static int mp_sc_alloc(struct rte_mempool *mp)
{
	return ring_alloc(mp, RING_F_SC_DEQ);
}
static int sp_mc_alloc(struct rte_mempool *mp)
{
	return ring_alloc(mp, RING_F_SP_ENQ);
}
static int stack_alloc(struct rte_mempool *mp)
{
	return ring_alloc(mp, STACK_MARK);
}
static int mp_rts_alloc(struct rte_mempool *mp)
{
	return ring_alloc(mp, RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ);
}
static int mp_hts_alloc(struct rte_mempool *mp)
{
	return ring_alloc(mp, RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ);
}
static void own_free(struct rte_mempool *mp)
{
	(void)sh_ring_unmake(mp->pool_data);
}
static int own_enqueue(struct rte_mempool *mp, void *const *objs, unsigned n)
{
	return sh_pool_backend_put(mp, objs, n, NULL, 0);
}
static int own_dequeue(struct rte_mempool *mp, void **objs, unsigned n)
{
	return sh_pool_backend_get(mp, objs, n, NULL, 0);
}
static unsigned own_count(const struct rte_mempool *mp)
{
	return sh_pool_round_count(mp);
}

#define OWN(nm, fn)                                                                                                    \
	{                                                                                                              \
		.name = nm, .alloc = fn, .free = own_free, .enqueue = own_enqueue, .dequeue = own_dequeue,             \
		.get_count = own_count                                                                                 \
	}
#define OWN_OPS 7
SH_EXPORT struct rte_mempool_ops_table rte_mempool_ops_table = {
	.num_ops = OWN_OPS,
	.ops = {OWN("ring_mp_mc", mp_mc_alloc), OWN("ring_sp_sc", sp_sc_alloc), OWN("ring_mp_sc", mp_sc_alloc),
		OWN("ring_sp_mc", sp_mc_alloc), OWN("stack", stack_alloc), OWN("ring_mt_rts", mp_rts_alloc),
		OWN("ring_mt_hts", mp_hts_alloc)}};
static struct sh_mtx table_lock;

bool sh_pool_own_ops(const struct rte_mempool_ops *ops)
{
	return ops->enqueue == own_enqueue;
}

static struct rte_mempool_ops *by_name(const char *name)
{
	uint32_t n = sh_load_acq(SH_A32(&rte_mempool_ops_table.num_ops)); /* A:OPS */

	for (uint32_t i = 0; i < n; i++)
		if (strcmp(rte_mempool_ops_table.ops[i].name, name) == 0)
			return &rte_mempool_ops_table.ops[i];
	return NULL;
}

const struct rte_mempool_ops *sh_pool_ops(const struct rte_mempool *mp)
{
	const struct rte_mempool_ops *ops = by_name(mp->__ops);

	if (ops == NULL)
		sh_log_rate(SH_ERR,
			    "pool \"%s\": this process has no back end \"%s\": link or load what registers it "
			    "(RTE_MEMPOOL_REGISTER_OPS)",
			    mp->name, mp->__ops);
	return ops;
}

static int refuse(int err, const char *name, const char *why)
{
	sh_err("pool back end \"%.31s\": %s", name, why);
	return -err;
}

static int add(const struct rte_mempool_ops *ops)
{
	uint32_t n = rte_mempool_ops_table.num_ops;

	if (by_name(ops->name) != NULL)
		return refuse(EEXIST, ops->name, "the name is taken in this process");
	if (n == RTE_MEMPOOL_MAX_OPS_IDX)
		return refuse(ENOSPC, ops->name, "no more than 16 can be registered in a process");
	rte_mempool_ops_table.ops[n] = *ops;
	sh_store_rel(SH_A32(&rte_mempool_ops_table.num_ops), n + 1); /* R:OPS */
	return (int)n;
}

SH_EXPORT int rte_mempool_register_ops(const struct rte_mempool_ops *ops)
{
	int r;

	if (ops == NULL || ops->alloc == NULL || ops->enqueue == NULL || ops->dequeue == NULL || ops->get_count == NULL)
		return refuse(EINVAL, ops != NULL ? ops->name : "(null)",
			      "alloc, enqueue, dequeue and get_count are needed");
	if (strnlen(ops->name, sizeof(ops->name)) == sizeof(ops->name))
		return refuse(EEXIST, ops->name, "the name has more than 31 characters");
	sh_lock_calm(&table_lock);
	r = add(ops);
	sh_unlock_calm(&table_lock);
	return r;
}

SH_EXPORT int rte_mempool_set_ops_byname(struct rte_mempool *mp, const char *name, void *pool_config)
{
	if (mp->flags & RTE_MEMPOOL_F_POOL_CREATED)
		return refuse(EEXIST, name != NULL ? name : "(null)", "the pool has objects in its back end already");
	if (name == NULL || by_name(name) == NULL)
		return refuse(EINVAL, name != NULL ? name : "(null)", "this process has none of this name");
	memset(mp->__ops, 0, sizeof(mp->__ops));
	(void)strncpy(mp->__ops, name, sizeof(mp->__ops) - 1);
	mp->pool_config = pool_config;
	return 0;
}

/* ---- the functions of a pool's back end, or what is done without them ---- */

/* By a name that means the same in each process: one that is registered may be another back end there. */
static bool is_plain(const struct rte_mempool *mp, const struct rte_mempool_ops *ops)
{
	return ops < &rte_mempool_ops_table.ops[OWN_OPS] && ops->alloc != stack_alloc && !sh_pool_tracks(mp);
}

SH_EXPORT int rte_mempool_ops_alloc(struct rte_mempool *mp)
{
	const struct rte_mempool_ops *ops = sh_pool_ops(mp);
	int r = ops != NULL ? ops->alloc(mp) : -EINVAL;

	if (r == 0)
		sh_store_rel(SH_A32(&mp->__plain), is_plain(mp, ops) ? SH_PLAIN : 0); /* R:POOLPLAIN */
	return r;
}

SH_EXPORT void rte_mempool_ops_free(struct rte_mempool *mp)
{
	const struct rte_mempool_ops *ops = sh_pool_ops(mp);

	if (ops != NULL && ops->free != NULL)
		ops->free(mp);
}

SH_EXPORT unsigned int rte_mempool_ops_get_count(const struct rte_mempool *mp)
{
	const struct rte_mempool_ops *ops = sh_pool_ops(mp);

	return ops != NULL && (mp->flags & RTE_MEMPOOL_F_POOL_CREATED) != 0 ? ops->get_count(mp) : 0;
}

SH_EXPORT int rte_mempool_ops_enqueue_bulk(struct rte_mempool *mp, void *const *obj_table, unsigned int n)
{
	return sh_pool_backend_put(mp, obj_table, n, NULL, 0);
}

SH_EXPORT int rte_mempool_ops_dequeue_bulk(struct rte_mempool *mp, void **obj_table, unsigned int n)
{
	return sh_pool_backend_get(mp, obj_table, n, NULL, 0);
}

/* each object of each block bears my name; of a back end that does not say how large they are the first one alone */
static void own_blocks(struct rte_mempool *mp, void **first, unsigned n)
{
	struct rte_mempool_info info = {0};
	size_t size = mp->header_size + mp->elt_size + mp->trailer_size;

	if (rte_mempool_ops_get_info(mp, &info) < 0)
		info.contig_block_size = 1;
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < info.contig_block_size; k++)
			sh_store_rlx(SH_TAG((char *)first[i] + k * size), sh_self()); /* relaxed: they are mine */
}

SH_EXPORT int rte_mempool_ops_dequeue_contig_blocks(struct rte_mempool *mp, void **first_obj_table, unsigned int n)
{
	const struct rte_mempool_ops *ops = sh_pool_ops(mp);
	int r;

	if (ops == NULL || ops->dequeue_contig_blocks == NULL)
		return -ENOTSUP;
	r = ops->dequeue_contig_blocks(mp, first_obj_table, n);
	if (r == 0 && sh_pool_tracks(mp) && sh_self() != 0)
		own_blocks(mp, first_obj_table, n);
	return r;
}

SH_EXPORT ssize_t rte_mempool_ops_calc_mem_size(const struct rte_mempool *mp, uint32_t obj_num, uint32_t pg_shift,
						size_t *min_chunk_size, size_t *align)
{
	const struct rte_mempool_ops *ops = sh_pool_ops(mp);

	if (ops == NULL || ops->calc_mem_size == NULL)
		return rte_mempool_op_calc_mem_size_default(mp, obj_num, pg_shift, min_chunk_size, align);
	return ops->calc_mem_size(mp, obj_num, pg_shift, min_chunk_size, align);
}

SH_EXPORT int rte_mempool_ops_populate(struct rte_mempool *mp, unsigned int max_objs, void *vaddr, rte_iova_t iova,
				       size_t len, rte_mempool_populate_obj_cb_t *obj_cb, void *obj_cb_arg)
{
	const struct rte_mempool_ops *ops = sh_pool_ops(mp);

	if (ops == NULL || ops->populate == NULL)
		return rte_mempool_op_populate_default(mp, max_objs, vaddr, iova, len, obj_cb, obj_cb_arg);
	return ops->populate(mp, max_objs, vaddr, iova, len, obj_cb, obj_cb_arg);
}

SH_EXPORT int rte_mempool_ops_get_info(const struct rte_mempool *mp, struct rte_mempool_info *info)
{
	const struct rte_mempool_ops *ops = sh_pool_ops(mp);

	return ops != NULL && ops->get_info != NULL ? ops->get_info(mp, info) : -ENOTSUP;
}
