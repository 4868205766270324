/* SPDX-License-Identifier: BSD-3-Clause */
/* priv.h - between the files of this room. Everything but find functions wants the lock. */
#ifndef SH_MEM_PRIV_H
#define SH_MEM_PRIV_H

#include <stdbool.h>

#include "mem/journal.h"
#include "mem/layout.h"
#include "mem/mem.h"
#include "mem/page.h"

/* mem.c */
/*
 * 0: taken, and everything is in a valid state; or as sh_lock_ask(), -ENODEV before start. -ETIMEDOUT: somebody is stopped
 * with it. Who has something in hand then makes it SH_NOBODY's.
 */
int sh_mem_lock(struct sh_mem **ret);
/* the same without waiting: -EBUSY. For the watcher: a member that is stopped with the lock must not stop it */
int sh_mem_trylock(struct sh_mem **ret);
void sh_mem_unlock(struct sh_mem *m);
/* the same of G, to be taken before H and left after it: back.c's state is valid */
int sh_mem_lock_grow(struct sh_mem **ret);
void sh_mem_unlock_grow(struct sh_mem *m);
/* carry out what is committed but not done: give the pages back */
void sh_mem_settle(struct sh_mem *m);

/* window.c: pages of a file */
/* Put pages under [off, off + len), growing the file: 0, -EFBIG (RLIMIT_FSIZE), -ENOBUFS. Never a signal. */
int sh_file_back(int fd, uint64_t off, uint64_t len);
void sh_file_punch(int fd, uint64_t off, uint64_t len);
/* bytes that a file holds */
uint64_t sh_file_held(int fd);
/* the tables of the header window, each in a file of its own: mapped over the window; 0 or -errno */
int sh_tables_map(struct sh_mem *m);
/* an entry of a table is used for the first time: back its page if it is the first in it. As sh_file_back() */
int sh_mem_back_entry(const struct sh_mem *m, const void *entry);
#define sh_page_down(x) ((x) & ~(SH_MEM_PAGE - 1))
#define sh_page_up(x) (((x) + SH_MEM_PAGE - 1) & ~(SH_MEM_PAGE - 1))

/* dir.c: the name directory */
/* Index, or -1. Without the lock. */
int sh_dir_find(const struct sh_mem_hdr *h, enum sh_kind kind, const char *name);
/* A new name, seen by others from the commit on: index, -ENOSPC, or as sh_mem_back() */
int sh_dir_add(struct sh_mem *m, enum sh_kind kind, const char *name, uint64_t obj);
/* take it out, in the same way */
void sh_dir_del(struct sh_mem *m, uint32_t i);
/* the used word of an entry if it is of this kind, else 0 */
uint64_t sh_dir_word(const struct sh_mem_hdr *h, uint32_t i, enum sh_kind kind);

/* run.c, under G and H: the window is longer by so many units, which are free and not backed */
void sh_run_extend(struct sh_mem *m, unsigned w, uint32_t units);

/* under H, journalled: a free run is not in the list of those that have pages any more, whatever it has */
void sh_run_forget_age(struct sh_mem *m, uint32_t u);
/* units of the free run at the window's end */
uint32_t sh_run_tail(const struct sh_mem *m, unsigned w);

/* back.c: which units are backed. Each takes G itself where it does not say otherwise */
static inline struct sh_step *sh_step_of(const struct sh_mem *m, uint32_t u)
{
	unsigned char *at = (unsigned char *)m->h + SH_STEPS_OFF;

	return (struct sh_step *)(void *)at + (size_t)(sh_unit_idx(u) / SH_STEP_UNITS) * SH_WINDOWS + sh_unit_w(u);
}
static inline bool sh_unit_backed(const struct sh_mem *m, uint32_t u)
{
	/* relaxed: of a run that the caller has, or under a lock: nobody changes it */
	return sh_load_rlx(&sh_step_of(m, u)->bit[u / 64 % 2]) >> u % 64 & 1;
}
/* no lock: descriptors and steps of units [was, end) have pages; twice does no harm */
int sh_back_tables(struct sh_mem *m, unsigned w, uint32_t was, uint32_t end);
/*
 * Put pages under what is missing of a BUSY run, take them away. Before each piece the gate is asked, under G, and when pages
 * have come again, before they count: what it returns other than 0 ends it. What was done before an error stays done.
 * whole: G is held over the whole of a piece: for who does it for another, and may be replaced.
 */
struct sh_back_gate {
	int (*fn)(const struct sh_mem *m, void *arg);
	void *arg;
	bool whole;
};
int sh_back_fill(struct sh_mem *m, uint32_t u, uint32_t n, const struct sh_back_gate *gate);
int sh_back_punch(struct sh_mem *m, uint32_t u, uint32_t n, const struct sh_back_gate *gate);
/* no lock: bytes that the machine and the cgroups have left, if so many units are to come: about */
uint64_t sh_back_room(const struct sh_mem *m, uint32_t units);
/* under G: units that pg.backed counts and that have no bit */
uint64_t sh_back_pending(const struct sh_mem *m);
/* a look: units of all pieces that are being worked on */
uint64_t sh_back_at_work(const struct sh_mem *m);
/* a look: did this member leave something half done? */
bool sh_back_left(const struct sh_mem *m, sh_id_t id);
/* under G, after a death */
void sh_back_mend(struct sh_mem *m);
/* no lock: what has no bit in a stretch of a BUSY run of the caller's shall have no page */
void sh_back_clear(struct sh_mem *m, uint32_t u, uint32_t n);

