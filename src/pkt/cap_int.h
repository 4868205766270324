/* SPDX-License-Identifier: BSD-3-Clause */
/* cap_int.h - what cap.c and caplib.c share */
#ifndef SH_PKT_CAP_INT_H
#define SH_PKT_CAP_INT_H

#include <sys/types.h>
#include <time.h>

#include "pkt/cap.h"

struct sh_caplib; /* caplib.c: libpcap's functions and a handle */

struct sh_cap {
	struct sh_caplib *lib; /* NULL: a file that is read here */
	int fd;		       /* -1: libpcap's */
	int link;
	int broken; /* -errno once it is */
	int read_err;
	bool swapped, nano;
	uint8_t *buf;
	size_t at, have, room; /* bytes of buf: read so far; there; of all of it */
	bool keeps;	       /* buf has room for the whole file, and nothing has left it yet */
	off_t size;	       /* of a file that is kept, and when it was written to last */
	struct timespec written;
	char why[SH_CAP_WHY];
};

int sh_cap_broken(struct sh_cap *c, int err, const char *why);

/* c->fd at any position; becomes libpcap's */
int sh_caplib_file(struct sh_cap *c, char why[SH_CAP_WHY]);
int sh_caplib_next(struct sh_cap *c, struct sh_cap_packet *p);
int sh_caplib_rewind(struct sh_cap *c);
void sh_caplib_close(struct sh_cap *c);

#endif
