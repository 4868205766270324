/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * limits.c - a start under limits and filters works, or fails with an errno and an error line; it never ends the program
 *
 * The role "limited" takes "fsize=N", "nofile=N", "as=N", "nproc", "refuse=CALL" and options for rte_eal_init().
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "check.h"

static void limit(int what, const char *n)
{
	struct rlimit l = {strtoull(n, NULL, 10), strtoull(n, NULL, 10)};

	CHECK_EQ(setrlimit(what, &l), 0);
}

static const struct {
	const char *name;
	unsigned nr;
} calls[] = {{"ftruncate", SYS_ftruncate}, {"socket", SYS_socket}, {"memfd", SYS_memfd_create}, {"bind", SYS_bind},
	     {"listen", SYS_listen},	   {"fcntl", SYS_fcntl},   {"epoll", SYS_epoll_create1}};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

static void refuse(const char *name)
{
	unsigned i = 0;

	while (strcmp(calls[i].name, name) != 0)
		i++;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0) {
		t_tell("skip %s", strerror(errno));
		exit(0);
	}
}

static void enter_namespace(void)
{
	if (unshare(CLONE_NEWUSER) == 0)
		return;
	t_tell("skip no user namespace: %s", strerror(errno));
	exit(0);
}

ROLE(limited)
{
	char *eal[8] = {argv[0]}, line[16];
	bool stay = false;
	int n = 1, r;

	for (int i = 1; i < argc; i++) {
		const char *v = strchr(argv[i], '=');

		if (strncmp(argv[i], "fsize=", 6) == 0)
			limit(RLIMIT_FSIZE, v + 1);
		else if (strncmp(argv[i], "nofile=", 7) == 0)
			limit(RLIMIT_NOFILE, v + 1);
		else if (strncmp(argv[i], "as=", 3) == 0)
			limit(RLIMIT_AS, v + 1);
		else if (strncmp(argv[i], "refuse=", 7) == 0)
			refuse(v + 1);
		else if (strncmp(argv[i], "uid=", 4) == 0)
			CHECK_EQ(setresuid((uid_t)atoi(v + 1), (uid_t)atoi(v + 1), (uid_t)atoi(v + 1)), 0);
		else if (strncmp(argv[i], "dir=", 4) == 0)
			setenv("RUNTIME_DIRECTORY", v + 1, 1);
		else if (strcmp(argv[i], "stay=") == 0)
			stay = true;
		else if (strcmp(argv[i], "userns=") == 0)
			enter_namespace();
		else
			eal[n++] = argv[i];
	}
	(void)rte_openlog_stream(stdout); /* stderr is a file here, and under the limit */
	(void)fcntl(2, F_SETFD, FD_CLOEXEC);
	r = rte_eal_init(n, eal);
	if (r < 0)
		t_tell("failed %d", rte_errno);
	else
		t_tell("up");
	if (stay)
		(void)t_hear(line, sizeof(line));
	if (r >= 0 && rte_eal_cleanup() != 0)
		t_tell("no cleanup");
	return r < 0;
}

/* 0: it worked. Else the errno; there was at least one line that is no mere warning, and it says that */
static char all[8192]; /* what it said */
static int start(struct t_proc *p, const char *says)
{
	char *end = all;
	const char *l;

	all[0] = '\0';
	for (;;) {
		l = t_expect(p, "");
		if (strncmp(l, "failed ", 7) == 0 || strncmp(l, "up", 2) == 0 || strncmp(l, "skip ", 5) == 0)
			break;
		if ((size_t)(end - all) + strlen(l) + 2 < sizeof(all))
			end += sprintf(end, "%s\n", l);
	}
	if (strncmp(l, "skip ", 5) == 0)
		SKIP("%s", l);
	if (strncmp(l, "up", 2) == 0) {
		CHECK_EQ(t_wait(p), 0);
		return 0;
	}
	CHECK_EQ(t_wait(p), 1);
	CHECK_HAS(all, "EAL: ");
	if (says != NULL)
		CHECK_HAS(all, says);
	return atoi(l + 7);
}
#define ERRORS_ONLY "--log-level=error"

TEST_T(a_small_limit_on_file_size_is_told, 60)
{
	static const unsigned kib[] = {0, 1, 3, 4, 28, 31, 32, 64, 1024, 4096};
	char arg[32];

	for (unsigned i = 0; i < sizeof(kib) / sizeof(kib[0]); i++) {
		snprintf(arg, sizeof(arg), "fsize=%u", kib[i] << 10);
		CHECK_EQ(start(t_spawn("limited", arg, ERRORS_ONLY, NULL), "ulimit -f"), EFBIG);
		CHECK_EQ(start(t_spawn("limited", arg, ERRORS_ONLY, "--in-memory", NULL), "ulimit -f"), EFBIG);
	}
	/* what is left of it is no hindrance */
	CHECK_EQ(start(t_spawn("limited", ERRORS_ONLY, NULL), NULL), 0);
}

