/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_round.c - round about a process that is stopped inside the ring of a pool
 *
 * Nobody can take a side of a ring from a living process: stopped for an hour, it stores its tail then. So each pool of the
 * library's back ends has two rings (or two stacks) of the same size: the ring, by which all goes as long as nothing is the
 * matter, and the detour behind it, with a reserve: an eighth of the objects, of few a quarter. An object is in one of the two, may be in
 * either: whoever takes the other way than somebody else has done nothing wrong. So all words here but the rings themselves
 * are hints, which say how not to wait; what they say too late or too long costs a while, and the next one puts it right.
 *
 *   __held     [ring, detour][side]: this member was waited for in vain. It is stopped, or so slow as if it was. AWAITED: also by
 *              one that had no other way, for long
 *   __plain    PLAIN: the ring alone, and no tags: known when the back end is made. HELD(...): __held says something there.
 *              UNEVEN: the detour has not its reserve, or more. PLAIN alone: what is inlined into programs goes the shortest way
 *
 *   found out   who waits for its turn asks after 2 ms whether the one inside is stopped, or waits for 20 ms: held = it;
 *               __plain gets HELD; it gives up (enter.c, bias.c). Those after it come here, by what __plain says, or when they
 *               find the side taken by that one: nobody waits 2 ms for it again
 *   meanwhile   puts go to the detour, and gets, as long as it has enough: what is in the ring stays there. If only its
 *               producers are held up it helps out. What is out of reach is counted all the same, but who needs it gets -ENOBUFS
 *   over        whoever comes here looks at the side: that one has left, or died and was mended: held = 0, HELD goes
 *   uneven      the ring has too few, and the detour helps out; or it was in use for a while. Then puts go there until it has
 *               its reserve, but no more than the ring has, or gets take from there what it has beyond. So nobody carries
 *               anything from one to the other
 *
 * A get that neither of the two has enough for takes some from each: what it has of the first then is in its hands. It goes back
 * if the other was taken meanwhile.
 *
 * Both held up, by two: a put waits, as there is nothing else to do with what is put, and the log names one of them.
 *
 *   who dies           others see
 *   held is set        HELD is set by the next who comes here
 *   held is 0 again    HELD goes with the next who comes here
 *   with some in hand  as any other object in a dead one's hands
 *   before UNEVEN      the detour stays short until the next one takes from it
 */
#include <errno.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "obj/pool.h"
#include "proc/proc.h"
#include "proc/region.h"

#define UNEVEN 2u
#define HELD(d, side) (4u << ((d)*2 + (side)))
#define HELD_ANY(d) (HELD(d, 0) | HELD(d, 1))
#define RING 0u /* values of d */
#define DETOUR 1u

#define AWAITED (1ull << 63)
#define SLOW_NS (20 * SH_NS_PER_MS)
#define LONG_NS SH_NS_PER_S
#define ASK_MS 2u
#define TRIES 8u

static struct rte_ring *ring_of(const struct rte_mempool *mp, unsigned d)
{
	return d == RING ? mp->pool_data : sh_ring_detour(mp->pool_data);
}

static unsigned which(const struct rte_ring *r)
{
	return r->detour == SH_IS_DETOUR ? DETOUR : RING;
}

static struct rte_mempool *pool_of(const struct rte_ring *r)
{
	return (struct rte_mempool *)(uintptr_t)r->pool;
}

static uint32_t plain(const struct rte_mempool *mp)
{
	return sh_load_acq(SH_A32(&mp->__plain)); /* A:POOLPLAIN */
}

static void set(struct rte_mempool *mp, uint32_t bits)
{
	if ((plain(mp) & bits) != bits)
		(void)sh_or(SH_A32(&mp->__plain), bits); /* R:POOLPLAIN */
}

static void unset(struct rte_mempool *mp, uint32_t bits)
{
	if ((plain(mp) & bits) != 0)
		(void)sh_and(SH_A32(&mp->__plain), ~bits); /* R:POOLPLAIN */
}

static _Atomic uint64_t *held_at(const struct rte_mempool *mp, unsigned d, unsigned side)
{
	return SH_A64(&mp->__held[d][side]);
}

