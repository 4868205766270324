/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * afp_test.c - net_af_packet in several processes, on one end of a veth pair: packets both ways, big ones cut and put together,
 * flows spread over queues, links that change and end, what is refused
 */
#include "afp_help.h"

ROLE(member)
{
	unsigned q = 0, n = 0, mark = 0;
	uint16_t id;
	char line[128];

	INIT("secondary", NULL);
	id = port_named("net_af_packet0");
	t_tell("ready");
	while (t_hear(line, sizeof(line))) {
		if (sscanf(line, "send %u %u %u", &q, &n, &mark) == 3) {
			send_from(id, (uint16_t)q, n, (unsigned char)mark);
			t_tell("sent");
		} else if (sscanf(line, "await %u %u", &n, &mark) == 2) {
			await_frames(id, 1, n, (unsigned char)mark);
			t_tell("got");
		} else if (strcmp(line, "restart") == 0) {
			CHECK_EQ(rte_eth_dev_stop(id), 0);
			start_port(id, 2, rte_mempool_lookup("mp"));
			t_tell("restarted");
		}
	}
	return rte_eal_cleanup();
}

TEST(packets_both_ways_on_all_queues)
{
	uint16_t id = begin("", 4);
	int s = raw_socket(FAR);

	for (unsigned char mark = 1; mark < 5; mark++) {
		send_from(id, mark % 4, 32, mark);
		host_gets(s, 32, mark);
		send_frames(s, 100, 60 + 300u * mark, mark);
		await_frames(id, 4, 100, mark);
	}
	CHECK_EQ(stats_of(id).opackets, 128);
	CHECK_EQ(stats_of(id).ipackets, 400);
	CHECK_EQ(stats_of(id).ibytes, 100 * (4 * 60 + 300 * 10));
	CHECK_EQ(stats_of(id).oerrors + stats_of(id).ierrors + stats_of(id).imissed, 0);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_close(id), 0);
	CHECK(if_nametoindex(NEAR) != 0);
}

TEST(a_secondary_that_dies_is_followed_by_the_next_one)
{
	uint16_t id = begin("", 1);
	int s = raw_socket(FAR);

	for (unsigned round = 0; round < 3; round++) {
		struct t_proc *p = t_spawn("member", NULL);

		t_expect(p, "ready");
		t_say(p, "send 0 7 3");
		t_expect(p, "sent");
		host_gets(s, 7, 3);
		send_frames(s, 9, 200, 5);
		t_say(p, "await 9 5");
		t_expect(p, "got");
		send_frames(s, 11, 200, (unsigned char)(round + 10));
		t_kill(p, SIGKILL);
		(void)t_wait(p);
		await_frames(id, 1, 11, (unsigned char)(round + 10)); /* what the dead one had not read */
		send_from(id, 0, 5, 4);
		host_gets(s, 5, 4);
		CHECK_EQ(shoal_eth_queue_leave(id, 0, SHOAL_ETH_RX), 0);
		CHECK_EQ(shoal_eth_queue_leave(id, 0, SHOAL_ETH_TX), 0);
	}
}

TEST(other_numbers_of_queues_get_all_packets_whoever_starts)
{
	uint16_t id = begin("", 4);
	struct t_proc *p = t_spawn("member", NULL);
	int s = raw_socket(FAR);

	t_expect(p, "ready");
	t_say(p, "restart");
	t_expect(p, "restarted");
	send_frames(s, 50, 100, 6);
	await_frames(id, 2, 50, 6);
	t_kill(p, SIGKILL); /* it had opened the sockets */
	(void)t_wait(p);
	send_frames(s, 50, 100, 7);
	await_frames(id, 2, 50, 7);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	send_frames(s, 9, 100, 8); /* nobody receives now, and not later either */
	start_port(id, 3, rte_mempool_lookup("mp"));
	send_frames(s, 50, 100, 8);
	await_frames(id, 3, 50, 8);
}

TEST(what_a_full_ring_misses_is_counted)
{
	uint16_t id = begin(",framecnt=64", 1);
	int s = raw_socket(FAR);

	send_frames(s, 200, 100, 3);
	CHECK_EQ(stats_of(id).imissed, 136);
	CHECK_EQ(stats_of(id).imissed, 136);
	await_frames(id, 1, 64, 3);
	CHECK_EQ(rte_eth_stats_reset(id), 0);
	CHECK_EQ(stats_of(id).imissed, 0);
	CHECK_EQ(stats_of(id).ipackets, 0);
	send_frames(s, 200, 100, 4);
	await_frames(id, 1, 64, 4);
	CHECK_EQ(stats_of(id).imissed, 136);
}

