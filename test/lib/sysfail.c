/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sysfail.c - the n-th system call fails; see sysfail.h
 *
 * Actors   P this process, C the child.
 *   C: installs the filter, writes the listener's fd number into the shared page, spins (no call) until `ready`
 *   P: takes the listener out of C with pidfd_getfd, sets `ready`
 *   C: closes its copy, sets `armed`, runs fn
 *   P: answers each notification: go on, or fail; until C is gone
 *
 * The page is the only memory shared by both:
 *   field     written by            read by
 *   listener  C, once               P
 *   ready     P, once               C
 *   armed     C                     P, at each notification: the notification itself orders the two
 *   hit       P, before it answers  C
 */
#include "sysfail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "check_priv.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1ul
#endif

#if defined(__SANITIZE_ADDRESS__)
#define T_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define T_TSAN 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define T_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define T_TSAN 1
#endif
#endif

static struct page {
	atomic_int listener, ready, armed, hit;
} * page; /* set by t_sysfail() before it forks; NULL elsewhere */

/* not counted, not even asked about */
static const int passes[] = {
	SYS_futex,
	SYS_exit,
	SYS_exit_group,
	SYS_rt_sigreturn,
	SYS_rt_sigprocmask,
	SYS_close,
	SYS_munmap,
	SYS_brk, /* tells of a failure by the old break, not by an errno: libc would take one for an address */
	SYS_restart_syscall,
	SYS_rseq,
	SYS_set_robust_list,
	SYS_set_tid_address,
	SYS_gettid,
	SYS_getpid,
	SYS_sched_yield,
	/* cannot fail: libc and programs take what they return for the answer */
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getppid,
#ifdef T_ASAN
	/* made through libc by its runtime in each new thread; it ends the process when one fails */
	SYS_sched_getaffinity,
	SYS_sigaltstack,
#endif
};
#define N_PASSES (sizeof(passes) / sizeof(passes[0]))

static int install_filter(void)
{
	struct sock_filter code[2 * N_PASSES + 2];
	struct sock_fprog prog = {.filter = code};
	unsigned n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < N_PASSES; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)passes[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	prog.len = (unsigned short)n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	n = (unsigned)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	return (int)n < 0 ? -errno : (int)n;
}

__attribute__((noreturn)) static void child(void (*fn)(void *), void *arg, int err_fd)
{
	int fd;

	dup2(err_fd, 2);
	close(err_fd);
	fd = install_filter();
	if (fd < 0) {
		page->listener = fd;
		_exit(0);
	}
	page->listener = fd + 1;
	while (!page->ready)
		;
	close(fd);
	page->armed = 1;
	fn(arg);
	page->armed = 0;
	exit(0);
}

void t_sysfail_pause(bool on)
{
	if (page != NULL)
		page->armed = !on;
}

bool t_sysfail_hit(void)
{
	return page != NULL && page->hit;
}

struct range {
	uint64_t from, to;
};

static int find_libc(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct range *r = arg;

	(void)size;
	if (strstr(info->dlpi_name, "/libc.so") == NULL)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X)) {
			r->from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
			r->to = r->from + info->dlpi_phdr[i].p_memsz;
		}
	return 1;
}

/* does a thread belong to the process? Remembers the last that did. */
static bool is_of(pid_t tid, pid_t pid, pid_t *last)
{
	char path[64];

	if (tid == pid || tid == *last)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid, (int)tid);
	if (access(path, F_OK) < 0)
		return false;
	*last = tid;
	return true;
}

#define IS_ONE_OF(nr, list) is_one_of(nr, list, sizeof(list) / sizeof((list)[0]))
static bool is_one_of(int nr, const int *list, size_t n)
{
	while (n > 0)
		if (list[--n] == nr)
			return true;
	return false;
}

static const int makes_fd[] = {SYS_openat,	   SYS_socket,	   SYS_memfd_create,  SYS_eventfd2,   SYS_epoll_create1,
			       SYS_timerfd_create, SYS_pidfd_open, SYS_accept4,	      SYS_socketpair, SYS_dup3,
			       SYS_signalfd4,	   SYS_pipe2,	   SYS_inotify_init1, SYS_dup,	      SYS_userfaultfd,
			       SYS_fanotify_init,
#ifdef SYS_open
			       SYS_open,	   SYS_pipe,	   SYS_accept
#endif
};

