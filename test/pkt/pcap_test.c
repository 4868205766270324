/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap_test.c - capture files read, whole and broken; net_pcap in one process: devargs, queues, RSS, rates, counters */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pcap_help.h"
#include "pkt/cap.h"
#include "pkt/rss.h"
#include "port_help.h"

/* ---- files ---- */

static char why[SH_CAP_WHY];

static const char *in_dir(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", t_tmpdir(), name);
	return path;
}

TEST(each_form_of_the_classic_format)
{
	uint8_t p[1000], q[100];

	for (unsigned form = 0; form < 4; form++) {
		bool nano = form & 1, swap = form & 2;
		struct sh_cap_packet got;
		struct sh_cap *c;
		FILE *f = fopen(in_dir("a.pcap"), "wb");

		put_file_hdr(f, nano, swap, 113);
		make_packet(p, 1000, 3, 7);
		make_packet(q, 100, 4, 8);
		put_packet(f, p, 1000, 1600000000, 5, swap);
		put_packet(f, q, 0, 1600000001, 999, swap);
		put_packet(f, q, 100, 4000000000, 0, swap);
		CHECK(fclose(f) == 0);
		CHECK_EQ(sh_cap_open(&c, in_dir("a.pcap"), why), 0);
		CHECK_EQ(sh_cap_link(c), 113);
		for (int round = 0; round < 3; round++) {
			CHECK_EQ(sh_cap_next(c, &got), 1);
			CHECK_EQ(got.caplen, 1000);
			CHECK_EQ(got.ts_ns, 1600000000000000000 + (nano ? 5 : 5000));
			CHECK_EQ(memcmp(got.data, p, 1000), 0);
			CHECK_EQ(sh_cap_next(c, &got), 1);
			CHECK_EQ(got.caplen, 0);
			CHECK_EQ(sh_cap_next(c, &got), 1);
			CHECK_EQ(got.ts_ns, 4000000000000000000);
			CHECK_EQ(memcmp(got.data, q, 100), 0);
			CHECK_EQ(sh_cap_next(c, &got), 0);
			CHECK_EQ(sh_cap_next(c, &got), 0);
			CHECK_EQ(sh_cap_rewind(c), 0);
		}
		sh_cap_close(c);
	}
}

static void one_more(const char *mode, uint32_t id)
{
	uint8_t p[60];
	FILE *f = fopen(in_dir("kept.pcap"), mode);

	CHECK(f != NULL);
	if (*mode == 'w')
		put_file_hdr(f, false, false, 1);
	make_packet(p, 60, 1, id);
	put_packet(f, p, 60, 1000 + id, 0, false);
	CHECK(fclose(f) == 0);
}

/* ids of the packets from here to the end */
static void reads(struct sh_cap *c, uint32_t from, uint32_t to)
{
	struct sh_cap_packet got;

	for (uint32_t id = from; id <= to; id++) {
		CHECK_EQ(sh_cap_next(c, &got), 1);
		CHECK_EQ(got.ts_ns, (1000 + id) * UINT64_C(1000000000));
		CHECK_EQ(got.caplen, 60);
	}
	CHECK_EQ(sh_cap_next(c, &got), 0);
}

TEST(what_is_kept_in_memory_is_what_is_in_the_file)
{
	struct sh_cap *c;

	one_more("wb", 1);
	one_more("ab", 2);
	CHECK_EQ(sh_cap_open(&c, in_dir("kept.pcap"), why), 0);
	sh_cap_keep(c);
	reads(c, 1, 2);
	CHECK_EQ(sh_cap_rewind(c), 0);
	reads(c, 1, 2);
	one_more("ab", 3); /* it grows */
	reads(c, 3, 3);
	CHECK_EQ(sh_cap_rewind(c), 0);
	reads(c, 1, 3);
	sh_cap_close(c);
	CHECK_EQ(sh_cap_open(&c, in_dir("kept.pcap"), why), 0);
	sh_cap_keep(c);
	one_more("wb", 5); /* another one, shorter */
	CHECK_EQ(sh_cap_rewind(c), 0);
	reads(c, 5, 5);
	sh_cap_close(c);
}

