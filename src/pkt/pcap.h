/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcap.h - what the files of net_pcap share: drv_pcap.c (a device and its devargs), pcap_rx.c, pcap_behind.c,
 * pcap_tx.c
 *
 * Reading. A stream is a capture file or a live interface. Without RSS queue i receives stream i. With RSS every queue reads
 * every stream by itself and keeps the packets that hash to it: nothing passes from process to process, so a queue whose owner
 * is stopped or dead holds up no other, and each packet is one queue's only, in the order of the file. What has to outlive an
 * owner is how far its queue has got: a number for each queue and stream. Who takes the queue over begins there; what is missing
 * then is what the former owner had in its hands. Of a file that is read again and again each queue notes in the first round where
 * packets are and whose (pcap_memo.h).
 *
 * Writing. Any number of queues of any processes write to one file, whole bursts. One word says where the file ends and whose
 * burst is being written there:
 *
 *   word = end of file << 16 | queue + 1, or 0: nobody's
 *
 *   1  the burst's bytes go into the queue's stage, in shared memory; then its length
 *   2  word: CAS (end, nobody) -> (end, me)
 *   3  pwrite() at end
 *   4  word: CAS (end, me) -> (end + length, nobody). From here on the burst is in the file
 *
 * Whoever finds another's burst there for too long - dead, stopped, or only slow - copies the stage, looks whether the word is
 * still the same, and does 3 and 4 for it: the same bytes at the same place, however often and however late. So no death and no
 * stop holds up anybody, and bytes behind end are nobody's: stop() cuts them off.
 */
#ifndef SH_PKT_PCAP_H
#define SH_PKT_PCAP_H

#include <limits.h>

#include "pkt/cap.h"
#include "pkt/port.h"

#define SH_PCAP_STREAMS 16 /* each way */
#define SH_PCAP_QUEUES 64  /* each way */

enum sh_pcap_kind { SH_PCAP_FILE, SH_PCAP_LIVE, SH_PCAP_LIVE_IN };
enum sh_pcap_rate { SH_PCAP_FAST, SH_PCAP_PER_S, SH_PCAP_REAL };

/*
 * Shared (p->shared).
 *
 *   field          written by                                    ordering
 *   cwd .. rx      probe                                         constant
 *   t0, t1         start, stop, configure                        t0 before run
 *   tx[].dev, ino  start                                         before run
 *   tx[].word      who writes, or writes for another: see above  CAS; R:PCAPWORD <-> A:PCAPWORD
 *   behind         stats_reset, start: by who has the seat       -
 *   pos            the queue's owner, at the end of a burst;     one store; any process reads any recent value
 *   full           start: zeros                                  as pos, which is stored behind it
 */
struct sh_pcap {
	char cwd[PATH_MAX]; /* of the maker: what relative names are relative to */
	uint32_t n_rx, n_tx;
	uint32_t rate_kind, infinite;
	uint64_t rate; /* packets a second */
	struct {
		uint64_t dev, ino;
	} rx[SH_PCAP_STREAMS];
	_Atomic uint64_t t0; /* sh_now_ns() when the port was started; 0: not since it was configured */
	_Atomic uint64_t t1; /* when it was stopped; 0: it runs */
	struct {
		uint64_t dev, ino;
		_Atomic uint64_t word;
		uint64_t pad[5];
	} tx[SH_PCAP_STREAMS];
	uint64_t behind
		[SH_PCAP_QUEUES]; /* sh_pcap_rx_behind() when counters were reset: missed since then is what is more */
	_Atomic uint64_t full[SH_PCAP_QUEUES][SH_PCAP_STREAMS]; /* to_drop << 16 | budget of pcap_rx.c */
	_Atomic uint64_t pos[SH_PCAP_QUEUES][SH_PCAP_STREAMS]; /* packets of the stream that this queue has behind it */
};

/* a tx queue's burst on its way into a file; from the group's heap, in the queue's drv[0] */
#define SH_PCAP_STAGE (256u << 10)
struct sh_pcap_stage {
	_Atomic uint32_t len;
	uint8_t data[SH_PCAP_STAGE];
};

/* of this process (h->local): names out of the devargs */
struct sh_pcap_names {
	unsigned n_rx, n_tx;
	struct sh_pcap_name {
		enum sh_pcap_kind kind;
		char *name; /* absolute path, or interface */
	} rx[SH_PCAP_STREAMS], tx[SH_PCAP_STREAMS];
	bool infinite, phy_mac, rss;
	enum sh_pcap_rate rate_kind;
	uint64_t rate;
};

static inline const struct sh_pcap_names *sh_pcap_names(const struct sh_here *h)
{
	return h->local;
}

/* is RSS what tells this port's queues apart? */
static inline bool sh_pcap_rss_on(const struct sh_port *p)
{
	return p->rss.hf != 0 && p->nb_rxq > 1;
}

/* pcap_rx.c */
int sh_pcap_live_try(const struct sh_here *h); /* may this process open the interfaces? 0, or -errno and a line */
int sh_pcap_rx_open(struct sh_here *h, struct sh_queue *q, struct sh_io *io);
void sh_pcap_rx_shut(struct sh_io *io);

/* pcap_behind.c */

/* packets that a queue with drop_en will have dropped when its owner goes on, or is replaced */
uint64_t sh_pcap_rx_behind(const struct sh_here *h, const struct sh_queue *q);

/* pcap_tx.c */
int sh_pcap_tx_setup(struct sh_here *h, struct sh_queue *q);
void sh_pcap_tx_release(struct sh_queue *q);
int sh_pcap_tx_open(struct sh_here *h, struct sh_queue *q, struct sh_io *io);
void sh_pcap_tx_shut(struct sh_io *io);
int sh_pcap_tx_start(struct sh_here *h); /* makes the files, empty */
void sh_pcap_tx_stop(struct sh_here *h); /* what was begun is written, what is behind the end cut off */

#endif
