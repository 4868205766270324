/* SPDX-License-Identifier: BSD-3-Clause */
/* chan_test.c - the channel between real processes: each row of the results table, order, fds, deaths */
#include "check.h"
#include "peer_role.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TEST(a_message_goes_from_secondary_to_primary_and_back)
{
	struct t_proc *a = peer_up("primary"), *b = peer_up("secondary");

	peer_do(a, "ok", "reg hello none");
	peer_do(b, "ok", "reg hello none");
	peer_do(b, "ok", "send hello one");
	CHECK_STR(t_expect(a, "got"), "got hello 3 0 one");
	peer_do(a, "ok", "send hello two");
	CHECK_STR(t_expect(b, "got"), "got hello 3 0 two");
}

TEST(a_request_is_answered)
{
	struct t_proc *a = peer_up("primary"), *b = peer_up("secondary");

	peer_do(a, "ok", "reg q echo");
	CHECK_STR(peer_do(b, "ret", "req q x 2000"), "ret 0 0 1 1 re:x 0");
}

TEST(silence_ends_in_etimedout_and_a_late_reply_in_estale)
{
	struct t_proc *a = peer_up("primary"), *b = peer_up("secondary");
	char want[64];

	peer_do(a, "ok", "reg q hold");
	snprintf(want, sizeof(want), "ret -1 %d 1 0 - 0", ETIMEDOUT);
	CHECK_STR(peer_do(b, "ret", "req q x 100"), want);
	t_expect(a, "got");
	/* the replier cannot know that its requester gave up: the reply is sent, and dropped there as late */
	peer_do(a, "ok", "reply");
	snprintf(want, sizeof(want), "err %d", ESTALE);
	CHECK_STR(peer_do(a, "err", "reply"), want);
}

TEST(a_failed_action_and_an_unknown_name_are_refused_at_once)
{
	struct t_proc *a = peer_up("primary"), *b = peer_up("secondary");
	char want[64];

	peer_do(a, "ok", "reg q fail");
	snprintf(want, sizeof(want), "ret -1 %d 1 0 - 0", ETIMEDOUT);
	CHECK_STR(peer_do(b, "ret", "req q x 15000"), want);
	CHECK_STR(peer_do(b, "ret", "req unknown x 15000"), want);
}

TEST(nobody_to_ask_is_no_error_in_a_primary)
{
	struct t_proc *a = peer_up("primary");

	CHECK_STR(peer_do(a, "ret", "req q x 100"), "ret 0 0 0 0 - 0");
	t_say(a, "areq q x 100"); /* "ok" and "cb" come in either order */
	CHECK_STR(t_expect(a, "cb"), "cb 0 0 -");
	peer_do(a, "ok", "send q x");
}

TEST(a_dead_primary_ends_a_request_at_once_with_econnrefused)
{
	struct t_proc *a = peer_up("primary"), *b = peer_up("secondary");
	char want[64];

	peer_do(a, "ok", "reg q hold");
	t_say(b, "req q x 19000");
	t_expect(a, "got");
	t_kill(a, SIGKILL);
	snprintf(want, sizeof(want), "ret -1 %d 1 0 - 0", ECONNREFUSED);
	CHECK_STR(t_expect(b, "ret"), want);
	snprintf(want, sizeof(want), "ret -1 %d 0 0 - 0", ECONNREFUSED);
	CHECK_STR(peer_do(b, "ret", "req q x 19000"), want);
	snprintf(want, sizeof(want), "err %d", ECONNREFUSED);
	CHECK_STR(peer_do(b, "err", "send q x"), want);
}

TEST(a_broadcast_request_reaches_all_and_a_dead_one_only_lowers_the_count)
{
	struct t_proc *a = peer_up("primary"), *s[4];

	for (int i = 0; i < 4; i++) {
		s[i] = peer_up("secondary");
		peer_do(s[i], "ok", "reg q %s", i == 3 ? "hold" : "echo");
	}
	t_say(a, "req q all 19000");
	t_expect(s[3], "got");
	t_kill(s[3], SIGKILL);
	CHECK_STR(t_expect(a, "ret"), "ret 0 0 4 3 re:all 0");
	CHECK_STR(peer_do(a, "ret", "req q all 19000"), "ret 0 0 3 3 re:all 0");
}

TEST(an_async_request_calls_back_once_with_what_came)
{
	struct t_proc *a = peer_up("primary"), *b = peer_up("secondary");

	peer_do(a, "ok", "reg q echo");
	peer_do(a, "ok", "reg h hold");
	peer_do(b, "ok", "areq q y 5000");
	CHECK_STR(t_expect(b, "cb"), "cb 1 1 re:y");
	peer_do(b, "ok", "areq h y 100");
	CHECK_STR(t_expect(b, "cb"), "cb 1 0 -");
}

