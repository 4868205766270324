/* SPDX-License-Identifier: BSD-3-Clause */
/* gso_help.h - what the tests of big frames have in common: random numbers, bytes of headers, a slow sum, a frame of any bytes cut */
#ifndef GSO_HELP_H
#define GSO_HELP_H

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "pkt/gso.h"

static uint32_t state = 1;

static inline uint32_t rnd(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % n;
}

static inline void put(uint8_t *p, unsigned v, unsigned n)
{
	while (n-- > 0)
		*p++ = (uint8_t)(v >> 8 * n);
}

static inline unsigned get(const uint8_t *p, unsigned n)
{
	unsigned v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

static inline unsigned slow_sum(const uint8_t *p, size_t n, unsigned sum)
{
	for (size_t i = 0; i < n; i++) {
		sum += i % 2 ? p[i] : (unsigned)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* how many packets are cut out of it, 0: it is refused. Each lies in a block of its own, so that asan sees one byte too many */
static inline unsigned cut_any(const struct virtio_net_hdr *v, const uint8_t *frame, unsigned len)
{
	uint8_t *copy = malloc(len + 1);
	unsigned n = 0;
	struct sh_cut c;

	CHECK(copy != NULL);
	memcpy(copy, frame, len);
	if (sh_cut_begin(&c, v, copy, len))
		for (; sh_cut_more(&c); n++) {
			uint8_t *p = malloc(sh_cut_next(&c));

			CHECK(p != NULL && sh_cut_next(&c) <= len);
			sh_cut_one(&c, p);
			free(p);
		}
	free(copy);
	return n;
}

#endif
