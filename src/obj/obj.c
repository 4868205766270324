/* SPDX-License-Identifier: BSD-3-Clause */
/* obj.c - start and stop of the room, and what a death means here. See README.md. */
#include "obj/obj.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_memzone.h>

#include "base/export.h"
#include "base/fd.h"
#include "base/log.h"
#include "mem/mem.h"
#include "obj/pool.h"
#include "proc/opts.h"
#include "proc/proc.h"

/*
 * Read by every operation, so it is a variable that the program addresses directly, and not sh_ctx.self, two loads away. Like
 * the page that one points to it reads 0 in a forked child, however that was made. Written by start and stop alone, when no
 * other thread is in this room.
 */
SH_EXPORT uint64_t __rte_ring_self[512] __attribute__((aligned(4096)));
_Static_assert(sizeof(__rte_ring_self) == 4096, "nothing else is wiped");

static void name_set(sh_id_t id)
{
	sh_store_rlx(SH_A64(&__rte_ring_self[0]), id); /* relaxed: there is no other thread yet, or no longer */
}

static void in_child(void)
{
	sh_bias_forget();
	name_set(0);
}

/* not every page of a program can be wiped (the kernel's are 4 KiB or larger): then fork() itself must say so */
static int name_keep(void)
{
	static _Atomic bool once;

	(void)madvise(__rte_ring_self, sizeof(__rte_ring_self), MADV_WIPEONFORK);
	return sh_xchg(&once, true) ? 0 : -pthread_atfork(NULL, NULL, in_child);
}

/* the primary; without one the lowest slot that is active */
static bool caretaker(void)
{
	sh_id_t self = sh_self(), first = sh_primary_id();
	enum sh_state st;

	for (unsigned i = 0; first == 0 && i < SH_MEMBERS; i++) {
		first = sh_member_at(i, &st);
		if (first != 0 && st != SH_ACTIVE)
			first = 0;
	}
	return self != 0 && self == first;
}

static void mend_one(struct rte_ring *r, void *dead)
{
	struct rte_ring *detour = sh_ring_detour(r);

	(void)sh_ring_mend(r, *(sh_id_t *)dead);
	if (detour != NULL)
		(void)sh_ring_mend(detour, *(sh_id_t *)dead);
}

/* ---- what a living one was in the way of ---- */

#define AGAIN_MS 100
#define AGAIN_MAX_MS 1000

static void on_again(void *arg, uint32_t events);

/*
 * The timer is there from the first time on, and runs while there is something to mend. Without it (no fd to be had) who finds
 * a pool empty mends it, or the next death has it done.
 */
static void mend_later(struct sh_obj *m, unsigned ms)
{
	const struct itimerspec in = {.it_value = {ms / 1000, (long)(ms % 1000) * 1000000}};
	int fd = sh_load_rlx(&m->again); /* relaxed: this thread's */

	if (fd < 0) {
		fd = sh_fd_up(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
		if (fd >= 0 && sh_watch_add(fd, EPOLLIN, on_again, m) != 0) {
			(void)close(fd);
			fd = -1;
		}
	}
	if (fd >= 0)
		(void)timerfd_settime(fd, 0, &in, NULL);
	m->again_ms = ms;
	sh_store_rel(&m->again, fd); /* release: tests look */
}

static void on_again(void *arg, uint32_t events)
{
	struct sh_obj *m = arg;
	uint64_t times;

	(void)events;
	if (read(sh_load_rlx(&m->again), &times, sizeof(times)) < 0) /* relaxed: this thread's */
		return;
	if (!sh_pools_mend(caretaker(), true))
		mend_later(m, m->again_ms * 2 < AGAIN_MAX_MS ? m->again_ms * 2 : AGAIN_MAX_MS);
}

static void again_end(struct sh_obj *m)
{
	int fd = sh_load_rlx(&m->again); /* relaxed: the listener does not run any more */

	if (fd < 0)
		return;
	sh_watch_del(fd);
	(void)close(fd);
}

/* Who is blocked by a death mends by itself, if need be; the caretaker is the one who starts unasked. */
static void on_event(void *arg, enum sh_event ev, sh_id_t id)
{
	bool mine;

	(void)arg;
	if (ev == SH_EV_JOIN && sh_fence_refused())
		sh_sleepers_wake(); /* to sleep again, in a way that this one can wake them */
	if (ev != SH_EV_DEATH && ev != SH_EV_LEAVE)
		return;
	mine = caretaker();
	if (ev == SH_EV_DEATH && mine)
		sh_ring_visit(mend_one, &id);
	if (sh_ctx.obj != NULL) {
		(void)sh_add(&sh_ctx.obj->deaths, 1);
		sh_store_rel(&sh_ctx.obj->left, true); /* freeing waits for a lock, this thread does not */
		/* caches: whoever hears of it first; hands need a look at each object */
		if (!sh_pools_mend(mine, false) && mine)
			mend_later(sh_ctx.obj, AGAIN_MS);
	}
	sh_sleepers_wake();
}

void sh_pool_on_reclaim(const struct sh_pool_ways *w)
{
	if (sh_ctx.obj != NULL)
		sh_store_rel(&sh_ctx.obj->ways, (uint64_t)(uintptr_t)w); /* R:WAYS */
}

/* that it is there is all it says; whoever makes a ring or a pool looks */
#define TRACK_ZONE "OBJ_TRACK"

static int track(const struct sh_opts *o)
{
	if (!o->track_pools || !sh_is_primary() || sh_zone_lookup(TRACK_ZONE) != NULL ||
	    rte_memzone_reserve(TRACK_ZONE, 1, SOCKET_ID_ANY, 0) != NULL)
		return 0;
	return -rte_errno;
}

bool sh_obj_tracks(void)
{
	return sh_ctx.mem != NULL && sh_zone_lookup(TRACK_ZONE) != NULL;
}

int sh_obj_start(const struct sh_opts *o)
{
	struct sh_obj *m;
	int r;

	m = calloc(1, sizeof(*m));
	if (m == NULL) {
		sh_err("no memory to start the room of rings");
		return -ENOMEM;
	}
	sh_store_rlx(&m->again, -1); /* relaxed: nobody else is here yet */
	sh_fence_start(m);
	r = name_keep();
	if (r == 0)
		r = sh_bias_start();
	if (r == 0)
		r = sh_pool_start();
	if (r == 0)
		r = track(o);
	if (r == 0)
		r = sh_on_event(on_event, NULL);
	if (r < 0) {
		sh_err("the room of rings and pools cannot start: %s", strerror(-r));
		sh_pool_stop();
		free(m);
		return r;
	}
	sh_ctx.obj = m;
	name_set(sh_self());
	sh_bias_open();
	return 0;
}

void sh_obj_stop(void)
{
	bool mine = sh_self() != 0; /* not in a forked child */

	sh_bias_shut(mine);
	sh_off_event(on_event);
	if (mine && sh_ctx.obj != NULL) {
		again_end(sh_ctx.obj);
		sh_pools_leave();
	}
	name_set(0);
	if (sh_ctx.obj != NULL)
		sh_ring_fds_end(sh_ctx.obj, mine);
	sh_pool_stop();
	free(sh_ctx.obj);
	sh_ctx.obj = NULL;
}
