/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_kill_test.c - processes that use a ring are killed: at each labelled step, at any instruction, at any time
 *
 * TOKENS numbers go round: a worker takes some out of the ring into its hand, which lies in shared memory, and puts them back.
 * After each death the other worker must go on, and then, with everybody at rest, the ring holds each number once, but for
 * what the dead one had in its hand: all of it or, in the middle of a call, all of it or nothing. Those are put back and the
 * next victim is started. What each case counted is its last line on stderr.
 *
 * $RING_DEATHS: how many at any instruction, for each mode; $RING_KILLS: how many at any time; $RING_STEPS: how many rounds of
 * the labels. The long suite has 5000, 1000 and 90.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void step(const char *label);
#define __RTE_RING_STEP(label) step(label)
#include <rte_eal.h>
#include <rte_memzone.h>
#include <shoal_ring.h>

#include "check.h"
#include "ring_all.h"

#define TOKENS 40
#define HAND 8

enum state { IDLE, TAKING, HOLDING, GIVING, PARKED };

/* written by its worker alone */
struct worker {
	_Atomic unsigned state;
	unsigned n; /* asked for, held */
	uint64_t hand[HAND];
	_Atomic unsigned long rounds;
};

struct board {
	_Atomic int quiet; /* written by the case */
	struct worker w[2];
};

/* in a role: where to die, and how many times to pass there before */
static const char *die_at;
static unsigned die_in;

static void step(const char *label)
{
	if (die_at != NULL && strcmp(label, die_at) == 0 && die_in-- == 0)
		raise(SIGKILL);
}

static void init_as(const char *type)
{
	char prog[] = "ring", p[64], lcores[] = "--lcores=0@0";
	char *argv[] = {prog, p, lcores, NULL};

	snprintf(p, sizeof(p), "--proc-type=%s", type);
	CHECK(rte_eal_init(3, argv) >= 0);
}

/* ---- a worker ---- */

static unsigned take(const struct way *w, struct rte_ring *r, uint64_t *hand, unsigned n, unsigned how)
{
	struct rte_ring_zc_data z;

	if (!w->peek || how == 0 || strstr(w->name, "by name") != NULL)
		return w->deq_bulk(r, hand, 8, n, NULL);
	if (how == 1) {
		n = rte_ring_dequeue_bulk_elem_start(r, hand, 8, n, NULL);
		rte_ring_dequeue_elem_finish(r, n);
		return n;
	}
	n = rte_ring_dequeue_zc_bulk_elem_start(r, 8, n, &z, NULL);
	if (n != 0) {
		memcpy(hand, z.ptr1, 8ul * z.n1);
		if (z.ptr2 != NULL)
			memcpy(hand + z.n1, z.ptr2, 8ul * (n - z.n1));
		rte_ring_dequeue_zc_elem_finish(r, n);
	}
	return n;
}

static unsigned give(const struct way *w, struct rte_ring *r, const uint64_t *hand, unsigned n, unsigned how)
{
	struct rte_ring_zc_data z;

	if (!w->peek || how == 0 || strstr(w->name, "by name") != NULL)
		return w->enq_bulk(r, hand, 8, n, NULL);
	if (how == 1) {
		n = rte_ring_enqueue_bulk_elem_start(r, n, NULL);
		rte_ring_enqueue_elem_finish(r, hand, 8, n);
		return n;
	}
	n = rte_ring_enqueue_zc_bulk_elem_start(r, 8, n, &z, NULL);
	if (n != 0) {
		memcpy(z.ptr1, hand, 8ul * z.n1);
		if (z.ptr2 != NULL)
			memcpy(z.ptr2, hand + z.n1, 8ul * (n - z.n1));
		rte_ring_enqueue_zc_elem_finish(r, n);
	}
	return n;
}

static void park(struct board *b, struct worker *me)
{
	me->state = PARKED;
	while (b->quiet)
		sched_yield();
	me->state = IDLE;
}

