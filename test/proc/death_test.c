/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * death_test.c - a death is reported when the address space is gone: not earlier, whatever else ended, and not missed,
 * whatever else goes on
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/atom.h"
#include "member.h"

struct pair {
	struct m a, b; /* a: primary, watches b */
};

static struct pair up(void)
{
	struct pair p = {.a = m_up("primary")};

	p.b = m_up("secondary");
	m_sees(&p.a, "JOIN", &p.b);
	m_sees(&p.b, "JOIN", &p.a);
	return p;
}

static void probe(struct pair *p, const char *answer)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "probe %u %u", p->b.slot, p->b.gen);
	m_ask(&p->a, cmd, answer);
}

static pid_t child(struct pair *p, const char *cmd)
{
	t_say(p->b.p, cmd);
	return (pid_t)atoi(t_expect(p->b.p, "child ") + 6);
}

TEST(a_zombie_is_dead)
{
	struct pair p = up();
	siginfo_t si;

	t_kill(p.b.p, SIGKILL);
	/* ended, and left unreaped */
	CHECK_EQ(waitid(P_PID, (id_t)p.b.p->pid, &si, WEXITED | WNOWAIT), 0);
	m_sees(&p.a, "DEATH", &p.b);
	CHECK_EQ(waitid(P_PID, (id_t)p.b.p->pid, &si, WEXITED | WNOWAIT), 0);
	m_table(&p.a, 1);
}

static void stopped(struct pair *p, const char *answer)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "stopped %u %u", p->b.slot, p->b.gen);
	m_ask(&p->a, cmd, answer);
}

TEST(a_member_is_seen_to_be_stopped)
{
	struct pair p = up();

	stopped(&p, "stopped 0");
	t_kill(p.b.p, SIGSTOP);
	stopped(&p, "stopped 1");
	t_kill(p.b.p, SIGCONT);
	m_ask(&p.b, "ping", "pong");
	stopped(&p, "stopped 0");
}

/* whoever's first thread has ended by pthread_exit() lives, and is stopped like others */
TEST(a_member_without_its_first_thread_is_seen_to_be_stopped)
{
	struct pair p = up();

#ifdef SH_TSAN
	SKIP("TSan lets nobody wait for the first thread");
#endif
	m_ask(&p.b, "endmain", "main ended");
	probe(&p, "probe 0");
	stopped(&p, "stopped 0");
	t_kill(p.b.p, SIGSTOP);
	stopped(&p, "stopped 1");
	t_kill(p.b.p, SIGKILL);
	m_sees(&p.a, "DEATH", &p.b);
	stopped(&p, "stopped 0");
}

TEST(exit_without_cleanup_is_a_death)
{
	struct pair p = up();

	t_say(p.b.p, "exit");
	m_sees(&p.a, "DEATH", &p.b);
}

/* what a program does in its atexit handlers, or after main in any other way, is done by a living member */
TEST(atexit_handlers_run_before_the_death)
{
	struct pair p = up();

	m_ask(&p.b, "atexit", "set 0");
	t_say(p.b.p, "exit");
	t_expect(p.b.p, "in atexit");
	probe(&p, "probe 0");
	m_ask(&p.a, "table", "table 2");
	m_ask(&p.b, "go on", "members 2, self 1");
	CHECK_EQ(t_wait(p.b.p), 0);
	m_sees(&p.a, "DEATH", &p.b);
	m_table(&p.a, 1);
}

TEST(a_member_is_dead_though_its_forked_child_lives)
{
	struct pair p = up();
	pid_t c = child(&p, "fork");

	m_kill(&p.b);
	m_sees(&p.a, "DEATH", &p.b);
	CHECK_EQ(kill(c, 0), 0);
	kill(c, SIGKILL);
}

TEST(a_member_is_dead_though_a_child_without_atfork_keeps_its_files)
{
	struct pair p = up();
	pid_t c = child(&p, "rawfork");

	m_kill(&p.b);
	m_sees(&p.a, "DEATH", &p.b);
	CHECK_EQ(kill(c, 0), 0);
	kill(c, SIGKILL);
}

TEST(a_member_lives_as_long_as_a_child_shares_its_memory)
{
	struct pair p = up();
	pid_t c;

#ifdef SH_TSAN
	SKIP("its run time takes a child that shares the memory for a fork");
#endif
	c = child(&p, "vmchild");
	m_kill(&p.b);
	probe(&p, "probe 0");
	m_ask(&p.a, "table", "table 2");
	CHECK_EQ(kill(c, SIGKILL), 0);
	m_sees(&p.a, "DEATH", &p.b);
	probe(&p, "probe 1");
}

