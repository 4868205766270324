/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kif.h - interfaces of the kernel, for drivers whose ports are such: what they are, changed, watched
 *
 * An interface is known by its index, in the network namespace of the socket that asks; its name may change. Whoever makes the
 * port opens a socket for questions, and the others use that same one (sh_port_fd()): so a process that lives in another
 * namespace, or may open nothing, asks about the right interface.
 *
 * Watched: each process listens for itself (rtnetlink, on the watcher's thread), looks at its interfaces when something has
 * changed, stores what it saw in the port, and calls its program's callbacks. Who stores a new state tells the others too, for
 * those who cannot hear: so no death of one makes the others deaf, and it does no harm if all of them do it.
 *
 * Calls return 0 or -errno. -ENODEV: the interface is not there any more.
 */
#ifndef SH_PKT_KIF_H
#define SH_PKT_KIF_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "pkt/dev.h"

struct sh_kif_state {
	uint32_t index;
	char name[IFNAMSIZ];
	unsigned flags; /* IFF_UP, IFF_RUNNING, IFF_PROMISC, IFF_ALLMULTI ... */
	uint64_t mac;	/* as in sh_port */
	uint32_t mtu;
	uint32_t speed; /* Mbit/s, RTE_ETH_SPEED_NUM_UNKNOWN */
	bool full_duplex, autoneg;
};

/* what the kernel counts, as seen from the interface: what it transmits is what came from the host's stack */
struct sh_kif_counts {
	uint64_t rx_packets, rx_bytes, rx_errors, rx_dropped;
	uint64_t tx_packets, tx_bytes, tx_errors, tx_dropped;
};

/* ---- once, by name: with a line that says what to do; who: for the line ---- */

/* a name that an interface may have, in to; of one in this process' namespace, the number. 0, or -errno and a line */
int sh_kif_name(const char *who, const char *name, char to[IFNAMSIZ]);
int sh_kif_find(const char *who, const char *name, uint32_t *index);
/* one line for what the kernel refused: "who: what: reason; remedy". Returns err, which is negative. */
int sh_kif_refused(const char *who, const char *what, int err);
/* a socket for the questions below, of this process' namespace; or -errno and a line */
int sh_kif_socket(const char *who);

/* ---- questions and settings; without a line ---- */

int sh_kif_look(int sock, uint32_t index, struct sh_kif_state *s);
int sh_kif_flag_set(int sock, uint32_t index, unsigned flag, bool on); /* IFF_UP, IFF_PROMISC, IFF_ALLMULTI */
int sh_kif_mtu_set(int sock, uint32_t index, uint16_t mtu);
int sh_kif_mac_set(int sock, uint32_t index, uint64_t mac);
/* a number of the namespace in which sock was opened, never given twice; 0: the kernel cannot tell (before Linux 5.14) */
uint64_t sh_kif_ns(int sock);
/* does this thread live in the namespace of that number? Where the kernel cannot tell: yes */
bool sh_kif_home(uint64_t ns);
/* the same before something is opened there: 0, or -ENODEV and a line */
int sh_kif_at_home(const char *who, uint64_t ns);
/* a netlink socket of the namespace in which sock was opened, or -errno */
int sh_kif_netlink_of(int sock);
/* in this process' namespace: how many open files of programs the kernel deals a tap's packets to; 0: none, it is no tap, or
 * the kernel does not tell (before Linux 4.19) */
unsigned sh_kif_tap_queues(uint32_t index);
/* as 'ip link delete', in this process' namespace */
int sh_kif_delete(uint32_t index);
/* is there nobody at its other end, or is it down? Where the kernel does not say: no */
bool sh_kif_cut_off(int sock, uint32_t index);
/* does the interface have TCP segmentation, and UDP's? */
bool sh_kif_tso(int sock, uint32_t index);
bool sh_kif_uso(int sock, uint32_t index);
/* -EPERM, too, where this process lives in another namespace than sock, and may not go there */
int sh_kif_counts(int sock, uint32_t index, struct sh_kif_counts *c);

/* ---- kif_at.c: the same interface, and wherever that of a tun device has been moved to ---- */

struct sh_kif_at {
	int sock; /* for the questions above */
	uint32_t index;
	bool away; /* in another namespace than the one it was made in */
};

/*
 * Where the interface is that had that number when sock was opened. dev: an open file of the device; -1: sock is a packet socket
 * that was bound to it. 0: to be ended by sh_kif_at_end(). -ENODEV: it is no more, or not there. -EXDEV: it is in another namespace, where this process may not ask.
 */
int sh_kif_at(int sock, uint32_t index, int dev, struct sh_kif_at *at);
void sh_kif_at_end(struct sh_kif_at *at);

/* ---- fds of a port, opened once for the group ---- */

/*
 * The fd `what` of a port: a copy of the one that the group has, or what make() opens, offered to the others. make returns an
 * fd, which becomes the caller's, or -errno after a line. Given back by sh_port_fd_drop(). Waits for other processes: not
 * on the watcher's or the internal thread.
 *
 * For how long depends on who asks. -ETIMEDOUT without a line: it is sought from then on (kif_seek.c), try again.
 */
struct sh_port_fd {
	int fd;	    /* -1: none */
	bool got;   /* the library's copy; else this process' own */
	bool named; /* this process has registered it */
};
struct sh_port_fd_make {
	int (*fn)(void *arg);
	void *arg;
};
enum sh_fd_wait {
	SH_FD_ATTACH, /* for what the group has a moment, and not even that while others do not answer */
	SH_FD_BURST,  /* nor for who is to keep what is opened here */
	SH_FD_CALL    /* 5 s: an operation, which fails without it */
};
#define SH_PORT_FD_MS 200 /* a moment */
int sh_port_fd(const struct sh_here *h, const char *what, enum sh_fd_wait wait, const struct sh_port_fd_make *make,
	       struct sh_port_fd *f);
/* over: the name is taken from everybody; else others go on */
void sh_port_fd_drop(const struct sh_here *h, const char *what, struct sh_port_fd *f, bool over);
/* nobody has use for that name any more, if there is one; who registered it is dead, or this process */
void sh_port_fd_over(const struct sh_here *h, const char *what);
/* a copy of what the group has, if it has it; without a line. 0, -ENOENT or another -errno. Waits for a moment at most. */
int sh_port_fd_keep(const struct sh_here *h, const char *what, struct sh_port_fd *f);
/* names of the port, whoever offered them, for which over says so: revoked if this process may */
void sh_port_fds_over(const struct sh_here *h, bool (*over)(const char *what, void *arg), void *arg);
/* how many fds of all ports are offered under names that begin so */
unsigned sh_port_fds(const char *what);
/* all names of ports that are no more */
void sh_port_fds_sweep(void);
bool sh_port_there(uint64_t serial);
/* the port that h is about is no more: its fds are over */
bool sh_here_over(const struct sh_here *h);

/* ---- kif_seek.c: fds that were not had in a moment ---- */

/* have that name sought. Any locks but sh_seek's own */
void sh_seek(const struct sh_here *h, const char *name);
/* is somebody silent? */
bool sh_seek_silent(void);
/*
 * Who may wait, without a lock: turns first, then a try, and when that says -ETIMEDOUT wait: true: try again. False: nothing is
 * sought, or it was for 5 s, since this caller began or before; sh_seek_said() says so in a line and returns r.
 */
uint32_t sh_seek_turns(void);
bool sh_seek_wait(uint32_t seen, uint64_t began_ns);
int sh_seek_said(struct sh_port *p, int r); /* for -ETIMEDOUT alone */

/* ---- watched ---- */

/* in attach: what changes from now on is stored in the port, and told; sock stays the caller's, open until unwatch, which is
 * called in detach. Nobody that waits for one of the two may hold up the watcher. -ENOMEM ... with a line. */
int sh_kif_watch(const struct sh_here *h, int sock, uint32_t index);
/* dev: an open file of that tun device: it may be moved to another namespace, and is gone only when dev says so */
int sh_kif_watch_dev(const struct sh_here *h, int sock, uint32_t index, int dev);
void sh_kif_unwatch(const struct sh_here *h);
/* is a tun device still somewhere? dev: an open file of it; -1: it is none, false */
bool sh_kif_lives(int dev);
/*
 * look now and store: for sh_driver.link, and start. true: it differs from what was stored. Tells nobody. dev: as above; one
 * that was moved to where this process may not look stays as it was.
 */
bool sh_kif_link(struct sh_port *p, int sock, uint32_t index, int dev);

/*
 * in configure: the MTU that the program asks for is the interface's, and the port's. One that this process may not change stays
 * as it is. dev: as above. 0, or -errno and a line
 */
int sh_kif_mtu_asked(struct sh_port *p, int sock, uint32_t index, int dev);

/* ---- kif_idle.c: of the calling thread ---- */

/* After a burst, not inside a queue: got anything? May give the core away for a moment, when bursts were in vain for long. */
void sh_kif_polled(bool got);

#endif
