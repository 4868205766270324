/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve.c - my listener: newcomers, cards, links
 *
 * All of it runs on the watcher thread and never waits for a peer. A connection is NEW until its first packet; who says
 * nothing is closed after a while, or at once when too many say nothing. A newcomer that I serve gets its slot, the group's
 * memfds and all cards; when its connection ends while it is still JOINING its slot is free again, which needs no proof: it
 * may touch nothing before its own CAS to INIT.
 */
#include "proc/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

#define NEW_MAX 128
#define NEW_NS (2 * SH_NS_PER_S)
#define SERVED_NS (10 * SH_NS_PER_S)
#define LAME_NS (2 * SH_NS_PER_S) /* when all places are taken, a joiner may take no longer than this */
#define PULL_NS SH_NS_PER_S
#define AGAIN_NS (5 * SH_NS_PER_MS)
#define DEAF_FIRST (100 * SH_NS_PER_MS) /* without any fd the listener is left alone so long, doubled up to ... */
#define DEAF_LAST SH_NS_PER_S

static void on_conn(void *arg, uint32_t events);

/* what I refused, where the channel counts it as well */
static void count(struct sh_proc *p, unsigned what)
{
	sh_add_rlx(&p->r->members[sh_id_slot(p->id)].count[what], 1); /* relaxed: a counter */
}

/* ---- connections ---- */

static struct sh_conn *conn_add(struct sh_proc *p, int fd, enum sh_conn_state st, uint64_t ns)
{
	struct sh_conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->fd = fd;
	c->state = st;
	c->dl = sh_deadline(ns);
	if (sh_watch_in(p, fd, EPOLLIN, on_conn, c) != 0) {
		free(c);
		return NULL;
	}
	c->next = p->conns;
	p->conns = c;
	p->n_new += st == SH_CONN_NEW;
	return c;
}

static void conn_state(struct sh_proc *p, struct sh_conn *c, enum sh_conn_state st)
{
	p->n_new -= c->state == SH_CONN_NEW;
	c->state = st;
}

/* the answer to a PULL will come on fd, which is the room's from now on when 0 is returned */
int sh_conn_pull(struct sh_proc *p, int fd, sh_id_t id)
{
	struct sh_conn *c = conn_add(p, fd, SH_CONN_PULL, PULL_NS);

	if (c == NULL)
		return -ENOMEM;
	c->id = id;
	return 0;
}

/* take it out of the list; returns its fd, which is the caller's now */
static int conn_free(struct sh_proc *p, struct sh_conn *c)
{
	struct sh_conn **at = &p->conns;
	int fd = c->fd;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	p->n_new -= c->state == SH_CONN_NEW;
	sh_watch_out(p, fd);
	free(c);
	return fd;
}

/* the joiner has gone before it was INIT: nobody else knows its slot */
static void unserve(struct sh_proc *p, sh_id_t id)
{
	struct sh_peer *peer = &p->peers[sh_id_slot(id)];
	char none[1] = "";

	if (!sh_word_move(p, id, SH_JOINING, SH_FREE))
		return;
	if (peer->id == id)
		sh_peer_drop(p, sh_id_slot(id));
	sh_rundir_forget(p, id, none);
}

static void conn_end(struct sh_proc *p, struct sh_conn *c)
{
	enum sh_conn_state st = c->state;
	sh_id_t id = c->id;
	int fd = conn_free(p, c);

	if (!sh_fds_lost(p))
		sh_close(&fd);
	if (st == SH_CONN_SERVED)
		unserve(p, id);
	else if (st == SH_CONN_PULL)
		sh_pull_next(p, id);
}

void sh_conns_close(struct sh_proc *p)
{
	while (p->conns != NULL)
		conn_end(p, p->conns);
}

/* somebody opens connections and says nothing: the oldest silent one goes */
static void drop_silent(struct sh_proc *p)
{
	struct sh_conn *old = NULL;

	for (struct sh_conn *c = p->conns; c != NULL; c = c->next)
		if (c->state == SH_CONN_NEW && !c->busy)
			old = c; /* the list is newest first */
	if (old != NULL)
		conn_end(p, old);
}

