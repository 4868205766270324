/* SPDX-License-Identifier: BSD-3-Clause */
/* crash_test.c - processes die, or stop, at every labelled step and at random ones: the others go on, nothing is lost */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_memzone.h>

#include "fake.h"
#include "hugepages.h"
#include "mem/mem.h"
#include "mem/page.h"
#include "mem/priv.h"
#include "proc/opts.h"

/* ---- the labels: read from the source, so that none can be forgotten ---- */

#define LABELS_MAX 128

struct labels {
	char name[LABELS_MAX][48];
	unsigned n;
};

static void labels_of_file(const char *path, struct labels *l)
{
	FILE *f = fopen(path, "re");
	char line[512];

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *at = strstr(line, "SH_STEP(\"");

		if (at == NULL)
			continue;
		CHECK(l->n < LABELS_MAX);
		CHECK_EQ(sscanf(at, "SH_STEP(\"%47[a-z_]\")", l->name[l->n]), 1);
		if (strncmp(l->name[l->n], "mem_", 4) == 0) /* those of small blocks: span_crash_test.c */
			l->n++;
	}
	fclose(f);
}

static void all_labels(struct labels *l)
{
	char path[1024];
	struct dirent *e;
	DIR *d = opendir(MEM_SOURCE);

	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL) {
		if (strstr(e->d_name, ".c") == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/%s", MEM_SOURCE, e->d_name);
		labels_of_file(path, l);
	}
	closedir(d);
	CHECK(l->n > 25);
}

/* with $SHOAL_TEST_HUGE of huge pages and nothing else */
static void pages_of_the_play(void)
{
	static struct sh_opts opts = {.memory_max = 64ull << 20, .huge = SH_HUGE_ONLY};

	if (getenv("SHOAL_TEST_HUGE") == NULL)
		return;
	t_huge_pages(32);
	f_huge(true);
	sh_ctx.opts = &opts;
}

/* ---- a fixed play of thirteen calls, killed somewhere ---- */

#define ACTS 13

struct play {
	_Atomic uint32_t done; /* calls that returned */
	uint32_t run[2];
};

/* what is there after so many calls: a bit for each name */
static const char *const names[3] = {"first", "second", "third"};
static const unsigned there[ACTS + 1] = {0, 1, 3, 2, 6, 4, 5, 4, 0, 0, 0, 0, 0, 0};

static bool takes(struct play *p, unsigned i, uint32_t units, uint32_t align)
{
	struct sh_pages_ask ask = {.units = units, .align = align, .kind = SH_PG_BLOCK, .owner = sh_self()};

	return sh_pages_take(&ask, &p->run[i]) == 0;
}

static bool act(struct play *p, unsigned i)
{
	switch (i) {
	case 0:
		return rte_memzone_reserve(names[0], 9000, 0, 0) != NULL;
	case 1:
		return rte_memzone_reserve_aligned(names[1], 100, 0, 0, 65536) != NULL;
	case 2:
		return rte_memzone_free(rte_memzone_lookup(names[0])) == 0;
	case 3:
		return rte_memzone_reserve_bounded(names[2], 300000, 0, 0, 64, 1 << 20) != NULL;
	case 4:
		return rte_memzone_free(rte_memzone_lookup(names[1])) == 0;
	case 5:
		return rte_memzone_reserve(names[0], 5000, 0, 0) != NULL;
	case 6:
		return rte_memzone_free(rte_memzone_lookup(names[0])) == 0;
	case 7:
		return rte_memzone_free(rte_memzone_lookup(names[2])) == 0;
	case 8:
		return takes(p, 0, 3, 1);
	case 9:
		return takes(p, 1, 150, 8);
	case 10:
	case 11:
		return sh_pages_give(p->run[i - 10]) == 0;
	default:
		return sh_mem_trim(UINT64_MAX) > 0;
	}
}

static int plays(void *arg)
{
	struct play *p = arg;

	for (unsigned i = 0; i < ACTS; i++) {
		if (!act(p, i))
			return 1;
		sh_store_rel(&p->done, i + 1);
	}
	return 0;
}

/* one that mends and does nothing else */
static int looks(void *arg)
{
	char why[256];

	(void)arg;
	return sh_mem_audit(why, sizeof(why)) == 0 ? 0 : 1;
}

