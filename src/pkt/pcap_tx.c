/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap_tx.c - net_pcap: packets into files that many write, and out of live interfaces (pcap.h) */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rte_malloc.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "pkt/pcap.h"

#define NOBODY(word) (((word)&0xffff) == 0)
#define WHO(word) (((word)&0xffff) - 1)
#define END(word) ((word) >> 16)
#define WORD(end, who) ((uint64_t)(end) << 16 | (who))
#define PATIENCE_NS 50000				/* then a burst is written for another */
#define FOR_WRITING (O_WRONLY | O_CLOEXEC | O_NONBLOCK) /* no open waits for the reader of a FIFO */

struct tx {
	struct sh_queue *q;
	const struct sh_port *p;
	struct sh_pcap_stage *stage;
	_Atomic uint64_t *word;
	int fd;		     /* of the file; -1 */
	struct sh_cap *live; /* NULL: a file, or nothing */
	uint64_t day;	     /* day_offset() */
	uint8_t *copy;	     /* of another's stage; made when it is first needed */
	uint8_t *flat;	     /* a packet in one piece */
};

static int write_at(int fd, const uint8_t *data, size_t n, uint64_t at)
{
	while (n > 0) {
		ssize_t r = pwrite(fd, data, n, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -EIO;
		data += r;
		at += (uint64_t)r;
		n -= (size_t)r;
	}
	return 0;
}

/* write the burst that word says is being written; buf has room for a stage. 0, also if somebody else did it; -errno */
static int help(const struct sh_port *p, _Atomic uint64_t *at, uint64_t word, int fd, uint8_t *buf)
{
	const struct sh_pcap_stage *s;
	const struct sh_queue *q;
	uint32_t len;
	int r;

	q = sh_queue_of(p, true, (unsigned)WHO(word));
	if (q == NULL)
		return 0; /* not a word that was ever written */
	s = (const struct sh_pcap_stage *)(uintptr_t)q->drv[0];
	if (s == NULL)
		return 0;
	len = sh_load_acq(&s->len); /* A:PCAPSTAGE */
	if (len > SH_PCAP_STAGE)
		return 0;
	memcpy(buf, s->data, len);
	sh_fence();
	if (sh_load_acq(at) != word) /* A:PCAPWORD: it was done meanwhile, and the copy may be of anything */
		return 0;
	r = write_at(fd, buf, len, END(word));
	if (r == 0)
		(void)sh_cas(at, &word, WORD(END(word) + len, 0)); /* R:PCAPWORD */
	return r;
}

/* until nobody's burst is on its way: the word then */
static uint64_t nobodys(struct tx *t)
{
	uint64_t word = sh_load_acq(t->word), since = 0; /* A:PCAPWORD */

	while (!NOBODY(word)) {
		uint64_t now = sh_now_ns(), seen = word;

		if (since == 0)
			since = now;
		sh_pause();
		if (now - since > PATIENCE_NS) {
			if (t->copy == NULL)
				t->copy = malloc(SH_PCAP_STAGE);
			if (t->copy == NULL || help(t->p, t->word, word, t->fd, t->copy) < 0)
				return word;
			since = 0;
		}
		word = sh_load_acq(t->word); /* A:PCAPWORD */
		if (word != seen)
			since = 0;
	}
	return word;
}

/* the stage into the file. 0 or -errno */
static int commit(struct tx *t)
{
	uint32_t len = sh_load_rlx(&t->stage->len); /* relaxed: this thread wrote it */
	uint64_t word, mine;
	int r;

	if (len == 0)
		return 0;
	do {
		word = nobodys(t);
		if (!NOBODY(word))
			return -EIO; /* another's burst cannot be written either */
		mine = WORD(END(word), t->q->id + 1u);
	} while (!sh_cas(t->word, &word, mine)); /* R:PCAPWORD */
	SH_STEP("pcap_turn");
	r = write_at(t->fd, t->stage->data, len, END(mine));
	SH_STEP("pcap_written");
	word = mine;
	if (r < 0 && sh_cas(t->word, &word, WORD(END(mine), 0))) /* R:PCAPWORD */
		return r;
	if (r == 0)
		(void)sh_cas(t->word, &word, WORD(END(mine) + len, 0)); /* R:PCAPWORD: or somebody has done it for us */
	SH_STEP("pcap_committed");
	return 0;
}

/* one packet into the stage; false: no room left */
static bool stage(struct tx *t, const struct rte_mbuf *m, uint64_t ts)
{
	uint32_t at = sh_load_rlx(&t->stage->len), n = 0; /* relaxed: this thread wrote it */
	uint8_t *to = t->stage->data + at;

	if (m->pkt_len > SH_CAP_PACKET || SH_PCAP_STAGE - at < SH_CAP_REC_HDR + m->pkt_len)
		return false;
	for (const struct rte_mbuf *s = m; s != NULL && n + s->data_len <= m->pkt_len; s = s->next) {
		memcpy(to + SH_CAP_REC_HDR + n, rte_pktmbuf_mtod(s, const void *), s->data_len);
		n += s->data_len;
	}
	sh_cap_rec_hdr(to, ts, n, n);
	sh_store_rel(&t->stage->len, at + SH_CAP_REC_HDR + n); /* R:PCAPSTAGE */
	return true;
}

/* what makes the time of day of sh_now_ns(). Read once: the times in a file grow also when somebody sets the clock */
static uint64_t day_offset(void)
{
	struct timespec day;

	clock_gettime(CLOCK_REALTIME, &day);
	return (uint64_t)day.tv_sec * UINT64_C(1000000000) + (uint64_t)day.tv_nsec - sh_now_ns();
}

/* packets from..to are in the stage: into the file, and counted */
static void flush(struct tx *t, struct rte_mbuf **pkts, uint16_t from, uint16_t to)
{
	uint64_t bytes = 0;
	int r = commit(t);

	for (uint16_t i = from; i < to; i++)
		bytes += pkts[i]->pkt_len;
	if (r < 0) {
		sh_count(&t->q->errors, (uint64_t)(to - from));
		sh_log_rate(SH_ERR, "port %u (%s), tx queue %u: %u packets could not be written: %s", t->p->id,
			    t->p->name, t->q->id, (unsigned)(to - from), strerror(-r));
	} else {
		sh_queue_count(t->q, (uint64_t)(to - from), bytes);
	}
	sh_store_rel(&t->stage->len, 0); /* R:PCAPSTAGE */
}

static uint16_t tx_file(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct tx *t = data;
	uint16_t staged = 0;
	uint64_t ts;

	if (!sh_queue_enter(t->q))
		return sh_queue_lost(t->q, pkts, n);
	SH_STEP("queue_inside");
	ts = t->day + sh_now_ns();
	for (uint16_t i = 0; i < n; i++) {
		if (stage(t, pkts[i], ts))
			continue;
		flush(t, pkts, staged, i);
		staged = i;
		if (!stage(t, pkts[i], ts)) { /* longer than packets are */
			sh_queue_lose(t->q, 1);
			staged++;
		}
	}
	flush(t, pkts, staged, n);
	rte_pktmbuf_free_bulk(pkts, n);
	sh_queue_leave(t->q);
	return n;
}

static uint16_t tx_live(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct tx *t = data;
	uint64_t bytes = 0, sent = 0;

	if (!sh_queue_enter(t->q))
		return sh_queue_lost(t->q, pkts, n);
	SH_STEP("queue_inside");
	for (uint16_t i = 0; i < n; i++) {
		const void *whole = pkts[i]->pkt_len <= SH_CAP_PACKET
					    ? rte_pktmbuf_read(pkts[i], 0, pkts[i]->pkt_len, t->flat)
					    : NULL;

		if (whole == NULL || sh_cap_send(t->live, whole, pkts[i]->pkt_len) < 0) {
			sh_queue_lose(t->q, 1);
			continue;
		}
		sent++;
		bytes += pkts[i]->pkt_len;
	}
	rte_pktmbuf_free_bulk(pkts, n);
	sh_queue_count(t->q, sent, bytes);
	sh_queue_leave(t->q);
	return n;
}

/* a port that has nowhere to send to takes everything */
static uint16_t tx_nowhere(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct tx *t = data;
	uint64_t bytes = 0;

	if (!sh_queue_enter(t->q))
		return sh_queue_lost(t->q, pkts, n);
	SH_STEP("queue_inside");
	for (uint16_t i = 0; i < n; i++)
		bytes += pkts[i]->pkt_len;
	rte_pktmbuf_free_bulk(pkts, n);
	sh_queue_count(t->q, n, bytes);
	sh_queue_leave(t->q);
	return n;
}

/* ---- files ---- */

static bool same_file(int fd, uint64_t dev, uint64_t ino)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (uint64_t)st.st_dev == dev && (uint64_t)st.st_ino == ino;
}

