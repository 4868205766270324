/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * owner.c - who has a queue: claimed by the first burst, taken away, taken over from the dead
 *
 * README.md, "The play", has the steps. In this process a queue's entry holds the driver's function only while the process is
 * its owner, or was when it looked last; whoever polls it drops it when it finds that it is not.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_errno.h>

#include "base/clock.h"
#include "base/export.h"
#include "base/fault.h"
#include "base/futex.h"
#include "base/log.h"
#include "obj/obj.h"
#include "pkt/kif.h"
#include "pkt/port.h"
#include "proc/proc.h"

#define PROBE_NS (10 * SH_NS_PER_MS)
#define RETRY_NS (100 * SH_NS_PER_MS) /* after the first time that a queue could not be opened; doubled each time */
#define RETRY_MOST_NS (5 * SH_NS_PER_S)
#define RETRY_SHARE 10 /* a try has one part of so many of the time at most, but for the first one */

/* ---- what could not be opened, or attached: not tried again, with its line, by each burst ---- */

static struct sh_unopened key(struct sh_port *p, uint64_t serial, const struct sh_queue *q)
{
	return (struct sh_unopened){.serial = serial,
				    .run = sh_load_acq(&p->run), /* A:PORTRUN */
				    .port = p->id,
				    .queue = q != NULL ? q->id : SH_NO_QUEUE,
				    .tx = q != NULL && q->tx != 0};
}

/* under the lock, as all of these: where the one of this queue is, or NULL that one more may be put to */
static struct sh_unopened **unopened(struct sh_ports *s, const struct sh_unopened *k)
{
	struct sh_unopened **at = &s->unopened;

	while (*at != NULL && ((*at)->port != k->port || (*at)->tx != k->tx || (*at)->queue != k->queue))
		at = &(*at)->next;
	return at;
}

/* of the same start of the same port; NULL: it is the first time */
static const struct sh_unopened *before(struct sh_ports *s, const struct sh_unopened *k)
{
	const struct sh_unopened *u = *unopened(s, k);

	return u != NULL && u->serial == k->serial && u->run == k->run ? u : NULL;
}

void sh_unopened_now(uint64_t serial)
{
	struct sh_ports *s = sh_ports();

	sh_lock_calm(&s->lock);
	for (struct sh_unopened *u = s->unopened; u != NULL; u = u->next)
		if (u->serial == serial)
			u->at_ns = 0;
	sh_unlock_calm(&s->lock);
}

static void opened(struct sh_ports *s, const struct sh_unopened *k)
{
	struct sh_unopened **at = unopened(s, k), *u = *at;

	if (u == NULL)
		return;
	*at = u->next;
	free(u);
}

/* 0; what it was that could not be, where it is too early to try again. *again: that would not be the first time */
static int too_early(struct sh_ports *s, const struct sh_unopened *k, bool *again)
{
	const struct sh_unopened *u = before(s, k);

	*again = u != NULL;
	return u != NULL && sh_now_ns() < u->at_ns ? u->err : 0;
}

/* the longer it took, the longer it is left alone: a thread that polls has its time for what works */
static void not_opened(struct sh_ports *s, const struct sh_unopened *k, int err, uint64_t took_ns)
{
	struct sh_unopened **at = unopened(s, k), *u = *at;
	bool anew = before(s, k) == NULL;

	if (u == NULL)
		u = *at = calloc(1, sizeof(*u));
	if (u == NULL)
		return;
	if (anew)
		u->wait_ns = RETRY_NS;
	else if (u->wait_ns < RETRY_MOST_NS)
		u->wait_ns *= 2;
	u->wait_ns = RTE_MAX(u->wait_ns, RTE_MIN(RETRY_SHARE * took_ns, RETRY_MOST_NS));
	u->port = k->port;
	u->queue = k->queue;
	u->tx = k->tx;
	u->serial = k->serial;
	u->run = k->run;
	u->err = err;
	u->at_ns = sh_now_ns() + u->wait_ns;
}

void sh_unopened_forget(struct sh_ports *s)
{
	struct sh_unopened *u, *next;

	for (u = s->unopened; u != NULL; u = next) {
		next = u->next;
		free(u);
	}
	s->unopened = NULL;
}

/* ---- bound ---- */

