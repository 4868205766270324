/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_eth_ring.h - ports made of rings
 *
 * What is sent on a queue goes into its ring; what is received comes out of one. With rings of the group, what one process
 * sends on one port another receives on the other. Packets pass untouched: m->port stays the sender's, bytes are not counted.
 * The same as devices: --vdev=net_ring0[,nodeaction=NAME:NODE:CREATE|ATTACH], see the manual.
 */
#ifndef RTE_ETH_RING_H
#define RTE_ETH_RING_H

#include <rte_ring.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Make the port "net_ring_<name>", or "net_ring_<the ring's name>", in the whole group. The rings stay the caller's: to be freed
 * after the port. They must be of the group (rte_ring_create()) and hold mbufs.
 * Returns:  the port; -1 with rte_errno: EINVAL, ENAMETOOLONG, EEXIST, ENOSPC, ENOMEM.
 */
int rte_eth_from_rings(const char *name, struct rte_ring *const rx_queues[], const unsigned int nb_rx_queues,
		       struct rte_ring *const tx_queues[], const unsigned int nb_tx_queues,
		       const unsigned int numa_node);
/** One ring both ways: what is sent comes back. */
int rte_eth_from_ring(struct rte_ring *r);

#ifdef __cplusplus
}
#endif

#endif
