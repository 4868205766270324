/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file shoal_mem.h - what shoal offers beyond rte_malloc.h and rte_memzone.h: is all well, and what did the dead leave
 *
 * Every call here may be made from any thread. Before rte_eal_init() and after rte_eal_cleanup() they fail with ENOTSUP, in
 * a forked child with EPERM.
 */
#ifndef SHOAL_MEM_H
#define SHOAL_MEM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Walk everything: names, zones, runs of pages, spans of small blocks. Nothing may be lost, nothing there twice. Takes the
 * group's locks for the whole walk, for counts and lists have to agree: others wait that long when they need another piece
 * of memory (a program that watches a large heap asks rte_malloc_get_socket_stats(), which lets others go on).
 *
 * @param why  what is wrong, as text; may be NULL
 * @param cap  bytes of @p why
 * @return 0 all is well; -1 with rte_errno EUCLEAN (it is not: @p why), ENOTSUP, EPERM
 */
int shoal_heap_audit(char *why, size_t cap);

/** A block: @p ptr as rte_malloc() returned it, and its bytes. */
typedef void (*shoal_mem_fn)(void *ptr, size_t size, void *arg);

/**
 * The blocks of rte_malloc() that a member took and that nobody has freed since, whoever uses them now; also those of a
 * member that is dead or has left. A piece is its sender's until it is taken (shoal.h), then its receiver's. Memzones are not among them: they have names. Others go on meanwhile: each block that
 * is there from the call's beginning to its end is listed once, one that comes or goes may be or not, no address is twice.
 *
 * @param member  its id (shoal_member.h)
 * @param fn      called for each, with no lock held: it may free it; NULL: count only
 * @return how many, or -1 with rte_errno ENOMEM, ENOTSUP, EPERM
 */
long shoal_mem_owned_by(uint64_t member, shoal_mem_fn fn, void *arg);

/**
 * Free the blocks that a member took and left behind: to be called by who knows that no other process uses any of them. Pieces
 * that are on their way between members (shoal.h) it leaves alone as long as a living one has them or may get them.
 *
 * @param member  of one that is dead or has left
 * @return how many were freed, or -1 with rte_errno EBUSY (it lives), EINVAL (never an id), ENOMEM, ENOTSUP, EPERM
 */
long shoal_mem_free_owned(uint64_t member);

/**
 * Give all pages of the group that are free now back to the machine at once, also those between pieces in use; otherwise
 * they go as --mem-decay says. Pieces for small blocks of which all blocks are free count as free, whoever's they are; of
 * those from which another thread takes its blocks 16 KiB stay (all of it where membarrier(2) is refused). What -m or
 * --socket-mem asked for stays. What mlockall(2) or a debugger put in places that had been given back goes as well; by
 * itself it does within some seconds.
 *
 * @return bytes, or -1 with rte_errno ENOTSUP, EPERM, ETIMEDOUT (a member is stopped with a lock; the log names it)
 */
long shoal_mem_trim(void);

#ifdef __cplusplus
}
#endif

#endif