int sh_pcap_tx_start(struct sh_here *h)
{
	const struct sh_pcap_names *names = sh_pcap_names(h);
	struct sh_pcap *s = h->p->shared;
	uint8_t hdr[SH_CAP_FILE_HDR];
	struct stat st = {0};

	sh_cap_file_hdr(hdr);
	for (unsigned i = 0; i < names->n_tx; i++) {
		int fd, r = 0;

		if (names->tx[i].kind != SH_PCAP_FILE)
			continue;
		fd = sh_fd_up(open(names->tx[i].name, FOR_WRITING | O_CREAT | O_TRUNC, 0666));
		if (fd < 0 || fstat(fd, &st) < 0)
			r = -errno;
		else
			r = write_at(fd, hdr, sizeof(hdr), 0);
		if (r == -ENXIO || r == -ESPIPE) /* a FIFO without a reader; with one */
			sh_err("port %u (%s): %s is a FIFO or a socket, which several queues cannot write to: name a "
			       "file",
			       h->p->id, h->p->name, names->tx[i].name);
		else if (r < 0)
			sh_err("port %u (%s): %s cannot be written: %s", h->p->id, h->p->name, names->tx[i].name,
			       strerror(-r));
		sh_close(&fd);
		if (r < 0)
			return r;
		s->tx[i].dev = (uint64_t)st.st_dev;
		s->tx[i].ino = (uint64_t)st.st_ino;
		sh_store_rel(&s->tx[i].word, WORD(sizeof(hdr), 0)); /* R:PCAPWORD */
	}
	return 0;
}

