/* SPDX-License-Identifier: BSD-3-Clause */
/* flood_role.c - the role "member" of the flood tests, and their group; see flood_role.h. */
#include "flood_role.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_eal.h>
#include <shoal.h>

#include "base/fd.h"
#include "chan/chan_int.h"

/* ---- a member that asks all the time ---- */

static atomic_uint asked, failed, news;
static atomic_bool hush;
static uint64_t whom;
static bool with_fd;
static sem_t go;

static int on_echo(const struct shoal_in *in, void *arg)
{
	struct shoal_msg m = {.data = in->data, .len = in->len};
	uint64_t who = 0;

	(void)arg;
	/* an fd holds its sender's number */
	if (in->num_fds != 0 && (pread(in->fds[0], &who, sizeof(who), 0) != (ssize_t)sizeof(who) || who != in->from))
		return -1;
	return shoal_reply(in->peer, &m);
}

static int on_news(const struct rte_mp_msg *m, const void *peer)
{
	(void)peer;
	for (int i = 0; i < m->num_fds; i++)
		CHECK_EQ(close(m->fds[i]), 0);
	atomic_fetch_add(&news, 1);
	return 0;
}

/* the first one stays here until the test says "go" */
static int on_block(const struct rte_mp_msg *m, const void *peer)
{
	if (atomic_load(&news) == 0)
		while (sem_wait(&go) < 0)
			;
	return on_news(m, peer);
}

static void *asking(void *arg)
{
	struct timespec limit = {.tv_sec = 15};
	uint64_t self = sh_self();
	int fd = with_fd ? memfd_create("asking", MFD_CLOEXEC) : -1;

	(void)arg;
	CHECK(fd < 0 || write(fd, &self, sizeof(self)) == (ssize_t)sizeof(self));
	for (unsigned n = 0; !atomic_load(&hush); n++) {
		struct shoal_msg m = {.name = "echo", .data = &n, .len = sizeof(n), .fds = &fd, .num_fds = with_fd};
		struct shoal_answers *all = NULL;

		if (shoal_request(&whom, 1, &m, &limit, &all) != 0 || all->a[0].len != sizeof(n) ||
		    memcmp(all->a[0].data, &n, sizeof(n)) != 0)
			atomic_fetch_add(&failed, 1);
		shoal_answers_free(all);
		atomic_fetch_add(&asked, 1);
		usleep(500); /* sleep: its pace */
	}
	sh_close(&fd);
	return NULL;
}

static void say_counts(void)
{
	struct shoal_mp_counters c;

	CHECK_EQ(shoal_mp_counters(0, &c), 0);
	t_tell("count %u %u %u %u %u %u", (unsigned)c.foreign_received, (unsigned)c.dropped_malformed,
	       (unsigned)c.dropped_unknown, (unsigned)c.dropped_late, atomic_load(&news), (unsigned)c.dropped_denied);
}

ROLE(member)
{
	char line[64];
	pthread_t th = 0;

	CHECK(rte_eal_init(argc, argv) >= 0);
	sem_init(&go, 0, 0);
	CHECK_EQ(shoal_action_register("echo", on_echo, NULL), 0);
	CHECK_EQ(rte_mp_action_register("news", on_news), 0);
	CHECK_EQ(rte_mp_action_register("block", on_block), 0);
	t_tell("up %llu %s/%s", (unsigned long long)sh_self(), sh_rundir(),
	       sh_region()->members[sh_id_slot(sh_self())].sock);
	while (t_hear(line, sizeof(line))) {
		if (sscanf(line, "ask %lu", &whom) == 1 || sscanf(line, "fds %lu", &whom) == 1) {
			with_fd = line[0] == 'f'; /* nobody asks now */
			CHECK_EQ(pthread_create(&th, NULL, asking, NULL), 0);
		} else if (strcmp(line, "count") == 0)
			say_counts();
		else if (strcmp(line, "rests") == 0)
			t_tell("rests %d", sh_load_rlx(&sh_chan()->f_paused)); /* relaxed: a look */
		else if (strcmp(line, "go") == 0)
			sem_post(&go);
		else if (strcmp(line, "hush") == 0) {
			atomic_store(&hush, true);
			CHECK_EQ(pthread_join(th, NULL), 0);
			atomic_store(&hush, false);
		}
		t_tell("asked %u %u", atomic_load(&asked), atomic_load(&failed));
	}
	return rte_eal_cleanup();
}

