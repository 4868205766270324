/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_round_test.c - a process that uses a pool is stopped at any step inside its ring, and the others go round it
 *
 * The test is the primary and has made the pool. The player gets and puts, and is stopped at a step. While it is, two users get
 * and put, by their caches and past them, and each of their calls must do what is asked: one that waited for the player would
 * never end. Then the player goes on, or is killed: every object is there, once, but what a killed one had in its hands of a pool
 * that is not tracked; and the pool is as before, nothing goes round any more.
 *
 * Steps of the library need a build with -Dfault=true; those that are inlined into this program are there in each.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void step(const char *label);
#define __RTE_RING_STEP(label) step(label)
#include <rte_common.h>
#include <rte_ring.h>
#include <shoal_member.h>

#include "base/fault.h"
#include "check.h"
#include "labels.h"
#include "pool_help.h"

#define OBJECTS 800
#define IN_HAND 8
#define CACHE 16
#define ROUNDS 40 /* of a user, for each command */

#define BIASED_BY "301"	 /* by then a side is biased to who turns alone */
#define TURNS 1000	 /* of a player */
#define TURNS_ONE 200000 /* at most */

/* ---- a place to stop at that is inlined into this program: $STOP_ONE, get_entered:2, or "" ---- */

static char stop_one[48];
static unsigned stop_nth;
static const char *one;

static void step(const char *label)
{
	char name[48];

	if (one == NULL || stop_one[0] == '\0')
		return;
	snprintf(name, sizeof(name), "%s_%s", one, label);
	if (strcmp(name, stop_one) == 0 && --stop_nth == 0)
		raise(SIGSTOP);
}

static void read_stop_one(void)
{
	const char *v = getenv("STOP_ONE");

	if (v != NULL)
		CHECK_EQ(sscanf(v, "%47[a-z_]:%u", stop_one, &stop_nth), 2);
}

/* ---- who takes part ---- */

static void turn(struct rte_mempool *mp, struct rte_mempool_cache *c, unsigned n)
{
	void *o[IN_HAND];

	if (n == 1 && c == NULL) { /* known when compiled */
		one = "get";
		CHECK_EQ(rte_mempool_generic_get(mp, o, 1, NULL), 0);
		one = "put";
		rte_mempool_generic_put(mp, o, 1, NULL);
		one = NULL;
		return;
	}
	CHECK_EQ(rte_mempool_generic_get(mp, o, n, c), 0);
	rte_mempool_generic_put(mp, o, n, c);
	if (c != NULL)
		rte_mempool_cache_flush(c, mp);
}

/* it is stopped in there */
ROLE(player)
{
	struct rte_mempool_cache *c = NULL;
	struct rte_mempool *mp;
	char line[32];

	read_stop_one();
	init_as("secondary");
	mp = rte_mempool_lookup("pool");
	CHECK(mp != NULL);
	t_tell("ready");
	CHECK(t_hear(line, sizeof(line)));
	if (mp->cache_size != 0)
		c = rte_mempool_default_cache(mp, 0);
	/* until it is biased, however often that was taken back from others */
	for (unsigned i = 0; stop_one[0] != '\0' && i < TURNS_ONE; i++)
		turn(mp, NULL, 1);
	for (unsigned i = 0; stop_one[0] == '\0' && i < TURNS; i++)
		turn(mp, i % 4 == 3 ? NULL : c, 1 + i % IN_HAND);
	return rte_eal_cleanup();
}

static void use(struct rte_mempool *mp, struct rte_mempool_cache *c)
{
	void *o[IN_HAND], *p[IN_HAND];

	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = 1 + i % IN_HAND;

		turn(mp, NULL, 1);
		CHECK_EQ(rte_mempool_generic_get(mp, o, n, c), 0);
		CHECK_EQ(rte_mempool_generic_get(mp, p, IN_HAND, NULL), 0);
		rte_mempool_generic_put(mp, o, n, c);
		rte_mempool_generic_put(mp, p, IN_HAND, NULL);
	}
	if (c != NULL)
		rte_mempool_cache_flush(c, mp);
}