/* under the lock: this process forgets the queue; nobody of it is in a burst there */
static void unbind(struct __rte_eth_queue *e)
{
	struct sh_bound *b = e->own, **at;

	sh_store_rel(SH_ABURST(&e->burst), NULL); /* R:PORTBURST */
	e->own = NULL;
	if (b == NULL)
		return;
	for (at = &sh_ports()->bound; *at != b; at = &(*at)->next)
		;
	*at = b->next;
	if (b->h->drv->shut != NULL)
		b->h->drv->shut(b->h, b->q, &b->io);
	sh_here_unbound(b->h);
	free(b);
}

/* under the lock, of a queue that is mine */
static int bind_queue(struct __rte_eth_queue *e, struct sh_here *h, struct sh_queue *q)
{
	struct sh_bound *b = calloc(1, sizeof(*b));
	int r;

	if (b == NULL)
		return -ENOMEM;
	b->h = h;
	b->q = q;
	r = h->drv->open(h, q, &b->io);
	if (r < 0) {
		free(b);
		return r;
	}
	sh_here_bound(h);
	b->next = sh_ports()->bound;
	sh_ports()->bound = b;
	e->own = b;
	e->data = b->io.data;
	sh_store_rel(SH_ABURST(&e->burst), b->io.burst); /* R:PORTBURST <-> A:PORTBURST in rte_eth_rx_burst() */
	return 0;
}

/* has the one who owns it died? The kernel is asked at most every 10 ms: this is on the way of each burst that is refused */
static bool dead(struct sh_ports *s, sh_id_t id)
{
	uint64_t now = sh_now_ns(), last = sh_load_rlx(&s->probed_ns); /* relaxed: a time, nothing hangs on it */

	if (sh_id_slot(id) >= SH_MEMBERS || !sh_member_alive(id))
		return true;
	if (now - last < PROBE_NS)
		return false;
	sh_store_rlx(&s->probed_ns, now); /* relaxed: as above */
	return sh_member_probe(id) == 1;
}

static int refuse(const struct sh_queue *q, sh_id_t id)
{
	const struct sh_region *r = sh_region();

	sh_log_rate(SH_WARN,
		    "port %u: %s queue %u belongs to member %u (pid %u), which bursts there: 0 packets; use another "
		    "queue, or "
		    "have that one give it away (shoal_eth_queue_leave())",
		    q->port, q->tx ? "tx" : "rx", q->id, sh_id_slot(id),
		    r != NULL ? r->members[sh_id_slot(id) % SH_MEMBERS].pid : 0);
	return -EBUSY;
}

/* polled all the same, for ever; before a port is started nobody need know how many it will have */
static int none(const struct sh_port *p, bool tx, unsigned queue)
{
	unsigned n = tx ? p->nb_txq : p->nb_rxq;

	if (sh_load_acq(&p->run) != 0 && queue >= n) /* A:PORTRUN */
		sh_log_rate(
			SH_WARN,
			"port %u has no %s queue %u: 0 packets; it was configured with %u, which are numbered from 0",
			p->id, tx ? "tx" : "rx", queue, n);
	return -EINVAL;
}

/* owner is me afterwards: 0; -EBUSY somebody else's */
static int claim(struct sh_ports *s, struct sh_queue *q)
{
	uint64_t self = sh_self(), seen = 0, busy;

	if (!sh_cas(&q->owner, &seen, self) && seen != self) { /* A:QOWNER */
		if (!dead(s, seen))
			return refuse(q, seen);
		if (!sh_cas(&q->owner, &seen, self)) /* A:QOWNER */
			return -EBUSY;
		SH_STEP("queue_taken_over");
	}
	SH_STEP("queue_claimed");
	busy = sh_load_acq(&q->busy);			   /* A:QBUSY */
	if (busy != 0 && busy != self && !sh_gone(busy)) { /* it was stopped inside while the queue was taken from it */
		(void)sh_cas(&q->owner, &self, 0);	   /* R:QOWNER */
		return refuse(q, busy);
	}
	return 0;
}

static bool runs(const struct sh_port *p, const struct sh_queue *q)
{
	return sh_load_sc(&p->run) != 0 && sh_load_acq(&q->state) == SH_Q_RUN; /* A:QSTATE */
}

/* of a queue that is mine. Inside, as in a burst: who stops the port, or removes it, waits until the driver has opened it.
 * Said the first time only */