static int run_killed(int (*fn)(void *), void *arg, const char *label, unsigned nth, sh_id_t *id)
{
	char at[80];
	int r;

	snprintf(at, sizeof(at), "%s:%u", label, nth);
	setenv("SHOAL_DIE_AT", at, 1);
	r = f_wait(f_member(fn, arg, id));
	unsetenv("SHOAL_DIE_AT");
	return r;
}

static unsigned present(void)
{
	unsigned set = 0;

	for (unsigned i = 0; i < 3; i++)
		set |= rte_memzone_lookup(names[i]) != NULL ? 1u << i : 0;
	return set;
}

/* what the dead had: it can be found and given back */
static void give_all_runs(void)
{
	uint32_t first = sh_mem_has_huge() ? SH_UNIT_W1 : 0; /* there is one window */
	struct sh_pages_stat s;
	uint64_t use;

	CHECK_EQ(sh_pages_stat(&s), 0);
	for (uint32_t u = first; u < first + s.end / SH_UNIT; u += sh_use_units(use)) {
		use = sh_load_acq(&sh_desc(u)->use);
		CHECK(sh_use_kind(use) == SH_PG_FREE || sh_use_kind(use) == SH_PG_BLOCK);
		if (sh_use_kind(use) == SH_PG_BLOCK) {
			CHECK_EQ(sh_pages_give(u), 0);
			u = first; /* it is one with its neighbours now: from the start again */
			use = 0;
		}
	}
	CHECK_EQ(sh_pages_stat(&s), 0);
	CHECK_EQ(s.used, 0);
}

static void hears_of_it(sh_id_t id)
{
	CHECK_EQ(sh_member_probe(id), 1);
	f_event(SH_EV_DEATH, id);
}

/*
 * The names are those from before or from after the call that was cut short, and nothing else is left of it. Who knows
 * of the death sees at once which of the two it is, without the lock and before anybody mends: a zone that could still go
 * away is one that a survivor would free by its descriptor, when that may have become another's.
 */
static void check_and_clear(const struct play *p, sh_id_t dead, const char *label, unsigned nth)
{
	uint32_t done = sh_load_acq(&p->done);
	struct sh_mem_stat s;
	unsigned set = present();

	if (nth % 4 != 0) /* else whoever takes a lock next finds out, 10 ms later */
		hears_of_it(dead);
	f_sound(label);
	hears_of_it(dead);
	f_sound(label);
	if (present() != set)
		t_fail(__FILE__, __LINE__, "%s:%u: names were %x before the mend, %x after it", label, nth, set,
		       present());
	if (set != there[done] && (done == ACTS || set != there[done + 1]))
		t_fail(__FILE__, __LINE__, "%s:%u: names are %x after %u calls", label, nth, set, done);
	for (unsigned i = 0; i < 3; i++)
		if (set & 1u << i)
			CHECK_EQ(rte_memzone_free(rte_memzone_lookup(names[i])), 0);
	give_all_runs();
	CHECK(sh_mem_trim(UINT64_MAX) >= 0);
	CHECK_EQ(sh_mem_stat(&s), 0);
	CHECK_EQ(s.backed, 0);
	CHECK_EQ(s.used, 0);
	CHECK_EQ(s.largest_free, s.total);
	CHECK_EQ(f_heap_held(), s.backed); /* no page that nobody counts */
	CHECK(s.held <= s.backed + 32 * 4096);
}

TEST_T(death_at_every_step_is_mended_by_whoever_comes_next, 120)
{
	struct play *p = f_shared(sizeof(*p));
	struct labels l = {.n = 0};
	unsigned killed = 0, quiet = 0;
	sh_id_t id;

	pages_of_the_play();
	all_labels(&l);
	for (unsigned i = 0; i < l.n; i++) {
		bool hit = false;

		f_group_again(); /* so that table pages are new as well */
		for (unsigned nth = 1;; nth++) {
			int r;

			sh_store_rel(&p->done, 0);
			r = run_killed(plays, p, l.name[i], nth, &id);
			if (r == 0)
				break;
			CHECK_EQ(r, 128 + SIGKILL);
			hit = true;
			killed++;
			check_and_clear(p, id, l.name[i], nth);
		}
		quiet += !hit; /* labels inside a mend */
	}
	CHECK(killed > 300);
	CHECK_EQ(quiet, 8);
}

