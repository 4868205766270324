/* SPDX-License-Identifier: BSD-3-Clause */
/* port_help.h - what the tests of ports have in common */
#ifndef PORT_HELP_H
#define PORT_HELP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_bus.h>
#include <rte_bus_vdev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_kvargs.h>
#include <rte_mbuf.h>
#include <shoal_port.h>

#include "check.h"

/* every process is lcore 0; more options up to NULL. Returns what rte_eal_init() does */
static inline int init_with(const char *type, const char *const more[])
{
	static char words[24][128];
	char *argv[25];
	int n = 0;

	snprintf(words[n++], sizeof(words[0]), "port");
	snprintf(words[n++], sizeof(words[0]), "--proc-type=%s", type);
	snprintf(words[n++], sizeof(words[0]), "--lcores=0@0");
	snprintf(words[n++], sizeof(words[0]), "--log-level=info");
	for (unsigned i = 0; more != NULL && more[i] != NULL; i++)
		snprintf(words[n++], sizeof(words[0]), "%s", more[i]);
	for (int i = 0; i < n; i++)
		argv[i] = words[i];
	argv[n] = NULL;
	return rte_eal_init(n, argv);
}

#define INIT(type, ...) CHECK(init_with(type, (const char *const[]){__VA_ARGS__, NULL}) >= 0)

static inline struct rte_mempool *make_pool(const char *name, unsigned n)
{
	struct rte_mempool *mp = rte_pktmbuf_pool_create(name, n, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);

	CHECK(mp != NULL);
	return mp;
}

/* n queues each way, started */
static inline void start_port(uint16_t port, uint16_t n, struct rte_mempool *mp)
{
	struct rte_eth_conf conf;

	memset(&conf, 0, sizeof(conf));
	CHECK_EQ(rte_eth_dev_configure(port, n, n, &conf), 0);
	for (uint16_t q = 0; q < n; q++) {
		CHECK_EQ(rte_eth_rx_queue_setup(port, q, 64, 0, NULL, mp), 0);
		CHECK_EQ(rte_eth_tx_queue_setup(port, q, 64, 0, NULL), 0);
	}
	CHECK_EQ(rte_eth_dev_start(port), 0);
}

static inline uint16_t port_named(const char *name)
{
	uint16_t id = RTE_MAX_ETHPORTS;

	CHECK_EQ(rte_eth_dev_get_port_by_name(name, &id), 0);
	return id;
}

static inline struct rte_eth_stats stats_of(uint16_t port)
{
	struct rte_eth_stats s;

	CHECK_EQ(rte_eth_stats_get(port, &s), 0);
	return s;
}

#endif
