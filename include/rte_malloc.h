/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_malloc.h - memory that all processes of a group share, taken and given back by any of them
 *
 * A block has the same address in every process: a pointer to it may be stored in shared memory and followed anywhere, and
 * any process may free it. It belongs to the group: it stays until somebody frees it, also when the process that took it
 * ends, is killed, or was the primary (shoal_mem.h lists what the dead left). Memory comes from the machine as it is needed
 * and goes back when it is not, up to --memory-max.
 *
 * A process killed inside any of these calls leaves a valid state, and nobody hangs: the block is taken or it is not. While
 * one is stopped (SIGSTOP) in the middle of a change, what a thread has at hand it still gets, whatever is freed is free, and
 * what needs another piece of the group's memory is refused. With memory callbacks in the group: see rte_memory.h.
 *
 * All calls: any thread, any process, primary or secondary; not from a signal handler. Small ones (up to 64 KiB) take no
 * lock and make no system call unless the thread has no free block of that size. In a child of fork() that has not called
 * rte_eal_init() itself nothing is taken and nothing freed: NULL with EPERM, and a line.
 *
 * "type" is a name for the reader of the source; it is not stored, and may be NULL.
 */
#ifndef RTE_MALLOC_H
#define RTE_MALLOC_H

#include <stddef.h>
#include <stdio.h>

#include <rte_common.h>
#include <rte_compat.h>
#include <rte_memory.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What rte_malloc_get_socket_stats() tells; bytes. */
struct rte_malloc_socket_stats {
	size_t heap_totalsz_bytes; /* of the machine's memory that the heap has now */
	size_t heap_freesz_bytes;  /* of these, in no block; total = free + alloc */
	size_t greatest_free_size; /* largest free piece, at most as many as are free */
	unsigned free_count;	   /* free pieces: runs that have pages, and blocks that threads keep ready */
	unsigned alloc_count; /* blocks that are out and memzones, of all members: what could be freed, each once */
	size_t heap_allocsz_bytes; /* their bytes, rounded up as they were, with the tables beside them and all memzones */
};

/**
 * Take at least size bytes.
 *
 * Memory:   holds whatever the last owner left. Starts at a multiple of 64, and of align.
 * Blocks:   small: not at all, or as rte_memzone_reserve() when the thread needs another piece of the group's memory.
 * @param size   at least 1.
 * @param align  a power of two, or 0; less than 64 is 64.
 * Returns:  the block, or NULL with rte_errno and one line in the log (of those of ENOMEM and EPERM one a second):
 *             EINVAL   size 0, or align no power of two
 *             ENOMEM   the limit --memory-max, the machine, or RLIMIT_FSIZE (ulimit -f) of this process gives no more; or a
 *                      member is stopped with what is needed for it
 *             EPERM    a child of fork() that is no member of the group
 *             EDEADLK  called where this room of the library holds a lock of its own
 *             E_RTE_NO_CONFIG  before rte_eal_init() or after rte_eal_cleanup()
 *           After success rte_errno means nothing.
 */
void *rte_malloc(const char *type, size_t size, unsigned align) __rte_alloc_size(2);

/** As rte_malloc(), and all bytes are 0. */
void *rte_zmalloc(const char *type, size_t size, unsigned align) __rte_alloc_size(2);

/** As rte_zmalloc() of num * size bytes. ENOMEM also when that is more than a size_t holds. */
void *rte_calloc(const char *type, size_t num, size_t size, unsigned align) __rte_alloc_size(2, 3);

/**
 * Make a block larger or smaller, in its place or in another.
 *
 * @param ptr   a block, or NULL: as rte_malloc(). No other thread may use it meanwhile.
 * @param size  0: ptr is freed, NULL is returned.
 * Returns:  the block, with the bytes that were in it up to the smaller of both sizes; ptr is gone unless it is the same.
 *           NULL: as rte_malloc(), and ptr is as it was. EINVAL also when ptr is no block.
 */
