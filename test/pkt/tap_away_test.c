/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tap_away_test.c - net_tap's interface in another network namespace than the port's: what is dropped there is counted, what is
 * set is set there, and nothing of it happens to another interface that has its name and number at home
 */
#include <linux/capability.h>
#include <sys/syscall.h>

#include "tap_help.h"

/* flags, MTU, address of an interface of this process' network, as text */
static const char *state_of(const char *name)
{
	static char text[64];
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	const unsigned char *a;
	struct ifreq req;
	short flags;
	int mtu;

	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	CHECK_EQ(ioctl(s, SIOCGIFFLAGS, &req), 0);
	flags = req.ifr_flags;
	CHECK_EQ(ioctl(s, SIOCGIFMTU, &req), 0);
	mtu = req.ifr_mtu;
	CHECK_EQ(ioctl(s, SIOCGIFHWADDR, &req), 0);
	a = (const unsigned char *)req.ifr_hwaddr.sa_data;
	snprintf(text, sizeof(text), "%s %d %02x:%02x:%02x:%02x:%02x:%02x%s", (flags & IFF_UP) != 0 ? "up" : "down",
		 mtu, a[0], a[1], a[2], a[3], a[4], a[5], (flags & IFF_PROMISC) != 0 ? " promisc" : "");
	(void)close(s);
	return text;
}

/* what the kernel could not send to the port */
static unsigned long long dropped_of(const char *name)
{
	unsigned long long n = 0;
	char line[512], is[32];
	FILE *f = fopen("/proc/thread-self/net/dev", "r");

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, " %31[^:]: %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %llu", is, &n) == 2 &&
		    strcmp(is, name) == 0)
			break;
	(void)fclose(f);
	return n;
}

/* a host in a network of its own, to which t0 comes */
ROLE(elsewhere)
{
	char line[32];
	unsigned n;
	int s = -1;

	if (unshare(CLONE_NEWNET) < 0) {
		t_tell("cannot");
		return 0;
	}
	(void)write_text("/proc/sys/net/ipv6/conf/default/disable_ipv6",
			 "1"); /* whose greetings would be dropped, too */
	t_tell("pid %d", (int)getpid());
	while (t_hear(line, sizeof(line))) {
		if (strcmp(line, "up") == 0) {
			set_up("t0", true);
			s = raw_socket("t0");
			t_tell("done");
		} else if (sscanf(line, "send %u", &n) == 1) {
			send_frames(s, n, 100, 6);
			t_tell("done");
		} else if (strcmp(line, "state") == 0) {
			t_tell("is %s", state_of("t0"));
		} else {
			t_tell("dropped %llu", dropped_of("t0"));
		}
	}
	return 0;
}

static void does(struct t_proc *h, const char *what)
{
	t_say(h, what);
	t_expect(h, "done");
}

/* t0 is that host's, and up there; at home a veth has its name and number, and is as it is made */
static struct t_proc *moved(void)
{
	struct t_proc *h = t_spawn("elsewhere", NULL);
	const char *line = t_expect(h, "");
	int pid, index = (int)if_nametoindex("t0");

	if (sscanf(line, "pid %d", &pid) != 1)
		SKIP("no second network namespace here");
	if (ioctl(open_tap("t1"), TUNGETDEVNETNS) < 0)
		SKIP("this kernel does not tell where a tap is");
	move_to("t0", pid);
	make_veth("t0", index);
	does(h, "up");
	return h;
}

static unsigned long long drops_at(struct t_proc *h)
{
	unsigned long long n;

	t_say(h, "drops");
	CHECK_EQ(sscanf(t_expect(h, "dropped"), "dropped %llu", &n), 1);
	return n;
}

#define FLOOD 5000 /* more than a queue holds */

TEST_T(what_is_dropped_elsewhere_is_missed, 60)
{
	uint16_t id = begin("", 1);
	struct t_proc *h = moved();
	struct await a = {.port = id, .queues = 1, .want = 500, .mark = 6};
	unsigned long long n;
	char line[32];

	snprintf(line, sizeof(line), "send %u", FLOOD);
	does(h, line);
	n = drops_at(h);
	CHECK(n > 0 && n < FLOOD);
	CHECK_EQ(stats_of(id).imissed, n);
	t_until(more, &a);
	CHECK_EQ(rte_eth_stats_reset(id), 0);
	CHECK_EQ(stats_of(id).imissed, 0);
	does(h, line);
	CHECK_EQ(stats_of(id).imissed, drops_at(h) - n);
}

