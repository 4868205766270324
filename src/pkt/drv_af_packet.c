/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * drv_af_packet.c - net_af_packet: packets of an interface of the kernel
 *
 * Devargs, DPDK's: iface=IF (needed), qpairs=N queues each way (16), qdisc_bypass=1, blocksz=, framesz=, framecnt= the rings.
 * Ours: join=0 packets of a TCP flow leave one by one. How packets come and go, and what each death leaves: afp.h.
 */
#include <errno.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <rte_kvargs.h>

#include "base/fd.h"
#include "base/log.h"
#include "pkt/afp.h"

#define MAX_LEN (UINT16_MAX + (uint32_t)RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN)

/* ---- devargs ---- */

static int number(const char *key, const char *value, void *arg)
{
	char *end = NULL;
	unsigned long n;

	errno = 0;
	n = value != NULL && *value >= '0' && *value <= '9' ? strtoul(value, &end, 10) : ULONG_MAX;
	if (errno != 0 || n > INT32_MAX || *end != '\0') {
		sh_err("net_af_packet: %s=%s is no number", key, value != NULL ? value : "");
		return -1;
	}
	*(uint32_t *)arg = (uint32_t)n;
	return 0;
}

static int geometry(struct sh_port *p, struct sh_afp *s, uint32_t mtu)
{
	uint32_t page = 4096;

	if (s->framesz == 0)
		for (s->framesz = 2048; s->framesz < SH_AFP_SLOT(mtu) && s->framesz < 16384;)
			s->framesz *= 2;
	if (s->blocksz == 0)
		s->blocksz = RTE_ALIGN_CEIL(s->framesz, page);
	if (s->framesz % TPACKET_ALIGNMENT != 0 || s->framesz < 256)
		sh_err("%s: framesz=%u: it is a multiple of 16, from 256 on", p->name, s->framesz);
	else if (s->blocksz % page != 0 || s->blocksz < s->framesz || s->blocksz > 1u << 22)
		sh_err("%s: blocksz=%u: it is a multiple of 4096, not smaller than framesz (%u), at most 4 MiB",
		       p->name, s->blocksz, s->framesz);
	else if (s->framecnt > 1u << 16 || (s->framecnt != 0 && s->framecnt < s->blocksz / s->framesz))
		sh_err("%s: framecnt=%u: it is what a block holds (%u) at least, at most 65536", p->name, s->framecnt,
		       s->blocksz / s->framesz);
	else
		return 0;
	return -EINVAL;
}

/* given, and more than nothing */
static int positive(const struct sh_port *p, const struct rte_kvargs *kv, const char *key, uint32_t n)
{
	if (n != 0 || rte_kvargs_count(kv, key) == 0)
		return 0;
	sh_err("%s: %s=0: there is no ring of nothing; leave it out for the usual one", p->name, key);
	return -EINVAL;
}

static int sizes(const struct sh_port *p, struct rte_kvargs *kv, struct sh_afp *s)
{
	if (rte_kvargs_process(kv, "blocksz", number, &s->blocksz) < 0 ||
	    rte_kvargs_process(kv, "framesz", number, &s->framesz) < 0 ||
	    rte_kvargs_process(kv, "framecnt", number, &s->framecnt) < 0)
		return -EINVAL;
	if (positive(p, kv, "blocksz", s->blocksz) < 0 || positive(p, kv, "framesz", s->framesz) < 0)
		return -EINVAL;
	return positive(p, kv, "framecnt", s->framecnt);
}

static int args(struct sh_port *p)
{
	static const char *const keys[] = {"iface",   "qpairs",	  "qdisc_bypass", "blocksz",
					   "framesz", "framecnt", "join",	  NULL};
	struct rte_kvargs *kv = sh_port_args(p, keys);
	struct sh_afp *s = p->shared;
	uint32_t qpairs = SH_AFP_QUEUES;
	bool bypass = false, join = true;
	int r;

	if (kv == NULL)
		return -EINVAL;
	r = sh_kif_name(p->name, rte_kvargs_get(kv, "iface"), s->iface);
	if (r == 0 && (rte_kvargs_process(kv, "qpairs", number, &qpairs) < 0 ||
		       rte_kvargs_process(kv, "qdisc_bypass", sh_port_flag, &bypass) < 0 ||
		       rte_kvargs_process(kv, "join", sh_port_flag, &join) < 0))
		r = -EINVAL;
	if (r == 0)
		r = sizes(p, kv, s);
	if (r == 0 && rte_kvargs_count(kv, "iface") > 1) {
		sh_err("%s: iface= is given twice: a port has one interface", p->name);
		r = -EINVAL;
	}
	rte_kvargs_free(kv);
	if (r == 0 && (qpairs == 0 || qpairs > SH_AFP_QUEUES)) {
		sh_err("%s: qpairs=%u: 1 to %d", p->name, qpairs, SH_AFP_QUEUES);
		r = -EINVAL;
	}
	s->qpairs = (uint16_t)qpairs;
	s->bypass = bypass;
	s->join = join;
	return r;
}

