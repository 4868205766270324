/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rec.h - one record in a lane: the bytes that cross between members
 *
 *   0          struct sh_rec              64 bytes
 *   64         name, no NUL               name_len bytes
 *   64+name    number of the piece        8 bytes, only with SH_RF_PIECE: piece.h
 *   ...        payload                    data_len bytes; absent with SH_RF_BIG: then the first fd is a memfd with it
 *   ...        padding to 8               so that a record header never straddles anything
 *
 * A record is written in place by its sender and copied out by its receiver before a byte of it is believed;
 * sh_rec_check() is the only judge of a header, pure, and fuzzed.
 */
#ifndef SH_CHAN_REC_H
#define SH_CHAN_REC_H

#include <stddef.h>
#include <stdint.h>

#include "ctx.h"

#define SH_NAME_MAX 63
#define SH_INLINE_MAX (32u * 1024)     /* larger payloads travel as a memfd */
#define SH_BIG_MAX (64u * 1024 * 1024) /* SHOAL_PAYLOAD_MAX */
#define SH_REC_MAX (64u + SH_NAME_MAX + 8u + SH_INLINE_MAX + 8u)

enum sh_rtype {
	SH_R_MSG = 0,
	SH_R_REQ = 1,
	SH_R_REP = 2,
	SH_R_IGN = 3, /* answer of a peer that does not want to be counted */
	SH_R_REFUSE =
		4, /* answer: no such action (code ENOENT), it failed (EIO), or it takes 256 bytes only (EMSGSIZE) */
	SH_R_TYPES
};

enum sh_rflag {
	SH_RF_BIG = 1,	 /* payload in the first fd */
	SH_RF_SHOAL = 2, /* sent by a shoal_ call */
	SH_RF_MANY = 4,	 /* at least as many were asked as there are CPUs: who answers leaves its CPU to the next */
	SH_RF_PIECE = 8, /* a piece of the heap goes along */
	SH_RF_ALL = 15
};

struct sh_rec {
	uint32_t len; /* of the whole record, multiple of 8 */
	uint8_t type;
	uint8_t flags;
	uint8_t name_len; /* 1..63 */
	uint8_t nfds;	  /* fds of this record, SH_RF_BIG's included */
	uint64_t ticket;  /* place in the receiver's order */
	uint64_t from;
	uint64_t to;
	uint64_t req;	   /* id of the request, the requester's; 0 for MSG */
	uint64_t data_len; /* of the payload */
	uint64_t fd_seq;   /* number of the link message with the fds; 0: none */
	uint32_t left_ms;  /* REQ: what was left of its time limit when it was sent */
	uint32_t code;	   /* REFUSE: why, an errno */
};
_Static_assert(sizeof(struct sh_rec) == 64, "record header");

/* bytes a record takes in a lane; inline_len: of all that follows the name */
static inline uint32_t sh_rec_size(size_t name_len, size_t inline_len)
{
	return (uint32_t)((sizeof(struct sh_rec) + name_len + inline_len + 7) & ~(size_t)7);
}

/*
 * Is this (private copy of a) header one that from could have sent to me, with avail bytes published?
 * NULL, or what is wrong with it.
 */
const char *sh_rec_check(const struct sh_rec *r, uint64_t avail, sh_id_t from);

#endif
