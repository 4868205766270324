/* SPDX-License-Identifier: BSD-3-Clause */
/* member_role.c - see member_role.h */
#include "member_act.h"
#include "member_role.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <shoal.h>

static struct timespec *limit(const char *ms, struct timespec *ts)
{
	long v = atol(ms);

	*ts = (struct timespec){.tv_sec = v / 1000, .tv_nsec = v % 1000 * 1000000};
	return v < 0 ? NULL : ts;
}

static void result(int r)
{
	if (r == 0)
		t_tell("ok");
	else
		t_tell("err %d", rte_errno);
}

/* ---- commands; a[0] is the command ---- */

static void c_reg(char **a)
{
	result(rte_mp_action_register(a[1], m_action(a[2])));
}

static void c_sreg(char **a)
{
	result(shoal_action_register(a[1], m_shoal_action, strdup(a[2])));
}

static void c_unreg(char **a)
{
	rte_mp_action_unregister(a[1]);
	t_tell("ok");
}

static void c_wunreg(char **a)
{
	rte_mp_action_unregister(a[1]);
	t_tell("unregistered %s", a[1]);
}

static void c_drain(char **a)
{
	struct timespec ts;

	result(shoal_mp_action_drain(a[1], limit(a[2], &ts)));
}

static void c_send(char **a)
{
	struct rte_mp_msg m;

	m_fill(&m, a[1], atol(a[2]), (unsigned)atoi(a[3]));
	result(rte_mp_sendmsg(&m));
	m_close(m.fds, m.num_fds);
}

static void c_req(char **a)
{
	struct rte_mp_reply r;
	struct rte_mp_msg m;
	struct timespec ts;
	bool good = true;
	int ret, nfds = 0;

	memset(&r, 0xee, sizeof(r));
	m_fill(&m, a[1], atol(a[2]), (unsigned)atoi(a[4]));
	ret = rte_mp_request_sync(&m, &r, limit(a[3], &ts));
	for (int i = 0; i < r.nb_received; i++) {
		struct rte_mp_msg *o = &r.msgs[i];

		good = good && strcmp(o->name, a[1]) == 0 && m_painted(o->param, (size_t)o->len_param) && m_clean(o);
		nfds += o->num_fds;
		m_close(o->fds, o->num_fds);
	}
	t_tell("ret %d %d %d %d %s %d", ret, ret != 0 ? rte_errno : 0, r.nb_sent, r.nb_received,
	       r.msgs == NULL ? "null"
	       : good	      ? "good"
			      : "bad",
	       nfds);
	free(r.msgs);
	m_close(m.fds, m.num_fds);
}

static int on_reply(const struct rte_mp_msg *q, const struct rte_mp_reply *r)
{
	(void)q;
	for (int i = 0; i < r->nb_received; i++)
		m_close(r->msgs[i].fds, r->msgs[i].num_fds);
	t_tell("cb %d %d %s", r->nb_sent, r->nb_received, r->msgs == NULL ? "null" : "msgs");
	return 0;
}

static void c_areq(char **a)
{
	struct rte_mp_msg m;
	struct timespec ts;

	m_fill(&m, a[1], atol(a[2]), (unsigned)atoi(a[4]));
	result(rte_mp_request_async(&m, limit(a[3], &ts), on_reply));
	m_close(m.fds, m.num_fds);
}

struct to {
	uint64_t id[256];
	unsigned n;
	struct shoal_msg m;
	unsigned char *data;
	int fds[300];
	struct timespec ts, *lim;
};

/* TO NAME LEN MS NFDS, from a[1] on */
static struct to *parse(char **a)
{
	struct to *t = calloc(1, sizeof(*t));
	long len = atol(a[3]);
	char *save = NULL;

