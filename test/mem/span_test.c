/* SPDX-License-Identifier: BSD-3-Clause */
/* span_test.c - small blocks between threads and processes: freed by others, left behind, adopted, given back */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <shoal_mem.h>

#include "base/futex.h"
#include "fake.h"
#include "mem/heap.h"
#include "mem/mem.h"
#include "proc/opts.h"

static uint64_t used(void)
{
	struct sh_pages_stat s;

	CHECK_EQ(sh_pages_stat(&s), 0);
	return s.used;
}

/* spans, orphans among them, and blocks that are out */
struct count {
	unsigned spans, orphans, blocks;
};

static bool count_run(struct sh_mem *m, uint32_t unit, uint64_t use, void *arg)
{
	struct sh_span *s = sh_span_of(unit);
	struct count *c = arg;

	(void)m;
	if (sh_use_kind(use) != SH_PG_SPAN)
		return true;
	c->spans++;
	c->orphans += sh_load_acq(&s->owner) == 0;
	c->blocks += sh_span_live(s);
	return true;
}

static struct count count(void)
{
	struct count c = {0};
	struct sh_mem *m;
	uint32_t at;

	CHECK_EQ(sh_mem_lock(&m), 0);
	CHECK(sh_runs(m, count_run, &c, &at));
	sh_mem_unlock(m);
	return c;
}

#define MANY 5000

/* pointers that all processes of a case see, and a word by which they take turns */
struct table {
	_Atomic uint32_t turn;
	unsigned size;
	void *_Atomic p[MANY];
};

static void wait_turn(struct table *t, uint32_t turn)
{
	uint32_t now;

	while ((now = sh_load_acq(&t->turn)) != turn)
		(void)sh_futex_wait(&t->turn, now, SH_FOREVER, SH_FUTEX_ANY, true);
}

static void set_turn(struct table *t, uint32_t turn)
{
	sh_store_rel(&t->turn, turn);
	sh_futex_wake(&t->turn, INT_MAX, SH_FUTEX_ANY, true);
}

static void take(struct table *t, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		void *p = rte_malloc(NULL, t->size, 0);

		CHECK(p != NULL);
		memset(p, (int)i & 0xff, t->size);
		sh_store_rel(&t->p[i], p);
	}
}

static void give(struct table *t, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		unsigned char *p = sh_load_acq(&t->p[i]);

		for (unsigned k = 0; k < t->size; k++)
			CHECK_EQ(p[k], i & 0xff);
		rte_free(p);
	}
}

static struct table *table(unsigned size)
{
	struct table *t = f_shared(sizeof(*t));

	t->size = size;
	return t;
}

/* ---- its owner frees ---- */

/* what is out is as much after each round, so a new span would be for nothing: some span of the size has the block */
TEST(no_new_span_while_one_of_the_size_has_a_free_block)
{
	static void *p[4][20000];
	uint64_t rnd = 7;
	unsigned spans, at[16];

	f_group();
	for (unsigned c = 0; c < 4; c++)
		for (unsigned i = 0; i < 20000; i++)
			CHECK((p[c][i] = rte_malloc(NULL, (c + 1) * 128, 0)) != NULL);
	spans = count().spans;
	for (unsigned n = 0; n < 20000; n++) {
		unsigned c = n % 4;

		for (unsigned i = 0; i < 16; i++) {
			rnd = rnd * 6364136223846793005u + 1442695040888963407u;
			at[i] = (unsigned)(rnd >> 33) % 20000;
			rte_free(p[c][at[i]]);
			p[c][at[i]] = NULL;
		}
		for (unsigned i = 0; i < 16; i++)
			if (p[c][at[i]] == NULL)
				CHECK((p[c][at[i]] = rte_malloc(NULL, (c + 1) * 128, 0)) != NULL);
	}
	CHECK_EQ(count().spans, spans);
	f_sound("after all");
}

/* ---- another process frees ---- */

