/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_mempool.h - objects of one size, taken and given back by all processes of a group
 *
 * A pool belongs to the group: it stays until somebody frees it, also when the process that made it ends or is killed. Its
 * objects wait in a back end that all processes share (a ring or a stack); a thread with an lcore id has a cache before it,
 * which belongs to this process and this lcore alone: two processes may use the same lcore ids. When a process dies its
 * caches go back to the pool; what it had in its hands as well, if the pool tracks that (shoal_mempool.h).
 *
 * A process killed inside any of these calls leaves a valid state, and nobody hangs: an object is in the pool, or the dead
 * one had it. One that is stopped (SIGSTOP) there holds up nobody: the others find out after 2 ms, once, and use a second ring, which
 * has an eighth of the objects, of up to 4096 a quarter.
 *
 * In a child of fork() that has not called rte_eal_init() itself nothing is taken and nothing given back: -EPERM, and a line.
 */
#ifndef RTE_MEMPOOL_H
#define RTE_MEMPOOL_H

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_compat.h>
#include <rte_config.h>
#include <rte_debug.h>
#include <rte_lcore.h>
#include <rte_memcpy.h>
#include <rte_memory.h>
#include <rte_os.h>
#include <rte_per_lcore.h>
#include <rte_ring.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTE_MEMPOOL_MZ_PREFIX "MP_" /* the memzone of a pool "x" is "MP_x" */
#define RTE_MEMPOOL_MZ_FORMAT RTE_MEMPOOL_MZ_PREFIX "%s"
/* bytes of a pool's name, with its NUL: what the name of its ring leaves */
#define RTE_MEMPOOL_NAMESIZE (RTE_RING_NAMESIZE - sizeof(RTE_MEMPOOL_MZ_PREFIX) + 1)

#ifndef RTE_MEMPOOL_ALIGN
#define RTE_MEMPOOL_ALIGN RTE_CACHE_LINE_SIZE
#endif
#define RTE_MEMPOOL_ALIGN_MASK (RTE_MEMPOOL_ALIGN - 1)

/* flags */
#define RTE_MEMPOOL_F_NO_SPREAD 0x0001	    /* objects may all begin at the same places of the memory channels */
#define RTE_MEMPOOL_F_NO_CACHE_ALIGN 0x0002 /* objects need not begin on a cache line */
#define RTE_MEMPOOL_F_SP_PUT 0x0004	    /* one thread at a time gives back past the caches */
#define RTE_MEMPOOL_F_SC_GET 0x0008	    /* one thread at a time takes past the caches */
#define RTE_MEMPOOL_F_POOL_CREATED 0x0010   /* its own: the back end is there */
#define RTE_MEMPOOL_F_NO_IOVA_CONTIG 0x0020 /* without effect: all memory is contiguous */
#define RTE_MEMPOOL_F_NON_IO 0x0040	    /* its own: no object is for devices */
#define __RTE_MEMPOOL_F_TRACK 0x1000	    /* SHOAL_MEMPOOL_F_TRACK, see shoal_mempool.h */
#define __RTE_MEMPOOL_F_MBUF 0x2000	    /* its own: the objects are mbufs */
#define RTE_MEMPOOL_VALID_USER_FLAGS                                                                                   \
	(RTE_MEMPOOL_F_NO_SPREAD | RTE_MEMPOOL_F_NO_CACHE_ALIGN | RTE_MEMPOOL_F_SP_PUT | RTE_MEMPOOL_F_SC_GET |        \
	 RTE_MEMPOOL_F_NO_IOVA_CONTIG | __RTE_MEMPOOL_F_TRACK)
#define MEMPOOL_F_NO_SPREAD RTE_MEMPOOL_F_NO_SPREAD
#define MEMPOOL_F_NO_CACHE_ALIGN RTE_MEMPOOL_F_NO_CACHE_ALIGN
#define MEMPOOL_F_SP_PUT RTE_MEMPOOL_F_SP_PUT
#define MEMPOOL_F_SC_GET RTE_MEMPOOL_F_SC_GET
#define MEMPOOL_F_NO_IOVA_CONTIG RTE_MEMPOOL_F_NO_IOVA_CONTIG