/* at each line it hears: uses the pool of that name, and says so */
ROLE(user)
{
	struct rte_mempool *mp;
	char line[32];

	init_as("secondary");
	t_tell("ready");
	while (t_hear(line, sizeof(line)) && strcmp(line, "end") != 0) {
		mp = rte_mempool_lookup(line);
		CHECK(mp != NULL);
		use(mp, mp->cache_size != 0 ? rte_mempool_default_cache(mp, 0) : NULL);
		t_tell("done");
	}
	return rte_eal_cleanup();
}

static struct t_proc *users[2];

static void start_users(void)
{
	for (unsigned i = 0; i < 2; i++)
		users[i] = t_spawn("user", NULL);
	for (unsigned i = 0; i < 2; i++)
		t_expect(users[i], "ready");
}

static void use_it(void)
{
	for (unsigned i = 0; i < 2; i++)
		t_say(users[i], "pool");
	for (unsigned i = 0; i < 2; i++)
		t_expect(users[i], "done");
}

static void end_users(void)
{
	for (unsigned i = 0; i < 2; i++)
		t_say(users[i], "end");
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(t_wait(users[i]), 0);
}

/* env: the variable that says where it stops or dies */
static struct t_proc *start_player(const char *env, const char *label, const char *nth)
{
	struct t_proc *p;
	char at[64];

	snprintf(at, sizeof(at), "%s:%s", label, nth);
	setenv(env, at, 1);
	p = t_spawn("player", NULL);
	unsetenv(env);
	t_expect(p, "ready");
	t_say(p, "go");
	return p;
}

/* false: it came to its end without passing there */
static bool is_stopped(const struct t_proc *p)
{
	siginfo_t si = {0};

	CHECK_EQ(waitid(P_PID, (id_t)p->pid, &si, WSTOPPED | WEXITED | WNOWAIT), 0);
	return si.si_code == CLD_STOPPED;
}

/* ---- the pool ---- */

struct way {
	const char *ops;
	unsigned cache;
	bool tracked;
};
static const struct way ways[] = {{"ring_mp_mc", 0, false}, {"ring_mp_mc", CACHE, false}, {"ring_mp_mc", CACHE, true},
				  {"stack", CACHE, false},  {"stack", 0, true},		  {"ring_sp_sc", 0, false}};
#define WAYS RTE_DIM(ways)

static struct rte_mempool *make(const struct way *w)
{
	struct rte_mempool *mp = rte_mempool_create_empty("pool", OBJECTS, 64, w->cache, 0, SOCKET_ID_ANY,
							  w->tracked ? SHOAL_MEMPOOL_F_TRACK : 0);

	CHECK(mp != NULL);
	CHECK_EQ(rte_mempool_set_ops_byname(mp, w->ops, NULL), 0);
	CHECK_EQ(rte_mempool_populate_default(mp), OBJECTS);
	return mp;
}

struct whole {
	struct rte_mempool *mp;
	unsigned least, most;
};

static bool is_whole(void *arg)
{
	const struct whole *w = arg;
	unsigned n;

	come_by(w->mp);
	n = rte_mempool_ops_get_count(w->mp);
	return n >= w->least && n <= w->most && n == rte_mempool_avail_count(w->mp);
}

static bool is_eased(void *arg)
{
	struct rte_mempool *mp = arg;

	come_by(mp);
	return __atomic_load_n(&mp->__plain, __ATOMIC_ACQUIRE) < 2;
}

/* how many there are: each once, and all can be had */
static unsigned each_once(struct rte_mempool *mp)
{
	static void *got[OBJECTS];
	unsigned char seen[OBJECTS] = {0};
	size_t size = mp->header_size + mp->elt_size + mp->trailer_size;
	char *first = (char *)STAILQ_FIRST(&mp->elt_list) + sizeof(struct rte_mempool_objhdr);
	unsigned n = 0;
	void *o;

	while (rte_mempool_generic_get(mp, &o, 1, NULL) == 0) {
		size_t i = (size_t)((char *)o - first) / size;

		CHECK(i < OBJECTS);
		CHECK_EQ(seen[i], 0);
		seen[i] = 1;
		got[n++] = o;
	}
	for (unsigned i = 0; i < n; i++)
		rte_mempool_generic_put(mp, &got[i], 1, NULL);
	return n;
}

