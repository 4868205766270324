/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shoal_version.h - which shoal this is
 *
 * The macros tell what a program was compiled with, shoal_version() what it runs with. rte_version() names the DPDK whose
 * API this one follows, not this.
 */
#ifndef SHOAL_VERSION_H
#define SHOAL_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define SHOAL_VERSION_MAJOR 0
#define SHOAL_VERSION_MINOR 1
#define SHOAL_VERSION_PATCH 0

/**
 * Version of the library that runs: "major.minor.patch".
 *
 * Threads:  any, at any time, also before rte_eal_init.
 * Blocks:   never.
 * Returns:  a constant string, never NULL; nobody frees it.
 */
const char *shoal_version(void);

#ifdef __cplusplus
}
#endif

#endif