TEST_T(any_number_of_file_descriptors_works_or_is_told, 120)
{
	char arg[32];
	unsigned up = 0;
	int err;

	if (T_SANITIZED)
		SKIP("a sanitizer opens files of its own");
	for (unsigned n = 3; n < 40; n++) {
		snprintf(arg, sizeof(arg), "nofile=%u", n);
		err = start(t_spawn("limited", arg, ERRORS_ONLY, NULL), "ulimit -n");
		if (err != 0)
			CHECK_EQ(err, EMFILE);
		up += err == 0;
	}
	CHECK(up > 5 && up < 37);
	CHECK_EQ(start(t_spawn("limited", "nofile=20", NULL), "ulimit -n is 20: hardly enough to start"), EMFILE);
	CHECK(strstr(all, "enough for about") == NULL);
	CHECK_EQ(start(t_spawn("limited", "nofile=34", NULL), NULL), 0);
	CHECK_HAS(all, "ulimit -n is 34: enough for about 2 members");
}

TEST_T(any_address_space_works_or_is_told, 120)
{
	char arg[32];

	if (T_SANITIZED)
		SKIP("a sanitizer needs more address space than that");
	for (unsigned long kib = 8000; kib < 60000; kib += 1000) {
		snprintf(arg, sizeof(arg), "as=%lu", kib << 10);
		(void)start(t_spawn("limited", arg, ERRORS_ONLY, NULL), "ulimit -v");
	}
	/* what the line says is enough */
	for (unsigned long kib = 8000; kib < 200000; kib += 8000) {
		unsigned long long to = 0;
		const char *at;

		snprintf(arg, sizeof(arg), "as=%lu", kib << 10);
		if (start(t_spawn("limited", arg, "-l0", ERRORS_ONLY, NULL), "ulimit -v to ") == 0)
			break;
		at = strstr(all, "ulimit -v to ");
		CHECK_EQ(sscanf(at, "ulimit -v to %llu KiB", &to), 1);
		snprintf(arg, sizeof(arg), "as=%llu", to << 10);
		CHECK_EQ(start(t_spawn("limited", arg, "-l0", ERRORS_ONLY, NULL), NULL), 0);
		CHECK(to < 1000000); /* and not just any large number */
	}
}

/* the same of one that joins a group that is larger than what is said before the group's memory is known */
TEST_T(the_address_space_that_a_group_needs_is_told_at_once, 60)
{
	struct t_proc *p;
	char arg[32];
	unsigned told = 0;

	if (T_SANITIZED)
		SKIP("a sanitizer needs more address space than that");
	p = t_spawn("limited", "stay=", "--memory-max=4G", ERRORS_ONLY, NULL);
	CHECK_STR(t_expect(p, ""), "up");
	for (unsigned long mib = 32; mib < 10000; mib += mib < 128 ? 16 : 480) {
		unsigned long long to = 0;

		snprintf(arg, sizeof(arg), "as=%lu", mib << 20);
		if (start(t_spawn("limited", arg, "-l0", ERRORS_ONLY, "--proc-type=secondary", NULL),
			  "ulimit -v to ") == 0)
			break;
		if (strstr(all, "cannot map the group's memory") == NULL)
			continue; /* it does not get as far */
		CHECK_EQ(sscanf(strstr(all, "ulimit -v to "), "ulimit -v to %llu KiB", &to), 1);
		snprintf(arg, sizeof(arg), "as=%llu", to << 10);
		CHECK_EQ(start(t_spawn("limited", arg, "-l0", ERRORS_ONLY, "--proc-type=secondary", NULL), NULL), 0);
		told++;
	}
	CHECK(told > 3);
	t_say(p, "end");
	CHECK_EQ(t_wait(p), 0);
}

TEST_T(a_filter_that_refuses_a_call_is_told, 60)
{
	char arg[32];

	for (unsigned i = 0; i < CALLS; i++) {
		snprintf(arg, sizeof(arg), "refuse=%s", calls[i].name);
		if (strcmp(calls[i].name, "fcntl") == 0 && T_SANITIZED)
			continue;
		CHECK_EQ(start(t_spawn("limited", arg, ERRORS_ONLY, NULL), NULL), EPERM);
	}
}

