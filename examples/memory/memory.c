/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory.c - a secondary fills the shared heap to its limit, others read it by pointer, one forbids, one dies, memory goes back
 *
 *   memory --file-prefix PREFIX --memory-max 64M          the primary: starts the others, shows a table, checks every claim
 *   memory --proc-type=secondary --file-prefix PREFIX     one of the others, told what to do by messages
 *
 * What the primary prints as "ok" it has compared; at the first difference it prints it and ends with 1. On a terminal the
 * table is redrawn in place while things happen; elsewhere it is printed once a step.
 */
#ifndef _GNU_SOURCE /* environ, pipe2() */
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <shoal.h>
#include <shoal_mem.h>

#include "../common/show.h"

#define MIB ((size_t)1 << 20)
#define PIECE MIB
#define PIECES 1024

enum { EATER, READER, GUARD, MEMBERS };
static const char *const role[MEMBERS] = {"eater", "reader", "guard"};

/* What all see: a memzone. Written by the one whose line it is; pieces by the eater. */
struct board {
	_Atomic uint64_t id[MEMBERS];
	_Atomic unsigned done[MEMBERS]; /* pieces it has got, read, or forbidden */
	_Atomic(uint64_t *) piece[PIECES];
	_Atomic unsigned pieces;
};
static struct board *board;

/* ---- the others ---- */

static void paint(uint64_t *p, unsigned number)
{
	for (size_t i = 0; i < PIECE / sizeof(*p); i++)
		p[i] = number * 1000003ull + i;
}

static bool painted(const uint64_t *p, unsigned number)
{
	for (size_t i = 0; i < PIECE / sizeof(*p); i++)
		if (p[i] != number * 1000003ull + i)
			return false;
	return true;
}

/* as many as there are: until rte_malloc() says no */
static int eat(unsigned most)
{
	unsigned n = 0;
	uint64_t *p;

	while (n < most && (p = rte_malloc("demo", PIECE, 0)) != NULL) {
		paint(p, n);
		atomic_store(&board->piece[n], p);
		atomic_store(&board->pieces, ++n);
		atomic_store(&board->done[EATER], n);
	}
	return n == most ? 0 : rte_errno;
}

static int spit(void)
{
	for (unsigned n = atomic_load(&board->pieces); n-- > 0;) {
		rte_free(atomic_load(&board->piece[n]));
		atomic_store(&board->pieces, n);
		atomic_store(&board->done[EATER], n);
	}
	return 0;
}

/* by pointer: the eater's addresses are mine */
static int read_all(void)
{
	for (unsigned n = 0; n < atomic_load(&board->pieces); n++) {
		if (!painted(atomic_load(&board->piece[n]), n))
			return EIO;
		atomic_store(&board->done[READER], n + 1);
	}
	return 0;
}

/* the last piece goes to the reader, for good */
static int give_one(void)
{
	unsigned n = atomic_load(&board->pieces) - 1;
	uint64_t to = atomic_load(&board->id[READER]);
	struct shoal_msg m = {.name = "gift",
			      .data = &n,
			      .len = sizeof(n),
			      .piece = atomic_load(&board->piece[n]),
			      .piece_len = PIECE};
	struct shoal_answers *a = NULL;
	int r = shoal_request(&to, 1, &m, NULL, &a) == 0 && !a->a[0].piece_back ? 0 : EIO;

	atomic_store(&board->pieces, n);
	atomic_store(&board->done[EATER], n);
	shoal_answers_free(a);
	return r;
}

static int on_gift(const struct shoal_in *in, void *arg)
{
	uint64_t *p = shoal_piece_take(&in->piece);

	(void)arg;
	if (p == NULL || !painted(p, *(const unsigned *)in->data))
		return -EIO;
	rte_free(p);
	return shoal_reply(in->peer, &(struct shoal_msg){.data = "", .len = 1});
}

#ifdef RTE_MEM_ALLOC_VALIDATOR_NAME_LEN
static int forbid(int socket, size_t limit, size_t new_len)
{
	(void)socket;
	(void)limit;
	(void)new_len;
	atomic_fetch_add(&board->done[GUARD], 1);
	return -1;
}