/*
 * page.c: the one place where pages come, and the one where they go. No lock is held. [u, u + n) is a BUSY run of the
 * caller, or a part of one.
 */
int sh_grow_commit(struct sh_mem *m, uint32_t busy, uint32_t u, uint32_t n);
int sh_shrink_commit(struct sh_mem *m, uint32_t u, uint32_t n);
/* under H, journalled: this part of a free run is BUSY, and mine */
void sh_run_busy(struct sh_mem *m, const struct sh_run *part);

/* decay.c */
void sh_decay_start(void);
void sh_decay_stop(void);
/* no lock: something became free */
void sh_decay_note(struct sh_mem *m);
/* no lock: somebody comes by. Is something overdue that others should have given back? */
void sh_decay_see(struct sh_mem *m);
/* no lock: a span that another thread owns may be wholly free */
void sh_decay_idle(void);
/* no lock: something is SH_NOBODY's: this process' thread sees to it as soon as it gets the locks */
void sh_decay_late(void);
/* no lock: free pages go back at once, oldest first, until so many units have. How many, or -errno */
int64_t sh_mem_trim(uint64_t units);
/* no lock: another has asked all to look. The thread is there from now on, if there is anything to be looked after */
void sh_decay_join(struct sh_mem *m);

/* strays.c: pages that nobody asked for, and who looks after what is to go back. No lock */
/* there is something of that kind, from now on until a look finds nothing */
void sh_watch(struct sh_mem *m, enum sh_watch what);
/* the same, if the files have holes */
void sh_watch_holes(struct sh_mem *m);
/* 0: it is for this process to look, now; else so many ms from now, UINT64_MAX: never, there is nothing */
uint64_t sh_watch_turn(struct sh_mem *m);
/* after a look. more: there is something else than holes. false: nothing is left to be looked after */
bool sh_watch_on(struct sh_mem *m, bool more);
/* Pages in holes go. How many units had some, about; or -errno. quit, may be NULL: go on later */
int64_t sh_strays_take(struct sh_mem *m, const _Atomic bool *quit);

/* huge.c */
/* The creator: which windows are there to be? 0, or -ENOMEM and a line. fd: the file of the window of huge pages */
int sh_huge_plan(int fd, bool *small, bool *large);
/* huge pages that may be had now */
uint64_t sh_huge_free(void);
/* may the kernel join ordinary pages of shared memory, and do we want that? */
bool sh_huge_joined(void);

/* page.c: for those who commit more than the run */
struct sh_hold {
	struct sh_run want; /* what was asked for; free: the BUSY run around it */
	uint32_t units;	    /* of the BUSY run */
};
/* As sh_pages_take(), but what is returned is BUSY and mine, to be made something by sh_run_recut() under H. */
int sh_pages_hold(const struct sh_pages_ask *ask, struct sh_hold *ret);
/* no lock: it is not needed after all; or: it has been made something */
void sh_pages_unhold(struct sh_mem *m, const struct sh_hold *hold);
void sh_pages_held(struct sh_mem *m);
/* the same, after an error: it may be that nobody may have it yet */
void sh_pages_drop(struct sh_mem *m, const struct sh_hold *hold, int err);
/* under H: the largest free run of the window; 0 units: there is none */
void sh_run_largest(const struct sh_mem *m, unsigned w, uint32_t align, struct sh_run *ret);
/* units of the largest run that could be had in the window, if all its missing pages came. Under H */
uint64_t sh_run_room(const struct sh_mem *m, unsigned w);
/* under H, journalled: lists by link */
void sh_run_link(struct sh_mem *m, sh_w64 *head, uint32_t u);
void sh_run_unlink(struct sh_mem *m, sh_w64 *head, uint32_t u);

/* page.c: under H, after a death: what it had in hand is free. true: there was some, and sh_pages_held() tells who waits */
bool sh_pages_reap(struct sh_mem *m);
/* quota.c */
uint64_t sh_pages_default_max(void);
/* the creator: what the options want to be there from the start. 0, or -ENOMEM and a line */
int sh_pages_first(struct sh_mem *m);

/* look.c */
/* a descriptor as words: who looks without the lock copies one that the lock's owner may be writing, and looks at it then */
#define SH_ZONE_WORDS (sizeof(struct rte_memzone) / 8)
union sh_zone_words {
	struct rte_memzone mz;
	uint64_t w[SH_ZONE_WORDS];
};
_Static_assert(sizeof(union sh_zone_words) == sizeof(struct rte_memzone), "whole words");
/* a descriptor's entry of the table; not checked */
struct sh_zone *sh_zone_of(const struct sh_mem *m, const struct rte_memzone *mz);
/* its index, or -1: not a pointer that reserve or lookup returned, or the zone is gone */
int sh_zone_slot(const struct sh_mem *m, const struct rte_memzone *mz);
/* waits, and says so; -ETIMEDOUT: who has it is stopped */
int sh_guard_take(struct sh_zone *z);
void sh_guard_leave(struct sh_zone *z);

/* zone.c */
/* the size of a class of small zones, and how many have a place in one run of it */
uint32_t sh_zclass_size(unsigned c);
uint32_t sh_zclass_places(unsigned c);
uint32_t sh_zclass_units(unsigned c);
/* how many zones a group that is created now may have */
uint32_t sh_zone_wanted(void);

#endif
