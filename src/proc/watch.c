/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch.c - the watcher: one thread in epoll, for this room and for the rooms to the right
 *
 * An entry is found by its fd and told from an earlier user of the same number by seq. A callback runs without the lock;
 * running says which entry that is, so that sh_watch_del() can wait for its end. The thread sleeps without a time limit
 * unless somebody is to be looked at again.
 */
#include "proc/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#define BATCH 64

static void kicked(void *arg, uint32_t events)
{
	struct sh_proc *p = arg;
	char b[8];

	if (events & EPOLLOUT) /* R:KICK the second way of sh_kick(); dirty, set before it, is looked at after this */
		(void)sh_watch_mod(p, p->kick, EPOLLIN);
	while (recv(p->kick, b, sizeof(b), MSG_DONTWAIT) >= 0)
		;
}

/* nobody is to wait for the watcher any more */
static void go_blind(struct sh_proc *p)
{
	pthread_mutex_lock(&p->lock);
	p->blind = true;
	pthread_cond_broadcast(&p->idle);
	pthread_mutex_unlock(&p->lock);
}

/*
 * R:KICK dirty is set before the watcher is woken; A:KICK the watcher clears it before it looks. There are two ways, as one
 * call may be refused and who leaves waits for the watcher: a packet, or asking the epoll for what is true of the socket at
 * any time, that it can be written to. A program that closed the library's fds has taken both.
 */
void sh_kick(struct sh_proc *p)
{
	sh_store_rel(&p->dirty, true);
	if (p->kick_wr < 0)
		return;
	if (!sh_fds_lost(p) &&
	    (send(p->kick_wr, "k", 1, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno == EAGAIN || /* full: it will wake */
	     sh_watch_mod(p, p->kick, EPOLLIN | EPOLLOUT) == 0))
		return;
	go_blind(p);
}

int sh_watcher_open(struct sh_proc *p)
{
	int s[2];

	/* a pair of sockets, not an eventfd: each has an inode of its own, by which sh_fds_lost() knows it */
	p->ep = sh_fd_up(epoll_create1(EPOLL_CLOEXEC));
	if (p->ep < 0 || sh_fd_pair_up(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s), s) != 0) {
		int err = -errno;

		sh_err("cannot make the watcher's epoll: %s; %s", strerror(-err), sh_fd_advice(err));
		sh_close(&p->ep);
		return err;
	}
	p->kick = s[0];
	p->kick_wr = s[1];
	return sh_watch_in(p, p->kick, EPOLLIN, kicked, p);
}

/* with the lock held: room for fd in the table */
static int grow(struct sh_proc *p, int fd)
{
	unsigned want = p->n_watch != 0 ? p->n_watch : 64;
	struct sh_watch *w;

	while ((unsigned)fd >= want)
		want *= 2;
	if (want == p->n_watch)
		return 0;
	w = realloc(p->watch, want * sizeof(*w));
	if (w == NULL)
		return -ENOMEM;
	memset(w + p->n_watch, 0, (want - p->n_watch) * sizeof(*w));
	p->watch = w;
	p->n_watch = want;
	return 0;
}

static uint32_t next_seq(struct sh_proc *p)
{
	if (++p->seq == 0)
		p->seq = 1;
	return p->seq;
}

int sh_watch_in(struct sh_proc *p, int fd, uint32_t events, sh_watch_fn fn, void *arg)
{
	struct epoll_event ev = {.events = events};
	int err;

	if (fd < 0)
		return -EBADF;
	pthread_mutex_lock(&p->lock);
	err = grow(p, fd);
	if (err == 0 && p->watch[fd].seq != 0)
		err = -EEXIST;
	if (err == 0) {
		uint32_t seq = next_seq(p);

		ev.data.u64 = (uint64_t)seq << 32 | (uint32_t)fd;
		/* filled first: an event may come before epoll_ctl() returns */
		p->watch[fd] = (struct sh_watch){.fn = fn, .arg = arg, .seq = seq};
		if (epoll_ctl(p->ep, EPOLL_CTL_ADD, fd, &ev) != 0) {
			err = -errno;
			p->watch[fd].seq = 0;
		}
	}
	pthread_mutex_unlock(&p->lock);
	return err;
}

int sh_watch_mod(struct sh_proc *p, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events};
	int err = -ENOENT;

	pthread_mutex_lock(&p->lock);
	if (fd >= 0 && (unsigned)fd < p->n_watch && p->watch[fd].seq != 0) {
		ev.data.u64 = (uint64_t)p->watch[fd].seq << 32 | (uint32_t)fd;
		err = epoll_ctl(p->ep, EPOLL_CTL_MOD, fd, &ev) == 0 ? 0 : -errno;
	}
	pthread_mutex_unlock(&p->lock);
	return err;
}

