/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * drv_tap.c - net_tap: an interface of the kernel whose other end are the port's queues
 *
 * Devargs, DPDK's: iface=NAME (dtap0 or the next that is free), mac=fixed or mac=XX:XX:XX:XX:XX:XX the address of the interface,
 * which is the port's (a random one), persist or persist=1 the interface stays when the port goes. remote= is refused: it needs
 * rules in the kernel's traffic control. Ours: rss=0.
 *
 * The interface has as many queues as the port has rx queues. Each is one open file, opened by the process that configures the
 * port and offered to the others as "q<i>"; a tx queue without an rx queue of its number shares one. The kernel deals flows to
 * queues: by a hash, and where a packet of a flow was sent, what comes back comes there. So there is no RSS to be configured.
 *
 * The kernel hands over big TCP frames, which are cut here, and checksums that are not there yet, which are filled in: programs
 * see packets as on a wire (gso.h). Frames that wait lie in the kernel: a death costs those that the dead one had read. The
 * interface lives as long as any process has one of the files; whoever uses the port has the first. It may be moved to another network namespace.
 * tap_dev.c: the files; tap_set.c: settings and counters of the interface.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <rte_kvargs.h>
#include <rte_random.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "pkt/port.h"
#include "pkt/tap.h"

#define FIXED_MAC(id) (UINT64_C(0x7061746400) | (uint64_t)(id) << 40) /* 0, "dtap", the port's number */

#define RX_OFFLOADS (RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_SCATTER)
#define TX_OFFLOADS                                                                                                    \
	(RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |                \
	 RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO)

/* ---- devargs ---- */

static int mac_option(const struct sh_port *p, const char *value, uint64_t *mac)
{
	struct rte_ether_addr a;

	if (value != NULL && strcmp(value, "fixed") == 0) {
		*mac = FIXED_MAC(p->id);
		return 0;
	}
	if (value == NULL || rte_ether_unformat_addr(value, &a) < 0 || !rte_is_valid_assigned_ether_addr(&a)) {
		sh_err("%s: mac=%s: 'fixed', or the address of one station as XX:XX:XX:XX:XX:XX", p->name,
		       value != NULL ? value : "");
		return -EINVAL;
	}
	*mac = 0;
	memcpy(mac, a.addr_bytes, sizeof(a));
	return 0;
}

static int name_option(const struct sh_port *p, const char *value, char *name)
{
	const char *percent = value != NULL ? strchr(value, '%') : NULL;

	/* one %d is a number that the kernel fills in */
	if (value == NULL || *value == '\0' || strlen(value) >= IFNAMSIZ || strpbrk(value, "/: \t\n\v\f\r") != NULL ||
	    strcmp(value, ".") == 0 || strcmp(value, "..") == 0 ||
	    (percent != NULL && (percent[1] != 'd' || strchr(percent + 1, '%') != NULL))) {
		sh_err("%s: iface=%s: the name of an interface has 1 to %d characters, no '/', ':' or space, no '%%' "
		       "but in one %%d, and is not '.' or '..'",
		       p->name, value != NULL ? value : "", IFNAMSIZ - 1);
		return -EINVAL;
	}
	(void)snprintf(name, IFNAMSIZ, "%s", value);
	return 0;
}

static int args(struct sh_port *p)
{
	static const char *const keys[] = {"iface", "mac", "persist", "remote", "rss", NULL};
	struct rte_kvargs *kv = sh_port_args(p, keys);
	struct tap *s = p->shared;
	const char *persist;
	bool rss = true;
	int r = 0;

	if (kv == NULL)
		return -EINVAL;
	(void)snprintf(s->name, sizeof(s->name), "dtap%%d");
	s->mac = (rte_rand() & 0xffffffffff00ull) | 0x02;
	if (rte_kvargs_process(kv, "rss", sh_port_flag, &rss) < 0)
		r = -EINVAL;
	p->caps.no_rss = !rss;
	persist = rte_kvargs_get(kv, "persist");
	s->persist = rte_kvargs_count(kv, "persist") > 0 && (persist == NULL || strcmp(persist, "0") != 0);
	if (r == 0 && rte_kvargs_count(kv, "remote") > 0) {
		sh_err("%s: remote= is not there: use net_af_packet,iface= for packets of an interface that exists",
		       p->name);
		r = -ENOTSUP;
	}
	if (r == 0 && rte_kvargs_count(kv, "iface") > 0)
		r = name_option(p, rte_kvargs_get(kv, "iface"), s->name);
	s->own_mac = rte_kvargs_count(kv, "mac") > 0;
	if (r == 0 && s->own_mac)
		r = mac_option(p, rte_kvargs_get(kv, "mac"), &s->mac);
	rte_kvargs_free(kv);
	return r;
}

