/* SPDX-License-Identifier: BSD-3-Clause */
/* afp_help.h - what the tests of net_af_packet have in common: a veth pair, the port on its near end; frames; events */
#ifndef AFP_HELP_H
#define AFP_HELP_H

#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <linux/veth.h>
#include <linux/virtio_net.h>
#include <net/if_arp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <linux/capability.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "hear_help.h"
#include "netns_help.h"
#include "port_help.h"

#define NEAR "va" /* the port's end */
#define FAR "vb"  /* the host's */
#define MSS 1000u

/* ---- the pair ---- */

/* as 'ip link add va [index N] type veth peer name vb'; names of two characters */
static inline void make_pair_of(const char *near, int index, const char *far)
{
	struct nl_link q = {.i.ifi_index = index};
	struct rtattr *info, *data, *peer;
	char *at = nl_put(q.more, IFLA_IFNAME, near, sizeof(NEAR));
	int r;

	info = (void *)at;
	at = nl_put(at, IFLA_LINKINFO, NULL, 0);
	at = nl_put(at, IFLA_INFO_KIND, "veth", 4);
	data = (void *)at;
	at = nl_put(at, IFLA_INFO_DATA, NULL, 0);
	peer = (void *)at;
	at = nl_put(at, VETH_INFO_PEER, "", 0);
	at += NLMSG_ALIGN(sizeof(struct ifinfomsg));
	at = nl_put(at, IFLA_IFNAME, far, sizeof(FAR));
	info->rta_len = (unsigned short)(at - (char *)info);
	data->rta_len = (unsigned short)(at - (char *)data);
	peer->rta_len = (unsigned short)(at - (char *)peer);
	r = nl_ask(&q.n, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, at);
	if (r == -EOPNOTSUPP)
		SKIP("this kernel has no veth");
	CHECK_EQ(r, 0);
}

static inline void make_pair(void)
{
	make_pair_of(NEAR, 0, FAR);
}

/* as 'tc qdisc add dev va root KIND'; options: an attribute that ends at `end` */
static inline void add_qdisc(const char *kind, const void *options, const void *end)
{
	struct {
		struct nlmsghdr n;
		struct tcmsg t;
		char more[256];
	} q = {.t = {.tcm_ifindex = (int)if_nametoindex(NEAR), .tcm_parent = TC_H_ROOT}};
	size_t len = (size_t)((const char *)end - (const char *)options);
	char *at = nl_put(q.more, TCA_KIND, kind, (unsigned short)(strlen(kind) + 1));
	int r;

	memcpy(at, options, len);
	r = nl_ask(&q.n, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, at + len);
	if (r == -EOPNOTSUPP || r == -ENOENT)
		SKIP("this kernel has no %s", kind);
	CHECK_EQ(r, 0);
}

static inline void network(void)
{
	int fd;

	own_network();
	make_pair();
	/* no packets but ours: IPv6 greets */
	fd = open("/proc/sys/net/ipv6/conf/all/disable_ipv6", O_WRONLY);
	if (fd >= 0) {
		CHECK_EQ(write(fd, "1", 1), 1);
		(void)close(fd);
	}
	set_up(NEAR, true);
	set_up(FAR, true);
}

static inline uint16_t begin(const char *args, uint16_t queues)
{
	char vdev[128];
	uint16_t id;

	network();
	snprintf(vdev, sizeof(vdev), "--vdev=net_af_packet0,iface=" NEAR "%s", args);
	INIT("primary", vdev);
	id = port_named("net_af_packet0");
	start_port(id, queues, make_pool("mp", 4095));
	return id;
}

/* ---- frames of the test's own kind ---- */

struct await {
	uint16_t port, queues;
	unsigned got, want;
	unsigned char mark;
};

static inline bool more(void *arg)
{
	struct await *a = arg;

	for (uint16_t q = 0; q < a->queues; q++) {
		struct rte_mbuf *m[32];
		uint16_t n = rte_eth_rx_burst(a->port, q, m, 32);

		for (uint16_t i = 0; i < n; i++) {
			const unsigned char *b = rte_pktmbuf_mtod(m[i], const unsigned char *);

			if (b[12] == 0x88 && b[13] == 0xb5 && b[14] == a->mark) {
				CHECK_EQ(m[i]->port, a->port);
				a->got++;
			}
		}
		rte_pktmbuf_free_bulk(m, n);
	}
	return a->got >= a->want;
}

static inline void await_frames(uint16_t port, uint16_t queues, unsigned n, unsigned char mark)
{
	struct await a = {.port = port, .queues = queues, .want = n, .mark = mark};

	t_until(more, &a);
	CHECK_EQ(a.got, n);
}

static inline struct rte_mbuf *mbuf_of(const unsigned char *f, unsigned n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rte_mempool_lookup("mp"));

	CHECK(m != NULL);
	memcpy(rte_pktmbuf_append(m, (uint16_t)n), f, n);
	return m;
}

static inline void send_from(uint16_t port, uint16_t queue, unsigned n, unsigned char mark)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned char f[600];
		struct rte_mbuf *m;

		fill_frame(f, sizeof(f), mark);
		m = mbuf_of(f, sizeof(f));
		CHECK_EQ(rte_eth_tx_burst(port, queue, &m, 1), 1);
	}
}

