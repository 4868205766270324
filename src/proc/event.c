/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * event.c - from "something happened, look" to JOIN, LEAVE, DEATH, DISCONNECT, PRIMARY
 *
 * All of it runs on the watcher thread. What was told about a slot (peer.told) is compared with the member table; every
 * difference becomes one event. A generation is used once, so a member that ended and whose slot was taken again meanwhile
 * is still reported: a byte in its pipe says that it left, otherwise it died.
 */
#include "proc/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

#define LOOK_FIRST SH_NS_PER_MS
#define LOOK_MAX (1000 * SH_NS_PER_MS)
#define BURY_AFTER (200 * SH_NS_PER_MS) /* the caretaker may be stopped: then anybody buries */
#define HUNG_AFTER (60 * SH_NS_PER_MS)	/* a hang-up this long without death is a disconnect */

static void tell_rooms(struct sh_proc *p, enum sh_event ev, sh_id_t id)
{
	for (unsigned i = 0; i < p->n_fns; i++)
		if (!sh_load_acq(&p->fns[i].off)) /* A:MUTE */
			p->fns[i].fn(p->fns[i].arg, ev, id);
}

static void emit(struct sh_proc *p, enum sh_event ev, sh_id_t id)
{
	tell_rooms(p, ev, id);
	sh_member_tell(p, ev, id);
}

static void look(struct sh_proc *p, struct sh_peer *peer)
{
	sh_id_t id = peer->id;

	if (id == 0)
		return;
	if (sh_live_gone(peer->card.live)) {
		peer->due = 0;
		if (sh_member_alive(id))
			sh_mark_dead(p, id);
		sh_store_rel(&p->dirty, true); /* R:KICK I am the watcher: it will look before it sleeps */
		return;
	}
	if (!peer->fired_pid && !peer->fired_hup) {
		peer->due = 0;
		return;
	}
	if (peer->fired_hup && sh_hup_left(peer->card.hup)) { /* leaving in good order */
		sh_store_rel(&p->dirty, true);		      /* R:KICK */
		if (!peer->fired_pid) {
			peer->due = 0;
			return;
		}
	} else if (peer->fired_hup && !peer->fired_pid && !peer->hung && peer->pause >= HUNG_AFTER) {
		peer->hung = true;
		if (peer->told == id)
			emit(p, SH_EV_DISCONNECT, id);
		if (peer->card.pidfd >= 0) { /* that will fire when it ends */
			peer->due = 0;
			return;
		}
	}
	/* its address space is still there: being torn down, or shared with a child. Look again, ever more rarely. */
	peer->pause = peer->pause == 0 ? LOOK_FIRST : SH_MIN(2 * peer->pause, LOOK_MAX);
	peer->due = sh_now_ns() + peer->pause;
}

static void on_pidfd(void *arg, uint32_t events)
{
	struct sh_peer *peer = arg;

	peer->fired_pid = true;
	peer->pause = 0;
	look(sh_proc_of(), peer);
}

static void on_hup(void *arg, uint32_t events)
{
	struct sh_peer *peer = arg;

	if (!(events & (EPOLLHUP | EPOLLERR))) {	  /* only the byte: it is leaving */
		sh_store_rel(&sh_proc_of()->dirty, true); /* R:KICK */
		return;
	}
	peer->fired_hup = true;
	peer->pause = 0;
	look(sh_proc_of(), peer);
}

void sh_peers_due(struct sh_proc *p, uint64_t now, uint64_t *next)
{
	for (unsigned i = 0; i < p->r->max_members; i++) {
		struct sh_peer *peer = &p->peers[i];

		if (peer->due != 0 && peer->due <= now)
			look(p, peer);
		if (peer->due != 0)
			*next = SH_MIN(*next, peer->due);
		if (peer->pull_id != 0 && !peer->pull_open) {
			if (peer->pull_due <= now)
				sh_pull(p, i, peer->pull_id, now);
			if (peer->pull_id != 0 && !peer->pull_open)
				*next = SH_MIN(*next, peer->pull_due);
		}
		if (peer->dead_id != 0 && peer->dead_due <= now)
			sh_store_rel(&p->dirty, true); /* R:KICK the scan buries it */
		else if (peer->dead_id != 0)
			*next = SH_MIN(*next, peer->dead_due);
	}
}

