/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bias.c - a side of a ring that one thread uses for long costs it no locked instruction
 *
 * Whoever enters by owner (enter.c) counts how often in a row it was the same thread; after patience times it is given the
 * bias: s->bias = its name. From then on it enters and leaves by stores to its own record, which lies in the group's memory:
 *
 *   holder   record.at = s; is bias still my name? inside. Leaves by record.at = 0
 *   others   owner = me by CAS, as ever; bias is somebody's name: bias = name | REVOKED; a fence in every thread that runs
 *            (membarrier(2)); wait until record.at is not s, or the holder is proven dead; bias = 0; inside
 *
 * The kernel's fence falls somewhere into what the holder does. Before its look at bias: it sees REVOKED and does not enter.
 * After: record.at was stored before, and the other sees it. A holder that is stopped outside does not matter; one that is
 * stopped inside holds up the others as one does that entered by owner.
 *
 *   record.taken     CAS: a thread of the slot's member takes the record; 0 when it ends. Of an earlier member: free
 *   record.name, at  its thread
 *   a side's bias, last, since, streak, patience   who is inside by owner
 *
 * A name is never another thread's at the same time, and a thread that ends is inside of nothing, so the next one to take its
 * record may have its name and what is biased to it. When a slot has a new member the old names are gone from its records:
 * then the holder was dead, and whether inside is not known. Mending does no harm to a side that needs none.
 *
 * A thread that ends while the room stops gives its record back before, or not at all (base/door.h): then it is of an earlier
 * member. A next life of the process may have the same id, so its start takes all names away that threads still have.
 *
 * The fence may be refused (fence.c). While a member lives that may not have others fence, nobody is given a bias; it waits for
 * SH_SEEN_NS when it meets one that was given before.
 *
 * Whoever waits for a holder inside a ring of a pool may go another way (pool_round.c): it leaves bias REVOKED and lets go of
 * owner, and the next to come in does all of this again, the holder's threads among them. test/model/ring_bias.pml, GIVE_UP.
 *
 * Taking the bias back costs some microseconds: who loses it within a millisecond of having got it has to wait twice as long
 * for it the next time, who keeps it for longer half as long.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "base/clock.h"
#include "base/door.h"
#include "base/export.h"
#include "base/fault.h"
#include "base/futex.h"
#include "base/mtx.h"
#include "obj/priv.h"
#include "proc/proc.h"
#include "proc/region.h"

#define REVOKED (1ull << 63)
#define NOBODY 1u /* the name of a thread that has no record */
#define PATIENCE 64u
#define PATIENCE_MOST (1u << 20)
#define SHORT_NS SH_NS_PER_MS
#define LOOKS 64u

struct record {
	_Atomic uint64_t name, at, taken;
} __attribute__((aligned(SH_LINE)));
#define RECORDS (SH_RINGS_SIZE / sizeof(struct record))
_Static_assert(RECORDS < 0x8000, "numbers of 15 bits, above them REVOKED");

SH_EXPORT __thread struct __rte_ring_thread __rte_ring_thread = {NOBODY, NULL};

static sh_id_t member_of(uint64_t name)
{
	return name & ~(0xffffull << 48);
}

static struct record *record_of(uint64_t name)
{
	struct sh_region *g = sh_region();
	unsigned i = (unsigned)(name >> 48 & 0x7fff) - 1;

	if (g == NULL || !sh_slot_there(sh_id_slot(name)) || i >= RECORDS)
		return NULL;
	return (struct record *)(void *)g->slots[sh_id_slot(name)].rings + i;
}

/* ---- a thread's record ---- */

/* what a thread has besides; the room's start writes it, when no other thread is in the room */
struct mine {
	struct __rte_ring_thread *t;
	struct mine *next, **at; /* of the list of those that have had a name; at NULL: not in it */
	sh_id_t vain;		 /* this member has no record left for the thread */
	bool ended;		 /* it is not named again: nobody would hear of its end */
};
static __thread struct mine my;

static struct {
	pthread_key_t key; /* its destructor sees threads end */
	bool made;
	struct sh_door door; /* open while the region is there: who ends is inside while it gives its record back */
	struct sh_mtx mtx;
	struct mine *all; /* under mtx: threads with a name, perhaps of an earlier life of the process */
} ends;

static void forget(struct mine *m)
{
	*m->t = (struct __rte_ring_thread){NOBODY, NULL};
	m->vain = 0;
}

