/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piece.h - pieces of the shared heap on their way from one member to another
 *
 * A record carries the piece's number; whose the piece is says one word in a table of its sender's, changed by CAS alone.
 * So of two who want it (the receiver that takes, the sender that gives up, a survivor) exactly one gets it, at any death.
 *
 *   state      means                                    who moves it on, and whither
 *   FREE       the slot is nobody's                     a sender -> CLAIMED, with the next serial
 *   CLAIMED    the sender fills the slot in             the sender -> OFFERED; once it is gone anybody -> FREE
 *   OFFERED    in the receiver's lane, or about to be   the receiver, at the copy out of the lane -> QUEUED
 *   QUEUED     in the receiver's queue                  the receiver, before its action runs -> LENT
 *   LENT       its action looks at it                   the receiver: taken -> FREE; not taken -> RETURNED
 *   RETURNED   not taken: the sender's again            the sender -> FREE
 *
 *   OFFERED and QUEUED go back: the sender -> FREE (no room, time limit, the receiver is gone: then LENT as well); the
 *   receiver -> RETURNED (no such action, refused, dropped). Where the sender is gone the receiver frees slot and piece; where
 *   both are anybody frees the slot, and the piece is the last holder's whose death found it: rte_malloc's tag says whose.
 *
 * The tag says as well that a block is on its way, from before it is OFFERED until it is somebody's again. Who finds a slot
 * LENT by one who is dead, or takes from one, changes the tag from the other's name to its own first (pass): between
 * that and the slot's CAS the block is still on its way, and sh_piece_travels() says whose it will be. So the heap frees
 * what the dead left without touching what a living member has, or is about to get.
 *
 * Memory belongs to the room to the right: what it must do for this one it registers, see struct sh_piece_ops.
 */
#ifndef SH_CHAN_PIECE_H
#define SH_CHAN_PIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atom.h"
#include "ctx.h"
#include "proc/proc.h"

/* what the owner of the heap does for the channel. None blocks for long; check() takes any bytes. */
struct sh_piece_ops {
	int (*check)(const void *p, size_t len); /* is p a live block of at least len bytes? 0 or -EINVAL */
	int (*send)(void *p); /* it is on its way and mine, nobody's to free: 0; -EBUSY it was so already; -EINVAL */
	/* is it on its way, from's, and of at least len bytes? */
	bool (*travels)(const void *p, size_t len, sh_id_t from);
	/* on its way, and from's: it is to's from now on, and still on its way. Of two who want it one has it; false: no change */
	bool (*pass)(void *p, sh_id_t from, sh_id_t to);
	void (*hold)(void *p, sh_id_t who); /* it is that member's from now on, and not on its way */
	void (*drop)(void *p);		    /* free it */
};
/*
 * Register them, or (NULL) take them away, after sh_chan_quiet(): what of mine has come back by then is freed. Without a channel
 * it does nothing.
 */
void sh_piece_ops_set(const struct sh_piece_ops *ops);

#define SH_PIECES 128 /* of one sender on their way */

enum sh_piece_state { SH_P_FREE = 0, SH_P_CLAIMED, SH_P_OFFERED, SH_P_QUEUED, SH_P_LENT, SH_P_RETURNED };
#define sh_piece_word(serial, st) ((uint64_t)(serial) << 8 | (uint64_t)(st))
#define sh_piece_serial(w) ((uint32_t)((w) >> 8))
#define sh_piece_state(w) ((enum sh_piece_state)((w)&0xff))

/*
 *   field      written by                            read by                ordering
 *   word       as above, by CAS                      sender, receiver,      R:PIECE <-> A:PIECE: who sees a state sees what
 *                                                    survivors              was written before it, the piece's bytes too
 *   from..len  the sender while CLAIMED              all                    behind word; a reader's CAS on the word it saw
 *                                                                           says whether they were those of that serial
 *   loose      the sender: nobody waits for it any   the receiver           SB:PIECE: sender stores loose, fence, loads word;
 *              more, have me told                                           receiver stores word, fence, loads loose
 */
struct sh_piece {
	_Atomic uint64_t word __attribute__((aligned(SH_LINE)));
	_Atomic uint64_t from, to;
	_Atomic uint64_t off; /* from the start of the group's range */
	_Atomic uint64_t len;
	_Atomic uint32_t loose;
};

_Static_assert(SH_PIECES * sizeof(struct sh_piece) <= SH_PIECES_SIZE, "a sender's pieces fit its slot");

/* the channel's words for the whole group */
struct sh_pieces {
	_Atomic uint32_t high[SH_MEMBERS]; /* by slot: entries at and above were never used; its member raises it */
};
_Static_assert(sizeof(struct sh_pieces) <= SH_CHAN_SIZE, "they fit the channel's block");

static inline struct sh_pieces *sh_pieces(void)
{
	return (struct sh_pieces *)(void *)sh_region()->chan;
}
/* entry k of the sender in that slot, which was given to somebody once (sh_slot_there()) */
static inline struct sh_piece *sh_piece_at(unsigned slot, unsigned k)
{
	return (struct sh_piece *)(void *)sh_region()->slots[slot].pieces + k;
}

/* a piece's number: serial << 32 | sender's slot << 16 | entry. 0: none */
#define sh_piece_id(serial, slot, k) ((uint64_t)(serial) << 32 | (uint64_t)(slot) << 16 | (uint64_t)(k))

struct sh_chan;

/* ---- the sender ---- */
/* p goes to `to`: its number, OFFERED; -EINVAL (no such block, or on its way already), -ENOTSUP (no heap), -EAGAIN (too many on their way) */
int sh_piece_offer(struct sh_chan *c, sh_id_t to, void *p, size_t len, bool loose, uint64_t *id);
/* Is it mine again? true: the slot is free. false: the receiver took it, or looks at it and it will be told of later. */
bool sh_piece_settle(struct sh_chan *c, uint64_t id);
/* nobody waits for it any more, and its caller was not told: should it come back, or be back, let it be told of */
void sh_piece_abandon(struct sh_chan *c, uint64_t id);
/* pieces of mine that came back and nobody waits for: queue what tells of them */
void sh_piece_collect(struct sh_chan *c);

/* ---- the receiver ---- */
/* copied out of the lane of from: OFFERED -> QUEUED; false: withdrawn, or no number at all */
bool sh_piece_arrive(struct sh_chan *c, uint64_t id, sh_id_t from);
/* QUEUED -> LENT: 0; -ESTALE withdrawn; -EBADMSG no live block (then it is over); -ENOTSUP no heap here (any more) */
int sh_piece_lend(struct sh_chan *c, uint64_t id, void **p, size_t *len);
/* it stays the sender's: QUEUED or LENT -> RETURNED. Nothing when it was taken. */
void sh_piece_return(struct sh_chan *c, uint64_t id);
/* 0, or -ESTALE: not on loan to me */
int sh_piece_take(struct sh_chan *c, uint64_t id, void **p);

/* ---- survivors ---- */
/* a member left or died: mine that were on their way to it come back */
void sh_piece_gone(struct sh_chan *c, sh_id_t id);
/*
 * Any thread; p, of size bytes, is a block on its way that a dead member's name is on. Has a living one it, or may still get it?
 * Once false always false. What RETURNED to a dead one is nobody's: who passes it on to itself may free it.
 */
bool sh_piece_travels(const void *p, size_t size);
/* under pop, after lanes of the dead were drained: slots of members that are gone */
void sh_piece_sweep(struct sh_chan *c, bool (*drained)(struct sh_chan *c, sh_id_t from));

#endif
