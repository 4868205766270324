/* SPDX-License-Identifier: BSD-3-Clause */
/* priv.h - what the files of this room share among themselves; nobody else includes it */
#ifndef SH_OBJ_PRIV_H
#define SH_OBJ_PRIV_H

#include <rte_ring.h>

#include "base/atom.h"
#include "base/calm.h"
#include "ctx.h"
#include "obj/obj.h"

/* a thread of this process that sleeps for a ring; lies on its stack */
struct sh_sleeper {
	struct sh_sleeper *next;
	struct rte_ring *r;
	unsigned side;
	_Atomic uint32_t *stop; /* may be NULL; see sh_ring_sleep() */
	uint32_t stop_at;
};

/*
 *   field       written by             under
 *   barrier     sh_fence_start()       before any other thread is there
 *   sleepers    threads that sleep     lock
 *   fds         open, close, stop      lock
 *   chunks      who fills pools        pool_lock, which also guards the cells of __rte_mempool_here
 *   ways        start and stop of the room to the right: a struct sh_pool_ways
 *   deaths      the listener           atomically: ends of members that were heard of
 *   left        the listener: true     what the dead were making or taking apart may be there; who makes or frees next looks
 *               who looks: false
 *   again       the listener           a timer: somebody was in the way of mending, look again; -1: nobody ever was
 *   again_ms    the listener           how long after the last time
 */
struct sh_pool_chunk;
struct rte_mempool;
struct sh_obj {
	bool barrier; /* this process takes part in membarrier(2): others can have its threads fence */
	struct sh_mtx lock;
	struct sh_sleeper *sleepers;
	struct sh_ring_fd *fds;
	struct sh_mtx pool_lock;
	struct sh_pool_chunk *chunks;
	_Atomic uint64_t ways;
	_Atomic uint32_t deaths;
	_Atomic bool left;
	_Atomic int again;
	unsigned again_ms;
};

/* the words of a public struct, which are plain there, as what base/atom.h works on */
#define SH_A32(p) ((_Atomic uint32_t *)(uintptr_t)(p))
#define SH_A64(p) ((_Atomic uint64_t *)(uintptr_t)(p))

#define SH_SIDES 2 /* 0: the producers', 1: the consumers' */
static inline struct __rte_ring_side *sh_side(struct rte_ring *r, unsigned i)
{
	return i == 0 ? &r->prod_side : &r->cons_side;
}

/* name.c: a kind of things that have names */
struct sh_named {
	const char *prefix;
	uint64_t ready;	  /* what the mark of a complete one is made of */
	size_t mark, min; /* where it is; the least length of the zone */
	/* what one that was left has beside its own zone; may be NULL */
	void (*clear_parts)(void *thing, const char *name);
};
typedef void sh_named_fn(void *thing, void *arg);
/* NULL: there is no complete one of this name. Never blocks. name may be NULL, and the rooms not started */
void *sh_named_find(const struct sh_named *k, const char *name);
/* what was found; NULL: and rte_errno says why not */
void *sh_named_found(const char *name, void *at);
/* fn for each complete one; visit: and none of them is freed meanwhile */
void sh_named_walk(const struct sh_named *k, sh_named_fn *fn, void *arg);
void sh_named_visit(const struct sh_named *k, sh_named_fn *fn, void *arg);
/* 0 and *ret, zeros but for the mark: nobody finds it until publish. EEXIST without a line, or what rte_memzone_reserve() says */
int sh_named_make(const struct sh_named *k, const char *name, size_t len, int socket, unsigned align,
		  const struct rte_memzone **ret);
void sh_named_publish(const struct sh_named *k, const struct rte_memzone *mz);
/* nobody finds it any more, and it is mine; false: it is none, or another took it first */
bool sh_named_unmake(const struct sh_named *k, const struct rte_memzone *mz, void *thing);
/* what the dead were making or taking apart goes */
void sh_named_clear(const struct sh_named *k);
/* the same of all kinds, if anybody has died since the last time */
void sh_left_clear(void);

/* make.c: what rte_ring's detour says; and the ring behind a pool's, NULL of any other */
enum { SH_NO_DETOUR, SH_WITH_DETOUR, SH_IS_DETOUR };
struct rte_ring *sh_ring_detour(struct rte_ring *r);

