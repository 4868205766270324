/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf_ext.c - external buffers: freed by a function that one process knows, its home
 *
 * Who lets go of the last reference elsewhere leaves an order for the home, in shared memory, and rings; it waits for nobody. The
 * home's internal thread hears that, and its thread for callbacks takes all orders and calls. One that is stopped does so when it
 * goes on. Nothing of a program's runs on a thread that mends.
 *
 *   word                    written by
 *   head[slot], free        a number that goes up with each change << 32 | the first order's number + 1, 0: none. CAS: whoever puts
 *                           one in; head: whoever takes all of them (the home; of one that is dead, who has an order for that slot)
 *   chunk[k]                CAS 0 -> where its orders lie: who made its memzone
 *   an order                who took it from free, until it is in head; then who took it from there
 *
 * dies                              others see
 * before chunk[k] is stored         a memzone without use; the next number is taken
 * before its orders are in free     none of them
 * with an order in its hands        that order is used no more; its buffer stays allocated, as if it had died just before
 * the order is in head, not rung    whoever has the next order for that home rings
 * the home, orders in head          they are thrown away by the next one who has an order for that slot, with a line each
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/later.h"
#include "base/log.h"
#include "chan/internal.h"
#include "mem/mem.h"
#include "pkt/mbuf.h"
#include "pkt/priv.h"
#include "proc/proc.h"

#define ZONE "EXT_ORDERS"
#define CHUNK                                                                                                          \
	4096u /* orders of the first memzone; each has twice as many as the one before: memory alone is the limit */
#define CHUNKS 19u
#define WAIT_NS (100 * SH_NS_PER_MS) /* without memory for more: so long somebody may be about to give one back */
#define RING_NS (10 * SH_NS_PER_MS)  /* a home that has orders is rung again, lest who rang first died before it did */

struct order {
	_Atomic uint32_t next; /* as the lower half of head */
	sh_id_t home;
	struct rte_mbuf_ext_shared_info *s;
	void *addr;
};

struct sh_ext_table {
	_Atomic uint64_t free;
	_Atomic uint64_t chunk[CHUNKS]; /* an address, the same in all processes */
	_Atomic uint64_t head[SH_MEMBERS];
};

static sh_id_t home_of(const struct rte_mbuf_ext_shared_info *s)
{
	if (s->__home_gen == 0 || s->__home_check != __rte_mbuf_home_check(s))
		return 0;
	return SH_ID(s->__home_slot, s->__home_gen);
}

static void lost(const struct rte_mbuf_ext_shared_info *s, const void *addr, const char *why)
{
	sh_id_t home = home_of(s);

	sh_log_rate(SH_WARN, "external buffer %p of member %u (generation %u) stays allocated: %s", addr,
		    sh_id_slot(home), sh_id_gen(home), why);
}

/* ---- orders ---- */

static struct sh_ext_table *table(bool make)
{
	const struct rte_memzone *mz;
	struct sh_ext_table *t;

	if (sh_ctx.pkt == NULL)
		return NULL;
	t = (struct sh_ext_table *)(uintptr_t)sh_load_acq(&sh_ctx.pkt->ext); /* A:EXTAT */
	if (t != NULL)
		return t;
	mz = sh_zone_lookup(ZONE);
	if (mz == NULL && make) {
		struct sh_zone_ask ask = {.name = ZONE,
					  .len = RTE_ALIGN_CEIL(sizeof(*t), SH_LINE),
					  .align = SH_LINE,
					  .socket = SOCKET_ID_ANY};

		if (sh_zone_reserve(&ask, &mz) < 0)
			mz = sh_zone_lookup(ZONE); /* somebody else was faster */
	}
	if (mz == NULL || mz->len < sizeof(*t))
		return NULL;
	t = mz->addr;
	sh_store_rel(&sh_ctx.pkt->ext, (uint64_t)(uintptr_t)t); /* R:EXTAT */
	return t;
}

static uint32_t orders_in(unsigned k)
{
	return CHUNK << k;
}

/* of the first order of chunk k; one more is its number */
static uint32_t first_of(unsigned k)
{
	return orders_in(k) - CHUNK;
}

/* NULL: not the number of an order */
static struct order *order_of(struct sh_ext_table *t, uint32_t ref)
{
	unsigned k;
	uint64_t at;

	if (ref == 0 || ref > first_of(CHUNKS))
		return NULL;
	k = 31 - (unsigned)__builtin_clz((ref - 1) / CHUNK + 1);
	at = sh_load_acq(&t->chunk[k]); /* A:EXTCHUNK */
	return at != 0 ? (struct order *)(uintptr_t)at + (ref - 1 - first_of(k)) : NULL;
}

#define REF(word) ((uint32_t)(word))
#define NEXT_WORD(word, ref) (((word) >> 32) + 1) << 32 | (ref)

