/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * afp_kill_test.c - net_af_packet: a process dies at each labelled step; who takes over gets all but what the dead one had in its
 * hands, and whoever starts the port next can use it
 */
#include "afp_help.h"

#ifndef SH_FAULT
TEST(without_labels_nobody_dies)
{
	SKIP("built without -Dfault=true");
}
#else
/* in two pieces: no slot takes them */
static void send_pieces(uint16_t id, unsigned n, unsigned char mark)
{
	while (n-- > 0) {
		unsigned char f[600];
		struct rte_mbuf *m;

		fill_frame(f, sizeof(f), mark);
		m = mbuf_of(f, 100);
		CHECK_EQ(rte_pktmbuf_chain(m, mbuf_of(f + 100, 500)), 0);
		CHECK_EQ(rte_eth_tx_burst(id, 0, &m, 1), 1);
	}
}

ROLE(victim)
{
	struct rte_mbuf *m[8];
	uint16_t id, n;

	INIT("secondary", NULL);
	id = port_named("net_af_packet0");
	if (argc > 1) {
		CHECK_EQ(rte_eth_dev_stop(id), 0);
		start_port(id, 2, rte_mempool_lookup("mp"));
	}
	send_pieces(id, 2, 9);
	do
		n = rte_eth_rx_burst(id, 0, m, 8);
	while (n == 0);
	rte_pktmbuf_free_bulk(m, n);
	return 0;
}

/* a death in a burst: who takes over gets all but what the dead one had in its hands */
static void dies_in_a_burst(const char *label, unsigned lost)
{
	uint16_t id = begin(",framecnt=64", 1);
	struct t_proc *p;
	int s = raw_socket(FAR);

	/* anywhere in the ring, and more than once around it */
	for (unsigned round = 0; round < 10; round++) {
		send_frames(s, 20, 200, 1);
		CHECK_EQ(setenv("SHOAL_DIE_AT", label, 1), 0);
		p = t_spawn("victim", NULL);
		CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
		CHECK_EQ(t_wait(p), 128 + SIGKILL);
		await_frames(id, 1, 20 - lost, 1);
		send_frames(s, 30, 200, 2);
		await_frames(id, 1, 30, 2);
		CHECK_EQ(stats_of(id).imissed, 0);
		CHECK_EQ(shoal_eth_queue_leave(id, 0, SHOAL_ETH_RX), 0);
	}
}

TEST_T(dies_before_slots_are_noted, 60)
{
	dies_in_a_burst("afp_marked", 8);
}

TEST_T(dies_before_slots_are_given_back, 60)
{
	dies_in_a_burst("afp_noted", 8);
}

TEST_T(dies_when_it_has_sent, 60)
{
	dies_in_a_burst("afp_sent", 0);
}

TEST_T(dies_with_a_big_packet, 60)
{
	uint16_t id = begin("", 1);
	struct stream x = {.port = id};
	int s = vnet_socket();
	struct t_proc *p;
	unsigned n = tcp_frame(big, 5000, 5000, true, false);

	CHECK_EQ(send(s, big, n, 0), n);
	n = tcp_frame(big, 0, 9000, true, false);
	CHECK_EQ(send(s, big, n, 0), n);
	CHECK_EQ(setenv("SHOAL_DIE_AT", "afp_big_read", 1), 0);
	p = t_spawn("victim", NULL);
	CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
	x.end = 9000;
	t_until(whole, &x);
	n = tcp_frame(big, 9000, 65000, true, false); /* the slot that was left behind has no packet any more */
	CHECK_EQ(send(s, big, n, 0), n);
	x.end = 74000;
	t_until(whole, &x);
	CHECK_EQ(x.seq, x.end);
}

TEST_T(dies_when_it_has_seen_a_link, 60)
{
	struct rte_eth_conf conf = {.intr_conf.lsc = 1};
	uint16_t id = begin("", 1);
	struct t_proc *p;

	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_configure(id, 1, 1, &conf), 0);
	CHECK_EQ(rte_eth_dev_callback_register(id, RTE_ETH_EVENT_INTR_LSC, hear, NULL), 0);
	CHECK_EQ(setenv("SHOAL_DIE_AT", "kif_stored", 1), 0);
	p = t_spawn("listener", NULL);
	CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
	t_expect(p, "ready");
	t_say(p, "rmv"); /* waits for what never comes */
	set_up(FAR, false);
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
	await_event(RTE_ETH_EVENT_INTR_LSC);
	CHECK(!link_is(id));
}

/* a death while the port is started, or its fds are offered: whoever starts it next can use it */
TEST_T(dies_while_it_starts_the_port, 120)
{
	static const char *const labels[] = {"afp_socket_made", "afp_socket_made:2", "afp_sockets_made",
					     "port_fd_made",	"port_fd_offered",   "port_fd_offered:2"};
	uint16_t id = begin("", 1);

	for (unsigned i = 0; i < RTE_DIM(labels); i++) {
		struct t_proc *p;
		int s;

		CHECK_EQ(rte_eth_dev_stop(id), 0);
		start_port(id, 1, rte_mempool_lookup("mp"));
		CHECK_EQ(setenv("SHOAL_DIE_AT", labels[i], 1), 0);
		p = t_spawn("victim", "starts", NULL);
		CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
		CHECK_EQ(t_wait(p), 128 + SIGKILL);
		CHECK_EQ(rte_eth_dev_stop(id), 0);
		start_port(id, 2, rte_mempool_lookup("mp"));
		s = raw_socket(FAR);
		send_frames(s, 40, 100, 5);
		await_frames(id, 2, 40, 5);
		send_from(id, 1, 3, 4);
		host_gets(s, 3, 4);
		(void)close(s);
	}
}
#endif
