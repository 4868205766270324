/* SPDX-License-Identifier: BSD-3-Clause */
/* begin.c - how every call on a port begins and ends: is there such a port, may this process, who configures it just now */
#include <errno.h>

#include "base/fault.h"
#include "base/log.h"
#include "pkt/port.h"
#include "proc/proc.h"

struct sh_here *sh_port_begin(uint16_t port, const char *fn, enum sh_port_op op, int *err)
{
	struct sh_here *h = op == SH_OP_NONE ? sh_here_visit(port, err) : sh_here(port, err);

	if (h == NULL) {
		if (*err == -ENODEV)
			sh_err("%s: there is no port %u; rte_eth_dev_count_avail() says how many there are", fn, port);
		else if (*err == -EPERM)
			sh_err("%s: this process is no member of the group (a child of fork()): call rte_eal_init() in "
			       "it",
			       fn);
		return NULL;
	}
	if (op == SH_OP_NONE)
		return h;
	*err = sh_port_enter(h->p, h->serial, op);
	if (*err == 0 && op == SH_OP_LITTLE)
		SH_STEP("port_little");
	if (*err == 0)
		return h;
	sh_here_put(h);
	return NULL;
}

struct sh_here *sh_port_begin_driver(uint16_t port, const char *fn, enum sh_port_op op, int *err)
{
	struct sh_here *h = sh_port_begin(port, fn, op, err);

	if (h == NULL || !h->drv->primary || sh_is_primary())
		return h;
	sh_err("%s: port %u (%s): its driver works in the primary alone: call it there", fn, h->p->id, h->p->name);
	*err = -ENOTSUP;
	sh_store_rlx(&h->p->op, SH_OP_NONE); /* relaxed: the seat is given up behind it; nothing was begun */
	sh_port_end(h, op);
	return NULL;
}

void sh_port_end(struct sh_here *h, enum sh_port_op op)
{
	if (op == SH_OP_NONE) {
		sh_here_leave(h);
		return;
	}
	sh_port_leave(h->p);
	sh_here_put(h);
}
