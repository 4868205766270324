/* SPDX-License-Identifier: BSD-3-Clause */
/* crash_random_test.c - kill -9 at random moments: the others go on, nothing is lost */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_memzone.h>

#include "crash_cast.h"
#include "mem/mem.h"
#include "mem/priv.h"
#include "proc/opts.h"

#define WORKERS 3
#define ZONES 8

struct farm {
	_Atomic uint64_t ops[WORKERS];
};
struct job {
	struct farm *farm;
	unsigned place, serial;
	bool large; /* zones of megabytes too */
};

static int loops_for_ever(void *arg)
{
	struct job *j = arg;
	const struct rte_memzone *mine[ZONES] = {NULL};
	unsigned seed = j->serial;
	char name[32];

	for (;;) {
		size_t most = j->large && rand_r(&seed) % 4 == 0 ? 3 << 20 : 20000;
		unsigned k = (unsigned)rand_r(&seed) % ZONES;

		if (mine[k] != NULL) {
			unsigned char *b = mine[k]->addr;

			if (b[0] != (unsigned char)j->serial || b[mine[k]->len - 1] != (unsigned char)j->serial)
				return 1;
			if (rte_memzone_free(mine[k]) != 0)
				return 2;
			mine[k] = NULL;
		} else {
			snprintf(name, sizeof(name), "%u.%u", j->serial, k);
			mine[k] = rte_memzone_reserve(name, 1 + (size_t)rand_r(&seed) % most, 0, 0);
			if (mine[k] == NULL)
				return 3;
			if (((unsigned char *)mine[k]->addr)[(size_t)rand_r(&seed) % mine[k]->len] != 0)
				return 4; /* a zone is zero */
			memset(mine[k]->addr, (int)j->serial, mine[k]->len);
		}
		sh_add(&j->farm->ops[j->place], 1);
	}
}

struct dead {
	unsigned serial, n;
};

static void free_of_the_dead(const struct rte_memzone *mz, void *arg)
{
	struct dead *d = arg;
	unsigned serial, k;

	if (sscanf(mz->name, "%u.%u", &serial, &k) == 2 && serial == d->serial) {
		d->n++;
		CHECK_EQ(rte_memzone_free(mz), 0);
	}
}

struct progress {
	struct farm *farm;
	uint64_t from[WORKERS];
};

static bool all_moved(void *arg)
{
	struct progress *p = arg;

	for (unsigned i = 0; i < WORKERS; i++)
		if (sh_load_acq(&p->farm->ops[i]) == p->from[i])
			return false;
	return true;
}

/* the thread of decay may have a part of it in hand */
static bool all_free(void *arg)
{
	struct sh_mem_stat *s = arg;

	CHECK_EQ(sh_mem_stat(s), 0);
	return s->largest_free == s->total;
}

static void kills_at_random(unsigned kills, bool large)
{
	struct farm *farm = f_shared(sizeof(*farm));
	struct job job[WORKERS];
	pid_t pid[WORKERS];
	sh_id_t id[WORKERS];
	unsigned serial = 0, seed = 4711;
	struct sh_mem_stat s;

	f_group();
	for (unsigned i = 0; i < WORKERS; i++) {
		job[i] = (struct job){farm, i, ++serial, large};
		pid[i] = f_member(loops_for_ever, &job[i], &id[i]);
	}
	for (unsigned k = 0; k < kills; k++) {
		unsigned i = (unsigned)rand_r(&seed) % WORKERS;
		struct timespec ts = {0, rand_r(&seed) % 1500000};
		struct progress p = {.farm = farm};
		struct dead d = {.serial = job[i].serial};

		nanosleep(&ts, NULL); /* sleep: the moment of the kill is meant to be random */
		kill(pid[i], SIGKILL);
		CHECK_EQ(f_wait(pid[i]), 128 + SIGKILL);
		hears_of_it(id[i]);
		rte_memzone_walk(free_of_the_dead, &d);
		CHECK(d.n <= ZONES);
		job[i].serial = ++serial;
		pid[i] = f_member(loops_for_ever, &job[i], &id[i]);
		if (k % 20 != 0)
			continue;
		f_sound("among kills");
		for (unsigned w = 0; w < WORKERS; w++)
			p.from[w] = sh_load_acq(&farm->ops[w]);
		t_until(all_moved, &p); /* nobody hangs */
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		struct dead d = {.serial = job[i].serial};

		kill(pid[i], SIGKILL);
		CHECK_EQ(f_wait(pid[i]), 128 + SIGKILL);
		hears_of_it(id[i]);
		f_sound("while they end");
		rte_memzone_walk(free_of_the_dead, &d);
	}
	f_sound("all are dead");
	CHECK_EQ(sh_mem_stat(&s), 0);
	CHECK_EQ(s.zones, 0); /* nothing was lost but what the dead held, and that could be listed and freed */
	CHECK_EQ(s.used, 0);
	t_until(all_free, &s);
	printf("%u kills, of which %" PRIu64 " inside the lock\n", kills, s.mended);
	if (kills >= 100) /* of fewer perhaps none */
		CHECK(s.mended > kills / 100);
}

TEST_T(a_hundred_random_kills_hang_nobody_and_lose_nothing, 60)
{
	kills_at_random(100, false);
}
/* the thread of decay may have the last of it in hand */
static bool all_gone(void *arg)
{
	struct sh_pages_stat s;

	(void)arg;
	CHECK_EQ(sh_pages_stat(&s), 0);
	return s.used == 0 && s.backed == 0;
}

static void pages_come_and_go(unsigned kills)
{
	static struct sh_opts opts = {.memory_max = 256ull << 20, .mem_decay = 1 + 1};

	sh_ctx.opts = &opts;
	kills_at_random(kills, true);
	CHECK(sh_mem_trim(UINT64_MAX) >= 0);
	t_until(all_gone, NULL);
	CHECK_EQ(f_heap_held(), 0);
	sh_mem_stop();
}
#ifdef SH_TSAN
#define NO_THREADS SKIP("TSan ends a forked child that starts threads")
#else
#define NO_THREADS (void)0
#endif
TEST_T(random_kills_while_pages_come_and_go, 60)
{
	NO_THREADS;
	pages_come_and_go(60);
}
TEST_T(slow_random_kills_while_pages_come_and_go, 240)
{
	NO_THREADS;
	pages_come_and_go(600);
}
TEST_T(slow_a_thousand_random_kills, 120)
{
	kills_at_random(1000, false);
}
