/* SPDX-License-Identifier: BSD-3-Clause */
/* look.c - what the kernel shows of a process, in /proc: its memory, whether a thread sleeps. See check.h. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* a debugger goes through mem, which minds no protection: 1, or -1 and errno */
static int read_byte(pid_t pid, int mem, unsigned long at)
{
	char byte;
	struct iovec l = {&byte, 1}, r = {(void *)at, 1};

	return (int)(mem >= 0 ? pread(mem, &byte, 1, (off_t)at) : process_vm_readv(pid, &l, 1, &r, 1, 0));
}

static long read_mapping(pid_t pid, int mem, unsigned long from, unsigned long to)
{
	long pages = 0;

	for (; from < to; from += 4096, pages++)
		if (read_byte(pid, mem, from) != 1)
			return errno == EPERM ? -1 : pages; /* beyond the end of the file there is nothing */
	return pages;
}

long t_read_pages(const struct t_proc *p, const char *mapped, bool debugger)
{
	unsigned long from, to;
	char path[64], line[512];
	long pages = 0, n;
	int mem = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)p->pid);
	if (debugger) {
		mem = open(path, O_RDONLY | O_CLOEXEC);
		if (mem < 0)
			return -1;
	}
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)p->pid);
	f = fopen(path, "re");
	CHECK(f != NULL);
	while (pages >= 0 && fgets(line, sizeof(line), f) != NULL) {
		if (strstr(line, mapped) == NULL || sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		n = read_mapping(p->pid, mem, from, to);
		pages = n < 0 ? -1 : pages + n;
	}
	fclose(f);
	if (mem >= 0)
		close(mem);
	return pages;
}

bool t_sleeps(pid_t tid)
{
	char path[64], line[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	f = fopen(path, "re");
	if (f == NULL || fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	if (f != NULL)
		fclose(f);
	return strstr(line, ") S ") != NULL;
}
