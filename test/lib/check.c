/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check.c - the main of every test program: runs cases, reports. What a case calls is in proc.c; see check.h.
 *
 * Invariant: when a case is reported, no process it started is left, and its directory is gone.
 */
#include "check.h"
#include "check_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_CASES 1024
#define MAX_ROLES 256

static const struct t_case *cases[MAX_CASES];
static const struct t_role *roles[MAX_ROLES];
static unsigned n_cases, n_roles;
static bool verbose;
struct t_here t_here;

void t_add_case(const struct t_case *c)
{
	if (n_cases == MAX_CASES)
		abort();
	cases[n_cases++] = c;
}

void t_add_role(const struct t_role *r)
{
	if (n_roles == MAX_ROLES)
		abort();
	roles[n_roles++] = r;
}

unsigned t_slow_factor(void)
{
	const char *s = getenv("SHOAL_TEST_SLOW");
	int n = s != NULL ? atoi(s) : 0;

	return n > 0 ? (unsigned)n : T_SANITIZED ? 4 : 1; /* started by hand; ./dev always says it */
}

static int rm_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)f;
	if (flag == FTW_DNR) /* a case may take its own rights away */
		(void)chmod(path, 0700);
	(void)remove(path);
	return 0;
}

static void rm_tree(const char *dir)
{
	for (int i = 0; i < 3 && access(dir, F_OK) == 0; i++)
		(void)nftw(dir, rm_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* parent of a process, 0 when it is gone */
static pid_t parent_of(pid_t pid)
{
	char path[64], buf[512], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	p = strrchr(buf, ')');
	return p != NULL && strlen(p) > 4 ? (pid_t)atoi(p + 4) : 0;
}

/* call fn for each child of this process; returns how many there are */
static unsigned each_child(void (*fn)(pid_t))
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	unsigned n = 0;

	if (d == NULL)
		return 0;
	while ((e = readdir(d)) != NULL) {
		pid_t pid = (pid_t)atoi(e->d_name);

		if (pid > 0 && parent_of(pid) == getpid()) {
			fn(pid);
			n++;
		}
	}
	closedir(d);
	return n;
}

static void kill_child(pid_t pid)
{
	(void)kill(pid, SIGKILL);
}

/* end the case's group and whatever moved out of it: orphans become our children, layer by layer */
static void sweep(pid_t group)
{
	(void)kill(-group, SIGKILL);
	do {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		(void)kill(-group, SIGKILL);
		if (each_child(kill_child) == 0)
			return;
	} while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}

/* what a hanging process is doing: command, state and kernel function of each thread */
static void show_stuck(pid_t pid, FILE *to)
{
	char cmd[900];

	snprintf(cmd, sizeof(cmd),
		 "tr '\\0' ' ' </proc/%d/cmdline | cut -c1-200; echo;"
		 "for t in /proc/%d/task/*; do echo \"    $(cat $t/comm) $(grep State $t/status) in $(cat $t/wchan) "
		 "$(cat $t/syscall 2>/dev/null | cut -c1-80)\"; done;"
		 "if [ -n \"$SHOAL_TEST_GDB\" ]; then gdb -p %d -batch -ex 'thread apply all bt' 2>/dev/null; fi",
		 (int)pid, (int)pid, (int)pid);
	FILE *f = popen(cmd, "r");

	if (f == NULL)
		return;
	fprintf(to, "  # still there: pid %d: ", (int)pid);
	while (fgets(cmd, sizeof(cmd), f) != NULL)
		fprintf(to, "%s%s", cmd[0] == ' ' ? "  # " : "", cmd);
	pclose(f);
}

static void show_group(pid_t group)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		pid_t pid = (pid_t)atoi(e->d_name);

		if (pid > 0 && getpgid(pid) == group)
			show_stuck(pid, stdout);
	}
	if (d != NULL)
		closedir(d);
}

#define SHOWN 250 /* lines of a file, at each end */

