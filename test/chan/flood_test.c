/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flood_test.c - strangers at a secondary's datagram socket: malformed datagrams, floods of them, floods of fds
 *
 * In every case three members ask each other all the time. When the strangers are done no request has failed, each datagram
 * has been counted for what it was, no fd is left over, and there is no more than one line a second about it.
 *
 * One socket keeps its order: when a good datagram that was sent last has been heard, those before it have been judged.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <shoal.h>

#include "base/fd.h"
#include "chan/chan_int.h"
#include "check.h"

/* ---- a member that asks all the time ---- */

static atomic_uint asked, failed, news;
static atomic_bool hush;
static uint64_t whom;
static sem_t go;

static int on_echo(const struct shoal_in *in, void *arg)
{
	struct shoal_msg m = {.data = in->data, .len = in->len};

	(void)arg;
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

	(void)arg;
	for (unsigned n = 0; !atomic_load(&hush); n++) {
		struct shoal_msg m = {.name = "echo", .data = &n, .len = sizeof(n)};
		struct shoal_answers *all = NULL;

		if (shoal_request(&whom, 1, &m, &limit, &all) != 0 || all->a[0].len != sizeof(n) ||
		    memcmp(all->a[0].data, &n, sizeof(n)) != 0)
			atomic_fetch_add(&failed, 1);
		shoal_answers_free(all);
		atomic_fetch_add(&asked, 1);
		usleep(500); /* sleep: its pace */
	}
	return NULL;
}

static void say_counts(void)
{
	struct shoal_mp_counters c;

	CHECK_EQ(shoal_mp_counters(0, &c), 0);
	t_tell("count %u %u %u %u %u", (unsigned)c.foreign_received, (unsigned)c.dropped_malformed,
	       (unsigned)c.dropped_unknown, (unsigned)c.dropped_late, atomic_load(&news));
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
		if (sscanf(line, "ask %lu", &whom) == 1)
			CHECK_EQ(pthread_create(&th, NULL, asking, NULL), 0);
		else if (strcmp(line, "count") == 0)
			say_counts();
		else if (strcmp(line, "rests") == 0)
			t_tell("rests %d", sh_load_rlx(&sh_chan()->f_paused)); /* relaxed: a look */
		else if (strcmp(line, "go") == 0)
			sem_post(&go);
		else if (strcmp(line, "hush") == 0) {
			atomic_store(&hush, true);
			CHECK_EQ(pthread_join(th, NULL), 0);
		}
		t_tell("asked %u %u", atomic_load(&asked), atomic_load(&failed));
	}
	return rte_eal_cleanup();
}

/* ---- the group ---- */

struct who {
	struct t_proc *p;
	unsigned long long id;
	struct sockaddr_un sa;
};

/* s is the one that strangers talk to */
struct group {
	struct who p, s, t;
	time_t since;
	unsigned fds; /* of s, when all have talked to each other */
};

struct counts {
	unsigned foreign, malformed, unknown, late, news;
};

static struct who up(const char *type)
{
	struct who w = {.p = t_spawn("member", "--proc-type", type, "-l", "0", NULL), .sa.sun_family = AF_UNIX};

	CHECK_EQ(sscanf(t_expect(w.p, "up"), "up %llu %107s", &w.id, w.sa.sun_path), 2);
	return w;
}

/* say it; how many requests has it made by now? None has failed. */
static unsigned say(struct who *w, const char *line)
{
	unsigned n, bad;

	t_say(w->p, line);
	CHECK_EQ(sscanf(t_expect(w->p, "asked"), "asked %u %u", &n, &bad), 2);
	CHECK_EQ(bad, 0);
	return n;
}

static void asks(struct who *w, struct who *to)
{
	char line[64];

	snprintf(line, sizeof(line), "ask %llu", to->id);
	say(w, line);
}

struct more {
	struct who *w;
	unsigned upto;
};

