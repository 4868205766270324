/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch.c - who receives and sends how much on which queue of each port, again and again
 *
 *   watch --proc-type=secondary [--file-prefix PREFIX] [-- POOL]
 *
 * A member of a group of any programs; it takes no packet and changes nothing. At a terminal the table is redrawn in place,
 * elsewhere one follows the other, each with an empty line behind it. POOL: how many mbufs are in it, and what is in use of the
 * group's heap. SIGINT, SIGTERM: end.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <shoal_port.h>

#define EVERY_MS 100

static volatile sig_atomic_t ended;

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

/* the process whose queue it is, 0: nobody's */
static int whose(uint16_t port, uint16_t queue, enum shoal_eth_dir dir)
{
	int pid = 0;

	return shoal_eth_queue_owner(port, queue, dir, NULL, &pid) == 0 ? pid : 0;
}

/* in five characters: what does not fit in thousands, millions ... */
static const char *brief(uint64_t n, char buf[8])
{
	const char *unit = "\0kMGTP";

	for (; n > (*unit == '\0' ? 99999 : 9999); n /= 1000)
		unit++;
	(void)snprintf(buf, 8, "%u%.1s", (unsigned)n, unit);
	return buf;
}

/* lines written; none is longer than 76 characters */
static unsigned queues(uint16_t port)
{
	struct rte_eth_dev_info info;
	struct rte_eth_stats s;
	char missed[8], errors[8];
	unsigned n = 0, all;

	if (rte_eth_dev_info_get(port, &info) != 0 || rte_eth_stats_get(port, &s) != 0)
		return 0;
	all = info.nb_rx_queues > info.nb_tx_queues ? info.nb_rx_queues : info.nb_tx_queues;
	for (uint16_t q = 0; q < all && q < RTE_ETHDEV_QUEUE_STAT_CNTRS; q++, n++) {
		int pid = whose(port, q, SHOAL_ETH_RX);

		if (pid == 0)
			pid = whose(port, q, SHOAL_ETH_TX);
		printf("%4u %6u %9d %12" PRIu64 " %12" PRIu64 "\n", port, q, pid, s.q_ipackets[q], s.q_opackets[q]);
	}
	printf("%4u    all           %12" PRIu64 " %12" PRIu64 "   missed %s, errors %s\n", port, s.ipackets,
	       s.opackets, brief(s.imissed, missed), brief(s.ierrors + s.oerrors, errors));
	return n + 1;
}

static unsigned table(const struct rte_mempool *pool)
{
	struct rte_malloc_socket_stats heap;
	unsigned n = 1;
	uint16_t port;

	printf("port  queue   process     received         sent\n");
	RTE_ETH_FOREACH_DEV(port)
	n += queues(port);
	if (pool != NULL && rte_malloc_get_socket_stats(0, &heap) == 0) {
		printf("heap: %zu bytes in %u pieces\n", heap.heap_allocsz_bytes, heap.alloc_count);
		n++;
	}
	if (pool != NULL) {
		printf("pool %s: %u of %u mbufs\n", pool->name, rte_mempool_avail_count(pool), pool->size);
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	struct rte_mempool *pool = NULL;
	bool tty = isatty(STDOUT_FILENO) != 0;
	unsigned drawn = 0;
	int n = rte_eal_init(argc, argv);

	if (n < 0)
		return 1;
	if (n + 1 < argc && (pool = rte_mempool_lookup(argv[n + 1])) == NULL) {
		fprintf(stderr, "watch: there is no pool '%s'\n", argv[n + 1]);
		return 1;
	}
	signal(SIGINT, end);
	signal(SIGTERM, end);
	while (!ended) {
		if (tty && drawn != 0)
			printf("\033[%uA\033[J", drawn);
		drawn = table(pool);
		if (!tty)
			printf("\n");
		if (fflush(stdout) != 0)
			break; /* nobody reads it any more */
		usleep(EVERY_MS * 1000);
	}
	return rte_eal_cleanup();
}
