/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rings.c - how long an element takes through a ring: built against shoal, DPDK and (rings_ck.c) Concurrency Kit from one text
 *
 * Two processes: the one that is started, and its child. With shoal they are members of a group and the rings are the
 * group's; with DPDK, where that needs root and huge pages, they share the memory in which rte_ring_init() makes the rings.
 * Commands come on stdin, "MODE N PLACE ELEMENTS", each answered by 'result {"ns": ...}', ns for one element put in and taken
 * out. MODE is an index into modes[]; PLACE:
 *
 *   two      the child enqueues on one CPU, the parent dequeues on another
 *   threads  the same by two threads of the parent
 *   one      the parent alone does both in turns
 *   both     both do both on one ring, each on its CPU, for ELEMENTS microseconds; an element of either counts
 *   over     more threads than cores, for so long: two of each process on the two CPUs, as many producers as the mode has, or
 *            two, the others consume; S and S: one of each process, on one CPU. Who can do nothing yields
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cpus.h"

#ifndef BENCH_CK
#include <rte_eal.h>
#include <rte_ring.h>
#endif

#define SLOTS 1024
#define MOST 128

static const struct mode {
	const char *name;
	unsigned flags, threads, producers; /* the last two: of over */
} modes[] = {
	{"SP/SC", RING_F_SP_ENQ | RING_F_SC_DEQ, 2, 1},
	{"MP/SC", RING_F_SC_DEQ, 4, 3},
	{"SP/MC", RING_F_SP_ENQ, 4, 1},
	{"MP/MC", 0, 4, 2},
	{"HTS", RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ, 4, 2},
	{"RTS", RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ, 4, 2},
};
#define MODES (sizeof(modes) / sizeof(modes[0]))

struct job {
	unsigned mode, n;
	char place[8];
	unsigned long elements;
};

/* shared by parent and child */
static struct shared {
	struct job job;
	_Atomic unsigned at_start; /* threads that are ready */
	_Atomic bool stop;	   /* both, over */
	_Atomic unsigned long moved;
	char ring[MODES][SLOTS * 8 + 4096] __attribute__((aligned(4096)));
} * sh;

static struct rte_ring *rings[MODES];
static bool is_child;

/* ---- the group ---- */

#if __has_include(<shoal_ring.h>) && !defined(BENCH_CK)
static void init(void)
{
	char prog[] = "rings", type[32], lcores[] = "--lcores=0@0", level[] = "--log-level=error";
	char *argv[] = {prog, type, lcores, level, NULL};
	char name[16];

	snprintf(type, sizeof(type), "--proc-type=%s", is_child ? "secondary" : "primary");
	if (rte_eal_init(4, argv) < 0)
		b_die("init");
	for (unsigned i = 0; i < MODES; i++) {
		snprintf(name, sizeof(name), "ring %u", i);
		rings[i] = is_child ? rte_ring_lookup(name) : rte_ring_create(name, SLOTS, -1, modes[i].flags);
		if (rings[i] == NULL)
			b_die("ring");
	}
}
#else
static void init(void)
{
	for (unsigned i = 0; i < MODES; i++) {
		rings[i] = (struct rte_ring *)sh->ring[i];
		if (rte_ring_get_memsize(SLOTS) > (ssize_t)sizeof(sh->ring[i]) ||
		    (!is_child && rte_ring_init(rings[i], "ring", SLOTS, modes[i].flags) != 0))
			b_die("ring");
	}
}
#endif

/* ---- the loops: a program's, compiled with the inline functions in them ---- */

/*
 * Each is compiled twice: for one element by the calls for one, and for n by those for n. Known when compiled, as in a program.
 */
#define INLINE static inline __attribute__((always_inline))
#define TWICE(name, last)                                                                                              \
	static __attribute__((noinline)) void name(struct rte_ring *r, unsigned n, last x)                             \
	{                                                                                                              \
		if (n == 1)                                                                                            \
			name##_of(r, 1, x);                                                                            \
		else                                                                                                   \
			name##_of(r, n, x);                                                                            \
	}

INLINE bool put(struct rte_ring *r, void **v, unsigned n)
{
	return n == 1 ? rte_ring_enqueue(r, v[0]) == 0 : rte_ring_enqueue_bulk(r, v, n, NULL) != 0;
}

