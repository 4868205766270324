/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * udp_help.h - datagrams of a flow through a port to the host: as one big packet where they can be, to whoever receives it the same
 *
 * What it looks like in between is seen by a socket that speaks of big packets; what it is, by a UDP socket.
 */
#ifndef UDP_HELP_H
#define UDP_HELP_H

#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <rte_ip.h>
#include <rte_udp.h>

#include "netns_help.h"
#include "pkt/gso.h"
#include "port_help.h"

#define SIZE 18u /* of a datagram: 64 bytes on a wire */
#define N 20u
#define FLOW 2000u /* the first UDP port */
#define HOST 0x0a090001u
#define OTHER 0x0a090002u

/* a burst, as it is sent */
struct load {
	unsigned n, len[32];
	unsigned char f[32][42 + 64];
};

static inline uint64_t mac_of(const char *name)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq req;
	uint64_t mac = 0;

	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	CHECK_EQ(ioctl(s, SIOCGIFHWADDR, &req), 0);
	memcpy(&mac, req.ifr_hwaddr.sa_data, 6);
	(void)close(s);
	return mac;
}

/* the i-th datagram of a flow: a frame for the host that has `to` */
static inline unsigned datagram(unsigned char *f, uint64_t to, unsigned flow, unsigned i, unsigned size)
{
	struct rte_ipv4_hdr *ip = (void *)(f + 14);
	struct rte_udp_hdr *u = (void *)(f + 34);

	fill_frame(f, 42 + size, 0);
	memcpy(f, &to, 6);
	memcpy(f + 12, "\x08\x00", 2);
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(28 + size));
	ip->packet_id = rte_cpu_to_be_16((uint16_t)(500 + i));
	ip->time_to_live = 9;
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = rte_cpu_to_be_32(OTHER);
	ip->dst_addr = rte_cpu_to_be_32(HOST);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	u->src_port = u->dst_port = rte_cpu_to_be_16((uint16_t)(FLOW + flow));
	u->dgram_len = rte_cpu_to_be_16((uint16_t)(8 + size));
	for (unsigned k = 0; k < size; k++)
		f[42 + k] = (unsigned char)(i * 16 + k);
	u->dgram_cksum = rte_ipv4_udptcp_cksum(ip, u);
	return 42 + size;
}

/* N datagrams in turn of so many flows, the last one of one flow is shorter */
static inline void make_load(struct load *l, uint64_t to, unsigned flows)
{
	l->n = N;
	for (unsigned i = 0; i < N; i++)
		l->len[i] = datagram(l->f[i], to, i % flows, i / flows, flows == 1 && i == N - 1 ? 5 : SIZE);
}

static inline void send_load(uint16_t id, const struct load *l)
{
	struct rte_mempool *mp = rte_mempool_lookup("mp");
	struct rte_mbuf *m[32];

	for (unsigned i = 0; i < l->n; i++) {
		m[i] = rte_pktmbuf_alloc(mp);
		CHECK(m[i] != NULL);
		memcpy(rte_pktmbuf_append(m[i], (uint16_t)l->len[i]), l->f[i], l->len[i]);
	}
	CHECK_EQ(rte_eth_tx_burst(id, 0, m, (uint16_t)l->n), l->n);
}

/* a socket of the host that sees packets of IP, and is told how they are to be cut */
static inline int eye_of(const char *name)
{
	int s = socket(AF_PACKET, SOCK_RAW, htons(0x0800)), one = 1;
	struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(0x0800)};

	a.sll_ifindex = (int)if_nametoindex(name);
	CHECK_EQ(setsockopt(s, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), 0);
	CHECK_EQ(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	return s;
}

/* does the kernel know big packets of UDP? */
static inline void need_big_udp(int s)
{
	unsigned char b[sizeof(struct virtio_net_hdr) + 42 + 64];
	struct virtio_net_hdr v = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				   .gso_type = SH_GSO_UDP,
				   .hdr_len = 42,
				   .gso_size = SIZE,
				   .csum_start = 34,
				   .csum_offset = 6};

	memcpy(b, &v, sizeof(v));
	(void)datagram(b + sizeof(v), 0, 99, 0, 64);
	if (send(s, b, sizeof(b), 0) < 0 && errno == EINVAL)
		SKIP("this kernel takes no big UDP packets from a packet socket");
}

