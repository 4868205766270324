/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * huge_test.c - huge pages: the window of those that are set aside, and ordinary ones that the kernel joins
 *
 * A test changes nothing of the machine: without free huge pages (vm.nr_hugepages) most of this is skipped.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_memzone.h>

#include "fake.h"
#include "mem/mem.h"
#include "mem/priv.h"
#include "proc/opts.h"

#define MIB ((uint64_t)1 << 20)

static struct sh_opts opts = {.memory_max = 512 * MIB};

static uint64_t number(const char *name)
{
	char path[128];
	unsigned long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-2048kB/%s", name);
	f = fopen(path, "re");
	if (f != NULL && fscanf(f, "%lu", &n) != 1)
		n = 0;
	if (f != NULL)
		fclose(f);
	return n;
}

static int take(uint64_t bytes, enum sh_page_wish page, uint32_t *u)
{
	struct sh_pages_ask ask = {
		.units = (uint32_t)(bytes / SH_UNIT), .kind = SH_PG_BLOCK, .owner = sh_self(), .page = page};

	return sh_pages_take(&ask, u);
}

static void group(enum sh_huge_opt huge)
{
	opts.huge = huge;
	opts.memory_max = (number("nr_hugepages") + 64) * 2 * MIB;
	sh_ctx.opts = &opts;
	f_huge(true);
	f_group();
}

TEST(free_huge_pages_are_used_first_and_given_back)
{
	const struct rte_memzone *mz;
	struct stat st;
	uint32_t u, v;

	if (number("free_hugepages") < 4)
		SKIP("fewer than 4 huge pages are free");
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

TEST(when_they_are_all_in_use_ordinary_ones_serve)
{
	uint64_t had = number("free_hugepages");
	uint32_t u[300];
	unsigned n = 0;

	if (had < 2 || had > 64)
		SKIP("2 to 64 huge pages are to be free: this test takes them all");
	group(SH_HUGE_AUTO);
	do {
		CHECK_EQ(take(2 * MIB, SH_PAGE_ANY, &u[n]), 0);
		memset(sh_unit_addr(u[n]), 1, 2 * MIB);
	} while (sh_unit_w(u[n++]) == 1);
	CHECK(n > 1 && n <= had + 1);
	CHECK_EQ(take(2 * MIB, SH_PAGE_2M, &u[n]), -ENOBUFS);
	CHECK_EQ(take(2 * MIB, SH_PAGE_4K, &u[n]), 0);
	f_sound("both in use");
	CHECK_EQ(sh_pages_give(u[0]), 0);
	CHECK_EQ(take(2 * MIB, SH_PAGE_ANY, &u[0]), 0);
	CHECK_EQ(sh_unit_w(u[0]), 1);
	f_sound("at the end");
}

TEST(only_means_only)
{
	uint32_t u;

	if (number("free_hugepages") < 1)
		SKIP("no huge page is free");
	group(SH_HUGE_ONLY);
	CHECK_EQ(take(SH_UNIT, SH_PAGE_ANY, &u), 0);
	CHECK_EQ(sh_unit_w(u), 1);
	CHECK_EQ(take(SH_UNIT, SH_PAGE_4K, &u), -ENOMEM);
	CHECK_EQ(take(number("nr_hugepages") * 2 * MIB, SH_PAGE_ANY, &u), -ENOBUFS);
	f_sound("at the end");
}

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
