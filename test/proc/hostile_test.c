/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile_test.c - whatever is said to a member's listener: it goes on, keeps nothing, and newcomers get in
 *
 * Each case ends with harmless(): the member answers, has as many fds open as before, its table is as before, and a
 * newcomer joins and leaves.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "member.h"
#include "proc/wire.h"

struct victim {
	struct m a;
	unsigned fds;
};

static struct victim up(void)
{
	struct victim v = {.a = m_up("primary")};

	m_until_names("join", 2);
	m_ask(&v.a, "ping", "pong");
	v.fds = t_open_fds(v.a.p->pid);
	return v;
}

static bool fds_back(void *arg)
{
	struct victim *v = arg;

	return t_open_fds(v->a.p->pid) == v->fds;
}

static void harmless(struct victim *v)
{
	struct m b;

	m_ask(&v->a, "ping", "pong");
	t_until(fds_back, v);
	m_table(&v->a, 1);
	b = m_up("secondary");
	m_sees(&v->a, "JOIN", &b);
	m_leave(&b);
	m_sees(&v->a, "LEAVE", &b);
	t_until(fds_back, v);
}

static int dial(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s/join", m_dir());
	CHECK_EQ(connect(s, (struct sockaddr *)&to, sizeof(to)), 0);
	return s;
}

/* say it and wait until the other end has closed; returns the last answer's kind, 0 for none, *why of a refusal */
static unsigned say(const void *buf, size_t len, const int *fds, unsigned n, unsigned *why)
{
	unsigned kind = 0;
	struct sh_hello h;
	int s = dial();

	CHECK(sh_sock_send(s, NULL, buf, len, fds, n, 0) == (ssize_t)len);
	while (recv(s, &h, sizeof(h), 0) == (ssize_t)sizeof(h)) {
		kind = h.kind;
		if (why != NULL)
			*why = h.refusal;
		if (kind == SH_HELLO_DONE)
			break;
	}
	close(s);
	return kind;
}

static struct sh_hello good_join(void)
{
	struct sh_hello h;

	sh_hello_init(&h, SH_HELLO_JOIN, 0);
	h.role = 1;
	h.pid = 1;
	snprintf(h.name, sizeof(h.name), "evil");
	snprintf(h.sock, sizeof(h.sock), "mp_socket_1_1");
	return h;
}

TEST(every_length)
{
	struct victim v = up();
	char buf[4096] = {0};
	struct sh_hello h = good_join();

	memcpy(buf, &h, sizeof(h));
	for (size_t n = 0; n < sizeof(h) + 64; n++)
		if (n != sizeof(h))
			CHECK_EQ(say(buf, n, NULL, 0, NULL), 0);
	CHECK_EQ(say(buf, sizeof(buf), NULL, 0, NULL), 0);
	harmless(&v);
}

TEST(every_byte_turned)
{
	struct victim v = up();
	struct sh_hello good = good_join();

	for (size_t i = 0; i < sizeof(good); i++) {
		unsigned char buf[sizeof(good)];

		memcpy(buf, &good, sizeof(good));
		buf[i] ^= 0xff;
		(void)say(buf, sizeof(buf), NULL, 0, NULL);
	}
	harmless(&v);
}

TEST(every_kind_with_any_id)
{
	static const uint64_t ids[] = {0,	   SH_ID(0, 1), SH_ID(1, 2), SH_ID(255, 9), SH_ID(256, 1),
				       UINT64_MAX, 1ull << 48};
	struct victim v = up();
	int n = open("/dev/null", O_RDWR | O_CLOEXEC), fds[3] = {n, n, n};

	for (unsigned kind = 0; kind < 12; kind++)
		for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
			for (unsigned nf = 0; nf <= 3; nf++) {
				struct sh_hello h = good_join();

				if (kind == SH_HELLO_LINK && i == 1)
					continue; /* that is a good one */
				h.kind = (uint16_t)kind;
				h.id = ids[i];
				(void)say(&h, sizeof(h), fds, nf, NULL);
			}
	harmless(&v);
}

static void refused_card(const int *fds, unsigned n, unsigned kind)
{
	struct sh_hello h = good_join();
	unsigned why = 0;

	CHECK_EQ(say(&h, sizeof(h), fds, n, &why), kind);
	if (kind == SH_HELLO_REFUSE)
		CHECK_EQ(why, SH_REFUSE_CARD);
}

