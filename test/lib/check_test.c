/* SPDX-License-Identifier: BSD-3-Clause */
/* check_test.c - the test library tells the truth: its own good and bad cases */
#include "check.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* run check_bad on one case, return its status; all it printed is in out */
static int bad(const char *name, char *out, size_t cap)
{
	char self[PATH_MAX], path[PATH_MAX + 16], cmd[PATH_MAX + 128];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t have;
	FILE *f;
	int st;

	CHECK(n > 0);
	self[n] = '\0';
	snprintf(path, sizeof(path), "%s/check_bad", dirname(self));
	CHECK(snprintf(cmd, sizeof(cmd), "SHOAL_TEST_SLOW=1 '%s' %s 2>&1", path, name) < (int)sizeof(cmd));
	f = popen(cmd, "r");
	CHECK(f != NULL);
	have = fread(out, 1, cap - 1, f);
	out[have] = '\0';
	st = pclose(f);
	printf("%s", out);
	return WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

static char out[1 << 16];

TEST(a_passing_case_is_ok)
{
	CHECK_EQ(bad("passes", out, sizeof(out)), 0);
	CHECK_STR(out, "ok - passes\n1 passed, 0 failed, 0 skipped\n");
}

TEST(a_failing_case_prints_both_sides)
{
	CHECK_EQ(bad("fails", out, sizeof(out)), 1);
	CHECK_HAS(out, "not ok - fails: check_bad.c:");
	CHECK_HAS(out, "2 + 2 is 4, 5 is 5");
	CHECK_HAS(out, "0 passed, 1 failed, 0 skipped\n");
}

TEST(differing_text_is_a_failure)
{
	CHECK_EQ(bad("text_differs", out, sizeof(out)), 1);
	CHECK_HAS(out, "is \"left\", not \"right\"");
}

TEST(a_crash_is_a_failure)
{
	CHECK_EQ(bad("crashes", out, sizeof(out)), 1);
	CHECK_HAS(out, "not ok - crashes: ");
	CHECK_HAS(out, "0 passed, 1 failed, 0 skipped\n");
}

TEST(an_exit_status_is_a_failure)
{
	CHECK_EQ(bad("exits_with_three", out, sizeof(out)), 1);
	CHECK_HAS(out, "not ok - exits_with_three: exited with 3\n");
}

TEST(a_skip_is_neither)
{
	CHECK_EQ(bad("skips", out, sizeof(out)), 0);
	CHECK_HAS(out, "skip - skips: no such thing here\n0 passed, 0 failed, 1 skipped\n");
}

TEST(what_the_starter_ignores_a_case_does_not)
{
	static const int sig[] = {SIGINT, SIGQUIT, SIGTERM, SIGPIPE};

	for (unsigned i = 0; i < sizeof(sig) / sizeof(sig[0]); i++)
		CHECK(signal(sig[i], SIG_IGN) != SIG_ERR); /* the shell and check_bad inherit it */
	CHECK_EQ(bad("has_default_signals", out, sizeof(out)), 0);
}

TEST(a_hang_is_ended_and_shown)
{
	CHECK_EQ(bad("hangs", out, sizeof(out)), 1);
	CHECK_HAS(out, "not ok - hangs: time is up after 1 s\n");
	CHECK_HAS(out, "still there: pid");
}

TEST(what_a_role_said_is_shown_when_its_case_fails)
{
	CHECK_EQ(bad("role_ends_early", out, sizeof(out)), 1);
	CHECK_HAS(out, "ended with 1 before it said \"never said\"");
	CHECK_HAS(out, "\"in the role\" is \"in the role\", not \"elsewhere\"");
}

TEST(nobody_outlives_a_case)
{
	const char *at;
	int pid;

	CHECK_EQ(bad("leaves_somebody_behind", out, sizeof(out)), 1);
	at = strstr(out, "] here ");
	CHECK(at != NULL);
	pid = atoi(at + 7);
	CHECK(pid > 1);
	CHECK_EQ(kill(pid, 0), -1);
	CHECK_EQ(errno, ESRCH);
}

TEST(a_pattern_that_hits_nothing_is_no_success)
{
	CHECK_EQ(bad("no_such_case", out, sizeof(out)), 1);
}

ROLE(echo)
{
	char line[256];

	fprintf(stderr, "echo has started with %s\n", argc > 1 ? argv[1] : "nothing");
	while (t_hear(line, sizeof(line)))
		t_tell("heard %s", line);
	return 7;
}

TEST(test_and_role_talk_in_lines)
{
	struct t_proc *p = t_spawn("echo", "an argument", NULL);

	t_say(p, "one");
	t_say(p, "two");
	CHECK_STR(t_expect(p, "heard two"), "heard two");
	CHECK_EQ(t_wait(p), 7);
	CHECK_EQ(t_wait(p), 7);
	CHECK_HAS(t_stderr(p), "echo has started with an argument");
}

TEST(a_killed_role_has_128_and_its_signal)
{
	struct t_proc *p = t_spawn("echo", NULL);

	t_kill(p, SIGKILL);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
}

static void noisy(void *arg)
{
	fprintf(stderr, "said %s", (const char *)arg);
	exit(5);
}

TEST(a_forked_child_is_waited_for_and_heard)
{
	char err[64];

	CHECK_EQ(t_fork(noisy, "this", err, sizeof(err)), 5);
	CHECK_STR(err, "said this");
}

TEST(each_case_has_its_own_directory)
{
	struct stat st;

	CHECK_STR(getenv("RUNTIME_DIRECTORY"), t_tmpdir());
	CHECK_EQ(stat(t_tmpdir(), &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0700);
}

TEST(open_fds_are_counted)
{
	unsigned n = t_open_fds(getpid());
	int fd = dup(0);

	CHECK_EQ(t_open_fds(getpid()), n + 1);
	close(fd);
	CHECK_EQ(t_open_fds(getpid()), n);
}
