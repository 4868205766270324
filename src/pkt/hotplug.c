/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hotplug.c - devices made and removed for the whole group, by any process
 *
 * Making a port makes it for all (table.c). What is done here is to have every process use it, or nobody: whoever adds a device
 * asks each one to attach it, first the primary, which offers what the others ask for, then the others; a no, or no answer in
 * time, takes the port away again. Who has died is not asked. One at a time in the group: who has the seat `hotplug`.
 *
 * The asked attach on the thread for long work (base/later.h): a driver may ask for fds and memory there.
 */
#include "pkt/hotplug.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_malloc.h>

#include "base/export.h"
#include "base/fault.h"
#include "base/later.h"
#include "base/log.h"
#include "chan/internal.h"
#include "mem/mem.h"
#include "pkt/port.h"
#include "pkt/vdev.h"
#include "proc/proc.h"

#define PEER_NS (5 * SH_NS_PER_S) /* for each process to attach a device */

/* ---- what this process is asked ---- */

struct job {
	struct sh_int_due due;
	bool answer;
	struct sh_hp_req q;
	struct sh_hp_text *text; /* a private copy */
};

static bool is_port(const struct sh_hp_req *q)
{
	struct sh_port *p = sh_port(q->id);

	return p != NULL && sh_serial(p) == q->serial;
}

/* can this process use it? */
static int attach(const struct sh_hp_req *q)
{
	struct sh_here *h;
	int r;

	if (SH_FAIL("hotplug_attach"))
		return -EIO;
	if (!is_port(q)) /* taken back meanwhile */
		return -ENODEV;
	h = sh_here(q->id, &r);
	if (h == NULL)
		return r;
	sh_here_put(h);
	SH_STEP("hotplug_attached");
	return 0;
}

static int make_here(const struct job *j)
{
	const char *name, *args;
	unsigned id;
	int r = sh_hp_text_parse(j->text, j->q.len, &name, &args);

	return r == 0 ? sh_port_make(name, args, &id) : r;
}

static void run(void *arg, uint64_t n)
{
	struct job *j = arg;
	int r;

	(void)n;
	if (j->q.op == SH_HP_ATTACH)
		r = attach(&j->q);
	else if (j->q.op == SH_HP_MAKE)
		r = make_here(j);
	else if (j->q.op == SH_HP_UNMAKE)
		r = is_port(&j->q) ? sh_port_unmake(j->q.id) : -ENODEV;
	else
		r = sh_ports_attach();
	sh_teller_wake();
	if (j->answer)
		sh_internal_done(&j->due, -r);
	free(j->text);
	free(j);
}

/* on the internal thread, at once: who asked may give its block up */
static int copy_text(struct job *j)
{
	if (!sh_mem_contains(j->q.text) || !sh_mem_contains(j->q.text + j->q.len - 1))
		return -EBADMSG;
	j->text = malloc(j->q.len);
	if (j->text == NULL)
		return -ENOMEM;
	memcpy(j->text, (const void *)(uintptr_t)j->q.text, j->q.len);
	return 0;
}

static int serve(void *arg, sh_id_t from, const void *data, size_t len)
{
	struct job *j = calloc(1, sizeof(*j));
	int r = j != NULL ? 0 : -ENOMEM;

	(void)arg, (void)from;
	if (r == 0) {
		j->q.op = SH_HP_LOOK;
		j->answer = data != NULL;
		if (data != NULL)
			sh_internal_due(&j->due);
		if (len != 0)
			r = sh_hp_req_parse(data, len, &j->q);
		if (r == 0 && j->q.op == SH_HP_MAKE)
			r = copy_text(j);
		if (r == 0)
			r = sh_later(SH_LATER_WORK, run, j, 0);
	}
	if (r == 0)
		return SH_INT_LATER;
	if (j != NULL)
		free(j->text);
	free(j);
	return -r;
}

