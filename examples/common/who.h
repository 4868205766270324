/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * who.h - be told who joins, leaves and dies, with name and pid
 *
 * Of a member that is gone there is nothing left to ask, so what it was is remembered here from its join on. Include in one file
 * of a program; who_start() once, after rte_eal_init().
 */
#ifndef EXAMPLES_WHO_H
#define EXAMPLES_WHO_H

#include <pthread.h>
#include <stdint.h>

#include <shoal_member.h>

static pthread_mutex_t who_lock = PTHREAD_MUTEX_INITIALIZER;
static struct shoal_member_info who_known[256]; /* by slot; id 0: nobody */
static void (*who_say)(enum shoal_member_event event, const struct shoal_member_info *m);

/* called for a new member by its event, or because it was there before us: whichever comes first */
static inline void who_learn(uint64_t id)
{
	struct shoal_member_info m;

	if (shoal_member_info(id, &m) == 0 && who_known[m.slot].id != id) {
		who_known[m.slot] = m;
		who_say(SHOAL_MEMBER_JOIN, &m);
	}
}

static inline void who_on_event(void *arg, enum shoal_member_event event, uint64_t id)
{
	struct shoal_member_info *m = &who_known[id & 0xff];

	(void)arg;
	pthread_mutex_lock(&who_lock);
	if (event == SHOAL_MEMBER_JOIN) {
		who_learn(id);
	} else if (m->id == id) {
		who_say(event, m);
		if (event == SHOAL_MEMBER_LEAVE || event == SHOAL_MEMBER_DEATH)
			m->id = 0;
	}
	pthread_mutex_unlock(&who_lock);
}

/* say() is called once for each member that is there, then for each event; one call at a time. 0, or -1 with rte_errno. */
static inline int who_start(void (*say)(enum shoal_member_event event, const struct shoal_member_info *m))
{
	uint64_t ids[256];
	int n;

	who_say = say;
	if (shoal_member_event_register(who_on_event, NULL) < 0)
		return -1;
	n = shoal_member_list(ids, 256); /* after the registration: nobody is missed */
	pthread_mutex_lock(&who_lock);
	for (int i = 0; i < n && i < 256; i++)
		who_learn(ids[i]);
	pthread_mutex_unlock(&who_lock);
	return n < 0 ? -1 : 0;
}

#endif
