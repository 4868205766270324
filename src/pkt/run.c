/* SPDX-License-Identifier: BSD-3-Clause */
/* run.c - ports and queues started, stopped, closed. With the port's seat; events are told after it. */
#include <errno.h>

#include "base/export.h"
#include "base/fault.h"
#include "base/log.h"
#include "pkt/port.h"
#include "pkt/vdev.h"
#include "proc/proc.h"

/* what the driver said of the link meanwhile is told, if anybody wants to know */
static void tell_link(const struct sh_port *p, uint64_t before)
{
	if (sh_load_acq(&p->link_n) != before && sh_load_acq(&p->want_lsc) != 0) /* A:PORTLINK A:PORTSET */
		sh_ports_tell();
}

/* DPDK starts such a port, too */
static void say_not_set_up(const struct sh_port *p)
{
	unsigned none[2] = {0, 0}, first[2] = {0, 0}, n[2] = {p->nb_rxq, p->nb_txq};

	for (unsigned tx = 0; tx < 2; tx++)
		for (unsigned i = n[tx]; i-- > 0;)
			if (sh_load_acq(&(tx ? sh_txq(p, i) : sh_rxq(p, i))->state) == SH_Q_NONE) /* A:QSTATE */
				none[tx]++, first[tx] = i;
	if (none[0] + none[1] > 0)
		sh_warn("port %u (%s): %u of %u rx queues (rx queue %u first) and %u of %u tx queues (tx queue %u "
			"first) were not set up: bursts there give 0",
			p->id, p->name, none[0], n[0], first[0], none[1], n[1], first[1]);
}

static int start(struct sh_here *h)
{
	struct sh_port *p = h->p;
	struct sh_records rec;
	int r;

	if (!p->configured) {
		sh_err("port %u (%s): cannot be started before rte_eth_dev_configure()", p->id, p->name);
		return -EINVAL;
	}
	if (sh_load_acq(&p->run) != 0) /* A:PORTRUN */
		return 0;
	if (sh_load_acq(&p->gone) != 0) { /* A:PORTLINK */
		sh_err("port %u (%s): cannot be started: its interface or device is not there any more; close the port "
		       "and make it anew",
		       p->id, p->name);
		return -EIO;
	}
	r = sh_not_inside(
		p,
		sh_queues_empty(h)); /* a stop that said -EBUSY: who is inside still would go on in what begins now */
	if (r < 0)
		return r;
	say_not_set_up(p);
	SH_STEP("port_starting");
	r = h->drv->start != NULL ? h->drv->start(h) : 0;
	if (r < 0)
		return r;
	rec = sh_records(p);
	for (unsigned i = 0; i < 2 * rec.room; i++) {
		struct sh_queue *q = &rec.q[i];

		if (sh_load_acq(&q->state) == SH_Q_STOPPED && !q->deferred) /* A:QSTATE */
			sh_store_rel(&q->state, SH_Q_RUN);		    /* R:QSTATE */
	}
	if (++p->starts == 0)
		p->starts = 1;
	sh_store_rel(&p->run, p->starts); /* R:PORTRUN */
	return 0;
}

SH_EXPORT int rte_eth_dev_start(uint16_t port_id)
{
	int r;
	struct sh_here *h = sh_port_begin_driver(port_id, "rte_eth_dev_start", SH_OP_START, &r);
	uint64_t link;

	if (h == NULL)
		return r;
	link = sh_load_acq(&h->p->link_n); /* A:PORTLINK */
	r = start(h);
	sh_port_leave(h->p);
	if (r == 0 && h->drv->keep != NULL)
		sh_ports_tell(); /* so that all have what they need when this process dies */
	else if (r == 0)
		tell_link(h->p, link);
	sh_here_put(h);
	return r;
}

int sh_port_halt(struct sh_here *h)
{
	struct sh_port *p = h->p;
	int r, s;

	sh_store_rel(&p->run, 0); /* R:PORTRUN */
	SH_STEP("port_stopping");
	r = sh_queues_take(h, NULL);
	s = h->drv->stop != NULL ? h->drv->stop(h) : 0;
	return r < 0 ? r : s;
}

SH_EXPORT int rte_eth_dev_stop(uint16_t port_id)
{
	int r;
	struct sh_here *h = sh_port_begin_driver(port_id, "rte_eth_dev_stop", SH_OP_STOP, &r);
	uint64_t link;

	if (h == NULL)
		return r;
	link = sh_load_acq(&h->p->link_n);			/* A:PORTLINK */
	r = sh_load_acq(&h->p->run) != 0 ? sh_port_halt(h) : 0; /* A:PORTRUN */
	r = r == -EDEADLK ? 0 : r; /* the burst that it was called from goes on with what it has, and is the last one */
	sh_port_leave(h->p);
	tell_link(h->p, link);
	sh_here_put(h);
	return r;
}

