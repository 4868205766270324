/* SPDX-License-Identifier: BSD-3-Clause */
/* take_test.c - what others freed of a thread that does not come by: there is memory for who needs some, at any death */
#include <errno.h>
#include <inttypes.h>
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
#include <rte_memzone.h>
#include <shoal_mem.h>

#include "base/futex.h"
#include "fake.h"
#include "mem/heap.h"
#include "mem/mem.h"
#include "proc/opts.h"

static struct sh_opts small = {.memory_max = 16 << 20};
#define MAX (16u << 20)
#define MANY 300000

static uint64_t used(void)
{
	struct sh_pages_stat s;

	CHECK_EQ(sh_pages_stat(&s), 0);
	return s.used;
}

/* pointers that all processes of a case see, and a word by which they take turns */
struct table {
	_Atomic uint32_t turn;
	unsigned size, most; /* most: 0, to the limit */
	_Atomic uint32_t n;
	_Atomic uint32_t stop;
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

static struct table *table(unsigned size)
{
	struct table *t = f_shared(sizeof(*t));

	t->size = size;
	return t;
}

static void take_one(struct table *t, unsigned i)
{
	unsigned char *p = rte_malloc(NULL, t->size, 0);

	CHECK(p != NULL);
	p[0] = p[t->size - 1] = (unsigned char)i;
	sh_store_rel(&t->p[i], p);
}

static void give_one(struct table *t, unsigned i)
{
	unsigned char *p = sh_load_acq(&t->p[i]);

	CHECK(p[0] == (unsigned char)i && p[t->size - 1] == (unsigned char)i);
	rte_free(p);
}

static void take(struct table *t, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		take_one(t, i);
}

static void give(struct table *t, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		give_one(t, i);
}

/* n says how many */
static void fill(struct table *t)
{
	unsigned most = t->most != 0 ? t->most : MANY, n = 0;
	unsigned char *p;

	while (n < most && (p = rte_malloc(NULL, t->size, 0)) != NULL) {
		p[0] = p[t->size - 1] = (unsigned char)n;
		sh_store_rel(&t->p[n++], p);
	}
	if (t->most == 0) {
		CHECK(n < MANY);
		CHECK_EQ(rte_errno, ENOMEM);
	}
	sh_store_rel(&t->n, n);
}

/* ---- an owner that does nothing ---- */

/* fills, waits; then lives on with what it has */
static int fills_and_waits(void *arg)
{
	struct table *t = arg;
	unsigned n;

	fill(t);
	n = sh_load_acq(&t->n) / 2;
	n = n < 5000 ? n : 5000;
	set_turn(t, 1);
	wait_turn(t, 2);
	for (unsigned round = 0; round < 3; round++) {
		take(t, 0, n);
		f_sound("the owner goes on");
		give(t, 0, n);
	}
	sh_heap_trim();
	f_sound("the owner has nothing");
	set_turn(t, 3);
	wait_turn(t, 4);
	return 0;
}

/* all but what its first unit of each size must keep */
TEST(what_a_sleeping_owner_holds_for_nothing_is_there_for_others)
{
	static const unsigned sizes[] = {64, 700, 20000};
	const struct rte_memzone *mz;
	void *p;

	sh_ctx.opts = &small;
	for (unsigned i = 0; i < 3; i++) {
		struct table *t = table(sizes[i]);
		pid_t pid;

		f_group_again();
		pid = f_member(fills_and_waits, t, NULL);
		wait_turn(t, 1);
		CHECK(rte_malloc(NULL, 1 << 20, 0) == NULL);
		give(t, 0, sh_load_acq(&t->n));
		if (i == 1) {
			mz = rte_memzone_reserve("all", MAX - (1 << 20), SOCKET_ID_ANY, 0);
			CHECK(mz != NULL);
			CHECK_EQ(rte_memzone_free(mz), 0);
		}
		p = rte_malloc(NULL, MAX - (1 << 20), 0);
		CHECK(p != NULL);
		f_sound("taken from the owner");
		rte_free(p);
		CHECK(used() <= SH_UNIT);
		rte_free(sh_load_acq(&t->p[7])); /* a line: freed already */
		set_turn(t, 2);
		wait_turn(t, 3);
		CHECK_EQ(used(), 0);
		set_turn(t, 4);
		CHECK_EQ(f_wait(pid), 0);
	}
}

TEST(trim_gives_back_what_a_sleeping_owner_holds_for_nothing)
{
	struct table *t = table(64);
	pid_t pid;

	sh_ctx.opts = &small;
	f_group();
	pid = f_member(fills_and_waits, t, NULL);
	wait_turn(t, 1);
	give(t, 0, sh_load_acq(&t->n));
	CHECK(shoal_mem_trim() >= (long)(MAX - (2 << 20)));
	CHECK(f_heap_held() <= 1 << 20);
	set_turn(t, 2);
	wait_turn(t, 3);
	set_turn(t, 4);
	CHECK_EQ(f_wait(pid), 0);
	CHECK_EQ(used(), 0);
}

static bool is_back(void *arg)
{
	(void)arg;
	return f_heap_held() <= 1 << 20 && used() <= SH_UNIT;
}

/* nobody asks for anything: the time alone does it */
TEST(decay_gives_back_what_a_sleeping_owner_holds_for_nothing)
{
	struct sh_opts quick = {.memory_max = MAX, .mem_decay = 51}; /* ms + 1 */
	struct table *t = table(64);
	pid_t pid;

	sh_ctx.opts = &quick;
	f_group();
	pid = f_member(fills_and_waits, t, NULL);
	wait_turn(t, 1);
	give(t, 0, sh_load_acq(&t->n));
	t_until(is_back, NULL);
	f_sound("decayed");
	set_turn(t, 2);
	wait_turn(t, 3);
	set_turn(t, 4);
	CHECK_EQ(f_wait(pid), 0);
}

/* what still has one block out stays, with that block */
TEST(a_span_with_a_block_out_stays_its_owners)
{
	struct table *t = table(1000);
	unsigned n, kept = 0;
	pid_t pid;

	sh_ctx.opts = &small;
	f_group();
	pid = f_member(fills_and_waits, t, NULL);
	wait_turn(t, 1);
	n = sh_load_acq(&t->n);
	for (unsigned i = 0; i < n; i++)
		if (i % 1000 != 500)
			give_one(t, i);
		else
			kept++;
	CHECK(shoal_mem_trim() > 0);
	f_sound("trimmed");
	CHECK(used() >= kept * SH_UNIT && used() <= kept * 65536 + SH_UNIT); /* the last ones are small */
	for (unsigned i = 500; i < n; i += 1000)
		give_one(t, i);
	CHECK(shoal_mem_trim() > 0);
	CHECK(used() <= SH_UNIT);
	set_turn(t, 2);
	wait_turn(t, 3);
	set_turn(t, 4);
	CHECK_EQ(f_wait(pid), 0);
}

/* ---- where the kernel, or a filter, refuses membarrier(2): the span that blocks come from stays whole, no more ---- */

TEST(without_membarrier_all_but_one_span_of_a_size_is_taken)
{
	struct table *t = table(64);
	pid_t pid;

	t->most = 30000; /* near the limit a span would be as small as what is left of one that is taken */
	sh_ctx.opts = &small;
	f_group();
	pid = f_member(fills_and_waits, t, NULL);
	wait_turn(t, 1);
	give(t, 0, sh_load_acq(&t->n));
	setenv("SHOAL_FAIL_AT", "span_fence", 1);
	CHECK(shoal_mem_trim() > 0);
	unsetenv("SHOAL_FAIL_AT");
	CHECK_EQ(used(), 65536);
	f_sound("cut off, and left so");
	set_turn(t, 2); /* its owner works the list out anew */
	wait_turn(t, 3);
	set_turn(t, 4);
	CHECK_EQ(f_wait(pid), 0);
	CHECK_EQ(used(), 0);
}

/* ---- an owner that is stopped ---- */

struct stops {
	struct table *t;
	const char *at;
};

static int fills_and_stops(void *arg)
{
	const struct stops *s = arg;
	struct table *t = s->t;
	unsigned n;

	fill(t);
	n = sh_load_acq(&t->n) - 1;
	setenv("SHOAL_STOP_AT", s->at, 1);
	rte_free(sh_load_acq(&t->p[n])); /* its last one goes and comes */
	take_one(t, n);
	rte_free(sh_load_acq(&t->p[n / 2]));
	take_one(t, n / 2);
	unsetenv("SHOAL_STOP_AT");
	set_turn(t, 1);
	wait_turn(t, 2);
	give_one(t, n);
	give_one(t, n / 2);
	take(t, 0, 2000);
	give(t, 0, 2000);
	sh_heap_trim();
	f_sound("the owner has nothing");
	return 0;
}

/*
 * Whatever it was stopped in, it goes on as if nothing had been; where it was at a block all but that span is there for
 * others, where it was inside its gate all is its own.
 */
TEST_T(an_owner_stopped_anywhere_goes_on_unharmed, 60)
{
	static const struct {
		const char *at;
		uint64_t held;
	} step[] = {{"span_counted", 1}, {"span_popped", 1},	   {"span_marked", 1},	{"span_unmarked", 1},
		    {"span_pushed", 1},	 {"span_own_unmarked", 0}, {"span_gate_in", 0}, {"span_gate_out", 0}};

	sh_ctx.opts = &small;
	for (unsigned i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		struct stops s = {table(1000), step[i].at};
		unsigned n;
		pid_t pid;
		int st;

		f_group_again();
		pid = f_member(fills_and_stops, &s, NULL);
		CHECK_EQ(waitpid(pid, &st, WUNTRACED), pid);
		if (!WIFSTOPPED(st))
			t_fail(__FILE__, __LINE__, "nobody passes %s", step[i].at);
		n = sh_load_acq(&s.t->n) - 1;
		for (unsigned k = 0; k < n; k++)
			if (k != n / 2)
				give_one(s.t, k);
		(void)shoal_mem_trim();
		f_sound(step[i].at);
		if (step[i].held != 0 && used() > 3 * 65536)
			t_fail(__FILE__, __LINE__, "%s: %" PRIu64 " bytes are held", step[i].at, used());
		if (step[i].held == 0)
			CHECK(used() > MAX / 2);
		kill(pid, SIGCONT);
		wait_turn(s.t, 1);
		(void)shoal_mem_trim();
		f_sound("gone on");
		CHECK(used() <= 3 * 65536);
		set_turn(s.t, 2);
		CHECK_EQ(f_wait(pid), 0);
		CHECK_EQ(used(), 0);
	}
}

/* ---- who takes dies, and the owner lives ---- */

static int takes_from_others(void *arg)
{
	(void)arg;
	return shoal_mem_trim() > 0 ? 0 : 1;
}

/* labels of take.c, so that none can be forgotten */
static unsigned labels(char name[][48], unsigned cap)
{
	FILE *f = fopen(MEM_SOURCE "/take.c", "re");
	char line[512];
	unsigned n = 0;

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *at = strstr(line, "SH_STEP(\"");

		if (at == NULL)
			continue;
		CHECK(n < cap);
		CHECK_EQ(sscanf(at, "SH_STEP(\"%47[a-z_]\")", name[n++]), 1);
	}
	fclose(f);
	CHECK(n > 8);
	return n;
}

