#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# demo.sh BUILD_DIR [FILE] - real processes find each other, talk, hand over a file, and one is killed
#
# Starts the example programs, prints each of their lines as it comes, and checks them. The first line that is not what it
# should be ends everything: status 1 and a line that names the difference. Nothing here waits for time to pass: each step
# waits for the line that proves it, 20 s at most. FILE (or $SHOAL_DEMO_INPUT; default /bin/bash) is what part (b) hands over.
#
# Every process writes into one fifo, each line with the process' name before it, so that one reader sees all in order.
set -u
export LC_ALL=C

bin=${1:?usage: demo.sh BUILD_DIR [FILE]}/examples
input=${2:-${SHOAL_DEMO_INPUT:-/bin/bash}}
patience=${SHOAL_DEMO_PATIENCE:-20} # seconds for one step

work=$(mktemp -d "${TMPDIR:-/tmp}/shoal-demo.XXXXXX") || exit 1
export RUNTIME_DIRECTORY=$work # the groups of this demo are its own
mkfifo "$work/lines" && exec 3<>"$work/lines" || exit 1

declare -a lines=()     # all lines so far: NAME <tab> TEXT
declare -A pid=()       # NAME -> process id, while it runs
declare -A born=()      # NAME -> index in lines where the process that has it now began
declare -A cursor=()    # NAME/PREFIX -> index in lines where the next search starts
at=0                    # index of the line that the last expect found
checks=0

