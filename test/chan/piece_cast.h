/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piece_cast.h - pieces of the shared heap that change hands, and the members that hand them on, for the tests of them
 *
 * The test is the primary of a group and sends or receives; the others are roles that do what their lines say. A piece begins
 * with a word that says who has it (0: nobody), swapped at each change of hands: two owners at once cannot go unseen.
 */
#ifndef SH_TEST_PIECE_CAST_H
#define SH_TEST_PIECE_CAST_H

#include <stddef.h>
#include <stdint.h>

#include <shoal.h>

#include "check.h"

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif

struct piece {
	_Atomic uint64_t who;
	uint64_t sum;
	unsigned char bytes[];
};

/* a piece of mine, filled */
struct piece *block(size_t len);
/* of the whole group, and of one member */
size_t blocks(void);
long of(uint64_t member);
void unblock(void *p);
uint64_t sum_of(const struct piece *p, size_t len);
/* it changes hands */
void give_up(struct piece *p);
void take_up(struct piece *p);
/* slots in use, of all members */
unsigned on_their_way(void);
bool none_on_their_way(void *arg);
void init_as(const char *type);
/* another member, the role of piece_cast.c, and its id */
struct t_proc *other(uint64_t *id);
/* the same, killed at that step; needs a build with -Dfault=true */
struct t_proc *doomed(uint64_t *id, const char *label);
bool is_back(void *arg);
/* wait until on_return() has had it */
void back(struct piece *p);
/* as a message, by a name that says what to do with it */
int send_one(uint64_t to, const char *what, struct piece *p, size_t len);
/* the outcome, and whether it is mine again */
enum shoal_outcome ask(uint64_t to, const char *what, struct piece *p, size_t len, unsigned ms, int *mine);
/* the test is the primary */
void begin(void);
/* what came back to on_return(), NULL: nothing since it was looked at */
extern struct piece *_Atomic came_back;

#endif
