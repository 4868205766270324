/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chan_kill.c - members that chat are killed: at each labelled step of the channel, and at any moment
 *
 * After each death: the others go on, a newcomer joins and is talked to; what was sent with result 0 to one that lives has
 * arrived, in order, once; requests to the dead have ended as such, none by its time limit; lanes, fds and names of the dead
 * are gone. The steps need a build with -Dfault=true; kills at any moment need none.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <shoal.h>
#include <shoal_member.h>

#include "hostile_role.h"

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct board *b;
static const char *path;

/* ---- what must be so after deaths ---- */

struct living {
	struct chat *c;
	unsigned n;
};

/* all that was sent with result 0 to one of these has been taken by its action */
static bool all_arrived(void *arg)
{
	struct living *l = arg;

	board_good(b);
	for (unsigned i = 0; i < l->n; i++)
		for (unsigned from = 0; from < GENS; from++)
			if (atomic_load(&b->got[from][l->c[i].gen]) < atomic_load(&b->sent[from][l->c[i].gen]))
				return false;
	return true;
}

static bool no_lanes_left(void *arg)
{
	struct chat *c = arg;
	unsigned n;

	t_say(c->p, "lanes");
	CHECK_EQ(sscanf(t_expect(c->p, "lanes"), "lanes %u", &n), 1);
	return n == 0;
}

static unsigned names(const char *prefix)
{
	char dir[512];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/dpdk/rte", getenv("RUNTIME_DIRECTORY"));
	d = opendir(dir);
	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL)
		n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	closedir(d);
	return n;
}

static bool names_are_gone(void *arg)
{
	unsigned n = ((struct living *)arg)->n, secondaries = names("mp_socket_");

	/* a dead primary's mp_socket stays for the next one to take over */
	return names("join_") == n && (secondaries == n || secondaries == n - 1);
}

static bool fds_are_few(void *arg)
{
	struct living *l = arg;

	/* its own, a card of three for each other, connections both ways, and those of who died last */
	for (unsigned i = 0; i < l->n; i++)
		if (t_open_fds(l->c[i].p->pid) > 24 + 5 * l->n)
			return false;
	return true;
}

static void end_well(struct chat *c, unsigned n)
{
	struct living l = {c, n};

	atomic_store(&b->stop, 1);
	for (unsigned i = 0; i < n; i++)
		t_expect(c[i].p, "done");
	t_until(all_arrived, &l);
	for (unsigned i = 0; i < n; i++)
		t_until(no_lanes_left, &c[i]);
	t_until(names_are_gone, &l);
	t_until(fds_are_few, &l);
	for (unsigned i = n; i-- > 0;) {
		t_say(c[i].p, "bye");
		t_expect(c[i].p, "left");
	}
	board_good(b);
}

static void all_go_on(struct chat *c, unsigned n, unsigned rounds)
{
	for (unsigned i = 0; i < n; i++)
		chat_goes_on(b, &c[i], rounds);
}

/* ---- at each step ---- */

static struct t_proc *doomed(const char *role, const char *label, const char *rounds)
{
	struct t_proc *p;

	CHECK(setenv("SHOAL_DIE_AT", label, 1) == 0 && setenv("CHAT_ROUNDS", rounds, 1) == 0);
	p = t_spawn("chat", role, path, NULL);
	CHECK(unsetenv("SHOAL_DIE_AT") == 0 && unsetenv("CHAT_ROUNDS") == 0);
	return p;
}

/* wait for its death with its stdin open: it would take the end of it for the end of the test */
static void dies(struct t_proc *p, const char *label)
{
	siginfo_t si;
	int st;

	CHECK_EQ(waitid(P_PID, (id_t)p->pid, &si, WEXITED | WNOWAIT), 0);
	st = t_wait(p);
	if (st != 128 + SIGKILL)
		t_fail(__FILE__, __LINE__, "at %s: it did not die there, its status is %d", label, st);
}

