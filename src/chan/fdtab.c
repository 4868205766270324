/* SPDX-License-Identifier: BSD-3-Clause */
/* fdtab.c - see fdtab.h: how words change */
#include "chan/fdtab.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/fault.h"
#include "base/futex.h"

#define PATIENCE 20
#define PAGE 4096u /* the table grows by so many bytes */

static bool gone(sh_id_t id)
{
	return !sh_member_alive(id) || sh_member_probe(id) == 1;
}

static bool there(unsigned i)
{
	return i < SHOAL_FD_NAMES &&
	       sh_group_has(SH_FD_FD_TAB, offsetof(struct sh_fdtab, e[0]) + (i + 1ull) * sizeof(struct sh_fdent));
}

/* 0, or as sh_group_grow() */
static int want(unsigned i)
{
	uint64_t end = offsetof(struct sh_fdtab, e[0]) + (i + 1ull) * sizeof(struct sh_fdent);

	return sh_group_grow(SH_FD_FD_TAB, (end + PAGE - 1) / PAGE * PAGE);
}

struct sh_fdent *sh_fdtab_entry(unsigned i)
{
	static struct sh_fdent none;

	return there(i) ? &sh_fdtab()->e[i] : &none;
}

unsigned sh_fdtab_high(void)
{
	uint32_t high = sh_load_acq(&sh_fdtab()->high); /* A:FDHIGH */

	high = high < SHOAL_FD_NAMES ? high : SHOAL_FD_NAMES;
	while (high != 0 && !there(high - 1)) /* raised by who never had a further entry */
		high--;
	return high;
}

static bool move(unsigned i, uint64_t *word, enum sh_fd_state to)
{
	uint64_t w = *word, next = (w & ~(15ull << 60)) | (uint64_t)to << 60;

	sh_shm_release(sh_region());
	if (!sh_cas(&sh_fdtab()->word[i], &w, next)) /* R:FDWORD */
		return false;
	*word = next;
	return true;
}

static void changed(void)
{
	sh_add(&sh_fdtab()->change, 1);
	sh_futex_wake(&sh_fdtab()->change, INT_MAX, SH_FUTEX_ANY, true);
}

int sh_fdtab_claim(const struct sh_fd_what *what, uint64_t *word)
{
	struct sh_fdtab *t = sh_fdtab();
	uint64_t bytes[SH_FD_WORDS] = {0};

	for (unsigned i = 0; i < SHOAL_FD_NAMES; i++) {
		uint64_t w = sh_fdtab_word(i);
		uint32_t high = sh_load_rlx(&t->high); /* relaxed: by CAS below */

		if (sh_fd_word_state(w) != SH_FD_FREE)
			continue;
		if (want(i) < 0)
			return -ENOMEM;
		*word = sh_fd_word(SH_FD_MAKING, sh_self(), sh_fd_word_serial(w) + 1);
		if (!sh_cas(&t->word[i], &w, *word)) /* A:FDWORD */
			continue;
		while (high <= i && !sh_cas(&t->high, &high, i + 1)) /* R:FDHIGH */
			;
		SH_STEP("fd_claimed");
		sh_shm_acquire(sh_region());
		memcpy(bytes, what, sizeof(bytes));
		sh_fence(); /* a reader that sees one of these stores sees the word of the claim */
		for (unsigned n = 0; n < SH_FD_WORDS; n++)
			sh_store_rlx(&t->e[i].what[n], bytes[n]); /* relaxed: behind word */
		SH_STEP("fd_written");
		return (int)i;
	}
	return -ENOSPC;
}

bool sh_fdtab_read(unsigned i, uint64_t word, struct sh_fd_what *what)
{
	const struct sh_fdent *e = sh_fdtab_entry(i);
	uint64_t bytes[SH_FD_WORDS] = {0};

	sh_shm_acquire(sh_region());
	for (unsigned n = 0; n < SH_FD_WORDS; n++)
		bytes[n] = sh_load_rlx(&e->what[n]); /* relaxed: word is looked at again */
	memcpy(what, bytes, sizeof(*what));
	sh_fence(); /* the copy before the second look */
	return sh_load_rlx(&sh_fdtab()->word[i]) == word && sh_fd_what_ok(what);
}

