/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fdreg.h - this process' copies of shared fds: got, kept, sent on, let go (shoal_fd.h; README.md has the play)
 *
 *   fdwire.c  bytes: believed or not        fdtab.c   the table that all share
 *   fdlink.c  one fd from one to another    fdreg.c   copies of this process, what others ask of it, what was revoked
 *   fdask.c   what it asks of others        fd_api.c  the program's calls
 *
 * Locks, private: conn_lk, then lk. Neither is held over a callback, a question to others, or a wait.
 */
#ifndef SH_CHAN_FDREG_H
#define SH_CHAN_FDREG_H

#include <pthread.h>

#include "base/mtx.h"
#include "chan/fdtab.h"
#include "chan/fdwire.h"
#include "shoal_fd.h"

#define SH_FD_CALLBACKS 16
#define SH_FD_CONNS 64

/*
 * The copy for entry i. All under lk.
 *
 *   fd       -1: none. It is of the entry with that serial
 *   gets     shoal_fd_get() less shoal_fd_put()
 *   owned    registered here; kept: for a secondary that registered it
 *   sending  the internal thread is sending it: it is not closed
 *   told     the callbacks have been told that it was revoked, or will be
 *   last     this process revokes it: it is closed when the others have let go
 */
struct sh_fdcopy {
	uint32_t serial;
	int fd;
	uint32_t gets;
	bool owned, kept, sending, told, last;
};

/* a thread that gets a copy; lies on its stack. in: what has come, an fd, -1 nothing, or -EMFILE. Under lk */
struct sh_fdwait {
	struct sh_fdwait *next;
	unsigned index;
	uint32_t serial;
	int in;
};

/* an fd that came for a name that is being registered; taken by SH_FD_KEEP. Under lk */
struct sh_fdoffer {
	struct sh_fdoffer *next;
	struct sh_fd_pkt p;
	sh_id_t from;
	int fd; /* -1: there was no number left for it */
};

/* a connection over which fds come: made and closed on the watcher. The list is under conn_lk */
struct sh_fdconn {
	struct sh_fdconn *next;
	struct sh_fdreg *r;
	sh_id_t from;
	int fd;
};

struct sh_fdreg {
	struct sh_mtx lk, conn_lk;
	_Atomic uint32_t change; /* futex: raised under lk when something changed that a thread here may wait for */
	struct sh_fdcopy mine[SHOAL_FD_NAMES];
	struct sh_fdoffer *offers;
	struct sh_fdwait *waits;
	struct sh_fdconn *conns;
	unsigned n_conns;
	bool stopping;			   /* under lk */
	_Atomic uint64_t late[SH_MEMBERS]; /* by slot: a member that was asked for an fd and did not answer in time */
	struct {
		shoal_fd_cb fn;
		void *arg;
	} cbs[SH_FD_CALLBACKS]; /* under lk */
	int cb_running;		/* index + 1; under lk, as is cb_thread */
	pthread_t cb_thread;	/* valid while cb_running != 0 */
};

struct sh_chan;
int sh_fdreg_start(struct sh_chan *c);
/* the internal thread has ended: everything of mine is let go. Callbacks that run are waited for. */
void sh_fdreg_stop(struct sh_chan *c);
void sh_fdreg_forget(struct sh_chan *c); /* last, when nobody calls us any more */
void sh_fdreg_in_child(struct sh_chan *c);
/* somebody is gone, or the table was looked at: see to what was revoked and to what the dead left */
void sh_fdreg_look(struct sh_fdreg *r);

/* as the calls of shoal_fd.h, arguments checked: 0 or the fd, or -errno */
int sh_fdreg_register(struct sh_fdreg *r, const struct sh_fd_what *what, int fd, uint64_t dl);
int sh_fdreg_get(struct sh_fdreg *r, const char *name, struct shoal_fd_blob *blob, uint64_t dl);
int sh_fdreg_put(struct sh_fdreg *r, int fd);
/* under lk: this fd is my copy from now on; false: I have one, or its name is gone by now, and fd stays the caller's */
bool sh_fdcopy_set(struct sh_fdreg *r, unsigned i, uint32_t serial, int fd);
/* under lk, which it may leave for a moment: closed, unless something here needs it */
void sh_fdcopy_drop(struct sh_fdreg *r, unsigned i, uint32_t serial);
/* under lk: raise change; wait until it is raised or a deadline, lk is left meanwhile */
void sh_fdreg_changed(struct sh_fdreg *r);
void sh_fdreg_wait(struct sh_fdreg *r, uint64_t dl);
int sh_fdreg_revoke(struct sh_fdreg *r, const char *name, uint64_t dl);

/* ---- fdlink.c ---- */

/* send this fd to a member: 0, -EAGAIN, -errno */
int sh_fdlink_send(sh_id_t to, const struct sh_fd_pkt *p, int fd);
/* a connection and an fd that comes over it need two numbers: are there any here? */
bool sh_fdlink_room(void);
/* the listener handed a connection over; on the watcher */
void sh_fdlink_on(void *arg, sh_id_t from, int fd);
/* take in what has been sent to me by now, from any thread */
void sh_fdlink_pull(struct sh_fdreg *r);
void sh_fdlink_close_all(struct sh_fdreg *r);

/* fdreg.c: something came over a link; owns fd, which is -1 when there was no number left for it */
void sh_fdreg_came(struct sh_fdreg *r, sh_id_t from, const struct sh_fd_pkt *p, int fd);

#endif
