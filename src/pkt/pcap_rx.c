/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap_rx.c - net_pcap: packets out of files and live interfaces, each queue its own (pcap.h) */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "pkt/kif.h"
#include "pkt/pcap_rx.h"

#define LOOKED_AT 1024	/* packets of others that one burst steps over at most */
#define MANY 4u		/* headers looked at before their packets are copied: so memory is read in order */
#define DROPS_EVERY 256 /* bursts between two questions to the kernel */

static void broken(struct sh_pcap_rx *x, struct sh_pcap_stream *st)
{
	const struct sh_port *p = x->p;

	st->ended = true;
	if (!x->teller)
		return;
	sh_count(&x->q->errors, 1);
	sh_err("port %u (%s): rx stream %u, behind packet %llu: %s; nothing more is received from it", p->id, p->name,
	       st->i, (unsigned long long)st->pos, sh_cap_why(st->cap));
}

/* The file's end, and it begins again: rounds that the former owner had behind it are not read again. */
static void jump(struct sh_pcap_stream *st)
{
	uint64_t rounds = 0;

	if (st->round == 0)
		st->round = st->pos;
	if (st->skip > st->pos)
		rounds = (st->skip - st->pos) / st->round;
	st->pos += rounds * st->round;
	st->base_ts += (rounds + 1) * (st->last_ts - st->first_ts);
}

bool sh_pcap_look(struct sh_pcap_rx *x, struct sh_pcap_stream *st)
{
	int r;

	if (st->held)
		return true;
	if (st->ended)
		return false;
	r = sh_cap_next(st->cap, &st->pkt);
	if (r == 0 && st->again && st->pos > 0) {
		jump(st);
		r = sh_cap_rewind(st->cap) == 0 ? sh_cap_next(st->cap, &st->pkt) : -EIO;
		st->memo.k = 0;
		if (!st->cap->keeps) /* its bytes are other ones now */
			sh_memo_forget(&st->memo);
		if (r == 0) /* all of it vanished */
			st->ended = true;
	}
	if (r < 0)
		broken(x, st);
	else if (r == 0 && !st->live)
		st->ended = true;
	if (r <= 0)
		return false;
	if (st->first_ts == 0)
		st->first_ts = st->pkt.ts_ns;
	st->last_ts = st->pkt.ts_ns;
	st->held = true;
	return true;
}

void sh_pcap_step(struct sh_pcap_stream *st)
{
	st->held = false;
	st->pos++;
	st->memo.k++;
}

/* may it be received yet? */
static bool due(const struct sh_pcap_rx *x, const struct sh_pcap_stream *st)
{
	uint64_t since;

	if (st->live || x->s->rate_kind == SH_PCAP_FAST)
		return true;
	if (x->s->rate_kind == SH_PCAP_PER_S)
		return st->pos < (uint64_t)((unsigned __int128)x->now * x->s->rate / 1000000000u) + 1;
	since = st->pkt.ts_ns > st->first_ts ? st->pkt.ts_ns - st->first_ts : 0;
	return st->base_ts + since <= x->now;
}

/* copy into as many mbufs as it takes; NULL: the pool has not got them */
static struct rte_mbuf *copy(struct sh_pcap_rx *x, const struct sh_cap_packet *pkt)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(x->q->mp), *m = head;
	uint32_t done = 0, n;

	if (head == NULL)
		return NULL;
	for (;;) {
		uint16_t room = rte_pktmbuf_tailroom(m);

		n = pkt->caplen - done < room ? pkt->caplen - done : room;
		memcpy(rte_pktmbuf_mtod(m, void *), pkt->data + done, n);
		m->data_len = (uint16_t)n;
		done += n;
		if (done == pkt->caplen)
			break;
		if (head->nb_segs == RTE_MBUF_MAX_NB_SEGS || room == 0 ||
		    (m->next = rte_pktmbuf_alloc(x->q->mp)) == NULL) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		m = m->next;
		head->nb_segs++;
	}
	head->pkt_len = pkt->caplen;
	head->port = x->p->id;
	return head;
}

