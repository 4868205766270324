#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# demo.sh BUILD_DIR [tap|af_packet] [SECONDS] - two hosts whose only path is DPDK's symmetric_mp as it is, two processes of it
#
# Runs until Ctrl-C, or for SECONDS; without a terminal for 5. Its source is in Debian's package dpdk-doc, or named by
# $SHOAL_SYMMETRIC_MP. 77: something that it needs is not here. Started by root it goes on as an ordinary user.
set -u
build=$(realpath "${1:?usage: demo.sh BUILD_DIR [tap|af_packet] [SECONDS]}") || exit 1
here=$(dirname "$(readlink -f "$0")")
source=${SHOAL_SYMMETRIC_MP:-/usr/share/dpdk/examples/multi_process/symmetric_mp/main.c}
if [ ! -r "$source" ]; then
	echo "demo: $source is not here: install dpdk-doc, or name it by SHOAL_SYMMETRIC_MP"
	exit 77
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/shoal-demo-traffic.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap : INT # Ctrl-C is for the demo, which ends in good order
# copies, so that any user may run them
if ! "${CC:-cc}" -O2 -include rte_config.h -I"$here/../../include" "$source" -o "$work/symmetric_mp" \
	-L"$build/src" -lshoal -Wl,-rpath,"$work"; then
	echo "demo: FAILED: $source does not compile"
	exit 1
fi
cp "$build"/src/libshoal.so.0 "$build/examples/packets/watch" "$here/demo.py" "$here/../../test/traffic/world.py" "$work/" || exit 1
user=()
if [ "$(id -u)" = 0 ] && id nobody >/dev/null 2>&1 && command -v setpriv >/dev/null; then
	user=(setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups)
	chmod 755 "$work"
fi
cd "$work" || exit 1
python=
for p in "$(command -v python3)" /usr/bin/python3; do # root's own may be nobody else's
	[ -n "$python" ] || ! "${user[@]}" unshare -Ur "$p" -c '' 2>/dev/null || python=$p
done
if [ -z "$python" ]; then
	echo "demo: python3 is not here, or user namespaces cannot be made (sysctl user.max_user_namespaces)"
	exit 77
fi
"${user[@]}" "$python" -B "$work/demo.py" "$work" "${@:2}"
