/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * seeds_test.c - the listings of three articles about DPDK's multi-process messages do here what the articles promise
 *
 * The programs lie in SEEDS_DIR/<seed>_<name>; the secondary of seed 000 says its own name, so it is called that.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "check.h"

/* start a listing; secondaries get --proc-type */
static struct t_proc *run(const char *name, bool secondary)
{
	static char path[512];
	const char *argv[] = {path, secondary ? "--proc-type=secondary" : NULL, NULL};

	snprintf(path, sizeof(path), "%s/%s", SEEDS_DIR, name);
	return t_exec(argv);
}

TEST(seed_000_message_with_a_pipe_read_to_its_end)
{
	struct t_proc *p = run("000/primary", false), *s;

	t_expect(p, "ready");
	s = run("000/secondary", true);
	CHECK_EQ(t_wait(s), 0);
	CHECK_STR(t_expect(p, "recv:"), "recv:secondary:Hi, I am secondary.");
	CHECK_STR(t_expect(p, "recv len"), "recv len 29");
	CHECK_STR(t_expect(p, "I(secondary)"), "I(secondary) will close");
	CHECK_EQ(t_wait(p), 0);
}

TEST(seed_002_reply_under_another_name_is_an_error_on_both_sides_at_once)
{
	struct t_proc *s = run("002/server", false), *c;
	struct timespec t0, t1;

	t_expect(s, "ready");
	clock_gettime(CLOCK_MONOTONIC, &t0);
	c = run("002/client", true);
	CHECK_STR(t_expect(s, "Received"), "Received request from client");
	CHECK_STR(t_expect(s, "rte_mp_reply"), "rte_mp_reply returned -1, errno EINVAL: yes");
	CHECK_STR(t_expect(c, "request failed"), "request failed: Connection timed out");
	clock_gettime(CLOCK_MONOTONIC, &t1);
	/* refused, not timed out: the time-out of the listing, NULL, is 5 s */
	CHECK(t1.tv_sec - t0.tv_sec < 4);
	CHECK_HAS(t_stderr(s), "client_request");
	CHECK_HAS(t_stderr(s), "server_reply");
	CHECK_EQ(t_wait(c), 0);
	t_kill(s, SIGKILL);
}

TEST(seed_004_hello_sync_and_async)
{
	struct t_proc *s = run("004/server", false), *c;
	unsigned syncs = 0, asyncs = 0;

	t_expect(s, "ready");
	c = run("004/client", true);
	CHECK_STR(t_expect(s, "[SYNC] 收到"), "[SYNC] 收到: SYNC Hello 1 from Client");
	CHECK_STR(t_expect(s, "[ASYNC] 收到"), "[ASYNC] 收到: ASYNC Hello 1 from Client");
	CHECK_STR(t_expect(c, "[SYNC] 回复"), "[SYNC] 回复: Server SYNC reply: Got 'SYNC Hello 1 from Client'");
	/* the callback may be quicker than the line after the call: in either order */
	if (strcmp(t_expect(c, "[ASYNC] "), "[ASYNC] 请求已发送") == 0) {
		CHECK_STR(t_expect(c, "[ASYNC] "), "[ASYNC] 回调被调用");
		CHECK_STR(t_expect(c, "[ASYNC] "), "[ASYNC] 回复: Server ASYNC reply: Got 'ASYNC Hello 1 from Client'");
	} else {
		bool sent = false, replied = false;

		for (int i = 0; i < 2; i++) {
			const char *line = t_expect(c, "[ASYNC] ");

			if (strcmp(line, "[ASYNC] 请求已发送") == 0)
				sent = true;
			if (strcmp(line, "[ASYNC] 回复: Server ASYNC reply: Got 'ASYNC Hello 1 from Client'") == 0)
				replied = true;
		}
		CHECK(sent && replied);
	}
	/* every 3 s; the client may have asked again by then */
	CHECK_EQ(sscanf(t_expect(s, "[Server]"), "[Server] 已处理同步请求: %u 个, 异步请求: %u 个", &syncs, &asyncs), 2);
	CHECK(syncs >= 1 && asyncs >= 1);
	t_kill(s, SIGINT);
	CHECK_EQ(t_wait(s), 0);
	CHECK_EQ(t_wait(c), 0);
}
