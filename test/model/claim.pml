/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * claim.pml - who owns an entry of the lane table, through deaths, and through a slot that is used again
 *
 * Actors   S   a sender that claims an entry for itself and R, publishes it in R's lane_of, sends one record, maybe leaves
 *          R   the receiver: maps what is published, drains it, gives it back when S is gone
 *          T   a third member: claims an entry of its own when it can, and sweeps (so does S before it gives up)
 *          S2  the next holder of S's slot: publishes in the same place of lane_of
 * Each but T may be killed before any step, two deaths at most; a fact is "gone" once proven. An entry holds FREE, OWNED (from, to) or
 * FREEING (by). Each change is a CAS from exactly the word that was read.
 *
 * Claims   an entry is never FREE, punched or claimed anew while a living party uses its bytes; it is freed once by one;
 *          a record that was published and whose receiver lives is consumed; at the end no entry is held by the dead
 *          (checked after the last sweep of the living), and nobody's place in lane_of stays taken by the dead.
 */
#define NE 2	/* entries */
#define NONE 9

/* members; as `to` or `from` */
#define S 0
#define R 1
#define T 2
#define S2 3
#define NM 4

#define FREE 0
#define OWNED 1
#define FREEING 2

byte st[NE], from[NE], to[NE]; /* the owner word, read and changed in one step */
byte serial[NE];	       /* how often claimed: the generations in the word make it unique */
byte place;		       /* R's lane_of[slot of S and S2]: entry + 1 */
bool gone[NM];		       /* proven */
byte uses[NM] = NONE;	       /* entry whose bytes this member has mapped and touches */
byte tail[NE], head[NE];
bool sent[NM], got[NM];
byte harm = 2;
bool quiet;	       /* the senders are gone */
byte r_done;	       /* threads of R that came to their end */

#define uses_it(m, k) (uses[m] == k && !gone[m])
#define used_by_living(k) (uses_it(S, k) || uses_it(R, k) || uses_it(T, k) || uses_it(S2, k))

inline die(m)
{
	if
	:: true
	:: atomic { m != T && !gone[m] && harm > 0 -> harm--; gone[m] = true; goto over }
	fi
}

/* CAS (f, t) -> FREEING (m); punch; -> FREE */
inline free_entry(k, f, t, m)
{
	atomic {
		!gone[m] ->
		if
#ifdef M_FREE_BLIND
		:: true -> st[k] = FREEING; from[k] = m; to[k] = NONE; ok = true
#else
		:: st[k] == OWNED && from[k] == f && to[k] == t -> st[k] = FREEING; from[k] = m; to[k] = NONE; ok = true
		:: else -> ok = false
#endif
		fi
	}
	if
	:: ok -> finish_free(k, m)
	:: else
	fi
}

inline finish_free(k, m)
{
	die(m);
	atomic {
		!gone[m] ->
		assert(st[k] == FREEING && from[k] == m);
		assert(!used_by_living(k)); /* the pages go now */
		tail[k] = 0;
		head[k] = 0
	}
	die(m);
	atomic { !gone[m] -> assert(st[k] == FREEING && from[k] == m); st[k] = FREE; from[k] = NONE; to[k] = NONE }
}

/* claims the lowest free entry; e == NONE: none */
inline claim(f, t)
{
	atomic {
		e = NONE;
		if
		:: st[0] == FREE -> e = 0
		:: st[0] != FREE && st[1] == FREE -> e = 1
		:: else
		fi;
		if
		:: e != NONE ->
			st[e] = OWNED;
			from[e] = f;
			to[e] = t;
			assert(!used_by_living(e));
			uses[f] = e
		:: else
		fi
	}
}

/* frees what belongs to the gone; m sweeps. Of lanes to m itself only those that are not published */
inline sweep(m)
{
	k = 0;
	do
	:: k < NE ->
		atomic {
			!gone[m] ->
			ok = false;
			if
			:: st[k] == FREEING && gone[from[k]] -> ok = true
			:: st[k] == OWNED && gone[from[k]] && gone[to[k]] -> ok = true
#ifdef M_SWEEP_UNDRAINED
			:: st[k] == OWNED && gone[from[k]] && to[k] == m -> ok = true
#else
			:: st[k] == OWNED && gone[from[k]] && to[k] == m && place != k + 1 -> ok = true
#endif
#ifdef M_SWEEP_HALF
			:: st[k] == OWNED && gone[from[k]] && !gone[to[k]] -> ok = true
#endif
			:: else
			fi;
			if
			:: ok -> st[k] = FREEING; from[k] = m; to[k] = NONE
			:: else
			fi
		}
		if
		:: ok -> finish_free(k, m)
		:: else
		fi;
		k++
	:: else -> break
	od;
	k = 0
}

