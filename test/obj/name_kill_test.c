/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * name_kill_test.c - processes die while they make, fill or take apart pools and rings: at each labelled step, at any instruction
 *
 * A maker makes a ring, pools of each kind, fills and frees them, and dies somewhere. Whoever lives finds no pool or one that
 * can be used and freed; makes one of that name, uses it, frees it; and then every zone is gone that was not there before, no
 * byte of the heap is missing, and the heap is sound.
 *
 * $NAME_DEATHS: how many deaths at any instruction; the long suite has 1000. Labels need a build with -Dfault=true.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memzone.h>
#include <rte_ring.h>
#include <shoal_mem.h>

#include "check.h"
#include "labels.h"
#include "pool_help.h"

#define OBJECTS 64
#define PIECE 1024 /* of the memory that a maker brings: a few objects each, so that there are many */

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif

/* ---- what a maker does ---- */

static struct rte_mempool *empty(const char *ops)
{
	struct rte_mempool *mp = rte_mempool_create_empty("pool", OBJECTS, 100, 16, 8, SOCKET_ID_ANY, 0);

	CHECK(mp != NULL);
	CHECK_EQ(rte_mempool_set_ops_byname(mp, ops, NULL), 0);
	return mp;
}

static void fill_by_pieces(struct rte_mempool *mp, const struct rte_memzone *brought)
{
	char *at = brought->addr;

	while (mp->populated_size < OBJECTS) {
		CHECK(at + PIECE <= (char *)brought->addr + brought->len);
		CHECK(rte_mempool_populate_virt(mp, at, PIECE, 4096, NULL, NULL) > 0);
		at += PIECE;
	}
	CHECK(mp->nb_mem_chunks > 8);
}

static void use(struct rte_mempool *mp)
{
	void *o[8];

	CHECK_EQ(rte_mempool_get_bulk(mp, o, 8), 0);
	rte_mempool_put_bulk(mp, o, 8);
}

static void play(void)
{
	struct rte_ring *r = rte_ring_create("ring", 64, SOCKET_ID_ANY, 0);
	struct rte_mempool *mp;

	CHECK(r != NULL && rte_ring_lookup("ring") == r);
	rte_ring_free(r);
	mp = rte_mempool_create("pool", OBJECTS, 100, 16, 8, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, 0);
	CHECK(mp != NULL);
	use(mp);
	rte_mempool_free(mp);
	mp = empty("stack");
	CHECK_EQ(rte_mempool_populate_default(mp), OBJECTS);
	rte_mempool_free(mp);
	mp = empty("ring_mp_mc");
	fill_by_pieces(mp, rte_memzone_lookup("brought"));
	use(mp);
	rte_mempool_free(mp);
}

/* argv[1]: how often; 0: without end */
ROLE(maker)
{
	unsigned n = (unsigned)atoi(argv[1]);

	init_as("secondary");
	t_tell("ready");
	for (unsigned i = 0; n == 0 || i < n; i++)
		play();
	return 0;
}

/* ---- what is there afterwards ---- */

struct there {
	unsigned zones;
	size_t bytes, blocks;
};

static void count_zone(const struct rte_memzone *mz, void *arg)
{
	(void)mz;
	++*(unsigned *)arg;
}

static struct there look(void)
{
	struct rte_malloc_socket_stats st;
	struct there t = {0, 0, 0};

	rte_memzone_walk(count_zone, &t.zones);
	CHECK_EQ(rte_malloc_get_socket_stats(0, &st), 0);
	t.bytes = st.heap_allocsz_bytes;
	t.blocks = st.alloc_count;
	return t;
}

static bool same(const struct there *a, const struct there *b)
{
	return a->zones == b->zones && a->bytes == b->bytes && a->blocks == b->blocks;
}

