/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * event.c - callbacks of the program on ports' events
 *
 * What has happened is found by looking at the table (sh_ports_events()). When another process says that there is something to
 * look at, a thread does: the internal one, which hears it, is not to be held up by what a program does in its callback.
 *
 * One thread at a time looks and calls, so events come one after the other, in order for each port and each name (seen.c), and no
 * two callbacks run at once. Others wait for their turn, for a second at most: a callback may wait for one of them, or never return. Who did not
 * get it, or is in a callback itself and has changed something there, leaves it to the one that calls, who looks once more.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/export.h"
#include "base/fault.h"
#include "base/futex.h"
#include "base/log.h"
#include "base/thread.h"
#include "pkt/hotplug.h"
#include "pkt/port.h"

#define TURN_NS SH_FAULT_NUM("SHOAL_TURN_NS", SH_NS_PER_S)

/* the thread; made with the first registration. told: futex word, + 1 for each wake, under no lock */
struct sh_teller {
	pthread_t t;
	_Atomic uint32_t told;
	_Atomic bool stop;
};

static void *teller(void *arg)
{
	struct sh_teller *t = arg;
	uint32_t seen = 0;

	sh_thread_own();
	while (!sh_load_acq(&t->stop)) {	      /* A:TELLER */
		uint32_t now = sh_load_acq(&t->told); /* A:TELLER */

		if (now == seen) {
			(void)sh_futex_wait(&t->told, now, SH_FOREVER, SH_FUTEX_ANY, false);
			continue;
		}
		seen = now;
		sh_ports_events();
	}
	return NULL;
}

static void wake(struct sh_teller *t)
{
	(void)sh_add(&t->told, 1); /* R:TELLER */
	sh_futex_wake(&t->told, 1, SH_FUTEX_ANY, false);
}

void sh_teller_wake(void)
{
	struct sh_ports *s = sh_ports();
	struct sh_teller *t;

	if (s == NULL)
		return;
	sh_lock_calm(&s->cb_lock);
	t = s->teller;
	sh_unlock_calm(&s->cb_lock);
	if (t != NULL) /* ends after those who may call this */
		wake(t);
	else
		sh_ports_events(); /* nobody to call: notes what is */
}

void sh_teller_stop(struct sh_ports *s, bool mine)
{
	struct sh_event_cb *cb, *next;

	if (s->teller != NULL && mine) {
		sh_store_rel(&s->teller->stop, true); /* R:TELLER */
		wake(s->teller);
		(void)pthread_join(s->teller->t, NULL);
	}
	free(s->teller);
	s->teller = NULL;
	for (cb = s->cbs; cb != NULL; cb = next) {
		next = cb->next;
		free(cb);
	}
	s->cbs = NULL;
}

bool sh_listened(void)
{
	struct sh_ports *s = sh_ports();

	return s != NULL && s->cbs != NULL;
}

/* ---- what has happened ---- */

static bool wanted(const struct sh_event_cb *cb, unsigned port, enum rte_eth_event_type ev)
{
	return cb->event == ev && (cb->port == RTE_ETH_ALL || cb->port == port);
}

static void raise_event(struct sh_ports *s, unsigned port, enum rte_eth_event_type ev)
{
	struct sh_event_cb *cb;

	sh_lock_calm(&s->cb_lock);
	for (cb = s->cbs; cb != NULL; cb = cb->next) {
		if (!wanted(cb, port, ev))
			continue;
		cb->running++;
		sh_unlock_calm(&s->cb_lock);
		(void)cb->fn((uint16_t)port, ev, cb->arg, NULL);
		sh_lock_calm(&s->cb_lock);
		cb->running--;
	}
	sh_unlock_calm(&s->cb_lock);
}

/* under the lock: what is told of links from here on is news */
static void link_note(struct sh_ports *s, unsigned i)
{
	struct sh_port *p = sh_port(i);

	if (p == NULL)
		return;
	s->link_seen[i].n = sh_load_acq(&p->link_n);  /* A:PORTLINK */
	s->link_seen[i].gone = sh_load_acq(&p->gone); /* A:PORTLINK */
}

/* the next end or beginning of a port; notes it */
static bool next_port(struct sh_ports *s, uint64_t last, struct sh_change *c)
{
	bool r = sh_seen_next(s->seen, last, c);

	if (r && c->began) {
		sh_lock_calm(&s->lock);
		link_note(s, c->row);
		sh_unlock_calm(&s->lock);
	}
	return r;
}

enum { LINK = 1, REMOVED = 2 };

