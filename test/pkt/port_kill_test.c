/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_kill_test.c - a process dies at each labelled step of a port's life; then the port can be used, made, removed as if not
 *
 * The labels are those of README.md's table; that each is passed is checked, so none can be left behind in a list.
 */
#include <signal.h>

#include "port_help.h"

#define DEVICE "net_ring9"

/* a life: made, configured, set up, started, used, stopped, removed */
static void live(void)
{
	struct rte_mempool *mp = rte_mempool_lookup("mp");
	struct rte_mbuf *m[8];
	uint16_t id;

	CHECK(mp != NULL);
	if (rte_eth_dev_get_port_by_name(DEVICE, &id) != 0)
		CHECK_EQ(rte_vdev_init(DEVICE, NULL), 0);
	id = port_named(DEVICE);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	start_port(id, 2, mp);
	CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, 8), 0);
	CHECK_EQ(rte_eth_tx_burst(id, 1, m, 8), 8);
	CHECK_EQ(rte_eth_rx_burst(id, 1, m, 8), 8);
	rte_pktmbuf_free_bulk(m, 8);
	CHECK_EQ(rte_eth_dev_set_link_down(id), 0);
	CHECK_EQ(rte_eth_stats_reset(id), 0);
	CHECK_EQ(rte_eth_rx_queue_count(id, 1), 0);
	CHECK_EQ(shoal_eth_queue_leave(id, 1, SHOAL_ETH_RX), 0);
	CHECK_EQ(rte_eth_rx_burst(id, 1, m, 8), 0);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_vdev_uninit(DEVICE), 0);
}

ROLE(liver)
{
	INIT("secondary", NULL);
	t_tell("ready");
	live();
	return 0;
}

#ifdef SH_FAULT
static const char *const labels[] = {
	"port_making",	     "port_zone_there", "drv_ring_one",	 "port_probed",	   "port_ready",    "port_seated",
	"port_configuring",  "port_queue_half", "port_little",	 "port_starting",  "port_stopping", "port_queue_taken",
	"port_seat_leaving", "queue_claimed",	"queue_opening", "port_attaching", "port_visited",  "queue_inside",
	"queue_left",	     "port_going",	"drv_ring_gone", "port_removed",   "port_row_free",
};

static struct t_proc *spawn_dying(const char *label, unsigned nth)
{
	struct t_proc *p;
	char at[64];

	snprintf(at, sizeof(at), "%s:%u", label, nth);
	CHECK_EQ(setenv("SHOAL_DIE_AT", at, 1), 0);
	p = t_spawn("liver", NULL);
	CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
	return p;
}

/* nothing is left of the device, and every row can be used */
static void all_free(void)
{
	char name[32];

	CHECK(rte_memzone_lookup("EP_1") == NULL);
	CHECK(rte_ring_lookup("ETH_RXTX0_" DEVICE) == NULL);
	CHECK_EQ(rte_eth_dev_count_total(), 1);
	for (unsigned i = 1; i < RTE_MAX_ETHPORTS; i++) {
		snprintf(name, sizeof(name), "net_null%u", i);
		CHECK_EQ(rte_vdev_init(name, NULL), 0);
	}
	for (unsigned i = 1; i < RTE_MAX_ETHPORTS; i++) {
		snprintf(name, sizeof(name), "net_null%u", i);
		CHECK_EQ(rte_vdev_uninit(name), 0);
	}
}

/* as README.md says what others see */
static void as_promised(const char *label)
{
	struct rte_eth_rxq_info qi;
	struct rte_mbuf *m[8];
	uint16_t id;

	if (rte_eth_dev_get_port_by_name(DEVICE, &id) != 0)
		return;
	CHECK_EQ(rte_eth_stats_reset(id), 0); /* the first to want the seat mends */
	if (strcmp(label, "port_configuring") == 0) {
		CHECK_EQ(rte_eth_dev_start(id), -EINVAL);
	} else if (strcmp(label, "port_queue_half") == 0) {
		CHECK_EQ(rte_eth_rx_queue_info_get(id, 0, &qi), -EINVAL);
	} else if (strcmp(label, "port_starting") == 0 || strcmp(label, "port_stopping") == 0) {
		CHECK_EQ(rte_eth_rx_burst(id, 0, m, 8), 0);
		CHECK_EQ(rte_errno, ENETDOWN);
	}
}

TEST_T(death_at_each_step, 120)
{
	INIT("primary", "--vdev=net_null0");
	(void)make_pool("mp", 8191);
	for (unsigned i = 0; i < RTE_DIM(labels); i++) {
		unsigned died = 0;

		for (unsigned nth = 1; nth <= 5; nth += 2) {
			struct t_proc *p = spawn_dying(labels[i], nth);
			int status = t_wait(p);

			CHECK(status == 0 || status == 128 + SIGKILL);
			died += status != 0;
			if (nth == 1)
				as_promised(labels[i]);
			live(); /* makes it, or goes on with what is there */
			all_free();
		}
		if (died == 0)
			t_fail(__FILE__, __LINE__, "nobody passes %s", labels[i]);
	}
}

