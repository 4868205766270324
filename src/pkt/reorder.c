/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reorder.c - packets in the order of their numbers (rte_reorder.h)
 *
 * A window of size slots, one a number from `next` on, and behind it a queue of packets that have left the window and wait to be
 * drained: they come before all that is in it. Both are rings of pointers: numbers and positions only grow, the slot is their rest.
 *
 *   field                written by                                             read by
 *   name .. size         the maker, before magic                                all
 *   magic                the maker, last (R:REORDER <-> A:REORDER); who frees   all
 *   rest                 who inserts or drains: one thread at a time            the same
 *
 * Who dies inside: a slot is written before a position says that it counts, and read before a position says that it is free; so a packet
 * is in one place, or (one, just drained) in none.
 */
#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_memzone.h>
#include <rte_reorder.h>

#include "base/atom.h"
#include "base/export.h"
#include "base/log.h"
#include "ctx.h"
#include "mem/mem.h"

#define PREFIX "RO_"
#define MAGIC UINT64_C(0x31726564726f6572)
#define MOST (1u << 20)

struct rte_reorder_buffer {
	_Atomic uint64_t magic;
	const struct rte_memzone *mz; /* NULL: the caller's memory */
	char name[RTE_MEMZONE_NAMESIZE];
	uint32_t size;
	bool begun;
	uint32_t next;		 /* the number that the window begins with */
	uint32_t out, in;	 /* positions of the queue */
	struct rte_mbuf *slot[]; /* size of the window, size of the queue */
};

SH_EXPORT int rte_reorder_seqn_dynfield_offset = -1;

static void *refuse(const char *name, int err, const char *why)
{
	sh_err("reorder buffer \"%.40s\": %s", name != NULL ? name : "(null)", why);
	rte_errno = err;
	return NULL;
}

/* this process knows where numbers are. 0 or an errno */
static int field(void)
{
	static const struct rte_mbuf_dynfield ask = {.name = "rte_reorder_seqn_dynfield",
						     .size = sizeof(rte_reorder_seqn_t),
						     .align = __alignof__(rte_reorder_seqn_t)};
	int at = rte_mbuf_dynfield_register(&ask);

	if (at < 0)
		return ENOMEM;
	rte_reorder_seqn_dynfield_offset = at;
	return 0;
}

static bool size_ok(unsigned size)
{
	return size != 0 && size <= MOST && (size & (size - 1)) == 0;
}

static size_t bytes(unsigned size)
{
	return sizeof(struct rte_reorder_buffer) + 2 * (size_t)size * sizeof(struct rte_mbuf *);
}

/* 0, or an errno after a line */
static int check(const char *name, unsigned size)
{
	if (name == NULL || name[0] == '\0' || strlen(name) + sizeof(PREFIX) > RTE_MEMZONE_NAMESIZE)
		(void)refuse(name, EINVAL, "its name has 1 to 28 characters");
	else if (!size_ok(size))
		(void)refuse(name, EINVAL, "its size is a power of two, up to 1048576");
	else if (field() != 0)
		(void)refuse(name, ENOMEM, "mbufs have no room left for its dynamic field of 4 bytes");
	else
		return 0;
	return rte_errno;
}

static void fill(struct rte_reorder_buffer *b, const struct rte_memzone *mz, const char *name, unsigned size)
{
	memset(b, 0, bytes(size));
	b->mz = mz;
	(void)strncpy(b->name, name, sizeof(b->name) - 1);
	b->size = size;
	sh_store_rel(&b->magic, MAGIC); /* R:REORDER */
}

SH_EXPORT unsigned int rte_reorder_memory_footprint_get(unsigned int size)
{
	if (size_ok(size))
		return (unsigned)bytes(size);
	rte_errno = EINVAL;
	return 0;
}

SH_EXPORT struct rte_reorder_buffer *rte_reorder_init(struct rte_reorder_buffer *b, unsigned int bufsize,
						      const char *name, unsigned int size)
{
	if (check(name, size) != 0)
		return NULL;
	if (b == NULL || bufsize < bytes(size))
		return refuse(name, EINVAL, "the memory is NULL, or less than rte_reorder_memory_footprint_get() says");
	fill(b, NULL, name, size);
	return b;
}