/* longer than what is read at a time */
TEST(a_long_file_is_kept_too)
{
	unsigned n = 3000;
	struct sh_cap *c;

	CHECK_EQ(sh_cap_open(&c, make_capture("long.pcap", n, 3), why), 0);
	sh_cap_keep(c);
	for (int round = 0; round < 3; round++) {
		struct sh_cap_packet got;

		for (unsigned i = 0; i < n; i++) {
			CHECK_EQ(sh_cap_next(c, &got), 1);
			CHECK_EQ(got.caplen, 60 + i * 97 % 941);
			CHECK_EQ(got.ts_ns, UINT64_C(1000000000000) + i * 1000);
		}
		CHECK_EQ(sh_cap_next(c, &got), 0);
		CHECK_EQ(sh_cap_rewind(c), 0);
	}
	sh_cap_close(c);
}

/* pcapng: a section, an interface, two packets */
static void put_pcapng(const char *path, const uint8_t *p, uint32_t n)
{
	FILE *f = fopen(path, "wb");

	CHECK(f != NULL && n % 4 == 0);
	put32(f, 0x0a0d0d0a, false), put32(f, 28, false), put32(f, 0x1a2b3c4d, false), put32(f, 1, false);
	put32(f, UINT32_MAX, false), put32(f, UINT32_MAX, false), put32(f, 28, false);
	put32(f, 1, false), put32(f, 20, false), put32(f, 1, false), put32(f, 65535, false), put32(f, 20, false);
	for (int i = 0; i < 2; i++) {
		put32(f, 6, false), put32(f, 32 + n, false), put32(f, 0, false), put32(f, 0, false),
			put32(f, 1000, false);
		put32(f, n, false), put32(f, n, false);
		CHECK(fwrite(p, n, 1, f) == 1);
		put32(f, 32 + n, false);
	}
	CHECK(fclose(f) == 0);
}

static void need_libpcap(void)
{
	void *so = dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_NODELETE);

	if (so == NULL)
		SKIP("libpcap0.8 is not installed");
	dlclose(so);
}

TEST(pcapng_by_libpcap)
{
	struct sh_cap_packet got;
	struct sh_cap *c;
	uint8_t p[100];

	need_libpcap();
	make_packet(p, 100, 1, 2);
	put_pcapng(in_dir("a.pcapng"), p, 100);
	CHECK_EQ(sh_cap_open(&c, in_dir("a.pcapng"), why), 0);
	CHECK_EQ(sh_cap_link(c), 1);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 2; i++) {
			CHECK_EQ(sh_cap_next(c, &got), 1);
			CHECK_EQ(got.caplen, 100);
			CHECK_EQ(got.ts_ns, 1000000);
			CHECK_EQ(memcmp(got.data, p, 100), 0);
		}
		CHECK_EQ(sh_cap_next(c, &got), 0);
		CHECK_EQ(sh_cap_rewind(c), 0);
	}
	sh_cap_close(c);
}

TEST(a_file_cut_off_anywhere)
{
	uint8_t p[1000];
	const uint32_t len[] = {60, 200, 0, 75};
	FILE *f = fopen(in_dir("whole"), "wb");
	char buf[600];
	size_t size;

	put_file_hdr(f, false, false, 1);
	for (unsigned i = 0; i < 4; i++) {
		make_packet(p, len[i] + 60, 1, i);
		put_packet(f, p, len[i], 1, i, false);
	}
	fclose(f);
	f = fopen(in_dir("whole"), "rb");
	size = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	for (size_t cut = 0; cut <= size; cut++) {
		struct sh_cap_packet got;
		struct sh_cap *c;
		size_t end = 24;
		unsigned n = 0;
		bool edge = cut == 24;
		int r;

		f = fopen(in_dir("cut"), "wb");
		CHECK(cut == 0 || fwrite(buf, cut, 1, f) == 1);
		fclose(f);
		why[0] = '\0';
		r = sh_cap_open(&c, in_dir("cut"), why);
		CHECK_EQ(r, cut < 24 ? -EINVAL : 0);
		CHECK((why[0] != '\0') == (r < 0));
		if (r < 0)
			continue;
		while (n < 4 && end + 16 + len[n] <= cut) {
			CHECK_EQ(sh_cap_next(c, &got), 1);
			CHECK_EQ(got.caplen, len[n]);
			end += 16 + len[n++];
			edge = end == cut;
		}
		for (int i = 0; i < 3; i++)
			CHECK_EQ(sh_cap_next(c, &got), edge ? 0 : -EBADMSG);
		CHECK((sh_cap_why(c)[0] == '\0') == edge);
		sh_cap_close(c);
	}
}

