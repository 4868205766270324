/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proc_kill.c - a member killed at every labelled step of start, announce, serving, burying and leaving
 *
 * After each death the others go on: the table has no leftover, the directory only the names of the living, a newcomer gets
 * in. Needs a build with -Dfault=true.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "member.h"

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct t_proc *doomed(const char *role, const char *label)
{
	struct t_proc *p;

	CHECK_EQ(setenv("SHOAL_DIE_AT", label, 1), 0);
	p = t_spawn("member", role, NULL);
	CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
	return p;
}

/* one that has stopped at a step */
static struct t_proc *stops(const char *role, const char *label)
{
	struct t_proc *p;
	siginfo_t si;

	CHECK_EQ(setenv("SHOAL_STOP_AT", label, 1), 0);
	p = t_spawn("member", role, NULL);
	CHECK_EQ(unsetenv("SHOAL_STOP_AT"), 0);
	CHECK_EQ(waitid(P_PID, (id_t)p->pid, &si, WSTOPPED | WEXITED | WNOWAIT), 0);
	CHECK_EQ(si.si_code, CLD_STOPPED);
	return p;
}

static void ends(struct t_proc *p)
{
	t_kill(p, SIGKILL);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
}

/* for those that come that far; it may be dead already */
static void leave(struct t_proc *p)
{
	void (*was)(int) = signal(SIGPIPE, SIG_IGN);

	(void)!write(p->in, "leave\n", 6);
	signal(SIGPIPE, was);
}

/* wait for its death with its stdin open: it would take the end of it for the end of the test */
static void dies(struct t_proc *p)
{
	siginfo_t si;

	CHECK_EQ(waitid(P_PID, (id_t)p->pid, &si, WEXITED | WNOWAIT), 0);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
}

/* the others are as they were: n of them, and one more can come and go */
static void as_before(struct m *a, unsigned n)
{
	struct m c;

	m_table(a, n);
	c = m_up("secondary");
	m_table(a, n + 1);
	m_until_names("join_", n + 1);
	m_leave(&c);
	m_table(a, n);
	m_until_names("join_", n);
}

TEST_T(a_secondary_dies_at_each_step_of_its_life, 120)
{
	static const char *const at[] = {"join_asked",	    "join_mapped", "join_listening",  "join_init",
					 "start_init",	    "announce",	   "announce_active", "announce_named",
					 "card_sent",	    "card_sent:2", "retire_leaving",  "retire_told",
					 "retire_unlinked", "stop",	   "stop_free"};
	struct m a, b;

	NEEDS_FAULT();
	a = m_up("primary");
	b = m_up("secondary");
	m_sees(&a, "JOIN", &b);
	m_sees(&b, "JOIN", &a);
	for (unsigned i = 0; i < N(at); i++) {
		struct t_proc *v = doomed("secondary", at[i]);

		leave(v);
		if (t_wait(v) != 128 + SIGKILL)
			t_fail(__FILE__, __LINE__, "it passed %s alive", at[i]);
		as_before(&a, 2);
		m_table(&b, 2);
	}
}

TEST_T(a_primary_dies_at_each_step_and_the_next_one_starts, 120)
{
	static const char *const at[] = {"lock_taken",	    "alive_taken",    "table_grows",	"table_grown",
					 "slot_taken",	    "region_made",    "start_init",	"announce",
					 "announce_active", "announce_named", "retire_leaving", "retire_told",
					 "retire_unlinked", "stop",	      "stop_free"};

	NEEDS_FAULT();
	for (unsigned i = 0; i < N(at); i++) {
		struct t_proc *v = doomed("primary", at[i]);
		struct m a;

		leave(v);
		if (t_wait(v) != 128 + SIGKILL)
			t_fail(__FILE__, __LINE__, "it passed %s alive", at[i]);
		a = m_up("primary");
		CHECK(a.primary);
		m_until_names("join", 2);
		as_before(&a, 1);
		m_leave(&a);
		CHECK_EQ(m_names("join"), 0);
	}
}

TEST_T(an_adopting_primary_dies_at_each_step, 120)
{
	static const char *const at[] = {"lock_taken",	    "join_asked",     "join_mapped", "join_listening",
					 "join_init",	    "primary_gone",   "start_init",  "announce",
					 "announce_active", "announce_named", "card_sent",   "retire_leaving",
					 "retire_told",	    "stop",	      "stop_free"};

	NEEDS_FAULT();
	for (unsigned i = 0; i < N(at); i++) {
		struct m a = m_up("primary"), b = m_up("secondary"), c;
		struct t_proc *v;

		m_sees(&b, "JOIN", &a);
		m_kill(&a);
		m_sees(&b, "DEATH", &a);
		v = doomed("primary", at[i]);
		leave(v);
		if (t_wait(v) != 128 + SIGKILL)
			t_fail(__FILE__, __LINE__, "it passed %s alive", at[i]);
		m_table(&b, 1);
		c = m_up("primary"); /* the next one adopts it */
		m_sees(&b, "PRIMARY", &c);
		m_table(&c, 2);
		as_before(&c, 2);
		m_leave(&b);
		m_leave(&c);
	}
}

