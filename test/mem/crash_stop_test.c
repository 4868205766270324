/* SPDX-License-Identifier: BSD-3-Clause */
/* crash_stop_test.c - who owns the lock is stopped, with others asleep on it: they say so, are refused, or go on when it is dead */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_memzone.h>

#include "crash_cast.h"
#include "mem/mem.h"

static int reserves_one(void *arg)
{
	char name[32];

	if (freopen(arg, "a", stderr) == NULL)
		return 2;
	snprintf(name, sizeof(name), "of %d", (int)getpid());
	return rte_memzone_reserve(name, 5000, 0, 0) != NULL ? 0 : rte_errno == ENOMEM ? 1 : 3;
}

static bool complained(void *arg)
{
	char text[4096];
	ssize_t n;
	int fd = open(arg, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "holds its lock and is alive") != NULL && strstr(text, "kill -CONT") != NULL;
}

/* from here on who waits for a stopped owner is patient */
static void patient(void)
{
	CHECK_EQ(setenv("SHOAL_STOPPED_NS", "3600000000000", 1), 0);
}

static pid_t stops_with_the_lock(const char *at)
{
	struct play *p = f_shared(sizeof(*p));
	pid_t owner;
	int st;

	setenv("SHOAL_STOP_AT", at, 1);
	owner = f_member(plays, p, NULL);
	unsetenv("SHOAL_STOP_AT");
	CHECK_EQ(waitpid(owner, &st, WUNTRACED), owner);
	CHECK(WIFSTOPPED(st));
	return owner;
}

static bool refused(void *arg)
{
	char text[4096];
	ssize_t n;
	int fd = open(arg, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "holds its lock and is stopped") != NULL && strstr(text, "kill -CONT") != NULL &&
	       strstr(text, "what is needed for that a stopped member has") != NULL;
}

/* the second one does not wait: that it is stopped is known */
TEST(who_needs_the_lock_of_a_stopped_owner_is_refused_with_its_name)
{
	char path[2][512];
	pid_t owner;

	f_group();
	owner = stops_with_the_lock("mem_place_ready:3");
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/lines%u", t_tmpdir(), i);
		CHECK_EQ(f_wait(f_member(reserves_one, path[i], NULL)), 1);
		CHECK(refused(path[i]));
		CHECK(!complained(path[1]));
	}
	kill(owner, SIGCONT);
	CHECK_EQ(f_wait(owner), 0);
	CHECK_EQ(f_wait(f_member(reserves_one, path[0], NULL)), 0);
	f_sound("after the stop");
}

static void stopped_owner(int sig, int status)
{
	char path[512];
	pid_t owner, waiter[3];
	int st;

	patient();
	f_group();
	snprintf(path, sizeof(path), "%s/lines", t_tmpdir());
	owner = stops_with_the_lock("mem_place_ready:3");
	CHECK(rte_memzone_lookup("second") != NULL); /* looking up needs no lock */
	for (unsigned i = 0; i < 3; i++)
		waiter[i] = f_member(reserves_one, path, NULL);
	t_until(complained, path);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(waitpid(waiter[i], &st, WNOHANG), 0); /* they wait: it is not dead */
	kill(owner, sig);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(f_wait(waiter[i]), 0);
	CHECK_EQ(f_wait(owner), status);
	f_sound("after the stop");
	CHECK_EQ(present(), status == 0 ? 0 : there[3]);
}

TEST(a_stopped_owner_is_waited_for_and_named_meanwhile)
{
	stopped_owner(SIGCONT, 0);
}
TEST(an_owner_killed_while_others_wait_releases_them)
{
	stopped_owner(SIGKILL, 128 + SIGKILL);
}

static int waits_and_is_interrupted(void *arg)
{
	if (freopen(arg, "a", stderr) == NULL)
		return 2;
	return rte_memzone_reserve("never", 64, 0, 0) != NULL ? 0 : 1;
}

TEST(who_waits_for_a_stopped_owner_can_be_ended_by_a_signal)
{
	char path[512];
	pid_t owner, waiter;

	patient();
	f_group();
	snprintf(path, sizeof(path), "%s/lines", t_tmpdir());
	owner = stops_with_the_lock("mem_lock_taken");
	waiter = f_member(waits_and_is_interrupted, path, NULL);
	t_until(complained, path);
	kill(waiter, SIGINT);
	CHECK_EQ(f_wait(waiter), 128 + SIGINT);
	kill(owner, SIGKILL);
	CHECK_EQ(f_wait(owner), 128 + SIGKILL);
	f_sound("after both");
}

static void on_tick(int sig)
{
	(void)sig;
}

/* like a program under a profiler: no sleep of this process lasts its 10 ms */
static int waits_under_a_timer(void *arg)
{
	struct itimerval often = {{0, 200}, {0, 200}};
	struct sigaction sa = {.sa_handler = on_tick};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	return reserves_one(arg);
}

TEST(a_waiter_whose_sleep_signals_cut_short_sees_a_death)
{
	char path[512];
	pid_t owner, waiter;

	patient();
	f_group();
	snprintf(path, sizeof(path), "%s/lines", t_tmpdir());
	owner = stops_with_the_lock("mem_place_ready");
	waiter = f_member(waits_under_a_timer, path, NULL);
	t_until(complained, path);
	kill(owner, SIGKILL);
	CHECK_EQ(f_wait(waiter), 0);
	CHECK_EQ(f_wait(owner), 128 + SIGKILL);
	f_sound("after the death");
}

/* ---- more members than the table has slots, one after the other ---- */

static int comes_and_goes(void *arg)
{
	(void)arg;
	return 0;
}

TEST(no_crowd_of_others_makes_a_living_owner_look_dead)
{
	struct play *p = f_shared(sizeof(*p));
	sh_id_t owner_id;
	pid_t owner;
	int st;

	f_group();
	setenv("SHOAL_STOP_AT", "mem_place_ready", 1);
	owner = f_member(plays, p, &owner_id);
	unsetenv("SHOAL_STOP_AT");
	CHECK_EQ(waitpid(owner, &st, WUNTRACED), owner);
	for (unsigned i = 0; i < 2 * SH_MEMBERS; i++)
		CHECK_EQ(f_wait(f_member(comes_and_goes, NULL, NULL)), 0);
	CHECK(sh_member_alive(owner_id) && sh_member_probe(owner_id) == 0);
	CHECK(sh_member_alive(sh_self()) && sh_member_probe(sh_self()) == 0);
	kill(owner, SIGKILL);
	CHECK_EQ(f_wait(owner), 128 + SIGKILL);
	CHECK_EQ(sh_member_probe(owner_id), 1);
	f_sound("after the death");
}
