/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev_event.c - callbacks of the program on devices that come and go, in every process
 *
 * What has happened is found by looking at the table, as with the events of ports (event.c), in the same places and on the same
 * threads. A device that is gone is told by the name that was noted when it came. Locks: cb_lock, then lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>

#include "base/export.h"
#include "base/log.h"
#include "pkt/hotplug.h"
#include "pkt/port.h"

struct sh_dev_cb {
	struct sh_dev_cb *next;
	char *name; /* NULL: any device */
	rte_dev_event_cb_fn fn;
	void *arg;
	unsigned running;
};

/* made at the first registration; all under sh_ports.cb_lock */
struct sh_dev_watch {
	struct sh_dev_cb *cbs;
	bool off; /* rte_dev_event_monitor_stop() */
	struct sh_seen seen[SH_PORTS];
};

static void raise_event(struct sh_ports *s, const char *name, enum rte_dev_event_type event)
{
	struct sh_dev_watch *w = s->devwatch;

	for (struct sh_dev_cb *cb = w->cbs; cb != NULL; cb = cb->next) {
		if (cb->name != NULL && strcmp(cb->name, name) != 0)
			continue;
		cb->running++;
		sh_unlock_calm(&s->cb_lock);
		cb->fn(name, event, cb->arg);
		sh_lock_calm(&s->cb_lock);
		cb->running--;
	}
}

void sh_dev_events(struct sh_ports *s, uint64_t last)
{
	struct sh_change c;

	sh_lock_calm(&s->cb_lock);
	while (s->devwatch != NULL && sh_seen_next(s->devwatch->seen, last, &c))
		if (!s->devwatch->off)
			raise_event(s, c.name, c.began ? RTE_DEV_EVENT_ADD : RTE_DEV_EVENT_REMOVE);
	sh_unlock_calm(&s->cb_lock);
}

void sh_dev_events_forget(struct sh_ports *s)
{
	struct sh_dev_watch *w = s->devwatch;

	while (w != NULL && w->cbs != NULL) {
		struct sh_dev_cb *cb = w->cbs;

		w->cbs = cb->next;
		free(cb->name);
		free(cb);
	}
	free(w);
	s->devwatch = NULL;
}

/* ---- registering ---- */

/* under cb_lock */
static struct sh_dev_watch *watch_of(struct sh_ports *s)
{
	struct sh_change c;

	if (s->devwatch != NULL)
		return s->devwatch;
	s->devwatch = calloc(1, sizeof(*s->devwatch));
	while (s->devwatch != NULL && sh_seen_next(s->devwatch->seen, sh_seen_last(), &c))
		; /* no event for what is there by now */
	return s->devwatch;
}

static bool same_name(const struct sh_dev_cb *cb, const char *name)
{
	return cb->name == NULL || name == NULL ? cb->name == name : strcmp(cb->name, name) == 0;
}

/* under cb_lock: 0 or -errno */
static int add_cb(struct sh_ports *s, const char *name, rte_dev_event_cb_fn fn, void *arg)
{
	struct sh_dev_watch *w = watch_of(s);
	struct sh_dev_cb *cb, **at;

	if (w == NULL)
		return -ENOMEM;
	for (at = &w->cbs; *at != NULL; at = &(*at)->next)
		if ((*at)->fn == fn && (*at)->arg == arg && same_name(*at, name))
			return -EEXIST;
	cb = calloc(1, sizeof(*cb));
	if (cb == NULL)
		return -ENOMEM;
	cb->name = name != NULL ? strdup(name) : NULL;
	if (name != NULL && cb->name == NULL) {
		free(cb);
		return -ENOMEM;
	}
	cb->fn = fn;
	cb->arg = arg;
	*at = cb;
	return 0;
}

static int begin(const char *call, struct sh_ports **s)
{
	*s = sh_ports();
	if (*s != NULL && sh_self() != 0)
		return 0;
	sh_err("%s: this process is no member of a group; call rte_eal_init() first", call);
	return -EPERM;
}

SH_EXPORT int rte_dev_event_callback_register(const char *device_name, rte_dev_event_cb_fn cb_fn, void *cb_arg)
{
	struct sh_ports *s;
	int r = begin("rte_dev_event_callback_register", &s);

	if (r < 0)
		return r;
	if (cb_fn == NULL) {
		sh_err("rte_dev_event_callback_register: no function is given");
		return -EINVAL;
	}
	r = sh_teller_start(s);
	if (r < 0)
		return r;
	sh_lock_calm(&s->cb_lock);
	r = add_cb(s, device_name, cb_fn, cb_arg);
	sh_unlock_calm(&s->cb_lock);
	return r;
}

SH_EXPORT int rte_dev_event_callback_unregister(const char *device_name, rte_dev_event_cb_fn cb_fn, void *cb_arg)
{
	struct sh_dev_cb *cb, **at;
	struct sh_ports *s;
	int r = begin("rte_dev_event_callback_unregister", &s), n = 0;

	if (r < 0)
		return r;
	if (cb_fn == NULL) {
		sh_err("rte_dev_event_callback_unregister: no function is given");
		return -EINVAL;
	}
	sh_lock_calm(&s->cb_lock);
	for (at = s->devwatch != NULL ? &s->devwatch->cbs : NULL; at != NULL && (cb = *at) != NULL;) {
		if (cb->fn != cb_fn || (cb_arg != (void *)-1 && cb->arg != cb_arg) ||
		    (device_name != NULL && !same_name(cb, device_name))) {
			at = &cb->next;
		} else if (cb->running > 0) {
			r = -EAGAIN;
			at = &cb->next;
		} else {
			*at = cb->next;
			free(cb->name);
			free(cb);
			n++;
		}
	}
	sh_unlock_calm(&s->cb_lock);
	return n > 0 ? n : r < 0 ? r : -ENOENT;
}

SH_EXPORT void rte_dev_event_callback_process(const char *device_name, enum rte_dev_event_type event)
{
	char name[SH_PORT_NAME];
	struct sh_ports *s;

	if (device_name == NULL || event >= RTE_DEV_EVENT_MAX || strlen(device_name) >= sizeof(name) ||
	    begin("rte_dev_event_callback_process", &s) < 0)
		return;
	memcpy(name, device_name, strlen(device_name) + 1);
	sh_lock_calm(&s->cb_lock);
	if (s->devwatch != NULL)
		raise_event(s, name, event);
	sh_unlock_calm(&s->cb_lock);
}

static int monitor(const char *call, bool off)
{
	struct sh_ports *s;
	int r = begin(call, &s);

	if (r < 0)
		return r;
	sh_lock_calm(&s->cb_lock);
	r = watch_of(s) != NULL ? 0 : -ENOMEM;
	if (r == 0)
		s->devwatch->off = off;
	sh_unlock_calm(&s->cb_lock);
	return r;
}

SH_EXPORT int rte_dev_event_monitor_start(void)
{
	return monitor("rte_dev_event_monitor_start", false);
}

SH_EXPORT int rte_dev_event_monitor_stop(void)
{
	return monitor("rte_dev_event_monitor_stop", true);
}

SH_EXPORT int rte_dev_hotplug_handle_enable(void)
{
	return 0; /* nothing is mapped that could go away under a burst */
}

SH_EXPORT int rte_dev_hotplug_handle_disable(void)
{
	return 0;
}
