/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap_again_test.c - net_pcap: a file that several queues read again and again, in one process */
#include "pcap_help.h"
#include "port_help.h"

#define PACKETS 50
#define LONG 7	 /* takes several buffers */
#define SHORT 9	 /* is no frame */
#define NO_IP 11 /* has no hash */
#define QUEUES 3u

struct read {
	uint32_t hash[PACKETS];
	unsigned seen[PACKETS];
	uint32_t last[QUEUES]; /* of each queue; PACKETS: none yet */
};

static void make_file(const char *path)
{
	FILE *f = fopen(path, "wb");
	uint8_t p[5000];

	CHECK(f != NULL);
	put_file_hdr(f, false, false, 1);
	for (unsigned i = 0; i < PACKETS; i++) {
		make_packet(p, i == LONG ? 5000 : 60 + i, i, i);
		p[12] = i == NO_IP ? 0xff : p[12];
		put_packet(f, p, i == LONG ? 5000 : i == SHORT ? 10 : 60 + i, i, 0, false);
	}
	CHECK(fclose(f) == 0);
}

static void configure(uint16_t port)
{
	struct rte_mempool *mp = make_pool("mp", 127);
	struct rte_eth_conf conf;

	memset(&conf, 0, sizeof(conf));
	conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IP;
	CHECK_EQ(rte_eth_dev_configure(port, QUEUES, 0, &conf), 0);
	for (uint16_t q = 0; q < QUEUES; q++)
		CHECK_EQ(rte_eth_rx_queue_setup(port, q, 64, 0, NULL, mp), 0);
	CHECK_EQ(rte_eth_dev_start(port), 0);
}

/* one burst: whole packets, in the order of the file, none left out and none twice in a round, with the hash that they had before */
static void burst(uint16_t port, uint16_t q, uint16_t most, struct read *r)
{
	struct rte_mbuf *m[8];
	uint16_t n = rte_eth_rx_burst(port, q, m, most);

	for (unsigned i = 0; i < n; i++) {
		const uint32_t k = get32(rte_pktmbuf_mtod(m[i], const uint8_t *) + FLOW_HDR + 4), last = r->last[q];
		const bool has = (m[i]->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0;

		CHECK(k < PACKETS && has == (k != NO_IP));
		CHECK_EQ(m[i]->pkt_len, k == LONG ? 5000 : 60 + k);
		CHECK_EQ(has ? (m[i]->hash.rss & 127) % QUEUES : 0, q);
		CHECK(r->seen[k] == 0 || !has || r->hash[k] == m[i]->hash.rss);
		CHECK(last == PACKETS || (r->seen[k] <= r->seen[last] && r->seen[k] + 1 >= r->seen[last]));
		r->hash[k] = m[i]->hash.rss;
		r->last[q] = k;
		r->seen[k]++;
	}
	rte_pktmbuf_free_bulk(m, n);
}

TEST(queues_read_a_file_again_and_again)
{
	uint8_t key[40];
	struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = sizeof(key), .rss_hf = RTE_ETH_RSS_IP};
	struct read r[3];
	unsigned changed = 0;
	char path[512], args[600];
	uint16_t port;

	snprintf(path, sizeof(path), "%s/in.pcap", t_tmpdir());
	make_file(path);
	INIT("primary", NULL);
	snprintf(args, sizeof(args), "rx_pcap=%s,infinite_rx=1", path);
	CHECK_EQ(rte_vdev_init("net_pcap0", args), 0);
	port = port_named("net_pcap0");
	configure(port);
	memset(r, 0, sizeof(r));
	for (unsigned k = 0; k < RTE_DIM(r); k++) {
		for (uint16_t q = 0; q < QUEUES; q++)
			r[k].last[q] = PACKETS;
		for (unsigned i = 0; i < 900; i++)
			burst(port, (uint16_t)(i % QUEUES), (uint16_t)(i % 5 != 0 ? 8 : 1), &r[k]);
		for (unsigned i = 0; i < PACKETS; i++)
			CHECK(i == SHORT ? r[k].seen[i] == 0 : r[k].seen[i] > 10);
		memset(key, (int)(0x5a + k), sizeof(key)); /* the next round with another key */
		CHECK_EQ(rte_eth_dev_rss_hash_update(port, &conf), 0);
	}
	for (unsigned i = 0; i < PACKETS; i++)
		changed += r[0].hash[i] != r[1].hash[i] && r[1].hash[i] != r[2].hash[i];
	CHECK(changed > PACKETS / 2);
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	CHECK_EQ(rte_mempool_avail_count(rte_mempool_lookup("mp")), 127);
	CHECK_EQ(rte_eal_cleanup(), 0);
}

/* nothing but what is no frame, again and again: a burst ends all the same */
TEST(a_burst_ends_where_no_packet_is_a_frame)
{
	const uint8_t p[10] = {0};
	struct rte_mbuf *m[8];
	char path[512], args[600];
	uint16_t port;
	FILE *f;

	snprintf(path, sizeof(path), "%s/in.pcap", t_tmpdir());
	CHECK((f = fopen(path, "wb")) != NULL);
	put_file_hdr(f, false, false, 1);
	put_packet(f, p, sizeof(p), 0, 0, false);
	CHECK(fclose(f) == 0);
	INIT("primary", NULL);
	snprintf(args, sizeof(args), "rx_pcap=%s,infinite_rx=1", path);
	CHECK_EQ(rte_vdev_init("net_pcap0", args), 0);
	port = port_named("net_pcap0");
	configure(port); /* queues by RSS */
	for (uint16_t q = 0; q < QUEUES; q++)
		CHECK_EQ(rte_eth_rx_burst(port, q, m, 8), 0);
	CHECK(stats_of(port).ierrors > 0);
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	start_port(port, 1, rte_mempool_lookup("mp")); /* all of the file one queue's */
	CHECK_EQ(rte_eth_rx_burst(port, 0, m, 8), 0);
	CHECK_EQ(rte_eth_dev_stop(port), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
}
