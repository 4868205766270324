/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * seen.c - what callbacks were told of ports, and what is to be told next
 *
 * The table is looked at, not listened to: between two looks a name may have ended in one row and begun in another, or a look may
 * find it in the new row and have passed the old one while it was still there. What is told is in order all the same, for each
 * row and for each name: ends come before beginnings, beginnings in the order of their serials, and who begins under a name that
 * was told of another row ends that one first. For a name is in one row at a time: what bore it ended before its serial was given.
 */
#include <string.h>

#include "pkt/port.h"

/* under the lock */
static uint64_t serial_at(unsigned i)
{
	struct sh_port *p = sh_port(i);

	return p != NULL ? sh_serial(p) : 0;
}

/* under the lock: the name of the port with this serial, if it is there to the end */
static bool name_at(unsigned i, uint64_t serial, char name[SH_PORT_NAME])
{
	struct sh_port *p = sh_port(i);

	if (p == NULL)
		return false;
	memcpy(name, p->name, SH_PORT_NAME);
	name[SH_PORT_NAME - 1] = '\0';
	sh_fence(); /* the name before the serial once more; partner: state, before a row is written */
	return sh_serial(p) == serial;
}

static bool ends(struct sh_seen *seen, unsigned i, struct sh_change *c)
{
	c->row = i;
	c->began = false;
	memcpy(c->name, seen[i].name, SH_PORT_NAME);
	seen[i].serial = 0;
	return true;
}

static bool begins(struct sh_seen *seen, unsigned i, uint64_t serial, struct sh_change *c)
{
	for (unsigned k = 0; k < SH_PORTS; k++)
		if (seen[k].serial != 0 && strcmp(seen[k].name, c->name) == 0)
			return ends(seen, k, c);
	c->row = i;
	c->began = true;
	memcpy(seen[i].name, c->name, SH_PORT_NAME);
	seen[i].serial = serial;
	return true;
}

/* under the lock */
static bool next(struct sh_seen *seen, uint64_t last, struct sh_change *c)
{
	for (;;) {
		unsigned first = SH_PORTS;
		uint64_t lowest = 0;

		for (unsigned i = 0; i < SH_PORTS; i++) {
			uint64_t serial = serial_at(i);

			if (serial == seen[i].serial)
				continue;
			if (seen[i].serial != 0)
				return ends(seen, i, c);
			if (serial <= last && (first == SH_PORTS || serial < lowest)) {
				first = i;
				lowest = serial;
			}
		}
		if (first == SH_PORTS)
			return false;
		if (name_at(first, lowest, c->name))
			return begins(seen, first, lowest, c);
	}
}

bool sh_seen_next(struct sh_seen seen[SH_PORTS], uint64_t last, struct sh_change *c)
{
	struct sh_ports *s = sh_ports();
	bool r;

	sh_lock_calm(&s->lock);
	r = next(seen, last, c);
	sh_unlock_calm(&s->lock);
	return r;
}

uint64_t sh_seen_last(void)
{
	struct sh_table *t = sh_table(false);

	return t != NULL ? sh_load_acq(&t->serial) : 0; /* A:PORTSER */
}
