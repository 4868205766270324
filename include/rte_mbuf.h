/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_mbuf.h - packets in buffers of a pool, taken, changed, shared and given back by all processes of a group
 *
 * What an mbuf is: rte_mbuf_core.h. Nothing here looks at what the caller says of itself: an mbuf that it does not have, or a
 * pool that is none of mbufs, is an error that nothing detects, as in DPDK; rte_mbuf_check() looks. A function takes the time
 * of its few instructions, unless it says otherwise, and is called by one thread at a time for one packet; the counts of
 * references are kept by several.
 *
 * When a process dies with mbufs in its hands, those of a tracked pool (SHOAL_MEMPOOL_F_TRACK) come back to it: chains, clones and
 * what has an external buffer too. A buffer that somebody else still uses stays until nobody does. A process killed inside any
 * of these calls leaves a reference too many, never one too few: at worst a buffer stays out of its pool.
 */
#ifndef RTE_MBUF_H
#define RTE_MBUF_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_config.h>
#include <rte_debug.h>
#include <rte_mbuf_core.h>
#include <rte_mbuf_ptype.h>
#include <rte_memory.h>
#include <rte_mempool.h>
#include <rte_prefetch.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- pools ---- */

#define RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF (1 << 0) /* rte_pktmbuf_pool_create_extbuf() */

/* the private data of a pool of mbufs */
struct rte_pktmbuf_pool_private {
	uint16_t mbuf_data_room_size; /* of each buffer, headroom included */
	uint16_t mbuf_priv_size;      /* private bytes of each mbuf */
	uint32_t flags;		      /* RTE_PKTMBUF_POOL_F_... */
};

/* memory for the buffers of rte_pktmbuf_pool_create_extbuf() */
struct rte_pktmbuf_extmem {
	void *buf_ptr; /* where the group's processes see it alike */
	rte_iova_t buf_iova;
	size_t buf_len;
	uint16_t elt_size; /* of each buffer */
};

/**
 * Make a pool of n mbufs; others find it by rte_mempool_lookup() when it is complete.
 *
 * Threads:  any. Blocks as rte_memzone_reserve().
 * @param cache_size      as of rte_mempool_create()
 * @param priv_size       private bytes of each mbuf, a multiple of RTE_MBUF_PRIV_ALIGN
 * @param data_room_size  bytes of each buffer, with RTE_PKTMBUF_HEADROOM
 * by_ops:  with this back end; NULL: rte_mbuf_best_mempool_ops().
 * extbuf:  the buffers lie in ext_mem, which stays the caller's and must outlast the pool; data_room_size is at most their size.
 *
 * Returns:  the pool; NULL with rte_errno, and one line in the log:
 *             EINVAL  priv_size is no such multiple, there is no such back end; (extbuf) memory at NULL, buffers too small
 *             ENOMEM  (extbuf) ext_mem has not room for n
 *             and what rte_mempool_create() has
 *           After success rte_errno means nothing.
 */
struct rte_mempool *rte_pktmbuf_pool_create(const char *name, unsigned int n, unsigned int cache_size,
					    uint16_t priv_size, uint16_t data_room_size, int socket_id);
struct rte_mempool *rte_pktmbuf_pool_create_by_ops(const char *name, unsigned int n, unsigned int cache_size,
						   uint16_t priv_size, uint16_t data_room_size, int socket_id,
						   const char *ops_name);
struct rte_mempool *rte_pktmbuf_pool_create_extbuf(const char *name, unsigned int n, unsigned int cache_size,
						   uint16_t priv_size, uint16_t data_room_size, int socket_id,
						   const struct rte_pktmbuf_extmem *ext_mem, unsigned int ext_num);
/**
 * For rte_mempool_create() (mp_init, obj_init), when the pool is to have flags: sizeof(struct rte_pktmbuf_pool_private) of private
 * data at least, objects of sizeof(struct rte_mbuf) with private bytes and buffer. opaque_arg of pool_init: a struct
 * rte_pktmbuf_pool_private; NULL: no private bytes, all the rest is buffer. What does not fit is made to, with a line.
 */
void rte_pktmbuf_pool_init(struct rte_mempool *mp, void *opaque_arg);
void rte_pktmbuf_init(struct rte_mempool *mp, void *opaque_arg, void *obj, unsigned int i);

static inline uint16_t rte_pktmbuf_data_room_size(struct rte_mempool *mp)
{
	return ((struct rte_pktmbuf_pool_private *)rte_mempool_get_priv(mp))->mbuf_data_room_size;
}
static inline uint16_t rte_pktmbuf_priv_size(struct rte_mempool *mp)
{
	return ((struct rte_pktmbuf_pool_private *)rte_mempool_get_priv(mp))->mbuf_priv_size;
}
static inline uint32_t rte_pktmbuf_priv_flags(struct rte_mempool *mp)
{
	return ((struct rte_pktmbuf_pool_private *)rte_mempool_get_priv(mp))->flags;
}
#define RTE_MBUF_HAS_PINNED_EXTBUF(mb) (rte_pktmbuf_priv_flags((mb)->pool) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF)

