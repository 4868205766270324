/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kif_seek.c - fds of ports that those who have them do not hand over at once: waited for by one thread (kif.h)
 *
 * What needs a port asks for its fds under a lock that bursts want, too. So nobody there waits for longer than a moment: a name
 * that was not had in it is listed, a thread of its own waits for it, and who may wait waits for that thread, without the lock. As
 * long as something is sought, others take what there is and wait for nothing: who is silent for one is silent for all.
 *
 * The thread asks again and again, so that one who was stopped finds a question when it goes on. What has come it keeps until
 * the port is attached; then bursts that were in vain try at once. What nobody can have any more (who had it died) is no longer
 * sought: whoever wants it next finds no such name.
 *
 * struct sh_seek is under its lk, which is held over nothing. Entries are taken out by the thread alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "base/clock.h"
#include "base/futex.h"
#include "base/later.h"
#include "base/log.h"
#include "pkt/kif.h"
#include "pkt/port.h"
#include "proc/proc.h"
#include "shoal_fd.h"

#define LONG_NS (5 * SH_NS_PER_S) /* who may wait waits so long, counted from when the silent one was asked first */
#define SLICES 3		  /* times that the wait for one name is doubled, while others are waited for, too */

struct sh_sought {
	struct sh_sought *next;
	uint64_t serial; /* of its port */
	int fd;		 /* -1: not had yet */
	char name[SHOAL_FD_NAME_LEN];
};

/* ---- listed ---- */

/* under lk */
static void add(struct sh_seek *k, uint64_t serial, const char *name)
{
	struct sh_sought **at = &k->list;

	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	if (*at != NULL)
		return;
	*at = calloc(1, sizeof(**at));
	if (*at == NULL)
		return;
	(*at)->serial = serial;
	(*at)->fd = -1;
	(void)snprintf((*at)->name, sizeof((*at)->name), "%s", name);
}

static void seek_all(void *arg, uint64_t n);

void sh_seek(const struct sh_here *h, const char *name)
{
	struct sh_seek *k = &sh_ports()->seek;

	sh_lock_calm(&k->lk);
	if (!k->stopping)
		add(k, h->serial, name);
	if (!k->stopping && !k->on && k->list != NULL)
		k->on = sh_later(SH_LATER_FDS, seek_all, k, 0) == 0;
	if (k->on && k->since_ns == 0)
		k->since_ns = sh_now_ns();
	sh_unlock_calm(&k->lk);
}

bool sh_seek_silent(void)
{
	struct sh_seek *k = &sh_ports()->seek;
	bool r;

	sh_lock_calm(&k->lk);
	r = k->since_ns != 0;
	sh_unlock_calm(&k->lk);
	return r;
}

/* ---- waited for ---- */

uint32_t sh_seek_turns(void)
{
	return sh_load_acq(&sh_ports()->seek.turns); /* A:SEEKTURN */
}

bool sh_seek_wait(uint32_t seen, uint64_t began_ns)
{
	struct sh_seek *k = &sh_ports()->seek;
	uint64_t since;

	sh_lock_calm(&k->lk);
	since = k->since_ns;
	sh_unlock_calm(&k->lk);
	since = since != 0 && since < began_ns ? since : began_ns;
	while (sh_seek_turns() == seen) {
		if (sh_now_ns() >= since + LONG_NS)
			return false;
		(void)sh_futex_wait(&k->turns, seen, since + LONG_NS, SH_FUTEX_ANY, false);
	}
	return sh_now_ns() < since + LONG_NS;
}

/* a line names one who has what was sought of the port */
int sh_seek_said(struct sh_port *p, int r)
{
	struct sh_seek *k = &sh_ports()->seek;
	uint64_t serial = sh_serial(p), who = 0;
	char name[SHOAL_FD_NAME_LEN] = "";

	if (r != -ETIMEDOUT)
		return r;
	sh_lock_calm(&k->lk);
	for (const struct sh_sought *e = k->list; e != NULL && name[0] == '\0'; e = e->next)
		if (e->serial == serial && e->fd < 0)
			memcpy(name, e->name, sizeof(name));
	sh_unlock_calm(&k->lk);
	if (name[0] == '\0' || shoal_fd_holders(name, &who, 1) < 1)
		sh_err("port %u (%s): its file descriptors could not be had in time; try again", p->id, p->name);
	else
		sh_err("port %u (%s): member %u (pid %u), which has its file descriptors, does not answer; if it is "
		       "stopped, let it go on (kill -CONT) or end it: until then there are no packets here",
		       p->id, p->name, sh_id_slot(who), sh_region()->members[sh_id_slot(who) % SH_MEMBERS].pid);
	return r;
}