TEST(a_member_that_executes_another_program_is_dead)
{
	struct pair p = up();

	t_say(p.b.p, "exec");
	m_sees(&p.a, "DEATH", &p.b);
	CHECK_EQ(kill(p.b.p->pid, 0), 0);
	m_table(&p.a, 1);
	m_kill(&p.b);
}

TEST(a_member_that_closed_all_its_files_is_disconnected_not_dead)
{
	struct pair p = up();

	m_ask(&p.b, "closeall", "closed");
	m_sees(&p.a, "DISCONNECT", &p.b);
	probe(&p, "probe 0");
	m_ask(&p.a, "table", "table 2");
	m_kill(&p.b);
	m_sees(&p.a, "DEATH", &p.b);
}

TEST(a_member_with_a_gigabyte_is_dead_when_it_is_torn_down)
{
	struct pair p = up();

	t_say(p.b.p, "touch");
	if (strcmp(t_expect(p.b.p, "touched "), "touched 1") != 0)
		SKIP("no gigabyte to touch");
	t_kill(p.b.p, SIGKILL);
	m_sees(&p.a, "DEATH", &p.b);
	CHECK_EQ(t_wait(p.b.p), 128 + SIGKILL);
}

TEST(a_stopped_caretaker_keeps_no_place_from_newcomers)
{
	struct m a = m_read(t_spawn("member", "primary", "max=4", NULL)), b = m_up("secondary"), c = m_up("secondary"),
		 d, e;

	d = m_up("secondary");
	m_sees(&a, "JOIN", &d);
	m_sees(&b, "JOIN", &d);
	m_sees(&c, "JOIN", &d);
	t_kill(a.p, SIGSTOP);
	m_kill(&d);
	m_sees(&b, "DEATH", &d);
	m_sees(&c, "DEATH", &d);
	m_table(&b, 3);
	m_until_names("join_", 3);
	e = m_up("secondary");
	CHECK_EQ(e.slot, d.slot);
	m_sees(&b, "JOIN", &e);
	t_kill(a.p, SIGCONT);
	m_sees(&a, "DEATH", &d);
	m_sees(&a, "JOIN", &e);
	m_table(&a, 4);
}

static void namespaces(const char *what)
{
	struct m a = m_up("primary"), b = {0};
	const char *l;

	b.p = t_spawn("member", "secondary", what, NULL);
	l = t_expect(b.p, "");
	if (strncmp(l, "skip ", 5) == 0)
		SKIP("%s", l + 5);
	CHECK_EQ(sscanf(l, "up %u %u", &b.slot, &b.gen), 2);
	m_sees(&a, "JOIN", &b);
	m_sees(&b, "JOIN", &a);
	m_kill(&b); /* the parent, and by it process 1 of the namespace */
	m_sees(&a, "DEATH", &b);
	b.p = t_spawn("member", "secondary", what, NULL);
	CHECK_EQ(sscanf(t_expect(b.p, "up "), "up %u %u", &b.slot, &b.gen), 2);
	m_sees(&b, "JOIN", &a);
	m_kill(&a);
	m_sees(&b, "DEATH", &a);
}

TEST(members_in_another_pid_namespace)
{
	namespaces("ns=p");
}

TEST(members_in_another_user_and_pid_namespace)
{
	namespaces("ns=up");
}

TEST(a_forked_child_can_do_nothing_and_its_exit_changes_nothing)
{
	struct pair p = up();

	m_ask(&p.b, "childcalls", "child said 0");
	m_ask(&p.a, "childcalls", "child said 0");
	CHECK_EQ(m_names("join"), 3);
	m_ask(&p.a, "table", "table 2");
	m_leave(&p.b);
	m_sees(&p.a, "LEAVE", &p.b);
}

TEST(a_forked_child_joins_as_a_member_of_its_own)
{
	struct pair p = up();
	struct m c = {0};

#ifdef SH_TSAN
	SKIP("its run time ends a forked child that starts threads");
#endif
	t_say(p.b.p, "childjoins");
	CHECK_EQ(sscanf(t_expect(p.b.p, "grandchild "), "grandchild %u %u", &c.slot, &c.gen), 2);
	m_sees(&p.a, "JOIN", &c);
	t_say(p.b.p, "go");
	m_sees(&p.a, "LEAVE", &c);
	t_expect(p.b.p, "grandchild ended 0");
	m_leave(&p.b);
	m_sees(&p.a, "LEAVE", &p.b);
}