/* One that died may have changed the table and told nobody. */
static void on_event(void *arg, enum sh_event ev, sh_id_t id)
{
	(void)arg, (void)id;
	if (ev == SH_EV_DEATH)
		sh_internal_poke(SH_SVC_PORTS);
}

int sh_hotplug_start(void)
{
	int r = sh_on_event(on_event, NULL);

	if (r < 0)
		return r;
	sh_internal_serve(SH_SVC_PORTS, serve, NULL);
	return 0;
}

void sh_hotplug_stop(void)
{
	sh_off_event(on_event);
	sh_internal_serve(SH_SVC_PORTS, NULL, NULL);
	sh_later_flush(SH_LATER_WORK);
}

/* ---- asking ---- */

static void say_no(const char *name, const struct sh_int_answer *a)
{
	const struct sh_member *m = &sh_region()->members[sh_id_slot(a->to)];

	if (a->outcome == SH_INT_TIMED_OUT)
		sh_err("%s: member %u (pid %u) did not attach it within %llu s: it was taken away from all; if that "
		       "one is "
		       "stopped, let it go on (kill -CONT) or end it",
		       name, sh_id_slot(a->to), m->pid, (unsigned long long)(PEER_NS / SH_NS_PER_S));
	else
		sh_err("%s: member %u (pid %u) cannot attach it: %s; its own log says more. It was taken away from all",
		       name, sh_id_slot(a->to), m->pid, strerror(a->code));
}

/* 0: all who live said yes; or what the first one that did not said */
static int verdict(const char *name, const struct sh_int_answer *a, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (a[i].outcome == SH_INT_GONE || (a[i].outcome == SH_INT_ANSWERED && a[i].code == 0))
			continue;
		say_no(name, &a[i]);
		return a[i].outcome == SH_INT_ANSWERED ? -a[i].code : -ETIMEDOUT;
	}
	return 0;
}

static int ask(struct sh_int_answer *a, unsigned n, const struct sh_hp_req *q)
{
	struct sh_int_ask in = {.svc = SH_SVC_PORTS,
				.data = q,
				.len = sizeof(*q),
				.dl = sh_deadline(SH_FAULT_NUM("SHOAL_HOTPLUG_NS", PEER_NS))};
	int r = n > 0 ? sh_internal_ask(a, n, &in) : 0;

	return r == -ENOTSUP ? 0 : r; /* alone */
}

/* everybody but me; the primary, if that is not me, in *prim */
static unsigned others(struct sh_int_answer a[SH_MEMBERS], struct sh_int_answer *prim)
{
	sh_id_t p = sh_primary_id(), self = sh_self();
	enum sh_state st;
	unsigned n = 0;

	*prim = (struct sh_int_answer){.to = p != self ? p : 0};
	for (unsigned i = 0; i < SH_MEMBERS; i++) {
		sh_id_t id = sh_member_at(i, &st);

		if (id != 0 && id != self && id != p && st == SH_ACTIVE)
			a[n++] = (struct sh_int_answer){.to = id};
	}
	return n;
}

/* all of them can use it: 0 */
static int all_attach(const char *name, unsigned id, uint64_t serial)
{
	struct sh_hp_req q = {.op = SH_HP_ATTACH, .id = id, .serial = serial};
	struct sh_int_answer a[SH_MEMBERS], prim;
	unsigned n = others(a, &prim);
	int r;

	r = ask(&prim, prim.to != 0, &q);
	if (r == 0)
		r = verdict(name, &prim, prim.to != 0);
	SH_STEP("hotplug_primary_has");
	if (r == 0)
		r = ask(a, n, &q);
	if (r == 0)
		r = verdict(name, a, n);
	SH_STEP("hotplug_asked");
	return r;
}