static void die_taking(const char *label, unsigned nth, bool told)
{
	struct table *t = table(64);
	char at[80];
	sh_id_t id;
	pid_t pid;

	f_group_again();
	pid = f_member(fills_and_waits, t, NULL);
	wait_turn(t, 1);
	give(t, 0, sh_load_acq(&t->n));
	snprintf(at, sizeof(at), "%s:%u", label, nth);
	setenv("SHOAL_DIE_AT", at, 1);
	if (f_wait(f_member(takes_from_others, NULL, &id)) != 128 + SIGKILL)
		t_fail(__FILE__, __LINE__, "nobody passes %s for the %u. time", label, nth);
	unsetenv("SHOAL_DIE_AT");
	CHECK_EQ(sh_member_probe(id), 1);
	if (told) { /* else the owner is the first to find out */
		f_event(SH_EV_DEATH, id);
		f_sound(label);
		CHECK(rte_malloc(NULL, MAX - (1 << 20), 0) != NULL);
		rte_free(sh_load_acq(&t->p[3])); /* a line */
		f_sound(label);
		kill(pid, SIGKILL);
		CHECK_EQ(f_wait(pid), 128 + SIGKILL);
		return;
	}
	set_turn(t, 2);
	wait_turn(t, 3);
	f_event(SH_EV_DEATH, id);
	f_sound(label);
	CHECK_EQ(used(), 0);
	set_turn(t, 4);
	CHECK_EQ(f_wait(pid), 0);
}

