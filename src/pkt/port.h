/* SPDX-License-Identifier: BSD-3-Clause */
/* port.h - what the files of ports share among themselves; nobody else includes it. See dev.h and README.md. */
#ifndef SH_PKT_PORT_H
#define SH_PKT_PORT_H

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <rte_ethdev.h>

#include "base/calm.h"
#include "pkt/dev.h"
#include "pkt/priv.h"
#include "proc/region.h"

/* in shared memory, zone EP_TABLE: all zeros is a table without ports */
struct sh_table {
	_Atomic uint64_t seat;	  /* who makes or removes a port: as a port's */
	_Atomic uint64_t serial;  /* the last one given; by who has the seat */
	_Atomic uint64_t hotplug; /* who adds or removes a device for all (hotplug.c): a seat, too */
	_Atomic uint64_t owners;  /* the last id of rte_eth_dev_owner_new(): atomic add */
	struct sh_port row[SH_PORTS];
	struct {
		_Atomic uint64_t word __attribute__((aligned(SH_LINE))); /* by its member, under its lock: visit.c */
	} visitor[SH_MEMBERS];
};

/* a queue that this process owns, or did when it looked last */
struct sh_bound {
	struct sh_bound *next; /* all of this process */
	struct sh_here *h;
	struct sh_queue *q;
	struct sh_io io;
};

/*
 * A queue that could not be opened here, or (queue SH_NO_QUEUE) a port whose driver a burst could not attach: tried again at
 * at_ns, or when the port has been started anew.
 */
#define SH_NO_QUEUE UINT16_MAX
struct sh_unopened {
	struct sh_unopened *next;
	uint64_t serial, at_ns, wait_ns;
	uint32_t run; /* as in sh_port */
	int err;
	uint16_t port, queue;
	bool tx;
};

/* fds that others do not hand over (kif_seek.c): all but turns under lk */
struct sh_seek {
	struct sh_mtx lk;
	struct sh_sought *list;
	_Atomic uint32_t turns; /* futex: + 1 whenever one has come, or never will; by the thread that seeks */
	uint64_t since_ns;	/* somebody is silent, since then; 0: nobody */
	bool on, stopping;	/* the thread is at it; this process leaves */
};

/* a callback on packets, in the list of a queue of this process */
struct rte_eth_rxtx_callback {
	struct rte_eth_rxtx_callback *next;
	struct rte_eth_rxtx_callback *all; /* the next of this process */
	union {
		rte_rx_callback_fn rx;
		rte_tx_callback_fn tx;
	} fn;
	void *arg;
};

/* what callbacks were told of a row: the port that they know there; serial 0: none */
struct sh_seen {
	uint64_t serial;
	char name[SH_PORT_NAME];
};

/* an end, or a beginning, that is to be told */
struct sh_change {
	unsigned row;
	bool began;
	char name[SH_PORT_NAME];
};

struct sh_event_cb {
	struct sh_event_cb *next;
	uint16_t port; /* RTE_ETH_ALL: any */
	enum rte_eth_event_type event;
	rte_eth_dev_cb_fn fn;
	void *arg;
	unsigned running;
};

/*
 * This process' side; sh_ctx.pkt->ports.
 *
 *   field          written by
 *   table          who finds it first: one store
 *   entries        start; burst, data, own of a queue: under lock; cb: under cb_lock. Zeros in a forked child
 *   here, visits, visited, closed, late, bound, unopened   under lock; so are the words of rows that this process makes or
 *                  removes
 *   looked         the thread that looks for ports at the start (here.c): 1, it has
 *   hotplug_by     who has the seat of hotplug: this thread
 *   probed_ns      who asks for a queue that another one has: when the kernel was asked last whether that one is dead
 *   seen, link_seen   under lock, by who tells: what callbacks were told
 *   telling        under cb_lock
 *   cbs, teller, devs, dev, pkt_cbs   under cb_lock
 */
