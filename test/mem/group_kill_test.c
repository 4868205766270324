/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_kill_test.c - kill -9 of processes that do nothing but take and free: at any moment, again and again, and nobody hangs
 *
 * Real processes, started by exec. After each kill every other worker must go on, the test takes and frees itself, and another
 * worker comes in the place of the dead. In the end all that is still out was taken by the dead: it is listed, freed, and
 * nothing is left.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_memzone.h>
#include <shoal_mem.h>
#include <shoal_member.h>

#include "base/clock.h"
#include "check.h"
#include "mem/mem.h"
#include "mem/page.h"

#define WORKERS 3
#define MINE 64

struct farm {
	_Atomic uint64_t calls[WORKERS]; /* of the worker in that place, and those before it */
};

static void init_as(const char *type)
{
	char prog[] = "kill", p[64], lcores[] = "--lcores=0@0", max[] = "--memory-max=512M", decay[] = "--mem-decay=1",
	     huge[] = "--huge=never";
	char *av[] = {prog, p, lcores, max, decay, huge, NULL};

	snprintf(p, sizeof(p), "--proc-type=%s", type);
	CHECK(rte_eal_init(6, av) >= 0);
}

/* ---- a worker ---- */

static size_t some_size(const char *kind, unsigned *seed)
{
	unsigned r = (unsigned)rand_r(seed);

	switch (kind[0]) {
	case 's': /* in spans */
		return 1 + r % 4096;
	case 'l': /* in runs of their own, which grow and go back */
		return 65537 + r % (3u << 20);
	default:
		return r % 16 == 0 ? 65537 + r % (1u << 20) : 1 + r % 20000;
	}
}

/* argv: place, sizes */
ROLE(worker)
{
	unsigned char *mine[MINE] = {NULL};
	size_t len[MINE];
	unsigned seed = (unsigned)getpid();
	unsigned place = (unsigned)strtoul(argv[1], NULL, 10);
	const struct rte_memzone *mz;
	struct farm *farm;

	init_as("secondary");
	mz = rte_memzone_lookup("farm");
	CHECK(mz != NULL);
	farm = mz->addr;
	t_tell("up %" PRIu64, shoal_member_self());
	for (;;) {
		unsigned k = (unsigned)rand_r(&seed) % MINE;

		if (mine[k] != NULL) {
			CHECK(mine[k][0] == (unsigned char)k && mine[k][len[k] - 1] == (unsigned char)k);
			rte_free(mine[k]);
			mine[k] = NULL;
		} else {
			len[k] = some_size(argv[2], &seed);
			mine[k] = rte_malloc(NULL, len[k], 0);
			if (mine[k] != NULL)
				mine[k][0] = mine[k][len[k] - 1] = (unsigned char)k;
			else
				CHECK(argv[2][0] == 'l'); /* what the dead had counts until the test has freed it */
		}
		atomic_fetch_add(&farm->calls[place], 1);
	}
}

/* ---- the test ---- */

struct worker {
	struct t_proc *p;
	uint64_t id;
};

static struct worker start(unsigned place, const char *sizes)
{
	char n[16];
	struct worker w;

	snprintf(n, sizeof(n), "%u", place);
	w.p = t_spawn("worker", n, sizes, NULL);
	w.id = strtoull(t_expect(w.p, "up ") + 3, NULL, 10);
	return w;
}

static void killed(struct worker *w)
{
	t_kill(w->p, SIGKILL);
	CHECK_EQ(t_wait(w->p), 128 + SIGKILL);
	close(w->p->out);
}

struct progress {
	struct farm *farm;
	uint64_t from[WORKERS];
	unsigned but;
};

static bool all_moved(void *arg)
{
	struct progress *p = arg;

	for (unsigned i = 0; i < WORKERS; i++)
		if (i != p->but && atomic_load(&p->farm->calls[i]) < p->from[i] + 100)
			return false;
	return true;
}

