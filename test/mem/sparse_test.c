/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sparse_test.c - what others do with a member's mappings backs nothing that nobody uses: mlockall(), a core dump, a reader
 *
 * Seen from outside, by the blocks that the kernel counts for each file of the group. The windows of memory end where their
 * files end, so nothing of them can come. The control file and the memory's header have a fixed length, of which a part was
 * never used: a core dump leaves them out, but who locks or reads everything gets those pages, at most ONCE bytes in the
 * life of a group, and at most a whole lane for one that was used in part.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <shoal.h>
#include <shoal_member.h>

#include "chan/lane.h"
#include "check.h"
#include "mem/layout.h"
#include "proc/region.h"

#define MIB (1ull << 20)
#define ONCE (sizeof(struct sh_region) + SH_STEPS_OFF + MIB)

/* ---- a member: it has taken memory and sent a message, and then does what it is told ---- */

static int lock_all(void)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

	(void)setrlimit(RLIMIT_MEMLOCK, &all);
	return mlockall(MCL_CURRENT | MCL_FUTURE) == 0 ? 0 : errno;
}

static void dump_core(const char *dir)
{
	struct rlimit some = {64 * MIB, 64 * MIB};

	CHECK_EQ(setrlimit(RLIMIT_CORE, &some), 0);
	CHECK_EQ(chdir(dir), 0);
	signal(SIGABRT, SIG_DFL);
	abort();
}

static int heard(const struct shoal_in *in, void *arg)
{
	(void)in;
	(void)arg;
	t_tell("heard");
	return 0;
}

ROLE(m)
{
	char prog[] = "m", type[32], lcores[] = "--lcores=0@0", max[] = "--memory-max=256M", huge[] = "--huge=never";
	char *av[] = {prog, type, lcores, max, huge, NULL}, line[300];
	struct shoal_msg msg = {.name = "hello", .data = "hello", .len = 6};
	uint64_t to;

	snprintf(type, sizeof(type), "--proc-type=%s", argv[1]);
	CHECK(rte_eal_init(5, av) >= 0);
	CHECK_EQ(shoal_action_register("hello", heard, NULL), 0);
	CHECK(rte_malloc(NULL, 5 * MIB, 0) != NULL);
	t_tell("up %llu", (unsigned long long)shoal_member_self());
	while (t_hear(line, sizeof(line))) {
		if (strcmp(line, "lock") == 0) {
			t_tell("locked %d", lock_all());
		} else if (strncmp(line, "send ", 5) == 0) {
			to = strtoull(line + 5, NULL, 10);
			t_tell("sent %d", shoal_send(&to, 1, &msg, NULL, NULL) < 0 ? rte_errno : 0);
		} else if (strncmp(line, "core ", 5) == 0) {
			dump_core(line + 5);
		} else if (strcmp(line, "more") == 0) {
			t_tell("more %d", rte_malloc(NULL, 2 * MIB, 0) != NULL);
		}
	}
	return rte_eal_cleanup();
}

/* ---- the group seen from outside ---- */

enum { CTL, LANES, MEM, WINDOWS, KINDS };

struct held {
	uint64_t b[KINDS]; /* bytes */
};

static int kind_of(const char *file)
{
	static const char *const names[] = {"memfd:shoal-ctl", "memfd:shoal-lanes", "memfd:shoal-mem"};

	for (int i = 0; i < WINDOWS; i++)
		if (strstr(file, names[i]) != NULL)
			return i;
	return strstr(file, "memfd:shoal-desc") != NULL || strstr(file, "memfd:shoal-heap") != NULL ? WINDOWS : -1;
}

/* by the descriptors of any member: they all have all of them, each once */
static struct held held_by(const struct t_proc *p)
{
	struct held h = {{0}};
	char dir[64], path[400], to[200];
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "/proc/%d/fd", (int)p->pid);
	d = opendir(dir);
	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL) {
		struct stat st;
		ssize_t n;
		int k;

		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		n = readlink(path, to, sizeof(to) - 1);
		to[n > 0 ? n : 0] = '\0';
		k = kind_of(to);
		if (k >= 0 && stat(path, &st) == 0)
			h.b[k] += (uint64_t)st.st_blocks * 512;
	}
	closedir(d);
	CHECK(h.b[CTL] > 0 && h.b[MEM] > 0 && h.b[WINDOWS] >= 10 * MIB);
	return h;
}

static void same(const struct held *was, const struct held *is)
{
	for (int k = 0; k < KINDS; k++)
		CHECK_EQ(is->b[k], was->b[k]);
}

/* nothing of the windows; of the rest what there can be */
static void bounded(const struct held *was, const struct held *is)
{
	CHECK_EQ(is->b[WINDOWS], was->b[WINDOWS]);
	CHECK(is->b[CTL] + is->b[MEM] <= ONCE);
	CHECK(is->b[LANES] <= 4 * SH_LANE_SIZE); /* there are two lanes, one of them might be new */
	printf("control %llu -> %llu KiB, header %llu -> %llu KiB, lanes %llu -> %llu KiB\n",
	       (unsigned long long)was->b[CTL] >> 10, (unsigned long long)is->b[CTL] >> 10,
	       (unsigned long long)was->b[MEM] >> 10, (unsigned long long)is->b[MEM] >> 10,
	       (unsigned long long)was->b[LANES] >> 10, (unsigned long long)is->b[LANES] >> 10);
}

