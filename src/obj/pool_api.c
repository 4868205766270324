/* SPDX-License-Identifier: BSD-3-Clause */
/* pool_api.c - what rte_mempool.h declares: checks arguments, says what was wrong, maps errors; looks at pools; events */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "base/export.h"
#include "base/log.h"
#include "obj/pool.h"

__attribute__((format(printf, 3, 4))) static int refuse(int err, const char *name, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	sh_err("pool \"%.40s\": %s", name != NULL ? name : "(null)", why);
	return err;
}

static int check(const struct sh_pool_ask *ask)
{
	const char *name = ask->name;

	if (name == NULL)
		return refuse(EINVAL, name, "a pool needs a name");
	if (strnlen(name, RTE_MEMPOOL_NAMESIZE) == RTE_MEMPOOL_NAMESIZE)
		return refuse(ENAMETOOLONG, name, "a name has at most %d characters", (int)RTE_MEMPOOL_NAMESIZE - 1);
	if (ask->n == 0 || ask->n >= RTE_RING_SZ_MASK / 2)
		return refuse(EINVAL, name, "%u objects: there is 1 at least, and %u at most", ask->n,
			      RTE_RING_SZ_MASK / 2 - 1);
	if (ask->cache_size > RTE_MEMPOOL_CACHE_MAX_SIZE || ask->cache_size > ask->n)
		return refuse(EINVAL, name, "a cache of %u objects: %d is the most, and what the pool has, %u",
			      ask->cache_size, RTE_MEMPOOL_CACHE_MAX_SIZE, ask->n);
	if ((ask->flags & ~(unsigned)RTE_MEMPOOL_VALID_USER_FLAGS) != 0)
		return refuse(EINVAL, name, "unknown flags 0x%x", ask->flags & ~(unsigned)RTE_MEMPOOL_VALID_USER_FLAGS);
	if (ask->elt_size > UINT32_MAX / 2)
		return refuse(EINVAL, name, "objects of %u bytes are too large", ask->elt_size);
	return 0;
}

static struct rte_mempool *make(const struct sh_pool_ask *ask)
{
	struct rte_mempool *mp = NULL;
	int e = check(ask);

	if (e == 0) {
		e = sh_pool_make(ask, &mp);
		if (e == EEXIST)
			(void)refuse(e, ask->name, "the name is taken");
	}
	if (e == 0)
		return mp;
	rte_errno = e;
	return NULL;
}

SH_EXPORT struct rte_mempool *rte_mempool_create_empty(const char *name, unsigned int n, unsigned int elt_size,
						       unsigned int cache_size, unsigned int private_data_size,
						       int socket_id, unsigned int flags)
{
	struct sh_pool_ask ask = {name, n, elt_size, cache_size, private_data_size, socket_id, flags};
	struct rte_mempool *mp = make(&ask);

	if (mp != NULL)
		sh_pool_publish(mp);
	return mp;
}

SH_EXPORT struct rte_mempool *rte_mempool_create(const char *name, unsigned int n, unsigned int elt_size,
						 unsigned int cache_size, unsigned int private_data_size,
						 rte_mempool_ctor_t *mp_init, void *mp_init_arg,
						 rte_mempool_obj_cb_t *obj_init, void *obj_init_arg, int socket_id,
						 unsigned int flags)
{
	struct sh_pool_ask ask = {name, n, elt_size, cache_size, private_data_size, socket_id, flags};
	struct rte_mempool *mp = make(&ask);
	int r;

	if (mp == NULL)
		return NULL;
	if (mp_init != NULL)
		mp_init(mp, mp_init_arg);
	r = rte_mempool_populate_default(mp);
	if (r < 0) {
		(void)sh_pool_abandon(mp);
		rte_errno = -r;
		return NULL;
	}
	if (obj_init != NULL)
		(void)rte_mempool_obj_iter(mp, obj_init, obj_init_arg);
	sh_pool_publish(mp);
	return mp;
}

SH_EXPORT void rte_mempool_free(struct rte_mempool *mp)
{
	int e;

	if (mp == NULL)
		return;
	sh_pool_tell(RTE_MEMPOOL_EVENT_DESTROY, mp);
	e = sh_pool_unmake(mp);
	if (e == -EINVAL)
		(void)refuse(0, mp->name, "it is no pool, or freed already");
	else if (e == -EPERM)
		(void)refuse(0, mp->name,
			     "this is a child of fork(), no member of the group: call rte_eal_init() in it");
}

