/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * member_prog.c - a member of a group on the public API alone; tests talk to it in lines
 *
 *   member_prog [as=UID] [ns=WHAT]... EAL options
 *      as=UID     become that user first
 *      ns=user    a user namespace in which nobody has a number; ns=root: one in which this user is root
 *      ns=box     PID and mount namespaces of its own; it sees the runtime directory, by another path, and an empty /tmp and
 *                 /dev/shm. It is process 1 there; ends when its parent does
 *   says "up SLOT primary|secondary" or "failed ERRNO" or "skip WHY", then "JOIN|LEAVE|DEATH|DISCONNECT|PRIMARY SLOT", and "got TEXT"
 *   hears and says
 *      send TEXT        a message; "sent R ERRNO"
 *      ask TEXT         a request to the primary or to all secondaries; "asked R ERRNO SENT RECEIVED TEXT"
 *      askfd FILE       the same with an open file of the runtime directory in it, which is read by who answers
 *      write TEXT       a memzone, made if need be; "wrote"
 *      read             "zone TEXT" or "no zone"
 *      members          "members N"
 *      leave            rte_eal_cleanup; "left"
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memzone.h>
#include <shoal.h>
#include <shoal_member.h>

#define ZONE "written by one, read by others"

__attribute__((format(printf, 1, 2))) static void tell(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	(void)!write(1, line, (size_t)n); /* in one piece: several threads tell */
}

/* ---- who and where ---- */

static void skip(const char *what)
{
	tell("skip %s: %s", what, strerror(errno));
	_exit(0);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		skip(path);
	close(fd);
}

/* runtime directory at another path; nothing else that processes could share */
static void mounts(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL) != 0 || mkdir("/dev/shm/only", 0755) != 0 ||
	    mount(getenv("RUNTIME_DIRECTORY"), "/dev/shm/only", NULL, MS_BIND, NULL) != 0 ||
	    mount("tmpfs", "/tmp", "tmpfs", 0, NULL) != 0)
		skip("mount");
	(void)mount("proc", "/proc", "proc", 0, NULL); /* not allowed everywhere, and nothing needs it */
	setenv("RUNTIME_DIRECTORY", "/dev/shm/only", 1);
}

static void box(void)
{
	int st = 0;
	pid_t pid;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0)
		skip("unshare");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		mounts();
		return;
	}
	close(0);
	close(1);
	waitpid(pid, &st, 0);
	_exit(WIFEXITED(st) ? WEXITSTATUS(st) : 1);
}

static void enter(const char *arg)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[64];

	if (strncmp(arg, "as=", 3) == 0) {
		uid = (unsigned)atoi(arg + 3);
		if (setgid(uid) != 0 || setuid(uid) != 0)
			skip("setuid");
		prctl(PR_SET_DUMPABLE, 1); /* or its /proc entries are root's */
	} else if (strcmp(arg, "ns=user") == 0) {
		if (unshare(CLONE_NEWUSER) != 0)
			skip("unshare");
	} else if (strcmp(arg, "ns=root") == 0) {
		if (unshare(CLONE_NEWUSER) != 0)
			skip("unshare");
		put("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", uid);
		put("/proc/self/uid_map", map);
		snprintf(map, sizeof(map), "0 %u 1", gid);
		put("/proc/self/gid_map", map);
	} else if (strcmp(arg, "ns=box") == 0) {
		box();
	}
}

/* ---- what it does ---- */

static pthread_mutex_t up_first = PTHREAD_MUTEX_INITIALIZER;

static void on_event(void *arg, enum shoal_member_event ev, uint64_t id)
{
	(void)arg;
	pthread_mutex_lock(&up_first);
	pthread_mutex_unlock(&up_first);
	tell("%s %u", shoal_member_event_name(ev), (unsigned)(id & 0xffff));
}

static int on_msg(const struct rte_mp_msg *m, const void *peer)
{
	(void)peer;
	tell("got %.*s", m->len_param, (const char *)m->param);
	return 0;
}

