/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_make.c - pools as objects with a name, and this process' own side of each
 *
 * A pool "x" lies in the memzone "MP_x"; its objects in "MO_x" (when the library brings the memory), its ring in "RG_MP_x",
 * its caches in "MC_xa", "MC_xb" ... All are found by name, so that who takes a dead maker's place, or a dead one's who was
 * freeing, knows what there is to free. __magic is as in make.c: MAKING | member, ready, or anything.
 *
 * Shared memory has no pointer to a function and no index of one. What a process needs on the way of each get is in
 * __rte_mempool_here[], at the place of the pool's memzone descriptor, good for the pool with that serial.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "base/clock.h"
#include "base/export.h"
#include "base/fault.h"
#include "base/futex.h"
#include "base/log.h"
#include "mem/mem.h"
#include "obj/pool.h"
#include "proc/proc.h"

#define MAKING (1ull << 63)
#define READY 0x6c6f6f702d687331ull
#define PATIENCE_NS (20 * SH_NS_PER_MS) /* between a zone's name and its maker's mark lie two instructions */
#define HERE 4096			/* as many as there are descriptors of memzones; each is 128 bytes long */
#define HERE_BYTES (HERE * sizeof(struct __rte_mempool_here))

SH_EXPORT struct __rte_mempool_here *__rte_mempool_here;

static uint64_t ready(const struct rte_memzone *mz)
{
	return (READY ^ (uint64_t)(uintptr_t)mz) & ~MAKING;
}

static struct rte_mempool *in_zone(const struct rte_memzone *mz, void *addr)
{
	struct rte_mempool *mp = addr;

	return sh_load_acq(SH_A64(&mp->__magic)) == ready(mz) ? mp : NULL; /* A:POOLMADE */
}

bool sh_pool_zone_name(char *out, const char *prefix, const char *name, const char *suffix)
{
	return snprintf(out, RTE_MEMZONE_NAMESIZE, "%s%s%s", prefix, name, suffix) < RTE_MEMZONE_NAMESIZE;
}

/* ---- this process' side ---- */

int sh_pool_start(void)
{
	void *at = mmap(NULL, HERE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED || madvise(at, HERE_BYTES, MADV_WIPEONFORK) != 0) {
		sh_err("no room for the table of pools: %s; look for limits of this process (ulimit -v)",
		       strerror(errno));
		if (at != MAP_FAILED)
			(void)munmap(at, HERE_BYTES);
		return -ENOMEM;
	}
	__rte_mempool_here = at;
	return 0;
}

void sh_pool_stop(void)
{
	if (__rte_mempool_here != NULL)
		(void)munmap(__rte_mempool_here, HERE_BYTES);
	__rte_mempool_here = NULL;
}

static void meet(struct __rte_mempool_here *h, struct rte_mempool *mp)
{
	const struct rte_mempool_ops *ops = sh_pool_ops(mp);

	if (ops == NULL)
		return;
	/* nobody in this process uses the pool that was there before: it is gone */
	memset(h->cache, 0, sizeof(h->cache));
	h->ops = ops;
	sh_store_rel(SH_A64(&h->serial), mp->__serial); /* R:HERE */
}

struct __rte_mempool_here *sh_pool_here(struct rte_mempool *mp)
{
	struct __rte_mempool_here *h;

	if (sh_self() == 0 || sh_ctx.obj == NULL) {
		sh_log_rate(
			SH_ERR,
			"pool \"%s\": this process is no member of the group (a child of fork()): call rte_eal_init() "
			"in it",
			mp->name);
		return NULL;
	}
	h = &__rte_mempool_here[mp->__slot];
	if (sh_load_acq(SH_A64(&h->serial)) != mp->__serial) { /* A:HERE */
		sh_lock(&sh_ctx.obj->pool_lock);
		if (h->serial != mp->__serial)
			meet(h, mp);
		sh_unlock(&sh_ctx.obj->pool_lock);
	}
	return h->serial == mp->__serial ? h : NULL;
}

