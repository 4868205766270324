/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dgram.h - the two datagram layouts of DPDK's IPC. Pure, fuzzed.
 *
 *   field      22.11 (332 bytes)   26.11 (340 bytes)
 *   type       0, 4                0, 4 (then 4 bytes of padding)
 *   name       4, 64               8, 64
 *   len_param  68, 4               72, 4
 *   num_fds    72, 4               76, 4
 *   param      76, 256             80, 256
 *   fds        travel as SCM_RIGHTS; 26.11 has 4 bytes more at the end
 *   max. fds   8                   253
 *
 * Native byte order. A reply is matched by its receiver by (sender's path, name): DPDK has no request number.
 */
#ifndef SH_CHAN_DGRAM_H
#define SH_CHAN_DGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

enum sh_layout { SH_DPDK_22 = 332, SH_DPDK_26 = 340 };

struct sh_dgram {
	enum sh_layout layout;
	int type; /* 0 message, 1 request, 2 reply, 3 ignore */
	int len_param;
	int num_fds;
	char name[64];
	uint8_t param[256];
};

/* a foreign peer: where it listens and which layout it speaks */
struct sh_foreign_addr {
	struct sockaddr_un sa;
	enum sh_layout layout;
	bool deaf; /* its queue stayed full while an action waited for it: no action waits for it again before it reads */
};

/* NULL and *d filled, or what is wrong. nfds: fds that really came along. */
const char *sh_dgram_parse(const void *buf, size_t len, unsigned nfds, struct sh_dgram *d);
/* fill buf (340 bytes); returns the length, or 0 when the fields do not fit the layout */
size_t sh_dgram_build(const struct sh_dgram *d, unsigned char buf[340]);

#endif
