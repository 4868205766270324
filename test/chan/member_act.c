/* SPDX-License-Identifier: BSD-3-Clause */
/* member_act.c - the actions of the role "m", and what its messages are made of. See member_role.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <shoal.h>

#include "member_act.h"
#include "member_role.h"

static struct m_held held[M_HELD];
static unsigned n_replied;
sem_t m_go;
static unsigned n_held;
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned char at(size_t i)
{
	return (unsigned char)(i * 31 + i / 251 + 7);
}

void m_paint(unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = at(i);
}

bool m_painted(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != at(i))
			return false;
	return true;
}

bool m_clean(const struct rte_mp_msg *m)
{
	for (int i = m->len_param; i < RTE_MP_MAX_PARAM_LEN; i++)
		if (m->param[i] != 0)
			return false;
	return true;
}

void m_close(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		if (close(fds[i]) < 0)
			t_tell("badfd %d", fds[i]);
}

unsigned m_open(int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return n;
}

/* a message whose unused parts are full of what must not be looked at */
void m_fill(struct rte_mp_msg *m, const char *name, long len, unsigned nfds)
{
	memset(m, 0xee, sizeof(*m));
	for (unsigned i = 0; i < RTE_MP_MAX_FD_NUM; i++)
		m->fds[i] = (int)(i % 3 != 0 ? i : 0x7fffff00 + i);
	snprintf(m->name, sizeof(m->name), "%s", name);
	m->len_param = (int)len;
	if (len > 0 && len <= RTE_MP_MAX_PARAM_LEN)
		m_paint(m->param, (size_t)len);
	m->num_fds = (int)m_open(m->fds, nfds);
}

/* ---- actions ---- */

static void got(const struct rte_mp_msg *m)
{
	t_tell("got %s %d %d %s %s", m->name, m->len_param, m->num_fds,
	       m_painted(m->param, (size_t)m->len_param) ? "good" : "bad", m_clean(m) ? "clean" : "dirty");
	m_close(m->fds, m->num_fds);
}

static void hold(const char *name, const char *peer)
{
	pthread_mutex_lock(&held_lock);
	snprintf(held[n_held % M_HELD].peer, sizeof(held[0].peer), "%s", peer);
	snprintf(held[n_held++ % M_HELD].name, sizeof(held[0].name), "%s", name);
	pthread_mutex_unlock(&held_lock);
}

struct m_held m_oldest(bool same)
{
	struct m_held h;

	pthread_mutex_lock(&held_lock);
	h = held[(same ? n_replied - 1 : n_replied++) % M_HELD];
	pthread_mutex_unlock(&held_lock);
	return h;
}

static int act_none(const struct rte_mp_msg *m, const void *peer)
{
	(void)peer;
	got(m);
	return 0;
}

static int act_echo(const struct rte_mp_msg *m, const void *peer)
{
	struct rte_mp_msg r;
	int e;

	m_fill(&r, m->name, m->len_param, (unsigned)m->num_fds);
	e = rte_mp_reply(&r, peer);
	if (e != 0)
		t_tell("noreply %d", rte_errno);
	m_close(r.fds, r.num_fds);
	got(m);
	return 0;
}

static int act_fail(const struct rte_mp_msg *m, const void *peer)
{
	(void)peer;
	got(m);
	return -1;
}

static int act_hold(const struct rte_mp_msg *m, const void *peer)
{
	hold(m->name, peer);
	got(m);
	return 0;
}

static int act_block(const struct rte_mp_msg *m, const void *peer)
{
	(void)peer;
	got(m);
	while (sem_wait(&m_go) < 0)
		;
	t_tell("done %s", m->name);
	return 0;
}

/* answers the oldest held request from inside an action: no waiting for room */
/* who asks, and is it the process that asked before? */
static int act_who(const struct rte_mp_msg *m, const void *peer)
{
	static char before[256];

	t_tell("who %llu %s", (unsigned long long)shoal_peer_member(peer),
	       shoal_peer_cmp(before, peer) == 0 ? "again" : "new");
	snprintf(before, sizeof(before), "%s", (const char *)peer);
	return act_echo(m, peer);
}

static int act_answer(const struct rte_mp_msg *m, const void *peer)
{
	struct m_held h = m_oldest(false);
	struct rte_mp_msg r;
	int e;

	(void)peer;
	m_fill(&r, h.name, 1, 0);
	e = rte_mp_reply(&r, h.peer);
	t_tell("answered %d %d", e, e != 0 ? rte_errno : 0);
	got(m);
	return 0;
}

/* answers with three fds */
static int act_fdsback(const struct rte_mp_msg *m, const void *peer)
{
	struct rte_mp_msg r;

	m_fill(&r, m->name, 1, 3);
	if (rte_mp_reply(&r, peer) != 0)
		t_tell("noreply %d", rte_errno);
	m_close(r.fds, r.num_fds);
	return 0;
}

/* asks back under the name "h" and waits */
static int act_ask(const struct rte_mp_msg *m, const void *peer)
{
	struct rte_mp_reply rep;
	struct rte_mp_msg q;
	struct timespec ts = {.tv_sec = 18};
	int e;

	(void)peer;
	m_fill(&q, "h", 1, 0);
	e = rte_mp_request_sync(&q, &rep, &ts);
	t_tell("asked %d %d", e, e != 0 ? rte_errno : 0);
	free(rep.msgs);
	got(m);
	return 0;
}

static int act_unreg(const struct rte_mp_msg *m, const void *peer)
{
	struct timespec none = {0};
	int e;

	(void)peer;
	rte_mp_action_unregister(m->name); /* must not wait for itself */
	e = shoal_mp_action_drain(m->name, &none);
	t_tell("unregistered drain %d %d", e, rte_errno);
	got(m);
	return 0;
}

static int sact(const struct shoal_in *in, const char *how)
{
	t_tell("got %s %zu %u %s %s", in->name, in->len, in->num_fds, m_painted(in->data, in->len) ? "good" : "bad",
	       in->len == 0 && in->data != NULL ? "dirty" : "clean");
	if (strcmp(how, "echo") == 0) {
		struct shoal_msg r = {.data = in->data, .len = in->len, .fds = in->fds, .num_fds = in->num_fds};

		if (shoal_reply(in->peer, &r) != 0)
			t_tell("noreply %d", rte_errno);
	} else if (strcmp(how, "hold") == 0) {
		hold(in->name, in->peer);
	} else if (strcmp(how, "keep") == 0) {
		for (unsigned i = 0; i < in->num_fds; i++) {
			m_close(&in->fds[i], 1);
			in->fds[i] = -1;
		}
	}
	return strcmp(how, "fail") == 0 ? -1 : 0;
}

int m_shoal_action(const struct shoal_in *in, void *how)
{
	return sact(in, how);
}

rte_mp_t m_action(const char *how)
{
	static const struct {
		const char *how;
		rte_mp_t fn;
	} all[] = {{"none", act_none},	     {"echo", act_echo},   {"fail", act_fail}, {"hold", act_hold},
		   {"block", act_block},     {"unreg", act_unreg}, {"ask", act_ask},   {"answer", act_answer},
		   {"fdsback", act_fdsback}, {"who", act_who}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(how, all[i].how) == 0)
			return all[i].fn;
	return NULL;
}
