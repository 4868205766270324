/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * open.c - requests that reached this process and wait for its reply
 *
 * An entry is made before the action runs and taken out by the first of: reply, refusal, the requester's death, expiry (its
 * time limit and a second). Who takes it out answers; everybody else gets -ESTALE. All under lk.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chan/chan_int.h"

static unsigned slot_of(sh_id_t from, uint64_t req)
{
	return (unsigned)((from * 31 + req) % SH_HASH);
}

void sh_open_free(struct sh_open *o)
{
	free(o->foreign);
	free(o);
}

/* requests that nobody answered and nobody waits for any more; seldom many, so it is done in passing */
static void purge(struct sh_open **pp, uint64_t now)
{
	while (*pp != NULL) {
		struct sh_open *o = *pp;

		if (o->expire_dl <= now) {
			*pp = o->next;
			sh_open_free(o);
		} else {
			pp = &o->next;
		}
	}
}

int sh_open_add(struct sh_chan *c, const struct sh_msg *m)
{
	struct sh_open *o = malloc(sizeof(*o)); /* on every request's way: calloc() has no cache of the thread's */
	unsigned h = slot_of(m->from, m->req);

	if (o == NULL)
		return -ENOMEM;
	*o = (struct sh_open){.from = m->from,
			      .req = m->req,
			      .expire_dl = m->expire_dl,
			      .piece = m->piece,
			      .any_len = (m->flags & SH_RF_SHOAL) != 0};
	memcpy(o->name, m->name, sizeof(o->name));
	if (m->foreign != NULL) {
		o->foreign = malloc(sizeof(*o->foreign));
		if (o->foreign == NULL) {
			free(o);
			return -ENOMEM;
		}
		*o->foreign = *m->foreign;
	}
	if (c->open[h] != NULL)
		purge(&c->open[h], sh_now_ns());
	o->next = c->open[h];
	c->open[h] = o;
	return 0;
}

int sh_open_take(struct sh_chan *c, sh_id_t from, const char *path, uint64_t req, const char *name, size_t len,
		 char *real, struct sh_open **taken)
{
	int r = -ESTALE;

	sh_lock(&c->lk);
	for (struct sh_open **pp = &c->open[slot_of(from, req)]; *pp != NULL; pp = &(*pp)->next) {
		struct sh_open *o = *pp;

		if (o->from != from || o->req != req)
			continue;
		if (from == 0 && (o->foreign == NULL || strcmp(o->foreign->sa.sun_path, path) != 0))
			continue;
		if (o->expire_dl <= sh_coarse_deadline(0)) /* a second after its time limit */
			break;
		if (real != NULL)
			memcpy(real, o->name, sizeof(o->name));
		if (name != NULL && strcmp(o->name, name) != 0) {
			r = -EINVAL;
			break;
		}
		if (len > RTE_MP_MAX_PARAM_LEN && !o->any_len) {
			r = -EMSGSIZE;
			break;
		}
		*pp = o->next;
		if (taken != NULL)
			*taken = o;
		else
			sh_open_free(o);
		r = 0;
		break;
	}
	sh_unlock(&c->lk);
	return r;
}

void sh_open_put(struct sh_chan *c, struct sh_open *o)
{
	unsigned h = slot_of(o->from, o->req);

	sh_lock(&c->lk);
	o->next = c->open[h];
	c->open[h] = o;
	sh_unlock(&c->lk);
}

static void remove_if(struct sh_chan *c, sh_id_t id, bool all)
{
	sh_lock(&c->lk);
	for (unsigned h = 0; h < SH_HASH; h++)
		for (struct sh_open **pp = &c->open[h]; *pp != NULL;) {
			struct sh_open *o = *pp;

			if (all || o->from == id) {
				*pp = o->next;
				sh_open_free(o);
			} else {
				pp = &o->next;
			}
		}
	sh_unlock(&c->lk);
}

void sh_open_gone(struct sh_chan *c, sh_id_t id)
{
	remove_if(c, id, false);
}

void sh_open_clear(struct sh_chan *c)
{
	remove_if(c, 0, true);
}
