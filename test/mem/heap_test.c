/* SPDX-License-Identifier: BSD-3-Clause */
/* heap_test.c - rte_malloc.h in one process and in several: blocks, refusals, what goes back */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memzone.h>
#include <shoal_mem.h>

#include "fake.h"
#include "mem/heap.h"
#include "mem/mem.h"

/* runs in use, and units of them */
static uint64_t used(void)
{
	struct sh_pages_stat s;

	CHECK_EQ(sh_pages_stat(&s), 0);
	return s.used;
}

static void fill(void *p, size_t n, unsigned seed)
{
	memset(p, (int)(seed * 37 + 11) & 0xff, n);
}

static bool holds(const void *p, size_t n, unsigned seed)
{
	const unsigned char *c = p;

	for (size_t i = 0; i < n; i++)
		if (c[i] != ((seed * 37 + 11) & 0xff))
			return false;
	return true;
}

TEST(classes_hold_what_they_say)
{
	size_t last = 0;

	for (unsigned c = 0; c < SH_CLASSES; c++) {
		const struct sh_class *k = &sh_classes[c];

		CHECK(k->size > last && k->size % 64 == 0 && k->front % 64 == 0);
		CHECK_EQ(sh_class_of(k->size), c);
		CHECK_EQ(sh_class_of(last + 1), c);
		CHECK(k->n >= 8 && k->n <= SH_SPAN_N_MAX && k->units < SH_SPAN_UNITS_MAX);
		CHECK(k->tab >= (k->n + 63) / 64 * 8 && k->front >= k->tab + 4 * k->n);
		CHECK(k->front + (size_t)k->n * k->size <= k->units * SH_UNIT);
		CHECK(k->front + (size_t)(k->n + 1) * k->size > k->units * SH_UNIT - 128);
		for (uint64_t off = 0; off < k->units * SH_UNIT; off += 64)
			CHECK_EQ(sh_class_index(k->recip, off), off / k->size);
		last = k->size;
	}
	CHECK_EQ(last, SH_SMALL_MAX);
}

TEST(blocks_of_all_sizes_are_apart_and_aligned)
{
	static const size_t sizes[] = {1,    63,    64,	   65,	  100,	 1000,	1024,  1025,   1500,	 4096,
				       4097, 10000, 16384, 16385, 40000, 65536, 65537, 100000, 1u << 20, 3u << 20};
	enum { N = sizeof(sizes) / sizeof(sizes[0]), TIMES = 40 };
	static unsigned char *p[N][TIMES];
	size_t room;

	f_group();
	for (unsigned t = 0; t < TIMES; t++)
		for (unsigned i = 0; i < N; i++) {
			unsigned align = t % 8 == 0 ? 0 : 1u << t % 20;

			if (sizes[i] > 1 << 20 && t > 3)
				continue;
			p[i][t] = rte_malloc("test", sizes[i], align);
			CHECK(p[i][t] != NULL);
			CHECK_EQ((uintptr_t)p[i][t] % (align < 64 ? 64 : align), 0);
			CHECK_EQ(rte_malloc_validate(p[i][t], &room), 0);
			CHECK(room >= sizes[i]);
			fill(p[i][t], room, i * TIMES + t);
		}
	f_sound("all taken");
	for (unsigned t = 0; t < TIMES; t++)
		for (unsigned i = 0; i < N; i++) {
			if (p[i][t] == NULL)
				continue;
			CHECK(holds(p[i][t], sizes[i], i * TIMES + t));
			rte_free(p[i][t]);
			CHECK_EQ(rte_malloc_validate(p[i][t], NULL), -1);
		}
	f_sound("all free");
	sh_heap_trim();
	CHECK_EQ(used(), 0);
}