TEST(cards_that_are_none)
{
	struct victim v = up();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), dir = open("/", O_RDONLY | O_CLOEXEC);
	int ev = eventfd(0, EFD_CLOEXEC), mem = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int sealed = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING), unsealable = memfd_create("x", MFD_CLOEXEC);
	int pid = (int)syscall(SYS_pidfd_open, getpid(), 0), many[200], pi[2];

	CHECK(pipe2(pi, O_CLOEXEC) == 0 && ftruncate(mem, 4096) == 0 && ftruncate(sealed, 4096) == 0);
	CHECK(ftruncate(unsealable, 4096) == 0 && fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE) == 0);
	for (unsigned i = 0; i < 200; i++)
		many[i] = null;
	refused_card(NULL, 0, 0);
	refused_card((int[]){null}, 1, 0);
	refused_card((int[]){null, null}, 2, SH_HELLO_REFUSE);
	refused_card((int[]){mem, dir}, 2, SH_HELLO_REFUSE);
	refused_card((int[]){mem, pi[1]}, 2, SH_HELLO_REFUSE); /* the wrong end */
	refused_card((int[]){sealed, pi[0], pid}, 3, SH_HELLO_REFUSE);
	refused_card((int[]){unsealable, pi[0], pid}, 3, SH_HELLO_REFUSE);
	refused_card((int[]){mem, pi[0], ev}, 3, SH_HELLO_REFUSE);
	refused_card((int[]){mem, pi[0], null}, 3, SH_HELLO_REFUSE);
	refused_card((int[]){pid, mem, pi[0]}, 3, SH_HELLO_REFUSE);
	refused_card(many, 4, 0);
	refused_card(many, 200, 0);
	harmless(&v);
}

TEST(a_joiner_that_goes_away_in_the_middle)
{
	struct victim v = up();
	struct sh_hello h = good_join();
	int mem = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING), pi[2];

	CHECK(pipe2(pi, O_CLOEXEC) == 0 && ftruncate(mem, 4096) == 0);
	/* a slot is taken, and free again when the connection ends */
	for (unsigned i = 0; i < 300; i++)
		CHECK_EQ(say(&h, sizeof(h), (int[]){mem, pi[0]}, 2, NULL), SH_HELLO_DONE);
	harmless(&v);
}

TEST(a_joiner_that_talks_too_much)
{
	struct victim v = up();
	struct sh_hello h = good_join();
	int mem = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING), pi[2];

	CHECK(pipe2(pi, O_CLOEXEC) == 0 && ftruncate(mem, 4096) == 0);
	for (unsigned i = 0; i < 50; i++) {
		int s = dial(), fds[2] = {mem, pi[0]};

		for (unsigned k = 0; k < 20; k++)
			(void)sh_sock_send(s, NULL, &h, sizeof(h), fds, 2, MSG_DONTWAIT);
		close(s);
	}
	harmless(&v);
}

TEST(a_flood_of_silent_connections)
{
	struct victim v = up();
	int s[1000];
	struct m b;

	for (unsigned i = 0; i < 1000; i++)
		s[i] = dial();
	b = m_up("secondary"); /* with all of them open */
	m_sees(&v.a, "JOIN", &b);
	CHECK(t_open_fds(v.a.p->pid) < v.fds + 200);
	m_leave(&b);
	m_sees(&v.a, "LEAVE", &b);
	for (unsigned i = 0; i < 1000; i++)
		close(s[i]);
	harmless(&v);
}

TEST(a_false_card_of_a_member_changes_nothing)
{
	struct victim v = up();
	struct m b = m_up("secondary");
	struct sh_hello h;
	int mem = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING), pi[2];

	m_sees(&v.a, "JOIN", &b);
	CHECK(pipe2(pi, O_CLOEXEC) == 0 && ftruncate(mem, 4096) == 0);
	sh_hello_init(&h, SH_HELLO_CARD, SH_ID(b.slot, b.gen));
	CHECK_EQ(say(&h, sizeof(h), (int[]){mem, pi[0]}, 2, NULL), 0);
	close(pi[1]);
	m_ask(&v.a, "table", "table 2");
	m_kill(&b);
	m_sees(&v.a, "DEATH", &b);
	m_table(&v.a, 1);
}

/* ---- crowds, all at once ---- */

/* the i-th of the listeners: "join" and each member's own, of which one may go this moment */
static int dial_any(const char *dir, unsigned i)
{
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), err;

	CHECK(s >= 0);
	do {
		struct sockaddr_un to[8];
		struct dirent *e;
		unsigned n = 0;
		DIR *d = opendir(dir);

		CHECK(d != NULL);
		while ((e = readdir(d)) != NULL && n < 8)
			if (strncmp(e->d_name, "join", 4) == 0) {
				to[n].sun_family = AF_UNIX;
				snprintf(to[n++].sun_path, sizeof(to[0].sun_path), "%.80s/%.20s", dir, e->d_name);
			}
		closedir(d);
		CHECK(n >= 3);
		err = connect(s, (struct sockaddr *)&to[i % n], sizeof(to[0])) == 0 ? 0 : errno;
	} while (err == ENOENT || err == ECONNREFUSED);
	CHECK_EQ(err, 0);
	return s;
}