/*
 * pool_round.c, for who waits for its turn in a ring, which has not come since waited_ns: id is inside this side, and alive.
 * true: the ring is a pool's, and there is another way: do not wait any more. held: it is known already.
 */
bool sh_pool_hold(const struct rte_ring *r, unsigned side, sh_id_t id, uint64_t waited_ns);
bool sh_pool_held(const struct rte_ring *r, unsigned side, sh_id_t id);

/* enter.c: free the places in r that this dead member holds; how many */
unsigned sh_ring_mend(struct rte_ring *r, sh_id_t dead);

/* enter.c: inside this side, which was a dead one's: what it had begun comes to an end, or has not happened */
void sh_ring_settle(struct rte_ring *r, unsigned side);
/* one that is not proven dead may be this process */
bool sh_ring_gone(sh_id_t id);
#define SH_RING_LOOK_NS (2 * SH_NS_PER_MS) /* so often it is asked whether the one inside is gone */
#define SH_RING_NAP_NS (SH_NS_PER_MS / 10)
/* a wait of no certain length: nothing wakes it */
void sh_ring_nap(uint64_t ns);
/* a line: I have been waiting since then for the one inside */
void sh_ring_complain(const struct rte_ring *r, unsigned side, sh_id_t id, uint64_t since_ns);

/*
 * bias.c. earn, revoke: inside this side by owner. start: before other threads are in this room; forget: in a forked child.
 * From open to shut threads that end give their records back; when shut has returned none of them is at it. Of no member, which
 * a child that was not made by fork() itself is, it is forget, too.
 */
int sh_bias_start(void);
void sh_bias_open(void);
void sh_bias_shut(bool member);
void sh_bias_forget(void);
/* I have entered once more, and it is nobody's by bias: true: it is mine by bias now, and no longer by owner */
bool sh_bias_earn(struct rte_ring *r, struct __rte_ring_side *s, bool may);
/*
 * Wait until it is nobody's by bias. SETTLED: it was a dead one's who may have been inside. HELD: it still is its holder's, who
 * is inside and held up the others long enough (sh_pool_hold()); whoever comes in next has to do this again.
 */
enum sh_bias { SH_BIAS_FREE, SH_BIAS_SETTLED, SH_BIAS_HELD };
enum sh_bias sh_bias_revoke(struct rte_ring *r, unsigned side);
/* is one of this member's threads inside, by bias? */
bool sh_bias_inside(const struct __rte_ring_side *s, sh_id_t id);
/* whose it is by bias; 0: nobody's */
sh_id_t sh_bias_member(const struct __rte_ring_side *s);

/* move.c: inside this side, which was a dead one's: has its last move of tags and caches happened? Bring it to an end */
void sh_move_mend(struct rte_ring *r, unsigned side);

/* fence.c: at the start of the room, before other threads are in it */
void sh_fence_start(struct sh_obj *m);
/* a store is seen by all others long before this, fence or not: a buffer is emptied at the next interrupt at the latest */
#define SH_SEEN_NS (10 * SH_NS_PER_MS)

/* wait.c */
#define SH_WATCH_FENCE (1u << 31) /* who publishes here makes a fence; never cleared */
/*
 * Until there are elements (side 0) or room (1): 0, -ETIMEDOUT, -EINTR; -ECANCELED: *stop (may be NULL) has become stop_at,
 * and sh_sleepers_wake() was called after that.
 */
int sh_ring_sleep(struct rte_ring *r, unsigned side, uint64_t dl, _Atomic uint32_t *stop, uint32_t stop_at);
/* wake the sleepers of this process: whoever should have done it may be gone */
void sh_sleepers_wake(void);

/* ring_fd.c: an fd that tells of elements or room; 0 or -errno, -EBADF: not of these. open returns the fd. */
int sh_ring_fd_open(struct rte_ring *r, unsigned side);
int sh_ring_fd_arm(int fd);
int sh_ring_fd_close(int fd);
/* all of them; mine: not in a forked child, where their threads are not */
void sh_ring_fds_end(struct sh_obj *m, bool mine);

#endif
