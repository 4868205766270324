/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config.c - the file "config": the lock that only one primary can hold, and a sign for a real DPDK process
 *
 * A real DPDK secondary maps the first 25344 bytes, waits for the magic at 0, compares the version at 4 and ends with its own
 * "version mismatch". Our marker lies behind what it maps. The lock is a POSIX record lock at DPDK's offsets, so DPDK's
 * tools see it, and a forked child neither has it nor can drop it; any close of the file in this process would, so the file
 * is opened once and kept. Should a program open and close it itself the lock is gone, but not the role: see role.c.
 */
#include "proc/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define DPDK_MAGIC 19820526u
#define NO_VERSION 0xffffffffu /* no release of DPDK has this number */
#define CFG_SIZE 32768	       /* more than any DPDK maps */
#define MARK_AT 28672
#define LOCK_AT 136 /* 22.11: 136; newer: 144; one lock covers both */
#define LOCK_LEN (17408 + 8)

static const char mark[] = "shoal group, see join* in this directory\n";

/* the directory may be on a file system whose server is asked, and a signal ends that */
static int open_again(const char *path, int flags, mode_t mode)
{
	int fd;

	do {
		fd = sh_fd_up(open(path, flags, mode));
	} while (fd < 0 && errno == EINTR);
	return fd;
}

static bool put(int fd, const void *buf, size_t len, off_t at)
{
	ssize_t n;

	do {
		errno = 0;
		n = pwrite(fd, buf, len, at);
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)len;
}

int sh_cfg_open(struct sh_proc *p, bool create)
{
	char path[192];
	int fl = O_CLOEXEC | O_NOFOLLOW;

	snprintf(path, sizeof(path), "%s/config", p->dir);
	if (create) {
		mode_t mode = p->o.n_allow_uid > 0 ? 0644 : 0600;

		p->cfg = open_again(path, O_RDWR | O_CREAT | fl, mode);
	} else {
		p->cfg = open_again(path, O_RDONLY | fl, 0);
	}
	if (p->cfg >= 0)
		return 0;
	if (!create && errno == ENOENT)
		return -ENOENT;
	int err = -errno;

	if (err == -EROFS)
		sh_err("cannot open %s: read-only file system; point RUNTIME_DIRECTORY to a writable one", path);
	else if (err == -EMFILE || err == -ENFILE)
		sh_err("cannot open %s: %s; raise ulimit -n", path, strerror(-err));
	else if (err == -EISDIR || err == -ELOOP || err == -ENXIO)
		sh_err("cannot open %s: %s; it should be a file: remove it, or choose another --file-prefix", path,
		       strerror(-err));
	else
		sh_err("cannot open %s: %s; end the processes of that group and remove it, or choose another "
		       "--file-prefix",
		       path, strerror(-err));
	return err;
}

static struct flock range(short type)
{
	return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = LOCK_AT, .l_len = LOCK_LEN};
}

/* 0: mine. -EAGAIN: somebody else's */
int sh_cfg_lock(struct sh_proc *p)
{
	struct flock fl = range(F_WRLCK);

	if (p->cfg_locked)
		return 0;
	if (fcntl(p->cfg, F_SETLK, &fl) != 0)
		return errno == EACCES || errno == EAGAIN ? -EAGAIN : -errno;
	p->cfg_locked = true;
	return 0;
}

void sh_cfg_unlock(struct sh_proc *p)
{
	struct flock fl = range(F_UNLCK);

	if (p->cfg_locked)
		(void)fcntl(p->cfg, F_SETLK, &fl);
	p->cfg_locked = false;
}

bool sh_cfg_locked_by_other(struct sh_proc *p)
{
	struct flock fl = range(F_WRLCK);

	if (p->cfg_locked || fcntl(p->cfg, F_GETLK, &fl) != 0)
		return false;
	return fl.l_type != F_UNLCK;
}

enum sh_cfg sh_cfg_kind(struct sh_proc *p)
{
	char buf[sizeof(mark)];
	struct stat st;

	ssize_t n;

	if (fstat(p->cfg, &st) != 0 || st.st_size == 0)
		return SH_CFG_EMPTY;
	do {
		n = pread(p->cfg, buf, sizeof(buf), MARK_AT);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(buf) && memcmp(buf, mark, sizeof(mark)) == 0)
		return SH_CFG_OURS;
	return SH_CFG_FOREIGN;
}

/* with the lock held: make it ours, whatever it was */
int sh_cfg_write(struct sh_proc *p)
{
	static const uint32_t head[2] = {DPDK_MAGIC, NO_VERSION};
	char zero[4096] = {0};
	int err = sh_fsize_need("the file config in the runtime directory", CFG_SIZE);

	if (err != 0)
		return err;

	/* the marker first: who sees a size sees whose file it is, as long as the file was empty or ours */
	if (!put(p->cfg, mark, sizeof(mark), MARK_AT))
		goto bad;
	if (sh_ftruncate(p->cfg, CFG_SIZE) != 0)
		goto bad;
	for (off_t at = 0; at < MARK_AT; at += (off_t)sizeof(zero)) {
		memcpy(zero, head, at == 0 ? sizeof(head) : 0);
		if (!put(p->cfg, zero, sizeof(zero), at))
			goto bad;
		memset(zero, 0, sizeof(head));
	}
	return 0;
bad:
	err = errno != 0 ? -errno : -ENOSPC;
	sh_err("cannot write %s/config: %s; free some space or point RUNTIME_DIRECTORY elsewhere", p->dir,
	       strerror(-err));
	return err;
}