/* ---- the port ---- */

static void tell_caps(struct sh_port *p, uint32_t index)
{
	p->caps = (struct sh_port_caps){
		.rx_offloads = RX_OFFLOADS,
		.rxq_offloads = RX_OFFLOADS,
		.tx_offloads = TX_OFFLOADS,
		.txq_offloads = TX_OFFLOADS,
		.no_rss = p->caps.no_rss,
		.speed_capa = RTE_ETH_LINK_SPEED_10G,
		.max_rxq = TAP_QUEUES,
		.max_txq = TAP_QUEUES,
		.max_macs = 1,
		.min_mtu = RTE_ETHER_MIN_MTU,
		.max_mtu = UINT16_MAX - RTE_ETHER_HDR_LEN,
		.max_segs = TAP_SEGS,
		.max_rx_pktlen = UINT16_MAX,
		.if_index = index,
		.lsc = true,
		.rmv = true,
	};
}

static int probe(struct sh_port *p)
{
	struct tap *s = p->shared;
	struct sh_kif_state state;
	struct sh_kif_counts counts;
	int fd, sock, r;
	bool made;

	made = if_nametoindex(s->name) == 0;
	fd = sh_tap_first_of(p->name, s->name);
	if (fd < 0)
		return fd;
	s->made = made;
	s->first = fd;
	s->maker = sh_self();
	SH_STEP("tap_made");
	if (s->persist && ioctl(fd, TUNSETPERSIST, 1) < 0)
		sh_warn("%s: persist: %s", p->name, strerror(errno));
	s->index = if_nametoindex(s->name);
	sock = sh_kif_socket(p->name);
	if (sock < 0)
		return sock;
	s->ns = sh_kif_ns(sock);
	r = sh_kif_mac_set(sock, s->index, s->mac);
	if (r == -EPERM && !s->own_mac)
		r = 0; /* it was made for this user beforehand: it has an address */
	else if (r < 0)
		(void)sh_tap_refused(p->name, "the address of the interface", r);
	if (r == 0)
		r = sh_kif_look(sock, s->index, &state);
	if (r == 0 && sh_kif_counts(sock, s->index, &counts) == 0) /* one that was there may have dropped some before */
		sh_store_rlx(&s->dropped_base, counts.tx_dropped); /* relaxed: before the port is there */
	sh_close(&sock);
	if (r < 0)
		return r;
	tell_caps(p, s->index);
	sh_store_rlx(&s->attached, 1); /* relaxed, as what follows: before the port is there */
	sh_store_rlx(&p->mac[0], state.mac);
	sh_store_rlx(&p->link_mtu, state.mtu);
	sh_store_rlx(&p->promisc, 1); /* whatever the host sends comes here */
	sh_store_rlx(&p->allmulti, 1);
	sh_port_link_put(p, false, RTE_ETH_SPEED_NUM_10G, true, false);
	return 0;
}

/*
 * the name that it has now; false: it is not here. Here nobody has an open file of it that would tell, and its number may be
 * another one's: its address says. Where the kernel cannot tell namespaces apart, only if it has its old name, too.
 */
static bool name_now(const struct sh_port *p, char name[IFNAMSIZ])
{
	const struct tap *s = p->shared;
	uint64_t mac = sh_load_rlx(&p->mac[0]); /* relaxed: a word */
	struct sh_kif_state is;
	int sock, r;

	if (sh_load_acq(&p->gone) != 0 || s->index == 0 || !sh_kif_home(s->ns)) /* A:PORTLINK */
		return false;
	sock = sh_kif_socket(p->name);
	r = sock < 0 ? sock : sh_kif_look(sock, s->index, &is);
	sh_close(&sock);
	if (r < 0 || (mac != 0 && is.mac != mac) || (s->ns == 0 && strcmp(is.name, s->name) != 0))
		return false;
	memcpy(name, is.name, IFNAMSIZ);
	return true;
}

