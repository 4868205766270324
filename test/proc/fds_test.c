/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fds_test.c - programs that close the library's fds, use their numbers, or have none left; members too short-lived to be
 * seen; starts that are cancelled or forked in the middle
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "member.h"

#define FILES 40

static int eal(const char *type)
{
	char prog[] = "prog", role[32], cpus[] = "-l0";
	char *argv[] = {prog, role, cpus, NULL};

	snprintf(role, sizeof(role), "--proc-type=%s", type);
	return rte_eal_init(3, argv);
}

/* the program closes everything and opens files of its own: leaving ends, and not one of them is closed or written to */
TEST(leaving_after_the_program_closed_all_fds_touches_no_number)
{
	char name[256];
	struct stat st;
	int fd[FILES];

	CHECK_EQ(eal("auto"), 2);
	CHECK_EQ(syscall(SYS_close_range, 3, ~0u, 0), 0);
	for (unsigned i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%s/mine.%u", t_tmpdir(), i);
		fd[i] = open(name, O_CREAT | O_RDWR, 0600);
		CHECK_EQ(fd[i], 3 + (int)i);
	}
	CHECK_EQ(rte_eal_cleanup(), 0);
	for (unsigned i = 0; i < FILES; i++) {
		CHECK_EQ(fstat(fd[i], &st), 0);
		CHECK(S_ISREG(st.st_mode));
		CHECK_EQ(st.st_size, 0);
	}
	CHECK_EQ(eal("auto"), 2);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(leaving_after_closing_all_fds_ends_in_a_group_too)
{
	struct m a = m_up("primary"), b = m_up("secondary");

	m_sees(&a, "JOIN", &b);
	m_ask(&b, "closeall", "closed");
	m_sees(&a, "DISCONNECT", &b);
	m_ask(&b, "leave", "left");
	m_sees(&a, "LEAVE", &b);
	m_table(&a, 1);
}

/* ---- 0, 1 and 2 ---- */

static int on_any(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg answer = *msg;

	for (int i = 0; i < msg->num_fds; i++)
		close(msg->fds[i]);
	if (msg->num_fds > 0) {
		answer.len_param = snprintf((char *)answer.param, sizeof(answer.param), "%d", msg->fds[0]) + 1;
		answer.num_fds = 0;
	}
	return rte_mp_reply(&answer, peer);
}

static bool low_fds_are_free(void)
{
	return fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0;
}

/* as a daemon is started: without the three; told of by the status alone */
ROLE(closed)
{
	struct timespec limit = {.tv_sec = 10};
	struct rte_mp_msg msg = {.name = "any", .num_fds = 1};
	struct rte_mp_reply reply;
	char byte;
	int out, in;

	out = fcntl(1, F_DUPFD_CLOEXEC, 100); /* the test reads there */
	in = fcntl(0, F_DUPFD_CLOEXEC, 100);
	for (int i = 0; i < 3; i++)
		close(i);
	if (eal(argv[1]) < 0 || rte_mp_action_register("any", on_any) != 0)
		return 3;
	if (!low_fds_are_free())
		return 4;
	if (dprintf(out, "up\n") < 0)
		return 5;
	if (rte_eal_process_type() == RTE_PROC_SECONDARY) {
		msg.fds[0] = out;
		/* the primary's fd for what I send is none of the three either */
		if (rte_mp_request_sync(&msg, &reply, &limit) != 0 || reply.nb_received != 1)
			return 6;
		if (atoi((char *)reply.msgs[0].param) < 3)
			return 7;
		free(reply.msgs);
	}
	if (read(in, &byte, 1) < 0 || !low_fds_are_free())
		return 8;
	return rte_eal_cleanup() != 0 || !low_fds_are_free() ? 9 : 0;
}

TEST(no_fd_of_the_library_is_a_standard_one)
{
	struct t_proc *a = t_spawn("closed", "primary", NULL), *b;

	t_expect(a, "up");
	b = t_spawn("closed", "secondary", NULL);
	t_expect(b, "up");
	t_say(b, "");
	CHECK_EQ(t_wait(b), 0);
	t_say(a, "");
	CHECK_EQ(t_wait(a), 0);
}

/* ---- the limit ---- */

TEST(the_limit_on_fds_is_put_back)
{
	struct rlimit l, was;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = l.rlim_max - 7;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &l), 0);
	was = l;
	CHECK_EQ(eal("auto"), 2);
	CHECK_EQ(rte_eal_cleanup(), 0);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &l), 0);
	CHECK_EQ(l.rlim_cur, was.rlim_cur);
	/* the program's own wish is kept */
	CHECK_EQ(eal("auto"), 2);
	l.rlim_cur = was.rlim_max - 9;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &l), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &l), 0);
	CHECK_EQ(l.rlim_cur, was.rlim_max - 9);
}

