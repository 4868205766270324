/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring.pml - one operation at a time on a side of a ring, with deaths at any step and on a machine that reorders stores
 *
 * Mirrors  include/rte_ring_move.h (enter, grant, put/get, publish, leave) and src/obj/enter.c (take_over).
 *
 * Actors   two producers that put one element each, two consumers that take until nothing can come any more. Each may be killed
 *          before any step, HARM of them in all. A fact "gone" is the kernel's proof, and comes with the death. Who waits for a
 *          side whose owner is gone takes its place by a CAS from that owner's name.
 * Memory   weak. What an actor stores reaches memory later, at any time and in any order but this: a release store after all
 *          that the actor had stored before. Stores of a slot are plain; of a tail, and of owner on leaving, release. A CAS of
 *          owner waits for the actor's own store of owner, which is its last: then its buffer is empty. An acquire load is not
 *          passed by later loads; the relaxed load of a tail inside its own side comes after the CAS, which is an acquire. A load
 *          is not passed by a later release store; M_TAKE_FIRST is where it is. What a dead one had stored has reached memory
 *          when there is proof of its death. seen is at once there: an older one only means another look.
 *
 * Claims   a slot is never written while an element that nobody has taken lies in it; each element is taken at most once, and
 *          as it was put; at the end of a run whoever lives has done its part: nobody is blocked; what is missing was in the
 *          hand of one that died: put but not published, or taken by it.
 */
#ifndef SLOTS
#define SLOTS 1
#endif
#define CAP 1
#ifndef HARM
#define HARM 2
#endif
#define NONE 9
#define NP 2 /* producers 0, 1; consumers 2, 3 */
#define NM 4

byte slot[SLOTS] = NONE;
byte ptail, ctail;
byte pseen, cseen;
byte powner = NONE, cowner = NONE;
/* in the actors' buffers */
bool b_slot[NP], b_tail[NM], b_free[NM];
byte at[NP], tail[NM];
bool gone[NM];
bool done[NM];
byte harm = HARM;
byte put[NP];	 /* what was published there: by position */
byte taken[NP]; /* times an element was taken out, by the living or the dead */

inline slot_lands(p)
{
	/* no element that was published lies there; what a dead one wrote and did not publish may */
	assert(ptail == ctail || ctail % SLOTS != at[p] % SLOTS);
	slot[at[p] % SLOTS] = p;
	b_slot[p] = false
}

inline tail_lands(p)
{
	if
	:: p < NP -> ptail = tail[p]
	:: else -> ctail = tail[p]
	fi;
	b_tail[p] = false;
	tail[p] = 0
}

inline free_lands(p)
{
	if
	:: p < NP -> powner = NONE
	:: else -> cowner = NONE
	fi;
	b_free[p] = false
}

inline die()
{
	if
	:: true
	:: atomic {
			harm > 0 -> harm--;
#ifndef M_EARLY_PROOF
			if :: me < NP && b_slot[me] -> slot_lands(me) :: else fi;
			if :: b_tail[me] -> tail_lands(me) :: else fi;
			if :: b_free[me] -> free_lands(me) :: else fi;
#endif
			gone[me] = true;
			goto over
	   }
	fi
}

#define EMPTY(p) (!b_tail[p] && !b_free[p])

/* owner NONE -> me, or dead -> me. Without the proof a living one is robbed: M_NO_PROOF */
inline enter(owner)
{
	atomic {
		!b_free[me] && (owner == NONE
#ifdef M_NO_PROOF
		 || owner < NM
#elif !defined(M_NEVER_MEND)
		 || (owner < NM && gone[owner])
#endif
		) -> owner = me
	}
}

proctype Producer(byte me)
{
	byte pos;

	do
	:: true ->
#ifndef M_NO_LOCK
		die();
		enter(powner);
#endif
		die();
		pos = ptail;
		if
		:: (CAP + pseen - pos) == 0 -> pseen = ctail /* acquire: what the consumer read, it has read */
		:: else
		fi;
		if
		:: (CAP + pseen - pos) == 0 ->
			die();
			b_free[me] = true;
			/* full: again when there is room, unless nobody is left who could make some */
			if
			:: ctail + CAP > ptail
			:: gone[2] && gone[3] -> goto over
			fi
		:: else -> break
		fi
	od;
	die();
#ifdef M_PUBLISH_FIRST
	atomic { put[pos] = me; tail[me] = pos + 1; b_tail[me] = true };
	die();
	!b_tail[me];
#endif
	atomic { at[me] = pos; b_slot[me] = true };
#ifndef M_PUBLISH_FIRST
	die();
	atomic { put[pos] = me; tail[me] = pos + 1; b_tail[me] = true }; /* R:RINGPUB */
#endif
	die();
	b_free[me] = true; /* R:RINGOWN */
	die();
	EMPTY(me) && !b_slot[me];
	done[me] = true;
over:
	skip
}