static void refuse(int fd, enum sh_refusal why, const char *text)
{
	struct sh_hello h;

	sh_hello_init(&h, SH_HELLO_REFUSE, 0);
	h.refusal = why;
	h.max_members = sh_region()->max_members;
	snprintf(h.text, sizeof(h.text), "%s", text);
	(void)sh_hello_send(fd, &h, NULL, 0);
}

/* ---- join ---- */

static void pump(struct sh_proc *p, struct sh_conn *c);

static int welcome(struct sh_proc *p, struct sh_conn *c)
{
	struct sh_hello h;

	sh_hello_init(&h, SH_HELLO_WELCOME, c->id);
	h.base = p->r->base;
	h.size = p->r->size;
	h.max_members = p->r->max_members;
	return sh_hello_send(c->fd, &h, p->gfd, SH_GROUP_FDS);
}

/* may this newcomer join now? 0: yes */
static enum sh_refusal gate(struct sh_proc *p, const struct sh_hello *h)
{
	sh_id_t prim = sh_load_acq(&p->r->primary); /* A:PRIMARY */
	int gone = prim == p->id ? 0 : !sh_member_alive(prim) ? 1 : sh_member_probe(prim);
	bool lives = gone != 1;
	enum sh_state st;

	if (sh_load_acq(&p->leaving)) /* A:LEAVING */
		return SH_REFUSE_LEAVING;
	if (h->role != 0 && sh_load_rlx(&p->r->closed) != 0) /* again behind SB:CLOSE */
		return SH_REFUSE_CLOSED;
	if (gone == -ENODATA) /* no way to tell until its card has come */
		return SH_REFUSE_WAIT;
	if (h->role == 0)
		return lives ? SH_REFUSE_PRIMARY : 0;
	if (lives && sh_member_at(sh_id_slot(prim), &st) == prim && st == SH_INIT && !sh_somebody_active(p))
		return SH_REFUSE_WAIT;
	return 0;
}

/* all places are taken: one whose joiner has not gone on for long is free again, as if it had gone. false: there is none */
static bool drop_lame(struct sh_proc *p)
{
	uint64_t now = sh_now_ns();
	struct sh_conn *old = NULL;

	for (struct sh_conn *c = p->conns; c != NULL; c = c->next) /* newest first */
		if (c->state == SH_CONN_SERVED && c->dl - SERVED_NS + LAME_NS <= now &&
		    sh_word_state(sh_load_acq(&p->r->members[sh_id_slot(c->id)].word)) == SH_JOINING) /* A:MEMBER */
			old = c;
	if (old == NULL)
		return false;
	sh_log_rate(
		SH_WARN,
		"all %u places are taken, one by a process that began to join and does not go on: it lost its place",
		p->r->max_members);
	conn_end(p, old);
	return true;
}

static void on_join(struct sh_proc *p, struct sh_conn *c, const struct sh_hello *h, struct sh_fds *f, uid_t uid)
{
	enum sh_refusal no = gate(p, h);
	struct sh_card card;
	char text[80];
	int err;

	if (no != 0) {
		refuse(c->fd, no, "");
		conn_end(p, c);
		return;
	}
	if (sh_card_take(f, &card) != 0) {
		refuse(c->fd, SH_REFUSE_CARD, "the card is not a liveness memfd, a pipe and a pidfd");
		conn_end(p, c);
		return;
	}
	err = sh_slot_take(p, h, uid, &c->id);
	if (err == -EAGAIN && drop_lame(p))
		err = sh_slot_take(p, h, uid, &c->id);
	if (err != 0) {
		sh_card_close(&card);
		snprintf(text, sizeof(text), "all %u places of the member table are taken", p->r->max_members);
		refuse(c->fd,
		       err == -EAGAIN	? SH_REFUSE_WAIT
		       : err == -EACCES ? SH_REFUSE_CLOSED
					: SH_REFUSE_FULL,
		       text);
		conn_end(p, c);
		return;
	}
	conn_state(p, c, SH_CONN_SERVED);
	c->dl = sh_deadline(SERVED_NS);
	sh_peer_set(p, c->id, &card);
	p->peers[sh_id_slot(c->id)].served = true;
	SH_STEP("join_serving");
	c->next_slot = UINT32_MAX; /* WELCOME is still to be sent */
	pump(p, c);
}

