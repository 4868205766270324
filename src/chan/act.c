/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * act.c - names and what is to be called for them
 *
 * The list belongs to lk. A call holds its action (running > 0), so that unregister can wait until no call is left; an action
 * that is removed while it runs is freed by the last call that ends. Names of actions that take 256 bytes only are
 * published as hashes in the inbox, so that a sender can be told before it sends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/futex.h"
#include "chan/chan_int.h"

static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	return h != 0 ? h : 1;
}

bool sh_act_small(sh_id_t who, const char *name)
{
	struct sh_inbox *b = sh_inbox_of(sh_id_slot(who));
	uint64_t h = hash(name);

	sh_shm_acquire(sh_region()); /* zeroed by whoever served its join, perhaps a thread of mine */
	for (unsigned i = 0; i < SH_SMALL; i++)
		if (sh_load_rlx(&b->small[i]) == h) /* relaxed: the receiver checks again */
			return true;
	return false;
}

/* under lk: put or take away a hash. No place left: the receiver's own check has to do. */
static void publish(struct sh_chan *c, uint64_t from, uint64_t to)
{
	for (unsigned i = 0; i < SH_SMALL; i++)
		if (sh_load_rlx(&c->inbox->small[i]) == from) {
			sh_store_rlx(&c->inbox->small[i], to);
			return;
		}
}

static struct sh_action *find(struct sh_chan *c, const char *name)
{
	for (struct sh_action *a = c->actions; a != NULL; a = a->next)
		if (!a->gone && strcmp(a->name, name) == 0)
			return a;
	return NULL;
}

int sh_act_add(struct sh_chan *c, const char *name, rte_mp_t rte, shoal_action_t shoal, void *arg)
{
	struct sh_action *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	a->rte = rte;
	a->shoal = shoal;
	a->arg = arg;
	memcpy(a->name, name, strlen(name) + 1);
	sh_lock(&c->lk);
	if (find(c, name) != NULL) {
		sh_unlock(&c->lk);
		free(a);
		return -EEXIST;
	}
	a->next = c->actions;
	c->actions = a;
	if (shoal == NULL)
		publish(c, 0, hash(name));
	/* requests that came before the name was there */
	sh_early_release(c, name);
	sh_disp_kick_locked(c);
	sh_unlock(&c->lk);
	return 0;
}

struct sh_action *sh_act_hold(struct sh_chan *c, const char *name)
{
	struct sh_action *a = find(c, name);

	if (a != NULL)
		a->running++;
	return a;
}

static void unlink_action(struct sh_chan *c, struct sh_action *a)
{
	for (struct sh_action **pp = &c->actions; *pp != NULL; pp = &(*pp)->next)
		if (*pp == a) {
			*pp = a->next;
			free(a);
			return;
		}
}

void sh_act_drop(struct sh_chan *c, struct sh_action *a)
{
	sh_lock(&c->lk);
	if (--a->running == 0 && a->gone)
		unlink_action(c, a);
	if (c->drainers != 0) { /* under lk, as they count themselves */
		sh_add(&c->done_seq, 1);
		sh_futex_wake(&c->done_seq, INT_MAX, SH_FUTEX_ANY, false);
	}
	sh_unlock(&c->lk);
}

/* under lk: calls under that name, also of an action that was removed meanwhile */
static unsigned running(struct sh_chan *c, const char *name)
{
	unsigned n = 0;

	for (struct sh_action *a = c->actions; a != NULL; a = a->next)
		if (strcmp(a->name, name) == 0)
			n += a->running;
	return n;
}

int sh_act_drain(struct sh_chan *c, const char *name, uint64_t dl)
{
	int r = 0;

	sh_lock(&c->lk);
	c->drainers++;
	while (running(c, name) != 0) {
		uint32_t seq = sh_load_rlx(&c->done_seq); /* relaxed: under lk */

		if (sh_now_ns() >= dl) {
			r = -ETIMEDOUT;
			break;
		}
		sh_unlock(&c->lk);
		sh_futex_wait(&c->done_seq, seq, dl, SH_FUTEX_ANY, false);
		sh_lock(&c->lk);
	}
	c->drainers--;
	sh_unlock(&c->lk);
	return r;
}

void sh_act_del(struct sh_chan *c, const char *name)
{
	struct sh_action *a;

	sh_lock(&c->lk);
	a = find(c, name);
	if (a != NULL) {
		if (a->shoal == NULL)
			publish(c, hash(name), 0);
		a->gone = true;
		if (a->running == 0)
			unlink_action(c, a);
	}
	sh_unlock(&c->lk);
	if (a != NULL && !sh_in_action())
		(void)sh_act_drain(c, name, SH_FOREVER);
}
