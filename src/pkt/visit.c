/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * visit.c - who looks at a port without its seat, and is waited for before the port goes
 *
 * A driver's function that reads p->shared, or follows what lies there, may run while another process removes the port. Those
 * that run with the seat, or inside a queue, keep the remover away by that. All others are visits: attaching, keeping, questions.
 *
 * A member's word: its generation and a bit for each port that it visits. Who removes says "no port" first and reads the words
 * then; who visits writes its word first and looks for the port then. So either the visitor finds no port, or the remover finds
 * the visitor. A word of a dead one means nothing.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/futex.h"
#include "base/log.h"
#include "pkt/port.h"
#include "proc/proc.h"

#define WORD(gen, ports) ((uint64_t)(gen) << 32 | (ports))
_Static_assert(SH_PORTS == 32, "a bit of a word for each");

/* under the lock: this process' word as its visits are */
static void write_word(struct sh_table *t, uint32_t ports)
{
	sh_id_t self = sh_self();

	/* R:VISIT: what was read in a visit that ends */
	sh_store_rel(&t->visitor[sh_id_slot(self) % SH_MEMBERS].word, WORD(sh_id_gen(self), ports));
}

bool sh_visit_begin(struct sh_ports *s, unsigned id, uint64_t serial)
{
	struct sh_table *t = sh_table(false);

	if (t == NULL || serial == 0 || sh_self() == 0)
		return false;
	sh_calm_begin(); /* a handler may remove the port, and would wait for this visit */
	if (s->visits[id]++ == 0) {
		s->visited |= 1u << id;
		write_word(t, s->visited);
	}
	sh_fence(); /* my word before the port's state; partner: the fence in sh_visits_wait() */
	if (sh_serial(&t->row[id]) == serial)
		return true;
	sh_visit_end(s, id);
	return false;
}

void sh_visit_end(struct sh_ports *s, unsigned id)
{
	if (--s->visits[id] == 0) {
		s->visited &= ~(1u << id);
		write_word(sh_table(false), s->visited);
	}
	sh_calm_end();
}

sh_id_t sh_visitor(struct sh_table *t, unsigned id)
{
	for (unsigned i = 0; i < SH_MEMBERS; i++) {
		uint64_t word = sh_load_acq(&t->visitor[i].word); /* A:VISIT */
		sh_id_t who = SH_ID(i, word >> 32);

		if ((word & 1u << id) != 0 && !sh_gone(who))
			return who;
	}
	return 0;
}

int sh_visits_wait(struct sh_table *t, unsigned id)
{
	uint64_t dl = sh_deadline(SH_INSIDE_NS);
	_Atomic uint32_t none = 0;
	sh_id_t who;

	sh_fence(); /* the port's state before the words; partner: the fence in sh_visit_begin() */
	while ((who = sh_visitor(t, id)) != 0) {
		if (sh_left_ns(dl) == 0) {
			sh_warn("port %u (%s): it is gone for all, but member %u is inside a call on it for longer "
				"than a "
				"second: its memory and its name are free when that one goes on (kill -CONT) or ends",
				id, t->row[id].name, sh_id_slot(who));
			return -EBUSY;
		}
		(void)sh_futex_wait(&none, 0, sh_deadline(SH_NS_PER_MS / 10), SH_FUTEX_ANY, false);
	}
	return 0;
}