/* first .. last, which hang together; true: there was none */
static bool push(_Atomic uint64_t *at, uint32_t first, struct order *last)
{
	uint64_t word = sh_load_acq(at); /* A:EXTLIST */

	sh_shm_release(sh_region()); /* an order may come back to this process by way of others */
	do
		sh_store_rlx(&last->next, REF(word));	    /* relaxed: before the CAS */
	while (!sh_cas(at, &word, NEXT_WORD(word, first))); /* R:EXTLIST */
	return REF(word) == 0;
}

static uint32_t take_all(_Atomic uint64_t *at)
{
	uint64_t word = sh_load_acq(at); /* A:EXTLIST */

	while (REF(word) != 0 && !sh_cas(at, &word, NEXT_WORD(word, 0u))) /* A:EXTLIST */
		;
	sh_shm_acquire(sh_region());
	return REF(word);
}

/* a chunk of orders more: true, also if somebody else has made it */
static bool grow(struct sh_ext_table *t)
{
	for (unsigned k = 0; k < CHUNKS; k++) {
		char name[RTE_MEMZONE_NAMESIZE];
		struct sh_zone_ask ask = {.name = name,
					  .len = orders_in(k) * sizeof(struct order),
					  .align = SH_LINE,
					  .socket = SOCKET_ID_ANY};
		const struct rte_memzone *mz;
		uint64_t none = 0;
		struct order *o;
		int r;

		if (sh_load_acq(&t->chunk[k]) != 0) /* A:EXTCHUNK */
			continue;
		(void)snprintf(name, sizeof(name), ZONE "_%u", k);
		r = sh_zone_reserve(&ask, &mz);
		if (r == -EEXIST) /* somebody makes it, or died there */
			continue;
		if (r < 0)
			return false;
		o = mz->addr;
		for (uint32_t i = 0; i < orders_in(k); i++)
			sh_store_rlx(&o[i].next,
				     i + 1 < orders_in(k) ? first_of(k) + i + 2 : 0); /* relaxed: before the CAS */
		SH_STEP("ext_chunk_there");
		if (!sh_cas(&t->chunk[k], &none, (uint64_t)(uintptr_t)o)) /* R:EXTCHUNK */
			return false;
		(void)push(&t->free, first_of(k) + 1, &o[orders_in(k) - 1]);
		return true;
	}
	return false;
}

/* its number; 0: none is left */
static uint32_t order_get(struct sh_ext_table *t)
{
	uint64_t word = sh_load_acq(&t->free); /* A:EXTLIST */

	for (;;) {
		struct order *o = order_of(t, REF(word));

		if (o == NULL) {
			if (REF(word) != 0 || !grow(t))
				return 0;
			word = sh_load_acq(&t->free);					      /* A:EXTLIST */
		} else if (sh_cas(&t->free, &word, NEXT_WORD(word, sh_load_rlx(&o->next)))) { /* A:EXTLIST; relaxed: the
												CAS fails if it changed */
			sh_shm_acquire(sh_region());
			return (uint32_t)(REF(word));
		}
	}
}

/* the same; without memory it waits a little for the homes, which give some back */
static uint32_t order_wait(struct sh_ext_table *t)
{
	uint32_t ref = order_get(t);

	for (uint64_t dl = sh_deadline(WAIT_NS); ref == 0 && sh_left_ns(dl) > 0; ref = order_get(t))
		sched_yield();
	return ref;
}

static void order_put(struct sh_ext_table *t, uint32_t ref)
{
	(void)push(&t->free, ref, order_of(t, ref));
}

/* ---- at home ---- */

/* what an order says is checked: it lay where others can write */
static void carry_out(const struct order *o)
{
	if (!sh_mem_contains((uint64_t)(uintptr_t)o->s) || rte_mbuf_ext_refcnt_read(o->s) != 0 ||
	    home_of(o->s) != sh_self() || o->s->free_cb == NULL)
		return;
	o->s->free_cb(o->addr, o->s->fcb_opaque);
}

static void nudge(sh_id_t home)
{
	sh_store_rlx(&sh_ctx.pkt->ext_rung_ns, sh_now_ns()); /* relaxed: a time, nothing hangs on it */
	sh_internal_nudge(home, SH_SVC_MBUF);
}

/* an order that was taken from the list of that slot: mine, a dead one's, or one that came to who has the slot now */
static void settle(struct sh_ext_table *t, uint32_t ref, unsigned slot)
{
	struct order *o = order_of(t, ref), was = {.home = o->home, .s = o->s, .addr = o->addr};

	if (was.home != sh_self() && sh_id_slot(was.home) == slot && sh_member_alive(was.home)) {
		if (push(&t->head[slot], ref, o))
			nudge(was.home);
		return;
	}
	order_put(t, ref);
	if (was.home == sh_self())
		carry_out(&was);
	else if (sh_mem_contains((uint64_t)(uintptr_t)was.s))
		lost(was.s, was.addr, "that process is gone, and knew how to free it");
}

