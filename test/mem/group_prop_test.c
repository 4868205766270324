/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_prop_test.c - the heap against a model: random calls by several processes, blocks that change hands, kills at any moment
 *
 * The model is what each worker says that it has, in a hand of its own in shared memory, and what lies on the board, by which
 * blocks change hands. A block says in its first words whose it is, how long it asked for and with what it is filled: who
 * frees, grows or hands on a block looks at all of that first, so two who got the same bytes and a block that is too
 * short are seen. One that was lost is seen in the end: all that the model knows is freed, one by one, and then
 * nothing may be listed with any member. But for what a kill left in the middle: the one block in hand, which is
 * known (busy, coming), and one that was taken and not yet written down, which is listed with the dead one.
 *
 * $SHOAL_PROPERTY_OPS calls in all (default 60000; the long suite does ten million), a kill in each 5000, or in each 10000 of ten
 * million. Now and then the test frees what the dead had, as a program would: else they would have all there is.
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
#define MEMBERS 4096 /* more than there will be */
#define FREE_EACH 8  /* kills between two times that what the dead had is freed */

struct block {
	uint64_t magic;
	_Atomic uint64_t holder; /* 0: on the board */
	uint64_t len;		 /* as asked for, of the whole */
	uint64_t seed;
	unsigned char fill[];
};

/* what a worker has; its own, and the test's when it is dead */
struct hand {
	_Atomic(struct block *) mine[MINE];
	_Atomic unsigned busy;		/* the place that something is being done to, + 1 */
	_Atomic(struct block *) coming; /* from the board, perhaps */
};

struct board {
	struct hand hand[WORKERS];
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
	CHECK_EQ((uintptr_t)b % (align != 0 ? align : 64), 0);
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
	unsigned align = rnd(4) == 0 ? 64u << rnd(8) : 0;
	struct block *n;

	verify(b, self, old);
	n = rte_realloc(b, len, align);
	if (n == NULL)
		return b; /* untouched: looked at again when it goes */
	CHECK_EQ((uintptr_t)n % (align != 0 ? align : 64), 0);
	verify(n, self, old < len ? old : len);
	fill(n, len);
	return n;
}

/* mine goes to the board, what lay there is mine; where it comes from is said first */
static struct block *swap(struct hand *h, struct block *b)
{
	_Atomic(struct block *) *slot = &board->slot[rnd(SLOTS)];
	struct block *got = atomic_load(slot);

	verify(b, self, b->len);
	atomic_store(&b->holder, 0);
	do {
		atomic_store(&h->coming, got);
	} while (!atomic_compare_exchange_strong(slot, &got, b));
	if (got != NULL) {
		atomic_store(&got->holder, self);
		verify(got, self, got->len);
	}
	return got;
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

static void one_call(struct hand *h, unsigned place)
{
	struct block *b = atomic_load(&h->mine[place]);
	unsigned what = rnd(8);

	atomic_store(&h->busy, place + 1);
	if (b == NULL)
		b = take();
	else if (what < 2)
		b = resize(b);
	else if (what == 2)
		b = swap(h, b);
	else
		give(b), b = NULL;
	atomic_store(&h->mine[place], b);
	atomic_store(&h->coming, NULL);
	atomic_store(&h->busy, 0);
}

/* argv[1]: its hand */
ROLE(worker)
{
	unsigned kept = 0;
	struct hand *h;
	char line[16];

	init_as("secondary");
	board = rte_memzone_lookup("board")->addr;
	h = &board->hand[atoi(argv[1])];
	t_tell("up %llu", (unsigned long long)self);
	while (atomic_fetch_add(&board->ops, BATCH) < atomic_load(&board->most))
		for (unsigned i = 0; i < BATCH; i++)
			one_call(h, rnd(kept < MINE ? ++kept : MINE));
	for (unsigned i = 0; i < MINE; i++) { /* it may still be killed */
		struct block *b = atomic_load(&h->mine[i]);

		atomic_store(&h->busy, i + 1);
		if (b != NULL)
			give(b);
		atomic_store(&h->mine[i], NULL);
		atomic_store(&h->busy, 0);
	}
	t_tell("done");
	(void)t_hear(line, sizeof(line));
	rte_eal_cleanup();
	return 0;
}

/* ---- the test ---- */

struct worker {
	struct t_proc *p;
	uint64_t id;
};

static struct worker start(unsigned i)
{
	char hand[8];
	struct worker w;

