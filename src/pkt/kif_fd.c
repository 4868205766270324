/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kif_fd.c - fds of ports: opened once for the group, copies kept for the case that others die, names revoked that nobody needs
 * (kif.h). Those that nobody hands over at once: kif_seek.c
 *
 * What a secondary offered the primary keeps for the group, and a death takes nothing away. So names are ended by who knows that
 * they are not needed any more: who removes a port, and who opens others instead. Who may revoke one: shoal_fd.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "pkt/kif.h"
#include "pkt/port.h"
#include "proc/proc.h"
#include "shoal_fd.h"

/* ---- had ---- */

bool sh_here_over(const struct sh_here *h)
{
	return sh_serial(h->p) != h->serial;
}

/* *f has the group's fd: 0; -ENOENT: it has none. Who does not hand it over in a moment is waited for by others, without a line */
static int get(const struct sh_here *h, const char *name, enum sh_fd_wait wait, struct sh_port_fd *f)
{
	struct timespec in = {0, sh_seek_silent() ? 0 : SH_PORT_FD_MS * 1000000L};
	bool was = sh_log_hush(true);

	if (wait == SH_FD_CALL)
		(void)sh_log_hush(was);
	f->fd = shoal_fd_get(name, NULL, wait == SH_FD_CALL ? NULL : &in);
	f->got = f->fd >= 0;
	(void)sh_log_hush(was);
	if (f->got)
		return 0;
	if (rte_errno == ETIMEDOUT && wait != SH_FD_CALL)
		sh_seek(h, name);
	return -rte_errno;
}

static int fd_name(const struct sh_here *h, const char *what, char *buf, size_t cap)
{
	int n = snprintf(buf, cap, "eth/%llu/%s", (unsigned long long)h->serial, what);

	return n < 0 || (size_t)n >= cap ? -ENAMETOOLONG : 0;
}

/* a line, but for what is sought further on */
static int not_had(const struct sh_here *h, const char *what, enum sh_fd_wait wait, int r)
{
	if (r != -ETIMEDOUT || wait == SH_FD_CALL)
		sh_err("port %u (%s): the file descriptor %s cannot be had from the group: %s", h->p->id, h->p->name,
		       what, strerror(-r));
	return r;
}

int sh_port_fd(const struct sh_here *h, const char *what, enum sh_fd_wait wait, const struct sh_port_fd_make *make,
	       struct sh_port_fd *f)
{
	struct timespec moment = {0, SH_PORT_FD_MS * 1000000L};
	char name[SHOAL_FD_NAME_LEN];
	int r = fd_name(h, what, name, sizeof(name));

	*f = (struct sh_port_fd){.fd = -1};
	if (r < 0)
		return r;
	r = get(h, name, wait, f);
	if (r != -ENOENT && r != -ENOTSUP)
		return r < 0 ? not_had(h, what, wait, r) : 0;
	f->fd = make->fn(make->arg);
	if (f->fd < 0)
		return f->fd;
	if (r == -ENOTSUP) /* nobody else is in this group */
		return 0;
	SH_STEP("port_fd_made");
	r = shoal_fd_register(name, f->fd, NULL, wait == SH_FD_BURST ? &moment : NULL) == 0 ? 0 : -rte_errno;
	SH_STEP("port_fd_offered");
	f->named = r == 0;
	if (r == 0)
		return 0;
	sh_close(&f->fd);
	if (r == -EEXIST) /* another process was faster */
		r = get(h, name, wait, f);
	return r < 0 ? not_had(h, what, wait, r) : 0;
}

void sh_port_fd_over(const struct sh_here *h, const char *what)
{
	char name[SHOAL_FD_NAME_LEN];
	struct timespec now = {0, 0};

	if (fd_name(h, what, name, sizeof(name)) == 0)
		(void)shoal_fd_revoke(name, &now);
}

void sh_port_fd_drop(const struct sh_here *h, const char *what, struct sh_port_fd *f, bool over)
{
	if (f->fd < 0)
		return;
	if (f->got)
		(void)shoal_fd_put(f->fd);
	else
		sh_close(&f->fd);
	if (over && (f->named || sh_is_primary()))
		sh_port_fd_over(h, what);
	*f = (struct sh_port_fd){.fd = -1};
}

int sh_port_fd_keep(const struct sh_here *h, const char *what, struct sh_port_fd *f)
{
	char name[SHOAL_FD_NAME_LEN];
	struct sh_port_fd had = {.fd = -1};
	int r;

	if (f->fd >= 0)
		return 0;
	r = fd_name(h, what, name, sizeof(name));
	if (r == 0)
		r = get(h, name, SH_FD_ATTACH, &had);
	if (r == 0)
		*f = had;
	return r;
}

/* ---- ended ---- */

bool sh_port_there(uint64_t serial)
{
	struct sh_table *t = sh_table(false);

	for (unsigned i = 0; t != NULL && i < SH_PORTS; i++)
		if (sh_serial(&t->row[i]) == serial)
			return true;
	return false;
}

/* all names of fds that there are now, to be freed; NULL and 0: none, or no memory */
static struct shoal_fd_info *names(unsigned *count)
{
	int n = shoal_fd_list(NULL, 0), cap = n + 16;
	struct shoal_fd_info *all = n > 0 ? calloc((size_t)cap, sizeof(*all)) : NULL;

	n = all != NULL ? shoal_fd_list(all, (unsigned)cap) : 0;
	*count = n < 0 ? 0 : (unsigned)RTE_MIN(n, cap);
	return all;
}

/* what follows the port in a name that is not revoked: and the port's serial; NULL: it is no port's */
static const char *of_port(const struct shoal_fd_info *f, unsigned long long *serial)
{
	int at = 0;

	return f->revoked == 0 && sscanf(f->name, "eth/%llu/%n", serial, &at) == 1 && at != 0 ? f->name + at : NULL;
}

unsigned sh_port_fds(const char *what)
{
	unsigned n, found = 0;
	struct shoal_fd_info *all = names(&n);

	for (unsigned i = 0; i < n; i++) {
		unsigned long long serial;
		const char *its = of_port(&all[i], &serial);

		found += its != NULL && strncmp(its, what, strlen(what)) == 0;
	}
	free(all);
	return found;
}

/* who registered it may be about to revoke it, too: so no line for what is his */
static bool may_revoke(const struct shoal_fd_info *f)
{
	return f->owner == sh_self() || sh_is_primary() || !sh_member_alive(f->owner);
}

/* of port `only`, those that are over; 0: of ports that are no more. A port that has gone does not come back: so its names may be read first */
static void end_names(unsigned long long only, bool (*over)(const char *what, void *arg), void *arg)
{
	unsigned n;
	struct shoal_fd_info *all = names(&n);

	for (unsigned i = 0; i < n; i++) {
		struct timespec now = {0, 0};
		unsigned long long serial;
		const char *its = of_port(&all[i], &serial);

		if (its != NULL && may_revoke(&all[i]) &&
		    (only != 0 ? serial == only && over(its, arg) : !sh_port_there(serial)))
			(void)shoal_fd_revoke(all[i].name, &now);
	}
	free(all);
}

void sh_port_fds_over(const struct sh_here *h, bool (*over)(const char *what, void *arg), void *arg)
{
	end_names(h->serial, over, arg);
}

void sh_port_fds_sweep(void)
{
	end_names(0, NULL, NULL);
}
