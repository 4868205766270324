/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * init.c - rte_eal_init and rte_eal_cleanup as a program sees them
 *
 * The role "eal" calls init with its own arguments, tells the result, and then does what the test says, a word a line.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>

#include "base/atom.h"
#include "check.h"

static void hook(const char *prog)
{
	printf("hook of %s\n", prog);
}

static void do_init(int argc, char **argv)
{
	int r = rte_eal_init(argc, argv);

	t_tell("init %d %d", r, r < 0 ? rte_errno : 0);
}

static void do_cleanup(void)
{
	int r = rte_eal_cleanup();

	t_tell("cleanup %d %d", r, r < 0 ? rte_errno : 0);
}

/* a child that forks from a member: leave is refused, then it becomes a member of its own */
static void do_fork(void)
{
	char *argv[] = {(char *)"child", (char *)"--proc-type=secondary", NULL};
	pid_t pid = t_fork_idle();
	int st = 0;

	if (pid == 0) {
		do_cleanup();
		do_init(2, argv);
		t_tell("child is %d", (int)rte_eal_process_type());
		do_cleanup();
		_exit(0);
	}
	CHECK(waitpid(pid, &st, 0) == pid);
	t_tell("child ended %d", st);
}

static void do_facts(void)
{
	t_tell("facts type %d huge %d pci %d uio %d iova %d ops %s dir %s", (int)rte_eal_process_type(),
	       rte_eal_has_hugepages(), rte_eal_has_pci(), rte_eal_create_uio_dev(), (int)rte_eal_iova_mode(),
	       rte_eal_mbuf_user_pool_ops() != NULL ? rte_eal_mbuf_user_pool_ops() : "-", rte_eal_get_runtime_dir());
}

ROLE(eal)
{
	char line[512], *copy[64];

	memcpy(copy, argv, (size_t)(argc + 1) * sizeof(*argv));
	do_init(argc, argv);
	while (t_hear(line, sizeof(line))) {
		if (strcmp(line, "init") == 0)
			do_init(argc, argv);
		else if (strcmp(line, "same argv") == 0)
			t_tell("same argv %d", memcmp(copy, argv, (size_t)(argc + 1) * sizeof(*argv)) == 0);
		else if (strcmp(line, "cleanup") == 0)
			do_cleanup();
		else if (strcmp(line, "facts") == 0)
			do_facts();
		else if (strcmp(line, "lcores") == 0)
			t_tell("lcores %u", rte_lcore_count());
		else if (strcmp(line, "fork") == 0)
			do_fork();
		else if (strcmp(line, "quit") == 0)
			return 0;
		else
			t_tell("alive %d", rte_eal_primary_proc_alive(*line != '-' ? line : NULL));
	}
	return 0;
}

static void ask(struct t_proc *p, const char *what, const char *answer)
{
	t_say(p, what);
	CHECK_STR(t_expect(p, ""), answer);
}

static const char *path(const char *rest)
{
	static char buf[512];

	snprintf(buf, sizeof(buf), "%s/dpdk/%s", getenv("RUNTIME_DIRECTORY"), rest);
	return buf;
}

