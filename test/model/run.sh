#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# run.sh - check the models of protocols with spin: each exhaustively, and each again with one step broken
#
#   test/model/run.sh [-v] [PATTERN]     only what matches; -v: with the number of states
#
# A model is "ok" when spin visited every state and found no error. A mutant (one -DM_... switch) is "ok" when spin finds an
# error in it: a model that cannot fail says nothing. Limits: 120 s of CPU and 2 GiB each, $JOBS (default: as many as there
# are CPUs) at a time. Models marked "long" are of protocols not in use, kept for comparison, or too large for every day: only
# with $SHOAL_TEST_LONG set.
# Exit 0 when nothing failed; without spin or a compiler everything is skipped.

here=$(cd "$(dirname "$0")" && pwd) || exit 1
verbose=0
[ "${1:-}" = -v ] && { verbose=1; shift; }
pattern=${1:-}
cc=${CC:-cc}
jobs=${JOBS:-$(nproc)}
started=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

have=1
command -v spin >/dev/null 2>&1 && command -v "$cc" >/dev/null 2>&1 || have=0

# verify DIR FILE DEFS WANT: prints "states seconds result", result = clean, error or what went wrong
verify() {
	local start end
	mkdir "$1" && cd "$1" || return
	# the macro processor that spin calls takes no file name with a space
	cp "$here/$2" model.pml
	# shellcheck disable=SC2086
	spin $3 -a model.pml >spin.out 2>&1 || { echo "0 0 spin: $(head -1 spin.out)"; return; }
	# -DSAFETY: assertions only; -E below: the models' monitors judge the end states, not spin
	# most mutants are found at once: compiling is what they cost
	local opt=-O1
	[ "$4" = clean ] || opt=-O0
	"$cc" -w $opt -DSAFETY -DCOLLAPSE -DMEMLIM=2000 -o pan pan.c >cc.out 2>&1 || { echo "0 0 cc: $(head -1 cc.out)"; return; }
	start=$(date +%s)
	# CPU, not time: a busy machine says nothing about the model
	(ulimit -t 120 && exec ./pan -E -n -w23 -m200000) >out 2>&1
	end=$(date +%s)
	local states result
	states=$(sed -n 's/^ *\([0-9][0-9.e+]*\) states, stored.*/\1/p' out)
	if grep -q 'errors: [1-9]' out; then
		result="error"
		grep -q 'assertion violated' out || result="stopped: $(grep -m1 '^pan' out)"
	elif grep -q 'errors: 0' out && ! grep -qE 'search not completed|max search depth too small|reached -DMEMLIM' out; then
		result=clean
	else
		result="not finished within 120 s of CPU and 2 GiB"
	fi
	echo "${states:-0} $((end - start)) $result"
}

# one DIR NAME FILE DEFS WANT: the check's lines
one() {
	local states secs result note=
	read -r states secs result <<<"$(verify "$1" "$3" "$4" "$5")"
	[ $verbose = 1 ] && note=" ($states states, $secs s)"
	if [ "$result" = "$5" ]; then
		echo "ok - $2$note"
	else
		echo "not ok - $2$note: wanted $5, got $result"
		[ "$5" = clean ] && [ "$result" = error ] && replay "$1" "$3" "$4"
	fi
}

# check NAME FILE DEFS WANT: starts it once a place is free
check() {
	case $1 in *"$pattern"*) ;; *) return ;; esac
	if [ $have = 0 ]; then
		echo "skip - $1 (spin and a C compiler are needed: apt-get install spin gcc)" >"$work/$started.said"
	else
		while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
		{ one "$work/$started" "$@" >"$work/$started.said" 2>&1; rm -rf "${work:?}/$started"; } &
	fi
	started=$((started + 1))
}

# what was violated, and how to see the way to it
replay() {
	grep -m1 'assertion violated' "$1/out"
	echo "  replay: spin $3 -a $here/$2 && cc -DSAFETY -o pan pan.c && ./pan -E -i && spin $3 -t -p -g $here/$2"
}

model() { check "$1" "$2" "$3" clean; }
long() { [ -z "${SHOAL_TEST_LONG:-}" ] || model "$@"; }
mutant() { check "mutant ${2%.pml} $1${3:+ ($3)}" "$2" "-DM_$1 ${3:-}" error; }

model "lanes: three senders, a death at any step" lanes.pml ""
mutant SHORTCUT lanes.pml
mutant NO_RELOOK lanes.pml
mutant FORGET_ONE_LOOK lanes.pml
mutant NO_LOOK lanes.pml
mutant DIRTY_FIRST lanes.pml
mutant WAIT_TICKET lanes.pml

long "sleep: one requester, message, time-out, spurious wake, sender dead or stopped" sleep.pml \
	"-DPAIR=0 -DCLOCK=1 -DSPURIOUS=1 -DHARM=1"
