/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor.c - what the machine allows: the same jobs as channel.c by hand, without any protocol
 *
 *   rtt      64 bytes there and back through shared memory; the waiter spins --spin us, then waits on a futex
 *   fan      one asks N through one futex word and waits for all; the last to answer wakes the asker
 *   ready    exec, map one page, say how long it took: the floor of a start
 *   t0       not a floor: pin, stamp the time, exec a program (everything else is started through it)
 *   idle     not a floor: a spinner of the lowest class on one CPU, so that this CPU never halts
 *   tsc      not a floor: ticks of the time stamp counter in a second
 *
 * Invariants: a floor drops every safety that a channel needs (owners, limits, deaths), so it can only be too fast.
 * Pairs: R:FLOOR publishes a payload <-> A:FLOOR reads it; sh_fence() on both sides of seq/asleep: either the waiter sees
 * the new value or the waker sees the waiter asleep.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <rte_cycles.h>

#include "base/atom.h"
#include "base/futex.h"
#include "common.h"

#define MAX_FAN 256

/*
 * One direction of a mailbox. A line of its own for the words, one for the bytes.
 *
 *   field   written by   read by      ordering
 *   seq     the sender   the waiter   R:FLOOR release <-> A:FLOOR acquire: who sees seq sees data
 *   asleep  the waiter   the sender   fence on both sides
 *   data    the sender   the waiter   behind seq
 */
struct box {
	_Atomic uint32_t seq __attribute__((aligned(SH_LINE)));
	_Atomic uint32_t asleep;
	unsigned char data[B_PAYLOAD] __attribute__((aligned(SH_LINE)));
};

/* ask: written by the asker; left: counted down by the workers, the one that reaches 0 posts done; rep: one box each */
struct fan {
	struct box ask, done;
	_Atomic uint32_t left __attribute__((aligned(SH_LINE)));
	_Atomic uint32_t up;
	struct box rep[MAX_FAN];
};

struct opt {
	uint64_t spin_ns;
	unsigned client, server, n, warm, peers;
	bool asleep;
};

static void pin(unsigned cpu)
{
	cpu_set_t s;

	CPU_ZERO(&s);
	CPU_SET(cpu, &s);
	if (sched_setaffinity(0, sizeof(s), &s) != 0)
		b_die("cannot pin");
}

static void post(struct box *b, const void *data, uint32_t seq, int sleepers)
{
	memcpy(b->data, data, B_PAYLOAD);
	sh_store_rel(&b->seq, seq); /* R:FLOOR */
	sh_fence();
	if (sh_load_rlx(&b->asleep) != 0) /* relaxed: ordered by the fence */
		sh_futex_wake(&b->seq, sleepers, SH_FUTEX_ANY, true);
}

/* until seq is want; seq is at want - 1 while waiting */
static void await_seq(struct box *b, uint32_t want, uint64_t spin_ns)
{
	if (spin_ns != 0) {
		uint64_t dl = b_now() + spin_ns;

		do {
			for (unsigned i = 0; i < 64; i++) {
				if (sh_load_acq(&b->seq) == want) /* A:FLOOR */
					return;
				sh_pause();
			}
		} while (b_now() < dl);
	}
	sh_add_rlx(&b->asleep, 1); /* relaxed: the fence orders it before the look at seq */
	sh_fence();
	while (sh_load_acq(&b->seq) != want) /* A:FLOOR */
		sh_futex_wait(&b->seq, want - 1, SH_FOREVER, SH_FUTEX_ANY, true);
	sh_add_rlx(&b->asleep, UINT32_MAX);
}

static void *map_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		b_die("cannot map");
	return p;
}

static pid_t child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		b_die("cannot fork");
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void rtt_serve(struct box *req, struct box *rep, const struct opt *o)
{
	unsigned char mine[B_PAYLOAD];

	for (uint32_t i = 1; i <= o->n + o->warm; i++) {
		await_seq(req, i, o->spin_ns);
		memcpy(mine, req->data, B_PAYLOAD);
		post(rep, mine, i, 1);
	}
}

static int run_rtt(const struct opt *o)
{
	struct box *b = map_shared(2 * sizeof(*b)); /* [0] request, [1] reply */
	int64_t *v = calloc(o->n, sizeof(*v));
	unsigned char mine[B_PAYLOAD] = {1}, got[B_PAYLOAD];
	struct b_tasks t = {.n = 0};
	pid_t pid = child();

	if (v == NULL)
		b_die("no memory");
	if (pid == 0) {
		pin(o->server);
		rtt_serve(&b[0], &b[1], o);
		_exit(0);
	}
	pin(o->client);
	if (o->asleep)
		b_tasks_open(&t, pid);
	for (uint32_t i = 1; i <= o->n + o->warm; i++) {
		uint64_t t0;

		if (o->asleep)
			b_await_sleep(&t, 200000);
		t0 = b_now();
		post(&b[0], mine, i, 1);
		await_seq(&b[1], i, o->spin_ns);
		memcpy(got, b[1].data, B_PAYLOAD);
		if (i > o->warm)
			v[i - 1 - o->warm] = (int64_t)(b_now() - t0);
		if (got[0] != 1)
			b_die("wrong answer");
	}
	waitpid(pid, NULL, 0);
	b_report(v, o->n);
	return 0;
}

