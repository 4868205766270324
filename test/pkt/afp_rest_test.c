/* SPDX-License-Identifier: BSD-3-Clause */
/* afp_rest_test.c - net_af_packet where it cannot be: taken back whole; and an interface whose MTU others change */
#include <sys/resource.h>

#include "afp_help.h"

/* ---- it cannot be had ---- */

static void limit_fds(rlim_t n)
{
	struct rlimit l;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = n;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &l), 0);
}

static unsigned ports(void)
{
	return rte_eth_dev_count_avail();
}

ROLE(weak)
{
	static struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	static struct __user_cap_data_struct none[2];

	CHECK_EQ(syscall(SYS_capset, &h, none), 0);
	INIT("primary", NULL);
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, hear, NULL), 0);
	listen_to_log();
	for (unsigned i = 1; i < 3; i++) { /* the second time is as the first one was */
		CHECK_EQ(rte_eal_hotplug_add("vdev", "net_af_packet0", "iface=" NEAR), -EPERM);
		CHECK_EQ(said("a packet socket: not permitted"), i);
		CHECK_EQ(ports(), 0);
		CHECK_EQ(rte_vdev_init("net_af_packet0", "iface=" NEAR), -EPERM);
		log_as_before();
		listen_to_log();
		CHECK_EQ(rte_eal_hotplug_add("vdev", "net_af_packet0", "iface=" NEAR), -EPERM);
	}
	log_as_before();
	CHECK_EQ(rte_vdev_init("net_null0", NULL), 0);
	CHECK_EQ(heard[RTE_ETH_EVENT_NEW], 1); /* of this one alone */
	t_tell("done");
	return rte_eal_cleanup();
}

TEST(without_rights_there_is_no_port)
{
	struct t_proc *p;

	network();
	p = t_spawn("weak", NULL);
	t_expect(p, "done");
	CHECK_EQ(t_wait(p), 0);
}

/* with any number of descriptors that are left: all of it, or nothing */
TEST(without_descriptors_there_is_no_port)
{
	struct rlimit was;
	int free_fd, r = -1;
	unsigned n = 0;

	network();
	INIT("primary", NULL);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	free_fd = dup(0);
	CHECK(free_fd >= 0);
	(void)close(free_fd);
	for (rlim_t lim = (rlim_t)free_fd; r < 0 && n < 64; n++) {
		limit_fds(lim + n);
		r = rte_vdev_init("net_af_packet0", "iface=" NEAR);
		limit_fds(was.rlim_cur);
		CHECK_EQ(ports(), r == 0);
	}
	CHECK_EQ(r, 0);
	CHECK(n > 1);
	CHECK_EQ(rte_vdev_uninit("net_af_packet0"), 0);
}

struct
try {
	uint16_t port;
	struct rte_mbuf *m;
};

static bool sent(void *arg)
{
	struct try *x = arg;

	return rte_eth_tx_burst(x->port, 0, &x->m, 1) == 1;
}

/* no numbers for files: many bursts, few lines; then they are there again */
static void bursts_in_vain(struct try *x, const struct rlimit *was)
{
	for (unsigned i = 0; i < 3000; i++)
		CHECK(!sent(x));
	CHECK(said("\n") > 0);
	CHECK(said("\n") < 10); /* of the first try, not of each */
	log_as_before();
	limit_fds(was->rlim_cur);
	t_until(sent, x);
}

ROLE(poller)
{
	char line[16];
	struct rlimit was;
	struct try x = {.port = 0};

	INIT("secondary", NULL);
	x.port = port_named("net_af_packet0");
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	x.m = rte_pktmbuf_alloc(rte_mempool_lookup("mp"));
	CHECK(rte_pktmbuf_append(x.m, 60) != NULL);
	t_tell("ready");
	CHECK(t_hear(line, sizeof(line)));
	if (strcmp(line, "attached") == 0)
		(void)link_is(x.port);
	limit_fds(3);
	t_tell("limited");
	CHECK(t_hear(line, sizeof(line)));
	listen_to_log();
	bursts_in_vain(&x, &was);
	t_tell("done");
	return rte_eal_cleanup();
}

static void polls_without_files(const char *how)
{
	struct rte_mempool *mp;
	struct t_proc *p;
	uint16_t id;

	network();
	INIT("primary", "--vdev=net_af_packet0,iface=" NEAR);
	id = port_named("net_af_packet0");
	mp = make_pool("mp", 1023);
	p = t_spawn("poller", NULL);
	t_expect(p, "ready");
	t_say(p, how);
	t_expect(p, "limited"); /* before it could have copies */
	start_port(id, 1, mp);
	t_say(p, "go");
	t_expect(p, "done");
	CHECK_EQ(t_wait(p), 0);
}

TEST(a_queue_that_cannot_be_opened_is_not_tried_by_each_burst)
{
	polls_without_files("attached");
}

