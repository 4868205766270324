/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_track.pml - a tracked pool: whose name an object bears, and taking back what the dead had
 *
 * Mirrors  sh_move_in, sh_move_out, sh_move_mend in src/obj/move.c; retag in src/obj/pool_cache.c; list_tags, settle, sweep in
 *          src/obj/pool_mend.c; shoal_own is left out. The sides of both rings are as in ring.pml.
 *
 * Actors   two users: the first gets objects from the pool and sends them to the second through a tracked ring, which gives them
 *          back to the pool; two menders, each of which sweeps while an object bears a dead one's name. Each may be killed
 *          before any step, HARM of them in all. Rings 0: the pool's, 1: the one between; sides 0: in, 1: out.
 * Claims   at the end, if a mender lives, each object is in one place: a ring or the hand of a living one, and it bears no
 *          dead one's name. An object in a living one's hand bears its name, and is in no ring.
 */
#ifndef HARM
#define HARM 2
#endif
#define OBJS 2
#define SLOTS 4
#define NONE 9
#define POOL 7 /* names of what is in a ring */
#define RING 8
#define NM 4 /* users 0, 1; menders 2, 3 */

typedef Ring {
	byte slot[SLOTS];
	byte tail[2];
	byte owner[2];
	byte move[2]; /* position + 1 of the move that was noted last */
}
Ring ring[2];
byte tag[OBJS];
byte hand[NM] = NONE;
bool gone[NM];
byte harm = HARM;

inline die()
{
	if
	:: true
	:: atomic { harm > 0 -> harm--; gone[me] = true; goto over }
	fi
}

#define inside(r) (r == 0 -> POOL : RING)

/* what a dead one had noted has not happened: what was to go in goes in, what was to come out bears the ring's name */
#ifdef M_NO_MEND
#define mend(r, s) skip
#else
#define mend(r, s)                                                                                                     \
	if                                                                                                             \
	:: ring[r].move[s] == ring[r].tail[s] + 1 ->                                                                   \
		tag[ring[r].slot[ring[r].tail[s] % SLOTS]] = inside(r);                                                \
		die();                                                                                                 \
		if                                                                                                     \
		:: s == 0 -> ring[r].tail[0]++                                                                         \
		:: else                                                                                                \
		fi                                                                                                     \
	:: else                                                                                                        \
	fi
#endif

inline enter(r, s)
{
	die();
	atomic {
		(ring[r].owner[s] == NONE || gone[ring[r].owner[s]]) ->
		taken = (ring[r].owner[s] != NONE);
		ring[r].owner[s] = me
	};
	if
	:: taken ->
		die();
		mend(r, s)
	:: else
	fi
}

inline leave(r, s)
{
	die();
	ring[r].owner[s] = NONE
}

/* my object goes in. From the tail's store on it is not in my hand */
inline move_in(r)
{
	enter(r, 0);
	ring[r].slot[ring[r].tail[0] % SLOTS] = hand[me];
	die();
#ifndef M_NO_NOTE
	ring[r].move[0] = ring[r].tail[0] + 1;
	die();
#endif
	tag[hand[me]] = inside(r);
	die();
	atomic { hand[me] = NONE; ring[r].tail[0]++ };
	leave(r, 0)
}

/* or nothing, if there is nothing */
inline move_out(r)
{
	enter(r, 1);
	if
	:: ring[r].tail[1] == ring[r].tail[0]
	:: else ->
		die();
		ring[r].move[1] = ring[r].tail[1] + 1;
		die();
		tag[ring[r].slot[ring[r].tail[1] % SLOTS]] = me;
		die();
		atomic { hand[me] = ring[r].slot[ring[r].tail[1] % SLOTS]; ring[r].tail[1]++ }
	fi;
	leave(r, 1)
}

proctype User(byte me)
{
	byte round;
	bool taken;

	for (round : 1 .. 2) {
		move_out(me); /* 0: out of the pool, into the ring; 1: the other way round */
		if
		:: hand[me] != NONE -> move_in(1 - me)
		:: else
		fi
	}
	if
	:: move_out(me) /* and keeps it */
	:: true
	fi;
over:
	skip
}

#define dead_tag(o) (tag[o] < NM && gone[tag[o]])

proctype Mender(byte me)
{
	byte o;
	byte dead[OBJS];
	bool taken;

	do
	:: atomic { (dead_tag(0) || dead_tag(1)) ->
		for (o : 0 .. (OBJS - 1)) {
			dead[o] = (dead_tag(o) -> tag[o] : NONE)
		} };
#ifndef M_NO_SETTLE
		enter(1, 0);
		leave(1, 0);
		enter(1, 1);
		leave(1, 1);
		enter(0, 0);
		leave(0, 0);
		enter(0, 1);
		leave(0, 1);
#endif
		for (o : 0 .. (OBJS - 1)) {
			die();
			atomic {
				if
#ifdef M_LATE_DEATH
				:: dead_tag(o)
#else
				:: dead_tag(o) && (tag[o] == dead[0] || tag[o] == dead[1])
#endif
					-> tag[o] = me; hand[me] = o
				:: else
				fi
			};
			if
			:: hand[me] != NONE -> move_in(0)
			:: else
			fi
		}
	od;
over:
	skip
}

inline in_place(o)
{
	places = 0;
	for (i : 0 .. 1) {
		places = places + (hand[i] == o && !gone[i]);
		for (k : ring[i].tail[1] .. (ring[i].tail[0] - 1)) {
			places = places + (ring[i].slot[k % SLOTS] == o)
		}
	}
}

/* nothing can move any more */
active proctype monitor()
{
	byte i, k, o, places;

	atomic {
		for (i : 0 .. 1) {
			ring[i].owner[0] = NONE;
			ring[i].owner[1] = NONE
		};
		for (i : 0 .. (OBJS - 1)) {
			ring[0].slot[i] = i;
			tag[i] = POOL
		};
		ring[0].tail[0] = OBJS;
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
			/* a side that a dead one still has is mended by who comes next: that is now */
			for (i : 0 .. 1) {
				for (k : 0 .. 1) {
					if
					:: ring[i].owner[k] != NONE && ring[i].move[k] == ring[i].tail[k] + 1 ->
						tag[ring[i].slot[ring[i].tail[k] % SLOTS]] = inside(i);
						ring[i].tail[k] = ring[i].tail[k] + (k == 0)
					:: else
					fi
				}
			};
			for (o : 0 .. (OBJS - 1)) {
				in_place(o);
				assert(places == 1);
				assert(!dead_tag(o))
			};
			assert(hand[0] == NONE || gone[0] || tag[hand[0]] == 0);
			assert(hand[1] == NONE || gone[1] || tag[hand[1]] == 1)
		fi
	}
}
