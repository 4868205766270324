/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_fd.c - an fd that is readable when a ring has something: for epoll
 *
 * A futex is no fd, and an fd of this process is nothing that a producer elsewhere could write to. So a thread of the
 * library sleeps for the ring in the program's place and writes an eventfd: one more wake-up in this process, nothing for
 * those who publish.
 *
 *   want   ARMED: open, arm (any thread of the program); IDLE: the thread, when there was something; QUIT: close
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/futex.h"
#include "base/thread.h"
#include "obj/priv.h"

enum { IDLE, ARMED, QUIT };

struct sh_ring_fd {
	struct sh_ring_fd *next; /* in sh_obj.fds, under its lock */
	struct rte_ring *r;
	unsigned side;
	int fd;
	_Atomic uint32_t want;
	pthread_t thread;
};

static void *sleep_for(void *arg)
{
	struct sh_ring_fd *f = arg;
	uint64_t one = 1;
	uint32_t w;

	while ((w = sh_load_acq(&f->want)) != QUIT) { /* A:RINGFD */
		if (w == IDLE) {
			(void)sh_futex_wait(&f->want, IDLE, SH_FOREVER, SH_FUTEX_ANY, false);
			continue;
		}
		if (sh_ring_sleep(f->r, f->side, SH_FOREVER, &f->want, QUIT) != 0)
			continue;
		w = ARMED;
		if (sh_cas(&f->want, &w, IDLE))
			(void)!write(f->fd, &one, sizeof(one));
	}
	return NULL;
}

int sh_ring_fd_open(struct rte_ring *r, unsigned side)
{
	struct sh_obj *m = sh_ctx.obj;
	struct sh_ring_fd *f = calloc(1, sizeof(*f));
	int e;

	if (f == NULL)
		return -ENOMEM;
	f->r = r;
	f->side = side;
	f->fd = sh_fd_up(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	e = f->fd < 0 ? -errno : 0;
	sh_store_rel(&f->want, ARMED); /* R:RINGFD */
	if (e == 0)
		e = sh_thread_start(&f->thread, "shoal-ring", sleep_for, f);
	if (e != 0) {
		if (f->fd >= 0)
			close(f->fd);
		free(f);
		return e;
	}
	sh_lock_calm(&m->lock);
	f->next = m->fds;
	m->fds = f;
	sh_unlock_calm(&m->lock);
	e = f->fd;
	return e;
}

int sh_ring_fd_arm(int fd)
{
	struct sh_obj *m = sh_ctx.obj;
	struct sh_ring_fd *f;
	uint64_t n;

	sh_lock_calm(&m->lock);
	for (f = m->fds; f != NULL && f->fd != fd; f = f->next)
		;
	if (f != NULL) {
		(void)!read(fd, &n, sizeof(n)); /* not readable: as good */
		sh_store_rel(&f->want, ARMED);	/* R:RINGFD */
		(void)sh_futex_wake(&f->want, 1, SH_FUTEX_ANY, false);
	}
	sh_unlock_calm(&m->lock);
	return f != NULL ? 0 : -EBADF;
}

static void end(struct sh_ring_fd *f, bool mine)
{
	if (mine) {
		sh_store_rel(&f->want, QUIT); /* R:RINGFD */
		(void)sh_futex_wake(&f->want, 1, SH_FUTEX_ANY, false);
		sh_sleepers_wake();
		(void)pthread_join(f->thread, NULL);
	}
	close(f->fd);
	free(f);
}

int sh_ring_fd_close(int fd)
{
	struct sh_obj *m = sh_ctx.obj;
	struct sh_ring_fd **at, *f;

	sh_lock_calm(&m->lock);
	for (at = &m->fds; *at != NULL && (*at)->fd != fd; at = &(*at)->next)
		;
	f = *at;
	if (f != NULL)
		*at = f->next;
	sh_unlock_calm(&m->lock);
	if (f == NULL)
		return -EBADF;
	end(f, true);
	return 0;
}

void sh_ring_fds_end(struct sh_obj *m, bool mine)
{
	while (m->fds != NULL) {
		struct sh_ring_fd *f = m->fds;

		m->fds = f->next;
		end(f, mine);
	}
}
