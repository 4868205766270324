/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_reorder.h - packets that come in any order leave in the order of their numbers
 *
 * A packet's number is a dynamic field, rte_reorder_seqn(). A buffer of size n holds the n numbers from the one that is next; the first
 * packet says which that is. A packet up to n numbers ahead of those moves the window: what had not come by then is given up, what
 * had is ready to be drained. Numbers wrap around.
 *
 * Buffers are the group's: found by name in any process. One thread at a time inserts into a buffer or drains it, of whatever process.
 * One that dies inside leaves every other packet where it was, but perhaps its own.
 */
#ifndef RTE_REORDER_H
#define RTE_REORDER_H

#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_reorder_buffer;
typedef uint32_t rte_reorder_seqn_t;

/** Where the number is in an mbuf; set in this process by the first create, init or find. */
extern int rte_reorder_seqn_dynfield_offset;

/** A packet's number. */
static inline rte_reorder_seqn_t *rte_reorder_seqn(struct rte_mbuf *mbuf)
{
	return RTE_MBUF_DYNFIELD(mbuf, rte_reorder_seqn_dynfield_offset, rte_reorder_seqn_t *);
}

/**
 * Make a buffer for size numbers, a power of two. name: at most 28 characters.
 *
 * Threads:  any.
 * Returns:  the buffer, NULL with rte_errno: EINVAL the size or the name, EEXIST the name is taken, ENOMEM no memory, or no room in mbufs.
 */
struct rte_reorder_buffer *rte_reorder_create(const char *name, unsigned int socket_id, unsigned int size);
/** The bytes that rte_reorder_init() needs for a size; EINVAL if that is no power of two: then 0. */
unsigned int rte_reorder_memory_footprint_get(unsigned int size);
/** The same in memory of the caller's, bufsize bytes; nobody finds it by name. EINVAL as well: b is NULL, the bytes are too few. */
struct rte_reorder_buffer *rte_reorder_init(struct rte_reorder_buffer *b, unsigned int bufsize, const char *name,
					    unsigned int size);
/** One made by any process; NULL with rte_errno ENOENT there is none of this name. */
struct rte_reorder_buffer *rte_reorder_find_existing(const char *name);
/** Free the packets that are in it; the next one that comes is the first again. */
void rte_reorder_reset(struct rte_reorder_buffer *b);
/** The same, and the buffer itself, if rte_reorder_create() made it. Nobody may use it any more. NULL is nothing. */
void rte_reorder_free(struct rte_reorder_buffer *b);

/**
 * Put a packet in its place.
 *
 * Returns:  0, the packet is the buffer's; -1 with rte_errno, and it is still the caller's: ENOSPC it is ahead, and what it would push
 *           out of the window has no room: drain and try again; ERANGE it is too late, or too far ahead; EEXIST its number is there.
 */
int rte_reorder_insert(struct rte_reorder_buffer *b, struct rte_mbuf *mbuf);
/** Take at most max_mbufs packets in order, up to the first that has not come and is not given up. Returns how many. */
unsigned int rte_reorder_drain(struct rte_reorder_buffer *b, struct rte_mbuf **mbufs, unsigned int max_mbufs);

#ifdef __cplusplus
}
#endif

#endif
