/* SPDX-License-Identifier: BSD-3-Clause */
/* fd_test.c - shared fds: got by name, offered, revoked in order; who may not, and what no descriptor is left open by */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <shoal_fd.h>

#include "fd_role.h"

TEST(a_secondary_asks_by_name_and_gets_its_own_copy)
{
	struct f a = fd_up("primary"), b = fd_up("secondary");
	int fd;

	FD_SETTLE(&a, &b);
	ERR(b, ENOENT, "get dev0 5000");
	IS(a, "ok", "reg dev0 -1");
	IS(a, "ok", "reg a_name_that_has_exactly_sixty_three_characters_in_it_as_it_may 0");
	fd = fd_gets(&b, "dev0");
	CHECK_EQ(fd_gets(&b, "dev0"), fd); /* one copy in a process */
	fd_gets(&a, "dev0");		   /* also who registered it */
	IS(b, "holders 2", "holders dev0");
	IS(b, "names 2", "names");
	fd_gets(&b, "a_name_that_has_exactly_sixty_three_characters_in_it_as_it_may");
	IS(b, "ok", "put %d", fd);
	IS(b, "holders 2", "holders dev0");
	IS(b, "ok", "put %d", fd);
	IS(b, "holders 1", "holders dev0");
	ERR(b, EBADF, "put %d", fd);
	ERR(b, EBADF, "put -1");
	ERR(b, EBADF, "put 0");
	fd_are(&b, b.fds + 1);
	fd_are(&a, a.fds + 2);
	fd_bye(&b);
	fd_bye(&a);
}

TEST(a_name_is_given_out_once)
{
	struct f a = fd_up("primary"), b = fd_up("secondary");

	FD_SETTLE(&a, &b);
	IS(a, "ok", "reg dev0 -1");
	ERR(a, EEXIST, "reg dev0 -1");
	ERR(b, EEXIST, "reg dev0 -1");
	IS(b, "ok", "reg dev1 -1");
	ERR(a, EEXIST, "reg dev1 -1");
	fd_are(&a, a.fds + 2);
	fd_are(&b, b.fds + 1);
	IS(b, "ok", "revoke dev1 5000");
	IS(a, "ok", "reg dev1 -1"); /* it can be used again */
	CHECK(fd_gets(&b, "dev1") > 2);
	fd_bye(&b);
	fd_bye(&a);
}

TEST_T(of_many_that_register_one_name_at_once_one_gets_it, 60)
{
	struct f m[5];
	char line[32];

	for (unsigned i = 0; i < N(m); i++)
		m[i] = fd_up(i == 0 ? "primary" : "secondary");
	FD_SETTLE(&m[0], &m[1], &m[2], &m[3], &m[4]);
	for (unsigned round = 0; round < 12; round++) {
		unsigned won = 0, who = 0;
		int fd;

		for (unsigned i = 0; i < N(m); i++)
			for (unsigned k = 0; k < 2; k++)
				SAY(m[i], "t reg race%u 30000", round);
		for (unsigned i = 0; i < N(m); i++)
			for (unsigned k = 0; k < 2; k++) {
				snprintf(line, sizeof(line), "%s", t_expect(m[i].p, ""));
				if (strcmp(line, "ok") == 0)
					won++, who = i;
				else
					CHECK_STR(line, m_fmt("err %d", EEXIST));
			}
		CHECK_EQ(won, 1);
		snprintf(line, sizeof(line), "race%u", round);
		fd = fd_gets(&m[(who + 1) % N(m)], line);
		IS(m[(who + 1) % N(m)], "ok", "put %d", fd);
		IS(m[0], "names 1", "names");
		IS(m[who], "ok", "revoke race%u 15000", round);
		IS(m[0], "names 0", "names");
		for (unsigned i = 0; i < N(m); i++)
			fd_are(&m[i], m[i].fds);
	}
	for (unsigned i = N(m); i-- > 0;)
		fd_bye(&m[i]);
}

TEST(what_is_revoked_is_closed_in_order)
{
	struct f a = fd_up("primary"), b = fd_up("secondary"), c = fd_up("secondary");
	int fd;

	FD_SETTLE(&a, &b, &c);
	IS(a, "ok", "reg dev0 -1");
	fd_gets(&b, "dev0");
	fd = fd_gets(&c, "dev0");
	IS(b, "ok", "cb busy");
	ERR(c, EACCES, "revoke dev0 -1"); /* not its own, and no primary */
	SAY(a, "t revoke dev0 60000");
	t_expect(b.p, "revoked dev0");
	ERR(c, ENOENT, "get dev0 5000"); /* at once */
	ERR(c, ENOENT, "revoke dev0 5000");
	IS(a, "holders 3", "holders dev0"); /* the primary still has its own */
	IS(a, "names 1", "names");
	SAY(b, "go");
	fd_comes(&a, "holders dev0", "holders 2");
	fd_are(&b, b.fds);
	IS(c, "ok", "put %d", fd);
	CHECK_STR(t_expect(a.p, "ok"), "ok");
	ERR(a, ENOENT, "holders dev0");
	IS(a, "names 0", "names");
	fd_are(&a, a.fds);
	fd_are(&b, b.fds);
	fd_are(&c, c.fds);
	fd_bye(&c);
	fd_bye(&b);
	fd_bye(&a);
}

