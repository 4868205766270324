/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile_role.h - members that chat without end, and members that lie
 *
 *   t_spawn("chat", "primary"|"secondary", BOARD, [EAL options...], NULL)
 *      says "up SLOT GEN"; then sends messages, requests (one, all, async), large payloads and fds to whoever is there, until
 *      board->stop (or $CHAT_ROUNDS rounds), checking every result; then "done", and answers on. A difference is a line in board->bad.
 *   t_spawn("evil", BOARD, NULL)
 *      a secondary; says "up SLOT GEN"; hears "storm SEED ROUNDS", "hammer WHAT" (until board->calm), "row SEED ROUNDS", "fds N"; says "ok"
 *
 * The board is a file all of them map: what each has sent and got, by generation, written by its owner alone.
 */
#ifndef SH_TEST_HOSTILE_ROLE_H
#define SH_TEST_HOSTILE_ROLE_H

#include <stdatomic.h>
#include <stdint.h>

#include "check.h"

#define GENS 1536 /* members in the life of one group */

struct board {
	atomic_uint stop;
	atomic_uint pace_us; /* a pause after each round of chat */
	atomic_uint mute;    /* chat talks to nobody of that generation (the liar) */
	atomic_uint calm;    /* the liar stops hammering */
	atomic_uint n_bad;
	char bad[16][200];
	atomic_uint up[GENS];	     /* 1: it chats, or answers */
	atomic_ulong beat[GENS];     /* rounds of chat */
	atomic_ulong answered[GENS]; /* its requests that were answered */
	atomic_uint died[GENS];	     /* its requests whose peer died or left */
	atomic_ulong malformed[GENS], stale[GENS];
	atomic_uint sent[GENS][GENS]; /* [from][to]: with result 0 */
	atomic_uint got[GENS][GENS];  /* [from][to] */
};

struct board *board_make(const char **path);
struct board *board_map(const char *path);
/* start a member that chats: its generation */
struct chat {
	struct t_proc *p;
	unsigned slot, gen;
};
struct chat chat_up(const char *role, const char *path);
void board_good(struct board *b); /* no difference so far */
/* wait until c has made n rounds of chat more */
void chat_goes_on(struct board *b, const struct chat *c, unsigned n);
/* number of lanes of which a party is gone; in a process that has joined */
unsigned lanes_left(void);

#endif
