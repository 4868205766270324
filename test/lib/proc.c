/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proc.c - what cases and roles call: fail and skip, start programs, talk to them, wait. See check.h.
 *
 * The reason of a case is written by the case's own process only: a role or a forked child that fails says so on its
 * stderr and ends with 1, and the case decides what that means.
 */
#include "check.h"
#include "check_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void t_set_base(const char *base)
{
	snprintf(t_here.base, sizeof(t_here.base), "%s", base);
	snprintf(t_here.dir, sizeof(t_here.dir), "%.60s/r", base);
	snprintf(t_here.logs, sizeof(t_here.logs), "%.60s/l", base);
}

__attribute__((noreturn)) static void end(int status, const char *why)
{
	char path[512];
	int fd;

	fflush(NULL);
	if (t_here.case_pid == getpid()) {
		snprintf(path, sizeof(path), "%s/why", t_here.logs);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0) {
			dprintf(fd, "%s\n", why);
			close(fd);
		}
	}
	_exit(status);
}

void t_fail(const char *file, int line, const char *fmt, ...)
{
	const char *name = strrchr(file, '/');
	char why[2048];
	va_list ap;
	int n;

	n = snprintf(why, sizeof(why), "%s:%d: ", name != NULL ? name + 1 : file, line);
	va_start(ap, fmt);
	vsnprintf(why + n, sizeof(why) - (size_t)n, fmt, ap);
	va_end(ap);
	for (char *c = why; *c != '\0'; c++) /* the reason of a case is one line */
		if (*c == '\n')
			*c = '|';
	dprintf(2, "CHECK FAILED %s\n", why);
	end(1, why);
}

void t_skip(const char *fmt, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	end(T_EXIT_SKIP, why);
}

void t_check_str(const char *file, int line, const char *what, const char *a, const char *b)
{
	if (a == NULL || b == NULL ? a != b : strcmp(a, b) != 0)
		t_fail(file, line, "%s is \"%s\", not \"%s\"", what, a != NULL ? a : "(null)",
		       b != NULL ? b : "(null)");
}

/* of something long the end, which is what was said last */
static const char *last_of(const char *text)
{
	size_t n = strlen(text);

	return n > 900 ? text + n - 900 : text;
}

void t_check_has(const char *file, int line, const char *what, const char *hay, const char *needle)
{
	if (hay == NULL || strstr(hay, needle) == NULL)
		t_fail(file, line, "%s has no \"%s\": \"%s\"", what, needle, hay != NULL ? last_of(hay) : "(null)");
}

static struct t_proc *start(const char *what, const char *const argv[])
{
	static atomic_int serial; /* one per process: names the stderr files */
	static struct t_proc *_Atomic all;
	struct t_proc *p = calloc(1, sizeof(*p));
	int in[2], out[2], err;

