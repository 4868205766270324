# SPDX-License-Identifier: BSD-3-Clause
# names.sh - what the library exports = what the public headers declare = include/symbols.list; and the archive's global
# names cannot collide with a program's. `./dev names` renews the list.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
so=$BUILD/src/libshoal.so
bad=0

nm -D --defined-only "$so" | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | LC_ALL=C sort -u >"$tmp/exports"

# declared: gcc itself says which functions the headers declare without a body; variables are few and named by extern
for h in include/*.h; do echo "#include \"$(basename "$h")\""; done >"$tmp/all.c"
if ! ${CC:-gcc} -std=gnu11 -D_GNU_SOURCE -DALLOW_EXPERIMENTAL_API -Iinclude -include rte_config.h -fsyntax-only \
	-aux-info "$tmp/aux" "$tmp/all.c" 2>"$tmp/err"; then
	head -5 "$tmp/err"
	exit 1
fi
{
	sed -n 's|^/\* include/[^:]*:[0-9]*:[NO]C \*/ extern \(.*\)|\1|p' "$tmp/aux" |
		sed -E 's/^[^(]*[ *]([A-Za-z_][A-Za-z0-9_]*) \(.*/\1/'
	cat include/*.h include/*/*.h 2>/dev/null |
		sed -nE -e 's/^extern [^;(]*\(\*([a-z_0-9]+)\)\(.*/\1/p' \
			-e 's/^extern [^(]*[ *]([a-z_][a-z0-9_]*)(\[[^]]*\])?;.*/\1/p' \
			-e 's/^RTE_DECLARE_PER_LCORE\([^,]*, *([a-z_]+)\);.*/per_lcore_\1/p'
} | LC_ALL=C sort -u >"$tmp/declared"

if [ "${1:-}" = --write ]; then
	cp "$tmp/exports" include/symbols.list
fi

differ()
{
	local out

	out=$(LC_ALL=C comm "$1" "$2" "$3")
	[ -z "$out" ] && return
	bad=1
	echo "$out" | sed "s|^[[:space:]]*|$4: |"
}
differ -23 "$tmp/exports" "$tmp/declared" "exported, in no public header"
differ -13 "$tmp/exports" "$tmp/declared" "declared in a public header, not exported"
grep -v '^#' include/symbols.list 2>/dev/null | LC_ALL=C sort -u >"$tmp/list"
differ -23 "$tmp/exports" "$tmp/list" "exported, not in include/symbols.list (./dev names)"
differ -13 "$tmp/exports" "$tmp/list" "in include/symbols.list, not exported: programs would no longer start"

nm -g --defined-only "$BUILD/src/libshoal.a" 2>/dev/null | awk 'NF == 3 {print $3}' |
	grep -vE '^(sh_|rte_|__rte_|shoal_|cmdline_|rdline_|per_lcore_)' | grep -v '^__odr_asan' >"$tmp/foreign" &&
	bad=1 && sed 's|^|a global name of the archive without our prefix: |' "$tmp/foreign"
exit $bad
