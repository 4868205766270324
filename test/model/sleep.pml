/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sleep.pml - who sleeps on an inbox, and who wakes whom
 *
 * Actors   D   the dispatcher of the receiving process        (mirrors the idle loop of the dispatcher)
 *          R0  R1  two requesters of that process, each waiting for one reply
 *          S0  S1  senders of those replies, S2 sender of a message (its action needs what R0 holds over its request)
 *          watcher: learns of the death of a sender
 * Words    W   kind of sleeper a sender has to wake: AWAKE, DISP, REQ, with an epoch that grows at each write by the receiver
 *          F[k] event count of sleeper k, the futex word
 *
 * Claims, checked when nothing can move any more (the process monitor) and for every interleaving:
 *   no record is left in the inbox, unless its own sender was stopped before it had woken anybody;
 *   nothing is left in Q while the dispatcher sleeps; whoever's reply was moved has returned;
 *   the role of the owner is free when no requester waits.
 * A requester may have a time limit (chosen at the start, then it may run out at any time); one futex wait may return
 * without cause; one sender may die or be stopped for good before any of its steps.
 *
 * Abstractions that lose nothing: an epoch that never wraps is modelled by the flag stale[s] ("W was written since s read
 * it"), an event count by moved[k] ("F[k] has grown since its sleeper read it").  What is done under the private lock L is
 * one atomic step. A store that the code follows by a fence stays in a store buffer (sbW for W, sbP for a record) until
 * the process flush takes it out at any later time: that is what x86-TSO and weaker machines do.
 */

#define AWAKE 0
#define DISP 1
#define REQ 2

#ifndef ONE_WORD
#define ONE_WORD 0 /* 1: the variant in which W is the futex word, too */
#endif
#ifndef SPURIOUS
#define SPURIOUS 0
#endif
#ifndef HARM
#define HARM 0
#endif

#ifndef CLOCK
#define CLOCK 0 /* 1: R0 has a time limit, 2: R1 */
#endif
#ifndef MSG
#define MSG 1 /* 0: no S2 */
#endif
#ifndef BUSY
#define BUSY 0 /* 1: the dispatcher is inside an action until both requesters are back */
#endif
#ifndef PAIR
#define PAIR 1 /* 0: no R1, no S1 */
#endif

#define NR 2 /* requesters */
#define NS 3 /* senders */
#define NONE 9

byte W = AWAKE;
#if ONE_WORD
bool waking;	     /* a sender is about to wake; others who see that wake as well */
bool role_asleep;    /* the owner sleeps on W, or is about to. Under L */
#endif
bool stale[NS] = true; /* W written since sender s read it (true, too, while it is not about to clear W) */
bool moved[3] = true; /* F[k] grew since its sleeper read it (true, too, while it is not about to sleep) */
bool asleep[3];	     /* in FUTEX_WAIT on F[k] */
bool rec[NS];	     /* record of sender s is in the inbox */
byte Q;		     /* private queue of messages to dispatch */
bool clock_out[NR];  /* the requester has a time limit */

/* private, under L */
byte owner = NONE;   /* the requester on watch */
bool disp_sleeps;
bool done[NR], waits[NR], left[NR];
bool poke[NR];	     /* the private word of a waiting requester was woken */
bool psleep[NR];     /* asleep on its private word */

/* the consumer lock */
bool cons;

/* store buffers */
bool sbW_full;
byte sbW_val;
bool sbP[NS];

/* faults */
byte spurious, harm; /* budgets */
bool dead[NS], stopped[NS], handled[NS], sent[NS];

#ifdef M_TAKE_ONE
/* the dispatcher takes the dirty bits, then one message, and lets go of the consumer lock: the rest has no dirty bit */
bool bare[NS];
#define unhide() bare[0] = false; bare[1] = false; bare[2] = false
#define seen(i) (rec[i] && (!bare[i] || !cons))
#define inbox (seen(0) || seen(1) || seen(2))
#define hide(i) bare[i] = rec[i]
#else
#define inbox (rec[0] || rec[1] || rec[2])
#define unhide() skip
#endif

/* ONE_WORD: W itself, with its epoch, is the futex word of both sleepers; each change of it is a change for both */
inline set_W(k)
{
	W = k;
#if ONE_WORD
	waking = false;
	moved[DISP] = true;
	moved[REQ] = true;
#endif
	stale[0] = true;
	stale[1] = true;
	stale[2] = true;
}

/*
 * A store to W under L, then a fence. With the fence the moment at which it leaves the store buffer is the moment of the
 * store, as nobody else can take L before. Without it the store may leave later.
 */
#ifdef M_NO_RECEIVER_FENCE
#define put_W(k) sbW_full = true; sbW_val = k
#define take_L !sbW_full
#else
#define put_W(k) set_W(k)
#define take_L true
#endif

/* under L: who is there to be woken by a sender? */
#if ONE_WORD
inline set_word()
{
	if
	:: owner != NONE && role_asleep -> set_W(REQ)
	:: owner != NONE && !role_asleep -> set_W(AWAKE)
	:: owner == NONE && disp_sleeps -> set_W(DISP)
	:: owner == NONE && !disp_sleeps -> set_W(AWAKE)
	fi
}
#endif

/* F[k]++, FUTEX_WAKE: two steps, a sender may be stopped in between */
#if ONE_WORD
#define bump(k) set_word()
#else
inline bump(k)
{
	moved[k] = true;
}
#endif

inline wake(k)
{
	asleep[k] = false;
}

#ifdef M_QUEUE_NO_COUNT
#define count_Q(k) skip
#else
#define count_Q(k) bump(k)
#endif

inline complete(i)
{
	done[i] = true;
	if
#if ONE_WORD
	:: owner == i -> role_asleep = false; bump(REQ); wake(REQ)
#else
	:: owner == i -> bump(REQ); wake(REQ)
#endif
	:: else -> poke[i] = true; psleep[i] = false
	fi
}

/* with the consumer lock held: replies complete their requests, the message goes to Q. One record a step. */
inline move_all(by_disp)
{
	do
	:: atomic { rec[0] -> rec[0] = false; complete(0) }
	:: atomic { rec[1] -> rec[1] = false; complete(1) }
	:: atomic {
		rec[2] -> rec[2] = false;
		Q++;
		if
		:: by_disp
		:: else -> count_Q(DISP); wake(DISP)
		fi
	   }
	:: atomic { !inbox -> break }
	od
}

proctype flusher()
{
end:	do
	:: atomic { sbW_full -> sbW_full = false; set_W(sbW_val); sbW_val = 0 }
	:: atomic { sbP[0] -> sbP[0] = false; rec[0] = true }
	:: atomic { sbP[1] -> sbP[1] = false; rec[1] = true }
	:: atomic { sbP[2] -> sbP[2] = false; rec[2] = true }
	od
}

/* before each step a sender may be killed or stopped, once in all */
#if HARM == 0
#define MAYHEM skip
#else
#define MAYHEM \
	if \
	:: true \
	:: atomic { harm > 0 -> harm--; dead[s] = true; goto gone } \
	:: atomic { harm > 0 -> harm--; stopped[s] = true; goto gone } \
	fi
#endif

proctype sender(byte s)
{
	byte w;

	MAYHEM;
#ifdef M_NO_SENDER_FENCE
	sbP[s] = true; /* leaves the store buffer when it likes */
#else
	rec[s] = true; /* with a fence behind it: the moment it leaves the store buffer */
#endif
	MAYHEM;
reread:	atomic { w = W; stale[s] = false }
	if
	:: atomic { w == AWAKE -> stale[s] = true; sent[s] = true; goto gone }
	:: else
	fi;
#ifdef M_CLEAR_FIRST
	MAYHEM;
#if ONE_WORD
	atomic {
		if
		:: W == w && !stale[s] -> W = AWAKE; moved[DISP] = true; moved[REQ] = true
		:: else -> stale[s] = true; goto reread
		fi
	}
	MAYHEM;
	atomic { wake(w); sent[s] = true }
#else
	atomic { w = W; W = AWAKE; stale[0] = true; stale[1] = true; stale[2] = true }
	if
	:: w == AWAKE -> goto gone
	:: else
	fi;
	MAYHEM;
	atomic { bump(w); wake(w); sent[s] = true }
#endif
#elif ONE_WORD
	MAYHEM;
	/* who sees that another sender is waking wakes too: that one may be stopped */
	atomic {
		if
		:: W == w && !stale[s] && !waking -> waking = true; moved[DISP] = true; moved[REQ] = true
		:: W == w && !stale[s] && waking
		:: else -> stale[s] = true; goto reread
		fi
	}
	MAYHEM;
	atomic { wake(w); sent[s] = true }
	MAYHEM;
	atomic {
		if
#ifdef M_NO_EPOCH
		:: W == w && waking
#else
		:: W == w && waking && !stale[s]
#endif
			-> W = AWAKE; waking = false; moved[DISP] = true; moved[REQ] = true
		:: else
		fi;
		w = 0;
		stale[s] = true
	}
#else
	MAYHEM;
#if HARM == 0
	atomic { bump(w); wake(w) }
#else
	bump(w);
	MAYHEM;
	atomic { wake(w); sent[s] = true }
	MAYHEM;
#endif
	atomic {
		if
#ifdef M_NO_EPOCH
		:: W == w
#else
		:: W == w && !stale[s]
#endif
			-> W = AWAKE
		:: else
		fi;
		sent[s] = true;
		w = 0;
		stale[s] = true
	}
#endif
gone:	atomic { w = 0; stale[s] = true }
}

/* the watcher of the receiving process has proof of a death */
proctype watcher()
{
	byte s;
end:	do
	:: atomic {
#ifdef M_NO_DEATH_WAKE
		false ->
#endif
		dead[0] && !handled[0] && !sbP[0] -> handled[0] = true }
	   atomic { bump(DISP); wake(DISP); bump(REQ); wake(REQ) }
	:: atomic {
#ifdef M_NO_DEATH_WAKE
		false ->
#endif
		dead[1] && !handled[1] && !sbP[1] -> handled[1] = true }
	   atomic { bump(DISP); wake(DISP); bump(REQ); wake(REQ) }
	:: atomic {
#ifdef M_NO_DEATH_WAKE
		false ->
#endif
		dead[2] && !handled[2] && !sbP[2] -> handled[2] = true }
	   atomic { bump(DISP); wake(DISP); bump(REQ); wake(REQ) }
	od
}

proctype dispatcher()
{
#if BUSY
end_busy: left[0] && left[1];
#endif
end:	do
	:: Q > 0 ->
		/* run the action: it needs the lock that R0 holds until its request has returned */
		Q--;
end_act:	left[0]
	:: atomic { Q == 0 && inbox && !cons -> cons = true }
#ifdef M_TAKE_ONE
		atomic { hide(0); hide(1); hide(2) }
		if
		:: atomic { rec[2] -> rec[2] = false; Q++ }
		:: else -> unhide(); move_all(true)
		fi;
#else
		move_all(true);
#endif
		cons = false
	:: Q == 0 ->
#if ONE_WORD
		atomic { disp_sleeps = true; set_word(); moved[DISP] = false }
#else
		moved[DISP] = false; /* s = F[DISP] */
		atomic {
			take_L ->
			disp_sleeps = true;
			if
#ifdef M_DISP_OVERWRITES
			:: true -> put_W(DISP)
#else
			:: owner == NONE -> put_W(DISP)
			:: else
#endif
			fi
		}
#endif
		if
		:: Q > 0
		:: else ->
			if
			:: inbox
			:: else ->
				/* FUTEX_WAIT */
				atomic {
					if
					:: moved[DISP]
					:: else -> asleep[DISP] = true
					fi
				}
end_sleep:			if
				:: !asleep[DISP]
				:: atomic { asleep[DISP] && spurious > 0 -> spurious--; asleep[DISP] = false }
				fi
			fi
		fi;
		atomic {
			disp_sleeps = false;
#if ONE_WORD
			set_word();
#endif
			moved[DISP] = true
		}
	od
}

#if ONE_WORD
#define not_asleep role_asleep = false; set_word()
#else
#define not_asleep skip
#endif

proctype requester(byte i)
{
again:	/* under L: done, or on watch, or one of the others */
	atomic {
		take_L ->
		waits[i] = true;
		poke[i] = false;
		if
		:: done[i] && owner != i -> waits[i] = false; goto out
		:: done[i] && owner == i -> goto leave
		:: !done[i] && owner == NONE -> owner = i
		:: else
		fi
	}
	if
	:: owner == i -> goto watch
	:: else
	fi;
	/* private sleep, on my own word */
	atomic {
		if
		:: poke[i]
		:: else -> psleep[i] = true
		fi
	}
end_priv:
	if
	:: !psleep[i] -> goto again
	:: atomic { psleep[i] && clock_out[i] -> psleep[i] = false; goto expired }
	fi;

watch:
#if ONE_WORD
	atomic { role_asleep = !done[i]; set_word(); moved[REQ] = false }
#else
	moved[REQ] = false; /* s = F[REQ] */
	atomic { take_L -> put_W(REQ) }
#endif
	if
	:: atomic { inbox && !done[i] -> not_asleep }
		atomic { !cons -> cons = true; unhide() }
		move_all(false);
		cons = false
	:: else
	fi;
	if
	:: atomic { done[i] -> not_asleep; moved[REQ] = true; goto leave }
	:: else
	fi;
	atomic {
		if
		:: moved[REQ]
		:: else -> asleep[REQ] = true
		fi
	}
end_watch:
	if
	:: atomic { !asleep[REQ] -> not_asleep; moved[REQ] = true; goto watch }
	:: atomic { asleep[REQ] && spurious > 0 -> spurious--; not_asleep; moved[REQ] = true; asleep[REQ] = false; goto watch }
	:: atomic { asleep[REQ] && clock_out[i] -> asleep[REQ] = false; not_asleep; moved[REQ] = true; goto expired }
	fi;

expired: /* a time-out: under L the request is taken off the list; it may have become owner meanwhile */
	atomic {
		if
		:: owner == i -> goto leave
		:: else -> waits[i] = false; goto out
		fi
	}

leave:
#ifdef M_TIMEOUT_NO_HANDBACK
	if
	:: !done[i] -> atomic { owner = NONE; goto out }
	:: else
	fi;
#endif
	atomic {
		take_L ->
		waits[i] = false;
		if
#ifndef M_NO_PROMOTE
		:: i == 0 && waits[1] && !done[1] -> owner = 1; poke[1] = true; psleep[1] = false
		:: i == 1 && waits[0] && !done[0] -> owner = 0; poke[0] = true; psleep[0] = false
#endif
		:: else ->
			owner = NONE;
#if ONE_WORD
			set_word()
#else
			if
			:: disp_sleeps -> put_W(DISP)
			:: else -> put_W(AWAKE)
			fi
#endif
		fi
	}
#ifndef M_NO_HANDBACK_LOOK
	if
	:: atomic { inbox -> bump(DISP); wake(DISP) }
	:: else
	fi;
#endif
out:	atomic { waits[i] = false; left[i] = true }
}

active proctype monitor()
{
	atomic {
		spurious = SPURIOUS;
		harm = HARM;
		clock_out[0] = CLOCK & 1;
		clock_out[1] = CLOCK & 2;
		run flusher();
		run watcher();
		run dispatcher();
		run requester(0);
		run sender(0);
#if PAIR
		run requester(1);
		run sender(1);
#else
		left[1] = true;
#endif
#if MSG
		run sender(2);
#endif
	}
	timeout;
	/* nothing can move any more */
	assert(!rec[0] || (stopped[0] && !sent[0]));
	assert(!rec[1] || (stopped[1] && !sent[1]));
	/* the message may wait only for an action of this process that waits for a requester whose peer is silent */
	assert(!rec[2] || (stopped[2] && !sent[2]));
	assert(!done[0] || left[0]);
	assert(!done[1] || left[1]);
	assert(Q == 0);
	assert(!(left[0] && left[1]) || owner == NONE);
	assert(left[0] || stopped[0] || dead[0]);
	assert(left[1] || stopped[1] || dead[1])
}
