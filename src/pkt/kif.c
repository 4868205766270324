/* SPDX-License-Identifier: BSD-3-Clause */
/* kif.c - interfaces of the kernel: found, asked, changed; what the kernel refuses, said with its remedy (kif.h) */
#include "pkt/kif.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <rte_ethdev.h>

#include "base/fd.h"
#include "base/log.h"

#define ANSWER 8192	 /* bytes of the kernel's answer to one question */
#define FEATURES_MAX 256 /* of an interface, that the kernel has names for: some sixty */

int sh_kif_refused(const char *who, const char *what, int err)
{
	if (err == -EPERM || err == -EACCES)
		sh_err("%s: %s: not permitted: it needs CAP_NET_RAW, and CAP_NET_ADMIN to change an interface; run it "
		       "as "
		       "root, in a user namespace (unshare -rn), or give the program the capabilities (setcap "
		       "cap_net_raw,cap_net_admin+ep PROGRAM)",
		       who, what);
	else if (err == -ENODEV || err == -ENXIO)
		sh_err("%s: %s: the interface is not there any more", who, what);
	else if (err == -ENOMEM || err == -ENOBUFS)
		sh_err("%s: %s: no memory in the kernel; ask for fewer or smaller frames", who, what);
	else if (err == -EMFILE || err == -ENFILE)
		sh_err("%s: %s: %s; %s", who, what, strerror(-err), sh_fd_advice(err));
	else
		sh_err("%s: %s: %s", who, what, strerror(-err));
	return err;
}

int sh_kif_name(const char *who, const char *name, char to[IFNAMSIZ])
{
	if (name == NULL || *name == '\0') {
		sh_err("%s: the name of an interface is missing: iface=NAME, one of those that 'ip link' shows", who);
		return -EINVAL;
	}
	if (strlen(name) < IFNAMSIZ) {
		memcpy(to, name, strlen(name) + 1);
		return 0;
	}
	sh_err("%s: iface=%.40s: names of interfaces have at most %d characters", who, name, IFNAMSIZ - 1);
	return -ENODEV;
}

int sh_kif_find(const char *who, const char *name, uint32_t *index)
{
	*index = if_nametoindex(name);
	if (*index != 0)
		return 0;
	sh_err("%s: there is no interface %s in this network namespace; 'ip link' shows those that there are", who,
	       name);
	return -ENODEV;
}

int sh_kif_socket(const char *who)
{
	int fd = sh_fd_up(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));

	return fd >= 0 ? fd : sh_kif_refused(who, "a socket to ask the kernel", -errno);
}

/* ---- questions ---- */

/* a request about the interface, under the name that it has now */
static int begin(int sock, uint32_t index, struct ifreq *req)
{
	memset(req, 0, sizeof(*req));
	req->ifr_ifindex = (int)index;
	if (ioctl(sock, SIOCGIFNAME, req) == 0)
		return 0;
	return errno == ENXIO ? -ENODEV : -errno;
}

/* one request; the union's field keeps what was put into it */
static int ask(int sock, unsigned long what, struct ifreq *req)
{
	return ioctl(sock, what, req) == 0 ? 0 : -errno;
}

static void speed(int sock, const struct ifreq *named, struct sh_kif_state *s)
{
	struct ethtool_cmd cmd = {.cmd = ETHTOOL_GSET};
	struct ifreq req = *named;
	uint32_t v;

	s->speed = RTE_ETH_SPEED_NUM_UNKNOWN;
	s->full_duplex = true;
	req.ifr_data = (void *)&cmd;
	if (ask(sock, SIOCETHTOOL, &req) < 0)
		return;
	v = ethtool_cmd_speed(&cmd);
	if (v != 0 && v != (uint32_t)SPEED_UNKNOWN)
		s->speed = v;
	s->full_duplex = cmd.duplex != DUPLEX_HALF;
	s->autoneg = cmd.autoneg == AUTONEG_ENABLE;
}

