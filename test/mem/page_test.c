/* SPDX-License-Identifier: BSD-3-Clause */
/* page_test.c - runs of pages: who has what, what is backed, growth; no deaths here (crash_test.c) */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_errno.h>
#include <shoal_mem.h>

#include "fake.h"
#include "mem/mem.h"
#include "mem/page.h"
#include "mem/priv.h"
#include "proc/opts.h"

#define MIB ((uint64_t)1 << 20)
#define ID(u) ((u) + 1)

static struct sh_opts opts = {.memory_max = 64 * MIB};

static struct sh_pages_stat now(void)
{
	struct sh_pages_stat s;

	CHECK_EQ(sh_pages_stat(&s), 0);
	return s;
}

static int take(uint32_t units, uint32_t align, uint32_t *u)
{
	struct sh_pages_ask ask = {.units = units, .align = align, .kind = SH_PG_BLOCK, .owner = sh_self()};

	return sh_pages_take(&ask, u);
}

static void small_group(void)
{
	sh_ctx.opts = &opts;
	f_group();
}

TEST(a_run_is_backed_aligned_and_found_by_its_address)
{
	uint32_t u, v;

	small_group();
	CHECK_EQ(take(3, 1, &u), 0);
	memset(sh_unit_addr(u), 1, 3 * SH_UNIT);
	CHECK_EQ(sh_use_kind(sh_load_rlx(&sh_desc(u)->use)), SH_PG_BLOCK);
	CHECK_EQ(sh_use_units(sh_load_rlx(&sh_desc(u)->use)), 3);
	CHECK_EQ(sh_load_rlx(&sh_desc(u)->owner), sh_self());
	CHECK_EQ(sh_addr_unit((char *)sh_unit_addr(u) + SH_UNIT + 5), u + 1);
	CHECK_EQ(sh_addr_unit(&u), SH_UNIT_NONE);
	CHECK_EQ(take(4, 256, &v), 0);
	CHECK_EQ((uintptr_t)sh_unit_addr(v) % (256 * SH_UNIT), 0);
	CHECK_EQ(sh_pages_give(u + 1), -EINVAL);
	CHECK_EQ(sh_pages_give(SH_UNIT_NONE), -EINVAL);
	CHECK_EQ(sh_pages_give(SH_UNIT_W1), -EINVAL);
	CHECK_EQ(sh_pages_give(u), 0);
	CHECK_EQ(sh_pages_give(u), -EINVAL);
	CHECK_EQ(sh_pages_give(v), 0);
	CHECK_EQ(now().used, 0);
	f_sound("after all");
}

TEST(growth_is_by_steps_and_no_more_than_there_may_be)
{
	uint32_t u[5], k;

	small_group();
	CHECK_EQ(now().backed, 0);
	CHECK_EQ(take(1, 1, &u[0]), 0);
	CHECK_EQ(now().backed, 2 * MIB);
	CHECK_EQ(take(127, 1, &u[1]), 0);
	CHECK_EQ(now().backed, 2 * MIB);
	CHECK_EQ(take((uint32_t)(62 * MIB / SH_UNIT) + 1, 1, &u[2]), -ENOMEM);
	CHECK_EQ(take((uint32_t)(62 * MIB / SH_UNIT), 1, &u[2]), 0);
	CHECK_EQ(now().backed, 64 * MIB);
	memset(sh_unit_addr(u[2]), 7, 62 * MIB);
	CHECK_EQ(take(1, 1, &k), -ENOMEM);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(sh_pages_give(u[i]), 0);
	CHECK_EQ(take((uint32_t)(64 * MIB / SH_UNIT), 1, &u[0]), 0); /* all of it is one again */
	CHECK_EQ(sh_pages_give(u[0]), 0);
	f_sound("after all");
}

#define HELD 200

TEST(no_two_runs_overlap)
{
	uint32_t at[HELD] = {0}, len[HELD] = {0};
	unsigned seed = 7;

	small_group();
	for (unsigned i = 0; i < 20000; i++) {
		unsigned k = (unsigned)rand_r(&seed) % HELD;

		if (len[k] != 0) {
			for (uint32_t x = 0; x < len[k]; x++)
				CHECK_EQ(*(uint32_t *)sh_unit_addr(at[k] + x), ID(k));
			CHECK_EQ(sh_pages_give(at[k]), 0);
			len[k] = 0;
		} else {
			uint32_t n = 1 + (uint32_t)rand_r(&seed) % 30, a = 1u << rand_r(&seed) % 4;

			if (take(n, a, &at[k]) != 0)
				continue;
			len[k] = n;
			CHECK_EQ(at[k] % a, 0);
			for (uint32_t x = 0; x < n; x++)
				*(uint32_t *)sh_unit_addr(at[k] + x) = ID(k);
		}
		if (i % 1000 == 0)
			f_sound("among them");
	}
	for (unsigned k = 0; k < HELD; k++)
		if (len[k] != 0)
			CHECK_EQ(sh_pages_give(at[k]), 0);
	CHECK_EQ(now().used, 0);
	f_sound("all are free");
}

