/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcap_rx.h - what the two files share that read for net_pcap: pcap_rx.c (bursts), pcap_behind.c (what a queue without an owner
 * misses). All of it is one process' own: of the queue's owner, or of who counts.
 */
#ifndef SH_PKT_PCAP_RX_H
#define SH_PKT_PCAP_RX_H

#include "pkt/cap_int.h"
#include "pkt/pcap.h"
#include "pkt/pcap_memo.h"
#include "pkt/rss.h"

#define SH_PCAP_RUNT 14 /* fewer bytes are no Ethernet frame */

struct sh_pcap_stream {
	struct sh_cap *cap;
	unsigned i;		/* which one it is of the port's */
	bool live, ended, held; /* held: pkt was read and not given yet */
	bool again;		/* infinite_rx */
	struct sh_cap_packet pkt;
	uint64_t pos;	  /* packets behind us; the others see it at the end of a burst */
	uint64_t skip;	  /* where the last owner of the queue was: up to there nothing is ours any more */
	uint64_t to_drop; /* up to there nothing more is kept once budget is used up: the queue was full */
	uint64_t budget;
	uint64_t first_ts, base_ts; /* rate=real: of the file's first packet; what earlier rounds took */
	uint64_t last_ts, drops;
	uint64_t round; /* infinite: packets of the file; 0: not known yet */
	struct sh_memo memo;
};

struct sh_pcap_rx {
	struct sh_queue *q;
	struct sh_port *p;
	const struct sh_pcap *s;
	_Atomic uint64_t *pos, *full; /* this queue's rows */
	bool rss_on, teller;  /* teller: of all queues that read a stream the one that says what is wrong with it */
	bool plain;	      /* a file alone, as fast as it goes, all of it this queue's */
	bool live;	      /* at least one stream is an interface */
	uint32_t least, room; /* bytes of a packet that is passed on; that one mbuf takes */
	unsigned n, next, bursts;
	uint64_t now;	 /* since start; at the beginning of a burst */
	uint64_t missed; /* in this burst, and not counted yet */
	struct sh_pcap_stream st[SH_PCAP_STREAMS];
	struct sh_rss rss;
};

/* shorter than an Ethernet header: nobody's */
static inline bool sh_pcap_runt(const struct sh_pcap_stream *st)
{
	return st->pkt.caplen < SH_PCAP_RUNT && sh_cap_link(st->cap) == 1;
}

/* ---- pcap_rx.c ---- */

/* the next packet, read but not counted yet: in st->pkt. false: none now */
bool sh_pcap_look(struct sh_pcap_rx *x, struct sh_pcap_stream *st);
/* the packet in st->pkt is behind us */
void sh_pcap_step(struct sh_pcap_stream *st);
/* is st->pkt this queue's? Its hash, if it has one, in *with, an mbuf around it */
bool sh_pcap_mine(struct sh_pcap_rx *x, struct sh_pcap_stream *st, struct rte_mbuf *with);
/* how far the fastest of the port's queues is in a stream, or, with a rate, its packets are that have come until now, since start */
uint64_t sh_pcap_front(const struct sh_port *p, const struct sh_pcap *s, unsigned i, uint64_t now);
/* all that the queue reads, opened; quiet: nobody is told what cannot be read. 0 or -errno */
int sh_pcap_rx_make(const struct sh_here *h, struct sh_queue *q, bool quiet, struct sh_pcap_rx **ret);
void sh_pcap_rx_free(struct sh_pcap_rx *x);

#endif
