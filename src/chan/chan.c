/* SPDX-License-Identifier: BSD-3-Clause */
/* chan.c - start and stop of the channel, and what it does when a member joins, leaves or dies. See README.md. */
#include "chan/chan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "chan/chan_int.h"
#include "chan/fdreg.h"
#include "proc/opts.h"

/* under pop: may its lane still hold something? 0: look once at all */
static bool left_of(struct sh_chan *c, sh_id_t gone)
{
	struct sh_in *in = &c->in[sh_id_slot(gone)];

	if (in->from == 0)
		return gone != 0 && sh_load_acq(&c->inbox->lane_of[sh_id_slot(gone)]) != 0; /* A:LANE_OF */
	return in->from == gone && sh_load_acq(&in->lane->tail) != in->head;		    /* A:LANE_PUB */
}

static bool drained(struct sh_chan *c, sh_id_t from)
{
	return !left_of(c, from);
}

/* on the watcher: who has the consumer lock may be waiting for a round of accept, which only this thread makes */
static void take_last(struct sh_chan *c, sh_id_t gone)
{
	struct sh_msg *m;

	while (!sh_trylock(&c->pop)) {
		sh_link_poll();
		sched_yield();
	}
	/* a member that left may have gone only after its event was told, or have died before it showed me its lane */
	for (unsigned s = 0; s < SH_MEMBERS; s++) {
		struct sh_in *in = &c->in[s];
		bool shown = sh_load_acq(&c->inbox->lane_of[s]) != 0; /* A:LANE_OF */

		if (in->from != 0 ? !sh_member_alive(in->from) : shown)
			c->active[s / 64] |= 1ull << (s % 64);
		sh_lock(&c->link_lock); /* a link that came after its sender was forgotten */
		if (in->link_from != 0 && in->link_from != in->from && !shown && !sh_member_alive(in->link_from))
			sh_link_drop(in);
		sh_unlock(&c->link_lock);
	}
	/* what others send meanwhile is not waited out: tickets are in order, so that the dead one's come soon */
	do {
		m = sh_inbox_next(c);
		if (m != NULL)
			sh_route(c, m);
	} while (m != NULL && left_of(c, gone));
	sh_piece_sweep(c, drained);
	sh_inbox_leave(c);
	sh_unlock(&c->pop);
}

static void gone(struct sh_chan *c, sh_id_t id)
{
	unsigned s = sh_id_slot(id);

	/* what it published before counts, replies too: taken first, then its requests end */
	sh_or(&c->look[s / 64], 1ull << (s % 64));
	take_last(c, id);
	sh_pend_gone(c, id);
	sh_open_gone(c, id);
	sh_piece_gone(c, id);
	sh_out_close(c, id);
	sh_internal_look(c);
	sh_disp_kick(c);
}

/* members that came and went unseen, and lanes of those that were leaving when it was told and are gone now */
static void look_around(struct sh_chan *c)
{
	sh_id_t id;

	while ((id = sh_out_gone(c)) != 0 || (id = sh_pend_orphan(c)) != 0)
		gone(c, id);
	take_last(c, 0);
	sh_piece_gone(c, 0);
	sh_lane_sweep(c->self);
}

static void on_event(void *arg, enum sh_event ev, sh_id_t id)
{
	struct sh_chan *c = arg;

	sh_out_late(c);
	if (ev == SH_EV_LOOK)
		look_around(c);
	if (ev == SH_EV_LOOK || ev == SH_EV_DEATH)
		sh_fdreg_look(c->fdreg);
	if (ev != SH_EV_LEAVE && ev != SH_EV_DEATH)
		return;
	gone(c, id);
	sh_lane_sweep(c->self);
}

/* of the machine: a member that is held to one CPU may still spin for one on another; same_cpu() and failures decide */
static unsigned cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned)n : 1;
}

static void init_links(struct sh_chan *c)
{
	for (unsigned i = 0; i < SH_MEMBERS; i++) {
		c->out[i].link = -1;
		c->in[i].link = -1;
	}
}

static struct sh_chan *make(void)
{
	struct sh_chan *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	init_links(c);
	c->self = sh_self();
	c->inbox = sh_inbox_of(sh_id_slot(c->self));
	c->count = sh_region()->members[sh_id_slot(c->self)].count;
	c->ncpu = cpus();
	c->q_tail = &c->q_head;
	c->async_dl = SH_FOREVER;
	c->dgram = c->poll_fd = -1;
	snprintf(c->dir, sizeof(c->dir), "%s", sh_rundir());
	if (getrandom(&c->next_req, sizeof(c->next_req), GRND_NONBLOCK) != (ssize_t)sizeof(c->next_req))
		c->next_req = sh_now_ns() * 0x9e3779b97f4a7c15ull;
	/* nobody sends to a member that is INIT: the block is mine alone until announce */
	memset(c->inbox, 0, sizeof(*c->inbox));
	for (unsigned i = 0; i < SH_C_COUNTS; i++)
		sh_store_rlx(&c->count[i], 0);
	return c;
}

