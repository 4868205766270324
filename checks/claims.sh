# SPDX-License-Identifier: BSD-3-Clause
# claims.sh - what the documents name exists: tests in the limits of doc/compat.md and in doc/decisions.md; and the rooms' READMEs
# know every step at which a process may be killed
bad=0
tests=$(python3 checks/rules.py files 'test/*.c' | xargs -0 sed -nE 's/^TEST\w*\(([a-z0-9_]+).*/\1/p' | sort -u)
known()
{
	echo "$tests" | grep -qE "^${1//\*/.*}\$" && return
	echo "$2: no test is named $1"
	bad=1
}

for name in $(sed -n '/^## Limits of DPDK/,$p' doc/compat.md | grep -o '`[a-z0-9_]*`' | tr -d '`' | sort -u); do
	known "$name" doc/compat.md
done
# "Shown by" up to the next heading, names in parentheses
for name in $(sed -n '/^Shown by:/,/^##/p' doc/decisions.md | tr '\n' ' ' | grep -oE '\([^)]*\)' | tr -d '(),' | tr -s ' ' '\n' |
	grep -E '^[a-z0-9]+(_[a-z0-9*]+){2,}$' | sort -u); do
	known "$name" doc/decisions.md
done
for room in chan mem; do
	for label in $(sed -nE 's/.*SH_STEP\("([a-z0-9_]+)"\).*/\1/p' "src/$room"/*.c | sort -u); do
		grep -qE "\b$label\b" "src/$room/README.md" || grep -q "${label%_*}_\*" "src/$room/README.md" && continue
		echo "src/$room/README.md: says nothing of a death at $label"
		bad=1
	done
done
exit $bad
