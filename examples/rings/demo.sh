#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# demo.sh BUILD_DIR [--kills N] [--seconds N] [--mode MODE] [FILE] - the rings demo in a runtime directory of its own
#
# FILE (or $SHOAL_DEMO_INPUT; default /bin/bash) goes through the ring in about so many seconds (default 5; 0: as fast as it
# goes) while its producer is killed N times (default 5, at most 20). MODE: SP/SC MP/SC SP/MC MP/MC HTS RTS, default MP/MC.
set -u
export LC_ALL=C
bin=${1:?usage: demo.sh BUILD_DIR [--kills N] [--seconds N] [--mode MODE] [FILE]}/examples/rings/rings
shift
file=${SHOAL_DEMO_INPUT:-/bin/bash} kills=5 seconds=5 mode=MP/MC

wrong()
{
	echo "rings demo: $*" >&2
	exit 2
}

number() # OPTION VALUE MOST
{
	[[ $2 =~ ^[0-9]{1,4}$ ]] && (($2 <= $3)) || wrong "$1 wants a number up to $3, not '$2'"
}

while [ $# -gt 0 ]; do
	case $1 in
	--kills) kills=${2-} && number "$1" "$kills" 20 && shift ;;
	--seconds) seconds=${2-} && number "$1" "$seconds" 3600 && shift ;;
	--mode)
		mode=${2-}
		[[ " SP/SC MP/SC SP/MC MP/MC HTS RTS " == *" $mode "* ]] || wrong "--mode is SP/SC, MP/SC, SP/MC, MP/MC, HTS or RTS"
		shift
		;;
	-*) wrong "unknown option $1; there are --kills N, --seconds N, --mode MODE" ;;
	*) file=$1 ;;
	esac
	shift
done
[ -f "$file" ] && [ -r "$file" ] || wrong "cannot read the file '$file'"
[ "$(stat -Lc %s "$file")" -ge 4096 ] || wrong "'$file' is too small to be killed in the middle of: 4096 bytes at least"
sum=$(sha256sum <"$file") || wrong "sha256sum cannot read '$file'"
file=$(realpath -s "$file")

RUNTIME_DIRECTORY=$(mktemp -d "${TMPDIR:-/tmp}/shoal-rings.XXXXXX") || exit 1
export RUNTIME_DIRECTORY
demo=
trap 'rm -rf "$RUNTIME_DIRECTORY"' EXIT
trap '[ -z "$demo" ] || kill -TERM "$demo" 2>/dev/null' INT TERM HUP # it ends its producer, then itself
"$bin" --file-prefix rings --no-huge --log-level error -- "$file" "${sum%% *}" "$kills" "$seconds" "$mode" &
demo=$!
while :; do
	wait "$demo"
	status=$?
	kill -0 "$demo" 2>/dev/null || break # a signal ended the wait, not the demo
done
exit "$status"