static bool has_more(void *arg)
{
	struct more *m = arg;

	return say(m->w, "?") >= m->upto;
}

static void goes_on(struct who *w)
{
	struct more m = {w, say(w, "?") + 5};

	t_until(has_more, &m);
}

static struct counts counts(struct who *w)
{
	struct counts c;

	t_say(w->p, "count");
	CHECK_EQ(sscanf(t_expect(w->p, "count"), "count %u %u %u %u %u", &c.foreign, &c.malformed, &c.unknown, &c.late,
			&c.news),
		 5);
	t_expect(w->p, "asked");
	return c;
}

static struct group group_up(void)
{
	struct group g = {.since = time(NULL)};

	g.p = up("primary");
	g.s = up("secondary");
	g.t = up("secondary");
	asks(&g.p, &g.s);
	asks(&g.s, &g.t);
	asks(&g.t, &g.p);
	goes_on(&g.p);
	goes_on(&g.s);
	goes_on(&g.t);
	g.fds = t_open_fds(g.s.p->pid);
	return g;
}

struct want {
	struct group *g;
	unsigned news, unknown;
};

static bool all_judged(void *arg)
{
	struct want *w = arg;
	struct counts c = counts(&w->g->s);

	return c.news >= w->news && c.unknown >= w->unknown;
}

static bool fds_back(void *arg)
{
	struct group *g = arg;

	return t_open_fds(g->s.p->pid) == g->fds;
}

/* lines of s: at least one, and each place says no more than one a second */
static void few_lines(struct group *g, const char *what)
{
	unsigned n = 0;

	for (const char *p = t_stderr(g->s.p); (p = strstr(p, what)) != NULL; p += strlen(what))
		n++;
	CHECK(n >= 1);
	CHECK(n <= (unsigned)(time(NULL) - g->since) + 2);
}

static void end_well(struct group *g)
{
	struct who *w[3] = {&g->p, &g->s, &g->t};

	for (unsigned i = 0; i < 3; i++)
		goes_on(w[i]);
	for (unsigned i = 0; i < 3; i++)
		say(w[i], "hush");
	t_until(fds_back, g);
	for (unsigned i = 3; i-- > 0;) {
		close(w[i]->p->in);
		w[i]->p->in = -1;
		CHECK_EQ(t_wait(w[i]->p), 0);
	}
}

/* ---- the stranger ---- */

static int null_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static int a_socket(void)
{
	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK(s >= 0);
	return s;
}

static struct sh_dgram msg(enum sh_layout l, const char *name)
{
	struct sh_dgram d = {.layout = l, .len_param = 3};

	snprintf(d.name, sizeof(d.name), "%s", name);
	memcpy(d.param, "abc", 3);
	return d;
}

/* these bytes with so many fds; waits for room */
static void put(struct group *g, int s, const void *buf, size_t len, unsigned nfds)
{
	int fds[SH_FDS_MAX];

	for (unsigned i = 0; i < nfds; i++)
		fds[i] = null_fd();
	CHECK_EQ(sh_sock_send(s, &g->s.sa, buf, len, fds, nfds, 0), len);
}

/* what d says, though no receiver may take it: sh_dgram_build() would refuse */
static void put_lie(struct group *g, int s, const struct sh_dgram *d, unsigned nfds)
{
	unsigned char buf[SH_DPDK_26] = {0}, *p = buf + (d->layout == SH_DPDK_22 ? 4 : 8);

	memcpy(buf, &d->type, 4);
	memcpy(p, d->name, 64);
	memcpy(p + 64, &d->len_param, 4);
	memcpy(p + 68, &d->num_fds, 4);
	memcpy(p + 72, d->param, 256);
	put(g, s, buf, (size_t)d->layout, nfds);
}

static void put_good(struct group *g, int s, enum sh_layout l, const char *name, unsigned nfds)
{
	struct sh_dgram d = msg(l, name);

	d.num_fds = (int)nfds;
	put_lie(g, s, &d, nfds);
}

