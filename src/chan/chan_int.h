/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chan_int.h - the channel's private state in this process, and how its files call each other
 *
 * Locks, all private to the process, in the order in which they may be taken:
 *   pop     the consumer role: who holds it reads lanes. Never held while an action runs or anybody sleeps.
 *   lk      queue, pending requests, open requests, actions, baton, who sleeps where. Held for a few lines.
 *   out[].lock   one outgoing lane and its link. Never held while waiting for room.
 * No callback runs with a lock held.
 */
#ifndef SH_CHAN_INT_H
#define SH_CHAN_INT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mtx.h"
#include "chan/chan.h"
#include "chan/dgram.h"
#include "chan/inbox.h"
#include "chan/lane.h"
#include "chan/piece.h"
#include "chan/rec.h"
#include "ctx.h"
#include "proc/region.h"
#include "rte_eal_mp.h"
#include "shoal.h"

#define SH_PEER_MAX 192 /* a peer string with its NUL */
#define SH_DISPATCHERS 64
#define SH_FOREIGN 64		/* foreign peers remembered */
#define SH_EARLY_NS SH_NS_PER_S /* so long after init a request to an unknown name waits */
#define SH_SEND_NS (5 * SH_NS_PER_S)

enum sh_count {
	SH_C_SENT,
	SH_C_RECEIVED,
	SH_C_FOREIGN,
	SH_C_MALFORMED,
	SH_C_UNKNOWN,
	SH_C_LATE,
	SH_C_DENIED,
	SH_C_STALE,
	SH_C_REFUSED,
	SH_C_FULL,
	SH_C_COUNTS
};
_Static_assert(SH_C_MALFORMED == SH_COUNT_MALFORMED && SH_C_DENIED == SH_COUNT_DENIED, "proc counts them, too");

/* A message in private memory; one malloc block (and a mapping for a large payload, and fds). */
struct sh_msg {
	struct sh_msg *next;
	/* ASYNC: a finished pending whose callback is due; BACK: a piece came back */
	enum { SH_M_RECORD, SH_M_ASYNC, SH_M_BACK } kind;
	uint8_t type; /* enum sh_rtype */
	uint8_t flags;
	uint8_t held;	    /* waits for its name to be registered */
	uint32_t code;	    /* of a REFUSE */
	sh_id_t from;	    /* 0: foreign */
	uint64_t req;	    /* request id at the requester */
	uint64_t expire_dl; /* REQ: the requester has given up by then */
	size_t len;
	unsigned char *data;		 /* into this block, or map */
	size_t map_len;			 /* >0: data is a mapping */
	struct sh_pend *pend;		 /* SH_M_ASYNC */
	uint64_t piece;			 /* number of what came along: returned with the message unless taken; 0 none */
	struct shoal_piece back;	 /* SH_M_BACK */
	struct sh_foreign_addr *foreign; /* malloc'ed, from == 0 */
	unsigned nfds;
	int *fds; /* into this block */
	char name[SH_NAME_MAX + 1];
};

/* an entry of a pending request: one peer */
struct sh_ask {
	sh_id_t to; /* 0: foreign */
	struct sh_foreign_addr *foreign;
	enum shoal_outcome outcome;
	uint32_t code;
	bool ignored;	/* IGN: not counted */
	bool skip;	/* closed before anybody was asked: takes 256 bytes only */
	int err;	/* SHOAL_FULL for another reason than room: an errno */
	bool unsent;	/* found no room yet; written by its asker under lk */
	bool lends;	/* a piece was to go along */
	uint64_t piece; /* its number; 0: it never left, or is settled */
	struct sh_msg *reply;
};

/*
 * A request under way. Its entries are changed under lk only. It is over when n_open is 0; then `over` is set with release
 * (R:PEND_OVER) and its waiter, if one sleeps, is woken. Over exactly once; after that nobody but its owner touches it.
 */