/* ---- is it sound? ---- */

/** 0; -1, and *reason says what is wrong. is_header: the first segment, so the whole packet is looked at. */
int rte_mbuf_check(const struct rte_mbuf *m, int is_header, const char **reason);
/** The same, and rte_panic() if it is not. */
void rte_mbuf_sanity_check(const struct rte_mbuf *m, int is_header);
/** It is as in its pool, which is mp (NULL: any), or rte_panic(). */
void rte_mbuf_raw_sanity_check(const struct rte_mbuf *m, const struct rte_mempool *mp);

#ifdef RTE_LIBRTE_MBUF_DEBUG
#define __rte_mbuf_sanity_check(m, is_h) rte_mbuf_sanity_check(m, is_h)
#define __rte_mbuf_raw_sanity_check_mp(m, mp) rte_mbuf_raw_sanity_check(m, mp)
#else
#define __rte_mbuf_sanity_check(m, is_h)                                                                               \
	do {                                                                                                           \
	} while (0)
#define __rte_mbuf_raw_sanity_check_mp(m, mp)                                                                          \
	do {                                                                                                           \
	} while (0)
#endif
#define __rte_mbuf_raw_sanity_check(m) __rte_mbuf_raw_sanity_check_mp(m, NULL)
#define MBUF_RAW_ALLOC_CHECK(m) __rte_mbuf_raw_sanity_check_mp(m, NULL)

/* ---- names of flags ---- */

/** The name of this one flag, or value of a field of several bits; NULL: none has it. */
const char *rte_get_rx_ol_flag_name(uint64_t mask);
const char *rte_get_tx_ol_flag_name(uint64_t mask);
/**
 * Names of the flags in mask, each followed by a blank; fields of checksums are always there, "..._UNKNOWN" if need be.
 * Returns 0; -1 they do not fit: buf has as much as does, and a NUL, if buflen is not 0.
 */
int rte_get_rx_ol_flag_list(uint64_t mask, char *buf, size_t buflen);
int rte_get_tx_ol_flag_list(uint64_t mask, char *buf, size_t buflen);

/* ---- addresses ---- */

static inline void rte_mbuf_prefetch_part1(struct rte_mbuf *m)
{
	rte_prefetch0(m);
}
static inline void rte_mbuf_prefetch_part2(struct rte_mbuf *m)
{
	rte_prefetch0(&m->cacheline1);
}
#define RTE_MBUF_PREFETCH_TO_FREE(m)                                                                                   \
	do {                                                                                                           \
		if ((m) != NULL)                                                                                       \
			rte_prefetch0(m);                                                                              \
	} while (0)

static inline rte_iova_t rte_mbuf_iova_get(const struct rte_mbuf *m)
{
	return m->buf_iova;
}
static inline void rte_mbuf_iova_set(struct rte_mbuf *m, rte_iova_t iova)
{
	m->buf_iova = iova;
}
static inline rte_iova_t rte_mbuf_data_iova(const struct rte_mbuf *mb)
{
	return rte_mbuf_iova_get(mb) + mb->data_off;
}
static inline rte_iova_t rte_mbuf_data_iova_default(const struct rte_mbuf *mb)
{
	return rte_mbuf_iova_get(mb) + RTE_PKTMBUF_HEADROOM;
}
/** The mbuf in whose buffer an indirect one's data are. */
static inline struct rte_mbuf *rte_mbuf_from_indirect(struct rte_mbuf *mi)
{
	return (struct rte_mbuf *)RTE_PTR_SUB(mi->buf_addr, sizeof(*mi) + mi->priv_size);
}
/** Where the buffer of an mbuf of this pool lies, whatever it is attached to. */
static inline char *rte_mbuf_buf_addr(struct rte_mbuf *mb, struct rte_mempool *mp)
{
	return (char *)mb + sizeof(*mb) + rte_pktmbuf_priv_size(mp);
}
static inline char *rte_mbuf_data_addr_default(struct rte_mbuf *mb)
{
	return rte_mbuf_buf_addr(mb, mb->pool) + RTE_PKTMBUF_HEADROOM;
}
static inline char *rte_mbuf_to_baddr(struct rte_mbuf *md)
{
	return rte_mbuf_buf_addr(md, md->pool);
}
/** Its private bytes. */
static inline void *rte_mbuf_to_priv(struct rte_mbuf *m)
{
	return RTE_PTR_ADD(m, sizeof(struct rte_mbuf));
}

#define rte_pktmbuf_pkt_len(m) ((m)->pkt_len)
#define rte_pktmbuf_data_len(m) ((m)->data_len)

