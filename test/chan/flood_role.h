/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flood_role.h - three members that ask each other all the time, one of which strangers talk to
 *
 *   the role "member" says "up ID PATH" (of its datagram socket) and answers every line with "asked N FAILED", after it did:
 *     ask ID, fds ID      a thread asks that member from now on; fds: each request carries an fd
 *     hush                no longer
 *     count               "count FOREIGN MALFORMED UNKNOWN LATE NEWS DENIED": its counters, and what the action "news" got
 *     rests               "rests 0|1": does it leave its datagram socket alone?
 *     go                  lets the first call of the action "block" return
 */
#ifndef SH_TEST_FLOOD_ROLE_H
#define SH_TEST_FLOOD_ROLE_H

#include <sys/un.h>
#include <time.h>

#include "check.h"

struct who {
	struct t_proc *p;
	unsigned long long id;
	struct sockaddr_un sa;
};

/* s is the one that strangers talk to */
struct group {
	struct who p, s, t;
	time_t since;
	unsigned fds; /* of s, when all have talked to each other */
};

struct counts {
	unsigned foreign, malformed, unknown, late, news, denied;
};

/* primary p asks s, s asks t, t asks p */
struct group f_group_up(void);
/* all go on, then nobody asks any more; s has as many fds open as before; they leave in good order */
void f_end_well(struct group *g);

/* say it; how many requests has it made by now? None has failed. */
unsigned f_say(struct who *w, const char *line);
/* how: "ask" or "fds" */
void f_asks(struct who *w, const char *how, struct who *to);
/* it makes more requests, and all are answered */
void f_goes_on(struct who *w);
struct counts f_counts(struct who *w);

struct want {
	struct group *g;
	unsigned news, unknown;
};

/* for t_until(): s has counted as much */
bool f_all_judged(void *want);
/* lines of s: at least one, and each place says no more than one a second */
void f_few_lines(struct group *g, const char *what);

#endif
