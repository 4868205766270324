/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * member.c - the member table: slots, words, who is primary, who is caretaker
 *
 * Every change of a word is a CAS from the very {generation, state} it was seen in; epoch is raised after it.
 */
#include "proc/priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

/* what I say of myself when I join */
void sh_hello_join(struct sh_proc *p, struct sh_hello *h, bool as_primary)
{
	char comm[17] = "";

	sh_hello_init(h, SH_HELLO_JOIN, 0);
	h->pid = (uint32_t)getpid();
	h->start_ns = sh_now_ns();
	h->max_members = sh_pid_ns();
	(void)prctl(PR_GET_NAME, comm);
	for (unsigned i = 0; i < sizeof(h->name) - 1 && comm[i] != '\0'; i++)
		h->name[i] = comm[i] >= 0x20 && comm[i] <= 0x7e ? comm[i] : '?';
	if (h->name[0] == '\0')
		h->name[0] = '?';
	h->role = as_primary ? 0 : 1;
	/* the names that DPDK's tools know */
	if (as_primary)
		snprintf(h->sock, sizeof(h->sock), "mp_socket");
	else
		snprintf(h->sock, sizeof(h->sock), "mp_socket_%d_%llx", (int)getpid(), (unsigned long long)h->start_ns);
}

struct sh_member *sh_member_of(struct sh_proc *p, sh_id_t id)
{
	return &p->r->members[sh_id_slot(id)];
}

bool sh_word_move(struct sh_proc *p, sh_id_t id, enum sh_state from, enum sh_state to)
{
	_Atomic uint64_t *w = &sh_member_of(p, id)->word;
	uint64_t was = sh_load_acq(w); /* A:MEMBER */

	if (sh_word_gen(was) != sh_id_gen(id) || sh_word_state(was) != from)
		return false;
	sh_shm_release(p->r);
	/* R:MEMBER what the mover wrote before is seen by whoever sees the new state */
	if (!sh_cas(w, &was, sh_word(sh_id_gen(id), to)))
		return false;
	(void)sh_add(&p->r->epoch, 1);
	return true;
}

/*
 * While a slot is JOINING the word's spare bits 40..63 name the member that serves the join, by slot and 16 bits of its
 * generation: when the server dies between taking the slot and handing it over, others can tell.
 */
static uint64_t word_joining(sh_id_t server, uint32_t gen)
{
	uint64_t tag = (uint64_t)sh_id_slot(server) << 16 | (sh_id_gen(server) & 0xffff);

	return sh_word(gen, SH_JOINING) | tag << 40;
}

/* JOINING and nobody serves it any more: free again. The joiner may not touch anything before its CAS to INIT. */
void sh_slot_reclaim(struct sh_proc *p, unsigned slot)
{
	uint64_t w = sh_load_acq(&p->r->members[slot].word), sw; /* A:MEMBER */
	unsigned server = (unsigned)(w >> 56);

	if (sh_word_state(w) != SH_JOINING || server >= SH_MEMBERS)
		return;
	sw = sh_load_acq(&p->r->members[server].word); /* A:MEMBER */
	if ((sh_word_gen(sw) & 0xffff) == ((w >> 40) & 0xffff) && sh_word_state(sw) != SH_FREE &&
	    sh_word_state(sw) != SH_DEAD)
		return;
	if (sh_cas(&p->r->members[slot].word, &w, sh_word(sh_word_gen(w), SH_FREE)))
		(void)sh_add(&p->r->epoch, 1);
}

/*
 * Word by word: whoever asked the one before to look (chan/internal.c) may do so still. The newcomer need not hear of that, it
 * looks at all there is when it starts.
 */
static void clear_inbox(unsigned char *inbox)
{
	_Atomic uint64_t *w = (void *)inbox;

	for (size_t i = 0; i < SH_INBOX_SIZE / sizeof(*w); i++)
		sh_store_rlx(&w[i], 0); /* relaxed: published by the word, like the rest */
}

static void fill_member(struct sh_proc *p, unsigned slot, const struct sh_hello *h, uint32_t uid)
{
	struct sh_member *m = &p->r->members[slot];

	m->pid = h->pid;
	m->pid_ns = h->max_members;
	m->uid = uid;
	m->role = h->role;
	m->start_ns = h->start_ns;
	sh_store_rlx(&m->ready_ns, 0); /* published by the word */
	memcpy(m->name, h->name, sizeof(m->name));
	memcpy(m->sock, h->sock, sizeof(m->sock));
	sh_store_rlx(&m->cpu, UINT32_MAX); /* a hint */
	for (unsigned i = 0; i < sizeof(m->count) / sizeof(m->count[0]); i++)
		sh_store_rlx(&m->count[i], 0); /* counters */
	if (sh_slot_there(slot))	       /* else it is all zero */
		clear_inbox(p->r->slots[slot].inbox);
}

