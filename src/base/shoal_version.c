/* SPDX-License-Identifier: BSD-3-Clause */
/* shoal_version.c - the one place where the build's version meets the header's */
#include "shoal_version.h"

#include "base/export.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define IN_HEADER TEXT(SHOAL_VERSION_MAJOR) "." TEXT(SHOAL_VERSION_MINOR) "." TEXT(SHOAL_VERSION_PATCH)

/* meson.build hands over the project's version: the two must not drift apart */
_Static_assert(__builtin_strcmp(IN_HEADER, SH_PROJECT_VERSION) == 0, "shoal_version.h and meson.build differ");

SH_EXPORT const char *shoal_version(void)
{
	return IN_HEADER;
}
