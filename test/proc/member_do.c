/* SPDX-License-Identifier: BSD-3-Clause */
/* member_do.c - commands of the role "member"; see member_do.h. */
#include "member_do.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_errno.h>
#include <shoal_member.h>

#include "check.h"
#include "proc/opts.h"
#include "proc/priv.h"

/* how many slots are not FREE */
static void table(const char *arg)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sh_region()->max_members; i++)
		n += sh_word_state(sh_load_acq(&sh_region()->members[i].word)) != SH_FREE;
	t_tell("table %u", n);
}

/* all free places are taken by newcomers that never end their init */
static void fill(const char *arg)
{
	struct sh_hello h;
	unsigned n = 0;
	sh_id_t id;

	sh_hello_join(sh_proc_of(), &h, false);
	while (sh_slot_take(sh_proc_of(), &h, geteuid(), &id) == 0) {
		/* further than JOINING: who is not loses its place to the next */
		sh_store_rel(&sh_region()->members[sh_id_slot(id)].word, sh_word(sh_id_gen(id), SH_INIT));
		n++;
	}
	t_tell("filled %u", n);
}

static void malformed(const char *arg)
{
	(void)arg;
	t_tell("malformed %u",
	       (unsigned)sh_load_rlx(&sh_region()->members[sh_id_slot(sh_self())].count[SH_COUNT_MALFORMED]));
}

static void ping(const char *arg)
{
	t_tell("pong");
}

/* "probe SLOT GEN" */
static void probe(const char *arg)
{
	unsigned slot = 0, gen = 0;

	sscanf(arg, "%u %u", &slot, &gen);
	t_tell("probe %d", sh_member_probe(SH_ID(slot, gen)));
}

/* "stopped SLOT GEN" */
static void stopped(const char *arg)
{
	unsigned slot = 0, gen = 0;

	sscanf(arg, "%u %u", &slot, &gen);
	t_tell("stopped %d", sh_member_stopped(SH_ID(slot, gen)));
}

static void *outlive(void *first)
{
	CHECK_EQ(pthread_join(*(pthread_t *)first, NULL), 0);
	t_tell("main ended");
	for (;;)
		pause();
}

/* the first thread ends, the process does not */
static void end_main(const char *arg)
{
	static pthread_t first, other;

	first = pthread_self();
	CHECK_EQ(pthread_create(&other, NULL, outlive, &first), 0);
	pthread_exit(NULL);
}

static void forked(const char *arg)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	t_tell("child %d", (int)pid);
}

/* a child that no atfork handler knows of: it keeps every fd */
static void raw_forked(const char *arg)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		for (;;)
			pause();
	t_tell("child %d", (int)pid);
}

static int sleeper(void *arg)
{
	for (;;)
		pause();
	return 0;
}

/* a child that shares the address space */
static void vm_child(const char *arg)
{
	static char stack[65536] __attribute__((aligned(16)));
	int pid = clone(sleeper, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);

	t_tell("child %d", pid);
}

/* the same process, another program: the member is gone */
static void exec_sleep(const char *arg)
{
	execl("/bin/sleep", "sleep", "1000", (char *)NULL);
	t_fail(__FILE__, __LINE__, "exec: %s", strerror(errno));
}

static void close_all(const char *arg)
{
	(void)syscall(SYS_close_range, 3, ~0u, 0);
	t_tell("closed");
}

static void touch(const char *arg)
{
	size_t n = (size_t)1 << 30;
	char *at = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED) {
		t_tell("touched 0");
		return;
	}
	for (size_t i = 0; i < n; i += 4096)
		at[i] = 1;
	t_tell("touched 1");
}

/* a program that does not know that any close of the file drops the lock */
static void drop_lock(const char *arg)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/config", sh_rundir());
	fd = open(path, O_RDWR);
	t_tell("dropped %d", fd >= 0 && close(fd) == 0);
}

