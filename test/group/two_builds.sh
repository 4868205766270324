#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# two_builds.sh SOURCE TEST - two different builds in one group: gcc -O0 with the static library, clang -O3 with the shared one
src=$1 test=$2
for cc in gcc clang; do
	command -v $cc >/dev/null || { echo "skip: no $cc"; exit 77; }
done
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# make DIR CC OPTIMIZATION TARGET
make()
{
	CC=$2 meson setup "$tmp/$1" "$src" -Dbuildtype=plain -Doptimization="$3" -Db_sanitize=none >"$tmp/log" 2>&1 &&
		ninja -C "$tmp/$1" -j2 "test/group/$4" >"$tmp/log" 2>&1 && return
	tail -30 "$tmp/log"
	exit 1
}

make a gcc 0 member_prog_static
make b clang 3 member_prog
# what they are is what they say
readelf -p .comment "$tmp/a/test/group/member_prog_static" | grep -q GCC || { echo "not made by gcc"; exit 1; }
readelf -p .comment "$tmp/b/src/libshoal.so" | grep -q clang || { echo "not made by clang"; exit 1; }
! readelf -d "$tmp/a/test/group/member_prog_static" | grep -q libshoal || { echo "not static"; exit 1; }
readelf -d "$tmp/b/test/group/member_prog" | grep -q libshoal || { echo "not shared"; exit 1; }
MEMBER_A=$tmp/a/test/group/member_prog_static MEMBER_B=$tmp/b/test/group/member_prog "$test"