TEST(what_is_no_capture)
{
	struct sh_cap *c;
	FILE *f = fopen(in_dir("text"), "w");

	CHECK_EQ(sh_cap_open(&c, in_dir("nothing"), why), -ENOENT);
	fprintf(f, "this is a text that is much longer than the header of a capture file\n");
	fclose(f);
	why[0] = '\0';
	CHECK(sh_cap_open(&c, in_dir("text"), why) < 0);
	CHECK(why[0] != '\0');
	CHECK(sh_cap_open(&c, t_tmpdir(), why) < 0);
}

/* ---- one process ---- */

static uint16_t make_port(const char *name, const char *args)
{
	CHECK_EQ(rte_vdev_init(name, args), 0);
	return port_named(name);
}

/* n queues each way; hf 0: no RSS */
static int configure(uint16_t port, uint16_t n, uint64_t hf, struct rte_mempool *mp, bool drop)
{
	struct rte_eth_rxconf rx = {.rx_drop_en = drop};
	struct rte_eth_conf conf;
	int r;

	memset(&conf, 0, sizeof(conf));
	conf.rxmode.mq_mode = hf != 0 ? RTE_ETH_MQ_RX_RSS : RTE_ETH_MQ_RX_NONE;
	conf.rx_adv_conf.rss_conf.rss_hf = hf;
	r = rte_eth_dev_configure(port, n, n, &conf);
	for (uint16_t q = 0; r == 0 && q < n; q++) {
		CHECK_EQ(rte_eth_rx_queue_setup(port, q, 64, 0, &rx, mp), 0);
		CHECK_EQ(rte_eth_tx_queue_setup(port, q, 64, 0, NULL), 0);
	}
	return r;
}

static uint32_t number_of(const struct rte_mbuf *m)
{
	return get32(rte_pktmbuf_mtod(m, const uint8_t *) + FLOW_HDR + 4);
}

