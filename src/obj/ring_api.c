/* SPDX-License-Identifier: BSD-3-Clause */
/* ring_api.c - what rte_ring.h declares: checks arguments, says what was wrong, maps errors. No state. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ring.h>
#include <shoal_ring.h>

#include "base/clock.h"
#include "base/export.h"
#include "base/log.h"
#include "obj/priv.h"

#define PROD_FLAGS (RING_F_SP_ENQ | RING_F_MP_RTS_ENQ | RING_F_MP_HTS_ENQ)
#define CONS_FLAGS (RING_F_SC_DEQ | RING_F_MC_RTS_DEQ | RING_F_MC_HTS_DEQ)
#define ALL_FLAGS (PROD_FLAGS | CONS_FLAGS | RING_F_EXACT_SZ | __RTE_RING_F_TRACK)

__attribute__((format(printf, 3, 4))) static int refuse(int err, const char *name, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	sh_err("ring \"%.40s\": %s", name != NULL ? name : "(null)", why);
	return err;
}

static int check_name(const char *name)
{
	if (name == NULL)
		return refuse(EINVAL, name, "a ring needs a name");
	if (strnlen(name, RTE_RING_NAMESIZE) == RTE_RING_NAMESIZE)
		return refuse(ENAMETOOLONG, name, "a name has at most %d characters", (int)RTE_RING_NAMESIZE - 1);
	return 0;
}

/* DPDK takes 0 for a size, and moves elements of such a ring behind its memory; here it has one slot, and nothing fits */
static bool size_is_good(unsigned count)
{
	return (count & (count - 1)) == 0 && count <= RTE_RING_SZ_MASK;
}

static unsigned slots_for(unsigned count)
{
	return count != 0 ? count : 1;
}

static int check_count(const char *name, unsigned count, unsigned flags, struct sh_ring_ask *ask)
{
	bool exact = (flags & RING_F_EXACT_SZ) != 0;

	if (exact ? count > (1u << 30) - 1 : !size_is_good(count))
		return refuse(EINVAL, name,
			      "the size %u is above %u, or no power of two; RING_F_EXACT_SZ allows any up to %u", count,
			      RTE_RING_SZ_MASK, (1u << 30) - 1);
	ask->size = exact ? rte_align32pow2(count + 1) : slots_for(count);
	ask->capacity = exact ? count : ask->size - 1;
	return 0;
}

static int check_flags(const char *name, unsigned flags, struct sh_ring_ask *ask)
{
	unsigned p = flags & PROD_FLAGS, c = flags & CONS_FLAGS;

	if ((p & (p - 1)) != 0 || (c & (c - 1)) != 0)
		return refuse(EINVAL, name, "flags 0x%x name two modes for one side", flags);
	if ((flags & ~(unsigned)ALL_FLAGS) != 0)
		(void)refuse(0, name, "Unsupported flags requested (0x%x) are ignored", flags & ~(unsigned)ALL_FLAGS);
	ask->flags = flags;
	return 0;
}

static int check_esize(const char *name, unsigned esize)
{
	if (esize != 0 && esize % 4 == 0)
		return 0;
	return refuse(EINVAL, name, "elements of %u bytes: their size is a multiple of 4", esize);
}

/* ---- memory and life ---- */

SH_EXPORT ssize_t rte_ring_get_memsize_elem(unsigned int esize, unsigned int count)
{
	if (check_esize("(size)", esize) != 0)
		return -EINVAL;
	if (!size_is_good(count))
		return -refuse(EINVAL, "(size)", "the size %u is no power of two, or above %u", count,
			       RTE_RING_SZ_MASK);
	return (ssize_t)sh_ring_bytes(slots_for(count), esize);
}

SH_EXPORT ssize_t rte_ring_get_memsize(unsigned int count)
{
	return rte_ring_get_memsize_elem(sizeof(void *), count);
}

SH_EXPORT int rte_ring_init(struct rte_ring *r, const char *name, unsigned int count, unsigned int flags)
{
	struct sh_ring_ask ask = {.name = name};
	int e = check_name(name);

	if (e == 0 && r == NULL)
		e = refuse(EINVAL, name, "no memory was given for it");
	if (e == 0 && (flags & ~(unsigned)ALL_FLAGS) != 0) /* to create a ring is forgiven that, as by DPDK */
		e = refuse(EINVAL, name, "Unsupported flags requested (0x%x)", flags & ~(unsigned)ALL_FLAGS);
	if (e == 0 &&
	    (flags & __RTE_RING_F_TRACK) != 0) /* what a dead one had is not taken back before they are settled */
		e = refuse(ENOTSUP, name,
			   "only a ring of rte_ring_create() can be tracked: after a death nobody would find this one");
	if (e == 0)
		e = check_flags(name, flags, &ask);
	if (e == 0)
		e = check_count(name, count, flags, &ask);
	if (e == 0)
		sh_ring_fill(r, &ask);
	return -e;
}

static struct rte_ring *create(const char *name, unsigned esize, unsigned count, int socket_id, unsigned flags,
			       bool guess)
{
	struct sh_ring_ask ask = {.name = name, .esize = esize, .socket = socket_id, .guess = guess};
	struct rte_ring *r = NULL;
	int e = check_name(name);

	if (e == 0)
		e = check_esize(name, esize);
	if (e == 0 && (flags & __RTE_RING_F_TRACK) != 0 && esize != sizeof(void *))
		e = refuse(EINVAL, name, "a tracked ring holds pointers, elements of %d bytes", (int)sizeof(void *));
	if (e == 0)
		e = check_flags(name, flags, &ask);
	if (e == 0)
		e = check_count(name, count, flags, &ask);
	if (e == 0) {
		e = sh_ring_make(&ask, &r);
		if (e == EEXIST)
			(void)refuse(e, name, "the name is taken");
	}
	if (e == 0)
		return r;
	rte_errno = e;
	return NULL;
}

