/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf_test.c - what each call of rte_mbuf.h and rte_mbuf_pool_ops.h returns, in one process
 *
 * Of the inline functions' own names: __rte_pktmbuf_read, __rte_pktmbuf_linearize, __rte_mbuf_alloc_slow, __rte_mbuf_free_slow.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_malloc.h>
#include <rte_mbuf_pool_ops.h>

#include "mbuf_help.h"

#define ROOM 256 /* headroom 128, so 128 bytes of data */

/* ---- pools ---- */

static void refused(int err, const char *name, unsigned n, unsigned cache, uint16_t priv, const char *ops)
{
	rte_errno = 0;
	CHECK(rte_pktmbuf_pool_create_by_ops(name, n, cache, priv, 2176, SOCKET_ID_ANY, ops) == NULL);
	CHECK_EQ(rte_errno, err);
}

TEST(what_pool_create_refuses)
{
	init_as("primary");
	CHECK(rte_pktmbuf_pool_create("a", 15, 0, 8, 2176, SOCKET_ID_ANY) == rte_mempool_lookup("a"));
	refused(EEXIST, "a", 15, 0, 8, NULL);
	refused(EINVAL, "b", 15, 0, 3, NULL);
	refused(EINVAL, "b", 0, 0, 0, NULL);
	refused(EINVAL, "b", 15, 600, 0, NULL);
	refused(EINVAL, "b", 15, 0, 0, "no such");
	refused(EINVAL, NULL, 15, 0, 0, NULL);
	refused(ENAMETOOLONG, "a12345678901234567890123456", 15, 0, 0, NULL);
	CHECK(rte_mempool_lookup("b") == NULL);
}

TEST(what_is_in_a_pool)
{
	struct rte_mempool *mp, *tiny;
	struct rte_mbuf *m;

	init_as("primary");
	mp = make_pool("p", 15, ROOM);
	CHECK_EQ(mp->elt_size, 400);
	CHECK_EQ(rte_pktmbuf_data_room_size(mp), ROOM);
	CHECK_EQ(rte_pktmbuf_priv_size(mp), 16);
	CHECK_EQ(rte_pktmbuf_priv_flags(mp), 0);
	pool_whole(mp);
	m = rte_pktmbuf_alloc(mp);
	CHECK_EQ(m->data_off, 128);
	CHECK_EQ(m->port, RTE_MBUF_PORT_INVALID);
	CHECK_EQ(m->ol_flags, 0);
	CHECK_EQ(m->pkt_len + m->data_len + m->packet_type + m->vlan_tci + m->vlan_tci_outer + m->tx_offload, 0);
	CHECK((char *)rte_mbuf_to_priv(m) == (char *)m + 128);
	CHECK((char *)m->buf_addr == (char *)m + 144);
	CHECK(rte_mbuf_to_baddr(m) == m->buf_addr);
	CHECK(rte_mbuf_data_addr_default(m) == (char *)m->buf_addr + 128);
	CHECK_EQ(rte_mbuf_data_iova(m), rte_mbuf_data_iova_default(m));
	CHECK_EQ(rte_pktmbuf_iova(m), rte_pktmbuf_iova_offset(m, 4) - 4);
	rte_mbuf_prefetch_part1(m);
	rte_mbuf_prefetch_part2(m);
	RTE_MBUF_PREFETCH_TO_FREE(m);
	rte_pktmbuf_free(m);
	tiny = make_pool("tiny", 3, 100); /* less than the headroom */
	m = rte_pktmbuf_alloc(tiny);
	CHECK_EQ(rte_pktmbuf_headroom(m), 100);
	CHECK_EQ(rte_pktmbuf_tailroom(m), 0);
	rte_pktmbuf_free(m);
	pool_whole(tiny);
	rte_mempool_free(tiny);
}