TEST(zmalloc_and_calloc_are_zero_and_realloc_keeps_the_bytes)
{
	unsigned char *p, *q;

	f_group();
	p = rte_malloc(NULL, 1000, 0);
	fill(p, 1000, 1);
	rte_free(p);
	q = rte_zmalloc(NULL, 1000, 0);
	CHECK(p == q);
	for (unsigned i = 0; i < 1000; i++)
		CHECK_EQ(q[i], 0);
	rte_free(q);
	for (unsigned i = 0; i < 3; i++) { /* what was somebody's, and what comes from the machine */
		q = rte_zmalloc(NULL, 300000u << i, 0);
		for (unsigned k = 0; k < 300000u << i; k++)
			CHECK(q[k] == 0);
		fill(q, 300000u << i, 3);
		rte_free(q);
	}
	q = rte_calloc(NULL, 10, 100, 256);
	CHECK_EQ((uintptr_t)q % 256, 0);
	for (unsigned i = 0; i < 1000; i++)
		CHECK_EQ(q[i], 0);
	fill(q, 1000, 2);
	for (size_t n = 1000; n < 3u << 20; n = n * 3 / 2) {
		q = rte_realloc(q, n, 0);
		CHECK(q != NULL && holds(q, 1000, 2));
	}
	q = rte_realloc(q, 700, 4096);
	CHECK(holds(q, 700, 2));
	CHECK_EQ((uintptr_t)q % 4096, 0);
	CHECK(rte_realloc(q, 650, 64) == q);
	CHECK(rte_realloc(q, 0, 0) == NULL);
	CHECK_EQ(rte_malloc_validate(q, NULL), -1);
	q = rte_realloc(NULL, 10, 0);
	CHECK(q != NULL);
	rte_free_sensitive(q);
	q = rte_realloc_socket(NULL, 10, 0, 0);
	CHECK(q != NULL);
	rte_free(q);
	sh_heap_trim();
	CHECK_EQ(used(), 0);
	f_sound("end");
}

#define REFUSED(call, e)                                                                                               \
	do {                                                                                                           \
		rte_errno = 0;                                                                                         \
		CHECK((call) == NULL);                                                                                 \
		CHECK_EQ(rte_errno, e);                                                                                \
	} while (0)

/* sizes that the compiler must not see through */
static volatile size_t huge = SIZE_MAX;
static volatile size_t nothing;

TEST(what_cannot_be_is_refused)
{
	void *p;

	REFUSED(rte_malloc(NULL, 64, 0), E_RTE_NO_CONFIG);
	f_group();
	REFUSED(rte_malloc(NULL, nothing, 0), EINVAL);
	REFUSED(rte_zmalloc(NULL, nothing, 64), EINVAL);
	REFUSED(rte_malloc(NULL, 64, 3), EINVAL);
	REFUSED(rte_malloc(NULL, 1u << 20, 3), EINVAL);
	REFUSED(rte_malloc(NULL, huge, 0), ENOMEM);
	REFUSED(rte_malloc(NULL, huge, 4096), ENOMEM);
	REFUSED(rte_malloc(NULL, 1ull << 40, 0), ENOMEM);
	REFUSED(rte_calloc(NULL, huge, 2, 0), ENOMEM);
	REFUSED(rte_calloc(NULL, 2, huge, 0), ENOMEM);
	REFUSED(rte_malloc_socket(NULL, 64, 0, 31), ENOMEM);
	REFUSED(rte_malloc_socket(NULL, 64, 0, -7), EINVAL);
	p = rte_malloc_socket(NULL, 64, 0, SOCKET_ID_ANY);
	CHECK(p != NULL);
	REFUSED(rte_realloc(p, 64, 3), EINVAL);
	REFUSED(rte_realloc(p, huge, 0), ENOMEM);
	REFUSED(rte_realloc((char *)p + 64, 64, 0), EINVAL);
	CHECK_EQ(rte_malloc_validate(p, NULL), 0);
	rte_free(p);
	rte_free(NULL);
	p = rte_zmalloc_socket(NULL, 100, 0, 0);
	CHECK(p != NULL && *(char *)p == 0);
	rte_free(p);
	p = rte_calloc_socket(NULL, 10, 10, 0, SOCKET_ID_ANY);
	CHECK(p != NULL && *(char *)p == 0);
	rte_free(p);
	REFUSED(rte_zmalloc_socket(NULL, 64, 0, -7), EINVAL);
	REFUSED(rte_calloc_socket(NULL, 1, 64, 0, 31), ENOMEM);
	REFUSED(rte_realloc_socket(NULL, 64, 0, -7), EINVAL);
	CHECK_EQ(rte_malloc_heap_destroy("mine"), -1);
	CHECK_EQ(rte_malloc_heap_memory_add("mine", &p, 4096, NULL, 0, 4096), -1);
	CHECK_EQ(rte_malloc_heap_memory_remove("mine", &p, 4096), -1);
	CHECK_EQ(rte_malloc_heap_memory_attach("mine", &p, 4096), -1);
	CHECK_EQ(rte_malloc_heap_memory_detach("mine", &p, 4096), -1);
	CHECK_EQ(rte_malloc_heap_create("mine"), -1);
	CHECK_EQ(rte_errno, ENOTSUP);
	CHECK_EQ(rte_malloc_heap_get_socket("socket_0"), 0);
	CHECK_EQ(rte_malloc_heap_get_socket("mine"), -1);
	CHECK_EQ(rte_errno, ENOENT);
	CHECK_EQ(rte_malloc_heap_get_socket(NULL), -1);
	CHECK_EQ(rte_malloc_heap_socket_is_external(0), 0);
	CHECK_EQ(rte_malloc_heap_socket_is_external(300), -1);
}

