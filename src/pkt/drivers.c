/* SPDX-License-Identifier: BSD-3-Clause */
/* drivers.c - drivers by name. A new one adds its line here, and its keys to doc/options.md. */
#include <string.h>

#include "pkt/dev.h"

extern const struct sh_driver sh_drv_af_packet, sh_drv_null, sh_drv_pcap, sh_drv_ring, sh_drv_tap;

const struct sh_driver *const sh_drivers[] = {&sh_drv_af_packet, &sh_drv_null, &sh_drv_pcap,
					      &sh_drv_ring,	 &sh_drv_tap,  NULL};

const struct sh_driver *sh_driver_named(const char *name)
{
	for (unsigned i = 0; sh_drivers[i] != NULL; i++)
		if (strcmp(sh_drivers[i]->name, name) == 0)
			return sh_drivers[i];
	return NULL;
}

const struct sh_driver *sh_driver_of(const char *device)
{
	const struct sh_driver *best = NULL;

	for (unsigned i = 0; sh_drivers[i] != NULL; i++) {
		size_t n = strlen(sh_drivers[i]->name);

		if (strncmp(sh_drivers[i]->name, device, n) == 0 && (best == NULL || n > strlen(best->name)))
			best = sh_drivers[i];
	}
	return best;
}