TEST(pools_by_hand)
{
	struct rte_pktmbuf_pool_private big = {60000, 16, 0};
	struct rte_mempool *mp;

	init_as("primary");
	mp = rte_mempool_create("p", 7, 128 + 500, 0, sizeof(struct rte_pktmbuf_pool_private), rte_pktmbuf_pool_init,
				NULL, rte_pktmbuf_init, NULL, SOCKET_ID_ANY, 0);
	CHECK_EQ(rte_pktmbuf_data_room_size(mp), mp->elt_size - 128);
	CHECK_EQ(rte_pktmbuf_priv_size(mp), 0);
	rte_pktmbuf_free(make_mbuf(mp, 300, 1));
	pool_whole(mp);
	/* more than there is: cut, and said */
	mp = rte_mempool_create("q", 7, 128 + 504, 0, sizeof(struct rte_pktmbuf_pool_private), rte_pktmbuf_pool_init,
				&big, rte_pktmbuf_init, NULL, SOCKET_ID_ANY, 0);
	CHECK_EQ(rte_pktmbuf_data_room_size(mp), 488);
	pool_whole(mp);
	mp = rte_mempool_create_empty("r", 7, 64, 0, 0, SOCKET_ID_ANY, 0);
	rte_pktmbuf_pool_init(mp, NULL); /* no pool of mbufs: nothing is written where there is nothing */
	CHECK_EQ(mp->flags & __RTE_MEMPOOL_F_MBUF, 0);
}

TEST(back_ends)
{
	char big[64];

	init_as("primary");
	memset(big, 'a', sizeof(big));
	big[63] = '\0';
	CHECK_STR(rte_mbuf_best_mempool_ops(), "ring_mp_mc");
	CHECK(rte_mbuf_platform_mempool_ops() == NULL);
	CHECK(rte_mbuf_user_mempool_ops() == NULL);
	CHECK_EQ(rte_mbuf_set_platform_mempool_ops("stack"), 0);
	CHECK_EQ(rte_mbuf_set_platform_mempool_ops("stack"), 0);
	CHECK_EQ(rte_mbuf_set_platform_mempool_ops("ring_sp_sc"), -EEXIST);
	CHECK_EQ(rte_mbuf_set_platform_mempool_ops(big), -ENAMETOOLONG);
	CHECK_EQ(rte_mbuf_set_user_mempool_ops(big), -ENAMETOOLONG);
	CHECK_EQ(rte_mbuf_set_user_mempool_ops(NULL), -EINVAL);
	CHECK_STR(rte_mbuf_best_mempool_ops(), "stack");
	CHECK_STR(rte_mbuf_platform_mempool_ops(), "stack");
	CHECK_EQ(rte_mbuf_set_user_mempool_ops("ring_mt_hts"), 0);
	CHECK_STR(rte_mbuf_user_mempool_ops(), "ring_mt_hts");
	CHECK_STR(make_pool("p", 7, ROOM)->__ops, "ring_mt_hts");
	CHECK_EQ(rte_mbuf_set_user_mempool_ops("no such"), 0);
	refused(EINVAL, "q", 7, 0, 0, NULL);
	CHECK(rte_pktmbuf_pool_create_by_ops("q", 7, 0, 0, ROOM, SOCKET_ID_ANY, "ring_sp_sc") != NULL);
}

TEST(the_option_chooses_a_back_end)
{
	char prog[] = "mbuf", opt[] = "--mbuf-pool-ops-name=stack", lcores[] = "--lcores=0@0";
	char *argv[] = {prog, opt, lcores, NULL};

	CHECK(rte_mbuf_user_mempool_ops() == NULL);
	CHECK(rte_eal_init(3, argv) >= 0);
	CHECK_STR(rte_mbuf_user_mempool_ops(), "stack");
	CHECK_STR(make_pool("p", 7, ROOM)->__ops, "stack");
}

/* ---- taking and giving back ---- */

