/* SPDX-License-Identifier: BSD-3-Clause */
/* opts_int.h - shared by the files of the option parser and by nobody else */
#ifndef SH_PROC_OPTS_INT_H
#define SH_PROC_OPTS_INT_H

#include "proc/opts.h"

enum sh_opt_arg { SH_ARG_NONE, SH_ARG_REQ, SH_ARG_OPT };

#define SH_OPTF_LIST 1u /* may be given several times with different values */
#define SH_OPTF_22L 2u	/* name[0] is a long name of 22.11: abbreviations are looked for among those first */
#define SH_OPTF_22A 4u	/* name[1] likewise */
#define SH_OPTF_OWN 8u	/* not an option of DPDK */

/* what is being read right now */
struct sh_scan {
	struct sh_opts *o;
	const cpu_set_t *cpus;
	char *err;
	size_t errcap;
	char shown[32];		     /* the option as the user may recognise it: "-l", "--file-prefix" */
	char spelled[SH_OPTS_N][32]; /* the spelling used first, for what is checked at the end */
};

struct sh_opt_def {
	enum sh_opt id;
	const char *name[2]; /* long names; [1] may be NULL */
	char letter;	     /* 0: none */
	enum sh_opt_arg arg;
	unsigned flags;
	/* v is NULL when an optional value was not given. 0 or what sh_opt_bad() returned */
	int (*take)(struct sh_scan *s, const struct sh_opt_def *d, const char *v);
	const char *value; /* how the usage text calls the value */
	const char *help;
};

struct sh_opt_val {
	struct sh_opt_val *next; /* in the order given */
	enum sh_opt id;
	bool has;
	char text[];
};

extern const struct sh_opt_def sh_opt_defs[];
extern const unsigned sh_opt_defs_n;
/* pairs that must not be given together, and why */
struct sh_opt_pair {
	enum sh_opt a, b;
	const char *why;
};
extern const struct sh_opt_pair sh_opt_pairs[];
extern const unsigned sh_opt_pairs_n;

/* the error line "option <shown>: ..."; returns -EINVAL */
int sh_opt_bad(struct sh_scan *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* digits only, in base 10, or 16 after 0x when base is 0, or 16 with or without 0x when base is 16 */
bool sh_opt_number(const char *v, int base, uint64_t max, uint64_t *ret);

/* -l, -c, -S, -s, -R, --main-lcore: run at the end, when all are known */
int sh_opt_lcores(struct sh_scan *s);

/* readers, opts_value.c */
typedef int sh_opt_take(struct sh_scan *s, const struct sh_opt_def *d, const char *v);
sh_opt_take sh_take_flag, sh_take_text, sh_take_later, sh_take_uid, sh_take_base, sh_take_prefix, sh_take_simd;
sh_opt_take sh_take_unlink, sh_take_stack, sh_take_iova, sh_take_timeout, sh_take_color, sh_take_level;
sh_opt_take sh_take_time, sh_take_members, sh_take_ops, sh_take_memmax, sh_take_memsync, sh_take_decay, sh_take_huge,
	sh_take_m, sh_take_n, sh_take_r, sh_take_numa;
sh_opt_take sh_take_pagesz, sh_take_role, sh_take_syslog, sh_take_bufsz, sh_take_tmode, sh_take_intr, sh_take_token;
bool sh_syslog_facility(const char *name, int *ret);

#endif
