/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fdlink.c - one shared fd from one member to another
 *
 * The sender connects to the receiver's listener, sends one packet with the fd, closes, and only then says so over the internal
 * lane. So who hears that it was sent finds it: a round of accept brings the connection, and the packet lies in it. A packet
 * that nobody waits for is taken out and its fd closed: sh_fdreg_came().
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "chan/chan_int.h"
#include "chan/fdreg.h"

bool sh_fdlink_room(void)
{
	int a = fcntl(sh_group_fd(SH_FD_CTL), F_DUPFD_CLOEXEC, 3);
	int b = a >= 0 ? fcntl(sh_group_fd(SH_FD_CTL), F_DUPFD_CLOEXEC, 3) : -1;
	bool ok = b >= 0;

	sh_close(&a);
	sh_close(&b);
	return ok;
}

int sh_fdlink_send(sh_id_t to, const struct sh_fd_pkt *p, int fd)
{
	int s = sh_link_open(to, SH_LINK_FD);
	ssize_t r;

	if (s < 0)
		return s;
	r = sh_sock_send(s, NULL, p, sizeof(*p), &fd, 1, MSG_DONTWAIT);
	sh_close(&s);
	SH_STEP("fd_sent");
	if (r == -ETOOMANYREFS || r == -ENOBUFS) /* others' unread fds count for this user as well */
		return -EAGAIN;
	return r < 0 ? (int)r : 0;
}

/* one packet: true; false: nothing more for now; *end: nor ever */
static bool read_one(struct sh_fdreg *r, struct sh_fdconn *c, bool *end)
{
	struct sh_fd_pkt p = {0};
	char buf[sizeof(p) + 1] = {0};
	struct sh_fds f;
	ssize_t n = sh_sock_recv(c->fd, buf, sizeof(buf), &f, NULL, NULL, NULL, MSG_DONTWAIT);

	if (n == -EMFILE && sh_fd_pkt_parse(buf, sizeof(p), 1, &p) == 0) {
		sh_fdreg_came(r, c->from, &p, -1);
		return true;
	}
	if (n <= 0) {
		*end = n != -EAGAIN;
		return false;
	}
	if (sh_fd_pkt_parse(buf, (size_t)n, f.n, &p) == 0) {
		sh_fdreg_came(r, c->from, &p, sh_fds_take(&f, 0));
	} else {
		sh_count(SH_C_MALFORMED);
		sh_log_rate(SH_WARN, "dropped a packet of %zd bytes from member %u: not one that carries a shared fd",
			    n, sh_id_slot(c->from));
		*end = true;
	}
	sh_fds_close(&f);
	return !*end;
}

/* on the watcher: it alone closes connections */
static void drop(struct sh_fdreg *r, struct sh_fdconn *c)
{
	struct sh_fdconn **at;

	sh_lock(&r->conn_lk);
	for (at = &r->conns; *at != NULL && *at != c; at = &(*at)->next)
		;
	if (*at != NULL) {
		*at = c->next;
		r->n_conns--;
	}
	sh_unlock(&r->conn_lk);
	sh_watch_del(c->fd);
	sh_close(&c->fd);
	free(c);
}

static void on_readable(void *arg, uint32_t events)
{
	struct sh_fdconn *c = arg;
	struct sh_fdreg *r = c->r;
	bool end = false;

	(void)events;
	sh_lock(&r->conn_lk);
	while (read_one(r, c, &end))
		;
	sh_unlock(&r->conn_lk);
	if (end)
		drop(r, c);
}

static struct sh_fdconn *oldest(struct sh_fdreg *r)
{
	struct sh_fdconn *c = r->conns;

	while (c != NULL && c->next != NULL)
		c = c->next;
	return c;
}

void sh_fdlink_on(void *arg, sh_id_t from, int fd)
{
	struct sh_fdreg *r = arg;
	struct sh_fdconn *c = calloc(1, sizeof(*c));

	/* somebody opens them and says nothing */
	if (r->n_conns >= SH_FD_CONNS)
		drop(r, oldest(r));
	if (c == NULL || sh_watch_add(fd, EPOLLIN, on_readable, c) != 0) {
		free(c);
		sh_close(&fd);
		return;
	}
	*c = (struct sh_fdconn){.r = r, .from = from, .fd = fd};
	sh_lock(&r->conn_lk);
	c->next = r->conns;
	r->conns = c;
	r->n_conns++;
	sh_unlock(&r->conn_lk);
}

void sh_fdlink_pull(struct sh_fdreg *r)
{
	sh_link_poll();
	sh_lock(&r->conn_lk);
	for (struct sh_fdconn *c = r->conns; c != NULL; c = c->next) {
		bool end = false;

		while (read_one(r, c, &end))
			;
	}
	sh_unlock(&r->conn_lk);
}

/* the watcher calls nobody any more */
void sh_fdlink_close_all(struct sh_fdreg *r)
{
	while (r->conns != NULL)
		drop(r, r->conns);
}
