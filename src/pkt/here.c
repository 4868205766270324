/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * here.c - this process' side of ports: drivers attached at the first use, detached when the last user has gone; start, stop
 *
 * A struct sh_here is counted: by s->here[], by calls that use it, by queues that are bound. A port that was removed elsewhere
 * leaves s->here[] at the next look, and the driver detaches with the last call: a bound queue holds up no file, for nobody is in
 * a burst of a port that was removed, or comes to be (stop took its queues away, and waited). What a burst looks at before it sees
 * that, io->data, stays until the thread that polls drops the queue at its next burst (owner.c); with the last of those goes the
 * struct.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_errno.h>

#include "base/clock.h"
#include "base/export.h"
#include "base/fault.h"
#include "base/futex.h"
#include "base/later.h"
#include "base/log.h"
#include "chan/internal.h"
#include "pkt/hotplug.h"
#include "pkt/kif.h"
#include "pkt/port.h"
#include "proc/proc.h"

#define ENTRIES_BYTES ((size_t)SH_PORTS * 2 * SH_QUEUES * sizeof(struct __rte_eth_queue))

/* before start and after stop: zeros, so that every burst asks the library, which says no */
static struct __rte_eth_queue nowhere[SH_QUEUES];
#define NOWHERE                                                                                                        \
	{                                                                                                              \
		nowhere, nowhere                                                                                       \
	}
#define NOWHERE4 NOWHERE, NOWHERE, NOWHERE, NOWHERE
#define NOWHERE16 NOWHERE4, NOWHERE4, NOWHERE4, NOWHERE4
SH_EXPORT struct rte_eth_fp_ops rte_eth_fp_ops[RTE_MAX_ETHPORTS] = {NOWHERE16, NOWHERE16};
_Static_assert(RTE_MAX_ETHPORTS == SH_PORTS && RTE_MAX_QUEUES_PER_PORT == SH_QUEUES, "as dev.h says");

static void put(struct sh_here *h)
{
	h->refs--;
	if (!h->detached && h->refs == h->bound && (h->refs == 0 || sh_here_over(h))) {
		h->detached = true;
		if (h->drv->detach != NULL)
			h->drv->detach(h);
	}
	if (h->refs == 0)
		free(h);
}

void sh_here_bound(struct sh_here *h)
{
	h->refs++;
	h->bound++;
}

void sh_here_unbound(struct sh_here *h)
{
	h->bound--;
	put(h);
}

void sh_here_drop(struct sh_ports *s, struct sh_here *h)
{
	if (s->here[h->id] == h)
		s->here[h->id] = NULL;
	put(h);
}

int sh_here_new(struct sh_port *p, uint64_t serial, struct sh_here **ret)
{
	const struct sh_driver *drv = sh_driver_named(p->driver);
	struct sh_here *h;
	int r;

	if (drv == NULL) {
		sh_err("port %u (%s): this program has no driver '%s'; build it with the same library as the one that "
		       "made "
		       "the port",
		       p->id, p->name, p->driver);
		return -ENODEV;
	}
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return -ENOMEM;
	h->p = p;
	h->id = p->id;
	h->serial = serial;
	h->drv = drv;
	h->refs = 1;
	r = drv->attach != NULL ? drv->attach(h) : 0;
	if (r < 0)
		free(h);
	else
		*ret = h;
	return r;
}

/* *h is new, or NULL and an error; under the lock */
static int attach(struct sh_ports *s, struct sh_port *p, unsigned id, struct sh_here **ret)
{
	uint64_t serial = sh_serial(p);
	struct sh_here *h = NULL;
	int r;

	if (!sh_visit_begin(s, id, serial))
		return -ENODEV;
	SH_STEP("port_attaching");
	r = sh_here_new(p, serial, &h);
	sh_visit_end(s, id);
	if (r < 0)
		return r;
	if (sh_serial(p) != serial) { /* it went meanwhile */
		put(h);
		return -ENODEV;
	}
	s->here[id] = *ret = h;
	return 0;
}

struct sh_here *sh_here_now(unsigned id, bool visit, int *err)
{
	struct sh_ports *s = sh_ports();
	struct sh_here *h = NULL;
	struct sh_port *p;
	int r = 0, none = 0;