TEST(links_say_who_calls)
{
	struct pair p = up();
	char want[64], cmd[64];

	snprintf(cmd, sizeof(cmd), "link %u %u", p.b.slot, p.b.gen);
	m_ask(&p.a, cmd, "link 0");
	snprintf(want, sizeof(want), "linked %u %u hello", p.a.slot, p.a.gen);
	t_expect(p.b.p, want);
	snprintf(cmd, sizeof(cmd), "link %u %u", p.b.slot, p.b.gen + 7);
	m_ask(&p.a, cmd, "link -3");
	m_kill(&p.b);
	m_sees(&p.a, "DEATH", &p.b);
	snprintf(cmd, sizeof(cmd), "link %u %u", p.b.slot, p.b.gen);
	m_ask(&p.a, cmd, "link -3");
}

TEST(the_public_calls_and_events)
{
	struct pair p = up();
	struct m c;
	char want[96];

	snprintf(want, sizeof(want), "api count 2 list 2 alive 1 primary %u pid %d", p.a.slot, (int)p.a.p->pid);
	m_ask(&p.b, "api", want);
	m_ask(&p.b, "apievents", "registered 0 again 1");
	c = m_up("secondary");
	snprintf(want, sizeof(want), "api JOIN %u", c.slot);
	t_expect(p.b.p, want);
	m_kill(&c);
	snprintf(want, sizeof(want), "api DEATH %u", c.slot);
	t_expect(p.b.p, want);
	m_ask(&p.b, "apinoevents", "unregistered 0 again 1");
}

/* nobody but the server had the newcomer's card: no death to tell of, but its place and its names are given back */
TEST(a_member_in_init_and_its_server_killed_together)
{
	struct m a = m_up("primary"), v = m_read(t_spawn("member", "secondary", "init=1", NULL)), b = m_up("secondary");

	m_sees(&a, "JOIN", &b);
	m_sees(&b, "JOIN", &a);
	m_table(&b, 3);
	t_kill(a.p, SIGKILL);
	t_kill(v.p, SIGKILL);
	m_sees(&b, "DEATH", &a);
	m_table(&b, 1);
	m_until_names("join_", 1);
	CHECK_EQ(t_wait(a.p), 128 + SIGKILL);
	CHECK_EQ(t_wait(v.p), 128 + SIGKILL);
}

/* what a program can find in the table when its init has returned does not vanish without a word */
TEST(a_death_before_the_watcher_first_looked_is_told)
{
	struct m a = m_up("primary"), c = m_up("secondary"), b;

	m_sees(&a, "JOIN", &c);
	b = m_read(t_spawn("member", "secondary", "init=1", NULL));
	m_ask(&b, "hold", "held");
	m_ask(&b, "announce", "announced 0");
	m_kill(&c);
	m_sees(&a, "DEATH", &c);
	m_table(&a, 2);
	t_say(b.p, "release");
	m_sees(&b, "JOIN", &c);
	m_sees(&b, "DEATH", &c);
}

TEST(who_came_and_went_while_the_watcher_was_busy_is_told)
{
	struct pair p = up();
	struct m c, d;

	m_ask(&p.b, "hold", "held");
	c = m_up("secondary");
	m_sees(&p.a, "JOIN", &c);
	m_kill(&c);
	m_sees(&p.a, "DEATH", &c);
	d = m_up("secondary");
	m_sees(&p.a, "JOIN", &d);
	m_leave(&d);
	m_sees(&p.a, "LEAVE", &d);
	m_table(&p.a, 2);
	t_say(p.b.p, "release");
	m_sees(&p.b, "JOIN", &c);
	m_sees(&p.b, "DEATH", &c);
	m_sees(&p.b, "JOIN", &d);
	m_sees(&p.b, "LEAVE", &d);
}

TEST(who_leaves_before_its_init_was_over_was_never_there)
{
	struct m a = m_up("primary"), v = m_read(t_spawn("member", "secondary", "init=1", NULL)), d;
	char want[64];

	m_leave(&v);
	v = m_read(t_spawn("member", "secondary", "init=1", NULL));
	m_kill(&v);
	m_table(&a, 1);
	d = m_up("secondary");
	snprintf(want, sizeof(want), "JOIN %u %u", d.slot, d.gen);
	CHECK_STR(t_expect(a.p, ""), want);
}
