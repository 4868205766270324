/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * join.c - the joiner's side: find a member that answers, take what it hands over, map, become INIT
 *
 * Runs on the thread that calls sh_proc_start(), before the watcher. Until the CAS JOINING -> INIT nothing shared is
 * touched: the slot may be taken back at any time.
 */
#include "proc/priv.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#define ESTRANGE ESTRPIPE	       /* a number that no call here returns */
#define PATIENCE (1000 * SH_NS_PER_MS) /* with one member; then the next is asked, and all again until the deadline */

/* connect to a listener in the runtime directory; the kernel says who listens. fd or -errno */
int sh_dial(struct sh_proc *p, const char *name)
{
	struct sockaddr_un a;
	struct ucred cr;
	socklen_t n = sizeof(cr);
	int s, err = sh_sock_addr(&a, p->dir, name);

	if (err != 0)
		return err;
	s = sh_fd_up(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	if (s < 0) /* EPERM would be connect()'s word for another user's name; this one is a filter's */
		return errno == EPERM || errno == EACCES ? -ENOSYS : -errno;
	do {
		err = connect(s, (struct sockaddr *)&a, sizeof(a)) == 0 ? 0 : -errno;
	} while (err == -EINTR);
	if (err == 0 && getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cr, &n) != 0)
		err = -errno;
	if (err == 0 && !sh_uid_allowed(cr.uid))
		err = -EACCES;
	if (err != 0)
		sh_close(&s);
	return err != 0 ? err : s;
}

int sh_dial_member(struct sh_proc *p, sh_id_t id)
{
	char name[40];

	snprintf(name, sizeof(name), "join_%u_%u", sh_id_slot(id), sh_id_gen(id));
	return p->alone ? -ENOENT : sh_dial(p, name);
}

/* one packet from the server; waits until dl */
static int hear(int s, struct sh_hello *h, struct sh_fds *f, uint64_t dl)
{
	char buf[sizeof(*h) + 1];
	struct pollfd pf = {.fd = s, .events = POLLIN};
	ssize_t n;
	int err;

	for (;;) {
		uint64_t left = sh_left_ns(dl);

		n = sh_sock_recv(s, buf, sizeof(buf), f, NULL, NULL, NULL, MSG_DONTWAIT);
		if (n != -EAGAIN)
			break;
		if (left == 0)
			return -ETIMEDOUT;
		(void)poll(&pf, 1, (int)(left / SH_NS_PER_MS) + 1);
	}
	if (n == -EMFILE || n == -EMSGSIZE) /* the kernel drops fds that do not fit into the table */
		return -EMFILE;
	if (n < 0)
		return (int)n;
	if (n == 0)
		return -ECONNRESET;
	err = sh_join_parse(buf, (size_t)n, h);
	if (err == 0 && !sh_hello_fds_ok(h->kind, f->n))
		err = f->n == 0 ? -EMFILE : -EBADMSG;
	if (err != 0)
		sh_fds_close(f);
	return err;
}

/* what a refusal means to the joiner: -EAGAIN look again later, -EEXIST, or final */
static int refused(struct sh_proc *p, const struct sh_hello *h)
{
	switch ((enum sh_refusal)h->refusal) {
	case SH_REFUSE_WAIT:
	case SH_REFUSE_LEAVING:
		return -EAGAIN;
	case SH_REFUSE_PRIMARY:
		return -EEXIST;
	case SH_REFUSE_FULL:
		sh_err("the group in %s takes no more members: %s; %s", p->dir, h->text,
		       h->max_members >= SH_MEMBERS ? "no group has more, end one of them"
						    : "start its primary with a larger --max-members, or end one");
		return -ENOSPC;
	case SH_REFUSE_LAYOUT:
		sh_err("the group in %s was started by another version of the library (another layout of shared "
		       "memory): "
		       "use the same version in all its processes",
		       p->dir);
		return -EPROTONOSUPPORT;
	case SH_REFUSE_CLOSED:
		sh_err("the group in %s takes no secondaries: its primary called rte_mp_disable()", p->dir);
		return -EACCES;
	case SH_REFUSE_UID:
		sh_err("the group in %s does not let user %u in: start its processes with --allow-uid=%u", p->dir,
		       (unsigned)geteuid(), (unsigned)geteuid());
		return -EACCES;
	case SH_REFUSE_NOFILE:
		sh_err("the server of the group in %s has no file descriptor left: raise its ulimit -n", p->dir);
		return -EMFILE;
	default:
		sh_err("the group in %s refused: %s", p->dir, h->text);
		return -EPROTO;
	}
}

static int welcomed(struct sh_proc *p, const struct sh_hello *h, struct sh_fds *f)
{
	struct rlimit nf;
	int err;

	for (unsigned i = 0; i < SH_GROUP_FDS; i++) {
		sh_close(&p->gfd[i]);
		p->gfd[i] = sh_fds_take(f, i);
		sh_store_rlx(&p->len[i], 0); /* nobody else looks yet */
	}
	if (getrlimit(RLIMIT_NOFILE, &nf) == 0 && nf.rlim_cur < 3ull * h->max_members + 64)
		sh_dbg("ulimit -n is %llu; a full group of %u members needs %u", (unsigned long long)nf.rlim_cur,
		       h->max_members, 3 * h->max_members + 64);
	err = sh_region_map(p, h->base, h->size);
	if (err != 0)
		return err;
	p->id = h->id;
	err = sh_slot_need(p);
	if (err != 0)
		return err;
	SH_STEP("join_mapped");
	err = sh_listen(p);
	SH_STEP("join_listening");
	return err;
}

