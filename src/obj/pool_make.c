/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_make.c - pools as objects with a name, and this process' own side of each
 *
 * A pool "x" lies in the memzone "MP_x"; its objects in "MO_x" (when the library brings the memory), its ring in "RG_MP_x",
 * its caches in "MC_xa", "MC_xb" ..., what it knows of memory that programs brought in "MH_xa" ... All are found by name, so
 * that who clears away what a dead maker has left, or one who died freeing, knows what there is. __magic is the mark (name.c).
 * A program may have things of these names, which nobody here touches: the ring of a pool says which pool's it is, and the last
 * word of its other zones that it is a pool's, and which one's, from the first moment that others see the zone.
 *
 * Shared memory has no pointer to a function and no index of one. What a process needs on the way of each get is in
 * __rte_mempool_here[], at the place of the pool's memzone descriptor, good for the pool with that serial.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_errno.h>

#include "base/export.h"
#include "base/fault.h"
#include "base/log.h"
#include "mem/mem.h"
#include "obj/pool.h"
#include "proc/proc.h"

#define HERE 4096 /* as many as there are descriptors of memzones; each is 128 bytes long */
#define HERE_BYTES (HERE * sizeof(struct __rte_mempool_here))

SH_EXPORT struct __rte_mempool_here *__rte_mempool_here;

static void clear_parts(void *pool, const char *name);
static const struct sh_named pools = {.prefix = RTE_MEMPOOL_MZ_PREFIX,
				      .ready = 0x6c6f6f702d687331ull,
				      .mark = offsetof(struct rte_mempool, __magic),
				      .min = sizeof(struct rte_mempool),
				      .clear_parts = clear_parts};

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
	h->deaths = UINT64_MAX; /* those that died before I came count as well */
	h->due = 0;
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
		sh_lock_calm(&sh_ctx.obj->pool_lock);
		if (h->serial != mp->__serial)
			meet(h, mp);
		sh_unlock_calm(&sh_ctx.obj->pool_lock);
	}
	return h->serial == mp->__serial ? h : NULL;
}

/* ---- its parts ---- */

/* the upper half of the last word of a part; the lower one tells it from a part of a pool of this name that was there before */
#define PART 0x6d706f6full

static uint64_t last_word(const struct sh_zone_seen *z)
{
	return sh_load_acq(SH_A64((char *)z->was.addr + z->was.len) -
			   1); /* acquire: as a mark; written before it was there */
}

static bool is_part(uint64_t word)
{
	return word >> 32 == PART;
}

static uint64_t word_of(const struct rte_mempool *mp)
{
	return PART << 32 | (uint32_t)(mp->__serial >> 8);
}

/* there is a zone of this name: 0 and *ret: it is this pool's; -EAGAIN: it is gone */
static int part_there(const struct rte_mempool *mp, const struct sh_zone_seen *z, size_t len,
		      const struct rte_memzone **ret)
{
	uint64_t word = last_word(z);

	if (!sh_zone_still(z))
		return -EAGAIN;
	if (is_part(word) && word != word_of(mp)) { /* of one that is gone: only one pool has the name */
		int r = sh_zone_free_seen(z);

		return r == 0 || r == -EINVAL ? -EAGAIN : r;
	}
	if (is_part(word) && z->was.len >= len + sizeof(word)) {
		*ret = z->mz;
		return 0;
	}
	sh_log_rate(SH_ERR,
		    "pool \"%s\": there is a zone \"%s\", which is not the pool's: one of the two needs another name",
		    mp->name, z->was.name);
	return -EEXIST;
}

static int make_part(const struct sh_zone_ask *ask, bool tell, const struct rte_memzone **ret)
{
	if (!tell)
		return sh_zone_reserve(ask, ret);
	*ret = sh_zone_reserve_marked(ask->name, ask->len, ask->socket, (unsigned)ask->align, ask->mark_at, ask->mark);
	return *ret != NULL ? 0 : -rte_errno;
}