TEST(all_there_is_and_no_more)
{
	struct rte_mbuf *m[9];
	struct rte_mempool *mp;

	init_as("primary");
	mp = make_pool("p", 8, ROOM);
	for (int i = 0; i < 8; i++)
		m[i] = make_mbuf(mp, 3, 0);
	CHECK(rte_pktmbuf_alloc(mp) == NULL);
	CHECK(rte_mbuf_raw_alloc(mp) == NULL);
	CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, 1), -ENOBUFS);
	for (int i = 0; i < 8; i++)
		rte_pktmbuf_free(m[i]);
	rte_pktmbuf_free(NULL);
	pool_whole(mp);
	CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, 9), -ENOBUFS);
	CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, 8), 0);
	for (int i = 0; i < 8; i++) {
		CHECK_EQ(m[i]->pkt_len + m[i]->data_len, 0);
		CHECK_EQ(m[i]->data_off, 128);
	}
	m[8] = m[3];
	m[3] = NULL;
	rte_pktmbuf_free_bulk(m, 9);
	pool_whole(mp);
	CHECK_EQ(rte_mbuf_raw_alloc_bulk(mp, m, 8), 0);
	rte_mbuf_raw_sanity_check(m[0], mp);
	rte_mbuf_raw_free(m[0]);
	rte_mbuf_raw_free_bulk(mp, m + 1, 7);
	pool_whole(mp);
}

TEST(bulk_of_chains_and_pools)
{
	struct rte_mempool *mp, *mq;
	struct rte_mbuf *m[150];

	init_as("primary");
	mp = make_pool("p", 300, ROOM);
	mq = make_pool("q", 300, ROOM);
	for (int i = 0; i < 150; i++) {
		m[i] = make_mbuf(i % 7 ? mp : mq, 5, 0);
		if (i % 3 == 0)
			CHECK_EQ(rte_pktmbuf_chain(m[i], make_mbuf(i % 2 ? mp : mq, 5, 0)), 0);
	}
	rte_mbuf_refcnt_update(m[4], 1);
	rte_pktmbuf_free_bulk(m, 150);
	CHECK_EQ(m[4]->refcnt, 1);
	CHECK_EQ(rte_mempool_avail_count(mp) + rte_mempool_avail_count(mq), 599);
	rte_pktmbuf_free_bulk(m + 4, 1);
	pool_whole(mp);
	pool_whole(mq);
}

TEST(references)
{
	struct rte_mempool *mp;
	struct rte_mbuf *m;

	init_as("primary");
	mp = make_pool("p", 8, ROOM);
	m = make_mbuf(mp, 10, 0);
	CHECK_EQ(rte_mbuf_refcnt_read(m), 1);
	CHECK_EQ(rte_mbuf_refcnt_update(m, 2), 3);
	CHECK_EQ(rte_mbuf_refcnt_update(m, -1), 2);
	CHECK(rte_pktmbuf_prefree_seg(m) == NULL);
	CHECK_EQ(m->refcnt, 1);
	CHECK_EQ(rte_pktmbuf_chain(m, make_mbuf(mp, 10, 0)), 0);
	rte_pktmbuf_refcnt_update(m, 1);
	CHECK_EQ(m->refcnt, 2);
	CHECK_EQ(m->next->refcnt, 2);
	rte_pktmbuf_free(m);
	CHECK_EQ(rte_mempool_avail_count(mp), 6);
	CHECK(m->next != NULL);
	rte_mbuf_refcnt_set(m->next, 1);
	CHECK(rte_pktmbuf_prefree_seg(m->next) == m->next);
	rte_mbuf_raw_free(m->next);
	rte_pktmbuf_free_seg(m);
	pool_whole(mp);
}

/* ---- data ---- */

TEST(room_before_and_behind)
{
	struct rte_mempool *mp;
	struct rte_mbuf *m;
	char *d;

	init_as("primary");
	mp = make_pool("p", 8, ROOM);
	m = rte_pktmbuf_alloc(mp);
	d = rte_pktmbuf_mtod(m, char *);
	CHECK(rte_pktmbuf_append(m, 128) == d);
	CHECK(rte_pktmbuf_append(m, 1) == NULL);
	CHECK_EQ(rte_pktmbuf_tailroom(m), 0);
	CHECK(rte_pktmbuf_prepend(m, 129) == NULL);
	CHECK(rte_pktmbuf_adj(m, 129) == NULL);
	CHECK_EQ(rte_pktmbuf_trim(m, 129), -1);
	CHECK_EQ(rte_pktmbuf_pkt_len(m), 128);
	CHECK_EQ(rte_pktmbuf_trim(m, 28), 0);
	CHECK(rte_pktmbuf_adj(m, 100) == d + 100);
	CHECK_EQ(rte_pktmbuf_data_len(m), 0);
	CHECK_EQ(rte_pktmbuf_headroom(m), 228);
	CHECK(rte_pktmbuf_prepend(m, 228) == (char *)m->buf_addr);
	CHECK_EQ(m->pkt_len, 228);
	CHECK(rte_pktmbuf_append(m, 28) != NULL);
	CHECK(rte_pktmbuf_mtod_offset(m, char *, 3) == (char *)m->buf_addr + 3);
	rte_pktmbuf_reset(m);
	CHECK_EQ(m->pkt_len, 0);
	CHECK_EQ(m->data_off, 128);
	rte_pktmbuf_free(m);
	pool_whole(mp);
}

