# SPDX-License-Identifier: BSD-3-Clause
# tidy.sh - clang-tidy with .clang-tidy over the library; a place that must differ says NOLINT and why
#
# Nearly all of its time goes into paths through functions. Here each function has a third of clang's own limit of them (max-nodes,
# 225000), for a third of the time; with $SHOAL_TEST_LONG set, as in `./dev test long`, it has all.
deep=(--extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=max-nodes=75000)
[ -z "${SHOAL_TEST_LONG:-}" ] || deep=()
db=$(mktemp -d) || exit 1
trap 'rm -rf "$db"' EXIT
# gcc's own warnings are unknown to clang
sed -E 's/ -W[a-z=0-9-]+//g' "$BUILD/compile_commands.json" >"$db/compile_commands.json"
python3 checks/rules.py files 'src/*.c' |
	xargs -0 -r -P "${JOBS:-2}" -n 1 clang-tidy "${deep[@]}" --quiet -p "$db" --warnings-as-errors='*' 2>"$db/err" >"$db/out"
status=$?
grep -E '(warning|error):' "$db/out" | sed "s|^$(pwd)/||; s|^[a-z]*/*\.\./||" | sort -u
# a crash of the tool, or a file it cannot read, is no success
[ "$status" = 0 ] || { [ -s "$db/out" ] || cat "$db/err"; exit 1; }
