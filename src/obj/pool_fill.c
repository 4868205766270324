/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_fill.c - objects: how large they are, where they lie, how they come into a pool
 *
 * By one thread of one process, before anybody else uses the pool. Memory of the group is contiguous and its own IO address,
 * so a piece of memory is one chunk, whatever its pages. Objects in memory that is not the group's come last in the list:
 * whoever mends goes no further than to the first of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "base/export.h"
#include "base/fault.h"
#include "base/log.h"
#include "mem/mem.h"
#include "obj/pool.h"

#define CHANNELS 4 /* as long as -n does not say */
#define HDRS0 8u   /* pieces of memory that the first zone of their table has room for */

static uint32_t up(uint32_t n, uint32_t to)
{
	return (n + to - 1) / to * to;
}

static unsigned gcd(unsigned a, unsigned b)
{
	while (b != 0) {
		unsigned t = a % b;

		a = b;
		b = t;
	}
	return a;
}

/* lines of an object: so many that objects begin at different channels */
static uint32_t spread(uint32_t bytes)
{
	unsigned channels = rte_memory_get_nchannel(), lines = bytes / RTE_MEMPOOL_ALIGN;

	if (channels == 0)
		channels = CHANNELS;
	while (gcd(lines, channels) != 1)
		lines++;
	return lines * RTE_MEMPOOL_ALIGN;
}

SH_EXPORT uint32_t rte_mempool_calc_obj_size(uint32_t elt_size, uint32_t flags, struct rte_mempool_objsz *sz)
{
	struct rte_mempool_objsz lsz = {0}, *o = sz != NULL ? sz : &lsz;
	uint32_t align = (flags & RTE_MEMPOOL_F_NO_CACHE_ALIGN) != 0 ? sizeof(uint64_t) : RTE_MEMPOOL_ALIGN;

	o->header_size = up(sizeof(struct rte_mempool_objhdr), align);
	o->elt_size = up(elt_size, sizeof(uint64_t));
	o->total_size = up(o->header_size + o->elt_size, align);
	if ((flags & (RTE_MEMPOOL_F_NO_CACHE_ALIGN | RTE_MEMPOOL_F_NO_SPREAD)) == 0)
		o->total_size = spread(o->total_size);
	o->trailer_size = o->total_size - o->header_size - o->elt_size;
	return o->total_size;
}

static size_t total(const struct rte_mempool *mp)
{
	return (size_t)mp->header_size + mp->elt_size + mp->trailer_size;
}

SH_EXPORT int rte_mempool_get_page_size(struct rte_mempool *mp, size_t *pg_sz)
{
	if (mp == NULL || pg_sz == NULL)
		return -EINVAL;
	*pg_sz = 0;
	return 0;
}

/* ---- what back ends may call ---- */

SH_EXPORT ssize_t rte_mempool_op_calc_mem_size_helper(const struct rte_mempool *mp, uint32_t obj_num, uint32_t pg_shift,
						      size_t chunk_reserve, size_t *min_chunk_size, size_t *align)
{
	size_t size = total(mp), page = (size_t)1 << pg_shift, per, last;

	if (pg_shift != 0 && chunk_reserve >= page)
		return -EINVAL;
	*align = RTE_MEMPOOL_ALIGN;
	*min_chunk_size = size;
	if (pg_shift == 0)
		return (ssize_t)(size * obj_num + chunk_reserve);
	if (obj_num == 0)
		return 0;
	per = (page - chunk_reserve) / size;
	if (per == 0)
		return (ssize_t)(RTE_ALIGN_CEIL(size + chunk_reserve, page) * obj_num);
	last = (obj_num - 1) % per + 1; /* objects in the last page, which need not be there to its end */
	/* the memory may begin in the middle of a page: an object's room is lost there */
	return (ssize_t)((obj_num - last) / per * page + last * size + chunk_reserve + size - 1);
}

SH_EXPORT ssize_t rte_mempool_op_calc_mem_size_default(const struct rte_mempool *mp, uint32_t obj_num,
						       uint32_t pg_shift, size_t *min_chunk_size, size_t *align)
{
	return rte_mempool_op_calc_mem_size_helper(mp, obj_num, pg_shift, 0, min_chunk_size, align);
}

SH_EXPORT int rte_mempool_op_populate_helper(struct rte_mempool *mp, unsigned int flags, unsigned int max_objs,
					     void *vaddr, rte_iova_t iova, size_t len,
					     rte_mempool_populate_obj_cb_t *obj_cb, void *obj_cb_arg)
{
	size_t size = total(mp), off = 0, at;
	unsigned n;

	if ((flags & RTE_MEMPOOL_POPULATE_F_ALIGN_OBJ) != 0) {
		at = (uintptr_t)vaddr % size;
		off = at != 0 ? size - at : 0;
	}
	for (n = 0; n < max_objs && off + size <= len; n++, off += size) {
		void *obj = (char *)vaddr + off + mp->header_size;

		obj_cb(mp, obj_cb_arg, obj, iova == RTE_BAD_IOVA ? RTE_BAD_IOVA : iova + off + mp->header_size);
		sh_pool_round_fill(mp, obj);
	}
	return (int)n;
}