/* ---- none left ---- */

ROLE(full)
{
	struct rlimit l = {64, 64};
	char line[16];
	int r;

	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &l), 0);
	r = eal(argc > 1 ? argv[1] : "primary");
	while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
		;
	t_tell("full %d", r);
	while (t_hear(line, sizeof(line))) {
		for (int fd = 63; strcmp(line, "free") == 0 && fd > 40; fd--)
			close(fd);
		t_tell("did");
	}
	return 0;
}

static unsigned long cpu_ms(pid_t pid)
{
	struct timespec ts;
	clockid_t c;

	CHECK_EQ(clock_getcpuclockid(pid, &c), 0);
	CHECK_EQ(clock_gettime(c, &ts), 0);
	return (unsigned long)ts.tv_sec * 1000 + (unsigned long)ts.tv_nsec / 1000000;
}

TEST(a_server_without_fds_tells_newcomers_and_does_not_spin)
{
	struct t_proc *p = t_spawn("full", NULL), *b;
	unsigned long before;

	t_expect(p, "full 2");
	before = cpu_ms(p->pid);
	for (unsigned i = 0; i < 10; i++) {
		b = t_spawn("member", "secondary", "wait=3000", NULL);
		t_expect(b, "failed 24"); /* EMFILE */
		CHECK_HAS(t_stderr(b), "has no file descriptor left: raise its ulimit -n");
		CHECK_EQ(t_wait(b), 1);
	}
	CHECK(cpu_ms(p->pid) - before < 500 || T_SANITIZED); /* a spinning watcher takes all that ten starts last */
	t_say(p, "free");
	t_expect(p, "did");
	(void)m_up("secondary");
}

TEST(a_member_without_fds_gives_up_asking_for_cards)
{
	struct m a = m_up("primary"), b[5];
	struct t_proc *p = t_spawn("full", "secondary", NULL);
	unsigned long before;
	const char *at, *err;
	unsigned lines = 0;

	t_expect(p, "full 2");
	for (unsigned i = 0; i < 5; i++)
		b[i] = m_up("secondary");
	for (unsigned i = 0; i < 5; i++)
		m_sees(&a, "JOIN", &b[i]);
	before = cpu_ms(p->pid);
	for (unsigned i = 0; i < 5000; i++) /* some time goes by, whatever the machine is */
		m_ask(&b[0], "ping", "pong");
	CHECK(cpu_ms(p->pid) - before < 100 || T_SANITIZED);
	err = t_stderr(p);
	for (at = err; (at = strstr(at, "EAL: ")) != NULL; at++)
		lines++;
	CHECK(lines < 20);
	CHECK(strstr(err, "too long") == NULL);
	for (unsigned i = 0; i < 5; i++)
		m_leave(&b[i]);
	m_table(&a, 2);
}

/* ---- short lives ---- */

ROLE(shortlived)
{
	if (eal("secondary") < 0)
		return 1;
	return argc > 1 && strcmp(argv[1], "leave") == 0 ? rte_eal_cleanup() != 0 : (fflush(stdout), _exit(0), 0);
}