TEST(fds_go_along_both_ways_and_none_stays_open)
{
	struct t_proc *a = peer_up("primary"), *b = peer_up("secondary");
	char file[512], before_a[64], before_b[64];
	FILE *f;

	snprintf(file, sizeof(file), "%s/data", t_tmpdir());
	f = fopen(file, "w");
	fputs("content", f);
	fclose(f);
	peer_do(a, "ok", "reg q fds");
	CHECK_STR(peer_do(b, "ret", "req q x 5000 %s", file), "ret 0 0 1 1 - 1");
	CHECK_STR(t_expect(a, "got"), "got q 1 1 [content]");
	snprintf(before_a, sizeof(before_a), "%s", peer_do(a, "fds", "fds"));
	snprintf(before_b, sizeof(before_b), "%s", peer_do(b, "fds", "fds"));
	for (int i = 0; i < 50; i++) {
		CHECK_STR(peer_do(b, "ret", "req q x 5000 %s", file), "ret 0 0 1 1 - 1");
		t_expect(a, "got");
	}
	/* refused, unknown, late: the receiver closes them */
	peer_do(b, "ret", "req unknown x 5000 %s", file);
	CHECK_STR(peer_do(a, "fds", "fds"), before_a);
	CHECK_STR(peer_do(b, "fds", "fds"), before_b);
}

TEST(a_message_with_an_fd_arrives_though_its_sender_was_killed_right_after)
{
	struct t_proc *a = peer_up("primary");
	char file[512];
	FILE *f;

	snprintf(file, sizeof(file), "%s/data", t_tmpdir());
	f = fopen(file, "w");
	fputs("last words", f);
	fclose(f);
	peer_do(a, "ok", "reg q fds");
	for (int i = 0; i < 20; i++) {
		struct t_proc *b = peer_up("secondary");

		peer_do(b, "ok", "sendfd q %s", file);
		t_kill(b, SIGKILL);
		CHECK_STR(t_expect(a, "got"), "got q 1 1 [last words]");
		t_wait(b);
	}
}

TEST(ten_thousand_messages_arrive_in_order)
{
	struct t_proc *a = peer_up("primary"), *b = peer_up("secondary");

	peer_do(a, "ok", "reg n count");
	peer_do(b, "ok 10000", "burst n 10000");
	CHECK_STR(t_expect(a, "end"), "end 9999");
}

TEST_T(a_stopped_receiver_takes_1024_messages_then_the_sender_is_told, 40)
{
	struct t_proc *a = peer_up("primary"), *b = peer_up("secondary");
	int err, i;

	peer_do(a, "ok", "reg n count");
	peer_do(b, "ok", "burst n 1");
	t_expect(a, "end");
	t_kill(a, SIGSTOP);
	CHECK_EQ(sscanf(peer_do(b, "err", "burst n 10000"), "err %d %d", &err, &i), 2);
	CHECK_EQ(err, EAGAIN);
	CHECK(i >= 1024);
	t_kill(a, SIGCONT);
}

TEST_T(requests_in_circles_work_to_depth_32, 40)
{
	struct t_proc *a = peer_up("primary"), *b = peer_up("secondary");

	peer_do(a, "ok", "reg deep nested");
	peer_do(b, "ok", "reg deep nested");
	CHECK_STR(peer_do(b, "ret", "req deep 32 15000"), "ret 0 0 1 1 32 0");
}

TEST_T(circles_deeper_than_the_pool_of_threads_are_refused_and_do_not_hang, 40)
{
	struct t_proc *a = peer_up("primary"), *b = peer_up("secondary");

	peer_do(a, "ok", "reg deep nested");
	peer_do(b, "ok", "reg deep nested");
	peer_do(b, "ret 0", "req deep 200 30000");
	CHECK(strstr(t_stderr(a), "wait in requests of their own") != NULL ||
	      strstr(t_stderr(b), "wait in requests of their own") != NULL);
	/* and it goes on */
	CHECK_STR(peer_do(b, "ret", "req deep 8 15000"), "ret 0 0 1 1 8 0");
}

TEST(cleanup_and_init_leave_nothing)
{
	struct t_proc *a = peer_up("primary");

	peer_do(a, "ok", "reg q echo");
	for (int i = 0; i < 3; i++) {
		struct t_proc *b = peer_up("secondary");

		CHECK_STR(peer_do(b, "ret", "req q x 2000"), "ret 0 0 1 1 re:x 0");
		t_expect(a, "got");
		peer_do(b, "ok", "cleanup");
		t_say(b, "exit");
		CHECK_EQ(t_wait(b), 0);
	}
	peer_do(a, "ok", "cleanup");
}
