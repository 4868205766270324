/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rss.h - receive side scaling in software, for drivers: from a packet to its hash and its queue
 *
 * A process keeps a struct sh_rss for each port it distributes packets of: tables made from the port's settings, made anew
 * when those have changed. Then the hash costs two loads for each byte of addresses and ports.
 *
 * Hash types as Microsoft defines them: addresses and ports as they lie in the packet. A fragment has no ports, neither the
 * first one. What is no IP packet, or of a kind that is not asked for, has no hash and goes to queue 0.
 */
#ifndef SH_PKT_RSS_H
#define SH_PKT_RSS_H

#include <stdbool.h>
#include <stdint.h>

#include "pkt/dev.h"

#define SH_RSS_INPUT 36 /* bytes of the longest input: two IPv6 addresses, two ports */

/* what is understood of RTE_ETH_RSS_*: for sh_port_caps.rss_hf */
extern const uint64_t sh_rss_kinds;
/* the key that a port has unless it is given one: Microsoft's, of the published vectors */
extern const uint8_t sh_rss_standard_key[40];

/* of one process; written by sh_rss_refresh(), by one thread at a time */
struct sh_rss {
	uint32_t gen; /* of the settings it was made of; 0: none yet */
	uint32_t func;
	uint64_t hf;
	uint16_t size; /* of reta, a power of two or 0 */
	uint16_t reta[SH_RETA];
	uint32_t table[2 * SH_RSS_INPUT][16]; /* what each half byte of the input adds to the hash */
};

/* take over new settings. false: somebody is changing them just now, r is as it was. r->gen is 0 before the first time. */
bool sh_rss_refresh(struct sh_rss *r, const struct sh_port_rss *set);
/* the hash; also into m->hash.rss, with RTE_MBUF_F_RX_RSS_HASH. 0 and no flag: the packet has none */
uint32_t sh_rss_hash(const struct sh_rss *r, struct rte_mbuf *m);
/* and the queue that it goes to */
unsigned sh_rss_queue(const struct sh_rss *r, struct rte_mbuf *m);

/* the queue of a packet with this hash, or without one */
static inline unsigned sh_rss_pick(const struct sh_rss *r, uint32_t hash, bool has)
{
	return has && r->size != 0 ? r->reta[hash & (r->size - 1u)] : 0;
}

/* Toeplitz, of n bytes, at most SH_RSS_INPUT, with r's key */
uint32_t sh_rss_toeplitz(const struct sh_rss *r, const uint8_t *in, unsigned n);

#endif
