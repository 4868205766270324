/* SPDX-License-Identifier: BSD-3-Clause */
/* fd_death_test.c - shared fds: who dies at each step of registering, getting, revoking. Needs -Dfault=true. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "fd_role.h"

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif

/* ---- each step ---- */

static struct f doomed(const char *type, const char *label)
{
	struct f f;

	CHECK_EQ(setenv("SHOAL_DIE_AT", label, 1), 0);
	f = fd_up(type);
	CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
	return f;
}

static void dies(struct f *f, const char *at)
{
	if (t_wait(f->p) != 128 + SIGKILL)
		t_fail(__FILE__, __LINE__, "it passed %s alive", at);
}

/* the others have what they had, and the name can be had */
static void as_before(struct f *a, struct f *b, const char *at)
{
	SAY(*b, "names");
	(void)t_expect(b->p, "names");
	fd_comes(b, "names", "names 1");
	fd_comes(a, "names", "names 1");
	fd_are(a, a->fds + 1);
	fd_are(b, b->fds);
	IS(*b, "ok", "reg dev1 15000");
	IS(*b, "ok", "revoke dev1 15000");
	fd_are(a, a->fds + 1);
	fd_are(b, b->fds);
	(void)at;
}

TEST_T(who_registers_dies_at_each_step, 120)
{
	static const char *const at[] = {"fd_claimed", "fd_written", "fd_held", "fd_sent",
					 "fd_offered", "fd_tried",   "fd_live"};
	struct f a, b, d;

	NEEDS_FAULT();
	a = fd_up("primary");
	b = fd_up("secondary");
	FD_SETTLE(&a, &b);
	IS(a, "ok", "reg dev0 -1");
	for (unsigned i = 0; i < N(at); i++) {
		d = doomed("secondary", at[i]);
		SAY(d, "reg dev1 -1");
		dies(&d, at[i]);
		if (strcmp(at[i], "fd_live") == 0) { /* it was made */
			fd_comes(&a, "holders dev1", "holders 1");
			IS(b, "ok", "revoke dev1 15000");
		}
		as_before(&a, &b, at[i]);
	}
	fd_bye(&b);
	fd_bye(&a);
}

TEST_T(who_gets_dies_at_each_step, 120)
{
	static const char *const at[] = {"fd_asked", "fd_got", "fd_held"};
	struct f a, b, d;

	NEEDS_FAULT();
	a = fd_up("primary");
	b = fd_up("secondary");
	FD_SETTLE(&a, &b);
	IS(a, "ok", "reg dev0 -1");
	for (unsigned i = 0; i < N(at); i++) {
		d = doomed("secondary", at[i]);
		SAY(d, "get dev0 -1");
		dies(&d, at[i]);
		fd_comes(&a, "holders dev0", "holders 1");
		as_before(&a, &b, at[i]);
	}
	fd_bye(&b);
	fd_bye(&a);
}

TEST_T(who_has_it_dies_while_it_sends, 60)
{
	struct f a, b, d;
	int fd;

	NEEDS_FAULT();
	a = fd_up("primary");
	b = fd_up("secondary");
	FD_SETTLE(&a, &b);
	IS(a, "ok", "reg dev0 -1");
	d = doomed("secondary", "fd_sent:2"); /* the first is to the primary */
	IS(d, "ok", "reg dev1 -1");
	fd = fd_gets(&b, "dev1"); /* d is asked first, and dies: it had been sent, or the primary sends it */
	dies(&d, "fd_sent:2");
	IS(b, "ok", "put %d", fd);
	IS(b, "ok", "revoke dev1 15000");
	as_before(&a, &b, "fd_sent");
	fd_bye(&b);
	fd_bye(&a);
}

TEST_T(who_revokes_dies_at_each_step, 120)
{
	static const char *const at[] = {"fd_closed", "fd_told", "fd_let_go"};
	struct f a, b, d;

	NEEDS_FAULT();
	a = fd_up("primary");
	b = fd_up("secondary");
	FD_SETTLE(&a, &b);
	IS(a, "ok", "reg dev0 -1");
	IS(b, "ok", "cb let");
	for (unsigned i = 0; i < N(at); i++) {
		d = doomed("secondary", at[i]);
		IS(d, "ok", "reg dev1 -1");
		fd_gets(&b, "dev1");
		SAY(d, "revoke dev1 -1");
		CHECK_STR(t_expect(b.p, "revoked"), "revoked dev1"); /* whoever tells it */
		dies(&d, at[i]);
		fd_comes(&b, "names", "names 1");
		as_before(&a, &b, at[i]);
	}
	fd_bye(&b);
	fd_bye(&a);
}