/* how long until they have: ms */
static unsigned others_go_on(struct farm *farm, unsigned but)
{
	struct progress p = {.farm = farm, .but = but};
	uint64_t began = sh_now_ns();
	void *b;

	for (unsigned i = 0; i < WORKERS; i++)
		p.from[i] = atomic_load(&farm->calls[i]);
	t_until(all_moved, &p);
	b = rte_malloc(NULL, 3000, 0);
	CHECK(b != NULL);
	rte_free(b);
	return (unsigned)((sh_now_ns() - began) / SH_NS_PER_MS);
}

static bool gone(void *arg)
{
	return shoal_member_is_alive(*(uint64_t *)arg) != 1;
}

/* what the dead took, listed and freed: how many blocks */
static unsigned free_of(uint64_t id)
{
	long listed, freed;

	t_until(gone, &id);
	listed = shoal_mem_owned_by(id, NULL, NULL);
	freed = shoal_mem_free_owned(id);
	CHECK_EQ(listed, freed);
	return (unsigned)freed;
}

static void sound(void)
{
	char why[256] = "";

	if (shoal_heap_audit(why, sizeof(why)) != 0)
		t_fail(__FILE__, __LINE__, "audit: %s", why);
}

static bool nothing_more_out(void *arg)
{
	struct rte_malloc_socket_stats st;

	(void)shoal_mem_trim();
	CHECK_EQ(rte_malloc_get_socket_stats(0, &st), 0);
	return st.alloc_count == *(unsigned *)arg;
}

static void kills(unsigned n, const char *sizes)
{
	const struct rte_memzone *mz;
	struct rte_malloc_socket_stats st;
	struct sh_mem_stat s;
	struct worker w[WORKERS];
	unsigned seed = 99, before, freed = 0, slowest = 0;
	struct farm *farm;

	init_as("primary");
	mz = rte_memzone_reserve("farm", sizeof(*farm), SOCKET_ID_ANY, 0);
	CHECK(mz != NULL);
	farm = memset(mz->addr, 0, sizeof(*farm));
	CHECK_EQ(rte_malloc_get_socket_stats(0, &st), 0);
	before = st.alloc_count;
	for (unsigned i = 0; i < WORKERS; i++)
		w[i] = start(i, sizes);
	for (unsigned k = 0; k < n; k++) {
		struct timespec ts = {0, rand_r(&seed) % 2000000};
		unsigned i = (unsigned)rand_r(&seed) % WORKERS, ms;

		nanosleep(&ts, NULL); /* sleep: the moment of the kill is meant to be random */
		killed(&w[i]);
		ms = others_go_on(farm, i);
		slowest = ms > slowest ? ms : slowest;
		freed += free_of(w[i].id);
		if (k % 10 == 0)
			sound();
		w[i] = start(i, sizes);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		killed(&w[i]);
	for (unsigned i = 0; i < WORKERS; i++)
		freed += free_of(w[i].id);
	t_until(nothing_more_out, &before);
	sound();
	CHECK_EQ(sh_mem_stat(&s), 0);
	printf("%u kills, sizes %s: %" PRIu64
	       " inside the lock, %u blocks of the dead freed, the slowest went on after %u ms\n",
	       n + WORKERS, sizes, s.mended, freed, slowest);
}

TEST_T(forty_kills_in_a_loop_of_small_blocks_hang_nobody, 60)
{
	kills(40, "small");
}
TEST_T(forty_kills_in_a_loop_of_large_blocks_hang_nobody, 60)
{
	kills(40, "large");
}
TEST_T(long_a_thousand_kills_in_a_loop_of_small_blocks_hang_nobody, 1200)
{
	kills(1000, "small");
}
TEST_T(long_a_thousand_kills_in_a_loop_of_large_blocks_hang_nobody, 1200)
{
	kills(1000, "large");
}
TEST_T(long_a_thousand_kills_in_a_loop_of_all_sizes_hang_nobody, 1200)
{
	kills(1000, "mixed");
}
