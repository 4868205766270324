/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * opts.h - what the command line said
 *
 * Parsing is pure (no files, no logging but the one error line it returns) and fuzzed. One table (opts_table.c) names
 * every option: its spellings, whether it takes a value, who reads that value, what it must not be combined with.
 *
 *   opts.c        walks argv, resolves names and abbreviations, refuses doubles and conflicts, permutes argv
 *   opts_table.c  the table, the usage text
 *   opts_value.c  one small reader for each kind of value
 *   opts_lcore.c  the lcore map
 *
 * struct sh_opts is written by sh_opts_parse() alone; afterwards it is constant until sh_opts_free().
 */
#ifndef SH_PROC_OPTS_H
#define SH_PROC_OPTS_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proc/region.h"

#define SH_LCORES 128 /* RTE_MAX_LCORE */
#define SH_PREFIX_MAX 255
#define SH_OPTS_ERR 512 /* bytes that hold any error line of sh_opts_parse() */

enum sh_role_opt { SH_ROLE_PRIMARY, SH_ROLE_SECONDARY, SH_ROLE_AUTO };
enum sh_huge_opt { SH_HUGE_AUTO, SH_HUGE_ONLY, SH_HUGE_NEVER };
enum sh_vfio_intr { SH_VFIO_NONE, SH_VFIO_LEGACY, SH_VFIO_MSI, SH_VFIO_MSIX };

/* one per option, whatever its spellings */
enum sh_opt {
	SH_OPT_ALLOW,
	SH_OPT_ALLOW_UID,
	SH_OPT_AUTO_PROBING,
	SH_OPT_BASE_VIRTADDR,
	SH_OPT_BLOCK,
	SH_OPT_COREMASK,
	SH_OPT_CREATE_UIO,
	SH_OPT_DRIVER_PATH,
	SH_OPT_FILE_PREFIX,
	SH_OPT_SIMD,
	SH_OPT_HELP,
	SH_OPT_HUGE,
	SH_OPT_HUGE_DIR,
	SH_OPT_HUGE_UNLINK,
	SH_OPT_HUGE_STACK,
	SH_OPT_IN_MEMORY,
	SH_OPT_IOVA,
	SH_OPT_JOIN_TIMEOUT,
	SH_OPT_LCORES,
	SH_OPT_LEGACY_MEM,
	SH_OPT_LOG_COLOR,
	SH_OPT_LOG_LEVEL,
	SH_OPT_LOG_TIMESTAMP,
	SH_OPT_MAIN_LCORE,
	SH_OPT_MATCH_ALLOC,
	SH_OPT_MAX_MEMBERS,
	SH_OPT_MBUF_OPS,
	SH_OPT_MEM_DECAY,
	SH_OPT_MEMORY_MAX,
	SH_OPT_MEM_SYNC,
	SH_OPT_MEM_SIZE,
	SH_OPT_MEM_CHANNELS,
	SH_OPT_MEM_RANKS,
	SH_OPT_NO_AUTO_PROBING,
	SH_OPT_NO_HPET,
	SH_OPT_NO_HUGE,
	SH_OPT_NO_PCI,
	SH_OPT_NO_SHCONF,
	SH_OPT_NO_TELEMETRY,
	SH_OPT_NUMA_MEM,
	SH_OPT_NUMA_LIMIT,
	SH_OPT_PAGESZ_MEM,
	SH_OPT_PROC_TYPE,
	SH_OPT_REMAP,
	SH_OPT_SERVICE_LIST,
	SH_OPT_SERVICE_MASK,
	SH_OPT_SINGLE_FILE,
	SH_OPT_SYSLOG,
	SH_OPT_TELEMETRY,
	SH_OPT_TRACE,
	SH_OPT_TRACE_BUFSZ,
	SH_OPT_TRACE_DIR,
	SH_OPT_TRACE_MODE,
	SH_OPT_TRACK_POOLS,
	SH_OPT_VERSION,
	SH_OPT_VDEV,
	SH_OPT_VFIO_INTR,
	SH_OPT_VFIO_TOKEN,
	SH_OPT_VMWARE_TSC,
	SH_OPTS_N
};

struct sh_opt_val; /* a copy of one value as it was given, see sh_opts_value() */

struct sh_opts {
	enum sh_role_opt role;
	char prefix[SH_PREFIX_MAX + 1]; /* --file-prefix, default "rte" */
	bool no_shconf, in_memory, no_huge, no_pci, no_telemetry;
	uint64_t base_virtaddr;	  /* 0: default; a multiple of 16 MiB */
	uint64_t memory_max;	  /* --memory-max in bytes, 0: no limit of ours */
	bool mem_sync_always;	  /* --mem-sync=always */
	bool track_pools;	  /* --track-pools */
	unsigned max_members;	  /* --max-members, 1..256, default 256 */
	unsigned join_timeout_ms; /* --join-timeout, default 10000 */
	uid_t allow_uid[16];	  /* --allow-uid, repeatable */
	unsigned n_allow_uid;
	/* lcores: id i is enabled iff lcore_on[i]; it runs on lcore_cpus[i] */
	bool lcore_on[SH_LCORES];
	cpu_set_t lcore_cpus[SH_LCORES];
	unsigned main_lcore;
	unsigned cpus_left_out; /* available CPUs that got no lcore because ids end at 127 (default map only) */
	unsigned mem_channels;	/* -n, 0: not given */
	unsigned mem_ranks;	/* -r, 0: not given */
	unsigned mem_mb;	/* -m, and --socket-mem of node 0; 0: not given */
	unsigned numa_limit_mb; /* --socket-limit of node 0, 0: none */
	bool numa_other;	/* --socket-mem asks for memory of another node */
	enum sh_huge_opt huge;
	uint64_t mem_decay; /* --mem-decay in ms + 1; 0: never */
	bool want_help, want_version, want_log_help;
	bool create_uio;
	enum sh_vfio_intr vfio_intr;
	unsigned char vfio_token[16];
	/* levels, colour and timestamps of the log: sh_opts_value(), already known to be well formed */
	bool want_syslog;
	int syslog_facility;
	unsigned seen[SH_OPTS_N]; /* how often */
	struct sh_opt_val *vals;
};

/*
 * Read argv[1..] up to "--". cpus: the CPUs this process may use.
 * Returns the index i such that argv[i] is now argv[0] and argv[i+1..argc-1] is what belongs to the program (words that are
 * no options come after the options, as getopt_long() would leave them); -EINVAL with one line in err, without newline, that
 * names the option, what is wrong and what to do; -ENOMEM. On an error argv is as it was and *o holds nothing.
 * With -h and --log-level=help the rest is not looked at. The getopt variables are not used.
 */
int sh_opts_parse(struct sh_opts *o, int argc, char **argv, const cpu_set_t *cpus, char *err, size_t errcap);
void sh_opts_free(struct sh_opts *o);

/* the nth value given to an option (copies that live as long as o); NULL: not so many, or given without a value */
const char *sh_opts_value(const struct sh_opts *o, enum sh_opt id, unsigned nth);
/* usage text, one option a line, for stdout; returns the i-th line without newline, NULL after the last */
const char *sh_opts_usage(unsigned i, char *buf, size_t cap);
/* "0-2,5" of a CPU set; cut with ",..." when it does not fit */
char *sh_cpus_text(const cpu_set_t *set, char *buf, size_t cap);

#endif
