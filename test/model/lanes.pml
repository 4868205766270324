/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lanes.pml - one lane per sender, dirty bits and tickets: nothing lost, nothing twice, nothing out of order
 *
 * Actors   A  sends two records, tells B after the first     B  sends one after it was told     X  sends one, unrelated
 *          C  the receiver, with its consumer lock held      watcher of C: has proof that a sender is gone
 * A sender takes a ticket, publishes by a store of tail, sets its dirty bit. Each may be killed before any step (one of them,
 * any of them); at its end it leaves, so that C gives its lane back.
 *
 * Claims   each published record is consumed exactly once (monitor); in the order of its lane; B's after A's first; C never
 *          waits for a ticket whose taker died; a lane given back held nothing.
 *
 * Memory order: tail is a release store and the dirty bit a read-modify-write behind it, so no store passes another; what C
 * reads it reads one word a step, the dirty bits of the three senders lie in three words. M_DIRTY_FIRST shows what a machine
 * would do without the release.
 */
#define A 0
#define B 1
#define X 2
#define NS 3
#define NONE 9

byte ticket = 1;
byte buf[6];	     /* lane s: buf[2s], buf[2s+1]: the ticket of a record, 0 not written */
byte tail[NS], head[NS];
bool dirty[NS], look[NS], hot[NS];
bool alive[NS] = true, told, gone[NS]; /* gone: C gave the lane back */
byte harm = 1;
byte last;

inline die()
{
	if
	:: true
	:: atomic { harm > 0 -> harm--; goto over }
	fi
}

proctype sender(byte s; byte n)
{
	byte i;

	do
	:: i < n ->
end_told:	(s != B || told);
		die();
		atomic { buf[s * 2 + i] = ticket; ticket++ }
		die();
#ifdef M_DIRTY_FIRST
		dirty[s] = true;
		die();
		tail[s]++;
#else
		tail[s]++;
		die();
		dirty[s] = true;
#endif
		if
		:: s == A -> told = true
		:: else
		fi;
		i++
	:: else -> break
	od;
over:	atomic { alive[s] = false; i = 0 }
}

proctype watcher()
{
	bool seen[NS];

end:	do
#ifndef M_NO_LOOK
	:: atomic { !seen[A] && !alive[A] -> seen[A] = true; look[A] = true }
	:: atomic { !seen[B] && !alive[B] -> seen[B] = true; look[B] = true }
	:: atomic { !seen[X] && !alive[X] -> seen[X] = true; look[X] = true }
#else
	:: false
#endif
	od
}

/* move dirty bits into the lanes to scan, one word a step */
inline take_dirty()
{
	any = false;
	i = 0;
	do
	:: atomic { i < NS && (dirty[i] || look[i]) -> dirty[i] = false; look[i] = false; hot[i] = true; any = true; i++ }
	:: atomic { i < NS && !(dirty[i] || look[i]) -> i++ }
	:: atomic { i == NS -> i = 0; break }
	od
}

inline lowest()
{
	best = NONE;
	i = 0;
	do
	:: atomic { i < NS && !hot[i] -> i++ }
	:: atomic { i < NS && hot[i] && tail[i] != head[i] ->
		if
		:: best == NONE || buf[i * 2 + head[i]] < t -> best = i; t = buf[i * 2 + head[i]]
		:: else
		fi;
		i++ }
	:: atomic { i < NS && hot[i] && tail[i] == head[i] -> hot[i] = false }
		/* the lane was empty a moment ago; its sender may have gone since */
		atomic {
			if
#ifdef M_FORGET_ONE_LOOK
			:: !alive[i] -> gone[i] = true
#else
			:: !alive[i] && tail[i] == head[i] -> gone[i] = true
			:: !alive[i] && tail[i] != head[i] -> hot[i] = true; i-- /* look again */
#endif
			:: else
			fi;
			i++
		}
	:: atomic { i == NS -> i = 0; break }
	od
}

proctype receiver()
{
	byte i, best, t, cand;
	bool any;

end:	do
	:: atomic { dirty[A] || dirty[B] || dirty[X] || look[A] || look[B] || look[X] -> cand = 0 }
		take_dirty();
again:		lowest();
		if
		:: best == NONE ->
			cand = 0;
			take_dirty();
			if
			:: any -> goto again
			:: else
			fi
		:: else ->
			if
#ifdef M_NO_RELOOK
			:: true
#endif
#ifdef M_SHORTCUT
			:: t == last + 1
#endif
#ifdef M_WAIT_TICKET
			:: t == last + 1
			:: t != last + 1 -> dirty[A] || dirty[B] || dirty[X] || look[A] || look[B] || look[X]; take_dirty(); goto again
#else
			:: t == cand /* the same after one more look */
			:: t != cand ->
				cand = t;
				take_dirty();
				if
				:: any -> goto again
				:: else
				fi
#endif
			fi;
			atomic {
				assert(!gone[best]);
				assert(buf[best * 2 + head[best]] == t && t != 0); /* written before it was seen; not twice */
				assert(best != B || head[A] > 0);
				buf[best * 2 + head[best]] = 0;
				head[best]++;
				last = t;
				cand = 0;
				t = 0
			}
			goto again
		fi
	od
}

active proctype monitor()
{
	atomic {
		run sender(A, 2);
		run sender(B, 1);
		run sender(X, 1);
		run watcher();
		run receiver()
	}
	timeout;
	assert(tail[A] == head[A] && tail[B] == head[B] && tail[X] == head[X]);
	/* B waits for ever when A died before it told: no fault of the channel. All others gave their lanes back. */
	assert(gone[A] && gone[X] || harm == 0);
	assert(alive[B] || gone[B])
}