/* also after a probe that failed. The interface goes with its last file, and a process may have one until it bursts again; so it is deleted. */
static void remove_port(struct sh_port *p)
{
	struct tap *s = p->shared;
	char name[IFNAMSIZ];

	if (s->maker != 0 && s->maker == sh_self() && s->first > 0)
		sh_close(&s->first);
	s->maker = 0;
	if (s->made && !s->persist && name_now(p, name))
		(void)sh_kif_delete(s->index);
}

/* ---- in this process ---- */

struct opening {
	struct sh_port *p;
	struct tap *s;
	unsigned queue;
};

/* All who had it have died before anybody was told that it is gone: the maker before it offered the first queue, most likely. */
static int make_anew(struct sh_port *p, struct tap *s)
{
	char name[IFNAMSIZ];
	int fd, sock;

	memcpy(name, s->name, sizeof(name));
	fd = sh_tap_first_of(p->name, name);
	sock = fd >= 0 ? sh_kif_socket(p->name) : -1;
	if (sock < 0) {
		sh_close(&fd);
		return fd < 0 ? fd : sock;
	}
	s->index = if_nametoindex(name);
	s->ns = sh_kif_ns(sock);
	sh_store_rlx(&s->attached, 1);				       /* relaxed: two who do this write the same */
	(void)sh_kif_mac_set(sock, s->index, sh_load_rlx(&p->mac[0])); /* relaxed: a word */
	if (sh_load_acq(&p->run) != 0)				       /* A:PORTRUN */
		(void)sh_kif_flag_set(sock, s->index, IFF_UP, true);
	sh_close(&sock);
	return fd;
}

static int make_fd(void *arg)
{
	struct opening *o = arg;
	struct tap *s = o->s;
	char name[IFNAMSIZ];

	if (o->queue == 0 && s->maker == sh_self()) {
		int fd = s->first;

		s->maker = 0;
		return fd;
	}
	if (name_now(o->p, name))
		return sh_tap_queue_of(o->p->name, name);
	if (o->queue == 0 && s->made && sh_load_acq(&o->p->gone) == 0) /* A:PORTLINK */
		return make_anew(o->p, s);
	/* a new one of this name would be another one */
	sh_err("port %u (%s): interface %s is not in this network namespace any more: no further queue can be opened",
	       o->p->id, o->p->name, s->name);
	return -ENODEV;
}

static int make_sock(void *arg)
{
	struct opening *o = arg;

	return sh_kif_socket(o->p->name);
}

int sh_tap_fd(struct sh_here *h, unsigned queue, enum sh_fd_wait wait)
{
	struct tap_here *t = h->local;
	struct opening o = {h->p, h->p->shared, queue};
	char what[16];
	int r;

	if (t->q[queue].fd >= 0)
		return t->q[queue].fd;
	(void)snprintf(what, sizeof(what), "q%u", queue);
	r = sh_port_fd(h, what, wait, &(struct sh_port_fd_make){make_fd, &o}, &t->q[queue]);
	return r < 0 ? r : t->q[queue].fd;
}

/* each member has all queues: whoever is left goes on, also where nobody could open one, as of an interface that was moved */
static void keep(struct sh_here *h)
{
	const struct tap *s = h->p->shared;
	struct tap_here *t = h->local;
	char what[16];
	int r = 0;

	for (unsigned i = 0; i < TAP_QUEUES && (r == 0 || r == -ENOENT); i++) {
		if ((sh_load_rlx(&s->attached) & 1u << i) ==
		    0) /* relaxed: a hint; there is another look after each start */
			continue;
		(void)snprintf(what, sizeof(what), "q%u", i);
		r = sh_port_fd_keep(h, what, &t->q[i]);
	}
}

static void drop_fds(struct sh_here *h)
{
	struct tap_here *t = h->local;
	bool over = sh_here_over(h);
	char what[16];

	for (unsigned i = 0; i < TAP_QUEUES; i++) {
		(void)snprintf(what, sizeof(what), "q%u", i);
		sh_port_fd_drop(h, what, &t->q[i], over);
	}
	sh_port_fd_drop(h, "sock", &t->sock, over);
	free(t);
	h->local = NULL;
	if (over)
		sh_port_fds_sweep();
}

