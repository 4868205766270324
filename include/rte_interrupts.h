/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_interrupts.h - names that programs include; no device here has interrupts. Events come by rte_eth_dev_callback_register(). */
#ifndef RTE_INTERRUPTS_H
#define RTE_INTERRUPTS_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_compat.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_intr_handle;
typedef void (*rte_intr_callback_fn)(void *cb_arg);

#define RTE_MAX_RXTX_INTR_VEC_ID 512
#define RTE_INTR_VEC_ZERO_OFFSET 0
#define RTE_INTR_VEC_RXTX_OFFSET 1

#define RTE_INTR_EVENT_ADD 1
#define RTE_INTR_EVENT_DEL 2
#define RTE_EPOLL_PER_THREAD -1

#ifdef __cplusplus
}
#endif

#endif
