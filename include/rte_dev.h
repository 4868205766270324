/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_dev.h - devices: what each is, and their coming and going
 *
 * A device is a port's other name: it belongs to the group. struct rte_device is this process' own view of it, valid until the
 * device is removed and others have taken its number.
 */
#ifndef RTE_DEV_H
#define RTE_DEV_H

#include <stdint.h>
#include <stdio.h>

#include <rte_common.h>
#include <rte_compat.h>
#include <rte_config.h>
#include <rte_log.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_bus;
struct rte_class;
struct rte_devargs;
struct rte_device;
struct rte_driver;

#define RTE_DEV_NAME_MAX_LEN 64

enum rte_dev_policy { RTE_DEV_ALLOWED = 0, RTE_DEV_BLOCKED = 1 };

const char *rte_driver_name(const struct rte_driver *driver);
const struct rte_bus *rte_dev_bus(const struct rte_device *dev);
const char *rte_dev_bus_info(const struct rte_device *dev); /* NULL: nothing more is known */
const struct rte_devargs *rte_dev_devargs(const struct rte_device *dev);
const struct rte_driver *rte_dev_driver(const struct rte_device *dev);
const char *rte_dev_name(const struct rte_device *dev);
int rte_dev_numa_node(const struct rte_device *dev);
int rte_dev_is_probed(const struct rte_device *dev); /* 1 or 0 */

/**
 * Make a device, or remove one, in all processes: there is one port number for it everywhere. When a process refuses, nothing
 * has happened. probe: devargs as rte_devargs.h has them.
 * Returns:  0; a negative errno. A device that is there already: 0, with a line.
 */
int rte_eal_hotplug_add(const char *busname, const char *devname, const char *drvargs);
int rte_eal_hotplug_remove(const char *busname, const char *devname);
int rte_dev_probe(const char *devargs);
int rte_dev_remove(struct rte_device *dev);

/* ---- devices that match a text ---- */

struct rte_dev_iterator {
	const char *dev_str; /* as given */
	const char *bus_str, *cls_str;
	struct rte_bus *bus;
	struct rte_class *cls;
	struct rte_device *device;
	void *class_device;
};
typedef int (*rte_dev_cmp_t)(const struct rte_device *dev, const void *data);
typedef void *(*rte_dev_iterate_t)(const void *start, const char *devstr, const struct rte_dev_iterator *it);

/** "bus=vdev,name=..", "class=eth": 0; -EINVAL. next: NULL after the last. */
int rte_dev_iterator_init(struct rte_dev_iterator *it, const char *str);
struct rte_device *rte_dev_iterator_next(struct rte_dev_iterator *it);
#define RTE_DEV_FOREACH(dev, devstr, it)                                                                               \
	for (rte_dev_iterator_init(it, devstr), (dev) = rte_dev_iterator_next(it); (dev) != NULL;                      \
	     (dev) = rte_dev_iterator_next(it))

/* ---- events ---- */

enum rte_dev_event_type { RTE_DEV_EVENT_ADD = 0, RTE_DEV_EVENT_REMOVE = 1, RTE_DEV_EVENT_MAX = 2 };
typedef void (*rte_dev_event_cb_fn)(const char *device_name, enum rte_dev_event_type event, void *cb_arg);

/**
 * Be told in this process of devices that come and go, whoever makes or removes them; device_name NULL: of any. Called on a
 * thread of the library, or in the call that adds or removes a device, without a lock: it may allocate, send requests, and add or
 * remove devices itself. What was there before is not told.
 * Returns:  0; -EINVAL cb_fn is NULL; -EEXIST; -ENOMEM; -EPERM no member of a group. A line says why.
 */
int rte_dev_event_callback_register(const char *device_name, rte_dev_event_cb_fn cb_fn, void *cb_arg);
/** cb_arg (void *)-1: any. Returns how many are gone; -EAGAIN it is running; -ENOENT there is none; -EINVAL; -EPERM. */
int rte_dev_event_callback_unregister(const char *device_name, rte_dev_event_cb_fn cb_fn, void *cb_arg);
/** Call them as if this had happened, in this process, now. */
void rte_dev_event_callback_process(const char *device_name, enum rte_dev_event_type event);
/** Events are told from rte_dev_event_callback_register() on; stop: no more, until start. Return 0; -EPERM; -ENOMEM. */
int rte_dev_event_monitor_start(void);
int rte_dev_event_monitor_stop(void);
/** Nothing here fails when a device goes: 0. */
int rte_dev_hotplug_handle_enable(void);
int rte_dev_hotplug_handle_disable(void);

#ifdef __cplusplus
}
#endif

#endif
