/* SPDX-License-Identifier: BSD-3-Clause */
/* crash_test.c - processes die at every labelled step, and while they mend: the others go on, nothing is lost */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_memzone.h>

#include "crash_cast.h"
#include "mem/mem.h"

static void all_labels(struct labels *l)
{
	static const char *const of_pages[] = {"mem_", NULL}; /* those of small blocks: span_crash_test.c */

	labels_of(l, of_pages);
}

TEST_T(death_at_every_step_is_mended_by_whoever_comes_next, 120)
{
	struct play *p = f_shared(sizeof(*p));
	struct labels l = {.n = 0};
	unsigned killed = 0, quiet = 0;
	sh_id_t id;

	pages_of_the_play();
	all_labels(&l);
	for (unsigned i = 0; i < l.n; i++) {
		bool hit = false;

		f_group_again(); /* so that table pages are new as well */
		for (unsigned nth = 1;; nth++) {
			int r = play_killed(p, l.name[i], nth, &id);

			if (r == 0)
				break;
			CHECK_EQ(r, 128 + SIGKILL);
			hit = true;
			killed++;
			check_and_clear(p, id, l.name[i], nth);
		}
		quiet += !hit; /* labels inside a mend */
	}
	CHECK(killed > 300);
	CHECK_EQ(quiet, 8);
}

TEST_T(death_of_the_mender_is_mended_by_the_next, 120)
{
	/* where the first dies: open, at the commit, and behind it, of a reserve and of a free */
	static const char *const first[] = {"mem_reserve_ready",   "mem_place_ready",	 "mem_reserve_committed",
					    "mem_zone_out",	   "mem_free_committed", "mem_run_half_cut",
					    "mem_run_half_joined", "mem_set_logged",	 "mem_run_half_handed",
					    "mem_run_filled",	   "mem_name_published"};
	struct play *p = f_shared(sizeof(*p));
	struct labels l = {.n = 0};
	unsigned killed = 0;
	sh_id_t id;

	pages_of_the_play();
	all_labels(&l);
	f_group();
	for (unsigned f = 0; f < sizeof(first) / sizeof(first[0]); f++)
		for (unsigned i = 0; i < l.n; i++)
			for (unsigned nth = 1; nth < 30; nth++) {
				int r;

				CHECK_EQ(play_killed(p, first[f], 1 + nth % 3, &id), 128 + SIGKILL);
				r = run_killed(looks, NULL, l.name[i], nth, NULL);
				check_and_clear(p, id, first[f], nth);
				if (r == 0)
					break;
				CHECK_EQ(r, 128 + SIGKILL);
				killed++;
			}
	CHECK(killed > 100);
}

TEST(who_hears_of_a_death_mends_without_being_asked)
{
	struct play *p = f_shared(sizeof(*p));
	struct sh_mem_stat s;
	sh_id_t id;

	f_group();
	CHECK_EQ(run_killed(plays, p, "mem_place_ready", 1, &id), 128 + SIGKILL);
	CHECK_EQ(sh_member_probe(id), 1);
	f_event(SH_EV_JOIN, id);
	f_event(SH_EV_DEATH, id + 1);
	f_event(SH_EV_DEATH, id);
	CHECK_EQ(sh_mem_stat(&s), 0);
	CHECK_EQ(s.mended, 1); /* by the event, not by this call: the lock was free */
	f_event(SH_EV_DEATH, id);
	CHECK_EQ(sh_mem_stat(&s), 0);
	CHECK_EQ(s.mended, 1);
}
