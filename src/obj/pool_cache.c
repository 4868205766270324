/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_cache.c - between a thread and the back end of a pool
 *
 * A cache is found by lcore in a table of this process (rte_mempool.h), which a forked child sees as zeros. The first use by
 * an lcore claims one. Objects in it are [0 .. len): get and put are a store of len. Between cache and back end an intent
 * tells what becomes of len (pool.h, move.c), so that for whoever mends each object is in one place.
 *
 * In a tracked pool what is in a cache bears its owner's name like what is in its hands; it needs no intents.
 */
#include <errno.h>
#include <string.h>

#include <rte_errno.h>

#include "base/export.h"
#include "base/fault.h"
#include "base/log.h"
#include "mem/mem.h"
#include "obj/pool.h"
#include "obj/ring_quick.h"
#include "proc/proc.h"

SH_EXPORT RTE_DEFINE_PER_LCORE(struct __rte_mempool_last, __rte_mempool_last);

/* ---- caches of a pool ---- */

static size_t cache_bytes(const struct rte_mempool *mp)
{
	return RTE_ALIGN_CEIL(sizeof(struct sh_pool_cache) - sizeof(((struct rte_mempool_cache *)0)->objs) +
				      (size_t)mp->cache_size * 2 * sizeof(void *),
			      (size_t)RTE_CACHE_LINE_SIZE);
}

static struct sh_pool_cache *cache_at(const struct rte_mempool *mp, uint64_t chunk, unsigned i)
{
	return (struct sh_pool_cache *)(uintptr_t)(chunk + i * cache_bytes(mp));
}

void sh_pool_each_cache(struct rte_mempool *mp, void (*fn)(struct rte_mempool *mp, struct sh_pool_cache *c, void *arg),
			void *arg)
{
	for (unsigned k = 0; k < __RTE_MEMPOOL_CHUNKS; k++) {
		uint64_t chunk = sh_load_acq(SH_A64(&mp->__chunk[k])); /* A:CHUNK */

		if (chunk == 0)
			break;
		for (unsigned i = 0; i < SH_CHUNK0 << k; i++)
			fn(mp, cache_at(mp, chunk, i), arg);
	}
}

/* A chunk's zone is known by its name: one whose maker died before it was in the pool serves the next. It is zeros. */
static uint64_t grow(struct rte_mempool *mp, unsigned k)
{
	char name[RTE_MEMZONE_NAMESIZE], suffix[2] = {(char)('a' + k), '\0'};
	const struct sh_zone_ask ask = {.name = name,
					.len = cache_bytes(mp) * (SH_CHUNK0 << k),
					.align = RTE_CACHE_LINE_SIZE,
					.socket = SOCKET_ID_ANY};
	const struct rte_memzone *mz;
	uint64_t none = 0, at;

	if (!sh_pool_zone_name(name, "MC_", mp->name, suffix) || sh_pool_part(mp, &ask, false, &mz) < 0)
		return 0;
	SH_STEP("pool_chunk_there");
	at = (uint64_t)(uintptr_t)mz->addr;
	return sh_cas(SH_A64(&mp->__chunk[k]), &none, at) ? at : none; /* R:CHUNK */
}

struct sh_pool_cache *sh_pool_claim(struct rte_mempool *mp, uint32_t lcore)
{
	uint64_t me = sh_self(), chunk, none;

	for (unsigned k = 0; k < __RTE_MEMPOOL_CHUNKS; k++) {
		chunk = sh_load_acq(SH_A64(&mp->__chunk[k])); /* A:CHUNK */
		if (chunk == 0)
			chunk = grow(mp, k);
		for (unsigned i = 0; chunk != 0 && i < SH_CHUNK0 << k; i++) {
			struct sh_pool_cache *c = cache_at(mp, chunk, i);

			none = 0;
			if (sh_load_rlx(&c->owner) != 0 || !sh_cas(&c->owner, &none, me)) /* relaxed: the CAS decides */
				continue;
			SH_STEP("pool_cache_claimed");
			c->lcore = lcore;
			c->pub.size = mp->cache_size;
			c->pub.flushthresh = mp->cache_size + mp->cache_size / 2;
			c->pub.__own = 1;
			return c;
		}
		if (chunk == 0)
			break;
	}
	return NULL;
}

