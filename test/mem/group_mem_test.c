/* SPDX-License-Identifier: BSD-3-Clause */
/* group_mem_test.c - memzones of a real group: processes started by exec that find each other through rte_eal_init() */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memzone.h>

#include "base/atom.h"
#include "check.h"
#include "mem/mem.h"

/* more: an option, or NULL */
static int init_with(const char *type, const char *more)
{
	char prog[] = "member", p[64], q[64] = "--no-pci", lcores[] = "--lcores=0@0";
	char *argv[] = {prog, p, q, lcores, NULL};

	snprintf(p, sizeof(p), "--%s", type);
	if (more != NULL)
		snprintf(q, sizeof(q), "--%s", more);
	return rte_eal_init(4, argv) < 0 ? -1 : 0;
}

static int init_as(const char *type)
{
	return init_with(type, NULL);
}

/* ---- the role: one command a line, one answer a line ---- */

static void free_one(const struct rte_memzone *mz, void *arg)
{
	unsigned *n = arg;

	*n += rte_memzone_free(mz) == 0;
}

static void in_a_child(const char *name)
{
	const struct rte_memzone *mz = rte_memzone_lookup(name);
	int ok = mz != NULL && rte_memzone_reserve("of a child", 64, SOCKET_ID_ANY, 0) == NULL && rte_errno == EPERM &&
		 rte_memzone_free(mz) == -EPERM;

	_exit(ok ? 0 : 1);
}

static void forked(const char *name)
{
	pid_t pid = t_fork_idle();
	int st = -1;

	if (pid == 0)
		in_a_child(name);
	waitpid(pid, &st, 0);
	t_tell("child %d", WIFEXITED(st) ? WEXITSTATUS(st) : -1);
}

static void loop_for_ever(void)
{
	const struct rte_memzone *mine[8] = {NULL};
	unsigned seed = (unsigned)getpid();
	char name[32];

	for (unsigned long i = 0;; i++) {
		unsigned k = (unsigned)rand_r(&seed) % 8;

		if (i == 100)
			t_tell("looping");
		if (mine[k] != NULL) {
			if (rte_memzone_free(mine[k]) != 0)
				abort();
			mine[k] = NULL;
			continue;
		}
		snprintf(name, sizeof(name), "%d.%u", (int)getpid(), k);
		mine[k] = rte_memzone_reserve(name, 1 + (size_t)rand_r(&seed) % 20000, SOCKET_ID_ANY, 0);
		if (mine[k] == NULL)
			abort();
		memset(mine[k]->addr, 1, mine[k]->len);
	}
}

static void command(const char *cmd, const char *name, const char *rest)
{
	const struct rte_memzone *mz;
	char why[256];
	unsigned n = 0;

	if (strcmp(cmd, "reserve") == 0) {
		mz = rte_memzone_reserve(name, (size_t)strtoull(rest, NULL, 0), SOCKET_ID_ANY, 0);
		t_tell("reserved %d %p", mz == NULL ? rte_errno : 0, (const void *)mz);
	} else if (strcmp(cmd, "write") == 0) {
		mz = rte_memzone_lookup(name);
		if (mz != NULL)
			strcpy(mz->addr, rest);
		t_tell("wrote %p", (const void *)mz);
	} else if (strcmp(cmd, "read") == 0) {
		mz = rte_memzone_lookup(name);
		t_tell("read %s", mz != NULL ? (const char *)mz->addr : "nothing");
	} else if (strcmp(cmd, "free") == 0) {
		t_tell("freed %d", rte_memzone_free(rte_memzone_lookup(name)));
	} else if (strcmp(cmd, "freeall") == 0) {
		rte_memzone_walk(free_one, &n);
		t_tell("freed %u", n);
	} else if (strcmp(cmd, "audit") == 0) {
		int r = sh_mem_audit(why, sizeof(why));

		t_tell("audit %d %s", r, why);
	} else if (strcmp(cmd, "held") == 0) {
		struct sh_mem_stat st = {0};

		(void)sh_mem_stat(&st);
		t_tell("held %llu", (unsigned long long)st.held >> 20);
	} else if (strcmp(cmd, "fork") == 0) {
		forked(name);
	} else if (strcmp(cmd, "loop") == 0) {
		loop_for_ever();
	}
}

ROLE(zones)
{
	char line[256], cmd[32], name[64], rest[128];

	if (init_with(argv[1], argv[2]) < 0) {
		t_tell("up -1");
		return 1;
	}
	t_tell("up 0");
	while (t_hear(line, sizeof(line))) {
		int n = sscanf(line, "%31s %63s %127[^\n]", cmd, name, rest);

		if (n >= 1 && strcmp(cmd, "leave") == 0)
			break;
		command(cmd, n >= 2 ? name : "", n >= 3 ? rest : "");
	}
	t_tell("left %d", rte_eal_cleanup());
	return 0;
}

