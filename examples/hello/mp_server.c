/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mp_server.c - the primary: answers hello requests and counts them where every process can see it
 *
 *   mp_server --file-prefix hello -- [--stats-ms N]
 *
 * The actions run one at a time on a thread of the library, the main loop prints and answers the slow requests. SIGINT or
 * SIGTERM ends it, and through force_quit in the shared memzone its clients too.
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define MAX_LATE 16

static volatile sig_atomic_t quit;
static struct shared_info *info;

/* slow requests that wait for their answer: put in by an action, answered by the main loop */
static pthread_mutex_t late_lock = PTHREAD_MUTEX_INITIALIZER;
static struct late {
	uint64_t due_ms; /* 0: free */
	struct slow req;
	char peer[256]; /* a copy: the string that the action gets is valid during the call only */
} late[MAX_LATE];

static void on_signal(int sig)
{
	(void)sig;
	quit = 1;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- the two requests of the exercise ---- */

static int on_hello(const struct rte_mp_msg *msg, const void *peer)
{
	char text[RTE_MP_MAX_PARAM_LEN + 1];
	struct rte_mp_msg reply;

	printf("[SYNC] received: %s\n", text_of(msg, text));
	info->request_count++;
	msg_init(&reply, msg->name); /* a reply carries the request's name */
	msg_text(&reply, "Server SYNC reply: Got '%.200s'", text);
	return rte_mp_reply(&reply, peer);
}

static int on_hello_async(const struct rte_mp_msg *msg, const void *peer)
{
	char text[RTE_MP_MAX_PARAM_LEN + 1];
	struct rte_mp_msg reply;

	printf("[ASYNC] received: %s\n", text_of(msg, text));
	info->async_request_count++;
	msg_init(&reply, msg->name);
	msg_text(&reply, "Server ASYNC reply: Got '%.200s'", text);
	return rte_mp_reply(&reply, peer);
}

/* ---- the extensions ---- */

/* 1: send back what came */
static int on_ping(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply;

	msg_init(&reply, msg->name);
	msg_struct(&reply, msg->param, (size_t)msg->len_param);
	return rte_mp_reply(&reply, peer);
}

/* 2: a struct in, a struct out */
static int on_calc(const struct rte_mp_msg *msg, const void *peer)
{
	struct calc_result res = {.known_op = 1};
	struct rte_mp_msg reply;
	struct calc c;

	if (msg->len_param != sizeof(c))
		return -1; /* not ours: the requester is told at once */
	memcpy(&c, msg->param, sizeof(c));
	switch (c.op) {
	case '+':
		res.value = (int64_t)c.a + c.b;
		break;
	case '-':
		res.value = (int64_t)c.a - c.b;
		break;
	case '*':
		res.value = (int64_t)c.a * c.b;
		break;
	default:
		res.known_op = 0;
	}
	printf("[STRUCT] received: %d %c %d\n", c.a, c.op, c.b);
	msg_init(&reply, msg->name);
	msg_struct(&reply, &res, sizeof(res));
	return rte_mp_reply(&reply, peer);
}

/* 4: one-way in, and on to all clients */
static int on_notify(const struct rte_mp_msg *msg, const void *peer)
{
	char text[RTE_MP_MAX_PARAM_LEN + 1];
	struct rte_mp_msg news;

	(void)peer;
	printf("[NOTIFY] received: %s\n", text_of(msg, text));
	msg_init(&news, MSG_NEWS);
	msg_text(&news, "%.200s", text);
	return rte_mp_sendmsg(&news);
}

/* 5: remember who asked; the main loop answers when it is time */
static int on_slow(const struct rte_mp_msg *msg, const void *peer)
{
	struct slow s;
	int ret = -1;

	if (msg->len_param != sizeof(s))
		return -1;
	memcpy(&s, msg->param, sizeof(s));
	pthread_mutex_lock(&late_lock);
	for (int i = 0; i < MAX_LATE && ret < 0; i++) {
		if (late[i].due_ms != 0)
			continue;
		late[i].due_ms = now_ms() + s.delay_ms;
		late[i].req = s;
		snprintf(late[i].peer, sizeof(late[i].peer), "%s", (const char *)peer);
		printf("[SLOW] request %u: the answer comes in %u ms\n", s.seq, s.delay_ms);
		ret = 0;
	}
	pthread_mutex_unlock(&late_lock);
	return ret; /* negative: no room, the requester is told at once */
}

static void answer_late_ones(void)
{
	struct rte_mp_msg reply;

	pthread_mutex_lock(&late_lock);
	for (int i = 0; i < MAX_LATE; i++) {
		if (late[i].due_ms == 0 || late[i].due_ms > now_ms())
			continue;
		late[i].due_ms = 0;
		msg_init(&reply, MSG_SLOW);
		msg_struct(&reply, &late[i].req, sizeof(late[i].req));
		if (rte_mp_reply(&reply, late[i].peer) == 0)
			printf("[SLOW] request %u: answered\n", late[i].req.seq);
		else
			printf("[SLOW] request %u: nobody waits any more: %s\n", late[i].req.seq,
			       rte_strerror(rte_errno));
	}
	pthread_mutex_unlock(&late_lock);
}

/* 5: take the request and say nothing */
static int on_mute(const struct rte_mp_msg *msg, const void *peer)
{
	(void)msg, (void)peer;
	printf("[MUTE] received, no answer\n");
	return 0;
}

/* ---- start, loop, end ---- */

static const struct {
	const char *name;
	rte_mp_t action;
} actions[] = {
	{MSG_HELLO, on_hello}, {MSG_HELLO_ASYNC, on_hello_async}, {MSG_PING, on_ping},
	{MSG_CALC, on_calc},   {MSG_NOTIFY, on_notify},		  {MSG_SLOW, on_slow},
	{MSG_MUTE, on_mute},
};
#define N_ACTIONS (sizeof(actions) / sizeof(actions[0]))

static int start(void)
{
	const struct rte_memzone *mz;

	mz = rte_memzone_reserve(MZ_SHARED_INFO, sizeof(*info), SOCKET_ID_ANY, 0);
	if (mz == NULL) {
		printf("[Server] no shared memory: %s\n", rte_strerror(rte_errno));
		return -1;
	}
	info = mz->addr;
	memset(info, 0, sizeof(*info)); /* reserve does not clear it */
	for (size_t i = 0; i < N_ACTIONS; i++) {
		if (rte_mp_action_register(actions[i].name, actions[i].action) == 0)
			continue;
		printf("[Server] cannot register %s: %s\n", actions[i].name, rte_strerror(rte_errno));
		return -1;
	}
	return 0;
}

static void loop(uint64_t stats_ms)
{
	uint64_t next = now_ms() + stats_ms, sync_seen = 0, async_seen = 0;

	while (!quit) {
		answer_late_ones();
		if (now_ms() >= next) {
			next += stats_ms;
			if (info->request_count != sync_seen || info->async_request_count != async_seen) {
				sync_seen = info->request_count;
				async_seen = info->async_request_count;
				printf("[Server] handled sync requests: %lu, async requests: %lu\n",
				       (unsigned long)sync_seen, (unsigned long)async_seen);
			}
		}
		usleep(10000);
	}
}

int main(int argc, char **argv)
{
	static const struct option opts[] = {{"stats-ms", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	struct sigaction sa = {.sa_handler = on_signal};
	uint64_t stats_ms = 3000;
	int ret, c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	ret = rte_eal_init(argc, argv);
	if (ret < 0) {
		printf("[Server] cannot start: %s\n", rte_strerror(rte_errno));
		return 1;
	}
	argc -= ret;
	argv += ret;
	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (c != 's')
			return 2;
		stats_ms = strtoull(optarg, NULL, 0);
	}
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	if (start() < 0) {
		rte_eal_cleanup();
		return 1;
	}
	watch_members();
	printf("[Server] ready\n");
	loop(stats_ms);
	info->force_quit = 1;
	for (size_t i = 0; i < N_ACTIONS; i++)
		rte_mp_action_unregister(actions[i].name);
	printf("[Server] end: sync requests: %lu, async requests: %lu\n", (unsigned long)info->request_count,
	       (unsigned long)info->async_request_count);
	rte_eal_cleanup();
	return 0;
}
