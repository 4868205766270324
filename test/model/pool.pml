/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool.pml - caches of a pool that is not tracked, and the mending of those of the dead
 *
 * Mirrors  src/obj/pool_cache.c (get, put, flush), src/obj/move.c (sh_move_in, sh_move_out, sh_move_mend, drop_intent),
 *          src/obj/pool_mend.c (mend_caches, settle, mend_cache, empty_cache). The sides of the ring are as in ring.pml: one at a
 *          time, a dead one's place is taken.
 *
 * Actors   two users, each with a cache of up to two objects, who get and put objects one by one, ROUNDS times; two menders, each
 *          of which mends while a dead one has a cache. Each may be killed before any step, HARM of them in all.
 * Claims   at the end, if a mender lives, no cache is a dead one's, and each object is in one place: the ring, a cache, a
 *          hand, or it was in the hand of one that died. At no time is one taken out that was not there.
 */
#ifndef HARM
#define HARM 2
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#define OBJS 3
#define SLOTS 4
#define NONE 9
#define NU 2 /* users 0, 1; menders 2, 3 */
#define NM 4
#define FILL 1
#define FLUSH 2

byte slot[SLOTS];
byte ptail = OBJS, ctail;
byte powner = NONE, cowner = NONE;
bool gone[NM];
byte harm = HARM;
byte hand[NU] = NONE;
/* caches: cache i is made by user i, and later perhaps a mender's */
byte owner[NU], cnt[NU], ikind[NU], ilen[NU], ipos[NU];
byte obj[4]; /* of cache c: 2 * c, 2 * c + 1 */

inline die()
{
	if
	:: true
	:: atomic { harm > 0 -> harm--; gone[me] = true; goto over }
	fi
}

/* the intent of this cache was for this position of this side: it has not happened */
#define not_yet(c, kind, pos) (ikind[c] == kind && ipos[c] == pos && owner[c] != NONE && gone[owner[c]])

#ifdef M_NO_DROP
#define drop(kind, pos) skip
#else
#define drop(kind, pos)                                                                                                \
	for (k : 0 .. (NU - 1)) {                                                                                        \
		die();                                                                                                 \
		atomic {                                                                                               \
			if                                                                                             \
			:: not_yet(k, kind, pos) -> ikind[k] = 0                                                       \
			:: else                                                                                        \
			fi                                                                                             \
		}                                                                                                      \
	}
#endif

/* free: mine. A dead one's: mine, and what it began is forgotten */
inline enter(side, kind, tail)
{
	atomic {
		(side == NONE || gone[side]) ->
		taken = (side != NONE);
		side = me
	};
	if
	:: taken -> drop(kind, tail)
	:: else
	fi
}

inline leave(side)
{
	die();
	side = NONE
}

#ifdef M_NO_INTENT
#define intend(c, kind, n, pos) skip
#else
#define intend(c, kind, n, pos) atomic { ikind[c] = kind; ilen[c] = n; ipos[c] = pos }
#endif

/* what is in cache c goes to the ring: by its owner, whoever that is by now */
inline flush(c)
{
	enter(powner, FLUSH, ptail);
	die();
	pos = ptail;
	assert(ptail + cnt[c] - ctail <= OBJS);
	atomic {
		slot[pos % SLOTS] = obj[2 * c];
		if
		:: cnt[c] == 2 -> slot[(pos + 1) % SLOTS] = obj[2 * c + 1]
		:: else
		fi
	};
#ifdef M_LEN_FIRST
	die();
	n = cnt[c];
	cnt[c] = 0;
	die();
	ptail = pos + n;
	leave(powner)
#else
	intend(c, FLUSH, 0, pos);
	die();
	ptail = pos + cnt[c]; /* R:RINGPUB */
	leave(powner);
	die();
	cnt[c] = 0;
	die();
	ikind[c] = 0
#endif
}