/* ---- bad frees ---- */

static void *bad; /* what the child frees */

static void frees_bad(void *arg)
{
	struct rte_malloc_socket_stats a, b;

	(void)arg;
	CHECK_EQ(rte_malloc_get_socket_stats(0, &a), 0);
	rte_errno = 77;
	rte_free(bad);
	CHECK_EQ(rte_errno, 77);
	CHECK_EQ(rte_malloc_get_socket_stats(0, &b), 0);
	CHECK(memcmp(&a, &b, sizeof(a)) == 0);
	f_sound("after a bad free");
}

static int bad_member(void *arg)
{
	frees_bad(arg);
	return 0;
}

/* by the owner, and by a member that is not */
static void refuses(void *p, const char *line)
{
	char path[512], text[2048];
	ssize_t n;
	FILE *f;

	bad = p;
	for (unsigned who = 0; who < 2; who++) {
		snprintf(path, sizeof(path), "%s/lines", t_tmpdir());
		fflush(stderr);
		int keep = dup(STDERR_FILENO);

		CHECK(freopen(path, "w", stderr) != NULL);
		if (who == 0)
			frees_bad(NULL);
		else
			CHECK_EQ(f_wait(f_member(bad_member, NULL, NULL)), 0);
		fflush(stderr);
		dup2(keep, STDERR_FILENO);
		close(keep);
		f = fopen(path, "re");
		n = (ssize_t)fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
		text[n] = '\0';
		CHECK_HAS(text, line);
		CHECK(strchr(text, '\n') == strrchr(text, '\n')); /* one line */
	}
}

TEST(a_bad_free_is_refused_and_changes_nothing)
{
	const struct rte_memzone *mz;
	unsigned char *p, *q, *over, *big, *on_stack = (unsigned char *)&mz;

	f_group();
	p = rte_malloc(NULL, 200, 0);
	q = rte_malloc(NULL, 200, 0);
	over = rte_malloc(NULL, 200, 1024);
	big = rte_malloc(NULL, 200000, 0);
	mz = rte_memzone_reserve("zone", 100000, 0, 0);
	CHECK(p != NULL && q != NULL && over != NULL && big != NULL && mz != NULL);
	refuses(q + 64, "a block begins before it");
	refuses(q + 1, "a block begins before it");
	refuses(big + SH_UNIT, "is no block");
	refuses(big + 1, "a block begins before it");
	refuses(on_stack, "not in the group's heap");
	refuses((unsigned char *)(uintptr_t)SH_BASE_ADDR + (300ull << 30), "not in the group's heap");
	refuses(p - (uintptr_t)p % SH_UNIT, "is no block"); /* the span's front */
	rte_free(p);
	refuses(p, "freed already");
	rte_free(big);
	refuses(big, "freed already");
	rte_free(over);
	refuses(over, "freed already");
	rte_free(q);
	CHECK_EQ(rte_memzone_free(mz), 0);
	sh_heap_trim();
	refuses(q, "freed already"); /* the span is gone */
}