/* ---- making ---- */

static void free_zone(const char *prefix, const char *name, const char *suffix)
{
	char zone[RTE_MEMZONE_NAMESIZE];
	const struct rte_memzone *mz = sh_pool_zone_name(zone, prefix, name, suffix) ? sh_zone_lookup(zone) : NULL;

	if (mz != NULL)
		(void)sh_zone_free(mz);
}

/* what a pool of this name has beside its own zone */
static void free_parts(const char *name)
{
	free_zone("RG_MP_", name, "");
	SH_STEP("pool_parts_free");
	free_zone("MO_", name, "");
	for (int k = 0; k < __RTE_MEMPOOL_CHUNKS; k++)
		free_zone("MC_", name, (char[]){(char)('a' + k), '\0'});
}

/* as in make.c: EEXIST, or 0 and the zone is mine; what somebody began in it is gone */
static int succeed_maker(const struct rte_memzone *mz)
{
	struct rte_mempool *mp = mz->addr;
	uint64_t dl = sh_deadline(PATIENCE_NS), seen;
	_Atomic uint32_t none = 0;

	for (;;) {
		seen = sh_load_acq(SH_A64(&mp->__magic)); /* A:POOLMADE */
		if (seen == ready(mz))
			return EEXIST;
		if ((seen & MAKING) != 0 && sh_id_slot(seen & ~MAKING) < SH_MEMBERS &&
		    sh_member_alive(seen & ~MAKING) && sh_member_probe(seen & ~MAKING) != 1)
			return EEXIST;
		if ((seen & MAKING) != 0 || sh_left_ns(dl) == 0)
			break;
		(void)sh_futex_wait(&none, 0, sh_deadline(SH_NS_PER_MS), SH_FUTEX_ANY, false);
	}
	return sh_cas(SH_A64(&mp->__magic), &seen, MAKING | sh_self()) ? 0 : EEXIST;
}

static int get_zone(const struct sh_pool_ask *ask, const struct rte_memzone **ret)
{
	size_t len = sizeof(struct rte_mempool) + ask->priv_size;
	char name[RTE_MEMZONE_NAMESIZE];
	const struct rte_memzone *mz;
	struct rte_mempool *mp;
	uint64_t seen;
	int e;

	if (!sh_pool_zone_name(name, RTE_MEMPOOL_MZ_PREFIX, ask->name, ""))
		return ENAMETOOLONG;
	mz = sh_self() != 0 ? sh_zone_lookup(name) : NULL;
	if (mz != NULL) {
		e = mz->len < sizeof(*mp) ? EEXIST : succeed_maker(mz);
		if (e != 0)
			return e;
		free_parts(ask->name);
		(void)rte_memzone_free(mz); /* the new one begins with zeros */
	}
	mz = rte_memzone_reserve_aligned(name, len, ask->socket, 0, RTE_CACHE_LINE_SIZE);
	if (mz == NULL)
		return rte_errno != 0 ? rte_errno : ENOMEM;
	mp = mz->addr;
	seen = sh_load_rlx(SH_A64(&mp->__magic)); /* relaxed: whatever it was */
	SH_STEP("pool_zone_there");
	if (!sh_cas(SH_A64(&mp->__magic), &seen, MAKING | sh_self()))
		return EEXIST;
	*ret = mz;
	return 0;
}

static const char *ops_of(unsigned flags)
{
	if ((flags & RTE_MEMPOOL_F_SP_PUT) != 0)
		return (flags & RTE_MEMPOOL_F_SC_GET) != 0 ? "ring_sp_sc" : "ring_sp_mc";
	return (flags & RTE_MEMPOOL_F_SC_GET) != 0 ? "ring_mp_sc" : "ring_mp_mc";
}

