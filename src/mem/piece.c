/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piece.c - what the channel must know of the heap to carry pieces of it (chan/piece.h): what is a block, whose, free it
 *
 * The channel may not include this room: it is given these functions at start, and loses them at stop. A block's tag
 * (the generation in its span's table, or the owner word of a large run) says for the listing who has it: who takes a piece
 * puts its own there. While it is on its way the tag says that too, from before anybody else can see it until it is somebody's:
 * rte_free() and the like refuse it. Then the tag changes by CAS alone, from one name to another: of those who free what
 * a dead one left, and those whom the channel gives it, one has it. A block that is nobody's on the channel (sh_piece_travels())
 * and still says that it is on its way is listed as that member's, and freed with what that left.
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

static uint32_t low_of(sh_id_t id)
{
	return sh_id_gen(id) & SH_TAB_LOW;
}

bool sh_block_sent(const struct sh_block *b)
{
	/* relaxed: who decides by it has the block, or changes it by CAS */
	return b->large ? (sh_load_rlx(&b->s->owner) & SH_OWNER_SENT) != 0
			: (sh_load_rlx(tag_of(b)) & SH_TAB_SENT) != 0;
}

bool sh_block_pass(const struct sh_block *b, sh_id_t from, sh_id_t to)
{
	uint64_t owner = from | SH_OWNER_SENT;
	uint32_t was;

	if (b->large)
		return sh_cas(&b->s->owner, &owner, to | SH_OWNER_SENT);
	was = (sh_load_rlx(tag_of(b)) & SH_TAB_OVER) | SH_TAB_ALLOC | SH_TAB_SENT | low_of(from); /* relaxed: by CAS */
	return sh_cas(tag_of(b), &was, (was & ~SH_TAB_LOW) | low_of(to));
}

void sh_block_hold(const struct sh_block *b, sh_id_t who)
{
	/* relaxed, all: for the listing, and for who frees it, who has it behind the word of the channel */
	if (b->large)
		sh_store_rlx(&b->s->owner, who);
	else
		sh_store_rlx(tag_of(b), (sh_load_rlx(tag_of(b)) & (SH_TAB_ALLOC | SH_TAB_OVER)) | low_of(who));
}

/* it may have been another's until now, who gave its address away in another manner */
static int send(void *p)
{
	struct sh_block b;
	uint64_t owner;
	uint32_t tag;

	if (!is_block(p, &b))
		return -EINVAL;
	if (b.large) {
		owner = sh_load_rlx(&b.s->owner); /* relaxed, both: by CAS */
		while ((owner & SH_OWNER_SENT) == 0)
			if (sh_cas(&b.s->owner, &owner, sh_self() | SH_OWNER_SENT))
				return 0;
		return -EBUSY;
	}
	tag = sh_load_rlx(tag_of(&b));
	while ((tag & SH_TAB_SENT) == 0)
		if (sh_cas(tag_of(&b), &tag, (tag & ~SH_TAB_LOW) | SH_TAB_SENT | low_of(sh_self())))
			return 0;
	return -EBUSY;
}

static bool travels(const void *p, size_t len, sh_id_t from)
{
	struct sh_block b;

	if (sh_block_at(p, &b) != SH_BLOCK_SENT || len == 0 || len > b.usable)
		return false;
	/* relaxed, both: behind the channel's word */
	return b.large ? sh_load_rlx(&b.s->owner) == (from | SH_OWNER_SENT)
		       : (sh_load_rlx(tag_of(&b)) & SH_TAB_LOW) == low_of(from);
}

static bool pass(void *p, sh_id_t from, sh_id_t to)
{
	struct sh_block b;

	return sh_block_at(p, &b) == SH_BLOCK_SENT && sh_block_pass(&b, from, to);
}

static void hold(void *p, sh_id_t who)
{
	struct sh_block b;

	if (is_block(p, &b))
		sh_block_hold(&b, who);
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

static const struct sh_piece_ops ops = {
	.check = check, .send = send, .travels = travels, .pass = pass, .hold = hold, .drop = drop};

void sh_mem_pieces(bool on)
{
	sh_piece_ops_set(on ? &ops : NULL);
}
