/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * thash.c - tuples changed so that they hash as wanted
 *
 * The hash is linear: bit b of the input, when it is 1, adds the 32 bits of key from bit b on. So the low bits of the hash that
 * changing some input bits gives are a vector space over GF(2), and "which bits to change" is a system of equations: solved
 * once for each single bit of the hash, when a helper is added, and put together from those at each call. Where the key leaves
 * a wanted bit out of reach, bits of the key are drawn anew, but never one that an earlier helper counts on.
 *
 * A context is one memzone, found by its name:
 *
 *   key, fixed, helper[], helpers   written by who adds helpers, before anybody uses the key; constant then
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_memzone.h>
#include <rte_random.h>
#include <rte_thash.h>

#include "base/export.h"
#include "base/log.h"

#define HELPERS 16
#define KEY_MIN 8
#define KEY_MAX 256
#define NAME_MAX_ 28 /* of the 31 of a memzone; "TH_" is before it */
#define TRIES 256

struct rte_thash_subtuple_helper {
	char name[32];
	uint32_t offset, len;			/* bits of the tuple */
	uint32_t reta_sz;			/* the context's */
	uint32_t change[RTE_THASH_RETA_SZ_MAX]; /* what to XOR onto its last bits to turn one bit of the hash */
};

struct rte_thash_ctx {
	const struct rte_memzone *mz;
	uint32_t key_len, reta_sz, helpers;
	struct rte_thash_subtuple_helper helper[HELPERS];
	uint8_t key[KEY_MAX + 8];
	uint8_t fixed[KEY_MAX]; /* 1 bits: bits of the key that helpers count on */
};

static uint32_t key_window(const struct rte_thash_ctx *c, uint32_t bit)
{
	uint64_t w;

	memcpy(&w, c->key + bit / 8, sizeof(w));
	return (uint32_t)(rte_be_to_cpu_64(w) << bit % 8 >> 32);
}

/* the last bits of h, at most 32: all that a complement can change */
static uint32_t reach(const struct rte_thash_subtuple_helper *h)
{
	return h->len < 32 ? h->len : 32;
}

/*
 * For each bit of the hash: which input bits turn it and no other. Gauss' elimination, one input bit after the other from the
 * last one on, so that those are used first. false: some bit of the hash cannot be reached with this key.
 */
static bool solve(const struct rte_thash_ctx *c, struct rte_thash_subtuple_helper *h)
{
	uint32_t vec[RTE_THASH_RETA_SZ_MAX] = {0}, by[RTE_THASH_RETA_SZ_MAX] = {0}, mask = (1u << c->reta_sz) - 1,
		 rank = 0;

	for (uint32_t j = 0; j < reach(h) && rank < c->reta_sz; j++) {
		uint32_t v = key_window(c, h->offset + h->len - 1 - j) & mask, b = 1u << j;

		for (uint32_t i = 0; i < c->reta_sz; i++)
			if ((v >> i & 1) != 0 && vec[i] != 0) {
				v ^= vec[i];
				b ^= by[i];
			}
		if (v == 0)
			continue;
		for (uint32_t i = 0, at = (uint32_t)__builtin_ctz(v); i < c->reta_sz; i++)
			if (i != at && (vec[i] >> at & 1) != 0) {
				vec[i] ^= v;
				by[i] ^= b;
			}
		vec[__builtin_ctz(v)] = v;
		by[__builtin_ctz(v)] = b;
		rank++;
	}
	memcpy(h->change, by, sizeof(by));
	return rank == c->reta_sz;
}

/* bits of the key that reach the wanted bits of the hash: from *from, before *to */
static void key_part(const struct rte_thash_ctx *c, const struct rte_thash_subtuple_helper *h, uint32_t *from,
		     uint32_t *to)
{
	*from = h->offset + h->len - reach(h) + 32 - c->reta_sz;
	*to = h->offset + h->len + 31;
}

static void draw(struct rte_thash_ctx *c, const struct rte_thash_subtuple_helper *h)
{
	uint32_t from, to;

	key_part(c, h, &from, &to);
	for (uint32_t i = from; i < to; i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);

		if ((c->fixed[i / 8] & bit) == 0 && (rte_rand() & 1) != 0)
			c->key[i / 8] ^= bit;
	}
}

static int zone_name(char *buf, size_t cap, const char *name)
{
	if (name == NULL || name[0] == '\0' || strlen(name) > NAME_MAX_) {
		rte_errno = EINVAL;
		return -1;
	}
	snprintf(buf, cap, "TH_%s", name);
	return 0;
}

SH_EXPORT struct rte_thash_ctx *rte_thash_init_ctx(const char *name, uint32_t key_len, uint32_t reta_sz, uint8_t *key,
						   uint32_t flags)
{
	char zone[RTE_MEMZONE_NAMESIZE];
	const struct rte_memzone *mz;
	struct rte_thash_ctx *c;

	(void)flags;
	if (key_len < KEY_MIN || key_len > KEY_MAX || reta_sz < RTE_THASH_RETA_SZ_MIN ||
	    reta_sz > RTE_THASH_RETA_SZ_MAX || zone_name(zone, sizeof(zone), name) < 0) {
		sh_err("rte_thash_init_ctx: a name of 1 to %d characters, a key of %d to %d bytes and a table of 2^%u "
		       "to "
		       "2^%u entries are what there can be",
		       NAME_MAX_, KEY_MIN, KEY_MAX, RTE_THASH_RETA_SZ_MIN, RTE_THASH_RETA_SZ_MAX);
		rte_errno = EINVAL;
		return NULL;
	}
	mz = rte_memzone_reserve(zone, sizeof(*c), SOCKET_ID_ANY, 0);
	if (mz == NULL)
		return NULL;
	c = mz->addr;
	memset(c, 0, sizeof(*c));
	c->key_len = key_len;
	c->reta_sz = reta_sz;
	for (uint32_t i = 0; i < key_len; i++)
		c->key[i] = key != NULL ? key[i] : (uint8_t)rte_rand();
	c->mz = mz;
	return c;
}