TEST_T(death_of_the_mender_is_mended_by_the_next, 120)
{
	/* where the first dies: open, at the commit, and behind it, of a reserve and of a free */
	static const char *const first[] = {"mem_reserve_ready",   "mem_place_ready",	 "mem_reserve_committed",
					    "mem_zone_out",	   "mem_free_committed", "mem_run_half_cut",
					    "mem_run_half_joined", "mem_set_logged",	 "mem_run_half_handed",
					    "mem_run_filled",	   "mem_name_published"};
	struct play *p = f_shared(sizeof(*p));
	struct labels l = {.n = 0};
	unsigned killed = 0;
	sh_id_t id;

	pages_of_the_play();
	all_labels(&l);
	f_group();
	for (unsigned f = 0; f < sizeof(first) / sizeof(first[0]); f++)
		for (unsigned i = 0; i < l.n; i++)
			for (unsigned nth = 1; nth < 30; nth++) {
				int r;

				sh_store_rel(&p->done, 0);
				CHECK_EQ(run_killed(plays, p, first[f], 1 + nth % 3, &id), 128 + SIGKILL);
				r = run_killed(looks, NULL, l.name[i], nth, NULL);
				check_and_clear(p, id, first[f], nth);
				if (r == 0)
					break;
				CHECK_EQ(r, 128 + SIGKILL);
				killed++;
			}
	CHECK(killed > 100);
}

TEST(who_hears_of_a_death_mends_without_being_asked)
{
	struct play *p = f_shared(sizeof(*p));
	struct sh_mem_stat s;
	sh_id_t id;

	f_group();
	CHECK_EQ(run_killed(plays, p, "mem_place_ready", 1, &id), 128 + SIGKILL);
	CHECK_EQ(sh_member_probe(id), 1);
	f_event(SH_EV_JOIN, id);
	f_event(SH_EV_DEATH, id + 1);
	f_event(SH_EV_DEATH, id);
	CHECK_EQ(sh_mem_stat(&s), 0);
	CHECK_EQ(s.mended, 1); /* by the event, not by this call: the lock was free */
	f_event(SH_EV_DEATH, id);
	CHECK_EQ(sh_mem_stat(&s), 0);
	CHECK_EQ(s.mended, 1);
}

/* ---- an owner that is stopped, with others asleep on the lock ---- */

static int reserves_one(void *arg)
{
	char name[32];

	if (freopen(arg, "a", stderr) == NULL)
		return 2;
	snprintf(name, sizeof(name), "of %d", (int)getpid());
	return rte_memzone_reserve(name, 5000, 0, 0) != NULL ? 0 : 1;
}

static bool complained(void *arg)
{
	char text[4096];
	ssize_t n;
	int fd = open(arg, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "holds its lock and is alive") != NULL && strstr(text, "kill -CONT") != NULL;
}

static void stopped_owner(int sig, int status)
{
	struct play *p = f_shared(sizeof(*p));
	char path[512];
	pid_t owner, waiter[3];
	int st;

	f_group();
	snprintf(path, sizeof(path), "%s/lines", t_tmpdir());
	setenv("SHOAL_STOP_AT", "mem_place_ready:3", 1);
	owner = f_member(plays, p, NULL);
	unsetenv("SHOAL_STOP_AT");
	CHECK_EQ(waitpid(owner, &st, WUNTRACED), owner);
	CHECK(WIFSTOPPED(st));
	CHECK(rte_memzone_lookup("second") != NULL); /* looking up needs no lock */
	for (unsigned i = 0; i < 3; i++)
		waiter[i] = f_member(reserves_one, path, NULL);
	t_until(complained, path);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(waitpid(waiter[i], &st, WNOHANG), 0); /* they wait: it is not dead */
	kill(owner, sig);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(f_wait(waiter[i]), 0);
	CHECK_EQ(f_wait(owner), status);
	f_sound("after the stop");
	CHECK_EQ(present(), status == 0 ? 0 : there[3]);
}

TEST(a_stopped_owner_is_waited_for_and_named)
{
	stopped_owner(SIGCONT, 0);
}
TEST(an_owner_killed_while_others_wait_releases_them)
{
	stopped_owner(SIGKILL, 128 + SIGKILL);
}

static int waits_and_is_interrupted(void *arg)
{
	if (freopen(arg, "a", stderr) == NULL)
		return 2;
	return rte_memzone_reserve("never", 64, 0, 0) != NULL ? 0 : 1;
}

