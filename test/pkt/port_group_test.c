/* SPDX-License-Identifier: BSD-3-Clause */
/* port_group_test.c - ports of several processes: seen by all, queues owned by one, taken over, taken away, events everywhere */
#include <signal.h>

#include "port_help.h"

/*
 * A member that does what it is told, line by line:
 *   rx P Q N, tx P Q N     one burst; "got K errno" (what it received it frees, what it sends it allocates)
 *   poll P Q               bursts until the port is gone; "polled"
 *   loop P Q, flood P Q    bursts for ever: receives, sends
 *   count, stop P, start P, close P, make NAME, remove NAME, leave P Q, owner P Q, listen, heard
 */
struct heard {
	int n[RTE_ETH_EVENT_MAX];
};
static struct heard heard;

static int hear(uint16_t port, enum rte_eth_event_type ev, void *arg, void *ret)
{
	(void)port, (void)arg, (void)ret;
	__atomic_fetch_add(&heard.n[ev], 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void burst(unsigned p, unsigned q, unsigned n, bool tx)
{
	struct rte_mempool *mp = rte_mempool_lookup("mp");
	struct rte_mbuf *m[64];
	unsigned k;

	CHECK(mp != NULL && n <= 64);
	rte_errno = 0;
	if (tx) {
		CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, n), 0);
		k = rte_eth_tx_burst((uint16_t)p, (uint16_t)q, m, (uint16_t)n);
		rte_pktmbuf_free_bulk(m + k, n - k);
	} else {
		k = rte_eth_rx_burst((uint16_t)p, (uint16_t)q, m, (uint16_t)n);
		rte_pktmbuf_free_bulk(m, k);
	}
	t_tell("got %u %d", k, k < n ? rte_errno : 0);
}

static void poll_queue(unsigned p, unsigned q)
{
	struct rte_mbuf *m[32];

	while (rte_eth_dev_is_valid_port((uint16_t)p))
		rte_pktmbuf_free_bulk(m, rte_eth_rx_burst((uint16_t)p, (uint16_t)q, m, 32));
	t_tell("polled");
}

static void loop_queue(unsigned p, unsigned q)
{
	struct rte_mbuf *m[32];

	t_tell("looping");
	for (;;)
		rte_pktmbuf_free_bulk(m, rte_eth_rx_burst((uint16_t)p, (uint16_t)q, m, 32));
}

struct want {
	int ev, n;
};
static bool has_heard(void *arg)
{
	const struct want *w = arg;

	return __atomic_load_n(&heard.n[w->ev], __ATOMIC_SEQ_CST) >= w->n;
}

static void owner(unsigned p, unsigned q)
{
	int pid = 0, r = shoal_eth_queue_owner((uint16_t)p, (uint16_t)q, SHOAL_ETH_RX, NULL, &pid);

	t_tell("owner %d %d", r, pid);
}

static void flood_queue(unsigned p, unsigned q)
{
	struct rte_mempool *mp = rte_mempool_lookup("mp");
	struct rte_mbuf *m[32];
	uint16_t k;

	for (;;) {
		CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, 32), 0);
		k = rte_eth_tx_burst((uint16_t)p, (uint16_t)q, m, 32);
		rte_pktmbuf_free_bulk(m + k, 32 - k);
	}
}

