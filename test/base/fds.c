/* SPDX-License-Identifier: BSD-3-Clause */
/* fds.c - descriptors that arrive where there are too few numbers for them */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "check.h"

#define SENT 4

/* every number is in use but stdin's and the last of those above: SENT that arrive have one where they may not stay */
TEST(what_arrives_is_closed_when_one_of_it_has_no_place)
{
	const int them[SENT] = {0, 1, 2, 0};
	struct rlimit rl;
	struct sh_fds f;
	int pair[2], top, zero;
	unsigned was;
	char b;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &rl), 0);
	rl.rlim_cur = 64;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &rl), 0);
	CHECK_EQ(sh_sock_send(pair[0], NULL, "x", 1, them, SENT, 0), 1);
	zero = dup(0);
	while ((top = dup(zero)) >= 0)
		;
	for (top = 63; top > 63 - (SENT - 1); top--)
		close(top);
	close(0);
	was = t_open_fds(getpid());
	CHECK_EQ(sh_sock_recv(pair[1], &b, 1, &f, NULL, NULL, NULL, 0), -EMFILE);
	CHECK_EQ(f.n, 0);
	CHECK_EQ(t_open_fds(getpid()), was);
	close(zero); /* now there is one */
	CHECK_EQ(sh_sock_send(pair[0], NULL, "x", 1, them + 1, 2, 0), 1);
	CHECK_EQ(sh_sock_recv(pair[1], &b, 1, &f, NULL, NULL, NULL, 0), 1);
	CHECK_EQ(f.n, 2);
	CHECK(f.fd[0] > 2 && f.fd[1] > 2);
	sh_fds_close(&f);
	CHECK_EQ(t_open_fds(getpid()), was - 1);
}
