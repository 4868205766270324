/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_bus_vdev.h - devices that drivers of the library make; each is a port of the group */
#ifndef RTE_BUS_VDEV_H
#define RTE_BUS_VDEV_H

#include <rte_compat.h>
#include <rte_dev.h>
#include <rte_devargs.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Make a device, and its port in the whole group; any process may.
 * Returns:  0; -EINVAL name; -EEXIST there is one; -ENODEV no driver has this name; what the driver says.
 */
int rte_vdev_init(const char *name, const char *args);
/** Stop and remove it. Returns 0; -ENOENT there is none; -EINVAL; -EBUSY as rte_eth_dev_stop(). */
int rte_vdev_uninit(const char *name);

#ifdef __cplusplus
}
#endif

#endif
