/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_branch_prediction.h - tell the compiler which way a condition usually goes */
#ifndef RTE_BRANCH_PREDICTION_H
#define RTE_BRANCH_PREDICTION_H

/* the value of (x) as 0 or 1, expected to be 1 */
#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#endif
/* the value of (x) as 0 or 1, expected to be 0 */
#ifndef unlikely
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

#endif
