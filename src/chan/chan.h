/* SPDX-License-Identifier: BSD-3-Clause */
/* chan.h - start and stop of the channel; what the rooms to the right may use of it is in chan_int.h's send calls */
#ifndef SH_CHAN_CHAN_H
#define SH_CHAN_CHAN_H

#include <stdbool.h>

struct sh_opts;

/* After sh_proc_start(), before sh_proc_announce(). Does nothing with --no-shconf/--in-memory. 0 or -errno. */
int sh_chan_start(const struct sh_opts *o);
/*
 * Before any room stops. The program's calls that are under way end, with ECANCELED where they waited, and are waited for; later
 * ones are refused. All requests end, their callbacks run, what is queued runs, and the threads that run it end: from
 * then on no action and no callback is called. What other members' runtimes ask is still answered. Twice is once.
 */
void sh_chan_quiet(void);
/* The rest of it; pieces of the heap are none of its business any more. */
void sh_chan_stop(void);
/* is this thread inside an action or an asynchronous callback? */
bool sh_in_action(void);
/* is this a signal handler that interrupted a call of the channel? Who waits for calls would wait for its own thread */
bool sh_call_inside(void);
/* In a forked child: forget the parent's channel without touching anything shared. */
void sh_chan_abandon(void);

#endif
