/* SPDX-License-Identifier: BSD-3-Clause */
/* group_heap_test.c - blocks in a real group: processes started by exec that find each other through rte_eal_init() */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <rte_malloc.h>
#include <shoal_member.h>
#include <shoal_mem.h>

#include "base/atom.h"
#include "check.h"

static int init_as(const char *option)
{
	char prog[] = "member", p[64], lcores[] = "--lcores=0@0", max[] = "--memory-max=128M";
	char *argv[] = {prog, p, lcores, max, NULL};

	snprintf(p, sizeof(p), "--%s", option);
	return rte_eal_init(strcmp(option, "proc-type=secondary") == 0 ? 3 : 4, argv);
}

/* ---- the role: one command a line, one answer a line ---- */

static void take_many(unsigned n, unsigned long size)
{
	for (unsigned i = 0; i < n; i++)
		if (rte_malloc(NULL, size, 0) == NULL)
			abort();
}

static void in_a_child(void)
{
	char prog[] = "child", alone[] = "--no-shconf", *argv[] = {prog, alone, NULL};
	void *p = rte_malloc(NULL, 64, 0);

	if (p != NULL || rte_errno != EPERM)
		_exit(1);
	if (rte_eal_init(2, argv) < 0) /* a member of its own, of a group of its own */
		_exit(2);
	p = rte_zmalloc(NULL, 1000, 0);
	if (p == NULL || shoal_heap_audit(NULL, 0) != 0)
		_exit(3);
	rte_free(p);
	_exit(0);
}

static void forked(void)
{
	pid_t pid = t_fork_idle();
	int st = -1;

	if (pid == 0)
		in_a_child();
	waitpid(pid, &st, 0);
	t_tell("child %d", WIFEXITED(st) ? WEXITSTATUS(st) : -1);
}

static void limited(void)
{
	struct rlimit was, none = {.rlim_cur = 4096};
	void *p;

	getrlimit(RLIMIT_FSIZE, &was);
	none.rlim_max = was.rlim_max;
	setrlimit(RLIMIT_FSIZE, &none); /* SIGXFSZ would end this process */
	p = rte_malloc(NULL, 40u << 20, 0);
	t_tell("limited %d", p == NULL ? rte_errno : 0);
	setrlimit(RLIMIT_FSIZE, &was);
}

static void command(const char *cmd, unsigned long a, unsigned long b)
{
	char *p = (char *)a, why[256] = "";

	if (strcmp(cmd, "take") == 0) {
		p = rte_malloc(NULL, a, 0);
		if (p != NULL)
			snprintf(p, a, "from %llx", (unsigned long long)shoal_member_self());
		t_tell("took %lx", (unsigned long)p);
	} else if (strcmp(cmd, "read") == 0) {
		t_tell("read %s", p);
	} else if (strcmp(cmd, "free") == 0) {
		rte_free(p);
		t_tell("freed %d", rte_malloc_validate(p, NULL));
	} else if (strcmp(cmd, "many") == 0) {
		take_many((unsigned)a, b);
		t_tell("took many");
	} else if (strcmp(cmd, "self") == 0) {
		t_tell("self %llu", (unsigned long long)shoal_member_self());
	} else if (strcmp(cmd, "owned") == 0) {
		t_tell("owned %ld", shoal_mem_owned_by(a, NULL, NULL));
	} else if (strcmp(cmd, "freeowned") == 0) {
		t_tell("freed %ld", shoal_mem_free_owned(a));
	} else if (strcmp(cmd, "audit") == 0) {
		t_tell("audit %d %s", shoal_heap_audit(why, sizeof(why)), why);
	} else if (strcmp(cmd, "out") == 0) {
		struct rte_malloc_socket_stats s = {0};

		if (rte_malloc_get_socket_stats(0, &s) != 0)
			abort();
		t_tell("out %u", s.alloc_count);
	} else if (strcmp(cmd, "fork") == 0) {
		forked();
	} else if (strcmp(cmd, "limited") == 0) {
		limited();
	}
}