static void show_file(const char *path, const char *title)
{
	FILE *f = fopen(path, "r");
	char line[4096];
	unsigned n = 0, all = 0;

	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL)
		all++;
	rewind(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (n++ == 0)
			printf("  # --- %s\n", title);
		if (n <= SHOWN || n + SHOWN > all)
			printf("  # %s%s", line, strchr(line, '\n') != NULL ? "" : "\n");
		else if (n == SHOWN + 1)
			printf("  # ... %u lines ...\n", all - 2 * SHOWN);
	}
	fclose(f);
}

static void show_logs(void)
{
	struct dirent **e;
	char path[512];
	int n = scandir(t_here.logs, &e, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", t_here.logs, e[i]->d_name);
		if (e[i]->d_name[0] != '.' && strcmp(e[i]->d_name, "why") != 0)
			show_file(path, e[i]->d_name);
		free(e[i]);
	}
	if (n >= 0)
		free(e);
}

/* the one line the case left behind before it ended itself; false when it left none */
static bool read_why(char *why, size_t cap)
{
	char path[512];
	FILE *f;
	bool got;

	snprintf(path, sizeof(path), "%s/why", t_here.logs);
	f = fopen(path, "r");
	if (f == NULL)
		return false;
	got = fgets(why, (int)cap, f) != NULL;
	fclose(f);
	why[strcspn(why, "\n")] = '\0';
	return got;
}

static bool make_dirs(void)
{
	const char *tmp = getenv("TMPDIR");

	/* short: socket paths have 107 bytes */
	snprintf(t_here.base, sizeof(t_here.base), "%s/sht.XXXXXX", tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
	if (mkdtemp(t_here.base) == NULL)
		return false;
	snprintf(t_here.dir, sizeof(t_here.dir), "%s/r", t_here.base);
	snprintf(t_here.logs, sizeof(t_here.logs), "%s/l", t_here.base);
	return mkdir(t_here.dir, 0700) == 0 && mkdir(t_here.logs, 0700) == 0;
}

__attribute__((noreturn)) static void run_case(const struct t_case *c, const sigset_t *mask, pid_t runner)
{
	char path[512];
	int in, out;

	setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != runner)
		_exit(1);
	snprintf(path, sizeof(path), "%s/0-case", t_here.logs);
	in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(1);
	close(in);
	close(out);
	setvbuf(stdout, NULL, _IOLBF, 0);
	setenv("RUNTIME_DIRECTORY", t_here.dir, 1);
	setenv("XDG_RUNTIME_DIR", t_here.dir, 1);
	setenv("SHOAL_TEST_BASE", t_here.base, 1);
	t_here.case_pid = getpid();
	sigprocmask(SIG_SETMASK, mask, NULL);
	c->fn();
	exit(0);
}

/* wait for the case itself, reaping orphans on the way; false: time is up, or somebody stopped the whole run */
static bool await_case(pid_t pid, unsigned secs, const sigset_t *set, int *status)
{
	struct timespec now, end, left;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += (time_t)secs;
	for (;;) {
		pid_t got;
		int st, sig;

		while ((got = waitpid(-1, &st, WNOHANG)) > 0)
			if (got == pid) {
				*status = st;
				return true;
			}
		clock_gettime(CLOCK_MONOTONIC, &now);
		left.tv_sec = end.tv_sec - now.tv_sec;
		left.tv_nsec = end.tv_nsec - now.tv_nsec;
		if (left.tv_nsec < 0) {
			left.tv_nsec += 1000000000L;
			left.tv_sec--;
		}
		if (left.tv_sec < 0)
			return false;
		sig = sigtimedwait(set, NULL, &left);
		if (sig > 0 && sig != SIGCHLD) {
			sweep(pid);
			t_unset_huge();
			rm_tree(t_here.base);
			printf("not ok - interrupted by signal %d\n", sig);
			exit(1);
		}
	}
}

enum verdict { PASSED, FAILED, SKIPPED };

static enum verdict judge(const struct t_case *c, bool ended, int status, char *why, size_t cap)
{
	char left[1200];
	bool said = read_why(left, sizeof(left));