int sh_kif_look(int sock, uint32_t index, struct sh_kif_state *s)
{
	struct ifreq named, req;
	int r = begin(sock, index, &named);

	memset(s, 0, sizeof(*s));
	if (r < 0)
		return r;
	s->index = index;
	memcpy(s->name, named.ifr_name, sizeof(s->name));
	req = named;
	r = ask(sock, SIOCGIFFLAGS, &req);
	s->flags = (unsigned short)req.ifr_flags;
	if (r == 0) {
		req = named;
		r = ask(sock, SIOCGIFMTU, &req);
		s->mtu = (uint32_t)req.ifr_mtu;
	}
	if (r == 0) {
		req = named;
		r = ask(sock, SIOCGIFHWADDR, &req);
		memcpy(&s->mac, req.ifr_hwaddr.sa_data, RTE_ETHER_ADDR_LEN);
	}
	if (r == 0)
		speed(sock, &named, s);
	return r;
}

bool sh_kif_cut_off(int sock, uint32_t index)
{
	struct ifreq req;

	if (begin(sock, index, &req) < 0 || ask(sock, SIOCGIFFLAGS, &req) < 0)
		return false;
	return ((unsigned short)req.ifr_flags & (IFF_UP | IFF_RUNNING)) != (IFF_UP | IFF_RUNNING);
}

bool sh_kif_tso(int sock, uint32_t index)
{
	struct ethtool_value v = {.cmd = ETHTOOL_GTSO};
	struct ifreq req;

	if (begin(sock, index, &req) < 0)
		return false;
	req.ifr_data = (void *)&v;
	return ask(sock, SIOCETHTOOL, &req) == 0 && v.data != 0;
}