/* a pool as it was when who made, filled or freed it died: it is used, filled up if that had not begun, and freed */
static void take_over(struct rte_mempool *mp)
{
	void *o[OBJECTS + 1];
	unsigned n = 0;

	if (mp->populated_size < OBJECTS && mp->nb_mem_chunks == 0)
		CHECK_EQ(rte_mempool_populate_default(mp), OBJECTS);
	else if (mp->populated_size < OBJECTS)
		CHECK_EQ(rte_mempool_populate_default(mp), -EEXIST);
	while ((mp->flags & RTE_MEMPOOL_F_POOL_CREATED) != 0 && rte_mempool_get(mp, &o[n]) == 0)
		CHECK(n++ < OBJECTS);
	for (unsigned i = 1; i < n; i++)
		CHECK(o[i] != o[0]);
	rte_mempool_put_bulk(mp, o, n);
	rte_mempool_free(mp);
}

static void check_names(void)
{
	struct rte_mempool *mp = rte_mempool_lookup("pool");
	struct rte_ring *r = rte_ring_lookup("ring");

	if (r != NULL)
		rte_ring_free(r);
	if (mp != NULL)
		take_over(mp);
	CHECK(rte_mempool_lookup("pool") == NULL && rte_ring_lookup("ring") == NULL);
	play();
}

static void check_after(const struct there *before, const char *label)
{
	struct there now;
	char why[256];

	check_names();
	now = look();
	if (!same(&now, before)) {
		rte_memzone_dump(stderr);
		t_fail(__FILE__, __LINE__, "%s: %u zones, %zu bytes in %zu blocks are %u, %zu in %zu", label,
		       before->zones, before->bytes, before->blocks, now.zones, now.bytes, now.blocks);
	}
	if (shoal_heap_audit(why, sizeof(why)) != 0)
		t_fail(__FILE__, __LINE__, "%s: %s", label, why);
}

static struct there begin(void)
{
	struct there before;

	init_as("primary");
	CHECK(rte_memzone_reserve("brought", 32ul * PIECE, SOCKET_ID_ANY, 0) != NULL);
	before = look();
	check_after(&before, "nobody's death");
	return before;
}

/* ---- at each label ---- */

static bool dies_at(const char *role, const char *label, unsigned nth)
{
	struct t_proc *p;
	char at[64];
	int st;

	snprintf(at, sizeof(at), "%s:%u", label, nth);
	setenv("SHOAL_DIE_AT", at, 1);
	p = t_spawn(role, "1", NULL);
	unsetenv("SHOAL_DIE_AT");
	st = t_wait(p);
	CHECK(st == 0 || st == 128 + SIGKILL);
	return st != 0;
}

static struct labels all_labels(void)
{
	static const char *const files[] = {"name.c", "make.c", "pool_make.c", "pool_fill.c"};
	struct labels l = {.n = 0};

	for (unsigned i = 0; i < 4; i++)
		labels_of(files[i], &l);
	CHECK(l.n >= 12);
	return l;
}

/* at its first passing, its third, seventh ...: what comes first is passed for each thing that is made */
TEST_T(death_at_each_label, 300)
{
	struct labels l;
	struct there before;

	NEEDS_FAULT();
	l = all_labels();
	before = begin();
	for (unsigned i = 0; i < l.n; i++) {
		unsigned nth = 1, died = 0;

		for (; nth < 400 && dies_at("maker", l.name[i], nth); nth = 2 * nth + 1, died++)
			check_after(&before, l.name[i]);
		if (died == 0 && strcmp(l.name[i], "named_left_claimed") != 0)
			t_fail(__FILE__, __LINE__, "nobody ever passed %s", l.name[i]);
	}
}

/* who clears away dies as well */
TEST_T(death_while_clearing_away, 300)
{
	static const char *const first[] = {"pool_making", "pool_filled", "pool_memory_there", "pool_unmade",
					    "ring_making"};
	static const char *const second[] = {"named_left_claimed", "pool_parts_free", "mem_zone_guarded",
					     "mem_free_committed"};
	struct there before;

	NEEDS_FAULT();
	before = begin();
	for (unsigned i = 0; i < 5; i++)
		for (unsigned k = 0; k < 4; k++) {
			CHECK(dies_at("maker", first[i], 1));
			if (!dies_at("maker", second[k], 1))
				t_fail(__FILE__, __LINE__, "%s, then nobody passed %s", first[i], second[k]);
			check_after(&before, second[k]);
		}
}

