#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# run.sh - install into a fresh prefix, build users' programs against it in every way users build, run them, uninstall
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
here=$PWD/test/build
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0 skipped=0

# report NAME COMMAND...: what it printed is shown when it fails
report()
{
	local name=$1

	shift
	if "$@" >"$tmp/log" 2>&1; then
		echo "ok - $name"
		passed=$((passed + 1))
	else
		echo "not ok - $name"
		tail -12 "$tmp/log" | sed 's/^/  | /'
		failed=$((failed + 1))
	fi
}

skip()
{
	echo "skip - $1"
	skipped=$((skipped + 1))
}

# runs PROGRAM: in a runtime directory of its own; it says how it went
runs()
{
	local name=${1##*/} want out

	case $name in
	prog22) want='prog22: 1 lcores of 1 ran, n=7, zone found' ;;
	prog26) want='prog26: 1 lcores of 1 ran, thread 26' ;;
	*) want='hello from core 0' ;;
	esac
	mkdir -p "$tmp/run"
	out=$(RUNTIME_DIRECTORY=$tmp/run timeout 20 "$1" -l 0 --file-prefix built -- -n 7 2>"$tmp/stderr")
	local st=$?
	echo "status $st: $out"
	cat "$tmp/stderr"
	[ $st = 0 ] && grep -qxF "$want" <<<"$out"
}

links() # links PROGRAM shared|static: does it need the shared library, or has it all?
{
	local needs

	needs=$(readelf -d "$1" | grep -c 'NEEDED.*libshoal\.so\.0')
	if [ "$2" = shared ]; then [ "$needs" = 1 ]; else [ "$needs" = 0 ]; fi || { echo "not linked as $2"; return 1; }
}

fresh() # a directory with the sources
{
	rm -rf "$tmp/w" && mkdir "$tmp/w" && cp "$here"/prog*.c "$tmp/w/"
}

by_make() # CC LINK PROG
{
	fresh && cp "$here/user.mk" "$tmp/w/Makefile" && make -C "$tmp/w" CC="$1" PROG="$3" "$2" && links "$tmp/w/$3" "$2" &&
		runs "$tmp/w/$3"
}

by_cmake()
{
	local static=OFF

	[ "$2" = shared ] || static=ON
	fresh && cp "$here/user.cmake" "$tmp/w/CMakeLists.txt" &&
		cmake -S "$tmp/w" -B "$tmp/w/b" -DCMAKE_C_COMPILER="$1" -DPROG="$3" -DSTATIC=$static &&
		cmake --build "$tmp/w/b" && links "$tmp/w/b/$3" "$2" && runs "$tmp/w/b/$3"
}

by_meson()
{
	fresh && cp "$here/user.meson" "$tmp/w/meson.build" &&
		echo "option('link', type: 'combo', choices: ['shared', 'static'], value: 'shared')" >"$tmp/w/meson_options.txt" &&
		CC=$1 meson setup "$tmp/w/b" "$tmp/w" -Dlink="$2" && ninja -C "$tmp/w/b" && links "$tmp/w/b/$3" "$2" &&
		runs "$tmp/w/b/$3"
}

by_shoal_pc() # CC LINK
{
	local flag=

	[ "$2" = shared ] || flag=-static
	# shellcheck disable=SC2046
	fresh && "$1" -Wall -Wextra -Werror $(pkg-config --cflags shoal) "$tmp/w/progshoal.c" -o "$tmp/w/p" $flag \
		$(pkg-config ${flag:+--static} --libs shoal) && links "$tmp/w/p" "$2" && "$tmp/w/p"
}

# the example as the package ships it, by its own Makefile
hello()
{
	rm -rf "$tmp/w" && cp -r /usr/share/dpdk/examples/helloworld "$tmp/w" && make -C "$tmp/w" CC="$1" "$2" &&
		links "$tmp/w/build/helloworld" "$2" && runs "$tmp/w/build/helloworld"
}