/* ---- the group ---- */

static struct who up(const char *type)
{
	struct who w = {.p = t_spawn("member", "--proc-type", type, "-l", "0", NULL), .sa.sun_family = AF_UNIX};

	CHECK_EQ(sscanf(t_expect(w.p, "up"), "up %llu %107s", &w.id, w.sa.sun_path), 2);
	return w;
}

/* say it; how many requests has it made by now? None has failed. */
unsigned f_say(struct who *w, const char *line)
{
	unsigned n, bad;

	t_say(w->p, line);
	CHECK_EQ(sscanf(t_expect(w->p, "asked"), "asked %u %u", &n, &bad), 2);
	CHECK_EQ(bad, 0);
	return n;
}

/* how: "ask", or "fds": each request carries one */
void f_asks(struct who *w, const char *how, struct who *to)
{
	char line[64];

	snprintf(line, sizeof(line), "%s %llu", how, to->id);
	f_say(w, line);
}

struct more {
	struct who *w;
	unsigned upto;
};

static bool has_more(void *arg)
{
	struct more *m = arg;

	return f_say(m->w, "?") >= m->upto;
}

void f_goes_on(struct who *w)
{
	struct more m = {w, f_say(w, "?") + 5};

	t_until(has_more, &m);
}

struct counts f_counts(struct who *w)
{
	struct counts c;

	t_say(w->p, "count");
	CHECK_EQ(sscanf(t_expect(w->p, "count"), "count %u %u %u %u %u %u", &c.foreign, &c.malformed, &c.unknown,
			&c.late, &c.news, &c.denied),
		 6);
	t_expect(w->p, "asked");
	return c;
}

struct group f_group_up(void)
{
	struct group g = {.since = time(NULL)};

	g.p = up("primary");
	g.s = up("secondary");
	g.t = up("secondary");
	f_asks(&g.p, "ask", &g.s);
	f_asks(&g.s, "ask", &g.t);
	f_asks(&g.t, "ask", &g.p);
	f_goes_on(&g.p);
	f_goes_on(&g.s);
	f_goes_on(&g.t);
	g.fds = t_open_fds(g.s.p->pid);
	return g;
}

bool f_all_judged(void *arg)
{
	struct want *w = arg;
	struct counts c = f_counts(&w->g->s);

	return c.news >= w->news && c.unknown >= w->unknown;
}

static bool fds_back(void *arg)
{
	struct group *g = arg;

	return t_open_fds(g->s.p->pid) == g->fds;
}

/* lines of s: at least one, and each place says no more than one a second */
void f_few_lines(struct group *g, const char *what)
{
	unsigned n = 0;

	for (const char *p = t_stderr(g->s.p); (p = strstr(p, what)) != NULL; p += strlen(what))
		n++;
	CHECK(n >= 1);
	CHECK(n <= (unsigned)(time(NULL) - g->since) + 2);
}

void f_end_well(struct group *g)
{
	struct who *w[3] = {&g->p, &g->s, &g->t};

	for (unsigned i = 0; i < 3; i++)
		f_goes_on(w[i]);
	for (unsigned i = 0; i < 3; i++)
		f_say(w[i], "hush");
	t_until(fds_back, g);
	for (unsigned i = 3; i-- > 0;) {
		close(w[i]->p->in);
		w[i]->p->in = -1;
		CHECK_EQ(t_wait(w[i]->p), 0);
	}
}
