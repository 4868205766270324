/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fd_role.h - the role "f", which shares fds, and how a case drives it
 *
 */
#ifndef SH_TEST_FD_ROLE_H
#define SH_TEST_FD_ROLE_H

#include <errno.h>
#include <string.h>

#include "check.h"
#include "member_role.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

struct f {
	struct t_proc *p;
	char id[32];
	unsigned fds; /* open when FD_SETTLE() was said */
};

struct f fd_up(const char *type);
void fd_bye(struct f *f);
void fd_killed(struct f *f);
/* it gets that name, and what it gets is right: its descriptor */
int fd_gets(struct f *f, const char *name);
/* it has so many open descriptors, or will as soon as what it was told has been done */
void fd_are(struct f *f, unsigned want);
/* ask again until the answer is that: what others have begun takes a moment */
void fd_comes(struct f *f, const char *ask, const char *want);
/* members know each other's cards when this returns: their number of descriptors rests, and is noted */
void fd_settle(struct f *all[], unsigned n);
#define FD_SETTLE(...)                                                                                                 \
	do {                                                                                                           \
		struct f *all_[] = {__VA_ARGS__};                                                                      \
		fd_settle(all_, N(all_));                                                                              \
	} while (0)

#define SAY(f, ...) t_say((f).p, m_fmt(__VA_ARGS__))
#define IS(f, want, ...) (SAY(f, __VA_ARGS__), CHECK_STR(t_expect((f).p, ""), want))
#define ERR(f, e, ...) (SAY(f, __VA_ARGS__), CHECK_STR(t_expect((f).p, ""), m_fmt("err %d", e)))

#endif
