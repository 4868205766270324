/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev.h - ports: what lies in shared memory, and what a driver is
 *
 * For the files of this room. README.md has the actors and what each death leaves.
 *
 * A port is a row of one table that all processes of the group read; making it in one process makes it for all. Its
 * configuration, its queues and their counters are shared. What works on it is private: a driver is found by its name in
 * each process (drivers.c), keeps there what only a process can have (fds, mappings, handles), and no pointer to a function
 * or index of a table of functions is ever shared.
 *
 * Three kinds of driver data, made and dropped by the driver's operations:
 *
 *   p->shared          of the port, for all: made by probe, in one process; dropped by remove
 *   h->local           of the port, in this process: made by attach, at its first use here; dropped by detach
 *   io->data           of a queue, in the process that owns it: made by open, when it becomes owner; dropped by shut
 *   q->drv[]           64 bytes of a queue, for all: zeros when it is set up; whatever the driver says
 *
 * Pointers in shared memory are into the group's range, which lies at the same address everywhere.
 */
#ifndef SH_PKT_DEV_H
#define SH_PKT_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_ring.h> /* __rte_ring_self */

#include "base/atom.h"
#include "ctx.h"

struct rte_mbuf;
struct rte_mempool;
struct rte_memzone;

#define SH_PORTS 32	  /* RTE_MAX_ETHPORTS */
#define SH_QUEUES 1024	  /* RTE_MAX_QUEUES_PER_PORT, each way */
#define SH_PORT_NAME 64	  /* RTE_ETH_NAME_MAX_LEN, with the NUL */
#define SH_DRIVER_NAME 32 /* with the NUL */
#define SH_MACS 16	  /* addresses of a port; the first is its own */
#define SH_RSS_KEY 52	  /* bytes of the longest key */
#define SH_RETA 512	  /* entries of the largest table from hash to queue */

/* ---- a queue ---- */

enum sh_q_state {
	SH_Q_NONE,    /* not set up */
	SH_Q_STOPPED, /* set up; waits for rte_eth_dev_{rx,tx}_queue_start() */
	SH_Q_RUN,     /* runs while its port does */
};

/*
 *   field                  written by                                      read by
 *   state .. free_thresh   who has the port's seat                         all
 *   owner                  CAS 0 -> me: who bursts first; dead -> me:      the owner, in each burst: relaxed, see busy
 *                          who bursts first after proof of that death;
 *                          me -> 0: the owner, leaving or giving it away;
 *                          anything -> 0: who stops queue or port
 *   busy                   the owner: me before a look at owner in each    who stops queue or port, after owner = 0 and a
 *                          burst or open, 0 after it                            barrier in all processes: 0 or dead, nobody is
 *                                                                          inside and nobody will be. Who claims waits too
 *   thread                 the owner, before busy: sh_this_thread()        the owner, of a queue that it is inside of: is it
 *                                                                          this very thread, which a signal handler borrows?
 *   packets .. said        the owner, inside a burst: load, add, store     all
 *   missed                 whoever delivers to the queue: atomic add       all
 *   base                   who resets: under the seat                      all: a counter is what it says less its base
 *   drv                    as the driver says                              -
 */
struct sh_queue {
	_Atomic uint32_t state;
	uint16_t port, id;
	uint8_t tx, drop_en, deferred, pad_;
	uint16_t desc;
	uint16_t rs_thresh, free_thresh;
	uint8_t pthresh, hthresh, wthresh, pad2_;
	uint64_t offloads;
	struct rte_mempool *mp; /* rx; in the group's range */
	int socket;
	uint8_t stat_map; /* rte_eth_dev_set_{rx,tx}_queue_stats_mapping() */
	uint8_t pad3_[11];

	_Atomic uint64_t owner __attribute__((aligned(SH_LINE)));
	_Atomic uint64_t busy;
	_Atomic uint64_t packets, bytes, errors, nombuf;
	_Atomic uint32_t said; /* enum sh_said: lines about it that were printed */
	uint32_t pad4_;
	_Atomic uint64_t
		thread; /* who is inside, as the owner tells its threads apart; means nothing while busy is 0 */

	_Atomic uint64_t missed __attribute__((aligned(SH_LINE)));
	uint64_t base[5]; /* of packets, bytes, errors, nombuf, missed */
	uint64_t pad5_[2];