SH_EXPORT struct rte_reorder_buffer *rte_reorder_create(const char *name, unsigned int socket_id, unsigned int size)
{
	char zone[RTE_MEMZONE_NAMESIZE];
	const struct rte_memzone *mz;

	if (check(name, size) != 0)
		return NULL;
	(void)snprintf(zone, sizeof(zone), PREFIX "%s", name);
	mz = rte_memzone_reserve(zone, bytes(size), (int)socket_id, 0);
	if (mz == NULL)
		return NULL; /* that said why */
	fill(mz->addr, mz, name, size);
	return mz->addr;
}

SH_EXPORT struct rte_reorder_buffer *rte_reorder_find_existing(const char *name)
{
	char zone[RTE_MEMZONE_NAMESIZE];
	struct rte_reorder_buffer *b = NULL;
	const struct rte_memzone *mz;

	if (name != NULL && (size_t)snprintf(zone, sizeof(zone), PREFIX "%s", name) < sizeof(zone)) {
		mz = sh_ctx.mem != NULL ? sh_zone_lookup(zone) : NULL;
		b = mz != NULL ? mz->addr : NULL;
	}
	if (b != NULL && sh_load_acq(&b->magic) == MAGIC && field() == 0) /* A:REORDER */
		return b;
	rte_errno = ENOENT;
	return NULL;
}

/* ---- packets ---- */

static struct rte_mbuf **window(struct rte_reorder_buffer *b, uint32_t number)
{
	return &b->slot[number & (b->size - 1)];
}

static struct rte_mbuf **queue(struct rte_reorder_buffer *b, uint32_t at)
{
	return &b->slot[b->size + (at & (b->size - 1))];
}

/* the window begins n numbers later; false: the queue has no room for what leaves it */
static bool move_on(struct rte_reorder_buffer *b, uint32_t n)
{
	for (; n > 0; n--) {
		struct rte_mbuf **w = window(b, b->next), *m = *w;

		if (m != NULL && b->in - b->out == b->size)
			return false;
		*w = NULL;
		b->next++;
		if (m != NULL) {
			*queue(b, b->in) = m;
			b->in++;
		}
	}
	return true;
}

static int no(int err)
{
	rte_errno = err;
	return -1;
}

SH_EXPORT int rte_reorder_insert(struct rte_reorder_buffer *b, struct rte_mbuf *mbuf)
{
	uint32_t seqn, ahead;

	if (b == NULL || mbuf == NULL)
		return no(EINVAL);
	seqn = *rte_reorder_seqn(mbuf);
	if (!b->begun) {
		b->next = seqn;
		b->begun = true;
	}
	ahead = seqn - b->next;
	if (ahead >= 2 * b->size)
		return no(ERANGE);
	if (ahead >= b->size && !move_on(b, ahead - b->size + 1))
		return no(ENOSPC);
	if (*window(b, seqn) != NULL)
		return no(EEXIST);
	*window(b, seqn) = mbuf;
	return 0;
}

SH_EXPORT unsigned int rte_reorder_drain(struct rte_reorder_buffer *b, struct rte_mbuf **mbufs, unsigned int max_mbufs)
{
	unsigned n = 0;

	if (b == NULL || mbufs == NULL)
		return 0;
	while (n < max_mbufs && b->out != b->in) {
		mbufs[n++] = *queue(b, b->out);
		b->out++;
	}
	while (n < max_mbufs && *window(b, b->next) != NULL) {
		mbufs[n++] = *window(b, b->next);
		*window(b, b->next) = NULL;
		b->next++;
	}
	return n;
}

SH_EXPORT void rte_reorder_reset(struct rte_reorder_buffer *b)
{
	if (b == NULL)
		return;
	for (; b->out != b->in; b->out++)
		rte_pktmbuf_free(*queue(b, b->out));
	for (uint32_t i = 0; i < b->size; i++) {
		rte_pktmbuf_free(b->slot[i]);
		b->slot[i] = NULL;
	}
	b->begun = false;
}

SH_EXPORT void rte_reorder_free(struct rte_reorder_buffer *b)
{
	if (b == NULL || sh_xchg(&b->magic, 0) != MAGIC)
		return;
	rte_reorder_reset(b);
	if (b->mz != NULL)
		(void)rte_memzone_free(b->mz);
}
