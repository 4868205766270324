/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file rte_cksum.h - the Internet checksum (RFC 1071) over plain memory and over chains of mbufs
 *
 * A sum is of 16-bit words as they lie in memory, an odd last byte being the first of a word whose second is 0; so the result
 * is in network order on any machine and is stored as it is. It is not yet complemented. The sum of nothing is 0, of anything
 * else but zeros never 0.
 */
#ifndef RTE_CKSUM_H
#define RTE_CKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_mbuf.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @internal 64 bits of sum to 32; modulo 0xffff both are the same */
static inline uint32_t __rte_cksum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	return (uint32_t)((sum & UINT32_MAX) + (sum >> 32));
}

/** @internal sum of len bytes, of any length and alignment, added to sum */
static inline uint32_t __rte_raw_cksum(const void *buf, size_t len, uint32_t sum)
{
	const unsigned char *p = (const unsigned char *)buf;
	uint64_t s = sum;
	uint32_t word;
	uint16_t half = 0;

	for (; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		s += word;
	}
	if (len >= sizeof(half)) {
		memcpy(&half, p, sizeof(half));
		s += half;
		len -= sizeof(half);
		p += sizeof(half);
	}
	if (len > 0) {
		half = 0;
		memcpy(&half, p, 1);
		s += half;
	}
	return __rte_cksum_fold(s);
}

/** @internal 32 bits of sum to 16 */
static inline uint16_t __rte_raw_cksum_reduce(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/** The sum of len bytes, not complemented. */
static inline uint16_t rte_raw_cksum(const void *buf, size_t len)
{
	return __rte_raw_cksum_reduce(__rte_raw_cksum(buf, len, 0));
}

/**
 * The sum of len bytes of a packet from offset off, over as many segments as that takes, whatever their lengths.
 * @return 0 and *cksum, not complemented; -1: the packet has not that many bytes, *cksum is as it was
 */
static inline int rte_raw_cksum_mbuf(const struct rte_mbuf *m, uint32_t off, uint32_t len, uint16_t *cksum)
{
	uint64_t sum = 0;
	uint32_t done = 0;

	if (off > m->pkt_len || len > m->pkt_len - off)
		return -1;
	for (; m != NULL && off >= m->data_len && len > 0; m = m->next)
		off -= m->data_len;
	for (; m != NULL && done < len; m = m->next, off = 0) {
		uint32_t n = m->data_len - off < len - done ? m->data_len - off : len - done;
		uint16_t part =
			__rte_raw_cksum_reduce(__rte_raw_cksum(rte_pktmbuf_mtod_offset(m, const char *, off), n, 0));

		/* what starts at an odd byte of the whole lies in the other half of the words */
		sum += (done & 1) != 0 ? rte_bswap16(part) : part;
		done += n;
	}
	if (done < len)
		return -1;
	*cksum = __rte_raw_cksum_reduce(__rte_cksum_fold(sum));
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
