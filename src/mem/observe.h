/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * observe.h - what a process has been told of the group's memory, and whom it wants to be asked before more comes
 *
 * A process with memory-event callbacks has a view: a bit for each unit, "my callbacks know that it is there". To tell them is
 * to bring the view to the truth; so what a stopped process has missed it catches up with, and nothing is told twice.
 * The truth: a unit is backed, and no exchange is about to take it away.
 *
 * Callbacks run on one thread of the process at a time, without a lock of the library's; a thread in one is "inside".
 */
#ifndef SH_MEM_OBSERVE_H
#define SH_MEM_OBSERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "ctx.h"
#include "mem/priv.h"

/* bits in sh_xchg.observe: what a member has */
enum sh_observes { SH_OBS_EVENTS, SH_OBS_VALIDATES, SH_OBS_ALWAYS, SH_OBS_KINDS };

/* is this thread inside a memory callback or validator? */
bool sh_observe_inside(void);
/*
 * Tell the callbacks what has changed in [u, u + n), or anywhere if this process missed an exchange before number epoch.
 * 0, or -ETIMEDOUT: another thread was inside a callback until dl.
 */
int sh_view_sync(struct sh_mem *m, uint64_t epoch, uint32_t u, uint32_t n, uint64_t dl);
/* the same, of everything there is */
int sh_view_sync_all(struct sh_mem *m, uint64_t dl);
/*
 * Ask the validators, for a total of so many bytes: 0, or -EACCES and the name of the one that said no; -ETIMEDOUT.
 */
int sh_validate(uint64_t total, char *who, size_t cap, uint64_t dl);
/* before others can ask; always: --mem-sync */
int sh_observe_start(struct sh_mem *m, bool always);
void sh_observe_stop(struct sh_mem *m);
/* in a forked child */
void sh_observe_forget(void);

struct sh_callback {
	struct sh_callback *next;
	uint64_t number; /* never used again: a removed one is not called any more */
	bool validator;
	char name[64];
	void *fn;
	void *arg;
	int socket;
	uint64_t limit;
};
/* 0, -EEXIST, -ENOMEM, -EPERM; takes a copy */
int sh_callback_add(const struct sh_callback *c);
/* by name and arg, or name and socket: 0, -ENOENT. It is not running any more, unless this thread is inside it. */
int sh_callback_del(const struct sh_callback *c);

#endif