long "sleep: two requesters, no time limit" sleep.pml "-DMSG=0"
long "sleep: two requesters, one with a time limit" sleep.pml "-DMSG=0 -DCLOCK=2"
long "sleep: two requesters and a dispatcher inside an action, all faults" sleep.pml \
	"-DMSG=0 -DBUSY=1 -DCLOCK=3 -DSPURIOUS=1 -DHARM=1"
long "sleep: two requesters, a message, dispatcher inside an action" sleep.pml "-DMSG=1 -DBUSY=1"
model "sleep, one word: one requester, message, all faults" sleep.pml "-DONE_WORD=1 -DPAIR=0 -DCLOCK=1 -DSPURIOUS=1 -DHARM=1"
model "sleep, one word: two requesters" sleep.pml "-DONE_WORD=1 -DMSG=0"
model "sleep, one word: two requesters and a dispatcher inside an action, all faults" sleep.pml \
	"-DONE_WORD=1 -DMSG=0 -DBUSY=1 -DCLOCK=3 -DSPURIOUS=1 -DHARM=1"
mutant CLEAR_FIRST sleep.pml "-DONE_WORD=1 -DPAIR=0 -DHARM=1"
mutant NO_DEATH_WAKE sleep.pml "-DONE_WORD=1 -DPAIR=0 -DHARM=1"
mutant NO_PROMOTE sleep.pml "-DONE_WORD=1 -DMSG=0 -DBUSY=1"
mutant TAKE_ONE sleep.pml "-DONE_WORD=1 -DPAIR=0"
mutant NO_SENDER_FENCE sleep.pml "-DPAIR=0"
mutant NO_RECEIVER_FENCE sleep.pml "-DPAIR=0"
mutant CLEAR_FIRST sleep.pml "-DPAIR=0 -DHARM=1"
mutant QUEUE_NO_COUNT sleep.pml "-DPAIR=0"
mutant NO_DEATH_WAKE sleep.pml "-DPAIR=0 -DHARM=1"
mutant NO_EPOCH sleep.pml "-DPAIR=0"
mutant DISP_OVERWRITES sleep.pml "-DPAIR=0"
mutant TIMEOUT_NO_HANDBACK sleep.pml "-DPAIR=0 -DCLOCK=1"
mutant NO_PROMOTE sleep.pml "-DMSG=0 -DBUSY=1"
mutant NO_HANDBACK_LOOK sleep.pml "-DPAIR=0"

model "baton: circle of depth 3, two threads each" baton.pml "-DDEPTH=3 -DTHREADS=2"
model "baton: circle of depth 4, death of either process" baton.pml "-DDEPTH=4 -DTHREADS=4 -DDEATH=1"
mutant KEEP_BATON baton.pml
mutant NO_TAKE_BACK baton.pml
mutant NEW_FIRST baton.pml
mutant NO_DEATH_COMPLETION baton.pml "-DDEATH=1"
mutant DEATH_BEFORE_DRAIN baton.pml "-DDEATH=1"
mutant ONE_THREAD baton.pml

model "claim: two holders of one slot, two deaths, sweeps" claim.pml ""
mutant SWEEP_UNDRAINED claim.pml
mutant SWEEP_HALF claim.pml
mutant FREE_UNDRAINED claim.pml
mutant UNMAP_LAST claim.pml
mutant NO_SWEEP claim.pml
mutant PUBLISH_BLIND claim.pml
mutant FREE_BLIND claim.pml

model "take: an owner, one who frees, one who takes twice" take.pml ""
for m in NO_REBUILD USED_FIRST USED_LATE NO_FENCE USED_BEFORE TWO_READS WORD_FIRST NO_USED PUT_BACK NO_HEAD; do
	mutant $m take.pml
done

model "fdname: three register one name, one gets, one revokes, a death" fdname.pml ""
for m in ABOVE_IS_NOBODY LOOK_FIRST NO_WAIT; do
	mutant $m fdname.pml
done

model "growth: two bystanders, a death at any step" growth.pml "-DLATE=0"
model "growth: two bystanders, somebody stopped or slow" growth.pml "-DDEATHS=0 -DLATE=1"
model "growth: one bystander, a death and somebody stopped" growth.pml "-DDEATHS=1 -DLATE=1 -DONE_BYSTANDER"
model "growth: one bystander, two deaths" growth.pml "-DDEATHS=2 -DLATE=0 -DONE_BYSTANDER"
model "growth, giving back: two bystanders, a death at any step" growth.pml "-DSHRINK -DLATE=0"
model "growth, giving back: two bystanders, somebody stopped or slow" growth.pml "-DSHRINK -DDEATHS=0 -DLATE=1"
long "growth, giving back: two bystanders, a death and somebody stopped, all goes well" growth.pml "-DSHRINK -DVETO=0"
model "growth, giving back: one bystander, a death and somebody stopped" growth.pml "-DSHRINK -DDEATHS=1 -DLATE=1 -DONE_BYSTANDER"
for m in NO_FENCE WAIT_DEAD LATE_IS_YES NO_ANNOUNCEMENT COMMIT_EARLY LATE_COUNTS NO_REPAIR BLIND_START REAP_OPEN; do
	mutant $m growth.pml "-DDEATHS=1 -DLATE=1 -DONE_BYSTANDER"
