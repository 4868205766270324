/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exchange_cast.h - members of the role "x" (exchange_role.c) as the tests of the exchange lead them
 *
 * All members of a case write their log to one file, in which steps() reads. With $SHOAL_TEST_HUGE set groups have huge pages
 * and nothing else: the same cases, of other pages.
 */
#ifndef SH_TEST_EXCHANGE_CAST_H
#define SH_TEST_EXCHANGE_CAST_H

#include "check.h"

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif
#define STEP_KIB 2048
#define ALWAYS "--mem-sync=always"
#define SOON "SHOAL_XCHG_MS", "400"

struct x {
	struct t_proc *p;
	uint64_t id;
};

/* a member that has joined; opt: options with a space between them, or NULL; env: set in it alone, or NULL */
struct x up_env(const char *type, const char *opt, const char *env, const char *value);
struct x up(const char *type);
/* say cmd, and the line that answers it */
const char *do_(struct x *x, const char *cmd, const char *want);
#define IS(x, cmd, line) CHECK_STR(do_(&(x), cmd, ""), line)
void bye(struct x *x);
void leave(struct x *m, unsigned n);
/* it ends by SIGKILL, its own */
void killed(struct x *x);
/* a line with so many steps in KiB */
const char *kib(const char *fmt, unsigned steps);
/* where time limits are short, a busy machine may cost a try */
void takes(struct x *x, const char *cmd);
/* all of them know the same, and that is what there is */
void agree(struct x *x, unsigned n, unsigned steps);
/* the same, in the end */
void settled(struct x *x, unsigned n, unsigned steps);
/* for t_until(): they know the same, and want if it is not NULL */
struct all {
	struct x *x;
	unsigned n;
	const char *want;
};
bool all_know(void *arg);
/* what was printed since the last call: " g3P f4A-", see exchange_steps_test.c */
const char *steps(void);
/* how many of the lines since then have this in them */
unsigned said(const char *what);
const char *steps_so_far(void); /* the same, and they stay for the next call */

#endif
