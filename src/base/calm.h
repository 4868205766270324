/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * calm.h - the middle of a call, where no signal handler interrupts this thread
 *
 * A program's handler may call the library (Ctrl-C: rte_eth_dev_stop()). What it interrupts waits until it returns; so a thread that has what
 * such a call wants (a mutex, a port's seat) keeps signals away until it has given it back, and the handler runs then. It costs
 * two system calls: not for what is on the way of every packet or message. Nested as deep as one likes; the outermost end lets
 * the handlers run. What a fault raises in this thread is not kept away: a program may want to say where it crashed.
 */
#ifndef SH_BASE_CALM_H
#define SH_BASE_CALM_H

#include "base/mtx.h"

void sh_calm_begin(void);
void sh_calm_end(void);

static inline void sh_lock_calm(struct sh_mtx *m)
{
	sh_calm_begin();
	sh_lock(m);
}

static inline void sh_unlock_calm(struct sh_mtx *m)
{
	sh_unlock(m);
	sh_calm_end();
}

#endif