TEST(who_revokes_without_waiting_is_told_by_the_code_alone)
{
	struct f a = fd_up("primary"), b = fd_up("secondary");
	int fb;

	FD_SETTLE(&a, &b);
	IS(a, "ok", "reg dev0 -1");
	fb = fd_gets(&b, "dev0");
	IS(b, "ok", "cb keep");
	ERR(a, ETIMEDOUT, "revoke dev0 0");
	CHECK_STR(t_expect(b.p, "revoked"), "revoked dev0");
	CHECK(strstr(t_stderr(a.p), "still have a copy") == NULL);
	IS(b, "ok", "put %d", fb);
	fd_bye(&b);
	fd_bye(&a);
}

TEST(who_still_uses_it_is_named_and_puts_it_later)
{
	struct f a = fd_up("primary"), b = fd_up("secondary"), c = fd_up("secondary");
	int fb, fc;

	FD_SETTLE(&a, &b, &c);
	IS(a, "ok", "reg dev0 -1");
	fb = fd_gets(&b, "dev0");
	fc = fd_gets(&c, "dev0");
	IS(b, "ok", "cb keep"); /* c has no callback */
	ERR(a, ETIMEDOUT, "revoke dev0 200");
	CHECK_STR(t_expect(b.p, "revoked"), "revoked dev0");
	CHECK_HAS(t_stderr(a.p), "'dev0' is revoked, but 2 members still have a copy");
	IS(a, "holders 2", "holders dev0"); /* who revoked has not waited longer */
	fd_are(&a, a.fds);
	IS(a, "ok", "reg dev0 -1"); /* the name is free all the same */
	CHECK(fd_gets(&b, "dev0") != fb);
	IS(a, "holders 2", "holders dev0"); /* the new one */
	IS(b, "ok", "put %d", fb);
	IS(c, "ok", "put %d", fc);
	IS(a, "names 1", "names");
	fd_are(&b, b.fds + 1);
	fd_are(&c, c.fds);
	fd_bye(&c);
	fd_bye(&b);
	fd_bye(&a);
}

TEST(one_that_listens_late_is_told_of_what_it_still_has)
{
	struct f a = fd_up("primary"), b = fd_up("secondary");

	FD_SETTLE(&a, &b);
	IS(a, "ok", "reg dev0 -1");
	fd_gets(&b, "dev0");
	ERR(a, ETIMEDOUT, "revoke dev0 0");
	IS(b, "holders 1", "holders dev0");
	SAY(b, "cb let");
	CHECK_STR(t_expect(b.p, "ok"), "ok");
	CHECK_STR(t_expect(b.p, "revoked"), "revoked dev0");
	fd_comes(&a, "names", "names 0");
	fd_are(&b, b.fds);
	fd_bye(&b);
	fd_bye(&a);
}

TEST(a_callback_may_allocate_ask_and_be_asked)
{
	struct f a = fd_up("primary"), b = fd_up("secondary");

	FD_SETTLE(&a, &b);
	IS(a, "ok", "reg dev0 -1");
	IS(a, "ok", "reg other -1");
	fd_gets(&b, "dev0");
	IS(b, "ok", "cb ask");
	SAY(a, "t revoke dev0 60000");
	CHECK_STR(t_expect(b.p, "revoked"), "revoked dev0");
	CHECK_STR(t_expect(b.p, "asked"), "asked 1 1");
	CHECK_STR(t_expect(a.p, "ok"), "ok");
	fd_are(&b, b.fds);
	fd_bye(&b);
	fd_bye(&a);
}

