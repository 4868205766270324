/* SPDX-License-Identifier: BSD-3-Clause */
/* crash_cast.c - see crash_cast.h */
#include "crash_cast.h"

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

#include "hugepages.h"
#include "mem/mem.h"
#include "mem/page.h"
#include "mem/priv.h"
#include "proc/opts.h"

#define PAGES 32 /* as many as the play may have */
#define TRIES 50

/* with $SHOAL_TEST_HUGE of huge pages and nothing else */
void pages_of_the_play(void)
{
	static struct sh_opts opts = {.memory_max = 64ull << 20, .huge = SH_HUGE_ONLY};

	if (getenv("SHOAL_TEST_HUGE") == NULL)
		return;
	t_huge_pages(PAGES);
	f_huge(true);
	sh_ctx.opts = &opts;
}

/* ---- a fixed play of fourteen calls, killed somewhere ---- */

/* what is there after so many calls: a bit for each name */
static const char *const names[3] = {"first", "second", "third"};
const unsigned there[ACTS + 1] = {0, 1, 3, 2, 6, 4, 5, 4, 0, 0, 0, 0, 0, 0, 0};

static bool takes(struct play *p, unsigned i, uint32_t units, uint32_t align)
{
	struct sh_pages_ask ask = {.units = units, .align = align, .kind = SH_PG_BLOCK, .owner = sh_self()};

	return sh_pages_take(&ask, &p->run[i]) == 0;
}

/* a page comes to each of two runs that are free and have none */
static bool reads_holes(const struct play *p)
{
	for (unsigned i = 0; i < 2; i++)
		(void)*(volatile unsigned char *)sh_unit_addr(p->run[i]);
	return sh_mem_trim(UINT64_MAX) >= 0;
}

static bool act(struct play *p, unsigned i)
{
	switch (i) {
	case 0:
		return rte_memzone_reserve(names[0], 9000, 0, 0) != NULL;
	case 1:
		return rte_memzone_reserve_aligned(names[1], 100, 0, 0, 65536) != NULL;
	case 2:
		return rte_memzone_free(rte_memzone_lookup(names[0])) == 0;
	case 3:
		return rte_memzone_reserve_bounded(names[2], 300000, 0, 0, 64, 1 << 20) != NULL;
	case 4:
		return rte_memzone_free(rte_memzone_lookup(names[1])) == 0;
	case 5:
		return rte_memzone_reserve(names[0], 5000, 0, 0) != NULL;
	case 6:
		return rte_memzone_free(rte_memzone_lookup(names[0])) == 0;
	case 7:
		return rte_memzone_free(rte_memzone_lookup(names[2])) == 0;
	case 8:
		return takes(p, 0, 3, 1);
	case 9:
		return takes(p, 1, 150, 8);
	case 10:
	case 11:
		return sh_pages_give(p->run[i - 10]) == 0;
	case 12:
		return sh_mem_trim(UINT64_MAX) > 0;
	default:
		return reads_holes(p);
	}
}

int plays(void *arg)
{
	struct play *p = arg;

	for (unsigned i = 0; i < ACTS; i++) {
		if (!act(p, i))
			return 1;
		sh_store_rel(&p->done, i + 1);
	}
	return 0;
}

int play_killed(struct play *p, const char *label, unsigned nth, sh_id_t *id)
{
	int r;

	for (unsigned again = 0;; again++) {
		sh_store_rel(&p->done, 0);
		r = run_killed(plays, p, label, nth, id);
		if (r != 1 || getenv("SHOAL_TEST_HUGE") == NULL || again == TRIES)
			return r;
		f_group_again();
		t_huge_again(PAGES);
	}
}

/* one that mends and does nothing else */
int looks(void *arg)
{
	char why[256];

	(void)arg;
	return sh_mem_audit(why, sizeof(why)) == 0 ? 0 : 1;
}

unsigned present(void)
{
	unsigned set = 0;

	for (unsigned i = 0; i < 3; i++)
		set |= rte_memzone_lookup(names[i]) != NULL ? 1u << i : 0;
	return set;
}

/* what the dead had: it can be found and given back */
static void give_all_runs(void)
{
	uint32_t first = sh_mem_has_huge() ? SH_UNIT_W1 : 0; /* there is one window */
	struct sh_pages_stat s;
	uint64_t use;

	CHECK_EQ(sh_pages_stat(&s), 0);
	for (uint32_t u = first; u < first + s.end / SH_UNIT; u += sh_use_units(use)) {
		use = sh_load_acq(&sh_desc(u)->use);
		CHECK(sh_use_kind(use) == SH_PG_FREE || sh_use_kind(use) == SH_PG_BLOCK);
		if (sh_use_kind(use) == SH_PG_BLOCK) {
			CHECK_EQ(sh_pages_give(u), 0);
			u = first; /* it is one with its neighbours now: from the start again */
			use = 0;
		}
	}
	CHECK_EQ(sh_pages_stat(&s), 0);
	CHECK_EQ(s.used, 0);
}

void hears_of_it(sh_id_t id)
{
	CHECK_EQ(sh_member_probe(id), 1);
	f_event(SH_EV_DEATH, id);
}

/*
 * The names are those from before or from after the call that was cut short, and nothing else is left of it. Who knows
 * of the death sees at once which of the two it is, without the lock and before anybody mends: a zone that could still go
 * away is one that a survivor would free by its descriptor, when that may have become another's.
 */
void check_and_clear(const struct play *p, sh_id_t dead, const char *label, unsigned nth)
{
	uint32_t done = sh_load_acq(&p->done);
	struct sh_mem_stat s;
	unsigned set = present();

	if (nth % 4 != 0) /* else whoever takes a lock next finds out, 10 ms later */
		hears_of_it(dead);
	f_sound(label);
	hears_of_it(dead);
	f_sound(label);
	if (present() != set)
		t_fail(__FILE__, __LINE__, "%s:%u: names were %x before the mend, %x after it", label, nth, set,
		       present());
	if (set != there[done] && (done == ACTS || set != there[done + 1]))
		t_fail(__FILE__, __LINE__, "%s:%u: names are %x after %u calls", label, nth, set, done);
	for (unsigned i = 0; i < 3; i++)
		if (set & 1u << i)
			CHECK_EQ(rte_memzone_free(rte_memzone_lookup(names[i])), 0);
	give_all_runs();
	CHECK(sh_mem_trim(UINT64_MAX) >= 0);
	CHECK_EQ(sh_mem_stat(&s), 0);
	CHECK_EQ(s.backed, 0);
	CHECK_EQ(s.used, 0);
	CHECK_EQ(s.largest_free, s.total);
	CHECK_EQ(f_heap_held(), s.backed); /* no page that nobody counts */
	CHECK(s.held <= s.backed + 32 * 4096);
}
