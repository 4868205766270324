/* SPDX-License-Identifier: BSD-3-Clause */
/* mbuf_check_test.c - what is said of mbufs: checks and what they find, names, dumps, what transmit flags need; in one process */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "mbuf_help.h"

#define ROOM 256 /* headroom 128, so 128 bytes of data */

/* ---- checks, names, dumps ---- */

static void wrong(const struct rte_mbuf *m, const char *why)
{
	const char *said = NULL;

	CHECK_EQ(rte_mbuf_check(m, 1, &said), -1);
	CHECK_STR(said, why);
}

TEST(what_a_check_finds)
{
	struct rte_mempool *mp, *was;
	struct rte_mbuf *m;
	const char *why;

	init_as("primary");
	mp = make_pool("p", 8, ROOM);
	m = make_mbuf(mp, 10, 0);
	rte_pktmbuf_chain(m, make_mbuf(mp, 10, 0));
	CHECK_EQ(rte_mbuf_check(m, 1, &why), 0);
	rte_mbuf_sanity_check(m, 1);
	wrong(NULL, "mbuf is NULL");
	m->pkt_len++;
	wrong(m, "bad pkt_len");
	m->pkt_len = 9;
	wrong(m, "bad data_len");
	CHECK_EQ(rte_mbuf_check(m, 0, &why), 0);
	m->pkt_len = 20;
	m->nb_segs = 3;
	wrong(m, "bad nb_segs");
	m->nb_segs = 1;
	wrong(m, "bad nb_segs");
	m->nb_segs = 2;
	m->refcnt = 0;
	wrong(m, "bad ref cnt");
	m->refcnt = UINT16_MAX;
	wrong(m, "bad ref cnt");
	m->refcnt = 1;
	m->data_off = ROOM + 1;
	wrong(m, "data offset too big in mbuf segment");
	m->data_off = ROOM - 9;
	wrong(m, "data length too big in mbuf segment");
	m->data_off = 128;
	was = m->pool;
	m->pool = NULL;
	wrong(m, "bad mbuf pool");
	m->pool = was;
	m->buf_iova = 0;
	wrong(m, "bad IO addr");
	rte_mbuf_iova_set(m, (uintptr_t)m->buf_addr);
	m->buf_addr = NULL;
	wrong(m, "bad virt addr");
	m->buf_addr = rte_mbuf_to_baddr(m);
	rte_pktmbuf_free(m);
	pool_whole(mp);
}

static void panics(void *arg)
{
	((struct rte_mbuf *)arg)->nb_segs = 9;
	rte_mbuf_sanity_check(arg, 1);
}

static void panics_raw(void *arg)
{
	struct rte_mbuf *m = arg;

	m->next = NULL;
	m->nb_segs = 1;
	m->refcnt = 2;
	rte_mbuf_raw_sanity_check(m, NULL);
}

static void panics_pool(void *arg)
{
	struct rte_mbuf *m = arg;

	m->refcnt = 1;
	rte_mbuf_raw_sanity_check(m, (struct rte_mempool *)arg);
}

TEST(a_failed_check_ends_the_process)
{
	char err[4096];
	struct rte_mbuf *m;

	init_as("primary");
	m = make_mbuf(make_pool("p", 8, ROOM), 10, 0);
	CHECK_EQ(t_fork(panics, m, err, sizeof(err)), 128 + SIGABRT);
	CHECK_HAS(err, "bad nb_segs");
	CHECK_EQ(t_fork(panics_raw, m, err, sizeof(err)), 128 + SIGABRT);
	CHECK_HAS(err, "not as in its pool");
	CHECK_EQ(t_fork(panics_pool, m, err, sizeof(err)), 128 + SIGABRT);
	CHECK_HAS(err, "of another pool");
}

static void frees_zeros(void *arg)
{
	union {
		struct rte_mbuf m;
		char bytes[sizeof(struct rte_mbuf)];
	} zeros, last;
	struct rte_mbuf *both[2] = {&zeros.m, arg};

	memset(&zeros, 0, sizeof(zeros));
	rte_pktmbuf_free(&zeros.m);
	CHECK_EQ(zeros.m.refcnt, UINT16_MAX);
	rte_pktmbuf_free_seg(&zeros.m);
	CHECK(rte_pktmbuf_prefree_seg(&zeros.m) == NULL);
	rte_pktmbuf_free_bulk(both, 2); /* the other one is an mbuf */
	CHECK_EQ(zeros.m.refcnt, UINT16_MAX - 3);
	/* who goes on so comes to 1 one day */
	memset(&last, 0, sizeof(last));
	last.m.refcnt = 1;
	rte_pktmbuf_free(&last.m);
	both[0] = &last.m;
	rte_pktmbuf_free_bulk(both, 1);
	last.m.refcnt = 2;
	rte_pktmbuf_free(&last.m);
	CHECK_EQ(last.m.refcnt, 1);
}