/* something that is no good hello, or a good one that is none of theirs to say */
static void babble(int s, unsigned i)
{
	static const unsigned kinds[] = {SH_HELLO_CARD, SH_HELLO_PULL, SH_HELLO_LINK, SH_HELLO_LOOK, SH_HELLO_DONE};
	struct sh_hello h = good_join();
	unsigned char junk[300];

	if (i % 3 == 0) { /* half a packet */
		(void)sh_sock_send(s, NULL, &h, 1 + i % (sizeof(h) - 1), NULL, 0, MSG_DONTWAIT);
	} else if (i % 3 == 1) {
		for (unsigned k = 0; k < sizeof(junk); k++)
			junk[k] = (unsigned char)(k * i);
		(void)sh_sock_send(s, NULL, junk, i % sizeof(junk), NULL, 0, MSG_DONTWAIT);
	} else {
		sh_hello_init(&h, kinds[i % 5], SH_ID(i % 256, 1 + i % 7));
		(void)sh_sock_send(s, NULL, &h, sizeof(h), NULL, 0, MSG_DONTWAIT);
	}
}

/* DIR silent|half|talk|join N: so many connections, open until the test says something; who talks goes on with new ones */
ROLE(crowd)
{
	unsigned n = (unsigned)atoi(argv[3]);
	struct sh_hello good = good_join(), heard;
	int *s = calloc(n, sizeof(*s)), card[2], pi[2];
	char how = argv[2][0];

	card[0] = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CHECK(card[0] >= 0 && pipe2(pi, O_CLOEXEC) == 0 && ftruncate(card[0], 4096) == 0);
	card[1] = pi[0];
	for (unsigned i = 0; i < n; i++) {
		s[i] = dial_any(argv[1], i);
		if (how == 'h') /* cut short: closed by them, kept by us */
			(void)sh_sock_send(s[i], NULL, &good, i % sizeof(good), NULL, 0, MSG_DONTWAIT);
		else if (how == 't')
			babble(s[i], i);
		else if (how == 'j' && sh_sock_send(s[i], NULL, &good, sizeof(good), card, 2, 0) > 0)
			(void)recv(s[i], &heard, sizeof(heard),
				   0); /* WELCOME, or all places are taken; then nothing more */
	}
	t_tell("open");
	CHECK_EQ(fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK), 0);
	for (unsigned i = 0; read(STDIN_FILENO, &heard, 1) < 0; i++) {
		if (how == 't') {
			close(s[i % n]);
			s[i % n] = dial_any(argv[1], i);
			babble(s[i % n], i);
		}
		usleep(how == 't' ? 300 : 5000); /* sleep: the pace of those who talk */
	}
	free(s);
	return 0;
}

static void crowd_ends(struct t_proc *p)
{
	t_say(p, "end");
	CHECK_EQ(t_wait(p), 0);
}

static unsigned malformed(struct m *m)
{
	t_say(m->p, "malformed");
	return (unsigned)atoi(t_expect(m->p, "malformed ") + 10);
}

TEST(two_thousand_who_say_nothing_or_nonsense)
{
	struct victim v = up();
	struct m b = m_up("secondary"), c;
	struct t_proc *p[3];

	m_sees(&v.a, "JOIN", &b);
	m_until_names("join_", 2);
	p[0] = t_spawn("crowd", m_dir(), "silent", "800", NULL);
	p[1] = t_spawn("crowd", m_dir(), "half", "800", NULL);
	p[2] = t_spawn("crowd", m_dir(), "talk", "400", NULL);
	for (unsigned i = 0; i < 3; i++)
		t_expect(p[i], "open");
	/* with all of them there: in, seen, out again, at its first try or a later one, but within its time limit */
	c = m_up("secondary");
	m_sees(&v.a, "JOIN", &c);
	m_sees(&b, "JOIN", &c);
	m_ask(&b, "ping", "pong");
	m_leave(&c);
	m_sees(&b, "LEAVE", &c);
	CHECK(malformed(&v.a) >= 400);
	CHECK(malformed(&b) >= 200);
	for (unsigned i = 0; i < 3; i++)
		crowd_ends(p[i]);
	m_ask(&b, "ping", "pong");
	m_leave(&b);
	harmless(&v);
}

TEST(joiners_that_stop_in_the_middle_do_not_keep_all_places)
{
	struct victim v;
	struct m b, c;
	struct t_proc *p;

	if (geteuid() != 0)
		SKIP("the kernel counts the fds that an ordinary user has not read: theirs are in the way of all "
		     "others");
	v = up();
	b = m_up("secondary");
	m_sees(&v.a, "JOIN", &b);
	m_until_names("join_", 2);
	p = t_spawn("crowd", m_dir(), "join", "300", NULL);
	t_expect(p, "open");
	c = m_up("secondary");
	m_sees(&v.a, "JOIN", &c);
	CHECK(strstr(t_stderr(v.a.p), "lost its place") != NULL || strstr(t_stderr(b.p), "lost its place") != NULL);
	m_leave(&c);
	crowd_ends(p);
	m_leave(&b);
	harmless(&v);
}
