/* SPDX-License-Identifier: BSD-3-Clause */
/* talk.h - how tests drive member_prog: start it, and have two of them do all that members do with each other */
#ifndef SH_TEST_GROUP_TALK_H
#define SH_TEST_GROUP_TALK_H

#include "check.h"

struct mp {
	struct t_proc *p;
	unsigned slot;
	bool primary;
};

/* which program: $MEMBER_A and $MEMBER_B, if set, are two builds of it */
const char *mp_prog(char which);
/* start it, args end with NULL; nothing is waited for */
struct t_proc *mp_spawn(char which, const char *role, const char *const *args);
/* its "up"; skips the case when it says that it cannot go where it was told */
struct mp mp_up(struct t_proc *p);
struct mp mp_start(char which, const char *role, const char *const *args);
void mp_fails(struct t_proc *p, int err, const char *says);
/* "EVENT SLOT" about who */
void mp_sees(struct mp *m, const char *event, const struct mp *who);
/* message, request, request with an fd, memzone: each way */
void mp_talk(struct mp *a, struct mp *b);
/* the runtime directory may be entered, or is owned, by others than root */
void mp_open_dir(int owner);
void mp_do(struct mp *m, const char *cmd, const char *answer);
void mp_kill(struct mp *m);

#endif
