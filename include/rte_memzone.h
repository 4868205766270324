/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_memzone.h - named pieces of the memory that all processes of a group share
 *
 * A zone has the same address in every process, and belongs to the group: it stays until somebody frees it, also when the
 * process that reserved it ends, is killed, or was the primary. Any process may reserve, look up and free. A descriptor
 * (struct rte_memzone) lies in shared memory too, at the same address everywhere: it may be stored in a zone and read by
 * another process.
 *
 * A process killed inside any of these calls leaves a valid state: the zone is there or it is not. Nobody hangs.
 *
 * In a child of fork() that has not called rte_eal_init() itself lookup, walk and dump work; reserve and free fail with
 * EPERM.
 */
#ifndef RTE_MEMZONE_H
#define RTE_MEMZONE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <rte_common.h>
#include <rte_compat.h>
#include <rte_memory.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Flags. Memory here has pages of 4 KiB, and, in a group that was made where huge pages of 2 MiB were set aside (--huge), of
 * those. RTE_MEMZONE_2MB takes them and nothing else: ENOMEM when none is left. Any other page size, and that one in a
 * group without them, is refused with ENOMEM, unless RTE_MEMZONE_SIZE_HINT_ONLY says that another one will do.
 * RTE_MEMZONE_IOVA_CONTIG is always so.
 */
#define RTE_MEMZONE_2MB 0x00000001
#define RTE_MEMZONE_1GB 0x00000002
#define RTE_MEMZONE_16MB 0x00000100
#define RTE_MEMZONE_16GB 0x00000200
#define RTE_MEMZONE_256KB 0x00010000
#define RTE_MEMZONE_256MB 0x00020000
#define RTE_MEMZONE_512MB 0x00040000
#define RTE_MEMZONE_4GB 0x00080000
#define RTE_MEMZONE_SIZE_HINT_ONLY 0x00000004
#define RTE_MEMZONE_IOVA_CONTIG 0x00100000

#define RTE_MEMZONE_NAMESIZE 32 /* bytes of a name, with its NUL */

/* A zone. To be read only; what addr points to may be written. */
struct rte_memzone {
	char name[RTE_MEMZONE_NAMESIZE];
	rte_iova_t iova; /* IO address: the same as addr */
	RTE_STD_C11
	union {
		void *addr; /* where it starts, in every process */
		uint64_t addr_64;
	};
	size_t len;	      /* bytes, a multiple of 64 */
	uint64_t hugepage_sz; /* size of the pages under it, in bytes */
	int32_t socket_id;    /* NUMA socket */
	uint32_t flags;	      /* 0 */
};

/**
 * Reserve len bytes under a name, at a multiple of 64.
 *
 * Threads:  any, in any process, primary or secondary; also inside a walk. Not from a signal handler.
 * Blocks:   while another process or thread is in such a call. If that one is killed, 10 ms more; if it is stopped
 *           (SIGSTOP) in the middle of a change, a second, and the log names it: then ENOMEM, at once from then on.
 * Memory:   pages that nobody had before are zero. Others hold what the last owner left: do not count on zeros.
 * @param name       1 to 31 characters that no zone of the group has.
 * @param len        bytes, rounded up to a multiple of 64. 0: the biggest free piece
 *                   of what the group has grown to (all that -m asked for, in a fresh group); 2 MiB where nothing is free.
 * @param socket_id  SOCKET_ID_ANY, or a NUMA socket that the machine has.
 * @param flags      RTE_MEMZONE_*, or 0.
 * Returns:  the zone; or NULL with rte_errno, one line in the log, and nothing changed:
 *             EEXIST         the name is taken
 *             ENAMETOOLONG   more than 31 characters
 *             EINVAL         name NULL, an unknown flag, or a socket below SOCKET_ID_ANY
 *             ENOMEM         no free piece is large enough, the socket or the page size does not exist, the machine has no
 *                            memory, RLIMIT_FSIZE (ulimit -f, which counts for shared memory) of this process is too low,
 *                            or a member is stopped with what is needed for it
 *             ENOSPC         there are rte_memzone_max_get() zones
 *             EPERM          a child of fork() that is no member of the group
 *             E_RTE_NO_CONFIG  before rte_eal_init() or after rte_eal_cleanup()
 *           After success rte_errno means nothing.
 */
const struct rte_memzone *rte_memzone_reserve(const char *name, size_t len, int socket_id, unsigned flags);

/**
 * As rte_memzone_reserve(), at a multiple of align.
 *
 * @param align  a power of two, or 0; less than 64 is 64.
 * Returns:  as rte_memzone_reserve(); EINVAL also when align is no power of two.
 */
const struct rte_memzone *rte_memzone_reserve_aligned(const char *name, size_t len, int socket_id, unsigned flags,
						      unsigned align);

/**
 * As rte_memzone_reserve_aligned(), and no multiple of bound lies inside the zone.
 *
 * @param len    as before; 0: bound bytes, if bound is not 0.
 * @param bound  a power of two, at least len (rounded up to 64); 0: none.
 * Returns:  as rte_memzone_reserve_aligned(); EINVAL also when bound is no power of two or less than len.
 */
const struct rte_memzone *rte_memzone_reserve_bounded(const char *name, size_t len, int socket_id, unsigned flags,
						      unsigned align, unsigned bound);

/**
 * Give a zone back. Its name is free, its whole pages go back to the machine; using it afterwards is an error that
 * nothing detects, in any process.
 *
 * Threads, Blocks: as rte_memzone_reserve(). Any process may free any zone.
 * @param mz  what reserve or lookup returned, in this or another process.
 * Returns:  0; -EINVAL: NULL, not such a pointer, or freed already; -EPERM: a child of fork() that is no member;
 *           -ETIMEDOUT: a member is stopped with what is needed for it, the zone is there still;
 *           -EINVAL also before rte_eal_init(). rte_errno is kept.
 */
int rte_memzone_free(const struct rte_memzone *mz);

/**
 * Find a zone by its name.
 *
 * Threads:  any. Never blocks, whatever other processes do. Also in a child of fork().
 * Returns:  the zone, or NULL with rte_errno: ENOENT no zone has this name; EINVAL name is NULL; E_RTE_NO_CONFIG before
 *           rte_eal_init().
 */
const struct rte_memzone *rte_memzone_lookup(const char *name);

/** A line for each zone to f, and a sum. Threads: any. Never blocks on other processes. */
void rte_memzone_dump(FILE *f);

/**
 * Call func(zone, arg) for each zone, in no particular order.
 *
 * Threads:  any. No lock is held: func may reserve, free and look up, and take its time. A zone that comes or goes
 *           meanwhile, in whatever process, may be shown or not.
 */
void rte_memzone_walk(void (*func)(const struct rte_memzone *, void *arg), void *arg);

/**
 * How many zones the group may have: to be called before rte_eal_init(); the process that creates the group decides.
 *
 * Threads:  before init, one.
 * @param max  1 to 4096; 2560 without this call.
 * Returns:  0; -1 with rte_errno: EINVAL out of range; EBUSY rte_eal_init() has run.
 */
__rte_experimental int rte_memzone_max_set(size_t max);

/** How many zones the group may have; before rte_eal_init(): one that this process would create. Threads: any. */
__rte_experimental size_t rte_memzone_max_get(void);

#ifdef __cplusplus
}
#endif

#endif