static void list_in(void)
{
	if (my.at != NULL)
		return;
	my.t = &__rte_ring_thread;
	sh_lock(&ends.mtx);
	my.next = ends.all;
	my.at = &ends.all;
	if (my.next != NULL)
		my.next->at = &my.next;
	ends.all = &my;
	sh_unlock(&ends.mtx);
}

static void list_out(void)
{
	sh_lock(&ends.mtx);
	if (my.at != NULL) {
		*my.at = my.next;
		if (my.next != NULL)
			my.next->at = my.at;
		my.at = NULL;
	}
	sh_unlock(&ends.mtx);
}

/* Inside the door this life's region is there, and the name is of this life. Whoever finds it shut has none that matters. */
static void thread_ends(void *arg)
{
	(void)arg;
	SH_STEP("bias_ends");
	if (sh_door_in(&ends.door)) {
		const uint64_t name = __rte_ring_thread.name;
		struct record *rec = record_of(name);

		forget(&my); /* first: its next thread may have the name */
		if (rec != NULL && sh_self() != 0 && member_of(name) == sh_self()) {
			SH_STEP("bias_end_in");
			sh_store_rel(&rec->taken, 0); /* R:RINGREC */
		}
		sh_door_out(&ends.door);
	}
	list_out();
	forget(&my);
	my.ended = true;
}

/*
 * What threads had in an earlier life of the process they may not go on with: member and number may be another's by now, in
 * another group, too.
 */
int sh_bias_start(void)
{
	int r = ends.made ? 0 : pthread_key_create(&ends.key, thread_ends);

	ends.made = r == 0;
	sh_lock(&ends.mtx);
	for (struct mine *m = ends.all; m != NULL; m = m->next)
		forget(m);
	sh_unlock(&ends.mtx);
	return -r;
}

void sh_bias_open(void)
{
	sh_door_open(&ends.door);
}

void sh_bias_shut(bool member)
{
	SH_STEP("bias_shutting");
	if (!member)
		sh_bias_forget();
	sh_door_shut(&ends.door);
}

/* the other threads are the parent's, and so is what they held */
void sh_bias_forget(void)
{
	sh_store_rlx(&ends.mtx.v, 0); /* relaxed: one thread */
	sh_door_forked(&ends.door);
	ends.all = NULL;
	my.t = &__rte_ring_thread;
	my.at = NULL;
	forget(&my);
}

static struct record *take_record(sh_id_t me)
{
	uint64_t taken;

	for (unsigned i = 0; i < RECORDS; i++) {
		uint64_t name = (uint64_t)(i + 1) << 48 | me;
		struct record *rec = record_of(name);

		if (rec == NULL)
			return NULL;
		taken = sh_load_rlx(&rec->taken);		     /* relaxed: the CAS decides */
		if (taken == me || !sh_cas(&rec->taken, &taken, me)) /* A:RINGREC */
			continue;
		/* in this order: whoever reads at, and then the old name, has read what the old one said */
		sh_store_rel(&rec->name, name); /* R:RINGNAME */
		sh_store_rel(&rec->at, 0);	/* R:RINGBIAS */
		return rec;
	}
	return NULL;
}

/* does this thread have a name that others can look for? */
static bool named(sh_id_t me)
{
	struct __rte_ring_thread *t = &__rte_ring_thread;
	struct record *rec;

	if (member_of(t->name) == me)
		return true;
	if (my.vain == me || my.ended || sh_ctx.obj == NULL || !sh_ctx.obj->barrier)
		return false;
	if (pthread_setspecific(ends.key, t) != 0)
		return false;
	list_in();
	rec = take_record(me);
	if (rec == NULL) {
		my.vain = me;
		return false;
	}
	t->at = (uint64_t *)(void *)&rec->at;
	t->name = sh_load_rlx(&rec->name); /* relaxed: my own */
	return true;
}

/* ---- given ---- */