/* Objects ready for one thread. What a thread puts it gets first. */
struct rte_mempool_cache {
	uint32_t size;	       /* how many it is filled up to */
	uint32_t flushthresh;  /* with more than these it is emptied */
	volatile uint32_t len; /* how many are in it */
	uint32_t __own; /* of a pool and an lcore: has room for 2 * size. 0: rte_mempool_cache_create() made it */
	/* of one that a program made: the pool (its __serial) that knows of it, and where it says so; 0: none yet */
	uint64_t __serial;
	void *__place;
	void *objs[RTE_MEMPOOL_CACHE_MAX_SIZE * 2] __rte_cache_aligned;
} __rte_cache_aligned;

struct rte_mempool_objsz {
	uint32_t elt_size, header_size, trailer_size, total_size;
};

/* before each object */
struct rte_mempool_objhdr {
	RTE_STAILQ_ENTRY(rte_mempool_objhdr) next;
	struct rte_mempool *mp;
	rte_iova_t iova;
	volatile uint64_t __owner; /* tracked pools: the member that has it; 0 in the pool; 1 in a tracked ring */
};
RTE_STAILQ_HEAD(rte_mempool_objhdr_list, rte_mempool_objhdr);

/* a piece of memory that objects are in */
struct rte_mempool_memhdr {
	RTE_STAILQ_ENTRY(rte_mempool_memhdr) next;
	struct rte_mempool *mp;
	void *addr;
	rte_iova_t iova;
	size_t len;
};
RTE_STAILQ_HEAD(rte_mempool_memhdr_list, rte_mempool_memhdr);
/* called by rte_mempool_free(), if the process that brought the memory is the one that frees */
typedef void(rte_mempool_memchunk_free_cb_t)(struct rte_mempool_memhdr *memhdr, void *opaque);

struct rte_mempool_info {
	unsigned int contig_block_size; /* objects in a contiguous block */
} __rte_cache_aligned;

#define RTE_MEMPOOL_OPS_NAMESIZE 32
#define __RTE_MEMPOOL_CHUNKS 12 /* of caches, each twice as large as the one before */

struct rte_mempool {
	char name[RTE_MEMPOOL_NAMESIZE];
	uint16_t __slot; /* where a process has its own side of this pool: __rte_mempool_here[] */
	uint32_t
		__plain; /* 1: pool_data is a ring of the library's, which needs no more than to be moved; else src/obj/pool_round.c */
	RTE_STD_C11
	union {
		void *pool_data; /* the ring of the pools that come with the library */
		uint64_t pool_id;
	};
	void *pool_config;
	const struct rte_memzone *mz;
	uint64_t __serial; /* no other pool ever has it */
	unsigned int flags;
	int socket_id;
	uint32_t size;	     /* objects that fit */
	uint32_t cache_size; /* of each cache; 0: there are none */
	uint32_t elt_size, header_size, trailer_size;
	unsigned int private_data_size;
	uint32_t populated_size; /* objects that there are */
	uint32_t nb_mem_chunks;
	struct rte_mempool_objhdr_list elt_list;
	struct rte_mempool_memhdr_list mem_list;
	char __ops[RTE_MEMPOOL_OPS_NAMESIZE];		 /* found by this name in each process */
	volatile uint64_t __magic;			 /* a pool that is complete, or who is making it */
	volatile uint64_t __sweeper;			 /* the member that looks for what the dead left */
	volatile uint32_t __strayed;			 /* tracked objects were seen that changed hands unseen */
	volatile uint32_t __asked;			 /* when it was last asked what those in __held do, in ms */
	volatile uint64_t __chunk[__RTE_MEMPOOL_CHUNKS]; /* CAS 0 -> where caches are; constant then */
	volatile uint64_t __held[2]
				[2]; /* who holds up the others in the ring, or its detour, in which side; 0: nobody */
} __rte_cache_aligned;

#define RTE_MEMPOOL_HEADER_SIZE(mp, cs) (sizeof(*(mp)) + 0 * (size_t)(cs)) /* caches lie elsewhere */

/* ---- what the inline functions need of the library; not to be called by programs ---- */

