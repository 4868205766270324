/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem_api.c - rte_memzone.h and rte_memory.h: checks arguments, says what was wrong, maps errors. No state.
 *
 * Lines are written here, when no lock is held.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <shoal_mem.h>

#include "base/export.h"
#include "base/log.h"
#include "mem/heap.h"
#include "mem/layout.h"
#include "mem/mem.h"
#include "mem/priv.h"
#include "proc/opts.h"

#define PAGE_FLAGS                                                                                                     \
	(RTE_MEMZONE_2MB | RTE_MEMZONE_1GB | RTE_MEMZONE_16MB | RTE_MEMZONE_16GB | RTE_MEMZONE_256KB |                 \
	 RTE_MEMZONE_256MB | RTE_MEMZONE_512MB | RTE_MEMZONE_4GB)
#define OTHER_FLAGS (RTE_MEMZONE_SIZE_HINT_ONLY | RTE_MEMZONE_IOVA_CONTIG)

static bool power_of_2(uint64_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

/* ---- reserve ---- */

struct call {
	const char *name;
	size_t len;
	int socket;
	unsigned flags, align, bound;
};

__attribute__((format(printf, 3, 4))) static int refuse(int err, const char *name, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	sh_err("memzone \"%.40s\": %s", name, why);
	return err;
}

bool sh_have_socket(int s)
{
	char path[64];

	if (s <= 0)
		return true;
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d", s);
	return access(path, F_OK) == 0;
}

static int check_name(const char *name)
{
	if (name == NULL)
		return refuse(EINVAL, "(null)", "a zone needs a name");
	if (strnlen(name, RTE_MEMZONE_NAMESIZE) == RTE_MEMZONE_NAMESIZE)
		return refuse(ENAMETOOLONG, name, "a name has at most %d characters", RTE_MEMZONE_NAMESIZE - 1);
	return 0;
}

/* pages of 2 MiB and nothing else, and there are some; as a hint they are what is taken first anyway */
static bool wants_huge(const struct call *c)
{
	return (c->flags & RTE_MEMZONE_2MB) != 0 && (c->flags & RTE_MEMZONE_SIZE_HINT_ONLY) == 0 && sh_mem_has_huge();
}

static int check_place(const struct call *c)
{
	if ((c->flags & ~(PAGE_FLAGS | OTHER_FLAGS)) != 0)
		return refuse(EINVAL, c->name, "unknown flags 0x%x", c->flags & ~(PAGE_FLAGS | OTHER_FLAGS));
	if (c->socket < SOCKET_ID_ANY)
		return refuse(EINVAL, c->name, "%d is no socket; SOCKET_ID_ANY is %d", c->socket, SOCKET_ID_ANY);
	if (!sh_have_socket(c->socket))
		return refuse(ENOMEM, c->name, "this machine has no socket %d", c->socket);
	if ((c->flags & PAGE_FLAGS) != 0 && !wants_huge(c) && (c->flags & RTE_MEMZONE_SIZE_HINT_ONLY) == 0)
		return refuse(ENOMEM, c->name,
			      "pages of the size asked for (flags 0x%x) do not exist here; add "
			      "RTE_MEMZONE_SIZE_HINT_ONLY to take others",
			      c->flags & PAGE_FLAGS);
	return 0;
}

/* len, align and bound as the allocator wants them */
static int check_size(const struct call *c, struct sh_zone_ask *ask)
{
	if (c->align != 0 && !power_of_2(c->align))
		return refuse(EINVAL, c->name, "the alignment %u is no power of two", c->align);
	if (c->bound != 0 && !power_of_2(c->bound))
		return refuse(EINVAL, c->name, "the boundary %u is no power of two", c->bound);
	if (c->len > SIZE_MAX - 63)
		return refuse(EINVAL, c->name, "%zu bytes cannot be rounded up to a multiple of 64", c->len);
	ask->align = c->align < 64 ? 64 : c->align;
	ask->bound = c->bound;
	ask->len = c->len == 0 ? c->bound : (c->len + 63) & ~(size_t)63;
	if (c->bound != 0 && (ask->len > c->bound || c->bound < 64))
		return refuse(EINVAL, c->name, "%zu bytes do not fit between two multiples of %u", ask->len, c->bound);
	return 0;
}

static int explain(const struct sh_zone_ask *ask, int r)
{
	struct sh_mem_stat s = {0};

	switch (r) {
	case -ENODEV:
		return refuse(E_RTE_NO_CONFIG, ask->name, "there is no memory before rte_eal_init()");
	case -EPERM:
		return refuse(EPERM, ask->name,
			      "this is a child of fork(), no member of the group: call rte_eal_init() in it");
	case -EEXIST:
		return refuse(EEXIST, ask->name, "the name is taken");
	case -ENOSPC:
		return refuse(ENOSPC, ask->name, "there are %zu zones, no more are allowed: rte_memzone_max_set()",
			      sh_zone_max());
	case -EFBIG:
		return refuse(ENOMEM, ask->name,
			      "the limit on file size, which counts for shared memory, is in the way: raise ulimit -f");
	case -ENOBUFS:
		return refuse(ENOMEM, ask->name, "the machine has no memory for %zu bytes", ask->len);
	case -ETIMEDOUT:
		return refuse(ENOMEM, ask->name,
			      "what is needed for that a stopped member has; the line before names it");
	case -ECANCELED:
		return refuse(ENOMEM, ask->name,
			      "a member that observes memory refused %zu bytes more: see its validator", ask->len);
	case -ENOMEM:
		(void)sh_mem_stat(&s);
		return refuse(ENOMEM, ask->name,
			      "no room for %zu bytes aligned to %" PRIu64 ": %" PRIu64 " of %" PRIu64
			      " are in use, the largest free piece has %" PRIu64,
			      ask->len, ask->align, s.used, s.total, s.largest_free);
	default:
		return refuse(-r, ask->name, "%s", rte_strerror(-r));
	}
}

static const struct rte_memzone *reserve(const struct call *c, const struct sh_zone_ask *with)
{
	struct sh_zone_ask ask = with != NULL ? *with : (struct sh_zone_ask){0};
	const struct rte_memzone *mz = NULL;
	int e = check_name(c->name), r;

	ask.name = c->name;
	ask.socket = c->socket;
	ask.huge = wants_huge(c);
	/* a name that is taken is the first thing that a program is told, whatever else it got wrong */
	if (e == 0 && with == NULL && sh_self() != 0 && sh_zone_lookup(c->name) != NULL)
		e = explain(&ask, -EEXIST);
	if (e == 0)
		e = check_place(c);
	if (e == 0)
		e = check_size(c, &ask);
	if (e == 0) {
		r = sh_zone_reserve(&ask, &mz);
		if (r < 0)
			e = with != NULL && r == -EEXIST ? EEXIST : explain(&ask, r);
	}
	if (e == 0)
		return mz;
	rte_errno = e;
	return NULL;
}

SH_EXPORT const struct rte_memzone *rte_memzone_reserve(const char *name, size_t len, int socket_id, unsigned flags)
{
	return reserve(&(struct call){name, len, socket_id, flags, 0, 0}, NULL);
}

SH_EXPORT const struct rte_memzone *rte_memzone_reserve_aligned(const char *name, size_t len, int socket_id,
								unsigned flags, unsigned align)
{
	return reserve(&(struct call){name, len, socket_id, flags, align, 0}, NULL);
}

SH_EXPORT const struct rte_memzone *rte_memzone_reserve_bounded(const char *name, size_t len, int socket_id,
								unsigned flags, unsigned align, unsigned bound)
{
	return reserve(&(struct call){name, len, socket_id, flags, align, bound}, NULL);
}

const struct rte_memzone *sh_zone_reserve_marked(const char *name, size_t len, int socket, unsigned align,
						 size_t mark_at, uint64_t mark)
{
	struct sh_zone_ask with = {.mark_at = mark_at, .mark = mark};

	return reserve(&(struct call){name, len, socket, 0, align, 0}, &with);
}

/* ---- the other memzone calls ---- */

SH_EXPORT int rte_memzone_free(const struct rte_memzone *mz)
{
	int r;

	if (mz == NULL) {
		sh_err("memzone free: NULL is no zone");
		return -EINVAL;
	}
	r = sh_zone_free(mz);
	if (r == -ENODEV)
		r = -EINVAL;
	if (r == -EINVAL)
		sh_err("memzone free: %p is no zone of this group, or was freed already", (const void *)mz);
	else if (r == -EPERM)
		sh_err("memzone free: this is a child of fork(), no member of the group: call rte_eal_init() in it");
	else if (r == -ETIMEDOUT)
		sh_err("memzone free: %p stays, for a member is stopped with what is needed for that; the line before "
		       "names it",
		       (const void *)mz);
	return r;
}

SH_EXPORT const struct rte_memzone *rte_memzone_lookup(const char *name)
{
	const struct rte_memzone *mz = NULL;

	if (name == NULL)
		rte_errno = EINVAL;
	else if (sh_ctx.mem == NULL)
		rte_errno = E_RTE_NO_CONFIG;
	else if ((mz = sh_zone_lookup(name)) == NULL)
		rte_errno = ENOENT;
	return mz;
}

SH_EXPORT void rte_memzone_walk(void (*func)(const struct rte_memzone *, void *arg), void *arg)
{
	sh_zone_walk(func, arg);
}

struct dump {
	FILE *f;
	unsigned n;
	size_t bytes;
};

static void dump_one(const struct sh_zone_seen *z, void *arg)
{
	const struct rte_memzone *was = &z->was;
	struct dump *d = arg;

	fprintf(d->f, "%u: name %s, length 0x%zx, address %p, socket %d, page size 0x%" PRIx64 ", flags 0x%x\n", d->n++,
		was->name, was->len, was->addr, (int)was->socket_id, was->hugepage_sz, (unsigned)was->flags);
	d->bytes += was->len;
}

SH_EXPORT void rte_memzone_dump(FILE *f)
{
	struct dump d = {.f = f};

	sh_zone_each("", dump_one, &d);
	fprintf(f, "%u zones of at most %zu, %zu bytes\n", d.n, sh_zone_max(), d.bytes);
}

SH_EXPORT int rte_memzone_max_set(size_t max)
{
	int r = sh_zone_max_set(max);

	if (r == 0)
		return 0;
	sh_err("rte_memzone_max_set(%zu): %s", max,
	       r == -EBUSY ? "call it before rte_eal_init()" : "the number of zones is 1 to 4096");
	rte_errno = -r;
	return -1;
}

SH_EXPORT size_t rte_memzone_max_get(void)
{
	return sh_zone_max();
}

SH_EXPORT long shoal_mem_trim(void)
{
	int64_t n;

	sh_heap_reclaim();
	n = sh_mem_trim(UINT64_MAX);
	if (n >= 0)
		return (long)(n << SH_UNIT_SHIFT);
	rte_errno = n == -ENODEV ? ENOTSUP : (int)-n;
	return -1;
}

/* ---- rte_memory.h ---- */

SH_EXPORT int rte_mem_lock_page(const void *virt)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (mlock((const void *)((uintptr_t)virt & ~(page - 1)), page) == 0)
		return 0;
	rte_errno = errno;
	return -1;
}