static inline void host_gets(int s, unsigned n, unsigned char mark)
{
	unsigned char f[2048];

	for (unsigned i = 0; i < n;) {
		struct sockaddr_ll from = {.sll_family = AF_PACKET};
		socklen_t len = sizeof(from);
		ssize_t got = recvfrom(s, f, sizeof(f), 0, (struct sockaddr *)&from, &len);

		if (from.sll_pkttype == PACKET_OUTGOING)
			continue;
		CHECK_EQ(got, 600);
		CHECK(f[14] == mark && f[599] == mark);
		i++;
	}
}

/* a TCP packet with so much data, the virtio-net header before it; sum: with a checksum of its own. Returns bytes of both */
static inline unsigned tcp_frame(unsigned char *f, uint32_t seq, unsigned payload, bool gso, bool sum)
{
	struct virtio_net_hdr v = {0};
	unsigned char *p = f + sizeof(v);
	struct rte_ipv4_hdr *ip = (void *)(p + 14);
	struct rte_tcp_hdr *t = (void *)(p + 34);

	fill_frame(p, 54, 0);
	memcpy(p + 12, "\x08\x00", 2);
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(40 + payload));
	ip->fragment_offset = rte_cpu_to_be_16(0x4000);
	ip->time_to_live = 9;
	ip->next_proto_id = IPPROTO_TCP;
	ip->src_addr = rte_cpu_to_be_32(0x0a090002);
	ip->dst_addr = rte_cpu_to_be_32(0x0a090001);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	t->src_port = t->dst_port = rte_cpu_to_be_16(7);
	t->sent_seq = rte_cpu_to_be_32(seq);
	t->data_off = 0x50;
	t->tcp_flags = RTE_TCP_ACK_FLAG;
	for (unsigned i = 0; i < payload; i++)
		p[54 + i] = (unsigned char)((seq + i) * 7);
	t->cksum = sum ? rte_ipv4_udptcp_cksum(ip, t) : rte_ipv4_phdr_cksum(ip, 0);
	if (gso)
		v = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					    .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					    .hdr_len = 54,
					    .gso_size = MSS,
					    .csum_start = 34,
					    .csum_offset = 16};
	memcpy(f, &v, sizeof(v));
	return (unsigned)sizeof(v) + 54 + payload;
}

/* a socket of the host that speaks of big packets */
static inline int vnet_socket(void)
{
	int s = raw_socket(FAR), one = 1;
	struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP)};

	CHECK_EQ(setsockopt(s, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), 0);
	a.sll_ifindex = (int)if_nametoindex(FAR);
	CHECK_EQ(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	return s;
}

/* TCP as it is received: in order, right, and whole */
struct stream {
	uint16_t port;
	uint32_t seq;
	unsigned packets, most;
	uint32_t end;
	uint64_t flags;
};

static inline bool whole(void *arg)
{
	struct stream *x = arg;
	struct rte_mbuf *m;

	while (x->seq < x->end && rte_eth_rx_burst(x->port, 0, &m, 1) == 1) {
		static unsigned char b[70000];
		const struct rte_ipv4_hdr *ip = (void *)(b + 14);
		const struct rte_tcp_hdr *t = (void *)(b + 34);
		const void *at = rte_pktmbuf_read(m, 0, m->pkt_len, b);

		if (at != b)
			memcpy(b, at, m->pkt_len);
		if (ip->next_proto_id == IPPROTO_TCP && b[12] == 8) {
			CHECK_EQ(rte_be_to_cpu_32(t->sent_seq), x->seq);
			CHECK_EQ(rte_ipv4_udptcp_cksum_verify(ip, t), 0);
			CHECK_EQ(rte_be_to_cpu_16(ip->total_length), m->pkt_len - 14);
			for (unsigned i = 54; i < m->pkt_len; i++)
				CHECK(b[i] == (unsigned char)((x->seq + i - 54) * 7));
			x->seq += m->pkt_len - 54;
			x->packets++;
			x->most = m->pkt_len - 54 > x->most ? m->pkt_len - 54 : x->most;
			x->flags |= m->ol_flags;
		}
		rte_pktmbuf_free(m);
	}
	return x->seq >= x->end;
}

static unsigned char big[70000]
	__attribute__((unused)); /* the kill tests of a build without fault hooks have no use for it */

static inline void await_event(int ev)
{
	t_until(has_heard, &ev);
	__atomic_store_n(&heard[ev], 0, __ATOMIC_SEQ_CST);
}

static inline bool link_is(uint16_t id)
{
	struct rte_eth_link l;

	CHECK_EQ(rte_eth_link_get_nowait(id, &l), 0);
	return l.link_status;
}

static inline bool link_is_up(void *id)
{
	return link_is(*(uint16_t *)id);
}

static inline bool link_is_down(void *id)
{
	return !link_is_up(id);
}

ROLE(listener)
{
	char line[32];
	uint16_t id;

	INIT("secondary", NULL);
	id = port_named("net_af_packet0");
	CHECK_EQ(rte_eth_dev_callback_register(id, RTE_ETH_EVENT_INTR_LSC, hear, NULL), 0);
	CHECK_EQ(rte_eth_dev_callback_register(id, RTE_ETH_EVENT_INTR_RMV, hear, NULL), 0);
	(void)link_is(id); /* this process uses the port from now on */
	t_tell("ready");
	while (t_hear(line, sizeof(line))) {
		await_event(strcmp(line, "lsc") == 0 ? RTE_ETH_EVENT_INTR_LSC : RTE_ETH_EVENT_INTR_RMV);
		t_tell("heard %d %d", link_is(id), rte_eth_dev_is_removed(id));
	}
	return rte_eal_cleanup();
}

#endif