bool sh_bias_earn(struct rte_ring *r, struct __rte_ring_side *s, bool may)
{
	struct __rte_ring_thread *t = &__rte_ring_thread;

	if (r->lone != 0 || !named(sh_self())) {
		s->last = 0; /* so it comes here only every other time */
		return false;
	}
	if (s->last != t->name) {
		s->last = t->name;
		s->streak = 0;
		return false;
	}
	if (s->patience == 0)
		s->patience = PATIENCE;
	/* inside another ring already: this is a signal's handler */
	if (++s->streak < s->patience || !may || *t->at != 0)
		return false;
	if (sh_fence_refused()) {
		s->streak = 0;
		return false;
	}
	s->since = sh_now_ns();
	sh_store_rel(SH_A64(t->at),
		     (uint64_t)(uintptr_t)s); /* R:RINGBIAS before bias: whoever sees that looks at this */
	sh_store_rel(SH_A64(&s->bias), t->name);
	SH_STEP("bias_given");
	sh_store_rel(SH_A64(&s->owner), 0); /* R:RINGOWN */
	return true;
}

/* ---- taken back ---- */

sh_id_t sh_bias_member(const struct __rte_ring_side *s)
{
	return member_of(sh_load_acq(SH_A64(&s->bias)));
}

enum where { OUT, INSIDE, UNKNOWN, HELD };

static enum where look(uint64_t name, const struct __rte_ring_side *s)
{
	struct record *rec = record_of(name);
	uint64_t at;

	if (rec == NULL)
		return UNKNOWN;
	at = sh_load_acq(&rec->at);	     /* A:RINGBIAS */
	if (sh_load_acq(&rec->name) != name) /* A:RINGNAME */
		return UNKNOWN;
	return at == (uint64_t)(uintptr_t)s ? INSIDE : OUT;
}

bool sh_bias_inside(const struct __rte_ring_side *s, sh_id_t id)
{
	uint64_t name = sh_load_acq(SH_A64(&s->bias)) & ~REVOKED;

	return member_of(name) == id && look(name, s) == INSIDE;
}

/* OUT; UNKNOWN: it is dead, and was perhaps inside; HELD: there is another way, and no end to be seen */
static enum where wait_out(struct rte_ring *r, unsigned side, uint64_t name)
{
	struct __rte_ring_side *s = sh_side(r, side);
	uint64_t since = 0, asked = 0, line_ns = SH_NS_PER_S, now;
	enum where w;

	for (unsigned i = 0; (w = look(name, s)) == INSIDE; i++) {
		if (i < LOOKS) {
			sh_pause();
			continue;
		}
		if (sh_pool_held(r, side, member_of(name)))
			return sh_ring_gone(member_of(name)) ? UNKNOWN : HELD;
		now = sh_now_ns();
		if (since == 0)
			since = asked = now;
		if (now - since < SH_RING_LOOK_NS)
			sched_yield();
		else
			sh_ring_nap(SH_RING_NAP_NS);
		if (now - asked < SH_RING_LOOK_NS)
			continue;
		asked = now;
		if (sh_ring_gone(member_of(name)))
			return UNKNOWN;
		if (sh_pool_hold(r, side, member_of(name), now - since))
			return HELD;
		if (now - since >= line_ns) {
			sh_ring_complain(r, side, member_of(name), since);
			line_ns *= 4;
		}
	}
	return w;
}

/* by how long it was biased, not how long it took to have it back */
static void be_patient(struct __rte_ring_side *s, uint64_t now)
{
	bool brief = now - s->since < SHORT_NS;

	if (brief && s->patience < PATIENCE_MOST)
		s->patience *= 2;
	else if (!brief && s->patience > PATIENCE)
		s->patience /= 2;
}

enum sh_bias sh_bias_revoke(struct rte_ring *r, unsigned side)
{
	struct __rte_ring_side *s = sh_side(r, side);
	uint64_t name = s->bias & ~REVOKED;
	bool mine = name == __rte_ring_thread.name && *__rte_ring_thread.at != (uint64_t)(uintptr_t)s;
	enum where w = OUT;

	if (!mine) {
		uint64_t now = sh_now_ns();

		sh_store_rel(SH_A64(&s->bias), name | REVOKED);
		SH_STEP("bias_revoked");
		if (!sh_fence_all()) { /* once for this side: from now on nobody is given it while I live */
			SH_STEP("bias_unfenced");
			sh_ring_nap(SH_SEEN_NS);
		}
		w = wait_out(r, side, name);
		if (w == HELD)
			return SH_BIAS_HELD;
		sh_shm_acquire(s);
		if (w == UNKNOWN)
			sh_ring_settle(r, side);
		else
			be_patient(s, now);
	}
	s->streak = 0;
	sh_store_rel(SH_A64(&s->bias), 0);
	SH_STEP("bias_free");
	return w == UNKNOWN ? SH_BIAS_SETTLED : SH_BIAS_FREE;
}
