/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tap_set.c - net_tap: settings and counters of the interface, wherever it is
 *
 * Each call asks first where that is (kif_at.c): what has its number by now may be another one. Where it was moved to the port's start
 * and stop leave it alone, for whoever is there has set it up; what the program asks for by itself is done there, if this
 * process may.
 */
#include <errno.h>

#include "base/log.h"
#include "pkt/port.h"
#include "pkt/tap.h"

static int at(const struct sh_here *h, struct sh_kif_at *at)
{
	const struct tap_here *t = h->local;
	const struct tap *s = h->p->shared;

	if (sh_load_acq(&h->p->gone) != 0) /* A:PORTLINK */
		return -ENODEV;
	return sh_kif_at(t->sock.fd, s->index, t->q[0].fd, at);
}

/* r as it is, a line where it is an error; -EPERM for one that is elsewhere */
static int refused(const struct sh_here *h, const char *what, int r)
{
	if (r != -EXDEV)
		return r < 0 ? sh_kif_refused(h->p->name, what, r) : 0;
	sh_err("%s: %s: the interface was moved to another network namespace, and this process may set nothing there: "
	       "whoever is there sets it; with CAP_SYS_ADMIN over that namespace this process could",
	       h->p->name, what);
	return -EPERM;
}

bool sh_tap_link(struct sh_here *h)
{
	const struct tap_here *t = h->local;
	const struct tap *s = h->p->shared;

	return sh_kif_link(h->p, t->sock.fd, s->index, t->q[0].fd);
}

static int set_up(struct sh_here *h, const struct sh_kif_at *a, bool up)
{
	const struct tap *s = h->p->shared;
	int r = sh_kif_flag_set(a->sock, a->index, IFF_UP, up);

	if (r == -EPERM)
		sh_err("%s: %s cannot be set %s: not permitted; with CAP_NET_ADMIN: ip link set %s %s", h->p->name,
		       s->name, up ? "up" : "down", s->name, up ? "up" : "down");
	else if (r < 0)
		(void)sh_kif_refused(h->p->name,
				     up ? "the interface cannot be set up" : "the interface cannot be set down", r);
	return r;
}

int sh_tap_link_set(struct sh_here *h, bool up)
{
	struct sh_kif_at a;
	int r = at(h, &a);

	if (r < 0)
		return refused(h, up ? "its link up" : "its link down", r);
	r = set_up(h, &a, up);
	sh_kif_at_end(&a);
	if (r == 0)
		(void)sh_tap_link(h);
	return r;
}

int sh_tap_started(struct sh_here *h, bool started)
{
	struct sh_kif_at a;
	int r = at(h, &a);

	if (r == -EXDEV) /* who knows */
		sh_port_link_put(h->p, started, RTE_ETH_SPEED_NUM_10G, true, false);
	if (r == -EXDEV || (r == -ENODEV && !started))
		return 0;
	if (r < 0)
		return refused(h, "the interface cannot be set up", r);
	if (a.away)
		r = 0;
	else if (started)
		r = set_up(h, &a, true);
	else
		(void)sh_kif_flag_set(a.sock, a.index, IFF_UP, false); /* it may stay up: another user's */
	sh_kif_at_end(&a);
	if (r == 0)
		(void)sh_tap_link(h);
	return r;
}

/* whatever the host sends comes here */
int sh_tap_filter(struct sh_here *h, bool on)
{
	(void)h, (void)on;
	return 0;
}

int sh_tap_mac_set(struct sh_here *h, uint64_t mac)
{
	struct sh_kif_at a;
	int r = at(h, &a);

	if (r == 0) {
		r = sh_kif_mac_set(a.sock, a.index, mac);
		sh_kif_at_end(&a);
	}
	return refused(h, "its address", r);
}

int sh_tap_mtu_set(struct sh_here *h, uint16_t mtu)
{
	struct sh_kif_at a;
	int r = at(h, &a);

	if (r == 0) {
		r = sh_kif_mtu_set(a.sock, a.index, mtu);
		sh_kif_at_end(&a);
	}
	return refused(h, "its MTU", r);
}

/* ---- counters ---- */

/* what the kernel could not put into a queue that was full; where it cannot be asked (any more), what it said last */
static uint64_t dropped(const struct sh_here *h)
{
	struct tap *s = h->p->shared;
	struct sh_kif_counts c;
	struct sh_kif_at a;

	if (at(h, &a) == 0) {
		if (sh_kif_counts(a.sock, a.index, &c) == 0)
			sh_store_rlx(&s->dropped, c.tx_dropped); /* relaxed: a number */
		sh_kif_at_end(&a);
	}
	return sh_load_rlx(&s->dropped); /* relaxed: as above */
}

void sh_tap_stats(struct sh_here *h, uint64_t *missed, uint64_t *ierrors, uint64_t *oerrors)
{
	const struct tap *s = h->p->shared;
	uint64_t now = dropped(h), base = sh_load_rlx(&s->dropped_base); /* relaxed: a number */

	(void)ierrors, (void)oerrors;
	*missed += now > base ? now - base : 0;
}

int sh_tap_stats_reset(struct sh_here *h)
{
	struct tap *s = h->p->shared;

	sh_store_rlx(&s->dropped_base, dropped(h)); /* relaxed: a number */
	return 0;
}
