/* SPDX-License-Identifier: BSD-3-Clause */
/* table.c - the table of ports: rows made, found, removed; seats, and what is mended in the place of the dead. See README.md. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_memzone.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/futex.h"
#include "base/log.h"
#include "mem/mem.h"
#include "pkt/kif.h"
#include "pkt/port.h"
#include "proc/proc.h"

#define SEAT_PATIENCE_NS (5 * SH_NS_PER_S)
#define LOOK_NS (10 * SH_NS_PER_MS)

static void nap(uint64_t ns)
{
	_Atomic uint32_t none = 0;

	(void)sh_futex_wait(&none, 0, sh_deadline(ns), SH_FUTEX_ANY, false);
}

bool sh_gone(sh_id_t id)
{
	return sh_id_slot(id) >= SH_MEMBERS || !sh_member_alive(id) || sh_member_probe(id) == 1;
}

struct sh_table *sh_table(bool make)
{
	struct sh_ports *s = sh_ports();
	const struct rte_memzone *mz;
	struct sh_table *t;

	if (s == NULL)
		return NULL;
	t = sh_load_acq(&s->table); /* A:PORTTAB */
	if (t != NULL)
		return t;
	mz = sh_zone_lookup("EP_TABLE");
	if (mz == NULL && make) {
		mz = rte_memzone_reserve_aligned("EP_TABLE", sizeof(*t), SOCKET_ID_ANY, 0, SH_LINE);
		if (mz == NULL)
			mz = sh_zone_lookup("EP_TABLE"); /* somebody else was faster */
	}
	if (mz == NULL || mz->len < sizeof(*t))
		return NULL;
	t = mz->addr;
	sh_store_rel(&s->table, t); /* R:PORTTAB */
	return t;
}

/* ---- seats ---- */

int sh_seat_take(_Atomic uint64_t *seat, const char *what)
{
	uint64_t dl = sh_deadline(SEAT_PATIENCE_NS), look = sh_deadline(SH_NS_PER_MS), seen, self = sh_self();

	if (self == 0)
		return -EPERM;
	for (;;) {
		seen = 0;
		sh_calm_begin(); /* until the seat is left: a handler of this thread may want it. Who waits can be interrupted */
		if (sh_cas(seat, &seen, self)) /* A:PORTSEAT */
			return 0;
		if (sh_left_ns(look) == 0) {
			if (seen != self && sh_gone(seen) && sh_cas(seat, &seen, self)) /* A:PORTSEAT */
				return 1;
			look = sh_deadline(LOOK_NS);
		}
		sh_calm_end();
		if (sh_left_ns(dl) == 0)
			break;
		nap(SH_NS_PER_MS / 10);
	}
	sh_err("%s: member %u (generation %u) has been configuring it for 5 s; if it is stopped, let it go on (kill "
	       "-CONT) "
	       "or end it",
	       what, sh_id_slot(seen), sh_id_gen(seen));
	return -EBUSY;
}

void sh_seat_leave(_Atomic uint64_t *seat)
{
	uint64_t self = sh_self();

	SH_STEP("port_seat_leaving");
	(void)sh_cas(seat, &self, 0); /* R:PORTSEAT */
	sh_calm_end();
}

/* what a dead one was doing with this port is undone, or brought to its end; the caller has the seat */
static void mend(struct sh_port *p)
{
	uint32_t op = sh_load_rlx(&p->op); /* relaxed: under the seat */
	struct sh_here *h;
	struct sh_queue *q;

	if ((sh_load_rlx(&p->rss.gen) & 1) != 0) /* relaxed: under the seat */
		sh_rss_changed(&p->rss);
	if (op == SH_OP_NONE || op == SH_OP_LITTLE)
		return;
	sh_warn("port %u: the process that configured it died in the middle: %s", p->id,
		op == SH_OP_CONFIGURE ? "it has no configuration now"
		: op == SH_OP_QUEUE   ? "the queue is not set up"
				      : "it is stopped now");
	h = sh_here(p->id, NULL);
	if (h == NULL)
		return;
	if (op == SH_OP_QUEUE && (p->op_queue & 0xffff) < sh_records(p).room) {
		q = (p->op_queue >> 16) != 0 ? sh_txq(p, p->op_queue & 0xffff) : sh_rxq(p, p->op_queue & 0xffff);
		sh_store_rel(&q->state, SH_Q_NONE); /* R:QSTATE */
	} else {
		(void)sh_port_halt(h);
		if (op == SH_OP_CONFIGURE)
			sh_port_unset(h);
	}
	sh_here_put(h);
}