static int open_inside(struct sh_ports *s, struct sh_here *h, struct sh_queue *q, const struct sh_unopened *k,
		       bool again)
{
	uint64_t began = sh_now_ns();
	int r = -ENETDOWN;
	bool was;

	sh_store_rlx(&q->thread, sh_this_thread()); /* relaxed: before busy */
	sh_store_rel(&q->busy, sh_self());	    /* R:QINSIDE */
	sh_fence(); /* owner and busy before run; partner: the fence in sh_queues_take() */
	SH_STEP("queue_opening");
	if (runs(h->p, q)) {
		was = sh_log_hush(again);
		r = sh_seek_said(h->p, bind_queue(sh_entry(s, h->id, q->tx != 0, q->id), h, q));
		(void)sh_log_hush(was);
		if (r < 0)
			not_opened(s, k, r, sh_now_ns() - began);
		else
			opened(s, k);
	}
	sh_store_rel(&q->busy, 0); /* R:QBUSY */
	return r;
}

/* 0 and the entry is ready, or -errno */
static int take(struct sh_ports *s, struct sh_here *h, bool tx, unsigned queue)
{
	struct sh_port *p = h->p;
	uint64_t self = sh_self();
	struct sh_unopened k;
	struct sh_queue *q;
	bool again = false;
	int r;

	q = sh_queue_of(p, tx, queue);
	if (q == NULL)
		return none(p, tx, queue);
	if (!runs(p, q))
		return -ENETDOWN;
	k = key(p, h->serial, q);
	r = too_early(s, &k, &again);
	if (r == 0)
		r = claim(s, q);
	if (r < 0)
		return r;
	if (sh_entry(s, p->id, tx, queue)->burst == NULL) {
		r = open_inside(s, h, q, &k, again);
	} else {	    /* it is open, and another thread may be inside */
		sh_fence(); /* owner before run; partner: the fence in sh_queues_take() */
		r = runs(p, q) ? 0 : -ENETDOWN;
	}
	if (r < 0)
		(void)sh_cas(&q->owner, &self, 0); /* R:QOWNER; not mine any more: it was taken away meanwhile */
	return r;
}

/* as sh_here(), for a burst, which comes again at once. Said the first time only */
static struct sh_here *here_of(struct sh_ports *s, unsigned port, int *err)
{
	struct sh_port *p = sh_self() != 0 ? sh_port(port) : NULL;
	bool again = false, there, was;
	struct sh_unopened k;
	struct sh_here *h;
	uint64_t began;

	if (p == NULL)
		return sh_here_now(port, false, err);
	k = key(p, sh_serial(p), NULL);
	sh_lock_calm(&s->lock);
	there = s->here[port] != NULL && s->here[port]->serial == k.serial;
	*err = there ? 0 : too_early(s, &k, &again);
	sh_unlock_calm(&s->lock);
	if (*err < 0)
		return NULL;
	began = sh_now_ns();
	was = sh_log_hush(again);
	h = sh_here_now(port, false, err);
	if (h == NULL)
		(void)sh_seek_said(p, *err);
	(void)sh_log_hush(was);
	if (there)
		return h;
	sh_lock_calm(&s->lock);
	if (h == NULL)
		not_opened(s, &k, *err, sh_now_ns() - began);
	else
		opened(s, &k);
	sh_unlock_calm(&s->lock);
	return h;
}

struct __rte_eth_queue *sh_queue_claim(unsigned port, bool tx, unsigned queue)
{
	struct sh_ports *s = sh_ports();
	struct sh_here *h;
	int r;

	if (s == NULL || port >= SH_PORTS || queue >= SH_QUEUES) {
		rte_errno = s == NULL ? ENODEV : EINVAL;
		return NULL;
	}
	sh_calm_begin(); /* a handler may stop the port, and would wait for what it interrupted */
	h = here_of(s, port, &r);
	if (h != NULL) {
		sh_lock_calm(&s->lock);
		r = take(s, h, tx, queue);
		sh_unlock_calm(&s->lock);
		sh_here_put(h);
	}
	sh_calm_end();
	if (r == 0)
		return sh_entry(s, port, tx, queue);
	rte_errno = -r;
	return NULL;
}

uint16_t sh_queue_lost(struct sh_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	struct sh_ports *s = sh_ports();
	struct __rte_eth_queue *e;
	struct sh_bound *b;

	unsigned port = q->port % SH_PORTS, id = q->id % SH_QUEUES;
	bool tx = q->tx != 0;

	if (s == NULL || sh_self() == 0)
		return 0;
	sh_calm_begin();
	sh_lock_calm(&s->lock);
	e = sh_entry(s, port, tx, id);
	b = e->own;
	if (b != NULL && b->q == q)
		unbind(e);
	sh_unlock_calm(&s->lock);
	sh_calm_end();
	if (sh_load_rlx(&s->late[port]) != 0 && /* relaxed: this thread's, whose burst is over */
	    sh_load_rlx(&q->thread) == sh_this_thread())
		sh_ports_close_late(s);
	e = sh_queue_claim(port, tx, id);
	return e != NULL ? e->burst(e->data, pkts, n) : 0;
}