/* what a forked child may do: nothing; and its exit changes nothing */
static void child_calls(const char *arg)
{
	int st = -1;
	pid_t pid = t_fork_idle();

	if (pid == 0) {
		unsigned bad = 0;

		bad |= (unsigned)(sh_self() != 0) << 0;
		bad |= (unsigned)(sh_link_open(SH_ID(0, 1), SH_LINK_LANE) != -EPERM) << 1;
		bad |= (unsigned)(sh_watch_add(0, 1, NULL, NULL) != -EPERM) << 2;
		bad |= (unsigned)(sh_proc_announce() != -EPERM) << 3;
		bad |= (unsigned)(shoal_member_list(NULL, 0) != -1 || rte_errno != EPERM) << 4;
		bad |= (unsigned)(sh_member_probe(SH_ID(0, 1)) != -EPERM) << 5;
		bad |= (unsigned)(sh_on_event(NULL, NULL) != -EPERM) << 6;
		sh_watch_del(0);
		sh_proc_retire();
		sh_proc_stop();
		exit((int)bad);
	}
	waitpid(pid, &st, 0);
	t_tell("child said %d", WIFEXITED(st) ? WEXITSTATUS(st) : -1);
}

/* a forked child becomes a member of its own */
static void child_joins(const char *arg)
{
	static struct sh_opts o = {.prefix = "rte", .max_members = 256, .role = SH_ROLE_SECONDARY};
	pid_t pid = t_fork_idle();
	char line[16];
	int err;

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		err = sh_proc_start(&o);
		if (err == 0)
			t_tell("grandchild %u %u", sh_id_slot(sh_self()), sh_id_gen(sh_self()));
		if (err == 0)
			err = sh_proc_announce();
		/* until the test has seen it: who leaves before anybody looked was never there */
		(void)t_hear(line, sizeof(line));
		if (err == 0)
			sh_proc_stop();
		exit(-err);
	}
	waitpid(pid, &err, 0);
	t_tell("grandchild ended %d", err);
}

/* "link SLOT GEN": open a link and say a word on it */
static void link_to(const char *arg)
{
	unsigned slot = 0, gen = 0;
	int fd;

	sscanf(arg, "%u %u", &slot, &gen);
	fd = sh_link_open(SH_ID(slot, gen), SH_LINK_LANE);
	if (fd >= 0)
		(void)!write(fd, "hello", 5);
	t_tell("link %d", fd < 0 ? fd : 0);
	if (fd >= 0)
		close(fd);
}

static void linked(void *arg, sh_id_t from, int fd)
{
	char buf[16] = "";
	int fl = fcntl(fd, F_GETFL);

	(void)fcntl(fd, F_SETFL, fl & ~O_NONBLOCK);
	(void)!read(fd, buf, sizeof(buf) - 1);
	t_tell("linked %u %u %s", sh_id_slot(from), sh_id_gen(from), buf);
	close(fd);
}

static void on_member(void *arg, enum shoal_member_event ev, uint64_t id)
{
	t_tell("api %s %u", shoal_member_event_name(ev), sh_id_slot(id));
}

static void api(const char *arg)
{
	struct shoal_member_info info = {0};
	uint64_t ids[4];
	int n = shoal_member_list(ids, 4);

	(void)shoal_member_info(shoal_member_primary(), &info);
	t_tell("api count %d list %d alive %d primary %u pid %d", shoal_member_count(), n,
	       shoal_member_is_alive(shoal_member_primary()), info.slot, info.pid);
}

static void api_events(const char *arg)
{
	int r = shoal_member_event_register(on_member, NULL);

	t_tell("registered %d again %d", r, shoal_member_event_register(on_member, NULL) == -1 && rte_errno == EEXIST);
}

static void api_no_events(const char *arg)
{
	int r = shoal_member_event_unregister(on_member, NULL);

	t_tell("unregistered %d again %d", r,
	       shoal_member_event_unregister(on_member, NULL) == -1 && rte_errno == ENOENT);
}

