/* SPDX-License-Identifier: BSD-3-Clause */
/* span_cast.h - blocks that several processes take and free in turns */
#ifndef SH_TEST_MEM_SPAN_CAST_H
#define SH_TEST_MEM_SPAN_CAST_H

#include "fake.h"
#include "mem/heap.h"
#include "mem/mem.h"

#define MANY 5000

/* spans, orphans among them, and blocks that are out */
struct count {
	unsigned spans, orphans, blocks;
};

/* pointers that all processes of a case see, and a word by which they take turns */
struct table {
	_Atomic uint32_t turn;
	unsigned size;
	void *_Atomic p[MANY];
};

/* bytes of runs in use */
uint64_t used(void);
struct count count(void);
void wait_turn(struct table *t, uint32_t turn);
void set_turn(struct table *t, uint32_t turn);
/* blocks [from, to) of the table, filled; looked at and freed */
void take(struct table *t, unsigned from, unsigned to);
void give(struct table *t, unsigned from, unsigned to);
/* for blocks of so many bytes */
struct table *table(unsigned size);
/* a thread that begins and ends */
void thread(void *(*fn)(void *), void *arg);

#endif