static struct held group(struct t_proc *p[2])
{
	char cmd[64];

	for (int i = 0; i < 2; i++) {
		p[i] = t_spawn("m", i == 0 ? "primary" : "secondary", NULL);
		snprintf(cmd, sizeof(cmd), "send %s", t_expect(p[i], "up ") + 3);
	}
	t_say(p[0], cmd);
	t_expect(p[1], "heard");
	t_expect(p[0], "sent 0");
	return held_by(p[0]);
}

static void over(struct t_proc *p)
{
	close(p->in);
	p->in = -1;
	CHECK_EQ(t_wait(p), 0);
}

#if T_SANITIZED
#define PLAIN SKIP("a sanitizer replaces what is tested, or maps too much to read")
#else
#define PLAIN ((void)0)
#endif

TEST(mlockall_backs_nothing_of_the_windows_and_the_rest_once)
{
	struct t_proc *p[2];
	struct held was, is, later;
	const char *said;

	PLAIN;
	was = group(p);
	t_say(p[1], "lock");
	said = t_expect(p[1], "locked");
	if (strcmp(said, "locked 0") != 0)
		SKIP("this user may not lock so much memory: %s", said);
	is = held_by(p[0]);
	bounded(&was, &is);
	t_say(p[0], "lock"); /* another one finds it all there */
	t_expect(p[0], "locked 0");
	later = held_by(p[0]);
	CHECK_EQ(later.b[CTL] + later.b[MEM] + later.b[WINDOWS], is.b[CTL] + is.b[MEM] + is.b[WINDOWS]);
	t_say(p[1], "more"); /* and it grows by what is asked for */
	t_expect(p[1], "more 1");
	is = held_by(p[0]);
	CHECK(is.b[WINDOWS] - later.b[WINDOWS] <= 2 * MIB + 4096);
	over(p[1]);
	over(p[0]);
}

static bool dump_left_out(const struct t_proc *p)
{
	char path[64], line[512];
	bool ours = false, all = true;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)p->pid);
	f = fopen(path, "re");
	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strchr(line, '-') != NULL && strchr(line, '-') < strchr(line, ' '))
			ours = strstr(line, "memfd:shoal-") != NULL && strstr(line, "---") == NULL;
		if (ours && strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " dd") == NULL)
			all = false;
	}
	fclose(f);
	return all;
}

static bool dumps_lie_beside(void)
{
	char pattern[128] = "|";
	FILE *f = fopen("/proc/sys/kernel/core_pattern", "re");

	if (f != NULL && fgets(pattern, sizeof(pattern), f) == NULL)
		pattern[0] = '|';
	if (f != NULL)
		fclose(f);
	return strncmp(pattern, "core", 4) == 0 && strchr(pattern, '/') == NULL;
}

TEST(a_core_dump_backs_nothing)
{
	struct t_proc *p[2];
	struct held was, is;
	char cmd[300];
	siginfo_t si;

	PLAIN;
	was = group(p);
	CHECK(dump_left_out(p[0]) && dump_left_out(p[1])); /* a debugger that writes one looks at the same mark */
	if (!dumps_lie_beside())
		SKIP("core dumps go elsewhere on this machine");
	snprintf(cmd, sizeof(cmd), "core %s", t_tmpdir());
	t_say(p[1], cmd);
	CHECK_EQ(waitid(P_PID, (id_t)p[1]->pid, &si, WEXITED | WNOWAIT), 0);
	CHECK(si.si_code == CLD_DUMPED || si.si_code == CLD_KILLED);
	is = held_by(p[0]);
	is.b[LANES] = was.b[LANES]; /* those of the dead may be gone by now */
	same(&was, &is);
	CHECK_EQ(t_wait(p[1]), 128 + SIGABRT);
	over(p[0]);
	if (si.si_code != CLD_DUMPED)
		SKIP("no core was written");
}

/* a byte of each page of each mapping of the group's, as far as it goes: how many pages, or -1 */
static long read_all(const struct t_proc *p)
{
	char path[64], line[512], byte;
	unsigned long from, to;
	long pages = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)p->pid);
	f = fopen(path, "re");
	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strstr(line, "memfd:shoal-") == NULL || sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		for (; from < to; from += 4096) {
			struct iovec l = {&byte, 1}, r = {(void *)from, 1};

			if (process_vm_readv(p->pid, &l, 1, &r, 1, 0) == 1) {
				pages++;
				continue;
			}
			if (errno == EPERM)
				pages = -1;
			break; /* beyond the end of the file there is nothing */
		}
	}
	fclose(f);
	return pages;
}

TEST(who_reads_everything_backs_nothing_of_the_windows_and_the_rest_once)
{
	struct t_proc *p[2];
	struct held was, is, later;
	long pages;

	PLAIN;
	was = group(p);
	pages = read_all(p[1]);
	if (pages < 0)
		SKIP("this user may not look into other processes");
	CHECK(pages >= (long)(10 * MIB / 4096));
	is = held_by(p[0]);
	bounded(&was, &is);
	CHECK(read_all(p[1]) == pages);
	later = held_by(p[0]);
	same(&is, &later);
	over(p[1]);
	over(p[0]);
}
