/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * foreign_test.c - peers that speak DPDK's datagrams: a python script, a C program without the library, a real DPDK process
 *
 * The role "primary" has the actions that all of them talk to: f_msg prints, f_lies must never run, f_echo sends back, f_fd uses fds both ways, f_count
 * counts fds, f_ask_me makes it ask everybody f_question and then tell everybody f_news.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "check.h"

/* ---- the primary ---- */

static void msg_init(struct rte_mp_msg *m, const char *name, const void *param, size_t len)
{
	memset(m, 0, sizeof(*m));
	snprintf(m->name, sizeof(m->name), "%s", name);
	if (len > 0)
		memcpy(m->param, param, len);
	m->len_param = (int)len;
}

static int my_text(void)
{
	static const char text[] = "text of the primary";
	int fd = memfd_create("primary", MFD_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	return fd;
}

static int on_msg(const struct rte_mp_msg *msg, const void *peer)
{
	(void)peer;
	for (int i = 0; i < msg->num_fds; i++)
		close(msg->fds[i]);
	for (int i = msg->len_param; i < RTE_MP_MAX_PARAM_LEN; i++)
		CHECK_EQ(msg->param[i], 0);
	t_tell("msg %d %.*s", msg->len_param, msg->len_param, (const char *)msg->param);
	return 0;
}

/* what is sent to it must not arrive */
static int on_lies(const struct rte_mp_msg *msg, const void *peer)
{
	(void)peer;
	t_fail(__FILE__, __LINE__, "a lie arrived, with %d fds", msg->num_fds);
}

static int on_echo(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply;

	for (int i = 0; i < msg->num_fds; i++)
		close(msg->fds[i]);
	msg_init(&reply, msg->name, msg->param, (size_t)msg->len_param);
	return rte_mp_reply(&reply, peer);
}

/* fds[0]: write into it; fds[1]: what it holds is the answer's text; the answer carries an fd of ours */
static int on_fd(const struct rte_mp_msg *msg, const void *peer)
{
	static const char text[] = "from the primary";
	struct rte_mp_msg reply;
	char buf[256];
	ssize_t n;
	int ret;

	if (msg->num_fds != 2)
		return -1;
	CHECK_EQ(write(msg->fds[0], text, sizeof(text) - 1), sizeof(text) - 1);
	n = pread(msg->fds[1], buf, sizeof(buf), 0);
	CHECK(n >= 0);
	close(msg->fds[0]);
	close(msg->fds[1]);
	msg_init(&reply, msg->name, buf, (size_t)n);
	reply.fds[0] = my_text();
	reply.num_fds = 1;
	ret = rte_mp_reply(&reply, peer);
	close(reply.fds[0]);
	return ret;
}

static int on_count(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply;
	char buf[16];

	for (int i = 0; i < msg->num_fds; i++)
		close(msg->fds[i]);
	msg_init(&reply, msg->name, buf, (size_t)snprintf(buf, sizeof(buf), "%d", msg->num_fds));
	return rte_mp_reply(&reply, peer);
}

static int on_ask_me(const struct rte_mp_msg *msg, const void *peer)
{
	struct timespec ts = {.tv_sec = 10};
	struct rte_mp_reply reply;
	struct rte_mp_msg q;
	char buf[64] = "";

	(void)msg, (void)peer;
	msg_init(&q, "f_question", "what layout?", 12);
	q.fds[0] = my_text();
	q.num_fds = 1;
	CHECK_EQ(rte_mp_request_sync(&q, &reply, &ts), 0);
	close(q.fds[0]);
	CHECK_EQ(reply.nb_received, 1);
	CHECK_EQ(reply.msgs[0].num_fds, 1);
	CHECK(pread(reply.msgs[0].fds[0], buf, sizeof(buf) - 1, 0) > 0);
	close(reply.msgs[0].fds[0]);
	t_tell("answer %.*s, fd says %s", reply.msgs[0].len_param, (const char *)reply.msgs[0].param, buf);
	free(reply.msgs);
	msg_init(&q, "f_news", "one answered", 12);
	return rte_mp_sendmsg(&q);
}

/* outside an action a send waits for room */
static void burst(void)
{
	struct rte_mp_msg m;
	char buf[16];

	for (int i = 0; i < 1000; i++) {
		msg_init(&m, "f_news", buf, (size_t)snprintf(buf, sizeof(buf), "%d", i));
		CHECK_EQ(rte_mp_sendmsg(&m), 0);
	}
}

ROLE(primary)
{
	char line[64];

	CHECK(rte_eal_init(argc, argv) >= 0);
	CHECK_EQ(rte_mp_action_register("f_msg", on_msg), 0);
	CHECK_EQ(rte_mp_action_register("f_lies", on_lies), 0);
	CHECK_EQ(rte_mp_action_register("f_echo", on_echo), 0);
	CHECK_EQ(rte_mp_action_register("f_fd", on_fd), 0);
	CHECK_EQ(rte_mp_action_register("f_count", on_count), 0);
	CHECK_EQ(rte_mp_action_register("f_ask_me", on_ask_me), 0);
	t_tell("dir %s", rte_eal_get_runtime_dir());
	while (t_hear(line, sizeof(line)))
		burst();
	return rte_eal_cleanup();
}

/* asks its primary again and again, until its stdin ends */
ROLE(busy)
{
	struct timespec ts = {.tv_sec = 10};
	struct rte_mp_reply reply;
	struct rte_mp_msg q;
	unsigned n = 0;

	CHECK(rte_eal_init(argc, argv) >= 0);
	CHECK_EQ(fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK), 0);
	for (char c; n == 0 || read(STDIN_FILENO, &c, 1) < 0; n++) {
		msg_init(&q, "f_echo", &n, sizeof(n));
		CHECK_EQ(rte_mp_request_sync(&q, &reply, &ts), 0);
		CHECK_EQ(reply.nb_received, 1);
		CHECK(memcmp(reply.msgs[0].param, &n, sizeof(n)) == 0);
		free(reply.msgs);
		if (n == 0)
			t_tell("asking");
	}
	t_tell("asked");
	return rte_eal_cleanup();
}

