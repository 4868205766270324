/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_prop_test.c - the heap against a model: random calls by several
 * processes, blocks that change hands, kills at any moment
 *
 * A worker keeps a list of the blocks that it holds, and each block says in its
 * first words whose it is, how long it asked for and with what it is filled:
 * who frees, grows or hands on a block looks at all of that first, so two who
 * got the same bytes, a block that is too short and one that was lost are seen.
 * Blocks go from hand to hand through a board in shared memory.
 * $SHOAL_PROPERTY_OPS calls in all (default 60000; the long suite does ten
 * million), a kill in each 5000, or in each 10000 of ten million. Now and then
 * the test frees what the dead had, as a program would: else they would have
 * all there is.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memzone.h>
#include <shoal_mem.h>
#include <shoal_member.h>

#include "check.h"
#include "mem/page.h"

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif

#define WORKERS 3
#define MINE 512 /* blocks that one holds */
#define SLOTS 32
#define BATCH 256 /* calls between two looks at the board */
#define MAGIC 0x6d6f64656c6f6bull
#define MEMBERS 4096 /* more than will have something out */
#define FREE_EACH 8  /* kills between two looks at what the dead have */
#define ALIGN_MOST 8192

struct block {
	uint64_t magic;
	_Atomic uint64_t holder; /* 0: on the board */
	uint64_t len;		 /* as asked for, of the whole */
	uint64_t seed;
	unsigned char fill[];
};

struct board {
	_Atomic uint64_t ops, most;
	_Atomic(struct block *) slot[SLOTS];
};

static struct board *board;
static uint64_t rnd_state, self;

static unsigned rnd(unsigned n)
{
	rnd_state = rnd_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(rnd_state >> 33) % n;
}

/* many small, few large, now and then more than a step */
static size_t some_size(void)
{
	static const unsigned most[] = {64, 64, 256, 256, 1024, 1024, 4096, 20000, 70000, 300000};

	return sizeof(struct block) + (rnd(2000) == 0 ? 3000000 : rnd(most[rnd(10)]));
}

/* ---- one block ---- */

/* which bytes are filled: all of a small one, some of a large one, and always
 * the last */
static size_t step_of(size_t len)
{
	return len <= 4096 ? 1 : 509;
}

static void fill(struct block *b, size_t len)
{
	size_t n = len - sizeof(*b);

	b->len = len;
	b->seed = rnd(1u << 30);
	for (size_t i = 0; i < n; i += step_of(len))
		b->fill[i] = (unsigned char)(b->seed + i * 31);
	if (n > 0)
		b->fill[n - 1] = (unsigned char)(b->seed + (n - 1) * 31);
	atomic_store(&b->holder, self);
	b->magic = MAGIC;
}

/* its first len bytes are as its filler left them */
static void verify(const struct block *b, uint64_t holder, size_t len)
{
	size_t n = len - sizeof(*b), size = 0;

	CHECK_EQ(b->magic, MAGIC);
	CHECK_EQ(atomic_load(&b->holder), holder);
	CHECK_EQ(rte_malloc_validate(b, &size), 0);
	CHECK(size >= len && size >= sizeof(*b));
	for (size_t i = 0; i < n; i += step_of(b->len))
		if (b->fill[i] != (unsigned char)(b->seed + i * 31))
			t_fail(__FILE__, __LINE__, "byte %zu of %zu is not what was written", i, n);
	if (n > 0 && len == b->len)
		CHECK_EQ(b->fill[n - 1], (unsigned char)(b->seed + (n - 1) * 31));
}

static struct block *take(void)
{
	unsigned kind = rnd(8), align = kind == 1 ? 64u << rnd(8) : 0;
	size_t len = some_size();
	struct block *b = kind == 2   ? rte_zmalloc(NULL, len, 0)
			  : kind == 3 ? rte_calloc(NULL, 1, len, 0)
				      : rte_malloc(NULL, len, align);

	if (b == NULL)
		return NULL;
	if (align != 0)
		CHECK_EQ((uintptr_t)b % align, 0);
	for (size_t i = 0; (kind == 2 || kind == 3) && i < len; i++)
		CHECK_EQ(((unsigned char *)b)[i], 0);
	fill(b, len);
	return b;
}

static void give(struct block *b)
{
	verify(b, self, b->len);
	b->magic = 0;
	rte_free(b);
}

static struct block *resize(struct block *b)
{
	size_t old = b->len, len = some_size();
	struct block *n;