static inline bool is_of_test(const unsigned char *f, unsigned n)
{
	const struct rte_ipv4_hdr *ip = (const void *)(f + 14);

	return n > 42 && ip->next_proto_id == IPPROTO_UDP && ip->src_addr == rte_cpu_to_be_32(OTHER);
}

/* the packet of the load that this is; it comes once, behind those of its flow that were sent before it */
static inline void tick_off(struct load *l, const unsigned char *f, unsigned len, unsigned *left)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (l->len[i] == 0 || memcmp(l->f[i] + 34, f + 34, 2) != 0)
			continue;
		CHECK_EQ(len, l->len[i]);
		CHECK(memcmp(f, l->f[i], len) == 0);
		l->len[i] = 0;
		(*left)--;
		return;
	}
	t_fail(__FILE__, __LINE__, "a packet that was not sent, or not so often");
}

/* what the host gets is what was sent, each packet as it was. Returns how many the kernel handed over */
static inline unsigned arrives(int s, struct load *l)
{
	unsigned left = l->n, frames = 0;

	while (left > 0) {
		static unsigned char b[70000];
		unsigned char *f = b + sizeof(struct virtio_net_hdr), one[128];
		ssize_t got = recv(s, b, sizeof(b), 0);
		struct virtio_net_hdr v;
		struct sh_cut c;

		memcpy(&v, b, sizeof(v));
		CHECK(got > (ssize_t)sizeof(v));
		got -= (ssize_t)sizeof(v);
		if (!is_of_test(f, (unsigned)got))
			continue;
		frames++;
		if (v.gso_type == VIRTIO_NET_HDR_GSO_NONE) {
			tick_off(l, f, (unsigned)got, &left);
			continue;
		}
		CHECK_EQ(v.gso_type, SH_GSO_UDP);
		CHECK(sh_cut_begin(&c, &v, f, (unsigned)got));
		while (sh_cut_more(&c)) {
			unsigned len = sh_cut_next(&c);

			CHECK(len <= sizeof(one));
			sh_cut_one(&c, one);
			tick_off(l, one, len, &left);
		}
	}
	return frames;
}

/* a port that may join, and the interface where the host sees what it sends */
static inline void check_joins(uint16_t id, const char *far)
{
	int s = eye_of(far);
	struct load l;

	need_big_udp(s);
	make_load(&l, mac_of(far), 1);
	send_load(id, &l);
	CHECK_EQ(arrives(s, &l), 1);
	/* of several flows in turn: the burst is put in order of them; of too many: as it is */
	make_load(&l, mac_of(far), 2);
	send_load(id, &l);
	CHECK_EQ(arrives(s, &l), 2);
	make_load(&l, mac_of(far), 9);
	send_load(id, &l);
	CHECK_EQ(arrives(s, &l), N);
	/* without a checksum it would have one when it is cut; with a wrong one, a right one */
	make_load(&l, mac_of(far), 1);
	memset(l.f[10] + 40, 0, 2);
	send_load(id, &l);
	CHECK_EQ(arrives(s, &l), 3);
	make_load(&l, mac_of(far), 1);
	l.f[7][50] ^= 1;
	send_load(id, &l);
	CHECK_EQ(arrives(s, &l), 3);
	CHECK_EQ(stats_of(id).opackets, 5 * N);
	CHECK_EQ(stats_of(id).oerrors, 0);
}

/* the host's own address, and a socket of its UDP */
static inline int host_socket(const char *name)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	struct ifreq req;
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	a.sin_addr.s_addr = htonl(HOST);
	memcpy(&req.ifr_addr, &a, sizeof(a));
	CHECK_EQ(ioctl(s, SIOCSIFADDR, &req), 0);
	a.sin_port = htons(FLOW);
	CHECK_EQ(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	return s;
}

/* each datagram by itself, in order, to a program that knows nothing of big packets */
static inline void check_sockets(uint16_t id, const char *far)
{
	int s = host_socket(far);
	unsigned char b[100];
	struct load l;

	make_load(&l, mac_of(far), 1);
	send_load(id, &l);
	for (unsigned i = 0; i < N; i++) {
		CHECK_EQ(recv(s, b, sizeof(b), 0), l.len[i] - 42);
		CHECK(memcmp(b, l.f[i] + 42, l.len[i] - 42) == 0);
	}
}

#endif