static struct t_proc *start_with(const char *type, const char *more)
{
	char opt[64];
	struct t_proc *p;

	snprintf(opt, sizeof(opt), "proc-type=%s", type);
	p = t_spawn("zones", opt, more, NULL);
	CHECK_STR(t_expect(p, "up"), "up 0");
	return p;
}

static struct t_proc *start(const char *type)
{
	return start_with(type, NULL);
}

static const char *ask(struct t_proc *p, const char *line, const char *prefix)
{
	t_say(p, line);
	return t_expect(p, prefix);
}

static void sound(struct t_proc *p)
{
	CHECK_STR(ask(p, "audit", "audit"), "audit 0 ");
}

TEST(zones_pass_between_primary_and_secondary_and_outlive_both)
{
	struct t_proc *p = start("primary"), *s = start("secondary"), *n;
	char at[128];

	snprintf(at, sizeof(at), "%s", ask(p, "reserve shared 10000", "reserved") + strlen("reserved 0 "));
	CHECK_HAS(ask(s, "write shared of the secondary", "wrote"), at); /* the same descriptor at the same address */
	CHECK_STR(ask(p, "read shared", "read"), "read of the secondary");
	CHECK_HAS(ask(s, "reserve shared 1", "reserved"), "reserved 17 "); /* EEXIST */
	CHECK_HAS(ask(s, "reserve mine 4000000", "reserved"), "reserved 0 ");
	CHECK_STR(ask(s, "fork shared", "child"), "child 0");
	t_kill(s, SIGKILL);
	CHECK_EQ(t_wait(s), 128 + SIGKILL);
	sound(p);
	CHECK_STR(ask(p, "free mine", "freed"), "freed 0");
	s = start("secondary");
	t_kill(p, SIGKILL);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
	CHECK_HAS(ask(s, "reserve orphaned 100", "reserved"), "reserved 0 "); /* there is no primary, nobody is asked */
	n = start("primary");
	CHECK_STR(ask(n, "read shared", "read"), "read of the secondary");
	CHECK_STR(ask(n, "free orphaned", "freed"), "freed 0");
	sound(n);
	CHECK_STR(ask(n, "leave", "left"), "left 0");
	CHECK_STR(ask(s, "freeall", "freed"), "freed 1");
	sound(s);
	CHECK_STR(ask(s, "leave", "left"), "left 0");
}

static bool holds_little(void *arg)
{
	unsigned mb = 1000;

	CHECK_EQ(sscanf(ask(arg, "held", "held"), "held %u", &mb), 1);
	return mb < 5;
}

TEST(what_any_member_takes_all_have_and_what_it_frees_goes_back_also_when_it_dies)
{
	struct t_proc *p = start_with("primary", "mem-decay=30"), *a = start("secondary"), *b = start("secondary");

	CHECK(holds_little(p));
	CHECK_HAS(ask(a, "reserve big 60000000", "reserved"), "reserved 0 ");
	CHECK(!holds_little(b));
	CHECK_HAS(ask(b, "write big from the other", "wrote"), "wrote 0x");
	CHECK_STR(ask(p, "read big", "read"), "read from the other");
	CHECK_STR(ask(b, "free big", "freed"), "freed 0");
	t_until(holds_little, p);
	CHECK_HAS(ask(a, "reserve big 60000000", "reserved"), "reserved 0 ");
	CHECK_STR(ask(a, "free big", "freed"), "freed 0");
	t_kill(a, SIGKILL); /* most likely before it has given anything back: the others do */
	CHECK_EQ(t_wait(a), 128 + SIGKILL);
	t_until(holds_little, b);
	sound(p);
	CHECK_STR(ask(p, "leave", "left"), "left 0");
	CHECK_STR(ask(b, "leave", "left"), "left 0");
}

TEST(a_limit_that_is_reached_is_an_error_in_a_group_that_goes_on)
{
	struct t_proc *p = start_with("primary", "memory-max=20M"), *a = start("secondary");

	CHECK_HAS(ask(a, "reserve much 21000000", "reserved"), "reserved 12 ");
	CHECK_HAS(ask(a, "reserve all 20971520", "reserved"), "reserved 0 ");
	CHECK_HAS(ask(p, "reserve more 1", "reserved"), "reserved 12 ");
	CHECK_STR(ask(p, "free all", "freed"), "freed 0");
	CHECK_HAS(ask(a, "reserve more 1", "reserved"), "reserved 0 ");
	sound(p);
	CHECK_STR(ask(a, "leave", "left"), "left 0");
	CHECK_STR(ask(p, "leave", "left"), "left 0");
}

