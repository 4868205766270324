/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf_dyn.c - dynamic fields and flags of mbufs: a table that the group shares
 *
 * The table lies in the memzone "rte_mbuf_dyn", which the first who registers makes; zeros are an empty one. It only grows: an entry
 * is written behind the last one, then the count says so. What is free follows from the entries, so there is no second truth.
 *
 *   field            written by                                    read by                 ordering
 *   lock             takers                                        takers                  mem/lock.h
 *   fields, flags    whoever has the lock, behind the count        all, before the count   R:DYN <-> A:DYN
 *   nfields, nflags  whoever has the lock                          all                     R:DYN <-> A:DYN
 *
 * Who dies before it has stored the count has registered nothing; the next writes over it. There is nothing to mend.
 */
#include <rte_mbuf_dyn.h>

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_mbuf_core.h>

#include "base/export.h"
#include "base/fault.h"
#include "base/log.h"
#include "mem/lock.h"
#include "mem/mem.h"
#include "pkt/priv.h"

#define ZONE "rte_mbuf_dyn"
#define FIELDS_MOST 36 /* of a byte each */
#define FLAGS_MOST 18
#define FIRST_BIT 23
#define BYTES sizeof(struct rte_mbuf)
_Static_assert(__builtin_ctzll(RTE_MBUF_F_FIRST_FREE) == FIRST_BIT, "bits");
_Static_assert(__builtin_ctzll(RTE_MBUF_F_LAST_FREE) == FIRST_BIT + FLAGS_MOST - 1, "bits");
_Static_assert(sizeof(((struct rte_mbuf *)0)->dynfield1) == FIELDS_MOST, "bytes");

struct table {
	struct sh_lock lock;
	_Atomic uint32_t nfields, nflags;
	struct field {
		struct rte_mbuf_dynfield ask;
		uint32_t offset;
	} fields[FIELDS_MOST];
	struct flag {
		struct rte_mbuf_dynflag ask;
		uint32_t bit;
	} flags[FLAGS_MOST];
};

/* why something was refused: written with the lock, logged without */
struct why {
	char text[160];
};

__attribute__((format(printf, 3, 4))) static int refuse(struct why *w, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
	return -err;
}

/* a function's end: r, or -1 with rte_errno and a line */
static int answer(int r, const char *name, const struct why *w)
{
	if (r >= 0)
		return r;
	if (w != NULL)
		sh_err("mbuf field or flag \"%.63s\": %s", name != NULL ? name : "(null)", w->text);
	rte_errno = -r;
	return -1;
}

/* ---- the table ---- */

/* 0: there is none, or the room is not started */
static struct table *table(void)
{
	const struct rte_memzone *mz;
	uint64_t at = sh_ctx.pkt != NULL ? sh_load_acq(&sh_ctx.pkt->dyn) : 0; /* A:DYNAT */

	if (at == 0 && sh_ctx.pkt != NULL && sh_ctx.mem != NULL) {
		mz = sh_zone_lookup(ZONE);
		if (mz != NULL && mz->len >= sizeof(struct table)) {
			at = (uint64_t)(uintptr_t)mz->addr;
			sh_store_rel(&sh_ctx.pkt->dyn, at); /* R:DYNAT */
		}
	}
	return (struct table *)(uintptr_t)at;
}

/* made if need be; -errno, with a line */
static int table_make(struct table **ret, struct why *w)
{
	struct sh_zone_ask ask = {ZONE, RTE_ALIGN_CEIL(sizeof(struct table), SH_LINE), SH_LINE, 0, SOCKET_ID_ANY,
				  false};
	const struct rte_memzone *mz;
	int r;

	*ret = table();
	if (*ret != NULL)
		return 0;
	if (sh_ctx.pkt == NULL || sh_ctx.mem == NULL)
		return refuse(w, E_RTE_NO_CONFIG, "rte_eal_init() comes first");
	r = sh_zone_reserve(&ask, &mz);
	if (r < 0 && r != -EEXIST)
		return refuse(w, r == -EFBIG || r == -ENOBUFS ? ENOMEM : -r, "no memory for the table: %s",
			      strerror(-r));
	SH_STEP("dyn_zone_there");
	*ret = table();
	return *ret != NULL ? 0 : refuse(w, ENOMEM, "a memzone of this name is no table");
}