static void step(struct chat *c, unsigned n, const char *role, const char *label)
{
	struct t_proc *p = doomed(role, label, "0");
	struct chat late;

	dies(p, label);
	all_go_on(c, n, 20);
	late = chat_up(role, path);
	chat_goes_on(b, &late, 20);
	t_kill(late.p, SIGKILL);
	t_wait(late.p);
	board_good(b);
}

static const char *const at[] = {"lane_claimed", "lane_backed",	  "lane_open",	   "lane_open:2",     "fds_sent",
				 "rec_written",	 "rec_written:9", "rec_published", "rec_published:9", "rec_dirty",
				 "rec_dirty:9",	 "wake_marked",	  "wake_marked:9", "pend_added",      "asked_all",
				 "asked_all:5",	 "waiting",	  "waiting:5",	   "action",	      "action:9",
				 "reply_taken",	 "reply_taken:5", "rec_taken",	   "rec_taken:9",     "fds_taken",
				 "refusing"};

TEST_T(a_secondary_dies_at_each_step_of_talking, 40)
{
	struct chat c[3];

	NEEDS_FAULT();
	b = board_make(&path);
	c[0] = chat_up("primary", path);
	c[1] = chat_up("secondary", path);
	c[2] = chat_up("secondary", path);
	for (unsigned i = 0; i < N(at); i++)
		step(c, 3, "secondary", at[i]);
	end_well(c, 3);
}

TEST_T(a_primary_dies_at_each_step_of_talking, 40)
{
	struct chat c[2];
	struct t_proc *first;

	NEEDS_FAULT();
	b = board_make(&path);
	first = t_spawn("chat", "primary", path, NULL);
	t_expect(first, "up");
	c[0] = chat_up("secondary", path);
	c[1] = chat_up("secondary", path);
	t_kill(first, SIGKILL);
	t_wait(first);
	for (unsigned i = 0; i < N(at); i++)
		step(c, 2, "primary", at[i]);
	end_well(c, 2);
}

/* who takes leave of the dead dies over it */
TEST_T(one_dies_while_it_frees_the_lanes_of_another, 120)
{
	static const char *const over[] = {"lane_forgotten", "lane_freeing", "lane_punched", "lane_freeing:2"};
	struct chat c[3], d, e;

	NEEDS_FAULT();
	b = board_make(&path);
	c[0] = chat_up("primary", path);
	c[1] = chat_up("secondary", path);
	c[2] = chat_up("secondary", path);
	for (unsigned i = 0; i < N(over); i++) {
		d = chat_up("secondary", path);
		e.p = doomed("secondary", over[i], "0");
		CHECK_EQ(sscanf(t_expect(e.p, "up"), "up %u %u", &e.slot, &e.gen), 2);
		chat_goes_on(b, &d, 100);
		chat_goes_on(b, &e, 100);
		t_kill(d.p, SIGKILL);
		t_wait(d.p);
		dies(e.p, over[i]);
		all_go_on(c, 3, 20);
	}
	end_well(c, 3);
}

TEST_T(one_dies_while_it_leaves, 20)
{
	static const char *const over[] = {"retire_leaving", "retire_told", "retire_unlinked", "chan_stop",
					   "chan_stopped"};
	struct chat c[3];

	NEEDS_FAULT();
	b = board_make(&path);
	c[0] = chat_up("primary", path);
	c[1] = chat_up("secondary", path);
	c[2] = chat_up("secondary", path);
	for (unsigned i = 0; i < N(over); i++) {
		dies(doomed("secondary", over[i], "60"), over[i]);
		all_go_on(c, 3, 20);
	}
	end_well(c, 3);
}

/* ---- before others know of it ---- */

static void outcome(const struct shoal_answers *all, void *arg)
{
	(void)arg;
	t_tell("outcome %d", all->n == 1 ? (int)all->a[0].outcome : -1);
}

