/* SPDX-License-Identifier: BSD-3-Clause */
/* netns_help.h - for tests with interfaces of the kernel: a network of the case's own, its interfaces, raw sockets on them */
#ifndef NETNS_HELP_H
#define NETNS_HELP_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

#define TEST_TYPE 0x88b5 /* Ethernet type for experiments: nobody answers */

static inline bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		(void)close(fd);
	return done;
}

/* this process, and those that it starts, are in a network of their own from here on; as an ordinary user, too */
static inline void own_network(void)
{
	unsigned uid = geteuid();
	char map[32];

	if (uid == 0 && unshare(CLONE_NEWNET) == 0)
		return;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		SKIP("no network namespaces here: %s", strerror(errno));
	snprintf(map, sizeof(map), "0 %u 1", uid);
	CHECK(write_text("/proc/self/uid_map", map));
}

/* SIOCSIFFLAGS: up or down */
static inline void set_up(const char *name, bool up)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq req;

	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	CHECK_EQ(ioctl(s, SIOCGIFFLAGS, &req), 0);
	req.ifr_flags = (short)(up ? req.ifr_flags | IFF_UP : req.ifr_flags & ~IFF_UP);
	CHECK_EQ(ioctl(s, SIOCSIFFLAGS, &req), 0);
	(void)close(s);
}

/* does the kernel send on it? After its peer went down and up it does so a moment later than the peer, and drops meanwhile */
static inline bool runs_outside(void *name)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq req;

	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", (const char *)name);
	CHECK_EQ(ioctl(s, SIOCGIFFLAGS, &req), 0);
	if ((req.ifr_flags & IFF_RUNNING) != 0)
		CHECK_EQ(ioctl(s, SIOCSIFFLAGS, &req),
			 0); /* changes nothing; comes after what the kernel is in the middle of */
	(void)close(s);
	return (req.ifr_flags & IFF_RUNNING) != 0;
}

/* SIOCGIFMTU, SIOCSIFMTU: as 'ip link set ... mtu' */
static inline int mtu_outside(const char *name, int set)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq req;

	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	req.ifr_mtu = set;
	CHECK_EQ(ioctl(s, set != 0 ? SIOCSIFMTU : SIOCGIFMTU, &req), 0);
	(void)close(s);
	return req.ifr_mtu;
}

/* SIOCSIFHWADDR: as 'ip link set ... address' */
static inline void mac_outside(const char *name, const unsigned char mac[6])
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq req;

	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	req.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(req.ifr_hwaddr.sa_data, mac, 6);
	CHECK_EQ(ioctl(s, SIOCSIFHWADDR, &req), 0);
	(void)close(s);
}

/* ---- rtnetlink ---- */

/* an attribute at `at`; what follows it */
static inline void *nl_put(void *at, unsigned short type, const void *data, unsigned short len)
{
	struct rtattr *a = at;

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	if (len > 0)
		memcpy(RTA_DATA(a), data, len);
	return (char *)at + RTA_ALIGN(a->rta_len);
}

/* one request that ends at `end`; 0 or what the kernel answers, -errno */
static inline int nl_ask(struct nlmsghdr *n, unsigned short type, unsigned short flags, const void *end)
{
	_Alignas(struct nlmsghdr) char a[1024];
	const struct nlmsghdr *got = (const void *)a;
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	n->nlmsg_len = (unsigned)((const char *)end - (const char *)n);
	n->nlmsg_type = type;
	n->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	CHECK_EQ(send(s, n, n->nlmsg_len, 0), (long)n->nlmsg_len);
	CHECK(recv(s, a, sizeof(a), 0) > (long)NLMSG_SPACE(sizeof(struct nlmsgerr)) - 8);
	CHECK_EQ(got->nlmsg_type, NLMSG_ERROR);
	(void)close(s);
	return ((const struct nlmsgerr *)NLMSG_DATA(got))->error;
}

/* of an interface, with room for attributes */
struct nl_link {
	struct nlmsghdr n;
	struct ifinfomsg i;
	char more[448];
};

/* as 'ip link delete' */
static inline void delete_link(const char *name)
{
	struct nl_link q = {.i.ifi_index = (int)if_nametoindex(name)};

	CHECK(q.i.ifi_index != 0);
	CHECK_EQ(nl_ask(&q.n, RTM_DELLINK, 0, q.more), 0);
}

/* as 'ip link set NAME netns PID' */
static inline void move_to(const char *name, int pid)
{
	struct nl_link q = {.i.ifi_index = (int)if_nametoindex(name)};

	CHECK_EQ(nl_ask(&q.n, RTM_NEWLINK, 0, nl_put(q.more, IFLA_NET_NS_PID, &pid, sizeof(pid))), 0);
}

/* as 'ip link add NAME index N type veth' */
static inline void make_veth(const char *name, int index)
{
	struct nl_link q = {.i.ifi_index = index};
	char *at = nl_put(q.more, IFLA_IFNAME, name, (unsigned short)(strlen(name) + 1));
	struct rtattr *info = (void *)at;
	int r;

	at = nl_put(at, IFLA_LINKINFO, NULL, 0);
	at = nl_put(at, IFLA_INFO_KIND, "veth", 4);
	info->rta_len = (unsigned short)(at - (char *)info);
	r = nl_ask(&q.n, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, at);
	if (r == -EOPNOTSUPP)
		SKIP("this kernel has no veth");
	CHECK_EQ(r, 0);
}

/* the host's end: sees and sends frames of TEST_TYPE */
static inline int raw_socket(const char *name)
{
	int s = socket(AF_PACKET, SOCK_RAW, htons(TEST_TYPE));
	struct sockaddr_ll a;

	memset(&a, 0, sizeof(a));
	a.sll_family = AF_PACKET;
	a.sll_protocol = htons(TEST_TYPE);
	a.sll_ifindex = (int)if_nametoindex(name);
	CHECK(s >= 0 && a.sll_ifindex != 0);
	CHECK_EQ(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	return s;
}

/* a frame of len bytes for the tests, mark in its bytes */
static inline void fill_frame(unsigned char *f, unsigned len, unsigned char mark)
{
	memset(f, mark, len);
	memcpy(f, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x88\xb5", 14);
}

/* a frame of TCP in IPv6 with n bytes of 0x33, no checksum; its length */
static inline unsigned fill_tcp6(unsigned char *f, unsigned n)
{
	fill_frame(f, 74 + n, 0x33);
	memset(f + 54, 0, 20);
	memcpy(f + 12, "\x86\xdd\x60\0\0\0", 6);
	f[18] = (unsigned char)((20 + n) >> 8);
	f[19] = (unsigned char)(20 + n);
	f[20] = IPPROTO_TCP;
	f[21] = 64;
	f[55] = f[57] = 7; /* ports */
	f[61] = 1;	   /* number */
	f[66] = 0x50;
	f[67] = 0x10; /* ACK */
	return 74 + n;
}

static inline void send_frames(int s, unsigned n, unsigned len, unsigned char mark)
{
	unsigned char f[9018];

	CHECK(len <= sizeof(f));
	fill_frame(f, len, mark);
	for (unsigned i = 0; i < n; i++)
		if (send(s, f, len, 0) < 0)
			CHECK(errno == ENOBUFS); /* no room: the interface has counted it */
}

#endif
