/* SPDX-License-Identifier: BSD-3-Clause */
/* drivers.c - drivers by name, and what they share. A new one adds its line here, and its keys to doc/options.md. */
#include <string.h>

#include "base/log.h"
#include "pkt/port.h"

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

#define KIND 4 /* of all drivers here: "net_" */

const struct sh_driver *sh_driver_of(const char *device)
{
	const struct sh_driver *best = NULL;

	if (strncmp(device, "net_", KIND) != 0 && strncmp(device, "eth_", KIND) != 0)
		return NULL;
	for (unsigned i = 0; sh_drivers[i] != NULL; i++) {
		size_t n = strlen(sh_drivers[i]->name);

		if (strncmp(sh_drivers[i]->name + KIND, device + KIND, n - KIND) == 0 &&
		    (best == NULL || n > strlen(best->name)))
			best = sh_drivers[i];
	}
	return best;
}

struct rte_kvargs *sh_port_args(const struct sh_port *p, const char *const keys[])
{
	char why[SH_ARGS_WHY];
	struct rte_kvargs *kv = sh_kvargs(p->args, keys, why);

	if (kv == NULL)
		sh_err("%s: in its arguments '%.200s': %s", p->name, p->args, why);
	return kv;
}

int sh_port_flag(const char *key, const char *value, void *flag)
{
	if (value == NULL || (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)) {
		sh_err("%s=%s: it is either 0 or 1", key, value != NULL ? value : "");
		return -1;
	}
	*(bool *)flag = value[0] == '1';
	return 0;
}

/* the row may be gone */
static const char *named(const struct sh_queue *q)
{
	const struct sh_port *p = sh_port(q->port);

	return p != NULL ? p->name : "?";
}

void sh_queue_say(struct sh_queue *q, enum sh_said what)
{
	sh_store_rlx(&q->said, sh_load_rlx(&q->said) | what); /* relaxed: one writer */
	if (what == SH_SAID_NOMBUF)
		sh_warn("port %u (%s), rx queue %u: the pool %s has no mbuf left, counted in rx_nombuf; make it "
			"larger, "
			"or free packets sooner",
			q->port, named(q), q->id, q->mp != NULL ? q->mp->name : "?");
	else if (what == SH_SAID_BAD)
		sh_warn("port %u (%s), rx queue %u: a frame that is too short, damaged or does not fit was dropped, "
			"counted in ierrors; look at what sends it",
			q->port, named(q), q->id);
	else if (what == SH_SAID_UNCUT)
		sh_warn("port %u (%s), rx queue %u: a big frame of the kernel whose headers cannot be cut (a tunnel in "
			"a tunnel, a numbered one) was dropped, counted in ierrors; have who sends it cut it: ethtool "
			"-K "
			"IF tx-udp_tnl-segmentation off tx-gre-segmentation off",
			q->port, named(q), q->id);
	else if (what == SH_SAID_MISSED)
		sh_warn("port %u (%s), rx queue %u: it was full, and packets are dropped, counted in imissed; have it "
			"polled more often, or give it more descriptors",
			q->port, named(q), q->id);
	else if (what == SH_SAID_FULL)
		sh_warn("port %u (%s), tx queue %u: its ring is full: packets stay the sender's until somebody "
			"receives; "
			"with rx_drop_en they are dropped once nobody does",
			q->port, named(q), q->id);
	else
		sh_warn("port %u (%s), tx queue %u: a packet cannot be sent and was dropped, counted in oerrors; look "
			"at "
			"its length and its segments, and at the interface",
			q->port, named(q), q->id);
}
