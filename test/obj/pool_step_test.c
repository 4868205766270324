/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_step_test.c - processes die at every labelled step of pools and tracked rings, and while they mend
 *
 * Three take part. The keeper makes the pool and is stopped, so that it mends nothing. The player gets, puts, sends and
 * receives, and dies at a step. The mender lives through that, or dies at a step of mending. Then the keeper goes on: of a
 * tracked pool every object must be there, of another all but what the player had in its hands; and none twice. With a
 * registered back end, "kept", a tracked pool has all but what was on its way there or from there. A pool of ring_sp_sc is
 * used past all caches, by bias.
 *
 * The labels are read from the source: none can be forgotten. Needs a build with -Dfault=true. Each label is died at once in
 * each way, at a depth that differs from way to way; with SHOAL_TEST_LONG set, at each depth.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
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

#define OBJECTS 200
#define IN_HAND 40 /* the most that the player ever has */
#define CACHE 16
#define FLIGHT (CACHE + CACHE / 2) /* more than that are not on their way beside what is in hand, or will be */

/* the steps of what is inlined into this program when one object is got or put without a cache: one_get_entered ... */
static const char *one;
static void step(const char *label)
{
	char name[48];

	if (one == NULL)
		return;
	snprintf(name, sizeof(name), "one_%s_%s", one, label);
	SH_STEP(name);
}

static void nap_ms(unsigned ms)
{
	struct timespec t = {0, (long)ms * 1000000};

	(void)nanosleep(&t, NULL); /* sleep: until a look for the dead is due again */
}

/* ---- who takes part ---- */

struct whole {
	struct rte_mempool *mp;
	unsigned least; /* must be there */
};

static bool is_whole(void *arg)
{
	struct rte_mempool *mp = ((struct whole *)arg)->mp;
	unsigned n, least = ((struct whole *)arg)->least;
	struct rte_ring *r = rte_ring_lookup("RX");
	void *o;

	/* again and again: what a dead one had begun to send is sent by who mends */
	while (rte_ring_dequeue(r, &o) == 0)
		rte_mempool_put(mp, o);
	rte_mempool_cache_flush(NULL, mp);
	come_by(mp);
	n = rte_mempool_ops_get_count(mp);
	return n >= least && n <= OBJECTS && n == rte_mempool_avail_count(mp);
}

static void each_once(struct rte_mempool *mp)
{
	unsigned char seen[OBJECTS] = {0};
	size_t size = mp->header_size + mp->elt_size + mp->trailer_size;
	void *first = STAILQ_FIRST(&mp->elt_list) + 1, *o;

	while (rte_mempool_generic_get(mp, &o, 1, NULL) == 0) {
		size_t i = ((uintptr_t)o - (uintptr_t)first) / size;

		CHECK(i < OBJECTS);
		CHECK_EQ(seen[i], 0);
		seen[i] = 1;
	}
}

/* args: back end, cache, tracked. What it hears is how many objects may be missing */
ROLE(keeper)
{
	struct whole whole;
	struct rte_mempool *mp;
	struct rte_ring *r;
	char line[32];

	init_kept("primary");
	mp = rte_mempool_create_empty("pool", OBJECTS, 64, (unsigned)atoi(argv[2]), 0, SOCKET_ID_ANY,
				      atoi(argv[3]) ? SHOAL_MEMPOOL_F_TRACK : 0);
	CHECK(mp != NULL);
	CHECK_EQ(rte_mempool_set_ops_byname(mp, argv[1], NULL), 0);
	CHECK_EQ(rte_mempool_populate_default(mp), OBJECTS);
	r = rte_ring_create("RX", 128, SOCKET_ID_ANY, atoi(argv[3]) ? SHOAL_RING_F_TRACK : 0);
	CHECK(r != NULL);
	t_tell("made");
	CHECK(t_hear(line, sizeof(line)));
	whole = (struct whole){mp, OBJECTS - (unsigned)atoi(line)};
	t_until(is_whole, &whole);
	each_once(mp);
	t_tell("whole");
	return 0;
}

static bool is_bare(const char *ops)
{
	return strcmp(ops, "ring_sp_sc") == 0;
}

