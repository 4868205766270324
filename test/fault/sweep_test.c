/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sweep_test.c - the n-th system call fails, for every n, in a member that starts, talks and leaves
 *
 * Each run is a process of its own. Whatever call fails, and with whatever errno:
 *   - nothing crashes or hangs
 *   - what the library was asked to do works, or is refused with an rte_errno that its header names, after an error line that
 *     speaks of that failure. A signal (EINTR) refuses nothing.
 *   - an asynchronous request that was taken has its callback
 *   - no fd, no mapping of shared memory and, in a build with ASan, no byte is left
 *   - the group's directory holds the names that it held before, and the others forget the member and go on answering
 *   - the same process can start again
 *
 * Not asked for, as no program can do it:
 *   - a log line when the call that fails is the one that writes it (write, writev)
 *   - that a name is gone when the call that fails is the one that removes it (unlink, unlinkat)
 *
 * By default one call in three fails with ENOMEM, another one in three with EPERM, and each that can with EMFILE and EINTR.
 * SHOAL_SWEEP_STEP=1 takes every call with all of them, SHOAL_SWEEP_ERR=N that errno alone.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "base/atom.h"
#include "check.h"
#include "proc/proc.h"
#include "proc/region.h"
#include "sysfail.h"

#define SAID_NO "== it said no:"

static int eal(const char *type)
{
	/* of the lines only those that tell of an error */
	char prog[] = "prog", role[32], cpus[] = "-l0", wait[] = "--join-timeout=2000", level[] = "--log-level=error";
	char *argv[] = {prog, role, cpus, wait, level, NULL};

	snprintf(role, sizeof(role), "--proc-type=%s", type);
	rte_errno = 0;
	return rte_eal_init(5, argv) == 4 ? 0 : -1;
}

/* ---- in the run ---- */

static int with; /* the errno of this sweep */

struct held {
	unsigned fds, maps;
};

/* what a process holds that no leak checker counts: fds, memfds that are mapped, and the window of the group's memory */
static struct held held(void)
{
	struct held h = {.fds = t_open_fds(getpid())};
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long from, to;
	char line[512];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		h.maps += strstr(line, "memfd:") != NULL ||
			  (!T_SANITIZED && sscanf(line, "%lx-%lx", &from, &to) == 2 && to - from >= 512ul << 20);
	if (f != NULL)
		fclose(f);
	return h;
}

static void no_more_than(struct held was)
{
	struct held now = held();

	CHECK_EQ(now.fds, was.fds);
	CHECK_EQ(now.maps, was.maps);
}

/* a call of the library failed; from here on nothing fails any more */
static void said_no(const char *what)
{
	t_sysfail_pause(true);
	fprintf(stderr, SAID_NO " %s %d\n", what, rte_errno);
	if (!t_sysfail_hit())
		t_fail(__FILE__, __LINE__, "%s failed with %d before any system call did", what, rte_errno);
	if (with == EINTR)
		t_fail(__FILE__, __LINE__, "a signal made %s fail with %d", what, rte_errno);
}

static void start_and_stop(void *type)
{
	struct held was;

	t_sysfail_pause(true);
	was = held();
	t_sysfail_pause(false);
	if (eal(type) < 0)
		said_no("rte_eal_init");
	else if (rte_eal_cleanup() < 0)
		said_no("rte_eal_cleanup");
	t_sysfail_pause(true);
	no_more_than(was);
	CHECK_EQ(eal(type), 0); /* as if nothing had been */
	CHECK_EQ(rte_eal_cleanup(), 0);
	no_more_than(was);
}

static sem_t asked, answered; /* "back" has run; the callback has */

static int act_ask(const struct rte_mp_msg *m, const void *peer)
{
	struct rte_mp_msg a = {.len_param = 2, .param = "ok"};

	memcpy(a.name, m->name, sizeof(a.name));
	return rte_mp_reply(&a, peer);
}

static int act_back(const struct rte_mp_msg *m, const void *peer)
{
	int r = act_ask(m, peer);

	if (r < 0)
		said_no("rte_mp_reply");
	sem_post(&asked);
	return r;
}

