/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fd.h - file descriptors that own themselves
 *
 * Every fd of the library is O_CLOEXEC from birth, and never 0, 1 or 2: a program may start with those closed and open them
 * later, or write to them. What is opened to be read and closed in one function (stdio, opendir) is excepted. What a receive call delivers belongs to a struct sh_fds; whoever takes
 * one out of it owns it, sh_fds_close() closes the rest: no path loses one and none is closed twice.
 */
#ifndef SH_BASE_FD_H
#define SH_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#define SH_FDS_MAX 253 /* the kernel's limit of fds in one message */

struct sh_fds {
	unsigned n;
	int fd[SH_FDS_MAX];
};

/* close *fd if it is open, leave -1 in it; errno is kept */
void sh_close(int *fd);
/*
 * What a call that makes an fd returned: the same fd, or -1 and errno; at 3 or above in any case, moved there if need be (then
 * it is CLOEXEC). When there is no room left it is closed: -1, EMFILE.
 */
int sh_fd_up(int fd);
/* the same of a call that makes two: 0, or -1 and errno, and none is open */
int sh_fd_pair_up(int r, int fds[2]);
/* close all that is left in f; errno is kept */
void sh_fds_close(struct sh_fds *f);
/* take the i-th out (its place becomes -1) */
int sh_fds_take(struct sh_fds *f, unsigned i);

/* One message with fds over a socket. to may be NULL (connected). Never SIGPIPE. Returns bytes sent or -errno. */
ssize_t sh_sock_send(int s, const struct sockaddr_un *to, const void *buf, size_t len, const int *fds, unsigned nfds,
		     int flags);
/*
 * One message. f is filled from the control message alone (never from what the payload claims); the fds are CLOEXEC, 3 or above.
 * from may be NULL; otherwise it holds a NUL-terminated path, empty when the sender is unbound. uid/pid may be NULL: filled
 * from SCM_CREDENTIALS, (uid_t)-1 and 0 when absent (the receiver sets SO_PASSCRED).
 * Returns bytes, or -errno; -EMSGSIZE when data or control was truncated (all fds are closed then, f is empty).
 */
ssize_t sh_sock_recv(int s, void *buf, size_t cap, struct sh_fds *f, struct sockaddr_un *from, uid_t *uid, pid_t *pid,
		     int flags);

/*
 * May a file of this process grow to size? RLIMIT_FSIZE counts for memfds too, and the kernel does not refuse what is above
 * it: it sends SIGXFSZ, which ends the program. To be asked before each growth.
 */
bool sh_fsize_ok(uint64_t size);
/* the same, and a line when not: 0 or -EFBIG */
int sh_fsize_need(const char *what, uint64_t size);
/* ftruncate(2), and again when a signal came */
int sh_ftruncate(int fd, off_t size);
/* what to do about an error of a call that makes a file descriptor, for a line */
const char *sh_fd_advice(int err);

/* the same of bind(2) and listen(2) on a name in the runtime directory */
const char *sh_bind_advice(int err);

/* fill a sockaddr from dir + "/" + name: 0 or -ENAMETOOLONG */
int sh_sock_addr(struct sockaddr_un *a, const char *dir, const char *name);

#endif