SH_EXPORT rte_iova_t rte_mem_virt2iova(const void *virt)
{
	return virt != NULL ? (rte_iova_t)(uintptr_t)virt : RTE_BAD_IOVA;
}

SH_EXPORT void *rte_mem_iova2virt(rte_iova_t iova)
{
	return sh_mem_contains(iova) ? (void *)(uintptr_t)iova : NULL;
}

SH_EXPORT uint64_t rte_eal_get_physmem_size(void)
{
	return sh_mem_total();
}

SH_EXPORT void rte_dump_physmem_layout(FILE *f)
{
	struct sh_mem_stat s;

	if (sh_mem_stat(&s) == 0)
		fprintf(f,
			"shared memory: %" PRIu64 " bytes at most, %" PRIu64 " in use in %" PRIu64
			" zones, largest free piece %" PRIu64 "; file of %" PRIu64 " bytes that holds %" PRIu64 "\n",
			s.total, s.used, s.zones, s.largest_free, s.file, s.backed);
}

SH_EXPORT unsigned rte_memory_get_nchannel(void)
{
	return sh_ctx.opts != NULL ? sh_ctx.opts->mem_channels : 0;
}

SH_EXPORT unsigned rte_memory_get_nrank(void)
{
	return 0;
}

SH_EXPORT int rte_eal_using_phys_addrs(void)
{
	return 0;
}
