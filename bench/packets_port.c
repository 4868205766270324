/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packets_port.c - what a packet costs on net_null, net_ring and net_pcap: built against shoal and against DPDK from one text
 *
 * One lcore. Commands come on stdin, "CASE BURST PACKETS", each answered by 'result {"ns": ...}': cycles of the time stamp
 * counter for a packet, out of the CPU time that this thread used, so that other programs on the machine do not count.
 *
 * Environment: BENCH_FILES, a directory: loop.pcap and long.pcap are read there, out.pcap is written. BENCH_HUGE, for DPDK: a
 * mount of huge pages; without it the memory is the process' own, and there is no second process. Started with the argument
 * "peer" it is that second process, which receives what the first one sends through a ring.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "common.h"

#define MBUFS 16383
#define CACHE 256
#define MOST 32
#define SIZE 64	  /* bytes of a packet that the program makes */
#define WARM 8192 /* packets before those that are measured */

enum { ON_NULL, ON_RING, ON_LOOP, ON_LONG, ON_NOWHERE, ON_FILE, PORTS };

static struct rte_mempool *pool;
static uint16_t port[PORTS];
static unsigned burst;
static FILE *peer_in, *peer_out;

static void check(bool ok, const char *what)
{
	if (!ok)
		b_die(what);
}

static void made(struct rte_mbuf **m, unsigned n)
{
	check(rte_pktmbuf_alloc_bulk(pool, m, n) == 0, "the pool is empty");
	for (unsigned i = 0; i < n; i++)
		m[i]->pkt_len = m[i]->data_len = SIZE;
}

/* ---- the cases; each returns how many packets there were ---- */

static unsigned long null_both(unsigned long n)
{
	struct rte_mbuf *m[MOST];

	for (unsigned long k = 0; k < n; k += burst) {
		uint16_t got = rte_eth_rx_burst(port[ON_NULL], 0, m, (uint16_t)burst);

		check(rte_eth_tx_burst(port[ON_NULL], 0, m, got) == burst, "null");
	}
	return n;
}

static unsigned long null_buffered(unsigned long n)
{
	static struct rte_eth_dev_tx_buffer *b;
	struct rte_mbuf *m[MOST];

	if (b == NULL) {
		b = rte_zmalloc(NULL, RTE_ETH_TX_BUFFER_SIZE(MOST), 0);
		check(b != NULL && rte_eth_tx_buffer_init(b, MOST) == 0, "tx buffer");
	}
	for (unsigned long k = 0; k < n; k += burst) {
		uint16_t got = rte_eth_rx_burst(port[ON_NULL], 0, m, (uint16_t)burst);

		for (uint16_t i = 0; i < got; i++)
			rte_eth_tx_buffer(port[ON_NULL], 0, b, m[i]);
	}
	rte_eth_tx_buffer_flush(port[ON_NULL], 0, b);
	return n;
}

static uint64_t seen;

static uint16_t on_rx(uint16_t p, uint16_t q, struct rte_mbuf **m, uint16_t n, uint16_t most, void *arg)
{
	(void)p, (void)q, (void)m, (void)most, (void)arg;
	seen += n;
	return n;
}

static uint16_t on_tx(uint16_t p, uint16_t q, struct rte_mbuf **m, uint16_t n, void *arg)
{
	(void)p, (void)q, (void)m, (void)arg;
	seen += n;
	return n;
}

static unsigned long null_callbacks(unsigned long n)
{
	const struct rte_eth_rxtx_callback *rx = rte_eth_add_rx_callback(port[ON_NULL], 0, on_rx, NULL);
	const struct rte_eth_rxtx_callback *tx = rte_eth_add_tx_callback(port[ON_NULL], 0, on_tx, NULL);

	check(rx != NULL && tx != NULL, "callbacks");
	null_both(n);
	rte_eth_remove_rx_callback(port[ON_NULL], 0, rx);
	rte_eth_remove_tx_callback(port[ON_NULL], 0, tx);
	return n;
}

static unsigned long ring_both(unsigned long n)
{
	struct rte_mbuf *m[MOST];

	made(m, burst);
	for (unsigned long k = 0; k < n; k += burst) {
		check(rte_eth_tx_burst(port[ON_RING], 0, m, (uint16_t)burst) == burst, "ring, tx");
		check(rte_eth_rx_burst(port[ON_RING], 0, m, (uint16_t)burst) == burst, "ring, rx");
	}
	rte_pktmbuf_free_bulk(m, burst);
	return n;
}

