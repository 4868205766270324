/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory.c - one program for every allocator that is measured: shoal and DPDK by rte_malloc(), others (-DB_LIBC) by malloc()
 *
 * Driven by memory.py in lines, answers in lines of JSON:
 *   pair SIZE THREADS N AT     each thread N times malloc, one byte written, free; starts at AT (CLOCK_MONOTONIC ns, 0: now)
 *   batch SIZE THREADS N AT    the same, 64 mallocs then 64 frees
 *   give SIZE N, take N        one process allocates, another frees; with threads (B_LIBC): pass SIZE N
 *   grow N                     N blocks of 8 MiB, each time the heap must grow; given back; then the same in a loop
 *   survive N PROGRAM...       others go on when a member that hammers the heap is killed
 *   mend N IN PROGRAM...       from the proof of a death to the end of a call of another: N killed at any moment, N with a lock
 *   frag MIX                   what is held for what was asked (memory_frag.h)
 *   ref SIZE N WARM TOUCH      requests with a piece of the heap of that size (shoal)
 * Time is taken around the loop, in the thread that runs it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common.h"

#ifdef B_LIBC
#define b_malloc(n) malloc(n)
#define b_free(p) free(p)
#else
#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_memzone.h>
#define b_malloc(n) rte_malloc(NULL, n, 0)
#define b_free(p) rte_free(p)
#endif
#if !defined(B_LIBC) && __has_include(<shoal.h>)
#include <rte_errno.h>
#include <shoal.h>
#include <shoal_mem.h>
#define B_SHOAL 1
#endif

#include "memory_frag.h"

#define BIG ((size_t)8 << 20)
#define THREADS 16

static void *get(size_t n)
{
	char *p = b_malloc(n);

	if (p == NULL)
		b_die("out of memory");
	*(volatile char *)p = 1;
	return p;
}

static void until(uint64_t at)
{
	while (b_now() < at)
		;
}

/* ---- pairs and batches ---- */

struct work {
	size_t size;
	uint64_t n, at;
	unsigned batch;
	double ns; /* of one malloc and one free */
	pthread_t t;
};

static void *run(void *arg)
{
	struct work *w = arg;
	void *p[64];
	uint64_t t0;

	for (unsigned warm = 0; warm < 2; warm++) {
		uint64_t n = warm == 0 ? w->n / 10 + 64 : w->n;

		if (warm == 1)
			until(w->at);
		t0 = b_now();
		for (uint64_t i = 0; i < n; i += w->batch) {
			for (unsigned k = 0; k < w->batch; k++)
				p[k] = get(w->size);
			for (unsigned k = 0; k < w->batch; k++)
				b_free(p[k]);
		}
		w->ns = (double)(b_now() - t0) / (double)((n + w->batch - 1) / w->batch * w->batch);
	}
	return NULL;
}

static void do_pairs(size_t size, unsigned threads, uint64_t n, uint64_t at, unsigned batch)
{
	struct work w[THREADS];
	double sum = 0;

	for (unsigned i = 0; i < threads; i++) {
		w[i] = (struct work){.size = size, .n = n, .at = at, .batch = batch};
		if (threads > 1 && pthread_create(&w[i].t, NULL, run, &w[i]) != 0)
			b_die("pthread_create");
	}
	if (threads == 1)
		run(&w[0]);
	for (unsigned i = 0; i < threads; i++) {
		if (threads > 1)
			pthread_join(w[i].t, NULL);
		sum += w[i].ns;
	}
	printf("result {\"ns\": %.2f}\n", sum / threads);
}

/* ---- freed by another ---- */

#define SLOTS 1024u
struct ring {
	_Alignas(64) _Atomic uint64_t head;
	_Alignas(64) _Atomic uint64_t tail;
	_Alignas(64) void *slot[SLOTS];
	_Atomic uint64_t beat; /* of survive */
};

static struct ring *shared(void)
{
	static struct ring *r;
#ifdef B_LIBC
	static struct ring own;

	r = &own;
#else
	const struct rte_memzone *mz;