/* the other one's state was that; t0's is `want` where it is */
static void left_alone(struct t_proc *h, const char *other, const char *want)
{
	char is[80];

	CHECK_STR(state_of("t0"), other);
	t_say(h, "state");
	snprintf(is, sizeof(is), "is %s", want);
	CHECK_STR(t_expect(h, "is "), is);
}

static const struct rte_ether_addr address = {{2, 0, 0, 0, 0, 0x77}};

TEST_T(what_is_set_is_set_where_the_interface_is, 60)
{
	uint16_t id = begin(",mac=02:00:00:00:00:11", 1);
	struct rte_ether_addr mac = address;
	struct t_proc *h = moved();
	struct rte_eth_link l;
	uint16_t mtu;
	char other[64];

	snprintf(other, sizeof(other), "%s", state_of("t0"));
	left_alone(h, other, "up 1500 02:00:00:00:00:11");
	CHECK_EQ(rte_eth_dev_set_link_down(id), 0);
	left_alone(h, other, "down 1500 02:00:00:00:00:11");
	CHECK_EQ(rte_eth_link_get_nowait(id, &l), 0);
	CHECK_EQ(l.link_status, 0);
	CHECK_EQ(rte_eth_dev_set_link_up(id), 0);
	CHECK_EQ(rte_eth_link_get_nowait(id, &l), 0);
	CHECK_EQ(l.link_status, 1);
	CHECK_EQ(rte_eth_dev_set_mtu(id, 1400), 0);
	CHECK_EQ(rte_eth_dev_get_mtu(id, &mtu), 0);
	CHECK_EQ(mtu, 1400);
	CHECK_EQ(rte_eth_dev_default_mac_addr_set(id, &mac), 0);
	CHECK_EQ(rte_eth_promiscuous_disable(id), 0);
	CHECK_EQ(rte_eth_promiscuous_enable(id), 0);
	left_alone(h, other, "up 1400 02:00:00:00:00:77");
	CHECK_EQ(rte_eth_dev_stop(id), 0); /* whoever is there has set it up */
	left_alone(h, other, "up 1400 02:00:00:00:00:77");
	set_up("t0", true);
	CHECK_EQ(rte_eth_dev_set_link_down(id), 0);
	snprintf(other, sizeof(other), "%s", state_of("t0"));
	CHECK_EQ(rte_eth_dev_start(id), 0);
	left_alone(h, other, "down 1400 02:00:00:00:00:77");
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_close(id), 0);
	CHECK_STR(state_of("t0"), other); /* not deleted in its place */
}

/* with the right to change interfaces, but not to go to other namespaces */
static void stay_at_home(void)
{
	static struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	static struct __user_cap_data_struct caps[2];

	CHECK_EQ(syscall(SYS_capget, &h, caps), 0);
	caps[0].effective &= ~(1u << CAP_SYS_ADMIN);
	CHECK_EQ(syscall(SYS_capset, &h, caps), 0);
}

TEST_T(who_may_not_go_there_sets_nothing_anywhere, 60)
{
	uint16_t id = begin(",mac=02:00:00:00:00:11", 2);
	const struct rte_eth_conf conf = {.rxmode = {.mtu = 1333}};
	struct rte_ether_addr mac = address;
	struct t_proc *h = moved();
	struct rte_eth_link l;
	char other[64];

	set_up("t0", true); /* the one at home, whose link would be seen, too */
	snprintf(other, sizeof(other), "%s", state_of("t0"));
	CHECK_EQ(rte_eth_link_get_nowait(id, &l), 0); /* nobody tells of what happened there */
	CHECK_EQ(l.link_status, 1);
	stay_at_home();
	listen_to_log();
	CHECK_EQ(rte_eth_dev_set_link_down(id), -EPERM);
	CHECK_EQ(rte_eth_dev_set_link_up(id), -EPERM);
	CHECK_EQ(rte_eth_dev_set_mtu(id, 1333), -EPERM);
	CHECK_EQ(rte_eth_dev_default_mac_addr_set(id, &mac), -EPERM);
	CHECK_EQ(said("was moved to another network namespace"), 4);
	log_as_before();
	CHECK_EQ(rte_eth_link_get_nowait(id, &l), 0);
	CHECK_EQ(l.link_status, 1); /* as it was seen last */
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_configure(id, 1, 1, &conf), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(id, 0, 64, 0, NULL, rte_mempool_lookup("mp")), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(id, 0, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(id), 0);
	left_alone(h, other, "up 1500 02:00:00:00:00:11");
	does(h, "send 20");
	await_frames(id, 1, 20, 6);
	CHECK_EQ(rte_eth_dev_stop(id), 0);
	CHECK_EQ(rte_eth_dev_close(id), 0);
	CHECK_STR(state_of("t0"), other);
}