/* ---- sought ---- */

/* the next one that is not had yet: it becomes the last of the list. NULL: there is none, and the thread's work is over */
static struct sh_sought *next_one(struct sh_seek *k)
{
	struct sh_sought **at = &k->list, *e;

	sh_lock_calm(&k->lk);
	while (*at != NULL && (*at)->fd >= 0 && !k->stopping)
		at = &(*at)->next;
	e = *at;
	if (e == NULL || k->stopping) {
		k->on = false;
		k->since_ns = 0;
		e = NULL;
	} else {
		*at = e->next;
		while (*at != NULL)
			at = &(*at)->next;
		*at = e;
		e->next = NULL;
	}
	sh_unlock_calm(&k->lk);
	return e;
}

/* of a port of which nothing more is sought; NULL: there is none. all: whatever there is */
static struct sh_sought *take_out(struct sh_seek *k, bool all)
{
	struct sh_sought **at, *e = NULL;

	sh_lock_calm(&k->lk);
	for (at = &k->list; *at != NULL; at = &(*at)->next) {
		const struct sh_sought *o = k->list;

		while (!all && o != NULL && (o->serial != (*at)->serial || o->fd >= 0))
			o = o->next;
		if (all || o == NULL)
			break;
	}
	e = *at;
	if (e != NULL)
		*at = e->next;
	sh_unlock_calm(&k->lk);
	return e;
}

static void let_go(struct sh_seek *k, bool all)
{
	struct sh_sought *e;

	while ((e = take_out(k, all)) != NULL) {
		if (e->fd >= 0)
			(void)shoal_fd_put(e->fd);
		free(e);
	}
}

/* it has come, or never will (-1): e may be gone when this returns */
static void settle(struct sh_seek *k, struct sh_sought *e, int fd)
{
	uint64_t serial = e->serial;
	struct sh_sought **at = &k->list;

	sh_lock_calm(&k->lk);
	k->since_ns = 0;
	e->fd = fd;
	while (fd < 0 && *at != e)
		at = &(*at)->next;
	if (fd < 0)
		*at = e->next;
	sh_unlock_calm(&k->lk);
	if (fd < 0)
		free(e);
	(void)sh_ports_attach();
	sh_unopened_now(serial);
	let_go(k, false);
	(void)sh_add(&k->turns, 1); /* R:SEEKTURN */
	(void)sh_futex_wake(&k->turns, INT32_MAX, SH_FUTEX_ANY, false);
}

static void seek_all(void *arg, uint64_t n)
{
	struct sh_seek *k = arg;
	struct sh_sought *e;
	unsigned tries = 0;

	(void)n;
	(void)sh_log_hush(true); /* it was said when it was asked for first */
	while ((e = next_one(k)) != NULL) {
		unsigned ms = SH_PORT_FD_MS << (tries < SLICES ? tries : SLICES);
		struct timespec in = {ms / 1000, ms % 1000 * 1000000L};
		int fd = shoal_fd_get(e->name, NULL, &in);

		if (fd < 0 && rte_errno == ETIMEDOUT && sh_port_there(e->serial)) {
			tries++;
			continue;
		}
		settle(k, e, fd);
		tries = 0;
	}
	(void)sh_log_hush(false);
}

/* ---- the end ---- */

void sh_seek_stop(struct sh_ports *s, bool mine)
{
	struct sh_seek *k = &s->seek;

	if (mine) {
		sh_lock_calm(&k->lk);
		k->stopping = true;
		sh_unlock_calm(&k->lk);
		sh_later_flush(SH_LATER_FDS);
		let_go(k, true);
		return;
	}
	while (k->list != NULL) { /* a forked child: it has none of the fds */
		struct sh_sought *e = k->list;

		k->list = e->next;
		free(e);
	}
}