static int takes_twice(void *arg)
{
	struct table *t = arg;
	uint64_t before;

	take(t, 0, MANY);
	before = used();
	set_turn(t, 1);
	wait_turn(t, 2);
	take(t, 0, MANY); /* from what the others freed */
	CHECK_EQ(used(), before);
	f_sound("taken again");
	set_turn(t, 3);
	wait_turn(t, 4);
	sh_heap_trim();
	CHECK_EQ(used(), 0);
	return 0;
}

TEST(what_others_free_serves_its_owner_again)
{
	for (unsigned size = 64; size <= 20000; size *= 17) {
		struct table *t = table(size);
		pid_t pid;

		f_group_again();
		pid = f_member(takes_twice, t, NULL);
		wait_turn(t, 1);
		give(t, 0, MANY);
		f_sound("freed by another");
		rte_free(t->p[7]); /* a line; refused though its owner has not collected it */
		CHECK_EQ(count().blocks, 0);
		set_turn(t, 2);
		wait_turn(t, 3);
		give(t, 0, MANY);
		set_turn(t, 4);
		CHECK_EQ(f_wait(pid), 0);
	}
}

/* ---- threads that end ---- */

static void *thread_takes(void *arg)
{
	take(arg, 0, MANY);
	return NULL;
}

static void thread(void *(*fn)(void *), void *arg)
{
	pthread_t th;

	CHECK_EQ(pthread_create(&th, NULL, fn, arg), 0);
	CHECK_EQ(pthread_join(th, NULL), 0);
}

TEST(an_orphan_goes_back_with_its_last_block)
{
	struct table *t = table(100);

	f_group();
	thread(thread_takes, t);
	CHECK_EQ(count().orphans, count().spans);
	CHECK_EQ(count().blocks, MANY);
	f_sound("all orphans");
	give(t, 0, MANY - 1);
	CHECK_EQ(count().spans, 1);
	f_sound("one block");
	rte_free(t->p[0]); /* refused */
	CHECK_EQ(count().spans, 1);
	give(t, MANY - 1, MANY);
	CHECK_EQ(used(), 0);
	f_sound("none");
}

static void *thread_takes_and_gives(void *arg)
{
	struct table *t = arg;

	take(t, 0, MANY);
	give(t, 0, MANY);
	return NULL;
}

TEST(a_thread_that_freed_all_leaves_nothing)
{
	f_group();
	for (unsigned i = 0; i < 3; i++)
		thread(thread_takes_and_gives, table(1500));
	CHECK_EQ(used(), 0);
}

static pthread_key_t late_key;

static void late_free(void *p)
{
	rte_free(p);
	p = rte_malloc(NULL, 100, 0); /* behind the heap's own destructor perhaps */
	CHECK(p != NULL);
	rte_free(p);
}

static void *thread_frees_late(void *arg)
{
	(void)arg;
	CHECK_EQ(pthread_setspecific(late_key, rte_malloc(NULL, 100, 0)), 0);
	return NULL;
}

TEST(destructors_of_a_thread_may_allocate)
{
	f_group();
	CHECK_EQ(pthread_key_create(&late_key, late_free), 0);
	thread(thread_frees_late, NULL);
	CHECK_EQ(used(), 0);
}

TEST(an_orphan_is_adopted_by_who_needs_one)
{
	struct table *t = table(300), *mine = table(300);
	struct count before;

	f_group();
	thread(thread_takes, t);
	for (unsigned i = 0; i < MANY; i += 2)
		give(t, i, i + 1);
	before = count();
	CHECK_EQ(before.orphans, before.spans);
	take(mine, 0, MANY / 2);
	f_sound("adopted");
	CHECK(count().spans <= before.spans + 1);
	CHECK(count().orphans <= 1);
	give(mine, 0, MANY / 2);
	for (unsigned i = 1; i < MANY; i += 2)
		give(t, i, i + 1); /* they are mine now */
	f_sound("all free");
	sh_heap_trim();
	CHECK_EQ(used(), 0);
}