void sh_pcap_tx_stop(struct sh_here *h)
{
	const struct sh_pcap_names *names = sh_pcap_names(h);
	struct sh_pcap *s = h->p->shared;
	uint8_t *buf = malloc(SH_PCAP_STAGE);

	for (unsigned i = 0; buf != NULL && i < names->n_tx; i++) {
		uint64_t word = sh_load_acq(&s->tx[i].word); /* A:PCAPWORD */
		int fd = -1;

		if (names->tx[i].kind != SH_PCAP_FILE || word == 0)
			continue;
		fd = sh_fd_up(open(names->tx[i].name, FOR_WRITING));
		if (fd >= 0 && same_file(fd, s->tx[i].dev, s->tx[i].ino)) {
			if (!NOBODY(word))
				(void)help(h->p, &s->tx[i].word, word, fd, buf);
			word = sh_load_acq(&s->tx[i].word); /* A:PCAPWORD */
			if (ftruncate(fd, (off_t)END(word)) < 0)
				sh_warn("port %u (%s): what a process wrote when it died is still behind the end of "
					"%s: %s",
					h->p->id, h->p->name, names->tx[i].name, strerror(errno));
		}
		sh_close(&fd);
	}
	free(buf);
}

/* ---- queues ---- */

static struct sh_pcap_stage *stage_of(const struct sh_queue *q)
{
	return (struct sh_pcap_stage *)(uintptr_t)q->drv[0];
}

