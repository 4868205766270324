/* SPDX-License-Identifier: BSD-3-Clause */
/* member_act.h - between member_role.c (commands) and member_act.c (actions, what messages are made of) */
#ifndef SH_TEST_MEMBER_ACT_H
#define SH_TEST_MEMBER_ACT_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>

#include <rte_eal.h>
#include <shoal.h>

#define M_HELD 2048

/* a request that an action "hold" kept */
struct m_held {
	char peer[256], name[64];
};
struct m_held m_oldest(bool same); /* a copy of the oldest that was not answered; same: of the one before again */
extern sem_t m_go;		   /* lets an action "block" return */

rte_mp_t m_action(const char *how); /* NULL: no such one */
int m_shoal_action(const struct shoal_in *in, void *how);

void m_paint(unsigned char *p, size_t n); /* bytes that the receiver can check */
bool m_painted(const unsigned char *p, size_t n);
bool m_clean(const struct rte_mp_msg *m); /* nothing behind len_param */
unsigned m_open(int *fds, unsigned n);	  /* n fds of /dev/null */
void m_close(const int *fds, int n);	  /* says "badfd" when one was not open */
/* a message whose unused parts are full of what must not be looked at */
void m_fill(struct rte_mp_msg *m, const char *name, long len, unsigned nfds);

#endif