bool sh_pcap_mine(struct sh_pcap_rx *x, struct sh_pcap_stream *st, struct rte_mbuf *with)
{
	const struct sh_cap_packet *pkt = &st->pkt;
	unsigned queue;

	if (!x->rss_on)
		return true;
	with->buf_addr = (void *)(uintptr_t)pkt->data;
	with->data_off = 0;
	with->data_len = (uint16_t)(pkt->caplen < UINT16_MAX ? pkt->caplen : UINT16_MAX);
	with->next = NULL;
	with->ol_flags = 0;
	with->hash.rss = 0;
	queue = sh_rss_queue(&x->rss, with);
	if (st->again)
		sh_memo_put(&st->memo, st->cap, pkt->data, (with->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0,
			    with->hash.rss);
	return queue == x->q->id;
}

uint64_t sh_pcap_front(const struct sh_port *p, const struct sh_pcap *s, unsigned i, uint64_t now)
{
	uint64_t f = s->rate_kind == SH_PCAP_PER_S ? (uint64_t)((unsigned __int128)now * s->rate / 1000000000u) : 0;

	for (unsigned k = 0; k < p->nb_rxq && k < SH_PCAP_QUEUES; k++) {
		uint64_t v = sh_load_rlx(&s->pos[k][i]); /* relaxed: any recent value will do */

		f = v > f ? v : f;
	}
	return f;
}

/* A queue with drop_en has room for its descriptors. What the others passed by while it was full it has missed. */
static void overrun(struct sh_pcap_rx *x, struct sh_pcap_stream *st)
{
	/* a new owner has still to come to where the former one was: its place in the queue is there */
	uint64_t at = st->pos > st->skip ? st->pos : st->skip, f;

	if (st->live || at < st->to_drop)
		return;
	f = sh_pcap_front(x->p, x->s, st->i, x->now);
	if (f > at + x->q->desc) {
		st->to_drop = f;
		st->budget = x->q->desc;
	}
}

/* in the middle of a burst: what it was too full for is behind it */
static inline void overrun_again(struct sh_pcap_rx *x, struct sh_pcap_stream *st)
{
	if (unlikely(st->pos == st->to_drop) && x->q->drop_en)
		overrun(x, st);
}

/* one packet of this queue out of one stream; NULL: none now. *looked counts those stepped over. */
static struct rte_mbuf *from(struct sh_pcap_rx *x, struct sh_pcap_stream *st, unsigned *looked)
{
	struct rte_mbuf with, *m;

	for (; *looked < LOOKED_AT && sh_pcap_look(x, st) && due(x, st); sh_pcap_step(st)) {
		overrun_again(x, st);
		if (st->pos < st->skip || !sh_pcap_mine(x, st, &with)) {
			++*looked;
			continue;
		}
		if (sh_pcap_runt(st)) {
			sh_queue_bad(x->q);
			++*looked; /* of a file of nothing else, again and again, there is no end */
			continue;
		}
		if (st->pos < st->to_drop && st->budget == 0) {
			x->missed++;
			++*looked;
			continue;
		}
		m = copy(x, &st->pkt);
		if (m == NULL) { /* it stays where it is: asked for again next time */
			sh_queue_nombuf(x->q, 1);
			return NULL;
		}
		if (x->rss_on && (with.ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0) {
			m->hash.rss = with.hash.rss;
			m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
		}
		if (st->budget > 0)
			st->budget--;
		sh_pcap_step(st);
		return m;
	}
	return NULL;
}

/* for who takes the queue over, and for sh_pcap_rx_behind() */
static void note_full(struct sh_pcap_rx *x)
{
	for (unsigned i = 0; i < x->n; i++)
		sh_store_rlx(&x->full[x->st[i].i], x->st[i].to_drop << 16 | x->st[i].budget); /* relaxed: as pos */
}

static void kernel_drops(struct sh_pcap_rx *x)
{
	for (unsigned i = 0; i < x->n; i++) {
		struct sh_pcap_stream *st = &x->st[i];
		uint64_t n = st->live ? sh_cap_drops(st->cap) : 0;

		if (n > st->drops) {
			(void)sh_add_rlx(&x->q->missed, n - st->drops);
			sh_queue_once(x->q, SH_SAID_MISSED);
		}
		st->drops = n;
	}
}

/* what lies in memory and fits into an mbuf */
static inline uint32_t filled(const struct sh_pcap_rx *x, struct rte_mbuf *m, const struct sh_cap_bytes *of)
{
	memcpy(rte_pktmbuf_mtod(m, void *), of->data, of->len);
	m->data_len = (uint16_t)of->len;
	m->pkt_len = of->len;
	m->port = x->p->id;
	return of->len;
}

static inline uint16_t one(const struct sh_pcap_rx *x, struct sh_cap *cap, struct rte_mbuf **pkts, uint64_t *bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(x->q->mp);
	struct sh_cap_bytes of;

	if (unlikely(m == NULL))
		return 0;
	if (unlikely(sh_cap_ready(cap, &of, 1, x->least, x->room) == 0)) {
		rte_pktmbuf_free(m);
		return 0;
	}
	*bytes = filled(x, m, &of);
	*pkts = m;
	return 1;
}

static inline uint16_t several(const struct sh_pcap_rx *x, struct sh_cap *cap, struct rte_mbuf **pkts, uint16_t n,
			       uint64_t *bytes)
{
	struct sh_cap_bytes of[MANY];
	unsigned got = 0, k;

	if (rte_pktmbuf_alloc_bulk(x->q->mp, pkts, n) != 0)
		return 0;
	do {
		k = sh_cap_ready(cap, of, RTE_MIN(n - got, MANY), x->least, x->room);
		for (unsigned i = 0; i < k; i++)
			*bytes += filled(x, pkts[got++], &of[i]);
	} while (k == MANY && got < n);
	if (got < n)
		rte_pktmbuf_free_bulk(pkts + got, n - got);
	return (uint16_t)got;
}

/* Packets that were noted in an earlier round, as from() would give them one by one. What is left is the ordinary way's. */
static uint16_t known(struct sh_pcap_rx *x, struct rte_mbuf **pkts, uint16_t n, unsigned *looked, uint64_t *bytes)
{
	struct sh_pcap_stream *st = &x->st[0];
	struct sh_memo *memo = &st->memo;
	uint16_t got = 0;

	if (memo->n != st->round || memo->k >= memo->n || st->held || st->ended || st->pos < st->skip ||
	    rte_pktmbuf_alloc_bulk(x->q->mp, pkts, n) != 0)
		return 0;
	for (; got < n && memo->k < memo->n && *looked < LOOKED_AT; memo->k++, st->pos++) {
		const struct sh_memo_of *of = &memo->of[memo->k];
		const uint8_t *hdr = st->cap->buf + (of->at & ~SH_MEMO_HASH);
		struct sh_cap_bytes b;

		overrun_again(x, st);
		if (sh_memo_queue(of, &x->rss) != x->q->id) {
			++*looked;
			continue;
		}
		b = (struct sh_cap_bytes){hdr + SH_CAP_REC_HDR, sh_cap_word(st->cap, hdr + 8)};
		if (b.len < x->least || b.len > x->room) /* it needs more than a copy */
			break;
		if (st->pos < st->to_drop && st->budget == 0) {
			x->missed++;
			++*looked;
			continue;
		}
		pkts[got]->hash.rss = of->hash;
		pkts[got]->ol_flags |= (of->at & SH_MEMO_HASH) != 0 ? RTE_MBUF_F_RX_RSS_HASH : 0;
		*bytes += filled(x, pkts[got++], &b);
		if (st->budget > 0)
			st->budget--;
	}
	sh_memo_seek(memo, st->cap);
	if (got < n)
		rte_pktmbuf_free_bulk(pkts + got, n - got);
	return got;
}

static inline uint16_t counted(struct sh_pcap_rx *x, uint16_t got, uint64_t bytes)
{
	SH_STEP("pcap_received");
	sh_queue_count(x->q, got, bytes);
	sh_queue_leave(x->q);
	return got;
}

/* one by one, as many as are missing of n. The burst has begun. */
static __attribute__((noinline)) uint16_t the_rest(struct sh_pcap_rx *x, struct rte_mbuf **pkts, uint16_t n,
						   uint16_t got, uint64_t bytes, unsigned looked)
{
	unsigned idle = 0;

	while (got < n && idle < x->n && looked < LOOKED_AT) {
		struct rte_mbuf *m = from(x, &x->st[x->next], &looked);

		if (m == NULL) {
			idle++;
			x->next = (x->next + 1) % x->n;
			continue;
		}
		idle = 0;
		bytes += m->pkt_len;
		pkts[got++] = m;
	}
	SH_STEP("pcap_read");
	if (x->q->drop_en)
		note_full(x);
	for (unsigned i = 0; i < x->n; i++)
		if (x->st[i].pos > x->st[i].skip)
			sh_store_rlx(&x->pos[x->st[i].i], x->st[i].pos); /* relaxed: one word that says all */
	SH_STEP("pcap_passed");
	if (x->missed != 0) { /* behind the position: sh_pcap_rx_behind() must not count them a second time */
		(void)sh_add(&x->q->missed, x->missed); /* R:QMISSED */
		sh_queue_once(x->q, SH_SAID_MISSED);
		x->missed = 0;
	}
	if (++x->bursts % DROPS_EVERY == 0)
		kernel_drops(x);
	return counted(x, got, bytes);
}

/* new settings of RSS: other hashes */
static void refresh(struct sh_pcap_rx *x)
{
	const uint32_t gen = x->rss.gen;

	(void)sh_rss_refresh(&x->rss, &x->p->rss);
	for (unsigned i = 0; x->rss.gen != gen && i < x->n; i++)
		sh_memo_forget(&x->st[i].memo);
}

static uint16_t rx(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct sh_pcap_rx *x = data;
	const bool live = x->live;
	unsigned looked = 0;
	uint64_t bytes = 0;
	uint16_t got = 0;

	if (!sh_queue_enter(x->q))
		return sh_queue_lost(x->q, pkts, n);
	SH_STEP("queue_inside");
	if (x->rss_on)
		refresh(x);
	if (x->s->rate_kind != SH_PCAP_FAST)
		x->now = sh_now_ns() - sh_load_rlx(&x->s->t0); /* relaxed: start was before */
	for (unsigned i = 0; x->q->drop_en && i < x->n; i++)
		overrun(x, &x->st[i]);
	if (x->n == 1 && x->s->rate_kind == SH_PCAP_FAST)
		got = known(x, pkts, n, &looked, &bytes);
	got = the_rest(x, pkts, n, got, bytes, looked);
	if (live)
		sh_kif_polled(got > 0);
	return got;
}

/*
 * x->plain, the usual case: packets that lie in memory and fit into an mbuf each; what is left is the ordinary way's. Nobody passes
 * this queue by, so it is never too full.
 */
static uint16_t rx_plain(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct sh_pcap_rx *x = data;
	struct sh_pcap_stream *st = &x->st[0];
	uint64_t bytes = 0;
	uint16_t got = 0;

	if (!sh_queue_enter(x->q))
		return sh_queue_lost(x->q, pkts, n);
	SH_STEP("queue_inside");
	if (likely(!st->held && !st->ended && st->pos >= st->skip)) {
		got = n == 1 ? one(x, st->cap, pkts, &bytes) : several(x, st->cap, pkts, n, &bytes);
		st->pos += got;
	}
	if (unlikely(got < n))
		return the_rest(x, pkts, n, got, bytes, 0);
	SH_STEP("pcap_read");
	if (likely(st->pos > st->skip))
		sh_store_rlx(&x->pos[st->i], st->pos); /* relaxed: one word that says all */
	return counted(x, got, bytes);
}

/* ---- opened and shut ---- */

static int open_stream(const struct sh_here *h, struct sh_pcap_stream *st, bool quiet)
{
	const struct sh_pcap_name *name = &sh_pcap_names(h)->rx[st->i];
	const struct sh_pcap *s = h->p->shared;
	char why[SH_CAP_WHY] = "";
	struct stat is;
	int r;

	st->live = name->kind != SH_PCAP_FILE;
	if (st->live)
		r = sh_cap_open_live(&st->cap, name->name, name->kind == SH_PCAP_LIVE_IN, why);
	else
		r = sh_cap_open(&st->cap, name->name, why);
	if (r == 0 && !st->live &&
	    (stat(name->name, &is) < 0 || (uint64_t)is.st_dev != s->rx[st->i].dev ||
	     (uint64_t)is.st_ino != s->rx[st->i].ino)) {
		snprintf(why, sizeof(why),
			 "it is not the file that the port was made with, or this process sees other directories");
		r = -ESTALE;
	}
	if (r == 0 && !st->live && s->infinite)
		sh_cap_keep(st->cap);
	st->again = !quiet && !st->live && s->infinite;
	if (r < 0 && !quiet)
		sh_err("port %u (%s): %s cannot be read here: %s", h->p->id, h->p->name, name->name, why);
	return r;
}

int sh_pcap_live_try(const struct sh_here *h)
{
	const struct sh_pcap_names *names = sh_pcap_names(h);
	char why[SH_CAP_WHY] = "";
	struct sh_cap *cap;

	for (unsigned i = 0; i < names->n_rx + names->n_tx; i++) {
		const struct sh_pcap_name *one = i < names->n_rx ? &names->rx[i] : &names->tx[i - names->n_rx];
		int r = one->kind != SH_PCAP_FILE ? sh_cap_open_live(&cap, one->name, true, why) : 1;

		if (r == 0)
			sh_cap_close(cap);
		if (r == -EPERM)
			(void)sh_kif_refused(h->p->name, one->name, r);
		else if (r < 0)
			sh_err("port %u (%s): interface %s: %s", h->p->id, h->p->name, one->name, why);
		if (r < 0)
			return r;
	}
	return 0;
}

void sh_pcap_rx_free(struct sh_pcap_rx *x)
{
	for (unsigned i = 0; i < x->n; i++) {
		sh_cap_close(x->st[i].cap);
		free(x->st[i].memo.of);
	}
	free(x);
}

int sh_pcap_rx_make(const struct sh_here *h, struct sh_queue *q, bool quiet, struct sh_pcap_rx **ret)
{
	struct sh_pcap *s = h->p->shared;
	struct sh_pcap_rx *x = calloc(1, sizeof(*x));
	int r = 0;

	if (x == NULL)
		return -ENOMEM;
	x->q = q;
	x->p = h->p;
	x->s = s;
	x->pos = s->pos[q->id];
	x->full = s->full[q->id];
	x->rss_on = sh_pcap_rss_on(h->p);
	x->teller = !quiet && (!x->rss_on || q->id == 0);
	for (unsigned i = 0; r == 0 && i < s->n_rx; i++) {
		struct sh_pcap_stream *st = &x->st[x->n];

		if (!x->rss_on && i != q->id)
			continue;
		st->i = i;
		x->n++;
		r = open_stream(h, st, quiet);
		x->live = x->live || st->live;
		if (st->live) /* what comes is what comes from now on: a former owner's place means nothing */
			continue;
		st->skip = sh_load_rlx(&x->pos[i]); /* relaxed, both: their writer is gone */
		st->to_drop = sh_load_rlx(&x->full[i]) >> 16;
		st->budget = sh_load_rlx(&x->full[i]) & UINT16_MAX;
	}
	x->plain = x->n == 1 && !x->rss_on && !x->st[0].live && s->rate_kind == SH_PCAP_FAST;
	x->least = r == 0 && x->n == 1 && sh_cap_link(x->st[0].cap) == 1 ? SH_PCAP_RUNT : 0;
	x->room = q->mp != NULL ? rte_pktmbuf_data_room_size(q->mp) - RTE_PKTMBUF_HEADROOM : 0;
	/* settings are changed under the seat: not for long */
	for (uint64_t until = sh_now_ns() + 100000000; r == 0 && x->rss_on && !sh_rss_refresh(&x->rss, &h->p->rss);)
		if (sh_now_ns() > until)
			r = -EAGAIN;
	if (r < 0)
		sh_pcap_rx_free(x);
	else
		*ret = x;
	return r;
}

int sh_pcap_rx_open(struct sh_here *h, struct sh_queue *q, struct sh_io *io)
{
	struct sh_pcap_rx *x;
	int r = sh_pcap_rx_make(h, q, false, &x);

	if (r < 0)
		return r;
	io->data = x;
	io->burst = x->plain ? rx_plain : rx;
	return 0;
}

void sh_pcap_rx_shut(struct sh_io *io)
{
	sh_pcap_rx_free(io->data);
	io->data = NULL;
}