/* ---- found out ---- */

bool sh_pool_held(const struct rte_ring *r, unsigned side, sh_id_t id)
{
	return r->detour != SH_NO_DETOUR && id != 0 &&
	       (sh_load_acq(held_at(pool_of(r), which(r), side)) & ~AWAITED) == id;
}

static void say_held(const struct rte_ring *r, unsigned side, sh_id_t id, const char *how)
{
	const struct sh_region *g = sh_region();

	sh_log_rate(
		SH_WARN,
		"ring \"%s\": member %u (generation %u, pid %u) %s inside the side of the %s: the others go round it; "
		"let it go on (kill -CONT) or end it",
		r->name, sh_id_slot(id), sh_id_gen(id),
		g != NULL && sh_id_slot(id) < SH_MEMBERS ? g->members[sh_id_slot(id)].pid : 0, how,
		side == 0 ? "producers" : "consumers");
}

bool sh_pool_hold(const struct rte_ring *r, unsigned side, sh_id_t id, uint64_t waited_ns)
{
	_Atomic uint64_t *held;
	uint64_t was;
	bool stopped;

	if (r->detour == SH_NO_DETOUR)
		return false;
	if (sh_pool_held(r, side, id))
		return true;
	held = held_at(pool_of(r), which(r), side);
	was = sh_load_acq(held);
	stopped = sh_member_stopped(id);
	if ((!stopped && waited_ns < SLOW_NS) || !sh_cas(held, &was, id))
		return false;
	SH_STEP("round_held");
	set(pool_of(r), HELD(which(r), side));
	SH_STEP("round_told");
	if (stopped)
		say_held(r, side, id, "is stopped");
	return true;
}

/* ---- is it over? ---- */

static bool inside(struct rte_ring *r, unsigned side, sh_id_t id)
{
	const struct __rte_ring_side *s = sh_side(r, side);

	return sh_load_acq(SH_A64(&s->owner)) == id || sh_bias_inside(s, id); /* A:RINGOWN */
}

/* once in a while, by one of all: it may be dead, and nobody waits for it who would find out */
static bool time_to_ask(struct rte_mempool *mp)
{
	uint32_t now = (uint32_t)(sh_now_ns() / SH_NS_PER_MS);
	uint32_t was = sh_load_rlx(SH_A32(&mp->__asked)); /* relaxed: advice */

	return now - was >= ASK_MS && sh_cas(SH_A32(&mp->__asked), &was, now);
}

static void look_at(struct rte_mempool *mp, unsigned d, unsigned side, bool ask)
{
	struct rte_ring *r = ring_of(mp, d);
	uint64_t held = sh_load_acq(held_at(mp, d, side));
	sh_id_t id = held & ~AWAITED;

	if (held != 0 && ask && inside(r, side, id) && sh_ring_gone(id))
		(void)sh_ring_mend(r, id);
	if (held != 0 && inside(r, side, id)) {
		set(mp, HELD(d, side));
		return;
	}
	if (held != 0) {
		(void)sh_cas(held_at(mp, d, side), &held,
			     0); /* else another one is, by now: that is seen the next time */
		SH_STEP("round_over");
		set(mp, UNEVEN);
	}
	unset(mp, HELD(d, side));
}

/* what is held up at this moment: bits of __plain */
static uint32_t look(struct rte_mempool *mp)
{
	bool ask = (plain(mp) & (HELD_ANY(RING) | HELD_ANY(DETOUR))) != 0 && time_to_ask(mp);

	for (unsigned d = RING; d <= DETOUR; d++)
		for (unsigned side = 0; side < SH_SIDES; side++)
			look_at(mp, d, side, ask);
	return plain(mp);
}

/* ---- how many, and where ---- */

static unsigned count(const struct rte_mempool *mp, unsigned d)
{
	return rte_ring_count(ring_of(mp, d));
}

unsigned sh_pool_round_count(const struct rte_mempool *mp)
{
	return count(mp, RING) + count(mp, DETOUR);
}

/*
 * Of n objects. Not more of many: slots of the ring that are empty for long are in nobody's nearest cache when they are written. With
 * a quarter of 16 thousand packets one that went from process to process cost 70 cycles, with an eighth 47.
 */
