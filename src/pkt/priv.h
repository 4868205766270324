/* SPDX-License-Identifier: BSD-3-Clause */
/* priv.h - what the files of this room share among themselves; nobody else includes it */
#ifndef SH_PKT_PRIV_H
#define SH_PKT_PRIV_H

#include "base/atom.h"
#include "ctx.h"
#include "pkt/pkt.h"

struct sh_mbufs; /* mbuf.c */

/*
 *   field   written by
 *   a part  that part's start and stop, when no other thread is in this room
 */
struct sh_pkt {
	struct sh_mbufs *mbufs;
};

/* mbuf.c */
int sh_mbuf_start(const struct sh_opts *o);
void sh_mbuf_stop(void);

#endif