SH_EXPORT struct rte_thash_ctx *rte_thash_find_existing(const char *name)
{
	char zone[RTE_MEMZONE_NAMESIZE];
	const struct rte_memzone *mz = NULL;

	if (zone_name(zone, sizeof(zone), name) == 0)
		mz = rte_memzone_lookup(zone);
	if (mz == NULL) {
		rte_errno = ENOENT;
		return NULL;
	}
	return mz->addr;
}

SH_EXPORT void rte_thash_free_ctx(struct rte_thash_ctx *ctx)
{
	if (ctx != NULL)
		rte_memzone_free(ctx->mz);
}

SH_EXPORT struct rte_thash_subtuple_helper *rte_thash_get_helper(struct rte_thash_ctx *ctx, const char *name)
{
	for (uint32_t i = 0; ctx != NULL && name != NULL && i < ctx->helpers; i++)
		if (strcmp(ctx->helper[i].name, name) == 0)
			return &ctx->helper[i];
	return NULL;
}

SH_EXPORT int rte_thash_add_helper(struct rte_thash_ctx *ctx, const char *name, uint32_t len, uint32_t offset)
{
	struct rte_thash_subtuple_helper h = {.offset = offset, .len = len};
	uint32_t from, to;

	if (ctx == NULL || name == NULL || name[0] == '\0' || strlen(name) >= sizeof(h.name) || len < ctx->reta_sz ||
	    len > ctx->key_len * 8 || offset > ctx->key_len * 8 - len || offset + len + 31 > ctx->key_len * 8)
		return -EINVAL;
	if (rte_thash_get_helper(ctx, name) != NULL)
		return -EEXIST;
	if (ctx->helpers == HELPERS)
		return -ENOSPC;
	snprintf(h.name, sizeof(h.name), "%s", name);
	h.reta_sz = ctx->reta_sz;
	for (unsigned i = 0; !solve(ctx, &h); i++) {
		if (i == TRIES)
			return -EEXIST;
		draw(ctx, &h);
	}
	key_part(ctx, &h, &from, &to);
	for (uint32_t i = from; i < to; i++)
		ctx->fixed[i / 8] |= (uint8_t)(0x80 >> i % 8);
	ctx->helper[ctx->helpers++] = h;
	return 0;
}

SH_EXPORT uint32_t rte_thash_get_complement(struct rte_thash_subtuple_helper *h, uint32_t hash, uint32_t desired_hash)
{
	uint32_t turn = (hash ^ desired_hash) & ((1u << h->reta_sz) - 1), change = 0;

	for (; turn != 0; turn &= turn - 1)
		change ^= h->change[__builtin_ctz(turn)];
	return change;
}

SH_EXPORT const uint8_t *rte_thash_get_key(struct rte_thash_ctx *ctx)
{
	return ctx->key;
}

static uint32_t hash_of(const struct rte_thash_ctx *c, const uint8_t *tuple, unsigned len)
{
	uint32_t h = 0, word;

	for (unsigned i = 0; i < len; i += 4) {
		memcpy(&word, tuple + i, 4);
		word = rte_be_to_cpu_32(word);
		h ^= rte_softrss(&word, 1, c->key + i);
	}
	return h;
}

/* the last bits of h in the tuple, bit 0 of change being the last one */
static void apply(const struct rte_thash_subtuple_helper *h, uint8_t *tuple, uint32_t change)
{
	for (uint32_t at = h->offset + h->len - 1; change != 0; change >>= 1, at--)
		if ((change & 1) != 0)
			tuple[at / 8] ^= (uint8_t)(0x80 >> at % 8);
}

SH_EXPORT int rte_thash_adjust_tuple(struct rte_thash_ctx *ctx, struct rte_thash_subtuple_helper *h, uint8_t *tuple,
				     unsigned int tuple_len, uint32_t desired_value, unsigned int attempts,
				     rte_thash_check_tuple_t fn, void *userdata)
{
	if (ctx == NULL || h == NULL || tuple == NULL || attempts == 0 || tuple_len % 4 != 0 ||
	    tuple_len + 4 > ctx->key_len || (uint64_t)h->offset + h->len > (uint64_t)tuple_len * 8)
		return -EINVAL;
	for (unsigned i = 0; i < attempts; i++) {
		if (i > 0) /* another one of those with this hash */
			apply(h, tuple, (uint32_t)rte_rand() & (uint32_t)((UINT64_C(1) << reach(h)) - 1));
		apply(h, tuple, rte_thash_get_complement(h, hash_of(ctx, tuple, tuple_len), desired_value));
		if (fn == NULL || fn(userdata, tuple) == 1)
			return 0;
	}
	return -EEXIST;
}