static int on_ask(const struct rte_mp_msg *m, const void *peer)
{
	struct rte_mp_msg r = {0};
	char file[64] = "-";

	if (m->num_fds == 1) {
		ssize_t n = pread(m->fds[0], file, sizeof(file) - 1, 0);

		file[n > 0 ? n : 0] = '\0';
		close(m->fds[0]);
	}
	snprintf(r.name, sizeof(r.name), "%s", m->name);
	r.len_param =
		snprintf((char *)r.param, sizeof(r.param), "%.*s:%s", m->len_param, (const char *)m->param, file) + 1;
	return rte_mp_reply(&r, peer);
}

static void fill(struct rte_mp_msg *m, const char *name, const char *text)
{
	memset(m, 0, sizeof(*m));
	snprintf(m->name, sizeof(m->name), "%s", name);
	m->len_param = snprintf((char *)m->param, sizeof(m->param), "%s", text);
}

static void ask(const char *text, int fd)
{
	struct timespec ts = {.tv_sec = 20};
	struct rte_mp_reply rep;
	struct rte_mp_msg m;
	int r;

	fill(&m, "ask", text);
	if (fd >= 0) {
		m.fds[0] = fd;
		m.num_fds = 1;
	}
	r = rte_mp_request_sync(&m, &rep, &ts);
	tell("asked %d %d %d %d %s", r, r != 0 ? rte_errno : 0, rep.nb_sent, rep.nb_received,
	     rep.nb_received > 0 ? (const char *)rep.msgs[0].param : "-");
	free(rep.msgs);
}

static void ask_fd(const char *name)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", getenv("RUNTIME_DIRECTORY"), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);

	ask("fd", fd);
	if (fd >= 0)
		close(fd);
}

static void zone_write(const char *text)
{
	const struct rte_memzone *z = rte_memzone_lookup(ZONE);

	if (z == NULL)
		z = rte_memzone_reserve(ZONE, 4096, SOCKET_ID_ANY, 0);
	if (z != NULL)
		snprintf(z->addr, z->len, "%s", text);
	tell(z != NULL ? "wrote" : "no zone");
}

static void zone_read(void)
{
	const struct rte_memzone *z = rte_memzone_lookup(ZONE);

	if (z != NULL)
		tell("zone %s", (const char *)z->addr);
	else
		tell("no zone");
}

static void command(char *line)
{
	char *arg = strchr(line, ' ');
	struct rte_mp_msg m;
	int r;

	if (arg != NULL)
		*arg++ = '\0';
	else
		arg = line + strlen(line);
	if (strcmp(line, "send") == 0) {
		fill(&m, "msg", arg);
		r = rte_mp_sendmsg(&m);
		tell("sent %d %d", r, r != 0 ? rte_errno : 0);
	} else if (strcmp(line, "ask") == 0) {
		ask(arg, -1);
	} else if (strcmp(line, "askfd") == 0) {
		ask_fd(arg);
	} else if (strcmp(line, "write") == 0) {
		zone_write(arg);
	} else if (strcmp(line, "read") == 0) {
		zone_read();
	} else if (strcmp(line, "members") == 0) {
		tell("members %d", shoal_member_count());
	} else if (strcmp(line, "leave") == 0) {
		tell("left %d", rte_eal_cleanup());
	} else {
		tell("what is %s?", line);
	}
}

int main(int argc, char **argv)
{
	struct shoal_member_info me = {0};
	char line[512];
	size_t n;

	while (argc > 1 && (strncmp(argv[1], "as=", 3) == 0 || strncmp(argv[1], "ns=", 3) == 0)) {
		enter(argv[1]);
		argv[1] = argv[0];
		argv++;
		argc--;
	}
	if (rte_eal_init(argc, argv) < 0) {
		tell("failed %d", rte_errno);
		return 1;
	}
	pthread_mutex_lock(&up_first);
	if (shoal_member_event_register(on_event, NULL) != 0 || rte_mp_action_register("msg", on_msg) != 0 ||
	    rte_mp_action_register("ask", on_ask) != 0 || shoal_member_info(shoal_member_self(), &me) != 0) {
		tell("failed %d", rte_errno);
		return 1;
	}
	tell("up %u %s", me.slot, rte_eal_process_type() == RTE_PROC_PRIMARY ? "primary" : "secondary");
	pthread_mutex_unlock(&up_first);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		n = strcspn(line, "\n");
		line[n] = '\0';
		command(line);
	}
	return 0;
}