TEST(who_waits_for_a_stopped_owner_can_be_ended_by_a_signal)
{
	struct play *p = f_shared(sizeof(*p));
	char path[512];
	pid_t owner, waiter;
	int st;

	f_group();
	snprintf(path, sizeof(path), "%s/lines", t_tmpdir());
	setenv("SHOAL_STOP_AT", "mem_lock_taken", 1);
	owner = f_member(plays, p, NULL);
	unsetenv("SHOAL_STOP_AT");
	CHECK_EQ(waitpid(owner, &st, WUNTRACED), owner);
	waiter = f_member(waits_and_is_interrupted, path, NULL);
	t_until(complained, path);
	kill(waiter, SIGINT);
	CHECK_EQ(f_wait(waiter), 128 + SIGINT);
	kill(owner, SIGKILL);
	CHECK_EQ(f_wait(owner), 128 + SIGKILL);
	f_sound("after both");
}

static void on_tick(int sig)
{
	(void)sig;
}

/* like a program under a profiler: no sleep of this process lasts its 10 ms */
static int waits_under_a_timer(void *arg)
{
	struct itimerval often = {{0, 200}, {0, 200}};
	struct sigaction sa = {.sa_handler = on_tick};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	return reserves_one(arg);
}

TEST(a_waiter_whose_sleep_signals_cut_short_sees_a_death)
{
	struct play *p = f_shared(sizeof(*p));
	char path[512];
	pid_t owner, waiter;
	int st;

	f_group();
	snprintf(path, sizeof(path), "%s/lines", t_tmpdir());
	setenv("SHOAL_STOP_AT", "mem_place_ready", 1);
	owner = f_member(plays, p, NULL);
	unsetenv("SHOAL_STOP_AT");
	CHECK_EQ(waitpid(owner, &st, WUNTRACED), owner);
	waiter = f_member(waits_under_a_timer, path, NULL);
	t_until(complained, path);
	kill(owner, SIGKILL);
	CHECK_EQ(f_wait(waiter), 0);
	CHECK_EQ(f_wait(owner), 128 + SIGKILL);
	f_sound("after the death");
}

/* ---- more members than the table has slots, one after the other ---- */

static int comes_and_goes(void *arg)
{
	(void)arg;
	return 0;
}

TEST(no_crowd_of_others_makes_a_living_owner_look_dead)
{
	struct play *p = f_shared(sizeof(*p));
	sh_id_t owner_id;
	pid_t owner;
	int st;

	f_group();
	setenv("SHOAL_STOP_AT", "mem_place_ready", 1);
	owner = f_member(plays, p, &owner_id);
	unsetenv("SHOAL_STOP_AT");
	CHECK_EQ(waitpid(owner, &st, WUNTRACED), owner);
	for (unsigned i = 0; i < 2 * SH_MEMBERS; i++)
		CHECK_EQ(f_wait(f_member(comes_and_goes, NULL, NULL)), 0);
	CHECK(sh_member_alive(owner_id) && sh_member_probe(owner_id) == 0);
	CHECK(sh_member_alive(sh_self()) && sh_member_probe(sh_self()) == 0);
	kill(owner, SIGKILL);
	CHECK_EQ(f_wait(owner), 128 + SIGKILL);
	CHECK_EQ(sh_member_probe(owner_id), 1);
	f_sound("after the death");
}

/* ---- kill -9 at random ---- */

#define WORKERS 3
#define ZONES 8

struct farm {
	_Atomic uint64_t ops[WORKERS];
};
struct job {
	struct farm *farm;
	unsigned place, serial;
	bool large; /* zones of megabytes too */
};

static int loops_for_ever(void *arg)
{
	struct job *j = arg;
	const struct rte_memzone *mine[ZONES] = {NULL};
	unsigned seed = j->serial;
	char name[32];

	for (;;) {
		size_t most = j->large && rand_r(&seed) % 4 == 0 ? 3 << 20 : 20000;
		unsigned k = (unsigned)rand_r(&seed) % ZONES;

		if (mine[k] != NULL) {
			unsigned char *b = mine[k]->addr;

			if (b[0] != (unsigned char)j->serial || b[mine[k]->len - 1] != (unsigned char)j->serial)
				return 1;
			if (rte_memzone_free(mine[k]) != 0)
				return 2;
			mine[k] = NULL;
		} else {
			snprintf(name, sizeof(name), "%u.%u", j->serial, k);
			mine[k] = rte_memzone_reserve(name, 1 + (size_t)rand_r(&seed) % most, 0, 0);
			if (mine[k] == NULL)
				return 3;
			if (((unsigned char *)mine[k]->addr)[(size_t)rand_r(&seed) % mine[k]->len] != 0)
				return 4; /* a zone is zero */
			memset(mine[k]->addr, (int)j->serial, mine[k]->len);
		}
		sh_add(&j->farm->ops[j->place], 1);
	}
}

