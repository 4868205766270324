/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * heap_prop_test.c - random take, resize and free from several processes, some of which are killed
 *
 * Blocks go from process to process through a table of places. Each carries its size and a word in every line that is made
 * from its address and a number of its own: two blocks that share a byte, or a block that lost one, are noticed by whoever
 * frees it. In the end everything is freed, and nothing may be left.
 *
 * SHOAL_HEAP_OPS, SHOAL_HEAP_KILLS: how many, instead of the few of a quick run; a third of those with a sanitizer
 */
#include <inttypes.h>
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

#include "base/clock.h"
#include "base/futex.h"
#include "fake.h"
#include "mem/heap.h"
#include "mem/mem.h"

#define PLACES 512
#define WORKERS 6
#define LOOK_NS (50 * SH_NS_PER_MS) /* so often the test looks whether all work */

struct world {
	void *_Atomic place[PLACES];
	_Atomic uint64_t ops, want;
	_Atomic uint32_t tick; /* moves when there are as many as are wanted */
	_Atomic uint32_t stop;
	_Atomic uint64_t bad_at; /* address of a block whose bytes are not its own */
};

struct head {
	uint64_t mark; /* of address and seed */
	uint32_t size, seed;
};

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static uint64_t mark(const void *p, uint32_t seed, uint32_t line)
{
	return ((uint64_t)(uintptr_t)p + line) * 0x9e3779b97f4a7c15ull ^ (uint64_t)seed << 20;
}

static uint64_t *word_of(void *p, uint32_t line)
{
	return (uint64_t *)(void *)((unsigned char *)p + (size_t)line * 64);
}

static void write_block(void *p, uint32_t size, uint32_t seed)
{
	struct head *h = p;

	for (uint32_t line = 1; line < size / 64; line++)
		*word_of(p, line) = mark(p, seed, line);
	*h = (struct head){mark(p, seed, 0), size, seed};
}

/* the words of [0, size) as they were written at address at */
static bool reads(void *p, const void *at, const struct head *h, uint32_t size)
{
	if (h->mark != mark(at, h->seed, 0))
		return false;
	for (uint32_t line = 1; line < size / 64; line++)
		if (*word_of(p, line) != mark(at, h->seed, line))
			return false;
	return true;
}

static void verify(struct world *w, void *p)
{
	struct head h = *(struct head *)p;
	size_t room = 0;

	if (!reads(p, p, &h, h.size) || rte_malloc_validate(p, &room) != 0 || room < h.size)
		sh_store_rel(&w->bad_at, (uint64_t)(uintptr_t)p);
}

static uint32_t any_size(uint64_t r)
{
	unsigned kind = r % 100;

	r >>= 8;
	if (kind < 70)
		return 16 + (uint32_t)(r % 1000);
	if (kind < 97)
		return 16 + (uint32_t)(r % (64u << (r >> 32) % 11));
	return 16 + (uint32_t)(r % 300000);
}

static unsigned any_align(uint64_t r)
{
	return r % 16 != 0 ? 0 : 64u << (r >> 8) % 8;
}

static void publish(struct world *w, void *p, uint64_t r)
{
	void *old = sh_xchg(&w->place[r % PLACES], p);

	if (old != NULL) {
		verify(w, old);
		rte_free(old);
	}
}

static bool lies_at(const void *p, unsigned align)
{
	return (uintptr_t)p % (align != 0 ? align : 64) == 0;
}

static void resize(struct world *w, void *p, uint64_t *s)
{
	struct head h = *(struct head *)p;
	uint32_t size = any_size(next_random(s));
	unsigned align = any_align(next_random(s));
	void *q = rte_realloc(p, size, align);

	if (q == NULL) {
		publish(w, p, next_random(s));
		return;
	}
	if (!reads(q, p, &h, size < h.size ? size : h.size) || !lies_at(q, align))
		sh_store_rel(&w->bad_at, (uint64_t)(uintptr_t)q);
	write_block(q, size, h.seed);
	publish(w, q, next_random(s));
}

