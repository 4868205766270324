/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * take.pml - a span that is wholly free is taken from the thread that takes its blocks from it
 *
 * Actors: T owns the span of two blocks and takes, frees, hands over, with plain stores; F frees what it was handed, by a bit;
 * K, twice, cuts the list off, has everybody pass a fence, and takes all but the table if nothing is out and T is not at it.
 * T may be slow or stopped at any step: it is just not its turn. Its stores go through a buffer that is emptied at any time,
 * and at the latest by a locked instruction of its own or by K's fence: x86-TSO. (Mirrors src/mem/heap.h, circle.c, take.c.)
 *
 * Claims, as assertions:
 *   - no block goes out twice, none of a span that was taken
 *   - T changes nothing but "used" of a span that was taken
 *   - when K has taken it, nothing is out
 *   - at rest: what is free T can take again, unless the span was taken (a span that stayed closed for ever would be lost)
 *
 * The gate is a lock; what T does at it is one step, for nobody but K looks. Mutants: -DM_..., see README.md.
 */
#define N 2
#define NONE 9
#define ALLOC 7
#ifndef OPS
#define OPS 5
#endif

#define A_USED 0
#define A_HEAD 1
#define A_TAB 2
#define A_GIVE 4

mtype = { CUR, CLOSED, HUSK };

byte used, head = 0, tab[N];
bool freed[N];
mtype place = CUR;
bool gate;
byte out[N]; /* the truth: 0 free, 1 T has it, 2 F has it, 3 on its way there */

/* T's store buffer, and what T sees: nobody else writes used and tab while it does */
chan sb = [6] of { byte, byte };
byte t_used, t_tab[N];
byte heads, t_head; /* stores of head that wait, and the last one */
bool rest;	    /* T has ended */

inline flush_one()
{
	sb ? fa, fv;
	if
	:: fa == A_USED -> used = fv
	:: fa == A_HEAD ->
		assert(place != HUSK);
		head = fv;
		heads--
	:: fa == A_TAB || fa == A_TAB + 1 ->
		assert(place != HUSK);
		tab[fa - A_TAB] = fv
	:: else -> out[fa - A_GIVE] = fv
	fi;
	fa = 0;
	fv = 0
}

proctype buffer()
{
	byte fa, fv;
end:
	do
	:: atomic { nempty(sb) -> flush_one() }
	od
}

inline store_used(d) { t_used = t_used + d; sb ! A_USED, t_used }
inline store_head(v) { t_head = v; heads++; sb ! A_HEAD, t_head }
inline load_head(v) { if :: heads > 0 -> v = t_head :: else -> v = head fi }

/* at the gate: the list anew if it was cut off, then what others freed */
inline slow()
{
	atomic {
		empty(sb) && !gate ->
		if
		:: place == CLOSED ->
#ifndef M_NO_REBUILD
			head = NONE;
			t_used = 0;
			k = 0;
			do
			:: k < N ->
				if
				:: t_tab[k] == ALLOC -> t_used++
				:: else -> t_tab[k] = head; tab[k] = head; head = k
				fi;
				k++
			:: else -> break
			od;
			used = t_used;
#endif
			place = CUR
		:: place == HUSK -> goto done
		:: else
		fi;
		k = 0;
		do
		:: k < N ->
			if
			:: freed[k] ->
				t_tab[k] = head;
				tab[k] = head;
				head = k;
				t_used--;
				used = t_used;
				freed[k] = false
			:: else
			fi;
			k++
		:: else -> break
		od;
		k = 0
	}
}

inline push(b)
{
	atomic { out[b] == 1 -> out[b] = 0 }
#ifdef M_USED_FIRST
	atomic { store_used(-1) }
#endif
	load_head(i);
	t_tab[b] = i;
	sb ! A_TAB + b, i;
	atomic { store_head(b) }
#ifndef M_USED_FIRST
	atomic { store_used(-1) }
#endif
}

