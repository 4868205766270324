/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * refuse_test.c - a member is stopped at any labelled step of the room: nobody hangs
 *
 * What needs a lock that it has is refused, with a line that names it; what a thread has in its own spans it gets, and whatever
 * is freed meanwhile is free in the end, whether the stopped one goes on or is killed. The library's second of patience is
 * made short here, else each step would take it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_memzone.h>
#include <shoal_mem.h>

#include "base/log.h"
#include "labels.h"
#include "mem/heap.h"
#include "mem/mem.h"
#include "mem/priv.h"
#include "proc/opts.h"

#define LARGE 200000
#define OF_OTHER 8
#define IN_SPANS 600
#define SIZE 1000

static struct sh_opts opts = {.memory_max = 64 << 20};

struct board {
	void *_Atomic theirs[OF_OTHER]; /* taken by who is stopped, freed by the test */
	void *_Atomic mine[IN_SPANS];	/* taken by the test, most of them freed by who is stopped */
	void *_Atomic large;
	void *_Atomic small; /* keeps the span that it is of */
};

static void *swap_out(void *_Atomic *p)
{
	return sh_xchg(p, NULL);
}

/* ---- who is stopped ---- */

static void *thread_of_player(void *arg)
{
	void *p = rte_malloc(NULL, 200, 0), *q = rte_malloc(NULL, 60000, 0);

	rte_free(q);
	return arg == NULL ? p : (rte_free(p), NULL);
}

/* orphans, and a thread that ends; then one adopts them */
static bool spans(void)
{
	void *left = NULL, *p[40];
	pthread_t th;

	CHECK_EQ(pthread_create(&th, NULL, thread_of_player, NULL), 0);
	CHECK_EQ(pthread_join(th, &left), 0);
	for (unsigned i = 0; i < 40; i++)
		p[i] = rte_malloc(NULL, i < 36 ? 60000 : 200, 0);
	for (unsigned i = 0; i < 40; i++)
		rte_free(p[i]);
	rte_free(left);
	sh_heap_trim();
	return true;
}

static int plays(void *arg)
{
	struct board *b = arg;
	const struct rte_memzone *mz;
	void *p;

	for (unsigned i = 0; i < OF_OTHER; i++)
		sh_store_rel(&b->theirs[i], rte_malloc(NULL, 300, 0));
	mz = rte_memzone_reserve("zone", 9000, 0, 0);
	if (mz == NULL || rte_memzone_free(mz) != 0)
		return 1;
	mz = rte_memzone_reserve("large zone", 900000, 0, 0);
	if (mz == NULL || rte_memzone_free(mz) != 0)
		return 2;
	p = rte_malloc(NULL, 3 << 20, 0);
	if (p == NULL || !spans())
		return 3;
	rte_free(p);
	for (unsigned i = 0; i < IN_SPANS; i++)
		if (i % 100 != 0)
			rte_free(swap_out(&b->mine[i]));
	(void)shoal_mem_trim();
	return shoal_mem_owned_by(sh_self(), NULL, NULL) >= 0 ? 0 : 4;
}

static pid_t stopped_at(int (*fn)(void *), void *arg, const char *label, sh_id_t *id)
{
	pid_t pid;
	int st;

	setenv("SHOAL_STOP_AT", label, 1);
	pid = f_member(fn, arg, id);
	unsetenv("SHOAL_STOP_AT");
	CHECK_EQ(waitpid(pid, &st, WUNTRACED), pid);
	if (WIFSTOPPED(st))
		return pid;
	CHECK_EQ(WEXITSTATUS(st), 0);
	return 0;
}

/* ---- the others ---- */

static unsigned refused;

static void *asks(size_t size)
{
	void *p = rte_malloc(NULL, size, 0);

	if (p == NULL) {
		CHECK_EQ(rte_errno, ENOMEM);
		refused++;
	}
	return p;
}

