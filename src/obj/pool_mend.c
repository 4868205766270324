/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_mend.c - what the dead have of a pool comes back to it
 *
 *   1  list: the dead that have something here. Who dies from now on may be inside a side, and is of the next time
 *   2  settle: nobody of the list is inside a side of the pool's ring (of a tracked pool: of any tracked ring), so what one had
 *      begun there has happened or not (move.c). I was inside myself, or took a dead one's place
 *   3  a cache of one in the list: its word is mine; an intent that is still there has happened; what is in it goes to the back
 *      end, in a tracked pool by 4; the cache is free
 *   4  tracked: each object that bears a name of the list bears mine, then goes to the back end
 *
 * A registered back end has no sides that could be settled, and calls the program's functions: 3 and 4 are done there by threads
 * of the program that come to it. See sh_pool_hear(), and README.md for what a death may lose there.
 *
 * Every step may be done again by whoever mends after the mender's death: what it had taken bears the mender's name.
 * One sweeps at a time. A name that a living process bears is never touched, and what is in a ring bears none.
 */
#include <sched.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "mem/mem.h"
#include "obj/pool.h"
#include "proc/proc.h"

#define SETTLE_NS (50 * SH_NS_PER_MS)	   /* longer than this nobody living is inside, unless it is stopped */
#define AGAIN_SETTLE_NS (2 * SH_NS_PER_MS) /* the one that was in the way before is not waited for again */
#define STARVED_NS (5 * SH_NS_PER_MS)
#define AGAIN_NS (100 * SH_NS_PER_MS) /* after a look in vain */
#define BATCH 64u

/* ---- 1 ---- */

#define DEAD 64u /* at a time; of more the rest is for the next time */
struct dead {
	uint64_t id[DEAD];
	unsigned n;
};

static bool listed(const struct dead *d, uint64_t id)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->id[i] == id)
			return true;
	return false;
}

static void list_one(struct dead *d, uint64_t id)
{
	if (!listed(d, id) && d->n < DEAD)
		d->id[d->n++] = id;
}

static void list_owner(struct rte_mempool *mp, struct sh_pool_cache *c, void *d)
{
	uint64_t who = sh_load_acq(&c->owner);

	(void)mp;
	if (who != 0 && sh_ring_gone(who))
		list_one(d, who);
}

/* objects in memory that is one process' alone come last in the list (pool_fill.c): what is dead took them along */
static bool shared(const struct rte_mempool_objhdr *hdr)
{
	return hdr != NULL && sh_mem_contains((uint64_t)(uintptr_t)hdr);
}

static void list_tags(struct rte_mempool *mp, struct dead *d)
{
	struct rte_mempool_objhdr *hdr;

	for (hdr = STAILQ_FIRST(&mp->elt_list); shared(hdr); hdr = STAILQ_NEXT(hdr, next)) {
		uint64_t who = sh_load_acq(SH_TAG(hdr + 1));

		/* no look at each object: a death that nobody has seen yet is of the next time */
		if (who != SH_TAG_POOL && who != SH_TAG_RING && who != sh_self() && !sh_member_alive(who))
			list_one(d, who);
	}
}

/* ---- 2 ---- */

/* with whom is waited, and how long for all sides together */
struct settling {
	uint64_t dl;
	bool tell; /* a line about who is in the way */
	bool ok;
};

static struct settling settling(bool again, bool tell)
{
	return (struct settling){sh_deadline(again ? AGAIN_SETTLE_NS : SETTLE_NS), tell && !again, true};
}

static void settle_side(struct rte_ring *r, unsigned side, struct settling *w)
{
	struct __rte_ring_side *s = sh_side(r, side);

	for (;;) {
		uint64_t seen = 0;

		if (sh_cas(SH_A64(&s->owner), &seen, sh_self())) { /* A:RINGOWN */
			if (s->bias != 0 && sh_ring_gone(sh_bias_member(s)))
				(void)sh_bias_revoke(r, side);
			sh_store_rel(SH_A64(&s->owner), 0); /* R:RINGOWN */
			return;
		}
		if (sh_ring_gone(seen)) {
			(void)sh_ring_mend(r, seen);
		} else if (sh_left_ns(w->dl) > 0 && !sh_pool_held(r, side, seen)) {
			sched_yield();
		} else {
			w->ok = false;
			if (w->tell)
				sh_warn("ring \"%s\": member %u (generation %u) is inside and does not go on; what a "
					"dead "
					"one had comes back to the pool later",
					r->name, sh_id_slot(seen), sh_id_gen(seen));
			return;
		}
	}
}

