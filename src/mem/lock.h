/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lock.h - a mutex in shared memory whose owner may die
 *
 * The word names the owner: thread << 48 | member id. A taker that does not get it sleeps on a futex for at most 10 ms at
 * a time and then asks whether the owner is gone; only the kernel's proof counts (proc.h), and then the taker puts itself
 * in the owner's place: whoever does that is told SH_LOCK_MEND and must bring what the lock guards into a valid state
 * before anything else. If it dies as well, the next one is told the same: the word holds a dead owner's name until an
 * unlock, so no state "mending" is needed.
 *
 * An owner that is only stopped cannot be robbed. sh_lock_take() waits for it without limit, as for any mutex, and names it
 * in the log. sh_lock_ask() gives up: after a second if the kernel says that it is stopped, after ten if it does not come on
 * for another reason; from then on nobody who asks waits for that turn at all. It is for those who can do without the lock.
 * Never held over user code, over a wait for a message or over a log line. The owner has all signals blocked and
 * cancellation disabled: nothing can make it leave by a longjmp, and no handler can ask for what its own thread holds.
 */
#ifndef SH_MEM_LOCK_H
#define SH_MEM_LOCK_H

#include <stdint.h>

#include "base/atom.h"
#include "ctx.h"

/*
 * A line of its own.
 *
 *   field   written by                                read by   ordering
 *   owner   CAS 0 -> me, dead -> me: takers           all       R:MLOCK in unlock <-> A:MLOCK in the CAS: who gets it sees
 *           me -> 0: the owner                                  all that the last owner wrote. After a death the kernel's
 *                                                               proof orders the same
 *   want    1: takers before they sleep               owner     fence on both sides: store want, look at owner | store
 *           0: the owner when it leaves                         owner, look at want. A wake lost to a death costs 10 ms
 *   seq     the owner when it leaves and want is set  takers    the futex word
 *   stuck   who has waited in vain                    takers    relaxed: a hint, the turn of owner and seq that it is about
 *   mended  who took over from a dead owner           tests     relaxed: a counter
 */
struct sh_lock {
	_Atomic uint64_t owner;
	_Atomic uint32_t want;
	_Atomic uint32_t seq;
	_Atomic uint64_t mended;
	_Atomic uint64_t stuck;
	uint64_t pad[4];
} __attribute__((aligned(SH_LINE)));
_Static_assert(sizeof(struct sh_lock) == SH_LINE, "a line");

#define SH_LOCK_MEND 1

#define sh_lock_id(word) ((sh_id_t)((word)&0xffffffffffffull))

/*
 * 0, SH_LOCK_MEND; or not taken: -EPERM (no member: a forked child), -EDEADLK (this thread has a
 * lock already that must be taken after this one). Of two the last taken is left first.
 */
int sh_lock_take(struct sh_lock *l, const char *what);
/* the same, but -ETIMEDOUT, and a line, if its owner is stopped */
int sh_lock_ask(struct sh_lock *l, const char *what);
/* the same without waiting: -EBUSY somebody has it, perhaps a dead one */
int sh_lock_try(struct sh_lock *l);
/* take over from this dead member if it is the owner: SH_LOCK_MEND, or -EAGAIN (it is not). Never waits. */
int sh_lock_inherit(struct sh_lock *l, sh_id_t dead);
void sh_lock_leave(struct sh_lock *l);

#endif
