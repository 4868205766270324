/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_per_lcore.h - variables of which every thread has its own
 *
 * In spite of the name they belong to threads: also threads that are no lcore have them.
 */
#ifndef RTE_PER_LCORE_H
#define RTE_PER_LCORE_H

#include <pthread.h>

/* define one (put "static" in front for one that only this file sees) */
#define RTE_DEFINE_PER_LCORE(type, name) __thread __typeof__(type) per_lcore_##name
/* declare one that another file defines */
#define RTE_DECLARE_PER_LCORE(type, name) extern __thread __typeof__(type) per_lcore_##name
/* the calling thread's one, as an lvalue */
#define RTE_PER_LCORE(name) (per_lcore_##name)

#endif