TEST(what_has_no_pool_may_be_freed)
{
	char err[4096];
	struct rte_mempool *mp;

	init_as("primary");
	mp = make_pool("p", 8, ROOM);
	CHECK_EQ(t_fork(frees_zeros, make_mbuf(mp, 10, 0), err, sizeof(err)), 0);
	CHECK_HAS(err, "has no pool, so nothing was freed");
}

TEST(names_of_flags)
{
	char l[400];

	CHECK_STR(rte_get_rx_ol_flag_name(RTE_MBUF_F_RX_VLAN), "RTE_MBUF_F_RX_VLAN");
	CHECK_STR(rte_get_rx_ol_flag_name(1ULL << 22), "RTE_MBUF_F_RX_OUTER_L4_CKSUM_GOOD");
	CHECK_STR(rte_get_tx_ol_flag_name(3ULL << 52), "RTE_MBUF_F_TX_UDP_CKSUM");
	CHECK_STR(rte_get_tx_ol_flag_name(0xdULL << 45), "RTE_MBUF_F_TX_TUNNEL_IP");
	CHECK_STR(rte_get_tx_ol_flag_name(1ULL << 60), "RTE_MBUF_F_TX_OUTER_IPV6");
	CHECK(rte_get_rx_ol_flag_name(0) == NULL);
	CHECK(rte_get_rx_ol_flag_name(3) == NULL);
	CHECK(rte_get_rx_ol_flag_name(1ULL << 11) == NULL);
	CHECK(rte_get_tx_ol_flag_name(1ULL << 1) == NULL);
	CHECK_EQ(rte_get_rx_ol_flag_list(0, l, sizeof(l)), 0);
	CHECK_STR(l, "RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN "
		     "RTE_MBUF_F_RX_OUTER_L4_CKSUM_UNKNOWN ");
	CHECK_EQ(rte_get_rx_ol_flag_list(0x199, l, sizeof(l)), 0);
	CHECK_STR(l, "RTE_MBUF_F_RX_VLAN RTE_MBUF_F_RX_L4_CKSUM_NONE RTE_MBUF_F_RX_IP_CKSUM_NONE "
		     "RTE_MBUF_F_RX_OUTER_L4_CKSUM_UNKNOWN ");
	CHECK_EQ(rte_get_tx_ol_flag_list(RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TUNNEL_GRE, l, sizeof(l)), 0);
	CHECK_STR(l, "RTE_MBUF_F_TX_L4_NO_CKSUM RTE_MBUF_F_TX_TCP_SEG RTE_MBUF_F_TX_TUNNEL_GRE ");
	l[0] = '#';
	CHECK_EQ(rte_get_rx_ol_flag_list(1, l, 0), -1);
	CHECK_EQ(l[0], '#');
	CHECK_EQ(rte_get_rx_ol_flag_list(3, l, 20), -1);
	CHECK_STR(l, "RTE_MBUF_F_RX_VLAN ");
	CHECK_EQ(rte_get_tx_ol_flag_list(0, l, 5), -1);
	CHECK_STR(l, "RTE_");
	CHECK_EQ(rte_get_tx_ol_flag_list(0, l, 27), 0);
	CHECK_EQ(rte_get_tx_ol_flag_list(0, l, 26), -1);
}

TEST(names_of_packet_types)
{
	char l[300];

	CHECK_STR(rte_get_ptype_l2_name(RTE_PTYPE_L2_ETHER_ARP | RTE_PTYPE_L4_TCP), "L2_ETHER_ARP");
	CHECK_STR(rte_get_ptype_l2_name(0xf), "L2_UNKNOWN");
	CHECK_STR(rte_get_ptype_l3_name(RTE_PTYPE_L3_IPV6_EXT_UNKNOWN), "L3_IPV6_EXT_UNKNOWN");
	CHECK_STR(rte_get_ptype_l4_name(RTE_PTYPE_L4_IGMP), "L4_IGMP");
	CHECK_STR(rte_get_ptype_tunnel_name(RTE_PTYPE_TUNNEL_MPLS_IN_UDP), "TUNNEL_MPLS_IN_UDP");
	CHECK_STR(rte_get_ptype_inner_l2_name(RTE_PTYPE_INNER_L2_ETHER_QINQ), "INNER_L2_ETHER_QINQ");
	CHECK_STR(rte_get_ptype_inner_l3_name(RTE_PTYPE_INNER_L3_IPV4_EXT), "INNER_L3_IPV4_EXT");
	CHECK_STR(rte_get_ptype_inner_l4_name(RTE_PTYPE_INNER_L4_NONFRAG), "INNER_L4_NONFRAG");
	CHECK_STR(rte_get_ptype_inner_l4_name(0), "INNER_L4_UNKNOWN");
	CHECK_EQ(rte_get_ptype_name(0, l, sizeof(l)), 0);
	CHECK_STR(l, "UNKNOWN");
	CHECK_EQ(rte_get_ptype_name(0x02612291, l, sizeof(l)), 0);
	CHECK_STR(l, "L2_ETHER L3_IPV4_EXT_UNKNOWN L4_UDP TUNNEL_GRE INNER_L2_ETHER INNER_L3_IPV6_EXT_UNKNOWN "
		     "INNER_L4_UDP ");
	CHECK_EQ(rte_get_ptype_name(UINT32_MAX, l, sizeof(l)), 0);
	CHECK_EQ(rte_get_ptype_name(0x191, l, 0), -1);
	CHECK_EQ(rte_get_ptype_name(0x191, l, 14), -1);
	CHECK_STR(l, "L2_ETHER L3_I");
	CHECK(RTE_ETH_IS_IPV4_HDR(RTE_PTYPE_L3_IPV4_EXT_UNKNOWN));
	CHECK(RTE_ETH_IS_IPV6_HDR(RTE_PTYPE_L3_IPV6_EXT));
	CHECK(!RTE_ETH_IS_TUNNEL_PKT(0x191));
}

