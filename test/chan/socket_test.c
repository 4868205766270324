/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * socket_test.c - another user at the sockets of a group: not heard, refused and counted, or let in with --allow-uid
 *
 * and a primary that asks everybody while one member is stopped; a payload that cannot be sealed.
 *
 * One socket keeps its order: when the owner's datagram, sent last, has been heard, those before it have been judged.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_eal.h>
#include <shoal.h>

#include "base/fd.h"
#include "chan/chan_int.h"
#include "check.h"
#include "proc/wire.h"
#include "sysfail.h"

#define NOBODY 65534
#define N_SENT 5

/* a message as a 22.11 peer lays it out */
struct dgram {
	int type; /* 0: a message, no answer wanted */
	char name[64];
	int len_param, num_fds;
	char param[256];
};
_Static_assert(sizeof(struct dgram) == 332, "the layout of 22.11");

static int on_msg(const struct rte_mp_msg *msg, const void *peer)
{
	struct shoal_mp_counters c;

	(void)peer;
	CHECK_EQ(shoal_mp_counters(0, &c), 0);
	t_tell("msg %.*s denied %llu", msg->len_param, (const char *)msg->param, (unsigned long long)c.dropped_denied);
	return 0;
}

ROLE(primary)
{
	char line[16];

	CHECK(rte_eal_init(argc, argv) >= 0);
	CHECK_EQ(rte_mp_action_register("s_msg", on_msg), 0);
	t_tell("dir %s", rte_eal_get_runtime_dir());
	while (t_hear(line, sizeof(line)))
		;
	return rte_eal_cleanup();
}

#define N_TRIES 30 /* at each socket */
struct denied {
	struct t_proc *p;
	const char *want;
};

static void say_denied(void)
{
	struct shoal_mp_counters c;

	CHECK_EQ(shoal_mp_counters(0, &c), 0);
	t_tell("denied %llu", (unsigned long long)c.dropped_denied);
}

static void put(const char *path, const char *text, unsigned n)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct dgram d = {.len_param = (int)strlen(text)};
	int s;

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	snprintf(d.name, sizeof(d.name), "s_msg");
	memcpy(d.param, text, strlen(text));
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK(s >= 0);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(sendto(s, &d, sizeof(d), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(d));
	close(s);
}

static void send_as(uid_t uid, const char *text, unsigned n)
{
	CHECK_EQ(setresuid(uid, uid, uid), 0);
	put("mp_socket", text, n);
}

/* the working directory stays reachable for a user who could not walk to it */
static void as_nobody(void *dir)
{
	CHECK_EQ(chdir(dir), 0);
	CHECK_EQ(chmod(".", 0711), 0);
	CHECK_EQ(chmod("mp_socket", 0666), 0);
	send_as(NOBODY, "nobody", N_SENT);
}

static void as_owner(void *dir)
{
	CHECK_EQ(chdir(dir), 0);
	send_as(0, "owner", 1);
}

static struct t_proc *both_send(const char *opt)
{
	struct t_proc *p;
	char dir[256];

	if (geteuid() != 0)
		SKIP("becoming another user needs root");
	p = t_spawn("primary", opt, NULL);
	snprintf(dir, sizeof(dir), "%s", t_expect(p, "dir ") + 4);
	CHECK_EQ(t_fork(as_nobody, dir, NULL, 0), 0);
	CHECK_EQ(t_fork(as_owner, dir, NULL, 0), 0);
	return p;
}

static void end(struct t_proc *p)
{
	close(p->in);
	p->in = -1;
	CHECK_EQ(t_wait(p), 0);
}

TEST(datagrams_of_another_user_are_counted_and_not_heard)
{
	struct t_proc *p = both_send(NULL);

	CHECK_STR(t_expect(p, "msg "), "msg owner denied 5");
	end(p);
}

TEST(datagrams_of_an_allowed_user_are_heard)
{
	struct t_proc *p = both_send("--allow-uid=65534");

	for (int i = 0; i < N_SENT; i++)
		CHECK_STR(t_expect(p, "msg "), "msg nobody denied 0");
	CHECK_STR(t_expect(p, "msg "), "msg owner denied 0");
	end(p);
}

/* ---- another user at every socket of the group ---- */

/* a JOIN that would be good, a packet that is none, silence; each must end with a refusal of the user */
static void dial_as_nobody(const char *name, unsigned how)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct sh_hello h, got;
	unsigned why = 0;
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), fds[2];
	ssize_t n;

	CHECK(s >= 0 && pipe(fds) == 0);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", name);
	CHECK_EQ(connect(s, (struct sockaddr *)&to, sizeof(to)), 0);
	sh_hello_init(&h, SH_HELLO_JOIN, 0);
	h.role = 1;
	snprintf(h.name, sizeof(h.name), "nobody");
	snprintf(h.sock, sizeof(h.sock), "mp_socket_1_1");
	if (how != 0) /* it may have been refused by now */
		(void)sh_sock_send(s, NULL, &h, how == 1 ? sizeof(h) : 7, fds, 2, 0);
	/* until the end: what was sent and not read is told as an error, before the answer */
	while ((n = recv(s, &got, sizeof(got), 0)) != 0) {
		CHECK(n == (ssize_t)sizeof(got) || (n < 0 && errno == ECONNRESET && how != 0));
		if (n > 0)
			why = got.refusal;
	}
	CHECK_EQ(why, SH_REFUSE_UID);
	close(s);
	close(fds[0]);
	close(fds[1]);
}

