/* SPDX-License-Identifier: BSD-3-Clause */
/* mbuf_api.c - the larger calls of rte_mbuf.h: what walks along packets. Nothing shared is written here but the caller's packets. */
#include <errno.h>
#include <string.h>

#include <rte_errno.h>

#include "base/atom.h"
#include "base/export.h"
#include "base/log.h"
#include "pkt/mbuf.h"
#include "pkt/priv.h"

/* ---- is it sound? ---- */

static const char *wrong_in(const struct rte_mbuf *m)
{
	uint16_t refs;

	if (m == NULL)
		return "mbuf is NULL";
	if (m->pool == NULL)
		return "bad mbuf pool";
	if (m->buf_iova == 0)
		return "bad IO addr";
	if (m->buf_addr == NULL)
		return "bad virt addr";
	refs = rte_mbuf_refcnt_read(m);
	if (refs == 0 || refs == UINT16_MAX)
		return "bad ref cnt";
	return NULL;
}

static const char *wrong_in_packet(const struct rte_mbuf *m)
{
	uint32_t segs = 0, len = 0;

	if (m->pkt_len < m->data_len)
		return "bad data_len";
	for (const struct rte_mbuf *s = m; s != NULL; s = s->next) {
		if (++segs > m->nb_segs)
			return "bad nb_segs";
		if (s->data_off > s->buf_len)
			return "data offset too big in mbuf segment";
		if ((uint32_t)s->data_off + s->data_len > s->buf_len)
			return "data length too big in mbuf segment";
		len += s->data_len;
	}
	if (segs != m->nb_segs)
		return "bad nb_segs";
	return len == m->pkt_len ? NULL : "bad pkt_len";
}

SH_EXPORT int rte_mbuf_check(const struct rte_mbuf *m, int is_header, const char **reason)
{
	const char *why = wrong_in(m);

	if (why == NULL && is_header)
		why = wrong_in_packet(m);
	if (why != NULL && reason != NULL)
		*reason = why;
	return why != NULL ? -1 : 0;
}

SH_EXPORT void rte_mbuf_sanity_check(const struct rte_mbuf *m, int is_header)
{
	const char *why;

	if (rte_mbuf_check(m, is_header, &why) != 0)
		rte_panic("%s\n", why);
}

SH_EXPORT void rte_mbuf_raw_sanity_check(const struct rte_mbuf *m, const struct rte_mempool *mp)
{
	rte_mbuf_sanity_check(m, 0);
	if (m->refcnt != 1 || m->next != NULL || m->nb_segs != 1)
		rte_panic("mbuf %p: refcnt %u, next %p, nb_segs %u: not as in its pool\n", (const void *)m, m->refcnt,
			  (void *)m->next, m->nb_segs);
	if (mp != NULL && m->pool != mp)
		rte_panic("mbuf %p is of another pool\n", (const void *)m);
}

/* ---- what is not the usual packet, or finds its cache empty or full ---- */

SH_EXPORT struct rte_mbuf *__rte_mbuf_alloc_slow(struct rte_mempool *mp)
{
	void *obj;

	return __rte_mempool_get_slow(mp, &obj, 1, rte_mempool_default_cache(mp, rte_lcore_id())) == 0 ? obj : NULL;
}

SH_EXPORT void __rte_mbuf_free_slow(struct rte_mbuf *m)
{
	void *obj = m;

	__rte_mempool_put_slow(m->pool, &obj, 1, rte_mempool_default_cache(m->pool, rte_lcore_id()));
}

void sh_mbuf_poolless(const struct rte_mbuf *m)
{
	sh_log_rate(SH_ERR,
		    "mbuf %p has no pool, so nothing was freed; give packets' addresses, not those of their data",
		    (const void *)m);
}

SH_EXPORT void __rte_pktmbuf_free_slow(struct rte_mbuf *m)
{
	struct rte_mbuf *next;

	if (m != NULL)
		__rte_mbuf_sanity_check(m, 1);
	for (; m != NULL; m = next) {
		next = m->next;
		m = rte_pktmbuf_prefree_seg(m);
		if (m != NULL && m->pool != NULL)
			rte_mbuf_raw_free(m);
		else if (m != NULL)
			sh_mbuf_poolless(m);
	}
}

/* ---- giving back many ---- */

#define BATCH 64u

struct batch {
	struct rte_mempool *mp;
	unsigned n;
	void *objs[BATCH];
};

static __attribute__((noinline)) void flush(struct batch *b)
{
	if (b->mp != NULL && b->n != 0)
		rte_mempool_put_bulk(b->mp, b->objs, b->n);
	b->n = 0;
}

static inline void add(struct batch *b, struct rte_mbuf *m)
{
	if (m->pool != b->mp || b->n == BATCH) {
		flush(b);
		b->mp = m->pool;
	}
	b->objs[b->n++] = m;
}

