/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_ethdev_core.h - what the inline functions of rte_ethdev.h need of the library; not to be called by programs
 *
 * rte_eth_fp_ops[] is private to the process. A queue's entry is all zeros until this process bursts there first; then the
 * library makes the process the queue's owner, if nobody else is, and burst is the driver's function.
 */
#ifndef RTE_ETHDEV_CORE_H
#define RTE_ETHDEV_CORE_H

#include <stddef.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_config.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_mbuf;

typedef uint16_t (*eth_rx_burst_t)(void *rxq, struct rte_mbuf **rx_pkts, uint16_t nb_pkts);
typedef uint16_t (*eth_tx_burst_t)(void *txq, struct rte_mbuf **tx_pkts, uint16_t nb_pkts);

struct __rte_eth_queue {
	eth_rx_burst_t burst; /* NULL: ask the library */
	void *data;
	void *cb; /* callbacks; NULL: there are none */
	void *own;
};

struct rte_eth_fp_ops {
	struct __rte_eth_queue *rxq, *txq; /* RTE_MAX_QUEUES_PER_PORT each */
};
extern struct rte_eth_fp_ops rte_eth_fp_ops[RTE_MAX_ETHPORTS];

uint16_t __rte_eth_rx_first(uint16_t port_id, uint16_t queue_id, struct rte_mbuf **rx_pkts, uint16_t nb_pkts);
uint16_t __rte_eth_tx_first(uint16_t port_id, uint16_t queue_id, struct rte_mbuf **tx_pkts, uint16_t nb_pkts);
uint16_t rte_eth_call_rx_callbacks(uint16_t port_id, uint16_t queue_id, struct rte_mbuf **rx_pkts, uint16_t nb_rx,
				   uint16_t nb_pkts, void *opaque);
uint16_t rte_eth_call_tx_callbacks(uint16_t port_id, uint16_t queue_id, struct rte_mbuf **tx_pkts, uint16_t nb_pkts,
				   void *opaque);

#ifdef __cplusplus
}
#endif

#endif
