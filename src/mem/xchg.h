/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * xchg.h - between the files of the exchange: exchange.c requests, xchg_coord.c coordinates, xchg_member.c answers, and
 * xchg_record.c has the record in the header
 *
 * Every change of the record, of bits and of pages happens under G after a look at `stint`: a coordinator that was stopped
 * for so long that somebody took its place finds another number there and does nothing more. Nothing is waited for under a
 * lock: between two steps the coordinator holds none.
 *
 * Steps are printed by number: at level debug, in a group that runs with --mem-sync=always at level info. Which of the two
 * it is the requester finds in shared memory and says in its request, so all lines of an exchange have one level.
 */
#ifndef SH_MEM_XCHG_H
#define SH_MEM_XCHG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "mem/exchange.h"
#include "proc/proc.h"

/* GOES: pages are about to go, tell your callbacks; STAYS: they could not go, tell them that too */
enum sh_xwhat { SH_XW_REQUEST, SH_XW_GOES, SH_XW_SYNC, SH_XW_AGAIN, SH_XW_STAYS };

struct sh_xmsg {
	uint32_t what, kind;
	uint64_t number, epoch;
	sh_id_t requester;
	uint32_t busy, u, n, loud; /* loud: steps are printed at level info */
};

/* an exchange that I coordinate */
struct sh_stint {
	struct sh_xmsg q;
	uint64_t mine;
	uint64_t set[SH_MEMBERS / 64];	 /* slots of those to be asked */
	uint64_t tell[SH_MEMBERS / 64];	 /* slots of those with callbacks */
	uint64_t quiet[SH_MEMBERS / 64]; /* slots of those that let a time limit pass: not waited for again */
	bool waited;			 /* a little, for those that have been silent since an exchange before */
	char why[128];			 /* who said no, how */
};

#define SH_XLINE(q, fmt, ...)                                                                                          \
	sh_log_line((q)->loud ? SH_INFO : SH_DEBUG, "mem: %s #%llu" fmt, (q)->kind == SH_X_GROW ? "grow" : "free",     \
		    (unsigned long long)(q)->number, __VA_ARGS__)
#define SH_XSTEP(q, no, fmt, ...) SH_XLINE(q, " step %d: " fmt, (no), __VA_ARGS__)

/* so long may a member take to say yes; three times as long a requester waits for its coordinator */
static inline uint64_t sh_xlimit_ns(void)
{
	return SH_FAULT_NUM("SHOAL_XCHG_MS", 5000) * SH_NS_PER_MS;
}

static inline unsigned sh_xkib(const struct sh_xmsg *q)
{
	return q->n * (unsigned)(SH_UNIT / 1024);
}

static inline bool sh_xgone(sh_id_t id)
{
	return id != sh_self() && (!sh_member_alive(id) || sh_member_probe(id) == 1);
}

/* ---- who is waited for: see struct sh_xpeer ---- */

static inline struct sh_xpeer *sh_xpeer(const struct sh_mem *m, unsigned slot)
{
	return &m->h->peers[slot];
}
static inline uint32_t sh_xheard(const struct sh_mem *m, sh_id_t id)
{
	return sh_load_rlx(&sh_xpeer(m, sh_id_slot(id))->heard);
}
/* this member has let a time limit pass; heard: as it was before it was asked */
static inline void sh_xsilent(struct sh_mem *m, sh_id_t id, uint32_t heard)
{
	sh_store_rlx(&sh_xpeer(m, sh_id_slot(id))->silent, heard + 1);
}
static inline bool sh_xis_silent(const struct sh_mem *m, unsigned slot)
{
	return sh_load_rlx(&sh_xpeer(m, slot)->silent) == sh_load_rlx(&sh_xpeer(m, slot)->heard) + 1;
}
/* I have come on */
static inline void sh_xcame_on(struct sh_mem *m)
{
	sh_add_rlx(&sh_xpeer(m, sh_id_slot(sh_self()))->heard, 1);
}

/* ---- xchg_record.c ---- */

/* does the group run with --mem-sync=always? While a member lives that was started with it. Any thread; may be old */
bool sh_xrec_always(const struct sh_mem *m);
/* under G: is this exchange still mine? */
bool sh_xrec_fence(const struct sh_mem *m, const struct sh_stint *s);
/* -EAGAIN: another is open; -ESTALE: the requester waits no more; or as the locks */
int sh_xrec_open(struct sh_mem *m, struct sh_stint *s);
/* take the place of who had this stint: false, it is over or somebody else was faster */
bool sh_xrec_take_over(struct sh_mem *m, uint64_t seen, struct sh_stint *s);
/* 0, or -ESTALE: it is no longer mine; IDLE closes it */
int sh_xrec_phase(struct sh_mem *m, struct sh_stint *s, enum sh_xphase phase);
/* which request my BUSY run waits for, 0: none; said in its descriptor, for a coordinator that comes late */
int sh_xrec_waits_for(struct sh_mem *m, uint32_t busy, uint64_t number);

/* ---- xchg_coord.c ---- */

/* -ESTALE: the requester does not wait any more, or somebody took my place */
int sh_xcoord(struct sh_mem *m, const struct sh_xmsg *q);
/* a dead or stopped coordinator's exchange that is mine now */
void sh_xcoord_repair(struct sh_mem *m, struct sh_stint *s);
/*
 * Until it is closed, or taken over: by proof of its coordinator's death, or when one coordinator has had it for four times
 * the limit. late: I have waited for this one already. number 0: any. 0, or as the lock
 */
int sh_xcoord_close(struct sh_mem *m, uint64_t number, bool late);

/* ---- xchg_member.c: the service that answers others ---- */

/* from now on what others request is coordinated; what is queued is not begun, and nothing runs any more */
void sh_xmember_open(void);
void sh_xmember_close(void);
int sh_xmember_serve(void *arg, sh_id_t from, const void *data, size_t len);

#endif
