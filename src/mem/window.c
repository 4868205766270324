/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * window.c - pages of a file
 *
 * A file grows and is backed by fallocate() alone: no page is handed out that the kernel has not given yet, so no access
 * can end in SIGBUS; and RLIMIT_FSIZE, which counts for memfds, is looked at first, so no growth can end in SIGXFSZ.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/fd.h"
#include "mem/priv.h"

/* below the file's end the limit does not count */
static bool limit_allows(int fd, uint64_t end)
{
	struct stat st;

	return sh_fsize_ok(end) || (fstat(fd, &st) == 0 && end <= (uint64_t)st.st_size);
}

int sh_file_back(int fd, uint64_t off, uint64_t len)
{
	int r;

	if (!limit_allows(fd, off + len))
		return -EFBIG;
	do {
		r = fallocate(fd, 0, (off_t)off, (off_t)len);
	} while (r < 0 && errno == EINTR); /* a lock's owner has signals blocked: only a debugger gets here */
	if (r == 0)
		return 0;
	return errno == EFBIG ? -EFBIG : -ENOBUFS;
}

void sh_file_punch(int fd, uint64_t off, uint64_t len)
{
	int r;

	do {
		r = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len);
	} while (r < 0 && errno == EINTR);
	/* if the kernel refuses they stay, and serve whoever gets them next */
}

uint64_t sh_file_held(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

int sh_mem_back_entry(struct sh_mem *m, const void *entry)
{
	uint64_t off = (uint64_t)((const unsigned char *)entry - (const unsigned char *)m->h);

	if ((off & (SH_MEM_PAGE - 1)) != 0)
		return 0;
	SH_STEP("mem_table_grows");
	return sh_file_back(m->fd, off, SH_MEM_PAGE);
}
