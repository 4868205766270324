/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcap_group_test.c - one capture through several processes, each with a queue of its own, into one file: every packet once, each
 * flow in its order; also when one of them is killed at any step, or stopped
 */
#include <dlfcn.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "net_help.h"
#include "pcap_help.h"
#include "pkt/rss.h"
#include "port_help.h"

static bool line_there(void)
{
	struct pollfd p = {.fd = 0, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

#define EMPTY                                                                                                          \
	64 /* bursts without a packet: one passes by 1024 of other queues, no capture here has as many as all of these would */

/*
 * A worker with queue Q of port P: forwards what it receives until a line comes, then says how much that was.
 *   go      as fast as it can; if the line is "drain", on to the end of what the queue has
 *   hold N  until N packets are through; then it takes one burst more, says "held K", and waits to be killed
 */
static int work(uint16_t port, uint16_t queue)
{
	char how[16] = "", line[64];
	struct rte_mbuf *m[32];
	unsigned through = 0, hold = 0, empty = 0;
	bool drain = false;
	uint16_t n;

	t_tell("ready");
	CHECK(t_hear(line, sizeof(line)));
	CHECK(sscanf(line, "%15s %u", how, &hold) >= 1);
	while (empty < EMPTY) {
		if (!drain && line_there()) {
			t_hear(line, sizeof(line));
			drain = strcmp(line, "drain") == 0;
			if (!drain)
				break; /* "end" */
		}
		n = rte_eth_rx_burst(port, queue, m, 32);
		empty = drain && n == 0 ? empty + 1 : 0;
		if (strcmp(how, "hold") == 0 && through >= hold && n > 0) {
			t_tell("held %u", n);
			t_hear(line, sizeof(line));
			return 1;
		}
		for (uint16_t done = 0; done < n;)
			done = (uint16_t)(done + rte_eth_tx_burst(port, queue, m + done, (uint16_t)(n - done)));
		through += n;
	}
	t_tell("through %u", through);
	t_hear(line, sizeof(line)); /* "bye": counters are looked at before */
	return 0;
}

ROLE(worker)
{
	INIT("secondary", NULL);
	CHECK(argc == 2);
	work(port_named("net_pcap0"), (uint16_t)atoi(argv[1]));
	return rte_eal_cleanup();
}

/* the same on an interface: it listens before it says that it is ready */
ROLE(listener)
{
	struct rte_mbuf *m[32];
	uint16_t q;

	INIT("secondary", NULL);
	CHECK(argc == 2);
	q = (uint16_t)atoi(argv[1]);
	CHECK_EQ(rte_eth_rx_burst(port_named("net_pcap0"), q, m, 32), 0);
	work(port_named("net_pcap0"), q);
	return rte_eal_cleanup();
}

static struct t_proc *start_role(const char *role, unsigned queue, const char *how)
{
	char q[8];
	struct t_proc *p;

	snprintf(q, sizeof(q), "%u", queue);
	p = t_spawn(role, q, NULL);
	t_expect(p, "ready");
	t_say(p, how);
	return p;
}

static struct t_proc *start_worker(unsigned queue, const char *how)
{
	return start_role("worker", queue, how);
}

/* how: "end", now, or "drain", when its queue has nothing any more */
static unsigned ends(struct t_proc *p, const char *how)
{
	unsigned n = 0;

	t_say(p, how);
	CHECK_EQ(sscanf(t_expect(p, "through "), "through %u", &n), 1);
	t_say(p, "bye");
	CHECK_EQ(t_wait(p), 0);
	return n;
}

static unsigned end_worker(struct t_proc *p)
{
	return ends(p, "end");
}

/* in the test's process, the primary: rx -> n queues by RSS -> out.pcap. Started. */
static uint16_t set_up_rx(const char *rx_arg, uint16_t n, bool drop, uint16_t desc)
{
	struct rte_eth_rxconf rx = {.rx_drop_en = drop};
	struct rte_eth_conf conf;
	struct rte_mempool *mp;
	char args[1200];
	uint16_t port;

	INIT("primary", NULL);
	mp = make_pool("mp", 2047);
	snprintf(args, sizeof(args), "%s,tx_pcap=%s/out.pcap", rx_arg, t_tmpdir());
	CHECK_EQ(rte_vdev_init("net_pcap0", args), 0);
	port = port_named("net_pcap0");
	memset(&conf, 0, sizeof(conf));
	conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP;
	CHECK_EQ(rte_eth_dev_configure(port, n, n, &conf), 0);
	for (uint16_t q = 0; q < n; q++) {
		CHECK_EQ(rte_eth_rx_queue_setup(port, q, desc, 0, &rx, mp), 0);
		CHECK_EQ(rte_eth_tx_queue_setup(port, q, 64, 0, NULL), 0);
	}
	CHECK_EQ(rte_eth_dev_start(port), 0);
	return port;
}

static uint16_t set_up(const char *in, uint16_t n, bool drop, uint16_t desc)
{
	char rx[600];

	snprintf(rx, sizeof(rx), "rx_pcap=%s", in);
	return set_up_rx(rx, n, drop, desc);
}

struct until {
	uint16_t port;
	uint64_t packets;
};

static bool sent(void *arg)
{
	const struct until *u = arg;

	return stats_of(u->port).opackets >= u->packets;
}

static void wait_for(uint16_t port, uint64_t packets)
{
	t_until(sent, &(struct until){port, packets});
}

static char out_path[512];

/* stops the port and looks at what came out; returns how many packets are missing */
static unsigned look_at(uint16_t port, const char *in_path, unsigned *n_in)
{
	struct file in, out;
	unsigned missing;

	CHECK_EQ(rte_eth_dev_stop(port), 0);
	snprintf(out_path, sizeof(out_path), "%s/out.pcap", t_tmpdir());
	in = read_capture(in_path);
	out = read_capture(out_path);
	CHECK(out.whole);
	missing = check_delivery(&in, &out);
	*n_in = in.n;
	free_capture(&in);
	free_capture(&out);
	return missing;
}

TEST_T(four_processes_one_file, 60)
{
	char in[512];
	struct t_proc *w[4];
	unsigned n, sum = 0, each;
	uint16_t port;

	snprintf(in, sizeof(in), "%s", make_capture("in.pcap", 20000, 200));
	port = set_up(in, 4, false, 64);
	for (unsigned i = 0; i < 4; i++)
		w[i] = start_worker(i, "go");
	wait_for(port, 20000);
	for (unsigned i = 0; i < 4; i++) {
		each = end_worker(w[i]);
		CHECK(each > 2000); /* of 5000, by the hash of 200 flows */
		sum += each;
	}
	CHECK_EQ(sum, 20000);
	CHECK_EQ(stats_of(port).ipackets, 20000);
	CHECK_EQ(stats_of(port).imissed, 0);
	CHECK_EQ(look_at(port, in, &n), 0);
	CHECK_EQ(n, 20000);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST_T(who_is_killed_leaves_a_gap_of_what_it_held, 60)
{
	char in[512];
	struct t_proc *w[4];
	unsigned n, held = 0;
	uint16_t port;

	snprintf(in, sizeof(in), "%s", make_capture("in.pcap", 10000, 100));
	port = set_up(in, 4, false, 64);
	for (unsigned i = 0; i < 4; i++)
		w[i] = start_worker(i, i == 2 ? "hold 700" : "go");
	CHECK_EQ(sscanf(t_expect(w[2], "held "), "held %u", &held), 1);
	CHECK(held > 0);
	t_kill(w[2], SIGKILL);
	CHECK_EQ(t_wait(w[2]), 128 + SIGKILL);
	w[2] = start_worker(2, "go");
	wait_for(port, 10000 - held);
	for (unsigned i = 0; i < 4; i++)
		end_worker(w[i]);
	CHECK_EQ(look_at(port, in, &n), held);
	CHECK_EQ(stats_of(port).imissed, 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* what a dead worker had in its hands */
enum had {
	NOTHING, /* or what others send in its place */
	UNTOLD,	 /* a burst that its position says it has, and its counter does not */
	COUNTED, /* nothing, or a burst that it had received and was to send */
};

/* SHOAL_DIE_AT: where the worker with queue 1 dies, the third time it comes there. Just what it had is missing then. */
static void dies_at(const char *label, enum had had)
{
	const unsigned all = 5000;
	char in[512], at[64];
	struct t_proc *w[3];
	struct rte_eth_stats s;
	unsigned n, missing;
	uint16_t port;

	snprintf(in, sizeof(in), "%s", make_capture("in.pcap", all, 60));
	port = set_up(in, 3, false, 64);
	snprintf(at, sizeof(at), "%s:3", label);
	for (unsigned i = 0; i < 3; i++) {
		if (i == 1)
			setenv("SHOAL_DIE_AT", at, 1);
		w[i] = start_worker(i, "go");
		unsetenv("SHOAL_DIE_AT");
	}
	CHECK_EQ(t_wait(w[1]), 128 + SIGKILL);
	w[1] = start_worker(1, "go");
	for (unsigned i = 0; i < 3; i++)
		(void)ends(w[i], "drain");
	s = stats_of(port);
	missing = look_at(port, in, &n);
	CHECK_EQ(n, all);
	CHECK(missing <= 32); /* one burst */
	if (had == NOTHING)
		CHECK_EQ(missing, 0);
	else if (had == UNTOLD)
		CHECK(missing > 0);
	if (had != NOTHING) {
		CHECK_EQ(s.opackets, all - missing);
		CHECK_EQ(s.ipackets, had == UNTOLD ? all - missing : all);
	}
	CHECK_EQ(rte_eal_cleanup(), 0);
}

static void need_fault(void)
{
#ifndef SH_FAULT
	SKIP("needs -Dfault=true");
#endif
}

TEST_T(death_received, 60)
{
	need_fault();
	dies_at("pcap_received", UNTOLD); /* its position says that it has them */
}

TEST_T(death_inside, 60)
{
	need_fault();
	dies_at("queue_inside", COUNTED); /* before it reads; or with what it was to send */
}

TEST_T(death_with_the_turn, 60)
{
	need_fault();
	dies_at("pcap_turn", NOTHING); /* written by who comes after it */
}

TEST_T(death_behind_the_bytes, 60)
{
	need_fault();
	dies_at("pcap_written", NOTHING);
}

TEST_T(death_behind_the_end, 60)
{
	need_fault();
	dies_at("pcap_committed", NOTHING);
}

/* what each of four queues gets, computed apart */
static void shares(const char *path, uint64_t share[4])
{
	struct sh_port_rss *set = calloc(1, sizeof(*set));
	struct sh_rss *r = calloc(1, sizeof(*r));
	struct file in = read_capture(path);
	struct chain c;

	memset(share, 0, 4 * sizeof(*share));
	set->hf = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP;
	set->size = 128;
	for (unsigned i = 0; i < 128; i++)
		set->reta[i] = (uint16_t)(i % 4);
	CHECK(sh_rss_refresh(r, set));
	for (unsigned i = 0; i < in.n; i++) {
		share[sh_rss_queue(r, chain_cut(&c, in.pkt[i].data, in.pkt[i].len, in.pkt[i].len))]++;
		chain_free(&c);
	}
	free_capture(&in);
	free(set);
	free(r);
}

struct moves {
	uint16_t port, q;
	uint64_t least;
};

static bool moved(void *arg)
{
	const struct moves *m = arg;

	return stats_of(m->port).q_ipackets[m->q] >= m->least;
}

static bool accounted(void *arg)
{
	const struct until *u = arg;
	struct rte_eth_stats s = stats_of(u->port);

	return s.ipackets + s.imissed >= u->packets;
}

/* While a worker bursts, what it misses may be read a burst too low, so it is looked at anew each time. */
static bool through(void *arg)
{
	const struct until *u = arg;
	struct rte_eth_stats s = stats_of(u->port);

	return s.opackets + s.imissed >= u->packets;
}

#define DESC 64
#define BURST 32

/*
 * A worker that is stopped holds up nobody: the others come to the end of the file. Without drop_en it gets all that is its, later;
 * with drop_en as much as the queue has room for, and the rest is missed, which is counted while it is stopped.
 */
static void stopped(bool drop)
{
	uint64_t share[4], stuck, missed;
	struct t_proc *w[4];
	unsigned n;
	char in[512];
	uint16_t port;

	snprintf(in, sizeof(in), "%s", make_capture("in.pcap", 20000, 200));
	shares(in, share);
	port = set_up(in, 4, drop, DESC);
	w[3] = start_worker(3, "go");
	t_until(moved, &(struct moves){port, 3, 100});
	t_kill(w[3], SIGSTOP); /* at any instruction, be it inside the pool */
	stuck = stats_of(port).q_ipackets[3];
	for (unsigned i = 0; i < 3; i++)
		w[i] = start_worker(i, "go");
	/* with drop_en a queue misses also where its worker is late, so that only the sum is known */
	for (uint16_t i = 0; !drop && i < 3; i++)
		t_until(moved, &(struct moves){port, i, share[i]});
	if (drop)
		t_until(accounted,
			&(struct until){port, 20000 - DESC - BURST}); /* it may have a burst that it has not counted */
	CHECK_EQ(stats_of(port).q_ipackets[3], stuck);
	if (drop && stuck + DESC + BURST < share[3])
		CHECK(stats_of(port).imissed >= share[3] - stuck - DESC - BURST);
	t_kill(w[3], SIGCONT);
	t_until(through, &(struct until){port, 20000});
	for (unsigned i = 0; i < 4; i++)
		end_worker(w[i]);
	missed = stats_of(port).imissed;
	CHECK(drop || missed == 0);
	CHECK_EQ(look_at(port, in, &n), missed);
	CHECK_EQ(stats_of(port).imissed, missed);
	CHECK_EQ(stats_of(port).ipackets + missed, 20000);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST_T(a_stopped_process_holds_up_nobody, 60)
{
	stopped(false);
}

TEST_T(a_stopped_process_misses_with_drop_en, 60)
{
	stopped(true);
}

/* the same at each step of a burst, also with the turn to write */
TEST_T(stopped_at_each_step, 120)
{
	static const char *const at[] = {"queue_inside:5", "pcap_read:3",    "pcap_received:3",
					 "pcap_turn:3",	   "pcap_written:3", "pcap_committed:3"};
	uint64_t share[4];
	struct t_proc *w[4];
	char in[512];
	uint16_t port;
	unsigned n;

	need_fault();
	snprintf(in, sizeof(in), "%s", make_capture("in.pcap", 3000, 200));
	shares(in, share);
	port = set_up(in, 4, false, DESC);
	for (unsigned k = 0; k < RTE_DIM(at); k++) {
		if (k > 0)
			CHECK_EQ(rte_eth_dev_start(port), 0);
		setenv("SHOAL_STOP_AT", at[k], 1);
		w[3] = start_worker(3, "go");
		unsetenv("SHOAL_STOP_AT");
		CHECK_EQ(waitid(P_PID, (id_t)w[3]->pid, &(siginfo_t){0}, WSTOPPED | WNOWAIT), 0);
		for (unsigned i = 0; i < 3; i++)
			w[i] = start_worker(i, "go");
		for (uint16_t i = 0; i < 3; i++)
			t_until(moved, &(struct moves){port, i, share[i]});
		t_kill(w[3], SIGCONT);
		wait_for(port, 3000);
		for (unsigned i = 0; i < 4; i++)
			end_worker(w[i]);
		CHECK_EQ(look_at(port, in, &n), 0);
		CHECK_EQ(rte_eth_stats_reset(port), 0);
	}
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/*
 * Stopped in the middle of a burst that passes by what the queue had no room for: each packet is counted once, whether it was
 * passed by, or will be.
 */
TEST_T(what_a_stopped_burst_missed_is_counted_once, 60)
{
	uint64_t share[4], seen;
	struct t_proc *w[2];
	char in[512];
	uint16_t port;
	int st;

	need_fault();
	snprintf(in, sizeof(in), "%s", make_capture("in.pcap", 20000, 200));
	shares(in, share);
	port = set_up(in, 4, true, DESC);
	w[0] = start_worker(0, "go");
	t_until(moved, &(struct moves){port, 0, share[0]}); /* the others are late now, by all of the file */
	setenv("SHOAL_STOP_AT", "pcap_read:3", 1); /* two bursts of what there was room for, and one that misses */
	w[1] = start_worker(1, "go");
	unsetenv("SHOAL_STOP_AT");
	CHECK_EQ(waitpid(w[1]->pid, &st, WUNTRACED), w[1]->pid);
	CHECK(WIFSTOPPED(st));
	CHECK_EQ(stats_of(port).q_ipackets[1], DESC);
	seen = stats_of(port).imissed;
	t_kill(w[1], SIGCONT);
	t_until(moved, &(struct moves){port, 1, DESC});
	t_until(accounted,
		&(struct until){port, 20000 - 2 * DESC}); /* two queues that nobody reads have room for so much */
	CHECK_EQ(stats_of(port).imissed, 20000 - share[0] - 3 * DESC);
	CHECK(seen <= stats_of(port).imissed);
	CHECK(seen + DESC >= stats_of(port).imissed);
	end_worker(w[0]);
	end_worker(w[1]);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* counters that are reset count from there: what a queue was behind then is not missed once more when somebody goes on with it */
TEST_T(reset_counts_from_now_on, 60)
{
	uint64_t share[4];
	struct t_proc *w[2];
	char in[512];
	uint16_t port;

	snprintf(in, sizeof(in), "%s", make_capture("in.pcap", 20000, 200));
	shares(in, share);
	port = set_up(in, 4, true, DESC);
	w[0] = start_worker(0, "go");
	t_until(moved, &(struct moves){port, 0, share[0]});
	CHECK_EQ(stats_of(port).imissed, share[1] + share[2] + share[3] - 3 * DESC);
	CHECK_EQ(rte_eth_stats_reset(port), 0);
	CHECK_EQ(stats_of(port).imissed, 0);
	w[1] = start_worker(1, "go");
	t_until(moved, &(struct moves){port, 1, DESC});
	end_worker(w[0]);
	end_worker(w[1]);
	CHECK_EQ(stats_of(port).q_ipackets[1], DESC);
	CHECK_EQ(stats_of(port).imissed, 0);
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	CHECK_EQ(rte_eth_dev_start(port),
		 0); /* from the beginning: nothing is behind, and nothing of before comes back */
	CHECK_EQ(stats_of(port).imissed, 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* what a dead owner's queue has missed is missed neither more nor less because somebody takes it over */
TEST_T(a_takeover_does_not_change_what_was_missed, 60)
{
	struct t_proc *w[2];
	char in[512];
	uint64_t seen;
	uint16_t port;

	snprintf(in, sizeof(in), "%s", make_capture("in.pcap", 20000, 200));
	port = set_up(in, 4, true, DESC);
	w[1] = start_worker(1, "hold 100");
	t_expect(w[1], "held");
	t_kill(w[1], SIGKILL);
	CHECK_EQ(t_wait(w[1]), 128 + SIGKILL);
	w[0] = start_worker(0, "go");
	t_until(accounted, &(struct until){port, 20000 - 3 * DESC}); /* three queues have room for so much */
	seen = stats_of(port).imissed;
	w[1] = start_worker(1, "go");
	t_until(accounted, &(struct until){port, 20000 - 2 * DESC});
	end_worker(w[0]);
	end_worker(w[1]);
	CHECK_EQ(stats_of(port).imissed, seen);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* dies when it has passed packets by and not counted them: those are not counted, and none twice */
TEST_T(death_passed, 60)
{
	uint64_t share[4];
	struct t_proc *w[2];
	char in[512];
	siginfo_t si;
	uint16_t port;

	need_fault();
	snprintf(in, sizeof(in), "%s", make_capture("in.pcap", 20000, 200));
	shares(in, share);
	port = set_up(in, 4, true, DESC);
	w[0] = start_worker(0, "go");
	t_until(moved, &(struct moves){port, 0, share[0]});
	setenv("SHOAL_DIE_AT", "pcap_passed:3", 1); /* two bursts of what there was room for, and one that misses */
	w[1] = start_worker(1, "go");
	unsetenv("SHOAL_DIE_AT");
	CHECK_EQ(waitid(P_PID, (id_t)w[1]->pid, &si, WEXITED | WNOWAIT), 0);
	CHECK_EQ(t_wait(w[1]), 128 + SIGKILL);
	w[1] = start_worker(1, "go");
	t_until(accounted, &(struct until){port, 20000 - 2 * DESC - 1024}); /* so many one burst passes by at most */
	end_worker(w[0]);
	end_worker(w[1]);
	CHECK(stats_of(port).ipackets + stats_of(port).imissed < 20000 - 2 * DESC);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

ROLE(rival)
{
	INIT("secondary", NULL);
	CHECK(argc == 2);
	t_tell("made %d", rte_vdev_init("net_pcap1", argv[1]));
	return rte_eal_cleanup();
}

TEST_T(no_other_process_writes_the_same_file, 60)
{
	char in[512], args[600];
	struct t_proc *p;

	snprintf(in, sizeof(in), "%s", make_capture("in.pcap", 10, 2));
	(void)set_up(in, 1, false, DESC);
	snprintf(args, sizeof(args), "tx_pcap=%s/out.pcap", t_tmpdir());
	p = t_spawn("rival", args, NULL);
	CHECK_STR(t_expect(p, "made "), "made -16"); /* EBUSY */
	CHECK_HAS(t_stderr(p), "is written by net_pcap0 already");
	CHECK_EQ(t_wait(p), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* a file that is read again and again: what a queue that nobody reads misses grows, and is not less when somebody does */
TEST_T(a_stopped_process_misses_what_comes_again, 60)
{
	uint64_t share[4], seen, was;
	char in[512], rx[600];
	struct t_proc *w[2];
	uint16_t port;

	snprintf(in, sizeof(in), "%s", make_capture("in.pcap", 2000, 200));
	shares(in, share);
	snprintf(rx, sizeof(rx), "rx_pcap=%s,infinite_rx=1", in);
	port = set_up_rx(rx, 4, true, DESC);
	for (unsigned i = 0; i < 2; i++)
		w[i] = start_worker(i, "go");
	t_until(moved, &(struct moves){port, 1, 100});
	t_kill(w[1], SIGSTOP);
	was = stats_of(port).q_ipackets[0];
	t_until(moved, &(struct moves){port, 0, was + 10 * share[0]});
	t_kill(w[0], SIGSTOP); /* nothing moves: it can be reckoned */
	seen = stats_of(port).imissed;
	CHECK_EQ(stats_of(port).imissed, seen);
	/* two queues that nobody ever read miss what comes, but for their room; the stopped one ten rounds, at least */
	CHECK(seen >= 9 * (share[1] + share[2] + share[3]));
	t_kill(w[1], SIGKILL);
	CHECK_EQ(t_wait(w[1]), 128 + SIGKILL);
	was = stats_of(port).q_ipackets[1];
	w[1] = start_worker(1, "go");
	t_until(moved, &(struct moves){port, 1, was + DESC});
	end_worker(w[1]);
	CHECK(stats_of(port).imissed >= seen);
	t_kill(w[0], SIGCONT);
	end_worker(w[0]);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* stopped in the middle of a burst, it would go on in the new file: a port begins anew when nobody is inside */
TEST_T(no_start_while_somebody_is_inside, 60)
{
	struct t_proc *w;
	char in[512];
	unsigned n;
	uint16_t port;
	int st;

	need_fault();
	snprintf(in, sizeof(in), "%s", make_capture("in.pcap", 100, 10));
	port = set_up(in, 1, false, DESC);
	setenv("SHOAL_STOP_AT", "pcap_turn:2", 1);
	w = start_worker(0, "go");
	unsetenv("SHOAL_STOP_AT");
	CHECK_EQ(waitpid(w->pid, &st, WUNTRACED), w->pid);
	CHECK(WIFSTOPPED(st));
	CHECK_EQ(rte_eth_dev_stop(port), -EBUSY);
	CHECK_EQ(rte_eth_dev_start(port), -EBUSY);
	t_kill(w, SIGCONT);
	end_worker(w);
	CHECK_EQ(rte_eth_dev_start(port), 0);
	CHECK_EQ(look_at(port, in, &n), 100); /* a new file, empty */
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* ---- real traffic ---- */

static void real(const char *name)
{
	const char *dir = getenv("SHOAL_CAPTURES");
	char in[600];
	struct t_proc *w[4];
	struct file all;
	uint16_t port;
	unsigned n;

	snprintf(in, sizeof(in), "%s/%s", dir != NULL ? dir : CAPTURES, name);
	if (access(in, R_OK) != 0)
		SKIP("%s is not there", in);
	all = read_capture(in);
	port = set_up(in, 4, false, 64);
	for (unsigned i = 0; i < 4; i++)
		w[i] = start_worker(i, "go");
	wait_for(port, all.n);
	for (unsigned i = 0; i < 4; i++)
		CHECK(end_worker(w[i]) > 0);
	CHECK_EQ(look_at(port, in, &n), 0);
	CHECK_EQ(n, all.n);
	free_capture(&all);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST_T(capture_1kxun, 60)
{
	real("1kxun.pcap");
}

TEST_T(capture_netflix, 60)
{
	real("netflix.pcap");
}

TEST_T(capture_teams, 60)
{
	real("teams.pcap");
}

/* ---- interfaces ---- */

/* va and vb, the two ends of a wire in a network of our own, silent */
static void make_wire(void)
{
	if (geteuid() != 0)
		SKIP("needs root: a network namespace, packet sockets");
	if (system("ip -V >/dev/null 2>&1") != 0 || dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_NODELETE) == NULL)
		SKIP("needs ip (iproute2) and libpcap0.8");
	if (unshare(CLONE_NEWNET) != 0 || system("ip link add va type veth peer name vb 2>/dev/null") != 0)
		SKIP("no network namespace, or no veth, to be had here");
	CHECK_EQ(system("for i in va vb; do echo 1 2>/dev/null >/proc/sys/net/ipv6/conf/$i/disable_ipv6; ip link set "
			"$i up; done"),
		 0);
}

static void send_all(uint16_t port, const struct file *f)
{
	struct rte_mempool *mp = rte_mempool_lookup("mp");

	for (unsigned i = 0; i < f->n; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(mp);

		CHECK(m != NULL);
		memcpy(rte_pktmbuf_append(m, (uint16_t)f->pkt[i].len), f->pkt[i].data, f->pkt[i].len);
		CHECK_EQ(rte_eth_tx_burst(port, 0, &m, 1), 1);
	}
}

TEST_T(interfaces, 60)
{
	struct rte_ether_addr mac;
	struct t_proc *w[2];
	uint16_t port, out;
	unsigned n;
	char in[512];
	struct file f;

	make_wire();
	snprintf(in, sizeof(in), "%s", make_capture("in.pcap", 300, 40));
	f = read_capture(in);
	port = set_up_rx("rx_iface_in=vb", 2, false, 64);
	CHECK_EQ(rte_vdev_init("net_pcap1", "iface=va,phy_mac=1"), 0);
	out = port_named("net_pcap1");
	CHECK_EQ(rte_eth_macaddr_get(out, &mac), 0);
	CHECK(rte_is_valid_assigned_ether_addr(&mac) && mac.addr_bytes[1] != 0x70);
	start_port(out, 1, rte_mempool_lookup("mp"));
	for (unsigned i = 0; i < 2; i++)
		w[i] = start_role("listener", i, "go");
	send_all(out, &f);
	CHECK_EQ(stats_of(out).opackets, 300);
	wait_for(port, 300);
	for (unsigned i = 0; i < 2; i++)
		CHECK(end_worker(w[i]) > 0);
	CHECK_EQ(look_at(port, in, &n), 0);
	CHECK_EQ(stats_of(port).imissed, 0);
	free_capture(&f);
	CHECK_EQ(rte_eal_cleanup(), 0);
}