TEST_T(death_of_who_takes_harms_no_owner, 120)
{
	char name[32][48];
	unsigned n = labels(name, 32);

	sh_ctx.opts = &small;
	for (unsigned i = 0; i < n; i++) {
		die_taking(name[i], 1, false);
		die_taking(name[i], 1, true);
	}
	die_taking("span_taken_out", 70, false);
	die_taking("span_take_joined", 70, true);
	die_taking("mem_set_done", 40, false);
}

/* ---- an owner that is busy while others take ---- */

/* every other round the other side frees, if it comes in time */
static int works_on(void *arg)
{
	struct table *t = arg;

	sh_store_rel(&t->n, 0);
	set_turn(t, 1);
	for (unsigned round = 0; sh_load_acq(&t->stop) == 0; round++) {
		take(t, 0, 700);
		for (unsigned i = 0; i < 700; i++) {
			unsigned char *p = sh_load_acq(&t->p[i]);

			CHECK(p[0] == (unsigned char)i && p[t->size - 1] == (unsigned char)i);
			if (round % 2 != 0 || i % 64 == 5)
				p = sh_xchg(&t->p[1000 + i], p);
			if (p != NULL)
				rte_free(p);
		}
		sh_add(&t->n, 1);
	}
	sh_heap_trim();
	return 0;
}

