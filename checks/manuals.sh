# SPDX-License-Identifier: BSD-3-Clause
# manuals.sh - the pages in doc/man render without a warning and are installed under every name they explain; each exported
# function has a page or, for rte_, a row of doc/compat.md; shoal.7 names every page
bad=0
say()
{
	echo "$*"
	bad=1
}

for page in doc/man/*.[0-9]; do
	name=${page##*/}
	if command -v mandoc >/dev/null; then
		warn=$(mandoc -T lint -W warning "$page" 2>&1 | head -5)
		[ -z "$warn" ] || say "$warn"
	fi
	if command -v groff >/dev/null; then
		warn=$(groff -mdoc -ww -Tutf8 -rLL=78n -z "$page" 2>&1 | head -5)
		[ -z "$warn" ] || say "$warn"
	fi
	grep -q "'$name'" doc/man/meson.build || say "$page: not in doc/man/meson.build"
	case $name in
	*.3) want="RETURN.VALUES ERRORS THREADS" ;;
	*) want= ;;
	esac
	for section in DESCRIPTION SEE.ALSO $want; do
		grep -q "^\.Sh $section\$" "$page" || say "$page: no section ${section//./ }"
	done
	# what NAME lists and what is installed: the page's own name, and its links
	sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([a-z0-9_-]*\).*/\1/p' "$page" | grep -vx "${name%.*}" | sort >/tmp/manuals.$$
	awk -v p="  '$name':" 'index($0, p) == 1 {on = 1; $0 = substr($0, length(p))} on; /\]/ {on = 0}' doc/man/meson.build | grep -o "'[a-z0-9_]*'" | tr -d "'" | sort |
		diff - /tmp/manuals.$$ | sed -n "s|^[<>] \(.*\)|$page: \1 is in NAME or in doc/man/meson.build, not in both|p" \
		>/tmp/manuals2.$$
	[ ! -s /tmp/manuals2.$$ ] || say "$(cat /tmp/manuals2.$$)"
	rm -f /tmp/manuals.$$ /tmp/manuals2.$$
	# the first page leads to all others, by one of their names
	names=$(sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([a-z0-9_-]*\).*/\1/p' "$page" | tr '\n' '|')
	[ "$name" = shoal.7 ] || grep -qE "Xr ($names${name%.*}) ${name##*.}( |\$)" doc/man/shoal.7 || say "$page: not in doc/man/shoal.7"
	for ref in $(sed -n 's/^\.\(It \)\?Xr \([a-z0-9_-]*\) \([0-9]\).*/\2.\3/p' "$page"); do
		case $ref in
		rte_* | shoal*) grep -q "'${ref%.*}\('\|\.${ref##*.}'\)" doc/man/meson.build || say "$page: $ref is no page" ;;
		esac
	done
done

while read -r symbol; do
	case $symbol in
	shoal_*) grep -qw "$symbol" doc/man/*.[0-9] || say "$symbol: in no page of doc/man" ;;
	esac
done <include/symbols.list
rows=$(python3 checks/rules.py tested | grep 'not in doc/compat.md')
for symbol in $(echo "$rows" | sed 's/:.*//'); do
	grep -qw "$symbol" doc/man/*.[0-9] || say "$symbol: in no page of doc/man and no row of doc/compat.md"
done
exit $bad
