#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# run.sh - DPDK's example programs as they are, and one in the way of current sources, with a generated command line: built with their
# own Makefiles through our libdpdk.pc against an installed shoal, with both compilers, in each C, shared and static; and driven as a
# person would, as an ordinary user without huge pages
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

# build COMPILER STANDARD LINK DIRECTORY...: examples, unmodified, and a program whose commands.h is made on the way
build()
{
	local dir=$tmp/$1-$2-$3 name e

	mkdir -p "$dir"
	for e in "${@:4}"; do
		name=${e##*/}
		cp -r "$e" "$dir/" &&
			make -C "$dir/$name" CC="$1 -std=$2" "$3" >"$tmp/log" 2>&1 && ! grep -q 'warning:' "$tmp/log"
		report $? "$name builds: $1, $2, $3"
	done
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

for cc in gcc clang; do
	for std in gnu11 gnu17 gnu2x; do
		for link in shared static; do
			build $cc $std $link "$examples"/{helloworld,cmdline,multi_process/simple_mp} "$here/listed"
			drive drive.py $cc-$std-$link " ($cc, $std, $link)"
		done
	done
done
for v in 'gcc gnu11 shared' 'clang gnu2x static'; do
	# shellcheck disable=SC2086
	build $v "$examples"/{skeleton,l2fwd,rxtx_callbacks,link_status_interrupt,packet_ordering,multi_process/{symmetric_mp,client_server_mp,hotplug_mp}}
	d=$tmp/${v// /-}
	read -r cc std link <<<"$v"
	read -ra flags < <(pkg-config --cflags --libs libdpdk)
	$cc -std="$std" -o "$d/link_switch" "$here/link_switch.c" "${flags[@]}" >"$tmp/log" 2>&1
	report $? "a program of ours builds: $cc, $std"
	drive drive_ports.py "${v// /-}" " (${v// /, })"
	drive drive_hotplug.py "${v// /-}" " (${v// /, })"
done
if [ -e "${captures[0]}" ]; then
	drive drive_captures.py gcc-gnu11-shared '' "${captures[@]}"
else
	skipped=$((skipped + 1))
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
