/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proc.h - what the rooms to the right may ask of proc: who am I, who lives, tell me when that changes
 *
 * Errors are -errno. Callbacks run on the watcher thread with no lock held.
 */
#ifndef SH_PROC_PROC_H
#define SH_PROC_PROC_H

#include <stdbool.h>
#include <stdint.h>

#include "ctx.h"
#include "proc/region.h"

struct sh_opts;

/* ---- life of the room, called by init.c ---- */

/*
 * Runtime directory, role, region (made, joined or adopted), identity page, watcher thread. Afterwards the member is INIT:
 * mapped, known to whoever served the join, not yet addressed by anybody. One log line on each error, which names the
 * remedy. With --no-shconf/--in-memory: a private region, no sockets, role primary.
 */
int sh_proc_start(const struct sh_opts *o);
/* INIT -> ACTIVE: hand my card (pidfd, liveness fd, hang-up fd) to all, a primary binds "join"; all get SH_EV_JOIN */
int sh_proc_announce(void);
/* ACTIVE -> LEAVING: from now on nobody sends to me; sockets are unlinked. The watcher still runs. */
void sh_proc_retire(void);
/* -> FREE, watcher stopped, everything unmapped and closed. */
void sh_proc_stop(void);

/*
 * For the line of a start that has no address space left: what ulimit -v is to be in KiB, so that what is mapped now, size
 * bytes more and all that a start maps later fit. Rather too much than too little.
 */
uint64_t sh_as_need_kib(uint64_t size);
/* the same by who knows how large the group's memory is: size is all of it that is not mapped yet */
uint64_t sh_as_need_all_kib(uint64_t size);

/* ---- facts ---- */

/* the program has closed the library's fds: no number that is remembered is to be closed or written to */
bool sh_fds_gone(void);
/* what this process is, or in a forked child what its parent was; false before start */
bool sh_was_primary(void);

struct sh_region *sh_region(void);	 /* NULL before start */
int sh_group_fd(enum sh_group_fd which); /* the group's memfd, owned by proc */
/* is that file at least so long? No system call once it was seen to be; nothing that another process says is believed */
bool sh_group_has(enum sh_group_fd which, uint64_t len);
/* make it so long: 0, -EFBIG (RLIMIT_FSIZE of this process), -ENOMEM. Any thread, at any time; writes no line */
int sh_group_grow(enum sh_group_fd which, uint64_t len);
/* was this slot ever given to anybody? Before that there are no bytes in struct sh_slot */
static inline bool sh_slot_there(unsigned slot)
{
	return slot < SH_MEMBERS && sh_group_has(SH_FD_SLOTS, (slot + 1ull) * sizeof(struct sh_slot));
}
const char *sh_rundir(void); /* "/.../dpdk/<prefix>" */
bool sh_is_primary(void);    /* by the role word */
sh_id_t sh_primary_id(void); /* the living, ACTIVE primary; 0 when there is none */
/* the member in a slot whose state is at least SH_INIT and at most SH_LEAVING, else 0; *st may be NULL */
sh_id_t sh_member_at(unsigned slot, enum sh_state *st);
/* is this very member (slot and generation) in the table and not DEAD/FREE? No system call. */
bool sh_member_alive(sh_id_t id);
bool sh_member_active(sh_id_t id);
/* ask the kernel now: 1 gone (the table says DEAD from then on and events follow), 0 it lives, -ENODATA no card of it */
int sh_member_probe(sh_id_t id);
/* does the kernel say that it is stopped (a signal, a debugger)? false also where it cannot be asked */
bool sh_member_stopped(sh_id_t id);
/* this process' uid and those of --allow-uid */
bool sh_uid_allowed(uint32_t uid);

/* ---- events ---- */

enum sh_event { SH_EV_JOIN, SH_EV_LEAVE, SH_EV_DEATH, SH_EV_DISCONNECT, SH_EV_PRIMARY, SH_EV_LOOK };
typedef void (*sh_event_fn)(void *arg, enum sh_event ev, sh_id_t id);
/*
 * At most 8 listeners, added before announce. JOIN comes when the member is ACTIVE; exactly one LEAVE or DEATH follows it,
 * DEATH only after proof. DISCONNECT: its connection hung up but it lives (it closed all its fds); reported once.
 * PRIMARY: id is the new primary. LOOK, after every look at the member table, id 0, for listeners of the rooms only: nothing
 * else tells of the moment when one that left is gone. A member that came and went between two looks has its JOIN and its
 * end in one go.
 */
int sh_on_event(sh_event_fn fn, void *arg);
/* fn is not running and will not be called after return (from the watcher itself: not called any more) */
void sh_off_event(sh_event_fn fn);
/* no callback of shoal_member_event_register() is running or will be called after return: the first step of a stop */
void sh_member_quiet(void);
/* no listener is running or will be called after return. For those who are about to stop. */
void sh_events_off(void);

/* ---- the watcher: one thread in epoll ---- */

typedef void (*sh_watch_fn)(void *arg, uint32_t events);
/* level-triggered; the fd stays the caller's. */
int sh_watch_add(int fd, uint32_t events, sh_watch_fn fn, void *arg);
/* for which events from now on; 0: it rests. Never fails for one that was added, waits for nobody. */
void sh_watch_set(int fd, uint32_t events);
/* no call of fn is running or will start after return (called from the watcher itself: none will start) */
void sh_watch_del(int fd);

/* ---- links: SEQPACKET connections between members, for fds ---- */

/* what a link is for: fds of records in a lane, or a descriptor by its name (chan/fdreg.h) */
enum sh_link_use { SH_LINK_LANE, SH_LINK_FD, SH_LINK_USES };
typedef void (*sh_link_fn)(void *arg, sh_id_t from, int fd);
/* connect to a member; it is told who I am and verifies it. Returns a non-blocking CLOEXEC fd or -errno. */
int sh_link_open(sh_id_t to, enum sh_link_use use);
/* who handles incoming links: the callee owns fd; from is verified by credentials and the member table. Before announce. */
void sh_on_link(enum sh_link_use use, sh_link_fn fn, void *arg);
/*
 * Have the watcher accept and hand out whatever connections wait on my listener right now; returns when it has (2 s at most,
 * when a callback holds it up). For the consumer of the inbox: a record that announces fds was published after its sender's
 * connect() had returned.
 */
void sh_link_poll(void);

#endif