void sh_peer_drop(struct sh_proc *p, unsigned slot)
{
	struct sh_peer *peer = &p->peers[slot];
	struct sh_card c = peer->card;

	if (peer->id == 0)
		return;
	sh_watch_out(p, c.hup);
	sh_watch_out(p, c.pidfd);
	pthread_mutex_lock(&p->lock);
	peer->id = 0;
	peer->card = (struct sh_card){-1, -1, -1};
	pthread_mutex_unlock(&p->lock);
	peer->served = peer->fired_pid = peer->fired_hup = peer->hung = false;
	peer->due = peer->pause = 0;
	if (!sh_fds_lost(p))
		sh_card_close(&c);
}

/* keep a card; it is mine from now on. A second card of the same member is closed: the first was good. */
void sh_peer_set(struct sh_proc *p, sh_id_t id, struct sh_card *c)
{
	unsigned slot = sh_id_slot(id);
	struct sh_peer *peer = &p->peers[slot];

	if (peer->id == id || id == p->id || (peer->id != 0 && sh_member_alive(peer->id))) {
		sh_card_close(c);
		return;
	}
	if (peer->told !=
	    0) /* its end has not been told yet, and its card may tell how it ended; inside a scan born[] does */
		sh_scan(p);
	sh_peer_drop(p, slot);
	pthread_mutex_lock(&p->lock);
	peer->card = *c;
	peer->id = id;
	pthread_mutex_unlock(&p->lock);
	if (peer->pull_id == id)
		peer->pull_id = 0;
	*c = (struct sh_card){-1, -1, -1};
	if (sh_watch_in(p, peer->card.hup, EPOLLIN | EPOLLET, on_hup, peer) != 0 ||
	    (peer->card.pidfd >= 0 && sh_watch_in(p, peer->card.pidfd, EPOLLIN | EPOLLET, on_pidfd, peer) != 0))
		sh_log_rate(SH_WARN, "cannot watch member %u for its death; raise ulimit -n", slot);
}

/* DEAD -> FREE, after my listeners have run. Any number of members may do it at once. */
static void bury(struct sh_proc *p, sh_id_t id)
{
	char sock[sizeof(((struct sh_member *)0)->sock)];

	memcpy(sock, sh_member_of(p, id)->sock, sizeof(sock));
	sock[sizeof(sock) - 1] = '\0';
	/* another one may have buried it, and a newcomer lie there now: then what I copied is not its name */
	if (sh_load_acq(&sh_member_of(p, id)->word) != sh_word(sh_id_gen(id), SH_DEAD)) /* A:MEMBER */
		return;
	sh_rundir_forget(p, id, sock);
	SH_STEP("buried");
	(void)sh_word_move(p, id, SH_DEAD, SH_FREE);
}

/* DEAD, and not mine to bury: has whose task it is had its time? */
static bool overdue(struct sh_peer *peer, sh_id_t id)
{
	uint64_t now = sh_now_ns();

	if (peer->dead_id != id) {
		peer->dead_id = id;
		peer->dead_due = now + BURY_AFTER;
	}
	return peer->dead_due <= now;
}

static _Atomic uint64_t *born_of(struct sh_proc *p, sh_id_t id)
{
	return &p->r->born[sh_id_gen(id) % SH_BORN];
}

void sh_born_set(struct sh_proc *p, bool left)
{
	sh_store_rel(born_of(p, p->id), p->id | (left ? SH_BORN_LEFT : 0)); /* R:BORN */
}

/*
 * What a program can find in the table from the moment its init returns has a JOIN and an end, also when it ended before I
 * looked; all the others of before are not told of.
 */
void sh_born_skip(struct sh_proc *p)
{
	for (unsigned i = 0; i < SH_BORN; i++) {
		sh_id_t id = sh_load_acq(&p->r->born[i]) & ~SH_BORN_LEFT; /* A:BORN */

		p->born[i] = sh_member_active(id) ? 0 : id;
	}
}

