/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * growth.pml - the two-phase exchange by which memory grows, and shrinks, while some member observes
 *
 * Actors: R requests (a thread that asks, and its runtime, which is asked), C is the primary and coordinates, on a thread
 * of its own beside the one that answers others; B1 and B2 stand by. All four observe: view[] is what their callbacks were told, backed is the truth. -DDEATHS of them die, at any step. An
 * asker may give up waiting for one that lives, or whose turn it is for a coordinator that lives, -DLATE times in all: it is stopped,
 * or slow; that one goes on later. Any member may veto once (-DVETO). -DSHRINK: the pages go instead.
 *
 * Claims, as assertions:
 *   - R uses new pages only when everybody who lives was told of them, and the pages are there
 *   - pages go only when everybody who lives, and was not late, was told before
 *   - pages never go from under somebody who took the run after R had given it back
 *   - at rest: R, if it lives, has its answer; no exchange is open; each who lives was told the truth; the run of a dead R is free
 *
 * -DONE_BYSTANDER leaves B2 out.
 *
 * Who of B closes what another left open does so where it answers: in the library that too has a thread of its own.
 *
 * What is under G (src/mem/exchange.c) is one step. Mutants: -DM_..., see README.md.
 */
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef LATE
#define LATE 1
#endif
#ifndef VETO
#define VETO 1
#endif
#ifdef SHRINK
#define TOLD 0 /* what everybody shall be told in the end */
#else
#define TOLD 1
#endif
#define BEFORE (1 - TOLD)

/* -DFIRST=0: R's runtime observes as well */
#ifndef FIRST
#define FIRST 1
#endif

#define R 0
#define C 1
#define N 4

mtype = { IDLE, START, SYNC, BACK, AGAIN, STAY };
mtype = { NOT, ASKED, TAKEN, YES, NO };
mtype = { NONE, OK, FAIL };

bool alive[N] = true;
byte deaths = DEATHS, lates = LATE, vetoes = VETO;
bool backed = BEFORE;
bool view[N] = BEFORE;
bool calling[N];	/* a thread of it is at its callbacks */
bool late_for[N];	/* somebody gave up waiting for it */

/* the record */
mtype phase = IDLE;
byte coord, stint;
bool busy = true;	/* the run is R's */
bool asked;		/* R waits: said in the run's descriptor */
bool other = false;	/* somebody else has it, with pages of its own */

/* posts: of R to C, and of each asker to each member */
mtype req = NOT;
mtype ans[N * N] = NOT;
bool rung[N];
#define a_of(from, to) ans[(from) * N + (to)]

mtype result = NONE;

/* what callbacks are to be told: pages that are not yet announced, taken back or about to go count as gone */
#ifdef SHRINK
#define truth (backed && (phase == IDLE || phase == STAY))
#else
#define truth (backed && (phase == IDLE || phase == SYNC))
#endif

#ifdef M_NO_FENCE
#define fence(mine) true
#else
#define fence(mine) (stint == (mine) && phase != IDLE)
#endif

/* bring my view to the truth; the truth may change while callbacks run, which one thread of a process calls at a time */
inline sync_view(me, t)
{
#ifndef M_TWO_AT_ONCE
	atomic { !calling[me] -> calling[me] = true };
#endif
	do
	:: atomic { t = truth; if :: view[me] == t -> calling[me] = false; break :: else fi }
	   view[me] = t /* the callback */
	od
}

#ifdef M_WAIT_DEAD
#define proven(i) false
#else
#define proven(i) (!alive[i])
#endif

#define unanswered(me, i) (a_of(me, i) == ASKED || a_of(me, i) == TAKEN)
#define waits(me, i) (unanswered(me, i) && !proven(i))
#define gives_up(me, i) (unanswered(me, i) && alive[i])

/* all answers at once; what is not answered is withdrawn */
inline collect(me, i, no)
{
	i = 0;
	do
	:: i < N -> if :: a_of(me, i) == NO -> no = true :: else fi; a_of(me, i) = NOT; i++
	:: else -> break
	od;
	i = 0
}

/* ask everybody but me, wait for all; no: somebody refused or was late. Dead ones say nothing */
inline ask_all(me, mine, i, no)
{
	atomic {
		no = false;
		i = FIRST;
		do
		:: i < N ->
			if
			:: i != me && alive[i] -> a_of(me, i) = ASKED; rung[i] = true
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0
	};
	do
	:: atomic { !(waits(me, R) || waits(me, C) || waits(me, 2) || waits(me, 3)) -> collect(me, i, no); break }
	:: atomic { lates > 0 && (gives_up(me, R) || gives_up(me, C) || gives_up(me, 2) || gives_up(me, 3)) ->
		if
		:: gives_up(me, R) -> i = R
		:: gives_up(me, C) -> i = C
		:: gives_up(me, 2) -> i = 2
		:: gives_up(me, 3) -> i = 3
		fi;
		/* withdrawn: an answer that comes later answers nothing */
		a_of(me, i) = NOT; lates--; late_for[i] = true;
#ifndef M_LATE_IS_YES
		no = true;
#endif
		i = 0 }
#ifndef M_WAIT_ON
	:: atomic { !fence(mine) && (waits(me, R) || waits(me, C) || waits(me, 2) || waits(me, 3)) ->
		no = true; collect(me, i, no); break } /* no longer my affair */
#endif
	od
}

