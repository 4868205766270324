/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcap_memo.h - net_pcap: where the packets of a file begin, and their hashes
 *
 * For a file that is kept in memory and read again and again by queues that RSS tells apart: each of them steps over the packets of
 * the others, round by round. In the first round it notes of each packet what it has to know of it in the next ones; then those of
 * others cost it a look at this table. Private to the process and queue, as the file's bytes are. Without memory there is none.
 *
 * The table is of bytes that are in memory and of settings of RSS: whoever reads the file anew or takes over other settings
 * forgets it (sh_memo_forget), and it is made in the next whole round.
 */
#ifndef SH_PKT_PCAP_MEMO_H
#define SH_PKT_PCAP_MEMO_H

#include <stdlib.h>

#include "pkt/cap_int.h"
#include "pkt/rss.h"

#define SH_MEMO_HASH (1u << 31) /* of at: the packet has a hash */

struct sh_memo {
	struct sh_memo_of {
		uint32_t at; /* of the header of its record in the file: less than 2 GiB; SH_MEMO_HASH */
		uint32_t hash;
	} * of;
	uint32_t n, room; /* packets that are in it; that there is memory for */
	uint32_t k;	  /* the next packet's number within the round */
};

static inline void sh_memo_forget(struct sh_memo *m)
{
	m->n = 0;
}

/* packet k, just read, has this hash, or none */
static inline void sh_memo_put(struct sh_memo *m, const struct sh_cap *c, const uint8_t *data, bool has, uint32_t hash)
{
	if (m->k != m->n || !c->keeps)
		return;
	if (m->n == m->room) {
		uint32_t room = m->room != 0 ? 2 * m->room : 1024;
		void *p = realloc(m->of, room * sizeof(*m->of));

		if (p == NULL)
			return;
		m->of = p;
		m->room = room;
	}
	m->of[m->n++] = (struct sh_memo_of){
		(uint32_t)(data - SH_CAP_REC_HDR - c->buf) | (has ? SH_MEMO_HASH : 0),
		hash,
	};
}

static inline unsigned sh_memo_queue(const struct sh_memo_of *of, const struct sh_rss *r)
{
	return sh_rss_pick(r, of->hash, (of->at & SH_MEMO_HASH) != 0);
}

/* the file goes on being read with packet k, or at its end */
static inline void sh_memo_seek(const struct sh_memo *m, struct sh_cap *c)
{
	c->at = m->k < m->n ? m->of[m->k].at & ~SH_MEMO_HASH : c->have;
}

#endif