struct sh_pend {
	struct sh_pend *next; /* hash chain */
	uint64_t id;
	uint64_t dl;
	unsigned n, n_open, n_answered;
	_Atomic uint32_t over; /* 0 open, 1 open and its waiter sleeps on it, 2 over */
	bool async;
	bool woke_peer; /* a peer was asleep when it was asked: its answer takes longer */
	/* async only */
	rte_mp_async_reply_t clb;
	shoal_answers_fn sclb;
	void *sarg;
	struct rte_mp_msg *req_copy;
	uint64_t *handle;    /* where the caller wants its number */
	struct sh_msg *note; /* what queues the callback: made beforehand, so that it always comes */
	char name[SH_NAME_MAX + 1];
	struct sh_ask ask[];
};

/* a request that reached us and waits for our reply */
struct sh_open {
	struct sh_open *next;
	sh_id_t from;
	uint64_t req;
	uint64_t expire_dl;
	bool any_len;	/* asked by a shoal_ call: takes replies of any length */
	uint64_t piece; /* that came with it; returned before the answer unless taken */
	struct sh_foreign_addr *foreign;
	char name[SH_NAME_MAX + 1];
};

struct sh_action {
	struct sh_action *next;
	rte_mp_t rte;
	shoal_action_t shoal;
	void *arg;
	unsigned running;
	bool gone; /* unregistered; freed when running is 0 */
	char name[SH_NAME_MAX + 1];
};

/* my lane to one member */
struct sh_out {
	struct sh_mtx lock;
	sh_id_t to; /* 0: none yet */
	unsigned k;
	struct sh_lane *lane;
	unsigned char *data;
	uint64_t tail, head, backed; /* head: as last seen. backed: and mapped */
	int link;
	uint64_t fd_seq;
	unsigned late_k; /* a lane whose receiver was still leaving: to be freed when it is gone */
	sh_id_t late_to;
};

/* a member's lane to me. Under pop. */
struct sh_in {
	sh_id_t from; /* 0: none mapped */
	unsigned k;
	struct sh_lane *lane;
	unsigned char *data;
	uint64_t head, shown; /* shown: bytes of the lane that are mapped */
	int link;	      /* its connection for fds; set by the watcher under link_lock */
	sh_id_t link_from;
	uint64_t stash_seq;   /* a link message that came for a later record */
	struct sh_fds *stash; /* malloced when needed */
};

#define SH_HASH 64

struct sh_chan {
	sh_id_t self;
	struct sh_inbox *inbox;
	_Atomic uint64_t *count;
	_Atomic bool stopping; /* written under lk */
	bool closing;	       /* no new requests; under lk */
	unsigned ncpu;

	struct sh_mtx pop;
	bool answers_only;			/* the queue is long: messages stay in their lanes; under pop */
	uint64_t active[SH_MEMBERS / 64];	/* lanes that may hold records; under pop */
	_Atomic uint64_t look[SH_MEMBERS / 64]; /* lanes to look at though no dirty bit says so: their sender died */
	struct sh_in in[SH_MEMBERS];
	struct sh_mtx link_lock;

	struct sh_mtx lk;
	struct sh_msg *q_head, **q_tail; /* for the dispatcher */
	_Atomic uint32_t q_len;
	_Atomic uint32_t q_fds;	      /* fds of what is queued; written under lk */
	unsigned held_queued;	      /* messages in the queue that had waited for their name; under lk */
	struct sh_msg *_Atomic early; /* written under lk: requests to names not registered yet */
	struct sh_pend *pend[SH_HASH];
	uint64_t next_req;
	_Atomic uint64_t async_dl; /* earliest deadline of an async request, a lower bound; written under lk */
	struct sh_open *open[SH_HASH];
	struct sh_action *actions;

