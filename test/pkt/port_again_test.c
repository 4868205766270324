/* SPDX-License-Identifier: BSD-3-Clause */
/* port_again_test.c - ports configured once more, settings that no port has, ports stopped from inside a burst */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "port_help.h"

static const struct rte_eth_conf plain;

/* how many packets come out of the ring port's queue after n were put in; -1: none goes in */
static int through(uint16_t port, uint16_t q, struct rte_mempool *mp, unsigned n)
{
	struct rte_mbuf *m[16];
	unsigned got;

	CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, n), 0);
	got = rte_eth_tx_burst(port, q, m, (uint16_t)n);
	rte_pktmbuf_free_bulk(m + got, n - got);
	if (got == 0)
		return -1;
	got = rte_eth_rx_burst(port, q, m, 16);
	rte_pktmbuf_free_bulk(m, got);
	return (int)got;
}

/* ---- records of queues that others are asked about while there come to be more ---- */

/* a process that asks: a queue that is set up cannot say how much it holds, another one is none. "round" for each that it hears */
ROLE(asker)
{
	struct rte_eth_stats s;
	char line[16];
	uint64_t owner;

	INIT("secondary", NULL);
	CHECK_EQ(rte_log_set_level_pattern("*", RTE_LOG_CRIT), 0); /* a line for each queue that there is not */
	t_tell("ready");
	CHECK_EQ(fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK), 0);
	for (;;) {
		for (uint16_t q = 0; q < 64; q++) {
			int rx = rte_eth_rx_queue_count(0, q), tx = rte_eth_tx_descriptor_status(0, q, 0);
			int who = shoal_eth_queue_owner(0, q, SHOAL_ETH_TX, &owner, NULL);

			CHECK(rx == -ENOTSUP || rx == -EINVAL);
			CHECK(tx == -ENOTSUP || tx == -EINVAL);
			CHECK(who == -ENOENT || who == -EINVAL);
		}
		CHECK_EQ(rte_eth_stats_get(0, &s), 0);
		CHECK_EQ(s.opackets, 0);
		ssize_t n = read(STDIN_FILENO, line, sizeof(line));
		if (n > 0)
			t_tell("round");
		else if (n == 0)
			return rte_eal_cleanup();
	}
}

TEST(queues_can_be_asked_about_while_there_come_to_be_more)
{
	static const uint16_t many[] = {1, 16, 17, 5, 33, 64, 65, 3, 200, 1024, 40};
	struct rte_mempool *mp;
	struct t_proc *p;

	INIT("primary", "--vdev=net_null0");
	mp = make_pool("mp", 127);
	p = t_spawn("asker", NULL);
	t_expect(p, "ready");
	for (unsigned i = 0; i < sizeof(many) / sizeof(many[0]); i++) {
		start_port(0, many[i], mp);
		CHECK_EQ(rte_eth_rx_queue_count(0, (uint16_t)(many[i] - 1)), -ENOTSUP);
		CHECK_EQ(rte_eth_tx_queue_count(0, (uint16_t)(many[i] - 1)), -ENOTSUP);
		CHECK_EQ(rte_eth_rx_queue_count(0, many[i]), -EINVAL);
		t_say(p, "go");
		t_expect(p, "round");
		CHECK_EQ(rte_eth_dev_stop(0), 0);
	}
	close(p->in);
	p->in = -1;
	CHECK_EQ(t_wait(p), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(queues_that_were_set_up_stay_so)
{
	struct rte_eth_rxconf rxc = {.rx_drop_en = 1, .rx_free_thresh = 7};
	struct rte_eth_conf c = plain;
	struct rte_eth_rxq_info rxi;
	struct rte_mempool *mp;

	INIT("primary", "--vdev=net_ring0");
	mp = make_pool("mp", 127);
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), 0);
	for (uint16_t q = 0; q < 2; q++) {
		CHECK_EQ(rte_eth_rx_queue_setup(0, q, 128, 0, &rxc, mp), 0);
		CHECK_EQ(rte_eth_tx_queue_setup(0, q, 64, 0, NULL), 0);
	}
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(through(0, 1, mp, 8), 8);
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	/* as many: as they were */
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), 0);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 1, &rxi), 0);
	CHECK(rxi.mp == mp && rxi.nb_desc == 128 && rxi.conf.rx_drop_en == 1 && rxi.conf.rx_free_thresh == 7);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(through(0, 0, mp, 5), 5);
	CHECK_EQ(through(0, 1, mp, 6), 6);
	CHECK_EQ(stats_of(0).ipackets, 19);
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	/* fewer, then as many as there were: the second is none that was set up any more */
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &c), 0);
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), 0);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 0, &rxi), 0);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 1, &rxi), -EINVAL);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(through(0, 0, mp, 3), 3);
	CHECK_EQ(through(0, 1, mp, 3), -1);
	CHECK_EQ(rte_errno, ENETDOWN);
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	/* none one way */
	CHECK_EQ(rte_eth_dev_configure(0, 0, 1, &c), 0);
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &c), 0);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 0, &rxi), -EINVAL);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, NULL, mp), 0);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(through(0, 0, mp, 3), 3);
	CHECK_EQ(rte_mempool_avail_count(mp), 127);
}