struct __rte_mempool_here {
	volatile uint64_t serial; /* what follows is about the pool with this serial; 0 in a forked child */
	const struct rte_mempool_ops *ops;
	volatile uint64_t deaths; /* of so many it was looked what they had here; UINT64_MAX: of none, or in vain */
	struct rte_mempool_cache *cache[RTE_MAX_LCORE];
	volatile uint64_t due; /* not before this moment a thread that finds the pool empty looks again; 0: none has */
} __rte_cache_aligned;
extern struct __rte_mempool_here *__rte_mempool_here; /* private to the process, zeros in a child of fork() */
/*
 * Which cache this thread used last: a copy of what the table above has, so that the address of a cache does not wait for what
 * an object says of its pool, that for where the pool has its place, that for the table.
 */
struct __rte_mempool_last {
	const struct rte_mempool *mp;
	struct rte_mempool_cache *cache;
	uint64_t serial;
	uint64_t self; /* __rte_ring_self[0], which a child of fork() does not have */
	unsigned int lcore;
};
RTE_DECLARE_PER_LCORE(struct __rte_mempool_last, __rte_mempool_last);
/* a cache for this lcore; NULL: there is none to be had, the back end serves without */
struct rte_mempool_cache *__rte_mempool_cache_slow(struct rte_mempool *mp, unsigned int lcore_id);
int __rte_mempool_get_slow(struct rte_mempool *mp, void **objs, unsigned int n, struct rte_mempool_cache *c);
void __rte_mempool_put_slow(struct rte_mempool *mp, void *const *objs, unsigned int n, struct rte_mempool_cache *c);
void __rte_mempool_flush(struct rte_mempool_cache *c, struct rte_mempool *mp);

/* ---- making, finding, giving back ---- */

typedef void(rte_mempool_obj_cb_t)(struct rte_mempool *mp, void *opaque, void *obj, unsigned int obj_idx);
typedef rte_mempool_obj_cb_t rte_mempool_obj_ctor_t;
typedef void(rte_mempool_mem_cb_t)(struct rte_mempool *mp, void *opaque, struct rte_mempool_memhdr *memhdr,
				   unsigned int mem_idx);
typedef void(rte_mempool_ctor_t)(struct rte_mempool *mp, void *arg);

/**
 * Make a pool of n objects and fill it. Others find it when it is complete.
 *
 * Threads:  any. Blocks as rte_memzone_reserve().
 * @param cache_size  objects in the cache of each lcore, at most RTE_MEMPOOL_CACHE_MAX_SIZE and n; 0: no caches.
 * @param mp_init     called before there are objects; may be NULL. obj_init: called for each object; may be NULL.
 * @param flags       RTE_MEMPOOL_F_..., SHOAL_MEMPOOL_F_TRACK.
 * Returns:  the pool; NULL with rte_errno, and one line in the log:
 *             EINVAL        n is 0, cache_size too large, an unknown flag, name NULL
 *             ENAMETOOLONG  the name has more than RTE_MEMPOOL_NAMESIZE - 1 characters
 *             EEXIST        the name is taken
 *             ENOMEM, ENOSPC, EPERM, E_RTE_NO_CONFIG   as rte_memzone_reserve()
 *           After success rte_errno means nothing.
 */
struct rte_mempool *rte_mempool_create(const char *name, unsigned int n, unsigned int elt_size, unsigned int cache_size,
				       unsigned int private_data_size, rte_mempool_ctor_t *mp_init, void *mp_init_arg,
				       rte_mempool_obj_cb_t *obj_init, void *obj_init_arg, int socket_id,
				       unsigned int flags);
/** The same without objects; rte_mempool_set_ops_byname() and rte_mempool_populate_...() follow. */
struct rte_mempool *rte_mempool_create_empty(const char *name, unsigned int n, unsigned int elt_size,
					     unsigned int cache_size, unsigned int private_data_size, int socket_id,
					     unsigned int flags);
/** Give a pool back. Nobody may use it or its objects any more, in any process. NULL is allowed. */
void rte_mempool_free(struct rte_mempool *mp);
/**
 * Find a pool by its name. Threads: any; never blocks.
 * Returns:  the pool; NULL with rte_errno: ENOENT no pool has this name, EINVAL name is NULL, E_RTE_NO_CONFIG.
 */
