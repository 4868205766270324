/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * send.c - put a record into another member's inbox
 *
 * The lane's lock orders this process' threads. A record is written behind tail, then published by one store: killed before
 * it, nothing was sent; killed after it, it is delivered. Waiting for room happens without the lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/fault.h"
#include "base/futex.h"
#include "base/log.h"
#include "chan/chan_int.h"

#define FD_CREDIT 64	      /* fds in flight to one receiver: the kernel counts them per user */
#define SLICE_NS SH_NS_PER_MS /* how long to wait for what has no futex */

static void free_late(struct sh_chan *c, struct sh_out *o)
{
	if (o->late_to != 0 && !sh_member_alive(o->late_to)) {
		sh_lane_free(o->late_k, c->self, o->late_to);
		o->late_to = 0;
	}
}

static void out_reset(struct sh_chan *c, struct sh_out *o)
{
	uint32_t v = o->k + 1;

	if (o->to == 0)
		return;
	sh_lane_unmap(o->data);
	(void)sh_cas(&sh_inbox_of(sh_id_slot(o->to))->lane_of[sh_id_slot(c->self)], &v, 0); /* R:LANE_OF */
	/* once its receiver is gone nobody reads this lane any more and it is mine to free; one that is leaving may still */
	free_late(c, o);
	o->late_k = o->k;
	o->late_to = o->to;
	free_late(c, o);
	sh_close(&o->link);
	o->data = NULL;
	o->lane = NULL;
	o->to = 0;
}

void sh_out_late(struct sh_chan *c)
{
	for (unsigned s = 0; s < SH_MEMBERS; s++) {
		sh_lock(&c->out[s].lock);
		free_late(c, &c->out[s]);
		sh_unlock(&c->out[s].lock);
	}
}

sh_id_t sh_out_gone(struct sh_chan *c)
{
	sh_id_t id = 0;

	for (unsigned s = 0; s < SH_MEMBERS && id == 0; s++) {
		sh_lock(&c->out[s].lock);
		if (c->out[s].to != 0 && !sh_member_active(c->out[s].to))
			id = c->out[s].to;
		sh_unlock(&c->out[s].lock);
	}
	return id;
}

void sh_out_close(struct sh_chan *c, sh_id_t gone)
{
	struct sh_out *o = &c->out[sh_id_slot(gone)];

	sh_lock(&o->lock);
	if (o->to == gone)
		out_reset(c, o);
	free_late(c, o);
	sh_unlock(&o->lock);
}

#define NO_LANE "no memory for a lane to member %u: %s; raise the memory limit or ulimit -f"

/* claim, map and publish a lane to a member; under its lock: 0, -EAGAIN while an earlier one stands there, -errno */
static int out_open(struct sh_chan *c, struct sh_out *o, sh_id_t to)
{
	_Atomic uint32_t *place = &sh_inbox_of(sh_id_slot(to))->lane_of[sh_id_slot(c->self)];
	uint32_t none = 0;
	int k;

	/* again, under the lock: it may have left, and my lane to it been closed, since the caller looked */
	if (!sh_member_active(to))
		return -ECONNREFUSED;
	if (sh_load_acq(place) != 0) {
		/* my slot's former holder: have the receiver take its records and forget the lane */
		struct sh_inbox *b = sh_inbox_of(sh_id_slot(to));
		unsigned me = sh_id_slot(c->self);

		sh_or(&b->dirty[me / 64], 1ull << (me % 64)); /* R:DIRTY */
		sh_fence();				      /* SB:WAKE, the sender's side */
		(void)sh_inbox_wake(b);
		return -EAGAIN;
	}
	/* without its card I would not hear of its death: this has the watcher fetch it, or see in the table that it is gone */
	if (sh_member_probe(to) == 1)
		return -ECONNREFUSED;
	k = sh_lane_claim(c->self, to);
	if (k < 0) {
		sh_log_rate(SH_ERR, NO_LANE, sh_id_slot(to), strerror(-k));
		return k == -ENOSPC ? -ENOMEM : k;
	}
	o->data = sh_lane_map();
	if (o->data == NULL || sh_lane_show(o->data, (unsigned)k, 0, SH_LANE_STEP) < 0) {
		sh_log_rate(SH_ERR, "cannot map a lane to member %u: %s; raise ulimit -v or vm.max_map_count",
			    sh_id_slot(to), strerror(errno));
		sh_lane_unmap(o->data);
		o->data = NULL;
		sh_lane_free((unsigned)k, c->self, to);
		return -ENOMEM;
	}
	o->k = (unsigned)k;
	o->lane = sh_lane_at(o->k);
	o->tail = o->head = 0;
	o->backed = SH_LANE_STEP;
	o->fd_seq = 0;
	if (!sh_cas(place, &none, o->k + 1)) { /* R:LANE_OF */
		sh_lane_unmap(o->data);
		sh_lane_free(o->k, c->self, to);
		o->data = NULL;
		return -EAGAIN;
	}
	SH_STEP("lane_open");
	o->to = to;
	return 0;
}