	verify(b, self, old);
	n = rte_realloc(b, len, 0);
	if (n == NULL)
		return b; /* untouched: looked at again when it goes */
	verify(n, self, old < len ? old : len);
	fill(n, len);
	return n;
}

/* mine goes to the board, what lay there is mine */
static struct block *swap(struct block *b)
{
	verify(b, self, b->len);
	atomic_store(&b->holder, 0);
	b = atomic_exchange(&board->slot[rnd(SLOTS)], b);
	if (b != NULL) {
		atomic_store(&b->holder, self);
		verify(b, self, b->len);
	}
	return b;
}

/* ---- a worker ---- */

static void init_as(const char *type)
{
	char prog[] = "property", p[64], lcores[] = "--lcores=0@0", max[] = "--memory-max=192M",
	     decay[] = "--mem-decay=5";
	char *argv[] = {prog, p, lcores, max, decay, NULL};

	snprintf(p, sizeof(p), "--proc-type=%s", type);
	CHECK(rte_eal_init(5, argv) >= 0);
	self = shoal_member_self();
	rnd_state = self * 0x9e3779b97f4a7c15u;
}

ROLE(worker)
{
	static struct block *mine[MINE];
	unsigned kept = 0;

	init_as("secondary");
	board = rte_memzone_lookup("board")->addr;
	t_tell("up %llu", (unsigned long long)self);
	while (atomic_fetch_add(&board->ops, BATCH) < atomic_load(&board->most)) {
		for (unsigned i = 0; i < BATCH; i++) {
			struct block **b = &mine[rnd(kept < MINE ? ++kept : MINE)];

			if (*b == NULL) {
				*b = take();
				continue;
			}
			switch (rnd(8)) {
			case 0:
			case 1:
				*b = resize(*b);
				break;
			case 2:
				*b = swap(*b);
				break;
			default:
				give(*b);
				*b = NULL;
			}
		}
	}
	for (unsigned i = 0; i < MINE; i++)
		if (mine[i] != NULL)
			give(mine[i]);
	t_tell("done");
	rte_eal_cleanup();
	return 0;
}

/* ---- the test ---- */

struct worker {
	struct t_proc *p;
	uint64_t id;
};

static struct worker start(void)
{
	struct worker w = {.p = t_spawn("worker", NULL)};

	w.id = strtoull(t_expect(w.p, "up") + 3, NULL, 10);
	return w;
}

static void sound(void)
{
	char why[256] = "";

	if (shoal_heap_audit(why, sizeof(why)) != 0)
		t_fail(__FILE__, __LINE__, "audit: %s", why);
}

static bool gone(void *arg)
{
	return shoal_member_is_alive(*(uint64_t *)arg) != 1;
}

/* where the block begins: a large alignment may have moved it behind the start
 * of the piece. NULL: it was being taken, or given */
static struct block *block_in(void *piece, size_t size)
{
	for (size_t at = 0; at + sizeof(struct block) <= size && at <= ALIGN_MOST; at += 64) {
		struct block *b = (struct block *)(void *)((unsigned char *)piece + at);

		if (b->magic == MAGIC && rte_malloc_validate(b, NULL) == 0)
			return b;
	}
	return NULL;
}

/* taken by one that is dead, and held by one that is dead: nobody else looks at
 * it */
static void free_held_by_dead(void *piece, size_t size, void *arg)
{
	struct block *b = block_in(piece, size);
	uint64_t holder = b != NULL ? atomic_load(&b->holder) : 0;

	(void)arg;
	if (holder == 0 || shoal_member_is_alive(holder) == 1)
		return;
	b->magic = 0;
	rte_free(b);
}

/* of these ids those that took something that is still out */
static unsigned free_of_dead(uint64_t *ids, unsigned n)
{
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++) {
		bool dead = shoal_member_is_alive(ids[i]) != 1;

		if (dead && shoal_mem_owned_by(ids[i], free_held_by_dead, NULL) == 0)
			continue;
		ids[left++] = ids[i];
	}
	return left;
}

static bool as_many(void *arg)
{
	struct rte_malloc_socket_stats st;

	CHECK_EQ(rte_malloc_get_socket_stats(0, &st), 0);
	return st.alloc_count == *(unsigned *)arg;
}