static bool obey(const char *line)
{
	unsigned p = 0, q = 0, n = 0;
	char name[64];
	struct want w;

	if (sscanf(line, "rx %u %u %u", &p, &q, &n) == 3)
		burst(p, q, n, false);
	else if (sscanf(line, "tx %u %u %u", &p, &q, &n) == 3)
		burst(p, q, n, true);
	else if (sscanf(line, "poll %u %u", &p, &q) == 2)
		poll_queue(p, q);
	else if (sscanf(line, "loop %u %u", &p, &q) == 2)
		loop_queue(p, q);
	else if (sscanf(line, "flood %u %u", &p, &q) == 2)
		flood_queue(p, q);
	else if (strcmp(line, "count") == 0)
		t_tell("count %u", rte_eth_dev_count_avail());
	else if (sscanf(line, "stop %u", &p) == 1)
		t_tell("did %d", rte_eth_dev_stop((uint16_t)p));
	else if (sscanf(line, "start %u", &p) == 1)
		t_tell("did %d", rte_eth_dev_start((uint16_t)p));
	else if (sscanf(line, "close %u", &p) == 1)
		t_tell("did %d", rte_eth_dev_close((uint16_t)p));
	else if (sscanf(line, "down %u", &p) == 1)
		t_tell("did %d", rte_eth_dev_set_link_down((uint16_t)p));
	else if (sscanf(line, "make %63s", name) == 1)
		t_tell("did %d", rte_vdev_init(name, NULL));
	else if (sscanf(line, "remove %63s", name) == 1)
		t_tell("did %d", rte_vdev_uninit(name));
	else if (sscanf(line, "leave %u %u", &p, &q) == 2)
		t_tell("did %d", shoal_eth_queue_leave((uint16_t)p, (uint16_t)q, SHOAL_ETH_RX));
	else if (sscanf(line, "owner %u %u", &p, &q) == 2)
		owner(p, q);
	else if (strcmp(line, "listen") == 0)
		for (int ev = 0; ev < RTE_ETH_EVENT_MAX; ev++)
			CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, (enum rte_eth_event_type)ev, hear, NULL),
				 0);
	else if (sscanf(line, "await %d %d", &w.ev, &w.n) == 2) {
		t_until(has_heard, &w);
		t_tell("heard");
	} else
		return false;
	return true;
}

ROLE(member)
{
	char line[128];

	CHECK(init_with(argc > 1 ? argv[1] : "secondary", NULL) >= 0);
	t_tell("ready");
	while (t_hear(line, sizeof(line)) && obey(line))
		;
	return rte_eal_cleanup();
}

static struct t_proc *member(void)
{
	struct t_proc *p = t_spawn("member", NULL);

	t_expect(p, "ready");
	return p;
}

/* say it, expect exactly that */
static void ask(struct t_proc *p, const char *line, const char *answer)
{
	t_say(p, line);
	CHECK_STR(t_expect(p, ""), answer);
}

static void end(struct t_proc *p)
{
	t_say(p, "end");
	CHECK_EQ(t_wait(p), 0);
}

TEST(a_secondary_sees_the_primarys_ports_and_uses_its_own_queues)
{
	struct rte_mempool *mp;
	struct rte_mbuf *m[8];
	struct rte_eth_stats s;
	struct t_proc *p;

	INIT("primary", "--vdev=net_null0", "--vdev=net_ring0");
	mp = make_pool("mp", 255);
	start_port(0, 2, mp);
	start_port(1, 2, mp);
	p = member();
	ask(p, "count", "count 2");
	ask(p, "rx 0 1 8", "got 8 0");
	ask(p, "tx 0 1 8", "got 8 0");
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 8), 8);
	CHECK_EQ(rte_eth_tx_burst(1, 0, m, 8), 8); /* the member receives it */
	ask(p, "rx 1 0 32", "got 8 0");
	ask(p, "tx 1 1 5", "got 5 0");
	CHECK_EQ(rte_eth_rx_burst(1, 1, m, 8), 5);
	rte_pktmbuf_free_bulk(m, 5);
	s = stats_of(0);
	CHECK(s.ipackets == 16 && s.q_ipackets[1] == 8 && s.q_opackets[1] == 8);
	end(p);
	CHECK_EQ(rte_mempool_avail_count(mp), 255);
}

TEST(a_queue_has_one_owner)
{
	struct t_proc *a, *b;
	struct rte_mbuf *m[8];
	char want[64];

	INIT("primary", "--vdev=net_null0");
	start_port(0, 2, make_pool("mp", 255));
	a = member();
	b = member();
	ask(b, "owner 0 0", "owner -2 0");
	ask(a, "rx 0 0 8", "got 8 0");
	snprintf(want, sizeof(want), "owner 0 %d", (int)a->pid);
	ask(b, "owner 0 0", want);
	snprintf(want, sizeof(want), "got 0 %d", EBUSY);
	ask(b, "rx 0 0 8", want);
	CHECK_HAS(t_stderr(b), "rx queue 0 belongs to member");
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 8), 0);
	ask(b, "rx 0 1 8", "got 8 0"); /* the other queue is free */
	ask(a, "rx 0 0 8", "got 8 0");
	ask(b, "leave 0 0", "did -2");
	ask(a, "leave 0 0", "did 0"); /* given away */
	ask(b, "rx 0 0 8", "got 8 0");
	snprintf(want, sizeof(want), "got 0 %d", EBUSY);
	ask(a, "rx 0 0 8", want);
	end(b); /* left in good order */
	ask(a, "rx 0 0 8", "got 8 0");
	end(a);
}