static inline uint16_t rte_pktmbuf_headroom(const struct rte_mbuf *m)
{
	__rte_mbuf_sanity_check(m, 0);
	return m->data_off;
}
/** Behind the data of this segment. */
static inline uint16_t rte_pktmbuf_tailroom(const struct rte_mbuf *m)
{
	__rte_mbuf_sanity_check(m, 0);
	return (uint16_t)(m->buf_len - m->data_off - m->data_len);
}
static inline struct rte_mbuf *rte_pktmbuf_lastseg(struct rte_mbuf *m)
{
	__rte_mbuf_sanity_check(m, 1);
	while (m->next != NULL)
		m = m->next;
	return m;
}
static inline int rte_pktmbuf_is_contiguous(const struct rte_mbuf *m)
{
	__rte_mbuf_sanity_check(m, 1);
	return m->nb_segs == 1;
}

/* ---- references ---- */

/* what the inline functions need of the library; not to be called by programs */
void __rte_mbuf_let_go(struct rte_mbuf *m);
void __rte_mbuf_dropped(struct rte_mbuf *m);
void __rte_mbuf_ext_return(struct rte_mbuf_ext_shared_info *shinfo, void *buf_addr, uint16_t left);
struct rte_mbuf *__rte_mbuf_alloc_slow(struct rte_mempool *mp);
void __rte_mbuf_free_slow(struct rte_mbuf *m);
void __rte_pktmbuf_free_slow(struct rte_mbuf *m);

/*
 * Of a tracked pool, so a reference that goes is told; or of none at all: zeros, which some programs free by mistake and which lose
 * a reference and no more, as in DPDK. Asked where a count is not 1 only.
 */
static __rte_always_inline bool __rte_mbuf_told(const struct rte_mbuf *m)
{
	return unlikely(m->pool == NULL || (m->pool->flags & __RTE_MEMPOOL_F_TRACK) != 0);
}

/* Alone with it there is nobody to be atomic against. Acquire: what others did with it came before. Release: what I did. */
static __rte_always_inline uint16_t __rte_mbuf_count(uint16_t *refs, int16_t value)
{
	if (likely(__atomic_load_n(refs, __ATOMIC_ACQUIRE) == 1)) {
		__atomic_store_n(refs, (uint16_t)(1 + value), __ATOMIC_RELAXED);
		return (uint16_t)(1 + value);
	}
	return __atomic_add_fetch(refs, (uint16_t)value, __ATOMIC_ACQ_REL);
}

static inline uint16_t rte_mbuf_refcnt_read(const struct rte_mbuf *m)
{
	return __atomic_load_n(&m->refcnt, __ATOMIC_ACQUIRE);
}
static inline void rte_mbuf_refcnt_set(struct rte_mbuf *m, uint16_t new_value)
{
	__atomic_store_n(&m->refcnt, new_value, __ATOMIC_RELAXED);
}
static inline uint16_t __rte_mbuf_refcnt_update(struct rte_mbuf *m, int16_t value)
{
	return __atomic_add_fetch(&m->refcnt, (uint16_t)value, __ATOMIC_ACQ_REL);
}
/** Add to it; returns what it is then. Whoever brings it to 0 gives the mbuf back. */
static inline uint16_t rte_mbuf_refcnt_update(struct rte_mbuf *m, int16_t value)
{
	/* a reference of mine goes: from now on my death says nothing of this mbuf */
	if (unlikely(value < 0 && rte_mbuf_refcnt_read(m) != 1 && __rte_mbuf_told(m)))
		__rte_mbuf_let_go(m);
	return __rte_mbuf_count(&m->refcnt, value);
}
/** The same for all segments of a packet. */
static inline void rte_pktmbuf_refcnt_update(struct rte_mbuf *m, int16_t v)
{
	__rte_mbuf_sanity_check(m, 1);
	do {
		rte_mbuf_refcnt_update(m, v);
		m = m->next;
	} while (m != NULL);
}

static inline uint8_t __rte_mbuf_home_check(const struct rte_mbuf_ext_shared_info *s)
{
	const uint64_t x =
		((uint64_t)(uintptr_t)s >> 3) * 0x9e3779b97f4a7c15ull ^ ((uint64_t)s->__home_gen << 8) ^ s->__home_slot;

	return (uint8_t)((x * 0xff51afd7ed558ccdull) >> 56);
}
static inline uint16_t rte_mbuf_ext_refcnt_read(const struct rte_mbuf_ext_shared_info *shinfo)
{
	return __atomic_load_n(&shinfo->refcnt, __ATOMIC_ACQUIRE);
}
/** Of a shared info that the caller initializes: its free_cb is the calling process' own. */
static inline void rte_mbuf_ext_refcnt_set(struct rte_mbuf_ext_shared_info *shinfo, uint16_t new_value)
{
	const uint64_t me = __atomic_load_n(&__rte_ring_self[0], __ATOMIC_RELAXED);

	shinfo->__home_slot = (uint8_t)me;
	shinfo->__home_gen = (uint32_t)(me >> 16);
	shinfo->__home_check = __rte_mbuf_home_check(shinfo);
	__atomic_store_n(&shinfo->refcnt, new_value, __ATOMIC_RELEASE);
}
static inline uint16_t rte_mbuf_ext_refcnt_update(struct rte_mbuf_ext_shared_info *shinfo, int16_t value)
{
	return __rte_mbuf_count(&shinfo->refcnt, value);
}