/* the same of one that joins; the group does not suffer */
TEST_T(a_secondary_under_limits_works_or_is_told, 120)
{
	static const char *const never[] = {"ftruncate", "socket", "memfd", "bind", "listen", "epoll"};
	struct t_proc *p = t_spawn("limited", "stay=", ERRORS_ONLY, NULL);
	char arg[32];
	int err;

	CHECK_STR(t_expect(p, ""), "up");
#define SECONDARY ERRORS_ONLY, "--proc-type=secondary", NULL
	for (unsigned i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		snprintf(arg, sizeof(arg), "refuse=%s", never[i]);
		CHECK_EQ(start(t_spawn("limited", arg, SECONDARY), NULL), EPERM);
	}
	CHECK_EQ(start(t_spawn("limited", "fsize=4095", SECONDARY), "ulimit -f"), EFBIG);
	CHECK_EQ(start(t_spawn("limited", "fsize=4096", SECONDARY), NULL), 0); /* the group's memory is there already */
	for (unsigned n = 3; n < 40 && !T_SANITIZED; n++) {
		snprintf(arg, sizeof(arg), "nofile=%u", n);
		err = start(t_spawn("limited", arg, SECONDARY), "ulimit -n");
		if (err != 0)
			CHECK_EQ(err, EMFILE);
	}
	CHECK_EQ(start(t_spawn("limited", SECONDARY), NULL), 0);
	t_say(p, "end");
	CHECK_EQ(t_wait(p), 0);
}

/* between what the control region needs and what the group's memory needs */
TEST_T(a_medium_limit_on_file_size_works_or_is_told, 60)
{
	char arg[32];
	int err;

	for (unsigned kib = 5000; kib < 9000; kib += 400) {
		snprintf(arg, sizeof(arg), "fsize=%u", kib << 10);
		err = start(t_spawn("limited", arg, ERRORS_ONLY, NULL), "ulimit -f");
		CHECK(err == 0 || err == EFBIG || err == ENOMEM);
	}
}

TEST(a_directory_out_of_reach_is_told)
{
	char arg[300], dir[200];

	if (geteuid() != 0)
		SKIP("needs to be root to be two users");
	CHECK_EQ(start(t_spawn("limited", ERRORS_ONLY, "--proc-type=secondary", "dir=/etc/passwd", NULL),
		       "/etc/passwd/dpdk"),
		 ENOTDIR);
	CHECK_EQ(start(t_spawn("limited", ERRORS_ONLY, "dir=/etc/passwd", NULL), "/etc/passwd/dpdk"), ENOTDIR);
	for (unsigned i = 0; i < 2; i++) {
		const char *type = i == 0 ? "--proc-type=primary" : "--proc-type=auto";

		CHECK_EQ(start(t_spawn("limited", ERRORS_ONLY, type, "dir=/nowhere", NULL), "make it"), ENOENT);
		CHECK_HAS(all, "there is no directory /nowhere;");
		CHECK_EQ(start(t_spawn("limited", ERRORS_ONLY, type, "dir=no/where", NULL), "make it"), ENOENT);
		CHECK_EQ(start(t_spawn("limited", ERRORS_ONLY, type, "dir=/proc", NULL), "point RUNTIME_DIR"), ENOENT);
		CHECK(strstr(all, "no primary") == NULL);
	}
	CHECK_EQ(start(t_spawn("limited", ERRORS_ONLY, "--proc-type=secondary", "dir=/nowhere", NULL), "no primary in"),
		 ENOENT);
	snprintf(dir, sizeof(dir), "%s/top", t_tmpdir());
	CHECK_EQ(mkdir(dir, 0755), 0);
	CHECK_EQ(chmod(t_tmpdir(), 0755), 0);
	CHECK_EQ(chmod(dir, 01777), 0);
	snprintf(arg, sizeof(arg), "dir=%s", dir);
	CHECK_EQ(start(t_spawn("limited", ERRORS_ONLY, arg, NULL), NULL), 0); /* makes dpdk, 0700 */
	CHECK_EQ(start(t_spawn("limited", ERRORS_ONLY, arg, "uid=1000", "--proc-type=secondary", NULL),
		       "point RUNTIME_DIRECTORY"),
		 EACCES);
	CHECK_EQ(start(t_spawn("limited", ERRORS_ONLY, arg, "uid=1000", NULL), "point RUNTIME_DIRECTORY"), EACCES);
	snprintf(dir + strlen(dir), sizeof(dir) - strlen(dir), "/dpdk/rte/config");
	(void)unlink(dir);
	CHECK_EQ(mkdir(dir, 0755), 0);
	CHECK_EQ(start(t_spawn("limited", ERRORS_ONLY, arg, NULL), "remove it"), EISDIR);
	CHECK_EQ(rmdir(dir), 0);
	memcpy(strrchr(dir, '/'), "/mp_socket", 11);
	CHECK_EQ(mkdir(dir, 0755), 0);
	CHECK_EQ(start(t_spawn("limited", ERRORS_ONLY, arg, NULL), "remove it"), EADDRINUSE);
}

TEST(a_user_without_a_number_is_told_what_to_allow)
{
	/* the namespace has no map: everybody is 65534 in it */
	CHECK_EQ(chmod(t_tmpdir(), 0777), 0);
	CHECK_EQ(start(t_spawn("limited", "userns=", ERRORS_ONLY, NULL), "--allow-uid=65534"), EACCES);
}