static int room_for(struct sh_out *o, uint32_t size)
{
	uint64_t end = o->tail + size;
	int e;

	if (end - o->head > SH_LANE_SIZE) {
		o->head = sh_load_acq(&o->lane->head); /* A:LANE_FREE */
		if (end - o->head > SH_LANE_SIZE)
			return -EAGAIN;
	}
	if (end > o->backed && o->backed < SH_LANE_SIZE) {
		uint64_t upto = sh_lane_steps(end);

		e = sh_lane_back(o->k, o->backed, upto);
		if (e == 0)
			e = sh_lane_show(o->data, o->k, o->backed, upto);
		if (e < 0) {
			sh_log_rate(SH_ERR, NO_LANE, sh_id_slot(o->to), strerror(-e));
			return e;
		}
		o->backed = upto;
	}
	return 0;
}

/* no fault of mine: it is full, leaves, or is gone */
static bool peer_left(int e)
{
	return e == -EAGAIN || e == -ECONNREFUSED || e == -ENOENT || e == -ESRCH || e == -EPIPE || e == -ECONNRESET ||
	       e == -ENOTCONN;
}

/* fds first; 0, -EAGAIN: no credit or no room in the socket */
static int put_fds(struct sh_out *o, const struct sh_send *s)
{
	/* relaxed: a credit; a stale value only makes us wait */
	uint64_t sent = sh_load_rlx(&o->lane->fds_sent), taken = sh_load_rlx(&o->lane->fds_taken);
	int e;

	if (sent != taken && sent - taken + s->nfds > FD_CREDIT)
		return -EAGAIN;
	e = sh_link_send(o, s->fds, s->nfds, o->fd_seq + 1);
	if (e < 0) {
		if (!peer_left(e))
			sh_log_rate(SH_ERR, "cannot hand file descriptors to member %u: %s; %s", sh_id_slot(o->to),
				    strerror(-e), sh_fd_advice(e));
		return e;
	}
	o->fd_seq++;
	sh_store_rlx(&o->lane->fds_sent, sent + s->nfds);
	SH_STEP("fds_sent");
	return 0;
}

/* bytes that follow the name */
static size_t inline_len(const struct sh_send *s)
{
	return ((s->flags & SH_RF_BIG) != 0 ? 0 : s->len) + ((s->flags & SH_RF_PIECE) != 0 ? sizeof(s->piece) : 0);
}

/* behind the name */
static void write_inline(unsigned char *p, const struct sh_send *s)
{
	if ((s->flags & SH_RF_PIECE) != 0) {
		memcpy(p, &s->piece, sizeof(s->piece));
		p += sizeof(s->piece);
	}
	if ((s->flags & SH_RF_BIG) == 0 && s->len != 0)
		memcpy(p, s->data, s->len);
}

/* under the lane's lock: 0, -EAGAIN, -errno */
static int put(struct sh_chan *c, struct sh_out *o, sh_id_t to, const struct sh_send *s, bool *slept)
{
	size_t name_len = strlen(s->name);
	uint32_t size = sh_rec_size(name_len, inline_len(s));
	struct sh_inbox *b = sh_inbox_of(sh_id_slot(to));
	unsigned me = sh_id_slot(c->self);
	unsigned char *p;
	struct sh_rec r;
	bool w;
	int e = room_for(o, size);

	if (e == 0 && s->nfds != 0)
		e = put_fds(o, s);
	if (e < 0)
		return e;
	p = o->data + o->tail % SH_LANE_SIZE;
	r = (struct sh_rec){.len = size,
			    .type = s->type,
			    .flags = s->flags,
			    .name_len = (uint8_t)name_len,
			    .nfds = (uint8_t)s->nfds,
			    .ticket = sh_add_rlx(&b->ticket, 1) + 1,
			    .from = c->self,
			    .to = to,
			    .req = s->req,
			    .data_len = s->len,
			    .fd_seq = s->nfds != 0 ? o->fd_seq : 0,
			    .left_ms = s->left_ms,
			    .code = s->code};
	memcpy(p, &r, sizeof(r));
	memcpy(p + sizeof(r), s->name, name_len);
	write_inline(p + sizeof(r) + name_len, s);
	SH_STEP("rec_written");
	o->tail += size;
	sh_shm_release(sh_region());
	sh_store_rel(&o->lane->tail, o->tail); /* R:LANE_PUB */
	SH_STEP("rec_published");
	sh_or_sc(&b->dirty[me / 64], 1ull << (me % 64)); /* R:DIRTY; SB:WAKE, the sender's side */
	SH_STEP("rec_dirty");
	w = sh_inbox_wake(b);
	if (slept != NULL)
		*slept = w;
	sh_count(SH_C_SENT);
	return 0;
}

