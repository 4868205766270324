/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * huge_test.c - huge pages: the window of those that are set aside, and ordinary ones that the kernel joins
 *
 * As root a case sets pages of 2 MiB aside for itself (hugepages.h); elsewhere what needs them is skipped.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_memzone.h>

#include "fake.h"
#include "hugepages.h"
#include "mem/mem.h"
#include "mem/priv.h"
#include "proc/opts.h"

#define MIB ((uint64_t)1 << 20)

static struct sh_opts opts = {.memory_max = 512 * MIB};

static int take(uint64_t bytes, enum sh_page_wish page, uint32_t *u)
{
	struct sh_pages_ask ask = {
		.units = (uint32_t)(bytes / SH_UNIT), .kind = SH_PG_BLOCK, .owner = sh_self(), .page = page};

	return sh_pages_take(&ask, u);
}

static void group(enum sh_huge_opt huge)
{
	opts.huge = huge;
	opts.memory_max = (t_huge_number("nr_hugepages") + 64) * 2 * MIB;
	sh_ctx.opts = &opts;
	f_huge(true);
	f_group();
}

TEST(free_huge_pages_are_used_first_and_given_back)
{
	const struct rte_memzone *mz;
	struct stat st;
	uint32_t u, v;

	t_huge_pages(8);
	group(SH_HUGE_AUTO);
	CHECK_EQ(fstat(sh_group_fd(SH_FD_HEAP1), &st), 0);
	CHECK_EQ(st.st_size, 0); /* mapped, and not a byte long */
	CHECK_EQ(take(SH_UNIT, SH_PAGE_ANY, &u), 0);
	CHECK_EQ(sh_unit_w(u), 1);
	CHECK_EQ((uintptr_t)sh_unit_addr(u) % (2 * MIB), 0);
	memset(sh_unit_addr(u), 1, SH_UNIT);
	CHECK_EQ(f_heap_held(), 2 * MIB);
	CHECK_EQ(take(3 * MIB, SH_PAGE_ANY, &v), 0);
	memset(sh_unit_addr(v), 2, 3 * MIB);
	CHECK_EQ(f_heap_held(), 4 * MIB);
	mz = rte_memzone_reserve("huge", 100, 0, RTE_MEMZONE_2MB);
	CHECK(mz != NULL && mz->hugepage_sz == 2 * MIB);
	mz = rte_memzone_reserve("hint", 100, 0, RTE_MEMZONE_1GB | RTE_MEMZONE_SIZE_HINT_ONLY);
	CHECK(mz != NULL);
	CHECK(rte_memzone_reserve("none", 100, 0, RTE_MEMZONE_1GB) == NULL);
	CHECK_EQ(rte_errno, ENOMEM);
	f_sound("in use");
	CHECK_EQ(sh_pages_give(v), 0);
	CHECK_EQ(rte_memzone_free(rte_memzone_lookup("huge")), 0);
	CHECK_EQ(rte_memzone_free(rte_memzone_lookup("hint")), 0);
	CHECK(sh_mem_trim(UINT64_MAX) > 0);
	CHECK_EQ(f_heap_held(), 2 * MIB); /* u lies in it */
	f_sound("given back in part");
	CHECK_EQ(sh_pages_give(u), 0);
	CHECK(sh_mem_trim(UINT64_MAX) > 0);
	CHECK_EQ(f_heap_held(), 0);
	f_sound("all given back");
}

/* so many steps of 2 MiB from the pages that are set aside, until there are no more: how many. The last is of another */
static unsigned take_all(uint32_t *u, unsigned most)
{
	unsigned n = 0;

	do {
		CHECK(n < most);
		CHECK_EQ(take(2 * MIB, SH_PAGE_ANY, &u[n]), 0);
		memset(sh_unit_addr(u[n]), 1, 2 * MIB);
	} while (sh_unit_w(u[n++]) == 1);
	return n;
}

