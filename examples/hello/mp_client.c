/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mp_client.c - a secondary: asks the server, waiting (sync) and not waiting (async)
 *
 *   mp_client --proc-type=secondary --file-prefix hello -- [--name NAME] [--sync-ms N] [--async-ms N] [--limit-ms N]
 *             [--extras] [--hold]
 *
 * A sync request every 3 s and an asynchronous one every 5 s, until the server sets force_quit (status 0) or is gone
 * (status 3). --extras runs the extensions once, first. --hold asks once for an answer that never comes, and waits.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static volatile sig_atomic_t quit;
static const char *name = "Client";
static uint64_t sync_ms = 3000, async_ms = 5000, limit_ms = 200;
static bool extras, hold;

static void on_signal(int sig)
{
	(void)sig;
	quit = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ask and wait; 0 with the one answer in *answer, or a negative errno */
static int ask(struct rte_mp_msg *req, struct rte_mp_msg *answer, uint64_t ms)
{
	struct timespec ts = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
	struct rte_mp_reply reply;

	if (rte_mp_request_sync(req, &reply, &ts) < 0)
		return -rte_errno;
	if (reply.nb_received == 0)
		return -ETIMEDOUT;
	*answer = reply.msgs[0];
	free(reply.msgs); /* of a sync request: the caller's */
	return 0;
}

/* ---- the two requests of the exercise ---- */

/* 0, or -1 when the server is gone */
static int sync_hello(const struct shared_info *info)
{
	static unsigned count = 1;
	char text[RTE_MP_MAX_PARAM_LEN + 1];
	struct rte_mp_msg req, answer = {0};
	int ret;

	msg_init(&req, MSG_HELLO);
	msg_text(&req, "SYNC Hello %u from %s", count++, name);
	ret = ask(&req, &answer, 5000);
	if (ret == -ECONNREFUSED && !info->force_quit) {
		printf("[NO SERVER] it is gone: %s\n", rte_strerror(-ret));
		return -1;
	}
	if (ret < 0)
		printf("[SYNC] no answer: %s\n", rte_strerror(-ret));
	else
		printf("[SYNC] reply: %s\n", text_of(&answer, text));
	return 0;
}

/* runs on a thread of the library, once for each request, whatever came of it */
static int on_async_reply(const struct rte_mp_msg *request, const struct rte_mp_reply *reply)
{
	char text[RTE_MP_MAX_PARAM_LEN + 1];

	(void)request;
	printf("[ASYNC] callback called\n");
	for (int i = 0; i < reply->nb_received; i++) /* msgs is the library's */
		printf("[ASYNC] reply: %s\n", text_of(&reply->msgs[i], text));
	return 0;
}

static void async_hello(void)
{
	static unsigned count = 1;
	struct timespec ts = {.tv_sec = 5};
	struct rte_mp_msg req;

	msg_init(&req, MSG_HELLO_ASYNC);
	msg_text(&req, "ASYNC Hello %u from %s", count++, name);
	if (rte_mp_request_async(&req, &ts, on_async_reply) == 0)
		printf("[ASYNC] request sent\n"); /* the callback may have been quicker than this line */
	else
		printf("[ASYNC] not sent: %s\n", rte_strerror(rte_errno));
}

/* ---- the extensions ---- */

/* 1: a ping is answered with the same bytes */
static void extra_ping(void)
{
	struct rte_mp_msg req, answer = {0};

	for (uint32_t seq = 1; seq <= 3; seq++) {
		struct ping p = {.sent_ns = now_ns(), .seq = seq};
		int ret;

		msg_init(&req, MSG_PING);
		msg_struct(&req, &p, sizeof(p));
		ret = ask(&req, &answer, 5000);
		if (ret < 0)
			printf("[PING] %u: no answer: %s\n", seq, rte_strerror(-ret));
		else if (answer.len_param != sizeof(p) || memcmp(answer.param, &p, sizeof(p)) != 0)
			printf("[PING] %u: other bytes came back\n", seq);
		else
			printf("[PING] %u: ok after %" PRIu64 " us\n", seq, (now_ns() - p.sent_ns) / 1000);
	}
}

/* 2: structs as payload */
static void extra_calc(void)
{
	static const struct calc todo[] = {{'*', 6, 7}, {'-', 2, 44}, {'+', INT32_MAX, INT32_MAX}, {'?', 1, 1}};
	struct rte_mp_msg req, answer = {0};

	for (size_t i = 0; i < sizeof(todo) / sizeof(todo[0]); i++) {
		const struct calc *c = &todo[i];
		struct calc_result res;
		int ret;

		msg_init(&req, MSG_CALC);
		msg_struct(&req, c, sizeof(*c));
		ret = ask(&req, &answer, 5000);
		if (ret < 0 || answer.len_param != sizeof(res)) {
			printf("[STRUCT] no result: %s\n", rte_strerror(-ret));
			continue;
		}
		memcpy(&res, answer.param, sizeof(res));
		if (res.known_op)
			printf("[STRUCT] %d %c %d = %" PRId64 "\n", c->a, c->op, c->b, res.value);
		else
			printf("[STRUCT] %d %c %d: unknown operation\n", c->a, c->op, c->b);
	}
}

/* 4: one-way, nobody answers; the server tells it to all clients */
static void extra_notify(void)
{
	struct rte_mp_msg msg;

	msg_init(&msg, MSG_NOTIFY);
	msg_text(&msg, "%s is here", name);
	if (rte_mp_sendmsg(&msg) < 0)
		printf("[NOTIFY] not sent: %s\n", rte_strerror(rte_errno));
	else
		printf("[NOTIFY] sent\n");
}

static int on_news(const struct rte_mp_msg *msg, const void *peer)
{
	char text[RTE_MP_MAX_PARAM_LEN + 1];

	(void)peer;
	printf("[NEWS] %s\n", text_of(msg, text));
	return 0;
}

/*
 * 5: a time-out. Request 1 is answered after its limit has passed. Request 2 is then already waiting under the same name: it
 * must get its own answer and not the late one.
 */
static void extra_timeout(void)
{
	struct slow s[2] = {{1, (uint32_t)limit_ms * 2}, {2, (uint32_t)limit_ms * 4}}, back;
	uint64_t limit[2] = {limit_ms, 10000};
	struct rte_mp_msg req, answer = {0};

	for (int i = 0; i < 2; i++) {
		int ret;

		msg_init(&req, MSG_SLOW);
		msg_struct(&req, &s[i], sizeof(s[i]));
		ret = ask(&req, &answer, limit[i]);
		if (ret < 0) {
			printf("[TIMEOUT] request %u, limit %" PRIu64 " ms: %s\n", s[i].seq, limit[i],
			       rte_strerror(-ret));
			continue;
		}
		memcpy(&back, answer.param, sizeof(back));
		printf("[TIMEOUT] request %u: got the answer to %u\n", s[i].seq, back.seq);
	}
	msg_init(&req, MSG_MUTE);
	printf("[TIMEOUT] mute request, limit %" PRIu64 " ms: %s\n", limit_ms,
	       rte_strerror(-ask(&req, &answer, limit_ms)));
}

/* 6: the server dies while a request waits; its time limit is not waited for */
static int wait_for_ever(void)
{
	struct rte_mp_msg req, answer = {0};
	int ret;

	msg_init(&req, MSG_MUTE);
	printf("[HOLD] waiting for an answer that never comes\n");
	ret = ask(&req, &answer, 600 * 1000);
	printf("[NO SERVER] it went while I waited: %s\n", rte_strerror(-ret));
	return 3;
}

/* ---- start, loop, end ---- */

static int parse(int argc, char **argv)
{
	static const struct option opts[] = {
		{"name", required_argument, NULL, 'n'},
		{"sync-ms", required_argument, NULL, 's'},
		{"async-ms", required_argument, NULL, 'a'},
		{"limit-ms", required_argument, NULL, 'l'},
		{"extras", no_argument, NULL, 'x'},
		{"hold", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (c == 'n')
			name = optarg;
		else if (c == 's')
			sync_ms = strtoull(optarg, NULL, 0);
		else if (c == 'a')
			async_ms = strtoull(optarg, NULL, 0);
		else if (c == 'l')
			limit_ms = strtoull(optarg, NULL, 0);
		else if (c == 'x')
			extras = true;
		else if (c == 'h')
			hold = true;
		else
			return -1;
	}
	return 0;
}

static int loop(const struct shared_info *info)
{
	uint64_t next_sync = now_ns(), next_async = now_ns();

	while (!quit && !info->force_quit) {
		if (now_ns() >= next_sync) {
			next_sync += sync_ms * 1000000;
			if (sync_hello(info) < 0)
				return 3;
		}
		if (now_ns() >= next_async) {
			next_async += async_ms * 1000000;
			async_hello();
		}
		usleep(10000);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_signal};
	const struct shared_info *info;
	const struct rte_memzone *mz;
	int ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	ret = rte_eal_init(argc, argv);
	if (ret < 0) { /* 6: no server: a secondary cannot start */
		printf("[NO SERVER] cannot start: is the server running?\n");
		return 2;
	}
	if (parse(argc - ret, argv + ret) < 0)
		return 1;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	mz = rte_memzone_lookup(MZ_SHARED_INFO);
	if (mz == NULL || rte_mp_action_register(MSG_NEWS, on_news) < 0) {
		printf("[%s] the server is not ready: %s\n", name, rte_strerror(rte_errno));
		rte_eal_cleanup();
		return 1;
	}
	watch_members();
	printf("[%s] ready\n", name);
	if (extras) {
		extra_ping();
		extra_calc();
		extra_notify();
		extra_timeout();
	}
	info = mz->addr;
	ret = hold ? wait_for_ever() : loop(info);
	printf("[%s] end: the server counted %" PRIu64 " sync and %" PRIu64 " async requests\n", name,
	       (uint64_t)info->request_count, (uint64_t)info->async_request_count);
	rte_eal_cleanup();
	return ret;
}