static void turn(const struct way *w, struct rte_ring *r, struct worker *me, unsigned *seed)
{
	unsigned n = 1 + (unsigned)rand_r(seed) % HAND, how = (unsigned)rand_r(seed) % 3;

	me->n = n;
	me->state = TAKING;
	if (take(w, r, me->hand, n, how) == 0) { /* the other has too many in its hand */
		me->state = IDLE;
		sched_yield();
		return;
	}
	me->state = HOLDING;
	me->state = GIVING;
	CHECK_EQ(give(w, r, me->hand, n, how), n);
	me->state = IDLE;
	me->rounds++;
}

ROLE(worker)
{
	const struct way *w = &ways[atoi(argv[1])];
	unsigned seed = (unsigned)getpid();
	struct worker *me;
	struct rte_ring *r;
	struct board *b;

	init_as("secondary");
	b = rte_memzone_lookup("board")->addr;
	r = rte_ring_lookup("tokens");
	me = &b->w[atoi(argv[2])];
	me->state = IDLE;
	t_tell("ready");
	if (argc > 4) {
		die_in = (unsigned)atoi(argv[4]);
		die_at = argv[3];
	}
	while (w != NULL) {
		if (b->quiet)
			park(b, me);
		turn(w, r, me, &seed);
	}
	return 0;
}

/* ---- the case ---- */

/* what became of the deaths of a case */
struct tally {
	unsigned deaths, idle, holding, in_call_all, in_call_none;
	unsigned long mended, numbers; /* numbers: that the dead had in their hands */
};

struct game {
	const struct way *w;
	struct tally t;
	struct rte_ring *r;
	struct board *b;
	struct t_proc *other; /* NULL: the mode allows one at a time, or the case wants one */
	unsigned seed;
};

static struct t_proc *start(const struct game *g, unsigned place, const char *label, unsigned passes)
{
	char way[8], at[8], count[16];
	struct t_proc *p;

	snprintf(way, sizeof(way), "%u", (unsigned)(g->w - ways));
	snprintf(at, sizeof(at), "%u", place);
	snprintf(count, sizeof(count), "%u", passes);
	p = label != NULL ? t_spawn("worker", way, at, label, count, NULL) : t_spawn("worker", way, at, NULL);
	(void)t_expect(p, "ready");
	return p;
}

static void open_game(struct game *g, unsigned way, bool alone)
{
	*g = (struct game){.w = &ways[way], .seed = 1 + way + 1000 * (unsigned)getpid()};
	g->b = rte_memzone_reserve("board", sizeof(*g->b), SOCKET_ID_ANY, 0)->addr;
	memset(g->b, 0, sizeof(*g->b));
	g->r = rte_ring_create_elem("tokens", 8, 64, SOCKET_ID_ANY, g->w->flags);
	for (uint64_t i = 0; i < TOKENS; i++)
		CHECK_EQ(rte_ring_enqueue_elem(g->r, &i, 8), 0);
	if (g->w->many && !alone)
		g->other = start(g, 1, NULL, 0);
}

static void close_game(struct game *g)
{
	if (g->other != NULL) {
		t_kill(g->other, SIGKILL);
		(void)t_wait(g->other);
	}
	g->t.mended = g->r->mended[0] + g->r->mended[1];
	fprintf(stderr,
		"%s: %u deaths: %u between calls, %u holding numbers, %u in a call that had happened, %u in one that "
		"had not; "
		"%lu sides mended, %lu numbers were in the hands of the dead, none was lost or there twice, nobody was "
		"stuck\n",
		g->w->name, g->t.deaths, g->t.idle, g->t.holding, g->t.in_call_all, g->t.in_call_none, g->t.mended,
		g->t.numbers);
	rte_ring_free(g->r);
	CHECK_EQ(rte_memzone_free(rte_memzone_lookup("board")), 0);
}

