/* SPDX-License-Identifier: BSD-3-Clause */
/* stop_test.c - who is stopped while the kernel gives or takes pages holds up nobody; who dies there leaves nothing half done */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <shoal_mem.h>

#include "base/log.h"
#include "fake.h"
#include "mem/heap.h"
#include "mem/mem.h"
#include "proc/opts.h"

#define MIB (1ull << 20)

static struct sh_opts opts = {.memory_max = 64 << 20};

static struct sh_pages_stat now(void)
{
	struct sh_pages_stat s;

	CHECK_EQ(sh_pages_stat(&s), 0);
	return s;
}

/* 10 MiB come, and go */
static int grows_and_shrinks(void *arg)
{
	void *p = rte_malloc(NULL, 10 * MIB, 0);

	(void)arg;
	if (p == NULL)
		return 1;
	memset(p, 1, 10 * MIB);
	rte_free(p);
	return shoal_mem_trim() >= 0 ? 0 : 2;
}

static pid_t stopped_at(const char *label)
{
	pid_t pid;
	int st;

	setenv("SHOAL_STOP_AT", label, 1);
	pid = f_member(grows_and_shrinks, NULL, NULL);
	unsetenv("SHOAL_STOP_AT");
	CHECK_EQ(waitpid(pid, &st, WUNTRACED), pid);
	if (!WIFSTOPPED(st))
		t_fail(__FILE__, __LINE__, "nobody passes %s", label);
	return pid;
}

/* what is there from the start stays, also when two give pages back at once */
TEST(what_others_are_about_to_give_back_is_not_there_any_more)
{
	static const char *const where[] = {"mem_shrink_cut", "mem_punch_done", "mem_punch_done:3"};
	struct sh_opts first = opts;

	first.mem_mb = 16;
	sh_ctx.opts = &first;
	for (unsigned i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		void *p;
		pid_t pid;

		f_group_again();
		p = rte_malloc(NULL, 40 * MIB, 0);
		CHECK(p != NULL);
		rte_free(p);
		pid = stopped_at(where[i]);
		CHECK(shoal_mem_trim() >= 0);
		CHECK_EQ(kill(pid, SIGCONT), 0);
		CHECK_EQ(f_wait(pid), 0);
		CHECK(shoal_mem_trim() >= 0);
		CHECK_EQ(now().backed, 16 * MIB);
		CHECK_EQ(f_heap_held(), 16 * MIB);
		f_sound(where[i]);
	}
}

static int frees_and_stops(void *arg)
{
	void *p = rte_malloc(NULL, 40 * MIB, 0);

	(void)arg;
	rte_free(p);
	raise(SIGSTOP);
	return p != NULL ? 0 : 1;
}

/* takes a page or two now and then, and gives nothing */
static bool most_have_gone(void *looks)
{
	if (++*(unsigned *)looks % 16 == 0)
		CHECK(rte_malloc(NULL, 2 * SH_UNIT, 0) != NULL);
	return now().backed < 20 * MIB;
}

TEST(what_one_freed_who_is_stopped_goes_when_another_comes_by)
{
	struct sh_opts soon = opts;
	unsigned looks = 0;
	pid_t pid;
	int st;

	soon.mem_decay = 1 + 500;
	sh_ctx.opts = &soon;
	f_group();
	pid = f_member(frees_and_stops, NULL, NULL);
	CHECK_EQ(waitpid(pid, &st, WUNTRACED), pid);
	CHECK(WIFSTOPPED(st));
	t_until(most_have_gone, &looks);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	CHECK_EQ(f_wait(pid), 0);
	f_sound("gone on");
}

/* the steps of the play of pages that are done with no lock held */
static const char *const steps[] = {"mem_desc_backed",	 "mem_steps_backed", "mem_fill_backed",
				    "mem_fill_backed:3", "mem_run_filled",   "mem_shrink_cut",
				    "mem_punch_done",	 "mem_punch_done:3", "mem_shrink_done"};

TEST_T(who_is_stopped_while_pages_come_or_go_holds_up_nobody, 60)
{
	sh_ctx.opts = &opts;
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		pid_t pid;

		f_group_again();
		pid = stopped_at(steps[i]);
		CHECK_EQ(grows_and_shrinks(NULL), 0);
		f_sound(steps[i]);
		kill(pid, SIGCONT);
		CHECK_EQ(f_wait(pid), 0);
		f_sound("gone on");
		CHECK(shoal_mem_trim() >= 0);
		CHECK_EQ(now().backed, 0);
		CHECK_EQ(f_heap_held(), 0);
	}
}

/* nobody is told of the death: who needs the pages finds what the dead left */
TEST_T(what_one_who_died_there_left_is_found_by_who_needs_it, 60)
{
	sh_ctx.opts = &opts;
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		pid_t pid;
		void *p;

		f_group_again();
		pid = stopped_at(steps[i]);
		kill(pid, SIGKILL);
		CHECK_EQ(f_wait(pid), 128 + SIGKILL);
		p = rte_malloc(NULL, 60 * MIB, 0);
		if (p == NULL)
			t_fail(__FILE__, __LINE__, "%s: what the dead had in hand is lost", steps[i]);
		rte_free(p);
		CHECK(shoal_mem_trim() >= 0);
		f_sound(steps[i]);
		CHECK_EQ(now().backed, 0);
		CHECK_EQ(f_heap_held(), 0);
	}
}

static int grows_often(void *arg)
{
	for (unsigned i = 0; i < 20; i++)
		if (grows_and_shrinks(arg) != 0)
			return 1;
	return 0;
}