	if (!ended) {
		snprintf(why, cap, "time is up after %u s", (c->timeout_s ? c->timeout_s : 20) * t_slow_factor());
		return FAILED;
	}
	if (WIFSIGNALED(status)) {
		snprintf(why, cap, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
		return FAILED;
	}
	if (WEXITSTATUS(status) == 0 && !said)
		return PASSED;
	if (said)
		snprintf(why, cap, "%s", left);
	else
		snprintf(why, cap, "exited with %d", WEXITSTATUS(status));
	return WEXITSTATUS(status) == T_EXIT_SKIP && said ? SKIPPED : FAILED;
}

static enum verdict one(const struct t_case *c)
{
	unsigned secs = (c->timeout_s ? c->timeout_s : 20) * t_slow_factor();
	static const char *const word[] = {"ok", "not ok", "skip"};
	pid_t me = getpid(), pid;
	char why[1200] = "";
	sigset_t set, old;
	enum verdict v;
	int st = 0;
	bool ended;

	fflush(NULL);
	if (!make_dirs()) {
		printf("not ok - %s: cannot make %s: %s\n", c->name, t_here.base, strerror(errno));
		return FAILED;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, &old);
	pid = fork();
	if (pid == 0)
		run_case(c, &old, me);
	if (pid < 0) {
		rm_tree(t_here.base);
		printf("not ok - %s: fork: %s\n", c->name, strerror(errno));
		return FAILED;
	}
	(void)setpgid(pid, pid);
	ended = await_case(pid, secs, &set, &st);
	if (!ended)
		show_group(pid);
	sweep(pid);
	t_unset_huge();
	sigprocmask(SIG_SETMASK, &old, NULL);
	v = judge(c, ended, st, why, sizeof(why));
	printf("%s - %s%s%s\n", word[v], c->name, why[0] ? ": " : "", why);
	if (v == FAILED || verbose)
		show_logs();
	fflush(stdout);
	rm_tree(t_here.base);
	return v;
}

static int run_role(int argc, char **argv)
{
	const char *base = getenv("SHOAL_TEST_BASE");

	if (base == NULL || argc < 1)
		return 2;
	t_set_base(base);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned i = 0; i < n_roles; i++)
		if (strcmp(roles[i]->name, argv[0]) == 0)
			return roles[i]->fn(argc, argv);
	fprintf(stderr, "no role '%s' in this program\n", argv[0]);
	return 2;
}

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (fnmatch(argv[i], name, 0) == 0 || strstr(name, argv[i]) != NULL)
			return true;
	return argc == 0;
}

/* what whoever started this ignores, as a shell does for what it starts in the background, cases and roles do not */
static void default_signals(void)
{
	static const int sig[] = {SIGINT, SIGQUIT, SIGTERM, SIGPIPE};

	for (unsigned i = 0; i < sizeof(sig) / sizeof(sig[0]); i++)
		(void)signal(sig[i], SIG_DFL);
}

int main(int argc, char **argv)
{
	unsigned count[3] = {0, 0, 0}, times = 1;
	bool list = false;
	int i = 1;

	if (argc > 1 && strcmp(argv[1], "--role") == 0)
		return run_role(argc - 2, argv + 2);
	for (; i < argc && argv[i][0] == '-'; i++) {
		list = list || strcmp(argv[i], "-l") == 0;
		verbose = verbose || strcmp(argv[i], "-v") == 0;
		if (strcmp(argv[i], "-n") == 0 && i + 1 < argc && atoi(argv[i + 1]) > 0) {
			times = (unsigned)atoi(argv[++i]);
		} else if (strcmp(argv[i], "-l") != 0 && strcmp(argv[i], "-v") != 0) {
			fprintf(stderr, "usage: %s [-l] [-v] [-n TIMES] [PATTERN...]\n", argv[0]);
			return 2;
		}
	}
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	default_signals();
	for (unsigned k = 0; k < n_cases; k++) {
		if (!wanted(cases[k]->name, argc - i, argv + i))
			continue;
		if (list)
			puts(cases[k]->name);
		for (unsigned n = 0; n < times && !list; n++)
			count[one(cases[k])]++;
	}
	if (list)
		return 0;
	printf("%u passed, %u failed, %u skipped\n", count[PASSED], count[FAILED], count[SKIPPED]);
	/* a pattern that hits nothing must not look like success */
	return count[FAILED] > 0 || count[PASSED] + count[SKIPPED] == 0 ? 1 : 0;
}
