/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fdreg.c - this process' copies of shared fds: how they come, who is told, how they go. See fdreg.h; asking is in fdask.c.
 *
 * An entry cannot become FREE while this process says that it holds a copy, so mine[i] is always of the entry's present serial,
 * or of none.
 */
#include "chan/fdreg.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/later.h"
#include "base/log.h"
#include "chan/chan_int.h"
#include "chan/internal.h"

#define OFFERS 64

void sh_fdreg_changed(struct sh_fdreg *r)
{
	sh_add(&r->change, 1);
	sh_futex_wake(&r->change, INT_MAX, SH_FUTEX_ANY, false);
}

void sh_fdreg_wait(struct sh_fdreg *r, uint64_t dl)
{
	uint32_t seen = sh_load_rlx(&r->change); /* relaxed: under lk */

	sh_unlock(&r->lk);
	(void)sh_futex_wait(&r->change, seen, dl, SH_FUTEX_ANY, false);
	sh_lock(&r->lk);
}

/* ---- copies; all under lk ---- */

static bool is(unsigned i, uint32_t serial, enum sh_fd_state st)
{
	uint64_t w = sh_fdtab_word(i);

	return sh_fd_word_state(w) == st && sh_fd_word_serial(w) == serial;
}

/* its name is neither taken away nor given up */
static bool wanted(unsigned i, uint32_t serial)
{
	return is(i, serial, SH_FD_LIVE) || is(i, serial, SH_FD_MAKING) || is(i, serial, SH_FD_TRY);
}

static void nobody_left(unsigned i)
{
	uint64_t w = sh_fdtab_word(i);

	if (sh_fd_word_state(w) == SH_FD_LIVE && sh_fdtab_holders(i, NULL) == 0)
		(void)sh_fdtab_close(i, w);
	sh_fdtab_free(i);
}

bool sh_fdcopy_set(struct sh_fdreg *r, unsigned i, uint32_t serial, int fd)
{
	struct sh_fdcopy *m = &r->mine[i];

	if (m->fd >= 0 || r->stopping)
		return false;
	sh_fdtab_hold(i, true);
	if (!wanted(i, serial)) {
		sh_fdtab_hold(i, false);
		nobody_left(i);
		return false;
	}
	*m = (struct sh_fdcopy){.serial = serial, .fd = fd};
	SH_STEP("fd_held");
	return true;
}

/* for good, unless somebody here needs it: first the fd, then the word that says I have one */
void sh_fdcopy_drop(struct sh_fdreg *r, unsigned i, uint32_t serial)
{
	struct sh_fdcopy *m = &r->mine[i];

	while (m->fd >= 0 && m->serial == serial && m->sending)
		sh_fdreg_wait(r, SH_FOREVER);
	if (m->fd < 0 || m->serial != serial || m->gets != 0 || m->owned || m->kept)
		return;
	sh_close(&m->fd);
	SH_STEP("fd_let_go");
	sh_fdtab_hold(i, false);
	nobody_left(i);
	sh_fdreg_changed(r);
}

int sh_fdreg_put(struct sh_fdreg *r, int fd)
{
	int e = -EBADF;

	sh_lock(&r->lk);
	for (unsigned i = 0; i < SHOAL_FD_NAMES && fd >= 0 && e < 0; i++) {
		struct sh_fdcopy *m = &r->mine[i];

		if (m->fd != fd || m->gets == 0)
			continue;
		m->gets--;
		sh_fdcopy_drop(r, i, m->serial);
		e = 0;
	}
	sh_unlock(&r->lk);
	return e;
}

/* ---- what was revoked ---- */

static int tell_one(struct sh_fdreg *r, unsigned k, const char *name, int fd)
{
	shoal_fd_cb fn = r->cbs[k].fn;
	void *arg = r->cbs[k].arg;
	int e;

	r->cb_running = (int)k + 1;
	r->cb_thread = pthread_self();
	sh_unlock(&r->lk);
	e = fn(arg, SHOAL_FD_REVOKED, name, fd);
	sh_lock(&r->lk);
	r->cb_running = 0;
	sh_fdreg_changed(r);
	return e;
}

