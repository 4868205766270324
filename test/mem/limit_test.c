/* SPDX-License-Identifier: BSD-3-Clause */
/* limit_test.c - how far memory goes: --memory-max, cgroups, what is available, ulimit; and what the group does at the end */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memzone.h>
#include <shoal_mem.h>

#include "fake.h"
#include "mem/limit.h"
#include "mem/mem.h"
#include "mem/priv.h"
#include "proc/opts.h"

#define MIB ((uint64_t)1 << 20)

static struct sh_opts opts = {.memory_max = 64 * MIB};

static struct sh_pages_stat now(void)
{
	struct sh_pages_stat s;

	CHECK_EQ(sh_pages_stat(&s), 0);
	return s;
}

static int take(uint64_t bytes, uint32_t *u)
{
	struct sh_pages_ask ask = {.units = (uint32_t)(bytes / SH_UNIT), .kind = SH_PG_BLOCK, .owner = sh_self()};

	return sh_pages_take(&ask, u);
}

/* ---- a machine made of files ---- */

static void put(const char *path, const char *text)
{
	char full[600], *at;
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", t_tmpdir(), path);
	for (at = full + strlen(t_tmpdir()) + 1; (at = strchr(at, '/')) != NULL; *at++ = '/') {
		*at = '\0';
		(void)mkdir(full, 0700);
	}
	f = fopen(full, "we");
	CHECK(f != NULL);
	fputs(text, f);
	fclose(f);
}

static void machine(uint64_t total_mb, uint64_t available_mb)
{
	char text[256];

	snprintf(text, sizeof(text), "MemTotal: %llu kB\nMemFree: 5 kB\nMemAvailable: %llu kB\n",
		 (unsigned long long)total_mb << 10, (unsigned long long)available_mb << 10);
	put("/proc/meminfo", text);
	put("/proc/self/cgroup", "0::/\n");
	put("/proc/self/mountinfo", "1 0 0:1 / / rw - ext4 /dev/x rw\n");
	sh_limit_root(t_tmpdir());
}

/* bytes of a cgroup: limit, used, of which file cache */
static void cgroup(const char *dir, bool v2, const char *limit, uint64_t used, uint64_t cache)
{
	char path[256], text[256];

	snprintf(path, sizeof(path), "%s/%s", dir, v2 ? "memory.max" : "memory.limit_in_bytes");
	put(path, limit);
	snprintf(path, sizeof(path), "%s/%s", dir, v2 ? "memory.current" : "memory.usage_in_bytes");
	snprintf(text, sizeof(text), "%llu\n", (unsigned long long)used);
	put(path, text);
	snprintf(path, sizeof(path), "%s/memory.stat", dir);
	snprintf(text, sizeof(text), "anon 5\n%sinactive_file %llu\n%sactive_file 0\nshmem 9\n", v2 ? "" : "total_",
		 (unsigned long long)cache, v2 ? "" : "total_");
	put(path, text);
}

TEST(what_the_machine_has_available_less_a_margin)
{
	machine(1000, 500);
	CHECK_EQ(sh_limit_total(), 1000 * MIB);
	CHECK_EQ(sh_limit_room(0), 475 * MIB); /* 5 % */
	machine(100000, 50000);
	CHECK_EQ(sh_limit_room(0), (50000 - 64) * MIB);
	machine(100000, 10);
	CHECK_EQ(sh_limit_room(0), 10 * MIB - 10 * MIB / 20);
}

