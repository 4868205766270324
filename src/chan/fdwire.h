/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fdwire.h - the bytes with which shared fds cross between members, and the one place where they are believed or not
 *
 *   struct sh_fd_what   in the table (fdtab.h)             name and blob: copied out, then checked
 *   struct sh_fd_pkt    over a link of use SH_LINK_FD      one fd goes along: "this is entry's"
 *   struct sh_fd_req    over the internal lane             what the receiver's runtime shall do
 *
 * All functions are pure and fuzzed (test/fuzz/fuzz_fdwire.c).
 */
#ifndef SH_CHAN_FDWIRE_H
#define SH_CHAN_FDWIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shoal_fd.h"

#define SH_FD_MAGIC 0x64667368u /* "shfd" */
#define SH_FD_SERIAL 0xfffffffu /* serials have 28 bits */

struct sh_fd_what {
	char name[SHOAL_FD_NAME_LEN]; /* NUL-terminated, printable, zeros behind */
	struct shoal_fd_blob blob;
};

struct sh_fd_pkt {
	uint32_t magic;
	uint32_t offer;	 /* 1: to keep for a name that is being registered; 0: somebody waits for it */
	uint32_t index;	 /* of the entry */
	uint32_t serial; /* that it must have */
};

enum sh_fd_op {
	SH_FD_SEND = 1, /* send me your copy */
	SH_FD_KEEP,	/* take the copy that I have sent */
	SH_FD_LOOK,	/* something was revoked or given up */
	SH_FD_OPS
};

struct sh_fd_req {
	uint32_t op;
	uint32_t index;
	uint32_t serial;
	uint32_t zero;
};

/* 0, -EINVAL (NULL, empty, unprintable), -E2BIG */
int sh_fd_name_check(const char *name);
bool sh_fd_what_ok(const struct sh_fd_what *w);
/* 0 and *out, or -EBADMSG */
int sh_fd_pkt_parse(const void *buf, size_t len, unsigned nfds, struct sh_fd_pkt *out);
int sh_fd_req_parse(const void *buf, size_t len, struct sh_fd_req *out);

#endif
