/* SPDX-License-Identifier: BSD-3-Clause */
/* span_crash_test.c - processes die at every labelled step of small blocks, and while they mend: nothing is lost but theirs */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <shoal_mem.h>

#include "base/futex.h"
#include "labels.h"
#include "mem/heap.h"
#include "mem/mem.h"

static void all_labels(struct labels *l)
{
	static const char *const of_blocks[] = {"span_", "block_", NULL};

	labels_of(l, of_blocks);
}

/* ---- blocks with a name, which all see ---- */

#define BLOCKS 520

enum { NONE, TAKING, TAKEN, FREEING };

struct play {
	struct {
		_Atomic uint32_t state;
		_Atomic uint32_t size;
		void *_Atomic p;
	} b[BLOCKS];
};

static void fill(void *p, uint32_t size, unsigned i)
{
	memset(p, (int)(i * 7 + 1) & 0xff, size);
}

static bool holds(const void *p, uint32_t size, unsigned i)
{
	const unsigned char *c = p;

	for (uint32_t k = 0; k < size; k++)
		if (c[k] != ((i * 7 + 1) & 0xff))
			return false;
	return true;
}

static void take(struct play *y, unsigned i, uint32_t size, unsigned align)
{
	void *p;

	sh_store_rel(&y->b[i].size, size);
	sh_store_rel(&y->b[i].state, TAKING);
	p = rte_malloc(NULL, size, align);
	CHECK(p != NULL);
	fill(p, size, i);
	sh_store_rel(&y->b[i].p, p);
	sh_store_rel(&y->b[i].state, TAKEN);
}

static void give(struct play *y, unsigned i)
{
	CHECK(holds(sh_load_acq(&y->b[i].p), sh_load_acq(&y->b[i].size), i));
	sh_store_rel(&y->b[i].state, FREEING);
	rte_free(sh_load_acq(&y->b[i].p));
	sh_store_rel(&y->b[i].state, NONE);
}

/* ---- the play: 0 .. 99 the test's, 100 .. 199 of one who died before, the rest of the one who is killed ---- */

static int died_before(void *arg)
{
	for (unsigned i = 100; i < 200; i++)
		take(arg, i, i < 150 ? 700 : 3000, 0);
	for (unsigned i = 100; i < 150; i += 2)
		give(arg, i);
	return 0; /* without a word */
}

static void *thread_of_player(void *arg)
{
	for (unsigned i = 350; i < 370; i++)
		take(arg, i, 200, 0);
	for (unsigned i = 352; i < 366; i++)
		give(arg, i);
	take(arg, 370, 10000, 0);
	give(arg, 370);
	for (unsigned i = 400; i < 404; i++)
		give(arg, i); /* the other thread's */
	return NULL;
}

/* one that sleeps while the other frees what it has, and takes its spans */
struct sleeper {
	struct play *y;
	_Atomic uint32_t turn;
};

static void wait_turn(struct sleeper *s, uint32_t turn)
{
	uint32_t now;

	while ((now = sh_load_acq(&s->turn)) < turn)
		(void)sh_futex_wait(&s->turn, now, SH_FOREVER, SH_FUTEX_ANY, false);
}

static void next_turn(struct sleeper *s)
{
	sh_add(&s->turn, 1);
	sh_futex_wake(&s->turn, 1, SH_FUTEX_ANY, false);
}

static void *sleeps(void *arg)
{
	struct sleeper *s = arg;

	for (unsigned i = 371; i < 389; i++)
		take(s->y, i, 60000, 0);
	next_turn(s);
	wait_turn(s, 2);
	for (unsigned i = 371; i < 375; i++)
		take(s->y, i, 60000, 0);
	next_turn(s);
	wait_turn(s, 4);
	take(s->y, 371, 60000, 0);
	give(s->y, 371);
	return NULL;
}

static void take_from_sleeper(struct play *y)
{
	struct sleeper s = {.y = y};
	pthread_t th;
	bool busy;

	CHECK_EQ(pthread_create(&th, NULL, sleeps, &s), 0);
	wait_turn(&s, 1);
	for (unsigned i = 371; i < 389; i++)
		give(y, i);
	setenv("SHOAL_FAIL_AT", "span_fence", 1); /* its list is cut off, and no more: it opens it again */
	(void)sh_idle_take(&busy);
	unsetenv("SHOAL_FAIL_AT");
	next_turn(&s);
	wait_turn(&s, 3);
	for (unsigned i = 371; i < 375; i++)
		give(y, i);
	(void)sh_idle_take(&busy);
	next_turn(&s);
	CHECK_EQ(pthread_join(th, NULL), 0);
}

