/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * later.h - threads on which the library calls programs back, and does what takes long
 *
 * Something happened on a thread that must not wait (the watcher, the internal thread), or under a lock. What is handed in runs
 * in its order, one at a time, without a lock, on a thread of its own: so it may allocate, ask and be asked. A thread is made
 * when it is first needed. There are four:
 *
 *   SH_LATER_CALL  callbacks of the program that are neither actions nor events of members. What one blocks on delays later ones
 *                  of this process, nothing else
 *   SH_LATER_WORK  what other members' runtimes wait for: it never runs anything of the program's
 *   SH_LATER_COORD exchanges of memory that this process coordinates for others (mem/xchg_member.c): it waits for all of
 *                  them, and runs memory callbacks
 *   SH_LATER_FDS   waits for processes that do not hand over file descriptors (pkt/kif_seek.c)
 */
#ifndef SH_BASE_LATER_H
#define SH_BASE_LATER_H

#include <stdint.h>

struct sh_opts;

/* life of it, called by init.c; forget: in a forked child */
int sh_later_start(const struct sh_opts *o);
void sh_later_quiet(
	void); /* SH_LATER_CALL ends: what is queued runs first, and nothing of the program's is called from then on */
void sh_later_stop(void); /* what is queued runs first */
void sh_later_forget(void);

enum sh_later_on { SH_LATER_CALL, SH_LATER_WORK, SH_LATER_COORD, SH_LATER_FDS, SH_LATERS };
/* the thread is there from now on, so that sh_later() finds it: 0, -ENOMEM, -EAGAIN, -ENODEV (not between start and stop) */
int sh_later_ready(enum sh_later_on on);
/* fn(arg, n) soon: 0 or as above; then fn is not called */
int sh_later(enum sh_later_on on, void (*fn)(void *arg, uint64_t n), void *arg, uint64_t n);
/* what was handed in before has run, unless this is called from inside it */
void sh_later_flush(enum sh_later_on on);

#endif