	/* dispatch */
	unsigned n_threads;
	pthread_t threads[SH_DISPATCHERS];
	bool baton_held;
	_Atomic unsigned baton_want; /* actions that came back from a request and want to go on; written under lk */
	unsigned waiting;	     /* pool threads asleep in the pool */
	_Atomic uint32_t ended;	     /* futex: pool threads that have ended in the stop */
	unsigned coming;	     /* pool threads started that have not arrived yet */
	_Atomic uint32_t pool_seq;   /* futex of the pool, of those that want the baton, and of the idle dispatcher */
	bool disp_asleep;	     /* the idle holder sleeps on the inbox word (or is about to) */
	bool role_taken;	     /* a requester consumes the inbox: nobody wakes the dispatcher for what arrives */
	bool role_asleep;	     /* it sleeps on the inbox word (or is about to) */
	struct sh_pend *role_pend;   /* what it waits for */
	unsigned private_sleepers;   /* requesters without the role, asleep on their own word */
	_Atomic uint32_t done_seq;   /* raised when an action call has ended: unregister and drain wait on it */
	unsigned drainers;	     /* how many do */
	uint32_t spin_fails;	     /* of the dispatcher, under the baton */
	sh_id_t peer_of;	     /* whose peer string, without the request, is kept here; under the baton */
	size_t peer_len;
	char peer[SH_PEER_MAX];
	unsigned naps_vain; /* its looks at a silent inbox, one after the other; under lk */
	_Atomic uint32_t req_spin_fails;
	const struct sh_piece_ops *_Atomic piece_ops; /* the heap's; written at its start and stop */
	shoal_piece_fn back_fn;			      /* what to call for pieces that come back; under lk */
	void *back_arg;
	/* poll mode */
	int poll_fd;
	_Atomic bool poll_mode; /* written under lk */
	bool mover;		/* a pool thread moves records to the queue for it */

	struct sh_out out[SH_MEMBERS];

	struct sh_internal *internal; /* what the internal thread keeps; internal.c */
	struct sh_fdreg *fdreg;	      /* copies of shared fds; fdreg.h */

	/* foreign peers */
	int dgram;
	char sock_name[64];
	char dir[108]; /* the runtime directory */
	struct sh_mtx f_lock;
	struct sh_foreign_addr *foreign[SH_FOREIGN];
	uint64_t foreign_req; /* numbers for foreign requests; the watcher alone */
	_Atomic bool
		f_paused; /* the queue is long: datagrams stay in the socket, with their senders; written under lk */
};

static inline struct sh_chan *sh_chan(void)
{
	return sh_ctx.chan;
}
static inline void sh_count(enum sh_count c)
{
	sh_add_rlx(&sh_chan()->count[c], 1); /* relaxed: a counter */
}

/* ---- gate.c: the program's calls ---- */
struct sh_rate;
int sh_call_enter(const char *call, struct sh_rate *rate, int *cancel);
void sh_call_leave(void);
/*
 * How each call of the program begins. 0: until sh_call_end() the channel is there, and this thread cannot be cancelled. Else
 * -EPERM (no member; one line says so), -ENOTSUP (no channel), -ECANCELED (cleanup is under way), and nothing to end.
 */
#define sh_call_begin(call, cancel)                                                                                    \
	__extension__({                                                                                                \
		static struct sh_rate begin_rate_;                                                                     \
		sh_call_enter((call), &begin_rate_, (cancel));                                                         \
	})
int sh_call_quiet(int *cancel); /* the same, and no line */
void sh_call_end(int cancel);
bool sh_gate_closing(void);	 /* cleanup waits: a call that sleeps ends with -ECANCELED. Actions are let finish. */
bool sh_gate_out_of_group(void); /* before init, after cleanup */
bool sh_gate_forked(void);	 /* this is a child of the member that opened it */
void sh_gate_open(bool channel);
void sh_gate_close(void);
void sh_gate_wait(void); /* until no call is under way */
void sh_gate_out(void);
void sh_gate_in_child(void);

/* ---- msg.c: private messages ---- */
struct sh_msg *sh_msg_new(const char *name, size_t name_len, size_t len, unsigned nfds);
void sh_msg_free(struct sh_msg *m); /* closes its fds, unmaps */

