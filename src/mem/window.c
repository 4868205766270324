/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * window.c - pages of the window's file
 *
 * The file grows and is backed by fallocate() alone: no page is handed out that the kernel has not given yet, so no access
 * can end in SIGBUS; and RLIMIT_FSIZE, which counts for memfds, is looked at first, so no growth can end in SIGXFSZ.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "mem/priv.h"

static bool limit_allows(int fd, uint64_t end)
{
	struct rlimit rl;
	struct stat st;

	if (getrlimit(RLIMIT_FSIZE, &rl) < 0 || rl.rlim_cur == RLIM_INFINITY || end <= rl.rlim_cur)
		return true;
	return fstat(fd, &st) == 0 && end <= (uint64_t)st.st_size; /* below the mark the limit does not count */
}

int sh_mem_back(struct sh_mem *m, uint64_t off, uint64_t len)
{
	int r;

	if (!limit_allows(m->fd, off + len))
		return -EFBIG;
	do {
		r = fallocate(m->fd, 0, (off_t)off, (off_t)len);
	} while (r < 0 && errno == EINTR); /* the lock's owner has signals blocked: only a debugger gets here */
	if (r == 0)
		return 0;
	return errno == EFBIG ? -EFBIG : -ENOBUFS;
}

void sh_mem_punch(struct sh_mem *m, uint64_t off, uint64_t len)
{
	int r;

	do {
		r = fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len);
	} while (r < 0 && errno == EINTR);
	/* if the kernel refuses they stay, and serve whoever gets this extent next */
}

int sh_mem_back_entry(struct sh_mem *m, const void *entry)
{
	uint64_t off = (uint64_t)((const unsigned char *)entry - (const unsigned char *)m->h);

	if ((off & (SH_MEM_PAGE - 1)) != 0)
		return 0;
	SH_STEP("mem_table_grows");
	return sh_mem_back(m, off, SH_MEM_PAGE);
}