static void settle(struct rte_ring *r, struct settling *w)
{
	settle_side(r, 0, w);
	settle_side(r, 1, w);
}

static void settle_tracked(struct rte_ring *r, void *w)
{
	if (r->tracked == SH_TRACK_RING || r->tracked == SH_TRACK_GUESS)
		settle(r, w);
}

/* ---- 3 ---- */

struct mend {
	struct dead dead;
	unsigned n; /* objects that came back */
};

/* what is in it can be put where it belongs */
static bool sound(struct rte_mempool *mp, struct sh_pool_cache *c)
{
	const struct rte_mempool_cache *pub = sh_cache_pub(c);

	if (pub == &c->pub)
		return pub->len <= 2 * mp->cache_size; /* else somebody wrote into it: rte_mempool_audit() says so */
	return sh_pool_user_whole(mp, pub);
}

/* it is mine; what is in it goes to the back end. false: it stays mine, its back end took nothing */
static bool empty_cache(struct rte_mempool *mp, struct sh_pool_cache *c, struct mend *m)
{
	struct rte_mempool_cache *pub = sh_cache_pub(c);
	uint64_t w = sh_load_acq(&c->intent);
	uint32_t len;

	if (w != 0) { /* it has happened, or it would not be here any more */
		sh_store_rel(SH_A32(&pub->len), sh_intent_len(w));
		SH_STEP("pool_mend_len");
		sh_store_rel(&c->intent, 0);
	}
	if (!sound(mp, c))
		return pub != &c->pub; /* a program's: of another pool, or freed; it is forgotten */
	len = pub->len;
	if (sh_pool_tracks(mp)) {
		sh_store_rel(SH_A32(&pub->len), 0); /* the names of what was in it say the rest */
	} else if (len != 0) {
		sh_pool_flush(mp, pub, c);
		m->n += len;
	}
	return pub->len == 0;
}

static void mend_cache(struct rte_mempool *mp, struct sh_pool_cache *c, void *arg)
{
	const struct mend *m = arg;
	uint64_t who = sh_load_acq(&c->owner);

	if (who == 0 || !listed(&m->dead, who) || !sh_cas(&c->owner, &who, sh_self()))
		return;
	SH_STEP("pool_mend_cache");
	if (empty_cache(mp, c, arg)) {
		SH_STEP("pool_mend_emptied");
		sh_pool_release(c);
	}
}

static bool foreign(const struct rte_mempool *mp)
{
	const struct rte_mempool_ops *ops = sh_pool_ops(mp);

	return ops != NULL && !sh_pool_own_ops(ops);
}

/* a registered back end has no side of ours to settle: what a cache's len and the names say is all there is */
static void settle_pool(struct rte_mempool *mp, struct settling *w)
{
	if (foreign(mp))
		return;
	settle(mp->pool_data, w);
	settle(sh_ring_detour(mp->pool_data), w);
}

static bool mend_caches(struct rte_mempool *mp, bool again)
{
	struct mend m = {.n = 0};
	struct settling w = settling(again, true);

	sh_pool_each_cache(mp, list_owner, &m.dead);
	if (m.dead.n == 0)
		return true;
	settle_pool(mp, &w);
	if (!w.ok)
		return false;
	SH_STEP("pool_caches_settled");
	sh_pool_each_cache(mp, mend_cache, &m);
	if (m.n != 0)
		sh_info("pool \"%s\": %u objects came back from caches of the dead", mp->name, m.n);
	return true;
}

/* ---- 4 ---- */

struct sweep {
	const struct dead *dead;
	void *objs[BATCH];
	unsigned n, total, left;
};

static void give(struct rte_mempool *mp, struct sweep *s)
{
	SH_STEP("pool_sweep_batch");
	if (s->n != 0 && sh_pool_backend_put(mp, s->objs, s->n, NULL, 0) == 0)
		s->total += s->n;
	s->n = 0;
}

