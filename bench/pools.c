/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pools.c - how long it takes to get objects of a pool and to put them back: built against shoal and against DPDK from the
 * same text
 *
 * One process, one lcore. Commands come on stdin, "CASE OBJECTS", each answered by 'result {"ns": ...}', ns for one object got
 * and put. CASE is an index into cases[]. With DPDK, without root and huge pages, the memory is the process' own.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_mempool.h>

#include "common.h"

#define OBJECTS 8191
#define CACHE 256
#define MOST 32

/* so many are held at once, n in a call. More than the cache has: the back end takes part. */
static const struct bench_case {
	const char *name;
	unsigned cache, n, held;
} cases[] = {
	{"cache, 1", CACHE, 1, 1}, {"cache, bulk 32", CACHE, 32, 32}, {"cache, 1024 held by 32", CACHE, 32, 1024},
	{"no cache, 1", 0, 1, 1},  {"no cache, bulk 32", 0, 32, 32},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static void init(void)
{
	char prog[] = "pools", lcores[] = "--lcores=0@0", level[] = "--log-level=error";
#if __has_include(<shoal_mempool.h>)
	char *argv[] = {prog, lcores, level, NULL};

	if (rte_eal_init(3, argv) < 0)
		b_die("init");
#else
	char huge[] = "--no-huge", mem[] = "-m64", pci[] = "--no-pci";
	char *argv[] = {prog, lcores, level, huge, mem, pci, NULL};

	if (rte_eal_init(6, argv) < 0)
		b_die("init");
#endif
}

static void get(struct rte_mempool *mp, void **o, unsigned n)
{
	if ((n == 1 ? rte_mempool_get(mp, o) : rte_mempool_get_bulk(mp, o, n)) != 0)
		b_die("the pool is empty");
}

static void put(struct rte_mempool *mp, void **o, unsigned n)
{
	if (n == 1)
		rte_mempool_put(mp, *o);
	else
		rte_mempool_put_bulk(mp, o, n);
}

/* single and bulk are loops of their own: what a program compiles has a constant there */
static __attribute__((noinline)) void ones(struct rte_mempool *mp, unsigned long objects)
{
	void *o;

	for (unsigned long k = 0; k < objects; k++) {
		get(mp, &o, 1);
		__asm__ volatile("" ::"r"(o) : "memory"); /* it is used */
		put(mp, &o, 1);
	}
}

static __attribute__((noinline)) void bulks(struct rte_mempool *mp, unsigned held, unsigned long objects)
{
	static void *o[1024];

	for (unsigned long k = 0; k < objects; k += held) {
		for (unsigned i = 0; i < held; i += MOST)
			get(mp, o + i, MOST);
		__asm__ volatile("" ::"r"(o) : "memory");
		for (unsigned i = 0; i < held; i += MOST)
			put(mp, o + i, MOST);
	}
}

static double run(struct rte_mempool *mp, const struct bench_case *c, unsigned long objects)
{
	uint64_t began = b_now();

	if (c->n == 1)
		ones(mp, objects);
	else
		bulks(mp, c->held, objects);
	return (double)(b_now() - began) / (double)objects;
}

int main(void)
{
	struct rte_mempool *pools[2];
	unsigned long objects;
	char line[128];
	unsigned i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	init();
	for (i = 0; i < 2; i++) {
		pools[i] = rte_mempool_create(i != 0 ? "cached" : "bare", OBJECTS, 64, i * CACHE, 0, NULL, NULL, NULL,
					      NULL, SOCKET_ID_ANY, 0);
		if (pools[i] == NULL)
			b_die("pool");
	}
	printf("ready %llu\n", (unsigned long long)b_since_exec());
	while (fgets(line, sizeof(line), stdin) != NULL && strncmp(line, "quit", 4) != 0) {
		if (sscanf(line, "%u %lu", &i, &objects) != 2 || i >= CASES || objects < 1024)
			b_die("bad command");
		objects -= objects % 1024;
		printf("result {\"ns\": %.3f}\n", run(pools[cases[i].cache != 0], &cases[i], objects));
	}
	return 0;
}
