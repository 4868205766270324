/* SPDX-License-Identifier: BSD-3-Clause */
/* seg_test.c - memory segments as programs walk them: exactly what is backed, once, with its file */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_memory.h>

#include "fake.h"
#include "mem/mem.h"
#include "mem/page.h"
#include "proc/opts.h"

#define MIB ((uint64_t)1 << 20)

static struct sh_opts opts = {.memory_max = 64 * MIB};

static char *take(uint32_t units)
{
	struct sh_pages_ask ask = {.units = units, .kind = SH_PG_BLOCK, .owner = sh_self()};
	uint32_t u;

	CHECK_EQ(sh_pages_take(&ask, &u), 0);
	return sh_unit_addr(u);
}

struct sum {
	const char *from, *to; /* look for this stretch */
	uint64_t bytes, inside, calls;
};

static int one(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
	struct sum *s = arg;
	const char *p = ms->addr;

	CHECK_EQ(ms->len, msl->page_sz);
	CHECK_EQ(ms->iova, (uintptr_t)p);
	CHECK(p >= (char *)msl->base_va && p + ms->len <= (char *)msl->base_va + msl->len);
	CHECK(rte_mem_virt2memseg(p + ms->len - 1, msl) == ms);
	s->bytes += ms->len;
	s->inside += p >= s->from && p < s->to ? ms->len : 0;
	s->calls++;
	return 0;
}

static int stretch(const struct rte_memseg_list *msl, const struct rte_memseg *ms, size_t len, void *arg)
{
	struct sum *s = arg;

	for (size_t at = 0; at < len; at += ms->len)
		CHECK(rte_mem_virt2memseg((char *)ms->addr + at, NULL) == ms + at / ms->len);
	CHECK(rte_mem_virt2memseg((char *)ms->addr + len, msl) == NULL);
	s->bytes += len;
	s->inside += (char *)ms->addr <= s->from && (char *)ms->addr + len >= s->to;
	s->calls++;
	return 0;
}

static int lists(const struct rte_memseg_list *msl, void *arg)
{
	CHECK_EQ(msl->socket_id, 0);
	CHECK(msl->page_sz != 0 && msl->len % msl->page_sz == 0);
	++*(unsigned *)arg;
	return 0;
}

static int stop(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
	(void)msl;
	(void)ms;
	return ++*(int *)arg == 2 ? 7 : 0;
}

TEST(walks_show_what_is_backed)
{
	struct sum s = {0};
	struct sh_pages_stat st;
	unsigned n = 0;
	int calls = 0;
	char *p, here;

	sh_ctx.opts = &opts;
	CHECK_EQ(rte_memseg_list_walk(lists, &n), -1);
	CHECK_EQ(rte_errno, E_RTE_NO_CONFIG);
	CHECK(rte_mem_virt2memseg(&here, NULL) == NULL);
	f_group();
	p = take(300);
	s.from = p;
	s.to = p + 300 * SH_UNIT;
	CHECK_EQ(rte_memseg_walk(one, &s), 0);
	CHECK_EQ(s.inside, 300 * SH_UNIT);
	CHECK_EQ(sh_pages_stat(&st), 0);
	CHECK_EQ(s.bytes, st.backed);
	CHECK_EQ(rte_memseg_walk(stop, &calls), 7);
	CHECK_EQ(calls, 2);
	s.bytes = s.inside = s.calls = 0;
	CHECK_EQ(rte_memseg_contig_walk(stretch, &s), 0);
	CHECK_EQ(s.bytes, st.backed);
	CHECK_EQ(s.inside, 1);
	CHECK_EQ(rte_memseg_list_walk(lists, &n), 0);
	n = s.bytes = s.inside = 0;
	CHECK_EQ(rte_memseg_list_walk_thread_unsafe(lists, &n), 0);
	CHECK_EQ(rte_memseg_walk_thread_unsafe(one, &s), 0);
	CHECK_EQ(s.bytes, st.backed);
	s.bytes = s.inside = 0;
	CHECK_EQ(rte_memseg_contig_walk_thread_unsafe(stretch, &s), 0);
	CHECK_EQ(s.bytes, st.backed);
	CHECK(n >= 1 && n <= SH_WINDOWS);
	CHECK(rte_mem_virt2memseg_list(p) != NULL && rte_mem_virt2memseg_list(&here) == NULL);
	CHECK(rte_mem_virt2memseg(&here, NULL) == NULL);
	CHECK(rte_mem_virt2memseg((char *)rte_mem_virt2memseg_list(p)->base_va + 60 * MIB, NULL) == NULL);
	CHECK_EQ(rte_mem_check_dma_mask(47), 0);
	CHECK_EQ(rte_mem_check_dma_mask_thread_unsafe(33), -1);
	CHECK_EQ(rte_mem_check_dma_mask(32), -1);
	CHECK_EQ(rte_mem_check_dma_mask(64), -1);
}

TEST(a_segment_has_its_place_in_a_file)
{
	struct rte_memseg *ms, not_ours = {.len = 1};
	char *p, got[8] = "";
	size_t off;

	sh_ctx.opts = &opts;
	f_group();
	p = take(2);
	strcpy(p + SH_UNIT + 3, "here");
	ms = rte_mem_virt2memseg(p + SH_UNIT + 3, NULL);
	CHECK(ms != NULL);
	CHECK_EQ(rte_memseg_get_fd_offset(ms, &off), 0);
	CHECK_EQ(pread(rte_memseg_get_fd(ms), got, 5, (off_t)(off + (size_t)(p + SH_UNIT + 3 - (char *)ms->addr))), 5);
	CHECK_STR(got, "here");
	CHECK_EQ(rte_memseg_get_fd_thread_unsafe(ms), rte_memseg_get_fd(ms));
	CHECK_EQ(rte_memseg_get_fd_offset_thread_unsafe(ms, &off), 0);
	CHECK_EQ(rte_memseg_get_fd(&not_ours), -1);
	CHECK_EQ(rte_errno, EINVAL);
	CHECK_EQ(rte_memseg_get_fd(ms + 100000), -1);
	CHECK_EQ(rte_memseg_get_fd_offset(ms, NULL), -1);
	CHECK_EQ(rte_memseg_get_fd(NULL), -1);
	sh_seg_stop();
}