	uint64_t drv[8] __attribute__((aligned(SH_LINE)));
};
_Static_assert(sizeof(struct sh_queue) == 4 * SH_LINE, "four lines");

/* ---- a port ---- */

/* what the port can do: written by probe, constant then */
struct sh_port_caps {
	uint64_t rx_offloads, tx_offloads;	 /* of the port, RTE_ETH_RX_OFFLOAD_..., RTE_ETH_TX_OFFLOAD_... */
	uint64_t rxq_offloads, txq_offloads;	 /* of these, the ones that can be chosen for each queue */
	uint64_t rss_hf;			 /* RTE_ETH_RSS_...; 0: no RSS */
	uint64_t dev_capa;			 /* RTE_ETH_DEV_CAPA_... */
	uint32_t speed_capa;			 /* RTE_ETH_LINK_SPEED_... */
	uint16_t max_rxq, max_txq;		 /* at least 1 */
	uint16_t max_segs;			 /* of a packet that is sent; 0: any number up to 65535 */
	uint16_t reta_size;			 /* 0, or a power of two, at most SH_RETA */
	uint8_t key_size;			 /* bytes of the RSS key, at most SH_RSS_KEY */
	uint8_t max_macs;			 /* at most SH_MACS */
	uint16_t desc_min, desc_max, desc_align; /* 0, 0, 0: any number up to 65535 */
	uint16_t min_mtu, max_mtu;
	uint32_t min_rx_bufsize, max_rx_pktlen;
	uint32_t if_index;
	bool lsc, rmv, rxq_intr;     /* tells of link changes; of its end; can sleep for packets */
	bool no_rss;		     /* devarg rss=0: a configuration that asks for RSS is refused, -ENOTSUP */
	uint16_t pref_rxq, pref_txq; /* queues and descriptors when the program leaves them to the port; 0: 1 and 512 */
	uint16_t pref_desc;
};

/* what rte_eth_dev_configure() was told, without pointers */
struct sh_port_conf {
	uint64_t rx_offloads, tx_offloads;
	uint64_t rss_hf;
	uint32_t link_speeds;
	uint32_t rx_mq, tx_mq; /* enum rte_eth_rx_mq_mode, rte_eth_tx_mq_mode */
	uint32_t mtu, max_lro;
	uint8_t mtu_asked; /* the program's own number: otherwise mtu is what it was found to be */
	uint8_t lsc, rxq_intr, rmv, lpbk;
};

/* the table from hash to queue, and its key: under the seat; gen is odd while it changes and goes up by 2 */
struct sh_port_rss {
	_Atomic uint32_t gen;
	uint32_t key_len; /* 0: the standard key */
	uint32_t func;	  /* enum rte_eth_hash_function */
	uint64_t hf;
	uint8_t key[SH_RSS_KEY];
	uint16_t size;
	uint16_t reta[SH_RETA];
};

/* around a change; who dies in between has it ended by who takes the seat: some values are new then, some old */
static inline void sh_rss_change(struct sh_port_rss *s)
{
	sh_store_rlx(&s->gen, sh_load_rlx(&s->gen) | 1); /* relaxed: the fence is behind it */
	sh_fence();
}

static inline void sh_rss_changed(struct sh_port_rss *s)
{
	sh_store_rel(&s->gen, (sh_load_rlx(&s->gen) | 1) + 1); /* R:PORTRSS; relaxed: one writer */
}

/* state: 0; MAKING | member; ready(serial); GOING | member; GOING: what was left to who makes a port next */
#define SH_PORT_MAKING (1ull << 63)
#define SH_PORT_GOING (1ull << 62)
#define SH_PORT_READY (1ull << 61)

enum sh_port_op { /* what the one with the seat is doing: says what to undo should it die */
		  SH_OP_NONE,
		  SH_OP_LITTLE, /* single words: nothing to undo */
		  SH_OP_CONFIGURE,
		  SH_OP_QUEUE,
		  SH_OP_START,
		  SH_OP_STOP,
};