static bool is_ready(const struct sh_port *p, uint64_t serial)
{
	uint64_t state = sh_load_acq(&p->state); /* A:PORTROW */

	return (state & SH_PORT_READY) != 0 && (serial == 0 || state == (SH_PORT_READY | serial));
}

int sh_port_enter(struct sh_port *p, uint64_t serial, enum sh_port_op op)
{
	char what[24];
	int r;

	(void)snprintf(what, sizeof(what), "port %u", p->id);
	r = sh_seat_take(&p->seat, what);
	if (r < 0)
		return r;
	if (!is_ready(p, serial)) {
		sh_seat_leave(&p->seat);
		return -ENODEV;
	}
	if (r == 1)
		mend(p);
	sh_store_rlx(&p->op, op); /* relaxed: read by who takes the seat from me after my death, which orders it */
	SH_STEP("port_seated");
	return 0;
}

void sh_port_leave(struct sh_port *p)
{
	sh_store_rlx(&p->op, SH_OP_NONE); /* relaxed: as above */
	sh_seat_leave(&p->seat);
}

/* ---- rows ---- */

struct sh_port *sh_port(unsigned id)
{
	struct sh_table *t = id < SH_PORTS ? sh_table(false) : NULL;
	struct sh_port *p = t != NULL ? &t->row[id] : NULL;

	uint64_t serial = p != NULL ? sh_serial(p) : 0;

	return serial != 0 && sh_load_rlx(&sh_ports()->closed[id]) != serial ? p
									     : NULL; /* relaxed: this process' own */
}

struct sh_port *sh_port_named(const char *name)
{
	struct sh_ports *s = sh_ports();
	struct sh_port *p = NULL;

	if (s == NULL)
		return NULL;
	sh_lock_calm(&s->lock);
	for (unsigned i = 0; i < SH_PORTS; i++) {
		p = sh_port(i);
		if (p != NULL && strcmp(p->name, name) == 0)
			break;
		p = NULL;
	}
	sh_unlock_calm(&s->lock);
	return p;
}

static void zone_name(char *buf, size_t cap, unsigned id)
{
	(void)snprintf(buf, cap, "EP_%u", id);
}

/* what a row has beside itself goes; its maker or remover is me, or dead. By name: a dead maker may not have noted the zone */
static void clear(struct sh_port *p)
{
	const struct sh_driver *drv = sh_driver_named(p->driver);
	char name[RTE_MEMZONE_NAMESIZE];
	const struct rte_memzone *mz;
	struct sh_ports *s = sh_ports();

	if (p->shared != NULL && drv != NULL && drv->remove != NULL)
		drv->remove(p);
	SH_STEP("port_removed");
	sh_lock_calm(&s->lock);
	p->shared = NULL;
	sh_unlock_calm(&s->lock);
	zone_name(name, sizeof(name), p->id);
	mz = sh_zone_lookup(name);
	if (mz != NULL)
		(void)sh_zone_free(mz);
	sh_lock_calm(&s->lock);
	p->mz = NULL;
	p->driver[0] = '\0';
	p->configured = 0;
	sh_queues_are(p, 0, 0);
	sh_unlock_calm(&s->lock);
	sh_port_fds_sweep();
	sh_store_rel(&p->state, 0); /* R:PORTROW */
	SH_STEP("port_row_free");
}

/* rows of dead makers and removers; the caller has the table's seat */
static void sweep(struct sh_table *t)
{
	for (unsigned i = 0; i < SH_PORTS; i++) {
		struct sh_port *p = &t->row[i];
		uint64_t state = sh_load_acq(&p->state); /* A:PORTROW */

		if ((state & (SH_PORT_MAKING | SH_PORT_GOING)) == 0)
			continue;
		state &= ~(SH_PORT_MAKING | SH_PORT_GOING);
		if ((state == 0 || sh_gone(state)) && sh_visitor(t, i) == 0) {
			p->id = (uint16_t)i;
			clear(p);
		}
	}
}