/* ---- inbox.c ---- */
/* the next record in ticket order, or NULL; under pop */
struct sh_msg *sh_inbox_next(struct sh_chan *c);
bool sh_inbox_empty(struct sh_chan *c);
/* before pop is released: what was seen and not taken is for everybody to see */
void sh_inbox_leave(struct sh_chan *c);
/* after dirty was set: wake whoever sleeps there. true: somebody slept */
bool sh_inbox_wake(struct sh_inbox *b);
void sh_inbox_forget(struct sh_chan *c, sh_id_t gone); /* its records were taken: unmap and free its lane; under pop */
void sh_inbox_on_link(void *arg, sh_id_t from, int fd);

/* ---- role.c, disp.c: who consumes, who sleeps, who runs actions ---- */
void sh_route(struct sh_chan *c, struct sh_msg *m);	   /* a record to where it belongs: pending request or queue */
void sh_queue_locked(struct sh_chan *c, struct sh_msg *m); /* under lk; wakes nobody */
void sh_queue(struct sh_chan *c, struct sh_msg *m);	   /* to the dispatcher, which is woken. Takes lk. */
bool sh_queue_long(struct sh_chan *c); /* so much is queued and not run that messages are to stay with their senders */
void sh_disp_kick(struct sh_chan *c);  /* let a dispatcher look again. Takes lk. */
void sh_disp_kick_locked(struct sh_chan *c);
void sh_consume(struct sh_chan *c); /* take what is in the inbox unless another thread is at it; complete and queue */
bool sh_role_enter(struct sh_chan *c, struct sh_pend *p); /* true: this thread consumes the inbox from now on */
bool sh_role_enter_locked(struct sh_chan *c, struct sh_pend *p);
void sh_role_leave(struct sh_chan *c);
/* until it is over or late; then it is closed, taken out of the table, and the role left */
void sh_wait_pend(struct sh_chan *c, struct sh_pend *p, bool role);
void sh_pend_wake(struct sh_chan *c, struct sh_pend *p); /* it is over: wake its waiter. Under lk */
int sh_disp_start(struct sh_chan *c);
void sh_disp_stop(struct sh_chan *c);
int sh_disp_poll(struct sh_chan *c, unsigned max);

/* ---- run.c: run one message ---- */
/* what this thread is at while the program's function runs, for the case that it does not return */
struct sh_running {
	struct sh_chan *c;
	struct sh_msg *m;
	struct sh_action *a; /* held */
	void *block;	     /* what a callback gets: to be freed */
	enum { SH_BY_POOL, SH_BY_POLL, SH_BY_STOP } by;
};
/* by now this process is another: a child that was forked inside the function and returned from it. Nothing may be touched. */
static inline bool sh_strayed(const struct sh_chan *c)
{
	return sh_self() == 0 || sh_ctx.chan != c;
}
void sh_run(struct sh_running *r);
void sh_run_torn(struct sh_running *r); /* the function ended its thread: what sh_run() would have done after it */
void sh_refuse(struct sh_chan *c, const struct sh_msg *m, uint32_t code);
uint64_t sh_early_dl(struct sh_chan *c); /* when held requests must be refused; SH_FOREVER: none. Under lk */
void sh_early_expire(struct sh_chan *c);
void sh_early_release(struct sh_chan *c, const char *name); /* it is registered now; under lk */

void sh_reply_fill(struct sh_pend *p, struct rte_mp_reply *r);
void sh_answers_fill(struct sh_chan *c, struct sh_pend *p, struct shoal_answers *out, struct shoal_answer *a);

/* ---- act.c ---- */
int sh_act_add(struct sh_chan *c, const char *name, rte_mp_t rte, shoal_action_t shoal, void *arg);
void sh_act_del(struct sh_chan *c, const char *name);
int sh_act_drain(struct sh_chan *c, const char *name, uint64_t dl);
struct sh_action *sh_act_hold(struct sh_chan *c, const char *name); /* running++; under lk */
void sh_act_drop(struct sh_chan *c, struct sh_action *a);
bool sh_act_small(sh_id_t who, const char *name); /* does that member take only 256 bytes under this name? */

