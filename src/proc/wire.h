/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire.h - the packets on a member's listener: join, cards, links
 *
 * One packet is one struct sh_hello, native byte order (both ends run on one host), with the fds its kind asks for. Every
 * byte is checked by sh_join_parse(), which is pure and fuzzed; nobody looks at a packet that it has not accepted.
 *
 *   kind      from -> to          id          fds                        answered by
 *   JOIN      joiner -> member    0           card: live, hup, [pidfd]   WELCOME CARD* DONE, or REFUSE
 *   WELCOME   member -> joiner    the slot    SH_GROUP_FDS memfds        -
 *   CARD      any -> any          whose       card                       -
 *   DONE      member -> joiner    the slot    none                       the joiner closes when it is INIT
 *   REFUSE    member -> any       0           none                       -
 *   PULL      any -> any          whose       none                       CARD, or close
 *   LINK      any -> any          the caller  none                       - (the connection is the link from now on)
 *   LOOK      any -> any          about whom  none                       - (a hint to look at the member table)
 */
#ifndef SH_PROC_WIRE_H
#define SH_PROC_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "ctx.h"

#define SH_WIRE_MAGIC 0x4e494a53u /* "SJIN" */
#define SH_WIRE_VERSION 1u

enum sh_hello_kind {
	SH_HELLO_JOIN = 1,
	SH_HELLO_WELCOME,
	SH_HELLO_CARD,
	SH_HELLO_DONE,
	SH_HELLO_REFUSE,
	SH_HELLO_PULL,
	SH_HELLO_LINK,
	SH_HELLO_LOOK,
};

/* why a join was refused; what the joiner does about it */
enum sh_refusal {
	SH_REFUSE_WAIT = 1, /* the primary is still inside its init: try again */
	SH_REFUSE_PRIMARY,  /* a primary lives */
	SH_REFUSE_FULL,	    /* no free slot */
	SH_REFUSE_LAYOUT,   /* another layout of shared memory */
	SH_REFUSE_UID,	    /* not your group */
	SH_REFUSE_CARD,	    /* the fds of the card are not what they should be */
	SH_REFUSE_LEAVING,  /* this member is leaving: ask another one */
	SH_REFUSE_CLOSED,   /* the primary called rte_mp_disable() */
	SH_REFUSE_NOFILE,   /* this member has no file descriptor left */
	SH_REFUSE_LAST,
};

struct sh_hello {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;
	uint64_t fingerprint; /* of the shared memory's layout */
	uint64_t id;
	uint64_t base; /* WELCOME: address and bytes of the region */
	uint64_t size;
	uint64_t start_ns;    /* JOIN */
	uint32_t role;	      /* JOIN: 0 primary, 1 secondary. LINK: enum sh_link_use */
	uint32_t pid;	      /* JOIN: as the joiner sees itself */
	uint32_t max_members; /* WELCOME. JOIN: inode of the joiner's PID namespace, 0 unknown */
	uint32_t refusal;     /* REFUSE */
	char name[16];	      /* JOIN */
	char sock[64];	      /* JOIN */
	char text[104];	      /* REFUSE: for the log */
};

/* all zero but for what every packet carries */
void sh_hello_init(struct sh_hello *h, enum sh_hello_kind kind, sh_id_t id);
/*
 * 0: *out is a valid packet; its strings are NUL-terminated and printable. -EBADMSG: not one of ours, or a lie.
 * -EPROTONOSUPPORT: one of ours, but of another version or another layout; only magic and version of *out may be read.
 */
int sh_join_parse(const void *buf, size_t len, struct sh_hello *out);
/* is n a number of fds that comes with this kind? */
int sh_hello_fds_ok(enum sh_hello_kind kind, unsigned n);
/* a hash of the offsets and sizes of everything that lies in the control region */
uint64_t sh_fingerprint(void);

#endif