int sh_pool_part(const struct rte_mempool *mp, const struct sh_zone_ask *what, bool tell,
		 const struct rte_memzone **ret)
{
	struct sh_zone_ask ask = *what;
	struct sh_zone_seen z;
	bool there;
	int r;

	ask.len = RTE_ALIGN_CEIL(what->len + sizeof(ask.mark), (size_t)RTE_CACHE_LINE_SIZE);
	ask.mark_at = ask.len - sizeof(ask.mark);
	ask.mark = word_of(mp);
	do {
		there = sh_zone_see(ask.name, &z);
		r = there ? part_there(mp, &z, what->len, ret) : make_part(&ask, tell, ret);
	} while (r == (there ? -EAGAIN : -EEXIST)); /* it came or went meanwhile */
	return r;
}

/* by the one who has the pool: parts of its name are its own, or of one before it */
static void clear_zone(const char *prefix, const char *name, const char *suffix)
{
	char zone[RTE_MEMZONE_NAMESIZE];
	struct sh_zone_seen z;

	if (sh_pool_zone_name(zone, prefix, name, suffix) && sh_zone_see(zone, &z) && is_part(last_word(&z)))
		(void)sh_zone_free_seen(&z);
}

/* one that is complete; others, of the dead, go as rings do */
static void clear_ring(const void *pool, const char *name)
{
	char ring[RTE_MEMZONE_NAMESIZE];
	struct rte_ring *r = sh_pool_zone_name(ring, RTE_MEMPOOL_MZ_PREFIX, name, "") ? sh_ring_find(ring) : NULL;

	if (r != NULL && r->pool == (uint64_t)(uintptr_t)pool)
		(void)sh_ring_unmake(r);
}

/* what a pool of this name has beside its own zone: tables have one zone after the other, and nobody adds to them now */
static void clear_parts(void *pool, const char *name)
{
	clear_ring(pool, name);
	SH_STEP("pool_parts_free");
	clear_zone("MO_", name, "");
	for (int k = 0; k < __RTE_MEMPOOL_CHUNKS; k++) {
		clear_zone("MC_", name, (char[]){(char)('a' + k), '\0'});
		clear_zone("MH_", name, (char[]){(char)('a' + k), '\0'});
	}
}

/* ---- making ---- */

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
	int e = sh_named_make(&pools, ask->name, sizeof(*mp) + ask->priv_size, ask->socket, RTE_CACHE_LINE_SIZE, &mz);

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
	sh_named_publish(&pools, mp->mz);
}

int sh_pool_abandon(struct rte_mempool *mp)
{
	sh_zone_quiet(mp->mz); /* nobody mends it any more */
	if ((mp->flags & RTE_MEMPOOL_F_POOL_CREATED) != 0)
		rte_mempool_ops_free(mp);
	sh_pool_chunks_free(mp);
	clear_parts(mp, mp->name);
	SH_STEP("pool_parts_gone");
	return sh_zone_free(mp->mz);
}

int sh_pool_unmake(struct rte_mempool *mp)
{
	if (sh_self() == 0)
		return -EPERM;
	if (!sh_named_unmake(&pools, mp->mz, mp))
		return -EINVAL;
	SH_STEP("pool_unmade");
	return sh_pool_abandon(mp);
}

/* ---- finding ---- */

struct rte_mempool *sh_pool_find(const char *name)
{
	return sh_named_find(&pools, name);
}

struct walk {
	void (*fn)(struct rte_mempool *mp, void *arg);
	void *arg;
};

static void walk_one(void *mp, void *arg)
{
	const struct walk *w = arg;

	w->fn(mp, w->arg);
}

void sh_pool_walk(void (*fn)(struct rte_mempool *mp, void *arg), void *arg)
{
	struct walk w = {fn, arg};

	sh_named_walk(&pools, walk_one, &w);
}

void sh_pool_visit(void (*fn)(struct rte_mempool *mp, void *arg), void *arg)
{
	struct walk w = {fn, arg};

	sh_named_visit(&pools, walk_one, &w);
}

void sh_pools_clear(void)
{
	sh_named_clear(&pools);
}