/* ---- pend.c ---- */
struct sh_pend *sh_pend_new(unsigned n, const char *name, uint64_t dl);
/* gives it an id and puts it in the table; *role: a sync request, and this thread has the role. 0, or -ECANCELED: too late */
int sh_pend_add(struct sh_chan *c, struct sh_pend *p, bool *role);
void sh_pend_remove(struct sh_chan *c, struct sh_pend *p); /* under lk */
void sh_pend_free(struct sh_pend *p);
void sh_pend_forget_pieces(struct sh_pend *p);		 /* the channel is gone: those of its answers cannot go back */
void sh_pend_reply(struct sh_chan *c, struct sh_msg *m); /* owns m */
void sh_pend_set(struct sh_chan *c, struct sh_pend *p, unsigned i,
		 enum shoal_outcome o);		  /* entry i ends without reply */
void sh_pend_gone(struct sh_chan *c, sh_id_t id); /* that member died or left */
sh_id_t sh_pend_orphan(struct sh_chan *c);	  /* a member that is asked and not ACTIVE any more; 0: none */
void sh_pend_expire(struct sh_chan *c);		  /* async requests whose time is up */
void sh_pend_end_all(struct sh_chan *c, enum shoal_outcome o); /* and no more are taken from then on */
void sh_pend_asked(struct sh_chan *c, struct sh_pend *p);      /* everybody was asked: it may be over now */
int sh_pend_cancel(struct sh_chan *c, uint64_t id);
bool sh_pend_foreign(struct sh_chan *c);					 /* is a foreign peer asked? Under lk */
void sh_pend_finish(struct sh_chan *c, struct sh_pend *p, enum shoal_outcome o); /* close all open entries; under lk */

/* ---- open.c ---- */
/* under lk */
int sh_open_add(struct sh_chan *c, const struct sh_msg *m);
/*
 * Take it out if it is there, name (if not NULL) is its name, and the requester takes len bytes: 0, -ESTALE, -EINVAL (name
 * differs), -EMSGSIZE. real (may be NULL) gets the name of the request that is there. taken: NULL, or what the caller then owns.
 */
int sh_open_take(struct sh_chan *c, sh_id_t from, const char *path, uint64_t req, const char *name, size_t len,
		 char *real, struct sh_open **taken);
void sh_open_put(struct sh_chan *c, struct sh_open *o); /* back in: the answer found no room */
void sh_open_free(struct sh_open *o);
void sh_open_gone(struct sh_chan *c, sh_id_t id);
void sh_open_clear(struct sh_chan *c);

/* ---- send.c ---- */
struct sh_send {
	uint8_t type, flags;
	const char *name;
	const void *data;
	size_t len;
	const int *fds;
	unsigned nfds;
	uint64_t req;
	uint32_t left_ms;
	uint32_t code;
	void *piece_addr; /* to be offered to the one receiver */
	size_t piece_len;
	uint64_t piece; /* its number, with SH_RF_PIECE */
};
/* put one record into to's inbox, waiting for room until dl (0: not at all): 0, -EAGAIN, -ECONNREFUSED, -errno.
 * *slept (may be NULL) is set when the receiver was asleep. */
int sh_send_to(struct sh_chan *c, sh_id_t to, const struct sh_send *s, uint64_t dl, bool *slept);
void sh_say_full(sh_id_t to); /* counted, and said once a second */
void sh_out_close(struct sh_chan *c, sh_id_t gone);
sh_id_t sh_out_gone(struct sh_chan *c); /* a member I have a lane to and that is not ACTIVE any more; 0: none */
void sh_out_late(struct sh_chan *c);	/* free lanes to members that have left by now */
int sh_check_fds(const int *fds, unsigned n);