struct polled {
	uint16_t port, queue;
};
static bool receives(void *arg)
{
	const struct polled *q = arg;
	struct rte_mbuf *m[8];
	uint16_t n = rte_eth_rx_burst(q->port, q->queue, m, 8);

	rte_pktmbuf_free_bulk(m, n);
	return n > 0;
}

TEST(the_queue_of_a_dead_owner_is_taken_over)
{
	struct polled q = {0, 0};
	struct rte_mempool *mp;
	struct t_proc *p;

	INIT("primary", "--vdev=net_null0");
	mp = make_pool("mp", 511);
	start_port(0, 1, mp);
	for (unsigned i = 0; i < 3; i++) {
		p = member();
		CHECK(i == 0 || shoal_eth_queue_leave(0, 0, SHOAL_ETH_RX) == 0);
		t_say(p, "loop 0 0");
		t_expect(p, "looping");
		while (shoal_eth_queue_owner(0, 0, SHOAL_ETH_RX, NULL, NULL) != 0)
			usleep(200); /* sleep: another process' first burst has no event */
		CHECK(!receives(&q));
		t_kill(p, SIGKILL);
		(void)t_wait(p);
		t_until(receives, &q);
	}
}

TEST(stop_takes_queues_from_those_who_poll)
{
	struct t_proc *a, *b;

	INIT("primary", "--vdev=net_null0");
	start_port(0, 2, make_pool("mp", 511));
	a = member();
	b = member();
	t_say(a, "loop 0 0");
	t_expect(a, "looping");
	t_say(b, "loop 0 1");
	t_expect(b, "looping");
	for (unsigned i = 0; i < 20; i++) {
		uint64_t before;

		while (shoal_eth_queue_owner(0, 0, SHOAL_ETH_RX, NULL, NULL) != 0 ||
		       shoal_eth_queue_owner(0, 1, SHOAL_ETH_RX, NULL, NULL) != 0)
			usleep(200); /* sleep: as above */
		CHECK_EQ(rte_eth_dev_stop(0), 0);
		CHECK_EQ(shoal_eth_queue_owner(0, 0, SHOAL_ETH_RX, NULL, NULL), -ENOENT);
		before = stats_of(0).ipackets;
		usleep(500); /* sleep: somebody who is still inside would count on */
		CHECK_EQ(stats_of(0).ipackets, before);
		CHECK_EQ(rte_eth_dev_start(0), 0);
	}
	t_kill(a, SIGKILL);
	t_kill(b, SIGKILL);
}

TEST(a_stopped_process_outside_a_burst_holds_up_nobody)
{
	struct t_proc *a;

	INIT("primary", "--vdev=net_ring0");
	start_port(0, 1, make_pool("mp", 511));
	a = member();
	ask(a, "rx 0 0 8", "got 0 0");
	t_kill(a, SIGSTOP);
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	CHECK_EQ(rte_eth_dev_close(0), 0);
	t_kill(a, SIGCONT);
	ask(a, "count", "count 0");
	ask(a, "rx 0 0 8", "got 0 19");
	end(a);
}

static uint16_t send_on(uint16_t q)
{
	struct rte_mempool *mp = rte_mempool_lookup("mp");
	struct rte_mbuf *m[32];
	uint16_t k;

	CHECK_EQ(rte_pktmbuf_alloc_bulk(mp, m, 32), 0);
	k = rte_eth_tx_burst(0, q, m, 32);
	rte_pktmbuf_free_bulk(m + k, 32 - k);
	return k;
}

struct sums {
	uint64_t sent[2], missed;
};

static bool both_go_on(void *arg)
{
	struct sums *s = arg;

	for (uint16_t q = 0; q < 2; q++)
		s->sent[q] += send_on(q);
	return stats_of(0).imissed >= s->missed && stats_of(0).q_ipackets[0] >= 1000;
}

static bool all_came(void *arg)
{
	const struct sums *s = arg;

	return stats_of(0).q_ipackets[0] >= s->sent[0];
}

/* two receivers behind one sender, with rx_drop_en: one is stopped, or killed. What does not fit is missed there; the other one
 * receives all that is sent to it; and who takes the queue over receives what lies in its ring, and then all. */
