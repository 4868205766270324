/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * afp_slots_test.c - net_af_packet: bursts of short packets, which the kernel reads from slots: each arrives, in order, whoever
 * sends, where slots are held up, and after a death at each step
 */
#include "afp_help.h"
#include "shoal_fd.h"

#define BURST 32u

static unsigned number; /* of the next frame that is sent, and of the next that must arrive */

/* a frame with that number, of that length */
static struct rte_mbuf *numbered(unsigned no, unsigned len)
{
	unsigned char f[1600];

	fill_frame(f, len, (unsigned char)no);
	memcpy(f + 14, &no, sizeof(no));
	return mbuf_of(f, len);
}

static unsigned len_of(unsigned no)
{
	return 60 + no * 37 % 1400;
}

static void sends(uint16_t id, unsigned n)
{
	while (n > 0) {
		unsigned k = n < BURST ? n : BURST;
		struct rte_mbuf *m[BURST];

		for (unsigned i = 0; i < k; i++, number++)
			m[i] = numbered(number, len_of(number));
		CHECK_EQ(rte_eth_tx_burst(id, 0, m, (uint16_t)k), k);
		n -= k;
	}
}

/* the frames from..to, in order and nothing else */
static void arrive(int s, unsigned from, unsigned to)
{
	static unsigned char f[2048];
	unsigned no;

	while (from < to) {
		struct sockaddr_ll a = {.sll_family = AF_PACKET};
		socklen_t alen = sizeof(a);
		ssize_t got = recvfrom(s, f, sizeof(f), 0, (struct sockaddr *)&a, &alen);

		if (a.sll_pkttype == PACKET_OUTGOING)
			continue;
		memcpy(&no, f + 14, sizeof(no));
		CHECK_EQ(no, from);
		CHECK_EQ(got, (long)len_of(no));
		for (unsigned i = 18; i < len_of(no); i++)
			CHECK(f[i] == (unsigned char)no);
		from++;
	}
}

TEST(bursts_of_any_size_arrive_in_order)
{
	uint16_t id = begin("", 1);
	int s = raw_socket(FAR);
	unsigned total = 0;

	for (unsigned n = 1; n <= 40; n++) { /* around the slots several times, and bursts that begin anywhere */
		sends(id, n);
		arrive(s, total, total + n);
		total += n;
	}
	CHECK_EQ(stats_of(id).opackets, total);
	CHECK_EQ(stats_of(id).oerrors, 0);
}

TEST(what_a_slot_cannot_take_keeps_its_place)
{
	uint16_t id = begin("", 1);
	int s = raw_socket(FAR);
	struct rte_mbuf *m[6];

	CHECK_EQ(len_of(2), 134);
	for (unsigned i = 0; i < 6; i++)
		m[i] = numbered(i, len_of(i));
	m[2]->data_len = 100; /* in two pieces */
	m[2]->next = numbered(2, 34);
	memset(rte_pktmbuf_mtod(m[2]->next, void *), 2, 34);
	m[2]->nb_segs = 2;
	CHECK_EQ(rte_eth_tx_burst(id, 0, m, 6), 6);
	arrive(s, 0, 6);
	number = 6;
	sends(id, 40);
	arrive(s, 6, 46);
	m[0] = numbered(46, 1590); /* longer than the MTU */
	m[1] = numbered(46, len_of(46));
	m[2] = numbered(47, 13); /* no frame */
	m[3] = numbered(47, len_of(47));
	CHECK_EQ(rte_eth_tx_burst(id, 0, m, 4), 4);
	arrive(s, 46, 48);
	CHECK_EQ(stats_of(id).opackets, 48);
	CHECK_EQ(stats_of(id).oerrors, 2);
}

/* so many bytes a second leave it */
static void slow_down(uint32_t rate)
{
	struct tc_tbf_qopt o = {.rate = {.rate = rate, .linklayer = TC_LINKLAYER_ETHERNET}, .limit = 1 << 22};
	uint32_t burst = 2000;
	_Alignas(4) char options[128];
	char *at = nl_put(options, TCA_OPTIONS, NULL, 0);

	at = nl_put(at, TCA_TBF_PARMS, &o, sizeof(o));
	at = nl_put(at, TCA_TBF_BURST, &burst, sizeof(burst));
	((struct rtattr *)(void *)options)->rta_len = (unsigned short)(at - options);
	add_qdisc("tbf", options, at);
}

ROLE(member)
{
	unsigned n;
	uint16_t id;
	char line[64];

	INIT("secondary", NULL);
	id = port_named("net_af_packet0");
	t_tell("ready");
	while (t_hear(line, sizeof(line))) {
		CHECK_EQ(sscanf(line, "send %u %u", &number, &n), 2);
		sends(id, n);
		CHECK_EQ(shoal_eth_queue_leave(id, 0, SHOAL_ETH_TX), 0);
		t_tell("sent");
	}
	return rte_eal_cleanup();
}