/* pages go: were all told who live and were not given up? */
#define hidden(i) (!alive[i] || late_for[i] || !view[i] || i < FIRST)

/* take back what a grow did; finish what a shrink began: announced, gone, then all are asked again. mine: my stint */
inline roll(me, mine, i, no, t)
{
#ifndef SHRINK
	atomic { if :: fence(mine) -> phase = BACK :: else fi };
#else
#ifndef M_STILL_STAYS
	atomic { if :: fence(mine) -> phase = START :: else fi };
#endif
#endif
#ifndef M_NO_ANNOUNCEMENT
	sync_view(me, t);
	ask_all(me, mine, i, no);
#endif
	atomic {
		if
		:: fence(mine) ->
			assert(hidden(R) && hidden(C) && hidden(2) && hidden(3));
			assert(!other); /* not somebody else's pages */
			backed = false;
			phase = AGAIN
		:: else
		fi
	};
	ask_all(me, mine, i, no);
	atomic { if :: fence(mine) -> phase = IDLE :: else fi };
	sync_view(me, t)
}

/* the steps 2 to 10 (growth), 2 to 6 (free); the record is mine */
inline coordinate(me, mine, i, no, t, res)
{
	res = FAIL;
#ifdef SHRINK
	if
	:: atomic { vetoes > 0 -> vetoes-- } /* cannot unmap what was announced: those that heard it hear that it stays */
	   sync_view(me, t);
	   ask_all(me, mine, i, no);
#ifndef M_STAY_SILENT
	   atomic { if :: fence(mine) -> phase = STAY :: else fi };
	   sync_view(me, t);
	   ask_all(me, mine, i, no);
#endif
	   atomic { if :: fence(mine) -> phase = IDLE :: else fi };
	   sync_view(me, t)
	:: roll(me, mine, i, no, t); res = OK
	fi
#else
	if
	:: atomic { vetoes > 0 -> vetoes-- } /* cannot map */
	   atomic { if :: fence(mine) -> phase = IDLE :: else fi }
	:: atomic {
		if
		:: fence(mine) -> assert(!other); backed = true
		:: else
		fi
	   };
	   atomic { if :: fence(mine) -> phase = SYNC :: else fi };
	   sync_view(me, t);
#ifdef M_COMMIT_EARLY
	   atomic { if :: fence(mine) -> phase = IDLE; res = OK :: else fi };
#endif
	   ask_all(me, mine, i, no);
	   atomic {
		if
		:: !no && fence(mine) -> phase = IDLE; res = OK
		:: else
		fi
	   };
	   if
	   :: res == FAIL -> roll(me, mine, i, no, t)
	   :: else
	   fi
	fi
#endif
}

/* the record's coordinator is dead: whoever sees it first takes its place */
#define orphan (phase != IDLE && !alive[coord])
inline take_over(me, mine)
{
	coord = me;
	stint++;
	mine = stint
}

/* a member's internal thread: answers, catches up. Of B it repairs too: a thread for that would differ in nothing */
proctype runtime(byte me)
{
	byte i = 0, mine = 0;
	bool no = false, t;

	{
end:	do
	:: atomic {
		if
		:: a_of(0, me) == ASKED -> i = 0
		:: a_of(1, me) == ASKED -> i = 1
		:: a_of(2, me) == ASKED -> i = 2
		:: a_of(3, me) == ASKED -> i = 3
		fi;
		a_of(i, me) = TAKEN;
		rung[me] = false
	   };
	   if
	   :: atomic { phase == SYNC && TOLD == 1 && vetoes > 0 -> vetoes--; no = true }
	   :: sync_view(me, t)
	   fi;
	   atomic {
		if
#ifdef M_LATE_COUNTS
		:: !no -> a_of(i, me) = YES
		:: no -> a_of(i, me) = NO
#else
		:: a_of(i, me) == TAKEN && !no -> a_of(i, me) = YES
		:: a_of(i, me) == TAKEN && no -> a_of(i, me) = NO
#endif
		:: else
		fi;
		no = false;
		i = 0
	   }
#ifndef M_NO_LOOK
	:: atomic { rung[me] && a_of(0, me) != ASKED && a_of(1, me) != ASKED && a_of(2, me) != ASKED && a_of(3, me) != ASKED ->
		rung[me] = false };
	   sync_view(me, t) /* it was withdrawn */
#endif
#ifndef M_NO_REPAIR
	:: atomic { me != C && orphan -> take_over(me, mine) };
	   roll(me, mine, i, no, t);
	   no = false
#endif
	:: atomic { me != C && lates > 0 && phase != IDLE && alive[coord] && coord != me -> lates--; take_over(me, mine) };
	   roll(me, mine, i, no, t);
	   no = false
	od
	} unless { !alive[me] }
}