/* what may sleep, and what the manual says of signals; of fcntl only F_SETLKW does */
static const int may_wait[] = {
	SYS_openat,    SYS_read,	SYS_write,     SYS_readv,     SYS_writev,	   SYS_pread64, SYS_pwrite64,
	SYS_ftruncate, SYS_fallocate,	SYS_connect,   SYS_accept4,   SYS_sendto,	   SYS_sendmsg, SYS_recvfrom,
	SYS_recvmsg,   SYS_epoll_pwait, SYS_ppoll,     SYS_nanosleep, SYS_clock_nanosleep, SYS_flock,	SYS_dup3,
#ifdef SYS_open
	SYS_open,      SYS_poll,	SYS_epoll_wait
#endif
};

bool t_sysfail_can(int nr, int err)
{
	if (err == EMFILE || err == ENFILE)
		return IS_ONE_OF(nr, makes_fd);
	return err != EINTR || IS_ONE_OF(nr, may_wait);
}

static int fitting(int nr)
{
	static const int memory[] = {SYS_mmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_fallocate};

	if (IS_ONE_OF(nr, memory))
		return ENOMEM;
	if (IS_ONE_OF(nr, makes_fd))
		return EMFILE;
	return nr == SYS_clone || nr == SYS_clone3 ? EAGAIN : EIO;
}

/* one run, seen from P */
struct run {
	int listener, pidfd;
	pid_t pid, last;
	unsigned n;
	int err;
	struct range libc;
	struct t_sysfail *r;
};

