/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * common.h - what the bench programs share: time, percentiles, "is that process asleep?"
 *
 * Header-only and free of any library: channel.c is built against shoal and against DPDK from the same text.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define B_PAYLOAD 64	/* bytes each way */
#define B_TASKS 64	/* threads of a peer that can be watched */
#define B_T0 "BENCH_T0" /* environment: CLOCK_MONOTONIC ns just before exec */

static inline uint64_t b_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* CPU time of this thread: what it was kept from running does not count */
static inline uint64_t b_used(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline void b_sleep_ns(uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};

	nanosleep(&ts, NULL);
}

/* ns since the exec that floor.c's "t0" stamped; 0 when started by hand */
static inline uint64_t b_since_exec(void)
{
	const char *s = getenv(B_T0);

	return s != NULL ? b_now() - strtoull(s, NULL, 10) : 0;
}

__attribute__((noreturn)) static inline void b_die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

/* ---- percentiles ---- */

static inline int b_cmp(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* one JSON line: the figures in us of n samples in ns (which are sorted in place) */
static inline void b_report(int64_t *v, unsigned n)
{
	double sum = 0;

	if (n == 0)
		b_die("no samples");
	qsort(v, n, sizeof(*v), b_cmp);
	for (unsigned i = 0; i < n; i++)
		sum += (double)v[i];
	printf("result {\"n\": %u, \"p50\": %.3f, \"p99\": %.3f, \"min\": %.3f, \"max\": %.3f, \"mean\": %.3f}\n", n,
	       (double)v[n / 2] / 1e3, (double)v[(uint64_t)n * 99 / 100] / 1e3, (double)v[0] / 1e3,
	       (double)v[n - 1] / 1e3, sum / n / 1e3);
	fflush(stdout);
}

/* ---- waiting until a process sleeps: every thread of it is in state S ---- */

struct b_tasks {
	int fd[B_TASKS];
	unsigned n;
};

static inline void b_tasks_open(struct b_tasks *t, int pid)
{
	char path[64];
	struct dirent *e;
	DIR *d;

	t->n = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	if (d == NULL)
		b_die("the receiver is gone");
	while ((e = readdir(d)) != NULL && t->n < B_TASKS) {
		char name[320];

		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/stat", e->d_name);
		t->fd[t->n] = openat(dirfd(d), name, O_RDONLY | O_CLOEXEC);
		if (t->fd[t->n] >= 0)
			t->n++;
	}
	closedir(d);
}

static inline bool b_tasks_asleep(const struct b_tasks *t)
{
	char buf[128];

	for (unsigned i = 0; i < t->n; i++) {
		ssize_t got = pread(t->fd[i], buf, sizeof(buf) - 1, 0);
		const char *p;

		if (got <= 0)
			continue; /* that thread has ended */
		buf[got] = '\0';
		p = strrchr(buf, ')');
		if (p == NULL || p[1] == '\0' || p[2] != 'S')
			return false;
	}
	return true;
}

/* pause, then look until all threads sleep; bounded, because a receiver that polls for ever never does */
static inline void b_await_sleep(const struct b_tasks *t, uint64_t pause_ns)
{
	uint64_t dl;

	b_sleep_ns(pause_ns);
	dl = b_now() + 1000000000u;
	while (!b_tasks_asleep(t)) {
		if (b_now() > dl)
			b_die("the receiver does not go to sleep");
		b_sleep_ns(20000);
	}
}

#endif