/* the place of a feature among those that the kernel has names for; -1: it has none of that name */
static int feature_place(int sock, const struct ifreq *named, const char *name)
{
	struct ifreq req = *named;
	union { /* what the kernel has begins so, and is longer */
		struct ethtool_gstrings s;
		unsigned char room[sizeof(struct ethtool_gstrings) + (size_t)FEATURES_MAX * ETH_GSTRING_LEN];
	} all = {.room = {0}};
	union {
		struct ethtool_sset_info i;
		unsigned char room[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
	} set = {.room = {0}};

	set.i.cmd = ETHTOOL_GSSET_INFO;
	set.i.sset_mask = 1ULL << ETH_SS_FEATURES;
	req.ifr_data = (void *)&set;
	if (ask(sock, SIOCETHTOOL, &req) < 0 || set.i.sset_mask == 0 || set.i.data[0] > FEATURES_MAX)
		return -1;
	all.s.cmd = ETHTOOL_GSTRINGS;
	all.s.string_set = ETH_SS_FEATURES;
	all.s.len = set.i.data[0];
	req.ifr_data = (void *)&all;
	if (ask(sock, SIOCETHTOOL, &req) < 0)
		return -1;
	for (uint32_t i = 0; i < all.s.len && i < FEATURES_MAX; i++)
		if (strncmp((const char *)all.s.data + (size_t)i * ETH_GSTRING_LEN, name, ETH_GSTRING_LEN) == 0)
			return (int)i;
	return -1;
}

bool sh_kif_uso(int sock, uint32_t index)
{
	union {
		struct ethtool_gfeatures g;
		unsigned char room[sizeof(struct ethtool_gfeatures) +
				   FEATURES_MAX / 32 * sizeof(struct ethtool_get_features_block)];
	} f = {.room = {0}};
	struct ifreq req;
	int at;

	if (begin(sock, index, &req) < 0)
		return false;
	at = feature_place(sock, &req, "tx-udp-segmentation");
	f.g.cmd = ETHTOOL_GFEATURES;
	f.g.size = FEATURES_MAX / 32;
	req.ifr_data = (void *)&f;
	return at >= 0 && ask(sock, SIOCETHTOOL, &req) == 0 && (f.g.features[at / 32].active >> at % 32 & 1) != 0;
}

/* ---- settings ---- */

int sh_kif_flag_set(int sock, uint32_t index, unsigned flag, bool on)
{
	struct ifreq req;
	int r = begin(sock, index, &req);

	if (r == 0)
		r = ask(sock, SIOCGIFFLAGS, &req);
	if (r < 0 || ((unsigned short)req.ifr_flags & flag) == (on ? flag : 0))
		return r;
	req.ifr_flags = (short)(on ? (unsigned short)req.ifr_flags | flag : (unsigned short)req.ifr_flags & ~flag);
	return ask(sock, SIOCSIFFLAGS, &req);
}

int sh_kif_mtu_set(int sock, uint32_t index, uint16_t mtu)
{
	struct ifreq req;
	int r = begin(sock, index, &req);

	if (r == 0)
		r = ask(sock, SIOCGIFMTU, &req);
	if (r < 0 || req.ifr_mtu == mtu)
		return r;
	req.ifr_mtu = mtu;
	return ask(sock, SIOCSIFMTU, &req);
}

int sh_kif_mac_set(int sock, uint32_t index, uint64_t mac)
{
	struct ifreq req;
	int r = begin(sock, index, &req);

	if (r == 0)
		r = ask(sock, SIOCGIFHWADDR, &req); /* its family stays */
	if (r < 0 || memcmp(req.ifr_hwaddr.sa_data, &mac, RTE_ETHER_ADDR_LEN) == 0)
		return r;
	memcpy(req.ifr_hwaddr.sa_data, &mac, RTE_ETHER_ADDR_LEN);
	return ask(sock, SIOCSIFHWADDR, &req);
}

/* ---- counters ---- */

/* the first attribute of that type between two places; nested ones may say so in their type */
static const struct rtattr *among(const char *at, const char *end, unsigned type, size_t len)
{
	while (at < end && (size_t)(end - at) >= sizeof(struct rtattr)) {
		const struct rtattr *a = (const void *)at;

		if (a->rta_len < sizeof(*a) || a->rta_len > end - at)
			return NULL;
		if ((a->rta_type & ~NLA_F_NESTED) == type)
			return a->rta_len - RTA_LENGTH(0) >= len ? a : NULL;
		if (RTA_ALIGN(a->rta_len) > (size_t)(end - at))
			return NULL;
		at += RTA_ALIGN(a->rta_len);
	}
	return NULL;
}

/* in what follows the head of an answer of `bytes` */
static const struct rtattr *attribute(const char *in, int bytes, size_t head, unsigned type, size_t len)
{
	return among(in + NLMSG_ALIGN(NLMSG_HDRLEN + head), in + bytes, type, len);
}

static const struct rtattr *inside(const struct rtattr *a, unsigned type, size_t len)
{
	return a != NULL ? among(RTA_DATA(a), (const char *)a + a->rta_len, type, len) : NULL;
}

/* q is put to the kernel, in is its answer: the bytes of that, or what it answered instead: 0 or -errno */
static int answer(int fd, const struct nlmsghdr *q, char in[ANSWER])
{
	const struct nlmsghdr *n = (const void *)in;
	ssize_t got;

	if (send(fd, q, q->nlmsg_len, 0) != (ssize_t)q->nlmsg_len)
		return -errno;
	got = recv(fd, in, ANSWER, 0); /* the kernel has answered before send returned */
	if (got < (ssize_t)sizeof(*n) || n->nlmsg_len > (size_t)got)
		return got < 0 ? -errno : -EIO;
	if (n->nlmsg_type != NLMSG_ERROR)
		return (int)n->nlmsg_len;
	return got >= (ssize_t)(NLMSG_HDRLEN + sizeof(struct nlmsgerr))
		       ? ((const struct nlmsgerr *)NLMSG_DATA(n))->error
		       : -EIO;
}

static int fetch(int fd, uint32_t index, struct rtnl_link_stats64 *s)
{
	struct {
		struct nlmsghdr n;
		struct if_stats_msg m;
	} q = {.n = {.nlmsg_len = sizeof(q), .nlmsg_type = RTM_GETSTATS, .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = 1},
	       .m = {.ifindex = index, .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64)}};
	_Alignas(struct nlmsghdr) char in[ANSWER];
	const struct rtattr *at;
	int r = answer(fd, &q.n, in);

	if (r < 0)
		return r;
	at = attribute(in, r, sizeof(q.m), IFLA_STATS_LINK_64, offsetof(struct rtnl_link_stats64, collisions));
	if (at == NULL)
		return -EIO;
	memcpy(s, RTA_DATA(at), offsetof(struct rtnl_link_stats64, collisions));
	return 0;
}