static int guard(bool on, size_t limit)
{
	int r = on ? rte_mem_alloc_validator_register("demo", forbid, 0, limit)
		   : rte_mem_alloc_validator_unregister("demo", 0);

	return r == 0 ? 0 : rte_errno;
}
#else
static int guard(bool on, size_t limit)
{
	(void)on;
	(void)limit;
	return ENOTSUP;
}
#endif

static int on_do(const struct shoal_in *in, void *arg)
{
	const char *what = in->data;
	int r = ENOSYS;

	(void)arg;
	if (strncmp(what, "eat ", 4) == 0)
		r = eat((unsigned)atoi(what + 4));
	else if (strcmp(what, "spit") == 0)
		r = spit();
	else if (strcmp(what, "read") == 0)
		r = read_all();
	else if (strcmp(what, "give") == 0)
		r = give_one();
	else if (strncmp(what, "guard ", 6) == 0)
		r = guard(true, (size_t)atol(what + 6));
	else if (strcmp(what, "unguard") == 0)
		r = guard(false, 0);
	return shoal_reply(in->peer, &(struct shoal_msg){.data = &r, .len = sizeof(r)});
}

static int secondary(unsigned me)
{
	const struct rte_memzone *mz = rte_memzone_lookup("demo board");
	sigset_t stop;
	int sig;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	if (mz == NULL)
		return 1;
	board = mz->addr; /* actions use it */
	if (shoal_action_register("do", on_do, NULL) < 0 || shoal_action_register("gift", on_gift, NULL) < 0)
		return 1;
	atomic_store(&board->id[me], shoal_member_self());
	sigwait(&stop, &sig);
	rte_eal_cleanup();
	return 0;
}

/* ---- the primary: the table ---- */

static pid_t child[MEMBERS];
static size_t limit;
static const char *state[MEMBERS] = {"waits", "waits", "waits"};

/* what the kernel holds for the group's heap, whatever the library says */
static size_t held(void)
{
	char path[64], name[64];
	size_t sum = 0;

	for (int fd = 0; fd < 256; fd++) {
		struct stat st;
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, name, sizeof(name) - 1);
		name[n > 0 ? n : 0] = '\0';
		if (strncmp(name, "/memfd:shoal-heap", 17) == 0 && fstat(fd, &st) == 0)
			sum += (size_t)st.st_blocks * 512;
	}
	return sum;
}

static size_t used(void)
{
	struct rte_malloc_socket_stats st = {0};

	rte_malloc_get_socket_stats(0, &st);
	return st.heap_allocsz_bytes;
}

static void bar(const char *what, const char *does, size_t bytes)
{
	printf("   %-8s %-26s %6.1f MiB  ", what, does, (double)bytes / (double)MIB);
	show_bar((double)bytes, (double)limit, 28);
	printf("\n");
}

/* ---- the primary: what the others' library says, beside the table and not in the midst of it ---- */

static struct {
	int fd; /* their stderr comes here */
	char text[4096];
	size_t len;
} said[MEMBERS];

/* keep what has come; more than there is room for is dropped, so that nobody waits */
static void hear(unsigned who)
{
	char more[512];
	ssize_t n;

	while (said[who].fd > 0 && (n = read(said[who].fd, more, sizeof(more))) > 0) {
		size_t room = sizeof(said[who].text) - 1 - said[who].len, k = (size_t)n < room ? (size_t)n : room;

		memcpy(said[who].text + said[who].len, more, k);
		said[who].len += k;
	}
}

