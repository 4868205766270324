/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_sleep.pml - who sleeps for a ring misses nothing, though who publishes makes no fence
 *
 * Mirrors  src/obj/wait.c (go_to_sleep, __rte_ring_wake), on_event in src/obj/obj.c.
 *
 * Actors   NP producers that publish one element each and wake; NS sleepers that want one element, and then two (nobody takes
 *          any: what counts is whether they look); a producer may be killed or stopped for ever before any step. The sleepers'
 *          process hears of a death, later, and wakes its own. REFUSED: producer 0 is refused membarrier(2); it joins at any time,
 *          and the sleepers' process hears of that, too. DEAF: the sleepers' process is refused it from any moment on.
 * Memory   a producer's store of the tail lies in a buffer until it is flushed, at any later time (x86-TSO); its locked
 *          instructions flush it. The barrier flushes every producer's buffer but that of a refused one. What a dead one had stored
 *          reaches memory. A sleeper that asked for the fence sleeps at first for as long as it takes until the stores made
 *          before that have landed; later ones may still be in their buffers then.
 *
 * Claims   when nothing can move any more, a sleeper that still sleeps wants more elements than those whose producers came to
 *          their end, or died: a stopped one holds up no more than what it had not finished itself.
 */
#ifndef NP
#define NP 2
#endif
#ifndef NS
#define NS 1
#endif
#ifndef HARM
#define HARM 1
#endif

byte count;	 /* elements published, in memory */
bit buf[NP];	 /* one more, in a store buffer */
bit bit_set;	 /* watch: the bit */
byte epoch;	 /* watch: the count */
byte bell;
bool asleep[2], over[2];
byte wants[2];
bit ask;	 /* watch: the bit by which who publishes makes a fence */
bit old[NP];	 /* in the buffer since before the sleeper asked */
bit refused, joined;
bit deaf;
bool ended[NP], gone[NP], stuck[NP];
byte published_by[NP]; /* its store is made */
byte harm = HARM;

inline flush(p)
{
	if
	:: buf[p] -> buf[p] = 0; old[p] = 0; count++
	:: else
	fi
}

inline perish()
{
	if
	:: true
	:: atomic { harm > 0 -> harm--; flush(me); gone[me] = true; goto out }
	:: atomic { harm > 0 -> harm--; flush(me); stuck[me] = true; goto out }
	fi
}

inline wake_all()
{
	asleep[0] = false;
	asleep[1] = false
}

proctype Buffers()
{
	end: do
	:: atomic { buf[0] -> flush(0) }
	:: atomic { buf[1] -> flush(1) }
	od
}

proctype Producer(byte me)
{
	bit b, f;
	byte e;

#ifdef REFUSED
	if
	:: me == 0 ->
		refused = 1;
		perish();
		joined = 1
	:: else
	fi;
#endif
	perish();
	atomic { buf[me] = 1; published_by[me] = 1 };
	perish();
	atomic { b = bit_set; e = epoch; f = ask };
	if
	:: f ->
		perish();
#ifndef M_NO_ASKED_FENCE
		atomic { flush(me) };
#endif
		atomic { b = bit_set; e = epoch }
	:: else
	fi;
	if
	:: b ->
#ifdef M_CLEAR_FIRST
		perish();
		atomic { flush(me); if :: bit_set && epoch == e -> bit_set = 0 :: else fi };
#endif
		perish();
		atomic { flush(me); bell++ };
		perish();
		atomic { wake_all() };
		perish();
#ifndef M_CLEAR_FIRST
#ifdef M_NO_EPOCH
		atomic { flush(me); bit_set = 0 }
#else
		atomic { flush(me); if :: bit_set && epoch == e -> bit_set = 0 :: else fi }
#endif
#endif
	:: else
	fi;
	ended[me] = true;
out:
	skip
}

proctype Sleeper(byte s)
{
	byte seen_bell, i;
	bit asked, marked, known, failed;

	do
	:: count >= wants[s] ->
		if
		:: wants[s] == 1 -> wants[s] = 2
		:: else -> break
		fi;
		atomic { asked = 0; marked = 0; known = 0 } /* another call */
	:: else ->
#ifndef M_BELL_LATE
		seen_bell = bell;
#endif
#ifndef M_NO_ASK
		if
		:: refused || deaf -> asked = 1
		:: else
		fi;
#endif
		atomic {
			bit_set = 1;
			epoch++;
			if
			:: asked && !marked ->
				ask = 1;
				marked = 1;
				i = 0;
				do
				:: i < NP -> old[i] = buf[i]; i++
				:: else -> break
				od
			:: else
			fi;
			i = 0
		};
#ifndef M_NO_BARRIER
		atomic {
			failed = deaf;
			do
			:: i < NP ->
				if
				:: !failed && !(i == 0 && refused) -> flush(i)
				:: else
				fi;
				i++
			:: else -> break
			od
		};
#endif
		if
#ifndef M_IGNORE_FAILURE
		:: failed && !asked -> asked = 1
#endif
		:: count >= wants[s]
		:: else ->
#ifdef M_BELL_LATE
			seen_bell = bell;
#endif
			atomic { if :: bell == seen_bell -> asleep[s] = true :: else fi };
			if
			:: !asleep[s]
#ifndef M_NO_LOOK_AGAIN
			:: atomic {
				asked && !known ->
				i = 0;
				do
				:: i < NP && old[i] -> flush(i)
				:: i < NP && !old[i] -> i++
				:: else -> break
				od;
				known = 1;
				asleep[s] = false
			   }
#endif
			fi
		fi
	od;
	over[s] = true
}

/* the sleepers' process hears of each death once, and of who joins */
proctype Watcher()
{
	bit told[NP], told_join;
	byte i;

	end: do
#ifndef M_NO_JOIN_WAKE
	:: atomic { joined && !told_join -> told_join = 1 };
		bell++;
		atomic { wake_all() }
#endif
#ifdef DEAF
	:: atomic { !deaf -> deaf = 1 }
#endif
	:: atomic {
			(gone[0] && !told[0]) || (gone[1] && !told[1]) ->
			i = (gone[0] && !told[0] -> 0 : 1);
			told[i] = 1;
			ended[i] = true
	   };
#ifndef M_NO_DEATH_WAKE
		bell++;
		atomic { wake_all() }
#endif
	od
}

active proctype monitor()
{
	byte i, n;

	atomic {
		wants[0] = 1;
		wants[1] = 1;
		run Sleeper(0);
#if NS > 1
		run Sleeper(1);
#else
		over[1] = true;
#endif
		run Watcher();
		run Buffers();
		i = 0;
		do
		:: i < NP -> run Producer(i); i++
		:: else -> break
		od
	};
	timeout;
	atomic {
		i = 0;
		do
		:: i < NP ->
			if
			:: ended[i] && published_by[i] -> n++
			:: else
			fi;
			i++
		:: else -> break
		od;
		assert(over[0] || n < wants[0]);
		assert(over[1] || n < wants[1])
	}
}
