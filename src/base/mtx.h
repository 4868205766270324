/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mtx.h - a small private mutex: one atomic instruction to take, one to give back, a futex when it is contended
 *
 * For the few lines on the way of every message, where pthread_mutex_t costs twice as much. Never in shared memory: it has no
 * owner. States: 0 free, 1 held, 2 held and somebody may sleep.
 */
#ifndef SH_BASE_MTX_H
#define SH_BASE_MTX_H

#include "base/atom.h"
#include "base/futex.h"

struct sh_mtx {
	_Atomic uint32_t v;
};

static inline bool sh_trylock(struct sh_mtx *m)
{
	uint32_t free_ = 0;

	return sh_cas(&m->v, &free_, 1); /* A:MTX */
}

static inline void sh_lock(struct sh_mtx *m)
{
	if (sh_trylock(m))
		return;
	while (sh_xchg(&m->v, 2) != 0) /* A:MTX */
		sh_futex_wait(&m->v, 2, SH_FOREVER, SH_FUTEX_ANY, false);
}

static inline void sh_unlock(struct sh_mtx *m)
{
	if (sh_xchg(&m->v, 0) == 2) /* R:MTX */
		sh_futex_wake(&m->v, 1, SH_FUTEX_ANY, false);
}

#endif