TEST_T(the_server_of_a_join_dies, 120)
{
	static const char *const at[] = {"table_grows:3", "table_grown:3", "slot_taken:3", "join_serving:2"};

	NEEDS_FAULT();
	for (unsigned i = 0; i < N(at); i++) {
		struct m v = m_read(doomed("primary", at[i])), b = m_up("secondary"), c;

		m_sees(&b, "JOIN", &v);
		c = m_up("secondary"); /* kills its server, and gets in by the other one */
		dies(v.p);
		m_sees(&b, "DEATH", &v);
		m_sees(&b, "JOIN", &c);
		m_table(&b, 2);
		as_before(&b, 2);
		m_leave(&b);
		m_leave(&c);
		CHECK_EQ(m_names("join"), 0);
	}
}

TEST_T(the_caretaker_dies_while_it_cleans_up, 120)
{
	static const char *const at[] = {"marked_dead", "buried"};

	NEEDS_FAULT();
	for (unsigned i = 0; i < N(at); i++) {
		struct m v = m_read(doomed("primary", at[i])), b = m_up("secondary"), c = m_up("secondary");

		m_sees(&b, "JOIN", &v);
		m_sees(&b, "JOIN", &c);
		m_sees(&c, "JOIN", &b);
		t_kill(b.p, SIGSTOP); /* so that it is not the one who finds out */
		m_kill(&c);
		dies(v.p);
		t_kill(b.p, SIGCONT);
		m_sees(&b, "DEATH", &v);
		m_table(&b, 1);
		as_before(&b, 1);
		m_leave(&b);
	}
}

TEST_T(server_and_newcomer_die_together, 60)
{
	static const char *const at[] = {"join_mapped", "join_init", "start_init", "announce", "announce_active"};

	NEEDS_FAULT();
	for (unsigned i = 0; i < N(at); i++) {
		struct m a = m_up("primary"), b = m_up("secondary");
		struct t_proc *v;

		m_sees(&b, "JOIN", &a);
		t_kill(b.p, SIGSTOP); /* so that only the server knows of the newcomer */
		v = stops("secondary", at[i]);
		m_kill(&a);
		ends(v);
		t_kill(b.p, SIGCONT);
		m_sees(&b, "DEATH", &a);
		m_table(&b, 1);
		as_before(&b, 1);
		m_leave(&b);
	}
}

/* so that nobody has its card, and the caretaker by the table is itself */
TEST_T(server_and_new_primary_die_together, 60)
{
	static const char *const at[] = {"join_init", "primary_gone",	 "start_init",
					 "announce",  "announce_active", "announce_named"};

	NEEDS_FAULT();
	for (unsigned i = 0; i < N(at); i++) {
		struct m a = m_up("primary"), b = m_up("secondary"), c = m_up("secondary"), next;
		struct t_proc *v;

		m_sees(&b, "JOIN", &c);
		m_sees(&c, "JOIN", &b);
		m_kill(&a);
		m_sees(&b, "DEATH", &a);
		m_sees(&c, "DEATH", &a);
		t_kill(c.p, SIGSTOP); /* so that only the server knows of the newcomer */
		v = stops("primary", at[i]);
		m_kill(&b);
		ends(v);
		t_kill(c.p, SIGCONT);
		m_sees(&c, "DEATH", &b);
		m_table(&c, 1);
		next = m_up("primary");
		m_sees(&c, "PRIMARY", &next);
		as_before(&c, 2);
		m_leave(&c);
		m_leave(&next);
	}
}

/* asking for a card it meets a dead member, then a stopped one, which answers nothing */
TEST(a_member_dies_before_its_card_came_and_the_caretaker_is_stopped)
{
	struct m a, b, c, e, v = {.slot = 3, .gen = 4};

	NEEDS_FAULT();
	a = m_up("primary");
	b = m_up("secondary");
	c = m_up("secondary");
	m_sees(&c, "JOIN", &b);
	v.p = stops("secondary", "card_sent:2"); /* to a and b */
	e = m_up("secondary");			 /* c looks at the table */
	CHECK_EQ(e.slot, 4);
	m_sees(&b, "JOIN", &e);
	m_sees(&c, "JOIN", &v);
	t_kill(a.p, SIGSTOP);
	m_kill(&v);
	m_sees(&b, "DEATH", &v);
	m_sees(&c, "DEATH", &v);
}

/* nobody but one ordinary member is left to give the newcomer's place back */
TEST_T(the_server_of_a_join_dies_while_the_caretaker_is_stopped, 60)
{
	struct m a, b, v, c;
	struct t_proc *p;

	NEEDS_FAULT();
	a = m_up("primary");
	b = m_up("secondary");
	v = m_read(doomed("secondary", "join_serving"));
	m_sees(&a, "JOIN", &v);
	m_sees(&b, "JOIN", &v);
	t_kill(a.p, SIGSTOP);
	t_kill(b.p, SIGSTOP); /* so that the doomed one is the one who serves */
	p = t_spawn("member", "secondary", "wait=60000", NULL);
	dies(v.p);
	t_kill(b.p, SIGCONT);
	m_sees(&b, "DEATH", &v);
	c = m_read(p);
	m_sees(&b, "JOIN", &c);
	m_table(&b, 3);
	t_kill(a.p, SIGCONT);
	m_sees(&a, "DEATH", &v);
	m_sees(&a, "JOIN", &c);
	m_table(&a, 3);
}
