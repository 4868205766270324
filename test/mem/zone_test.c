/* SPDX-License-Identifier: BSD-3-Clause */
/* zone_test.c - what rte_memzone_* and rte_memory.h promise, call by call; no deaths here (crash_test.c) */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_memory.h>
#include <rte_memzone.h>

#include "fake.h"
#include "mem/mem.h"
#include "proc/opts.h"

#define MIB ((size_t)1 << 20)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static struct sh_mem_stat stat_now(void)
{
	struct sh_mem_stat s;

	CHECK_EQ(sh_mem_stat(&s), 0);
	return s;
}

#define REFUSED(call, err)                                                                                             \
	do {                                                                                                           \
		rte_errno = 0;                                                                                         \
		CHECK((call) == NULL);                                                                                 \
		CHECK_EQ(rte_errno, err);                                                                              \
	} while (0)

TEST(each_row_of_the_table_of_results)
{
	const char *n31 = "1234567890123456789012345678901";
	const struct rte_memzone *mz;

	f_group();
	mz = rte_memzone_reserve("dup", 100, SOCKET_ID_ANY, 0);
	CHECK(mz != NULL);
	CHECK_EQ(mz->len, 128);
	CHECK_EQ((uintptr_t)mz->addr % 64, 0);
	CHECK_STR(mz->name, "dup");
	CHECK_EQ(mz->iova, (uintptr_t)mz->addr);
	CHECK_EQ(mz->hugepage_sz, 4096);
	CHECK_EQ(mz->socket_id, 0);
	CHECK_EQ(mz->flags, 0);
	REFUSED(rte_memzone_reserve("dup", 100, SOCKET_ID_ANY, 0), EEXIST);
	REFUSED(rte_memzone_reserve_aligned("dup", 100, SOCKET_ID_ANY, 0, 100), EEXIST);
	REFUSED(rte_memzone_reserve("12345678901234567890123456789012", 1, SOCKET_ID_ANY, 0), ENAMETOOLONG);
	CHECK(rte_memzone_reserve(n31, 1, 0, 0) != NULL);
	CHECK_STR(rte_memzone_lookup(n31)->name, n31);
	REFUSED(rte_memzone_reserve_aligned("a", 100, SOCKET_ID_ANY, 0, 100), EINVAL);
	REFUSED(rte_memzone_reserve_bounded("a", 129, SOCKET_ID_ANY, 0, 0, 128), EINVAL);
	REFUSED(rte_memzone_reserve_bounded("a", 10, SOCKET_ID_ANY, 0, 0, 32), EINVAL);
	REFUSED(rte_memzone_reserve_bounded("a", 10, SOCKET_ID_ANY, 0, 0, 192), EINVAL);
	REFUSED(rte_memzone_reserve("a", (size_t)1 << 40, SOCKET_ID_ANY, 0), ENOMEM);
	REFUSED(rte_memzone_reserve("a", SIZE_MAX - 5, SOCKET_ID_ANY, 0), EINVAL);
	REFUSED(rte_memzone_reserve("a", 100, 31, 0), ENOMEM);
	REFUSED(rte_memzone_reserve("a", 100, -2, 0), EINVAL);
	REFUSED(rte_memzone_reserve("a", 100, SOCKET_ID_ANY, RTE_MEMZONE_16GB), ENOMEM);
	REFUSED(rte_memzone_reserve("a", 100, SOCKET_ID_ANY, 8), EINVAL);
	REFUSED(rte_memzone_reserve(NULL, 100, SOCKET_ID_ANY, 0), EINVAL);
	mz = rte_memzone_reserve("a", 100, SOCKET_ID_ANY,
				 RTE_MEMZONE_16GB | RTE_MEMZONE_SIZE_HINT_ONLY | RTE_MEMZONE_IOVA_CONTIG);
	CHECK(mz != NULL);
	f_sound("after the table");
}