static void *thread_works_on(void *arg)
{
	CHECK_EQ(works_on(arg), 0);
	return NULL;
}

/* takes what it can get while the owner works, until that has done so many rounds */
static void take_meanwhile(struct table *t, uint32_t rounds)
{
	uint32_t taken = 0;
	bool busy;

	while (sh_load_acq(&t->n) < rounds || taken == 0) {
		for (unsigned i = 0; i < 700; i++) {
			void *p = sh_xchg(&t->p[1000 + i], NULL);

			if (p != NULL)
				rte_free(p);
		}
		taken += sh_idle_take(&busy);
	}
}

static void clear(struct table *t)
{
	for (unsigned i = 0; i < 700; i++)
		rte_free(sh_xchg(&t->p[1000 + i], NULL));
}

TEST_T(an_owner_that_works_while_others_take_keeps_every_byte, 60)
{
	static const unsigned sizes[] = {64, 3000, 50000};

	for (unsigned i = 0; i < 3; i++) {
		struct table *t = table(sizes[i]);
		pid_t pid;

		f_group_again();
		pid = f_member(works_on, t, NULL);
		wait_turn(t, 1);
		take_meanwhile(t, i == 2 ? 60 : 300);
		f_sound("meanwhile");
		sh_store_rel(&t->stop, 1);
		CHECK_EQ(f_wait(pid), 0);
		clear(t);
		(void)shoal_mem_trim();
		f_sound("at the end");
	}
}

/* the same in one process: what a sanitizer sees */
TEST_T(threads_take_from_each_other, 60)
{
	struct table *t = table(500);
	pthread_t th;

	f_group();
	CHECK_EQ(pthread_create(&th, NULL, thread_works_on, t), 0);
	wait_turn(t, 1);
	take_meanwhile(t, 200);
	sh_store_rel(&t->stop, 1);
	CHECK_EQ(pthread_join(th, NULL), 0);
	clear(t);
	(void)shoal_mem_trim();
	f_sound("at the end");
	CHECK_EQ(used(), 0);
}

/* ---- gates ---- */

static void *thread_takes_one(void *arg)
{
	take_one(arg, 0);
	give_one(arg, 0);
	return NULL;
}

/* one that ended leaves its gate to the next */
TEST(gates_are_used_again)
{
	struct table *t = table(100);

	f_group();
	for (unsigned i = 0; i < 100; i++) {
		pthread_t th;

		CHECK_EQ(pthread_create(&th, NULL, thread_takes_one, t), 0);
		CHECK_EQ(pthread_join(th, NULL), 0);
	}
	CHECK(sh_load_acq(&sh_ctx.mem->h->sp.gates) <= 2);
}
