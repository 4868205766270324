# SPDX-License-Identifier: BSD-3-Clause
# headers.sh - each public header by itself, without a warning, in the C and C++ that programs are written in
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
export tmp

unit() # a header that declares nothing is no translation unit
{
	printf '#include <%s>\nextern int nothing_else;\n' "$1"
}

one()
{
	local h=$1 cc=$2 std=$3 lang=c shadow=-Wshadow src

	# in C++ a function named like a struct, as in DPDK's API, hides its constructor
	case $std in *++*) lang=c++ shadow= ;; esac
	command -v "$cc" >/dev/null || return 0
	src=$tmp/$(tr '/+' '__' <<<"$h.$cc.$std")
	# with and without what libdpdk.pc includes by force
	unit "$h" | $cc -x $lang -std="$std" -D_GNU_SOURCE -DALLOW_EXPERIMENTAL_API -Wall -Wextra $shadow -Wcast-qual \
		-Wpointer-arith -Wundef -Werror -Iinclude -fsyntax-only - 2>"$src" &&
		unit "$h" | $cc -x $lang -std="$std" -Wall -Wextra -Wpedantic -Werror -DALLOW_EXPERIMENTAL_API -Iinclude \
			-include rte_config.h -fsyntax-only - 2>>"$src" && return 0
	echo "$h, $cc -std=$std: $(grep -m1 -E 'error|warning' "$src")"
	return 1
}
export -f one unit

(cd include && find . -name '*.h' | sed 's|^\./||' | sort) | while read -r h; do
	for v in 'gcc c99' 'gcc c11' 'gcc gnu17' 'gcc c2x' 'g++ c++11' 'g++ c++14' 'g++ c++17' 'g++ c++20' 'clang c11' 'clang c17' 'clang c2x' \
		'clang++ c++11' 'clang++ c++17' 'clang++ c++20'; do
		echo "$h $v"
	done
done | xargs -r -P "${JOBS:-2}" -L1 bash -c 'one "$@"' one
