/* SPDX-License-Identifier: BSD-3-Clause */
/* table_test.c - the member table at its full size: 256 processes alive at once */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "talk.h"

#define ALL 256

/* which one has a card of everybody is not asked: a broadcast reaches who is in the table */
static bool all_here(void *arg)
{
	struct mp *m = arg;

	t_say(m->p, "members");
	return atoi(t_expect(m->p, "members ") + 8) == ALL;
}

TEST_T(two_hundred_and_fifty_six_members_and_one_too_many, 240)
{
	static struct mp m[ALL];
	static struct t_proc *p[ALL];
	/* the last of 255 that start at once on a busy machine */
	static const char *const patient[] = {"--join-timeout=100000", NULL};
	struct mp again;
	struct rlimit l;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &l), 0);
	if (l.rlim_max < 3 * ALL + 128)
		SKIP("ulimit -Hn is %llu, a full table needs %u", (unsigned long long)l.rlim_max, 3 * ALL + 128);
	l.rlim_cur = l.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &l), 0);
	m[0] = mp_start('A', "primary", NULL);
	for (unsigned i = 1; i < ALL; i++)
		p[i] = mp_spawn('A', "secondary", patient);
	for (unsigned i = 1; i < ALL; i++)
		m[i] = mp_up(p[i]);
	t_until(all_here, &m[0]);
	mp_fails(mp_spawn('A', "secondary", NULL), ENOSPC, "no group has more, end one of them");
	mp_do(&m[0], "ask all", "asked 0 0 255 255 all:-");
	mp_kill(&m[100]);
	for (unsigned i = 0; i < ALL; i++)
		if (i != 100)
			mp_sees(&m[i], "DEATH", &m[100]);
	again = mp_start('A', "secondary", NULL);
	CHECK_EQ(again.slot, m[100].slot);
	t_until(all_here, &m[0]);
	mp_do(&m[0], "ask all", "asked 0 0 255 255 all:-");
	mp_do(&again, "ask primary", "asked 0 0 1 1 primary:-");
}
