/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_sleep.pml - who sleeps for a ring misses nothing, though who publishes makes no fence
 *
 * Mirrors  src/obj/wait.c (go_to_sleep, __rte_ring_wake), on_event in src/obj/obj.c.
 *
 * Actors   NP producers that publish one element each and wake; NS sleepers that want one element, and then two (nobody takes
 *          any: what counts is whether they look); a producer may be killed or stopped for ever before any step. The sleepers'
 *          process hears of a death, later, and wakes its own.
 * Memory   a producer's store of the tail lies in a buffer until it is flushed, at any later time (x86-TSO); its locked
 *          instructions flush it. The barrier flushes every producer's buffer. What a dead one had stored reaches memory.
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
bool ended[NP], gone[NP], stuck[NP];
byte published_by[NP]; /* its store is made */
byte harm = HARM;

inline flush(p)
{
	if
	:: buf[p] -> buf[p] = 0; count++
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
	bit b;
	byte e;

	perish();
	atomic { buf[me] = 1; published_by[me] = 1 };
	perish();
	atomic { b = bit_set; e = epoch };
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

	do
	:: count >= wants[s] ->
		if
		:: wants[s] == 1 -> wants[s] = 2
		:: else -> break
		fi
	:: else ->
#ifndef M_BELL_LATE
		seen_bell = bell;
#endif
		atomic { bit_set = 1; epoch++ };
#ifndef M_NO_BARRIER
		atomic { i = 0; do :: i < NP -> flush(i); i++ :: else -> break od };
#endif
		if
		:: count >= wants[s]
		:: else ->
#ifdef M_BELL_LATE
			seen_bell = bell;
#endif
			atomic { if :: bell == seen_bell -> asleep[s] = true :: else fi };
			!asleep[s]
		fi
	od;
	over[s] = true
}

/* the sleepers' process hears of each death once */
proctype Watcher()
{
	byte told = 0, i;

	end: do
	:: atomic {
			i = 0;
			do
			:: i < NP && gone[i] && !(told & (1 << i)) -> break
			:: i < NP && !(gone[i] && !(told & (1 << i))) -> i++
			:: i >= NP -> break
			od;
			i < NP -> told = told | (1 << i);
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