/* none of it may hang. What could not be freed is left in the board */
static void others_go_on(struct board *b)
{
	const struct rte_memzone *mz = rte_memzone_reserve("of the test", 5000, 0, 0);
	struct rte_malloc_socket_stats st;
	void *own[8], *p, *q, *w;
	char why[200];

	for (unsigned i = 0; i < 8; i++)
		CHECK((own[i] = rte_malloc(NULL, 64, 0)) != NULL);
	p = asks(5 << 20);
	q = asks(700);
	w = asks(LARGE);
	rte_free(swap_out(&b->large));
	for (unsigned i = 0; i < OF_OTHER; i++)
		rte_free(swap_out(&b->theirs[i]));
	for (unsigned i = 0; i < IN_SPANS; i += 100)
		rte_free(swap_out(&b->mine[i]));
	for (unsigned i = 0; i < 8; i++)
		rte_free(own[i]);
	rte_free(p);
	rte_free(q);
	rte_free(w);
	(void)shoal_mem_trim();
	(void)rte_malloc_get_socket_stats(0, &st);
	(void)sh_mem_audit(why, sizeof(why));
	(void)shoal_mem_owned_by(sh_self(), NULL, NULL);
	if (mz != NULL)
		(void)rte_memzone_free(mz);
}

static uint64_t used(void)
{
	struct sh_pages_stat s;

	CHECK_EQ(sh_pages_stat(&s), 0);
	return s.used;
}

static void free_it(void *p, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	rte_free(p);
}

/* what was given late is free by a thread of whoever gave it: soon */
static bool all_is_free(void *arg)
{
	struct board *b = arg;
	const struct rte_memzone *mz = rte_memzone_lookup("of the test");

	if (mz != NULL)
		(void)rte_memzone_free(mz);
	for (unsigned i = 0; i < IN_SPANS; i++)
		rte_free(swap_out(&b->mine[i]));
	for (unsigned i = 0; i < OF_OTHER; i++)
		rte_free(swap_out(&b->theirs[i]));
	rte_free(swap_out(&b->large));
	rte_free(swap_out(&b->small));
	(void)shoal_mem_owned_by(sh_self(), free_it, NULL); /* who was killed had one of the test's in its hand */
	(void)shoal_mem_trim();
	return used() == 0;
}

static void ends_clean(struct board *b, pid_t pid, sh_id_t id, int sig, const char *label)
{
	const struct rte_memzone *mz;
	int st;

	kill(pid, sig);
	st = f_wait(pid);
	if (st != (sig == SIGCONT ? 0 : 128 + SIGKILL))
		t_fail(__FILE__, __LINE__, "%s: who was stopped ended with %d", label, st);
	CHECK_EQ(sh_member_probe(id), 1);
	f_event(SH_EV_DEATH, id);
	f_sound(label);
	for (unsigned i = 0; i < 2; i++)
		if ((mz = rte_memzone_lookup(i == 0 ? "zone" : "large zone")) != NULL)
			CHECK_EQ(rte_memzone_free(mz), 0);
	(void)shoal_mem_free_owned(id);
	t_until(all_is_free, b);
	f_sound(label);
}

static void set_stage(struct board *b)
{
	f_group_again();
	sh_store_rel(&b->small, rte_malloc(NULL, 64, 0));
	for (unsigned i = 0; i < IN_SPANS; i++)
		sh_store_rel(&b->mine[i], rte_malloc(NULL, SIZE, 0));
	sh_store_rel(&b->large, rte_malloc(NULL, LARGE, 0));
}