static void answer(struct run *u)
{
	/* the kernel's structs may be larger than ours: room is generous */
	union {
		struct seccomp_notif n;
		char room[512];
	} in;
	struct seccomp_notif_resp out = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
	uint64_t ip;

	memset(&in, 0, sizeof(in));
	if (ioctl(u->listener, SECCOMP_IOCTL_NOTIF_RECV, &in.n) < 0)
		return;
	ip = in.n.data.instruction_pointer;
	out.id = in.n.id;
	if (page->armed && t_sysfail_can(in.n.data.nr, u->err) &&
	    (u->libc.to == 0 || (ip >= u->libc.from && ip < u->libc.to)) && is_of((pid_t)in.n.pid, u->pid, &u->last) &&
	    ++u->r->counted == u->n) {
		u->r->nr = in.n.data.nr;
		out.flags = 0;
		u->r->error = u->err != 0 ? u->err : fitting(in.n.data.nr);
		out.error = -u->r->error;
		page->hit = 1;
	}
	/* ENOENT: its caller is gone meanwhile */
	(void)ioctl(u->listener, SECCOMP_IOCTL_NOTIF_SEND, &out);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* take the listener out of the child; false: it could not make one */
static bool take_listener(struct run *u)
{
	while (page->listener == 0)
		if (waitpid(u->pid, NULL, WNOHANG) != 0)
			t_fail(__FILE__, __LINE__, "sysfail: the child died before it began");
	if (page->listener < 0)
		return false;
	u->listener = (int)syscall(SYS_pidfd_getfd, u->pidfd, page->listener - 1, 0);
	if (u->listener < 0)
		return false;
	/* the two take turns: cheaper on one CPU. A kernel that does not know it does without. */
	(void)ioctl(u->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	page->ready = 1;
	return true;
}

/* answer until the child is gone; what it forked may go on and is answered by nobody: their calls give ENOSYS */
static void serve(struct run *u)
{
	unsigned secs = t_slow_factor() * 15;
	uint64_t end = now_ms() + secs * 1000ull;
	bool hang = false;

	for (;;) {
		struct pollfd p[2] = {{.fd = u->listener, .events = POLLIN}, {.fd = u->pidfd, .events = POLLIN}};
		uint64_t now = now_ms();

		if (now >= end && !hang) {
			hang = true;
			(void)kill(u->pid, SIGKILL);
		}
		(void)poll(p, 2, 100);
		if (p[0].revents & POLLIN)
			answer(u);
		else if (p[1].revents & POLLIN)
			break;
	}
	u->r->status = hang ? T_SYSFAIL_HANG : -1;
}

static void last_of(int fd, char *buf, size_t cap)
{
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t n = pread(fd, buf, cap - 1, size > (off_t)(cap - 1) ? size - (off_t)(cap - 1) : 0);

	buf[n > 0 ? n : 0] = '\0';
}

int t_sysfail(void (*fn)(void *), void *arg, unsigned n, int err, struct t_sysfail *r)
{
	struct run u = {.listener = -1, .n = n, .err = err, .r = r};
	int fd, st;
	bool can;

	/* TSan's runtime makes calls of its own between any two statements, also before the listener is handed over */
#ifdef T_TSAN
	SKIP("not under TSan");
#endif
	memset(r, 0, sizeof(*r));
	r->nr = -1;
	dl_iterate_phdr(find_libc, &u.libc);
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fd = memfd_create("stderr", MFD_CLOEXEC);
	CHECK(page != MAP_FAILED && fd >= 0);
	fflush(NULL);
	u.pid = fork();
	if (u.pid == 0)
		child(fn, arg, fd);
	CHECK(u.pid > 0);
	u.pidfd = (int)syscall(SYS_pidfd_open, u.pid, 0);
	can = u.pidfd >= 0 && take_listener(&u);
	if (!can)
		(void)kill(u.pid, SIGKILL);
	else
		serve(&u);
	while (waitpid(u.pid, &st, 0) < 0 && errno == EINTR)
		;
	close(u.pidfd);
	close(u.listener);
	munmap(page, sizeof(*page));
	page = NULL;
	if (!can)
		SKIP("no seccomp user notification here");
	if (r->status != T_SYSFAIL_HANG)
		r->status = WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
	last_of(fd, r->err, sizeof(r->err));
	close(fd);
	return r->status;
}

unsigned t_sysfail_sweep(void (*fn)(void *), void *arg, int err, unsigned step,
			 void (*after)(void *, const struct t_sysfail *), void *arg2)
{
	static struct t_sysfail r;
	unsigned runs = 0;

	if (step == 0)
		step = 1;
	for (unsigned n = 1 + (unsigned)err % step;; n += step) {
		runs++;
		(void)t_sysfail(fn, arg, n, err, &r);
		printf("sysfail n=%u %s: status %d\n", n, r.nr >= 0 ? t_sysname(r.nr) : "none", r.status);
		if (r.status == T_SYSFAIL_HANG)
			t_fail(__FILE__, __LINE__, "hangs when call %u (%s) fails; stderr: %.700s", n, t_sysname(r.nr),
			       r.err);
		if (r.status != 0)
			t_fail(__FILE__, __LINE__, "ends with %d when call %u (%s) fails; stderr: %.1200s", r.status, n,
			       t_sysname(r.nr), r.err);
		if (after != NULL)
			after(arg2, &r);
		if (r.nr < 0)
			return runs;
	}
}

const char *t_sysname(int nr)
{
	static char buf[24];
	static const struct {
		int nr;
		const char *name;
	} names[] = {
#define N(x) {SYS_##x, #x}
		N(read),
		N(write),
		N(openat),
		N(newfstatat),
		N(fstat),
		N(lseek),
		N(mmap),
		N(mprotect),
		N(brk),
		N(ioctl),
		N(pread64),
		N(pwrite64),
		N(socket),
		N(connect),
		N(bind),
		N(listen),
		N(accept4),
		N(sendmsg),
		N(recvmsg),
		N(sendto),
		N(recvfrom),
		N(setsockopt),
		N(getsockopt),
		N(getsockname),
		N(socketpair),
		N(memfd_create),
		N(ftruncate),
		N(fallocate),
		N(fcntl),
		N(flock),
		N(unlinkat),
		N(renameat2),
		N(mkdirat),
		N(getdents64),
		N(eventfd2),
		N(epoll_create1),
		N(epoll_ctl),
		N(epoll_pwait),
		N(pidfd_open),
		N(clone),
		N(clone3),
		N(madvise),
		N(prlimit64),
		N(sched_getaffinity),
		N(sched_setaffinity),
		N(prctl),
		N(getrandom),
		N(mremap),
		N(faccessat),
		N(readlinkat),
		N(fchmod),
		N(fchmodat),
		N(timerfd_create),
		N(timerfd_settime),
		N(pipe2),
		N(dup3),
		N(getuid),
		N(geteuid),
		N(uname),
		N(statfs),
#ifdef SYS_open
		N(open),
		N(stat),
		N(access),
		N(unlink),
		N(rename),
		N(mkdir),
		N(rmdir),
		N(epoll_wait),
		N(poll),
		N(readlink),
		N(chmod),
		N(link),
		N(dup2),
		N(pipe),
#endif
#undef N
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].nr == nr)
			return names[i].name;
	snprintf(buf, sizeof(buf), "call %d", nr);
	return buf;
}