/* by the primary, for a driver that works there alone */
static int carried(struct sh_hp_req *q, const char *name, const char *args)
{
	struct sh_int_answer prim = {.to = sh_primary_id()};
	struct sh_hp_text *t = NULL;
	int r;

	if (prim.to == 0) {
		sh_err("%s: its driver works in the primary, and there is none; start one", name);
		return -ENODEV;
	}
	if (q->op == SH_HP_MAKE) {
		q->len = sh_hp_text_size(name, args);
		t = q->len <= SH_HP_TEXT_MAX ? rte_malloc(NULL, q->len, 8) : NULL;
		if (t == NULL)
			return -ENOMEM;
		sh_hp_text_fill(t, name, args);
		q->text = (uint64_t)(uintptr_t)t;
	}
	r = ask(&prim, 1, q);
	if (t != NULL)
		t->magic = 0; /* one that is still at it sees that it is too late */
	rte_free(t);
	if (r < 0)
		return r;
	return prim.outcome == SH_INT_ANSWERED ? -prim.code : prim.outcome == SH_INT_GONE ? -ENODEV : -ETIMEDOUT;
}

static bool elsewhere(const char *name)
{
	const struct sh_driver *drv = sh_driver_of(name);

	return drv != NULL && drv->primary && !sh_is_primary();
}

/* ---- adding and removing, with the seat ---- */

static int unmake(unsigned id, uint64_t serial, const char *name)
{
	struct sh_hp_req q = {.op = SH_HP_UNMAKE, .id = id, .serial = serial};

	return elsewhere(name) ? carried(&q, name, "") : sh_port_unmake(id);
}

static int make(const char *name, const char *args, unsigned *id)
{
	struct sh_hp_req q = {.op = SH_HP_MAKE};
	struct sh_port *p;
	int r;

	if (!elsewhere(name))
		return sh_port_make(name, args, id);
	r = carried(&q, name, args);
	p = r == 0 || r == -EEXIST ? sh_port_named(name) : NULL;
	if (p != NULL)
		*id = p->id;
	return r == 0 && p == NULL ? -ENODEV : r;
}

static int add(const char *name, const char *args)
{
	struct sh_port *p;
	uint64_t serial;
	unsigned id = 0;
	int r = make(name, args, &id);

	SH_STEP("hotplug_made");
	if (r < 0)
		return r;
	p = sh_port(id);
	if (p == NULL)
		return -ENODEV;
	serial = sh_serial(p);
	r = all_attach(name, id, serial);
	if (r < 0) {
		SH_STEP("hotplug_taking_back");
		(void)unmake(id, serial, name);
	}
	return r;
}

/*
 * The processes that are asked may take seconds, and Ctrl-C is to be heard meanwhile: handlers may interrupt who has this seat,
 * and are refused it: before anything is allocated, for malloc() may be what they interrupted.
 */
static bool mine_already(const char *name)
{
	const struct sh_ports *s = sh_ports();

	if (s == NULL || sh_load_rlx(&s->hotplug_by) != sh_this_thread()) /* relaxed: my own, or another's */
		return false;
	sh_err("%s: this very thread is adding or removing a device, which a signal handler has interrupted, or that "
	       "calls this; do it when that call has returned",
	       name);
	return true;
}

static int take_seat(struct sh_table *t, const char *name)
{
	int r;

	if (mine_already(name))
		return -EBUSY;
	r = sh_seat_take(&t->hotplug, "hotplug"); /* of a dead one: what it made is there, or table.c clears it */
	if (r >= 0) {
		sh_store_rlx(&sh_ports()->hotplug_by, sh_this_thread()); /* relaxed: for this thread */
		sh_calm_end();
	}
	return r;
}

static void leave_seat(struct sh_table *t)
{
	struct sh_ports *s = sh_ports();

	sh_calm_begin();
	if (s != NULL)
		sh_store_rlx(&s->hotplug_by, 0); /* relaxed: as above */
	sh_seat_leave(&t->hotplug);
}

static int with_seat(const char *name, const char *args, int (*fn)(const char *name, const char *args))
{
	struct sh_table *t = sh_table(true);
	int r, cancel;

	if (t == NULL)
		return sh_self() == 0 ? -EPERM : -ENOMEM;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	r = take_seat(t, name);
	if (r >= 0) {
		SH_STEP("hotplug_seated");
		r = fn(name, args);
		leave_seat(t);
		sh_ports_tell(); /* those who could attach it have it in vain; callbacks are called, without the seat */
	}
	(void)pthread_setcancelstate(cancel, &cancel);
	return r;
}