TEST(chains)
{
	struct rte_mbuf *m, *n, *o;
	struct rte_mempool *mp;

	init_as("primary");
	mp = make_pool("p", 8, ROOM);
	m = make_mbuf(mp, 10, 0);
	n = make_mbuf(mp, 20, 10);
	o = make_mbuf(mp, 30, 30);
	CHECK_EQ(rte_pktmbuf_chain(n, o), 0);
	CHECK_EQ(rte_pktmbuf_chain(m, n), 0);
	CHECK_EQ(m->nb_segs, 3);
	CHECK_EQ(m->pkt_len, 60);
	CHECK_EQ(n->pkt_len, 20);
	CHECK(rte_pktmbuf_lastseg(m) == o);
	CHECK_EQ(rte_pktmbuf_is_contiguous(m), 0);
	CHECK(rte_pktmbuf_append(m, 5) == rte_pktmbuf_mtod(o, char *) + 30);
	CHECK_EQ(rte_pktmbuf_trim(m, 36), -1);
	CHECK_EQ(rte_pktmbuf_trim(m, 5), 0);
	m->nb_segs = UINT16_MAX;
	n = rte_pktmbuf_alloc(mp);
	CHECK_EQ(rte_pktmbuf_chain(m, n), -EOVERFLOW);
	m->nb_segs = 3;
	rte_pktmbuf_free(n);
	CHECK_EQ(rte_pktmbuf_linearize(m), 0);
	CHECK_EQ(rte_pktmbuf_linearize(m), 0);
	CHECK_EQ(m->nb_segs, 1);
	CHECK(m->next == NULL);
	for (int i = 0; i < 60; i++)
		CHECK_EQ(rte_pktmbuf_mtod(m, char *)[i], i);
	CHECK_EQ(rte_pktmbuf_chain(m, make_mbuf(mp, 69, 60)), 0);
	CHECK_EQ(rte_pktmbuf_linearize(m), -1); /* one byte too many */
	CHECK_EQ(m->nb_segs, 2);
	rte_pktmbuf_free(m);
	pool_whole(mp);
}

TEST(reading)
{
	char buf[200];
	struct rte_mbuf *m;
	struct rte_mempool *mp;

	init_as("primary");
	mp = make_pool("p", 8, ROOM);
	m = make_mbuf(mp, 10, 0);
	rte_pktmbuf_chain(m, make_mbuf(mp, 0, 0));
	rte_pktmbuf_chain(m, make_mbuf(mp, 90, 10));
	CHECK(rte_pktmbuf_read(m, 2, 8, buf) == rte_pktmbuf_mtod_offset(m, void *, 2));
	CHECK(rte_pktmbuf_read(m, 10, 90, buf) == rte_pktmbuf_mtod(rte_pktmbuf_lastseg(m), void *));
	CHECK(rte_pktmbuf_read(m, 5, 95, buf) == buf);
	for (int i = 0; i < 95; i++)
		CHECK_EQ(buf[i], i + 5);
	CHECK(rte_pktmbuf_read(m, 5, 96, buf) == NULL);
	CHECK(rte_pktmbuf_read(m, 101, 0, buf) == NULL);
	CHECK(rte_pktmbuf_read(m, 100, 0, buf) != NULL); /* DPDK 22.11 falls over it */
	CHECK(rte_pktmbuf_read(m, UINT32_MAX, 2, buf) == NULL);
	CHECK(rte_pktmbuf_read(m, 2, UINT32_MAX, buf) == NULL);
	rte_pktmbuf_free(m);
	pool_whole(mp);
}