proctype sender(byte me)
{
	byte e, k;
	bool ok;

	if
	:: me == S2 -> gone[S] /* the slot is given out again after that */
	:: else
	fi;
	/* an earlier holder's lane stands there until it was drained */
end_wait:
#ifndef M_PUBLISH_BLIND
	place == 0 || gone[R];
#endif
	claim(me, R);
	if
	:: e == NONE -> sweep(me); claim(me, R)
	:: else
	fi;
	if
	:: e == NONE -> goto leave
	:: else
	fi;
	die(me);
	atomic {
		if
#ifdef M_PUBLISH_BLIND
		:: true -> place = e + 1; ok = true
#else
		:: place == 0 -> place = e + 1; ok = true
#endif
#ifndef M_PUBLISH_BLIND
		:: else -> ok = false
#endif
		fi
	}
	if
	:: !ok -> uses[me] = NONE; free_entry(e, me, R, me); goto leave
	:: else
	fi;
	die(me);
	atomic { tail[e]++; sent[me] = true }
	die(me);
	if
	:: atomic { gone[R] -> uses[me] = NONE }
		/* the receiver is gone: mine to free */
		atomic {
			if
			:: place == e + 1 -> place = 0
			:: else
			fi
		}
		free_entry(e, me, R, me)
	:: true /* leaves with the lane as it is: R drains it */
	fi;
leave:	skip;
over:	atomic { uses[me] = NONE; gone[me] = true; k = 0; e = 0; ok = false }
}

/* two threads of R; when one is killed so is the other, and stands still */
proctype receiver()
{
	byte e, v;
	bool ok;

end:	do
	:: atomic { !gone[R] && place != 0 && uses[R] == NONE -> v = place }
		die(R);
		/* lane_ready: is the entry still that of a lane to me? */
		atomic {
			!gone[R] ->
			if
			:: st[v - 1] == OWNED && to[v - 1] == R -> uses[R] = v - 1; e = from[v - 1]
			:: else ->
				if
				:: place == v -> place = 0
				:: else
				fi
			fi
		}
	:: atomic { !gone[R] && uses[R] != NONE && tail[uses[R]] != head[uses[R]] -> head[uses[R]]++; got[e] = true }
	:: atomic { !gone[R] && uses[R] != NONE && gone[e] -> v = uses[R] }
#ifndef M_FREE_UNDRAINED
		if
		:: atomic { !gone[R] && tail[v] != head[v] -> head[v]++; got[e] = true }
		:: else
		fi;
#endif
#ifdef M_UNMAP_LAST
		atomic { !gone[R] -> place = 0 }
		free_entry(v, e, R, R);
		uses[R] = NONE;
#else
		atomic { !gone[R] -> uses[R] = NONE }
		die(R);
		atomic { !gone[R] -> place = 0 }
		die(R);
		free_entry(v, e, R, R);
#endif
		atomic { e = 0; v = 0; ok = false }
	:: atomic { !gone[R] && quiet && place == 0 && uses[R] == NONE -> break }
	od;
over:	r_done++
}

proctype r_watcher()
{
	byte k;
	bool ok;

	/* told of a death, at any time after it */
#ifndef M_NO_SWEEP
	gone[S];
	sweep(R);
	gone[S2] && quiet;
	sweep(R);
#endif
over:	r_done++
}

proctype third()
{
	byte k, e;
	bool ok;

	if
	:: gone[S] || gone[R] -> sweep(T)
	:: true
	fi;
	claim(T, S2);
	if
	:: e != NONE -> uses[T] = NONE; free_entry(e, T, S2, T)
	:: else
	fi;
	quiet && (r_done == 2 || gone[R]);
#ifndef M_NO_SWEEP
	sweep(T);
#endif
	goto done;
over:	skip; /* T never dies: it is the one who lives to tell */
done:	skip
}

active proctype monitor()
{
	byte k;

	atomic {
		uses[0] = NONE;
		from[0] = NONE;
		from[1] = NONE;
		run sender(S);
		run sender(S2);
		run receiver();
		run r_watcher();
		run third()
	}
	(gone[S] && gone[S2]) || timeout;
	quiet = true;
	timeout;
	assert(st[0] == FREE || (!gone[from[0]] && st[0] == OWNED));
	assert(st[1] == FREE || (!gone[from[1]] && st[1] == OWNED));
	assert(gone[R] || place == 0);
	assert(gone[R] || !sent[S] || got[S]);
	assert(gone[R] || !sent[S2] || got[S2])
}