/* ---- the cases ---- */

static struct t_proc *start_primary(char dir[256])
{
	struct t_proc *p = t_spawn("primary", NULL);

	snprintf(dir, 256, "%s", t_expect(p, "dir ") + 4);
	return p;
}

static void end_primary(struct t_proc *p)
{
	close(p->in);
	p->in = -1;
	CHECK_EQ(t_wait(p), 0);
}

static struct t_proc *python(const char *dir, const char *layout, const char *how)
{
	const char *argv[] = {"/usr/bin/python3", FOREIGN_PY, dir, layout, how, NULL};

	if (access(argv[0], X_OK) != 0)
		SKIP("no /usr/bin/python3");
	return t_exec(argv);
}

static void python_talks(const char *layout)
{
	char dir[256], want[64];
	struct t_proc *p = start_primary(dir), *f = python(dir, layout, NULL);

	snprintf(want, sizeof(want), "msg 14 hello from %s", layout);
	CHECK_STR(t_expect(p, "msg"), want);
	snprintf(want, sizeof(want), "answer %s, fd says text of the foreign peer", layout);
	CHECK_STR(t_expect(p, "answer"), want);
	t_expect(f, "ok end");
	CHECK_EQ(t_wait(f), 0);
	end_primary(p);
}

TEST(python_script_speaks_the_layout_of_22_11)
{
	python_talks("332");
}

TEST(python_script_speaks_the_layout_of_26_11)
{
	python_talks("340");
}

TEST(c_program_without_the_library_speaks_both_layouts)
{
	char dir[256];
	struct t_proc *p = start_primary(dir), *f;
	const char *argv[] = {FOREIGN_C, dir, NULL};

	f = t_exec(argv);
	t_expect(f, "ok 332");
	t_expect(f, "ok 340");
	CHECK_EQ(t_wait(f), 0);
	CHECK_STR(t_expect(p, "answer"), "answer 332, fd says text of the foreign peer");
	CHECK_STR(t_expect(p, "answer"), "answer 340, fd says text of the foreign peer");
	end_primary(p);
}

