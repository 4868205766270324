/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packets_mbuf.c - how long mbufs take to get, to give back, to clone: built against shoal and against DPDK from the same text
 *
 * One process, one lcore. Commands come on stdin, "CASE MBUFS", each answered by 'result {"ns": ...}', ns of CPU time for one mbuf (of a
 * chain: for the packet). CASE is an index into cases[]. With DPDK, without root and huge pages, the memory is the process' own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "common.h"

#define MBUFS 8191
#define CACHE 256
#define BULK 32
#define HELD 1024

static struct rte_mempool *cached, *bare;
static struct rte_mbuf *held[HELD];

#define USED(p) __asm__ volatile("" ::"r"(p) : "memory") /* the program looks at it */
#define LOOP __attribute__((noinline)) static void

static void check(bool ok)
{
	if (!ok)
		b_die("the pool is empty");
}

LOOP singles(unsigned long n)
{
	for (unsigned long k = 0; k < n; k++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(cached);

		USED(m);
		rte_pktmbuf_free(m);
	}
}

static void bulk_of(struct rte_mempool *mp, unsigned long n)
{
	for (unsigned long k = 0; k < n; k += BULK) {
		check(rte_pktmbuf_alloc_bulk(mp, held, BULK) == 0);
		USED(held);
		rte_pktmbuf_free_bulk(held, BULK);
	}
}

LOOP bulks(unsigned long n)
{
	bulk_of(cached, n);
}

LOOP bare_bulks(unsigned long n)
{
	bulk_of(bare, n);
}

/* as a driver does: taken in bursts, given back one by one */
LOOP burst_and_singles(unsigned long n)
{
	for (unsigned long k = 0; k < n; k += BULK) {
		check(rte_pktmbuf_alloc_bulk(cached, held, BULK) == 0);
		USED(held);
		for (unsigned i = 0; i < BULK; i++)
			rte_pktmbuf_free(held[i]);
	}
}

/* more than the cache has: its way to the back end takes part */
LOOP many(unsigned long n)
{
	for (unsigned long k = 0; k < n; k += HELD) {
		for (unsigned i = 0; i < HELD; i += BULK)
			check(rte_pktmbuf_alloc_bulk(cached, held + i, BULK) == 0);
		USED(held);
		for (unsigned i = 0; i < HELD; i += BULK)
			rte_pktmbuf_free_bulk(held + i, BULK);
	}
}

static struct rte_mbuf *chain(unsigned segs)
{
	struct rte_mbuf *m = NULL, *n;

	while (segs-- > 0) {
		n = rte_pktmbuf_alloc(cached);
		check(n != NULL && rte_pktmbuf_append(n, 64) != NULL);
		if (m == NULL)
			m = n;
		else
			check(rte_pktmbuf_chain(m, n) == 0);
	}
	return m;
}

static void clones_of(unsigned segs, unsigned long n)
{
	struct rte_mbuf *m = chain(segs);

	for (unsigned long k = 0; k < n; k++) {
		struct rte_mbuf *c = rte_pktmbuf_clone(m, cached);

		USED(c);
		rte_pktmbuf_free(c);
	}
	rte_pktmbuf_free(m);
}

LOOP clones(unsigned long n)
{
	clones_of(1, n);
}

LOOP clones_of_3(unsigned long n)
{
	clones_of(3, n);
}

LOOP chains_of_3(unsigned long n)
{
	for (unsigned long k = 0; k < n; k++) {
		struct rte_mbuf *m = chain(3);

		USED(m);
		rte_pktmbuf_free(m);
	}
}

/* what forwarding does with a header */
LOOP headers(unsigned long n)
{
	struct rte_mbuf *m = chain(1);

	for (unsigned long k = 0; k < n; k++) {
		USED(rte_pktmbuf_adj(m, 14));
		USED(rte_pktmbuf_prepend(m, 14));
		USED(rte_pktmbuf_append(m, 4));
		check(rte_pktmbuf_trim(m, 4) == 0);
	}
	rte_pktmbuf_free(m);
}

static void no_free(void *addr, void *opaque)
{
	(void)addr;
	(void)opaque;
}

LOOP external(unsigned long n)
{
	uint16_t len = 2048;
	char *buf = rte_malloc(NULL, len, 0);
	struct rte_mbuf_ext_shared_info *s = rte_pktmbuf_ext_shinfo_init_helper(buf, &len, no_free, NULL);

	for (unsigned long k = 0; k < n; k++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(cached);

		rte_mbuf_ext_refcnt_update(s, 1);
		rte_pktmbuf_attach_extbuf(m, buf, (rte_iova_t)(uintptr_t)buf, len, s);
		USED(m);
		rte_pktmbuf_free(m);
	}
	rte_free(buf);
}

static void (*const cases[])(unsigned long n) = {singles, bulks,       burst_and_singles, many,	   bare_bulks,
						 clones,  clones_of_3, chains_of_3,	  headers, external};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static void init(void)
{
	char prog[] = "packets", lcores[] = "--lcores=0@0", level[] = "--log-level=error";
#if __has_include(<shoal_mempool.h>)
	char *argv[] = {prog, lcores, level, NULL};

	if (rte_eal_init(3, argv) < 0)
		b_die("init");
#else
	char huge[] = "--no-huge", mem[] = "-m128", pci[] = "--no-pci";
	char *argv[] = {prog, lcores, level, huge, mem, pci, NULL};

	if (rte_eal_init(6, argv) < 0)
		b_die("init");
#endif
	cached = rte_pktmbuf_pool_create("cached", MBUFS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	bare = rte_pktmbuf_pool_create("bare", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (cached == NULL || bare == NULL)
		b_die("pool");
}

int main(void)
{
	unsigned long n;
	char line[128];
	uint64_t began;
	unsigned i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	init();
	printf("ready %llu\n", (unsigned long long)b_since_exec());
	while (fgets(line, sizeof(line), stdin) != NULL && strncmp(line, "quit", 4) != 0) {
		if (sscanf(line, "%u %lu", &i, &n) != 2 || i >= CASES || n < HELD)
			b_die("bad command");
		n -= n % HELD;
		began = b_used();
		cases[i](n);
		printf("result {\"ns\": %.3f}\n", (double)(b_used() - began) / (double)n);
	}
	return 0;
}
