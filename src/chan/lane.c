/* SPDX-License-Identifier: BSD-3-Clause */
/* lane.c - the table of lanes: claim, back, map, free. See lane.h. */
#include "chan/lane.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "chan/inbox.h"
#include "proc/proc.h"

#define PAGE 4096u /* the table grows by so many bytes */

struct sh_lane *sh_lane_at(unsigned k)
{
	return (struct sh_lane *)(void *)sh_region()->lanes + k;
}

bool sh_lane_there(unsigned k)
{
	return k < SH_LANES && sh_group_has(SH_FD_LANE_TAB, (k + 1ull) * sizeof(struct sh_lane));
}

int sh_lane_back(unsigned k, uint64_t from, uint64_t upto)
{
	off_t off = (off_t)k * SH_LANE_SIZE;
	int fd = sh_group_fd(SH_FD_LANES);
	int r;

	if (!sh_fsize_ok((uint64_t)off + SH_LANE_SIZE))
		return -EFBIG;
	do {
		r = fallocate(fd, 0, off + (off_t)from, (off_t)(upto - from));
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -ENOMEM;
	/* the whole lane lies inside the file, so that no lie about tail makes its reader fault; EPERM: it is longer already */
	return sh_ftruncate(fd, off + SH_LANE_SIZE) < 0 && errno != EPERM ? -ENOMEM : 0;
}

static bool party_gone(unsigned slot, uint64_t gen)
{
	uint64_t w = sh_load_acq(&sh_region()->members[slot].word); /* A:MEMBER */
	enum sh_state st = sh_word_state(w);

	return (sh_word_gen(w) & SH_LANE_GEN) != gen || st == SH_FREE || st == SH_DEAD;
}

/* o -> FREEING (me) -> FREED. In between the pages go: nobody else can claim it until the last store. */
static void free_lane(struct sh_lane *l, unsigned k, uint64_t o)
{
	if (!sh_cas(&l->owner, &o, sh_lane_word(SH_LANE_FREEING, sh_self(), 0))) /* R:LANE_OWN */
		return;
	SH_STEP("lane_freeing");
	(void)fallocate(sh_group_fd(SH_FD_LANES), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)k * SH_LANE_SIZE,
			SH_LANE_SIZE);
	SH_STEP("lane_punched");
	sh_store_rel(&l->owner, sh_lane_word(SH_LANE_FREED, 0, 0)); /* R:LANE_OWN */
}

/* a lane to me whose sender died before it published it: what it published is drained and forgotten by the consumer */
static bool never_shown(uint64_t o, unsigned k, sh_id_t me)
{
	uint64_t to = o & (((uint64_t)SH_LANE_GEN << 16) | 0xff);

	return me != 0 && to == sh_lane_word(SH_LANE_NEVER, 0, me) &&
	       sh_load_acq(&sh_inbox_of(sh_id_slot(me))->lane_of[(o >> 8) & 0xff]) != k + 1; /* A:LANE_OF */
}

void sh_lane_sweep(sh_id_t me)
{
	for (unsigned k = 0; sh_lane_there(k); k++) {
		struct sh_lane *l = sh_lane_at(k);
		uint64_t o = sh_load_acq(&l->owner); /* A:LANE_OWN */
		bool from_gone, to_gone;

		if (o == 0)
			return; /* lanes are taken lowest first: behind the first that nobody ever had there is none */
		if (o >> 62 == SH_LANE_FREED)
			continue;
		from_gone = party_gone((o >> 8) & 0xff, (o >> 39) & SH_LANE_GEN);
		to_gone = party_gone(o & 0xff, (o >> 16) & SH_LANE_GEN);
		if (o >> 62 == SH_LANE_FREEING ? from_gone : from_gone && (to_gone || never_shown(o, k, me)))
			free_lane(l, k, o);
	}
}

static int claim_once(uint64_t want)
{
	int r;

	for (unsigned k = 0; k < SH_LANES; k++) {
		struct sh_lane *l = sh_lane_at(k);
		uint64_t o, end = (k + 1ull) * sizeof(*l) + PAGE - 1;

		r = sh_lane_there(k) ? 0 : sh_group_grow(SH_FD_LANE_TAB, end / PAGE * PAGE);
		if (r < 0)
			return r;
		o = sh_load_acq(&l->owner);						 /* A:LANE_OWN */
		if ((o == 0 || o >> 62 == SH_LANE_FREED) && sh_cas(&l->owner, &o, want)) /* R:LANE_OWN */
			return (int)k;
	}
	return -ENOSPC;
}

int sh_lane_claim(sh_id_t from, sh_id_t to)
{
	uint64_t want = sh_lane_word(SH_LANE_OWNED, from, to);
	struct sh_lane *l;
	int k = claim_once(want);

	if (k < 0) {
		sh_lane_sweep(0);
		k = claim_once(want);
		if (k < 0)
			return k;
	}
	SH_STEP("lane_claimed");
	l = sh_lane_at((unsigned)k);
	/* relaxed: the lane is mine alone until its index is published with release (R:LANE_OF) */
	sh_store_rlx(&l->tail, 0);
	sh_store_rlx(&l->head, 0);
	sh_store_rlx(&l->fds_sent, 0);
	sh_store_rlx(&l->fds_taken, 0);
	sh_store_rlx(&l->room, 0);
	if (sh_lane_back((unsigned)k, 0, SH_LANE_STEP) < 0) {
		sh_lane_free((unsigned)k, from, to);
		return -ENOMEM;
	}
	SH_STEP("lane_backed");
	return k;
}

void sh_lane_free(unsigned k, sh_id_t from, sh_id_t to)
{
	free_lane(sh_lane_at(k), k, sh_lane_word(SH_LANE_OWNED, from, to));
}

unsigned char *sh_lane_map(void)
{
	unsigned char *p = mmap(NULL, 2 * SH_LANE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int show(unsigned char *at, unsigned k, uint64_t from, uint64_t len)
{
	off_t off = (off_t)k * SH_LANE_SIZE + (off_t)from;

	if (mmap(at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, sh_group_fd(SH_FD_LANES), off) == MAP_FAILED)
		return -errno;
	(void)madvise(at, len, MADV_DONTDUMP);
	return 0;
}

int sh_lane_show(unsigned char *p, unsigned k, uint64_t from, uint64_t upto)
{
	int r = show(p + from, k, from, upto - from);

	/* a record that wraps begins in the last step */
	return r == 0 && upto == SH_LANE_SIZE ? show(p + SH_LANE_SIZE, k, 0, SH_LANE_SIZE) : r;
}

void sh_lane_unmap(unsigned char *p)
{
	if (p != NULL)
		munmap(p, 2 * SH_LANE_SIZE);
}
