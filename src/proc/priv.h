/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * priv.h - what the files of this room share among themselves; nobody else includes it
 *
 *   struct sh_proc field    written by                          under
 *   o, dir, mine, id, r     the thread in sh_proc_start/stop    before the watcher starts, after it ended
 *   peers[]                 the watcher (before it runs: start) lock, because sh_member_probe() reads from any thread
 *   watch[], seq, running   any thread                          lock
 *   conns, scanning         the watcher alone                   -
 *   fns[]                   sh_on_event() before announce       -
 *   cbs[], cb_running, cb_over   any thread                     lock
 *   dirty, quit             any thread                          atomic, followed by a kick
 */
#ifndef SH_PROC_PRIV_H
#define SH_PROC_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <shoal_member.h>

#include "base/fd.h"
#include "proc/opts.h"
#include "proc/proc.h"
#include "proc/wire.h"

/* the three fds by which others watch a member; -1 where one is missing */
struct sh_card {
	int live;  /* the liveness memfd: the proof */
	int hup;   /* read end of its pipe: hang-up says look; a byte in it says "I left"; nobody ever reads it */
	int pidfd; /* says look */
};

struct sh_peer {
	sh_id_t id; /* whose card this is; 0 none */
	struct sh_card card;
	sh_id_t told; /* JOIN was told of this member, its end not yet */
	bool served;  /* it joined through me: I clean up if it dies before it is ACTIVE */
	bool fired_pid, fired_hup, hung;
	uint64_t due;	 /* look again then; 0 never */
	uint64_t pause;	 /* between two looks, doubled each time */
	sh_id_t pull_id; /* a PULL for this member is under way or planned */
	uint64_t pull_due, pull_pause;
	unsigned pull_from;  /* whom to ask next */
	uint64_t poor_pause; /* no fd for its card: the pause between two tries */
	uint32_t poor_epoch; /* given up until the table's epoch is another */
	bool pull_open;
	bool pull_refused; /* the member's own listener is gone */
	sh_id_t dead_id;   /* seen DEAD, another's to bury; ... */
	uint64_t dead_due; /* ... should that one be stopped, I do it then */
};

/* a connection on my listener, or one that I opened to PULL a card */
enum sh_conn_state { SH_CONN_NEW, SH_CONN_SERVED, SH_CONN_PULL };
struct sh_conn {
	struct sh_conn *next;
	int fd;
	enum sh_conn_state state;
	sh_id_t id;	    /* SERVED: the joiner. PULL: whose card is asked for */
	unsigned next_slot; /* SERVED: cards up to here are sent */
	bool done;	    /* SERVED: DONE is sent */
	bool busy;	    /* its first packet is being acted upon: nobody else reads or ends it, see on_conn() */
	uint32_t round;	    /* NEW: the last round of sh_accept_all() that has read it */
	uint64_t again;	    /* try to send again then; 0 no */
	uint64_t dl;	    /* closed then */
};

struct sh_watch {
	sh_watch_fn fn;
	void *arg;
	uint32_t seq; /* 0: free */
};

/* lies in a MADV_WIPEONFORK page of its own */
struct sh_ident {
	sh_id_t id;
	uint32_t here; /* 1; a forked child reads 0 */
};

/* an fd of mine, and what it was: programs close and reuse numbers */
struct sh_own {
	int fd;
	dev_t dev;
	ino_t ino;
};
#define SH_OWN (10 + SH_GROUP_FDS)

/* SLEEPS: in epoll_wait() */
enum sh_watcher_state { SH_WATCHER_RUNS, SH_WATCHER_SLEEPS, SH_WATCHER_ENDED };

#define SH_LISTENERS 8
#define SH_CALLBACKS 16

struct sh_proc {
	struct sh_opts o;
	struct sh_ident *ident;
	char dir[128];
	bool alone; /* --no-shconf, --in-memory: no group, no sockets */
	bool primary;
	bool all_uids_mapped;
	int cfg; /* "config", kept open: closing it drops the lock */
	bool cfg_locked;
	int alive; /* "alive", while it is opened; see alive.c */
	void *alive_map;
	uint64_t closed_dl; /* a primary lives that nobody can reach: told then, unless it has ended or left */
	bool silent;	    /* "join" was reached in this round, and said nothing */