/* both sides of the pool's ring are biased to me from now on, if the machine allows it */
static void get_biased(struct rte_mempool *mp)
{
	void *o;

	for (unsigned i = 0; i < 200; i++) {
		one = "get";
		CHECK_EQ(rte_mempool_generic_get(mp, &o, 1, NULL), 0);
		one = "put";
		rte_mempool_generic_put(mp, &o, 1, NULL);
	}
	one = NULL;
}

static void play(struct rte_mempool *mp, struct rte_ring *r, struct rte_mempool_cache *c)
{
	void *o[IN_HAND];
	unsigned n;

	for (unsigned i = 1; i <= IN_HAND; i += 3) {
		if (rte_mempool_generic_get(mp, o, i, c) < 0)
			continue;
		n = rte_ring_enqueue_burst(r, o, i / 2, NULL);
		rte_mempool_generic_put(mp, o + n, i - n, c);
		n = rte_ring_dequeue_burst(r, o, IN_HAND, NULL);
		for (unsigned k = 0; k < n; k++)
			rte_mempool_generic_put(mp, &o[k], 1, c);
		if (c != NULL)
			rte_mempool_cache_flush(c, mp);
	}
}

/* its cache is its own if the pool has none */
ROLE(player)
{
	struct rte_mempool_cache *c = NULL;
	struct rte_mempool *mp;
	struct rte_ring *r;
	char line[32];

	init_kept("secondary");
	mp = rte_mempool_lookup("pool");
	r = rte_ring_lookup("RX");
	CHECK(mp != NULL && r != NULL);
	t_tell("ready");
	CHECK(t_hear(line, sizeof(line)));
	if (is_bare(mp->__ops))
		get_biased(mp);
	else
		c = mp->cache_size != 0 ? rte_mempool_default_cache(mp, 0)
					: rte_mempool_cache_create(CACHE, SOCKET_ID_ANY);
	play(mp, r, c);
	return rte_eal_cleanup();
}

static bool player_there(void *arg)
{
	(void)arg;
	return shoal_member_count() == 3;
}

/* the keeper is stopped, but there */
static bool player_gone(void *arg)
{
	(void)arg;
	return shoal_member_count() == 2;
}

/*
 * Of a tracked pool it uses up all, again and again: who finds nothing looks for what the dead had. Of another it takes
 * nothing: what it had when it dies would be missing.
 */
ROLE(mender)
{
	struct rte_mempool *mp;
	void *o[OBJECTS];

	init_kept("secondary");
	mp = rte_mempool_lookup("pool");
	CHECK(mp != NULL);
	t_tell("ready");
	t_until(player_there, NULL);
	t_tell("three");
	t_until(player_gone, NULL);
	for (unsigned i = 0; i < 4; i++) {
		unsigned n = 0;

		while (n < OBJECTS && (mp->flags & SHOAL_MEMPOOL_F_TRACK) != 0 &&
		       rte_mempool_generic_get(mp, &o[n], 1, NULL) == 0)
			n++;
		nap_ms(6);
		rte_mempool_generic_put(mp, o, n, NULL);
		come_by(mp);
	}
	t_tell("done");
	return 0;
}

static struct t_proc *spawn_dying(const char *role, const char *label, unsigned nth)
{
	struct t_proc *p;
	char at[64];

	if (label != NULL) {
		snprintf(at, sizeof(at), "%s:%u", label, nth);
		setenv("SHOAL_DIE_AT", at, 1);
	}
	p = t_spawn(role, NULL);
	unsetenv("SHOAL_DIE_AT");
	return p;
}

struct way {
	const char *ops, *cache, *tracked;
};
static const struct way ways[] = {{"ring_mp_mc", "16", "0"}, {"ring_mp_mc", "16", "1"}, {"stack", "16", "0"},
				  {"stack", "16", "1"},	     {"kept", "16", "0"},	{"kept", "16", "1"},
				  {"kept", "0", "0"},	     {"ring_mp_mc", "0", "0"},	{"ring_sp_sc", "0", "0"}};
#define WAYS (sizeof(ways) / sizeof(ways[0]))
static bool is_long;

static bool is_kept(const struct way *w)
{
	return w->ops[0] == 'k';
}

static bool has_own_cache(const struct way *w)
{
	return w->cache[0] == '0';
}

static bool begins(const char *label, const char *with)
{
	return strncmp(label, with, strlen(with)) == 0;
}