static unsigned every_length(struct group *g, int s)
{
	unsigned char buf[65000] = {0};
	unsigned n = 0;

	memcpy(buf + 4, "news", 4);
	for (size_t len = 0; len <= 400; len++)
		if (len != SH_DPDK_22 && len != SH_DPDK_26) {
			put(g, s, buf, len, len % 3 == 0 ? 2 : 0);
			n++;
		}
	put(g, s, buf, 4096, 1);
	put(g, s, buf, sizeof(buf), 1);
	return n + 2;
}

static unsigned numbers_out_of_range(struct group *g, int s, enum sh_layout l)
{
	static const int types[] = {4, 5, -1, INT_MAX, INT_MIN, 256, 0x01000000};
	static const int lens[] = {-1, 257, 4096, INT_MAX, INT_MIN};
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++, n++) {
		struct sh_dgram d = msg(l, "news");

		d.type = types[i];
		put_lie(g, s, &d, 0);
	}
	for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++, n++) {
		struct sh_dgram d = msg(l, "news");

		d.len_param = lens[i];
		put_lie(g, s, &d, 0);
	}
	return n;
}

static unsigned no_names(struct group *g, int s, enum sh_layout l)
{
	struct sh_dgram d = msg(l, "");

	put_lie(g, s, &d, 1);
	memset(d.name, 'n', sizeof(d.name));
	put_lie(g, s, &d, 1);
	memcpy(d.name, "news", 4);
	put_lie(g, s, &d, 0);
	return 3;
}

static unsigned lies_about_fds(struct group *g, int s, enum sh_layout l)
{
	static const struct {
		int claim;
		unsigned sent;
	} all[] = {{1, 0},     {8, 0},	{0, 1},	    {0, 253},	  {1, 2},      {7, 8},
		   {253, 252}, {-1, 1}, {254, 253}, {INT_MAX, 1}, {INT_MIN, 0}};
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++, n++) {
		struct sh_dgram d = msg(l, "news");

		d.num_fds = all[i].claim;
		put_lie(g, s, &d, all[i].sent);
	}
	if (l == SH_DPDK_22) { /* that many came, but the layout has room for 8 */
		put_good(g, s, l, "news", 9);
		n++;
	}
	return n;
}

/* from a socket that has no name */
static unsigned no_way_to_answer(struct group *g, int s, enum sh_layout l)
{
	struct sh_dgram d = msg(l, "news");

	d.type = SH_R_REQ;
	put_lie(g, s, &d, 0);
	d.type = SH_R_REP;
	put_lie(g, s, &d, 0);
	return 2;
}

TEST(malformed_datagrams_at_a_secondary)
{
	static const enum sh_layout layouts[] = {SH_DPDK_22, SH_DPDK_26};
	struct group g = group_up();
	unsigned bad, s = (unsigned)a_socket();
	struct want w = {.g = &g, .news = 2};
	struct counts c;

	bad = every_length(&g, (int)s);
	for (unsigned i = 0; i < 2; i++) {
		bad += numbers_out_of_range(&g, (int)s, layouts[i]);
		bad += no_names(&g, (int)s, layouts[i]);
		bad += lies_about_fds(&g, (int)s, layouts[i]);
		bad += no_way_to_answer(&g, (int)s, layouts[i]);
		put_good(&g, (int)s, layouts[i], "news", 8);
	}
	t_until(all_judged, &w);
	c = counts(&g.s);
	CHECK_EQ(c.malformed, bad);
	CHECK_EQ(c.foreign, 2);
	CHECK_EQ(c.news, 2);
	few_lines(&g, "dropped a datagram");
	end_well(&g);
}