SH_EXPORT struct rte_mempool_cache *__rte_mempool_cache_slow(struct rte_mempool *mp, unsigned int lcore_id)
{
	struct __rte_mempool_here *h = sh_self() != 0 ? sh_pool_here(mp) : NULL;
	struct sh_pool_cache *c;

	if (h == NULL)
		return NULL;
	sh_lock_calm(&sh_ctx.obj->pool_lock); /* the same lcore asked about by another thread */
	if (h->cache[lcore_id] == NULL) {
		c = sh_pool_claim(mp, lcore_id);
		if (c != NULL)
			h->cache[lcore_id] = &c->pub;
		else
			sh_log_rate(SH_WARN,
				    "pool \"%s\": no memory for the cache of lcore %u; it goes without and is slower",
				    mp->name, lcore_id);
	}
	sh_unlock_calm(&sh_ctx.obj->pool_lock);
	return h->cache[lcore_id];
}

/* ---- a registered back end: functions of the program's, in which nobody knows what a death has left ---- */

static void tag(struct rte_mempool *mp, void *const *objs, unsigned n, uint64_t who)
{
	if (sh_pool_tracks(mp))
		for (unsigned i = 0; i < n; i++)
			sh_store_rlx(SH_TAG(objs[i]),
				     who); /* relaxed: as the object's bytes, in order by the back end */
}

/* It bears my name when it is out: before, it would have one while it is still in there, and be put in again. */
static int foreign_get(struct rte_mempool *mp, const struct __rte_mempool_here *h, void **objs, unsigned n)
{
	int r = h->ops->dequeue(mp, objs, n);

	if (r < 0)
		return r;
	SH_STEP("pool_foreign_got");
	tag(mp, objs, n, sh_self());
	SH_STEP("pool_foreign_mine");
	return r;
}

/* It bears nobody's name before it is in, for the same reason. */
static int foreign_put(struct rte_mempool *mp, const struct __rte_mempool_here *h, void *const *objs, unsigned n)
{
	int r;

	tag(mp, objs, n, SH_TAG_POOL);
	SH_STEP("pool_foreign_left");
	r = h->ops->enqueue(mp, objs, n);
	if (r < 0)
		tag(mp, objs, n, sh_self());
	SH_STEP("pool_foreign_in");
	return r;
}

/* ---- the back end ---- */

int sh_pool_backend_get(struct rte_mempool *mp, void **objs, unsigned n, struct sh_pool_cache *c, uint32_t len)
{
	struct __rte_mempool_here *h = sh_pool_here(mp);
	struct rte_ring *r = mp->pool_data;

	if (h == NULL)
		return -EPERM;
	if (n == 0)
		return 0;
	if (!sh_pool_own_ops(h->ops)) {
		sh_pool_hear(mp, h, false);
		return foreign_get(mp, h, objs, n);
	}
	if (sh_pool_tracks(mp))
		c = NULL;
	if (likely(sh_pool_eased(mp)) &&
	    (sh_pool_is_stack(r) ? sh_pop(r, objs, n, c, len)
				 : sh_move_out(r, objs, n, RTE_RING_QUEUE_FIXED, NULL, c, len)) != 0)
		return 0;
	return sh_pool_round_get(mp, objs, n, c, len, len != 0);
}

