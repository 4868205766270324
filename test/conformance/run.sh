#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# run.sh - DPDK's example programs as they are: built with their own Makefiles through our libdpdk.pc against an installed shoal, and
# driven as a person would, as an ordinary user without huge pages
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
here=$PWD/test/conformance
examples=/usr/share/dpdk/examples
tmp=$(mktemp -d) || exit 1
chmod 755 "$tmp"
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0 skipped=0

if [ ! -d $examples ]; then
	echo "skip - package dpdk-doc is not here"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi

report() # STATUS NAME
{
	if [ "$1" = 0 ]; then
		echo "ok - $2"
		passed=$((passed + 1))
	else
		echo "not ok - $2"
		tail -12 "$tmp/log" | sed 's/^/  | /'
		failed=$((failed + 1))
	fi
}

./dev install --prefix "$tmp/usr" >"$tmp/log" 2>&1
report $? "install"
eval "$(grep '^export ' "$tmp/log")"

# build COMPILER STANDARD LINK: every example; unmodified
build()
{
	local dir=$tmp/$1-$2-$3 name e flags

	for e in helloworld cmdline skeleton l2fwd rxtx_callbacks link_status_interrupt \
		multi_process/{simple_mp,symmetric_mp,client_server_mp,hotplug_mp}; do
		name=${e##*/}
		mkdir -p "$dir" && cp -r "$examples/$e" "$dir/" &&
			make -C "$dir/$name" CC="$1 -std=$2" "$3" >"$tmp/log" 2>&1 && ! grep -q 'warning:' "$tmp/log"
		report $? "$e builds: $1, $2, $3"
	done
	read -ra flags < <(pkg-config --cflags --libs libdpdk)
	"$1" -std="$2" -o "$dir/link_switch" "$here/link_switch.c" "${flags[@]}" >"$tmp/log" 2>&1
	report $? "a program of ours builds: $1, $2"
}

drive() # SCRIPT DIR TAG [CAPTURE...]
{
	local line

	python3 "$here/$1" "$tmp/$2" "${@:3}" >"$tmp/out" 2>&1
	line=$(tail -1 "$tmp/out")
	if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
		passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
		head -n -1 "$tmp/out"
	else
		cp "$tmp/out" "$tmp/log"
		report 1 "$1 ends with a count"
	fi
}

# real captures lie beside the project, where there are any
captures=("$PWD"/../shared/captures/*.pcap)
if [ ! -e "${captures[0]}" ]; then
	echo "skip - no captures beside the project"
elif ! command -v tshark >/dev/null; then
	echo "skip - package tshark is not here"
	captures=(none)
fi

build gcc gnu11 shared
drive drive.py gcc-gnu11-shared ''
drive drive_ports.py gcc-gnu11-shared ''
drive drive_hotplug.py gcc-gnu11-shared ''
if [ -e "${captures[0]}" ]; then
	drive drive_captures.py gcc-gnu11-shared '' "${captures[@]}"
else
	skipped=$((skipped + 1))
fi
build clang gnu2x static
drive drive.py clang-gnu2x-static ' (clang, gnu2x, static)'
drive drive_ports.py clang-gnu2x-static ' (clang, gnu2x, static)'
drive drive_hotplug.py clang-gnu2x-static ' (clang, gnu2x, static)'
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
