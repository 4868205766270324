/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * class.h - sizes of small blocks, and how a span of each is cut
 *
 * 64 classes: multiples of 64 bytes up to 1 KiB, then eight to each power of two up to 64 KiB. A span is a run of units: a
 * front (bits of blocks that others have freed, a table with an entry for each block), then the blocks, all at multiples of
 * 64 bytes:
 *
 *     | bits: u64 x (n + 63) / 64 | tab: u32 x n | to a multiple of 64 | block 0 | block 1 | ... | block n - 1 |
 *
 * Up to 4 KiB a span has 64 KiB; above, room for 16 blocks, above 16 KiB for 8. Everything here is constant. Where memory is
 * short a span has fewer units, and so fewer blocks (sh_span_n()), behind the same front.
 */
#ifndef SH_MEM_CLASS_H
#define SH_MEM_CLASS_H

#include <stddef.h>
#include <stdint.h>

#define SH_CLASSES 64
#define SH_SMALL_MAX 65536u /* bytes of the largest small block */
#define SH_BLOCK_ALIGN 64u
#define SH_SPAN_UNITS_MAX 64u /* more than any span has */
#define SH_SPAN_N_MAX 1024u   /* more blocks than any span has */

struct sh_class {
	uint32_t size;
	uint32_t recip; /* 2^26 / (size / 64), rounded up: see sh_class_index() */
	uint16_t n;	/* blocks of a whole span */
	uint16_t tab;	/* bytes before the table, which are the bits */
	uint16_t front; /* bytes before the first block */
	uint16_t units; /* of a whole span */
};

extern const struct sh_class sh_classes[SH_CLASSES];

/* the class of 1 .. SH_SMALL_MAX bytes */
static inline unsigned sh_class_of(size_t size)
{
	size_t s = size - 1;
	unsigned top;

	if (s < 1024)
		return (unsigned)(s >> 6);
	top = 63 - (unsigned)__builtin_clzll(s); /* 10 .. 15 */
	return 16 + (top - 10) * 8 + (unsigned)((s >> (top - 3)) & 7);
}

/*
 * off / size for an offset in the blocks. Exact: both in units of 64 are below 2^14 and at most 2^10, so rounding the
 * reciprocal up adds less than 2^24 / 2^26 to the quotient, and less than what is missing to the next whole number.
 */
static inline uint32_t sh_class_index(uint32_t recip, uint64_t off)
{
	return (uint32_t)(((off >> 6) * recip) >> 26);
}

#endif