static int lock(struct table *t, struct why *w)
{
	int r = sh_lock_take(&t->lock, "dynamic fields of mbufs");

	/* SH_LOCK_MEND: nothing to do, see above */
	return r < 0 ? refuse(w, -r, "this is a child of fork(), no member of the group: call rte_eal_init() in it")
		     : 0;
}

static struct field *find_field(struct table *t, const char *name)
{
	uint32_t n = t != NULL ? sh_load_acq(&t->nfields) : 0; /* A:DYN */

	for (uint32_t i = 0; i < n; i++)
		if (strcmp(t->fields[i].ask.name, name) == 0)
			return &t->fields[i];
	return NULL;
}

static struct flag *find_flag(struct table *t, const char *name)
{
	uint32_t n = t != NULL ? sh_load_acq(&t->nflags) : 0; /* A:DYN */

	for (uint32_t i = 0; i < n; i++)
		if (strcmp(t->flags[i].ask.name, name) == 0)
			return &t->flags[i];
	return NULL;
}

/* ---- what is free ---- */

struct map {
	bool used[BYTES];
};

static void map_of(struct table *t, struct map *m)
{
	uint32_t n = t != NULL ? sh_load_acq(&t->nfields) : 0; /* A:DYN */

	memset(m->used, true, sizeof(m->used));
	memset(&m->used[offsetof(struct rte_mbuf, dynfield1)], false, FIELDS_MOST);
	for (uint32_t i = 0; i < n; i++)
		memset(&m->used[t->fields[i].offset], true, t->fields[i].ask.size);
}

static bool is_free(const struct map *m, size_t from, size_t len)
{
	if (from > BYTES || len > BYTES - from)
		return false;
	for (size_t i = 0; i < len; i++)
		if (m->used[from + i])
			return false;
	return true;
}

/* the largest free block of 2^n bytes at a multiple of that which the byte lies in; 0: it is not free */
static unsigned block(const struct map *m, size_t byte)
{
	unsigned n = 1;

	if (m->used[byte])
		return 0;
	while (is_free(m, byte / (2 * n) * (2 * n), 2 * n))
		n *= 2;
	return n;
}

/* in the smallest block, so that large ones stay; BYTES: nowhere */
static size_t place(const struct map *m, size_t size, size_t align)
{
	size_t best = BYTES;

	for (size_t at = 0; at < BYTES; at += align)
		if (is_free(m, at, size) && (best == BYTES || block(m, at) < block(m, best)))
			best = at;
	return best;
}

/* 0: none */
static uint64_t free_bits(struct table *t)
{
	uint64_t bits = ((1ULL << FLAGS_MOST) - 1) << FIRST_BIT;
	uint32_t n = t != NULL ? sh_load_acq(&t->nflags) : 0; /* A:DYN */

	for (uint32_t i = 0; i < n; i++)
		bits &= ~(1ULL << t->flags[i].bit);
	return bits;
}

/* ---- registering; with the lock ---- */

static int known_field(const struct field *f, const struct rte_mbuf_dynfield *ask, size_t offset, struct why *w)
{
	if (f->ask.size != ask->size || f->ask.align != ask->align || f->ask.flags != ask->flags)
		return refuse(w, EEXIST, "registered with size %zu, align %zu", f->ask.size, f->ask.align);
	if (offset != SIZE_MAX && offset != f->offset)
		return refuse(w, EEXIST, "registered at offset %u", f->offset);
	return (int)f->offset;
}

static int add_field(struct table *t, const struct rte_mbuf_dynfield *ask, size_t offset, struct why *w)
{
	uint32_t n = sh_load_rlx(&t->nfields); /* relaxed: under the lock */
	struct field *f = find_field(t, ask->name);
	struct map m;

	if (f != NULL)
		return known_field(f, ask, offset, w);
	map_of(t, &m);
	if (offset == SIZE_MAX) {
		offset = place(&m, ask->size, ask->align);
		if (offset == BYTES)
			return refuse(w, ENOENT, "no %zu free bytes at a multiple of %zu are left", ask->size,
				      ask->align);
	} else if (offset % ask->align != 0 || !is_free(&m, offset, ask->size)) {
		return refuse(w, EBUSY, "%zu bytes at offset %zu are not free", ask->size, offset);
	}
	f = &t->fields[n]; /* a byte each at least: there is room */
	f->ask = *ask;
	f->offset = (uint32_t)offset;
	SH_STEP("dyn_field_filled");
	sh_store_rel(&t->nfields, n + 1); /* R:DYN */
	SH_STEP("dyn_field_there");
	return (int)offset;
}

