/* SPDX-License-Identifier: BSD-3-Clause */
/* fd_role.c - see fd_role.h */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <shoal.h>
#include <shoal_fd.h>
#include <shoal_member.h>

#include "fd_role.h"

typedef unsigned long long ull;

static sem_t go;

static struct timespec *limit(const char *ms, struct timespec *ts)
{
	long v = atol(ms);

	*ts = (struct timespec){.tv_sec = v / 1000, .tv_nsec = v % 1000 * 1000000};
	return v < 0 ? NULL : ts;
}

static void result(int r)
{
	if (r >= 0)
		t_tell("ok");
	else
		t_tell("err %d", rte_errno);
}

static void do_reg(const char *name, const char *ms)
{
	struct shoal_fd_blob b = {.type = 7, .len = (uint32_t)strlen(name)};
	struct timespec ts;
	int fd = memfd_create("thing", MFD_CLOEXEC);

	CHECK(fd >= 0 && write(fd, name, strlen(name)) == (ssize_t)strlen(name));
	memcpy(b.data, name, b.len);
	result(shoal_fd_register(name, fd, &b, limit(ms, &ts)));
	close(fd);
}

static void do_get(const char *name, const char *ms)
{
	struct shoal_fd_blob b = {0};
	struct timespec ts;
	char text[80] = "";
	int fd = shoal_fd_get(name, &b, limit(ms, &ts));

	if (fd < 0) {
		t_tell("err %d", rte_errno);
		return;
	}
	CHECK(fd > 2 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK(pread(fd, text, sizeof(text) - 1, 0) > 0);
	CHECK(b.len == strlen(text) && memcmp(b.data, text, b.len) == 0);
	t_tell("got %d %u %u %s", fd, b.type, b.len, text);
}

static int act_get(const struct shoal_in *in, void *arg)
{
	(void)arg;
	do_get(in->data, "5000");
	return 0;
}

static int act_echo(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg m = {.len_param = 0};

	(void)msg;
	memcpy(m.name, "echo", 5);
	return rte_mp_reply(&m, peer);
}

static void ask_inside(void)
{
	struct rte_mp_msg m = {.len_param = 0};
	struct rte_mp_reply r = {0};
	struct timespec ts = {.tv_sec = 15};
	void *block = rte_malloc(NULL, 1 << 20, 0);
	int e, fd;

	memcpy(m.name, "echo", 5);
	e = rte_mp_request_sync(&m, &r, &ts);
	free(r.msgs);
	fd = shoal_fd_get("other", NULL, &ts);
	t_tell("asked %d %d", block != NULL && e == 0 && r.nb_received == 1, fd >= 0);
	rte_free(block);
	if (fd >= 0)
		shoal_fd_put(fd);
}

static int on_fd(void *arg, enum shoal_fd_event ev, const char *name, int fd)
{
	const char *how = arg;

	CHECK(ev == SHOAL_FD_REVOKED && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	t_tell("revoked %s", name);
	if (strcmp(how, "busy") == 0)
		while (sem_wait(&go) != 0)
			;
	if (strcmp(how, "ask") == 0)
		ask_inside();
	return strcmp(how, "keep") == 0;
}

static void *filled[65536];
static unsigned n_filled;

static void fill(void)
{
	int fd;

	while (n_filled < N(filled) && (fd = dup(0)) >= 0)
		filled[n_filled++] = (void *)(intptr_t)fd;
	CHECK(errno == EMFILE);
}

static struct {
	const char *name;
	int n;
	atomic_int bad;
} many;

static void *get_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < many.n; i++) {
		int fd = shoal_fd_get(many.name, NULL, NULL);

		many.bad += fd < 0 || fcntl(fd, F_GETFD) != FD_CLOEXEC;
		many.bad += fd >= 0 && shoal_fd_put(fd) != 0;
	}
	return NULL;
}

static void run_many(const char *name, int threads, int n)
{
	pthread_t t[16];

	many.name = name;
	many.n = n;
	for (int i = 0; i < threads; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, get_many, NULL), 0);
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	t_tell("many %d", many.bad);
}

static void show(const char *name)
{
	int n = shoal_fd_holders(name, NULL, 0);

	if (n < 0)
		t_tell("err %d", rte_errno);
	else
		t_tell("holders %d", n);
}

static void obey(char **a);

static void *do_thread(void *line)
{
	char *a[8] = {0}, *save = NULL;

	for (int i = 0; i < 7 && (a[i] = strtok_r(i == 0 ? line : NULL, " ", &save)) != NULL; i++)
		;
	obey(a + 1);
	free(line);
	return NULL;
}

static char how_now[16];

static void set_cb(const char *how)
{
	snprintf(how_now, sizeof(how_now), "%s", how);
	result(shoal_fd_event_register(on_fd, how_now));
}

static void fds(void)
{
	t_tell("fds %u", t_open_fds(getpid()));
}

static void send_get(const char *id, const char *name)
{
	struct shoal_msg m = {.name = "get", .data = name, .len = strlen(name) + 1};
	uint64_t to = strtoull(id, NULL, 10);

	CHECK_EQ(shoal_send(&to, 1, &m, NULL, NULL), 0);
}