/* asks it to send so many, or to die at that */
static void ask(struct t_proc *p, unsigned n)
{
	char line[64];

	snprintf(line, sizeof(line), "send %u %u", number, n);
	t_say(p, line);
}

static void other_sends(struct t_proc *p, unsigned n)
{
	ask(p, n);
	t_expect(p, "sent");
	number += n;
}

/* a queueing discipline holds packets back, and with them their slots: the others go around them, behind */
TEST(where_all_slots_are_held_up_packets_stay_in_order)
{
	uint16_t id = begin("", 1);
	int s = raw_socket(FAR), size = 8 << 20;
	struct t_proc *p;

	CHECK_EQ(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	slow_down(1000000);
	p = t_spawn("member", NULL);
	t_expect(p, "ready");
	sends(id, 200); /* more than there are slots */
	CHECK_EQ(shoal_eth_queue_leave(id, 0, SHOAL_ETH_TX), 0);
	other_sends(p, 20); /* who has no slot to ask the kernel with */
	sends(id, 20);
	arrive(s, 0, 240);
	sends(id, 200);
	arrive(s, 240, 440);
	CHECK_EQ(stats_of(id).oerrors, 0);
}

TEST(processes_that_take_turns_send_in_order)
{
	uint16_t id = begin("", 1);
	int s = raw_socket(FAR);
	struct t_proc *p = t_spawn("member", NULL);

	t_expect(p, "ready");
	for (unsigned i = 0; i < 12; i++) {
		unsigned was = number;

		sends(id, 7 + i);
		CHECK_EQ(shoal_eth_queue_leave(id, 0, SHOAL_ETH_TX), 0);
		other_sends(p, 30 - i);
		arrive(s, was, number);
	}
}

static unsigned named(const char *what)
{
	static struct shoal_fd_info all[SHOAL_FD_NAMES];
	int n = shoal_fd_list(all, SHOAL_FD_NAMES);
	unsigned found = 0;

	CHECK(n > 0 && n <= SHOAL_FD_NAMES);
	for (int i = 0; i < n; i++)
		found += all[i].revoked == 0 && strstr(all[i].name, what) != NULL;
	return found;
}

/* the names of a group's descriptors are few: so many queues have slots, the others send as if there were none */
TEST(queues_without_slots_send_all_the_same)
{
	struct rte_mempool *mp;
	int s;

	network();
	s = raw_socket(FAR);
	INIT("primary", "--vdev=net_af_packet0,iface=" FAR, "--vdev=net_af_packet1,iface=" NEAR);
	mp = make_pool("mp", 1023);
	start_port(port_named("net_af_packet0"), 15, mp);
	start_port(port_named("net_af_packet1"), 3, mp);
	CHECK_EQ(named("/slots"), 16);
	CHECK_EQ(named("/tx"), 18);
	for (uint16_t q = 0; q < 3; q++) {
		struct rte_mbuf *m[2] = {numbered(2u * q, len_of(2u * q)), numbered(2u * q + 1, len_of(2u * q + 1))};

		CHECK_EQ(rte_eth_tx_burst(port_named("net_af_packet1"), q, m, 2), 2);
		arrive(s, 2u * q, 2u * q + 2);
	}
	CHECK_EQ(rte_eth_dev_stop(port_named("net_af_packet0")), 0);
	start_port(port_named("net_af_packet0"), 2, mp); /* which leaves some to others */
	CHECK_EQ(rte_eth_dev_stop(port_named("net_af_packet1")), 0);
	start_port(port_named("net_af_packet1"), 3, mp);
	CHECK_EQ(named("/slots"), 5);
}

#ifdef SH_FAULT
/* a death with packets in slots: those that the kernel was not asked for are gone, and nothing else */
static void dies_with_slots(const char *label, unsigned sent)
{
	uint16_t id = begin("", 1);
	int s = raw_socket(FAR);

	for (unsigned i = 0; i < 12; i++) {
		unsigned was = number;
		struct t_proc *p;

		sends(id, 13);
		CHECK_EQ(shoal_eth_queue_leave(id, 0, SHOAL_ETH_TX), 0);
		CHECK_EQ(setenv("SHOAL_DIE_AT", label, 1), 0);
		p = t_spawn("member", NULL);
		CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
		t_expect(p, "ready");
		ask(p, 9);
		CHECK_EQ(t_wait(p), 128 + SIGKILL);
		number += sent;
		sends(id, 11);
		arrive(s, was, number);
	}
}

TEST_T(dies_before_it_asks_the_kernel, 60)
{
	dies_with_slots("afp_slots_filled", 0);
}

TEST_T(dies_when_the_kernel_has_taken_them, 60)
{
	dies_with_slots("afp_slots_sent", 9);
}
#endif