static unsigned often(const char *env, unsigned usual)
{
	const char *v = getenv(env);

	return v != NULL ? (unsigned)atoi(v) : usual;
}

struct ahead {
	struct worker *w;
	unsigned long from;
};

static bool went_on(void *arg)
{
	struct ahead *a = arg;

	return a->w->rounds > a->from + 20;
}

static bool parked(void *arg)
{
	return ((struct worker *)arg)->state == PARKED;
}

#define STUCK_S 60 /* a survivor that has not moved for so long is blocked: its turn is a microsecond */

/* as t_until(), but what hangs is found long before the end of a case that lasts an hour */
static void until(bool (*pred)(void *), void *arg, const char *what)
{
	struct timespec t;
	const char *slow = getenv("SHOAL_TEST_SLOW");
	long end;

	clock_gettime(CLOCK_MONOTONIC, &t);
	end = t.tv_sec + STUCK_S * (slow != NULL ? atoi(slow) : 1);
	while (!pred(arg)) {
		sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &t);
		if (t.tv_sec > end)
			t_fail(__FILE__, __LINE__, "stuck: %s", what);
	}
}

/* the numbers that are missing are those of the dead one's hand, or there are none and that can be */
static void check_missing(struct tally *t, const struct worker *dead, const unsigned char *seen)
{
	unsigned missing = 0, in_hand = 0, state = dead->state;

	for (unsigned i = 0; i < TOKENS; i++)
		missing += seen[i] == 0;
	t->deaths++;
	if (missing == 0) {
		CHECK(state != HOLDING);
		t->idle += state == IDLE || state == PARKED;
		t->in_call_none += state == TAKING || state == GIVING;
		return;
	}
	CHECK(state == TAKING || state == HOLDING || state == GIVING);
	CHECK_EQ(missing, dead->n);
	for (unsigned i = 0; i < dead->n; i++)
		in_hand += dead->hand[i] < TOKENS && seen[dead->hand[i]] == 0;
	CHECK_EQ(in_hand, missing);
	t->numbers += missing;
	t->holding += state == HOLDING;
	t->in_call_all += state != HOLDING;
}

static void after_death(struct game *g)
{
	struct ahead a = {&g->b->w[1], g->b->w[1].rounds};
	unsigned char seen[TOKENS] = {0};
	uint64_t v;

	if (g->other != NULL) {
		until(went_on, &a, "after a death the other worker does not go on");
		g->b->quiet = 1;
		until(parked, &g->b->w[1], "the other worker does not come to rest");
	}
	while (g->w->deq_bulk(g->r, &v, 8, 1, NULL) == 1) {
		CHECK(v < TOKENS);
		CHECK_EQ(seen[v]++, 0);
	}
	check_missing(&g->t, &g->b->w[0], seen);
	for (v = 0; v < TOKENS; v++)
		CHECK_EQ(g->w->enq_bulk(g->r, &v, 8, 1, NULL), 1);
	g->b->quiet = 0;
}

TEST_T(death_at_each_labelled_step, 3000)
{
	static const char *const labels[] = {"entered", "moved", "published", "left"};
	unsigned n = 8 * often("RING_STEPS", 1);
	struct game g;

	init_as("primary");
	for (unsigned way = 0; way < 4; way++) {
		open_game(&g, way, false);
		for (unsigned i = 0; i < n; i++) {
			const char *label = labels[i % 4];
			struct t_proc *p;

			if (!g.w->many && strcmp(label, "entered") == 0)
				continue;
			p = start(&g, 0, label, (unsigned)rand_r(&g.seed) % 200);
			CHECK_EQ(t_wait(p), 128 + SIGKILL);
			after_death(&g);
		}
		CHECK(!g.w->many || g.r->mended[0] + g.r->mended[1] >= 4);
		close_game(&g);
	}
}

/* stop it where it is, let it go on for some instructions, one by one, and kill it there */
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