static void obey(char **a)
{
	struct timespec ts;

	if (strcmp(a[0], "reg") == 0)
		do_reg(a[1], a[2]);
	else if (strcmp(a[0], "get") == 0)
		do_get(a[1], a[2]);
	else if (strcmp(a[0], "put") == 0)
		result(shoal_fd_put(atoi(a[1])));
	else if (strcmp(a[0], "revoke") == 0)
		result(shoal_fd_revoke(a[1], limit(a[2], &ts)));
	else if (strcmp(a[0], "holders") == 0)
		show(a[1]);
	else if (strcmp(a[0], "names") == 0)
		t_tell("names %d", shoal_fd_list(NULL, 0));
	else if (strcmp(a[0], "dump") == 0)
		shoal_fd_dump(stdout), fflush(stdout);
	else if (strcmp(a[0], "cb") == 0)
		set_cb(a[1]);
	else if (strcmp(a[0], "nocb") == 0)
		result(shoal_fd_event_unregister(on_fd, how_now));
	else if (strcmp(a[0], "fds") == 0)
		fds();
	else if (strcmp(a[0], "fill") == 0)
		fill(), t_tell("ok");
	else if (strcmp(a[0], "doget") == 0)
		send_get(a[1], a[2]);
	else if (strcmp(a[0], "many") == 0)
		run_many(a[1], atoi(a[2]), atoi(a[3]));
	else if (strcmp(a[0], "go") == 0)
		sem_post(&go);
	else if (strcmp(a[0], "unfill") == 0) {
		while (n_filled > 0)
			close((int)(intptr_t)filled[--n_filled]);
		t_tell("ok");
	}
}

ROLE(f)
{
	struct rlimit few = {.rlim_cur = 700, .rlim_max = 700};
	char line[256], *a[8], *save;
	pthread_t t[32];
	unsigned n = 0;

	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	if (!m_init(argv[1], NULL))
		return 1;
	sem_init(&go, 0, 0);
	shoal_action_register("get", act_get, NULL);
	rte_mp_action_register("echo", act_echo);
	t_tell("ready");
	while (t_hear(line, sizeof(line)) && strcmp(line, "bye") != 0) {
		if (strncmp(line, "t ", 2) == 0) {
			CHECK(n < N(t));
			CHECK_EQ(pthread_create(&t[n++], NULL, do_thread, strdup(line)), 0);
			continue;
		}
		memset(a, 0, sizeof(a));
		for (int i = 0; i < 7 && (a[i] = strtok_r(i == 0 ? line : NULL, " ", &save)) != NULL; i++)
			;
		obey(a);
	}
	if (getenv("CLEANUP_FIRST") == NULL)
		while (n > 0)
			pthread_join(t[--n], NULL);
	CHECK_EQ(rte_eal_cleanup(), 0);
	while (n > 0)
		pthread_join(t[--n], NULL);
	return 0;
}

/* ---- the case's side ---- */

struct f fd_up(const char *type)
{
	struct f f = {.p = t_spawn("f", type, NULL)};

	snprintf(f.id, sizeof(f.id), "%llu", (ull)m_id(f.p));
	t_expect(f.p, "ready");
	return f;
}

void fd_bye(struct f *f)
{
	t_say(f->p, "bye");
	CHECK_EQ(t_wait(f->p), 0);
}

void fd_killed(struct f *f)
{
	t_kill(f->p, SIGKILL);
	CHECK_EQ(t_wait(f->p), 128 + SIGKILL);
}

/* its descriptor */
int fd_gets(struct f *f, const char *name)
{
	char text[80], want[80];
	unsigned type, len;
	int fd;

	SAY(*f, "get %s 15000", name);
	CHECK_EQ(sscanf(t_expect(f->p, "got"), "got %d %u %u %79s", &fd, &type, &len, text), 4);
	snprintf(want, sizeof(want), "%s", name);
	CHECK_STR(text, want);
	CHECK(type == 7 && len == strlen(name));
	return fd;
}

struct settles {
	pid_t pid;
	unsigned want;
};

static bool has_fds(void *arg)
{
	struct settles *s = arg;

	return t_open_fds(s->pid) == s->want;
}

/* it has as many open descriptors as before, or will as soon as what it was told has been done */
void fd_are(struct f *f, unsigned want)
{
	struct settles s = {.pid = f->p->pid, .want = want};

	t_until(has_fds, &s);
}

/* whoever took somebody in has closed its end of that connection, which bears the name of its listening socket */
static bool joins_are_over(void *arg)
{
	FILE *f = fopen("/proc/net/unix", "re");
	char line[512];
	unsigned flags;
	bool open = false;

	(void)arg;
	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		open = open || (strstr(line, t_tmpdir()) != NULL && strstr(line, "/join_") != NULL &&
				sscanf(line, "%*s %*s %*s %x", &flags) == 1 && flags == 0); /* the others listen */
	fclose(f);
	return !open;
}

/* members know each other's cards when they say so, and joins are over: then their number of descriptors rests */
void fd_settle(struct f *all[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < n; k++) {
			if (i == k)
				continue;
			SAY(*all[i], "doget %s none", all[k]->id);
			CHECK_STR(t_expect(all[k]->p, "err"), m_fmt("err %d", ENOENT));
		}
	}
	t_until(joins_are_over, NULL);
	for (unsigned i = 0; i < n; i++)
		all[i]->fds = t_open_fds(all[i]->p->pid);
}
struct name {
	struct f *f;
	const char *ask, *want;
};

static bool answers(void *arg)
{
	struct name *n = arg;

	SAY(*n->f, "%s", n->ask);
	return strcmp(t_expect(n->f->p, ""), n->want) == 0;
}

/* ask again until the answer is that: what others have begun takes a moment */
void fd_comes(struct f *f, const char *ask, const char *want)
{
	struct name n = {.f = f, .ask = ask, .want = want};

	t_until(answers, &n);
}