TEST(nor_is_a_port_that_cannot_be_attached)
{
	polls_without_files("not yet");
}

/* ---- who has its files does not answer ---- */

ROLE(stopped)
{
	char line[16];

	INIT("primary", NULL);
	(void)make_pool("mp", 1023);
	t_tell("ready");
	CHECK(t_hear(line, sizeof(line)));
	CHECK_EQ(rte_vdev_init("net_af_packet0", "iface=" NEAR), 0);
	start_port(port_named("net_af_packet0"), 1, rte_mempool_lookup("mp"));
	t_tell("started");
	(void)t_hear(line, sizeof(line));
	return 0;
}

TEST(who_does_not_answer_is_not_asked_by_each_burst)
{
	struct rlimit was;
	struct t_proc *p;
	struct try x;

	network();
	p = t_spawn("stopped", NULL);
	t_expect(p, "ready");
	INIT("secondary", NULL);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	limit_fds(3); /* it is told of the port, and can have nothing of it */
	t_say(p, "start");
	t_expect(p, "started");
	t_kill(p, SIGSTOP);
	limit_fds(was.rlim_cur);
	x.port = port_named("net_af_packet0");
	x.m = rte_pktmbuf_alloc(rte_mempool_lookup("mp"));
	CHECK(rte_pktmbuf_append(x.m, 60) != NULL);
	listen_to_log();
	for (unsigned i = 0; i < 3000; i++) /* each would wait for seconds */
		CHECK(!sent(&x));
	CHECK_EQ(said("does not answer"), 1);
	log_as_before();
	t_kill(p, SIGCONT);
	t_until(sent, &x);
}

/* ---- the interface's MTU is the port's ---- */

struct mtu {
	uint16_t port, want;
};

static bool mtu_is(void *arg)
{
	struct mtu *x = arg;
	uint16_t mtu;

	CHECK_EQ(rte_eth_dev_get_mtu(x->port, &mtu), 0);
	return mtu == x->want;
}

static void burst_of_flow(uint16_t id, unsigned n)
{
	struct rte_mbuf *m[8];

	for (unsigned i = 0; i < n; i++) {
		unsigned len = tcp_frame(big, i * MSS, MSS, false, true) - (unsigned)sizeof(struct virtio_net_hdr);

		m[i] = mbuf_of(big + sizeof(struct virtio_net_hdr), len);
	}
	CHECK_EQ(rte_eth_tx_burst(id, 0, m, (uint16_t)n), n);
}

ROLE(sees_address)
{
	struct port_mac x = {.mac = {{2, 0, 0, 0, 0, 0x77}}};
	char line[16];

	INIT("secondary", NULL);
	x.port = port_named("net_af_packet0");
	t_tell("ready");
	CHECK(t_hear(line, sizeof(line)));
	t_until(mac_is, &x);
	t_tell("seen");
	return rte_eal_cleanup();
}

TEST(an_address_that_others_set_is_followed)
{
	struct port_mac x = {.mac = {{2, 0, 0, 0, 0, 0x77}}};
	struct t_proc *p;

	network();
	INIT("primary", "--vdev=net_af_packet0,iface=" NEAR);
	x.port = port_named("net_af_packet0");
	p = t_spawn("sees_address", NULL);
	t_expect(p, "ready");
	mac_outside(NEAR, x.mac.addr_bytes);
	t_until(mac_is, &x);
	t_say(p, "look");
	t_expect(p, "seen");
	x.mac.addr_bytes[5] = 0x78;
	CHECK_EQ(rte_eth_dev_default_mac_addr_set(x.port, &x.mac), 0);
	t_until(mac_is, &x);
	CHECK_EQ(t_wait(p), 0);
}

TEST(an_MTU_that_others_set_is_followed)
{
	struct mtu x = {0, 9000};
	struct rte_eth_conf conf = {.rxmode = {.mtu = 0}};

	network();
	(void)mtu_outside(NEAR, 9000);
	INIT("primary", "--vdev=net_af_packet0,iface=" NEAR);
	x.port = port_named("net_af_packet0");
	CHECK(mtu_is(&x));
	start_port(x.port, 1, make_pool("mp", 1023));
	CHECK(mtu_is(&x));
	CHECK_EQ(rte_eth_dev_conf_get(x.port, &conf), 0);
	CHECK_EQ(conf.rxmode.mtu, 9000);
	CHECK_EQ(mtu_outside(NEAR, 0), 9000);
	burst_of_flow(x.port, 4); /* the queue is open */
	CHECK_EQ(stats_of(x.port).opackets, 4);
	(void)mtu_outside(NEAR, 800);
	x.want = 800;
	t_until(mtu_is, &x);
	burst_of_flow(x.port, 1);
	CHECK_EQ(stats_of(x.port).oerrors, 1);
	burst_of_flow(x.port, 4); /* nor are they joined to a packet of pieces that are too long */
	CHECK_EQ(stats_of(x.port).oerrors, 5);
	CHECK_EQ(stats_of(x.port).opackets, 4);
	CHECK_EQ(rte_eth_dev_set_mtu(x.port, 1400), 0);
	x.want = 1400;
	CHECK(mtu_is(&x));
	burst_of_flow(x.port, 4);
	CHECK_EQ(stats_of(x.port).opackets, 8);
}