static int plays(void *arg)
{
	struct play *y = arg;
	pthread_t th;

	for (unsigned i = 200; i < 240; i++)
		take(y, i, 2000, 0); /* more than a span: one gets full */
	for (unsigned i = 200; i < 239; i++)
		give(y, i); /* full -> not full, empty, kept, given back */
	for (unsigned i = 240; i < 300; i++)
		take(y, i, 60000, 0);
	for (unsigned i = 240; i < 300; i++)
		give(y, i);
	take(y, 300, 100, 1024);
	take(y, 301, 100000, 0);
	take(y, 302, 100000, 65536);
	give(y, 301);
	give(y, 300);
	for (unsigned i = 0; i < 90; i++)
		give(y, i); /* the test's */
	for (unsigned i = 150; i < 200; i++)
		give(y, i); /* of the dead, up to the last of that class */
	for (unsigned i = 303; i < 340; i++)
		take(y, i, 700, 0); /* adopts the others */
	for (unsigned i = 303; i < 330; i++)
		give(y, i);
	for (unsigned i = 400; i < 416; i++)
		take(y, i, 60000, 0);
	CHECK_EQ(pthread_create(&th, NULL, thread_of_player, y), 0);
	CHECK_EQ(pthread_join(th, NULL), 0);
	take_from_sleeper(y);
	for (unsigned i = 400; i < 404; i++)
		take(y, i, 60000, 0); /* collects what the thread freed */
	for (unsigned i = 400; i < 416; i++)
		give(y, i);
	sh_mem_stop();
	return 0;
}

/* one that mends and does nothing else */
static int mends(void *arg)
{
	struct play *y = arg;

	(void)sh_orphan_reap(0);
	take(y, 390, 700, 0);
	give(y, 390);
	take(y, 391, 2000, 0);
	give(y, 391);
	return 0;
}

static int runs_killed(int (*fn)(void *), void *arg, const char *label, unsigned nth, sh_id_t *id)
{
	int r = run_killed(fn, arg, label, nth, id);

	CHECK(r == 0 || r == 128 + SIGKILL);
	CHECK_EQ(sh_member_probe(*id), 1);
	return r;
}

/* the test's part and the first dead one's, before the play */
static void set_stage(struct play *y, sh_id_t *before)
{
	memset(y, 0, sizeof(*y));
	for (unsigned i = 0; i < 100; i++)
		take(y, i, 500, 0);
	CHECK_EQ(f_wait(f_member(died_before, y, before)), 0);
	CHECK_EQ(sh_member_probe(*before), 1);
	f_event(SH_EV_DEATH, *before);
}

/* it was being freed when its owner died: is it free? Its place may be another's by now. */
static bool in_hand(const struct play *y, unsigned i)
{
	if (sh_load_acq(&y->b[i].state) != FREEING || rte_malloc_validate(y->b[i].p, NULL) != 0)
		return false;
	for (unsigned k = 0; k < BLOCKS; k++)
		if (sh_load_acq(&y->b[k].state) == TAKEN && sh_load_acq(&y->b[k].p) == sh_load_acq(&y->b[i].p))
			return false;
	return true;
}

static unsigned standing(const struct play *y)
{
	unsigned n = 0;

	for (unsigned i = 0; i < BLOCKS; i++)
		n += sh_load_acq(&y->b[i].state) == TAKEN;
	return n;
}

/* what is out in all */
static unsigned out(void)
{
	struct rte_malloc_socket_stats s;

	CHECK_EQ(rte_malloc_get_socket_stats(0, &s), 0);
	return s.alloc_count;
}

/* what is adopted now serves: each block goes out once */
static void use_again(struct play *y)
{
	static const uint32_t sizes[5] = {200, 500, 700, 2000, 60000};

	for (unsigned i = 0; i < 100; i++)
		take(y, 420 + i, sizes[i % 5], 0);
	for (unsigned i = 0; i < 100; i++) {
		CHECK_EQ(rte_malloc_validate(y->b[420 + i].p, NULL), 0);
		give(y, 420 + i);
	}
}

