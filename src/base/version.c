/* SPDX-License-Identifier: BSD-3-Clause */
/* version.c - the version of the interface, as compiled into the library. */
#include <rte_common.h>
#include <rte_version.h>

#include "base/export.h"

#ifndef SH_PROJECT_VERSION
#define SH_PROJECT_VERSION "0"
#endif

SH_EXPORT const char *rte_version(void)
{
	return RTE_VER_PREFIX " " RTE_STR(RTE_VER_YEAR) "." RTE_STR(RTE_VER_MONTH) "." RTE_STR(
		RTE_VER_MINOR) " (shoal " SH_PROJECT_VERSION ")";
}

SH_EXPORT const char *rte_version_prefix(void)
{
	return RTE_VER_PREFIX;
}
SH_EXPORT unsigned int rte_version_year(void)
{
	return RTE_VER_YEAR;
}
SH_EXPORT unsigned int rte_version_month(void)
{
	return RTE_VER_MONTH;
}
SH_EXPORT unsigned int rte_version_minor(void)
{
	return RTE_VER_MINOR;
}
SH_EXPORT const char *rte_version_suffix(void)
{
	return RTE_VER_SUFFIX;
}
SH_EXPORT unsigned int rte_version_release(void)
{
	return RTE_VER_RELEASE;
}
