/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * drv_pcap.c - net_pcap: packets out of capture files and live interfaces, and into them
 *
 * Devargs, DPDK's: rx_pcap=FILE, tx_pcap=FILE, rx_iface=IF, rx_iface_in=IF, tx_iface=IF, each any number of times; iface=IF both
 * ways, alone; phy_mac=1 the interface's address; infinite_rx=1 files again and again. Ours: rate=N packets a second, rate=real
 * as the file's times say; rss=0 no RSS. How packets find their queues, and what each death leaves: pcap.h.
 *
 * Works in every process that may open the files and interfaces. Files are read and written from their beginning at each start.
 */
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_kvargs.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "pkt/pcap.h"
#include "pkt/rss.h"

/* "pcap", and the number of the port: DPDK's */
#define OWN_MAC(id) (UINT64_C(0x7061637002) | (uint64_t)(id) << 40)

/* ---- devargs ---- */

struct parse {
	const struct sh_port *p;
	const char *cwd;
	struct sh_pcap_names *n;
	bool both; /* iface= */
};

static void free_names(struct sh_pcap_names *n)
{
	for (unsigned i = 0; n != NULL && i < SH_PCAP_STREAMS; i++) {
		free(n->rx[i].name);
		free(n->tx[i].name);
	}
	free(n);
}

static int one_stream(struct parse *c, bool rx, enum sh_pcap_kind kind, const char *key, const char *value)
{
	unsigned *n = rx ? &c->n->n_rx : &c->n->n_tx;
	struct sh_pcap_name *to = rx ? &c->n->rx[*n] : &c->n->tx[*n];
	int r;

	if (value == NULL || *value == '\0') {
		sh_err("%s: %s: a name is missing", c->p->name, key);
		return -1;
	}
	if (*n == SH_PCAP_STREAMS) {
		sh_err("%s: more than %d streams one way", c->p->name, SH_PCAP_STREAMS);
		return -1;
	}
	if (kind == SH_PCAP_FILE && value[0] != '/')
		r = asprintf(&to->name, "%s/%s", c->cwd, value);
	else
		r = asprintf(&to->name, "%s", value);
	if (r < 0) {
		to->name = NULL;
		return -1;
	}
	to->kind = kind;
	++*n;
	return 0;
}

static int stream(const char *key, const char *value, void *arg)
{
	static const struct {
		const char *key;
		bool rx, tx;
		enum sh_pcap_kind kind;
	} kinds[] = {{"rx_pcap", true, false, SH_PCAP_FILE},  {"tx_pcap", false, true, SH_PCAP_FILE},
		     {"rx_iface", true, false, SH_PCAP_LIVE}, {"rx_iface_in", true, false, SH_PCAP_LIVE_IN},
		     {"tx_iface", false, true, SH_PCAP_LIVE}, {"iface", true, true, SH_PCAP_LIVE}};
	struct parse *c = arg;

	for (unsigned i = 0; i < RTE_DIM(kinds); i++) {
		if (strcmp(key, kinds[i].key) != 0)
			continue;
		c->both = c->both || (kinds[i].rx && kinds[i].tx);
		if (kinds[i].rx && one_stream(c, true, kinds[i].kind, key, value) < 0)
			return -1;
		return kinds[i].tx ? one_stream(c, false, kinds[i].kind, key, value) : 0;
	}
	return 0;
}

static int flag(const char *key, const char *value, void *arg)
{
	if (value == NULL || (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)) {
		sh_err("net_pcap: %s is 0 or 1", key);
		return -1;
	}
	*(bool *)arg = value[0] == '1';
	return 0;
}

static int rate(const char *key, const char *value, void *arg)
{
	struct sh_pcap_names *n = arg;
	char *end = NULL;

	(void)key;
	if (value != NULL && strcmp(value, "real") == 0) {
		n->rate_kind = SH_PCAP_REAL;
		return 0;
	}
	errno = 0;
	n->rate = value != NULL && *value >= '0' && *value <= '9' ? strtoull(value, &end, 10) : 0;
	if (n->rate == 0 || n->rate > UINT64_C(1000000000) || errno != 0 || *end != '\0') {
		sh_err("net_pcap: rate: packets a second, 1 to 10^9, or 'real'");
		return -1;
	}
	n->rate_kind = SH_PCAP_PER_S;
	return 0;
}

