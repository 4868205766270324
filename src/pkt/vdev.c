/* SPDX-License-Identifier: BSD-3-Clause */
/* vdev.c - the bus of devices that drivers make; --vdev, -a, -b; devices as programs see them */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bus_vdev.h>
#include <rte_kvargs.h>

#include "base/export.h"
#include "base/log.h"
#include "pkt/port.h"
#include "pkt/vdev.h"
#include "proc/opts.h"

static const struct rte_bus vdev_bus = {"vdev"};

struct rte_bus *sh_vdev_bus(void)
{
	return (struct rte_bus *)(uintptr_t)&vdev_bus;
}

/* ---- devices ---- */

void sh_devices_forget(struct sh_ports *s)
{
	for (unsigned i = 0; s->dev != NULL && i < SH_PORTS; i++)
		rte_devargs_reset(&s->dev[i].args);
	free(s->dev);
	s->dev = NULL;
}

struct rte_device *sh_device(struct sh_port *p)
{
	struct sh_ports *s = sh_ports();
	struct rte_device *d = NULL;

	sh_lock_calm(&s->cb_lock);
	if (s->dev == NULL)
		s->dev = calloc(SH_PORTS, sizeof(*s->dev));
	if (s->dev != NULL) {
		d = &s->dev[p->id];
		if (d->serial != sh_serial(p)) {
			const struct sh_driver *drv = sh_driver_named(p->driver);

			rte_devargs_reset(&d->args);
			*d = (struct rte_device){.serial = sh_serial(p), .port = p->id, .socket = p->socket};
			d->driver.name = drv != NULL ? drv->name : "?";
			(void)snprintf(d->args.name, sizeof(d->args.name), "%s", p->name);
			d->args.type = RTE_DEVTYPE_VIRTUAL;
			d->args.bus = sh_vdev_bus();
			d->args.data = strdup(p->args);
			d->args.args = d->args.data != NULL ? d->args.data : "";
		}
	}
	sh_unlock_calm(&s->cb_lock);
	return d;
}

void sh_device_closed(struct sh_port *p)
{
	struct rte_device *d = sh_device(p);

	sh_lock_calm(&sh_ports()->cb_lock);
	if (d != NULL)
		d->closed = true;
	sh_unlock_calm(&sh_ports()->cb_lock);
}

bool sh_device_removed(const char *name)
{
	struct sh_ports *s = sh_ports();
	bool found = false;

	if (s == NULL)
		return false;
	sh_lock_calm(&s->cb_lock);
	for (unsigned i = 0; s->dev != NULL && i < SH_PORTS; i++)
		if (s->dev[i].closed && strcmp(s->dev[i].args.name, name) == 0) {
			s->dev[i].closed = false;
			found = true;
		}
	sh_unlock_calm(&s->cb_lock);
	return found;
}

SH_EXPORT const char *rte_driver_name(const struct rte_driver *driver)
{
	return driver != NULL ? driver->name : NULL;
}

SH_EXPORT const struct rte_bus *rte_dev_bus(const struct rte_device *dev)
{
	return dev != NULL ? &vdev_bus : NULL;
}

SH_EXPORT const char *rte_dev_bus_info(const struct rte_device *dev)
{
	(void)dev;
	return NULL;
}

SH_EXPORT const struct rte_devargs *rte_dev_devargs(const struct rte_device *dev)
{
	return dev != NULL ? &dev->args : NULL;
}

SH_EXPORT const struct rte_driver *rte_dev_driver(const struct rte_device *dev)
{
	return dev != NULL ? &dev->driver : NULL;
}

SH_EXPORT const char *rte_dev_name(const struct rte_device *dev)
{
	return dev != NULL ? dev->args.name : NULL;
}

SH_EXPORT int rte_dev_numa_node(const struct rte_device *dev)
{
	return dev != NULL ? dev->socket : SOCKET_ID_ANY;
}

SH_EXPORT int rte_dev_is_probed(const struct rte_device *dev)
{
	struct sh_port *p = dev != NULL ? sh_port(dev->port) : NULL;

	return dev != NULL && (dev->closed || (p != NULL && sh_serial(p) == dev->serial));
}

/* ---- the bus ---- */

SH_EXPORT const char *rte_bus_name(const struct rte_bus *bus)
{
	return bus != NULL ? bus->name : NULL;
}

SH_EXPORT int rte_bus_scan(void)
{
	return 0;
}

SH_EXPORT int rte_bus_probe(void)
{
	return 0;
}

