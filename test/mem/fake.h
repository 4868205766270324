/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fake.h - a group without the runtime: the room of memory by itself, with proc.h answered here
 *
 * The region and the memory's file are made before any fork; members are forked children with an identity of their own.
 * The room is compiled with the fault hooks, whatever the tree is built with.
 */
#ifndef SH_TEST_MEM_FAKE_H
#define SH_TEST_MEM_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "check.h"
#include "ctx.h"
#include "proc/proc.h"

/* a group whose first member is the caller; sh_mem_start() has returned 0 */
void f_group(void);
/* leave the group and be the first of a new one */
void f_group_again(void);
/* groups made from now on have a file of huge pages, as where the kernel has such */
void f_huge(bool on);
/* as f_group(), but without sh_mem_start() */
void f_group_bare(void);
/* A child that is a member: fn(arg), its result is the exit status. id may be NULL. */
pid_t f_member(int (*fn)(void *arg), void *arg, sh_id_t *id);
/* exit status, or 128 + signal */
int f_wait(pid_t pid);
/* what proc's watcher would say */
void f_event(enum sh_event ev, sh_id_t id);
/* memory that children and parent share, zeroed */
void *f_shared(size_t len);
/* bytes that the files of the windows hold, as the kernel says */
uint64_t f_heap_held(void);
/* sh_mem_audit() says that all is well */
void f_sound(const char *when);

#endif
