/* SPDX-License-Identifier: BSD-3-Clause */
/* fd.c - owning file descriptors, and the one place that reads control messages. See fd.h. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

void sh_close(int *fd)
{
	int e = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = e;
}

int sh_fd_up(int fd)
{
	int up;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	up = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (up < 0 && errno == EINVAL) /* the limit is below the first number that would do */
		errno = EMFILE;
	sh_close(&fd);
	return up;
}

int sh_fd_pair_up(int r, int fds[2])
{
	if (r != 0)
		return r;
	fds[0] = sh_fd_up(fds[0]);
	if (fds[0] >= 0)
		fds[1] = sh_fd_up(fds[1]);
	if (fds[0] >= 0 && fds[1] >= 0)
		return 0;
	sh_close(&fds[0]);
	sh_close(&fds[1]);
	return -1;
}

void sh_fds_close(struct sh_fds *f)
{
	for (unsigned i = 0; i < f->n; i++)
		sh_close(&f->fd[i]);
	f->n = 0;
}

int sh_fds_take(struct sh_fds *f, unsigned i)
{
	int fd = f->fd[i];

	f->fd[i] = -1;
	return fd;
}

bool sh_fsize_ok(uint64_t size)
{
	struct rlimit rl;

	return getrlimit(RLIMIT_FSIZE, &rl) < 0 || rl.rlim_cur == RLIM_INFINITY || size <= rl.rlim_cur;
}

int sh_fsize_need(const char *what, uint64_t size)
{
	if (sh_fsize_ok(size))
		return 0;
	sh_err("the limit on file size, which counts for shared memory, is below the %llu bytes of %s: raise ulimit -f",
	       (unsigned long long)size, what);
	return -EFBIG;
}

int sh_ftruncate(int fd, off_t size)
{
	int r;

	do {
		r = ftruncate(fd, size);
	} while (r < 0 && errno == EINTR);
	return r;
}

const char *sh_fd_advice(int err)
{
	switch (err < 0 ? -err : err) {
	case EMFILE:
		return "raise ulimit -n";
	case ENFILE:
		return "raise fs.file-max";
	case ENOMEM:
	case ENOBUFS:
		return "the machine or the cgroup has no memory left";
	default:
		return "allow it in the seccomp profile";
	}
}

const char *sh_bind_advice(int err)
{
	switch (err < 0 ? -err : err) {
	case EROFS:
		return "point RUNTIME_DIRECTORY to a writable file system";
	case EACCES:
		return "point RUNTIME_DIRECTORY to a directory that you may write";
	case EPERM:
	case ENOSYS:
		return "allow bind, listen and chmod in the seccomp profile, and sockets on that file system";
	case EADDRINUSE:
		return "something else has that name: remove it, or choose another --file-prefix";
	default:
		return "free some space or point RUNTIME_DIRECTORY elsewhere";
	}
}

ssize_t sh_sock_send(int s, const struct sockaddr_un *to, const void *buf, size_t len, const int *fds, unsigned nfds,
		     int flags)
{
	union {
		char room[CMSG_SPACE(SH_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} ctl;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (nfds > SH_FDS_MAX)
		return -E2BIG;
	if (to != NULL) {
		m.msg_name = (void *)(uintptr_t)to;
		m.msg_namelen = sizeof(*to);
	}
	if (nfds > 0) {
		struct cmsghdr *c;

		memset(&ctl, 0, CMSG_SPACE(nfds * sizeof(int)));
		m.msg_control = ctl.room;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	do {
		n = sendmsg(s, &m, flags | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/*
 * Take every fd and the credentials out of the control messages. A second SCM_RIGHTS block is taken too. false: there was no
 * number left for one of them.
 */
static bool take_control(struct msghdr *m, struct sh_fds *f, uid_t *uid, pid_t *pid)
{
	bool all = true;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS) {
			size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

			for (size_t i = 0; i < n; i++) {
				int fd;

				memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
				if (f->n >= SH_FDS_MAX) {
					close(fd);
					continue;
				}
				f->fd[f->n] = sh_fd_up(fd);
				if (f->fd[f->n] >= 0)
					f->n++;
				else
					all = false;
			}
		} else if (c->cmsg_type == SCM_CREDENTIALS) {
			struct ucred cr;

			memcpy(&cr, CMSG_DATA(c), sizeof(cr));
			if (uid != NULL)
				*uid = cr.uid;
			if (pid != NULL)
				*pid = cr.pid;
		}
	}
	return all;
}

ssize_t sh_sock_recv(int s, void *buf, size_t cap, struct sh_fds *f, struct sockaddr_un *from, uid_t *uid, pid_t *pid,
		     int flags)
{
	union {
		char room[CMSG_SPACE(SH_FDS_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} ctl;
	struct sockaddr_un src;
	struct iovec iov = {.iov_base = buf, .iov_len = cap};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = ctl.room,
			   .msg_controllen = sizeof(ctl.room),
			   .msg_name = &src,
			   .msg_namelen = sizeof(src)};
	ssize_t n;

	f->n = 0;
	if (uid != NULL)
		*uid = (uid_t)-1;
	if (pid != NULL)
		*pid = 0;
	do {
		n = recvmsg(s, &m, flags | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (!take_control(&m, f, uid, pid)) {
		sh_fds_close(f);
		return -EMFILE;
	}
	if (from != NULL) {
		/* the kernel says how long the name is; what lies behind it are old bytes */
		size_t have = m.msg_namelen > offsetof(struct sockaddr_un, sun_path)
				      ? m.msg_namelen - offsetof(struct sockaddr_un, sun_path)
				      : 0;

		memset(from, 0, sizeof(*from));
		from->sun_family = AF_UNIX;
		if (have > 0)
			memcpy(from->sun_path, src.sun_path,
			       have < sizeof(from->sun_path) ? have : sizeof(from->sun_path) - 1);
	}
	if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		/* fds were dropped though there was room for them here: this process has none left */
		bool poor = !(m.msg_flags & MSG_TRUNC) && f->n < SH_FDS_MAX;

		sh_fds_close(f);
		return poor ? -EMFILE : -EMSGSIZE;
	}
	return n;
}

int sh_sock_addr(struct sockaddr_un *a, const char *dir, const char *name)
{
	int n;

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	n = snprintf(a->sun_path, sizeof(a->sun_path), "%s/%s", dir, name);
	return n < 0 || (size_t)n >= sizeof(a->sun_path) ? -ENAMETOOLONG : 0;
}
