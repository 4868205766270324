/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * call.c - calling on others' listeners: my card to all, asking for a card that I miss, "look", links
 *
 * PULL and LOOK are sent by the watcher, my card by the thread in rte_eal_init(), a link is opened by any thread. Nobody
 * waits for a peer's attention: who is too busy to take a card will ask for it.
 */
#include "proc/priv.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

#define PULL_FIRST (2 * SH_NS_PER_MS) /* pause before everybody is asked again, doubled up to ... */
#define PULL_LAST (500 * SH_NS_PER_MS)
#define POOR_FIRST (20 * SH_NS_PER_MS)	/* the same while I have no fd for the card, up to ... */
#define POOR_LAST (5000 * SH_NS_PER_MS) /* ... then I only look at the table, and try again when it has changed */

int sh_hello_send(int s, const struct sh_hello *h, const int *fds, unsigned nfds)
{
	ssize_t n = sh_sock_send(s, NULL, h, sizeof(*h), fds, nfds, MSG_DONTWAIT);

	return n < 0 ? (int)n : 0;
}

int sh_card_send(int fd, sh_id_t id, const struct sh_card *card)
{
	struct sh_hello h;
	int fds[3];

	sh_hello_init(&h, SH_HELLO_CARD, id);
	return sh_hello_send(fd, &h, fds, (unsigned)sh_card_fds(card, fds));
}

void sh_pull_next(struct sh_proc *p, sh_id_t id)
{
	struct sh_peer *peer = &p->peers[sh_id_slot(id)];

	peer->pull_open = false;
	if (peer->pull_id == id) {
		peer->pull_from = peer->pull_from == SH_MEMBERS ? 0 : peer->pull_from + 1;
		peer->pull_due = 0;
	}
}

void sh_pull_poor(struct sh_proc *p, sh_id_t id)
{
	struct sh_peer *peer = &p->peers[sh_id_slot(id)];
	bool last;

	peer->pull_open = false;
	if (peer->pull_id != id)
		return;
	last = peer->poor_pause < POOR_LAST && 2 * peer->poor_pause >= POOR_LAST;
	peer->poor_pause = peer->poor_pause == 0 ? POOR_FIRST : SH_MIN(2 * peer->poor_pause, POOR_LAST);
	peer->poor_epoch = sh_load_acq(&p->r->epoch); /* a hint that something changed: any order will do */
	peer->pull_from = SH_MEMBERS;
	peer->pull_due = sh_now_ns() + peer->poor_pause;
	if (last)
		sh_log_rate(SH_WARN,
			    "no file descriptor left for the card of member %u: its death will be noticed late; "
			    "raise ulimit -n",
			    sh_id_slot(id));
}

/* no fd for its card was left at the last try, and nobody came or went since; the table is looked at meanwhile */
static bool pull_rests(struct sh_proc *p, struct sh_peer *peer, uint64_t now)
{
	if (peer->poor_pause < POOR_LAST || peer->poor_epoch != sh_load_acq(&p->r->epoch)) /* as above */
		return false;
	peer->pull_due = now + POOR_LAST;
	sh_store_rel(&p->dirty, true); /* R:KICK */
	return true;
}

/* whom to ask next for this card: the member itself, then every other one. 0: nobody is left */
static sh_id_t pull_whom(struct sh_proc *p, struct sh_peer *peer)
{
	enum sh_state st;

	if (peer->pull_from == SH_MEMBERS)
		return peer->pull_id;
	for (; peer->pull_from < p->r->max_members; peer->pull_from++) {
		sh_id_t id = sh_member_at(peer->pull_from, &st);

		if (id != 0 && id != p->id && id != peer->pull_id && st != SH_LEAVING)
			return id;
	}
	return 0;
}

/*
 * Ask for a card that I miss. When nobody has it and the member's own listener is gone, there is nothing to prove its death
 * with: it and whoever served its join died together before it was known. Whoever finds that marks it dead when its process
 * is gone too, as far as that can be told: not the caretaker alone, for the table may still name this very member as that. One
 * that lives has closed its fds and keeps its place, as does one whose PID namespace is another, until a member of the same
 * namespace asks.
 */