/* C's thread that coordinates, and repairs; what others ask of C meanwhile its runtime answers */
proctype coordinator()
{
	byte i = 0, mine = 0;
	bool no = false, t;
	mtype res = NONE;

	{
end:	do
	:: atomic { req == ASKED -> req = TAKEN };
	   atomic {
		if
#ifdef M_BLIND_START
		:: phase == IDLE -> phase = START; coord = C; stint++; mine = stint; res = NONE
#else
		:: phase == IDLE && busy && asked -> phase = START; coord = C; stint++; mine = stint; res = NONE
		:: !busy || !asked -> res = FAIL /* R does not wait any more */
#endif
		fi
	   };
	   if
	   :: res == NONE -> coordinate(C, mine, i, no, t, res)
	   :: else
	   fi;
	   no = false;
	   atomic { if :: req == TAKEN -> req = (res == OK -> YES : NO) :: else fi }
#ifndef M_NO_REPAIR
	:: atomic { orphan -> take_over(C, mine) };
	   roll(C, mine, i, no, t);
	   no = false
#endif
	/* whose turn it is waits for it no longer: coord has been stopped, or is slow */
	:: atomic { lates > 0 && phase != IDLE && alive[coord] && coord != C -> lates--; take_over(C, mine) };
	   roll(C, mine, i, no, t);
	   no = false
	od
	} unless { !alive[C] }
}

/* R's thread: it has a run and wants pages in it, or wants to give them back */
proctype requester()
{
	byte i = 0, mine = 0;
	bool no = false, t, late = false;
	mtype res = NONE;

	{
	do
	:: alive[C] ->
		atomic { asked = true; req = ASKED };
		if
		:: req == YES -> res = OK; break
		:: req == NO -> res = FAIL; break
		:: !alive[C]
		:: atomic { lates > 0 && alive[C] && (req == ASKED || req == TAKEN) -> lates--; late = true; req = NOT }
		fi;
		/* dead, or too late: whatever is open on my run is closed; nobody may open it again */
		do
		:: atomic { phase != IDLE && (late || !alive[coord]) -> take_over(R, mine) };
		   roll(R, mine, i, no, t);
		:: atomic { phase == IDLE -> asked = false; res = (backed == TOLD -> OK : FAIL) };
		   break
		od;
		if
		:: res == OK || late -> break
		:: else -> res = NONE /* again, with whoever is primary now */
		fi
	:: !alive[C] -> /* no primary: by itself */
		if
		:: atomic { phase == IDLE -> phase = START; coord = R; stint++; mine = stint };
		   coordinate(R, mine, i, no, t, res);
		   break
		:: atomic { orphan -> take_over(R, mine) };
		   roll(R, mine, i, no, t)
		fi
	od;
#ifndef SHRINK
	if
	:: atomic { res == OK ->
		assert(backed);
		assert((!alive[C] || view[C]) && (!alive[2] || view[2]) && (!alive[3] || view[3]) && (view[R] || FIRST == 1))
	   }
	:: else
	fi;
#endif
	/* what R did not get, and what it gave, is free; somebody else may have it and put pages there */
	atomic { result = res; if :: res == FAIL || TOLD == 0 -> busy = false :: else fi };
	if
	:: !busy -> atomic { phase == IDLE -> other = true }
	:: else
	fi
	} unless { !alive[R] }
}

#ifdef M_REAP_OPEN
#define may_reap true
#else
#define may_reap (phase == IDLE)
#endif

/* who hears of R's death frees its run; not while an exchange is open on it */
proctype reaper()
{
end:	if
	:: atomic { !alive[R] && busy && may_reap -> busy = false; other = true }
	fi
}

proctype death()
{
end:	do
	:: atomic { deaths > 0 -> deaths--; if :: alive[R] = false :: alive[C] = false :: alive[2] = false fi }
	:: deaths == 0 -> break
	:: break
	od
}

#define told_truth(i) (!alive[i] || view[i] == backed || i < FIRST)

proctype monitor()
{
	timeout;
	assert(!alive[R] || result != NONE);
	assert(phase == IDLE);
	assert(told_truth(R) && told_truth(C) && told_truth(2) && told_truth(3));
	assert(alive[R] || !busy || other)
}

init
{
	atomic {
#if FIRST == 0
		run runtime(R);
#endif
		run runtime(C);
		run coordinator();
		run runtime(2);
#ifdef ONE_BYSTANDER
		alive[3] = false;
#else
		run runtime(3);
#endif
		run requester();
		run reaper();
		run death();
		run monitor()
	}
}
