/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file shoal.h - what shoal offers beyond DPDK's calls: addressed messages, large payloads, outcomes
 *
 * The rules of rte_eal_mp.h hold here too: who owns fds, actions one at a time, deadlines relative and monotonic.
 * Members are named by uint64_t ids, see shoal_member.h; an id is never used twice in the life of a group.
 */
#ifndef SHOAL_H
#define SHOAL_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#if defined(__has_include)
#if __has_include(<shoal_member.h>)
#include <shoal_member.h>
#endif
#if __has_include(<shoal_version.h>)
#include <shoal_version.h>
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct timespec; /* strict C99 has none in time.h */

#define SHOAL_PAYLOAD_MAX (64u << 20) /**< bytes in one message */

/** Addresses that stand for several members; use them instead of a list, with n_to 1. */
#define SHOAL_TO_PRIMARY ((uint64_t)-1)	    /**< the primary */
#define SHOAL_TO_SECONDARIES ((uint64_t)-2) /**< all secondaries but the caller */
#define SHOAL_TO_OTHERS ((uint64_t)-3)	    /**< all members but the caller */

/** What became of one peer's share of a send or request. */
enum shoal_outcome {
	SHOAL_SENT = 0,	     /**< send: it is in the peer's inbox */
	SHOAL_ANSWERED = 1,  /**< request: it replied */
	SHOAL_TIMED_OUT = 2, /**< request: no answer within the time limit */
	SHOAL_DIED = 3,	     /**< it died or left, or was no member any more */
	SHOAL_REFUSED = 4,   /**< it has no action of that name, or its action failed without replying */
	SHOAL_FULL = 5,	     /**< its inbox had no room within the time limit */
	SHOAL_TOO_BIG = 6,   /**< more than 256 bytes for an action registered with rte_mp_action_register() */
	SHOAL_CANCELLED = 7, /**< shoal_request_cancel(), rte_eal_cleanup(); send: another was too big */
	SHOAL_PENDING = 8,   /**< never seen by a caller */
};

/**
 * A piece of the shared heap that goes with a message: one block as rte_malloc() and the like return it, of any size. It is not
 * copied: the receiver has the same address. It goes to one member at a time (a list of one, or SHOAL_TO_PRIMARY), with a
 * message, a request or a reply. At most 128 pieces of one sender may be on their way.
 *
 * Whose it is:
 *   - its sender's, until the call has sent it: a call that fails (-1; for requests: -1 and no answers) leaves it so;
 *   - on its way it belongs to nobody: its sender must not read, write or free it;
 *   - while the receiver's action runs (in shoal_in.piece), or the answers are not freed (in shoal_answer.piece), it is on
 *     loan: the receiver may read and write it;
 *   - the receiver's for good from shoal_piece_take() on;
 *   - its sender's again when it was not taken: the action returned or replied, there was no such action, it was refused or
 *     dropped, the receiver died or left. A request tells so in shoal_answer.piece_back. What comes back later, or came
 *     with a message or a reply, is told to the function of shoal_piece_on_return(), and freed where there is none;
 *   - when its sender has died or left meanwhile, the receiver, or its runtime, frees what was sent with a message or reply
 *     and not taken; what comes back while its sender is inside rte_eal_cleanup() is freed as well. What was lent by a
 *     request, and whatever was on its way when both have died, stays in the name of the dead sender: shoal_mem_free_owned(),
 *     which leaves alone what is still on its way to a living member.
 * A receiver that is stopped (SIGSTOP) has not refused: a message's piece is on its way until that one goes on, or is dead, and
 * then comes back; a request takes its piece back at its time limit, unless the action had begun by then.
 * Exactly one of the two has it at the end, whoever is killed at any moment.
 */
struct shoal_piece {
	void *addr;  /**< NULL: none came */
	size_t len;  /**< as its sender gave it: the block may be larger */
	uint64_t id; /**< for shoal_piece_take() */
};