TEST(what_waits_when_the_port_is_stopped_is_missed)
{
	const struct rte_eth_conf conf = {.rxmode = {.mtu = 0}};
	uint16_t id = begin(",framecnt=64", 2);
	int s = raw_socket(FAR);

	send_frames(s, 200, 100, 3); /* all to one queue */
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_start(id), 0);
	CHECK_EQ(stats_of(id).imissed, 200);
	CHECK_EQ(rte_eth_stats_reset(id), 0);
	send_frames(s, 200, 100, 3);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_configure(id, 1, 1, &conf), 0); /* other sockets */
	CHECK_EQ(rte_eth_dev_start(id), 0);
	CHECK_EQ(stats_of(id).imissed, 200);
	send_frames(s, 50, 100, 4);
	await_frames(id, 1, 50, 4);
}

/* ---- IP ---- */

static unsigned udp_frame(unsigned char *f, uint16_t sport, uint32_t text)
{
	struct rte_ipv4_hdr *ip = (void *)(f + 14);
	struct rte_udp_hdr *u = (void *)(f + 34);

	fill_frame(f, 46, 0);
	memcpy(f + 12, "\x08\x00", 2);
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16(32);
	ip->time_to_live = 9;
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = rte_cpu_to_be_32(0x0a090002);
	ip->dst_addr = rte_cpu_to_be_32(0x0a090001);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	u->src_port = rte_cpu_to_be_16(sport);
	u->dst_port = rte_cpu_to_be_16(9);
	u->dgram_len = rte_cpu_to_be_16(12);
	memcpy(f + 42, &text, 4);
	return 46;
}

#define FLOWS 64u
#define EACH 10u
struct flows {
	uint16_t port;
	unsigned got, of[2];
	struct {
		unsigned next, queue;
	} f[FLOWS];
};

static bool all_flows(void *arg)
{
	struct flows *x = arg;

	for (uint16_t q = 0; q < 2; q++) {
		struct rte_mbuf *m[32];
		uint16_t n = rte_eth_rx_burst(x->port, q, m, 32);

		for (uint16_t i = 0; i < n; i++) {
			const unsigned char *b = rte_pktmbuf_mtod(m[i], const unsigned char *);
			unsigned flow = (unsigned)(b[34] << 8 | b[35]) - 1000;
			uint32_t text;

			if (m[i]->pkt_len != 46 || flow >= FLOWS)
				continue;
			memcpy(&text, b + 42, 4);
			if (x->f[flow].next == 0)
				x->f[flow].queue = q;
			CHECK_EQ(x->f[flow].queue, q);
			CHECK_EQ(text, x->f[flow].next);
			x->f[flow].next++;
			x->got++;
			x->of[q]++;
		}
		rte_pktmbuf_free_bulk(m, n);
	}
	return x->got >= FLOWS * EACH;
}

TEST(a_flow_stays_on_its_queue_in_order)
{
	struct flows x = {.port = begin("", 2)};
	int s = raw_socket(FAR);

	for (uint32_t i = 0; i < EACH; i++)
		for (uint16_t k = 0; k < FLOWS; k++) {
			unsigned char f[64];
			unsigned n = udp_frame(f, (uint16_t)(1000 + k), i);

			CHECK_EQ(send(s, f, n, 0), n);
		}
	t_until(all_flows, &x);
	CHECK_EQ(x.got, FLOWS * EACH);
	CHECK(x.of[0] > 0 && x.of[1] > 0);
}

TEST(big_packets_arrive_as_those_of_the_wire)
{
	struct stream x = {.port = begin("", 1)};
	int s = vnet_socket();

	/* larger than a slot; small enough for one; checksum alone; the largest */
	for (unsigned k = 0; k < 4; k++) {
		unsigned payload = k == 0 ? 10500 : k == 1 ? 1500 : k == 2 ? 700 : 65400, n;

		x.packets = x.most = 0;
		x.end = x.seq + payload;
		n = tcp_frame(big, x.seq, payload, true, false);
		if (k == 2)
			((struct virtio_net_hdr *)(void *)big)->gso_type = VIRTIO_NET_HDR_GSO_NONE;
		CHECK_EQ(send(s, big, n, 0), n);
		t_until(whole, &x);
		CHECK_EQ(x.seq, x.end);
		CHECK_EQ(x.packets, (payload + MSS - 1) / MSS);
		CHECK(x.most <= MSS);
	}
	CHECK_EQ(stats_of(x.port).ierrors + stats_of(x.port).imissed, 0);
}