static int take_away(const char *name, const char *args)
{
	struct sh_port *p = sh_port_named(name);

	(void)args;
	return p != NULL ? unmake(p->id, sh_serial(p), name) : -ENODEV;
}

static int probe(const struct rte_devargs *da)
{
	int r = with_seat(da->name, da->args != NULL ? da->args : "", add);

	if (r == -EEXIST) {
		sh_err("Failed to attach device on primary process: %s is there already", da->name);
		return 0;
	}
	if (r < 0)
		sh_err("Failed to attach device %s: %s", da->name, strerror(-r));
	return r;
}

SH_EXPORT int rte_dev_probe(const char *devargs)
{
	struct rte_devargs da;
	int r;

	if (devargs == NULL) {
		sh_err("rte_dev_probe: the devargs are NULL");
		return -EINVAL;
	}
	if (mine_already(devargs))
		return -EBUSY;
	r = rte_devargs_parse(&da, devargs);
	if (r < 0)
		return strcspn(devargs, ",") == 0 ? -ENODEV : r; /* without a name */
	r = probe(&da);
	rte_devargs_reset(&da);
	return r;
}

static int remove_named(const char *name)
{
	int r = with_seat(name, "", take_away);
	bool was = sh_device_removed(name);

	if (r == -ENODEV && was)
		return 0; /* its port went when it was closed */
	if (r == -ENODEV)
		sh_err("Cannot find plugged device (%s)", name);
	else if (r < 0)
		sh_err("Failed to detach device %s: %s", name, strerror(-r));
	return r;
}

SH_EXPORT int rte_dev_remove(struct rte_device *dev)
{
	char name[RTE_DEV_NAME_MAX_LEN];

	if (dev == NULL || !rte_dev_is_probed(dev)) {
		sh_err("rte_dev_remove: the device %s", dev == NULL ? "is NULL" : "is not probed, or was removed");
		return dev == NULL ? -EINVAL : -ENOENT;
	}
	memcpy(name, rte_dev_name(dev), sizeof(name)); /* *dev changes when it goes */
	return remove_named(name);
}

/* none: what a bus is answered with that there is not */
static int check_bus(const char *call, const char *bus, const char *dev, int none)
{
	if (bus == NULL || dev == NULL || dev[0] == '\0') {
		sh_err("%s: the name of %s is missing", call, bus == NULL ? "the bus" : "the device");
		return none == -EFAULT ? none : -EINVAL; /* of an add */
	}
	if (rte_bus_find_by_name(bus) == NULL) {
		sh_err("Cannot find bus (%s); there is vdev", bus);
		return none;
	}
	if (strlen(dev) >= RTE_DEV_NAME_MAX_LEN) {
		sh_err("%s: the device's name has more than 63 characters", call);
		return -EINVAL;
	}
	return 0;
}

SH_EXPORT int rte_eal_hotplug_add(const char *busname, const char *devname, const char *drvargs)
{
	struct rte_devargs da;
	int r = check_bus("rte_eal_hotplug_add", busname, devname, -EFAULT);

	if (r == 0 && mine_already(devname))
		r = -EBUSY;
	if (r < 0)
		return r;
	r = rte_devargs_parsef(&da, "%s:%s,%s", busname, devname, drvargs != NULL ? drvargs : "");
	if (r < 0)
		return r;
	r = probe(&da);
	rte_devargs_reset(&da);
	return r;
}

SH_EXPORT int rte_eal_hotplug_remove(const char *busname, const char *devname)
{
	int r = check_bus("rte_eal_hotplug_remove", busname, devname, -ENOENT);

	if (r == 0)
		r = remove_named(devname);
	return r == -ENODEV ? -EINVAL : r;
}