TEST_T(a_flood_of_datagrams_at_a_secondary, 60)
{
	struct group g = group_up();
	struct want w = {.g = &g};
	unsigned bad = 0, late = 0;
	struct sockaddr_un me = {.sun_family = AF_UNIX};
	int s = a_socket();
	struct counts c;

	snprintf(me.sun_path, sizeof(me.sun_path), "%s_flood", g.p.sa.sun_path);
	CHECK_EQ(bind(s, (struct sockaddr *)&me, sizeof(me)), 0);
	for (unsigned i = 0; i < 20000; i++) {
		struct sh_dgram d = msg(i % 2 != 0 ? SH_DPDK_22 : SH_DPDK_26, "news");

		if (i % 5 == 0) {
			put(&g, s, "flood", 5, 0);
			bad++;
		} else if (i % 5 == 1) { /* a reply to nothing that was asked */
			d.type = SH_R_REP;
			put_lie(&g, s, &d, 0);
			late++;
		} else if (i % 5 == 2) {
			put_good(&g, s, d.layout, "nobody", 0);
			w.unknown++;
		} else {
			put_good(&g, s, d.layout, "news", 0);
			w.news++;
		}
	}
	t_until(all_judged, &w);
	c = counts(&g.s);
	CHECK_EQ(c.malformed, bad);
	CHECK_EQ(c.late, late);
	CHECK_EQ(c.unknown, w.unknown);
	CHECK_EQ(c.news, w.news);
	CHECK_EQ(c.foreign, late + w.unknown + w.news);
	few_lines(&g, "dropped a datagram");
	few_lines(&g, "nobody registered the name nobody");
	end_well(&g);
}

TEST_T(a_flood_of_fds_at_a_secondary, 60)
{
	struct group g = group_up();
	struct want w = {.g = &g};
	unsigned bad = 0;
	int s = a_socket();
	struct counts c;

	for (unsigned n = 1; n <= SH_FDS_MAX; n++) {
		struct sh_dgram d = msg(SH_DPDK_26, "news");

		put_good(&g, s, SH_DPDK_26, "news", n); /* taken */
		put_good(&g, s, SH_DPDK_26, "nobody", n);
		d.num_fds = (int)n - 1; /* one more than it says */
		put_lie(&g, s, &d, n);
		put(&g, s, "short", 5, n);
		w.news++;
		w.unknown++;
		bad += 2;
	}
	t_until(all_judged, &w);
	c = counts(&g.s);
	CHECK_EQ(c.malformed, bad);
	CHECK_EQ(c.unknown, w.unknown);
	CHECK_EQ(c.news, w.news);
	end_well(&g);
}

/* sends fds to an action that does not return */
ROLE(flooder)
{
	struct group g = {.s.sa.sun_family = AF_UNIX};
	unsigned n = (unsigned)atoi(argv[2]);
	int s = a_socket();

	snprintf(g.s.sa.sun_path, sizeof(g.s.sa.sun_path), "%s", argv[1]);
	for (unsigned i = 0; i < n; i++)
		put_good(&g, s, SH_DPDK_22, "block", 8);
	t_tell("sent");
	return 0;
}

static bool rests(void *arg)
{
	struct group *g = arg;
	int yes;

	t_say(g->s.p, "rests");
	CHECK_EQ(sscanf(t_expect(g->s.p, "rests"), "rests %d", &yes), 1);
	t_expect(g->s.p, "asked");
	return yes == 1;
}

TEST_T(a_flood_behind_an_action_that_does_not_return, 40)
{
	struct group g = group_up();
	struct want w = {.g = &g, .news = 3000};
	struct t_proc *f = t_spawn("flooder", g.s.sa.sun_path, "3000", NULL);

	t_until(rests, &g);
	CHECK(t_open_fds(g.s.p->pid) < g.fds + 256 + 64);
	/* its own requests are answered meanwhile, and so are the others' to each other */
	goes_on(&g.s);
	goes_on(&g.t);
	say(&g.s, "go");
	t_expect(f, "sent");
	CHECK_EQ(t_wait(f), 0);
	t_until(all_judged, &w); /* not one is lost */
	CHECK_EQ(counts(&g.s).foreign, 3000);
	end_well(&g);
}