/* what is new with a port that was told of; notes it */
static unsigned link_news(struct sh_ports *s, unsigned i)
{
	struct sh_port *p;
	unsigned what = 0;

	sh_lock_calm(&s->lock);
	p = sh_port(i);
	if (p != NULL && s->seen[i].serial == sh_serial(p)) {
		if (sh_load_acq(&p->link_n) != s->link_seen[i].n &&
		    sh_load_acq(&p->want_lsc) != 0) /* A:PORTLINK A:PORTSET */
			what |= LINK;
		if (sh_load_acq(&p->gone) != 0 && s->link_seen[i].gone == 0) /* A:PORTLINK */
			what |= REMOVED;
		link_note(s, i);
	}
	sh_unlock_calm(&s->lock);
	return what;
}

void sh_ports_note(struct sh_ports *s)
{
	struct sh_change c;

	while (next_port(s, sh_seen_last(), &c))
		;
	for (unsigned i = 0; i < SH_PORTS; i++)
		(void)link_news(s, i);
}

static void raise_end(struct sh_ports *s, unsigned port, const char was[SH_PORT_NAME])
{
	sh_lock_calm(&s->cb_lock);
	s->telling.ends = port;
	memcpy(s->telling.name, was, SH_PORT_NAME);
	sh_unlock_calm(&s->cb_lock);
	raise_event(s, port, RTE_ETH_EVENT_DESTROY);
	sh_lock_calm(&s->cb_lock);
	s->telling.ends = SH_PORTS;
	sh_unlock_calm(&s->cb_lock);
}

/* it is this thread's turn. What begins meanwhile has its own: who makes it has this process look again */
static void tell(struct sh_ports *s)
{
	uint64_t last = sh_seen_last();
	struct sh_change c;

	sh_dev_events(s, last);
	while (next_port(s, last, &c))
		if (c.began)
			raise_event(s, c.row, RTE_ETH_EVENT_NEW);
		else
			raise_end(s, c.row, c.name);
	for (unsigned i = 0; i < SH_PORTS; i++) {
		unsigned what = link_news(s, i);

		if ((what & LINK) != 0)
			raise_event(s, i, RTE_ETH_EVENT_INTR_LSC);
		if ((what & REMOVED) != 0)
			raise_event(s, i, RTE_ETH_EVENT_INTR_RMV);
	}
}

/* with cb_lock */
static bool my_turn(const struct sh_ports *s)
{
	return s->telling.on && pthread_equal(s->telling.by, pthread_self()) != 0;
}

/* true: it is this thread's turn, and cb_lock is held. Else it is left to who has the turn */
static bool take_turn(struct sh_ports *s)
{
	uint64_t dl = sh_deadline(TURN_NS);

	sh_lock_calm(&s->cb_lock);
	while (s->telling.on) {
		uint32_t seen = sh_load_acq(&s->telling.times); /* A:TELLING */

		if (my_turn(s) || sh_left_ns(dl) == 0) {
			s->telling.more = true;
			sh_unlock_calm(&s->cb_lock);
			return false;
		}
		sh_unlock_calm(&s->cb_lock);
		(void)sh_futex_wait(&s->telling.times, seen, dl, SH_FUTEX_ANY, false);
		sh_lock_calm(&s->cb_lock);
	}
	s->telling.on = true;
	s->telling.by = pthread_self();
	s->telling.ends = SH_PORTS;
	return true;
}

void sh_ports_events(void)
{
	struct sh_ports *s = sh_ports();

	if (s == NULL || !take_turn(s))
		return;
	do {
		s->telling.more = false;
		sh_unlock_calm(&s->cb_lock);
		tell(s);
		sh_lock_calm(&s->cb_lock);
	} while (s->telling.more);
	s->telling.on = false;
	(void)sh_add(&s->telling.times, 1); /* R:TELLING */
	sh_unlock_calm(&s->cb_lock);
	sh_futex_wake(&s->telling.times, INT_MAX, SH_FUTEX_ANY, false);
}

bool sh_port_ends(unsigned port, char name[SH_PORT_NAME])
{
	struct sh_ports *s = sh_ports();
	bool r;

	if (s == NULL)
		return false;
	sh_lock_calm(&s->cb_lock);
	r = my_turn(s) && s->telling.ends == port;
	if (r)
		memcpy(name, s->telling.name, SH_PORT_NAME);
	sh_unlock_calm(&s->cb_lock);
	return r;
}

unsigned sh_port_ends_named(const char *name)
{
	struct sh_ports *s = sh_ports();
	unsigned port = SH_PORTS;

	if (s == NULL)
		return port;
	sh_lock_calm(&s->cb_lock);
	if (my_turn(s) && s->telling.ends < SH_PORTS && strcmp(s->telling.name, name) == 0)
		port = s->telling.ends;
	sh_unlock_calm(&s->cb_lock);
	return port;
}

/* ---- as drivers see it ---- */

void sh_port_link_put(struct sh_port *p, bool up, uint32_t speed, bool full_duplex, bool autoneg)
{
	union {
		struct rte_eth_link link;
		uint64_t word;
	} new = {.word = 0};

	new.link.link_speed = speed;
	new.link.link_duplex = full_duplex;
	new.link.link_autoneg = autoneg;
	new.link.link_status = up;
	if (sh_xchg(&p->link, new.word) != new.word)
		(void)sh_add(&p->link_n, 1); /* R:PORTLINK */
}

