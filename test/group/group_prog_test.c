/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_prog_test.c - programs on the public API in one group: other builds, other namespaces, other users; idle; and two
 * that want to be primary after one that was killed
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/atom.h"
#include "talk.h"

#define ARGS(...)                                                                                                      \
	(const char *const[])                                                                                          \
	{                                                                                                              \
		__VA_ARGS__, NULL                                                                                      \
	}

/* all that two members do with each other, then each sees the other die */
static void life(char one, const char *const *at_one, char other, const char *const *at_other)
{
	struct mp a = mp_start(one, "primary", at_one), b = mp_start(other, "secondary", at_other);

	CHECK(a.primary && !b.primary);
	mp_talk(&a, &b);
	mp_kill(&b);
	mp_sees(&a, "DEATH", &b);
	b = mp_start(other, "secondary", at_other);
	mp_do(&b, "read", "zone by the secondary");
	mp_kill(&a);
	mp_sees(&b, "DEATH", &a);
	/* and the group goes on with another primary of the other kind */
	a = mp_start(other, "primary", at_other);
	CHECK(a.primary);
	mp_sees(&b, "PRIMARY", &a);
	mp_do(&b, "ask again", "asked 0 0 1 1 again:-");
	mp_do(&a, "read", "zone by the secondary");
}

/* one build, unless a script names two */
TEST_T(two_builds_in_one_group, 60)
{
	life('A', NULL, 'B', NULL);
}

TEST_T(two_builds_in_one_group_the_other_way_round, 60)
{
	life('B', NULL, 'A', NULL);
}

TEST(a_member_in_a_box_that_shares_only_the_runtime_directory)
{
	mp_open_dir((int)geteuid());
	life('A', NULL, 'B', ARGS("ns=root", "ns=box"));
}

TEST(a_primary_in_a_box_that_shares_only_the_runtime_directory)
{
	life('A', ARGS("ns=root", "ns=box"), 'B', NULL);
}

TEST(each_in_a_box_of_its_own)
{
	life('A', ARGS("ns=root", "ns=box"), 'B', ARGS("ns=root", "ns=box"));
}

TEST(nobody_in_a_user_namespace_without_privileges)
{
	mp_open_dir(65534);
	life('A', ARGS("as=65534"), 'B', ARGS("as=65534", "ns=root"));
}

TEST(nobody_in_boxes)
{
	mp_open_dir(65534);
	life('A', ARGS("as=65534", "ns=root", "ns=box"), 'B', ARGS("as=65534", "ns=root", "ns=box"));
}

/* where no user has a number all look like 65534: somebody's directory may be anybody's */
TEST(a_directory_of_the_overflow_user_is_refused_unless_allowed)
{
	struct mp a = mp_start('A', "primary", NULL), b;

	mp_fails(mp_spawn('B', "secondary", ARGS("ns=user")), EACCES, "belongs to user 65534, which is what");
	mp_fails(mp_spawn('B', "primary", ARGS("ns=user")), EACCES, "--allow-uid=65534");
	b = mp_start('B', "secondary", ARGS("ns=user", "--allow-uid=65534"));
	mp_talk(&a, &b);
	mp_kill(&b);
	mp_sees(&a, "DEATH", &b);
}

TEST(a_caller_of_the_overflow_user_is_refused_unless_allowed)
{
	const char *const b_args[] = {"as=1001", "--allow-uid=1000", NULL};
	struct mp a, b;

	mp_open_dir(1000);
	/* inside it is root and nobody else has a number; --allow-uid of anybody opens the directory for others to look */
	a = mp_start('A', "primary", ARGS("as=1000", "ns=root", "--allow-uid=7"));
	mp_fails(mp_spawn('B', "secondary", b_args), EACCES, "does not let user 1001 in");
	CHECK_HAS(t_stderr(a.p), "refused a connection from user 65534; --allow-uid=65534 would let it in");
	mp_kill(&a);
	a = mp_start('A', "primary", ARGS("as=1000", "ns=root", "--allow-uid=65534"));
	b = mp_start('B', "secondary", b_args);
	mp_talk(&a, &b);
	mp_kill(&b);
	mp_sees(&a, "DEATH", &b);
}

/* ---- idle ---- */