static void settle_all(struct sh_ext_table *t, unsigned slot)
{
	uint32_t ref = take_all(&t->head[slot]), first = 0, next, n = 0;

	for (struct order *o; (o = order_of(t, ref)) != NULL && n++ < first_of(CHUNKS);
	     ref = next) {		       /* the last one is in front: turned round */
		next = sh_load_rlx(&o->next);  /* relaxed: it is mine, by an acquire */
		sh_store_rlx(&o->next, first); /* relaxed: as above */
		first = ref;
	}
	for (; first != 0; first = next) {
		next = sh_load_rlx(&order_of(t, first)->next); /* relaxed: as above */
		settle(t, first, slot);
	}
}

/* on the thread for callbacks */
static void on_orders(void *arg, uint64_t n)
{
	struct sh_ext_table *t = table(false);

	(void)arg;
	(void)n;
	if (t != NULL && sh_self() != 0)
		settle_all(t, sh_id_slot(sh_self()));
}

/* on the internal thread: somebody rang */
static int serve(void *arg, sh_id_t from, const void *data, size_t len)
{
	struct sh_ext_table *t = table(false);

	(void)arg;
	(void)from;
	(void)len;
	if (data != NULL)
		return EINVAL;
	if (t != NULL && REF(sh_load_acq(&t->head[sh_id_slot(sh_self())])) != 0 && /* A:EXTLIST */
	    sh_later(SH_LATER_CALL, on_orders, NULL, 0) == -ENOMEM) /* in rte_eal_cleanup(): sh_ext_stop() */
		sh_log_rate(SH_WARN,
			    "external buffers of this process that others have let go of stay allocated for now: %s",
			    "no memory for a call to free them");
	return 0;
}

/* ---- elsewhere ---- */

static void leave_order(sh_id_t home, struct rte_mbuf_ext_shared_info *s, void *addr)
{
	struct sh_ext_table *t = table(true);
	unsigned slot = sh_id_slot(home);
	struct order *o;
	uint32_t ref;

	ref = t != NULL ? order_wait(t) : 0;
	o = t != NULL ? order_of(t, ref) : NULL;
	if (o == NULL) {
		lost(s, addr, "no memory for a call to free it");
		return;
	}
	o->home = home;
	o->s = s;
	o->addr = addr;
	SH_STEP("ext_order_filled");
	if (push(&t->head[slot], ref, o) ||
	    sh_now_ns() - sh_load_rlx(&sh_ctx.pkt->ext_rung_ns) > RING_NS) { /* relaxed: a time, nothing hangs on it */
		SH_STEP("ext_handed_over");
		nudge(home);
	}
	if (!sh_member_alive(home))
		settle_all(t, slot);
}

void sh_ext_free(struct rte_mbuf_ext_shared_info *s, void *addr)
{
	sh_id_t home = home_of(s);
	struct sh_ext_table *t;

	if (home == 0 || home == sh_self()) {
		if (s->free_cb != NULL)
			s->free_cb(addr, s->fcb_opaque);
	} else if (sh_self() != 0 && sh_id_slot(home) < SH_MEMBERS && sh_member_alive(home) &&
		   sh_mem_contains((uint64_t)(uintptr_t)s)) {
		leave_order(home, s, addr);
	} else {
		t = sh_self() != 0 && sh_id_slot(home) < SH_MEMBERS ? table(false) : NULL;
		if (t != NULL && REF(sh_load_acq(&t->head[sh_id_slot(home)])) != 0) /* A:EXTLIST */
			settle_all(t, sh_id_slot(home));
		lost(s, addr, "that process is gone, and knew how to free it");
	}
}

struct call {
	struct rte_mbuf_ext_shared_info *s;
	void *addr;
};

static void run(void *arg, uint64_t n)
{
	struct call *c = arg;

	(void)n;
	sh_ext_free(c->s, c->addr);
	free(c);
}

void sh_ext_free_later(struct rte_mbuf_ext_shared_info *s, void *addr)
{
	struct call *c = malloc(sizeof(*c));
	int r = -ENOMEM;

	if (c != NULL) {
		*c = (struct call){s, addr};
		r = sh_later(SH_LATER_CALL, run, c, 0);
	}
	if (r < 0) {
		free(c);
		lost(s, addr,
		     r == -ENODEV ? "this process is inside rte_eal_cleanup()" : "no memory for a call to free it");
	}
}

/* ---- start, stop ---- */

void sh_ext_start(void)
{
	sh_internal_serve(SH_SVC_MBUF, serve, NULL);
}

void sh_ext_stop(void)
{
	if (sh_self() == 0)
		return;
	sh_internal_serve(SH_SVC_MBUF, NULL, NULL);
	sh_later_flush(SH_LATER_CALL); /* the calls that it has asked for */
	on_orders(NULL, 0);
}
