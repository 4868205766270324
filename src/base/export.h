/* SPDX-License-Identifier: BSD-3-Clause */
/* export.h - marks the definitions that programs may call; everything else is hidden */
#ifndef SH_BASE_EXPORT_H
#define SH_BASE_EXPORT_H

#define SH_EXPORT __attribute__((visibility("default")))

#endif