/* packets of any kind, but not NULL */
static void free_packet(struct batch *b, struct rte_mbuf *m)
{
	__rte_mbuf_sanity_check(m, 1);
	for (struct rte_mbuf *next; m != NULL; m = next) {
		struct rte_mbuf *free_now;

		next = m->next;
		free_now = rte_pktmbuf_prefree_seg(m);
		if (free_now != NULL && free_now->pool != NULL)
			add(b, free_now);
		else if (free_now != NULL)
			sh_mbuf_poolless(free_now);
	}
}

/* as many as are nothing but buffers of this pool, right into its cache. Returns the index of the first that is not */
static inline unsigned into_cache(const struct rte_mempool *mp, struct rte_mempool_cache *c, struct rte_mbuf **mbufs,
				  unsigned i, unsigned count)
{
	uint32_t len = c->len, room = c->flushthresh;

	for (; i < count && len < room; i++) {
		struct rte_mbuf *m = mbufs[i];

		if (unlikely(m == NULL || m->pool != mp || m->next != NULL || rte_mbuf_refcnt_read(m) != 1 ||
			     !RTE_MBUF_DIRECT(m)))
			break;
		__rte_mbuf_sanity_check(m, 1);
		if (m->nb_segs != 1)
			m->nb_segs = 1;
		c->objs[len++] = m;
	}
	/* they are in the cache when len says so */
	sh_store_rel((_Atomic uint32_t *)&c->len, len);
	return i;
}

SH_EXPORT void rte_pktmbuf_free_bulk(struct rte_mbuf **mbufs, unsigned int count)
{
	struct batch b;

	b.mp = NULL;
	b.n = 0;
	for (unsigned i = 0; i < count; i++) {
		struct rte_mempool *mp = mbufs[i] != NULL ? mbufs[i]->pool : NULL;
		struct rte_mempool_cache *c = NULL;

		if (mp != NULL && (mp->flags & __RTE_MEMPOOL_F_TRACK) == 0)
			c = rte_mempool_default_cache(mp, rte_lcore_id());
		if (c != NULL)
			i = into_cache(mp, c, mbufs, i, count);
		if (i < count && mbufs[i] != NULL)
			free_packet(&b, mbufs[i]);
	}
	if (b.n != 0)
		flush(&b);
}

/* ---- clones, copies ---- */

static bool pinned(const char *call, struct rte_mempool *mp)
{
	if ((rte_pktmbuf_priv_flags(mp) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) == 0)
		return false;
	sh_log_rate(SH_ERR,
		    "%s: mbufs of pool \"%s\" have pinned buffers and cannot be attached to others: take another pool "
		    "for clones",
		    call, mp->name);
	rte_errno = EINVAL;
	return true;
}

SH_EXPORT struct rte_mbuf *rte_pktmbuf_clone(struct rte_mbuf *md, struct rte_mempool *mp)
{
	struct rte_mbuf *first, *last, *mi;
	uint16_t segs = 1;

	if (pinned("rte_pktmbuf_clone", mp))
		return NULL;
	first = last = rte_pktmbuf_alloc(mp);
	if (first == NULL)
		return NULL;
	rte_pktmbuf_attach(first, md);
	for (struct rte_mbuf *m = md->next; m != NULL; m = m->next, segs++) {
		mi = rte_pktmbuf_alloc(mp);
		if (mi == NULL) {
			rte_pktmbuf_free(first);
			return NULL;
		}
		rte_pktmbuf_attach(mi, m);
		last->next = mi;
		last = mi;
	}
	first->nb_segs = segs;
	first->pkt_len = md->pkt_len;
	return first;
}

/* one more empty segment */
static struct rte_mbuf *grow(struct rte_mempool *mp, struct rte_mbuf *first, struct rte_mbuf *last)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mp);

	if (m == NULL || first == NULL)
		return m;
	if (first->nb_segs == RTE_MBUF_MAX_NB_SEGS) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	if (rte_pktmbuf_tailroom(m) == 0) /* a buffer that would be all headroom */
		m->data_off = 0;
	last->next = m;
	first->nb_segs++;
	return m;
}

/* len bytes from off on, which are there */
static bool fill(struct rte_mbuf *to, const struct rte_mbuf *from, uint32_t off, uint32_t len)
{
	struct rte_mbuf *last = to;
	uint32_t n;

	for (; off >= from->data_len; from = from->next)
		off -= from->data_len;
	while (len > 0) {
		if (off == from->data_len) {
			from = from->next;
			off = 0;
			continue;
		}
		if (rte_pktmbuf_tailroom(last) == 0) {
			last = grow(to->pool, to, last);
			if (last == NULL)
				return false;
		}
		n = RTE_MIN(len, from->data_len - off);
		n = RTE_MIN(n, rte_pktmbuf_tailroom(last));
		memcpy(rte_pktmbuf_mtod_offset(last, char *, last->data_len),
		       rte_pktmbuf_mtod_offset(from, const char *, off), n);
		last->data_len = (uint16_t)(last->data_len + n);
		to->pkt_len += n;
		off += n;
		len -= n;
	}
	return true;
}

