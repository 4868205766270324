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
#include "proc/opts.h"
#include "span_cast.h"

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
