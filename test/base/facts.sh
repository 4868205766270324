#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# facts.sh SOURCE_ROOT CC... - facts.c compiles against our headers, a false claim does not, and DPDK's own agree; use.c
# compiles in C and C++
cd "$1" || exit 1
shift
flags="-std=gnu11 -D_GNU_SOURCE -DALLOW_EXPERIMENTAL_API -Wno-deprecated-declarations -fsyntax-only"
ours="-Iinclude -include rte_config.h"
failed=0

say() # TEXT STATUS
{
	if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1" && failed=1; fi
}

"$@" $flags -Wall -Wextra -Wno-unused-const-variable $ours test/base/facts.c
say "our headers" $?
printf '#include "test/base/facts.c"\nIS(RTE_MAX_LCORE, 127);\n' | "$@" $flags $ours -I. -x c - 2>/dev/null
say "a false value does not compile" $((! $?))
printf '#include "test/base/facts.c"\nint rte_log_get_level(int);\n' | "$@" $flags $ours -I. -x c - 2>/dev/null
say "a false signature does not compile" $((! $?))

# what is in the headers to be used, in each language that programs are written in
for how in "gcc c11" "gcc gnu17" "gcc gnu2x" "clang c11" "clang gnu2x" "g++ c++11" "g++ c++20" "clang++ c++11" "clang++ c++20"; do
	cc=${how% *}
	command -v "$cc" >/dev/null || continue
	case $cc in *++) lang=c++ ;; *) lang=c ;; esac
	$cc -x $lang -std=${how#* } -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only $ours test/base/use.c
	say "use.c, $cc -std=${how#* }" $?
done

# a libdpdk.pc that shoal installed is not the yardstick
dpdk=$(env -u PKG_CONFIG_PATH pkg-config --cflags libdpdk 2>/dev/null) || dpdk=
case $(env -u PKG_CONFIG_PATH pkg-config --modversion libdpdk 2>/dev/null) in
22.11.11) : ;;
*) dpdk= ;;
esac
case $dpdk in
*dpdk*)
	"$@" $flags $dpdk test/base/facts.c
	say "DPDK's headers" $?
	;;
*) echo "ok - DPDK 22.11 is not installed: not compared # SKIP" ;;
esac
exit $failed