/* ---- link.c ---- */
int sh_link_send(struct sh_out *o, const int *fds, unsigned n, uint64_t seq); /* under o->lock: 0, -EAGAIN, -errno */
int sh_link_take(struct sh_in *in, sh_id_t from, uint64_t seq, unsigned n, struct sh_fds *out);
void sh_link_drop(struct sh_in *in);
int sh_big_make(const void *data, size_t len); /* a sealed memfd or -errno */
unsigned char *sh_big_map(int fd, size_t len); /* mapping or NULL */

/* ---- foreign.c ---- */
struct sh_opts;
int sh_foreign_start(struct sh_chan *c, const struct sh_opts *o);
void sh_foreign_stop(struct sh_chan *c);
void sh_foreign_resume(struct sh_chan *c); /* read datagrams again if that rests; under lk */
int sh_foreign_send(struct sh_chan *c, const struct sh_foreign_addr *a, const struct sh_send *s);
/* the same, but waits for room until the deadline; inside an action half a second, and once only for a peer that does not read */
int sh_foreign_send_wait(struct sh_chan *c, const struct sh_foreign_addr *a, const struct sh_send *s, uint64_t dl);
unsigned sh_foreign_list(struct sh_chan *c, struct sh_foreign_addr **out, unsigned cap); /* copies, to be freed */

/* ---- peer.c: the peer string ---- */
void sh_peer_make(struct sh_chan *c, const struct sh_msg *m, char out[SH_PEER_MAX]);
struct sh_peer {
	sh_id_t from; /* 0: foreign */
	uint64_t req;
	enum sh_layout layout;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};
int sh_peer_parse(const char *s, struct sh_peer *p); /* 0 or -EINVAL; pure, fuzzed */

/* ---- ask.c: requests in all forms ---- */
int sh_targets(struct sh_chan *c, const uint64_t *to, unsigned n_to, sh_id_t ids[SH_MEMBERS], unsigned *n);
/* fill in payload fd, send to all and, for a sync request, wait. p comes from sh_pend_new with ask[] filled. 0 or -errno */
int sh_ask(struct sh_chan *c, struct sh_pend *p, const struct sh_send *s);
/* one-way: res[i] = 0 or -errno for each. Returns 0, or the worst */
int sh_cast(struct sh_chan *c, const sh_id_t *ids, unsigned n, const struct sh_send *s, uint64_t dl, int *res);

/* ---- internal.c ---- */
int sh_internal_start(struct sh_chan *c);
void sh_internal_stop(struct sh_chan *c);   /* the call that runs ends first; who asked is answered or sees us leave */
void sh_internal_look(struct sh_chan *c);   /* somebody is gone: those who wait for answers look again */
void sh_internal_forget(struct sh_chan *c); /* last: frees what it kept */

/* ---- mp_api.c, chan.c ---- */
int sh_limit(const struct timespec *ts, uint64_t *dl); /* relative, NULL 5 s, to deadline: 0 or -EINVAL */
/*
 * How a call that may wait begins; e: what its arguments were found to be. 0: the deadline is set, and cancellation is off until
 * sh_call_end(*cancel); else -errno, and nothing has changed.
 */
#define sh_wait_begin(call, e, ts, dl, cancel)                                                                         \
	__extension__({                                                                                                \
		int e_ = (e);                                                                                          \
		if (e_ == 0)                                                                                           \
			e_ = sh_limit((ts), (dl));                                                                     \
		if (e_ == 0)                                                                                           \
			e_ = sh_call_begin((call), (cancel));                                                          \
		e_;                                                                                                    \
	})
void sh_say_null(const char *what);
#define sh_is_null(what) (sh_say_null(what), -EINVAL)
int sh_check_action_name(const char *name);  /* 0, or -errno and says so */
int sh_pend_result(const struct sh_pend *p); /* the table in rte_eal_mp.h */
int sh_answer(struct sh_chan *c, const char *peer, struct sh_send *s);
void sh_chan_forget(struct sh_chan *c);

#endif