static bool biased(void *arg)
{
	const struct rte_ring *r = arg;

	return __atomic_load_n(&r->prod_side.bias, __ATOMIC_ACQUIRE) != 0 &&
	       __atomic_load_n(&r->cons_side.bias, __ATOMIC_ACQUIRE) != 0;
}

/* steps: of how many instructions one is died at, behind where it happened to be; 0: right there */
static void any_instruction(unsigned way, unsigned deaths, unsigned steps, bool alone)
{
	struct game g;

	init_as("primary");
	open_game(&g, way, alone);
	for (unsigned i = 0; i < deaths; i++) {
		struct t_proc *p = start(&g, 0, NULL, 0);
		struct ahead a = {&g.b->w[0], g.b->w[0].rounds + (unsigned)rand_r(&g.seed) % 100};

		until(went_on, &a, "a worker does not begin");
		if (alone)
			until(biased, g.r, "a worker that is alone does not get the bias");
		if (steps != 0) {
			kill_between_instructions(p, (unsigned)rand_r(&g.seed) % steps);
		} else {
			t_kill(p, SIGKILL);
			CHECK_EQ(t_wait(p), 128 + SIGKILL);
		}
		after_death(&g);
	}
	close_game(&g);
}

#define AT_ANY_INSTRUCTION(way) any_instruction(way, often("RING_DEATHS", 12), 300, false)
#define AT_ANY_TIME(way) any_instruction(way, often("RING_KILLS", 6), 0, false)

TEST_T(death_at_any_instruction_st, 3000)
{
	AT_ANY_INSTRUCTION(0);
}
TEST_T(death_at_any_instruction_mt, 3000)
{
	AT_ANY_INSTRUCTION(1);
}
TEST_T(death_at_any_instruction_hts, 3000)
{
	AT_ANY_INSTRUCTION(2);
}
TEST_T(death_at_any_instruction_rts, 3000)
{
	AT_ANY_INSTRUCTION(3);
}

/* alone on its sides it has the bias */
TEST_T(death_at_any_instruction_biased, 3000)
{
	any_instruction(1, often("RING_DEATHS", 12), 300, true);
}

TEST_T(death_at_any_time_mt, 3000)
{
	AT_ANY_TIME(1);
}
TEST_T(death_at_any_time_hts, 3000)
{
	AT_ANY_TIME(2);
}
TEST_T(death_at_any_time_rts, 3000)
{
	AT_ANY_TIME(3);
}

/* one that is only stopped inside keeps its place, and the log names it; when it ends, the others go on */
TEST(a_stopped_one_keeps_its_place_until_it_ends)
{
	struct game g;
	struct t_proc *p;
	uint64_t v;

	init_as("primary");
	open_game(&g, 2, false);
	g.b->quiet = 1;
	t_until(parked, &g.b->w[1]);
	CHECK_EQ(rte_ring_dequeue_bulk_elem_start(g.r, &v, 8, 1, NULL), 1);
	g.b->quiet = 0;
	/* the other one now waits for this process */
	while (strstr(t_stderr(g.other), "ring \"tokens\": waiting for 1 s for member 0") == NULL)
		sched_yield();
	CHECK_EQ(g.r->mended[1], 0);
	rte_ring_dequeue_elem_finish(g.r, 0);
	p = start(&g, 0, NULL, 0);
	t_kill(p, SIGKILL);
	(void)t_wait(p);
	after_death(&g);
	close_game(&g);
}

/* ---- deaths inside the library: need a build with -Dfault=true ---- */

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif

/* argv: where to die, what to do */
ROLE(doomed)
{
	struct rte_ring *r;

	setenv("SHOAL_DIE_AT", argv[1], 1);
	init_as("secondary");
	if (strcmp(argv[2], "make") == 0) {
		r = rte_ring_create("made", 64, SOCKET_ID_ANY, 0);
		CHECK_EQ(rte_ring_enqueue(r, r), 0);
		rte_ring_free(r);
	} else {
		r = rte_ring_lookup("bed");
		t_tell("ready");
		(void)t_hear((char[8]){0}, 8);
		CHECK_EQ(rte_ring_enqueue(r, r), 0);
	}
	return 0;
}