static bool may_take(struct rte_mempool *mp, void *obj)
{
	const struct sh_pool_ways *w = sh_pool_ways(mp);

	if (sh_load_rlx(SH_A32(&mp->__strayed)) != 0) /* relaxed: advice */
		return false;
	return (mp->flags & __RTE_MEMPOOL_F_MBUF) == 0 || (w != NULL && w->may(mp, obj));
}

static void sweep_one(struct rte_mempool *mp, void *obj, struct sweep *s)
{
	uint64_t who = sh_load_acq(SH_TAG(obj));

	if (who == SH_TAG_POOL || who == SH_TAG_RING || !listed(s->dead, who))
		return;
	if (!may_take(mp, obj)) {
		s->left++;
		return;
	}
	if (!sh_cas(SH_TAG(obj), &who, sh_self())) /* shoal_own() was faster */
		return;
	SH_STEP("pool_sweep_named");
	if (sh_pool_ways(mp) != NULL)
		sh_pool_ways(mp)->back(mp, obj);
	s->objs[s->n++] = obj;
	if (s->n == BATCH)
		give(mp, s);
}

/* one that could not go back may be able to when others have: a buffer after those that were attached to it */
static void sweep_all(struct rte_mempool *mp, struct sweep *s)
{
	struct rte_mempool_objhdr *hdr;
	unsigned before;

	do {
		before = s->total;
		s->left = 0;
		for (hdr = STAILQ_FIRST(&mp->elt_list); shared(hdr); hdr = STAILQ_NEXT(hdr, next))
			sweep_one(mp, hdr + 1, s);
		give(mp, s);
	} while (s->left != 0 && s->total != before);
}

/* false: another one is at it, who may not know of these */
static bool sweep(struct rte_mempool *mp, const struct dead *d)
{
	struct sweep s = {.dead = d};
	uint64_t who = sh_load_acq(SH_A64(&mp->__sweeper));

	if ((who != 0 && !sh_ring_gone(who)) || !sh_cas(SH_A64(&mp->__sweeper), &who, sh_self()))
		return false;
	SH_STEP("pool_sweeper");
	sweep_all(mp, &s);
	sh_store_rel(SH_A64(&mp->__sweeper), 0);
	if (s.total != 0)
		sh_info("pool \"%s\": %u objects came back that the dead had", mp->name, s.total);
	if (s.left != 0)
		sh_warn("pool \"%s\": %u objects that the dead had do not come back: others may use them", mp->name,
			s.left);
	return true;
}

/* ---- one, which somebody else lets go of last ---- */

void sh_pool_let_go(void *obj)
{
	uint64_t me = sh_self();

	if (me != 0 && sh_pool_tracks(rte_mempool_from_obj(obj)))
		(void)sh_cas(SH_TAG(obj), &me, SH_TAG_RING);
}

static bool dead_ones(uint64_t who)
{
	return who != SH_TAG_POOL && who != SH_TAG_RING && who != sh_self() && !sh_member_alive(who);
}

bool sh_pool_inherit(void *obj)
{
	struct rte_mempool *mp = rte_mempool_from_obj(obj);
	uint64_t who = sh_load_acq(SH_TAG(obj));
	struct settling w = settling(false, true);

	if (sh_self() == 0 || !dead_ones(who))
		return false;
	sh_ring_visit(settle_tracked, &w); /* the dead one's name may be on what it had not got out yet */
	who = sh_load_acq(SH_TAG(obj));
	return w.ok && dead_ones(who) && may_take(mp, obj) && sh_cas(SH_TAG(obj), &who, sh_self());
}

/* ---- all of it ---- */

static bool mendable(const struct rte_mempool *mp)
{
	return (sh_load_acq(SH_A32(&mp->flags)) & RTE_MEMPOOL_F_POOL_CREATED) != 0 && /* A:POOLMADE */
	       sh_self() != 0 && sh_pool_ops(mp) != NULL;
}

/*
 * Sides are settled also if nobody of the dead has a name on anything: one may have died between its last name and its tail.
 * Then whoever lives in one is in nobody's way.
 */
static bool mend_hands(struct rte_mempool *mp, bool again)
{
	struct dead dead = {.n = 0};
	struct settling w;

	list_tags(mp, &dead);
	w = settling(again, dead.n != 0);
	sh_ring_visit(settle_tracked, &w);
	settle_pool(mp, &w);
	if (dead.n == 0)
		return true;
	if (!w.ok)
		return false;
	SH_STEP("pool_tags_settled");
	return sweep(mp, &dead);
}

