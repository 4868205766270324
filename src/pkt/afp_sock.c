/* SPDX-License-Identifier: BSD-3-Clause */
/* afp_sock.c - net_af_packet: sockets: opened once for the group, had by name (afp.h) */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "pkt/afp.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif
#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000
#endif

static int set(int fd, int level, int opt, int value)
{
	return setsockopt(fd, level, opt, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/* as large as it may be: beyond the system's limit with CAP_NET_ADMIN alone */
static void buffer(int fd, int force, int plain)
{
	if (set(fd, SOL_SOCKET, force, SH_AFP_BUFFER) < 0)
		(void)set(fd, SOL_SOCKET, plain, SH_AFP_BUFFER);
}

/* elsewhere the interface of the port's number is another one */
static int packet_socket(const struct sh_port *p)
{
	const struct sh_afp *s = p->shared;
	int r = sh_kif_at_home(p->name, s->ns), fd;

	if (r < 0)
		return r;
	fd = sh_fd_up(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	return fd >= 0 ? fd : sh_kif_refused(p->name, "a packet socket", -errno);
}

static int bind_to(int fd, uint32_t index, unsigned proto)
{
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET, .sll_protocol = rte_cpu_to_be_16((uint16_t)proto), .sll_ifindex = (int)index};

	return bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? 0 : -errno;
}

/* open: but for what leaves the interface, whoever sends it; the options that say so are of Linux 4.20 and, for groups, 5.14 */
int sh_afp_gate(int fd, bool open)
{
	struct sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	struct sock_filter in[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog prog = {.len = open ? RTE_DIM(in) : RTE_DIM(none), .filter = open ? in : none};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) == 0 ? 0 : -errno;
}

/* ---- made ---- */

struct make {
	struct sh_port *p;
	struct sh_afp *s;
	uint32_t fanout, flags, frames; /* of the group; slots */
};

/* bound, so that it can tell whether the interface is still that one: nothing comes in without a protocol */
static int make_ctl(void *arg)
{
	const struct make *m = arg;
	int fd = packet_socket(m->p), r = fd >= 0 ? bind_to(fd, m->s->index, 0) : fd;

	if (fd < 0 || r == 0)
		return fd;
	sh_close(&fd);
	return sh_kif_refused(m->p->name, m->s->iface, r);
}

static int make_tx(void *arg)
{
	const struct make *m = arg;
	int fd = packet_socket(m->p), r;

	if (fd < 0)
		return fd;
	buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	r = set(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
	if (r == 0 && m->s->bypass)
		r = set(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
	if (r == 0)
		r = bind_to(fd, m->s->index, 0);
	if (r == 0)
		return fd;
	sh_close(&fd);
	return sh_kif_refused(m->p->name, "a socket to send", r);
}

/* a second one to send on; whoever has none sends all on the first: no line */
static int make_slots(void *arg)
{
	const struct make *m = arg;
	int fd = -1, r;

	if (sh_port_fds("slots") < SH_AFP_SLOTTED && sh_kif_home(m->s->ns))
		fd = sh_fd_up(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (fd < 0)
		return -ENODEV;
	buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	r = set(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2);
	if (r == 0)
		r = set(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
	if (r == 0 && m->s->bypass)
		r = set(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
	if (r == 0)
		r = sh_afp_slots_make(fd);
	if (r == 0)
		r = bind_to(fd, m->s->index, 0);
	if (r < 0)
		sh_close(&fd);
	return r < 0 ? r : fd;
}

static int ring(int fd, const struct make *m)
{
	const struct sh_afp *s = m->s;
	uint32_t per_block = s->blocksz / s->framesz, blocks = (m->frames + per_block - 1) / per_block;
	struct tpacket_req req = {.tp_block_size = s->blocksz,
				  .tp_block_nr = blocks,
				  .tp_frame_size = s->framesz,
				  .tp_frame_nr = blocks * per_block};

	return setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)) == 0 ? 0 : -errno;
}

static int join(int fd, uint32_t flags, uint32_t id)
{
	return set(fd, SOL_PACKET, PACKET_FANOUT, (int)((PACKET_FANOUT_HASH | flags) << 16 | id));
}

/* one group of all sockets of a port; its number is the kernel's, so that no other program's group is joined */
static int fanout(int fd, struct make *m, bool first)
{
	uint32_t unique = first ? PACKET_FANOUT_FLAG_UNIQUEID : 0, v = 0;
	socklen_t n = sizeof(v);
	int r;

	r = join(fd, m->flags | unique, m->fanout);
	if (r == -EINVAL && first && m->flags != 0) { /* not known there yet */
		m->flags = 0;
		r = join(fd, unique, 0);
	}
	if (r == 0 && first) {
		r = getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &v, &n) == 0 ? 0 : -errno;
		m->fanout = v & 0xffff;
	}
	return r;
}

/* gated: nothing comes in before the gate opens */
static int make_rx(void *arg)
{
	const struct make *m = arg;
	int fd = packet_socket(m->p), r;

	if (fd < 0)
		return fd;
	buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
	r = sh_afp_gate(fd, false);
	if (r == 0)
		r = set(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2);
	if (r == 0)
		r = set(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
	if (r == 0)
		r = set(fd, SOL_PACKET, PACKET_COPY_THRESH, 1);
	if (r == 0)
		r = ring(fd, m);
	if (r == 0)
		(void)set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING,
			  1); /* Linux 4.20; before it what others send comes, too */
	if (r == 0)
		r = bind_to(fd, m->s->index, ETH_P_ALL);
	if (r == 0)
		return fd;
	sh_close(&fd);
	return sh_kif_refused(m->p->name, "a ring to receive", r);
}

/* ---- had ---- */

static void name_of(char *buf, size_t cap, enum sh_afp_way way, unsigned queue, uint32_t gen)
{
	if (way == SH_AFP_RX)
		(void)snprintf(buf, cap, "rx%u.%u", queue, gen);
	else
		(void)snprintf(buf, cap, "%s%u", way == SH_AFP_TX ? "tx" : "slots", queue);
}

static struct sh_port_fd *place(struct sh_afp_here *l, enum sh_afp_way way, unsigned queue)
{
	return way == SH_AFP_RX ? &l->rx[queue] : way == SH_AFP_TX ? &l->tx[queue] : &l->slots[queue];
}

/* under lk: this process' fd of a queue, made by m if nobody has it */
static int have_or_make(struct sh_here *h, enum sh_afp_way way, unsigned queue, enum sh_fd_wait wait,
			const struct sh_port_fd_make *m)
{
	struct sh_afp_here *l = h->local;
	struct sh_port_fd *f = place(l, way, queue);
	char name[32];
	int r;

	if (f->fd >= 0)
		return f->fd;
	name_of(name, sizeof(name), way, queue, l->gen);
	r = m != NULL ? sh_port_fd(h, name, wait, m, f) : sh_port_fd_keep(h, name, f);
	return r == 0 ? f->fd : r;
}

/* the same, only if the group has it */
static int have(struct sh_here *h, enum sh_afp_way way, unsigned queue)
{
	return have_or_make(h, way, queue, SH_FD_ATTACH, NULL);
}

/* under lk: drop those that receive, and be of the generation gen */
static void change(struct sh_here *h, uint32_t gen, bool over)
{
	struct sh_afp_here *l = h->local;
	char name[32];

	for (unsigned i = 0; l->gen != gen && i < SH_AFP_QUEUES; i++) {
		name_of(name, sizeof(name), SH_AFP_RX, i, l->gen);
		sh_port_fd_drop(h, name, &l->rx[i], over);
	}
	l->gen = gen;
}

static int not_there(void *arg)
{
	const struct make *m = arg;

	sh_err("port %u (%s): the process that had its sockets has died, with everybody who could have handed them on; "
	       "stop the port and start it again",
	       m->p->id, m->p->name);
	return -EIO;
}

/* under lk: the sockets to send on of the queue are closed here; over: everywhere */
static void drop_tx(struct sh_here *h, unsigned queue, bool over)
{
	char name[32];

	for (enum sh_afp_way way = SH_AFP_TX; way <= SH_AFP_SLOTS; way++) {
		name_of(name, sizeof(name), way, queue, 0);
		sh_port_fd_drop(h, name, place(h->local, way, queue), over);
	}
}

/* under lk: for a burst, which does not wait for those who are stopped: to send, a socket of this process' own does as well */
static int at_once(struct sh_here *h, enum sh_afp_way way, unsigned queue, struct make *m)
{
	static int (*const make[])(void *) = {not_there, make_tx, make_slots};
	struct sh_port_fd *f = place(h->local, way, queue);
	int r = have(h, way, queue);

	if (r == -ENOENT || r == -ENOTSUP) {
		r = have_or_make(h, way, queue, SH_FD_BURST, &(struct sh_port_fd_make){make[way], m});
		if (r != -ETIMEDOUT)
			return r;
	}
	if (r >= 0 || way == SH_AFP_RX)
		return r;
	r = make[way](m);
	if (r >= 0)
		*f = (struct sh_port_fd){.fd = r};
	return r;
}

int sh_afp_fd(struct sh_here *h, enum sh_afp_way way, unsigned queue)
{
	struct sh_afp_here *l = h->local;
	struct make m = {.p = h->p, .s = h->p->shared};
	int fd;

	sh_lock_calm(&l->lk);
	if (way == SH_AFP_RX)
		change(h, sh_load_acq(&m.s->gen), true); /* A:AFPGEN */
	fd = at_once(h, way, queue, &m);
	sh_unlock_calm(&l->lk);
	return fd;
}

/* what the group has of one that receives, or of one to send on */
static int had(struct sh_here *h, enum sh_afp_way way, unsigned queue)
{
	struct sh_afp_here *l = h->local;
	const struct sh_afp *s = h->p->shared;
	int fd;

	sh_lock_calm(&l->lk);
	if (way == SH_AFP_RX)
		change(h, sh_load_acq(&s->gen), true); /* A:AFPGEN */
	fd = have(h, way, queue);
	sh_unlock_calm(&l->lk);
	return fd;
}

/* how many receive; 0 before the first start */
static uint32_t sockets(const struct sh_afp *s)
{
	return sh_load_acq(&s->gen) != 0 ? sh_load_rlx(&s->n_rx) : 0; /* A:AFPGEN; relaxed: behind it */
}

void sh_afp_keep(struct sh_here *h)
{
	const struct sh_afp *s = h->p->shared;
	struct sh_afp_here *l = h->local;
	unsigned n_tx = sh_load_rlx(&s->n_tx); /* relaxed: there is another look after each start */

	sh_lock_calm(&l->lk);
	for (unsigned i = n_tx; i < SH_AFP_QUEUES; i++) /* of former starts */
		drop_tx(h, i, false);
	sh_unlock_calm(&l->lk);
	for (unsigned i = 0; i < SH_AFP_QUEUES; i++) {
		int rx = i < sockets(s) ? had(h, SH_AFP_RX, i) : 0;
		int tx = i < n_tx ? had(h, SH_AFP_TX, i) : 0;

		if ((rx < 0 && rx != -ENOENT) || (tx < 0 && tx != -ENOENT))
			return; /* no numbers left, or a stopped process: the next look tries again */
	}
}

int sh_afp_attach(struct sh_here *h)
{
	struct sh_afp *s = h->p->shared;
	struct make m = {.p = h->p, .s = s};
	struct sh_afp_here *l = calloc(1, sizeof(*l));
	int r;

	if (l == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < SH_AFP_QUEUES; i++)
		l->rx[i].fd = l->tx[i].fd = l->slots[i].fd = -1;
	h->local = l;
	r = sh_port_fd(h, "ctl", SH_FD_ATTACH, &(struct sh_port_fd_make){make_ctl, &m}, &l->ctl);
	if (r == 0)
		r = sh_kif_watch(h, l->ctl.fd, s->index);
	if (r == 0)
		sh_afp_keep(h); /* what there is already: it may be handed on by this process, too */
	else
		sh_afp_detach(h);
	return r;
}

void sh_afp_detach(struct sh_here *h)
{
	struct sh_afp_here *l = h->local;
	bool over = sh_here_over(h);

	if (l == NULL)
		return;
	sh_kif_unwatch(h);
	change(h, UINT32_MAX, over);
	for (unsigned i = 0; i < SH_AFP_QUEUES; i++)
		drop_tx(h, i, over);
	sh_port_fd_drop(h, "ctl", &l->ctl, over);
	free(l);
	h->local = NULL;
	if (over)
		sh_port_fds_sweep();
}

/* ---- started and stopped ---- */

static uint32_t frames(const struct sh_here *h, unsigned i)
{
	const struct sh_afp *s = h->p->shared;
	uint32_t desc = sh_rxq(h->p, i)->desc;

	return s->framecnt != 0 ? s->framecnt : RTE_MAX(desc, (uint32_t)SH_AFP_FRAMES);
}

/* under lk: are there sockets as the queues are now? Those that nobody had but a dead one are not */
static bool fit(struct sh_here *h)
{
	const struct sh_afp *s = h->p->shared;

	if (sh_load_acq(&s->gen) == 0 || sockets(s) != h->p->nb_rxq) /* A:AFPGEN */
		return false;
	for (unsigned i = 0; i < h->p->nb_rxq; i++)
		if (s->frames[i] != frames(h, i))
			return false;
	change(h, sh_load_acq(&s->gen), true); /* A:AFPGEN */
	for (unsigned i = 0; i < h->p->nb_rxq; i++)
		if (have(h, SH_AFP_RX, i) < 0)
			return false;
	return true;
}

static bool not_needed(const char *what, void *arg)
{
	const struct sh_here *h = arg;
	const struct sh_afp_here *l = h->local;
	unsigned i, gen;

	if (sscanf(what, "rx%u.%u", &i, &gen) == 2)
		return gen != l->gen || i >= h->p->nb_rxq;
	return (sscanf(what, "tx%u", &i) == 1 || sscanf(what, "slots%u", &i) == 1) && i >= h->p->nb_txq;
}

/* under lk: what former starters opened, also those who died at it */
static void sweep(struct sh_here *h)
{
	for (unsigned i = h->p->nb_txq; i < SH_AFP_QUEUES; i++)
		drop_tx(h, i, true);
	sh_port_fds_over(h, not_needed, h);
}

static uint64_t dropped(struct sh_port *p, unsigned queue, int fd)
{
	struct tpacket_stats n = {0};
	socklen_t len = sizeof(n);

	if (p->nb_rxq == 0 || getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &n, &len) != 0 || n.tp_drops == 0)
		return 0;
	(void)sh_add(&sh_rxq(p, RTE_MIN(queue, p->nb_rxq - 1u))->missed, n.tp_drops); /* R:QMISSED */
	return n.tp_drops;
}

/* under lk: what is in those that receive, or was dropped there, is missed: others come */
static void give_up(struct sh_here *h)
{
	const struct sh_afp *s = h->p->shared;

	change(h, sh_load_acq(&s->gen), true); /* A:AFPGEN */
	for (unsigned i = 0; i < sockets(s); i++) {
		int fd = have(h, SH_AFP_RX, i);

		if (fd < 0)
			continue;
		(void)sh_afp_rx_flush(h, i, fd);
		(void)dropped(h->p, i, fd);
	}
}

/* under lk: all those that receive, new, under the next number */
static int make_all(struct sh_here *h)
{
	struct sh_afp_here *l = h->local;
	struct sh_afp *s = h->p->shared;
	struct make m = {.p = h->p, .s = s, .flags = PACKET_FANOUT_FLAG_IGNORE_OUTGOING};
	uint32_t was = sh_load_acq(&s->gen), gen = sh_load_acq(&s->tried) + 1; /* A:AFPGEN */
	int r = 0;

	give_up(h);
	sh_store_rel(&s->tried, gen); /* R:AFPGEN */
	change(h, gen, true);
	sweep(h);
	for (unsigned i = 0; r == 0 && i < h->p->nb_rxq; i++) {
		int fd;

		m.frames = s->frames[i] = frames(h, i);
		sh_store_rlx(&s->idx[i], 0); /* relaxed: before run */
		fd = have_or_make(h, SH_AFP_RX, i, SH_FD_CALL, &(struct sh_port_fd_make){make_rx, &m});
		r = fd < 0 ? fd : 0;
		if (r == 0 && h->p->nb_rxq > 1) {
			r = fanout(fd, &m, i == 0);
			if (r < 0)
				(void)sh_kif_refused(h->p->name, "a fanout group", r);
		}
		SH_STEP("afp_socket_made");
	}
	if (r < 0) {
		change(h, was, true);
		return r;
	}
	sh_store_rlx(&s->n_rx, h->p->nb_rxq); /* relaxed: before gen */
	s->fanout = m.fanout;
	l->gen = gen;
	sh_store_rel(&s->gen, gen); /* R:AFPGEN */
	SH_STEP("afp_sockets_made");
	return 0;
}

static int all_gates(struct sh_here *h, bool open, bool flush)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < h->p->nb_rxq; i++) {
		int fd = had(h, SH_AFP_RX, i);

		if (fd == -ENOENT && !open) /* nobody has it, and nobody will */
			continue;
		r = fd < 0 ? fd : sh_afp_gate(fd, open);
		if (r == 0 && flush)
			r = sh_afp_rx_flush(h, i, fd);
	}
	return r;
}

int sh_afp_start(struct sh_here *h)
{
	struct sh_afp_here *l = h->local;
	struct make m = {.p = h->p, .s = h->p->shared};
	int r;

	sh_lock_calm(&l->lk);
	if (fit(h))
		sweep(h), r = 0;
	else
		r = make_all(h);
	for (unsigned i = 0; r == 0 && i < h->p->nb_txq; i++) {
		int fd = have_or_make(h, SH_AFP_TX, i, SH_FD_CALL, &(struct sh_port_fd_make){make_tx, &m});

		r = fd < 0 ? fd : 0;
		if (r == 0)
			(void)have_or_make(h, SH_AFP_SLOTS, i, SH_FD_CALL, &(struct sh_port_fd_make){make_slots, &m});
	}
	sh_unlock_calm(&l->lk);
	if (r == 0)
		sh_store_rlx(&m.s->n_tx, h->p->nb_txq); /* relaxed: for keep */
	if (r == 0)
		r = all_gates(h, false, true);
	if (r == 0)
		r = all_gates(h, true, false);
	return r;
}

void sh_afp_stop(struct sh_here *h)
{
	struct sh_afp *s = h->p->shared;

	if (sockets(s) == h->p->nb_rxq)
		(void)all_gates(h, false, false);
}

uint64_t sh_afp_drops(struct sh_here *h)
{
	struct sh_afp *s = h->p->shared;
	uint64_t sum = 0;

	for (unsigned i = 0; i < sockets(s) && i < h->p->nb_rxq; i++) {
		int fd = had(h, SH_AFP_RX, i);

		sum += fd >= 0 ? dropped(h->p, i, fd) : 0;
	}
	return sum;
}