ROLE(member)
{
	char line[256], cmd[32];
	unsigned long a, b;

	if (init_as(argv[1]) < 0) {
		t_tell("failed %d", rte_errno);
		return 1;
	}
	t_tell("ready");
	while (t_hear(line, sizeof(line))) {
		a = b = 0;
		if (sscanf(line, "%31s %lu %lu", cmd, &a, &b) < 1)
			continue;
		if (strcmp(cmd, "leave") == 0)
			break;
		if (strcmp(cmd, "again") == 0) {
			t_tell("again %d", rte_eal_cleanup() == 0 && init_as(argv[1]) >= 0 ? 0 : -1);
			continue;
		}
		command(cmd, a, b);
	}
	return rte_eal_cleanup() == 0 ? 0 : 1;
}

static struct t_proc *member(const char *option)
{
	struct t_proc *p = t_spawn("member", option, NULL);

	(void)t_expect(p, "ready");
	return p;
}

/* the number at the end of the answer */
static unsigned long ask(struct t_proc *p, const char *cmd, unsigned long a, unsigned long b, const char *answer,
			 int base)
{
	char line[128];

	snprintf(line, sizeof(line), "%s %lu %lu", cmd, a, b);
	t_say(p, line);
	return strtoul(strrchr(t_expect(p, answer), ' ') + 1, NULL, base);
}

static void sound(struct t_proc *p)
{
	t_say(p, "audit");
	CHECK_STR(t_expect(p, "audit"), "audit 0 ");
}

TEST(a_block_has_one_address_in_all_processes_and_any_frees_it)
{
	struct t_proc *p = member("proc-type=primary"), *s = member("proc-type=secondary");
	unsigned long sizes[] = {100, 5000, 65536, 8 << 20};

	for (unsigned i = 0; i < 4; i++) {
		struct t_proc *from = i % 2 ? p : s, *to = i % 2 ? s : p;
		unsigned long at = ask(from, "take", sizes[i], 0, "took", 16);
		char line[64];

		CHECK(at != 0);
		snprintf(line, sizeof(line), "read %lu", at);
		t_say(to, line);
		CHECK_HAS(t_expect(to, "read"), "read from ");
		CHECK_EQ(ask(to, "free", at, 0, "freed", 10), (unsigned long)-1);
		CHECK_EQ(ask(from, "free", at, 0, "freed", 10), (unsigned long)-1); /* a line, no more */
		CHECK_HAS(t_stderr(from), "it was freed already, or never taken");
	}
	sound(p);
	CHECK_EQ(ask(s, "out", 0, 0, "out", 10), 0);
}

TEST(what_a_killed_secondary_left_is_freed_by_the_primary)
{
	struct t_proc *p = member("proc-type=primary"), *s = member("proc-type=secondary");
	unsigned long id = ask(s, "self", 0, 0, "self", 10), at = ask(s, "take", 100, 0, "took", 16);
	char line[64];

	(void)ask(s, "many", 3000, 200, "took", 10);
	(void)ask(s, "many", 3, 1 << 20, "took", 10);
	CHECK_EQ(ask(p, "owned", id, 0, "owned", 10), 3004);
	CHECK_EQ(ask(p, "freeowned", id, 0, "freed", 10), (unsigned long)-1); /* it lives */
	t_kill(s, SIGKILL);
	t_wait(s);
	snprintf(line, sizeof(line), "read %lu", at);
	t_say(p, line);
	CHECK_HAS(t_expect(p, "read"), "read from ");
	CHECK_EQ(ask(p, "freeowned", id, 0, "freed", 10), 3004);
	CHECK_EQ(ask(p, "out", 0, 0, "out", 10), 0);
	sound(p);
}