TEST(what_a_secondary_offers_outlives_it)
{
	struct f a = fd_up("primary"), b = fd_up("secondary"), c = fd_up("secondary");

	FD_SETTLE(&a, &b, &c);
	IS(b, "ok", "reg dev0 -1");
	IS(c, "holders 2", "holders dev0"); /* the primary has one */
	fd_are(&a, a.fds + 1);
	fd_killed(&b);
	fd_comes(&c, "holders dev0", "holders 1");
	fd_are(&c, c.fds - 3); /* the dead one's card */
	fd_gets(&c, "dev0");
	IS(c, "ok", "cb let");
	SAY(a, "revoke dev0 15000"); /* it is the primary's now */
	CHECK_STR(t_expect(a.p, ""), "ok");
	CHECK_STR(t_expect(c.p, "revoked"), "revoked dev0");
	fd_are(&c, c.fds - 3);
	fd_bye(&c);
	fd_bye(&a);
}

TEST(the_primary_revokes_what_a_secondary_offers_and_that_one_is_told)
{
	struct f a = fd_up("primary"), b = fd_up("secondary");

	FD_SETTLE(&a, &b);
	IS(b, "ok", "cb let");
	IS(b, "ok", "reg dev0 -1");
	IS(a, "ok", "revoke dev0 15000");
	CHECK_STR(t_expect(b.p, "revoked"), "revoked dev0");
	fd_are(&a, a.fds);
	fd_are(&b, b.fds);
	fd_bye(&b);
	fd_bye(&a);
}

TEST(names_outlive_the_primary_where_somebody_has_a_copy)
{
	struct f a = fd_up("primary"), b = fd_up("secondary"), c = fd_up("secondary"), d;

	FD_SETTLE(&a, &b, &c);
	IS(a, "ok", "reg held -1");
	IS(a, "ok", "reg alone -1");
	IS(b, "ok", "reg offered -1");
	fd_gets(&b, "held");
	fd_killed(&a);
	fd_comes(&b, "names", "names 2");
	ERR(c, ENOENT, "get alone 5000");
	fd_gets(&c, "held");
	fd_gets(&c, "offered");
	IS(b, "ok", "reg without -1"); /* nobody else can take it now */
	d = fd_up("primary");
	fd_gets(&d, "without");
	fd_gets(&d, "held");
	IS(c, "ok", "cb let");
	IS(b, "ok", "cb let");
	IS(d, "ok", "revoke held 15000");
	CHECK_STR(t_expect(c.p, "revoked"), "revoked held");
	CHECK_STR(t_expect(b.p, "revoked"), "revoked held");
	fd_bye(&d);
	fd_bye(&c);
	fd_bye(&b);
}

TEST(who_leaves_in_good_order_takes_only_its_own_copies)
{
	struct f a = fd_up("primary"), b = fd_up("secondary"), c = fd_up("secondary");

	FD_SETTLE(&a, &b, &c);
	IS(b, "ok", "reg dev0 -1");
	IS(a, "ok", "reg dev1 -1");
	fd_gets(&b, "dev1");
	fd_bye(&b);
	fd_gets(&c, "dev0");
	fd_gets(&c, "dev1");
	fd_bye(&a);
	fd_comes(&c, "holders dev0", "holders 1");
	IS(c, "ok", "revoke dev0 5000"); /* who registered it is gone: anybody may */
	fd_bye(&c);
}

TEST(inside_actions_and_in_circles)
{
	struct f a = fd_up("primary"), b = fd_up("secondary");

	FD_SETTLE(&a, &b);
	IS(a, "ok", "reg dev0 -1");
	IS(b, "ok", "reg dev1 -1");
	SAY(a, "doget %s dev0", b.id);
	SAY(b, "doget %s dev1", a.id);
	CHECK_HAS(t_expect(a.p, "got"), "dev1");
	CHECK_HAS(t_expect(b.p, "got"), "dev0");
	fd_bye(&b);
	fd_bye(&a);
}

TEST(a_stopped_primary_costs_the_time_limit)
{
	struct f a = fd_up("primary"), b = fd_up("secondary"), c = fd_up("secondary");

	FD_SETTLE(&a, &b, &c);
	IS(a, "ok", "reg dev0 -1");
	IS(a, "ok", "reg dev1 -1");
	fd_gets(&c, "dev1");
	t_kill(a.p, SIGSTOP);
	ERR(b, ETIMEDOUT, "get dev0 300");
	ERR(b, ETIMEDOUT, "reg dev2 300");
	ERR(b, ENOENT, "get dev2 300");
	fd_gets(&b, "dev1"); /* another one has it */
	t_kill(a.p, SIGCONT);
	fd_gets(&b, "dev0");
	IS(b, "ok", "reg dev2 -1");
	fd_are(&a, a.fds + 3);
	fd_are(&b, b.fds + 3);
	fd_bye(&c);
	fd_bye(&b);
	fd_bye(&a);
}