	if (r != NULL)
		return r;
	mz = rte_memzone_lookup("bench");
	if (mz == NULL) {
		mz = rte_memzone_reserve("bench", sizeof(*r), SOCKET_ID_ANY, 0);
		if (mz == NULL)
			b_die("no memzone");
		memset(mz->addr, 0, sizeof(*r));
	}
	r = mz->addr;
#endif
	return r;
}

static void give(size_t size, uint64_t n)
{
	struct ring *r = shared();

	for (uint64_t i = 0; i < n; i++) {
		void *p = get(size);

		while (i - atomic_load_explicit(&r->head, memory_order_acquire) >= SLOTS)
			;
		r->slot[i % SLOTS] = p;
		atomic_store_explicit(&r->tail, i + 1, memory_order_release);
	}
	while (atomic_load(&r->head) != n)
		;
}

static void take(uint64_t n)
{
	struct ring *r = shared();
	uint64_t t0 = 0;

	for (uint64_t i = 0; i < n; i++) {
		while (atomic_load_explicit(&r->tail, memory_order_acquire) <= i)
			;
		if (i == n / 10)
			t0 = b_now();
		b_free(r->slot[i % SLOTS]);
		atomic_store_explicit(&r->head, i + 1, memory_order_release);
	}
	printf("result {\"ns\": %.2f}\n", (double)(b_now() - t0) / (double)(n - n / 10));
}

struct pass {
	size_t size;
	uint64_t n;
};

static void *giver(void *arg)
{
	struct pass *p = arg;

	give(p->size, p->n);
	return NULL;
}

static void do_pass(size_t size, uint64_t n)
{
	struct pass p = {size, n};
	struct ring *r = shared();
	pthread_t t;

	atomic_store(&r->head, 0);
	atomic_store(&r->tail, 0);
	if (pthread_create(&t, NULL, giver, &p) != 0)
		b_die("pthread_create");
	take(n);
	pthread_join(t, NULL);
}

/* ---- growth ---- */

enum { GROW, TOUCH, BACK, LOOP, PHASES };
static const char *const phase_names[PHASES] = {"grow", "touch", "back", "loop"};

#ifdef B_LIBC
/* the floor: a file of memory gets 8 MiB more, zeroed by the kernel, and loses them again */
static struct {
	int fd;
	char *base;
} fl;

static void floor_open(unsigned n)
{
	fl.fd = memfd_create("floor", MFD_CLOEXEC);
	if (fl.fd < 0 || ftruncate(fl.fd, (off_t)(n * BIG)) != 0)
		b_die("memfd");
	fl.base = mmap(NULL, n * BIG, PROT_READ | PROT_WRITE, MAP_SHARED, fl.fd, 0);
}
static char *big_get(unsigned i)
{
	if (fallocate(fl.fd, 0, (off_t)(i * BIG), (off_t)BIG) != 0)
		b_die("fallocate");
	return fl.base + i * BIG;
}
static void big_free(char *p)
{
	if (fallocate(fl.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, p - fl.base, (off_t)BIG) != 0)
		b_die("punch");
}
#else
static void floor_open(unsigned n)
{
	(void)n;
}
static char *big_get(unsigned i)
{
	(void)i;
	return get(BIG);
}
static void big_free(char *p)
{
	rte_free(p);
}
#endif

static void do_grow(unsigned n)
{
	int64_t *v[PHASES], t0;
	char **p = calloc(n, sizeof(*p));

	for (unsigned k = 0; k < PHASES; k++)
		v[k] = calloc(n, sizeof(**v));
	floor_open(n);
	for (unsigned i = 0; i < n; i++) {
		t0 = (int64_t)b_now();
		p[i] = big_get(i);
		v[GROW][i] = (int64_t)b_now() - t0;
		t0 = (int64_t)b_now();
		for (size_t at = 0; at < BIG; at += 4096)
			*(volatile char *)(p[i] + at) = 1;
		v[TOUCH][i] = (int64_t)b_now() - t0;
	}
	for (unsigned i = 0; i < n; i++) {
		t0 = (int64_t)b_now();
		big_free(p[i]);
		v[BACK][i] = (int64_t)b_now() - t0;
	}
	for (unsigned i = 0; i < n; i++) {
		t0 = (int64_t)b_now();
		big_free(big_get(0));
		v[LOOP][i] = (int64_t)b_now() - t0;
	}
	printf("result {");
	for (unsigned k = 0; k < PHASES; k++) {
		qsort(v[k], n, sizeof(**v), b_cmp);
		printf("%s\"%s\": %.2f", k != 0 ? ", " : "", phase_names[k], (double)v[k][n / 2] / 1e3);
		free(v[k]);
	}
	printf("}\n");
	free(p);
}