struct sh_ports {
	_Atomic(struct sh_table *) table;
	struct __rte_eth_queue *entries;
	struct sh_mtx lock, cb_lock;
	struct sh_bound *bound;
	struct sh_unopened *unopened; /* few, if any */
	struct rte_eth_rxtx_callback *pkt_cbs;
	struct sh_here *here[SH_PORTS];
	unsigned visits[SH_PORTS]; /* visit.c */
	uint32_t visited;	   /* bit i: visits[i] > 0 */
	_Atomic uint64_t
		closed[SH_PORTS]; /* serial of a port that a secondary has closed for itself, or that is in late */
	_Atomic uint64_t
		late[SH_PORTS]; /* serial of a port that was closed from inside a burst: to be closed for all */
	_Atomic uint64_t probed_ns;
	_Atomic uint32_t looked;     /* futex word */
	_Atomic uint64_t hotplug_by; /* sh_this_thread(); 0: nobody of this process */
	struct sh_seen seen[SH_PORTS];
	struct {
		uint64_t n;
		uint32_t gone;
	} link_seen[SH_PORTS];
	struct {
		bool on, more; /* somebody calls callbacks; and is to look once more, in the place of who did not */
		pthread_t by;  /* who */
		_Atomic uint32_t times;	 /* futex word: + 1 at each end */
		unsigned ends;		 /* the port whose end is told just now, or SH_PORTS, */
		char name[SH_PORT_NAME]; /* and its name */
	} telling;
	struct sh_event_cb *cbs;
	struct sh_teller *teller;      /* event.c */
	struct sh_dev_watch *devwatch; /* dev_event.c */
	struct sh_devlist *devs;       /* devargs.c */
	struct rte_device *dev;	       /* vdev.c: [SH_PORTS] */
	struct sh_kifs *kifs;	       /* kif_watch.c; under lock, its inside under its own */
	struct sh_seek seek;
};

/* NULL: the room is not started */
static inline struct sh_ports *sh_ports(void)
{
	return sh_ctx.pkt != NULL ? sh_ctx.pkt->ports : NULL;
}

/* the entry of a queue; port and queue are in range */
static inline struct __rte_eth_queue *sh_entry(struct sh_ports *s, unsigned port, bool tx, unsigned queue)
{
	return &s->entries[((size_t)port * 2 + tx) * SH_QUEUES + queue];
}

/* pointers of public structs, which are plain there */
#define SH_APTR(p) ((_Atomic(void *) *)(uintptr_t)(p))
#define SH_ABURST(p) ((_Atomic(sh_burst_fn) *)(uintptr_t)(p))

/* the serial of the port in this row; 0: there is none */
static inline uint64_t sh_serial(struct sh_port *p)
{
	uint64_t state = sh_load_acq(&p->state); /* A:PORTROW */

	return (state & SH_PORT_READY) != 0 ? state & ~SH_PORT_READY : 0;
}

/* table.c */
struct sh_table *sh_table(bool make); /* NULL: there is none */
/* 0; 1: taken from a dead one, mend first; -EBUSY (a line), -EPERM. what: "port 3", for the line */
/* no handler interrupts this thread until it leaves the seat (base/calm.h) */
int sh_seat_take(_Atomic uint64_t *seat, const char *what);
void sh_seat_leave(_Atomic uint64_t *seat);
bool sh_gone(sh_id_t id); /* by proof */
/* the port's seat, mended; op is what the caller will do: 0, -ENODEV, -EBUSY, -EPERM. Ended by sh_port_leave() */
int sh_port_enter(struct sh_port *p, uint64_t serial, enum sh_port_op op);
void sh_port_leave(struct sh_port *p);
/* removed for all; the caller has the port's seat, which is gone with it */
void sh_port_drop(struct sh_port *p);

/* owner.c */
/* bring this queue into this process' hands: its entry, ready; or NULL and rte_errno */
struct __rte_eth_queue *sh_queue_claim(unsigned port, bool tx, unsigned queue);
/*
 * Take all queues (only: just this one) from their owners and wait until nobody is inside. With the seat. 0, -EBUSY (a line), or
 * -EDEADLK: nobody is but this very thread, which cannot wait for itself. sh_not_inside() makes that -EBUSY and a line.
 */
int sh_queues_take(struct sh_here *h, struct sh_queue *only);
int sh_queues_empty(struct sh_here *h); /* of a stopped port: the same wait, once they were taken */
int sh_not_inside(const struct sh_port *p, int r);
int sh_queue_give(unsigned port, bool tx, unsigned queue);
void sh_queues_give_all(struct sh_ports *s);
/* what bursts tried in vain of the port of that serial they try at once again */
void sh_unopened_now(uint64_t serial);
void sh_unopened_forget(struct sh_ports *s);