struct rte_mempool *rte_mempool_lookup(const char *name);

/**
 * Add objects. Of one pool only one of these at a time, and before anybody else uses it.
 *
 * populate_default, populate_anon: as many as are missing, in memory of the group.
 * populate_iova, populate_virt: as many as are missing and fit into the caller's memory, which must be the group's if other
 * processes shall use them; else they stay away when who has them is killed, also those of a tracked pool. pg_sz is not needed here. free_cb: see rte_mempool_memchunk_free_cb_t; may be NULL.
 *
 * Returns:  objects added; -ENOSPC the pool is full, -EEXIST (default) it has memory already, -EINVAL, -ENOMEM, -EPERM.
 *           anon: 0 and rte_errno instead.
 */
int rte_mempool_populate_default(struct rte_mempool *mp);
int rte_mempool_populate_anon(struct rte_mempool *mp);
int rte_mempool_populate_iova(struct rte_mempool *mp, char *vaddr, rte_iova_t iova, size_t len,
			      rte_mempool_memchunk_free_cb_t *free_cb, void *opaque);
int rte_mempool_populate_virt(struct rte_mempool *mp, char *addr, size_t len, size_t pg_sz,
			      rte_mempool_memchunk_free_cb_t *free_cb, void *opaque);

/** Bytes of an object with what is before and after it; sz may be NULL. */
uint32_t rte_mempool_calc_obj_size(uint32_t elt_size, uint32_t flags, struct rte_mempool_objsz *sz);
/** The size of the pages a pool needs to know about: 0, there is none. Returns 0, or -EINVAL. */
int rte_mempool_get_page_size(struct rte_mempool *mp, size_t *pg_sz);

/** Call fn for each object, or each piece of memory, or each pool of the group. Returns how many. */
uint32_t rte_mempool_obj_iter(struct rte_mempool *mp, rte_mempool_obj_cb_t *obj_cb, void *obj_cb_arg);
uint32_t rte_mempool_mem_iter(struct rte_mempool *mp, rte_mempool_mem_cb_t *mem_cb, void *mem_cb_arg);
void rte_mempool_walk(void (*func)(struct rte_mempool *mp, void *arg), void *arg);

/** Lines about a pool, or about each, to f. */
void rte_mempool_dump(FILE *f, struct rte_mempool *mp);
void rte_mempool_list_dump(FILE *f);
/** Look whether all is as it should be: a line in the log for each thing that is not. */
void rte_mempool_audit(struct rte_mempool *mp);
/** Objects that can be got: in the back end and in all caches of all processes; and all the others. A moment's truth. */
unsigned int rte_mempool_avail_count(const struct rte_mempool *mp);
unsigned int rte_mempool_in_use_count(const struct rte_mempool *mp);
static inline int rte_mempool_full(const struct rte_mempool *mp)
{
	return rte_mempool_avail_count(mp) == mp->size;
}
static inline int rte_mempool_empty(const struct rte_mempool *mp)
{
	return rte_mempool_avail_count(mp) == 0;
}

static inline struct rte_mempool_objhdr *rte_mempool_get_header(void *obj)
{
	return (struct rte_mempool_objhdr *)((char *)obj - sizeof(struct rte_mempool_objhdr));
}
/** The pool an object is of. */
static inline struct rte_mempool *rte_mempool_from_obj(void *obj)
{
	return rte_mempool_get_header(obj)->mp;
}
static inline rte_iova_t rte_mempool_virt2iova(const void *elt)
{
	return ((const struct rte_mempool_objhdr *)((const char *)elt - sizeof(struct rte_mempool_objhdr)))->iova;
}
/** The private_data_size bytes of the program's. */
static inline void *rte_mempool_get_priv(struct rte_mempool *mp)
{
	return (char *)mp + RTE_MEMPOOL_HEADER_SIZE(mp, mp->cache_size);
}
/** Cookies around objects are not kept: these do nothing. */
void rte_mempool_check_cookies(const struct rte_mempool *mp, void *const *obj_table_const, unsigned int n, int free);
void rte_mempool_contig_blocks_check_cookies(const struct rte_mempool *mp, void *const *first_obj_table_const,
					     unsigned int n, int free);