	for (char *p = strtok_r(a[1], ",", &save); p != NULL; p = strtok_r(NULL, ",", &save))
		t->id[t->n++] = *p == 'P'   ? SHOAL_TO_PRIMARY
				: *p == 'S' ? SHOAL_TO_SECONDARIES
				: *p == 'O' ? SHOAL_TO_OTHERS
					    : strtoull(p, NULL, 10);
	t->data = malloc((size_t)len + 1);
	m_paint(t->data, (size_t)len);
	t->m = (struct shoal_msg){.name = a[2], .data = t->data, .len = (size_t)len, .fds = t->fds};
	t->m.num_fds = m_open(t->fds, (unsigned)atoi(a[5]));
	t->lim = limit(a[4], &t->ts);
	return t;
}

static void done(struct to *t)
{
	m_close(t->fds, (int)t->m.num_fds);
	free(t->data);
	free(t);
}

static void c_ssend(char **a)
{
	enum shoal_outcome o[256] = {0};
	char out[2048] = "";
	size_t n = 0;
	struct to *t = parse(a);
	int r = shoal_send(t->id, t->n, &t->m, t->lim, o), e = rte_errno;

	for (unsigned i = 0; i < t->n; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%d", i != 0 ? "," : "", o[i]);
	t_tell("ssend %d %d %s", r, r != 0 ? e : 0, out);
	done(t);
}

static void c_sreq(char **a)
{
	struct shoal_answers *ans = NULL;
	char out[2048] = "";
	size_t n = 0;
	struct to *t = parse(a);
	int r = shoal_request(t->id, t->n, &t->m, t->lim, &ans), e = rte_errno;

	for (unsigned i = 0; ans != NULL && i < ans->n; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%d/%zu/%s", i != 0 ? "," : "", ans->a[i].outcome,
				      ans->a[i].len, m_painted(ans->a[i].data, ans->a[i].len) ? "good" : "bad");
	t_tell("sreq %d %d %u %u %s", r, r != 0 ? e : 0, ans != NULL ? ans->n : 0, ans != NULL ? ans->answered : 0,
	       out);
	shoal_answers_free(ans);
	done(t);
}

static void on_answers(const struct shoal_answers *ans, void *arg)
{
	char out[2048] = "";
	size_t n = 0;

	(void)arg;
	for (unsigned i = 0; i < ans->n; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%d", i != 0 ? "," : "", ans->a[i].outcome);
	t_tell("scb %u %u %s", ans->n, ans->answered, out);
}

static void c_sareq(char **a)
{
	uint64_t handle = 0;
	struct to *t = parse(a);
	int r = shoal_request_async(t->id, t->n, &t->m, t->lim, on_answers, NULL, &handle);

	if (r == 0)
		t_tell("ok %llu", (unsigned long long)handle);
	else
		t_tell("err %d", rte_errno);
	done(t);
}

static void c_cancel(char **a)
{
	result(shoal_request_cancel(strtoull(a[1], NULL, 10)));
}

struct late {
	struct m_held to;
	unsigned nfds;
	long len;
	bool shoal;
};

static void *late(void *arg)
{
	struct late *l = arg;

	if (l->shoal) {
		unsigned char *d = malloc((size_t)l->len + 1);
		struct shoal_msg m = {.data = d, .len = (size_t)l->len};

		m_paint(d, (size_t)l->len);
		result(shoal_reply(l->to.peer, &m));
		free(d);
	} else {
		struct rte_mp_msg m;

		m_fill(&m, l->to.name, l->len, l->nfds);
		result(rte_mp_reply(&m, l->to.peer));
		m_close(m.fds, m.num_fds);
	}
	return NULL;
}

static void answer(char **a, bool same)
{
	struct late l = {
		.to = m_oldest(same), .len = atol(a[1]), .nfds = (unsigned)atoi(a[2]), .shoal = a[0][0] == 's'};
	pthread_t th;

	if (pthread_create(&th, NULL, late, &l) == 0)
		pthread_join(th, NULL);
}

static void c_reply(char **a)
{
	answer(a, false);
}

static void c_rereply(char **a)
{
	answer(a, true);
}

static void c_go(char **a)
{
	(void)a;
	sem_post(&m_go);
}

static void c_count(char **a)
{
	struct shoal_mp_counters c;

	if (shoal_mp_counters(strtoull(a[1], NULL, 10), &c) != 0)
		t_tell("err %d", rte_errno);
	else
		t_tell("count %d %d %d %d %d %d %d %d", (int)c.sent, (int)c.received, (int)c.dropped_malformed,
		       (int)c.dropped_unknown, (int)c.dropped_late, (int)c.dropped_stale, (int)c.refused, (int)c.full);
}

static void c_fds(char **a)
{
	(void)a;
	t_tell("fds %u", t_open_fds(getpid()));
}

static void c_cleanup(char **a)
{
	(void)a;
	result(rte_eal_cleanup());
}

static void c_again(char **a)
{
	if (!m_init(a[1], NULL))
		t_tell("failed %d", rte_errno);
}

static void c_exit(char **a)
{
	(void)a;
	_exit(0);
}

static void c_nofile(char **a)
{
	struct rlimit rl;

	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = (rlim_t)atol(a[1]);
	t_tell(setrlimit(RLIMIT_NOFILE, &rl) == 0 ? "ok" : "err");
}

static void c_disable(char **a)
{
	(void)a;
	t_tell(rte_mp_disable() ? "true" : "false");
}

static void c_primary(char **a)
{
	(void)a;
	t_tell("primary %llu", (unsigned long long)shoal_member_primary());
}

static void run(char *line);

static void *thread_main(void *line)
{
	run(line);
	free(line);
	return NULL;
}

static void run(char *line)
{
	static const struct {
		const char *name;
		void (*fn)(char **a);
	} all[] = {{"reg", c_reg},	   {"sreg", c_sreg},	 {"unreg", c_unreg},	 {"drain", c_drain},
		   {"send", c_send},	   {"req", c_req},	 {"areq", c_areq},	 {"ssend", c_ssend},
		   {"sreq", c_sreq},	   {"sareq", c_sareq},	 {"wunreg", c_wunreg},	 {"cancel", c_cancel},
		   {"reply", c_reply},	   {"sreply", c_reply},	 {"go", c_go},		 {"count", c_count},
		   {"rereply", c_rereply}, {"fds", c_fds},	 {"cleanup", c_cleanup}, {"again", c_again},
		   {"exit", c_exit},	   {"nofile", c_nofile}, {"disable", c_disable}, {"primary", c_primary}};
	char none[] = "0", *a[8] = {none, none, none, none, none, none, none, none}, *save = NULL;
	int n = 0;

	if (strncmp(line, "t ", 2) == 0) {
		pthread_t th;

		if (pthread_create(&th, NULL, thread_main, strdup(line + 2)) == 0)
			pthread_detach(th);
		return;
	}
	for (char *p = strtok_r(line, " ", &save); p != NULL && n < 8; p = strtok_r(NULL, " ", &save))
		a[n++] = p;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(a[0], all[i].name) == 0) {
			all[i].fn(a);
			return;
		}
	t_tell("what is %s", a[0]);
}

bool m_init(const char *type, const char *opt)
{
	char *av[] = {(char *)"m",  (char *)"--proc-type", (char *)(uintptr_t)type,
		      (char *)"-l", (char *)"0",	   (char *)(uintptr_t)opt,
		      NULL};

	if (rte_eal_init(opt != NULL ? 6 : 5, av) < 0)
		return false;
	t_tell("up %llu", (unsigned long long)shoal_member_self());
	return true;
}

ROLE(m)
{
	char line[4096];

	sem_init(&m_go, 0, 0);
	if (!m_init(argv[1], argc > 2 ? argv[2] : NULL)) {
		t_tell("failed %d", rte_errno);
		return 1;
	}
	while (t_hear(line, sizeof(line)))
		run(line);
	rte_eal_cleanup();
	return 0;
}

struct t_proc *m_up(const char *type, const char *opt)
{
	return t_spawn("m", type, opt, NULL);
}

uint64_t m_id(struct t_proc *p)
{
	return strtoull(t_expect(p, "up ") + 3, NULL, 10);
}

const char *m_do(struct t_proc *p, const char *want, const char *fmt, ...)
{
	char line[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	t_say(p, line);
	return t_expect(p, want);
}

const char *m_fmt(const char *fmt, ...)
{
	static char line[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return line;
}
