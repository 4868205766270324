/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hold_test.c - zones looked at while others free them, and the word that keeps a zone while somebody looks into it
 *
 * Who frees a zone and who visits or holds it have its guard one at a time, whoever is stopped or dies with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_memzone.h>

#include "fake.h"
#include "mem/mem.h"

#define LEN 5000

/* written by: see each test */
struct board {
	_Atomic int inside, asked, freed, wrong, n;
	int sig; /* what a visitor does to itself inside */
	int result;
	char lines[512];
};

static const struct rte_memzone *zone(const char *name)
{
	const struct rte_memzone *mz = rte_memzone_reserve(name, LEN, 0, 0);

	CHECK(mz != NULL);
	return mz;
}

static bool is_set(void *p)
{
	return *(_Atomic int *)p != 0;
}

/* a member that does fn and has stopped at this label when this returns */
static pid_t stopped_at(const char *label, int (*fn)(void *), void *arg)
{
	pid_t pid;
	int st;

	setenv("SHOAL_STOP_AT", label, 1);
	pid = f_member(fn, arg, NULL);
	unsetenv("SHOAL_STOP_AT");
	CHECK_EQ(waitpid(pid, &st, WUNTRACED), pid);
	CHECK(WIFSTOPPED(st));
	return pid;
}

/* ---- looking while others free ---- */

static int finds_nothing(void *arg)
{
	return rte_memzone_lookup(arg) == NULL ? 0 : 1;
}

static int finds_it(void *arg)
{
	const struct rte_memzone *mz = rte_memzone_lookup(arg);

	return mz != NULL && strcmp(mz->name, arg) == 0 && mz->len == 2ul * 64 ? 0 : 1;
}

/* its entry and its descriptor are another's before it has looked into them */
TEST(a_name_that_goes_while_it_is_looked_up_is_not_found)
{
	pid_t pid;

	f_group();
	CHECK_EQ(rte_memzone_free((zone("first"), zone("old"))), 0); /* so that entry and descriptor are used again */
	(void)zone("old");
	pid = stopped_at("mem_zone_found", finds_nothing, (void *)(uintptr_t) "old");
	CHECK_EQ(rte_memzone_free(rte_memzone_lookup("old")), 0);
	(void)zone("new");
	kill(pid, SIGCONT);
	CHECK_EQ(f_wait(pid), 0);
}

TEST(a_name_that_is_used_again_while_it_is_looked_up_is_the_new_one)
{
	pid_t pid;

	f_group();
	(void)zone("name");
	pid = stopped_at("mem_zone_found", finds_it, (void *)(uintptr_t) "name");
	CHECK_EQ(rte_memzone_free(rte_memzone_lookup("name")), 0);
	(void)zone("other");
	CHECK(rte_memzone_reserve("name", 2ul * 64, 0, 0) != NULL);
	kill(pid, SIGCONT);
	CHECK_EQ(f_wait(pid), 0);
}

TEST(what_was_seen_is_not_taken_for_what_came_after)
{
	const struct rte_memzone *mz, *again;
	struct sh_zone_seen z;

	f_group();
	mz = zone("old");
	CHECK(sh_zone_see("old", &z) && z.mz == mz && z.was.addr == mz->addr && sh_zone_still(&z));
	CHECK_EQ(sh_zone_hold(&z), 0);
	sh_zone_unhold(mz);
	CHECK_EQ(rte_memzone_free(mz), 0);
	CHECK(!sh_zone_still(&z));
	again = zone("new");
	CHECK(again == mz); /* the same descriptor */
	CHECK(!sh_zone_still(&z));
	CHECK_EQ(sh_zone_hold(&z), -ENOENT);
	CHECK_EQ(sh_zone_free_seen(&z), -EINVAL);
	CHECK(rte_memzone_lookup("new") == again);
	CHECK(sh_zone_see("new", &z));
	CHECK_EQ(sh_zone_free_seen(&z), 0);
	CHECK(rte_memzone_lookup("new") == NULL);
	f_sound("after both");
}

/* ---- the guard ---- */