static void tell_all(void)
{
	for (unsigned i = 0; i < MEMBERS; i++) {
		char *save = NULL;

		hear(i);
		said[i].text[said[i].len] = '\0';
		said[i].len = 0;
		for (char *line = strtok_r(said[i].text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
			show_said(role[i], line);
	}
}

static void table(void)
{
	char text[64];

	show_table_begin();
	for (unsigned i = 0; i < MEMBERS; i++) {
		unsigned n = atomic_load(&board->done[i]);

		snprintf(text, sizeof(text), "%s", child[i] != 0 ? state[i] : "dead");
		if (i == GUARD)
			printf("   %-8s %-26s %6u times no\n", role[i], text, n);
		else
			bar(role[i], text, n * PIECE);
	}
	bar("group", "used", used());
	bar("kernel", "holds", held());
	show_table_end(MEMBERS + 2);
}

static void end_all(void)
{
	for (unsigned i = 0; i < MEMBERS; i++)
		if (child[i] != 0)
			kill(child[i], SIGKILL);
	tell_all();
}

/* ---- the primary: who does what ---- */

static _Atomic int outcome; /* of the last order: -1 none yet, else the errno that came back */

static void on_answer(const struct shoal_answers *a, void *arg)
{
	(void)arg;
	atomic_store(&outcome, a->n == 1 && a->a[0].outcome == SHOAL_ANSWERED ? *(const int *)a->a[0].data : EIO);
}

/* tell one what to do, and show the table until it has done it */
static int order(unsigned who, const char *what, const char *doing)
{
	const struct timespec time_limit = {.tv_sec = 20};
	uint64_t to = atomic_load(&board->id[who]);
	struct shoal_msg m = {.name = "do", .data = what, .len = strlen(what) + 1};

	atomic_store(&outcome, -1);
	state[who] = doing;
	if (shoal_request_async(&to, 1, &m, &time_limit, on_answer, NULL, NULL) < 0)
		return rte_errno;
	while (atomic_load(&outcome) < 0) {
		if (show_tty)
			table();
		for (unsigned i = 0; i < MEMBERS; i++)
			hear(i);
		show_nap(10);
	}
	table();
	tell_all();
	state[who] = "waits";
	return atomic_load(&outcome);
}

static void start(unsigned who, char **argv)
{
	posix_spawn_file_actions_t fa;
	char *args[16], number[8];
	unsigned n = 0;
	int err[2];

	for (; argv[n] != NULL && n < 13; n++)
		args[n] = argv[n];
	snprintf(number, sizeof(number), "%u", who);
	args[n++] = (char *)"--proc-type=secondary";
	args[n] = NULL;
	posix_spawn_file_actions_init(&fa);
	if (pipe2(err, O_CLOEXEC) != 0 || fcntl(err[0], F_SETFL, O_NONBLOCK) != 0 ||
	    posix_spawn_file_actions_adddup2(&fa, err[1], 2) != 0 || setenv("DEMO_ROLE", number, 1) != 0 ||
	    posix_spawn(&child[who], "/proc/self/exe", &fa, NULL, args, environ) != 0)
		show_claim(false, "the %s cannot be started", role[who]);
	posix_spawn_file_actions_destroy(&fa);
	close(err[1]);
	said[who].fd = err[0];
	for (unsigned ms = 0; atomic_load(&board->id[who]) == 0 && ms < 10000; ms += 5) {
		hear(who);
		show_nap(5);
	}
	tell_all();
	show_claim(atomic_load(&board->id[who]) != 0, "the %s has joined, pid %d", role[who], (int)child[who]);
}

static void to_the_limit(void)
{
	char *p;
	int r;

	show_title("a secondary allocates to the limit");
	r = order(EATER, "eat 1024", "allocates 1 MiB, and again");
	show_claim(r == ENOMEM, "it ended with NULL and ENOMEM, and no signal (%s)", strerror(r));
	show_claim(used() <= limit && atomic_load(&board->pieces) * PIECE > limit / 2, "it got %u MiB of %zu",
		   atomic_load(&board->pieces), limit / MIB);
	show_claim(held() <= limit + 16 * MIB, "the kernel holds %.1f MiB for the heap, seen from outside",
		   (double)held() / (double)MIB);
	show_title("the others read it by pointer");
	r = order(READER, "read", "reads the eater's pointers");
	show_claim(r == 0 && atomic_load(&board->done[READER]) == atomic_load(&board->pieces),
		   "the reader found every word of %u pieces at the same addresses", atomic_load(&board->done[READER]));
	r = order(EATER, "give", "gives one piece away");
	show_claim(r == 0, "one piece went to the reader with a message; it read and freed it");
	p = rte_malloc(NULL, MIB / 2, 0);
	show_claim(p != NULL, "what is free is free for all: the primary has half of it now");
	rte_free(p);
}

static void goes_back(void)
{
	size_t most = held();
	unsigned ms = 0;

	show_title("memory goes back");
	show_claim(order(EATER, "spit", "frees all") == 0, "the eater has freed what it had");
	for (; held() > most / 4 && ms < 15000; ms += 20) {
		if (show_tty)
			table();
		show_nap(20);
	}
	table();
	show_claim(held() <= most / 4, "the kernel holds %.1f MiB after %.1f MiB", (double)held() / (double)MIB,
		   (double)most / (double)MIB);
	atomic_store(&board->done[READER], 0);
}

static void veto(void)
{
	char what[32];
	int r;

	show_title("a member forbids");
	snprintf(what, sizeof(what), "guard %zu", limit / 4);
	r = order(GUARD, what, "forbids beyond a quarter");
	if (r == ENOTSUP) {
		printf("   left out: this library has no rte_mem_alloc_validator_register()\n");
		return;
	}
	show_claim(r == 0, "the guard, a secondary, has registered a validator");
	r = order(EATER, "eat 1024", "allocates 1 MiB, and again");
	show_claim(r == ENOMEM && atomic_load(&board->done[GUARD]) >= 1,
		   "the guard was asked, said no, and the eater got ENOMEM");
	show_claim(used() <= limit / 4 + 4 * MIB, "the group uses %.1f MiB", (double)used() / (double)MIB);
	show_claim(order(EATER, "spit", "frees all") == 0, "it freed what it had");
	show_claim(order(GUARD, "unguard", "waits") == 0, "the guard forbids no more");
}

static void death(void)
{
	uint64_t id = atomic_load(&board->id[EATER]);
	char why[256] = "";
	unsigned n;

	show_title("one dies with memory in its hands");
	show_claim(order(EATER, "eat 20", "allocates 20 MiB") == 0, "the eater has 20 MiB");
	n = atomic_load(&board->pieces);
	kill(child[EATER], SIGKILL);
	waitpid(child[EATER], NULL, 0);
	child[EATER] = 0;
	show_claim(shoal_mem_owned_by(id, NULL, NULL) == (long)n,
		   "kill -9; its %u pieces are still there and listed in its name", n);
	show_claim(order(READER, "read", "reads what the dead left") == 0, "the reader reads them");
	for (unsigned ms = 0; shoal_member_is_alive(id) == 1 && ms < 5000; ms += 5)
		show_nap(5);
	show_claim(shoal_mem_free_owned(id) == (long)n, "the primary frees them");
	atomic_store(&board->done[EATER], 0);
	table();
	show_claim(shoal_heap_audit(why, sizeof(why)) == 0, "the audit finds nothing lost and nothing twice %s", why);
}

static int primary(char **argv)
{
	const struct rte_memzone *mz = rte_memzone_reserve("demo board", sizeof(*board), SOCKET_ID_ANY, 0);

	show_begin();
	show_at_end(end_all);
	if (mz == NULL)
		return 1;
	board = memset(mz->addr, 0, sizeof(*board));
	limit = (size_t)rte_eal_get_physmem_size();
	show_title("a group whose heap is limited");
	printf("   --memory-max: %zu MiB\n", limit / MIB);
	for (unsigned i = 0; i < MEMBERS; i++)
		start(i, argv);
	to_the_limit();
	goes_back();
	veto();
	death();
	for (unsigned i = 0; i < MEMBERS; i++) {
		int st = -1;

		if (child[i] == 0)
			continue;
		kill(child[i], SIGTERM);
		waitpid(child[i], &st, 0);
		child[i] = 0;
		show_claim(st == 0, "the %s has left in good order", role[i]);
	}
	printf("\nmemory demo: %u claims checked\n", show_checks);
	rte_eal_cleanup();
	return 0;
}

int main(int argc, char **argv)
{
	const char *me = getenv("DEMO_ROLE");
	char *args[16] = {NULL};

	for (int i = 0; i < argc && i < 15; i++)
		args[i] = argv[i];
	if (me != NULL)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (rte_eal_init(argc, argv) < 0) {
		printf("cannot start: %s\n", rte_strerror(rte_errno));
		return 1;
	}
	return me != NULL ? secondary((unsigned)atoi(me) % MEMBERS) : primary(args);
}