proctype Consumer(byte me)
{
	byte pos, got;

	do
	:: true ->
		die();
		enter(cowner);
		die();
		pos = ctail;
#ifdef M_SEEN_RELAXED
		if
		:: got = slot[pos % SLOTS]
		:: got = NONE
		fi;
		die();
#endif
		if
		:: cseen == pos -> cseen = ptail /* A:RINGPUB */
		:: else
		fi;
		if
		:: cseen == pos ->
			die();
			b_free[me] = true;
			if
			:: ptail > ctail
			:: (done[0] || gone[0]) && (done[1] || gone[1]) && EMPTY(0) && EMPTY(1) && EMPTY(2) && EMPTY(3) &&
			   ptail == ctail ->
				done[me] = true;
				goto over
			fi
		:: else ->
			die();
#ifdef M_TAKE_FIRST
			atomic { tail[me] = pos + 1; b_tail[me] = true };
			die();
#endif
			atomic {
#ifdef M_SEEN_RELAXED
				if
				:: got == NONE -> got = slot[pos % SLOTS]
				:: else
				fi;
#else
				got = slot[pos % SLOTS];
#endif
				assert(got == put[pos]) /* published: it is there, and this it is */
			};
#ifndef M_TAKE_FIRST
			die();
			/* R:RINGTAKE: once this lands the slot may be written; the element is out */
			atomic { tail[me] = pos + 1; b_tail[me] = true };
#endif
			atomic { taken[got]++; assert(taken[got] == 1); got = 0 };
			die();
			b_free[me] = true
		fi
	od;
over:
	skip
}

proctype Buffers()
{
	end: do
	:: atomic { b_slot[0] -> slot_lands(0) }
	:: atomic { b_slot[1] -> slot_lands(1) }
#ifdef M_TAIL_RELAXED
	:: atomic { b_tail[0] -> tail_lands(0) }
	:: atomic { b_tail[1] -> tail_lands(1) }
#else
	:: atomic { b_tail[0] && !b_slot[0] -> tail_lands(0) }
	:: atomic { b_tail[1] && !b_slot[1] -> tail_lands(1) }
#endif
	:: atomic { b_tail[2] -> tail_lands(2) }
	:: atomic { b_tail[3] -> tail_lands(3) }
#ifdef M_LEAVE_RELAXED
	:: atomic { b_free[0] -> free_lands(0) }
	:: atomic { b_free[1] -> free_lands(1) }
	:: atomic { b_free[2] -> free_lands(2) }
	:: atomic { b_free[3] -> free_lands(3) }
#else
	:: atomic { b_free[0] && !b_tail[0] && !b_slot[0] -> free_lands(0) }
	:: atomic { b_free[1] && !b_tail[1] && !b_slot[1] -> free_lands(1) }
	:: atomic { b_free[2] && !b_tail[2] -> free_lands(2) }
	:: atomic { b_free[3] && !b_tail[3] -> free_lands(3) }
#endif
	od
}

/* nothing can move any more */
active proctype monitor()
{
	atomic { run Buffers(); run Producer(0); run Producer(1); run Consumer(2); run Consumer(3) };
	timeout;
	/* whoever lives came to its end: a producer that is done, or has nobody left to take; a consumer likewise */
	assert(gone[0] || done[0] || (gone[2] && gone[3]));
	assert(gone[1] || done[1] || (gone[2] && gone[3]));
	assert(gone[2] || done[2]);
	assert(gone[3] || done[3]);
	/* an element of a living producer that is done is out, unless no consumer is left */
	assert(!(done[0] && !gone[0]) || taken[0] == 1 || (gone[2] && gone[3]));
	assert(!(done[1] && !gone[1]) || taken[1] == 1 || (gone[2] && gone[3]))
}
