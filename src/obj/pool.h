/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.h - what the pool_*.c files share among themselves; nobody else includes it */
#ifndef SH_OBJ_POOL_H
#define SH_OBJ_POOL_H

#include <rte_mempool.h>
#include <shoal_mempool.h>

#include "obj/priv.h"

/*
 * A cache of one process and lcore. These lie in memzones of their own, chunk k of a pool has SH_CHUNK0 << k of them.
 *
 *   field    written by                          what it says
 *   owner    CAS 0 -> me: who wants a cache      whose it is
 *            CAS dead -> me: who mends, me -> 0
 *   intent   the owner, inside the ring's side   a move between cache and back end is under way:
 *            0: the owner                        kind << 62 | the detour << 61 | len after it << 32 | position of that ring
 *            0: who took that side from a dead   before it (it has not happened: the position is still that one)
 *   pub      the owner
 *   user     the owner; who mends: 0              a cache that a program made, which this one stands for: pub is not used
 */
struct sh_pool_cache {
	_Atomic uint64_t owner;
	_Atomic uint64_t intent;
	uint32_t lcore;
	uint32_t pad;
	struct rte_mempool_cache *_Atomic user;
	uint64_t pad2[4];
	struct rte_mempool_cache pub; /* as long as the pool's cache_size needs */
};
_Static_assert(offsetof(struct sh_pool_cache, pub) == 64, "a line before it");

#define SH_CHUNK0 8u
enum sh_intent { SH_INTENT_NONE, SH_INTENT_FILL, SH_INTENT_FLUSH };
#define sh_intent_word(r, kind, len, pos)                                                                              \
	((uint64_t)(kind) << 62 | (uint64_t)((r)->detour == SH_IS_DETOUR) << 61 | (uint64_t)(len) << 32 | (pos))
#define sh_intent_kind(w) ((enum sh_intent)((w) >> 62))
#define sh_intent_detour(w) (((w) >> 61 & 1) != 0)
#define sh_intent_len(w) ((uint32_t)((w) >> 32) & 0x1fffffff)
#define sh_intent_pos(w) ((uint32_t)(w))

/* where the objects are */
static inline struct rte_mempool_cache *sh_cache_pub(struct sh_pool_cache *c)
{
	struct rte_mempool_cache *user = sh_load_acq(&c->user); /* A:USER */

	return user != NULL ? user : &c->pub;
}
static inline bool sh_pool_tracks(const struct rte_mempool *mp)
{
	return (mp->flags & SHOAL_MEMPOOL_F_TRACK) != 0;
}

/* NULL: the pool's objects are none that the room to the right knows, or that is not started */
static inline const struct sh_pool_ways *sh_pool_ways(const struct rte_mempool *mp)
{
	if ((mp->flags & __RTE_MEMPOOL_F_MBUF) == 0)
		return NULL;
	return (const struct sh_pool_ways *)(uintptr_t)sh_load_acq(&sh_ctx.obj->ways); /* A:WAYS */
}
/* what an object's tag says when no member has it */
#define SH_TAG_POOL 0
#define SH_TAG_RING 1
#define SH_TAG(obj) SH_A64(&rte_mempool_get_header(obj)->__owner)

/* what struct rte_ring's tracked says */
enum { SH_TRACK_NONE, SH_TRACK_RING, SH_TRACK_POOL, SH_TRACK_GUESS };

/* pool_make.c: names and life */
struct sh_pool_ask {
	const char *name;
	uint32_t n, elt_size, cache_size, priv_size;
	int socket;
	unsigned flags;
};
/* 0 and *ret: a pool that nobody else finds yet; or an errno, EEXIST without a line */
int sh_pool_make(const struct sh_pool_ask *ask, struct rte_mempool **ret);
/* from now on it is found */
void sh_pool_publish(struct rte_mempool *mp);
/* 0, -EINVAL: no pool any more; -EPERM */
int sh_pool_unmake(struct rte_mempool *mp);
/* the same with one that was never published */
int sh_pool_abandon(struct rte_mempool *mp);
/* pools that the dead were making or taking apart go */
void sh_pools_clear(void);
struct rte_mempool *sh_pool_find(const char *name);
void sh_pool_walk(void (*fn)(struct rte_mempool *mp, void *arg), void *arg);
/* the same for who mends: none is freed meanwhile */
void sh_pool_visit(void (*fn)(struct rte_mempool *mp, void *arg), void *arg);
/* the name of one of a pool's zones; size: of out. false: too long */
bool sh_pool_zone_name(char *out, const char *prefix, const char *name, const char *suffix);
/*
 * A zone of the pool's: there already, or made with zeros in it; what lies behind len is not the caller's. 0 and *ret, or as
 * sh_zone_reserve(); -EEXIST, with a line: a program's zone has the name, or it is the pool's and smaller. tell: other
 * errors have a line too.
 */
struct sh_zone_ask;
struct rte_memzone;
int sh_pool_part(const struct rte_mempool *mp, const struct sh_zone_ask *what, bool tell,
		 const struct rte_memzone **ret);