static int fills_up(void *arg)
{
	_Atomic uint64_t *got = arg;
	uint32_t u;
	int r;

	while ((r = take(4, 1, &u)) == 0) {
		for (unsigned i = 0; i < 4; i++)
			if (sh_xchg((_Atomic uint64_t *)sh_unit_addr(u + i), 1) != 0)
				return 1; /* somebody else has it too */
		sh_add(got, 4);
	}
	return r == -ENOMEM ? 0 : 2;
}

TEST(two_who_grow_at_once_get_all_there_is_and_no_unit_twice)
{
	_Atomic uint64_t *got = f_shared(64);
	pid_t pid[3];

	small_group();
	for (unsigned i = 0; i < 3; i++)
		pid[i] = f_member(fills_up, got, NULL);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(f_wait(pid[i]), 0);
	CHECK_EQ(sh_load_acq(got), 64 * MIB / SH_UNIT);
	CHECK_EQ(now().used, sh_load_acq(got) * SH_UNIT);
	CHECK(now().backed <= 64 * MIB);
	f_sound("after both");
}

/* ---- giving back ---- */

static void group_with(uint64_t decay)
{
	opts.mem_decay = decay;
	small_group();
}

TEST(what_is_free_goes_back_when_told_also_in_the_middle)
{
	uint32_t u[8];

	CHECK_EQ(shoal_mem_trim(), -1);
	CHECK_EQ(rte_errno, ENOTSUP);
	small_group();
	for (unsigned i = 0; i < 8; i++) {
		CHECK_EQ(take(100, 1, &u[i]), 0);
		memset(sh_unit_addr(u[i]), (int)i + 1, 100 * SH_UNIT);
	}
	CHECK_EQ(sh_pages_give(u[2]), 0);
	CHECK_EQ(sh_pages_give(u[5]), 0);
	CHECK_EQ(now().backed, 14 * MIB);
	CHECK_EQ(shoal_mem_trim(), 14 * MIB - 600 * SH_UNIT);
	CHECK_EQ(now().backed, 600 * SH_UNIT);
	CHECK_EQ(f_heap_held(), 600 * SH_UNIT); /* so says the kernel */
	CHECK_EQ(sh_mem_trim(UINT64_MAX), 0);
	f_sound("with holes");
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(*((char *)sh_unit_addr(u[i]) + 5), i == 2 || i == 5 ? 0 : (int)i + 1);
	CHECK_EQ(take(90, 1, &u[2]), 0);
	CHECK_EQ(take(10, 1, &u[5]), 0);
	memset(sh_unit_addr(u[2]), 1, 90 * SH_UNIT);
	f_sound("filled again");
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(sh_pages_give(u[i]), 0);
	CHECK(sh_mem_trim(UINT64_MAX) > 0);
	CHECK_EQ(now().backed, 0);
}

TEST(what_is_free_makes_room_for_who_finds_the_limit_reached)
{
	uint32_t u[16], k;

	small_group();
	for (unsigned i = 0; i < 16; i++)
		CHECK_EQ(take(256, 1, &u[i]), 0);
	CHECK_EQ(now().backed, 64 * MIB);
	for (unsigned i = 0; i < 16; i += 2)
		CHECK_EQ(sh_pages_give(u[i]), 0);
	CHECK_EQ(sh_mem_trim(256), 256);
	CHECK_EQ(sh_pages_give(u[1]), 0); /* 0 to 2: 768 in a row, of which 256 have no pages */
	CHECK_EQ(now().backed, 60 * MIB);
	CHECK_EQ(take(768, 1, &k), 0);
	CHECK_EQ(k, u[0]);
	CHECK_EQ(now().backed, 64 * MIB);
	f_sound("after all");
}

TEST(without_decay_pages_go_with_the_free)
{
	uint32_t u;

	group_with(0 + 1);
	CHECK_EQ(take(300, 1, &u), 0);
	CHECK_EQ(sh_pages_give(u), 0);
	CHECK_EQ(now().backed, 0);
	CHECK_EQ(f_heap_held(), 0);
}

static bool all_gone(void *arg)
{
	return f_heap_held() <= *(uint64_t *)arg;
}

TEST(decay_gives_back_what_nobody_took_again)
{
	uint32_t u, v;
	uint64_t rest = 2 * MIB;

	group_with(20 + 1);
	CHECK_EQ(take(300, 1, &u), 0);
	CHECK_EQ(take(60, 1, &v), 0);
	CHECK_EQ(sh_pages_give(u), 0);
	t_until(all_gone, &rest);
	CHECK_EQ(sh_pages_give(v), 0);
	rest = 0;
	t_until(all_gone, &rest);
	f_sound("all went back");
	sh_mem_stop();
}