/* ---- namespaces ---- */

uint64_t sh_kif_ns(int sock)
{
	uint64_t ns = 0;
#ifdef SO_NETNS_COOKIE
	socklen_t n = sizeof(ns);

	if (getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, &ns, &n) != 0)
		return 0;
#else
	(void)sock;
#endif
	return ns;
}

bool sh_kif_home(uint64_t ns)
{
	int fd = ns != 0 ? sh_fd_up(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) : -1;
	uint64_t here = fd >= 0 ? sh_kif_ns(fd) : 0;

	sh_close(&fd);
	return here == 0 || here == ns;
}

int sh_kif_at_home(const char *who, uint64_t ns)
{
	if (sh_kif_home(ns))
		return 0;
	sh_log_rate(SH_ERR,
		    "%s: this process lives in another network namespace than the port's interface, and what no other "
		    "process has open cannot be opened from here; start it in the namespace of the port (ip netns "
		    "exec, nsenter -n)",
		    who);
	return -ENODEV;
}

/* ---- counted, deleted ---- */

int sh_kif_counts(int sock, uint32_t index, struct sh_kif_counts *c)
{
	int fd = sh_fd_up(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
	struct rtnl_link_stats64 s;
	int r;

	if (fd >= 0 && sh_kif_ns(sock) != sh_kif_ns(fd)) {
		sh_close(&fd);
		fd = sh_kif_netlink_of(sock);
		r = fd;
	} else {
		r = fd >= 0 ? 0 : -errno;
	}
	if (r >= 0)
		r = fetch(fd, index, &s);
	sh_close(&fd);
	if (r == 0)
		*c = (struct sh_kif_counts){s.rx_packets, s.rx_bytes, s.rx_errors, s.rx_dropped,
					    s.tx_packets, s.tx_bytes, s.tx_errors, s.tx_dropped};
	return r;
}

int sh_kif_delete(uint32_t index)
{
	struct {
		struct nlmsghdr n;
		struct ifinfomsg m;
	} q = {.n = {.nlmsg_len = sizeof(q),
		     .nlmsg_type = RTM_DELLINK,
		     .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		     .nlmsg_seq = 1},
	       .m = {.ifi_index = (int)index}};
	_Alignas(struct nlmsghdr) char in[ANSWER];
	int fd, r;

	fd = sh_fd_up(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
	if (fd < 0)
		return -errno;
	r = answer(fd, &q.n, in);
	sh_close(&fd);
	return r;
}

unsigned sh_kif_tap_queues(uint32_t index)
{
	struct {
		struct nlmsghdr n;
		struct ifinfomsg m;
	} q = {.n = {.nlmsg_len = sizeof(q), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
	       .m = {.ifi_index = (int)index}};
	_Alignas(struct nlmsghdr) char in[ANSWER];
	int fd = sh_fd_up(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
	int bytes = fd >= 0 ? answer(fd, &q.n, in) : -1;
	const struct rtattr *info = bytes > 0 ? attribute(in, bytes, sizeof(q.m), IFLA_LINKINFO, 0) : NULL, *a;
	uint32_t n = 0;

	a = inside(info, IFLA_INFO_KIND, sizeof("tun"));
	if (a != NULL && memcmp(RTA_DATA(a), "tun", sizeof("tun")) == 0)
		a = inside(inside(info, IFLA_INFO_DATA, 0), IFLA_TUN_NUM_QUEUES, sizeof(n));
	else
		a = NULL;
	if (a != NULL)
		memcpy(&n, RTA_DATA(a), sizeof(n));
	sh_close(&fd);
	return n;
}