static void ring_receiver(int sig)
{
	struct rte_eth_rxconf rx = {.rx_drop_en = 1};
	struct sums s = {.missed = 2000};
	struct rte_eth_conf conf;
	struct rte_mempool *mp;
	struct rte_mbuf *m[64];
	struct t_proc *p[2];
	uint64_t missed;
	uint16_t k;

	INIT("primary", "--vdev=net_ring0");
	mp = make_pool("mp", 8191);
	memset(&conf, 0, sizeof(conf));
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &conf), 0);
	for (uint16_t q = 0; q < 2; q++) {
		CHECK_EQ(rte_eth_rx_queue_setup(0, q, 64, 0, &rx, mp), 0);
		CHECK_EQ(rte_eth_tx_queue_setup(0, q, 64, 0, NULL), 0);
	}
	CHECK_EQ(rte_eth_dev_start(0), 0);
	for (unsigned q = 0; q < 2; q++) {
		p[q] = member();
		t_say(p[q], q == 0 ? "loop 0 0" : "loop 0 1");
		t_expect(p[q], "looping");
	}
	t_kill(p[1], sig);
	if (sig == SIGKILL)
		(void)t_wait(p[1]);
	t_until(both_go_on, &s);
	t_until(all_came, &s);
	missed = stats_of(0).imissed;
	CHECK(stats_of(0).q_ipackets[1] <= s.sent[1] - missed);
	if (sig == SIGSTOP) {
		t_kill(p[1], SIGKILL);
		(void)t_wait(p[1]);
	}
	while ((k = rte_eth_rx_burst(0, 1, m, 64)) > 0)
		rte_pktmbuf_free_bulk(m, k);
	CHECK_EQ(send_on(1), 32);
	CHECK_EQ(rte_eth_rx_burst(0, 1, m, 64), 32);
	rte_pktmbuf_free_bulk(m, 32);
	CHECK_EQ(stats_of(0).imissed, missed);
	t_kill(p[0], SIGKILL);
}

/* a sender that dies when it has dropped packets and not counted them */
TEST(who_drops_dies)
{
	struct rte_eth_rxconf rx = {.rx_drop_en = 1};
	struct rte_eth_conf conf;
	struct rte_mempool *mp;
	struct rte_mbuf *m[64];
	unsigned n = 0;
	struct t_proc *p;
	uint16_t k;

#ifndef SH_FAULT
	SKIP("needs -Dfault=true");
#endif
	INIT("primary", "--vdev=net_ring0");
	mp = make_pool("mp", 2047);
	memset(&conf, 0, sizeof(conf));
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &conf), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, &rx, mp), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(0, 0, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	setenv("SHOAL_DIE_AT", "ring_dropped:1", 1);
	p = member();
	unsetenv("SHOAL_DIE_AT");
	t_say(p, "flood 0 0");
	CHECK_EQ(t_wait(p), 128 + SIGKILL);
	CHECK_EQ(stats_of(0).imissed, 0);
	while ((k = rte_eth_rx_burst(0, 0, m, 64)) > 0) {
		rte_pktmbuf_free_bulk(m, k);
		n += k;
	}
	CHECK_EQ(n, 1023);
	CHECK_EQ(send_on(0), 32); /* the dead one's queue is taken over */
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 64), 32);
	rte_pktmbuf_free_bulk(m, 32);
}

TEST(the_ring_of_a_stopped_process_drops)
{
	ring_receiver(SIGSTOP);
}

TEST(the_ring_of_a_dead_process_drops)
{
	ring_receiver(SIGKILL);
}

TEST(a_port_that_is_polled_can_be_closed_and_made_anew)
{
	struct rte_mempool *mp;
	struct t_proc *a;

	INIT("primary", "--vdev=net_ring0");
	mp = make_pool("mp", 511);
	start_port(0, 1, mp);
	a = member();
	for (unsigned i = 0; i < 5; i++) {
		t_say(a, "poll 0 0");
		CHECK_EQ(rte_eth_dev_stop(0), 0);
		CHECK_EQ(rte_eth_dev_close(0), 0);
		CHECK_STR(t_expect(a, ""), "polled");
		CHECK_EQ(rte_vdev_init(i % 2 == 0 ? "net_null5" : "net_ring7", NULL), 0);
		start_port(0, 1, mp);
		ask(a, "rx 0 0 8", i % 2 == 0 ? "got 8 0" : "got 0 0");
	}
	end(a);
}