/* on the thread for callbacks; n: serial << 32 | entry */
static void tell(void *arg, uint64_t n)
{
	struct sh_fdreg *r = arg;
	unsigned i = (uint32_t)n, asked = 0, kept = 0;
	struct sh_fdcopy *m = &r->mine[i];
	uint32_t serial = (uint32_t)(n >> 32);
	struct sh_fd_what what;

	if (!sh_fdtab_read(i, sh_fdtab_word(i), &what))
		what.name[0] = '\0';
	sh_lock(&r->lk);
	for (unsigned k = 0; k < SH_FD_CALLBACKS; k++) {
		if (r->cbs[k].fn == NULL || m->fd < 0 || m->serial != serial)
			continue;
		asked++;
		kept += tell_one(r, k, what.name, m->fd) != 0;
	}
	if (m->fd >= 0 && m->serial == serial) {
		m->owned = m->kept = false;
		if (asked > 0 && kept == 0)
			m->gets = 0;
		sh_fdcopy_drop(r, i, serial);
	}
	sh_unlock(&r->lk);
}

static bool listened_to(const struct sh_fdreg *r)
{
	for (unsigned k = 0; k < SH_FD_CALLBACKS; k++)
		if (r->cbs[k].fn != NULL)
			return true;
	return false;
}

/* under lk: a copy whose name is gone. Without a callback it stays until it is put. */
static void revoked(struct sh_fdreg *r, unsigned i)
{
	struct sh_fdcopy *m = &r->mine[i];

	if (m->last || m->told)
		return;
	m->kept = false;
	m->told = (m->gets > 0 || m->owned) && listened_to(r) &&
		  sh_later(SH_LATER_CALL, tell, r, (uint64_t)m->serial << 32 | i) == 0;
	if (m->told)
		return;
	m->owned = false;
	sh_fdcopy_drop(r, i, m->serial);
}

static void offers_look(struct sh_fdreg *r)
{
	struct sh_fdoffer **at = &r->offers;

	while (*at != NULL) {
		struct sh_fdoffer *o = *at;

		if (is(o->p.index, o->p.serial, SH_FD_MAKING)) {
			at = &o->next;
			continue;
		}
		*at = o->next;
		sh_close(&o->fd);
		free(o);
	}
}

void sh_fdreg_look(struct sh_fdreg *r)
{
	if (r == NULL || sh_self() == 0)
		return;
	sh_fdtab_sweep();
	sh_lock(&r->lk);
	if (!r->stopping) {
		for (unsigned i = 0; i < sh_fdtab_high(); i++)
			if (r->mine[i].fd >= 0 && !wanted(i, r->mine[i].serial))
				revoked(r, i);
		offers_look(r);
	}
	sh_unlock(&r->lk);
}

/* ---- what comes ---- */

static bool offer_add(struct sh_fdreg *r, sh_id_t from, const struct sh_fd_pkt *p, int fd)
{
	uint64_t w = sh_fdtab_word(p->index);
	struct sh_fdoffer *o;
	unsigned n = 0;

	for (o = r->offers; o != NULL; o = o->next)
		n++;
	if (!is(p->index, p->serial, SH_FD_MAKING) || sh_fd_word_maker(w) != from || n >= OFFERS)
		return false;
	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return false;
	*o = (struct sh_fdoffer){.next = r->offers, .p = *p, .from = from, .fd = fd};
	r->offers = o;
	return true;
}

void sh_fdreg_came(struct sh_fdreg *r, sh_id_t from, const struct sh_fd_pkt *p, int fd)
{
	bool taken = false;

	sh_lock(&r->lk);
	if (p->offer != 0 && !r->stopping)
		taken = offer_add(r, from, p, fd);
	for (struct sh_fdwait *w = p->offer == 0 ? r->waits : NULL; w != NULL && !taken; w = w->next) {
		if (w->index != p->index || w->serial != p->serial || w->in >= 0)
			continue;
		w->in = fd >= 0 ? fd : -EMFILE;
		taken = true;
		sh_fdreg_changed(r);
	}
	sh_unlock(&r->lk);
	if (!taken) /* it came too late: nobody waits any more */
		sh_close(&fd);
}

/* ---- what others ask ---- */

static int serve_send(struct sh_fdreg *r, sh_id_t from, const struct sh_fd_req *q)
{
	struct sh_fd_pkt p = {.magic = SH_FD_MAGIC, .index = q->index, .serial = q->serial};
	struct sh_fdcopy *m = &r->mine[q->index];
	int e = -ENOENT, fd = -1;

	sh_lock(&r->lk);
	if (m->fd >= 0 && m->serial == q->serial && is(q->index, q->serial, SH_FD_LIVE)) {
		m->sending = true;
		fd = m->fd;
	}
	sh_unlock(&r->lk);
	if (fd < 0)
		return -e;
	e = sh_fdlink_send(from, &p, fd);
	sh_lock(&r->lk);
	m->sending = false;
	sh_fdreg_changed(r);
	sh_unlock(&r->lk);
	return -e;
}

