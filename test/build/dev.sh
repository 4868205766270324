#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# dev.sh SOURCE-DIR - what ./dev makes of the names it is given; meson and ninja only write down how they were called
set -u
src=$1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

report() # STATUS NAME
{
	if [ "$1" = 0 ]; then
		echo "ok - $2"
		passed=$((passed + 1))
	else
		echo "not ok - $2"
		sed 's/^/  | /' "$tmp/out" "$tmp/called"
		failed=$((failed + 1))
	fi
}

mkdir -p "$tmp/bin" "$tmp/tree/examples/one" "$tmp/tree/examples/two" "$tmp/tree/examples/packets" "$tmp/tree/test/lib"
cp "$src/dev" "$tmp/tree"
cp "$src/test/lib/sum.py" "$tmp/tree/test/lib"
for d in . one two packets; do
	printf '#!/bin/sh\necho "demo %s got $*"\n' $d >"$tmp/tree/examples/$d/demo.sh"
	chmod +x "$tmp/tree/examples/$d/demo.sh"
done
cat >"$tmp/bin/meson" <<'END'
#!/bin/sh
# --list says "No suitable tests defined." on its standard output for a suite that is not there
echo "meson $*" >>"$CALLED"
case "$*" in
"setup --reconfigure"*) ;;
setup*) mkdir -p "$2" && touch "$2/build.ninja" ;;
*--list*--suite*) echo "No suitable tests defined." && exit 1 ;;
*--list*) printf 'shoal:fast+core / ring\nshoal:slow / two words\n' ;;
*) mkdir -p "$3/meson-logs" && echo '{"name": "x / ring", "result": "OK", "duration": 1.0, "stdout": ""}' >"$3/meson-logs/testlog.json" ;;
esac
END
cat >"$tmp/bin/ninja" <<'END'
#!/bin/sh
echo "ninja $*" >>"$CALLED"
END
# what ./dev looks for is there
for p in gcc pkg-config python3 g++ make cmake clang-format clang-tidy cppcheck nm spin dpdk-proc-info tshark; do
	real=$(command -v $p) || real=/bin/true
	ln -s "$real" "$tmp/bin/$p"
done
printf '#!/bin/sh\necho /\n' >"$tmp/bin/clang"        # asked for the path of its library
printf '#!/bin/sh\necho 1000\n' >"$tmp/bin/id"        # nobody who could install something
chmod +x "$tmp"/bin/*

# dev ARGUMENT...: its output is in out, its status in st
dev()
{
	rm -f "$tmp/called"
	touch "$tmp/called"
	CALLED=$tmp/called PATH="$tmp/bin:$PATH" bash "$tmp/tree/dev" "$@" >"$tmp/out" 2>&1
	st=$?
}

dev demo
[ $st = 0 ] && grep -q "dev: building for the first time" "$tmp/out" && grep -qx "demo . got build" "$tmp/out"
report $? "demo without a name; the first build is announced"
dev demo two --here there
[ $st = 0 ] && ! grep -q "first time" "$tmp/out" && grep -qx "demo two got build --here there" "$tmp/out"
report $? "demo by its name, with its arguments"
dev demo dev
[ $st = 0 ] && grep -qx "demo . got build dev" "$tmp/out"
report $? "demo with a file"
dev demo three
[ $st = 1 ] && grep -q "no demo 'three'" "$tmp/out" && grep -q "demos: one packets two" "$tmp/out" && [ ! -s "$tmp/called" ]
report $? "a demo that is not there: which ones are"
dev demo packets "$tmp/no.pcap"
[ $st = 2 ] && [ "$(wc -l <"$tmp/out")" = 1 ] && grep -q "cannot read the capture '$tmp/no.pcap'" "$tmp/out" && [ ! -s "$tmp/called" ]
report $? "a capture that is not there: usage, and nothing is built"

for words in "clean all" "names x" "install --prefix" "install --prefix=" "uninstall --prefix" "fuzz --seconds"; do
	# shellcheck disable=SC2086
	dev $words
	[ $st = 1 ] && [ "$(wc -l <"$tmp/out")" = 1 ] && grep -qE "^dev: .*(takes no argument|wants a )" "$tmp/out" && [ -d "$tmp/tree/build" ]
	report $? "$words: one line says what is wrong, and nothing is done"
done

# somebody else is at work in build
exec 8>"$tmp/tree/.cache/dev-build.lock" && flock 8
dev clean
[ $st = 1 ] && grep -q "another ./dev is at work in build" "$tmp/out" && [ -d "$tmp/tree/build" ]
report $? "clean leaves what another builds"
mkfifo "$tmp/said"
CALLED=$tmp/called PATH="$tmp/bin:$PATH" bash "$tmp/tree/dev" demo two 2>"$tmp/said" 8>&- >"$tmp/waited" &
IFS= read -r line <"$tmp/said"
[ "$line" = "dev: another ./dev is at work in build: waiting for it" ] && ! grep -q got "$tmp/waited" && flock -u 8 && wait $! &&
	grep -qx "demo two got build" "$tmp/waited"
report $? "who comes second waits for the first"
exec 8>&-
dev clean
[ $st = 0 ] && [ ! -d "$tmp/tree/build" ]
report $? "clean"

dev test ring
[ $st = 0 ] && grep -qE 'num-processes [0-9]+ ring$' "$tmp/called" && grep -qx "1 passed, 0 failed, 0 skipped" "$tmp/out"
report $? "test by its name"
dev test "two words"
[ $st = 0 ] && grep -qE 'num-processes [0-9]+ two words$' "$tmp/called"
report $? "test by a name with a space"
dev test core
[ $st = 0 ] && grep -qE 'num-processes [0-9]+ --suite core$' "$tmp/called"
report $? "suite by its name"
dev test rin
[ $st = 1 ] && grep -q "no suite and no test has the name 'rin'" "$tmp/out" && grep -q "Tests: ring two words" "$tmp/out"
report $? "a test that is not there: which ones are"

mkdir -p "$tmp"/tree/{checks,test/{model,build,conformance}}
for d in checks test/model test/build test/conformance; do
	printf '#!/bin/sh\necho "ok - %s"\necho "2 passed, 0 failed, 1 skipped"\n' $d >"$tmp/tree/$d/run.sh"
	chmod +x "$tmp/tree/$d/run.sh"
done
dev test # five suites of meson's; four of two each; no fuzzer
[ $st = 0 ] && [ "$(tail -1 "$tmp/out")" = "13 passed, 0 failed, 5 skipped" ] && grep -q '^--- check: 2 passed' "$tmp/out"
report $? "test: the sum of all suites, also of those that run beside others"
printf '#!/bin/sh\necho "not ok - one"\necho "1 passed, 1 failed, 0 skipped"\nexit 1\n' >"$tmp/tree/test/model/run.sh"
printf '#!/bin/sh\nexit 3\n' >"$tmp/tree/checks/run.sh"
dev test
[ $st = 1 ] && [ "$(tail -1 "$tmp/out")" = "10 passed, 2 failed, 3 skipped" ] && grep -q '^not ok - one' "$tmp/out" &&
	grep -q '^not ok - check: it ended with status 3 and no count' "$tmp/out"
report $? "test: a suite beside others that fails or says nothing is a failure"

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
