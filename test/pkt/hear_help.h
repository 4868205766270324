/* SPDX-License-Identifier: BSD-3-Clause */
/* hear_help.h - events of ports, counted by kind: hear() for rte_eth_dev_callback_register(), has_heard() for t_until() */
#ifndef HEAR_HELP_H
#define HEAR_HELP_H

#include <rte_ethdev.h>

#include "check.h"

static int heard[RTE_ETH_EVENT_MAX];

static inline int hear(uint16_t port, enum rte_eth_event_type ev, void *arg, void *ret)
{
	(void)port, (void)arg, (void)ret;
	__atomic_fetch_add(&heard[ev], 1, __ATOMIC_SEQ_CST);
	return 0;
}

static inline bool has_heard(void *arg)
{
	return __atomic_load_n(&heard[*(int *)arg], __ATOMIC_SEQ_CST) > 0;
}

#endif