static void fan_serve(struct fan *f, unsigned me, const struct opt *o)
{
	unsigned char mine[B_PAYLOAD];

	sh_add(&f->up, 1);
	for (uint32_t i = 1; i <= o->n + o->warm; i++) {
		await_seq(&f->ask, i, o->spin_ns);
		memcpy(mine, f->ask.data, B_PAYLOAD);
		memcpy(f->rep[me].data, mine, B_PAYLOAD);
		if (sh_add(&f->left, UINT32_MAX) == 1) /* R:FLOOR of all the others' data is behind this chain */
			post(&f->done, mine, i, 1);
	}
}

static int run_fan(const struct opt *o)
{
	struct fan *f = map_shared(sizeof(*f));
	int64_t *v = calloc(o->n, sizeof(*v));
	unsigned char mine[B_PAYLOAD] = {1}, got[B_PAYLOAD];

	if (v == NULL || o->peers == 0 || o->peers > MAX_FAN)
		b_die("1..256 peers");
	for (unsigned w = 0; w < o->peers; w++) {
		if (child() == 0) {
			pin(o->server);
			fan_serve(f, w, o);
			_exit(0);
		}
	}
	pin(o->client);
	while (sh_load_acq(&f->up) != o->peers)
		b_sleep_ns(1000000);
	for (uint32_t i = 1; i <= o->n + o->warm; i++) {
		uint64_t t0 = b_now();

		sh_store_rlx(&f->left, o->peers); /* relaxed: published by the post */
		post(&f->ask, mine, i, INT_MAX);
		await_seq(&f->done, i, o->spin_ns);
		for (unsigned w = 0; w < o->peers; w++)
			memcpy(got, f->rep[w].data, B_PAYLOAD);
		if (i > o->warm)
			v[i - 1 - o->warm] = (int64_t)(b_now() - t0);
	}
	while (wait(NULL) > 0)
		;
	b_report(v, o->n);
	return 0;
}

/* exec + map: 64 KiB of a fresh memfd mapped, one page touched */
static int run_ready(void)
{
	int fd = memfd_create("floor", MFD_CLOEXEC);
	unsigned char *p;
	char line[16];

	if (fd < 0 || ftruncate(fd, 65536) != 0)
		b_die("no memfd");
	p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		b_die("cannot map");
	p[0] = 1;
	printf("ready %llu %d\n", (unsigned long long)b_since_exec(), (int)getpid());
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) == NULL; /* "quit": lets the driver read our memory first */
}

/* t0 CPUS|any CMD...: pin to "0" or "0,1", stamp, exec */
static int run_t0(int argc, char **argv)
{
	char stamp[32];

	if (argc < 2)
		b_die("t0 CPUS|any CMD...");
	if (strcmp(argv[0], "any") != 0) {
		cpu_set_t s;

		CPU_ZERO(&s);
		for (char *p = argv[0]; *p != '\0'; p += *p == ',')
			CPU_SET(strtoul(p, &p, 10), &s);
		if (sched_setaffinity(0, sizeof(s), &s) != 0)
			b_die("cannot pin");
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* no leftovers when the driver is killed */
	snprintf(stamp, sizeof(stamp), "%llu", (unsigned long long)b_now());
	setenv(B_T0, stamp, 1);
	execvp(argv[1], argv + 1);
	b_die("cannot exec");
}

static int run_idle(unsigned cpu)
{
	struct sched_param p = {.sched_priority = 0};

	pin(cpu);
	if (sched_setscheduler(0, SCHED_IDLE, &p) != 0)
		b_die("no SCHED_IDLE");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	printf("spinning\n");
	fflush(stdout);
	for (;;)
		sh_pause();
}

static int run_tsc(void)
{
	uint64_t t0 = b_now(), c0 = rte_rdtsc(), t;

	do {
		t = b_now();
	} while (t - t0 < 50000000);
	printf("%.0f\n", (double)(rte_rdtsc() - c0) * 1e9 / (double)(t - t0));
	return 0;
}

static void parse(struct opt *o, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const char *a = argv[i];
		unsigned val = i + 1 < argc ? (unsigned)strtoul(argv[i + 1], NULL, 10) : 0;

		if (strcmp(a, "--asleep") == 0) {
			o->asleep = true;
			continue;
		}
		if (strcmp(a, "--spin") == 0)
			o->spin_ns = val * 1000ull;
		else if (strcmp(a, "--client") == 0)
			o->client = val;
		else if (strcmp(a, "--server") == 0)
			o->server = val;
		else if (strcmp(a, "--n") == 0)
			o->n = val;
		else if (strcmp(a, "--warm") == 0)
			o->warm = val;
		else if (strcmp(a, "--peers") == 0)
			o->peers = val;
		else
			b_die("unknown option");
		i++;
	}
}

int main(int argc, char **argv)
{
	struct opt o = {.client = 1, .server = 0, .n = 20000, .warm = 2020, .peers = 1};

	if (argc > 2 && strcmp(argv[1], "t0") == 0)
		return run_t0(argc - 2, argv + 2);
	if (argc > 2 && strcmp(argv[1], "idle") == 0)
		return run_idle((unsigned)strtoul(argv[2], NULL, 10));
	if (argc > 1 && strcmp(argv[1], "ready") == 0)
		return run_ready();
	if (argc > 1 && strcmp(argv[1], "tsc") == 0)
		return run_tsc();
	if (argc > 1) {
		parse(&o, argc - 2, argv + 2);
		if (strcmp(argv[1], "rtt") == 0)
			return run_rtt(&o);
		if (strcmp(argv[1], "fan") == 0)
			return run_fan(&o);
	}
	fprintf(stderr, "usage: %s rtt|fan|ready|t0|idle|tsc ... (see the head of floor.c)\n", argv[0]);
	return 2;
}
