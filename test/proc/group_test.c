/* SPDX-License-Identifier: BSD-3-Clause */
/* group_test.c - processes find each other, and are told who comes and goes. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "member.h"

TEST(primary_and_secondary_see_each_other_come_and_leave)
{
	struct m a = m_up("primary"), b = m_up("secondary");

	CHECK(a.primary && !b.primary);
	m_sees(&a, "JOIN", &b);
	m_sees(&b, "JOIN", &a);
	m_leave(&b);
	m_sees(&a, "LEAVE", &b);
	m_table(&a, 1);
	m_leave(&a);
	CHECK_EQ(m_names("join"), 0);
}

TEST(a_killed_secondary_is_reported_dead_and_its_place_is_free)
{
	struct m a = m_up("primary"), b = m_up("secondary"), c = m_up("secondary");

	m_sees(&a, "JOIN", &c);
	m_sees(&b, "JOIN", &c);
	m_kill(&c);
	m_sees(&a, "DEATH", &c);
	m_sees(&b, "DEATH", &c);
	m_table(&a, 2);
	CHECK_EQ(m_names("join_"), 2);
}

TEST(secondaries_go_on_after_the_primary_died_and_take_in_newcomers)
{
	struct m a = m_up("primary"), b = m_up("secondary"), c;

	m_sees(&b, "JOIN", &a);
	m_kill(&a);
	m_sees(&b, "DEATH", &a);
	c = m_up("secondary");
	m_sees(&b, "JOIN", &c);
	m_sees(&c, "JOIN", &b);
	m_kill(&b);
	m_sees(&c, "DEATH", &b);
	m_table(&c, 1);
}

TEST(a_new_primary_adopts_the_group)
{
	struct m a = m_up("primary"), b = m_up("secondary"), c;

	m_sees(&b, "JOIN", &a);
	m_kill(&a);
	m_sees(&b, "DEATH", &a);
	c = m_up("auto");
	CHECK(c.primary);
	m_sees(&b, "JOIN", &c);
	m_sees(&b, "PRIMARY", &c);
	m_sees(&c, "JOIN", &b);
	m_table(&c, 2);
}

TEST(a_second_primary_is_refused)
{
	struct m a = m_up("primary");
	struct t_proc *p = t_spawn("member", "primary", NULL);

	CHECK_STR(t_expect(p, "failed"), "failed 17");
	CHECK_EQ(t_wait(p), 1);
	CHECK_HAS(t_stderr(p), "another primary runs in ");
	m_ask(&a, "ping", "pong");
}

TEST(a_secondary_without_primary_is_told_so)
{
	struct t_proc *p = t_spawn("member", "secondary", NULL);

	CHECK_STR(t_expect(p, "failed"), "failed 2");
	CHECK_HAS(t_stderr(p), "no primary in ");
}

/* times that the watcher thread of a process went to sleep; 0: it has not yet, or has no name yet */
static unsigned long sleeps_now(pid_t pid)
{
	char path[300], line[128], name[32] = "";
	unsigned long n = 0;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/status", (int)pid, e->d_name);
		f = fopen(path, "r");
		while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
			(void)sscanf(line, "Name: %31s", name);
			if (strcmp(name, "shoal-watch") == 0)
				(void)sscanf(line, "voluntary_ctxt_switches: %lu", &n);
		}
		if (f != NULL)
			fclose(f);
	}
	closedir(d);
	return n;
}

static unsigned long sleeps(pid_t pid)
{
	unsigned long n;

	while ((n = sleeps_now(pid)) == 0)
		sched_yield();
	return n;
}

TEST(an_idle_group_does_nothing)
{
	struct m a = m_up("primary"), b = m_up("secondary"), c = m_up("secondary");
	unsigned long n, m;

	m_sees(&a, "JOIN", &b);
	m_sees(&a, "JOIN", &c);
	m_sees(&b, "JOIN", &a);
	m_sees(&b, "JOIN", &c);
	m_sees(&c, "JOIN", &b);
	/* what is still under way comes to an end: then nothing happens in any watcher, however long the others are busy */
	do {
		n = sleeps(a.p->pid) + sleeps(b.p->pid);
		for (unsigned i = 0; i < 2000; i++)
			m_ask(&c, "ping", "pong");
		m = sleeps(a.p->pid) + sleeps(b.p->pid);
	} while (n != m);
}

TEST(leaving_and_starting_again_in_one_process)
{
	struct m a = m_up("primary"), b = m_up("secondary"), b2;

	m_sees(&a, "JOIN", &b);
	m_ask(&b, "leave", "left");
	m_sees(&a, "LEAVE", &b);
	t_say(b.p, "again");
	b2 = m_read(b.p);
	m_sees(&a, "JOIN", &b2);
	CHECK(b2.gen != b.gen);
	m_sees(&b2, "JOIN", &a);
	m_ask(&a, "leave", "left");
	m_sees(&b2, "LEAVE", &a);
	t_say(a.p, "again");
	a = m_read(a.p);
	CHECK(a.primary);
	m_sees(&b2, "PRIMARY", &a);
}