static void all_in_use(void *arg)
{
	const struct rte_memzone *mz;
	uint32_t u[300], more;
	unsigned n;

	(void)arg;
	group(SH_HUGE_AUTO);
	n = take_all(u, 300);
	CHECK(n > 4);
	CHECK_EQ(take(2 * MIB, SH_PAGE_2M, &more), -ENOBUFS);
	CHECK_EQ(take(2 * MIB, SH_PAGE_4K, &more), 0);
	CHECK(rte_memzone_reserve("huge", 3 * MIB, 0, RTE_MEMZONE_2MB) == NULL);
	CHECK_EQ(rte_errno, ENOMEM);
	mz = rte_memzone_reserve("hint", 3 * MIB, 0, RTE_MEMZONE_2MB | RTE_MEMZONE_SIZE_HINT_ONLY);
	CHECK(mz != NULL && mz->hugepage_sz == 4096);
	CHECK(rte_malloc(NULL, 5 * MIB, 0) != NULL);
	f_sound("both in use");
	CHECK_EQ(sh_pages_give(u[0]), 0);
	CHECK_EQ(take(2 * MIB, SH_PAGE_ANY, &u[0]), 0);
	CHECK_EQ(sh_unit_w(u[0]), 1);
	f_sound("at the end");
}

TEST_T(when_they_are_all_in_use_ordinary_ones_serve_which_is_said_once, 120)
{
	char err[8192], *said;

	t_huge_pages(8);
	if (t_huge_number("free_hugepages") > 256)
		SKIP("more than 256 huge pages are free: this test takes them all");
	CHECK_EQ(t_fork(all_in_use, NULL, err, sizeof(err)), 0);
	CHECK_HAS(err, "no huge page of 2 MiB is free");
	said = strstr(err, "no huge page of 2 MiB is free");
	CHECK(strstr(said + 1, "no huge page of 2 MiB is free") == NULL);
}

