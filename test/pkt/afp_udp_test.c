/* SPDX-License-Identifier: BSD-3-Clause */
/* afp_udp_test.c - net_af_packet: datagrams that follow each other leave as one big packet, where somebody can cut it */
#include <sys/wait.h>

#include "afp_help.h"
#include "pkt/kif.h"
#include "udp_help.h"

TEST(datagrams_of_a_flow_leave_as_one)
{
	check_joins(begin("", 1), FAR);
}

TEST(a_socket_gets_each_datagram)
{
	check_sockets(begin("", 1), FAR);
}

TEST(join_0_sends_datagrams_one_by_one)
{
	uint16_t id = begin(",join=0", 1);
	int s = eye_of(FAR);
	struct load l;

	make_load(&l, mac_of(FAR), 1);
	send_load(id, &l);
	CHECK_EQ(arrives(s, &l), N);
}

/* as 'ethtool -K va tx-udp-segmentation off' */
static void uso_off(void)
{
	char *argv[] = {"ethtool", "-K", NEAR, "tx-udp-segmentation", "off", NULL};
	int s = socket(AF_INET, SOCK_DGRAM, 0), status;
	pid_t pid;

	if (!sh_kif_uso(s, if_nametoindex(NEAR)))
		SKIP("veth cuts no UDP here");
	pid = fork();
	if (pid == 0) {
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 127)
		SKIP("ethtool is not here");
	CHECK_EQ(status, 0);
	CHECK(!sh_kif_uso(s, if_nametoindex(NEAR)));
	(void)close(s);
}

/* around the queueing discipline nobody does it but the interface: found out when it no longer does, and nothing is lost */
TEST(where_nobody_cuts_any_more_datagrams_go_one_by_one)
{
	uint16_t id = begin(",qdisc_bypass=1", 1);
	int s = eye_of(FAR);
	struct load l;

	need_big_udp(s);
	make_load(&l, mac_of(FAR), 1);
	send_load(id, &l);
	CHECK_EQ(arrives(s, &l), 1);
	uso_off();
	for (unsigned i = 0; i < 2; i++) {
		make_load(&l, mac_of(FAR), 1);
		send_load(id, &l);
		CHECK_EQ(arrives(s, &l), N);
	}
	CHECK_EQ(stats_of(id).opackets, 3 * N);
	CHECK_EQ(stats_of(id).oerrors, 0);
}

/* as 'tc qdisc add dev va root tbf rate 8mbit burst 250 limit 500': takes two or three frames now (a big one counts as its packets) */
static void take_little(void)
{
	struct tc_tbf_qopt q = {.rate.rate = 1000000, .limit = 500, .buffer = 250u * 1000 / 64};
	_Alignas(4) char options[128], parms[64];
	char *end = nl_put(parms, TCA_TBF_PARMS, &q, sizeof(q));

	add_qdisc("tbf", options, nl_put(options, TCA_OPTIONS, parms, (unsigned short)(end - parms)));
}

/* a burst was put in order of its flows, and a part of it taken: the rest is the caller's, and each packet is in one of both */
TEST(what_is_not_taken_of_a_mixed_burst_stays_the_callers)
{
	uint16_t id = begin("", 1), sent = 0;
	struct rte_mbuf *m[32];
	int s = eye_of(FAR);
	struct load l;
	unsigned calls = 0;

	need_big_udp(s);
	take_little();
	make_load(&l, mac_of(FAR), 5);
	for (unsigned i = 0; i < l.n; i++)
		m[i] = mbuf_of(l.f[i], l.len[i]);
	for (; sent < l.n; calls++)
		sent = (uint16_t)(sent + rte_eth_tx_burst(id, 0, m + sent, (uint16_t)(l.n - sent)));
	CHECK(calls > 1);
	(void)arrives(s, &l);
	CHECK_EQ(stats_of(id).opackets, N);
	CHECK_EQ(rte_mempool_in_use_count(rte_mempool_lookup("mp")), 0);
}