TEST(argv_after_init)
{
	char *argv[] = {(char *)"prog", (char *)"x",  (char *)"-l", (char *)"0",
			(char *)"y",	(char *)"--", (char *)"-z", NULL};

	optind = 5;
	CHECK_EQ(rte_eal_init(7, argv), 3);
	CHECK_STR(argv[3], "prog");
	CHECK_STR(argv[4], "x");
	CHECK_STR(argv[5], "y");
	CHECK_STR(argv[6], "-z");
	CHECK_EQ(optind, 5);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(init_cleanup_and_again)
{
	struct t_proc *p = t_spawn("eal", "--proc-type=primary", NULL);

	CHECK_STR(t_expect(p, "init"), "init 1 0");
	ask(p, "init", "init -1 114"); /* EALREADY */
	CHECK_HAS(t_stderr(p), "EAL: rte_eal_init: already called; call rte_eal_cleanup() before the next\n");
	ask(p, "cleanup", "cleanup 0 0");
	ask(p, "cleanup", "cleanup -1 114");
	for (int i = 0; i < 3; i++) {
		unsigned fds = t_open_fds(p->pid);

		/* the first has put the program's name where the option was */
		ask(p, "init", "init 0 0");
		ask(p, "cleanup", "cleanup 0 0");
		CHECK_EQ(t_open_fds(p->pid), fds);
	}
	t_say(p, "quit");
	CHECK_EQ(t_wait(p), 0);
}

static unsigned mode_of(const char *name)
{
	struct stat st;

	CHECK_EQ(stat(path(name), &st), 0);
	return st.st_mode & 07777;
}

TEST(sockets_are_for_whom_the_group_is)
{
	struct t_proc *p, *s;

	umask(0);
	p = t_spawn("eal", NULL);
	CHECK_STR(t_expect(p, "init"), "init 0 0");
	CHECK_EQ(mode_of("rte/mp_socket"), 0600);
	CHECK_EQ(mode_of("rte/join"), 0600);
	umask(077);
	s = t_spawn("eal", "--file-prefix=b", "--allow-uid=1", NULL);
	CHECK_STR(t_expect(s, "init"), "init 2 0");
	CHECK_EQ(mode_of("b/mp_socket"), 0666);
	CHECK_EQ(mode_of("b/join"), 0666);
}

TEST(a_failed_init_can_be_tried_again)
{
	struct t_proc *p = t_spawn("eal", "word", "--proc-type=secondary", "--", "-x", NULL), *q;

	CHECK_STR(t_expect(p, "init"), "init -1 2"); /* ENOENT: no primary */
	ask(p, "same argv", "same argv 1");
	ask(p, "facts", "facts type 2 huge 1 pci 1 uio 0 iova 0 ops - dir ");
	q = t_spawn("eal", NULL);
	CHECK_STR(t_expect(q, "init"), "init 0 0");
	ask(p, "init", "init 2 0");
	ask(p, "same argv", "same argv 0");
	t_say(p, "quit");
	CHECK_EQ(t_wait(p), 0);
}

TEST(a_bad_option_touches_nothing)
{
	struct t_proc *p = t_spawn("eal", "x", "-l", "4000", NULL);
	struct stat st;

	CHECK_STR(t_expect(p, "init"), "init -1 22");
	ask(p, "same argv", "same argv 1");
	CHECK_STR(t_stderr(p), "EAL: option -l: '4000' has a number above 1023; CPU numbers end there\n");
	CHECK(stat(path(""), &st) < 0);
}

/* the line on CPUs that are not there ends with a map; started with that, init works and has as many lcores */
TEST(the_lcores_that_the_line_names_work)
{
	char ask_for[64], map[256], want[64];
	const char *from;
	struct t_proc *p;
	cpu_set_t cpus;
	int last = 0;

	CHECK_EQ(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	for (int c = 0; c < CPU_SETSIZE; c++)
		last = CPU_ISSET(c, &cpus) ? c : last;
	snprintf(ask_for, sizeof(ask_for), "%d-%d", last + 1, last + 3);
	p = t_spawn("eal", "-l", ask_for, NULL);
	CHECK_STR(t_expect(p, "init"), "init -1 22");
	snprintf(want, sizeof(want), "needs CPU %d, but this process may use CPUs ", last + 1);
	CHECK_HAS(t_stderr(p), want);
	from = strstr(t_stderr(p), "use --lcores '");
	CHECK(from != NULL && sscanf(from, "use --lcores '%255[^']", map) == 1);
	p = t_spawn("eal", "--lcores", map, NULL);
	CHECK_STR(t_expect(p, "init"), "init 2 0");
	ask(p, "lcores", "lcores 3");
}

TEST(errors_after_the_parser)
{
	struct t_proc *p = t_spawn("eal", "--log-level=\\(,8", NULL);

	CHECK_STR(t_expect(p, "init"), "init -1 22");
	CHECK_STR(t_stderr(p),
		  "EAL: option --log-level: '\\(,8' is malformed; what is before the ',' must be a regular "
		  "expression of less than 64 characters\n");
	p = t_spawn("eal", "--vdev=net_nope7,a=b", NULL);
	CHECK_STR(t_expect(p, "init"), "init -1 19"); /* ENODEV */
	CHECK_HAS(t_stderr(p),
		  "EAL: option --vdev: 'net_nope7,a=b' names no device; net_null0 or net_ring0, for example\n");
	CHECK_EQ(rte_eal_init(0, NULL), -1);
	CHECK_EQ(rte_errno, EINVAL);
}

TEST(what_a_start_says)
{
	struct t_proc *p = t_spawn("eal", "--proc-type=auto", "-v", NULL);
	char want[1024], start[1024];
	cpu_set_t cpus;

	CHECK_EQ(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	CHECK_STR(t_expect(p, "init"), "init 2 0");
	snprintf(want, sizeof(want),
		 "EAL: RTE Version: 'DPDK 22.11.11 (shoal 0.1.0)'\nEAL: Detected CPU lcores: %d\nEAL: Detected NUMA "
		 "nodes: 1\n"
		 "EAL: Auto-detected process type: PRIMARY\nEAL: Multi-process socket %s\n",
		 CPU_COUNT(&cpus), path("rte/mp_socket"));
	snprintf(start, strlen(want) + 1, "%s", t_stderr(p));
	CHECK_STR(start, want);
	CHECK_HAS(t_stderr(p), "huge pages"); /* what is said of them depends on the machine */
	p = t_spawn("eal", "--proc-type=auto", "--log-level=3", "-v", NULL);
	CHECK_STR(t_expect(p, "init"), "init 3 0");
	CHECK_STR(t_stderr(p), "EAL: RTE Version: 'DPDK 22.11.11 (shoal 0.1.0)'\n");
}

TEST(log_options_reach_the_log)
{
	struct t_proc *p = t_spawn("eal", "--log-level=lib.eal:error", "--in-memory", NULL);

	CHECK_STR(t_expect(p, "init"), "init 2 0");
	CHECK_STR(t_stderr(p), "");
	p = t_spawn("eal", "--log-level=4", "--in-memory", NULL);
	CHECK_STR(t_expect(p, "init"), "init 2 0");
	CHECK_STR(t_stderr(p), "");
	p = t_spawn("eal", "--log-color", "--vdev=x", NULL);
	CHECK_STR(t_expect(p, "init"), "init -1 19");
	CHECK_HAS(t_stderr(p), "\033[");
	p = t_spawn("eal", "--log-color=never", "--log-timestamp=iso", "--vdev=x", NULL);
	CHECK_STR(t_expect(p, "init"), "init -1 19");
	CHECK_HAS(t_stderr(p), "[20");
	CHECK_HAS(t_stderr(p), "] EAL: option --vdev");
	CHECK(strstr(t_stderr(p), "\033[") == NULL);
}

ROLE(helped)
{
	rte_usage_hook_t none = rte_set_application_usage_hook(hook);

	CHECK(none == NULL && rte_set_application_usage_hook(hook) == hook);
	t_tell("init %d", rte_eal_init(argc, argv));
	return 7;
}

TEST(help_goes_to_stdout_and_ends_with_0)
{
	struct t_proc *p = t_spawn("helped", "--no-huge", "-h", "--bogus", NULL);

	CHECK_STR(t_expect(p, "usage"), "usage: helped [options of the library] [-- options of the program]");
	t_expect(p, "  -a, --allow DEV");
	t_expect(p, "  -l, --lcores MAP");
	t_expect(p, "      --numa-mem MIB,..., --socket-mem");
	t_expect(p, "Options of the program:");
	t_expect(p, "hook of helped");
	CHECK_EQ(t_wait(p), 0);
	CHECK_STR(t_stderr(p), "");
	p = t_spawn("helped", "--log-level=help", NULL);
	t_expect(p, "Types:");
	t_expect(p, "  lib.eal");
	CHECK_EQ(t_wait(p), 0);
	CHECK_STR(t_stderr(p), "");
}

TEST(the_small_questions)
{
	struct t_proc *p =
		t_spawn("eal", "--no-huge", "--no-pci", "--create-uio-dev", "--mbuf-pool-ops-name=stack", NULL);
	char want[600];

	t_expect(p, "init 4 0");
	snprintf(want, sizeof(want), "facts type 0 huge 0 pci 0 uio 1 iova 2 ops stack dir %s", path("rte"));
	ask(p, "facts", want);
	ask(p, "cleanup", "cleanup 0 0");
	ask(p, "facts", "facts type 2 huge 1 pci 1 uio 0 iova 0 ops - dir ");
}

/* by NULL, by name and by another name of the same file; and asking must not cost the primary its lock */
TEST(is_the_primary_alive)
{
	struct t_proc *a = t_spawn("eal", "--file-prefix=a", NULL), *s, *b;
	char config[512], other[512];

	t_expect(a, "init 1 0");
	snprintf(config, sizeof(config), "%s", path("a/config"));
	snprintf(other, sizeof(other), "%s", path("a/../a/config"));
	for (int i = 0; i < 2; i++) {
		ask(a, "-", "alive 1");
		ask(a, config, "alive 1");
		ask(a, other, "alive 1");
	}
	b = t_spawn("eal", "--file-prefix=b", NULL);
	t_expect(b, "init 1 0");
	ask(b, config, "alive 1");
	ask(b, "/nonexistent/config", "alive 0");
	s = t_spawn("eal", "--file-prefix=a", "--proc-type=secondary", NULL);
	t_expect(s, "init 2 0");
	ask(s, "-", "alive 1");
	ask(s, config, "alive 1");
	t_kill(a, SIGKILL);
	CHECK_EQ(t_wait(a), 128 + SIGKILL);
	ask(b, config, "alive 0");
	CHECK_EQ(rte_eal_primary_proc_alive(NULL), 0);
}

TEST(a_forked_child_cannot_leave_but_join)
{
#ifdef SH_TSAN
	SKIP("TSan ends a forked child that starts threads");
#endif
	struct t_proc *p = t_spawn("eal", "--proc-type=auto", NULL);

	t_expect(p, "init 1 0");
	t_say(p, "fork");
	CHECK_STR(t_expect(p, "cleanup"), "cleanup -1 1"); /* EPERM */
	CHECK_HAS(t_stderr(p),
		  "EAL: rte_eal_cleanup: this is a forked child, no member of the group; only its parent may leave\n");
	CHECK_STR(t_expect(p, "init"), "init 1 0");
	CHECK_STR(t_expect(p, "child is"), "child is 1");
	CHECK_STR(t_expect(p, "cleanup"), "cleanup 0 0");
	CHECK_STR(t_expect(p, "child ended"), "child ended 0");
	ask(p, "-", "alive 1");
	ask(p, "cleanup", "cleanup 0 0");
}

/* ---- manners ---- */

/* all but KILL, STOP and the two that belong to the C library */
#define ORDINARY 0xfffffffe7ffbfeffull

static unsigned long long status_hex(const char *file, const char *key)
{
	char line[256];
	unsigned long long v = ~0ull;
	FILE *f = fopen(file, "re");

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			v = strtoull(line + strlen(key) + 1, NULL, 16);
	fclose(f);
	return v & ORDINARY;
}

TEST(no_signal_is_taken_from_the_program)
{
	unsigned long long caught = status_hex("/proc/self/status", "SigCgt"),
			   ignored = status_hex("/proc/self/status", "SigIgn");
	unsigned long long blocked = status_hex("/proc/self/status", "SigBlk");
	char *argv[] = {(char *)"prog", NULL};

	CHECK_EQ(rte_eal_init(1, argv), 0);
	CHECK_EQ(status_hex("/proc/self/status", "SigCgt"), caught);
	CHECK_EQ(status_hex("/proc/self/status", "SigIgn"), ignored);
	CHECK_EQ(status_hex("/proc/self/status", "SigBlk"), blocked);
	CHECK_EQ(rte_eal_cleanup(), 0);
	CHECK_EQ(status_hex("/proc/self/status", "SigCgt"), caught);
}

/* threads that are not lcores: all signals blocked, off the lcores' CPUs */
TEST(library_threads_keep_out_of_the_way)
{
#ifdef SH_TSAN
	SKIP("TSan has a thread of its own");
#endif
	char *argv[] = {(char *)"prog", (char *)"-l", NULL, NULL};
	cpu_set_t before, set;
	char first[16], file[300], name[64];
	unsigned others = 0;
	struct dirent *e;
	int cpu = 0;
	DIR *d;

	CHECK_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	snprintf(first, sizeof(first), "0@%d", cpu);
	argv[2] = first;
	CHECK_EQ(rte_eal_init(3, argv), 2);
	d = opendir("/proc/self/task");
	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL) {
		FILE *f;

		if (e->d_name[0] == '.' || atoi(e->d_name) == getpid())
			continue;
		others++;
		snprintf(file, sizeof(file), "/proc/self/task/%s/status", e->d_name);
		CHECK(status_hex(file, "SigBlk") == ORDINARY);
		CHECK_EQ(sched_getaffinity(atoi(e->d_name), sizeof(set), &set), 0);
		CHECK(CPU_COUNT(&before) == 1 || !CPU_ISSET(cpu, &set));
		snprintf(file, sizeof(file), "/proc/self/task/%s/comm", e->d_name);
		f = fopen(file, "re");
		CHECK(f != NULL && fgets(name, sizeof(name), f) != NULL);
		fclose(f);
		CHECK(strncmp(name, "init_test", 9) != 0);
	}
	closedir(d);
	CHECK(others > 0);
	CHECK_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
	CHECK_EQ(CPU_COUNT(&set), 1);
	CHECK_EQ(rte_eal_cleanup(), 0);
	CHECK_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
	CHECK(CPU_EQUAL(&set, &before));
}
