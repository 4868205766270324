/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flows.h - a burst in which the packets of a flow stand together, so that those that follow each other can be joined (gso.h)
 *
 * Packets of a flow keep their order. What has no flow that is seen (fragments, tags, tunnels' outer headers with options, all that
 * is neither TCP nor UDP) keeps its place between what was before it and what was behind it: it may belong to any of them.
 */
#ifndef SH_PKT_FLOWS_H
#define SH_PKT_FLOWS_H

#include <rte_mbuf.h>

#define SH_FLOWS_BURST 64 /* packets of the longest burst that is looked at */
#define SH_FLOWS_MOST 8	  /* flows: where more are mixed, few packets of each are in a burst */

/* false: as they stand, to is not to be used. n: 1 to SH_FLOWS_BURST; pure */
bool sh_flows_gather(struct rte_mbuf **to, struct rte_mbuf *const *from, uint16_t n);

#endif
