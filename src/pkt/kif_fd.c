/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kif_fd.c - fds of ports: copies kept for the case that others die, names revoked that nobody needs (kif.h)
 *
 * What a secondary offered the primary keeps for the group, and a death takes nothing away. So names are ended by who knows that
 * they are not needed any more: who removes a port, and who opens others instead. Who may revoke one: shoal_fd.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "pkt/kif.h"
#include "pkt/port.h"
#include "proc/proc.h"
#include "shoal_fd.h"

int sh_port_fd_keep(const struct sh_here *h, const char *what, struct sh_port_fd *f)
{
	struct timespec in = {0, SH_PORT_FD_MS * 1000000L};
	char name[SHOAL_FD_NAME_LEN];
	int fd;

	if (f->fd >= 0)
		return 0;
	(void)snprintf(name, sizeof(name), "eth/%llu/%s", (unsigned long long)h->serial, what);
	fd = shoal_fd_get(name, NULL, &in);
	if (fd < 0)
		return -rte_errno;
	*f = (struct sh_port_fd){.fd = fd, .got = true};
	return 0;
}

static bool is_there(unsigned long long serial)
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
		    (only != 0 ? serial == only && over(its, arg) : !is_there(serial)))
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
