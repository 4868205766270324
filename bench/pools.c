/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pools.c - how long it takes to get objects of a pool and to put them back: built against shoal and against DPDK from the
 * same text
 *
 * Two processes: the one that is started, and its child. With shoal they are members of a group; with DPDK, where that needs
 * root and huge pages, the child is forked after init and has the same memory (--no-huge makes it of a file that is shared).
 * Threads are given ids of lcores, each its own. Commands come on stdin, "MODE N PLACE TRACKED MICROSECONDS", each answered by
 * 'result {"ns": ...}', ns for one object got and put by anybody. MODE is an index into modes[]; TRACKED 1: with
 * SHOAL_MEMPOOL_F_TRACK; PLACE:
 *
 *   one      one thread gets and puts
 *   threads  two threads of a process, on two CPUs
 *   two      two processes, a thread each, on two CPUs
 *   over     four threads of two processes on two CPUs; of a mode for one at a time on a side two threads on one CPU
 *
 * Where a mode allows several on both sides, each thread gets n and puts them back; otherwise one gets, and hands what it got
 * to another that puts: by slots of this program's, the same for all.
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

#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <rte_pause.h>
#include <rte_per_lcore.h>

#include "cpus.h"

/* not a power of two less 1: the ring of a DPDK pool in mode RTS needs slots to spare, or puts of others fail */
#define OBJECTS 7000
#define CACHE 256
#define MOST 128
#define HELD 1024
#define SLOTS 1024
#define THREADS 4
#define ROUND 64 /* calls before it is asked whether to stop */

static const struct mode {
	const char *ops;
	unsigned cache, held; /* held: so many are had before they are put back; 0: n */
	bool by_hand;	      /* one gets, another puts */
	bool tracked;	      /* also measured so */
} modes[] = {
	{"ring_mp_mc", 0, 0, false, true},
	{"ring_sp_sc", 0, 0, true, false},
	{"ring_mp_sc", 0, 0, true, false},
	{"ring_sp_mc", 0, 0, true, false},
	{"ring_mt_rts", 0, 0, false, false},
	{"ring_mt_hts", 0, 0, false, false},
	{"stack", 0, 0, false, true},
	{"ring_mp_mc", CACHE, 0, false, true},
	{"ring_mp_mc", CACHE, HELD, false, true},
};
#define MODES (sizeof(modes) / sizeof(modes[0]))

struct job {
	unsigned mode, n, tracked;
	char place[8];
	unsigned long us;
};

/* shared by parent and child */
static struct shared {
	struct job job;
	_Atomic unsigned at_start; /* threads that are ready */
	_Atomic bool stop;
	_Atomic unsigned long moved;
	void *probe;
	/* from who gets to who puts */
	_Atomic unsigned long given __attribute__((aligned(128)));
	_Atomic unsigned long taken __attribute__((aligned(128)));
	void *slot[SLOTS] __attribute__((aligned(128)));
	void *left[MOST]; /* what was got when it was time to stop */
	unsigned n_left;
} * sh;

static struct rte_mempool *pools[2][MODES];
static bool is_child;

/* ---- the group ---- */

#if __has_include(<shoal_mempool.h>)
#include <shoal_mempool.h>
#define FORKED_FIRST 1
#else
#define SHOAL_MEMPOOL_F_TRACK 0
#define FORKED_FIRST 0
#endif

static void init(void)
{
	char prog[] = "pools", type[32], lcores[] = "--lcores=0@0", level[] = "--log-level=error";
#if FORKED_FIRST
	char *argv[] = {prog, lcores, level, type, NULL};
	int argc = 4;
#else
	char huge[] = "--no-huge", mem[] = "-m128", pci[] = "--no-pci";
	char *argv[] = {prog, lcores, level, huge, mem, pci, NULL};
	int argc = 6;
#endif
	snprintf(type, sizeof(type), "--proc-type=%s", is_child ? "secondary" : "primary");
	if (rte_eal_init(argc, argv) < 0)
		b_die("init");
}

static struct rte_mempool *make(const char *name, const struct mode *m, unsigned flags)
{
	struct rte_mempool *mp = rte_mempool_create_empty(name, OBJECTS, 64, m->cache, 0, SOCKET_ID_ANY, flags);

	if (mp == NULL || rte_mempool_set_ops_byname(mp, m->ops, NULL) != 0 ||
	    rte_mempool_populate_default(mp) != OBJECTS)
		b_die("pool");
	return mp;
}

static void find_pools(void)
{
	char name[16];

	for (unsigned t = 0; t < (FORKED_FIRST ? 2 : 1); t++)
		for (unsigned i = 0; i < MODES; i++) {
			if (t == 1 && !modes[i].tracked)
				continue;
			snprintf(name, sizeof(name), "p%u_%u", t, i);
			pools[t][i] = is_child ? rte_mempool_lookup(name)
					       : make(name, &modes[i], t == 1 ? SHOAL_MEMPOOL_F_TRACK : 0);
			if (pools[t][i] == NULL)
				b_die("no pool");
		}
}