/*
 * A forked child keeps no end of what others reach the parent by. Its copy of the private state is left as it is: locks in it
 * may be held by threads that the child does not have.
 */
static void in_child(void)
{
	struct sh_chan *c = sh_ctx.chan;

	sh_gate_in_child();
	if (c == NULL || sh_self() != 0)
		return;
	sh_close(&c->dgram);
	sh_fdreg_in_child(c);
	for (unsigned s = 0; s < SH_MEMBERS; s++) {
		sh_close(&c->out[s].link);
		sh_close(&c->in[s].link);
	}
}

void sh_chan_abandon(void)
{
	sh_gate_out();
	sh_ctx.chan = NULL;
}

int sh_chan_start(const struct sh_opts *o)
{
	static _Atomic bool guarded;
	struct sh_chan *c;
	int e;

	if (!sh_xchg(&guarded, true))
		(void)pthread_atfork(NULL, NULL, in_child);
	if (o->no_shconf || o->in_memory) {
		sh_gate_open(false);
		return 0;
	}
	c = make();
	if (c == NULL) {
		sh_err("no memory for the state of the channel: raise ulimit -v to %llu KiB, or the cgroup's limit",
		       (unsigned long long)sh_as_need_kib(0));
		return -ENOMEM;
	}
	sh_ctx.chan = c;
	e = sh_on_event(on_event, c);
	if (e == 0) {
		sh_on_link(SH_LINK_LANE, sh_inbox_on_link, c);
		e = sh_foreign_start(c, o);
	}
	if (e == 0) {
		e = sh_disp_start(c);
		if (e < 0)
			sh_err("cannot start the thread that runs actions: %s; raise ulimit -u, or ulimit -v to %llu "
			       "KiB",
			       strerror(-e), (unsigned long long)sh_as_need_kib(0));
	}
	if (e == 0) {
		e = sh_internal_start(c);
		if (e < 0)
			sh_err("cannot start the thread that answers other members' runtimes: %s; raise ulimit -u, or "
			       "ulimit -v to %llu KiB",
			       strerror(-e), (unsigned long long)sh_as_need_kib(0));
	}
	if (e == 0) {
		e = sh_fdreg_start(c);
		if (e < 0)
			sh_err("no memory for the copies of shared file descriptors: raise ulimit -v to %llu KiB, or "
			       "the cgroup's limit",
			       (unsigned long long)sh_as_need_kib(0));
	}
	if (e < 0)
		sh_chan_stop();
	else
		sh_gate_open(true);
	return e;
}

static void close_lanes(struct sh_chan *c)
{
	for (unsigned s = 0; s < SH_MEMBERS; s++) {
		struct sh_out *o = &c->out[s];
		struct sh_in *in = &c->in[s];

		/* my records stay in the lanes until their receivers have taken them: they free them once I am gone */
		sh_lane_unmap(o->data);
		sh_close(&o->link);
		sh_lane_unmap(in->data);
		sh_close(&in->link);
		if (in->stash != NULL)
			sh_fds_close(in->stash);
		free(in->stash);
	}
}

static void free_list(struct sh_msg *m)
{
	while (m != NULL) {
		struct sh_msg *next = m->next;

		sh_msg_free(m);
		m = next;
	}
}

/*
 * Events of members end before the dispatchers do, so that nothing is queued behind their backs: pieces that come back after that
 * are seen to by sh_piece_ops_set(), or by survivors; those who wait for anybody else look by themselves.
 */
void sh_chan_quiet(void)
{
	struct sh_chan *c = sh_ctx.chan;

	sh_gate_close();
	if (c != NULL)
		sh_pend_end_all(c, SHOAL_CANCELLED);
	sh_gate_wait();
	if (c == NULL)
		return;
	sh_off_event(on_event);
	SH_STEP("chan_stop");
	sh_piece_collect(c);
	sh_disp_stop(c);
}

void sh_chan_stop(void)
{
	struct sh_chan *c = sh_ctx.chan;

	if (c == NULL) {
		sh_gate_out();
		return;
	}
	sh_chan_quiet();
	sh_internal_stop(c);
	sh_fdreg_stop(c);
	sh_foreign_stop(c);
	SH_STEP("chan_stopped");
	sh_events_off(); /* no link, no event reaches c any more */
	sh_gate_out();	 /* nobody is inside: the actions have ended */
	sh_chan_forget(c);
}

/* the last part of the stop, when proc calls nobody any more */
void sh_chan_forget(struct sh_chan *c)
{
	sh_ctx.chan = NULL;
	free_list(c->q_head);
	free_list(c->early);
	sh_open_clear(c);
	while (c->actions != NULL) {
		struct sh_action *a = c->actions;

		c->actions = a->next;
		free(a);
	}
	close_lanes(c);
	sh_fdreg_forget(c);
	sh_internal_forget(c);
	sh_close(&c->poll_fd);
	free(c);
}
