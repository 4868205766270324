/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * later.h - the thread on which the library calls programs back
 *
 * For callbacks that are neither actions nor events of members: something happened on a thread that must not wait (the watcher,
 * the internal thread), or under a lock, and the program is to be told. What is handed in runs in its order, one at a time,
 * without a lock, on a thread of its own that nothing of the library waits for: so it may allocate, ask and be asked. The thread
 * is made when it is first needed.
 *
 * What a callback blocks on delays later callbacks of this process, nothing else.
 */
#ifndef SH_BASE_LATER_H
#define SH_BASE_LATER_H

#include <stdint.h>

struct sh_opts;

/* life of it, called by init.c; forget: in a forked child */
int sh_later_start(const struct sh_opts *o);
void sh_later_stop(void); /* what is queued runs first */
void sh_later_forget(void);

/* the thread is there from now on, so that sh_later() finds it: 0, -ENOMEM, -EAGAIN, -ENODEV (not between start and stop) */
int sh_later_ready(void);
/* fn(arg, n) soon: 0 or as above; then fn is not called */
int sh_later(void (*fn)(void *arg, uint64_t n), void *arg, uint64_t n);
/* what was handed in before has run, unless this is called from inside it */
void sh_later_flush(void);

#endif
