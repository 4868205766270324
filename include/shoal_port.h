/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shoal_port.h - who uses which queue
 *
 * A process becomes a queue's owner by its first burst there. It stays owner until it ends, gives the queue away, or somebody
 * stops the queue or its port.
 */
#ifndef SHOAL_PORT_H
#define SHOAL_PORT_H

#include <stdint.h>

#include <shoal_member.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shoal_eth_dir { SHOAL_ETH_RX = 0, SHOAL_ETH_TX = 1 };

/**
 * Who owns a queue. Returns 0 and *owner, *pid; -ENOENT nobody does; -ENODEV, -EINVAL. Either pointer may be NULL. A dead
 * owner counts as nobody.
 */
int shoal_eth_queue_owner(uint16_t port_id, uint16_t queue_id, enum shoal_eth_dir dir, uint64_t *owner, int *pid);

/**
 * Give a queue of this process away: the next one to burst there, here or elsewhere, gets it. No thread may be in a burst on
 * it. Returns 0; -ENOENT this process does not own it; -ENODEV, -EINVAL, -EPERM (a forked child).
 */
int shoal_eth_queue_leave(uint16_t port_id, uint16_t queue_id, enum shoal_eth_dir dir);

#ifdef __cplusplus
}
#endif

#endif
