/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * holes_test.c - pages that were given back stay away: what comes to them unasked goes again, whoever is stopped
 *
 * A group has memory, gives back what lies in the middle of it and is idle. Then a member locks its memory, a debugger
 * reads everything, or the member that began to free is stopped. What the files of pages hold is seen from outside; it has
 * to come down to what it was with nobody calling anything.
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
#include <rte_malloc.h>
#include <rte_memzone.h>
#include <shoal_mem.h>

#include "check.h"
#include "hugepages.h"

#define MIB (1ull << 20)
#define HOLE (48 * MIB)
#define BLOCKS 20000
#define BLOCK 1000

/* ---- a member that does what it is told ---- */

static int lock_all(void)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

	(void)setrlimit(RLIMIT_MEMLOCK, &all);
	return mlockall(MCL_CURRENT | MCL_FUTURE) == 0 ? 0 : errno;
}

static bool take_blocks(void)
{
	const struct rte_memzone *mz = rte_memzone_reserve("blocks", BLOCKS * sizeof(void *), 0, 0);
	void **b = mz != NULL ? mz->addr : NULL;
	bool all = b != NULL;

	for (unsigned i = 0; all && i < BLOCKS; i++)
		all = (b[i] = rte_malloc(NULL, BLOCK, 0)) != NULL;
	return all;
}

static void does(const char *what, void *taken[3])
{
	char why[200] = "";

	if (strcmp(what, "take") == 0) { /* the second lies between two others */
		for (int i = 0; i < 3; i++)
			taken[i] = rte_malloc(NULL, i == 1 ? HOLE : MIB, 0);
		t_tell("took %d", taken[0] != NULL && taken[1] != NULL && taken[2] != NULL);
	} else if (strcmp(what, "give") == 0) {
		rte_free(taken[1]);
		t_tell("gave");
	} else if (strcmp(what, "give and stop") == 0) {
		rte_free(taken[1]);
		raise(SIGSTOP);
	} else if (strcmp(what, "take blocks") == 0) {
		t_tell("took %d", take_blocks());
	} else if (strcmp(what, "give blocks and stop") == 0) {
		void **b = rte_memzone_lookup("blocks")->addr;

		for (unsigned i = 0; i < BLOCKS; i++)
			rte_free(b[i]);
		raise(SIGSTOP);
	} else if (strcmp(what, "trim") == 0) {
		t_tell("trimmed %ld", shoal_mem_trim());
	} else if (strcmp(what, "lock") == 0) {
		t_tell("locked %d", lock_all());
	} else if (strcmp(what, "audit") == 0) {
		t_tell("audit %d %s", shoal_heap_audit(why, sizeof(why)), why);
	}
}

ROLE(m)
{
	char prog[] = "m", type[32], lcores[] = "--lcores=0@0", max[] = "--memory-max=128M", huge[32], decay[32];
	char *av[] = {prog, type, lcores, max, huge, decay, NULL}, line[64];
	void *taken[3] = {NULL};

	snprintf(type, sizeof(type), "--proc-type=%s", argv[1]);
	snprintf(huge, sizeof(huge), "--huge=%s", argv[2]);
	snprintf(decay, sizeof(decay), "--mem-decay=%s", argv[3]);
	CHECK(rte_eal_init(6, av) >= 0);
	t_tell("up");
	while (t_hear(line, sizeof(line)))
		does(line, taken);
	return rte_eal_cleanup();
}

/* ---- the group seen from outside ---- */

/* what its files of pages hold */
static uint64_t held(const struct t_proc *p)
{
	char dir[64], path[400], to[200];
	struct dirent *e;
	uint64_t n = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "/proc/%d/fd", (int)p->pid);
	d = opendir(dir);
	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL) {
		struct stat st;
		ssize_t len;

		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		len = readlink(path, to, sizeof(to) - 1);
		to[len > 0 ? len : 0] = '\0';
		if (strstr(to, "memfd:shoal-heap") != NULL && stat(path, &st) == 0)
			n += (uint64_t)st.st_blocks * 512;
	}
	closedir(d);
	return n;
}

struct most {
	const struct t_proc *p;
	uint64_t held;
};

static bool no_more(void *arg)
{
	const struct most *w = arg;

	return held(w->p) <= w->held;
}

static void falls_to(const struct t_proc *p, uint64_t bytes)
{
	struct most w = {p, bytes};

	t_until(no_more, &w);
}

static void ask(struct t_proc *p, const char *what, const char *answer)
{
	t_say(p, what);
	t_expect(p, answer);
}

/* so many members; the first has taken memory */
static uint64_t group(struct t_proc *p[], int n, const char *huge, const char *decay)
{
	if (strcmp(huge, "never") != 0)
		t_huge_pages(64);
	CHECK_EQ(setenv("SHOAL_LOOK_MS", "200", 1), 0); /* instead of a second, where the tree has such hooks */
	for (int i = 0; i < n; i++) {
		p[i] = t_spawn("m", i == 0 ? "primary" : "secondary", huge, decay, NULL);
		t_expect(p[i], "up");
	}
	ask(p[0], "take", "took 1");
	return held(p[0]);
}

/* and has given most of it back: what is held then */
static uint64_t group_with_hole(struct t_proc *p[], int n, const char *huge)
{
	uint64_t was = group(p, n, huge, "never");

	ask(p[0], "give", "gave");
	ask(p[0], "trim", "trimmed");
	CHECK(held(p[0]) <= was - HOLE + 4 * MIB);
	return held(p[0]);
}

