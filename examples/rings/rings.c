/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rings.c - a file goes through a ring; whoever puts it in is killed with -9, again and again, and replaced
 *
 *   rings --file-prefix P -- FILE SHA256 KILLS SECONDS MODE
 *
 * The primary takes blocks out of a ring, digests them, starts the producer, kills it KILLS times in the middle, starts another,
 * and draws the table. A producer is a secondary (the same program): it cuts the file into blocks and puts them in, eight in
 * a call, each with its number and with who it was. Nobody tells a replacement where to go on: it reads r->prod.tail, which
 * is how many elements have ever been published in the ring. A call that was cut off has published nothing, so that is right
 * at whatever instruction the one before died.
 *
 * What the primary prints as "ok:" it has compared; at the first difference it prints it and ends with 1. The file, in SECONDS
 * or as fast as it goes with 0, comes out once and in order if and only if all of it is as claimed.
 */
#ifndef _GNU_SOURCE /* environ */
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memzone.h>
#include <rte_random.h>
#include <rte_ring_elem.h>
#include <shoal_ring.h>

#include "../common/sha256.h"
#include "../common/show.h"

#define AT_ONCE 8     /* blocks in a call of the producer */
#define MOST_KILLS 20 /* rows of the table */
#define SMALLEST 4096 /* bytes of a file that still has a middle to be killed in */

/* an element: its size is a multiple of 4, and nothing else matters to a ring */
struct block {
	uint64_t number;
	uint32_t who, len;
	uint8_t bytes[240];
};

/* What all see: a memzone. Written by the primary before a producer starts; from and ready by the producer of that number. */
struct board {
	uint64_t size, blocks;
	uint32_t block_len;
	_Atomic uint64_t from[MOST_KILLS + 1]; /* the block it began with */
	_Atomic bool ready[MOST_KILLS + 1];
};

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

static struct board *board;
static struct rte_ring *ring;
static const char *path;

/* ---- a producer ---- */

static bool cut(int fd, uint64_t number, uint32_t who, struct block *b)
{
	uint64_t at = number * board->block_len;

	b->number = number;
	b->who = who;
	b->len = (uint32_t)RTE_MIN((uint64_t)board->block_len, board->size - at);
	return pread(fd, b->bytes, b->len, (off_t)at) == (ssize_t)b->len;
}

static int producer(uint32_t me)
{
	const struct rte_memzone *mz = rte_memzone_lookup("demo board");
	struct block b[AT_ONCE];
	uint64_t next;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ring = rte_ring_lookup("file");
	if (mz == NULL || ring == NULL || fd < 0)
		return 3;
	board = mz->addr;
	next = ring->prod.tail; /* here the one before me was cut off; 0: I am the first */
	atomic_store(&board->from[me], next);
	atomic_store(&board->ready[me], true);
	while (next < board->blocks) {
		unsigned n = 0, in = 0;

		for (; n < AT_ONCE && next + n < board->blocks; n++)
			if (!cut(fd, next + n, me, &b[n]))
				return 4;
		while (in < n) {
			unsigned k = rte_ring_enqueue_burst_elem(ring, &b[in], sizeof(b[0]), n - in, NULL);

			in += k;
			if (k == 0 && shoal_ring_wait(ring, SHOAL_RING_ROOM, NULL) < 0)
				return 5;
		}
		next += n;
	}
	close(fd);
	rte_eal_cleanup();
	return 0;
}

/* ---- the primary: what it has seen ---- */

static struct one {
	pid_t pid;
	bool lives; /* not waited for yet */
	const char *state;
	uint64_t first, taken; /* of its blocks */
} one[MOST_KILLS + 1];
static unsigned now;  /* the producer that lives, or lived last */
static uint8_t *seen; /* by block: how often it came */
static uint64_t taken, twice, in_disorder;
static struct sha256 sha;
static atomic_int stopped; /* lock-free: set by a handler, on whatever thread it comes to */

static void on_stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static void end_producer(void)
{
	if (one[now].lives)
		kill(one[now].pid, SIGKILL);
}

/* Ctrl-C ends all that was started, and says so by its status */
static void go_on_or_end(void)
{
	if (!stopped)
		return;
	printf("\nrings demo: stopped\n");
	end_producer();
	rte_eal_cleanup();
	exit(130);
}

/* from the producer of number first on */
static void table(unsigned first)
{
	show_table_begin();
	for (unsigned i = first; i <= now; i++)
		printf("   producer %-2u  pid %-8d %8" PRIu64 " blocks from %-8" PRIu64 " %-10s\n", i + 1,
		       (int)one[i].pid, one[i].taken, one[i].first, one[i].state);
	printf("   the ring     ");
	show_bar(rte_ring_count(ring), rte_ring_get_capacity(ring), 40);
	printf(" %5u of %-5u blocks\n   the file     ", rte_ring_count(ring), rte_ring_get_capacity(ring));
	show_bar((double)taken, (double)board->blocks, 40);
	printf(" %5.1f %%, twice %" PRIu64 "\n", 100 * (double)taken / (double)board->blocks, twice);
	show_table_end(now - first + 3);
}