static void run(uint64_t ops)
{
	const struct rte_memzone *mz;
	struct rte_malloc_socket_stats st;
	struct worker w[WORKERS];
	uint64_t ids[MEMBERS], next = 5000;
	unsigned n = 0, kills = 0, before;
	long owned;

	init_as("primary");
	mz = rte_memzone_reserve("board", sizeof(*board), SOCKET_ID_ANY, 0);
	board = memset(mz->addr, 0, sizeof(*board));
	CHECK_EQ(rte_malloc_get_socket_stats(0, &st), 0);
	before = st.alloc_count;
	atomic_store(&board->most, ops);
	for (unsigned i = 0; i < WORKERS; i++)
		ids[n++] = (w[i] = start()).id;
	while (atomic_load(&board->ops) < ops) {
		unsigned i = rnd(WORKERS);

		if (atomic_load(&board->ops) < next) {
			usleep(500); /* sleep: any moment */
			continue;
		}
		next += 5000 + ops / 2000;
		t_kill(w[i].p, SIGKILL);
		CHECK_EQ(t_wait(w[i].p), 128 + SIGKILL);
		close(w[i].p->out);
		if (++kills % FREE_EACH == 0)
			n = free_of_dead(ids, n);
		CHECK(n < MEMBERS);
		ids[n++] = (w[i] = start()).id;
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		t_expect(w[i].p, "done");
		CHECK_EQ(t_wait(w[i].p), 0);
	}
	sound();
	for (unsigned i = 0; i < SLOTS; i++) { /* what lies on the board is nobody's: the test's */
		struct block *b = atomic_exchange(&board->slot[i], NULL);

		if (b != NULL) {
			verify(b, 0, b->len);
			rte_free(b);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		t_until(gone, &ids[i]);
		owned = shoal_mem_owned_by(ids[i], NULL, NULL);
		CHECK_EQ(shoal_mem_free_owned(ids[i]), owned);
	}
	t_until(as_many, &before); /* what is being given back counts as well */
	sound();
	printf("%llu calls, %u kills\n", (unsigned long long)atomic_load(&board->ops), kills);
}

TEST_T(random_calls_against_a_model, 60)
{
	run(60000);
}

TEST_T(long_random_calls_against_a_model, 3000)
{
	const char *ops = getenv("SHOAL_PROPERTY_OPS");

	run(ops != NULL ? strtoull(ops, NULL, 10) : 10000000);
}

/* ---- one that leaves is alive ---- */

ROLE(leaver)
{
	char line[16];

	init_as("secondary");
	CHECK(rte_malloc(NULL, 100, 0) != NULL); /* a span to be left behind */
	t_tell("up %llu", (unsigned long long)self);
	t_hear(line, sizeof(line));
	rte_eal_cleanup();
	return 0;
}

ROLE(joins)
{
	char line[16];

	init_as("secondary");
	t_tell("up");
	t_hear(line, sizeof(line));
	return 0;
}

static _Atomic uint64_t left;

static void on_event(void *arg, enum shoal_member_event event, uint64_t id)
{
	(void)arg;
	if (event == SHOAL_MEMBER_LEAVE)
		atomic_store(&left, id);
}

static bool has_left(void *arg)
{
	return atomic_load(&left) == *(uint64_t *)arg;
}

/* it stops with the lock in its hands; the others have been told that it left,
 * and wait for it all the same */
TEST(a_lock_of_one_that_leaves_is_its_own)
{
	const struct sh_lock *l;
	struct worker w;
	struct t_proc *next;
	siginfo_t si;

	NEEDS_FAULT();
	init_as("primary");
	CHECK_EQ(shoal_member_event_register(on_event, NULL), 0);
	CHECK_EQ(setenv("SHOAL_STOP_AT", "span_reaped", 1), 0);
	w.p = t_spawn("leaver", NULL);
	CHECK_EQ(unsetenv("SHOAL_STOP_AT"), 0);
	w.id = strtoull(t_expect(w.p, "up") + 3, NULL, 10);
	t_say(w.p, "leave");
	CHECK_EQ(waitid(P_PID, (id_t)w.p->pid, &si, WSTOPPED | WEXITED | WNOWAIT), 0);
	CHECK_EQ(si.si_code, CLD_STOPPED);
	t_until(has_left, &w.id);
	next = t_spawn("joins", NULL); /* a join is told after whatever was told of that one */
	t_expect(next, "up");
	l = &sh_ctx.mem->h->lock;
	CHECK_EQ(sh_lock_id(atomic_load(&l->owner)), w.id);
	CHECK_EQ(atomic_load(&l->mended), 0);
	t_kill(w.p, SIGCONT);
	CHECK_EQ(t_wait(w.p), 0);
	sound();
}