/* 44 MiB that begin and end inside a page of 2 MiB; they are used as if it were one, and go in two cuts of 32 MiB at most */
static void half_pages(uint64_t decay)
{
	uint32_t a, b, c;

	group_with(decay);
	CHECK_EQ(take(5, 1, &a), 0);
	CHECK_EQ(take((uint32_t)(44 * MIB / SH_UNIT), 1, &b), 0);
	CHECK_EQ(take(5, 1, &c), 0);
	CHECK(b == a + 5 && c == b + 44 * MIB / SH_UNIT);
	CHECK_EQ(f_heap_held(), 46 * MIB);
	sh_ctx.mem->w[0].page = 2 * MIB; /* as in the window of huge pages */
	CHECK_EQ(sh_pages_give(b), 0);
}

TEST(whole_pages_behind_a_part_of_one_go_when_told)
{
	half_pages(0);
	CHECK_EQ(sh_mem_trim(UINT64_MAX), 42 * MIB / SH_UNIT);
	CHECK_EQ(f_heap_held(), 4 * MIB);
	CHECK_EQ(sh_mem_trim(UINT64_MAX), 0);
	f_sound("pages in part used are left");
}

TEST(whole_pages_behind_a_part_of_one_go_by_decay)
{
	uint64_t rest = 4 * MIB;

	half_pages(20 + 1);
	t_until(all_gone, &rest);
	f_sound("pages in part used are left");
	sh_mem_stop();
}

static int does_nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* the bits of a page are two words: who dies between them has marked half of it */
TEST(a_page_that_the_dead_marked_in_part_stays_whole)
{
	struct sh_work *w;
	struct sh_mem *m;
	sh_id_t dead;
	uint32_t u;

	small_group();
	CHECK_EQ(take(SH_STEP_UNITS, SH_STEP_UNITS, &u), 0);
	CHECK_EQ(f_heap_held(), 2 * MIB);
	CHECK_EQ(sh_mem_lock_grow(&m), 0);
	m->w[0].page = 2 * MIB; /* as in the window of huge pages */
	sh_store_rel(&sh_step_of(m, u)->bit[1], 0);
	CHECK_EQ(f_wait(f_member(does_nothing, NULL, &dead)), 0);
	w = &m->h->works[0];
	sh_store_rel(&w->run, (uint64_t)SH_STEP_UNITS << 32 | u);
	sh_store_rel(&w->held, SH_STEP_UNITS);
	sh_store_rel(&w->owner, dead);
	sh_back_mend(m);
	sh_mem_unlock_grow(m);
	CHECK_EQ(sh_load_acq(&w->owner), 0);
	CHECK_EQ(sh_run_missing(m, u, SH_STEP_UNITS), 0);
	CHECK_EQ(now().backed, 2 * MIB);
	CHECK_EQ(f_heap_held(), 2 * MIB);
}

TEST(more_than_a_part_is_not_kept_however_long_it_may_be)
{
	uint32_t u;
	uint64_t rest = 64 * MIB;

	opts.memory_max = 256 * MIB;
	group_with(3600 * 1000 + 1);
	CHECK_EQ(take((uint32_t)(100 * MIB / SH_UNIT), 1, &u), 0);
	CHECK_EQ(sh_pages_give(u), 0);
	t_until(all_gone, &rest);
	CHECK(now().backed > 20 * MIB);
	f_sound("the rest is kept");
	sh_mem_stop();
}

static int dies_with_all(void *arg)
{
	struct sh_pages_ask ask = {.units = (uint32_t)(64 * MIB / SH_UNIT)};
	struct sh_hold hold;

	(void)arg;
	return sh_pages_hold(&ask, &hold);
}

TEST(what_the_dead_had_in_hand_is_free_before_anybody_hears_of_it)
{
	sh_id_t id;
	uint32_t u;

	small_group();
	CHECK_EQ(f_wait(f_member(dies_with_all, NULL, &id)), 0);
	CHECK(sh_member_alive(id)); /* as far as the table knows */
	CHECK_EQ(take((uint32_t)(64 * MIB / SH_UNIT), 1, &u), 0);
	f_sound("after it");
}

static int gives_and_dies(void *arg)
{
	uint32_t u;

	(void)arg;
	return take(300, 1, &u) == 0 && sh_pages_give(u) == 0 ? 0 : 1;
}

TEST(what_the_dead_freed_is_given_back_by_those_who_hear_of_it)
{
	uint64_t rest = 0;
	sh_id_t id;

#ifdef SH_TSAN
	SKIP("TSan ends a forked child that starts threads");
#endif
	group_with(200 + 1);
	CHECK_EQ(f_wait(f_member(gives_and_dies, NULL, &id)), 0);
	CHECK_EQ(f_heap_held(), 6 * MIB);
	CHECK_EQ(sh_member_probe(id), 1);
	f_event(SH_EV_DEATH, id);
	t_until(all_gone, &rest);
	f_sound("all went back");
	sh_mem_stop();
}
