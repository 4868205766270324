/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_compat.h - marks of DPDK on functions that may still change
 *
 * Nothing here is experimental or internal in that sense: what a header declares may be used with and without
 * ALLOW_EXPERIMENTAL_API. The marks expand to nothing and exist for programs that write them.
 */
#ifndef RTE_COMPAT_H
#define RTE_COMPAT_H

#ifndef __has_attribute
#define __has_attribute(x) 0
#endif

#define __rte_experimental
#define __rte_internal

#endif