/* after what happened to one that had up to so many; returns how many there are now */
static unsigned look_at(struct rte_mempool *mp, unsigned were, unsigned may_miss)
{
	struct whole w = {mp, were - may_miss, were};
	unsigned n;

	t_until(is_eased, mp);
	t_until(is_whole, &w);
	n = each_once(mp);
	CHECK(n >= w.least && n <= w.most);
	t_until(is_eased, mp);
	return n;
}

/* ---- stopped at each step ---- */

static bool begins(const char *label, const char *with)
{
	return strncmp(label, with, strlen(with)) == 0;
}

static bool passes(const struct way *w, const char *label)
{
	bool stack = w->ops[0] == 's';

	if (begins(label, "quick_"))
		return !stack && w->cache == 0;
	if (begins(label, "move_in") || begins(label, "move_out"))
		return !stack && (w->cache != 0 || w->tracked) && (w->tracked || strstr(label, "noted") == NULL);
	if (begins(label, "push") || begins(label, "pop") || begins(label, "move_stack"))
		return stack && (w->tracked || strstr(label, "noted") == NULL);
	return begins(label, "pool_cache_len") && w->cache != 0;
}

/* who stands there has left the ring again */
static bool ends(const char *label, const char *with)
{
	return strlen(label) >= strlen(with) && strcmp(label + strlen(label) - strlen(with), with) == 0;
}

static bool is_outside(const char *label)
{
	return ends(label, "_left") || ends(label, "_done") || ends(label, "_len");
}

struct run {
	struct rte_mempool *mp;
	const struct way *way;
	unsigned there, stopped;
};

/* Stopped there, it holds up nobody. Every other time it is killed, then. */
static void stop_at(struct run *run, const char *env, const char *label, const char *nth)
{
	struct t_proc *p = start_player(env, label, nth);
	bool kill = false;

	if (is_stopped(p)) {
		kill = ++run->stopped % 2 == 0;
		use_it();
		if (!is_outside(label)) /* the users had to go round it */
			CHECK(__atomic_load_n(&run->mp->__plain, __ATOMIC_ACQUIRE) >= 4);
		t_kill(p, kill ? SIGKILL : SIGCONT);
	}
	CHECK_EQ(t_wait(p), kill ? 128 + SIGKILL : 0);
	use_it();
	run->there = look_at(run->mp, run->there, kill && !run->way->tracked ? IN_HAND : 0);
}

TEST_T(stopped_where_it_is_inlined, 30)
{
	static const char *const at[] = {"get_entered", "get_moved", "get_published",
					 "put_entered", "put_moved", "put_published"};
	struct run run = {.way = &ways[0], .there = OBJECTS};

	init_as("primary");
	run.mp = make(run.way);
	start_users();
	for (unsigned i = 0; i < RTE_DIM(at); i++)
		stop_at(&run, "STOP_ONE", at[i], "1");
	end_users();
	if (run.stopped == 0)
		SKIP("nothing is biased here");
	CHECK_EQ(run.stopped, RTE_DIM(at));
}

TEST_T(stopped_at_each_step, 600)
{
	struct labels l = {.n = 0};

#ifndef SH_FAULT
	SKIP("needs a build with -Dfault=true");
#endif
	labels_of("move.c", &l);
	labels_of("pool_cache.c", &l);
	labels_of("ring_quick.h", &l);
	init_as("primary");
	start_users();
	for (unsigned w = 0; w < WAYS; w++) {
		struct run run = {make(&ways[w]), &ways[w], OBJECTS, 0};

		for (unsigned i = 0; i < l.n; i++) {
			if (!passes(&ways[w], l.name[i]))
				continue;
			stop_at(&run, "SHOAL_STOP_AT", l.name[i], BIASED_BY);
			if (!begins(l.name[i], "quick_")) /* that is by bias alone */
				stop_at(&run, "SHOAL_STOP_AT", l.name[i], "2");
		}
		CHECK(run.stopped > 0 || ways[w].cache == 0);
		rte_mempool_free(run.mp);
	}
	end_users();
}

/* ---- who finds out that one is stopped dies at each step of that ---- */