	err = err != NULL ? err : &none;
	p = s != NULL ? sh_port(id) : NULL;
	*err = p == NULL ? -ENODEV : sh_self() == 0 ? -EPERM : 0;
	if (*err < 0)
		return NULL;
	sh_lock_calm(&s->lock);
	h = s->here[id];
	if (h != NULL && h->serial != sh_serial(p)) {
		sh_here_drop(s, h);
		h = NULL;
	}
	if (h == NULL)
		r = attach(s, p, id, &h);
	if (h != NULL && visit && !sh_visit_begin(s, id, h->serial)) {
		h = NULL;
		r = -ENODEV;
	}
	if (h != NULL)
		h->refs++;
	sh_unlock_calm(&s->lock);
	if (h != NULL && visit)
		SH_STEP("port_visited");
	*err = r;
	return h;
}

/* what others do not hand over is waited for without the lock */
static struct sh_here *get(unsigned id, bool visit, int *err)
{
	uint64_t began = sh_now_ns();
	struct sh_here *h;
	uint32_t seen;
	int r;

	do {
		seen = sh_ports() != NULL ? sh_seek_turns() : 0;
		h = sh_here_now(id, visit, &r);
	} while (h == NULL && r == -ETIMEDOUT && sh_seek_wait(seen, began));
	if (h == NULL && sh_port(id) != NULL)
		(void)sh_seek_said(sh_port(id), r);
	if (err != NULL)
		*err = r;
	return h;
}

struct sh_here *sh_here(unsigned id, int *err)
{
	return get(id, false, err);
}

void sh_here_put(struct sh_here *h)
{
	struct sh_ports *s = sh_ports();

	sh_lock_calm(&s->lock);
	put(h);
	sh_unlock_calm(&s->lock);
}

struct sh_here *sh_here_visit(unsigned id, int *err)
{
	return get(id, true, err);
}

void sh_here_leave(struct sh_here *h)
{
	struct sh_ports *s = sh_ports();

	sh_lock_calm(&s->lock);
	sh_visit_end(s, h->id);
	put(h);
	sh_unlock_calm(&s->lock);
}

static void keep(struct sh_ports *s, struct sh_here *h)
{
	if (h->drv->keep == NULL)
		return;
	sh_lock_calm(&s->lock);
	if (sh_visit_begin(s, h->id, h->serial)) {
		h->drv->keep(h);
		sh_visit_end(s, h->id);
	}
	sh_unlock_calm(&s->lock);
}

int sh_ports_attach(void)
{
	struct sh_ports *s = sh_ports();
	int first = 0, r;

	for (unsigned i = 0; s != NULL && i < SH_PORTS; i++) {
		struct sh_port *p = sh_port(i);
		struct sh_here *h;

		sh_lock_calm(&s->lock);
		h = s->here[i];
		if (h != NULL && (p == NULL || h->serial != sh_serial(p)))
			sh_here_drop(s, h);
		sh_unlock_calm(&s->lock);
		if (p == NULL)
			continue;
		h = sh_here_now(i, false, &r);
		if (h != NULL) {
			keep(s, h);
			sh_here_put(h);
		} else if (first == 0 && r != -ENODEV) {
			first = r;
		}
	}
	return first;
}

int sh_ports_look(void)
{
	int r = sh_ports_attach();

	sh_ports_events();
	return r;
}

static void tell_others(uint64_t within_ns)
{
	struct sh_int_answer to[SH_MEMBERS];
	struct sh_int_ask ask = {.svc = SH_SVC_PORTS, .data = "", .len = 0, .dl = sh_deadline(within_ns)};
	unsigned n = 0;
	enum sh_state st;

	for (unsigned i = 0; i < SH_MEMBERS; i++) {
		sh_id_t id = sh_member_at(i, &st);

		if (id != 0 && id != sh_self() && st == SH_ACTIVE)
			to[n++] = (struct sh_int_answer){.to = id};
	}
	if (n > 0)
		(void)sh_internal_ask(to, n, &ask);
}

void sh_ports_tell(void)
{
	tell_others(SH_FAULT_NUM("SHOAL_TELL_NS", SH_NS_PER_S));
	(void)sh_ports_attach();
	sh_ports_events();
}