void *rte_realloc(void *ptr, size_t size, unsigned int align) __rte_alloc_size(2);

/**
 * The same on a NUMA socket. All memory lies where the machine put it: a socket is checked, and that is all.
 *
 * @param socket  SOCKET_ID_ANY, or a socket that the machine has.
 * Returns:  EINVAL also for a socket below SOCKET_ID_ANY, ENOMEM for one that the machine has not.
 */
void *rte_realloc_socket(void *ptr, size_t size, unsigned int align, int socket) __rte_alloc_size(2);
void *rte_malloc_socket(const char *type, size_t size, unsigned align, int socket) __rte_alloc_size(2);
void *rte_zmalloc_socket(const char *type, size_t size, unsigned align, int socket) __rte_alloc_size(2);
void *rte_calloc_socket(const char *type, size_t num, size_t size, unsigned align, int socket) __rte_alloc_size(2, 3);

/**
 * Give a block back; whoever took it, in whatever process, alive or dead. NULL is nothing.
 *
 * What is no block is refused with a line, and nothing changes: one that was freed already and that nobody took since, a
 * pointer into a block, a memzone, an address outside. rte_errno is kept. A block that was freed and taken anew cannot be
 * told from the first: it is freed.
 */
void rte_free(void *ptr);

/** As rte_free(), and its bytes are overwritten with 0 first. */
__rte_experimental void rte_free_sensitive(void *ptr);

/**
 * Is this a block?
 *
 * @param size  the bytes that may be used from ptr on, which may be more than were asked for; or NULL.
 * Returns:  0, or -1: no block begins there.
 */
int rte_malloc_validate(const void *ptr, size_t *size);

/**
 * Sizes of the heap. It is looked at piece by piece while others use it: the numbers are of no one moment.
 *
 * @param socket  a socket that the machine has; all have the same heap.
 * Returns:  0, or -1: no such socket, or not between init and cleanup, or stats NULL, or in a child of fork() that is no
 *           member of the group, or a member is stopped with the group's lock.
 */
int rte_malloc_get_socket_stats(int socket, struct rte_malloc_socket_stats *socket_stats);

/** A few lines of what rte_malloc_get_socket_stats() tells to f, nothing where that is -1. type is not looked at. */
void rte_malloc_dump_stats(FILE *f, const char *type);

/**
 * To f: a line for the heap, for each size of small blocks, and for each run of pages that is not free (memzones included) with the
 * member that has it. Nothing where rte_malloc_get_socket_stats() is -1.
 */
void rte_malloc_dump_heaps(FILE *f);

/** The IO address of a block: itself. RTE_BAD_IOVA: not in the group's memory. */
rte_iova_t rte_malloc_virt2iova(const void *addr);

/*
 * Heaps of memory that the program brings itself are not there: the calls that would make them return -1 with rte_errno
 * ENOTSUP, and a line.
 */
int rte_malloc_heap_create(const char *heap_name);
int rte_malloc_heap_destroy(const char *heap_name);
int rte_malloc_heap_memory_add(const char *heap_name, void *va_addr, size_t len, rte_iova_t iova_addrs[],
			       unsigned int n_pages, size_t page_sz);
int rte_malloc_heap_memory_remove(const char *heap_name, void *va_addr, size_t len);
int rte_malloc_heap_memory_attach(const char *heap_name, void *va_addr, size_t len);
int rte_malloc_heap_memory_detach(const char *heap_name, void *va_addr, size_t len);

/**
 * The socket of a heap by its name: "socket_0" is the one there is.
 *
 * Returns:  0; -1 with rte_errno EINVAL (NULL, empty, 32 characters or more), ENOENT.
 */
int rte_malloc_heap_get_socket(const char *name);

/** Is this the socket of a program's own heap? 0: no, a socket of the machine; -1 with rte_errno EINVAL: neither. */
int rte_malloc_heap_socket_is_external(int socket_id);

#ifdef __cplusplus
}
#endif

#endif