int sh_pcap_tx_setup(struct sh_here *h, struct sh_queue *q)
{
	const struct sh_pcap_names *names = sh_pcap_names(h);
	struct sh_pcap_stage *s;

	if (names->n_tx == 0 || names->tx[q->id % names->n_tx].kind != SH_PCAP_FILE)
		return 0;
	s = rte_malloc("pcap_stage", sizeof(*s), SH_LINE);
	if (s == NULL) {
		sh_err("port %u (%s): no memory for what tx queue %u writes: raise --memory-max", h->p->id, h->p->name,
		       q->id);
		return -ENOMEM;
	}
	sh_store_rlx(&s->len, 0); /* relaxed: nobody knows it yet */
	q->drv[0] = (uint64_t)(uintptr_t)s;
	return 0;
}

void sh_pcap_tx_release(struct sh_queue *q)
{
	rte_free(stage_of(q));
	q->drv[0] = 0;
}

static int open_file(struct sh_here *h, struct tx *t, unsigned i)
{
	const struct sh_pcap_name *name = &sh_pcap_names(h)->tx[i];
	struct sh_pcap *s = h->p->shared;
	uint64_t word;

	t->word = &s->tx[i].word;
	t->stage = stage_of(t->q);
	t->fd = sh_fd_up(open(name->name, FOR_WRITING));
	if (t->fd < 0) {
		int r = -errno;

		sh_err("port %u (%s): %s cannot be written here: %s", h->p->id, h->p->name, name->name, strerror(-r));
		return r;
	}
	if (t->stage == NULL || !same_file(t->fd, s->tx[i].dev, s->tx[i].ino)) {
		sh_err("port %u (%s): %s is not the file that the port was started with: it was replaced, or this "
		       "process sees "
		       "other directories",
		       h->p->id, h->p->name, name->name);
		return -ESTALE;
	}
	/* a former owner may have died in the middle: its burst is written before the stage gets another */
	word = sh_load_acq(t->word); /* A:PCAPWORD */
	while (!NOBODY(word) && WHO(word) == t->q->id) {
		if (t->copy == NULL && (t->copy = malloc(SH_PCAP_STAGE)) == NULL)
			return -ENOMEM;
		if (help(t->p, t->word, word, t->fd, t->copy) < 0)
			return -EIO;
		word = sh_load_acq(t->word); /* A:PCAPWORD */
	}
	sh_store_rel(&t->stage->len, 0); /* R:PCAPSTAGE */
	return 0;
}

static int open_live(struct sh_here *h, struct tx *t, unsigned i)
{
	char why[SH_CAP_WHY];
	int r = sh_cap_open_live(&t->live, sh_pcap_names(h)->tx[i].name, true, why);

	if (r < 0) {
		sh_err("port %u (%s): interface %s: %s", h->p->id, h->p->name, sh_pcap_names(h)->tx[i].name, why);
		return r;
	}
	t->flat = malloc(SH_CAP_PACKET);
	return t->flat != NULL ? 0 : -ENOMEM;
}

int sh_pcap_tx_open(struct sh_here *h, struct sh_queue *q, struct sh_io *io)
{
	const struct sh_pcap_names *names = sh_pcap_names(h);
	struct tx *t = calloc(1, sizeof(*t));
	int r = 0;

	if (t == NULL)
		return -ENOMEM;
	*t = (struct tx){.q = q, .p = h->p, .fd = -1, .day = day_offset()};
	io->data = t;
	io->burst = tx_nowhere;
	if (names->n_tx > 0) {
		unsigned i = q->id % names->n_tx;
		bool file = names->tx[i].kind == SH_PCAP_FILE;

		io->burst = file ? tx_file : tx_live;
		r = file ? open_file(h, t, i) : open_live(h, t, i);
	}
	if (r < 0)
		sh_pcap_tx_shut(io);
	return r;
}

void sh_pcap_tx_shut(struct sh_io *io)
{
	struct tx *t = io->data;

	sh_cap_close(t->live);
	sh_close(&t->fd);
	free(t->copy);
	free(t->flat);
	free(t);
	io->data = NULL;
}
