/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kif_watch.c - interfaces of the kernel watched (kif.h)
 *
 * One rtnetlink socket a process, made with the first interface. The watcher's thread reads it and only notes that there is
 * something to look at: the thread for long work (base/later.h) looks, stores, tells. All of struct sh_kifs is under lk, which is
 * held over ioctl(2)s that do not sleep for long, and over nothing that waits for others.
 *
 * A link state that was read just before a change and stored just after another process has stored the new one is put right by
 * its own reader, whom the same change has woken.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_errno.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/later.h"
#include "base/log.h"
#include "pkt/kif.h"
#include "pkt/port.h"
#include "proc/proc.h"
#include "shoal_fd.h"

#define BATCH 8192 /* bytes of netlink messages at a time */
#define TRIES 8	   /* looks, while others store what they have set or seen */

struct watched {
	uint64_t serial; /* 0: free */
	int sock, dev;	 /* dev: -1, or as sh_kif_watch_dev() says */
	uint32_t index;
	bool home; /* what this process hears is of the namespace in which that is its number */
	bool left; /* it was heard that the interface leaves that namespace, by its end or otherwise */
};

struct sh_kifs {
	struct sh_mtx lk;
	int nl; /* -1: none */
	bool asked;
	struct watched w[SH_PORTS];
};

/* ---- looking ---- */

bool sh_kif_lives(int dev)
{
	struct ifreq req;

	return dev >= 0 && ioctl(dev, TUNGETIFF, &req) == 0;
}

/* Once, and for good: whatever has its number from here on, even the same one that comes back, is another interface. */
static bool vanish(struct sh_port *p)
{
	if (sh_load_acq(&p->gone) != 0) /* A:PORTLINK */
		return false;
	sh_store_rel(&p->gone, 1); /* R:PORTLINK */
	sh_warn("port %u (%s): its interface has vanished; the port stays until it is closed", p->id, p->name);
	sh_port_link_put(p, false, RTE_ETH_SPEED_NUM_NONE, false, false);
	return true;
}

static int see(int sock, uint32_t index, int dev, struct sh_kif_state *s)
{
	struct sh_kif_at at;
	int r = sh_kif_at(sock, index, dev, &at);

	if (r == 0) {
		r = sh_kif_look(at.sock, at.index, s);
		sh_kif_at_end(&at);
	}
	return r;
}

/* false: one of them is not what it was before I looked, so what I saw may be older than what is there */
static bool stored(struct sh_port *p, uint32_t mtu, uint64_t mac, const struct sh_kif_state *s)
{
	return sh_cas(&p->link_mtu, &mtu, s->mtu) &&		    /* R:PORTLINK */
	       (mac == s->mac || sh_cas(&p->mac[0], &mac, s->mac)); /* R:PORTSET */
}

bool sh_kif_link(struct sh_port *p, int sock, uint32_t index, int dev)
{
	uint64_t before = sh_load_acq(&p->link_n), mac; /* A:PORTLINK */
	unsigned tries = 0;
	struct sh_kif_state s;
	uint32_t mtu;
	bool up;
	int r;

	do {
		mtu = sh_load_acq(&p->link_mtu);				   /* A:PORTLINK */
		mac = sh_load_acq(&p->mac[0]);					   /* A:PORTSET */
		r = sh_load_acq(&p->gone) == 0 ? see(sock, index, dev, &s) : -EIO; /* A:PORTLINK */
	} while (r == 0 && !stored(p, mtu, mac, &s) && ++tries < TRIES);
	/* In this order: the kernel answers the second question when a move, or an end, that it is in the middle of is over. */
	if (r == -ENODEV && sh_kif_lives(dev))
		return false;
	if (r == -ENODEV)
		return vanish(p);
	if (r != 0)
		return false;
	up = (s.flags & IFF_UP) != 0 && (s.flags & IFF_RUNNING) != 0;
	sh_port_link_put(p, up, up ? s.speed : RTE_ETH_SPEED_NUM_NONE, s.full_duplex, s.autoneg);
	return sh_load_acq(&p->link_n) != before; /* A:PORTLINK */
}

/* a visit: else what is seen of an interface that goes with its port would be stored in the next port of that row */
static bool look_at(struct sh_kifs *k, unsigned i)
{
	struct sh_here *h;
	struct watched w;
	bool told;

	sh_lock(&k->lk);
	w = k->w[i];
	sh_unlock(&k->lk);
	h = w.serial != 0 ? sh_here_now(i, true, NULL) : NULL;
	if (h == NULL)
		return false;
	/* the same port: not unwatched before the visit is over, so its files are open */
	if (w.serial != h->serial)
		told = false;
	else if (w.left && !sh_kif_lives(w.dev))
		told = vanish(h->p);
	else
		told = sh_kif_link(h->p, w.sock, w.index, w.dev);
	sh_here_leave(h);
	return told;
}

/* on the thread for long work */
static void look(void *arg, uint64_t n)
{
	struct sh_kifs *k = arg;
	bool told = false;

	(void)n;
	sh_lock(&k->lk);
	k->asked = false;
	sh_unlock(&k->lk);
	for (unsigned i = 0; i < SH_PORTS; i++)
		told = look_at(k, i) || told;
	SH_STEP("kif_stored");
	if (told)
		sh_ports_nudge();
	sh_teller_wake(); /* also when another process has stored it before me */
}