/*
 * Everything that was taken and not freed is there with its bytes, and besides it at most what the dead had in hand: one
 * block each. When all that is freed nothing is left.
 */
static void check_and_clear(struct play *y, const char *label, unsigned nth, const sh_id_t *dead, unsigned n)
{
	struct sh_pages_stat s;
	unsigned stand = standing(y);

	for (unsigned d = 0; d < n; d++)
		f_event(SH_EV_DEATH, dead[d]);
	f_sound(label);
	if (out() < stand || out() > stand + n)
		t_fail(__FILE__, __LINE__, "%s:%u: %u blocks are out, %u were taken", label, nth, out(), stand);
	use_again(y);
	for (unsigned i = 0; i < BLOCKS; i++)
		if (in_hand(y, i)) {
			rte_free(y->b[i].p);
		} else if (sh_load_acq(&y->b[i].state) == TAKEN) {
			if (rte_malloc_validate(y->b[i].p, NULL) != 0)
				t_fail(__FILE__, __LINE__, "%s:%u: block %u is lost", label, nth, i);
			give(y, i);
		}
	f_sound(label);
	for (unsigned d = 0; d < n; d++)
		CHECK(shoal_mem_free_owned(dead[d]) <= 1);
	sh_heap_trim();
	f_sound(label);
	CHECK_EQ(sh_pages_stat(&s), 0);
	if (s.used != 0)
		t_fail(__FILE__, __LINE__, "%s:%u: %" PRIu64 " bytes are lost", label, nth, s.used);
}

/* 1, 2, 3, 5, 8 ... */
static unsigned further(unsigned nth)
{
	if (T_SANITIZED) /* each death is a process that starts slowly: about half as many */
		return 3 * nth;
	return nth + 1 + nth / 2;
}

TEST_T(death_at_every_step_loses_nothing_but_the_block_in_hand, 120)
{
	struct play *y = f_shared(sizeof(*y));
	struct labels l = {.n = 0};
	sh_id_t dead[2];
	unsigned killed = 0;

	all_labels(&l);
	f_group();
	for (unsigned i = 0; i < l.n; i++) {
		unsigned nth;

		for (nth = 1;; nth = further(nth)) {
			int r;

			set_stage(y, &dead[0]);
			r = runs_killed(plays, y, l.name[i], nth, &dead[1]);
			check_and_clear(y, l.name[i], nth, dead, 2);
			if (r == 0)
				break;
			killed++;
		}
		if (nth == 1)
			t_fail(__FILE__, __LINE__, "nobody passes %s", l.name[i]);
	}
	CHECK(killed > (T_SANITIZED ? 50 : 100));
}

TEST_T(death_of_who_mends_is_mended_by_the_next, 120)
{
	/* where the first dies: with a list in hand, a span half made, half adopted, half an orphan, on its way back */
	static const char *const first[] = {"span_pushed",  "span_taken",	 "span_opened",	      "span_bits_stand",
					    "span_adopted", "span_half_rebuilt", "span_orphan_ready", "span_orphaned",
					    "span_to_give", "span_remote_done",	 "span_unlisted",     "span_left"};
	struct play *y = f_shared(sizeof(*y));
	struct labels l = {.n = 0};
	unsigned killed = 0;
	sh_id_t dead[3];

	all_labels(&l);
	f_group();
	for (unsigned f = 0; f < sizeof(first) / sizeof(first[0]); f++)
		for (unsigned i = 0; i < l.n; i++)
			for (unsigned nth = 1;; nth = further(nth)) {
				int r;

				set_stage(y, &dead[0]);
				CHECK_EQ(runs_killed(plays, y, first[f], 1, &dead[1]), 128 + SIGKILL);
				r = runs_killed(mends, y, l.name[i], nth, &dead[2]);
				check_and_clear(y, first[f], nth, dead, 3);
				if (r == 0)
					break;
				killed++;
				if (nth > 2)
					break;
			}
	CHECK(killed > (T_SANITIZED ? 50 : 100));
}
