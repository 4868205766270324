/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap_behind.c - net_pcap: packets that a queue with drop_en has no room for while nobody empties it, counted by whoever asks */
#include "base/clock.h"
#include "pkt/pcap_rx.h"

/* how many packets from .. to - 1 of a file are this queue's; st->pos is to then, or where the file ends */
static uint64_t within(struct sh_pcap_rx *x, struct sh_pcap_stream *st, uint64_t from, uint64_t to)
{
	struct rte_mbuf with;
	uint64_t n = 0;

	st->held = st->ended = false;
	st->pos = 0;
	for (sh_cap_rewind(st->cap); st->pos < to && sh_pcap_look(x, st); sh_pcap_step(st))
		n += st->pos >= from && !sh_pcap_runt(st) && sh_pcap_mine(x, st, &with);
	return n;
}

/* the same of a file that is read again and again */
static uint64_t within_rounds(struct sh_pcap_rx *x, struct sh_pcap_stream *st, uint64_t from, uint64_t to)
{
	uint64_t each = within(x, st, 0, UINT64_MAX), all = st->pos, n;

	if (all == 0)
		return 0;
	n = (to / all - from / all) * each;
	from %= all;
	to %= all;
	return from <= to ? n + within(x, st, from, to) : n - within(x, st, to, from);
}

/* of packets from .. to - 1 there was room for so many */
static uint64_t more_than(struct sh_pcap_rx *x, struct sh_pcap_stream *st, uint64_t from, uint64_t to, uint64_t room)
{
	uint64_t n;

	if (to <= from + room)
		return 0;
	n = x->s->infinite ? within_rounds(x, st, from, to) : within(x, st, from, to);
	return n > room ? n - room : 0;
}

/* how long the port has been running, or was until it was stopped; both words may be of two runs while it is started: 0 */
static uint64_t ran_for(const struct sh_pcap *s)
{
	uint64_t from = sh_load_rlx(&s->t0), to = sh_load_rlx(&s->t1); /* relaxed, both: see above */

	to = to == 0 ? sh_now_ns() : to;
	return from != 0 && to > from ? to - from : 0;
}

/* exact for a queue whose owner is stopped or dead; of one that bursts meanwhile not to the burst */
uint64_t sh_pcap_rx_behind(const struct sh_here *h, const struct sh_queue *q)
{
	uint64_t missed = 0, f, from;
	struct sh_pcap_rx *x;

	/* one queue alone, and no rate: nobody passes it by */
	if (!q->drop_en || (!sh_pcap_rss_on(h->p) && sh_pcap_names(h)->rate_kind != SH_PCAP_PER_S) ||
	    sh_pcap_rx_make(h, (struct sh_queue *)(uintptr_t)q, true, &x) < 0)
		return 0;
	for (unsigned i = 0; i < x->n; i++) {
		struct sh_pcap_stream *st = &x->st[i];

		if (st->live)
			continue;
		f = sh_pcap_front(h->p, x->s, st->i, ran_for(x->s));
		from = st->skip;
		if (from < st->to_drop) {
			missed += more_than(x, st, from, st->to_drop, st->budget);
			from = st->to_drop;
		}
		if (f > from)
			missed += more_than(x, st, from, f, q->desc);
	}
	sh_pcap_rx_free(x);
	return missed;
}