/* all sockets there are; says nothing to the test, which counts by itself */
static void nobody_everywhere(void *dir)
{
	char name[64][64];
	unsigned n = 0;
	struct dirent *e;
	DIR *d;

	CHECK_EQ(chdir(dir), 0);
	CHECK_EQ(chmod(".", 0711), 0);
	d = opendir(".");
	while ((e = readdir(d)) != NULL && n < 64)
		if (strncmp(e->d_name, "mp_socket", 9) == 0 || strncmp(e->d_name, "join", 4) == 0) {
			CHECK_EQ(chmod(e->d_name, 0666), 0);
			snprintf(name[n++], sizeof(name[0]), "%.60s", e->d_name);
		}
	closedir(d);
	CHECK_EQ(n, 2 + 2 + 1);
	CHECK_EQ(setresuid(NOBODY, NOBODY, NOBODY), 0);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < N_TRIES; k++)
			if (name[i][0] == 'j')
				dial_as_nobody(name[i], k % 3);
			else
				put(name[i], "nobody", 1);
}

static bool all_denied(void *arg)
{
	struct denied *w = arg;

	t_say(w->p, "denied");
	return strcmp(t_expect(w->p, "denied"), w->want) == 0;
}

TEST(another_user_is_refused_and_counted_at_every_socket)
{
	struct t_proc *p, *s;
	struct denied w;
	char dir[256];
	unsigned fds;

	if (geteuid() != 0)
		SKIP("becoming another user needs root");
	p = t_spawn("asker", NULL);
	snprintf(dir, sizeof(dir), "%s", t_expect(p, "dir ") + 4);
	t_expect(p, "ready");
	s = t_spawn("answerer", "--proc-type=secondary", NULL);
	t_expect(s, "ready");
	t_say(p, "20");
	CHECK_STR(t_expect(p, "asked"), "asked 0: 1 of 1");
	fds = t_open_fds(p->pid);
	CHECK_EQ(t_fork(nobody_everywhere, dir, NULL, 0), 0);
	/* "join" leads to the primary: twice there */
	w = (struct denied){p, "denied 90"};
	t_until(all_denied, &w);
	w = (struct denied){s, "denied 60"};
	t_until(all_denied, &w);
	t_say(p, "20");
	CHECK_STR(t_expect(p, "asked"), "asked 0: 1 of 1");
	CHECK_EQ(t_open_fds(p->pid), fds);
	CHECK_HAS(t_stderr(p), "refused a connection from user 65534");
	end(s);
	end(p);
}

/* ---- one of the members is stopped ---- */

#define N_MEMBERS 8

static int on_ask(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply = {.len_param = 0};

	memcpy(reply.name, msg->name, sizeof(reply.name));
	return rte_mp_reply(&reply, peer);
}

ROLE(answerer)
{
	char line[16];

	CHECK(rte_eal_init(argc, argv) >= 0);
	CHECK_EQ(rte_mp_action_register("s_ask", on_ask), 0);
	t_tell("ready");
	while (t_hear(line, sizeof(line)))
		say_denied();
	return rte_eal_cleanup();
}

/* every line is "denied" or a limit in seconds: ask everybody */
ROLE(asker)
{
	struct rte_mp_msg q = {.name = "s_ask"};
	struct rte_mp_reply r;
	char line[16];

	CHECK(rte_eal_init(argc, argv) >= 0);
	t_tell("dir %s", rte_eal_get_runtime_dir());
	t_tell("ready");
	while (t_hear(line, sizeof(line))) {
		struct timespec ts = {.tv_sec = atoi(line)};
		int ret;

		if (strcmp(line, "denied") == 0) {
			say_denied();
			continue;
		}
		ret = rte_mp_request_sync(&q, &r, &ts);

		t_tell("asked %d: %d of %d", ret, r.nb_received, r.nb_sent);
		free(r.msgs);
	}
	return rte_eal_cleanup();
}

TEST_T(a_stopped_member_is_missed_and_comes_back, 60)
{
	struct t_proc *a = t_spawn("asker", NULL), *m[N_MEMBERS];

	t_expect(a, "ready");
	for (int i = 0; i < N_MEMBERS; i++) {
		m[i] = t_spawn("answerer", "--proc-type=secondary", NULL);
		t_expect(m[i], "ready");
	}
	t_say(a, "20");
	CHECK_STR(t_expect(a, "asked"), "asked 0: 8 of 8");
	t_kill(m[3], SIGSTOP);
	for (int i = 0; i < 2; i++) {
		t_say(a, "2");
		CHECK_STR(t_expect(a, "asked"), "asked 0: 7 of 8");
	}
	t_kill(m[3], SIGCONT);
	t_say(a, "20");
	CHECK_STR(t_expect(a, "asked"), "asked 0: 8 of 8");
	for (int i = 0; i < N_MEMBERS; i++)
		end(m[i]);
	end(a);
}

/* ---- payloads too large for a lane ---- */

static void makes_payload(void *arg)
{
	static const char data[100];
	int fd = sh_big_make(data, sizeof(data));

	t_sysfail_pause(true);
	if (fd >= 0)
		CHECK(sh_big_map(fd, sizeof(data)) != NULL); /* the receiver does not take any other */
	else
		CHECK(t_sysfail_hit());
	CHECK_EQ(t_open_fds(getpid()), *(const unsigned *)arg + (fd >= 0));
}

TEST(a_payload_that_cannot_be_made_safe_is_not_sent)
{
	unsigned fds = t_open_fds(getpid());

	CHECK(t_sysfail_sweep(makes_payload, &fds, EPERM, 1, NULL, NULL) >= 3);
}