/* ---- clones, copies ---- */

TEST(clones)
{
	struct rte_mempool *mp, *mq;
	struct rte_mbuf *m, *c, *d;

	init_as("primary");
	mp = make_pool("p", 8, ROOM);
	mq = make_pool("q", 4, 0); /* for clones: no buffers */
	m = make_mbuf(mp, 10, 0);
	rte_pktmbuf_chain(m, make_mbuf(mp, 20, 10));
	m->port = 7;
	m->vlan_tci = 3;
	m->hash.rss = 4711;
	m->packet_type = RTE_PTYPE_L2_ETHER;
	m->ol_flags = RTE_MBUF_F_RX_RSS_HASH;
	m->tx_offload = 99;
	m->dynfield1[8] = 12;
	c = rte_pktmbuf_clone(m, mq);
	CHECK_EQ(c->nb_segs, 2);
	CHECK_EQ(c->pkt_len, 30);
	CHECK_EQ(c->port + c->vlan_tci + c->hash.rss + c->packet_type, 7 + 3 + 4711 + 1);
	CHECK_EQ(c->dynfield1[8] + c->tx_offload, 12 + 99);
	CHECK_EQ(c->ol_flags, RTE_MBUF_F_RX_RSS_HASH | RTE_MBUF_F_INDIRECT);
	CHECK(RTE_MBUF_CLONED(c));
	CHECK(!RTE_MBUF_DIRECT(c));
	CHECK(c->buf_addr == m->buf_addr);
	CHECK(rte_mbuf_from_indirect(c) == m);
	CHECK(rte_mbuf_from_indirect(c->next) == m->next);
	CHECK_EQ(m->refcnt, 2);
	CHECK_EQ(rte_mbuf_check(c, 1, NULL), 0);
	d = rte_pktmbuf_clone(c, mq); /* of a clone: attached to the same */
	CHECK_EQ(m->refcnt, 3);
	CHECK(rte_pktmbuf_clone(m, mq) == NULL); /* none left, none taken */
	CHECK_EQ(m->refcnt, 3);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(c);
	CHECK_EQ(m->refcnt, 1);
	CHECK_EQ(rte_mempool_avail_count(mp), 6);
	CHECK_EQ(rte_pktmbuf_mtod(d->next, char *)[19], 29);
	rte_pktmbuf_free(d);
	pool_whole(mp);
	pool_whole(mq);
}

TEST(attach_and_detach)
{
	struct rte_mempool *mp;
	struct rte_mbuf *m, *i;

	init_as("primary");
	mp = make_pool("p", 8, ROOM);
	m = make_mbuf(mp, 10, 0);
	i = rte_pktmbuf_alloc(mp);
	rte_pktmbuf_attach(i, m);
	CHECK_EQ(i->data_len, 10);
	CHECK_EQ(i->refcnt, 1);
	rte_pktmbuf_detach(i);
	CHECK_EQ(m->refcnt, 1);
	CHECK_EQ(i->ol_flags, 0);
	CHECK_EQ(i->data_len, 0);
	CHECK(i->buf_addr == rte_mbuf_to_baddr(i));
	CHECK_EQ(rte_pktmbuf_tailroom(i), 128);
	rte_pktmbuf_attach(i, m);
	rte_pktmbuf_free(m);
	CHECK_EQ(rte_mempool_avail_count(mp), 6);
	rte_pktmbuf_detach(i);
	CHECK_EQ(rte_mempool_avail_count(mp), 7);
	rte_pktmbuf_free(i);
	pool_whole(mp);
}

