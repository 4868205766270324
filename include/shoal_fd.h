/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file shoal_fd.h - file descriptors that the whole group can ask for by name
 *
 * One process opens something that must be opened once (a device, a container of devices, a socket) and registers it under a
 * name, with a few bytes beside it that say what it is. Any other process of the group asks by name and gets its own copy: a
 * descriptor of the same open file, and the bytes. What was handed out can be revoked, and is closed in order: those who got
 * copies first, who revokes last.
 *
 * A *copy* is one descriptor in each process that has one, and it is the library's: never close(2) it yourself. It stays open
 * until every shoal_fd_get() of this process has had its shoal_fd_put(), or until it is revoked and let go, or until
 * rte_eal_cleanup(). Every copy is close-on-exec and has a number above 2.
 *
 * A name lives as long as some living process has a copy:
 *
 *   who dies                    then
 *   a process with a copy       nothing changes for the others
 *   who registered the name     the name stays with those who have copies; from then on anybody may revoke it. What a secondary
 *                               registered the primary has a copy of, unless there was none at that time
 *   the primary                 names that others have copies of stay, and are served by those; a new primary adopts the group and
 *                               finds them. Names that nobody else had a copy of are gone: with the last copy the file is closed
 *   who registers, half way     there is no such name
 *   who revokes, half way       the name is gone, everybody is told
 *
 * Every call may be made from any thread, inside actions and callbacks too. In a forked child they fail with EPERM, with
 * --no-shconf and --in-memory, where nobody else is, with ENOTSUP. Time limits are relative, on the monotonic clock; NULL: 5 s.
 */
#ifndef SHOAL_FD_H
#define SHOAL_FD_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

struct timespec; /* strict C99 has none in time.h */

#define SHOAL_FD_NAME_LEN 64  /**< of a name, with its NUL */
#define SHOAL_FD_BLOB_MAX 256 /**< bytes beside a descriptor */
#define SHOAL_FD_NAMES 512    /**< names in a group */

/** What goes along with a descriptor: the library only carries it. */
struct shoal_fd_blob {
	uint32_t type; /**< the program's own */
	uint32_t len;  /**< bytes in data, up to SHOAL_FD_BLOB_MAX */
	unsigned char data[SHOAL_FD_BLOB_MAX];
};

/**
 * Make fd known under a name. The library takes a copy: the caller keeps fd and may close it at once.
 *
 * In a secondary the primary is given a copy first, so that the name outlives this process; while there is no primary this
 * process alone has one.
 *
 * @param name  1 to 63 printable characters
 * @param blob  may be NULL: type 0, no bytes
 * @return      0, or -1 with rte_errno
 *   - EEXIST     somebody has registered this name
 *   - ENOSPC     there are SHOAL_FD_NAMES names
 *   - EBADF      fd is not open
 *   - EINVAL     a NULL or empty name, one with unprintable characters, a blob that says it is longer than it can be, a time
 *                limit that is none
 *   - E2BIG      the name has 64 characters or more
 *   - EMFILE     no file descriptor is left here or in the primary
 *   - ETIMEDOUT  the primary did not take its copy in time, or another process stopped while it registers the same name
 *   - ECANCELED  rte_eal_cleanup() came in between
 *   - ENOTSUP, EPERM
 */
int shoal_fd_register(const char *name, int fd, const struct shoal_fd_blob *blob, const struct timespec *ts);

/**
 * This process' copy of what is registered under that name; got from any process that has one.
 *
 * @param blob  filled in unless NULL
 * @return      the descriptor, which stays the library's: shoal_fd_put() it; or -1 with rte_errno
 *   - ENOENT     there is no such name, not any more, or its last copy went while this call asked
 *   - EMFILE     no file descriptor is left in this process
 *   - ETIMEDOUT  those who have a copy are stopped, or did not answer for another reason
 *   - EINVAL, E2BIG, ECANCELED, ENOTSUP, EPERM
 */