int sh_pool_make(const struct sh_pool_ask *ask, struct rte_mempool **ret)
{
	const struct rte_memzone *mz = NULL;
	struct rte_mempool_objsz sz;
	struct rte_mempool *mp;
	int e = get_zone(ask, &mz);

	if (e != 0)
		return e;
	SH_STEP("pool_making");
	mp = mz->addr;
	(void)strncpy(mp->name, ask->name, sizeof(mp->name) - 1);
	mp->__slot = (uint16_t)(((uintptr_t)mz >> 7) % HERE);
	mp->mz = mz;
	mp->__serial = sh_now_ns() << 8 | 1; /* of one descriptor: not twice in a nanosecond */
	mp->socket_id = ask->socket;
	mp->size = ask->n;
	mp->flags = ask->flags;
	mp->cache_size = ask->cache_size;
	mp->private_data_size = ask->priv_size;
	(void)rte_mempool_calc_obj_size(ask->elt_size, ask->flags, &sz);
	mp->elt_size = sz.elt_size;
	mp->header_size = sz.header_size;
	mp->trailer_size = sz.trailer_size;
	STAILQ_INIT(&mp->elt_list);
	STAILQ_INIT(&mp->mem_list);
	(void)strncpy(mp->__ops, ops_of(ask->flags), sizeof(mp->__ops) - 1);
	*ret = mp;
	return 0;
}

void sh_pool_publish(struct rte_mempool *mp)
{
	SH_STEP("pool_filled");
	sh_store_rel(SH_A64(&mp->__magic), ready(mp->mz)); /* R:POOLMADE */
}

int sh_pool_unmake(struct rte_mempool *mp)
{
	const struct rte_memzone *mz = mp->mz;
	struct rte_mempool_memhdr *hdr;
	uint64_t want = ready(mz), making = MAKING | sh_self();

	if (sh_self() == 0)
		return -EPERM;
	if (sh_load_acq(SH_A64(&mp->__magic)) != making && !sh_cas(SH_A64(&mp->__magic), &want, making))
		return -EINVAL;
	SH_STEP("pool_unmade");
	sh_zone_quiet(mz); /* nobody mends it any more */
	if ((mp->flags & RTE_MEMPOOL_F_POOL_CREATED) != 0)
		rte_mempool_ops_free(mp);
	sh_pool_chunks_free(mp);
	while ((hdr = STAILQ_FIRST(&mp->mem_list)) != NULL) {
		STAILQ_REMOVE_HEAD(&mp->mem_list, next);
		rte_free(hdr);
	}
	free_parts(mp->name);
	SH_STEP("pool_parts_gone");
	return sh_zone_free(mz);
}

/* ---- finding ---- */

struct rte_mempool *sh_pool_find(const char *name)
{
	const struct rte_memzone *mz;
	char zone[RTE_MEMZONE_NAMESIZE];

	if (!sh_pool_zone_name(zone, RTE_MEMPOOL_MZ_PREFIX, name, ""))
		return NULL;
	mz = sh_zone_lookup(zone);
	return mz != NULL && mz->len >= sizeof(struct rte_mempool) ? in_zone(mz, mz->addr) : NULL;
}

struct walk {
	void (*fn)(struct rte_mempool *mp, void *arg);
	void *arg;
};

static void walk_one(const struct rte_memzone *mz, const struct rte_memzone *was, void *arg)
{
	const struct walk *w = arg;
	struct rte_mempool *mp = was->len >= sizeof(*mp) ? in_zone(mz, was->addr) : NULL;

	if (mp != NULL)
		w->fn(mp, w->arg);
}

void sh_pool_walk(void (*fn)(struct rte_mempool *mp, void *arg), void *arg)
{
	struct walk w = {fn, arg};

	sh_zone_each(RTE_MEMPOOL_MZ_PREFIX, walk_one, &w);
}

void sh_pool_visit(void (*fn)(struct rte_mempool *mp, void *arg), void *arg)
{
	struct walk w = {fn, arg};

	sh_zone_visit(RTE_MEMPOOL_MZ_PREFIX, walk_one, &w);
}
