/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live.c - cards: how a member proves that it lives, and how others ask
 *
 * The liveness memfd is mapped shared and writable by the member and by nobody else, not even by its forked children
 * (MADV_DONTFORK). The kernel refuses the seal F_SEAL_WRITE with EBUSY as long as such a mapping exists, that is as long
 * as the member's address space does; once it is gone the seal succeeds, and again at every later try.
 */
#include "proc/priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define LIVE_SIZE 4096

static int live_make(struct sh_proc *p)
{
	int err;

	p->mine.live = sh_memfd("shoal-live");
	if (p->mine.live < 0)
		return p->mine.live;
	err = sh_fsize_need("a member's sign of life", LIVE_SIZE);
	if (err != 0)
		return err;
	if (sh_ftruncate(p->mine.live, LIVE_SIZE) != 0) {
		err = -errno;
		sh_err("cannot size 4 KiB of shared memory: %s; allow ftruncate in the seccomp profile, or free memory "
		       "of the machine or the cgroup",
		       strerror(-err));
		return err;
	}
	p->live_map = mmap(NULL, LIVE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, p->mine.live, 0);
	if (p->live_map == MAP_FAILED) {
		err = -errno;
		p->live_map = NULL;
		sh_err("cannot map 4 KiB of shared memory: %s; raise ulimit -v to %llu KiB, or ulimit -l by 3 MiB",
		       strerror(-err), (unsigned long long)sh_as_need_kib(SH_REGION_ROOM));
		return err;
	}
	(void)madvise(p->live_map, LIVE_SIZE, MADV_DONTDUMP);
	if (madvise(p->live_map, LIVE_SIZE, MADV_DONTFORK) == 0)
		return 0;
	err = -errno;
	sh_err("cannot keep 4 KiB of shared memory from children: %s; allow madvise in the seccomp profile",
	       strerror(-err));
	return err;
}

int sh_card_make(struct sh_proc *p)
{
	int fds[2], err;

	err = live_make(p);
	if (err != 0)
		return err;
	if (sh_fd_pair_up(pipe2(fds, O_CLOEXEC | O_NONBLOCK), fds) != 0) {
		err = -errno;
		sh_err("cannot make a pipe: %s; %s", strerror(-err), sh_fd_advice(err));
		return err;
	}
	p->mine.hup = fds[0];
	p->hup_wr = fds[1];
	p->mine.pidfd = sh_fd_up((int)syscall(SYS_pidfd_open, getpid(), 0));
	if (p->mine.pidfd < 0 && (errno == EMFILE || errno == ENFILE)) {
		err = -errno;
		sh_err("no file descriptor left for the pidfd of this process: %s; raise ulimit -n", strerror(-err));
		return err;
	}
	if (p->mine.pidfd < 0)
		sh_warn("pidfd_open is refused (%s): deaths are noticed by hang-up alone, late for a process whose "
			"children "
			"keep its files; allow pidfd_open in the seccomp profile",
			strerror(errno));
	return 0;
}

void sh_card_unmake(struct sh_proc *p)
{
	if (p->live_map != NULL)
		munmap(p->live_map, LIVE_SIZE);
	p->live_map = NULL;
	sh_own_close(p, &p->mine.live);
	sh_own_close(p, &p->mine.hup);
	sh_own_close(p, &p->mine.pidfd);
	sh_own_close(p, &p->hup_wr);
}

void sh_card_close(struct sh_card *c)
{
	sh_close(&c->live);
	sh_close(&c->hup);
	sh_close(&c->pidfd);
}

int sh_card_fds(const struct sh_card *c, int fds[3])
{
	fds[0] = c->live;
	fds[1] = c->hup;
	fds[2] = c->pidfd;
	return c->pidfd >= 0 ? 3 : 2;
}

static bool is_live(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS), fl = fcntl(fd, F_GETFL);
	struct stat st;

	return seals >= 0 && !(seals & (F_SEAL_SEAL | F_SEAL_WRITE)) && fl >= 0 && (fl & O_ACCMODE) == O_RDWR &&
	       fstat(fd, &st) == 0 && st.st_size == LIVE_SIZE;
}

