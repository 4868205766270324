/* SPDX-License-Identifier: BSD-3-Clause */
/* journal.c - undo records. See journal.h. */
#include "mem/journal.h"

#include "base/fault.h"

/*
 * The three stores must become visible in this order to whoever mends: record, count, word. Each is a release store, and
 * what an undo reads is behind the kernel's proof of the writer's death, which orders everything it did.
 */
void sh_set(struct sh_mem_hdr *h, sh_w64 *word, uint64_t value)
{
	uint64_t n = sh_load_rlx(&h->undo_n); /* relaxed, as all of these: only the lock's owner reads and writes */

	if (n >= SH_UNDO_MAX)
		__builtin_trap(); /* the longest change needs 30: this is a bug here, not a state that can come about */
	sh_store_rlx(&h->undo[n].off, (uint64_t)((unsigned char *)word - (unsigned char *)h));
	sh_store_rlx(&h->undo[n].old, sh_load_rlx(word));
	sh_store_rel(&h->undo_n, n + 1);
	SH_STEP("mem_set_logged");
	sh_store_rel(word, value);
	SH_STEP("mem_set_done");
}

/* A change without a name is final when the journal is empty */
void sh_commit(struct sh_mem_hdr *h)
{
	uint64_t dir = sh_load_rlx(&h->pub_dir); /* relaxed: only the lock's owner writes it */

	if (dir != 0) {
		sh_shm_release(&h->dir[dir - 1].word);
		sh_store_rel(&h->dir[dir - 1].word, sh_load_rlx(&h->pub_word)); /* R:DIR */
		SH_STEP("mem_name_published");
	}
	sh_store_rel(&h->undo_n, 0);
}

void sh_undo_all(struct sh_mem_hdr *h)
{
	for (uint64_t n = sh_load_acq(&h->undo_n); n > 0; n--) {
		uint64_t off = sh_load_rlx(&h->undo[n - 1].off);

		SH_STEP("mem_undo");
		sh_store_rel((sh_w64 *)(void *)((unsigned char *)h + off), sh_load_rlx(&h->undo[n - 1].old));
	}
	SH_STEP("mem_undone");
	sh_store_rel(&h->undo_n, 0);
}

/*
 * An undo that was cut short has emptied pub_dir before it restored pub_word, for they were set the other way round: the
 * two are never of different changes.
 */
void sh_recover(struct sh_mem_hdr *h)
{
	uint64_t dir = sh_load_acq(&h->pub_dir);

	if (dir != 0 && sh_load_acq(&h->dir[dir - 1].word) == sh_load_acq(&h->pub_word))
		sh_commit(h);
	else
		sh_undo_all(h);
}