TEST(all_cgroups_above_count_in_both_versions)
{
	machine(100000, 50000);
	put("/proc/self/cgroup", "4:memory:/a/b\n1:name=systemd:/x\n0::/u/v\n");
	put("/proc/self/mountinfo", "1 0 0:1 / / rw - ext4 /dev/x rw\n"
				    "2 1 0:2 / /sys/fs/cgroup/cpu rw shared:4 - cgroup cgroup rw,cpu\n"
				    "3 1 0:2 / /sys/fs/cgroup/memory rw shared:5 - cgroup cgroup rw,memory\n"
				    "4 1 0:3 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
	CHECK_EQ(sh_limit_room(0), (50000 - 64) * MIB);
	cgroup("/sys/fs/cgroup/memory/a/b", false, "4294967296\n", 1000 * MIB, 400 * MIB);
	CHECK_EQ(sh_limit_total(), 4096 * MIB);
	CHECK_EQ(sh_limit_room(0), (4096 - 600 - 64) * MIB);
	cgroup("/sys/fs/cgroup/memory/a", false, "2147483648\n", 2000 * MIB, 600 * MIB); /* the parent has less */
	CHECK_EQ(sh_limit_room(0), (2048 - 1400 - 64) * MIB);
	cgroup("/sys/fs/cgroup/unified/u/v", true, "max\n", 7, 0);
	CHECK_EQ(sh_limit_room(0), (2048 - 1400 - 64) * MIB);
	cgroup("/sys/fs/cgroup/unified/u", true, "104857600\n", 60 * MIB, 10 * MIB);
	CHECK_EQ(sh_limit_total(), 100 * MIB);
	CHECK_EQ(sh_limit_room(0), 45 * MIB); /* 100 - 50 - 5 % */
	put("/sys/fs/cgroup/unified/u/v/memory.high", "31457280\n");
	CHECK_EQ(sh_limit_total(), 30 * MIB);
	cgroup("/sys/fs/cgroup/unified/u/v", true, "max\n", 29 * MIB, 0);
	CHECK_EQ(sh_limit_room(0), 0);
}

TEST(a_container_sees_its_part_of_the_hierarchy_only)
{
	machine(100000, 50000);
	put("/proc/self/cgroup", "0::/docker/abc/inner\n");
	put("/proc/self/mountinfo", "4 1 0:3 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
	cgroup("/sys/fs/cgroup", true, "209715200\n", 100 * MIB, 0);
	CHECK_EQ(sh_limit_room(0), 90 * MIB);
	cgroup("/sys/fs/cgroup/inner", true, "104857600\n", 50 * MIB, 0);
	CHECK_EQ(sh_limit_room(0), 45 * MIB);
}

/* May the group's memory grow by so many bytes without another look? */
static bool granted(uint64_t bytes)
{
	return sh_limit_allows(10 * MIB + bytes);
}

/*
 * Others may have seen the same room, and take all of it while this one is not run: whatever it takes then on what it saw has
 * to find place in what is left alone. Eight at a time do in half of that, or what they take is little against the room.
 */
TEST(what_eight_take_on_one_look_finds_place_in_the_margin)
{
	static const uint64_t limits[] = {16, 128, 512, 1000, 4000, 16000};

	machine(100000, 50000);
	put("/proc/self/cgroup", "0::/g\n");
	put("/proc/self/mountinfo", "4 1 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
	for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		uint64_t limit = limits[i] * MIB, margin = limit / 20 < 64 * MIB ? limit / 20 : 64 * MIB;
		char text[32];

		snprintf(text, sizeof(text), "%llu\n", (unsigned long long)limit);
		for (uint64_t used = 0; used < limit; used += limit / 16) {
			uint64_t room = limit - used > margin ? limit - used - margin : 0;
			uint64_t most = room / 256 > margin / 16 ? room / 256 : margin / 16;
			struct sh_limit_seen s;

			most = most < 16384 ? 16384 : most < margin / 4 ? most : margin / 4;
			cgroup("/sys/fs/cgroup/g", true, text, used, 0);
			s = sh_limit_look(10 * MIB, 0);
			CHECK_EQ(s.bound, 10 * MIB + room);
			CHECK(s.part <= most && s.part >= 16384);
			CHECK(room < s.part || granted(s.part)); /* a piece needs one look */
			CHECK(!granted(s.part + 1) && !granted(room + 1));
			CHECK_EQ(sh_limit_part(), s.part);
		}
	}
}

/* a line of mountinfo that is none of ours, so many times */
static char *many_mounts(unsigned n, const char *last)
{
	static const char line[] = "5 1 0:9 / /a/mount/point/with/quite/a/long/name rw - tmpfs none rw,size=4k\n";
	char *text = malloc(n * sizeof(line) + strlen(last) + 1), *at = text;

	CHECK(text != NULL);
	while (n-- > 0)
		at = stpcpy(at, line);
	strcpy(at, last);
	return text;
}

#define UNIFIED "4 1 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n"

static void small_cgroup(void)
{
	machine(100000, 50000);
	put("/proc/self/cgroup", "0::/g\n");
	cgroup("/sys/fs/cgroup/g", true, "104857600\n", 0, 0);
}

/* the kernel gives /proc/self/mountinfo in pieces of at most 4 KiB; here a pipe does that, that holds no more */
static void *gives_in_pieces(void *path)
{
	char *text = many_mounts(300, UNIFIED);
	size_t n = strlen(text), done = 0;
	int fd = open(path, O_WRONLY);
	ssize_t k = fd >= 0 ? 1 : -1;

	if (fd >= 0)
		(void)fcntl(fd, F_SETPIPE_SZ, 4096);
	for (; k > 0 && done<n; done += k> 0 ? (size_t)k : 0)
		k = write(fd, text + done, n - done);
	close(fd);
	free(text);
	return NULL;
}

TEST(a_mount_table_is_read_to_its_end_though_it_comes_in_pieces)
{
	char path[600];
	pthread_t t;

	small_cgroup();
	snprintf(path, sizeof(path), "%s/proc/self/mountinfo", t_tmpdir());
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(mkfifo(path, 0600), 0);
	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	CHECK_EQ(pthread_create(&t, NULL, gives_in_pieces, path), 0);
	CHECK_EQ(sh_limit_room(0), 95 * MIB);
	CHECK_EQ(pthread_join(t, NULL), 0);
}

TEST(a_mount_table_of_any_length_is_read)
{
	char *text = many_mounts(10000, UNIFIED);

	small_cgroup();
	put("/proc/self/mountinfo", text);
	free(text);
	CHECK_EQ(sh_limit_room(0), 95 * MIB);
}

TEST(a_group_in_a_small_cgroup_stops_before_it_is_killed_and_goes_on)
{
	uint32_t u[40];
	unsigned n = 0;

	machine(100000, 50000);
	put("/proc/self/cgroup", "0::/g\n");
	put("/proc/self/mountinfo", "4 1 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
	cgroup("/sys/fs/cgroup/g", true, "209715200\n", 150 * MIB, 0);
	opts.memory_max = 1024 * MIB;
	sh_ctx.opts = &opts;
	f_group();
	CHECK_EQ(take(50 * MIB, &u[0]), -ENOBUFS); /* 40 are left */
	CHECK(now().backed <= 40 * MIB);
	CHECK(rte_malloc(NULL, 50 * MIB, 0) == NULL);
	CHECK_EQ(rte_errno, ENOMEM);
	while (n < 40 && take(2 * MIB, &u[n]) == 0) { /* what is taken is seen by the next look */
		n++;
		cgroup("/sys/fs/cgroup/g", true, "209715200\n", 150 * MIB + f_heap_held(), 0);
	}
	CHECK(n >= 15 && n <= 20);
	cgroup("/sys/fs/cgroup/g", true, "209715200\n", 200 * MIB, 0);
	sh_limit_root(t_tmpdir());
	CHECK_EQ(take(20 * MIB, &u[39]), -ENOBUFS);
	CHECK_EQ(sh_pages_give(u[0]), 0);
	CHECK_EQ(take(2 * MIB, &u[0]), 0); /* what it has, it has */
	f_sound("at the end");
}

/* what was granted is for what comes: who gave back looks again, others may have taken it */
TEST(what_is_given_back_is_granted_to_nobody)
{
	uint32_t u;

	machine(100000, 50000);
	put("/proc/self/cgroup", "0::/g\n");
	put("/proc/self/mountinfo", UNIFIED);
	cgroup("/sys/fs/cgroup/g", true, "209715200\n", 0, 0);
	opts.memory_max = 1024 * MIB;
	opts.mem_decay = 0 + 1;
	sh_ctx.opts = &opts;
	f_group();
	CHECK_EQ(take(60 * MIB, &u), 0);
	cgroup("/sys/fs/cgroup/g", true, "209715200\n", 190 * MIB, 0);
	CHECK_EQ(sh_pages_give(u), 0);
	CHECK_EQ(now().backed, 0);
	CHECK_EQ(take(60 * MIB, &u), -ENOBUFS);
	f_sound("at the end");
}

static int waits(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

static bool so_many(void *n)
{
	int is = 0;

	for (unsigned slot = 0; slot < SH_MEMBERS; slot++)
		is += sh_member_at(slot, NULL) != 0;
	return is == *(int *)n;
}

/* 64 MiB have 128 KiB of page tables in each member that touches them, and they are the machine's too */
TEST(page_tables_of_all_members_are_left_room_for)
{
	pid_t pid[15];
	int n = 0;
	uint32_t u;

	machine(100000, 50000);
	put("/proc/self/cgroup", "0::/g\n");
	put("/proc/self/mountinfo", "4 1 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
	cgroup("/sys/fs/cgroup/g", true, "209715200\n", (200 - 10 - 65) * MIB, 0); /* 65 are left */
	opts.memory_max = 1024 * MIB;
	opts.mem_decay = 0 + 1;
	sh_ctx.opts = &opts;
	f_group();
	CHECK_EQ(take(64 * MIB, &u), 0);
	CHECK_EQ(sh_pages_give(u), 0);
	CHECK_EQ(now().backed, 0);
	for (; n < 15; n++)
		pid[n] = f_member(waits, NULL, NULL);
	t_until(so_many, &(int){16});
	sh_limit_root(t_tmpdir());
	CHECK_EQ(take(64 * MIB, &u), -ENOBUFS);
	CHECK_EQ(take(62 * MIB, &u), 0);
	while (n-- > 0) {
		kill(pid[n], SIGKILL);
		(void)f_wait(pid[n]);
	}
	f_sound("at the end");
}

TEST(the_default_is_what_the_machine_has_and_less_in_a_cgroup_or_under_ulimit_v)
{
	struct rlimit as = {4096 * MIB, RLIM_INFINITY};

	opts.memory_max = 0;
	sh_ctx.opts = &opts;
	machine(1000, 500);
	CHECK_EQ(sh_pages_default_max(), 1000 * MIB);
	machine(10, 5);
	CHECK_EQ(sh_pages_default_max(), 64 * MIB);
	machine(100000, 500);
	opts.numa_limit_mb = 300;
	CHECK_EQ(sh_pages_default_max(), 300 * MIB);
	opts.numa_limit_mb = 0;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	CHECK_EQ(setrlimit(RLIMIT_AS, &as), 0);
	CHECK_EQ(sh_pages_default_max(), 1024 * MIB);
	opts.memory_max = 2000 * MIB;
	CHECK_EQ(sh_pages_default_max(), 2000 * MIB);
#else
	(void)as;
#endif
	opts.memory_max = 5;
	CHECK_EQ(sh_pages_default_max(), 65536);
}

TEST(memory_max_is_exact)
{
	const struct rte_memzone *mz;
	uint32_t u, v;

	opts.memory_max = 5 * MIB + 3 * SH_UNIT + 5;
	sh_ctx.opts = &opts;
	f_group();
	CHECK_EQ(now().max, 5 * MIB + 3 * SH_UNIT);
	CHECK_EQ(take(5 * MIB + 4 * SH_UNIT, &u), -ENOMEM);
	CHECK_EQ(take(5 * MIB + 3 * SH_UNIT, &u), 0);
	CHECK_EQ(f_heap_held(), 5 * MIB + 3 * SH_UNIT);
	CHECK_EQ(take(SH_UNIT, &v), -ENOMEM);
	CHECK(rte_malloc(NULL, 1, 0) == NULL);
	CHECK_EQ(rte_errno, ENOMEM);
	CHECK_EQ(sh_pages_give(u), 0);
	CHECK(rte_malloc(NULL, 1, 0) != NULL);
	CHECK_EQ(now().backed, 5 * MIB + 3 * SH_UNIT);
	mz = rte_memzone_reserve("rest", 0, 0, 0); /* all that there is, and not a byte more than there may be */
	CHECK(mz != NULL);
	CHECK_EQ(mz->len, now().max - (now().used - mz->len));
	CHECK_EQ(now().used, now().max);
	f_sound("at the end");
}

/* ---- from the start ---- */

TEST(what_m_asks_for_is_there_from_the_start_and_stays)
{
	uint32_t u;

	opts.memory_max = 64 * MIB;
	opts.mem_mb = 10;
	opts.mem_decay = 0 + 1;
	sh_ctx.opts = &opts;
	f_group();
	CHECK_EQ(now().backed, 10 * MIB);
	CHECK_EQ(f_heap_held(), 10 * MIB);
	CHECK_EQ(take(20 * MIB, &u), 0);
	CHECK_EQ(sh_pages_give(u), 0);
	CHECK_EQ(sh_mem_trim(UINT64_MAX), 0);
	CHECK_EQ(now().backed, 10 * MIB);
	f_sound("at the end");
}

static void asks_for_too_much(void *arg)
{
	opts.memory_max = 64 * MIB;
	opts.mem_mb = 65;
	opts.numa_other = arg != NULL;
	sh_ctx.opts = &opts;
	f_group_bare();
	CHECK_EQ(sh_mem_start(), -ENOMEM);
	CHECK(sh_ctx.mem == NULL);
}

TEST(more_from_the_start_than_there_may_be_is_an_error)
{
	char err[2048];

	CHECK_EQ(t_fork(asks_for_too_much, NULL, err, sizeof(err)), 0);
	CHECK_HAS(err, "cannot have the 65 MiB");
	CHECK_HAS(err, "raise --memory-max");
	CHECK_EQ(t_fork(asks_for_too_much, &opts, err, sizeof(err)), 0);
	CHECK_HAS(err, "one node");
}

/* ---- a small --memory-max is for what is asked, not for what may come ---- */

static void small_group(void)
{
	opts.memory_max = MIB;
	sh_ctx.opts = &opts;
	f_group();
}

static void all_well(void)
{
	char why[256] = "";

	f_sound("with little memory");
	if (shoal_heap_audit(why, sizeof(why)) != 0)
		t_fail(__FILE__, __LINE__, "the heap: %s", why);
	CHECK(now().used <= MIB && now().backed <= MIB);
}

/* as many as there are: at least so many, and another is refused; all can be used to their last byte, and come back */
static void many(size_t size, size_t align, unsigned least)
{
	static void *p[16384];
	unsigned n = 0;

	while (n < 16384 && (p[n] = rte_malloc(NULL, size, (unsigned)align)) != NULL) {
		CHECK_EQ((uintptr_t)p[n] % (align != 0 ? align : 64), 0);
		memset(p[n], (int)(n & 0xff), size);
		n++;
	}
	CHECK_EQ(rte_errno, ENOMEM);
	if (n < least)
		t_fail(__FILE__, __LINE__, "%u blocks of %zu bytes, not %u", n, size, least);
	all_well();
	for (unsigned i = 0; i < n; i++) {
		for (size_t k = 0; k < size; k++)
			CHECK(((unsigned char *)p[i])[k] == (i & 0xff));
		CHECK_EQ(rte_malloc_validate(p[i], NULL), 0);
		rte_free(p[i]);
	}
	all_well();
}

TEST(one_block_of_each_size_fits_into_a_megabyte)
{
	static const size_t size[] = {64, 200, 1000, 3000, 5000, 8192, 9000, 12000, 16384, 20000, 40000, 65536};
	void *p[12];

	small_group();
	for (unsigned i = 0; i < 12; i++) {
		p[i] = rte_malloc(NULL, size[i], 0);
		if (p[i] == NULL)
			t_fail(__FILE__, __LINE__, "no room for %zu bytes", size[i]);
		memset(p[i], 1, size[i]);
	}
	CHECK(rte_malloc(NULL, 4096, 16384) != NULL && rte_malloc(NULL, 4096, 32768) != NULL);
	all_well();
	for (unsigned i = 0; i < 12; i++)
		rte_free(p[i]);
	all_well();
}

/* each in a process' whole megabyte: spans of one unit, runs, and what is in between */
TEST(a_megabyte_is_used_up_by_any_one_size)
{
	small_group();
	many(64, 0, 12000);
	many(1000, 0, 850);
	many(8192, 0, 64);
	many(9000, 0, 64);
	many(16384, 0, 60);
	many(20000, 0, 30);
	many(32768, 0, 28);
	many(65536, 0, 14);
	many(3000, 8192, 64);
}

static void *takes_and_gives(void *arg)
{
	pthread_barrier_t *b = arg;
	void *p[200];

	for (unsigned i = 0; i < 200; i++) {
		p[i] = rte_malloc(NULL, 4000, 0);
		CHECK(p[i] != NULL);
	}
	for (unsigned i = 0; i < 200; i++)
		rte_free(p[i]);
	pthread_barrier_wait(b); /* it does nothing more, and has its spans */
	pthread_barrier_wait(b);
	CHECK((p[0] = rte_malloc(NULL, 4000, 0)) != NULL);
	rte_free(p[0]);
	return NULL;
}

TEST(small_spans_are_taken_from_a_thread_that_sleeps)
{
	pthread_barrier_t b;
	pthread_t t;
	void *p[13];

	small_group();
	pthread_barrier_init(&b, NULL, 2);
	CHECK_EQ(pthread_create(&t, NULL, takes_and_gives, &b), 0);
	pthread_barrier_wait(&b);
	for (unsigned i = 0; i < 13; i++) {
		p[i] = rte_malloc(NULL, 65536, 0);
		CHECK(p[i] != NULL);
	}
	all_well();
	rte_free(p[12]);
	pthread_barrier_wait(&b);
	CHECK_EQ(pthread_join(t, NULL), 0);
	all_well();
}

/* ---- the process' own limits ---- */

static int grows_under_fsize(void *arg)
{
	struct rlimit rl = {8 * MIB, RLIM_INFINITY};
	uint32_t u;

	(void)arg;
	if (setrlimit(RLIMIT_FSIZE, &rl) < 0)
		return 1;
	if (take(20 * MIB, &u) != -EFBIG || rte_malloc(NULL, 20 * MIB, 0) != NULL || rte_errno != ENOMEM)
		return 2;
	return take(4 * MIB, &u) == 0 ? 0 : 3;
}

TEST(the_limit_on_file_size_is_an_error_and_no_signal)
{
	uint32_t u;

	opts.memory_max = 64 * MIB;
	sh_ctx.opts = &opts;
	f_group();
	CHECK_EQ(f_wait(f_member(grows_under_fsize, NULL, NULL)), 0);
	CHECK_EQ(take(20 * MIB, &u), 0); /* that was that process' alone */
	f_sound("after it");
}

/* ---- what others do with the mapping backs nothing ---- */

/* a group of which 100 MiB are used and the windows are far longer; what the files hold */
static uint64_t some_of_many(void)
{
	uint32_t u;

	opts.memory_max = 512 * MIB;
	sh_ctx.opts = &opts;
	f_group();
	CHECK_EQ(take(100 * MIB, &u), 0);
	CHECK_EQ(f_heap_held(), 100 * MIB);
	return f_heap_held();
}

static int locks_all(void *arg)
{
	struct rlimit rl = {RLIM_INFINITY, RLIM_INFINITY};
	const struct sh_win *w = &sh_ctx.mem->w[0];
	uint32_t u;

	(void)arg;
	(void)setrlimit(RLIMIT_MEMLOCK, &rl);
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0 && /* not allowed: then what the kernel does for it */
	    (mmap(NULL, w->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, w->fd_heap, 0) == MAP_FAILED ||
	     mmap(NULL, SH_MEM_WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, sh_ctx.mem->fd, 0) ==
		     MAP_FAILED))
		return 2;
	return take(2 * MIB, &u) == 0 ? 0 : 1; /* and goes on growing */
}

TEST(mlockall_backs_nothing_beyond_the_mark)
{
	struct sh_mem_stat s;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	SKIP("there mlockall() does nothing");
#endif
	(void)some_of_many();
	CHECK_EQ(f_wait(f_member(locks_all, NULL, NULL)), 0);
	CHECK_EQ(f_heap_held(), 102 * MIB);
	CHECK_EQ(sh_mem_stat(&s), 0);
	CHECK(s.held - s.backed <= 3 * MIB); /* the tables, all 2 MiB of them */
	f_sound("after it");
}

static int reads_beyond(void *arg)
{
	unsigned char *at = (unsigned char *)sh_unit_addr(0) + 200 * MIB, buf[64];
	struct iovec to = {buf, sizeof(buf)}, from = {at, sizeof(buf)};

	(void)arg;
	errno = 0;
	if (process_vm_readv(getppid(), &to, 1, &from, 1, 0) == -1 && errno == EPERM)
		return 77;
	return errno == EFAULT ? 0 : 1;
}

TEST(a_debugger_that_reads_beyond_the_mark_gets_an_error)
{
	uint64_t held = some_of_many();
	int r = f_wait(f_member(reads_beyond, NULL, NULL));

	if (r == 77)
		SKIP("this user may not look into other processes");
	CHECK_EQ(r, 0);
	CHECK_EQ(f_heap_held(), held);
}

static int dumps_core(void *arg)
{
	struct rlimit rl = {256 * MIB, 256 * MIB};

	if (setrlimit(RLIMIT_CORE, &rl) < 0 || chdir(arg) < 0)
		return 1;
	signal(SIGABRT, SIG_DFL);
	abort();
}

TEST(a_core_dump_backs_nothing_and_leaves_the_windows_out)
{
	char pattern[128] = "|", path[256], dir[256];
	uint64_t held = some_of_many();
	FILE *f = fopen("/proc/sys/kernel/core_pattern", "re");
	struct stat st;
	pid_t pid;
	int status;

	if (f != NULL && fgets(pattern, sizeof(pattern), f) == NULL)
		pattern[0] = '|';
	if (f != NULL)
		fclose(f);
	if (strchr(pattern, '|') != NULL || strchr(pattern, '/') != NULL || strncmp(pattern, "core", 4) != 0)
		SKIP("core dumps go elsewhere on this machine");
	snprintf(dir, sizeof(dir), "%s", t_tmpdir());
	pid = f_member(dumps_core, dir, NULL);
	while (waitpid(pid, &status, 0) < 0)
		CHECK_EQ(errno, EINTR);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(f_heap_held(), held);
	if (!WCOREDUMP(status))
		SKIP("no core was written");
	snprintf(path, sizeof(path), "%s/core", dir);
	if (stat(path, &st) < 0) {
		snprintf(path, sizeof(path), "%s/core.%d", dir, (int)pid);
		CHECK_EQ(stat(path, &st), 0);
	}
	CHECK((uint64_t)st.st_blocks * 512 < 60 * MIB); /* not even what is used */
}
