/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf_model_test.c - random operations on packets, beside the same on arrays of bytes
 *
 * A packet of the model is its bytes, and the group of packets that share buffers with it: of such a group only those that are alone
 * are written. $MBUF_SEED and $MBUF_ROUNDS choose; the seed is told when a case fails.
 */
#include <stdlib.h>

#include <rte_arp.h>

#include "mbuf_help.h"

#define PACKETS 8
#define MOST 2000 /* bytes of a packet */
#define MBUFS 400
#define ROOM 192 /* 128 of headroom, 64 of data: many segments */

struct packet {
	struct rte_mbuf *m; /* NULL: there is none */
	unsigned shared;    /* who may not be written: a number, 0: alone with its buffers */
	unsigned len;
	unsigned char data[MOST];
};

static struct rte_mempool *mp;
static struct packet packets[PACKETS];
static unsigned rnd_state, groups, done[16];

static unsigned rnd(unsigned below)
{
	return below == 0 ? 0 : (unsigned)rand_r(&rnd_state) % below;
}

/* the last one with these buffers may be written again, but what it has may be indirect: it counts as shared for ever */
static void forget(struct packet *p)
{
	p->m = NULL;
	p->shared = 0;
	p->len = 0;
}

static void compare(const struct packet *p)
{
	unsigned char buf[MOST + 1];
	const char *why = "";
	const void *d;
	unsigned at, n;

	if (rte_mbuf_check(p->m, 1, &why) != 0)
		t_fail(__FILE__, __LINE__, "%s", why);
	CHECK_EQ(p->m->pkt_len, p->len);
	d = rte_pktmbuf_read(p->m, 0, p->len, buf);
	CHECK(d != NULL && memcmp(d, p->data, p->len) == 0);
	at = rnd(p->len + 1);
	n = rnd(p->len - at + 1);
	d = rte_pktmbuf_read(p->m, at, n, buf);
	CHECK(d != NULL && memcmp(d, p->data + at, n) == 0);
	CHECK(rte_pktmbuf_read(p->m, at, p->len - at + 1, buf) == NULL);
}

/* ---- operations: each returns what it counts as done ---- */

static bool op_new(struct packet *p)
{
	if (p->m != NULL)
		return false;
	p->m = rte_pktmbuf_alloc(mp);
	return p->m != NULL;
}

static bool op_free(struct packet *p)
{
	if (rnd(3) == 0) {
		struct rte_mbuf *m[3] = {NULL, p->m, NULL};

		rte_pktmbuf_free_bulk(m, 3);
	} else {
		rte_pktmbuf_free(p->m);
	}
	forget(p);
	return true;
}

static bool op_append(struct packet *p)
{
	unsigned n = rnd(80), room = rte_pktmbuf_tailroom(rte_pktmbuf_lastseg(p->m));
	char *at;

	if (p->shared != 0 || p->len + n > MOST)
		return false;
	at = rte_pktmbuf_append(p->m, (uint16_t)n);
	CHECK_EQ(at != NULL, n <= room);
	for (unsigned i = 0; at != NULL && i < n; i++)
		at[i] = (char)(p->data[p->len++] = (unsigned char)rnd(256));
	return at != NULL;
}

static bool op_prepend(struct packet *p)
{
	unsigned n = rnd(150), room = rte_pktmbuf_headroom(p->m);
	char *at;

	if (p->shared != 0 || p->len + n > MOST)
		return false;
	at = rte_pktmbuf_prepend(p->m, (uint16_t)n);
	CHECK_EQ(at != NULL, n <= room);
	if (at == NULL)
		return false;
	memmove(p->data + n, p->data, p->len);
	p->len += n;
	for (unsigned i = 0; i < n; i++)
		at[i] = (char)(p->data[i] = (unsigned char)rnd(256));
	return true;
}

static bool op_adj(struct packet *p)
{
	unsigned n = rnd(90), have = p->m->data_len;
	char *at = rte_pktmbuf_adj(p->m, (uint16_t)n);

	CHECK_EQ(at != NULL, n <= have);
	if (at == NULL)
		return false;
	memmove(p->data, p->data + n, p->len - n);
	p->len -= n;
	return true;
}

