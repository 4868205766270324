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
#define STOPPED_NS SH_NS_PER_S	    /* an owner that the kernel says is stopped is waited for so long */
#define STUCK_NS (10 * SH_NS_PER_S) /* and one that has not come on for another reason */
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

static uint32_t pid_of(sh_id_t id)
{
	const struct sh_region *r = sh_region();

	return r != NULL && sh_id_slot(id) < SH_MEMBERS ? r->members[sh_id_slot(id)].pid : 0;
}

static void complain(const char *what, sh_id_t id, uint64_t since_ns)
{
	sh_warn("%s: waiting for %llu s for member %u (generation %u, pid %u), which holds its lock and is alive: if "
		"it is "
		"stopped, let it go on (kill -CONT) or end it",
		what, (unsigned long long)((sh_now_ns() - since_ns) / SH_NS_PER_S), sh_id_slot(id), sh_id_gen(id),
		pid_of(id));
}

/*
 * A turn of the lock: who has it, for the how manieth time. While somebody waits, each owner that leaves moves seq, so the
 * same turn is the same taking. Never 0.
 */
static uint64_t turn_of(struct sh_lock *l, uint64_t owner)
{
	return (owner ^ (uint64_t)sh_load_acq(&l->seq) << 16) * 0x9e3779b97f4a7c15ull | 1;
}

/* This turn is not waited for any more, by nobody in the group: said once in each process */
static int refuse(struct sh_lock *l, const char *what, uint64_t owner, uint64_t turn)
{
	static _Atomic uint64_t said;
	sh_id_t id = sh_lock_id(owner);

	sh_store_rlx(&l->stuck, turn); /* relaxed: a hint, compared with the turn that is seen */
	if (sh_xchg(&said, turn) != turn)
		sh_warn("%s: member %u (generation %u, pid %u) holds its lock and %s: calls that need it fail until "
			"that one goes on (kill -CONT) or ends",
			what, sh_id_slot(id), sh_id_gen(id), pid_of(id),
			sh_member_stopped(id) ? "is stopped" : "does not come on");
	return -ETIMEDOUT;
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

/* one who waits, and since when the turn that it sees has been the same */
struct wait {
	uint64_t since, line_ns;
	uint64_t turn, still;
};

/* the owner lives: 0: it is waited for on; -ETIMEDOUT: not this turn */
static int wait_on(struct sh_lock *l, const char *what, uint64_t owner, bool limit, struct wait *w)
{
	uint64_t now = sh_now_ns(), turn = turn_of(l, owner);

	if (turn != w->turn) {
		w->turn = turn;
		w->still = now;
	}
	if (limit && now - w->still >= SH_FAULT_NUM("SHOAL_STOPPED_NS", STOPPED_NS) &&
	    (now - w->still >= STUCK_NS || sh_member_stopped(sh_lock_id(owner))))
		return refuse(l, what, owner, turn);
	if (now - w->since >= w->line_ns) {
		complain(what, sh_lock_id(owner), w->since);
		w->line_ns *= 4;
	}
	return 0;
}

/*
 * The owner is looked at after 1 ms, 2, 4, 8, then every 10 ms, by the clock: signals may end every sleep before that, as
 * under a profiler.
 */
static int wait_for(struct sh_lock *l, uint64_t me, const char *what, bool limit)
{
	struct wait w = {.since = sh_now_ns(), .line_ns = FIRST_LINE_NS};
	uint64_t pause = LOOK_FIRST_NS, look_dl = w.since + pause, seen;

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
		} else if (seen != 0 && wait_on(l, what, seen, limit, &w) < 0) {
			return -ETIMEDOUT;
		}
	}
	sh_store_rlx(&l->want, 1); /* there may be others asleep whose wish the last owner cleared */
	return 0;
}

/* somebody has waited for this turn in vain, and its owner lives still: then I do not begin to */
static bool known_stuck(struct sh_lock *l, const char *what)
{
	uint64_t seen = sh_load_acq(&l->owner), turn = turn_of(l, seen);

	if (seen == 0 || sh_load_rlx(&l->stuck) != turn || owner_gone(sh_lock_id(seen))) /* relaxed: a hint */
		return false;
	(void)refuse(l, what, seen, turn);
	return true;
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

enum how { TRY, LIMITED, FOREVER };

static int take(struct sh_lock *l, const char *what, enum how how)
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
	if (how == TRY)
		r = -EBUSY;
	else if (how == LIMITED && known_stuck(l, what))
		r = -ETIMEDOUT;
	else
		r = wait_for(l, me, what, how == LIMITED);
	if (r < 0) {
		calm_end();
		return r;
	}
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
	return take(l, what, FOREVER);
}

int sh_lock_ask(struct sh_lock *l, const char *what)
{
	return take(l, what, LIMITED);
}

int sh_lock_try(struct sh_lock *l)
{
	return take(l, NULL, TRY);
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