static int parse(const struct sh_port *p, const char *cwd, struct sh_pcap_names **ret)
{
	static const char *const keys[] = {"rx_pcap", "tx_pcap",     "rx_iface", "rx_iface_in", "tx_iface", "iface",
					   "phy_mac", "infinite_rx", "rate",	 "rss",		NULL};
	struct rte_kvargs *kv = sh_port_args(p, keys);
	struct parse c = {.p = p, .cwd = cwd, .n = calloc(1, sizeof(*c.n))};
	int r = -EINVAL;

	if (kv == NULL || c.n == NULL) {
		free(c.n);
		rte_kvargs_free(kv);
		return kv == NULL ? -EINVAL : -ENOMEM;
	}
	c.n->rss = true;
	if (rte_kvargs_process(kv, NULL, stream, &c) == 0 &&
	    rte_kvargs_process(kv, "phy_mac", flag, &c.n->phy_mac) == 0 &&
	    rte_kvargs_process(kv, "infinite_rx", flag, &c.n->infinite) == 0 &&
	    rte_kvargs_process(kv, "rss", flag, &c.n->rss) == 0 && rte_kvargs_process(kv, "rate", rate, c.n) == 0)
		r = 0;
	if (r == 0 && c.n->n_rx + c.n->n_tx == 0) {
		sh_err("%s: no stream: at least one of rx_pcap, tx_pcap, rx_iface, rx_iface_in, tx_iface, iface is "
		       "needed",
		       p->name);
		r = -EINVAL;
	}
	if (r == 0 && c.both && (c.n->n_rx != 1 || c.n->n_tx != 1)) {
		sh_err("%s: iface= is for both ways and stands alone", p->name);
		r = -EINVAL;
	}
	rte_kvargs_free(kv);
	if (r < 0)
		free_names(c.n);
	else
		*ret = c.n;
	return r;
}

static int args(struct sh_port *p)
{
	struct sh_pcap_names *n;
	int r = parse(p, "/", &n);

	if (r == 0)
		free_names(n);
	return r;
}

/* ---- the device ---- */