static uint16_t configured(uint16_t id, uint32_t mtu)
{
	struct rte_eth_conf conf = {.rxmode = {.mtu = mtu}};
	uint16_t is;

	CHECK_EQ(rte_eth_dev_configure(id, 1, 1, &conf), 0);
	CHECK_EQ(rte_eth_dev_get_mtu(id, &is), 0);
	return is;
}

TEST(an_MTU_that_is_asked_for_with_the_configuration_is_the_interfaces)
{
	struct rte_eth_conf conf = {.rxmode = {.mtu = 67}};
	uint16_t id;

	network();
	INIT("primary", "--vdev=net_af_packet0,iface=" NEAR);
	id = port_named("net_af_packet0");
	CHECK_EQ(configured(id, 1300), 1300);
	CHECK_EQ(mtu_outside(NEAR, 0), 1300);
	CHECK_EQ(configured(id, 0), 1300); /* it is as it is */
	CHECK_EQ(rte_eth_dev_configure(id, 1, 1, &conf), -EINVAL);
	CHECK_EQ(mtu_outside(NEAR, 0), 1300);
	CHECK_EQ(configured(id, 9000), 9000);
	CHECK_EQ(mtu_outside(NEAR, 0), 9000);
	CHECK_EQ(rte_eth_rx_queue_setup(id, 0, 64, 0, NULL, make_pool("mp", 1023)), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(id, 0, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(id), 0);
	CHECK_EQ(rte_eth_dev_conf_get(id, &conf), 0);
	CHECK_EQ(conf.rxmode.mtu, 9000);
}

ROLE(without_admin)
{
	static struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	static struct __user_cap_data_struct raw[2];

	raw[0].effective = raw[0].permitted = 1u << CAP_NET_RAW;
	CHECK_EQ(syscall(SYS_capset, &h, raw), 0);
	INIT("primary", "--vdev=net_af_packet0,iface=" NEAR);
	t_tell("is %u", configured(port_named("net_af_packet0"), 1300));
	return rte_eal_cleanup();
}

TEST(an_MTU_that_a_process_may_not_change_stays)
{
	struct t_proc *p;

	network();
	p = t_spawn("without_admin", NULL);
	CHECK_STR(t_expect(p, "is"), "is 1500");
	CHECK_EQ(t_wait(p), 0);
	CHECK_EQ(mtu_outside(NEAR, 0), 1500);
}

/* ---- segments ---- */

static struct rte_mbuf *of_segments(unsigned n)
{
	struct rte_mempool *mp = rte_mempool_lookup("mp");
	struct rte_mbuf *head = rte_pktmbuf_alloc(mp), *m = head;

	CHECK(head != NULL);
	fill_frame((void *)rte_pktmbuf_append(m, 60), 60, 1);
	for (unsigned i = 1; i < n; i++) {
		m->next = rte_pktmbuf_alloc(mp);
		CHECK(m->next != NULL);
		m = m->next;
		*rte_pktmbuf_mtod(m, char *) = 1;
		m->data_len = 1;
		head->nb_segs++;
		head->pkt_len++;
	}
	return head;
}

TEST(as_many_segments_as_it_says)
{
	uint16_t id = begin("", 1);
	struct rte_eth_dev_info info;
	struct rte_mbuf *m;

	CHECK_EQ(rte_eth_dev_info_get(id, &info), 0);
	m = of_segments(info.tx_desc_lim.nb_seg_max);
	CHECK_EQ(rte_eth_tx_prepare(id, 0, &m, 1), 1);
	CHECK_EQ(rte_eth_tx_burst(id, 0, &m, 1), 1);
	CHECK_EQ(stats_of(id).opackets, 1);
	m = of_segments(info.tx_desc_lim.nb_seg_max + 1u);
	CHECK_EQ(rte_eth_tx_prepare(id, 0, &m, 1), 0);
	CHECK_EQ(rte_errno, EINVAL);
	rte_pktmbuf_free(m);
	CHECK_EQ(stats_of(id).oerrors, 0);
}

/* ---- an interface that is gone is gone ---- */

/* told by its callbacks from here on */
static uint16_t watched(void)
{
	uint16_t id = begin("", 1);

	CHECK_EQ(rte_eth_dev_callback_register(id, RTE_ETH_EVENT_INTR_RMV, hear, NULL), 0);
	return id;
}

static void is_gone(uint16_t id)
{
	struct rte_ether_addr mac = {.addr_bytes = {2, 0, 0, 0, 0, 0x99}};

	CHECK(!link_is(id)); /* looks at what there is now */
	CHECK_EQ(rte_eth_dev_is_removed(id), 1);
	CHECK_EQ(rte_eth_dev_set_mtu(id, 1333), -EIO);
	CHECK_EQ(rte_eth_dev_default_mac_addr_set(id, &mac), -EIO);
	CHECK_EQ(rte_eth_promiscuous_enable(id), -EIO);
	CHECK_EQ(rte_eth_allmulticast_enable(id), -EIO);
	CHECK_EQ(rte_eth_dev_set_link_down(id), -EIO);
	CHECK_EQ(rte_eth_promiscuous_get(id), 0);
}

TEST(another_interface_of_its_number_is_not_the_ports)
{
	uint16_t id = watched();
	int index = (int)if_nametoindex(NEAR);
	struct ifreq req = {.ifr_name = "vc"};
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	delete_link(NEAR);
	await_event(RTE_ETH_EVENT_INTR_RMV);
	make_pair_of("vc", index, "vd");
	CHECK_EQ(if_nametoindex("vc"), index);
	set_up("vc", true);
	set_up("vd", true);
	is_gone(id);
	CHECK_EQ(mtu_outside("vc", 0), 1500);
	CHECK_EQ(ioctl(s, SIOCGIFHWADDR, &req), 0);
	CHECK(req.ifr_hwaddr.sa_data[5] != (char)0x99 || req.ifr_hwaddr.sa_data[0] != 2);
	CHECK_EQ(ioctl(s, SIOCGIFFLAGS, &req), 0);
	CHECK_EQ(req.ifr_flags & (IFF_UP | IFF_PROMISC | IFF_ALLMULTI), IFF_UP);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_close(id), 0);
	CHECK_EQ(if_nametoindex("vc"), index);
}

