/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_life_test.c - a port is removed while another process is inside a call on it
 *
 * A member is stopped (SHOAL_STOP_AT) where it looks at what the driver shares; the case removes the port; the member goes on.
 */
#include <signal.h>
#include <sys/wait.h>

#include "port_help.h"

/* ---- the member: one call a line ---- */

static long burst(uint16_t p, bool tx)
{
	struct rte_mempool *mp = rte_mempool_lookup("mp");
	struct rte_mbuf *m = NULL;
	uint16_t k;

	if (!tx) {
		k = rte_eth_rx_burst(p, 0, &m, 1);
		rte_pktmbuf_free_bulk(&m, k);
		return k;
	}
	CHECK(mp != NULL && (m = rte_pktmbuf_alloc(mp)) != NULL);
	k = rte_eth_tx_burst(p, 0, &m, 1);
	rte_pktmbuf_free_bulk(&m, 1u - k);
	return k;
}

static long call(const char *what, uint16_t p)
{
	struct rte_eth_dev_info info;
	struct rte_eth_stats stats;
	struct rte_eth_link link;

	if (strcmp(what, "rx") == 0 || strcmp(what, "tx") == 0)
		return burst(p, *what == 't');
	if (strcmp(what, "count") == 0)
		return rte_eth_rx_queue_count(p, 0);
	if (strcmp(what, "rx_status") == 0)
		return rte_eth_rx_descriptor_status(p, 0, 0);
	if (strcmp(what, "tx_status") == 0)
		return rte_eth_tx_descriptor_status(p, 0, 0);
	if (strcmp(what, "stats") == 0)
		return rte_eth_stats_get(p, &stats);
	if (strcmp(what, "link") == 0)
		return rte_eth_link_get_nowait(p, &link);
	if (strcmp(what, "info") == 0)
		return rte_eth_dev_info_get(p, &info);
	return -1;
}

ROLE(member)
{
	char line[64], what[32];
	unsigned p;

	INIT("secondary", NULL);
	t_tell("ready");
	while (t_hear(line, sizeof(line)) && sscanf(line, "%31s %u", what, &p) == 2)
		t_tell("did %ld", call(what, (uint16_t)p));
	return rte_eal_cleanup();
}

#ifdef SH_FAULT
#define NEEDS_FAULT() ((void)0)
#else
#define NEEDS_FAULT() SKIP("built without -Dfault=true")
#endif

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct t_proc *member_at(const char *env, const char *label)
{
	struct t_proc *p;

	CHECK_EQ(setenv(env, label, 1), 0);
	p = t_spawn("member", NULL);
	CHECK_EQ(unsetenv(env), 0);
	t_expect(p, "ready");
	return p;
}

static void is_stopped(const struct t_proc *p)
{
	int st;

	CHECK_EQ(waitpid(p->pid, &st, WUNTRACED), p->pid);
	CHECK(WIFSTOPPED(st));
}

static void ends(struct t_proc *p)
{
	t_say(p, "end");
	CHECK_EQ(t_wait(p), 0);
}

static uint16_t made(const char *device, const char *args)
{
	CHECK_EQ(rte_vdev_init(device, args), 0);
	start_port(port_named(device), 1, rte_mempool_lookup("mp"));
	return port_named(device);
}

static struct rte_mempool *begin(void)
{
	INIT("primary", NULL);
	CHECK_EQ(setenv("SHOAL_INSIDE_NS", "50000000", 1), 0); /* how long is waited for who is stopped */
	CHECK_EQ(setenv("SHOAL_TELL_NS", "50000000", 1), 0);
	return make_pool("mp", 255);
}

/* ---- */

/* the remover finds it inside, as in a burst; and when it goes on, the queue is not its any more */
static void first_burst(const char *device, const char *args, const char *what)
{
	struct t_proc *m = member_at("SHOAL_STOP_AT", "queue_opening");
	char line[64];
	uint16_t id = made(device, args);

	snprintf(line, sizeof(line), "%s %u", what, id);
	t_say(m, line);
	is_stopped(m);
	CHECK_EQ(rte_vdev_uninit(device), -EBUSY);
	CHECK(rte_eth_dev_is_valid_port(id));
	t_kill(m, SIGCONT);
	CHECK_STR(t_expect(m, "did"), "did 0"); /* stopped: ENETDOWN */
	CHECK_EQ(rte_vdev_uninit(device), 0);
	t_say(m, line);
	CHECK_STR(t_expect(m, "did"), "did 0");
	ends(m);
}

