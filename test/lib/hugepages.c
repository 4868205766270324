/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hugepages.c - huge pages of 2 MiB for a case, and the machine as it was afterwards
 *
 * One case on the machine at a time has them: a lock on the kernel's own file, which is the same in a chroot. What there was
 * before stands in a file until it has been put back; the runner does that when the case is over, however it ended, and the
 * next one who takes the lock would.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "check_priv.h"
#include "hugepages.h"

#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define WAS "/run/shoal-test-hugepages"

/* the pool as it was: pages that stand by, and pages that may come besides */
struct pool {
	unsigned set, over;
};

unsigned t_huge_number(const char *name)
{
	char path[160];
	unsigned n = 0;
	FILE *f;

	snprintf(path, sizeof(path), POOL "%s", name);
	f = fopen(path, "re");
	if (f != NULL && fscanf(f, "%u", &n) != 1)
		n = 0;
	if (f != NULL)
		fclose(f);
	return n;
}

static bool put_number(const char *name, unsigned n)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), POOL "%s", name);
	f = fopen(path, "we");
	if (f == NULL)
		return false;
	fprintf(f, "%u\n", n);
	return fclose(f) == 0;
}

static int lock(void)
{
	int fd = open(POOL "nr_hugepages", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool read_was(struct pool *p)
{
	FILE *f = fopen(WAS, "re");
	bool ok = f != NULL && fscanf(f, "%u %u", &p->set, &p->over) == 2;

	if (f != NULL)
		fclose(f);
	return ok;
}

static bool write_was(const struct pool *p)
{
	int fd = open(WAS, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && dprintf(fd, "%u %u\n", p->set, p->over) > 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static void put_back(void)
{
	struct pool was;

	if (!read_was(&was))
		return;
	(void)put_number("nr_hugepages", was.set);
	(void)put_number("nr_overcommit_hugepages", was.over);
	(void)unlink(WAS);
}

/* so many and those that are in use */
static unsigned besides(unsigned pages)
{
	return t_huge_number("nr_hugepages") - t_huge_number("free_hugepages") + pages;
}

static void check_free(unsigned pages)
{
	unsigned got = t_huge_number("free_hugepages");

	if (got >= pages)
		return;
	put_back();
	SKIP("the kernel has %u huge pages free, not the %u that are wanted", got, pages);
}

void t_huge_pages(unsigned pages)
{
	struct pool was;
	unsigned want;
	int fd;

	if (geteuid() != 0)
		SKIP("only root can set huge pages aside");
	fd = lock(); /* this process has it to its end */
	if (fd < 0)
		SKIP("this kernel has no huge pages of 2 MiB");
	if (!read_was(&was)) {
		/* what came besides counts in nr_hugepages */
		was = (struct pool){t_huge_number("nr_hugepages") - t_huge_number("surplus_hugepages"),
				    t_huge_number("nr_overcommit_hugepages")};
		if (!write_was(&was))
			SKIP("cannot note in %s how many huge pages there are", WAS);
	}
	t_mark_huge();
	want = besides(pages);
	if (!put_number("nr_hugepages", want > was.set ? want : was.set) || !put_number("nr_overcommit_hugepages", 0)) {
		put_back();
		SKIP("the number of huge pages cannot be set here");
	}
	check_free(pages);
}

void t_huge_again(unsigned pages)
{
	if (t_huge_number("free_hugepages") >= pages)
		return;
	(void)put_number("nr_hugepages", besides(pages));
	check_free(pages);
}

/* in a file, for the runner, which is another process */
static void mark_path(char *path, size_t cap)
{
	snprintf(path, cap, "%s/huge", t_here.logs);
}

void t_mark_huge(void)
{
	char path[512];
	int fd;

	mark_path(path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

void t_unset_huge(void)
{
	char path[512];
	int fd;

	mark_path(path, sizeof(path));
	if (access(path, F_OK) != 0)
		return;
	fd = lock();
	put_back();
	if (fd >= 0)
		close(fd);
	(void)unlink(path);
}