proctype owner()
{
	byte i, k, n;

	do
	:: n < OPS -> /* take */
		n++;
#ifndef M_USED_LATE
		atomic { store_used(1) }
#endif
		load_head(i);
		if
		:: i == NONE ->
#ifndef M_USED_LATE
			atomic { store_used(-1) }
#endif
			slow()
		:: else ->
			atomic { store_head(t_tab[i]) }
			atomic {
				assert(out[i] == 0 && place != HUSK);
				t_tab[i] = ALLOC;
				sb ! A_TAB + i, ALLOC;
				out[i] = 1
			}
#ifdef M_USED_LATE
			atomic { store_used(1) }
#endif
		fi
	:: n < OPS && out[0] == 1 -> n++; push(0)
	:: n < OPS && out[1] == 1 -> n++; push(1)
	/* the pointer goes through memory, behind what T did to the block */
	:: atomic { n < OPS && out[0] == 1 -> n++; out[0] = 3; sb ! A_GIVE + 0, 2 }
	:: atomic { n < OPS && out[1] == 1 -> n++; out[1] = 3; sb ! A_GIVE + 1, 2 }
	:: n == OPS -> break
	od;
done:
	atomic { empty(sb) -> rest = true }
}

proctype freer()
{
end:
	do
	:: atomic { out[0] == 2 -> out[0] = 0; freed[0] = true }
	:: atomic { out[1] == 2 -> out[1] = 0; freed[1] = true }
	od
}

inline fence_all()
{
	do
	:: atomic { nempty(sb) -> flush_one() }
	:: atomic { empty(sb) -> break }
#ifdef M_NO_FENCE
	:: break
#endif
	od
}

/* is nothing out? One entry at a time, then used and head at one moment */
inline look()
{
	free = true;
	c = 0;
	j = 0;
#ifdef M_WORD_FIRST
	atomic { u = used; h = head }
#endif
#ifdef M_USED_BEFORE
	u = used;
#endif
	do
	:: j < N ->
		if
		:: tab[j] == ALLOC ->
			if :: freed[j] -> c++ :: else -> free = false fi
		:: else
		fi;
		j++
	:: else -> break
	od;
#ifdef M_USED_BEFORE
	h = head;
#else
#ifdef M_TWO_READS
	h = head;
	u = used;
#else
#ifndef M_WORD_FIRST
	atomic { u = used; h = head }
#endif
#endif
#endif
#ifndef M_NO_USED
	free = free && c == u;
#endif
	j = 0;
	c = 0;
	u = 0
}

proctype taker()
{
	byte turn, u, c, j, h, was, fa, fv;
	bool free;

	do
	:: turn < 2 ->
		turn++;
		atomic { !gate -> gate = true }
		if
		:: place == HUSK -> gate = false; break
		:: else
		fi;
		place = CLOSED;
#ifdef M_PUT_BACK
		was = head;
#endif
		head = NONE;
		gate = false;
		fence_all();
		atomic { !gate -> gate = true }
		if
		:: place == CLOSED ->
			look();
#ifdef M_PUT_BACK
			if
			:: !free && head == NONE -> head = was; place = CUR
			:: else
			fi;
#endif
#ifdef M_NO_HEAD
			h = NONE;
#endif
			if
			:: free && h == NONE ->
				atomic {
					assert(out[0] == 0 && out[1] == 0);
					place = HUSK
				}
			:: else
			fi
		:: else
		fi;
		free = false;
		h = 0;
		was = 0;
		gate = false
	:: else -> break
	od
}

/* nothing moves any more: can T have what is free? */
proctype monitor()
{
	byte left, k;

	rest && timeout;
	if
	:: place == HUSK -> assert(out[0] == 0 && out[1] == 0)
	:: place == CLOSED -> skip /* worked out at T's next look */
	:: place == CUR ->
		k = head;
		do
		:: k != NONE && left <= N -> assert(out[k] == 0); left++; k = tab[k]
		:: else -> break
		od;
		assert(left + (out[0] != 0 || freed[0]) + (out[1] != 0 || freed[1]) == N)
	fi
}

init {
	atomic {
		tab[0] = 1;
		tab[1] = NONE;
		t_tab[0] = 1;
		t_tab[1] = NONE;
		run buffer();
		run owner();
		run freer();
		run taker();
		run monitor()
	}
}