/* false: somebody is in the way, what is left is for another time */
static bool mend_pool(struct rte_mempool *mp, bool all, bool again)
{
	if (!mendable(mp))
		return true;
	return mend_caches(mp, again) && (!all || !sh_pool_tracks(mp) || mend_hands(mp, again));
}

struct pass {
	bool all, again, ok;
};

/* a program's functions are called in its own calls alone, never here: sh_pool_hear() */
static void mend_one(struct rte_mempool *mp, void *arg)
{
	struct pass *p = arg;

	if (!foreign(mp) && !mend_pool(mp, p->all, p->again))
		p->ok = false;
}

bool sh_pools_mend(bool all, bool again)
{
	struct pass p = {all, again, true};

	sh_pool_visit(mend_one, &p);
	return p.ok;
}

/* ---- by those who use it ---- */

/* who gets is none that may put, if only one at a time may */
static bool may_put(const struct rte_mempool *mp)
{
	return (mp->flags & RTE_MEMPOOL_F_SP_PUT) == 0;
}

/* all of it, if it was not looked since the last death, or in vain: was is what deaths said then */
static void mend_for(struct rte_mempool *mp, struct __rte_mempool_here *h, uint64_t deaths, uint64_t was, bool again)
{
	if (mend_pool(mp, was != deaths, again))
		return;
	sh_store_rlx(SH_A64(&h->due), sh_now_ns() + AGAIN_NS); /* relaxed: of several threads one looks, or two */
	sh_store_rlx(SH_A64(&h->deaths), UINT64_MAX);	       /* relaxed: as above */
}

void sh_pool_hear(struct rte_mempool *mp, struct __rte_mempool_here *h, bool put)
{
	uint64_t deaths = sh_load_acq(&sh_ctx.obj->deaths), was = sh_load_rlx(SH_A64(&h->deaths)), due;

	if (was == deaths || !(put || may_put(mp))) /* relaxed: the exchange decides */
		return;
	due = was == UINT64_MAX ? sh_load_rlx(SH_A64(&h->due)) : 0; /* relaxed: as above */
	if (due > sh_now_ns())
		return;
	was = sh_xchg(SH_A64(&h->deaths), deaths);
	if (was != deaths)
		mend_for(mp, h, deaths, was, due != 0);
}

bool sh_pool_starved(struct rte_mempool *mp)
{
	struct __rte_mempool_here *h;
	uint64_t now = sh_now_ns(), due, deaths, was;

	if (sh_ctx.obj == NULL || !mendable(mp) || (foreign(mp) && !may_put(mp)))
		return false;
	h = sh_pool_here(mp);
	if (h == NULL)
		return false;
	due = sh_load_rlx(SH_A64(&h->due)); /* relaxed: of several threads one looks */
	if (now < due || !sh_cas(SH_A64(&h->due), &due, now + STARVED_NS))
		return false;
	deaths = sh_load_acq(&sh_ctx.obj->deaths);
	was = sh_xchg(SH_A64(&h->deaths), deaths);
	mend_for(mp, h, deaths, was, was == UINT64_MAX && due != 0);
	return rte_mempool_ops_get_count(mp) != 0;
}

/* ---- leaving ---- */

static void leave_cache(struct rte_mempool *mp, struct sh_pool_cache *c, void *arg)
{
	struct rte_mempool_cache *pub = sh_cache_pub(c);

	(void)arg;
	if (sh_load_acq(&c->owner) != sh_self())
		return;
	if (pub->len != 0 && sound(mp, c))
		sh_pool_flush(mp, pub, c);
	if (pub->len == 0 || pub != &c->pub)
		sh_pool_release(c);
}

static void leave_one(struct rte_mempool *mp, void *arg)
{
	if ((sh_load_acq(SH_A32(&mp->flags)) & RTE_MEMPOOL_F_POOL_CREATED) != 0) /* A:POOLMADE */
		sh_pool_each_cache(mp, leave_cache, arg);
}

void sh_pools_leave(void)
{
	sh_pool_walk(leave_one, NULL);
}