/* ---- taking ---- */

/** An mbuf as it was in its pool: what was in it before is undefined, but for refcnt, nb_segs, next. NULL: there is none. */
static __rte_always_inline struct rte_mbuf *rte_mbuf_raw_alloc(struct rte_mempool *mp)
{
	struct rte_mempool_cache *c = rte_mempool_default_cache(mp, rte_lcore_id());
	const uint32_t len = likely(c != NULL) ? c->len : 0;
	struct rte_mbuf *m;

	/* as rte_mempool_get(), but the pointer stays in a register */
	if (likely(len != 0)) {
		m = (struct rte_mbuf *)c->objs[len - 1];
		__atomic_store_n(&c->len, len - 1, __ATOMIC_RELEASE);
		__rte_assume(m != NULL);
	} else {
		m = __rte_mbuf_alloc_slow(mp);
		if (m == NULL)
			return NULL;
	}
	__rte_mbuf_raw_sanity_check(m);
	return m;
}
/** All or none. Returns 0, or what rte_mempool_get_bulk() has. */
static __rte_always_inline int rte_mbuf_raw_alloc_bulk(struct rte_mempool *mp, struct rte_mbuf **mbufs,
						       unsigned int count)
{
	return rte_mempool_get_bulk(mp, (void **)mbufs, count);
}

static inline void rte_pktmbuf_reset_headroom(struct rte_mbuf *m)
{
	m->data_off = m->buf_len < RTE_PKTMBUF_HEADROOM ? m->buf_len : (uint16_t)RTE_PKTMBUF_HEADROOM;
}
/** Make it an empty packet of one segment; dynamic fields and private bytes stay. */
static inline void rte_pktmbuf_reset(struct rte_mbuf *m)
{
	m->next = NULL;
	m->tx_offload = 0;
	rte_pktmbuf_reset_headroom(m);
	m->nb_segs = 1;
	m->port = RTE_MBUF_PORT_INVALID;
	m->ol_flags &= RTE_MBUF_F_EXTERNAL;
	m->packet_type = 0;
	m->pkt_len = 0;
	m->data_len = 0;
	m->vlan_tci = 0;
	m->vlan_tci_outer = 0;
	__rte_mbuf_sanity_check(m, 1);
}

/**
 * Take an empty packet from the pool; all or none of count of them.
 *
 * Threads:  any; the calling lcore's cache is used. Blocks as rte_mempool_get().
 * Returns:  the mbuf, NULL: the pool is empty, or this process is no member of the group (then there is a line);
 *           bulk: 0, or what rte_mempool_get_bulk() has.
 */
static inline struct rte_mbuf *rte_pktmbuf_alloc(struct rte_mempool *mp)
{
	struct rte_mbuf *m = rte_mbuf_raw_alloc(mp);

	if (likely(m != NULL))
		rte_pktmbuf_reset(m);
	return m;
}
static inline int rte_pktmbuf_alloc_bulk(struct rte_mempool *pool, struct rte_mbuf **mbufs, unsigned int count)
{
	int r = rte_mbuf_raw_alloc_bulk(pool, mbufs, count);

	if (unlikely(r != 0))
		return r;
	for (unsigned int i = 0; i < count; i++) {
		__rte_mbuf_raw_sanity_check(mbufs[i]);
		rte_pktmbuf_reset(mbufs[i]);
	}
	return 0;
}

/* ---- giving back ---- */

/** To its pool, one that is as it was there. */
static __rte_always_inline void rte_mbuf_raw_free(struct rte_mbuf *m)
{
	struct rte_mempool *mp = m->pool;
	struct rte_mempool_cache *c = rte_mempool_default_cache(mp, rte_lcore_id());
	const uint32_t len = likely(c != NULL) ? c->len : 0;

	__rte_mbuf_raw_sanity_check(m);
	if (likely(c != NULL && len < c->flushthresh && (mp->flags & __RTE_MEMPOOL_F_TRACK) == 0)) {
		c->objs[len] = m;
		__atomic_store_n(&c->len, len + 1, __ATOMIC_RELEASE);
	} else {
		__rte_mbuf_free_slow(m);
	}
}
/** All are of this pool. */
static __rte_always_inline void rte_mbuf_raw_free_bulk(struct rte_mempool *mp, struct rte_mbuf **mbufs,
						       unsigned int count)
{
	rte_mempool_put_bulk(mp, (void *const *)mbufs, count);
}