static bool wait_for(sem_t *s, unsigned ms)
{
	struct timespec ts;
	int r;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += (long)(ms % 1000) * 1000000;
	ts.tv_sec += ms / 1000 + (unsigned)(ts.tv_nsec / 1000000000);
	ts.tv_nsec %= 1000000000;
	do {
		r = sem_timedwait(s, &ts);
	} while (r < 0 && errno == EINTR);
	return r == 0;
}

static bool all_ok(const struct rte_mp_reply *r)
{
	return r->nb_sent == 1 && r->nb_received == 1 && strcmp((char *)r->msgs[0].param, "ok") == 0;
}

static bool ask(unsigned ms)
{
	const struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
	struct rte_mp_msg q = {.name = "ask"};
	struct rte_mp_reply r = {0};

	rte_errno = 0;
	if (rte_mp_request_sync(&q, &r, &ts) < 0)
		return false;
	CHECK(all_ok(&r));
	free(r.msgs);
	return true;
}

static int on_answer(const struct rte_mp_msg *q, const struct rte_mp_reply *r)
{
	(void)q;
	if (!all_ok(r) && !t_sysfail_hit())
		t_fail(__FILE__, __LINE__, "%d of %d answered", r->nb_received, r->nb_sent);
	sem_post(&answered);
	return 0;
}

static void ask_later(void)
{
	const struct timespec ts = {0, 500000000};
	struct rte_mp_msg q = {.name = "ask"};

	rte_errno = 0;
	if (rte_mp_request_async(&q, &ts, on_answer) < 0)
		said_no("rte_mp_request_async");
	else if (!wait_for(&answered, 5000))
		t_fail(__FILE__, __LINE__, "no callback");
}

static int null_fd;

static void tell(void)
{
	struct rte_mp_msg m = {.name = "go", .num_fds = 1, .fds = {null_fd}};

	rte_errno = 0;
	if (rte_mp_sendmsg(&m) < 0)
		said_no("rte_mp_sendmsg");
	else if (!wait_for(&asked, 300) && !t_sysfail_hit())
		t_fail(__FILE__, __LINE__, "not asked back");
}

static void ask_now(void)
{
	if (!ask(500))
		said_no("rte_mp_request_sync");
}

static void talk(void *type)
{
	static void (*const step[])(void) = {tell, ask_now, ask_later};
	struct held was;

	t_sysfail_pause(true);
	sem_init(&asked, 0, 0);
	sem_init(&answered, 0, 0);
	was = held();
	CHECK_EQ(eal(type), 0);
	CHECK_EQ(rte_mp_action_register("back", act_back), 0);
	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	t_sysfail_pause(false);
	for (int i = 0; i < 3; i++) /* each role begins with another of the three: the first pays for the way */
		step[(i + (strcmp(type, "primary") == 0)) % 3]();
	if (!t_sysfail_hit() && rte_eal_cleanup() < 0)
		said_no("rte_eal_cleanup");
	t_sysfail_pause(true);
	if (rte_eal_process_type() != RTE_PROC_INVALID) {
		CHECK(ask(5000)); /* the failure is over: it works again */
		CHECK_EQ(rte_eal_cleanup(), 0);
	}
	close(null_fd);
	no_more_than(was);
}

/* ---- in the test, after each run: what it said ---- */

static bool removes(int nr)
{
#ifdef SYS_unlink
	if (nr == SYS_unlink)
		return true;
#endif
	return nr == SYS_unlinkat;
}

/* does the line tell of this errno, or of what the call said for it? Or in words what is short */
static bool speaks_of(const char *line, int err, int said)
{
	return strstr(line, strerror(err)) != NULL || strstr(line, strerror(said)) != NULL ||
	       (err == EMFILE && strstr(line, "file descriptor") != NULL) ||
	       (err == ENOMEM && strstr(line, "memory") != NULL) ||
	       (err == EPERM && (strstr(line, "refused") != NULL || strstr(line, "another user") != NULL));
}