int shoal_fd_get(const char *name, struct shoal_fd_blob *blob, const struct timespec *ts);

/**
 * One shoal_fd_get() less. With the last one the descriptor is closed, unless this process registered the name or keeps it
 * for a secondary.
 *
 * @return 0, or -1 with rte_errno EBADF (not a copy that shoal_fd_get() gave out), ENOTSUP, EPERM
 */
int shoal_fd_put(int fd);

/**
 * Take a name away. From here on nobody gets a copy; each process that has one is told (shoal_fd_event_register()) and lets it
 * go. When all have, or when time is up, the copy that this process keeps for the name is closed, too.
 *
 * Who registered the name may do this, the primary, and anybody when who registered it is gone. A descriptor that the caller has
 * from shoal_fd_get() is not waited for, and stays open until it is put.
 *
 * @return 0 (nobody else has a copy any more), or -1 with rte_errno
 *   - ENOENT     there is no such name
 *   - EACCES     another living process registered it, and this is not the primary
 *   - ETIMEDOUT  the name is gone, but some have not let their copies go (a line names one, unless ts is zero): they were told, or
 *                will be as soon as they go on
 *   - EINVAL, E2BIG, ECANCELED (the name is gone), ENOTSUP, EPERM
 */
int shoal_fd_revoke(const char *name, const struct timespec *ts);

/** What happened to a descriptor of this process. */
enum shoal_fd_event {
	SHOAL_FD_REVOKED = 1, /**< its name was taken away: stop using it */
};

/**
 * Called on a thread of the library, one call at a time, with no lock held: it may allocate, send, request, and use every call
 * here; not rte_eal_cleanup().
 *
 * @param name  under which it was registered
 * @param fd    this process' copy, still open
 * @return      0: nothing here uses fd any more, the library closes it now, whatever was got and not put. Anything else: it is
 *              still in use and will be put; who revokes waits for that
 *
 * If several callbacks are registered all must return 0. A process without any lets a copy go when it puts it.
 */
typedef int (*shoal_fd_cb)(void *arg, enum shoal_fd_event event, const char *name, int fd);

/**
 * Be told from now on; also of what was revoked before and is still held here. At most 16.
 *
 * @return 0, or -1 with rte_errno EEXIST, ENOSPC, EINVAL (cb is NULL), ENOMEM or EAGAIN (no thread for callbacks), ENOTSUP, EPERM
 */
int shoal_fd_event_register(shoal_fd_cb cb, void *arg);

/**
 * No more calls. When this returns none of this pair is running, unless it is made from inside that very call.
 *
 * @return 0, or -1 with rte_errno ENOENT, ENOTSUP, EPERM
 */
int shoal_fd_event_unregister(shoal_fd_cb cb, void *arg);

/** A name, for the operator. */
struct shoal_fd_info {
	char name[SHOAL_FD_NAME_LEN];
	uint32_t type, len; /**< of the blob */
	uint64_t owner;	    /**< member that registered it; it may be gone */
	uint32_t holders;   /**< living members that have a copy */
	uint32_t revoked;   /**< 1: taken away, some have not let go yet */
};

/**
 * All names, also revoked ones that somebody still holds.
 *
 * @return how many there are, also when that is more than cap; or -1 with rte_errno EINVAL (infos is NULL and cap is not 0),
 *         ENOTSUP, EPERM
 */
int shoal_fd_list(struct shoal_fd_info *infos, unsigned int cap);

/**
 * Which living members have a copy, this one included, by slot; of a revoked name: who still has one.
 *
 * @return how many, also when that is more than cap; or -1 with rte_errno ENOENT, EINVAL, E2BIG, ENOTSUP, EPERM
 */
int shoal_fd_holders(const char *name, uint64_t *ids, unsigned int cap);

/** A table of all names with their holders. Nothing when f is NULL or this process is no member. */
void shoal_fd_dump(FILE *f);

#ifdef __cplusplus
}
#endif

#endif /* SHOAL_FD_H */
