#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# demo.sh BUILD_DIR [tap|af_packet] [SECONDS] - two hosts whose only path is DPDK's symmetric_mp as it is, two processes of it
#
# Runs until Ctrl-C, or for SECONDS; without a terminal for 5. Whatever ends it (Ctrl-C, a terminal that is closed, SIGTERM), it
# ends in good order: demo.py lives in a session of its own, so that its programs hear nothing of the terminal, and is told here.
# Should this one be killed with -9 demo.py ends, too; what only root could remove then goes with the next run.
# Its source is in Debian's package dpdk-doc, or named by
# $SHOAL_SYMMETRIC_MP. 77: something that it needs is not here. Started by root it goes on as an ordinary user.
set -u
build=$(realpath "${1:?usage: demo.sh BUILD_DIR [tap|af_packet] [SECONDS]}") || exit 1
here=$(dirname "$(readlink -f "$0")")
source=${SHOAL_SYMMETRIC_MP:-/usr/share/dpdk/examples/multi_process/symmetric_mp/main.c}
if [ ! -r "$source" ]; then
	echo "demo: $source is not here: install dpdk-doc, or name it by SHOAL_SYMMETRIC_MP"
	exit 77
fi
case ${3:-0} in
*[!0-9.]* | *.*.* | .)
	echo "usage: demo traffic [tap|af_packet] [SECONDS]: '$3' is no number of seconds" >&2
	exit 2
	;;
esac
pid='' asked=0
work=''
stop()
{
	asked=$((asked + 1))
	[ -z "$pid" ] || kill -TERM "$pid" 2>/dev/null
}
trap stop INT TERM HUP QUIT
trap 'rm -rf "$work"' EXIT
# of runs that were killed with -9
for old in "${TMPDIR:-/tmp}"/shoal-demo-traffic.*.*; do
	owner=${old%.*} owner=${owner##*.}
	if [ -O "$old" ] && ! grep -qs demo "/proc/$owner/cmdline"; then
		rm -rf "$old"
	fi
done
work=$(mktemp -d "${TMPDIR:-/tmp}/shoal-demo-traffic.$$.XXXXXX") || exit 1
# copies, so that any user may run them
if ! "${CC:-cc}" -O2 -include rte_config.h -I"$here/../../include" "$source" -o "$work/symmetric_mp" \
	-L"$build/src" -lshoal -Wl,-rpath,"$work"; then
	[ "$asked" = 0 ] || exit 0
	echo "demo: FAILED: $source does not compile"
	exit 1
fi
cp "$build"/src/libshoal.so.0 "$build/examples/packets/watch" "$here/demo.py" "$here/../../test/traffic/world.py" "$work/" &&
	mkdir "$work/run" || exit $((asked == 0))
user=()
if [ "$(id -u)" = 0 ] && id nobody >/dev/null 2>&1 && command -v setpriv >/dev/null; then
	user=(setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups)
	chmod 755 "$work"
	chown nobody "$work/run"
fi
cd "$work" || exit 1
python=
for p in "$(command -v python3)" /usr/bin/python3; do # root's own may be nobody else's
	[ -n "$python" ] || ! "${user[@]}" unshare -Ur "$p" -c '' 2>/dev/null || python=$p
done
[ "$asked" = 0 ] || exit 0
if [ -z "$python" ]; then
	echo "demo: python3 is not here, or user namespaces cannot be made (sysctl user.max_user_namespaces)"
	exit 77
fi
SHOAL_DEMO_SHELL=$$ "${user[@]}" "$python" -B "$work/demo.py" "$work" "${@:2}" &
pid=$!
while :; do # a signal ends wait
	before=$asked
	wait "$pid"
	status=$?
	[ "$before" != "$asked" ] || break
done
if [ "$asked" != 0 ] && [ "$status" = 143 ]; then
	echo "demo: ended before it began" 2>/dev/null
	status=0
fi
exit "$status"