static void kill_loop(unsigned kills)
{
	struct t_proc *p = start("primary"), *w[2];
	unsigned seed = 99;

	for (unsigned i = 0; i < 2; i++) {
		w[i] = start("secondary");
		(void)ask(w[i], "loop", "looping");
	}
	for (unsigned k = 0; k < kills; k++) {
		struct timespec ts = {0, rand_r(&seed) % 2000000};
		unsigned i = k % 2;

		nanosleep(&ts, NULL); /* sleep: the moment of the kill is meant to be random */
		t_kill(w[i], SIGKILL);
		CHECK_EQ(t_wait(w[i]), 128 + SIGKILL);
		CHECK_HAS(ask(p, "reserve probe 5000", "reserved"), "reserved 0 "); /* nobody hangs */
		CHECK_STR(ask(p, "free probe", "freed"), "freed 0");
		sound(p);
		w[i] = start("secondary");
		(void)ask(w[i], "loop", "looping");
	}
	for (unsigned i = 0; i < 2; i++) {
		t_kill(w[i], SIGKILL);
		CHECK_EQ(t_wait(w[i]), 128 + SIGKILL);
	}
	CHECK_HAS(ask(p, "freeall", "freed"), "freed ");
	sound(p);
	CHECK_STR(ask(p, "leave", "left"), "left 0");
}

/* with -Dfault=true: the proof of death is the real one, and so is whoever mends: the next who comes, or who hears of it */
TEST_T(death_at_a_step_in_a_real_group, 60)
{
#ifdef SH_FAULT
	/* joining takes and leaves the lock once */
	static const char *const at[] = {"mem_lock_taken:2",	  "mem_fill_backed",	"mem_run_filled",
					 "mem_name_written",	  "mem_place_ready",	"mem_reserve_ready",
					 "mem_reserve_committed", "mem_name_published", "mem_free_ready",
					 "mem_free_committed",	  "mem_lock_left:2"};
	struct t_proc *p = start("primary"), *s;
	char line[64];

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		setenv("SHOAL_DIE_AT", at[i], 1);
		s = t_spawn("zones", "proc-type=secondary", NULL); /* some of these steps are on the way of init, too */
		unsetenv("SHOAL_DIE_AT");
		/* ever more, so that there are pages to fill; in one write: it may be dead before a second */
		snprintf(line, sizeof(line), "reserve last %u\nfree last", (i + 1) << 22);
		t_say(s, line);
		CHECK_EQ(t_wait(s), 128 + SIGKILL);
		CHECK_HAS(ask(p, "reserve probe 5000", "reserved"), "reserved 0 ");
		sound(p);
		(void)ask(p, "freeall", "freed");
		sound(p);
	}
	CHECK_STR(ask(p, "leave", "left"), "left 0");
#else
	SKIP("built without -Dfault=true");
#endif
}

TEST_T(killed_secondaries_leave_a_sound_memory, 60)
{
	kill_loop(20);
}
TEST_T(slow_many_killed_secondaries, 240)
{
	kill_loop(250);
}

TEST(a_process_by_itself_has_zones_too)
{
	static const char *const way[] = {"in-memory", "no-shconf"};

	for (unsigned i = 0; i < 2; i++) {
		const struct rte_memzone *mz;

		CHECK(init_as(way[i]) >= 0);
		mz = rte_memzone_reserve("own", 100, SOCKET_ID_ANY, 0);
		CHECK(mz != NULL && rte_memzone_lookup("own") == mz);
		memset(mz->addr, 1, mz->len);
		CHECK_EQ(rte_eal_cleanup(), 0);
		CHECK(rte_memzone_lookup("own") == NULL);
		CHECK_EQ(rte_errno, E_RTE_NO_CONFIG);
	}
}

static void becomes_a_member(void *arg)
{
	(void)arg;
	CHECK(rte_memzone_lookup("of the parent") != NULL);
	CHECK(rte_memzone_reserve("of the child", 64, SOCKET_ID_ANY, 0) == NULL);
	CHECK_EQ(rte_errno, EPERM);
	CHECK(init_as("proc-type=secondary") >= 0);
	CHECK(rte_memzone_lookup("of the parent") != NULL);
	CHECK(rte_memzone_reserve("of the child", 64, SOCKET_ID_ANY, 0) != NULL);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(a_forked_child_that_joins_may_reserve)
{
#ifdef SH_TSAN
	SKIP("TSan ends a forked child that starts threads");
#endif
	CHECK(init_as("proc-type=primary") >= 0);
	CHECK(rte_memzone_reserve("of the parent", 64, SOCKET_ID_ANY, 0) != NULL);
	CHECK_EQ(t_fork(becomes_a_member, NULL, NULL, 0), 0);
	CHECK(rte_memzone_lookup("of the child") != NULL);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(who_starts_again_finds_an_empty_memory)
{
	for (unsigned i = 0; i < 3; i++) {
		CHECK(init_as("proc-type=primary") >= 0);
		CHECK(rte_memzone_lookup("mine") == NULL);
		CHECK_EQ(rte_errno, ENOENT);
		CHECK(rte_memzone_reserve("mine", 100, SOCKET_ID_ANY, 0) != NULL);
		CHECK_EQ(rte_eal_cleanup(), 0);
	}
}
