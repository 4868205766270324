/* SPDX-License-Identifier: BSD-3-Clause */
/* priv.h - what the files of this room share among themselves; nobody else includes it */
#ifndef SH_PKT_PRIV_H
#define SH_PKT_PRIV_H

#include "base/atom.h"
#include "ctx.h"
#include "pkt/pkt.h"

/*
 *   field   written by
 *   dyn     mbuf_dyn.c: where the group's table of dynamic fields lies, 0 before this process looked; CAS
 *   ext     mbuf_ext.c: where the group's orders lie, 0 before this process looked
 *   ext_rung_ns   the same: when some home was rung last
 *   a part  that part's start and stop, when no other thread is in this room
 */
struct sh_pkt {
	_Atomic uint64_t dyn, ext, ext_rung_ns;
	struct sh_ports *ports; /* here.c */
};

/* mbuf.c */
int sh_mbuf_start(const struct sh_opts *o);
void sh_mbuf_stop(void);

/* here.c */
int sh_port_start(const struct sh_opts *o);
void sh_port_settle(void); /* pkt.h */
void sh_port_stop(void);

#endif