INLINE bool get(struct rte_ring *r, void **v, unsigned n)
{
	return n == 1 ? rte_ring_dequeue(r, &v[0]) == 0 : rte_ring_dequeue_bulk(r, v, n, NULL) != 0;
}

INLINE void produce_of(struct rte_ring *r, unsigned n, unsigned long elements)
{
	void *v[MOST];
	uintptr_t k = 0;

	while (k < elements) {
		for (unsigned i = 0; i < n; i++)
			v[i] = (void *)k++;
		while (!put(r, v, n))
			rte_pause();
	}
}
TWICE(produce, unsigned long)

INLINE void consume_of(struct rte_ring *r, unsigned n, unsigned long elements)
{
	void *v[MOST];
	uintptr_t k = 0, wrong = 0;

	while (k < elements) {
		while (!get(r, v, n))
			rte_pause();
		for (unsigned i = 0; i < n; i++)
			wrong |= (uintptr_t)v[i] ^ k++;
	}
	if (wrong != 0)
		b_die("an element came that was not to come");
}
TWICE(consume, unsigned long)

INLINE void by_turns_of(struct rte_ring *r, unsigned n, unsigned long elements)
{
	void *v[MOST];
	uintptr_t wrong = 0;

	for (uintptr_t k = 0; k < elements; k += n) {
		for (unsigned i = 0; i < n; i++)
			v[i] = (void *)(k + i);
		while (!put(r, v, n))
			rte_pause();
		while (!get(r, v, n))
			rte_pause();
		for (unsigned i = 0; i < n; i++)
			wrong |= (uintptr_t)v[i] ^ (k + i);
	}
	if (wrong != 0)
		b_die("an element came that was not to come");
}
TWICE(by_turns, unsigned long)

/* both until the clock of the parent says stop; a thread that holds up others for a time slice has them wait for it */
INLINE void by_turns_till_of(struct rte_ring *r, unsigned n, uint64_t dl)
{
	void *v[MOST] = {NULL};
	unsigned long k = 0;

	while (!sh->stop) {
		if (dl != 0 && k % 64 == 0 && b_now() >= dl)
			sh->stop = true;
		while (!put(r, v, n) && !sh->stop)
			rte_pause();
		while (!get(r, v, n) && !sh->stop)
			rte_pause();
		k++;
	}
	sh->moved += k * n;
}
TWICE(by_turns_till, uint64_t)

INLINE void produce_till_of(struct rte_ring *r, unsigned n, _Atomic bool *stop)
{
	void *v[MOST] = {NULL};

	while (!*stop)
		if (!put(r, v, n))
			sched_yield();
}
TWICE(produce_till, _Atomic bool *)

INLINE void consume_till_of(struct rte_ring *r, unsigned n, _Atomic bool *stop)
{
	void *v[MOST];
	unsigned long got = 0;

	while (!*stop) {
		if (get(r, v, n))
			got += n;
		else
			sched_yield();
	}
	sh->moved += got;
}
TWICE(consume_till, _Atomic bool *)

/* ---- one job ---- */

static bool is(const struct job *j, const char *place)
{
	return strcmp(j->place, place) == 0;
}

static void meet(const struct job *j)
{
	unsigned all = is(j, "over") ? modes[j->mode].threads : is(j, "one") ? 1 : 2;

	sh->at_start++;
	while (sh->at_start < all)
		sched_yield();
}

struct thread {
	pthread_t id;
	const struct job *job;
	unsigned number; /* over: of all; the parent's are even */
};

static void *one_of_over(void *thread)
{
	const struct thread *t = thread;
	const struct mode *m = &modes[t->job->mode];

	bind_to(m->threads == 2 ? cpu[0] : -1);
	meet(t->job);
	if (t->number < m->producers)
		produce_till(rings[t->job->mode], t->job->n, &sh->stop);
	else
		consume_till(rings[t->job->mode], t->job->n, &sh->stop);
	return NULL;
}

static void *producer(void *thread)
{
	const struct job *j = ((struct thread *)thread)->job;

	bind_to(cpu[0]);
	meet(j);
	produce(rings[j->mode], j->n, j->elements);
	return NULL;
}