SH_EXPORT void rte_bus_dump(FILE *f)
{
	if (f == NULL)
		return;
	fprintf(f, "bus vdev:\n");
	for (unsigned i = 0; i < SH_PORTS; i++) {
		struct sh_port *p = sh_port(i);

		if (p != NULL)
			fprintf(f, "  %s, driver %s, port %u\n", p->name, p->driver, i);
	}
}

SH_EXPORT struct rte_bus *rte_bus_find(const struct rte_bus *start, rte_bus_cmp_t cmp, const void *data)
{
	return start == NULL && cmp != NULL && cmp(&vdev_bus, data) == 0 ? sh_vdev_bus() : NULL;
}

SH_EXPORT struct rte_bus *rte_bus_find_by_device(const struct rte_device *dev)
{
	return dev != NULL ? sh_vdev_bus() : NULL;
}

SH_EXPORT struct rte_bus *rte_bus_find_by_name(const char *busname)
{
	return busname != NULL && strcmp(busname, "vdev") == 0 ? sh_vdev_bus() : NULL;
}

SH_EXPORT enum rte_iova_mode rte_bus_get_iommu_class(void)
{
	return RTE_IOVA_VA;
}

/* ---- made and removed by programs ---- */

SH_EXPORT int rte_vdev_init(const char *name, const char *args)
{
	unsigned id;
	int r;

	if (name == NULL || *name == '\0' || strlen(name) >= SH_PORT_NAME) {
		sh_err("rte_vdev_init: a name of 1 to 63 characters is wanted");
		return -EINVAL;
	}
	r = sh_port_make(name, args, &id);
	if (r == -ENODEV && sh_driver_of(name) == NULL)
		sh_err("rte_vdev_init: no driver makes a device '%s'; net_null0 or net_ring0, for example", name);
	if (r == 0)
		sh_ports_tell();
	return r;
}

SH_EXPORT int rte_vdev_uninit(const char *name)
{
	struct sh_port *p;
	int r;

	if (name == NULL)
		return -EINVAL;
	p = sh_port_named(name);
	if (p == NULL)
		return -ENOENT;
	r = sh_port_unmake(p->id);
	if (r == 0)
		sh_ports_tell();
	return r;
}

/* ---- the command line ---- */

static int option(const char *opt, const char *value)
{
	struct rte_devargs da;
	unsigned id;
	int r;

	r = rte_devargs_parse(&da, value);
	if (r < 0) {
		sh_err("%s: '%s' names no device; net_null0 or net_ring0, for example", opt, value);
		return r == -EFAULT ? -ENODEV : r;
	}
	r = sh_port_make(da.name, da.args, &id);
	if (r == -EEXIST) { /* a secondary gives the primary's list again */
		sh_dbg("%s: %s is there already", opt, da.name);
		r = 0;
	} else if (r < 0) {
		sh_err("%s: the device %s cannot be made: %s", opt, da.name, strerror(-r));
	}
	if (r == 0)
		(void)rte_devargs_add(RTE_DEVTYPE_VIRTUAL, value);
	rte_devargs_reset(&da);
	return r;
}

/* a device of a bus that there is not, such as 0000:01:00.0, is accepted: nothing is there to be used, or left alone */
static bool elsewhere(const char *value)
{
	return strchr(value, ':') != NULL && strncmp(value, "vdev:", 5) != 0 && strncmp(value, "bus=vdev", 8) != 0;
}

/* -b: what was asked for by --vdev is made all the same, as in DPDK: it is for devices that are found, and none are */
static int blocked(const char *value)
{
	struct rte_devargs da;
	int r = elsewhere(value) ? 0 : rte_devargs_parse(&da, value);

	if (elsewhere(value))
		return 0;
	if (r == 0)
		rte_devargs_reset(&da);
	else
		sh_err("option -b: '%s' names no device; net_null0 or 0000:01:00.0, for example", value);
	return r == -EFAULT ? -ENODEV : r;
}

int sh_vdev_options(const struct sh_opts *o)
{
	const char *v;
	int r = 0;

	for (unsigned i = 0; r == 0 && (v = sh_opts_value(o, SH_OPT_BLOCK, i)) != NULL; i++)
		r = blocked(v);
	for (unsigned i = 0; r == 0 && (v = sh_opts_value(o, SH_OPT_VDEV, i)) != NULL; i++)
		r = option("option --vdev", v);
	for (unsigned i = 0; r == 0 && (v = sh_opts_value(o, SH_OPT_ALLOW, i)) != NULL; i++)
		if (!elsewhere(v))
			r = option("option -a", v);
	return r;
}
