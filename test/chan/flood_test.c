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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "chan/chan_int.h"
#include "flood_role.h"
#include "proc/wire.h"

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
	ssize_t n;

	for (unsigned i = 0; i < nfds; i++)
		fds[i] = null_fd();
	/* an ordinary user may have only so many fds on their way; no event tells when some have arrived */
	while ((n = sh_sock_send(s, &g->s.sa, buf, len, fds, nfds, 0)) == -ETOOMANYREFS)
		usleep(100); /* sleep: see above */
	CHECK_EQ(n, len);
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
	struct group g = f_group_up();
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
	t_until(f_all_judged, &w);
	c = f_counts(&g.s);
	CHECK_EQ(c.malformed, bad);
	CHECK_EQ(c.foreign, 2);
	CHECK_EQ(c.news, 2);
	f_few_lines(&g, "dropped a datagram");
	f_end_well(&g);
}

TEST_T(a_flood_of_datagrams_at_a_secondary, 60)
{
	struct group g = f_group_up();
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
	t_until(f_all_judged, &w);
	c = f_counts(&g.s);
	CHECK_EQ(c.malformed, bad);
	CHECK_EQ(c.late, late);
	CHECK_EQ(c.unknown, w.unknown);
	CHECK_EQ(c.news, w.news);
	CHECK_EQ(c.foreign, late + w.unknown + w.news);
	f_few_lines(&g, "dropped a datagram");
	f_few_lines(&g, "nobody registered the name nobody");
	f_end_well(&g);
}

TEST_T(a_flood_of_fds_at_a_secondary, 60)
{
	struct group g = f_group_up();
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
	t_until(f_all_judged, &w);
	c = f_counts(&g.s);
	CHECK_EQ(c.malformed, bad);
	CHECK_EQ(c.unknown, w.unknown);
	CHECK_EQ(c.news, w.news);
	f_end_well(&g);
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
	struct group g = f_group_up();
	struct want w = {.g = &g, .news = 3000};
	struct t_proc *f = t_spawn("flooder", g.s.sa.sun_path, "3000", NULL);

	t_until(rests, &g);
	CHECK(t_open_fds(g.s.p->pid) < g.fds + 256 + 64);
	/* its own requests are answered meanwhile, and so are the others' to each other */
	f_goes_on(&g.s);
	f_goes_on(&g.t);
	f_say(&g.s, "go");
	t_expect(f, "sent");
	CHECK_EQ(t_wait(f), 0);
	t_until(f_all_judged, &w); /* not one is lost */
	CHECK_EQ(f_counts(&g.s).foreign, 3000);
	f_end_well(&g);
}

/* a connection to s for fds, by somebody who says he is that member; false: it was closed at once */
static int link_as(struct group *g, uint64_t id)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct sh_hello h;
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%.*s/join_%u_%u",
		 (int)(strrchr(g->s.sa.sun_path, '/') - g->s.sa.sun_path), g->s.sa.sun_path, sh_id_slot(g->s.id),
		 sh_id_gen(g->s.id));
	CHECK_EQ(connect(s, (struct sockaddr *)&to, sizeof(to)), 0);
	sh_hello_init(&h, SH_HELLO_LINK, id);
	CHECK_EQ(sh_sock_send(s, NULL, &h, sizeof(h), NULL, 0, 0), sizeof(h));
	return s;
}

TEST(a_stranger_that_says_it_is_a_member_sends_no_fds)
{
	struct group g = f_group_up();
	unsigned refused;
	int s;

	f_say(&g.t, "hush");
	f_asks(&g.t, "fds", &g.s);
	f_goes_on(&g.t);
	refused = f_counts(&g.s).denied;
	g.fds++; /* the connection */
	for (unsigned i = 0; i < 20; i++) {
		/* its own number, and one that an earlier member in its slot could have had */
		s = link_as(&g, i % 2 == 0 ? g.t.id : SH_ID(sh_id_slot(g.t.id), 1));
		for (uint64_t seq = 1; seq < 50; seq++) {
			struct {
				uint32_t magic, n;
				uint64_t seq;
			} pkt = {0x6b6e696cu, 1, seq};
			int fd = null_fd();

			(void)sh_sock_send(s, NULL, &pkt, sizeof(pkt), &fd, 1, MSG_DONTWAIT);
		}
		f_goes_on(&g.t);
		close(s);
	}
	CHECK_EQ(f_counts(&g.s).denied - refused,
		 10); /* the other ten would be of one that is gone: closed, for t has its place */
	f_few_lines(&g, "refused a connection for fds in the name of member");
	f_end_well(&g);
}
