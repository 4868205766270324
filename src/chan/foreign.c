/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * foreign.c - peers that speak DPDK's datagrams: a real DPDK process, or any client that knows the layout
 *
 * One socket, read by the watcher. Nothing that arrives can end it: what fails a check is counted, said once a second, its fds
 * are closed. A peer that has spoken from a bound socket is remembered with its layout, so that a primary's broadcast
 * reaches it too, until a send finds its socket gone. Credentials are the kernel's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "chan/chan_int.h"
#include "proc/opts.h"

#define SH_ACTION_WAIT_NS (500 * SH_NS_PER_MS)

static void remember(struct sh_chan *c, const struct sh_foreign_addr *a)
{
	int place = -1;

	sh_lock(&c->f_lock);
	for (int i = 0; i < SH_FOREIGN; i++) {
		struct sh_foreign_addr *f = c->foreign[i];

		if (f == NULL) {
			if (place < 0)
				place = i;
		} else if (strcmp(f->sa.sun_path, a->sa.sun_path) == 0) {
			f->layout = a->layout;
			place = -2;
			break;
		}
	}
	if (place >= 0) {
		c->foreign[place] = malloc(sizeof(*a));
		if (c->foreign[place] != NULL)
			*c->foreign[place] = *a;
	}
	sh_unlock(&c->f_lock);
}

static void forget(struct sh_chan *c, const struct sh_foreign_addr *a)
{
	sh_lock(&c->f_lock);
	for (int i = 0; i < SH_FOREIGN; i++)
		if (c->foreign[i] != NULL && strcmp(c->foreign[i]->sa.sun_path, a->sa.sun_path) == 0) {
			free(c->foreign[i]);
			c->foreign[i] = NULL;
		}
	sh_unlock(&c->f_lock);
}

unsigned sh_foreign_list(struct sh_chan *c, struct sh_foreign_addr **out, unsigned cap)
{
	unsigned n = 0;

	sh_lock(&c->f_lock);
	for (int i = 0; i < SH_FOREIGN && n < cap; i++) {
		if (c->foreign[i] == NULL)
			continue;
		out[n] = malloc(sizeof(**out));
		if (out[n] != NULL)
			*out[n++] = *c->foreign[i];
	}
	sh_unlock(&c->f_lock);
	return n;
}

int sh_foreign_send(struct sh_chan *c, const struct sh_foreign_addr *a, const struct sh_send *s)
{
	struct sh_dgram d = {.layout = a->layout, .type = s->type, .len_param = (int)s->len, .num_fds = (int)s->nfds};
	unsigned char buf[340];
	size_t len;
	ssize_t r;

	if (s->len > sizeof(d.param) || s->nfds > (a->layout == SH_DPDK_22 ? 8 : SH_FDS_MAX))
		return -EMSGSIZE;
	snprintf(d.name, sizeof(d.name), "%s", s->name);
	if (s->len != 0)
		memcpy(d.param, s->data, s->len);
	len = sh_dgram_build(&d, buf);
	r = len == 0 ? -EINVAL : sh_sock_send(c->dgram, &a->sa, buf, len, s->fds, s->nfds, MSG_DONTWAIT);
	if (r == -ECONNREFUSED || r == -ENOENT)
		forget(c, a);
	if (r == (ssize_t)len)
		sh_count(SH_C_SENT);
	return r < 0 ? (int)r : 0;
}

/*
 * Wait until the peer's queue may have room. Only a socket that is connected to it can be told, so one is made for that; the
 * datagram itself leaves from our own, whose path the peer looks at.
 */
