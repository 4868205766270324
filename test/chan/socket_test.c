/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * socket_test.c - datagrams of another user at a primary's mp_socket: not heard and counted, or let in with --allow-uid
 *
 * and a primary that asks everybody while one member is stopped.
 *
 * One socket keeps its order: when the owner's datagram, sent last, has been heard, those before it have been judged.
 */
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

#include "check.h"

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

static void send_as(uid_t uid, const char *text, unsigned n)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "mp_socket"};
	struct dgram d = {.len_param = (int)strlen(text)};
	int s;

	CHECK_EQ(setresuid(uid, uid, uid), 0);
	snprintf(d.name, sizeof(d.name), "s_msg");
	memcpy(d.param, text, strlen(text));
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK(s >= 0);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(sendto(s, &d, sizeof(d), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(d));
	close(s);
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
		;
	return rte_eal_cleanup();
}

/* every line is a limit in seconds: ask everybody */
ROLE(asker)
{
	struct rte_mp_msg q = {.name = "s_ask"};
	struct rte_mp_reply r;
	char line[16];

	CHECK(rte_eal_init(argc, argv) >= 0);
	t_tell("ready");
	while (t_hear(line, sizeof(line))) {
		struct timespec ts = {.tv_sec = atoi(line)};
		int ret = rte_mp_request_sync(&q, &r, &ts);

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
