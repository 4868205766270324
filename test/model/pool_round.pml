/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_round.pml - a process is stopped inside a side of a pool's ring, and the others go round it
 *
 * Mirrors  sh_pool_hold, look_at, sh_pool_round_put in src/obj/pool_round.c; wait_long in src/obj/enter.c. That the detour is a
 *          ring like the first is not modelled: going by it always succeeds.
 *
 * Actors   X enters and leaves ROUNDS times, and is stopped for good, or killed, at some moment, or at none. N users put OPS times.
 *          Whoever waits for one inside says so at some moment: at once, late, or never if that one leaves. It may die before
 *          each step of saying so and of taking it back, HARM of them in all. Who finds a dead one inside frees its place.
 *
 * Claims   a user's put comes to its end, also when X is stopped inside, after no more attempts than others have made steps; and what was said is taken back
 *          by the next who looks after all that is over.
 */
#ifndef N
#define N 2
#endif
#ifndef OPS
#define OPS 2
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef HARM
#define HARM 1
#endif
#define X 1
#define FIRST 2 /* users: 2, 3 ... */
#define MOST 20 /* each try in vain is another's step forward */

byte owner, held;
bool told; /* HELD in __plain */
bool gone[FIRST + N], done[FIRST + N];
byte harm = HARM;

inline die()
{
	if
	:: true
	:: atomic { harm > 0 -> harm--; gone[me] = true; goto over }
	fi
}

inline mend()
{
	atomic {
		if
		:: owner != 0 && gone[owner] -> owner = 0
		:: else
		fi
	}
}

inline look()
{
	mend();
	h = held;
	die();
	if
	:: h != 0 && owner == h ->
#ifndef M_NO_HEAL
		told = true
#else
		skip
#endif
	:: else ->
		if
#ifndef M_NO_OVER
		:: h != 0 -> atomic { if :: held == h -> held = 0 :: else fi }
#endif
		:: else
		fi;
		die();
		told = false
	fi
}

proctype Holder(byte me)
{
	byte round;

	do
	:: round == ROUNDS -> break
	:: else ->
		atomic { owner == 0 || gone[owner] -> owner = me };
		die();
		if
		:: true
		:: goto over /* stopped for good */
		fi;
		owner = 0;
		round++
	od;
	done[me] = true;
over:
	skip
}

proctype User(byte me)
{
	byte op, tries, h, o;

	do
	:: op == OPS -> break
	:: else ->
		tries = 0;
again:
		tries++;
		assert(tries <= MOST);
		if
		:: tries > 1 || told ->
			look();
			if
			:: told -> goto through /* by the detour */
			:: else
			fi
		:: else
		fi;
enter:
		mend();
		if
		:: atomic { owner == 0 -> owner = me }
		:: atomic { owner != 0 -> o = owner };
			if
			:: atomic { held == o && held != 0 } -> goto again
			:: atomic { owner != o } -> goto enter
			:: atomic { gone[o] } -> goto enter
#ifndef M_NO_GIVE_UP
			:: held != o ->
				h = held;
				if
				:: atomic { held == h && h != o -> held = o };
					die();
					told = true;
					die();
					goto again
				:: else -> goto enter
				fi
#endif
			fi
		fi;
		die();
		owner = 0;
through:
		op++
	od;
	done[me] = true;
over:
	skip
}

active proctype monitor()
{
	byte me, h;

	atomic {
		run Holder(X);
		run User(FIRST);
		run User(FIRST + 1)
#if N > 2
		; run User(FIRST + 2)
#endif
	};
	timeout;
	assert(gone[FIRST] || done[FIRST]);
	assert(gone[FIRST + 1] || done[FIRST + 1]);
	harm = 0;
	if
	:: owner == X && !gone[X] -> goto over
	:: else
	fi;
	look();
	look();
	assert(!told && held == 0);
over:
	skip
}