/* the one who mends dies as well, and the next one mends */
TEST_T(death_of_the_mender, 120)
{
	static const char *const first[] = {"drv_ring_one", "port_configuring", "port_starting", "port_stopping",
					    "port_going"};
	static const char *const second[] = {"port_removed", "port_row_free", "port_seated", "port_queue_taken",
					     "port_making"};

	INIT("primary", "--vdev=net_null0");
	(void)make_pool("mp", 8191);
	for (unsigned i = 0; i < RTE_DIM(first); i++) {
		for (unsigned k = 0; k < RTE_DIM(second); k++) {
			CHECK_EQ(t_wait(spawn_dying(first[i], 1)), 128 + SIGKILL);
			(void)t_wait(
				spawn_dying(second[k], 1)); /* where a port is there none is made: not all pass all */
			live();
			all_free();
		}
	}
}

ROLE(stopper)
{
	INIT("secondary", NULL);
	(void)rte_eth_dev_stop(0);
	start_port(0, 2, rte_mempool_lookup("mp"));
	return 0;
}

/* a stop half done is gone on with: bursts of others end with it. A configuration half changed is none */
TEST(what_is_half_done_is_brought_to_its_end)
{
	static const char *const steps[] = {"port_stopping", "port_queue_taken", "port_configuring"};
	struct rte_mempool *mp;
	struct rte_mbuf *m[8];

	INIT("primary", "--vdev=net_null0");
	mp = make_pool("mp", 8191);
	for (unsigned i = 0; i < RTE_DIM(steps); i++) {
		struct t_proc *p;

		start_port(0, 2, mp);
		CHECK_EQ(rte_eth_rx_burst(0, 0, m, 8), 8);
		rte_pktmbuf_free_bulk(m, 8);
		CHECK_EQ(setenv("SHOAL_DIE_AT", steps[i], 1), 0);
		p = t_spawn("stopper", NULL);
		CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
		CHECK_EQ(t_wait(p), 128 + SIGKILL);
		CHECK_EQ(rte_eth_stats_reset(0), 0); /* the first to want the seat mends */
		CHECK_EQ(rte_eth_rx_burst(0, 0, m, 8), 0);
		CHECK_EQ(rte_errno, i == 2 ? EINVAL : ENETDOWN);
		CHECK_EQ(rte_eth_dev_start(0), i == 2 ? -EINVAL : 0);
		if (i < 2) {
			CHECK_EQ(rte_eth_rx_burst(0, 0, m, 8), 8);
			rte_pktmbuf_free_bulk(m, 8);
			CHECK_EQ(rte_eth_dev_stop(0), 0);
		}
	}
}

/* what a queue's owner had not sent stays the next one's to send; what it had sent is there, once */
TEST_T(a_queue_taken_over_in_the_middle, 60)
{
	static const char *const steps[] = {"queue_inside", "queue_claimed", "queue_opening", "queue_taken_over"};
	struct rte_mempool *mp;
	struct rte_mbuf *m[8];

	INIT("primary", "--vdev=net_ring0");
	mp = make_pool("mp", 8191);
	start_port(0, 1, mp);
	for (unsigned i = 0; i < RTE_DIM(steps); i++) {
		struct t_proc *p;

		CHECK_EQ(setenv("SHOAL_DIE_AT", "queue_inside:3", 1), 0);
		p = t_spawn("sender", NULL);
		CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
		CHECK_EQ(t_wait(p), 128 + SIGKILL);
		CHECK_EQ(setenv("SHOAL_DIE_AT", steps[i], 1), 0);
		p = t_spawn("sender", NULL);
		CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
		CHECK_EQ(t_wait(p), 128 + SIGKILL);
		p = t_spawn("sender", NULL);
		CHECK_EQ(t_wait(p), 0);
		/* two bursts of the first one, none of the second, five of the third */
		for (unsigned n = 0; n < 7; n++)
			CHECK_EQ(rte_eth_rx_burst(0, 0, m, 4), 4);
		CHECK_EQ(rte_eth_rx_burst(0, 0, m, 4), 0);
	}
}

ROLE(sender)
{
	struct rte_mempool *mp;
	struct rte_mbuf *m[4];

	INIT("secondary", NULL);
	mp = rte_mempool_lookup("mp");
	CHECK(mp != NULL);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, 4), 0);
		while (rte_eth_tx_burst(0, 0, m, 4) == 0)
			usleep(500); /* sleep: the dead one's proof */
	}
	return rte_eal_cleanup();
}
#else
TEST(a_life_without_deaths)
{
	INIT("primary", "--vdev=net_null0");
	(void)make_pool("mp", 8191);
	CHECK_EQ(t_wait(t_spawn("liver", NULL)), 0);
	live();
}
#endif