/* bytes of a big packet, out of what the kernel keeps beside the ring */
static void send_big(struct stream *x, int s, unsigned payload)
{
	unsigned n = tcp_frame(big, x->end, payload, true, false);

	x->end += payload;
	CHECK_EQ(send(s, big, n, 0), n);
}

/* that it went down is an error of the socket, which its next reader gets in the place of a packet */
TEST(big_packets_are_their_slots_whatever_happened_to_the_link)
{
	struct stream x = {.port = begin("", 1)};
	int s = vnet_socket();

	send_big(&x, s, 10000);
	set_up(NEAR, false);
	set_up(NEAR, true);
	t_until(link_is_up, &x.port);
	t_until(runs_outside, (void *)(uintptr_t)FAR);
	t_until(whole, &x);
	CHECK_EQ(x.seq, 10000);
	send_big(&x, s, 20000); /* nothing is left of it that would come in the place of the next one */
	t_until(whole, &x);
	CHECK_EQ(x.seq, 30000);

	send_big(&x, s, 10000); /* and of what came before a start nothing is left */
	set_up(NEAR, false);
	set_up(NEAR, true);
	CHECK_EQ(rte_eth_dev_stop(x.port), 0);
	CHECK_EQ(rte_eth_dev_start(x.port), 0);
	t_until(link_is_up, &x.port);
	t_until(runs_outside, (void *)(uintptr_t)FAR);
	x.seq = x.end;
	send_big(&x, s, 30000);
	t_until(whole, &x);
	CHECK_EQ(x.seq, x.end);
}