/* send what is next until the socket is full: WELCOME, my own card, everybody's, DONE */
static int pump_one(struct sh_proc *p, struct sh_conn *c)
{
	struct sh_hello h;
	int err = 0;

	if (c->next_slot == UINT32_MAX) {
		err = welcome(p, c);
	} else if (c->next_slot < p->r->max_members) {
		struct sh_peer *peer = &p->peers[c->next_slot];

		if (c->next_slot == sh_id_slot(p->id))
			err = sh_card_send(c->fd, p->id, &p->mine);
		else if (peer->id != 0 && peer->id != c->id && sh_member_alive(peer->id))
			err = sh_card_send(c->fd, peer->id, &peer->card);
	} else {
		sh_hello_init(&h, SH_HELLO_DONE, c->id);
		err = sh_hello_send(c->fd, &h, NULL, 0);
		c->done = err == 0;
	}
	if (err == 0)
		c->next_slot++;
	return err;
}

static void pump(struct sh_proc *p, struct sh_conn *c)
{
	int err = 0;

	c->again = 0;
	while (!c->done && err == 0)
		err = pump_one(p, c);
	if (err == 0 || err == -EAGAIN) {
		(void)sh_watch_mod(p, c->fd, c->done ? EPOLLIN : EPOLLIN | EPOLLOUT);
	} else if (err ==
		   -ETOOMANYREFS) { /* too many of this user's fds are on their way: the receivers must run first */
		(void)sh_watch_mod(p, c->fd, EPOLLIN);
		c->again = sh_deadline(AGAIN_NS);
	} else {
		conn_end(p, c);
	}
}

/* ---- the other kinds ---- */

static void on_card(struct sh_proc *p, const struct sh_hello *h, struct sh_fds *f)
{
	struct sh_card card;

	sh_store_rel(&p->dirty, true); /* R:KICK also one that has gone already is told of */
	if (h->id == p->id || !sh_member_alive(h->id))
		return;
	if (sh_card_take(f, &card) != 0) {
		sh_log_rate(SH_WARN, "refused a card of member %u: its fds are not those of a card", sh_id_slot(h->id));
		return;
	}
	sh_peer_set(p, h->id, &card);
}

static void on_pull(struct sh_proc *p, int fd, sh_id_t id)
{
	struct sh_peer *peer = &p->peers[sh_id_slot(id)];

	if (id == p->id)
		(void)sh_card_send(fd, id, &p->mine);
	else if (peer->id == id)
		(void)sh_card_send(fd, id, &peer->card);
}

/* an id that this group has given to somebody, living or dead */
static bool was_given(const struct sh_proc *p, sh_id_t id)
{
	/* only a sanity check of what a peer says: no order is needed */
	return sh_id_slot(id) < p->r->max_members && sh_id_gen(id) < sh_load_rlx(&p->r->next_gen);
}

static void on_link(struct sh_proc *p, struct sh_conn *c, sh_id_t from, uint32_t use)
{
	int fd = conn_free(p, c);

	if (was_given(p, from) && !sh_speaks_for(p, fd, from)) {
		count(p, SH_COUNT_DENIED);
		sh_log_rate(SH_WARN, "refused a connection for fds in the name of member %u: it is another process",
			    sh_id_slot(from));
		sh_close(&fd);
		return;
	}

	/* also from one that is gone by now: what it sent before still counts. A:ANNOUNCED the handler is set. A:MUTE */
	if (sh_load_acq(&p->announced) && p->link[use].fn != NULL && !sh_load_acq(&p->mute) && was_given(p, from))
		p->link[use].fn(p->link[use].arg, from, fd);
	else
		sh_close(&fd);
}