TEST(free_and_lookup)
{
	const struct rte_memzone *mz;
	struct rte_memzone copy;

	f_group();
	REFUSED(rte_memzone_lookup("none"), ENOENT);
	REFUSED(rte_memzone_lookup(NULL), EINVAL);
	REFUSED(rte_memzone_lookup("a name that is longer than any name in the directory can ever be, really"), ENOENT);
	mz = rte_memzone_reserve("z", 5000, 0, 0);
	CHECK(mz != NULL && rte_memzone_lookup("z") == mz);
	copy = *mz;
	rte_errno = 0;
	CHECK_EQ(rte_memzone_free(NULL), -EINVAL);
	CHECK_EQ(rte_memzone_free(&copy), -EINVAL);
	CHECK_EQ(rte_memzone_free((const void *)((const char *)mz + 8)), -EINVAL);
	CHECK_EQ(rte_errno, 0);
	CHECK_EQ(rte_memzone_free(mz), 0);
	REFUSED(rte_memzone_lookup("z"), ENOENT);
	CHECK_EQ(rte_memzone_free(mz), -EINVAL);
	CHECK_EQ(stat_now().used, 0);
	f_sound("after the free");
}

static struct sh_opts opts = {.memory_max = 64 * MIB};

/* a group that may take 64 MiB */
static void small_group(void)
{
	sh_ctx.opts = &opts;
	f_group();
}

TEST(length_zero_takes_the_biggest_free_piece)
{
	const struct rte_memzone *a, *all, *b, *c;

	small_group();
	a = rte_memzone_reserve("a", 40000, 0, 0);
	all = rte_memzone_reserve("all", 0, SOCKET_ID_ANY, 0);
	CHECK(a != NULL && all != NULL);
	CHECK_EQ(all->len, 2 * MIB - 3 * 16384); /* of the 2 MiB that the first made the group grow by */
	memset(all->addr, 1, all->len);		 /* every byte of it is backed */
	b = rte_memzone_reserve("b", 0, 0, 0);
	CHECK(b != NULL && b->len == 2 * MIB);
	CHECK_EQ(rte_memzone_free(b), 0);
	CHECK_EQ(rte_memzone_free(all), 0);
	b = rte_memzone_reserve("b", 0, 0, 0);
	CHECK(b != NULL && b->len == 4 * MIB - 3 * 16384);
	CHECK_EQ(((char *)b->addr)[5], 0);
	c = rte_memzone_reserve("c", 60 * MIB, 0, 0);
	CHECK(c != NULL);
	memset(c->addr, 1, c->len);
	REFUSED(rte_memzone_reserve("d", 1, 0, 0), ENOMEM);
	REFUSED(rte_memzone_reserve("d", 0, 0, 0), ENOMEM);
	CHECK_EQ(rte_memzone_free(c), 0);
	b = rte_memzone_reserve_bounded("bound", 0, 0, 0, 0, 65536);
	CHECK(b != NULL && b->len == 65536 && (uintptr_t)b->addr % 65536 == 0);
	f_sound("after all was taken once");
}

TEST(alignment_and_boundary_hold)
{
	char name[32];

	f_group();
	for (unsigned i = 0; i < 400; i++) {
		unsigned align = 1u << (i % 19), bound = i % 3 == 0 ? 0 : 1u << (6 + i % 14);
		size_t len = 1 + (i * 2654435761u) % (bound != 0 ? bound : 20000);
		const struct rte_memzone *mz;

		snprintf(name, sizeof(name), "z%u", i);
		mz = rte_memzone_reserve_bounded(name, len, 0, 0, align, bound);
		CHECK(mz != NULL);
		CHECK(mz->len >= len && mz->len < len + 64 && (uintptr_t)mz->addr % (align < 64 ? 64 : align) == 0);
		CHECK(bound == 0 || (uintptr_t)mz->addr / bound == ((uintptr_t)mz->addr + mz->len - 1) / bound);
		memset(mz->addr, (int)i, mz->len);
	}
	f_sound("400 zones");
	for (unsigned i = 0; i < 400; i++) {
		const struct rte_memzone *mz;

		snprintf(name, sizeof(name), "z%u", (i * 7) % 400);
		mz = rte_memzone_lookup(name);
		for (size_t k = 0; k < mz->len; k++) /* nobody else wrote into it: no two overlap */
			CHECK_EQ(((unsigned char *)mz->addr)[k], (unsigned char)((i * 7) % 400));
		CHECK_EQ(rte_memzone_free(mz), 0);
		if (i % 50 == 0)
			f_sound("while they go");
	}
	CHECK_EQ(stat_now().largest_free, stat_now().total);
}