/* the records of more queues lie elsewhere */
TEST(queues_stay_set_up_when_there_are_many_more)
{
	struct rte_eth_rxconf rxc = {.rx_drop_en = 1};
	struct rte_eth_rxq_info rxi;
	struct rte_eth_txq_info txi;
	struct rte_mempool *mp;
	struct rte_mbuf *m[8];

	INIT("primary", "--vdev=net_null0", "--vdev=net_null1");
	mp = make_pool("mp", 127);
	for (uint16_t port = 0; port < 2; port++) {
		start_port(port, 2, mp);
		CHECK_EQ(rte_eth_rx_burst(port, 1, m, 8), 8);
		CHECK_EQ(rte_eth_tx_burst(port, 1, m, 8), 8);
		CHECK_EQ(rte_eth_dev_stop(port), 0);
	}
	CHECK_EQ(rte_eth_rx_queue_setup(0, 1, 256, 0, &rxc, mp), 0);
	CHECK_EQ(rte_eth_dev_configure(0, 70, 70, &plain), 0);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 1, &rxi), 0);
	CHECK(rxi.mp == mp && rxi.nb_desc == 256 && rxi.conf.rx_drop_en == 1);
	CHECK_EQ(rte_eth_tx_queue_info_get(0, 1, &txi), 0);
	CHECK_EQ(txi.nb_desc, 64);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 2, &rxi), -EINVAL);
	CHECK_EQ(stats_of(0).opackets, 8);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 69, 64, 0, NULL, mp), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(0, 69, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	for (uint16_t q = 0; q < 70; q++) {
		uint16_t n = rte_eth_rx_burst(0, q, m, 8);

		CHECK_EQ(n, q < 2 || q == 69 ? 8 : 0);
		CHECK_EQ(rte_eth_tx_burst(0, q, m, n), n);
	}
	CHECK_EQ(stats_of(0).opackets, 32);
	CHECK_EQ(rte_mempool_avail_count(mp), 127);
}

TEST(a_start_says_which_queues_are_none)
{
	struct rte_mempool *mp;

	INIT("primary", "--vdev=net_null0");
	mp = make_pool("mp", 63);
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &plain), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, NULL, mp), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(0, 0, 64, 0, NULL), 0);
	listen_to_log();
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(said("1 of 2 rx queues (rx queue 1 first) and 1 of 2 tx queues (tx queue 1 first) were not set up"),
		 1);
	CHECK_EQ(lines_said(), 1);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(lines_said(), 1);
	log_as_before();
}