static void one(struct world *w, uint64_t *s)
{
	uint64_t r = next_random(s);
	uint32_t size;
	unsigned align;
	bool busy;
	void *p;

	if (r % 512 == 5) /* from who does not come by, and from who does */
		(void)sh_idle_take(&busy);
	if (r % 8 < 5) {
		p = sh_xchg(&w->place[(r >> 8) % PLACES], NULL);
		if (p == NULL)
			return;
		verify(w, p);
		if (r % 8 < 4)
			rte_free(p);
		else
			resize(w, p, s);
		return;
	}
	size = any_size(r >> 16);
	align = any_align(r % 8 == 5 ? next_random(s) : r >> 40);
	p = r % 8 == 5 ? rte_zmalloc(NULL, size, align) : rte_malloc(NULL, size, align);
	if (p == NULL)
		return;
	if (!lies_at(p, align))
		sh_store_rel(&w->bad_at, (uint64_t)(uintptr_t)p);
	write_block(p, size, (uint32_t)r);
	publish(w, p, next_random(s));
}

struct job {
	struct world *w;
	uint64_t seed, times;
};

static void *short_thread(void *arg)
{
	struct job *j = arg;

	while (j->times-- > 0)
		one(j->w, &j->seed);
	return NULL;
}

/* whoever is killed before it says so, the next one does */
static void did(struct world *w, uint64_t n)
{
	if (sh_add(&w->ops, n) + n < sh_load_acq(&w->want))
		return;
	sh_add(&w->tick, 1);
	sh_futex_wake(&w->tick, 1, SH_FUTEX_ANY, true);
}

static int works(void *arg)
{
	struct job j = *(struct job *)arg;

	while (sh_load_acq(&j.w->stop) == 0) {
		pthread_t th;
		struct job t = {j.w, next_random(&j.seed), 60};

		for (unsigned i = 0; i < 500 && sh_load_acq(&j.w->stop) == 0; i++) {
			one(j.w, &j.seed);
			if (i % 50 == 0)
				did(j.w, 50);
		}
		if (pthread_create(&th, NULL, short_thread, &t) == 0)
			pthread_join(th, NULL);
	}
	if (next_random(&j.seed) % 2)
		sh_mem_stop();
	return 0;
}

struct run {
	struct world *w;
	uint64_t seed;
	pid_t pid[WORKERS];
	sh_id_t id[WORKERS];
	sh_id_t *dead;
	unsigned n_dead, cap;
};

static void start(struct run *r, unsigned i)
{
	struct job j = {r->w, next_random(&r->seed) | 1, 0};

	r->pid[i] = f_member(works, &j, &r->id[i]);
}

static void note_dead(struct run *r, unsigned i)
{
	CHECK_EQ(sh_member_probe(r->id[i]), 1);
	CHECK(r->n_dead < r->cap);
	r->dead[r->n_dead++] = r->id[i];
	if (next_random(&r->seed) % 4 != 0) /* the others are told of at the end, or found by who needs memory */
		f_event(SH_EV_DEATH, r->id[i]);
}

/* one that ended by itself failed: the others would go on, or wait for it */
static void all_work(const struct run *r)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		siginfo_t si = {.si_pid = 0};

		CHECK_EQ(waitid(P_PID, (id_t)r->pid[i], &si, WEXITED | WNOHANG | WNOWAIT), 0);
		if (si.si_pid != 0)
			t_fail(__FILE__, __LINE__, "worker %u ended with %d", i, si.si_status);
	}
}

static void wait_ops(struct run *r, uint64_t n)
{
	uint32_t tick;

	sh_store_rel(&r->w->want, n);
	for (;;) {
		tick = sh_load_acq(&r->w->tick);
		if (sh_load_acq(&r->w->ops) >= n || sh_load_acq(&r->w->bad_at) != 0)
			return;
		(void)sh_futex_wait(&r->w->tick, tick, sh_deadline(LOOK_NS), SH_FUTEX_ANY, true);
		all_work(r);
	}
}

