/* SPDX-License-Identifier: BSD-3-Clause */
/* strays_test.c - pages in holes, and who looks for them: by turns, found wherever they are, at once by trim */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "mem/mem.h"
#include "mem/page.h"
#include "mem/priv.h"

#define RUNS 12
#define UNITS 40u

/* nobody looks by the clock in this case */
static void nobody_looks(void)
{
	CHECK_EQ(setenv("SHOAL_LOOK_MS", "100000000", 1), 0);
}

static void touch(uint32_t u)
{
	(void)*(volatile unsigned char *)sh_unit_addr(u);
}

static uint64_t backed(void)
{
	struct sh_pages_stat s;

	CHECK_EQ(sh_pages_stat(&s), 0);
	return s.backed;
}

/* every second run is a hole */
static void take_and_drill(uint32_t run[RUNS])
{
	struct sh_pages_ask ask = {.units = UNITS, .kind = SH_PG_BLOCK, .owner = sh_self()};

	for (unsigned i = 0; i < RUNS; i++)
		CHECK_EQ(sh_pages_take(&ask, &run[i]), 0);
	for (unsigned i = 0; i < RUNS; i += 2)
		CHECK_EQ(sh_pages_give(run[i]), 0);
	CHECK(sh_mem_trim(UINT64_MAX) >= (int64_t)(RUNS / 2 * UNITS));
	CHECK_EQ(f_heap_held(), backed());
}

TEST(trim_takes_what_came_to_holes_at_once)
{
	uint32_t run[RUNS];
	unsigned char *last;
	uint64_t was;

	nobody_looks();
	f_group();
	take_and_drill(run);
	was = backed();
	last = sh_unit_addr(run[RUNS - 1]);
	memset(last, 7, SH_UNIT);
	touch(run[0]);
	touch(run[4] + UNITS - 1);
	touch(run[6] + 3);
	CHECK_EQ(f_heap_held(), was + 3 * 4096);
	CHECK_EQ(sh_mem_trim(UINT64_MAX), 1); /* 12 KiB: that is one unit */
	CHECK_EQ(f_heap_held(), was);
	CHECK_EQ(backed(), was);
	CHECK_EQ(sh_mem_trim(UINT64_MAX), 0);
	CHECK(last[0] == 7 && last[SH_UNIT - 1] == 7);
	f_sound("after trim");
}

/* what comes again to all of a window: nothing that is in use goes, and what is free is free */
TEST(all_of_a_window_comes_and_goes)
{
	uint32_t run[RUNS];
	struct sh_pages_stat s;
	uint64_t was;

	nobody_looks();
	f_group();
	take_and_drill(run);
	for (unsigned i = 1; i < RUNS; i += 2)
		memset(sh_unit_addr(run[i]), (int)i, UNITS * SH_UNIT);
	was = backed();
	CHECK_EQ(sh_pages_stat(&s), 0);
	for (uint32_t u = 0; u < run[RUNS - 1] + UNITS; u++)
		touch(u);
	CHECK(f_heap_held() > was);
	CHECK(sh_mem_trim(UINT64_MAX) > 0);
	CHECK_EQ(f_heap_held(), was);
	for (unsigned i = 1; i < RUNS; i += 2) {
		const unsigned char *p = sh_unit_addr(run[i]);

		CHECK(p[0] == i && p[UNITS * SH_UNIT - 1] == i);
		CHECK_EQ(sh_pages_give(run[i]), 0);
	}
	CHECK(sh_mem_trim(UINT64_MAX) > 0);
	CHECK_EQ(f_heap_held(), 0);
	f_sound("after all");
}

/* a page in a hole that somebody takes before anybody looks is one of the run's: counted once */
TEST(a_hole_with_a_page_is_taken_as_it_is)
{
	struct sh_pages_ask ask = {.units = UNITS, .kind = SH_PG_BLOCK, .owner = sh_self(), .zero = true};
	uint32_t run[RUNS], u;
	uint64_t was;

	nobody_looks();
	f_group();
	take_and_drill(run);
	was = backed();
	touch(run[2] + 1);
	CHECK_EQ(sh_pages_take(&ask, &u), 0);
	CHECK(backed() > was);
	CHECK(f_heap_held() <= backed() + 4096);
	CHECK(sh_mem_trim(UINT64_MAX) >= 0);
	CHECK_EQ(f_heap_held(), backed());
	f_sound("taken");
}

/* ---- turns ---- */

static bool clean(void *arg)
{
	(void)arg;
	return f_heap_held() == backed();
}

TEST(nobody_has_a_turn_where_there_is_nothing_to_see)
{
	struct sh_pages_ask ask = {.units = UNITS, .kind = SH_PG_BLOCK, .owner = sh_self()};
	struct sh_mem *m;
	uint32_t u;

	nobody_looks();
	f_group();
	m = sh_ctx.mem;
	CHECK_EQ(sh_watch_turn(m), UINT64_MAX);
	CHECK_EQ(sh_pages_take(&ask, &u), 0);
	CHECK_EQ(sh_watch_turn(m), UINT64_MAX);
	CHECK_EQ(sh_pages_give(u), 0);
	CHECK(sh_mem_trim(UINT64_MAX) > 0); /* holes */
	CHECK(sh_watch_turn(m) != UINT64_MAX);
}

/* a member that has looked has the next turn; who waits longer has it when that one does not come */
TEST(who_has_looked_looks_again_until_it_does_not)
{
	struct sh_mem *m;
	uint32_t run[RUNS];
	uint64_t mine;

	nobody_looks();
	f_group();
	m = sh_ctx.mem;
	take_and_drill(run);
	mine = sh_watch_turn(m); /* who made holes is the first */
	CHECK(mine > 0 && mine <= 100000000);
	sh_store_rel(&m->h->pg.looked,
		     UINT64_MAX / 2); /* later than now: by another clock, which is no reason to wait */
	CHECK_EQ(sh_watch_turn(m), 0);
	mine = sh_watch_turn(m);
	CHECK(mine > 0 && mine <= 100000000);
	sh_store_rel(&m->h->pg.looker, SH_ID(200, 7));
	CHECK(sh_watch_turn(m) > 100000000);
}

TEST(what_comes_to_holes_goes_by_itself)
{
	uint32_t run[RUNS];

	CHECK_EQ(setenv("SHOAL_LOOK_MS", "20", 1), 0);
	f_group();
	take_and_drill(run);
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = 0; k < RUNS; k += 2)
			touch(run[k] + i);
		t_until(clean, NULL);
	}
	f_sound("in the end");
}