static int say_nofile(void)
{
	struct rlimit nf = {0};

	(void)getrlimit(RLIMIT_NOFILE, &nf);
	sh_err("out of file descriptors while joining: three are needed for each member of the group; ulimit -n is "
	       "%llu, raise "
	       "it",
	       (unsigned long long)nf.rlim_cur);
	return -EMFILE;
}

/* WELCOME, CARD*, DONE */
static int take_all(struct sh_proc *p, int s, uint64_t dl)
{
	struct sh_hello h;
	struct sh_fds f = {0};
	struct sh_card card;
	int err;

	for (;;) {
		err = hear(s, &h, &f, p->id != 0 ? sh_deadline(5 * PATIENCE) : dl);
		if (err == -EMFILE)
			return say_nofile();
		if (err == -EPROTONOSUPPORT) {
			h.refusal = SH_REFUSE_LAYOUT;
			return refused(p, &h);
		}
		if (err != 0)
			return err;
		if (h.kind == SH_HELLO_REFUSE)
			err = refused(p, &h);
		else if (h.kind == SH_HELLO_WELCOME && p->id == 0)
			err = welcomed(p, &h, &f);
		else if (h.kind == SH_HELLO_CARD && p->id != 0) {
			/* one that died this moment has a sealed memfd: no card then, the table tells the rest */
			if (sh_card_take(&f, &card) == 0)
				sh_peer_set(p, h.id, &card);
		} else if (h.kind == SH_HELLO_DONE && p->id != 0 && h.id == p->id)
			return 0;
		else
			err = -EBADMSG;
		sh_fds_close(&f);
		if (err != 0)
			return err;
	}
}

static void undo(struct sh_proc *p)
{
	for (unsigned i = 0; i < SH_MEMBERS; i++)
		sh_peer_drop(p, i);
	sh_listen_stop(p);
	sh_region_drop(p);
	p->id = 0;
}

/*
 * A listener that does not answer: is its process gone, and only a forked child that knows nothing of it keeps the socket
 * open? The kernel remembers who called listen().
 */
static bool listener_dead(int s)
{
	struct pollfd pf = {.events = POLLIN};
	struct ucred cr = {0};
	socklen_t n = sizeof(pf.fd);
	bool dead;

	if (getsockopt(s, SOL_SOCKET, SO_PEERPIDFD, &pf.fd, &n) == 0) {
		dead = poll(&pf, 1, 0) == 1;
		sh_close(&pf.fd);
		return dead;
	}
	if (errno == ESRCH) /* reaped */
		return true;
	n = sizeof(cr);
	/* an older kernel; pid 0 is one that this namespace does not see */
	return getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cr, &n) == 0 && cr.pid > 0 && kill(cr.pid, 0) != 0 &&
	       errno == ESRCH;
}

static int join_at(struct sh_proc *p, const char *name, bool as_primary, uint64_t dl)
{
	struct sh_hello h;
	int fds[3], s = sh_dial(p, name), err;

	bool first = strcmp(name, "join") == 0; /* a name that is there once its member's init is over */

	if (s == -EMFILE || s == -ENFILE)
		return say_nofile();
	p->silent = first ? s == -EAGAIN : p->silent; /* as many as it has room for wait already */
	if (s == -ENOSYS) {
		sh_err("cannot make a socket to join with: it is refused; %s", sh_fd_advice(s));
		return -EPERM;
	}
	if (s == -EACCES || s == -EPERM) /* another user's name, or one that I may not follow: others may be right */
		return -ESTRANGE;
	if (s < 0)
		return s;
	sh_hello_join(p, &h, as_primary);
	err = sh_hello_send(s, &h, fds, (unsigned)sh_card_fds(&p->mine, fds));
	SH_STEP("join_asked");
	if (err == -ETOOMANYREFS)
		err = -EAGAIN;
	if (err == 0)
		err = take_all(p, s, SH_MIN(dl, sh_deadline(PATIENCE)));
	if (err == 0 && !sh_word_move(p, p->id, SH_JOINING, SH_INIT)) /* too slow: the slot was taken back */
		err = -EAGAIN;
	SH_STEP("join_init");
	if (err != 0)
		undo(p);
	if (err == -ETIMEDOUT && listener_dead(s))
		err = -ECONNREFUSED;
	p->silent = p->silent || (first && err == -ETIMEDOUT);
	sh_close(&s);
	return err;
}

/*
 * Ask "join", then every other listener. 0; -ENOENT: nobody listens, the group is dead; -EAGAIN: somebody does, look again
 * later; -EEXIST: there is a primary; anything else is final and has been logged.
 */
int sh_join(struct sh_proc *p, bool as_primary, uint64_t dl)
{
	bool somebody = false, strangers = false;
	struct dirent *e;
	int err;
	DIR *d;

	err = join_at(p, "join", as_primary, dl);
	d = opendir(p->dir);
	if (d == NULL && err != 0 && (errno == EMFILE || errno == ENFILE))
		return say_nofile();
	for (;;) {
		if (err == 0)
			break;
		if (err == -EAGAIN || err == -ETIMEDOUT || err == -ECONNRESET || err == -EPIPE)
			somebody = true;
		else if (err == -ESTRANGE)
			strangers = true;
		else if (err != -ENOENT && err != -ECONNREFUSED)
			break;
		do {
			e = d != NULL ? readdir(d) : NULL;
		} while (e != NULL && strncmp(e->d_name, "join_", 5) != 0);
		if (e == NULL) {
			err = somebody ? -EAGAIN : -ENOENT;
			break;
		}
		err = join_at(p, e->d_name, as_primary, dl);
	}
	if (d != NULL)
		closedir(d);
	if (err == -ENOENT && strangers) {
		sh_err("those who listen in %s are another user's: choose another --file-prefix, or name that user "
		       "with "
		       "--allow-uid",
		       p->dir);
		err = -EACCES;
	}
	return err;
}
