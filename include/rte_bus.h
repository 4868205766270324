/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_bus.h - what devices hang on. There is one bus: "vdev", of the devices that drivers of the library make. */
#ifndef RTE_BUS_H
#define RTE_BUS_H

#include <stdio.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_log.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_bus;
struct rte_device;

const char *rte_bus_name(const struct rte_bus *bus);
/** Nothing is left to be found or probed after rte_eal_init(): 0. */
int rte_bus_scan(void);
int rte_bus_probe(void);
void rte_bus_dump(FILE *f);

/* 0: this is it */
typedef int (*rte_bus_cmp_t)(const struct rte_bus *bus, const void *data);
/** The first after start (NULL: of all) that cmp likes; NULL: there is none. */
struct rte_bus *rte_bus_find(const struct rte_bus *start, rte_bus_cmp_t cmp, const void *data);
struct rte_bus *rte_bus_find_by_device(const struct rte_device *dev);
struct rte_bus *rte_bus_find_by_name(const char *busname);
enum rte_iova_mode rte_bus_get_iommu_class(void);

#ifdef __cplusplus
}
#endif

#endif
