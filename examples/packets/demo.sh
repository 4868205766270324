#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# demo.sh BUILD_DIR [CAPTURE] - DPDK's symmetric_mp as it is, four processes over a capture; one is killed and replaced
#
# Its source is in Debian's package dpdk-doc, or named by $SHOAL_SYMMETRIC_MP. 77: it is not here.
set -u
build=$(realpath "${1:?usage: demo.sh BUILD_DIR [CAPTURE]}") || exit 1
here=$(dirname "$(readlink -f "$0")")
if [ $# -gt 2 ] || { [ $# -eq 2 ] && [ ! -r "$2" ]; }; then
	echo "demo: cannot read the capture '${2:-}'; usage: demo packets [CAPTURE], a file of the classic format" >&2
	exit 2
fi
source=${SHOAL_SYMMETRIC_MP:-/usr/share/dpdk/examples/multi_process/symmetric_mp/main.c}
if [ ! -r "$source" ]; then
	echo "demo: $source is not here: install dpdk-doc, or name it by SHOAL_SYMMETRIC_MP"
	exit 77
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/shoal-packets.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
# copies, so that any user may run them
if ! "${CC:-cc}" -O2 -include rte_config.h -I"$here/../../include" "$source" -o "$work/symmetric_mp" \
	-L"$build/src" -lshoal -Wl,-rpath,"$work"; then
	echo "demo: FAILED: $source does not compile"
	exit 1
fi
cp "$build"/src/libshoal.so.0 "$build/examples/packets/watch" "$work/" || exit 1
python3 -B "$here/demo.py" "$work" "${@:2}"