static unsigned share_of(unsigned n)
{
	return RTE_MIN(n / 4, RTE_MAX(n / 8, 1024u));
}

static unsigned reserve(const struct rte_mempool *mp)
{
	return share_of(mp->populated_size);
}

/* the detour has become less */
static void helped_out(struct rte_mempool *mp)
{
	SH_STEP("round_helped");
	if (count(mp, DETOUR) < reserve(mp))
		set(mp, UNEVEN);
}

/* n come or go: by the detour, so that it is nearer to its reserve then? */
static bool evens(struct rte_mempool *mp, unsigned n, bool come)
{
	unsigned ring = count(mp, RING), detour = count(mp, DETOUR), most = reserve(mp);

	if (detour >= most && detour < most + n + 1) /* it is near enough */
		unset(mp, UNEVEN);
	if (come)
		return detour < most && detour + n <= ring;
	return detour >= n + (ring < most ? ring : most);
}

/* ---- put ---- */

static bool in(struct rte_mempool *mp, unsigned d, void *const *objs, unsigned n, struct sh_pool_cache *c, uint32_t len)
{
	struct rte_ring *r = ring_of(mp, d);

	return (sh_pool_is_stack(r) ? sh_push(r, objs, n, c, len)
				    : sh_move_in(r, objs, n, RTE_RING_QUEUE_FIXED, NULL, c, len)) != 0;
}

/* where n are put; 2: nowhere, now */
static unsigned way_in(struct rte_mempool *mp, uint32_t w, unsigned n)
{
	bool ring = (w & HELD(RING, 0)) == 0, detour = (w & HELD(DETOUR, 0)) == 0;

	if (!ring || !detour)
		return ring ? RING : detour ? DETOUR : 2;
	/* what comes in here shall come out */
	if ((w & HELD(DETOUR, 1)) != 0)
		return RING;
	if ((w & HELD(RING, 1)) != 0)
		return DETOUR;
	return (w & UNEVEN) != 0 && evens(mp, n, true) ? DETOUR : RING;
}

/* a while; *since: 0 the first time. How long it has been */
static uint64_t wait_more(uint64_t *since)
{
	if (*since == 0)
		*since = sh_now_ns();
	sh_ring_nap(SH_RING_NAP_NS);
	return sh_now_ns() - *since;
}

/* both are held up: there is nothing else to do with what is put */
static void wait_to_put(struct rte_mempool *mp, uint64_t *since, uint64_t *line_ns)
{
	sh_id_t id = sh_load_acq(held_at(mp, RING, 0)) & ~AWAITED;

	if (wait_more(since) < *line_ns || id == 0)
		return;
	sh_ring_complain(mp->pool_data, 0, id, *since);
	*line_ns *= 4;
}

int sh_pool_round_put(struct rte_mempool *mp, void *const *objs, unsigned n, struct sh_pool_cache *c, uint32_t len)
{
	uint64_t since = 0, line_ns = LONG_NS;
	unsigned d;

	while (sh_self() != 0) {
		d = way_in(mp, look(mp), n);
		if (d > DETOUR) {
			wait_to_put(mp, &since, &line_ns);
			continue;
		}
		if (in(mp, d, objs, n, c, len))
			return 0;
		/* else somebody holds up that side since I looked */
		if (n > rte_ring_free_count(ring_of(mp, d)))
			return -ENOBUFS;
	}
	return -EPERM;
}

/* the last objects are the reserve, so that who takes all of a new pool has them in the order they came in */
void sh_pool_round_fill(struct rte_mempool *mp, void *obj)
{
	const struct rte_mempool_ops *ops = sh_pool_ops(mp);

	if (ops != NULL && sh_pool_own_ops(ops) && mp->populated_size > mp->size - share_of(mp->size) &&
	    in(mp, DETOUR, &obj, 1, NULL, 0))
		return;
	(void)rte_mempool_ops_enqueue_bulk(mp, &obj, 1);
}

void sh_pool_round_filled(struct rte_mempool *mp)
{
	const struct rte_mempool_ops *ops = sh_pool_ops(mp);

	if (ops != NULL && sh_pool_own_ops(ops))
		helped_out(mp);
}

