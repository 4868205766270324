/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * afp.h - what the files of net_af_packet share: drv_af_packet.c (a device, its settings), afp_sock.c, afp_rx.c, afp_tx.c,
 * afp_slots.c
 *
 * Each rx queue has a packet socket with a ring that the kernel fills (TPACKET_V2), and the sockets of a port are one fanout group:
 * the kernel says which queue a flow goes to. Each tx queue has a socket that packets are sent on, many with one call. The
 * process that starts the port opens them all; the others have them by name (sh_port_fd()), and map a ring when they become
 * the queue's owner. A tx queue has no state, in no process.
 *
 * Sending. A socket that packets are sent on with their descriptions, and one with slots of memory that the kernel reads packets
 * from: for bursts of short ones, which it sends in two thirds of the time so. What does not fit there, or is refused there, goes
 * the first way, behind what the slots had. Without the second socket (SH_AFP_SLOTTED queues have one already, an old kernel, no memory for it) all goes the first
 * way.
 * Which slot the kernel looks at next is in its memory alone: who opens the queue finds out (afp_slots.c), so nothing is to be
 * noted, and a death leaves nothing but slots that were written and not sent: those packets are not sent.
 *
 * Receiving. A slot belongs to whom its status says, the kernel or us. The owner reads slots in order, and at the end of a burst
 *
 *   1  each slot that it has read bears a mark (a byte that the kernel clears when it fills the slot)
 *   2  idx = behind them
 *   3  their statuses: the kernel's again
 *
 * Whoever opens the ring next gives back marked slots just before idx, and from idx on: so it begins with the first packet that
 * the former owner had not in its hands, wherever that died.
 *
 * A packet that no slot holds (up to 64 KB: the kernel's TCP) lies in the socket's queue, and its slot says so. It is read from
 * there, and cut (gso.h). Should an owner die between that and the mark, the next one finds a slot whose packet is gone, or
 * takes a later one for it: one packet is missing, and what is in the queue is read before the ring is again empty.
 *
 * While a port is stopped a filter that takes nothing stands before each socket.
 */
#ifndef SH_PKT_AFP_H
#define SH_PKT_AFP_H

#include <net/if.h>

#include "base/mtx.h"
#include "pkt/kif.h"
#include "pkt/port.h"

#define SH_AFP_QUEUES 16	/* each way */
#define SH_AFP_SLOTTED 16	/* tx queues of a group that have slots: the names for descriptors are few */
#define SH_AFP_VNET 10u		/* bytes of the virtio-net header in front of each packet */
#define SH_AFP_SEGS 510u	/* of a packet that is sent */
#define SH_AFP_BUFFER (8 << 20) /* of a socket, each way */
#define SH_AFP_FRAMES                                                                                                  \
	2048 /* slots of a ring, unless framecnt= or the queue's descriptors say more: what comes while
				     * the owner does not run for some milliseconds */
#define SH_AFP_SLOT(mtu) ((mtu) + 128u) /* what a slot must have for a packet of that size, headers and all */

/*
 * Shared (p->shared).
 *
 *   field                written by
 *   index .. qpairs      probe
 *   gen, n_rx .. frames  start, with the port's seat; tried before the first socket of that number, gen after the last: sockets
 *                        of another number have other names, and nobody takes one that a dead starter had not finished
 *   idx                  the rx queue's owner; start, when there is none
 */
struct sh_afp {
	char iface[IFNAMSIZ];
	uint32_t index;
	uint64_t ns; /* the namespace in which that is its number */
	uint32_t blocksz, framesz,
		framecnt; /* framecnt 0: as many as the queue has descriptors, SH_AFP_FRAMES at least */
	uint16_t qpairs;
	bool bypass, join;
	_Atomic uint32_t gen;	/* of the sockets that receive; 0: there are none yet */
	_Atomic uint32_t tried; /* the last number that somebody made, or began to make, sockets for */
	_Atomic uint32_t n_rx;
	_Atomic uint32_t n_tx; /* there are such */
	uint32_t fanout;
	uint32_t frames[SH_AFP_QUEUES];
	_Atomic uint32_t idx[SH_AFP_QUEUES]; /* the next slot to look at */
};

enum sh_afp_way { SH_AFP_RX, SH_AFP_TX, SH_AFP_SLOTS };

/* h->local; all but ctl under lk */
struct sh_afp_here {
	struct sh_port_fd ctl; /* for questions and filters of the interface */
	struct sh_mtx lk;
	uint32_t gen; /* of rx[] */
	struct sh_port_fd rx[SH_AFP_QUEUES], tx[SH_AFP_QUEUES], slots[SH_AFP_QUEUES];
};

/* ---- afp_sock.c ---- */

int sh_afp_attach(struct sh_here *h);
void sh_afp_detach(struct sh_here *h);
/* a copy of each socket that receives, and of each to send on with descriptions: each member can go on alone, one that may open none, too */
void sh_afp_keep(struct sh_here *h);
/* the sockets of all queues, empty: with the seat */
int sh_afp_start(struct sh_here *h);
void sh_afp_stop(struct sh_here *h);
/* the fd of a queue, this process' until detach, or until the port is started with other queues; -errno, after a line but for
 * SH_AFP_SLOTS */
int sh_afp_fd(struct sh_here *h, enum sh_afp_way way, unsigned queue);
/* nothing gets in, or all */
int sh_afp_gate(int fd, bool open);
/* what the kernel dropped since it was asked last: added to the queues' missed; returns the sum */
uint64_t sh_afp_drops(struct sh_here *h);

/* ---- afp_rx.c, afp_tx.c ---- */

int sh_afp_rx_open(struct sh_here *h, struct sh_queue *q, struct sh_io *io);
void sh_afp_rx_shut(struct sh_io *io);
/* empty a ring that is gated: what is in it came before the start, and is missed */
int sh_afp_rx_flush(struct sh_here *h, unsigned queue, int fd);
int sh_afp_tx_open(struct sh_here *h, struct sh_queue *q, struct sh_io *io);
void sh_afp_tx_shut(struct sh_io *io);

/* ---- afp_slots.c: of one thread; all calls take fd < 0 ---- */

#define SH_AFP_SHORT 1522u /* bytes of the longest packet that a slot takes */

struct sh_afp_slots {
	int fd; /* -1: there are none */
	uint8_t *map;
	uint32_t at;		/* the slot that the kernel looks at next */
	uint32_t asked, unsure; /* bursts since that was asked in vain; at is not known */
};

/* the slots of a socket that has none yet; 0 or -errno */
int sh_afp_slots_make(int fd);
void sh_afp_slots_open(struct sh_afp_slots *x, int fd);
void sh_afp_slots_shut(struct sh_afp_slots *x);
/* packets of one segment, 14 to SH_AFP_SHORT bytes, nothing to be done with them: how many of the first of them are sent */
uint16_t sh_afp_slots_send(struct sh_afp_slots *x, struct rte_mbuf **pkts, uint16_t n);

#endif
