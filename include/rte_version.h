/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_version.h - which interface this is
 *
 * The numbers say 22.11: sources that choose by RTE_VERSION take what they have for that release. shoal's own version is
 * shoal_version() of shoal.h.
 */
#ifndef RTE_VERSION_H
#define RTE_VERSION_H

#include <stdio.h>
#include <string.h>

#include <rte_config.h>
#include <rte_compat.h>

#ifdef __cplusplus
extern "C" {
#endif

/* year, month, minor release, and candidate (99: a release) as one number to compare */
#define RTE_VERSION_NUM(a, b, c, d) ((a) << 24 | (b) << 16 | (c) << 8 | (d))
#define RTE_VERSION RTE_VERSION_NUM(RTE_VER_YEAR, RTE_VER_MONTH, RTE_VER_MINOR, RTE_VER_RELEASE)

/** The library's own idea of the same, in case it is newer than the program: "DPDK 22.11.11 (shoal 0.1.0)". */
const char *rte_version(void);
const char *rte_version_prefix(void);
unsigned int rte_version_year(void);
unsigned int rte_version_month(void);
unsigned int rte_version_minor(void);
const char *rte_version_suffix(void);
unsigned int rte_version_release(void);

#ifdef __cplusplus
}
#endif

#endif