static int add_flag(struct table *t, const struct rte_mbuf_dynflag *ask, unsigned bit, struct why *w)
{
	uint32_t n = sh_load_rlx(&t->nflags); /* relaxed: under the lock */
	struct flag *f = find_flag(t, ask->name);
	uint64_t bits = free_bits(t);

	if (f != NULL) {
		if (bit != UINT_MAX && bit != f->bit)
			return refuse(w, EEXIST, "registered as bit %u", f->bit);
		return (int)f->bit;
	}
	if (bit == UINT_MAX && bits == 0)
		return refuse(w, ENOENT, "all %d dynamic flags are taken", FLAGS_MOST);
	if (bit == UINT_MAX)
		bit = (unsigned)__builtin_ctzll(bits);
	else if ((bits >> bit & 1) == 0)
		return refuse(w, EBUSY, "bit %u is not free", bit);
	f = &t->flags[n];
	f->ask = *ask;
	f->bit = bit;
	SH_STEP("dyn_flag_filled");
	sh_store_rel(&t->nflags, n + 1); /* R:DYN */
	return (int)bit;
}

/* ---- what programs call ---- */

static int check_name(const char *name, struct why *w)
{
	if (strnlen(name, RTE_MBUF_DYN_NAMESIZE) == RTE_MBUF_DYN_NAMESIZE)
		return refuse(w, ENAMETOOLONG, "a name has at most %d characters", RTE_MBUF_DYN_NAMESIZE - 1);
	return 0;
}

static int check_field(const struct rte_mbuf_dynfield *ask, struct why *w)
{
	if (ask == NULL)
		return refuse(w, EINVAL, "params is NULL");
	if (ask->size == 0 || ask->size >= BYTES)
		return refuse(w, EINVAL, "a field has 1 to %zu bytes, not %zu", BYTES - 1, ask->size);
	if (ask->align == 0 || (ask->align & (ask->align - 1)) != 0)
		return refuse(w, EINVAL, "align is a power of 2, not %zu", ask->align);
	if (ask->flags != 0)
		return refuse(w, EINVAL, "flags must be 0, not 0x%x", ask->flags);
	return check_name(ask->name, w);
}

static int check_flag(const struct rte_mbuf_dynflag *ask, unsigned bit, struct why *w)
{
	if (ask == NULL)
		return refuse(w, EINVAL, "params is NULL");
	if (bit >= 64 && bit != UINT_MAX)
		return refuse(w, EINVAL, "there is no bit %u", bit);
	if (ask->flags != 0)
		return refuse(w, EINVAL, "flags must be 0, not 0x%x", ask->flags);
	return check_name(ask->name, w);
}

static int field_register(const struct rte_mbuf_dynfield *ask, size_t offset, struct why *w)
{
	struct table *t;
	int r = check_field(ask, w);

	if (r == 0)
		r = table_make(&t, w);
	if (r == 0)
		r = lock(t, w);
	if (r == 0) {
		r = add_field(t, ask, offset, w);
		sh_lock_leave(&t->lock);
	}
	return r;
}

static int flag_register(const struct rte_mbuf_dynflag *ask, unsigned bit, struct why *w)
{
	struct table *t;
	int r = check_flag(ask, bit, w);

	if (r == 0)
		r = table_make(&t, w);
	if (r == 0)
		r = lock(t, w);
	if (r == 0) {
		r = add_flag(t, ask, bit, w);
		sh_lock_leave(&t->lock);
	}
	return r;
}

SH_EXPORT int rte_mbuf_dynfield_register_offset(const struct rte_mbuf_dynfield *params, size_t offset)
{
	struct why w;

	return answer(field_register(params, offset, &w), params != NULL ? params->name : NULL, &w);
}

SH_EXPORT int rte_mbuf_dynfield_register(const struct rte_mbuf_dynfield *params)
{
	return rte_mbuf_dynfield_register_offset(params, SIZE_MAX);
}

SH_EXPORT int rte_mbuf_dynflag_register_bitnum(const struct rte_mbuf_dynflag *params, unsigned int bitnum)
{
	struct why w;

	return answer(flag_register(params, bitnum, &w), params != NULL ? params->name : NULL, &w);
}