/* what a port takes is what it does: the rest is refused, or said to do nothing */
TEST(what_no_queue_has_is_refused)
{
	union rte_eth_rxseg seg[2];
	struct rte_eth_rxconf rxc = {.rx_nseg = 2};
	struct rte_mempool *mp, *pools[2];

	INIT("primary", "--vdev=net_null0");
	mp = pools[0] = pools[1] = make_pool("mp", 63);
	memset(seg, 0, sizeof(seg));
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &plain), 0);
	listen_to_log();
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, &rxc, mp), -EINVAL);
	rxc.rx_seg = seg;
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, &rxc, NULL), -EINVAL);
	rxc = (struct rte_eth_rxconf){.rx_nmempool = 2, .rx_mempools = pools};
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, &rxc, NULL), -EINVAL);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, &rxc, mp), -EINVAL);
	CHECK_EQ(said("it takes its packets from one pool"), 4);
	rxc = (struct rte_eth_rxconf){.share_group = 3, .share_qid = 77};
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, &rxc, mp), -EINVAL);
	CHECK_EQ(said("no port shares its rx queues with others (share_group)"), 1);
	CHECK_EQ(lines_said(), 5);
	rxc.share_group = 0; /* then share_qid says nothing, nor do pointers without their numbers */
	rxc.rx_seg = seg;
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, &rxc, mp), 0);
	CHECK_EQ(lines_said(), 5);
	log_as_before();
}

TEST(settings_without_effect_are_said)
{
	struct rte_eth_conf c = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_RSS}};
	struct rte_eth_rss_conf rss = {.rss_hf = RTE_ETH_RSS_IP | RTE_ETH_RSS_LEVEL_OUTERMOST};

	INIT("primary", "--vdev=net_null0");
	c.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IP | RTE_ETH_RSS_LEVEL_INNERMOST;
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), -EINVAL);
	c.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IP;
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), 0);
	CHECK_EQ(rte_eth_dev_rss_hash_update(0, &rss), -EINVAL);
	/* from and to: neither is said */
	rss.rss_hf = RTE_ETH_RSS_IP | RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L3_DST_ONLY;
	CHECK_EQ(rte_eth_dev_rss_hash_update(0, &rss), 0);
	CHECK_EQ(rte_eth_dev_rss_hash_conf_get(0, &rss), 0);
	CHECK(rss.rss_hf == RTE_ETH_RSS_IP);
	listen_to_log();
	c.link_speeds = RTE_ETH_LINK_SPEED_FIXED | RTE_ETH_LINK_SPEED_10G;
	c.txmode.hw_vlan_insert_pvid = 1;
	c.lpbk_mode = 1;
	c.dcb_capability_en = 1;
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), 0);
	CHECK_EQ(said("settings without effect here: link_speeds (fixed), txmode.hw_vlan_*, lpbk_mode, "
		      "dcb_capability_en"),
		 1);
	CHECK_EQ(lines_said(), 1);
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &plain), 0);
	CHECK_EQ(lines_said(), 1);
	log_as_before();
}

/* ---- from inside a burst ---- */

/* a back end whose get calls the test: inside a burst, as a signal handler would come */
static struct rte_mempool *inside_mp;
static void *stack[64];
static unsigned n_stack;
static void (*volatile inside)(void);

static int pile_new(struct rte_mempool *mp)
{
	(void)mp;
	return 0;
}

static void pile_end(struct rte_mempool *mp)
{
	(void)mp;
}

static int pile_put(struct rte_mempool *mp, void *const *o, unsigned n)
{
	(void)mp;
	memcpy(&stack[n_stack], o, n * sizeof(*o));
	n_stack += n;
	return 0;
}

static int pile_get(struct rte_mempool *mp, void **o, unsigned n)
{
	(void)mp;
	if (inside != NULL)
		CHECK_EQ(raise(SIGUSR1), 0);
	if (n > n_stack)
		return -ENOBUFS;
	n_stack -= n;
	memcpy(o, &stack[n_stack], n * sizeof(*o));
	return 0;
}

static unsigned pile_count(const struct rte_mempool *mp)
{
	(void)mp;
	return n_stack;
}

