/* SPDX-License-Identifier: BSD-3-Clause */
/* tap_help.h - what the tests of net_tap have in common: the port t0, frames both ways, events, other processes */
#ifndef TAP_HELP_H
#define TAP_HELP_H

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <signal.h>

#include "hear_help.h"
#include "netns_help.h"
#include "port_help.h"

static inline void need_tap(void)
{
	int fd;

	own_network();
	fd = open("/dev/net/tun", O_RDWR);
	if (fd < 0)
		SKIP("/dev/net/tun: %s", strerror(errno));
	(void)close(fd);
}

/* a queue of an interface, as any program opens one */
static inline int open_tap(const char *name)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	struct ifreq req;

	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	req.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE | IFF_VNET_HDR;
	CHECK_EQ(ioctl(fd, TUNSETIFF, &req), 0);
	return fd;
}

/* as 'ip tuntap add': it stays */
static inline void make_tap(const char *name)
{
	int fd = open_tap(name);

	CHECK_EQ(ioctl(fd, TUNSETPERSIST, 1), 0);
	(void)close(fd);
}

/* one packet of the test's kind, from any of n queues; what else the kernel sends is dropped */
struct await {
	uint16_t port, queues;
	unsigned got, want;
	unsigned char mark;
	bool seen[16];
};

static inline bool more(void *arg)
{
	struct await *a = arg;

	for (uint16_t q = 0; q < a->queues; q++) {
		struct rte_mbuf *m[32];
		uint16_t n = rte_eth_rx_burst(a->port, q, m, 32);

		for (uint16_t i = 0; i < n; i++) {
			const unsigned char *b = rte_pktmbuf_mtod(m[i], const unsigned char *);

			if (m[i]->pkt_len >= 15 && b[12] == 0x88 && b[13] == 0xb5 && b[14] == a->mark) {
				CHECK_EQ(m[i]->port, a->port);
				a->got++;
				a->seen[q] = true;
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

/* n frames through the port; the host gets them. segs: of how many pieces each is */
static inline void send_from(uint16_t port, uint16_t queue, unsigned n, unsigned char mark, unsigned segs)
{
	struct rte_mempool *mp = rte_mempool_lookup("mp");
	struct rte_mbuf *m[32];

	CHECK(mp != NULL && n <= 32);
	for (unsigned i = 0; i < n; i++) {
		unsigned char frame[600];
		struct rte_mbuf *tail;

		fill_frame(frame, sizeof(frame), mark);
		m[i] = tail = rte_pktmbuf_alloc(mp);
		CHECK(m[i] != NULL);
		for (unsigned k = 0; k < segs; k++) {
			char *to;

			if (k > 0) {
				struct rte_mbuf *next = rte_pktmbuf_alloc(mp);

				CHECK(next != NULL);
				tail->next = next;
				tail = next;
				m[i]->nb_segs++;
			}
			to = rte_pktmbuf_mtod(tail, char *);
			memcpy(to, frame + 600 / segs * k, 600 / segs);
			tail->data_len = (uint16_t)(600 / segs);
			m[i]->pkt_len = m[i]->pkt_len * (k > 0) + 600 / segs;
		}
	}
	CHECK_EQ(rte_eth_tx_burst(port, queue, m, (uint16_t)n), n);
}

static inline void host_gets(int s, unsigned n, unsigned char mark)
{
	unsigned char f[2048];

	for (unsigned i = 0; i < n;) {
		struct sockaddr_ll from = {.sll_family = AF_PACKET};
		socklen_t len = sizeof(from);
		ssize_t got = recvfrom(s, f, sizeof(f), 0, (struct sockaddr *)&from, &len);

		if (from.sll_pkttype == PACKET_OUTGOING) /* what this socket has sent */
			continue;
		CHECK_EQ(got, 600);
		CHECK(f[14] == mark && f[599] == mark);
		i++;
	}
}

ROLE(member)
{
	unsigned q = 0, n = 0, mark = 0;
	uint16_t id;
	char line[128];

	INIT("secondary", NULL);
	id = port_named("net_tap0");
	t_tell("ready");
	while (t_hear(line, sizeof(line))) {
		if (sscanf(line, "send %u %u %u", &q, &n, &mark) == 3) {
			send_from(id, (uint16_t)q, n, (unsigned char)mark, 1);
			t_tell("sent");
		} else if (sscanf(line, "await %u %u", &n, &mark) == 2) {
			await_frames(id, 1, n, (unsigned char)mark);
			t_tell("got");
		}
	}
	return rte_eal_cleanup();
}

static inline uint16_t begin(const char *more_args, uint16_t queues)
{
	char vdev[128];
	uint16_t id;

	need_tap();
	snprintf(vdev, sizeof(vdev), "--vdev=net_tap0,iface=t0%s", more_args);
	INIT("primary", vdev);
	id = port_named("net_tap0");
	start_port(id, queues, make_pool("mp", 4095));
	return id;
}

static inline void hear_all(void)
{
	for (int ev = 0; ev < RTE_ETH_EVENT_MAX; ev++)
		CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, (enum rte_eth_event_type)ev, hear, NULL), 0);
}

ROLE(listener)
{
	char line[64];
	int ev;

	INIT("secondary", NULL);
	(void)port_named("net_tap0");
	hear_all();
	t_tell("ready");
	while (t_hear(line, sizeof(line)))
		if (sscanf(line, "await %d", &ev) == 1) {
			t_until(has_heard, &ev);
			t_tell("heard");
		}
	return rte_eal_cleanup();
}

#endif