TEST(who_opens_a_queue_is_waited_for_as_in_a_burst)
{
	NEEDS_FAULT();
	begin();
	first_burst("net_ring5", "", "rx");
	first_burst("net_null5", "", "tx");
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(who_dies_opening_a_queue_holds_up_nobody)
{
	struct t_proc *m;
	uint16_t id;

	NEEDS_FAULT();
	begin();
	m = member_at("SHOAL_DIE_AT", "queue_opening");
	id = made("net_ring5", "");
	t_say(m, id == 0 ? "rx 0" : "");
	CHECK_EQ(t_wait(m), 128 + SIGKILL);
	CHECK_EQ(burst(id, true), 1);
	CHECK_EQ(burst(id, false), 1); /* taken over */
	CHECK_EQ(rte_vdev_uninit("net_ring5"), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* a stop has to wait for it, too: what follows changes what the driver opens from */
TEST(a_stop_waits_for_who_opens_a_queue)
{
	struct rte_mempool *mp;
	struct t_proc *m;
	uint16_t id;

	NEEDS_FAULT();
	mp = begin();
	m = member_at("SHOAL_STOP_AT", "queue_opening");
	id = made("net_ring5", "");
	t_say(m, id == 0 ? "rx 0" : "");
	is_stopped(m);
	CHECK_EQ(rte_eth_dev_stop(id), -EBUSY);
	CHECK_EQ(rte_eth_dev_start(id), -EBUSY); /* the queue would go on in what begins now */
	t_kill(m, SIGCONT);
	CHECK_STR(t_expect(m, "did"), "did 0");
	start_port(id, 1, mp);
	CHECK_EQ(burst(id, false), 0);
	CHECK_EQ(burst(id, true), 1);
	CHECK_EQ(burst(id, false), 1); /* its failed try took nothing from who came after it */
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	ends(m);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

static void question(struct t_proc *m, const char *device, const char *args, const char *what)
{
	uint16_t id = made(device, args);
	char line[64];

	snprintf(line, sizeof(line), "%s %u", what, id);
	t_say(m, line);
	is_stopped(m);
	CHECK_EQ(rte_vdev_uninit(device), 0); /* gone for all, nobody is refused */
	CHECK(!rte_eth_dev_is_valid_port(id));
	CHECK_EQ(rte_vdev_init(device, args), -EBUSY); /* the name is not free yet, nor is the row: */
	CHECK_EQ(rte_vdev_init("net_null8", ""), 0);
	CHECK(port_named("net_null8") != id);
	CHECK_EQ(rte_vdev_uninit("net_null8"), 0);
	t_kill(m, SIGCONT);
	CHECK(strcmp(t_expect(m, "did"), "did -19") != 0); /* it is answered: it was in time */
	CHECK_EQ(rte_vdev_init(device, args), 0);
	CHECK_EQ(port_named(device), id);
	CHECK_EQ(rte_vdev_uninit(device), 0);
}

/* of each driver what it looks at without the seat */
TEST_T(a_question_that_is_stopped_does_not_hold_up_the_remover, 60)
{
	static const char *const asked[][2] = {{"net_ring5", "count"},	   {"net_ring5", "rx_status"},
					       {"net_ring5", "tx_status"}, {"net_pcap5", "stats"},
					       {"net_null5", "link"},	   {"net_null5", "info"}};
	char file[160];

	NEEDS_FAULT();
	begin();
	for (unsigned i = 0; i < N(asked); i++) {
		struct t_proc *m = member_at("SHOAL_STOP_AT", "port_visited");

		snprintf(file, sizeof(file), "tx_pcap=%s/o.pcap", t_tmpdir());
		question(m, asked[i][0], strstr(asked[i][0], "pcap") != NULL ? file : "", asked[i][1]);
		ends(m);
	}
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* the port is removed while a process attaches it, at its first use */
TEST(who_attaches_is_waited_for)
{
	struct t_proc *m;
	uint16_t id;

	NEEDS_FAULT();
	begin();
	id = made("net_null5", "");
	m = member_at("SHOAL_STOP_AT", "port_attaching");
	t_say(m, id == 0 ? "info 0" : "");
	is_stopped(m);
	CHECK_EQ(rte_vdev_uninit("net_null5"), 0);
	CHECK_EQ(rte_vdev_init("net_null5", ""), -EBUSY);
	t_kill(m, SIGCONT);
	CHECK_STR(t_expect(m, "did"), "did -19");
	CHECK_EQ(rte_vdev_init("net_null5", ""), 0);
	ends(m);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(who_dies_asking_holds_up_nobody)
{
	static const char *const labels[] = {"port_visited", "port_attaching"};

	NEEDS_FAULT();
	begin();
	for (unsigned i = 0; i < N(labels); i++) {
		uint16_t id = made("net_ring5", "");
		struct t_proc *m = member_at("SHOAL_DIE_AT", labels[i]);

		t_say(m, id == 0 ? "count 0" : "");
		CHECK_EQ(t_wait(m), 128 + SIGKILL);
		CHECK_EQ(rte_vdev_uninit("net_ring5"), 0);
		CHECK_EQ(rte_vdev_init("net_ring5", ""), 0);
		CHECK_EQ(rte_vdev_uninit("net_ring5"), 0);
	}
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* the remover dies, and what it removed is visited yet */
ROLE(remover)
{
	INIT("secondary", NULL);
	(void)rte_vdev_uninit("net_ring5");
	return 0;
}

TEST(the_remover_dies_while_somebody_is_inside)
{
	struct t_proc *m, *r;
	uint16_t id;

	NEEDS_FAULT();
	begin();
	m = member_at("SHOAL_STOP_AT", "port_visited");
	id = made("net_ring5", "");
	t_say(m, id == 0 ? "count 0" : "");
	is_stopped(m);
	CHECK_EQ(setenv("SHOAL_DIE_AT", "port_going", 1), 0);
	r = t_spawn("remover", NULL);
	CHECK_EQ(unsetenv("SHOAL_DIE_AT"), 0);
	CHECK_EQ(t_wait(r), 128 + SIGKILL);
	CHECK(!rte_eth_dev_is_valid_port(id));
	CHECK_EQ(rte_vdev_init("net_ring5", ""), -EBUSY);
	t_kill(m, SIGKILL);
	CHECK_EQ(t_wait(m), 128 + SIGKILL);
	CHECK_EQ(rte_vdev_init("net_ring5", ""), 0);
	CHECK_EQ(rte_vdev_uninit("net_ring5"), 0);
	CHECK(rte_ring_lookup("ETH_RXTX0_net_ring5") == NULL);
	CHECK_EQ(rte_eal_cleanup(), 0);
}