/* ---- deaths ---- */

#ifndef B_LIBC
extern char **environ;

static void all_kinds(unsigned i, const char *name)
{
	static const size_t sizes[] = {64, 1000, 20000, 200000};
	const struct rte_memzone *mz;

	b_free(get(sizes[i % 4]));
	if (i % 16 != 0)
		return;
	mz = rte_memzone_reserve(name, 5000, SOCKET_ID_ANY, 0);
	if (mz == NULL || rte_memzone_free(mz) != 0)
		b_die("memzone");
}

/* what takes locks, and what grows: for 2 */
static void runs_only(unsigned i, const char *name)
{
	const struct rte_memzone *mz = i % 4 == 0 ? rte_memzone_reserve(name, 5000, SOCKET_ID_ANY, 0) : NULL;

	b_free(i % 4 != 0 ? b_malloc(i % 64 == 1 ? BIG : 200000) : NULL);
	if (mz != NULL)
		(void)rte_memzone_free(mz);
}

__attribute__((noreturn)) static void hammer(bool runs)
{
	struct ring *r = shared();
	char name[32];

	snprintf(name, sizeof(name), "h%d", (int)getpid());
	for (unsigned i = 0;; i++) {
		if (runs)
			runs_only(i, name);
		else
			all_kinds(i, name);
		atomic_fetch_add_explicit(&r->beat, 1, memory_order_relaxed);
	}
}

/* the longest call of this process in so many ns */
static int64_t longest(uint64_t ns)
{
	uint64_t from = b_now(), t0 = from;
	int64_t worst = 0;

	for (unsigned i = 0; t0 - from < ns; i++) {
		uint64_t t = b_now();

		all_kinds(i, "survivor");
		t0 = b_now();
		if ((int64_t)(t0 - t) > worst)
			worst = (int64_t)(t0 - t);
	}
	return worst;
}

/* the longest call in the 20 ms before a member that hammers is killed, and in the 20 ms after */
static void one_kill(char **argv, unsigned *seed, int64_t *before, int64_t *after)
{
	struct ring *r = shared();
	uint64_t was = atomic_load(&r->beat);
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
		b_die("spawn");
	while (atomic_load(&r->beat) - was < 2000)
		if (waitpid(pid, NULL, WNOHANG) != 0)
			b_die("the victim ended by itself");
	*before = longest(20000000 + (uint64_t)rand_r(seed) % 100000);
	kill(pid, SIGKILL);
	*after = longest(20000000);
	waitpid(pid, NULL, 0);
}

static void words(char *rest, char **argv)
{
	char *save = NULL;
	unsigned k = 0;

	for (char *s = strtok_r(rest, " ", &save); s != NULL && k < 63; s = strtok_r(NULL, " ", &save))
		argv[k++] = s;
	argv[k] = NULL;
}

static void do_survive(unsigned n, char *rest)
{
	int64_t *v = calloc(n, sizeof(*v)), *quiet = calloc(n, sizeof(*quiet));
	unsigned seed = 1;
	char *argv[64];

	words(rest, argv);
	if (v == NULL || quiet == NULL || setenv("BENCH_HAMMER", "1", 1) != 0)
		b_die("no memory");
	for (unsigned i = 0; i < n; i++)
		one_kill(argv, &seed, &quiet[i], &v[i]);
	b_report(v, n);
	b_report(quiet, n);
	free(v);
	free(quiet);
}
#endif

#ifdef B_SHOAL
/* ---- mending: from the proof of a death to the end of what another member waits for ---- */