static void stop_everywhere(int sig)
{
	static const char *const of_room[] = {"mem_", "span_", "block_", "walk_", NULL};
	struct board *b = f_shared(sizeof(*b));
	struct labels l = {.n = 0};
	unsigned stopped = 0;
	sh_id_t id;

	sh_ctx.opts = &opts;
	CHECK_EQ(setenv("SHOAL_STOPPED_NS", "5000000", 1), 0);
	CHECK_EQ(rte_openlog_stream(fopen("/dev/null", "w")), 0);
	labels_of(&l, of_room);
	for (unsigned i = 0; i < l.n; i++) {
		pid_t pid;

		set_stage(b);
		pid = stopped_at(plays, b, l.name[i], &id);
		if (pid == 0) /* a step of who mends, or of a failure */
			continue;
		others_go_on(b);
		ends_clean(b, pid, id, sig, l.name[i]);
		stopped++;
	}
	printf("%u labels of %u, %u times no memory\n", stopped, l.n, refused);
	CHECK(stopped > 50 && refused > 50);
}

TEST_T(who_is_stopped_at_any_step_and_goes_on_hangs_nobody, 60)
{
	stop_everywhere(SIGCONT);
}
TEST_T(who_is_stopped_at_any_step_and_killed_hangs_nobody, 60)
{
	stop_everywhere(SIGKILL);
}

/* ---- what was in hand when the lock could not be had ---- */

static int grows(void *arg)
{
	void *p = rte_malloc(NULL, 3 << 20, 0);

	(void)arg;
	return p == NULL && rte_errno == ENOMEM ? 0 : 1;
}

static int trims(void *arg)
{
	(void)arg;
	(void)shoal_mem_trim();
	return 0;
}

static int frees_large(void *arg)
{
	rte_free(swap_out(&((struct board *)arg)->large));
	return 0;
}

static int ends_a_thread(void *arg)
{
	pthread_t th;

	if (pthread_create(&th, NULL, thread_of_player, arg) != 0)
		return 1;
	return pthread_join(th, NULL) == 0 ? 0 : 2;
}

/* first: has something in hand at its label; then another one takes the lock at its, and first goes on, or dies at last */
static void in_hand(int (*fn)(void *), const char *first, const char *then, const char *last)
{
	struct board *b = f_shared(sizeof(*b));
	sh_id_t id[2];
	pid_t pid[2];
	char what[200];

	for (unsigned dies = 0; dies < 2; dies++) {
		snprintf(what, sizeof(what), "%s, %s, %s %u", first, then, last, dies);
		set_stage(b);
		if (dies)
			setenv("SHOAL_DIE_AT", last, 1);
		pid[0] = stopped_at(fn, b, first, &id[0]);
		unsetenv("SHOAL_DIE_AT");
		pid[1] = stopped_at(plays, b, then, &id[1]);
		if (pid[0] == 0 || pid[1] == 0)
			t_fail(__FILE__, __LINE__, "%s: it does not come there", what);
		kill(pid[0], SIGCONT);
		if (f_wait(pid[0]) != (dies ? 128 + SIGKILL : 0))
			t_fail(__FILE__, __LINE__, "%s: was not refused", what);
		CHECK_EQ(sh_member_probe(id[0]), 1);
		f_event(SH_EV_DEATH, id[0]);
		ends_clean(b, pid[1], id[1], SIGCONT, what);
	}
}

TEST_T(what_cannot_be_put_down_is_nobodys_until_it_can, 60)
{
	sh_ctx.opts = &opts;
	CHECK_EQ(setenv("SHOAL_STOPPED_NS", "5000000", 1), 0);
	CHECK_EQ(rte_openlog_stream(fopen("/dev/null", "w")), 0);
	in_hand(frees_large, "block_giving", "mem_lock_taken", "late_given");
	in_hand(grows, "mem_fill_backed", "mem_run_ready", "late_abandoned");
	in_hand(grows, "mem_fill_backed", "mem_fill_reserved", "late_work");
	in_hand(grows, "mem_fill_backed", "mem_fill_reserved", "late_abandoned");
	in_hand(trims, "mem_punch_done", "mem_fill_reserved", "late_work");
	in_hand(trims, "mem_shrink_cut", "mem_run_ready", "late_abandoned");
	in_hand(ends_a_thread, "span_left", "mem_lock_taken", "late_forsaken");
}