void sh_pull(struct sh_proc *p, unsigned slot, sh_id_t id, uint64_t now)
{
	struct sh_peer *peer = &p->peers[slot];
	sh_id_t whom;
	struct sh_hello h;
	int fd;

	if (pull_rests(p, peer, now))
		return;
	whom = pull_whom(p, peer);
	if (whom == 0) {
		if (peer->pull_refused && sh_pid_gone(sh_member_of(p, id))) {
			sh_mark_dead(p, id);
			peer->pull_id = 0;
		}
		peer->pull_from = SH_MEMBERS;
		peer->pull_refused = false;
		peer->pull_pause = peer->pull_pause == 0 ? PULL_FIRST : SH_MIN(2 * peer->pull_pause, PULL_LAST);
		peer->pull_due = now + peer->pull_pause;
		sh_store_rel(&p->dirty, true); /* R:KICK without its card only the table tells of its end */
		return;
	}
	fd = sh_dial_member(p, whom);
	if (fd == -EMFILE || fd == -ENFILE) {
		sh_pull_poor(p, id);
		return;
	}
	if (fd < 0) {
		if (whom == id)
			peer->pull_refused = fd == -ECONNREFUSED || fd == -ENOENT;
		sh_pull_next(p, id);
		return;
	}
	sh_hello_init(&h, SH_HELLO_PULL, id);
	if (sh_hello_send(fd, &h, NULL, 0) == 0 && sh_conn_pull(p, fd, id) == 0) {
		peer->pull_open = true;
		return;
	}
	sh_close(&fd);
	sh_pull_next(p, id);
}

/* my card to everybody in the table; who is too busy to take it will ask for it */
void sh_send_cards(struct sh_proc *p)
{
	for (unsigned i = 0; i < p->r->max_members; i++) {
		sh_id_t id = sh_member_at(i, NULL);
		int fd, err;

		if (id == 0 || id == p->id)
			continue;
		fd = sh_dial_member(p, id);
		if (fd < 0)
			continue;
		for (unsigned tries = 0; tries < 200; tries++) {
			struct timespec ms = {.tv_nsec = (long)SH_NS_PER_MS};

			err = sh_card_send(fd, p->id, &p->mine);
			if (err != -ETOOMANYREFS)
				break;
			nanosleep(&ms, NULL);
		}
		SH_STEP("card_sent");
		sh_close(&fd);
	}
}

void sh_send_look(struct sh_proc *p, sh_id_t to, sh_id_t about)
{
	struct sh_hello h;
	int fd = to != 0 ? sh_dial_member(p, to) : -1;

	if (fd < 0)
		return;
	sh_hello_init(&h, SH_HELLO_LOOK, about);
	(void)sh_hello_send(fd, &h, NULL, 0);
	sh_close(&fd);
}

int sh_link_open(sh_id_t to, enum sh_link_use use)
{
	struct sh_proc *p = sh_proc_of();
	struct sh_hello h;
	int fd, err;

	if (!sh_here(p))
		return -EPERM;
	if (!sh_member_alive(to))
		return -ESRCH;
	fd = sh_dial_member(p, to);
	if (fd < 0)
		return fd == -ENOSYS ? -EPERM : fd; /* a filter's word */
	sh_hello_init(&h, SH_HELLO_LINK, p->id);
	h.role = (uint32_t)use;
	err = sh_hello_send(fd, &h, NULL, 0);
	if (err != 0)
		sh_close(&fd);
	return err != 0 ? err : fd;
}

void sh_on_link(enum sh_link_use use, sh_link_fn fn, void *arg)
{
	struct sh_proc *p = sh_proc_of();

	if (!sh_here(p))
		return;
	p->link[use].fn = fn;
	p->link[use].arg = arg;
}