static bool op_trim(struct packet *p)
{
	unsigned n = rnd(90), have = rte_pktmbuf_lastseg(p->m)->data_len;
	int r = rte_pktmbuf_trim(p->m, (uint16_t)n);

	CHECK_EQ(r, n <= have ? 0 : -1);
	if (r == 0)
		p->len -= n;
	return r == 0;
}

static bool op_chain(struct packet *p)
{
	struct packet *q = &packets[rnd(PACKETS)];

	if (q == p || q->m == NULL || p->len + q->len > MOST)
		return false;
	CHECK_EQ(rte_pktmbuf_chain(p->m, q->m), 0);
	memcpy(p->data + p->len, q->data, q->len);
	p->len += q->len;
	if (q->shared != 0)
		p->shared = q->shared;
	forget(q);
	return true;
}

static bool op_linearize(struct packet *p)
{
	bool room = p->len - p->m->data_len <= rte_pktmbuf_tailroom(p->m);
	int r;

	if (p->shared != 0)
		return false;
	r = rte_pktmbuf_linearize(p->m);
	CHECK_EQ(r, room || p->m->nb_segs == 1 ? 0 : -1);
	if (r == 0)
		CHECK(rte_pktmbuf_is_contiguous(p->m));
	return r == 0;
}

static bool op_clone(struct packet *p)
{
	struct packet *q = &packets[rnd(PACKETS)];
	unsigned left = rte_mempool_avail_count(mp);

	if (q->m != NULL)
		return false;
	q->m = rte_pktmbuf_clone(p->m, mp);
	CHECK_EQ(q->m != NULL, left >= p->m->nb_segs);
	if (q->m == NULL)
		return false;
	p->shared = q->shared = p->shared != 0 ? p->shared : ++groups;
	q->len = p->len;
	memcpy(q->data, p->data, p->len);
	return true;
}

static bool op_copy(struct packet *p)
{
	unsigned at = rnd(p->len + 10), n = rnd(3) == 0 ? UINT32_MAX : rnd(p->len + 10), len;
	struct packet *q = &packets[rnd(PACKETS)];

	if (q->m != NULL)
		return false;
	q->m = rte_pktmbuf_copy(p->m, mp, at, n);
	if (q->m == NULL) {
		CHECK(at >= p->len || rte_mempool_avail_count(mp) < p->len / 64 + 2);
		return false;
	}
	len = RTE_MIN(n, p->len - at);
	memcpy(q->data, p->data + at, len);
	q->len = len;
	return true;
}

/* one reference more and less */
static bool op_refs(struct packet *p)
{
	rte_pktmbuf_refcnt_update(p->m, 1);
	rte_pktmbuf_free(p->m);
	return true;
}

static bool (*const ops[])(struct packet *p) = {op_append, op_append, op_append,    op_prepend, op_adj,
						op_trim,   op_chain,  op_linearize, op_clone,	op_copy,
						op_refs,   op_free,   op_chain};
#define OPS (sizeof(ops) / sizeof(ops[0]))

/* those who have no buffer in common with p stay as they are: so all are compared */
static void compare_all(void)
{
	for (unsigned i = 0; i < PACKETS; i++)
		if (packets[i].m != NULL)
			compare(&packets[i]);
}

static unsigned from_env(const char *name, unsigned usual)
{
	const char *v = getenv(name);

	return v != NULL ? (unsigned)strtoul(v, NULL, 10) : usual;
}

static void play(unsigned cache, unsigned flags)
{
	struct rte_pktmbuf_pool_private priv = {ROOM, 16, 0};
	unsigned rounds = from_env("MBUF_ROUNDS", 20000);

	init_as("primary");
	rnd_state = from_env("MBUF_SEED", 4711 + cache);
	fprintf(stderr, "MBUF_SEED=%u MBUF_ROUNDS=%u\n", rnd_state, rounds);
	mp = rte_mempool_create("pool", MBUFS, sizeof(struct rte_mbuf) + 16 + ROOM, cache, sizeof(priv),
				rte_pktmbuf_pool_init, &priv, rte_pktmbuf_init, NULL, SOCKET_ID_ANY, flags);
	CHECK(mp != NULL);
	for (unsigned i = 0; i < rounds; i++) {
		struct packet *p = &packets[rnd(PACKETS)];
		unsigned op = rnd(OPS);

		if (p->m == NULL)
			(void)op_new(p);
		else
			done[op] += ops[op](p);
		compare_all();
	}
	for (unsigned i = 0; i < OPS; i++)
		CHECK(done[i] > rounds / 1000); /* each was tried, with success */
	for (unsigned i = 0; i < PACKETS; i++)
		if (packets[i].m != NULL)
			op_free(&packets[i]);
	pool_whole(mp);
}