static int attach(struct sh_here *h)
{
	struct tap_here *t = calloc(1, sizeof(*t));
	struct opening o = {h->p, h->p->shared, 0};
	struct tap *s = h->p->shared;
	int r;

	if (t == NULL)
		return -ENOMEM;
	t->sock.fd = -1;
	for (unsigned i = 0; i < TAP_QUEUES; i++)
		t->q[i].fd = -1;
	h->local = t;
	r = sh_port_fd(h, "sock", SH_FD_ATTACH, &(struct sh_port_fd_make){make_sock, &o}, &t->sock);
	if (r == 0) {
		r = sh_tap_fd(h, 0, SH_FD_ATTACH);
		r = r < 0 ? r : sh_kif_watch_dev(h, t->sock.fd, s->index, r);
	}
	if (r == 0)
		keep(h);
	else
		drop_fds(h);
	return r;
}

static void detach(struct sh_here *h)
{
	sh_kif_unwatch(h);
	drop_fds(h);
}

/* ---- operations ---- */

/* the same for operations, which may wait, but not with the lock: another thread may open a queue just now */
static int fd_of(struct sh_here *h, unsigned queue)
{
	uint64_t began = sh_now_ns();
	uint32_t seen;
	int r;

	do {
		seen = sh_seek_turns();
		sh_lock_calm(&sh_ports()->lock);
		r = sh_tap_fd(h, queue, SH_FD_ATTACH);
		sh_unlock_calm(&sh_ports()->lock);
	} while (r == -ETIMEDOUT && sh_seek_wait(seen, began));
	return sh_seek_said(h->p, r);
}

/* what waits in a queue is not received any more: it is missed */
static void empty(const struct sh_here *h, unsigned queue, int fd)
{
	uint8_t some[64]; /* of each frame; the kernel drops the rest */
	unsigned n = h->p->nb_rxq;

	while (read(fd, some, sizeof(some)) > 0)
		if (n > 0)
			sh_add(&sh_rxq(h->p, queue < n ? queue : n - 1)->missed, 1);
}

/* the kernel sends to the first n queues and to no others */
static int attach_queues(struct sh_here *h, unsigned n)
{
	struct tap *s = h->p->shared;

	for (unsigned i = 0; i < TAP_QUEUES; i++) {
		uint32_t now = sh_load_rlx(&s->attached), bit = 1u << i; /* relaxed: with the seat */
		struct ifreq req = {.ifr_flags = i < n ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE};
		bool is = (now & bit) != 0;
		int fd;

		if (is == (i < n))
			continue;
		fd = fd_of(h, i);
		if (fd < 0)
			return fd;
		if (is)
			empty(h, i, fd);
		/* EINVAL: it is as it should be: just opened, or somebody died in the middle of this */
		if (ioctl(fd, TUNSETQUEUE, &req) < 0 && errno != EINVAL)
			return sh_tap_refused(h->p->name, "a queue of the interface", -errno);
		SH_STEP("tap_queue_attached");
		sh_store_rlx(&s->attached, now ^ bit); /* relaxed: as above */
	}
	return 0;
}

static int configure(struct sh_here *h)
{
	struct tap_here *t = h->local;
	const struct tap *s = h->p->shared;
	int r = sh_kif_mtu_asked(h->p, t->sock.fd, s->index, t->q[0].fd);

	if (r < 0)
		return r;
	return attach_queues(h, h->p->nb_rxq > 0 ? h->p->nb_rxq : 1);
}

/* what came before the last stop is not received after it */
static int drain(struct sh_here *h)
{
	for (unsigned i = 0; i < h->p->nb_rxq; i++) {
		int fd = fd_of(h, i);

		if (fd < 0)
			return fd;
		empty(h, i, fd);
	}
	return 0;
}

static int start(struct sh_here *h)
{
	int r = drain(h);

	return r < 0 ? r : sh_tap_started(h, true);
}

static int stop(struct sh_here *h)
{
	(void)sh_tap_started(h, false);
	return 0;
}

extern const struct sh_driver sh_drv_tap;
const struct sh_driver sh_drv_tap = {
	.name = "net_tap",
	.shared = sizeof(struct tap),
	.args = args,
	.probe = probe,
	.remove = remove_port,
	.attach = attach,
	.detach = detach,
	.keep = keep,
	.configure = configure,
	.start = start,
	.stop = stop,
	.set_link = sh_tap_link_set,
	.promisc = sh_tap_filter,
	.allmulti = sh_tap_filter,
	.mac_set = sh_tap_mac_set,
	.mtu_set = sh_tap_mtu_set,
	.open = sh_tap_open,
	.shut = sh_tap_shut,
	.link = sh_tap_link,
	.stats = sh_tap_stats,
	.stats_reset = sh_tap_stats_reset,
};