/*
 *   field                written by                                          ordering
 *   state                CAS: who makes, who removes, who mends one of them  R:PORTROW <-> A:PORTROW: who sees READY sees
 *                                                                            name .. caps
 *   name .. caps         the maker, before READY                             constant until state changes
 *   seat, op             CAS 0 -> me, dead -> me; me -> 0. op by who has it  R:PORTSEAT <-> A:PORTSEAT
 *   run                  who has the seat                                    sc: stored before owners are taken away, read
 *                                                                            after one has become owner
 *   gone                 the driver, where it sees that the device is gone   one store
 *   link                 the driver, where it sees the link                  one store of a whole struct rte_eth_link
 *   link_mtu             the driver, where it sees or sets it                one store
 *   want_lsc .. own_id   who has the seat                                    each one store, read at any time
 *   mac[0]               the same; the driver, where it sees another one     as those
 *   rest                 who has the seat                                    read with the seat
 */
struct sh_port {
	_Atomic uint64_t state;
	uint64_t serial; /* never used twice in a group */
	uint16_t id;
	char name[SH_PORT_NAME];
	char driver[SH_DRIVER_NAME];
	int socket;
	const struct rte_memzone *mz; /* of what follows: frees with the port */
	void *shared;		      /* the driver's bytes */
	const char *args;	      /* devargs after the name, as given: "" if there were none */
	struct sh_port_caps caps;

	_Atomic uint64_t seat __attribute__((aligned(SH_LINE)));
	_Atomic uint32_t op;
	uint32_t op_queue;    /* SH_OP_QUEUE: id, | 1 << 16 tx */
	_Atomic uint32_t run; /* the port is started: how often it was, by now; 0: it is not */
	uint32_t starts;      /* the last run that was not 0 */
	_Atomic uint32_t gone;
	_Atomic uint64_t link;	   /* struct rte_eth_link */
	_Atomic uint64_t link_n;   /* how often link changed */
	_Atomic uint32_t link_mtu; /* of the interface that the port is, as it was seen last; 0: it is none */
	_Atomic uint32_t want_lsc; /* conf.lsc, for those who look without the seat */
	_Atomic uint32_t promisc, allmulti;
	_Atomic uint64_t mac[SH_MACS]; /* six bytes, first byte lowest; 0: none */
	_Atomic uint64_t own_id;       /* rte_eth_dev_owner_set() */
	char own_name[SH_PORT_NAME];

	uint32_t configured;
	uint16_t nb_rxq, nb_txq;
	_Atomic uint32_t nb;	  /* both, for who asks without the seat: sh_queue_of() */
	_Atomic uint64_t records; /* sh_records() */
	struct sh_port_conf conf;
	struct sh_port_rss rss;
};

/*
 * Records of queues: rx 0 .. room - 1, then tx. Where they are and how many are one word, the address (of a line) and the power of
 * two: a port that is given more queues gets other ones, and who asks meanwhile sees the former ones or those, never half of
 * each. They outlive the port: see README.md.
 */
struct sh_records {
	struct sh_queue *q; /* NULL: there are none, and room is 0 */
	unsigned room;	    /* queues each way: a power of two */
};

static inline struct sh_records sh_records(const struct sh_port *p)
{
	uint64_t word = sh_load_acq(&p->records); /* A:PORTRECS */

	return (struct sh_records){.q = (struct sh_queue *)(uintptr_t)(word & ~(uint64_t)(SH_LINE - 1)),
				   .room = word != 0 ? 1u << (word & (SH_LINE - 1)) : 0};
}

/* with the seat, or inside a queue, and i is one that is configured */
static inline struct sh_queue *sh_rxq(const struct sh_port *p, unsigned i)
{
	return sh_records(p).q + i;
}

static inline struct sh_queue *sh_txq(const struct sh_port *p, unsigned i)
{
	struct sh_records r = sh_records(p);

	return r.q + r.room + i;
}

/* so many queues are configured; who has the seat */
static inline void sh_queues_are(struct sh_port *p, unsigned nb_rxq, unsigned nb_txq)
{
	p->nb_rxq = (uint16_t)nb_rxq;
	p->nb_txq = (uint16_t)nb_txq;
	sh_store_rel(&p->nb, nb_rxq | nb_txq << 16); /* R:PORTNB */
}

/* for who asks without the seat; NULL: there is none. It may be a former one, which is not set up */
static inline struct sh_queue *sh_queue_of(const struct sh_port *p, bool tx, unsigned i)
{
	uint32_t nb = sh_load_acq(&p->nb); /* A:PORTNB */
	struct sh_records r = sh_records(p);

	return i < (tx ? nb >> 16 : nb & 0xffff) && i < r.room ? r.q + (tx ? r.room : 0) + i : NULL;
}