/*
 * A thread takes and gives runs and zones without pause, and says when each call ended. The victim does the same, so that it
 * is inside a lock, or a growth, at any moment: killed at random; or stopped first, until a stop is found at which the thread
 * comes no further, and killed then. Killed, waited for (from there on the kernel can prove it), and the time until the
 * thread's next call is done.
 */
static struct {
	_Atomic uint64_t calls, ended_ns;
	_Atomic bool quit;
} worker;

static void *works(void *arg)
{
	for (unsigned i = 0; !atomic_load(&worker.quit); i++) {
		const struct rte_memzone *mz = i % 4 == 0 ? rte_memzone_reserve("mends", 5000, SOCKET_ID_ANY, 0) : NULL;
		void *p = i % 4 != 0 ? b_malloc(200000) : NULL;

		b_free(p);
		if (mz != NULL)
			(void)rte_memzone_free(mz);
		atomic_store(&worker.ended_ns, b_now());
		atomic_fetch_add(&worker.calls, 1);
		if (i % 256 == 0)
			(void)shoal_mem_trim(); /* so that it grows again */
	}
	return arg;
}

/* false: so many ns are over, and it has not done that many calls more */
static bool comes_on(uint64_t from, uint64_t more, uint64_t ns)
{
	uint64_t dl = b_now() + ns;

	while (atomic_load(&worker.calls) < from + more) {
		if (b_now() > dl)
			return false;
		b_sleep_ns(20000);
	}
	return true;
}

static void await_stopped(pid_t pid)
{
	siginfo_t si;

	if (waitid(P_PID, (id_t)pid, &si, WSTOPPED) != 0 || si.si_code != CLD_STOPPED)
		b_die("the victim ended by itself");
}

/* it stands still where the worker needs what it has; 3 ms are more than a growth takes and more than a look at the owner */
static void stop_inside(pid_t pid, unsigned *seed)
{
	for (;;) {
		b_sleep_ns(20000 + (uint64_t)rand_r(seed) % 200000);
		kill(pid, SIGSTOP);
		await_stopped(pid);
		if (!comes_on(atomic_load(&worker.calls), 3, 5000000))
			return;
		kill(pid, SIGCONT);
	}
}

static int64_t mended(char **argv, unsigned *seed, bool inside)
{
	struct ring *r = shared();
	uint64_t was = atomic_load(&r->beat), t0, calls;
	siginfo_t si;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
		b_die("spawn");
	while (atomic_load(&r->beat) - was < 2000)
		if (waitpid(pid, NULL, WNOHANG) != 0)
			b_die("the victim ended by itself");
	if (inside)
		stop_inside(pid, seed);
	else
		b_sleep_ns((uint64_t)rand_r(seed) % 2000000);
	kill(pid, SIGKILL);
	if (waitid(P_PID, (id_t)pid, &si, WEXITED) != 0)
		b_die("waitid");
	t0 = b_now();
	calls = atomic_load(&worker.calls);
	if (!comes_on(calls, 1, 20000000000u))
		b_die("it hangs");
	return (int64_t)atomic_load(&worker.ended_ns) > (int64_t)t0 ? (int64_t)(atomic_load(&worker.ended_ns) - t0) : 0;
}

static void do_mend(unsigned n, unsigned in, char *rest)
{
	int64_t *v = calloc(n + in, sizeof(*v));
	unsigned seed = 1;
	char *argv[64];
	pthread_t t;

	words(rest, argv);
	if (v == NULL || setenv("BENCH_HAMMER", "2", 1) != 0 || pthread_create(&t, NULL, works, NULL) != 0)
		b_die("no memory");
	for (unsigned i = 0; i < n + in; i++)
		v[i] = mended(argv, &seed, i >= n);
	atomic_store(&worker.quit, true);
	pthread_join(t, NULL);
	b_report(v, n);
	b_report(v + n, in);
	free(v);
}
#endif

/* ---- pieces ---- */

