/* SPDX-License-Identifier: BSD-3-Clause */
/* rec.c - the judge of record headers. Pure. See rec.h. */
#include "chan/rec.h"

#include <string.h>

const char *sh_rec_check(const struct sh_rec *r, uint64_t avail, sh_id_t from)
{
	uint64_t in_lane;

	if (avail < sizeof(*r))
		return "shorter than a header";
	if (r->len < sizeof(*r) || r->len > SH_REC_MAX || r->len % 8 != 0 || r->len > avail)
		return "length out of range";
	if (r->type >= SH_R_TYPES)
		return "unknown type";
	if ((r->flags & ~SH_RF_ALL) != 0)
		return "unknown flag";
	if (r->name_len == 0 || r->name_len > SH_NAME_MAX)
		return "name length out of range";
	if (r->data_len > SH_BIG_MAX)
		return "payload length out of range";
	if ((r->flags & SH_RF_BIG) == 0 && r->data_len > SH_INLINE_MAX)
		return "inline payload too long";
	if ((r->flags & SH_RF_BIG) != 0 && r->nfds == 0)
		return "payload fd missing";
	if ((r->flags & SH_RF_PIECE) != 0 && r->type != SH_R_MSG && r->type != SH_R_REQ && r->type != SH_R_REP)
		return "a piece with what carries none";
	in_lane = ((r->flags & SH_RF_BIG) != 0 ? 0 : r->data_len) + ((r->flags & SH_RF_PIECE) != 0 ? 8 : 0);
	if (sh_rec_size(r->name_len, (size_t)in_lane) != r->len)
		return "lengths disagree";
	if ((r->nfds != 0) != (r->fd_seq != 0))
		return "fd count and number disagree";
	if (r->from != from)
		return "not this lane's sender";
	return NULL;
}