TEST(an_empty_group_costs_four_pages_and_a_zone_what_it_has)
{
	const struct rte_memzone *mz, *small;
	struct sh_mem_stat s;

	f_group();
	CHECK(stat_now().held <= 4 * 4096);
	small = rte_memzone_reserve("small", 64, 0, 0);
	mz = rte_memzone_reserve("m", 8 * MIB, 0, 0);
	s = stat_now();
	CHECK_EQ(s.backed, 10 * MIB); /* when it is handed out, not later */
	CHECK(s.held >= s.backed && s.held <= s.backed + 24 * 4096);
	CHECK(s.file >= 10 * MIB);
	memset(mz->addr, 1, mz->len);
	memset(small->addr, 1, small->len);
	CHECK_EQ(rte_memzone_free(mz), 0);
	CHECK_EQ(*(char *)small->addr, 1);
	mz = rte_memzone_reserve("m", 8 * MIB, 0, 0);
	CHECK_EQ(stat_now().backed, 10 * MIB);
	for (size_t i = 0; i < 8 * MIB; i += 4096) /* a zone is zero, whoever had the bytes */
		CHECK_EQ(((char *)mz->addr)[i], 0);
	CHECK(rte_memzone_reserve("other", 64, 0, 0) != NULL);
	CHECK_EQ(rte_memzone_free(small), 0);
	small = rte_memzone_reserve("small", 64, 0, 0);
	CHECK_EQ(*(char *)small->addr, 0);
	f_sound("given back and taken again");
	for (unsigned fd = SH_FD_MEM; fd <= SH_FD_HEAP0; fd++) { /* nobody can pull it away under the others */
		struct stat st;

		CHECK_EQ(fstat(sh_group_fd(fd), &st), 0);
		if (fd == SH_FD_GATES && st.st_size == 0) /* nobody had a small block */
			continue;
		CHECK_EQ(ftruncate(sh_group_fd(fd), 0), -1);
		CHECK_EQ(errno, EPERM);
	}
}

TEST(as_many_zones_as_the_limit_says)
{
	char name[32];
	unsigned n = 0;

	f_group_bare();
	CHECK_EQ(rte_memzone_max_get(), 2560);
	CHECK_EQ(rte_memzone_max_set(0), -1);
	CHECK_EQ(rte_errno, EINVAL);
	CHECK_EQ(rte_memzone_max_set(4097), -1);
	CHECK_EQ(rte_memzone_max_set(4096), 0);
	CHECK_EQ(sh_mem_start(), 0);
	CHECK_EQ(rte_memzone_max_set(5), -1);
	CHECK_EQ(rte_errno, EBUSY);
	CHECK_EQ(rte_memzone_max_get(), 4096);
	do {
		snprintf(name, sizeof(name), "zone %u", n);
	} while (rte_memzone_reserve_aligned(name, 64, 0, 0, 128) != NULL &&
		 ++n < 5000); /* each with a hole before it */
	CHECK_EQ(n, 4096);
	CHECK_EQ(rte_errno, ENOSPC);
	f_sound("full");
	CHECK_EQ(rte_memzone_free(rte_memzone_lookup("zone 77")), 0);
	CHECK(rte_memzone_reserve(name, 64, 0, 0) != NULL);
	f_sound("one out, one in");
}

static void count(const struct rte_memzone *mz, void *arg)
{
	(*(unsigned *)arg)++;
	if (mz->name[0] == 'w') /* no lock is held: a walker may free what it is shown */
		CHECK_EQ(rte_memzone_free(mz), 0);
}

TEST(walk_and_dump)
{
	char name[32], *text = NULL;
	unsigned n = 0;
	size_t len;
	FILE *f;

	f_group();
	for (unsigned i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "%c%u", i % 2 ? 'w' : 'k', i);
		CHECK(rte_memzone_reserve(name, 1000, 0, 0) != NULL);
	}
	rte_memzone_walk(count, &n);
	CHECK_EQ(n, 10);
	n = 0;
	rte_memzone_walk(count, &n);
	CHECK_EQ(n, 5);
	f = open_memstream(&text, &len);
	rte_memzone_dump(f);
	rte_dump_physmem_layout(f);
	fclose(f);
	CHECK_HAS(text, "name k4, length 0x400, address 0x55");
	CHECK_HAS(text, "5 zones of at most 2560, 5120 bytes");
	CHECK_HAS(text, "5120 in use in 5 zones");
	free(text);
}

