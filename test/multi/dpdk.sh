#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# dpdk.sh PROGRAM primary|secondary - a DPDK process with what it needs: huge pages and where they are mounted (root)
#
# The mount point lies in the case's own directory and in a mount namespace that both processes share: the primary makes it, the
# secondary enters it. The pages come from the system's overcommit: they exist while they are used, so that a kill gives them
# back too. Its limit is raised by 16, and lowered again when the primary ends; others may do the same meanwhile, so it is
# changed under a lock and never set to what it was. What a kill leaves behind is a higher limit, which holds no memory. A case
# that sets the numbers itself (test/lib/hugepages.c) is alone: a primary shares that one's lock with others of its kind.
set -eu
limit=/proc/sys/vm/nr_overcommit_hugepages
pool=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
huge=$RUNTIME_DIRECTORY/huge
args=(-l 0 --no-pci --no-telemetry --huge-dir "$huge" --log-level "*:error")

# add NUMBER: to the limit
add()
{
	local want st

	exec 9</sys/kernel/mm/hugepages
	flock 9
	want=$(($(cat $limit) + $1))
	echo $((want > 0 ? want : 0)) >$limit && st=0 || st=1
	exec 9<&-
	return $st
}

if [ "$2" = secondary ]; then
	exec nsenter --mount=/proc/"$(cat "$huge.pid")"/ns/mnt "$1" secondary "${args[@]}" --proc-type=secondary
fi
if [ -z "${DPDK_SH_INSIDE:-}" ]; then
	{ exec 8<$pool && flock -s 8; } 2>/dev/null || { echo "dpdk cannot start: this kernel has no huge pages of 2 MiB"; exit 1; }
	add 16 || { echo "dpdk cannot start: no huge pages may be had here"; exit 1; }
	trap 'add -16' EXIT
	unshare --mount true || { echo "dpdk cannot start: no mount namespace may be had here"; exit 1; }
	DPDK_SH_INSIDE=1 unshare --mount bash "$0" "$@"
	exit
fi
mkdir -p "$huge"
mount -t hugetlbfs nodev "$huge"
echo $$ >"$huge.pid"
exec "$1" primary "${args[@]}" -m 16