/* visit.c: README.md, "Who runs a driver's function". Under the lock: from here on the port stays; false: it is not there any more */
bool sh_visit_begin(struct sh_ports *s, unsigned id, uint64_t serial);
void sh_visit_end(struct sh_ports *s, unsigned id);
/* of a port that was removed for all: wait until nobody visits it: 0, or -EBUSY and a line */
int sh_visits_wait(struct sh_table *t, unsigned id);
sh_id_t sh_visitor(struct sh_table *t, unsigned id); /* somebody who does, and lives; 0: nobody */
/* how long a remover or stopper waits for who is inside */
#define SH_INSIDE_NS SH_FAULT_NUM("SHOAL_INSIDE_NS", SH_NS_PER_S)

/* here.c */
int sh_here_start(struct sh_ports *s);
/* as sh_here(), sh_here_put(), and a visit in between */
struct sh_here *sh_here_visit(unsigned id, int *err);
/* the same, or sh_here(), for a burst or a look: -ETIMEDOUT without a line if others do not answer in a moment */
struct sh_here *sh_here_now(unsigned id, bool visit, int *err);
void sh_here_leave(struct sh_here *h);
/* under lock: attached, with one reference, and in no table: of a port of that serial, which may be in the making */
int sh_here_new(struct sh_port *p, uint64_t serial, struct sh_here **ret);
void sh_here_drop(struct sh_ports *s, struct sh_here *h); /* under lock */
/* one more queue of this process is bound, or one less: which may be the end of *h. Under the lock */
void sh_here_bound(struct sh_here *h);
void sh_here_unbound(struct sh_here *h);

/* conf_check.c: a configuration that is asked for. 0, with the numbers that were left to the port; or -errno and a line */
struct sh_conf_ask {
	unsigned nb_rx, nb_tx;
	const struct rte_eth_conf *c;
	uint32_t mtu; /* out */
};
int sh_conf_check(struct sh_port *p, struct sh_conf_ask *a);
int sh_conf_refuse(const struct sh_port *p, int err, const char *what); /* the line; err */
uint16_t sh_port_mtu(const struct sh_port *p); /* the interface's; where there is none, what was configured, or 1500 */

/* conf.c */
void sh_port_unset(struct sh_here *h); /* no configuration, no queues */

/* run.c: close for all what is in late */
void sh_ports_close_late(struct sh_ports *s);
/* stop it, with the seat; 0 or -errno, -EDEADLK as sh_queues_take() */
int sh_port_halt(struct sh_here *h);

/* event.c */
int sh_teller_start(struct sh_ports *s); /* the thread is there from now on: 0 or -errno, with a line */
void sh_teller_wake(void);
void sh_teller_stop(struct sh_ports *s, bool mine);
bool sh_listened(void);			/* somebody has registered callbacks */
void sh_ports_note(struct sh_ports *s); /* what is there by now is not told */
/* is this a callback that is told the end of this port (of a port of this name)? Its name; its number, or SH_PORTS */
bool sh_port_ends(unsigned port, char name[SH_PORT_NAME]);
unsigned sh_port_ends_named(const char *name);

/* seen.c: the next that is to be told, noted as told; false: nothing. last: of beginnings only those up to this serial */
bool sh_seen_next(struct sh_seen seen[SH_PORTS], uint64_t last, struct sh_change *c);
uint64_t sh_seen_last(void); /* the last serial that was given */

/* here.c: have the other processes look, without waiting for them; a callback may be under way when it returns */
void sh_ports_nudge(void);

/* kif_watch.c: nothing is heard from here on; forget: the rest, and all of it in a forked child */
void sh_kif_stop(struct sh_ports *s, bool mine);
/* kif_seek.c: nothing is sought from here on */
void sh_seek_stop(struct sh_ports *s, bool mine);
void sh_kif_forget(struct sh_ports *s);

/* devargs.c, vdev.c */
void sh_devargs_forget(struct sh_ports *s);
void sh_devices_forget(struct sh_ports *s);
int sh_vdev_options(const struct sh_opts *o);

/*
 * What calls share: the port's side here, or a negative errno in *err after one line. seat: the operation that is begun
 * (SH_OP_NONE: a visit, without the seat). sh_port_end() gives it back.
 */
struct sh_here *sh_port_begin(uint16_t port, const char *fn, enum sh_port_op op, int *err);
/* the same for what runs operations of the driver: -ENOTSUP, with a line, where that works in the primary alone, and not here */
struct sh_here *sh_port_begin_driver(uint16_t port, const char *fn, enum sh_port_op op, int *err);
void sh_port_end(struct sh_here *h, enum sh_port_op op);

#endif