/* does this message name an interface of mine? One that leaves may be there again when I look, or another of its number */
static bool names_mine(struct sh_kifs *k, const struct nlmsghdr *n)
{
	const struct ifinfomsg *m = (const void *)((const char *)n + NLMSG_HDRLEN);
	bool mine = false;

	if ((n->nlmsg_type != RTM_NEWLINK && n->nlmsg_type != RTM_DELLINK) || n->nlmsg_len < NLMSG_HDRLEN + sizeof(*m))
		return false;
	for (unsigned i = 0; i < SH_PORTS; i++) {
		struct watched *w = &k->w[i];

		if (w->serial == 0 || w->index != (uint32_t)m->ifi_index)
			continue;
		mine = true;
		/* of another family: it leaves a bridge */
		w->left = w->left || (w->home && n->nlmsg_type == RTM_DELLINK && m->ifi_family == AF_UNSPEC);
	}
	return mine;
}

static bool some_name_mine(struct sh_kifs *k, const char *in, size_t len)
{
	bool mine = false;

	while (len >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *n = (const void *)in;
		size_t step;

		if (n->nlmsg_len < sizeof(*n) || n->nlmsg_len > len)
			break;
		mine = names_mine(k, n) || mine;
		step = NLMSG_ALIGN(n->nlmsg_len);
		if (step >= len)
			break;
		in += step;
		len -= step;
	}
	return mine;
}

/* on the watcher's thread */
static void heard(void *arg, uint32_t events)
{
	_Alignas(struct nlmsghdr) char in[BATCH];
	struct sh_kifs *k = arg;
	ssize_t n;

	(void)events;
	sh_lock(&k->lk);
	while (k->nl >= 0) {
		n = recv(k->nl, in, sizeof(in), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && errno != ENOBUFS) /* ENOBUFS: more has happened than it could keep */
			break;
		if ((n < 0 || (size_t)n > sizeof(in) || some_name_mine(k, in, (size_t)n)) && !k->asked)
			k->asked = sh_later(SH_LATER_WORK, look, k, 0) == 0;
	}
	sh_unlock(&k->lk);
}

/* ---- who is watched ---- */

static int listen_to(struct sh_kifs *k)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int r;

	k->nl = sh_fd_up(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
	r = k->nl >= 0 && bind(k->nl, (struct sockaddr *)&a, sizeof(a)) == 0 ? 0 : -errno;
	if (r == 0)
		r = sh_watch_add(k->nl, EPOLLIN, heard, k);
	if (r < 0) {
		sh_err("changes of links cannot be watched: netlink: %s; %s", strerror(-r), sh_fd_advice(r));
		sh_close(&k->nl);
	}
	return r;
}

static struct sh_kifs *kifs(struct sh_ports *s)
{
	struct sh_kifs *k = s->kifs;

	if (k == NULL) { /* attach runs under the room's lock */
		k = calloc(1, sizeof(*k));
		if (k == NULL)
			return NULL;
		k->nl = -1;
		s->kifs = k;
	}
	return k;
}

int sh_kif_watch(const struct sh_here *h, int sock, uint32_t index)
{
	return sh_kif_watch_dev(h, sock, index, -1);
}

int sh_kif_watch_dev(const struct sh_here *h, int sock, uint32_t index, int dev)
{
	struct sh_kifs *k = kifs(sh_ports());
	int r = k != NULL ? sh_later_ready(SH_LATER_WORK) : -ENOMEM;

	if (r < 0)
		return r;
	sh_lock(&k->lk);
	if (k->nl < 0)
		r = listen_to(k);
	if (r == 0)
		k->w[h->id] = (struct watched){.serial = h->serial,
					       .sock = sock,
					       .dev = dev,
					       .index = index,
					       .home = sh_kif_ns(sock) != 0 && sh_kif_ns(sock) == sh_kif_ns(k->nl)};
	sh_unlock(&k->lk);
	return r;
}

void sh_kif_unwatch(const struct sh_here *h)
{
	struct sh_kifs *k = sh_ports()->kifs;

	if (k == NULL)
		return;
	sh_lock(&k->lk);
	if (k->w[h->id].serial == h->serial)
		k->w[h->id].serial = 0;
	sh_unlock(&k->lk);
}

void sh_kif_stop(struct sh_ports *s, bool mine)
{
	struct sh_kifs *k = s->kifs;
	int nl;

	if (k == NULL || !mine)
		return;
	sh_lock(&k->lk);
	nl = k->nl;
	k->nl = -1;
	sh_unlock(&k->lk);
	if (nl >= 0)
		sh_watch_del(nl); /* waits for heard(), which takes lk */
	sh_close(&nl);
}

void sh_kif_forget(struct sh_ports *s)
{
	if (s->kifs != NULL && s->kifs->nl >= 0)
		(void)close(s->kifs->nl); /* a forked child */
	free(s->kifs);
	s->kifs = NULL;
}

int sh_kif_mtu_asked(struct sh_port *p, int sock, uint32_t index, int dev)
{
	struct sh_kif_at at;
	int r;

	if (!p->conf.mtu_asked || sh_load_acq(&p->gone) != 0) /* A:PORTLINK */
		return 0;
	r = sh_kif_at(sock, index, dev, &at);
	if (r == 0) {
		r = sh_kif_mtu_set(at.sock, at.index, (uint16_t)p->conf.mtu);
		sh_kif_at_end(&at);
	}
	if (r == 0)
		sh_store_rel(&p->link_mtu, p->conf.mtu); /* R:PORTLINK */
	if (r == -EPERM || r == -ENODEV || r == -EXDEV)	 /* another user's, or moved */
		sh_warn("port %u (%s): the MTU %u that is asked for cannot be set here: the interface's stays; whoever "
			"may set "
			"it: ip link set dev NAME mtu %u",
			p->id, p->name, p->conf.mtu, p->conf.mtu);
	if (r == 0 || r == -EPERM || r == -ENODEV || r == -EXDEV)
		return 0;
	return sh_kif_refused(p->name, "the MTU", r);
}