	struct sh_region *r;
	size_t map_len;
	int gfd[SH_GROUP_FDS];
	_Atomic uint64_t len[SH_GROUP_FDS]; /* each is at least so long; table.c */
	sh_id_t id;
	struct sh_card mine;
	int hup_wr;
	void *live_map;
	int lsn;
	int spare;		       /* kept for the moment when no other is left: somebody can be told then */
	uint64_t lsn_again, lsn_pause; /* the listener is not watched until then; 0: it is */
	char lsn_name[32];
	struct sh_own own[SH_OWN]; /* written before the watcher starts */
	unsigned n_own;
	uint64_t nofile_was, nofile_set; /* soft RLIMIT_NOFILE, when start raised it; 0 no */
	atomic_bool announced, leaving;

	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct sh_watch *watch;
	unsigned n_watch;
	uint32_t seq, running;
	int ep, kick, kick_wr;
	pthread_t thread;
	_Atomic pid_t watcher_tid; /* set by the watcher itself */
	bool thread_on;
	atomic_bool quit, dirty, mute;
	bool blind; /* the watcher has ended before its time, or may not wake when kicked; under lock */
	enum sh_watcher_state state; /* under lock */
	bool lost;		     /* it was left sleeping, blind: this struct is never freed */
	uint32_t acc_want, acc_done; /* sh_link_poll(): rounds of accept asked for and made; under lock */

	struct sh_peer peers[SH_MEMBERS];
	sh_id_t told_primary;
	bool scanning;	       /* the watcher compares the table and tells its listeners */
	sh_id_t born[SH_BORN]; /* of region.born: what has been told, or was there before I came */
	struct sh_conn *conns;
	unsigned n_new; /* connections that have said nothing yet */
	uint32_t acc_round;
	struct {
		sh_event_fn fn;
		void *arg;
		atomic_bool off; /* its room has stopped */
	} fns[SH_LISTENERS];
	unsigned n_fns;
	struct { /* of programs, see member_api.c */
		void (*fn)(void *arg, enum shoal_member_event ev, uint64_t id);
		void *arg;
	} cbs[SH_CALLBACKS];
	int cb_running; /* index + 1 */
	bool cb_over;	/* no one is called any more */
	struct {
		sh_link_fn fn;
		void *arg;
	} link[SH_LINK_USES];
};

#define SH_REGION_ROOM (12ull << 20) /* of address space, for the control region */
#define SH_MIN(a, b) ((a) < (b) ? (a) : (b))

/* false in a forked child: nothing shared may be touched */
static inline bool sh_here(const struct sh_proc *p)
{
	return p != NULL && p->ident != NULL && p->ident->here == 1;
}

/* serve.c: take whatever connections wait on the listener; the watcher alone */
void sh_accept_all(struct sh_proc *p);

/* rundir.c */
int sh_rundir_open(struct sh_proc *p);
int sh_rundir_owner(const struct sh_proc *p);
void sh_rundir_sweep(struct sh_proc *p);
void sh_join_name_set(struct sh_proc *p);
void sh_join_name_drop(struct sh_proc *p);
void sh_rundir_forget(struct sh_proc *p, sh_id_t id, const char *sock);

/* config.c */
enum sh_cfg { SH_CFG_EMPTY, SH_CFG_OURS, SH_CFG_FOREIGN };
int sh_cfg_open(struct sh_proc *p, bool create);
int sh_cfg_lock(struct sh_proc *p);
void sh_cfg_unlock(struct sh_proc *p);
bool sh_cfg_locked_by_other(struct sh_proc *p);
enum sh_cfg sh_cfg_kind(struct sh_proc *p);
int sh_cfg_write(struct sh_proc *p);

/* alive.c: 0, -EBUSY (another primary's address space lasts), or an error that was logged */
int sh_alive_take(struct sh_proc *p);
bool sh_alive_elsewhere(struct sh_proc *p);
void sh_alive_drop(struct sh_proc *p);

/* role.c */
int sh_role_settle(struct sh_proc *p);
int sh_no_primary(const struct sh_proc *p); /* -ENOENT, and a line */

/* region.c */
int sh_memfd(const char *name);
int sh_region_make(struct sh_proc *p);
int sh_region_map(struct sh_proc *p, uint64_t base, uint64_t size);
void sh_region_drop(struct sh_proc *p);
/* there are bytes for my slot: 0, or -errno and a line */
int sh_slot_need(const struct sh_proc *p);