/* ---- back ends ---- */

typedef int (*rte_mempool_alloc_t)(struct rte_mempool *mp);
typedef void (*rte_mempool_free_t)(struct rte_mempool *mp);
typedef int (*rte_mempool_enqueue_t)(struct rte_mempool *mp, void *const *obj_table, unsigned int n);
typedef int (*rte_mempool_dequeue_t)(struct rte_mempool *mp, void **obj_table, unsigned int n);
typedef int (*rte_mempool_dequeue_contig_blocks_t)(struct rte_mempool *mp, void **first_obj_table, unsigned int n);
typedef unsigned int (*rte_mempool_get_count)(const struct rte_mempool *mp);
typedef ssize_t (*rte_mempool_calc_mem_size_t)(const struct rte_mempool *mp, uint32_t obj_num, uint32_t pg_shift,
					       size_t *min_chunk_size, size_t *align);
typedef void(rte_mempool_populate_obj_cb_t)(struct rte_mempool *mp, void *opaque, void *vaddr, rte_iova_t iova);
typedef int (*rte_mempool_populate_t)(struct rte_mempool *mp, unsigned int max_objs, void *vaddr, rte_iova_t iova,
				      size_t len, rte_mempool_populate_obj_cb_t *obj_cb, void *obj_cb_arg);
typedef int (*rte_mempool_get_info_t)(const struct rte_mempool *mp, struct rte_mempool_info *info);

/*
 * A back end. name, alloc, enqueue, dequeue and get_count are needed; NULL in the others has the usual done. What alloc puts
 * into pool_data is seen by all processes: each calls its own functions of this name, in threads that get, put or flush.
 *
 * After a death the next get or put that comes to the back end gives it what the dead one's caches have, and what it held of
 * a tracked pool: by enqueue, in that thread. So any thread of any process may be the one that enqueues. Where only one at a
 * time may, the pool has RTE_MEMPOOL_F_SP_PUT: then puts and flushes alone do this, not gets. What was on its way between a
 * cache or a hand and the back end in a call that did not return is lost; nothing is there twice, if enqueue and dequeue
 * themselves survive a death.
 */
struct rte_mempool_ops {
	char name[RTE_MEMPOOL_OPS_NAMESIZE];
	rte_mempool_alloc_t alloc;
	rte_mempool_free_t free;
	rte_mempool_enqueue_t enqueue;
	rte_mempool_dequeue_t dequeue;
	rte_mempool_get_count get_count;
	rte_mempool_calc_mem_size_t calc_mem_size;
	rte_mempool_populate_t populate;
	rte_mempool_get_info_t get_info;
	rte_mempool_dequeue_contig_blocks_t dequeue_contig_blocks;
} __rte_cache_aligned;

#define RTE_MEMPOOL_MAX_OPS_IDX 16
/* this process' back ends; those of the library come first */
struct rte_mempool_ops_table {
	uint32_t sl;
	uint32_t num_ops;
	struct rte_mempool_ops ops[RTE_MEMPOOL_MAX_OPS_IDX];
} __rte_cache_aligned;
extern struct rte_mempool_ops_table rte_mempool_ops_table;