void sh_port_link_set(struct sh_port *p, bool up, uint32_t speed, bool full_duplex, bool autoneg)
{
	uint64_t before = sh_load_acq(&p->link_n); /* A:PORTLINK */

	sh_port_link_put(p, up, speed, full_duplex, autoneg);
	if (sh_load_acq(&p->link_n) != before && sh_load_acq(&p->want_lsc) != 0) /* A:PORTLINK A:PORTSET */
		sh_ports_tell();
}

void sh_port_vanished(struct sh_port *p)
{
	sh_store_rel(&p->gone, 1); /* R:PORTLINK */
	sh_port_link_put(p, false, RTE_ETH_SPEED_NUM_NONE, false, false);
	sh_ports_tell();
}

/* ---- registering ---- */

static int start_teller(struct sh_ports *s)
{
	struct sh_teller *t = calloc(1, sizeof(*t));
	int r;

	if (t == NULL)
		return -ENOMEM;
	r = sh_thread_start(&t->t, "shoal-ports", teller, t);
	if (r < 0) {
		sh_err("the thread that tells of ports cannot start: %s; look for limits of this process (ulimit -u)",
		       strerror(-r));
		free(t);
		return r;
	}
	s->teller = t;
	return 0;
}

int sh_teller_start(struct sh_ports *s)
{
	int r;

	sh_lock_calm(&s->cb_lock);
	r = s->teller == NULL ? start_teller(s) : 0;
	sh_unlock_calm(&s->cb_lock);
	return r;
}

static int check(uint16_t port, enum rte_eth_event_type event, rte_eth_dev_cb_fn fn, const char *what)
{
	if (sh_ports() == NULL || (port != RTE_ETH_ALL && sh_port(port) == NULL)) {
		sh_err("%s: there is no port %u", what, port);
		return -EINVAL; /* not -ENODEV: as programs of DPDK know it */
	}
	if (sh_self() == 0)
		return -EPERM;
	if (fn == NULL || event >= RTE_ETH_EVENT_MAX) {
		sh_err("%s: %s", what, fn == NULL ? "no function is given" : "there is no such event");
		return -EINVAL;
	}
	return 0;
}

static struct sh_event_cb *find(struct sh_ports *s, uint16_t port, enum rte_eth_event_type event, rte_eth_dev_cb_fn fn,
				const void *arg)
{
	struct sh_event_cb *cb = s->cbs;

	while (cb != NULL &&
	       (cb->port != port || cb->event != event || cb->fn != fn || (arg != (const void *)-1 && cb->arg != arg)))
		cb = cb->next;
	return cb;
}

SH_EXPORT int rte_eth_dev_callback_register(uint16_t port_id, enum rte_eth_event_type event, rte_eth_dev_cb_fn cb_fn,
					    void *cb_arg)
{
	int r = check(port_id, event, cb_fn, "rte_eth_dev_callback_register");
	struct sh_ports *s = sh_ports();
	struct sh_event_cb *cb, **at;

	if (r < 0)
		return r;
	cb = calloc(1, sizeof(*cb));
	if (cb == NULL)
		return -ENOMEM;
	*cb = (struct sh_event_cb){.port = port_id, .event = event, .fn = cb_fn, .arg = cb_arg};
	if (!sh_listened())
		sh_ports_events(); /* what happened before is not told */
	sh_lock_calm(&s->cb_lock);
	r = s->teller == NULL ? start_teller(s) : 0;
	if (r == 0 && find(s, port_id, event, cb_fn, cb_arg) == NULL) {
		for (at = &s->cbs; *at != NULL; at = &(*at)->next)
			;
		*at = cb;
		cb = NULL;
	}
	sh_unlock_calm(&s->cb_lock);
	free(cb);
	return r;
}

SH_EXPORT int rte_eth_dev_callback_unregister(uint16_t port_id, enum rte_eth_event_type event, rte_eth_dev_cb_fn cb_fn,
					      void *cb_arg)
{
	int r = check(port_id, event, cb_fn, "rte_eth_dev_callback_unregister");
	struct sh_ports *s = sh_ports();
	struct sh_event_cb *cb, **at;

	if (r < 0)
		return r;
	sh_lock_calm(&s->cb_lock);
	while (r == 0 && (cb = find(s, port_id, event, cb_fn, cb_arg)) != NULL) {
		if (cb->running > 0) {
			r = -EAGAIN;
			break;
		}
		for (at = &s->cbs; *at != cb; at = &(*at)->next)
			;
		*at = cb->next;
		free(cb);
	}
	sh_unlock_calm(&s->cb_lock);
	return r;
}