TEST(before_start_and_after_stop)
{
	static struct sh_opts o = {.mem_channels = 4, .memory_max = 64 * MIB};
	const struct rte_memzone *mz;
	void *addr;

	REFUSED(rte_memzone_reserve("a", 1, 0, 0), E_RTE_NO_CONFIG);
	REFUSED(rte_memzone_lookup("a"), E_RTE_NO_CONFIG);
	CHECK_EQ(rte_memzone_free((const void *)&o), -EINVAL);
	CHECK_EQ(rte_eal_get_physmem_size(), 0);
	CHECK(rte_mem_iova2virt(SH_BASE_ADDR) == NULL);
	CHECK_EQ(rte_memory_get_nchannel(), 0);
	sh_ctx.opts = &o;
	f_group();
	CHECK_EQ(rte_memory_get_nchannel(), 4);
	CHECK_EQ(rte_memory_get_nrank(), 0);
	CHECK_EQ(rte_eal_using_phys_addrs(), 0);
	mz = rte_memzone_reserve("a", 1, 0, 0);
	addr = mz->addr;
	CHECK_EQ(rte_mem_virt2iova(addr), (uintptr_t)addr);
	CHECK_EQ(rte_mem_virt2iova(NULL), RTE_BAD_IOVA);
	CHECK(rte_mem_iova2virt(mz->iova) == addr);
	CHECK_EQ(rte_eal_get_physmem_size(), 64 * MIB);
	CHECK_EQ(rte_mem_lock_page(addr), 0);
	if (!SANITIZED) { /* there mlock() does nothing and says 0 */
		CHECK_EQ(rte_mem_lock_page((void *)(uintptr_t)4096), -1);
		CHECK_EQ(rte_errno, ENOMEM);
	}
	CHECK_EQ(sh_mem_start(), -EALREADY);
	sh_mem_stop();
	REFUSED(rte_memzone_lookup("a"), E_RTE_NO_CONFIG);
	CHECK_EQ(sh_mem_start(), 0); /* as one who joins: what was there is there */
	CHECK(rte_memzone_lookup("a") != NULL && rte_memzone_lookup("a")->addr == addr);
	f_sound("joined");
}

/* ---- other processes ---- */

struct box {
	const struct rte_memzone *mz;
	char text[32];
};

static int reads_by_pointer(void *arg)
{
	const struct rte_memzone *mz = rte_memzone_lookup("box");
	struct box *b;

	if (mz == NULL || mz != arg)
		return 1;
	b = mz->addr;
	if (strcmp(b->mz->addr, "written by the first") != 0)
		return 2;
	strcpy(b->text, "written by the second");
	return rte_memzone_reserve("left behind", 100000, 0, 0) != NULL ? 0 : 3;
}

TEST(a_zone_is_read_by_pointer_in_another_process_and_outlives_its_maker)
{
	const struct rte_memzone *box, *other;
	struct box *b;

	f_group();
	box = rte_memzone_reserve("box", sizeof(*b), 0, 0);
	other = rte_memzone_reserve("other", 100, 0, 0);
	b = box->addr;
	b->mz = other;
	strcpy(other->addr, "written by the first");
	CHECK_EQ(f_wait(f_member(reads_by_pointer, (void *)(uintptr_t)box, NULL)), 0);
	CHECK_STR(b->text, "written by the second");
	other = rte_memzone_lookup("left behind");
	CHECK(other != NULL && other->len == 100032);
	memset(other->addr, 7, other->len);
	CHECK_EQ(rte_memzone_free(other), 0);
	f_sound("after both");
}

