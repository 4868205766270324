/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fdtab.h - the table of names of shared fds, in the control region
 *
 * Words are there from the start, entries as far as they were ever used: the table grows before the claim of one behind its
 * end, and whoever goes by a word to an entry that is not there finds zeros.
 *
 * No lock: an entry belongs to whoever claimed it until it is LIVE, and its bytes are constant from then on until it is FREE.
 *
 *   field       written by                                        read by    ordering
 *   word[i]     CAS FREE -> MAKING: who registers;                 all        R:FDWORD <-> A:FDWORD: who sees TRY, LIVE or CLOSED sees
 *               MAKING <-> TRY -> LIVE: the same;                             the entry's bytes of that serial
 *               MAKING, TRY -> CLOSED: the same, or who knows
 *               that it is dead; LIVE -> CLOSED: who revokes, or
 *               who knows that no holder lives;
 *               CLOSED -> FREE: anybody, when no holder lives
 *   e[i].what   who claimed it, while MAKING                      all        behind word, which readers look at again afterwards
 *   e[i].hold   hold[s]: the member in slot s, its generation      all        R:FDHOLD <-> A:FDHOLD; full fences, see below
 *               while it has a copy, 0 when it has none. One of
 *               a dead one means nothing
 *   e[i].gone   whoever lets a copy go adds 1                     who revokes  its futex
 *   high        whoever claims above it, by CAS                   all        entries at and above were never used. R:FDHIGH <-> A:FDHIGH
 *   change      whoever moves a word from TRY or MAKING adds 1    who registers  its futex
 *
 * Who gets a copy sets hold, fences, and looks at word again; who revokes closes word, fences, and looks at hold (SB:FDHOLD): so
 * either the copy is given up at once or it is waited for.
 *
 * Two that register one name at once: each sets TRY, fences, looks at the others (SB:FDTRY). So at least one sees the other. Who
 * sees one in TRY below itself goes back to MAKING until that one has decided; who sees one above waits for it to go back or to
 * become LIVE, for that one may not have seen me. One that is LIVE has won. A dead one is closed; for one that is stopped the others
 * wait to the end of their time.
 */
#ifndef SH_CHAN_FDTAB_H
#define SH_CHAN_FDTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atom.h"
#include "chan/fdwire.h"
#include "ctx.h"
#include "proc/proc.h"
#include "proc/region.h"

enum sh_fd_state { SH_FD_FREE = 0, SH_FD_MAKING, SH_FD_TRY, SH_FD_LIVE, SH_FD_CLOSED };

/* state << 60 | maker's slot << 52 | maker's generation << 28 | serial, which is raised with each claim */
#define sh_fd_word(st, id, serial)                                                                                     \
	((uint64_t)(st) << 60 | (uint64_t)sh_id_slot(id) << 52 | ((uint64_t)sh_id_gen(id) & 0xffffff) << 28 |          \
	 ((serial)&SH_FD_SERIAL))
#define sh_fd_word_state(w) ((enum sh_fd_state)((w) >> 60))
#define sh_fd_word_maker(w) SH_ID((w) >> 52 & 0xff, (uint32_t)((w) >> 28 & 0xffffff))
#define sh_fd_word_serial(w) ((uint32_t)((w)&SH_FD_SERIAL))

#define SH_FD_WORDS (sizeof(struct sh_fd_what) / 8)
_Static_assert(sizeof(struct sh_fd_what) % 8 == 0, "whole words");

struct sh_fdent {
	_Atomic uint64_t what[SH_FD_WORDS]; /* a struct sh_fd_what */
	_Atomic uint32_t gone;
	_Atomic uint32_t hold[SH_MEMBERS] __attribute__((aligned(SH_LINE)));
};

struct sh_fdtab {
	_Atomic uint64_t word[SHOAL_FD_NAMES];
	_Atomic uint32_t high __attribute__((aligned(SH_LINE)));
	_Atomic uint32_t change;
	struct sh_fdent e[SHOAL_FD_NAMES] __attribute__((aligned(SH_LINE)));
};
_Static_assert(sizeof(struct sh_fdtab) <= SH_FD_TAB_SIZE, "it fits its place in the region");
_Static_assert(offsetof(struct sh_fdtab, e) <= SH_FD_TAB_FIRST, "words are always there");
_Static_assert(SH_MEMBERS <= 256, "a slot fits a word");

static inline struct sh_fdtab *sh_fdtab(void)
{
	return (struct sh_fdtab *)(void *)sh_region()->fds;
}
static inline uint64_t sh_fdtab_word(unsigned i)
{
	return sh_load_acq(&sh_fdtab()->word[i]); /* A:FDWORD */
}
/* entries at and above were never used, or are not there */
unsigned sh_fdtab_high(void);
/* entry i; where the table is not so long, one of nobody's */
struct sh_fdent *sh_fdtab_entry(unsigned i);

/* a FREE entry is mine, MAKING, with these bytes: its index, and *word; -ENOSPC, -ENOMEM */
int sh_fdtab_claim(const struct sh_fd_what *what, uint64_t *word);
/* the entry with that name that is LIVE, or -ENOENT; *word */
int sh_fdtab_find(const char *name, uint64_t *word);
/* its bytes, if word is still its word and they can be believed */
bool sh_fdtab_read(unsigned i, uint64_t word, struct sh_fd_what *what);
/*
 * From MAKING to TRY, and one step further: 1 LIVE, *word is its new word; 0 not yet, call again, the others decide; -EEXIST;
 * -ESTALE (somebody took me for dead). When it is not 1 it is MAKING. name: that of the entry.
 */
int sh_fdtab_try(unsigned i, uint64_t *word, const char *name);
/* from what it is to CLOSED, if word is still its word: true */
bool sh_fdtab_close(unsigned i, uint64_t word);
/* CLOSED and without a living holder: to FREE */
void sh_fdtab_free(unsigned i);
/* say that I have a copy, or none any more; full fence behind it */
void sh_fdtab_hold(unsigned i, bool have);
/* living members that have a copy, by slot; ids may be NULL */
unsigned sh_fdtab_holders(unsigned i, sh_id_t *ids);
/* entries of the dead: closed, freed */
void sh_fdtab_sweep(void);

#endif