int sh_fdtab_find(const char *name, uint64_t *word)
{
	for (unsigned i = 0; i < sh_fdtab_high(); i++) {
		struct sh_fd_what what;

		*word = sh_fdtab_word(i);
		if (sh_fd_word_state(*word) == SH_FD_LIVE && sh_fdtab_read(i, *word, &what) &&
		    strcmp(what.name, name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

/* does entry k try, or has it got, this name? Its word */
static uint64_t rival(unsigned k, const char *name)
{
	for (;;) {
		uint64_t w = sh_fdtab_word(k);
		enum sh_fd_state st = sh_fd_word_state(w);
		struct sh_fd_what what;

		if (st != SH_FD_TRY && st != SH_FD_LIVE)
			return 0;
		if (sh_fdtab_read(k, w, &what))
			return strcmp(what.name, name) == 0 ? w : 0;
		if (sh_fdtab_word(k) == w) /* bytes that mean nothing */
			return 0;
	}
}

/* what the others say to my TRY of entry i: 0 nobody has this name, 1 one above tries as well, 2 one below does, -EEXIST */
static int rivals(unsigned i, const char *name)
{
	int r = 0;

	for (unsigned k = 0; k < sh_fdtab_high(); k++) {
		uint64_t w = k != i ? rival(k, name) : 0;

		if (w == 0)
			continue;
		if (sh_fd_word_state(w) == SH_FD_LIVE)
			return -EEXIST;
		if (gone(sh_fd_word_maker(w)))
			(void)sh_fdtab_close(k, w);
		else
			r = k < i ? 2 : r == 0 ? 1 : r;
	}
	return r;
}

int sh_fdtab_try(unsigned i, uint64_t *word, const char *name)
{
	uint32_t seen = 0;
	int r;

	if (!move(i, word, SH_FD_TRY))
		return -ESTALE;
	SH_STEP("fd_tried");
	for (unsigned n = 0; n < PATIENCE; n++) {
		seen = sh_load_acq(&sh_fdtab()->change); /* a hint: words decide */
		sh_fence();				 /* SB:FDTRY */
		r = rivals(i, name);
		if (r != 1)
			break;
		/* it goes back or wins soon, unless it is stopped */
		(void)sh_futex_wait(&sh_fdtab()->change, seen, sh_deadline(SH_NS_PER_MS), SH_FUTEX_ANY, true);
	}
	if (r == 0) {
		if (!move(i, word, SH_FD_LIVE))
			return -ESTALE;
		changed();
		SH_STEP("fd_live");
		return 1;
	}
	if (!move(i, word, SH_FD_MAKING))
		return -ESTALE;
	changed();
	if (r < 0)
		return r;
	(void)sh_futex_wait(&sh_fdtab()->change, seen + 1, sh_deadline(SH_NS_PER_MS), SH_FUTEX_ANY, true);
	return 0;
}

bool sh_fdtab_close(unsigned i, uint64_t word)
{
	bool r = sh_fd_word_state(word) != SH_FD_FREE && sh_fd_word_state(word) != SH_FD_CLOSED &&
		 move(i, &word, SH_FD_CLOSED);

	if (r) {
		changed();
		SH_STEP("fd_closed");
		sh_fence(); /* SB:FDHOLD the revoker's side */
	}
	return r;
}

void sh_fdtab_free(unsigned i)
{
	uint64_t w = sh_fdtab_word(i);

	if (sh_fd_word_state(w) == SH_FD_CLOSED && sh_fdtab_holders(i, NULL) == 0 && move(i, &w, SH_FD_FREE))
		SH_STEP("fd_freed");
}

void sh_fdtab_hold(unsigned i, bool have)
{
	struct sh_fdent *e = sh_fdtab_entry(i);
	sh_id_t self = sh_self();

	sh_store_rel(&e->hold[sh_id_slot(self)], have ? sh_id_gen(self) : 0); /* R:FDHOLD */
	sh_fence();							      /* SB:FDHOLD the holder's side */
	if (have)
		return;
	sh_add(&e->gone, 1);
	sh_futex_wake(&e->gone, INT_MAX, SH_FUTEX_ANY, true);
}

unsigned sh_fdtab_holders(unsigned i, sh_id_t *ids)
{
	const struct sh_fdent *e = sh_fdtab_entry(i);
	unsigned n = 0;

	for (unsigned s = 0; s < SH_MEMBERS; s++) {
		uint32_t gen = sh_load_acq(&e->hold[s]); /* A:FDHOLD */

		if (gen == 0 || !sh_member_alive(SH_ID(s, gen)))
			continue;
		if (ids != NULL)
			ids[n] = SH_ID(s, gen);
		n++;
	}
	return n;
}

void sh_fdtab_sweep(void)
{
	for (unsigned i = 0; i < sh_fdtab_high(); i++) {
		uint64_t w = sh_fdtab_word(i);
		enum sh_fd_state st = sh_fd_word_state(w);

		if (((st == SH_FD_MAKING || st == SH_FD_TRY) && !sh_member_alive(sh_fd_word_maker(w))) ||
		    (st == SH_FD_LIVE && sh_fdtab_holders(i, NULL) == 0))
			(void)sh_fdtab_close(i, w);
		sh_fdtab_free(i);
	}
}