TEST(an_over_aligned_block_is_freed_by_the_pointer_that_went_out)
{
	unsigned char *p[64];
	struct sh_block b;
	unsigned inside = 0;

	f_group();
	for (unsigned i = 0; i < 64; i++) {
		p[i] = rte_malloc(NULL, 100, 256);
		CHECK(p[i] != NULL);
		CHECK_EQ((uintptr_t)p[i] % 256, 0);
		CHECK_EQ(sh_block_at(p[i], &b), SH_BLOCK_OK);
		CHECK(b.usable >= 100);
		if (b.usable != sh_classes[sh_class_of(100 + 192)].size) {
			inside++;
			CHECK_EQ(sh_block_at(p[i] + b.usable - sh_classes[sh_class_of(292)].size, &b), SH_BLOCK_INSIDE);
		}
	}
	CHECK(inside > 10);
	for (unsigned i = 0; i < 64; i++)
		rte_free(p[i]);
	sh_heap_trim();
	CHECK_EQ(used(), 0);
}

static void is_one_of(void *p, size_t size, void *arg)
{
	unsigned char **all = arg;
	unsigned i = 0;

	while (i < 64 && all[i] != p)
		i++;
	CHECK(i < 64);
	CHECK(size >= 1000);
	rte_free(p);
	CHECK(rte_malloc_validate(p, NULL) != 0);
	all[i] = NULL;
}

TEST(an_over_aligned_block_is_listed_as_it_went_out_and_refused_elsewhere)
{
	unsigned char *p[64];
	unsigned behind = 0;
	struct sh_block b;

	f_group();
	for (unsigned i = 0; i < 64; i++) {
		p[i] = rte_malloc(NULL, 1000, 4096);
		CHECK(p[i] != NULL);
		fill(p[i], 1000, i);
		CHECK_EQ(sh_block_at(p[i], &b), SH_BLOCK_OK);
		behind += b.usable < sh_classes[sh_class_of(1000 + 4096 - 64)].size;
		for (unsigned at = 64; at < b.usable; at += 64) {
			CHECK(rte_malloc_validate(p[i] + at, NULL) != 0);
			rte_free(p[i] + at);
		}
	}
	CHECK(behind > 10);
	for (unsigned i = 0; i < 64; i++)
		CHECK(holds(p[i], 1000, i));
	CHECK_EQ(shoal_mem_owned_by(sh_self(), is_one_of, p), 64);
	CHECK_EQ(shoal_mem_owned_by(sh_self(), NULL, NULL), 0);
	sh_heap_trim();
	CHECK_EQ(used(), 0);
}

/* ---- stats ---- */

static unsigned alive(void)
{
	struct rte_malloc_socket_stats s;

	CHECK_EQ(rte_malloc_get_socket_stats(0, &s), 0);
	return s.alloc_count;
}

TEST(each_block_and_each_memzone_is_one_allocation)
{
	struct sh_pages_ask ask = {.units = 3};
	struct sh_hold hold;
	unsigned n;

	f_group();
	CHECK_EQ(alive(), 0);
	CHECK(rte_memzone_reserve("one", 100, 0, 0) != NULL);
	CHECK(rte_memzone_reserve("two", 100, 0, 0) != NULL); /* in the same run */
	CHECK(rte_memzone_reserve("large", 100000, 0, 0) != NULL);
	CHECK_EQ(alive(), 3);
	CHECK(rte_malloc(NULL, 100, 0) != NULL);
	CHECK(rte_malloc(NULL, 100000, 0) != NULL);
	n = alive();
	CHECK_EQ(n, 5);
	CHECK_EQ(sh_pages_hold(&ask, &hold), 0); /* pages on their way are nobody's */
	CHECK_EQ(alive(), n);
	sh_pages_unhold(sh_ctx.mem, &hold);
	CHECK_EQ(rte_memzone_free(rte_memzone_lookup("two")), 0);
	CHECK_EQ(rte_memzone_free(rte_memzone_lookup("large")), 0);
	CHECK_EQ(alive(), 3);
}