SH_EXPORT struct rte_ring *rte_ring_create_elem(const char *name, unsigned int esize, unsigned int count, int socket_id,
						unsigned int flags)
{
	return create(name, esize, count, socket_id, flags, false);
}

SH_EXPORT struct rte_ring *rte_ring_create(const char *name, unsigned int count, int socket_id, unsigned int flags)
{
	return create(name, sizeof(void *), count, socket_id, flags, sh_obj_tracks());
}

SH_EXPORT void rte_ring_free(struct rte_ring *r)
{
	int e;

	if (r == NULL)
		return;
	e = sh_ring_unmake(r);
	if (e == -EINVAL)
		(void)refuse(0, r->name, "it was not made by rte_ring_create(), or is freed already");
	else if (e == -EPERM)
		(void)refuse(0, r->name,
			     "this is a child of fork(), no member of the group: call rte_eal_init() in it");
}

SH_EXPORT struct rte_ring *rte_ring_lookup(const char *name)
{
	return sh_named_found(name, sh_ring_find(name));
}

SH_EXPORT void rte_ring_reset(struct rte_ring *r)
{
	/*
	 * The ring is the caller's alone: plain order will do, and who comes later is told by other means. The notes of the
	 * last moves go first: with the positions at 0 again they would be those of moves that have not happened yet.
	 */
	r->prod_side.move = r->cons_side.move = 0;
	r->prod.tail = r->cons.tail = 0;
	r->prod_side.seen = r->cons_side.seen = 0;
	r->prod_side.held = r->cons_side.held = 0;
	/* for who mends it in another thread of mine, after a process that I have told has died inside */
	sh_shm_release(&r->prod_side);
	sh_shm_release(&r->cons_side);
}

/* ---- looking at it ---- */

static const char *mode_name(unsigned mode)
{
	static const char *const names[] = {"MT", "ST", "MT_RTS", "MT_HTS"};

	return mode < RTE_DIM(names) ? names[mode] : "?";
}

SH_EXPORT void rte_ring_dump(FILE *f, const struct rte_ring *r)
{
	fprintf(f, "ring <%s>@%p\n", r->name, (const void *)r);
	fprintf(f, "  flags=%x\n  size=%u\n  capacity=%u\n  used=%u\n  avail=%u\n", (unsigned)r->flags, r->size,
		r->capacity, rte_ring_count(r), rte_ring_free_count(r));
	fprintf(f, "  producers: %s tail=%u freed_after_deaths=%u\n", mode_name(r->prod_mode), r->prod.tail,
		r->mended[0]);
	fprintf(f, "  consumers: %s tail=%u freed_after_deaths=%u\n", mode_name(r->cons_mode), r->cons.tail,
		r->mended[1]);
}

static void dump_one(struct rte_ring *r, void *f)
{
	rte_ring_dump(f, r);
}

SH_EXPORT void rte_ring_list_dump(FILE *f)
{
	sh_ring_walk(dump_one, f);
}

/* ---- shoal_ring.h ---- */

static int fail(int err)
{
	rte_errno = err;
	return -1;
}

/* 0, or an errno */
static int check_wait(const struct rte_ring *r, unsigned what)
{
	if (r == NULL || what > SHOAL_RING_ROOM)
		return refuse(EINVAL, r != NULL ? r->name : NULL, "there is no such thing to wait for");
	if (r->lone != 0)
		return ENOTSUP;
	return sh_self() == 0 || sh_ctx.obj == NULL ? EPERM : 0;
}

SH_EXPORT int shoal_ring_wait(struct rte_ring *r, unsigned int what, const struct timespec *timeout)
{
	uint64_t dl = SH_FOREVER;
	int e = check_wait(r, what);

	if (e == 0 && timeout != NULL) {
		if (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= (long)SH_NS_PER_S)
			e = refuse(EINVAL, r->name, "the time limit is negative or has too many nanoseconds");
		else if ((uint64_t)timeout->tv_sec < 1000000000)
			dl = sh_deadline((uint64_t)timeout->tv_sec * SH_NS_PER_S + (uint64_t)timeout->tv_nsec);
	}
	if (e == 0)
		e = -sh_ring_sleep(r, what, dl, NULL, 0);
	return e == 0 ? 0 : fail(e);
}

SH_EXPORT int shoal_ring_fd_open(struct rte_ring *r, unsigned int what)
{
	int e = check_wait(r, what), fd;

	if (e != 0)
		return fail(e);
	fd = sh_ring_fd_open(r, what);
	return fd >= 0 ? fd : fail(-fd);
}

SH_EXPORT int shoal_ring_fd_arm(int fd)
{
	int e = sh_self() == 0 || sh_ctx.obj == NULL ? -EPERM : sh_ring_fd_arm(fd);

	return e == 0 ? 0 : fail(-e);
}

SH_EXPORT int shoal_ring_fd_close(int fd)
{
	int e = sh_self() == 0 || sh_ctx.obj == NULL ? -EPERM : sh_ring_fd_close(fd);

	return e == 0 ? 0 : fail(-e);
}
