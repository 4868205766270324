#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# demo_sees_wrong_answer.sh SOURCE_ROOT BUILD_ROOT - the demo's checker checked
#
# Each row patches one example so that it answers wrongly, builds it and runs the demo: it must fail, with the line that names
# the difference. A demo that passed, failed for another reason, or waited until its patience ended has seen nothing.
set -u
src=$1 build=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/shoal-wrong.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
bad=0

# wrong NAME SOURCE SED-SCRIPT THE-LINE
wrong()
{
	local name=$1 source=$2 script=$3 line=$4 dir=$work/$1 prog demo=demo.sh

	prog=${source%.c}
	[ ! -e "$src/examples/${source%%/*}/demo.sh" ] || demo=${source%%/*}/demo.sh
	mkdir -p "$dir"
	cp -r "$src/examples" "$dir/src"
	sed -i "$script" "$dir/src/$source"
	if cmp -s "$src/examples/$source" "$dir/src/$source"; then
		echo "FAILED $name: the patch does not fit $source any more"
		bad=1
		return
	fi
	mkdir -p "$dir/build"
	cp -r "$build/examples" "$dir/build/"
	ln -s "$build/src" "$dir/build/src" # where the programs look for the library, seen from themselves
	rm -f "$dir/build/examples/$prog"
	# $CC and $SHOAL_CFLAGS: the compiler and the sanitizers of the build
	# shellcheck disable=SC2046,SC2086
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -include rte_config.h -I"$src/include" ${SHOAL_CFLAGS:-} -o "$dir/build/examples/$prog" \
		"$dir/src/$source" $(case $source in fdpass/primary.c | rings/rings.c) echo "$dir/src/common/sha256.c" ;; esac) \
		-L"$build/src" -lshoal -Wl,-rpath,"$build/src" -lpthread || {
		echo "FAILED $name: $source does not build"
		bad=1
		return
	}
	if bash "$dir/src/$demo" "$dir/build" >"$dir/out" 2>&1; then
		echo "FAILED $name: the demo passed"
		bad=1
	elif ! tail -n 1 "$dir/out" | grep -qF -- "$line"; then
		echo "FAILED $name: the demo's last line is not the difference '$line', but:"
		tail -n 3 "$dir/out"
		bad=1
	else
		echo "ok $name: $(tail -n 1 "$dir/out")"
	fi
}

wrong sync_reply hello/mp_server.c "s/Server SYNC reply: Got/Server SYNC reply: Had/" \
	"not '[SYNC] reply: Server SYNC reply: Got"
wrong struct_result hello/mp_server.c "s/(int64_t)c.a \* c.b/(int64_t)c.a * c.b + 1/" "not '[STRUCT] 6 \\* 7 = 42'"
wrong counter hello/mp_server.c "s/info->async_request_count++/info->async_request_count += 2/" \
	"the counters in shared memory against the lines"
wrong digest fdpass/primary.c "s/sha256_add(&s, buf, (size_t)n)/sha256_add(\&s, buf, (size_t)n - 1)/" "sha256"
wrong pattern memory/memory.c "s/p\[i\] = number \* 1000003ull + i/p[i] = number * 1000003ull + i + (number == 7)/" \
	"DIFFERENT: the reader found every word of 7 pieces"
wrong place rings/rings.c "s/next = ring->prod.tail/next = ring->prod.tail + 1/" "DIFFERENT: producer 2, pid"
wrong skipped rings/rings.c "s/next += n;/next += n + (me == 2);/" "DIFFERENT: "
wrong bytes rings/rings.c "s/sha256_add(&sha, b->bytes, b->len)/sha256_add(\&sha, b->bytes, b->len - (b->number == 99))/" \
	"sha256sum of the file:"
exit $bad