/* ---- this process' side ---- */

struct sh_driver;

/* a port as this process has it. Written under the room's private lock; constant between attach and detach */
struct sh_here {
	struct sh_port *p;
	unsigned id;
	uint64_t serial; /* of the port that this is about; 0: none. Zeros in a forked child */
	const struct sh_driver *drv;
	void *local; /* the driver's */
	/* under the lock: who uses it (the table of this process, calls, bound queues), and how many of those are bound queues.
	 * Detached when nobody uses it, or the port is over and only bound queues do; freed when nobody does */
	unsigned refs, bound;
	bool detached;
};

/* takes or gives packets of one queue. Returns how many; partial by contract. One thread of the owner at a time. */
typedef uint16_t (*sh_burst_fn)(void *data, struct rte_mbuf **pkts, uint16_t n);

struct sh_io {
	sh_burst_fn burst;
	void *data;
};

/*
 * A driver. Operations return 0 or -errno and say in one line what was wrong; NULL: it cannot, which programs are told as
 * -ENOTSUP (open must be there; for the others of the first two groups NULL means that there is nothing to do). All but those
 * of group four run with the port's seat: no two at a time for a port in the whole group, and one that dies in the middle is
 * mended as README.md says. Then they may not wait for a process that may wait for the seat; to ask the primary for an fd is
 * allowed, for it answers without it.
 */
struct sh_driver {
	const char *name; /* "net_null": devices whose names begin so */
	size_t shared;	  /* bytes of p->shared */
	bool primary;	  /* probe, remove, configure .. stop run in the primary alone (it holds the fds) */

	/* 1. the port for the group. args: reads p->args into p->shared and p->caps, which are zeros; opens and makes nothing, asks
	 * nobody; fuzzed. Then probe: p->name, p->args, zeros in p->shared; it sets p->caps, p->mac[0], p->link.
	 * remove: also after a probe that failed or died at any step: p->shared may be zeros, or as far as it got. */
	int (*args)(struct sh_port *p);
	int (*probe)(struct sh_port *p);
	void (*remove)(struct sh_port *p);

	/* 2. the port in this process. attach: when it is used here first, also after probe by the maker; may ask for fds by
	 * name. An error is this process' alone, and at hotplug a veto. Runs under the room's private lock, perhaps on the internal thread. */
	int (*attach)(struct sh_here *h);
	void (*detach)(struct sh_here *h);
	/* when ports are looked at, after each start by anybody and each death: copies of what others have open, if they are
	 * needed to go on after their death. As attach; may fail. */
	void (*keep)(struct sh_here *h);

	/* 3. settings: p->conf, p->nb_rxq, the queue's record ... hold the new values; an error has them taken back */
	int (*configure)(struct sh_here *h);
	int (*queue_setup)(struct sh_here *h, struct sh_queue *q);
	void (*queue_release)(struct sh_here *h, struct sh_queue *q);
	int (*start)(struct sh_here *h);
	int (*stop)(struct sh_here *h);
	int (*set_link)(struct sh_here *h, bool up);
	int (*promisc)(struct sh_here *h, bool on);
	int (*allmulti)(struct sh_here *h, bool on);
	int (*mac_set)(struct sh_here *h, uint64_t mac);		/* the port's own */
	int (*mac_change)(struct sh_here *h, uint64_t mac, bool there); /* one more */
	int (*mtu_set)(struct sh_here *h, uint16_t mtu);
	int (*rss_set)(struct sh_here *h); /* p->rss is new */
	int (*stats_reset)(struct sh_here *h);

	/* 4. in the process that becomes owner of q, and by the thread that bursts there, without the seat.
	 * open: fills *io, under the room's private lock, inside the queue (busy). The former owner may have died anywhere in it.
	 * shut: drops io->data, when q is no longer this process'; nobody is in burst. The port may be gone, and h detached:
	 * neither h->p, p->shared nor h->local is looked at. */
	int (*open)(struct sh_here *h, struct sh_queue *q, struct sh_io *io);
	void (*shut)(struct sh_here *h, struct sh_queue *q, struct sh_io *io);