TEST_T(a_maker_that_dies_leaves_the_name_to_others, 60)
{
	static const char *const labels[] = {"ring_making", "ring_filled", "ring_unmade"};
	struct rte_ring *r;
	struct t_proc *p;

	NEEDS_FAULT();
	init_as("primary");
	for (unsigned i = 0; i < 3; i++)
		for (unsigned size = 32; size <= 128; size *= 2) {
			p = t_spawn("doomed", labels[i], "make", NULL);
			CHECK_EQ(t_wait(p), 128 + SIGKILL);
			CHECK(rte_ring_lookup("made") == NULL);
			r = rte_ring_create("made", size, SOCKET_ID_ANY, 0);
			CHECK(r != NULL && rte_ring_lookup("made") == r && rte_ring_get_size(r) == size);
			CHECK(rte_ring_empty(r));
			rte_ring_free(r);
		}
}

static void *in_bed(void *r)
{
	return (void *)(intptr_t)shoal_ring_wait(r, SHOAL_RING_ELEMENTS, NULL);
}

static bool somebody_sleeps(void *r)
{
	return ((struct rte_ring *)r)->watch != 0;
}

TEST_T(a_waker_that_dies_has_woken, 60)
{
	static const char *const labels[] = {"ring_bell_up", "ring_woken"};
	struct rte_ring *r;
	pthread_t t;
	void *v;

	NEEDS_FAULT();
	init_as("primary");
	for (unsigned i = 0; i < 2; i++) {
		struct t_proc *p;

		r = rte_ring_create("bed", 8, SOCKET_ID_ANY, 0);
		p = t_spawn("doomed", labels[i], "wake", NULL);
		(void)t_expect(p, "ready");
		CHECK_EQ(pthread_create(&t, NULL, in_bed, r), 0);
		t_until(somebody_sleeps, r);
		t_say(p, "now");
		CHECK_EQ(t_wait(p), 128 + SIGKILL);
		pthread_join(t, &v);
		CHECK(v == NULL);
		rte_ring_free(r);
	}
}

ROLE(stopped_primary)
{
	init_as("primary");
	t_tell("ready");
	while (t_hear((char[8]){0}, 8))
		;
	return 0;
}

/* the caretaker is stopped, so one who waits mends, and dies of it; the next one mends again */
TEST_T(a_mender_may_die, 60)
{
	struct t_proc *first = t_spawn("stopped_primary", NULL), *p[2];
	struct game g;
	uint64_t v;

	NEEDS_FAULT();
	(void)t_expect(first, "ready");
	init_as("secondary");
	open_game(&g, 1, false);
	g.b->quiet = 1;
	t_kill(g.other, SIGKILL);
	(void)t_wait(g.other);
	p[0] = start(&g, 0, "entered", 20);
	setenv("SHOAL_DIE_AT", "ring_taken_over", 1);
	p[1] = start(&g, 1, NULL, 0);
	unsetenv("SHOAL_DIE_AT");
	t_kill(first, SIGSTOP);
	g.b->quiet = 0;
	CHECK_EQ(t_wait(p[0]), 128 + SIGKILL);
	CHECK_EQ(t_wait(p[1]), 128 + SIGKILL);
	for (unsigned i = 0; i < 200; i++) {
		CHECK_EQ(rte_ring_dequeue_elem(g.r, &v, 8), 0);
		CHECK_EQ(rte_ring_enqueue_elem(g.r, &v, 8), 0);
	}
	CHECK(g.r->mended[0] + g.r->mended[1] >= 1);
	t_kill(first, SIGCONT);
}