TEST_T(who_lets_go_dies_at_each_step, 120)
{
	static const char *const at[] = {"fd_let_go", "fd_freed"};
	struct f a, b, d;

	NEEDS_FAULT();
	a = fd_up("primary");
	b = fd_up("secondary");
	FD_SETTLE(&a, &b);
	IS(a, "ok", "reg dev0 -1");
	for (unsigned i = 0; i < N(at); i++) {
		d = doomed("secondary", at[i]);
		IS(a, "ok", "reg dev1 -1");
		fd_gets(&d, "dev1");
		IS(d, "ok", "cb let");
		SAY(a, "revoke dev1 15000");
		if (i == 0) {
			CHECK_STR(t_expect(d.p, "revoked"), "revoked dev1");
			dies(&d, at[i]);
		}
		CHECK_STR(t_expect(a.p, ""), "ok");
		if (i == 1) { /* only the last one frees */
			IS(d, "revoked dev1", "reg dev2 -1");
			CHECK_STR(t_expect(d.p, ""), "ok");
			SAY(d, "revoke dev2 15000");
			dies(&d, at[i]);
		}
		as_before(&a, &b, at[i]);
	}
	fd_bye(&b);
	fd_bye(&a);
}

TEST_T(the_primary_dies_while_it_takes_an_offer, 120)
{
	static const char *const at[] = {"fd_held", "fd_kept", "post_taken", "post_served"};
	struct f a, b, c;

	NEEDS_FAULT();
	for (unsigned i = 0; i < N(at); i++) {
		a = doomed("primary", at[i]);
		b = fd_up("secondary");
		c = fd_up("secondary");
		IS(b, "ok", "reg dev0 15000"); /* without a primary it alone has it */
		dies(&a, at[i]);
		fd_gets(&c, "dev0");
		fd_comes(&c, "holders dev0", "holders 2");
		fd_bye(&c);
		fd_bye(&b);
	}
}

TEST_T(one_stopped_while_it_registers_keeps_others_from_that_name_alone, 60)
{
	struct f a, b, d;
	siginfo_t si;

	NEEDS_FAULT();
	a = fd_up("primary");
	b = fd_up("secondary");
	CHECK_EQ(setenv("SHOAL_STOP_AT", "fd_tried", 1), 0);
	d = fd_up("secondary");
	CHECK_EQ(unsetenv("SHOAL_STOP_AT"), 0);
	FD_SETTLE(&a, &b);
	SAY(d, "reg dev0 -1");
	CHECK_EQ(waitid(P_PID, (id_t)d.p->pid, &si, WSTOPPED | WEXITED | WNOWAIT), 0);
	CHECK_EQ(si.si_code, CLD_STOPPED);
	fd_comes(&a, "names", "names 0");
	IS(b, "ok", "reg dev1 -1");
	ERR(b, ETIMEDOUT, "reg dev0 300");
	fd_killed(&d);
	IS(b, "ok", "reg dev0 15000");
	fd_bye(&b);
	fd_bye(&a);
}

TEST_T(what_is_revoked_on_its_way_is_not_handed_out, 60)
{
	struct f a, d;
	siginfo_t si;

	NEEDS_FAULT();
	a = fd_up("primary");
	CHECK_EQ(setenv("SHOAL_STOP_AT", "fd_got", 1), 0);
	d = fd_up("secondary");
	CHECK_EQ(unsetenv("SHOAL_STOP_AT"), 0);

	IS(a, "ok", "reg dev0 -1");
	SAY(d, "get dev0 15000");
	CHECK_EQ(waitid(P_PID, (id_t)d.p->pid, &si, WSTOPPED | WEXITED | WNOWAIT), 0);
	CHECK_EQ(si.si_code, CLD_STOPPED);
	IS(a, "ok", "revoke dev0 15000"); /* it holds nothing yet: it is not waited for */
	IS(a, "ok", "reg dev0 -1");
	t_kill(d.p, SIGCONT);
	CHECK_HAS(t_expect(d.p, "got"), "dev0"); /* the new one */
	IS(a, "holders 2", "holders dev0");
	fd_bye(&d);
	fd_bye(&a);
}