/* member.c */
struct sh_member *sh_member_of(struct sh_proc *p, sh_id_t id);
/* FREE -> JOINING with a new generation; the fields are filled. 0 or -ENOSPC, -EAGAIN (a slot is about to be free) */
int sh_slot_take(struct sh_proc *p, const struct sh_hello *h, uint32_t uid, sh_id_t *id);
bool sh_word_move(struct sh_proc *p, sh_id_t id, enum sh_state from, enum sh_state to);
void sh_slot_reclaim(struct sh_proc *p, unsigned slot);
sh_id_t sh_caretaker(struct sh_proc *p);
bool sh_somebody_active(struct sh_proc *p);
void sh_mark_dead(struct sh_proc *p, sh_id_t id);
int sh_take_primary(struct sh_proc *p);
void sh_hello_join(struct sh_proc *p, struct sh_hello *h, bool as_primary);

/* live.c */
int sh_card_make(struct sh_proc *p);
void sh_card_unmake(struct sh_proc *p);
int sh_card_fds(const struct sh_card *c, int fds[3]);
/* takes the fds out of f when they are a card */
int sh_card_take(struct sh_fds *f, struct sh_card *c);
void sh_card_close(struct sh_card *c);
bool sh_live_gone(int live);
bool sh_hup_left(int hup);
uint32_t sh_pid_ns(void);
bool sh_speaks_for(struct sh_proc *p, int fd,
		   sh_id_t id); /* is the other end of that connection this member's process? */
bool sh_pid_gone(const struct sh_member *m);

/* join.c: the joiner's side */
int sh_join(struct sh_proc *p, bool as_primary, uint64_t dl);
int sh_dial(struct sh_proc *p, const char *name);
int sh_dial_member(struct sh_proc *p, sh_id_t id);

/* serve.c: the listener's side */
int sh_listen(struct sh_proc *p);
void sh_listen_end(struct sh_proc *p); /* nobody new; the watcher may still run */
void sh_listen_stop(struct sh_proc *p);
int sh_listen_start(struct sh_proc *p);
void sh_conns_due(struct sh_proc *p, uint64_t now, uint64_t *next);
void sh_conns_close(struct sh_proc *p);
int sh_conn_pull(struct sh_proc *p, int fd, sh_id_t id);

/* call.c: what I want from others' listeners */
int sh_hello_send(int s, const struct sh_hello *h, const int *fds, unsigned nfds);
int sh_card_send(int fd, sh_id_t id, const struct sh_card *card);
void sh_pull(struct sh_proc *p, unsigned slot, sh_id_t id, uint64_t now);
/* the card came, and there was no fd left to take it */
void sh_pull_poor(struct sh_proc *p, sh_id_t id);
void sh_pull_next(struct sh_proc *p, sh_id_t id);
void sh_send_cards(struct sh_proc *p);
void sh_send_look(struct sh_proc *p, sh_id_t to, sh_id_t about);

/* event.c */
void sh_peer_set(struct sh_proc *p, sh_id_t id, struct sh_card *c);
void sh_peer_drop(struct sh_proc *p, unsigned slot);
void sh_scan(struct sh_proc *p);
/* what region.born says before I am announced is not to be told */
void sh_born_skip(struct sh_proc *p);
/* I am about to be ACTIVE, or to leave */
void sh_born_set(struct sh_proc *p, bool left);
void sh_peers_due(struct sh_proc *p, uint64_t now, uint64_t *next);

/* watch.c */
int sh_watcher_open(struct sh_proc *p);
bool sh_in_watcher(const struct sh_proc *p);
int sh_watcher_start(struct sh_proc *p);
void sh_watcher_stop(struct sh_proc *p);
void sh_kick(struct sh_proc *p);
int sh_watch_in(struct sh_proc *p, int fd, uint32_t events, sh_watch_fn fn, void *arg);
int sh_watch_mod(struct sh_proc *p, int fd, uint32_t events);
void sh_watch_out(struct sh_proc *p, int fd);

/* member_api.c */
void sh_member_tell(struct sh_proc *p, enum sh_event ev, sh_id_t id);

/* proc.c */
extern struct sh_proc *sh_proc_of(void);
/* is this number still the fd that I opened? true for one that is not remembered */
bool sh_own_is(const struct sh_proc *p, int fd);
/* close, unless the number is the program's by now */
void sh_own_close(struct sh_proc *p, int *fd);
/* the program has closed what wakes the watcher: then it has closed all, and no number is to be touched */
bool sh_fds_lost(const struct sh_proc *p);

#endif