static void start(struct thread *t, void *(*work)(void *), const struct job *j, unsigned number)
{
	t->job = j;
	t->number = number;
	if (pthread_create(&t->id, NULL, work, t) != 0)
		b_die("no thread");
}

/* the parent's main thread only has the clock: nobody else need look at one */
static void over(const struct job *j)
{
	unsigned here = modes[j->mode].threads / 2;
	struct thread t[2];

	for (unsigned i = 0; i < here; i++)
		start(&t[i], one_of_over, j, 2 * i + (is_child ? 1 : 0));
	if (!is_child) {
		b_sleep_ns(j->elements * 1000);
		sh->stop = true;
	}
	for (unsigned i = 0; i < here; i++)
		pthread_join(t[i].id, NULL);
}

static void work(const struct job *j)
{
	struct rte_ring *r = rings[j->mode];
	bool threads = is(j, "threads");
	struct thread t;

	if (is(j, "over")) {
		over(j);
		return;
	}
	if (threads)
		start(&t, producer, j, 0);
	bind_to(cpu[is_child ? 0 : 1]);
	meet(j);
	if (is(j, "both"))
		by_turns_till(r, j->n, is_child ? 0 : b_now() + j->elements * 1000);
	else if (is(j, "one"))
		by_turns(r, j->n, j->elements);
	else if (is_child)
		produce(r, j->n, j->elements);
	else
		consume(r, j->n, j->elements);
	if (threads)
		pthread_join(t.id, NULL);
}

/* the clock runs in the parent; the child is waited for */
static double run(struct job *j, int to, int from)
{
	bool alone = is(j, "one") || is(j, "threads");
	struct rte_ring *r = rings[j->mode];
	uint64_t began;
	char c = 0;
	void *v;

	while (rte_ring_dequeue(r, &v) == 0)
		; /* what was left when the last one was stopped */
	sh->job = *j;
	sh->at_start = 0;
	sh->stop = false;
	sh->moved = 0;
	if (!alone && write(to, &c, 1) != 1)
		b_die("the child is gone");
	while (!alone && sh->at_start == 0)
		sched_yield();
	began = b_now();
	work(j);
	if (!alone && read(from, &c, 1) != 1)
		b_die("the child is gone");
	if (is(j, "both") || is(j, "over"))
		return (double)(b_now() - began) / (double)(sh->moved != 0 ? sh->moved : 1);
	return (double)(b_now() - began) / (double)j->elements;
}

static void child(int from, int to)
{
	char c;

	is_child = true;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(from, &c, 1) != 1)
		exit(0);
	init();
	if (write(to, &c, 1) != 1)
		exit(0);
	while (read(from, &c, 1) == 1) {
		struct job j = sh->job;

		work(&j);
		if (write(to, &c, 1) != 1)
			break;
	}
	exit(0);
}

int main(void)
{
	int down[2], up[2];
	char line[128], c = 0;
	struct job j;

	setvbuf(stdout, NULL, _IOLBF, 0);
	two_cpus();
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED || pipe(down) < 0 || pipe(up) < 0)
		b_die("cannot start");
	if (fork() == 0) {
		close(down[1]);
		child(down[0], up[1]);
	}
	init();
	if (write(down[1], &c, 1) != 1 || read(up[0], &c, 1) != 1)
		b_die("the child did not start");
	printf("ready %llu\n", (unsigned long long)b_since_exec());
	while (fgets(line, sizeof(line), stdin) != NULL && strncmp(line, "quit", 4) != 0) {
		if (sscanf(line, "%u %u %7s %lu", &j.mode, &j.n, j.place, &j.elements) != 4 || j.mode >= MODES ||
		    j.n == 0 || j.n > MOST)
			b_die("bad command");
		if (!is(&j, "both") && !is(&j, "over"))
			j.elements -= j.elements % j.n;
		printf("result {\"ns\": %.3f}\n", run(&j, down[1], up[0]));
	}
	close(down[1]); /* ends the child; what it used counts as ours only after it was waited for */
	waitpid(-1, NULL, 0);
	return 0;
}
