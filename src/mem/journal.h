/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * journal.h - changes of the header that a death cannot leave half done
 *
 * Under the lock a word is changed only by sh_set(), which first writes down where it lies and what it held. A change
 * of several words with which a name comes or goes is made final by the store of that name's word: what readers without the
 * lock see and what a mend will keep are the same at every moment, also after a death. One without a name is final when
 * the journal is empty.
 *
 *   sh_commit()    stores the name's word (pub_word into entry pub_dir - 1), if there is one, and empties the journal
 *   sh_undo_all()  takes back what is in the journal, newest first
 *   sh_recover()   after a death: commit if the name's word is stored, else undo
 *
 * Each may be interrupted by a death at any point and be begun again by somebody else: old values do not change, and no
 * word that a name ever had comes back, for there is a serial in it.
 */
#ifndef SH_MEM_JOURNAL_H
#define SH_MEM_JOURNAL_H

#include "mem/layout.h"

void sh_set(struct sh_mem_hdr *h, sh_w64 *word, uint64_t value);
void sh_commit(struct sh_mem_hdr *h);
void sh_undo_all(struct sh_mem_hdr *h);
void sh_recover(struct sh_mem_hdr *h);

#endif