TEST(copies)
{
	struct rte_mempool *mp, *mq, *mr;
	struct rte_mbuf *m, *c;
	char buf[300];

	init_as("primary");
	mp = make_pool("p", 8, ROOM);
	mq = make_pool("q", 11, 148); /* 20 bytes in each segment: all have headroom, as DPDK's */
	mr = make_pool("r", 4, 0);
	m = make_mbuf(mp, 100, 0);
	rte_pktmbuf_chain(m, make_mbuf(mp, 100, 100));
	m->port = 5;
	m->ol_flags = RTE_MBUF_F_RX_VLAN;
	c = rte_pktmbuf_clone(m, mp);
	rte_pktmbuf_free(m);
	m = c; /* flags of its attachment are not copied */
	c = rte_pktmbuf_copy(m, mq, 0, UINT32_MAX);
	CHECK_EQ(c->pkt_len, 200);
	CHECK_EQ(c->nb_segs, 10);
	CHECK_EQ(c->port, 5);
	CHECK_EQ(c->ol_flags, RTE_MBUF_F_RX_VLAN);
	CHECK_EQ(rte_mbuf_check(c, 1, NULL), 0);
	CHECK(rte_pktmbuf_read(c, 0, 200, buf) == buf);
	for (int i = 0; i < 200; i++)
		CHECK_EQ((unsigned char)buf[i], i);
	rte_pktmbuf_free(c);
	c = rte_pktmbuf_copy(m, mp, 0, UINT32_MAX);
	CHECK_EQ(c->nb_segs, 2);
	CHECK_EQ(rte_pktmbuf_headroom(c->next), RTE_PKTMBUF_HEADROOM); /* as DPDK's */
	rte_pktmbuf_free(c);
	CHECK(rte_pktmbuf_copy(m, mp, 200, 1) == NULL);
	CHECK(rte_pktmbuf_copy(m, mp, UINT32_MAX, 1) == NULL);
	CHECK(rte_pktmbuf_copy(m, mr, 0, 1) == NULL);
	CHECK_EQ(rte_errno, EINVAL);
	c = rte_pktmbuf_copy(m, mp, 98, 5);
	CHECK_EQ(c->pkt_len, 5);
	CHECK_EQ((unsigned char)rte_pktmbuf_mtod(c, char *)[4], 102);
	rte_pktmbuf_free(c);
	c = make_mbuf(mq, 1, 0);
	CHECK_EQ(rte_pktmbuf_chain(c, make_mbuf(mq, 1, 0)), 0);
	CHECK(rte_pktmbuf_copy(m, mq, 0, UINT32_MAX) == NULL); /* nine are left, ten needed */
	rte_pktmbuf_free(c);
	rte_pktmbuf_free(m);
	pool_whole(mp);
	pool_whole(mq);
	pool_whole(mr);
}

/* ---- external buffers ---- */

static unsigned freed;
static void *freed_addr;

static void ext_free(void *addr, void *opaque)
{
	freed_addr = addr;
	freed += *(unsigned *)opaque;
}

TEST(external_buffers)
{
	struct rte_mbuf_ext_shared_info *s;
	unsigned one = 1;
	uint16_t len = 1024;
	struct rte_mempool *mp;
	struct rte_mbuf *m, *c;
	char *buf;

	init_as("primary");
	mp = make_pool("p", 8, ROOM);
	buf = rte_malloc(NULL, 1024, 0);
	s = rte_pktmbuf_ext_shinfo_init_helper(buf, &len, ext_free, &one);
	CHECK((char *)s == buf + 1000); /* DPDK leaves 24 bytes behind it unused */
	CHECK_EQ(len, 1000);
	CHECK_EQ(rte_mbuf_ext_refcnt_read(s), 1);
	m = rte_pktmbuf_alloc(mp);
	rte_pktmbuf_attach_extbuf(m, buf, 7, len, s);
	CHECK(RTE_MBUF_HAS_EXTBUF(m) && !RTE_MBUF_DIRECT(m) && !RTE_MBUF_CLONED(m));
	CHECK_EQ(rte_pktmbuf_headroom(m), 0);
	CHECK_EQ(rte_pktmbuf_tailroom(m), len);
	CHECK_EQ(rte_mbuf_iova_get(m), 7);
	CHECK(rte_pktmbuf_append(m, 900) == buf);
	c = rte_pktmbuf_clone(m, mp);
	CHECK_EQ(rte_mbuf_ext_refcnt_read(s), 2);
	CHECK(RTE_MBUF_HAS_EXTBUF(c));
	rte_pktmbuf_free(m);
	CHECK_EQ(freed, 0);
	rte_pktmbuf_detach_extbuf(c);
	CHECK_EQ(freed, 1);
	CHECK(freed_addr == buf);
	CHECK(c->buf_addr == rte_mbuf_to_baddr(c));
	rte_mbuf_ext_refcnt_set(s, 2);
	CHECK_EQ(rte_mbuf_ext_refcnt_update(s, -1), 1);
	rte_pktmbuf_attach_extbuf(c, buf, 7, len, s);
	rte_pktmbuf_free(c);
	CHECK_EQ(freed, 2);
	pool_whole(mp);
	len = 10;
	CHECK(rte_pktmbuf_ext_shinfo_init_helper(buf, &len, ext_free, &one) == NULL);
	len = 24;
	CHECK(rte_pktmbuf_ext_shinfo_init_helper(buf, &len, ext_free, &one) == NULL);
	rte_free(buf);
}