int sh_pool_backend_put(struct rte_mempool *mp, void *const *objs, unsigned n, struct sh_pool_cache *c, uint32_t len)
{
	struct __rte_mempool_here *h = sh_pool_here(mp);
	struct rte_ring *r = mp->pool_data;

	if (h == NULL)
		return -EPERM;
	if (n == 0)
		return 0;
	if (!sh_pool_own_ops(h->ops)) {
		sh_pool_hear(mp, h, true);
		return foreign_put(mp, h, objs, n);
	}
	if (sh_pool_tracks(mp))
		c = NULL;
	if (likely(sh_pool_eased(mp)) &&
	    (sh_pool_is_stack(r) ? sh_push(r, objs, n, c, len)
				 : sh_move_in(r, objs, n, RTE_RING_QUEUE_FIXED, NULL, c, len)) != 0)
		return 0;
	if (sh_pool_round_put(mp, objs, n, c, len) == 0)
		return 0;
	sh_log_rate(SH_CRIT, "pool \"%s\": more objects were put than it has; one was put twice, or is of another pool",
		    mp->name);
	return -ENOBUFS;
}

static void set_len(struct rte_mempool_cache *c, struct sh_pool_cache *place, uint32_t len)
{
	sh_store_rel(SH_A32(&c->len), len);
	SH_STEP("pool_cache_len");
	if (place != NULL)
		sh_store_rel(&place->intent, 0);
}

/* Without a cache and without tags nothing changes but the ring: moved as any other one is. */
static inline bool is_plain(const struct rte_mempool *mp)
{
	return sh_load_acq(SH_A32(&mp->__plain)) == SH_PLAIN; /* A:POOLPLAIN */
}

/*
 * One of the program's that is used first: the pool is to know of it. Until then flushthresh is 0, so that its first put comes
 * here; from the first object in it on it is not, for what is inline takes flushthresh - len for its room.
 */
static struct sh_pool_cache *place_of(struct rte_mempool *mp, struct rte_mempool_cache *c)
{
	struct sh_pool_cache *place = sh_pool_place(mp, c);

	if (c->flushthresh == 0)
		c->flushthresh = c->size + c->size / 2;
	return place;
}

/* ---- get ---- */

static void take(struct rte_mempool_cache *c, void **objs, unsigned n)
{
	uint32_t len = c->len - n;

	memcpy(objs, &c->objs[len], n * sizeof(*objs));
	sh_store_rel(SH_A32(&c->len), len);
}

static int get_past(struct rte_mempool *mp, void **objs, unsigned n)
{
	int r = sh_pool_backend_get(mp, objs, n, NULL, 0);

	if (r < 0 && r != -EPERM && sh_pool_starved(mp))
		r = sh_pool_backend_get(mp, objs, n, NULL, 0);
	return r;
}

static int get_by(struct rte_mempool *mp, void **objs, unsigned n, struct rte_mempool_cache *c,
		  struct sh_pool_cache *place)
{
	uint32_t have = c->len < n ? c->len : n, want = n - have;
	int r;

	if (n <= c->size) { /* have + want + size has room */
		r = sh_pool_backend_get(mp, &c->objs[have], c->size + want, place, have + c->size + want);
		if (r == 0) {
			set_len(c, place, have + c->size + want);
			take(c, objs, n);
			return 0;
		}
	}
	r = get_past(mp, objs + have, want);
	if (r == 0)
		take(c, objs, have);
	return r;
}

static __rte_noinline int get_slowly(struct rte_mempool *mp, void **objs, unsigned n, struct rte_mempool_cache *c)
{
	if (c != NULL)
		return get_by(mp, objs, n, c, place_of(mp, c));
	if (is_plain(mp) && sh_self() != 0 &&
	    __rte_ring_do_dequeue(mp->pool_data, objs, sizeof(void *), n, RTE_RING_QUEUE_FIXED, RTE_RING_SYNC_MT,
				  NULL) != 0)
		return 0;
	return get_past(mp, objs, n);
}

static __rte_noinline int wake_putters(struct rte_ring *ring)
{
	__rte_ring_wake(ring, 1);
	return 0;
}