static bool is_hup(int fd)
{
	int fl = fcntl(fd, F_GETFL);
	struct stat st;

	return fl >= 0 && (fl & O_ACCMODE) == O_RDONLY && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

static bool is_pidfd(int fd)
{
	/* signal 0 asks only; anything but a pidfd is EBADF. Not every sandbox allows it: then poll() must do */
	if (syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0)
		return true;
	return errno == ESRCH || errno == EPERM || errno == ENOSYS || errno == EINVAL;
}

int sh_card_take(struct sh_fds *f, struct sh_card *c)
{
	bool pid = f->n == 3;

	if (f->n < 2 || f->n > 3 || !is_live(f->fd[0]) || !is_hup(f->fd[1]) || (pid && !is_pidfd(f->fd[2])))
		return -EBADF;
	c->live = sh_fds_take(f, 0);
	c->hup = sh_fds_take(f, 1);
	c->pidfd = pid ? sh_fds_take(f, 2) : -1;
	return 0;
}

uint32_t sh_pid_ns(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? (uint32_t)st.st_ino : 0;
}

/* when the process with this number began, in nanoseconds of sh_now_ns(); 0 unknown */
static uint64_t pid_born(pid_t pid)
{
	char path[32], line[1024], *at;
	unsigned long long ticks = 0;
	struct timespec boot;
	uint64_t up, born;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	at = fgets(line, sizeof(line), f) != NULL ? strrchr(line, ')')
						  : NULL; /* behind the name, which may hold anything */
	fclose(f);
	if (at == NULL ||
	    sscanf(at + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
		   &ticks) != 1)
		return 0;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	up = (uint64_t)boot.tv_sec * SH_NS_PER_S + (uint64_t)boot.tv_nsec;
	born = (uint64_t)(ticks * (SH_NS_PER_S / (unsigned long long)sysconf(_SC_CLK_TCK)));
	return born <= up && up - born < sh_now_ns() ? sh_now_ns() - (up - born) : 1;
}

/* the state of a thread by its stat file below dir; 0 unknown */
static char state_of(int dir, const char *stat)
{
	char line[256], *at;
	int fd = sh_fd_up(openat(dir, stat, O_RDONLY | O_CLOEXEC));
	ssize_t n = fd >= 0 ? read(fd, line, sizeof(line) - 1) : 0;

	sh_close(&fd);
	line[n > 0 ? n : 0] = '\0';
	at = strrchr(line, ')'); /* behind the name, which may hold anything */
	return at != NULL && at[1] == ' ' ? at[2] : '\0';
}

/* A stop is the whole process'. Its first thread may have ended before the others: then one of those is asked */
static char state_of_others(pid_t pid)
{
	char path[300], state = '\0';
	struct dirent *e;
	DIR *d;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	fd = sh_fd_up(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		sh_close(&fd);
		return '\0';
	}
	while ((state == '\0' || state == 'Z' || state == 'X') && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/stat", e->d_name);
		state = e->d_name[0] != '.' ? state_of(fd, path) : '\0';
	}
	closedir(d);
	return state;
}

bool sh_member_stopped(sh_id_t id)
{
	const struct sh_region *r = sh_region();
	const struct sh_member *m = &r->members[sh_id_slot(id) % SH_MEMBERS];
	char path[32], state;

	if (!sh_member_alive(id))
		return false;
	sh_shm_acquire(sh_region()); /* written by whoever served its join, perhaps a thread of mine */
	if (m->pid_ns == 0 || m->pid_ns != sh_pid_ns())
		return false;
	snprintf(path, sizeof(path), "/proc/%u/stat", m->pid);
	state = state_of(AT_FDCWD, path);
	if (state == 'Z')
		state = state_of_others((pid_t)m->pid);
	return state == 'T' || state == 't';
}

/* Without a card: has the process gone that said it was this member? Only one of my own PID namespace can be asked. */
bool sh_pid_gone(const struct sh_member *m)
{
	struct pollfd pf = {.events = POLLIN};
	bool gone;

	if (m->pid_ns == 0 || m->pid_ns != sh_pid_ns() || (pid_t)m->pid <= 0)
		return false;
	if (kill((pid_t)m->pid, 0) != 0 && errno == ESRCH)
		return true;
	if (pid_born((pid_t)m->pid) > m->start_ns + SH_NS_PER_S) /* another one has its number */
		return true;
	pf.fd = (int)syscall(SYS_pidfd_open, (pid_t)m->pid, 0);
	gone = pf.fd >= 0 ? poll(&pf, 1, 0) == 1 : errno == ESRCH; /* a zombie: all its threads have ended */
	sh_close(&pf.fd);
	return gone;
}

/* is it the process of that member that speaks? Told by the kernel where both see the same pids; of one that is gone nobody can */
bool sh_speaks_for(struct sh_proc *p, int fd, sh_id_t id)
{
	const struct sh_member *m = &p->r->members[sh_id_slot(id)];
	struct ucred cr;
	socklen_t n = sizeof(cr);

	if (!sh_member_alive(id) || m->pid_ns == 0 || m->pid_ns != sh_pid_ns())
		return true;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cr, &n) == 0 && (uint32_t)cr.pid == m->pid;
}

/* the proof */
bool sh_live_gone(int live)
{
	return fcntl(live, F_ADD_SEALS, F_SEAL_WRITE) == 0;
}

/* a byte in the pipe: the member left in good order. The byte stays there for all others who hold the pipe. */
bool sh_hup_left(int hup)
{
	int n = 0;

	return hup >= 0 && ioctl(hup, FIONREAD, &n) == 0 && n > 0;
}
