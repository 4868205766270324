/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exchange.h - growing and giving back when somebody observes: all who observe say yes before anybody uses it
 *
 * The record of the exchange is struct sh_xchg in the header, one at a time in the group. Its coordinator is the primary, or
 * the requester when there is none; whoever finds the coordinator dead, or waited too long for it, takes its place. The
 * steps and what each survivor sees are in README.md; test/model/growth.pml is the model.
 */
#ifndef SH_MEM_EXCHANGE_H
#define SH_MEM_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "mem/priv.h"

/* under G: do pages come (go) by an exchange now? */
bool sh_exchange_wanted(const struct sh_mem *m, enum sh_xkind kind);
/*
 * Have units [u, u + n) of my BUSY run, which begins at busy, backed or their pages given back. No lock held. 0; -ECANCELED:
 * refused (a line was written); -ENOMEM, -ENOBUFS, -EFBIG: the coordinator cannot; or as the locks say. After an error of a
 * GROW nothing of it is backed.
 */
int sh_exchange(enum sh_xkind kind, uint32_t busy, uint32_t u, uint32_t n);

/*
 * Is this unit, though it is backed, not there for those who observe? So it is while a growth has not come so far that they
 * are told, while it is taken back, and while pages go, unless they turn out to stay. Any thread; the answer may be old.
 */
static inline bool sh_xchg_hides(const struct sh_mem *m, uint32_t u)
{
	const struct sh_xchg *x = &m->h->xchg;
	uint64_t phase = sh_load_acq(&x->phase); /* A:XCHG who sees it open sees the rest */

	return phase != SH_X_IDLE && u - sh_load_rlx(&x->unit) < sh_load_rlx(&x->units) && phase != SH_X_STAY &&
	       !(phase == SH_X_SYNC && sh_load_rlx(&x->kind) == SH_X_GROW);
}
/* under H: is an exchange open on the BUSY run that begins here? Then it is not to be freed, whoever is dead. */
static inline bool sh_xchg_open_on(const struct sh_mem *m, uint32_t busy)
{
	const struct sh_xchg *x = &m->h->xchg;

	return sh_load_acq(&x->phase) != SH_X_IDLE && sh_load_rlx(&x->busy) == busy; /* A:XCHG */
}

int sh_exchange_start(struct sh_mem *m);
void sh_exchange_stop(struct sh_mem *m);
/* watcher thread: this member is gone; its exchange is not left open */
void sh_exchange_gone(struct sh_mem *m, sh_id_t id);

#endif