/* ---- the loops: a program's, compiled with the inline functions in them ---- */

/* Each is compiled twice: for one object by the calls for one, and for n by those for n. */
#define INLINE static inline __attribute__((always_inline))
#define TWICE(name)                                                                                                    \
	static __attribute__((noinline)) void name(struct rte_mempool *mp, unsigned n, unsigned held)                  \
	{                                                                                                              \
		if (n == 1)                                                                                            \
			name##_of(mp, 1, held);                                                                        \
		else                                                                                                   \
			name##_of(mp, n, held);                                                                        \
	}

INLINE bool get(struct rte_mempool *mp, void **o, unsigned n)
{
	return (n == 1 ? rte_mempool_get(mp, o) : rte_mempool_get_bulk(mp, o, n)) == 0;
}

INLINE void put(struct rte_mempool *mp, void **o, unsigned n)
{
	if (n == 1)
		rte_mempool_put(mp, *o);
	else
		rte_mempool_put_bulk(mp, o, n);
}

INLINE void turns_of(struct rte_mempool *mp, unsigned n, unsigned held)
{
	unsigned long moved = 0;
	void *o[MOST];

	(void)held;
	while (!sh->stop)
		for (unsigned k = 0; k < ROUND; k++) {
			if (!get(mp, o, n)) {
				sched_yield();
				break;
			}
			__asm__ volatile("" ::"r"(o) : "memory"); /* they are used */
			put(mp, o, n);
			moved += n;
		}
	sh->moved += moved;
}
TWICE(turns)

/* more than a cache has: the back end takes part */
INLINE void hold_of(struct rte_mempool *mp, unsigned n, unsigned held)
{
	unsigned long moved = 0;
	void *o[HELD];

	while (!sh->stop) {
		unsigned has = 0;

		while (has < held && get(mp, o + has, n))
			has += n;
		__asm__ volatile("" ::"r"(o) : "memory");
		if (has == 0)
			sched_yield();
		for (unsigned i = 0; i < has; i += n)
			put(mp, o + i, n);
		moved += has;
	}
	sh->moved += moved;
}
TWICE(hold)

/* false: to stop */
static bool wait_a_moment(unsigned *times)
{
	if (++*times % 256 == 0)
		sched_yield();
	else
		rte_pause();
	return !sh->stop;
}

INLINE void getter_of(struct rte_mempool *mp, unsigned n, unsigned held)
{
	unsigned long at = sh->given;
	unsigned times = 0;
	void *o[MOST];

	(void)held;
	for (;;) {
		while (!get(mp, o, n))
			if (!wait_a_moment(&times))
				return;
		while (at + n - sh->taken > SLOTS)
			if (!wait_a_moment(&times)) {
				memcpy(sh->left, o, n * sizeof(*o)); /* another one puts */
				sh->n_left = n;
				return;
			}
		for (unsigned i = 0; i < n; i++)
			sh->slot[(at + i) % SLOTS] = o[i];
		at += n;
		__atomic_store_n((unsigned long *)&sh->given, at, __ATOMIC_RELEASE);
	}
}
TWICE(getter)

INLINE void putter_of(struct rte_mempool *mp, unsigned n, unsigned held)
{
	unsigned long at = sh->taken, moved = 0;
	unsigned times = 0;
	void *o[MOST];

	(void)held;
	for (;;) {
		while (sh->given - at < n)
			if (!wait_a_moment(&times)) {
				sh->moved += moved;
				return;
			}
		for (unsigned i = 0; i < n; i++)
			o[i] = sh->slot[(at + i) % SLOTS];
		at += n;
		__atomic_store_n((unsigned long *)&sh->taken, at, __ATOMIC_RELEASE);
		put(mp, o, n);
		moved += n;
	}
}
TWICE(putter)

/* ---- one job ---- */

static bool is(const struct job *j, const char *place)
{
	return strcmp(j->place, place) == 0;
}

struct thread {
	pthread_t id;
	const struct job *job;
	unsigned number; /* of all */
};

/* how many threads, and how many of them here. The child has the odd ones, but of "threads" */
static unsigned all_of(const struct job *j)
{
	return is(j, "one") ? 1 : is(j, "over") && !modes[j->mode].by_hand ? THREADS : 2;
}