static bool is_as_before(void *before)
{
	struct rte_ring *r = rte_ring_create("another", 64, SOCKET_ID_ANY, 0);
	struct there now;

	CHECK(r != NULL);
	rte_ring_free(r);
	now = look();
	return same(&now, before);
}

/* nobody wants that name again: it goes with the next thing that is made or freed, whatever its name */
TEST_T(what_is_left_goes_though_nobody_wants_its_name, 60)
{
	static const char *const labels[] = {"ring_making", "pool_filled", "pool_unmade", "ring_filled"};
	struct there before;

	NEEDS_FAULT();
	before = begin();
	for (unsigned i = 0; i < 4; i++) {
		CHECK(dies_at("maker", labels[i], 1));
		t_until(is_as_before, &before);
	}
}

/* ---- looked up while others free ---- */

/* argv[1]: ring or pool */
ROLE(finder)
{
	bool ring = strcmp(argv[1], "ring") == 0;

	init_as("secondary");
	t_tell("%s",
	       (ring ? (void *)rte_ring_lookup("old") : (void *)rte_mempool_lookup("old")) == NULL ? "none" : "one");
	return 0;
}

static void *new_thing(bool ring, const char *name)
{
	return ring ? (void *)rte_ring_create(name, 64, SOCKET_ID_ANY, 0)
		    : (void *)rte_mempool_create_empty(name, OBJECTS, 100, 0, 0, SOCKET_ID_ANY, 0);
}

static void free_thing(bool ring, void *thing)
{
	if (ring)
		rte_ring_free(thing);
	else
		rte_mempool_free(thing);
}

/* what comes after it in the same place has another name */
TEST_T(what_goes_while_it_is_looked_up_is_not_found, 60)
{
	NEEDS_FAULT();
	init_as("primary");
	for (unsigned ring = 0; ring < 2; ring++) {
		void *old = new_thing(ring, "old"), *new;
		struct t_proc *p;
		int st;

		setenv("SHOAL_STOP_AT", "named_seen", 1);
		p = t_spawn("finder", ring ? "ring" : "pool", NULL);
		unsetenv("SHOAL_STOP_AT");
		CHECK_EQ(waitpid(p->pid, &st, WUNTRACED), p->pid);
		CHECK(WIFSTOPPED(st));
		free_thing(ring, old);
		new = new_thing(ring, "new");
		CHECK(new == old);
		t_kill(p, SIGCONT);
		t_expect(p, "none");
		CHECK_EQ(t_wait(p), 0);
		free_thing(ring, new);
	}
}

/* ---- at any instruction ---- */

static void kill_between_instructions(struct t_proc *p, unsigned steps)
{
	int st;

	if (ptrace(PTRACE_SEIZE, p->pid, NULL, NULL) < 0)
		SKIP("ptrace: %s", strerror(errno));
	CHECK_EQ(ptrace(PTRACE_INTERRUPT, p->pid, NULL, NULL), 0);
	CHECK_EQ(waitpid(p->pid, &st, __WALL), p->pid);
	CHECK(WIFSTOPPED(st));
	for (unsigned i = 0; i < steps; i++) {
		CHECK_EQ(ptrace(PTRACE_SINGLESTEP, p->pid, NULL, NULL), 0);
		CHECK_EQ(waitpid(p->pid, &st, __WALL), p->pid);
		CHECK(WIFSTOPPED(st));
	}
	t_kill(p, SIGKILL);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
}

TEST_T(death_at_any_instruction, 3000)
{
	const char *v = getenv("NAME_DEATHS");
	unsigned n = v != NULL ? (unsigned)atoi(v) : 20, seed = (unsigned)getpid(), found = 0;
	struct there before = begin();

	for (unsigned i = 0; i < n; i++) {
		struct t_proc *p = t_spawn("maker", "0", NULL);

		t_expect(p, "ready");
		kill_between_instructions(p, (unsigned)rand_r(&seed) % 2000);
		found += rte_mempool_lookup("pool") != NULL;
		check_after(&before, "any instruction");
	}
	fprintf(stderr, "%u deaths, a pool was there after %u of them\n", n, found);
}