int sh_slot_take(struct sh_proc *p, const struct sh_hello *h, uint32_t uid, sh_id_t *id)
{
	unsigned max = p->r->max_members;
	unsigned start = sh_add_rlx(&p->r->next_slot, 1); /* only a place to begin */
	bool soon = false;

	for (unsigned i = 0; i < max; i++) {
		unsigned slot = (start + i) % max;
		uint64_t w = sh_load_acq(&p->r->members[slot].word); /* A:MEMBER */
		uint32_t gen;

		/* a joiner that goes no further loses its place: who is told to wait gets it */
		soon = soon || sh_word_state(w) == SH_DEAD || sh_word_state(w) == SH_LEAVING ||
		       sh_word_state(w) == SH_JOINING;
		if (sh_word_state(w) != SH_FREE)
			continue;
		/* before it is anybody's. If I may not, whoever gets the slot tries it again, and says so */
		(void)sh_group_grow(SH_FD_SLOTS, (slot + 1ull) * sizeof(struct sh_slot));
		gen = sh_add_rlx(&p->r->next_gen, 1); /* unique is all it must be */
		sh_fence(); /* SB:CLOSE: rte_mp_disable() sees my number or I see that it closed the group */
		if (h->role != 0 && sh_load_rlx(&p->r->closed) != 0)
			return -EACCES;
		if (!sh_cas(&p->r->members[slot].word, &w, word_joining(p->id, gen)))
			continue;
		SH_STEP("slot_taken");
		fill_member(p, slot, h, uid);
		sh_shm_release(p->r); /* handed over by the WELCOME: the newcomer's CAS to INIT publishes it */
		*id = SH_ID(slot, gen);
		return 0;
	}
	return soon ? -EAGAIN : -ENOSPC;
}

/* the one that cleans up: the primary, else the lowest ACTIVE slot, else the lowest in init */
sh_id_t sh_caretaker(struct sh_proc *p)
{
	sh_id_t prim = sh_primary_id(), init = 0;

	if (prim != 0)
		return prim;
	for (unsigned i = 0; i < p->r->max_members; i++) {
		enum sh_state st;
		sh_id_t id = sh_member_at(i, &st);

		if (id != 0 && st == SH_ACTIVE)
			return id;
		if (id != 0 && st == SH_INIT && init == 0)
			init = id;
	}
	return init;
}

bool sh_somebody_active(struct sh_proc *p)
{
	for (unsigned i = 0; i < p->r->max_members; i++) {
		enum sh_state st;

		if (sh_member_at(i, &st) != 0 && st == SH_ACTIVE)
			return true;
	}
	return false;
}

/* after proof. Whoever comes first marks it and tells the caretaker. */
void sh_mark_dead(struct sh_proc *p, sh_id_t id)
{
	static const enum sh_state from[] = {SH_ACTIVE, SH_INIT, SH_LEAVING};
	bool moved = false;

	for (unsigned i = 0; i < sizeof(from) / sizeof(from[0]) && !moved; i++)
		moved = sh_word_move(p, id, from[i], SH_DEAD);
	SH_STEP("marked_dead");
	sh_kick(p);
}

/* the role word, after proof that its holder is gone. 0 or -EEXIST */
int sh_take_primary(struct sh_proc *p)
{
	sh_id_t old = sh_load_acq(&p->r->primary); /* A:PRIMARY */

	for (;;) {
		if (old == p->id)
			return 0;
		if (old != 0 && sh_member_alive(old) && sh_member_probe(old) != 1)
			return -EEXIST;
		SH_STEP("primary_gone");
		if (sh_cas(&p->r->primary, &old, p->id)) { /* R:PRIMARY */
			(void)sh_add(&p->r->epoch, 1);
			return 0;
		}
	}
}

sh_id_t sh_member_at(unsigned slot, enum sh_state *st)
{
	struct sh_region *r = sh_region();
	uint64_t w;

	if (r == NULL || slot >= r->max_members)
		return 0;
	w = sh_load_acq(&r->members[slot].word); /* A:MEMBER */
	sh_shm_acquire(&r->members[slot].word);
	if (sh_word_state(w) < SH_INIT || sh_word_state(w) > SH_LEAVING)
		return 0;
	if (st != NULL)
		*st = sh_word_state(w);
	return SH_ID(slot, sh_word_gen(w));
}

bool sh_member_alive(sh_id_t id)
{
	struct sh_region *r = sh_region();
	uint64_t w;

	if (r == NULL || id == 0 || sh_id_slot(id) >= SH_MEMBERS)
		return false;
	w = sh_load_acq(&r->members[sh_id_slot(id)].word); /* A:MEMBER */
	return sh_word_gen(w) == sh_id_gen(id) && sh_word_state(w) != SH_FREE && sh_word_state(w) != SH_DEAD;
}

bool sh_member_active(sh_id_t id)
{
	enum sh_state st;

	return id != 0 && sh_member_at(sh_id_slot(id), &st) == id && st == SH_ACTIVE;
}

sh_id_t sh_primary_id(void)
{
	struct sh_region *r = sh_region();
	sh_id_t id = r != NULL ? sh_load_acq(&r->primary) : 0; /* A:PRIMARY */

	return sh_member_active(id) ? id : 0;
}

bool sh_is_primary(void)
{
	struct sh_region *r = sh_region();

	return r != NULL && sh_self() != 0 && sh_load_acq(&r->primary) == sh_self(); /* A:PRIMARY */
}

int sh_member_probe(sh_id_t id)
{
	struct sh_proc *p = sh_proc_of();
	struct sh_peer *peer;
	int r;

	if (p != NULL && !sh_here(p))
		return -EPERM;
	if (p == NULL || p->r == NULL || id == 0 || sh_id_slot(id) >= SH_MEMBERS)
		return -EINVAL;
	if (id == p->id)
		return 0;
	if (!sh_member_alive(id))
		return 1;
	pthread_mutex_lock(&p->lock);
	peer = &p->peers[sh_id_slot(id)];
	r = peer->id != id ? -ENODATA : sh_live_gone(peer->card.live) ? 1 : 0;
	pthread_mutex_unlock(&p->lock);
	if (r == 1)
		sh_mark_dead(p, id);
	else if (r == -ENODATA)
		sh_kick(p);
	return r;
}