SH_EXPORT int rte_mempool_op_populate_default(struct rte_mempool *mp, unsigned int max_objs, void *vaddr,
					      rte_iova_t iova, size_t len, rte_mempool_populate_obj_cb_t *obj_cb,
					      void *obj_cb_arg)
{
	return rte_mempool_op_populate_helper(mp, 0, max_objs, vaddr, iova, len, obj_cb, obj_cb_arg);
}

/* ---- memory ---- */

/* what this process is to do with memory that it brought */
struct sh_pool_chunk {
	struct sh_pool_chunk *next;
	uint64_t serial;
	struct rte_mempool_memhdr *hdr;
	rte_mempool_memchunk_free_cb_t *free_cb;
	void *opaque;
};

static int remember(struct rte_mempool *mp, struct rte_mempool_memhdr *hdr, rte_mempool_memchunk_free_cb_t *free_cb,
		    void *opaque)
{
	struct sh_pool_chunk *c;

	if (free_cb == NULL)
		return 0;
	c = malloc(sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	sh_lock_calm(&sh_ctx.obj->pool_lock);
	*c = (struct sh_pool_chunk){sh_ctx.obj->chunks, mp->__serial, hdr, free_cb, opaque};
	sh_ctx.obj->chunks = c;
	sh_unlock_calm(&sh_ctx.obj->pool_lock);
	return 0;
}

static struct sh_pool_chunk *forget(uint64_t serial)
{
	struct sh_pool_chunk **at, *c;

	sh_lock_calm(&sh_ctx.obj->pool_lock);
	at = &sh_ctx.obj->chunks;
	while (*at != NULL && (*at)->serial != serial)
		at = &(*at)->next;
	c = *at;
	if (c != NULL)
		*at = c->next;
	sh_unlock_calm(&sh_ctx.obj->pool_lock);
	return c;
}

void sh_pool_chunks_free(struct rte_mempool *mp)
{
	struct sh_pool_chunk *c;

	while ((c = forget(mp->__serial)) != NULL) {
		c->free_cb(c->hdr, c->opaque);
		free(c);
	}
}

static bool groups(const void *at)
{
	return sh_mem_contains((uint64_t)(uintptr_t)at);
}

static void add_object(struct rte_mempool *mp, void *opaque, void *obj, rte_iova_t iova)
{
	struct rte_mempool_objhdr *hdr = rte_mempool_get_header(obj);

	(void)opaque;
	hdr->mp = mp;
	hdr->iova = iova;
	hdr->__owner = SH_TAG_POOL;
	if (groups(obj) && !groups(mp->elt_list.stqh_last))
		STAILQ_INSERT_HEAD(&mp->elt_list, hdr, next);
	else
		STAILQ_INSERT_TAIL(&mp->elt_list, hdr, next);
	SH_STEP("pool_object_listed");
	mp->populated_size++;
}

static int back_end(struct rte_mempool *mp)
{
	int r;

	if ((sh_load_rlx(SH_A32(&mp->flags)) & RTE_MEMPOOL_F_POOL_CREATED) != 0) /* relaxed: who fills is alone at it */
		return 0;
	r = rte_mempool_ops_alloc(mp);
	if (r == 0)
		(void)sh_or(SH_A32(&mp->flags), RTE_MEMPOOL_F_POOL_CREATED); /* R:POOLMADE */
	return r;
}

/*
 * Where what is known of chunk i is written down: in zones found by name, each twice as long as the one before, so that
 * whoever frees the pool in a dead one's place frees them as well.
 */
static struct rte_mempool_memhdr *place_of(struct rte_mempool *mp, uint32_t i)
{
	char zone[RTE_MEMZONE_NAMESIZE], suffix[2] = "a";
	struct sh_zone_ask ask = {.name = zone, .align = RTE_CACHE_LINE_SIZE, .socket = SOCKET_ID_ANY};
	const struct rte_memzone *mz;
	uint32_t n = HDRS0;

	for (; i >= n; n *= 2, suffix[0]++)
		i -= n;
	if (suffix[0] >= 'a' + __RTE_MEMPOOL_CHUNKS || !sh_pool_zone_name(zone, "MH_", mp->name, suffix))
		return NULL;
	ask.len = n * sizeof(struct rte_mempool_memhdr);
	if (sh_pool_part(mp, &ask, false, &mz) < 0)
		return NULL;
	return (struct rte_mempool_memhdr *)mz->addr + i;
}

/* hdr: where to write it down; NULL: wherever that is */
static int add_memory(struct rte_mempool *mp, const struct rte_mempool_memhdr *what, struct rte_mempool_memhdr *hdr,
		      rte_mempool_memchunk_free_cb_t *free_cb, void *opaque)
{
	if (hdr == NULL)
		hdr = place_of(mp, mp->nb_mem_chunks);
	if (hdr == NULL || remember(mp, hdr, free_cb, opaque) < 0)
		return -ENOMEM;
	*hdr = *what;
	mp->nb_mem_chunks++; /* first: if this process dies in between, no other uses this place again */
	SH_STEP("pool_chunk_counted");
	STAILQ_INSERT_TAIL(&mp->mem_list, hdr, next);
	return 0;
}

static int populate(struct rte_mempool *mp, char *vaddr, rte_iova_t iova, size_t len, struct rte_mempool_memhdr *hdr,
		    rte_mempool_memchunk_free_cb_t *free_cb, void *opaque)
{
	struct rte_mempool_memhdr what = {.mp = mp, .addr = vaddr, .iova = iova, .len = len};
	size_t align = (mp->flags & RTE_MEMPOOL_F_NO_CACHE_ALIGN) != 0 ? sizeof(uint64_t) : RTE_MEMPOOL_ALIGN;
	size_t off = (align - (uintptr_t)vaddr % align) % align;
	int r;

	if (sh_self() == 0)
		return -EPERM;
	if (mp->populated_size >= mp->size)
		return -ENOSPC;
	if (off + total(mp) > len)
		return 0;
	r = back_end(mp);
	if (r == 0)
		r = add_memory(mp, &what, hdr, free_cb, opaque);
	if (r != 0)
		return r;
	if (sh_pool_tracks(mp) && !(groups(vaddr) && groups(vaddr + len - 1)))
		sh_warn("pool \"%s\": the memory at %p is not the group's: what a process has of its objects when it "
			"is "
			"killed does not come back; memory of rte_malloc() is the group's",
			mp->name, (void *)vaddr);
	r = rte_mempool_ops_populate(mp, mp->size - mp->populated_size, vaddr + off,
				     iova == RTE_BAD_IOVA ? RTE_BAD_IOVA : iova + off, len - off, add_object, NULL);
	sh_pool_round_filled(mp);
	if (mp->populated_size == mp->size)
		sh_pool_tell(RTE_MEMPOOL_EVENT_READY, mp);
	return r;
}

SH_EXPORT int rte_mempool_populate_iova(struct rte_mempool *mp, char *vaddr, rte_iova_t iova, size_t len,
					rte_mempool_memchunk_free_cb_t *free_cb, void *opaque)
{
	return populate(mp, vaddr, iova, len, NULL, free_cb, opaque);
}

SH_EXPORT int rte_mempool_populate_virt(struct rte_mempool *mp, char *addr, size_t len, size_t pg_sz,
					rte_mempool_memchunk_free_cb_t *free_cb, void *opaque)
{
	rte_iova_t iova = (mp->flags & RTE_MEMPOOL_F_NO_IOVA_CONTIG) != 0 ? RTE_BAD_IOVA : (rte_iova_t)(uintptr_t)addr;

	(void)pg_sz;
	return rte_mempool_populate_iova(mp, addr, iova, len, free_cb, opaque);
}

SH_EXPORT int rte_mempool_populate_default(struct rte_mempool *mp)
{
	char name[RTE_MEMZONE_NAMESIZE];
	struct sh_zone_ask ask = {.name = name, .socket = mp->socket_id};
	size_t min, align = RTE_MEMPOOL_ALIGN, at;
	const struct rte_memzone *mz;
	ssize_t len;
	int r;

	if (mp->nb_mem_chunks != 0)
		return -EEXIST;
	r = back_end(mp);
	if (r != 0)
		return r;
	len = rte_mempool_ops_calc_mem_size(mp, mp->size, 0, &min, &align);
	if (len < 0)
		return (int)len;
	/* behind the objects: what is known of this memory */
	at = RTE_ALIGN_CEIL((size_t)len, sizeof(uint64_t));
	(void)sh_pool_zone_name(name, "MO_", mp->name, "");
	ask.len = at + sizeof(struct rte_mempool_memhdr);
	ask.align = align < RTE_CACHE_LINE_SIZE ? RTE_CACHE_LINE_SIZE : align;
	r = sh_pool_part(mp, &ask, true, &mz); /* one who died here may have got it */
	if (r < 0)
		return r;
	SH_STEP("pool_memory_there");
	r = populate(mp, mz->addr, mz->iova, (size_t)len, (void *)((char *)mz->addr + at), NULL, NULL);
	if (r >= 0 && mp->populated_size < mp->size)
		r = -ENOMEM;
	return r < 0 ? r : (int)mp->size;
}

/* memory without a file would be this process' alone: it is the group's */
SH_EXPORT int rte_mempool_populate_anon(struct rte_mempool *mp)
{
	int r = rte_mempool_populate_default(mp);

	if (r >= 0)
		return r;
	rte_errno = -r;
	return 0;
}
