/* SPDX-License-Identifier: BSD-3-Clause */
/* silent_help.h - bursts while another thread of this process is in a call that waits for a stopped process' descriptors */
#ifndef SILENT_HELP_H
#define SILENT_HELP_H

#include <pthread.h>

#include <rte_ethdev.h>

#include "check.h"
#include "port_help.h"

struct waits {
	pthread_t thread;
	bool begun, done;
};

static void *ask_for_link(void *arg)
{
	struct waits *w = arg;
	struct rte_eth_link l;

	__atomic_store_n(&w->begun, true, __ATOMIC_SEQ_CST);
	(void)rte_eth_link_get_nowait(0, &l);
	__atomic_store_n(&w->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static inline bool has_begun(void *arg)
{
	return __atomic_load_n(&((struct waits *)arg)->begun, __ATOMIC_SEQ_CST);
}

/* one burst each way on each queue, all in vain, and all over before that call is */
static inline void burst_in_vain(struct waits *w, uint16_t ports, uint16_t queues)
{
	struct rte_mbuf *m;

	*w = (struct waits){.begun = false};
	CHECK_EQ(pthread_create(&w->thread, NULL, ask_for_link, w), 0);
	t_until(has_begun, w);
	for (uint16_t port = 0; port < ports; port++)
		for (uint16_t q = 0; q < queues; q++) {
			CHECK_EQ(rte_eth_rx_burst(port, q, &m, 1), 0);
			m = rte_pktmbuf_alloc(rte_mempool_lookup("mp"));
			CHECK(m != NULL && rte_pktmbuf_append(m, 60) != NULL);
			CHECK_EQ(rte_eth_tx_burst(port, q, &m, 1), 0);
			rte_pktmbuf_free(m);
		}
	CHECK(!__atomic_load_n(&w->done, __ATOMIC_SEQ_CST));
}

/* a newcomer that is told when to burst, in vain, and when packets are on their way */
static inline void come_in_vain(uint16_t ports, uint16_t queues)
{
	struct waits w;
	char line[32];

	INIT("secondary", NULL);
	t_tell("ready");
	CHECK(t_hear(line, sizeof(line)));
	burst_in_vain(&w, ports, queues);
	t_tell("done");
	CHECK(t_hear(line, sizeof(line)));
	CHECK_EQ(pthread_join(w.thread, NULL), 0);
}

#endif