	memset(&board->hand[i], 0, sizeof(board->hand[i]));
	snprintf(hand, sizeof(hand), "%u", i);
	w.p = t_spawn("worker", hand, NULL);
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

/* ---- the dead ---- */

/* all members, what the dead are known to have had and the test has not freed yet, and what each was at when it was killed */
static struct {
	uint64_t id[MEMBERS];
	bool killed[MEMBERS];
	unsigned n;
	struct {
		struct block *b;
		uint64_t holder;
	} had[FREE_EACH * MINE];
	unsigned n_had;
	struct block *unsure[2 * MEMBERS];
	unsigned n_unsure;
} all;

static void add_unsure(struct block *b)
{
	if (b != NULL)
		all.unsure[all.n_unsure++] = b;
}

static void bequeath(struct hand *h, uint64_t id)
{
	unsigned busy = atomic_load(&h->busy);

	for (unsigned i = 0; i < MINE; i++) {
		struct block *b = atomic_load(&h->mine[i]);

		if (b == NULL)
			continue;
		if (i + 1 == busy) {
			add_unsure(b);
			continue;
		}
		all.had[all.n_had].b = b;
		all.had[all.n_had++].holder = id;
	}
	add_unsure(atomic_load(&h->coming));
	for (unsigned i = 0; i < all.n; i++)
		all.killed[i] |= all.id[i] == id;
}

static void free_of_dead(void)
{
	for (unsigned i = 0; i < all.n_had; i++) {
		struct block *b = all.had[i].b;

		verify(b, all.had[i].holder, b->len);
		b->magic = 0;
		rte_free(b);
	}
	all.n_had = 0;
}

struct listed {
	unsigned n, unknown;
};

/* known: in the hand of one that was killed there */
static void is_known(void *p, size_t size, void *arg)
{
	struct listed *l = arg;
	bool known = false;

	for (unsigned i = 0; i < all.n_unsure && !known; i++)
		known = (uintptr_t)all.unsure[i] - (uintptr_t)p < size;
	l->n++;
	l->unknown += !known;
}

/* all that the model knows is freed: what is still out is what kills left in the middle */
static void nothing_is_lost(unsigned before)
{
	struct rte_malloc_socket_stats st;
	unsigned out = 0;

	for (unsigned i = 0; i < all.n; i++) {
		struct listed l = {0};

		t_until(gone, &all.id[i]);
		CHECK_EQ(shoal_mem_owned_by(all.id[i], is_known, &l), l.n);
		if (l.unknown > (all.killed[i] ? 1 : 0))
			t_fail(__FILE__, __LINE__, "%u blocks that member %u took were lost; it %s", l.unknown, i,
			       all.killed[i] ? "was killed" : "ended well");
		out += l.n;
	}
	CHECK_EQ(rte_malloc_get_socket_stats(0, &st), 0);
	CHECK_EQ(st.alloc_count, before + out);
	for (unsigned i = 0; i < all.n; i++) {
		long owned = shoal_mem_owned_by(all.id[i], NULL, NULL);

		CHECK_EQ(shoal_mem_free_owned(all.id[i]), owned);
	}
}

static bool as_many(void *arg)
{
	struct rte_malloc_socket_stats st;

	CHECK_EQ(rte_malloc_get_socket_stats(0, &st), 0);
	return st.alloc_count == *(unsigned *)arg;
}

/* one that did not end well is told of at once */
static void all_are_well(struct worker *w)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		siginfo_t si = {.si_pid = 0};

		CHECK_EQ(waitid(P_PID, (id_t)w[i].p->pid, &si, WEXITED | WNOHANG | WNOWAIT), 0);
		if (si.si_pid != 0 && (si.si_code != CLD_EXITED || si.si_status != 0))
			t_fail(__FILE__, __LINE__, "worker %u ended with %d: %s", i, si.si_status, t_stderr(w[i].p));
	}
}

static struct worker begin(unsigned i)
{
	struct worker w = start(i);

	CHECK(all.n < MEMBERS);
	all.id[all.n++] = w.id;
	return w;
}

static void run_and_kill(struct worker *w, uint64_t ops, unsigned *kills)
{
	uint64_t next = 5000;

	while (atomic_load(&board->ops) < ops) {
		unsigned i = rnd(WORKERS);

		all_are_well(w);
		if (atomic_load(&board->ops) < next) {
			usleep(500); /* sleep: any moment */
			continue;
		}
		next += 5000 + ops / 2000;
		t_kill(w[i].p, SIGKILL);
		CHECK_EQ(t_wait(w[i].p), 128 + SIGKILL);
		close(w[i].p->out);
		bequeath(&board->hand[i], w[i].id);
		if (++*kills % FREE_EACH == 0)
			free_of_dead();
		w[i] = begin(i);
	}
}

static void run(uint64_t ops)
{
	const struct rte_memzone *mz;
	struct rte_malloc_socket_stats st;
	struct worker w[WORKERS];
	unsigned kills = 0, before;

	init_as("primary");
	mz = rte_memzone_reserve("board", sizeof(*board), SOCKET_ID_ANY, 0);
	board = memset(mz->addr, 0, sizeof(*board));
	CHECK_EQ(rte_malloc_get_socket_stats(0, &st), 0);
	before = st.alloc_count;
	atomic_store(&board->most, ops);
	for (unsigned i = 0; i < WORKERS; i++)
		w[i] = begin(i);
	run_and_kill(w, ops, &kills);
	for (unsigned i = 0; i < WORKERS; i++) {
		t_expect(w[i].p, "done");
		CHECK_EQ(t_wait(w[i].p), 0);
	}
	sound();
	free_of_dead();
	for (unsigned i = 0; i < SLOTS; i++) { /* what lies on the board is nobody's: the test's */
		struct block *b = atomic_exchange(&board->slot[i], NULL);

		if (b != NULL) {
			verify(b, 0, b->len);
			rte_free(b);
		}
	}
	nothing_is_lost(before);
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