static inline struct rte_mempool_ops *rte_mempool_get_ops(int ops_index)
{
	RTE_VERIFY(ops_index >= 0 && ops_index < RTE_MEMPOOL_MAX_OPS_IDX);
	return &rte_mempool_ops_table.ops[ops_index];
}
/** Make a back end known in this process. Returns its place in the table; -ENOSPC, -EINVAL, -EEXIST. */
int rte_mempool_register_ops(const struct rte_mempool_ops *ops);
#define RTE_MEMPOOL_REGISTER_OPS(ops)                                                                                  \
	RTE_INIT(mp_hdlr_init_##ops)                                                                                   \
	{                                                                                                              \
		rte_mempool_register_ops(&ops);                                                                        \
	}
/** Choose the back end of a pool that has no objects yet. Returns 0; -EEXIST it has, -EINVAL no such name. */
int rte_mempool_set_ops_byname(struct rte_mempool *mp, const char *name, void *pool_config);
/** For those who write back ends: the pool's functions, or what is done in their place. */
int rte_mempool_ops_alloc(struct rte_mempool *mp);
void rte_mempool_ops_free(struct rte_mempool *mp);
unsigned int rte_mempool_ops_get_count(const struct rte_mempool *mp);
int rte_mempool_ops_enqueue_bulk(struct rte_mempool *mp, void *const *obj_table, unsigned int n);
int rte_mempool_ops_dequeue_bulk(struct rte_mempool *mp, void **obj_table, unsigned int n);
int rte_mempool_ops_dequeue_contig_blocks(struct rte_mempool *mp, void **first_obj_table, unsigned int n);
ssize_t rte_mempool_ops_calc_mem_size(const struct rte_mempool *mp, uint32_t obj_num, uint32_t pg_shift,
				      size_t *min_chunk_size, size_t *align);
int rte_mempool_ops_populate(struct rte_mempool *mp, unsigned int max_objs, void *vaddr, rte_iova_t iova, size_t len,
			     rte_mempool_populate_obj_cb_t *obj_cb, void *obj_cb_arg);
/** Returns 0; -ENOTSUP the back end has nothing to tell. */
int rte_mempool_ops_get_info(const struct rte_mempool *mp, struct rte_mempool_info *info);
/**
 * What a calc_mem_size of one's own may call. Bytes for obj_num objects when none may lie on a boundary of pages of
 * 1 << pg_shift bytes (0: there are none), with chunk_reserve bytes more in each; *min_chunk_size: bytes of one object.
 * Returns:  bytes; -EINVAL the reserve fills a page, nothing is written.
 */
ssize_t rte_mempool_op_calc_mem_size_helper(const struct rte_mempool *mp, uint32_t obj_num, uint32_t pg_shift,
					    size_t chunk_reserve, size_t *min_chunk_size, size_t *align);
ssize_t rte_mempool_op_calc_mem_size_default(const struct rte_mempool *mp, uint32_t obj_num, uint32_t pg_shift,
					     size_t *min_chunk_size, size_t *align);
#define RTE_MEMPOOL_POPULATE_F_ALIGN_OBJ 0x0001 /* each begins, header first, at a multiple of its total size */
int rte_mempool_op_populate_helper(struct rte_mempool *mp, unsigned int flags, unsigned int max_objs, void *vaddr,
				   rte_iova_t iova, size_t len, rte_mempool_populate_obj_cb_t *obj_cb,
				   void *obj_cb_arg);
int rte_mempool_op_populate_default(struct rte_mempool *mp, unsigned int max_objs, void *vaddr, rte_iova_t iova,
				    size_t len, rte_mempool_populate_obj_cb_t *obj_cb, void *obj_cb_arg);

/* ---- events: of what this process does with pools ---- */

enum rte_mempool_event {
	RTE_MEMPOOL_EVENT_READY = 0,   /* it has all its objects */
	RTE_MEMPOOL_EVENT_DESTROY = 1, /* it is about to be freed */
};
typedef void(rte_mempool_event_callback)(enum rte_mempool_event event, struct rte_mempool *mp, void *user_data);
/** Returns 0; -1 with rte_errno: EINVAL func is NULL, EEXIST, ENOMEM; unregister: ENOENT. */
int rte_mempool_event_callback_register(rte_mempool_event_callback *func, void *user_data);
int rte_mempool_event_callback_unregister(rte_mempool_event_callback *func, void *user_data);

/* ---- caches ---- */

/**
 * A cache of the program's own, for threads without an lcore id; for one thread and one pool at a time. It belongs to the
 * process that uses it first with a pool: when that one dies, what is in it goes back to the pool.
 * Returns:  the cache; NULL with rte_errno: EINVAL size is 0 or above RTE_MEMPOOL_CACHE_MAX_SIZE, ENOMEM.
 */
struct rte_mempool_cache *rte_mempool_cache_create(uint32_t size, int socket_id);
/** Objects in it are forgotten: rte_mempool_cache_flush() before. By the process that used it. NULL is allowed. */
void rte_mempool_cache_free(struct rte_mempool_cache *cache);
/** The cache of this process and lcore; NULL: it has none. */
static __rte_always_inline struct rte_mempool_cache *rte_mempool_default_cache(struct rte_mempool *mp,
									       unsigned int lcore_id)
{
#define __rte_last RTE_PER_LCORE(__rte_mempool_last)
	struct __rte_mempool_here *h;

	if (likely(__rte_last.mp == mp && __rte_last.serial == mp->__serial && __rte_last.lcore == lcore_id &&
		   __rte_last.self == __atomic_load_n(&__rte_ring_self[0], __ATOMIC_RELAXED))) {
		__rte_assume(__rte_last.cache != NULL);
		return __rte_last.cache;
	}
	if (unlikely(lcore_id >= RTE_MAX_LCORE || mp->cache_size == 0))
		return NULL;
	h = &__rte_mempool_here[mp->__slot];
	/* what follows the serial was written before it, or by this very lcore */
	if (unlikely(__atomic_load_n(&h->serial, __ATOMIC_ACQUIRE) != mp->__serial || h->cache[lcore_id] == NULL))
		return __rte_mempool_cache_slow(mp, lcore_id);
	__rte_last.mp = mp;
	__rte_last.cache = h->cache[lcore_id];
	__rte_last.serial = mp->__serial;
	__rte_last.self = __atomic_load_n(&__rte_ring_self[0], __ATOMIC_RELAXED);
	__rte_last.lcore = lcore_id;
	return __rte_last.cache;
}
#undef __rte_last
/** Give all objects in a cache back to the pool. cache NULL: the calling lcore's. */
static __rte_always_inline void rte_mempool_cache_flush(struct rte_mempool_cache *cache, struct rte_mempool *mp)
{
	if (cache == NULL)
		cache = rte_mempool_default_cache(mp, rte_lcore_id());
	if (cache != NULL && cache->len != 0)
		__rte_mempool_flush(cache, mp);
}

/* ---- get and put ---- */

/*
 * One object past the caches, by a thread that the pool's ring is biased to: what the ..._slow() calls begin with, where it is
 * known when compiled that it is one. The steps are those of rte_ring_move.h in their order. 0: nothing has happened, by call.
 */
static __rte_always_inline int __rte_mempool_put_one(struct rte_mempool *mp, void *obj)
{
	struct rte_ring *r;
	uint32_t pos;

	if (__atomic_load_n(&mp->__plain, __ATOMIC_ACQUIRE) != 1) /* A:POOLPLAIN */
		return 0;
	r = (struct rte_ring *)mp->pool_data;
	if (unlikely(!__rte_ring_enter_biased(&r->prod_side)))
		return 0;
	__RTE_RING_STEP("entered");
	pos = __atomic_load_n(&r->prod.tail, __ATOMIC_RELAXED); /* relaxed: moved inside this side only */
	if (unlikely(r->capacity + r->prod_side.seen == pos)) { /* no room, as far as was seen */
		__rte_ring_leave(&r->prod_side, RTE_RING_SYNC_MT, __RTE_RING_BY_BIAS);
		return 0;
	}
	__rte_ring_put(r, pos, &obj, sizeof(obj), 1, 1);
	__rte_ring_publish(r, &r->prod_side, &r->prod, pos + 1, RTE_RING_SYNC_MT, __RTE_RING_BY_BIAS, 0);
	return 1;
}

static __rte_always_inline int __rte_mempool_get_one(struct rte_mempool *mp, void **obj)
{
	struct rte_ring *r;
	uint32_t pos;

	if (__atomic_load_n(&mp->__plain, __ATOMIC_ACQUIRE) != 1) /* A:POOLPLAIN */
		return 0;
	r = (struct rte_ring *)mp->pool_data;
	if (unlikely(!__rte_ring_enter_biased(&r->cons_side)))
		return 0;
	__RTE_RING_STEP("entered");
	pos = __atomic_load_n(&r->cons.tail, __ATOMIC_RELAXED); /* relaxed: moved inside this side only */
	if (unlikely(r->cons_side.seen == pos)) {		/* none, as far as was seen */
		__rte_ring_leave(&r->cons_side, RTE_RING_SYNC_MT, __RTE_RING_BY_BIAS);
		return 0;
	}
	__rte_ring_get(r, pos, obj, sizeof(*obj), 1, 1);
	__rte_ring_publish(r, &r->cons_side, &r->cons, pos + 1, RTE_RING_SYNC_MT, __RTE_RING_BY_BIAS, 1);
	return 1;
}
#define __rte_is_one(n) (__builtin_constant_p(n) && (n) == 1)

/**
 * Give n objects back, by this cache; NULL: to the back end.
 *
 * Threads:  any; one at a time for one cache. Blocks as a multi-producer enqueue of rte_ring.h when the cache overflows, but
 *           for who is stopped no longer than 2 ms; if two are, in each of the two rings one, until one of them goes on or ends.
 */
static __rte_always_inline void rte_mempool_generic_put(struct rte_mempool *mp, void *const *obj_table, unsigned int n,
							struct rte_mempool_cache *cache)
{
	uint32_t len;

	if (unlikely(cache == NULL || n > cache->flushthresh - cache->len ||
		     (mp->flags & __RTE_MEMPOOL_F_TRACK) != 0)) {
		if (__rte_is_one(n) && cache == NULL && __rte_mempool_put_one(mp, *obj_table))
			return;
		__rte_mempool_put_slow(mp, obj_table, n, cache);
		return;
	}
	len = cache->len;
	__rte_ring_copy(&cache->objs[len], obj_table, n * sizeof(*obj_table));
	/* it is in the cache when len says so */
	__atomic_store_n(&cache->len, len + n, __ATOMIC_RELEASE);
}
static __rte_always_inline void rte_mempool_put_bulk(struct rte_mempool *mp, void *const *obj_table, unsigned int n)
{
	rte_mempool_generic_put(mp, obj_table, n, rte_mempool_default_cache(mp, rte_lcore_id()));
}
static __rte_always_inline void rte_mempool_put(struct rte_mempool *mp, void *obj)
{
	rte_mempool_put_bulk(mp, &obj, 1);
}

/**
 * Take n objects, all or none, by this cache; NULL: from the back end.
 *
 * Threads:  as rte_mempool_generic_put().
 * Returns:  0; -ENOBUFS there are not so many in the cache and the back end, or the rest is out of reach, behind a process that
 *           is stopped; -EPERM no member of the group. rte_errno is kept.
 */
static __rte_always_inline int rte_mempool_generic_get(struct rte_mempool *mp, void **obj_table, unsigned int n,
						       struct rte_mempool_cache *cache)
{
	uint32_t len;

	if (unlikely(cache == NULL || n > cache->len)) {
		if (__rte_is_one(n) && cache == NULL && __rte_mempool_get_one(mp, obj_table))
			return 0;
		return __rte_mempool_get_slow(mp, obj_table, n, cache);
	}
	len = cache->len - n;
	__rte_ring_copy(obj_table, &cache->objs[len], n * sizeof(*obj_table));
	__atomic_store_n(&cache->len, len, __ATOMIC_RELEASE);
	return 0;
}
static __rte_always_inline int rte_mempool_get_bulk(struct rte_mempool *mp, void **obj_table, unsigned int n)
{
	return rte_mempool_generic_get(mp, obj_table, n, rte_mempool_default_cache(mp, rte_lcore_id()));
}
static __rte_always_inline int rte_mempool_get(struct rte_mempool *mp, void **obj_p)
{
	return rte_mempool_get_bulk(mp, obj_p, 1);
}
/** Take n contiguous blocks. Returns 0; -ENOBUFS; -ENOTSUP the back end has none. */
static __rte_always_inline int rte_mempool_get_contig_blocks(struct rte_mempool *mp, void **first_obj_table,
							     unsigned int n)
{
	return rte_mempool_ops_dequeue_contig_blocks(mp, first_obj_table, n);
}
#undef __rte_is_one

#ifdef __cplusplus
}
#endif

#endif
