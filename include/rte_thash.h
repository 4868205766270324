/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file rte_thash.h - the Toeplitz hash in software, as ports compute it for RSS; tuples changed so that they hash as wanted
 *
 * A key is as long as the input and 32 bits more; the usual 40 bytes are enough for two IPv6 addresses and two ports.
 */
#ifndef RTE_THASH_H
#define RTE_THASH_H

#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_compat.h>
#include <rte_ip.h>

#ifdef __cplusplus
extern "C" {
#endif

/** all in host order; for ports as for the verification tag of SCTP */
__extension__ struct rte_ipv4_tuple {
	uint32_t src_addr;
	uint32_t dst_addr;
	union {
		struct {
			uint16_t dport;
			uint16_t sport;
		};
		uint32_t sctp_tag;
	};
};

__extension__ struct rte_ipv6_tuple {
	__RTE_IPV6_ADDR(src_addr); /**< as rte_thash_load_v6_addrs() stores it */
	__RTE_IPV6_ADDR(dst_addr);
	union {
		struct {
			uint16_t dport;
			uint16_t sport;
		};
		uint32_t sctp_tag;
	};
};

union rte_thash_tuple {
	struct rte_ipv4_tuple v4;
	struct rte_ipv6_tuple v6;
} __rte_aligned(16);

/* lengths of input: words of 32 bits, addresses alone or with ports */
#define RTE_THASH_V4_L3_LEN 2
#define RTE_THASH_V4_L4_LEN 3
#define RTE_THASH_V6_L3_LEN 8
#define RTE_THASH_V6_L4_LEN 9

/** A key of len bytes, a multiple of 4, into the form that rte_softrss_be() takes. */
static inline void rte_convert_rss_key(const uint32_t *orig, uint32_t *targ, int len)
{
	int i;

	for (i = 0; i < len >> 2; i++)
		targ[i] = rte_be_to_cpu_32(orig[i]);
}

/** The addresses of a header into a tuple: words in host order. */
static inline void rte_thash_load_v6_addrs(const struct rte_ipv6_hdr *orig, union rte_thash_tuple *targ)
{
	uint32_t word[8];
	int i;

	memcpy(word, (const char *)orig + offsetof(struct rte_ipv6_hdr, src_addr), sizeof(word));
	for (i = 0; i < 8; i++)
		word[i] = rte_be_to_cpu_32(word[i]);
	memcpy(&targ->v6, word, sizeof(word));
}

/** @internal one word of input against the 64 bits of key above it */
static inline uint32_t __rte_softrss_word(uint32_t in, uint64_t key)
{
	uint32_t h = 0;

	for (; in != 0; in <<= 1, key <<= 1)
		if ((in & UINT32_C(0x80000000)) != 0)
			h ^= (uint32_t)(key >> 32);
	return h;
}

/** Hash of input_len words in host order, with a key as the port is given it. */
static inline uint32_t rte_softrss(uint32_t *input_tuple, uint32_t input_len, const uint8_t *rss_key)
{
	uint32_t i, h = 0;
	uint64_t key;

	for (i = 0; i < input_len; i++) {
		memcpy(&key, rss_key + 4 * i, sizeof(key));
		h ^= __rte_softrss_word(input_tuple[i], rte_be_to_cpu_64(key));
	}
	return h;
}

/** The same with a key that rte_convert_rss_key() has made. */
static inline uint32_t rte_softrss_be(uint32_t *input_tuple, uint32_t input_len, const uint8_t *rss_key)
{
	uint32_t i, h = 0, key[2];

	for (i = 0; i < input_len; i++) {
		memcpy(key, rss_key + 4 * i, sizeof(key));
		h ^= __rte_softrss_word(input_tuple[i], (uint64_t)key[0] << 32 | key[1]);
	}
	return h;
}

/** 0: the GFNI forms are not here; rte_softrss_be() is */
static inline int rte_thash_gfni_supported(void)
{
	return 0;
}

#define RTE_THASH_RETA_SZ_MIN 2U
#define RTE_THASH_RETA_SZ_MAX 16U
#define RTE_THASH_IGNORE_PERIOD_OVERFLOW 0x1
#define RTE_THASH_MINIMAL_SEQ 0x2

struct rte_thash_ctx;
struct rte_thash_subtuple_helper;
/** 1: the tuple may be used; else it is changed once more */
typedef int (*rte_thash_check_tuple_t)(void *userdata, uint8_t *tuple);

/**
 * A key of key_len bytes and what can be computed with it, under a name that all processes of the group find it by.
 * @param reta_sz log2 of the entries of the table from hash to queue: these low bits of the hash are what can be chosen
 * @param key the key to begin with; NULL: a random one
 * @param flags taken for the sake of old sources; nothing depends on them
 * @return NULL with rte_errno: EINVAL, EEXIST, ENOMEM
 */
struct rte_thash_ctx *rte_thash_init_ctx(const char *name, uint32_t key_len, uint32_t reta_sz, uint8_t *key,
					 uint32_t flags);
/** NULL with rte_errno ENOENT: there is none. */
struct rte_thash_ctx *rte_thash_find_existing(const char *name);
/** Nobody may use it or its helpers any more. NULL is nothing. */
void rte_thash_free_ctx(struct rte_thash_ctx *ctx);

/**
 * Say which bits of the tuple may be changed: len of them, at least reta_sz, from bit offset on. Changes the key, so that any
 * low bits of the hash can be had by changing the last of these bits: all helpers come before the key's first use.
 * @return 0; -EINVAL: too few, or outside of the key; -EEXIST: name is taken, or their part of the key is another helper's;
 * -ENOSPC: there are 16 already
 */
int rte_thash_add_helper(struct rte_thash_ctx *ctx, const char *name, uint32_t len, uint32_t offset);
/** NULL: no such name */
struct rte_thash_subtuple_helper *rte_thash_get_helper(struct rte_thash_ctx *ctx, const char *name);
/** What to XOR onto the last bits that h is about, for a hash with desired_hash's low bits where it is hash now. */
uint32_t rte_thash_get_complement(struct rte_thash_subtuple_helper *h, uint32_t hash, uint32_t desired_hash);
/** The key as it is now, for the port. */
const uint8_t *rte_thash_get_key(struct rte_thash_ctx *ctx);

/**
 * Change the bits that h is about until the tuple's hash has desired_value's low bits and fn says 1 to it.
 * @param tuple in network order; its bytes are changed
 * @param tuple_len its bytes, a multiple of 4
 * @param attempts how many tuples to try: beyond the first, the bits are drawn at random where there are more than needed
 * @param fn NULL: any tuple will do
 * @return 0; -EINVAL; -EEXIST: none of them was taken by fn
 */
int rte_thash_adjust_tuple(struct rte_thash_ctx *ctx, struct rte_thash_subtuple_helper *h, uint8_t *tuple,
			   unsigned int tuple_len, uint32_t desired_value, unsigned int attempts,
			   rte_thash_check_tuple_t fn, void *userdata);

#ifdef __cplusplus
}
#endif

#endif