/** A message to send; everything stays the caller's, but for the piece. */
struct shoal_msg {
	const char *name; /**< 1..63 characters */
	const void *data;
	size_t len; /**< 0..SHOAL_PAYLOAD_MAX */
	const int *fds;
	unsigned num_fds; /**< 0..252 */
	void *piece;	  /**< NULL, or the start of a block of the shared heap: see struct shoal_piece */
	size_t piece_len; /**< 1 .. the size of the block */
};

/** A message as an action sees it. */
struct shoal_in {
	const char *name;
	const void *data; /**< valid during the call; NULL when len is 0 */
	size_t len;
	int *fds; /**< the action's to close (or to set to -1 what it keeps: the rest is closed for it) */
	unsigned num_fds;
	uint64_t from;		  /**< the sender's member id; 0 for a foreign peer */
	const char *peer;	  /**< for shoal_reply(), rte_mp_reply(); may be copied */
	int is_request;		  /**< it waits for a reply */
	struct shoal_piece piece; /**< on loan until the action returns or replies */
};

/** As rte_mp_t: 0, or negative = failed, an open request is refused at once. */
typedef int (*shoal_action_t)(const struct shoal_in *in, void *arg);

/**
 * Register an action that takes payloads of any size. Shares its names with rte_mp_action_register().
 * Returns 0 or -1 with rte_errno as rte_mp_action_register(). Removed by rte_mp_action_unregister().
 */
int shoal_action_register(const char *name, shoal_action_t action, void *arg);

/**
 * Wait until no call of the named action runs. From inside an action: -1, EDEADLK. @p timeout NULL: for ever.
 * Returns 0 or -1 with rte_errno ETIMEDOUT, EDEADLK, ENOTSUP, EPERM.
 */
int shoal_mp_action_drain(const char *name, const struct timespec *timeout);

/**
 * Send one message to members.
 *
 * @param to ids of other members (EINVAL for the caller's own, and for 0; one that is named twice gets it twice), or one
 * SHOAL_TO_*; @param timeout time to wait for room, NULL: 5 s; inside an action never waits.
 * @param outcome NULL, or room for n_to outcomes (for SHOAL_TO_*: one, the worst).
 * Returns 0 when every peer has it, else -1 with rte_errno: EAGAIN some had no room; ECONNREFUSED some were dead or there is no
 * primary; EMSGSIZE some take 256 bytes only (nobody is sent to then; known to the sender for the first 256 names of a
 * member, beyond them a request is refused so and a message is dropped and logged there); EINVAL, E2BIG, EBADF, ENOMEM, EMFILE, ENOTSUP, EPERM.
 * A piece: EINVAL when it is no such block, is on its way already, or is to go to several; EAGAIN also when 128 are on their way; EMSGSIZE as above.
 */
int shoal_send(const uint64_t *to, unsigned n_to, const struct shoal_msg *msg, const struct timespec *timeout,
	       enum shoal_outcome *outcome);

/** One peer's answer. data and fds are valid until shoal_answers_free(); an fd that is kept is set to -1 by the caller. */
struct shoal_answer {
	uint64_t member; /**< 0: a foreign peer */
	enum shoal_outcome outcome;
	const void *data;
	size_t len;
	int *fds;
	unsigned num_fds;
	int piece_back; /**< 1: the piece that was sent along is the caller's again */
	struct shoal_piece
		piece; /**< that came with the answer; on loan until shoal_answers_free(), or the callback's end */
};
struct shoal_answers {
	unsigned n;	   /**< peers asked */
	unsigned answered; /**< of them with SHOAL_ANSWERED */
	struct shoal_answer *a;
};

/**
 * Ask members and wait. @p out always tells each peer's outcome, also on -1 ETIMEDOUT, ECONNREFUSED and EAGAIN; free it with
 * shoal_answers_free(). Returns 0 when at least one answered or nobody was to be asked, else -1 with rte_errno as
 * rte_mp_request_sync(); EMSGSIZE when all that could have answered take 256 bytes only.
 */
