/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * opts_table.c - every option there is
 *
 * The names, letters and the question whether there is a value are facts of DPDK 22.11 and 26.11; doc/options.md says for
 * each what it does here, and a test compares the two lists.
 */
#include <stdio.h>

#include "proc/opts_int.h"

#define L SH_OPTF_LIST
#define O SH_OPTF_22L
#define A SH_OPTF_22A
#define OWN SH_OPTF_OWN

const struct sh_opt_def sh_opt_defs[] = {
	{SH_OPT_ALLOW, {"allow"}, 'a', SH_ARG_REQ, L | O, sh_take_text, "DEV", "add a device to the allow list"},
	{SH_OPT_AUTO_PROBING, {"auto-probing"}, 0, SH_ARG_NONE, 0, sh_take_flag, NULL, "probe all buses"},
	{SH_OPT_BASE_VIRTADDR,
	 {"base-virtaddr"},
	 0,
	 SH_ARG_REQ,
	 O,
	 sh_take_base,
	 "ADDR",
	 "where the group's memory starts"},
	{SH_OPT_BLOCK, {"block"}, 'b', SH_ARG_REQ, L | O, sh_take_text, "DEV", "never use this device"},
	{SH_OPT_COREMASK, {"coremask"}, 'c', SH_ARG_REQ, 0, sh_take_later, "MASK", "lcores as a hexadecimal mask"},
	{SH_OPT_CREATE_UIO, {"create-uio-dev"}, 0, SH_ARG_NONE, O, sh_take_flag, NULL, "create /dev/uioX"},
	{SH_OPT_DRIVER_PATH, {"driver-path"}, 'd', SH_ARG_REQ, L, sh_take_text, "PATH", "driver libraries"},
	{SH_OPT_FILE_PREFIX, {"file-prefix"}, 0, SH_ARG_REQ, O, sh_take_prefix, "NAME", "name of the group (rte)"},
	{SH_OPT_SIMD,
	 {"force-max-simd-bitwidth"},
	 0,
	 SH_ARG_REQ,
	 O,
	 sh_take_simd,
	 "BITS",
	 "cap the width of SIMD code"},
	{SH_OPT_HELP, {"help"}, 'h', SH_ARG_NONE, O, sh_take_flag, NULL, "this text"},
	{SH_OPT_HUGE_DIR, {"huge-dir"}, 0, SH_ARG_REQ, O, sh_take_text, "DIR", "hugetlbfs mount; not needed here"},
	{SH_OPT_HUGE_UNLINK, {"huge-unlink"}, 0, SH_ARG_OPT, O, sh_take_unlink, "WHEN", "existing, always, never"},
	{SH_OPT_HUGE_STACK, {"huge-worker-stack"}, 0, SH_ARG_OPT, O, sh_take_stack, "KIB", "stacks in huge pages"},
	{SH_OPT_IN_MEMORY, {"in-memory"}, 0, SH_ARG_NONE, O, sh_take_flag, NULL, "a process alone, no files at all"},
	{SH_OPT_IOVA, {"iova-mode"}, 0, SH_ARG_REQ, O, sh_take_iova, "va", "kind of addresses for devices"},
	{SH_OPT_LCORES,
	 {"lcores"},
	 'l',
	 SH_ARG_REQ,
	 O,
	 sh_take_later,
	 "MAP",
	 "lcores, \"0-2,4\" or \"lcores[@cpus],...\""},
	{SH_OPT_LEGACY_MEM, {"legacy-mem"}, 0, SH_ARG_NONE, O, sh_take_flag, NULL, "static memory"},
	{SH_OPT_LOG_COLOR, {"log-color"}, 0, SH_ARG_OPT, 0, sh_take_color, "WHEN", "auto, always, never"},
	{SH_OPT_LOG_LEVEL,
	 {"log-level"},
	 0,
	 SH_ARG_REQ,
	 L | O,
	 sh_take_level,
	 "SPEC",
	 "LEVEL, glob:LEVEL, regex,LEVEL; help"},
	{SH_OPT_LOG_TIMESTAMP,
	 {"log-timestamp"},
	 0,
	 SH_ARG_OPT,
	 0,
	 sh_take_time,
	 "HOW",
	 "notime, reltime, delta, ctime, iso"},
	{SH_OPT_MAIN_LCORE, {"main-lcore"}, 0, SH_ARG_REQ, O, sh_take_later, "ID", "lcore of the main thread"},
	{SH_OPT_MATCH_ALLOC, {"match-allocations"}, 0, SH_ARG_NONE, O, sh_take_flag, NULL, "free pages as allocated"},
	{SH_OPT_MBUF_OPS,
	 {"mbuf-pool-ops-name"},
	 0,
	 SH_ARG_REQ,
	 O,
	 sh_take_ops,
	 "NAME",
	 "default operations of mbuf pools"},
	{SH_OPT_MEM_SIZE, {"memory-size"}, 'm', SH_ARG_REQ, 0, sh_take_m, "MIB", "memory at start"},
	{SH_OPT_MEM_CHANNELS, {"memory-channels"}, 'n', SH_ARG_REQ, 0, sh_take_n, "N", "memory channels"},
	{SH_OPT_MEM_RANKS, {"memory-ranks"}, 'r', SH_ARG_REQ, 0, sh_take_r, "N", "memory ranks, 1 to 16"},
	{SH_OPT_NO_AUTO_PROBING,
	 {"no-auto-probing"},
	 'A',
	 SH_ARG_NONE,
	 0,
	 sh_take_flag,
	 NULL,
	 "probe what -a names only"},
	{SH_OPT_NO_HPET, {"no-hpet"}, 0, SH_ARG_NONE, O, sh_take_flag, NULL, "no HPET"},
	{SH_OPT_NO_HUGE, {"no-huge"}, 0, SH_ARG_NONE, O, sh_take_flag, NULL, "no huge pages"},
	{SH_OPT_NO_PCI, {"no-pci"}, 0, SH_ARG_NONE, O, sh_take_flag, NULL, "no PCI bus"},
	{SH_OPT_NO_SHCONF, {"no-shconf"}, 0, SH_ARG_NONE, O, sh_take_flag, NULL, "a process alone, no group"},
	{SH_OPT_NO_TELEMETRY, {"no-telemetry"}, 0, SH_ARG_NONE, O, sh_take_flag, NULL, "no telemetry socket"},
	{SH_OPT_NUMA_MEM, {"numa-mem", "socket-mem"}, 0, SH_ARG_REQ, A, sh_take_numa, "MIB,...", "memory per node"},
	{SH_OPT_NUMA_LIMIT,
	 {"numa-limit", "socket-limit"},
	 0,
	 SH_ARG_REQ,
	 A,
	 sh_take_numa,
	 "MIB,...",
	 "limit per node"},
	{SH_OPT_PAGESZ_MEM, {"pagesz-mem"}, 0, SH_ARG_REQ, L, sh_take_pagesz, "SIZE:LIMIT", "limit per page size"},
	{SH_OPT_PROC_TYPE, {"proc-type"}, 0, SH_ARG_REQ, O, sh_take_role, "TYPE", "primary, secondary or auto"},
	{SH_OPT_REMAP, {"remap-lcore-ids"}, 'R', SH_ARG_OPT, 0, sh_take_later, "BASE", "number lcores from 0 or BASE"},
	{SH_OPT_SERVICE_LIST,
	 {"service-corelist"},
	 'S',
	 SH_ARG_REQ,
	 0,
	 sh_take_later,
	 "LIST",
	 "lcores set aside for services"},
	{SH_OPT_SERVICE_MASK, {"service-coremask"}, 's', SH_ARG_REQ, 0, sh_take_later, "MASK", "the same as a mask"},
	{SH_OPT_SINGLE_FILE, {"single-file-segments"}, 0, SH_ARG_NONE, O, sh_take_flag, NULL, "fewer hugepage files"},
	{SH_OPT_SYSLOG, {"syslog"}, 0, SH_ARG_OPT, O, sh_take_syslog, "FACILITY", "log to syslog as well"},
	{SH_OPT_TELEMETRY, {"telemetry"}, 0, SH_ARG_NONE, O, sh_take_flag, NULL, "telemetry socket"},
	{SH_OPT_TRACE, {"trace"}, 0, SH_ARG_REQ, L | O, sh_take_text, "REGEX", "enable trace points"},
	{SH_OPT_TRACE_BUFSZ, {"trace-bufsz"}, 0, SH_ARG_REQ, O, sh_take_bufsz, "SIZE", "trace buffer of a thread"},
	{SH_OPT_TRACE_DIR, {"trace-dir"}, 0, SH_ARG_REQ, O, sh_take_text, "DIR", "where traces go"},
	{SH_OPT_TRACE_MODE, {"trace-mode"}, 0, SH_ARG_REQ, O, sh_take_tmode, "MODE", "overwrite or discard"},
	{SH_OPT_VERSION, {"version"}, 'v', SH_ARG_NONE, 0, sh_take_flag, NULL, "log the version and go on"},
	{SH_OPT_VDEV, {"vdev"}, 0, SH_ARG_REQ, L | O, sh_take_text, "DRIVER[,KEY=VAL...]", "make a virtual device"},
	{SH_OPT_VFIO_INTR, {"vfio-intr"}, 0, SH_ARG_REQ, O, sh_take_intr, "MODE", "legacy, msi or msix"},
	{SH_OPT_VFIO_TOKEN, {"vfio-vf-token"}, 0, SH_ARG_REQ, O, sh_take_token, "UUID", "token of a virtual function"},
	{SH_OPT_VMWARE_TSC, {"vmware-tsc-map"}, 0, SH_ARG_NONE, O, sh_take_flag, NULL, "VMware's clock"},
	{SH_OPT_ALLOW_UID,
	 {"allow-uid"},
	 0,
	 SH_ARG_REQ,
	 L | OWN,
	 sh_take_uid,
	 "UID",
	 "users that may join besides my own"},
	{SH_OPT_JOIN_TIMEOUT,
	 {"join-timeout"},
	 0,
	 SH_ARG_REQ,
	 OWN,
	 sh_take_timeout,
	 "MS",
	 "how long to wait for the group"},
	{SH_OPT_MAX_MEMBERS,
	 {"max-members"},
	 0,
	 SH_ARG_REQ,
	 OWN,
	 sh_take_members,
	 "N",
	 "places in the group, 1 to 256"},
	{SH_OPT_HUGE, {"huge"}, 0, SH_ARG_REQ, OWN, sh_take_huge, "WHEN", "huge pages: auto, only or never"},
	{SH_OPT_MEM_DECAY,
	 {"mem-decay"},
	 0,
	 SH_ARG_REQ,
	 OWN,
	 sh_take_decay,
	 "MS",
	 "how long freed pages are kept (1000), or never"},
	{SH_OPT_MEMORY_MAX,
	 {"memory-max"},
	 0,
	 SH_ARG_REQ,
	 OWN,
	 sh_take_memmax,
	 "SIZE",
	 "most memory the group may take"},
	{SH_OPT_MEM_SYNC,
	 {"mem-sync"},
	 0,
	 SH_ARG_REQ,
	 OWN,
	 sh_take_memsync,
	 "WHEN",
	 "auto, always: all members say yes before memory grows"},
};
const unsigned sh_opt_defs_n = sizeof(sh_opt_defs) / sizeof(sh_opt_defs[0]);
_Static_assert(sizeof(sh_opt_defs) / sizeof(sh_opt_defs[0]) == SH_OPTS_N, "a row for every option");

