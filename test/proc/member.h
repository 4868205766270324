/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * member.h - the role "member": a process of a group that tells what it sees and does as it is told
 *
 *   t_spawn("member", "auto", "key=value"..., NULL)
 *      keys: max, wait (ms), base (hex), allow (uid), prefix, alone=1, init=1 (stay in INIT until told "announce")
 *   says "up SLOT GEN primary|secondary" or "failed ERRNO", then "JOIN|LEAVE|DEATH|DISCONNECT|PRIMARY SLOT GEN"
 *   hears "announce", "leave" ("left"), "exit", and what member_do() knows
 */
#ifndef SH_TEST_PROC_MEMBER_H
#define SH_TEST_PROC_MEMBER_H

#include "check.h"
#include "proc/proc.h"

struct m {
	struct t_proc *p;
	unsigned slot, gen;
	bool primary;
};

/* start a member with that role and wait until it is up */
struct m m_up(const char *role);
/* from its "up" line */
struct m m_read(struct t_proc *p);
/* wait until m says "EVENT SLOT GEN" about who */
void m_sees(struct m *m, const char *event, const struct m *who);
void m_leave(struct m *m);
void m_kill(struct m *m);
/* number of names in the group's directory that start with prefix */
unsigned m_names(const char *prefix);
/* wait until there are n of them */
void m_until_names(const char *prefix, unsigned n);
const char *m_dir(void);
/* wait until m finds n slots of the table not free */
void m_table(struct m *m, unsigned n);
/* a round trip: everything that m told before has been read when this returns */
void m_ask(struct m *m, const char *cmd, const char *answer);

#endif
