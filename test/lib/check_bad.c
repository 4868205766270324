/* SPDX-License-Identifier: BSD-3-Clause */
/* check_bad.c - cases that must be reported as what they are; run by check_test.c, never by itself */
#include "check.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

TEST(passes)
{
	CHECK_EQ(2 + 2, 4);
}
TEST(fails)
{
	CHECK_EQ(2 + 2, 5);
}
TEST(text_differs)
{
	CHECK_STR("left", "right");
}
TEST(crashes)
{
	raise(SIGSEGV);
}
TEST(exits_with_three)
{
	_exit(3);
}
TEST(skips)
{
	SKIP("no such thing here");
}
TEST(has_default_signals)
{
	static const int sig[] = {SIGINT, SIGQUIT, SIGTERM, SIGPIPE};
	struct sigaction now;

	for (unsigned i = 0; i < sizeof(sig) / sizeof(sig[0]); i++)
		CHECK(sigaction(sig[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL);
}
TEST_T(hangs, 1)
{
	for (;;)
		pause();
}
ROLE(fails_in_role)
{
	CHECK_STR("in the role", "elsewhere");
	return 0;
}
TEST(role_ends_early)
{
	t_expect(t_spawn("fails_in_role", NULL), "never said");
}
ROLE(stays)
{
	signal(SIGTERM, SIG_IGN);
	setsid();
	t_tell("here %d", (int)getpid());
	while (getpid() != 0)
		pause();
	return 0;
}
TEST(leaves_somebody_behind)
{
	struct t_proc *p = t_spawn("stays", NULL);
	const char *line = t_expect(p, "here ");

	/* the reader of our output looks whether that process is gone */
	CHECK_STR(line, "shown on purpose");
}