static void take(const struct block *b)
{
	show_must(b->number < board->blocks && b->who <= now && b->len <= sizeof(b->bytes),
		  "a block came that nobody had put in: number %" PRIu64 " of producer %u", b->number, b->who + 1);
	twice += seen[b->number] != 0;
	seen[b->number] = 1;
	in_disorder += b->number != taken;
	if (one[b->who].taken++ == 0)
		one[b->who].first = b->number;
	sha256_add(&sha, b->bytes, b->len);
	taken++;
}

/* what is there, at most most; sleeps a little when there is nothing */
static unsigned consume(uint64_t most)
{
	const struct timespec a_while = {.tv_nsec = 50000000};
	struct block b[32];
	unsigned n = rte_ring_dequeue_burst_elem(ring, b, sizeof(b[0]), (unsigned)RTE_MIN(most, (uint64_t)32), NULL);

	for (unsigned i = 0; i < n; i++)
		take(&b[i]);
	if (n == 0)
		shoal_ring_wait(ring, SHOAL_RING_ELEMENTS, &a_while);
	go_on_or_end();
	return n;
}

/* ---- the primary: who does what ---- */

/* has the producer ended by itself? Then in good order. */
static bool ended(void)
{
	int st;

	if (one[now].lives && waitpid(one[now].pid, &st, WNOHANG) == one[now].pid) {
		one[now].lives = false;
		show_must(st == 0, "producer %u ended with wait status 0x%x", now + 1, (unsigned)st);
		one[now].state = "done";
	}
	return !one[now].lives;
}

static void start(unsigned i, char **argv)
{
	posix_spawnattr_t own_group; /* Ctrl-C is for the primary, which then ends the producer */
	char *args[16], number[8];
	unsigned n = 0;

	args[n++] = argv[0];
	args[n++] = (char *)"--proc-type=secondary";
	for (unsigned k = 1; argv[k] != NULL && n < 15; k++)
		args[n++] = argv[k];
	args[n] = NULL;
	snprintf(number, sizeof(number), "%u", i);
	now = i;
	show_must(setenv("DEMO_PRODUCER", number, 1) == 0 && posix_spawnattr_init(&own_group) == 0 &&
			  posix_spawnattr_setflags(&own_group, POSIX_SPAWN_SETPGROUP) == 0 &&
			  posix_spawn(&one[i].pid, "/proc/self/exe", NULL, &own_group, args, environ) == 0,
		  "producer %u cannot be started", i + 1);
	posix_spawnattr_destroy(&own_group);
	one[i].lives = true;
	for (unsigned ms = 0; !atomic_load(&board->ready[i]) && ms < 20000; ms += 2) {
		show_nap(2);
		go_on_or_end();
		show_must(!ended(), "producer %u ended before it began", i + 1);
	}
	show_must(atomic_load(&board->ready[i]), "producer %u has not begun within 20 s", i + 1);
	one[i].state = "puts in";
	one[i].first = atomic_load(&board->from[i]);
}

/* until so many are taken, or nothing comes any more because nobody is there to put it in */
static void consume_to(uint64_t to)
{
	while (taken < to)
		if (consume(to - taken) == 0 && ended() && rte_ring_empty(ring) == 1)
			return;
}

/* the same at so many blocks a ms, and the table moves; 0: as fast as it goes */
static void consume_at(double pace, uint64_t to)
{
	while (pace > 0 && taken < to && !(ended() && rte_ring_empty(ring) == 1)) {
		uint64_t began = rte_get_timer_cycles(), ms;

		consume_to(RTE_MIN(to, taken + (uint64_t)(20 * pace) + 1));
		if (show_tty)
			table(now);
		ms = (rte_get_timer_cycles() - began) * 1000 / rte_get_timer_hz();
		if (ms < 20)
			show_nap((unsigned)(20 - ms));
	}
	consume_to(to);
}

/* while it puts in what it can, for what was in the ring is taken out as fast as it goes */
static void kill_and_replace(char **argv)
{
	struct one *o = &one[now];
	uint64_t put;
	int st = 0;

	consume_to(taken + rte_rand_max(rte_ring_get_capacity(ring)));
	show_must(!ended(), "producer %u ended before the file did", now + 1);
	kill(o->pid, SIGKILL);
	waitpid(o->pid, &st, 0);
	o->lives = false;
	o->state = "killed -9";
	put = ring->prod.tail;
	table(now);
	show_claim(WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL && put < board->blocks,
		   "producer %u was killed with -9 in the middle of the file", now + 1);
	show_claim(put - taken == rte_ring_count(ring) && put - taken <= rte_ring_get_capacity(ring),
		   "the ring says: %" PRIu64 " blocks were put in; %" PRIu64 " were taken out, %u are in it", put,
		   taken, rte_ring_count(ring));
	start(now + 1, argv);
	show_claim(one[now].first == put, "producer %u, pid %d, goes on with block %" PRIu64, now + 1,
		   (int)one[now].pid, one[now].first);
}