/* ---- members that die or leave ---- */

static int takes_and_dies(void *arg)
{
	take(arg, 0, MANY);
	CHECK(rte_malloc(NULL, 1 << 20, 0) != NULL);
	CHECK(rte_malloc(NULL, 100, 4096) != NULL);
	return 0; /* without a word */
}

static void note(void *ptr, size_t size, void *arg)
{
	size_t *sum = arg;

	CHECK(ptr != NULL);
	*sum += size;
}

TEST(what_the_dead_left_is_listed_and_freed)
{
	struct table *t = table(1000);
	size_t sum = 0;
	sh_id_t id;

	f_group();
	CHECK_EQ(f_wait(f_member(takes_and_dies, t, &id)), 0);
	CHECK_EQ(sh_member_probe(id), 1);
	CHECK_EQ(count().orphans, 0);
	CHECK_EQ(shoal_mem_owned_by(id, note, &sum), MANY + 2);
	CHECK_EQ(sum, MANY * 1024ull + (1 << 20) + sh_classes[sh_class_of(100 + 4032)].size);
	CHECK_EQ(shoal_mem_owned_by(id + 65536, NULL, NULL), 0);
	f_event(SH_EV_DEATH, id);
	CHECK_EQ(count().orphans, count().spans);
	f_sound("reaped");
	give(t, 0, 100);
	CHECK_EQ(shoal_mem_owned_by(id, NULL, NULL), MANY - 98);
	CHECK_EQ(shoal_mem_free_owned(id), MANY - 98);
	CHECK_EQ(shoal_mem_free_owned(id), 0);
	CHECK_EQ(used(), 0);
	f_sound("all freed");
	CHECK_EQ(shoal_mem_free_owned(sh_self()), -1);
	CHECK_EQ(rte_errno, EBUSY);
	CHECK_EQ(shoal_mem_free_owned(0), -1);
	CHECK_EQ(rte_errno, EINVAL);
}

/* more spans than a slice of the walk has: they are all found, full ones and empty ones, and some of each */
TEST(a_walk_of_many_slices_misses_no_span)
{
	struct table *t = table(4000);
	sh_id_t id;

	f_group();
	CHECK_EQ(f_wait(f_member(takes_and_dies, t, &id)), 0);
	CHECK(count().spans > 300);
	CHECK_EQ(sh_member_probe(id), 1);
	f_event(SH_EV_DEATH, id);
	CHECK_EQ(count().orphans, count().spans);
	f_sound("full ones");
	CHECK(shoal_mem_free_owned(id) == MANY + 2 && used() == 0);

	CHECK_EQ(f_wait(f_member(takes_and_dies, t, &id)), 0);
	give(t, 0, MANY / 2);
	for (unsigned i = MANY / 2; i < MANY; i++)
		if (i % 30 < 15)
			give(t, i, i + 1);
	CHECK_EQ(sh_member_probe(id), 1);
	f_event(SH_EV_DEATH, id);
	CHECK_EQ(count().orphans, count().spans);
	CHECK(count().spans < 160); /* the empty ones are free */
	f_sound("empty ones");
	CHECK(shoal_mem_free_owned(id) > 0 && used() == 0);
	f_sound("all freed");
}

static int takes_and_leaves(void *arg)
{
	take(arg, 0, MANY);
	for (unsigned i = 0; i < MANY; i++)
		if (i % 3 == 0)
			give(arg, i, i + 1);
	sh_mem_stop();
	return 0;
}

TEST(who_leaves_leaves_orphans)
{
	struct table *t = table(128);
	sh_id_t id;

	f_group();
	CHECK_EQ(f_wait(f_member(takes_and_leaves, t, &id)), 0);
	CHECK_EQ(count().orphans, count().spans);
	CHECK_EQ(count().blocks, MANY - (MANY + 2) / 3);
	f_sound("left");
	f_event(SH_EV_LEAVE, id);
	for (unsigned i = 0; i < MANY; i++)
		if (i % 3 != 0)
			give(t, i, i + 1);
	CHECK_EQ(used(), 0);
}

