/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_mbuf_pool_ops.h - which back end pools of mbufs have
 *
 * The group's choices, seen by all its processes: the user's (rte_mbuf_set_user_mempool_ops(), else the option --mbuf-pool-ops-name of the
 * asking process), then the platform's, then RTE_MBUF_DEFAULT_MEMPOOL_OPS.
 */
#ifndef RTE_MBUF_POOL_OPS_H
#define RTE_MBUF_POOL_OPS_H

#ifdef __cplusplus
extern "C" {
#endif

/** Returns 0; -EEXIST (platform) there is another, -ENAMETOOLONG, -EINVAL name NULL, -ENOMEM, -EPERM. */
int rte_mbuf_set_platform_mempool_ops(const char *ops_name);
int rte_mbuf_set_user_mempool_ops(const char *ops_name);
/** NULL: none was chosen. */
const char *rte_mbuf_platform_mempool_ops(void);
const char *rte_mbuf_user_mempool_ops(void);
/** What rte_pktmbuf_pool_create() takes. Never NULL. */
const char *rte_mbuf_best_mempool_ops(void);

#ifdef __cplusplus
}
#endif

#endif