/* What is not done at once is another function's: calls stand at the end alone, so no register is saved (ring_quick.h). */
SH_EXPORT int __rte_mempool_get_slow(struct rte_mempool *mp, void **objs, unsigned int n, struct rte_mempool_cache *c)
{
	struct rte_ring *ring;

	if (c != NULL)
		return get_slowly(mp, objs, n, c);
	if (unlikely(!is_plain(mp)))
		return get_slowly(mp, objs, n, NULL);
	ring = mp->pool_data;
	if (unlikely(!sh_ring_biased_get(ring, objs, n)))
		return get_slowly(mp, objs, n, NULL);
	if (unlikely(sh_ring_watched(ring)))
		return wake_putters(ring);
	return 0;
}

/* ---- put ---- */

void sh_pool_flush(struct rte_mempool *mp, struct rte_mempool_cache *c, struct sh_pool_cache *place)
{
	const struct __rte_mempool_here *h = sh_pool_here(mp);
	uint32_t len = c->len;

	/* No intent is kept by a registered back end: what is in neither is lost with me, which is better than in both. */
	if (h != NULL && !sh_pool_own_ops(h->ops)) {
		set_len(c, place, 0);
		if (sh_pool_backend_put(mp, c->objs, len, NULL, 0) != 0)
			set_len(c, place, len);
	} else if (sh_pool_backend_put(mp, c->objs, len, place, 0) == 0) {
		set_len(c, place, 0);
	}
}

SH_EXPORT void __rte_mempool_flush(struct rte_mempool_cache *c, struct rte_mempool *mp)
{
	sh_pool_flush(mp, c, sh_pool_place(mp, c));
}

/* What I put has my name, or it came to me unseen: then names do not tell who has this pool's objects. */
static void retag(struct rte_mempool *mp, void *const *objs, unsigned n)
{
	uint64_t me = sh_self();

	for (unsigned i = 0; i < n; i++) {
		_Atomic uint64_t *t = SH_TAG(objs[i]);
		uint64_t was = sh_load_rlx(t); /* relaxed: the object is mine */

		if (was == me)
			continue;
		sh_store_rlx(t, me); /* relaxed: as above */
		if (was == SH_TAG_RING || sh_xchg(SH_A32(&mp->__strayed), 1) != 0)
			continue;
		sh_warn("pool \"%s\": an object was put by a process that it did not know to have it: it came by a "
			"ring "
			"without SHOAL_RING_F_TRACK, or no shoal_own() was called. From now on what the dead held is "
			"not "
			"taken back",
			mp->name);
	}
}

static __rte_noinline void put_slowly(struct rte_mempool *mp, void *const *objs, unsigned n,
				      struct rte_mempool_cache *c)
{
	if (c == NULL && is_plain(mp) && sh_self() != 0 &&
	    __rte_ring_do_enqueue(mp->pool_data, objs, sizeof(void *), n, RTE_RING_QUEUE_FIXED, RTE_RING_SYNC_MT,
				  NULL) != 0)
		return;
	if (sh_pool_tracks(mp) && sh_self() != 0)
		retag(mp, objs, n);
	if (c != NULL && c->flushthresh == 0)
		(void)place_of(mp, c);
	if (c == NULL || n > c->flushthresh) {
		(void)sh_pool_backend_put(mp, objs, n, NULL, 0);
		return;
	}
	if (n > c->flushthresh - c->len)
		__rte_mempool_flush(c, mp);
	if (n > c->flushthresh - c->len)
		return; /* refused, and said so */
	memcpy(&c->objs[c->len], objs, n * sizeof(*objs));
	sh_store_rel(SH_A32(&c->len), c->len + n);
}

SH_EXPORT void __rte_mempool_put_slow(struct rte_mempool *mp, void *const *objs, unsigned int n,
				      struct rte_mempool_cache *c)
{
	struct rte_ring *ring;

	if (c != NULL) {
		put_slowly(mp, objs, n, c);
		return;
	}
	if (unlikely(!is_plain(mp))) {
		put_slowly(mp, objs, n, NULL);
		return;
	}
	ring = mp->pool_data;
	if (unlikely(!sh_ring_biased_put(ring, objs, n)))
		put_slowly(mp, objs, n, NULL);
	else if (unlikely(sh_ring_watched(ring)))
		__rte_ring_wake(ring, 0);
}