TEST_T(random_operations, 60)
{
	play(0, 0);
}

TEST_T(random_operations_with_a_cache, 60)
{
	play(32, 0);
}

TEST_T(random_operations_in_a_tracked_pool, 60)
{
	play(16, SHOAL_MEMPOOL_F_TRACK);
}

/* the packet that announces an address, byte for byte (RFC 903) */
TEST(an_address_is_announced)
{
	static const char want[42] = "\xff\xff\xff\xff\xff\xff\2\1\2\3\4\5\x80\x35" /* to all, from, type */
				     "\0\1\x8\0\6\4\0\3"			    /* a request for Ethernet, IPv4 */
				     "\2\1\2\3\4\5\0\0\0\0\2\1\2\3\4\5\0\0\0";	    /* and the last 0 */
	const struct rte_ether_addr mac = {{2, 1, 2, 3, 4, 5}};
	struct rte_mempool *small;
	struct rte_mbuf *m;

	init_as("primary");
	mp = make_pool("rarp", 1, 256);
	small = make_pool("small", 1, RTE_PKTMBUF_HEADROOM + 63);
	m = rte_net_make_rarp_packet(mp, &mac);
	CHECK(m != NULL && m->nb_segs == 1);
	CHECK_EQ(m->pkt_len, 64);
	CHECK(memcmp(rte_pktmbuf_mtod(m, void *), want, sizeof(want)) == 0);
	for (unsigned i = sizeof(want); i < 64; i++)
		CHECK_EQ(*rte_pktmbuf_mtod_offset(m, uint8_t *, i), 0);
	CHECK(rte_net_make_rarp_packet(mp, &mac) == NULL); /* the pool is empty */
	CHECK_EQ(rte_errno, ENOMEM);
	rte_pktmbuf_free(m);
	CHECK(rte_net_make_rarp_packet(small, &mac) == NULL);
	CHECK_EQ(rte_errno, ENOSPC);
	CHECK_EQ(rte_mempool_avail_count(small), 1);
	CHECK(rte_net_make_rarp_packet(NULL, &mac) == NULL);
	CHECK_EQ(rte_errno, EINVAL);
}

/* those that need nothing go right into the cache: between them are others, and the cache is full on the way */
TEST(bulk_into_a_cache)
{
	struct rte_mempool *mq;
	struct rte_mbuf *m[150], *kept;

	init_as("primary");
	mp = rte_pktmbuf_pool_create("p", 400, 32, 8, 256, SOCKET_ID_ANY);
	mq = make_pool("q", 40, ROOM);
	CHECK(mp != NULL);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 150; i++)
			m[i] = make_mbuf(mp, 5, 0);
		kept = m[7];
		rte_mbuf_refcnt_update(kept, 1);
		rte_pktmbuf_free(m[20]);
		m[20] = rte_pktmbuf_clone(m[21], mp);
		rte_pktmbuf_free(m[40]);
		m[40] = make_mbuf(mq, 5, 0);
		rte_pktmbuf_free(m[60]);
		m[60] = NULL;
		CHECK_EQ(rte_pktmbuf_chain(m[80], make_mbuf(mp, 5, 0)), 0);
		m[90]->nb_segs = 3; /* of a chain that was taken apart by hand */
		rte_pktmbuf_free_bulk(m, 150);
		CHECK_EQ(kept->refcnt, 1);
		rte_pktmbuf_free(kept);
		CHECK_EQ(rte_mempool_avail_count(mp), 400);
		CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, 150), 0);
		for (int i = 0; i < 150; i++)
			rte_mbuf_raw_sanity_check(m[i], mp);
		rte_pktmbuf_free_bulk(m, 150);
	}
	pool_whole(mp);
	pool_whole(mq);
}