/* past the cache, so that it comes to the ring each time */
ROLE(finder)
{
	struct rte_mempool *mp;
	char line[32];
	void *o[OBJECTS];

	init_as("secondary");
	mp = rte_mempool_lookup("pool");
	CHECK(mp != NULL);
	t_tell("ready");
	for (int times = atoi(argv[1]); times > 0; times--) {
		unsigned n;

		CHECK(t_hear(line, sizeof(line)));
		n = (unsigned)atoi(line);

		for (unsigned i = 0; i < 2; i++) {
			CHECK_EQ(rte_mempool_generic_get(mp, o, n, NULL), 0);
			rte_mempool_generic_put(mp, o, n, NULL);
		}
		t_tell("done");
	}
	return rte_eal_cleanup();
}

struct finding {
	const char *label, *stopped_at, *nth;
	unsigned n;
};

/* false: it did not come there */
static bool dies_finding(struct run *run, const struct finding *f)
{
	struct t_proc *p = start_player("SHOAL_STOP_AT", f->stopped_at, f->nth), *finder;
	bool over = strcmp(f->label, "round_over") == 0, died;
	char n[16];

	CHECK(is_stopped(p));
	snprintf(n, sizeof(n), "%u", f->n);
	setenv("SHOAL_DIE_AT", f->label, 1);
	finder = t_spawn("finder", over ? "2" : "1", NULL);
	unsetenv("SHOAL_DIE_AT");
	t_expect(finder, "ready");
	t_say(finder, n);
	if (over) {
		t_expect(finder, "done");
		t_kill(p, SIGKILL);
		CHECK_EQ(t_wait(p), 128 + SIGKILL);
		t_say(finder, n);
	}
	died = t_wait(finder) == 128 + SIGKILL;
	use_it();
	if (!over) {
		t_kill(p, SIGCONT);
		CHECK_EQ(t_wait(p), 0);
	}
	use_it();
	run->there = look_at(run->mp, run->there, 0);
	return died;
}

/* A tracked pool, so that what a dead one had in its hands is there again. */
TEST_T(death_of_who_finds_out, 60)
{
	static const struct finding all[] = {
		{"round_held", "move_out_copied", "2", IN_HAND},
		{"round_held", "move_in_slots", BIASED_BY, IN_HAND},
		{"round_told", "move_in_noted", "2", IN_HAND},
		{"round_told", "move_out_noted", BIASED_BY, IN_HAND},
		{"bias_held", "move_in_ready", BIASED_BY, IN_HAND},
		{"round_over", "move_in_ready", "2", IN_HAND},
		{"round_over", "move_out_ready", BIASED_BY, IN_HAND},
		{"round_helped", "move_out_copied", "2", IN_HAND},
		{"round_some", "move_in_slots", "2", OBJECTS * 9 / 10},
	};
	struct run run = {.way = &ways[2], .there = OBJECTS};
	struct labels l = {.n = 0};

#ifndef SH_FAULT
	SKIP("needs a build with -Dfault=true");
#endif
	labels_of("pool_round.c", &l);
	CHECK(l.n < LABELS_MAX);
	strcpy(l.name[l.n++], "bias_held");
	init_as("primary");
	run.mp = make(run.way);
	start_users();
	for (unsigned i = 0; i < l.n; i++) {
		unsigned died = 0;

		for (unsigned k = 0; k < RTE_DIM(all); k++)
			if (strcmp(all[k].label, l.name[i]) == 0)
				died += dies_finding(&run, &all[k]);
		if (died == 0)
			t_fail(__FILE__, __LINE__, "nobody ever passed %s", l.name[i]);
	}
	end_users();
}

/* ---- while one is stopped in the ring, another dies in the detour ---- */

/* both: the first one is killed, too, and nobody was in the detour since: what was begun there is brought to an end unasked */
static void dies_in_detour(struct run *run, const char *label, bool both)
{
	const char *at = strstr(label, "_in_") != NULL ? "move_in_slots" : "move_out_copied";
	struct t_proc *p[2];

	p[0] = start_player("SHOAL_STOP_AT", run->way->ops[0] == 's' ? "push_slots" : at, "2");
	CHECK(is_stopped(p[0]));
	use_it(); /* they have found out */
	p[1] = start_player("SHOAL_DIE_AT", label, both ? "1" : "2");
	CHECK_EQ(t_wait(p[1]), 128 + SIGKILL);
	if (!both)
		use_it();
	t_kill(p[0], both ? SIGKILL : SIGCONT);
	CHECK_EQ(t_wait(p[0]), both ? 128 + SIGKILL : 0);
	run->there = look_at(run->mp, run->there, run->way->tracked ? 0 : both ? 2 * IN_HAND : IN_HAND);
}

