/* SPDX-License-Identifier: BSD-3-Clause */
/* vdev.h - the one bus, and devices as this process sees them; for the files of ports and of hotplug */
#ifndef SH_PKT_VDEV_H
#define SH_PKT_VDEV_H

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_devargs.h>

#include "pkt/dev.h"

struct rte_bus {
	const char *name;
};

struct rte_driver {
	const char *name;
};

/* this process' view of a port's device; changes when the port's number gets another port */
struct rte_device {
	uint64_t serial;
	unsigned port;
	struct rte_driver driver;
	struct rte_devargs args;
	int socket;
	bool closed; /* its port was closed here: the device is there for programs until they remove it, as in DPDK */
};

struct rte_bus *sh_vdev_bus(void);
/* of a port that there is; NULL: no memory */
struct rte_device *sh_device(struct sh_port *p);
/* its port is about to be closed */
void sh_device_closed(struct sh_port *p);
/* is there one of that name whose port was closed? No longer */
bool sh_device_removed(const char *name);

#endif