static const struct rte_mempool_ops pile = {.name = "pile",
					    .alloc = pile_new,
					    .free = pile_end,
					    .enqueue = pile_put,
					    .dequeue = pile_get,
					    .get_count = pile_count};

static void on_signal(int sig)
{
	void (*fn)(void) = inside;

	(void)sig;
	inside = NULL; /* once */
	fn();
}

static uint16_t burst_with(void (*fn)(void), uint16_t q)
{
	struct rte_mbuf *m[8];
	uint16_t n;

	inside = fn;
	n = rte_eth_rx_burst(0, q, m, 8);
	CHECK(inside == NULL);
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

static void inside_begin(void)
{
	CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
	CHECK(rte_mempool_register_ops(&pile) >= 0);
	inside_mp =
		rte_pktmbuf_pool_create_by_ops("inside", 63, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY, "pile");
	CHECK(inside_mp != NULL);
}

/*
 * The handlers below allocate. They are sent by the thread itself, from a function that allocates nothing, so they may; TSan does
 * not know that, and it asks here.
 */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "report_signal_unsafe=0";
}

static void stop_it(void)
{
	CHECK_EQ(rte_eth_dev_stop(0), 0);
}

static void stop_and_more(void)
{
	listen_to_log();
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	CHECK_EQ(lines_said(), 0);
	CHECK_EQ(rte_eth_dev_start(0), -EBUSY);
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &plain), -EBUSY);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, NULL, inside_mp), -EBUSY);
	CHECK_EQ(rte_eth_dev_reset(0), -EBUSY);
	CHECK_EQ(rte_vdev_uninit("net_null0"), -EBUSY);
	CHECK_EQ(said("this very thread is inside a burst there"), 5);
	CHECK_EQ(lines_said(), 5);
	log_as_before();
}

static void stop_queue(void)
{
	CHECK_EQ(rte_eth_dev_rx_queue_stop(0, 1), 0);
}

TEST(a_handler_stops_the_port_whose_burst_it_interrupts)
{
	struct rte_mbuf *m[8];

	INIT("primary", "--vdev=net_null0");
	inside_begin();
	start_port(0, 2, inside_mp);
	CHECK_EQ(burst_with(stop_it, 0), 8);
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 8), 0);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(burst_with(stop_queue, 1), 8);
	CHECK_EQ(rte_eth_rx_burst(0, 1, m, 8), 0);
	CHECK_EQ(burst_with(stop_and_more, 0), 8);
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 8), 0);
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &plain), 0);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(burst_with(stop_it, 0), 8);
	CHECK_EQ(rte_vdev_uninit("net_null0"), 0);
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 8), 0);
	CHECK_EQ(n_stack, 63);
}

static void close_it(void)
{
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	CHECK_EQ(rte_eth_dev_close(0), 0);
	CHECK_EQ(rte_eth_dev_is_valid_port(0), 0);
	CHECK_EQ(rte_eth_dev_close(0), -ENODEV);
	CHECK_EQ(rte_eth_dev_count_avail(), 0);
}

/* what mp_server does: its burst is the last one, but may go on; the port is gone for all with the next one */
TEST(a_handler_closes_the_port_whose_burst_it_interrupts)
{
	struct rte_mbuf *m[8];

	INIT("primary", "--vdev=net_null0");
	inside_begin();
	start_port(0, 1, inside_mp);
	CHECK_EQ(burst_with(close_it, 0), 8);
	CHECK_EQ(rte_eth_dev_is_valid_port(0), 0);
	CHECK(rte_memzone_lookup("EP_0") != NULL);
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 8), 0);
	CHECK(rte_memzone_lookup("EP_0") == NULL);
	CHECK_EQ(rte_vdev_init("net_null0", ""), 0); /* another one, in its place */
	start_port(0, 1, inside_mp);
	CHECK_EQ(burst_with(close_it, 0), 8);
	CHECK_EQ(rte_eal_cleanup(), 0);
}
