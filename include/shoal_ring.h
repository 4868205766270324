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
 * A wake-up is not lost when whoever should have made it is killed. One that is stopped (SIGSTOP, a debugger) between its
 * enqueue or dequeue and the wake-up holds it back: the caller sleeps on until that one goes on or ends, another enqueue or
 * dequeue of that side comes, or the timeout. Asleep it uses no CPU.
 *
 * Threads:  any number, in any processes. Not a cancellation point.
 * @param what     SHOAL_RING_ELEMENTS or SHOAL_RING_ROOM.
 * @param timeout  relative; NULL: as long as it takes.
 * Returns:  0: there is; -1 with rte_errno: ETIMEDOUT; EINTR a signal was handled; EINVAL what, timeout or ring; EPERM this
 *           process is no member of the group; ENOTSUP the ring is in memory of this process alone.
 */
int shoal_ring_wait(struct rte_ring *r, unsigned int what, const struct timespec *timeout);

/**
 * The same for epoll: an fd that becomes readable (EPOLLIN) once there is an element, or room. It stays so until
 * shoal_ring_fd_arm(), which is to be called when the caller has found nothing more: after it the fd is readable again as
 * soon as there is something, also when that came before the call.
 *
 * A thread of the library sleeps for it. The fd is the library's: only to be polled; closed by shoal_ring_fd_close(), which
 * comes before rte_ring_free(), or by rte_eal_cleanup().
 *
 * Threads:  any.
 * Returns:  the fd; -1 with rte_errno as shoal_ring_wait(), or ENOMEM, EMFILE, ENFILE, EAGAIN (no thread can be started).
 */
int shoal_ring_fd_open(struct rte_ring *r, unsigned int what);
/** See there. Returns 0; -1 with rte_errno EBADF no fd of shoal_ring_fd_open(), EPERM no member of the group. */
int shoal_ring_fd_arm(int fd);
/** See there. Returns as shoal_ring_fd_arm(). Nobody may be in a call with this fd. */
int shoal_ring_fd_close(int fd);

#ifdef __cplusplus
}
#endif

#endif