SH_EXPORT int rte_mbuf_dynflag_register(const struct rte_mbuf_dynflag *params)
{
	return rte_mbuf_dynflag_register_bitnum(params, UINT_MAX);
}

SH_EXPORT int rte_mbuf_dynfield_lookup(const char *name, struct rte_mbuf_dynfield *params)
{
	const struct field *f = name != NULL ? find_field(table(), name) : NULL;

	if (f == NULL)
		return answer(name == NULL ? -EINVAL : -ENOENT, name, NULL);
	if (params != NULL)
		*params = f->ask;
	return (int)f->offset;
}

SH_EXPORT int rte_mbuf_dynflag_lookup(const char *name, struct rte_mbuf_dynflag *params)
{
	const struct flag *f = name != NULL ? find_flag(table(), name) : NULL;

	if (f == NULL)
		return answer(name == NULL ? -EINVAL : -ENOENT, name, NULL);
	if (params != NULL)
		*params = f->ask;
	return (int)f->bit;
}

/* ---- looking at it ---- */

static void dump_free(FILE *out, struct table *t)
{
	uint64_t bits = free_bits(t);
	struct map m;

	map_of(t, &m);
	fprintf(out, "Free space in mbuf (0 = occupied, value = free zone alignment):\n");
	for (size_t i = 0; i < BYTES; i++) {
		if (i % 8 == 0)
			fprintf(out, "  %4.4zx:", i);
		fprintf(out, " %2.2x%s", block(&m, i), i % 8 == 7 ? "\n" : "");
	}
	fprintf(out, "Free bit in mbuf->ol_flags (0 = occupied, 1 = free):\n");
	for (unsigned i = 0; i < 64; i++) {
		if (i % 8 == 0)
			fprintf(out, "  %4.4x:", i);
		fprintf(out, " %u%s", (unsigned)(bits >> i & 1), i % 8 == 7 ? "\n" : "");
	}
}

SH_EXPORT void rte_mbuf_dyn_dump(FILE *out)
{
	struct table *t = table();
	uint32_t nfields = t != NULL ? sh_load_acq(&t->nfields) : 0; /* A:DYN */
	uint32_t nflags = t != NULL ? sh_load_acq(&t->nflags) : 0;   /* A:DYN */

	fprintf(out, "Reserved fields:\n");
	for (uint32_t i = 0; i < nfields; i++)
		fprintf(out, "  name=%s offset=%u size=%zu align=%zu flags=%x\n", t->fields[i].ask.name,
			t->fields[i].offset, t->fields[i].ask.size, t->fields[i].ask.align, t->fields[i].ask.flags);
	fprintf(out, "Reserved flags:\n");
	for (uint32_t i = 0; i < nflags; i++)
		fprintf(out, "  name=%s bitnum=%u flags=%x\n", t->flags[i].ask.name, t->flags[i].bit,
			t->flags[i].ask.flags);
	dump_free(out, t);
}

/* ---- time stamps ---- */

static int timestamp(const char *flag_name, int *offset, uint64_t *mask)
{
	struct rte_mbuf_dynfield field = {.name = RTE_MBUF_DYNFIELD_TIMESTAMP_NAME,
					  .size = sizeof(rte_mbuf_timestamp_t),
					  .align = _Alignof(rte_mbuf_timestamp_t)};
	struct rte_mbuf_dynflag flag = {.name = ""};
	int at = rte_mbuf_dynfield_register(&field), bit;

	if (at < 0)
		return -1;
	(void)strncpy(flag.name, flag_name, sizeof(flag.name) - 1);
	bit = rte_mbuf_dynflag_register(&flag);
	if (bit < 0)
		return -1;
	if (offset != NULL)
		*offset = at;
	if (mask != NULL)
		*mask = 1ULL << bit;
	return 0;
}

SH_EXPORT int rte_mbuf_dyn_rx_timestamp_register(int *field_offset, uint64_t *rx_flag)
{
	return timestamp(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, field_offset, rx_flag);
}

SH_EXPORT int rte_mbuf_dyn_tx_timestamp_register(int *field_offset, uint64_t *tx_flag)
{
	return timestamp(RTE_MBUF_DYNFLAG_TX_TIMESTAMP_NAME, field_offset, tx_flag);
}