/* the text of a header: what the comment above a function and the one at the file's head say */
static bool documents(const char *what, int err)
{
	static char text[2][65536];
	static const char *const name[] = {SH_INCLUDE "/rte_eal.h", SH_INCLUDE "/rte_eal_mp.h"};
	char decl[64], word[32];
	unsigned at = strncmp(what, "rte_mp_", 7) == 0;
	const char *end, *from, *p;

	snprintf(word, sizeof(word), "%s", strerrorname_np(err) != NULL ? strerrorname_np(err) : "no name");
	snprintf(decl, sizeof(decl), "\nint %s(", what);
	if (text[at][0] == '\0') {
		FILE *f = fopen(name[at], "re");

		CHECK(f != NULL && fread(text[at], 1, sizeof(text[at]) - 1, f) > 0);
		fclose(f);
	}
	end = strstr(text[at], decl);
	CHECK(end != NULL);
	for (from = text[at], p = from; (p = strstr(p, "/**")) != NULL && p < end; p++)
		from = p;
	for (p = from; (p = strstr(p, word)) != NULL && p < end; p++)
		if (strchr(" ,;:.\n", p[strlen(word)]) != NULL)
			return true;
	from = strstr(text[at], "@file");
	p = strstr(from, word);
	return at == 1 && p != NULL && p < strstr(from, "*/"); /* the table of results */
}

/* each "no" has an error line before it, and after the "no" before that */
static void lines_told(const struct t_sysfail *r)
{
	const char *from = r->err, *no;
	char line[600], what[64];
	int said;

	for (; (no = strstr(from, SAID_NO)) != NULL; from = no + 1) {
		bool told = false;

		CHECK_EQ(sscanf(no, SAID_NO " %63s %d", what, &said), 2);
		if (!documents(what, said))
			t_fail(__FILE__, __LINE__, "%s failed with %d (%s), which its header does not name; %s failed",
			       what, said, strerror(said), t_sysname(r->nr));
		for (const char *l = from; l < no && !told; l += strcspn(l, "\n") + 1) {
			snprintf(line, sizeof(line), "%.*s", (int)strcspn(l, "\n"), l);
			told = strncmp(line, "EAL: ", 5) == 0 && speaks_of(line, r->error, said);
		}
		if (!told && r->nr != SYS_write && r->nr != SYS_writev)
			t_fail(__FILE__, __LINE__, "no line tells why %s failed (%s) when %s did: %.300s", what,
			       strerror(said), t_sysname(r->nr), from);
	}
}

/* ---- what is left in the group's directory ---- */

#define NAMES 32

struct names {
	unsigned n;
	char name[NAMES][64];
};

static void names_now(struct names *s)
{
	char dir[512];
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/dpdk/rte", getenv("RUNTIME_DIRECTORY"));
	d = opendir(dir);
	for (s->n = 0; d != NULL && s->n < NAMES && (e = readdir(d)) != NULL;)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			snprintf(s->name[s->n++], sizeof(s->name[0]), "%.63s", e->d_name);
	if (d != NULL)
		closedir(d);
}

static bool has(const struct names *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++)
		if (strcmp(s->name[i], name) == 0)
			return true;
	return false;
}

/* a name of now that was not there, or one that was and is no more; NULL: none */
static const char *differs(const struct names *was, struct names *now)
{
	names_now(now);
	for (unsigned i = 0; i < now->n; i++)
		if (!has(was, now->name[i]))
			return now->name[i];
	for (unsigned i = 0; i < was->n; i++)
		if (!has(now, was->name[i]))
			return was->name[i];
	return NULL;
}

static void forget_name(const char *name)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/dpdk/rte/%s", getenv("RUNTIME_DIRECTORY"), name);
	(void)unlink(path);
}

struct group {
	struct t_proc *host; /* NULL: nobody stays when the run has ended */
	struct names names;
};

/* who stays in the group removes what the run could not: that may take a moment */
static const char *settled(const struct group *g, struct names *now)
{
	const struct timespec ms = {0, 1000000};
	const char *name = differs(&g->names, now);

	for (unsigned i = 0; name != NULL && g->host != NULL && i < 5000; i++) {
		nanosleep(&ms, NULL); /* sleep: no event tells that all names are gone */
		name = differs(&g->names, now);
	}
	return name;
}

