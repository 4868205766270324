/* SPDX-License-Identifier: BSD-3-Clause */
/* gso_int.h - for gso.c and gso_cut.c: headers' fields, and sums of headers */
#ifndef SH_PKT_GSO_INT_H
#define SH_PKT_GSO_INT_H

#include <string.h>

#include "pkt/gso.h"

/* offsets in headers */
enum {
	ETH_LEN = 14,
	IP4_LEN = 20,
	IP4_TOTAL = 2,
	IP4_ID = 4,
	IP4_FRAG = 6,
	IP4_PROTO = 9,
	IP4_SUM = 10,
	IP4_SRC = 12,
	IP6_LEN = 40,
	IP6_PAYLOAD = 4,
	IP6_NEXT = 6,
	IP6_SRC = 8,
	TCP_LEN = 20,
	TCP_SEQ = 4,
	TCP_DOFF = 12,
	TCP_FLAGS = 13,
	TCP_SUM = 16,
	UDP_LEN = 8,
	UDP_LENGTH = 4,
	UDP_SUM = 6,
	GRE_LEN = 4,
	GRE_SUM = 4,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_IP4 = 4, /* in IP: tunnels */
	PROTO_IP6 = 41,
	PROTO_GRE = 47,
	NEXT_HOPS = 0, /* extensions of IPv6 */
	NEXT_ROUTING = 43,
	NEXT_DEST = 60,
};
enum { GRE_HAS_SUM = 0x8000, GRE_HAS_KEY = 0x2000, TYPE_IP4 = 0x0800, TYPE_IP6 = 0x86dd, TYPE_ETHER = 0x6558 };
enum { FIN = 0x01, PSH = 0x08, ACK = 0x10, CWR = 0x80 };
#define DONT_FRAGMENT 0x4000
#define FRAGMENT 0x3fff /* more of them, or a place */

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

static inline uint32_t fold32(uint64_t s)
{
	s = (s & UINT32_MAX) + (s >> 32);
	return (uint32_t)((s & UINT32_MAX) + (s >> 32));
}

/* n bytes as words of 32 bits, the last one as if zeros followed. to == NULL: only summed */
static inline __attribute__((always_inline)) uint64_t words(uint8_t *to, const uint8_t *from, size_t n, uint64_t s)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t w;

		memcpy(&w, from + i, 8);
		if (to != NULL)
			memcpy(to + i, &w, 8);
		s += (w & UINT32_MAX) + (w >> 32);
	}
	for (; i < n; i += 4) {
		uint32_t w = 0;
		size_t k = n - i < 4 ? n - i : 4;

		memcpy(&w, from + i, k);
		if (to != NULL)
			memcpy(to + i, &w, k);
		s += w;
	}
	return s;
}

/* to 16 bits, as they lie in memory */
static inline uint16_t fold16(uint32_t s)
{
	s = (s & 0xffff) + (s >> 16);
	return (uint16_t)((s & 0xffff) + (s >> 16));
}

static inline void store_sum(uint8_t *at, uint32_t sum)
{
	uint16_t v = (uint16_t)~fold16(sum);

	memcpy(at, &v, sizeof(v));
}

/* of a pseudo header but for its length: addresses and the protocol */
static inline uint32_t pseudo(const uint8_t *l3, bool v6, uint8_t proto)
{
	uint8_t word[4] = {0, proto, 0, 0};
	uint64_t s = words(NULL, word, 4, 0);

	return fold32(v6 ? words(NULL, l3 + IP6_SRC, 32, s) : words(NULL, l3 + IP4_SRC, 8, s));
}

static inline uint32_t add_len(uint32_t sum, uint32_t len)
{
	uint8_t word[4];

	put32(word, len);
	return fold32(words(NULL, word, 4, sum));
}

/* the network layer's header, extensions with it, of a packet with so many bytes behind it */
static inline void write_ip(uint8_t *l3, bool v6, uint32_t hdr_len, uint32_t payload, uint16_t id)
{
	if (v6) {
		put16(l3 + IP6_PAYLOAD, (uint16_t)(hdr_len - IP6_LEN + payload));
		return;
	}
	put16(l3 + IP4_TOTAL, (uint16_t)(hdr_len + payload));
	put16(l3 + IP4_ID, id);
	put16(l3 + IP4_SUM, 0);
	store_sum(l3 + IP4_SUM, sh_sum(l3, hdr_len, 0));
}

#endif