SH_EXPORT struct rte_mbuf *rte_pktmbuf_copy(const struct rte_mbuf *m, struct rte_mempool *mp, uint32_t offset,
					    uint32_t length)
{
	const uint64_t own = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
	struct rte_mbuf *c;

	__rte_mbuf_sanity_check(m, 1);
	if (offset >= m->pkt_len)
		return NULL;
	if (rte_pktmbuf_data_room_size(mp) == 0) {
		rte_errno = EINVAL;
		return NULL;
	}
	c = grow(mp, NULL, NULL);
	if (c == NULL)
		return NULL;
	__rte_pktmbuf_copy_hdr(c, m);
	c->ol_flags = (c->ol_flags & own) | (m->ol_flags & ~own);
	if (fill(c, m, offset, RTE_MIN(length, m->pkt_len - offset)))
		return c;
	rte_pktmbuf_free(c);
	return NULL;
}

/* ---- data ---- */

SH_EXPORT const void *__rte_pktmbuf_read(const struct rte_mbuf *m, uint32_t off, uint32_t len, void *buf)
{
	uint32_t done = 0, n;

	if (off > m->pkt_len || len > m->pkt_len - off)
		return NULL;
	for (; m->next != NULL && off >= m->data_len; m = m->next)
		off -= m->data_len;
	if (len <= m->data_len - off)
		return rte_pktmbuf_mtod_offset(m, char *, off);
	for (; done < len && m != NULL; m = m->next, off = 0) {
		n = RTE_MIN(len - done, m->data_len - off);
		memcpy((char *)buf + done, rte_pktmbuf_mtod_offset(m, const char *, off), n);
		done += n;
	}
	return done == len ? buf : NULL;
}

SH_EXPORT int __rte_pktmbuf_linearize(struct rte_mbuf *mbuf)
{
	struct rte_mbuf *m = mbuf->next, *next;

	if (mbuf->pkt_len - mbuf->data_len > rte_pktmbuf_tailroom(mbuf))
		return -1;
	for (; m != NULL; m = next) {
		next = m->next;
		memcpy(rte_pktmbuf_mtod_offset(mbuf, char *, mbuf->data_len), rte_pktmbuf_mtod(m, const char *),
		       m->data_len);
		mbuf->data_len = (uint16_t)(mbuf->data_len + m->data_len);
		rte_pktmbuf_free_seg(m);
	}
	mbuf->next = NULL;
	mbuf->nb_segs = 1;
	return 0;
}

/* ---- looking at it ---- */

static void dump_data(FILE *f, const struct rte_mbuf *s, unsigned len)
{
	fprintf(f, "  Dump data at [%p], len=%u\n", rte_pktmbuf_mtod(s, void *), len);
	for (unsigned at = 0; at < len; at += 16) {
		const unsigned char *d = rte_pktmbuf_mtod_offset(s, const unsigned char *, at);
		unsigned n = RTE_MIN(len - at, 16u);

		fprintf(f, "%08X:", at);
		for (unsigned i = 0; i < 16; i++)
			i < n ? fprintf(f, " %02X", d[i]) : fprintf(f, "   ");
		fprintf(f, " | ");
		for (unsigned i = 0; i < n; i++)
			fputc(d[i] >= ' ' && d[i] < 0x7f ? d[i] : '.', f);
		fputc('\n', f);
	}
}

SH_EXPORT void rte_pktmbuf_dump(FILE *f, const struct rte_mbuf *m, unsigned int dump_len)
{
	const struct rte_mbuf *s = m;

	__rte_mbuf_sanity_check(m, 1);
	fprintf(f, "dump mbuf at %p, iova=%#" PRIx64 ", buf_len=%u\n", (const void *)m, rte_mbuf_iova_get(m),
		m->buf_len);
	fprintf(f, "  pkt_len=%u, ol_flags=%#" PRIx64 ", nb_segs=%u, port=%u, ptype=%#x\n", m->pkt_len, m->ol_flags,
		m->nb_segs, m->port, m->packet_type);
	for (unsigned i = 0; s != NULL && i < m->nb_segs; s = s->next, i++) {
		unsigned len = RTE_MIN(dump_len, (unsigned)s->data_len);

		fprintf(f, "  segment at %p, data=%p, len=%u, off=%u, refcnt=%u\n", (const void *)s,
			rte_pktmbuf_mtod(s, void *), s->data_len, s->data_off, rte_mbuf_refcnt_read(s));
		if (len != 0)
			dump_data(f, s, len);
		dump_len -= len;
	}
}