TEST(who_asks_for_LRO_gets_big_packets_and_sends_them_on)
{
	struct rte_eth_conf conf = {.rxmode.offloads = RTE_ETH_RX_OFFLOAD_TCP_LRO};
	struct stream x = {.end = 30000};
	struct virtio_net_hdr v;
	struct rte_mbuf *m = NULL;
	unsigned n;
	int s;

	network();
	INIT("primary", "--vdev=net_af_packet0,iface=" NEAR);
	x.port = port_named("net_af_packet0");
	CHECK_EQ(rte_eth_dev_configure(x.port, 1, 1, &conf), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(x.port, 0, 64, 0, NULL, make_pool("mp", 1023)), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(x.port, 0, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(x.port), 0);
	s = vnet_socket();
	n = tcp_frame(big, 0, 30000, true, false);
	CHECK_EQ(send(s, big, n, 0), n);
	t_until(whole, &x);
	CHECK_EQ(x.packets, 1);
	CHECK((x.flags & RTE_MBUF_F_RX_LRO) != 0);
	/* back again */
	CHECK_EQ(send(s, big, n, 0), n);
	while (m == NULL)
		(void)rte_eth_rx_burst(x.port, 0, &m, 1);
	CHECK_EQ(m->tso_segsz, MSS);
	CHECK_EQ(rte_eth_tx_burst(x.port, 0, &m, 1), 1);
	CHECK_EQ(recv(s, big, sizeof(big), 0), n);
	memcpy(&v, big, sizeof(v));
	CHECK_EQ(v.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	CHECK_EQ(v.gso_size, MSS);
}

/* n packets of a flow, the k-th broken if that is not n; how many frames the far end gets, and their bytes */
static unsigned sent_as(uint16_t id, int s, unsigned n, unsigned k, unsigned *bytes)
{
	struct rte_mbuf *m[32];
	unsigned frames = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned len = tcp_frame(big, i * MSS, MSS, false, true);

		if (i == k)
			big[len - 1] ^= 1;
		m[i] = mbuf_of(big + sizeof(struct virtio_net_hdr), len - (unsigned)sizeof(struct virtio_net_hdr));
	}
	CHECK_EQ(rte_eth_tx_burst(id, 0, m, (uint16_t)n), n);
	for (*bytes = 0; *bytes < n * MSS; frames++) {
		ssize_t got = recv(s, big, sizeof(big), 0);

		CHECK(got > 64);
		*bytes += (unsigned)got - 64;
	}
	return frames;
}

TEST(packets_of_a_flow_leave_as_one_but_for_a_broken_one)
{
	uint16_t id = begin("", 1);
	int s = vnet_socket();
	unsigned bytes;

	CHECK_EQ(sent_as(id, s, 20, 20, &bytes), 1);
	CHECK_EQ(bytes, 20 * MSS);
	CHECK_EQ(sent_as(id, s, 20, 10, &bytes), 3);
	CHECK_EQ(bytes, 20 * MSS);
	CHECK_EQ(stats_of(id).opackets, 40);
}

TEST(join_0_sends_packets_one_by_one)
{
	uint16_t id = begin(",join=0", 1);
	unsigned bytes;

	CHECK_EQ(sent_as(id, vnet_socket(), 20, 20, &bytes), 20);
}

/* ---- it changes ---- */

TEST(link_changes_and_the_end_are_heard_by_all)
{
	struct rte_eth_conf conf = {.intr_conf.lsc = 1, .intr_conf.rmv = 1};
	struct rte_mbuf *m;
	struct t_proc *p;
	uint16_t id;

	network();
	INIT("primary", "--vdev=net_af_packet0,iface=" NEAR);
	id = port_named("net_af_packet0");
	CHECK_EQ(rte_eth_dev_configure(id, 1, 1, &conf), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(id, 0, 64, 0, NULL, make_pool("mp", 1023)), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(id, 0, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(id), 0);
	CHECK_EQ(rte_eth_dev_callback_register(id, RTE_ETH_EVENT_INTR_LSC, hear, NULL), 0);
	CHECK_EQ(rte_eth_dev_callback_register(id, RTE_ETH_EVENT_INTR_RMV, hear, NULL), 0);
	t_until(link_is_up, &id);
	p = t_spawn("listener", NULL);
	t_expect(p, "ready");
	for (unsigned i = 0; i < 2; i++) {
		set_up(FAR, i == 1);
		await_event(RTE_ETH_EVENT_INTR_LSC);
		t_say(p, "lsc");
		CHECK_STR(t_expect(p, "heard"), i == 1 ? "heard 1 0" : "heard 0 0");
	}
	delete_link(FAR);
	await_event(RTE_ETH_EVENT_INTR_RMV);
	t_say(p, "rmv");
	CHECK_STR(t_expect(p, "heard"), "heard 0 1");
	m = mbuf_of(big, 100);
	CHECK_EQ(rte_eth_rx_burst(id, 0, &m, 1), 0);
	CHECK_EQ(rte_eth_tx_burst(id, 0, &m, 1), 1); /* dropped, and counted */
	CHECK_EQ(stats_of(id).oerrors, 1);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_close(id), 0);
}

/* the far end is down: the kernel would say that it has sent them; and comes up again, which is known when packets pass */
static void nobody_there(const char *args)
{
	uint16_t id = begin(args, 1);
	struct rte_mbuf *m[4];
	char far[] = FAR;
	int s;

	t_until(link_is_up, &id);
	set_up(FAR, false);
	t_until(link_is_down, &id);
	for (unsigned i = 0; i < 4; i++)
		m[i] = mbuf_of(big, 100);
	CHECK_EQ(rte_eth_tx_burst(id, 0, m, 4), 4);
	CHECK_EQ(stats_of(id).oerrors, 4);
	CHECK_EQ(stats_of(id).opackets, 0);
	CHECK_EQ(rte_mempool_in_use_count(rte_mempool_lookup("mp")), 0);
	set_up(FAR, true);
	t_until(runs_outside, far);
	t_until(link_is_up, &id);
	t_until(runs_outside, (char[]){NEAR});
	s = raw_socket(FAR);
	send_from(id, 0, 3, 9);
	host_gets(s, 3, 9);
	CHECK_EQ(stats_of(id).opackets, 3);
	CHECK_EQ(stats_of(id).oerrors, 4);
}

TEST(what_nobody_is_there_to_get_is_an_error)
{
	nobody_there("");
}

TEST(what_nobody_is_there_to_get_is_an_error_around_the_queueing_discipline)
{
	nobody_there(",qdisc_bypass=1");
}

static int mtu_of(const char *name)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq req;

	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	CHECK_EQ(ioctl(s, SIOCGIFMTU, &req), 0);
	(void)close(s);
	return req.ifr_mtu;
}