TEST(a_dump)
{
	char *out = NULL;
	size_t len = 0;
	FILE *f;
	struct rte_mbuf *m;

	init_as("primary");
	m = make_mbuf(make_pool("p", 8, ROOM), 18, 'a');
	rte_pktmbuf_chain(m, make_mbuf(m->pool, 3, 0));
	f = open_memstream(&out, &len);
	rte_pktmbuf_dump(f, m, 20);
	rte_pktmbuf_dump(f, m, 0);
	fclose(f);
	CHECK_HAS(out, "buf_len=256\n  pkt_len=21, ol_flags=0, nb_segs=2, port=65535, ptype=0\n");
	CHECK_HAS(out, "00000000: 61 62 63 64 65 66 67 68 69 6A 6B 6C 6D 6E 6F 70 | abcdefghijklmnop\n");
	CHECK_HAS(out, "00000000: 00 01                                           | ..\n");
	free(out);
}

/* ---- transmission, scheduling ---- */

static int validate(struct rte_mbuf *m, uint64_t flags)
{
	m->ol_flags = flags;
	return rte_validate_tx_offload(m);
}

TEST(what_transmit_flags_need)
{
	const uint64_t tso = RTE_MBUF_F_TX_TCP_SEG, ip4 = RTE_MBUF_F_TX_IPV4, sum = RTE_MBUF_F_TX_IP_CKSUM;
	struct rte_mbuf m;

	memset(&m, 0, sizeof(m));
	CHECK_EQ(validate(&m, 0), 0);
	CHECK_EQ(validate(&m, tso), -EINVAL);
	CHECK_EQ(validate(&m, sum), 0);
	CHECK_EQ(validate(&m, sum | RTE_MBUF_F_TX_IPV6), -EINVAL);
	CHECK_EQ(validate(&m, sum | ip4), 0);
	CHECK_EQ(validate(&m, tso | ip4 | sum), -EINVAL);
	m.tso_segsz = 10;
	CHECK_EQ(validate(&m, tso | ip4 | sum), 0);
	CHECK_EQ(validate(&m, tso | ip4), -EINVAL);
	CHECK_EQ(validate(&m, tso | RTE_MBUF_F_TX_IPV6), 0);
	CHECK_EQ(validate(&m, RTE_MBUF_F_TX_TCP_CKSUM), -EINVAL);
	CHECK_EQ(validate(&m, RTE_MBUF_F_TX_OUTER_IP_CKSUM), -EINVAL);
	CHECK_EQ(validate(&m, RTE_MBUF_F_TX_OUTER_IP_CKSUM | RTE_MBUF_F_TX_OUTER_IPV4), 0);
	m.tx_offload = rte_mbuf_tx_offload(1, 2, 3, 4, 5, 6, 0);
	CHECK_EQ(m.l2_len, 1);
	CHECK_EQ(m.l3_len, 2);
	CHECK_EQ(m.l4_len, 3);
	CHECK_EQ(m.tso_segsz, 4);
	CHECK_EQ(m.outer_l3_len, 5);
	CHECK_EQ(m.outer_l2_len, 6);
	CHECK_EQ(rte_mbuf_tx_offload(0, 0, 0, 0, 0, 0, 255), 255ULL << RTE_MBUF_TXOFLD_UNUSED_OFS);
}

TEST(scheduling)
{
	uint8_t class, color;
	struct rte_mbuf m;
	uint32_t queue;

	memset(&m, 0xff, sizeof(m));
	rte_mbuf_sched_set(&m, 70000, 3, 2);
	rte_mbuf_sched_get(&m, &queue, &class, &color);
	CHECK_EQ(queue, 70000);
	CHECK_EQ(class, 3);
	CHECK_EQ(color, 2);
	rte_mbuf_sched_queue_set(&m, 5);
	rte_mbuf_sched_traffic_class_set(&m, 6);
	rte_mbuf_sched_color_set(&m, 1);
	CHECK_EQ(rte_mbuf_sched_queue_get(&m), 5);
	CHECK_EQ(rte_mbuf_sched_traffic_class_get(&m), 6);
	CHECK_EQ(rte_mbuf_sched_color_get(&m), 1);
}