TEST(what_has_no_pages_is_no_free_piece)
{
	struct rte_malloc_socket_stats s;

	f_group();
	rte_free(rte_malloc(NULL, 100000, 0));
	CHECK_EQ(rte_malloc_get_socket_stats(0, &s), 0);
	CHECK(s.free_count > 0 && s.greatest_free_size == 2 << 20);
	CHECK(shoal_mem_trim() > 0);
	CHECK_EQ(rte_malloc_get_socket_stats(0, &s), 0);
	CHECK_EQ(s.heap_totalsz_bytes, 0);
	CHECK_EQ(s.free_count, 0);
	CHECK_EQ(s.greatest_free_size, 0);
}

/* a line for each run that is not free, with who has it */
static void dump_tells(const void *p, const void *q)
{
	char text[4096] = "", line[128];
	FILE *f = fmemopen(text, sizeof(text), "w");
	unsigned lines = 0;

	rte_malloc_dump_heaps(NULL);
	rte_malloc_dump_heaps(f);
	fclose(f);
	snprintf(line, sizeof(line), "%p: 112 KiB, one block, of member %u (generation %u)\n", q, sh_id_slot(sh_self()),
		 sh_id_gen(sh_self()));
	CHECK_HAS(text, line);
	snprintf(line, sizeof(line), "KiB, blocks of 128 bytes, 1 out of %u, of member",
		 sh_span_n(sh_span_of(sh_addr_unit(p))));
	CHECK_HAS(text, line);
	CHECK_HAS(text, "  blocks of 128 bytes: 1 out of ");
	for (const char *c = text; (c = strchr(c, '\n')) != NULL; c++)
		lines++;
	CHECK_EQ(lines, 4); /* the heap, a size, two runs */
}

TEST(stats_follow_what_is_taken)
{
	struct rte_malloc_socket_stats a, b;
	void *p, *q;

	f_group();
	rte_free(rte_malloc(NULL, 100, 0)); /* there is a span */
	CHECK_EQ(rte_malloc_get_socket_stats(0, &a), 0);
	CHECK_EQ(rte_malloc_get_socket_stats(0, NULL), -1);
	CHECK_EQ(rte_malloc_get_socket_stats(31, &a), -1);
	CHECK_EQ(rte_malloc_get_socket_stats(-1, &a), -1);
	CHECK_EQ(a.alloc_count, 0);
	CHECK_EQ(a.heap_totalsz_bytes, a.heap_freesz_bytes + a.heap_allocsz_bytes);
	p = rte_malloc(NULL, 100, 0);
	q = rte_malloc(NULL, 100000, 0);
	CHECK_EQ(rte_malloc_get_socket_stats(0, &b), 0);
	CHECK_EQ(b.alloc_count, 2);
	CHECK_EQ(b.heap_allocsz_bytes, a.heap_allocsz_bytes + 128 + 7 * SH_UNIT);
	CHECK_EQ(b.heap_totalsz_bytes, b.heap_freesz_bytes + b.heap_allocsz_bytes);
	CHECK(b.greatest_free_size <= b.heap_freesz_bytes);
	rte_malloc_dump_stats(stderr, NULL);
	dump_tells(p, q);
	CHECK(rte_malloc_virt2iova(p) == (rte_iova_t)(uintptr_t)p);
	CHECK(rte_malloc_virt2iova(&p) == RTE_BAD_IOVA);
	rte_free(p);
	rte_free(q);
	CHECK_EQ(rte_malloc_get_socket_stats(0, &b), 0);
	CHECK_EQ(b.heap_allocsz_bytes, a.heap_allocsz_bytes);
}