static void ext_refused(int err, unsigned n, const struct rte_pktmbuf_extmem *e, unsigned ne, uint16_t priv,
			uint16_t room)
{
	rte_errno = 0;
	CHECK(rte_pktmbuf_pool_create_extbuf("x", n, 0, priv, room, SOCKET_ID_ANY, e, ne) == NULL);
	CHECK_EQ(rte_errno, err);
}

TEST(pinned_buffers)
{
	struct rte_pktmbuf_extmem e[2] = {{NULL, 0, 9000, 4096}, {NULL, 0, 65536, 4096}};
	struct rte_mempool *mp, *mq;
	struct rte_mbuf *m, *c, *d;

	init_as("primary");
	for (int i = 0; i < 2; i++) {
		e[i].buf_ptr = rte_malloc(NULL, e[i].buf_len, 4096);
		e[i].buf_iova = rte_malloc_virt2iova(e[i].buf_ptr);
	}
	ext_refused(ENOMEM, 15, NULL, 0, 0, 2048);
	ext_refused(ENOMEM, 15, e, 0, 0, 2048);
	ext_refused(ENOMEM, 19, e, 2, 0, 2048);
	ext_refused(EINVAL, 15, e, 2, 0, 5000);
	ext_refused(EINVAL, 15, e, 2, 3, 2048);
	mp = rte_pktmbuf_pool_create_extbuf("x", 18, 0, 16, 2048, SOCKET_ID_ANY, e, 2);
	CHECK(mp != NULL);
	mq = make_pool("q", 8, 0);
	pool_whole(mp);
	m = make_mbuf(mp, 50, 0);
	CHECK(RTE_MBUF_HAS_PINNED_EXTBUF(m));
	CHECK(RTE_MBUF_HAS_EXTBUF(m));
	CHECK_EQ(m->buf_len, 2048); /* data_room_size, not elt_size */
	CHECK_EQ(rte_mbuf_iova_get(m), (uintptr_t)m->buf_addr);
	rte_pktmbuf_detach(m);
	CHECK(RTE_MBUF_HAS_EXTBUF(m));
	CHECK(rte_pktmbuf_clone(m, mp) == NULL);
	CHECK_EQ(rte_errno, EINVAL);
	c = rte_pktmbuf_clone(m, mq);
	d = rte_pktmbuf_clone(c, mq);
	CHECK_EQ(m->shinfo->refcnt, 3);
	rte_pktmbuf_free(m); /* clones use its buffer */
	CHECK_EQ(rte_mempool_avail_count(mp), 17);
	rte_pktmbuf_free(c);
	CHECK_EQ(rte_pktmbuf_mtod(d, char *)[49], 49);
	CHECK_EQ(rte_mempool_avail_count(mp), 17);
	rte_pktmbuf_free(d);
	pool_whole(mp);
	m = make_mbuf(mp, 50, 0);
	c = rte_pktmbuf_clone(m, mq);
	rte_pktmbuf_free(c);
	d = rte_pktmbuf_copy(m, mp, 0, UINT32_MAX);
	CHECK(RTE_MBUF_HAS_EXTBUF(d));
	rte_pktmbuf_free(d);
	rte_pktmbuf_free(m);
	pool_whole(mp);
	pool_whole(mq);
	e[1].buf_ptr = NULL;
	rte_mempool_free(mp);
	ext_refused(EINVAL, 15, e, 2, 0, 2048);
}