static int takes_one(void *arg)
{
	take(arg, 0, 1);
	sh_mem_stop();
	return 0;
}

TEST(a_death_is_heard_while_a_stopped_member_has_the_lock)
{
	struct table *t = table(128), *one = table(5000), *mine = table(700);
	pid_t stopped;
	sh_id_t id;
	int st;

	f_group();
	CHECK_EQ(f_wait(f_member(takes_and_dies, t, &id)), 0);
	CHECK_EQ(sh_member_probe(id), 1);
	setenv("SHOAL_STOP_AT", "mem_run_ready", 1);
	stopped = f_member(takes_one, one, NULL);
	unsetenv("SHOAL_STOP_AT");
	CHECK_EQ(waitpid(stopped, &st, WUNTRACED), stopped);
	CHECK(WIFSTOPPED(st));
	f_event(SH_EV_DEATH, id); /* the watcher's thread: it must not wait for who is stopped */
	kill(stopped, SIGCONT);
	CHECK_EQ(f_wait(stopped), 0);
	CHECK(count().orphans < count().spans);
	take(mine, 0, 1); /* who needs a span catches up */
	CHECK_EQ(count().orphans + 1, count().spans);
	f_sound("caught up");
}

/* four at a time, each a quarter: whoever is last gives the span back */
struct quarter {
	struct table *t;
	unsigned from;
};

static int gives_quarter(void *arg)
{
	const struct quarter *q = arg;

	wait_turn(q->t, 1);
	for (unsigned i = q->from; i < 120; i += 4)
		rte_free(sh_load_acq(&q->t->p[i]));
	return 0;
}

static void *thread_takes_120(void *arg)
{
	take(arg, 0, 120);
	return NULL;
}

TEST_T(the_last_of_several_gives_an_orphan_back, 60)
{
	f_group();
	for (unsigned round = 0; round < 60; round++) {
		struct table *t = table(500);
		struct quarter q[4];
		pid_t pid[4];

		thread(thread_takes_120, t);
		for (unsigned i = 0; i < 4; i++) {
			q[i] = (struct quarter){t, i};
			pid[i] = f_member(gives_quarter, &q[i], NULL);
		}
		set_turn(t, 1);
		for (unsigned i = 0; i < 4; i++)
			CHECK_EQ(f_wait(pid[i]), 0);
		CHECK_EQ(used(), 0);
		f_sound("round");
	}
}

/* they free while the thread that owns the span ends */
struct ending {
	struct table *t;
	pthread_barrier_t both;
};

static void *ends_now(void *arg)
{
	struct ending *e = arg;

	take(e->t, 0, 60);
	pthread_barrier_wait(&e->both);
	return NULL;
}

TEST_T(a_span_whose_owner_ends_while_others_free_is_given_back, 60)
{
	f_group();
	for (unsigned round = 0; round < 400; round++) {
		struct ending e = {.t = table(1000)};
		pthread_t th;

		pthread_barrier_init(&e.both, NULL, 2);
		CHECK_EQ(pthread_create(&th, NULL, ends_now, &e), 0);
		pthread_barrier_wait(&e.both);
		give(e.t, 0, 60);
		CHECK_EQ(pthread_join(th, NULL), 0);
		CHECK_EQ(used(), 0);
	}
}

/* ---- fork ---- */

