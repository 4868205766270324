/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_help.h - packets without a pool: bytes cut into a chain of segments
 *
 * Each segment is a malloc() of its own, as long as its data: a byte too far is seen by the address sanitizer.
 */
#ifndef SH_TEST_PKT_NET_HELP_H
#define SH_TEST_PKT_NET_HELP_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#define CHAIN_MAX 64

struct chain {
	struct rte_mbuf seg[CHAIN_MAX];
	unsigned n;
};

static inline void chain_add(struct chain *c, const uint8_t *data, uint32_t len)
{
	struct rte_mbuf *m = &c->seg[c->n];

	memset(m, 0, sizeof(*m));
	m->buf_addr = malloc(len > 0 ? len : 1);
	if (len > 0)
		memcpy(m->buf_addr, data, len);
	m->buf_len = (uint16_t)len;
	m->data_len = (uint16_t)len;
	rte_mbuf_refcnt_set(m, 1);
	if (c->n > 0)
		c->seg[c->n - 1].next = m;
	c->n++;
	c->seg[0].nb_segs = (uint16_t)c->n;
	c->seg[0].pkt_len += len;
}

static inline void chain_free(struct chain *c)
{
	for (unsigned i = 0; i < c->n; i++)
		free(c->seg[i].buf_addr);
	c->n = 0;
}

/* cut into pieces of one length */
static inline struct rte_mbuf *chain_cut(struct chain *c, const uint8_t *data, uint32_t len, uint32_t piece)
{
	c->n = 0;
	if (len == 0)
		chain_add(c, data, 0);
	for (uint32_t at = 0; at < len;) {
		uint32_t n = len - at < piece || c->n == CHAIN_MAX - 1 ? len - at : piece;

		chain_add(c, data + at, n);
		at += n;
	}
	return &c->seg[0];
}

#endif