static unsigned long received(unsigned p, unsigned long n)
{
	struct rte_mbuf *m[MOST];
	unsigned long k = 0;
	uint16_t got;

	do {
		got = rte_eth_rx_burst(port[p], 0, m, (uint16_t)burst);
		rte_pktmbuf_free_bulk(m, got);
		k += got;
	} while (k < n && got > 0);
	return k;
}

static unsigned long pcap_loop(unsigned long n)
{
	return received(ON_LOOP, n);
}

static unsigned long pcap_long(unsigned long n)
{
	return received(ON_LONG, n);
}

static unsigned long written(unsigned p, unsigned long n)
{
	struct rte_mbuf *m[MOST];

	for (unsigned long k = 0; k < n; k += burst) {
		made(m, burst);
		check(rte_eth_tx_burst(port[p], 0, m, (uint16_t)burst) == burst, "pcap, tx");
	}
	return n;
}

static unsigned long pcap_nowhere(unsigned long n)
{
	return written(ON_NOWHERE, n);
}

static unsigned long pcap_file(unsigned long n)
{
	return written(ON_FILE, n);
}

/* the other process receives; what comes back is nothing but mbufs, through their pool */
static unsigned long ring_across(unsigned long n)
{
	struct rte_mbuf *m[MOST];

	check(peer_out != NULL, "no second process");
	fprintf(peer_out, "%u %lu\n", burst, n);
	fflush(peer_out);
	for (unsigned long k = 0; k < n; k += burst) {
		uint16_t sent = 0;

		made(m, burst);
		while (sent < burst)
			sent = (uint16_t)(sent +
					  rte_eth_tx_burst(port[ON_RING], 1, m + sent, (uint16_t)(burst - sent)));
	}
	check(fgetc(peer_in) == '+', "the second process is gone");
	return n;
}

static const struct {
	unsigned long (*run)(unsigned long n);
	int restart; /* the port that starts anew for this case; -1 */
	bool wall;   /* two processes: what counts is when both are done */
} cases[] = {{null_both, -1, false},	{null_buffered, -1, false},  {null_callbacks, -1, false},
	     {ring_both, -1, false},	{pcap_loop, -1, false},	     {pcap_long, ON_LONG, false},
	     {pcap_nowhere, -1, false}, {pcap_file, ON_FILE, false}, {ring_across, -1, true}};
#define CASES (sizeof(cases) / sizeof(cases[0]))

/* ---- set up ---- */

static const char *const names[PORTS] = {"net_null0", "net_ring0", "net_pcap0", "net_pcap1", "net_pcap2", "net_pcap3"};

static void init(bool second)
{
	static const char *const files[PORTS] = {NULL,
						 NULL,
						 "rx_pcap=%s/loop.pcap,infinite_rx=1",
						 "rx_pcap=%s/long.pcap",
						 "tx_pcap=/dev/null",
						 "tx_pcap=%s/out.pcap"};
	const char *dir = getenv("BENCH_FILES");
	static char text[PORTS + 8][256];
	char *argv[PORTS + 8];
	int n = 0;
#define ADD(...)                                                                                                       \
	do {                                                                                                           \
		snprintf(text[n], sizeof(text[n]), __VA_ARGS__);                                                       \
		argv[n] = text[n];                                                                                     \
		n++;                                                                                                   \
	} while (0)

	check(dir != NULL, "BENCH_FILES is not set");
	ADD("packets");
	ADD("--lcores=%d@%d", second, second && sysconf(_SC_NPROCESSORS_ONLN) > 1);
	ADD("--log-level=error");
#if !__has_include(<shoal_mempool.h>)
	ADD("--no-pci");
	if (getenv("BENCH_HUGE") != NULL)
		ADD("--huge-dir=%s", getenv("BENCH_HUGE"));
	else
		ADD("--no-huge");
	if (!second)
		ADD("-m128");
#endif
	if (second)
		ADD("--proc-type=secondary");
	for (unsigned p = 0; !second && p < PORTS; p++) {
		char args[128] = "";

		if (files[p] != NULL)
			snprintf(args, sizeof(args), files[p], dir);
		ADD("--vdev=%s%s%s", names[p], *args != '\0' ? "," : "", args);
	}
#undef ADD
	check(rte_eal_init(n, argv) >= 0, "init");
}

