/* SPDX-License-Identifier: BSD-3-Clause */
/* sysfail_test.c - the harness that makes system calls fail does what it says */
#include "check.h"
#include "sysfail.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct t_sysfail r;

static void three_opens(void *arg)
{
	int *want = arg; /* which one fails, from 1; 0 none */

	for (int i = 1; i <= 3; i++) {
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		if (i == *want)
			CHECK(fd == -1 && errno == EMFILE && t_sysfail_hit());
		else
			CHECK(fd >= 0);
		if (fd >= 0)
			close(fd);
	}
}

TEST(the_nth_call_fails_and_no_other)
{
	for (int n = 0; n <= 4; n++) {
		int want = n <= 3 ? n : 0;

		CHECK_EQ(t_sysfail(three_opens, &want, (unsigned)n, EMFILE, &r), 0);
		CHECK_EQ(r.nr, n >= 1 && n <= 3 ? SYS_openat : -1);
		CHECK_EQ(r.counted, 3);
	}
}

static void leaks_on_failure(void *arg)
{
	unsigned before = t_open_fds(getpid());
	int a = open("/dev/null", O_RDONLY | O_CLOEXEC), b = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	(void)arg;
	if (a >= 0 && b >= 0) {
		close(a);
		close(b);
	}
	/* the mistake: with one of the two refused, the other stays open */
	t_sysfail_pause(true);
	CHECK_EQ(t_open_fds(getpid()), before);
}

static void expect_failure(void *arg)
{
	(void)arg;
	t_sysfail_sweep(leaks_on_failure, NULL, EMFILE, 1, NULL, NULL);
}

TEST(a_leak_on_one_path_is_found)
{
	char err[8192];

	CHECK_EQ(t_fork(expect_failure, NULL, err, sizeof(err)), 1);
	CHECK_HAS(err, "ends with 1 when call");
	CHECK_HAS(err, "(openat) fails");
}

static void crashes_on_failure(void *arg)
{
	(void)arg;
	if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
		raise(SIGKILL);
}

TEST(a_crash_is_a_status)
{
	CHECK_EQ(t_sysfail(crashes_on_failure, NULL, 1, EMFILE, &r), 128 + SIGKILL);
	CHECK_EQ(t_sysfail(crashes_on_failure, NULL, 0, EMFILE, &r), 0);
}

static atomic_int go, got; /* in the child: its thread may open; what that gave, plus one */

static void *in_thread(void *arg)
{
	while (!go)
		;
	got = 1 + (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0);
	return arg;
}

static void thread_opens(void *arg)
{
	pthread_t t;

	(void)arg;
	t_sysfail_pause(true);
	CHECK_EQ(pthread_create(&t, NULL, in_thread, NULL), 0);
	t_sysfail_pause(false);
	go = 1;
	while (!got)
		;
	t_sysfail_pause(true);
	pthread_join(t, NULL);
	CHECK_EQ(got, 1 + ENFILE);
}

TEST(threads_are_counted)
{
	(void)t_sysfail(thread_opens, NULL, 1, ENFILE, &r);
	CHECK_STR(r.err, "");
	CHECK_EQ(r.status, 0);
	CHECK_EQ(r.nr, SYS_openat);
}

static void child_opens(void *arg)
{
	atomic_int *shared; /* [0] the child may begin, [1] it is done */
	int st;
	pid_t pid;

	(void)arg;
	t_sysfail_pause(true);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (pid == 0) {
		while (!shared[0])
			;
		for (int i = 0; i < 20; i++)
			if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
				_exit(9);
		shared[1] = 1;
		_exit(0);
	}
	t_sysfail_pause(false);
	shared[0] = 1;
	while (!shared[1])
		;
	t_sysfail_pause(true);
	CHECK(waitpid(pid, &st, 0) == pid);
	CHECK_EQ(st, 0);
}

TEST(other_processes_are_not_counted)
{
	(void)t_sysfail(child_opens, NULL, 1, ENFILE, &r);
	CHECK_STR(r.err, "");
	CHECK_EQ(r.status, 0);
	CHECK_EQ(r.nr, -1);
}

char *kept; /* visible from outside: no compiler leaves the malloc out */

static void takes_memory(void *arg)
{
	kept = malloc(1 << 20);
	exit(kept == arg ? 4 : 0);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(malloc_fails_too)
{
	CHECK_EQ(t_sysfail(takes_memory, NULL, 1, ENOMEM, &r), 0); /* libc has a second way */
	CHECK_STR(t_sysname(r.nr), "mmap");
	CHECK_STR(t_sysname(SYS_mmap), "mmap");
}
#else
TEST(malloc_fails_too)
{
	(void)takes_memory;
	SKIP("the sanitizer owns malloc here");
}
#endif