	/* 5. questions, at any time in any process, as visits (visit.c): nobody is waited for who may wait for the remover, and
	 * no callback is called. link: looks now and stores it; true: it has changed, and all are to be told. */
	bool (*link)(struct sh_here *h);
	int (*used)(struct sh_here *h,
		    struct sh_queue *q); /* descriptors in use: packets that wait to be taken, or to leave */
	/* counters that the queues' records have not got; NULL: there are none. names ends with NULL */
	const char *const *counters;
	void (*counts)(struct sh_here *h, uint64_t *v);
	void (*stats)(struct sh_here *h, uint64_t *missed, uint64_t *ierrors, uint64_t *oerrors); /* add to these */
	const uint32_t *ptypes; /* what rx fills in, ends with RTE_PTYPE_UNKNOWN */
};

#define SH_ARGS_WHY 256
struct rte_kvargs;
/* kvargs.c: as rte_kvargs_parse(); NULL: and why */
struct rte_kvargs *sh_kvargs(const char *args, const char *const keys[], char why[SH_ARGS_WHY]);
/* drivers.c: the same for a port's, with a line */
struct rte_kvargs *sh_port_args(const struct sh_port *p, const char *const keys[]);
/* for rte_kvargs_process(): 0 or 1 into a bool, or -1 and a line */
int sh_port_flag(const char *key, const char *value, void *flag);

/* drivers.c: the table ends with NULL. A driver adds itself there. */
extern const struct sh_driver *const sh_drivers[];
/* by a port's p->driver */
const struct sh_driver *sh_driver_named(const char *name);
/* by the name of a device: the longest driver's name that it begins with, or that with eth_ for net_, as DPDK's were once called */
const struct sh_driver *sh_driver_of(const char *device);

/* ---- for drivers: inside a burst ---- */

/*
 *	uint16_t rx(void *data, struct rte_mbuf **pkts, uint16_t n)
 *	{
 *		struct my_queue *m = data;
 *
 *		if (!sh_queue_enter(m->q))
 *			return sh_queue_lost(m->q, pkts, n);
 *		...
 *		sh_queue_count(m->q, packets, bytes);
 *		sh_queue_leave(m->q);
 *		return packets;
 *	}
 *
 * The store of busy and the second load of owner may pass each other in this thread's store buffer: who takes the queue away
 * makes up for it with a barrier in all processes. (A thread held up between the first load and that store, while the queue is
 * stopped, started and taken by another process, hides one burst of that process from one who stops it in just that burst.)
 */
/* a word that no other thread of this process has at the same time: it costs no call and no memory */
static inline uint64_t sh_this_thread(void)
{
	return (uint64_t)(uintptr_t)__builtin_thread_pointer();
}

static inline bool sh_queue_enter(struct sh_queue *q)
{
	uint64_t self = __rte_ring_self[0]; /* 0 in a forked child, which owns nothing */

	if (__builtin_expect(sh_load_rlx(&q->owner) != self || self == 0, 0)) /* relaxed: looked at again below */
		return false;
	sh_store_rlx(&q->thread, sh_this_thread()); /* relaxed: before busy */
	sh_store_rel(&q->busy, self);		    /* R:QINSIDE. For what comes after it, see above */
	__asm__ volatile("" ::: "memory");
	if (__builtin_expect(sh_load_rlx(&q->owner) == self, 1)) /* relaxed: see above */
		return true;
	sh_store_rlx(&q->busy, 0); /* relaxed: nothing was done */
	return false;
}

/* is this thread inside a burst of q? Then it is a signal handler that asks, or what a burst calls */
static inline bool sh_queue_inside(const struct sh_queue *q)
{
	return sh_load_acq(&q->busy) == __rte_ring_self[0] && __rte_ring_self[0] != 0 && /* A:QINSIDE */
	       sh_load_rlx(&q->thread) == sh_this_thread();				 /* relaxed: after busy */
}

static inline void sh_queue_leave(struct sh_queue *q)
{
	sh_store_rel(&q->busy, 0); /* R:QBUSY */
}

/*
 * The queue was taken from this process, or this is a forked child: forgets it, drops io->data, and bursts anew as the first
 * burst does: the port may have been started again.
 */
uint16_t sh_queue_lost(struct sh_queue *q, struct rte_mbuf **pkts, uint16_t n);

/* counters have one writer */
static inline void sh_count(_Atomic uint64_t *c, uint64_t n)
{
	sh_store_rlx(c, sh_load_rlx(c) + n); /* relaxed: one writer, and a reader wants any recent value */
}