/* do two absolute names stand for one regular file, or for one that is still to be made? */
static bool one_file(const char *a, const char *b)
{
	char dir[2][PATH_MAX];
	struct stat sa, sb;
	bool there = stat(a, &sa) == 0;

	if (there != (stat(b, &sb) == 0))
		return false;
	if (there)
		return S_ISREG(sa.st_mode) && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
	if (strcmp(strrchr(a, '/'), strrchr(b, '/')) != 0)
		return false;
	for (unsigned i = 0; i < 2; i++) {
		const char *name = i == 0 ? a : b;

		(void)snprintf(dir[i], PATH_MAX, "%.*s/", (int)(strrchr(name, '/') - name), name);
	}
	return stat(dir[0], &sa) == 0 && stat(dir[1], &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* does this port write to file? But to its stream number skip */
static bool writes(const struct sh_pcap_names *n, const char *file, unsigned skip)
{
	for (unsigned k = 0; k < n->n_tx; k++)
		if (k != skip && n->tx[k].kind == SH_PCAP_FILE && one_file(n->tx[k].name, file))
			return true;
	return false;
}

/*
 * A file that is written has one writer: this stream. The other ports stay as they are meanwhile, for who makes a port has the
 * seat of their table.
 */
static int one_writer(const struct sh_port *p, const struct sh_pcap_names *n)
{
	const struct sh_table *t = sh_table(false);

	for (unsigned i = 0; i < n->n_tx; i++) {
		const char *file = n->tx[i].name, *by = NULL;

		if (n->tx[i].kind != SH_PCAP_FILE)
			continue;
		if (writes(n, file, i))
			by = p->name;
		for (unsigned k = 0; by == NULL && t != NULL && k < SH_PORTS; k++) {
			const struct sh_port *o = &t->row[k];
			struct sh_pcap_names *other;

			if ((sh_load_acq(&o->state) & SH_PORT_READY) == 0 ||
			    strcmp(o->driver, "net_pcap") != 0) /* A:PORTROW */
				continue;
			if (parse(o, ((const struct sh_pcap *)o->shared)->cwd, &other) < 0)
				continue;
			if (writes(other, file, UINT_MAX))
				by = o->name;
			free_names(other);
		}
		if (by != NULL) {
			sh_err("%s: tx_pcap=%s is written by %s already: name another file, or send to that port",
			       p->name, file, by);
			return -EBUSY;
		}
	}
	return 0;
}

/* each file that is read: there, regular, and a capture; none is written too */
static int look_at_files(struct sh_port *p, const struct sh_pcap_names *n)
{
	struct sh_pcap *s = p->shared;
	char why[SH_CAP_WHY];
	struct sh_cap *cap;
	struct stat st, out;

	for (unsigned i = 0; i < n->n_rx; i++) {
		int r;

		if (n->rx[i].kind != SH_PCAP_FILE)
			continue;
		r = stat(n->rx[i].name, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
		if (r < 0)
			snprintf(why, sizeof(why), "%s", r == -EINVAL ? "no regular file" : strerror(-r));
		else
			r = sh_cap_open(&cap, n->rx[i].name, why);
		for (unsigned k = 0; r == 0 && k < n->n_tx; k++)
			if (n->tx[k].kind == SH_PCAP_FILE && stat(n->tx[k].name, &out) == 0 &&
			    out.st_dev == st.st_dev && out.st_ino == st.st_ino) {
				sh_cap_close(cap);
				snprintf(why, sizeof(why), "it is a tx_pcap= too, and would be overwritten");
				r = -EINVAL;
			}
		if (r < 0) {
			sh_err("%s: %s: %s", p->name, n->rx[i].name, why);
			return r;
		}
		if (sh_cap_link(cap) != 1)
			sh_warn("%s: %s has link type %d, not Ethernet: its packets are received as they are", p->name,
				n->rx[i].name, sh_cap_link(cap));
		sh_cap_close(cap);
		s->rx[i].dev = (uint64_t)st.st_dev;
		s->rx[i].ino = (uint64_t)st.st_ino;
	}
	return 0;
}

static const char *first_iface(const struct sh_pcap_names *n)
{
	for (unsigned i = 0; i < n->n_rx; i++)
		if (n->rx[i].kind != SH_PCAP_FILE)
			return n->rx[i].name;
	for (unsigned i = 0; i < n->n_tx; i++)
		if (n->tx[i].kind != SH_PCAP_FILE)
			return n->tx[i].name;
	return NULL;
}

static int interfaces(struct sh_port *p, const struct sh_pcap_names *n, uint64_t *mac)
{
	const char *name = first_iface(n);
	struct ifreq req = {0};
	int fd;

	if (name == NULL)
		return 0;
	for (unsigned i = 0; i < n->n_rx + n->n_tx; i++) {
		const struct sh_pcap_name *one = i < n->n_rx ? &n->rx[i] : &n->tx[i - n->n_rx];

		if (one->kind != SH_PCAP_FILE && (strlen(one->name) >= IFNAMSIZ || if_nametoindex(one->name) == 0)) {
			sh_err("%s: there is no interface %s", p->name, one->name);
			return -ENODEV;
		}
	}
	p->caps.if_index = if_nametoindex(name);
	if (!n->phy_mac)
		return 0;
	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	fd = sh_fd_up(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &req) < 0) {
		int r = -errno;

		sh_err("%s: phy_mac=1: %s does not tell its address: %s", p->name, name, strerror(-r));
		sh_close(&fd);
		return r;
	}
	sh_close(&fd);
	*mac = 0;
	memcpy(mac, req.ifr_hwaddr.sa_data, RTE_ETHER_ADDR_LEN);
	return 0;
}

static void tell_caps(struct sh_port *p, bool rss)
{
	uint32_t if_index = p->caps.if_index;

	p->caps = (struct sh_port_caps){
		.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER | (rss ? RTE_ETH_RX_OFFLOAD_RSS_HASH : 0),
		.tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
		.rss_hf = rss ? sh_rss_kinds : 0,
		.no_rss = !rss,
		.speed_capa = RTE_ETH_LINK_SPEED_10G,
		.max_rxq = SH_PCAP_QUEUES,
		.max_txq = SH_PCAP_QUEUES,
		.reta_size = rss ? 128 : 0,
		.key_size = rss ? sizeof(sh_rss_standard_key) : 0,
		.max_macs = 1,
		.min_mtu = RTE_ETHER_MIN_LEN - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN,
		.max_mtu = UINT16_MAX,
		.min_rx_bufsize = 0,
		.max_rx_pktlen = UINT32_MAX,
		.if_index = if_index,
	};
}

static int probe(struct sh_port *p)
{
	struct sh_pcap *s = p->shared;
	uint64_t mac = OWN_MAC(p->id);
	struct sh_pcap_names *n;
	int r;

	if (getcwd(s->cwd, sizeof(s->cwd)) == NULL)
		s->cwd[0] = '\0';
	r = parse(p, s->cwd, &n);
	if (r < 0)
		return r;
	r = look_at_files(p, n);
	if (r == 0)
		r = one_writer(p, n);
	if (r == 0)
		r = interfaces(p, n, &mac);
	s->n_rx = n->n_rx;
	s->n_tx = n->n_tx;
	s->infinite = n->infinite;
	s->rate_kind = n->rate_kind;
	s->rate = n->rate;
	tell_caps(p, n->rss);
	free_names(n);
	if (r < 0)
		return r;
	sh_store_rlx(&p->mac[0], mac); /* relaxed, as what follows: before the port is there */
	sh_store_rlx(&p->promisc, 1);  /* nothing is filtered */
	sh_store_rlx(&p->allmulti, 1);
	sh_port_link_put(p, false, RTE_ETH_SPEED_NUM_10G, true, false);
	return 0;
}

static int attach(struct sh_here *h)
{
	const struct sh_pcap *s = h->p->shared;
	struct sh_pcap_names *n;
	int r = parse(h->p, s->cwd, &n);

	if (r == 0)
		h->local = n;
	return r;
}

static void detach(struct sh_here *h)
{
	free_names(h->local);
	h->local = NULL;
}

static void from_the_beginning(struct sh_pcap *s)
{
	for (unsigned q = 0; q < SH_PCAP_QUEUES; q++)
		for (unsigned i = 0; i < SH_PCAP_STREAMS; i++) {
			sh_store_rlx(&s->full[q][i], 0); /* relaxed: before run */
			sh_store_rlx(&s->pos[q][i], 0);	 /* relaxed: the same */
		}
}

static int start(struct sh_here *h)
{
	struct sh_pcap *s = h->p->shared;
	uint64_t behind[SH_PCAP_QUEUES] = {0};
	int r = sh_pcap_live_try(h);

	if (r == 0)
		r = sh_pcap_tx_start(h);
	if (r < 0)
		return r;
	/* what queues were behind when the port was stopped, nobody can receive any more */
	for (unsigned q = 0; q < h->p->nb_rxq && q < SH_PCAP_QUEUES; q++)
		behind[q] = sh_pcap_rx_behind(h, sh_rxq(h->p, q));
	from_the_beginning(s);
	for (unsigned q = 0; q < h->p->nb_rxq && q < SH_PCAP_QUEUES; q++)
		(void)sh_add_rlx(&sh_rxq(h->p, q)->missed, behind[q]); /* relaxed: a counter */
	sh_store_rlx(&s->t0, sh_now_ns());			       /* relaxed: before run */
	sh_store_rlx(&s->t1, 0);				       /* relaxed: as t0 */
	sh_port_link_put(h->p, true, RTE_ETH_SPEED_NUM_10G, true, false);
	return 0;
}

static int stop(struct sh_here *h)
{
	struct sh_pcap *s = h->p->shared;

	if (sh_load_rlx(&s->t1) == 0)		   /* relaxed: under the seat */
		sh_store_rlx(&s->t1, sh_now_ns()); /* relaxed: a time; any recent value will do */
	sh_pcap_tx_stop(h);
	sh_port_link_put(h->p, false, RTE_ETH_SPEED_NUM_10G, true, false);
	return 0;
}

static int queue_setup(struct sh_here *h, struct sh_queue *q)
{
	return q->tx ? sh_pcap_tx_setup(h, q) : 0;
}

static void queue_release(struct sh_here *h, struct sh_queue *q)
{
	(void)h;
	if (q->tx)
		sh_pcap_tx_release(q);
}

static int open_queue(struct sh_here *h, struct sh_queue *q, struct sh_io *io)
{
	return q->tx ? sh_pcap_tx_open(h, q, io) : sh_pcap_rx_open(h, q, io);
}

static void shut(struct sh_here *h, struct sh_queue *q, struct sh_io *io)
{
	(void)h;
	if (q->tx)
		sh_pcap_tx_shut(io);
	else
		sh_pcap_rx_shut(io);
}

/*
 * What a queue is behind counts as missed before its owner goes on and counts it. It is asked for after the counter: what moves
 * from one to the other in between is not seen for once, and never seen twice.
 */
static void stats(struct sh_here *h, uint64_t *missed, uint64_t *ierrors, uint64_t *oerrors)
{
	const struct sh_pcap *s = h->p->shared;

	uint64_t before = 0; /* counted before the reset already, whoever counts it now */
	struct sh_queue *q;

	(void)ierrors, (void)oerrors;
	for (unsigned i = 0; i < SH_PCAP_QUEUES && (q = sh_queue_of(h->p, false, i)) != NULL; i++) {
		*missed += sh_pcap_rx_behind(h, q);
		before += s->behind[i];
	}
	*missed -= before < *missed ? before : *missed;
}

static int stats_reset(struct sh_here *h)
{
	struct sh_pcap *s = h->p->shared;

	for (unsigned i = 0; i < h->p->nb_rxq && i < SH_PCAP_QUEUES; i++)
		s->behind[i] = sh_pcap_rx_behind(h, sh_rxq(h->p, i));
	return 0;
}

/* no queue has a past */
static int configure(struct sh_here *h)
{
	struct sh_pcap *s = h->p->shared;

	memset(s->behind, 0, sizeof(s->behind));
	sh_store_rlx(&s->t0, 0); /* relaxed: under the seat */
	from_the_beginning(s);
	return 0;
}

static int accept_mac(struct sh_here *h, uint64_t mac)
{
	(void)h, (void)mac;
	return 0;
}

static int accept_mtu(struct sh_here *h, uint16_t mtu)
{
	(void)h, (void)mtu;
	return 0;
}

static int accept_filter(struct sh_here *h, bool on)
{
	(void)h, (void)on;
	return 0;
}

extern const struct sh_driver sh_drv_pcap;
const struct sh_driver sh_drv_pcap = {
	.name = "net_pcap",
	.shared = sizeof(struct sh_pcap),
	.args = args,
	.probe = probe,
	.attach = attach,
	.detach = detach,
	.queue_setup = queue_setup,
	.queue_release = queue_release,
	.start = start,
	.stop = stop,
	.promisc = accept_filter,
	.allmulti = accept_filter,
	.mac_set = accept_mac,
	.mtu_set = accept_mtu,
	.open = open_queue,
	.shut = shut,
	.stats = stats,
	.stats_reset = stats_reset,
	.configure = configure,
};
