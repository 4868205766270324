/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flows.c - the packets of a burst by flows (flows.h)
 *
 * A flow is known by a hash of its addresses, ports and protocol: two flows of one hash are taken for one, whose packets keep their
 * order, so that is right, too.
 */
#include <string.h>

#include "pkt/flows.h"

#define NONE UINT8_MAX

/* lists through next[], of packets by their places in the burst */
struct gather {
	unsigned flows;
	uint64_t key[SH_FLOWS_MOST];
	uint8_t first[SH_FLOWS_MOST], last[SH_FLOWS_MOST];
	uint8_t next[SH_FLOWS_BURST];
};

static uint64_t load(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

/* 0: it has none */
static uint64_t flow_of(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *), *ip = p + 14;
	uint64_t h;
	uint32_t ports;

	if (m->data_len < 14 + 20 + 4)
		return 0;
	if (p[12] == 0x08 && p[13] == 0x00 && ip[0] == 0x45 && (ip[9] == 6 || ip[9] == 17) && (ip[6] & 0x3f) == 0 &&
	    ip[7] == 0) {
		memcpy(&ports, ip + 20, sizeof(ports));
		return mix(mix(ip[9], load(ip + 12)), ports) | 1;
	}
	if (p[12] != 0x86 || p[13] != 0xdd || m->data_len < 14 + 40 + 4 || (ip[6] != 6 && ip[6] != 17))
		return 0;
	memcpy(&ports, ip + 40, sizeof(ports));
	h = mix(mix(ip[6], load(ip + 8)), load(ip + 16));
	return mix(mix(mix(h, load(ip + 24)), load(ip + 32)), ports) | 1;
}

/* false: a flow too many */
static bool add(struct gather *g, uint64_t key, uint8_t i)
{
	unsigned f = 0;

	while (f < g->flows && g->key[f] != key)
		f++;
	if (f == SH_FLOWS_MOST)
		return false;
	g->next[i] = NONE;
	if (f == g->flows) {
		g->flows++;
		g->key[f] = key;
		g->first[f] = i;
	} else {
		g->next[g->last[f]] = i;
	}
	g->last[f] = i;
	return true;
}

/* what has been gathered, flow by flow; returns how many there are in `to` now */
static unsigned emit(struct gather *g, struct rte_mbuf **to, struct rte_mbuf *const *from, unsigned n)
{
	for (unsigned f = 0; f < g->flows; f++)
		for (uint8_t i = g->first[f]; i != NONE; i = g->next[i])
			to[n++] = from[i];
	g->flows = 0;
	return n;
}

bool sh_flows_gather(struct rte_mbuf **to, struct rte_mbuf *const *from, uint16_t n)
{
	struct gather g;
	uint64_t key, before = 0;
	unsigned done = 0;
	bool mixed = false; /* a flow comes again behind another one */

	g.flows = 0;
	for (uint16_t i = 0; i < n; i++, before = key) {
		unsigned had = g.flows;

		key = flow_of(from[i]);
		if (key == 0) {
			done = emit(&g, to, from, done);
			to[done++] = from[i];
			continue;
		}
		if (!add(&g, key, (uint8_t)i))
			return false;
		mixed = mixed || (key != before && g.flows == had);
	}
	(void)emit(&g, to, from, done);
	return mixed;
}