/* SB:ROOM, the sender's side: say that I sleep, fence, look at head again */
static void wait_room(struct sh_chan *c, sh_id_t to, uint32_t size, uint64_t dl)
{
	struct sh_out *o = &c->out[sh_id_slot(to)];
	uint64_t slice;
	struct sh_lane *l = NULL;
	uint64_t tail = 0;

	sh_lock(&o->lock);
	if (o->to == to) {
		l = o->lane;
		tail = o->tail;
	}
	sh_unlock(&o->lock);
	if (l != NULL && tail + size - sh_load_acq(&l->head) > SH_LANE_SIZE) { /* A:LANE_FREE */
		sh_store_rlx(&l->room, 1);
		sh_fence();
		if (tail + size - sh_load_acq(&l->head) > SH_LANE_SIZE) { /* A:LANE_FREE */
			slice = sh_deadline(50 * SH_NS_PER_MS); /* it may die or leave meanwhile: look now and then */
			sh_futex_wait(&l->room, 1, slice < dl ? slice : dl, SH_FUTEX_ANY, true);
		}
		return;
	}
	/* an earlier holder's lane, credit or the socket is in the way */
	struct timespec ts = {.tv_nsec = (long)SLICE_NS};

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

/* what I am about to write was the receiver's: have it come all at once, not one line after the other */
static void fetch(const struct sh_out *o)
{
	const unsigned char *p = o->data + o->tail % SH_LANE_SIZE;

	sh_prefetch_write(&o->lane->tail);
	for (unsigned i = 0; i < 4; i++)
		sh_prefetch_write(p + i * (size_t)SH_LINE);
}

static int try_send(struct sh_chan *c, sh_id_t to, const struct sh_send *s, bool *slept)
{
	struct sh_out *o = &c->out[sh_id_slot(to)];
	int e = 0;

	if (!sh_member_active(to))
		return -ECONNREFUSED;
	sh_shm_acquire(sh_region());
	sh_lock(&o->lock);
	if (o->to == to)
		fetch(o);
	if (o->to != to) {
		out_reset(c, o);
		free_late(c, o);
		e = out_open(c, o, to);
	}
	if (e == 0)
		e = put(c, o, to, s, slept);
	sh_unlock(&o->lock);
	return e;
}

void sh_say_full(sh_id_t to)
{
	sh_count(SH_C_FULL);
	sh_log_rate(SH_WARN,
		    "the inbox of member %u (pid %u) has no room: it is stopped, or slower than what is sent to it",
		    sh_id_slot(to), sh_region()->members[sh_id_slot(to)].pid);
}

int sh_send_to(struct sh_chan *c, sh_id_t to, const struct sh_send *s, uint64_t dl, bool *slept)
{
	uint32_t size = sh_rec_size(strlen(s->name), inline_len(s));

	for (;;) {
		int e = try_send(c, to, s, slept);

		if (e == -EPIPE || e == -ECONNRESET || e == -ENOENT || e == -ESRCH)
			e = sh_member_alive(to) ? -EAGAIN : -ECONNREFUSED;
		if (e != -EAGAIN)
			return e;
		if (dl == 0 || sh_now_ns() >= dl) {
			if (dl != 0)
				sh_say_full(to);
			return -EAGAIN;
		}
		if (sh_gate_closing() && !sh_in_action())
			return -ECANCELED;
		wait_room(c, to, size, dl);
	}
}

int sh_check_fds(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (fds[i] < 0 || (fcntl(fds[i], F_GETFD) < 0 && errno == EBADF))
			return -EBADF;
	return 0;
}
