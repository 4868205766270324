/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rings.c - how long an element takes through a ring: built against shoal and against DPDK from the same text
 *
 * Two processes: the one that is started, and its child. With shoal they are members of a group and the rings are the
 * group's; with DPDK, where that needs root and huge pages, they share the memory in which rte_ring_init() makes the rings.
 * Commands come on stdin, "MODE N PLACE ELEMENTS", each answered by 'result {"ns": ...}', ns for one element put in and taken
 * out. MODE is an index into modes[]; PLACE:
 *
 *   two    the child enqueues on one CPU, the parent dequeues on another
 *   one    the parent alone does both in turns
 *   both   both do both on one ring, each on its CPU, for ELEMENTS microseconds; an element of either counts
 *   over   as both, with two threads in each process on the two CPUs
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ring.h>

#include "common.h"

#define SLOTS 1024
#define MOST 128

static const struct mode {
	const char *name;
	unsigned flags;
} modes[] = {
	{"SP/SC", RING_F_SP_ENQ | RING_F_SC_DEQ},
	{"MP/SC", RING_F_SC_DEQ},
	{"SP/MC", RING_F_SP_ENQ},
	{"MP/MC", 0},
	{"HTS", RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ},
	{"RTS", RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ},
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
static int cpu[2];
static bool is_child;

static void bind_to(int c)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (c >= 0)
		CPU_SET(c, &set);
	else
		for (int i = 0; i < 2; i++)
			CPU_SET(cpu[i], &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		b_die("cannot bind to a CPU");
}

static void two_cpus(void)
{
	cpu_set_t set;
	int n = 0;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		b_die("no CPUs");
	for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &set))
			cpu[n++] = i;
	if (n < 2)
		b_die("two CPUs are needed");
}

/* ---- the group ---- */

#if __has_include(<shoal_ring.h>)
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

static __attribute__((noinline)) void produce(struct rte_ring *r, unsigned n, unsigned long elements)
{
	void *v[MOST];
	uintptr_t k = 0;

	while (k < elements) {
		if (n == 1) {
			while (rte_ring_enqueue(r, (void *)k) != 0)
				rte_pause();
			k++;
			continue;
		}
		for (unsigned i = 0; i < n; i++)
			v[i] = (void *)k++;
		while (rte_ring_enqueue_bulk(r, v, n, NULL) == 0)
			rte_pause();
	}
}

static __attribute__((noinline)) void consume(struct rte_ring *r, unsigned n, unsigned long elements)
{
	void *v[MOST];
	uintptr_t k = 0, wrong = 0;

	while (k < elements) {
		if (n == 1) {
			while (rte_ring_dequeue(r, &v[0]) != 0)
				rte_pause();
			wrong |= (uintptr_t)v[0] ^ k++;
			continue;
		}
		while (rte_ring_dequeue_bulk(r, v, n, NULL) == 0)
			rte_pause();
		for (unsigned i = 0; i < n; i++)
			wrong |= (uintptr_t)v[i] ^ k++;
	}
	if (wrong != 0)
		b_die("an element came that was not to come");
}

static __attribute__((noinline)) void by_turns(struct rte_ring *r, unsigned n, unsigned long elements)
{
	void *v[MOST] = {NULL};

	for (unsigned long k = 0; k < elements; k += n) {
		if (n == 1) {
			while (rte_ring_enqueue(r, v) != 0)
				rte_pause();
			while (rte_ring_dequeue(r, v) != 0)
				rte_pause();
			continue;
		}
		while (rte_ring_enqueue_bulk(r, v, n, NULL) == 0)
			rte_pause();
		while (rte_ring_dequeue_bulk(r, v, n, NULL) == 0)
			rte_pause();
	}
}

/* the same until the clock of the parent says stop; a thread that holds up others for a time slice has them wait for it */
static __attribute__((noinline)) void by_turns_till(struct rte_ring *r, unsigned n, uint64_t dl)
{
	void *v[MOST] = {NULL};
	unsigned long k = 0;

	while (!sh->stop) {
		if (dl != 0 && k % 64 == 0 && b_now() >= dl)
			sh->stop = true;
		while (rte_ring_enqueue_bulk(r, v, n, NULL) == 0 && !sh->stop)
			rte_pause();
		while (rte_ring_dequeue_bulk(r, v, n, NULL) == 0 && !sh->stop)
			rte_pause();
		k++;
	}
	sh->moved += k * n;
}

/* ---- one job ---- */

static unsigned threads_of(const struct job *j)
{
	return strcmp(j->place, "over") == 0 ? 4 : strcmp(j->place, "one") == 0 ? 1 : 2;
}

static void meet(const struct job *j)
{
	sh->at_start++;
	while (sh->at_start < threads_of(j))
		sched_yield();
}

static void turns(const struct job *j, bool clock)
{
	meet(j);
	by_turns_till(rings[j->mode], j->n, clock && !is_child ? b_now() + j->elements * 1000 : 0);
}

static void *over(void *job)
{
	turns(job, false);
	return NULL;
}

static void work(struct job *j)
{
	struct rte_ring *r = rings[j->mode];
	pthread_t t;

	if (strcmp(j->place, "over") == 0) {
		bind_to(-1);
		pthread_create(&t, NULL, over, j);
		turns(j, true);
		pthread_join(t, NULL);
		return;
	}
	bind_to(cpu[is_child ? 0 : 1]);
	if (strcmp(j->place, "both") == 0) {
		turns(j, true);
		return;
	}
	meet(j);
	if (strcmp(j->place, "two") != 0)
		by_turns(r, j->n, j->elements);
	else if (is_child)
		produce(r, j->n, j->elements);
	else
		consume(r, j->n, j->elements);
}

/* the clock runs in the parent; the child is waited for */
static double run(struct job *j, int to, int from)
{
	bool alone = strcmp(j->place, "one") == 0;
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
	if (!alone)
		while (sh->at_start == 0)
			sched_yield();
	began = b_now();
	work(j);
	if (!alone && read(from, &c, 1) != 1)
		b_die("the child is gone");
	return (double)(b_now() - began) / (double)(sh->moved != 0 ? sh->moved : j->elements);
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
		if (j.place[0] != 'b' && strcmp(j.place, "over") != 0)
			j.elements -= j.elements % j.n;
		printf("result {\"ns\": %.3f}\n", run(&j, down[1], up[0]));
	}
	return 0;
}