#define SAME "they say the same thing in two ways"
#define HUGE "it is about huge pages"

const struct sh_opt_pair sh_opt_pairs[] = {
	{SH_OPT_ALLOW, SH_OPT_BLOCK, "one names all devices to use, the other those not to"},
	{SH_OPT_LCORES, SH_OPT_COREMASK, SAME},
	{SH_OPT_SERVICE_LIST, SH_OPT_SERVICE_MASK, SAME},
	{SH_OPT_MEM_SIZE, SH_OPT_NUMA_MEM, SAME},
	{SH_OPT_NO_HUGE, SH_OPT_NUMA_MEM, HUGE},
	{SH_OPT_NO_HUGE, SH_OPT_HUGE, HUGE},
	{SH_OPT_NO_HUGE, SH_OPT_HUGE_STACK, HUGE},
	{SH_OPT_NO_HUGE, SH_OPT_MATCH_ALLOC, HUGE},
	{SH_OPT_NO_HUGE, SH_OPT_HUGE_UNLINK, HUGE},
	{SH_OPT_NO_HUGE, SH_OPT_SINGLE_FILE, HUGE},
	{SH_OPT_NO_HUGE, SH_OPT_PAGESZ_MEM, HUGE},
	{SH_OPT_LEGACY_MEM, SH_OPT_IN_MEMORY, "static memory needs files"},
	{SH_OPT_LEGACY_MEM, SH_OPT_MATCH_ALLOC, "static memory is never freed"},
	{SH_OPT_NO_AUTO_PROBING, SH_OPT_AUTO_PROBING, "they say the opposite"},
	{SH_OPT_NO_AUTO_PROBING, SH_OPT_BLOCK, "nothing is probed that could be blocked"},
	{SH_OPT_TELEMETRY, SH_OPT_NO_TELEMETRY, "they say the opposite"},
};
const unsigned sh_opt_pairs_n = sizeof(sh_opt_pairs) / sizeof(sh_opt_pairs[0]);

const char *sh_opts_usage(unsigned i, char *buf, size_t cap)
{
	const struct sh_opt_def *d = &sh_opt_defs[i];
	char left[80];
	int n;

	if (i >= sh_opt_defs_n)
		return NULL;
	n = d->letter != 0 ? snprintf(left, sizeof(left), "-%c, --%s", d->letter, d->name[0])
			   : snprintf(left, sizeof(left), "    --%s", d->name[0]);
	if (d->arg != SH_ARG_NONE)
		n += snprintf(left + n, sizeof(left) - (size_t)n, d->arg == SH_ARG_OPT ? "[=%s]" : " %s", d->value);
	if (d->name[1] != NULL)
		snprintf(left + n, sizeof(left) - (size_t)n, ", --%s", d->name[1]);
	snprintf(buf, cap, "  %-38s %s", left, d->help);
	return buf;
}