/* how many objects may be missing after a death at this label */
static const char *missing(const struct way *w, const char *label)
{
	static char n[16];
	bool tracked = w->tracked[0] == '1';
	unsigned may = tracked ? 0 : IN_HAND;

	if (is_kept(w) && (!tracked || (begins(label, "pool_foreign_") && strcmp(label, "pool_foreign_in") != 0)))
		may += tracked ? IN_HAND : FLIGHT;
	snprintf(n, sizeof(n), "%u", may);
	return n;
}

/* A pool that is a stack is no place to die inside a ring, but for the tracked ring beside it; and the other way round. */
static bool may_pass(const char *label, const struct way *w)
{
	if (begins(label, "quick_") || begins(label, "one_") || is_bare(w->ops))
		return (begins(label, "quick_") || begins(label, "one_")) && is_bare(w->ops);
	if (begins(label, "pool_foreign_"))
		return is_kept(w);
	if (begins(label, "pool_user_"))
		return has_own_cache(w);
	if (is_kept(w))
		return strcmp(label, "pool_cache_len") == 0;
	if (strncmp(label, "move_in", 7) == 0 || strncmp(label, "move_out", 8) == 0)
		return w->ops[0] == 'r' || w->tracked[0] == '1';
	if (strncmp(label, "push", 4) == 0 || strncmp(label, "pop", 3) == 0 || strstr(label, "stack") != NULL)
		return w->ops[0] == 's';
	return strncmp(label, "move_mend", 9) != 0;
}

struct result {
	bool player, mender; /* died */
};

static struct result once(const struct way *w, const char *dies, unsigned nth, const char *mender_dies)
{
	struct t_proc *keeper = t_spawn("keeper", w->ops, w->cache, w->tracked, NULL), *player, *mender;
	struct result res;

	t_expect(keeper, "made");
	mender = spawn_dying("mender", mender_dies, 1);
	t_expect(mender, "ready");
	player = spawn_dying("player", dies, nth);
	t_expect(player, "ready");
	t_expect(mender, "three");
	t_kill(keeper, SIGSTOP);
	t_say(player, "go");
	res.player = t_wait(player) == 128 + SIGKILL;
	res.mender = t_wait(mender) == 128 + SIGKILL;
	t_kill(keeper, SIGCONT);
	t_say(keeper, missing(w, dies));
	t_expect(keeper, "whole");
	CHECK_EQ(t_wait(keeper), 0);
	return res;
}

static bool built_with_steps(void)
{
#ifdef SH_FAULT
	return true;
#else
	return false;
#endif
}

/* without membarrier(2) nothing is biased */
static bool may_bias(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0;
}

static const unsigned depths[] = {2, 9, 1};

/* how often the player died at this label. What is passed once in a life has the depth 1 alone. */
static unsigned deaths_at(const char *label, unsigned w, unsigned turn)
{
	unsigned died = 0;

	for (unsigned k = 0; k < 3; k++)
		if (is_long || k == turn % 2 || (k == 2 && died == 0))
			died += once(&ways[w], label, depths[k], NULL).player;
	return died;
}

TEST_T(death_at_each_step, 600)
{
	static const char *const ones[] = {"one_get_entered", "one_get_moved", "one_get_published", "one_get_left",
					   "one_put_entered", "one_put_moved", "one_put_published", "one_put_left"};
	struct labels l = {.n = 0};

	if (!built_with_steps())
		SKIP("needs a build with -Dfault=true");
	is_long = getenv("SHOAL_TEST_LONG") != NULL;
	labels_of("move.c", &l);
	labels_of("pool_cache.c", &l);
	labels_of("pool_user.c", &l);
	if (may_bias()) {
		labels_of("ring_quick.h", &l);
		CHECK(l.n + RTE_DIM(ones) <= LABELS_MAX);
		for (unsigned i = 0; i < RTE_DIM(ones); i++)
			strcpy(l.name[l.n++], ones[i]);
	}
	for (unsigned i = 0; i < l.n; i++) {
		unsigned died = 0;

		for (unsigned w = 0; w < WAYS; w++)
			if (is_long || may_pass(l.name[i], &ways[w]))
				died += deaths_at(l.name[i], w, i + w);
		/* what is only passed by who mends is in the other test */
		if (died == 0 && strncmp(l.name[i], "move_mend", 9) != 0)
			t_fail(__FILE__, __LINE__, "nobody ever passed %s", l.name[i]);
	}
}