ROLE(abroad)
{
	char line[16];

	if (unshare(CLONE_NEWNET) < 0)
		return t_tell("cannot"), 0;
	t_tell("ready");
	CHECK(t_hear(line, sizeof(line)));
	move_to(NEAR, getppid());
	t_tell("moved");
	return 0;
}

TEST(nor_is_one_that_was_away_and_came_back)
{
	uint16_t id = watched();
	struct t_proc *p = t_spawn("abroad", NULL);

	if (strcmp(t_expect(p, ""), "ready") != 0)
		SKIP("no second network namespace here");
	move_to(NEAR, p->pid);
	t_say(p, "back");
	t_expect(p, "moved");
	set_up(NEAR, true);
	await_event(RTE_ETH_EVENT_INTR_RMV);
	is_gone(id);
}

/* ---- another interface of its number ---- */

TEST(another_interface_of_its_number_stays_as_it_is)
{
	struct rte_ether_addr mac = {{2, 0, 0, 0, 0, 0x77}};
	int index, s;
	struct rte_eth_link l;
	struct ifreq req;
	uint16_t id;

	network();
	INIT("primary", "--vdev=net_af_packet0,iface=" NEAR);
	id = port_named("net_af_packet0");
	start_port(id, 1, make_pool("mp", 1023));
	s = socket(AF_INET, SOCK_DGRAM, 0);
	index = (int)if_nametoindex(NEAR);
	delete_link(NEAR);
	make_pair_of(NEAR, index, FAR); /* nobody may have heard of that yet */
	set_up(NEAR, true);
	CHECK_EQ(rte_eth_dev_set_mtu(id, 1333), -EIO);
	CHECK_EQ(rte_eth_dev_set_link_down(id), -EIO);
	CHECK_EQ(rte_eth_dev_default_mac_addr_set(id, &mac), -EIO);
	CHECK_EQ(rte_eth_promiscuous_enable(id), -EIO);
	CHECK_EQ(rte_eth_allmulticast_enable(id), -EIO);
	CHECK_EQ(rte_eth_link_get_nowait(id, &l), 0);
	CHECK_EQ(l.link_status, 0);
	CHECK_EQ(mtu_outside(NEAR, 0), 1500);
	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), NEAR);
	CHECK_EQ(ioctl(s, SIOCGIFHWADDR, &req), 0);
	CHECK(memcmp(req.ifr_hwaddr.sa_data, mac.addr_bytes, sizeof(mac)) != 0);
	CHECK_EQ(ioctl(s, SIOCGIFFLAGS, &req), 0);
	CHECK((req.ifr_flags & (IFF_UP | IFF_PROMISC | IFF_ALLMULTI)) == IFF_UP);
	CHECK_EQ(rte_eth_dev_is_removed(id), 1);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_close(id), 0);
	(void)close(s);
}
