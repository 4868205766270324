/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pkt.h - packets: what init.c and the rooms to the right may call
 *
 * The room has parts: mbufs; ports and their drivers. Each has a header of its own for the others of this room, and a line in
 * the table of pkt.c; what a part keeps for the process hangs in struct sh_pkt (priv.h).
 */
#ifndef SH_PKT_PKT_H
#define SH_PKT_PKT_H

struct sh_opts;

/* After sh_obj_start(), before sh_proc_announce(). 0 or -errno, with a line. */
int sh_pkt_start(const struct sh_opts *o);
/* After sh_proc_announce(): this process gets from the others what it needs if they die. Waits for a moment at most. */
void sh_pkt_settle(void);
/* No other thread of this process may be in a call of this room; also in a forked child, for what its parent's start left. */
void sh_pkt_stop(void);

#endif