/* ---- the device ---- */

/* tso: around the queueing discipline nobody cuts a packet but the interface; otherwise the kernel does it where that cannot */
static void tell_caps(struct sh_port *p, const struct sh_afp *s, bool tso)
{
	p->caps = (struct sh_port_caps){
		.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_VLAN_STRIP |
			       RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_LRO,
		.tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_VLAN_INSERT |
			       RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
			       RTE_ETH_TX_OFFLOAD_UDP_CKSUM | (tso ? RTE_ETH_TX_OFFLOAD_TCP_TSO : 0),
		.speed_capa = RTE_ETH_LINK_SPEED_10G,
		.max_rxq = s->qpairs,
		.max_txq = s->qpairs,
		.max_macs = 1,
		.min_mtu = RTE_ETHER_MIN_MTU,
		.max_mtu = UINT16_MAX,
		.max_segs = SH_AFP_SEGS,
		.max_rx_pktlen = MAX_LEN,
		.if_index = s->index,
		.lsc = true,
		.rmv = true,
		.pref_desc = 512,
	};
}

static int probe(struct sh_port *p)
{
	struct sh_afp *s = p->shared;
	struct sh_kif_state is;
	int r = sh_kif_find(p->name, s->iface, &s->index), fd;
	bool tso;

	if (r < 0)
		return r;
	fd = sh_kif_socket(p->name);
	if (fd < 0)
		return fd;
	r = sh_kif_look(fd, s->index, &is);
	if (r < 0)
		(void)sh_kif_refused(p->name, s->iface, r);
	tso = !s->bypass || sh_kif_tso(fd, s->index);
	s->ns = sh_kif_ns(fd);
	sh_close(&fd);
	if (r == 0)
		r = geometry(p, s, is.mtu);
	if (r < 0)
		return r;
	tell_caps(p, s, tso);
	sh_store_rlx(&p->mac[0], is.mac); /* relaxed, as what follows: before the port is there */
	sh_store_rlx(&p->link_mtu, is.mtu);
	sh_port_link_put(p, (is.flags & IFF_UP) != 0 && (is.flags & IFF_RUNNING) != 0, is.speed, is.full_duplex,
			 is.autoneg);
	return 0;
}

static const struct sh_afp *shared(const struct sh_here *h)
{
	return h->p->shared;
}

static int ctl(const struct sh_here *h)
{
	return ((const struct sh_afp_here *)h->local)->ctl.fd;
}

static int said(const struct sh_here *h, const char *what, int r)
{
	return r < 0 ? sh_kif_refused(h->p->name, what, r) : 0;
}

/* it has been deleted, or moved away, perhaps before anybody has heard of that: -EIO, as for a port that is known to be gone */
static int there(struct sh_here *h)
{
	struct sh_kif_at at;

	if (sh_kif_at(ctl(h), shared(h)->index, -1, &at) == 0)
		return 0;
	(void)sh_kif_link(h->p, ctl(h), shared(h)->index, -1);
	return -EIO;
}

static int configure(struct sh_here *h)
{
	return sh_kif_mtu_asked(h->p, ctl(h), shared(h)->index, -1);
}

static int start(struct sh_here *h)
{
	struct sh_kif_state is;
	int r = there(h);

	if (r < 0)
		return r;
	r = sh_kif_look(ctl(h), shared(h)->index, &is);
	if (r < 0)
		return said(h, shared(h)->iface, r);
	r = sh_afp_start(h);
	if (r == 0 && (is.flags & IFF_UP) == 0)
		sh_warn("port %u (%s): %s is down: nothing is received or sent until 'ip link set %s up', or "
			"rte_eth_dev_set_link_up()",
			h->p->id, h->p->name, is.name, is.name);
	(void)sh_kif_link(h->p, ctl(h), shared(h)->index, -1);
	return r;
}