/* one good packet; returns false when c is gone */
static bool on_hello(struct sh_proc *p, struct sh_conn *c, const struct sh_hello *h, struct sh_fds *f, uid_t uid)
{
	if (c->state == SH_CONN_PULL) {
		if (h->kind == SH_HELLO_CARD && h->id == c->id)
			on_card(p, h, f);
		conn_end(p, c);
		return false;
	}
	if (c->state != SH_CONN_NEW) { /* a joiner says nothing more */
		conn_end(p, c);
		return false;
	}
	switch ((enum sh_hello_kind)h->kind) {
	case SH_HELLO_JOIN:
		on_join(p, c, h, f, uid);
		return false; /* read no more from it in this round */
	case SH_HELLO_LINK:
		on_link(p, c, h->id, h->role);
		return false;
	case SH_HELLO_CARD:
		on_card(p, h, f);
		break;
	case SH_HELLO_PULL:
		on_pull(p, c->fd, h->id);
		break;
	case SH_HELLO_LOOK:
		if (p->peers[sh_id_slot(h->id)].id == h->id)
			(void)sh_member_probe(h->id);
		sh_store_rel(&p->dirty, true); /* R:KICK */
		break;
	default:
		break;
	}
	conn_end(p, c);
	return false;
}

static uid_t peer_uid(int fd)
{
	struct ucred cr;
	socklen_t n = sizeof(cr);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cr, &n) == 0 ? cr.uid : (uid_t)-1;
}

/* a packet's fds did not fit into my table of fds */
static void poor(struct sh_proc *p, struct sh_conn *c)
{
	enum sh_conn_state st = c->state;
	sh_id_t id = c->id;
	int fd;

	if (st != SH_CONN_PULL) {
		sh_log_rate(SH_ERR, "cannot take the fds of a packet on %s: no file descriptor left; raise ulimit -n",
			    p->lsn_name);
		refuse(c->fd, SH_REFUSE_NOFILE, "");
		conn_end(p, c);
		return;
	}
	fd = conn_free(p, c);
	sh_close(&fd);
	sh_pull_poor(p, id);
}

static void on_conn(void *arg, uint32_t events)
{
	struct sh_proc *p = sh_proc_of();
	struct sh_conn *c = arg;
	struct sh_hello h;
	struct sh_fds f;
	char buf[sizeof(h) + 1];
	ssize_t n;
	int err;

	if ((events & EPOLLOUT) && c->state == SH_CONN_SERVED && !c->done) {
		pump(p, c);
		return; /* level-triggered: what is to be read comes again */
	}
	n = sh_sock_recv(c->fd, buf, sizeof(buf), &f, NULL, NULL, NULL, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		if (n == -EMSGSIZE) {
			count(p, SH_COUNT_MALFORMED);
			sh_log_rate(SH_WARN, "dropped a packet on %s that is too long", p->lsn_name);
		}
		if (n == -EMFILE)
			poor(p, c);
		else
			conn_end(p, c);
		return;
	}
	/* a card may tell of an end, its listener may take a last record, and that may ask for a round of accept: not of this one */
	c->busy = true;
	err = sh_join_parse(buf, (size_t)n, &h);
	if (err == 0 && !sh_hello_fds_ok(h.kind, f.n))
		err = -EBADMSG;
	if (err == 0) {
		(void)on_hello(p, c, &h, &f, peer_uid(c->fd));
	} else {
		if (err == -EPROTONOSUPPORT)
			refuse(c->fd, SH_REFUSE_LAYOUT, "another layout of shared memory");
		count(p, SH_COUNT_MALFORMED);
		sh_log_rate(SH_WARN, "dropped a packet of %zd bytes on %s: %s", n, p->lsn_name,
			    err == -EPROTONOSUPPORT ? "of another version of the library" : "malformed");
		conn_end(p, c);
	}
	sh_fds_close(&f);
}

/* ---- the listener ---- */

