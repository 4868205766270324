/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shoal_ring.h - sleeping for a ring
 *
 * For consumers that have nothing to do most of the time, and for producers whose consumers are slow. Others need not know:
 * an enqueue or dequeue by whatever call wakes who sleeps. As long as nobody sleeps for a ring that costs them a look at a
 * word which they read anyway.
 */
#ifndef SHOAL_RING_H
#define SHOAL_RING_H

#include <time.h>

#include <rte_ring.h>

#ifdef __cplusplus
extern "C" {
#endif

struct timespec; /* strict C99 has none in time.h */

#define SHOAL_RING_ELEMENTS 0u /* an element is there */
#define SHOAL_RING_ROOM 1u     /* there is room for one */

/**
 * Sleep until a ring has an element, or room. Another consumer may take it first: look, and sleep again.
 *
 * A wake-up is never lost, whoever is killed or stopped meanwhile. Asleep it uses no CPU.
 *
 * Threads:  any number, in any processes. Not a cancellation point.
 * @param what     SHOAL_RING_ELEMENTS or SHOAL_RING_ROOM.
 * @param timeout  relative; NULL: as long as it takes.
 * Returns:  0: there is; -1 with rte_errno: ETIMEDOUT; EINTR a signal was handled; EINVAL what, timeout or ring; EPERM this
 *           process is no member of the group; ENOTSUP the ring is in memory of this process alone.
 */
int shoal_ring_wait(struct rte_ring *r, unsigned int what, const struct timespec *timeout);

#ifdef __cplusplus
}
#endif

#endif