static int stop(struct sh_here *h)
{
	sh_afp_stop(h);
	return 0;
}

static int open_queue(struct sh_here *h, struct sh_queue *q, struct sh_io *io)
{
	return q->tx ? sh_afp_tx_open(h, q, io) : sh_afp_rx_open(h, q, io);
}

static void shut(struct sh_here *h, struct sh_queue *q, struct sh_io *io)
{
	(void)h;
	if (q->tx)
		sh_afp_tx_shut(io);
	else
		sh_afp_rx_shut(io);
}

/* ---- settings ---- */

/*
 * The socket for questions asks for it: as long as some process has that, and no longer. The kernel counts how often it was
 * asked: one that died before it was noted is taken back with the next change.
 */
static int membership(struct sh_here *h, unsigned short type, bool on, bool is)
{
	struct packet_mreq m = {.mr_ifindex = (int)shared(h)->index, .mr_type = type};

	int r = there(h);

	if (on == is || r < 0)
		return r;
	for (unsigned i = 0; i < 4; i++) /* one that is not there is no error */
		(void)setsockopt(ctl(h), SOL_PACKET, PACKET_DROP_MEMBERSHIP, &m, sizeof(m));
	if (!on || setsockopt(ctl(h), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)) == 0)
		return 0;
	return said(h, type == PACKET_MR_PROMISC ? "promiscuous mode" : "all multicast", -errno);
}

static int promisc(struct sh_here *h, bool on)
{
	return membership(h, PACKET_MR_PROMISC, on, sh_load_acq(&h->p->promisc) != 0); /* A:PORTSET */
}

static int allmulti(struct sh_here *h, bool on)
{
	return membership(h, PACKET_MR_ALLMULTI, on, sh_load_acq(&h->p->allmulti) != 0); /* A:PORTSET */
}

static int mtu_set(struct sh_here *h, uint16_t mtu)
{
	int r = there(h);

	return r < 0 ? r : said(h, "MTU", sh_kif_mtu_set(ctl(h), shared(h)->index, mtu));
}

static int mac_set(struct sh_here *h, uint64_t mac)
{
	int r = there(h);

	return r < 0 ? r : said(h, "address", sh_kif_mac_set(ctl(h), shared(h)->index, mac));
}

static int set_link(struct sh_here *h, bool up)
{
	int r = there(h);

	if (r == 0)
		r = said(h, up ? "up" : "down", sh_kif_flag_set(ctl(h), shared(h)->index, IFF_UP, up));

	if (r == 0)
		(void)sh_kif_link(h->p, ctl(h), shared(h)->index, -1);
	return r;
}

static bool look_at_link(struct sh_here *h)
{
	(void)sh_kif_link(h->p, ctl(h), shared(h)->index, -1);
	return false; /* each process hears of it by itself */
}

static void stats(struct sh_here *h, uint64_t *missed, uint64_t *ierrors, uint64_t *oerrors)
{
	(void)ierrors, (void)oerrors;
	*missed += sh_afp_drops(h);
}

static int stats_reset(struct sh_here *h)
{
	(void)sh_afp_drops(h);
	for (unsigned i = 0; i < h->p->nb_rxq; i++) {
		struct sh_queue *q = sh_rxq(h->p, i);

		q->base[4] = sh_load_acq(&q->missed); /* A:QMISSED */
	}
	return 0;
}

extern const struct sh_driver sh_drv_af_packet;
const struct sh_driver sh_drv_af_packet = {
	.name = "net_af_packet",
	.shared = sizeof(struct sh_afp),
	.args = args,
	.probe = probe,
	.attach = sh_afp_attach,
	.detach = sh_afp_detach,
	.keep = sh_afp_keep,
	.configure = configure,
	.start = start,
	.stop = stop,
	.set_link = set_link,
	.promisc = promisc,
	.allmulti = allmulti,
	.mac_set = mac_set,
	.mtu_set = mtu_set,
	.stats_reset = stats_reset,
	.open = open_queue,
	.shut = shut,
	.link = look_at_link,
	.stats = stats,
};
