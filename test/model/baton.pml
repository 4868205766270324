/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * baton.pml - actions of a process run one at a time, and may ask each other in circles
 *
 * Two processes, 0 and 1. A client outside asks process 0 at depth 0; the action of a request at depth d < DEPTH asks the other
 * process at depth d + 1 and waits; a second client asks process 1 at depth DEPTH - 1, so that an unrelated action competes for
 * the baton. Each process has THREADS dispatcher threads at most, made on demand; a thread with the baton takes one request
 * at a time from the queue.
 *
 * With DEATH one of the processes may be killed at any moment: its threads stop where they are; the other learns of it, and
 * completes what it still waits for with "died".
 *
 * Claims   never two actions *running* in one process; each request is answered or completed by death; no thread wants the
 *          baton for ever, no request lies in a queue for ever (monitor); at most THREADS threads; who comes back from a
 *          request goes before new requests (or a process with all threads waiting could not end).
 *
 * Everything a process keeps is under its lock lk: a locked section is one atomic step. Moving records and waking sleepers is
 * left out: lanes.pml and sleep.pml show that what is sent is seen.
 */
#ifndef DEPTH
#define DEPTH 3
#endif
#ifndef THREADS
#define THREADS 3
#endif
#ifdef M_ONE_THREAD
#undef THREADS
#define THREADS 1
#endif
#ifndef DEATH
#define DEATH 0
#endif
#define NREQ (DEPTH + 2) /* requests: id d is asked at depth d; id DEPTH+1 is the second client's */
#define OTHER (DEPTH + 1)

#define OPEN 0
#define ANSWERED 1
#define DIED 2

byte outcome[NREQ];	  /* at the requester */
bool asked[NREQ];
bool reply_in[NREQ];	  /* the reply lies in the requester's inbox */
bool replied[NREQ];	  /* it was sent with result 0 */
bool queued[NREQ];	  /* in the queue of the process that it was sent to */
bool baton[2];
byte want[2], threads[2], idle[2], running[2];
bool dead[2], told[2];	  /* told[p]: p's peer knows that p died */
byte ended;

#define target(r) ((r) == OTHER -> 1 : (r) % 2)

/* is there a request for process p to run? */
#define has(p, r) (queued[r] && target(r) == p)
#if DEPTH == 3
#define any(p) (has(p, 0) || has(p, 1) || has(p, 2) || has(p, 3) || has(p, 4))
#else
#define any(p) (has(p, 0) || has(p, 1) || has(p, 2) || has(p, 3) || has(p, 4) || has(p, 5))
#endif

#ifdef M_NEW_FIRST
#define GO_FIRST(p) true
#else
#define GO_FIRST(p) (want[p] == 0) /* nobody who comes back from a request is passed by */
#endif

/* under lk: somebody shall take the baton and run what is queued; a thread is made when none is idle */
inline hands(p)
{
	if
	:: !baton[p] && want[p] == 0 && any(p) && idle[p] == 0 && threads[p] < THREADS -> threads[p]++; run pool(p)
	:: else
	fi
}

inline send(r)
{
	asked[r] = true;
	if
	:: dead[target(r)] -> outcome[r] = DIED /* refused at once */
	:: else -> queued[r] = true; hands(target(r))
	fi
}

inline move_reply(r)
{
	if
	:: reply_in[r] && outcome[r] == OPEN -> outcome[r] = ANSWERED
	:: else
	fi;
	reply_in[r] = false
}

/* whoever consumes the inboxes */
proctype mover()
{
end:	do
	:: atomic { reply_in[0] -> move_reply(0) }
	:: atomic { reply_in[1] -> move_reply(1) }
	:: atomic { reply_in[2] -> move_reply(2) }
	:: atomic { reply_in[3] -> move_reply(3) }
	:: atomic { reply_in[4] -> move_reply(4) }
	:: atomic { reply_in[NREQ - 1] -> move_reply(NREQ - 1) }
	od
}

proctype pool(byte p)
{
	byte r;

	atomic { idle[p]++ }
end_idle:
	do
	:: atomic {
		!dead[p] && !baton[p] && any(p) && GO_FIRST(p) ->
		assert(want[p] == 0); /* or it could be passed by for ever */
		baton[p] = true;
		idle[p]--;
		r = 0
	   }
		/* one request from the queue */
		atomic {
			do
			:: r < NREQ && has(p, r) -> break
			:: r < NREQ && !has(p, r) -> r++
			od;
			queued[r] = false;
			running[p]++;
			assert(running[p] == 1)
		}
		if
		:: r < DEPTH ->
			/* the action asks the other process: it passes the baton, waits, takes the baton back */
			atomic {
				!dead[p] ->
				running[p]--;
				send(r + 1);
#ifndef M_KEEP_BATON
				baton[p] = false;
				hands(p)
#endif
			}
			atomic { !dead[p] && outcome[r + 1] != OPEN -> want[p]++ }
#ifndef M_KEEP_BATON
#ifdef M_NO_TAKE_BACK
			atomic { !dead[p] -> want[p]--; running[p]++ }
#else
			atomic { !dead[p] && !baton[p] -> baton[p] = true; want[p]--; running[p]++ }
#endif
#else
			atomic { !dead[p] -> want[p]--; running[p]++ }
#endif
			assert(running[p] == 1)
		:: else
		fi;
		atomic {
			!dead[p] ->
			reply_in[r] = true;
			replied[r] = true;
			running[p]--;
			baton[p] = false;
			idle[p]++;
			r = 0
		}
	od
}

/* a requester outside both */
proctype client(byte r)
{
	atomic { send(r) }
end_wait:
	atomic { outcome[r] != OPEN -> ended++ }
}

proctype killer()
{
	byte r;
end:	if
	:: atomic { dead[0] = true }
	:: atomic { dead[1] = true }
	:: true -> goto over
	fi;
	/* its requesters have proof: they first take what it sent before its death, then complete the rest */
#ifndef M_DEATH_BEFORE_DRAIN
	atomic {
		do
		:: r < NREQ -> move_reply(r); r++
		:: r == NREQ -> r = 0; break
		od
	}
#endif
#ifndef M_NO_DEATH_COMPLETION
	atomic {
		do
		:: r < NREQ && asked[r] && outcome[r] == OPEN && dead[target(r)] -> outcome[r] = DIED; r++
		:: r < NREQ && !(asked[r] && outcome[r] == OPEN && dead[target(r)]) -> r++
		:: r == NREQ -> r = 0; break
		od
	}
#endif
over:	skip
}

active proctype monitor()
{
	atomic {
		run mover();
		run client(0);
		run client(OTHER);
#if DEATH
		run killer();
#endif
	}
	timeout;
	assert(ended == 2);
	/* what was sent with result 0 has arrived */
	assert(!replied[0] || outcome[0] == ANSWERED);
	assert(!replied[OTHER] || outcome[OTHER] == ANSWERED);
	assert(!replied[1] || outcome[1] == ANSWERED);
	assert(!replied[DEPTH] || outcome[DEPTH] == ANSWERED);
	assert(dead[0] || (want[0] == 0 && running[0] == 0 && !any(0) && !baton[0]));
	assert(dead[1] || (want[1] == 0 && running[1] == 0 && !any(1) && !baton[1]));
	assert(threads[0] <= THREADS && threads[1] <= THREADS)
}