static void names_told(const struct group *g, const struct t_sysfail *r)
{
	static struct names now;
	const char *name = differs(&g->names, &now);

	if (name != NULL && removes(r->nr) && has(&now, name))
		forget_name(name);
	name = settled(g, &now);
	if (name != NULL)
		t_fail(__FILE__, __LINE__, "after %s: %s %s", t_sysname(r->nr), name,
		       has(&now, name) ? "is left" : "is gone");
}

static void after(void *arg, const struct t_sysfail *r)
{
	struct group *g = arg;

	lines_told(r);
	if (g->host != NULL) {
		t_say(g->host, "well?");
		t_expect(g->host, "alone");
	}
	names_told(g, r);
}

/* ---- who stays ---- */

/* has one fd; asks back */
static int act_go(const struct rte_mp_msg *m, const void *peer)
{
	struct rte_mp_msg q = {.name = "back"};
	const struct timespec ts = {1, 0};
	struct rte_mp_reply r;

	(void)peer;
	for (int i = 0; i < m->num_fds; i++)
		close(m->fds[i]);
	if (rte_mp_request_sync(&q, &r, &ts) == 0)
		free(r.msgs);
	return 0;
}

static bool alone(void *arg)
{
	unsigned n = 0;

	(void)arg;
	for (unsigned i = 0; i < sh_region()->max_members; i++)
		n += sh_word_state(sh_load_acq(&sh_region()->members[i].word)) != SH_FREE;
	return n == 1;
}

/* a member that answers: on each line waits until it is alone and says so; its number of fds is what it was then */
ROLE(host)
{
	unsigned fds = 0, now;
	char line[64];

	if (argc < 2 || eal(argv[1]) < 0 || rte_mp_action_register("ask", act_ask) < 0 ||
	    rte_mp_action_register("go", act_go) < 0)
		return 1;
	t_tell("up");
	while (t_hear(line, sizeof(line)) && strcmp(line, "leave") != 0) {
		t_until(alone, NULL);
		now = t_open_fds(getpid());
		if (fds == 0)
			fds = now;
		t_tell("alone");
	}
	return rte_eal_cleanup() < 0;
}

/* ---- the sweeps ---- */

static void sweep(void (*fn)(void *), const char *type, struct t_proc *host)
{
	static const struct {
		int err;
		unsigned step;
	} all[] = {{ENOMEM, 3}, {EPERM, 3}, {EMFILE, 1}, {EINTR, 1}};
	const char *step = getenv("SHOAL_SWEEP_STEP"), *err = getenv("SHOAL_SWEEP_ERR");
	struct group g = {.host = host};
	unsigned runs;

	if (host == NULL) /* it is made once and stays */
		CHECK_EQ(t_fork(start_and_stop, (void *)(uintptr_t)type, NULL, 0), 0);
	names_now(&g.names);
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (err != NULL && atoi(err) != all[i].err)
			continue;
		with = all[i].err;
		runs = t_sysfail_sweep(fn, (void *)(uintptr_t)type, with,
				       step != NULL && all[i].step > 1 ? (unsigned)atoi(step) : all[i].step, after, &g);
		printf("%s: %u runs\n", strerror(with), runs);
		CHECK(runs > 2);
	}
}

TEST_T(a_primary_starts_and_stops, 120)
{
	sweep(start_and_stop, "primary", NULL);
}

static struct t_proc *primary_host(void)
{
	struct t_proc *p = t_spawn("host", "primary", NULL);

	t_expect(p, "up");
	return p;
}

/* one that stays when its primary has left */
static struct t_proc *secondary_host(void)
{
	struct t_proc *first = primary_host(), *p = t_spawn("host", "secondary", NULL);

	t_expect(p, "up");
	t_say(first, "leave");
	CHECK_EQ(t_wait(first), 0);
	t_say(p, "well?");
	t_expect(p, "alone");
	return p;
}

TEST_T(a_secondary_joins_and_leaves, 120)
{
	sweep(start_and_stop, "secondary", primary_host());
}

TEST_T(a_primary_takes_a_group_over_and_leaves, 120)
{
	sweep(start_and_stop, "primary", secondary_host());
}

TEST_T(a_secondary_talks_and_leaves, 120)
{
	sweep(talk, "secondary", primary_host());
}

TEST_T(a_primary_talks_and_leaves, 120)
{
	sweep(talk, "primary", secondary_host());
}