TEST(blocks_outlive_the_primary)
{
	struct t_proc *p = member("proc-type=primary"), *s = member("proc-type=secondary"), *next;
	unsigned long at = ask(p, "take", 3000, 0, "took", 16), mine = ask(s, "take", 100, 0, "took", 16);

	t_kill(p, SIGKILL);
	t_wait(p);
	CHECK_EQ(ask(s, "free", at, 0, "freed", 10), (unsigned long)-1);
	(void)ask(s, "many", 100, 100000, "took", 10); /* it grows without one */
	next = member("proc-type=primary");
	CHECK_EQ(ask(next, "free", mine, 0, "freed", 10), (unsigned long)-1);
	CHECK_EQ(ask(next, "out", 0, 0, "out", 10), 100);
	sound(next);
	sound(s);
}

TEST(after_cleanup_and_init_a_process_has_a_heap_again)
{
	struct t_proc *p = member("proc-type=primary"), *s;

	for (unsigned i = 0; i < 3; i++) {
		(void)ask(p, "many", 100, 300, "took", 10);
		CHECK_EQ(ask(p, "again", 0, 0, "again", 10), 0);
		CHECK_EQ(ask(p, "out", 0, 0, "out", 10), 0); /* the group went with its last member */
	}
	s = member("proc-type=secondary");
	(void)ask(s, "many", 100, 300, "took", 10);
	CHECK_EQ(ask(s, "again", 0, 0, "again", 10), 0);
	CHECK_EQ(ask(s, "out", 0, 0, "out", 10), 100);
	(void)ask(s, "many", 100, 300, "took", 10); /* from the spans of its earlier life */
	sound(s);
}

TEST(a_forked_child_has_none_until_it_calls_init)
{
#ifdef SH_TSAN
	SKIP("TSan ends a forked child that starts threads");
#endif
	struct t_proc *p = member("proc-type=primary");

	(void)ask(p, "many", 100, 300, "took", 10);
	CHECK_EQ(ask(p, "fork", 0, 0, "child", 10), 0);
	CHECK_EQ(ask(p, "out", 0, 0, "out", 10), 100);
	sound(p);
}

TEST(a_process_alone_has_a_heap_too)
{
	struct t_proc *p = member("no-shconf"), *q = member("in-memory");

	CHECK(ask(p, "take", 100, 0, "took", 16) != 0);
	CHECK(ask(q, "take", 1 << 20, 0, "took", 16) != 0);
	sound(p);
	sound(q);
	CHECK_EQ(ask(q, "out", 0, 0, "out", 10), 1);
}

static int asked;
static int says_no(int socket, size_t limit, size_t total)
{
	CHECK(socket == 0 && total > limit);
	asked++;
	return -1;
}

TEST(who_is_refused_has_asked_once)
{
	char *av[] = {(char *)"refused", (char *)"--huge=never", NULL};
	void *p;

	CHECK(rte_eal_init(2, av) >= 0);
	CHECK_EQ(rte_mem_alloc_validator_register("no", says_no, 0, 0), 0);
	do { /* what is there already goes without asking */
		p = rte_malloc(NULL, 60000, 0);
	} while (p != NULL);
	CHECK(rte_errno == ENOMEM && asked == 1);
	CHECK(rte_malloc(NULL, 8 << 20, 0) == NULL);
	CHECK(rte_errno == ENOMEM && asked == 2);
	CHECK(rte_memzone_reserve("refused", 8 << 20, 0, 0) == NULL);
	CHECK(rte_errno == ENOMEM && asked == 3);
	CHECK_EQ(rte_mem_alloc_validator_unregister("no", 0), 0);
	CHECK(rte_malloc(NULL, 8 << 20, 0) != NULL);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(the_limit_on_file_size_gives_enomem_and_no_signal)
{
	struct t_proc *p = member("proc-type=primary");

	CHECK_EQ(ask(p, "limited", 0, 0, "limited", 10), ENOMEM);
	CHECK_HAS(t_stderr(p), "raise ulimit -f");
	CHECK(ask(p, "take", 40 << 20, 0, "took", 16) != 0);
	sound(p);
}