/* the offer for that entry, taken out of the list */
static struct sh_fdoffer *offer_take(struct sh_fdreg *r, sh_id_t from, const struct sh_fd_req *q)
{
	for (struct sh_fdoffer **at = &r->offers; *at != NULL; at = &(*at)->next) {
		struct sh_fdoffer *o = *at;

		if (o->from != from || o->p.index != q->index || o->p.serial != q->serial)
			continue;
		*at = o->next;
		return o;
	}
	return NULL;
}

static int serve_keep(struct sh_fdreg *r, sh_id_t from, const struct sh_fd_req *q)
{
	struct sh_fdcopy *m = &r->mine[q->index];
	struct sh_fdoffer *o;
	int e = ENODATA;

	sh_fdlink_pull(r);
	sh_lock(&r->lk);
	while ((o = offer_take(r, from, q)) != NULL) {
		if (m->fd >= 0 && m->serial == q->serial) { /* it was asked for twice */
			e = 0;
		} else if (o->fd < 0) {
			e = EMFILE;
		} else if (sh_fdcopy_set(r, q->index, q->serial, o->fd)) {
			m->kept = true;
			o->fd = -1;
			e = 0;
			SH_STEP("fd_kept");
		} else {
			e = ESTALE;
		}
		sh_close(&o->fd);
		free(o);
	}
	sh_unlock(&r->lk);
	/* nothing came: whoever connected was turned away (proc/serve.c), and would be again */
	return e == ENODATA && !sh_fdlink_room() ? EMFILE : e;
}

static int serve(void *arg, sh_id_t from, const void *data, size_t len)
{
	struct sh_fdreg *r = arg;
	struct sh_fd_req q;

	if (data != NULL && sh_fd_req_parse(data, len, &q) != 0)
		return EBADMSG;
	if (data != NULL && q.op == SH_FD_SEND)
		return serve_send(r, from, &q);
	if (data != NULL && q.op == SH_FD_KEEP)
		return serve_keep(r, from, &q);
	sh_fdreg_look(r);
	return 0;
}

/* ---- start and stop ---- */

int sh_fdreg_start(struct sh_chan *c)
{
	struct sh_fdreg *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < SHOAL_FD_NAMES; i++)
		r->mine[i].fd = -1;
	c->fdreg = r;
	sh_on_link(SH_LINK_FD, sh_fdlink_on, r);
	sh_internal_serve(SH_SVC_FD, serve, r);
	return 0;
}

void sh_fdreg_stop(struct sh_chan *c)
{
	struct sh_fdreg *r = c->fdreg;

	if (r == NULL)
		return;
	sh_lock(&r->lk);
	r->stopping = true;
	sh_unlock(&r->lk);
	sh_later_flush(SH_LATER_CALL);
	sh_lock(&r->lk);
	for (unsigned i = 0; i < SHOAL_FD_NAMES; i++) {
		struct sh_fdcopy *m = &r->mine[i];

		m->gets = 0;
		m->owned = m->kept = m->sending = false;
		sh_fdcopy_drop(r, i, m->serial);
	}
	while (r->offers != NULL) {
		struct sh_fdoffer *o = r->offers;

		r->offers = o->next;
		sh_close(&o->fd);
		free(o);
	}
	sh_unlock(&r->lk);
}

void sh_fdreg_forget(struct sh_chan *c)
{
	if (c->fdreg != NULL)
		sh_fdlink_close_all(c->fdreg);
	free(c->fdreg);
	c->fdreg = NULL;
}

/* What the program got it may go on using, like any fd; what only the library knows of is closed, or a pipe would never end. */
void sh_fdreg_in_child(struct sh_chan *c)
{
	struct sh_fdreg *r = c->fdreg;

	if (r == NULL)
		return;
	for (unsigned i = 0; i < SHOAL_FD_NAMES; i++)
		if (r->mine[i].gets == 0)
			sh_close(&r->mine[i].fd);
	for (struct sh_fdoffer *o = r->offers; o != NULL; o = o->next)
		sh_close(&o->fd);
	for (struct sh_fdconn *k = r->conns; k != NULL; k = k->next)
		sh_close(&k->fd);
}
