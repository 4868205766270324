/* SPDX-License-Identifier: BSD-3-Clause */
/* span_cast.c - see span_cast.h */
#include "span_cast.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <shoal_mem.h>

#include "base/futex.h"
#include "proc/opts.h"

uint64_t used(void)
{
	struct sh_pages_stat s;

	CHECK_EQ(sh_pages_stat(&s), 0);
	return s.used;
}

static bool count_run(struct sh_mem *m, uint32_t unit, uint64_t use, void *arg)
{
	struct sh_span *s = sh_span_of(unit);
	struct count *c = arg;

	(void)m;
	if (sh_use_kind(use) != SH_PG_SPAN)
		return true;
	c->spans++;
	c->orphans += sh_load_acq(&s->owner) == 0;
	c->blocks += sh_span_live(s);
	return true;
}

struct count count(void)
{
	struct count c = {0};
	struct sh_mem *m;
	uint32_t at;

	CHECK_EQ(sh_mem_lock(&m), 0);
	CHECK(sh_runs(m, count_run, &c, &at));
	sh_mem_unlock(m);
	return c;
}

void wait_turn(struct table *t, uint32_t turn)
{
	uint32_t now;

	while ((now = sh_load_acq(&t->turn)) != turn)
		(void)sh_futex_wait(&t->turn, now, SH_FOREVER, SH_FUTEX_ANY, true);
}

void set_turn(struct table *t, uint32_t turn)
{
	sh_store_rel(&t->turn, turn);
	sh_futex_wake(&t->turn, INT_MAX, SH_FUTEX_ANY, true);
}

void take(struct table *t, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		void *p = rte_malloc(NULL, t->size, 0);

		CHECK(p != NULL);
		memset(p, (int)i & 0xff, t->size);
		sh_store_rel(&t->p[i], p);
	}
}

void give(struct table *t, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		unsigned char *p = sh_load_acq(&t->p[i]);

		for (unsigned k = 0; k < t->size; k++)
			CHECK_EQ(p[k], i & 0xff);
		rte_free(p);
	}
}

struct table *table(unsigned size)
{
	struct table *t = f_shared(sizeof(*t));

	t->size = size;
	return t;
}

void thread(void *(*fn)(void *), void *arg)
{
	pthread_t th;

	CHECK_EQ(pthread_create(&th, NULL, fn, arg), 0);
	CHECK_EQ(pthread_join(th, NULL), 0);
}