#ifdef B_SHOAL
/* TOUCH 0: the answer is the first word; 1: each line is read, as a receiver of a copy would */
static int on_ref(const struct shoal_in *in, void *arg)
{
	const unsigned char *p = in->piece.addr;
	uint64_t sum = 0;

	(void)arg;
	if (p == NULL)
		return -EINVAL;
	if (*(const unsigned char *)in->data == 0)
		sum = *(const uint64_t *)(const void *)p;
	else
		for (size_t i = 0; i < in->piece.len; i += 64)
			sum += *(const volatile uint64_t *)(const void *)(p + i);
	return shoal_reply(in->peer, &(struct shoal_msg){.data = &sum, .len = sizeof(sum)});
}

static void do_ref(size_t size, unsigned n, unsigned warm, unsigned char touch)
{
	struct shoal_msg m = {.name = "ref", .data = &touch, .len = 1, .piece = get(size), .piece_len = size};
	uint64_t to = SHOAL_TO_PRIMARY;
	int64_t *v = calloc(n, sizeof(*v));

	if (v == NULL)
		b_die("no memory");
	for (unsigned i = 0; i < n + warm; i++) {
		struct shoal_answers *a;
		uint64_t t0 = b_now();

		if (touch)
			memset(m.piece, (int)i, size);
		else
			*(uint64_t *)m.piece = i;
		if (shoal_request(&to, 1, &m, NULL, &a) != 0 || a->a[0].piece_back != 1)
			b_die("shoal_request");
		if (!touch && *(const uint64_t *)a->a[0].data != i)
			b_die("wrong answer");
		shoal_answers_free(a);
		if (i >= warm)
			v[i - warm] = (int64_t)(b_now() - t0);
	}
	rte_free(m.piece);
	b_report(v, n);
	free(v);
}
#endif

/* ---- lines ---- */

static void command(char *line)
{
	unsigned long long a[4] = {0};
	char what[16] = "", *rest;
	int at = 0;

	(void)sscanf(line, "%15s %n", what, &at);
	rest = line + at;
	(void)sscanf(rest, "%llu %llu %llu %llu", &a[0], &a[1], &a[2], &a[3]);
	if (strcmp(what, "pair") == 0 && a[1] <= THREADS)
		do_pairs(a[0], (unsigned)a[1], a[2], a[3], 1);
	else if (strcmp(what, "batch") == 0 && a[1] <= THREADS)
		do_pairs(a[0], (unsigned)a[1], a[2], a[3], 64);
	else if (strcmp(what, "pass") == 0)
		do_pass(a[0], a[1]);
	else if (strcmp(what, "give") == 0)
		give(a[0], a[1]);
	else if (strcmp(what, "take") == 0)
		take(a[0]);
	else if (strcmp(what, "grow") == 0)
		do_grow((unsigned)a[0]);
	else if (strcmp(what, "frag") == 0)
		do_frag((unsigned)a[0]);
#ifndef B_LIBC
	else if (strcmp(what, "survive") == 0)
		do_survive((unsigned)a[0], strchr(rest, ' ') + 1);
#endif
#ifdef B_SHOAL
	else if (strcmp(what, "mend") == 0)
		do_mend((unsigned)a[0], (unsigned)a[1], strchr(strchr(rest, ' ') + 1, ' ') + 1);
	else if (strcmp(what, "ref") == 0)
		do_ref(a[0], (unsigned)a[1], (unsigned)a[2], (unsigned char)a[3]);
#endif
	else
		printf("unknown %s\n", what);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char line[8192];

#ifdef B_LIBC
	(void)argc;
	(void)argv;
#else
	if (rte_eal_init(argc, argv) < 0)
		b_die("rte_eal_init");
	shared(); /* the primary makes it */
	if (getenv("BENCH_HAMMER") != NULL)
		hammer(strcmp(getenv("BENCH_HAMMER"), "2") == 0);
#endif
#ifdef B_SHOAL
	if (shoal_action_register("ref", on_ref, NULL) != 0)
		b_die("shoal_action_register");
#endif
	printf("ready %llu\n", (unsigned long long)b_since_exec());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL && strncmp(line, "quit", 4) != 0) {
		line[strcspn(line, "\n")] = '\0';
		command(line);
	}
#ifndef B_LIBC
	rte_eal_cleanup();
#endif
	return 0;
}