finish()
{
	local status=$? name

	trap - EXIT
	for name in "${!pid[@]}"; do
		kill -9 "${pid[$name]}" 2>/dev/null
	done
	rm -rf "$work"
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

fail()
{
	printf '\ndemo: FAILED: %s\n' "$*"
	exit 1
}

title()
{
	printf '\n== %s\n' "$*"
}

# start NAME PROGRAM ARG...: in the background; its lines, its pid and its end come through the fifo
start()
{
	local name=$1 key

	shift
	born[$name]=${#lines[@]}
	for key in "${!cursor[@]}"; do
		[[ $key != "$name"/* ]] || unset "cursor[$key]"
	done
	{
		"$@" 3>&- &
		echo "pid $!"
		wait $! 2>/dev/null
		echo "ended with status $?"
	} 2>&1 </dev/null | while IFS= read -r line; do
		printf '%s\t%s\n' "$name" "$line" >&3
	done &
	expect "$name" "pid " "*"
}

# take one line off the fifo: print it, keep it
pump()
{
	local line name text left=$((deadline - SECONDS))

	{ ((left > 0)) && IFS= read -r -t "$left" -u 3 line; } || fail "$1: not within $patience s"
	name=${line%%$'\t'*} text=${line#*$'\t'}
	printf '   %-10s %s\n' "$name" "$text"
	case $text in
	"pid "*) pid[$name]=${text#pid } ;;
	"ended with status "*) unset "pid[$name]" ;;
	esac
	lines+=("$line")
}

# expect NAME PREFIX REST: the next line of NAME that starts with PREFIX must go on with REST (a pattern). A later expect of
# the same NAME and PREFIX looks behind it. $got is what it went on with.
expect()
{
	local name=$1 prefix=$2 rest=$3 key="$1/$2" line

	deadline=$((SECONDS + patience))
	for ((at = ${cursor[$key]:-${born[$name]}}; ; at++)); do
		((at < ${#lines[@]})) || pump "$name should say '$prefix$rest'"
		line=${lines[at]}
		[[ $line == "$name"$'\t'* ]] || continue
		line=${line#*$'\t'}
		if [[ $line == "$prefix"* ]]; then
			break
		elif [[ $line == "ended with"* ]]; then
			fail "$name $line before it said '$prefix$rest'"
		fi
	done
	cursor[$key]=$((at + 1))
	got=${line#"$prefix"}
	# shellcheck disable=SC2053 # a pattern is what it is
	[[ $got == $rest ]] || fail "$name said '$line', not '$prefix$rest'"
	checks=$((checks + 1))
}

# from_here NAME PREFIX: the next expect of these looks behind the line that the last expect found
from_here()
{
	cursor["$1/$2"]=$((at + 1))
}

# how many lines the process NAME said so far that start with PREFIX
count()
{
	local n=0 line

	for line in "${lines[@]:${born[$1]}}"; do
		[[ $line == "$1"$'\t'"$2"* ]] && n=$((n + 1))
	done
	echo "$n"
}

same()
{
	[ "$2" = "$3" ] || fail "$1: '$2' is not '$3'"
	checks=$((checks + 1))
}

ends() # NAME STATUS
{
	expect "$1" "ended with status " "$2"
}

server()
{
	start server "$bin/hello/mp_server" --file-prefix hello --no-huge --log-level error -- --stats-ms 200
	expect server "[Server] " "ready"
}

# client NAME ARG...
client()
{
	local name=$1

	shift
	start "$name" "$bin/hello/mp_client" --proc-type=secondary --file-prefix hello --log-level error -- --name "$name" \
		--sync-ms 300 --async-ms 500 --limit-ms 100 "$@"
}

# hello_lines NAME FIRST LAST: these sync requests are answered, and the server saw them
hello_lines()
{
	local i

	for ((i = $2; i <= $3; i++)); do
		expect "$1" "[SYNC] reply: " "Server SYNC reply: Got 'SYNC Hello $i from $1'"
		expect server "[SYNC] received: SYNC Hello $i from $1" ""
	done
}

async_lines()
{
	local i

	for ((i = $2; i <= $3; i++)); do
		expect "$1" "[ASYNC] request sent" ""
		expect "$1" "[ASYNC] callback called" ""
		expect "$1" "[ASYNC] reply: " "Server ASYNC reply: Got 'ASYNC Hello $i from $1'"
		expect server "[ASYNC] received: ASYNC Hello $i from $1" ""
	done
}

part_a()
{
	title "(a) extension 6, no server: a client cannot start"
	client lonely
	expect lonely "[NO SERVER] " "cannot start*"
	ends lonely 2

	title "(a) a server and two clients: hello every 3 s and 5 s (here 10 times as fast), and the extensions"
	server
	client anna --extras
	expect anna "[anna] " "ready"
	client bert --extras
	expect bert "[bert] " "ready"

	local c
	for c in anna bert; do
		title "(a) $c: 1 ping, 2 structs"
		expect $c "[PING] 1: " "ok*"
		expect $c "[PING] 2: " "ok*"
		expect $c "[PING] 3: " "ok*"
		expect $c "[STRUCT] " "6 \* 7 = 42"
		expect $c "[STRUCT] " "2 - 44 = -42"
		expect $c "[STRUCT] " "2147483647 + 2147483647 = 4294967294"
		expect $c "[STRUCT] " "1 \? 1: unknown operation"
		title "(a) $c: 4 one-way, to the server and from it to all"
		expect $c "[NOTIFY] " "sent"
		expect server "[NOTIFY] received: $c" " is here"
		expect $c "[NEWS] $c" " is here"
		title "(a) $c: 5 time-out, and the late answer to 1 does not answer 2"
		expect $c "[TIMEOUT] request 1, limit 100 ms: " "Connection timed out"
		expect $c "[TIMEOUT] request 2" ": got the answer to 2"
		expect $c "[TIMEOUT] mute request, limit 100 ms: " "Connection timed out"
	done
	title "(a) 3 several clients: each had its own answers, and anna heard of bert"
	expect anna "[NEWS] bert" " is here"
	title "(a) the exercise itself"
	for c in anna bert; do
		hello_lines $c 1 4
		async_lines $c 1 3
	done
	expect server "[Server] handled sync requests: " "[1-9]*, async requests: [0-9]*"

	title "(a) the server ends, and through the shared force_quit so do its clients"
	kill -TERM "${pid[server]}"
	expect server "[Server] end: " "sync requests: [1-9]*, async requests: [1-9]*"
	local said=$got
	for c in anna bert; do
		expect $c "[$c] end: " "the server counted [1-9]* sync and [1-9]* async requests"
		ends $c 0
	done
	ends server 0
	same "the counters in shared memory against the lines the server printed" "$said" \
		"sync requests: $(count server '[SYNC] received'), async requests: $(count server '[ASYNC] received')"

	title "(a) extension 6, no server: it is killed while one client waits and another works"
	server
	client anna
	client hilda --hold
	hello_lines anna 1 2
	expect hilda "[HOLD] " "waiting*"
	expect server "[MUTE] " "received, no answer"
	kill -9 "${pid[server]}"
	expect hilda "[NO SERVER] it went while I waited: " "Connection refused"
	ends hilda 3
	expect anna "[NO SERVER] it is gone: " "Connection refused"
	ends anna 3
	ends server 137
}

part_b()
{
	local file=$input size sum max=$((64 * 1024 * 1024))

	[ -f "$file" ] && [ -r "$file" ] || fail "cannot read the input file '$file'"
	size=$(stat -Lc %s "$file") sum=$(sha256sum <"$file") sum=${sum%% *}
	title "(b) $file, $size bytes, sha256sum says $sum"
	start primary "$bin/fdpass/primary" --file-prefix fdpass --no-huge --log-level error
	expect primary "[primary] " "ready"

	title "(b) a secondary hands over the fd of a pipe, and exits"
	start giver "$bin/fdpass/secondary" --proc-type=secondary --file-prefix fdpass --log-level error -- "$file"
	expect giver "[secondary] " "fd sent*"
	ends giver 0
	expect primary "[primary] got the fd of " "*"
	expect primary "[primary] fd: " "$size bytes, sha256 $sum"

	if ((size > max)); then
		file=$work/first64M size=$max
		head -c "$max" "$input" >"$file"
		sum=$(sha256sum <"$file") sum=${sum%% *}
		title "(b) a payload ends at 64 MiB: these of the file, sha256sum says $sum"
	fi
	title "(b) the same as one payload"
	start giver "$bin/fdpass/secondary" --proc-type=secondary --file-prefix fdpass --log-level error -- --payload "$file"
	expect primary "[primary] payload: " "$size bytes, sha256 $sum"
	expect giver "[secondary] payload: " "$size bytes sent, the primary says sha256 $sum"
	ends giver 0
	kill -TERM "${pid[primary]}"
	ends primary 0
}

part_c()
{
	local victim

	title "(c) a server, two clients and somebody who only watches; one client is killed with -9"
	server
	start watcher "$bin/members/members" --proc-type=secondary --file-prefix hello --log-level error
	expect watcher "[members] ready" "*"
	client anna
	client bert
	hello_lines anna 1 2
	hello_lines bert 1 2
	victim=${pid[bert]}
	expect watcher "[members] join: mp_client, pid ${pid[anna]}," "*"
	expect watcher "[members] join: mp_client, pid $victim," "*"
	kill -9 "$victim"
	ends bert 137
	expect watcher "[members] death: " "mp_client, pid $victim,*"
	expect anna "[MEMBERS] pid $victim died" ""
	from_here anna "[SYNC] reply: "
	expect server "[MEMBERS] pid $victim died" ""

	title "(c) the others go on, and a new client takes its place"
	expect anna "[SYNC] reply: " "Server SYNC reply: Got 'SYNC Hello * from anna'"
	expect anna "[SYNC] reply: " "Server SYNC reply: Got 'SYNC Hello * from anna'"
	client bert
	hello_lines bert 1 2
	kill -TERM "${pid[server]}"
	ends server 0
	ends anna 0
	ends bert 0
	expect watcher "[members] leave: " "*"
	kill -TERM "${pid[watcher]}"
	ends watcher 0
}

part_d()
{
	local log=$work/log

	title "(d) a file is opened in one process; others get its descriptor by name; one of them is killed"
	start owner "$bin/fdshare/fdshare" --file-prefix fdshare --no-huge --log-level error -- own "$log"
	expect owner "registered 'container'" ""
	start user1 "$bin/fdshare/fdshare" --proc-type=secondary --file-prefix fdshare --log-level error -- use
	expect user1 "got 'container': type 1, " "$log"
	start user2 "$bin/fdshare/fdshare" --proc-type=secondary --file-prefix fdshare --log-level error -- use
	expect user2 "got 'container': type 1, " "$log"
	kill -9 "${pid[user1]}"
	ends user1 137
	kill -TERM "${pid[owner]}"
	expect owner "container " "*held by 0*"
	expect user2 "told: 'container' is revoked" ""
	expect owner "revoked, nobody has it any more" ""
	ends user2 0
	ends owner 0
	same "what was written" "$(grep -c writes "$log") $(grep -c 'lets go' "$log")" "2 1"
}

part_a
part_b
part_c
part_d
printf '\ndemo: all %d checks passed in %d s\n' "$checks" "$SECONDS"