/* bytes that have pages */
static uint64_t held(enum sh_group_fd which)
{
	struct stat st;

	CHECK_EQ(fstat(sh_group_fd(which), &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* more from the start than there are huge pages: all that are free, unless another program is faster, and ordinary ones */
static void first_of_both(void *arg)
{
	struct sh_pages_stat s;
	uint64_t of_huge, more;

	opts.mem_mb = 40;
	opts.mem_decay = 0 + 1;
	group(SH_HUGE_AUTO);
	of_huge = held(SH_FD_HEAP1);
	CHECK_EQ(of_huge + held(SH_FD_HEAP0), 40 * MIB);
	CHECK_EQ(sh_pages_stat(&s), 0);
	CHECK_EQ(s.backed, 40 * MIB);
	more = 60 * MIB;
	rte_free(rte_malloc(NULL, more, 0));
	CHECK(sh_mem_trim(UINT64_MAX) >= 0);
	CHECK_EQ(held(SH_FD_HEAP0) + held(SH_FD_HEAP1), 40 * MIB); /* it stays */
	f_sound("at the end");
	*(uint64_t *)arg = of_huge / (2 * MIB);
}

TEST_T(what_m_asks_for_has_the_huge_pages_that_are_free_and_others, 120)
{
	uint64_t *got = f_shared(sizeof(*got));
	char err[8192];

	t_huge_pages(8);
	for (unsigned i = 0; i < 20 && *got != 8; i++) {
		t_huge_again(8);
		CHECK_EQ(t_fork(first_of_both, got, err, sizeof(err)), 0);
		CHECK(*got < 20);
	}
	CHECK_EQ(*got, 8);
	CHECK_HAS(err, "-m or --socket-mem: 16 of 40 MiB have huge pages of 2 MiB");
}

static void first_of_huge_only(void *arg)
{
	(void)arg;
	opts.mem_mb = (t_huge_number("nr_hugepages") + 1) * 2;
	opts.memory_max = 2 * opts.mem_mb * MIB;
	opts.huge = SH_HUGE_ONLY;
	sh_ctx.opts = &opts;
	f_huge(true);
	f_group_bare();
	CHECK_EQ(sh_mem_start(), -ENOMEM);
}

TEST_T(more_from_the_start_than_there_are_huge_pages_is_an_error_with_only, 120)
{
	char err[8192];

	t_huge_pages(8);
	CHECK_EQ(t_fork(first_of_huge_only, NULL, err, sizeof(err)), 0);
	CHECK_HAS(err, "asks for at the start: there are not so many huge pages of 2 MiB free, and --huge=only");
}

TEST_T(only_means_only, 120)
{
	uint32_t u;

	t_huge_pages(8);
	group(SH_HUGE_ONLY);
	CHECK_EQ(take(SH_UNIT, SH_PAGE_ANY, &u), 0);
	CHECK_EQ(sh_unit_w(u), 1);
	CHECK_EQ(take(SH_UNIT, SH_PAGE_4K, &u), -ENOMEM);
	CHECK_EQ(take((uint64_t)t_huge_number("nr_hugepages") * 2 * MIB, SH_PAGE_ANY, &u), -ENOBUFS);
	CHECK(rte_malloc(NULL, 100, 0) != NULL);
	CHECK_EQ(f_heap_held(), 2 * MIB);
	f_sound("at the end");
}

TEST_T(never_means_never, 120)
{
	uint32_t u;

	t_huge_pages(8);
	group(SH_HUGE_NEVER);
	CHECK_EQ(take(SH_UNIT, SH_PAGE_ANY, &u), 0);
	CHECK_EQ(sh_unit_w(u), 0);
	CHECK_EQ(take(SH_UNIT, SH_PAGE_2M, &u), -ENOMEM);
	CHECK(rte_memzone_reserve("huge", 100, 0, RTE_MEMZONE_2MB) == NULL);
	CHECK(!sh_mem_has_huge());
	f_sound("at the end");
}

/* ---- what is freed in the midst of others ---- */

#define BLOCKS 10

/* blocks of 3 MiB side by side; every second one is freed: half of the pages lie in one that is in use */
static void *blocks[BLOCKS];

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (void *const *)a, y = (uintptr_t) * (void *const *)b;

	return x < y ? -1 : x > y;
}

static void fill_and_free_half(unsigned decay)
{
	opts.mem_decay = decay;
	group(SH_HUGE_ONLY);
	for (unsigned i = 0; i < BLOCKS; i++) {
		blocks[i] = rte_malloc(NULL, 3 * MIB, 0);
		CHECK(blocks[i] != NULL);
		memset(blocks[i], (int)i, 3 * MIB);
	}
	qsort(blocks, BLOCKS, sizeof(blocks[0]), by_address);
	CHECK_EQ((char *)blocks[BLOCKS - 1] - (char *)blocks[0], (BLOCKS - 1) * 3 * MIB);
	CHECK_EQ(f_heap_held(), BLOCKS * 3 * MIB);
	for (unsigned i = 1; i < BLOCKS; i += 2)
		rte_free(blocks[i]);
}

/* of each pair of blocks, 6 MiB, one page is free as a whole; the last block ends with a page */
#define LEFT ((BLOCKS / 2 * 3 - BLOCKS / 2) * 2 * MIB)

static void free_the_rest(void)
{
	f_sound("half is free");
	for (unsigned i = 0; i < BLOCKS; i += 2)
		rte_free(blocks[i]);
}

static bool holds(void *arg)
{
	return f_heap_held() == *(uint64_t *)arg;
}

TEST_T(without_decay_whole_pages_go_with_the_free, 120)
{
	t_huge_pages(24);
	fill_and_free_half(0 + 1);
	CHECK_EQ(f_heap_held(), LEFT);
	free_the_rest();
	CHECK_EQ(f_heap_held(), 0);
	f_sound("at the end");
}

TEST_T(whole_pages_go_by_decay, 120)
{
	uint64_t left = LEFT, none = 0;

	t_huge_pages(24);
	fill_and_free_half(20 + 1);
	t_until(holds, &left);
	free_the_rest();
	t_until(holds, &none);
	f_sound("at the end");
	sh_mem_stop();
}

TEST_T(whole_pages_go_when_told, 120)
{
	t_huge_pages(24);
	fill_and_free_half(0);
	CHECK_EQ(f_heap_held(), BLOCKS * 3 * MIB);
	CHECK(sh_mem_trim(UINT64_MAX) > 0);
	CHECK_EQ(f_heap_held(), LEFT);
	CHECK_EQ(sh_mem_trim(UINT64_MAX), 0);
	free_the_rest();
	CHECK(sh_mem_trim(UINT64_MAX) > 0);
	CHECK_EQ(f_heap_held(), 0);
	f_sound("at the end");
	CHECK(rte_zmalloc(NULL, 20 * MIB, 0) != NULL); /* and they come again */
	CHECK_EQ(f_heap_held(), 20 * MIB);
}

/* ---- what programs see ---- */

struct seen {
	uint64_t small, large;
	unsigned lists;
};

static int see(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
	struct seen *s = arg;

	CHECK_EQ(ms->hugepage_sz, msl->page_sz);
	CHECK_EQ(ms->len, msl->page_sz);
	CHECK(ms->hugepage_sz == SH_UNIT || ms->hugepage_sz == 2 * MIB);
	CHECK_EQ((uintptr_t)ms->addr % ms->hugepage_sz, 0);
	CHECK(rte_mem_virt2memseg((char *)ms->addr + ms->len - 1, msl) == ms);
	*(ms->hugepage_sz == SH_UNIT ? &s->small : &s->large) += ms->len;
	return 0;
}

static int see_list(const struct rte_memseg_list *msl, void *arg)
{
	((struct seen *)arg)->lists |= msl->page_sz == SH_UNIT ? 1 : msl->page_sz == 2 * MIB ? 2 : 4;
	return 0;
}

TEST_T(walks_show_the_pages_as_they_are, 120)
{
	const struct rte_memzone *a, *b;
	struct seen s = {0};
	uint32_t u;

	t_huge_pages(8);
	group(SH_HUGE_AUTO);
	CHECK_EQ(take(3 * MIB, SH_PAGE_ANY, &u), 0);
	CHECK_EQ(take(5 * SH_UNIT, SH_PAGE_4K, &u), 0);
	a = rte_memzone_reserve("large", 5 * MIB, 0, RTE_MEMZONE_2MB);
	b = rte_memzone_reserve("two sizes", 64, 0, RTE_MEMZONE_2MB | RTE_MEMZONE_1GB);
	CHECK(a != NULL && b != NULL);
	CHECK_EQ(a->hugepage_sz, 2 * MIB);
	CHECK_EQ(b->hugepage_sz, 2 * MIB);
	CHECK_EQ(rte_mem_virt2memseg(a->addr, NULL)->hugepage_sz, 2 * MIB);
	CHECK_EQ(rte_memseg_walk(see, &s), 0);
	CHECK_EQ(rte_memseg_list_walk(see_list, &s), 0);
	CHECK_EQ(s.lists, 1 | 2);
	CHECK_EQ(s.small + s.large, f_heap_held());
	CHECK(s.small >= 5 * SH_UNIT && s.large >= 8 * MIB);
}

/* ---- where there are none ---- */

static void only_without_any(void *arg)
{
	(void)arg;
	opts.huge = SH_HUGE_ONLY;
	sh_ctx.opts = &opts;
	f_group_bare(); /* as where the kernel has no such files */
	CHECK_EQ(sh_mem_start(), -ENOMEM);
}

static void auto_without_any(void *arg)
{
	uint32_t u;

	(void)arg;
	opts.huge = SH_HUGE_AUTO;
	sh_ctx.opts = &opts;
	f_group();
	CHECK_EQ(take(SH_UNIT, SH_PAGE_ANY, &u), 0);
	CHECK_EQ(sh_unit_w(u), 0);
	CHECK_EQ(take(SH_UNIT, SH_PAGE_2M, &u), -ENOMEM);
	CHECK(rte_memzone_reserve("huge", 100, 0, RTE_MEMZONE_2MB) == NULL);
	CHECK_EQ(rte_errno, ENOMEM);
	CHECK(rte_memzone_reserve("hint", 100, 0, RTE_MEMZONE_2MB | RTE_MEMZONE_SIZE_HINT_ONLY) != NULL);
}

TEST(where_there_are_none_that_is_said)
{
	char err[2048];

	CHECK_EQ(t_fork(only_without_any, NULL, err, sizeof(err)), 0);
	CHECK_HAS(err, "vm.nr_hugepages");
	CHECK_EQ(t_fork(auto_without_any, NULL, err, sizeof(err)), 0);
	CHECK_HAS(err, "no huge pages");
}

TEST(joined_pages_are_backed_whole)
{
	uint32_t u;

	opts.huge = SH_HUGE_AUTO;
	sh_ctx.opts = &opts;
	if (!sh_huge_joined())
		SKIP("the kernel joins no pages of shared memory here (shmem_enabled)");
	f_group();
	CHECK_EQ(take(6 * MIB, SH_PAGE_4K, &u), 0);
	CHECK_EQ(f_heap_held(), 6 * MIB);
	CHECK_EQ(sh_pages_give(u), 0);
	CHECK_EQ(take(SH_UNIT, SH_PAGE_4K, &u), 0);
	CHECK(sh_mem_trim(UINT64_MAX) > 0);
	CHECK_EQ(f_heap_held(), SH_UNIT);
	f_sound("cut again");
}
