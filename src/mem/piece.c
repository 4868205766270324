/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piece.c - what the channel must know of the heap to carry pieces of it (chan/piece.h): what is a block, whose, free it
 *
 * The channel may not include this room: it is given these three functions at start, and loses them at stop. A block's tag
 * (the generation in its span's table, or the owner word of a large run) says for the listing who has it: who takes a piece
 * puts its own there. Nobody else writes it while the block is out, and nothing but the listing reads it.
 */
#include <errno.h>

#include "base/log.h"
#include "chan/piece.h"
#include "mem/heap.h"

static int check(const void *p, size_t len)
{
	struct sh_block b;

	return sh_block_at(p, &b) == SH_BLOCK_OK && len != 0 && len <= b.usable ? 0 : -EINVAL;
}

static void hold(void *p, sh_id_t who)
{
	struct sh_block b;
	sh_w32 *tag;

	if (sh_block_at(p, &b) != SH_BLOCK_OK)
		return;
	if (b.large) {
		sh_store_rlx(&b.s->owner, who); /* relaxed, both: for the listing */
		return;
	}
	tag = &sh_span_tab(sh_span_class(b.s), b.start)[b.i];
	sh_store_rlx(tag, (sh_load_rlx(tag) & ~SH_TAB_LOW) | (sh_id_gen(who) & SH_TAB_LOW));
}

static void drop(void *p)
{
	int err = 0;

	if (sh_heap_put(p, &err) != SH_BLOCK_OK)
		sh_log_rate(SH_WARN,
			    "a piece that came back at %p is no live block of the heap: not freed; its sender must "
			    "not free what it has sent",
			    p);
}

static const struct sh_piece_ops ops = {.check = check, .hold = hold, .drop = drop};

void sh_mem_pieces(bool on)
{
	sh_piece_ops_set(on ? &ops : NULL);
}