TEST(settings_are_the_interfaces_own)
{
	uint16_t id = begin("", 1);
	unsigned char f[2048];
	struct rte_mbuf *m;
	struct rte_eth_dev_info info;
	int s = raw_socket(FAR);

	CHECK_EQ(rte_eth_dev_set_mtu(id, 1200), 0);
	CHECK_EQ(mtu_of(NEAR), 1200);
	fill_frame(f, 1400, 1); /* longer than that: dropped, and counted */
	m = mbuf_of(f, 1400);
	CHECK_EQ(rte_eth_tx_burst(id, 0, &m, 1), 1);
	CHECK_EQ(stats_of(id).oerrors, 1);
	send_from(id, 0, 1, 2);
	host_gets(s, 1, 2);
	CHECK_EQ(rte_eth_dev_info_get(id, &info), 0);
	CHECK_EQ(info.if_index, if_nametoindex(NEAR));
	CHECK_EQ(rte_eth_promiscuous_enable(id), 0);
	CHECK_EQ(rte_eth_promiscuous_get(id), 1);
	CHECK_EQ(rte_eth_promiscuous_disable(id), 0);
	CHECK_EQ(rte_eth_dev_set_link_down(id), 0);
	t_until(link_is_down, &id); /* the kernel tells of it when it has happened */
	CHECK_EQ(rte_eth_dev_set_link_up(id), 0);
	t_until(link_is_up, &id);
}

/* ---- refused ---- */

ROLE(starter)
{
	static struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	static struct __user_cap_data_struct none[2];
	char word[64];

	snprintf(word, sizeof(word), "--vdev=net_af_packet0,iface=%s", argv[1]);
	if (argc > 2)
		CHECK_EQ(syscall(SYS_capset, &h, none), 0);
	return init_with("primary", (const char *const[]){word, NULL}) < 0 ? 3 : 0;
}

static void refused(const char *iface, const char *weak, const char *line)
{
	struct t_proc *p = t_spawn("starter", iface, weak, NULL);

	CHECK_EQ(t_wait(p), 3);
	CHECK_HAS(t_stderr(p), line);
}

TEST(an_interface_that_is_not_there)
{
	network();
	refused("nowhere0", NULL, "there is no interface nowhere0 in this network namespace; 'ip link' shows");
	refused(",qpairs=2", NULL, "the name of an interface is missing");
	refused(NEAR ",qpairs=17", NULL, "qpairs=17: 1 to 16");
	refused(NEAR ",framesz=1000", NULL, "framesz=1000: it is a multiple of 16");
	refused(NEAR ",framesz=0", NULL, "framesz=0: there is no ring of nothing");
	refused(NEAR ",blocksz=4097", NULL, "blocksz=4097: it is a multiple of 4096");
	refused(NEAR ",framecnt=1,blocksz=4096", NULL, "framecnt=1: it is what a block holds (2) at least");
	refused(NEAR ",qdisc_bypass=2", NULL, "qdisc_bypass=2: it is either 0 or 1");
	refused(NEAR ",iface=" FAR, NULL, "iface= is given twice");
	refused(NEAR ",speed=1", NULL, "is not known; it knows iface");
}

TEST(without_the_capability_the_line_says_what_to_do)
{
	network();
	refused(NEAR, "weak", "a packet socket: not permitted: it needs CAP_NET_RAW");
}

/* ---- sent ---- */

/* what the interface has sent, and what it could not hand over */
static unsigned long long left_by(const char *name)
{
	unsigned long long sent = 0, dropped = 0;
	char line[512], is[32];
	FILE *f = fopen("/proc/thread-self/net/dev", "r");

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, " %31[^:]: %*u %*u %*u %*u %*u %*u %*u %*u %*u %llu %*u %llu", is, &sent, &dropped) ==
			    3 &&
		    strcmp(is, name) == 0)
			break;
	(void)fclose(f);
	return sent + dropped;
}

TEST(what_is_sent_is_what_the_interface_says)
{
	uint16_t id = begin("", 1);
	unsigned long long before = left_by(NEAR);
	uint64_t done = 0;

	for (unsigned i = 0; i < 2000; i++) {
		struct rte_mbuf *m[32];
		uint16_t n;

		for (unsigned k = 0; k < 32; k++) {
			m[k] = rte_pktmbuf_alloc(rte_mempool_lookup("mp"));
			CHECK(m[k] != NULL);
			fill_frame((unsigned char *)rte_pktmbuf_append(m[k], i % 2 == 0 ? 60 : 1500),
				   i % 2 == 0 ? 60 : 1500, 4);
		}
		n = rte_eth_tx_burst(id, 0, m, 32);
		done += n;
		rte_pktmbuf_free_bulk(m + n, 32u - n);
	}
	CHECK_EQ(stats_of(id).opackets + stats_of(id).oerrors, done);
	CHECK_EQ(stats_of(id).opackets, left_by(NEAR) - before);
}
