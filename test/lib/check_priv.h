/* SPDX-License-Identifier: BSD-3-Clause */
/* check_priv.h - shared by check.c (the runner) and proc.c (what cases and roles call) */
#ifndef SH_TEST_CHECK_PRIV_H
#define SH_TEST_CHECK_PRIV_H

#include <sys/types.h>

#define T_EXIT_SKIP 77

/* written by the runner before it forks a case, and by a role's main; then constant */
struct t_here {
	char base[64], dir[80], logs[80];
	pid_t case_pid; /* only this process may write the case's reason; 0 in a role */
};
extern struct t_here t_here;
void t_set_base(const char *base);
unsigned t_slow_factor(void);
/* the case has set huge pages aside; the runner undoes that when the case is over and nothing of it runs any more */
void t_mark_huge(void);
void t_unset_huge(void);

#endif