TEST_T(death_in_the_detour, 120)
{
	struct labels l = {.n = 0};

#ifndef SH_FAULT
	SKIP("needs a build with -Dfault=true");
#endif
	labels_of("move.c", &l);
	init_as("primary");
	start_users();
	for (unsigned w = 0; w < WAYS; w++) {
		struct run run = {make(&ways[w]), &ways[w], OBJECTS, 0};

		for (unsigned i = 0; i < l.n; i++)
			for (int both = 0; both < 2 && passes(&ways[w], l.name[i]); both++)
				dies_in_detour(&run, l.name[i], both);
		rte_mempool_free(run.mp);
	}
	end_users();
}

/* ---- the primary is the one ---- */

ROLE(founder)
{
	struct rte_mempool *mp;
	char line[32];

	read_stop_one();
	init_as("primary");
	mp = make(&ways[atoi(argv[1])]);
	t_tell("made");
	CHECK(t_hear(line, sizeof(line)));
	for (unsigned i = 0; i < TURNS_ONE; i++)
		turn(mp, NULL, 1);
	t_tell("through");
	t_hear(line, sizeof(line));
	return 0;
}

ROLE(looker)
{
	init_as("secondary");
	t_tell("there %u", look_at(rte_mempool_lookup("pool"), OBJECTS, (unsigned)atoi(argv[1])));
	return rte_eal_cleanup();
}

/* who would mend is the one that is stopped, then dead */
TEST_T(the_primary_is_stopped_and_killed, 60)
{
	struct t_proc *founder, *looker;

	setenv("STOP_ONE", "get_moved:1", 1);
	founder = t_spawn("founder", "0", NULL);
	unsetenv("STOP_ONE");
	t_expect(founder, "made");
	start_users();
	t_say(founder, "go");
	if (!is_stopped(founder))
		SKIP("nothing is biased here");
	use_it();
	t_kill(founder, SIGKILL);
	(void)t_wait(founder);
	use_it();
	looker = t_spawn("looker", "1", NULL);
	t_expect(looker, "there ");
	CHECK_EQ(t_wait(looker), 0);
	end_users();
}

/* ---- two at a time, one in each of the rings ---- */

static bool says_waiting(void *arg)
{
	return strstr(t_stderr(arg), "which is inside the side of the producers and is alive") != NULL;
}

TEST_T(two_are_stopped, 60)
{
	struct run run = {.way = &ways[1], .there = OBJECTS};
	struct t_proc *p[2];

#ifndef SH_FAULT
	SKIP("needs a build with -Dfault=true");
#endif
	init_as("primary");
	run.mp = make(run.way);
	start_users();
	for (unsigned i = 0; i < 2; i++) {
		p[i] = start_player("SHOAL_STOP_AT", "move_in_slots", "2");
		CHECK(is_stopped(p[i]));
	}
	t_say(users[0], "pool"); /* there is no way for what it puts */
	t_until(says_waiting, users[0]);
	t_kill(p[1], SIGCONT);
	t_expect(users[0], "done");
	use_it();
	t_kill(p[0], SIGCONT);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(t_wait(p[i]), 0);
	(void)look_at(run.mp, OBJECTS, 0);
	end_users();
}

/* ---- at any instruction ---- */

ROLE(spinner)
{
	struct rte_mempool_cache *c = NULL;
	struct rte_mempool *mp;

	init_as("secondary");
	mp = rte_mempool_lookup("pool");
	CHECK(mp != NULL);
	if (mp->cache_size != 0)
		c = rte_mempool_default_cache(mp, 0);
	t_tell("ready");
	for (unsigned i = 0;; i++)
		turn(mp, i % 2 == 0 ? NULL : c, 1 + i % 3 % IN_HAND);
	return 0;
}

static void spin(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		__asm__ volatile("" ::: "memory");
}

static unsigned stops(void)
{
	const char *v = getenv("ROUND_STOPS");

	return v != NULL ? (unsigned)atoi(v) : 60;
}