static void forked_child(void *arg)
{
	static const sh_id_t nobody; /* what the identity page holds in a child */
	char why[64];

	sh_ctx.self = &nobody;
	REFUSED(rte_memzone_reserve("b", 100, 0, 0), EPERM);
	CHECK_EQ(rte_memzone_free(arg), -EPERM);
	CHECK_EQ(sh_mem_audit(why, sizeof(why)), -EPERM);
	CHECK(rte_memzone_lookup("a") == arg);
	CHECK_STR(rte_memzone_lookup("a")->addr, "text");
}

TEST(a_forked_child_may_look_and_not_touch)
{
	const struct rte_memzone *mz;
	char err[4096];

	f_group();
	mz = rte_memzone_reserve("a", 100, 0, 0);
	strcpy(mz->addr, "text");
	CHECK_EQ(t_fork(forked_child, (void *)(uintptr_t)mz, err, sizeof(err)), 0);
	CHECK_HAS(err, "child of fork()");
	f_sound("after the child");
}

static int small_files_only(void *arg)
{
	struct rlimit rl = {3 * MIB, RLIM_INFINITY};

	(void)arg;
	if (setrlimit(RLIMIT_FSIZE, &rl) < 0)
		return 1;
	if (rte_memzone_reserve("big", 4 * MIB, 0, 0) != NULL || rte_errno != ENOMEM)
		return 2;
	if (rte_memzone_reserve("fits", MIB / 2, 0, 0) == NULL)
		return 3;
	return 0;
}

TEST(the_limit_on_file_size_gives_enomem_and_no_signal)
{
	f_group();
	CHECK_EQ(f_wait(f_member(small_files_only, NULL, NULL)), 0);
	CHECK(rte_memzone_lookup("fits") != NULL);
	CHECK(rte_memzone_reserve("big", 4 * MIB, 0, 0) != NULL); /* the limit was that process' alone */
	f_sound("after the limit");
}

static void starts_with_no_files(void *arg)
{
	struct rlimit rl = {MIB, RLIM_INFINITY};

	(void)arg;
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &rl), 0);
	f_group_bare();
	CHECK_EQ(sh_mem_start(), -ENOMEM);
}

static void starts_with_no_space(void *arg)
{
	struct rlimit rl = {512 * MIB, RLIM_INFINITY};

	(void)arg;
	opts.memory_max = 1024 * MIB;
	sh_ctx.opts = &opts;
	f_group_bare();
	CHECK_EQ(setrlimit(RLIMIT_AS, &rl), 0);
	CHECK_EQ(sh_mem_start(), -ENOMEM);
}

