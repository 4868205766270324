/* SPDX-License-Identifier: BSD-3-Clause */
/* later.c - see later.h. Queues, each with its thread; all fields of struct lane but the futexes are under lk. */
#include "base/later.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/calm.h"
#include "base/futex.h"
#include "base/thread.h"
#include "ctx.h"

struct job {
	struct job *next;
	void (*fn)(void *arg, uint64_t n);
	void *arg;
	uint64_t n;
};

struct lane {
	struct sh_mtx lk;
	_Atomic uint32_t bell; /* raised under lk when there is work or the end; the thread sleeps on it */
	_Atomic uint32_t done; /* jobs that have ended; raised under lk */
	uint32_t added;
	struct job *head, **tail;
	pthread_t thread;
	const char *name;
	bool on, stopping;
};

struct sh_later {
	struct lane lane[SH_LATERS];
};

static struct lane *lane_of(enum sh_later_on on)
{
	return sh_ctx.later != NULL ? &sh_ctx.later->lane[on] : NULL;
}

static struct job *next_job(struct lane *l, uint32_t *seen)
{
	struct job *j;

	sh_lock_calm(&l->lk);
	*seen = sh_load_rlx(&l->bell); /* relaxed: under lk */
	j = l->head;
	if (j != NULL) {
		l->head = j->next;
		if (l->head == NULL)
			l->tail = &l->head;
	}
	sh_unlock_calm(&l->lk);
	return j;
}

static bool over(struct lane *l)
{
	bool r;

	sh_lock_calm(&l->lk);
	r = l->stopping && l->head == NULL;
	sh_unlock_calm(&l->lk);
	return r;
}

static void *later_main(void *arg)
{
	struct lane *l = arg;
	uint32_t seen;

	sh_thread_own();
	while (!over(l)) {
		struct job *j = next_job(l, &seen);

		if (j == NULL) {
			(void)sh_futex_wait(&l->bell, seen, SH_FOREVER, SH_FUTEX_ANY, false);
			continue;
		}
		j->fn(j->arg, j->n);
		free(j);
		sh_lock_calm(&l->lk);
		sh_add(&l->done, 1); /* R:LATER */
		sh_unlock_calm(&l->lk);
		sh_futex_wake(&l->done, INT_MAX, SH_FUTEX_ANY, false);
	}
	return NULL;
}

/* under lk */
static int ready(struct lane *l)
{
	int e = 0;

	if (l->stopping)
		return -ENODEV;
	if (!l->on) {
		e = sh_thread_start(&l->thread, l->name, later_main, l);
		l->on = e == 0;
	}
	return e;
}

int sh_later_ready(enum sh_later_on on)
{
	struct lane *l = lane_of(on);
	int e;

	if (l == NULL)
		return -ENODEV;
	sh_lock_calm(&l->lk);
	e = ready(l);
	sh_unlock_calm(&l->lk);
	return e;
}

int sh_later(enum sh_later_on on, void (*fn)(void *arg, uint64_t n), void *arg, uint64_t n)
{
	struct lane *l = lane_of(on);
	struct job *j;
	int e;

	if (l == NULL)
		return -ENODEV;
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return -ENOMEM;
	*j = (struct job){.fn = fn, .arg = arg, .n = n};
	sh_lock_calm(&l->lk);
	e = ready(l);
	if (e == 0) {
		*l->tail = j;
		l->tail = &j->next;
		l->added++;
		sh_add(&l->bell, 1);
	}
	sh_unlock_calm(&l->lk);
	if (e == 0)
		sh_futex_wake(&l->bell, 1, SH_FUTEX_ANY, false);
	else
		free(j);
	return e;
}

void sh_later_flush(enum sh_later_on on)
{
	struct lane *l = lane_of(on);
	uint32_t want, done;
	bool inside;

	if (l == NULL)
		return;
	sh_lock_calm(&l->lk);
	inside = (l->on || l->stopping) && pthread_equal(l->thread, pthread_self());
	want = l->added;
	sh_unlock_calm(&l->lk);
	if (inside)
		return;
	while (done = sh_load_acq(&l->done), (int32_t)(want - done) > 0) /* A:LATER */
		(void)sh_futex_wait(&l->done, done, SH_FOREVER, SH_FUTEX_ANY, false);
}

int sh_later_start(const struct sh_opts *o)
{
	static const char *const names[SH_LATERS] = {"shoal-call", "shoal-work", "shoal-coord", "shoal-fds"};
	struct sh_later *s = calloc(1, sizeof(*s));

	(void)o;
	if (s == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < SH_LATERS; i++) {
		s->lane[i].tail = &s->lane[i].head;
		s->lane[i].name = names[i];
	}
	sh_ctx.later = s;
	return 0;
}

/* by one thread; a second time it does nothing */
static void end(struct lane *l)
{
	bool on;

	sh_lock_calm(&l->lk);
	l->stopping = true;
	on = l->on;
	l->on = false;
	sh_add(&l->bell, 1);
	sh_unlock_calm(&l->lk);
	sh_futex_wake(&l->bell, 1, SH_FUTEX_ANY, false);
	if (on)
		pthread_join(l->thread, NULL);
}

void sh_later_quiet(void)
{
	if (sh_ctx.later != NULL)
		end(lane_of(SH_LATER_CALL));
}

void sh_later_stop(void)
{
	struct sh_later *s = sh_ctx.later;

	for (unsigned i = 0; s != NULL && i < SH_LATERS; i++)
		end(&s->lane[i]);
	sh_ctx.later = NULL;
	free(s);
}

/* the threads are the parent's; what was queued there is left where it is, its lock may be held */
void sh_later_forget(void)
{
	struct sh_later *s = sh_ctx.later;
	bool inside = false; /* forked by what such a thread ran: it comes back there */

	for (unsigned i = 0; s != NULL && i < SH_LATERS; i++)
		inside |= (s->lane[i].on || s->lane[i].stopping) && pthread_equal(s->lane[i].thread, pthread_self());
	sh_ctx.later = NULL;
	if (!inside)
		free(s);
}
