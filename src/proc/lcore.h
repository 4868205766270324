/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lcore.h - start and stop the lcores
 *
 * Called by init.c alone, in this order: quiet, start, stop.
 */
#ifndef SH_PROC_LCORE_H
#define SH_PROC_LCORE_H

#include "proc/opts.h"

/* From now on the library's own threads and control threads stay off the CPUs of these lcores, as long as there are others. */
void sh_lcore_quiet(const struct sh_opts *o);
/*
 * The calling thread becomes the main lcore and is bound to its CPUs; a worker thread is started for each other one, bound,
 * waiting. 0; -EBUSY a function launched before the last stop still runs; -EINVAL CPUs that this process may not use;
 * -EAGAIN, -ENOMEM no thread; -ECANCELED a callback of the program refused a lcore. One log line; nothing is left behind.
 */
int sh_lcore_start(const struct sh_opts *o);
/*
 * Workers that wait end and are joined; one that is in a function is left alone and ends after it. The main thread gets
 * back the CPUs it had, unless it has changed them itself. Callable from any thread, also from a worker.
 */
void sh_lcore_stop(void);
/* In a forked child, before its own start: the workers were the parent's. The thread gets back the CPUs of before init. */
void sh_lcore_forget(void);

#endif