TEST(a_receiver_without_a_number_left_is_told_so)
{
	struct f a = fd_up("primary"), b = fd_up("secondary");

	FD_SETTLE(&a, &b);
	IS(a, "ok", "reg dev0 -1");
	IS(b, "ok", "fill");
	ERR(b, EMFILE, "get dev0 5000");
	CHECK_HAS(t_stderr(b.p), "no file descriptor is left");
	IS(b, "ok", "unfill");
	fd_gets(&b, "dev0");
	IS(a, "ok", "fill");
	ERR(b, EMFILE, "reg dev1 1000000"); /* its watcher cannot even accept. At once: a case has less time */
	ERR(b, ENOENT, "get dev1 300");
	IS(a, "ok", "unfill");
	IS(b, "ok", "reg dev1 15000");
	fd_are(&a, a.fds + 2);
	fd_are(&b, b.fds + 2);
	fd_bye(&b);
	fd_bye(&a);
}

TEST_T(a_full_table_refuses_the_next_name, 60)
{
	struct f a = fd_up("primary"), b = fd_up("secondary");

	FD_SETTLE(&a, &b);
	for (int i = 0; i < SHOAL_FD_NAMES; i++)
		IS(a, "ok", "reg n%d -1", i);
	ERR(a, ENOSPC, "reg more -1");
	ERR(b, ENOSPC, "reg more -1");
	fd_gets(&b, "n511");
	IS(a, "ok", "revoke n100 5000");
	IS(b, "ok", "reg more -1");
	IS(b, "names 512", "names");
	fd_are(&a, a.fds + 512);
	fd_bye(&b);
	fd_bye(&a);
}

TEST(threads_of_a_process_share_its_copy)
{
	struct f a = fd_up("primary"), b = fd_up("secondary"), c = fd_up("secondary");

	FD_SETTLE(&a, &b, &c);
	IS(a, "ok", "reg dev0 -1");
	SAY(b, "many dev0 8 100");
	SAY(c, "many dev0 8 100");
	SAY(a, "many dev0 8 100");
	CHECK_STR(t_expect(a.p, "many"), "many 0");
	CHECK_STR(t_expect(b.p, "many"), "many 0");
	CHECK_STR(t_expect(c.p, "many"), "many 0");
	fd_are(&a, a.fds + 1);
	fd_are(&b, b.fds);
	fd_are(&c, c.fds);
	IS(a, "holders 1", "holders dev0");
	fd_bye(&c);
	fd_bye(&b);
	fd_bye(&a);
}

TEST(cleanup_ends_who_waits)
{
	struct f a = fd_up("primary"), b;

	CHECK_EQ(setenv("CLEANUP_FIRST", "1", 1), 0);
	b = fd_up("secondary");
	CHECK_EQ(unsetenv("CLEANUP_FIRST"), 0);
	FD_SETTLE(&a, &b);
	IS(a, "ok", "reg dev0 -1");
	fd_gets(&b, "dev0");
	IS(b, "ok", "cb keep");
	IS(b, "ok", "reg dev1 -1");
	fd_gets(&a, "dev1");
	SAY(b, "t revoke dev1 none"); /* 0 s; then one that waits */
	CHECK_STR(t_expect(b.p, ""), m_fmt("err %d", ETIMEDOUT));
	t_kill(a.p, SIGSTOP);
	IS(b, "names 2", "names");
	SAY(b, "t reg dev2 3600000");
	fd_comes(&b, "names", "names 2");
	SAY(b, "bye");
	CHECK_STR(t_expect(b.p, "err"), m_fmt("err %d", ECANCELED));
	CHECK_EQ(t_wait(b.p), 0);
	fd_killed(&a);
}

TEST(the_operator_sees_who_has_what)
{
	struct f a = fd_up("primary"), b = fd_up("secondary");

	FD_SETTLE(&a, &b);
	IS(a, "ok", "reg dev0 -1");
	fd_gets(&b, "dev0");
	SAY(b, "dump");
	CHECK_HAS(t_expect(b.p, "dev0"), "type 7, 4 bytes, registered by member 0, held by 0 1");
	fd_bye(&b);
	fd_bye(&a);
}

/* ---- this process itself ---- */

static void in_child(void *arg)
{
	int *pipe_fd = arg;

	close(*pipe_fd);
	CHECK(shoal_fd_get("dev0", NULL, NULL) < 0 && rte_errno == EPERM);
	CHECK(shoal_fd_put(5) < 0 && rte_errno == EPERM);
	_exit(0);
}

struct thread {
	int rd, wr;
};

/* a child that never looks at shoal again does not keep what was shared open */
static void child_waits(void *arg)
{
	struct thread *t = arg;
	char c;

	close(t->wr);
	_exit(read(t->rd, &c, 1) == 0
		      ? 0
		      : 1); /* the end of the pipe: only if nobody has its write end, this process too */
}

