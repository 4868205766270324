/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piece.c - what the channel must know of the heap to carry pieces of it (chan/piece.h): what is a block, whose, free it
 *
 * The channel may not include this room: it is given these functions at start, and loses them at stop. A block's tag
 * (the generation in its span's table, or the owner word of a large run) says for the listing who has it: who takes a piece
 * puts its own there. While it is on its way the tag says that too, from before anybody else can see it until it is somebody's:
 * rte_free() and the like refuse it. Nobody else writes the tag while the block is out. One whose sender died before it
 * was seen stays so: listed as the dead one's, and freed with what that left.
 */
#include <errno.h>

#include "base/log.h"
#include "chan/piece.h"
#include "mem/heap.h"

/* a block, on its way or not */
static bool is_block(const void *p, struct sh_block *b)
{
	enum sh_what what = sh_block_at(p, b);

	return what == SH_BLOCK_OK || what == SH_BLOCK_SENT;
}

static int check(const void *p, size_t len)
{
	struct sh_block b;

	return is_block(p, &b) && len != 0 && len <= b.usable ? 0 : -EINVAL;
}

static sh_w32 *tag_of(const struct sh_block *b)
{
	return &sh_span_tab(sh_span_class(b->s), b->start)[b->i];
}

static int send(void *p)
{
	struct sh_block b;
	uint64_t was;

	if (!is_block(p, &b))
		return -EINVAL;
	was = b.large ? sh_or(&b.s->owner, SH_OWNER_SENT) & SH_OWNER_SENT
		      : sh_or(tag_of(&b), SH_TAB_SENT) & SH_TAB_SENT;
	return was == 0 ? 0 : -EBUSY;
}

static void hold(void *p, sh_id_t who)
{
	struct sh_block b;

	if (!is_block(p, &b))
		return;
	/* relaxed, all: for the listing, and for who frees it, who has it behind the word of the channel */
	if (b.large)
		sh_store_rlx(&b.s->owner, who);
	else
		sh_store_rlx(tag_of(&b),
			     (sh_load_rlx(tag_of(&b)) & (SH_TAB_ALLOC | SH_TAB_OVER)) | (sh_id_gen(who) & SH_TAB_LOW));
}

static void drop(void *p)
{
	int err = 0;

	hold(p, sh_self());
	if (sh_heap_put(p, &err) != SH_BLOCK_OK)
		sh_log_rate(SH_WARN,
			    "a piece that came back at %p is no live block of the heap: not freed; its sender must "
			    "not free what it has sent",
			    p);
}

static const struct sh_piece_ops ops = {.check = check, .send = send, .hold = hold, .drop = drop};

void sh_mem_pieces(bool on)
{
	sh_piece_ops_set(on ? &ops : NULL);
}
