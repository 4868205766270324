/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lane.h - a byte ring from one member to one other, and the table of all lanes
 *
 * Lane k is bytes [k * SH_LANE_SIZE, ...) of the group's lanes memfd and entry k of the table in the control region. Each of
 * its two parties maps it where it likes, twice in a row, so that a record never wraps, and step by step, as far as it was
 * ever used. The claim and the statement whose
 * it is are one CAS on `owner`: a death loses no lane. The table is as long as lanes were in use at a time: whoever finds
 * none free makes it longer by a page and looks again.
 *
 *   who frees a lane      when
 *   the receiver          the sender is gone (proven, or left) and the lane is drained
 *   the sender            the receiver is gone
 *   any member            both are gone (looked for when a claim finds no free lane, and on each death)
 *
 * Freeing is a CAS from exactly the owner word that was seen: two who try free it once.
 */
#ifndef SH_CHAN_LANE_H
#define SH_CHAN_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atom.h"
#include "ctx.h"
#include "proc/region.h"

#define SH_LANE_SIZE (512u * 1024)
#define SH_LANE_STEP (64u * 1024) /* backed in steps: a quiet lane costs one */
#define SH_LANES 16384

/*
 *   field      written by             read by     ordering
 *   tail       the sender             receiver    R:LANE_PUB release <-> A:LANE_PUB acquire: bytes [.., tail) are written
 *   fds_sent   the sender             sender      relaxed: a count
 *   head       the receiver           sender      R:LANE_FREE release <-> A:LANE_FREE acquire: bytes [.., head) are read
 *   fds_taken  the receiver           sender      relaxed: a credit, re-read until it suffices
 *   room       sender sets 1 before   receiver    fence between my store and the look at the other's word, on both sides
 *              it sleeps; receiver                (SB:ROOM): either the sender sees the new head or the receiver sees 1
 *              resets and wakes
 *   owner      CAS, see above         all         R:LANE_OWN <-> A:LANE_OWN
 */
struct sh_lane {
	_Atomic uint64_t tail __attribute__((aligned(SH_LINE)));
	_Atomic uint64_t fds_sent;
	_Atomic uint64_t head __attribute__((aligned(SH_LINE)));
	_Atomic uint64_t fds_taken;
	_Atomic uint32_t room;
	_Atomic uint64_t owner __attribute__((aligned(SH_LINE)));
};
_Static_assert(sizeof(struct sh_lane) * SH_LANES <= SH_LANE_TAB_SIZE, "the table fits its place in the region");

/*
 * The owner word: state in the two top bits, then the two members, generations cut to 23 bits. FREEING names the member that
 * frees as `from`: should it die there, the next sweep takes over. 0: a lane that nobody ever had.
 */
enum sh_lane_state { SH_LANE_NEVER = 0, SH_LANE_OWNED = 1, SH_LANE_FREED = 2, SH_LANE_FREEING = 3 };
#define SH_LANE_GEN 0x7fffffu
static inline uint64_t sh_lane_word(enum sh_lane_state st, sh_id_t from, sh_id_t to)
{
	return (uint64_t)st << 62 | (uint64_t)(sh_id_gen(from) & SH_LANE_GEN) << 39 |
	       (uint64_t)(sh_id_gen(to) & SH_LANE_GEN) << 16 | (uint64_t)(sh_id_slot(from) & 0xff) << 8 |
	       (uint64_t)(sh_id_slot(to) & 0xff);
}

/* entry k of the table; only where the table is that long */
struct sh_lane *sh_lane_at(unsigned k);
bool sh_lane_there(unsigned k);
/* take a free lane for from -> to; its first step is backed. Index, or -ENOSPC / -ENOMEM. */
int sh_lane_claim(sh_id_t from, sh_id_t to);
/* give back lane k if it (still) belongs to these two */
void sh_lane_free(unsigned k, sh_id_t from, sh_id_t to);
/* free all lanes whose two parties are gone, and those from a gone member to me (call after their records were taken) */
void sh_lane_sweep(sh_id_t me);
/* address space for a lane, twice in a row, and nothing in it yet: address or NULL (errno) */
unsigned char *sh_lane_map(void);
/*
 * Bytes [from, upto) of lane k, both whole steps, are at p from now on; with the last step all of it is there a second time.
 * 0 or -errno. What is not shown is not there for who locks, dumps or reads this process either.
 */
int sh_lane_show(unsigned char *p, unsigned k, uint64_t from, uint64_t upto);
#define sh_lane_steps(end)                                                                                             \
	((end) < SH_LANE_SIZE ? ((end) + SH_LANE_STEP - 1) / SH_LANE_STEP * SH_LANE_STEP : SH_LANE_SIZE)
void sh_lane_unmap(unsigned char *p);
/* have bytes [from, upto) of lane k backed: 0 or -ENOMEM. Never SIGBUS, never SIGXFSZ. */
int sh_lane_back(unsigned k, uint64_t from, uint64_t upto);

#endif