/* its socket has room for 10 (/proc/sys/net/unix/max_dgram_qlen): the primary has to wait, as DPDK does */
TEST(a_burst_to_a_foreign_peer_loses_nothing)
{
	char dir[256];
	struct t_proc *p = start_primary(dir), *f = python(dir, "332", "--burst");

	t_expect(p, "msg");
	t_say(p, "burst");
	t_expect(f, "ok end");
	CHECK_EQ(t_wait(f), 0);
	end_primary(p);
}

struct fd_wait {
	pid_t pid;
	unsigned want;
};

static bool fds_are(void *arg)
{
	struct fd_wait *w = arg;

	return t_open_fds(w->pid) == w->want;
}

/* whatever comes, its own secondary is served, the peer too, and no fd is left over */
static void survives(const char *layout)
{
	char dir[256];
	struct t_proc *p = start_primary(dir), *b, *f;
	struct fd_wait w = {.pid = p->pid};

	b = t_spawn("busy", "--proc-type=secondary", NULL);
	t_expect(b, "asking");
	f = python(dir, layout, NULL); /* whatever is opened at first use is open now */
	CHECK_EQ(t_wait(f), 0);
	w.want = t_open_fds(p->pid);
	f = python(dir, layout, "--hostile");
	t_expect(f, "ok end");
	CHECK_EQ(t_wait(f), 0);
	t_until(fds_are, &w);
	/* what a peer sends as a name is printed as text, not obeyed: one line stays one line */
	CHECK_HAS(t_stderr(p), "nobody registered the name");
	CHECK(strchr(t_stderr(p), '\033') == NULL);
	CHECK(strstr(t_stderr(p), "\nEAL: forged") == NULL);
	close(b->in);
	b->in = -1;
	t_expect(b, "asked");
	CHECK_EQ(t_wait(b), 0);
	end_primary(p);
}

TEST_T(hostile_datagrams_harm_nobody_layout_22_11, 60)
{
	survives("332");
}

TEST_T(hostile_datagrams_harm_nobody_layout_26_11, 60)
{
	survives("340");
}

#ifdef DPDK_PEER
/*
 * A DPDK secondary sends to <dir>/mp_socket and takes an answer from that very path only. So a DPDK pair starts in a directory,
 * that directory steps aside, our primary starts in its place, and the secondary's own socket moves into it.
 */
TEST_T(a_real_dpdk_secondary_asks_our_primary, 60)
{
	const char *pri[] = {"/bin/bash", DPDK_SH, DPDK_PEER, "primary", NULL};
	const char *sec[] = {"/bin/bash", DPDK_SH, DPDK_PEER, "secondary", NULL};
	char dir[256], from[600], to[600], aside[256], base[256], name[200];
	struct t_proc *dp, *ds, *p;
	const char *line;

	if (geteuid() != 0)
		SKIP("a DPDK secondary needs hugepages and root");
	snprintf(base, sizeof(base), "%.200s/dpdk", getenv("RUNTIME_DIRECTORY"));
	snprintf(aside, sizeof(aside), "%.200s/aside", getenv("RUNTIME_DIRECTORY"));
	dp = t_exec(pri);
	line = t_expect(dp, "dpdk ");
	if (strncmp(line, "dpdk cannot", 11) == 0)
		SKIP("no DPDK primary here: %s", line);
	ds = t_exec(sec);
	snprintf(name, sizeof(name), "%s", t_expect(ds, "socket ") + 7);
	CHECK_STR(t_expect(ds, "dpdk "), "dpdk ready");
	CHECK_EQ(rename(base, aside), 0);
	p = start_primary(dir);
	snprintf(from, sizeof(from), "%s/rte/%s", aside, name);
	snprintf(to, sizeof(to), "%s/%s", dir, name);
	CHECK_EQ(rename(from, to), 0);
	t_say(ds, "go");
	CHECK_STR(t_expect(p, "msg"), "msg 15 hello from DPDK");
	t_expect(ds, "ok request_sync");
	t_expect(ds, "ok request_async");
	t_expect(ds, "ok fds");
	CHECK_STR(t_expect(p, "answer"), "answer 332, fd says text of the foreign peer");
	t_expect(ds, "ok asked and told");
	CHECK_EQ(t_wait(ds), 0);
	end_primary(p);
	close(dp->in);
	dp->in = -1;
	CHECK_EQ(t_wait(dp), 0);
}
#endif
