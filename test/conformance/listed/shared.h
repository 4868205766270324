/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LISTED_SHARED_H
#define LISTED_SHARED_H

#include <stdbool.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#define TEXT 64
extern struct rte_ring *out, *in;
extern struct rte_mempool *texts;
extern bool ended;

#endif