done
[ -z "${SHOAL_TEST_LONG:-}" ] || mutant WAIT_ON growth.pml "-DSHRINK -DVETO=0"
mutant TWO_AT_ONCE growth.pml "-DDEATHS=1 -DLATE=1 -DONE_BYSTANDER"
mutant NO_LOOK growth.pml "-DSHRINK -DDEATHS=0 -DLATE=2 -DONE_BYSTANDER"
mutant STILL_STAYS growth.pml "-DSHRINK -DDEATHS=1 -DLATE=1 -DONE_BYSTANDER"
mutant STAY_SILENT growth.pml "-DSHRINK -DDEATHS=1 -DLATE=1 -DONE_BYSTANDER"

model "ring: two producers, two consumers, two deaths at any step" ring.pml ""
mutant NO_PROOF ring.pml
mutant NEVER_MEND ring.pml
mutant PUBLISH_FIRST ring.pml
mutant TAKE_FIRST ring.pml
mutant NO_LOCK ring.pml "-DHARM=0"
for m in TAIL_RELAXED LEAVE_RELAXED SEEN_RELAXED EARLY_PROOF; do
	mutant $m ring.pml
done

model "ring_bias: three members, a death at any step" ring_bias.pml ""
model "ring_bias: two members, two deaths, three rounds" ring_bias.pml "-DN=2 -DHARM=2 -DROUNDS=3"
model "ring_bias: two members, who waits may give up, two deaths, three rounds" ring_bias.pml "-DGIVE_UP -DN=2 -DHARM=2 -DROUNDS=3"
long "ring_bias: three members, who waits may give up, a death" ring_bias.pml "-DGIVE_UP"
mutant GIVE_UP_FREES ring_bias.pml "-DGIVE_UP -DN=2 -DHARM=0"
for m in NO_BARRIER NO_NAP NO_SECOND_LOOK NO_WAIT NO_SETTLE WAIT_DEAD NEVER_MEND SETTLE_BIASED GIVEN_EARLY; do
	mutant $m ring_bias.pml
done

model "ring_sleep: two producers without a fence, a sleeper, two dead or stopped" ring_sleep.pml "-DHARM=2"
model "ring_sleep: a producer that is refused the barrier joins" ring_sleep.pml "-DHARM=0 -DREFUSED"
model "ring_sleep: the sleeper is refused the barrier at any time" ring_sleep.pml "-DHARM=0 -DDEAF"
long "ring_sleep: a producer that is refused the barrier joins, a death" ring_sleep.pml "-DHARM=1 -DREFUSED"
long "ring_sleep: the sleeper is refused the barrier at any time, a death" ring_sleep.pml "-DHARM=1 -DDEAF"
for m in NO_ASK NO_JOIN_WAKE NO_LOOK_AGAIN NO_ASKED_FENCE; do
	mutant $m ring_sleep.pml "-DHARM=0 -DREFUSED"
done
mutant IGNORE_FAILURE ring_sleep.pml "-DHARM=0 -DDEAF -DM_NO_ASK"
mutant NO_BARRIER ring_sleep.pml "-DHARM=0"
mutant CLEAR_FIRST ring_sleep.pml
mutant NO_EPOCH ring_sleep.pml "-DHARM=0"
mutant BELL_LATE ring_sleep.pml "-DHARM=0"
mutant NO_DEATH_WAKE ring_sleep.pml

long "pool: two users, two menders, two deaths" pool.pml ""
model "pool: two users, two menders, a death" pool.pml "-DHARM=1 -DROUNDS=3"
model "pool: two users with a call each, two menders, two deaths" pool.pml "-DROUNDS=1"
for m in LATE_DEATH NO_SETTLE NO_DROP NO_INTENT LEN_FIRST; do
	mutant $m pool.pml
done
model "pool_round: somebody stopped or dead, two users, another death" pool_round.pml "-DOPS=1"
model "pool_round: the same once, two users with two calls each, another death" pool_round.pml "-DROUNDS=1"
for m in NO_HEAL NO_OVER NO_GIVE_UP; do
	mutant $m pool_round.pml
done
model "pool_track: client and server, two menders, two deaths" pool_track.pml ""
for m in LATE_DEATH NO_SETTLE NO_MEND NO_NOTE; do
	mutant $m pool_track.pml
done

wait
for ((i = 0; i < started; i++)); do cat "$work/$i.said"; done | tee "$work/all"
failed=$(grep -c '^not ok - ' "$work/all")
echo "$(grep -c '^ok - ' "$work/all") passed, $failed failed, $(grep -c '^skip - ' "$work/all") skipped"
[ "$failed" = 0 ] && [ $started -gt 0 ]