/* how did it end? told is not ACTIVE any more */
static enum sh_event ending(struct sh_proc *p, struct sh_peer *peer, uint64_t w)
{
	bool same = sh_word_gen(w) == sh_id_gen(peer->told);

	if (same && sh_word_state(w) == SH_LEAVING)
		return SH_EV_LEAVE;
	if (same && sh_word_state(w) == SH_DEAD)
		return SH_EV_DEATH;
	if (peer->id == peer->told && sh_hup_left(peer->card.hup))
		return SH_EV_LEAVE;
	/* no card, or a pipe that the program closed; who leaves marks its slot and its line in born[], see sh_proc_retire() */
	if (sh_load_acq(born_of(p, peer->told)) == (peer->told | SH_BORN_LEFT)) /* A:BORN */
		return SH_EV_LEAVE;
	if (same && sh_load_acq(&p->r->members[sh_id_slot(peer->told)].ready_ns) == UINT64_MAX) /* A:MEMBER */
		return SH_EV_LEAVE;
	return SH_EV_DEATH;
}

static void tell_end(struct sh_proc *p, struct sh_peer *peer, uint64_t w)
{
	enum sh_event ev = ending(p, peer, w);
	sh_id_t gone = peer->told;

	peer->told = 0;
	if (p->told_primary == p->id && sh_primary_id() == 0) /* it may have been primary, and taken "join" */
		p->told_primary = 0;
	emit(p, ev, gone);
}

static void scan_slot(struct sh_proc *p, unsigned slot, bool caretaker)
{
	struct sh_peer *peer = &p->peers[slot];
	uint64_t w = sh_load_acq(&p->r->members[slot].word); /* A:MEMBER */
	sh_id_t id = SH_ID(slot, sh_word_gen(w));
	enum sh_state st = sh_word_state(w);
	bool served = peer->id == id && peer->served;
	bool announced = sh_load_acq(&p->announced); /* A:ANNOUNCED listeners are complete */

	sh_shm_acquire(&p->r->members[slot].word);
	if (id == p->id)
		return;
	if (peer->told != 0 && (peer->told != id || st != SH_ACTIVE)) {
		tell_end(p, peer, w);
		scan_slot(p, slot,
			  caretaker); /* a listener may have let a newcomer in: from the start, with nobody told of */
		return;
	}
	if (st == SH_DEAD && !caretaker && peer->id == id) /* who cleans up may have no card of it */
		sh_send_look(p, sh_caretaker(p), id);
	if (peer->id != 0 && (peer->id != id || st == SH_FREE || st == SH_DEAD))
		sh_peer_drop(p, slot);
	if (peer->pull_id != 0 && (peer->pull_id != id || st == SH_FREE || st == SH_DEAD))
		peer->pull_id = 0;
	if (st == SH_ACTIVE && peer->told == 0 && announced) {
		peer->told = p->born[sh_id_gen(id) % SH_BORN] = id;
		emit(p, SH_EV_JOIN, id);
	}
	if (peer->id == 0 && peer->pull_id == 0 && announced &&
	    (st == SH_ACTIVE || ((st == SH_INIT || st == SH_LEAVING) && caretaker))) {
		peer->pull_id = id;
		peer->pull_due = peer->pull_pause = peer->poor_pause = 0;
		peer->pull_from = SH_MEMBERS; /* the member itself first */
	}
	if (st == SH_JOINING)
		sh_slot_reclaim(p, slot);
	if (st == SH_DEAD && (caretaker || served || overdue(peer, id))) {
		bury(p, id);
		peer->dead_id = 0;
	} else if (st != SH_DEAD) {
		peer->dead_id = 0;
	}
}

/*
 * A member that was ACTIVE and is so no more, and of which nothing was told: its JOIN, and its end at once. born[] is only what
 * members say of themselves: it ends nobody who is still there.
 */