/* DPDK's null and ring have no queue that is not set up */
static void set_up(unsigned p)
{
	uint16_t queues = p == ON_RING ? 2 : 1;
	struct rte_eth_conf conf;

	memset(&conf, 0, sizeof(conf));
	check(rte_eth_dev_configure(port[p], queues, queues, &conf) == 0, "configure");
	for (uint16_t q = 0; q < queues; q++)
		check(rte_eth_rx_queue_setup(port[p], q, 1024, SOCKET_ID_ANY, NULL, pool) == 0 &&
			      rte_eth_tx_queue_setup(port[p], q, 1024, SOCKET_ID_ANY, NULL) == 0,
		      "a queue");
	check(rte_eth_dev_start(port[p]) == 0, "start");
}

/* the second process: what is sent through the ring is received, and given back */
static int second_process(void)
{
	unsigned long n;

	init(true);
	check(rte_eth_dev_get_port_by_name(names[ON_RING], &port[ON_RING]) == 0, "no ring");
	printf("+");
	fflush(stdout);
	while (scanf("%u %lu", &burst, &n) == 2) {
		struct rte_mbuf *m[MOST];

		for (unsigned long k = 0; k < n;) {
			uint16_t got = rte_eth_rx_burst(port[ON_RING], 1, m, (uint16_t)burst);

			rte_pktmbuf_free_bulk(m, got);
			k += got;
		}
		printf("+");
		fflush(stdout);
	}
	return 0;
}

static void start_second(const char *self)
{
	int to[2], from[2];
	cpu_set_t all;

	check(pipe(to) == 0 && pipe(from) == 0, "pipe");
	if (fork() == 0) {
		memset(&all, 0xff, sizeof(all)); /* this thread is pinned, and the other process shall be elsewhere */
		sched_setaffinity(0, sizeof(all), &all);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(to[0], 0);
		dup2(from[1], 1);
		for (int fd = 3; fd < 256; fd++)
			close(fd);
		execl(self, self, "peer", (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	peer_in = fdopen(from[0], "r");
	peer_out = fdopen(to[1], "w");
	check(fgetc(peer_in) == '+', "no second process");
}

static void answer(unsigned i, unsigned long n)
{
	uint64_t cpu, wall;
	double ns;

	if (cases[i].restart >= 0)
		check(rte_eth_dev_stop(port[cases[i].restart]) == 0 && rte_eth_dev_start(port[cases[i].restart]) == 0,
		      "the port does not start anew");
	else if (!cases[i].wall)
		cases[i].run(WARM); /* captures read, memory touched */
	wall = b_now();
	cpu = b_used();
	n = cases[i].run(n);
	ns = (double)(cases[i].wall ? b_now() - wall : b_used() - cpu);
	printf("result {\"ns\": %.3f}\n", ns / (double)n * (double)rte_get_tsc_hz() / 1e9);
}

int main(int argc, char **argv)
{
	unsigned long n;
	char line[128];
	unsigned i;

	if (argc > 1 && strcmp(argv[1], "peer") == 0)
		return second_process();
	setvbuf(stdout, NULL, _IOLBF, 0);
	init(false);
	pool = rte_pktmbuf_pool_create("packets", MBUFS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	check(pool != NULL, "pool");
	for (unsigned p = 0; p < PORTS; p++) {
		check(rte_eth_dev_get_port_by_name(names[p], &port[p]) == 0, names[p]);
		set_up(p);
	}
	printf("ready %llu\n", (unsigned long long)b_since_exec());
	while (fgets(line, sizeof(line), stdin) != NULL && strncmp(line, "quit", 4) != 0) {
		if (sscanf(line, "%u %u %lu", &i, &burst, &n) != 3 || i >= CASES || burst == 0 || burst > MOST ||
		    n < burst)
			b_die("bad command");
		if (cases[i].wall && peer_out == NULL)
			start_second("/proc/self/exe");
		answer(i, n - n % burst);
	}
	if (peer_out != NULL) {
		fclose(peer_out); /* ends it; what it used counts as ours only after it was waited for */
		waitpid(-1, NULL, 0);
	}
	return 0;
}