/* how often somebody was in the way */
static unsigned random_stops(const struct way *w)
{
	struct run run = {make(w), w, OBJECTS, 0};
	struct t_proc *p[2] = {t_spawn("spinner", NULL), t_spawn("spinner", NULL)};
	struct rte_mempool_cache *c = w->cache != 0 ? rte_mempool_default_cache(run.mp, 0) : NULL;
	unsigned may_miss = 2 * IN_HAND, met = 0;

	t_expect(p[0], "ready");
	t_expect(p[1], "ready");
	for (unsigned i = 0; i < stops(); i++) {
		spin((unsigned)rand() % 50000);
		t_kill(p[i % 2], SIGSTOP);
		use(run.mp, c);
		met += __atomic_load_n(&run.mp->__plain, __ATOMIC_ACQUIRE) >= 4;
		if (i % 4 < 3) {
			t_kill(p[i % 2], SIGCONT);
			continue;
		}
		t_kill(p[i % 2], SIGKILL);
		CHECK_EQ(t_wait(p[i % 2]), 128 + SIGKILL);
		may_miss += IN_HAND;
		p[i % 2] = t_spawn("spinner", NULL);
		t_expect(p[i % 2], "ready");
	}
	for (unsigned i = 0; i < 2; i++) {
		t_kill(p[i], SIGKILL);
		(void)t_wait(p[i]);
	}
	(void)look_at(run.mp, OBJECTS, w->tracked ? 0 : may_miss);
	rte_mempool_free(run.mp);
	return met;
}

TEST_T(stopped_at_any_instruction, 300)
{
	unsigned met = 0;

	init_as("primary");
	for (unsigned w = 0; w < WAYS; w++)
		met += random_stops(&ways[w]);
	if (getenv("ROUND_STOPS") != NULL)
		fprintf(stderr, "somebody was in the way %u times\n", met);
}

/* ---- nobody is stopped ---- */

TEST(the_two_rings_are_one_pool)
{
	static void *o[OBJECTS + 1];

	init_as("primary");
	for (unsigned w = 0; w < WAYS; w++) {
		struct rte_mempool *mp = make(&ways[w]);
		struct rte_mempool_objhdr *hdr = STAILQ_FIRST(&mp->elt_list);

		CHECK_EQ(rte_mempool_ops_get_count(mp), OBJECTS);
		CHECK(rte_ring_count(mp->pool_data) < OBJECTS); /* there is a reserve */
		for (unsigned i = 0; i < OBJECTS; i++, hdr = STAILQ_NEXT(hdr, next)) {
			CHECK_EQ(rte_mempool_generic_get(mp, &o[i], 1, NULL), 0);
			if (ways[w].ops[0] != 's')
				CHECK(o[i] == hdr + 1); /* in the order they came in */
		}
		CHECK_EQ(rte_mempool_generic_get(mp, &o[OBJECTS], 1, NULL), -ENOBUFS);
		CHECK_EQ(rte_mempool_avail_count(mp), 0);
		rte_mempool_generic_put(mp, o, OBJECTS, NULL);
		CHECK_EQ(rte_mempool_generic_get(mp, o, OBJECTS + 1, NULL), -ENOBUFS);
		for (unsigned n = 1; n <= OBJECTS; n += 37) { /* whatever lies where */
			CHECK_EQ(rte_mempool_generic_get(mp, o, n, NULL), 0);
			CHECK_EQ(rte_mempool_avail_count(mp), OBJECTS - n);
			CHECK_EQ(rte_mempool_generic_get(mp, o + n, OBJECTS - n, NULL), 0);
			CHECK_EQ(rte_mempool_generic_get(mp, &o[OBJECTS], 1, NULL), -ENOBUFS);
			for (unsigned i = 0; i < OBJECTS; i++)
				rte_mempool_generic_put(mp, &o[i], 1, NULL);
			CHECK_EQ(rte_mempool_ops_get_count(mp), OBJECTS);
		}
		CHECK_EQ(each_once(mp), OBJECTS);
		come_by(mp);
		CHECK(rte_ring_count(mp->pool_data) < OBJECTS); /* there is one again */
		CHECK(mp->__plain < 2);
		rte_mempool_free(mp);
	}
}
