/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sparse_test.c - what others do with a member's mappings backs nothing that nobody uses: mlockall(), a core dump, a reader
 *
 * Seen from outside, by the blocks that the kernel counts for each file of the group, with windows of ordinary and of huge
 * pages. Every file ends where its use ends, and all of memory's files have pages up to their ends: nothing comes there.
 * What members have for themselves in the control region, and its header, are backed at first touch: of that at most MORE
 * bytes come for a group of two.
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
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <shoal.h>
#include <shoal_member.h>

#include "chan/lane.h"
#include "check.h"
#include "hugepages.h"
#include "mem/layout.h"
#include "proc/region.h"

#define MIB (1ull << 20)
#define MORE (SH_REGION_FIXED + 2 * sizeof(struct sh_slot) + SH_FD_TAB_FIRST)
_Static_assert(MORE < MIB / 4, "not worth a word");

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

	FILE *f = fopen("/proc/self/coredump_filter", "we");

	if (f != NULL) { /* shared memory and huge pages too */
		fprintf(f, "0x7f");
		fclose(f);
	}
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
	char prog[] = "m", type[32], lcores[] = "--lcores=0@0", max[] = "--memory-max=256M", huge[32];
	char *av[] = {prog, type, lcores, max, huge, NULL}, line[300];
	struct shoal_msg msg = {.name = "hello", .data = "hello", .len = 6};
	uint64_t to;

	snprintf(type, sizeof(type), "--proc-type=%s", argv[1]);
	snprintf(huge, sizeof(huge), "--huge=%s", argv[2]);
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

/* the control region's, and those that have pages wherever they have bytes */
enum { CTL, LANES, TABLES, WINDOWS, KINDS };

struct held {
	uint64_t b[KINDS]; /* bytes */
};

static int kind_of(const char *file)
{
	static const struct {
		const char *name;
		int kind;
	} names[] = {{"memfd:shoal-ctl", CTL},	    {"memfd:shoal-slots", CTL},	   {"memfd:shoal-lane-table", CTL},
		     {"memfd:shoal-fd-table", CTL}, {"memfd:shoal-lanes", LANES},  {"memfd:shoal-mem", TABLES},
		     {"memfd:shoal-dir", TABLES},   {"memfd:shoal-zones", TABLES}, {"memfd:shoal-gates", TABLES},
		     {"memfd:shoal-steps", TABLES}, {"memfd:shoal-desc", TABLES},  {"memfd:shoal-heap", WINDOWS}};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strstr(file, names[i].name) != NULL)
			return names[i].kind;
	CHECK(strstr(file, "memfd:shoal-") == NULL || strstr(file, "memfd:shoal-live") != NULL);
	return -1;
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
		if (k < 0 || stat(path, &st) != 0)
			continue;
		h.b[k] += (uint64_t)st.st_blocks * 512;
		if (k >= TABLES) /* no holes: nothing can come */
			CHECK((uint64_t)st.st_blocks * 512 >= (uint64_t)st.st_size);
	}
	closedir(d);
	CHECK(h.b[CTL] > 0 && h.b[TABLES] > 0 && h.b[WINDOWS] >= 10 * MIB);
	return h;
}

static void same(const struct held *was, const struct held *is)
{
	for (int k = 0; k < KINDS; k++)
		CHECK_EQ(is->b[k], was->b[k]);
}

/* nothing but what members have for themselves */
static void bounded(const struct held *was, const struct held *is)
{
	CHECK_EQ(is->b[LANES], was->b[LANES]);
	CHECK_EQ(is->b[TABLES], was->b[TABLES]);
	CHECK_EQ(is->b[WINDOWS], was->b[WINDOWS]);
	printf("control region %llu -> %llu KiB of a group of %llu KiB\n", (unsigned long long)was->b[CTL] >> 10,
	       (unsigned long long)is->b[CTL] >> 10,
	       (unsigned long long)(was->b[CTL] + was->b[LANES] + was->b[TABLES] + was->b[WINDOWS]) >> 10);
	CHECK(is->b[CTL] - was->b[CTL] <= MORE);
}

