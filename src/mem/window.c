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
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/fd.h"
#include "mem/priv.h"
#include "proc/proc.h"

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

/* ---- the tables of the header window ---- */

static const struct {
	enum sh_group_fd file;
	uint64_t off, end; /* in the window */
} tables[] = {
	{SH_FD_DIR, offsetof(struct sh_mem_hdr, dir), offsetof(struct sh_mem_hdr, zones)},
	{SH_FD_ZONES, offsetof(struct sh_mem_hdr, zones), offsetof(struct sh_mem_hdr, gates)},
	{SH_FD_GATES, offsetof(struct sh_mem_hdr, gates), sizeof(struct sh_mem_hdr)},
	{SH_FD_STEPS, SH_STEPS_OFF, SH_MEM_WINDOW},
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

int sh_tables_map(struct sh_mem *m)
{
	for (unsigned i = 0; i < TABLES; i++)
		if (mmap((unsigned char *)m->h + tables[i].off, tables[i].end - tables[i].off, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_NORESERVE | MAP_FIXED, sh_group_fd(tables[i].file), 0) == MAP_FAILED)
			return -errno;
	return 0;
}

int sh_mem_back_entry(const struct sh_mem *m, const void *entry)
{
	uint64_t off = (uint64_t)((const unsigned char *)entry - (const unsigned char *)m->h);
	unsigned i = 0;
	int r;

	if ((off & (SH_MEM_PAGE - 1)) != 0)
		return 0;
	while (i + 1 < TABLES && off >= tables[i].end)
		i++;
	SH_STEP("mem_table_grows");
	r = sh_file_back(sh_group_fd(tables[i].file), off - tables[i].off, SH_MEM_PAGE);
	SH_STEP("mem_table_grown");
	return r;
}