/* nobody has it any more: as it shall be in its pool, and there */
static inline void __rte_mbuf_last(struct rte_mbuf *m)
{
	m->next = NULL;
	m->nb_segs = 1;
	rte_mbuf_refcnt_set(m, 1);
	rte_mbuf_raw_free(m);
}

/* a reference to the mbuf in whose buffer I was is gone: that of one which is attached, not that of one who has it */
static inline void __rte_pktmbuf_free_direct(struct rte_mbuf *md)
{
	if (__rte_mbuf_count(&md->refcnt, -1) == 0)
		__rte_mbuf_last(md);
	else if (unlikely((md->pool->flags & __RTE_MEMPOOL_F_TRACK) != 0))
		__rte_mbuf_dropped(md);
}

static inline void __rte_mbuf_free_ext(struct rte_mbuf_ext_shared_info *s, void *buf_addr)
{
	/* another mbuf's pinned buffer; read as long as s is there for certain */
	const bool pinned = s->__home_gen == 0 && s->__home_slot == UINT8_MAX;
	const uint16_t left = rte_mbuf_ext_refcnt_update(s, -1);

	if (left == 0 || pinned)
		__rte_mbuf_ext_return(s, buf_addr, left);
}

/**
 * It has its own buffer again, empty; the one it was attached to has a user less, and is freed if that was the last. Nothing happens
 * to an mbuf of a pool of pinned buffers.
 */
