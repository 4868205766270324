/* SPDX-License-Identifier: BSD-3-Clause */
/* lock.c - see lock.h. Process-private state: which lock this thread holds, and the thread's number. */
#include "mem/lock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/futex.h"
#include "base/log.h"
#include "proc/proc.h"

#define LOOK_FIRST_NS SH_NS_PER_MS
#define LOOK_MOST_NS (10 * SH_NS_PER_MS)
#define FIRST_LINE_NS SH_NS_PER_S
#define SPINS 100

static __thread struct {
	struct sh_lock *held[2]; /* in the order taken */
	unsigned n;
	sigset_t sigs; /* what the thread blocked, and whether it could be cancelled, before it took the lock */
	int cancel;
	uint16_t number;
} mine;

/* the name this thread writes into owner words: its number tells threads apart in a dump, the id alone is what counts */
static uint64_t my_word(sh_id_t self)
{
	static _Atomic uint32_t threads;

	if (mine.number == 0)
		mine.number = (uint16_t)(sh_add_rlx(&threads, 1) % 0xffff + 1); /* relaxed: only uniqueness matters */
	return (uint64_t)mine.number << 48 | self;
}

/* proof, not suspicion: the table says that it is dead or has left, or the kernel does */
static bool owner_gone(sh_id_t id)
{
	return !sh_member_alive(id) || sh_member_probe(id) == 1;
}

static void complain(const char *what, sh_id_t id, uint64_t since_ns)
{
	const struct sh_region *r = sh_region();

	sh_warn("%s: waiting for %llu s for member %u (generation %u, pid %u), which holds its lock and is alive: if "
		"it is "
		"stopped, let it go on (kill -CONT) or end it",
		what, (unsigned long long)((sh_now_ns() - since_ns) / SH_NS_PER_S), sh_id_slot(id), sh_id_gen(id),
		r != NULL && sh_id_slot(id) < SH_MEMBERS ? r->members[sh_id_slot(id)].pid : 0);
}

/* Sleep until the word may have changed, at most until look_dl */
static void doze(struct sh_lock *l, uint64_t look_dl)
{
	uint32_t s = sh_load_acq(&l->seq); /* relaxed would do: a stale value makes the wait return at once */
	sigset_t all, before = mine.sigs;
	int cancel = mine.cancel;

	sh_store_rlx(&l->want,
		     1); /* the fence orders it before my look at owner; partner: the fence in sh_lock_leave() */
	sh_fence();
	if (sh_load_rlx(&l->owner) == 0)
		return;
	if (mine.n > 0) { /* who has a lock cannot be interrupted */
		(void)sh_futex_wait(&l->seq, s, look_dl, SH_FUTEX_ANY, true);
		return;
	}
	pthread_sigmask(SIG_SETMASK, &before, &all); /* who waits can be interrupted and ended */
	(void)sh_futex_wait(&l->seq, s, look_dl, SH_FUTEX_ANY, true);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	mine.sigs = before; /* a handler may have been here */
	mine.cancel = cancel;
}

/*
 * The owner is looked at after 1 ms, 2, 4, 8, then every 10 ms, by the clock: signals may end every sleep before that, as
 * under a profiler.
 */
static int wait_for(struct sh_lock *l, uint64_t me, const char *what)
{
	uint64_t since = sh_now_ns(), pause = LOOK_FIRST_NS, look_dl = since + pause, line_ns = FIRST_LINE_NS, seen;

	for (;;) {
		seen = 0;
		if (sh_cas(&l->owner, &seen, me)) /* A:MLOCK */
			break;
		doze(l, look_dl);
		if (sh_left_ns(look_dl) > 0)
			continue;
		pause = 2 * pause < LOOK_MOST_NS ? 2 * pause : LOOK_MOST_NS;
		look_dl = sh_deadline(pause);
		seen = sh_load_acq(&l->owner); /* A:MLOCK */
		if (seen != 0 && owner_gone(sh_lock_id(seen))) {
			SH_STEP("mem_lock_proven");
			if (sh_cas(&l->owner, &seen, me)) /* of several takers one gets it; the others see its name */
				return SH_LOCK_MEND;
		} else if (seen != 0 && sh_now_ns() - since >= line_ns) {
			complain(what, sh_lock_id(seen), since);
			line_ns *= 4;
		}
	}
	sh_store_rlx(&l->want, 1); /* there may be others asleep whose wish the last owner cleared */
	return 0;
}

/* no signal handler, no cancellation from here to calm_end() */
static void calm(void)
{
	sigset_t all;

	if (mine.n > 0)
		return;
	sigfillset(&all);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mine.cancel);
	pthread_sigmask(SIG_SETMASK, &all, &mine.sigs);
}

static void calm_end(void)
{
	sigset_t before = mine.sigs; /* a handler that runs when the mask falls may take a lock itself */
	int cancel = mine.cancel;

	if (mine.n > 0)
		return;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_setcancelstate(cancel, NULL);
}

/* none, or the second in the order of addresses */
static bool may_take(const struct sh_lock *l)
{
	return mine.n == 0 || (mine.n == 1 && mine.held[0] < l);
}

/* wait: without limit; else -EBUSY */
static int take(struct sh_lock *l, const char *what, bool wait)
{
	sh_id_t self = sh_self();
	uint64_t me, seen;
	int r = 0;

	if (self == 0)
		return -EPERM;
	if (!may_take(l))
		return -EDEADLK;
	calm();
	me = my_word(self);
	for (unsigned i = 0; i < SPINS; i++) {
		seen = 0;
		if (sh_cas(&l->owner, &seen, me)) /* A:MLOCK */
			goto out;
		sh_pause();
	}
	if (!wait) {
		calm_end();
		return -EBUSY;
	}
	r = wait_for(l, me, what);
out:
	mine.held[mine.n++] = l;
	sh_shm_acquire(l);
	if (r == SH_LOCK_MEND)
		sh_add_rlx(&l->mended, 1);
	SH_STEP("mem_lock_taken");
	return r;
}

int sh_lock_take(struct sh_lock *l, const char *what)
{
	return take(l, what, true);
}

int sh_lock_try(struct sh_lock *l)
{
	return take(l, NULL, false);
}

int sh_lock_inherit(struct sh_lock *l, sh_id_t dead)
{
	sh_id_t self = sh_self();
	uint64_t seen = sh_load_acq(&l->owner); /* A:MLOCK */

	if (self == 0 || !may_take(l) || sh_lock_id(seen) != dead || dead == 0)
		return -EAGAIN;
	calm();
	if (!sh_cas(&l->owner, &seen, my_word(self))) {
		calm_end();
		return -EAGAIN;
	}
	mine.held[mine.n++] = l;
	sh_shm_acquire(l);
	sh_add_rlx(&l->mended, 1);
	return SH_LOCK_MEND;
}

void sh_lock_leave(struct sh_lock *l)
{
	SH_STEP("mem_lock_leaving");
	mine.n--; /* the one taken last, as all do */
	sh_shm_release(l);
	sh_store_rel(&l->owner, 0); /* R:MLOCK */
	SH_STEP("mem_lock_left");
	sh_fence(); /* partner: the fence in doze() */
	if (sh_load_rlx(&l->want) != 0) {
		sh_store_rlx(&l->want, 0);
		sh_add(&l->seq, 1);
		sh_futex_wake(&l->seq, 1, SH_FUTEX_ANY, true);
	}
	calm_end();
}
