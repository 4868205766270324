/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file rte_eal_mp.h - messages and requests between the processes of a group (the rte_mp_* part of rte_eal.h)
 *
 * Include rte_eal.h, not this file.
 *
 * A secondary addresses the primary; the primary addresses all secondaries that have finished rte_eal_init. Calls that
 * address single members, lists or everybody, carry more than 256 bytes, and tell each peer's outcome are in shoal.h.
 *
 * Results of rte_mp_request_sync(), and of the reply that an asynchronous callback gets:
 *
 *   what happened                                    sync returns               nb_sent  nb_received  msgs
 *   every peer answered                              0                          n        n            n
 *   some answered, the others were silent, refused,  0                          n        k < n        k
 *   or died
 *   a primary without secondaries: nobody to ask     0                          0        0            NULL
 *   only silence                                     -1 ETIMEDOUT at the limit  n        0            NULL
 *   all refused (no such name there, or the action   -1 ETIMEDOUT at once       n        0            NULL
 *   failed without a reply)
 *   all died while asked, or there is no primary     -1 ECONNREFUSED at once    n or 0   0            NULL
 *   no peer had room until the limit                 -1 EAGAIN                  0        0            NULL
 *   rte_eal_cleanup() began meanwhile                -1 ECANCELED               n        0            NULL
 *   a peer still inside rte_eal_init                 is not asked and not counted
 *
 * rte_eal_cleanup() may be called while other threads are inside these calls, those of shoal.h included: what waits ends with
 * -1 ECANCELED, and so does what begins while the cleanup runs; after it -1 EPERM. Actions that run may still send and reply, and use
 * shared memory: the cleanup waits for them, and goes on only then.
 *
 * What was sent with result 0 arrives, also when the sender exits or is killed right after it, unless the receiver dies or
 * has no action of that name.
 *
 * File descriptors
 *   sent        stay the caller's on every path; the receiver gets duplicates. num_fds says how many entries of fds[] are
 *               read; those behind it are never looked at.
 *   received    by an action: the action's to close; by a request: the caller's to close, in every entry of msgs; by an
 *               asynchronous callback: the callback's to close.
 *   lost        when the receiver has no file descriptor left: a message is dropped and counted (dropped_malformed), a request
 *               is refused at once, an answer counts as a refusal; the receiver's log says so. Nothing else is lost with them.
 *   closed by the library: those of messages that are refused, late, malformed, addressed to an unregistered name, or left
 *               over at rte_eal_cleanup().
 *
 * Actions and asynchronous callbacks of a process run one at a time, on a thread of the library (or in shoal_mp_poll()).
 * An action may send, request and register. While it waits in a request of its own, other actions run: what it read before
 * the request may have changed after it.
 *   - An action or callback that calls pthread_exit() ends that thread, not the channel: a line, a request that it has not
 *     answered is refused, another thread goes on. Its thread cannot be cancelled.
 *   - A child that is forked inside one ends with _exit() or exec(). One that returns is ended, with a line and status 1; inside
 *     shoal_mp_poll() that call returns -1 EPERM in the child.
 *   - rte_eal_cleanup() inside one is refused with EDEADLK, and so in callbacks of member and memory events.
 */
#ifndef RTE_EAL_MP_H
#define RTE_EAL_MP_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

struct timespec; /* strict C99 has none in time.h */

#define RTE_MP_MAX_FD_NUM 253	 /**< fds in one message */
#define RTE_MP_MAX_NAME_LEN 64	 /**< bytes of a name, its NUL included */
#define RTE_MP_MAX_PARAM_LEN 256 /**< bytes of a payload */

/** One message. Bytes of param behind len_param are zero at the receiver. */
struct rte_mp_msg {
	char name[RTE_MP_MAX_NAME_LEN];					 /**< picks the action */
	int len_param;							 /**< bytes used in param */
	int num_fds;							 /**< entries used in fds */
	uint8_t param[RTE_MP_MAX_PARAM_LEN] __attribute__((aligned(8))); /**< payload */
	int fds[RTE_MP_MAX_FD_NUM];					 /**< fds that go along */
};

/** What came back for a request. */
struct rte_mp_reply {
	int nb_sent;		 /**< peers that were asked */
	int nb_received;	 /**< peers that answered = entries in msgs */
	struct rte_mp_msg *msgs; /**< one malloc() block, NULL when nobody answered */
};