TEST(a_forked_child_is_no_member_and_keeps_nothing_open)
{
	struct thread t;
	int p[2];
	pid_t pid;
	int st;

	CHECK(shoal_fd_get("dev0", NULL, NULL) < 0 && rte_errno == EPERM); /* before init */
	CHECK(m_init("primary", NULL));
	CHECK_EQ(pipe(p), 0);
	CHECK_EQ(shoal_fd_register("dev0", p[1], NULL, NULL), 0);
	CHECK_EQ(t_fork(in_child, &p[0], NULL, 0), 0);
	t = (struct thread){.rd = p[0], .wr = p[1]};
	pid = t_fork_idle();
	if (pid == 0)
		child_waits(&t);
	close(p[1]);
	CHECK_EQ(shoal_fd_revoke("dev0", NULL), 0);
	CHECK_EQ(waitpid(pid, &st, 0), pid);
	CHECK_EQ(st, 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

static int cb_a(void *arg, enum shoal_fd_event ev, const char *name, int fd)
{
	(void)arg;
	(void)ev;
	(void)name;
	(void)fd;
	return 0;
}

#define REFUSED(call, e)                                                                                               \
	do {                                                                                                           \
		CHECK_EQ(call, -1);                                                                                    \
		CHECK_EQ(rte_errno, e);                                                                                \
	} while (0)

TEST(bad_arguments_have_a_code_and_a_line)
{
	struct shoal_fd_blob b = {.len = SHOAL_FD_BLOB_MAX + 1};
	struct timespec bad = {.tv_nsec = -1};
	char long_[65];

	memset(long_, 'n', 64);
	long_[64] = '\0';
	REFUSED(shoal_fd_event_register(cb_a, NULL), EPERM);
	CHECK(m_init("primary", NULL));
	REFUSED(shoal_fd_register(NULL, 0, NULL, NULL), EINVAL);
	REFUSED(shoal_fd_register("", 0, NULL, NULL), EINVAL);
	REFUSED(shoal_fd_register("a\n", 0, NULL, NULL), EINVAL);
	REFUSED(shoal_fd_register(long_, 0, NULL, NULL), E2BIG);
	REFUSED(shoal_fd_register("a", -1, NULL, NULL), EBADF);
	REFUSED(shoal_fd_register("a", 9999, NULL, NULL), EBADF);
	REFUSED(shoal_fd_register("a", 0, &b, NULL), EINVAL);
	REFUSED(shoal_fd_register("a", 0, NULL, &bad), EINVAL);
	REFUSED(shoal_fd_get(NULL, NULL, NULL), EINVAL);
	REFUSED(shoal_fd_get(long_, NULL, NULL), E2BIG);
	REFUSED(shoal_fd_get("a", NULL, &bad), EINVAL);
	REFUSED(shoal_fd_revoke("", NULL), EINVAL);
	REFUSED(shoal_fd_revoke("a", NULL), ENOENT);
	REFUSED(shoal_fd_holders("a", NULL, 1), EINVAL);
	REFUSED(shoal_fd_holders("a", NULL, 0), ENOENT);
	REFUSED(shoal_fd_list(NULL, 1), EINVAL);
	REFUSED(shoal_fd_event_register(NULL, NULL), EINVAL);
	REFUSED(shoal_fd_event_unregister(cb_a, NULL), ENOENT);
	for (long i = 0; i < 16; i++)
		CHECK_EQ(shoal_fd_event_register(cb_a, (void *)i), 0);
	REFUSED(shoal_fd_event_register(cb_a, NULL), EEXIST);
	REFUSED(shoal_fd_event_register(cb_a, (void *)99L), ENOSPC);
	CHECK_EQ(shoal_fd_event_unregister(cb_a, NULL), 0);
	CHECK_EQ(shoal_fd_register("a", 0, NULL, NULL), 0);
	CHECK_EQ(shoal_fd_get("a", &b, NULL) > 2 && b.len == 0 && b.type == 0, 1);
	shoal_fd_dump(NULL);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(alone_there_is_nobody_to_share_with)
{
	char *alone[] = {(char *)"t", (char *)"--no-shconf", (char *)"-l", (char *)"0", (char *)"--no-huge", NULL};

	CHECK_EQ(rte_eal_init(5, alone) < 0, 0);
	REFUSED(shoal_fd_register("a", 0, NULL, NULL), ENOTSUP);
	REFUSED(shoal_fd_get("a", NULL, NULL), ENOTSUP);
	CHECK_EQ(rte_eal_cleanup(), 0);
}