/* ---- taken away ---- */

static void barrier(void)
{
	_Atomic uint32_t none = 0;

	/* a filter refuses it to me, or to one that may be in a burst: no store stays in a store buffer for that long */
	if (!sh_fence_all() || sh_fence_refused())
		(void)sh_futex_wait(&none, 0, sh_deadline(2 * SH_NS_PER_MS), SH_FUTEX_ANY, false);
}

/* until nobody is inside; 0, -EBUSY, -EDEADLK */
static int wait_out(const struct sh_queue *q, uint64_t dl)
{
	_Atomic uint32_t none = 0;
	uint64_t busy;

	for (;;) {
		busy = sh_load_acq(&q->busy); /* A:QBUSY */
		if (busy == 0 || sh_gone(busy))
			return 0;
		if (sh_queue_inside(q))
			return -EDEADLK;
		if (sh_left_ns(dl) == 0)
			break;
		(void)sh_futex_wait(&none, 0, sh_deadline(SH_NS_PER_MS / 10), SH_FUTEX_ANY, false);
	}
	sh_err("port %u: member %u is inside a burst on %s queue %u for longer than a second; if it is stopped, let it "
	       "go on "
	       "(kill -CONT) or end it",
	       q->port, sh_id_slot(busy), q->tx ? "tx" : "rx", q->id);
	return -EBUSY;
}

int sh_not_inside(const struct sh_port *p, int r)
{
	if (r != -EDEADLK)
		return r;
	sh_err("port %u (%s): this very thread is inside a burst there, which a signal handler has interrupted, or "
	       "that "
	       "calls this: it is stopped; do the rest when the burst has returned",
	       p->id, p->name);
	return -EBUSY;
}

static void take_one(struct sh_queue *q)
{
	(void)sh_xchg(&q->owner, 0); /* R:QOWNER */
	SH_STEP("port_queue_taken");
}

int sh_queues_empty(struct sh_here *h)
{
	uint64_t dl = sh_deadline(SH_INSIDE_NS);
	struct sh_records rec = sh_records(h->p);
	int r = 0;

	for (unsigned i = 0; i < 2 * rec.room; i++) {
		int one = wait_out(&rec.q[i], dl);

		r = r == 0 || one == -EBUSY ? one : r;
	}
	return r;
}

int sh_queues_take(struct sh_here *h, struct sh_queue *only)
{
	struct sh_records rec = sh_records(h->p);

	sh_fence(); /* run, or state, before owner; partner: the fence in take() */
	if (only != NULL)
		take_one(only);
	for (unsigned i = 0; only == NULL && i < 2 * rec.room; i++)
		take_one(&rec.q[i]);
	barrier();
	return only != NULL ? wait_out(only, sh_deadline(SH_INSIDE_NS)) : sh_queues_empty(h);
}

/* ---- given away ---- */

int sh_queue_give(unsigned port, bool tx, unsigned queue)
{
	struct sh_ports *s = sh_ports();
	struct __rte_eth_queue *e = sh_entry(s, port, tx, queue);
	struct sh_bound *b;
	uint64_t self = sh_self();
	int r = -ENOENT;

	sh_lock_calm(&s->lock);
	b = e->own;
	if (b != NULL) {
		struct sh_queue *q = b->q;

		if (!sh_queue_inside(q)) /* else at the next burst */
			unbind(e);
		SH_STEP("queue_left");
		r = sh_cas(&q->owner, &self, 0) ? 0 : -ENOENT; /* R:QOWNER */
	}
	sh_unlock_calm(&s->lock);
	return r;
}

void sh_queues_give_all(struct sh_ports *s)
{
	/* all that there may be: a queue stays bound also when its port has been closed meanwhile */
	for (unsigned i = 0; i < SH_PORTS && s->entries != NULL; i++)
		for (unsigned k = 0; k < 2 * SH_QUEUES; k++)
			if (sh_entry(s, i, k >= SH_QUEUES, k % SH_QUEUES)->own != NULL)
				(void)sh_queue_give(i, k >= SH_QUEUES, k % SH_QUEUES);
}