int shoal_request(const uint64_t *to, unsigned n_to, const struct shoal_msg *msg, const struct timespec *timeout,
		  struct shoal_answers **out);
void shoal_answers_free(struct shoal_answers *answers);

/** Called exactly once. @p answers is the library's, valid during the call. */
typedef void (*shoal_answers_fn)(const struct shoal_answers *answers, void *arg);
/** Ask members and be called back. @p handle may be NULL. Returns 0 (the call will come) or -1 with rte_errno (it will not). */
int shoal_request_async(const uint64_t *to, unsigned n_to, const struct shoal_msg *msg, const struct timespec *timeout,
			shoal_answers_fn fn, void *arg, uint64_t *handle);
/** End an asynchronous request now: open peers become SHOAL_CANCELLED, the callback comes. 0, or -1 ESTALE when it is over. */
int shoal_request_cancel(uint64_t handle);

/** Answer a request with any payload. name in msg is ignored. Returns as rte_mp_reply(). */
int shoal_reply(const char *peer, const struct shoal_msg *msg);

/**
 * Make a piece that is on loan the caller's for good: it may be kept, passed on, or freed with rte_free(). Once; from any
 * thread, while the loan lasts. Returns its address, or NULL with rte_errno ESTALE (not on loan to this process), EINVAL,
 * ENOTSUP, EPERM.
 */
void *shoal_piece_take(const struct shoal_piece *piece);

/** A piece of the caller's came back that no call tells of; it is the caller's again. @p member: to whom it had been sent. */
typedef void (*shoal_piece_fn)(void *piece, size_t len, uint64_t member, void *arg);
/**
 * What to call then, as actions are called, one at a time; NULL: such pieces are freed, as without this call. One function for
 * the process. Returns 0, or -1 with rte_errno ENOTSUP, EPERM.
 */
int shoal_piece_on_return(shoal_piece_fn fn, void *arg);

/** The member behind a peer string: its id, 0 for a foreign peer or a string that is none. */
uint64_t shoal_peer_member(const char *peer);
/** 0 when both strings name the same process, whatever request they came with. */
int shoal_peer_cmp(const char *a, const char *b);

/**
 * Take over dispatch: from the first call of shoal_mp_fd() on, actions and callbacks run only inside shoal_mp_poll().
 * shoal_mp_fd(): an fd that is readable (EPOLLIN) while there is something to run; the library's, not to be read or closed.
 * -1 with rte_errno ENOTSUP, EMFILE, EPERM. shoal_mp_poll(): run what is there, at most @p max items (0: no limit); waits
 * for nothing but an action that still runs elsewhere. An action that waits in a request there is waited for: while it does,
 * other actions run only if another thread polls. Returns the number run, or -1 with rte_errno EBUSY when called from inside an action, ENOTSUP, EPERM.
 */
int shoal_mp_fd(void);
int shoal_mp_poll(unsigned max);

/** A member's message counters since it joined. */
struct shoal_mp_counters {
	uint64_t sent;		    /**< messages, requests and replies put into inboxes */
	uint64_t received;	    /**< taken out of its inbox */
	uint64_t foreign_received;  /**< datagrams taken */
	uint64_t dropped_malformed; /**< records, datagrams or packets at its listener that failed a check */
	uint64_t dropped_unknown;   /**< messages to names nobody registered */
	uint64_t dropped_late;	    /**< replies after the request was over */
	uint64_t dropped_denied;    /**< datagrams and connections of a uid that may not speak, or in another's name */
	uint64_t dropped_stale;	    /**< meant for an earlier holder of the slot */
	uint64_t refused;	    /**< requests refused */
	uint64_t full;		    /**< sends that found no room */
};
/** @p member 0: the caller. Returns 0 or -1 with rte_errno ESRCH, ENOTSUP, EPERM. */
int shoal_mp_counters(uint64_t member, struct shoal_mp_counters *out);

#ifdef __cplusplus
}
#endif

#endif