static void at_exit(void)
{
	char line[64];

	t_tell("in atexit");
	(void)t_hear(line, sizeof(line));
	t_tell("members %d, self %d", shoal_member_count(), shoal_member_self() != 0);
	fflush(stdout);
}

static void set_at_exit(const char *arg)
{
	t_tell("set %d", atexit(at_exit));
}

/* the watcher busy with a callback until "release" */
static int go[2] = {-1, -1}, back[2];

static void hold_up(void *arg, uint32_t events)
{
	char c;

	(void)!read(go[0], &c, 1);
	t_tell("held");
	(void)!read(back[0], &c, 1);
}

static void hold(const char *arg)
{
	if (go[0] < 0 && (pipe2(go, O_CLOEXEC) != 0 || pipe2(back, O_CLOEXEC) != 0 ||
			  sh_watch_add(go[0], POLLIN, hold_up, NULL) != 0))
		t_fail(__FILE__, __LINE__, "cannot hold the watcher: %s", strerror(errno));
	(void)!write(go[1], "h", 1);
}

static void let_go(const char *arg)
{
	(void)!write(back[1], "r", 1);
}

static const struct {
	const char *name;
	void (*fn)(const char *arg);
} cmds[] = {
	{"table", table},
	{"fill", fill},
	{"ping", ping},
	{"malformed", malformed},
	{"probe", probe},
	{"stopped", stopped},
	{"endmain", end_main},
	{"fork", forked},
	{"rawfork", raw_forked},
	{"vmchild", vm_child},
	{"exec", exec_sleep},
	{"closeall", close_all},
	{"touch", touch},
	{"droplock", drop_lock},
	{"childcalls", child_calls},
	{"childjoins", child_joins},
	{"link", link_to},
	{"api", api},
	{"apievents", api_events},
	{"apinoevents", api_no_events},
	{"atexit", set_at_exit},
	{"hold", hold},
	{"release", let_go},
};

void member_do(const char *cmd)
{
	size_t n = strcspn(cmd, " ");

	for (unsigned i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		if (strlen(cmds[i].name) == n && strncmp(cmds[i].name, cmd, n) == 0) {
			cmds[i].fn(cmd + n);
			return;
		}
	t_fail(__FILE__, __LINE__, "unknown command: %s", cmd);
}

void member_up(void)
{
	sh_on_link(SH_LINK_LANE, linked, NULL);
}

/* in PID namespaces of its own the member is process 1; its parent stays and ends as it ends */
void member_in_namespace(const char *what)
{
	bool user = strchr(what, 'u') != NULL;
	char map[32];
	int fd, st;
	pid_t pid;

	snprintf(map, sizeof(map), "0 %u 1", (unsigned)geteuid()); /* root there is who I am here */
	if (unshare((user ? CLONE_NEWUSER : 0) | CLONE_NEWPID) != 0) {
		t_tell("skip %s", strerror(errno));
		exit(0);
	}
	if (user) {
		fd = open("/proc/self/uid_map", O_WRONLY);
		(void)!write(fd, map, strlen(map));
		close(fd);
	}
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return;
	}
	close(0);
	close(1);
	waitpid(pid, &st, 0);
	exit(WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st));
}

/* something of the program's own in the middle of the group's range */
void member_block(uint64_t at)
{
	void *p =
		mmap((void *)(uintptr_t)at, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p == MAP_FAILED)
		t_fail(__FILE__, __LINE__, "cannot block: %s", strerror(errno));
}

void member_refuse(const char *what)
{
	unsigned nr = strcmp(what, "memfd") == 0 ? SYS_memfd_create : SYS_pidfd_open;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0) {
		t_tell("skip %s", strerror(errno));
		exit(0);
	}
}

void member_nofile(unsigned n)
{
	struct rlimit l = {n, n};

	if (setrlimit(RLIMIT_NOFILE, &l) != 0)
		t_fail(__FILE__, __LINE__, "setrlimit: %s", strerror(errno));
}