static void run(unsigned kills, unsigned seconds, char **argv)
{
	/* a producer is never more than a ring ahead, and a ring's worth is taken out before it is killed */
	uint64_t ahead = 2 * rte_ring_get_capacity(ring) + AT_ONCE;
	uint64_t stretch = (board->blocks - ahead) / (kills + 1);
	double pace = seconds != 0 ? (double)board->blocks / (seconds * 1000.0) : 0;

	start(0, argv);
	for (unsigned i = 0; i < kills; i++) {
		consume_at(pace, stretch * (i + 1) - rte_rand_max(stretch / 2));
		kill_and_replace(argv);
	}
	consume_at(pace, board->blocks);
}

static void end_well(unsigned kills, const char *want)
{
	uint64_t lost = 0, sum = 0;
	char got[65];

	while (!ended())
		show_nap(1);
	table(0);
	for (uint64_t i = 0; i < board->blocks; i++)
		lost += seen[i] == 0;
	for (unsigned i = 0; i <= now; i++)
		sum += one[i].taken;
	show_claim(now == kills, "%u producers were killed, the last one ended in good order", kills);
	show_claim(lost == 0 && twice == 0 && in_disorder == 0 && sum == board->blocks,
		   "%" PRIu64 " blocks of all producers: lost %" PRIu64 ", twice %" PRIu64 ", out of order %" PRIu64,
		   sum, lost, twice, in_disorder);
	show_claim(rte_ring_empty(ring) == 1 && ring->prod.tail == (uint32_t)board->blocks &&
			   ring->cons.tail == (uint32_t)board->blocks,
		   "the ring is empty, and says the same number");
	sha256_end(&sha, got);
	show_claim(strcmp(got, want) == 0, "sha256 of what came out: %s\n       sha256sum of the file:   %s", got,
		   want);
	printf("\nrings demo: %u claims checked\n", show_checks);
	rte_eal_cleanup();
}

/* the file in about 5000 blocks, and a ring for a sixteenth of them */
static void prepare(const struct mode *m, uint64_t size)
{
	const struct rte_memzone *mz = rte_memzone_reserve("demo board", sizeof(*board), SOCKET_ID_ANY, 0);
	uint32_t slots;

	show_must(mz != NULL, "no board: %s", rte_strerror(rte_errno));
	board = memset(mz->addr, 0, sizeof(*board));
	board->size = size;
	board->block_len = (uint32_t)RTE_MAX((uint64_t)8, RTE_MIN(size / 5000, sizeof(((struct block *)0)->bytes)));
	board->blocks = (size + board->block_len - 1) / board->block_len;
	show_must(board->blocks <= UINT32_MAX, "%s has more blocks than a ring counts", path);
	slots = (uint32_t)RTE_MIN(board->blocks / 16, (uint64_t)1023);
	ring = rte_ring_create_elem("file", sizeof(struct block), slots, SOCKET_ID_ANY, m->flags | RING_F_EXACT_SZ);
	seen = calloc(board->blocks, 1);
	show_must(ring != NULL && seen != NULL, "no ring: %s", rte_strerror(rte_errno));
	sha256_init(&sha);
	printf("   %s: %" PRIu64 " bytes, %" PRIu64 " blocks of %u; a ring %s with room for %u\n", path, size,
	       board->blocks, board->block_len, m->name, slots);
}

static int primary(char **own, char **argv)
{
	const struct sigaction stop = {.sa_handler = on_stop};
	unsigned kills = (unsigned)atoi(own[2]), seconds = (unsigned)atoi(own[3]), m = 0;
	struct stat st;

	while (m < MODES && strcmp(modes[m].name, own[4]) != 0)
		m++;
	if (m == MODES || kills > MOST_KILLS || stat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < SMALLEST) {
		fprintf(stderr, "rings demo: a regular file of %d bytes or more, at most %d kills, a mode as SP/SC\n",
			SMALLEST, MOST_KILLS);
		return 2;
	}
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	show_begin();
	show_at_end(end_producer);
	show_title("a file goes through a ring while its producers are killed");
	prepare(&modes[m], (uint64_t)st.st_size);
	run(kills, seconds, argv);
	end_well(kills, own[1]);
	return 0;
}

int main(int argc, char **argv)
{
	const char *me = getenv("DEMO_PRODUCER");
	char *all[16] = {NULL};
	int used;

	for (int i = 0; i < argc && i < 15; i++)
		all[i] = argv[i];
	prctl(PR_SET_PDEATHSIG, me != NULL ? SIGKILL : SIGTERM);
	used = rte_eal_init(argc, argv);
	if (used < 0 || argc - used != 6) {
		fprintf(stderr, "rings demo: cannot start: %s\n",
			used < 0 ? rte_strerror(rte_errno) : "five arguments");
		return 1;
	}
	path = argv[used + 1];
	return me != NULL ? producer((uint32_t)atoi(me) % (MOST_KILLS + 1)) : primary(&argv[used + 1], all);
}