/* this process' side of a pool; NULL: it is no member, or has no such back end (a line is written) */
struct __rte_mempool_here *sh_pool_here(struct rte_mempool *mp);
int sh_pool_start(void);
void sh_pool_stop(void);

/* pool_ops.c */
const struct rte_mempool_ops *sh_pool_ops(const struct rte_mempool *mp);
/* the library's own back end: moved by move.c, with all that deaths need; of this kind no other is */
bool sh_pool_own_ops(const struct rte_mempool_ops *ops);
bool sh_pool_is_stack(const struct rte_ring *r);

/*
 * move.c: n pointers into a ring or out of it, inside a side of it: all or none, or as many as there are. A tracked one's
 * tags change with it. c: the cache that they come from or go to, its len shall be len then; NULL: none.
 */
unsigned sh_move_in(struct rte_ring *r, void *const *objs, unsigned n, enum rte_ring_queue_behavior how, unsigned *left,
		    struct sh_pool_cache *c, uint32_t len);
unsigned sh_move_out(struct rte_ring *r, void **objs, unsigned n, enum rte_ring_queue_behavior how, unsigned *left,
		     struct sh_pool_cache *c, uint32_t len);
/* the same for a stack */
unsigned sh_push(struct rte_ring *r, void *const *objs, unsigned n, struct sh_pool_cache *c, uint32_t len);
unsigned sh_pop(struct rte_ring *r, void **objs, unsigned n, struct sh_pool_cache *c, uint32_t len);

/*
 * pool_round.c: the library's back ends, if more is the matter than that the ring (the stack) has what is wanted: sh_pool_eased()
 * says that nothing is. get: all n or -ENOBUFS. fill: it is for a cache, out of one place or not at all, at once. put: 0, or
 * -ENOBUFS: there are too many.
 */
#define SH_PLAIN 1u /* mp->__plain: the ring alone, without tags; and nothing else is the matter */
static inline bool sh_pool_eased(const struct rte_mempool *mp)
{
	return (sh_load_acq(SH_A32(&mp->__plain)) & ~SH_PLAIN) == 0; /* A:POOLPLAIN */
}
int sh_pool_round_get(struct rte_mempool *mp, void **objs, unsigned n, struct sh_pool_cache *c, uint32_t len,
		      bool fill);
int sh_pool_round_put(struct rte_mempool *mp, void *const *objs, unsigned n, struct sh_pool_cache *c, uint32_t len);
/* one that comes into the pool for the first time; and when those that there is memory for are in */
void sh_pool_round_fill(struct rte_mempool *mp, void *obj);
void sh_pool_round_filled(struct rte_mempool *mp);
/* in both */
unsigned sh_pool_round_count(const struct rte_mempool *mp);

/* pool_user.c: what stands for this cache in the pool; NULL: nothing does, its owner's death would lose what is in it */
struct sh_pool_cache *sh_pool_place(struct rte_mempool *mp, struct rte_mempool_cache *c);
/* it stands for no cache of a program any more, and is nobody's; by its owner, when it is empty */
void sh_pool_release(struct sh_pool_cache *c);
/* of what is in a dead one's cache: all is this pool's */
bool sh_pool_user_whole(const struct rte_mempool *mp, const struct rte_mempool_cache *c);

/* pool_cache.c */
/* one that is nobody's yet, or NULL; lcore: LCORE_ID_ANY for one that stands for a program's */
struct sh_pool_cache *sh_pool_claim(struct rte_mempool *mp, uint32_t lcore);
/* all of it to the back end: place's owner is this process */
void sh_pool_flush(struct rte_mempool *mp, struct rte_mempool_cache *c, struct sh_pool_cache *place);
void sh_pool_each_cache(struct rte_mempool *mp, void (*fn)(struct rte_mempool *mp, struct sh_pool_cache *c, void *arg),
			void *arg);
int sh_pool_backend_get(struct rte_mempool *mp, void **objs, unsigned n, struct sh_pool_cache *c, uint32_t len);
int sh_pool_backend_put(struct rte_mempool *mp, void *const *objs, unsigned n, struct sh_pool_cache *c, uint32_t len);

/* pool_mend.c */
/*
 * What the dead have of the group's pools comes back; all: also what they had in their hands. again: it is waited for nobody.
 * false: somebody is in the way; what is left is for another time.
 */
bool sh_pools_mend(bool all, bool again);
/* my own caches go back: I leave the group */
void sh_pools_leave(void);
/* nothing was left in the back end: did somebody die? true: look again */
bool sh_pool_starved(struct rte_mempool *mp);
/* a thread of the program's comes to a registered back end: those that died since the last one did have left things */
void sh_pool_hear(struct rte_mempool *mp, struct __rte_mempool_here *h, bool put);

/* pool_api.c: to the listeners of this process */
void sh_pool_tell(enum rte_mempool_event ev, struct rte_mempool *mp);
/* pool_fill.c: the memory that this process brought */
void sh_pool_chunks_free(struct rte_mempool *mp);

#endif