TEST_T(many_grow_at_once_and_the_count_is_right, 60)
{
	struct sh_opts wide = {.memory_max = 256 * MIB};
	pid_t pid[6];

	sh_ctx.opts = &wide;
	f_group();
	for (unsigned i = 0; i < 6; i++)
		pid[i] = f_member(grows_often, NULL, NULL);
	CHECK_EQ(grows_often(NULL), 0);
	for (unsigned i = 0; i < 6; i++)
		CHECK_EQ(f_wait(pid[i]), 0);
	f_sound("at the end");
	CHECK(shoal_mem_trim() >= 0);
	CHECK_EQ(now().backed, 0);
	CHECK_EQ(f_heap_held(), 0);
}

/* all places are those of stopped members: ENOMEM after a while, and memory again */
TEST_T(no_place_to_work_at_is_enomem, 60)
{
	struct sh_mem *m;
	sh_id_t id;
	pid_t pid;

	sh_ctx.opts = &opts;
	f_group();
	pid = stopped_at("mem_fill_backed");
	m = sh_ctx.mem;
	id = sh_load_acq(&m->h->works[0].owner);
	CHECK(id != 0);
	for (unsigned i = 1; i < SH_WORKS; i++) { /* as if it had so many threads */
		sh_store_rel(&m->h->works[i].run, sh_load_acq(&m->h->works[0].run));
		sh_store_rel(&m->h->works[i].owner, id);
	}
	CHECK(rte_malloc(NULL, MIB, 0) == NULL);
	CHECK_EQ(rte_errno, ENOMEM);
	for (unsigned i = 1; i < SH_WORKS; i++)
		sh_store_rel(&m->h->works[i].owner, 0);
	CHECK(rte_malloc(NULL, MIB, 0) != NULL);
	kill(pid, SIGCONT);
	CHECK_EQ(f_wait(pid), 0);
	f_sound("gone on");
}

/* ---- who looks at all there is ---- */

#define MANY 20000

struct seen {
	void *_Atomic p[MANY];
	sh_id_t of;
};

static int by_address(const void *a, const void *b)
{
	uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;

	return x < y ? -1 : x > y;
}

static uintptr_t listed[2 * MANY];
static unsigned n_listed;

static void note(void *ptr, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	CHECK(n_listed < 2 * MANY);
	listed[n_listed++] = (uintptr_t)ptr;
}

/* what was there from beginning to end: the second half */
static int lists(void *arg)
{
	struct seen *s = arg;
	struct rte_malloc_socket_stats st;

	CHECK(shoal_mem_owned_by(s->of, note, NULL) > 0);
	CHECK(n_listed < MANY); /* what was freed before its slice came is not there */
	qsort(listed, n_listed, sizeof(listed[0]), by_address);
	for (unsigned i = 1; i < n_listed; i++)
		CHECK(listed[i] != listed[i - 1]);
	for (unsigned i = MANY / 2; i < MANY; i++) {
		uintptr_t p = (uintptr_t)sh_load_acq(&s->p[i]);

		CHECK(bsearch(&p, listed, n_listed, sizeof(p), by_address) != NULL);
	}
	CHECK_EQ(rte_malloc_get_socket_stats(0, &st), 0);
	CHECK(st.alloc_count >= MANY / 2);
	return 0;
}

/* stopped between two slices: it holds no lock, and others free, take and give back meanwhile */
TEST(a_walk_lets_others_go_on_and_lists_what_stays)
{
	struct seen *s = f_shared(sizeof(*s));
	pid_t pid;
	int st;

	sh_ctx.opts = &opts;
	f_group();
	s->of = sh_self();
	for (unsigned i = 0; i < MANY; i++) {
		void *p = rte_malloc(NULL, 1024, 0);

		CHECK(p != NULL);
		sh_store_rel(&s->p[i], p);
	}
	setenv("SHOAL_STOP_AT", "walk_slice", 1);
	pid = f_member(lists, s, NULL);
	unsetenv("SHOAL_STOP_AT");
	CHECK_EQ(waitpid(pid, &st, WUNTRACED), pid);
	CHECK(WIFSTOPPED(st));
	for (unsigned i = 0; i < MANY / 2; i++)
		rte_free(s->p[i]);
	for (unsigned i = 0; i < 200; i++) /* other runs at the same places */
		CHECK(rte_malloc(NULL, i % 2 == 0 ? 40000 : 700, 0) != NULL);
	CHECK(rte_malloc(NULL, 5 * MIB, 0) != NULL);
	kill(pid, SIGCONT);
	CHECK_EQ(f_wait(pid), 0);
	CHECK_EQ(shoal_mem_owned_by(s->of, NULL, NULL), MANY / 2 + 201);
	f_sound("listed");
}

/* ---- a step that could not be populated is said, once ---- */

TEST(what_is_not_populated_as_one_piece_is_said_once)
{
	char text[4096] = "", *first;
	FILE *f = fmemopen(text, sizeof(text), "w");

	sh_ctx.opts = &opts;
	f_group();
	sh_ctx.mem->thp = true;
	CHECK_EQ(rte_openlog_stream(f), 0);
	setenv("SHOAL_FAIL_AT", "mem_populate:2", 1);
	CHECK(rte_malloc(NULL, 10 * MIB, 0) != NULL);
	setenv("SHOAL_FAIL_AT", "mem_populate:7", 1);
	CHECK(rte_malloc(NULL, 10 * MIB, 0) != NULL);
	unsetenv("SHOAL_FAIL_AT");
	CHECK_EQ(rte_openlog_stream(NULL), 0);
	fclose(f);
	first = strstr(text, "could not be populated as one piece");
	CHECK(first != NULL && strstr(first + 1, "could not be populated") == NULL);
	f_sound("some in one piece, some not");
}