TEST(ports_made_anywhere_are_there_for_all)
{
	struct t_proc *a, *b;
	char name[RTE_ETH_NAME_MAX_LEN];
	struct want w = {RTE_ETH_EVENT_NEW, 1};

	INIT("primary", "--vdev=net_null0");
	CHECK(obey("listen"));
	a = member();
	b = member();
	t_say(a, "listen");
	t_say(b, "listen");
	ask(b, "count", "count 1"); /* it has registered */
	ask(a, "make net_ring5", "did 0");
	t_until(has_heard, &w);
	ask(b, "await 7 1", "heard");
	CHECK_EQ(rte_eth_dev_count_avail(), 2);
	CHECK_EQ(rte_eth_dev_get_name_by_port(1, name), 0);
	CHECK_STR(name, "net_ring5");
	ask(b, "count", "count 2");
	ask(b, "remove net_ring5", "did 0");
	ask(a, "await 8 1", "heard");
	w.ev = RTE_ETH_EVENT_DESTROY;
	t_until(has_heard, &w);
	ask(a, "count", "count 1");
	t_kill(a, SIGKILL); /* a port stays when its maker has gone */
	(void)t_wait(a);
	ask(b, "make net_null6", "did 0");
	t_kill(b, SIGKILL);
	(void)t_wait(b);
	CHECK_EQ(rte_eth_dev_count_avail(), 2);
	CHECK_EQ(port_named("net_null6"), 1);
}

TEST(link_changes_are_heard_in_every_process)
{
	struct rte_eth_conf c = {.intr_conf = {.lsc = 1}};
	struct want w = {RTE_ETH_EVENT_INTR_LSC, 1};
	struct t_proc *a;

	INIT("primary", "--vdev=net_ring0");
	CHECK(obey("listen"));
	a = member();
	t_say(a, "listen");
	ask(a, "count", "count 1");
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &c), 0);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	ask(a, "await 1 1", "heard");
	ask(a, "down 0", "did 0");
	w.n = 2;
	t_until(has_heard, &w);
	ask(a, "await 1 2", "heard");
	end(a);
}

TEST(a_secondary_closes_for_itself)
{
	struct t_proc *a;

	INIT("primary", "--vdev=net_null0");
	start_port(0, 1, make_pool("mp", 255));
	a = member();
	ask(a, "rx 0 0 8", "got 8 0");
	ask(a, "close 0", "did -22"); /* it is started */
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	ask(a, "close 0", "did 0");
	ask(a, "count", "count 0");
	CHECK_EQ(rte_eth_dev_count_avail(), 1);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	ask(a, "rx 0 0 8", "got 0 19");
	ask(a, "make net_null0", "did -17"); /* and has it back */
	ask(a, "count", "count 1");
	ask(a, "rx 0 0 8", "got 8 0");
	end(a);
}

ROLE(first)
{
	char line[32];

	INIT("primary", "--vdev=net_null0", "--vdev=net_ring0");
	start_port(0, 2, make_pool("mp", 255));
	start_port(1, 1, rte_mempool_lookup("mp"));
	t_tell("made");
	(void)t_hear(line, sizeof(line));
	return 0;
}

TEST(ports_outlive_the_primary)
{
	struct t_proc *prim = t_spawn("first", NULL), *a;
	struct rte_mbuf *m[8];

	t_expect(prim, "made");
	a = member();
	ask(a, "rx 0 0 8", "got 8 0");
	t_kill(prim, SIGKILL);
	(void)t_wait(prim);
	ask(a, "rx 0 0 8", "got 8 0");
	ask(a, "tx 1 0 3", "got 3 0");
	INIT("primary", "--vdev=net_null0"); /* adopts the group, and names a port that there is */
	CHECK_EQ(rte_eth_dev_count_avail(), 2);
	CHECK_EQ(rte_eth_rx_burst(0, 1, m, 8), 8);
	rte_pktmbuf_free_bulk(m, 8);
	CHECK_EQ(rte_eth_rx_burst(1, 0, m, 8), 3);
	rte_pktmbuf_free_bulk(m, 3);
	ask(a, "rx 0 0 8", "got 8 0");
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	end(a);
}