TEST(a_file_comes_in_and_goes_out)
{
	struct rte_mbuf *m[32];
	struct file in, out;
	char args[1200];
	struct rte_mempool *mp;
	uint16_t port, n;
	unsigned total = 0;

	INIT("primary", NULL);
	mp = make_pool("mp", 255);
	snprintf(args, sizeof(args), "rx_pcap=%s,tx_pcap=%s/out.pcap", make_capture("in.pcap", 1000, 10), t_tmpdir());
	port = make_port("net_pcap0", args);
	CHECK_EQ(configure(port, 1, 0, mp, false), 0);
	CHECK_EQ(rte_eth_dev_start(port), 0);
	while ((n = rte_eth_rx_burst(port, 0, m, total % 3 != 0 ? 1 : 32)) > 0) {
		for (unsigned i = 0; i < n; i++) {
			CHECK_EQ(m[i]->port, port);
			CHECK_EQ(number_of(m[i]), total + i);
			CHECK_EQ(m[i]->pkt_len, 60 + (total + i) * 97 % 941);
		}
		total += n;
		CHECK_EQ(rte_eth_tx_burst(port, 0, m, n), n);
	}
	CHECK_EQ(total, 1000);
	CHECK_EQ(stats_of(port).ipackets, 1000);
	CHECK_EQ(stats_of(port).opackets, 1000);
	CHECK_EQ(stats_of(port).ibytes, stats_of(port).obytes);
	CHECK_EQ(rte_mempool_avail_count(mp), 255);
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	in = read_capture(in_dir("in.pcap"));
	out = read_capture(in_dir("out.pcap"));
	CHECK(out.whole);
	CHECK_EQ(out.n, 1000);
	for (unsigned i = 0; i < 1000; i++)
		CHECK(same_packet(&in.pkt[i], &out.pkt[i]));
	/* a second start: from the beginning, as DPDK does */
	CHECK_EQ(rte_eth_dev_start(port), 0);
	CHECK_EQ(rte_eth_rx_burst(port, 0, m, 1), 1);
	CHECK_EQ(number_of(m[0]), 0);
	rte_pktmbuf_free(m[0]);
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	CHECK_EQ(rte_eth_dev_close(port), 0);
	free_capture(&in);
	free_capture(&out);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(rss_tells_queues_apart)
{
	unsigned char seen[2000] = {0}, last_queue[64];
	uint32_t last[64] = {0};
	struct rte_mempool *mp;
	unsigned total = 0, per[4] = {0};
	struct rte_mbuf *m[32];
	char args[600];
	uint16_t port, n, q = 0;

	INIT("primary", NULL);
	memset(last_queue, 0xff, sizeof(last_queue));
	mp = make_pool("mp", 511);
	snprintf(args, sizeof(args), "rx_pcap=%s", make_capture("in.pcap", 2000, 64));
	port = make_port("net_pcap0", args);
	CHECK_EQ(configure(port, 4, RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP, mp, false), 0);
	CHECK_EQ(rte_eth_dev_start(port), 0);
	for (unsigned idle = 0; idle < 40; q = (uint16_t)((q + 1) % 4)) {
		n = rte_eth_rx_burst(port, q, m, 32);
		idle = n > 0 ? 0 : idle + 1;
		for (unsigned i = 0; i < n; i++) {
			uint32_t num = number_of(m[i]),
				 flow = get32(rte_pktmbuf_mtod(m[i], const uint8_t *) + FLOW_HDR);

			CHECK(num < 2000 && !seen[num]++);
			CHECK(flow < 64 && (last_queue[flow] == 0xff || (last_queue[flow] == q && last[flow] < num)));
			last_queue[flow] = (unsigned char)q;
			last[flow] = num;
			CHECK((m[i]->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0);
			CHECK_EQ((m[i]->hash.rss & 127) % 4, q);
		}
		rte_pktmbuf_free_bulk(m, n);
		total += n;
		per[q] += n;
	}
	CHECK_EQ(total, 2000);
	for (q = 0; q < 4; q++)
		CHECK(per[q] > 0);
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(streams_are_queues_without_rss)
{
	char args[1200], one[512];
	struct rte_mempool *mp;
	struct rte_mbuf *m[32];
	uint16_t port;

	INIT("primary", NULL);
	mp = make_pool("mp", 255);
	snprintf(one, sizeof(one), "%s", make_capture("one.pcap", 5, 1));
	snprintf(args, sizeof(args), "rx_pcap=%s,rx_pcap=%s", one, make_capture("two.pcap", 7, 1));
	port = make_port("net_pcap0", args);
	CHECK_EQ(configure(port, 3, 0, mp, false), 0);
	CHECK_EQ(rte_eth_dev_start(port), 0);
	CHECK_EQ(rte_eth_rx_burst(port, 0, m, 32), 5);
	CHECK_EQ(rte_eth_rx_burst(port, 1, m + 5, 27), 7);
	CHECK_EQ(rte_eth_rx_burst(port, 2, m + 12, 20), 0);
	/* nowhere to send to: taken, and counted */
	CHECK_EQ(rte_eth_tx_burst(port, 0, m, 12), 12);
	CHECK_EQ(stats_of(port).opackets, 12);
	CHECK_EQ(rte_mempool_avail_count(mp), 255);
	/* with RSS both streams are everybody's */
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	CHECK_EQ(configure(port, 2, RTE_ETH_RSS_IP, mp, false), 0);
	CHECK_EQ(rte_eth_dev_start(port), 0);
	CHECK_EQ(rte_eth_rx_burst(port, 0, m, 32) + rte_eth_rx_burst(port, 1, m, 32), 12);
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(long_packets_take_several_buffers)
{
	uint8_t *p = malloc(200000);
	struct rte_mempool *mp;
	struct rte_mbuf *m[32];
	struct file out;
	char args[1200];
	uint16_t port;
	FILE *f = fopen(in_dir("in.pcap"), "wb");

	put_file_hdr(f, false, false, 1);
	make_packet(p, 200000, 1, 1);
	put_packet(f, p, 200000, 1, 1, false);
	put_packet(f, p, 60, 1, 1, false);
	fclose(f);
	INIT("primary", NULL);
	mp = make_pool("mp", 127);
	snprintf(args, sizeof(args), "rx_pcap=%s/in.pcap,tx_pcap=%s/out.pcap", t_tmpdir(), t_tmpdir());
	port = make_port("net_pcap0", args);
	CHECK_EQ(configure(port, 1, 0, mp, false), 0);
	CHECK_EQ(rte_eth_dev_start(port), 0);
	CHECK_EQ(rte_eth_rx_burst(port, 0, m, 32), 2);
	CHECK_EQ(m[0]->pkt_len, 200000);
	CHECK(m[0]->nb_segs > 90);
	CHECK_EQ(rte_mbuf_check(m[0], 1, &(const char *){NULL}), 0);
	CHECK_EQ(rte_eth_tx_burst(port, 0, m, 2), 2);
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	out = read_capture(in_dir("out.pcap"));
	CHECK_EQ(out.n, 2);
	CHECK_EQ(out.pkt[0].len, 200000);
	CHECK_EQ(memcmp(out.pkt[0].data, p, 200000), 0);
	free_capture(&out);
	free(p);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(an_empty_pool_loses_nothing)
{
	struct rte_mempool *mp;
	struct rte_mbuf *m[128];
	char args[600];
	uint16_t port, n;
	unsigned total;

	INIT("primary", NULL);
	mp = make_pool("mp", 63);
	snprintf(args, sizeof(args), "rx_pcap=%s", make_capture("in.pcap", 200, 3));
	port = make_port("net_pcap0", args);
	CHECK_EQ(configure(port, 1, 0, mp, false), 0);
	CHECK_EQ(rte_eth_dev_start(port), 0);
	listen_to_log();
	total = rte_eth_rx_burst(port, 0, m, 128);
	CHECK_EQ(total, 63);
	for (unsigned i = 0; i < 10; i++)
		CHECK_EQ(rte_eth_rx_burst(port, 0, m + 63, 1), 0);
	CHECK(stats_of(port).rx_nombuf > 10);
	CHECK_EQ(said("the pool mp has no mbuf left"), 1);
	CHECK_EQ(lines_said(), 1);
	log_as_before();
	do {
		rte_pktmbuf_free_bulk(m, total > 63 ? n : 63);
		n = rte_eth_rx_burst(port, 0, m, 40);
		for (unsigned i = 0; i < n; i++)
			CHECK_EQ(number_of(m[i]), total + i);
		total += n;
	} while (n > 0);
	CHECK_EQ(total, 200);
	CHECK_EQ(stats_of(port).ipackets, 200);
	CHECK_EQ(stats_of(port).imissed, 0);
	CHECK_EQ(rte_mempool_avail_count(mp), 63);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(broken_files_are_counted_and_said_once)
{
	struct rte_mempool *mp;
	struct rte_mbuf *m[32];
	char args[600];
	uint8_t p[100];
	uint16_t port;
	FILE *f = fopen(in_dir("in.pcap"), "wb");

	put_file_hdr(f, false, false, 1);
	make_packet(p, 100, 1, 0);
	put_packet(f, p, 100, 1, 1, false);
	put_packet(f, p, 9, 1, 2, false); /* shorter than a frame can be */
	put_packet(f, p, 100, 1, 3, false);
	put32(f, 1, false), put32(f, 1, false), put32(f, 0x7fffffff, false), put32(f, 100, false);
	put_packet(f, p, 100, 1, 4, false); /* nobody can know where this begins */
	fclose(f);
	INIT("primary", NULL);
	mp = make_pool("mp", 127);
	snprintf(args, sizeof(args), "rx_pcap=%s/in.pcap", t_tmpdir());
	port = make_port("net_pcap0", args);
	CHECK_EQ(configure(port, 1, 0, mp, false), 0);
	CHECK_EQ(rte_eth_dev_start(port), 0);
	listen_to_log();
	CHECK_EQ(rte_eth_rx_burst(port, 0, m, 1), 1);
	CHECK_EQ(rte_eth_rx_burst(port, 0, m + 1, 1), 1);
	for (uint16_t i = 0; i < 10; i++)
		CHECK_EQ(rte_eth_rx_burst(port, 0, m + 2, i % 2 == 0 ? 1 : 30), 0);
	CHECK_EQ(said("a frame that is too short"), 1);
	CHECK_EQ(said("nothing more is received from it"), 1);
	CHECK_EQ(lines_said(), 2);
	log_as_before();
	CHECK_EQ(stats_of(port).ierrors, 2);
	CHECK_EQ(stats_of(port).ipackets, 2);
	rte_pktmbuf_free_bulk(m, 2);
	CHECK_EQ(rte_mempool_avail_count(mp), 127);
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(again_and_again)
{
	struct rte_mempool *mp;
	struct rte_mbuf *m[32];
	char args[600];
	unsigned total = 0;
	uint16_t port, n;

	INIT("primary", NULL);
	mp = make_pool("mp", 127);
	snprintf(args, sizeof(args), "rx_pcap=%s,infinite_rx=1", make_capture("in.pcap", 10, 3));
	port = make_port("net_pcap0", args);
	CHECK_EQ(configure(port, 1, 0, mp, false), 0);
	CHECK_EQ(rte_eth_dev_start(port), 0);
	while (total < 1000) {
		n = rte_eth_rx_burst(port, 0, m, 32);
		CHECK_EQ(n, 32);
		for (unsigned i = 0; i < n; i++)
			CHECK_EQ(number_of(m[i]), (total + i) % 10);
		rte_pktmbuf_free_bulk(m, n);
		total += n;
	}
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* never more than the time allows; it may be less on a busy machine */
static void paced(const char *how, uint64_t ns_each)
{
	struct rte_mempool *mp = make_pool(how, 127);
	struct rte_mbuf *m[32];
	unsigned total = 0;
	uint64_t before;
	char args[600];
	uint16_t port;

	snprintf(args, sizeof(args), "rx_pcap=%s,rate=%s", make_capture("in.pcap", 50, 3), how);
	port = make_port("net_pcap0", args);
	CHECK_EQ(configure(port, 1, 0, mp, false), 0);
	before = now_ns();
	CHECK_EQ(rte_eth_dev_start(port), 0);
	while (total < 50) {
		uint16_t n = rte_eth_rx_burst(port, 0, m, 32);

		total += n;
		CHECK(total <= (now_ns() - before) / ns_each + 1);
		rte_pktmbuf_free_bulk(m, n);
	}
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	CHECK_EQ(rte_eth_dev_close(port), 0);
}

TEST(a_rate_is_not_exceeded)
{
	INIT("primary", NULL);
	paced("5000", 200000);
	paced("real", 1000); /* as make_capture() has spaced them */
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(who_asks_for_no_rss_gets_dpdks_codes)
{
	struct rte_eth_conf conf;
	struct rte_mempool *mp;
	char args[600];
	uint16_t port;

	INIT("primary", NULL);
	mp = make_pool("mp", 127);
	snprintf(args, sizeof(args), "rx_pcap=%s,rss=0", make_capture("in.pcap", 10, 3));
	port = make_port("net_pcap0", args);
	CHECK_EQ(configure(port, 2, RTE_ETH_RSS_IP, mp, false), -ENOTSUP);
	memset(&conf, 0, sizeof(conf));
	conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	CHECK_EQ(rte_eth_dev_configure(port, 2, 2, &conf), -ENOTSUP);
	conf.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
	conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM;
	CHECK_EQ(rte_eth_dev_configure(port, 2, 2, &conf), -EINVAL);
	CHECK_EQ(configure(port, 2, 0, mp, false), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

#define FOUR "tx_pcap=o,tx_pcap=o,tx_pcap=o,tx_pcap=o,"
#define SEVENTEEN (FOUR FOUR FOUR FOUR "tx_pcap=o")

TEST(bad_devargs_are_refused)
{
	static const char *const bad[] = {"",
					  "rx_pcap=",
					  "rx_pcap=/nonexistent/file.pcap",
					  "nonsense=1",
					  "tx_pcap=o.pcap,rate=0",
					  "tx_pcap=o.pcap,rate=fast",
					  "tx_pcap=o.pcap,rate=9999999999999999999999",
					  "tx_pcap=o.pcap,infinite_rx=2",
					  "tx_pcap=o.pcap,rss=yes",
					  "rx_iface=nosuchiface0",
					  "iface=lo,tx_pcap=o.pcap",
					  "iface=lo,iface=lo",
					  "tx_iface=a_name_that_is_longer_than_any_interface_has",
					  "rx_pcap=/dev/zero",
					  SEVENTEEN,
					  "tx_pcap=o.pcap,tx_pcap=./o.pcap"};
	char args[1200], in[512];
	unsigned fds;

	INIT("primary", NULL);
	snprintf(in, sizeof(in), "%s", make_capture("in.pcap", 3, 1));
	rte_vdev_init("net_pcap9", bad[0]); /* what is made once for all is there now */
	fds = t_open_fds(getpid());
	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		uint16_t id;

		listen_to_log();
		CHECK(rte_vdev_init("net_pcap0", bad[i]) < 0);
		if (lines_said() != 1)
			t_fail(__FILE__, __LINE__, "'%s': %u lines were said: %s", bad[i], lines_said(), said_text);
		log_as_before();
		CHECK_EQ(rte_eth_dev_get_port_by_name("net_pcap0", &id), -ENODEV);
	}
	snprintf(args, sizeof(args), "rx_pcap=%s,tx_pcap=%s", in, in);
	CHECK(rte_vdev_init("net_pcap0", args) < 0);
	CHECK_EQ(t_open_fds(getpid()), fds);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* why, not only that */
TEST(a_line_says_what_is_wrong_with_devargs)
{
	static const struct {
		const char *dev, *args, *line;
	} bad[] = {
		{"net_pcap0", "tx_pcap=o,colour=red", "'colour' is not known; it knows rx_pcap, tx_pcap, rx_iface,"},
		{"net_pcap0", "tx_pcap=o,,=3", "malformed at '=3'"},
		{"net_pcap0", "rx_pcap=[o", "malformed at 'rx_pcap=[o'"},
		{"net_pcap0", "rx_iface=nope0", "there is no interface nope0"},
		{"net_null0", "rss=2", "rss=2: it is either 0 or 1"},
		{"net_null0", "colour=red", "it knows size, copy, no-rx, rss"},
		{"net_ring0", "rss=no", "rss=no: it is either 0 or 1"},
		{"net_ring0", "rx=[1;x],tx=[1]", "addresses of 1 to 16 rings are wanted"},
		{"net_ring0", "rx=[1],tx=[1]", "at 0x1 is no ring of the group"},
		{"net_tap0", "rss=-1", "rss=-1: it is either 0 or 1"},
		{"net_af_packet0", "qpairs=1", "the name of an interface is missing"},
	};
	char many[400] = "";

	INIT("primary", NULL);
	for (unsigned i = 0; i <= RTE_DIM(bad); i++) {
		const char *dev = i < RTE_DIM(bad) ? bad[i].dev : "net_null0";
		const char *line = i < RTE_DIM(bad) ? bad[i].line : "more than 32 of KEY=VALUE";

		for (unsigned k = 0; k < 33; k++)
			(void)snprintf(many + 8 * k, sizeof(many) - 8 * k, "size=64,");
		listen_to_log();
		CHECK(rte_vdev_init(dev, i < RTE_DIM(bad) ? bad[i].args : many) < 0);
		if (lines_said() != 1 || said(line) != 1)
			t_fail(__FILE__, __LINE__, "not the one line '%s': %s", line, said_text);
		log_as_before();
	}
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* a file that is written belongs to one port: two would write over each other's packets */
TEST(a_file_is_written_by_one_port)
{
	struct rte_mempool *mp;
	char one[600], two[600];
	uint16_t port;

	INIT("primary", NULL);
	mp = make_pool("mp", 127);
	snprintf(one, sizeof(one), "tx_pcap=%s/out.pcap", t_tmpdir());
	snprintf(two, sizeof(two), "tx_pcap=%s/../%s/out.pcap", t_tmpdir(), strrchr(t_tmpdir(), '/') + 1);
	port = make_port("net_pcap0", one);
	listen_to_log();
	CHECK_EQ(rte_vdev_init("net_pcap1", two), -EBUSY); /* nobody has made it yet */
	CHECK_EQ(configure(port, 1, 0, mp, false), 0);
	CHECK_EQ(rte_eth_dev_start(port), 0);
	snprintf(two, sizeof(two), "tx_pcap=%s/same.pcap", t_tmpdir());
	CHECK_EQ(link(in_dir("out.pcap"), two + strlen("tx_pcap=")), 0);
	CHECK_EQ(rte_vdev_init("net_pcap1", two), -EBUSY);
	CHECK_EQ(said("is written by net_pcap0 already"), 2);
	CHECK_EQ(lines_said(), 2);
	log_as_before();
	CHECK_EQ(rte_vdev_init("net_pcap1", "tx_pcap=/dev/null"), 0);
	CHECK_EQ(rte_vdev_init("net_pcap2", "tx_pcap=/dev/null"), 0);
	CHECK_EQ(rte_vdev_uninit("net_pcap0"), 0);
	CHECK_EQ(rte_vdev_init("net_pcap3", two), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* an interface that this process may not open: start says so, not the first burst */
TEST(an_interface_without_the_right_to_it)
{
	struct __user_cap_header_struct hdr = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
	struct rte_mempool *mp;
	uint16_t port;

	need_libpcap();
	INIT("primary", NULL);
	mp = make_pool("mp", 127);
	if (rte_vdev_init("net_pcap0", "iface=lo") < 0)
		SKIP("there is no interface lo here");
	port = port_named("net_pcap0");
	CHECK_EQ(configure(port, 1, 0, mp, false), 0);
	CHECK_EQ(syscall(SYS_capset, &hdr, none), 0);
	listen_to_log();
	CHECK_EQ(rte_eth_dev_start(port), -EPERM);
	CHECK_EQ(said("net_pcap0: lo: not permitted: it needs CAP_NET_RAW"), 1);
	CHECK_EQ(lines_said(), 1);
	log_as_before();
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* written at places, which a FIFO has not got: start says so, and waits for no reader */
TEST(a_fifo_is_no_file)
{
	char path[512], args[600];
	struct rte_mempool *mp;
	uint16_t port;
	int fd;

	snprintf(path, sizeof(path), "%s/fifo", t_tmpdir());
	CHECK_EQ(mkfifo(path, 0600), 0);
	INIT("primary", NULL);
	mp = make_pool("mp", 127);
	snprintf(args, sizeof(args), "tx_pcap=%s", path);
	port = make_port("net_pcap0", args);
	CHECK_EQ(configure(port, 1, 0, mp, false), 0);
	CHECK_EQ(rte_eth_dev_start(port), -ENXIO);
	CHECK((fd = open(path, O_RDONLY | O_NONBLOCK)) >= 0);
	listen_to_log();
	CHECK_EQ(rte_eth_dev_start(port), -ESPIPE);
	CHECK_EQ(said("/fifo is a FIFO or a socket"), 1);
	CHECK_EQ(lines_said(), 1);
	log_as_before();
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

TEST(a_disk_that_is_full)
{
	struct rte_mempool *mp;
	struct rte_mbuf *m[2];
	uint16_t port;

	INIT("primary", NULL);
	mp = make_pool("mp", 127);
	if (access("/dev/full", W_OK) != 0)
		SKIP("no /dev/full");
	/* nothing can be written at all: start says so */
	port = make_port("net_pcap0", "tx_pcap=/dev/full");
	CHECK_EQ(rte_eth_promiscuous_get(port), 1); /* nothing is filtered */
	CHECK_EQ(rte_eth_allmulticast_get(port), 1);
	CHECK_EQ(configure(port, 1, 0, mp, false), 0);
	CHECK_EQ(rte_eth_dev_start(port), -ENOSPC);
	CHECK_EQ(rte_eth_tx_burst(port, 0, m, 0), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}