static void spare_open(struct sh_proc *p)
{
	if (p->spare < 0)
		p->spare = sh_fd_up(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

/*
 * No fd is left: with the one kept for this, tell who waits. false: nobody does (accept4() says EMFILE first), or that did not
 * work, and the listener rests for a while.
 */
static bool turn_away(struct sh_proc *p)
{
	struct pollfd waits = {.fd = p->lsn, .events = POLLIN};
	int fd = -1;

	if (poll(&waits, 1, 0) == 0)
		return false;
	sh_log_rate(SH_ERR, "cannot accept on %s: no file descriptor left; raise ulimit -n", p->lsn_name);
	drop_silent(p);
	if (p->spare >= 0) {
		sh_close(&p->spare);
		fd = sh_fd_up(accept4(p->lsn, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
		if (fd >= 0)
			refuse(fd, SH_REFUSE_NOFILE, "");
		sh_close(&fd);
		spare_open(p);
	}
	if (p->spare >= 0)
		return true;
	(void)sh_watch_mod(p, p->lsn, 0);
	p->lsn_pause = p->lsn_pause == 0 ? DEAF_FIRST : SH_MIN(2 * p->lsn_pause, DEAF_LAST);
	p->lsn_again = sh_deadline(p->lsn_pause);
	return false;
}

static void on_accept(void *arg, uint32_t events)
{
	struct sh_proc *p = arg;

	if (!sh_own_is(p, p->lsn)) /* the program closed it, and may have a listener of its own there */
		return;

	/* who found my backlog full did not tell me what it wanted to: look around */
	sh_store_rel(&p->dirty, true); /* R:KICK */
	for (unsigned i = 0; i < NEW_MAX; i++) {
		int fd = sh_fd_up(accept4(p->lsn, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
		struct sh_conn *c;
		uid_t uid;

		if (fd < 0) {
			if ((errno == EMFILE || errno == ENFILE) && turn_away(p))
				continue;
			return;
		}
		p->lsn_pause = 0;
		uid = peer_uid(fd);
		if (!sh_uid_allowed(uid)) {
			count(p, SH_COUNT_DENIED);
			sh_log_rate(SH_WARN, "refused a connection from user %u; --allow-uid=%u would let it in",
				    (unsigned)uid, (unsigned)uid);
			refuse(fd, SH_REFUSE_UID, "the group belongs to another user; its --allow-uid lets others in");
			sh_close(&fd);
			continue;
		}
		if (p->n_new >= NEW_MAX)
			drop_silent(p);
		c = conn_add(p, fd, SH_CONN_NEW, NEW_NS);
		if (c == NULL)
			sh_close(&fd);
		else
			on_conn(c, EPOLLIN); /* most have said what they want by now */
	}
}

void sh_accept_all(struct sh_proc *p)
{
	uint32_t round = ++p->acc_round;
	struct sh_conn *c;

	if (p->lsn < 0)
		return;
	on_accept(p, EPOLLIN);
	/* and those accepted before they had spoken: by now they have. What they say may change the list: from its start again */
	do {
		for (c = p->conns; c != NULL && (c->state != SH_CONN_NEW || c->busy || c->round == round); c = c->next)
			;
		if (c != NULL) {
			c->round = round;
			on_conn(c, EPOLLIN);
		}
	} while (c != NULL);
}

int sh_listen_start(struct sh_proc *p)
{
	spare_open(p);
	return sh_watch_in(p, p->lsn, EPOLLIN, on_accept, p);
}

/* The watcher may be looking at it: it stays open, and refuses, until that thread has ended. */
void sh_listen_end(struct sh_proc *p)
{
	char path[192];

	if (p->lsn < 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", p->dir, p->lsn_name);
	(void)unlink(path);
	sh_watch_out(p, p->lsn);
	if (sh_own_is(p, p->lsn))
		(void)shutdown(p->lsn, SHUT_RDWR);
}

void sh_conns_due(struct sh_proc *p, uint64_t now, uint64_t *next)
{
	struct sh_conn *c, *after;

	if (p->lsn_again != 0 && p->lsn_again <= now) {
		p->lsn_again = 0;
		spare_open(p);
		(void)sh_watch_mod(p, p->lsn, EPOLLIN); /* level-triggered: who waits is seen at once */
	} else if (p->lsn_again != 0) {
		*next = SH_MIN(*next, p->lsn_again);
	}
	for (c = p->conns; c != NULL; c = after) {
		after = c->next;
		if (c->dl <= now) {
			conn_end(p, c);
			*next = 0; /* who asked for a card on it is due, and was looked at before */
			continue;
		}
		*next = SH_MIN(*next, c->dl);
		if (c->again != 0 && c->again <= now) {
			*next = 0; /* whatever comes of it: look again */
			pump(p, c);
		} else if (c->again != 0) {
			*next = SH_MIN(*next, c->again);
		}
	}
}
