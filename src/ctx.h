/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ctx.h - the one process-wide object: a pointer for each room
 *
 * Written by init.c alone, while it starts the rooms left to right and stops them right to left. A room reads its own
 * pointer and those to its left. The identity lies in a page of its own that a forked child sees as zeros: sh_self() is 0
 * in a child, before init and after cleanup, and every call that would write shared memory looks at it first.
 */
#ifndef SH_CTX_H
#define SH_CTX_H

#include <stdbool.h>
#include <stdint.h>

/* a member of the group: generation << 16 | slot; never 0, never used twice in the life of a group */
typedef uint64_t sh_id_t;
#define SH_ID(slot, gen) (((sh_id_t)(gen) << 16) | (sh_id_t)(slot))
#define sh_id_slot(id) ((unsigned)((id)&0xffff))
#define sh_id_gen(id) ((uint32_t)((id) >> 16))

struct sh_opts;
struct sh_later;
struct sh_proc;
struct sh_chan;
struct sh_mem;
struct sh_obj;
struct sh_pkt;

struct sh_ctx {
	struct sh_opts *opts;
	struct sh_later *later; /* base/later.h */
	struct sh_proc *proc;
	struct sh_chan *chan; /* NULL with --no-shconf and --in-memory: no channel */
	struct sh_mem *mem;
	struct sh_obj *obj;
	struct sh_pkt *pkt;
	const sh_id_t *self; /* in a MADV_WIPEONFORK page, made by proc; NULL before init */
};

extern struct sh_ctx sh_ctx;

/* who am I: 0 in a forked child, before init and after cleanup */
static inline sh_id_t sh_self(void)
{
	return sh_ctx.self != 0 ? *sh_ctx.self : 0;
}

#endif