/* how often the mender died at this label, after a player that died at one of every third of these */
static unsigned mender_deaths_at(const char *label, unsigned w, unsigned turn)
{
	static const char *const first[] = {"move_in_slots",	"move_in_noted",	"move_out_noted",
					    "move_out_copied",	"move_out_done",	"push_noted",
					    "pop_noted",	"move_stack_published", "pool_cache_len",
					    "pool_foreign_got", "pool_foreign_in"};
	unsigned died = 0;

	for (unsigned k = turn % 3; k < RTE_DIM(first) && (is_long || died == 0); k += 3)
		if (is_long || may_pass(first[k], &ways[w]))
			died += once(&ways[w], first[k], 5, label).mender;
	return died;
}

TEST_T(death_while_mending, 600)
{
	struct labels l = {.n = 0};

	if (!built_with_steps())
		SKIP("needs a build with -Dfault=true");
	is_long = getenv("SHOAL_TEST_LONG") != NULL;
	labels_of("pool_mend.c", &l);
	CHECK(l.n < LABELS_MAX - 2);
	strcpy(l.name[l.n++], "move_mend_tagged");
	strcpy(l.name[l.n++], "move_mended");
	for (unsigned i = 0; i < l.n; i++) {
		unsigned died = 0;

		for (unsigned w = 0; w < WAYS; w++)
			died += mender_deaths_at(l.name[i], w, i + w);
		if (died == 0)
			t_fail(__FILE__, __LINE__, "nobody ever passed %s", l.name[i]);
	}
}

/* ---- one dies while another's things are mended ---- */

/* argv: how many objects to take when told to start; then, told again, how many more */
ROLE(taker)
{
	struct rte_mempool *mp;
	void *o[IN_HAND];
	char line[32];

	init_kept("secondary");
	mp = rte_mempool_lookup("pool");
	CHECK(mp != NULL);
	for (int i = 1; i <= 2; i++) {
		t_tell("ready %d", i);
		CHECK(t_hear(line, sizeof(line)));
		for (int k = atoi(argv[i]); k > 0; k--)
			CHECK_EQ(rte_mempool_get(mp, &o[k]), 0);
	}
	t_tell("not dead");
	return 0;
}

/*
 * The first one dies with a cache. A mender has seen to it that nobody dead is inside the ring, and is stopped there. The second
 * one dies inside, with what its cache is to have noted: that has not happened, whoever mends it.
 */
TEST_T(who_dies_while_another_is_mended_is_mended_later, 120)
{
	struct t_proc *keeper, *mender, *first, *second;
	int st;

	if (!built_with_steps())
		SKIP("needs a build with -Dfault=true");
	keeper = t_spawn("keeper", "ring_mp_mc", "16", "0", NULL);
	t_expect(keeper, "made");
	setenv("SHOAL_STOP_AT", "pool_caches_settled", 1);
	mender = t_spawn("taker", "0", "0", NULL);
	unsetenv("SHOAL_STOP_AT");
	t_expect(mender, "ready 1");
	first = t_spawn("taker", "3", "0", NULL);
	t_expect(first, "ready 1");
	setenv("SHOAL_DIE_AT", "move_out_copied", 1);
	second = t_spawn("taker", "0", "1", NULL);
	unsetenv("SHOAL_DIE_AT");
	t_expect(second, "ready 1");
	t_say(second, "go");
	t_expect(second, "ready 2");
	t_say(first, "take");
	t_expect(first, "ready 2");
	t_kill(keeper, SIGSTOP); /* so that it is the mender who mends */
	t_kill(second, SIGSTOP);
	t_kill(first, SIGKILL);
	(void)t_wait(first);
	CHECK_EQ(waitpid(mender->pid, &st, WUNTRACED), mender->pid);
	CHECK(WIFSTOPPED(st));
	t_kill(second, SIGCONT);
	t_say(second, "die");
	CHECK_EQ(t_wait(second), 128 + SIGKILL);
	t_kill(mender, SIGCONT);
	t_say(mender, "go");
	t_expect(mender, "ready 2");
	t_kill(keeper, SIGCONT);
	t_say(keeper, "40");
	t_expect(keeper, "whole");
	CHECK_EQ(t_wait(keeper), 0);
}