static int frees(void *arg)
{
	struct board *b = arg;

	if (b->lines[0] != '\0' && freopen(b->lines, "a", stderr) == NULL)
		return 2;
	b->asked = 1;
	b->result = rte_memzone_free(rte_memzone_lookup("zone"));
	b->freed = 1;
	return b->result == 0 ? 0 : 1;
}

static void looks_long(const struct sh_zone_seen *z, void *arg)
{
	const struct timespec ms = {0, 1000000};
	struct board *b = arg;

	b->inside = 1;
	t_until(is_set, &b->asked);
	for (unsigned i = 0; i < 50; i++) {
		(void)nanosleep(&ms, NULL); /* sleep: time for one who would not wait */
		b->wrong |= b->freed || !sh_zone_still(z);
	}
	b->n++;
}

static int visits_long(void *arg)
{
	sh_zone_visit("zone", looks_long, arg);
	return 0;
}

TEST(who_frees_waits_until_who_visits_has_left)
{
	struct board *b = f_shared(sizeof(*b));
	pid_t v;

	f_group();
	(void)zone("zone");
	v = f_member(visits_long, b, NULL);
	t_until(is_set, &b->inside);
	CHECK_EQ(frees(b), 0);
	CHECK_EQ(f_wait(v), 0);
	CHECK_EQ(b->n, 1);
	CHECK_EQ(b->wrong, 0);
	CHECK(rte_memzone_lookup("zone") == NULL);
}

static void looks(const struct sh_zone_seen *z, void *arg)
{
	struct board *b = arg;

	(void)z;
	b->inside = 1;
	b->n++;
	if (b->sig != 0)
		raise(b->sig);
}

static int visits(void *arg)
{
	sh_zone_visit("zone", looks, arg);
	return 0;
}

TEST(who_visits_passes_over_what_a_stopped_one_is_freeing)
{
	struct board *b = f_shared(sizeof(*b));
	pid_t f;

	f_group();
	(void)zone("zone");
	(void)zone("zone 2");
	f = stopped_at("mem_zone_guarded", frees, b);
	CHECK_EQ(visits(b), 0);
	CHECK_EQ(b->n, 1); /* the other one */
	CHECK_EQ(b->freed, 0);
	kill(f, SIGCONT);
	CHECK_EQ(f_wait(f), 0);
	CHECK(rte_memzone_lookup("zone") == NULL && rte_memzone_lookup("zone 2") != NULL);
}

TEST(the_guard_of_one_who_died_freeing_is_nobodys)
{
	struct board *b = f_shared(sizeof(*b));

	f_group();
	(void)zone("zone");
	setenv("SHOAL_DIE_AT", "mem_zone_guarded", 1);
	CHECK_EQ(f_wait(f_member(frees, b, NULL)), 128 + SIGKILL);
	unsetenv("SHOAL_DIE_AT");
	CHECK(rte_memzone_lookup("zone") != NULL);
	CHECK_EQ(visits(b), 0);
	CHECK_EQ(b->n, 1);
	CHECK_EQ(frees(b), 0);
	f_sound("after the second free");
}

TEST(the_guard_of_one_who_died_visiting_is_nobodys)
{
	struct board *b = f_shared(sizeof(*b));

	f_group();
	(void)zone("zone");
	b->sig = SIGKILL;
	CHECK_EQ(f_wait(f_member(visits, b, NULL)), 128 + SIGKILL);
	CHECK_EQ(b->n, 1);
	b->sig = 0;
	CHECK_EQ(visits(b), 0);
	CHECK_EQ(b->n, 2);
	CHECK_EQ(frees(b), 0);
}

static bool said_who_is_waited_for(void *arg)
{
	char text[4096];
	ssize_t n;
	int fd = open(((struct board *)arg)->lines, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "waiting to free one that member") != NULL && strstr(text, "kill -CONT") != NULL;
}

static pid_t stopped_visitor(struct board *b)
{
	pid_t v;
	int st;

	f_group();
	(void)zone("zone");
	snprintf(b->lines, sizeof(b->lines), "%s/lines", t_tmpdir());
	b->sig = SIGSTOP;
	v = f_member(visits, b, NULL);
	CHECK_EQ(waitpid(v, &st, WUNTRACED), v);
	CHECK(WIFSTOPPED(st));
	return v;
}

