/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file shoal_member.h - who is in the group, and being told when that changes
 *
 * A member is named by a 64-bit id that no other member of this group ever has: (generation << 16) | slot. pids are for
 * printing: another PID namespace sees other numbers, and the kernel gives them out again.
 *
 * A member counts from the moment its rte_eal_init() returns until it calls rte_eal_cleanup() or dies. A death is reported
 * only when the kernel has proven it: the member's address space is gone. A member that merely closed its files is
 * reported as disconnected.
 *
 * Every call here may be made from any thread and none waits for another process. Before rte_eal_init() and after
 * rte_eal_cleanup() they fail with ENOTSUP, in a forked child with EPERM.
 */
#ifndef SHOAL_MEMBER_H
#define SHOAL_MEMBER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What happened to a member. */
enum shoal_member_event {
	SHOAL_MEMBER_JOIN = 0,	/**< it can be reached from now on */
	SHOAL_MEMBER_LEAVE = 1, /**< it called rte_eal_cleanup(); its id is never heard of again */
	SHOAL_MEMBER_DEATH = 2, /**< its address space is gone, by whatever cause; exit() without cleanup included */
	SHOAL_MEMBER_DISCONNECT =
		3, /**< it closed its side of everything but lives; reported once, LEAVE or DEATH follow */
	SHOAL_MEMBER_PRIMARY = 4, /**< it is the primary from now on */
};

/** Where a member is in its life. */
enum shoal_member_state {
	SHOAL_MEMBER_INIT = 2,	  /**< inside rte_eal_init() */
	SHOAL_MEMBER_ACTIVE = 3,  /**< between init and cleanup */
	SHOAL_MEMBER_LEAVING = 4, /**< inside rte_eal_cleanup() */
};

/** A member, as the member table shows it. */
struct shoal_member_info {
	uint64_t id;
	uint32_t slot;	     /**< 0..255; used again by later members */
	uint32_t generation; /**< counts joins from 1; never used again */
	int32_t pid;	     /**< as the member itself sees it */
	uint32_t uid;	     /**< as the kernel told the process that let it in */
	int32_t state;	     /**< enum shoal_member_state */
	int32_t is_primary;  /**< 1: the primary, now */
	uint64_t start_ns;   /**< CLOCK_MONOTONIC when it joined */
	char name[16];	     /**< its command name, printable, NUL-terminated */
	char socket[64];     /**< name of its datagram socket in the runtime directory */
};

/** My own id; 0 before init, after cleanup and in a forked child. */
uint64_t shoal_member_self(void);

/** The primary's id, 0 when there is none. */
uint64_t shoal_member_primary(void);

/**
 * The ids of all ACTIVE members, myself included, by slot.
 *
 * @param ids  room for @p cap ids; may be NULL when @p cap is 0
 * @return     how many there are, also when that is more than @p cap; or -1 with rte_errno EINVAL (@p ids is NULL and
 *             @p cap is not 0), ENOTSUP, EPERM
 */
int shoal_member_list(uint64_t *ids, unsigned int cap);

/** How many ACTIVE members there are, myself included; or -1 with rte_errno ENOTSUP, EPERM. */
int shoal_member_count(void);

/**
 * What the table says of a member.
 *
 * @return 0, or -1 with rte_errno ENOENT (there is no such member, or not any more), EINVAL (@p info is NULL), ENOTSUP, EPERM
 */
int shoal_member_info(uint64_t id, struct shoal_member_info *info);

/**
 * Does this member live? Asks the kernel, one system call; unlike the table the answer is not behind the truth.
 *
 * @return 1 it lives, 0 it is gone; or -1 with rte_errno EINVAL (never an id), ENOTSUP, EPERM
 */
int shoal_member_is_alive(uint64_t id);

/**
 * Called on a thread of the library, one call at a time, in the order in which this process learned of the events. It may
 * call everything but rte_eal_cleanup(), and should return soon: what waits behind it are other events.
 */
typedef void (*shoal_member_cb)(void *arg, enum shoal_member_event event, uint64_t id);

/**
 * Be told what happens from now on. Who is there already is found by shoal_member_list(), called after this.
 * At most 16 at a time; gone after rte_eal_cleanup().
 *
 * @return 0, or -1 with rte_errno EEXIST (this pair is registered), ENOSPC, EINVAL (@p cb is NULL), ENOTSUP, EPERM
 */
int shoal_member_event_register(shoal_member_cb cb, void *arg);

/**
 * No more calls. When this returns no call of this pair is running, unless it is made from inside that very call.
 *
 * @return 0, or -1 with rte_errno ENOENT (not registered), ENOTSUP, EPERM
 */
int shoal_member_event_unregister(shoal_member_cb cb, void *arg);

/** "JOIN", "LEAVE", "DEATH", "DISCONNECT", "PRIMARY", or "?". */
const char *shoal_member_event_name(enum shoal_member_event event);

#ifdef __cplusplus
}
#endif

#endif /* SHOAL_MEMBER_H */
