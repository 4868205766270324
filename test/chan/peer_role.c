/* SPDX-License-Identifier: BSD-3-Clause */
/* peer_role.c - see peer_role.h */
#include "peer_role.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <shoal.h>

static char held_peer[16][256];
static char held_name[16][64];
static unsigned n_held;
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;

static void say_got(const struct rte_mp_msg *m)
{
	t_tell("got %s %d %d %.*s", m->name, m->len_param, m->num_fds, m->len_param, (const char *)m->param);
}

static int answer(const struct rte_mp_msg *m, const void *peer, const char *text)
{
	struct rte_mp_msg r = {0};

	snprintf(r.name, sizeof(r.name), "%s", m->name);
	snprintf((char *)r.param, sizeof(r.param), "%s", text);
	r.len_param = (int)strlen(text) + 1;
	return rte_mp_reply(&r, peer);
}

static int act_echo(const struct rte_mp_msg *m, const void *peer)
{
	char t[300];

	say_got(m);
	snprintf(t, sizeof(t), "re:%.200s", (const char *)m->param);
	(void)answer(m, peer, t);
	return 0;
}

static int act_none(const struct rte_mp_msg *m, const void *peer)
{
	(void)peer;
	say_got(m);
	return 0;
}

static int act_fail(const struct rte_mp_msg *m, const void *peer)
{
	(void)m;
	(void)peer;
	return -1;
}

static int act_hold(const struct rte_mp_msg *m, const void *peer)
{
	pthread_mutex_lock(&held_lock);
	snprintf(held_peer[n_held], sizeof(held_peer[0]), "%s", (const char *)peer);
	snprintf(held_name[n_held++], sizeof(held_name[0]), "%s", m->name);
	pthread_mutex_unlock(&held_lock);
	say_got(m);
	return 0;
}

/* reads what is in the fds and sends them back */
static int act_fds(const struct rte_mp_msg *m, const void *peer)
{
	struct rte_mp_msg r = {0};
	char b[64] = "";

	if (m->num_fds > 0 && read(m->fds[0], b, sizeof(b) - 1) < 0)
		snprintf(b, sizeof(b), "errno %d", errno);
	t_tell("got %s %d %d [%s]", m->name, m->len_param, m->num_fds, b);
	snprintf(r.name, sizeof(r.name), "%s", m->name);
	r.num_fds = m->num_fds;
	memcpy(r.fds, m->fds, (size_t)m->num_fds * sizeof(int));
	(void)rte_mp_reply(&r, peer);
	for (int i = 0; i < m->num_fds; i++)
		close(m->fds[i]);
	return 0;
}

/* param is a depth: asks back with depth - 1 under the same name until it is 0 */
static int act_nested(const struct rte_mp_msg *m, const void *peer)
{
	int depth = atoi((const char *)m->param);
	char t[64];

	if (depth > 0) {
		struct rte_mp_msg q = {0};
		struct rte_mp_reply rep;
		struct timespec ts = {.tv_sec = 15};

		snprintf(q.name, sizeof(q.name), "%s", m->name);
		q.len_param = snprintf((char *)q.param, sizeof(q.param), "%d", depth - 1) + 1;
		if (rte_mp_request_sync(&q, &rep, &ts) != 0 || rep.nb_received != 1) {
			snprintf(t, sizeof(t), "broken at %d errno %d", depth, rte_errno);
		} else {
			snprintf(t, sizeof(t), "%d", atoi((const char *)rep.msgs[0].param) + 1);
			free(rep.msgs);
		}
	} else {
		snprintf(t, sizeof(t), "0");
	}
	(void)answer(m, peer, t);
	return 0;
}

static unsigned burst_next;
static int act_count(const struct rte_mp_msg *m, const void *peer)
{
	unsigned i;

	(void)peer;
	memcpy(&i, m->param, sizeof(i));
	if (i != burst_next++)
		t_tell("disorder %u wanted %u", i, burst_next - 1);
	if (m->len_param == 4)
		t_tell("end %u", i);
	return 0;
}

static int on_reply(const struct rte_mp_msg *req, const struct rte_mp_reply *r)
{
	(void)req;
	t_tell("cb %d %d %s", r->nb_sent, r->nb_received, r->nb_received > 0 ? (const char *)r->msgs[0].param : "-");
	return 0;
}

static rte_mp_t by_name(const char *how)
{
	static const struct {
		const char *how;
		rte_mp_t fn;
	} all[] = {{"echo", act_echo}, {"none", act_none},     {"fail", act_fail},  {"hold", act_hold},
		   {"fds", act_fds},   {"nested", act_nested}, {"count", act_count}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i].how, how) == 0)
			return all[i].fn;
	return NULL;
}

static void result(int r)
{
	if (r == 0)
		t_tell("ok");
	else
		t_tell("err %d", rte_errno);
}

