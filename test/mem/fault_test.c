/* SPDX-License-Identifier: BSD-3-Clause */
/* fault_test.c - the n-th system call fails, for every n, in start, reserve, free, stop */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_memzone.h>

#include "fake.h"
#include "mem/mem.h"
#include "sysfail.h"

static bool window_is_mapped(void)
{
	/* a page that is mapped, present or not, can be given advice */
	return madvise((void *)(uintptr_t)(SH_BASE_ADDR + SH_RANGE_MEM), 4096, MADV_NORMAL) == 0;
}

/* one round of everything; what fails says so, and what it did not do is not there */
static void a_life(void *arg)
{
	const struct rte_memzone *big, *small;
	struct sh_mem_stat s;
	unsigned fds;
	int r;

	(void)arg;
	t_sysfail_pause(true);
	f_group_bare();
	fds = t_open_fds(getpid());
	t_sysfail_pause(false);
	r = sh_mem_start();
	if (r < 0) {
		t_sysfail_pause(true);
		CHECK(t_sysfail_hit() && sh_ctx.mem == NULL && !window_is_mapped());
		CHECK_EQ(t_open_fds(getpid()), fds);
		return;
	}
	rte_errno = 0;
	small = rte_memzone_reserve("small", 100, SOCKET_ID_ANY, 0);
	CHECK(small != NULL || rte_errno == ENOMEM);
	big = rte_memzone_reserve("big", 3 << 20, SOCKET_ID_ANY, 0);
	CHECK(big != NULL || rte_errno == ENOMEM);
	if (big != NULL)
		memset(big->addr, 1, big->len);
	CHECK((big != NULL && small != NULL) || t_sysfail_hit());
	CHECK_EQ(rte_memzone_free(big), big != NULL ? 0 : -EINVAL);
	CHECK_EQ(rte_memzone_free(small), small != NULL ? 0 : -EINVAL);
	t_sysfail_pause(true);
	CHECK_EQ(sh_mem_stat(&s), 0);
	CHECK(s.used == 0 && s.zones == 0 && s.largest_free == s.total);
	CHECK(rte_memzone_reserve("big", 3 << 20, SOCKET_ID_ANY, 0) != NULL); /* it works as if nothing had been */
	f_sound("after a failed call");
	sh_mem_stop();
	CHECK(!window_is_mapped());
	CHECK_EQ(t_open_fds(getpid()), fds);
}

TEST_T(any_failing_system_call_is_an_error_and_no_more, 120)
{
	CHECK(t_sysfail_sweep(a_life, NULL, 0, 1, NULL, NULL) > 8);
	CHECK(t_sysfail_sweep(a_life, NULL, ENOSPC, 1, NULL, NULL) > 8);
	CHECK(t_sysfail_sweep(a_life, NULL, ENOSYS, 1, NULL, NULL) > 8);
}