/* how often any thread of this process went to sleep */
static unsigned long sleeps(pid_t pid, unsigned *threads)
{
	char path[300], line[128];
	unsigned long n = 0, one;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/status", (int)pid, e->d_name);
		f = fopen(path, "r");
		while (f != NULL && fgets(line, sizeof(line), f) != NULL)
			if (sscanf(line, "voluntary_ctxt_switches: %lu", &one) == 1) {
				n += one;
				(*threads)++;
			}
		if (f != NULL)
			fclose(f);
	}
	closedir(d);
	return n;
}

/*
 * Four seconds without any event: this one wait is what is tested. Things under way may end first: two threads of each member
 * look at their words in shared memory every two seconds at first, for another member may overwrite them, and after some such
 * looks in vain hardly ever. Who goes on polling wakes more often than never.
 */
TEST_T(no_thread_of_an_idle_group_wakes, 60)
{
	struct timespec window = {.tv_sec = 4};
	unsigned threads = 0;
	struct mp m[5];
	bool quiet = false;

#ifdef SH_TSAN
	SKIP("its run time has a thread that wakes ten times a second");
#endif
	for (unsigned i = 0; i < 5; i++)
		m[i] = mp_start('A', i == 0 ? "primary" : "secondary", NULL);
	/* everybody has something to be awake from */
	mp_do(&m[0], "write text", "wrote");
	mp_do(&m[0], "send all", "sent 0 0");
	for (unsigned i = 1; i < 5; i++) {
		t_expect(m[i].p, "got all");
		mp_do(&m[i], "ask it", "asked 0 0 1 1 it:-");
	}
	mp_kill(&m[4]);
	for (unsigned i = 0; i < 4; i++)
		mp_sees(&m[i], "DEATH", &m[4]);
	m[4] = mp_start('A', "secondary", NULL);
	mp_do(&m[4], "ask it", "asked 0 0 1 1 it:-");
	for (unsigned tries = 0; tries < 8 && !quiet; tries++) {
		unsigned long was[5], woke;

		threads = 0;
		for (unsigned i = 0; i < 5; i++)
			was[i] = sleeps(m[i].p->pid, &threads);
		nanosleep(&window, NULL); /* sleep: the subject */
		quiet = true;
		for (unsigned i = 0; i < 5; i++) {
			woke = sleeps(m[i].p->pid, &threads) - was[i];
			quiet = quiet && woke == 0;
			dprintf(1, "%lu wake-ups in four seconds\n", woke);
		}
	}
	CHECK(threads / 2 >= 10); /* main and the watcher in each */
	CHECK(quiet);
}

/* ---- who is primary ---- */

/* lines of m until one starts with end; returns how many were "PRIMARY SLOT", any other PRIMARY fails */
static unsigned primaries(struct mp *m, unsigned slot, const char *end)
{
	char want[32];
	unsigned n = 0;

	snprintf(want, sizeof(want), "PRIMARY %u", slot);
	for (;;) {
		const char *l = t_expect(m->p, "");

		if (strncmp(l, "PRIMARY", 7) == 0) {
			CHECK_STR(l, want);
			n++;
		}
		if (strncmp(l, end, strlen(end)) == 0)
			return n;
	}
}

TEST_T(of_two_primaries_after_a_killed_one_exactly_one_adopts_fifty_times, 100)
{
	struct mp a = mp_start('A', "primary", NULL), s[2];

	for (unsigned i = 0; i < 2; i++)
		s[i] = mp_start('B', "secondary", NULL);
	for (unsigned round = 0; round < 50; round++) {
		struct t_proc *p[2];
		unsigned up = 0;

		mp_kill(&a);
		for (unsigned i = 0; i < 2; i++)
			p[i] = mp_spawn(i == 0 ? 'A' : 'B', "primary", NULL);
		for (unsigned i = 0; i < 2; i++) {
			const char *l = t_expect(p[i], "");

			if (strncmp(l, "up ", 3) == 0) {
				a = (struct mp){p[i], (unsigned)atoi(l + 3), strstr(l, "primary") != NULL};
				up++;
			} else {
				CHECK_STR(l, "failed 17");
				CHECK_EQ(t_wait(p[i]), 1);
			}
		}
		CHECK_EQ(up, 1);
		CHECK(a.primary);
		for (unsigned i = 0; i < 2; i++) {
			/* told once, and able to talk from then on */
			CHECK_EQ(primaries(&s[i], a.slot, "PRIMARY"), 1);
			t_say(s[i].p, "ask you");
			CHECK_EQ(primaries(&s[i], a.slot, "asked 0 0 1 1 you:-"), 0);
		}
		mp_do(&a, "ask all", "asked 0 0 2 2 all:-");
	}
}