struct dead {
	unsigned serial, n;
};

static void free_of_the_dead(const struct rte_memzone *mz, void *arg)
{
	struct dead *d = arg;
	unsigned serial, k;

	if (sscanf(mz->name, "%u.%u", &serial, &k) == 2 && serial == d->serial) {
		d->n++;
		CHECK_EQ(rte_memzone_free(mz), 0);
	}
}

struct progress {
	struct farm *farm;
	uint64_t from[WORKERS];
};

static bool all_moved(void *arg)
{
	struct progress *p = arg;

	for (unsigned i = 0; i < WORKERS; i++)
		if (sh_load_acq(&p->farm->ops[i]) == p->from[i])
			return false;
	return true;
}

static void kills_at_random(unsigned kills, bool large)
{
	struct farm *farm = f_shared(sizeof(*farm));
	struct job job[WORKERS];
	pid_t pid[WORKERS];
	sh_id_t id[WORKERS];
	unsigned serial = 0, seed = 4711;
	struct sh_mem_stat s;

	f_group();
	for (unsigned i = 0; i < WORKERS; i++) {
		job[i] = (struct job){farm, i, ++serial, large};
		pid[i] = f_member(loops_for_ever, &job[i], &id[i]);
	}
	for (unsigned k = 0; k < kills; k++) {
		unsigned i = (unsigned)rand_r(&seed) % WORKERS;
		struct timespec ts = {0, rand_r(&seed) % 1500000};
		struct progress p = {.farm = farm};
		struct dead d = {.serial = job[i].serial};

		nanosleep(&ts, NULL); /* sleep: the moment of the kill is meant to be random */
		kill(pid[i], SIGKILL);
		CHECK_EQ(f_wait(pid[i]), 128 + SIGKILL);
		hears_of_it(id[i]);
		rte_memzone_walk(free_of_the_dead, &d);
		CHECK(d.n <= ZONES);
		job[i].serial = ++serial;
		pid[i] = f_member(loops_for_ever, &job[i], &id[i]);
		if (k % 20 != 0)
			continue;
		f_sound("among kills");
		for (unsigned w = 0; w < WORKERS; w++)
			p.from[w] = sh_load_acq(&farm->ops[w]);
		t_until(all_moved, &p); /* nobody hangs */
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		struct dead d = {.serial = job[i].serial};

		kill(pid[i], SIGKILL);
		CHECK_EQ(f_wait(pid[i]), 128 + SIGKILL);
		hears_of_it(id[i]);
		f_sound("while they end");
		rte_memzone_walk(free_of_the_dead, &d);
	}
	f_sound("all are dead");
	CHECK_EQ(sh_mem_stat(&s), 0);
	CHECK_EQ(s.zones, 0); /* nothing was lost but what the dead held, and that could be listed and freed */
	CHECK_EQ(s.used, 0);
	CHECK_EQ(s.largest_free, s.total);
	printf("%u kills, of which %" PRIu64 " inside the lock\n", kills, s.mended);
	CHECK(s.mended > kills / 100);
}

TEST_T(a_hundred_random_kills_hang_nobody_and_lose_nothing, 60)
{
	kills_at_random(100, false);
}
/* the thread of decay may have the last of it in hand */
static bool all_gone(void *arg)
{
	struct sh_pages_stat s;

	(void)arg;
	CHECK_EQ(sh_pages_stat(&s), 0);
	return s.used == 0 && s.backed == 0;
}

static void pages_come_and_go(unsigned kills)
{
	static struct sh_opts opts = {.memory_max = 256ull << 20, .mem_decay = 1 + 1};

	sh_ctx.opts = &opts;
	kills_at_random(kills, true);
	CHECK(sh_mem_trim(UINT64_MAX) >= 0);
	t_until(all_gone, NULL);
	CHECK_EQ(f_heap_held(), 0);
	sh_mem_stop();
}
#ifdef SH_TSAN
#define NO_THREADS SKIP("TSan ends a forked child that starts threads")
#else
#define NO_THREADS (void)0
#endif
TEST_T(random_kills_while_pages_come_and_go, 60)
{
	NO_THREADS;
	pages_come_and_go(60);
}
TEST_T(slow_random_kills_while_pages_come_and_go, 240)
{
	NO_THREADS;
	pages_come_and_go(600);
}
TEST_T(slow_a_thousand_random_kills, 120)
{
	kills_at_random(1000, false);
}