/* two members that have exchanged a message; with huge pages where the machine has some */
static struct held group(struct t_proc *p[2], const char *huge)
{
	char cmd[64];

	for (int i = 0; i < 2; i++) {
		p[i] = t_spawn("m", i == 0 ? "primary" : "secondary", huge, NULL);
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

static void locks_all(const char *huge)
{
	struct t_proc *p[2];
	struct held was, is, later;
	const char *said;

	PLAIN;
	if (strcmp(huge, "never") != 0)
		t_huge_pages(16);
	was = group(p, huge);
	t_say(p[1], "lock");
	said = t_expect(p[1], "locked");
	if (strcmp(said, "locked 0") != 0)
		SKIP("this user may not lock so much memory: %s", said);
	is = held_by(p[0]);
	bounded(&was, &is);
	t_say(p[0], "lock"); /* another one finds it all there */
	t_expect(p[0], "locked 0");
	later = held_by(p[0]);
	same(&is, &later);
	t_say(p[1], "more"); /* and it grows by what is asked for */
	t_expect(p[1], "more 1");
	is = held_by(p[0]);
	CHECK(is.b[WINDOWS] - later.b[WINDOWS] <= 4 * MIB); /* a block and its header: two huge pages */
	over(p[1]);
	over(p[0]);
}

TEST(mlockall_backs_next_to_nothing)
{
	locks_all("never");
}

TEST(mlockall_backs_next_to_nothing_with_huge_pages)
{
	locks_all("auto");
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

static void dumps_core(const char *huge)
{
	struct t_proc *p[2];
	struct held was, is;
	char cmd[300];
	siginfo_t si;

	PLAIN;
	if (strcmp(huge, "never") != 0)
		t_huge_pages(16);
	was = group(p, huge);
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

TEST(a_core_dump_backs_nothing)
{
	dumps_core("never");
}

TEST(a_core_dump_backs_nothing_with_huge_pages)
{
	dumps_core("auto");
}

static void reads_all(const char *huge)
{
	struct t_proc *p[2];
	struct held was, is, later;
	long pages;

	PLAIN;
	if (strcmp(huge, "never") != 0)
		t_huge_pages(16);
	was = group(p, huge);
	pages = t_read_pages(p[1], "memfd:shoal-", true);
	if (pages < 0)
		SKIP("this user may not look into other processes");
	CHECK(pages >= (long)(10 * MIB / 4096));
	is = held_by(p[0]);
	bounded(&was, &is);
	CHECK_EQ(t_read_pages(p[1], "memfd:shoal-", false), pages);
	later = held_by(p[0]);
	same(&is, &later);
	over(p[1]);
	over(p[0]);
}

/* ---- who makes the table of lanes longer dies over it ---- */

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif

TEST(who_dies_while_a_table_grows_harms_nobody)
{
	static const char *const at[] = {"table_grows", "table_grown"};
	struct t_proc *p, *v;
	char cmd[64];

	NEEDS_FAULT();
	p = t_spawn("m", "primary", "never", NULL);
	snprintf(cmd, sizeof(cmd), "send %s", t_expect(p, "up ") + 3);
	for (unsigned i = 0; i < 3; i++) { /* nobody had a lane before; the server of its join has made its slot */
		if (i < 2)
			CHECK_EQ(setenv("SHOAL_DIE_AT", at[i], 1), 0);
		v = t_spawn("m", "secondary", "never", NULL);
		CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
		t_expect(v, "up ");
		t_say(v, cmd);
		if (i < 2) {
			CHECK_EQ(t_wait(v), 128 + SIGKILL);
			continue;
		}
		t_expect(p, "heard");
		t_expect(v, "sent 0");
		over(v);
	}
	over(p);
}

TEST(a_debugger_that_reads_everything_backs_next_to_nothing)
{
	reads_all("never");
}

TEST(a_debugger_that_reads_everything_backs_next_to_nothing_with_huge_pages)
{
	reads_all("auto");
}