/* a secondary closes a port for itself: it is the group's */
static int close_here(struct sh_here *h)
{
	struct sh_ports *s = sh_ports();

	for (unsigned k = 0; k < sh_records(h->p).room; k++) {
		(void)sh_queue_give(h->p->id, false, k);
		(void)sh_queue_give(h->p->id, true, k);
	}
	sh_lock_calm(&s->lock);
	sh_store_rlx(&s->closed[h->id], h->serial); /* relaxed: this process' own word */
	if (s->here[h->id] == h)
		sh_here_drop(s, h);
	sh_unlock_calm(&s->lock);
	return 0;
}

/*
 * From inside a burst of this thread, which would find its memory gone: the port is none for this process any more, and closed for
 * all by the next burst that this thread wants there, or when the process leaves.
 */
static int close_later(struct sh_here *h)
{
	struct sh_ports *s = sh_ports();

	sh_store_rlx(&s->late[h->id], h->serial); /* relaxed: this process' own word */
	return close_here(h);
}

void sh_ports_close_late(struct sh_ports *s)
{
	for (unsigned i = 0; i < SH_PORTS; i++) {
		uint64_t serial = sh_xchg(&s->late[i], 0);

		if (serial == 0 || sh_load_rlx(&s->closed[i]) != serial) /* relaxed: this process' own word */
			continue;
		sh_store_rlx(&s->closed[i], 0); /* relaxed: as above */
		if (sh_port(i) != NULL && sh_port(i)->serial == serial)
			(void)rte_eth_dev_close((uint16_t)i);
	}
}

SH_EXPORT int rte_eth_dev_close(uint16_t port_id)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, "rte_eth_dev_close", SH_OP_STOP, &r);

	if (h == NULL)
		return r;
	if (sh_load_acq(&h->p->run) != 0) { /* A:PORTRUN */
		sh_err("port %u (%s): cannot be closed while it is started; rte_eth_dev_stop() comes first", h->p->id,
		       h->p->name);
		r = -EINVAL;
	} else if (!sh_was_primary()) {
		r = close_here(h);
	} else {
		r = sh_queues_take(h, NULL);
		if (r == -EDEADLK)
			r = close_later(h);
		else if (r == 0) {
			sh_port_unset(h);
			sh_device_closed(h->p);
			sh_port_drop(h->p); /* the seat is gone with it */
			sh_here_put(h);
			sh_ports_tell();
			return 0;
		}
	}
	sh_port_end(h, SH_OP_STOP);
	sh_ports_events();
	return r;
}

SH_EXPORT int rte_eth_dev_reset(uint16_t port_id)
{
	int r;
	struct sh_here *h = sh_port_begin_driver(port_id, "rte_eth_dev_reset", SH_OP_CONFIGURE, &r);

	if (h == NULL)
		return r;
	r = sh_not_inside(h->p, sh_port_halt(h));
	if (r == 0)
		sh_port_unset(h);
	sh_port_end(h, SH_OP_CONFIGURE);
	return r;
}

/* ---- single queues ---- */

static int queue_run(uint16_t port_id, uint16_t id, bool tx, bool on, const char *fn)
{
	int r;
	struct sh_here *h = sh_port_begin(port_id, fn, SH_OP_LITTLE, &r);
	struct sh_port *p;
	struct sh_queue *q;

	if (h == NULL)
		return r;
	p = h->p;
	q = sh_queue_of(p, tx, id);
	if (sh_load_acq(&p->run) == 0 || q == NULL || sh_load_acq(&q->state) == SH_Q_NONE) { /* A:PORTRUN A:QSTATE */
		sh_err("%s: port %u is not started, or queue %u not set up", fn, port_id, id);
		r = -EINVAL;
	} else if (on) {
		sh_store_rel(&q->state, SH_Q_RUN); /* R:QSTATE */
	} else {
		sh_store_rel(&q->state, SH_Q_STOPPED); /* R:QSTATE */
		r = sh_queues_take(h, q);
		r = r == -EDEADLK ? 0 : r; /* as rte_eth_dev_stop() */
	}
	sh_port_end(h, SH_OP_LITTLE);
	return r;
}

SH_EXPORT int rte_eth_dev_rx_queue_start(uint16_t port_id, uint16_t rx_queue_id)
{
	return queue_run(port_id, rx_queue_id, false, true, "rte_eth_dev_rx_queue_start");
}

SH_EXPORT int rte_eth_dev_rx_queue_stop(uint16_t port_id, uint16_t rx_queue_id)
{
	return queue_run(port_id, rx_queue_id, false, false, "rte_eth_dev_rx_queue_stop");
}

SH_EXPORT int rte_eth_dev_tx_queue_start(uint16_t port_id, uint16_t tx_queue_id)
{
	return queue_run(port_id, tx_queue_id, true, true, "rte_eth_dev_tx_queue_start");
}

SH_EXPORT int rte_eth_dev_tx_queue_stop(uint16_t port_id, uint16_t tx_queue_id)
{
	return queue_run(port_id, tx_queue_id, true, false, "rte_eth_dev_tx_queue_stop");
}