/* each of a crowd that comes and goes is told of by one JOIN and one end, though the watcher slept through its life */
static void crowd(const char *how, const char *end)
{
	struct m a = m_up("primary"), c = m_up("secondary");
	struct t_proc *p[40];
	unsigned joins = 0, ends = 0;

	m_sees(&a, "JOIN", &c);
	m_sees(&c, "JOIN", &a);
	t_kill(c.p, SIGSTOP);
	for (unsigned i = 0; i < 40; i++) {
		p[i] = t_spawn("shortlived", how, NULL);
		if (i % 8 == 7)
			for (unsigned k = i - 7; k <= i; k++)
				CHECK_EQ(t_wait(p[k]), 0);
	}
	m_table(&a, 2);
	t_kill(c.p, SIGCONT);
	while (ends < 40) {
		const char *l = t_expect(c.p, "");

		joins += strncmp(l, "JOIN ", 5) == 0;
		ends += strncmp(l, end, strlen(end)) == 0;
		CHECK(ends <= joins);
	}
	CHECK_EQ(joins, 40);
	m_ask(&c, "ping", "pong");
}

TEST_T(members_that_came_and_left_unseen_are_told_of, 60)
{
	crowd("leave", "LEAVE ");
}

TEST_T(members_that_came_and_died_unseen_are_told_of, 60)
{
	crowd("die", "DEATH ");
}

/* ---- in the middle of a start ---- */

static void *start_thread(void *arg)
{
	int r;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	(void)pthread_cancel(pthread_self()); /* acts at the first cancellation point */
	r = eal("auto");
	*(int *)arg = r;
	pthread_testcancel();
	return NULL;
}

TEST(a_thread_cancelled_inside_init_finishes_it_first)
{
	pthread_t t;
	int r = -1;

	CHECK_EQ(pthread_create(&t, NULL, start_thread, &r), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK_EQ(r, 2);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* a secondary without primary's answer waits inside init; forked then, the child can start anew */
static void *wait_thread(void *arg)
{
	char prog[] = "prog", role[] = "--proc-type=secondary", wait[] = "--join-timeout=600000", cpus[] = "-l0";
	char *argv[] = {prog, role, wait, cpus, NULL};

	*(int *)arg = rte_eal_init(4, argv);
	return NULL;
}

static bool inside(void *arg)
{
	return t_open_fds(getpid()) >
	       *(unsigned *)arg + 4; /* the watcher's and the card's: the rooms are being started */
}

TEST(a_child_forked_during_init_can_start)
{
#ifdef SH_TSAN
	SKIP("TSan ends a forked child that starts threads");
#endif
#ifdef __SANITIZE_ADDRESS__
	SKIP("ASan's fake stacks of the parent's other threads are gone in a forked child");
#endif
	struct m a = m_read(t_spawn("member", "primary", "init=1", NULL));
	unsigned fds = t_open_fds(getpid());
	pthread_t t;
	int r = 1, st;
	pid_t pid;

	CHECK_EQ(pthread_create(&t, NULL, wait_thread, &r), 0);
	(void)pthread_detach(t);
	t_until(inside, &fds);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		if (rte_eal_cleanup() != -1 || rte_errno != EPERM)
			_exit(2);
		setenv("RUNTIME_DIRECTORY", t_tmpdir(), 1);
		_exit(eal("auto") == 2 && rte_eal_cleanup() == 0 ? 0 : 1);
	}
	m_ask(&a, "announce", "announced 0");
	CHECK_EQ(waitpid(pid, &st, 0), pid);
	CHECK_EQ(st, 0);
}

TEST(a_forked_child_of_a_primary_knows_what_its_parent_is)
{
	pid_t pid;
	int st;

	CHECK_EQ(eal("primary"), 2);
	pid = fork();
	if (pid == 0)
		_exit((int)rte_eal_process_type());
	CHECK_EQ(waitpid(pid, &st, 0), pid);
	CHECK_EQ(WEXITSTATUS(st), RTE_PROC_PRIMARY);
	CHECK_EQ(rte_eal_cleanup(), 0);
}