inline get_one()
{
	if
	:: cnt[me] > 0
	:: else ->
		enter(cowner, FILL, ctail);
		die();
		pos = ctail;
		n = ptail - pos;
		if
		:: n == 0 -> leave(cowner)
		:: n == 1 -> /* past the cache */
			atomic { hand[me] = slot[pos % SLOTS]; ctail = pos + 1 };
			leave(cowner)
		:: else ->
			/* nobody looks at slots or objects beyond what counts: a death in between changes nothing */
			atomic { obj[2 * me] = slot[pos % SLOTS]; obj[2 * me + 1] = slot[(pos + 1) % SLOTS] };
			intend(me, FILL, 2, pos);
			die();
			ctail = pos + 2;
			leave(cowner);
			die();
			cnt[me] = 2;
			die();
			ikind[me] = 0
		fi
	fi;
	die();
	if
	:: hand[me] == NONE && cnt[me] > 0 -> atomic { hand[me] = obj[2 * me + cnt[me] - 1]; cnt[me]-- }
	:: else
	fi
}

inline put_one()
{
	if
	:: cnt[me] == 2 -> flush(me)
	:: else
	fi;
	die();
	atomic { obj[2 * me + cnt[me]] = hand[me]; cnt[me]++; hand[me] = NONE }
}

proctype User(byte me)
{
	byte pos, n, k, round;
	bool taken;

	for (round : 1 .. ROUNDS) {
		die();
		if
		:: hand[me] == NONE -> get_one()
		:: hand[me] != NONE -> put_one()
		fi
	}
	/* a flush by hand, at any fill */
	die();
	if
	:: cnt[me] > 0 -> flush(me)
	:: true
	fi;
over:
	skip
}

#define dead_one(c) (owner[c] != NONE && gone[owner[c]])

proctype Mender(byte me)
{
	byte pos, n, k, c;
	byte dead[NU];
	bool taken;

	do
	:: atomic { (dead_one(0) || dead_one(1)) ->
		/* who is dead before the sides are looked at */
		for (c : 0 .. (NU - 1)) {
			dead[c] = (dead_one(c) -> owner[c] : NONE)
		} };
		die();
#ifndef M_NO_SETTLE
		enter(powner, FLUSH, ptail);
		leave(powner);
		die();
		enter(cowner, FILL, ctail);
		leave(cowner);
#endif
		for (c : 0 .. (NU - 1)) {
			die();
			atomic {
				if
#ifdef M_LATE_DEATH
				:: dead_one(c) -> owner[c] = me; taken = true
#else
				:: dead_one(c) && owner[c] == dead[c] -> owner[c] = me; taken = true
#endif
				:: else -> taken = false
				fi
			};
			if
			:: !taken
			:: else ->
				die();
				if
				:: ikind[c] != 0 ->
					cnt[c] = ilen[c];
					die();
					ikind[c] = 0
				:: else
				fi;
				if
				:: cnt[c] > 0 -> flush(c)
				:: else
				fi;
				die();
				owner[c] = NONE
			fi
		}
	od;
over:
	skip
}

inline in_place(o)
{
	places = 0;
	for (i : 0 .. (NU - 1)) {
		places = places + (hand[i] == o) + (cnt[i] > 0 && obj[2 * i] == o) + (cnt[i] > 1 && obj[2 * i + 1] == o)
	};
	for (i : ctail .. (ptail - 1)) {
		places = places + (slot[i % SLOTS] == o)
	}
}

/* nothing can move any more */
active proctype monitor()
{
	byte i, o, places;

	atomic {
		for (i : 0 .. (OBJS - 1)) {
			slot[i] = i
		};
		owner[0] = 0;
		owner[1] = 1;
		run User(0);
		run User(1);
		run Mender(2);
		run Mender(3)
	};
	timeout;
	atomic {
		if
		:: gone[2] && gone[3]
		:: else ->
			assert(!dead_one(0) && !dead_one(1));
			for (o : 0 .. (OBJS - 1)) {
				in_place(o);
				assert(places == 1)
			}
		fi
	}
}