static void wait_room(struct sh_chan *c, const struct sh_foreign_addr *a, uint64_t dl)
{
	struct pollfd p = {.events = POLLOUT};
	uint64_t now = sh_now_ns();
	int ms = dl <= now ? 0 : (int)((dl - now) / 1000000) + 1;

	p.fd = sh_fd_up(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (p.fd < 0) {
		(void)poll(NULL, 0, 1);
		return;
	}
	if (connect(p.fd, (const struct sockaddr *)&a->sa, sizeof(a->sa)) == 0 && poll(&p, 1, 0) == 0) {
		(void)poll(&p, 1, ms);
	} else {
		/* it has room: then our own buffer is full of what others have not read. Or it is gone: the next send says so. */
		sh_close(&p.fd);
		p.fd = c->dgram;
		(void)poll(&p, 1, ms < 10 ? ms : 10);
		return;
	}
	sh_close(&p.fd);
}

/* the remembered peer's mark; a peer that is not remembered counts as deaf */
static bool deaf(struct sh_chan *c, const struct sh_foreign_addr *a)
{
	bool d = true;

	sh_lock(&c->f_lock);
	for (int i = 0; i < SH_FOREIGN; i++)
		if (c->foreign[i] != NULL && strcmp(c->foreign[i]->sa.sun_path, a->sa.sun_path) == 0)
			d = c->foreign[i]->deaf;
	sh_unlock(&c->f_lock);
	return d;
}

static void set_deaf(struct sh_chan *c, const struct sh_foreign_addr *a, bool d)
{
	sh_lock(&c->f_lock);
	for (int i = 0; i < SH_FOREIGN; i++)
		if (c->foreign[i] != NULL && strcmp(c->foreign[i]->sa.sun_path, a->sa.sun_path) == 0)
			c->foreign[i]->deaf = d;
	sh_unlock(&c->f_lock);
}

int sh_foreign_send_wait(struct sh_chan *c, const struct sh_foreign_addr *a, const struct sh_send *s, uint64_t dl)
{
	int e = sh_foreign_send(c, a, s);

	/*
	 * A DPDK process reads all the time, but its queue holds 10: an action that answers many requests of it would lose most
	 * of its replies if it did not wait at all. It waits once for a peer that does not read, then no more.
	 */
	if (e == -EAGAIN && sh_in_action()) {
		uint64_t soon = sh_deadline(SH_ACTION_WAIT_NS);

		if (deaf(c, a))
			return e;
		dl = soon < dl ? soon : dl;
	}
	while (e == -EAGAIN && sh_now_ns() < dl) {
		if (sh_gate_closing() && !sh_in_action())
			return -ECANCELED;
		wait_room(c, a, dl);
		e = sh_foreign_send(c, a, s);
	}
	if (sh_in_action())
		set_deaf(c, a, e == -EAGAIN);
	return e;
}

/* what arrived is sane: hand it on. Owns the fds in f. */
static void deliver(struct sh_chan *c, const struct sh_dgram *d, const struct sockaddr_un *from, struct sh_fds *f)
{
	struct sh_foreign_addr a = {.sa = *from, .layout = d->layout};
	struct sh_msg *m = sh_msg_new(d->name, strlen(d->name), (size_t)d->len_param, f->n);

	if (m != NULL) {
		m->foreign = malloc(sizeof(a));
		if (m->foreign == NULL) {
			sh_msg_free(m);
			m = NULL;
		}
	}
	if (m == NULL) {
		sh_fds_close(f);
		return;
	}
	*m->foreign = a;
	m->type = (uint8_t)d->type;
	m->req = c->foreign_req++; /* only the watcher counts here */
	m->expire_dl = sh_deadline(60 * SH_NS_PER_S);
	if (m->len != 0)
		memcpy(m->data, d->param, m->len);
	for (unsigned i = 0; i < f->n; i++)
		m->fds[m->nfds++] = sh_fds_take(f, i);
	f->n = 0;
	if (from->sun_path[0] != '\0')
		remember(c, &a);
	sh_count(SH_C_FOREIGN);
	sh_route(c, m);
}

/* one datagram: false when there is none */
static bool one(struct sh_chan *c)
{
	unsigned char buf[SH_DPDK_26 + 1];
	struct sockaddr_un from;
	struct sh_dgram d;
	struct sh_fds f;
	const char *why;
	uid_t uid;
	ssize_t n = sh_sock_recv(c->dgram, buf, sizeof(buf), &f, &from, &uid, NULL, MSG_DONTWAIT);

	if (n == -EAGAIN)
		return false;
	if (n < 0 && n != -EMSGSIZE && n != -EMFILE) {
		sh_log_rate(SH_WARN, "reading %s: %s", c->sock_name, strerror((int)-n));
		return false;
	}
	if (!sh_uid_allowed(uid)) {
		sh_count(SH_C_DENIED);
		sh_log_rate(SH_WARN, "dropped a datagram of uid %u: start with --allow-uid=%u to hear it", uid, uid);
		sh_fds_close(&f);
		return true;
	}
	why = n == -EMFILE ? "there is no file descriptor left for its fds; raise ulimit -n"
	      : n < 0	   ? "it is longer than a message or had too many fds"
			   : sh_dgram_parse(buf, (size_t)n, f.n, &d);
	if (why == NULL && (d.type == SH_R_REQ || d.type == SH_R_REP) && from.sun_path[0] == '\0')
		why = "a request or reply from a socket without a name cannot be answered or matched";
	if (why != NULL) {
		sh_count(SH_C_MALFORMED);
		sh_log_rate(SH_WARN, "dropped a datagram of %zd bytes from %s: %s", n < 0 ? (ssize_t)0 : n,
			    from.sun_path[0] != '\0' ? from.sun_path : "an unnamed socket", why);
		sh_fds_close(&f);
		return true;
	}
	deliver(c, &d, &from, &f);
	return true;
}

/*
 * What nobody runs yet belongs in the socket: its sender waits there, and it costs this process neither memory nor fds. But the
 * answer to a request of mine may lie behind it: while a foreign peer is asked, everything is read.
 */
static bool rest(struct sh_chan *c)
{
	bool yes;

	if (!sh_queue_long(c))
		return false;
	sh_lock(&c->lk);
	yes = sh_queue_long(c) && !sh_pend_foreign(c);
	if (yes) {
		sh_store_rlx(&c->f_paused, true); /* relaxed: read under lk, but for a test's look */
		sh_watch_set(c->dgram, 0);
	}
	sh_unlock(&c->lk);
	return yes;
}

void sh_foreign_resume(struct sh_chan *c)
{
	if (!sh_load_rlx(&c->f_paused))
		return;
	sh_store_rlx(&c->f_paused, false);
	sh_watch_set(c->dgram, EPOLLIN); /* level-triggered: what waits is seen at once */
}

static void readable(void *arg, uint32_t events)
{
	struct sh_chan *c = arg;

	(void)events;
	/* bounded: a flood must not keep the watcher from joins and deaths */
	for (int i = 0; i < 64 && !rest(c) && one(c); i++)
		;
}

int sh_foreign_start(struct sh_chan *c, const struct sh_opts *o)
{
	const struct sh_member *me = &sh_region()->members[sh_id_slot(c->self)];
	struct sockaddr_un a;
	mode_t mode = o->n_allow_uid > 0 ? 0666 : 0600; /* as the listener's name, whatever the umask is */
	int on = 1, e;

	snprintf(c->sock_name, sizeof(c->sock_name), "%s", me->sock); /* chosen when I joined */
	e = sh_sock_addr(&a, c->dir, c->sock_name);
	if (e < 0) {
		sh_err("the path %s/%s does not fit a socket address of 107 bytes: use a shorter --file-prefix or "
		       "$RUNTIME_DIRECTORY",
		       c->dir, c->sock_name);
		return e;
	}
	c->dgram = sh_fd_up(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (c->dgram < 0) {
		e = -errno;
		sh_err("cannot make the socket %s: %s; %s", a.sun_path, strerror(-e), sh_fd_advice(e));
		return e;
	}
	/* a name left by a primary that was killed; a living one is excluded by the role */
	(void)unlink(a.sun_path);
	if (setsockopt(c->dgram, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(c->dgram, (struct sockaddr *)&a, sizeof(a)) < 0 || chmod(a.sun_path, mode) < 0) {
		e = -errno;
		sh_err("cannot bind %s: %s; %s", a.sun_path, strerror(-e), sh_bind_advice(e));
		(void)unlink(a.sun_path);
		sh_close(&c->dgram);
		return e;
	}
	e = sh_watch_add(c->dgram, EPOLLIN, readable, c);
	if (e < 0)
		sh_err("cannot watch the socket %s: %s; %s", a.sun_path, strerror(-e), sh_fd_advice(e));
	else
		sh_info("Multi-process socket %s", a.sun_path);
	return e;
}

void sh_foreign_stop(struct sh_chan *c)
{
	struct sockaddr_un a;

	if (c->dgram < 0)
		return;
	sh_watch_del(c->dgram);
	if (sh_sock_addr(&a, c->dir, c->sock_name) == 0)
		(void)unlink(a.sun_path);
	if (sh_fds_gone()) /* the number may be the program's by now */
		c->dgram = -1;
	sh_close(&c->dgram);
	for (int i = 0; i < SH_FOREIGN; i++)
		free(c->foreign[i]);
}