static void finish(struct run *r)
{
	struct sh_pages_stat s;
	long left = 0;

	sh_store_rel(&r->w->stop, 1);
	for (unsigned i = 0; i < WORKERS; i++) {
		CHECK_EQ(f_wait(r->pid[i]), 0);
		note_dead(r, i);
	}
	for (unsigned i = 0; i < r->n_dead; i++)
		f_event(SH_EV_DEATH, r->dead[i]);
	f_sound("at the end");
	for (unsigned i = 0; i < PLACES; i++)
		if (r->w->place[i] != NULL) {
			verify(r->w, r->w->place[i]);
			rte_free(r->w->place[i]);
		}
	CHECK_EQ(sh_load_acq(&r->w->bad_at), 0);
	f_sound("what was there is freed");
	for (unsigned i = 0; i < r->n_dead; i++)
		left += shoal_mem_free_owned(r->dead[i]);
	/* a block in the hand of each at most, and while it is resized two */
	CHECK(left <= 4 * (long)(r->n_dead - WORKERS));
	sh_heap_trim();
	f_sound("all is freed");
	CHECK_EQ(sh_pages_stat(&s), 0);
	CHECK_EQ(s.used, 0);
}

static uint64_t number(const char *env, uint64_t otherwise)
{
	const char *v = getenv(env);

	return v != NULL ? strtoull(v, NULL, 10) : otherwise;
}

static void play(uint64_t ops, unsigned kills)
{
	struct run r = {.w = f_shared(sizeof(struct world)), .seed = 0x5eed + kills, .cap = kills + WORKERS};
	uint64_t at = 0;

	r.dead = calloc(r.cap, sizeof(*r.dead));
	CHECK(r.dead != NULL);
	f_group();
	for (unsigned i = 0; i < WORKERS; i++)
		start(&r, i);
	for (unsigned k = 0; k < kills; k++) {
		unsigned i = (unsigned)(next_random(&r.seed) % WORKERS);

		at += ops / kills / 2 + next_random(&r.seed) % (ops / kills);
		wait_ops(&r, at);
		kill(r.pid[i], SIGKILL);
		CHECK_EQ(f_wait(r.pid[i]), 128 + SIGKILL);
		note_dead(&r, i);
		start(&r, i);
		if (k % 100 == 99)
			f_sound("between kills");
	}
	wait_ops(&r, ops);
	finish(&r);
	free(r.dead);
}

TEST_T(random_work_keeps_every_byte, 3000)
{
	play(number("SHOAL_HEAP_OPS", T_SANITIZED ? 20000 : 60000), 0);
}

TEST_T(processes_killed_at_random_hang_nobody_and_lose_nothing, 3000)
{
	unsigned kills = (unsigned)number("SHOAL_HEAP_KILLS", T_SANITIZED ? 300 : 1000);

	play(kills * 80ull, kills);
}

/* what a sanitizer sees: threads that free each other's blocks, and end */
TEST_T(threads_of_one_process_keep_every_byte, 600)
{
	struct world *w = f_shared(sizeof(*w));
	struct sh_pages_stat s;
	pthread_t th[4];
	struct job j[4];

	f_group();
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 4; i++) {
			j[i] = (struct job){w, 0x1234567 * (uint64_t)(round * 4 + i + 1), 2000};
			CHECK_EQ(pthread_create(&th[i], NULL, short_thread, &j[i]), 0);
		}
		for (unsigned i = 0; i < 4; i++)
			CHECK_EQ(pthread_join(th[i], NULL), 0);
		CHECK_EQ(sh_load_acq(&w->bad_at), 0);
		f_sound("threads ended");
	}
	for (unsigned i = 0; i < PLACES; i++)
		rte_free(w->place[i]);
	sh_heap_trim();
	CHECK_EQ(sh_pages_stat(&s), 0);
	CHECK_EQ(s.used, 0);
}