static void starts_over_another_mapping(void *arg)
{
	(void)arg;
	f_group_bare();
	CHECK(mmap((void *)(uintptr_t)(SH_BASE_ADDR + SH_RANGE_MEM + MIB), 4096, PROT_READ,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED);
	CHECK_EQ(sh_mem_start(), -EEXIST);
}

static void joins_another_layout(void *arg)
{
	(void)arg;
	f_group_bare();
	CHECK_EQ(ftruncate(sh_group_fd(SH_FD_MEM), 4 * (off_t)MIB), 0); /* as long as it should be, but empty */
	CHECK_EQ(sh_mem_start(), -EPROTO);
	CHECK(sh_ctx.mem == NULL);
}

TEST(a_start_that_fails_says_what_to_do)
{
	static const struct {
		void (*fn)(void *);
		const char *line;
	} way[] = {{starts_with_no_files, "raise ulimit -f"},
		   {starts_over_another_mapping, "there is: 550100100000-550100101000"},
		   {joins_another_layout, "another layout"},
		   {starts_with_no_space, "raise ulimit -v"}};
	char err[4096];

	for (unsigned i = 0; i < sizeof(way) / sizeof(way[0]); i++) {
		if (SANITIZED && way[i].fn == starts_with_no_space) /* a sanitizer needs more address space than that */
			continue;
		CHECK_EQ(t_fork(way[i].fn, NULL, err, sizeof(err)), 0);
		CHECK_HAS(err, way[i].line);
	}
}

/* ---- many at a time ---- */

#define NAMES 24

struct model {
	_Atomic uint64_t holder[NAMES]; /* 0: free. Set after the reserve, cleared before the free */
	_Atomic uint32_t go, ready, won;
	_Atomic uint64_t ops;
};

struct actor {
	struct model *m;
	uint64_t me;
	unsigned seed;
};

static void *random_calls(void *arg)
{
	struct actor *a = arg;
	const struct rte_memzone *mine[NAMES] = {NULL};
	char name[32];

	for (unsigned i = 0; i < 4000; i++) {
		unsigned k = (unsigned)rand_r(&a->seed) % NAMES;
		uint64_t seen = 0;

		snprintf(name, sizeof(name), "name%u", k);
		if (mine[k] != NULL) {
			uint64_t *w = mine[k]->addr;

			CHECK(rte_memzone_lookup(name) == mine[k]);
			CHECK(w[0] == a->me && w[mine[k]->len / 8 - 1] == a->me); /* nobody else has these bytes */
			CHECK(sh_xchg(&a->m->holder[k], 0) == a->me);
			CHECK_EQ(rte_memzone_free(mine[k]), 0);
			mine[k] = NULL;
			continue;
		}
		mine[k] = rte_memzone_reserve_aligned(name, 1 + (size_t)rand_r(&a->seed) % 30000, 0, 0,
						      64u << rand_r(&a->seed) % 8);
		if (mine[k] == NULL) {
			CHECK_EQ(rte_errno, EEXIST);
			continue;
		}
		CHECK(sh_cas(&a->m->holder[k], &seen, a->me)); /* nobody else thinks that he has it */
		((uint64_t *)mine[k]->addr)[0] = a->me;
		((uint64_t *)mine[k]->addr)[mine[k]->len / 8 - 1] = a->me;
		sh_add(&a->m->ops, 1);
	}
	return NULL;
}

static int two_threads(void *arg)
{
	struct actor a[2] = {{arg, (uint64_t)getpid() << 8, (unsigned)getpid()},
			     {arg, (uint64_t)getpid() << 8 | 1, (unsigned)getpid() * 3}};
	pthread_t t;

	close(2); /* thousands of lines about names that are taken */
	pthread_create(&t, NULL, random_calls, &a[1]);
	random_calls(&a[0]);
	pthread_join(t, NULL);
	return 0;
}

TEST_T(four_processes_of_two_threads_against_a_model, 60)
{
	struct model *m = f_shared(sizeof(*m));
	struct sh_mem_stat s;
	pid_t pid[4];
	unsigned held = 0;

	f_group();
	for (unsigned i = 0; i < 4; i++)
		pid[i] = f_member(two_threads, m, NULL);
	for (unsigned i = 0; i < 20; i++)
		f_sound("in the middle");
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(f_wait(pid[i]), 0);
	f_sound("at the end");
	for (unsigned k = 0; k < NAMES; k++)
		held += sh_load_acq(&m->holder[k]) != 0;
	s = stat_now();
	CHECK_EQ(s.zones, held);
	CHECK_EQ(s.mended, 0);
	CHECK(sh_load_acq(&m->ops) > 1000);
}

static int races_for_a_name(void *arg)
{
	struct model *m = arg;
	const struct rte_memzone *mz;
	char name[32];

	close(2);
	for (uint32_t round = 1; round <= 300; round++) {
		snprintf(name, sizeof(name), "prize%u", round);
		sh_add(&m->ready, 1);
		while (sh_load_acq(&m->go) < round)
			sched_yield();
		mz = rte_memzone_reserve(name, 64, 0, 0);
		if (mz != NULL)
			sh_add(&m->won, 1);
		else if (rte_errno != EEXIST || rte_memzone_lookup(name) == NULL)
			return 1;
	}
	return 0;
}

TEST_T(of_all_who_want_one_name_exactly_one_gets_it, 60)
{
	struct model *m = f_shared(sizeof(*m));
	pid_t pid[3];

	f_group();
	for (unsigned i = 0; i < 3; i++)
		pid[i] = f_member(races_for_a_name, m, NULL);
	for (uint32_t round = 1; round <= 300; round++) {
		while (sh_load_acq(&m->ready) < round * 3)
			sched_yield();
		CHECK_EQ(sh_load_acq(&m->won), round - 1);
		sh_store_rel(&m->go, round);
	}
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(f_wait(pid[i]), 0);
	CHECK_EQ(sh_load_acq(&m->won), 300);
	f_sound("after the races");
}
