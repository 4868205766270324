/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_devargs.h - a device and its arguments, as text: "net_null0,copy=1", "vdev:net_null0,copy=1",
 * "bus=vdev,name=net_null0/class=eth/driver=net_null,copy=1"
 *
 * There is one bus, vdev; what a driver of the library can make is a device of it. Text of any length is taken; a name has at
 * most RTE_DEV_NAME_MAX_LEN - 1 characters.
 */
#ifndef RTE_DEVARGS_H
#define RTE_DEVARGS_H

#include <stdio.h>

#include <rte_compat.h>
#include <rte_dev.h>
#include <rte_os.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTE_DEVARGS_KEY_BUS "bus"
#define RTE_DEVARGS_KEY_CLASS "class"
#define RTE_DEVARGS_KEY_DRIVER "driver"

struct rte_bus;
struct rte_class;

enum rte_devtype { RTE_DEVTYPE_ALLOWED = 0, RTE_DEVTYPE_BLOCKED = 1, RTE_DEVTYPE_VIRTUAL = 2 };

struct rte_devargs {
	RTE_TAILQ_ENTRY(rte_devargs) next; /* the list of rte_devargs_insert() */
	enum rte_devtype type;
	enum rte_dev_policy policy;
	char name[RTE_DEV_NAME_MAX_LEN];
	__extension__ union {
		const char *args; /* what stands after the name: "" if nothing does */
		const char *drv_str;
	};
	struct rte_bus *bus;
	struct rte_class *cls;
	const char *bus_str, *cls_str;
	char *data; /* where all of it lies; rte_devargs_reset() frees it */
};

/**
 * Returns:  0; -EINVAL da or dev NULL, the name is too long, or the text is malformed; -EFAULT no bus has such a device; -ENOMEM.
 *           A line says what. parsef: dev as printf() makes it.
 */
int rte_devargs_parse(struct rte_devargs *da, const char *dev);
int rte_devargs_parsef(struct rte_devargs *da, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Free what parse made; da itself is the caller's. NULL is allowed. */
void rte_devargs_reset(struct rte_devargs *da);

/**
 * This process' list of devargs. insert: *da, made by malloc(); if the list has this device already, its entry gets the new
 * text, *da is freed and becomes that entry. Returns 0; -1: *da is in the list itself. add: parse and insert. remove: 0; 1:
 * there is none like it.
 */
int rte_devargs_insert(struct rte_devargs **da);
int rte_devargs_add(enum rte_devtype devtype, const char *devargs_str);
int rte_devargs_remove(struct rte_devargs *devargs);
unsigned int rte_devargs_type_count(enum rte_devtype devtype);
void rte_devargs_dump(FILE *f);
/** The first after start (NULL: the first of all) of this bus (NULL: of any). */
struct rte_devargs *rte_devargs_next(const char *busname, const struct rte_devargs *start);
#define RTE_EAL_DEVARGS_FOREACH(busname, da)                                                                           \
	for ((da) = rte_devargs_next(busname, NULL); (da) != NULL; (da) = rte_devargs_next(busname, da))

#ifdef __cplusplus
}
#endif

#endif
