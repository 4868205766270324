/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_bias.pml - a side of a ring is biased to one thread, which enters without a locked instruction; others take it back
 *
 * Mirrors  __rte_ring_enter_biased, __rte_ring_leave in include/rte_ring_move.h; sh_bias_earn, sh_bias_revoke in src/obj/bias.c;
 *          take_over, __rte_ring_entered in src/obj/enter.c.
 *
 * Actors   N members, each of one thread, which enter and leave ROUNDS times. Whoever is inside by owner may be given the bias.
 *          Each may be killed before any step, HARM of them in all; "gone" is the kernel's proof, and comes with the death.
 * Memory   a store to at lies in a buffer until it is flushed, at any later time, in order (x86-TSO). A locked instruction
 *          flushes its own buffer first; so does the model for stores of bias and owner, which others must not see before an
 *          earlier store of at. The barrier flushes the buffers one after the other. What a dead one had stored reaches memory.
 *          Whoever takes the bias back may be refused the barrier: then it waits until the stores made before that have landed
 *          by themselves; later ones may still lie in their buffers. Which of the two is open each time, so nothing hangs on
 *          whether it was known when the bias was given.
 *          cs stands for what is written inside: it is ordered by the release stores of at and owner.
 * GIVE_UP  the side is one of a pool: whoever finds the holder inside may let go of owner, with bias as it is, and go another way
 *          (src/obj/pool_round.c). It does so at any time; whether the holder is stopped makes no difference to what is claimed.
 *
 * Claims   one at a time is inside, and nobody enters before what a dead one had begun there is settled; it is settled only
 *          after the death of who had begun it; at the end of a run whoever lives has done its rounds.
 */
#ifndef N
#define N 3
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef HARM
#define HARM 1
#endif
#define NONE 9

byte owner = NONE;
byte bias = NONE;
bool revoked; /* with bias, one word */
bit at[N];
byte pending[N]; /* stores of at in the buffer */
bit first[N], second[N];
byte old[N]; /* of those in the buffer: made before the bias was revoked by one that is refused the barrier */
byte cs = NONE; /* who is inside, or died there and is not settled */
bool gone[N], done[N];
byte harm = HARM;

inline flush_one(p)
{
	if
	:: old[p] > 0 -> old[p]--
	:: else
	fi;
	at[p] = first[p];
	first[p] = second[p];
	second[p] = 0;
	pending[p]--
}

inline flush(p)
{
	do
	:: pending[p] > 0 -> flush_one(p)
	:: else -> first[p] = 0; break
	od
}

inline store_at(v)
{
	atomic {
		if
		:: pending[me] == 2 -> flush_one(me)
		:: else
		fi;
		if
		:: pending[me] == 0 -> first[me] = v
		:: else -> second[me] = v
		fi;
		pending[me]++
	}
}

inline die()
{
	if
	:: true
	:: atomic { harm > 0 -> harm--; flush(me); gone[me] = true; goto over }
	fi
}

inline settle()
{
	atomic { assert(cs == NONE || gone[cs]); cs = NONE }
}

inline revoke()
{
	if
	:: bias == me
	:: else ->
		holder = bias;
		atomic {
			revoked = true;
			i = 0;
			do
			:: i < N -> old[i] = pending[i]; i++
			:: else -> break
			od
		};
		die();
		if
#ifdef M_NO_BARRIER
		:: skip
#else
		:: i = 0;
		   do
		   :: i < N -> atomic { flush(i); i++ }
		   :: else -> break
		   od
#endif
#ifdef M_NO_NAP
		:: skip
#else
		:: atomic {
			i = 0;
			do
			:: i < N && old[i] > 0 -> flush_one(i)
			:: i < N && old[i] == 0 -> i++
			:: else -> break
			od
		   }
#endif
		fi;
		die();
#ifndef M_NO_WAIT
		if
		:: at[holder] == 0
#ifndef M_WAIT_DEAD
		:: atomic { at[holder] == 1 && gone[holder] } ->
			die();
#ifndef M_NO_SETTLE
			settle()
#endif
#endif
#ifdef GIVE_UP
		:: at[holder] == 1 -> gave = true
#endif
		fi
#endif
	fi;
	die();
	if
#ifndef M_GIVE_UP_FREES
	:: gave
#endif
	:: else -> atomic { bias = NONE; revoked = false }
	fi
}

proctype Member(byte me)
{
	byte round, holder, i, by;
	bool dead, gave;

	do
	:: round == ROUNDS -> break
	:: else ->
		by = 0;
		if
		:: atomic { bias == me && !revoked } ->
			die();
			store_at(1);
			die();
#ifdef M_NO_SECOND_LOOK
			by = 2
#else
			if
			:: atomic { bias == me && !revoked } -> by = 2
			:: else -> store_at(0)
			fi
#endif
		:: else
		fi;
		if
		:: by == 2
		:: else ->
			die();
			atomic {
				(owner == NONE
#ifndef M_NEVER_MEND
				 || (owner < N && gone[owner])
#endif
				) ->
				flush(me);
				dead = owner != NONE;
				owner = me
			};
			die();
			if
			:: dead && bias == NONE -> settle()
#ifdef M_SETTLE_BIASED
			:: dead && bias != NONE -> settle()
#endif
			:: else
			fi;
			dead = false;
			die();
			if
			:: bias != NONE -> revoke()
			:: else
			fi;
			die();
			by = 1;
			if
			:: gave
			:: !gave
			:: !gave ->
#ifdef M_GIVEN_EARLY
				bias = me;
				die();
				atomic { flush(me); owner = NONE };
				store_at(1);
#else
				store_at(1);
				die();
				atomic { flush(me); bias = me };
				die();
				owner = NONE;
#endif
				by = 2
			fi
		fi;
		die();
		if
		:: gave -> gave = false
		:: else ->
			atomic { assert(cs == NONE); cs = me };
			die();
			atomic { assert(cs == me); cs = NONE }
		fi;
		die();
		if
		:: by == 2 -> store_at(0)
		:: else -> atomic { flush(me); owner = NONE }
		fi;
		round++
	od;
	done[me] = true;
over:
	skip
}

proctype Buffers()
{
	end: do
	:: atomic { pending[0] > 0 -> flush_one(0) }
	:: atomic { pending[1] > 0 -> flush_one(1) }
#if N > 2
	:: atomic { pending[2] > 0 -> flush_one(2) }
#endif
	od
}

active proctype monitor()
{
	atomic {
		run Buffers();
		run Member(0);
		run Member(1);
#if N > 2
		run Member(2)
#endif
	};
	timeout;
	assert(gone[0] || done[0]);
	assert(gone[1] || done[1]);
#if N > 2
	assert(gone[2] || done[2])
#endif
}
