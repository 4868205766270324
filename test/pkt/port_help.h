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

/* what the library says until log_as_before(), in memory */
static char *said_text;
static size_t said_len;
static FILE *said_file;

static inline void listen_to_log(void)
{
	CHECK((said_file = open_memstream(&said_text, &said_len)) != NULL);
	CHECK_EQ(rte_openlog_stream(said_file), 0);
}

static inline unsigned said(const char *what)
{
	unsigned n = 0;

	CHECK_EQ(fflush(said_file), 0);
	for (const char *at = said_text; (at = strstr(at, what)) != NULL; at += strlen(what))
		n++;
	return n;
}

/* but for the one that depends on how much memory others of this machine have */
static inline unsigned lines_said(void)
{
	return said("\n") - said("EAL: no huge page of ");
}

static inline void log_as_before(void)
{
	CHECK_EQ(rte_openlog_stream(NULL), 0);
	CHECK_EQ(fclose(said_file), 0);
	free(said_text);
}

/* the port's address is a port_mac's: for t_until() */
struct port_mac {
	uint16_t port;
	struct rte_ether_addr mac;
};

static inline bool mac_is(void *arg)
{
	const struct port_mac *x = arg;
	struct rte_ether_addr is;

	CHECK_EQ(rte_eth_macaddr_get(x->port, &is), 0);
	return memcmp(&is, &x->mac, sizeof(is)) == 0;
}

static inline struct rte_eth_stats stats_of(uint16_t port)
{
	struct rte_eth_stats s;

	CHECK_EQ(rte_eth_stats_get(port, &s), 0);
	return s;
}

#endif