	if (p == NULL || pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		t_fail(__FILE__, __LINE__, "cannot start %s: %s", what, strerror(errno));
	p->next = atomic_load(&all);
	while (!atomic_compare_exchange_weak(&all, &p->next, p))
		;
	snprintf(p->what, sizeof(p->what), "%s", what);
	snprintf(p->errfile, sizeof(p->errfile), "%s/%d-%d-%.40s.stderr", t_here.logs, (int)getpid(),
		 atomic_fetch_add(&serial, 1), what);
	err = open(p->errfile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	fflush(NULL);
	p->pid = fork();
	if (p->pid == 0) {
		if (dup2(in[0], 0) < 0 || dup2(out[1], 1) < 0 || dup2(err, 2) < 0)
			_exit(126);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		dprintf(2, "cannot exec %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	close(err);
	if (p->pid < 0)
		t_fail(__FILE__, __LINE__, "fork for %s: %s", what, strerror(errno));
	p->in = in[1];
	p->out = out[0];
	return p;
}

struct t_proc *t_spawn(const char *role, ...)
{
	const char *argv[64] = {"/proc/self/exe", "--role", role};
	int n = 3;
	va_list ap;

	va_start(ap, role);
	while (n < 63 && (argv[n] = va_arg(ap, const char *)) != NULL)
		n++;
	va_end(ap);
	argv[n] = NULL;
	return start(role, argv);
}

struct t_proc *t_exec(const char *const argv[])
{
	const char *name = strrchr(argv[0], '/');

	return start(name != NULL ? name + 1 : argv[0], argv);
}

/* read what is there; false at end of file. A line longer than the buffer is handed out in pieces. */
static bool more(struct t_proc *p)
{
	ssize_t n;

	memmove(p->buf, p->buf + p->used, p->have - p->used);
	p->have -= p->used;
	p->used = 0;
	do {
		n = read(p->out, p->buf + p->have, sizeof(p->buf) - 1 - p->have);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	p->have += (size_t)n;
	return true;
}

/* the next line without its newline, NULL when there is no whole one in the buffer */
static char *next_line(struct t_proc *p)
{
	char *at = p->buf + p->used, *nl = memchr(at, '\n', p->have - p->used);

	if (nl == NULL && p->have - p->used < sizeof(p->buf) - 1)
		return NULL;
	if (nl == NULL)
		nl = p->buf + p->have - 1;
	*nl = '\0';
	p->used = (size_t)(nl + 1 - p->buf);
	dprintf(1, "[%s %d] %s\n", p->what, (int)p->pid, at);
	return at;
}

const char *t_expect(struct t_proc *p, const char *prefix)
{
	for (;;) {
		char *line = next_line(p);
		int st;

		if (line != NULL && strncmp(line, prefix, strlen(prefix)) == 0)
			return line;
		if (line != NULL || more(p))
			continue;
		if (p->have > p->used) { /* a last line without its end */
			p->buf[p->have] = '\n';
			p->have++;
			continue;
		}
		st = t_wait(p);
		t_fail(__FILE__, __LINE__, "%s ended with %d before it said \"%s\"; stderr: %s", p->what, st, prefix,
		       last_of(t_stderr(p)));
	}
}

void t_say(struct t_proc *p, const char *line)
{
	sigset_t pipe_set, old;
	struct timespec zero = {0, 0};
	char buf[4096];
	ssize_t n;
	int len;

	len = snprintf(buf, sizeof(buf), "%s\n", line);
	if (len < 0 || (size_t)len >= sizeof(buf))
		t_fail(__FILE__, __LINE__, "line too long for t_say");
	/* the process may be gone: no SIGPIPE, and no change to the disposition, which tests look at */
	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_set, &old);
	n = write(p->in, buf, (size_t)len);
	if (n < 0 && errno == EPIPE)
		(void)sigtimedwait(&pipe_set, NULL, &zero);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (n != len)
		t_fail(__FILE__, __LINE__, "cannot say \"%s\" to %s: it has closed its stdin", line, p->what);
}

void t_kill(struct t_proc *p, int sig)
{
	siginfo_t si;

	if (p->pid > 0 && kill(p->pid, sig) < 0)
		t_fail(__FILE__, __LINE__, "kill %s: %s", p->what, strerror(errno));
	/* one thread takes the signal and stops the others; until then they run */
	if (p->pid > 0 && sig == SIGSTOP)
		(void)waitid(P_PID, (id_t)p->pid, &si, WSTOPPED | WEXITED | WNOWAIT);
}

static int as_status(int st)
{
	return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
}

int t_wait(struct t_proc *p)
{
	struct pollfd fds[2];
	pid_t got;
	int pidfd;

	if (p->pid == 0)
		return as_status(p->status);
	if (p->in >= 0)
		close(p->in);
	p->in = -1;
	/* keep its stdout flowing, so that it cannot hang on a full pipe; its children may hold the pipe longer */
	pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	fds[0] = (struct pollfd){.fd = pidfd, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = p->out, .events = POLLIN};
	while (pidfd >= 0 && poll(fds, 2, -1) >= 0 && !(fds[0].revents & POLLIN)) {
		if (fds[1].revents == 0)
			continue;
		if (p->have - p->used == sizeof(p->buf) - 1)
			p->used = p->have; /* nobody asked for it */
		if (!more(p))
			fds[1].fd = -1;
	}
	if (pidfd >= 0)
		close(pidfd);
	do {
		got = waitpid(p->pid, &p->status, 0);
	} while (got < 0 && errno == EINTR);
	if (got != p->pid)
		t_fail(__FILE__, __LINE__, "waitpid for %s: %s", p->what, strerror(errno));
	dprintf(1, "[%s %d] ended with %d\n", p->what, (int)p->pid, as_status(p->status));
	p->pid = 0;
	return as_status(p->status);
}

static const char *slurp(const char *path, char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t n;

	while (fd >= 0 && have < cap - 1 && (n = read(fd, buf + have, cap - 1 - have)) > 0)
		have += (size_t)n;
	if (fd >= 0)
		close(fd);
	buf[have] = '\0';
	return buf;
}

const char *t_stderr(struct t_proc *p)
{
	static char buf[1 << 18];

	return slurp(p->errfile, buf, sizeof(buf));
}

void t_tell(const char *fmt, ...)
{
	char buf[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf) - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(buf) - 1)
		n = (int)sizeof(buf) - 2;
	buf[n++] = '\n';
	/* one write: lines of several threads stay whole */
	if (write(1, buf, (size_t)n) != n)
		_exit(1);
}

bool t_hear(char *line, size_t cap)
{
	size_t n = 0;
	char c;

	for (;;) {
		ssize_t r = read(0, &c, 1);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		if (c == '\n')
			break;
		if (n + 1 < cap)
			line[n++] = c;
	}
	line[n] = '\0';
	return true;
}

static bool sleeps(const char *tid)
{
	char path[300], line[512] = "";
	const char *name_end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%s/stat", tid);
	f = fopen(path, "re");
	if (f == NULL)
		return true; /* it has ended */
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	name_end = strrchr(line, ')');
	return name_end == NULL || name_end[2] == 'S';
}

static bool others_sleep(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	bool all = true;

	while (d != NULL && all && (e = readdir(d)) != NULL)
		all = e->d_name[0] == '.' || atoi(e->d_name) == gettid() || sleeps(e->d_name);
	if (d != NULL)
		closedir(d);
	return all;
}

pid_t t_fork_idle(void)
{
	static const struct timespec pause = {0, 1000000};

	for (unsigned looks = 0, idle = 0; T_SANITIZED && looks < 1000 && idle < 3; looks++) {
		idle = others_sleep() ? idle + 1 : 0;
		nanosleep(&pause, NULL);
	}
	return fork();
}

int t_fork(void (*fn)(void *), void *arg, char *err, size_t cap)
{
	static atomic_int serial;
	static char all[1 << 18];
	char path[512];
	pid_t pid, got;
	int fd, st;

	snprintf(path, sizeof(path), "%s/%d-fork%d.stderr", t_here.logs, (int)getpid(), atomic_fetch_add(&serial, 1));
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	fflush(NULL);
	pid = t_fork_idle();
	if (pid == 0) {
		dup2(fd, 2);
		fn(arg);
		exit(0);
	}
	close(fd);
	if (pid < 0)
		t_fail(__FILE__, __LINE__, "fork: %s", strerror(errno));
	do {
		got = waitpid(pid, &st, 0);
	} while (got < 0 && errno == EINTR);
	if (got != pid)
		t_fail(__FILE__, __LINE__, "waitpid: %s", strerror(errno));
	if (err != NULL && cap > 0)
		snprintf(err, cap, "%s", slurp(path, all, sizeof(all)));
	return as_status(st);
}

const char *t_tmpdir(void)
{
	return t_here.dir;
}

unsigned t_open_fds(pid_t pid)
{
	char path[64];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	if (d == NULL)
		t_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return pid == getpid() ? n - 1 : n; /* opendir's own */
}

void t_until(bool (*pred)(void *), void *arg)
{
	long ns = 20000;

	while (!pred(arg)) {
		struct timespec ts = {.tv_nsec = ns};

		nanosleep(&ts, NULL); /* sleep: for what has no event to wait for, looked at ever more rarely */
		ns = ns < 5000000 ? ns * 2 : 10000000;
	}
}