void sh_ports_nudge(void)
{
	tell_others(10 * SH_NS_PER_MS); /* who finds the question withdrawn looks all the same (hotplug.c) */
}

/* ---- start and stop of ports ---- */

int sh_here_start(struct sh_ports *s)
{
	void *at =
		mmap(NULL, ENTRIES_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED || madvise(at, ENTRIES_BYTES, MADV_WIPEONFORK) != 0) {
		sh_err("no room for the table of queues: %s; look for limits of this process (ulimit -v)",
		       strerror(errno));
		if (at != MAP_FAILED)
			(void)munmap(at, ENTRIES_BYTES);
		return -ENOMEM;
	}
	s->entries = at;
	for (unsigned i = 0; i < SH_PORTS; i++) {
		rte_eth_fp_ops[i].rxq = sh_entry(s, i, false, 0);
		rte_eth_fp_ops[i].txq = sh_entry(s, i, true, 0);
	}
	return 0;
}

static void look_once(void *arg, uint64_t n)
{
	struct sh_ports *s = arg;

	(void)n;
	(void)sh_ports_attach();
	sh_store_rel(&s->looked, 1); /* R:PORTLOOK */
	(void)sh_futex_wake(&s->looked, INT_MAX, SH_FUTEX_ANY, false);
}

/*
 * Ports that were started before this process came: who started them had all look then, so that each has what it needs if the
 * others die. So does this one, before its start is over: but on another thread, for it may be that nobody answers, and for
 * that no start waits longer than a moment. What cannot be had now is asked for again at the first use.
 */
void sh_port_settle(void)
{
	uint64_t dl = sh_deadline(SH_NS_PER_S); /* whoever is silent is not waited for that long: a loaded machine */
	struct sh_ports *s = sh_ports();

	for (unsigned i = 0; i < SH_PORTS; i++) {
		const struct sh_port *p = sh_port(i);
		const struct sh_driver *drv = p != NULL ? sh_driver_named(p->driver) : NULL;

		if (drv == NULL || drv->keep == NULL)
			continue;
		if (sh_later(SH_LATER_WORK, look_once, s, 0) < 0)
			return;
		while (sh_load_acq(&s->looked) == 0 && sh_left_ns(dl) > 0) /* A:PORTLOOK */
			(void)sh_futex_wait(&s->looked, 0, dl, SH_FUTEX_ANY, false);
		return;
	}
}

static void cbs_free(struct sh_ports *s)
{
	struct rte_eth_rxtx_callback *cb, *next;

	for (cb = s->pkt_cbs; cb != NULL; cb = next) {
		next = cb->all;
		free(cb);
	}
	s->pkt_cbs = NULL;
}

int sh_port_start(const struct sh_opts *o)
{
	struct sh_ports *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL) {
		sh_err("no memory to start the ports");
		return -ENOMEM;
	}
	sh_ctx.pkt->ports = s;
	r = sh_here_start(s);
	if (r < 0)
		return r;
	r = sh_hotplug_start();
	if (r < 0)
		return r;
	sh_ports_note(s); /* no event for what was there before me */
	return sh_vdev_options(o);
}

void sh_port_stop(void)
{
	struct sh_ports *s = sh_ports();
	bool mine = sh_self() != 0; /* not in a forked child */

	if (s == NULL)
		return;
	sh_kif_stop(s, mine); /* before the thread that it hands work to */
	sh_seek_stop(s, mine);
	if (mine)
		sh_hotplug_stop();
	sh_teller_stop(s, mine); /* the program's callbacks end before what they may look at goes */
	if (mine) {
		sh_ports_close_late(s);
		sh_queues_give_all(s);
		cbs_free(s);
	}
	sh_dev_events_forget(s);
	for (unsigned i = 0; i < SH_PORTS; i++) {
		rte_eth_fp_ops[i].rxq = rte_eth_fp_ops[i].txq = nowhere;
		if (mine && s->here[i] != NULL)
			sh_here_drop(s, s->here[i]);
	}
	if (s->entries != NULL)
		(void)munmap(s->entries, ENTRIES_BYTES);
	sh_unopened_forget(s);
	sh_devargs_forget(s);
	sh_devices_forget(s);
	sh_kif_forget(s);
	sh_ctx.pkt->ports = NULL;
	free(s);
}
