/* SPDX-License-Identifier: BSD-3-Clause */
/* member_do.h - what the role "member" can be told to do; all of it is in member_do.c. */
#ifndef SH_TEST_PROC_MEMBER_DO_H
#define SH_TEST_PROC_MEMBER_DO_H

#include <stdint.h>

void member_do(const char *cmd);
/* after sh_proc_start() */
void member_up(void);
/* "p": a PID namespace, "up": a user namespace and a PID namespace. Returns in the child only. */
void member_in_namespace(const char *what);
void member_block(uint64_t at);
/* "memfd" or "pidfd": the kernel refuses to make one from now on */
void member_refuse(const char *what);
/* as many fds may be open and no more, for good */
void member_nofile(unsigned n);

#endif
