/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * alive.c - the file "alive": a lock that lasts as long as the primary's address space
 *
 * Sockets and the lock on "config" go when a program closes all fds, though the primary lives. This one does not: an OFD lock
 * belongs to the open file, and a mapping of the file holds that open after its fd is closed. Forked children do not get the
 * mapping (MADV_DONTFORK); exec, exit and kill end it, and a stale file is merely unlocked.
 *
 * Only who holds the lock on "config" and finds nobody that answers takes it. Who only wants to know asks, which disturbs
 * nobody. A file system without such locks or mappings has no such proof: then the sockets alone tell of a primary.
 */
#include "proc/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"

#define ALIVE_SIZE 4096 /* of the mapping; nobody touches it, the file is empty */

static int alive_open(const struct sh_proc *p, int flags)
{
	mode_t mode = p->o.n_allow_uid > 0 ? 0644 : 0600;
	char path[192];
	int fd;

	snprintf(path, sizeof(path), "%s/alive", p->dir);
	do {
		fd = sh_fd_up(open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode));
	} while (fd < 0 && errno == EINTR);
	return fd;
}

static int alive_map(struct sh_proc *p, int fd)
{
	void *at = mmap(NULL, ALIVE_SIZE, PROT_NONE, MAP_SHARED, fd, 0);
	int err;

	if (at == MAP_FAILED && errno == ENODEV)
		return 0;
	if (at == MAP_FAILED) {
		err = -errno;
		sh_err("cannot map %s/alive: %s; raise ulimit -v", p->dir, strerror(-err));
		return err;
	}
	if (madvise(at, ALIVE_SIZE, MADV_DONTFORK) == 0) {
		p->alive_map = at;
		return 0;
	}
	err = -errno;
	sh_err("cannot keep %s/alive from children: %s; allow madvise in the seccomp profile", p->dir, strerror(-err));
	munmap(at, ALIVE_SIZE);
	return err;
}

int sh_alive_take(struct sh_proc *p)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	int err = 0;

	if (p->alive_map != NULL)
		return 0;
	p->alive = alive_open(p, O_RDWR | O_CREAT);
	if (p->alive < 0) {
		err = -errno;
		sh_err("cannot open %s/alive: %s; remove it, %s", p->dir, strerror(-err), sh_bind_advice(err));
		return err;
	}
	if (fcntl(p->alive, F_OFD_SETLK, &fl) == 0)
		err = alive_map(p, p->alive);
	else if (errno == EAGAIN || errno == EACCES)
		err = -EBUSY;
	SH_STEP("alive_taken");
	sh_close(&p->alive); /* from here on the mapping has it alone */
	return err;
}

bool sh_alive_elsewhere(struct sh_proc *p)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	int fd = alive_open(p, O_RDONLY);
	bool held = fd >= 0 && fcntl(fd, F_OFD_GETLK, &fl) == 0 && fl.l_type != F_UNLCK;

	sh_close(&fd);
	return held;
}

void sh_alive_drop(struct sh_proc *p)
{
	if (p->alive_map != NULL)
		munmap(p->alive_map, ALIVE_SIZE);
	p->alive_map = NULL;
	sh_close(&p->alive);
}
