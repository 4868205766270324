/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hand.c - does to ports what it is told, a line at a time
 *
 *   hand [options] -- POOL
 *
 * The first of a group makes POOL, others find it. A line of its input is a command, each is answered by a line "N COMMAND: R": the
 * how manyth it was, and what the call returned.
 *
 *   add NAME ARGS   hot plug, then as open; 0 also if it is there
 *   open PORT       stopped, configured with two queues each way that share the pool, started
 *   remove NAME     hot unplug
 *   stop PORT, start PORT
 *   mtu PORT BYTES
 *   leave           the end, in good order. The end of its input is the same
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#define QUEUES 2
#define DESCS 128
#define MBUFS 8192
#define CACHE 64

static int queues(uint16_t port, struct rte_mempool *pool)
{
	int r = 0;

	for (uint16_t q = 0; r == 0 && q < QUEUES; q++) {
		r = rte_eth_rx_queue_setup(port, q, DESCS, 0, NULL, pool);
		if (r == 0)
			r = rte_eth_tx_queue_setup(port, q, DESCS, 0, NULL);
	}
	return r;
}

static int open_port(uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {
		.rxmode = {.mq_mode = RTE_ETH_MQ_RX_RSS, .offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM},
		.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IP,
	};
	struct rte_eth_dev_info info;
	int r = rte_eth_dev_stop(port);

	if (r == 0)
		r = rte_eth_dev_info_get(port, &info);
	if (r == 0) {
		conf.rx_adv_conf.rss_conf.rss_hf &= info.flow_type_rss_offloads;
		conf.rxmode.offloads &= info.rx_offload_capa;
		r = rte_eth_dev_configure(port, QUEUES, QUEUES, &conf);
	}
	if (r == 0)
		r = queues(port, pool);
	if (r == 0)
		r = rte_eth_promiscuous_enable(port);
	return r == 0 ? rte_eth_dev_start(port) : r;
}

static int add(const char *name, const char *args, struct rte_mempool *pool)
{
	uint16_t port;
	int r = rte_eal_hotplug_add("vdev", name, args);

	if (r == 0)
		r = rte_eth_dev_get_port_by_name(name, &port);
	return r == 0 ? open_port(port, pool) : r;
}

/* what the command's call returned */
static int doing(const char *what, const char *a, const char *b, struct rte_mempool *pool)
{
	uint16_t port = (uint16_t)atoi(a);

	if (strcmp(what, "add") == 0)
		return add(a, b, pool);
	if (strcmp(what, "open") == 0)
		return open_port(port, pool);
	if (strcmp(what, "remove") == 0)
		return rte_eal_hotplug_remove("vdev", a);
	if (strcmp(what, "stop") == 0)
		return rte_eth_dev_stop(port);
	if (strcmp(what, "start") == 0)
		return rte_eth_dev_start(port);
	if (strcmp(what, "mtu") == 0)
		return rte_eth_dev_set_mtu(port, (uint16_t)atoi(b));
	return -ENOSYS;
}

int main(int argc, char **argv)
{
	struct rte_mempool *pool;
	char line[256];
	int n = rte_eal_init(argc, argv);

	if (n < 0 || n + 1 >= argc) {
		fprintf(stderr, "hand: it takes options, -- and the name of a pool\n");
		return 1;
	}
	pool = rte_mempool_lookup(argv[n + 1]);
	if (pool == NULL)
		pool = rte_pktmbuf_pool_create(argv[n + 1], MBUFS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (pool == NULL) {
		fprintf(stderr, "hand: no pool %s\n", argv[n + 1]);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("0 %s: 0\n", rte_eal_process_type() == RTE_PROC_PRIMARY ? "primary" : "secondary");
	for (unsigned i = 1; fgets(line, sizeof line, stdin) != NULL; i++) {
		char what[16] = "", a[64] = "", b[160] = "";

		if (sscanf(line, "%15s %63s %159s", what, a, b) < 1 || strcmp(what, "leave") == 0)
			break;
		printf("%u %s: %d\n", i, what, doing(what, a, b, pool));
	}
	return rte_eal_cleanup();
}
