/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_random.h - numbers that look random, fast
 *
 * Every thread has a generator of its own, so calls never wait for each other. Not for secrets: use getrandom(2).
 */
#ifndef RTE_RANDOM_H
#define RTE_RANDOM_H

#include <stdint.h>

#include <rte_compat.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * From now on every thread's numbers follow from seedval and the thread's lcore number: the same seed gives the same
 * sequence on the same lcore. Without a call the kernel supplies the seeds. Threads: any.
 */
void rte_srand(uint64_t seedval);
/** Any 64 bits. Threads: any; never blocks. */
uint64_t rte_rand(void);
/** 0 to upper_bound - 1, each as likely as the others; 0 for a bound of 0 or 1. */
uint64_t rte_rand_max(uint64_t upper_bound);
/** At least 0.0 and below 1.0, a multiple of 2^-53. */
double rte_drand(void);

#ifdef __cplusplus
}
#endif

#endif
