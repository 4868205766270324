/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_user.c - caches that programs make
 *
 * rte_mempool_cache_create() knows no pool and has no owner to name: the cache is memory of the group's heap. So that a death
 * returns what is in it, a pool knows of it from its first use there: one of the pool's own places for caches (pool.h) is
 * claimed, and its word user leads to the program's cache. Intents are kept in that place. No objects come in before: the
 * first get finds the cache empty, the first put finds that flushthresh is 0, and both come here. Then it is what it shall be.
 *
 *   1  claim: the place's owner = me                                          (dies here: user is NULL, pub is empty)
 *   2  place's user = the cache                                               (from here on who mends empties it)
 *   3  the cache's __place, __serial: for its owner alone
 *
 * The cache changes pools when it comes here with another one: the place in the first pool is let go, if that pool is still
 * there. In a tracked pool it needs no place: what is in it bears a name.
 */
#include <rte_errno.h>
#include <rte_malloc.h>

#include "base/export.h"
#include "base/fault.h"
#include "base/log.h"
#include "mem/mem.h"
#include "obj/pool.h"
#include "proc/proc.h"

static struct sh_pool_cache *lcores(struct rte_mempool_cache *c)
{
	return (struct sh_pool_cache *)((char *)c - offsetof(struct sh_pool_cache, pub));
}

void sh_pool_release(struct sh_pool_cache *c)
{
	sh_store_rel(&c->intent, 0); /* first: without user it would be about pub */
	sh_store_rel(&c->user, NULL);
	sh_store_rel(&c->owner, 0);
}

/* it is this pool's place still, and mine */
static bool stands(struct sh_pool_cache *place, const struct rte_mempool_cache *c)
{
	return sh_load_acq(&place->user) == c && sh_load_acq(&place->owner) == sh_self(); /* A:USER */
}

static void leave_pool(struct rte_mempool *mp, void *cache)
{
	struct rte_mempool_cache *c = cache;

	if (mp->__serial == c->__serial && stands(c->__place, c))
		sh_pool_release(c->__place);
}

/* a pool that is there is not freed while it is visited; of one that is gone the place is gone as well */
static void leave(struct rte_mempool_cache *c)
{
	if (c->__serial != 0 && sh_self() != 0)
		sh_pool_visit(leave_pool, c);
	c->__serial = 0;
}

static struct sh_pool_cache *join(struct rte_mempool *mp, struct rte_mempool_cache *c)
{
	struct sh_pool_cache *place;

	if (sh_self() == 0 || !sh_mem_contains((uint64_t)(uintptr_t)c))
		return NULL;
	leave(c);
	place = sh_pool_claim(mp, LCORE_ID_ANY);
	if (place == NULL) {
		sh_log_rate(SH_WARN,
			    "pool \"%s\": no memory to note a cache of the program's; what is in it is lost when this "
			    "process is killed",
			    mp->name);
		return NULL;
	}
	sh_store_rel(&place->user, c); /* R:USER */
	SH_STEP("pool_user_known");
	c->__place = place;
	c->__serial = mp->__serial;
	return place;
}

struct sh_pool_cache *sh_pool_place(struct rte_mempool *mp, struct rte_mempool_cache *c)
{
	if (c->__own != 0)
		return lcores(c);
	if (sh_pool_tracks(mp))
		return NULL;
	return c->__serial == mp->__serial && stands(c->__place, c) ? c->__place : join(mp, c);
}

bool sh_pool_user_whole(const struct rte_mempool *mp, const struct rte_mempool_cache *c)
{
	if (!sh_mem_contains((uint64_t)(uintptr_t)c) || c->len > RTE_DIM(c->objs))
		return false;
	for (uint32_t i = 0; i < c->len; i++)
		if (!sh_mem_contains((uint64_t)(uintptr_t)c->objs[i]) || rte_mempool_from_obj(c->objs[i]) != mp)
			return false;
	return true;
}

SH_EXPORT struct rte_mempool_cache *rte_mempool_cache_create(uint32_t size, int socket_id)
{
	struct rte_mempool_cache *c;

	if (size == 0 || size > RTE_MEMPOOL_CACHE_MAX_SIZE) {
		sh_err("a cache of %u objects: it has 1 to %d", size, RTE_MEMPOOL_CACHE_MAX_SIZE);
		rte_errno = EINVAL;
		return NULL;
	}
	c = rte_zmalloc_socket("MEMPOOL_CACHE", sizeof(*c), RTE_CACHE_LINE_SIZE, socket_id);
	if (c == NULL)
		return NULL;
	c->size = size; /* flushthresh is 0: the first put does not go past the pool */
	return c;
}

SH_EXPORT void rte_mempool_cache_free(struct rte_mempool_cache *cache)
{
	if (cache == NULL)
		return;
	leave(cache);
	rte_free(cache);
}