static void *worker(void *thread)
{
	const struct thread *t = thread;
	const struct job *j = t->job;
	const struct mode *m = &modes[j->mode];
	struct rte_mempool *mp = pools[j->tracked][j->mode];
	unsigned all = all_of(j);

	RTE_PER_LCORE(_lcore_id) = t->number;
	if (is(j, "over"))
		bind_to(all == 2 ? cpu[0] : -1);
	else
		bind_to(cpu[t->number % 2]);
	sh->at_start++;
	while (sh->at_start < all)
		sched_yield();
	if (m->by_hand && all > 1)
		(t->number == 0 ? getter : putter)(mp, j->n, 0);
	else if (m->held != 0)
		hold(mp, j->n, m->held);
	else
		turns(mp, j->n, 0);
	rte_mempool_cache_flush(NULL, mp);
	return NULL;
}

/* what the threads of this process do; the clock is the parent's */
static double work(const struct job *j)
{
	struct thread t[THREADS];
	unsigned all = all_of(j), mine = 0;
	uint64_t began = 0, ended = 0;

	for (unsigned i = 0; i < all; i++) {
		if (is(j, "threads") || is(j, "one") ? is_child : (i % 2 == 1) != is_child)
			continue;
		t[mine].job = j;
		t[mine].number = i;
		if (pthread_create(&t[mine].id, NULL, worker, &t[mine]) != 0)
			b_die("no thread");
		mine++;
	}
	if (!is_child) {
		while (sh->at_start < all)
			b_sleep_ns(20000);
		began = b_now();
		b_sleep_ns(j->us * 1000);
		sh->stop = true;
		ended = b_now();
	}
	for (unsigned i = 0; i < mine; i++)
		pthread_join(t[i].id, NULL);
	return (double)(ended - began);
}

static double run(struct job *j, int to, int from)
{
	struct rte_mempool *mp = pools[j->tracked][j->mode];
	double ns;
	char c = 0;

	sh->job = *j;
	sh->at_start = 0;
	sh->stop = false;
	sh->moved = 0;
	if (write(to, &c, 1) != 1)
		b_die("the child is gone");
	ns = work(j);
	if (read(from, &c, 1) != 1)
		b_die("the child is gone");
	for (; sh->taken != sh->given; sh->taken++) /* what was on its way */
		rte_mempool_put(mp, sh->slot[sh->taken % SLOTS]);
	for (; sh->n_left != 0; sh->n_left--)
		rte_mempool_put(mp, sh->left[sh->n_left - 1]);
	rte_mempool_cache_flush(NULL, mp);
	if (rte_mempool_avail_count(mp) != OBJECTS)
		b_die("objects are missing");
	return ns / (double)(sh->moved != 0 ? sh->moved : 1);
}

static void child(int from, int to)
{
	char c;

	is_child = true;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(from, &c, 1) != 1)
		exit(0);
	if (FORKED_FIRST) {
		init();
		find_pools();
	}
	memset(sh->probe, 0x5a, 64); /* the same memory? */
	if (write(to, &c, 1) != 1)
		exit(0);
	while (read(from, &c, 1) == 1) {
		struct job j = sh->job;

		(void)work(&j);
		if (write(to, &c, 1) != 1)
			break;
	}
	_exit(0);
}

static void begin(int down[2], int up[2])
{
	char c = 0;

	two_cpus();
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED || pipe(down) < 0 || pipe(up) < 0)
		b_die("cannot start");
	for (int i = 0; i < 2; i++) {
		if (i == (FORKED_FIRST ? 0 : 1)) {
			if (fork() == 0) {
				close(down[1]);
				child(down[0], up[1]);
			}
		} else {
			init();
			find_pools();
		}
	}
	RTE_PER_LCORE(_lcore_id) = LCORE_ID_ANY; /* this thread has no cache */
	if (rte_mempool_get(pools[0][0], &sh->probe) != 0 || write(down[1], &c, 1) != 1 || read(up[0], &c, 1) != 1)
		b_die("the child did not start");
	if (*(unsigned char *)sh->probe != 0x5a)
		b_die("the two processes do not share the pools' memory");
	rte_mempool_put(pools[0][0], sh->probe);
}

int main(void)
{
	int down[2], up[2];
	char line[128];
	struct job j;

	setvbuf(stdout, NULL, _IOLBF, 0);
	begin(down, up);
	printf("ready %llu\n", (unsigned long long)b_since_exec());
	while (fgets(line, sizeof(line), stdin) != NULL && strncmp(line, "quit", 4) != 0) {
		if (sscanf(line, "%u %u %7s %u %lu", &j.mode, &j.n, j.place, &j.tracked, &j.us) != 5 ||
		    j.mode >= MODES || j.n == 0 || j.n > MOST || j.tracked > 1 || pools[j.tracked][j.mode] == NULL)
			b_die("bad command");
		printf("result {\"ns\": %.3f}\n", run(&j, down[1], up[0]));
	}
	close(down[1]); /* ends the child; what it used counts as ours only after it was waited for */
	waitpid(-1, NULL, 0);
	return 0;
}