/* what goes wrong with a queue is counted each time and said once: enum sh_said tells the lines apart */
enum sh_said {
	SH_SAID_NOMBUF = 1,
	SH_SAID_BAD = 2,
	SH_SAID_MISSED = 4,
	SH_SAID_FULL = 8,
	SH_SAID_LOST = 16,
	SH_SAID_UNCUT = 32
};
void sh_queue_say(struct sh_queue *q, enum sh_said what);

static inline void sh_queue_once(struct sh_queue *q, enum sh_said what)
{
	if (__builtin_expect((sh_load_rlx(&q->said) & what) == 0, 0)) /* relaxed: one writer */
		sh_queue_say(q, what);
}

/* no mbuf; a frame that is none; a big one that cannot be cut; a packet that cannot leave */
static inline void sh_queue_nombuf(struct sh_queue *q, uint64_t n)
{
	sh_count(&q->nombuf, n);
	sh_queue_once(q, SH_SAID_NOMBUF);
}

static inline void sh_queue_bad(struct sh_queue *q)
{
	sh_count(&q->errors, 1);
	sh_queue_once(q, SH_SAID_BAD);
}

static inline void sh_queue_uncut(struct sh_queue *q)
{
	sh_count(&q->errors, 1);
	sh_queue_once(q, SH_SAID_UNCUT);
}

static inline void sh_queue_lose(struct sh_queue *q, uint64_t n)
{
	sh_count(&q->errors, n);
	if (n > 0)
		sh_queue_once(q, SH_SAID_LOST);
}

static inline void sh_queue_count(struct sh_queue *q, uint64_t packets, uint64_t bytes)
{
	sh_count(&q->packets, packets);
	sh_count(&q->bytes, bytes);
}

/* ---- for drivers: what they see ---- */

/*
 * The link is up or down now; speed in Mbit/s. put stores it: for operations that run with the seat, after which everybody is
 * told. set also tells: for a driver that sees it by itself, from any thread, in none of the locks. Told is RTE_ETH_EVENT_INTR_LSC,
 * in every process, where the program asked for it.
 */
void sh_port_link_put(struct sh_port *p, bool up, uint32_t speed, bool full_duplex, bool autoneg);
void sh_port_link_set(struct sh_port *p, bool up, uint32_t speed, bool full_duplex, bool autoneg);
/* The device has vanished: link down, bursts give 0, RTE_ETH_EVENT_INTR_RMV in every process; the port stays until removed. */
void sh_port_vanished(struct sh_port *p);
/*
 * The name under which the primary offers an fd of a port, and others ask for it (shoal_fd_*): "eth/<serial>/<what>", what
 * is for example "rxq3". A serial is never used twice, so a stale name finds nothing.
 */
int sh_port_fd_name(const struct sh_port *p, const char *what, char *buf, size_t cap);

/* ---- for the room: ports come and go ---- */

/* the row of a port that is READY; NULL: no such port */
struct sh_port *sh_port(unsigned id);
struct sh_port *sh_port_named(const char *name);
/*
 * This process' side, attached now if it was not; to be given back by sh_here_put(). NULL and *err (may be NULL) = -errno: no
 * such port, no driver, a forked child, attach said no.
 */
struct sh_here *sh_here(unsigned id, int *err);
void sh_here_put(struct sh_here *h);

/*
 * Make the device "name" with these devargs a port, here: a row, probe, READY, attach. 0 and *id; -EEXIST (*id is the port),
 * -ENODEV (no driver has this name), -ENOSPC (no row), what probe or attach said: then nothing has happened. Nobody else is
 * told: sh_ports_tell() does.
 */
int sh_port_make(const char *name, const char *args, unsigned *id);
/* Stop it, take its queues from everybody, remove. -EBUSY: a stopped process is inside a burst; the port stays, stopped. */
int sh_port_unmake(unsigned id);

/*
 * Bring this process to the table's truth: attach detaches what is gone and attaches what is new; 0, or what the first attach
 * said. events tells the program's callbacks (NEW, DESTROY, INTR_LSC, INTR_RMV) what has changed since the last look. look
 * does both. Any thread that has no lock of the room; the internal one: attach alone.
 */
int sh_ports_attach(void);
void sh_ports_events(void);
int sh_ports_look(void);
/* have every process look, and look here */
void sh_ports_tell(void);

#endif