SH_EXPORT struct rte_mempool *rte_mempool_lookup(const char *name)
{
	return sh_named_found(name, sh_pool_find(name));
}

/* ---- looking at it ---- */

SH_EXPORT uint32_t rte_mempool_obj_iter(struct rte_mempool *mp, rte_mempool_obj_cb_t *obj_cb, void *obj_cb_arg)
{
	struct rte_mempool_objhdr *hdr;
	uint32_t n = 0;

	for (hdr = STAILQ_FIRST(&mp->elt_list); hdr != NULL; hdr = STAILQ_NEXT(hdr, next))
		obj_cb(mp, obj_cb_arg, hdr + 1, n++);
	return n;
}

SH_EXPORT uint32_t rte_mempool_mem_iter(struct rte_mempool *mp, rte_mempool_mem_cb_t *mem_cb, void *mem_cb_arg)
{
	struct rte_mempool_memhdr *hdr;
	uint32_t n = 0;

	for (hdr = STAILQ_FIRST(&mp->mem_list); hdr != NULL; hdr = STAILQ_NEXT(hdr, next))
		mem_cb(mp, mem_cb_arg, hdr, n++);
	return n;
}

SH_EXPORT void rte_mempool_walk(void (*func)(struct rte_mempool *mp, void *arg), void *arg)
{
	sh_pool_walk(func, arg);
}

static void add_len(struct rte_mempool *mp, struct sh_pool_cache *c, void *arg)
{
	(void)mp;
	*(uint64_t *)arg += sh_load_acq(SH_A32(&c->pub.len)); /* not what a program's caches have, as in DPDK */
}

static uint64_t cached(const struct rte_mempool *mp)
{
	uint64_t n = 0;

	sh_pool_each_cache((struct rte_mempool *)(uintptr_t)mp, add_len, &n);
	return n;
}

SH_EXPORT unsigned int rte_mempool_avail_count(const struct rte_mempool *mp)
{
	uint64_t n = rte_mempool_ops_get_count(mp) + cached(mp);

	return n < mp->size ? (unsigned)n : mp->size;
}

SH_EXPORT unsigned int rte_mempool_in_use_count(const struct rte_mempool *mp)
{
	return mp->size - rte_mempool_avail_count(mp);
}

static void dump_cache(struct rte_mempool *mp, struct sh_pool_cache *c, void *arg)
{
	uint64_t who = sh_load_acq(&c->owner);

	(void)mp;
	if (who != 0 && sh_cache_pub(c) != &c->pub)
		fprintf(arg, "    cache of member %u (generation %u), its own: %u\n", sh_id_slot(who), sh_id_gen(who),
			sh_cache_pub(c)->len);
	else if (who != 0)
		fprintf(arg, "    cache of member %u (generation %u), lcore %u: %u\n", sh_id_slot(who), sh_id_gen(who),
			c->lcore, c->pub.len);
}

SH_EXPORT void rte_mempool_dump(FILE *f, struct rte_mempool *mp)
{
	unsigned common = rte_mempool_ops_get_count(mp);

	fprintf(f, "mempool <%s>@%p\n  flags=%x\n  socket_id=%d\n  pool=%p\n  ops=%s\n", mp->name, (void *)mp,
		mp->flags, mp->socket_id, mp->pool_data, mp->__ops);
	fprintf(f, "  nb_mem_chunks=%u\n  size=%u\n  populated_size=%u\n", mp->nb_mem_chunks, mp->size,
		mp->populated_size);
	fprintf(f, "  header_size=%u\n  elt_size=%u\n  trailer_size=%u\n  total_obj_size=%u\n  private_data_size=%u\n",
		mp->header_size, mp->elt_size, mp->trailer_size, mp->header_size + mp->elt_size + mp->trailer_size,
		mp->private_data_size);
	fprintf(f, "  internal cache infos:\n    cache_size=%u\n", mp->cache_size);
	sh_pool_each_cache(mp, dump_cache, f);
	fprintf(f, "    total_cache_count=%u\n  common_pool_count=%u\n", (unsigned)cached(mp), common);
	if (mp->__strayed != 0)
		fprintf(f, "  tracked objects changed hands unseen: what the dead held is not taken back\n");
}