static void told_late(struct sh_proc *p, sh_id_t id)
{
	struct sh_peer *peer = &p->peers[sh_id_slot(id)];
	uint64_t w = sh_load_acq(&p->r->members[sh_id_slot(id)].word); /* A:MEMBER */
	sh_id_t stays = 0;

	if (peer->told == id || (sh_word_gen(w) == sh_id_gen(id) && sh_word_state(w) == SH_ACTIVE))
		return;
	if (peer->told != 0 && sh_word_gen(w) == sh_id_gen(peer->told) && sh_word_state(w) == SH_ACTIVE)
		stays = peer->told;
	if (stays != 0 && sh_id_gen(id) > sh_id_gen(stays))
		return; /* nobody has come after it */
	if (peer->told != 0 && stays == 0)
		tell_end(p, peer, w);
	peer->told = id;
	emit(p, SH_EV_JOIN, id);
	tell_end(p, peer, w);
	peer->told = stays;
}

static int by_gen(const void *a, const void *b)
{
	uint32_t x = sh_id_gen(*(const sh_id_t *)a), y = sh_id_gen(*(const sh_id_t *)b);

	return x < y ? -1 : x > y;
}

/* what was ACTIVE since the last look, also if it is gone by now; in the order of their generations, for each slot's sake */
static void scan_born(struct sh_proc *p)
{
	sh_id_t fresh[SH_BORN];
	unsigned n = 0;

	for (unsigned i = 0; i < SH_BORN; i++) {
		sh_id_t id = sh_load_acq(&p->r->born[i]) & ~SH_BORN_LEFT; /* A:BORN */
		uint64_t w;

		if (id == p->born[i] || id == p->id || sh_id_slot(id) >= p->r->max_members ||
		    sh_id_gen(id) % SH_BORN != i || sh_id_gen(id) >= sh_load_rlx(&p->r->next_gen)) /* or a lie */
			continue;
		w = sh_load_acq(&p->r->members[sh_id_slot(id)].word); /* A:MEMBER */
		if (sh_word_gen(w) == sh_id_gen(id) && (sh_word_state(w) == SH_INIT || sh_word_state(w) == SH_ACTIVE))
			continue; /* scan_slot() tells, or the next look */
		p->born[i] = id;
		fresh[n++] = id;
	}
	if (n > 1)
		qsort(fresh, n, sizeof(fresh[0]), by_gen);
	for (unsigned i = 0; i < n; i++)
		told_late(p, fresh[i]);
}

static void scan(struct sh_proc *p)
{
	bool caretaker = sh_caretaker(p) == p->id;
	sh_id_t prim;

	if (sh_load_acq(&p->announced)) /* A:ANNOUNCED */
		scan_born(p);
	for (unsigned i = 0; i < p->r->max_members; i++)
		scan_slot(p, i, caretaker);
	if (!sh_load_acq(&p->announced)) /* A:ANNOUNCED */
		return;
	tell_rooms(p, SH_EV_LOOK, 0);
	prim = sh_primary_id();
	if (prim != 0 && prim != p->told_primary && prim != p->id && p->peers[sh_id_slot(prim)].told != prim) {
		sh_store_rel(&p->dirty,
			     true); /* R:KICK ACTIVE since I looked: its JOIN comes first, with the next look */
	} else if (prim != 0 && prim != p->told_primary) {
		p->told_primary = prim;
		emit(p, SH_EV_PRIMARY, prim);
	}
	/* the caretaker is the one that newcomers ask first */
	if (prim == 0 && caretaker && !sh_load_acq(&p->leaving) && p->told_primary != p->id) {
		p->told_primary = p->id;
		sh_join_name_set(p);
	}
}

/* A listener may take connections and with them a card that asks for this: it is told nothing while it is at it. */
void sh_scan(struct sh_proc *p)
{
	if (p->scanning) {
		sh_store_rel(&p->dirty, true); /* R:KICK I am the watcher: it will look before it sleeps */
		return;
	}
	p->scanning = true;
	scan(p);
	p->scanning = false;
}

int sh_on_event(sh_event_fn fn, void *arg)
{
	struct sh_proc *p = sh_proc_of();

	if (!sh_here(p))
		return -EPERM;
	if (p->n_fns == SH_LISTENERS || sh_load_acq(&p->announced)) /* A:ANNOUNCED */
		return -ENOSPC;
	p->fns[p->n_fns].fn = fn;
	p->fns[p->n_fns].arg = arg;
	p->n_fns++;
	return 0;
}