static void child_uses(void *arg)
{
	void *p = arg;

	sh_ctx.self = NULL; /* what a wiped page amounts to */
	rte_errno = 0;
	CHECK(rte_malloc(NULL, 64, 0) == NULL);
	CHECK_EQ(rte_errno, EPERM);
	CHECK(rte_malloc(NULL, 1 << 20, 0) == NULL);
	CHECK(rte_realloc(p, 100, 0) == NULL);
	CHECK_EQ(rte_errno, EPERM);
	rte_free(p);
	CHECK_EQ(shoal_mem_free_owned(1), -1);
	CHECK_EQ(rte_errno, EPERM);
	CHECK_EQ(shoal_heap_audit(NULL, 0), -1);
	CHECK_EQ(rte_errno, EPERM);
	exit(0); /* its thread's end touches nothing */
}

TEST(a_forked_child_takes_and_frees_nothing)
{
	struct count before;
	char lines[4096];
	void *p;

	f_group();
	p = rte_malloc(NULL, 64, 0);
	before = count();
	CHECK_EQ(t_fork(child_uses, p, lines, sizeof(lines)), 0);
	CHECK_HAS(lines, "rte_malloc: this is a child of fork(), no member of the group");
	CHECK_EQ(memcmp(&before, &(struct count){0}, sizeof(before)) != 0, 1);
	CHECK_EQ(count().spans, before.spans);
	CHECK_EQ(count().blocks, 1);
	rte_free(p);
	f_sound("after the child");
}

/* ---- the end of memory ---- */

static struct sh_opts small = {.memory_max = 64 << 20};

static int eats_and_dies(void *arg)
{
	while (rte_malloc(NULL, *(size_t *)arg, 0) != NULL)
		;
	return rte_errno == ENOMEM ? 0 : 1;
}

TEST(at_the_end_of_memory_there_is_enomem_and_then_memory_again)
{
	size_t sizes[] = {64, 3000, 65536, 1 << 20};
	unsigned n = 0;
	sh_id_t id;
	void *p, *list;

	sh_ctx.opts = &small;
	f_group();
	for (unsigned i = 0; i < 4; i++) {
		list = NULL;
		for (n = 0; (p = rte_malloc(NULL, sizes[i], 0)) != NULL; n++) {
			*(void **)p = list;
			list = p;
		}
		CHECK_EQ(rte_errno, ENOMEM);
		CHECK(n * sizes[i] > 50 << 20);
		f_sound("full");
		for (p = list; p != NULL; p = list) {
			list = *(void **)p;
			rte_free(p);
		}
		f_sound("empty again"); /* and the next size finds room */
	}
	sh_heap_trim();
	CHECK_EQ(used(), 0);
	CHECK_EQ(f_wait(f_member(eats_and_dies, &sizes[1], &id)), 0);
	CHECK(rte_malloc(NULL, 1 << 20, 0) == NULL);
	CHECK_EQ(rte_errno, ENOMEM);
	CHECK(shoal_mem_free_owned(id) > 1000);
	CHECK(rte_malloc(NULL, 1 << 20, 0) != NULL);
	f_sound("freed");
}

static int fills_and_frees_and_dies(void *arg)
{
	struct table *t = arg;

	take(t, 0, MANY);
	give(t, 1, MANY);
	while (rte_malloc(NULL, 1 << 20, 0) != NULL)
		;
	return 0;
}

TEST(who_finds_no_memory_takes_what_the_dead_held_for_nothing)
{
	struct table *t = table(1000);
	sh_id_t id;

	sh_ctx.opts = &small;
	f_group();
	CHECK_EQ(f_wait(f_member(fills_and_frees_and_dies, t, &id)), 0);
	CHECK_EQ(sh_member_probe(id), 1);
	CHECK(rte_malloc(NULL, 1000, 0) != NULL); /* no event has come */
	f_sound("adopted");
}

/* ---- a process that starts again ---- */

TEST(a_heap_of_an_earlier_life_is_forgotten)
{
	void *p;

	for (unsigned i = 0; i < 3; i++) {
		f_group_again();
		p = rte_malloc(NULL, 100, 0);
		CHECK(p != NULL);
		CHECK_EQ(count().spans, 1);
		rte_free(p);
		CHECK_EQ(count().blocks, 0);
	}
}