static void fill(struct rte_mp_msg *m, const char *name, const char *text)
{
	memset(m, 0, sizeof(*m));
	snprintf(m->name, sizeof(m->name), "%s", name);
	snprintf((char *)m->param, sizeof(m->param), "%s", text);
	m->len_param = (int)strlen(text);
}

static void do_request(const char *name, const char *text, long ms, const char *file)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	struct rte_mp_reply rep;
	struct rte_mp_msg m;
	int r;

	fill(&m, name, text);
	if (file[0] != '\0') {
		m.fds[0] = open(file, O_RDONLY | O_CLOEXEC);
		m.num_fds = 1;
	}
	r = rte_mp_request_sync(&m, &rep, ms >= 0 ? &ts : NULL);
	t_tell("ret %d %d %d %d %s %d", r, r != 0 ? rte_errno : 0, rep.nb_sent, rep.nb_received,
	       rep.nb_received > 0 && rep.msgs[0].len_param > 0 ? (char *)rep.msgs[0].param : "-",
	       rep.nb_received > 0 ? rep.msgs[0].num_fds : 0);
	for (int i = 0; i < rep.nb_received; i++)
		for (int k = 0; k < rep.msgs[i].num_fds; k++)
			close(rep.msgs[i].fds[k]);
	free(rep.msgs);
	if (m.num_fds == 1)
		close(m.fds[0]);
}

static void do_burst(const char *name, unsigned n)
{
	struct rte_mp_msg m = {0};

	snprintf(m.name, sizeof(m.name), "%s", name);
	for (unsigned i = 0; i < n; i++) {
		memcpy(m.param, &i, sizeof(i));
		m.len_param = i + 1 == n ? 4 : 256;
		if (rte_mp_sendmsg(&m) != 0) {
			t_tell("err %d %u", rte_errno, i);
			return;
		}
	}
	t_tell("ok %u", n);
}

static void command(const char *line)
{
	char cmd[32] = "", a[64] = "", b[300] = "", d[256] = "";
	struct rte_mp_msg m;
	long ms = 0;

	sscanf(line, "%31s %63s %299s %ld %255s", cmd, a, b, &ms, d);
	if (strcmp(cmd, "reg") == 0) {
		result(rte_mp_action_register(a, by_name(b)));
	} else if (strcmp(cmd, "unreg") == 0) {
		rte_mp_action_unregister(a);
		t_tell("ok");
	} else if (strcmp(cmd, "send") == 0) {
		fill(&m, a, b);
		result(rte_mp_sendmsg(&m));
	} else if (strcmp(cmd, "sendfd") == 0) {
		fill(&m, a, "f");
		m.fds[0] = open(b, O_RDONLY | O_CLOEXEC);
		m.num_fds = 1;
		result(rte_mp_sendmsg(&m));
		close(m.fds[0]);
	} else if (strcmp(cmd, "burst") == 0) {
		do_burst(a, (unsigned)atoi(b));
	} else if (strcmp(cmd, "req") == 0) {
		do_request(a, b, ms, d);
	} else if (strcmp(cmd, "areq") == 0) {
		struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

		fill(&m, a, b);
		result(rte_mp_request_async(&m, &ts, on_reply));
	} else if (strcmp(cmd, "reply") == 0) {
		pthread_mutex_lock(&held_lock);
		fill(&m, held_name[0], "held");
		pthread_mutex_unlock(&held_lock);
		result(rte_mp_reply(&m, held_peer[0]));
	} else if (strcmp(cmd, "fds") == 0) {
		t_tell("fds %u", t_open_fds(getpid()));
	} else if (strcmp(cmd, "cleanup") == 0) {
		result(rte_eal_cleanup());
	} else if (strcmp(cmd, "exit") == 0) {
		_exit(0);
	}
}

ROLE(peer)
{
	char *av[16] = {(char *)"peer", (char *)"--proc-type", argv[1], (char *)"-l", (char *)"0"};
	char line[512];
	int n = 5;

	for (int i = 2; i < argc && n < 15; i++)
		av[n++] = argv[i];
	if (rte_eal_init(n, av) < 0) {
		t_tell("failed %d", rte_errno);
		return 1;
	}
	t_tell("up");
	while (t_hear(line, sizeof(line)))
		command(line);
	rte_eal_cleanup();
	return 0;
}

struct t_proc *peer_up_opt(const char *role, const char *opt)
{
	struct t_proc *p = t_spawn("peer", role, opt, NULL);

	t_expect(p, "up");
	return p;
}

struct t_proc *peer_up(const char *role)
{
	return peer_up_opt(role, NULL);
}

const char *peer_do(struct t_proc *p, const char *want, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	t_say(p, line);
	return t_expect(p, want);
}