/* zeros, but for the records of queues and what others may look at any time */
static void row_begin(struct sh_port *p, unsigned i, const char *name, const struct sh_driver *drv)
{
	p->id = (uint16_t)i;
	p->shared = NULL;
	p->mz = NULL;
	p->socket = 0;
	(void)snprintf(p->name, sizeof(p->name), "%s", name);
	(void)snprintf(p->driver, sizeof(p->driver), "%s", drv->name);
	memset(&p->caps, 0, sizeof(p->caps));
	memset(&p->conf, 0, sizeof(p->conf));
	memset(&p->rss, 0, sizeof(p->rss));
	p->configured = 0;
	sh_queues_are(p, 0, 0);
	sh_store_rlx(&p->op, SH_OP_NONE); /* relaxed, as what follows: nobody looks before READY */
	sh_store_rlx(&p->run, 0);
	sh_store_rlx(&p->gone, 0);
	sh_store_rlx(&p->want_lsc, 0);
	sh_store_rlx(&p->promisc, 0);
	sh_store_rlx(&p->allmulti, 0);
	sh_store_rlx(&p->own_id, 0);
	sh_store_rlx(&p->link, 0);
	sh_store_rlx(&p->link_mtu, 0);
	for (unsigned k = 0; k < SH_MACS; k++)
		sh_store_rlx(&p->mac[k], 0);
}

static int row_zone(struct sh_port *p, const struct sh_driver *drv, const char *args)
{
	size_t shared = RTE_ALIGN_CEIL(drv->shared + 1, (size_t)SH_LINE), n = strlen(args) + 1;
	char name[RTE_MEMZONE_NAMESIZE];
	const struct rte_memzone *mz;

	zone_name(name, sizeof(name), p->id);
	mz = rte_memzone_reserve_aligned(name, shared + n, SOCKET_ID_ANY, 0, SH_LINE);
	if (mz == NULL)
		return -rte_errno;
	SH_STEP("port_zone_there");
	memset(mz->addr, 0, shared);
	memcpy((char *)mz->addr + shared, args, n);
	p->args = (char *)mz->addr + shared;
	p->mz = mz;
	p->shared = mz->addr;
	return 0;
}

/*
 * Attached here, then there for all: a port that its maker cannot use was never there. Under the lock, so that nobody of this
 * process attaches it once more in between.
 */
static int attach_and_show(struct sh_table *t, struct sh_port *p)
{
	struct sh_ports *s = sh_ports();
	struct sh_here *h = NULL;
	int r;

	p->serial = sh_add(&t->serial, 1) + 1; /* R:PORTSER */
	sh_lock_calm(&s->lock);
	if (s->here[p->id] != NULL) /* of a port that was here before */
		sh_here_drop(s, s->here[p->id]);
	r = sh_here_new(p, p->serial, &h);
	if (r == 0) {
		SH_STEP("port_attached");
		s->here[p->id] = h;
		sh_store_rel(&p->state, SH_PORT_READY | p->serial); /* R:PORTROW */
	}
	sh_unlock_calm(&s->lock);
	return r;
}

/* in row i, with the table's seat */
static int make(struct sh_table *t, unsigned i, const struct sh_driver *drv, const char *name, const char *args)
{
	struct sh_port *p = &t->row[i];
	int r;

	sh_store_rel(&p->state, SH_PORT_MAKING | sh_self()); /* R:PORTROW */
	SH_STEP("port_making");
	sh_lock_calm(&sh_ports()->lock);
	row_begin(p, i, name, drv);
	sh_unlock_calm(&sh_ports()->lock);
	r = row_zone(p, drv, args);
	if (r == 0 && drv->args != NULL)
		r = drv->args(p);
	if (r == 0)
		r = drv->probe(p);
	SH_STEP("port_probed");
	if (r == 0)
		r = attach_and_show(t, p);
	if (r < 0) {
		clear(p);
		return r;
	}
	SH_STEP("port_ready");
	return 0;
}

/* a free row; -EEXIST and where the name is; -EAGAIN: it is one's that goes, whose rings and files may be there yet */
static int place(struct sh_table *t, const char *name, unsigned *id)
{
	int at = -ENOSPC;

	for (unsigned i = SH_PORTS; i-- > 0;) {
		struct sh_port *p = &t->row[i];
		uint64_t state = sh_load_acq(&p->state); /* A:PORTROW */

		if (state == 0)
			at = (int)i;
		else if ((state & SH_PORT_READY) != 0 && strcmp(p->name, name) == 0)
			return *id = i, -EEXIST;
		else if ((state & SH_PORT_GOING) != 0 && strcmp(p->name, name) == 0)
			return -EAGAIN;
	}
	return at;
}

