# SPDX-License-Identifier: BSD-3-Clause
# headers.sh - the public headers, without a warning, in the C and C++ that programs are written in: all of them in one unit in
# each, and each by itself in the oldest and the newest; with and without what libdpdk.pc includes by force
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
export tmp

headers=$(cd include && find . -name '*.h' | sed 's|^\./||' | sort)
for h in $headers; do echo "#include <$h>"; done >"$tmp/all"
echo 'extern int nothing_else;' >>"$tmp/all" # a unit that declares nothing is none

one() # HEADER|all COMPILER STANDARD plain|forced
{
	local h=$1 cc=$2 std=$3 flags=(-DALLOW_EXPERIMENTAL_API -Iinclude -Wall -Wextra -Werror -fsyntax-only) lang=c shadow=-Wshadow said

	# in C++ a function named like a struct, as in DPDK's API, hides its constructor
	case $std in *++*) lang=c++ shadow= ;; esac
	command -v "$cc" >/dev/null || return 0
	case $4 in
	plain) flags+=(-D_GNU_SOURCE $shadow -Wcast-qual -Wpointer-arith -Wundef) ;;
	forced) flags+=(-Wpedantic -include rte_config.h) ;;
	esac
	said=$({ [ "$h" = all ] && cat "$tmp/all" || printf '#include <%s>\nextern int nothing_else;\n' "$h"; } |
		$cc -x $lang -std="$std" "${flags[@]}" - 2>&1) && return 0
	echo "$h, $cc -std=$std, $4: $(grep -m1 -E 'error|warning' <<<"$said")"
	return 1
}
export -f one

{
	for v in 'gcc c99' 'gcc c11' 'gcc gnu17' 'gcc c2x' 'g++ c++11' 'g++ c++14' 'g++ c++17' 'g++ c++20' 'clang c11' 'clang c17' \
		'clang c2x' 'clang++ c++11' 'clang++ c++17' 'clang++ c++20'; do
		echo "all $v plain"
		echo "all $v forced"
	done
	for h in $headers; do
		for v in 'gcc c99 plain' 'gcc c2x forced' 'clang++ c++11 plain' 'g++ c++20 forced'; do
			echo "$h $v"
		done
	done
} | xargs -r -P "${JOBS:-2}" -L1 bash -c 'one "$@"' one
