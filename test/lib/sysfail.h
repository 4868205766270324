/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sysfail.h - run a function in a child whose n-th system call fails
 *
 *   static void start_and_stop(void *arg) { ... if it failed: t_sysfail_pause(true), look for leaks, t_fail() ... }
 *   TEST(init_survives_any_failing_system_call) { t_sysfail_sweep(start_and_stop, NULL, EMFILE, 1, NULL, NULL); }
 *
 * The kernel asks this process about each system call of the child and of every thread it starts (seccomp user
 * notification): nothing is preloaded, the code under test is the code that ships, and several threads are one count.
 *
 * Counted are calls that the child's own process makes through libc. Not counted: processes it forks, the sanitizers' own
 * calls, and those whose failure libc turns into an abort or that would leave behind what the caller has given up (close,
 * munmap, brk, futex, signal masks, exit); nor those that cannot fail, or not with the errno that is asked for. A call that
 * fails is not made.
 */
#ifndef SH_TEST_SYSFAIL_H
#define SH_TEST_SYSFAIL_H

#include <stdbool.h>

#define T_SYSFAIL_HANG 1000 /* status: it did not end in time and was killed */

struct t_sysfail {
	unsigned counted; /* system calls seen until the end */
	int error;	  /* its errno */
	int nr;		  /* number (SYS_xxx) of the one that failed, -1: there were fewer than n */
	int status;	  /* exit status, 128 + signal, or T_SYSFAIL_HANG */
	char err[4096];	  /* the last of what the child wrote to stderr */
};

/*
 * Run fn(arg) in a forked child; its n-th counted system call returns -1 with errno err. n = 0: none fails, they are counted.
 * err = 0: one that fits the call (ENOMEM for memory, EMFILE for what makes an fd, EIO for the rest).
 * Returns the status, also in r->status. Skips the case where the kernel or a sandbox has no user notification.
 */
int t_sysfail(void (*fn)(void *), void *arg, unsigned n, int err, struct t_sysfail *r);

/*
 * Can the kernel give this errno for this call? EMFILE and ENFILE: it makes an fd. EINTR: it may wait, or a network or FUSE
 * file system may in its stead. All others: yes, as memory can be short and a seccomp filter or a security module can refuse
 * anywhere.
 */
bool t_sysfail_can(int nr, int err);

/* in the child: from here on nothing is counted and nothing fails (true), or again (false). No system call is made. */
void t_sysfail_pause(bool on);
/* in the child: has the n-th call failed already? */
bool t_sysfail_hit(void);

/*
 * t_sysfail for n = 1 + err % step, and every step-th after it, until the child makes fewer calls: several errnos with one
 * stride hit different calls. A child that crashes, hangs, exits with anything but
 * 0 fails the case, which names n, the call and the last of stderr. after(arg2, r), if given, is called in this process after
 * each run, to look for files and sockets left behind. Returns how many runs there were.
 */
unsigned t_sysfail_sweep(void (*fn)(void *), void *arg, int err, unsigned step,
			 void (*after)(void *, const struct t_sysfail *), void *arg2);

/* the name of a system call, for messages; "call N" when it is not one of the common ones */
const char *t_sysname(int nr);

#endif