/* 0 and *id; or as place() and make() say. A former one of this name that goes is waited for: its remover waits itself, so long */
static int place_and_make(struct sh_table *t, const struct sh_driver *drv, const char *name, const char *args,
			  unsigned *id)
{
	uint64_t dl = sh_deadline(2 * SH_INSIDE_NS);
	int r;

	for (;;) {
		r = sh_seat_take(&t->seat, "the table of ports");
		if (r < 0)
			return r;
		sweep(t);
		r = place(t, name, id);
		if (r >= 0) {
			unsigned at = (unsigned)r;

			r = make(t, at, drv, name, args);
			if (r == 0)
				*id = at;
			sh_seat_leave(&t->seat);
			return r;
		}
		sh_seat_leave(&t->seat);
		if (r != -EAGAIN || sh_left_ns(dl) == 0)
			return r;
		nap(SH_NS_PER_MS / 10);
	}
}

int sh_port_make(const char *name, const char *args, unsigned *id)
{
	const struct sh_driver *drv = sh_driver_of(name);
	struct sh_table *t;
	int r;

	if (sh_self() == 0)
		return -EPERM;
	if (drv == NULL)
		return -ENODEV;
	if (drv->primary && !sh_is_primary()) {
		sh_err("%s: its driver works in the primary alone: make it there, or by rte_eal_hotplug_add(), which "
		       "has the "
		       "primary do it",
		       name);
		return -ENOTSUP;
	}
	t = sh_table(true);
	if (t == NULL)
		return -ENOMEM;
	r = place_and_make(t, drv, name, args != NULL ? args : "", id);
	if (r == -EEXIST)
		sh_store_rlx(&sh_ports()->closed[*id], 0); /* relaxed: as in sh_port(). This process wants it again */
	if (r == -EAGAIN) {
		sh_err("%s: a port of this name was removed, and somebody is inside a call on it yet; if it is "
		       "stopped, let "
		       "it go on (kill -CONT) or end it",
		       name);
		r = -EBUSY;
	}
	return r;
}

void sh_port_drop(struct sh_port *p)
{
	struct sh_table *t = sh_table(false);
	struct sh_ports *s = sh_ports();

	sh_store_rel(&p->state, SH_PORT_GOING | sh_self()); /* R:PORTROW */
	SH_STEP("port_going");
	sh_lock_calm(&s->lock);
	if (s->here[p->id] != NULL)
		sh_here_drop(s, s->here[p->id]);
	sh_unlock_calm(&s->lock);
	sh_seat_leave(&p->seat);
	if (sh_visits_wait(t, p->id) < 0 || sh_seat_take(&t->seat, "the table of ports") < 0) {
		sh_store_rel(&p->state, SH_PORT_GOING); /* R:PORTROW; gone for all; cleared by who makes one later */
		return;
	}
	clear(p);
	sh_seat_leave(&t->seat);
}

int sh_port_unmake(unsigned id)
{
	struct sh_here *h;
	int r, err;

	h = sh_here(id, &err);
	if (h == NULL)
		return err;
	if (h->drv->primary && !sh_is_primary()) {
		sh_err("%s: its driver works in the primary alone: remove it there, or by rte_eal_hotplug_remove(), "
		       "which has "
		       "the primary do it",
		       h->p->name);
		sh_here_put(h);
		return -ENOTSUP;
	}
	r = sh_port_enter(h->p, h->serial, SH_OP_STOP);
	if (r == 0) {
		r = sh_not_inside(h->p, sh_port_halt(h));
		if (r < 0)
			sh_port_leave(h->p);
		else
			sh_port_drop(h->p);
	}
	sh_here_put(h);
	return r;
}

int sh_port_fd_name(const struct sh_port *p, const char *what, char *buf, size_t cap)
{
	int n = snprintf(buf, cap, "eth/%llu/%s", (unsigned long long)p->serial, what);

	return n < 0 || (size_t)n >= cap ? -ENAMETOOLONG : 0;
}