static inline void rte_pktmbuf_detach(struct rte_mbuf *m)
{
	struct rte_mempool *mp = m->pool;
	struct rte_mbuf *md = rte_mbuf_from_indirect(m);
	struct rte_mbuf_ext_shared_info *shinfo = m->shinfo;
	void *was = m->buf_addr;
	const uint64_t flags = m->ol_flags;

	if ((flags & RTE_MBUF_F_EXTERNAL) != 0 && RTE_MBUF_HAS_PINNED_EXTBUF(m)) {
		m->ol_flags = RTE_MBUF_F_EXTERNAL;
		return;
	}
	/* first it is attached to nothing, then the count says so: who dies between leaves one too many. The rest can wait */
	__atomic_store_n(&m->ol_flags, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if ((flags & RTE_MBUF_F_EXTERNAL) != 0)
		__rte_mbuf_free_ext(shinfo, was);
	else if ((flags & RTE_MBUF_F_INDIRECT) != 0)
		__rte_pktmbuf_free_direct(md);
	m->priv_size = rte_pktmbuf_priv_size(mp);
	m->buf_addr = rte_mbuf_buf_addr(m, mp);
	rte_mbuf_iova_set(m, (rte_iova_t)(uintptr_t)m->buf_addr);
	m->buf_len = rte_pktmbuf_data_room_size(mp);
	rte_pktmbuf_reset_headroom(m);
	m->data_len = 0;
}
#define rte_pktmbuf_detach_extbuf(m) rte_pktmbuf_detach(m)

/* false: clones use its pinned buffer; the last of those gives it back */
static inline bool __rte_mbuf_unpin(struct rte_mbuf *m)
{
	m->ol_flags = RTE_MBUF_F_EXTERNAL;
	if (likely(rte_mbuf_ext_refcnt_read(m->shinfo) == 1))
		return true;
	if (unlikely((m->pool->flags & __RTE_MEMPOOL_F_TRACK) != 0))
		__rte_mbuf_let_go(m);
	m->next = NULL; /* while it still is mine */
	m->nb_segs = 1;
	if (__atomic_add_fetch(&m->shinfo->refcnt, (uint16_t)-1, __ATOMIC_ACQ_REL) != 0)
		return false;
	__atomic_store_n(&m->shinfo->refcnt, 1, __ATOMIC_RELAXED);
	return true;
}

/**
 * Let go of one segment. Returns the mbuf, which is as in its pool, and the caller gives it back by rte_mbuf_raw_free() or
 * rte_mempool_put(); NULL: others have it still, or use its buffer.
 */
static __rte_always_inline struct rte_mbuf *rte_pktmbuf_prefree_seg(struct rte_mbuf *m)
{
	__rte_mbuf_sanity_check(m, 0);
	if (unlikely(rte_mbuf_refcnt_read(m) != 1)) {
		if (rte_mbuf_refcnt_update(m, -1) != 0) {
			if (__rte_mbuf_told(m))
				__rte_mbuf_dropped(m);
			return NULL;
		}
		rte_mbuf_refcnt_set(m, 1);
	}
	if (unlikely(!RTE_MBUF_DIRECT(m))) {
		if (!RTE_MBUF_HAS_EXTBUF(m) || !RTE_MBUF_HAS_PINNED_EXTBUF(m))
			rte_pktmbuf_detach(m);
		else if (!__rte_mbuf_unpin(m))
			return NULL;
	}
	if (m->next != NULL)
		m->next = NULL;
	if (m->nb_segs != 1)
		m->nb_segs = 1;
	return m;
}

/** Give one segment back; what follows it is not. */
static __rte_always_inline void rte_pktmbuf_free_seg(struct rte_mbuf *m)
{
	m = rte_pktmbuf_prefree_seg(m);
	if (likely(m != NULL))
		rte_mbuf_raw_free(m);
}
/**
 * Give a packet back, all its segments; of a pool that this process did not make too. NULL is allowed.
 *
 * Threads:  any; the calling lcore's cache is used. Blocks as rte_mempool_put(), and when an external buffer is the last
 *           reference to which was somebody else's: then up to 100 ms for its process.
 */
static inline void rte_pktmbuf_free(struct rte_mbuf *m)
{
	/* one buffer of its own that nobody else uses: no more is needed here than it takes to say so */
	if (likely(m != NULL && m->next == NULL && rte_mbuf_refcnt_read(m) == 1 && RTE_MBUF_DIRECT(m) &&
		   m->nb_segs == 1)) {
		__rte_mbuf_sanity_check(m, 1);
		rte_mbuf_raw_free(m);
		return;
	}
	__rte_pktmbuf_free_slow(m);
}
/** The same for count packets, some of which may be NULL. */
void rte_pktmbuf_free_bulk(struct rte_mbuf **mbufs, unsigned int count);

/* ---- sharing buffers ---- */

static inline void rte_mbuf_dynfield_copy(struct rte_mbuf *mdst, const struct rte_mbuf *msrc)
{
	memcpy(mdst->dynfield1, msrc->dynfield1, sizeof(mdst->dynfield1)); /* programs wrote them as what they are */
}
/* what is said of a packet, but for its data */
static inline void __rte_pktmbuf_copy_hdr(struct rte_mbuf *mdst, const struct rte_mbuf *msrc)
{
	mdst->port = msrc->port;
	mdst->vlan_tci = msrc->vlan_tci;
	mdst->vlan_tci_outer = msrc->vlan_tci_outer;
	mdst->tx_offload = msrc->tx_offload;
	mdst->hash = msrc->hash;
	mdst->packet_type = msrc->packet_type;
	rte_mbuf_dynfield_copy(mdst, msrc);
}

/**
 * Prepare a shared info at the end of an external buffer, with one reference. *buf_len becomes what is before it.
 * Returns it; NULL: the buffer is too small.
 */
static inline struct rte_mbuf_ext_shared_info *
rte_pktmbuf_ext_shinfo_init_helper(void *buf_addr, uint16_t *buf_len, rte_mbuf_extbuf_free_callback_t free_cb,
				   void *fcb_opaque)
{
	struct rte_mbuf_ext_shared_info *shinfo;
	const uintptr_t from = (uintptr_t)buf_addr;
	uintptr_t at = (from + *buf_len - sizeof(*shinfo)) & ~(uintptr_t)(sizeof(uintptr_t) - 1);

	if (*buf_len < sizeof(*shinfo) || at <= from)
		return NULL;
	shinfo = (struct rte_mbuf_ext_shared_info *)at;
	shinfo->free_cb = free_cb;
	shinfo->fcb_opaque = fcb_opaque;
	rte_mbuf_ext_refcnt_set(shinfo, 1);
	*buf_len = (uint16_t)(at - from);
	return shinfo;
}

/**
 * Let a direct mbuf have its data in a buffer of the program's, for which shinfo counts it already. The data are empty and begin at the
 * buffer's first byte. When the last reference goes, in whatever process, free_cb is called in the process that initialized
 * shinfo, on a thread of the library's if it is another; if that process is gone, nobody frees the buffer, and a line says so.
 */
static inline void rte_pktmbuf_attach_extbuf(struct rte_mbuf *m, void *buf_addr, rte_iova_t buf_iova, uint16_t buf_len,
					     struct rte_mbuf_ext_shared_info *shinfo)
{
	RTE_ASSERT(RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1);
	RTE_ASSERT(shinfo->free_cb != NULL);
	m->buf_addr = buf_addr;
	rte_mbuf_iova_set(m, buf_iova);
	m->buf_len = buf_len;
	m->data_len = 0;
	m->data_off = 0;
	m->shinfo = shinfo;
	__atomic_store_n(&m->ol_flags, m->ol_flags | RTE_MBUF_F_EXTERNAL, __ATOMIC_RELEASE);
}

/**
 * Let mi, which is direct and not of a pool of pinned buffers, have the data of m, in m's buffer, which counts it. The packet that mi is
 * has this one segment.
 */
static inline void rte_pktmbuf_attach(struct rte_mbuf *mi, struct rte_mbuf *m)
{
	uint64_t flags = m->ol_flags;

	RTE_ASSERT(RTE_MBUF_DIRECT(mi) && rte_mbuf_refcnt_read(mi) == 1);
	__rte_pktmbuf_copy_hdr(mi, m);
	mi->data_off = m->data_off;
	mi->data_len = m->data_len;
	rte_mbuf_iova_set(mi, rte_mbuf_iova_get(m));
	mi->buf_addr = m->buf_addr;
	mi->buf_len = m->buf_len;
	mi->next = NULL;
	mi->pkt_len = mi->data_len;
	mi->nb_segs = 1;
	/* the count, then at once the flag that says where there is a reference to be given up */
	if (RTE_MBUF_HAS_EXTBUF(m)) {
		mi->shinfo = m->shinfo;
		(void)rte_mbuf_ext_refcnt_update(m->shinfo, 1);
	} else {
		mi->priv_size = m->priv_size;
		flags |= RTE_MBUF_F_INDIRECT;
		(void)__rte_mbuf_count(RTE_MBUF_CLONED(m) ? &rte_mbuf_from_indirect(m)->refcnt : &m->refcnt, 1);
	}
	__atomic_store_n(&mi->ol_flags, flags, __ATOMIC_RELEASE);
	__rte_mbuf_sanity_check(mi, 1);
	__rte_mbuf_sanity_check(m, 0);
}

/**
 * A packet of mbufs from mp with the same data in the same buffers: to be read only, as md from now on. Private bytes are not copied.
 * Returns:  it; NULL: mp has not so many mbufs; with rte_errno EINVAL and a line: mp is of pinned buffers.
 */
struct rte_mbuf *rte_pktmbuf_clone(struct rte_mbuf *md, struct rte_mempool *mp);
/**
 * A packet of mbufs from mp with a copy of the data from offset on, at most length bytes (UINT32_MAX: all).
 * Returns:  it; NULL: mp has not so many mbufs, or offset is not in the packet's data; with rte_errno EINVAL: mp's buffers
 *           have no room.
 */
struct rte_mbuf *rte_pktmbuf_copy(const struct rte_mbuf *m, struct rte_mempool *mp, uint32_t offset, uint32_t length);

/* ---- data ---- */

/** len more bytes before the data, in the first segment's headroom. Returns where they begin; NULL: there is no room. */
static inline char *rte_pktmbuf_prepend(struct rte_mbuf *m, uint16_t len)
{
	__rte_mbuf_sanity_check(m, 1);
	if (unlikely(len > rte_pktmbuf_headroom(m)))
		return NULL;
	m->data_off = (uint16_t)(m->data_off - len);
	m->data_len = (uint16_t)(m->data_len + len);
	m->pkt_len += len;
	return rte_pktmbuf_mtod(m, char *);
}
/** len more bytes behind the data, in the last segment's tailroom. Returns where they begin; NULL: there is no room. */
static inline char *rte_pktmbuf_append(struct rte_mbuf *m, uint16_t len)
{
	struct rte_mbuf *last = rte_pktmbuf_lastseg(m);
	char *tail;

	if (unlikely(len > rte_pktmbuf_tailroom(last)))
		return NULL;
	tail = rte_pktmbuf_mtod_offset(last, char *, last->data_len);
	last->data_len = (uint16_t)(last->data_len + len);
	m->pkt_len += len;
	return tail;
}
/** Take len bytes off the beginning, of the first segment. Returns where the data begin; NULL: it has not so many. */
static inline char *rte_pktmbuf_adj(struct rte_mbuf *m, uint16_t len)
{
	__rte_mbuf_sanity_check(m, 1);
	if (unlikely(len > m->data_len))
		return NULL;
	m->data_len = (uint16_t)(m->data_len - len);
	m->data_off = (uint16_t)(m->data_off + len);
	m->pkt_len -= len;
	return rte_pktmbuf_mtod(m, char *);
}
/** Take len bytes off the end, of the last segment. Returns 0; -1: it has not so many. */
static inline int rte_pktmbuf_trim(struct rte_mbuf *m, uint16_t len)
{
	struct rte_mbuf *last = rte_pktmbuf_lastseg(m);

	if (unlikely(len > last->data_len))
		return -1;
	last->data_len = (uint16_t)(last->data_len - len);
	m->pkt_len -= len;
	return 0;
}

const void *__rte_pktmbuf_read(const struct rte_mbuf *m, uint32_t off, uint32_t len, void *buf);
/** Where len bytes from off on lie, or where they are copied to if they are in several segments: buf. NULL: not so many. */
static inline const void *rte_pktmbuf_read(const struct rte_mbuf *m, uint32_t off, uint32_t len, void *buf)
{
	if (likely((uint64_t)off + len <= m->data_len))
		return rte_pktmbuf_mtod_offset(m, char *, off);
	return __rte_pktmbuf_read(m, off, len, buf);
}

/** The packet tail follows in head; its first segment is one of head's then. Returns 0; -EOVERFLOW too many segments. */
static inline int rte_pktmbuf_chain(struct rte_mbuf *head, struct rte_mbuf *tail)
{
	if (unlikely((unsigned int)head->nb_segs + tail->nb_segs > RTE_MBUF_MAX_NB_SEGS))
		return -EOVERFLOW;
	rte_pktmbuf_lastseg(head)->next = tail;
	head->nb_segs = (uint16_t)(head->nb_segs + tail->nb_segs);
	head->pkt_len += tail->pkt_len;
	tail->nb_segs = 1;
	tail->pkt_len = tail->data_len;
	return 0;
}

int __rte_pktmbuf_linearize(struct rte_mbuf *mbuf);
/** All data into the first segment, the others are given back. Returns 0; -1: its tailroom is too small, nothing happened. */
static inline int rte_pktmbuf_linearize(struct rte_mbuf *mbuf)
{
	return rte_pktmbuf_is_contiguous(mbuf) ? 0 : __rte_pktmbuf_linearize(mbuf);
}

/** Lines about a packet, and its first dump_len bytes. */
void rte_pktmbuf_dump(FILE *f, const struct rte_mbuf *m, unsigned int dump_len);

/* ---- transmission, scheduling ---- */

/** The fields of mbuf.tx_offload as one word. */
static __rte_always_inline uint64_t rte_mbuf_tx_offload(uint64_t il2, uint64_t il3, uint64_t il4, uint64_t tso,
							uint64_t ol3, uint64_t ol2, uint64_t unused)
{
	return il2 << RTE_MBUF_L2_LEN_OFS | il3 << RTE_MBUF_L3_LEN_OFS | il4 << RTE_MBUF_L4_LEN_OFS |
	       tso << RTE_MBUF_TSO_SEGSZ_OFS | ol3 << RTE_MBUF_OUTL3_LEN_OFS | ol2 << RTE_MBUF_OUTL2_LEN_OFS |
	       unused << RTE_MBUF_TXOFLD_UNUSED_OFS;
}
/** Do the transmit flags contradict each other, or lack one that they need? 0, -EINVAL. */
static inline int rte_validate_tx_offload(const struct rte_mbuf *m)
{
	const uint64_t f = m->ol_flags;
	const bool ip4 = (f & RTE_MBUF_F_TX_IPV4) != 0, ip6 = (f & RTE_MBUF_F_TX_IPV6) != 0;
	const bool sum = (f & RTE_MBUF_F_TX_IP_CKSUM) != 0, tso = (f & RTE_MBUF_F_TX_TCP_SEG) != 0;

	if ((f & RTE_MBUF_F_TX_OFFLOAD_MASK) == 0)
		return 0;
	if (sum && ip6)
		return -EINVAL;
	if ((tso || (f & RTE_MBUF_F_TX_L4_MASK) != 0) && !ip4 && !ip6)
		return -EINVAL;
	if (tso && (m->tso_segsz == 0 || (ip4 && !sum)))
		return -EINVAL;
	if ((f & RTE_MBUF_F_TX_OUTER_IP_CKSUM) != 0 && (f & RTE_MBUF_F_TX_OUTER_IPV4) == 0)
		return -EINVAL;
	return 0;
}

static inline uint32_t rte_mbuf_sched_queue_get(const struct rte_mbuf *m)
{
	return m->hash.sched.queue_id;
}
static inline uint8_t rte_mbuf_sched_traffic_class_get(const struct rte_mbuf *m)
{
	return m->hash.sched.traffic_class;
}
static inline uint8_t rte_mbuf_sched_color_get(const struct rte_mbuf *m)
{
	return m->hash.sched.color;
}
static inline void rte_mbuf_sched_get(const struct rte_mbuf *m, uint32_t *queue_id, uint8_t *traffic_class,
				      uint8_t *color)
{
	*queue_id = m->hash.sched.queue_id;
	*traffic_class = m->hash.sched.traffic_class;
	*color = m->hash.sched.color;
}
static inline void rte_mbuf_sched_queue_set(struct rte_mbuf *m, uint32_t queue_id)
{
	m->hash.sched.queue_id = queue_id;
}
static inline void rte_mbuf_sched_traffic_class_set(struct rte_mbuf *m, uint8_t traffic_class)
{
	m->hash.sched.traffic_class = traffic_class;
}
static inline void rte_mbuf_sched_color_set(struct rte_mbuf *m, uint8_t color)
{
	m->hash.sched.color = color;
}
static inline void rte_mbuf_sched_set(struct rte_mbuf *m, uint32_t queue_id, uint8_t traffic_class, uint8_t color)
{
	const struct rte_mbuf_sched s = {queue_id, traffic_class, color, 0};

	m->hash.sched = s;
}

#ifdef __cplusplus
}
#endif

#endif