bool sh_in_watcher(const struct sh_proc *p)
{
	return sh_load_rlx(&p->watcher_tid) == gettid(); /* only my own store can make them equal */
}

void sh_watch_out(struct sh_proc *p, int fd)
{
	bool inside = sh_in_watcher(p);
	uint32_t seq;

	pthread_mutex_lock(&p->lock);
	if (fd >= 0 && (unsigned)fd < p->n_watch && p->watch[fd].seq != 0) {
		seq = p->watch[fd].seq;
		p->watch[fd].seq = 0;
		if (!sh_fds_lost(p))
			(void)epoll_ctl(p->ep, EPOLL_CTL_DEL, fd, NULL);
		while (!inside && p->running == seq)
			pthread_cond_wait(&p->idle, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
}

int sh_watch_add(int fd, uint32_t events, sh_watch_fn fn, void *arg)
{
	struct sh_proc *p = sh_proc_of();

	return sh_here(p) ? sh_watch_in(p, fd, events, fn, arg) : -EPERM;
}

void sh_watch_set(int fd, uint32_t events)
{
	struct sh_proc *p = sh_proc_of();

	if (sh_here(p) && !sh_fds_lost(p))
		(void)sh_watch_mod(p, fd, events); /* of one that was added: nothing is allocated */
}

void sh_watch_del(int fd)
{
	struct sh_proc *p = sh_proc_of();

	if (sh_here(p)) /* a child shares the epoll with its parent */
		sh_watch_out(p, fd);
}

static void dispatch(struct sh_proc *p, const struct epoll_event *ev)
{
	int fd = (int)(uint32_t)ev->data.u64;
	uint32_t seq = (uint32_t)(ev->data.u64 >> 32);
	struct sh_watch w = {0};

	pthread_mutex_lock(&p->lock);
	if ((unsigned)fd < p->n_watch && p->watch[fd].seq == seq) {
		w = p->watch[fd];
		p->running = seq;
	}
	pthread_mutex_unlock(&p->lock);
	if (w.seq == 0)
		return;
	w.fn(w.arg, ev->events);
	pthread_mutex_lock(&p->lock);
	p->running = 0;
	pthread_cond_broadcast(&p->idle);
	pthread_mutex_unlock(&p->lock);
}

/* look at what is due; how long may I sleep? in ms, -1: for ever */
static int due(struct sh_proc *p)
{
	uint64_t now = sh_now_ns(), next = SH_FOREVER;

	sh_peers_due(p, now, &next);
	sh_conns_due(p, now, &next);
	if (sh_load_acq(&p->dirty)) /* A:KICK */
		return 0;
	if (next == SH_FOREVER)
		return -1;
	return next <= now ? 0 : (int)((next - now + SH_NS_PER_MS - 1) / SH_NS_PER_MS);
}

/* a round of accept for those who wait in sh_link_poll() */
static void accept_asked(struct sh_proc *p)
{
	uint32_t want;

	pthread_mutex_lock(&p->lock);
	want = p->acc_want;
	pthread_mutex_unlock(&p->lock);
	if (want == p->acc_done) /* written by this thread alone */
		return;
	sh_accept_all(p);
	if (sh_load_acq(&p->mute)) /* A:MUTE */
		p->n_fns = 0;
	pthread_mutex_lock(&p->lock);
	p->acc_done = want;
	pthread_cond_broadcast(&p->idle);
	pthread_mutex_unlock(&p->lock);
}

/* wait until the watcher has made a round; limit_s 0: for ever */
static void round_trip(struct sh_proc *p, time_t limit_s)
{
	struct timespec ts;
	uint32_t want;
	int err = 0, cancel;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel); /* the lock must not stay taken */
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += limit_s != 0 ? limit_s : 1000000;
	pthread_mutex_lock(&p->lock);
	want = ++p->acc_want;
	pthread_mutex_unlock(&p->lock);
	sh_kick(p);
	pthread_mutex_lock(&p->lock);
	while ((int32_t)(p->acc_done - want) < 0 && !p->blind && err == 0)
		err = pthread_cond_timedwait(&p->idle, &p->lock, &ts);
	pthread_mutex_unlock(&p->lock);
	(void)pthread_setcancelstate(cancel, &cancel);
}

void sh_link_poll(void)
{
	struct sh_proc *p = sh_proc_of();

	if (!sh_here(p) || !p->thread_on)
		return;
	if (sh_in_watcher(p)) {
		sh_accept_all(p);
		accept_asked(p);
	} else {
		round_trip(p, 2); /* a listener's callback may hold the watcher up */
	}
}

/*
 * mute or quit is set. A blind watcher may sleep in an epoll that nobody can reach, perhaps for ever; when this returns true
 * it does, and touches nothing but p's lock and state, should it wake. false: it can be woken, or has ended.
 */
static bool left_asleep(struct sh_proc *p)
{
	bool left;

	pthread_mutex_lock(&p->lock);
	while (p->blind && p->state == SH_WATCHER_RUNS)
		pthread_cond_wait(&p->idle, &p->lock);
	left = p->blind && p->state == SH_WATCHER_SLEEPS;
	pthread_mutex_unlock(&p->lock);
	return left;
}

void sh_off_event(sh_event_fn fn)
{
	struct sh_proc *p = sh_proc_of();

	if (!sh_here(p))
		return;
	for (unsigned i = 0; i < p->n_fns; i++)
		if (p->fns[i].fn == fn)
			sh_store_rel(&p->fns[i].off, true); /* R:MUTE */
	if (!p->thread_on || sh_in_watcher(p))
		return;
	round_trip(p, 0);
	(void)left_asleep(p);
}

void sh_events_off(void)
{
	struct sh_proc *p = sh_proc_of();

	if (!sh_here(p) || !p->thread_on)
		return;
	sh_store_rel(&p->mute, true); /* R:MUTE */
	if (sh_in_watcher(p))
		p->n_fns = 0;
	else
		round_trip(p, 0);
	if (!sh_in_watcher(p))
		(void)left_asleep(p);
}

/* says where the watcher is; returns whether it is to end, and then it touches nothing of p any more but by a last call */
static bool watcher_is(struct sh_proc *p, enum sh_watcher_state state)
{
	bool end;

	pthread_mutex_lock(&p->lock);
	p->state = state;
	end = sh_load_acq(&p->quit) || (p->blind && sh_load_acq(&p->mute)); /* A:QUIT A:MUTE */
	pthread_cond_broadcast(&p->idle);
	pthread_mutex_unlock(&p->lock);
	return end;
}

static void say_deaf(struct sh_proc *p, int err)
{
	if (sh_fds_lost(p) || err == EBADF || err == EINVAL)
		sh_err("the program closed file descriptors of the library: this process hears of no joins and deaths "
		       "any more; close only your own");
	else
		sh_err("epoll_wait is refused (%s): this process hears of no joins and deaths any more; allow it in "
		       "the seccomp profile",
		       strerror(err));
}

static void *watcher(void *arg)
{
	struct sh_proc *p = arg;
	struct epoll_event ev[BATCH];

	sh_thread_own();
	sh_store_rlx(&p->watcher_tid, gettid()); /* see sh_in_watcher() */
	while (!sh_load_acq(&p->quit)) {	 /* A:QUIT */
		if (sh_xchg(&p->dirty, false))	 /* A:KICK */
			sh_scan(p);
		accept_asked(p);
		int ms = due(p);

		if (watcher_is(p, SH_WATCHER_SLEEPS))
			break;
		int n = epoll_wait(p->ep, ev, BATCH, ms);
		int err = errno;

		if (watcher_is(p, SH_WATCHER_RUNS))
			break;
		if (n < 0 && err != EINTR) {
			say_deaf(p, err);
			go_blind(p);
			break;
		}
		for (int i = 0; i < n; i++)
			dispatch(p, &ev[i]);
	}
	(void)watcher_is(p, SH_WATCHER_ENDED); /* who waits for it to sleep waits no longer */
	return NULL;
}

int sh_watcher_start(struct sh_proc *p)
{
	int err = sh_thread_start(&p->thread, "shoal-watch", watcher, p);

	if (err != 0)
		sh_err("cannot start the watcher thread: %s; raise ulimit -u, or ulimit -v to %llu KiB", strerror(-err),
		       (unsigned long long)sh_as_need_kib(0));
	p->thread_on = err == 0;
	return err;
}

void sh_watcher_stop(struct sh_proc *p)
{
	if (p->thread_on) {
		sh_store_rel(&p->quit, true); /* R:QUIT */
		sh_kick(p);
		p->lost = left_asleep(p);
		if (p->lost)
			(void)pthread_detach(p->thread);
		else
			pthread_join(p->thread, NULL);
		p->thread_on = false;
	}
}
