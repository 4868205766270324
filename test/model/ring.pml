/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring.pml - one operation at a time on a side of a ring, with deaths at any step and on a machine that reorders stores
 *
 * Mirrors  include/rte_ring_move.h (enter, grant, put/get, publish, leave) and src/obj/enter.c (take_over).
 *
 * Actors   two producers that put one element each, two consumers that take until nothing can come any more. Each may be killed
 *          before any step, HARM of them in all. A fact "gone" is the kernel's proof, and comes with the death. Who waits for a
 *          side whose owner is gone takes its place by a CAS from that owner's name.
 * Memory   steps are seen in their order. What the slots hold passes from side to side through a release store of a tail and its
 *          acquire load alone, and from one user of a side to the next through owner likewise; that the code has these is
 *          what the thread sanitizer sees in test/obj.
 *
 * Claims   a slot is never written while an element that nobody has taken lies in it; each element is taken at most once, and
 *          as it was put; at the end of a run whoever lives has done its part: nobody is blocked; what is missing was in the
 *          hand of one that died: put but not published, or taken by it.
 */
#define SLOTS 2
#define CAP 1
#ifndef HARM
#define HARM 2
#endif
#define NONE 9
#define NP 2 /* producers 0, 1; consumers 2, 3 */
#define NM 4

byte slot[SLOTS] = NONE; /* element, or NONE: taken */
byte ptail, ctail;
byte pseen, cseen;
byte powner = NONE, cowner = NONE;
bool gone[NM];
bool done[NM];
byte harm = HARM;
byte taken[NP];		/* times an element was taken out, by the living or the dead */

inline die()
{
	if
	:: true
	:: atomic { harm > 0 -> harm--; gone[me] = true; goto over }
	fi
}

/* owner NONE -> me, or dead -> me. Without the proof a living one is robbed: M_NO_PROOF */
inline enter(owner)
{
	atomic {
		(owner == NONE
#ifdef M_NO_PROOF
		 || owner < NM
#else
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
#ifdef M_NEVER_MEND
		atomic { powner == NONE -> powner = me };
#else
		enter(powner);
#endif
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
			atomic { powner = NONE };
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
	ptail = pos + 1;
	die();
#endif
	atomic {
		/* no element that was published lies there; what a dead one wrote and did not publish may */
		assert(ptail == ctail || ctail % SLOTS != pos % SLOTS);
		slot[pos % SLOTS] = me
	};
#ifndef M_PUBLISH_FIRST
	die();
	ptail = pos + 1; /* R:RINGPUB */
#endif
	die();
	atomic { powner = NONE };
	die();
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
#ifdef M_NEVER_MEND
		atomic { cowner == NONE -> cowner = me };
#else
		enter(cowner);
#endif
		die();
		pos = ctail;
		if
		:: cseen == pos -> cseen = ptail
		:: else
		fi;
		if
		:: cseen == pos ->
			die();
			atomic { cowner = NONE };
			if
			:: ptail > ctail
			:: (done[0] || gone[0]) && (done[1] || gone[1]) && ptail == ctail -> done[me] = true; goto over
			fi
		:: else ->
			die();
#ifdef M_TAKE_FIRST
			ctail = pos + 1;
			die();
#endif
			atomic {
				got = slot[pos % SLOTS];
				assert(got != NONE); /* published: it is there */
			};
#ifdef M_TAKE_FIRST
			atomic { slot[pos % SLOTS] = NONE; taken[got]++; assert(taken[got] == 1) };
#else
			die();
			/* R:RINGTAKE: from here on the slot may be written; the element is out */
			atomic { slot[pos % SLOTS] = NONE; ctail = pos + 1; taken[got]++; assert(taken[got] == 1) };
#endif
			die();
			atomic { cowner = NONE }
		fi
	od;
over:
	skip
}

/* nothing can move any more */
active proctype monitor()
{
	atomic { run Producer(0); run Producer(1); run Consumer(2); run Consumer(3) };
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