static void over(struct t_proc *p[], int n)
{
	for (int i = n; i-- > 0;) {
		if (p[i] == NULL)
			continue;
		ask(p[i], "audit", "audit 0");
		close(p[i]->in);
		p[i]->in = -1;
		CHECK_EQ(t_wait(p[i]), 0);
	}
}

#define HEAP "memfd:shoal-heap" /* the files of pages */

#if T_SANITIZED
#define PLAIN SKIP("a sanitizer replaces what is tested, or maps too much to read")
#else
#define PLAIN ((void)0)
#endif

/* ---- mlockall ---- */

static void may_lock(struct t_proc *p)
{
	const char *said;

	t_say(p, "lock");
	said = t_expect(p, "locked");
	if (strcmp(said, "locked 0") != 0)
		SKIP("this user may not lock so much memory: %s", said);
}

static void locked(const char *huge)
{
	struct t_proc *p[2];
	uint64_t was;

	PLAIN;
	was = group_with_hole(p, 2, huge);
	may_lock(p[1]);
	falls_to(p[0], was);
	may_lock(p[0]); /* and it comes again with the next who does */
	falls_to(p[1], was);
	ask(p[0], "take", "took 1"); /* there is as much to be had as before */
	ask(p[1], "audit", "audit 0");
	over(p, 2);
}

TEST(what_mlockall_backs_in_holes_goes_again)
{
	locked("never");
}

TEST(what_mlockall_backs_in_holes_goes_again_with_huge_pages)
{
	locked("only");
}

/* ---- a debugger ---- */

static void read_by_another(const char *huge)
{
	struct t_proc *p[2];
	uint64_t was;
	long pages;

	PLAIN;
	was = group_with_hole(p, 2, huge);
	pages = t_read_pages(p[1], HEAP, true);
	if (pages < 0)
		SKIP("this user may not look into other processes");
	CHECK(pages >= (long)(was >> 12));
	falls_to(p[0], was);
	CHECK(t_read_pages(p[0], HEAP, true) >= (long)(was >> 12));
	falls_to(p[0], was);
	over(p, 2);
}

TEST(what_a_debugger_backs_in_holes_goes_again)
{
	read_by_another("never");
}

TEST(what_a_debugger_backs_in_holes_goes_again_with_huge_pages)
{
	read_by_another("only");
}

/* whoever looks after them is stopped, or dies: the next does */
TEST_T(one_member_is_enough, 60)
{
	struct t_proc *p[4];
	uint64_t was;

	PLAIN;
	was = group_with_hole(p, 4, "never");
	for (int i = 0; i < 3; i++) {
		if (i == 1) {
			t_kill(p[i], SIGKILL);
			CHECK_EQ(t_wait(p[i]), 128 + SIGKILL);
			p[i] = NULL;
		} else {
			t_kill(p[i], SIGSTOP);
		}
		if (t_read_pages(p[3], HEAP, true) < 0)
			SKIP("this user may not look into other processes");
		falls_to(p[3], was);
	}
	t_kill(p[0], SIGCONT);
	t_kill(p[2], SIGCONT);
	over(p, 4);
}

/* ---- who has freed is stopped ---- */

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif

/* it stops itself */
static void stopped(const struct t_proc *p)
{
	siginfo_t si;

	CHECK_EQ(waitid(P_PID, (id_t)p->pid, &si, WSTOPPED | WNOWAIT), 0);
}

static void goes_on(struct t_proc *p[2], uint64_t bytes)
{
	t_kill(p[0], SIGCONT);
	falls_to(p[1], bytes);
}

static void stops_after_free(const char *decay)
{
	struct t_proc *p[2];
	uint64_t was;

	PLAIN;
	was = group(p, 2, "never", decay);
	t_say(p[0], "give and stop");
	stopped(p[0]);
	falls_to(p[1], was - HOLE + MIB);
	goes_on(p, was - HOLE + MIB);
	over(p, 2);
}

TEST(pages_go_though_who_freed_them_is_stopped)
{
	stops_after_free("500");
}

TEST(pages_gone_at_once_before_who_freed_them_stops)
{
	stops_after_free("0");
}

/* stopped with the first 32 MiB in its hands, which stay */
TEST(the_rest_goes_though_who_gives_it_back_is_stopped)
{
	struct t_proc *p[2];
	uint64_t was;

	NEEDS_FAULT();
	CHECK_EQ(setenv("SHOAL_STOP_AT", "mem_shrink_cut", 1), 0);
	was = group(p, 1, "never", "0");
	CHECK_EQ(unsetenv("SHOAL_STOP_AT"), 0);
	p[1] = t_spawn("m", "secondary", "never", "0", NULL);
	t_expect(p[1], "up");
	t_say(p[0], "give and stop");
	stopped(p[0]);
	falls_to(p[1], was - HOLE + 33 * MIB);
	goes_on(p, was - HOLE + MIB); /* it ends what it had begun, and stops behind that */
	stopped(p[0]);
	t_kill(p[0], SIGCONT);
	over(p, 2);
}

/* blocks that another took, who sleeps: what is wholly free is looked for twice, by whoever is there */
TEST(spans_go_though_who_freed_their_blocks_is_stopped)
{
	struct t_proc *p[3];
	uint64_t was;

	group(p, 3, "never", "300");
	ask(p[1], "take blocks", "took 1");
	was = held(p[1]);
	t_say(p[0], "give blocks and stop");
	stopped(p[0]);
	falls_to(p[1], was - BLOCKS * BLOCK / 2);
	t_kill(p[0], SIGCONT);
	over(p, 3);
}