static void dump_one(struct rte_mempool *mp, void *f)
{
	rte_mempool_dump(f, mp);
}

SH_EXPORT void rte_mempool_list_dump(FILE *f)
{
	sh_pool_walk(dump_one, f);
}

static void audit_cache(struct rte_mempool *mp, struct sh_pool_cache *c, void *arg)
{
	(void)arg;
	if (c->pub.len > 2 * mp->cache_size)
		(void)refuse(0, mp->name, "the cache of lcore %u says it has %u objects: somebody wrote into it",
			     c->lcore, c->pub.len);
}

SH_EXPORT void rte_mempool_audit(struct rte_mempool *mp)
{
	struct rte_mempool_objhdr *hdr;
	uint64_t n = rte_mempool_ops_get_count(mp) + cached(mp);

	sh_pool_each_cache(mp, audit_cache, NULL);
	if (n > mp->populated_size)
		(void)refuse(0, mp->name, "%llu objects are in it that has %u: one was put twice",
			     (unsigned long long)n, mp->populated_size);
	for (hdr = STAILQ_FIRST(&mp->elt_list); hdr != NULL; hdr = STAILQ_NEXT(hdr, next))
		if (hdr->mp != mp) {
			(void)refuse(0, mp->name, "what lies before object %p was overwritten", (void *)(hdr + 1));
			break;
		}
}

SH_EXPORT void rte_mempool_check_cookies(const struct rte_mempool *mp, void *const *obj_table_const, unsigned int n,
					 int free)
{
	(void)mp;
	(void)obj_table_const;
	(void)n;
	(void)free;
}

SH_EXPORT void rte_mempool_contig_blocks_check_cookies(const struct rte_mempool *mp, void *const *first_obj_table_const,
						       unsigned int n, int free)
{
	rte_mempool_check_cookies(mp, first_obj_table_const, n, free);
}

/* ---- events ---- */

struct listener {
	struct listener *next;
	rte_mempool_event_callback *fn;
	void *arg;
};
static struct {
	struct sh_mtx lock;
	struct listener *first;
} events; /* of the program: they may be there before init and stay after cleanup */

static struct listener **find(rte_mempool_event_callback *fn, const void *arg)
{
	struct listener **at = &events.first;

	while (*at != NULL && ((*at)->fn != fn || (*at)->arg != arg))
		at = &(*at)->next;
	return at;
}

static int fail(int err)
{
	rte_errno = err;
	return -1;
}

SH_EXPORT int rte_mempool_event_callback_register(rte_mempool_event_callback *func, void *user_data)
{
	struct listener *l, **at;
	bool there;

	if (func == NULL)
		return fail(EINVAL);
	l = malloc(sizeof(*l));
	if (l == NULL)
		return fail(ENOMEM);
	*l = (struct listener){NULL, func, user_data};
	sh_lock_calm(&events.lock);
	at = find(func, user_data);
	there = *at != NULL;
	if (!there) {
		*at = l;
		l = NULL;
	}
	sh_unlock_calm(&events.lock);
	free(l);
	return there ? fail(EEXIST) : 0;
}

SH_EXPORT int rte_mempool_event_callback_unregister(rte_mempool_event_callback *func, void *user_data)
{
	struct listener **at, *l;

	sh_lock_calm(&events.lock);
	at = find(func, user_data);
	l = *at;
	if (l != NULL)
		*at = l->next;
	sh_unlock_calm(&events.lock);
	free(l);
	return l != NULL ? 0 : fail(ENOENT);
}

/* a listener may register and take itself out: a copy is told */
void sh_pool_tell(enum rte_mempool_event ev, struct rte_mempool *mp)
{
	struct listener copy[64];
	unsigned n = 0;

	sh_lock_calm(&events.lock);
	for (const struct listener *l = events.first; l != NULL && n < RTE_DIM(copy); l = l->next)
		copy[n++] = *l;
	sh_unlock_calm(&events.lock);
	for (unsigned i = 0; i < n; i++)
		copy[i].fn(ev, mp, copy[i].arg);
}
