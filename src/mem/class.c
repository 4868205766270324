/* SPDX-License-Identifier: BSD-3-Clause */
/* class.c - the table of class.h, worked out by the compiler */
#include "mem/class.h"

#include "mem/layout.h"

#define UP(x, to) (((x) + (to)-1) / (to) * (to))
#define UNIT 16384u

/* up to 4 KiB: four units. A block costs its size, 4 bytes of table and a bit; 72 bytes are what rounding may cost */
#define N_SMALL(s) ((4 * UNIT - 72) * 8 / (8 * (s) + 33))
#define FRONT_SMALL(s) UP(UP(N_SMALL(s), 64) / 8 + 4 * N_SMALL(s), 64)
/* above: a front of 128 bytes has room for 30 blocks */
#define UNITS_BIG(s) (((s) * ((s) > UNIT ? 8 : 16) + 128 + UNIT - 1) / UNIT)
#define N_BIG(s) ((UNITS_BIG(s) * UNIT - 128) / (s))

#define RECIP(s) (((1u << 26) + (s) / 64 - 1) / ((s) / 64))
#define SMALL(s)                                                                                                       \
	{                                                                                                              \
		(s), RECIP(s), N_SMALL(s), UP(N_SMALL(s), 64) / 8, FRONT_SMALL(s), 4                                   \
	}
#define BIG(s)                                                                                                         \
	{                                                                                                              \
		(s), RECIP(s), N_BIG(s), 8, 128, UNITS_BIG(s)                                                          \
	}
#define FOUR(X, s, d) X((s) + (d)), X((s) + 2 * (d)), X((s) + 3 * (d)), X((s) + 4 * (d))
#define EIGHT(X, s) FOUR(X, s, (s) / 8), FOUR(X, (s) + (s) / 2, (s) / 8)

const struct sh_class sh_classes[SH_CLASSES] = {
	FOUR(SMALL, 0, 64),  FOUR(SMALL, 256, 64), FOUR(SMALL, 512, 64), FOUR(SMALL, 768, 64), EIGHT(SMALL, 1024u),
	EIGHT(SMALL, 2048u), EIGHT(BIG, 4096u),	   EIGHT(BIG, 8192u),	 EIGHT(BIG, 16384u),   EIGHT(BIG, 32768u),
};

_Static_assert(SH_UNIT == UNIT, "spans are cut from units");
_Static_assert(N_SMALL(64u) < SH_SPAN_N_MAX, "the smallest blocks are the most");
_Static_assert(N_SMALL(4096u) >= 8, "a span has at least 8 blocks");
_Static_assert(N_BIG(4608u) <= 30 && N_BIG(18432u) <= 30, "the front of 128 bytes is enough");
_Static_assert(UNITS_BIG(65536u) < SH_SPAN_UNITS_MAX, "no span is larger");
