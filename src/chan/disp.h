/* SPDX-License-Identifier: BSD-3-Clause */
/* disp.h - between role.c (who reads the inbox and sleeps where) and disp.c (who runs actions); nobody else's. */
#ifndef SH_CHAN_DISP_H
#define SH_CHAN_DISP_H

#include "chan/chan_int.h"

#define SPIN_NS (20 * SH_NS_PER_US)
#define SPIN_GIVE_UP 32	     /* so many spins in a row for nothing: from then on one in 16 */
#define SLOW_NS SH_NS_PER_MS /* how long to wait for a long queue to get shorter */
#define QUEUE_LONG 1024	     /* items queued and not run: from here on messages stay in their lanes */
#define QUEUE_FDS 256	     /* the same of fds: a slow action must not cost the program all it may have open */

static inline bool sh_is_answer(const struct sh_msg *m)
{
	return m->type == SH_R_REP || m->type == SH_R_IGN || m->type == SH_R_REFUSE;
}

/* role.c */
uint32_t sh_wake_set(struct sh_chan *c); /* the inbox word says who sleeps now. Under lk; returns the word */
void sh_wake_sleeper(struct sh_chan *c, uint32_t kind);
uint64_t sh_nap(uint64_t dl, unsigned vain); /* when to look again though nobody woke me; so many looks were in vain */
unsigned sh_nap_over(unsigned vain, int wait, bool vain_again); /* what sh_futex_wait() returned; the new number */
bool sh_same_cpu(struct sh_chan *c, sh_id_t peer);
void sh_note_cpu(struct sh_chan *c);
bool sh_spin_worth(uint32_t fails);

/* disp.c */
void sh_baton_drop(struct sh_chan *c);
void sh_baton_take(struct sh_chan *c); /* waits until nobody has it */

#endif
