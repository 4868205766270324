#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# run.sh BUILD [NAME...] - every rule of the tree, a line each; what breaks one is listed under it
# BUILD: a build directory made with gcc. A check prints what it finds and ends non-zero; a remark (exit 0) is shown too.
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
BUILD=${1:?run.sh BUILD [NAME...]}
shift
export BUILD
JOBS=${JOBS:-$(nproc)}
export JOBS
all="rooms size low_fds clocks atoms labels volatile sleeps paths links listed unfinished format names tested headers complete troubleshooting manuals claims tidy cppcheck"
passed=0 failed=0

# the ones that take long say how long
took() { [ $((SECONDS - began)) -lt 5 ] || echo " ($((SECONDS - began)) s)"; }

for name; do
	[[ " $all " == *" $name "* ]] || { echo "no check is named '$name'; there are: $all" && exit 2; }
done
for name in ${*:-$all}; do
	began=$SECONDS
	if [ -e "checks/$name.sh" ]; then
		out=$(bash "checks/$name.sh" 2>&1)
	elif [ -e "checks/$name.py" ]; then
		out=$(python3 "checks/$name.py" 2>&1)
	else
		out=$(python3 checks/rules.py "$name" 2>&1)
	fi
	if [ $? = 0 ]; then
		echo "ok - check $name$(took)"
		passed=$((passed + 1))
	else
		echo "not ok - check $name$(took)"
		failed=$((failed + 1))
	fi
	[ -z "$out" ] || echo "$out" | head -60 | sed 's/^/  | /'
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