/**
 * Called for each message or request of a registered name.
 *
 * @p peer names the sender: a NUL-terminated string, to be handed to rte_mp_reply(). It may be copied and used later, also
 * from another thread. @p msg is valid during the call only; its fds belong to the action.
 * Returns 0, or a negative value: logged, and if the message was a request that has no reply yet, it is refused at once.
 */
typedef int (*rte_mp_t)(const struct rte_mp_msg *msg, const void *peer);

/**
 * Called exactly once for each successful rte_mp_request_async(): with all answers, or at the time limit with those there are,
 * or at rte_eal_cleanup(). @p request and @p reply are the library's and valid during the call only.
 */
typedef int (*rte_mp_async_reply_t)(const struct rte_mp_msg *request, const struct rte_mp_reply *reply);

/**
 * Register an action.
 *
 * Threads: any, also an action. Blocks: no.
 * Returns 0, or -1 with rte_errno: EINVAL name NULL or empty, E2BIG 64 characters or more, EEXIST name taken, ENOMEM,
 * ENOTSUP no channel (--no-shconf, --in-memory), EPERM a forked child or not between init and cleanup.
 */
int rte_mp_action_register(const char *name, rte_mp_t action);

/**
 * Remove an action. Unknown names are ignored.
 *
 * Threads: any. Blocks: until no call of this action is running; called from inside any action it removes the name at once and
 * does not wait (shoal_mp_action_drain() waits, from outside).
 */
void rte_mp_action_unregister(const char *name);

/**
 * Send a one-way message: a secondary to the primary, the primary to all secondaries.
 *
 * Threads: any, also an action. Blocks: while a receiver's inbox has no room, 5 s at most; inside an action not at all.
 * A slow receiver delays no other one.
 * Returns 0 when all have it (a primary without secondaries: 0), or -1 with rte_errno: EINVAL msg NULL, name empty or
 * unterminated, len_param or num_fds negative; E2BIG len_param or num_fds too large; EBADF a bad fd; EAGAIN a receiver had no
 * room (the others have the message; shoal_send() tells who has not); ECONNREFUSED no primary; EMFILE, ENOMEM; ENOTSUP, EPERM
 * as for rte_mp_action_register(), EPERM also when a system call is refused (seccomp).
 */
int rte_mp_sendmsg(struct rte_mp_msg *msg);

/**
 * Ask and wait.
 *
 * @param ts relative time limit, monotonic; NULL: 5 seconds.
 * Threads: any, also an action (other actions run meanwhile). Any number of requests to one peer under one name.
 * Blocks: until all peers have answered, refused or died, or @p ts has passed.
 * Owns: on 0 @p reply->msgs is the caller's to free() and so is each fd in it.
 * Returns 0 or -1 with rte_errno as the table above says; EINVAL, E2BIG, EBADF, EMFILE, ENOMEM, ENOTSUP, EPERM as above. A refused
 * argument leaves @p reply zeroed.
 */
int rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply, const struct timespec *ts);

/**
 * Ask and be called back, exactly once, also when there was nobody to ask.
 *
 * Threads: any, also an action or a callback. Blocks: as rte_mp_sendmsg().
 * Returns 0 (the callback will come), or -1 with rte_errno as above (it will not).
 */
int rte_mp_request_async(struct rte_mp_msg *req, const struct timespec *ts, rte_mp_async_reply_t clb);

/**
 * Answer a request.
 *
 * @param peer the string the action got, or a copy of it.
 * Threads: any, at any time until the request is over. Blocks: for room, 5 s at most; inside an action 200 ms (half a
 * second, once, for a foreign peer that does not read).
 * Returns 0 (also without a channel), or -1 with rte_errno: EINVAL msg or peer NULL, peer not a peer string, a name that differs from the
 * request's (the log line has both), lengths as above; ESTALE this request is no longer open (answered, refused, over for more than
 * a second, or its requester is gone; a reply that comes after the time limit but before that is sent and dropped there); ENOENT a foreign peer whose socket is gone; EAGAIN no room; EPERM.
 */
int rte_mp_reply(struct rte_mp_msg *msg, const char *peer);

/**
 * Close the group to secondaries for good, if none has ever joined.
 *
 * Returns true: none had joined, and from now on joins are refused; or there is no group. false: at least one has, nothing
 * changes; or, with rte_errno EPERM and a line, this is a forked child.
 */
bool rte_mp_disable(void);

#ifdef __cplusplus
}
#endif

#endif