/* hears "MEMBER-ID", asks it and says "asked ERRNO", later "outcome N" */
ROLE(asker)
{
	char *av[] = {(char *)"asker", (char *)"--proc-type=secondary", (char *)"-l", (char *)"0"};
	struct shoal_msg m = {.name = "nobody has it"};
	struct timespec limit = {.tv_sec = 1000};
	char line[64];

	if (rte_eal_init(4, av) < 0) {
		t_tell("failed %d", rte_errno);
		return 1;
	}
	t_tell("up %u", (unsigned)(shoal_member_self() & 0xffff));
	while (t_hear(line, sizeof(line))) {
		uint64_t to = strtoull(line, NULL, 10);

		CHECK_EQ(shoal_member_is_alive(to), 1);
		t_tell("asked %d", shoal_request_async(&to, 1, &m, &limit, outcome, NULL, NULL) == 0 ? 0 : rte_errno);
	}
	return 0;
}

static void asks(struct t_proc *p, uint64_t id)
{
	char line[32];

	snprintf(line, sizeof(line), "%llu", (unsigned long long)id);
	t_say(p, line);
	CHECK_STR(t_expect(p, "asked"), "asked 0");
}

/* it is in the table and may be asked, but its card has reached only who served its join */
TEST(a_member_dies_that_was_asked_before_its_card_had_come)
{
	struct t_proc *a, *late;
	struct chat first;
	siginfo_t si;

	NEEDS_FAULT();
	b = board_make(&path);
	atomic_store(&b->stop, 1);
	first = chat_up("primary", path);
	a = t_spawn("asker", NULL);
	t_expect(a, "up");
	CHECK_EQ(setenv("SHOAL_STOP_AT", "announce_active", 1), 0);
	late = t_spawn("asker", NULL);
	CHECK_EQ(unsetenv("SHOAL_STOP_AT"), 0);
	CHECK_EQ(waitid(P_PID, (id_t)late->pid, &si, WSTOPPED | WEXITED | WNOWAIT), 0);
	CHECK_EQ(si.si_code, CLD_STOPPED);
	/* members are numbered by their birth, slots are given in turn */
	asks(a, (uint64_t)(first.gen + 2) << 16 | (first.slot + 2));
	t_kill(late, SIGKILL);
	CHECK_EQ(t_wait(late), 128 + SIGKILL);
	CHECK_EQ(atoi(t_expect(a, "outcome") + 8), SHOAL_DIED);
}

/* ---- at any moment ---- */

/* one to three at once, newcomers too; returns how many */
static unsigned kill_some(struct chat c[4], unsigned *seed, unsigned most)
{
	static const char *const role[] = {"primary", "secondary", "secondary", "secondary"};
	unsigned first = (unsigned)rand_r(seed) % 4, n = 1 + (unsigned)rand_r(seed) % 3;

	if (n > most)
		n = most;
	for (unsigned i = 0; i < n; i++)
		t_kill(c[(first + i) % 4].p, SIGKILL);
	for (unsigned i = 0; i < n; i++) {
		struct chat *v = &c[(first + i) % 4];

		CHECK_EQ(t_wait(v->p), 128 + SIGKILL);
		close(v->p->out); /* there are many of them */
		v->p = t_spawn("chat", role[(first + i) % 4], path, NULL);
	}
	for (unsigned i = 0; i < n; i++) {
		struct chat *v = &c[(first + i) % 4];

		CHECK_EQ(sscanf(t_expect(v->p, "up"), "up %u %u", &v->slot, &v->gen), 2);
	}
	return n;
}

static void kill_many(unsigned kills)
{
	struct timespec ts = {0};
	unsigned seed = (unsigned)getpid(), rounds = 0;
	struct chat c[4];

	b = board_make(&path);
	for (unsigned i = 0; i < 4; i++)
		c[i] = chat_up(i == 0 ? "primary" : "secondary", path);
	while (kills > 0) {
		ts.tv_nsec = rand_r(&seed) % 12000000;
		nanosleep(&ts, NULL); /* sleep: any moment */
		kills -= kill_some(c, &seed, kills);
		board_good(b);
		if (++rounds % 10 == 0)
			all_go_on(c, 4, 20);
	}
	all_go_on(c, 4, 100);
	end_well(c, 4);
}

TEST_T(members_are_killed_at_any_moment, 60)
{
	kill_many(30);
}

TEST_T(slow_a_thousand_kills, 280)
{
	kill_many(1000);
}