TEST(a_stopped_visitor_is_named_and_what_it_visits_stays)
{
	struct board *b = f_shared(sizeof(*b));
	pid_t v = stopped_visitor(b);

	CHECK_EQ(f_wait(f_member(frees, b, NULL)), 1);
	CHECK(said_who_is_waited_for(b));
	CHECK(rte_memzone_lookup("zone") != NULL);
	kill(v, SIGCONT);
	CHECK_EQ(f_wait(v), 0);
	CHECK_EQ(rte_memzone_free(rte_memzone_lookup("zone")), 0);
}
TEST(a_visitor_killed_while_somebody_waits_releases_it)
{
	struct board *b = f_shared(sizeof(*b));
	pid_t v = stopped_visitor(b), f = f_member(frees, b, NULL);

	t_until(is_set, &b->asked);
	CHECK_EQ(b->freed, 0);
	kill(v, SIGKILL);
	CHECK_EQ(f_wait(f), 0);
	CHECK_EQ(f_wait(v), 128 + SIGKILL);
	CHECK(rte_memzone_lookup("zone") == NULL);
}

/* of two that free the same zone one does, also when another zone has the descriptor by then */
TEST(two_who_free_the_same_do_not_free_what_came_after)
{
	struct board *b = f_shared(sizeof(*b));
	struct sh_zone_seen z;
	pid_t f;
	int r;

	f_group();
	(void)zone("zone");
	CHECK(sh_zone_see("zone", &z));
	f = stopped_at("mem_zone_guarded", frees, b);
	kill(f, SIGCONT);
	r = sh_zone_free_seen(&z); /* the guard goes to one of us after the other */
	CHECK(r == 0 || r == -EINVAL);
	CHECK_EQ(f_wait(f), r == 0 ? 1 : 0);
	(void)zone("zone");
	CHECK_EQ(sh_zone_free_seen(&z), -EINVAL);
	CHECK(rte_memzone_lookup("zone") != NULL);
	f_sound("after two frees");
}

/* ---- marked from the first moment ---- */

static int looks_at_marks(void *arg)
{
	struct board *b = arg;
	struct sh_zone_seen z;

	for (b->inside = 1; b->asked == 0;) {
		uint64_t w;

		if (!sh_zone_see("zone", &z))
			continue;
		w = sh_load_acq((_Atomic uint64_t *)(void *)((char *)z.was.addr + 64));
		if (sh_zone_still(&z)) {
			b->wrong |= w != 0xabcdef;
			b->n++;
		}
	}
	return 0;
}

TEST(nobody_sees_a_marked_zone_without_its_mark)
{
	struct board *b = f_shared(sizeof(*b));
	pid_t pid;

	f_group();
	pid = f_member(looks_at_marks, b, NULL);
	t_until(is_set, &b->inside);
	for (unsigned i = 0; i < 4000 || b->n == 0; i++) {
		const struct rte_memzone *mz =
			sh_zone_reserve_marked("zone", i % 2 ? 40000 : LEN, SOCKET_ID_ANY, 64, 64, 0xabcdef);

		CHECK(mz != NULL);
		memset((char *)mz->addr + 72, 0xff, LEN - 72);
		CHECK_EQ(rte_memzone_free(mz), 0);
	}
	b->asked = 1;
	CHECK_EQ(f_wait(pid), 0);
	CHECK_EQ(b->wrong, 0);
}

TEST(a_held_zone_is_kept)
{
	struct board *b = f_shared(sizeof(*b));
	struct sh_zone_seen z;
	pid_t f;

	f_group();
	(void)zone("zone");
	CHECK(sh_zone_see("zone", &z));
	CHECK_EQ(sh_zone_hold(&z), 0);
	CHECK_EQ(sh_zone_hold(&z), -EBUSY); /* by a living one: this one */
	f = f_member(frees, b, NULL);
	t_until(is_set, &b->asked);
	CHECK_EQ(b->freed, 0);
	sh_zone_unhold(z.mz);
	CHECK_EQ(f_wait(f), 0);
	CHECK_EQ(sh_zone_hold(&z), -ENOENT);
}
