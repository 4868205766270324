/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * huge.c - which huge pages are there, and what is said about it
 *
 * Two kinds: those of 2 MiB that the administrator sets aside (vm.nr_hugepages), which have a window of their own, and
 * ordinary ones that the kernel joins where shmem_enabled allows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "mem/priv.h"
#include "proc/opts.h"

#define HUGETLBFS 0x958458f6
#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define SHMEM "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

static bool text_of(const char *path, char *buf, size_t cap)
{
	int fd = sh_fd_up(open(path, O_RDONLY | O_CLOEXEC));
	ssize_t n = fd >= 0 ? read(fd, buf, cap - 1) : -1;

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static uint64_t number_of(const char *path)
{
	char buf[32];

	return text_of(path, buf, sizeof(buf)) ? strtoull(buf, NULL, 10) : 0;
}

static bool is_huge_file(int fd)
{
	struct statfs fs;

	return fd >= 0 && fstatfs(fd, &fs) == 0 && (unsigned long)fs.f_type == HUGETLBFS;
}

static enum sh_huge_opt wanted(void)
{
	return sh_ctx.opts != NULL ? sh_ctx.opts->huge : SH_HUGE_NEVER;
}

bool sh_huge_joined(void)
{
	char text[128];

	return wanted() == SH_HUGE_AUTO && text_of(SHMEM, text, sizeof(text)) &&
	       (strstr(text, "[advise]") != NULL || strstr(text, "[always]") != NULL ||
		strstr(text, "[within_size]") != NULL);
}

uint64_t sh_huge_free(void)
{
	uint64_t may = number_of(POOL "nr_overcommit_hugepages"), more = number_of(POOL "surplus_hugepages");

	return number_of(POOL "free_hugepages") + (may > more ? may - more : 0);
}

int sh_huge_plan(int fd, bool *small, bool *large)
{
	uint64_t all = number_of(POOL "nr_hugepages"), may = number_of(POOL "nr_overcommit_hugepages");

	*large = wanted() != SH_HUGE_NEVER && is_huge_file(fd) && all + may > 0;
	*small = wanted() != SH_HUGE_ONLY;
	if (*large) {
		sh_info("huge pages of 2 MiB: %llu of %llu are free", (unsigned long long)sh_huge_free(),
			(unsigned long long)(all + may));
	} else if (wanted() == SH_HUGE_ONLY) {
		sh_err("option --huge=only: this machine has no huge pages of 2 MiB for us: set some aside (sysctl "
		       "vm.nr_hugepages=N), or use --huge=auto");
		return -ENOMEM;
	} else if (wanted() == SH_HUGE_AUTO && sh_huge_joined()) {
		sh_info("no huge pages of 2 MiB are set aside: the kernel is advised to join ordinary ones");
	} else if (wanted() == SH_HUGE_AUTO) {
		sh_info("no huge pages: none are set aside (vm.nr_hugepages), and none may be joined (%s): memory has "
			"pages of 4 KiB",
			SHMEM);
	}
	return 0;
}
