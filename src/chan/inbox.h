/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inbox.h - a member's inbox: the words in shared memory through which others reach it
 *
 *   field       written by                       read by        ordering
 *   wake        owner sets the kind, senders     all            SB:WAKE: sender stores dirty, fence, loads wake; owner stores
 *               take it away when they woke                     wake, fence, loads dirty: one of them sees the other
 *   ticket      senders, fetch_add               owner          relaxed: only its uniqueness and growth count, the
 *                                                               record's publication orders it
 *   dirty[]     senders set their bit, owner     owner          R:DIRTY release <-> A:DIRTY acquire: who sees the bit sees
 *               takes a word by exchange                        the tail stored before it
 *   back        receivers of pieces set it, owner    owner          as dirty: a piece of mine was returned, see piece.h
 *               takes it by exchange
 *   lane_of[s]  sender in slot s, CAS 0 -> k+1;  owner          R:LANE_OF release <-> A:LANE_OF acquire: the lane's words
 *               owner or that sender back to 0                  and backing
 *   small[]     owner                            senders        relaxed: hashes of names that take 256 bytes only
 *   bell        senders add 2, owner sets and    all            R:BELL <-> A:BELL, one word for both directions: either the
 *               clears its lowest bit: asleep                   sender finds the bit or the owner finds the count changed
 *   rung[]      senders set their bit, owner     owner          R:BELL <-> A:BELL, set before bell is raised
 *               takes a word by exchange
 *   unheard     who withdraws a request sets the     owner   R:BELL <-> A:BELL, set before bell is raised, and that before
 *               bit of its service, owner takes it           the request is withdrawn: it is taken, or the bit is found
 *
 * The owner zeroes the block while it is INIT, when nobody sends to it.
 */
#ifndef SH_CHAN_INBOX_H
#define SH_CHAN_INBOX_H

#include <stdint.h>

#include "base/atom.h"
#include "proc/proc.h"
#include "proc/region.h"

/* the wake word: sequence << 3 | WAKING | kind; the kind is the futex bits of that sleeper */
enum sh_wake { SH_AWAKE = 0, SH_ASLEEP_DISP = 1, SH_ASLEEP_REQ = 2, SH_WAKE_KIND = 3, SH_WAKING = 4, SH_WAKE_SEQ = 8 };
#define SH_SMALL 256

struct sh_inbox {
	_Atomic uint64_t ticket __attribute__((aligned(SH_LINE)));
	/* one line: a sender that has it for dirty has wake as well */
	_Atomic uint64_t dirty[SH_MEMBERS / 64] __attribute__((aligned(SH_LINE)));
	_Atomic uint64_t back;
	_Atomic uint32_t wake;
	_Atomic uint32_t lane_of[SH_MEMBERS] __attribute__((aligned(SH_LINE)));
	_Atomic uint64_t small[SH_SMALL] __attribute__((aligned(SH_LINE)));
	_Atomic uint32_t bell __attribute__((aligned(SH_LINE)));
	_Atomic uint64_t rung[SH_MEMBERS / 64];
	_Atomic uint32_t unheard;
};
_Static_assert(sizeof(struct sh_inbox) <= SH_INBOX_SIZE, "inbox fits its block");

static inline struct sh_inbox *sh_inbox_of(unsigned slot)
{
	return (struct sh_inbox *)(void *)sh_region()->slots[slot].inbox;
}

#endif