/* ---- get ---- */

static bool out(struct rte_mempool *mp, unsigned d, void **objs, unsigned n, struct sh_pool_cache *c, uint32_t len)
{
	struct rte_ring *r = ring_of(mp, d);

	/* first seen from outside: who enters in vain is in others' way */
	if (rte_ring_count(r) < n)
		return false;
	return (sh_pool_is_stack(r) ? sh_pop(r, objs, n, c, len)
				    : sh_move_out(r, objs, n, RTE_RING_QUEUE_FIXED, NULL, c, len)) != 0;
}

static bool some_of_each(struct rte_mempool *mp, void **objs, unsigned n)
{
	unsigned first = count(mp, RING);

	if (first == 0 || first >= n || count(mp, DETOUR) < n - first || !out(mp, RING, objs, first, NULL, 0))
		return false;
	SH_STEP("round_some");
	if (out(mp, DETOUR, objs + first, n - first, NULL, 0))
		return true;
	(void)sh_pool_round_put(mp, objs, first, NULL, 0);
	return false;
}

static unsigned side_out(const struct rte_mempool *mp)
{
	return sh_pool_is_stack(mp->pool_data) ? 0 : 1;
}

/* by the ways that nobody holds up; w: bits of __plain */
static bool out_by(struct rte_mempool *mp, uint32_t w, void **objs, unsigned n, struct sh_pool_cache *c, uint32_t len,
		   bool fill)
{
	unsigned side = side_out(mp), first = RING;
	bool clear[2] = {(w & HELD(RING, side)) == 0, (w & HELD(DETOUR, side)) == 0};

	if ((w & HELD_ANY(RING)) != 0 || ((w & UNEVEN) != 0 && evens(mp, n, false)))
		first = DETOUR;
	if (!(clear[first] && out(mp, first, objs, n, c, len)) &&
	    !(clear[1 - first] && out(mp, 1 - first, objs, n, c, len)) &&
	    !(!fill && clear[RING] && clear[DETOUR] && some_of_each(mp, objs, n)))
		return false;
	helped_out(mp);
	return true;
}

/* how many can be had now, of one place or both */
static unsigned in_reach(struct rte_mempool *mp, uint32_t w)
{
	unsigned side = side_out(mp), n = 0;

	for (unsigned d = RING; d <= DETOUR; d++)
		n += (w & HELD(d, side)) == 0 ? count(mp, d) : 0;
	return n;
}

/*
 * What is out of reach is behind one that may soon be through: it is not stopped, or not any more; or it is dead, and was mended
 * just now. late: it has taken long enough.
 */
static bool worth_waiting(struct rte_mempool *mp, bool late)
{
	unsigned side = side_out(mp);
	bool worth = false;

	for (unsigned d = RING; d <= DETOUR; d++) {
		uint64_t held = sh_load_acq(held_at(mp, d, side));
		sh_id_t id = held & ~AWAITED;

		if (held == 0)
			continue;
		if (sh_ring_gone(id))
			worth |= sh_ring_mend(ring_of(mp, d), id) != 0;
		else if (held != id || sh_member_stopped(id))
			continue;
		else if (!late)
			worth = true;
		else if (sh_cas(held_at(mp, d, side), &held, id | AWAITED))
			say_held(ring_of(mp, d), side, id, "does not come on");
	}
	return worth;
}

int sh_pool_round_get(struct rte_mempool *mp, void **objs, unsigned n, struct sh_pool_cache *c, uint32_t len, bool fill)
{
	uint64_t since = 0, waited = 0;
	unsigned tries = 0;

	while (sh_self() != 0) {
		if (out_by(mp, look(mp), objs, n, c, len, fill))
			return 0;
		if (fill)
			return -ENOBUFS;
		/* once more: who came too late for some, or found a side held up just now */
		if (in_reach(mp, look(mp)) >= n && tries++ < TRIES)
			continue;
		if (sh_pool_round_count(mp) < n || !worth_waiting(mp, waited >= LONG_NS))
			return -ENOBUFS;
		waited = wait_more(&since);
		tries = 0;
	}
	return -EPERM;
}
