/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dir.c - names -> objects, for the whole group
 *
 * Written under the lock; read without it. An entry is filled while its word says free, and storing the word is the
 * commit (journal.h): what a reader has seen is never taken back by a mend, nor does one bring what a reader did not see.
 * A reader compares, then looks at the word again: the serial in it tells an entry that was freed and used anew.
 */
#include <errno.h>
#include <string.h>

#include "base/fault.h"
#include "mem/priv.h"

struct key {
	uint64_t w[SH_DIR_NAME / 8];
	uint64_t hash;
};

/* false: longer than any name there is */
static bool make_key(struct key *k, const char *name)
{
	size_t n = strnlen(name, SH_DIR_NAME);

	if (n >= SH_DIR_NAME)
		return false;
	memset(k, 0, sizeof(*k));
	memcpy(k->w, name, n);
	k->hash = 0xcbf29ce484222325ull;
	for (size_t i = 0; i < n; i++)
		k->hash = (k->hash ^ (unsigned char)name[i]) * 0x100000001b3ull;
	return true;
}

uint64_t sh_dir_word(const struct sh_mem_hdr *h, uint32_t i, enum sh_kind kind)
{
	uint64_t w = sh_load_acq(&h->dir[i].word); /* A:DIR */

	return (w & SH_DIR_USED) != 0 && sh_dir_kind(w) == kind ? w : 0;
}

static bool same(const struct sh_dirent *d, const struct key *k)
{
	/* relaxed: if these change under us the word changes, and that is looked at again */
	if (sh_load_rlx(&d->hash) != k->hash)
		return false;
	for (unsigned i = 0; i < SH_DIR_NAME / 8; i++)
		if (sh_load_rlx(&d->name[i]) != k->w[i])
			return false;
	return true;
}

int sh_dir_find(const struct sh_mem_hdr *h, enum sh_kind kind, const char *name)
{
	uint64_t high = sh_load_acq(&h->dir_high); /* A:DIRHIGH pages below it are backed */
	struct key k;

	if (!make_key(&k, name))
		return -1;
	for (uint32_t i = 0; i < high; i++) {
		uint64_t w = sh_dir_word(h, i, kind);

		if (w == 0 || !same(&h->dir[i], &k))
			continue;
		sh_fence(); /* the compare before the second look */
		if (sh_load_rlx(&h->dir[i].word) == w) {
			sh_shm_acquire((void *)(uintptr_t)&h->dir[i].word);
			return (int)i;
		}
	}
	return -1;
}

/* a free entry; the table grows by one if there is none below the mark */
static int free_entry(struct sh_mem *m)
{
	struct sh_mem_hdr *h = m->h;
	uint64_t high = sh_load_rlx(&h->dir_high);
	int r;

	for (uint32_t i = 0; i < high; i++)
		if ((sh_load_rlx(&h->dir[i].word) & SH_DIR_USED) == 0)
			return (int)i;
	if (high >= SH_DIR_SLOTS)
		return -ENOSPC;
	r = sh_mem_back_entry(m, &h->dir[high]);
	if (r < 0)
		return r;
	sh_set(h, &h->dir_high, high + 1); /* R:DIRHIGH in sh_set() */
	return (int)high;
}

int sh_dir_add(struct sh_mem *m, enum sh_kind kind, const char *name, uint64_t obj)
{
	struct sh_mem_hdr *h = m->h;
	struct sh_dirent *d;
	struct key k;
	int i;

	if (!make_key(&k, name))
		return -ENAMETOOLONG;
	i = free_entry(m);
	if (i < 0)
		return i;
	d = &h->dir[i];
	sh_fence(); /* a reader that sees one of these stores sees the word that said free before them */
	sh_store_rlx(&d->hash, k.hash);
	sh_store_rlx(&d->obj, obj);
	sh_store_rlx(&d->owner, sh_self());
	for (unsigned n = 0; n < SH_DIR_NAME / 8; n++)
		sh_store_rlx(&d->name[n], k.w[n]);
	SH_STEP("mem_name_written");
	sh_set(h, &h->pub_word, ((sh_load_rlx(&d->word) >> 16) + 1) << 16 | (uint64_t)kind << 8 | SH_DIR_USED);
	sh_set(h, &h->pub_dir, (uint64_t)i + 1);
	return i;
}

void sh_dir_del(struct sh_mem *m, uint32_t i)
{
	struct sh_mem_hdr *h = m->h;

	sh_set(h, &h->pub_word, sh_load_rlx(&h->dir[i].word) >> 16 << 16);
	sh_set(h, &h->pub_dir, (uint64_t)i + 1);
}
