/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fdname.pml - names of shared fds: one name is given out once, and what was revoked nobody uses
 *
 * Actors   R   registers the name in an entry of its own (all claim different ones): TRY, looks at the others one by one, LIVE,
 *              or back to MAKING; a fixed number of tries
 *          G   gets a copy of whatever is LIVE: it has come, hold, a second look at the word; uses it; puts it when it sees the
 *              word closed
 *          V   revokes what is LIVE: CLOSED, looks at hold, then FREE; whoever registers may claim the entry anew (serial + 1)
 * Each R and G may be killed before any step, HARM deaths at most; a death is known at once to who asks for the proof.
 *
 * Claims   no two entries are LIVE; nobody living uses a copy of an entry that is FREE or was claimed anew; when nothing can move
 *          and nobody died, the name was given out.
 */
#ifndef HARM
#define HARM 1
#endif
#define NR 3
#define TRIES 3

#define FREE 0
#define MAKING 1
#define TRY 2
#define LIVE 3
#define CLOSED 4

byte st[NR], serial[NR], maker[NR]; /* the word, changed in one step */
bool dead[NR + 1];		    /* R 0 .. NR - 1; G */
bool hold[NR];			    /* of G */
byte uses = NR, used_serial;	    /* the entry that G uses; NR: none */
byte harm = HARM;
bool won;			    /* somebody was LIVE */

inline die(m)
{
	if
	:: true
	:: atomic { harm > 0 -> harm--; dead[m] = true; goto over }
	fi
}

#define lives(k) (st[k] == LIVE)

active [NR] proctype R()
{
	byte me = _pid, k, t, seen;

	do
	:: t < TRIES ->
		die(me);
		/* an entry of its own; one that was freed may be its next */
		atomic {
			if
			:: st[me] == FREE -> st[me] = MAKING; serial[me]++; maker[me] = me
			:: else -> goto over
			fi
		}
		do
		:: t >= TRIES -> break
		:: else ->
			t++;
			die(me);
			atomic { if :: st[me] == MAKING -> st[me] = TRY :: else -> goto over fi }
			seen = 0; /* 1 one above tries, 2 one below, 3 LIVE */
			k = 0;
			do
			:: k < NR ->
				die(me);
				atomic {
					if
					:: k == me || st[k] == FREE || st[k] == MAKING || st[k] == CLOSED -> skip
					:: k != me && st[k] == LIVE -> seen = 3
					:: k != me && st[k] == TRY && dead[maker[k]] -> st[k] = CLOSED
					:: k != me && st[k] == TRY && !dead[maker[k]] ->
#ifdef M_ABOVE_IS_NOBODY
						if :: k < me && seen < 2 -> seen = 2 :: else -> skip fi
#else
						if :: k < me && seen < 2 -> seen = 2 :: k > me && seen < 1 -> seen = 1 :: else -> skip fi
#endif
					fi
				}
				k++
			:: else -> break
			od;
			die(me);
			if
			:: seen == 0 ->
				atomic {
					if
					:: st[me] == TRY -> st[me] = LIVE; won = true
					:: else -> goto over
					fi
				}
				goto over
			:: seen == 3 ->
				atomic { if :: st[me] == TRY -> st[me] = CLOSED :: else -> skip fi }
				atomic { if :: st[me] == CLOSED -> st[me] = FREE :: else -> skip fi }
				goto over
			:: seen == 1 || seen == 2 ->
				atomic { if :: st[me] == TRY -> st[me] = MAKING :: else -> goto over fi }
				/* who sees one below waits for it to decide; who sees one above looks again */
				if
				:: seen == 2 ->
					k = 0;
					do
					:: k < me ->
						/* until it has won, or has given up */
						(st[k] != TRY || dead[maker[k]]);
						k++
					:: else -> break
					od;
					t-- /* it was not in vain */
				:: else -> t--
				fi
			fi
		od;
		goto over
	:: else -> break
	od;
over:	skip
}

active proctype G()
{
	byte k, s;

	do
	:: k < NR ->
		if
		:: atomic { lives(k) -> s = serial[k] }; /* it has come */
			die(NR);
#ifdef M_LOOK_FIRST
			if :: st[k] == LIVE && serial[k] == s -> skip :: else -> goto next fi;
			die(NR);
			hold[k] = true;
			uses = k; used_serial = s;
#else
			hold[k] = true;
			die(NR);
			if
			:: atomic { st[k] == LIVE && serial[k] == s -> uses = k; used_serial = s }
			:: else -> hold[k] = false; goto next
			fi;
#endif
			die(NR);
			/* told of the revocation: lets go */
			(st[k] == CLOSED);
			uses = NR;
			hold[k] = false
		:: timeout -> break
		fi;
next:		k++
	:: else -> break
	od;
over:	if
	:: dead[NR] -> uses = NR
	:: else -> skip
	fi
}

active proctype V()
{
	byte k;

	do
	:: k < NR ->
		if
		:: atomic { lives(k) -> st[k] = CLOSED };
#ifndef M_NO_WAIT
			(!hold[k] || dead[NR]);
#endif
			st[k] = FREE
		:: true
		fi;
		k++
	:: else -> break
	od
}

active proctype monitor()
{
	do
	:: atomic { (lives(0) && lives(1)) || (lives(0) && lives(2)) || (lives(1) && lives(2)) -> assert(false) }
	:: atomic { uses < NR && !dead[NR] && (st[uses] == FREE || serial[uses] != used_serial) -> assert(false) }
	:: atomic { timeout -> assert(won || harm < HARM); break }
	od
}
