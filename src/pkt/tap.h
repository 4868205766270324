/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tap.h - net_tap: what its files share; nobody else includes it. The head of drv_tap.c says what it is.
 *
 *   struct tap       of the port, shared: by probe; attached by who has the seat
 *   struct tap_here  of a process: q[] under the room's private lock
 *   struct tap_io    of a queue in the process that owns it
 */
#ifndef SH_PKT_TAP_H
#define SH_PKT_TAP_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "pkt/gso.h"
#include "pkt/kif.h"

#define TAP_QUEUES 16
#define TAP_SEGS 254 /* of a packet that is sent */

struct tap {
	char name[IFNAMSIZ]; /* that it had when it was made */
	uint32_t index;
	uint64_t ns;	       /* the namespace in which it was made */
	bool persist, own_mac; /* devargs: stays after us; mac= was given */
	uint64_t mac;	       /* that, or one of chance */
	bool made;	       /* here; it was not there before */
	/* the fd that probe has opened, for attach in the same process: its number there, and that process */
	int first;
	uint64_t maker;
	_Atomic uint32_t attached;     /* bit i: the kernel sends to queue i */
	_Atomic uint64_t dropped;      /* by the kernel, when it was asked last; by who asks for statistics */
	_Atomic uint64_t dropped_base; /* when counters were reset */
};

struct tap_here {
	struct sh_port_fd sock, q[TAP_QUEUES];
};

/* ---- tap_dev.c ---- */

/* a line for what the kernel refused, with the remedy; returns err, which is negative */
int sh_tap_refused(const char *who, const char *name, int err);
/* one more queue of an interface: an fd, or -errno after a line */
int sh_tap_queue_of(const char *who, char *name);
/* the first one, of an interface that is made if there is none: name may have a %d, and becomes what it is. -EBUSY: it is in use */
int sh_tap_first_of(const char *who, char *name);

/* ---- drv_tap.c, tap_io.c ---- */

/* the fd of a queue here: got from the group, or opened and offered; -errno as sh_port_fd(). Under the room's private lock */
int sh_tap_fd(struct sh_here *h, unsigned queue, enum sh_fd_wait wait);

/* ---- tap_set.c: with the seat, but for link and stats ---- */

/* the port is started, or stopped: the interface is up as long as it is; not where it was moved to. 0, or -errno and a line */
int sh_tap_started(struct sh_here *h, bool started);
int sh_tap_link_set(struct sh_here *h, bool up);
int sh_tap_filter(struct sh_here *h, bool on);
int sh_tap_mac_set(struct sh_here *h, uint64_t mac);
int sh_tap_mtu_set(struct sh_here *h, uint16_t mtu);
bool sh_tap_link(struct sh_here *h);
void sh_tap_stats(struct sh_here *h, uint64_t *missed, uint64_t *ierrors, uint64_t *oerrors);
int sh_tap_stats_reset(struct sh_here *h);

int sh_tap_open(struct sh_here *h, struct sh_queue *q, struct sh_io *ret);
void sh_tap_shut(struct sh_here *h, struct sh_queue *q, struct sh_io *io);

#endif