# the program in the README: built as it says, and two of them talk
readme()
{
	local st out

	rm -rf "$tmp/w" && mkdir "$tmp/w" "$tmp/w/run" && sed -n '/^```c$/,/^```$/p' README.md | grep -v '^```' >"$tmp/w/hello.c"
	[ "$(wc -l <"$tmp/w/hello.c")" -le 20 ] || return 1 # twenty lines are promised
	# shellcheck disable=SC2046
	gcc -Wall -Wextra -Werror "$tmp/w/hello.c" -o "$tmp/w/hello" $(pkg-config --cflags --libs libdpdk) || return 1
	mkfifo "$tmp/w/enter"
	RUNTIME_DIRECTORY=$tmp/w/run "$tmp/w/hello" --proc-type=auto <"$tmp/w/enter" >"$tmp/w/out" 2>&1 &
	exec 9>"$tmp/w/enter"
	# a secondary waits for a primary that is still starting, but the second must not be the first
	until [ -e "$tmp/w/run/dpdk/rte/mp_socket" ] || ! kill -0 $! 2>/dev/null; do read -r -t 0.05 <> <(:); done
	out=$(RUNTIME_DIRECTORY=$tmp/w/run timeout 20 "$tmp/w/hello" --proc-type=auto 9>&- 2>&1)
	echo >&9
	exec 9>&-
	wait $!
	st=$?
	echo "$out"
	cat "$tmp/w/out"
	[ $st = 0 ] && grep -qx 'the primary answers: hello' <<<"$out" && grep -qx 'a secondary says: hello' "$tmp/w/out"
}

# each example as examples/common/README.md says
examples_by_hand()
{
	local line f more n=0

	line=$(grep -o '`cc mp_server\.c [^`]*`' examples/common/README.md | tr -d '`')
	rm -rf "$tmp/w" && cp -r examples "$tmp/w" || return 1
	for f in $(cd "$tmp/w" && grep -lE '^int main\(' */*.c); do
		more=
		! grep -q 'sha256\.h' "$tmp/w/$f" || more=../common/sha256.c
		echo "$f"
		(cd "$tmp/w/${f%/*}" && eval "${line/mp_server.c/${f#*/} $more} -Werror" && [ -x a.out ] && rm a.out) || return 1
		n=$((n + 1))
	done
	[ $n -ge 9 ]
}

soname()
{
	readelf -d "$prefix/$lib/libshoal.so" | grep -q 'SONAME.*\[libshoal\.so\.0\]' &&
		[ -L "$prefix/$lib/libshoal.so" ] && [ "$(readlink -f "$prefix/$lib/libshoal.so.0")" = "$prefix/$lib/libshoal.so.0.1.0" ]
}

# nothing that the documents do not name leaves the library, and all of it carries the version node
only_ours()
{
	nm -D --defined-only "$prefix/$lib/libshoal.so" | awk '$2 != "A" {print $3}' >"$tmp/names"
	[ -s "$tmp/names" ] && ! grep -vE '^(rte_|__rte_|shoal_|cmdline_|rdline_|per_lcore_).*@@SHOAL_0$' "$tmp/names"
}

dpdk_not_ours() # with shoal.pc's directory alone, libdpdk stays what the system says
{
	[ "$(PKG_CONFIG_PATH=$prefix/$lib/pkgconfig pkg-config --variable=prefix libdpdk 2>/dev/null)" != "$prefix" ]
}

all_gone()
{
	./dev uninstall --prefix "$prefix" && find "$tmp/p" && [ "$(find "$tmp/p" | sort | tr '\n' ' ')" = "$tmp/p $tmp/p/theirs " ]
}

mkdir "$tmp/p" && touch "$tmp/p/theirs"
prefix=$tmp/p/usr
trap '' PIPE # a program that ends early is a failure, not the end of this script
report "install" ./dev install --prefix "$prefix"
if [ "$failed" != 0 ]; then
	# without it, libdpdk would be whatever the machine has
	echo "$passed passed, $failed failed, $skipped skipped"
	exit 1
fi
lib=$(cd "$prefix" 2>/dev/null && dirname "$(find . -name libshoal.a | head -1)" | sed 's|^\./||')
# exactly what install tells the user to copy
eval "$(grep '^export ' "$tmp/log")"

for cc in gcc clang; do
	if ! command -v $cc >/dev/null; then
		skip "no $cc"
		continue
	fi
	for link in shared static; do
		for prog in prog22 prog26; do
			report "make, $link, $cc, $prog" by_make $cc $link $prog
			report "cmake, $link, $cc, $prog" by_cmake $cc $link $prog
			report "meson, $link, $cc, $prog" by_meson $cc $link $prog
		done
		report "shoal.pc, $link, $cc" by_shoal_pc $cc $link
		if [ -e /usr/share/dpdk/examples/helloworld/main.c ]; then
			report "DPDK's helloworld as it is, $link, $cc" hello $cc $link
		else
			skip "DPDK's helloworld: package dpdk-doc is not here"
		fi
	done
done
report "the program in the README" readme
report "the examples, by the line of their README" examples_by_hand
report "the library's name and links" soname
report "only our names leave the library" only_ours
report "libdpdk is shoal only where its own directory is on the path" dpdk_not_ours
report "uninstall takes what was installed and no more" all_gone
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
